"""One request to a provider: its URL, its headers, its key; and what of the answer's headers goes back.

It knows no dialect's body. Client headers reach a provider by allow-list only, and no secret ever comes back.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec

from dragoman.core.codec import Context, Loss, raw_members, rewrite
from dragoman.core.errors import GatewayError, Kind
from dragoman.dialects import CODECS, FLAGS, FLAGS_IN_BODY, FORWARDED, FORWARDED_QUERY, RETURNED, RETURNED_PREFIXES
from dragoman.providers.catalog import Deployment, Provider, globs
from dragoman.providers.clouds import ENVELOPES, Letter
from dragoman.providers.upstream import Incoming
from dragoman.service.call import Call
from dragoman.service.gateway import Gateway, plain
from dragoman.service.hints import retry_after, spent
from dragoman.service.post import sealed, sent
from dragoman.service.router import Attempt

LOST_LIMIT = 1000  # characters of x-dragoman-lost


async def ask(
    gateway: Gateway, call: Call, attempt: Attempt, path: str, body: bytes | None, *, dialect: str = ""
) -> Incoming:
    """Sends one attempt; without a body it is the client's own method (GET, DELETE).

    Raises GatewayError for every answer that is not a success, in the provider's own words.
    """
    deployment, provider = attempt.deployment, attempt.deployment.provider
    dialect = dialect or deployment.dialect()
    headers: dict[str, str] = {}
    if call.dialect == dialect:
        names = FORWARDED.get(call.dialect, ())
        headers = {name: call.headers[name] for name in names if name in call.headers}
        kept = {name: call.query[name] for name in FORWARDED_QUERY.get(call.dialect, ()) if name in call.query}
        if kept:
            path += ("&" if "?" in path else "?") + urlencode(kept)
    body, headers = lifted(body, dialect, headers)
    headers = flagged(call, deployment, dialect, headers)
    method = "POST" if body is not None else call.method
    letter = sealed(
        provider,
        Letter(model=deployment.model, dialect=dialect, path=path, body=body, method=method, headers=headers),
    )
    call.losses.extend(letter.losses)
    strict(call, call)
    incoming = await sent(gateway.upstream, provider, attempt.key, letter)
    if (rest := spent(incoming.headers, time.time())) is not None and attempt.key:
        used_up = GatewayError(
            Kind.RATE_LIMIT, f"{provider.name} has told that nothing is left of its rate", status=429
        )
        gateway.health.cool(attempt.target, attempt.key, rest, used_up)
    if incoming.status < 300:
        return incoming
    try:
        error = refusal(provider, dialect, incoming, await incoming.read())
    finally:
        await incoming.close()
    if error.retry_after is None:
        error.retry_after = retry_after(incoming.headers, time.time())
    if error.kind is Kind.AUTHENTICATION and provider.signer is not None:
        provider.signer.forget()
    raise error


def flagged(call: Call, deployment: Deployment, dialect: str, headers: Mapping[str, str]) -> dict[str, str]:
    """The client's headers, but for that of flags: the settings' own, and of the client's those this backend takes; the
    others are reported lost (case 73)."""
    name = FLAGS.get(dialect, "")
    ours, theirs = (listed(given.get(name, "")) for given in (deployment.provider.headers, headers))
    taken = globs("|".join(deployment.profile.betas) or "*")
    kept = dict.fromkeys([*ours, *filter(taken.match, theirs)])
    call.losses.extend(Loss(f"{name}.{flag}", "not taken by this backend") for flag in theirs if flag not in kept)
    rest = {other: value for other, value in headers.items() if other != name}
    return rest | ({name: ",".join(kept)} if kept else {})


def lifted(body: bytes | None, dialect: str, headers: dict[str, str]) -> tuple[bytes | None, dict[str, str]]:
    """Flags that stand in the body, taken to the header that lists them."""
    name = FLAGS_IN_BODY.get(dialect, "")
    if body is None or not name or b'"%b"' % name.encode() not in body:
        return body, headers
    flags = msgspec.json.decode(raw_members(body).get(name, b"null"))
    found = [flag for flag in flags if isinstance(flag, str)] if isinstance(flags, list) else []
    given = ",".join([*filter(None, [headers.get(FLAGS[dialect], "")]), *found])
    return rewrite(body, **{name: None}), headers | ({FLAGS[dialect]: given} if given else {})


def listed(value: str) -> list[str]:
    return [flag for piece in value.split(",") if (flag := piece.strip())]


def refusal(provider: Provider, dialect: str, incoming: Incoming, body: bytes) -> GatewayError:
    """A provider's error, read by its dialect's codec; its status is kept."""
    if incoming.status < 400:  # a redirect would take the key elsewhere: never followed
        message = f"{provider.name} answered with a redirect ({incoming.status})"
        return GatewayError(Kind.UPSTREAM, message, code="upstream_redirect", status=502)
    try:
        wire = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        wire = body[:2000].decode("utf-8", "replace")
    if provider.envelope:
        dialect = ENVELOPES[provider.envelope].complains_in(dialect, wire)
    error = CODECS[dialect].decode_error(incoming.status, wire, incoming.headers)
    error.status = incoming.status if incoming.status < 600 else 502
    if isinstance(wire, dict) and "error" in wire:
        error.said = dialect, wire
    return error


# -- headers of the reply --------------------------------------------------------


def returned(incoming: Incoming) -> dict[str, str]:
    """Headers that a client of the provider's own dialect reads."""
    return {
        name: value
        for name, value in incoming.headers.items()
        if name in RETURNED or name.startswith(RETURNED_PREFIXES)
    }


def lost_header(*contexts: Context | Call) -> dict[str, str]:
    """x-dragoman-lost: what was not carried as it was, by path and kind, of bounded length."""
    losses = dict.fromkeys(f"{loss.path} ({loss.what})" for ctx in contexts for loss in ctx.losses)
    if not losses:
        return {}
    text = ", ".join(losses)
    return {"x-dragoman-lost": plain(shortened(text))}


def with_losses(headers: dict[str, str], call: Call) -> dict[str, str]:
    """The headers of a reply, and in them what the provider's cloud does not take."""
    if not call.losses:
        return headers
    told = [text for text in (headers.get("x-dragoman-lost"), lost_header(call)["x-dragoman-lost"]) if text]
    return headers | {"x-dragoman-lost": shortened(", ".join(told))}


def shortened(text: str) -> str:
    return text if len(text) <= LOST_LIMIT else text[: LOST_LIMIT - 3] + "..."


def strict(call: Call, ctx: Context | Call) -> None:
    """With `x-dragoman-strict: true` a loss of the request is an error that names it, before anything is sent."""
    if ctx.losses and call.headers.get("x-dragoman-strict", "").lower() in ("true", "1"):
        loss = ctx.losses[0]
        raise GatewayError(
            Kind.INVALID_REQUEST, f"{loss.path}: {loss.reason} ({loss.what}; strict)", param=loss.path, code="lossy"
        )
