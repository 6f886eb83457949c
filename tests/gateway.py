"""The real gateway as a subprocess, and a plain client for it. It imports nothing of the gateway: what is tested is the
command a user starts and the bytes it sends.

A pytest plugin: its fixtures are the gateway over the sandbox alone and over each scripted upstream, started once a session.
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import pytest

import validators
from upstream import KEY as UPSTREAM_KEY
from upstream import Upstream

ROOT = Path(__file__).resolve().parent.parent
KEY, OTHER_KEY = "sk-client-first-key", "sk-client-second-key"
STARTING, STOPPING = 10.0, 5.0  # seconds a gateway may take


# -- what comes back -----------------------------------------------------------------


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    data: str
    name: str = ""

    @property
    def json(self) -> Any:
        return json.loads(self.data)


def events(body: bytes) -> list[Event]:
    """An event stream, read as strictly as the seeds' own clients do (contract S-7): no BOM, LF only, `data: ` with one
    space, one data line an event, a blank line after each. Bare blank lines between events are signs of life."""
    text = body.decode()
    assert not text.startswith("\ufeff"), "a BOM"
    assert "\r" not in text, "carriage returns"
    assert text == "" or text.endswith("\n\n"), f"the last event is not closed: {text[-80:]!r}"
    found = []
    for block in text.split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if not lines:
            continue
        name = lines.pop(0).removeprefix("event: ") if lines[0].startswith("event: ") else ""
        assert len(lines) == 1 and lines[0].startswith("data: "), f"not one data line: {block!r:.300}"
        assert not lines[0].startswith("data:  "), "two spaces after data:"
        found.append(Event(lines[0].removeprefix("data: "), name))
    return found


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip()

    @property
    def events(self) -> list[Event]:
        assert self.media_type == "text/event-stream", (self.status, self.headers, self.body[:500])
        return events(self.body)

    def __str__(self) -> str:
        return f"{self.status} {dict(self.headers)} {self.body[:800]!r}"

    __repr__ = __str__


def keeps_its_rules(path: str, answer: Answer) -> None:
    """Every stream is read by the validator of its dialect, whatever the test looks at: it is whole, or tells an error."""
    dialect = validators.dialect_of_path(path)
    if dialect is None or answer.status != 200 or "starting_after" in path:
        return
    if answer.media_type == "text/event-stream":
        validators.checked(dialect, [(event.name, event.data) for event in answer.events])
    elif dialect == "gemini" and answer.body[:1] == b"[":
        validators.checked_array(answer.body)


# -- the gateway -----------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment() -> dict[str, str]:
    """A clean one: no vendor's key of whoever runs the tests may reach the gateway, nor a proxy."""
    kept = {
        name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV") if name in os.environ
    }
    return {
        **kept,
        "PYTHONPATH": str(ROOT / "src"),
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "error::ResourceWarning",
    }


