"""The validators of streams: real ones pass, and every rule rejects a stream that breaks it and nothing else.

A validator that rejects reality is wrong; one that accepts everything is worthless.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from fnmatch import fnmatch
from typing import Any

import pytest
from tests.traffic import Exchange, exchanges
from tests.validators import VALIDATORS, checked, checked_array, dialect_of_path, faults
from tests.validators.gemini import Gemini

from dragoman.core.framing import Reader

# -- the recordings ----------------------------------------------------------------------

DEVIATIONS: tuple[tuple[str, str, str], ...] = (
    ("openai.chat/text-stream/test_openai_moderation_stream", "usage-alone", "word of the moderation, alone"),
    # OpenAI's dialect at other vendors
    ("alibaba.chat/*", "finish-key", "no finish_reason before the end"),
    ("alibaba.chat/*", "call-head", "an empty id and the type in every delta of a call"),
    ("avian.chat/*", "constant", "the id of the vendor behind it in some chunks"),
    ("azure.chat/*", "head", "a prelude of the content filter, without id, model and time"),
    ("azure.chat/*", "object", "the same"),
    ("azure.chat/*", "constant", "the same"),
    ("azure.chat/*", "usage-alone", "the same"),
    ("copilot.chat/*", "head", "the same prelude"),
    ("copilot.chat/*", "object", "no object in any chunk"),
    ("copilot.chat/*", "constant", "an empty id in the prelude"),
    ("copilot.chat/*", "finish-key", "no finish_reason before the end"),
    ("copilot.chat/*", "usage-alone", "the prelude; and usage beside the end"),
    ("deepseek.chat/*", "usage-alone", "usage beside the end"),
    ("groq.chat/*", "usage", "usage twice: in x_groq's chunk, and alone"),
    ("groq.chat/*", "usage-alone", "usage beside the end"),
    ("groq.chat/parallel-tools-stream/*", "call-arguments", "null for a call without arguments"),
    ("groq.chat/error-stream/*", "name", "its errors are named events"),
    ("groq.chat/error-stream/*", "constant", "the clock goes on"),
    ("huggingface.chat/*", "usage", "usage twice: beside the end, and alone"),
    ("huggingface.chat/*", "usage-alone", "the same"),
    ("mistral.chat/thinking-stream/*", "delta", "content in pieces, thoughts among them"),
    ("mistral.chat/*", "usage-alone", "usage beside the end"),
    ("ollama*.chat/*", "constant", "the clock goes on"),
    ("ollama*.chat/*", "role", "the role in every chunk"),
    ("openrouter.chat/*", "role", "the role in every chunk"),
    ("openrouter.chat/*", "finish", "its end again, with usage"),
    ("openrouter.chat/*", "after-finish", "the same"),
    ("openrouter.chat/*", "usage-alone", "the same"),
    ("avian.chat/*", "role", "OpenRouter behind it"),
    ("avian.chat/*", "finish", "OpenRouter behind it"),
    ("avian.chat/*", "after-finish", "OpenRouter behind it"),
    ("avian.chat/*", "usage-alone", "OpenRouter behind it"),
    ("perplexity.chat/*", "*", "whole messages in place of chunks, and no [DONE]"),
    ("vercel-gw.chat/*", "usage-alone", "usage beside the end"),
    ("xai.chat/*", "constant", "the clock goes on"),
    ("xai.chat/*", "finish-key", "no finish_reason before the end"),
    ("xai.chat/*", "usage", "reasoning is counted beside the answer"),
    ("zai.chat/*", "finish-key", "no finish_reason before the end"),
    ("zai.chat/*", "role", "the role in every chunk"),
    ("zai.chat/*", "usage-alone", "usage beside the end"),
    ("openai.chat/tools-stream/test_tools_streaming_variant_d", "*", "a fixture of a server that mends nothing"),
    # Responses
    ("openai.responses/thinking-stream/github-copilot-id-rotation*", "*", "Copilot gives each event ids of its own"),
    ("openai.responses/mcp-stream/*backfills*", "*", "a fixture cut out of a longer answer"),
    (
        "openai.responses/tools-stream/programmatic-tool-calling*",
        "item-done",
        "a call of a program is left in progress",
    ),
    ("openai.responses/code-exec-stream/openai-shell-skills*", "item-order", "shell commands name no item"),
    ("openrouter.responses/*", "*", "no names, two items at once, and a [DONE]"),
    ("chatgpt.responses/*", "output", "the answer ends with an empty output"),
    ("lmstudio.responses/*", "input-done", "arguments are told only whole"),
    ("lmstudio.responses/*", "arguments", "the same"),
    # Anthropic
    ("anthropic.messages/code-exec-stream/anthropic-programmatic-tool-calling.1", "*", "several answers in one file"),
    ("anthropic.messages/max-tokens-stream/gateway_message_delta_metadata", "*", "a gateway that adds [DONE]"),
    ("vertex.anthropic_stream/*", "*", "whole messages in place of events"),
    # Gemini
    ("vertex.stream/citations/streaming-success-citations", "*", "finishReason in many chunks, as in 2023"),
    ("vertex.stream/tools/streaming-success-function-call-short", "candidate", "content without a role"),
    ("gemini.stream/image-out/streaming-success-empty-parts", "candidate", "content without parts"),
    ("gemini.stream/parallel-tools/google-stream-tool-call-arguments", "call", "arguments in pieces, asked for"),
    ("gemini.stream/*", "usage", "counts are left out of the last chunk, or corrected downwards"),
)
"""Recordings that break a rule on purpose or by a vendor's whim: by id, the rule ("*": any), and how. Our own never do."""


