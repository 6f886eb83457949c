"""What a provider's own tools did, as the clients of another dialect see it: a search or code, and what came of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests import laws, sdk_types
from tests.cases.inside import House, whole
from tests.recorded import dialect_of, stream_of
from tests.traffic import Exchange, exchanges
from tests.validators import checked

from dragoman.core.codec import Context
from dragoman.core.fold import unfold
from dragoman.core.framing import Frame
from dragoman.core.profile import Profile
from dragoman.core.translate import Pipe
from dragoman.dialects import CODECS, passes

Json = Any
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
QUERIES, CODE, OUTPUT = ["winner 2026", "result 2026"], "print(6 * 7)", "42\n"
PAGE, TITLE, SAID = "https://a.example/1", "The winner", "Team A won."

ANSWERS: dict[str, Json] = {
    "openai.responses": {
        "id": "resp_1", "object": "response", "model": "m", "status": "completed", "output": [
            {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {
                "type": "search", "query": QUERIES[0], "queries": QUERIES, "sources": [{"type": "url", "url": PAGE}]}},
            {"type": "code_interpreter_call", "id": "ci_1", "status": "completed", "code": CODE, "container_id": "c",
             "outputs": [{"type": "logs", "logs": OUTPUT}]},
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [
                {"type": "output_text", "text": SAID, "annotations": [
                    {"type": "url_citation", "url": PAGE, "title": TITLE, "start_index": 0, "end_index": len(SAID)}]}]},
        ]},
    "anthropic": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn", "content": [
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": QUERIES[0]}},
            {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [
                {"type": "web_search_result", "url": PAGE, "title": TITLE, "encrypted_content": "E", "page_age": None}]},
            {"type": "server_tool_use", "id": "srvtoolu_2", "name": "code_execution", "input": {"code": CODE}},
            {"type": "code_execution_tool_result", "tool_use_id": "srvtoolu_2", "content": {
                "type": "code_execution_result", "stdout": OUTPUT, "stderr": "", "return_code": 0, "content": []}},
            {"type": "text", "text": SAID, "citations": [{"type": "web_search_result_location", "cited_text": "",
                "url": PAGE, "title": TITLE, "encrypted_index": "I"}]},
        ]},
    "gemini": {
        "responseId": "r", "modelVersion": "m", "candidates": [{
            "index": 0, "finishReason": "STOP", "content": {"role": "model", "parts": [
                {"executableCode": {"language": "PYTHON", "code": CODE}},
                {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": OUTPUT}}, {"text": SAID}]},
            "groundingMetadata": {
                "webSearchQueries": ["", *QUERIES], "groundingChunks": [{"web": {"uri": PAGE, "title": TITLE}}],
                "groundingSupports": [{"segment": {"endIndex": len(SAID), "text": SAID}, "groundingChunkIndices": [0]}],
            }}]},
}  # fmt: skip
"""The same answer of each provider: a search, code, and a text that cites what was found."""
PAIRS = [(back, front) for back in ANSWERS for front in ANSWERS if back != front]


def told(back: str, front: str, stream: bool, wire: Json = None) -> tuple[Json, Context]:
    """The answer as the front's client has it whole, judged by validator and SDK on its way."""
    ctx = laws.context()
    response = CODECS[back].decode_response(wire or ANSWERS[back], laws.context())
    if stream:
        encoder = CODECS[front].encoder(ctx)
        return gathered(front, [frame for event in unfold(response) for frame in encoder.feed(event)]), ctx
    wire = json.loads(json.dumps(CODECS[front].encode_response(response, ctx)))
    sdk_types.parses(front, wire)
    return wire, ctx


def gathered(front: str, frames: list[Frame]) -> Json:
    """What the frames of a stream add up to, in the shape of a whole answer."""
    checked(front, [(frame.event or "", frame.data) for frame in frames])
    sdk_types.parse_events(front, frames)
    wires = [json.loads(frame.data) for frame in frames]
    if front == "openai.responses":
        assert wires[-1]["type"] == "response.completed"
        return wires[-1]["response"]
    if front == "gemini":
        parts = [part for wire in wires for part in wire["candidates"][0]["content"]["parts"]]
        return {
            "candidates": [wires[-1]["candidates"][0] | {"content": {"parts": [p for p in parts if p != {"text": ""}]}}]
        }
    blocks: list[Json] = []
    for wire in wires:
        if wire["type"] == "content_block_start":
            blocks.append(wire["content_block"])
        elif wire["type"] == "content_block_delta" and wire["delta"]["type"] == "input_json_delta":
            blocks[-1]["input"] = json.loads(wire["delta"]["partial_json"])
        elif wire["type"] == "content_block_delta" and wire["delta"]["type"] == "text_delta":
            blocks[-1]["text"] += wire["delta"]["text"]
    return {"content": blocks}


