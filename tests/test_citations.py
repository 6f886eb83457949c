"""What an answer rests on, between all who tell it: pages, and the stretches of text they support, in each one's units."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.core.codec import Context
from dragoman.core.fold import fold, unfold
from dragoman.core.framing import Frame
from dragoman.core.ir import Citation, Reasoning, Refusal, Response, Text, ToolCall
from dragoman.dialects import CODECS

Json = Any
FIRST, SECOND = "Über uns: 東京 ist groß. ", "Und 😀 das auch."
ANSWER = Response(
    origin="elsewhere", id="x", model="m",
    parts=(
        Reasoning(text="hm"),
        Text(text=FIRST, citations=(Citation(url="https://a", title="A", start=10, end=12),)),
        Text(text=SECOND, citations=(
            Citation(url="https://b", title="B", start=4, end=9), Citation(url="https://a", title="A", start=4, end=9),
        )),
    ),
)  # fmt: skip
STRETCHES = [("https://a", "東京"), ("https://b", "😀 das"), ("https://a", "😀 das")]


def context() -> Context:
    numbers = iter(range(100))
    return Context(model="m", now=lambda: 1, new_id=lambda prefix: f"{prefix}{next(numbers)}")


def frames_of(dialect: str, response: Response) -> list[Frame]:
    encoder = CODECS[dialect].encoder(context())
    return [frame for event in unfold(response) for frame in encoder.feed(event)]


def reread(dialect: str, frames: list[Frame]) -> Response:
    decoder = CODECS[dialect].decoder(context())
    return fold([*(event for frame in frames for event in decoder.feed(frame)), *decoder.close()])


def cited(response: Response) -> list[tuple[str | None, str]]:
    """Each page and the words it supports."""
    return [
        (citation.url, part.text[citation.start or 0 : len(part.text) if citation.end is None else citation.end])
        for part in response.parts
        if isinstance(part, Text)
        for citation in part.citations
    ]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("dialect", ["openai.chat", "openai.responses", "gemini"])
def test_case_110_every_stretch_is_found_again(dialect: str, stream: bool) -> None:
    if stream:
        again = reread(dialect, frames_of(dialect, ANSWER))
    else:
        again = CODECS[dialect].decode_response(CODECS[dialect].encode_response(ANSWER, context()), context())
    assert sorted(cited(again)) == sorted((str(url), text) for url, text in STRETCHES)
    assert "".join(part.text for part in again.parts if isinstance(part, Text)) == FIRST + SECOND


def test_gemini_counts_bytes_within_its_one_text() -> None:
    wire = CODECS["gemini"].encode_response(ANSWER, context())["candidates"][0]
    texts = [part["text"] for part in wire["content"]["parts"] if not part.get("thought")]
    assert texts == [FIRST + SECOND]
    grounding = wire["groundingMetadata"]
    assert [chunk["web"]["uri"] for chunk in grounding["groundingChunks"]] == ["https://a", "https://b"]
    written = texts[0].encode()
    for support in grounding["groundingSupports"]:
        segment = support["segment"]
        assert written[segment.get("startIndex", 0) : segment["endIndex"]].decode() == segment["text"]
    assert [support["groundingChunkIndices"] for support in grounding["groundingSupports"]] == [[0], [1, 0]]
    streamed = json.loads(frames_of("gemini", ANSWER)[-1].data)["candidates"][0]
    assert streamed["groundingMetadata"] == grounding


def test_a_text_after_a_call_begins_anew() -> None:
    call = ToolCall(id="c", name="f", arguments="{}")
    answer = Response(origin="elsewhere", id="x", model="m", parts=(ANSWER.parts[1], call, ANSWER.parts[2]))
    supports = CODECS["gemini"].encode_response(answer, context())["candidates"][0]["groundingMetadata"][
        "groundingSupports"
    ]
    assert [support["segment"].get("startIndex", 0) for support in supports] == [len(FIRST[:10].encode()), 4]


def test_a_refusal_stands_in_the_same_text() -> None:
    answer = Response(origin="elsewhere", id="x", model="m", parts=(Refusal(text="Ä: "), ANSWER.parts[2]))
    for again in (
        CODECS["gemini"].decode_response(CODECS["gemini"].encode_response(answer, context()), context()),
        reread("gemini", frames_of("gemini", answer)),
    ):
        assert cited(again) == [("https://b", "😀 das"), ("https://a", "😀 das")]


def test_gemini_tells_what_it_recites() -> None:
    text = "Über 東京."
    source = {"startIndex": 6, "endIndex": 12, "uri": "https://a", "license": "MIT"}
    for name in ("citationSources", "citations"):
        wire = {
            "candidates": [
                {
                    "content": {"parts": [{"text": text}], "role": "model"}, "finishReason": "STOP", "index": 0,
                    "citationMetadata": {name: [source, {"uri": 5}, 7, {"uri": "https://b", "startIndex": 1, "endIndex": 99}]},
                }
            ]
        }  # fmt: skip
        response = CODECS["gemini"].decode_response(wire, context())
        assert cited(response) == [("https://a", "東京"), ("https://b", text)]
        home = CODECS["gemini"].encode_response(response, context())
        assert home["candidates"] == wire["candidates"]


def test_anthropic_cites_whole_texts_and_says_so() -> None:
    ctx = context()
    wire = CODECS["anthropic"].encode_response(ANSWER, ctx)
    assert [block["citations"][0]["url"] for block in wire["content"] if block["type"] == "text"] == [
        "https://a",
        "https://b",
    ]
    assert "parts[1].citations" in {loss.path for loss in ctx.losses if loss.what == "emulated"}
    encoder = CODECS["anthropic"].encoder(ctx := context())
    for event in unfold(ANSWER):
        list(encoder.feed(event))
    assert "parts[1].citations" in {loss.path for loss in ctx.losses if loss.what == "emulated"}