def dialect_of(case: Exchange) -> str | None:
    provider, _, surface = case.api.partition(".")
    if surface in ("chat", "responses") and provider != "anthropic-compat":
        return f"openai.{surface}"
    known = {"anthropic.messages": "anthropic", "vertex.anthropic_stream": "anthropic"}
    return known.get(case.api) or ("gemini" if case.api in ("gemini.stream", "vertex.stream") else None)


STREAMS = [p for p in exchanges() if p.values[0] is None or (p.values[0].sse and dialect_of(p.values[0]))]


def excused(case: Exchange) -> list[tuple[str, str, str]]:
    return [one for one in DEVIATIONS if fnmatch(case.id, one[0])]


def broken(case: Exchange) -> set[str]:
    reader = Reader()
    frames = [*reader.feed(case.sse or b""), *reader.close()]
    return {fault.rule for fault in faults(dialect_of(case) or "", [(frame.event, frame.data) for frame in frames])}


@pytest.mark.parametrize("case", STREAMS)
def test_a_recorded_stream_keeps_the_rules_or_its_deviation_is_known(case: Exchange) -> None:
    known = {rule for _, rule, _ in excused(case)}
    found = broken(case)
    assert "*" in known or found <= known, found - known


def test_no_known_deviation_is_stale() -> None:
    cases = [p.values[0] for p in STREAMS if p.values[0] is not None]
    if not cases:
        pytest.skip("no recordings")
    used = {one for case in cases for one in excused(case) if (found := broken(case)) and one[1] in {"*", *found}}
    assert set(DEVIATIONS) - used == set()


# -- every rule ----------------------------------------------------------------------------

Wires = list[Any]  # a stream as JSON values; "[DONE]" as it is
Change = Callable[[Wires], Any]

HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    return copy.deepcopy({**HEAD, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more})


def function(index: int, **more: Any) -> dict[str, Any]:
    return {"tool_calls": [{"index": index, **more}]}


