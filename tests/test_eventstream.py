"""Amazon's event-stream frames: every header type, every cut, and every byte gone wrong. It knows no dialect."""

from __future__ import annotations

import base64
import json
import struct
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer

from dragoman.core.errors import GatewayError, Kind
from dragoman.core.eventstream import AnswerReader, ChunkWriter, Reader, Writer, exception, kind_named, message
from dragoman.core.framing import Frame
from traffic import Exchange, exchanges

EVENT = {":message-type": "event", ":event-type": "chunk", ":content-type": "application/json"}


def read(data: bytes, size: int = 1 << 20, reader: Reader | None = None) -> list[Frame]:
    reader = reader or Reader()
    frames = [frame for i in range(0, len(data), size) for frame in reader.feed(data[i : i + size])]
    return frames + list(reader.close())


def raw(headers: bytes, payload: bytes = b"{}") -> bytes:
    """A message with headers as they are given."""
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    prelude += struct.pack(">I", crc32(prelude))
    return (data := prelude + headers + payload) + struct.pack(">I", crc32(data))


def text(name: str, value: str) -> bytes:
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value.encode())) + value.encode()


TYPES = {
    "true": b"\x00",
    "false": b"\x01",
    "byte": b"\x02\xff",
    "short": b"\x03\xff\xff",
    "integer": b"\x04\x00\x00\x00\x07",
    "long": b"\x05" + bytes(8),
    "bytes": b"\x06\x00\x03abc",
    "text": b"\x07\x00\x03\xe2\x82\xac",
    "time": b"\x08" + bytes(8),
    "uuid": b"\x09" + bytes(16),
}


@pytest.mark.parametrize("kind", TYPES)
def test_a_header_of_every_type_is_read_over(kind: str) -> None:
    odd = b"\x01x" + TYPES[kind]
    plain = text(":message-type", "event") + text(":event-type", "chunk")
    assert read(raw(odd + plain)) == [Frame(b"{}", "chunk")]
    assert read(raw(plain + odd)) == [Frame(b"{}", "chunk")]


RECORDED = [p for p in exchanges("bedrock.") if p.values[0] is None or "body_base64" in p.values[0].record["response"]]


@pytest.mark.parametrize("case", RECORDED)
@pytest.mark.parametrize("size", [1, 5, 1 << 20])
def test_recorded_streams_at_every_cut(case: Exchange, size: int) -> None:
    response = case.record["response"]
    frames = read(base64.b64decode(response["body_base64"]), size)
    assert [(f.event, json.loads(f.data)) for f in frames] == [
        (event["headers"][":event-type"], event["payload"]) for event in response["events"]
    ]


@pytest.mark.parametrize("case", [p for p in RECORDED if p.values[0] is None or "invoke" in p.values[0].api])
def test_recorded_chunks_are_unwrapped(case: Exchange) -> None:
    response = case.record["response"]
    frames = read(base64.b64decode(response["body_base64"]), 7, AnswerReader())
    wires = [event["payload_decoded"] for event in response["events"]]
    assert [(f.event, json.loads(f.data)) for f in frames] == [(wire.get("type", ""), wire) for wire in wires]


def test_what_the_writer_writes_the_reader_reads() -> None:
    frames = [Frame(b'{"role":"assistant"}', "messageStart"), Frame(b'{"message":"slow"}', "throttlingException")]
    writer = Writer()
    data = b"".join(map(writer.write, frames)) + writer.keep_alive() + writer.close()
    assert read(data, 1) == frames
    assert b":exception-type" in data and data.count(b":message-type") == 2


def test_amazons_own_reader_reads_what_ours_does() -> None:
    frames = [Frame('{"text":"안녕"}'.encode(), "contentBlockDelta"), Frame(b'{"message":"x"}', "throttlingException")]
    buffer = EventStreamBuffer()
    buffer.add_data(b"".join(map(Writer().write, frames)))
    first, second = list(buffer)
    assert first.headers == {
        ":event-type": "contentBlockDelta",
        ":content-type": "application/json",
        ":message-type": "event",
    }
    assert (first.payload, second.payload) == (frames[0].data, frames[1].data)
    assert second.headers[":exception-type"] == "throttlingException"


def test_an_error_message_becomes_an_exception_frame() -> None:
    data = message({":message-type": "error", ":error-code": "InternalFailure", ":error-message": "broke"}, b"")
    assert read(data) == [Frame(b'{"message":"broke"}', "InternalFailureException")]


def test_an_empty_payload_and_a_large_one() -> None:
    assert read(message(EVENT, b"")) == [Frame(b"", "chunk")]
    large = b"A" * (5 << 20)
    assert read(message(EVENT, large), 1 << 16) == [Frame(large, "chunk")]


GOOD = message(EVENT, b'{"bytes":"e30="}')


@pytest.mark.parametrize("at", range(len(GOOD)))
def test_any_byte_gone_wrong_is_noticed(at: int) -> None:
    """Both checksums are checked; a length that grew is noticed before anything is waited for."""
    broken = bytearray(GOOD)
    broken[at] ^= 0x11
    with pytest.raises(GatewayError) as caught:
        read(bytes(broken))
    assert caught.value.kind is Kind.UPSTREAM
    assert caught.value.code == "upstream_invalid_response"


