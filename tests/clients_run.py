"""Real clients and coding agents finish their tool turn through the gateway, every dialect over every other: a script, one
line a combination. It knows what the clients' smoke scripts print, and nothing of the gateway's code.

The smoke scripts, the scripted upstream and the installer are those of the folder that DRAGOMAN_CLIENTS names
(../shared/clients); the clients themselves are where CLIENTS says (~/.cache/gateway-clients). A client that is not
installed is skipped. DRAGOMAN_LLAMA names a running llama.cpp, over which the SDKs' scripts are run, too. Each
combination has an upstream, a gateway and a scratch folder of its own, on loopback. An agent does what the upstream's
script says, and nothing else ever drives one.
"""

import argparse
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = Path(os.environ.get("DRAGOMAN_CLIENTS") or ROOT.parent / "shared" / "clients").resolve()
INSTALLED = Path(os.environ.get("CLIENTS") or Path.home() / ".cache" / "gateway-clients").resolve()
KEY = "sk-test"  # the smoke scripts' own
STARTING, STOPPING = 20.0, 5.0  # seconds


# -- who talks to whom ------------------------------------------------------------------


@dataclass(frozen=True)
class Client:
    """`script` of the shared folder, run by `run`, against a model of the name `model`: the name decides what an agent
    sends, so some stand here more than once."""

    name: str
    script: str
    needs: str  # below INSTALLED, without which there is no such client
    run: tuple[str, ...] = ()
    model: str = "house"
    calls: str = ""  # the script: the tools to call when so many results are there; "" for the upstream's own choice
    env: dict[str, str] = field(default_factory=dict)
    server: str = ""  # more of the gateway's settings under [server]
    socket: bool | None = None  # whether it asks for a WebSocket, and gets it


@dataclass(frozen=True)
class Upstream:
    """One dialect of the scripted upstream: the gateway's provider for it, and the paths it may be spoken to on."""

    name: str
    provider: str
    path: str
    targets: tuple[str, ...]
    paths: str
    signs: str = ""  # what its thoughts are signed with, which agents bring back
    flags: tuple[str, ...] = ()  # how the scripted upstream is to behave; such are for agents only
    real: str = ""  # the address of a server that is no script; such are for SDKs only, for it calls tools at random


CLAUDE = ("claude_code.sh", "node-claude-code/node_modules/.bin/claude", ("bash",))
CODEX = ("codex.sh", "node-codex/node_modules/.bin/codex", ("bash",))
GEMINI_CLI = ("gemini_cli.sh", "node-gemini-cli/node_modules/.bin/gemini", ("bash",))
NODE = {"SDK_DIR": str(INSTALLED / "node-sdk")}
NODE_SDKS = {"openai": "openai", "anthropic": "@anthropic-ai/sdk", "genai": "@google/genai"}
MAJORS = {"": "py-sdk", " old2": "py-sdk-old2", " old1": "py-sdk-old1"}

CLIENTS = [
    Client("claude-code", *CLAUDE),  # adaptive thinking, effort, a system message among the others
    Client("claude-code sonnet", *CLAUDE, model="claude-sonnet-4-5"),  # a budget of thinking
    Client("codex", *CODEX),  # plain functions and a namespace
    Client("codex gpt-5.5", *CODEX, model="gpt-5.5"),  # custom tools with a grammar, tool search
    Client("codex lite", *CODEX, model="gpt-6.1-sol"),  # tools among the input's items
    Client("codex websocket", *CODEX, env={"WS": "1"}, socket=True),  # one socket holds the conversation
    Client("codex refused", *CODEX, env={"WS": "1"}, server="websocket = false", socket=False),  # by 426: it posts
    Client("gemini-cli", *GEMINI_CLI, model="gemini-2.5-flash"),
    Client("gemini-cli 3.1", *GEMINI_CLI, model="gemini-3.1-pro-preview"),  # a level of thinking
    # Two calls at once, of two tools or of one, then another: their results find their calls, with ids or without.
    Client("claude-code turns", *CLAUDE, calls="Write+Bash,,Read"),
    Client("codex turns", *CODEX, calls="exec_command+exec_command,,exec_command"),
    Client("gemini-cli turns", *GEMINI_CLI, model="gemini-2.5-flash", calls="write_file+run_shell_command,,read_file"),
    *(
        Client(f"js {sdk}", f"js_{sdk}.mjs", f"node-sdk/node_modules/{package}", ("node",), env=NODE)
        for sdk, package in NODE_SDKS.items()
    ),
    *(
        Client(f"py {sdk}{age}", f"py_{sdk}.py", f"{venv}/bin/python", (str(INSTALLED / venv / "bin/python"), "-B"))
        for age, venv in MAJORS.items()
        for sdk in ("openai", "anthropic", "genai")
    ),
]

