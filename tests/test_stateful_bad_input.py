"""What the Responses API remembers, asked for in every wrong way: always an answer, or a refusal in its own dialect. It knows
the wire format, and the pure functions that read what was kept."""

import json
from typing import Any

import pytest

from clients import RESPONSES
from dragoman.core.errors import Kind
from dragoman.dialects import STATE
from dragoman.dialects.openai_responses import compaction
from gateway import MODEL, Gateway
from mutations import mutations, only_refusals

PATH, TALKS = RESPONSES.path(), "/v1/conversations"
HISTORY: list[dict[str, Any]] = [
    {"type": "message", "role": "user", "content": "Hi"},
    compaction.sealed("Ann is here.", "cmp_1"),
    {"type": "item_reference", "id": "msg_1"},
    {"type": "function_call_output", "output": "21C", "name": "sleep"},
]


def survived(gateway: Gateway, path: str, body: Any) -> int:
    """How many of a body's mutations are refused; each with an error that names itself, and never the gateway's own."""
    refused = 0
    for where, changed in mutations(body):
        answer = gateway.call("POST", path, body=json.dumps(changed).encode())
        if answer.status == 200:
            continue
        assert answer.status in (400, 404), (where, answer)
        assert RESPONSES.error(answer)[2], where
        refused += 1
    return refused


@pytest.mark.parametrize("part", range(len(HISTORY)))
def test_compaction(sandbox: Gateway, part: int) -> None:
    assert survived(sandbox, f"{PATH}/compact", {"model": MODEL, "input": [HISTORY[0], HISTORY[part]]}) > 20


@pytest.mark.parametrize("part", range(len(HISTORY)))
def test_triggers(sandbox: Gateway, part: int) -> None:
    body = {"model": MODEL, "input": [HISTORY[0], HISTORY[part], {"type": "compaction_trigger"}]}
    assert survived(sandbox, PATH, body) > 20


def test_conversations(sandbox: Gateway) -> None:
    body = {"metadata": {"k": "v"}, "items": HISTORY[:2]}
    assert survived(sandbox, TALKS, body) > 20
    id = sandbox.post(TALKS, body).json["id"]
    assert survived(sandbox, f"{TALKS}/{id}", {"metadata": {"k": "v"}}) > 20
    assert survived(sandbox, f"{TALKS}/{id}/items", {"items": HISTORY[:2]}) > 20
    assert survived(sandbox, PATH, {"model": MODEL, "input": "Hi", "conversation": {"id": id}, "store": False}) > 20
    assert sandbox.get(f"{TALKS}/{id}/items?limit=100").status == 200


RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 5,
    "status": "completed",
    "model": "m",
    "output": [
        {
            "id": "rs_1",
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "T"}],
            "encrypted_content": "x",
        },
        {"id": "msg_1", "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]},
        {"id": "fc_1", "type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"id": "cmp_1", "type": "compaction", "encrypted_content": "x"},
    ],
    "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
}


def test_whatever_was_kept_is_told_again() -> None:
    """A provider's answer may hold anything."""

    def told(response: Any) -> None:
        frames = list(STATE.replayed(response)) if isinstance(response, dict) else []
        numbers = [json.loads(frame.data)["sequence_number"] for frame in frames]
        assert numbers == list(range(len(frames)))

    assert only_refusals(told, RESPONSE, Kind.UPSTREAM) < 600


def test_whatever_was_kept_is_gone_on_from() -> None:
    def gone_on(response: Any) -> None:
        if not isinstance(response, dict):
            return
        for given in (HISTORY, "Hi", None, 7, [7, None, {"type": []}, {"id": {}}, {"type": "message", "content": 7}]):
            wire = {"model": "m", "input": given}
            kept = STATE.kept(wire, response, "p", native=False, new_id=str)
            STATE.joined({"input": "And?"}, kept, home=False)
            STATE.encode_items(kept)
            STATE.said(kept)
            STATE.exchanged(wire, response)

    assert only_refusals(gone_on, RESPONSE) == 0
