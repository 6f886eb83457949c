"""The validator of Converse's streams: real ones pass, and every rule rejects a stream that breaks it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.test_bedrock import STREAMS
from tests.traffic import Exchange
from tests.validators import checked, faults
from tests.validators.converse import Converse

NAME = Converse.dialect
Stream = list[tuple[str, Any]]


def delta(at: int, **wire: Any) -> tuple[str, Any]:
    return "contentBlockDelta", {"contentBlockIndex": at, "delta": wire}


def stop(at: int) -> tuple[str, Any]:
    return "contentBlockStop", {"contentBlockIndex": at}


GOOD: Stream = [
    ("messageStart", {"role": "assistant"}),
    delta(0, reasoningContent={"text": "Hm."}),
    delta(0, reasoningContent={"signature": "c2ln"}),
    stop(0),
    delta(1, text="hi"),
    delta(1, citation={"title": "t"}),
    stop(1),
    ("contentBlockStart", {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "a", "name": "f"}}}),
    delta(2, toolUse={"input": '{"a":'}),
    delta(2, toolUse={"input": "1}"}),
    stop(2),
    ("messageStop", {"stopReason": "tool_use"}),
    ("metadata", {"usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 7, "cacheReadInputTokens": 4}}),
]
CHANGES: list[tuple[str, Callable[[Stream], Any]]] = [
    ("json", lambda s: s.insert(4, ("contentBlockDelta", []))),
    ("name", lambda s: s.insert(4, ("riddle", {}))),
    ("name", lambda s: s.__setitem__(-1, ("riddleException", {"message": "x"}))),
    ("first", lambda s: s.pop(0)),
    ("first", lambda s: s.insert(1, s[0])),
    ("first", lambda s: s[0][1].update(role="user")),
    ("block-index", lambda s: [wire.update(contentBlockIndex=5) for _, wire in s[4:7]]),
    ("block-order", lambda s: s.pop(3)),
    ("block-order", lambda s: s.insert(3, delta(1, text="x"))),
    ("block-order", lambda s: s.pop(7)),
    ("start", lambda s: s[7][1]["start"]["toolUse"].pop("name")),
    ("start", lambda s: s[7][1].update(start={"text": {}})),
    ("delta", lambda s: s[4][1].update(delta={"text": "a", "citation": {}})),
    ("delta", lambda s: s[5][1].update(delta={"reasoningContent": {"text": "x"}})),
    ("delta", lambda s: s[4][1].update(delta={"text": 5})),
    ("delta", lambda s: s[8][1].update(delta={"toolUse": {"input": {}}})),
    ("delta", lambda s: s[1][1].update(delta={"reasoningContent": {"text": "a", "signature": "b"}})),
    ("block-order", lambda s: s.__delitem__(slice(4, 6))),
    ("signature", lambda s: s.insert(3, delta(0, reasoningContent={"text": "more"}))),
    ("arguments", lambda s: s.pop(9)),
    ("stop", lambda s: s.insert(11, s[11])),
    ("stop", lambda s: s[11][1].update(stopReason="riddle")),
    ("stop-calls", lambda s: s.__delitem__(slice(7, 11))),
    ("usage", lambda s: s[-1][1]["usage"].update(totalTokens=8)),
    ("usage", lambda s: s[-1][1].pop("usage")),
    ("usage", lambda s: s.pop(11)),
    ("error", lambda s: s.__setitem__(-1, ("throttlingException", {}))),
    ("ended", lambda s: s.pop()),
    ("last", lambda s: s.append(s[-1])),
]


def written(stream: Stream) -> list[tuple[str, str]]:
    return [(name, json.dumps(wire)) for name, wire in stream]


def test_a_good_stream_passes() -> None:
    checked(NAME, written(GOOD))
    checked(NAME, written([*GOOD[:5], ("throttlingException", {"message": "wait"})]))
    for end in range(len(GOOD)):
        checked(NAME, written(GOOD[:end]), whole=False)


@pytest.mark.parametrize("case", STREAMS)
def test_a_recorded_stream_keeps_the_rules(case: Exchange) -> None:
    events = case.record["response"]["events"]
    checked(NAME, [(event["headers"][":event-type"], json.dumps(event["payload"])) for event in events])


@pytest.mark.parametrize(("rule", "change"), CHANGES, ids=[f"{rule}-{i}" for i, (rule, _) in enumerate(CHANGES)])
def test_each_rule_rejects_a_stream_that_breaks_it(rule: str, change: Callable[[Stream], Any]) -> None:
    stream = copy.deepcopy(GOOD)
    change(stream)
    assert rule in {fault.rule for fault in faults(NAME, written(stream))}


def test_no_rule_is_without_a_stream_that_breaks_it() -> None:
    assert {rule for rule, _ in CHANGES} == set(Converse.RULES)
