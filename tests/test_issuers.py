"""What a provider signed goes back to it and to nobody else: every client over every provider, two calls deep, with a
fresh process between the turns (cases 35, 36, 64, 77, 78, 84 to 88, 124)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests import laws
from tests.cases.inside import FRONTS, House, Says, whole
from tests.cases.test_cases_069_083 import rebuilt
from tests.cases.test_cases_084_096 import calls_in, follow, opened

from clients import Chat, front_id
from dragoman.core.fold import unfold
from dragoman.core.framing import SseWriter
from dragoman.core.profile import Profile
from dragoman.dialects import CODECS
from dragoman.dialects import openai_responses as _responses
from dragoman.providers.catalog import catalogue, profile_of
from dragoman.store.sqlite import SqliteStore

Json = Any
STATE = _responses.state

MORE = "".join(
    f"""
[providers.{name}]
kind = "{kind}"
base_url = "http://{name}.test/v1"
keys = ["key-of-{name}"]
models = ["*"]
{more}
"""
    for name, kind, more in (
        ("grok", "xai", 'api = "responses"'),
        ("router", "openrouter", ""),
        ("deep", "deepseek", ""),
        ("kimi", "anthropic", '[providers.kimi.profile]\nissuer = "moonshot"'),
    )
)
MODELS = {
    "messages": "claude-sonnet-4-5", "contents": "gemini-2.5-flash", "responses": "gpt-5", "grok": "grok-4",
    "router": "openai/gpt-5", "deep": "deepseek-reasoner", "kimi": "claude-x",
}  # fmt: skip


def proof(back: str, n: int) -> str:
    return f"{back}Signed{n}" + "Ab" * 20


def thought(back: str, n: int) -> str:
    return f"{back} thought {n}"


def called(back: str, n: int) -> Says:
    """The nth answer of a provider: it thought, signed, and called a tool."""
    proved, why, args = proof(back, n), thought(back, n), {"n": n}
    call = {"id": f"call_{n}", "type": "function", "function": {"name": "get_weather", "arguments": json.dumps(args)}}
    if back in ("messages", "kimi"):
        content = [
            {"type": "thinking", "thinking": why, "signature": proved},
            {"type": "tool_use", "id": f"toolu_{n}", "name": "get_weather", "input": args},
        ]
        usage = {"input_tokens": 1, "output_tokens": 1}
        return whole({"id": f"msg_{n}", "type": "message", "role": "assistant", "model": "m", "content": content,
                      "stop_reason": "tool_use", "stop_sequence": None, "usage": usage})  # fmt: skip
    if back == "contents":
        parts = [{"text": why, "thought": True}, {"functionCall": {"name": "get_weather", "args": args},
                                                  "thoughtSignature": proved}]  # fmt: skip
        return whole({"candidates": [{"content": {"parts": parts, "role": "model"}, "finishReason": "STOP"}]})
    if back in ("responses", "grok"):
        output = [
            {"type": "reasoning", "id": f"rs_{n}", "summary": [{"type": "summary_text", "text": why}],
             "encrypted_content": proved},
            {"type": "function_call", "id": f"fc_{n}", "call_id": f"call_{n}", "name": "get_weather",
             "arguments": json.dumps(args), "status": "completed"},
        ]  # fmt: skip
        return whole({"id": f"resp_{n}", "object": "response", "status": "completed", "model": "m", "output": output})
    told: Json = {"reasoning_content": why}
    if back == "router":
        told = {
            "reasoning": why,
            "reasoning_details": [
                {"type": "reasoning.summary", "summary": why, "format": "openai-responses-v1", "index": 0},
                {
                    "type": "reasoning.encrypted",
                    "data": proved,
                    "format": "openai-responses-v1",
                    "index": 0,
                    "id": "rs_1",
                },
            ],
        }
    message = {"role": "assistant", "content": None, "tool_calls": [call], **told}
    return whole({"id": f"c{n}", "object": "chat.completion", "created": 1, "model": "m",
                  "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]})  # fmt: skip


DIALECTS = {
    "messages": "anthropic", "kimi": "anthropic", "contents": "gemini", "responses": "openai.responses",
    "grok": "openai.responses", "router": "openai.chat", "deep": "openai.chat",
}  # fmt: skip


def streamed(back: str, says: Says) -> Says:
    """The same answer as its provider would stream it."""
    codec, context = CODECS[DIALECTS[back]], laws.context()
    response = codec.decode_response(
        json.loads(b"".join(part for part in says.script if isinstance(part, bytes))), context
    )
    frames = laws.render(codec, unfold(response))
    return Says([b"".join(SseWriter().write(frame) for frame in frames)])


def owed(back: str, sent: Json) -> list[tuple[str, str]]:
    """The proofs a provider was sent again, each with the arguments of the call it stands before or on."""
    waiting, found = "", list[tuple[str, Json]]()
    if back in ("messages", "kimi"):
        for block in (block for turn in sent["messages"] for block in turn["content"] if isinstance(block, dict)):
            waiting = block.get("signature", waiting)
            found += [(waiting, block["input"])] if block["type"] == "tool_use" else []
    elif back == "contents":
        parts = [part for content in sent["contents"] for part in content["parts"] if "functionCall" in part]
        found += [(part.get("thoughtSignature", ""), part["functionCall"]["args"]) for part in parts]
    elif back in ("responses", "grok"):
        for item in sent["input"]:
            waiting = item.get("encrypted_content", waiting)
            found += [(waiting, json.loads(item["arguments"]))] if item.get("type") == "function_call" else []
    else:
        for message in sent["messages"]:
            details = message.get("reasoning_details") or [{}]
            proved = message.get("reasoning_content") if back == "deep" else details[-1].get("data")
            calls = message.get("tool_calls") or ()
            found += [(proved or "", json.loads(call["function"]["arguments"])) for call in calls]
    return [(proved, json.dumps(args)) for proved, args in found]


def house(folder: Path, *lines: Says) -> House:
    """A process of its own, with the store the last one left."""
    return House(folder, *lines, more=MORE, store=SqliteStore(folder / "store.db", lambda: 0.0))


async def turn(
    folder: Path, front: Chat, back: str, body: Json, says: Says, *, stream: bool = False
) -> tuple[Json, Json]:
    """What the client gets, and what the provider was sent."""
    model = f"{back}/{MODELS[back]}"
    here = house(folder, streamed(back, says) if stream else says)
    body = body | ({"model": model} if "model" in body else {})
    body = body | ({"stream": stream} if front.name != "gemini" else {})
    reply = await here.ask(front.path(model, stream), body, front.headers)
    assert reply.status == 200, reply
    await here.store.close()
    return rebuilt(front, reply), here.script.last


def answered(front: Chat, asked: Json, first: Json, *, bare: bool) -> Json:
    results = {id: f"result of {name} {args}" for id, name, args in calls_in(front, first)}
    if front.name == "openai.responses" and isinstance(asked["input"], list):
        begun = follow(front, asked | {"input": "x"}, first, results, bare=bare)["input"][1:]
        return asked | {"input": [*asked["input"], *begun]}
    return follow(front, asked, first, results, bare=bare)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("bare", [False, True], ids=["all", "bare"])
@pytest.mark.parametrize("back", MODELS)
@pytest.mark.parametrize("front", FRONTS, ids=front_id)
async def test_case_124_it_goes_home_over_two_calls_and_restarts(
    tmp_path: Path, front: Chat, back: str, bare: bool, stream: bool
) -> None:
    if bare and (front.name, back) in {("openai.responses", "responses"), ("openai.responses", "grok"),
                                       ("anthropic", "messages"), ("gemini", "contents")}:  # fmt: skip
        pytest.skip("a client of the provider's own dialect keeps what it is sent")
    body = opened(front, "m", False, "get_weather")
    first, _ = await turn(tmp_path, front, back, body, called(back, 1), stream=stream)
    body = answered(front, body, first, bare=bare)
    second, sent = await turn(tmp_path, front, back, body, called(back, 2), stream=stream)
    proofs = [(thought if back == "deep" else proof)(back, n) for n in (1, 2)]
    assert owed(back, sent) == [(proofs[0], '{"n": 1}')]
    body = answered(front, body, second, bare=bare)
    _, sent = await turn(tmp_path, front, back, body, called(back, 3))
    assert owed(back, sent) == [(proofs[0], '{"n": 1}'), (proofs[1], '{"n": 2}')]
    assert "dragoman:" not in json.dumps(sent), "our own mark is shown to nobody"


@pytest.mark.parametrize("bare", [False, True], ids=["all", "bare"])
@pytest.mark.parametrize("other", MODELS)
@pytest.mark.parametrize("back", MODELS)
@pytest.mark.parametrize("front", FRONTS, ids=front_id)
async def test_case_087_nobody_else_is_sent_it(tmp_path: Path, front: Chat, back: str, other: str, bare: bool) -> None:
    if back == other:
        pytest.skip("its own")
    body = opened(front, "m", False, "get_weather")
    first, _ = await turn(tmp_path, front, back, body, called(back, 1))
    body = answered(front, body, first, bare=bare)
    _, sent = await turn(tmp_path, front, other, body, called(other, 2))
    if other != "router" or back not in ("messages", "contents"):  # who serves their models too
        assert proof(back, 1) not in json.dumps(sent)
    assert "dragoman:" not in json.dumps(sent)


def test_case_124_every_relay_of_a_dialect_signs_in_its_own_name() -> None:
    """What xAI, Azure or a relay encrypts, OpenAI cannot read, and the other way round."""
    for kind, entry in catalogue().items():
        issuer = profile_of("m", entry).issuer
        if (
            entry.dialect in ("openai.chat", "openai.responses")
            and kind not in ("openai", "sandbox")
            and not entry.like
        ):
            assert issuer == kind
        if kind in ("openai", "anthropic", "gemini"):
            assert issuer is None


def test_case_124_passing_through_names_and_takes_back_the_issuer() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}
    raw = json.dumps({"output": [item], "note": '"encrypted_content": "x"'}).encode()
    told = json.loads(STATE.sealed(raw, "xai"))
    assert told == {"output": [item | {"encrypted_content": "dragoman:xai:gAAA"}], "note": '"encrypted_content": "x"'}
    assert STATE.sealed(STATE.sealed(raw, "xai"), "xai") == STATE.sealed(raw, "xai")
    codec, say = CODECS["openai.responses"], {"role": "user", "content": "hi"}
    asked = json.dumps({"model": "m", "input": [told["output"][0], item, say]}).encode()
    for issuer, kept in (("xai", [item, say]), (None, [item, say]), ("azure", [say])):
        edited = json.loads(codec.edit_request(asked, "m", False, Profile(issuer=issuer)))
        assert edited["input"] == kept, issuer
