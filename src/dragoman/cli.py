"""The command line: serve, check, translate. It imports what a command needs when that command runs.

It knows what people type and read, and none of what happens to a request.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dragoman import __version__

if TYPE_CHECKING:  # nothing heavy is imported for --version and --help
    from dragoman.config import Settings
    from dragoman.core.codec import Codec, Context, Wire
    from dragoman.providers.catalog import Provider
    from dragoman.providers.models import Models

FAILED, REFUSED = 1, 2  # exit codes: what was asked went wrong; it was not begun
SHORT = {"openai": "openai.chat"}


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="dragoman", description="An LLM gateway: any model, in the dialect you speak.")
    top.add_argument("--version", action="version", version=f"dragoman {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="answer requests until stopped")
    serve.add_argument("--host", help="address to listen on (127.0.0.1)")
    serve.add_argument("--port", type=int, help="port to listen on (3000)")
    _with_config(serve)
    serve.add_argument("--api-key", action="append", metavar="KEY", help="a key that callers may use; may be repeated")
    serve.add_argument("--model-provider", metavar="NAME", help="the provider of models that no other one claims")
    for vendor, flag in (("OpenAI", "openai"), ("Anthropic", "claude")):
        serve.add_argument(f"--{flag}-api-key", metavar="KEY", help=f"the key for {vendor}")
        serve.add_argument(f"--{flag}-base-url", metavar="URL", help=f"where {vendor}'s API is")
    serve.add_argument("--data-dir", type=Path, metavar="DIR", help="where the gateway keeps what it has to remember")

    check = commands.add_parser("check", help="read the settings and tell what would be on")
    _with_config(check)

    translate = commands.add_parser("translate", help="translate one JSON request from stdin to stdout, offline")
    translate.add_argument("--from", dest="source", required=True, metavar="DIALECT")
    translate.add_argument("--to", dest="target", required=True, metavar="DIALECT")
    translate.add_argument("--model", help="the model to translate for; else the request's own")
    translate.add_argument("--response", action="store_true", help="translate an answer, not a request")
    return top


def _with_config(command: argparse.ArgumentParser) -> None:
    command.add_argument("--config", type=Path, metavar="FILE", help="settings (./dragoman.toml, if it is there)")


def main(argv: list[str] | None = None) -> int:
    said = parser().parse_args(argv)
    command: Callable[[argparse.Namespace, Mapping[str, str]], int] = COMMANDS[said.command]
    try:
        return command(said, os.environ)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `dragoman check | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def complain(text: str) -> None:
    for line in text.splitlines():
        print(f"dragoman: {line}", file=sys.stderr)


# -- where things are ------------------------------------------------------------


def config_file(said: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The flag, DRAGOMAN_CONFIG, ./dragoman.toml, then the user's own; None: there is none."""
    if said is not None:
        return said
    if value := environ.get("DRAGOMAN_CONFIG"):
        return Path(value).expanduser()
    home = _home(environ, "XDG_CONFIG_HOME", ".config")
    return next((file for file in (Path("dragoman.toml"), home / "config.toml") if file.is_file()), None)


def data_dir(said: Path | None, environ: Mapping[str, str]) -> Path:
    """The flag, DRAGOMAN_DATA_DIR, then the user's own. Nothing is created here."""
    if said is not None:
        return said
    if value := environ.get("DRAGOMAN_DATA_DIR"):
        return Path(value).expanduser()
    return _home(environ, "XDG_DATA_HOME", ".local/share")


def _home(environ: Mapping[str, str], variable: str, default: str) -> Path:
    base = environ.get(variable, "")
    root = Path(base) if base.startswith("/") else Path(environ.get("HOME", "/")) / default  # relative: to be ignored
    return root / "dragoman"


# -- serve -----------------------------------------------------------------------


