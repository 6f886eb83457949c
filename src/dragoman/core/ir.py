"""The interlingua: one neutral form of a chat, between every pair of dialects.

Values only. Nothing here knows a wire format, a provider or a socket.
Names follow the OpenTelemetry GenAI conventions where those have one.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from msgspec import Struct

Json: TypeAlias = Any
Extra: TypeAlias = dict[str, Json]
"""Fields of the origin dialect that have no neutral name, nested as they were found."""


class Node(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Anything that can carry leftovers of the dialect it was read from."""

    extra: Extra = {}


class Signature(Struct, frozen=True):
    """An opaque proof that only its issuer can read, owed back verbatim."""

    issuer: str  # "anthropic" | "google" | "openai" | ...
    value: str
    ref: str | None = None  # what it is of, where it came with a name: the id of a call (OpenRouter)


class Cache(Struct, frozen=True):
    """A prompt-cache breakpoint after the node that carries it."""

    ttl: Literal["5m", "1h"] | None = None


# -- content -----------------------------------------------------------------


class Base64(Struct, frozen=True, tag="base64"):
    data: str  # stays base64: a gateway never needs the bytes


class Url(Struct, frozen=True, tag="url"):
    url: str


class FileId(Struct, frozen=True, tag="file_id"):
    issuer: str  # whose file store
    id: str


class Citation(Node, frozen=True):
    cited_text: str = ""
    url: str | None = None
    title: str | None = None
    start: int | None = None  # where it applies in the text it annotates, in characters
    end: int | None = None


class Token(Struct, frozen=True, omit_defaults=True):
    """A token of an answer's text, and how likely it was."""

    text: str
    logprob: float
    bytes: tuple[int, ...] | None = None  # where the provider told them: a token may be a part of a character
    top: tuple[Token, ...] = ()  # what else was likely in its place
    id: int | None = None  # its number in the model's vocabulary


class Part(Node, frozen=True, kw_only=True, omit_defaults=True):
    cache: Cache | None = None
    signature: Signature | None = None  # Gemini signs text and calls too


class Text(Part, frozen=True, tag="text"):
    text: str
    citations: tuple[Citation, ...] = ()
    logprobs: tuple[Token, ...] = ()


class Refusal(Part, frozen=True, tag="refusal"):
    text: str


class Reasoning(Part, frozen=True, tag="reasoning"):
    text: str = ""  # empty where the provider withholds it and gives a signature only
    summary: bool = False
    redacted: bool = False  # the signature is all there is, and all there will be


class Media(Part, frozen=True, tag="media"):
    """An image, a sound, a film or a document; in questions, answers and tool results alike."""

    media_type: str  # "image/png", "audio/wav", "application/pdf"; "image/*" if unknown
    source: Base64 | Url | FileId
    name: str | None = None


class ToolCall(Part, frozen=True, tag="tool_call"):
    id: str
    name: str
    arguments: str = ""  # JSON text exactly as the model wrote it; "" means {}
    server: bool = False  # run by the provider, not by the client


class ToolResult(Part, frozen=True, tag="tool_result"):
    call_id: str
    content: tuple[Text | Media | Opaque, ...] = ()
    is_error: bool = False
    server: bool = False


class Source(Struct, frozen=True, omit_defaults=True):
    """A page that a search found."""

    url: str
    title: str | None = None


class Run(Struct, frozen=True, omit_defaults=True):
    """What a provider's own tool was asked and what it found, as far as the provider tells."""

    tool: Literal["web_search", "code_execution"]
    queries: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    code: str = ""
    output: str | None = None  # what the code wrote; None: not told
    failed: bool = False


class Opaque(Part, frozen=True, tag="opaque"):
    """A part with no neutral form; it survives only a trip home. Where it tells what a provider's own tool did, `run`
    is for the other dialects that know such tools."""

    kind: str
    raw: Json
    run: Run | None = None


AnyPart: TypeAlias = Text | Refusal | Reasoning | Media | ToolCall | ToolResult | Opaque
Role: TypeAlias = Literal["system", "user", "assistant"]


class Message(Node, frozen=True):
    role: Role  # tool results are parts of a user turn; a system message may stand anywhere
    parts: tuple[AnyPart, ...]
    name: str | None = None


# -- request -----------------------------------------------------------------


class Tool(Node, frozen=True):
    name: str
    description: str | None = None
    parameters: Json = None  # a JSON Schema, as the client wrote it; None: the tool takes nothing
    strict: bool | None = None
    server: str | None = None  # a provider's own tool: its kind, e.g. "web_search_20250305"
    cache: Cache | None = None


