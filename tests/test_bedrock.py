"""Bedrock's Converse keeps the laws of every dialect, and the numbered cases of other gateways' failures (cases.md).

It reads recordings; of other dialects it knows nothing: what comes from elsewhere is written in neutral form.
"""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

import pytest
from msgspec.structs import replace

import laws
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.eventstream import Reader, Writer
from dragoman.core.fold import fold, unfold
from dragoman.core.framing import Frame
from dragoman.core.ir import Base64, Event, Media, Reasoning, Signature, Start, Stop, Text, ToolCall, Usage
from dragoman.dialects.bedrock_converse import BedrockConverse
from dragoman.dialects.bedrock_converse.answer import ERRORS
from mutations import only_refusals
from traffic import Exchange, exchanges
from validators import checked

B = BedrockConverse()
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
APIS = ("bedrock.converse", "pydantic-gw.bedrock_converse")
REDACTED = base64.b64encode(b"EvAFCnsIDRABGAIqQ").decode()

RICH: dict[str, Any] = {
    "system": [
        {"text": "Be brief."},
        {"cachePoint": {"type": "default", "ttl": "1h"}},
        {"guardContent": {"text": {"text": "Guarded.", "qualifiers": ["grounding_source"]}}},
    ],
    "messages": [
        {
            "role": "user",
            "content": [
                {"text": "What is this?"},
                {"cachePoint": {"type": "default"}},
                {"image": {"format": "png", "source": {"bytes": PNG}}},
                {"image": {"format": "jpeg", "source": {"s3Location": {"uri": "s3://b/a.jpg", "bucketOwner": "1"}}}},
                {
                    "document": {
                        "format": "pdf",
                        "name": "a",
                        "source": {"bytes": "JVBERi0="},
                        "context": "c",
                        "citations": {"enabled": True},
                    }
                },
                {"document": {"name": "b", "source": {"text": "plain"}}},
                {"document": {"format": "odt", "name": "c", "source": {"content": [{"text": "x"}, {"text": "y"}]}}},
                {"video": {"format": "three_gp", "source": {"bytes": "AAAA"}}},
                {"audio": {"format": "mpga", "source": {"bytes": "AAAA"}}},
                {"guardContent": {"image": {"format": "png", "source": {"bytes": PNG}}}},
                {"searchResult": {"source": "https://a.example", "title": "A", "content": [{"text": "found"}]}},
                {"toolAddition": {"tool": {"name": "t"}}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}},
                {"reasoningContent": {"redactedContent": REDACTED}},
                {"citationsContent": {"content": [{"text": "A"}, {"text": "B"}], "citations": [{"title": "t"}]}},
                {"text": "said"},
                {"citationsContent": {"citations": [{"location": {"web": {"url": "https://a.example"}}}]}},
                {"toolUse": {"toolUseId": "c1", "name": "look", "input": {"deep": [1, {"a": None}]}}},
                {"toolUse": {"toolUseId": "s1", "name": "run", "input": {"a": 1}, "type": "server_tool_use"}},
                {"toolResult": {"toolUseId": "s1", "content": [{"json": {"a": {"b": 1}}}], "type": "run_result"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "toolResult": {
                        "toolUseId": "c1",
                        "status": "error",
                        "content": [
                            {"text": "broken"},
                            {"json": {"why": "x"}},
                            {"json": "text"},
                            {"image": {"format": "png", "source": {"bytes": PNG}}},
                            {"document": {"format": "txt", "name": "d", "source": {"bytes": "eA=="}}},
                            {"searchResult": {"source": "s", "title": "A", "content": [{"text": "found"}]}},
                            {"newBlock": {"of": "tomorrow"}},
                        ],
                    }
                },
                {"cachePoint": {"type": "default", "ttl": "5m"}},
                {"toolResult": {"toolUseId": "c2", "status": "success", "content": []}},
            ],
        },
        {"role": "system", "content": [{"text": "From now on: rhymes."}]},
    ],
    "inferenceConfig": {"maxTokens": 99, "temperature": 0.5, "topP": 1, "stopSequences": ["END"]},
    "toolConfig": {
        "tools": [
            {
                "toolSpec": {
                    "name": "look",
                    "description": "Looks.",
                    "inputSchema": {"json": {"type": "object", "properties": {"a": {"type": "string"}}}},
                    "strict": True,
                }
            },
            {"cachePoint": {"type": "default"}},
            {"systemTool": {"name": "nova_grounding"}},
            {"newTool": {"name": "x"}},
        ],
        "toolChoice": {"tool": {"name": "look"}},
    },
    "outputConfig": {
        "textFormat": {
            "type": "json_schema",
            "structure": {"jsonSchema": {"schema": '{"type": "object"}', "name": "n", "description": "d"}},
        },
        "effort": "high",
    },
    "additionalModelRequestFields": {
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "output_config": {"effort": "low"},
        "reasoningConfig": {"type": "disabled", "maxReasoningEffort": "low"},
        "inferenceConfig": {"topK": 3},
        "top_k": 5,
        "anthropic_beta": ["context-1m-2025-08-07"],
    },
    "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1", "trace": "enabled"},
    "promptVariables": {"a": {"text": "b"}},
    "additionalModelResponseFieldPaths": ["/stop_sequence"],
    "requestMetadata": {"team": "a"},
    "performanceConfig": {"latency": "optimized"},
    "serviceTier": {"type": "flex"},
}


