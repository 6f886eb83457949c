"""What of a chat survives between each two dialects, found out by trying: the tables of docs/fidelity.md.

`make fidelity` writes the document, test_fidelity checks it. It knows the interlingua and the registry of dialects:
each feature is a neutral value and a probe that finds it again; how a dialect spells it, only its codec knows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from dragoman.config import Settings
from dragoman.core.codec import Codec, Context
from dragoman.core.errors import GatewayError
from dragoman.core.ir import (
    AnyPart,
    Base64,
    Cache,
    Citation,
    Format,
    Media,
    Message,
    Reasoning,
    Refusal,
    Request,
    Response,
    Sampling,
    Stop,
    Terms,
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
from dragoman.core.profile import Profile
from dragoman.dialects import CODECS
from dragoman.providers.catalog import providers_on
from dragoman.providers.models import Models

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "fidelity.md"
MODELS = {
    "openai.chat": ("OpenAI Chat", "gpt-5.5"),
    "openai.responses": ("OpenAI Responses", "gpt-5.5"),
    "anthropic": ("Anthropic", "claude-sonnet-4-5"),
    "gemini": ("Gemini", "gemini-2.5-flash"),
    "bedrock.converse": ("Bedrock Converse", "amazon.nova-pro-v1:0"),
}
"""Dialect -> its name in the document, and the model whose quirks are minded."""
NAMES = {dialect: name for dialect, (name, _) in MODELS.items() if dialect in CODECS}

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAwF0AAIC7AAACABAAZGF0YQAAAAA="
PDF = "JVBERi0xLjQKJSVFT0YK"
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
LOOK = Tool(name="look", description="Looks.", parameters=SCHEMA)
SEE = Tool(name="see", description="Sees.", parameters=SCHEMA)


# -- requests ----------------------------------------------------------------------


class Feature(NamedTuple):
    name: str
    value: Any  # the neutral Request or Response that has it
    probe: Callable[[Any], Any]  # what is compared before and after; falsy: it is not there


def asking(*parts: AnyPart, **fields: Any) -> Request:
    """A request whose last turn holds these parts; `before` stands ahead of it."""
    before = fields.pop("before", ())
    sampling = fields.pop("sampling", Sampling(max_tokens=4000))
    said = (*before, Message(role="user", parts=parts or (Text(text="Hello"),)))
    return Request(origin="elsewhere", model="m", messages=said, sampling=sampling, **fields)


def after_a_call(*content: Any, is_error: bool = False) -> Request:
    call = Message(role="assistant", parts=(ToolCall(id="call_1", name="look", arguments='{"city":"Rome"}'),))
    hello = Message(role="user", parts=(Text(text="Hello"),))
    return asking(ToolResult(call_id="call_1", content=content, is_error=is_error), before=(hello, call), tools=(LOOK,))


def parts_of(request: Request, kind: type) -> list[Any]:
    return [part for message in request.messages for part in message.parts if isinstance(part, kind)]


def texts(request: Request, role: str) -> str:
    return "".join(p.text for m in request.messages if m.role == role for p in m.parts if isinstance(p, Text)).strip()


def media(source: type) -> Callable[[Request], Any]:
    def probe(request: Request) -> Any:
        return [part.source for part in parts_of(request, Media) if isinstance(part.source, source)]

    return probe


def in_result(kind: type) -> Callable[[Request], Any]:
    def probe(request: Request) -> Any:
        content = [p for result in parts_of(request, ToolResult) for p in result.content if isinstance(p, kind)]
        return [getattr(p, "text", None) or getattr(p, "source", None) for p in content]

    return probe


def sampled(name: str) -> Callable[[Request], Any]:
    return lambda request: getattr(request.sampling, name)


def chosen(request: Request) -> Any:
    return (request.tool_choice.mode, request.tool_choice.name) if request.tool_choice.mode != "auto" else None


def marked(request: Request) -> Any:
    parts = [part.cache is not None for message in request.messages for part in message.parts]
    return any(parts) or any(tool.cache is not None for tool in request.tools)


SYSTEM = Message(role="system", parts=(Text(text="Be brief."),))
EARLIER = (Message(role="user", parts=(Text(text="One"),)), Message(role="assistant", parts=(Text(text="Two"),)))
IMAGE = Media(media_type="image/png", source=Base64(PNG))

REQUESTS: tuple[Feature, ...] = (
    Feature("text", asking(), lambda r: texts(r, "user")),
    Feature("system prompt", asking(before=(SYSTEM,)), lambda r: texts(r, "system")),
    Feature("system message in mid-conversation", asking(before=(*EARLIER, SYSTEM)), lambda r: texts(r, "system")),
    Feature("earlier turns", asking(before=EARLIER), lambda r: (texts(r, "user"), texts(r, "assistant"))),
    Feature("image, inline", asking(Text(text="What?"), IMAGE), media(Base64)),
    Feature("image, by URL", asking(Media(media_type="image/*", source=Url("https://example.org/a.png"))), media(Url)),
    Feature("PDF, inline", asking(Media(media_type="application/pdf", source=Base64(PDF), name="a.pdf")), media(Base64)),
    Feature("sound, inline", asking(Media(media_type="audio/wav", source=Base64(WAV))), media(Base64)),
    Feature("film, inline", asking(Media(media_type="video/mp4", source=Base64(PDF))), media(Base64)),
    Feature("tools", asking(tools=(LOOK, SEE)), lambda r: [(t.name, t.description, t.parameters) for t in r.tools]),
    Feature("strict tools", asking(tools=(replace(LOOK, strict=True),)), lambda r: [t.strict for t in r.tools if t.strict]),
    Feature("a tool must be called", asking(tools=(LOOK,), tool_choice=ToolChoice(mode="required")), chosen),
    Feature("this tool must be called", asking(tools=(LOOK,), tool_choice=ToolChoice(mode="tool", name="look")), chosen),
    Feature("no tool may be called", asking(tools=(LOOK,), tool_choice=ToolChoice(mode="none")), chosen),
    Feature(
        "only some tools may be called",
        asking(tools=(LOOK, SEE), tool_choice=ToolChoice(allowed=("look",))),
        lambda r: [t.name for t in r.tools if not r.tool_choice.allowed or t.name in r.tool_choice.allowed][:1] == ["look"],
    ),
    Feature(
        "one call at a time",
        asking(tools=(LOOK,), tool_choice=ToolChoice(parallel=False)),
        lambda r: r.tool_choice.parallel is False,
    ),
    Feature("earlier calls", after_a_call(Text(text="sun")), lambda r: [(c.name, c.arguments) for c in parts_of(r, ToolCall)]),
    Feature("tool result", after_a_call(Text(text="sun")), in_result(Text)),
    Feature("tool result that is an error", after_a_call(Text(text="no"), is_error=True), lambda r: [x.is_error for x in parts_of(r, ToolResult) if x.is_error]),
    Feature("image in a tool result", after_a_call(Text(text="see"), IMAGE), lambda r: in_result(Media)(r) or media(Base64)(r)),
    Feature("web search by the provider", asking(tools=(Tool(name="web_search", server="web_search"),)), lambda r: [t.server is not None for t in r.tools]),
    Feature("code run by the provider", asking(tools=(Tool(name="code_execution", server="code_execution"),)), lambda r: [t.server is not None for t in r.tools]),
    Feature("reasoning effort", asking(thinking=Thinking(effort="high")), lambda r: r.thinking and (r.thinking.effort or r.thinking.budget) and "on"),
    Feature("reasoning budget", asking(thinking=Thinking(budget=2000)), lambda r: r.thinking and (r.thinking.effort or r.thinking.budget) and "on"),
    Feature("reasoning off", asking(thinking=Thinking(effort="none")), lambda r: r.thinking is None or r.thinking.effort == "none" or r.thinking.budget == 0),
    Feature("any JSON", asking(format=Format()), lambda r: r.format is not None),
    Feature("JSON of a schema", asking(format=Format(schema=SCHEMA, name="city")), lambda r: r.format and r.format.schema),
    Feature("limit of tokens", asking(), sampled("max_tokens")),
    Feature("temperature", asking(sampling=Sampling(max_tokens=100, temperature=0.5)), sampled("temperature")),
    Feature("top_p", asking(sampling=Sampling(max_tokens=100, top_p=0.5)), sampled("top_p")),
    Feature("top_k", asking(sampling=Sampling(max_tokens=100, top_k=5)), sampled("top_k")),
    Feature("stop sequences", asking(sampling=Sampling(max_tokens=100, stop=("END",))), sampled("stop")),
    Feature("seed", asking(sampling=Sampling(max_tokens=100, seed=7)), sampled("seed")),
    Feature("penalties", asking(sampling=Sampling(max_tokens=100, presence_penalty=0.5)), sampled("presence_penalty")),
    Feature("prompt-cache marks", asking(Text(text="Long", cache=Cache(ttl="5m"))), marked),
    Feature("probabilities of tokens", asking(logprobs=2), lambda r: r.logprobs),
    Feature("an end user's id", asking(user="user_1"), lambda r: r.user),
    Feature("service tier", asking(terms=Terms(service_tier="flex")), lambda r: r.terms.service_tier),
    Feature("metadata", asking(terms=Terms(metadata={"team": "a"})), lambda r: r.terms.metadata),
    Feature("verbosity", asking(terms=Terms(verbosity="low")), lambda r: r.terms.verbosity),
)  # fmt: skip


# -- answers -----------------------------------------------------------------------

CALL = ToolCall(id="call_1", name="look", arguments='{"city":"Rome"}')


STOP, USAGE = Stop(), Usage(input=10, output=5)


def answer(*parts: AnyPart, stop: Stop = STOP, usage: Usage = USAGE) -> Response:
    return Response(origin="elsewhere", id="r", model="m", parts=parts or (Text(text="Hi"),), stop=stop, usage=usage)


def said(kind: type) -> Callable[[Response], Any]:
    return lambda response: "".join(part.text for part in response.parts if isinstance(part, kind))


def calls(response: Response) -> Any:
    return [(part.name, json.loads(part.arguments)) for part in response.parts if isinstance(part, ToolCall)]


def cited(response: Response) -> Any:
    return [c.url for part in response.parts if isinstance(part, Text) for c in part.citations]


def likely(response: Response) -> Any:
    return [(t.text, t.logprob) for part in response.parts if isinstance(part, Text) for t in part.logprobs]


def counted(name: str) -> Callable[[Response], Any]:
    return lambda response: getattr(response.usage, name)


CITED = Text(text="Hi there", citations=(Citation(url="https://example.org/", title="T", start=0, end=8),))

ANSWERS: tuple[Feature, ...] = (
    Feature("text", answer(), said(Text)),
    Feature("reasoning", answer(Reasoning(text="Hm"), Text(text="Hi")), said(Reasoning)),
    Feature("tool call", answer(CALL, stop=Stop("tool_calls")), calls),
    Feature("tool calls in parallel", answer(CALL, replace(CALL, id="call_2", name="see"), stop=Stop("tool_calls")), calls),
    Feature("refusal", answer(Refusal(text="No")), lambda r: said(Refusal)(r) or said(Text)(r)),
    Feature("image", answer(Media(media_type="image/png", source=Base64(PNG))), lambda r: any(isinstance(p, Media) for p in r.parts) or PNG in said(Text)(r)),
    Feature("sources of a text", answer(CITED), cited),
    Feature("probabilities of tokens", answer(Text(text="Hi", logprobs=(Token("Hi", -0.5),))), likely),
    Feature("cut by the limit", answer(stop=Stop("length")), lambda r: r.stop.reason),
    Feature("stopped by a filter", answer(stop=Stop("content_filter")), lambda r: r.stop.reason),
    Feature("which stop sequence was hit", answer(stop=Stop("stop", sequence="END")), lambda r: r.stop.sequence),
    Feature("tokens in and out", answer(), lambda r: (r.usage.input, r.usage.output)),
    Feature("tokens read from the cache", answer(usage=Usage(input=10, output=5, cache_read=4)), counted("cache_read")),
    Feature("tokens written to the cache", answer(usage=Usage(input=10, output=5, cache_write=4)), counted("cache_write")),
    Feature("tokens of reasoning", answer(usage=Usage(input=10, output=5, reasoning=4)), counted("reasoning")),
    Feature("tokens of sound heard", answer(usage=Usage(input=10, output=5, input_audio=4)), counted("input_audio")),
)  # fmt: skip


# -- trying ------------------------------------------------------------------------

CARRIED, EMULATED, CLAMPED, TOLD, REFUSED, SILENT = "yes", "emulated", "clamped", "reported", "refused", "SILENT"
UNSAYABLE = "—"


KEYS = dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "AWS_BEARER_TOKEN_BEDROCK"), "k")
SERVED = Models(Settings(), providers_on(Settings(), {**KEYS, "AWS_REGION": "us-east-1"}))
FREE = Profile(cache_control=True, top_k=True, logprobs=True)
"""A client's own words are not bound to what a model takes."""


