"""Amazon's binary event stream: bytes to frames and frames to bytes, and what its exceptions mean.

It knows no socket and no dialect: a frame's data is bytes, its event the `:event-type` or the `:exception-type`.
"""

from __future__ import annotations

import re
import struct
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from zlib import crc32

import msgspec

from dragoman.core.errors import GatewayError, Kind
from dragoman.core.framing import LIMIT, Frame
from dragoman.core.ir import Json
from dragoman.core.refusals import context_is_full

MEDIA_TYPE = "application/vnd.amazon.eventstream"

# A message: its length and that of its headers, a CRC of these two, headers, payload, a CRC of all before it.
PRELUDE = struct.Struct(">III")
CRC = struct.Struct(">I")
LEAST = PRELUDE.size + CRC.size

NUMBERS: dict[int, struct.Struct] = {
    2: struct.Struct(">b"),
    3: struct.Struct(">h"),
    4: struct.Struct(">i"),
    5: struct.Struct(">q"),
    8: struct.Struct(">q"),  # a time, in milliseconds
}
TRUE, FALSE, BYTES, STRING, UUID = 0, 1, 6, 7, 9


def unreadable(why: str) -> GatewayError:
    return GatewayError(
        Kind.UPSTREAM, f"the provider's event stream cannot be read: {why}", code="upstream_invalid_response"
    )


# -- exceptions ----------------------------------------------------------------

EXCEPTIONS: dict[str, Kind] = {
    "validation": Kind.INVALID_REQUEST,
    "serialization": Kind.INVALID_REQUEST,
    "accessdenied": Kind.PERMISSION,
    "unrecognizedclient": Kind.AUTHENTICATION,
    "expiredtoken": Kind.AUTHENTICATION,
    "invalidsignature": Kind.AUTHENTICATION,
    "incompletesignature": Kind.AUTHENTICATION,
    "missingauthenticationtoken": Kind.AUTHENTICATION,
    "resourcenotfound": Kind.NOT_FOUND,
    "conflict": Kind.CONFLICT,
    "throttling": Kind.RATE_LIMIT,
    "toomanyrequests": Kind.RATE_LIMIT,
    "servicequotaexceeded": Kind.QUOTA,
    "modelnotready": Kind.OVERLOADED,
    "serviceunavailable": Kind.OVERLOADED,
    "modeltimeout": Kind.TIMEOUT,
    "internalserver": Kind.UPSTREAM,
    "internalfailure": Kind.UPSTREAM,
    "modelerror": Kind.UPSTREAM,
    "modelstreamerror": Kind.UPSTREAM,
}
"""By name, in small letters and without its ending "Exception"."""
NO_COUNT = re.compile(r"does ?n[o']t support counting tokens|CountTokens is not supported", re.IGNORECASE)
NO_MODEL = re.compile(
    r"model identifier is invalid|could not resolve the foundation model|model .{1,300} not found", re.I
)


def kind_named(name: str) -> Kind | None:
    """What an exception's name means; None for one that is not known."""
    return EXCEPTIONS.get(name.lower().removesuffix("exception"))


def exception(kind: Kind, message: str, status: int | None = None) -> GatewayError:
    """The error an exception is, once its words have been read too."""
    code = None
    if kind in (Kind.INVALID_REQUEST, Kind.NOT_FOUND) and NO_MODEL.search(message):
        kind, code, status = Kind.NOT_FOUND, "model_not_found", None  # Amazon says 400
    elif kind is Kind.INVALID_REQUEST and NO_COUNT.search(message):
        kind, code = Kind.NOT_FOUND, "unsupported_operation"
    elif kind is Kind.INVALID_REQUEST and context_is_full(message):
        kind = Kind.CONTEXT_LENGTH
    elif kind is Kind.RATE_LIMIT and "per day" in message.lower():
        kind = Kind.QUOTA
    elif kind is Kind.AUTHENTICATION:
        status = None  # Amazon says 403
    return GatewayError(kind, message, code=code, status=status)


def message_in(wire: Json) -> str | None:
    """The words of an error's body, which some of Amazon's services begin with a capital."""
    if not isinstance(wire, dict):
        return None
    return next((said for name in ("message", "Message") if isinstance(said := wire.get(name), str) and said), None)


# -- read ------------------------------------------------------------------------