CHAT: Wires = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"reasoning_content": "Hm."}),
    chunk({"content": "Two calls"}),
    chunk(function(0, id="c0", type="function", function={"name": "f", "arguments": ""})),
    chunk(function(0, function={"arguments": '{"a":'})),
    chunk(function(0, function={"arguments": "1}"})),
    chunk(function(1, id="c1", type="function", function={"name": "g", "arguments": "{}"})),
    chunk({}, "tool_calls"),
    {**HEAD, "choices": [], "usage": {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}},
    "[DONE]",
]
CHAT_ERROR = {"error": {"message": "gone", "type": "server_error", "code": None, "param": None}}


def put(at: int, *path: Any, to: Any) -> Change:
    """Sets a member of the event at a place."""

    def change(wires: Wires) -> None:
        inner = wires[at]
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = to

    return change


def drop(at: Any, *path: Any) -> Change:
    def change(wires: Wires) -> None:
        inner = wires if not path else wires[at]
        for step in path[:-1]:
            inner = inner[step]
        del inner[path[-1] if path else at]

    return change


def insert(at: int, wire: Any) -> Change:
    return lambda wires: wires.insert(at if at >= 0 else len(wires) + 1 + at, copy.deepcopy(wire))


def repeat(at: int) -> Change:
    return lambda wires: wires.insert(at % len(wires) + 1, copy.deepcopy(wires[at]))


def swap(at: int) -> Change:
    return lambda wires: wires.insert(at, wires.pop(at + 1))


def ends(at: int, wire: Any) -> Change:
    """The stream breaks off, with an event in place of all that would follow."""

    def change(wires: Wires) -> None:
        wires[at:] = [copy.deepcopy(wire)]

    return change


def broken_then(at: int, error: Any, wire: Any) -> Change:
    """Something follows the error that a stream broke off with."""

    def change(wires: Wires) -> None:
        wires[at:] = [copy.deepcopy(error), copy.deepcopy(wire)]

    return change


CHOICE = ("choices", 0)
DELTA = (*CHOICE, "delta")
CHAT_CHANGES: list[tuple[str, Change]] = [
    ("json", insert(2, [])),
    ("object", put(3, "object", to="chat.completion")),
    ("head", put(0, "created", to=1.5)),
    ("head", put(0, "model", to=None)),
    ("constant", put(2, "id", to="chatcmpl-2")),
    ("constant", drop(2, "model")),
    ("choices", put(2, "choices", to=None)),
    ("choices", drop(2, *DELTA)),
    ("index", put(0, *CHOICE, "index", to=1)),
    ("role", drop(0, *DELTA, "role")),
    ("role", put(2, *DELTA, "role", to="assistant")),
    ("delta", put(2, *DELTA, "content", to=["x"])),
    ("finish-key", drop(1, *CHOICE, "finish_reason")),
    ("finish", put(7, *CHOICE, "finish_reason", to="eos")),
    ("finish", repeat(7)),
    ("after-finish", swap(6)),
    ("finish-calls", drop(slice(3, 7))),
    ("call-index", put(6, *DELTA, "tool_calls", 0, "index", to=2)),
    ("call-index", put(6, *DELTA, "tool_calls", to={})),
    ("call-head", drop(3, *DELTA, "tool_calls", 0, "id")),
    ("call-head", put(4, *DELTA, "tool_calls", 0, "id", to="c0")),
    ("call-head", put(4, *DELTA, "tool_calls", 0, "function", "name", to="f")),
    ("call-ids", put(6, *DELTA, "tool_calls", 0, "id", to="c0")),
    ("call-arguments", drop(5)),
    ("call-arguments", put(5, *DELTA, "tool_calls", 0, "function", "arguments", to={})),
    ("usage", put(8, "usage", "total_tokens", to=6)),
    ("usage", repeat(8)),
    ("usage", swap(7)),
    ("usage-alone", put(7, "usage", to={"prompt_tokens": 1})),
    ("usage-alone", insert(2, {**HEAD, "choices": []})),
    ("error", ends(3, {"error": "gone"})),
    ("error", ends(3, {"error": {"message": "", "type": "x", "code": None}})),
    ("error-after-end", ends(8, CHAT_ERROR)),
    ("ended", drop(9)),
    ("last", repeat(9)),
    ("last", broken_then(3, CHAT_ERROR, "[DONE]")),
    ("done", ends(6, "[DONE]")),
]  # fmt: skip