# Of several targets each request goes to the first that can do what is asked: the scripts know one model name only.
OPENAI = ("gpt-5", "text-embedding-3-small", "gpt-image-1", "gpt-4o-mini-tts")
GEMINI = ("gemini-2.5-flash", "gemini-embedding-001", "imagen-4.0-generate-001", "gemini-2.5-flash-preview-tts")
OTHERS = "|/v1/(embeddings|images/generations|audio/speech)"

SIGNED = b64encode(b"scripted-fake-signature-0123456789abcdef" * 2).decode()

CHAT = Upstream("chat", 'kind = "openai"\napi = "chat"', "/v1", OPENAI, "/v1/chat/completions" + OTHERS)
GOOGLE = Upstream("gemini", 'kind = "gemini"', "", GEMINI, r"/v1(beta)?/models/[^/]+:\w+", SIGNED)

UPSTREAMS = [
    CHAT,
    Upstream(
        "responses",
        'kind = "openai"\napi = "responses"',
        "/v1",
        OPENAI,
        "/v1/responses(/input_tokens)?" + OTHERS,
        "gAAAAABscriptedfakeencrypted",
    ),
    Upstream("anthropic", 'kind = "anthropic"', "", ("claude-sonnet-4-5",), "/v1/messages(/count_tokens)?", SIGNED),
    GOOGLE,
    replace(CHAT, name="chat, noisy", flags=("--comment", "--crlf")),
    replace(GOOGLE, name="gemini, bare", flags=("--no-gemini-call-ids", "--crlf")),
]


LLAMA = Upstream(
    "llama.cpp", 'kind = "llamacpp"', "/v1", ("tiny-markov",), "", real=os.environ.get("DRAGOMAN_LLAMA", "")
)
BY_CHANCE = "AssertionError|assert$|IndexError|TypeError|JSON|does not match the expected|length limit was reached"
UNABLE = "image input is not supported|does not support embeddings|404.*File Not Found|in text only, not in"
"""Why a check may fail over a real server of a tiny model: what was said, which is nothing, or what it cannot do."""
ENDLESS = ("py anthropic old1",)
"""Whose tool runner asks again for as long as a model calls tools, which one that speaks at random may do for ever."""


@dataclass(frozen=True)
class Unanswered:
    """Checks that must fail, and with these words: one that is answered after all, or fails otherwise, is a fault."""

    clients: tuple[str, ...]  # the beginnings of their names
    checks: str
    upstreams: str
    words: str
    why: str

    def has(self, client: Client, check: str, upstream: Upstream) -> bool:
        there = check in self.checks.split() and upstream.name in self.upstreams.split()
        return there and client.name.startswith(self.clients)


OPENAI_SDKS, GENAI_SDKS = ("py openai", "js openai"), ("py genai", "js genai")

UNANSWERED = [
    Unanswered(
        OPENAI_SDKS,
        "embeddings embeddings_float images speech",
        "anthropic",
        "400.* does not serve ",
        "Anthropic has none of these",
    ),
    Unanswered(GENAI_SDKS, "embed", "anthropic", "400.* does not serve ", "Anthropic has no embeddings"),
    Unanswered(("py genai old1",), "imagen", "anthropic", "400.* does not serve ", "later ones do not ask"),
    Unanswered(GENAI_SDKS, "tts", "chat responses anthropic", "400.* in text only", "the models asked have no sound"),
    Unanswered(
        ("py genai",), "image_out", "chat responses anthropic", "AssertionError", "text or image, asked of text only"
    ),
    Unanswered(
        ("py openai",),
        "chat_json_object",
        "responses anthropic",
        "JSONDecodeError",
        "the scripted upstream writes JSON there to a schema only",
    ),
]