def queries_of(back: str) -> list[str]:
    return QUERIES[:1] if back == "anthropic" else QUERIES


@STREAM
@pytest.mark.parametrize(("back", "front"), [pair for pair in PAIRS if pair[1] == "anthropic"])
def test_anthropics_clients_see_calls_and_results(back: str, front: str, stream: bool) -> None:
    content = told(back, front, stream)[0]["content"]
    calls = {block["name"]: block for block in content if block["type"] == "server_tool_use"}
    results = {block["type"]: block for block in content if block["type"].endswith("_tool_result")}
    assert calls["web_search"]["input"] == {"query": "; ".join(QUERIES)}
    title = TITLE if back == "gemini" else ""  # OpenAI tells none
    page = {"type": "web_search_result", "url": PAGE, "title": title, "encrypted_content": "", "page_age": None}
    assert results["web_search_tool_result"]["content"] == [page]
    assert calls["code_execution"]["input"] == {"code": CODE}
    ran = results["code_execution_tool_result"]["content"]
    assert (ran["stdout"], ran["return_code"]) == (OUTPUT, 0)
    for call, result in zip(calls.values(), results.values(), strict=True):
        assert call["id"] == result["tool_use_id"]
        assert content.index(result) == content.index(call) + 1
    assert len({call["id"] for call in calls.values()}) == 2
    assert SAID in [block.get("text") for block in content]


@STREAM
@pytest.mark.parametrize(("back", "front"), [pair for pair in PAIRS if pair[1] == "openai.responses"])
def test_clients_of_responses_see_items(back: str, front: str, stream: bool) -> None:
    output = told(back, front, stream)[0]["output"]
    [search] = [item for item in output if item["type"] == "web_search_call"]
    [ran] = [item for item in output if item["type"] == "code_interpreter_call"]
    assert search["status"] == ran["status"] == "completed"
    assert search["action"] == {
        "type": "search", "query": QUERIES[0], "queries": queries_of(back), "sources": [{"type": "url", "url": PAGE}],
    }  # fmt: skip
    assert (ran["code"], ran["outputs"]) == (CODE, [{"type": "logs", "logs": OUTPUT}])