SIMPLE: Wires = [{"thinking": "Hm."}, {"content": "Hello"}, {"content": " there"}, "[DONE]"]
SIMPLE_ERROR = {"error": "Provider returned 429: slow down"}
SIMPLE_CHANGES: list[tuple[str, Change]] = [
    ("json", insert(1, "x")),
    ("members", put(1, "model", to="m")),
    ("empty", put(1, "content", to="")),
    ("error", ends(1, {"error": {"message": "x"}})),
    ("ended", drop(3)),
    ("last", broken_then(1, SIMPLE_ERROR, "[DONE]")),
]


def event(kind: str, **members: Any) -> dict[str, Any]:
    return {"type": kind, **members}


def block(index: int, **content: Any) -> dict[str, Any]:
    return event("content_block_start", index=index, content_block=content)


def delta(index: int, **of: Any) -> dict[str, Any]:
    return event("content_block_delta", index=index, delta=of)


MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None,
    "stop_sequence": None, "usage": {"input_tokens": 2, "output_tokens": 1},
}  # fmt: skip
ANTHROPIC: Wires = [
    event("message_start", message=MESSAGE),
    block(0, type="thinking", thinking="", signature=""),
    delta(0, type="thinking_delta", thinking="Hm."),
    delta(0, type="signature_delta", signature="c2ln"),
    event("content_block_stop", index=0),
    event("ping"),
    block(1, type="text", text=""),
    delta(1, type="text_delta", text="Hello"),
    delta(1, type="citations_delta", citation={"type": "char_location"}),
    event("content_block_stop", index=1),
    block(2, type="tool_use", id="toolu_1", name="f", input={}),
    delta(2, type="input_json_delta", partial_json='{"a":'),
    delta(2, type="input_json_delta", partial_json="1}"),
    event("content_block_stop", index=2),
    event("message_delta", delta={"stop_reason": "tool_use", "stop_sequence": None}, usage={"output_tokens": 9}),
    event("message_stop"),
]
ANTHROPIC_ERROR = event("error", error={"type": "overloaded_error", "message": "later"})
ANTHROPIC_CHANGES: list[tuple[str, Change]] = [
    ("json", insert(3, [])),
    ("kind", insert(3, event("content_block_pause"))),
    ("first", drop(0)),
    ("first", repeat(0)),
    ("message", put(0, "message", "content", to=[{"type": "text", "text": "x"}])),
    ("message", drop(0, "message", "stop_sequence")),
    ("message", put(0, "message", "id", to="")),
    ("usage", drop(0, "message", "usage", "input_tokens")),
    ("usage", drop(14, "usage", "output_tokens")),
    ("block-index", put(6, "index", to=2)),
    ("block-order", swap(9)),
    ("block-order", put(7, "index", to=0)),
    ("block-order", drop(9)),
    ("block-born", put(6, "content_block", "text", to="H")),
    ("block-born", drop(1, "content_block", "signature")),
    ("block-born", drop(10, "content_block", "id")),
    ("block-born", put(10, "content_block", "input", to="")),
    ("delta", put(7, "delta", to={"type": "thinking_delta", "thinking": "x"})),
    ("delta", drop(3, "delta", "signature")),
    ("delta", put(8, "delta", "citation", to=None)),
    ("signature", swap(2)),
    ("signature", repeat(3)),
    ("empty-text", drop(slice(7, 9))),
    ("arguments", drop(12)),
    ("delta-once", repeat(14)),
    ("delta-once", swap(13)),
    ("stop-reason", put(14, "delta", "stop_reason", to="stop")),
    ("stop-reason", put(14, "delta", "stop_reason", to=None)),
    ("stop-reason", drop(14, "delta", "stop_sequence")),
    ("stop-calls", drop(slice(10, 14))),
    ("stop", drop(14)),
    ("error", ends(7, event("error", error={"type": "server_error", "message": "x"}))),
    ("error", ends(7, event("error", error="x"))),
    ("error-after-end", ends(15, ANTHROPIC_ERROR)),
    ("ended", drop(15)),
    ("last", repeat(15)),
    ("last", broken_then(7, ANTHROPIC_ERROR, event("message_stop"))),
]


