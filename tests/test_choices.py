"""Several answers to one request: asked for by as many calls, told as one, whole and in streams (case 58)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from dragoman.config import load
from dragoman.core.codec import Context
from dragoman.core.ir import Request
from dragoman.dialects import CODECS
from dragoman.providers.catalog import providers_on
from dragoman.providers.models import Models
from dragoman.providers.upstream import Outgoing
from dragoman.service.app import Application
from dragoman.service.gateway import Gateway
from dragoman.store.sqlite import SqliteStore

Json = Any
KEYS = {"OPENAI_API_KEY": "sk-o", "ANTHROPIC_API_KEY": "sk-a", "GEMINI_API_KEY": "sk-g", "GROQ_API_KEY": "sk-q"}


class Answer:
    """One answer of the scripted provider: pieces with pauses between them, in JSON or as a stream."""

    def __init__(self, *pieces: bytes | float, status: int = 200, streams: bool = True) -> None:
        self.pieces, self.status, self.closed = pieces, status, False
        self.headers = {"content-type": "text/event-stream" if streams else "application/json"}

    async def chunks(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, float):
                await asyncio.sleep(piece)
            else:
                yield piece

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self.chunks()])

    async def close(self) -> None:
        self.closed = True


class Provider:
    """Gives its answers in turn, one for each call."""

    def __init__(self, *answers: Answer) -> None:
        self.answers, self.asked = answers, list[Outgoing]()

    async def send(self, request: Outgoing) -> Answer:
        self.asked.append(request)
        return self.answers[(len(self.asked) - 1) % len(self.answers)]

    @property
    def bodies(self) -> list[Json]:
        return [json.loads(asked.body or b"{}") for asked in self.asked]


async def ask(
    provider: Provider, path: str, body: Mapping[str, Any] | bytes, keys: Mapping[str, str] = KEYS
) -> tuple[int, bytes, dict[str, str]]:
    settings = load(None, keys, {})
    providers = providers_on(settings, keys)
    store = SqliteStore(None, lambda: 0.0)
    app = Application(Gateway(settings, providers, Models(settings, providers), provider, store))
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent, status, headers, out = [raw], 0, dict[str, str](), list[bytes]()
    path, _, query = path.partition("?")
    scope = {
        "type": "http", "method": "POST", "path": path, "query_string": query.encode(),
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        if sent:
            return {"type": "http.request", "body": sent.pop(), "more_body": False}
        await asyncio.sleep(60)
        raise AssertionError

    async def send(message: Mapping[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            headers.update((name.decode(), value.decode()) for name, value in message["headers"])
        else:
            out.append(message.get("body", b""))

    await app(scope, receive, send)
    return status, b"".join(out), headers


# -- what providers answer ---------------------------------------------------------------


def whole_claude(text: str, read: int = 10, wrote: int = 3) -> Answer:
    usage = {"input_tokens": read, "output_tokens": wrote, "cache_read_input_tokens": 4}
    body = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": text}], "stop_sequence": None, "usage": usage,
    }  # fmt: skip
    return Answer(json.dumps(body).encode(), streams=False)


def event(kind: str, **more: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n".encode()


def claude(*words: str | float, stop: str = "end_turn", cut: bool = False) -> Answer:
    """A stream of Anthropic's."""
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5", "content": [],
        "stop_reason": None, "usage": {"input_tokens": 10, "output_tokens": 1},
    }  # fmt: skip
    pieces: list[bytes | float] = [event("message_start", message=message)]
    pieces.append(event("content_block_start", index=0, content_block={"type": "text", "text": ""}))
    for word in words:
        delta = {"type": "text_delta", "text": word}
        pieces.append(word if isinstance(word, float) else event("content_block_delta", index=0, delta=delta))
    if cut:
        return Answer(*pieces)
    end = event("message_delta", delta={"stop_reason": stop}, usage={"output_tokens": 3})
    return Answer(*pieces, event("content_block_stop", index=0), end, event("message_stop"))


