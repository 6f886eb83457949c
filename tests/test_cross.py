"""Every recording in every other dialect: what one provider said, a client of another dialect must hear whole."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from tests import laws, sdk_types
from tests.recorded import dialect_of, stream_of
from tests.traffic import Exchange, exchanges

from dragoman.core.codec import Codec
from dragoman.core.errors import GatewayError
from dragoman.core.fold import unfold
from dragoman.core.framing import Frame, Reader, SseWriter
from dragoman.core.ir import Media, Request, Response, Text, ToolCall, ToolResult
from dragoman.core.translate import Pipe
from dragoman.dialects import CODECS

FRONTS = [CODECS[name] for name in ("openai.chat", "openai.responses", "anthropic", "gemini")]
NAMES = [codec.dialect for codec in FRONTS]

ALL = exchanges(("",))


def chats(fits: Callable[[Exchange], Any], below: int = 300) -> list[Any]:
    """The recorded chats of all dialects that fit."""
    return [
        p
        for p in ALL
        if p.values[0] is None or (dialect_of(p.values[0]) and p.values[0].status < below and fits(p.values[0]))
    ]


STREAMS = chats(stream_of)
ANSWERS = chats(lambda case: isinstance(case.response, dict))
REQUESTS = chats(lambda case: isinstance(case.request, dict))

BROKEN: dict[str, str] = {
    "gemini.stream/image-in/imageConfigParam-followup-response-streaming": "the model gave no image: NO_IMAGE",
    "groq.chat/error-stream/test_tool_use_failed_error_streaming_with_text": "an error event ends it",
    "openai.responses/error-stream/stream-unknown-error-responses-1": "an error event ends it",
    "openai.responses/error-stream/stream-rate-limited-1": "an error event ends it",
}
"""Recordings that are no answer, each with its reason."""

ELIDED = {
    "openai.responses/image-out-stream/openai-image-generation-tool.1": "the recorder left three dots in the base64"
}
"""Recordings whose own values no SDK takes, each with its reason."""


def same(there: Response, here: Response, front: Codec) -> None:
    """The same gist; Anthropic has no media in answers, so there they stand in the text, after the loss is told."""
    mine, theirs = laws.gist(here), laws.gist(there)
    if front.dialect == "anthropic" and any(isinstance(part, Media) for part in here.parts):
        assert mine.pop("text") in without_media(theirs.pop("text"))
    if front.dialect == "gemini":  # a call is said whole there: one that was cut in the middle cannot be
        mine["calls"] = [call for call in mine["calls"] if not isinstance(call[1], str)]
    assert theirs == mine


def abroad(case: Exchange, front: Codec, frames: list[Frame]) -> None:
    """The front's own SDK reads every event; at home the vendor's newest fields may be ahead of its SDK."""
    if dialect_of(case) != front.dialect and case.id not in ELIDED:
        sdk_types.parse_events(front.dialect, frames)


def without_media(text: str) -> str:
    return re.sub(r"\n*!?\[[^\]]*\]\(data:[^)]*\)\n*", "", text)


def decoded(case: Exchange) -> tuple[Codec, Response]:
    back = CODECS[dialect_of(case) or ""]
    return back, back.decode_response(case.response, laws.context())


@pytest.mark.parametrize("front", FRONTS, ids=NAMES)
@pytest.mark.parametrize("case", STREAMS)
def test_a_stream_in_another_dialect(case: Exchange, front: Codec) -> None:
    back = CODECS[dialect_of(case) or ""]
    pipe = Pipe(back.decoder(laws.context()), front.encoder(laws.context()))
    sse = stream_of(case)
    assert sse is not None
    refusal: GatewayError | None = None
    frames: list[Frame] = []
    try:
        frames = [*pipe.feed(sse), *pipe.close()]
    except GatewayError as error:
        refusal = error
    if refusal is not None or case.id in BROKEN:
        assert refusal is not None, "stale"
        assert case.id in BROKEN, refusal.message
        return
    same(laws.reread(front, frames), pipe.fold.response(), front)
    abroad(case, front, frames)
    data = b"".join(map(SseWriter().write, frames))
    reader = Reader()
    assert [f.data for i in range(0, len(data), 1000) for f in reader.feed(data[i : i + 1000])] == [
        f.data for f in frames
    ]


@pytest.mark.parametrize("front", FRONTS, ids=NAMES)
@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_in_another_dialect(case: Exchange, front: Codec) -> None:
    try:
        _, here = decoded(case)
    except GatewayError as error:
        pytest.skip(f"the recording itself is an error: {error.message}")
    wire = json.loads(json.dumps(front.encode_response(here, laws.context())))
    if dialect_of(case) != front.dialect:
        sdk_types.parses(front.dialect, wire)
    there = front.decode_response(wire, laws.context())
    same(there, here, front)


@pytest.mark.parametrize("front", FRONTS, ids=NAMES)
@pytest.mark.parametrize("case", ANSWERS)
def test_streamed_or_whole_is_the_same_answer(case: Exchange, front: Codec) -> None:
    try:
        _, here = decoded(case)
    except GatewayError as error:
        pytest.skip(f"the recording itself is an error: {error.message}")
    frames = laws.render(front, unfold(here))
    abroad(case, front, frames)
    there = laws.reread(front, frames)
    same(there, here, front)


def request_gist(request: Request) -> dict[str, Any]:
    """What must survive a request's journey: who said what, which tools were called with what, and what came back."""
    said: list[tuple[str, str]] = []
    calls, results = [], []
    for message in request.messages:
        for part in message.parts:
            match part:
                case Text(text=text) if text.strip():
                    said.append((message.role, text))
                case ToolCall(name=name, arguments=arguments, server=False):
                    calls.append((name, json.loads(arguments or "{}")))
                case ToolResult(content=content, server=False):
                    results.append("".join(p.text for p in content if isinstance(p, Text)))
                case _:
                    pass
    return {
        "said": ["".join(text for role, text in said if role == who) for who in ("system", "user", "assistant")],
        "calls": calls,
        "results": results,
        "tools": [tool.name for tool in request.tools if not tool.server],
        "stop": request.sampling.stop,
    }


@pytest.mark.parametrize("front", FRONTS, ids=NAMES)
@pytest.mark.parametrize("case", REQUESTS)
def test_a_request_there(case: Exchange, front: Codec) -> None:
    """Abroad it says the same, or the difference is a reported loss, or a clear refusal."""
    home = CODECS[dialect_of(case) or ""]
    if front is home:
        return
    here = home.decode_request(case.request, laws.context())
    ctx = laws.context(model="m")
    refusal, wire = None, {}
    try:
        wire = json.loads(json.dumps(front.encode_request(here, ctx)))
    except GatewayError as error:
        refusal = error
    if refusal is not None:
        assert refusal.param, refusal.message
        return
    there = front.decode_request(wire, laws.context())
    mine, theirs = request_gist(here), request_gist(there)
    different = {key for key in mine if mine[key] != theirs[key]}
    assert not different or ctx.losses, (different, {k: (mine[k], theirs[k]) for k in different})
    assert not {"tools", "calls"} & different or any("name" in loss.path or "tool" in loss.path for loss in ctx.losses)
