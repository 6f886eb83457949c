"""The sandbox answers a chat by the rules of a provider, always the same. No dialect is known here."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import laws
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.ir import (
    Event,
    Finish,
    Format,
    Media,
    Message,
    Opaque,
    PartDelta,
    PartStart,
    Reasoning,
    Request,
    Sampling,
    Start,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Url,
)
from dragoman.core.media import EmbedRequest, ImageRequest, SpeechRequest
from dragoman.providers.sandbox.tokens import pieces
from sandboxing import (
    CLOCK,
    IMAGE,
    PAPER,
    PING,
    SANDBOX,
    SEARCH,
    WEATHER,
    answered,
    asking,
    assistant,
    calls_of,
    text_of,
    timed,
    user,
    valid,
)

REQUESTS: dict[str, tuple[Request, str]] = {
    "plain": (asking("What is the capital of France?"), "gemini-2.5-flash"),
    "empty": (asking(), ""),
    "no words": (asking(user(IMAGE)), "m"),
    "system": (asking(Message(role="system", parts=(Text(text="Be brief"),)), "Hi"), "m"),
    "opaque": (asking(user(Opaque(kind="x", raw={"a": [1]}), "Hi")), "m"),
    "poem": (asking("Write a poem about spring"), "m"),
    "prefill": (asking("Hello", assistant("I am")), "m"),
    "tools": (asking("Weather in Oslo?", tools=(CLOCK, WEATHER)), "m"),
    "two tools": (asking("Use get_weather and get_time", tools=(CLOCK, WEATHER)), "m"),
    "no arguments": (asking("Go", tools=(PING,)), "m"),
    "thinking": (asking("Why?", thinking=Thinking(effort="high")), "m"),
    "hidden thinking": (asking("Why?", thinking=Thinking(budget=2048, visible=False)), "m"),
    "thinking tools": (asking("Oslo?", thinking=Thinking(), tools=(WEATHER,)), "m"),
    "json": (asking("An object, please", format=Format()), "m"),
    "schema": (asking("Who?", format=Format(schema=WEATHER.parameters)), "m"),
    "image model": (asking("A fox"), "gemini-2.5-flash-image"),
    "image": (asking("A fox", modalities=("text", "image")), "m"),
    "tts": (asking("Say hello"), "gemini-2.5-flash-preview-tts"),
    "audio": (asking("Say hello", modalities=("audio",)), "m"),
    "limit": (asking("Hello there", sampling=Sampling(max_tokens=5)), "m"),
    "nothing": (asking("Hello there", sampling=Sampling(max_tokens=0)), "m"),
    "stop": (asking("Hello there", sampling=Sampling(stop=("sandbox",))), "m"),
    "slow": (asking("Hello there"), "slow"),
    "long": (asking("All of it", format=Format(schema={"type": "string", "minLength": 4000})), "m"),
    "surrogate": (asking("half a \ud83d pair", tools=(WEATHER,)), "m"),
}


# -- laws ------------------------------------------------------------------


@pytest.mark.parametrize("name", REQUESTS)
def test_every_answer_keeps_the_grammar_and_its_promises(name: str) -> None:
    request, model = REQUESTS[name]
    events = [event for _, event in timed(request, model)]
    laws.grammar(events)
    first, last = events[0], events[-1]
    assert isinstance(first, Start) and isinstance(last, Finish)
    assert first.origin == "sandbox"
    assert first.model == model
    assert re.fullmatch(r"[A-Za-z0-9_-]{8,40}", first.id)
    assert first.usage.input == last.usage.input == SANDBOX.count(request, model).tokens
    assert first.usage.input > 0 or not request.messages
    assert last.usage.output > 0 or name == "nothing"
    starts = [event for event in events if isinstance(event, PartStart)]
    grown = {event.index for event in events if isinstance(event, PartDelta)}
    assert all(start.index in grown or isinstance(start.part, Media) for start in starts), "a part without content"


@pytest.mark.parametrize("name", REQUESTS)
def test_the_same_request_has_the_same_answer(name: str) -> None:
    request, model = REQUESTS[name]
    assert timed(request, model) == timed(request, model)


def test_the_answer_is_the_same_in_every_process() -> None:
    """Nothing hangs on the order of a set, which differs from process to process."""
    here = Path(__file__).parent
    code = (
        "import hashlib, test_sandbox as t, test_sandbox_schemas as s\n"
        "print(hashlib.sha256(repr([t.timed(*r) for r in t.REQUESTS.values()] + [s.fitting(each) for each in s.SCHEMAS])"
        ".encode('utf-8', 'replace')).hexdigest())"
    )
    said = set()
    for seed in ("1", "2"):
        path = os.pathsep.join((str(here), str(here.parent / "src"), os.environ.get("PYTHONPATH", "")))
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
        said.add(done.stdout)
    assert len(said) == 1


def test_it_has_no_clock_no_chance_and_no_network() -> None:
    allowed = {
        "__future__", "array", "base64", "collections", "colorsys", "dataclasses", "fractions", "functools", "hashlib",
        "itertools", "json", "math", "re", "struct", "sys", "typing", "unicodedata", "urllib.parse", "zlib",
    }  # fmt: skip
    folder = Path(sys.modules["dragoman.providers.sandbox"].__file__ or "").parent
    found = set()
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module or "")
    found = {name.removesuffix(".abc") for name in found}
    assert {name for name in found if not name.startswith("dragoman.")} <= allowed
    assert {name.split(".")[1] for name in found if name.startswith("dragoman.")} <= {"core", "providers"}


def test_different_conversations_have_different_ids() -> None:
    conversations = {(repr(r.messages), repr(r.tools), model): answered(r, model).id for r, model in REQUESTS.values()}
    assert len(set(conversations.values())) == len(conversations) > 15


# -- text ------------------------------------------------------------------


def test_it_says_who_it_is_and_what_it_received() -> None:
    request = asking("First", assistant("Yes?"), user("What is in\n this picture?", IMAGE, IMAGE, PAPER))
    said = text_of(answered(request, "gpt-4o"))
    assert "Dragoman's sandbox" in said
    assert "no model was called" in said
    assert "gpt-4o" in said
    assert "“What is in this picture?”" in said
    assert "3 messages, 2 images and 1 document" in said


def test_media_in_tool_results_and_films_and_sounds_are_counted() -> None:
    film, sound = Media(media_type="video/mp4", source=Url("x")), Media(media_type="audio/wav", source=Url("y"))
    request = asking(
        user(ToolResult(call_id="a", content=(IMAGE,))), assistant("Thanks"), user("And these?", film, sound)
    )
    assert "3 messages, 1 image, 1 sound and 1 film" in text_of(answered(request))


@pytest.mark.parametrize("name", REQUESTS)
def test_every_prose_says_that_it_is_the_sandbox(name: str) -> None:
    request, model = REQUESTS[name]
    if request.format is None and request.sampling == Sampling():
        for part in answered(request, model).parts:
            if isinstance(part, Text | Reasoning) and part.text:
                assert "andbox" in part.text


def test_a_long_question_is_shortened_and_a_reminder_is_not_the_question() -> None:
    reminder = "<system-reminder>Secret list</system-reminder>"
    said = text_of(answered(asking(user(reminder, "word " * 500))))
    assert "word word" in said and "…" in said
    assert len(said) < 500
    assert "Secret" not in said


@pytest.mark.parametrize(
    ("wish", "topic"),
    [
        ("Write a short poem about spring.", "Spring came by"),
        ("please, a haiku about the ocean", "Ocean came by"),
        ("I want a poem", "Somebody came by"),
    ],
)
def test_a_poem_is_about_the_topic(wish: str, topic: str) -> None:
    said = text_of(answered(asking(wish)))
    assert topic in said
    assert "sandbox" in said
    assert said.count("\n") >= 8


@given(st.text())
@settings(max_examples=200, deadline=None)
def test_pieces_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text
    assert all(len(piece.strip()) <= 8 for piece in pieces(text))


def test_words_come_one_by_one() -> None:
    deltas = [event.text for _, event in timed(asking("Hello")) if isinstance(event, PartDelta)]
    assert len(deltas) > 25
    assert max(map(len, deltas)) < 12


# -- pace ------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in REQUESTS if name != "slow"])
def test_an_answer_takes_its_time_but_not_much(name: str) -> None:
    events = timed(*REQUESTS[name])
    assert events[0][0] == 0.15
    assert sum(wait for wait, _ in events) < 2.5
    for wait, event in events[1:]:
        assert 0.01 <= wait <= 0.021 if isinstance(event, PartDelta) and event.text else wait == 0


def test_a_normal_answer_takes_under_two_seconds() -> None:
    for name in ("plain", "poem", "tools", "thinking", "json"):
        assert 0.3 < sum(wait for wait, _ in timed(*REQUESTS[name])) < 2, name


def test_the_slow_model_is_slow() -> None:
    waits = [wait for wait, _ in timed(asking("Hello"), "slow")]
    assert waits[0] == 10
    assert set(waits[1:]) == {0.5}
    assert sum(waits) < 20
    assert "in the place of slow" in text_of(answered(asking("Hello"), "slow"))


# -- limits ----------------------------------------------------------------


@pytest.mark.parametrize("limit", [0, 1, 2, 7, 30])
def test_max_tokens_cuts_the_text(limit: int) -> None:
    whole = text_of(answered(asking("Hello there")))
    response = answered(asking("Hello there", sampling=Sampling(max_tokens=limit)))
    assert response.stop.reason == "length"
    assert text_of(response) == "".join(pieces(whole)[:limit])
    assert response.usage.output == limit
    assert len(response.parts) == bool(limit)


def test_enough_tokens_cut_nothing() -> None:
    whole = answered(asking("Hello there"))
    response = answered(asking("Hello there", sampling=Sampling(max_tokens=whole.usage.output)))
    assert (response.stop.reason, response.parts) == ("stop", whole.parts)


def test_thoughts_count_towards_the_limit() -> None:
    request = asking("Why?", thinking=Thinking(effort="low"), sampling=Sampling(max_tokens=12))
    response = answered(request)
    [thought] = response.parts
    assert isinstance(thought, Reasoning) and thought.signature is None
    assert response.stop.reason == "length"
    assert (response.usage.output, response.usage.reasoning) == (12, 12)


def test_a_call_is_whole_or_not_at_all() -> None:
    for limit in range(60):
        response = answered(asking("Oslo?", tools=(WEATHER,), sampling=Sampling(max_tokens=limit)))
        assert response.usage.output <= limit
        if calls_of(response):
            assert response.stop.reason == "tool_calls"
            assert valid(json.loads(calls_of(response)[0].arguments), WEATHER.parameters)
        else:
            assert response.stop.reason == "length"
    assert calls_of(response), "59 tokens are enough for a call"


@pytest.mark.parametrize(
    ("stop", "hit"),
    [(("sandbox",), "sandbox"), (("called", "sandbox"), "sandbox"), (("", "no model"), "no model"), (("zebra",), None)],
)
def test_stop_sequences(stop: tuple[str, ...], hit: str | None) -> None:
    whole = text_of(answered(asking("Hello")))
    response = answered(asking("Hello", sampling=Sampling(stop=stop)))
    assert text_of(response) == whole.partition(hit)[0] if hit else whole
    assert (response.stop.reason, response.stop.sequence) == ("stop", hit)


def test_the_limit_wins_over_a_stop_sequence_behind_it() -> None:
    response = answered(asking("Hello", sampling=Sampling(stop=("received",), max_tokens=3)))
    assert (response.stop.reason, response.stop.sequence) == ("length", None)


# -- tools -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "choice", "names"),
    [
        ("Weather in Oslo?", ToolChoice(), ["get_weather"]),
        ("The CITY of Oslo", ToolChoice(), ["get_weather"]),
        ("how late is the time", ToolChoice("required"), ["get_time"]),
        ("Hello", ToolChoice(), ["get_time"]),
        ("Weather?", ToolChoice("tool", name="get_time"), ["get_time"]),
        ("Weather?", ToolChoice(allowed=("get_time", "ping")), ["get_time"]),
        ("Weather?", ToolChoice(allowed=("other",)), []),
        ("Weather?", ToolChoice("none"), []),
        ("Call get_weather, then get_time", ToolChoice(), ["get_weather", "get_time"]),
        ("Call get weather, then get_time", ToolChoice(parallel=True), ["get_weather", "get_time"]),
        ("Call get_weather, then get_time", ToolChoice(parallel=False), ["get_weather"]),
        ("Call get_weather, then get_time", ToolChoice("tool", name="ping"), ["ping"]),
        ("web_search", ToolChoice("tool", name="web_search"), []),
    ],
)
def test_which_tool_is_called(text: str, choice: ToolChoice, names: list[str]) -> None:
    request = asking(text, tools=(SEARCH, CLOCK, WEATHER, PING), tool_choice=choice)
    response = answered(request)
    calls = calls_of(response)
    assert [call.name for call in calls] == names
    assert response.stop.reason == ("tool_calls" if names else "stop")
    assert bool(text_of(response)) == (not names)
    schemas = {tool.name: tool.parameters or {"type": "object"} for tool in request.tools}
    for call in calls:
        assert not call.server
        assert valid(json.loads(call.arguments), schemas[call.name])
        assert re.fullmatch(r"call_[A-Za-z0-9]{8,35}", call.id)


def test_a_tool_that_is_not_offered_cannot_be_forced() -> None:
    with pytest.raises(GatewayError) as caught:
        SANDBOX.answer(asking("Hi", tools=(PING,), tool_choice=ToolChoice("tool", name="pong")), "m")
    assert caught.value.kind is Kind.INVALID_REQUEST
    assert caught.value.param == "tool_choice"
    assert "'pong'" in caught.value.message


def test_arguments_are_streamed_in_pieces_and_taken_from_the_text() -> None:
    events = timed(asking("Is it warm in New York, in fahrenheit?", tools=(WEATHER,)))
    deltas = [event.text for _, event in events if isinstance(event, PartDelta)]
    assert len(deltas) >= 4
    assert json.loads("".join(deltas)) == {"city": "New York", "unit": "fahrenheit"}


def test_a_tool_without_parameters_gets_an_empty_object() -> None:
    for parameters in (None, {}, {"type": "object"}, {"type": "string"}, "odd", {"type": "object", "properties": {}}):
        [call] = calls_of(answered(asking("Go", tools=(Tool(name="go", parameters=parameters),))))
        assert json.loads(call.arguments) == {}


def test_a_round_trip_with_a_tool() -> None:
    tools, turns = (CLOCK, WEATHER), [user("What is the weather in Oslo?")]
    ids = []
    for number, choice in enumerate([ToolChoice(), ToolChoice("required"), ToolChoice("tool", name="get_weather")]):
        [call] = calls_of(answered(asking(*turns, tools=tools, tool_choice=choice)))
        ids.append(call.id)
        report = json.dumps({"degrees": 20 + number, "note": "mild " * 200})
        turns += [assistant(call), user(ToolResult(call_id=call.id, content=(Text(text=report),)))]
        response = answered(asking(*turns, tools=tools, tool_choice=choice))
        assert response.stop.reason == "stop", "a result is answered in words, or the loop never ends"
        assert f'get_weather: “{{"degrees": {20 + number}, "note": "mild mild' in text_of(response)
        assert len(text_of(response)) < 500
        turns += [assistant(*response.parts), user("And the weather now?")]
    assert len(set(ids)) == 3, "the same question at another place is another call"


def test_calls_of_one_answer_have_different_ids() -> None:
    twins = (Tool(name="ping"), Tool(name="Ping"))
    first, second = calls_of(answered(asking("ping", tools=twins)))
    assert first.id != second.id


def test_results_in_messages_of_their_own_and_words_beside_them() -> None:
    calls = (ToolCall(id="a", name="get_weather"), ToolCall(id="b", name="get_time"))
    found = [
        user(ToolResult(call_id="a", content=(Text(text="rain"), IMAGE))),
        user(ToolResult(call_id="b", content=(Text(text="no such zone"),), is_error=True)),
        user(ToolResult(call_id="c", content=(IMAGE,)), ToolResult(call_id="d")),
        user("<system-reminder>go on</system-reminder>"),
    ]
    said = text_of(answered(asking("Both", assistant(*calls), *found, tools=(CLOCK, WEATHER))))
    assert "get_weather: “rain” and 1 file." in said
    assert "get_time failed: “no such zone”." in said
    assert "the tool: 1 file." in said
    assert "the tool: nothing." in said


def test_a_result_is_followed_by_the_shape_that_is_asked_for() -> None:
    call = ToolCall(id="a", name="get_weather")
    request = asking(
        "Oslo?",
        assistant(call),
        user(ToolResult(call_id="a", content=(Text(text="rain"),))),
        tools=(WEATHER,),
        format=Format(schema=WEATHER.parameters),
    )
    assert valid(json.loads(text_of(answered(request))), WEATHER.parameters)


def test_arguments_do_no_harm() -> None:
    """Whoever offered the tool acts upon its arguments: nothing the person wrote becomes a command, a path or a host."""
    names = [
        "command",
        "cmd",
        "script",
        "code",
        "file_path",
        "filePath",
        "path",
        "directory",
        "cwd",
        "url",
        "webhook_url",
    ]
    properties = {name: {"type": "string"} for name in names} | {"force": {"type": "boolean"}}
    schema = {"type": "object", "properties": properties, "required": [*properties]}
    tool = Tool(name="bash", parameters=schema)
    [call] = calls_of(answered(asking("Please run Rm -rf Home at https://Evil.example/X", tools=(tool,))))
    made = json.loads(call.arguments)
    assert made["command"] == 'echo "Dragoman sandbox"'
    assert made["file_path"] == made["filePath"] == "dragoman-sandbox.txt"
    assert made["force"] is False
    assert not [name for name, value in made.items() if re.search("evil|home|rm", str(value), re.IGNORECASE)]


# -- thinking, shapes --------------------------------------------------------


@pytest.mark.parametrize(
    ("thinking", "thinks"),
    [
        (None, False),
        (Thinking(), True),
        (Thinking(effort="low"), True),
        (Thinking(effort="none"), False),
        (Thinking(budget=0), False),
        (Thinking(budget=512), True),
        (Thinking(budget=-1), True),
        (Thinking(effort="none", budget=512), True),
    ],
)
def test_when_it_thinks(thinking: Thinking | None, thinks: bool) -> None:
    response = answered(asking("Why is the sky blue?", thinking=thinking))
    assert [type(part) for part in response.parts] == ([Reasoning, Text] if thinks else [Text])
    assert (response.usage.reasoning > 0) == thinks
    assert response.usage.output > response.usage.reasoning
    if thinks:
        thought = response.parts[0]
        assert isinstance(thought, Reasoning) and thought.signature is not None
        assert thought.signature.issuer == "sandbox" and len(thought.signature.value) > 16
        assert "Why is the sky blue?" in thought.text and "I am Dragoman's sandbox" in thought.text
        assert response.usage.reasoning == len(pieces(thought.text))


def test_thoughts_nobody_wants_to_see_are_signed_and_counted() -> None:
    response = answered(asking("Why?", thinking=Thinking(effort="low", visible=False)))
    thought = response.parts[0]
    assert isinstance(thought, Reasoning) and thought.text == "" and thought.signature is not None
    assert response.usage.reasoning > 5


def test_plain_json() -> None:
    made = json.loads(text_of(answered(asking("Anything", format=Format()))))
    assert made.keys() == {"answer", "source"}
    assert made["source"] == "dragoman sandbox"


def test_a_schema_is_filled_in() -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer", "minimum": 18, "maximum": 90},
            "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2, "uniqueItems": True},
        },
        "required": ["name", "age", "tags"],
        "additionalProperties": False,
    }
    response = answered(asking("Describe our neighbour Grace, who is 44", format=Format(schema=schema)))
    made = json.loads(text_of(response))
    assert valid(made, schema)
    assert (made["name"], made["age"]) == ("Grace", 44)
    assert response.stop.reason == "stop"


# -- models that misbehave -----------------------------------------------------

ASKED: dict[str, Any] = {
    "answer": lambda model: SANDBOX.answer(asking("Hi"), model),
    "count": lambda model: SANDBOX.count(asking("Hi"), model),
    "embed": lambda model: SANDBOX.embed(EmbedRequest("x", "m", ((Text(text="a"),),)), model),
    "draw": lambda model: SANDBOX.draw(ImageRequest("x", "m", "a"), model),
    "speak": lambda model: SANDBOX.speak(SpeechRequest("x", "m", "a"), model),
}
KINDS = {
    400: Kind.INVALID_REQUEST, 401: Kind.AUTHENTICATION, 402: Kind.QUOTA, 403: Kind.PERMISSION, 404: Kind.NOT_FOUND,
    408: Kind.TIMEOUT, 409: Kind.CONFLICT, 413: Kind.TOO_LARGE, 418: Kind.INVALID_REQUEST, 422: Kind.INVALID_REQUEST,
    429: Kind.RATE_LIMIT, 500: Kind.UPSTREAM, 502: Kind.UPSTREAM, 503: Kind.OVERLOADED, 504: Kind.TIMEOUT,
    529: Kind.OVERLOADED, 599: Kind.UPSTREAM,
}  # fmt: skip


@pytest.mark.parametrize("operation", ASKED)
@pytest.mark.parametrize("status", KINDS)
def test_models_that_fail(status: int, operation: str) -> None:
    with pytest.raises(GatewayError, match=rf"\(the sandbox was asked for a {status}\)$") as caught:
        ASKED[operation](f"error-{status}")
    assert (caught.value.kind, caught.value.status) == (KINDS[status], status)
    assert caught.value.retry_after == (1 if status in (429, 503, 529) else None)
    assert len(caught.value.message) > 40


def test_a_rate_limit_says_so() -> None:
    with pytest.raises(GatewayError, match="rate limit exceeded"):
        SANDBOX.answer(asking("Hi"), "error-429")


@pytest.mark.parametrize(
    "model", ["error-399", "error-600", "error-", "error-4290", "my-error-429", "error-429 ", "cutter"]
)
@pytest.mark.parametrize("operation", ASKED)
def test_models_that_only_sound_like_it(model: str, operation: str) -> None:
    ASKED[operation](model)


def test_every_status_has_an_error() -> None:
    for status in range(400, 600):
        with pytest.raises(GatewayError) as caught:
            SANDBOX.count(asking("Hi"), f"error-{status}")
        assert caught.value.status == status


@pytest.mark.parametrize("name", REQUESTS)
def test_the_cut_model_breaks_off(name: str) -> None:
    request, _ = REQUESTS[name]
    whole = timed(request, "cup")
    seen, error = broken_off(request)
    assert (error.kind, error.code) == (Kind.UPSTREAM, "upstream_truncated")
    assert isinstance(seen[0], Start)
    assert not any(isinstance(event, Finish) for event in seen)
    assert name == "nothing" or isinstance(seen[1], PartStart)
    assert len(whole) / 3 < len(seen) < len(whole)


def broken_off(request: Request) -> tuple[list[Event], GatewayError]:
    """What comes before the error, and the error."""
    seen = list[Event]()
    try:
        seen.extend(event for _, event in SANDBOX.answer(request, "cut"))
    except GatewayError as error:
        return seen, error
    raise AssertionError("nothing broke off")


def test_half_of_the_words_have_come_before_the_cut() -> None:
    seen, _ = broken_off(asking("Hello"))
    assert "Dragoman's sandbox" in "".join(event.text for event in seen if isinstance(event, PartDelta))