class ToolChoice(Struct, frozen=True):
    mode: Literal["auto", "none", "required", "tool"] = "auto"
    name: str | None = None  # of the one tool, when mode is "tool"
    parallel: bool | None = None
    allowed: tuple[str, ...] = ()  # only these may be called; empty: all


class Format(Node, frozen=True):
    """The shape asked of the answer: any JSON (schema None), or JSON that fits a schema."""

    schema: Json = None
    name: str = "response"
    description: str | None = None
    strict: bool | None = None


Effort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class Thinking(Node, frozen=True):
    """How much to reason. effort "none" is off; no effort and no budget is "on, as you like" (adaptive)."""

    effort: Effort | None = None
    budget: int | None = None  # tokens
    visible: bool | None = None  # whether the client wants to see thoughts


class Voice(Struct, frozen=True):
    name: str | None = None  # the vendor's own name: "Kore", "alloy"; None: its default
    speaker: str | None = None  # who in the script speaks with it, when there are two


class Speech(Node, frozen=True):
    """How an answer is to be spoken; asked for with the modality "audio"."""

    voices: tuple[Voice, ...] = ()
    format: str | None = None  # "pcm", "wav", "mp3", ...; None: the dialect's own default
    language: str | None = None


class Picture(Node, frozen=True):
    """How an image in the answer is to look; asked for with the modality "image"."""

    size: str | None = None  # "1024x1024"
    aspect: str | None = None  # "16:9"


class Sampling(Struct, frozen=True, omit_defaults=True):
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None


class Terms(Struct, frozen=True, omit_defaults=True):
    """How a request is to be served and booked, in OpenAI's words: what is asked is the same without it."""

    service_tier: str | None = None  # "default", "flex", "priority"; None: as the project is set
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    safety_identifier: str | None = None
    metadata: dict[str, str] = {}
    store: bool | None = None
    verbosity: str | None = None  # "low", "medium", "high"


class Request(Node, frozen=True):
    origin: str  # the dialect it was written in; `extra` fields go home only to it
    model: str  # "" where the client named none
    messages: tuple[Message, ...]
    sampling: Sampling = Sampling()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    format: Format | None = None
    thinking: Thinking | None = None
    modalities: tuple[str, ...] = ()  # of the answer, lower case: "text", "image", "audio"
    speech: Speech | None = None
    picture: Picture | None = None
    choices: int = 1  # how many answers are wanted; a Response is one of them
    logprobs: int | None = None  # how many alternatives are wanted for each token; None: no probabilities at all
    stream: bool | None = None  # None: not said
    stream_usage: bool | None = None  # a chat client's wish for usage at the end of the stream
    user: str | None = None
    terms: Terms = Terms()


# -- response ----------------------------------------------------------------


class Usage(Struct, frozen=True, omit_defaults=True):
    """Token counts. `input` and `output` are totals; all others are parts of them."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0  # the part of cache_write that is kept for an hour
    reasoning: int = 0
    input_audio: int = 0
    output_audio: int = 0
    input_image: int = 0
    output_image: int = 0
    extra: Extra = {}  # what else the provider counted, in its own words


StopReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter", "error"]


class Stop(Struct, frozen=True, omit_defaults=True):
    """Why the answer ended: the neutral reason, and the provider's own word for it."""

    reason: StopReason = "stop"
    raw: str | None = None
    sequence: str | None = None  # the stop sequence that was hit


class Response(Node, frozen=True):
    origin: str
    id: str
    model: str
    parts: tuple[AnyPart, ...] = ()
    stop: Stop = Stop()
    usage: Usage = Usage()


# -- stream: Start (PartStart PartDelta* PartEnd)* Finish --------------------
# Parts may interleave. A part is born empty: its text, arguments, data and signature come in deltas,
# but for media and opaque parts, which may be born whole. Exactly one Start, first; exactly one Finish, last.


class Start(Node, frozen=True, tag="start"):
    origin: str
    id: str
    model: str
    usage: Usage = Usage()


class PartStart(Struct, frozen=True, tag="part_start"):
    index: int  # unique in the answer; parts are ordered by it
    part: AnyPart


class PartDelta(Struct, frozen=True, tag="part_delta", omit_defaults=True):
    """Growth of one part: more of its text (or JSON, or base64), or facts about it."""

    index: int
    text: str = ""
    signature: Signature | None = None
    citations: tuple[Citation, ...] = ()
    logprobs: tuple[Token, ...] = ()


class PartEnd(Struct, frozen=True, tag="part_end"):
    index: int


class Finish(Node, frozen=True, tag="finish"):
    stop: Stop = Stop()
    usage: Usage = Usage()


class Ping(Struct, frozen=True, tag="ping"):
    """A sign of life, without content."""


Event: TypeAlias = Start | PartStart | PartDelta | PartEnd | Finish | Ping