# -- processes ---------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**more: str) -> dict[str, str]:
    """A clean one: no vendor's key and no proxy of whoever runs this reaches the gateway or a client."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    return {**kept, "CLIENTS": str(INSTALLED), "NO_PROXY": "127.0.0.1,localhost", **more}


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process that was started here, and what it left in its own group."""
    for word in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, word)
        except ProcessLookupError:
            break
        try:
            process.wait(STOPPING)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


@contextmanager
def served(command: list[str], port: int, log: Path, env: dict[str, str]) -> Iterator[None]:
    """A server on a port of loopback, until the block is left."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd=log.parent, start_new_session=True
        )
    try:
        until = time.monotonic() + STARTING
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"{command[1:4]} did not start: {log.read_text()[-800:]}") from None
                time.sleep(0.05)
        yield
    finally:
        end(process)


def run(command: list[str], log: Path, env: dict[str, str], seconds: float) -> int | None:
    """The exit status of a client; None where it took too long."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd=log.parent, start_new_session=True
        )
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        end(process)


# -- one combination ---------------------------------------------------------------------


def settings(client: Client, upstream: Upstream, port: int, behind: int) -> str:
    targets = ", ".join(f'"up/{model}"' for model in upstream.targets)
    names = (client.model, "imagen-4.0-generate-001")  # the one that py_genai.py has of its own
    return (
        f'[server]\nport = {port}\napi_keys = ["{KEY}"]\n{client.server}\n\n[providers.up]\n{upstream.provider}\n'
        f'base_url = "{upstream.real or f"http://127.0.0.1:{behind}"}{upstream.path}"\nkeys = ["sk-upstream"]\n\n'
        + "".join(f'[models."{name}"]\ntargets = [{targets}]\n\n' for name in names)
    )


def checks(output: str) -> dict[str, str]:
    """What an SDK script says of each of its checks; agents' scripts say nothing of the kind."""
    found = re.search(r"^\{\n.*?^\}$", output, re.M | re.S)
    return json.loads(found[0]) if found else {}


def exchanges(folder: Path) -> list[dict]:
    log = folder / "seen" / "client" / "log.jsonl"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def judged(client: Client, upstream: Upstream, folder: Path, status: int | None) -> list[str]:
    """What is wrong with a run that is over."""
    output = (folder / "client.log").read_text(errors="replace")
    said = checks(output)
    if upstream.real:
        failed = {name: outcome for name, outcome in said.items() if outcome.startswith("FAIL")}
        faults = [f"{name}: {why}" for name, why in failed.items() if not re.search(f"{BY_CHANCE}|{UNABLE}", why, re.S)]
        return faults if len(failed) < len(said) else [*faults, "no check was answered"]
    faults = []
    for name, outcome in said.items():
        expected = next((one for one in UNANSWERED if one.has(client, name, upstream)), None)
        failed = outcome.startswith("FAIL")
        if failed and not (expected and re.search(expected.words, outcome, re.S)):
            faults.append(f"{name}: {outcome}")
        elif expected and not failed:
            faults.append(f"{name}: answered, though UNANSWERED has it: {expected.why}")
    if status is None:
        faults.append("took too long")
    elif status != 0 and not any(outcome.startswith("FAIL") for outcome in said.values()):
        faults.append(f"exit status {status}: {output[-1200:]}")
    if client.script.endswith((".py", ".mjs")) and not said:
        faults.append("no check was reported")
    seen = [entry for entry in exchanges(folder) if entry["method"] == "POST"][1:]  # the first is answered_by's
    foreign = sorted({entry["path"] for entry in seen if not re.fullmatch(upstream.paths, entry["path"])})
    if foreign:
        faults.append(f"the upstream was spoken to on {foreign}")
    scripted = [entry["script"] for entry in seen if "script" in entry]
    if client.calls and scripted != [*(turn.split("+") for turn in client.calls.split(",") if turn), "final"]:
        faults.append(f"the turns were {scripted}, not those of {client.calls}")
    if "final" not in scripted or not any(script != "final" for script in scripted):
        faults.append(f"no tool turn reached the upstream: {scripted}")
    return faults + (noted(client, upstream, folder, len(scripted)) if client.script.endswith(".sh") else [])