@STREAM
@pytest.mark.parametrize(("back", "front"), [pair for pair in PAIRS if pair[1] == "gemini"])
def test_geminis_clients_see_what_was_searched_and_run(back: str, front: str, stream: bool) -> None:
    candidate = told(back, front, stream)[0]["candidates"][0]
    grounding = candidate["groundingMetadata"]
    assert grounding["webSearchQueries"] == queries_of(back)
    assert [chunk["web"]["uri"] for chunk in grounding["groundingChunks"]] == [PAGE]
    assert grounding["groundingSupports"][0]["segment"]["text"] == SAID
    assert candidate["content"]["parts"] == [
        {"executableCode": {"language": "PYTHON", "code": CODE}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": OUTPUT}},
        {"text": SAID},
    ]


@STREAM
@pytest.mark.parametrize("back", ANSWERS)
def test_clients_of_chat_are_told_of_the_loss(back: str, stream: bool) -> None:
    ctx = laws.context()
    response = CODECS[back].decode_response(ANSWERS[back], laws.context())
    if stream:
        encoder = CODECS["openai.chat"].encoder(ctx)
        assert [frame for event in unfold(response) for frame in encoder.feed(event)]
    else:
        message = CODECS["openai.chat"].encode_response(response, ctx)["choices"][0]["message"]
        assert message["content"] == SAID
        assert message["annotations"][0]["url_citation"]["url"] == PAGE
    runs = [f"parts[{i}]" for i, part in enumerate(response.parts) if getattr(part, "run", None)]
    assert len(runs) == 2
    assert {(path, "dropped") for path in runs} <= {(loss.path, loss.what) for loss in ctx.losses}


@STREAM
@pytest.mark.parametrize(("back", "front"), PAIRS)
def test_what_is_shown_is_not_reported_as_dropped(back: str, front: str, stream: bool) -> None:
    response = CODECS[back].decode_response(ANSWERS[back], laws.context())
    _, ctx = told(back, front, stream)
    losses = {loss.path: loss.what for loss in ctx.losses}
    for i, part in enumerate(response.parts[:-1] if back != "gemini" else response.parts[:2]):
        assert losses[f"parts[{i}]"] == "emulated", part


UNTOLD: list[tuple[str, Json]] = [
    ("openai.responses", {"type": "web_search_call", "id": "w", "status": "completed", "action": {"type": "open_page", "url": PAGE}}),
    ("openai.responses", {"type": "web_search_call", "id": "w", "status": "completed"}),
    ("openai.responses", {"type": "web_search_call", "id": "w", "status": "completed", "action": {"type": "search", "query": 5}}),
    ("openai.responses", {"type": "code_interpreter_call", "id": "c", "status": "completed", "code": None, "outputs": None}),
    ("openai.responses", {"type": "code_interpreter_call", "id": "c", "status": "completed", "code": CODE, "outputs": None}),
    ("anthropic", {"type": "web_search_tool_result", "tool_use_id": "nobody", "content": []}),
    ("anthropic", {"type": "web_search_tool_result", "tool_use_id": 7, "content": {"x": 1}}),
    ("gemini", {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": OUTPUT}}),
]  # fmt: skip


@STREAM
@pytest.mark.parametrize(("back", "piece"), UNTOLD)
def test_nothing_is_invented(back: str, piece: Json, stream: bool) -> None:
    """Where a provider tells no query, no code or nothing of what came of it, it is a loss and no block."""
    wire = json.loads(json.dumps(ANSWERS[back]))
    if back == "gemini":
        wire["candidates"][0]["content"]["parts"] = [piece, {"text": SAID}]
        del wire["candidates"][0]["groundingMetadata"]
    else:
        name = "output" if back == "openai.responses" else "content"
        wire[name] = [piece, wire[name][-1]]
    front = "anthropic" if back != "anthropic" else "openai.responses"
    shape, ctx = told(back, front, stream, wire)
    kinds = [each["type"] for each in shape["content" if front == "anthropic" else "output"]]
    assert kinds == ["text" if front == "anthropic" else "message"]
    assert ("parts[0]", "dropped") in {(loss.path, loss.what) for loss in ctx.losses}


def test_a_search_that_failed() -> None:
    wire = json.loads(json.dumps(ANSWERS["anthropic"]))
    wire["content"][1]["content"] = {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"}
    for stream in (False, True):
        output = told("anthropic", "openai.responses", stream, wire)[0]["output"]
        assert [item["status"] for item in output if item["type"] == "web_search_call"] == ["failed"]
    wire = json.loads(json.dumps(ANSWERS["openai.responses"]))
    wire["output"][0]["status"] = "failed"
    for stream in (False, True):
        content = told("openai.responses", "anthropic", stream, wire)[0]["content"]
        assert content[1]["content"]["type"] == "web_search_tool_result_error"


# -- recorded -----------------------------------------------------------------------------------------------------------------

SEEN = {"anthropic": "web_search_tool_result", "openai.responses": "web_search_call", "gemini": "webSearchQueries"}
SEARCHES = [
    ("anthropic.messages/web-search-stream/test_pause_turn", "weather"),
    ("openai.responses/web-search-stream/testdata-TestOpenAIWebSearch", "current population of Tokyo 2024"),
    ("openai.responses/web-search/test_durability", "Reuters May 8, 2026 Mexico"),
    ("gemini.stream/web-search/test_native_output", "largest city in Mexico"),
    ("vertex.generate/web-search/chat_citations", "latest stable version of Ruby"),
]


@pytest.mark.parametrize("front", SEEN)
@pytest.mark.parametrize("case", exchanges(("openai.responses", "anthropic", "gemini", "vertex"), tag="web-search"))
def test_recorded_searches(case: Exchange, front: str) -> None:
    query = next((query for head, query in SEARCHES if case.id.startswith(head)), None)
    dialect = dialect_of(case)
    if query is None or dialect in (None, front):
        return
    if isinstance(case.response, dict):
        assert SEEN[front] in json.dumps(told(dialect, front, False, case.response)[0])
        shape, _ = told(dialect, front, True, case.response)
    else:
        pipe = Pipe(CODECS[dialect].decoder(laws.context()), CODECS[front].encoder(laws.context()))
        shape = gathered(front, [*pipe.feed(stream_of(case) or b""), *pipe.close()])
    assert SEEN[front] in json.dumps(shape)
    assert query in json.dumps(shape, ensure_ascii=False)


# -- on their way back --------------------------------------------------------------------------------------------------------

MODELS = {"messages": "claude-sonnet-4-6", "responses": "gpt-5.2", "contents": "gemini-2.5-flash"}
DIALECTS = {"responses": "openai.responses", "contents": "gemini"}


@STREAM
@pytest.mark.parametrize("back", DIALECTS)
async def test_case_076_what_we_made_is_told_in_words(tmp_path: Path, back: str, stream: bool) -> None:
    """A search that another made, as Anthropic's client keeps it: Anthropic would refuse a result that it has not sealed."""
    content = told(DIALECTS[back], "anthropic", stream)[0]["content"]
    for block in content:
        if block["type"] == "text":
            block["citations"] = [
                {
                    "type": "web_search_result_location",
                    "cited_text": "",
                    "url": PAGE,
                    "title": TITLE,
                    "encrypted_index": "",
                }
            ]
    turns = [
        {"role": "user", "content": "Who?"},
        {"role": "assistant", "content": content},
        {"role": "user", "content": "Sure?"},
    ]
    for name, model in MODELS.items():
        house = House(tmp_path, whole(ANSWERS[DIALECTS.get(name, "anthropic")]))
        reply = await house.ask("/v1/messages", {"model": f"{name}/{model}", "max_tokens": 99, "messages": turns})
        assert reply.status == 200, reply
        sent = json.dumps(house.script.last)
        assert "encrypted" not in sent and "srvtoolu" not in sent, name
        assert all(words in sent for words in (QUERIES[0], PAGE, SAID, "6 * 7", "42")), name
        assert "messages[1]" in reply.headers["x-dragoman-lost"], name


def test_openai_is_asked_for_what_its_tools_find() -> None:
    """It tells sources and outputs to those who ask."""
    tools = [
        {"type": "web_search_20250305", "name": "web_search"},
        {"type": "code_execution_20250522", "name": "code_execution"},
    ]
    wire = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Who?"}], "tools": tools}
    request = CODECS["anthropic"].decode_request(wire, laws.context())
    sent = CODECS["openai.responses"].encode_request(request, laws.context())
    assert sent["include"] == ["web_search_call.action.sources", "code_interpreter_call.outputs"]
    request = CODECS["anthropic"].decode_request(wire | {"tools": []}, laws.context())
    assert "include" not in CODECS["openai.responses"].encode_request(request, laws.context())


def test_what_anthropic_made_passes_as_it_is() -> None:
    messages = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": ANSWERS["anthropic"]["content"]}]
    wire = {"model": "m", "max_tokens": 9, "messages": messages}
    assert passes("anthropic", wire, Profile())
    ctx = laws.context()
    codec = CODECS["anthropic"]
    assert codec.encode_request(codec.decode_request(wire, laws.context()), ctx)["messages"] == messages
    assert not ctx.losses


def test_unsealed_results_of_other_gateways_go_with_their_calls() -> None:
    content = json.loads(json.dumps(ANSWERS["anthropic"]["content"]))
    content[1]["content"][0]["encrypted_content"] = ""
    wire = {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": content}],
    }
    assert not passes("anthropic", wire, Profile())
    codec = CODECS["anthropic"]
    sent = codec.encode_request(codec.decode_request(wire, laws.context()), ctx := laws.context())["messages"][1][
        "content"
    ]
    assert [block["type"] for block in sent] == ["text", "text", *(block["type"] for block in content[2:])]
    assert QUERIES[0] in sent[0]["text"] and PAGE in sent[1]["text"]
    assert sent[2:] == content[2:]
    assert {loss.what for loss in ctx.losses} == {"emulated"}
