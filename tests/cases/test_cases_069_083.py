"""Cases 69 to 83: requests of Anthropic's clients elsewhere, and the ways of relays and local servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests import laws
from tests.cases.answers import answer, said
from tests.cases.inside import BACKS, FRONTS, MODELS, SAME, House, Says, event, sse, whole

from clients import CHAT, CONTENTS, MESSAGES, RESPONSES, Chat, front_id
from dragoman.core.ir import Message, Request, Text
from dragoman.core.profile import Profile
from dragoman.dialects import CODECS
from upstream.model import INPUT, OUTPUT, Turn

SONG = Turn(text="La la la.", stop="stop")
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
EACH_FRONT = pytest.mark.parametrize("front", FRONTS, ids=front_id)
EACH_BACK = pytest.mark.parametrize("back", BACKS)


def chunk(delta: Any = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One chunk of a server that speaks Chat Completions."""
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return head | {"choices": [{"index": 0, "delta": delta or {}, "finish_reason": finish}]} | more


DONE = b"data: [DONE]\n\n"
COUNTED = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
END = (chunk(finish="stop"), chunk() | {"choices": [], "usage": COUNTED}, DONE)


def message(content: str | None, **more: Any) -> dict[str, Any]:
    """The whole answer of such a server."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content} | more, "finish_reason": "stop"}
    return {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": COUNTED}


# -- 69, 72, 73: what a client says of itself ---------------------------------------------------------------

WHO = "user_" + "ab" * 40 + "_account__session_0b5c1c3e-6a5b-4f0e-9d0c-000000000000"


@pytest.mark.parametrize("back", ["chat", "responses"])
async def test_case_069_a_long_user_id_fits_and_stays_the_same(tmp_path: Path, back: str) -> None:
    house = House(tmp_path, whole(said(back, SONG)))
    told = []
    for user in (WHO, WHO, WHO + "x"):
        answer = await house.say(MESSAGES, back, metadata={"user_id": user})
        assert answer.status == 200, answer
        sent = house.script.last
        told.append(sent.get("safety_identifier") or sent.get("user"))
        assert 0 < len(told[-1]) <= 64
        assert "metadata" not in sent, "a tag of the gateway or of the client's in a provider's metadata"
    assert told[0] == told[1] != told[2]


UNKNOWN = {"context_management": {"edits": []}, "diagnostics": {"x": 1}, "speed": "fast", "tomorrow": {"y": [1]}}


@EACH_BACK
async def test_case_072_fields_of_one_client_reach_no_other_provider(tmp_path: Path, back: str) -> None:
    """Word for word to Anthropic; to nobody else; and never an error of the gateway's own."""
    house = House(tmp_path, whole(said(back, SONG)))
    tool = {"name": "f", "input_schema": {"type": "object"}, "defer_loading": True, "eager_input_streaming": True}
    model = "claude-opus-4-8" if back == "messages" else MODELS[back]  # which knows effort
    body = MESSAGES.body(model=f"{back}/{model}", tools=[tool], output_config={"effort": "low"}, **UNKNOWN)
    reply = await house.ask("/v1/messages?beta=true", body, MESSAGES.headers)
    assert reply.status == 200, reply
    sent = house.script.last
    if back == "messages":
        assert sent == body | {"model": model}
        return
    text = json.dumps(sent)
    names = [*UNKNOWN, "defer_loading", "eager_input_streaming"]
    assert not [name for name in (*names, "output_config") if f'"{name}"' in text]
    lost = reply.headers["x-dragoman-lost"]
    assert all(name in lost for name in names if name != "context_management"), lost


async def test_case_073_betas_are_merged_from_header_and_settings(tmp_path: Path) -> None:
    """Each once, in order; what the provider is not known to take stays here."""
    more = '[providers.messages.headers]\nanthropic-beta = "from-config-2026-01-01, shared-2026-01-01"\n'
    house = House(tmp_path, whole(said("messages", SONG)), more=more)
    betas = "claude-code-20250219,shared-2026-01-01, effort-2025-11-24"
    assert (await house.say(MESSAGES, "messages", headers={"anthropic-beta": betas})).status == 200
    sent = house.script.asked[-1].headers["anthropic-beta"]
    assert sent == "from-config-2026-01-01,shared-2026-01-01,claude-code-20250219,effort-2025-11-24"
    assert (await house.say(MESSAGES, "messages")).status == 200
    assert house.script.asked[-1].headers["anthropic-beta"] == "from-config-2026-01-01,shared-2026-01-01"
    assert (await house.say(CHAT, "messages")).status == 200
    assert house.script.asked[-1].headers["anthropic-beta"] == "from-config-2026-01-01,shared-2026-01-01"