def said(*parts: Any, **more: Any) -> dict[str, Any]:
    candidate = {"content": {"parts": list(parts), "role": "model"}, "index": 0, **more.pop("candidate", {})}
    return {"candidates": [candidate], **more, "modelVersion": "m", "responseId": "r"}


def counted(answer: int, prompt: int = 4, thoughts: int = 2) -> dict[str, int]:
    counts = {"promptTokenCount": prompt, "candidatesTokenCount": answer, "thoughtsTokenCount": thoughts}
    return {**counts, "totalTokenCount": sum(counts.values())}


GEMINI: Wires = [
    said({"text": "Hm.", "thought": True}, usageMetadata=counted(1)),
    said({"text": "Hello", "thoughtSignature": "c2ln"}, usageMetadata=counted(3)),
    said({"functionCall": {"name": "f", "args": {"a_b": 1}}, "thoughtSignature": "c2ln"}),
    said({"inlineData": {"mimeType": "image/png", "data": "aGk="}}),
    said({"text": ""}, candidate={"finishReason": "STOP"}, usageMetadata=counted(5)),
]
GEMINI_ERROR = {"error": {"code": 503, "message": "later", "status": "UNAVAILABLE"}}
PART = ("candidates", 0, "content", "parts", 0)
GEMINI_CHANGES: list[tuple[str, Change]] = [
    ("json", insert(1, [])),
    ("case", put(2, *PART, "thought_signature", to="x")),
    ("case", put(3, *PART, to={"inlineData": {"mime_type": "image/png", "mimeType": "image/png", "data": "aGk="}})),
    ("chunk", drop(1, "candidates")),
    ("chunk", put(1, "candidates", to=[])),
    ("index", put(0, "candidates", 0, "index", to=1)),
    ("candidate", put(1, "candidates", 0, to=[])),
    ("candidate", drop(1, "candidates", 0, "content", "role")),
    ("candidate", drop(1, "candidates", 0, "content", "parts")),
    ("candidate", drop(1, "candidates", 0, "content")),
    ("part", put(1, *PART, to={"thoughtSignature": "c2ln"})),
    ("part", put(1, *PART, "functionCall", to={"name": "f"})),
    ("text", put(1, *PART, "text", to=None)),
    ("text", put(0, *PART, "thought", to="yes")),
    ("media", put(3, *PART, "inlineData", "data", to="?")),
    ("media", drop(3, *PART, "inlineData", "mimeType")),
    ("call", drop(2, *PART, "functionCall", "name")),
    ("call", put(2, *PART, "functionCall", "args", to='{"a":1}')),
    ("call", put(2, *PART, "functionCall", "willContinue", to=True)),
    ("signature", put(1, *PART, "thoughtSignature", to="not base64!")),
    ("signature", put(1, *PART, to={"thoughtSignature": "c2ln"})),
    ("finish", put(4, "candidates", 0, "finishReason", to="END")),
    ("finish", repeat(4)),
    ("after-finish", swap(3)),
    ("usage", put(1, "usageMetadata", to=counted(0))),
    ("usage", put(4, "usageMetadata", "totalTokenCount", to=1)),
    ("constant", put(2, "responseId", to="s")),
    ("constant", drop(2, "modelVersion")),
    ("error", ends(2, {"modelVersion": "m", **GEMINI_ERROR})),
    ("error", ends(2, {"error": {"code": "503", "message": "later", "status": "UNAVAILABLE"}})),
    ("error-after-end", insert(5, GEMINI_ERROR)),
    ("ended", drop(4)),
    ("last", broken_then(2, GEMINI_ERROR, GEMINI[4])),
]


