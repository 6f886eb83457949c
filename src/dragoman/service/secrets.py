"""Keeps provider keys out of everything a client or a log is told. It knows errors and providers, and no dialect."""

from __future__ import annotations

from typing import Any

import msgspec

from dragoman.core.errors import GatewayError
from dragoman.providers.catalog import Provider

LEAST = 8  # characters from which on a header's value can be told from a common word


def scrubbed(error: GatewayError, provider: Provider) -> GatewayError:
    """The same error without the provider's keys, should it have repeated one: in its words, its fields, its body."""
    lent = provider.signer.secrets() if provider.signer is not None else ()
    for secret in (*provider.keys, *provider.headers.values(), *lent):
        if len(secret) >= LEAST:
            error.message = error.message.replace(secret, "[key]")
            error.param = error.param and error.param.replace(secret, "[key]")
            error.code = error.code and error.code.replace(secret, "[key]")
            if error.said:
                error.said = error.said[0], without(error.said[1], secret)
            if error.event and without(_read(error.event[1]), secret) != _read(error.event[1]):
                error.event = None
    return error


def _read(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return data.decode("utf-8", "replace")


def without(value: Any, secret: str) -> Any:
    match value:
        case str():
            return value.replace(secret, "[key]")
        case list():
            return [without(inner, secret) for inner in value]
        case dict():
            return {without(name, secret): without(inner, secret) for name, inner in value.items()}
        case _:
            return value
