"""Probabilities of an answer's tokens, asked for and told in every dialect that has them; else reported (case 58)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.core.codec import Context
from dragoman.core.fold import fold, unfold
from dragoman.core.framing import Frame
from dragoman.core.ir import Event, PartDelta, Request, Text, Token
from dragoman.core.profile import Profile
from dragoman.dialects import CODECS

Json = Any

ASKED: dict[str, Json] = {
    "openai.chat": {"messages": [{"role": "user", "content": "hi"}], "logprobs": True, "top_logprobs": 2},
    "openai.responses": {"input": "hi", "include": ["message.output_text.logprobs"], "top_logprobs": 2},
    "gemini": {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "generationConfig": {"responseLogprobs": True, "logprobs": 2},
    },
}
TOLD = (
    Token("Hel", -0.5, (72, 101, 108), (Token("Hel", -0.5, (72, 101, 108)), Token("W", -2.0, (87,)))),
    Token("lo", -0.25, (108, 111), (Token("lo", -0.25, (108, 111)), Token("p", -3.5, (112,)))),
)
SPELLED = [
    {
        "token": token.text, "logprob": token.logprob, "bytes": list(token.bytes or ()),
        "top_logprobs": [{"token": t.text, "logprob": t.logprob, "bytes": list(t.bytes or ())} for t in token.top],
    }
    for token in TOLD
]  # fmt: skip
RESULT = {
    "chosenCandidates": [{"token": token.text, "logProbability": token.logprob} for token in TOLD],
    "topCandidates": [
        {"candidates": [{"token": t.text, "logProbability": t.logprob} for t in token.top]} for token in TOLD
    ],
}
ANSWERS: dict[str, Json] = {
    "openai.chat": {
        "id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [
            {
                "index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop",
                "logprobs": {"content": SPELLED, "refusal": None},
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    },
    "openai.responses": {
        "id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "completed",
        "output": [
            {
                "id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
                "content": [{"type": "output_text", "annotations": [], "logprobs": SPELLED, "text": "Hello"}],
            }
        ],
        "usage": {
            "input_tokens": 1, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 3,
        },
    },
    "gemini": {
        "candidates": [
            {
                "content": {"parts": [{"text": "Hello"}], "role": "model"}, "finishReason": "STOP", "index": 0,
                "logprobsResult": RESULT,
            }
        ],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3},
    },
}  # fmt: skip
OTHERS = ["anthropic", "simple"]


def bare(tokens: tuple[Token, ...]) -> list[tuple[str, float, list[tuple[str, float]]]]:
    return [(t.text, t.logprob, [(other.text, other.logprob) for other in t.top]) for t in tokens]


def said(parts: Any) -> tuple[Token, ...]:
    return tuple(token for part in parts if isinstance(part, Text) for token in part.logprobs)


def context() -> Context:
    numbers = iter(range(100))
    return Context(model="m", now=lambda: 1, new_id=lambda prefix: f"{prefix}{next(numbers)}")


@pytest.mark.parametrize("back", ASKED)
@pytest.mark.parametrize("front", ASKED)
def test_058_the_wish_is_carried(front: str, back: str) -> None:
    request: Request = CODECS[front].decode_request(ASKED[front], context())
    assert request.logprobs == 2
    ctx = context()
    wire = CODECS[back].encode_request(request, ctx)
    assert not [loss for loss in ctx.losses if "logprobs" in loss.path or "include" in loss.path], ctx.losses
    again = CODECS[back].decode_request(wire, context())
    assert again.logprobs == 2
    if front == back:
        assert {name: wire[name] for name in ASKED[front] if name != "input"} == {
            name: value for name, value in ASKED[front].items() if name != "input"
        }


@pytest.mark.parametrize("back", [*OTHERS, *ASKED])
@pytest.mark.parametrize("front", ASKED)
def test_058_where_there_are_none_that_is_said(front: str, back: str) -> None:
    request: Request = CODECS[front].decode_request(ASKED[front], context())
    ctx = context()
    ctx.profile = Profile(logprobs=back not in ASKED)
    wire = CODECS[back].encode_request(request, ctx)
    if front != back or front == "openai.chat":
        assert [loss.path for loss in ctx.losses].count("logprobs") == 1
        assert "ogprobs" not in json.dumps(wire)


@pytest.mark.parametrize("back", ASKED)
@pytest.mark.parametrize("front", [*ASKED, *OTHERS])
def test_058_a_whole_answer_tells_them(front: str, back: str) -> None:
    response = CODECS[back].decode_response(ANSWERS[back], context())
    assert bare(said(response.parts)) == bare(TOLD)
    assert fold(unfold(response)) == response
    ctx = context()
    wire = json.loads(json.dumps(CODECS[front].encode_response(response, ctx)))
    if front == back:
        assert wire == ANSWERS[back] | {name: wire[name] for name in wire if name not in ANSWERS[back]}
    elif front in ASKED:
        assert not [loss for loss in ctx.losses if "ogprobs" in loss.path], ctx.losses
        again = CODECS[front].decode_response(wire, context())
        assert bare(said(again.parts)) == bare(TOLD)
        if front.startswith("openai"):  # a client counts on the bytes: those of the text where they were not told
            assert said(again.parts) == TOLD
    else:
        assert [loss for loss in ctx.losses if loss.path == "parts[0].logprobs"]


def streamed(back: str) -> list[Event]:
    """The answer in a stream of the dialect's own, a token at a time."""
    decoder, events = CODECS[back].decoder(context()), list[Event]()
    frames: list[Frame] = []
    encoder = CODECS[back].encoder(context())
    response = CODECS[back].decode_response(ANSWERS[back], context())
    for event in unfold(response):
        if isinstance(event, PartDelta):
            for token in TOLD:
                frames += encoder.feed(PartDelta(event.index, token.text, logprobs=(token,)))
        else:
            frames += encoder.feed(event)
    for frame in frames:
        events += decoder.feed(frame)
    return [*events, *decoder.close()]