def test_the_rich_request_comes_home() -> None:
    laws.request_comes_home(B, RICH)


@pytest.mark.parametrize("path", list(laws.objects(RICH)), ids=lambda path: ".".join(map(str, path)) or "body")
def test_an_unknown_field_anywhere_comes_home(path: tuple[str | int, ...]) -> None:
    laws.unknown_field_comes_home(B, RICH, path)


def body(*content: Any, **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(content) or [{"text": "hi"}]}]} | fields


def answered(*content: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": [{"text": "hi"}]}, {"role": "assistant", "content": list(content)}]
    return {"messages": turns}


SPELLINGS: dict[str, dict[str, Any]] = {
    "plain": body(),
    "empties": body(system=[], inferenceConfig={}, toolConfig={}, additionalModelRequestFields={}, outputConfig={}),
    "no content": {"messages": [{"role": "assistant", "content": []}]},
    "empty text": body({"text": ""}, {"text": " "}),
    "cache point first": body({"cachePoint": {"type": "default"}}, {"text": "x"}),
    "two cache points": body({"text": "x"}, {"cachePoint": {"type": "default"}}, {"cachePoint": {"type": "default"}}),
    "an odd cache point": body({"text": "x"}, {"cachePoint": {"type": "other"}}),
    "an odd ttl": body({"text": "x"}, {"cachePoint": {"type": "default", "ttl": "9h"}}),
    "choices": body(toolConfig={"tools": [{"toolSpec": {"name": "f"}}], "toolChoice": {"auto": {}}}),
    "any": body(toolConfig={"tools": [{"toolSpec": {"name": "f"}}], "toolChoice": {"any": {}}}),
    "no tools": body(toolConfig={"tools": []}),
    "a tool without a schema": body(toolConfig={"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {}}}}]}),
    "cache point as a tool": body(toolConfig={"tools": [{"cachePoint": {"type": "default"}}]}),
    "thinking off": body(additionalModelRequestFields={"thinking": {"type": "disabled"}}),
    "adaptive": body(additionalModelRequestFields={"thinking": {"type": "adaptive", "display": "omitted"}}),
    "odd fields": body(additionalModelRequestFields={"thinking": 1, "top_k": "a", "reasoning_effort": "odd"}),
    "fields of another kind": body(additionalModelRequestFields=["a"]),
    "effort": body(additionalModelRequestFields={"reasoning_effort": "low"}),
    "a prompt's variables": {"promptVariables": {"a": {"text": "b"}}},
    "unsigned": answered({"reasoningContent": {"reasoningText": {"text": "a"}}}),
    "no thought": answered({"reasoningContent": {}}),
    "redacted in no base64": answered({"reasoningContent": {"redactedContent": "%%"}}),
    "redacted that is no text": answered({"reasoningContent": {"redactedContent": "gICA"}}),
    "no citations": answered({"citationsContent": {"content": [{"text": "a"}], "citations": []}}),
    "citations first": answered({"citationsContent": {"citations": [{"title": "a"}]}}, {"text": "a"}),
    "citations of an image": answered({"citationsContent": {"content": [{"image": 1}], "citations": []}}),
    "nothing cited": answered({"citationsContent": {}}),
    "two that cite": answered({"text": "a"}, *[{"citationsContent": {"citations": [{"title": t}]}} for t in "bc"]),
    "call of a type": answered({"toolUse": {"toolUseId": "a", "name": "f", "input": {}, "type": "tool_use"}}),
    "call with a list": answered({"toolUse": {"toolUseId": "a", "name": "f", "input": [1, 2]}}),
    "a failed image": body({"image": {"format": "png", "error": {"message": "no"}}}),
    "a source of no known kind": body({"image": {"format": "png", "source": {"riddle": 1}}}),
    "document without a format": body({"document": {"name": "a", "source": {"bytes": "eA=="}}}),
    "documents of blocks": body({"document": {"name": "a", "source": {"content": [{"image": 1}]}}}),
    "a buffer": body({"image": {"format": "jpeg", "source": {"bytes": {"type": "Buffer", "data": [255, 216]}}}}),
    "an array of bytes": body({"document": {"format": "txt", "name": "a", "source": {"bytes": {"0": 66, "1": 114}}}}),
    "a search result of an odd kind": body({"searchResult": {"content": "x"}}),
    "guarded riddles": body({"guardContent": {"riddle": 1}}, {"guardContent": {"text": {"text": "a"}}}),
    "an empty block": body({}),
    "a list of bytes": body({"image": {"format": "jpeg", "source": {"bytes": [255, 216]}}}),
    "a call without input": answered({"toolUse": {"toolUseId": "a", "name": "f"}}),
    "a call with null": answered({"toolUse": {"toolUseId": "a", "name": "f", "input": None}}),
    "a call with an empty input": answered({"toolUse": {"toolUseId": "a", "name": "f", "input": {}}}),
    "an empty signature": answered({"reasoningContent": {"reasoningText": {"text": "", "signature": ""}}}),
    "a signature alone": answered({"reasoningContent": {"reasoningText": {"signature": "c2ln"}}}),
    "a result without content": body({"toolResult": {"toolUseId": "a", "content": None}}),
    "an empty description": body(toolConfig={"tools": [{"toolSpec": {"name": "f", "description": ""}}]}),
    "nulls": body(system=None, inferenceConfig=None, toolConfig=None, outputConfig=None, serviceTier=None),
    "settings of null": body(inferenceConfig={"maxTokens": None, "temperature": None, "stopSequences": []}),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_every_spelling_comes_home_as_it_was(name: str) -> None:
    laws.request_comes_home(B, SPELLINGS[name])


REQUESTS = [p for p in exchanges(APIS) if p.values[0] is None or isinstance(p.values[0].request, dict)]


@pytest.mark.parametrize("case", REQUESTS)
def test_recorded_requests_come_home(case: Exchange) -> None:
    laws.request_comes_home(B, case.request)
    for path in laws.objects(case.request):
        if "bytes" not in path:
            laws.unknown_field_comes_home(B, case.request, path)


# -- answers ------------------------------------------------------------------------

ANSWERS = [
    p
    for p in exchanges(APIS)
    if p.values[0] is None or (isinstance(p.values[0].response, dict) and "output" in p.values[0].response)
]


@pytest.mark.parametrize("case", ANSWERS)
def test_recorded_answers_come_home(case: Exchange) -> None:
    ctx = laws.context()
    response = B.decode_response(case.response, laws.context())
    laws.folds_back(response)
    assert json.loads(json.dumps(B.encode_response(response, ctx))) == case.response
    assert ctx.losses == []


ERRONEOUS = [p for p in exchanges("bedrock.") if p.values[0] is None or p.values[0].status >= 400]


@pytest.mark.parametrize("case", ERRONEOUS)
def test_recorded_errors_are_understood(case: Exchange) -> None:
    error = B.decode_error(case.status, case.response, case.record["response"]["headers"])
    assert error.message == case.response["message"]
    missing = "identifier is invalid" in error.message
    assert error.kind is (Kind.NOT_FOUND if missing else Kind.INVALID_REQUEST)


# -- streams ------------------------------------------------------------------------

STREAMS = [
    p
    for p in exchanges("bedrock.converse_stream")
    if p.values[0] is None or p.values[0].record["response"].get("events")
]


def recorded(case: Exchange) -> bytes:
    """The frames as they were received, or framed anew where only their content is recorded."""
    response = case.record["response"]
    if "body_base64" in response:
        return base64.b64decode(response["body_base64"])
    return framed(*((event["headers"][":event-type"], event["payload"]) for event in response["events"]))


def framed(*wires: tuple[str, Any]) -> bytes:
    return b"".join(Writer().write(Frame(json.dumps(wire).encode(), name)) for name, wire in wires)


def events(data: bytes, size: int = 1 << 20, **fields: Any) -> list[Event]:
    reader, decoder, out = Reader(), B.decoder(laws.context(**fields)), list[Event]()
    for i in range(0, len(data), size):
        for frame in reader.feed(data[i : i + size]):
            out += decoder.feed(frame)
    assert list(reader.close()) == []
    return out + list(decoder.close())


@pytest.mark.parametrize("case", STREAMS)
def test_recorded_streams_keep_the_laws(case: Exchange) -> None:
    data = recorded(case)
    found = events(data)
    laws.grammar(found)
    laws.folds_back(fold(found))
    assert events(data, 1) == events(data, 7) == found
    response = fold(found)
    assert response.usage.output > 0 or response.stop.reason == "content_filter"


@pytest.mark.parametrize("case", STREAMS)
def test_recorded_streams_are_rendered_as_they_are_read(case: Exchange) -> None:
    found = events(recorded(case))
    frames = laws.render(B, found)
    obeys(frames)
    assert laws.reread(B, frames) == fold(found)
    written = [json.loads(frame.data) | {"event": frame.event} for frame in frames]
    said = [e["payload"] | {"event": e["headers"][":event-type"]} for e in case.record["response"]["events"]]
    for wire in said:
        wire.pop("p", None)
    empty = ({"toolUse": {"input": ""}}, {"text": ""})
    assert written == [wire for wire in said if wire.get("delta") not in empty], (
        "at home even the events are the same, one for one"
    )


@pytest.mark.parametrize("case", STREAMS)
def test_recorded_streams_as_another_providers_keep_their_gist(case: Exchange) -> None:
    found = [replace(e, origin="elsewhere") if isinstance(e, Start) else e for e in events(recorded(case))]
    frames = laws.render(B, found)
    obeys(frames)
    assert laws.gist(laws.reread(B, frames)) == laws.gist(fold(found))


def obeys(frames: list[Frame]) -> None:
    checked(B.dialect, [(frame.event, frame.data) for frame in frames])


@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_streamed_is_the_same_answer(case: Exchange) -> None:
    here = B.decode_response(case.response, laws.context())
    frames = laws.render(B, unfold(here))
    obeys(frames)
    there = laws.reread(B, frames)
    assert laws.gist(there) == laws.gist(here)
    assert [type(part) for part in there.parts] == [type(part) for part in here.parts]
    assert there.usage == here.usage


START = ("messageStart", {"role": "assistant"})
SAID = ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "hi"}})
END = ("contentBlockStop", {"contentBlockIndex": 0})
STOP = ("messageStop", {"stopReason": "end_turn"})
COUNTS = ("metadata", {"usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}})


@pytest.mark.parametrize("wires", [[], [START], [START, SAID], [START, SAID, END]])
def test_a_stream_without_its_end_is_truncated(wires: list[Any]) -> None:
    with pytest.raises(GatewayError) as caught:
        events(framed(*wires))
    assert caught.value.code == "upstream_truncated"


def test_a_stream_without_its_counts_is_whole() -> None:
    response = fold(events(framed(START, SAID, END, STOP)))
    assert response.parts == (Text(text="hi"),) and response.usage == Usage()


def test_what_a_careless_server_leaves_out_is_made_up_for() -> None:
    found = events(framed(SAID, STOP, COUNTS, SAID, ("riddle", {"a": 1})))
    laws.grammar(found)
    assert fold(found).parts == (Text(text="hi"),)


def test_citations_may_come_before_their_text() -> None:
    """As Anthropic's own streams have them; what cites in a block without a text is of the text before it."""

    def cite(at: int, title: str) -> tuple[str, Any]:
        return ("contentBlockDelta", {"contentBlockIndex": at, "delta": {"citation": {"title": title}}})

    def say(at: int, text: str) -> tuple[str, Any]:
        return ("contentBlockDelta", {"contentBlockIndex": at, "delta": {"text": text}})

    def stop(at: int) -> tuple[str, Any]:
        return ("contentBlockStop", {"contentBlockIndex": at})

    wires = [START, cite(0, "first"), stop(0), say(1, "a"), stop(1), cite(2, "b"), say(2, "b"), stop(2), cite(3, "b2")]
    found = events(framed(*wires, cite(3, "b3"), STOP, COUNTS))
    laws.grammar(found)
    texts = [(p.text, [c.title for c in p.citations]) for p in fold(found).parts if isinstance(p, Text)]
    assert texts == [("", ["first"]), ("a", []), ("b", ["b", "b2", "b3"])]
    assert laws.reread(B, laws.render(B, found)) == fold(found)


def test_a_start_that_needs_none_is_read_over() -> None:
    """So a widely used server for tests writes it (aimock 1.43)."""
    thought = {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "Hm."}}}
    wires = [
        START,
        ("contentBlockStart", {"contentBlockIndex": 0, "start": {"reasoningContent": {}}}),
        ("contentBlockDelta", thought),
        END,
        ("contentBlockStart", {"contentBlockIndex": 1, "start": {}}),
        ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "hi"}}),
        ("contentBlockStop", {"contentBlockIndex": 1}),
        STOP,
        COUNTS,
    ]
    found = events(framed(*wires))
    laws.grammar(found)
    assert fold(found).parts == (Reasoning(text="Hm."), Text(text="hi"))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("throttlingException", Kind.RATE_LIMIT),
        ("modelStreamErrorException", Kind.UPSTREAM),
        ("validationException", Kind.INVALID_REQUEST),
        ("serviceUnavailableException", Kind.OVERLOADED),
        ("internalServerException", Kind.UPSTREAM),
        ("tomorrowsException", Kind.UPSTREAM),
    ],
)
def test_an_exception_in_the_stream_is_an_error(name: str, kind: Kind) -> None:
    decoder = B.decoder(laws.context())
    list(decoder.feed(Frame(b"{}", "messageStart")))
    with pytest.raises(GatewayError, match="wait") as caught:
        list(decoder.feed(Frame(b'{"message":"please wait"}', name)))
    assert caught.value.kind is kind


