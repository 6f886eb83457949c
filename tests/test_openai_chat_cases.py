"""Chat Completions case by case: the numbered failures of other gateways, the seeds' shapes, and each provider's quirks."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from msgspec.structs import replace

import laws
from dragoman.core.codec import Context, Loss
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.fold import fold, unfold
from dragoman.core.framing import Frame
from dragoman.core.ir import (
    AnyPart,
    Base64,
    Cache,
    Citation,
    Event,
    FileId,
    Finish,
    Format,
    Media,
    Message,
    Opaque,
    PartDelta,
    PartEnd,
    PartStart,
    Picture,
    Ping,
    Reasoning,
    Refusal,
    Request,
    Response,
    Sampling,
    Signature,
    Speech,
    Start,
    Stop,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Url,
    Usage,
    Voice,
)
from dragoman.core.media import Model
from dragoman.core.profile import Profile
from dragoman.dialects.openai_chat import OpenAIChat

CODEC = OpenAIChat()
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
DATA = f"data:image/png;base64,{PNG}"
DONE = "[DONE]"


# -- streams: what servers send -----------------------------------------------------


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": choices,
    } | more


def heard(*chunks: dict[str, Any] | str, ctx: Context | None = None) -> list[Event]:
    decoder, found = CODEC.decoder(ctx or laws.context()), list[Event]()
    for each in chunks:
        found += decoder.feed(Frame(each.encode() if isinstance(each, str) else json.dumps(each).encode()))
    found += decoder.close()
    laws.grammar(found)
    return found


def answer(*chunks: dict[str, Any] | str) -> Response:
    return fold(heard(*chunks))


def call(index: int | None = 0, id: str | None = None, name: Any = None, arguments: Any = None) -> dict[str, Any]:
    wire: dict[str, Any] = {"function": {}}
    wire |= {key: value for key, value in (("index", index), ("id", id)) if value is not None}
    wire["function"] |= {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return {"tool_calls": [wire]}


def calls(*chunks: dict[str, Any] | str) -> list[tuple[str, str, str]]:
    return [(p.id, p.name, p.arguments) for p in answer(*chunks).parts if isinstance(p, ToolCall)]


def texts(response: Response) -> list[tuple[str, str]]:
    return [(type(p).__name__, p.text) for p in response.parts if isinstance(p, Text | Reasoning | Refusal)]


STOP = chunk({}, "stop")


def test_case_001_005_no_part_before_its_content() -> None:
    found = heard(
        chunk({"role": "assistant", "content": ""}),
        chunk({"reasoning_content": "Let me"}),
        chunk({"content": "Hello"}),
        STOP,
    )
    kinds = [type(event.part) for event in found if isinstance(event, PartStart)]
    assert kinds == [Reasoning, Text]


def test_case_002_004_empty_strings_and_nulls_are_absent() -> None:
    response = answer(
        chunk({"content": "", "reasoning_content": "x"}),
        chunk({"content": "B", "reasoning_content": None}),
        chunk({"content": "C", "reasoning": ""}),
        STOP,
    )
    assert texts(response) == [("Reasoning", "x"), ("Text", "BC")]


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_case_003_reasoning_in_either_field(field: str) -> None:
    whole = {"choices": [{"message": {"content": "4", field: "2+2"}, "finish_reason": "stop"}]}
    expected = [("Reasoning", "2+2"), ("Text", "4")]
    assert texts(CODEC.decode_response(whole, laws.context())) == expected
    assert texts(answer(chunk({field: "2+"}), chunk({field: "2"}), chunk({"content": "4"}), STOP)) == expected


@pytest.mark.parametrize("empty", [[], None])
def test_case_006_empty_tool_calls(empty: Any) -> None:
    response = answer(chunk({"content": "Hi", "tool_calls": empty, "function_call": None}), STOP)
    assert response.parts == (Text(text="Hi"),)
    assert response.stop.reason == "stop"


def test_case_007_a_whole_call_in_one_chunk() -> None:
    assert calls(chunk(call(0, "c1", "add", '{"a":17,"b":25}')), chunk({}, "tool_calls")) == [
        ("c1", "add", '{"a":17,"b":25}')
    ]


def test_case_008_a_name_in_every_chunk() -> None:
    parts = [chunk(call(0, "c1" if i == 0 else None, "do_it", text)) for i, text in enumerate(["", '{"x"', ":1}"])]
    assert calls(*parts, STOP) == [("c1", "do_it", '{"x":1}')]
    without_ids = [chunk(call(0, None, "do_it", text)) for text in ["", '{"x"', ":1}", ""]]
    assert calls(*without_ids, STOP) == [("call_chatcmpl-1_0", "do_it", '{"x":1}')]


def test_case_009_an_id_that_comes_late() -> None:
    found = heard(chunk(call(0, "", "do_it", "")), chunk(call(0, "call_real", None, "{}")), STOP)
    [start] = [event for event in found if isinstance(event, PartStart)]
    assert start.part == ToolCall(id="call_real", name="do_it")
    assert fold(found).parts == (ToolCall(id="call_real", name="do_it", arguments="{}"),)


def test_case_010_an_id_that_never_comes() -> None:
    stream = [chunk(call(0, None, "f", '{"a":1}')), chunk(call(1, None, "f", "{}")), STOP]
    assert [id for id, *_ in calls(*stream)] == ["call_chatcmpl-1_0", "call_chatcmpl-1_1"]
    assert calls(*stream) == calls(*stream)
    nameless = [{**each, "id": None} for each in stream]
    assert [id for id, *_ in calls(*nameless)] == ["call_0001_0", "call_0001_1"]
    long = [{**each, "id": "chatcmpl-" + "x" * 90} for each in stream]
    assert all(len(id) <= 40 for id, *_ in calls(*long))


def test_case_011_names_that_are_none() -> None:
    assert calls(chunk(call(0, "c1", None, '{"q":1}')), STOP) == [("c1", "tool_0", '{"q":1}')]
    assert calls(chunk(call(0, "c1", "f", "")), chunk(call(0, None, "", "{}")), STOP) == [("c1", "f", "{}")]
    assert calls(chunk(call(0, "c1", 7, "{}")), STOP) == [("c1", "tool_0", "{}")]
    nothing = answer(chunk(call(0, "", "", "")), chunk({"content": "x"}), STOP)
    assert nothing.parts == (Text(text="x"),)
    assert nothing.stop.reason == "stop"


def test_case_012_calls_that_interleave() -> None:
    found = calls(
        chunk(call(0, "a", "f", "")), chunk(call(1, "b", "g", "")), chunk(call(0, None, None, '{"a"')),
        chunk(call(1, None, None, '{"b"')), chunk(call(0, None, None, ":1}")), chunk(call(1, None, None, ":2}")), STOP,
    )  # fmt: skip
    assert found == [("a", "f", '{"a":1}'), ("b", "g", '{"b":2}')]


def test_case_013_two_calls_on_one_index() -> None:
    assert calls(chunk(call(0, "a", "f", "{}")), chunk(call(0, "b", "g", "{}")), chunk(call(0, None, None, " ")), STOP) == [
        ("a", "f", "{}"), ("b", "g", "{} "),
    ]  # fmt: skip
    twice = [chunk(call(0, None, "f", '{"a":1}')), chunk(call(0, None, "f", '{"a":2}')), STOP]
    assert [arguments for *_, arguments in calls(*twice)] == ['{"a":1}', '{"a":2}']
    unnumbered = [
        chunk(call(None, "a", "f", "{")),
        chunk(call(None, None, None, "}")),
        chunk(call(None, "b", "g", "{}")),
        STOP,
    ]
    assert calls(*unnumbered) == [("a", "f", "{}"), ("b", "g", "{}")]
    same_id = [chunk(call(0, "0", "f", "{}")), chunk(call(1, "0", "g", "{}")), STOP]
    assert [id for id, *_ in calls(*same_id)] == ["0", "call_chatcmpl-1_1"]


def test_case_014_the_last_fragment_comes_with_the_finish() -> None:
    response = answer(chunk(call(0, "a", "f", "{")), chunk(call(0, None, None, "}"), "tool_calls"))
    assert response.parts == (ToolCall(id="a", name="f", arguments="{}"),)
    assert response.stop == Stop("tool_calls", "tool_calls")


@pytest.mark.parametrize("end", [(DONE,), ()], ids=["done", "cut"])
def test_case_015_no_usage(end: tuple[str, ...]) -> None:
    found = heard(chunk({"content": "x"}), STOP, *end)
    assert found[-1] == Finish(stop=Stop("stop", "stop"))


def test_case_016_019_the_last_usage_and_one_finish() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    later = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    response = answer(
        chunk({"content": "x"}), chunk({}, "stop", usage=usage), chunk({}, "length"), chunk(None, usage=later), DONE
    )
    assert response.usage == Usage(input=5, output=2)
    assert response.stop.reason == "length"


def test_case_017_no_finish_reason() -> None:
    assert answer(chunk({"content": "x"}), DONE).stop == Stop("stop")
    assert answer(chunk(call(0, "a", "f", "{}")), DONE).stop.reason == "tool_calls"
    assert answer(chunk(call(0, "a", "f", '{"a')), DONE).stop.reason == "stop"


@pytest.mark.parametrize(
    "stream",
    [[], [DONE], [chunk({"content": "x"})], [chunk(None)], [chunk(None), DONE], [chunk(call(0, "a", "f", "{}"))]],
)
def test_case_017_128_a_stream_that_is_cut(stream: list[Any]) -> None:
    with pytest.raises(GatewayError) as caught:
        heard(*stream)
    assert (caught.value.kind, caught.value.code) == (Kind.UPSTREAM, "upstream_truncated")


def test_case_018_nothing_after_done() -> None:
    found = heard(chunk({"content": "x"}), STOP, DONE, chunk({"content": "late"}), DONE, "not json")
    assert fold(found).parts == (Text(text="x"),)


def test_case_020_azures_prelude() -> None:
    prelude = {
        "id": "",
        "object": "",
        "created": 0,
        "model": "",
        "prompt_filter_results": [{"prompt_index": 0}],
        "choices": [],
    }
    response = answer(prelude, chunk({"content": "x"}), STOP)
    assert (response.id, response.model) == ("chatcmpl-1", "m")
    assert response.extra["prompt_filter_results"] == [{"prompt_index": 0}]
    only_there = answer({**prelude, "model": "gpt-4o"}, {**chunk({"content": "x"}), "model": None}, STOP)
    assert only_there.model == "gpt-4o"


def test_case_021_022_usage_null_and_at_the_end() -> None:
    usage = {"prompt_tokens": 812, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 700}}
    response = answer(
        chunk({"content": "x"}, usage=None), chunk({}, "stop", usage=None), chunk(None, usage=usage), DONE
    )
    assert response.usage == Usage(input=812, output=9, cache_read=700, extra={"prompt_tokens_details": {}})
    groq = answer(chunk({"content": "x"}), chunk({}, "stop", x_groq={"id": "1", "usage": usage}))
    assert (groq.usage.input, groq.extra["x_groq"]["id"]) == (812, "1")


def test_case_025_streams_share_nothing() -> None:
    streams = [
        [chunk({"content": f"{i}{j}"}) for j in range(5)] + [chunk(call(0, f"c{i}", "f", "{}")), STOP]
        for i in range(50)
    ]
    decoders = [CODEC.decoder(laws.context()) for _ in streams]
    found: list[list[Event]] = [[] for _ in streams]
    for j in range(7):
        for i, stream in enumerate(streams):
            found[i] += decoders[i].feed(Frame(json.dumps(stream[j]).encode()))
    for i, decoder in enumerate(decoders):
        found[i] += decoder.close()
        assert found[i] == heard(*streams[i])


def test_case_026_an_empty_answer() -> None:
    assert answer(chunk({"role": "assistant", "content": ""}), STOP).parts == ()


ERRORS: list[tuple[dict[str, Any] | str, Kind, int | None, str]] = [
    ({"error": {"code": 502, "message": "Bad"}, "choices": [{"finish_reason": "error"}]}, Kind.UPSTREAM, 502, "Bad"),
    (chunk({}, "error") | {"choices": [{"delta": {}, "error": {"code": 429, "message": "Slow"}}]}, Kind.RATE_LIMIT, 429, "Slow"),
    ({"error": {"message": "Overloaded", "type": "overloaded_error"}}, Kind.OVERLOADED, None, "Overloaded"),
    ({"object": "error", "message": "maximum context length is 10", "code": 400}, Kind.CONTEXT_LENGTH, 400, "maximum context"),
    ({"error": "gone"}, Kind.UPSTREAM, None, "gone"),
    ({"detail": "Not here"}, Kind.UPSTREAM, None, "Not here"),
    ("{not json", Kind.UPSTREAM, None, "not JSON"),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "kind", "status", "message"), ERRORS)
@pytest.mark.parametrize("before", [[], [chunk({"content": "x"})]], ids=["first", "later"])
def test_case_037_079_errors_in_the_stream(
    bad: Any, kind: Kind, status: int | None, message: str, before: list[Any]
) -> None:
    with pytest.raises(GatewayError, match=message) as caught:
        heard(*before, bad)
    assert (caught.value.kind, caught.value.status) == (kind, status)


def test_errors_by_the_event_line_and_in_arrays() -> None:
    for frame in (
        Frame(b'{"message":"x"}', "error"),
        Frame(b'[{"error":{"code":503,"message":"x","status":"UNAVAILABLE"}}]'),
    ):
        with pytest.raises(GatewayError, match="x"):
            list(CODEC.decoder(laws.context()).feed(frame))


def test_frames_of_no_use_are_passed_over() -> None:
    assert answer("", " [DONE_NOT]"[:0], "[1]", "7", "null", chunk({"content": "x"}), chunk(None, more=1), STOP, " [DONE] ").parts == (
        Text(text="x"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "reason"),
    [("eos", "stop"), ("end_turn", "stop"), ("model_length", "length"), ("tool_use", "tool_calls"), ("sensitive", "content_filter"),
     ("insufficient_system_resource", "error"), ("from_tomorrow", "stop")],
)  # fmt: skip
def test_case_034_words_for_the_end(raw: str, reason: str) -> None:
    called = call(0, "a", "f", "{}") if reason == "tool_calls" else {}  # without a call it is no reason (case 11)
    assert answer(chunk({"content": "x"} | called), chunk({}, raw)).stop == Stop(reason, raw)  # type: ignore[arg-type]
    assert answer(chunk(call(0, "a", "f", "{}")), chunk({}, "stop")).stop == Stop("tool_calls", "stop")


def test_case_035_two_signed_thoughts_stay_two() -> None:
    parts: tuple[AnyPart, ...] = (
        Reasoning(text="one", signature=Signature("anthropic", "s1")),
        Reasoning(text="two", signature=Signature("anthropic", "s2")),
        Reasoning(redacted=True, signature=Signature("anthropic", "s3")),
        Reasoning(text="sum", summary=True, signature=Signature("openai", "s4")),
        Text(text="Hi"),
        ToolCall(id="c", name="f", arguments="{}", signature=Signature("google", "s5")),
    )
    said = Response(origin="elsewhere", id="1", model="m", parts=parts, stop=Stop("tool_calls"))
    whole = CODEC.encode_response(said, laws.context())
    assert CODEC.decode_response(whole, laws.context()).parts == parts
    streamed = laws.reread(CODEC, laws.render(CODEC, unfold(said)))
    assert [replace(p, summary=False) if isinstance(p, Reasoning) else p for p in streamed.parts] == [
        replace(p, summary=False) if isinstance(p, Reasoning) else p for p in parts
    ]
    message = whole["choices"][0]["message"]
    assert message["reasoning_content"] == "onetwosum"
    assert [detail["index"] for detail in message["reasoning_details"]] == [0, 1, 2, 3, 4]
    again = CODEC.decode_request({"messages": [{"role": "user", "content": "x"}, message]}, laws.context())
    assert again.messages[1].parts == parts  # as a client sends it back


def test_openrouters_details_in_a_stream() -> None:
    detail = {"type": "reasoning.text", "format": "anthropic-claude-v1", "index": 0}
    response = answer(
        chunk({"content": "", "reasoning": "a", "reasoning_details": [{**detail, "text": "a"}]}),
        chunk({"content": "", "reasoning": "b", "reasoning_details": [{**detail, "text": "b"}]}),
        chunk({"content": "", "reasoning": None, "reasoning_details": [{**detail, "signature": "s"}]}),
        chunk({"reasoning_details": [{"type": "reasoning.encrypted", "data": "r", "format": "anthropic-claude-v1"}]}),
        chunk({"reasoning_details": [{**detail, "text": "c"}]}),
        chunk({"reasoning_details": []}),
        chunk({"content": "Hi"}),
        STOP,
    )
    assert response.parts == (
        Reasoning(text="ab", signature=Signature("anthropic", "s")),
        Reasoning(redacted=True, signature=Signature("anthropic", "r")),
        Reasoning(text="c"),
        Text(text="Hi"),
    )


def test_content_in_pieces_as_mistral_sends_it() -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}], "closed": True}
    response = answer(
        chunk({"content": [thought]}),
        chunk({"content": [{"type": "text", "text": "Ha"}]}),
        chunk({"content": "!"}),
        STOP,
    )
    assert texts(response) == [("Reasoning", "Hm"), ("Text", "Ha!")]
    whole = {"choices": [{"message": {"content": [thought, {"type": "text", "text": "Ha!"}]}}]}
    assert texts(CODEC.decode_response(whole, laws.context())) == texts(response)


def test_message_in_place_of_delta() -> None:
    whole = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}]}
    assert answer(whole).parts == (Text(text="x"),)
    both = {"choices": [{"index": 0, "message": {"content": "xy"}, "delta": {"content": "y"}, "finish_reason": None}]}
    assert answer(both, both, STOP).parts == (Text(text="yy"),)


def test_sound_in_a_stream() -> None:
    pieces = [base64.b64encode(data).decode() for data in (b"ab", b"cdef", b"gh")]
    stream = [
        chunk({"audio": {"id": "a", "transcript": "He"}}),
        *(chunk({"audio": {"data": piece}}) for piece in pieces),
    ]
    response = answer(*stream, chunk({"audio": {"transcript": "y", "expires_at": 1}}), STOP)
    [part] = response.parts
    assert isinstance(part, Media) and isinstance(part.source, Base64)
    assert part.media_type.startswith("audio/L16")
    assert base64.b64decode(part.source.data) == b"abcdefgh"
    assert response.extra["choices"][0]["message"] == {"audio": {"transcript": "Hey"}}


def test_pictures_and_citations_in_a_stream() -> None:
    note = {
        "type": "url_citation",
        "url_citation": {"url": "https://e.com", "title": "T", "start_index": 0, "end_index": 4},
    }
    response = answer(
        chunk({"content": "Look"}), chunk({"annotations": [note, {"type": "file"}]}),
        chunk({"content": f"![Generated Image]({DATA})", "images": [{"type": "image_url", "image_url": {"url": DATA}}]}), STOP,
    )  # fmt: skip
    assert response.parts == (
        Text(text="Look", citations=(Citation(url="https://e.com", title="T", start=0, end=4),)),
        Media(media_type="image/png", source=Base64(PNG)),
    )


def test_other_choices_are_not_mixed_in() -> None:
    ctx = laws.context()
    other = {"id": "1", "choices": [{"index": 1, "delta": {"content": "no"}, "finish_reason": "length"}]}
    found = heard(chunk({"content": "a"}), other, chunk({"content": "b"}), STOP, other, DONE, ctx=ctx)
    assert fold(found).parts == (Text(text="ab"),)
    assert fold(found).stop.reason == "stop"
    assert [loss.path for loss in ctx.losses] == ["choices[1]"]


def test_googles_signatures_in_a_stream() -> None:
    seal = {"extra_content": {"google": {"thought_signature": "s"}}}
    on_call = chunk({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}, **seal}]})
    signed = (ToolCall(id="c", name="f", arguments="{}", signature=Signature("google", "s")),)
    assert answer(on_call, STOP).parts == signed
    assert answer(chunk(seal), chunk(call(0, "c", "f", "{}")), STOP).parts == signed
    assert answer(chunk({"content": "x"}), chunk(seal), STOP).parts == (
        Text(text="x", signature=Signature("google", "s")),
    )
    assert answer(chunk(seal), STOP).parts == (Text(text="", signature=Signature("google", "s")),)


# -- streams: what clients get ---------------------------------------------------------


def asked(**fields: Any) -> Request:
    return Request(**({"origin": "openai.chat", "model": "asked", "messages": ()} | fields))


def told(*parts: AnyPart, **fields: Any) -> Response:
    return Response(**({"origin": "elsewhere", "id": "x", "model": "m", "parts": parts} | fields))


def rendered(response: Response, **fields: Any) -> list[Any]:
    frames = laws.render(CODEC, unfold(response), **fields)
    return [json.loads(frame.data) if frame.data != b"[DONE]" else DONE for frame in frames]


def deltas(response: Response, **fields: Any) -> list[Any]:
    return [choice["delta"] for each in rendered(response, **fields) if each != DONE for choice in each["choices"]]


def test_000_3_the_chunks_of_the_seed() -> None:
    frames = laws.render(CODEC, unfold(told(Text(text="Spring"))), model="gemini-2.5-flash", request=asked(stream=True))
    head = '{"id":"chatcmpl-0001","object":"chat.completion.chunk","created":1700000000,"model":"gemini-2.5-flash","choices":[{"index":0,"delta":'
    assert [frame.data.decode() for frame in frames] == [
        head + '{"role":"assistant","content":""},"finish_reason":null}]}',
        head + '{"content":"Spring"},"finish_reason":null}]}',
        head + '{},"finish_reason":"stop"}]}',
        DONE,
    ]
    assert all(frame.event == "" for frame in frames)


@pytest.mark.parametrize(("wish", "shown"), [(True, True), (False, False), (None, False)])
def test_usage_only_for_who_asked(wish: bool | None, shown: bool) -> None:
    usage = Usage(input=22044, output=4, cache_read=22000, cache_write=31, reasoning=3)
    chunks = rendered(told(Text(text="x"), usage=usage), request=asked(stream_usage=wish))
    assert all("usage" not in each for each in chunks[:-2])
    if not shown:
        assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
        return
    assert chunks[-2]["choices"] == []
    assert chunks[-2]["usage"] == {  # case 31
        "prompt_tokens": 22044,
        "completion_tokens": 4,
        "total_tokens": 22048,
        "prompt_tokens_details": {"cached_tokens": 22000, "cache_write_tokens": 31},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }


def test_case_027_028_calls_are_counted_and_never_empty() -> None:
    made = deltas(
        told(
            Text(text="x"),
            ToolCall(id="a", name="f", arguments='{"a":1}'),
            ToolCall(id="b", name="now"),
            stop=Stop("tool_calls"),
        )
    )
    assert made[2:-1] == [
        {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"a":1}'}}]},
        {"tool_calls": [{"index": 1, "id": "b", "type": "function", "function": {"name": "now", "arguments": ""}}]},
        {"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]},
    ]


def test_a_signature_is_in_the_first_chunk_of_its_call() -> None:
    signed = ToolCall(id="a", name="f", arguments="{}", signature=Signature("google", "s"))
    assert deltas(told(signed))[1]["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "s"}}
    ctx = laws.context()
    encoder = CODEC.encoder(ctx)
    foreign = replace(signed, signature=Signature("anthropic", "s"))
    whole = laws.context()
    assert "extra_content" not in CODEC.encode_response(told(foreign), whole)["choices"][0]["message"]["tool_calls"][0]
    assert [loss.path for loss in whole.losses] == ["parts[0].signature"]
    assert b"extra_content" not in b"".join(f.data for event in unfold(told(foreign)) for f in encoder.feed(event))
    assert [loss.path for loss in ctx.losses] == ["parts[0].signature"]


def test_001_21_reasoning_is_streamed_as_reasoning_content() -> None:
    assert deltas(told(Reasoning(text="Hm"), Text(text="x")))[1:3] == [{"reasoning_content": "Hm"}, {"content": "x"}]


def test_001_2_pictures_for_people_and_for_programs() -> None:
    pictures = (
        Media(media_type="image/png", source=Base64(PNG)),
        Media(media_type="image/png", source=Url("https://e.com/a.png")),
    )
    markdown = [f"![Generated Image]({DATA})", "![Generated Image](https://e.com/a.png)"]
    images = [
        {"type": "image_url", "image_url": {"url": DATA}, "index": 0},
        {"type": "image_url", "image_url": {"url": "https://e.com/a.png"}, "index": 1},
    ]
    said = told(Text(text="Two: "), *pictures)
    message = CODEC.encode_response(said, laws.context())["choices"][0]["message"]
    assert message == {"role": "assistant", "content": "Two: " + "".join(markdown), "images": images}
    assert deltas(said)[2:4] == [{"content": markdown[i], "images": [images[i]]} for i in range(2)]
    assert CODEC.decode_response(CODEC.encode_response(said, laws.context()), laws.context()).parts == said.parts
    # a client that keeps only the text sends the picture back all the same
    replayed = CODEC.decode_request(
        {"messages": [{"role": "assistant", "content": message["content"]}]}, laws.context()
    )
    assert replayed.messages[0].parts == said.parts


def test_sound_in_an_answer() -> None:
    pcm = base64.b64encode(b"\0\1\2\3").decode()
    said = told(Media(media_type="audio/L16;codec=pcm;rate=24000", source=Base64(pcm)))
    message = CODEC.encode_response(said, laws.context())["choices"][0]["message"]
    assert message == {
        "role": "assistant",
        "content": None,
        "audio": {"id": "audio_0001", "data": pcm, "transcript": "", "expires_at": 1_700_003_600},
    }
    wav = laws.context(request=asked(speech=Speech(format="wav")))
    data = CODEC.encode_response(said, wav)["choices"][0]["message"]["audio"]["data"]
    assert base64.b64decode(data)[:4] == b"RIFF"
    mp3 = laws.context(request=asked(speech=Speech(format="mp3")))
    CODEC.encode_response(said, mp3)
    assert [loss.path for loss in mp3.losses] == ["parts[0]"]
    assert deltas(said)[1:3] == [{"audio": {"id": "audio_0002", "data": pcm}}, {"audio": {"expires_at": 1_700_003_600}}]


def test_citations_in_an_answer() -> None:
    cited = Text(
        text="abc", citations=(Citation(url="https://e.com", title="T", start=1, end=2), Citation(cited_text="no url"))
    )
    said = told(Text(text="12"), cited)
    note = {
        "type": "url_citation",
        "url_citation": {"url": "https://e.com", "title": "T", "start_index": 3, "end_index": 4},
    }
    ctx = laws.context()
    assert CODEC.encode_response(said, ctx)["choices"][0]["message"]["annotations"] == [note]
    assert [loss.path for loss in ctx.losses] == ["parts[1].citations"]
    assert {"annotations": [{"index": 0} | note]} in deltas(said)


def test_what_no_client_can_read_is_lost_and_said_so() -> None:
    parts = (
        ToolCall(id="s", name="web_search", arguments="{}", server=True), ToolResult(call_id="s", server=True), Opaque(kind="x", raw={}),
        Media(media_type="video/mp4", source=Base64("AAAA")), Media(media_type="audio/wav", source=FileId("google", "f")),
        Text(text="x", signature=Signature("anthropic", "s")),
    )  # fmt: skip
    ctx = laws.context()
    assert CODEC.encode_response(told(*parts), ctx)["choices"][0]["message"] == {"role": "assistant", "content": "x"}
    assert len(ctx.losses) == 6
    ctx = laws.context()
    encoder = CODEC.encoder(ctx)
    chunks = [frame for event in unfold(told(*parts)) for frame in encoder.feed(event)]
    assert len(chunks) == 5  # the role, the text, the end, the usage, [DONE]
    assert len(ctx.losses) == 6


def test_a_failure_is_the_last_thing_in_a_stream() -> None:
    encoder = CODEC.encoder(laws.context())
    [frame] = encoder.fail(GatewayError(Kind.OVERLOADED, "Overloaded"))
    assert json.loads(frame.data) == {
        "error": {"message": "Overloaded", "type": "server_error", "param": None, "code": "overloaded_error"}
    }
    assert encoder.ping() is None


def test_clients_of_functions_get_a_function_call() -> None:
    wire = {"messages": [{"role": "user", "content": "x"}], "functions": [{"name": "f"}], "function_call": "auto"}
    request = CODEC.decode_request(wire, laws.context())
    assert request.tools == (Tool(name="f"),)
    said = told(ToolCall(id="a", name="f", arguments='{"a":1}'), stop=Stop("tool_calls"))
    choice = CODEC.encode_response(said, laws.context(request=request))["choices"][0]
    assert choice["message"] == {
        "role": "assistant",
        "content": None,
        "function_call": {"name": "f", "arguments": '{"a":1}'},
    }
    assert choice["finish_reason"] == "function_call"
    assert deltas(said, request=request)[1:3] == [
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": '{"a":1}'}},
    ]
    assert rendered(said, request=request)[-2]["choices"][0]["finish_reason"] == "function_call"


# -- whole answers --------------------------------------------------------------------------


def test_000_2_the_answer_of_the_seed() -> None:
    said = told(Text(text="Hi"), usage=Usage(input=20, output=30))
    wire = CODEC.encode_response(said, laws.context(model="gemini-2.5-flash"))
    assert json.dumps(wire, separators=(",", ":")) == (
        '{"id":"chatcmpl-0001","object":"chat.completion","created":1700000000,"model":"gemini-2.5-flash","choices":'
        '[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],'
        '"usage":{"prompt_tokens":20,"completion_tokens":30,"total_tokens":50}}'
    )


@pytest.mark.parametrize(
    ("parts", "content"),
    [((), ""), ((Reasoning(text="x"),), ""), ((ToolCall(id="a", name="f"),), None), ((Text(text="x"), ToolCall(id="a", name="f")), "x")],
)  # fmt: skip
def test_content_is_null_only_beside_calls(parts: tuple[AnyPart, ...], content: str | None) -> None:
    assert CODEC.encode_response(told(*parts), laws.context())["choices"][0]["message"]["content"] == content


def test_whole_answers_of_odd_servers() -> None:
    ctx = laws.context()
    filtered = CODEC.decode_response({"choices": [{"finish_reason": "content_filter", "index": 0}]}, ctx)  # Azure
    assert (filtered.parts, filtered.stop.reason) == ((), "content_filter")
    legacy = {
        "choices": [{"message": {"function_call": {"name": "f", "arguments": "{}"}}, "finish_reason": "function_call"}],
        "id": "i",
    }
    assert CODEC.decode_response(legacy, ctx).parts == (
        ToolCall(id="call_i_0", name="f", arguments="{}", extra={"\0function_call": None}),
    )
    objects = {
        "choices": [{"message": {"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": {"a": 1}}}]}}]
    }
    [call] = CODEC.decode_response(objects, ctx).parts
    assert isinstance(call, ToolCall) and call.arguments == '{"a":1}'
    for bad in (
        {"choices": []},
        {},
        {"choices": "x"},
        {"error": {"message": "m", "code": 503}},
        {"object": "error", "message": "m"},
    ):
        with pytest.raises(GatewayError) as caught:
            CODEC.decode_response(bad, ctx)
        assert caught.value.kind in (Kind.UPSTREAM, Kind.OVERLOADED)


def test_choices_beyond_the_first_stay_at_home() -> None:
    wire = {
        "id": "1", "object": "chat.completion", "created": 5, "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "a", "x": 1}, "finish_reason": "stop", "logprobs": {"content": [1]}},
            {"index": 1, "message": {"role": "assistant", "content": "b"}, "finish_reason": "stop"},
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }  # fmt: skip
    response = CODEC.decode_response(wire, laws.context())
    assert CODEC.encode_response(response, laws.context()) == wire
    ctx = laws.context()
    assert len(CODEC.encode_response(replace(response, origin="elsewhere"), ctx)["choices"]) == 1
    assert {loss.path for loss in ctx.losses} == {"choices[1]", "choices[0].message.x", "choices[0].logprobs"}


USAGES: list[tuple[dict[str, Any], Usage]] = [
    ({"prompt_tokens": 10, "completion_tokens": 12, "total_tokens": 60, "completion_tokens_details": {"reasoning_tokens": 38}},
     Usage(input=10, output=50, reasoning=38)),  # xAI
    ({"prompt_tokens": 66, "completion_tokens": 6, "total_tokens": 100}, Usage(input=66, output=34, reasoning=28)),  # Google
    ({"prompt_tokens": 9, "completion_tokens": 201, "total_tokens": 585, "prompt_tokens_details": {"audio_tokens": 375}},
     Usage(input=384, output=201, input_audio=375)),  # Mistral
    ({"prompt_tokens": 29, "completion_tokens": 6, "total_tokens": 35, "prompt_tokens_details": {"cached_tokens": 157}},
     Usage(input=29, output=6)),  # Grok on Azure
    ({"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 8}, Usage(input=9, output=1, cache_read=8)),  # DeepSeek
    ({"prompt_tokens": 9, "completion_tokens": 1, "cached_tokens": 8}, Usage(input=9, output=1, cache_read=8)),  # Moonshot
    ({"prompt_tokens": True, "completion_tokens": -1, "total_tokens": "2"}, Usage()),
]  # fmt: skip


@pytest.mark.parametrize(("wire", "usage"), USAGES)
def test_everyones_counts(wire: dict[str, Any], usage: Usage) -> None:
    response = CODEC.decode_response({"choices": [{"message": {"content": "x"}}], "usage": wire}, laws.context())
    assert replace(response.usage, extra={}) == usage


# -- requests: what clients send -----------------------------------------------------------------

USER = {"role": "user", "content": "x"}


def refusal(**fields: Any) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        CODEC.decode_request({"model": "m", "messages": [USER]} | fields, laws.context())
    assert caught.value.kind is Kind.INVALID_REQUEST
    return caught.value


BAD: list[tuple[str, Any]] = [
    ("temperature", 2.1), ("temperature", -0.1), ("temperature", "1"), ("top_p", 1.1), ("top_p", -1), ("presence_penalty", 2.5),
    ("frequency_penalty", -2.01), ("max_tokens", 0), ("max_tokens", 1.5), ("max_tokens", 2**63), ("max_completion_tokens", -1),
    ("n", 0), ("n", 129), ("top_logprobs", 21), ("stop", 7), ("stream", "yes"), ("user", 7), ("seed", "x"), ("seed", 2**63), ("logprobs", 1),
    ("model", 7), ("messages", []), ("messages", {}), ("messages", None), ("tools", {}), ("tool_choice", 7), ("tool_choice", "sometimes"),
    ("response_format", "json"), ("modalities", "text"), ("audio", "x"), ("metadata", []), ("logit_bias", []), ("store", 1),
    ("service_tier", 1), ("prediction", 1), ("web_search_options", 1), ("verbosity", 1), ("prompt_cache_key", 1), ("safety_identifier", 1),
    ("stream_options", 1), ("parallel_tool_calls", 1), ("reasoning_effort", 1), ("functions", 1), ("function_call", 1), ("reasoning", 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD, ids=lambda x: str(x)[:20])
def test_003_3_settings_out_of_range(name: str, value: Any) -> None:
    error = refusal(**{name: value})
    assert error.param == name
    assert error.message.startswith(f"{name}: ")


DEEP: list[tuple[str, dict[str, Any]]] = [
    ("messages[0].role", {"messages": [{"role": "robot", "content": "x"}]}),
    ("messages[0].role", {"messages": [{"content": "x"}]}),
    ("messages[0].content", {"messages": [{"role": "user"}]}),
    ("messages[0].content", {"messages": [{"role": "user", "content": 7}]}),
    ("messages[1]", {"messages": [USER, "x"]}),
    ("messages[0].content[0].type", {"messages": [{"role": "user", "content": [{"type": 7}]}]}),
    ("messages[0].content[1]", {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}, None]}]}),
    ("messages[0].content[0].image_url.url", {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}),
    ("messages[0].content[0].file", {"messages": [{"role": "user", "content": [{"type": "file", "file": {"filename": "a"}}]}]}),
    ("messages[0].tool_calls[0].function", {"messages": [{"role": "assistant", "tool_calls": [{"id": "a", "type": "function"}]}]}),
    ("messages[0].tool_calls[0].function.arguments", {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}]}),
    ("messages[0].tool_call_id", {"messages": [{"role": "tool", "content": "x"}]}),
    ("messages[0].reasoning_content", {"messages": [{"role": "assistant", "reasoning_content": 7}]}),
    ("messages[0].audio.id", {"messages": [{"role": "assistant", "audio": {"id": 7}}]}),
    ("tools[0].type", {"tools": [{}]}),
    ("tools[0].function.name", {"tools": [{"type": "function", "function": {}}]}),
    ("tools[0].function.parameters", {"tools": [{"type": "function", "function": {"name": "f", "parameters": "x"}}]}),
    ("tool_choice.type", {"tool_choice": {"type": "maybe"}}),
    ("tool_choice.function.name", {"tool_choice": {"type": "function", "function": {}}}),
    ("tool_choice.allowed_tools.tools[0].type", {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{}]}}}),
    ("response_format.type", {"response_format": {"x": 1}}),
    ("response_format.json_schema.name", {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}}),
    ("metadata.a", {"metadata": {"a": 1}}),
    ("logit_bias.7", {"logit_bias": {"7": "x"}}),
    ("prediction.content[0]", {"prediction": {"type": "content", "content": ["x"]}}),
    ("web_search_options.user_location.approximate.city", {"web_search_options": {"user_location": {"approximate": {"city": 1}}}}),
    ("stream_options.include_usage", {"stream_options": {"include_usage": "yes"}}),
    ("audio.voice.id", {"audio": {"voice": {"id": 7}}}),
    ("stop[1]", {"stop": ["a", 7]}),
    ("modalities[0]", {"modalities": [1]}),
    ("functions[0].name", {"functions": [{}]}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "fields"), DEEP, ids=[path for path, _ in DEEP])
def test_wrong_types_are_named_by_their_path(path: str, fields: dict[str, Any]) -> None:
    assert refusal(**fields).param == path


def read(*messages: dict[str, Any], **fields: Any) -> Request:
    return CODEC.decode_request({"model": "m", "messages": list(messages)} | fields, laws.context())


def test_what_is_read() -> None:
    request = read(
        {"role": "developer", "content": "D"},
        USER,
        model="", temperature=2, top_p=0, max_tokens=7, stop="a", stream=True, stream_options={"include_usage": True}, user="u",
        modalities=["text", "audio"], audio={"voice": "alloy", "format": "pcm16"}, reasoning_effort="low", seed=1,
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True}},
        tools=[{"type": "function", "function": {"name": "f", "strict": True}}], tool_choice="required", parallel_tool_calls=False,
    )  # fmt: skip
    assert request.messages[0].role == "system"
    assert request.sampling == Sampling(max_tokens=7, temperature=2.0, top_p=0.0, stop=("a",), seed=1)
    assert (request.stream, request.stream_usage, request.user, request.model) == (True, True, "u", "")
    assert request.modalities == ("text", "audio")
    assert request.speech == Speech(voices=(Voice("alloy"),), format="pcm")
    assert request.thinking == Thinking(effort="low")
    assert request.format == Format(name="n", schema={"type": "object"}, strict=True)
    assert request.tool_choice == ToolChoice("required", None, False)
    assert request.tools == (Tool(name="f", strict=True),)
    assert read(USER).stream is None


@pytest.mark.parametrize(
    ("fields", "thinking"),
    [
        ({"reasoning_effort": "minimal"}, Thinking(effort="minimal")), ({"reasoning": {"effort": "high"}}, Thinking(effort="high")),
        ({"reasoning": {"max_tokens": 5, "exclude": True}}, Thinking(budget=5, visible=False)), ({"reasoning": {"enabled": True}}, Thinking()),
        ({"reasoning": {"enabled": False}}, Thinking(effort="none")), ({"thinking": {"type": "disabled"}}, Thinking(effort="none")),
        ({"thinking": {"type": "enabled", "budget_tokens": 9}}, Thinking(budget=9)), ({"thinking": {"type": "who knows"}}, None),
        ({"reasoning_effort": "default"}, None),
    ],
)  # fmt: skip
def test_every_spelling_of_thinking(fields: dict[str, Any], thinking: Thinking | None) -> None:
    request = read(USER, **fields)
    assert request.thinking == thinking
    laws.request_comes_home(CODEC, {"model": "m", "messages": [USER]} | fields)


def test_case_110_media_in() -> None:
    parts = read({"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": DATA}}, {"type": "image_url", "image_url": "https://e.com/a.jpg"},
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
        {"type": "file", "file": {"file_data": "JVBERi0=", "filename": "a.pdf"}}, {"type": "file", "file": {"file_id": "f"}},
        {"type": "video_url", "video_url": {"url": "https://e.com/a.mp4"}},
    ]}).messages[0].parts  # fmt: skip
    assert [(p.media_type, p.source) for p in parts if isinstance(p, Media)] == [
        ("image/png", Base64(PNG)), ("image/jpeg", Url("https://e.com/a.jpg")), ("audio/mpeg", Base64("AA==")),
        ("application/pdf", Base64("JVBERi0=")), ("application/*", FileId("openai", "f")), ("video/mp4", Url("https://e.com/a.mp4")),
    ]  # fmt: skip


def test_calls_without_ids_are_paired() -> None:
    request = read(
        USER,
        {"role": "assistant", "tool_calls": [{"id": "", "function": {"name": "f"}}, {"function": {"name": "g"}}]},
        {"role": "tool", "tool_call_id": "", "name": "g", "content": "G"},
        {"role": "tool", "tool_call_id": "", "content": "F"},
        {"role": "assistant", "content": None, "function_call": {"name": "h", "arguments": "{}"}},
        {"role": "function", "name": "h", "content": "H"},
    )
    made = [p.id for m in request.messages for p in m.parts if isinstance(p, ToolCall)]
    results = [p.call_id for m in request.messages for p in m.parts if isinstance(p, ToolResult)]
    assert made == ["call_1_0", "call_1_1", "call_4_0"]
    assert results == ["call_1_1", "call_1_0", "call_4_0"]


# -- requests: what providers get -------------------------------------------------------------------


def asking(*messages: Message, **fields: Any) -> Request:
    return Request(**({"origin": "elsewhere", "model": "m", "messages": messages or (user("x"),)} | fields))


def user(*parts: AnyPart | str) -> Message:
    return Message(role="user", parts=tuple(Text(text=p) if isinstance(p, str) else p for p in parts))


def said(*parts: AnyPart) -> Message:
    return Message(role="assistant", parts=parts)


def written(request: Request, **profile: Any) -> tuple[dict[str, Any], list[Loss]]:
    ctx = laws.context(model="upstream-model", profile=Profile(**profile))
    wire = json.loads(json.dumps(CODEC.encode_request(request, ctx)))
    assert wire["model"] == "upstream-model"
    return wire, ctx.losses


def test_the_least_that_is_written() -> None:
    assert written(asking(user("Hi"))) == (
        {"model": "upstream-model", "messages": [{"role": "user", "content": "Hi"}]},
        [],
    )


def test_case_040_calls_and_results_that_miss_each_other() -> None:
    wire, losses = written(asking(
        user("x"), said(ToolCall(id="a", name="f"), ToolCall(id="b", name="g")), user(ToolResult(call_id="a", content=(Text(text="A"),)), "go"),
        said(Text(text="ok")), user(ToolResult(call_id="gone", content=(Text(text="G"),))), said(ToolCall(id="c", name="f")),
    ))  # fmt: skip
    assert [(m["role"], m.get("tool_call_id"), m.get("content")) for m in wire["messages"]] == [
        ("user", None, "x"), ("assistant", None, None), ("tool", "a", "A"), ("tool", "b", "[no result recorded]"), ("user", None, "go"),
        ("assistant", None, "ok"), ("user", None, [{"type": "text", "text": "[result of tool call gone]: G"}]), ("assistant", None, None),
        ("tool", "c", "[no result recorded]"),
    ]  # fmt: skip
    assert {loss.what for loss in losses} == {"emulated"}


def test_case_043_044_tools_without_parameters() -> None:
    tools = tuple(
        Tool(name=f"t{i}", parameters=p)
        for i, p in enumerate([None, {}, {"type": "object"}, {"anyOf": [{"type": "object"}]}])
    )
    wire, _ = written(asking(tools=tools))
    found = [tool["function"]["parameters"] for tool in wire["tools"]]
    assert found == [{"type": "object", "properties": {}}] * 4


def test_case_045_tools_of_another_provider() -> None:
    with pytest.raises(GatewayError, match="web_search_20250305") as caught:
        written(asking(tools=(Tool(name="web_search", server="web_search_20250305"),)))
    assert caught.value.param == "tools"


def test_case_046_075_the_limit_and_its_names() -> None:
    assert written(asking(sampling=Sampling(max_tokens=9)))[0]["max_tokens"] == 9
    newer = {"max_tokens_field": "max_completion_tokens", "max_tokens_limit": 5}
    wire, losses = written(asking(sampling=Sampling(max_tokens=9)), **newer)
    assert wire["max_completion_tokens"] == 5
    assert losses == [Loss("sampling.max_tokens", "at most 5 here", "clamped")]
    both = read(USER, max_tokens=1, max_completion_tokens=2)
    assert both.sampling.max_tokens == 2
    own, _ = written(read(USER, max_tokens=9), **newer)
    assert (own["max_tokens"], "max_completion_tokens" in own) == (5, False)  # the client's own name, at home
    mended, _ = written(read(USER, max_tokens=9), repair=True, **newer)
    assert (mended["max_completion_tokens"], "max_tokens" in mended) == (5, False)


def test_case_047_empty_texts_and_empty_answers_are_left_out() -> None:
    wire, losses = written(
        asking(
            user("", "x"),
            said(),
            said(Text(text="")),
            user(""),
            said(ToolCall(id="a", name="f")),
            user(ToolResult(call_id="a")),
        )
    )
    assert [(m["role"], m["content"]) for m in wire["messages"]] == [("user", "x"), ("assistant", None), ("tool", "")]
    assert losses == []


def test_case_048_system_and_developer_messages() -> None:
    messages = ({"role": "system", "content": "S"}, USER, {"role": "developer", "content": "D"}, USER)
    for knows, role in ((True, "developer"), (False, "system")):
        wire, losses = written(read(*messages), developer_role=knows)
        assert [m["role"] for m in wire["messages"]] == ["system", "user", role, "user"]
        assert losses == []


def test_case_050_052_settings_a_model_refuses() -> None:
    sampling = Sampling(temperature=1.5, top_p=0.5, top_k=5, seed=1, presence_penalty=1.0, frequency_penalty=1.0)
    wire, losses = written(asking(sampling=sampling), sampling=False, seed=False, penalties=False)
    assert set(wire) == {"model", "messages"}
    assert {loss.path for loss in losses} == {
        f"sampling.{name}" for name in sampling.__struct_fields__ if name not in ("max_tokens", "stop")
    }
    wire, losses = written(asking(sampling=sampling), temperature_max=1.0, top_k=True)
    assert (wire["temperature"], wire["top_k"]) == (1.0, 5)
    assert losses == [Loss("sampling.temperature", "at most 1 here", "clamped")]


@pytest.mark.parametrize(
    ("thinking", "profile", "effort", "losses"),
    [
        (Thinking(effort="xhigh"), {}, "xhigh", []), (Thinking(), {}, None, []), (None, {}, None, []),
        (Thinking(effort="xhigh"), {"efforts": ("low", "medium", "high")}, "high", ["clamped"]),
        (Thinking(budget=10000), {}, "medium", ["emulated"]), (Thinking(effort="high"), {"thinking": "none"}, None, ["dropped"]),
        (Thinking(effort="high"), {"reasoning_effort": False}, None, ["dropped"]), (Thinking(effort="none"), {"reasoning_effort": False}, None, []),
    ],
)  # fmt: skip
def test_case_051_052_efforts(
    thinking: Thinking | None, profile: dict[str, Any], effort: str | None, losses: list[str]
) -> None:
    wire, lost = written(asking(thinking=thinking), **profile)
    assert wire.get("reasoning_effort") == effort
    assert [loss.what for loss in lost] == losses
    if thinking and thinking.effort:  # at home too the profile is minded
        home, _ = written(read(USER, reasoning={"effort": thinking.effort}), **profile)
        assert home.get("reasoning_effort") == (effort if effort != thinking.effort else None)
        assert ("reasoning" in home) == (effort == thinking.effort)


def test_case_053_stop_is_an_array() -> None:
    assert written(asking(sampling=Sampling(stop=("X", ""))))[0]["stop"] == ["X"]


@pytest.mark.parametrize(
    ("choice", "profile", "wire"),
    [
        (ToolChoice(), {}, {}), (ToolChoice("none"), {}, {"tool_choice": "none"}), (ToolChoice("required"), {}, {"tool_choice": "required"}),
        (ToolChoice("tool", "f"), {}, {"tool_choice": {"type": "function", "function": {"name": "f"}}}),
        (ToolChoice("required"), {"tool_choice_required": False}, {}), (ToolChoice("tool", "f"), {"tool_choice_required": False}, {}),
        (ToolChoice(parallel=False), {}, {"parallel_tool_calls": False}), (ToolChoice(parallel=False), {"parallel_tool_calls": False}, {}),
    ],
)  # fmt: skip
def test_case_054_tool_choice(choice: ToolChoice, profile: dict[str, Any], wire: dict[str, Any]) -> None:
    found, losses = written(asking(tools=(Tool(name="f"), Tool(name="g")), tool_choice=choice), **profile)
    assert {name: found[name] for name in ("tool_choice", "parallel_tool_calls") if name in found} == wire
    assert len(losses) == bool(profile)
    assert set(written(asking(tool_choice=choice), **profile)[0]) == {"model", "messages"}  # nothing to choose from


def test_case_054_allowed_tools() -> None:
    tools = (Tool(name="f"), Tool(name="g"))
    allowed = {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "g"}}]},
    }
    request = read(USER, tools=[{"type": "function", "function": {"name": name}} for name in "fg"], tool_choice=allowed)
    assert request.tool_choice == ToolChoice("required", None, None, ("g",))
    assert written(request)[0]["tool_choice"] == allowed
    wire, losses = written(asking(tools=tools, tool_choice=request.tool_choice))
    assert [tool["function"]["name"] for tool in wire["tools"]] == ["g"]
    assert wire["tool_choice"] == "required"
    assert [loss.what for loss in losses] == ["emulated"]


def test_case_055_cache_marks() -> None:
    marked = asking(
        Message(role="system", parts=(Text(text="S", cache=Cache("1h")),)), user(Text(text="x", cache=Cache())), said(ToolCall(id="a", name="f")),
        user(ToolResult(call_id="a", content=(Text(text="r"),), cache=Cache())), tools=(Tool(name="f", cache=Cache()),),
    )  # fmt: skip
    wire, losses = written(marked, cache_control=True)
    assert losses == []
    assert json.dumps(wire).count('"cache_control": {"type": "ephemeral"') == 4
    assert wire["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    wire, losses = written(marked)
    assert "cache_control" not in json.dumps(wire)
    assert len(losses) == 4


def test_case_056_a_schema_where_none_can_be_held() -> None:
    request = asking(
        Message(role="system", parts=(Text(text="S"),)),
        user("x"),
        format=Format(schema={"type": "object"}, name="n m", strict=True),
    )
    wire, losses = written(request)
    assert wire["response_format"]["json_schema"]["schema"] == {"type": "object", "properties": {}}
    assert " " not in wire["response_format"]["json_schema"]["name"]
    assert "strict" not in wire["response_format"]["json_schema"], "it allows any member, which strict schemas cannot"
    assert [(loss.path, loss.what) for loss in losses] == [("format.strict", "dropped")]
    closed = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    wire, losses = written(replace(request, format=Format(schema=closed, strict=True)))
    assert wire["response_format"]["json_schema"] == {"name": "response", "schema": closed, "strict": True}
    assert losses == []
    wire, losses = written(request, json_schema=False)
    assert wire["response_format"] == {"type": "json_object"}
    assert wire["messages"][0]["role"] == "system"
    assert wire["messages"][0]["content"].startswith("S\n\nAnswer with JSON")
    assert '{"type":"object"}' in wire["messages"][0]["content"]
    assert [(loss.path, loss.what) for loss in losses] == [("format", "emulated")]
    beside, _ = written(replace(request, tools=(Tool(name="f"),)), json_and_tools=False)
    assert "response_format" not in beside
    home = read(
        USER,
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "x": 1}},
    )
    wire, losses = written(home, json_schema=False)
    assert wire["response_format"] == {"type": "json_object"}
    assert wire["messages"][0]["role"] == "system"


def test_json_mode_needs_the_word() -> None:
    wire, losses = written(asking(user("x"), format=Format()))
    assert wire["messages"][0] == {"role": "system", "content": "Answer with a JSON object and nothing else."}
    assert len(losses) == 1
    assert len(written(asking(user("give me Json"), format=Format()))[0]["messages"]) == 1


def test_case_057_058_what_has_no_equal_is_reported() -> None:
    request = replace(
        read(USER, n=2, logprobs=True, logit_bias={"1": 2}, x_new=1, store=False, metadata={}), origin="elsewhere"
    )
    wire, losses = written(request)
    assert {loss.path for loss in losses} == {"logit_bias", "x_new"}
    assert wire["n"] == 2 and wire["logprobs"] is True


def test_case_059_pictures_in_tool_results() -> None:
    picture = Media(media_type="image/png", source=Base64(PNG))
    results = ToolResult(call_id="t1", content=(Text(text="ok"), picture)), ToolResult(call_id="t2", content=(picture,))
    calls = said(ToolCall(id="t1", name="read"), ToolCall(id="t2", name="read"))
    shown = [
        {"type": "text", "text": "Content of the result of tool call t1:"}, {"type": "image_url", "image_url": {"url": DATA}},
        {"type": "text", "text": "Content of the result of tool call t2:"}, {"type": "image_url", "image_url": {"url": DATA}},
    ]  # fmt: skip
    for turn in ((user(*results),), tuple(user(result) for result in results)):
        wire, losses = written(asking(calls, *turn, said(Text(text="I see"))))
        assert [m["role"] for m in wire["messages"]] == ["assistant", "tool", "tool", "user", "assistant"]
        assert [m["content"] for m in wire["messages"][1:4]] == ["ok", "", shown]
        assert {loss.what for loss in losses} == {"emulated"}
    wire, _ = written(asking(calls, user(*results, "go on")))
    assert wire["messages"][3]["content"] == [*shown, {"type": "text", "text": "go on"}]


def test_case_060_documents() -> None:
    pdf = Media(media_type="application/pdf", source=Base64("JVBERi0="), name="a.pdf")
    note = Media(media_type="text/plain", source=Base64(base64.b64encode(b"Hi").decode()), name="n.txt")
    wire, losses = written(asking(user(pdf, note, replace(pdf, name=None))))
    assert wire["messages"][0]["content"] == [
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
        {"type": "text", "text": "n.txt:\nHi"},
        {"type": "file", "file": {"filename": "file.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
    ]
    assert [loss.what for loss in losses] == ["emulated"]
    for bad in (
        replace(pdf, source=Url("https://e.com/a.pdf")),
        replace(pdf, source=FileId("anthropic", "f")),
        Opaque(kind="x", raw={}),
    ):
        with pytest.raises(GatewayError) as caught:
            written(asking(user("x", bad)))
        assert caught.value.param == "messages[0].parts[1]"


def test_sound_for_a_provider_that_takes_wav_and_mp3() -> None:
    sounds = [
        Media(media_type=kind, source=Base64("AAAA"))
        for kind in ("audio/wav", "audio/mpeg", "audio/mp3", "audio/L16;rate=24000")
    ]
    wire, _ = written(asking(user(*sounds)))
    found = [part["input_audio"] for part in wire["messages"][0]["content"]]
    assert [sound["format"] for sound in found] == ["wav", "mp3", "mp3", "wav"]
    assert base64.b64decode(found[3]["data"])[:4] == b"RIFF"


def test_case_061_064_answers_of_earlier_turns() -> None:
    turn = said(
        Reasoning(text="secret"), Text(text="I will "), Text(text="look"), ToolCall(id="a", name="f", arguments="{}")
    )
    wire, losses = written(asking(turn, user(ToolResult(call_id="a", content=(Text(text="r"),)))))
    assert wire["messages"][0] == {
        "role": "assistant",
        "content": "I will look",
        "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }
    assert [(loss.path, loss.what) for loss in losses] == [("messages[0].reasoning", "dropped")]
    assert "secret" not in json.dumps(wire)


def test_an_error_of_a_tool_is_said_in_words() -> None:
    for text, expected in (("no such file", "Error: no such file"), ("ERROR 7", "ERROR 7")):
        result = ToolResult(call_id="a", content=(Text(text=text),), is_error=True)
        wire, losses = written(asking(said(ToolCall(id="a", name="f")), user(result)))
        assert wire["messages"][1]["content"] == expected
        assert [loss.what for loss in losses] == ["emulated"]


def test_case_069_a_long_user() -> None:
    wire, losses = written(asking(user="u" * 99))
    assert len(wire["user"]) == 64
    assert [loss.what for loss in losses] == ["clamped"]
    assert written(asking(user="u" * 64))[0]["user"] == "u" * 64


def test_case_042_070_ids_a_provider_takes() -> None:
    long = "toolu_" + "x" * 300
    request = asking(
        said(ToolCall(id=long, name="f"), ToolCall(id="fs.readFile:0", name="f")),
        user(ToolResult(call_id=long), ToolResult(call_id="fs.readFile:0")),
    )
    for profile, length in (({"tool_id_limit": 40}, 40), ({"tool_id": "[a-zA-Z0-9]{9}"}, 9)):
        ctx = laws.context(profile=Profile(**profile))  # type: ignore[arg-type]
        wire = CODEC.encode_request(request, ctx)
        made = [call["id"] for call in wire["messages"][0]["tool_calls"]]
        assert made == [m["tool_call_id"] for m in wire["messages"][1:]]
        assert len(made[0]) == length
        assert len(set(made)) == 2
        assert [ctx.original(id) for id in made] == [long, "fs.readFile:0"]
        assert wire == CODEC.encode_request(request, laws.context(profile=Profile(**profile)))  # type: ignore[arg-type]


def test_case_071_names_are_restored() -> None:
    names = ["mcp__srv/do@x", "mcp__srv_do_x", "mcp__srv.do.x", "m" * 80]
    request = asking(
        user("x"), said(ToolCall(id="a", name=names[0])), user(ToolResult(call_id="a")),
        tools=tuple(Tool(name=name) for name in names), tool_choice=ToolChoice("tool", names[0]),
    )  # fmt: skip
    ctx = laws.context()
    wire = CODEC.encode_request(request, ctx)
    legal = [tool["function"]["name"] for tool in wire["tools"]]
    assert len(set(legal)) == 4
    assert all(len(name) <= 64 and name.replace("_", "").replace("-", "").isalnum() for name in legal)
    assert (
        wire["tool_choice"]["function"]["name"] == legal[0] == wire["messages"][1]["tool_calls"][0]["function"]["name"]
    )
    for i, name in enumerate(legal):
        found = heard(chunk(call(0, "c", name, "{}")), STOP, ctx=ctx)
        whole = {"choices": [{"message": {"tool_calls": [{"id": "c", "function": {"name": name}}]}}]}
        for response in (fold(found), CODEC.decode_response(whole, ctx)):
            assert [p.name for p in response.parts if isinstance(p, ToolCall)] == [names[i]]


THOUGHT = Reasoning(text="Hm", signature=Signature("anthropic", "s"))


@pytest.mark.parametrize(
    ("profile", "member", "losses"),
    [
        ({"send_reasoning": "field"}, {"reasoning_content": "Hm"}, ["messages[0].signature"]),
        ({"send_reasoning": "field", "reasoning_field": "reasoning"}, {"reasoning": "Hm"}, ["messages[0].signature"]),
        ({"send_reasoning": "details"}, {"reasoning": "Hm", "reasoning_details": [
            {"type": "reasoning.text", "text": "Hm", "signature": "s", "format": "anthropic-claude-v1", "index": 0}]}, []),
        ({}, {}, ["messages[0].reasoning"]),
    ],
)  # fmt: skip
def test_case_077_078_reasoning_goes_back(profile: dict[str, Any], member: dict[str, Any], losses: list[str]) -> None:
    wire, lost = written(asking(said(THOUGHT, Text(text="Hi"))), **profile)
    assert wire["messages"][0] == {"role": "assistant", "content": "Hi"} | member
    assert [loss.path for loss in lost] == losses


def test_case_077_the_field_is_never_missing_beside_a_call() -> None:
    wire, _ = written(asking(said(ToolCall(id="a", name="f")), user(ToolResult(call_id="a"))), send_reasoning="field")
    assert wire["messages"][0]["reasoning_content"] == ""
    own = read({"role": "assistant", "content": "x", "reasoning": "R"}, USER)
    assert written(own)[0]["messages"][0]["reasoning"] == "R"  # at home it stays as the client wrote it
    assert written(own, send_reasoning="field")[0]["messages"][0] == {
        "role": "assistant",
        "content": "x",
        "reasoning_content": "R",
    }
    assert written(own, repair=True)[0]["messages"][0] == {"role": "assistant", "content": "x"}


def test_case_081_calls_made_together_stay_together() -> None:
    wire, _ = written(
        asking(
            user("x"),
            said(ToolCall(id="a", name="f")),
            said(ToolCall(id="b", name="f")),
            user(ToolResult(call_id="a")),
            user(ToolResult(call_id="b")),
        )
    )
    assert [m["role"] for m in wire["messages"]] == ["user", "assistant", "tool", "tool"]
    assert len(wire["messages"][1]["tool_calls"]) == 2


def test_pictures_an_assistant_made_are_shown_again() -> None:
    wire, losses = written(
        asking(said(Text(text="Here"), Media(media_type="image/png", source=Base64(PNG))), user("bluer"))
    )
    assert [m["role"] for m in wire["messages"]] == ["assistant", "user", "user"]
    assert wire["messages"][1]["content"][1] == {"type": "image_url", "image_url": {"url": DATA}}
    assert [loss.what for loss in losses] == ["emulated"]


def test_modalities_and_voices() -> None:
    speech = Speech(voices=(Voice("Kore"), Voice("Puck", "Joe")), language="en")
    wire, losses = written(
        asking(modalities=("audio",), speech=speech, picture=Picture(size="1x1")), modalities=("audio",)
    )
    assert wire["modalities"] == ["text", "audio"]
    assert wire["audio"] == {"voice": "coral", "format": "pcm16"}
    assert {loss.path for loss in losses} == {"speech.voices[0]", "speech.voices[1]", "speech.language", "picture"}
    assert written(asking(modalities=("text", "image")), modalities=("image",))[0]["modalities"] == ["text", "image"]
    assert written(asking(), modalities=("image",))[0]["modalities"] == ["text", "image"]
    wire, losses = written(asking(modalities=("text", "image")))
    assert "modalities" not in wire
    assert [loss.path for loss in losses] == ["modalities"]


@pytest.mark.parametrize(
    ("stream", "profile", "members"),
    [(True, {}, {"stream": True, "stream_options": {"include_usage": True}}), (True, {"stream_usage": False}, {"stream": True}), (False, {}, {}), (None, {}, {})],
)  # fmt: skip
def test_usage_is_always_asked_for_in_streams(
    stream: bool | None, profile: dict[str, Any], members: dict[str, Any]
) -> None:
    wire, _ = written(asking(stream=stream), **profile)
    assert {name: value for name, value in wire.items() if "stream" in name} == members


def test_strict_tools() -> None:
    request = asking(tools=(Tool(name="f", strict=True, description="D"),))
    assert written(request)[0]["tools"][0]["function"]["strict"] is True
    wire, losses = written(request, strict_tools=False)
    assert "strict" not in wire["tools"][0]["function"]
    assert [loss.path for loss in losses] == ["tools.f.strict"]


# -- errors -----------------------------------------------------------------------------------------------

ANSWERED: list[tuple[int, Any, Kind, str]] = [
    (401, {"error": {"message": "Bad key", "code": "invalid_api_key"}}, Kind.AUTHENTICATION, "Bad key"),
    (404, {"error": {"message": "No", "type": "invalid_request_error", "code": "model_not_found"}}, Kind.NOT_FOUND, "No"),
    (429, {"error": {"message": "Q", "type": "insufficient_quota", "code": "insufficient_quota"}}, Kind.QUOTA, "Q"),
    (429, {"error": {"code": "RateLimitReached", "message": "R"}}, Kind.RATE_LIMIT, "R"),
    (429, {"error": {"code": 429, "message": "Provider returned error", "metadata": {"raw": "slow down"}}, "user_id": "u"}, Kind.RATE_LIMIT, "Provider returned error: slow down"),
    (402, {"error": {"message": "Insufficient Balance"}}, Kind.QUOTA, "Insufficient Balance"),
    (400, {"object": "error", "message": "M", "type": "invalid_request_invalid_args", "code": "3051"}, Kind.INVALID_REQUEST, "M"),
    (422, {"detail": [{"loc": ["body", "x"], "msg": "field required"}]}, Kind.INVALID_REQUEST, "body.x: field required"),
    (400, {"error": {"message": "The total length of all messages is too long.", "type": "too_many_prompt_tokens", "code": 400}}, Kind.CONTEXT_LENGTH, "The total length"),
    (400, {"error": {"message": "This model's maximum context length is 10 tokens"}}, Kind.CONTEXT_LENGTH, "This model"),
    (400, {"error": {"message": "Input tokens exceed the configured limit of 272000 tokens"}}, Kind.CONTEXT_LENGTH, "Input"),
    (400, {"error": {"message": "is longer than the model's context length"}}, Kind.CONTEXT_LENGTH, "is longer"),
    (400, {"error": {"message": "the request exceeds the available context size", "code": 400}}, Kind.CONTEXT_LENGTH, "the request"),
    (413, {"error": {"message": "TPM", "code": "rate_limit_exceeded"}}, Kind.RATE_LIMIT, "TPM"),
    (429, {"error": {"message": "too many tokens, wait"}}, Kind.RATE_LIMIT, "too many"),
    (500, {"error": {"code": 500, "message": "error: cannot make GET request", "type": "server_error"}}, Kind.UPSTREAM, "error: cannot"),
    (503, "<html><body>Bad gateway</body></html>", Kind.OVERLOADED, "the provider answered with status 503"),
    (502, None, Kind.UPSTREAM, "the provider answered with status 502"),
    (502, "upstream connect error", Kind.UPSTREAM, "upstream connect error"),
    (429, [{"error": {"code": 429, "message": "E", "status": "RESOURCE_EXHAUSTED"}}], Kind.RATE_LIMIT, "E"),
    (418, 7, Kind.INVALID_REQUEST, "the provider answered with status 418"),
    (400, {"error": {"message": {"message": "inner"}}}, Kind.INVALID_REQUEST, "inner"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind", "message"), ANSWERED)
def test_case_134_136_errors_of_providers(status: int, body: Any, kind: Kind, message: str) -> None:
    error = CODEC.decode_error(status, body, {"Retry-After": "7"})
    assert (error.kind, error.status, error.retry_after) == (kind, status, 7.0)
    assert error.message.startswith(message)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"retry-after-ms": "250", "retry-after": "9"}, 0.25), ({"Retry-After": "Fri, 20 Nov 2026 07:28:00 GMT"}, None), ({"retry-after": "-1"}, None), ({"retry-after": "nan"}, None), ({}, None)],
)  # fmt: skip
def test_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert CODEC.decode_error(429, None, headers).retry_after == seconds


def test_003_1_a_wrong_key() -> None:
    error = GatewayError(Kind.AUTHENTICATION, "Invalid API key provided", code="invalid_api_key")
    assert CODEC.encode_error(error, "req_1") == (
        401,
        {"error": {"message": "Invalid API key provided", "type": "invalid_request_error", "code": "invalid_api_key"}},
    )


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_its_answer(kind: Kind) -> None:
    status, wire = CODEC.encode_error(GatewayError(kind, "why", param="messages[0]"), "req_1")
    assert 400 <= status <= 599
    assert wire["error"]["message"] == "why"
    assert set(wire["error"]) - {"param"} == {"message", "type", "code"}
    if kind not in (Kind.INVALID_REQUEST, Kind.PERMISSION, Kind.NOT_FOUND, Kind.CONFLICT, Kind.MEDIA_TYPE):
        assert isinstance(wire["error"]["code"], str)
        if kind not in (Kind.METHOD, Kind.INTERNAL, Kind.TOO_LARGE):
            assert CODEC.decode_error(status, wire, {}).kind is kind


def test_the_status_of_an_error() -> None:
    for error, status in (
        (GatewayError(Kind.OVERLOADED, "x", status=529), 529),
        (GatewayError(Kind.UPSTREAM, "x", status=200), 502),
        (GatewayError(Kind.CONTEXT_LENGTH, "x", status=413), 400),  # where clients look for it
    ):
        assert CODEC.encode_error(error, "")[0] == status
    _, wire = CODEC.encode_error(GatewayError(Kind.NOT_FOUND, "x", code="model_not_found"), "")
    assert wire == {
        "error": {"message": "x", "type": "invalid_request_error", "param": None, "code": "model_not_found"}
    }
    assert (
        CODEC.encode_error(GatewayError(Kind.CONTEXT_LENGTH, "x"), "")[1]["error"]["code"] == "context_length_exceeded"
    )


# -- models, and passing through ------------------------------------------------------------------------------


def test_001_15_models() -> None:
    models = (
        Model(id="a", provider="google", created=5, context_window=10, max_tokens=2),
        Model(id="b", provider="x", description="D", name="B"),
    )
    wire = CODEC.encode_models(models)
    assert wire == {
        "object": "list",
        "data": [
            {"id": "a", "object": "model", "created": 5, "owned_by": "google", "context_window": 10, "max_tokens": 2},
            {"id": "b", "object": "model", "created": 0, "owned_by": "x", "name": "B", "description": "D"},
        ],
    }
    assert CODEC.encode_model(models[0]) == wire["data"][0]
    assert CODEC.decode_models(wire, "p") == tuple(replace(model, provider="p") for model in models)
    openrouter = {"data": [{"id": "x/y", "context_length": 7, "top_provider": {"max_completion_tokens": 3}}]}
    assert CODEC.decode_models(openrouter, "p") == (Model(id="x/y", provider="p", context_window=7, max_tokens=3),)
    assert CODEC.decode_models([{"id": "t", "created": True}, 7, {"id": 7}, {}], "p") == (Model(id="t", provider="p"),)  # type: ignore[arg-type]
    for odd in ({}, {"data": 7}, 7, None, {"data": [None]}):
        assert CODEC.decode_models(odd, "p") == ()  # type: ignore[arg-type]


RAW = b'{ "model": "alias", "temperature": 1.0e0, "x": {"a" : [1.50, "\\u00e9\\/"]}, "messages": [ ] }'


@pytest.mark.parametrize(
    ("raw", "model", "stream", "profile", "expected"),
    [
        (RAW, "alias", False, Profile(), RAW),
        (RAW, "m", False, Profile(), b'{"model":"m","temperature":1.0e0,"x":{"a" : [1.50, "\\u00e9\\/"]},"messages":[ ]}'),
        (b'{"stream":true}', "m", True, Profile(), b'{"stream":true,"model":"m","stream_options":{"include_usage":true}}'),
        (b'{"model":"m","stream":true}', "m", True, Profile(stream_usage=False), b'{"model":"m","stream":true}'),
        (b'{"model":"m","stream":true,"stream_options":{"include_usage" : true, "b":1.0}}', "m", True, Profile(),
         b'{"model":"m","stream":true,"stream_options":{"include_usage" : true, "b":1.0}}'),
        (b'{"model":"m","stream":true,"stream_options":{"include_obfuscation":false,"z":1.0}}', "m", True, Profile(),
         b'{"model":"m","stream":true,"stream_options":{"include_obfuscation":false,"z":1.0,"include_usage":true}}'),
        (b'{"model":"m","stream":true,"stream_options":null}', "m", True, Profile(), b'{"model":"m","stream":true,"stream_options":{"include_usage":true}}'),
        (b'{"model":"m"}', "m", True, Profile(stream_usage=False), b'{"model":"m","stream":true}'),
        (b'{"model":"m","stream":true}', "m", False, Profile(), b'{"model":"m","stream":false}'),
    ],
)  # fmt: skip
def test_requests_in_passing(raw: bytes, model: str, stream: bool, profile: Profile, expected: bytes) -> None:
    assert CODEC.edit_request(raw, model, stream, profile) == expected


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"7", b'{"a":\xff}'])
def test_what_is_no_object_is_refused_in_passing(raw: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        CODEC.edit_request(raw, "m", False, Profile())
    assert caught.value.kind is Kind.INVALID_REQUEST


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"id":"1", "model" : "gpt-5-2026", "x":1.0}', b'{"id":"1","model":"gpt-5","x":1.0}'), (b'{"x": {"model":"y"}}', b'{"x": {"model":"y"}}'),
        (b"[DONE]", b"[DONE]"), (b'not "model" json', b'not "model" json'), (b'{"error": 1}', b'{"error": 1}'),
    ],
)  # fmt: skip
def test_answers_in_passing(raw: bytes, expected: bytes) -> None:
    assert CODEC.rename_response(raw, "gpt-5") == expected
    assert CODEC.rename_frame(Frame(raw, "e"), "gpt-5") == Frame(expected, "e")


def test_where_it_is_served() -> None:
    assert CODEC.dialect == "openai.chat"
    assert CODEC.path("any/model", True) == CODEC.path("m", False) == "/chat/completions"


def test_events_one_by_one() -> None:
    """A part may grow in any pieces, and a sound or a picture as well."""
    events: list[Event] = [
        Start(origin="x", id="", model="m"), Ping(),
        PartStart(0, Media(media_type="image/png", source=Base64(""))), PartDelta(0, PNG[:8]), PartDelta(0, PNG[8:]), PartEnd(0),
        PartStart(1, Refusal(text="")), PartDelta(1, ""), PartDelta(1, "No"), PartEnd(1),
        PartStart(2, ToolCall(id="", name="f")), PartDelta(2, "{"), PartDelta(2, "}", Signature("google", "late")), PartEnd(2),
        PartStart(3, ToolResult(call_id="x")), PartEnd(3), Finish(),
    ]  # fmt: skip
    chunks = [json.loads(f.data)["choices"][0]["delta"] for f in laws.render(CODEC, events)[1:-3]]
    assert chunks[0]["images"][0]["image_url"]["url"] == DATA
    assert chunks[1] == {"refusal": "No"}
    assert chunks[2]["tool_calls"][0]["id"] == "call_chatcmpl-0001_0"
    assert chunks[4]["tool_calls"] == [{"index": 0, "extra_content": {"google": {"thought_signature": "late"}}}]
    assert len(chunks) == 6


def test_calls_of_free_text_tools_go_home() -> None:
    wire = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "write", "input": 'say "'}}
    found = heard(
        chunk({"tool_calls": [wire]}), chunk({"tool_calls": [{"index": 0, "custom": {"input": 'hi"\n'}}]}), STOP
    )
    [part] = fold(found).parts
    assert isinstance(part, ToolCall)
    assert json.loads(part.arguments) == {"input": 'say "hi"\n'}
    told = [json.loads(f.data)["choices"][0]["delta"] for f in laws.render(CODEC, found)[1:-3]]
    assert told == [{"tool_calls": [{**wire, "custom": {"name": "write", "input": 'say "hi"\n'}}]}]


# -- what each provider takes back of signatures ------------------------------------------------------------


def test_googles_signatures_go_back_to_google_only() -> None:
    signed = ToolCall(id="a", name="f", arguments="{}", signature=Signature("google", "s"))
    request = asking(said(signed), user(ToolResult(call_id="a")))
    wire, losses = written(request)
    assert "extra_content" not in json.dumps(wire)
    assert [loss.path for loss in losses] == ["messages[0].parts[0].signature"]
    wire, losses = written(request, call_signatures=True)
    assert wire["messages"][0]["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "s"}}
    assert losses == []
    foreign = asking(said(replace(signed, signature=Signature("anthropic", "s"))), user(ToolResult(call_id="a")))
    wire, losses = written(foreign, call_signatures=True)
    assert [loss.path for loss in losses] == ["messages[0].parts[0].signature"]
    on_text = {"role": "assistant", "content": "x", "extra_content": {"google": {"thought_signature": "s"}}}
    assert read(USER, on_text).messages[1].parts == (Text(text="x", signature=Signature("google", "s")),)
    laws.request_comes_home(CODEC, {"model": "m", "messages": [USER, on_text]})


def test_a_mended_request_keeps_nothing_of_the_old_spelling() -> None:
    """Strict servers refuse fields of other servers; with `repair` none goes along."""
    wire, _ = written(read(
        USER,
        {"role": "assistant", "content": f"Look: ![Generated Image]({DATA})", "images": [{"type": "image_url", "image_url": {"url": DATA}}],
         "annotations": [], "reasoning_content": "R", "extra_content": {"google": {"thought_signature": "s"}}, "cache_control": {"type": "ephemeral"}},
        {"role": "assistant", "content": "", "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "r"},
        functions=[{"name": "f"}], reasoning={"effort": "low"},
    ), repair=True)  # fmt: skip
    assert set(wire) == {"model", "messages", "tools", "reasoning_effort"}
    assert [sorted(message) for message in wire["messages"]] == [
        ["content", "role"], ["content", "role"], ["content", "role"], ["content", "role", "tool_calls"],
        ["content", "name", "role", "tool_call_id"],
    ]  # fmt: skip
    assert [message["role"] for message in wire["messages"]] == ["user", "assistant", "user", "assistant", "tool"]
    assert wire["messages"][1]["content"] == "Look: "


def test_parts_no_question_can_hold() -> None:
    wire, losses = written(
        asking(
            user("x", Reasoning(text="Hm"), Text(text="y", signature=Signature("google", "s"))),
            said(ToolCall(id="s", name="search", server=True), Text(text="z")),
        )
    )
    assert [m["content"] for m in wire["messages"]] == [
        [{"type": "text", "text": "x"}, {"type": "text", "text": "y"}],
        "z",
    ]
    assert [loss.path for loss in losses] == [
        "messages[0].parts[1]",
        "messages[0].parts[2].signature",
        "messages[1].parts[0]",
    ]
    told_as_json = ToolResult(call_id="a", content=(Opaque(kind="search_result", raw={"source": "s"}),))
    wire, losses = written(asking(said(ToolCall(id="a", name="f"), Opaque(kind="x", raw={})), user(told_as_json)))
    assert wire["messages"][1]["content"] == '{"source":"s"}'
    assert [loss.what for loss in losses] == ["dropped", "emulated"]
    assert (
        refusal(
            messages=[{"role": "tool", "tool_call_id": "a", "content": [{"type": "thinking", "thinking": "x"}]}]
        ).param
        == "messages[0].content"
    )


def test_media_of_other_kinds() -> None:
    film, odd = Media(media_type="video/mp4", source=Base64("AAAA")), Media(media_type="text/plain", source=Base64("?"))
    sound = Media(media_type="audio/L16", source=Base64("A"))
    content = written(asking(user(film, odd, sound)))[0]["messages"][0]["content"]
    assert content[0] == {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AAAA"}}
    assert content[1] == {"type": "file", "file": {"filename": "file.txt", "file_data": "data:text/plain;base64,?"}}
    assert content[2]["input_audio"] == {"data": "A", "format": "wav"}
    by_url = {"role": "user", "content": [{"type": "file", "file": {"file_data": "https://e.com/a.pdf"}}]}
    laws.request_comes_home(CODEC, {"model": "m", "messages": [by_url]})
    stored = told(Media(media_type="image/png", source=FileId("google", "f")))
    ctx = laws.context()
    assert CODEC.encode_response(stored, ctx)["choices"][0]["message"]["content"] == ""
    assert [loss.path for loss in ctx.losses] == ["parts[0]"]
    empty = {"choices": [{"message": {"content": [{"type": "file", "file": {}}, {"type": "document_url"}]}}]}
    assert len(CODEC.decode_response(empty, laws.context()).parts) == 2


@pytest.mark.parametrize(("request_", "kind"), [
    (asked(speech=Speech(format="mp3")), "audio/mpeg"), (asked(speech=Speech(format="x")), "audio/x"), (asked(speech=Speech()), "audio/L16;codec=pcm;rate=24000"),
    (asking(speech=Speech(format="mp3"), stream=True), "audio/L16;codec=pcm;rate=24000"), (None, "audio/L16;codec=pcm;rate=24000"),
])  # fmt: skip
def test_what_sound_an_answer_holds(request_: Request | None, kind: str) -> None:
    whole = {"choices": [{"message": {"audio": {"data": "AAAA"}}}]}
    [part] = CODEC.decode_response(whole, laws.context(request=request_)).parts
    assert isinstance(part, Media) and part.media_type == kind


def test_reasoning_that_is_told_in_details_only() -> None:
    summary = {"type": "reasoning.summary", "format": "openai-responses-v1"}
    response = answer(
        chunk({"reasoning_details": [{**summary, "summary": "a"}]}), chunk({"reasoning_details": [{**summary, "summary": "b"}]}),
        chunk({"reasoning_details": [{"type": "reasoning.encrypted", "data": "d", "format": "openai-responses-v1"}]}), STOP,
    )  # fmt: skip
    assert response.parts == (Reasoning(text="ab", summary=True, signature=Signature("openrouter", "d")),)


def test_strict_false_where_it_is_unknown() -> None:
    wire, losses = written(asking(tools=(Tool(name="f", strict=False),)), strict_tools=False)
    assert "strict" not in wire["tools"][0]["function"]
    assert losses == []


def test_a_lone_part_of_another_kind_is_no_string() -> None:
    """Found by random bodies: a part that only looks like a text went home as one."""
    body = {"model": "m", "messages": [{"role": "user", "content": [{"type": "verse", "text": "O"}]}]}
    laws.request_comes_home(CODEC, body)
