"""Seed 001, line by line (contract 2.3): every curl line of the document, and what AIStudioToAPI does beyond it."""

import base64
import json
import socket
import time
from typing import Any

import pytest

from clients import CHAT, CONTENTS, FRONTS, MESSAGES, RESPONSES, VENDORS, Chat, Said, front_id, is_png, wanted
from gateway import Gateway
from upstream import openai
from upstream.model import PNG, REASONING, pcm

LITE = "gemini-2.5-flash-lite"
IMAGE = "gemini-2.5-flash-image"
TTS = "gemini-2.5-flash-preview-tts"
EMBEDDING = "gemini-embedding-001"
IMAGEN = "imagen-4.0-generate-001"
L16 = "audio/L16;codec=pcm;rate=24000"
TEXTS = ("What is artificial intelligence?", "What is the difference between machine learning and deep learning?")

PAINTERS = ["sandbox", "over_openai", "over_gemini"]
"""Where images, sounds and vectors can be had; Anthropic has none, and each of them has its test below."""


@pytest.fixture(params=PAINTERS)
def painter(request: pytest.FixtureRequest) -> Gateway:
    found: Gateway = request.getfixturevalue(request.param)
    return found


def hello(model: str, text: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def contents(text: str, **more: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **more}


def check_no(answer: Any, front: Chat, word: str) -> None:
    """What a provider cannot do at all is refused in plain words."""
    assert 400 <= answer.status < 500 and answer.status not in (401, 403), answer
    message = front.error(answer)[2]
    assert word in message, message


# -- chat and images through the OpenAI interface ------------------------------------------


def test_001_1_chat(gateway: Gateway) -> None:
    answer = gateway.post("/v1/chat/completions", hello(LITE, "Hello, how are you?", stream=False))
    said = CHAT.read(answer)
    assert answer.media_type == "application/json"
    assert said.text and said.stop == "stop" and said.model == LITE


def test_001_1_chat_streamed(gateway: Gateway) -> None:
    answer = gateway.post("/v1/chat/completions", hello(LITE, "Write a short poem about autumn", stream=True))
    said = CHAT.read(answer)
    assert said.text and said.stop == "stop" and said.model == LITE


@pytest.mark.parametrize("stream", [False, True])
def test_001_2_an_image_through_chat(painter: Gateway, stream: bool) -> None:
    answer = painter.post("/v1/chat/completions", hello(IMAGE, "Generate a kitten", stream=stream))
    assert answer.status == 200, answer
    said = CHAT.read(answer)
    assert said.text.count("![Generated Image](data:image/png;base64,") == 1
    assert len(said.images) == 1 and is_png(said.images[0])
    assert said.model == IMAGE and said.stop == "stop"
    images = image_objects(answer, stream)
    assert [set(image) - {"index"} for image in images] == [{"type", "image_url"}]
    assert images[0]["type"] == "image_url"
    assert images[0]["image_url"]["url"] in said.text
    if painter.upstream is not None:
        assert PNG in said.text


def image_objects(answer: Any, stream: bool) -> list[dict[str, Any]]:
    if not stream:
        return list(answer.json["choices"][0]["message"]["images"])
    deltas = [choice["delta"] for event in answer.events[:-1] for choice in event.json["choices"]]
    return [image for delta in deltas for image in delta.get("images") or ()]


# -- Gemini's own interface --------------------------------------------------------------------


def test_001_3_generate_content_with_a_bearer_key(gateway: Gateway) -> None:
    answer = gateway.post(f"/v1beta/models/{LITE}:generateContent", contents("Hello, how are you?"))
    said = CONTENTS.read(answer)
    assert said.text and said.stop == "STOP" and said.model == LITE


def test_001_3_stream_generate_content_with_a_bearer_key(gateway: Gateway) -> None:
    answer = gateway.post(
        f"/v1beta/models/{LITE}:streamGenerateContent?alt=sse", contents("Write a short poem about autumn")
    )
    said = CONTENTS.read(answer)
    assert said.text and said.stop == "STOP" and said.model == LITE


@pytest.mark.parametrize("verb", ["generateContent", "streamGenerateContent?alt=sse", "streamGenerateContent"])
def test_001_4_an_image_through_generate_content(painter: Gateway, verb: str) -> None:
    answer = painter.post(f"/v1beta/models/{IMAGE}:{verb}", contents("Generate a kitten"))
    assert answer.status == 200, answer
    said = CONTENTS.read(answer)
    assert len(said.images) == 1 and is_png(said.images[0])
    assert said.stop == "STOP"
    if "?" not in verb and verb != "streamGenerateContent":
        parts = answer.json["candidates"][0]["content"]["parts"]
        [blob] = [part["inlineData"] for part in parts if "inlineData" in part]
        assert {"mimeType", "data"} == set(blob) and blob["mimeType"] == "image/png"


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("model", [IMAGEN, "imagen-4.0-ultra-generate-001", "imagen-4.0-fast-generate-001"])
def test_001_5_predict(painter: Gateway, model: str, count: int) -> None:
    body = {"instances": [{"prompt": "Robot holding a red skateboard"}], "parameters": {"sampleCount": count}}
    answer = painter.post(f"/v1beta/models/{model}:predict", body)
    assert answer.status == 200, answer
    assert len(answer.json["predictions"]) == count
    for prediction in answer.json["predictions"]:
        assert set(prediction) == {"mimeType", "bytesBase64Encoded"}
        assert prediction["mimeType"] == "image/png"
        assert is_png(Said(images=[decoded(prediction["bytesBase64Encoded"])]).images[0])


def decoded(data: str) -> bytes:
    return base64.b64decode(data, validate=True)


def test_001_5_predict_where_there_are_no_images(over_anthropic: Gateway) -> None:
    body = {"instances": [{"prompt": "Robot holding a red skateboard"}], "parameters": {"sampleCount": 1}}
    check_no(over_anthropic.post(f"/v1beta/models/{IMAGEN}:predict", body), CONTENTS, "images")


@pytest.mark.parametrize("count", [0, 5, -1, 1.5, "2", True, []])
def test_001_6_a_count_that_is_none(painter: Gateway, count: Any) -> None:
    body = {"instances": [{"prompt": "Robot"}], "parameters": {"sampleCount": count}}
    answer = painter.post(f"/v1beta/models/{IMAGEN}:predict", body)
    assert answer.status == 400, answer
    status, _, message = CONTENTS.error(answer)
    assert status == "INVALID_ARGUMENT" and "sampleCount" in message


def test_001_6_several_images_of_a_provider_that_counts_them(over_openai: Gateway) -> None:
    body = {"instances": [{"prompt": "Robot"}], "parameters": {"sampleCount": 3}}
    before = len(over_openai.upstream.journal)
    answer = over_openai.post(f"/v1beta/models/{IMAGEN}:predict", body)
    assert len(answer.json["predictions"]) == 3
    asked = over_openai.upstream.journal[before:]
    assert sum(entry.json.get("n", 1) for entry in asked) == 3
    assert {entry.json["prompt"] for entry in asked} == {"Robot"}


# -- speech ----------------------------------------------------------------------------------------


SPOKEN = "Hello, this is a text-to-speech test."


def spoken(**speech: Any) -> dict[str, Any]:
    config: dict[str, Any] = {"responseModalities": ["AUDIO"]}
    return contents(SPOKEN, generationConfig=config | ({"speechConfig": speech} if speech else {}))


def voice(name: str) -> dict[str, Any]:
    return {"prebuiltVoiceConfig": {"voiceName": name}}


def check_sound(answer: Any) -> bytes:
    assert answer.status == 200, answer
    [candidate] = answer.json["candidates"]
    [part] = candidate["content"]["parts"]
    assert candidate["finishReason"] == "STOP"
    assert part["inlineData"]["mimeType"] == L16
    sound = decoded(part["inlineData"]["data"])
    assert len(sound) > 4800 and len(sound) % 2 == 0, "less than a tenth of a second"
    assert not sound.startswith((b"RIFF", b"ID3", b"\xff\xfb"))
    return sound


def test_001_7_speech_with_the_default_voice(painter: Gateway) -> None:
    sound = check_sound(painter.post(f"/v1beta/models/{TTS}:generateContent", spoken()))
    if painter.upstream is not None:
        assert sound == pcm(SPOKEN)


@pytest.mark.parametrize("name", ["Kore", "Puck", "Charon", "Fenrir", "Aoede"])
def test_001_8_speech_with_a_voice(painter: Gateway, name: str) -> None:
    answer = painter.post(f"/v1beta/models/{TTS}:generateContent", spoken(voiceConfig=voice(name)))
    check_sound(answer)
    if painter.upstream is None:
        return
    if painter.upstream.dialect == "gemini":
        config = painter.upstream.last.json["generationConfig"]
        assert config["speechConfig"]["voiceConfig"]["prebuiltVoiceConfig"]["voiceName"] == name
    else:
        assert painter.upstream.last.json["voice"] in openai.VOICES


def test_001_8_an_unknown_voice_is_the_providers_to_judge(over_gemini: Gateway, sandbox: Gateway) -> None:
    for gateway in (over_gemini, sandbox):
        check_sound(gateway.post(f"/v1beta/models/{TTS}:generateContent", spoken(voiceConfig=voice("Nova2027"))))
    assert "Nova2027" in over_gemini.upstream.last.raw.decode()


JOE_AND_JANE = "TTS the following conversation between Joe and Jane:\nJoe: How are you today Jane?\nJane: I am doing great, thanks for asking!"


def speakers(*names: str) -> dict[str, Any]:
    found = [
        {"speaker": name, "voiceConfig": voice(of)} for name, of in zip(names, ("Charon", "Kore", "Puck"), strict=False)
    ]
    return {"multiSpeakerVoiceConfig": {"speakerVoiceConfigs": found}}


def test_001_9_two_speakers(painter: Gateway) -> None:
    config = {"responseModalities": ["AUDIO"], "speechConfig": speakers("Joe", "Jane")}
    before = len(painter.upstream.journal) if painter.upstream else 0
    answer = painter.post(f"/v1beta/models/{TTS}:generateContent", contents(JOE_AND_JANE, generationConfig=config))
    check_sound(answer)
    if painter.upstream is not None and painter.upstream.dialect == "openai":
        asked = painter.upstream.journal[before:]
        voices = [entry.json["voice"] for entry in asked]
        assert len(set(voices)) == 2, "each of the two has a voice of its own"
        assert [entry.json["input"].strip() for entry in asked] == [
            "How are you today Jane?",
            "I am doing great, thanks for asking!",
        ]


def test_001_9_three_speakers_are_too_many(painter: Gateway) -> None:
    config = {"responseModalities": ["AUDIO"], "speechConfig": speakers("Joe", "Jane", "Jim")}
    answer = painter.post(f"/v1beta/models/{TTS}:generateContent", contents(JOE_AND_JANE, generationConfig=config))
    assert answer.status == 400, answer
    assert CONTENTS.error(answer)[0] == "INVALID_ARGUMENT"


def test_001_9_one_voice_or_two_speakers_but_not_both(painter: Gateway) -> None:
    config = {
        "responseModalities": ["AUDIO"],
        "speechConfig": {**speakers("Joe", "Jane"), "voiceConfig": voice("Kore")},
    }
    answer = painter.post(f"/v1beta/models/{TTS}:generateContent", contents(JOE_AND_JANE, generationConfig=config))
    assert answer.status == 400, answer
    assert CONTENTS.error(answer)[0] == "INVALID_ARGUMENT"


def test_001_10_sound_is_raw_pcm_also_streamed(painter: Gateway) -> None:
    answer = painter.post(f"/v1beta/models/{TTS}:streamGenerateContent?alt=sse", spoken())
    said = CONTENTS.read(answer)
    sound = b"".join(said.sounds)
    assert len(sound) > 4800 and not sound.startswith(b"RIFF")
    if painter.upstream is not None:
        assert sound == pcm(SPOKEN)
    kinds = {
        part["inlineData"]["mimeType"]
        for event in answer.events
        for part in parts_of(event.json)
        if "inlineData" in part
    }
    assert kinds == {L16}


def parts_of(chunk: dict[str, Any]) -> list[dict[str, Any]]:
    return list(chunk["candidates"][0].get("content", {}).get("parts", ()))


@pytest.mark.parametrize("voice", ["alloy", "Kore"])
def test_001_10_speech_wraps_pcm_as_wav(painter: Gateway, voice: str) -> None:
    body = {"model": "gpt-4o-mini-tts", "voice": voice, "input": SPOKEN, "response_format": "wav"}
    answer = painter.post("/v1/audio/speech", body)
    if voice == "Kore" and painter.upstream is not None and painter.upstream.dialect == "openai":
        assert answer.status == 400, "the same dialect at both ends: the provider's own no comes through"
        return
    assert answer.status == 200, answer
    assert answer.media_type in ("audio/wav", "audio/x-wav")
    assert answer.body[:4] == b"RIFF" and answer.body[8:12] == b"WAVE" and b"fmt " in answer.body[:40]
    if painter.upstream is not None:
        assert answer.body[44:] == pcm(SPOKEN)


def test_001_10_speech_as_pcm(painter: Gateway) -> None:
    answer = painter.post(
        "/v1/audio/speech", {"model": "gpt-4o-mini-tts", "voice": "alloy", "input": SPOKEN, "response_format": "pcm"}
    )
    assert answer.status == 200, answer
    assert answer.media_type.startswith("audio/") and not answer.body.startswith(b"RIFF")
    if painter.upstream is not None:
        assert answer.body == pcm(SPOKEN)


def test_001_10_speech_as_it_cannot_be_had(over_gemini: Gateway) -> None:
    """Raw PCM can be wrapped but not encoded: who asks for mp3 gets WAV, is told so, and can forbid it."""
    body = {"model": "gpt-4o-mini-tts", "voice": "alloy", "input": SPOKEN, "response_format": "mp3"}
    answer = over_gemini.post("/v1/audio/speech", body)
    assert answer.status == 200 and answer.media_type == "audio/wav" and answer.body[:4] == b"RIFF", answer
    assert "format" in answer.headers["x-dragoman-lost"]
    strict = over_gemini.post("/v1/audio/speech", body, {"x-dragoman-strict": "true"})
    assert strict.status == 400, strict


def test_001_7_speech_where_there_is_none(over_anthropic: Gateway) -> None:
    check_no(over_anthropic.post(f"/v1beta/models/{TTS}:generateContent", spoken()), CONTENTS, "audio")
    body = {"model": "gpt-4o-mini-tts", "voice": "alloy", "input": SPOKEN}
    check_no(over_anthropic.post("/v1/audio/speech", body), CHAT, "speech")


# -- embeddings ------------------------------------------------------------------------------------


def batch(*texts: str) -> dict[str, Any]:
    return {"requests": [{"model": f"models/{EMBEDDING}", "content": {"parts": [{"text": text}]}} for text in texts]}


@pytest.mark.parametrize("texts", [TEXTS[:1], TEXTS, TEXTS[::-1]])
def test_001_11_batch_embed_contents(painter: Gateway, texts: tuple[str, ...]) -> None:
    answer = painter.post(f"/v1beta/models/{EMBEDDING}:batchEmbedContents", batch(*texts))
    assert answer.status == 200, answer
    vectors = [embedding["values"] for embedding in answer.json["embeddings"]]
    assert len(vectors) == len(texts)
    assert all(isinstance(number, int | float) for vector in vectors for number in vector)
    if painter.upstream is not None:
        assert vectors == [openai.vector(text, 8) for text in texts], "in the order of the request"
    else:
        singles = [painter.post(f"/v1beta/models/{EMBEDDING}:batchEmbedContents", batch(text)).json for text in texts]
        assert vectors == [single["embeddings"][0]["values"] for single in singles]


def test_001_12_embed_content(painter: Gateway) -> None:
    body = {"content": {"parts": [{"text": TEXTS[0]}]}}
    answer = painter.post(f"/v1beta/models/{EMBEDDING}:embedContent", body)
    assert answer.status == 200, answer
    one = answer.json["embedding"]["values"]
    assert (
        one
        == painter.post(f"/v1beta/models/{EMBEDDING}:batchEmbedContents", batch(TEXTS[0])).json["embeddings"][0][
            "values"
        ]
    )
    sized = painter.post(f"/v1beta/models/{EMBEDDING}:embedContent", {**body, "outputDimensionality": 5})
    assert len(sized.json["embedding"]["values"]) == 5


def test_001_12_embeddings_where_there_are_none(over_anthropic: Gateway) -> None:
    body = {"content": {"parts": [{"text": TEXTS[0]}]}}
    check_no(over_anthropic.post(f"/v1beta/models/{EMBEDDING}:embedContent", body), CONTENTS, "embeddings")
    check_no(
        over_anthropic.post(f"/v1beta/models/{EMBEDDING}:batchEmbedContents", batch(*TEXTS)), CONTENTS, "embeddings"
    )
    check_no(over_anthropic.post("/v1/embeddings", {"model": EMBEDDING, "input": "a"}), CHAT, "embeddings")


# -- Anthropic's interface, and what lies beyond the seed ----------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_001_13_messages_with_a_gemini_model(gateway: Gateway, stream: bool) -> None:
    body = hello(LITE, "Hello, how are you?", max_tokens=1024, stream=stream)
    answer = gateway.post(
        "/v1/messages", body, {"x-api-key": gateway.key or "", "anthropic-version": "2023-06-01"}, key=None
    )
    assert answer.status == 200, answer
    said = MESSAGES.read(answer)
    assert said.text and said.stop == "end_turn" and said.model == LITE
    assert said.id is not None and said.id.startswith("msg_")


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/openai/embeddings"])
@pytest.mark.parametrize("given", [TEXTS[0], list(TEXTS)])
def test_001_14_openai_embeddings(painter: Gateway, path: str, given: Any) -> None:
    answer = painter.post(path, {"model": "text-embedding-3-small", "input": given})
    assert answer.status == 200, answer
    found = answer.json
    assert found["object"] == "list" and found["model"] == "text-embedding-3-small"
    texts = [given] if isinstance(given, str) else given
    assert [entry["index"] for entry in found["data"]] == list(range(len(texts)))
    assert {entry["object"] for entry in found["data"]} == {"embedding"}
    assert {"prompt_tokens", "total_tokens"} <= set(found["usage"])
    if painter.upstream is not None:
        assert [entry["embedding"] for entry in found["data"]] == [openai.vector(text, 8) for text in texts]


@pytest.mark.parametrize("query", ["", "?beta=true"])
def test_001_14_counting_tokens(gateway: Gateway, query: str) -> None:
    body = hello(
        "claude-sonnet-4-5", "Hello, how are you?", system="Be brief.", tools=MESSAGES.tools("get_weather")["tools"]
    )
    answer = gateway.post(f"/v1/messages/count_tokens{query}", body, MESSAGES.headers)
    assert answer.status == 200, answer
    assert type(answer.json["input_tokens"]) is int and answer.json["input_tokens"] > 0
    longer = gateway.post(
        f"/v1/messages/count_tokens{query}", body | hello("claude-sonnet-4-5", "Hello, how are you? " * 50)
    )
    counted = gateway.upstream is not None and gateway.upstream.dialect in ("anthropic", "gemini")
    if counted:
        assert answer.json["input_tokens"] == 20, "the provider's own count"
        assert "x-dragoman-token-count" not in answer.headers
    else:
        assert longer.json["input_tokens"] > answer.json["input_tokens"] + 100
        assert answer.headers["x-dragoman-token-count"] == "estimate"


@pytest.mark.parametrize("wrapped", [False, True])
def test_001_14_counting_tokens_as_gemini_does(gateway: Gateway, wrapped: bool) -> None:
    """cases.md 108: both forms of the request, and never a 200 without a count."""
    inner = contents("Hello, how are you?")
    body = {"generateContentRequest": {"model": f"models/{LITE}", **inner}} if wrapped else inner
    answer = gateway.post(f"/v1beta/models/{LITE}:countTokens", body)
    assert answer.status == 200, answer
    assert type(answer.json["totalTokens"]) is int and answer.json["totalTokens"] > 0
    empty = gateway.post(f"/v1beta/models/{LITE}:countTokens", {"contents": None})
    assert empty.status == 400, empty


@pytest.mark.parametrize("stream", [False, True])
def test_001_14_responses(gateway: Gateway, stream: bool) -> None:
    """The whole of it is in test_responses_service."""
    answer = gateway.post("/v1/responses", RESPONSES.body("Hello, how are you?", LITE, stream))
    assert answer.status == 200, answer
    said = RESPONSES.read(answer)
    assert said.text and said.stop == "completed" and said.model == LITE


def test_001_14_counting_tokens_of_responses(gateway: Gateway) -> None:
    answer = gateway.post("/v1/responses/input_tokens", RESPONSES.body("Hello, how are you?", LITE))
    assert answer.status == 200, answer
    assert answer.json["object"] == "response.input_tokens"
    assert type(answer.json["input_tokens"]) is int and answer.json["input_tokens"] > 0


def test_001_15_models_carry_their_limits(sandbox: Gateway) -> None:
    models = {model["id"]: model for model in sandbox.get("/v1/models").json["data"]}
    model = models["gemini-2.5-flash"]
    assert {"id", "object", "created", "owned_by", "context_window", "max_tokens"} <= set(model)
    assert model["context_window"] >= 1_000_000 and model["max_tokens"] >= 60_000


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("front", VENDORS, ids=front_id)
def test_001_21_thoughts_are_told_from_text(gateway: Gateway, front: Chat, stream: bool) -> None:
    model = "gpt-5" if gateway.upstream and gateway.upstream.dialect == "openai" else LITE
    answer = gateway.post(front.path(model, stream), {**front.body(model=model, stream=stream), **front.thinking()})
    assert answer.status == 200, answer
    said = front.read(answer)
    assert said.reasoning and said.text and said.reasoning not in said.text
    if gateway.upstream is not None:
        assert said.reasoning == REASONING
        assert said.text == "You said: Hello, how are you? I heard it."


def test_001_21_thoughts_come_first_in_a_stream(over_gemini: Gateway) -> None:
    answer = over_gemini.post(CHAT.path(), {**CHAT.body(stream=True), **CHAT.thinking()})
    deltas = [event.json["choices"][0]["delta"] for event in answer.events[:-1] if event.json["choices"]]
    kinds = [
        "reasoning" if delta.get("reasoning_content") else "text"
        for delta in deltas
        if delta.get("content") or delta.get("reasoning_content")
    ]
    assert kinds == sorted(kinds) and len(set(kinds)) == 2


# -- 001-22: a client that leaves -------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("front", FRONTS, ids=front_id)
def test_001_22_who_leaves_is_not_worked_for(relay: Gateway, front: Chat, stream: bool) -> None:
    upstream = relay.upstream
    assert upstream is not None
    before = len(upstream.journal)
    body = json.dumps(front.body(model="slow", stream=stream)).encode()
    if stream:
        connection, response = relay.open("POST", front.path("slow", stream=True), body)
        assert response.read1(4096)
        response.close()
        connection.close()
    else:
        hang_up(relay, front.path("slow"), body, lambda: len(upstream.journal) > before)
    entry = upstream.journal[before]
    assert entry.left.wait(1.0), "the provider still works for a client that has left"


def hang_up(gateway: Gateway, path: str, body: bytes, when: Any) -> None:
    """Sends a request and leaves without waiting for the answer."""
    with socket.create_connection(("127.0.0.1", gateway.port), 5) as connection:
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gateway.key}\r\ncontent-length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        end = time.monotonic() + 5
        while not when():
            assert time.monotonic() < end, "the provider was never asked"
            time.sleep(0.01)


def test_001_22_a_client_that_leaves_before_the_first_token(relay: Gateway) -> None:
    upstream = relay.upstream
    assert upstream is not None
    before = len(upstream.journal)
    body = json.dumps(CHAT.body(model="late", stream=True)).encode()
    hang_up(relay, CHAT.path(), body, lambda: len(upstream.journal) > before)
    assert upstream.journal[before].left.wait(1.0)


def test_001_22_the_gateway_goes_on(relay: Gateway) -> None:
    assert relay.post(CHAT.path(), CHAT.body()).status == 200
    assert relay.upstream is not None
    assert wanted(relay.upstream.dialect, relay.upstream.last).turns[-1][1] == "Hello, how are you?"