@pytest.mark.parametrize("kind", Kind)
def test_every_error_is_told_in_a_stream_and_out_of_it(kind: Kind) -> None:
    error = GatewayError(kind, "said")
    [frame] = B.encoder(laws.context()).fail(error)
    assert frame.event.endswith("Exception") and json.loads(frame.data) == {"message": "said"}
    status, wire = B.encode_error(error, "req")
    assert (status, wire["__type"]) == ERRORS[kind] and wire["message"] == "said"
    assert B.decode_error(status, wire, {}).message == "said"


def test_errors_are_named_in_a_header_or_in_the_body() -> None:
    slow = "Too many tokens, please wait before trying again."
    header = {"X-Amzn-ErrorType": "ThrottlingException:http://internal.amazon.com/coral/", "Retry-After": "3"}
    error = B.decode_error(400, {"message": slow}, header)
    assert (error.kind, error.retry_after, error.status) == (Kind.RATE_LIMIT, 3.0, 400)
    assert B.decode_error(400, {"__type": "com.amazon#ExpiredTokenException"}, {}).kind is Kind.AUTHENTICATION
    assert B.decode_error(403, {"Message": "no"}, {}).message == "no"
    assert B.decode_error(500, "<html>", {}).message == "the provider answered with status 500"
    assert B.decode_error(400, {"message": "Input is too long for requested model."}, {}).kind is Kind.CONTEXT_LENGTH
    with pytest.raises(GatewayError, match="not today"):
        B.decode_response({"message": "not today"}, laws.context())