class Gateway:
    """`with Gateway(config) as gateway: gateway.call(...)`. `config` is the text of a dragoman.toml, None for none; where it
    has the word PORT, that is put in there and no flag is given."""

    def __init__(
        self,
        config: str | None,
        *flags: str,
        upstream: Upstream | None = None,
        key: str | None = KEY,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.config, self.flags, self.upstream, self.key = config, flags, upstream, key
        self.env = dict(env or {})
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.status: int | None = None  # the exit status, once it has ended

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="dragoman-test-")
        home = Path(self._folder.name)
        command = [sys.executable, "-m", "dragoman", "serve", *self.flags]
        if "PORT" in (self.config or ""):
            self.config = self.config.replace("PORT", str(self.port))
        else:
            command += ["--port", str(self.port), "--host", "127.0.0.1"]
        if self.config is not None:
            (home / "dragoman.toml").write_text(self.config)
            command += ["--config", str(home / "dragoman.toml")]
        env = {
            **environment(),
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home),
            "XDG_STATE_HOME": str(home),
            **self.env,
        }
        self._out = (home / "output").open("w+b")
        self.process = subprocess.Popen(
            command, env=env, cwd=home, stdin=subprocess.DEVNULL, stdout=self._out, stderr=subprocess.STDOUT
        )
        try:
            self._await_ready()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _await_ready(self) -> None:
        assert self.process is not None
        end = time.monotonic() + STARTING
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"the gateway ended with {self.process.returncode}:\n{self.output}")
            try:
                if self.call("GET", "/ready", key=None, timeout=2).status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.03)
        raise RuntimeError(f"the gateway was not ready in {STARTING} s:\n{self.output}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None and self.status is None:
            self.stop()
        self._last_output = self.output
        self._out.close()
        self._folder.cleanup()

    def stop(self) -> int:
        """SIGTERM, and SIGKILL where that does not help; the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            self.status = self.process.wait(STOPPING)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.status = self.process.wait()
        return self.status

    @property
    def output(self) -> str:
        """All it has printed so far."""
        if self._out.closed:
            return self._last_output
        self._out.flush()
        return Path(self._out.name).read_text(errors="replace")

    # -- requests ------------------------------------------------------------------

    def open(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        key: str | None = "",
        timeout: float = 20,
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """A request whose answer is read by the caller, who also closes both. `key=None` sends none."""
        sent = {"content-type": "application/json"} if body is not None else {}
        key = self.key if key == "" else key
        if key is not None:
            sent["authorization"] = f"Bearer {key}"
        sent |= {name.lower(): value for name, value in (headers or {}).items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, quote(path, safe="/:?=&%@+,~!$'()*;[]#"), body, sent)
            return connection, connection.getresponse()
        except BaseException:
            connection.close()
            raise

    def call(
        self,
        method: str,
        path: str,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        body: bytes | None = None,
        key: str | None = "",
        timeout: float = 20,
    ) -> Answer:
        if json is not None:
            body = _dumps(json)
        connection, response = self.open(method, path, body, headers, key=key, timeout=timeout)
        try:
            headers_in = {name.lower(): value for name, value in response.getheaders()}
            answer = Answer(response.status, headers_in, response.read())
        finally:
            response.close()
            connection.close()
        keeps_its_rules(path, answer)
        return answer

    def chunks(self, path: str, json: Any, headers: Mapping[str, str] | None = None) -> list[bytes]:
        """The answer as it was written: the pieces of its chunked transfer encoding, one for each write."""
        body = _dumps(json)
        head = {
            "host": "gateway",
            "authorization": f"Bearer {self.key}",
            "content-length": str(len(body)),
            **(headers or {}),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        with socket.create_connection(("127.0.0.1", self.port), 20) as connection:
            connection.sendall(f"POST {path} HTTP/1.1\r\n{lines}connection: close\r\n\r\n".encode() + body)
            with connection.makefile("rb") as reader:
                status = reader.readline()
                assert b" 200 " in status, status + reader.read()
                while reader.readline().strip():
                    pass
                found = []
                while size := int(reader.readline(), 16):
                    found.append(reader.read(size))
                    reader.readline()
        keeps_its_rules(path, Answer(200, {"content-type": "text/event-stream"}, b"".join(found)))
        return found

    def get(self, path: str, headers: Mapping[str, str] | None = None, **rest: Any) -> Answer:
        return self.call("GET", path, headers=headers, **rest)

    def post(self, path: str, json: Any, headers: Mapping[str, str] | None = None, **rest: Any) -> Answer:
        return self.call("POST", path, json, headers, **rest)


def _dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


# -- the usual ones ----------------------------------------------------------------------

MODEL = "gemini-2.5-flash"  # the default model of the seeds (004-2)
KINDS = ("openai", "anthropic", "gemini")
BASE = {
    "openai": "/v1",
    "anthropic": "/v1",
    "gemini": "/v1beta",
}  # of each provider's API, as its own documents give it


def server(*more: str) -> str:
    return "\n".join(["[server]", f'api_keys = ["{KEY}", "{OTHER_KEY}"]', *more, ""])


def provider(kind: str, url: str, name: str = "", *more: str) -> str:
    """A provider of a kind at an address, as a section of the configuration."""
    return "\n".join(
        [
            f"[providers.{name or kind}]",
            f'kind = "{kind}"',
            f'base_url = "{url}{BASE[kind]}"',
            f'keys = ["{UPSTREAM_KEY}"]',
            *(['api = "chat"'] if kind == "openai" and not any(line.startswith("api") for line in more) else []),
            *more,
            "",
        ]
    )


def served_by(targets: Mapping[str, str]) -> str:
    """Which model of which provider serves which name."""
    return "\n".join(f'[models."{name}"]\ntargets = ["{target}"]\n' for name, target in targets.items())


def over(upstream: Upstream, *more: str, api: str = "chat") -> str:
    """A configuration where every model is served by this upstream; what it has under another name is named so. `api`:
    which of OpenAI's two it is asked in."""
    kind = upstream.dialect
    targets = {name: f"{kind}/{model}" for name, model in NAMESAKES.get(kind, {}).items()}
    spoken = [f'api = "{api}"'] if kind == "openai" else []
    everything = provider(kind, upstream.url, "", 'models = ["*"]', *spoken)
    return "\n".join([f'default_model = "{MODEL}"', "", server(), everything, served_by(targets), *more])


NAMESAKES = {
    "openai": {
        "gemini-2.5-flash-image": "gpt-image-1",
        "imagen-4.0-generate-001": "gpt-image-1",
        "imagen-4.0-ultra-generate-001": "gpt-image-1",
        "imagen-4.0-fast-generate-001": "gpt-image-1",
        "gemini-2.5-flash-preview-tts": "gpt-4o-mini-tts",
        "gemini-embedding-001": "text-embedding-3-small",
    },
    "gemini": {
        "gpt-image-1": "imagen-4.0-generate-001",
        "gpt-4o-mini-tts": "gemini-2.5-flash-preview-tts",
        "text-embedding-3-small": "gemini-embedding-001",
    },
}
SANDBOX = f'default_model = "{MODEL}"\n\n{server()}\n[providers.sandbox]\nkind = "sandbox"\npace = 0.0\n'


def checked(gateway: Gateway) -> Iterator[Gateway]:
    """The gateway for a session; at its end, nothing may have gone wrong inside and it must stop when told."""
    with gateway:
        yield gateway
        assert "Traceback" not in gateway.output, gateway.output[-5000:]
        assert gateway.stop() == 0, gateway.output[-5000:]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Gateway]:
    """A gateway without providers: the sandbox answers, at once."""
    yield from checked(Gateway(SANDBOX))