class Reader:
    """Bytes in, however they were cut; whole messages out, each checked by both of its CRCs.

    An exception or error in the stream is a frame too: its event is the exception's name, which ends in "Exception".
    The same surface as the reader of server-sent events.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._rest = bytearray()
        self._total = 0  # length of the message that has begun, once its prelude is here

    def feed(self, data: bytes) -> Iterator[Frame]:
        rest = self._rest
        rest += data
        while True:
            if not self._total and len(rest) >= PRELUDE.size:
                self._total = self._length()
            if not self._total or len(rest) < self._total:
                return
            message = bytes(rest[: self._total])
            del rest[: self._total]
            self._total = 0
            frame = self._message(message)
            if frame is not None:
                yield frame

    def close(self) -> Iterator[Frame]:
        if self._rest:
            raise GatewayError(
                Kind.UPSTREAM, "the provider's stream ended in the middle of an event", code="upstream_truncated"
            )
        return iter(())

    def _length(self) -> int:
        total, headers, check = PRELUDE.unpack_from(self._rest)
        if crc32(memoryview(self._rest)[:8]) != check:
            raise unreadable("the checksum of a prelude is wrong")
        if total < LEAST or headers > total - LEAST:
            raise unreadable("a message is shorter than its parts")
        if total > self._limit:
            raise GatewayError(Kind.UPSTREAM, "an event of the provider's stream grew past the limit")
        return int(total)

    def _message(self, data: bytes) -> Frame | None:
        end = len(data) - CRC.size
        if crc32(memoryview(data)[:end]) != CRC.unpack_from(data, end)[0]:
            raise unreadable("the checksum of a message is wrong")
        start = PRELUDE.size + PRELUDE.unpack_from(data)[1]
        headers = dict(headers_in(data[PRELUDE.size : start]))
        return self._frame(headers, data[start:end])

    def _frame(self, headers: Mapping[str, str], payload: bytes) -> Frame | None:
        return framed(headers, payload)


def framed(headers: Mapping[str, str], payload: bytes) -> Frame:
    match headers.get(":message-type"):
        case "event":
            return Frame(payload, headers.get(":event-type", ""))
        case "exception":
            return Frame(payload, ending(headers.get(":exception-type", "")))
        case "error":
            said = {"message": headers.get(":error-message") or "the provider failed"}
            return Frame(msgspec.json.encode(said), ending(headers.get(":error-code", "")))
        case _:
            raise unreadable("a message does not say of what type it is")


def ending(name: str) -> str:
    """An exception's name with the ending that tells it from an event's."""
    return name if name.endswith("Exception") else f"{name or 'internalServer'}Exception"


def headers_in(data: bytes) -> Iterator[tuple[str, str]]:
    """The headers that are texts; those of the other nine types are read over."""
    at = 0
    try:
        while at < len(data):
            name_end = at + 1 + data[at]
            name = data[at + 1 : name_end].decode()
            kind, at = data[name_end], name_end + 1
            if kind in NUMBERS:
                at += NUMBERS[kind].size
            elif kind == UUID:
                at += 16
            elif kind in (BYTES, STRING):
                size = int.from_bytes(data[at : at + 2], "big")
                value, at = data[at + 2 : at + 2 + size], at + 2 + size
                if kind == STRING:
                    yield name, value.decode()
            elif kind not in (TRUE, FALSE):
                raise unreadable("a header is of no known type")
    except (IndexError, UnicodeDecodeError):
        raise unreadable("its headers make no sense") from None
    if at != len(data):
        raise unreadable("its headers make no sense")


class AnswerReader(Reader):
    """The stream of a model's answer: an exception is raised, and a chunk of InvokeModelWithResponseStream unwrapped.

    Such a chunk holds, in base64, an event of the model's own vendor; the frame is that event, named by its `type`.
    """

    def _frame(self, headers: Mapping[str, str], payload: bytes) -> Frame | None:
        frame = framed(headers, payload)
        if frame.event.endswith("Exception"):
            message = message_in(decoded(frame.data)) or "the provider failed in the middle of its answer"
            raise exception(kind_named(frame.event) or Kind.UPSTREAM, message)
        if frame.event != "chunk":
            return frame
        data, wire = frame.data, decoded(frame.data)
        packed = wire.get("bytes") if isinstance(wire, dict) else None
        if isinstance(packed, str):
            try:
                data = b64decode(packed, validate=True)
            except ValueError:
                raise unreadable("a chunk is not in base64") from None
            wire = decoded(data)
        elif not isinstance(wire, dict) or "type" not in wire:  # some servers beside Amazon wrap nothing
            return None
        kind = wire.get("type") if isinstance(wire, dict) else None
        return Frame(data, kind if isinstance(kind, str) else "")


def decoded(data: bytes) -> Json:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


# -- write -----------------------------------------------------------------------


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message with its checksums."""
    head = b"".join(map(header, headers.items()))
    total = LEAST + len(head) + len(payload)
    lengths = struct.pack(">II", total, len(head))
    data = b"".join((lengths, CRC.pack(crc32(lengths)), head, payload))
    return data + CRC.pack(crc32(data))


def header(pair: tuple[str, str]) -> bytes:
    name, value = (text.encode() for text in pair)
    return b"%c%b%c%b%b" % (len(name), name, STRING, len(value).to_bytes(2, "big"), value)


class Writer:
    """Frames to the bytes of one stream; a frame whose event ends in "Exception" is one."""

    media_type = MEDIA_TYPE

    def write(self, frame: Frame) -> bytes:
        wrong = frame.event.endswith("Exception")
        headers = {
            ":exception-type" if wrong else ":event-type": frame.event,
            ":content-type": "application/json",
            ":message-type": "exception" if wrong else "event",
        }
        return message(headers, frame.data)

    def keep_alive(self) -> bytes:
        return b""  # its readers know of nothing but events

    def close(self) -> bytes:
        return b""


class ChunkWriter(Writer):
    """The same for a client of InvokeModelWithResponseStream: each event of the vendor's in a chunk, an error as an
    exception."""

    def write(self, frame: Frame) -> bytes:
        if frame.event == "error":
            wire = decoded(frame.data)
            inner = wire.get("error") if isinstance(wire, dict) else None
            said = {"message": message_in(inner) or message_in(wire) or "the model failed in the middle of its answer"}
            return super().write(Frame(msgspec.json.encode(said), "modelStreamErrorException"))
        return super().write(Frame(b'{"bytes":"%b"}' % b64encode(frame.data), "chunk"))
