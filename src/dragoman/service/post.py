"""The one way to a provider: a request is put in its envelope, signed, and sent.

It knows envelopes only as such, no dialect, and nothing of the client.
"""

from __future__ import annotations

from collections.abc import Mapping

from dragoman.providers.catalog import Provider
from dragoman.providers.clouds import ENVELOPES, Letter, Sealed
from dragoman.providers.upstream import Incoming, Outgoing, Upstream


def sealed(provider: Provider, letter: Letter) -> Sealed:
    """A letter in its provider's envelope, if it has one."""
    if provider.envelope:
        return ENVELOPES[provider.envelope].seal(letter, provider.place)
    url = provider.base_url + letter.path
    return Sealed(url=url, headers=letter.headers, body=letter.body, method=letter.method)


async def signed(provider: Provider, key: str | None, letter: Sealed) -> Mapping[str, str]:
    """All headers of a request."""
    headers = {"content-type": "application/json"} if letter.body is not None else {}
    headers |= provider.headers
    if provider.signer is None:
        return {**headers, **credentials(provider, key), **letter.headers}
    if key is None and "authorization" in provider.headers:  # by the settings: somebody on the way signs, or has
        return {**headers, **letter.headers}
    return {**headers, **letter.headers, **await provider.signer.sign(letter, key)}


async def sent(
    upstream: Upstream, provider: Provider, key: str | None, letter: Sealed, patience: float | None = None
) -> Incoming:
    """`patience`: seconds to wait for an answer, where the provider's own are too many."""
    outgoing = Outgoing(
        letter.url,
        await signed(provider, key, letter),
        letter.body,
        letter.method,
        timeout=patience or provider.timeout,
        connect_timeout=min(patience or provider.connect_timeout, provider.connect_timeout),
        proxy=provider.proxy,
    )
    return await upstream.send(outgoing)


def credentials(provider: Provider, key: str | None) -> dict[str, str]:
    """The header that carries a provider's key."""
    if key is None or provider.auth == "none":
        return {}
    if provider.auth in ("x-api-key", "x-goog-api-key"):
        return {provider.auth: key}
    return {"authorization": f"Bearer {key}"}
