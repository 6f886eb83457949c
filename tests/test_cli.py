"""The command line: what is typed, what is told, and with which exit code it ends."""

import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

import dragoman
from dragoman import cli
from dragoman.config import load
from dragoman.providers.catalog import providers_on
from dragoman.providers.models import Models

SOURCE = Path(dragoman.__file__).resolve().parent.parent
KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder to stand in, and no variable that means something."""
    for name in list(os.environ):
        if name.startswith(("DRAGOMAN_", "XDG_")) or name.endswith(("_API_KEY", "_BASE_URL", "_TOKEN")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """What the service was started with; it announces itself and ends at once."""
    calls: list[tuple] = []

    def run(settings, providers, models, data_dir, announce) -> None:
        calls.append((settings, providers, models))
        announce(f"http://{settings.server.host}:{settings.server.port}")

    module = ModuleType("dragoman.service.serve")
    module.run = run
    monkeypatch.setitem(sys.modules, "dragoman.service.serve", module)
    return calls


def typed(line: str) -> int:
    try:
        return cli.main(shlex.split(line))
    except SystemExit as end:  # argparse
        return int(end.code or 0)


# -- what is typed ---------------------------------------------------------------------


def test_the_version_is_told_at_once() -> None:
    env = {**os.environ, "PYTHONPATH": str(SOURCE)}
    line = [sys.executable, "-X", "importtime", "-m", "dragoman", "--version"]
    best = 9.0
    for _ in range(5):
        begun = time.perf_counter()
        done = subprocess.run(line, env=env, capture_output=True, text=True, check=True)
        best = min(best, time.perf_counter() - begun)
    assert done.stdout == f"dragoman {dragoman.__version__}\n"
    imported = set(re.findall(r"\|\s+([\w.]+)$", done.stderr, re.M))
    assert "dragoman.cli" in imported
    assert not imported & {"msgspec", "uvicorn", "aiohttp", "asyncio", "tomllib", "dragoman.config", "dragoman.core.ir"}
    assert best < 0.15


def test_nothing_typed_tells_how(capsys) -> None:
    assert typed("") == 2
    assert "COMMAND" in capsys.readouterr().err
    assert typed("--help") == 0
    told = capsys.readouterr().out
    assert all(command in told for command in ("serve", "check", "translate"))


@pytest.mark.parametrize("command", ["serve", "check", "translate"])
def test_each_command_has_help(capsys, command: str) -> None:
    assert typed(f"{command} --help") == 0
    assert command in capsys.readouterr().out


def test_every_flag_of_serve_has_its_variable() -> None:
    from dragoman.config import VARIABLES

    told = {f"DRAGOMAN_{name.upper()}" for name in cli.FLAGS}
    assert told <= set(VARIABLES)
    serve = next(action for action in cli.parser()._actions if action.dest == "command").choices["serve"]
    dests = {action.dest for action in serve._actions} - {"help", "config", "data_dir"}
    assert dests == set(cli.FLAGS)


# -- where things are --------------------------------------------------------------------


def test_the_settings_are_looked_for(clean: Path) -> None:
    assert cli.config_file(None, {}) is None
    own = clean / "xdg" / "dragoman" / "config.toml"
    own.parent.mkdir(parents=True)
    own.write_text("")
    environ = {"XDG_CONFIG_HOME": str(clean / "xdg")}
    assert cli.config_file(None, environ) == own
    Path("dragoman.toml").write_text("")
    assert cli.config_file(None, environ) == Path("dragoman.toml")
    assert cli.config_file(None, environ | {"DRAGOMAN_CONFIG": "~/x.toml"}) == Path("~/x.toml").expanduser()
    assert cli.config_file(Path("y.toml"), environ | {"DRAGOMAN_CONFIG": "x.toml"}) == Path("y.toml")
    home = clean / "home" / ".config" / "dragoman"
    home.mkdir(parents=True)
    Path("dragoman.toml").unlink()
    (home / "config.toml").write_text("")
    assert cli.config_file(None, {"HOME": str(clean / "home"), "XDG_CONFIG_HOME": "relative"}) == home / "config.toml"


def test_the_data_is_kept_in_the_users_own_folder(clean: Path) -> None:
    assert cli.data_dir(None, {"HOME": "/h"}) == Path("/h/.local/share/dragoman")
    assert cli.data_dir(None, {"HOME": "/h", "XDG_DATA_HOME": "/d"}) == Path("/d/dragoman")
    assert cli.data_dir(None, {"DRAGOMAN_DATA_DIR": "/e"}) == Path("/e")
    assert cli.data_dir(Path("f"), {"DRAGOMAN_DATA_DIR": "/e"}) == Path("f")
    assert list(clean.iterdir()) == [], "nothing is made by asking"


def test_a_data_folder_that_is_a_file(clean: Path, started: list[tuple], capsys) -> None:
    (clean / "file").write_text("")
    assert typed("serve --data-dir file") == 2
    assert capsys.readouterr().err == "dragoman: file: not a directory\n"
    assert started == []


# -- serve -----------------------------------------------------------------------------------


def test_serve_starts_the_service_with_what_was_set(started: list[tuple], monkeypatch, capsys) -> None:
    Path("dragoman.toml").write_text('[server]\nport = 1111\nhost = "::1"\n[models.fast]\ntargets = ["openai/gpt-4o"]')
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("DRAGOMAN_PORT", "2222")
    assert typed("serve --port 3333") == 0
    [(settings, providers, models)] = started
    assert (settings.server.port, settings.server.host) == (3333, "::1")
    assert [provider.name for provider in providers] == ["openai"]
    assert models.find("fast")[0].model == "gpt-4o"
    told = capsys.readouterr().out
    assert KEY not in told
    assert "openai: OPENAI_API_KEY is set" in told


def test_serve_takes_the_flags_of_the_seed(started: list[tuple], capsys) -> None:
    """000-15"""
    line = (
        f"serve --api-key k1 --api-key k2,k3 --model-provider claude --openai-api-key {KEY} "
        "--openai-base-url http://o.example --claude-api-key c --claude-base-url http://c.example/v1"
    )
    assert typed(line) == 0
    [(settings, providers, models)] = started
    assert settings.server.api_keys == ("k1", "k2", "k3")
    assert {provider.name: (provider.base_url, provider.keys) for provider in providers} == {
        "anthropic": ("http://c.example", ("c",)),
        "openai": ("http://o.example/v1", (KEY,)),
    }
    assert models.find("some-other-model")[0].provider.name == "anthropic"
    told = capsys.readouterr()
    assert KEY not in told.out + told.err
    assert "one of 3 keys" in told.out


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.9", "gateway.example"])
def test_without_a_key_only_this_machine_is_served(started: list[tuple], capsys, host: str) -> None:
    assert typed(f"serve --host {host}") == 2
    assert started == []
    told = capsys.readouterr().err
    assert "no key is set" in told
    assert "DRAGOMAN_API_KEYS" in told
    assert typed(f"serve --host {host} --api-key k") == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_this_machine_needs_none(started: list[tuple], host: str) -> None:
    assert typed(f"serve --host {host}") == 0


def test_bad_settings_are_told_and_nothing_starts(started: list[tuple], capsys) -> None:
    Path("dragoman.toml").write_text("[server]\nprot = 1\nhost = 3\n")
    assert typed("serve") == 2
    assert capsys.readouterr().err == (
        'dragoman: dragoman.toml:2: server.prot: unknown, did you mean "port"?\n'
        "dragoman: dragoman.toml:3: server.host: expected a string, got a whole number\n"
    )
    assert typed("serve --config none.toml") == 2
    assert "none.toml: No such file or directory" in capsys.readouterr().err
    assert started == []


def test_a_port_that_is_taken(monkeypatch, capsys) -> None:
    module = ModuleType("dragoman.service.serve")

    def run(*_: object) -> None:
        raise OSError(98, "Address already in use")

    module.run = run
    monkeypatch.setitem(sys.modules, "dragoman.service.serve", module)
    assert typed("serve") == 1
    assert capsys.readouterr().err == "dragoman: cannot listen on 127.0.0.1:3000: Address already in use\n"


def test_to_stop_when_told_is_no_failure(monkeypatch) -> None:
    module = ModuleType("dragoman.service.serve")
    module.run = lambda *_: signal.raise_signal(signal.SIGTERM)
    monkeypatch.setitem(sys.modules, "dragoman.service.serve", module)
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert typed("serve") == 0
        module.run = lambda *_: signal.raise_signal(signal.SIGINT)
        assert typed("serve") == 130
    finally:
        signal.signal(signal.SIGTERM, before)


def shown(environ: dict[str, str], url: str = "http://127.0.0.1:3000", text: str = "") -> str:
    Path("shown.toml").write_text(text)
    settings = load(Path("shown.toml"), environ, {})
    providers = providers_on(settings, environ)
    return cli.banner(url, settings, providers, Models(settings, providers))


def test_the_banner_of_the_sandbox() -> None:
    assert shown({}) == "\n".join(
        [
            f"Dragoman {dragoman.__version__} on http://127.0.0.1:3000",
            "",
            "  sandbox: no other provider is on",
            "",
            "No key is set: only this machine is served.",
            "",
            "curl http://127.0.0.1:3000/v1/chat/completions -H 'Content-Type: application/json' "
            '-d \'{"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "Hello!"}]}\'',
            "curl http://127.0.0.1:3000/v1/messages -H 'Content-Type: application/json' "
            '-d \'{"model": "gemini-2.5-flash", "max_tokens": 256, "messages": [{"role": "user", "content": "Hello!"}]}\'',
            "curl http://127.0.0.1:3000/v1beta/models/gemini-2.5-flash:generateContent -H 'Content-Type: application/json' "
            '-d \'{"contents": [{"parts": [{"text": "Hello!"}]}]}\'',
        ]
    )


def test_the_banner_where_a_key_is_needed() -> None:
    text = shown({"ANTHROPIC_API_KEY": KEY, "DRAGOMAN_API_KEYS": KEY}, "http://0.0.0.0:7860")
    assert KEY not in text
    assert "0.0.0.0" not in text, "no address to paste"
    assert "  anthropic: ANTHROPIC_API_KEY is set" in text
    assert "Callers need the key; below it is $DRAGOMAN_API_KEY." in text
    curls = [line for line in text.splitlines() if line.startswith("curl ")]
    assert len(curls) == 3
    assert all('-H "Authorization: Bearer $DRAGOMAN_API_KEY"' in line for line in curls)
    assert all("http://localhost:7860/" in line for line in curls)
    assert "claude-haiku-4-5" in curls[0]


def test_any_models_name_can_be_pasted() -> None:
    name = 'it\'s/a "model" $(x)?#é:1'
    for line in cli.curls("http://[::1]:3000", name, with_key=False):
        words = shlex.split(line)
        assert words[0] == "curl"
        assert words[2] == "-H"
        body = json.loads(words[5])
        assert body.get("model", name) == name
        assert re.fullmatch(r"http://\[::1\]:3000/[\w/.:%@-]+", words[1])


# -- check ---------------------------------------------------------------------------------------


def test_check_tells_what_would_be_on(monkeypatch, capsys) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY},{KEY}2")
    Path("dragoman.toml").write_text(
        '[providers.house]\nkind = "openai-compatible"\nbase_url = "http://box:1"\n'
        '[models.fast]\ntargets = ["groq/llama-3.3-70b-versatile", "openai/gpt-4o@20240806"]\n'
        '[models.gone]\ntargets = ["groq/llama-3.3-70b-versatile"]\n[models."h-*"]\ntargets = ["house/*"]\n'
    )
    assert typed("check") == 0
    told = capsys.readouterr()
    assert KEY not in told.out
    assert told.out.splitlines() == [
        "settings: dragoman.toml",
        "provider house: openai.chat http://box:1/v1 (config)",
        "provider openai: openai.chat https://api.openai.com/v1 (OPENAI_API_KEY is set, 2 keys)",
        "model fast: groq/llama-3.3-70b-versatile -> nothing",
        "  warning: nothing that is on serves groq/llama-3.3-70b-versatile",
        "model fast: openai/gpt-4o@20240806 -> openai/gpt-4o-2024-08-06",
        "model gone: groq/llama-3.3-70b-versatile -> nothing",
        "  warning: nothing that is on serves groq/llama-3.3-70b-versatile",
        "  warning: gone cannot be asked for",
        "model h-*: house/* -> house/*",
        "default model: gpt-4o-mini",
    ]


def test_check_without_settings(capsys) -> None:
    assert typed("check") == 0
    assert capsys.readouterr().out.splitlines() == [
        "settings: no file",
        "provider sandbox: sandbox (no other provider is on)",
        "default model: gemini-2.5-flash",
    ]


def test_check_tells_what_is_wrong(capsys) -> None:
    Path("x.toml").write_text("[providers.openai]\n[sever]\n")
    assert typed("check --config x.toml") == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == 'x.toml:2: sever: unknown, did you mean "server"?\n'
    Path("x.toml").write_text("[providers.openai]\n")
    assert typed("check --config x.toml") == 1
    assert capsys.readouterr().err == "x.toml:1: providers.openai: no key: set keys or the variable OPENAI_API_KEY\n"


def test_a_reader_that_leaves_early() -> None:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE), "HOME": "/nonexistent"}
    line = f"{shlex.quote(sys.executable)} -m dragoman check | true"
    done = subprocess.run(["sh", "-c", line], env=env, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


# -- translate ---------------------------------------------------------------------------------------


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch):
    def give(body: object) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))

    return give


ASKED = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 100,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "messages": [{"role": "user", "content": "Hello!"}],
}


def test_a_request_is_translated_and_its_losses_told(given, capsys) -> None:
    given(ASKED)
    assert typed("translate --from anthropic --to gemini") == 0
    told = capsys.readouterr()
    wire = json.loads(told.out)
    assert wire["contents"][0]["parts"][0]["text"] == "Hello!"
    assert wire["systemInstruction"]["parts"][0]["text"] == "Be brief."
    assert told.out.startswith("{\n"), "for people"
    assert re.search(r"^lost messages\[0\]\.parts\[0\]\.cache: .+", told.err, re.M)


def test_the_models_quirks_are_minded(given, capsys) -> None:
    given(ASKED)
    assert typed("translate --from anthropic --to openai --model gpt-5") == 0
    wire = json.loads(capsys.readouterr().out)
    assert wire["model"] == "gpt-5"
    assert wire["max_completion_tokens"] == 100


@pytest.mark.parametrize("word", ["openai", "openai.chat"])
def test_an_answer_is_translated(given, capsys, word: str) -> None:
    given(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-4o",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
        }
    )
    assert typed(f"translate --from {word} --to anthropic --response") == 0
    wire = json.loads(capsys.readouterr().out)
    assert (wire["type"], wire["content"][0]["text"], wire["stop_reason"]) == ("message", "Hi", "end_turn")
    assert wire["model"] == "gpt-4o"
    assert wire["usage"]["input_tokens"] == 3


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "stdin: not JSON"),
        (b"{", "stdin: not JSON"),
        (b"\xff", "stdin: not JSON"),
        (b"[" * 100_000, "stdin: not JSON"),
        (b"[]", "stdin: expected a JSON object"),
        ({"model": "m", "max_tokens": 1, "messages": 3}, "messages: "),
    ],
)
def test_what_cannot_be_translated(given, capsys, body: object, said: str) -> None:
    given(body)
    assert typed("translate --from anthropic --to gemini") == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"dragoman: {said}")
    assert "Traceback" not in told.err


def test_an_unknown_dialect(given, capsys) -> None:
    given({})
    assert typed("translate --from latin --to gemini") == 2
    assert capsys.readouterr().err.startswith('dragoman: there is no dialect "latin"; there are openai, ')
