"""The probabilities of an answer's tokens, as both of OpenAI's dialects spell them; both directions.

It knows nothing of where they stand.
"""

from __future__ import annotations

from msgspec.structs import replace

from dragoman.core.codec import Wire
from dragoman.core.ir import Json, Token


def decode_tokens(wires: Json) -> tuple[Token, ...]:
    """What makes no sense is passed over."""
    found = (decode_token(wire) for wire in wires) if isinstance(wires, list) else ()
    return tuple(token for token in found if token is not None)


def decode_token(wire: Json) -> Token | None:
    if not isinstance(wire, dict):
        return None
    token, logprob, raw = wire.get("token"), wire.get("logprob"), wire.get("bytes")
    if not isinstance(token, str) or not isinstance(logprob, int | float):
        return None
    raw = raw if isinstance(raw, list) and all(type(byte) is int for byte in raw) else None
    others = wire.get("top_logprobs")
    top = tuple(
        replace(other, top=())
        for inner in (others if isinstance(others, list) else ())
        if (other := decode_token(inner))
    )
    return Token(token, float(logprob), None if raw is None else tuple(raw), top)


def encode_tokens(tokens: tuple[Token, ...]) -> list[Wire]:
    return [encode_token(token) | {"top_logprobs": [encode_token(other) for other in token.top]} for token in tokens]


def encode_token(token: Token) -> Wire:
    """A token that is no whole text is told by its bytes; where they were not told, they are those of the text."""
    raw = token.text.encode("utf-8", "surrogatepass") if token.bytes is None else token.bytes
    return {"token": token.text, "logprob": token.logprob, "bytes": list(raw)}
