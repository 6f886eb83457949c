"""Cases 38 to 54: requests. Every one is given to each provider, which refuses what its real counterpart refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

import laws
from cases.histories import calls, history, results, texts, tools
from cases.wires import (
    ABROAD,
    ANTHROPIC,
    BACKS,
    BEDROCK,
    CHAT,
    FRONTS,
    GEMINI,
    RESPONSES,
    answer,
    answers,
    asks,
    chunk,
    heard,
    hears,
    lost,
    sse,
    streamed,
    tried,
    whole,
)
from dragoman.core.codec import Context
from dragoman.core.errors import Kind
from dragoman.core.ir import ToolCall
from dragoman.dialects import CODECS

abroad = pytest.mark.parametrize(("front", "back"), ABROAD)
ELSEWHERE = [front for front in FRONTS if front != ANTHROPIC]
elsewhere = pytest.mark.parametrize("front", ELSEWHERE)
USER = ("user", "Hi")
A, B = ("a", "f", '{"a":1}'), ("b", "g", "{}")


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def by_type(content: list[dict[str, Any]]) -> list[str]:
    return [block["type"] for block in content]


# -- calls and their results ----------------------------------------------------------------


@elsewhere
def test_case_038_results_of_one_turn_share_a_turn(front: str) -> None:
    wire, _ = asks(
        front,
        ANTHROPIC,
        history(front, USER, ("said", None, A, B), ("result", "a", "1"), ("result", "b", "2"), ("user", "go")),
    )
    assert [turn["role"] for turn in wire["messages"]] == ["user", "assistant", "user"]
    one, two, go = wire["messages"][2]["content"]
    assert (one["tool_use_id"], two["tool_use_id"], go) == ("a", "b", text("go"))


@abroad
@pytest.mark.parametrize("order", ["ab", "ba"])
def test_case_038_every_provider_gets_them_in_its_order(front: str, back: str, order: str) -> None:
    given = [("result", id, {"a": "1", "b": "2"}[id]) for id in order]
    wire, _ = asks(front, back, history(front, USER, ("said", "I look", A, B), *given, ("user", "go")))
    assert sorted(results(back, wire)) == [("a", "1"), ("b", "2")]
    assert [(id, name) for id, name, _ in calls(back, wire)] == [("a", "f"), ("b", "g")]


@abroad
def test_case_039_what_the_user_says_beside_results_comes_after_them(front: str, back: str) -> None:
    for told in (
        [("user", "a reminder"), ("result", "a", "1"), ("user", "more")],
        [("result", "a", "1"), ("user", "a reminder"), ("user", "more")],
    ):
        wire, _ = asks(front, back, history(front, USER, ("said", None, A), *told))
        assert results(back, wire) == [("a", "1")]
        said = "".join(texts(back, wire, "user"))
        assert "a reminder" in said and "more" in said
        if back == ANTHROPIC:
            assert by_type(wire["messages"][2]["content"]) == ["tool_result", "text", "text"]


def test_case_039_text_before_a_result_in_one_turn() -> None:
    blocks = [text("a reminder"), {"type": "tool_result", "tool_use_id": "a", "content": "1"}, text("more")]
    given = history(ANTHROPIC, USER, ("said", None, A))
    given["messages"].append({"role": "user", "content": blocks})
    for back in (CHAT, RESPONSES, GEMINI):
        wire, _ = asks(ANTHROPIC, back, given)
        assert results(back, wire) == [("a", "1")]
        assert "a reminder" in json.dumps(wire)


@abroad
def test_case_040_a_call_without_a_result_gets_one(front: str, back: str) -> None:
    for turns in ([("said", None, A, B), ("result", "b", "2"), ("user", "go")], [("said", None, A, B), ("user", "go")]):
        wire, ctx = asks(front, back, history(front, USER, *turns))
        found = dict(results(back, wire))
        assert set(found) == {"a", "b"} and "no result recorded" in found["a"]
        assert "emulated" in {what for _, what in lost(ctx)}


@abroad
def test_case_040_a_result_without_its_call_becomes_text(front: str, back: str) -> None:
    wire, ctx = asks(front, back, history(front, USER, ("result", "gone", "forty-two"), ("user", "go")))
    assert results(back, wire) == []
    assert "forty-two" in "".join(texts(back, wire, "user"))
    assert "emulated" in {what for _, what in lost(ctx)}


@abroad
def test_case_040_calls_in_the_past_and_no_tools_now(front: str, back: str) -> None:
    wire, _ = asks(front, back, history(front, USER, ("said", None, A), ("result", "a", "1"), tools=()))
    assert "1" in json.dumps(results(back, wire) or texts(back, wire, "user"))


@abroad
def test_case_041_of_two_results_for_a_call_the_last_is_told_first(front: str, back: str) -> None:
    told = [("result", "a", "old"), ("result", "b", "2"), ("result", "a", "new")]
    wire, _ = asks(front, back, history(front, USER, ("said", None, A, B), *told))
    assert results(back, wire) == [("a", "new"), ("b", "2")]


ODD = "fs.readFile:0"


@abroad
@pytest.mark.parametrize("id", [ODD, "a b/c", "ü", "x" * 300, "call_" + "y" * 60])
def test_case_042_ids_are_respelled_and_come_back(front: str, back: str, id: str) -> None:
    wire, ctx = asks(front, back, history(front, USER, ("said", None, (id, "f", "{}")), ("result", id, "1")))
    [(sent, _, _)], [(answered, said)] = calls(back, wire), results(back, wire)
    assert (sent, said) == (answered, "1")
    if back != GEMINI:
        assert len(sent) <= 64
        assert ctx.original(sent) == id  # what this provider repeats is told in the client's spelling
    assert asks(front, back, history(front, USER, ("said", None, (id, "f", "{}")), ("result", id, "1")))[0] == wire


# -- tools ---------------------------------------------------------------------------------------


NOTHING: list[Any] = [..., None, {}, {"type": "object"}, {"type": "object", "properties": None}]
"""Schemas of a tool that takes nothing; Anthropic's clients must give one."""