def context(dialect: str, profile: Profile | None = None) -> Context:
    made: list[str] = []

    def new_id(prefix: str) -> str:
        made.append(prefix)
        return f"{prefix}{len(made):04d}"

    model = MODELS[dialect][1]
    quirks = profile or SERVED.find(model)[0].profile
    return Context(model=model, profile=quirks, now=lambda: 1_700_000_000, new_id=new_id)


def outcome(there: Any, wanted: Any, ctx: Context) -> str:
    """What became of a feature: found again, or not, and what was said of it."""
    kinds = {loss.what for loss in ctx.losses}
    if there == wanted:
        return CARRIED
    for kind, word in (("dropped", TOLD), ("clamped", CLAMPED), ("emulated", EMULATED)):
        if kind in kinds:
            return word
    return SILENT


def request_cell(feature: Feature, front: Codec, back: Codec) -> str:
    try:
        wire = front.encode_request(feature.value, context(front.dialect, FREE))
        here = front.decode_request(json.loads(json.dumps(wire)), context(front.dialect))
    except GatewayError:
        return UNSAYABLE
    wanted = feature.probe(here)
    if not wanted or wanted != feature.probe(feature.value):
        return UNSAYABLE
    ctx = context(back.dialect)
    try:
        wire = back.encode_request(here, ctx)
    except GatewayError:
        return REFUSED
    there = back.decode_request(json.loads(json.dumps(wire)), context(back.dialect))
    return outcome(feature.probe(there), wanted, ctx)