# -- bad input ------------------------------------------------------------------------

BAD: list[tuple[dict[str, Any], str, str]] = [
    ({}, "messages", "at least one"),
    ({"messages": []}, "messages", "at least one"),
    ({"messages": "hi"}, "messages", "expected an array"),
    ({"messages": ["hi"]}, "messages[0]", "expected an object"),
    ({"messages": [{"role": "tool", "content": []}]}, "messages[0].role", "is not one of"),
    ({"messages": [{"content": []}]}, "messages[0].role", "required"),
    ({"messages": [{"role": "user"}]}, "messages[0].content", "required"),
    ({"messages": [{"role": "user", "content": "hi"}]}, "messages[0].content", "expected an array"),
    (body("hi"), "messages[0].content[0]", "expected an object"),
    (body({"text": 5}), "messages[0].content[0].text", "expected a string"),
    (body({"image": {"source": {"bytes": 5}}}), "messages[0].content[0].image.source.bytes", "base64"),
    (body({"toolUse": {"name": "a"}}), "messages[0].content[0].toolUse.toolUseId", "required"),
    (body({"toolResult": {"content": []}}), "messages[0].content[0].toolResult.toolUseId", "required"),
    (body({"citationsContent": {"citations": [1]}}), "messages[0].content[0].citationsContent.citations[0]", "object"),
    (body(inferenceConfig={"temperature": 2}), "inferenceConfig.temperature", "between 0 and 1"),
    (body(inferenceConfig={"maxTokens": 0}), "inferenceConfig.maxTokens", "at least 1"),
    (body(inferenceConfig=[1]), "inferenceConfig", "expected an object"),
    (body(toolConfig={"tools": [1]}), "toolConfig.tools[0]", "expected an object"),
    (body(toolConfig={"tools": [{"toolSpec": {}}]}), "toolConfig.tools[0].toolSpec", "required"),
    (body(toolConfig={"toolChoice": {"tool": {}}}), "toolConfig.toolChoice.tool", "required"),
    (body(guardrailConfig=1), "guardrailConfig", "expected an object"),
    (
        body(outputConfig={"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{"}}}}),
        "outputConfig.textFormat.structure.jsonSchema.schema",
        "not the JSON of a schema",
    ),
]