def serve(said: argparse.Namespace, environ: Mapping[str, str]) -> int:
    import signal

    from dragoman.config import ConfigError, load
    from dragoman.providers.catalog import providers_on
    from dragoman.providers.models import Models
    from dragoman.service.auth import is_loopback

    overrides = {name: getattr(said, name) for name in FLAGS}
    directory = data_dir(said.data_dir, environ)
    if directory.exists() and not directory.is_dir():
        complain(f"{directory}: not a directory")
        return REFUSED
    try:
        settings = load(config_file(said.config, environ), environ, overrides)
    except ConfigError as error:
        complain(str(error))
        return REFUSED
    if not settings.server.api_keys and not is_loopback(settings.server.host):
        complain(NO_KEY.format(host=settings.server.host))
        return REFUSED
    providers = providers_on(settings, environ)
    models = Models(settings, providers)

    from dragoman.service.serve import run

    def announce(url: str) -> None:
        print(banner(url, settings, providers, models), flush=True)

    signal.signal(signal.SIGTERM, _told_to_end)
    try:
        run(settings, providers, models, directory, announce)
    except OSError as error:
        complain(f"cannot listen on {settings.server.host}:{settings.server.port}: {error.strerror or error}")
        return FAILED
    return 0


def _told_to_end(*_: object) -> None:
    """uvicorn stops by itself and then raises the signal once more: to have obeyed it is no failure."""
    raise SystemExit(0)


FLAGS = (
    "host",
    "port",
    "api_key",
    "model_provider",
    "openai_api_key",
    "openai_base_url",
    "claude_api_key",
    "claude_base_url",
)
NO_KEY = """{host} can be reached from other machines, and no key is set: who finds the port could spend your money.
Set one: DRAGOMAN_API_KEYS="$(openssl rand -hex 24)", or api_keys under [server].
Or serve this machine only: --host 127.0.0.1"""


def banner(url: str, settings: Settings, providers: tuple[Provider, ...], models: Models) -> str:
    """What is told at the start: where, who is on and why, whether a key is needed, and three lines to paste."""
    from urllib.parse import urlsplit

    host = urlsplit(url).hostname or ""
    shown = url if host not in ("0.0.0.0", "::") else f"http://localhost:{urlsplit(url).port}"
    keys = len(settings.server.api_keys)
    model = models.default()
    lines = [f"Dragoman {__version__} on {shown}", ""]
    for provider in providers:
        warning = warned(provider)
        lines.append(f"  {provider.name}: {provider.why}" + (f" (but {warning})" if warning else ""))
    if keys:
        lines += [
            "",
            f"Callers need {'the key' if keys == 1 else f'one of {keys} keys'}; below it is $DRAGOMAN_API_KEY.",
        ]
    else:
        lines += ["", "No key is set: only this machine is served."]
    return "\n".join([*lines, "", *curls(shown, model, with_key=bool(keys))])


def curls(url: str, model: str, *, with_key: bool) -> list[str]:
    """One line for each dialect that works as it is pasted."""
    import json
    from shlex import quote
    from urllib.parse import quote as escape

    key = ' -H "Authorization: Bearer $DRAGOMAN_API_KEY"' if with_key else ""
    turn = {"role": "user", "content": "Hello!"}
    bodies: dict[str, dict[str, Any]] = {
        "/v1/chat/completions": {"model": model, "messages": [turn]},
        "/v1/messages": {"model": model, "max_tokens": 256, "messages": [turn]},
        f"/v1beta/models/{escape(model, safe='/:@')}:generateContent": {"contents": [{"parts": [{"text": "Hello!"}]}]},
    }
    return [
        f"curl {quote(url + path)}{key} -H 'Content-Type: application/json' -d {quote(json.dumps(body))}"
        for path, body in bodies.items()
    ]


# -- check -----------------------------------------------------------------------


