"""A client that believes to speak to another model of the same vendor, through the whole service: what the provider is
sent, for an answer and for a count, and what the client is told of it.
"""

import json
from pathlib import Path

from tests.cases.inside import House, whole

from clients import MESSAGES
from test_aliases import CLAUDE_CODE

ANSWER = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5", "stop_reason": "end_turn",
    "stop_sequence": None, "content": [{"type": "text", "text": "Hi"}], "usage": {"input_tokens": 1, "output_tokens": 1},
}  # fmt: skip

HOUSE = '\n[models.house]\ntargets = ["messages/claude-haiku-4-5"]\n'


async def test_an_older_claude_answers_claude_code_under_another_name(tmp_path: Path) -> None:
    house = House(tmp_path, whole(ANSWER), more=HOUSE)
    reply = await house.ask("/v1/messages?beta=true", CLAUDE_CODE | {"stream": False}, MESSAGES.headers)
    assert reply.status == 200 and json.loads(reply.body)["model"] == "house"
    sent = json.loads(house.script.asked[0].body)
    assert sent["thinking"] == {"type": "enabled", "budget_tokens": 16384} and "output_config" not in sent
    assert [turn["role"] for turn in sent["messages"]] == ["user"]
    assert "messages[1]" in reply.headers["x-dragoman-lost"]


async def test_and_counts_for_it(tmp_path: Path) -> None:
    house = House(tmp_path, whole({"input_tokens": 9}), more=HOUSE)
    body = {name: value for name, value in CLAUDE_CODE.items() if name not in ("max_tokens", "stream")}
    reply = await house.ask("/v1/messages/count_tokens?beta=true", body, MESSAGES.headers)
    assert reply.status == 200 and json.loads(reply.body) == {"input_tokens": 9}
    sent = json.loads(house.script.asked[0].body)
    assert sent["thinking"]["type"] == "enabled" and "max_tokens" not in sent and "output_config" not in sent
    assert [turn["role"] for turn in sent["messages"]] == ["user"]
    assert "emulated" in reply.headers["x-dragoman-lost"]