@pytest.mark.parametrize("back", ASKED)
@pytest.mark.parametrize("front", [*ASKED, *OTHERS])
def test_058_a_stream_tells_them_as_they_come(front: str, back: str) -> None:
    events = streamed(back)
    pieces = [event for event in events if isinstance(event, PartDelta) and event.logprobs]
    assert len(pieces) == 2, "each with its own piece of text"
    response = fold(events)
    assert bare(said(response.parts)) == bare(TOLD)
    assert "".join(part.text for part in response.parts if isinstance(part, Text)) == "Hello"
    ctx = context()
    encoder = CODECS[front].encoder(ctx)
    frames = [frame for event in events for frame in encoder.feed(event)]
    if front not in ASKED:
        assert [loss for loss in ctx.losses if loss.path == "parts[0].logprobs"]
        return
    decoder = CODECS[front].decoder(context())
    again = fold([*(event for frame in frames for event in decoder.feed(frame)), *decoder.close()])
    assert bare(said(again.parts)) == bare(TOLD)
    assert "".join(part.text for part in again.parts if isinstance(part, Text)) == "Hello"


@pytest.mark.parametrize(
    "odd",
    [None, 1, "x", [], {}, {"content": 1}, {"content": [None, 1, {"token": 1}]}, {"content": [{"token": "a"}]},
     {"chosenCandidates": 1}, {"chosenCandidates": [1, {"token": 5}], "topCandidates": [1, {"candidates": 1}]},
     [{"token": "a", "logprob": "x"}], [{"token": "a", "logprob": 0, "bytes": ["x"], "top_logprobs": 3}]],
)  # fmt: skip
def test_058_odd_ones_are_passed_over(odd: Json) -> None:
    for dialect, answer in ANSWERS.items():
        wire = json.loads(json.dumps(answer))
        if dialect == "openai.chat":
            wire["choices"][0]["logprobs"] = odd
        elif dialect == "gemini":
            wire["candidates"][0]["logprobsResult"] = odd
        else:
            wire["output"][0]["content"][0]["logprobs"] = odd
        response = CODECS[dialect].decode_response(wire, context())
        assert fold(unfold(response)) == response
