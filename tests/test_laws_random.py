"""Random requests and answers through every pair of codecs obey the laws: nothing crashes, nothing is lost unsaid, the
same request is the same bytes, and what was said before stays byte for byte when more is said.

`make fuzz` tries many more examples.
"""

from __future__ import annotations

import base64
import copy
import json
import os
from fnmatch import fnmatch
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests import laws, planting
from tests.mutations import ODD, holder, places
from tests.random_ir import CALLS, in_pieces, requests, responses
from tests.test_cross import request_gist
from tests.test_laws_planted import ASIDE
from tests.traffic import exchanges

from dragoman.core.codec import QUIET, Context
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.fold import unfold
from dragoman.core.ir import (
    AnyPart,
    Finish,
    Message,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    Refusal,
    Request,
    Response,
    Signature,
    Start,
    Stop,
    Text,
    ToolCall,
    Usage,
)
from dragoman.dialects import CODECS

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "20"))
LAW = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
BACKS = list(CODECS)


def asked(dialect: str, request: Request) -> tuple[dict[str, Any], Context]:
    """The request as a provider of the dialect gets it, which has to be JSON."""
    ctx: Context = laws.context(model="m")
    ctx.request = request
    wire = CODECS[dialect].encode_request(request, ctx)
    return json.loads(json.dumps(wire, allow_nan=False)), ctx


def refused(dialect: str, request: Request) -> bool:
    """Whether it is refused, which may happen in one way only."""
    try:
        asked(dialect, request)
    except GatewayError as error:
        return named(error)
    return False


def named(error: GatewayError) -> bool:
    assert error.kind is Kind.INVALID_REQUEST and error.param, error.message
    return True


def text(wire: Any) -> str:
    return json.dumps(wire, ensure_ascii=False)


# -- requests -------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", BACKS)
@LAW
@given(requests())
def test_a_request_is_encoded_or_refused(dialect: str, request: Request) -> None:
    """What is encoded is read back as the same gist, or a loss says what is missing; and it is the same every time."""
    if refused(dialect, request):
        return
    wire, ctx = asked(dialect, request)
    assert text(asked(dialect, request)[0]) == text(wire), "the same request, other bytes"
    there = CODECS[dialect].decode_request(copy.deepcopy(wire), laws.context())
    here, told = request_gist(plainly(request)), request_gist(plainly(there)) | in_its_own_names(there, ctx)
    same(spoken(here), spoken(told), ctx)


def plainly(request: Request) -> Request:
    """A refusal is a text, wherever it is told again."""
    messages = (replace(message, parts=tuple(map(as_text, message.parts))) for message in request.messages)
    return replace(request, messages=tuple(messages))


def spoken(gist: dict[str, Any]) -> dict[str, Any]:
    """Where several texts become one, what stands between them is the dialect's."""
    return gist | {"said": ["".join(words.split()) for words in gist["said"]]}


def as_text(part: AnyPart) -> AnyPart:
    return Text(text=part.text) if isinstance(part, Refusal) else part


def in_its_own_names(there: Request, ctx: Context) -> dict[str, Any]:
    """The names of tools, as the client knows them."""
    gist = request_gist(there)
    calls = [(ctx.original(name), arguments) for name, arguments in gist["calls"]]
    return {"tools": [ctx.original(name) for name in gist["tools"]], "calls": calls}


MORE = (
    Message(role="assistant", parts=(Text(text="I see."),)),
    Message(role="user", parts=(Text(text="And then?"),)),
)
TURNS = {
    "openai.chat": "messages", "openai.responses": "input", "anthropic": "messages", "bedrock.converse": "messages",
    "gemini": "contents", "simple": "messages",
}  # fmt: skip
"""Where a dialect's turns are."""
PREFIX = ("system", "systemInstruction", "instructions", "systemPrompt", "tools", "toolConfig")
"""What stands before them."""


@pytest.mark.parametrize("dialect", BACKS)
@LAW
@given(requests())
def test_what_was_said_before_stays_byte_for_byte(dialect: str, request: Request) -> None:
    """Providers cache prompts by their beginning: a turn more may not change it (O31, O32, cases 67 and 68)."""
    longer = replace(request, messages=request.messages + MORE)
    if refused(dialect, request) or refused(dialect, longer):
        return
    short, long = asked(dialect, request)[0], asked(dialect, longer)[0]
    before, after = short[TURNS[dialect]], long[TURNS[dialect]]
    for name in PREFIX:
        assert text(short.get(name)) == text(long.get(name)), name
    assert [text(turn) for turn in after[: len(before)]] == [text(turn) for turn in before]