def answer_cell(feature: Feature, back: Codec, front: Codec) -> str:
    wire = back.encode_response(feature.value, context(back.dialect))
    here = back.decode_response(json.loads(json.dumps(wire)), context(back.dialect))
    wanted = feature.probe(here)
    if not wanted or wanted != feature.probe(feature.value):
        return UNSAYABLE
    ctx = context(front.dialect)
    wire = front.encode_response(here, ctx)
    there = front.decode_response(json.loads(json.dumps(wire)), context(front.dialect))
    return outcome(feature.probe(there), wanted, ctx)


class Cell(NamedTuple):
    feature: str
    there: str  # the dialect it goes to
    word: str


def tables() -> Iterator[tuple[str, str, list[Cell]]]:
    """("request" or "answer", the dialect it comes from, its cells)."""
    for features, cell, kind in ((REQUESTS, request_cell, "request"), (ANSWERS, answer_cell, "answer")):
        for here in NAMES:
            yield (
                kind,
                here,
                [
                    Cell(feature.name, there, cell(feature, CODECS[here], CODECS[there]))
                    for feature in features
                    for there in NAMES
                    if there != here
                ],
            )


# -- the document --------------------------------------------------------------------

HEAD = """# What survives between two dialects

Written by `make fidelity` from trials of every pair, and checked by the tests; the same dialect at both ends passes
raw and keeps everything, so it has no column.

| word | what it means |
|---|---|
| yes | it arrives as what it was |
| emulated | it arrives in another form that does the same; named in `x-dragoman-lost` |
| clamped | it arrives as the nearest value the other side takes; named in `x-dragoman-lost` |
| reported | it does not arrive, and `x-dragoman-lost` names it; with `x-dragoman-strict: true` it is a 400 |
| refused | a 400 that names it: without it the answer would be wrong |
| — | the dialect it would come from has no word for it |

What a client's dialect cannot hold of an answer (signatures, encrypted reasoning) is kept by the gateway and put back
into the next request: see [endpoints](endpoints.md). The trials mind the quirks of one model for each
dialect:

{models}

Another model may take less, and then the header says so. Several answers to one request (`n`, `candidateCount`) are
given over every provider, by calls side by side where it gives one at a time.
"""


def document() -> str:
    models = "\n".join(f"- {name}: `{model}`" for dialect, (name, model) in MODELS.items() if dialect in NAMES)
    pieces = [HEAD.format(models=models)]
    titles = {
        "request": ("\n## Requests\n", "A client of {} asks a provider that speaks"),
        "answer": ("\n## Answers\n", "A provider that speaks {} answers a client of"),
    }
    seen = ""
    for kind, here, cells in tables():
        if kind != seen:
            pieces.append(titles[kind][0])
            seen = kind
        others = [dialect for dialect in NAMES if dialect != here]
        rows = ["", "| " + titles[kind][1].format(NAMES[here]) + " | " + " | ".join(NAMES[d] for d in others) + " |"]
        rows.append("|---" * (len(others) + 1) + "|")
        words = {(cell.feature, cell.there): cell.word for cell in cells}
        for name in dict.fromkeys(cell.feature for cell in cells):
            row = [words[name, there] for there in others]
            if set(row) != {UNSAYABLE}:
                rows.append(f"| {name} | " + " | ".join(row) + " |")
        pieces.append("\n".join(rows) + "\n")
    return "".join(pieces)


if __name__ == "__main__":
    DOCUMENT.write_text(document())
    print(f"wrote {DOCUMENT}")