def declared(front: str, schema: Any = ..., **more: Any) -> dict[str, Any]:
    """A question with one tool, whose schema is said so or not at all."""
    field = {CHAT: "parameters", RESPONSES: "parameters", ANTHROPIC: "input_schema", GEMINI: "parametersJsonSchema"}[
        front
    ]
    tool = {"name": "now"} | ({} if schema is ... else {field: schema})
    wire = history(front, USER, tools=()) | more
    match front:
        case "openai.chat":
            return wire | {"tools": [{"type": "function", "function": tool}]}
        case "openai.responses":
            return wire | {"tools": [{"type": "function"} | tool]}
        case "anthropic":
            return wire | {"tools": [tool]}
    return wire | {"tools": [{"functionDeclarations": [tool]}]}


@pytest.mark.parametrize(("front", "back", "schema"), [
    (front, back, schema) for front, back in ABROAD for schema in NOTHING if isinstance(schema, dict) or front != ANTHROPIC
])  # fmt: skip
def test_case_043_a_tool_that_takes_nothing_is_still_a_tool(front: str, back: str, schema: Any) -> None:
    wire, _ = asks(front, back, declared(front, schema))
    found = tools(back, wire)
    assert set(found) == {"now"}
    if back != GEMINI:
        assert found["now"] == {"type": "object", "properties": {}}