def _over(kind: str, api: str = "chat") -> Iterator[Gateway]:
    with Upstream(kind) as upstream:
        yield from checked(Gateway(over(upstream, api=api), upstream=upstream))


@pytest.fixture(scope="session")
def over_openai() -> Iterator[Gateway]:
    yield from _over("openai")


@pytest.fixture(scope="session")
def over_anthropic() -> Iterator[Gateway]:
    yield from _over("anthropic")


@pytest.fixture(scope="session")
def over_gemini() -> Iterator[Gateway]:
    yield from _over("gemini")


@pytest.fixture(scope="session")
def over_responses() -> Iterator[Gateway]:
    """OpenAI, asked in Responses whatever the client speaks."""
    yield from _over("openai", "responses")


@pytest.fixture(scope="session")
def over_auto() -> Iterator[Gateway]:
    """OpenAI as the catalogue has it: asked in whichever of its two APIs serves the client best."""
    yield from _over("openai", "auto")


@dataclass(frozen=True)
class House:
    """One gateway in front of all three upstreams, each a provider of its own."""

    gateway: Gateway
    upstreams: Mapping[str, Upstream]


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    with ExitStack() as stack:
        upstreams = {kind: stack.enter_context(Upstream(kind)) for kind in KINDS}
        providers = [provider(kind, upstreams[kind].url) for kind in KINDS]
        providers.append(provider("openai", upstreams["openai"].url, "openai-custom"))
        config = "\n".join(['default_model = "gemini-2.5-flash"', "", server(), *providers])
        for gateway in checked(Gateway(config)):
            yield House(gateway, upstreams)


ALL = ("sandbox", *(f"over_{kind}" for kind in KINDS))


@pytest.fixture(params=ALL)
def gateway(request: pytest.FixtureRequest) -> Gateway:
    """Each of the usual gateways in turn."""
    found: Gateway = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=ALL[1:])
def relay(request: pytest.FixtureRequest) -> Gateway:
    """Each of the gateways with a scripted upstream in turn."""
    found: Gateway = request.getfixturevalue(request.param)
    return found
