"""What one running gateway holds: its settings, models, the way outward, a clock and a source of ids.

It drives attempts, and knows neither dialects nor routes.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import msgspec

from dragoman.config import Settings
from dragoman.core.codec import Wire
from dragoman.core.errors import GatewayError, Kind, invalid
from dragoman.core.halves import Halves
from dragoman.core.media import Model
from dragoman.dialects import CODECS
from dragoman.providers.catalog import Deployment, Provider
from dragoman.providers.clouds import Letter
from dragoman.providers.models import Models
from dragoman.providers.sandbox import Sandbox
from dragoman.providers.upstream import Upstream
from dragoman.service.call import Call, Reply
from dragoman.service.health import Health
from dragoman.service.post import sealed, sent
from dragoman.service.router import USUAL, Attempt, Policy, Surroundings, fitting, plan
from dragoman.service.secrets import scrubbed
from dragoman.store.store import Store

DISCOVERY = 30  # seconds for which a local server's list of models is remembered
NODES = 400_000  # values in a body: an embedding of 300,000 token ids, OpenAI's most, is not refused
DEPTH = 128  # of nested arrays and objects in a body (reliability.md 2.10)


def unix_now() -> int:
    return int(time.time())


def made_id(prefix: str) -> str:
    """A new id: the prefix and a random uuid, at most 40 characters of [A-Za-z0-9_-] in all (cases.md 70)."""
    return prefix + uuid.uuid4().hex


@dataclass
class Gateway:
    settings: Settings
    providers: tuple[Provider, ...]
    models: Models
    upstream: Upstream
    store: Store
    sandbox: Sandbox = field(default_factory=Sandbox)
    now: Callable[[], int] = unix_now
    new_id: Callable[[str], str] = made_id
    chance: Callable[[], float] = random.random  # how much of a back-off is waited for, and which key is tried
    health: Health = field(default_factory=lambda: Health(time.monotonic))
    _discovered: dict[str, tuple[int, tuple[Model, ...]]] = field(default_factory=dict)

    async def attempts(
        self, call: Call, found: tuple[Deployment, ...], attempt: Callable[[Attempt], Awaitable[Reply]]
    ) -> Reply:
        """The first reply that any of the deployments gives; else the error of the last one asked."""
        until = time.monotonic() + patience(call.headers)
        around = Surroundings(self.health, lambda: until - time.monotonic(), patience(call.headers), self.chance)
        wanted = fitting(found, call.route.operation or "chat")
        call.served = served_by(wanted[0])
        steps = plan(wanted, around, policy_of(call.headers))
        step = next(steps)
        while True:
            call.served, call.losses = served_by(step.deployment), []
            await asyncio.sleep(step.wait)
            try:
                return await self._tried(step, attempt)
            except GatewayError as error:
                scrubbed(error, step.deployment.provider)
                if len(found) == 1 and step.deployment.provider.dialect == "sandbox":
                    raise told(error, step.deployment) from error  # it was asked for the error, and gives it at once
                try:
                    step = steps.send(error)
                except StopIteration:
                    raise told(error, step.deployment) from error

    async def _tried(self, step: Attempt, attempt: Callable[[Attempt], Awaitable[Reply]]) -> Reply:
        """One attempt, of which the health of its target and key is told."""
        self.health.begun(step.target, step.key or "", retry=step.retry)
        try:
            reply = await attempt(step)
        finally:
            self.health.ended(step.target, step.key or "", retry=step.retry)
        self.health.served(step.target)
        return reply

    async def discovered(self, provider: Provider) -> tuple[Model, ...]:
        """The models a local server lists, asked again after half a minute; none where it does not answer."""
        when, models = self._discovered.get(provider.name, (0, ()))
        if self.now() - when < DISCOVERY:
            return models
        codec = CODECS[provider.dialect]
        key = provider.keys[0] if provider.keys else None
        letter = sealed(provider, Letter(model="", dialect=provider.dialect, path="/models", method="GET"))
        try:
            incoming = await sent(self.upstream, provider, key, letter, patience=2.0)
            try:
                answer = json_body(await incoming.read(), answer=True)
            finally:
                await incoming.close()
            models = codec.decode_models(answer, provider.name) if incoming.status == 200 else ()
        except GatewayError:
            models = ()
        self._discovered[provider.name] = self.now(), models
        return models


TOTAL = 600.0  # seconds for a request with all its attempts
OWN_TIMES = ("x-stainless-read-timeout", "x-stainless-timeout", "x-server-timeout")
"""Headers in which the SDKs of OpenAI, Anthropic and Google say for how many seconds they wait."""
ONCE = Policy(attempts=USUAL.attempts, per_target=1)


def patience(headers: Mapping[str, str]) -> float:
    """Seconds until the client gives up, or we do (reliability.md 2.2)."""
    said = [float(text) for name in OWN_TIMES if re.fullmatch(r"\d{1,9}(\.\d{0,9})?", text := headers.get(name, ""))]
    return min([TOTAL, *(seconds for seconds in said if seconds > 0)])


def policy_of(headers: Mapping[str, str]) -> Policy:
    """An SDK that tries again by itself is not multiplied: then each target is asked once."""
    return ONCE if headers.get("x-stainless-retry-count", "0") not in ("", "0") else USUAL


def served_by(deployment: Deployment) -> dict[str, str]:
    """The headers that say who served."""
    return {"x-dragoman-provider": deployment.provider.name, "x-dragoman-model": plain(deployment.model)}


VISIBLE = "".join(map(chr, range(0x20, 0x7F)))


def plain(text: str) -> str:
    """A header's value: visible ASCII as it is, the rest percent-encoded (case 83)."""
    return quote(text, safe=VISIBLE, errors="backslashreplace")


