"""A local estimate of how many tokens a chat's prompt is, where no provider counts: cheap, and rather high than low.

It has no tokenizer and asks nobody. It knows what the letters of a text cost on average, and from the model's name
what its provider adds; the figures are fitted to recorded prompts with the counts their providers reported.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from dragoman.core.codec import dumps
from dragoman.core.images import dimensions
from dragoman.core.ir import (
    AnyPart,
    Base64,
    Json,
    Media,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)

# -- text ------------------------------------------------------------------------

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
LONG_WORD = 11  # letters from which on a word is more than one token
_DIGITS = re.compile(r"[0-9]+")
_GAPS = re.compile(r" (?=[0-9])")
_MARKS = re.compile(r"[!-/:-@\[-`{-~]+")
_LINES = re.compile(r"\n[ \t]*|  +|\t+")
_LATIN = re.compile(r"[\u00c0-\u024f]")
_WIDE = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
_ASCII = re.compile(r"[\x00-\x7f]")
_ASTRAL = re.compile(r"[\U00010000-\U0010ffff]")  # most of all emoji
LONG, SLICES = 1 << 16, 16  # of a longer text only so many slices are looked at, so that its size costs no time


def estimate_text(text: str, run: int = 3, gaps: bool = False) -> int:
    """Tokens of a text, by classes of its characters: words, digits, marks, lines, Chinese and its kin, all others.

    `run`: how many digits are one token at most; `gaps`: whether the space before a number is one too.
    """
    if len(text) > LONG:
        size = LONG // SLICES
        seen = "".join(text[(at := i * len(text) // SLICES) : at + size] for i in range(SLICES))
        return math.ceil(estimate_text(seen, run, gaps) * len(text) / len(seen))
    words = sum(1 if len(word) < LONG_WORD else (len(word) + 4) // 6 for word in _WORDS.findall(text))
    digits = sum((len(number) + run - 1) // run for number in _DIGITS.findall(text))
    digits += len(_GAPS.findall(text)) if gaps else 0
    marks = sum((len(run) + 1) // 2 for run in _MARKS.findall(text))
    lines = len(_LINES.findall(text))
    found = words + digits + marks + lines
    if text.isascii():
        return found
    latin, wide = len(_LATIN.findall(text)), len(_WIDE.findall(text))
    rest = len(text) - len(_ASCII.findall(text)) - latin - wide
    return math.ceil(found + 0.5 * latin + wide + 0.6 * rest + 1.4 * len(_ASTRAL.findall(text)))


# -- what providers add ------------------------------------------------------------


class Rates(NamedTuple):
    """What one family of models makes of a prompt, in tokens."""

    text: float = 1.05  # its tokens for one of ours
    run: int = 3  # digits that are one token at most
    gaps: bool = True  # whether the space before a number is a token of its own
    typed: bool = False  # whether schemas are rendered as types, so that what types cannot say does not count
    base: int = 5  # around the whole prompt
    message: int = 4  # around each message
    tools: int = 100  # the instructions that come with tools, however many
    forced: int | None = None  # the same where a call is demanded; None: no different
    tool: float = 1.0  # what becomes of a tool's JSON
    function: int | None = None  # around each tool where its JSON does not count, but its words
    parameter: int = 0  # around each parameter there
    formats: int = 10  # the instructions that come with an answer's format
    json: int = 0  # those that come with JSON of any form
    format: float = 0.8  # what becomes of its JSON Schema
    thinking: int = 0  # what a thinking budget adds
    citations: int = 0  # what documents to be cited add
    image: Literal["tiles", "area", "crops", "blocks"] | int | float = "area"  # how it counts; its price; a patch's
    page: int = 1500  # of a document
    second: float = 25.0  # of sound


CLAUDE = Rates(
    text=1.0, gaps=False, base=4, message=3, tools=500, tool=1.1, formats=75, format=1.75, thinking=32, citations=570,
    page=2000,
)  # fmt: skip
GPT = Rates(
    text=1.0, typed=True, base=3, tools=15, tool=0.5, formats=11, format=0.82, image="tiles", page=1040, second=11.5
)
THINKER = GPT._replace(base=2, tools=95, forced=15)
GEMINI = Rates(
    text=1.0, run=1, base=1, message=0, tools=18, function=13, parameter=8, formats=0, format=0, image="crops",
    page=258, second=32,
)  # fmt: skip
FAMILIES: tuple[tuple[str, Rates], ...] = (
    (
        r"claude-(instant|[23]\b)|claude-(sonnet|opus)-4([-.][01])?([-@]20\d{6})?(-v\d.*)?$",
        CLAUDE._replace(tools=350, tool=1.25),
    ),
    (r"claude-(opus-4[-.][7-9]|\w+-[5-9])", CLAUDE._replace(text=1.3, tools=600, formats=95, tool=1.2)),
    (r"claude", CLAUDE),
    (r"gemini-1", GEMINI._replace(tools=0, function=0, parameter=0, image=258)),
    (r"gemini-2\.0", GEMINI._replace(tools=0, function=0, parameter=0)),
    (r"gemini-[3-9]", GEMINI._replace(tools=30, image=1120, page=1300, second=25)),
    (r"gemini|gemma", GEMINI),
    (r"gpt-oss", GPT._replace(base=64, tools=15, tool=0.7)),
    (r"gpt-5[.][3-9]", GPT._replace(base=2, image=1.0)),
    (r"gpt-5-mini|o4-mini", THINKER._replace(image=1.65)),
    (r"gpt-5-nano", THINKER._replace(image=2.46)),
    (r"gpt-5|\bo[1-9]", THINKER),
    (r"gpt-4\.1-mini", GPT._replace(image=1.62)),
    (r"gpt-4\.1-nano", GPT._replace(image=2.46)),
    (r"gpt", GPT),
    (r"grok-code", Rates(base=200, tools=100)),
    (r"grok-4\.[2-9]", Rates(base=185, tools=40, formats=0, format=0.5, image="blocks")),
    (r"grok", Rates(tools=280, formats=30, image="blocks")),
    (r"deepseek", Rates(text=1.0, base=3, message=1, tools=270, json=17)),
    (r"qwen", Rates(run=1, base=3, tools=100)),
    (r"glm", Rates(base=2, tools=100)),
    (r"llama-?4", Rates(tools=620)),
    (r"llama", Rates(tools=180)),
    (
        r"mistral-(small|medium)|magistral",  # hybrids are told how hard to think
        Rates(text=1.0, run=1, base=14, message=2, tools=20, tool=1.1, page=300, second=13),
    ),
    (r"mixtral|mistral-7b|open-mistral", Rates(text=1.0, run=1, base=6)),
    (
        r"m(in)?istral|voxtral|(code|dev)stral",
        Rates(text=1.0, run=1, base=1, message=2, tools=20, tool=1.1, page=300, second=13),
    ),
    (r"kimi", Rates(tools=15)),
)
"""The first family whose pattern is found in a model's name. Fitted in November 2026."""