@pytest.mark.parametrize("end", range(1, len(GOOD)))
def test_a_stream_that_ends_in_an_event_is_truncated(end: int) -> None:
    with pytest.raises(GatewayError) as caught:
        read(GOOD + GOOD[:end])
    assert caught.value.code == "upstream_truncated"


def test_an_event_past_the_limit_is_refused_by_its_prelude() -> None:
    reader = Reader(limit=1000)
    with pytest.raises(GatewayError, match="past the limit"):
        list(reader.feed(message(EVENT, b"x" * 1000)[:12]))


@pytest.mark.parametrize(
    "headers",
    [
        b"",
        text(":message-type", "riddle"),
        text(":event-type", "chunk"),
        b"\x01x\x0a",
        b"\x09x",
        b"\x01x\x07\x00\x09a",
        b"\x01x\x07\x00\x01\xff",
        b"\x01x\x05\x00",
        b"\x01x",
    ],
)
def test_headers_that_make_no_sense_are_the_providers_fault(headers: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        read(raw(headers))
    assert caught.value.code == "upstream_invalid_response"


@pytest.mark.parametrize(("total", "inner"), [(15, 0), (20, 5), (0, 0)])
def test_lengths_that_make_no_sense_are_the_providers_fault(total: int, inner: int) -> None:
    prelude = struct.pack(">II", total, inner)
    with pytest.raises(GatewayError, match="shorter than its parts"):
        read(prelude + struct.pack(">I", crc32(prelude)))


# -- chunks ------------------------------------------------------------------------


def chunk(inner: bytes) -> bytes:
    return message(EVENT, json.dumps({"bytes": base64.b64encode(inner).decode(), "p": "abc"}).encode())


def test_a_chunk_of_any_vendor_is_unwrapped() -> None:
    data = chunk(b'{"type":"ping"}') + chunk(b'{"generation":"x"}') + chunk(b"not json") + chunk(b'{"type":7}')
    assert read(data, 3, AnswerReader()) == [
        Frame(b'{"type":"ping"}', "ping"),
        Frame(b'{"generation":"x"}', ""),
        Frame(b"not json", ""),
        Frame(b'{"type":7}', ""),
    ]


def test_what_is_no_chunk_is_left_read_over_or_refused() -> None:
    assert read(Writer().write(Frame(b"{}", "messageStart")), reader=AnswerReader()) == [Frame(b"{}", "messageStart")]
    bare = b'{"type":"ping"}'
    assert read(message(EVENT, bare), reader=AnswerReader()) == [Frame(bare, "ping")]
    assert read(message(EVENT, b'{"p":"abc"}') + message(EVENT, b"[]"), reader=AnswerReader()) == []
    with pytest.raises(GatewayError, match="not in base64"):
        read(message(EVENT, b'{"bytes":"%%"}'), reader=AnswerReader())


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("throttlingException", Kind.RATE_LIMIT),
        ("ValidationException", Kind.INVALID_REQUEST),
        ("modelTimeoutException", Kind.TIMEOUT),
        ("serviceUnavailableException", Kind.OVERLOADED),
        ("modelStreamErrorException", Kind.UPSTREAM),
        ("brandNewException", Kind.UPSTREAM),
    ],
)
def test_an_exception_among_chunks_is_raised(name: str, kind: Kind) -> None:
    data = Writer().write(Frame(b'{"message":"No more."}', name))
    with pytest.raises(GatewayError, match="No more") as caught:
        read(data, reader=AnswerReader())
    assert caught.value.kind is kind


def test_what_the_writer_wraps_the_reader_unwraps() -> None:
    writer = ChunkWriter()
    frames = [Frame(b'{"type":"ping"}', "ping"), Frame('{"type":"x","text":"안녕"}'.encode(), "x")]
    assert read(b"".join(map(writer.write, frames)), 5, AnswerReader()) == frames
    for data in (b'{"type":"error","error":{"message":"Overloaded"}}', b'{"message":"Overloaded"}'):
        with pytest.raises(GatewayError, match="Overloaded"):
            read(writer.write(Frame(data, "error")), reader=AnswerReader())
    with pytest.raises(GatewayError, match="failed in the middle"):
        read(writer.write(Frame(b"[]", "error")), reader=AnswerReader())


def test_exceptions_mean_what_their_words_say() -> None:
    assert kind_named("ThrottlingException") is kind_named("throttlingException") is Kind.RATE_LIMIT
    assert kind_named("Riddle") is None
    found = exception(Kind.INVALID_REQUEST, "The provided model identifier is invalid.", 400)
    assert (found.kind, found.code, found.status) == (Kind.NOT_FOUND, "model_not_found", None)
    assert exception(Kind.INVALID_REQUEST, "Input is too long for requested model.").kind is Kind.CONTEXT_LENGTH
    uncounted = "The provided model doesn't support counting tokens."
    assert exception(Kind.INVALID_REQUEST, uncounted, 400).kind is Kind.NOT_FOUND, "so that an estimate will do"
    slow = "Too many tokens, please wait before trying again."
    assert exception(Kind.RATE_LIMIT, slow, 429).kind is Kind.RATE_LIMIT, "the minute's tokens, not the context's"
    assert exception(Kind.RATE_LIMIT, "Too many tokens per day, please wait").kind is Kind.QUOTA
    assert exception(Kind.INVALID_REQUEST, "messages: blank", 400).status == 400
