"""The paths that clients are told: of refusals, of strict, and of losses, in bodies whose parts are moved on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.cases.answers import answer
from tests.cases.inside import BACKS, FRONTS, MODELS, SAME, House

from clients import CHAT, CONTENTS, MESSAGES, RESPONSES, Chat, front_id
from dragoman.core.places import resolved
from upstream.model import Turn

ABROAD = [(front, back) for front in FRONTS for back in BACKS if SAME[back] is not front]
STORED: dict[str, Any] = {
    "anthropic": {"type": "document", "source": {"type": "file", "file_id": "f_1"}},
    "gemini": {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/x", "mimeType": "video/mp4"}},
    "openai.responses": {"type": "input_file", "file_id": "file-1"},
    "openai.chat": {"type": "file", "file": {"file_id": "file-1"}},
}  # fmt: skip
"""A part that nobody but its own provider can read."""


def talk(front: Chat, *turns: tuple[str, list[Any]]) -> dict[str, Any]:
    """A conversation after a system prompt; a text stands for the part that holds it."""

    def part(one: Any, who: str) -> Any:
        if not isinstance(one, str):
            return one
        if front is RESPONSES:
            return {"type": "output_text" if who == "assistant" else "input_text", "text": one}
        return {"text": one} if front is CONTENTS else {"type": "text", "text": one}

    told = [(who, [part(one, who) for one in parts]) for who, parts in turns]
    if front is CONTENTS:
        roles = {"assistant": "model"}
        contents = [{"role": roles.get(who, who), "parts": parts} for who, parts in told]
        return {"system_instruction": {"parts": [{"text": "S"}]}, "contents": contents}
    turns_ = [{"role": who, "content": parts} for who, parts in told]
    if front is RESPONSES:
        return {"instructions": "S", "input": turns_}
    if front is MESSAGES:
        return {"system": [{"type": "text", "text": "S"}], "messages": turns_}
    return {"messages": [{"role": "system", "content": "S"}, *turns_]}


def place(front: Chat, turn: int, part: int) -> str:
    """The path of a part of such a conversation."""
    if front is CONTENTS:
        return f"contents[{turn}].parts[{part}]"
    return (
        f"input[{turn}].content[{part}]"
        if front is RESPONSES
        else f"messages[{turn + (front is CHAT)}].content[{part}]"
    )


async def send(house: House, front: Chat, back: str, body: dict[str, Any], **headers: str) -> Any:
    name = f"{back}/{MODELS[back]}"
    return await house.ask(front.path(name), front.body("x", name) | body, front.headers | headers)


@pytest.mark.parametrize(
    ("front", "back"),
    [
        (front, back) for front, back in ABROAD if {front.vendor, SAME[back].vendor} != {"openai"}
    ],  # its files are its own
    ids=lambda one: one if isinstance(one, str) else front_id(one),
)
async def test_a_refusal_names_the_part_in_the_callers_body(tmp_path: Path, front: Chat, back: str) -> None:
    house = House(tmp_path, answer(back, Turn(text="D"), False))
    body = talk(front, ("user", ["A"]), ("assistant", ["B"]), ("user", ["C", STORED[front.name]]))
    reply = await send(house, front, back, body)
    assert reply.status == 400 and house.script.asked == [], reply
    path = place(front, 2, 1)
    assert front.error(reply)[2].startswith(f"{path}: ") and resolved(body, path)
    if front in (CHAT, RESPONSES):
        assert reply.json["error"]["param"] == path
    if front is CONTENTS:
        assert reply.json["error"]["details"][0]["fieldViolations"][0]["field"] == path


@pytest.mark.parametrize(("front", "back"), ABROAD, ids=lambda one: one if isinstance(one, str) else front_id(one))
async def test_strict_names_what_would_be_lost(tmp_path: Path, front: Chat, back: str) -> None:
    house = House(tmp_path, answer(back, Turn(text="D"), False))
    odd = {"text": "C", "x_new": 1} if front is CONTENTS else {"type": "text", "text": "C", "x_new": 1}
    odd = odd | {"type": "input_text"} if front is RESPONSES else odd
    body = talk(front, ("user", ["A"]), ("assistant", ["B"]), ("user", [odd, "D"]))
    path = f"{place(front, 2, 0)}.x_new"
    assert f"{path} (dropped)" in (await send(house, front, back, body)).headers["x-dragoman-lost"]
    reply = await send(house, front, back, body, **{"x-dragoman-strict": "true"})
    assert reply.status == 400 and front.error(reply)[2].startswith(f"{path}: "), reply
    assert resolved(body, path) == path


async def test_answers_made_in_a_row_are_told_apart(tmp_path: Path) -> None:
    """They go out as one turn, with the results of their calls after it: the second answer is still the second."""
    house = House(tmp_path, answer("chat", Turn(text="D"), False))
    use = [{"type": "tool_use", "id": f"t{n}", "name": "f", "input": {}, "x_new": n} for n in range(2)]
    result = {"type": "tool_result", "content": "r"}
    messages = [
        {"role": "user", "content": "A"},
        {"role": "assistant", "content": [{"type": "text", "text": "B"}, use[0]]},
        {"role": "assistant", "content": [use[1]]},
        {"role": "user", "content": [{"type": "text", "text": "C"}, result | {"tool_use_id": "t1", "x_new": 2},
                                     result | {"tool_use_id": "t0"}]},
    ]  # fmt: skip
    tools = [{"name": "f", "input_schema": {"type": "object"}}]
    reply = await send(house, MESSAGES, "chat", {"messages": messages, "tools": tools})
    assert reply.status == 200, reply
    lost = [path for path in reply.headers["x-dragoman-lost"].split(", ") if "x_new" in path]
    named = ["messages[1].content[1].x_new", "messages[2].content[0].x_new", "messages[3]"]
    assert [path.startswith(name) for path, name in zip(lost, named, strict=True)] == [True] * 3, lost


async def test_what_stands_in_an_earlier_response_is_named_by_its_id(tmp_path: Path) -> None:
    house = House(tmp_path, answer("messages", Turn(text="D"), False))
    odd = {"type": "input_text", "text": "C", "x_new": 1}
    first = await send(house, RESPONSES, "messages", {"input": [{"role": "user", "content": [odd]}]})
    assert "input[0].content[0].x_new" in first.headers["x-dragoman-lost"]
    more = {"previous_response_id": first.json["id"], "input": [{"role": "user", "content": [odd | {"x_other": 2}]}]}
    again = await send(house, RESPONSES, "messages", more)
    assert again.status == 200, again
    lost = again.headers["x-dragoman-lost"].split(", ")
    assert "input[0].content[0].x_other (dropped)" in lost, "counted in the caller's own input"
    assert "previous_response_id (dropped)" in lost


async def test_the_app_api_is_told_its_own_names(tmp_path: Path) -> None:
    house = House(tmp_path, answer("chat", Turn(text="D"), False))
    message = {"role": "user", "content": "A", "x_new": 1}
    body = {"systemPrompt": "S", "messages": [message], "model": f"chat/{MODELS['chat']}", "maxTokens": 10**9}
    reply = await house.ask("/api/generate", body)
    assert reply.status == 200, reply
    lost = reply.headers["x-dragoman-lost"]
    assert "messages[0].x_new (dropped)" in lost and "maxTokens (clamped)" in lost


@pytest.mark.parametrize("front", FRONTS, ids=front_id)
async def test_a_chat_with_a_model_that_draws_is_refused_by_the_callers_names(tmp_path: Path, front: Chat) -> None:
    """Written as a wish for a picture, not as a chat: the paths are the caller's all the same."""
    house = House(tmp_path, answer("chat", Turn(text="D"), False))
    name = "chat/gpt-image-1"
    said = {CHAT: "max_tokens", MESSAGES: "max_tokens", RESPONSES: "max_output_tokens"}.get(front)
    config = {said: 50} if said else {"generationConfig": {"maxOutputTokens": 50}}
    body = front.body("A fish", name) | config
    reply = await house.ask(front.path(name), body, front.headers | {"x-dragoman-strict": "true"})
    assert reply.status == 400, reply
    path = front.error(reply)[2].partition(":")[0]
    assert resolved(body, path) == path, path