RESPONSE = {
    "id": "resp_1", "object": "response", "created_at": 1, "status": "in_progress", "error": None,
    "incomplete_details": None, "instructions": None, "metadata": {}, "model": "m", "output": [],
    "parallel_tool_calls": True, "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0, "usage": None,
}  # fmt: skip
NOTE = {"type": "url_citation", "url": "https://a.test", "title": "A", "start_index": 0, "end_index": 2}
TEXT = {"type": "output_text", "text": "Hello", "annotations": [NOTE], "logprobs": []}
THOUGHT = {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}
SAID = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [TEXT]}
CALL = {"id": "fc_1", "type": "function_call", "call_id": "c1", "name": "f", "status": "completed", "arguments": "{}"}
BORN_TEXT = {**TEXT, "text": "", "annotations": []}


def of(item: dict[str, Any], at: int, kind: str, **members: Any) -> dict[str, Any]:
    return event(f"response.{kind}", item_id=item["id"], output_index=at, **members)


def summary(kind: str, **members: Any) -> dict[str, Any]:
    return of(THOUGHT, 0, f"reasoning_summary_{kind}", summary_index=0, **members)


def content(kind: str, **members: Any) -> dict[str, Any]:
    return of(SAID, 1, kind, content_index=0, **members)


USED = {
    "input_tokens": 2, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 3,
    "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 5,
}  # fmt: skip
ENDED = {**RESPONSE, "status": "completed", "output": [THOUGHT, SAID, CALL], "usage": USED}


def numbers(wires: Wires) -> Wires:
    return [{**wire, "sequence_number": number} for number, wire in enumerate(wires)]


RESPONSES: Wires = numbers(
    [
        event("response.created", response=RESPONSE),
        event("response.in_progress", response=RESPONSE),
        event("response.output_item.added", output_index=0, item={**THOUGHT, "summary": []}),
        summary("part.added", part={"type": "summary_text", "text": ""}),
        summary("text.delta", delta="Hm."),
        summary("text.done", text="Hm."),
        summary("part.done", part=THOUGHT["summary"][0]),
        event("response.output_item.done", output_index=0, item=THOUGHT),
        event("response.output_item.added", output_index=1, item={**SAID, "content": [], "status": "in_progress"}),
        content("content_part.added", part=BORN_TEXT),
        content("output_text.delta", delta="Hel"),
        content("output_text.delta", delta="lo"),
        content("output_text.annotation.added", annotation_index=0, annotation=NOTE),
        content("output_text.done", text="Hello"),
        content("content_part.done", part=TEXT),
        event("response.output_item.done", output_index=1, item=SAID),
        event("response.output_item.added", output_index=2, item={**CALL, "arguments": "", "status": "in_progress"}),
        of(CALL, 2, "function_call_arguments.delta", delta="{}"),
        of(CALL, 2, "function_call_arguments.done", arguments="{}"),
        event("response.output_item.done", output_index=2, item=CALL),
        event("response.completed", response=ENDED),
    ]
)
FAILED = event(
    "response.failed", response={**RESPONSE, "status": "failed", "error": {"code": "server_error", "message": "gone"}}
)
TOLD = event("error", code="server_error", message="gone", param=None)


def numbered(change: Change) -> Change:
    """A change after which the numbers count up again."""

    def renumbering(wires: Wires) -> None:
        change(wires)
        wires[:] = numbers(wires)

    return renumbering