async def test_case_073_a_backend_gets_the_betas_it_knows(tmp_path: Path) -> None:
    more = '[providers.messages.profile]\nbetas = ["interleaved-thinking-*", "effort-2025-11-24"]\n'
    house = House(tmp_path, whole(said("messages", SONG)), more=more)
    betas = "claude-code-20250219,interleaved-thinking-2025-05-14,effort-2025-11-24"
    reply = await house.say(MESSAGES, "messages", headers={"anthropic-beta": betas})
    assert house.script.asked[-1].headers["anthropic-beta"] == "interleaved-thinking-2025-05-14,effort-2025-11-24"
    assert "claude-code-20250219" in reply.headers["x-dragoman-lost"]
    await house.say(MESSAGES, "messages", headers={"anthropic-beta": "claude-code-20250219"})
    assert "anthropic-beta" not in house.script.asked[-1].headers


@pytest.mark.parametrize("back", ["chat", "responses", "contents"])
async def test_case_073_nobody_else_hears_of_betas(tmp_path: Path, back: str) -> None:
    house = House(tmp_path, whole(said(back, SONG)))
    assert (await house.say(MESSAGES, back, headers={"anthropic-beta": "effort-2025-11-24"})).status == 200
    assert not {"anthropic-beta", "anthropic-version"} & set(house.script.asked[-1].headers)


# -- 75: limits -------------------------------------------------------------------------------------------------

LIMITED = {"chat": ("gpt-4o", 16384), "responses": ("gpt-4o", 16384), "contents": ("gemini-2.0-flash", 8192),
           "messages": ("claude-3-5-haiku-20241022", 8192)}  # fmt: skip


@EACH_BACK
async def test_case_075_a_limit_above_the_models_is_clamped_and_told(tmp_path: Path, back: str) -> None:
    """Also where the client speaks the provider's own dialect: Claude Code's limit is made for another model."""
    model, most = LIMITED[back]
    house = House(tmp_path, whole(said(back, SONG)))

    async def limit(asked: int) -> tuple[Any, str]:
        body = MESSAGES.body(model=f"{back}/{model}") | {"max_tokens": asked}
        reply = await house.ask("/v1/messages", body, MESSAGES.headers)
        assert reply.status == 200, reply
        sent = house.script.last
        sent |= sent.get("generationConfig") or {}
        names = ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens")
        [given] = [sent[name] for name in names if name in sent]
        return given, reply.headers.get("x-dragoman-lost", "")

    given, lost = await limit(32000)
    assert (given, lost.partition(",")[0]) == (most, "max_tokens (clamped)")
    given, lost = await limit(most)
    assert given == most
    assert "max_tokens" not in lost


# -- 78: OpenRouter's reasoning ---------------------------------------------------------------------------------