# -- what an agent keeps of a conversation --------------------------------------------------

NOTES = (".claude/projects/*/*.jsonl", ".codex/sessions/*/*/*/*.jsonl", ".gemini/tmp/*/chats/*.jsonl")
USAGE = (120, 34)  # what the scripted upstream counts for each answer, thoughts among it
THOUGHT = "The user wants"
NO_SOCKET = "failed to connect to Responses WebSocket"


def noted(client: Client, upstream: Upstream, folder: Path, answers: int) -> list[str]:
    """What is wrong with an agent's own notes, its output, and the last request that came of them."""
    notes = [line for pattern in NOTES for file in folder.glob(f"smoke.*/home/{pattern}") for line in file.open()]
    faults = []
    if (counted := usages(notes)) != [USAGE] * answers:
        faults.append(f"it noted the usage {counted}, of {answers} answers with {USAGE}")
    if THOUGHT not in "".join(notes):
        faults.append("it was not told what the model thought")
    last = max((folder / "seen" / "client").glob("*.json"), key=lambda file: int(file.stem))
    if upstream.signs not in last.read_text():
        faults.append("what the upstream signed did not come back")
    output = "".join(file.read_text(errors="replace") for file in folder.glob("smoke.*/out.txt"))
    if client.socket is not None and client.socket == (NO_SOCKET in output):
        faults.append("no WebSocket was opened" if client.socket else "a WebSocket was opened, though switched off")
    return faults


def usages(notes: list[str]) -> list[tuple[int, int]]:
    """Prompt and answer of each turn in tokens, as Claude Code, Codex or Gemini CLI notes them."""
    turns: dict[str, tuple[int, int]] = {}
    for number, line in enumerate(notes):
        match json.loads(line):
            case {"message": {"id": id, "usage": {"input_tokens": asked, "output_tokens": answered}}}:
                turns[id] = asked, answered
            case {"payload": {"info": {"last_token_usage": {"input_tokens": asked, "output_tokens": answered}}}}:
                turns[str(number)] = asked, answered
            case {"id": id, "tokens": {"input": asked, "output": answered, "thoughts": thoughts}}:
                turns[id] = asked, answered + thoughts
    return list(turns.values())


def combine(client: Client, upstream: Upstream, folder: Path, seconds: float) -> list[str]:
    """Runs one client over one upstream through a gateway of its own: what was wrong."""
    if upstream.real and client.script.endswith(".sh"):
        return ["not run: an agent does only what a script says"]
    folder.mkdir(parents=True)
    port, behind = free_port(), free_port()
    (folder / "dragoman.toml").write_text(settings(client, upstream, port, behind))
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "TMPDIR": str(folder)}
    plain = environment(**home)
    speaking = [sys.executable, str(SCRIPTS / "upstream.py"), "--port", str(behind), "--client", "client"]
    speaking += ["--out", str(folder / "seen"), "--workdir", str(folder)]
    speaking += ["--readfile", "hello.txt", "--script", client.calls, *upstream.flags]
    serving = [sys.executable, "-m", "dragoman", "serve", "--config", str(folder / "dragoman.toml")]
    command = [*client.run, str(SCRIPTS / client.script), f"http://127.0.0.1:{port}", client.model]
    with ExitStack() as stack:
        if not upstream.real:
            stack.enter_context(served(speaking, behind, folder / "upstream.log", plain))
        stack.enter_context(served(serving, port, folder / "gateway.log", plain | {"PYTHONPATH": str(ROOT / "src")}))
        if (provider := answered_by(port, client.model)) != "up":
            return [f"not run: {provider} answers in the place of the scripted upstream"]
        environ = plain | {"KEY": KEY, "SMOKE_TIMEOUT": str(int(seconds)), "KEEP": "1", **client.env}
        status = run(command, folder / "client.log", environ, seconds + 10)
        return judged(client, upstream, folder, status) + upright(port)


