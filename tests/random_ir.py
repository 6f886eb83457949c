"""Random interlingua values, as a provider's or a client's dialect could hold them: strategies for Hypothesis.

It knows the types of the interlingua and no dialect.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace
from tests.samples import PDF, PNG, SCHEMA, WAV

from dragoman.core.fold import unfold
from dragoman.core.ir import (
    AnyPart,
    Base64,
    Cache,
    Citation,
    Event,
    FileId,
    Format,
    Media,
    Message,
    Opaque,
    PartDelta,
    Reasoning,
    Refusal,
    Request,
    Response,
    Run,
    Sampling,
    Signature,
    Source,
    Stop,
    Text,
    Thinking,
    Token,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Url,
    Usage,
)

ODD = [
    "",
    " ",
    "\u2028",
    "\u2029\u0085",
    "\x00",
    "é\u0301",
    "👩‍👩‍👧",
    "\ufeff",
    "\u202eabc",
    "</s>",
    '"\\/',
    "data: x\n\n",
    "\r\n",
]
TEXTS = st.one_of(
    st.sampled_from(ODD), st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.just("long " * 60)
)
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
IDS = st.one_of(st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True), st.just("id" * 60), st.just("a.b:c/d"), WORDS)
NAMES = st.one_of(st.sampled_from(["get_weather", "a.b", "x" * 90, "naïve name", "__", "9lives"]), WORDS)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
EXTRAS = st.one_of(st.just({}), st.dictionaries(WORDS.map(lambda word: "x_" + word), JSONS, max_size=2))
CACHES = st.none() | st.sampled_from([Cache(), Cache("5m"), Cache("1h")])
SIGNATURES = st.none() | st.builds(
    Signature,
    st.sampled_from(["anthropic", "google", "openai", "elsewhere"]),
    st.sampled_from(["c2lnbmVk", "c2lnbmVkIQ==", "gAAAAABq"]),
)
SCHEMAS: list[Any] = [
    None, {}, SCHEMA, {"type": "object", "properties": {"type": {"type": ["string", "null"]}}, "additionalProperties": False},
    {"type": "object", "properties": {"me": {"$ref": "#"}}}, {"$defs": {"a": {"enum": ["x", None]}}, "$ref": "#/$defs/a"},
]  # fmt: skip


def texts(**fields: Any) -> st.SearchStrategy[Text]:
    return st.builds(Text, text=TEXTS, cache=CACHES, extra=EXTRAS, **fields)


CITATIONS = st.builds(
    Citation,
    cited_text=TEXTS,
    url=st.sampled_from([None, "https://example.test/a", ""]),
    title=st.none() | TEXTS,
    start=st.none() | st.integers(0, 9),
    end=st.none() | st.integers(9, 20),
    extra=EXTRAS,
)
TOKENS = st.builds(
    Token, TEXTS, st.floats(-9, 0), top=st.lists(st.builds(Token, TEXTS, st.just(-1.0)), max_size=1).map(tuple)
)
SOURCES = st.one_of(
    st.sampled_from(
        [
            ("image/png", Base64(PNG)), ("image/*", Base64(PNG)), ("audio/wav", Base64(WAV)), ("application/pdf", Base64(PDF)),
            ("text/plain", Base64("aGk=")), ("video/mp4", Base64(WAV)), ("image/png", Url("https://example.test/a.png")),
            ("image/*", Url("https://example.test/a")), ("application/pdf", Url("https://example.test/a.pdf")),
            ("image/png", FileId("openai", "file-1")), ("application/pdf", FileId("anthropic", "f")), ("x/y", Base64("")),
        ]
    )
)  # fmt: skip
MEDIA = st.builds(
    lambda source, name, cache, extra: Media(media_type=source[0], source=source[1], name=name, cache=cache, extra=extra),
    SOURCES, st.none() | WORDS, CACHES, EXTRAS,
)  # fmt: skip
PICTURES = st.sampled_from(
    [Media(media_type="image/png", source=Base64(PNG)), Media(media_type="image/png", source=Url("https://a/b.png"))]
)
REASONING = st.one_of(
    st.builds(Reasoning, text=TEXTS, summary=st.booleans(), signature=SIGNATURES, extra=EXTRAS),
    st.builds(lambda seal: Reasoning(redacted=True, signature=seal), SIGNATURES.filter(bool)),
)
ARGUMENTS = st.dictionaries(WORDS, JSONS, max_size=3).map(
    lambda value: json.dumps(value, ensure_ascii=False)
) | st.just("")
CALLS = st.builds(ToolCall, id=IDS, name=NAMES, arguments=ARGUMENTS, signature=SIGNATURES, cache=CACHES, extra=EXTRAS)
RUNS = st.builds(
    Run,
    tool=st.sampled_from(["web_search", "code_execution"]),
    queries=st.lists(WORDS, max_size=2).map(tuple),
    sources=st.lists(st.builds(Source, url=WORDS, title=st.none() | WORDS), max_size=2).map(tuple),
    code=WORDS,
    output=st.none() | WORDS,
    failed=st.booleans(),
)
OPAQUE = st.builds(Opaque, kind=WORDS, raw=st.dictionaries(WORDS, JSONS, max_size=2), run=st.none() | RUNS)
ANSWERED = st.one_of(
    texts(
        citations=st.lists(CITATIONS, max_size=2).map(tuple),
        logprobs=st.lists(TOKENS, max_size=2).map(tuple),
        signature=SIGNATURES,
    ),
    REASONING,
    PICTURES,
)
REFUSED = st.builds(Refusal, text=TEXTS).map(lambda refusal: [refusal])
SERVED = st.sampled_from(
    [
        ToolCall(id="srvtoolu_1", name="web_search", arguments="{}", server=True),
        ToolResult(call_id="srvtoolu_1", content=(Text(text="Found."),), server=True),
    ]
)


@st.composite
def turns(draw: st.DrawFn, wild: bool) -> list[Message]:
    """An answer of the model, with calls perhaps and what came of them, and what the user said then; `wild`: also what
    many dialects refuse."""
    said = draw(st.lists(ANSWERED | SERVED | OPAQUE if wild else ANSWERED | SERVED, max_size=3) | REFUSED)
    shown = texts() | MEDIA if wild else texts() | PICTURES
    calls = draw(st.lists(CALLS, max_size=2, unique_by=lambda call: call.id))
    results = [
        ToolResult(
            call_id=call.id,
            content=tuple(draw(st.lists(shown, max_size=2))),
            is_error=draw(st.booleans()),
            cache=draw(CACHES),
        )
        for call in calls
    ]
    asked = draw(st.lists(shown | OPAQUE if wild else shown, max_size=2))
    found = [Message(role="assistant", parts=(*said, *calls), extra=draw(EXTRAS))] if said or calls else []
    return [*found, Message(role="user", parts=(*results, *asked, Text(text="Go on.")), name=draw(st.none() | WORDS))]


@st.composite
def requests(draw: st.DrawFn) -> Request:
    system = [Message(role="system", parts=(draw(texts()),))] if draw(st.booleans()) else []
    wild = draw(st.integers(0, 3)) == 0
    history = [message for turn in draw(st.lists(turns(wild), max_size=3)) for message in turn]
    tools = draw(st.lists(st.builds(
        Tool, name=NAMES, description=st.none() | TEXTS, parameters=st.sampled_from(SCHEMAS),
        strict=st.none() | st.booleans(), cache=CACHES, extra=EXTRAS,
    ), max_size=2, unique_by=lambda tool: tool.name))  # fmt: skip
    if draw(st.integers(0, 5)) == 0:
        tools.append(Tool(name="web_search", server="web_search_20250305"))
    names = [tool.name for tool in tools if tool.server is None]
    choices = [ToolChoice(), ToolChoice(parallel=False), ToolChoice(mode="none"), ToolChoice(mode="required")]
    choice = draw(
        st.sampled_from([*choices, *(ToolChoice(mode="tool", name=name) for name in names)] if names else choices[:1])
    )
    return Request(
        origin="elsewhere",
        model="m",
        messages=(*system, Message(role="user", parts=(Text(text="Hello"),)), *history),
        sampling=draw(st.builds(
            Sampling, max_tokens=st.none() | st.integers(1, 99999), temperature=st.none() | st.floats(0, 2),
            top_p=st.none() | st.floats(0, 1), top_k=st.none() | st.integers(1, 40), seed=st.none() | st.integers(0, 99),
            stop=st.lists(WORDS, max_size=5, unique=True).map(tuple), presence_penalty=st.none() | st.floats(-2, 2),
            frequency_penalty=st.none() | st.floats(-2, 2),
        )),
        tools=tuple(tools),
        tool_choice=choice,
        format=draw(st.none() | st.builds(Format, schema=st.sampled_from([None, SCHEMA]), strict=st.none() | st.booleans())),
        thinking=draw(st.none() | st.builds(
            Thinking, effort=st.none() | st.sampled_from(["none", "low", "high", "max"]), budget=st.none() | st.integers(0, 9999),
        )),
        stream=draw(st.none() | st.booleans()),
        user=draw(st.none() | WORDS),
        extra=draw(EXTRAS),
    )  # fmt: skip


@st.composite
def responses(draw: st.DrawFn) -> Response:
    said = draw(st.lists(ANSWERED, max_size=4) | REFUSED)
    calls = draw(st.lists(CALLS, max_size=2, unique_by=lambda call: call.id))
    more: list[AnyPart] = draw(st.lists(SERVED | OPAQUE, max_size=1))
    reasons = ["tool_calls"] if calls else ["stop", "length", "content_filter", "error"]
    counts = draw(st.lists(st.integers(0, 99), min_size=6, max_size=6))
    return Response(
        origin="elsewhere",
        id=draw(IDS),
        model="m",
        parts=(*said, *more, *calls),
        stop=Stop(draw(st.sampled_from(reasons)), draw(st.none() | WORDS), None),
        usage=Usage(
            input=200 + counts[0], output=200 + counts[1], cache_read=counts[2], cache_write=counts[3],
            reasoning=counts[4], input_audio=counts[5],
        ),
        extra=draw(EXTRAS),
    )  # fmt: skip


def in_pieces(response: Response, sizes: list[int]) -> list[Event]:
    """The events of an answer, its texts in pieces of the sizes in turn."""
    found: list[Event] = []
    turn = 0
    for event in unfold(response):
        if not isinstance(event, PartDelta) or not event.text:
            found.append(event)
            continue
        text = event.text
        while text:
            size, turn = sizes[turn % len(sizes)], turn + 1
            found.append(PartDelta(event.index, text[:size]))
            text = text[size:]
        if event.signature or event.citations or event.logprobs:
            found.append(replace(event, text=""))
    return found