STRING, NUMBER = {"type": "string"}, {"type": "number"}
ROOTS = {
    "a choice": {"anyOf": [{"type": "object", "properties": {"x": STRING}, "required": ["x"]},
                           {"type": "object", "properties": {"y": NUMBER}, "required": ["y"]}]},
    "one of": {"oneOf": [{"type": "object", "properties": {"x": STRING}}, {"type": "object", "properties": {"y": NUMBER}}]},
    "both": {"allOf": [{"type": "object", "properties": {"x": STRING}}, {"type": "object", "properties": {"y": NUMBER}}]},
    "elsewhere": {"$ref": "#/$defs/P", "$defs": {"P": {"type": "object", "properties": {"x": STRING, "y": NUMBER}}}},
    "untyped": {"properties": {"x": STRING, "y": NUMBER}},
    "or null": {"type": ["object", "null"], "properties": {"x": STRING, "y": NUMBER}},
}  # fmt: skip


@abroad
@pytest.mark.parametrize("root", ROOTS)
def test_case_044_the_root_of_a_schema_is_an_object_with_all_of_it(front: str, back: str, root: str) -> None:
    wire, _ = asks(front, back, declared(front, ROOTS[root]))
    schema = tools(back, wire)["now"]
    assert schema["type"] in ("object", "OBJECT")
    assert {"x", "y"} <= set(schema["properties"]), "nothing is lost in silence"
    assert not {"anyOf", "oneOf", "allOf"} & set(schema)


FOREIGN = [
    (CHAT, {"type": "web_search"}), (CHAT, {"type": "from_tomorrow", "name": "x"}), (RESPONSES, {"type": "file_search", "vector_store_ids": ["v"]}),
    (RESPONSES, {"type": "computer_use_preview", "display_width": 1}), (RESPONSES, {"type": "image_generation"}),
    (ANTHROPIC, {"type": "bash_20250124", "name": "bash"}), (ANTHROPIC, {"type": "web_fetch_20250910", "name": "web_fetch"}),
    (GEMINI, {"urlContext": {}}), (GEMINI, {"fromTomorrow": {}}),
]  # fmt: skip


@pytest.mark.parametrize(("front", "tool", "back"), [
    (front, tool, back) for front, tool in FOREIGN for back in (*BACKS, BEDROCK) if front != back
])  # fmt: skip
def test_case_045_a_tool_is_never_left_out_in_silence(front: str, back: str, tool: dict[str, Any]) -> None:
    """It is there as what does the same; or it is a loss that is told, beside other tools; or the request is refused."""
    name = tool.get("type") or next(iter(tool))
    wire, ctx, error = tried(front, back, history(front, USER, tools=()) | {"tools": [tool]})
    if error is not None:
        assert error.kind is Kind.INVALID_REQUEST and name in error.message and "tools" in str(error.param)
    else:
        assert given(wire) or lost(ctx)
    beside = history(front, USER)
    beside["tools"].append(tool)
    wire, ctx, error = tried(front, back, beside)
    assert error is None, "agents declare such tools in every request"
    assert {"f", "g"} <= set(tools(back, plain_tools(back, wire)))
    assert len(given(wire)) > (1 if back == GEMINI else 2) or lost(ctx)


def given(wire: dict[str, Any]) -> list[dict[str, Any]]:
    """All tools of a request."""
    return list(wire.get("tools") or wire.get("toolConfig", {}).get("tools", ()))


def plain_tools(back: str, wire: dict[str, Any]) -> dict[str, Any]:
    """The request with the tools that clients run alone."""
    fields = {CHAT: "function", RESPONSES: "parameters", ANTHROPIC: "input_schema", GEMINI: "functionDeclarations"}
    return wire | {"tools": [tool for tool in given(wire) if fields.get(back, "toolSpec") in tool]}