@pytest.mark.parametrize(("wire", "path", "why"), BAD, ids=[f"{path}-{i}" for i, (_, path, _) in enumerate(BAD)])
def test_a_mistake_is_named_by_its_path(wire: dict[str, Any], path: str, why: str) -> None:
    with pytest.raises(GatewayError) as caught:
        B.decode_request(wire, laws.context())
    error = caught.value
    assert error.kind is Kind.INVALID_REQUEST and why in error.message
    assert (error.param or "").startswith(path)


def test_any_json_at_any_place_is_taken_or_named() -> None:
    def read(wire: Any) -> None:
        json.dumps(B.encode_request(B.decode_request(wire, laws.context()), laws.context()))

    assert only_refusals(read, RICH) > 100


def test_any_json_at_any_place_can_go_elsewhere_and_come_back() -> None:
    """As a request of another dialect; without the document of a format that nobody knows."""
    wire = copy.deepcopy(RICH)
    del wire["messages"][0]["content"][6]

    def read(odd: Any) -> None:
        ctx = laws.context()
        ctx.request = replace(B.decode_request(odd, laws.context()), origin="elsewhere")
        B.decode_request(json.loads(json.dumps(B.encode_request(ctx.request, ctx))), laws.context())

    read(wire)
    assert only_refusals(read, wire) > 100


