"""Who issued a signature, where a dialect is spoken by others than its vendor: only they can read what they sign.

A codec names the vendor of its dialect as the issuer. Where a profile names another, that is put right here, on the way
out and on the way back. It knows no dialect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from dragoman.core.codec import Codec, Context, Decoder, Wire
from dragoman.core.framing import Frame
from dragoman.core.ir import AnyPart, Event, Message, PartDelta, PartStart, Request, Response, Signature


class Issued:
    """A codec at the back whose provider is another than the vendor."""

    def __init__(self, codec: Codec, vendor: str, issuer: str) -> None:
        self._codec, self._claimed = codec, {vendor: issuer}
        self._owed = {vendor: f"{vendor} itself", issuer: vendor}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codec, name)

    def encode_request(self, request: Request, ctx: Context) -> Wire:
        """What this provider issued is owed to it, and nothing of the vendor's is."""

        def own(part: AnyPart) -> AnyPart:
            return renamed(part, self._owed)

        def of(message: Message) -> Message:
            signed = any(part.signature for part in message.parts)
            return replace(message, parts=tuple(map(own, message.parts))) if signed else message

        return self._codec.encode_request(replace(request, messages=tuple(map(of, request.messages))), ctx)

    def decode_response(self, wire: Wire, ctx: Context) -> Response:
        response = self._codec.decode_response(wire, ctx)
        return replace(response, parts=tuple(renamed(part, self._claimed) for part in response.parts))

    def decoder(self, ctx: Context) -> Decoder:
        return _Claiming(self._codec.decoder(ctx), self._claimed)


class _Claiming:
    def __init__(self, decoder: Decoder, claimed: Mapping[str, str]) -> None:
        self._decoder, self._claimed = decoder, claimed

    def feed(self, frame: Frame) -> Iterator[Event]:
        return map(self._claim, self._decoder.feed(frame))

    def close(self) -> Iterator[Event]:
        return map(self._claim, self._decoder.close())

    def _claim(self, event: Event) -> Event:
        match event:
            case PartDelta(signature=Signature() as signature) if signature.issuer in self._claimed:
                return replace(event, signature=replace(signature, issuer=self._claimed[signature.issuer]))
            case PartStart(part=part) if part.signature is not None:
                return replace(event, part=renamed(part, self._claimed))
            case _:
                return event


def renamed(part: AnyPart, names: Mapping[str, str]) -> AnyPart:
    if part.signature is None or part.signature.issuer not in names:
        return part
    return replace(part, signature=replace(part.signature, issuer=names[part.signature.issuer]))