@pytest.mark.parametrize(("front", "tool"), [
    (CHAT, {"type": "custom", "custom": {"name": "note", "description": "Writes"}}), (RESPONSES, {"type": "custom", "name": "note"}),
])  # fmt: skip
@pytest.mark.parametrize("back", [ANTHROPIC, GEMINI])
def test_case_045_a_tool_of_free_text_is_one_with_a_string(front: str, back: str, tool: dict[str, Any]) -> None:
    asked = history(front, USER, tools=()) | {"tools": [tool]}
    wire, ctx = asks(front, back, asked)
    assert tools(back, wire)["note"]["properties"]["input"]["type"].lower() == "string"
    assert lost(ctx) == set()
    said = answer(ToolCall(id="c1", name="note", arguments='{"input":"say \\"hi\\"\\n"}'), stop="tool_calls")
    told = CODECS[front].decode_request(asked, laws.context())
    for name, found in (
        ("whole", json.dumps(answers(front, back, whole(back, said), read=False, request=told)[1])),
        ("stream", json.dumps(heard(front, back, streamed(back, said), request=told)[0])),
    ):
        assert json.dumps('say "hi"\n') in found, name  # the text itself, as the client's own tool gets it
        assert '"custom"' in found or '"custom_tool_call"' in found


def test_case_045_a_server_that_knows_no_such_tool_is_sent_none() -> None:
    """Of its own dialect, but strict: nothing of the old spelling may be left."""
    called = {"id": "c1", "type": "custom", "custom": {"name": "note", "input": "x"}}
    given = history(CHAT, USER, ("result", "c1", "ok"), tools=()) | {
        "tools": [{"type": "custom", "custom": {"name": "note"}}]
    }
    given["messages"].insert(1, {"role": "assistant", "content": None, "tool_calls": [called]})
    wire, _ = asks(CHAT, CHAT, given, repair=True)
    assert "custom" not in json.dumps(wire)
    assert calls(CHAT, wire) == [("c1", "note", {"input": "x"})]
    assert set(tools(CHAT, wire)) == {"note"}


# -- settings --------------------------------------------------------------------------------------

LIMITS = {
    CHAT: [{}, {"max_completion_tokens": 50}, {"max_completion_tokens": 50, "max_tokens": 70}, {"max_tokens": 50},
           {"max_tokens": None, "max_completion_tokens": 50}],
    RESPONSES: [{}, {"max_output_tokens": 50}],
    GEMINI: [{}, {"generationConfig": {"maxOutputTokens": 50}}],
}  # fmt: skip


@pytest.mark.parametrize("front", LIMITS)
def test_case_046_anthropic_always_gets_a_limit(front: str) -> None:
    for n, given in enumerate(LIMITS[front]):
        wire, ctx = asks(front, ANTHROPIC, history(front, USER, **given), max_tokens=777, max_tokens_limit=900)
        assert wire["max_tokens"] == (50 if n else 777)
        assert ("sampling.max_tokens", "clamped") not in lost(ctx)
        wire, ctx = asks(front, ANTHROPIC, history(front, USER, **given), max_tokens=777, max_tokens_limit=40)
        assert wire["max_tokens"] == 40
        assert (("sampling.max_tokens", "clamped") in lost(ctx)) == bool(n)


@abroad
@pytest.mark.parametrize("blank", ["", " ", "\n\t "])
def test_case_047_empty_texts_are_left_out(front: str, back: str, blank: str) -> None:
    turns = [USER, ("user", blank), ("said", blank, A), ("result", "a", blank), ("said", blank), ("user", "go")]
    wire, _ = asks(
        front, back, history(front, *turns)
    )  # the provider refuses empty texts, as its real counterpart does
    assert [id for id, _ in results(back, wire)] == ["a"]
    assert [(id, name) for id, name, _ in calls(back, wire)] == [("a", "f")]
    said = "".join(texts(back, wire, "user"))
    assert said.replace(" ", "").replace("\n", "").replace("\t", "") == "Higo"