def test_an_odd_answer_is_read_or_refused_as_the_providers_fault() -> None:
    wire = {
        "output": {"message": {"role": "assistant", "content": RICH["messages"][1]["content"]}},
        "stopReason": "stop_sequence",
        "additionalModelResponseFields": {"delta": {"stop_sequence": "END"}},
        "usage": {"inputTokens": 1, "outputTokens": 2, "cacheDetails": [{"ttl": "1h", "inputTokens": 5}]},
        "metrics": {"latencyMs": 1},
    }

    def read(odd: Any) -> None:
        response = B.decode_response(odd, laws.context())
        laws.folds_back(response)
        json.dumps(B.encode_response(response, laws.context()))
        json.dumps(B.encode_response(replace(response, origin="elsewhere"), laws.context()))

    assert only_refusals(read, wire, Kind.UPSTREAM) > 10
    assert B.decode_response(wire, laws.context()).stop == Stop("stop", "stop_sequence", "END")


STREAM = [
    START,
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "Hm."}}}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "c2ln"}}}),
    END,
    ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"reasoningContent": {"redactedContent": REDACTED}}}),
    ("contentBlockStop", {"contentBlockIndex": 1}),
    ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"text": "hi"}}),
    ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"citation": {"title": "t"}}}),
    ("contentBlockStop", {"contentBlockIndex": 2}),
    ("contentBlockDelta", {"contentBlockIndex": 3, "delta": {"citation": {"title": "u"}}}),
    ("contentBlockStop", {"contentBlockIndex": 3}),
    ("contentBlockStart", {"contentBlockIndex": 4, "start": {"toolUse": {"toolUseId": "c", "name": "f"}}}),
    ("contentBlockDelta", {"contentBlockIndex": 4, "delta": {"toolUse": {"input": '{"a":1}'}}}),
    ("contentBlockStop", {"contentBlockIndex": 4}),
    ("contentBlockStart", {"contentBlockIndex": 5, "start": {"image": {"format": "png"}}}),
    ("contentBlockDelta", {"contentBlockIndex": 5, "delta": {"image": {"source": {"bytes": PNG[:8]}}}}),
    ("contentBlockDelta", {"contentBlockIndex": 5, "delta": {"image": {"source": {"bytes": PNG[8:]}}}}),
    ("contentBlockStop", {"contentBlockIndex": 5}),
    STOP,
    COUNTS,
]