HOUSE = '[providers.relay]\nkind = "openrouter"\nkeys = ["k"]\nbase_url = "http://relay.test/api/v1"\n'
DETAILS = [
    {"type": "reasoning.text", "text": "I need the weather.", "format": "google-gemini-v1", "index": 0},
    {
        "type": "reasoning.encrypted",
        "data": "EqQBsecretsecret",
        "format": "google-gemini-v1",
        "id": "tool_1",
        "index": 1,
    },
]
CALL = {"id": "tool_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}


def relayed(stream: bool) -> Says:
    """A turn of Gemini's by way of OpenRouter: empty details in most chunks, the sealed one in the last."""
    if not stream:
        return whole(message(None, reasoning="I need the weather.", reasoning_details=DETAILS, tool_calls=[CALL]))
    deltas: list[Any] = [
        {"role": "assistant", "content": "", "reasoning": "I need ", "reasoning_details": [DETAILS[0] | {"text": "I need "}]},
        {"content": "", "reasoning": "the weather.", "reasoning_details": [DETAILS[0] | {"text": "the weather."}]},
        {"content": "", "reasoning": None, "reasoning_details": [], "tool_calls": [{"index": 0, **CALL}]},
        {"content": "", "reasoning": None, "reasoning_details": [DETAILS[1]]},
    ]  # fmt: skip
    return sse(*map(chunk, deltas), chunk({"reasoning_details": []}, finish="tool_calls"), *END[1:])


def next_turn(front: Chat, first: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """The client's second request: all it was told, as its dialect has it, and the tool's result."""
    if front is CHAT:
        call = first["choices"][0]["message"]
        plain = {"role": "assistant", "content": call["content"], "tool_calls": call["tool_calls"]}
        result = {"role": "tool", "tool_call_id": call["tool_calls"][0]["id"], "content": "21C"}
        return asked | {"messages": [*asked["messages"], plain, result]}
    if front is MESSAGES:
        [id] = [block["id"] for block in first["content"] if block["type"] == "tool_use"]
        result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": "21C"}]}
        return asked | {"messages": [*asked["messages"], {"role": "assistant", "content": first["content"]}, result]}
    if front is CONTENTS:
        content = first["candidates"][0]["content"]
        [call] = [part["functionCall"] for part in content["parts"] if "functionCall" in part]
        answered = {"functionResponse": {"name": call["name"], "response": {"output": "21C"}}}
        return asked | {"contents": [*asked["contents"], content, {"role": "user", "parts": [answered]}]}
    [id] = [item["call_id"] for item in first["output"] if item["type"] == "function_call"]
    output = {"type": "function_call_output", "call_id": id, "output": "21C"}
    return asked | {"input": [{"role": "user", "content": asked["input"]}, *first["output"], output]}


@STREAM
@EACH_FRONT
async def test_case_078_reasoning_details_go_back_as_they_came(tmp_path: Path, front: Chat, stream: bool) -> None:
    house = House(tmp_path, relayed(stream), whole(message("21")), more=HOUSE)
    model = "relay/google/gemini-3-pro"
    body = front.body("Weather?", model, stream) | front.tools("get_weather") | front.thinking()
    first = await house.ask(front.path(model, stream), body, front.headers)
    heard = front.read(first)
    if front is not CHAT:  # whose own bytes pass, with all that its client keeps
        assert heard.reasoning == "I need the weather."
    assert heard.calls == [("get_weather", {"city": "Paris"})]
    again = next_turn(front, rebuilt(front, first), {k: v for k, v in body.items() if k != "stream"})
    second = await house.ask(front.path(model), again, front.headers)
    assert second.status == 200, second
    [turn] = [m for m in house.script.last["messages"] if m["role"] == "assistant"]
    if front is CONTENTS:  # whose client brings the signature back in its own slot, where no call is named
        assert [detail | {"id": "tool_1"} for detail in turn["reasoning_details"]][1] == DETAILS[1]
    elif front is not CHAT:
        assert turn["reasoning_details"] == DETAILS
    assert turn["tool_calls"][0]["id"] == "tool_1"


def rebuilt(front: Chat, reply: Any) -> Any:
    """A whole answer, of a stream as the client would build it."""
    if reply.media_type == "application/json":
        return reply.json
    frames = [laws.Frame(e.data.encode(), e.name) for e in reply.events]
    codec = CODECS[front.name]
    if front is RESPONSES:
        return reply.events[-1].json["response"]
    return codec.encode_response(laws.reread(codec, frames), laws.context())


# -- 79: relays -----------------------------------------------------------------------------------------------------

LATE = {"error": {"code": 502, "message": "Provider disconnected", "metadata": {"x": 1}}, "id": "c1", "model": "m",
        "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]}  # fmt: skip
COMMENT = b": OPENROUTER PROCESSING\n\n"


@EACH_FRONT
@pytest.mark.parametrize("cut", [0, 1, 7])
async def test_case_079_comments_are_no_content(tmp_path: Path, front: Chat, cut: int) -> None:
    words = (COMMENT, chunk({"content": "He"}), COMMENT, chunk({"content": "llo"}), COMMENT, *END)
    house = House(tmp_path, sse(*words, cut=cut))
    reply = await house.say(front, "chat", stream=True)
    assert front.read(reply).text == "Hello"
    assert b"PROCESSING" not in reply.body


@EACH_FRONT
async def test_case_079_an_error_in_the_stream_is_one_for_the_client(tmp_path: Path, front: Chat) -> None:
    house = House(tmp_path, sse(COMMENT, chunk({"content": "He"}), LATE, DONE))
    reply = await house.say(front, "chat", stream=True)
    if front is CHAT:  # its own words, as they came
        assert reply.events[-1].json == LATE
    else:
        assert "Provider disconnected" in front.broken(reply.events)
    early = House(tmp_path, sse(COMMENT, LATE, DONE))
    reply = await early.say(front, "chat", stream=True)
    assert reply.status == 502, reply
    assert "Provider disconnected" in reply.body.decode()


@EACH_FRONT
async def test_case_079_an_error_in_a_whole_answer(tmp_path: Path, front: Chat) -> None:
    house = House(tmp_path, whole(LATE))
    reply = await house.say(front, "chat")
    assert reply.status == 502, reply
    assert "Provider disconnected" in front.error(reply)[2]


# -- 80: thoughts in the text ---------------------------------------------------------------------------------------

THINKS = Profile(think_tags=True)
THOUGHT = "<think>\nHm, <b> is 2 < 3.\n</think>\n\nYes: <think is no tag>."
CHATS = CODECS["openai.chat"]


def heard(text: str, size: int, profile: Profile = THINKS) -> dict[str, Any]:
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    data = b"".join(map(event, [*(chunk({"content": piece}) for piece in pieces), chunk(finish="stop")]))
    found = []
    decoder = CHATS.decoder(laws.context(profile=profile))
    for frame in laws.Reader().feed(data):
        found += decoder.feed(frame)
    found += decoder.close()
    laws.grammar(found)
    return laws.gist(laws.fold(found))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 1000])
def test_case_080_tagged_thoughts_are_thoughts_however_they_are_cut(size: int) -> None:
    told = heard(THOUGHT, size)
    assert told["reasoning"].strip() == "Hm, <b> is 2 < 3."
    assert told["text"] == "Yes: <think is no tag>."
    plain = heard(THOUGHT, size, Profile())
    assert (plain["text"], plain["reasoning"]) == (THOUGHT, ""), "only where the profile says so"


@pytest.mark.parametrize(
    ("content", "reasoning", "text"),
    [
        ("<think>a</think>b", "a", "b"),
        ("a <think> b", "", "a <think> b"),  # only an answer's beginning is a thought
        ("<think>cut off", "cut off", ""),
        ("<think></think>b", "", "b"),
        ("  <think>a</think>  b ", "a", "b "),
        ("a</think>b", "", "a</think>b"),
        ("<thin", "", "<thin"),
        ("<think>a</think>b<think>c</think>", "a", "b<think>c</think>"),
        ("", "", ""),
    ],
)
def test_case_080_whole_and_streamed_are_the_same(content: str, reasoning: str, text: str) -> None:
    response = CHATS.decode_response(message(content), laws.context(profile=THINKS))
    told = laws.gist(response)
    assert (told["reasoning"], told["text"]) == (reasoning, text)
    for size in (1, 4, 100):
        streamed = heard(content, size)
        assert (streamed["reasoning"], streamed["text"]) == (reasoning, text)


async def test_case_080_a_client_sees_them_where_its_dialect_has_them(tmp_path: Path) -> None:
    more = "[providers.chat.profile]\nthink_tags = true\n"
    for stream in (False, True):
        says = (
            sse(chunk({"content": "<think>Hm.</think>Yes."}), *END)
            if stream
            else whole(message("<think>Hm.</think>Yes."))
        )
        house = House(tmp_path, says, more=more)
        for front in FRONTS:
            body = front.body("Hi", "chat/qwq-32b", stream) | front.thinking()
            told = front.read(await house.ask(front.path("chat/qwq-32b", stream), body, front.headers))
            assert (told.reasoning, told.text) == ("Hm.", "Yes."), front.name


PLACEHOLDER = "[reasoning unavailable]"


@pytest.mark.parametrize("back", BACKS)
async def test_case_080_a_placeholder_is_never_replayed(tmp_path: Path, back: str) -> None:
    """Another gateway wrote it into the client's history, where it had to send a thought and had none."""
    house = House(tmp_path, whole(said(back, SONG)), more="[providers.chat.profile]\nsend_reasoning = 'field'\n")
    history: dict[str, dict[str, Any]] = {
        CHAT.name: {"messages": [
            {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo", "reasoning_content": PLACEHOLDER},
            {"role": "user", "content": "So?"}]},
        MESSAGES.name: {"messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": PLACEHOLDER, "signature": ""}, {"type": "text", "text": "Yo"}]},
            {"role": "user", "content": "So?"}]},
        CONTENTS.name: {"contents": [
            {"role": "user", "parts": [{"text": "Hi"}]},
            {"role": "model", "parts": [{"text": PLACEHOLDER, "thought": True}, {"text": "Yo"}]},
            {"role": "user", "parts": [{"text": "So?"}]}]},
        RESPONSES.name: {"input": [
            {"role": "user", "content": "Hi"},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": PLACEHOLDER}]},
            {"role": "assistant", "content": "Yo"}, {"role": "user", "content": "So?"}]},
    }  # fmt: skip
    for front in FRONTS:
        if front is not SAME[back]:  # whose own words pass as they are
            model = f"{back}/{MODELS[back]}"
            reply = await house.ask(front.path(model), front.body("", model) | history[front.name], front.headers)
            assert reply.status == 200, reply
            assert PLACEHOLDER not in (sent := json.dumps(house.script.last)), front.name
            assert "Yo" in sent and "So?" in sent


