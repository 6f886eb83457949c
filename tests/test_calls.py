"""Ids that calls share are told apart, and every result finds its own call."""

from __future__ import annotations

from dragoman.core.calls import distinct
from dragoman.core.ir import Message, Request, Text, ToolCall, ToolResult


def asked(*turns: tuple[str, list[str]]) -> Request:
    """Turns of calls ("assistant") and results ("user") by id; a result says which place it has in the conversation."""
    count = iter(range(100))
    messages = [
        Message(
            role="assistant" if who == "call" else "user",
            parts=tuple(
                ToolCall(id=id, name="f", arguments=f'{{"n":{next(count)}}}')
                if who == "call"
                else ToolResult(call_id=id, content=(Text(text=f"r{next(count)}"),))
                for id in ids
            ),
        )
        for who, ids in turns
    ]
    return Request(origin="openai.chat", model="m", messages=tuple(messages))


def ids(request: Request) -> list[list[str]]:
    return [[p.id if isinstance(p, ToolCall) else p.call_id for p in m.parts] for m in request.messages]  # type: ignore[union-attr]


def test_ids_that_differ_stay_and_so_does_the_request() -> None:
    request = asked(("call", ["a", "b"]), ("result", ["b", "a"]))
    assert distinct(request) is request


def test_two_calls_of_one_id_each_get_their_result() -> None:
    assert ids(distinct(asked(("call", ["c", "c"]), ("result", ["c"]), ("result", ["c"])))) == [
        ["c", "c_1"],
        ["c"],
        ["c_1"],
    ]


def test_ids_counted_anew_each_turn() -> None:
    request = asked(("call", ["0", "1"]), ("result", ["1", "0"]), ("call", ["0"]), ("result", ["0"]))
    assert ids(distinct(request)) == [["0", "1"], ["1", "0"], ["0_1"], ["0_1"]]


def test_a_new_id_is_nobody_elses() -> None:
    request = asked(("call", ["c", "c_1", "c"]), ("result", ["c", "c_1", "c", "c"]))
    assert ids(distinct(request)) == [["c", "c_1", "c_2"], ["c", "c_1", "c_2", "c"]]
    assert distinct(distinct(request)) == distinct(request)


def test_what_was_said_stands() -> None:
    request = asked(("call", ["c", "c"]), ("result", ["c", "c"]))
    said = [p.content[0].text for p in distinct(request).messages[1].parts]  # type: ignore[union-attr]
    assert said == ["r2", "r3"]