TRIED = frozenset({Kind.UPSTREAM, Kind.OVERLOADED, Kind.TIMEOUT})
"""What SDKs would ask again by themselves; a 429 they may, for it says when."""
REJECTED = frozenset({Kind.AUTHENTICATION, Kind.PERMISSION})


def told(error: GatewayError, deployment: Deployment) -> GatewayError:
    """The error as the client may see it: a provider that refuses the gateway's own key is not the client's fault."""
    if deployment.provider.dialect == "sandbox":  # which has no key to be refused, and was asked for the error
        return error
    error.spent = error.kind in TRIED
    if error.status in (401, 403) or (error.status and error.kind in REJECTED):
        message = f"{deployment.provider.name} refused the gateway's credentials: {error.message}"
        return GatewayError(Kind.UPSTREAM, message, code="upstream_refused", status=502)
    return error


_decode = msgspec.json.Decoder().decode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def half_read(raw: bytes) -> Any:
    """A provider's answer with half a character in it. Raises GatewayError for one that is no JSON."""
    try:
        return Halves().read(raw)
    except ValueError as error:
        message = "the provider's answer is not JSON"
        raise GatewayError(Kind.UPSTREAM, message, code="upstream_invalid_response") from error


def json_body(raw: bytes, *, answer: bool = False) -> Wire:
    """A JSON object. Raises GatewayError: the client's fault where it is its body, the provider's for an answer."""
    try:
        value: Any = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if not answer:
            deep = isinstance(error, RecursionError)
            why = "nested too deeply" if deep else f"not valid JSON ({error})" if raw else "empty"
            raise invalid("body", why, code="invalid_json") from None
        value = half_read(raw)
    if not isinstance(value, dict):
        if answer:
            raise GatewayError(Kind.UPSTREAM, "the provider's answer is not a JSON object")
        raise invalid("body", "expected an object")
    if not answer and raw.count(b",") > NODES and too_many(value):
        raise invalid("body", f"more than {NODES} values")
    if raw.count(b"{") + raw.count(b"[") > DEPTH and too_deep(value):
        if answer:
            raise GatewayError(Kind.UPSTREAM, "the provider's answer is nested too deeply", status=502)
        raise invalid("body", f"nested deeper than {DEPTH} levels")
    return value


def error_in(raw: bytes) -> Any:
    """The error an answer holds, or None. Raises GatewayError(UPSTREAM) where it is no JSON object."""
    try:
        error = _members(raw).get("error")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        message = "the provider's answer is not JSON"
        raise GatewayError(Kind.UPSTREAM, message, code="upstream_invalid_response", status=502) from None
    return None if error is None else msgspec.json.decode(error)


def too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def too_many(value: Any) -> bool:
    found, rest = 0, [value]
    while rest:
        inner = rest.pop()
        if isinstance(inner, dict | list):
            found += len(inner)
            if found > NODES:
                return True
            rest.extend(v for v in (inner.values() if isinstance(inner, dict) else inner) if isinstance(v, dict | list))
    return False


def dumps(value: Any) -> bytes:
    return msgspec.json.encode(value)
