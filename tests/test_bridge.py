"""Operations served by others, and the sounds and pictures they pass: values in, values out, nothing lost in silence."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import Any

import pytest
from msgspec.structs import replace

import laws
from dragoman.core import bridge
from dragoman.core.audio import PCM_TYPE, is_pcm, pcm_to_wav, rate_of, sound_type, wav_to_pcm
from dragoman.core.codec import Context
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.images import dimensions, image_type, nearest_shape, pair, same_shape
from dragoman.core.ir import (
    Base64,
    FileId,
    Format,
    Media,
    Message,
    Picture,
    Reasoning,
    Refusal,
    Request,
    Response,
    Sampling,
    Speech,
    Stop,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    Url,
    Usage,
    Voice,
)
from dragoman.core.media import Binary, Image, ImageRequest, ImageResponse, SpeechRequest, SpeechResponse
from dragoman.dialects.media_gemini import GeminiImage
from dragoman.dialects.media_openai import OpenAIImage, OpenAISpeech
from traffic import Exchange, exchanges

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
PICTURE = Media(media_type="image/png", source=Base64(PNG))


def say(role: Any, *parts: Any) -> Message:
    return Message(role=role, parts=tuple(Text(text=part) if isinstance(part, str) else part for part in parts))


def chat(*messages: Message, **fields: Any) -> Request:
    return Request(**({"origin": "openai.chat", "model": "gpt-image-1", "messages": messages} | fields))


def answered(*parts: Any, **fields: Any) -> Response:
    parts = tuple(Text(text=part) if isinstance(part, str) else part for part in parts)
    return Response(**({"origin": "gemini", "id": "r", "model": "up", "parts": parts} | fields))


def sound(media_type: str, data: bytes, **fields: Any) -> SpeechResponse:
    return SpeechResponse(**({"origin": "x", "model": "tts", "media_type": media_type, "data": data} | fields))


def lost(ctx: Context) -> dict[str, str]:
    return {loss.path: loss.what for loss in ctx.losses}


# -- images: a chat for a model that draws --------------------------------------------


def test_001_2_a_chat_becomes_a_prompt_and_the_image_an_answer() -> None:
    ctx = laws.context()
    request = bridge.chat_to_image(chat(say("user", "Draw a cat."), user="u"), ctx)
    assert request == ImageRequest(origin="bridge", model="gpt-image-1", prompt="Draw a cat.", user="u")
    assert ctx.losses == []
    assert OpenAIImage().encode_request(request, laws.context()) == {
        "model": "gpt-image-1",
        "prompt": "Draw a cat.",
        "user": "u",
    }
    usage = Usage(input=4, output=272, output_image=272)
    images = (Image(media_type="image/png", source=Base64(PNG), revised_prompt="A grey cat."),)
    response = bridge.image_to_chat(ImageResponse(origin="openai.chat", model="up", images=images, usage=usage))
    assert response.origin not in ("openai.chat", "gemini", "anthropic", "simple")
    assert response.parts == (replace(PICTURE, extra={"revised_prompt": "A grey cat."}),)
    assert (response.model, response.usage, response.stop) == ("up", usage, Stop())
    laws.folds_back(response)


def test_the_last_user_message_is_the_prompt_after_the_system_text() -> None:
    messages = (
        say("system", "Use", "crayons."),
        say("user", "Draw a cat.", PICTURE),
        say("assistant", PICTURE),
        say("user", "Now", "", "a dog. "),
        say("system", "No text."),
    )
    ctx = laws.context()
    request = bridge.chat_to_image(chat(*messages, picture=Picture(aspect="16:9", extra={"grid": 1})), ctx)
    assert request.prompt == "Use\ncrayons.\n\nNo text.\n\nNow\na dog."
    assert (request.aspect, request.size) == ("16:9", None)
    assert lost(ctx) == {
        "messages": "emulated",
        "messages[1]": "dropped",
        "messages[2]": "dropped",
        "picture.grid": "dropped",
    }


def test_what_only_a_conversing_model_does_is_reported() -> None:
    request = chat(
        say("user", "x"),
        tools=(Tool(name="f"),),
        format=Format(),
        thinking=Thinking(effort="high"),
        sampling=Sampling(temperature=1.0, stop=("x",), max_tokens=5),
        extra={"logprobs": True, "empty": []},
    )
    ctx = laws.context()
    bridge.chat_to_image(request, ctx)
    paths = ["tools", "format", "thinking", "sampling.max_tokens", "sampling.temperature", "sampling.stop", "logprobs"]
    assert [loss.path for loss in ctx.losses] == paths
    quiet = laws.context()
    bridge.chat_to_image(chat(say("user", "x"), thinking=Thinking(effort="none")), quiet)
    assert quiet.losses == []


@pytest.mark.parametrize("cross", [bridge.chat_to_image, bridge.chat_to_speech])
@pytest.mark.parametrize(
    ("request_", "path"),
    [
        (chat(say("user", "Edit this", PICTURE)), "messages[0].parts[1]"),
        (chat(say("system", "x")), "messages"),
        (chat(), "messages"),
        (chat(say("user", "x"), say("user", " \n")), "messages"),
        (chat(say("user", "x"), tools=(Tool(name="f"),), tool_choice=ToolChoice(mode="required")), "tool_choice"),
    ],
)
def test_what_would_make_the_answer_wrong_is_refused(cross: Any, request_: Request, path: str) -> None:
    with pytest.raises(GatewayError) as caught:
        cross(request_, laws.context())
    assert (caught.value.kind, caught.value.param) == (Kind.INVALID_REQUEST, path)


# -- images: from a model that chats ---------------------------------------------------


@pytest.mark.parametrize("count", [1, 3])
def test_001_5_images_from_a_chat_model(count: int) -> None:
    wire = {"instances": [{"prompt": "A robot"}], "parameters": {"sampleCount": count, "aspectRatio": "16:9"}}
    request = GeminiImage().decode_request(wire, laws.context(model="gemini-2.5-flash-image"))
    ctx = laws.context()
    chats = bridge.image_to_chats(request, ctx)
    assert len(chats) == count
    assert set(map(repr, chats)) == {repr(chats[0])}
    assert chats[0].messages == (say("user", "A robot"),)
    assert chats[0].modalities == ("text", "image")
    assert chats[0].picture == Picture(aspect="16:9")
    assert chats[0].model == "gemini-2.5-flash-image"
    assert lost(ctx) == ({} if count == 1 else {"count": "emulated"})

    usage = Usage(input=5, output=1290, output_image=1290, extra={"tier": 1})
    answers = [answered("Here:", PICTURE, usage=usage) for _ in chats]
    response = bridge.chats_to_image(answers, request)
    assert [image.source for image in response.images] == [Base64(PNG)] * count
    assert response.usage == Usage(input=5 * count, output=1290 * count, output_image=1290 * count)
    assert len(GeminiImage().encode_response(response, laws.context())["predictions"]) == count


def test_images_from_a_chat_model_for_openais_client() -> None:
    body = {
        "prompt": "p",
        "n": 2,
        "size": "1536x1024",
        "quality": "high",
        "output_format": "webp",
        "user": "u",
        "style": "s",
    }
    ctx = laws.context()
    request = OpenAIImage().decode_request(body, laws.context())
    first, _ = bridge.image_to_chats(request, ctx)
    assert (first.picture, first.user) == (Picture(size="1536x1024", aspect="3:2"), "u")
    assert lost(ctx) == {"quality": "dropped", "media_type": "dropped", "style": "dropped", "count": "emulated"}
    auto = bridge.image_to_chats(replace(request, size="auto", count=1), laws.context())
    assert auto[0].picture is None
    odd = bridge.image_to_chats(replace(request, size="big", count=1), laws.context())
    assert odd[0].picture == Picture(size="big")


def test_only_images_count_as_images() -> None:
    url = Media(media_type="image/*", source=Url("https://x/y.png"))
    bare = Media(media_type="image/*", source=Base64(PNG))
    parts = (
        "text",
        Media(media_type="audio/wav", source=Base64("AA==")),
        url,
        bare,
        Media(media_type="image/png", source=FileId("x", "f")),
    )
    request = ImageRequest(origin="x", model="m", prompt="p", count=4)
    response = bridge.chats_to_image([answered(*parts), answered("none")], request)
    assert response.images == (
        Image(media_type="image/*", source=Url("https://x/y.png")),
        Image(media_type="image/png", source=Base64(PNG)),
    )
    assert len(bridge.chats_to_image([answered(*parts)], replace(request, count=1)).images) == 1


@pytest.mark.parametrize(
    ("answers", "kind", "said"),
    [
        (
            [answered("I cannot", " draw."), answered(Refusal(text="No."))],
            Kind.UPSTREAM,
            "text instead of an image: I cannot\n draw. No.",
        ),
        ([answered(Reasoning(text="hm"))], Kind.UPSTREAM, "without an image: the answer is empty"),
        (
            [answered(stop=Stop(reason="content_filter"))],
            Kind.CONTENT_POLICY,
            "without an image: its filter stopped it",
        ),
        ([answered("No.", stop=Stop(reason="content_filter"))], Kind.CONTENT_POLICY, "instead of an image: No."),
    ],
)
def test_an_answer_without_an_image(answers: list[Response], kind: Kind, said: str) -> None:
    with pytest.raises(GatewayError) as caught:
        bridge.chats_to_image(answers, ImageRequest(origin="x", model="m", prompt="p"))
    assert caught.value.kind is kind
    assert said in caught.value.message


@pytest.mark.parametrize(("count", "most", "counts"), [(1, 4, [1]), (4, 4, [4]), (10, 4, [4, 4, 2]), (3, 1, [1, 1, 1])])
def test_001_6_more_images_than_one_call_draws(count: int, most: int, counts: list[int]) -> None:
    request = ImageRequest(origin="x", model="m", prompt="p", count=count, size="1024x1024")
    split = bridge.split_images(request, most)
    assert [piece.count for piece in split] == counts
    assert all(replace(piece, count=count) == request for piece in split)
    answers = [
        ImageResponse(
            origin="x",
            model="m",
            created=i + 1,
            images=(Image(media_type="image/png", source=Base64(str(i))),) * piece.count,
            usage=Usage(output=piece.count),
        )
        for i, piece in enumerate(split)
    ]
    joined = bridge.join_images(answers)
    assert (len(joined.images), joined.usage.output, joined.created) == (count, count, 1)


# -- speech: a chat for a model that speaks ----------------------------------------------

DIALOGUE = "TTS the following conversation between Joe and Jane:\nJoe: How are you today Jane?\nJane: I am doing great, thanks for asking!"
TWO = (Voice(name="Charon", speaker="Joe"), Voice(name="Kore", speaker="Jane"))


def spoken_chat(text: str, *voices: Voice, **fields: Any) -> Request:
    return chat(say("user", text), modalities=("audio",), speech=Speech(voices=voices), **fields)


def test_001_7_a_default_voice() -> None:
    ctx = laws.context()
    [request] = bridge.chat_to_speech(chat(say("user", "Hello"), modalities=("audio",)), ctx)
    assert (request.text, request.voices, request.format, request.instructions) == ("Hello", (), "pcm", None)
    assert ctx.losses == []
    assert OpenAISpeech().encode_request(request, laws.context(model="tts-1")) == {
        "model": "tts-1",
        "input": "Hello",
        "voice": "alloy",
        "response_format": "pcm",
    }


@pytest.mark.parametrize("name", ["Kore", "Puck", "Charon", "Fenrir", "Aoede"])
def test_001_8_a_prebuilt_voice_becomes_the_nearest(name: str) -> None:
    [request] = bridge.chat_to_speech(spoken_chat("Hello", Voice(name=name)), laws.context())
    [voice] = request.voices
    assert voice.name in bridge.EVERYWHERE
    assert [
        v.name for v in bridge.chat_to_speech(spoken_chat("x", Voice(name="af_bella")), laws.context())[0].voices
    ] == ["af_bella"]


def test_001_8_voices_both_ways() -> None:
    assert len(bridge.GEMINI_VOICES) == 30
    assert set(bridge.GEMINI_VOICES.values()) <= set(bridge.EVERYWHERE) <= set(bridge.OPENAI_VOICES)
    assert {gemini for gemini, _ in bridge.OPENAI_VOICES.values()} <= set(bridge.GEMINI_VOICES)
    for voice, (gemini, _) in bridge.OPENAI_VOICES.items():
        assert bridge.gemini_voice(voice.upper()) == gemini
        sex = {bridge.OPENAI_VOICES[near][1] for near in (bridge.GEMINI_VOICES[gemini], voice)}
        assert len(sex) == 1, f"{voice} and {gemini} do not sound alike"
    assert bridge.openai_voice("kore") == "coral"
    assert bridge.openai_voice("alloy") == "alloy"
    assert bridge.gemini_voice("Zephyr") == "Zephyr"
    assert bridge.gemini_voice("af_bella") == bridge.openai_voice("af_bella") == "af_bella"


def test_001_9_two_speakers_take_turns() -> None:
    ctx = laws.context()
    joe, jane = bridge.chat_to_speech(spoken_chat(DIALOGUE, *TWO), ctx)
    assert (joe.text, jane.text) == ("How are you today Jane?", "I am doing great, thanks for asking!")
    assert (joe.voices, jane.voices) == ((Voice(name="onyx"),), (Voice(name="coral"),))
    assert joe.instructions == jane.instructions == "TTS the following conversation between Joe and Jane:"
    assert (joe.format, jane.format) == ("pcm", "pcm")
    assert lost(ctx) == {"speech.voices": "emulated"}

    response = bridge.speech_to_chat([sound(PCM_TYPE, b"joejoe"), sound("audio/wav", pcm_to_wav(b"jane"))])
    [part] = response.parts
    assert isinstance(part, Media) and isinstance(part.source, Base64)
    assert part.media_type == "audio/L16;codec=pcm;rate=24000"
    assert base64.b64decode(part.source.data) == b"joejoejane"
    laws.folds_back(response)


@pytest.mark.parametrize(
    ("text", "direction", "said"),
    [
        ("Joe: Hi\nhow are you?\n\nJane: Fine: thanks", "", [("Joe", "Hi\nhow are you?"), ("Jane", "Fine: thanks")]),
        ("**Joe:** Hi\n  _Jane_ : Hm", "", [("Joe", "Hi"), ("Jane", "Hm")]),
        ("Be loud.\nJoe:\nJane: x\nJoe: y", "Be loud.", [("Jane", "x"), ("Joe", "y")]),
        ("Joanna: not Joe", "", []),
        ("He said Joe: no", "", []),
        ("Jo: a\nJoe: b", "", [("Jo", "a"), ("Joe", "b")]),
    ],
)
def test_a_script_is_cut_at_its_speakers(text: str, direction: str, said: list[Any]) -> None:
    assert bridge.lines_by_speaker(text, ["Jo", "Joe", "Jane"]) == (direction, said)


def test_a_script_that_names_nobody_is_spoken_by_the_first() -> None:
    [request] = bridge.chat_to_speech(spoken_chat("Just text", *TWO), laws.context())
    assert (request.text, request.voices, request.instructions) == ("Just text", (Voice(name="onyx"),), None)


def test_two_speakers_never_sound_the_same() -> None:
    voices = tuple(Voice(name=name, speaker=name) for name in ("Charon", "Orus", "Alnilam"))
    names = [voice.name for voice in bridge.distinct(voices)]
    assert len(set(names)) == 3
    assert {bridge.OPENAI_VOICES[name][1] for name in names if name} == {"m"}
    many = tuple(Voice(name="Kore", speaker=str(i)) for i in range(12))
    assert len({voice.name for voice in bridge.distinct(many)}) == len(bridge.EVERYWHERE)
    assert bridge.distinct((Voice(), Voice())) == (Voice(), Voice())


def test_a_system_text_directs_and_a_language_is_lost() -> None:
    request = chat(
        say("system", "Whisper."),
        say("user", DIALOGUE),
        speech=Speech(voices=TWO, language="en-US", extra={"x": 1}),
    )
    ctx = laws.context()
    first = bridge.chat_to_speech(request, ctx)[0]
    assert first.instructions == "Whisper.\nTTS the following conversation between Joe and Jane:"
    assert lost(ctx) == {"speech.language": "dropped", "speech.x": "dropped", "speech.voices": "emulated"}


def test_a_compressed_format_is_asked_for_where_nothing_must_be_joined() -> None:
    one = chat(say("user", "Hello"), speech=Speech(format="mp3"))
    assert [turn.format for turn in bridge.chat_to_speech(one, laws.context())] == ["mp3"]
    two = chat(say("user", DIALOGUE), speech=Speech(voices=TWO, format="mp3"))
    assert [turn.format for turn in bridge.chat_to_speech(two, laws.context())] == ["pcm", "pcm"]
    odd = chat(say("user", "Hello"), speech=Speech(format="wav"))
    assert [turn.format for turn in bridge.chat_to_speech(odd, laws.context())] == ["pcm"]


@pytest.mark.parametrize(
    "text",
    ["word " * 3000, "A sentence. " * 900, "x" * 10_000, "\u3053\u3093\u306b\u3061\u306f\u3002" * 2000, "a\n" * 5000],
)
def test_a_long_text_is_spoken_in_pieces(text: str) -> None:
    pieces = list(bridge.pieces(text))
    assert all(0 < len(piece) <= 4096 for piece in pieces)
    assert "".join("".join(piece.split()) for piece in pieces) == "".join(text.split())
    assert len(pieces) <= len(text) // 4096 + 2
    assert not any(piece.startswith(("ord", "entence")) for piece in pieces)


def test_sounds_that_cannot_be_joined() -> None:
    mp3 = sound("audio/mpeg", b"ID3")
    assert bridge.join_speech([mp3]) == mp3
    for sounds in (
        [mp3, mp3],
        [mp3, sound(PCM_TYPE, b"ab")],
        [sound("audio/L16;rate=16000", b"ab"), sound(PCM_TYPE, b"ab")],
    ):
        with pytest.raises(GatewayError, match="cannot be joined") as caught:
            bridge.join_speech(sounds)
        assert caught.value.kind is Kind.UPSTREAM
    usage = bridge.join_speech([sound(PCM_TYPE, b"ab", usage=Usage(output=3))] * 2).usage
    assert usage == Usage(output=6)


# -- speech: from a model that chats -------------------------------------------------------


def test_speech_from_a_chat_model() -> None:
    body = {"model": "gemini-2.5-flash-preview-tts", "input": "Hello", "voice": "nova", "response_format": "wav"}
    asked = OpenAISpeech().decode_request(body, laws.context())
    ctx = laws.context()
    request = bridge.speech_to_chat_request(asked, ctx)
    assert request.messages == (say("user", "Hello"),)
    assert (request.modalities, request.model) == (("audio",), "gemini-2.5-flash-preview-tts")
    assert request.speech == Speech(voices=(Voice(name="Aoede"),), format="pcm")
    assert ctx.losses == []

    pcm = struct.pack("<4h", 1, 2, 3, 4)
    halves = [Media(media_type=PCM_TYPE, source=Base64(base64.b64encode(half).decode())) for half in (pcm[:4], pcm[4:])]
    usage = Usage(input=2, output=30, output_audio=30)
    response = bridge.chat_to_speech_response(answered(*halves, usage=usage), asked, ctx)
    assert (response.media_type, response.data, response.usage) == ("audio/wav", pcm_to_wav(pcm), usage)
    assert ctx.losses == []
    telling = laws.context(request=asked)
    assert OpenAISpeech().encode_response(response, telling) == Binary("audio/wav", pcm_to_wav(pcm))
    assert telling.losses == []


def test_directions_stand_before_the_text() -> None:
    asked = SpeechRequest(
        origin="openai.chat", model="m", text="Hello", speed=1.5, instructions="Say cheerfully: ", extra={"x": 1}
    )
    ctx = laws.context()
    request = bridge.speech_to_chat_request(asked, ctx)
    assert request.messages == (say("user", "Say cheerfully:\nHello"),)
    assert lost(ctx) == {"speed": "dropped", "x": "dropped", "instructions": "emulated"}
    plain = laws.context()
    bridge.speech_to_chat_request(replace(asked, speed=1.0, instructions=" ", extra={}), plain)
    assert plain.losses == []


def test_001_10_wav_stands_in_for_what_must_be_compressed() -> None:
    part = Media(media_type=PCM_TYPE, source=Base64(base64.b64encode(b"abcd").decode()))
    for format in ("mp3", "opus", "aac", "flac", None):
        ctx = laws.context()
        asked = SpeechRequest(origin="openai.chat", model="m", text="x", format=format)
        response = bridge.chat_to_speech_response(answered(part), asked, ctx)
        assert (response.media_type, response.data) == ("audio/wav", pcm_to_wav(b"abcd"))
        assert lost(ctx) == {"response_format": "emulated"}


@pytest.mark.parametrize(
    ("response", "kind", "said"),
    [
        (answered("Sorry."), Kind.UPSTREAM, "text instead of a sound: Sorry."),
        (answered(PICTURE), Kind.UPSTREAM, "without a sound"),
        (answered(Media(media_type="audio/wav", source=Url("u"))), Kind.UPSTREAM, "without a sound"),
        (answered(Media(media_type=PCM_TYPE, source=Base64(""))), Kind.UPSTREAM, "without a sound"),
        (answered(Media(media_type=PCM_TYPE, source=Base64("A"))), Kind.UPSTREAM, "not base64"),
        (answered(stop=Stop(reason="content_filter")), Kind.CONTENT_POLICY, "filter"),
    ],
)
def test_an_answer_without_a_sound(response: Response, kind: Kind, said: str) -> None:
    asked = SpeechRequest(origin="openai.chat", model="m", text="x")
    with pytest.raises(GatewayError) as caught:
        bridge.chat_to_speech_response(response, asked, laws.context())
    assert caught.value.kind is kind
    assert said in caught.value.message


@pytest.mark.parametrize("case", exchanges(("gemini.generate", "vertex.generate"), tag="audio-out"))
def test_recorded_speech_of_a_chat_model(case: Exchange) -> None:
    [part] = case.response["candidates"][0]["content"]["parts"]
    data = part["inlineData"]
    response = answered(Media(media_type=data["mimeType"], source=Base64(data["data"])))
    asked = SpeechRequest(origin="openai.chat", model="m", text="x", format="wav")
    wav = bridge.chat_to_speech_response(response, asked, laws.context())
    assert wav_to_pcm(wav.data) == (base64.b64decode(data["data"]), 24000)


# -- audio ---------------------------------------------------------------------------------


def chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1)


def wav(*chunks: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + sum(map(len, chunks))) + b"WAVE" + b"".join(chunks)


FORM = struct.pack("<HHIIHH", 1, 1, 16000, 32000, 2, 16)


def test_pcm_to_wav_and_back() -> None:
    for data, rate in ((b"", 24000), (b"abcd", 24000), (bytes(range(256)), 8000)):
        made = pcm_to_wav(data, rate)
        assert len(made) == 44 + len(data)
        if data:
            assert wav_to_pcm(made) == (data, rate)
    assert pcm_to_wav(b"abc") == pcm_to_wav(b"ab")
    assert struct.unpack_from("<I", pcm_to_wav(b"abcd"), 4) == (40,)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (wav(chunk(b"fmt ", FORM), chunk(b"data", b"abcd")), (b"abcd", 16000)),
        (
            wav(chunk(b"LIST", b"odd"), chunk(b"fmt ", FORM + b"\0\0"), chunk(b"fact", b"1234"), chunk(b"data", b"ab")),
            (b"ab", 16000),
        ),
        (wav(chunk(b"fmt ", FORM), b"data\xff\xff\xff\xffabcde"), (b"abcd", 16000)),
        (wav(chunk(b"fmt ", FORM), b"data\0\0\0\0abcd"), (b"abcd", 16000)),
        (wav(chunk(b"fmt ", b"\xfe\xff" + FORM[2:]), chunk(b"data", b"ab")), (b"ab", 16000)),
        (wav(chunk(b"fmt ", FORM), chunk(b"data", b"abcd"), chunk(b"LIST", b"tail")), (b"abcd", 16000)),
    ],
)
def test_wavs(data: bytes, found: tuple[bytes, int]) -> None:
    assert wav_to_pcm(data) == found


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"ID3",
        b"RIFF1234WAVE",
        wav(chunk(b"data", b"ab")),
        wav(chunk(b"fmt ", FORM[:8])),
        wav(chunk(b"fmt ", FORM)),
        wav(chunk(b"fmt ", struct.pack("<HHIIHH", 3, 1, 16000, 64000, 4, 32)), chunk(b"data", b"abcd")),
        wav(chunk(b"fmt ", struct.pack("<HHIIHH", 1, 2, 16000, 64000, 4, 16)), chunk(b"data", b"abcd")),
        wav(b"fmt \xff\xff\xff\xff"),
    ],
)
def test_what_is_no_wav_of_ours(data: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        wav_to_pcm(data)
    assert caught.value.kind is Kind.UPSTREAM


def test_a_wav_cut_anywhere_is_read_or_refused() -> None:
    whole = wav(chunk(b"LIST", b"odd"), chunk(b"fmt ", FORM), chunk(b"data", b"abcdef"))
    for end in range(len(whole)):
        try:
            samples, rate = wav_to_pcm(whole[:end])
        except GatewayError:
            continue
        assert b"abcdef".startswith(samples) and rate == 16000


@pytest.mark.parametrize(
    ("media_type", "rate"),
    [
        ("audio/L16;codec=pcm;rate=24000", 24000),
        ("audio/L16; rate=16000; channels=1", 16000),
        ('audio/pcm;rate="8000"', 8000),
        ("audio/pcm", 24000),
        ("audio/L16;rate=9999999", 24000),
        ("audio/L16;bitrate=8000", 24000),
    ],
)
def test_rates(media_type: str, rate: int) -> None:
    assert rate_of(media_type) == rate
    assert is_pcm(media_type)


def test_kinds_of_sound() -> None:
    assert sound_type(b"RIFF") == "audio/wav"
    assert sound_type(b"\0\0\0\0") is None
    assert not is_pcm("audio/mpeg")
    odd = sound("audio/wav", pcm_to_wav(b"ab", 16000))
    assert bridge.sound_as(odd, "pcm", None).media_type == "audio/L16;codec=pcm;rate=16000"


# -- images ----------------------------------------------------------------------------------


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def png(width: int, height: int) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) + b"\0" * 50


SOF = b"\xff\xc2\x00\x11\x08" + struct.pack(">HH", 480, 640) + b"\x03" + b"\0" * 9


@pytest.mark.parametrize(
    ("data", "media_type", "size"),
    [
        (png(640, 480), "image/png", (640, 480)),
        (png(0, 480), "image/png", None),
        (png(640, 480)[:18], "image/png", None),
        (b"GIF89a" + struct.pack("<HH", 640, 480), "image/gif", (640, 480)),
        (b"\xff\xd8" + b"\xff\xe1\x00\x04ab" + b"\xff\xc4\x00\x02" + SOF, "image/jpeg", (640, 480)),
        (b"\xff\xd8" + b"\xff\xe1" + struct.pack(">H", 40_002) + b"x" * 40_000 + SOF, "image/jpeg", (640, 480)),
        (b"\xff\xd8\xff\xe0junk", "image/jpeg", None),
        (b"\xff\xd8\xff\xff\x00\x00\x00" + b"\0" * 40, "image/jpeg", None),
        (b"RIFF1234WEBPVP8 1234\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 640 | 0x4000, 480), "image/webp", (640, 480)),
        (b"RIFF1234WEBPVP8L1234\x2f" + struct.pack("<I", 639 | 479 << 14), "image/webp", (640, 480)),
        (b"RIFF1234WEBPVP8X1234\0\0\0\0" + b"\x7f\x02\0" + b"\xdf\x01\0", "image/webp", (640, 480)),
        (b"RIFF1234WEBPVP9?" + b"\0" * 20, "image/webp", None),
        (b"RIFF1234AVI ", "image/webp", None),
        (b"hello", "image/png", None),
    ],
)
def test_what_an_images_first_bytes_tell(data: bytes, media_type: str, size: tuple[int, int] | None) -> None:
    assert image_type(b64(data)) == media_type
    assert dimensions(b64(data)) == size


def test_an_image_cut_anywhere_tells_its_size_or_nothing() -> None:
    for whole in (png(640, 480), b"\xff\xd8" + SOF, b"RIFF1234WEBPVP8X1234\0\0\0\0\x7f\x02\0\xdf\x01\0"):
        assert {dimensions(b64(whole[:end])) for end in range(len(whole) + 1)} <= {None, (640, 480)}
    assert dimensions("iVBORw0KGgo!!!=") is None
    assert dimensions("\u00e9" * 80) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1536x1024", (1536, 1024)),
        (" 3:2 ", (3, 2)),
        ("3/2", (3, 2)),
        ("auto", None),
        ("0x1", None),
        ("-1x1", None),
        ("1x", None),
        (None, None),
        ("999999x1", None),
    ],
)
def test_pairs(text: str | None, found: tuple[int, int] | None) -> None:
    assert pair(text) == found


def test_shapes() -> None:
    assert nearest_shape("1000x1000", ("256x256", "1024x1024", "2048x2048")) == "1024x1024"
    assert nearest_shape("9:16", ("1:1", "auto")) == "1:1"
    assert nearest_shape("auto", ("1:1",)) is None
    assert nearest_shape("1:1", ()) is None
    assert same_shape("1024x1024", "1:1") and not same_shape("1024x1024", "auto")


# -- across ------------------------------------------------------------------------------------


def test_images_cross_both_dialects() -> None:
    """A Gemini client's prediction, drawn by OpenAI's model, is what OpenAI gave."""
    front, back = GeminiImage(), OpenAIImage()
    request = front.decode_request(
        {"instances": [{"prompt": "p"}], "parameters": {"sampleCount": 2}}, laws.context(model="imagen")
    )
    wire = back.encode_request(request, laws.context(model="gpt-image-1"))
    assert json.loads(json.dumps(wire)) == {"model": "gpt-image-1", "prompt": "p", "n": 2}
    response = back.decode_response({"created": 1, "data": [{"b64_json": PNG}] * 2}, laws.context())
    assert front.encode_response(response, laws.context(request=request)) == {
        "predictions": [{"mimeType": "image/png", "bytesBase64Encoded": PNG}] * 2
    }