def broken_call(wires: Wires) -> None:
    """The same broken arguments wherever they are told."""
    wires[17]["delta"] = wires[18]["arguments"] = wires[19]["item"]["arguments"] = "{"
    wires[20]["response"]["output"][2]["arguments"] = "{"


RESPONSES_CHANGES: list[tuple[str, Change]] = [
    ("json", insert(5, [])),
    ("number", drop(4)),
    ("number", put(4, "sequence_number", to=7)),
    ("first", numbered(drop(0))),
    ("first", numbered(drop(1))),
    ("first", numbered(repeat(1))),
    ("identity", put(20, "response", "id", to="resp_2")),
    ("identity", put(1, "response", "created_at", to=2)),
    ("members", drop(20, "response", "tools")),
    ("members", put(0, "response", "object", to="answer")),
    ("status", put(20, "response", "status", to="in_progress")),
    ("status", put(0, "response", "output", to=[CALL])),
    ("item-index", put(8, "output_index", to=2)),
    ("item-born", put(16, "item", "arguments", to="{}")),
    ("item-born", drop(8, "item", "id")),
    ("item-born", drop(16, "item", "call_id")),
    ("item-born", put(8, "item", "role", to="user")),
    ("item-order", put(10, "item_id", to="rs_1")),
    ("item-order", numbered(swap(7))),
    ("item-order", put(17, "type", to="response.custom_tool_call_input.delta")),
    ("item-order", numbered(insert(17, of(CALL, 2, "web_search_call.searching")))),
    ("item-ids", put(16, "item", "id", to="msg_1")),
    ("item-done", put(19, "item", "status", to="in_progress")),
    ("item-done", put(19, "item", "type", to="message")),
    ("item-done", numbered(drop(19))),
    ("part-index", put(9, "content_index", to=1)),
    ("part-born", put(9, "part", "text", to="H")),
    ("part-born", drop(9, "part", "type")),
    ("part-order", put(10, "content_index", to=1)),
    ("part-order", put(10, "type", to="response.refusal.delta")),
    ("part-done", numbered(drop(14))),
    ("part-done", numbered(drop(13))),
    ("part-done", put(14, "part", "text", to="Hell")),
    ("text-done", numbered(drop(11))),
    ("text-done", put(13, "text", to="Hell")),
    ("text-done", numbered(repeat(13))),
    ("notes", put(12, "annotation_index", to=1)),
    ("notes", put(14, "part", "annotations", to=[])),
    ("content-done", put(15, "item", "content", to=[])),
    ("input-done", numbered(drop(17))),
    ("input-done", numbered(drop(18))),
    ("input-done", put(19, "item", "arguments", to='{"a":1}')),
    ("arguments", lambda wires: broken_call(wires)),
    ("output", put(20, "response", "output", to=[THOUGHT, SAID])),
    ("usage", put(20, "response", "usage", "total_tokens", to=6)),
    ("usage", drop(20, "response", "usage", "input_tokens_details")),
    ("usage", put(20, "response", "usage", to=None)),
    ("details", put(20, "response", "incomplete_details", to={"reason": "max_output_tokens"})),
    ("details", numbered(ends(5, {**FAILED, "response": {**FAILED["response"], "error": None}}))),
    ("error", numbered(ends(5, event("error", message="gone")))),
    ("ended", drop(20)),
    ("last", numbered(repeat(20))),
    ("last", numbered(broken_then(5, TOLD, TOLD))),
    ("last", numbered(insert(-1, FAILED))),
]

