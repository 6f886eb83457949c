"""Cases 1 to 26: streams of Chat Completions and of the others, as every client gets them; at any cut of the bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest

import laws
from cases.wires import (
    ANTHROPIC,
    BACKS,
    BEDROCK,
    CHAT,
    DONE,
    FRONTS,
    GEMINI,
    PAIRS,
    RESPONSES,
    STOPPED,
    Seen,
    answer,
    answers,
    blocks,
    chunk,
    converse,
    heard,
    hears,
    piece,
    sse,
    streamed,
    whole,
)
from dragoman.core.errors import Kind
from dragoman.core.ir import Reasoning, Request, Text, ToolCall, Usage
from dragoman.core.translate import Pipe
from dragoman.dialects import CODECS

fronts = pytest.mark.parametrize("front", FRONTS)
backs = pytest.mark.parametrize("back", [*BACKS, BEDROCK])
pairs = pytest.mark.parametrize(("front", "back"), PAIRS)


def chat(front: str, *chunks: Any, **ctx: Any) -> Seen:
    return hears(front, CHAT, sse(*chunks), **ctx)


def anthropic(*chunks: Any) -> list[Any]:
    """The frames of an Anthropic client over a server of Chat Completions."""
    return chat(ANTHROPIC, *chunks).wires


def starts(wires: list[Any]) -> list[Any]:
    return [wire["content_block"] for wire in wires if wire["type"] == "content_block_start"]


def without(wires: list[Any], *kinds: str) -> list[Any]:
    return [wire for wire in wires if wire["type"] not in kinds]


def usage(**more: Any) -> dict[str, Any]:
    return {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7} | more


def ended(wires: list[Any]) -> Any:
    [end] = [wire for wire in wires if wire["type"] == "message_delta"]
    return end


# -- what opens a block ---------------------------------------------------------------------


@fronts
@pytest.mark.parametrize("before", [(), (chunk({"role": "assistant", "content": ""}),), (chunk({}),)])
def test_case_001_what_opens_first_is_what_came_first(front: str, before: tuple[Any, ...]) -> None:
    first = chunk({"role": "assistant", "reasoning_content": "Let me"})
    seen = chat(front, *before, first, chunk({"content": "Hi"}), STOPPED, DONE)
    assert (seen.order, seen.reasoning, seen.text) == (["reasoning", "text"], "Let me", "Hi")
    if front == ANTHROPIC:
        assert starts(seen.wires) == [
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "text", "text": ""},
        ]


def test_case_002_no_thought_in_a_block_of_text() -> None:
    wires = anthropic(
        chunk({"content": "", "reasoning_content": "x"}), chunk({"content": "Hi", "reasoning_content": None}), STOPPED
    )
    assert without(wires, "message_start", "message_delta", "message_stop") == [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "x"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "content_block_stop", "index": 1},
    ]  # fmt: skip


@fronts
def test_case_002_empty_strings_and_nulls_everywhere(front: str) -> None:
    nothing = {"content": None, "reasoning": None, "refusal": None, "tool_calls": None, "reasoning_details": None}
    seen = chat(
        front,
        chunk({"role": "assistant", "content": "", "reasoning_content": ""}),
        chunk({**nothing, "content": "", "reasoning_content": "x", "reasoning": "x"}),  # said in both fields, once
        chunk({**nothing, "content": "Hi", "reasoning_content": ""}),
        chunk({**nothing, "content": "", "audio": None, "annotations": []}),
        chunk({**nothing, "content": "!"}, "stop"),
    )
    assert (seen.reasoning, seen.text, seen.order, seen.stop) == ("x", "Hi!", ["reasoning", "text"], "stop")


@fronts
@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_case_003_reasoning_reaches_every_client(front: str, field: str) -> None:
    message = {"role": "assistant", "content": "4", field: "2+2"}
    body = {
        "id": "x",
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": usage(),
    }
    seen, wire = answers(front, CHAT, body)
    assert (seen.reasoning, seen.text) == ("2+2", "4")
    if front == ANTHROPIC:
        assert wire["content"] == [
            {"type": "thinking", "thinking": "2+2", "signature": ""},
            {"type": "text", "text": "4"},
        ]
    seen = chat(front, chunk({field: "2+"}), chunk({field: "2"}), chunk({"content": "4"}), STOPPED)
    assert (seen.reasoning, seen.text, seen.order) == ("2+2", "4", ["reasoning", "text"])


@pairs
def test_case_004_no_token_is_lost_where_a_block_ends(front: str, back: str) -> None:
    said = answer(
        Reasoning(text="A"),
        Text(text="B"),
        Text(text="C"),
        ToolCall(id="t", name="f", arguments="{}"),
        stop="tool_calls",
    )
    seen = hears(front, back, streamed(back, said))
    assert (seen.reasoning, seen.text, seen.calls) == ("A", "BC", [(seen.calls[0][0], "f", "{}")])
    seen = hears(
        front, CHAT, sse(chunk({"reasoning_content": "A"}), chunk({"content": "B"}), chunk({"content": "C"}), STOPPED)
    )
    assert (seen.reasoning, seen.text) == ("A", "BC")


@pytest.mark.parametrize("both", [True, False])
@fronts
def test_case_004_one_chunk_with_all_of_it(front: str, both: bool) -> None:
    last = {"content": "B"} | (piece(0, "c", "f", '{"a":1}') if both else {})
    seen = chat(front, chunk({"reasoning_content": "A"} | last, "tool_calls" if both else "stop"), DONE)
    assert (seen.reasoning, seen.text, seen.arguments) == ("A", "B", [{"a": 1}] if both else [])


@backs
def test_case_005_the_start_of_a_block_says_nothing(back: str) -> None:
    wires = hears(ANTHROPIC, back, streamed(back, answer(Text(text="Hello")))).wires
    assert blocks(wires) == [({"type": "text", "text": ""}, [{"type": "text_delta", "text": "Hello"}])]
    wires = hears(RESPONSES, back, streamed(back, answer(Text(text="Hello")))).wires
    [part] = [wire["part"] for wire in wires if wire["type"] == "response.content_part.added"]
    assert part["text"] == ""


@fronts
def test_case_005_a_server_that_says_it_there_is_understood(front: str) -> None:
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "Hel"}}
    more = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}}
    data = sse(begun(), start, more, {"type": "content_block_stop", "index": 0}, *over())
    assert hears(front, ANTHROPIC, data).text == "Hello"


def begun(**usage: int) -> dict[str, Any]:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "c", "content": [], "stop_reason": None}
    return {"type": "message_start", "message": message | {"usage": {"input_tokens": 1, "output_tokens": 1} | usage}}


def over(reason: str = "end_turn", **usage: int) -> list[Any]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [{"type": "message_delta", "delta": delta, "usage": {"output_tokens": 4} | usage}, {"type": "message_stop"}]


# -- calls ------------------------------------------------------------------------------------


@fronts
@pytest.mark.parametrize("empty", [{"tool_calls": []}, {"tool_calls": None}, {"function_call": None},
                                   {"tool_calls": [], "function_call": None, "refusal": None}])  # fmt: skip
def test_case_006_no_call_is_no_call(front: str, empty: dict[str, Any]) -> None:
    seen = chat(front, chunk({"content": "Hi"} | empty), chunk({"content": "!"} | empty), chunk(empty, "stop"))
    assert (seen.text, seen.calls, seen.stop) == ("Hi!", [], "stop")
    body = {"choices": [{"message": {"role": "assistant", "content": "Hi"} | empty, "finish_reason": "stop"}]}
    seen, _ = answers(front, CHAT, body)
    assert (seen.text, seen.calls, seen.stop) == ("Hi", [], "stop")


CALL = ToolCall(id="c1", name="add", arguments='{"a":17,"b":25}')


@pairs
def test_case_007_a_whole_call_at_once(front: str, back: str) -> None:
    said = answer(CALL, stop="tool_calls")
    seen = hears(front, back, streamed(back, said))
    assert (seen.arguments, seen.stop, [name for _, name, _ in seen.calls]) == (
        [{"a": 17, "b": 25}],
        "tool_calls",
        ["add"],
    )
    seen, _ = answers(front, back, whole(back, said))
    assert (seen.arguments, seen.stop) == ([{"a": 17, "b": 25}], "tool_calls")


@fronts
@pytest.mark.parametrize("id", ["c1", None])
def test_case_007_whole_in_one_chunk_of_each_server(front: str, id: str | None) -> None:
    given = piece(0, id, "add", '{"a":17,"b":25}')
    google = {
        "candidates": [
            {
                "content": {"parts": [{"functionCall": {"name": "add", "args": {"a": 17, "b": 25}}}]},
                "finishReason": "STOP",
            }
        ]
    }
    use = {"type": "tool_use", "id": "c1", "name": "add", "input": {"a": 17, "b": 25}}  # as some relays have it
    streams = [
        (CHAT, sse(chunk(given), chunk({}, "tool_calls"), DONE)),
        (CHAT, sse(chunk(given, "tool_calls"))),
        (GEMINI, sse(google)),
        (ANTHROPIC, sse(begun(), {"type": "content_block_start", "index": 0, "content_block": use},
                        {"type": "content_block_stop", "index": 0}, *over("tool_use"))),
        (RESPONSES, sse(*items({"type": "function_call", "id": "fc", "call_id": "c1", "name": "add", "arguments": '{"a":17,"b":25}'}))),
    ]  # fmt: skip
    for back, data in streams:
        seen = hears(front, back, data)
        assert (seen.arguments, seen.stop) == ([{"a": 17, "b": 25}], "tool_calls"), back


def items(*output: dict[str, Any], **more: Any) -> list[Any]:
    """A Responses stream that tells its items at their end only, as some servers do."""
    used = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5, "input_tokens_details": {"cached_tokens": 0}}
    head = {"id": "resp_1", "object": "response", "model": "m", "status": "completed", "output": list(output)}
    head |= {"incomplete_details": None, "usage": used}
    done = [{"type": "response.output_item.done", "output_index": i, "item": item} for i, item in enumerate(output)]
    return [{"type": "response.created", "response": {**head, "status": "in_progress", "output": []}}, *done,
            {"type": "response.completed", "response": head | more}]  # fmt: skip


@fronts
@pytest.mark.parametrize("ids", [("c", None, None), ("c", "c", "c"), (None, None, None), ("", "c", "")])
def test_case_008_a_name_in_every_chunk_is_one_call(front: str, ids: tuple[str | None, ...]) -> None:
    pieces = [chunk(piece(0, id, "do_it", text)) for id, text in zip(ids, ("", '{"x"', ":1}"), strict=True)]
    seen = chat(front, *pieces, chunk({}, "tool_calls"))
    assert [(name, text.replace(" ", "")) for _, name, text in seen.calls] == [("do_it", '{"x":1}')]


@fronts
@pytest.mark.parametrize(("first", "second"), [("", "{}"), ('{"a":', "1}"), ('{"a":1}', "")])
def test_case_009_a_late_id_is_waited_for(front: str, first: str, second: str) -> None:
    seen = chat(
        front, chunk(piece(0, "", "do_it", first)), chunk(piece(0, "call_real", None, second)), chunk({}, "tool_calls")
    )
    [(id, name, text)] = seen.calls
    assert (id, name, json.loads(text)) == ("call_real", "do_it", json.loads(first + second))
    bare = {"tool_calls": [{"index": 0, "id": "call_real"}]}  # an id without a function
    seen = chat(front, chunk(piece(0, None, "do_it", first)), chunk(bare), chunk(piece(0, None, None, second)), STOPPED)
    assert [(id, name, json.loads(text)) for id, name, text in seen.calls] == [
        ("call_real", "do_it", json.loads(first + second))
    ]


@fronts
def test_case_010_calls_without_ids_get_some(front: str) -> None:
    said = [chunk(piece(0, None, "f", '{"a":1}')), chunk(piece(1, None, "f", '{"a":1}')), chunk({}, "tool_calls")]
    seen = chat(front, *said)
    ids = [id for id, _, _ in seen.calls]
    assert len(set(ids)) == 2 and all(
        0 < len(id) <= 40 and id.replace("_", "").replace("-", "").isalnum() for id in ids
    )
    assert [id for id, _, _ in chat(front, *said).calls] == ids  # the same each time
    other = [id for id, _, _ in chat(front, *({**each, "id": "chatcmpl-2"} for each in said)).calls]
    assert not set(other) & set(ids)
    message = {"tool_calls": [{"type": "function", "function": {"name": "f", "arguments": '{"a":1}'}} for _ in "ab"]}
    body = {"id": "chatcmpl-1", "choices": [{"message": message, "finish_reason": "tool_calls"}], "usage": usage()}
    assert [id for id, _, _ in answers(front, CHAT, body)[0].calls] == ids


@fronts
@pytest.mark.parametrize("name", [None, "", 7, {}, ["f"]])
def test_case_011_a_call_without_a_name_has_a_stand_in(front: str, name: Any) -> None:
    wire = {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": name, "arguments": '{"q":1}'}}]}
    assert chat(front, chunk(wire), chunk({}, "tool_calls")).calls == [("c1", "tool_0", seen_as(front, '{"q":1}'))]
    later = {"tool_calls": [{"index": 0, "function": {"name": name, "arguments": ":1}"}}]}
    named = chat(front, chunk(piece(0, "c1", "f", '{"q"')), chunk(later), chunk({}, "tool_calls"))
    assert named.calls == [("c1", "f", seen_as(front, '{"q":1}'))]


def seen_as(front: str, arguments: str) -> str:
    """Gemini's clients get an object, which this reader writes in Python's way."""
    return json.dumps(json.loads(arguments)) if front == GEMINI else arguments


@fronts
@pytest.mark.parametrize("said", ["stop", "tool_calls"])
@pytest.mark.parametrize("empty", [{"index": 0}, {"index": 0, "id": "", "function": {"name": "", "arguments": ""}},
                                   {"index": 0, "id": None, "function": None}, {}, {"function": {}}])  # fmt: skip
def test_case_011_a_call_of_nothing_is_none(front: str, empty: dict[str, Any], said: str) -> None:
    seen = chat(front, chunk({"content": "x"}), chunk({"tool_calls": [empty]}), chunk({}, said), DONE)
    assert (seen.text, seen.calls, seen.stop) == ("x", [], "stop")
    message = {"role": "assistant", "content": "x", "tool_calls": [empty]}
    seen, _ = answers(front, CHAT, {"choices": [{"message": message, "finish_reason": said}]})
    assert (seen.text, seen.calls, seen.stop) == ("x", [], "stop")


@fronts
@pytest.mark.parametrize(
    "odd", [{"id": "", "name": "f"}, {"name": "f"}, {"id": "t"}, {"id": "t", "name": ""}, {"id": None, "name": None}]
)
def test_case_011_relays_of_anthropics_dialect_too(front: str, odd: dict[str, Any]) -> None:
    use = {"type": "tool_use", "input": {"q": 1}} | odd
    block = [
        {"type": "content_block_start", "index": 0, "content_block": use},
        {"type": "content_block_stop", "index": 0},
    ]
    seen = hears(front, ANTHROPIC, sse(begun(), *block, *over("tool_use")))
    [(id, name, text)] = seen.calls
    assert id and (name, json.loads(text)) == (odd.get("name") or "tool_0", {"q": 1})
    seen, _ = answers(front, ANTHROPIC, begun()["message"] | {"content": [use], "stop_reason": "tool_use"})
    assert [(bool(id), name, json.loads(text)) for id, name, text in seen.calls] == [(True, name, {"q": 1})]


def turns(back: str) -> bytes:
    """Two calls whose arguments come turn by turn."""
    fragments = [(0, '{"a"'), (1, '{"b"'), (0, ":1}"), (1, ":2}")]
    if back == CHAT:
        opened = [chunk(piece(0, "i0", "f", "")), chunk(piece(1, "i1", "g", ""))]
        return sse(
            *opened, *(chunk(piece(n, None, None, text)) for n, text in fragments), chunk({}, "tool_calls"), DONE
        )
    if back == ANTHROPIC:
        calls = [{"type": "tool_use", "id": f"i{n}", "name": "fg"[n], "input": {}} for n in (0, 1)]
        return sse(
            begun(),
            *({"type": "content_block_start", "index": n, "content_block": call} for n, call in enumerate(calls)),
            *({"type": "content_block_delta", "index": n, "delta": {"type": "input_json_delta", "partial_json": text}}
              for n, text in fragments),
            *({"type": "content_block_stop", "index": n} for n in (0, 1)), *over("tool_use"),
        )  # fmt: skip
    calls = [
        {"type": "function_call", "id": f"fc{n}", "call_id": f"i{n}", "name": "fg"[n], "arguments": ""} for n in (0, 1)
    ]
    done = [call | {"arguments": text} for call, text in zip(calls, ('{"a":1}', '{"b":2}'), strict=True)]
    first, *last = items(*done)
    return sse(
        first, *({"type": "response.output_item.added", "output_index": n, "item": call} for n, call in enumerate(calls)),
        *({"type": "response.function_call_arguments.delta", "output_index": n, "item_id": f"fc{n}", "delta": text}
          for n, text in fragments),
        *last,
    )  # fmt: skip


@fronts
@pytest.mark.parametrize("back", [CHAT, ANTHROPIC, RESPONSES])
def test_case_012_calls_that_take_turns(front: str, back: str) -> None:
    seen = hears(front, back, turns(back))
    assert [(name, json.loads(text)) for _, name, text in seen.calls] == [("f", {"a": 1}), ("g", {"b": 2})]
    assert seen.stop == "tool_calls"
    if front == ANTHROPIC:  # whole blocks, one after the other; the reader holds them to it
        said = [[delta["partial_json"] for delta in deltas] for _, deltas in blocks(seen.wires)]
        assert said == [['{"a"', ":1}"], ['{"b"', ":2}"]]


@fronts
@pytest.mark.parametrize("indexes", [(0, 0), (None, None), (0, 5), (5, 0), (1, 1)])
def test_case_013_another_id_is_another_call(front: str, indexes: tuple[Any, Any]) -> None:
    one, two = indexes
    said = [
        chunk(piece(one, "a", "f", "{")),
        chunk(piece(one, None, None, "}")),
        chunk(piece(two, "b", "g", '{"x":1}')),
    ]
    seen = chat(front, *said, chunk({}, "tool_calls"))
    assert [(id, name, json.loads(text)) for id, name, text in seen.calls] == [("a", "f", {}), ("b", "g", {"x": 1})]


@fronts
def test_case_013_an_index_that_jumps_within_a_call(front: str) -> None:
    """SGLang: the name comes under the tool's place in the request, the arguments under the call's own."""
    said = [chunk(piece(2, "a", "f", "")), chunk(piece(0, None, None, '{"x"')), chunk(piece(0, None, None, ":1}"))]
    more = [chunk(piece(0, "b", "g", "")), chunk(piece(1, None, None, '{"y":2}'))]
    seen = chat(front, *said, *more, chunk({}, "tool_calls"))
    assert [(id, name, json.loads(text)) for id, name, text in seen.calls] == [
        ("a", "f", {"x": 1}),
        ("b", "g", {"y": 2}),
    ]


@fronts
@pytest.mark.parametrize("end", [(DONE,), (), (chunk(None, usage=usage()), DONE)])
def test_case_014_the_last_fragment_comes_with_the_finish(front: str, end: tuple[Any, ...]) -> None:
    last = chunk(piece(0, None, None, "}"), "tool_calls")
    seen = chat(front, chunk(piece(0, "a", "f", '{"x":1')), last, *end)
    assert (seen.arguments, seen.stop) == ([{"x": 1}], "tool_calls")
    seen = chat(front, chunk({"reasoning_content": "A"}), chunk({"content": "B"}, "length"), *end)
    assert (seen.reasoning, seen.text, seen.stop) == ("A", "B", "length")
    two = {"tool_calls": [*piece(0, None, None, "}")["tool_calls"], *piece(1, "b", "g", "{}")["tool_calls"]]}
    seen = chat(front, chunk(piece(0, "a", "f", '{"x":1')), chunk(two, "tool_calls"), *end)
    assert seen.arguments == [{"x": 1}, {}]


# -- the end ------------------------------------------------------------------------------------


@fronts
@pytest.mark.parametrize("end", [(DONE,), ()], ids=["done", "closed"])
@pytest.mark.parametrize("given", [{}, {"usage": None}], ids=["none", "null"])
def test_case_015_a_stream_without_usage_ends_all_the_same(front: str, end: tuple[Any, ...], given: Any) -> None:
    seen = chat(front, chunk({"content": "x"}) | given, STOPPED | given, *end)  # the readers see to the last events
    assert (seen.text, seen.stop, seen.usage) == ("x", "stop", (0, 0, 0))


QUESTIONS: dict[str, dict[str, Any]] = {
    CHAT: {"model": "m", "messages": [{"role": "user", "content": "Hi"}]},
    RESPONSES: {"model": "m", "input": "Hi"},
    ANTHROPIC: {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]},
    GEMINI: {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
}


@pytest.mark.parametrize("front", [RESPONSES, ANTHROPIC, GEMINI])
def test_case_015_usage_is_asked_for_whoever_asks(front: str) -> None:
    def asked(stream: bool, **profile: Any) -> Any:
        request = CODECS[front].decode_request(QUESTIONS[front], laws.context())
        ctx = laws.context(profile=laws.context().profile.__class__(**profile))
        return CODECS[CHAT].encode_request(Request(**{**fields(request), "stream": stream}), ctx)

    assert asked(True)["stream_options"] == {"include_usage": True}
    assert "stream_options" not in asked(False)
    assert "stream_options" not in asked(True, stream_usage=False)
    raw = json.dumps(QUESTIONS[CHAT] | {"stream": True}).encode()
    edited = json.loads(CODECS[CHAT].edit_request(raw, "m", True, laws.context().profile))
    assert edited["stream_options"] == {
        "include_usage": True
    }  # at home too: the ledger counts (its client is not told)


def fields(request: Request) -> dict[str, Any]:
    return {name: getattr(request, name) for name in request.__struct_fields__}


@fronts
def test_case_016_usage_after_the_finish_comes_before_the_end(front: str) -> None:
    first, last = usage(), usage(prompt_tokens=50, completion_tokens=20, total_tokens=70)
    for finish in (STOPPED | {"usage": first}, STOPPED):
        seen = chat(front, chunk({"content": "x"}), finish, chunk(None, usage=last), DONE)
        assert (seen.stop, seen.usage) == ("stop", (50, 20, 0))
        if front == ANTHROPIC:
            assert [wire["type"] for wire in seen.wires[-2:]] == ["message_delta", "message_stop"]


@fronts
def test_case_017_no_finish_reason(front: str) -> None:
    assert chat(front, chunk({"content": "x"}), DONE).stop == "stop"
    seen = chat(front, chunk({"content": "x"}), chunk(piece(0, "a", "f", "{}")), DONE)
    assert (seen.stop, seen.arguments) == ("tool_calls", [{}])
    for cut in ([chunk({"content": "x"})], [chunk(piece(0, "a", "f", "{}"))], [chunk({"content": "x"}, None)]):
        wires, error = heard(front, CHAT, sse(*cut))
        assert error is not None and (error.kind, error.code) == (Kind.UPSTREAM, "upstream_truncated")
        assert "error" in wires[-1] or wires[-1]["type"] == "response.failed"
        assert DONE not in wires


LATE = {
    CHAT: (DONE, chunk({"content": "late"}), chunk(piece(0, "a", "f", "{}"), "tool_calls"), "{not json", chunk(None, usage=usage())),
    ANTHROPIC: (
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": "late"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "late"}},
        {"type": "error", "error": {"type": "api_error", "message": "late"}}, *over("max_tokens"), DONE,
    ),
    RESPONSES: ({"type": "response.output_text.delta", "output_index": 0, "delta": "late"}, *items(), {"type": "error"}, DONE),
}  # fmt: skip


@fronts
@pytest.mark.parametrize("back", LATE)
def test_case_018_nothing_after_the_end(front: str, back: str) -> None:
    said = streamed(back, answer(Text(text="x"), usage=Usage(input=3, output=2)))
    seen = hears(front, back, said + sse(*LATE[back]))
    assert (seen.text, seen.stop, seen.calls, seen.usage) == ("x", "stop", [], (3, 2, 0))


@fronts
def test_case_019_the_end_comes_once_and_the_last_usage_counts(front: str) -> None:
    more = usage(prompt_tokens=50, completion_tokens=20, total_tokens=70)
    google = [{"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}],
               "usageMetadata": {"promptTokenCount": 50, "candidatesTokenCount": n}} for n, text in ((3, "x"), (20, ""))]  # fmt: skip
    text = [{"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "x"}},
            {"type": "content_block_stop", "index": 0}]  # fmt: skip
    for back, data in (
        (CHAT, sse(chunk({"content": "x"}), STOPPED | {"usage": usage()}, STOPPED | {"usage": more}, DONE, DONE)),
        (CHAT, sse(chunk({"content": "x"}), STOPPED, STOPPED, chunk(None, usage=usage()), chunk(None, usage=more))),
        (ANTHROPIC, sse(begun(input_tokens=50), *text, over(output_tokens=3)[0], *over(output_tokens=20), *over())),
        (GEMINI, sse(*google)),
    ):
        seen = hears(front, back, data)
        assert (seen.text, seen.stop, seen.usage) == ("x", "stop", (50, 20, 0)), back


# -- around the answer -----------------------------------------------------------------------------

PRELUDE = {
    "id": "",
    "object": "",
    "created": 0,
    "model": "",
    "prompt_filter_results": [{"prompt_index": 0}],
    "choices": [],
}


@fronts
def test_case_020_azures_prelude(front: str) -> None:
    said = [PRELUDE, chunk({"content": "x"}), STOPPED, chunk(None, usage=usage()), DONE]
    seen = chat(front, *said)
    assert (seen.text, seen.stop, seen.usage) == ("x", "stop", (5, 2, 0))
    pipe = Pipe(CODECS[CHAT].decoder(laws.context()), CODECS[front].encoder(laws.context()))
    list(pipe.feed(sse(*said)))
    assert pipe.fold.start is not None
    assert (pipe.fold.start.id, pipe.fold.start.model) == ("chatcmpl-1", "m")


NOT_COUNTS: list[Any] = [None, {}, {"queue_time": 0.1}, [], 0, "", {"prompt_tokens": None, "completion_tokens": None},
                         {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}]  # fmt: skip


@fronts
@pytest.mark.parametrize("no", NOT_COUNTS)
def test_case_021_only_what_counts_is_usage(front: str, no: Any) -> None:
    real = {"usage": usage()}
    for said in (
        [chunk({"content": "x"}, usage=no), STOPPED | {"usage": no}, chunk(None, **real), DONE],
        [chunk({"content": "x"}, usage=no), STOPPED | real, DONE],
        [chunk({"content": "x"}, **real), STOPPED | {"usage": no}, chunk(None, usage=no), DONE],
    ):
        assert chat(front, *said).usage == (5, 2, 0)


WEIGHED = Usage(input=812, output=9, cache_read=700)


@backs
def test_case_022_all_counts_reach_anthropics_clients(back: str) -> None:
    told = {"input_tokens": 112, "cache_read_input_tokens": 700, "cache_creation_input_tokens": 0, "output_tokens": 9}
    stream = streamed(back, answer(Text(text="x"), usage=WEIGHED))
    assert ended(hears(ANTHROPIC, back, stream).wires)["usage"].items() >= told.items()
    _, wire = answers(ANTHROPIC, back, whole(back, answer(Text(text="x"), usage=WEIGHED)))
    assert wire["usage"].items() >= told.items()


@pairs
def test_case_022_counts_are_the_same_for_all(front: str, back: str) -> None:
    assert hears(front, back, streamed(back, answer(Text(text="x"), usage=WEIGHED))).usage == (812, 9, 700)
    assert answers(front, back, whole(back, answer(Text(text="x"), usage=WEIGHED)))[0].usage == (812, 9, 700)


MANY = answer(
    Reasoning(text="A"),
    Text(text="B"),
    ToolCall(id="a", name="f", arguments='{"a":1}'),
    ToolCall(id="b", name="g"),
    stop="tool_calls",
)


@pairs
def test_case_024_blocks_begin_grow_and_end(front: str, back: str) -> None:
    """The readers hold each stream to it: every block begun, grown and ended in this order, numbered without a gap."""
    seen = hears(front, back, streamed(back, MANY))
    assert seen.order == ["reasoning", "text", "call", "call"]
    if front == ANTHROPIC:
        found = blocks(seen.wires)
        assert [block["type"] for block, _ in found] == ["thinking", "text", "tool_use", "tool_use"]
        at = [wire["index"] for wire in seen.wires if wire["type"] == "content_block_stop"]
        assert at == list(range(len(found)))


@pairs
def test_case_025_streams_share_nothing(front: str, back: str) -> None:
    def script(n: int) -> list[bytes]:
        calls = [ToolCall(id=f"c{n}", name=f"f{n}", arguments=f'{{"n":{n}}}')]
        said = answer(
            Reasoning(text=f"r{n}"), Text(text=f"t{n}"), *calls, stop="tool_calls", usage=Usage(input=n, output=n)
        )
        data = streamed(back, said)
        return [data[i : i + 31] for i in range(0, len(data), 31)]

    def pipe() -> Pipe:
        return Pipe(CODECS[back].decoder(laws.context()), CODECS[front].encoder(laws.context()))

    scripts = [script(n) for n in range(50)]
    alone = []
    for pieces in scripts:
        one = pipe()
        alone.append([frame for some in pieces for frame in one.feed(some)] + list(one.close()))
    pipes, together = [pipe() for _ in scripts], [[] for _ in scripts]  # type: ignore[var-annotated]
    for step in range(max(map(len, scripts))):
        for n, pieces in enumerate(scripts):
            together[n] += pipes[n].feed(pieces[step]) if step < len(pieces) else ()
    for n, one in enumerate(pipes):
        together[n] += one.close()
    assert together == alone
    assert b"t7" in b"".join(frame.data for frame in together[7])


NOTHING: dict[str, list[bytes]] = {
    CHAT: [sse(STOPPED, DONE), sse(chunk({"role": "assistant", "content": ""}), chunk({"content": None}, "stop"), DONE)],
    ANTHROPIC: [
        sse(begun(), *over()),
        sse(begun(), {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_stop", "index": 0}, *over()),
    ],
    RESPONSES: [sse(*items()), sse(*items({"type": "message", "id": "m", "role": "assistant", "content": []}))],
    GEMINI: [sse({"candidates": [{"content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": "STOP"}]}),
             sse({"candidates": [{"finishReason": "STOP"}]})],
    BEDROCK: [converse(("messageStart", {"role": "assistant"}), ("messageStop", {"stopReason": "end_turn"}),
                       ("metadata", {"usage": {"inputTokens": 1, "outputTokens": 0, "totalTokens": 1}}))],
}  # fmt: skip


@pairs
def test_case_026_an_empty_answer_is_one(front: str, back: str) -> None:
    for data in NOTHING[back]:
        seen = hears(front, back, data)
        assert (seen.text, seen.calls, seen.stop) == ("", [], "stop")
        assert seen.order == [] or front == back
        if front == ANTHROPIC:
            assert starts(seen.wires) == []
    seen, wire = answers(front, back, whole(back, answer()))
    assert (seen.text, seen.calls, seen.stop) == ("", [], "stop")
    if front == ANTHROPIC:
        assert (wire["content"], wire["stop_reason"]) == ([], "end_turn")