BUSY = Answer(b'{"type":"error","error":{"type":"invalid_request_error","message":"no"}}', status=400, streams=False)
CHAT = {"model": "claude-haiku-4-5", "messages": [{"role": "user", "content": "hi"}]}
GEMINI = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def chunks(body: bytes) -> list[Json]:
    """The data of a stream; its end is checked."""
    lines = [line.removeprefix("data: ") for line in body.decode().split("\n") if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


# -- whole -------------------------------------------------------------------------------


async def test_058_a_chat_gets_as_many_choices_as_it_asked_for() -> None:
    provider = Provider(whole_claude("one"), whole_claude("two"), whole_claude("three"))
    status, body, headers = await ask(provider, "/v1/chat/completions", CHAT | {"n": 3})
    wire = json.loads(body)
    assert status == 200, body
    assert [choice["index"] for choice in wire["choices"]] == [0, 1, 2]
    assert sorted(choice["message"]["content"] for choice in wire["choices"]) == ["one", "three", "two"]
    assert [choice["finish_reason"] for choice in wire["choices"]] == ["stop"] * 3
    # each call read the prompt, and is paid for it
    assert wire["usage"]["prompt_tokens"] == 3 * 14 and wire["usage"]["completion_tokens"] == 9
    assert wire["usage"]["prompt_tokens_details"] == {"cached_tokens": 12}
    assert len(provider.asked) == 3 and all("n" not in sent for sent in provider.bodies)
    assert "x-dragoman-lost" not in headers
    assert all(answer.closed for answer in provider.answers)


@pytest.mark.parametrize("name", [b"n", rb"\u006e"])
async def test_058_however_the_wish_is_spelled(name: bytes) -> None:
    provider = Provider(whole_claude("one"), whole_claude("two"))
    asked = json.dumps(CHAT).encode()[:-1] + b', "%b": 2}' % name
    status, body, _ = await ask(provider, "/v1/chat/completions", asked)
    assert status == 200 and len(json.loads(body)["choices"]) == len(provider.asked) == 2, body


async def test_058_gemini_candidates_too() -> None:
    provider = Provider(whole_claude("one"), whole_claude("two"))
    asked = GEMINI | {"generationConfig": {"candidateCount": 2}}
    status, body, _ = await ask(provider, "/v1beta/models/claude-haiku-4-5:generateContent", asked)
    wire = json.loads(body)
    assert status == 200, body
    assert [one["index"] for one in wire["candidates"]] == [0, 1]
    assert sorted(one["content"]["parts"][0]["text"] for one in wire["candidates"]) == ["one", "two"]
    assert wire["usageMetadata"]["promptTokenCount"] == 28 and wire["usageMetadata"]["candidatesTokenCount"] == 6


async def test_058_one_choice_is_one_call_and_seeds_differ() -> None:
    provider = Provider(whole_claude("one"))
    await ask(provider, "/v1/chat/completions", CHAT | {"n": 1})
    assert len(provider.asked) == 1
    body = {"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": "STOP"}]}
    provider = Provider(Answer(json.dumps(body).encode(), streams=False))
    await ask(provider, "/v1/chat/completions", CHAT | {"model": "gemini-2.5-flash", "n": 2, "seed": 7})
    assert sorted(sent["generationConfig"]["seed"] for sent in provider.bodies) == [7, 8]
    assert not any("candidateCount" in sent["generationConfig"] for sent in provider.bodies)


async def test_058_the_same_dialect_gives_them_itself() -> None:
    choices = [
        {"index": i, "message": {"role": "assistant", "content": str(i)}, "finish_reason": "stop"} for i in (0, 1)
    ]
    answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "gpt-4o", "choices": choices}
    provider = Provider(Answer(json.dumps(answer).encode(), streams=False))
    status, body, _ = await ask(provider, "/v1/chat/completions", CHAT | {"model": "gpt-4o", "n": 2})
    assert status == 200 and json.loads(body)["choices"] == choices
    assert [sent["n"] for sent in provider.bodies] == [2]


async def test_058_a_server_of_the_same_dialect_that_gives_one_is_asked_often() -> None:
    """Groq: "n: must be 1"."""
    choices = [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}]
    answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": choices}
    provider = Provider(Answer(json.dumps(answer).encode(), streams=False))
    asked = CHAT | {"model": "llama-3.3-70b-versatile", "n": 2}
    status, body, _ = await ask(provider, "/v1/chat/completions", asked)
    assert status == 200 and [choice["index"] for choice in json.loads(body)["choices"]] == [0, 1]
    assert all(sent.get("n", 1) == 1 for sent in provider.bodies) and len(provider.asked) == 2


@pytest.mark.parametrize(
    ("path", "asked", "param"),
    [
        ("/v1/chat/completions", CHAT | {"n": 9}, "n"),
        (
            "/v1beta/models/claude-haiku-4-5:generateContent",
            GEMINI | {"generationConfig": {"candidateCount": 9}},
            "generationConfig.candidateCount",
        ),
        ("/v1/chat/completions", CHAT | {"model": "gpt-image-1", "n": 2}, "n"),
    ],
)
async def test_058_too_many_are_refused_by_name(path: str, asked: Json, param: str) -> None:
    provider = Provider(whole_claude("one"))
    status, body, _ = await ask(provider, path, asked)
    assert status == 400 and param in body.decode()
    assert provider.asked == []


