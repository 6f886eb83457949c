"""The sandbox draws, speaks and makes vectors, and what it makes is what it says it is. No dialect is known here."""

import array
import base64
import math
import struct
import sys
import zlib
from typing import Any

import pytest

from dragoman.core.errors import GatewayError, Kind
from dragoman.core.ir import (
    Base64,
    Media,
    Picture,
    Speech,
    Text,
    Url,
    Voice,
)
from dragoman.core.media import EmbedRequest, ImageRequest, SpeechRequest
from sandboxing import (
    IMAGE,
    PCM,
    SANDBOX,
    answered,
    asking,
    assistant,
    seconds,
)

# -- pictures ----------------------------------------------------------------

BANNER = """
.####..###..#...#.####..####...###..#...#
#.....#...#.##..#.#...#.#...#.#...#.#...#
#.....#...#.#.#.#.#...#.#...#.#...#..#.#.
.###..#####.#.#.#.#...#.####..#...#...#..
....#.#...#.#..##.#...#.#...#.#...#..#.#.
....#.#...#.#...#.#...#.#...#.#...#.#...#
####..#...#.#...#.####..####...###..#...#
"""


def decoded(data: bytes) -> tuple[int, int, list[bytes], list[tuple[int, ...]]]:
    """Width, height, rows of palette indices and the palette of a PNG, every checksum checked."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, []
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length) == (zlib.crc32(kind + body),)
        chunks.append((kind, body))
        at += 12 + length
    assert (chunks[0][0], chunks[-1][0]) == (b"IHDR", b"IEND")
    found = dict(chunks)
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", found[b"IHDR"])
    assert (depth, colour, rest) == (8, 3, [0, 0, 0])
    assert b"sandbox" in found[b"tEXt"]
    raw = zlib.decompress(found[b"IDAT"])
    assert len(raw) == height * (width + 1)
    rows = [raw[y * (width + 1) : (y + 1) * (width + 1)] for y in range(height)]
    assert {row[0] for row in rows} == {0}
    palette = [tuple(found[b"PLTE"][n : n + 3]) for n in range(0, len(found[b"PLTE"]), 3)]
    assert max(map(max, rows)) < len(palette) <= 256
    return width, height, [row[1:] for row in rows], palette


def drawn(prompt: str = "a fox", **fields: Any) -> list[bytes]:
    response = SANDBOX.draw(ImageRequest("openai.chat", "m", prompt, **fields), "imagen")
    assert (response.origin, response.model) == ("sandbox", "imagen")
    assert all(image.media_type == "image/png" for image in response.images)
    return [
        base64.b64decode(image.source.data, validate=True)
        for image in response.images
        if isinstance(image.source, Base64)
    ]


@pytest.mark.parametrize(
    ("size", "aspect", "expected"),
    [
        (None, None, (512, 512)),
        ("auto", None, (512, 512)),
        ("1024x1024", None, (1024, 1024)),
        ("1536x1024", "1:1", (1536, 1024)),
        ("300x77", None, (300, 77)),
        ("1x1", None, (1, 1)),
        ("3000x1500", None, (1536, 768)),
        ("99999x1", None, (1536, 1)),
        (None, "16:9", (768, 432)),
        (None, "9:16", (432, 768)),
        ("1K", "4:3", (1024, 768)),
        ("2K", None, (1536, 1536)),
        ("0x0", "0:0", (512, 512)),
        ("very large", "odd", (512, 512)),
    ],
)
def test_a_picture_is_a_png_of_the_size_asked_for(
    size: str | None, aspect: str | None, expected: tuple[int, int]
) -> None:
    [data] = drawn(size=size, aspect=aspect)
    assert decoded(data)[:2] == expected


@pytest.mark.parametrize(("size", "scale"), [("512x512", 3), ("1024x1024", 6), ("64x64", 1), ("1536x200", 1)])
def test_a_picture_says_sandbox(size: str, scale: int) -> None:
    _, _, rows, palette = decoded(drawn(size=size)[0])
    white = palette.index((255, 255, 255))
    lines = ["".join(".#"[index == white] for index in row) for row in rows if white in row]
    left, right = min(line.index("#") for line in lines), max(line.rindex("#") for line in lines)
    assert [line[left : right + 1 : scale] for line in lines[::scale]] == BANNER.split()


def test_pictures_differ_by_prompt_and_by_number_and_only_so() -> None:
    first, second, third = drawn("a fox", count=3)
    assert len({first, second, third, *drawn("a cat"), *drawn("A fox")}) == 5
    assert drawn("a fox", count=3) == [first, second, third]


def test_a_picture_is_not_empty_and_takes_the_colour_it_is_asked_for() -> None:
    for prompt, strongest in (("a red barn", 0), ("a green field", 1), ("the blue sea", 2)):
        _, _, rows, palette = decoded(drawn(prompt)[0])
        assert len(set(b"".join(rows))) > 100, "shades"
        sky = palette[rows[120][256]]
        assert max(sky) == sky[strongest]
    night, day = (sum(decoded(drawn(prompt)[0])[3][2]) for prompt in ("a town by night", "a town"))
    assert night < day / 2


def test_a_megapixel_takes_no_time() -> None:
    assert seconds(lambda: drawn(size="1024x1024")) < 0.15


@pytest.mark.parametrize("count", [0, -1, 11])
def test_a_count_of_pictures_nobody_sells(count: int) -> None:
    with pytest.raises(GatewayError, match="1 to 10 images") as caught:
        drawn(count=count)
    assert caught.value.kind is Kind.INVALID_REQUEST


@pytest.mark.parametrize(
    "model",
    ["gemini-2.5-flash-image", "imagen-4.0-generate-001", "gpt-image-1", "dall-e-3", "gemini-3-pro-IMAGE-preview"],
)
def test_an_image_model_draws_in_a_chat(model: str) -> None:
    response = answered(asking("Draw a fox", picture=Picture(aspect="16:9")), model)
    said, picture = response.parts
    assert isinstance(said, Text) and "Draw a fox" in said.text
    assert isinstance(picture, Media) and isinstance(picture.source, Base64)
    assert picture.media_type == "image/png"
    assert decoded(base64.b64decode(picture.source.data))[:2] == (768, 432)
    assert 0 < response.usage.output_image < response.usage.output


def test_image_usage_grows_with_the_pictures() -> None:
    usage = [SANDBOX.draw(ImageRequest("x", "m", "a fox", count=n), "m").usage for n in (1, 3)]
    assert usage[0].input == usage[1].input > 0
    assert usage[1].output == 3 * usage[0].output == usage[1].output_image


# -- voices ------------------------------------------------------------------


def said(text: str, *voices: Voice, **fields: Any) -> bytes:
    response = SANDBOX.speak(SpeechRequest("x", "m", text, voices, **fields), "some-tts")
    assert (response.origin, response.model) == ("sandbox", "some-tts")
    return response.data


def samples(data: bytes) -> list[int]:
    made = array.array("h", data)
    if sys.byteorder == "big":
        made.byteswap()
    return made.tolist()


def pitch(data: bytes) -> float:
    """The fundamental of a vowel in Hz, by autocorrelation."""
    wave = samples(data)[400:1700]

    def alike(lag: int) -> float:
        return sum(a * b for a, b in zip(wave, wave[lag:], strict=False)) / (len(wave) - lag)

    return 24000 / max(range(80, 320), key=alike)


SENTENCE = "The quick brown fox jumps over the lazy dog, and nobody asked it why. "


@pytest.mark.parametrize(
    "text", [SENTENCE, SENTENCE * 3, "Guten Tag, wie geht es Ihnen heute?", "天気はどうですか今日は"]
)
def test_speech_is_as_long_as_speech(text: str) -> None:
    data = said(text)
    assert len(data) % 2 == 0
    assert 0.055 < (len(data) / 48000 - 0.26) / len(text) < 0.09, "less the rest at the end"
    wave = samples(data)
    assert 4000 < max(map(abs, wave)) < 32000, "to be heard, but not clipped"
    assert abs(sum(wave) / len(wave)) < 100
    assert said(text) == data


def test_speech_ends_after_a_minute_and_is_never_nothing() -> None:
    assert len(said("word " * 5000)) == 60 * 48000
    assert len(said("a\n" * 100_000)) == 60 * 48000
    assert len(said("")) > 24000
    assert len(said("!?")) > 1000


def test_speech_takes_no_time() -> None:
    text, strangers = (SENTENCE * 3)[:200], iter("abc")  # voices nobody has heard, so that nothing is made already
    assert seconds(lambda: said(text, Voice(f"stranger {next(strangers)}"))) < 0.2


def test_voices_are_told_apart() -> None:
    names = ["Kore", "Puck", "Charon", "Fenrir", "Aoede", "alloy", "echo", "nova", None]
    assert len({said("hello", Voice(name)) for name in names}) == len(names)
    assert said("hello", Voice("KORE")) == said("hello", Voice("kore"))
    low, high = sorted(pitch(said("a", Voice(name))) for name in ("Kore", "Puck"))
    assert high / low > 1.06, "a semitone apart, at least"
    assert 60 < low < high < 320


def test_two_speakers_speak_their_own_lines() -> None:
    cast = (Voice("Kore", speaker="Joe"), Voice("Puck", speaker="Jane"))
    script = "TTS the following conversation:\nJoe: How are you?\n**Jane**: Fine: thanks.\nAnd you?\nJOE:Well."
    lines = [("Kore", "How are you?"), ("Puck", "Fine: thanks."), ("Puck", "And you?"), ("Kore", "Well.")]
    assert said(script, *cast) == b"".join(said(line, Voice(name)) for name, line in lines)
    assert said("No names here", *cast) == said("No names here", Voice("Kore"))


def test_speed_is_honoured() -> None:
    slow, normal, fast = (len(said(SENTENCE, speed=speed)) for speed in (0.5, None, 2.0))
    assert slow / normal == pytest.approx(2, rel=0.02)
    assert fast / normal == pytest.approx(0.5, rel=0.02)
    assert len(said(SENTENCE, speed=100.0)) == len(said(SENTENCE, speed=4.0))


@pytest.mark.parametrize(
    ("form", "media_type"),
    [(None, PCM), ("pcm", PCM), ("pcm16", PCM), ("wav", "audio/wav"), ("mp3", "audio/wav"), ("opus", "audio/wav")],
)
def test_the_form_of_the_sound(form: str | None, media_type: str) -> None:
    response = SANDBOX.speak(SpeechRequest("x", "m", "Hello", format=form), "m")
    assert response.media_type == media_type
    if media_type == PCM:
        assert response.data == said("Hello")
    else:
        assert response.data[:4] == b"RIFF"
        assert response.data[44:] == said("Hello")
        assert struct.unpack_from("<HHIIHH", response.data, 20) == (1, 1, 24000, 48000, 2, 16)


def test_a_spoken_answer_in_a_chat() -> None:
    cast = (Voice("Kore", speaker="Joe"), Voice("Puck", speaker="Jane"))
    request = asking("Old", assistant("Yes"), "Joe: Hello\nJane: Hi", speech=Speech(voices=cast), modalities=("audio",))
    response = answered(request)
    [sound] = response.parts
    assert isinstance(sound, Media) and isinstance(sound.source, Base64)
    assert sound.media_type == PCM
    assert base64.b64decode(sound.source.data, validate=True) == said("Joe: Hello\nJane: Hi", *cast)
    assert response.usage.output_audio == response.usage.output > 0
    assert (
        answered(asking("Say hi"), "gemini-2.5-pro-preview-TTS").parts
        == answered(asking("Say hi", modalities=("audio",))).parts
    )


def test_a_spoken_answer_takes_the_form_that_is_asked_for() -> None:
    [sound] = answered(asking("Hello", modalities=("text", "audio"), speech=Speech(format="wav"))).parts
    assert isinstance(sound, Media) and isinstance(sound.source, Base64)
    assert sound.media_type == "audio/wav"
    assert base64.b64decode(sound.source.data)[:4] == b"RIFF"


# -- vectors -----------------------------------------------------------------


def vectors(*inputs: Any, dimensions: int | None = None) -> list[tuple[float, ...]]:
    given = tuple((Text(text=each),) if isinstance(each, str) else each for each in inputs)
    response = SANDBOX.embed(EmbedRequest("x", "m", given, dimensions=dimensions), "some-embedding")
    assert (response.origin, response.model) == ("sandbox", "some-embedding")
    return list(response.vectors)


def cosine(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("dimensions", [None, 1, 2, 256, 1536, 3072])
def test_vectors_are_of_unit_length_and_as_long_as_asked_for(dimensions: int | None) -> None:
    texts = ["The cat sat on the mat", "", "   ", "天気", "a", "word " * 3000, "\ud800"]
    for vector in vectors(*texts, dimensions=dimensions):
        assert len(vector) == (dimensions or 768)
        assert math.sqrt(cosine(vector, vector)) == pytest.approx(1)


@pytest.mark.parametrize("dimensions", [0, -5, 10**9])
def test_dimensions_nobody_has(dimensions: int) -> None:
    with pytest.raises(GatewayError) as caught:
        vectors("a", dimensions=dimensions)
    assert (caught.value.kind, caught.value.param) == (Kind.INVALID_REQUEST, "dimensions")


@pytest.mark.parametrize("dimensions", [128, 768, 3072])
@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("The cat sat on the mat", "A cat is sitting on a mat", "Quarterly revenue grew by ten percent"),
        ("How do I bake bread?", "Baking bread at home", "The train to Oslo leaves at nine"),
        ("Python programming language", "programs written in Python", "a recipe for tomato soup"),
        ("Der Hund schläft", "Die Hunde schlafen", "Morgen wird es regnen"),
        ("dogs and cats", "dogs and cats", "dogs and cars"),
    ],
)
def test_related_texts_are_nearer(text: str, near: str, far: str, dimensions: int) -> None:
    one, kin, stranger = vectors(text, near, far, dimensions=dimensions)
    assert cosine(one, kin) > cosine(one, stranger) + 0.1


def test_vectors_keep_their_order_and_do_not_hang_on_their_neighbours() -> None:
    texts = ["one", "two", "three"]
    assert vectors(*texts) == [vector for text in texts for vector in vectors(text)]
    assert vectors("One") == vectors("one") != vectors("two")


def test_token_ids_and_files_have_vectors_too() -> None:
    ids, same, other = vectors((1, 2, 3), (1, 2, 3), (7, 8, 9))
    assert ids == same
    assert cosine(ids, vectors((1, 2, 4))[0]) > cosine(ids, other) + 0.2
    picture, again, different = vectors((IMAGE,), (IMAGE,), (Media(media_type="image/png", source=Url("x")),))
    assert picture == again != different
    with_words = vectors((Text(text="a cat"), IMAGE))[0]
    assert cosine(with_words, picture) > 0.2 < cosine(with_words, vectors("a cat")[0])


def test_embedding_usage() -> None:
    usage = SANDBOX.embed(EmbedRequest("x", "m", ((Text(text="one two three"),), (5, 6))), "m").usage
    assert (usage.input, usage.output) == (5, 0)
