"""Who is calling: one virtual key, accepted five ways on every route (contract S-2), compared in constant time.

It knows keys only as hashes, and never logs or returns one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from dragoman.core.errors import GatewayError, Kind
from dragoman.service.call import Call, Handler, Layer, Principal, Reply

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})


def offered(headers: Mapping[str, str], query: dict[str, str]) -> str | None:
    """The key a request brings, in AIStudioToAPI's order and then as Azure's clients send it; `key` leaves the query,
    so that nothing passes it on."""
    from_query = query.pop("key", None)
    if key := headers.get("x-goog-api-key"):
        return key
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return headers.get("x-api-key") or headers.get("api-key") or from_query or None


def digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def authenticated(keys: tuple[str, ...], origins: frozenset[str]) -> Layer:
    """Refuses calls without one of the keys; with no keys at all the gateway serves this machine only,
    and of its web pages only those of this machine or of the origins that are allowed."""
    known = {digest(key): Principal(name=f"key-{digest(key).hex()[:16]}") for key in keys}

    def layer(inner: Handler) -> Handler:
        async def handler(call: Call) -> Reply:
            if call.route.public:
                return await inner(call)
            if not known:
                from_here(call.headers, origins)
                call.principal = Principal(name="local")
            else:
                call.principal = find(known, call.offered_key)
            return await inner(call)

        return handler

    return layer


def from_here(headers: Mapping[str, str], origins: frozenset[str]) -> None:
    """Without a key, nothing but this machine's own programs and pages: any web page can send a simple POST here,
    and one that rebinds its name to 127.0.0.1 could even read the answer."""
    host = headers.get("host", "localhost")
    if not is_loopback(host.rsplit(":", 1)[0] if not host.endswith("]") else host):
        message = "no key is set, so only requests to localhost are served"
        raise GatewayError(Kind.PERMISSION, message, code="host_not_allowed")
    origin = headers.get("origin")
    if origin is None:
        foreign = headers.get("sec-fetch-site") == "cross-site"
    else:
        foreign = not is_loopback(urlsplit(origin).hostname or "") and not origins & {origin, "*"}
    if foreign:
        message = "no key is set, so only pages of this machine are served; see cors_origins"
        raise GatewayError(Kind.PERMISSION, message, code="origin_not_allowed")


def find(known: dict[bytes, Principal], key: str | None) -> Principal:
    if key is None:
        message = "No API key provided. Send 'Authorization: Bearer KEY', 'x-api-key', 'x-goog-api-key' or '?key='."
        raise GatewayError(Kind.AUTHENTICATION, message, code="missing_api_key")
    mine, match = digest(key), None
    for theirs, principal in known.items():
        if hmac.compare_digest(mine, theirs):
            match = principal
    if match is None:
        raise GatewayError(Kind.AUTHENTICATION, "Invalid API key provided", code="invalid_api_key")
    return match


def is_loopback(host: str) -> bool:
    """Whether an address to bind is reached from this machine only."""
    return host.lower() in LOOPBACK or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None