# -- 82: streams and no streams --------------------------------------------------------------------------------------


@EACH_BACK
@EACH_FRONT
@pytest.mark.parametrize("asked", [False, True], ids=["asked whole", "asked stream"])
async def test_case_082_the_client_gets_the_form_it_asked_for(
    tmp_path: Path, front: Chat, back: str, asked: bool
) -> None:
    """A provider that answers in the other form than it was asked for."""
    turn = Turn(reasoning="Hm.", text="Look.", calls=[("get_weather", {"city": "Paris"})], stop="tool_calls")
    house = House(tmp_path, answer(back, turn, stream=not asked))
    model = f"{back}/{MODELS[back]}"
    body = front.body("Hi", model, asked) | front.tools("get_weather") | front.thinking()
    if front is CHAT and asked:
        body["stream_options"] = {"include_usage": True}
    reply = await house.ask(front.path(model, asked), body, front.headers)
    assert reply.status == 200, reply
    assert reply.media_type == ("text/event-stream" if asked else "application/json")
    told = front.read(reply)
    assert (told.text, told.reasoning, told.calls) == (turn.text, turn.reasoning, turn.calls)
    assert (told.input, told.output) == (INPUT, OUTPUT)
    assert told.stop == front.stops["tool_calls"]


@EACH_FRONT
async def test_case_082_a_provider_that_only_streams_is_asked_for_streams(tmp_path: Path, front: Chat) -> None:
    more = "[providers.chat.profile]\nstream_only = true\n"
    house = House(tmp_path, answer("chat", SONG, stream=True), more=more)
    for stream in (False, True):
        reply = await house.say(front, "chat", stream=stream)
        assert house.script.last["stream"] is True
        assert front.read(reply).text == SONG.text
        assert reply.media_type == ("text/event-stream" if stream else "application/json")


