"""Prompt caches: marks for them, what they served and took, and prompts that one provider keeps (31, 55, O31, O32)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.core.codec import Context
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.ir import Response, Text, Usage
from dragoman.core.profile import Profile
from dragoman.dialects import CODECS

Json = Any
MARKING = Profile(cache_control=True)
MARK = {"type": "ephemeral", "ttl": "1h"}


def text(n: int) -> Json:
    return {"type": "text", "text": f"text {n}", "cache_control": MARK}


ASKED: dict[str, Json] = {
    "anthropic": {
        "model": "m", "max_tokens": 9, "system": [text(1)],
        "tools": [{"name": "f", "input_schema": {"type": "object"}, "cache_control": MARK}],
        "messages": [{"role": "user", "content": [text(2)]}],
    },
    "openai.chat": {
        "model": "m",
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}, "cache_control": MARK}],
        "messages": [{"role": "system", "content": [text(1)]}, {"role": "user", "content": [text(2)]}],
    },
    "bedrock.converse": {
        "system": [{"text": "text 1"}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
        "messages": [{"role": "user", "content": [{"text": "text 2"}, {"cachePoint": {"type": "default", "ttl": "1h"}}]}],
        "toolConfig": {
            "tools": [
                {"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}},
                {"cachePoint": {"type": "default", "ttl": "1h"}},
            ]
        },
    },
}  # fmt: skip


def encoded(origin: str, wire: Json, dialect: str) -> tuple[Json, Context]:
    ctx = Context(model="anthropic.claude-sonnet-4-5", profile=MARKING)
    return CODECS[dialect].encode_request(CODECS[origin].decode_request(wire, Context()), ctx), ctx


def marks(wire: Json) -> int:
    told = json.dumps(wire)
    return told.count('"cache_control"') + told.count('"cachePoint"')


@pytest.mark.parametrize("back", ASKED)
@pytest.mark.parametrize("front", ASKED)
def test_case_055_marks_on_tools_system_and_parts_are_carried(front: str, back: str) -> None:
    wire, ctx = encoded(front, ASKED[front], back)
    assert marks(wire) == 3 and json.dumps(wire).count('"1h"') == 3, wire
    assert not [loss for loss in ctx.losses if "cache" in loss.path], ctx.losses
    again, _ = encoded(back, wire, front)
    assert marks(again) == 3


@pytest.mark.parametrize("back", ASKED)
def test_case_055_at_most_four_and_the_last_ones(back: str) -> None:
    turns = [{"role": "user" if n % 2 else "assistant", "content": [text(n)]} for n in range(1, 8)]
    front = "openai.chat" if back != "openai.chat" else "anthropic"
    wire, ctx = encoded(front, ASKED[front] | {"messages": turns}, back)
    assert marks(wire) == 4
    assert [loss.path for loss in ctx.losses if loss.what == "clamped"] == ["cache"]
    assert json.dumps(wire).rindex("text 7") < max(json.dumps(wire).rfind(word) for word in ('"1h"', '"cachePoint"'))


@pytest.mark.parametrize("back", ["openai.responses", "gemini", "simple"])
def test_case_055_elsewhere_marks_are_reported(back: str) -> None:
    wire, ctx = encoded("anthropic", ASKED["anthropic"], back) if back != "simple" else (None, None)
    if wire is not None and ctx is not None:
        assert marks(wire) == 0 and len([loss for loss in ctx.losses if loss.path.endswith("cache")]) == 3


USED = Usage(
    input=1000, output=500, cache_read=300, cache_write=200, cache_write_1h=80, reasoning=120,
    input_audio=40, output_audio=30, input_image=20, output_image=10,
)  # fmt: skip
UNTOLD: dict[str, set[str]] = {
    "openai.chat": {"cache_write_1h"},
    "openai.responses": {"cache_write_1h"},
    "anthropic": {"input_audio", "output_audio", "input_image", "output_image"},
    "gemini": {"cache_write", "cache_write_1h"},
    "bedrock.converse": {"reasoning", "input_audio", "output_audio", "input_image", "output_image"},
}
"""The classes of counts a dialect has no word for; the totals hold them all the same."""


@pytest.mark.parametrize("dialect", UNTOLD)
def test_case_031_every_class_of_count_comes_back(dialect: str) -> None:
    codec, answer = CODECS[dialect], Response(origin="x", id="i", model="m", parts=(Text(text="hi"),), usage=USED)
    again = codec.decode_response(codec.encode_response(answer, Context()), Context()).usage
    differs = {
        name for name in Usage.__struct_fields__ if name != "extra" and getattr(again, name) != getattr(USED, name)
    }
    assert differs == UNTOLD[dialect]
    assert (again.input, again.output) == (USED.input, USED.output)


@pytest.mark.parametrize("back", ["openai.chat", "openai.responses", "anthropic", "bedrock.converse", "simple"])
@pytest.mark.parametrize("name", ["cachedContent", "cached_content"])
def test_a_prompt_that_google_keeps_is_refused_elsewhere(back: str, name: str) -> None:
    wire = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], name: "cachedContents/x"}
    with pytest.raises(GatewayError) as refused:
        encoded("gemini", wire, back)
    assert refused.value.kind is Kind.INVALID_REQUEST and refused.value.param == "cachedContent"
    home, _ = encoded("gemini", wire, "gemini")
    assert home["cachedContent"] == "cachedContents/x"
    assert encoded("gemini", wire | {name: ""}, back)


@pytest.mark.parametrize("back", ["openai.chat", "openai.responses", "gemini", "anthropic", "bedrock.converse"])
@pytest.mark.parametrize("front", ASKED)
def test_o32_the_same_request_is_the_same_bytes(front: str, back: str) -> None:
    first, again = (json.dumps(encoded(front, json.loads(json.dumps(ASKED[front])), back)[0]) for _ in range(2))
    assert first == again
