"""A whole answer in Responses, as a provider gives it, to the neutral form.

It knows nothing of events.
"""

from __future__ import annotations

from msgspec.structs import replace

from dragoman.core.codec import QUIET, Context, Wire
from dragoman.core.content import legal_name
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.ir import AnyPart, Extra, Json, Response, ToolCall
from dragoman.dialects.openai_errors import decode_error
from dragoman.dialects.openai_responses.ends import FAILED, decode_stop, decode_usage
from dragoman.dialects.openai_responses.items import decode_item
from dragoman.dialects.openai_responses.parts import DIALECT, Lenient, objects

TAKEN = ("id", "object", "model", "output", "usage")
ECHO = (
    "background", "billing", "completed_at", "conversation", "created_at", "frequency_penalty", "incomplete_details",
    "instructions", "max_output_tokens", "max_tool_calls", "metadata", "output_text", "parallel_tool_calls",
    "presence_penalty", "previous_response_id", "prompt", "prompt_cache_key", "prompt_cache_options",
    "prompt_cache_retention", "reasoning", "safety_identifier", "service_tier", "status", "store", "temperature",
    "text", "tool_choice", "tool_usage", "tools", "top_logprobs", "top_p", "truncation", "user",
)  # fmt: skip
"""Members that repeat the request or tell of the answer's making: a client abroad misses none of them."""


def answer_extra(wire: Wire) -> Extra:
    """What an answer says beside its items and its cost."""
    return {
        QUIET + name if name in ECHO and value is not None else name: value
        for name, value in wire.items()
        if name not in TAKEN or (name == "usage" and value is None)
    }


def decode_response(wire: Json, ctx: Context) -> Response:
    if not isinstance(wire, dict) or wire.get("object") == "error":
        raise decode_error(0, wire, {})
    output = wire.get("output")
    if wire.get("status") in FAILED or (wire.get("error") and not output):
        raise decode_error(0, wire, {})  # an answer that failed, or an error with status 200
    if not isinstance(output, list):
        raise GatewayError(Kind.UPSTREAM, "the provider's answer holds no output", code="upstream_error")
    f = Lenient(wire)
    id, model = f.take("id", str) or "", f.take("model", str) or ""
    found = tuple(part for item in objects(f, "output") for part in decode_item(item, ctx))
    parts = numbered(found, id, ctx)
    called = any(isinstance(part, ToolCall) for part in parts)
    return Response(
        origin=DIALECT,
        id=id,
        model=model,
        parts=parts,
        stop=decode_stop(wire, called),
        usage=decode_usage(wire.get("usage")),
        extra=answer_extra(wire),
    )


def numbered(parts: tuple[AnyPart, ...], id: str, ctx: Context) -> tuple[AnyPart, ...]:
    """The parts, calls without an id or a name of their own with one made of the answer's id and their place."""
    done: list[AnyPart] = []
    seen: set[str] = set()
    calls = 0
    for part in parts:
        if isinstance(part, ToolCall):
            if not part.id or part.id in seen:
                id = id or ctx.new_id("")
                part = replace(part, id=f"call_{legal_name(id, 30)}_{calls}")
            if not part.name:
                part = replace(part, name=f"tool_{calls}")
            seen.add(part.id)
            calls += 1
        done.append(part)
    return tuple(done)
