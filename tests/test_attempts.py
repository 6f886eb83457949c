"""What a client gets while providers fail, through the whole service: attempts, waits, keys, and what it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.cases.inside import FRONTS, House, Says, sse, whole

from clients import CHAT, Chat, front_id
from dragoman.core.errors import GatewayError, Kind
from dragoman.service.health import Target

SPARE = """
[providers.spare]
kind = "openai"
base_url = "http://spare.test/v1"
api = "chat"
keys = ["first-key-of-spare", "second-key-of-spare"]
models = ["*"]
[models.both]
targets = ["chat/gpt-4.1", "spare/gpt-4.1"]
[models.pool]
targets = ["spare/gpt-4.1"]
"""
GOOD = whole(
    {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4.1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
)  # fmt: skip
each_front = pytest.mark.parametrize("front", FRONTS, ids=front_id)


def no(status: int, **headers: str) -> Says:
    return whole({"error": {"message": f"said {status}", "type": "x", "code": None}}, status, **headers)


def asked(house: House) -> str:
    """`chat spare/first`: who was asked, with which of its keys."""
    found = []
    for request in house.script.asked:
        host = request.url.partition("//")[2].partition(".")[0]
        key = request.headers["authorization"].removeprefix("Bearer ").partition("-")[0]
        found.append(f"{host}/{key}" if host == "spare" else host)
    return " ".join(found)


async def say(house: House, model: str = "both", front: Chat = CHAT, **more: Any) -> Any:
    stream = more.pop("stream", False)
    headers = {**front.headers, **more.pop("headers", {})}
    return await house.ask(front.path(model, stream), front.body("Hi", model, stream, **more), headers)


@each_front
async def test_a_failure_is_tried_again_and_nobody_notices(tmp_path: Path, front: Chat) -> None:
    house = House(tmp_path, no(503), GOOD, more=SPARE)
    answer = await say(house, front=front)
    assert answer.status == 200 and front.read(answer).text == "Hello"
    assert asked(house) == "chat chat"


@each_front
async def test_then_another_target_answers(tmp_path: Path, front: Chat) -> None:
    house = House(tmp_path, no(503), no(500), GOOD, more=SPARE)
    answer = await say(house, front=front)
    assert answer.status == 200 and answer.headers["x-dragoman-provider"] == "spare"
    assert asked(house) == "chat chat spare/first"


@each_front
async def test_when_all_is_spent_the_sdks_are_told_not_to_try(tmp_path: Path, front: Chat) -> None:
    house = House(tmp_path, no(503), more=SPARE)
    answer = await say(house, front=front)
    assert answer.status == 503 and answer.headers["x-should-retry"] == "false"
    assert "said 503" in front.error(answer)[2]
    assert asked(house) == "chat chat spare/first spare/first"


async def test_who_tries_again_itself_is_not_multiplied(tmp_path: Path) -> None:
    house = House(tmp_path, no(503), more=SPARE)
    await say(house, headers={"x-stainless-retry-count": "1"})
    assert asked(house) == "chat spare/first"


async def test_a_refused_key_gives_way_to_the_next(tmp_path: Path) -> None:
    house = House(tmp_path, no(401), GOOD, more=SPARE)
    assert (await say(house, "pool")).status == 200
    assert asked(house) == "spare/first spare/second"
    assert (await say(house, "pool")).status == 200
    assert asked(house) == "spare/first spare/second spare/second", "the refused one rests"


async def test_a_request_that_is_wrong_is_asked_once(tmp_path: Path) -> None:
    house = House(tmp_path, no(400), more=SPARE)
    answer = await say(house)
    assert answer.status == 400 and "x-should-retry" not in answer.headers
    assert asked(house) == "chat"


async def test_all_keys_resting_is_a_429_in_the_providers_words(tmp_path: Path) -> None:
    house = House(tmp_path, no(429, **{"retry-after": "30"}), more=SPARE)
    first = await say(house, "pool")
    assert first.status == 429 and asked(house) == "spare/first spare/second"
    again = await say(house, "pool")
    assert again.status == 429 and CHAT.error(again)[2] == CHAT.error(first)[2]
    assert 28 <= int(again.headers["retry-after"]) <= 30
    assert again.headers["x-dragoman-provider"] == "spare"
    assert asked(house) == "spare/first spare/second", "it asked for peace"


async def test_a_rate_that_is_used_up_needs_no_refusal(tmp_path: Path) -> None:
    spent = whole(GOOD.script[0], **{"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"})
    house = House(tmp_path, spent, GOOD, more=SPARE)
    for _ in range(2):
        assert (await say(house, "pool")).status == 200
    assert asked(house) == "spare/first spare/second"


async def test_a_stream_that_fails_before_its_first_word_is_asked_elsewhere(tmp_path: Path) -> None:
    early = sse({"error": {"message": "no room", "type": "server_error", "code": None}})
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4.1"}
    words = [
        {**chunk, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hello"}, "finish_reason": None}]},
        {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        b"data: [DONE]\n\n",
    ]
    house = House(tmp_path, early, early, sse(*words), more=SPARE)
    answer = await say(house, stream=True)
    assert answer.status == 200 and CHAT.read(answer).text == "Hello"
    assert asked(house) == "chat chat spare/first"


async def test_after_the_first_word_nothing_is_asked_again(tmp_path: Path) -> None:
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4.1"}
    word = {**chunk, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "He"}, "finish_reason": None}]}
    broken = GatewayError(Kind.UPSTREAM, "broke off", code="upstream_truncated")
    house = House(tmp_path, Says([*sse(word).script, broken]), more=SPARE)
    answer = await say(house, stream=True)
    assert answer.status == 200 and b"upstream_truncated" in answer.body
    assert asked(house) == "chat"


async def test_the_sandbox_gives_its_errors_at_once(tmp_path: Path) -> None:
    """A developer who asks for a 429 gets it, as often as asked, and never waits for it to pass."""
    house = House(tmp_path, GOOD, more="[providers.sandbox]\n")
    for _ in range(3):
        answer = await say(house, "sandbox/error-429")
        assert answer.status == 429 and "x-should-retry" not in answer.headers
    assert house.application.gateway.health.key_free_at(Target("sandbox", "error-429"), "") == 0.0, "nothing rests"