def test_a_stream_with_everything_comes_home() -> None:
    found = events(framed(*STREAM))
    laws.grammar(found)
    thought, redacted, text, call, image = fold(found).parts
    assert thought == Reasoning(text="Hm.", signature=Signature("anthropic", "c2ln"))
    assert redacted == Reasoning(redacted=True, signature=Signature("anthropic", "EvAFCnsIDRABGAIqQ"))
    assert isinstance(text, Text) and [citation.title for citation in text.citations] == ["t", "u"]
    assert call == ToolCall(id="c", name="f", arguments='{"a":1}')
    assert isinstance(image, Media) and (image.media_type, image.source) == ("image/png", Base64(PNG))
    frames = laws.render(B, found)
    obeys(frames)
    assert laws.reread(B, frames) == fold(found)
    assert fold(found).stop.reason == "tool_calls", "whatever word it ended with"


def test_an_odd_stream_is_read_or_refused_as_the_providers_fault() -> None:
    wires = [{"event": name, "data": data} for name, data in STREAM]

    def read(odd: Any) -> None:
        decoder, found = B.decoder(laws.context()), []
        for wire in odd if isinstance(odd, list) else []:
            name = wire.get("event") if isinstance(wire, dict) else None
            data = json.dumps(wire.get("data") if isinstance(wire, dict) else wire).encode()
            found += decoder.feed(Frame(data, name if isinstance(name, str) else ""))
        found += decoder.close()
        laws.grammar(found)
        laws.folds_back(fold(found))
        laws.render(B, found)

    assert only_refusals(read, wires, Kind.UPSTREAM) > 10


@pytest.mark.parametrize("data", [b"{", b"[" * 5000, b"\xff"])
def test_a_frame_that_is_no_json_is_the_providers_fault(data: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        list(B.decoder(laws.context()).feed(Frame(data, "messageStart")))
    assert caught.value.code == "upstream_invalid_response"


def test_half_a_character_is_replaced() -> None:
    decoder = B.decoder(laws.context())
    list(decoder.feed(Frame(b"{}", "messageStart")))
    data = b'{"contentBlockIndex":0,"delta":{"text":"\\ud83d"}}'
    *_, delta = decoder.feed(Frame(data, "contentBlockDelta"))
    assert getattr(delta, "text", "") == "�"