async def test_058_one_that_fails_fails_the_whole() -> None:
    fine = whole_claude("one")
    provider = Provider(fine, BUSY)
    status, body, _ = await ask(provider, "/v1/chat/completions", CHAT | {"n": 2})
    assert status == 400 and json.loads(body)["error"]["message"]
    assert fine.closed


# -- streams -----------------------------------------------------------------------------


async def test_058_streams_run_side_by_side() -> None:
    provider = Provider(claude("a", 0.05, "b", 0.05, "c"), claude(0.02, "x", 0.05, "y"))
    asked = CHAT | {"n": 2, "stream": True, "stream_options": {"include_usage": True}}
    status, body, _ = await ask(provider, "/v1/chat/completions", asked)
    told = chunks(body)
    assert status == 200 and body.endswith(b"data: [DONE]\n\n") and body.count(b"[DONE]") == 1
    assert len({chunk["id"] for chunk in told}) == 1
    said: dict[int, str] = {0: "", 1: ""}
    order: list[int] = []
    for chunk in told:
        for choice in chunk["choices"]:
            said[choice["index"]] += choice["delta"].get("content") or ""
            order += [choice["index"]] if choice["delta"].get("content") else []
    assert said == {0: "abc", 1: "xy"}
    assert order == [0, 1, 0, 1, 0], "the answers do not wait for one another"
    ends = [c["index"] for chunk in told for c in chunk["choices"] if c["finish_reason"] == "stop"]
    assert sorted(ends) == [0, 1]
    counts = [chunk["usage"] for chunk in told if chunk.get("usage")]
    assert counts == [{"prompt_tokens": 20, "completion_tokens": 6, "total_tokens": 26}]
    assert told[-1]["choices"] == []


async def test_058_candidates_in_a_stream() -> None:
    provider = Provider(claude("a", 0.05, "b"), claude(0.02, "x"))
    asked = GEMINI | {"generationConfig": {"candidateCount": 2}}
    path = "/v1beta/models/claude-haiku-4-5:streamGenerateContent?alt=sse"
    status, body, _ = await ask(provider, path, asked)
    told = chunks(body)
    assert status == 200
    said = {0: "", 1: ""}
    for chunk in told:
        for one in chunk["candidates"]:
            said[one["index"]] += "".join(part.get("text", "") for part in one["content"]["parts"])
    assert said == {0: "ab", 1: "x"}
    assert len({chunk["responseId"] for chunk in told}) == 1
    assert told[-1]["usageMetadata"]["promptTokenCount"] == 20


async def test_058_an_error_before_content_is_a_status_and_after_it_stands_in_the_stream() -> None:
    fine = claude("a", 5.0)
    provider = Provider(fine, BUSY)
    status, body, _ = await ask(provider, "/v1/chat/completions", CHAT | {"n": 2, "stream": True})
    assert status == 400 and b"data:" not in body and fine.closed
    provider = Provider(claude("a", 0.05, "b", cut=True), claude("x", 5.0, "y"))
    status, body, _ = await asyncio.wait_for(
        ask(provider, "/v1/chat/completions", CHAT | {"n": 2, "stream": True}), timeout=3
    )
    assert status == 200 and "error" in chunks(body)[-1] and b"[DONE]" not in body
    assert all(answer.closed for answer in provider.answers), "what still runs is ended"


async def test_058_the_sandbox_gives_several() -> None:
    asked = CHAT | {"model": "gpt-4o", "n": 2}
    status, body, _ = await ask(Provider(), "/v1/chat/completions", asked, {})
    assert status == 200 and [choice["index"] for choice in json.loads(body)["choices"]] == [0, 1]


# -- the neutral form ----------------------------------------------------------------------

HOME: dict[str, Json] = {
    "openai.chat": CHAT | {"n": 3},
    "gemini": GEMINI | {"generationConfig": {"candidateCount": 3}},
}


@pytest.mark.parametrize("dialect", CODECS)
@pytest.mark.parametrize("origin", HOME)
def test_the_wish_is_carried_or_reported(origin: str, dialect: str) -> None:
    request: Request = CODECS[origin].decode_request(HOME[origin], Context())
    assert request.choices == 3
    ctx = Context(model="m")
    wire = CODECS[dialect].encode_request(request, ctx)
    found = wire.get("n") or wire.get("generationConfig", {}).get("candidateCount")
    assert (found == 3) != any(loss.path == "choices" for loss in ctx.losses)