GOOD: dict[str, Wires] = {
    "openai.chat": CHAT,
    "openai.responses": RESPONSES,
    "anthropic": ANTHROPIC,
    "gemini": GEMINI,
    "simple": SIMPLE,
}
CHANGES = {
    "openai.chat": CHAT_CHANGES,
    "openai.responses": RESPONSES_CHANGES,
    "anthropic": ANTHROPIC_CHANGES,
    "gemini": GEMINI_CHANGES,
    "simple": SIMPLE_CHANGES,
}
BROKEN: dict[str, Wires] = {
    "openai.chat": [*CHAT[:6], CHAT_ERROR],
    "openai.responses": numbers([*RESPONSES[:11], FAILED, TOLD]),
    "anthropic": [*ANTHROPIC[:8], ANTHROPIC_ERROR],
    "gemini": [*GEMINI[:2], GEMINI_ERROR],
    "simple": [*SIMPLE[:2], SIMPLE_ERROR],
}
ALL = [(dialect, rule, change) for dialect, changes in CHANGES.items() for rule, change in changes]


def named(dialect: str, wires: Wires) -> list[tuple[str, str]]:
    """The events with their names, as each dialect has them."""
    typed = dialect in ("openai.responses", "anthropic")
    found = []
    for wire in wires:
        kind = wire.get("type", "") if typed and isinstance(wire, dict) else ""
        if dialect == "simple" and isinstance(wire, dict) and "error" in wire:
            kind = "error"
        text = wire if wire == "[DONE]" else json.dumps(wire, separators=(",", ":"))
        found.append((kind, text))
    return found


@pytest.mark.parametrize("dialect", GOOD)
def test_a_good_stream_passes(dialect: str) -> None:
    checked(dialect, named(dialect, GOOD[dialect]))
    checked(dialect, named(dialect, BROKEN[dialect]))
    for end in range(len(GOOD[dialect])):
        checked(dialect, named(dialect, GOOD[dialect][:end]), whole=False)


@pytest.mark.parametrize(("dialect", "rule", "change"), ALL, ids=[f"{d}-{r}-{i}" for i, (d, r, _) in enumerate(ALL)])
def test_each_rule_rejects_a_stream_that_breaks_it(dialect: str, rule: str, change: Change) -> None:
    wires = copy.deepcopy(GOOD[dialect])
    change(wires)
    found = faults(dialect, named(dialect, wires))
    assert rule in {fault.rule for fault in found}, found


@pytest.mark.parametrize("dialect", GOOD)
def test_wrong_names_are_rejected(dialect: str) -> None:
    wrong = [("message", data) for _, data in named(dialect, GOOD[dialect])]
    assert "name" in {fault.rule for fault in faults(dialect, wrong)}


@pytest.mark.parametrize("dialect", GOOD)
def test_no_rule_is_without_a_stream_that_breaks_it(dialect: str) -> None:
    elsewhere = {"name", "array"}
    assert {rule for rule, _ in CHANGES[dialect]} | elsewhere == set(VALIDATORS[dialect].RULES) | elsewhere


def test_a_stream_as_an_array() -> None:
    checked_array(json.dumps(GEMINI).encode())
    for body in (b"{}", b"[", json.dumps(GEMINI)[:-1].encode()):
        validator = Gemini()
        validator.feed_array(body)
        assert "array" in {fault.rule for fault in validator.faults}, body


def test_a_blocked_prompt_ends_a_stream_of_gemini() -> None:
    blocked = {
        "promptFeedback": {"blockReason": "SAFETY"},
        "usageMetadata": {"promptTokenCount": 1, "totalTokenCount": 1},
    }
    checked("gemini", named("gemini", [blocked]))


def test_a_fault_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="ended: no terminal event"):
        checked("simple", [("", '{"content":"x"}')])


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/v1/chat/completions", "openai.chat"),
        ("/openai-custom/v1/messages?beta=true", "anthropic"),
        ("/v1beta/models/a/b:streamGenerateContent?alt=sse", "gemini"),
        ("/api/v1/responses", "openai.responses"),
        ("/api/generate", "simple"),
        ("/v1/messages/count_tokens", None),
    ],
)
def test_a_path_tells_its_dialect(path: str, dialect: str | None) -> None:
    assert dialect_of_path(path) == dialect
