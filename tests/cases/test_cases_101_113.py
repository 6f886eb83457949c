"""Cases 101 to 113: numbers and counts, thoughts and pictures, and the two forms of Gemini's stream."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests import laws
from tests.cases.answers import answer, said
from tests.cases.inside import BACKS, FRONTS, MODELS, House, Says, sse, whole
from tests.cases.test_cases_069_083 import rebuilt
from tests.cases.test_cases_084_096 import call, chunk, follow, opened, told, wires_of

from clients import CHAT, CONTENTS, MESSAGES, RESPONSES, Chat, front_id
from dragoman.core.errors import GatewayError
from dragoman.core.profile import Profile
from dragoman.dialects import CODECS
from upstream.model import CACHED, INPUT, OUTPUT, PNG, THOUGHT, Turn

STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
EACH_FRONT = pytest.mark.parametrize("front", FRONTS, ids=front_id)
EACH_BACK = pytest.mark.parametrize("back", BACKS)
ABROAD = pytest.mark.parametrize("front", [f for f in FRONTS if f is not CONTENTS], ids=front_id)
SONG = Turn(text="La la la.")

# -- 101: arguments ---------------------------------------------------------------------------------------------------

ODD = {
    "z": 12345678901234567890,
    "s": '<a&b> é\u2028"\\',
    "n": None,
    "deep": {"y": [1, {"big": 2**70}], "a": True},
    "a": "",
}


@STREAM
@EACH_BACK
@EACH_FRONT
async def test_case_101_arguments_come_as_the_model_wrote_them(
    tmp_path: Path, front: Chat, back: str, stream: bool
) -> None:
    house = House(tmp_path, answer(back, Turn(calls=[("get_weather", ODD)], stop="tool_calls"), stream))
    model = f"{back}/{MODELS[back]}"
    body = opened(front, model, stream, "get_weather", thinking=False)
    reply = await house.ask(front.path(model, stream), body, front.headers)
    [(name, arguments)] = front.read(reply).calls
    assert (name, arguments) == ("get_weather", ODD)
    assert list(arguments) == list(ODD)
    assert list(arguments["deep"]) == list(ODD["deep"])  # type: ignore[call-overload]
    assert b"u003c" not in reply.body and b"e+" not in reply.body


@EACH_BACK
@EACH_FRONT
async def test_case_101_and_go_back_so(tmp_path: Path, front: Chat, back: str) -> None:
    house = House(tmp_path, whole(said(back, SONG)))
    calls = [("id1", "get_weather", ODD)]
    first = {
        CHAT.name: {"choices": [{"message": {"tool_calls": [
            {"id": i, "function": {"name": n, "arguments": json.dumps(a)}} for i, n, a in calls]}}]},
        MESSAGES.name: {"content": [{"type": "tool_use", "id": i, "name": n, "input": a} for i, n, a in calls]},
        CONTENTS.name: {"candidates": [{"content": {"role": "model", "parts": [call(n, a, id=i) for i, n, a in calls]}}]},
        RESPONSES.name: {"output": [
            {"type": "function_call", "call_id": i, "name": n, "arguments": json.dumps(a)} for i, n, a in calls]},
    }[front.name]  # fmt: skip
    model = f"{back}/{MODELS[back]}"
    body = follow(front, opened(front, model, False, "get_weather", thinking=False), first, {"id1": "x"}, bare=True)
    reply = await house.ask(front.path(model), body, front.headers)
    assert reply.status == 200, reply
    [sent] = arguments_in(back, house.script.last)
    assert sent == ODD
    assert list(sent) == list(ODD)
    assert "12345678901234567890" in (house.script.asked[-1].body or b"").decode()


def arguments_in(back: str, wire: Any) -> list[Any]:
    match back:
        case "chat":
            calls = [c for message in wire["messages"] for c in message.get("tool_calls") or ()]
            return [json.loads(c["function"]["arguments"]) for c in calls]
        case "messages":
            return [
                b["input"]
                for m in wire["messages"]
                for b in m["content"]
                if isinstance(b, dict) and b["type"] == "tool_use"
            ]
        case "responses":
            return [json.loads(item["arguments"]) for item in wire["input"] if item.get("type") == "function_call"]
    return [p["functionCall"]["args"] for c in wire["contents"] for p in c["parts"] if "functionCall" in p]


# -- 102, 103: the shape of a conversation ----------------------------------------------------------------------------


def conversation(front: Chat, *turns: tuple[str, str]) -> dict[str, Any]:
    """Turns of (role, text), as the client writes them."""
    body = front.body("", "m")
    if front is CONTENTS:
        roles = {"assistant": "model", "user": "user"}
        return body | {"contents": [{"role": roles[role], "parts": [{"text": text}]} for role, text in turns]}
    name = "input" if front is RESPONSES else "messages"
    return body | {name: [{"role": role, "content": text} for role, text in turns]}


def turns_in(back: str, wire: Any) -> list[tuple[str, str]]:
    """(role, text) of the turns as they are sent."""
    if back == "contents":
        return [
            (c["role"].replace("model", "assistant"), "".join(p.get("text", "") for p in c["parts"]))
            for c in wire["contents"]
        ]
    found = wire["input"] if back == "responses" else wire["messages"]
    if isinstance(found, str):
        return [("user", found)]
    texts = [
        turn["content"] if isinstance(turn["content"], str) else "".join(p["text"] for p in turn["content"])
        for turn in found
    ]
    return [(turn["role"], text) for turn, text in zip(found, texts, strict=True)]


def sent(front: Chat, back: str, body: Any, **profile: Any) -> tuple[Any, list[str]]:
    codec = {"chat": "openai.chat", "messages": "anthropic", "contents": "gemini", "responses": "openai.responses"}[
        back
    ]
    request = CODECS[front.name].decode_request(body, laws.context())
    ctx = laws.context(profile=Profile(**profile), request=request, model=MODELS[back])
    return CODECS[codec].encode_request(request, ctx), [loss.path for loss in ctx.losses]


@EACH_FRONT
def test_case_102_the_user_speaks_first_where_that_is_law(front: Chat) -> None:
    body = conversation(front, ("assistant", "Hello, I am."), ("user", "Hi"))
    for back in ("contents", "messages"):
        wire, lost = sent(front, back, body)
        roles = [role for role, _ in turns_in(back, wire)]
        if CODECS[front.name].dialect != {"contents": "gemini", "messages": "anthropic"}[back]:
            assert roles == ["user", "assistant", "user"]
            assert lost == ["messages"], "and it is told"
    for back in ("chat", "responses"):
        assert turns_in(back, sent(front, back, body)[0]) == [("assistant", "Hello, I am."), ("user", "Hi")]


@EACH_FRONT
@EACH_BACK
def test_case_102_a_beginning_of_the_answer_is_kept_where_it_is_taken(front: Chat, back: str) -> None:
    body = conversation(front, ("user", "2+2?"), ("assistant", "The answer is ("))
    wire, _ = sent(front, back, body)
    assert ("assistant", "The answer is (") in turns_in(back, wire)


@EACH_FRONT
@EACH_BACK
def test_case_103_empty_texts_are_left_out_abroad(front: Chat, back: str) -> None:
    body = conversation(front, ("user", "Hi"), ("assistant", ""), ("user", "There?"))
    wire, _ = sent(front, back, body, repair=True)
    if (
        CODECS[front.name].dialect
        == {"chat": "openai.chat", "messages": "anthropic", "contents": "gemini", "responses": "openai.responses"}[back]
    ):
        return  # at home, as the client wrote it
    assert all(text for _, text in turns_in(back, wire))
    assert "".join(text for role, text in turns_in(back, wire) if role == "user").replace("\n", "") == "HiThere?"


# -- 104: thoughts are no text ----------------------------------------------------------------------------------------

THINKING = Turn(reasoning="SECRET plan", text="Yes.")


@STREAM
@EACH_BACK
@EACH_FRONT
async def test_case_104_thoughts_are_in_the_channel_of_thoughts(
    tmp_path: Path, front: Chat, back: str, stream: bool
) -> None:
    house = House(tmp_path, answer(back, THINKING, stream))
    model = f"{back}/{MODELS[back]}"
    heard = front.read(
        await house.ask(front.path(model, stream), front.body("Hi", model, stream) | front.thinking(), front.headers)
    )
    assert (heard.text, heard.reasoning) == ("Yes.", "SECRET plan")


@STREAM
@EACH_BACK
@pytest.mark.parametrize("front", [MESSAGES, CONTENTS], ids=front_id)
async def test_case_104_and_are_not_shown_to_who_did_not_ask(
    tmp_path: Path, front: Chat, back: str, stream: bool
) -> None:
    """Those two APIs show none unasked, and clients join all texts, or read the first block."""
    house = House(tmp_path, answer(back, THINKING, stream))
    reply = await house.say(front, back, stream=stream)
    if CODECS[front.name].dialect == {"messages": "anthropic", "contents": "gemini"}.get(back):
        return  # the provider's own bytes
    assert front.read(reply).text == "Yes."
    assert b"SECRET" not in reply.body
    if not stream:
        assert "parts[0] (dropped)" in reply.headers["x-dragoman-lost"], "what is not shown is told"


@EACH_BACK
def test_case_104_googles_thoughts_in_a_history_are_no_words_elsewhere(back: str) -> None:
    contents = [
        {"role": "user", "parts": [{"text": "Hi"}]},
        {"role": "model", "parts": [{"text": "SECRET plan", "thought": True}, {"text": "Yes."}]},
        {"role": "user", "parts": [{"text": "So?"}]},
    ]
    wire, lost = sent(CONTENTS, back, {"contents": contents})
    if back != "contents":
        assert "SECRET" not in json.dumps(wire)
        assert lost
    assert "Yes." in json.dumps(wire)


# -- 105 to 107: counts -----------------------------------------------------------------------------------------------

USAGE = {"promptTokenCount": 11125, "cachedContentTokenCount": 7441, "candidatesTokenCount": 20,
         "thoughtsTokenCount": 409, "totalTokenCount": 11554}  # fmt: skip


def usage_in(front: Chat, reply: Any) -> Any:
    """The usage as the client finds it, of a stream in its last word."""
    if reply.media_type == "application/json":
        name = "usageMetadata" if front is CONTENTS else "usage"
        return reply.json[name]
    found: Any = {}
    for wire in wires_of(reply):
        match front.name:
            case "openai.chat":
                found = wire.get("usage") or found
            case "anthropic":
                found = found | (wire.get("message") or wire).get("usage", {})
            case "gemini":
                found = wire.get("usageMetadata") or found
            case _:
                found = (wire.get("response") or {}).get("usage") or found
    return found


async def counted(house: House, front: Chat, back: str, stream: bool) -> Any:
    model = f"{back}/{MODELS[back]}"
    body = front.body("Hi", model, stream) | front.thinking()
    body |= {"stream_options": {"include_usage": True}} if front is CHAT and stream else {}
    return usage_in(front, await house.ask(front.path(model, stream), body, front.headers))


@STREAM
async def test_case_105_googles_counts_in_every_dialect(tmp_path: Path, stream: bool) -> None:
    last = chunk({"text": "a"}, stop="STOP") | {"usageMetadata": USAGE}
    house = House(tmp_path, sse(last) if stream else whole(last))
    chat = await counted(house, CHAT, "contents", stream)
    assert (chat["prompt_tokens"], chat["completion_tokens"], chat["total_tokens"]) == (11125, 429, 11554)
    assert chat["prompt_tokens_details"]["cached_tokens"] == 7441
    assert chat["completion_tokens_details"]["reasoning_tokens"] == 409
    mine = await counted(house, MESSAGES, "contents", stream)
    assert (mine["input_tokens"], mine["cache_read_input_tokens"], mine["output_tokens"]) == (3684, 7441, 429)
    items = await counted(house, RESPONSES, "contents", stream)
    assert (items["input_tokens"], items["output_tokens"], items["total_tokens"]) == (11125, 429, 11554)
    assert items["input_tokens_details"]["cached_tokens"] == 7441
    assert items["output_tokens_details"]["reasoning_tokens"] == 409
    assert await counted(house, CONTENTS, "contents", stream) == USAGE


@STREAM
@EACH_FRONT
async def test_case_105_what_is_not_counted_is_zero_and_tools_cost_too(
    tmp_path: Path, front: Chat, stream: bool
) -> None:
    for usage, expected in (
        ({"promptTokenCount": 5, "totalTokenCount": 5}, (5, 0)),
        (
            {"promptTokenCount": 5, "toolUsePromptTokenCount": 30, "candidatesTokenCount": 2, "totalTokenCount": 37},
            (35, 2),
        ),
        ({"promptTokenCount": None, "candidatesTokenCount": None}, (0, 0)),
        (None, (0, 0)),
    ):
        last = chunk({"text": "a"}, stop="STOP") | {"usageMetadata": usage}
        house = House(tmp_path, sse(last) if stream else whole(last))
        if front is CONTENTS:
            continue  # its own bytes
        found = await counted(house, front, "contents", stream)
        names = ("prompt_tokens", "completion_tokens") if front is CHAT else ("input_tokens", "output_tokens")
        assert tuple(found[name] for name in names) == expected


@EACH_FRONT
async def test_case_106_of_counts_that_grow_the_last_one_stands(tmp_path: Path, front: Chat) -> None:
    def at(n: int, stop: str | None = None) -> dict[str, Any]:
        return chunk({"text": f"{n} "}, stop=stop) | {
            "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": n, "totalTokenCount": 5 + n}
        }

    late = {"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 9, "totalTokenCount": 14}}
    for wires, expected in (((at(1), at(2), at(3, "STOP")), (5, 3)), ((at(1), at(2, "STOP"), late), (5, 9))):
        house = House(tmp_path, sse(*wires))
        if front is CONTENTS:
            continue
        found = await counted(house, front, "contents", True)
        names = ("prompt_tokens", "completion_tokens") if front is CHAT else ("input_tokens", "output_tokens")
        assert tuple(found[name] for name in names) == expected


@STREAM
@EACH_BACK
@EACH_FRONT
async def test_case_107_every_stream_says_what_it_took(tmp_path: Path, front: Chat, back: str, stream: bool) -> None:
    """Every class of it: input, what of it was cached; output, what of it was thought."""
    house = House(tmp_path, answer(back, THINKING, stream))
    found = await counted(house, front, back, stream)
    match front.name:
        case "openai.chat":
            assert (found["prompt_tokens"], found["completion_tokens"], found["total_tokens"]) == (
                INPUT,
                OUTPUT,
                INPUT + OUTPUT,
            )
            details = (
                found["prompt_tokens_details"]["cached_tokens"],
                found["completion_tokens_details"]["reasoning_tokens"],
            )
        case "anthropic":
            assert (found["input_tokens"], found["output_tokens"]) == (INPUT - CACHED, OUTPUT)
            details = (found["cache_read_input_tokens"], found["output_tokens_details"]["thinking_tokens"])
        case "gemini":
            assert (found["promptTokenCount"], found["totalTokenCount"]) == (INPUT, INPUT + OUTPUT)
            assert found["candidatesTokenCount"] == OUTPUT - THOUGHT
            details = (found["cachedContentTokenCount"], found["thoughtsTokenCount"])
        case _:
            assert (found["input_tokens"], found["output_tokens"], found["total_tokens"]) == (
                INPUT,
                OUTPUT,
                INPUT + OUTPUT,
            )
            details = (
                found["input_tokens_details"]["cached_tokens"],
                found["output_tokens_details"]["reasoning_tokens"],
            )
    assert details == (CACHED, THOUGHT)


@pytest.mark.parametrize("wanted", [True, False])
@EACH_BACK
async def test_case_107_a_chat_stream_tells_usage_to_who_asks(tmp_path: Path, back: str, wanted: bool) -> None:
    house = House(tmp_path, answer(back, SONG, True))
    more = {"stream_options": {"include_usage": True}} if wanted else {}
    wires = wires_of(await house.say(CHAT, back, stream=True, **more))
    told_ = [wire for wire in wires if wire.get("usage")]
    assert [wire["choices"] for wire in told_] == ([[]] if wanted else [])
    if back == "chat":
        assert house.script.last["stream_options"] == {"include_usage": True}, (
            "the gateway's own record wants it always"
        )


# -- 108: counting for Gemini's clients --------------------------------------------------------------------------------

CONTENT = [{"role": "user", "parts": [{"text": "The quick brown fox jumps over the lazy dog."}]}]
INSTRUCTION = {"parts": [{"text": "Be brief, be brief, be brief. " * 40}]}


@EACH_BACK
async def test_case_108_both_bodies_are_counted_by_every_provider(tmp_path: Path, back: str) -> None:
    """Never nothing: an answer without a number is no answer."""
    counts = {"messages": {"input_tokens": 321}, "contents": {"totalTokens": 321}, "responses": {"input_tokens": 321}}
    house = House(tmp_path, whole(counts.get(back, {})))
    path = f"/v1beta/models/{back}/{MODELS[back]}:countTokens"
    inner = {"model": f"models/{MODELS[back]}", "contents": CONTENT, "systemInstruction": INSTRUCTION}
    found = []
    for body in ({"contents": CONTENT}, {"generateContentRequest": inner}, {"generate_content_request": inner}):
        reply = await house.ask(path, body)
        assert reply.status == 200, reply
        found.append(reply.json["totalTokens"])
    assert all(type(count) is int and count > 5 for count in found)
    if back not in counts:
        assert found[1] == found[2] > found[0] + 200, "the instruction counts"
    for nothing in ({}, {"contents": None}, {"contents": []}, {"generateContentRequest": {}}):
        reply = await house.ask(path, nothing)
        assert reply.status == 400 or reply.json["totalTokens"] > 0, nothing
    for odd in ({"totalTokens": None}, {}, {"input_tokens": "x"}):
        if back in counts:
            reply = await House(tmp_path, whole(odd)).ask(path, {"contents": CONTENT})
            assert reply.status == 502 or reply.json["totalTokens"] > 0, reply


# -- 109: pictures ----------------------------------------------------------------------------------------------------

DRAWN = (
    {"text": "Here it is."},
    {"inlineData": {"mimeType": "image/png", "data": PNG}},
)
URL = f"data:image/png;base64,{PNG}"


@STREAM
@EACH_FRONT
async def test_case_109_a_picture_reaches_every_client(tmp_path: Path, front: Chat, stream: bool) -> None:
    house = House(tmp_path, told(stream, *DRAWN))
    reply = await house.say(front, "contents", stream=stream)
    heard = front.read(reply)
    assert heard.text.startswith("Here it is.")
    first = rebuilt(front, reply)
    match front.name:
        case "openai.chat":
            assert len(heard.images) == 1, "as markdown in the text, for who reads text alone"
            if stream:
                deltas = [choice["delta"] for wire in wires_of(reply) for choice in wire["choices"]]
                [images] = [delta["images"] for delta in deltas if "images" in delta]
            else:
                images = reply.json["choices"][0]["message"]["images"]
            assert [(image["type"], image["image_url"]) for image in images] == [("image_url", {"url": URL})]
        case "anthropic":
            assert URL in heard.text, "its answers hold no pictures"
        case "gemini":
            assert len(heard.images) == 1
        case _:
            assert [item["type"] for item in first["output"]] == ["message", "image_generation_call"]
            assert first["output"][1]["result"] == PNG


# -- 110: media in questions --------------------------------------------------------------------------------------------

SHOWN: dict[str, list[Any]] = {
    "contents": [
        {"inlineData": {"mimeType": "image/png", "data": PNG}}, {"inline_data": {"mime_type": "image/png", "data": PNG}},
        {"fileData": {"mimeType": "image/png", "fileUri": URL}}, {"file_data": {"file_uri": URL}},
    ],
    "chat": [{"type": "image_url", "image_url": {"url": URL}}],
    "messages": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}],
    "responses": [{"type": "input_image", "image_url": URL, "detail": "auto"}],
}  # fmt: skip


def showing(front: Chat, part: Any) -> dict[str, Any]:
    match front.name:
        case "gemini":
            return {"contents": [{"role": "user", "parts": [part, {"text": "What is it?"}]}]}
        case "openai.responses":
            return {
                "model": "m",
                "input": [{"role": "user", "content": [part, {"type": "input_text", "text": "What is it?"}]}],
            }
    content = [part, {"type": "text", "text": "What is it?"}]
    return front.body("", "m") | {"messages": [{"role": "user", "content": content}]}


@EACH_BACK
@pytest.mark.parametrize(("name", "n"), [(name, n) for name, parts in SHOWN.items() for n in range(len(parts))])
def test_case_110_a_picture_goes_to_every_provider(name: str, n: int, back: str) -> None:
    front = dict(
        zip(("chat", "messages", "contents", "responses"), (CHAT, MESSAGES, CONTENTS, RESPONSES), strict=True)
    )[name]
    wire, lost = sent(front, back, showing(front, SHOWN[name][n]))
    text = json.dumps(wire)
    assert PNG in text
    assert "image/png" in text
    assert "What is it?" in text
    assert not lost


SOUND = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
STORED = {"fileData": {"mimeType": "image/png", "fileUri": "gs://b/a.png"}}
TAKEN = {"chat": "sound", "responses": "sound", "messages": "", "contents": "sound stored"}


@EACH_BACK
@pytest.mark.parametrize("kind", ["sound", "stored"])
def test_case_110_sound_and_gs_files_are_carried_or_refused_by_their_path(back: str, kind: str) -> None:
    front, part, data = (CHAT, SOUND, "UklGRg==") if kind == "sound" else (CONTENTS, STORED, "gs://b/a.png")
    if kind in TAKEN[back]:
        wire, lost = sent(front, back, showing(front, part))
        assert data in json.dumps(wire)
        assert not lost
        return
    with pytest.raises(GatewayError) as caught:
        sent(front, back, showing(front, part))
    assert (caught.value.param or "").startswith(("messages[0]", "contents[0]"))


# -- 111, 112: spellings, and JSON beside tools -------------------------------------------------------------------------

SNAKES = {
    "contents": [{"role": "user", "parts": [{"text": "Hi"}, {"inline_data": {"mime_type": "image/png", "data": PNG}}]}],
    "system_instruction": {"parts": [{"text": "Be brief."}]},
    "generation_config": {"max_output_tokens": 77, "stop_sequences": ["END"], "response_mime_type": "application/json"},
    "tools": [
        {
            "function_declarations": [
                {"name": "get_time", "parameters_json_schema": {"type": "object", "properties": {}}}
            ]
        }
    ],
    "tool_config": {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["get_time"]}},
}


@STREAM
@EACH_BACK
async def test_case_111_both_spellings_are_read_and_one_is_written(tmp_path: Path, back: str, stream: bool) -> None:
    house = House(tmp_path, answer(back, THINKING, stream))
    model = f"{back}/{MODELS[back]}"
    reply = await house.ask(CONTENTS.path(model, stream), SNAKES)
    assert reply.status == 200, reply
    sent_ = json.dumps(house.script.last)
    assert all(words in sent_ for words in ("Be brief.", "77", PNG, "get_time", "Hi"))
    for wire in wires_of(reply) if stream else [reply.json]:
        assert not {"usage_metadata", "model_version", "response_id"} & set(wire)
        assert not {"finish_reason", "safety_ratings"} & set(wire["candidates"][0])


@pytest.mark.parametrize("schema", [True, False], ids=["a schema", "any JSON"])
def test_case_112_json_beside_tools_where_a_model_takes_only_one(schema: bool) -> None:
    """Asked for in words, and told as a loss; or both as they are, where the model takes both."""
    shape = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    }
    wish = {"type": "json_schema", "json_schema": {"name": "c", "schema": shape}} if schema else {"type": "json_object"}
    body = CHAT.body("Where?", "m") | CHAT.tools("get_time") | {"response_format": wish}
    wire, lost = sent(CHAT, "contents", body, json_and_tools=False)
    assert not {"responseMimeType", "responseSchema", "responseJsonSchema"} & set(wire.get("generationConfig") or {})
    assert "JSON" in json.dumps(wire["systemInstruction"])
    assert ("city" in json.dumps(wire["systemInstruction"])) == schema
    assert lost == ["format"]
    wire, lost = sent(CHAT, "contents", body)
    assert wire["generationConfig"]["responseMimeType"] == "application/json"
    assert ("responseJsonSchema" in wire["generationConfig"]) == schema
    assert "responseSchema" not in wire["generationConfig"]
    assert not lost


# -- 113: the two forms of Gemini's stream ----------------------------------------------------------------------------


@EACH_BACK
async def test_case_113_an_array_or_events(tmp_path: Path, back: str) -> None:
    house = House(tmp_path, answer(back, SONG, True))
    model = f"{back}/{MODELS[back]}"
    path = CONTENTS.path(model, True)
    events = await house.ask(path, CONTENTS.body("Hi"))
    assert events.media_type == "text/event-stream"
    assert b"event:" not in events.body and b"[DONE]" not in events.body
    assert CONTENTS.read(events).text == SONG.text
    for bare in (path.partition("?")[0], path.partition("?")[0] + "?alt=json"):
        array = await house.ask(bare, CONTENTS.body("Hi"))
        assert array.media_type == "application/json"
        assert isinstance(array.json, list) and len(array.json) > 1
        assert CONTENTS.read(array).text == SONG.text
    broken = House(
        tmp_path,
        Says([b"".join(part for part in answer(back, SONG, True).script[:1] if isinstance(part, bytes))[:-200]]),
    )
    told_ = await broken.ask(path.partition("?")[0], CONTENTS.body("Hi"))
    if told_.status == 200:
        assert "error" in told_.json[-1], "the array is closed, and says what went wrong"