def check(said: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from dragoman.config import ConfigError, load
    from dragoman.providers.catalog import providers_on
    from dragoman.providers.models import Models

    file = config_file(said.config, environ)
    try:
        settings = load(file, environ, {})
    except ConfigError as error:
        print(error, file=sys.stderr)
        return FAILED
    models = Models(settings, providers_on(settings, environ))
    print(report(file, settings, models), flush=True)
    return 0


def report(file: Path | None, settings: Settings, models: Models) -> str:
    """What would be on, and how each alias resolves."""
    lines = [f"settings: {file}" if file else "settings: no file"]
    for provider in models.providers:
        address = f" {provider.base_url}" if provider.base_url else ""
        keys = f", {len(provider.keys)} keys" if len(provider.keys) > 1 else ""
        spoken = f"{provider.envelope}, {provider.dialect}" if provider.envelope else provider.dialect
        lines.append(f"provider {provider.name}: {spoken}{address} ({provider.why}{keys})")
        if warning := warned(provider):
            lines.append(f"  warning: {warning}")
    for alias in settings.models:
        targets = models.targets(alias)
        for target, deployments in targets:
            found = ", ".join(f"{deployment.provider.name}/{deployment.model}" for deployment in deployments)
            lines.append(f"model {alias}: {target} -> {found or 'nothing'}")
            if not deployments:
                lines.append(f"  warning: nothing that is on serves {target}")
        if not any(deployments for _, deployments in targets):
            lines.append(f"  warning: {alias} cannot be asked for")
    lines.append(f"default model: {models.default()}")
    return "\n".join(lines)


def warned(provider: Provider) -> str:
    from dragoman.providers.clouds import ENVELOPES

    return ENVELOPES[provider.envelope].warning(provider.place) if provider.envelope else ""


# -- translate -------------------------------------------------------------------


def translate(said: argparse.Namespace, environ: Mapping[str, str]) -> int:
    import msgspec

    from dragoman.core.errors import GatewayError, invalid
    from dragoman.dialects import CODECS

    codecs = []
    for word in (said.source, said.target):
        codec = CODECS.get(SHORT.get(word, word))
        if codec is None:
            complain(f'there is no dialect "{word}"; there are {", ".join([*SHORT, *CODECS])}')
            return REFUSED
        codecs.append(codec)
    try:
        wire = msgspec.json.decode(sys.stdin.buffer.read())
        if not isinstance(wire, dict):
            raise invalid("stdin", "expected a JSON object")
        translated, contexts = (_answer if said.response else _request)(codecs[0], codecs[1], wire, said.model or "")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        complain(f"stdin: not JSON: {error}")
        return FAILED
    except GatewayError as error:
        complain(error.message)
        return FAILED
    print(msgspec.json.format(msgspec.json.encode(translated), indent=2).decode())
    for loss in dict.fromkeys(loss for ctx in contexts for loss in ctx.losses):
        what = "lost" if loss.what == "dropped" else loss.what
        print(f"{what} {loss.path}: {loss.reason}", file=sys.stderr)
    return 0


def _context(dialect: str, model: str) -> Context:
    import time
    import uuid

    from dragoman.core.codec import Context
    from dragoman.providers.catalog import profile_for

    return Context(
        profile=profile_for(dialect, model),
        model=model,
        now=lambda: int(time.time()),
        new_id=lambda prefix: prefix + uuid.uuid4().hex,
    )


def _request(source: Codec, target: Codec, wire: Wire, model: str) -> tuple[Wire, list[Context]]:
    front = _context(source.dialect, model)
    request = source.decode_request(wire, front)
    back = _context(target.dialect, model or request.model)
    back.request = request
    return target.encode_request(request, back), [front, back]


def _answer(source: Codec, target: Codec, wire: Wire, model: str) -> tuple[Wire, list[Context]]:
    back = _context(source.dialect, model)
    response = source.decode_response(wire, back)
    front = _context(target.dialect, model)
    return target.encode_response(response, front), [back, front]


COMMANDS = {"serve": serve, "check": check, "translate": translate}
