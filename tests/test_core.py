"""The core by itself: taking fields, merging leftovers, folding streams, one part at a time."""

from __future__ import annotations

from typing import Any

import pytest
from tests import laws

from dragoman.core.codec import QUIET, Context, Fields, Loss, json_object, merge, rewrite
from dragoman.core.content import BUDGETS, budget_of, effort_of, from_url, legal_name, nearest
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.fold import Fold, Sequence, fold, unfold, whole
from dragoman.core.ir import (
    Base64,
    Citation,
    Event,
    Finish,
    Media,
    PartDelta,
    PartEnd,
    PartStart,
    Ping,
    Reasoning,
    Refusal,
    Response,
    Signature,
    Start,
    Stop,
    Text,
    Thinking,
    ToolCall,
    Url,
    Usage,
)


def test_what_nobody_took_is_the_rest() -> None:
    fields = Fields({"a": 1, "b": {"c": 1, "d": {"e": 2}}, "none": None, "empty": [], "x": "?"})
    assert fields.take("a", int) == 1
    inner = fields.sub("b")
    assert inner.take("c", int) == 1
    assert fields.take("none", str) is None
    assert fields.items("empty") == []
    assert fields.rest == {"b": {"d": {"e": 2}}, "none": None, "empty": [], "x": "?"}


WRONG: list[tuple[str, Any, str]] = [
    ("take", ("a", str), "m[0].a: expected a string, got an integer"),
    ("need", ("gone", str), "m[0].gone: required"),
    ("need", ("none", str), "m[0].none: required"),
    ("sub", ("a",), "m[0].a: expected an object, got an integer"),
    ("sub", ("gone",), "m[0].gone: required"),
    ("items", ("a",), "m[0].a: expected an array, got an integer"),
    ("strings", ("list",), "m[0].list[1]: expected a string, got an integer"),
    ("between", ("a", 2, 3), "m[0].a: must be between 2 and 3, got 1"),
    ("count", ("zero",), "m[0].zero: must be at least 1, got 0"),
    ("take", ("yes", int), "m[0].yes: expected an integer, got a boolean"),
    ("take", ("half", int), "m[0].half: expected an integer, got a number"),
    ("choice", ("word", {"auto": 1, "none": 2}), "m[0].word: 'maybe' is not one of auto, none"),
]


@pytest.mark.parametrize(("method", "arguments", "message"), WRONG)
def test_errors_name_the_path(method: str, arguments: tuple[Any, ...], message: str) -> None:
    wire = {"a": 1, "none": None, "list": ["x", 2], "zero": 0, "yes": True, "half": 0.5, "word": "maybe"}
    with pytest.raises(GatewayError) as caught:
        getattr(Fields(wire, "m[0]"), method)(*arguments)
    assert caught.value.message == message
    assert caught.value.kind is Kind.INVALID_REQUEST
    assert caught.value.param == message.split(":")[0]


def test_leftovers_go_home_or_are_reported() -> None:
    ctx = Context()
    ctx.going("anthropic", "anthropic")
    assert ctx.carry({"a": {"b": 1}}, {"a": {"c": 2}, "d": None}, "m") == {"a": {"b": 1, "c": 2}, "d": None}
    assert ctx.losses == []
    ctx.going("anthropic", "gemini")
    assert ctx.carry({"a": 1}, {"d": None, "e": [], "f": {}, "g": False}, "m") == {"a": 1}
    assert ctx.losses == [Loss("m.g", "anthropic only")]


def test_quiet_leftovers_go_home_and_are_no_loss_abroad() -> None:
    extra = {"a": {"b": {QUIET + "c": 1}, "none": []}, QUIET + "d": 2, QUIET + "e": None}
    ctx = Context()
    ctx.going("gemini", "gemini")
    assert ctx.carry({}, extra, "m") == {"a": {"b": {"c": 1}, "none": []}, "d": 2}
    ctx.going("gemini", "anthropic")
    assert ctx.carry({}, extra, "m") == {}
    assert ctx.losses == []
    ctx.carry({}, {"a": {"b": {QUIET + "c": 1, "d": 2}}}, "m")
    assert ctx.losses == [Loss("m.a", "gemini only")]


def test_what_the_codec_wrote_stands() -> None:
    assert merge({"a": 1, "b": {"c": 1}}, {"a": 2, "b": {"c": 2, "d": 3}}) == {"a": 1, "b": {"c": 1, "d": 3}}