def test_case_047_empty_blocks_of_every_kind() -> None:
    given = history(ANTHROPIC, USER)
    given["messages"] = [
        {"role": "user", "content": [text(""), text("Hi")]},
        {"role": "assistant", "content": [text(""), {"type": "tool_use", "id": "a", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a"}, {"type": "text", "text": " "}]},
        {"role": "assistant", "content": []},
        {"role": "user", "content": "go"},
    ]
    for back in (CHAT, RESPONSES, GEMINI):
        wire, _ = asks(ANTHROPIC, back, given)
        assert [id for id, _ in results(back, wire)] == ["a"]
    for content in (None, [], [{"type": "text", "text": ""}]):
        chat = history(CHAT, USER, ("said", None, A), ("result", "a", ""))
        chat["messages"][1]["content"] = content
        chat["messages"][2]["content"] = content or ""
        for back in (ANTHROPIC, RESPONSES, GEMINI):
            assert [id for id, _ in results(back, asks(CHAT, back, chat)[0])] == ["a"]


def test_case_048_system_messages_where_they_stand() -> None:
    given = {"model": "m", "messages": [
        {"role": "system", "content": [text("S1") | {"cache_control": {"type": "ephemeral"}}, text("S2")]}, {"role": "user", "content": "U"},
        {"role": "developer", "content": "D"}, {"role": "user", "content": "V"},
    ]}  # fmt: skip
    wire, _ = asks(CHAT, ANTHROPIC, given)
    assert wire["system"] == [text("S1") | {"cache_control": {"type": "ephemeral"}}, text("S2")]
    assert wire["messages"] == [{"role": "user", "content": [text("U"), text("D"), text("V")]}]
    wire, _ = asks(CHAT, GEMINI, given)
    assert [part["text"] for part in wire["systemInstruction"]["parts"]] == ["S1", "S2"]
    assert [part["text"] for part in wire["contents"][0]["parts"]] == ["U", "D", "V"]
    wire, _ = asks(CHAT, RESPONSES, given)
    assert (
        json.dumps(wire).index("S1")
        < json.dumps(wire).index('"U"')
        < json.dumps(wire).index('"D"')
        < json.dumps(wire).index('"V"')
    )


@pytest.mark.parametrize("back", BACKS)
def test_case_048_a_system_prompt_alone_is_a_question(back: str) -> None:
    for front, given in (
        (CHAT, {"model": "m", "messages": [{"role": "system", "content": "S"}]}),
        (RESPONSES, {"model": "m", "instructions": "S", "input": []}),
        (RESPONSES, {"model": "m", "input": [{"role": "developer", "content": "S"}]}),
    ):
        if front == back:
            continue
        wire, _ = asks(front, back, given)
        assert "S" in json.dumps(wire)


@pytest.mark.parametrize("back", [CHAT, RESPONSES, GEMINI])
def test_case_048_a_system_message_inside_anthropics_messages(back: str) -> None:
    """Claude Code's beta puts them in mid-conversation."""
    given = {"model": "m", "max_tokens": 9, "system": "S", "messages": [
        {"role": "user", "content": "U"}, {"role": "system", "content": "D"}, {"role": "assistant", "content": "V"}, {"role": "user", "content": "W"},
    ]}  # fmt: skip
    raw = json.dumps(asks(ANTHROPIC, back, given)[0])
    places = [raw.index(f'"{word}"') for word in "UDVW"]
    assert places == sorted(places) and '"S"' in raw


@elsewhere
def test_case_049_turns_of_one_role_are_one(front: str) -> None:
    turns = [("user", "a"), ("user", "b"), ("said", "c"), ("said", "d"), ("user", "e")]
    wire, ctx = asks(front, ANTHROPIC, history(front, *turns))
    told = [(turn["role"], [block["text"] for block in turn["content"]]) for turn in wire["messages"]]
    assert told == [("user", ["a", "b"]), ("assistant", ["c", "d"]), ("user", ["e"])]
    assert lost(ctx) == set()


def test_case_049_marks_of_the_cache_stay_where_they_were() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    given = {"model": "m", "messages": [{"role": "user", "content": [text("a") | mark]}, {"role": "user", "content": "b"},
                                        {"role": "assistant", "content": "c"}, {"role": "user", "content": [text("d") | mark]}]}  # fmt: skip
    wire, _ = asks(CHAT, ANTHROPIC, given)
    assert wire["messages"] == [
        {"role": "user", "content": [text("a") | mark, text("b")]},
        {"role": "assistant", "content": [text("c")]},
        {"role": "user", "content": [text("d") | mark]},
    ]


WARM: dict[str, dict[str, Any]] = {
    CHAT: {"temperature": 1.7, "top_p": 0.5},
    RESPONSES: {"temperature": 1.7, "top_p": 0.5},
    GEMINI: {"generationConfig": {"temperature": 1.7, "topP": 0.5, "topK": 7}},
}
THINKS: dict[str, dict[str, Any]] = {
    CHAT: {"reasoning_effort": "high"},
    RESPONSES: {"reasoning": {"effort": "high"}},
    GEMINI: {"generationConfig": {"thinkingConfig": {"thinkingBudget": 2048}}},
}


@pytest.mark.parametrize("front", WARM)
def test_case_050_sampling_within_what_anthropic_takes(front: str) -> None:
    wire, ctx = asks(front, ANTHROPIC, history(front, USER, **WARM[front]))
    assert (wire["temperature"], wire["top_p"]) == (1.0, 0.5)
    assert ("sampling.temperature", "clamped") in lost(ctx)
    wire, ctx = asks(front, ANTHROPIC, history(front, USER, **WARM[front]), top_p_beside_temperature=False)
    assert "top_p" not in wire
    both = WARM[front] | THINKS[front]
    if front == GEMINI:
        both = {"generationConfig": WARM[front]["generationConfig"] | THINKS[front]["generationConfig"]}
    wire, ctx = asks(front, ANTHROPIC, history(front, USER, **both))
    assert wire["thinking"]["type"] == "enabled"
    assert not {"top_p", "top_k"} & set(wire) and wire.get("temperature", 1) == 1
    assert {"sampling.temperature", "sampling.top_p"} <= {path for path, _ in lost(ctx)}


BUDGETS: list[tuple[dict[str, Any], int, str | None]] = [
    ({"type": "enabled", "budget_tokens": 500}, 400, "low"),
    ({"type": "enabled", "budget_tokens": 5000}, 9000, "medium"),
    ({"type": "enabled", "budget_tokens": 30000}, 40000, "high"),
    ({"type": "adaptive"}, 400, None),
    ({"type": "auto"}, 400, None),
    ({"type": "disabled"}, 400, "none"),
]


@pytest.mark.parametrize(("thinking", "limit", "effort"), BUDGETS)
def test_case_051_a_budget_elsewhere(thinking: dict[str, Any], limit: int, effort: str | None) -> None:
    given = history(ANTHROPIC, USER, thinking=thinking, max_tokens=limit)
    assert asks(ANTHROPIC, CHAT, given)[0].get("reasoning_effort") == effort
    assert (asks(ANTHROPIC, RESPONSES, given)[0].get("reasoning") or {}).get("effort") == effort
    wire, _ = asks(ANTHROPIC, GEMINI, given, thinking="budget")
    config = wire["generationConfig"].get("thinkingConfig", {})
    assert config.get("thinkingBudget", -1) == {"enabled": thinking.get("budget_tokens"), "disabled": 0}.get(
        thinking["type"], -1
    )


@pytest.mark.parametrize("front", THINKS)
@pytest.mark.parametrize("limit", [1, 400, 1024, 1025, 9000, None])
def test_case_051_no_refusal_of_our_own_making(front: str, limit: int | None) -> None:
    """Whatever the limit: Anthropic takes what it is asked, or is not asked to think, which is told."""
    if front == GEMINI:
        config = THINKS[front]["generationConfig"] | ({"maxOutputTokens": limit} if limit else {})
        given = {"generationConfig": config}
    else:
        given = THINKS[front] | ({"max_tokens" if front == CHAT else "max_output_tokens": limit} if limit else {})
    for profile in ({}, {"max_tokens_limit": 1000}, {"max_tokens_limit": 4096}):
        wire, ctx = asks(front, ANTHROPIC, history(front, USER, **given), **profile)
        assert "thinking" in wire or ("thinking", "dropped") in lost(ctx)


EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh"]


@pytest.mark.parametrize("effort", EFFORTS)
@pytest.mark.parametrize("front", [CHAT, RESPONSES])
def test_case_052_every_effort_and_one_knob(front: str, effort: str) -> None:
    asked = {"reasoning_effort": effort} if front == CHAT else {"reasoning": {"effort": effort}}
    for back, profile in ((ANTHROPIC, {}), (ANTHROPIC, {"thinking": "adaptive", "efforts": ("low", "high")}),
                          (GEMINI, {"thinking": "budget"}), (GEMINI, {"thinking": "level", "efforts": ("low", "high")})):  # fmt: skip
        wire, _ = asks(front, back, history(front, USER, **asked), **profile)
        knobs = [
            knob
            for knob in ("budget_tokens", "effort", "thinkingBudget", "thinkingLevel")
            if f'"{knob}"' in json.dumps(wire)
        ]
        assert len(knobs) == (0 if (back, effort) == (ANTHROPIC, "none") else 1), wire


@pytest.mark.parametrize("effort", EFFORTS)
def test_case_052_an_effort_that_is_unknown_is_the_nearest(effort: str) -> None:
    known = ("low", "medium", "high")
    for front, back in ((RESPONSES, CHAT), (CHAT, RESPONSES)):
        asked = {"reasoning_effort": effort} if front == CHAT else {"reasoning": {"effort": effort}}
        wire, ctx = asks(front, back, history(front, USER, **asked), efforts=known)
        sent = wire["reasoning_effort"] if back == CHAT else wire["reasoning"]["effort"]
        assert sent in known
        assert (("thinking.effort", "clamped") in lost(ctx)) == (effort not in known)


STOPS: dict[str, Any] = {CHAT: "stop", ANTHROPIC: "stop_sequences"}


def stopped(back: str, given: Any, front: str = CHAT) -> tuple[Any, Context]:
    name = STOPS[front]
    wire, ctx = asks(front, back, history(front, USER, **{name: given}))
    return wire.get(STOPS.get(back, "")) or wire.get("generationConfig", {}).get("stopSequences"), ctx


@pytest.mark.parametrize("back", [ANTHROPIC, GEMINI])
def test_case_053_stop_is_an_array_without_blanks(back: str) -> None:
    for given, sent in (
        ("X", ["X"]),
        (["X"], ["X"]),
        (None, None),
        ([], None),
        (["X", ""], ["X"]),
        (["X", " \n"], ["X"] if back == ANTHROPIC else ["X", " \n"]),
    ):
        assert stopped(back, given)[0] == sent, given
    many, ctx = stopped(back, list("ABCD"))
    assert many == list("ABCD") and lost(ctx) == set()


@pytest.mark.parametrize(("back", "most"), [(CHAT, 4), (GEMINI, 5)])
def test_case_053_more_than_a_provider_takes_are_told(back: str, most: int) -> None:
    many, ctx = stopped(back, list("ABCDEFG"), ANTHROPIC)
    assert many == list("ABCDEFG")[:most]
    assert lost(ctx) == {(f"sampling.stop[{most}]", "dropped")}


def test_case_053_which_sequence_it_was_is_told() -> None:
    whole = {"choices": [{"message": {"content": "x"}, "finish_reason": "stop", "stop_reason": "END"}],
             "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}  # fmt: skip
    _, wire = answers(ANTHROPIC, CHAT, whole)  # vLLM says which
    assert (wire["stop_reason"], wire["stop_sequence"]) == ("stop_sequence", "END")
    last = chunk({}, "stop")
    last["choices"][0]["stop_reason"] = "END"
    [end] = [
        one
        for one in hears(ANTHROPIC, CHAT, sse(chunk({"content": "x"}), last)).wires
        if one["type"] == "message_delta"
    ]
    assert end["delta"] == {"stop_reason": "stop_sequence", "stop_sequence": "END"}


CHOICES: dict[str, dict[str, Any]] = {  # what is asked, in each dialect's words
    "auto": {CHAT: "auto", RESPONSES: "auto", ANTHROPIC: {"type": "auto"}, GEMINI: {"mode": "AUTO"}, BEDROCK: {"auto": {}}},
    "none": {CHAT: "none", RESPONSES: "none", ANTHROPIC: {"type": "none"}, GEMINI: {"mode": "NONE"}, BEDROCK: None},
    "required": {CHAT: "required", RESPONSES: "required", ANTHROPIC: {"type": "any"}, GEMINI: {"mode": "ANY"}, BEDROCK: {"any": {}}},
    "tool": {CHAT: {"type": "function", "function": {"name": "g"}}, RESPONSES: {"type": "function", "name": "g"},
             ANTHROPIC: {"type": "tool", "name": "g"}, GEMINI: {"mode": "ANY", "allowedFunctionNames": ["g"]},
             BEDROCK: {"tool": {"name": "g"}}},
}  # fmt: skip


def choosing(front: str, choice: Any, **more: Any) -> dict[str, Any]:
    if front == GEMINI:
        return history(front, USER, toolConfig={"functionCallingConfig": choice}, **more)
    return history(front, USER, tool_choice=choice, **more)


def chosen(back: str, wire: dict[str, Any]) -> Any:
    if back == GEMINI:
        return (wire.get("toolConfig") or {}).get("functionCallingConfig")
    if back == BEDROCK:
        return (wire.get("toolConfig") or {}).get("toolChoice")
    return wire.get("tool_choice")


@abroad
@pytest.mark.parametrize("mode", CHOICES)
def test_case_054_the_choice_of_tools(front: str, back: str, mode: str) -> None:
    wire, ctx = asks(front, back, choosing(front, CHOICES[mode][front]))
    found = chosen(back, wire)
    assert found == CHOICES[mode][back] or (mode == "auto" and found is None)
    assert lost(ctx) == ({("tool_choice", "emulated")} if (back, mode) == (BEDROCK, "none") else set())
    assert tools(back, wire) or (back, mode) == (BEDROCK, "none"), "where tools cannot be forbidden, none is there"
    wire, ctx = asks(front, back, choosing(front, CHOICES[mode][front], tools=()))
    assert chosen(back, wire) is None, "nothing to choose from"


@pytest.mark.parametrize(("front", "back"), [pair for pair in ABROAD if pair[0] != GEMINI])  # which has no such wish
def test_case_054_one_call_at_a_time(front: str, back: str) -> None:
    given = (
        {"parallel_tool_calls": False}
        if front != ANTHROPIC
        else {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}
    )
    wire, ctx = asks(front, back, history(front, USER, **given))
    match back:
        case "anthropic":
            assert wire["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
        case "gemini" | "bedrock.converse":
            assert [what for _, what in lost(ctx)] == ["dropped"]
        case _:
            assert wire["parallel_tool_calls"] is False


@pytest.mark.parametrize("front", [CHAT, RESPONSES])
@pytest.mark.parametrize("back", [ANTHROPIC, GEMINI])
def test_case_054_tools_that_are_allowed(front: str, back: str) -> None:
    inner = {"type": "function", "name": "g"} if front == RESPONSES else {"type": "function", "function": {"name": "g"}}
    allowed = {"mode": "required", "tools": [inner]}
    choice = {"type": "allowed_tools"} | (allowed if front == RESPONSES else {"allowed_tools": allowed})
    wire, _ = asks(front, back, choosing(front, choice))
    if back == GEMINI:
        assert chosen(back, wire) == {"mode": "ANY", "allowedFunctionNames": ["g"]}
    else:
        assert set(tools(back, wire)) == {"g"} and wire["tool_choice"] == {"type": "any"}
