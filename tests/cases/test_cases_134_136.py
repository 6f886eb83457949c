"""Cases 134 to 136: errors of every provider in every client's dialect, early ones with a status, and full contexts known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cases.answers import answer, frames
from tests.cases.inside import BACKS, FRONTS, MODELS, SAME, House, Says, event, sse, whole

from clients import APP, CHAT, CONTENTS, MESSAGES, RESPONSES, Chat, front_id
from dragoman.core.errors import GatewayError, Kind
from upstream.model import Turn

STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
EVERYBODY = pytest.mark.parametrize("front", [*FRONTS, APP], ids=front_id)
EACH_FRONT = pytest.mark.parametrize("front", FRONTS, ids=front_id)
EACH_BACK = pytest.mark.parametrize("back", BACKS)
SONG = Turn(text="La la la.")

# -- 134: in the client's words ---------------------------------------------------------------------------------------------

STATUSES = [400, 401, 403, 404, 408, 413, 429, 500, 503, 529]
WORDS = {
    "messages": {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error",
                 404: "not_found_error", 413: "request_too_large", 429: "rate_limit_error", 529: "overloaded_error"},
    "contents": {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
                 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"},
}  # fmt: skip
SAID = "The flux is too high (yes, 110%)"


def error_of(back: str, status: int, message: str = SAID, **more: Any) -> dict[str, Any]:
    word = WORDS.get(back, {}).get(status)
    match back:
        case "messages":
            inner = {"type": word or "api_error", "message": message} | more
            return {"type": "error", "error": inner, "request_id": "req_1"}
        case "contents":
            return {"error": {"code": status, "message": message, "status": word or "INTERNAL"} | more}
    word = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": message, "type": word, "param": None, "code": None} | more}


BODIES: dict[str, Any] = {
    "json": None,
    "html": b"<html><head><title>502</title></head><body><h1>Bad gateway</h1></body></html>",
    "empty": b"",
    "text": b"upstream connect error",
    "half": b'{"error": {"mess',
    "null": b"null",
    "words that are no error": b'{"ok": false}',
}


def told_status(front: Chat, status: int) -> int:
    """A refusal of the gateway's own key is no fault of the client's."""
    return 502 if status in (401, 403) else status


@STREAM
@pytest.mark.parametrize("status", STATUSES)
@EACH_BACK
@EVERYBODY
async def test_case_134_errors_are_in_the_clients_dialect(
    tmp_path: Path, front: Chat, back: str, status: int, stream: bool
) -> None:
    for kind, body in BODIES.items():
        data = json.dumps(error_of(back, status)).encode() if body is None else body
        media_type = "text/html" if kind == "html" else "application/json"
        house = House(tmp_path, Says([data], status, media_type))
        reply = await house.say(front, back, stream=stream)
        assert reply.status == told_status(front, status), (kind, reply)
        _, _, message = front.error(reply)
        if kind == "json":
            assert SAID in message
        assert "key-of" not in reply.body.decode() and ".test" not in reply.body.decode()
        assert "None" not in message and "Traceback" not in message and "<html" not in message
        if status == 429 or status >= 500:
            assert int(reply.headers["retry-after"]) >= 1


@EVERYBODY
@EACH_BACK
async def test_case_134_no_secret_and_no_stranger_is_told(tmp_path: Path, front: Chat, back: str) -> None:
    """Relays tell whose account it was, and some providers which key."""
    error = error_of(back, 429, f"key-of-{back} is out of quota") | {"user_id": "user_2xStranger"}
    house = House(tmp_path, whole(error, 429))
    reply = await house.say(front, back)
    assert reply.status == 429, reply
    assert f"key-of-{back}" not in reply.body.decode()
    assert "Stranger" not in reply.body.decode()


@STREAM
@EVERYBODY
async def test_case_134_where_nobody_answers(tmp_path: Path, front: Chat, stream: bool) -> None:
    for code, status in (("upstream_unreachable", 503), ("upstream_timeout", 504)):
        kind = Kind.TIMEOUT if status == 504 else Kind.UPSTREAM
        gone = GatewayError(
            kind, "the provider could not be reached", code=code, status=None if status == 504 else status
        )
        reply = await House(tmp_path, gone).say(front, "chat", stream=stream)
        assert reply.status == status, reply
        assert front.error(reply)[2]


# -- 135: before the first word -----------------------------------------------------------------------------------------------

TROUBLE = {
    "chat": {"error": {"message": "Overloaded", "type": "server_error", "code": 503}},
    "messages": {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
    "contents": {"error": {"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}},
    "responses": {
        "type": "error",
        "sequence_number": 2,
        "code": "server_error",
        "message": "Overloaded",
        "param": None,
    },
}


def opening(back: str) -> list[bytes]:
    """What a stream says before there is content."""
    full = frames(back, SONG)
    match back:
        case "chat":
            return [full[0]]  # the role
        case "messages":
            return [*full[:1], b'event: ping\ndata: {"type": "ping"}\n\n']
        case "responses":
            return full[:2]
    return []


@EACH_BACK
@EACH_FRONT
async def test_case_135_an_error_before_content_has_a_status(tmp_path: Path, front: Chat, back: str) -> None:
    house = House(tmp_path, Says([*opening(back), event(TROUBLE[back])]))
    reply = await house.say(front, back, stream=True)
    assert reply.status >= 500, reply
    assert "Overloaded" in front.error(reply)[2]


TWO = '[models."both"]\ntargets = ["{}/{}", "{}/{}"]\n'


def two(back: str, other: str) -> str:
    return TWO.format(back, MODELS[back], other, MODELS[other])


@pytest.mark.parametrize("how", ["in its stream", "by its status", "not at all"])
@EACH_BACK
@EACH_FRONT
async def test_case_135_and_another_is_asked(tmp_path: Path, front: Chat, back: str, how: str) -> None:
    other = BACKS[(BACKS.index(back) + 1) % len(BACKS)]
    first: Any = {
        "in its stream": Says([*opening(back), event(TROUBLE[back])]),
        "by its status": whole(error_of(back, 429), 429),
        "not at all": GatewayError(Kind.UPSTREAM, "unreachable", code="upstream_unreachable", status=503),
    }[how]
    house = House(tmp_path, first, answer(other, SONG, True), more=two(back, other))
    reply = await house.ask(front.path("both", True), front.body("Hi", "both", True), front.headers)
    assert reply.status == 200, reply
    assert front.read(reply).text == SONG.text
    assert reply.headers["x-dragoman-provider"] == other
    if front is MESSAGES:
        assert [event.name for event in reply.events].count("message_start") == 1
    if front is RESPONSES:
        assert [event.name for event in reply.events].count("response.created") == 1


@EACH_BACK
@EACH_FRONT
async def test_case_135_after_content_nobody_else_is(tmp_path: Path, front: Chat, back: str) -> None:
    full = frames(back, SONG)
    words = [frame for frame in full if b"La " in frame][:1]
    before = full[: full.index(words[0]) + 1]
    other = BACKS[(BACKS.index(back) + 1) % len(BACKS)]
    house = House(tmp_path, Says([*before, event(TROUBLE[back])]), answer(other, SONG, True), more=two(back, other))
    reply = await house.ask(front.path("both", True), front.body("Hi", "both", True), front.headers)
    assert reply.status == 200, reply
    assert len(house.script.asked) == 1
    if front is not SAME[back]:
        assert "Overloaded" in front.broken(reply.events)
    else:
        assert "Overloaded" in reply.events[-1].data


# -- 136: the context is full ----------------------------------------------------------------------------------------------------

FULL: list[tuple[str, int, str, dict[str, Any]]] = [
    ("chat", 400, "This model's maximum context length is 128000 tokens. However, your messages resulted in 130512 tokens.",
     {"code": "context_length_exceeded"}),
    ("chat", 400, "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000 tokens.", {}),
    ("chat", 400, "Requested token count exceeds the model's maximum context length of 8192 tokens.", {}),
    ("chat", 400, "The input (9000 tokens) is longer than the model's context length (8192 tokens).", {}),
    ("chat", 400, "This endpoint's maximum context length is 131072 tokens. However, you requested about 140000 tokens", {}),
    ("chat", 400, "The total length of all messages is too long.", {"type": "too_many_prompt_tokens"}),
    ("chat", 400, "Prompt contains 40000 tokens, too large for model with 32768 maximum context length", {}),
    ("chat", 400, "too many tokens", {}),
    ("chat", 413, "Please reduce the length of the messages or completion.", {"code": "context_length_exceeded"}),
    ("messages", 400, "prompt is too long: 215001 tokens > 200000 maximum", {}),
    ("messages", 400, "input length and `max_tokens` exceed context limit: 179413 + 32768 > 200000, decrease input length", {}),
    ("messages", 400, "Input is too long for requested model.", {}),
    ("contents", 400, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", {}),
    ("responses", 400, "Your input exceeds the context window of this model. Please adjust your input and try again.",
     {"code": "context_length_exceeded"}),
]  # fmt: skip
PHRASE = pytest.mark.parametrize(
    ("back", "status", "message", "more"), FULL, ids=[f"{b}: {m[:40]}" for b, _, m, _ in FULL]
)


def is_full(front: Chat, wire: Any) -> None:
    """As the client's program knows it: Claude Code compacts at these words, OpenAI's at the code."""
    error = wire["error"]
    match front.name:
        case "openai.chat" | "openai.responses":
            assert error["code"] == "context_length_exceeded"
        case "anthropic":
            assert error["type"] == "invalid_request_error"
            assert (
                error["message"].lower().startswith("prompt is too long") or "exceed context limit" in error["message"]
            )
        case "gemini":
            assert error["status"] == "INVALID_ARGUMENT"


@STREAM
@PHRASE
@EACH_FRONT
async def test_case_136_a_full_context_is_known_in_every_dialect(
    tmp_path: Path, front: Chat, back: str, status: int, message: str, more: dict[str, Any], stream: bool
) -> None:
    other = BACKS[(BACKS.index(back) + 1) % len(BACKS)]
    house = House(
        tmp_path,
        whole(error_of(back, status, message, **more), status),
        answer(other, SONG, stream),
        more=two(back, other),
    )
    reply = await house.ask(front.path("both", stream), front.body("Hi", "both", stream), front.headers)
    assert len(house.script.asked) == 1, "the next one would say the same"
    if front is SAME[back]:
        assert reply.status == status
        assert message in reply.body.decode(), "its own words"
        return
    assert reply.status == 400, reply
    is_full(front, reply.json)
    assert message in front.error(reply)[2]


@PHRASE
@EACH_FRONT
async def test_case_136_also_where_it_is_told_in_the_stream(
    tmp_path: Path, front: Chat, back: str, status: int, message: str, more: dict[str, Any]
) -> None:
    wire = error_of(back, status, message, **more)
    if back == "responses":
        wire = {
            "type": "error",
            "sequence_number": 2,
            "param": None,
            "message": message,
            "code": "context_length_exceeded",
        }
    house = House(tmp_path, Says([*opening(back), event(wire)]))
    reply = await house.say(front, back, stream=True)
    assert reply.status == 400, reply
    is_full(front, reply.json)


@EACH_FRONT
async def test_case_136_what_only_sounds_like_it_is_not(tmp_path: Path, front: Chat) -> None:
    """A limit on tokens by the minute is no full context: waiting helps, and compacting does not."""
    for back, status, message in (
        ("chat", 429, "Rate limit reached: too many tokens, limit 30000 tokens per min"),
        ("chat", 400, "max_tokens is too large: 99999"),
        ("messages", 400, "max_tokens: 99999 > 64000, which is the maximum allowed number of output tokens"),
        ("contents", 400, "Request contains an invalid argument."),
    ):
        reply = await House(tmp_path, whole(error_of(back, status, message), status)).say(front, back)
        assert reply.status == status, reply
        assert "context_length_exceeded" not in reply.body.decode()
        if front is MESSAGES:
            assert not MESSAGES.error(reply)[2].startswith("prompt is too long")
    assert CHAT in FRONTS and CONTENTS in FRONTS and sse().media_type