def test_rewrite_keeps_every_other_byte() -> None:
    raw = b'{"model": "a", "x": {"b":1.50,  "c":"\\u00e9"}, "n": 1e3, "drop": 1}'
    assert rewrite(raw, model="z", drop=None) == b'{"model":"z","x":{"b":1.50,  "c":"\\u00e9"},"n":1e3}'


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b'{"a":', b"\xff", b'{"a":NaN}'])
def test_rewrite_refuses_what_is_no_object(raw: bytes) -> None:
    with pytest.raises(GatewayError, match="not a JSON object"):
        rewrite(raw, model="z")


@pytest.mark.parametrize("text", ["[1]", "{", "null", '"x"'])
def test_arguments_are_an_object(text: str) -> None:
    with pytest.raises(GatewayError, match="JSON object"):
        json_object(text, "p")
    assert json_object("", "p") == {}


RESPONSE = Response(
    origin="x",
    id="1",
    model="m",
    parts=(
        Reasoning(text="hm", signature=Signature("anthropic", "s")),
        Reasoning(signature=Signature("anthropic", "zz"), redacted=True),
        Text(text="hello", citations=(Citation(url="https://a"),)),
        Text(text="", signature=Signature("google", "t")),
        ToolCall(id="c", name="f", arguments='{"a":1}'),
        Media(media_type="image/png", source=Base64("AAAA")),
        Refusal(text="no"),
    ),
    stop=Stop("tool_calls", "tool_use"),
    usage=Usage(input=3, output=4, extra={"tier": "x"}),
    extra={"left": 1},
)


def test_a_response_is_the_fold_of_its_stream() -> None:
    laws.folds_back(RESPONSE)


def test_media_may_grow_too() -> None:
    events: list[Event] = [
        Start(origin="x", id="1", model="m"),
        PartStart(0, Media(media_type="audio/wav", source=Base64(""))),
        PartDelta(0, "AA"),
        PartDelta(0, "BB"),
        PartEnd(0),
        Finish(),
    ]
    assert fold(events).parts == (Media(media_type="audio/wav", source=Base64("AABB")),)


def test_nothing_is_live_before_content() -> None:
    folding = Fold()
    folding.feed(Start(origin="x", id="1", model="m"))
    folding.feed(Ping())
    assert not folding.live
    folding.feed(PartStart(0, Text(text="")))
    assert folding.live


def test_one_part_is_open_at_a_time() -> None:
    """Interleaved calls come out one after the other (cases.md 12)."""
    calls = {i: list(whole(i, ToolCall(id=str(i), name="f", arguments=f'{{"n":{i}}}'))) for i in range(3)}
    mixed = [events[step] for step in range(3) for events in calls.values()]
    sequence = Sequence()
    out = [e for event in [*mixed, Finish()] for e in sequence.feed(event)]
    assert out == [*calls[0], *calls[1], *calls[2], Finish()]


def test_parts_left_open_are_closed_at_the_end() -> None:
    sequence = Sequence()
    events: list[Event] = [PartStart(0, Text(text="")), PartStart(1, Text(text="")), PartDelta(1, "b"), Finish()]
    out = [e for event in events for e in sequence.feed(event)]
    assert out == [events[0], PartEnd(0), events[1], events[2], PartEnd(1), Finish()]


def test_unfold_is_grammatical() -> None:
    laws.grammar(list(unfold(RESPONSE)))


@pytest.mark.parametrize("name", ["mcp__srv/do@x", "x" * 80, "日本", "a b", "a_b", "x" * 79 + "y"])
def test_names_become_legal_and_stay_apart(name: str) -> None:
    legal = legal_name(name)
    assert len(legal) <= 64
    assert set(legal) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
    assert legal_name(name) == legal
    others = {legal_name(other) for other in ["a_b", "a b", "a/b", "a.b"]}
    assert len(others) == 4


def test_efforts_and_budgets_stand_for_each_other() -> None:
    for effort, budget in BUDGETS.items():
        assert budget_of(Thinking(effort=effort)) == budget  # type: ignore[arg-type]
    assert effort_of(Thinking(budget=0)) == "none"
    assert effort_of(Thinking(budget=-1)) is None
    assert effort_of(Thinking(budget=20000)) == "high"
    assert nearest("xhigh", ("low", "medium", "high")) == "high"
    assert nearest("minimal", ("low", "high")) == "low"
    assert nearest("max", ()) == "max"


def test_urls() -> None:
    assert from_url("data:image/png;base64,AAAA", "image/*") == ("image/png", Base64("AAAA"))
    assert from_url("https://a/b.JPG?x=1", "image/*") == ("image/jpeg", Url("https://a/b.JPG?x=1"))
    assert from_url("https://a/b.pdf", "image/*") == ("image/*", Url("https://a/b.pdf"))