# -- answers --------------------------------------------------------------------------------


def same(mine: dict[str, Any], theirs: dict[str, Any], ctx: Context) -> None:
    different = {name for name in mine if mine[name] != theirs[name]}
    assert not different or ctx.losses, {name: (mine[name], theirs[name]) for name in different}


@pytest.mark.parametrize("dialect", BACKS)
@LAW
@given(responses(), st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_an_answer_is_the_same_streamed_or_whole(dialect: str, response: Response, sizes: list[int]) -> None:
    """Its gist comes through, or a loss says what does not; validators read every stream."""
    codec = CODECS[dialect]
    ctx, streaming = laws.context(model="m"), laws.context(model="m")
    wire = json.loads(json.dumps(codec.encode_response(response, ctx), allow_nan=False))
    encoder = codec.encoder(streaming)
    frames = [frame for event in in_pieces(response, sizes) for frame in encoder.feed(event)]
    try:
        whole, streamed = codec.decode_response(wire, laws.context()), laws.reread(codec, frames)
    except GatewayError as error:  # an empty answer that broke off is none (case 94)
        empty(response, error)
        return
    assert laws.gist(whole) == laws.gist(streamed)
    if dialect != "simple":  # which says neither why it ended nor what it took
        same(told(response), laws.gist(whole), ctx)
        same(told(response), laws.gist(streamed), streaming)


@pytest.mark.parametrize("dialect", BACKS)
@LAW
@given(responses(), st.integers(0, 12))
def test_a_stream_that_breaks_off_says_so(dialect: str, response: Response, after: int) -> None:
    """Wherever it breaks: an error in the client's dialect is the last event, and no end is made up. The validators look."""
    encoder = CODECS[dialect].encoder(laws.context(model="m"))
    frames = [frame for event in list(unfold(response))[:-1][:after] for frame in encoder.feed(event)]
    error = GatewayError(Kind.UPSTREAM, "the provider's stream ended too soon", code="upstream_truncated")
    told = list(encoder.fail(error))
    assert told
    with pytest.raises(GatewayError):
        laws.reread(CODECS[dialect], [*frames, *told])


@pytest.mark.parametrize("dialect", BACKS)
@LAW
@given(st.lists(CALLS, min_size=2, max_size=3, unique_by=lambda call: call.id))
def test_calls_that_come_side_by_side_are_told_apart(dialect: str, calls: list[ToolCall]) -> None:
    """Pieces of several calls in turn, the last call first."""
    begun = Start(origin="elsewhere", id="i", model="m")
    starts = [PartStart(i, replace(call, arguments="", signature=None)) for i, call in enumerate(calls)]
    pieces = [[call.arguments[j : j + 3] for j in range(0, len(call.arguments), 3)] for call in calls]
    turns = range(max(map(len, pieces)))
    deltas = [PartDelta(i, said[n]) for n in turns for i, said in reversed(list(enumerate(pieces))) if n < len(said)]
    ends = [PartEnd(i) for i in range(len(calls))]
    found = [begun, *starts, *deltas, *ends, Finish(stop=Stop("tool_calls"), usage=Usage(input=1, output=1))]
    there = laws.reread(CODECS[dialect], laws.render(CODECS[dialect], found))
    if dialect != "simple":
        mine = [(call.name, laws.read_arguments(call.arguments)) for call in calls]
        assert sorted(map(str, laws.gist(there)["calls"])) == sorted(map(str, mine))


def test_a_signed_thought_after_an_unsigned_one_is_told_once() -> None:
    """Found by random answers: where both are one text to the client, the second was read twice."""
    signed = Reasoning(text="So.", signature=Signature("anthropic", "c2lnbmVk"))
    response = Response(
        origin="elsewhere", id="i", model="m", parts=(Reasoning(text="Hm. "), signed, Text(text="Yes."))
    )
    chat = CODECS["openai.chat"]
    assert laws.gist(laws.reread(chat, laws.render(chat, unfold(response))))["reasoning"] == "Hm. So."


def empty(response: Response, error: GatewayError) -> None:
    assert response.stop.reason == "error" and not laws.gist(response)["text"], error.message


def told(response: Response) -> dict[str, Any]:
    """The gist, without thoughts that nobody wrote down."""
    kept = [part for part in response.parts if not (isinstance(part, Reasoning) and part.redacted)]
    return laws.gist(replace(response, parts=tuple(kept)))


# -- bodies gone wrong -----------------------------------------------------------------------

HOMES = {"openai.chat": "openai.chat", "openai.responses": "openai.responses", "anthropic.messages": "anthropic"}
HOMES |= {"gemini.generate": "gemini"}
BODIES = [
    (HOMES[p.values[0].api], p.values[0].request)
    for p in exchanges()
    if p.values[0] is not None and p.values[0].api in HOMES and isinstance(p.values[0].request, dict)
    and p.values[0].status < 300 and len(json.dumps(p.values[0].request)) < 20_000
]  # fmt: skip


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, Any]:
    """A recorded request with one value replaced by something odd."""
    dialect, body = draw(st.sampled_from(BODIES))
    body = copy.deepcopy(body)
    path = draw(st.sampled_from([path for path in places(body) if path]))
    holder(body, path)[path[-1]] = draw(st.sampled_from(ODD))
    return dialect, body


