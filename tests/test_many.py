"""Bodies of many small things: what they cost grows with them, not with their square. The gateway serves everybody from one
loop, which a body of a megabyte must not hold for seconds."""

import asyncio
import time
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.core import schema_targets
from dragoman.core.calls import distinct
from dragoman.core.codec import Context
from dragoman.core.errors import GatewayError
from dragoman.core.ir import Message, Text
from dragoman.core.places import Guide
from dragoman.core.profile import Profile
from dragoman.core.schema import normalise
from dragoman.core.thoughts import Tags
from dragoman.dialects import CODECS, PLACES, back
from dragoman.service.conversation import meant
from dragoman.store.store import Shelf

MANY = 4000
LONG = 6.0  # seconds; each took a minute and more, and takes a tenth of one now
ASKED: dict[str, Any] = {"role": "user", "content": "Hello"}


def call(id: str) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}}


def result(id: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": "done"}


def in_time(began: float) -> bool:
    return time.process_time() - began < LONG


def test_calls_that_share_one_id() -> None:
    calls = [call("same") for _ in range(MANY)] + [call(f"same_{n}") for n in range(MANY)]
    messages = [ASKED, {"role": "assistant", "tool_calls": calls}, *[result("same")] * MANY]
    began = time.process_time()
    request = distinct(CODECS["openai.chat"].decode_request({"model": "m", "messages": messages}, Context()))
    ids = [part.id for part in request.messages[1].parts]  # type: ignore[union-attr]
    assert len(set(ids)) == 2 * MANY
    assert ids[:2] == ["same", f"same_{MANY}"], "a name that is free"
    assert in_time(began)


def part(kind: str, name: str) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": {}}} if kind == "call" else {kind: {"name": name, "response": {}}}


@pytest.mark.parametrize("same", [True, False])
def test_results_of_gemini_without_ids(same: bool) -> None:
    names = ["f" if same else f"f{n}" for n in range(2 * MANY)]
    contents = [
        {"role": "user", "parts": [{"text": "Hello"}]},
        {"role": "model", "parts": [part("call", name) for name in names]},
        {"role": "user", "parts": [part("functionResponse", name) for name in reversed(names)]},
    ]
    began = time.process_time()
    request = CODECS["gemini"].decode_request({"contents": contents}, Context())
    asked, told = ([getattr(one, "id", getattr(one, "call_id", "")) for one in m.parts] for m in request.messages[1:])
    assert told == (asked if same else asked[::-1])
    assert in_time(began)


def test_losses() -> None:
    ctx = Context()
    began = time.process_time()
    for n in range(20 * MANY):
        ctx.lose(f"messages[{n}]", "not taken")
        ctx.lose(f"messages[{n}]", "not taken")
    assert len(ctx.losses) == 20 * MANY
    assert in_time(began)


@pytest.mark.parametrize("target", ["anthropic", "gemini", "openai.responses"])
def test_the_paths_of_losses(target: str) -> None:
    """A message of many parts, and many messages that become one."""
    texts = [{"type": "text", "text": "x", "unknown": n} for n in range(2 * MANY)]
    wire: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": texts}]}
    wire["messages"] += [{"role": "tool", "tool_call_id": f"c{n}", "content": "x", "unknown": n} for n in range(MANY)]
    wire["tools"] = [
        {"type": "function", "function": {"name": f"f{n}", "parameters": {"type": "object"}}} for n in range(1000)
    ]
    front, codec = CODECS["openai.chat"], back(target, Profile())
    request = front.decode_request(wire, Context())
    ctx = Context(request=request)
    began = time.process_time()
    codec.encode_request(request, ctx)
    guide = Guide(PLACES["openai.chat"], wire, request, request, ctx)
    paths = [guide.path(loss.path) for loss in ctx.losses]
    assert "messages[0].content[77].unknown" in paths
    paths = [guide.path(f"tools[{n}].parameters") for n in range(1000)] + [
        guide.path(f"tools.f{n}.parameters") for n in range(1000)
    ]
    assert paths[999] == paths[1999] == "tools[999].function.parameters"
    assert in_time(began)


def test_a_part_that_stands_twice_is_found_where_it_stands_first() -> None:
    text = Text(text="x")
    wire = {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}] * 2}] * 2}
    asked = CODECS["openai.chat"].decode_request(wire, Context())
    sent = replace(asked, messages=(Message(role="user", parts=(text, text)),) * 2)
    guide = Guide(PLACES["openai.chat"], wire, asked, sent, Context())
    assert guide.path("messages[1].parts[1]") == "messages[0].content[0]"


def test_a_long_chain_of_references() -> None:
    """Each of another name and of the same stem: refused at 10,000, and soon."""
    names = [f"d{chr(0x4E00 + n)}" for n in range(3 * MANY)]
    links = {name: {"$ref": f"#/$defs/{to}"} for name, to in pairwise(names)}
    schema = {"type": "object", "properties": {"a": {"$ref": f"#/$defs/{names[0]}"}}, "$defs": links}
    began = time.process_time()
    with pytest.raises(GatewayError, match="grows beyond"):
        normalise(schema, schema_targets.GEMINI_PARAMETERS, Context(), "schema")
    assert in_time(began)


async def test_items_that_are_named_are_looked_for_some_at_once() -> None:
    """Sixteen thousand answers of the store in one turn of the loop would hold it for a second."""
    looking, most = 0, 0

    class Store:
        async def get(self, shelf: Shelf, owner: str, key: str) -> None:
            nonlocal looking, most
            looking += 1
            most = max(most, looking)
            await asyncio.sleep(0)
            looking -= 1

    gateway: Any = SimpleNamespace(store=Store())
    caller: Any = SimpleNamespace(owner="key-1", memory=None)
    assert await meant(gateway, caller, [f"msg_{n}" for n in range(MANY)]) == {}
    assert most < 300


def test_white_space_before_a_thought_is_not_waited_for_for_ever() -> None:
    tags = Tags()
    began = time.process_time()
    told = "".join(text for _ in range(50 * MANY) for _, text in tags.feed(" \n"))
    assert len(told + "".join(text for _, text in tags.close())) == 100 * MANY
    assert tags.passed
    assert in_time(began)


def test_a_thought_after_some_white_space_is_one() -> None:
    tags = Tags()
    pieces = [piece for text in (" " * 1000, "<thi", "nk>a</think>", "\nb") for piece in tags.feed(text)]
    assert pieces == [("thought", "a"), ("text", "b")]