# -- 83: names that are not ASCII -------------------------------------------------------------------------------------


@STREAM
@EACH_BACK
async def test_case_083_names_in_any_script(tmp_path: Path, back: str, stream: bool) -> None:
    house = House(tmp_path, answer(back, SONG, stream))
    for front in FRONTS:
        reply = await house.say(front, back, model="小米mimo/v2 ü", stream=stream)
        assert reply.status == 200, reply
        assert front.read(reply).text == SONG.text
        assert reply.headers["x-dragoman-model"] == "%E5%B0%8F%E7%B1%B3mimo/v2 %C3%BC"
        outgoing = house.script.asked[-1]
        assert outgoing.url.isascii() and " " not in outgoing.url
        assert all(value.isascii() for value in outgoing.headers.values())
        if back == "contents":
            assert "/models/%E5%B0%8F%E7%B1%B3mimo/v2%20%C3%BC:" in outgoing.url
        else:
            assert house.script.last["model"] == "小米mimo/v2 ü"


async def test_case_083_a_loss_with_such_a_name_is_told_in_ascii(tmp_path: Path) -> None:
    house = House(tmp_path, whole(said("chat", SONG)))
    tool = {"name": "查询", "input_schema": {"type": "object"}, "日付": 1}
    reply = await house.say(MESSAGES, "chat", tools=[tool])
    assert reply.status == 200, reply
    assert reply.headers["x-dragoman-lost"].isascii()


def test_case_083_is_of_every_codec() -> None:
    turn = Message(role="user", parts=(Text(text="Hi"),))
    for name, front in SAME.items():
        codec = CODECS[front.name]
        assert codec.path("模型/x y", stream=False).isascii(), name
        wire = codec.encode_request(Request(origin="x", model="模型", messages=(turn,)), laws.context(model="模型"))
        assert "模型" in json.dumps(wire, ensure_ascii=False) or name == "contents"