ORIGINS = {"anthropic": CLAUDE, "gemini": GEMINI}
"""What a client most likely counts for, by its dialect, where the model's name tells nothing."""


def rates_of(request: Request) -> Rates:
    name = request.model.lower()
    known = (rates for pattern, rates in FAMILIES if re.search(pattern, name))
    return next(known, ORIGINS.get(request.origin, Rates()))


# -- media -------------------------------------------------------------------------

WIDE_IMAGE = (1024, 1024)  # where the size is not to be had cheaply


def estimate_image(data: str | None, rates: Rates) -> int:
    if isinstance(rates.image, int):
        return rates.image
    width, height = (dimensions(data) if data else None) or WIDE_IMAGE
    if isinstance(rates.image, float):  # OpenAI's smaller models: patches of 32 pixels, 1536 of them at most
        return math.ceil(rates.image * min(1536, math.ceil(width / 32) * math.ceil(height / 32)))
    longest, shortest = max(width, height), min(width, height)
    if rates.image == "area":  # Claude: 1 token for 750 pixels, after fitting it into 1568 x 1568
        scale = min(1.0, 1568 / longest)
        return min(1600, math.ceil(width * height * scale * scale / 750))
    if rates.image == "crops":  # Gemini: 258 for a small one, and for each crop of a larger one (its documents, 2025)
        unit = min(768, max(256, shortest * 2 // 3))
        return 258 * (1 if longest <= 384 else math.ceil(width / unit) * math.ceil(height / unit))
    if rates.image == "blocks":  # xAI: 256 for each block of 448 pixels, six at most, and for the whole beside several
        blocks = min(6, math.ceil(width / 448) * math.ceil(height / 448))
        return 256 * (blocks + (blocks > 1))
    scale = min(1.0, 2048 / longest)  # OpenAI: 85, and 170 for each tile of 512 pixels
    scale *= min(1.0, 768 / max(1.0, shortest * scale))
    return 85 + 170 * math.ceil(width * scale / 512) * math.ceil(height * scale / 512)


_BITRATES = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_LOW_BITRATES = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


def seconds_of(media_type: str, data: str) -> float:
    """How long a base64 sound is, from its size and the bytes per second its header tells; else at 64 kbit/s."""
    size = len(data) * 3 / 4
    try:
        head = base64.b64decode(data[:4096])
    except (binascii.Error, ValueError):
        head = b""
    rate = 8000.0
    if head[:4] == b"RIFF" and head[12:16] == b"fmt " and len(head) >= 32:
        rate = float(struct.unpack_from("<I", head, 28)[0])
    elif "l16" in media_type.lower() or "pcm" in media_type.lower():
        rate = 48000.0
    elif frame := re.search(rb"\xff[\xf2\xf3\xfa\xfb]([\x10-\xef])", head):
        table = _BITRATES if frame[0][1] & 8 else _LOW_BITRATES
        rate = table[frame[1][0] >> 4] * 125.0
    return size / max(rate, 1000.0)


def pages_of(data: str) -> int:
    """Pages of a base64 PDF: as many as its first 3 MB name openly, and in that measure; else by its size."""
    seen = data[: 4 << 20]
    try:
        raw = base64.b64decode(seen)
    except (binascii.Error, ValueError):
        raw = b""
    named = len(re.findall(rb"/Type\s*/Page\b", raw))
    return round(named * len(data) / len(seen)) if named else max(1, len(data) // 80_000)


def estimate_media(part: Media, rates: Rates) -> int:
    data = part.source.data if isinstance(part.source, Base64) else None
    kind = part.media_type.partition("/")[0]
    match kind:
        case "image":
            return estimate_image(data, rates)
        case "audio":
            return math.ceil(rates.second * (seconds_of(part.media_type, data) if data else 60))
        case "video":
            return math.ceil(300 * (len(data) / 500_000 if data else 60))
        case "text":
            return math.ceil(rates.text * len(data) * 3 / 4 / 3.5) if data else 1000
        case _:
            return rates.page * (pages_of(data) if data else 3)


# -- the prompt ----------------------------------------------------------------------


def told_again(messages: tuple[Message, ...]) -> int:
    """From which message on earlier thoughts still count: providers drop those of turns the user has since answered."""
    last = 0
    for i, message in enumerate(messages):
        if message.role == "user" and not any(isinstance(part, ToolResult) for part in message.parts):
            last = i
    return last


def pieces(parts: Iterable[AnyPart], thoughts: bool) -> Iterator[str | Media | Opaque]:
    for part in parts:
        match part:
            case Text(text=text) | Refusal(text=text):
                yield text
            case Reasoning(text=text):
                if thoughts:
                    yield text
            case ToolCall(name=name, arguments=arguments):
                yield f"{name} {arguments}"
            case ToolResult(content=content):
                yield from pieces(content, thoughts)
            case Media() | Opaque():
                yield part


def is_cited(piece: Media | Opaque) -> bool:
    """Whether the model is told to cite it."""
    marks = piece.extra if isinstance(piece, Media) else piece.raw
    return isinstance(marks, dict) and bool(marks.get("citations"))


UNTYPED = {
    "$schema", "additionalProperties", "title", "format", "default", "examples", "required", "minLength", "maxLength",
    "minItems", "maxItems", "minimum", "maximum", "pattern",
}  # fmt: skip
"""Keywords that a type in a programming language has no words for, or a mark only."""


def said(schema: Json, rates: Rates, depth: int = 32) -> Json:
    """What a model is told of a schema."""
    if not rates.typed or depth == 0:
        return schema
    if isinstance(schema, list):
        return [said(inner, rates, depth - 1) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    told = {name: value for name, value in schema.items() if name not in UNTYPED}
    for name, value in told.items():
        if name in ("properties", "$defs", "definitions") and isinstance(value, dict):
            told[name] = {key: said(inner, rates, depth - 1) for key, inner in value.items()}
        else:
            told[name] = said(value, rates, depth - 1)
    return told


def words(schema: Json, depth: int = 32) -> Iterator[str]:
    """The names, descriptions and choices in a schema."""
    if isinstance(schema, list) and depth:
        for inner in schema:
            yield from words(inner, depth - 1)
    if not isinstance(schema, dict) or not depth:
        return
    for name, value in schema.items():
        if name == "description" and isinstance(value, str):
            yield value
        elif name == "enum" and isinstance(value, list):
            yield from (one for one in value if isinstance(one, str))
        elif name in ("properties", "$defs", "definitions") and isinstance(value, dict):
            for key, inner in value.items():
                yield key
                yield from words(inner, depth - 1)
        else:
            yield from words(value, depth - 1)


def parameters(schema: Json, depth: int = 32) -> int:
    """How many there are, on all levels."""
    if isinstance(schema, list):
        return sum(parameters(inner, depth - 1) for inner in schema) if depth else 0
    if not isinstance(schema, dict) or not depth:
        return 0
    properties = schema.get("properties")
    here = len(properties) if isinstance(properties, dict) else 0
    return here + sum(parameters(inner, depth - 1) for inner in schema.values() if isinstance(inner, dict | list))


def estimate_tool(tool: Tool, rates: Rates) -> float:
    head = f"{tool.name} {tool.description or ''}"
    if rates.function is None:
        return rates.tool * (estimate_text(f"{head} {dumps(said(tool.parameters, rates))}") + 6)
    told = estimate_text(" ".join([head, *words(tool.parameters)]))
    return rates.function + rates.parameter * parameters(tool.parameters) + told


def estimate(request: Request) -> int:
    """Tokens of the whole prompt: messages, tools, the answer's format, media, and what the provider adds."""
    rates = rates_of(request)
    fixed, text = rates.base + rates.message * len(request.messages), 0.0
    cited = False
    thoughts = told_again(request.messages)
    for i, message in enumerate(request.messages):
        for piece in pieces(message.parts, i >= thoughts):
            match piece:
                case str():
                    text += estimate_text(piece, rates.run, rates.gaps)
                case Opaque(raw=raw):
                    text += estimate_text(dumps(raw))
                    cited = cited or is_cited(piece)
                case Media():
                    fixed += estimate_media(piece, rates)
                    cited = cited or is_cited(piece)
    if request.tools:
        demanded = rates.forced is not None and request.tool_choice.mode in ("required", "tool")
        fixed += (rates.forced or 0) if demanded else rates.tools
        text += sum(estimate_tool(tool, rates) for tool in request.tools)
    if request.format is not None and request.format.schema is None:
        fixed += rates.json
    elif request.format is not None:
        fixed += rates.formats
        text += rates.format * estimate_text(dumps(said(request.format.schema, rates)))
    if request.thinking is not None and request.thinking.budget:
        fixed += rates.thinking
    return math.ceil(fixed + rates.citations * cited + rates.text * text)