def answered_by(port: int, model: str) -> str | None:
    """The provider behind the gateway. With none on it is the sandbox, whose choice of tools no agent may be given."""
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=STARTING)
    try:
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Who is there?"}]})
        headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
        asking.request("POST", "/v1/chat/completions", body, headers)
        answer = asking.getresponse()
        return answer.headers["x-dragoman-provider"] if answer.status == 200 else f"an error {answer.status}"
    finally:
        asking.close()


def upright(port: int) -> list[str]:
    """A gateway that fell is a fault, whatever the client made of it."""
    try:
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        asked.request("GET", "/v1/models", headers={"authorization": f"Bearer {KEY}"})
        status = asked.getresponse().status
    except (OSError, http.client.HTTPException) as fault:
        return [f"the gateway does not answer any more: {fault!r}"]
    finally:
        asked.close()
    return [] if status == 200 else [f"the gateway answers {status} on /v1/models"]


# -- all of them ---------------------------------------------------------------------------


def reported(client: Client, upstream: Upstream, folder: Path, seconds: float) -> bool:
    """Runs one combination and prints its line."""
    began = time.monotonic()
    try:
        faults = combine(client, upstream, folder, seconds)
    except Exception as fault:
        faults = [f"{type(fault).__name__}: {fault}"]
    word = "FAIL" if faults else "ok  "
    line = f"{word} {client.name:<18} over {upstream.name:<12} {time.monotonic() - began:5.1f} s"
    said = checks((folder / "client.log").read_text(errors="replace")) if (folder / "client.log").exists() else {}
    if said:
        count = sum(outcome.startswith("ok") for outcome in said.values())
        line += f"  {count} of {len(said)} checks answered"
    for fault in faults:
        line += "\n     " + fault.replace("\n", "\n     ")
    print(line, flush=True)
    return not faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help='combinations whose line has all these words: "codex" "over gemini"')
    parser.add_argument(
        "--keep", metavar="FOLDER", type=Path, help="keep settings, logs and what the upstream saw here"
    )
    parser.add_argument("--jobs", type=int, default=2, help="combinations at a time")
    parser.add_argument("--seconds", type=float, default=60, help="a client may take so long")
    args = parser.parse_args()
    if not (SCRIPTS / "upstream.py").is_file():
        print(f"no clients' scripts in {SCRIPTS}: name their folder in DRAGOMAN_CLIENTS", file=sys.stderr)
        return 1
    chosen = [
        (client, upstream)
        for client in CLIENTS
        for upstream in [*UPSTREAMS, *([LLAMA] if LLAMA.real else [])]
        if not (upstream.real if client.script.endswith(".sh") else upstream.flags)
        if not (upstream.real and client.name in ENDLESS)
        if all(word in f"{client.name} over {upstream.name}" for word in args.only)
    ]
    absent = {client.name: client.needs for client, _ in chosen if not (INSTALLED / client.needs).exists()}
    for name, needs in absent.items():
        print(f"skip {name:<18} no {INSTALLED / needs}: {SCRIPTS / 'install.sh'} installs it")
    running = [(client, upstream) for client, upstream in chosen if client.name not in absent]
    with ExitStack() as stack:
        base = args.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dragoman-clients-")))
        pool = stack.enter_context(ThreadPoolExecutor(args.jobs))
        passed = list(
            pool.map(
                lambda pair: reported(
                    *pair,
                    base.resolve() / f"{pair[0].name}-{pair[1].name}".replace(", ", "-").replace(" ", "-"),
                    args.seconds,
                ),
                running,
            )
        )
    skipped = f", {len(chosen) - len(running)} skipped" if absent else ""
    print(f"{sum(passed)} passed, {len(passed) - sum(passed)} failed{skipped}")
    return 0 if passed and all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
