"""The quirks of a deployment, as data: what a codec must mind when it speaks to this provider or model.

It knows no provider's name. A quirk belongs here before it becomes a branch in a codec.
Values come from `providers/catalog.toml`, merged default < provider < model pattern < config.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Profile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    # -- the Chat Completions family
    reasoning_field: Literal["reasoning_content", "reasoning"] = "reasoning_content"
    """In which field of a message this server carries reasoning text."""
    send_reasoning: Literal["field", "details", "none", "refused"] = "none"
    """Whether earlier turns' reasoning goes back: in `reasoning_field`, as OpenRouter's `reasoning_details`, or not; if
    refused, then not even where the client wrote it so."""
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    developer_role: bool = False
    """Whether the role "developer" is known; else it is written "system"."""
    cache_control: bool = False
    """Whether cache marks are understood in Anthropic's spelling."""
    stream_usage: bool = True
    """Whether `stream_options.include_usage` is accepted."""
    top_k: bool = False
    seed: bool = True
    penalties: bool = True
    stops: int | None = None
    """How many stop sequences are taken; None: as many as are wished for."""
    parallel_tool_calls: bool = True
    tool_choice_required: bool = True
    json_schema: bool = True
    """Whether an answer can be held to a JSON Schema by the server; else JSON mode and the schema in the prompt."""
    strict_tools: bool = True
    terms: tuple[str, ...] = (
        "service_tier", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "metadata", "store",
        "verbosity",
    )  # fmt: skip
    """OpenAI's terms of service (`ir.Terms`) that this server takes from clients of other dialects."""
    logprobs: bool = True
    """Whether the probabilities of an answer's tokens are told."""
    choices: bool = False
    """Whether one call gives as many answers as it asks for (`n`, `candidateCount`); else there is a call for each."""
    reasoning_effort: bool = True
    """Whether `reasoning_effort` is accepted."""
    tool_id: str | None = None
    """A pattern tool-call ids must match, e.g. Mistral's `[a-zA-Z0-9]{9}`; others are replaced, both ways."""
    tool_id_limit: int = 64
    """The longest tool-call id this server takes; longer ones are shortened, the same in call and result."""
    think_tags: bool = False
    """Whether thoughts come as `<think>` tags at the beginning of the text: they are told as thoughts then."""
    call_signatures: bool = False
    """Whether Google's thought signatures are taken on tool calls (`extra_content`), as its compatible server does."""

    # -- Bedrock's Converse (which also reads cache_control, send_reasoning and strict_tools)
    model_fields: Literal["anthropic", "nova", "openai"] | None = None
    """In whose words thinking and top_k are told to this model; None: in none, so that they are left out."""
    cache_tools: bool = True
    """Whether a cache point may stand among the tools (Amazon's Nova takes it in system and messages only)."""

    # -- images
    image_shape: Literal["size", "aspect_ratio"] = "size"
    """How an image's shape is told to this server: in pixels, or as an aspect ratio (xAI)."""
    image_sizes: tuple[str, ...] = ("1024x1024", "1536x1024", "1024x1536")
    """The sizes this model draws; a wish for another shape takes the nearest. Empty: any."""
    image_response_format: bool = False
    """Whether an image model must be told to answer in base64 (DALL-E, xAI); OpenAI's newer ones refuse to be told."""
    images_per_call: int | None = None
    """How many images one call draws at most; None: as many as the dialect allows."""

    # -- embeddings
    texts_per_call: int | None = None
    """How many texts one call embeds at most; None: as many as the client sends."""

    # -- all dialects
    issuer: str | None = None
    """In whose name this provider signs reasoning, and who alone can read it. None: the vendor whose dialect it is."""
    max_tokens: int | None = None
    """What is asked for where the client names no limit and the dialect must have one."""
    max_tokens_limit: int | None = None
    """The largest limit the model takes; larger wishes are clamped, and the clamp is reported."""
    temperature_max: float | None = None
    sampling: bool = True
    """False for models that refuse temperature, top_p and top_k (OpenAI's reasoning models, newest Claude)."""
    top_p_beside_temperature: bool = True
    """Whether the two may be given together; else the temperature stands."""
    thinking: Literal["budget", "level", "adaptive", "none"] | None = None
    """How this model is told to think: by a budget, a level, adaptively, or not at all. None: as the request says."""
    efforts: tuple[str, ...] = ()
    """The levels this model knows, lowest first; a wish for another takes the nearest. Empty: all."""
    call_ids: bool = True
    """Gemini: whether functionCall.id is accepted."""
    json_and_tools: bool = True
    """Whether a JSON answer format may be combined with tools."""
    prefill: bool = True
    """Whether a conversation may end with the beginning of the answer; else the user asks to go on from there."""
    system_turns: bool = True
    """Anthropic: whether a system message may stand among the others; else it is sent as the user's."""
    json_schemas: Literal["all", "tools", "none"] = "all"
    """Gemini: which schemas it takes as JSON Schema: all, those of tools only, or none; others in Google's OpenAPI."""
    openapi_schemas: Literal["studio", "vertex"] = "studio"
    """Gemini: whose subset of OpenAPI schemas are written in, where they are: AI Studio's or Vertex AI's."""
    modalities: tuple[str, ...] = ()
    """What the model can answer with beside text: "image", "audio". A model that must be asked for it is asked."""
    stream_only: bool = False
    """Whether this server only streams: a client that did not ask for a stream gets what the stream adds up to."""
    betas: tuple[str, ...] = ()
    """Anthropic: which `anthropic-beta` flags this backend takes, as globs; others are not sent. Empty: all."""
    compaction: bool = False
    """Whether its Responses compact a conversation themselves; else the model is asked for a summary."""
    repair: bool = False
    """True where even a client of the same dialect needs its request rewritten: nothing is passed through raw."""