@pytest.mark.skipif(not BODIES, reason="no recordings")
@pytest.mark.parametrize("dialect", BACKS)
@LAW
@given(st.data())
def test_an_odd_body_crosses_or_is_refused(dialect: str, data: st.DataObject) -> None:
    home, body = data.draw(bodies())
    try:
        request = CODECS[home].decode_request(body, laws.context())
    except GatewayError as error:
        named(error)
        return
    if not refused(dialect, request):
        asked(dialect, request)


@st.composite
def planted(draw: st.DrawFn) -> tuple[str, Any]:
    """A recorded request with a field in one of its objects that nobody knows, or with another string somewhere."""
    dialect, body = draw(st.sampled_from(BODIES))
    body = copy.deepcopy(body)
    if draw(st.booleans()):
        path = (*draw(st.sampled_from(list(laws.objects(body)))), "x_planted")
    else:
        path = draw(st.sampled_from([path for path, value in leaves(body) if isinstance(value, str)]))
    if not {*path[-2:]} & UNASKED:
        holder(body, path)[path[-1]] = planting.MARK
    return dialect, body


UNASKED = {"model", "$schema", "$id", "$comment", "$defs", "definitions"}
"""Members that choose a provider, or hold of a schema what binds nobody."""


def leaves(wire: Any) -> list[tuple[tuple[str | int, ...], Any]]:
    return [(path, holder(wire, path)[path[-1]]) for path in places(wire) if path]


def loud(value: Any) -> Any:
    """Without the leftovers that ask for nothing."""
    if isinstance(value, dict):
        return {name: loud(inner) for name, inner in value.items() if not name.startswith(QUIET)}
    return [loud(inner) for inner in value] if isinstance(value, list | tuple) else value


@pytest.mark.skipif(not BODIES, reason="no recordings")
@pytest.mark.parametrize("dialect", BACKS)
@LAW
@given(st.data())
def test_what_a_client_wrote_is_found_or_told_of(dialect: str, data: st.DataObject) -> None:
    home, body = data.draw(planted())
    try:
        request = CODECS[home].decode_request(body, laws.context())
    except GatewayError:
        return
    if not marked(text(loud(msgspec.to_builtins(request)))) or refused(dialect, request):
        return  # it asked for nothing, or there is no answer without it
    wire, ctx = asked(dialect, request)
    about = [loss.path for loss in ctx.losses]
    assert marked(text(wire)) or any("x_planted" in path for path in about) or told_of(dialect, request, about)


def marked(said: str) -> bool:
    """Some words are read in lower case, and one of Amazon's fields is base64 of its text."""
    return planting.MARK.lower() in said.lower() or base64.b64encode(planting.MARK.encode()).decode() in said


def told_of(dialect: str, request: Request, about: list[str]) -> bool:
    """Whether a loss points at the field that holds the marker, or nothing need be said of such a field."""
    for node, path, _ in planting.nodes(request):
        for name, value in vars_of(node).items():
            if marked(repr(value)):
                at = path if name == "extra" else f"{path}.{name}" if path else name
                row = f"{type(node).__name__}.{name}"
                aside = any(
                    fnmatch(dialect, rows[1]) and fnmatch(row, rows[2]) for rows in ASIDE if rows[0] == "request"
                )
                if aside or any(planting.points_at(loss, at) for loss in about):
                    return True
    return False


def vars_of(node: Any) -> dict[str, Any]:
    """The fields of a node that are no nodes."""
    fields = {name: getattr(node, name) for name in node.__struct_fields__}
    return {name: value for name, value in fields.items() if isinstance(value, str | dict) or is_words(value)}


def is_words(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(word, str) for word in value)
