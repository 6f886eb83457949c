"""Embeddings as Vertex AI has them: `:predict` with instances, both directions. Its chats are Gemini's.

It knows no other dialect.
"""

from __future__ import annotations

from dragoman.core.bridge import texts_only
from dragoman.core.codec import Context, Fields, Wire, clean, name_of
from dragoman.core.errors import GatewayError, Kind, invalid
from dragoman.core.ir import AnyPart, Json, Text, Usage
from dragoman.core.media import Binary, EmbedRequest, EmbedResponse, Operation

DIALECT = "vertex"


def embeds(wire: Wire) -> bool:
    """Whether this is to be embedded, not drawn: it has contents and no prompts."""
    instances = wire.get("instances")
    first = instances[0] if isinstance(instances, list) and instances else None
    return isinstance(first, dict) and "content" in first and "prompt" not in first


class VertexEmbed:
    """One instance for each text, and their wishes as parameters."""

    dialect = DIALECT
    operation: Operation = "embed"

    def decode_request(self, wire: Wire, ctx: Context) -> EmbedRequest:
        f = Fields(wire)
        items = [Fields(item, path) for item, path in f.items("instances")]
        if not items:
            raise invalid("instances", "expected at least one")
        texts = tuple((Text(text=item.need("content", str)),) for item in items)
        tasks = {item.take("task_type", str) for item in items}
        wishes = f.maybe("parameters")
        dimensions = wishes.count("outputDimensionality") if wishes else None
        if len(tasks) > 1:
            raise invalid("instances", "one task_type is taken for all")
        rests = [item.rest for item in items]
        extra = f.rest | ({"instances": rests} if any(rests) else {})
        return EmbedRequest(DIALECT, ctx.model, texts, dimensions, task=tasks.pop(), extra=extra)

    def encode_request(self, request: EmbedRequest, ctx: Context) -> Wire:
        ctx.going(request.origin, DIALECT)
        if request.user:
            ctx.lose("user", "no place for it in Vertex AI")
        instances: list[Wire] = []
        for i, parts in enumerate(texts_only(request)):
            text = "".join(said(part, ctx, f"inputs[{i}][{j}]") for j, part in enumerate(parts))
            instances.append(clean({"content": text, "task_type": request.task}))
        wire: Wire = {"instances": instances}
        if request.dimensions is not None:
            wire["parameters"] = {"outputDimensionality": request.dimensions}
        return ctx.carry(wire, request.extra, "")

    def decode_response(self, wire: Wire | Binary, ctx: Context) -> EmbedResponse:
        found = wire.get("predictions") if isinstance(wire, dict) else None
        if not isinstance(wire, dict) or not isinstance(found, list) or not found:
            raise odd("the provider's answer holds no embeddings")
        told = [one.get("embeddings") if isinstance(one, dict) else None for one in found]
        vectors, tokens = tuple(map(vector, told)), sum(map(counted, told))
        rest = {name: value for name, value in wire.items() if name not in ("predictions", "metadata")}
        return EmbedResponse(DIALECT, ctx.model, vectors, Usage(input=tokens), extra=rest)

    def encode_response(self, response: EmbedResponse, ctx: Context) -> Wire:
        ctx.going(response.origin, DIALECT)
        told: list[Wire] = [{"embeddings": {"values": list(values)}} for values in response.vectors]
        if len(told) == 1 and response.usage.input:
            told[0]["embeddings"]["statistics"] = {"truncated": False, "token_count": response.usage.input}
        return ctx.carry({"predictions": told}, response.extra, "")

    def path(self, request: EmbedRequest | None, model: str) -> str:
        return ":predict"


def said(part: AnyPart, ctx: Context, path: str) -> str:
    if not isinstance(part, Text):
        raise invalid(path, f"only texts are embedded by this model, not {type(part).__name__.lower()}")
    ctx.carry({}, part.extra, path)
    return part.text


def odd(what: str) -> GatewayError:
    return GatewayError(Kind.UPSTREAM, what, code="upstream_invalid_response")


def vector(told: Json) -> tuple[float, ...]:
    values = told.get("values") if isinstance(told, dict) else None
    if not isinstance(values, list) or not values or not all(type(x) in (float, int) for x in values):
        raise odd(f"an embedding of the provider's answer is {name_of(values)}, not numbers")
    return tuple(map(float, values))


def counted(told: Json) -> int:
    """The tokens of one text, where they are told."""
    statistics = told.get("statistics") if isinstance(told, dict) else None
    count = statistics.get("token_count") if isinstance(statistics, dict) else None
    return max(int(count), 0) if isinstance(count, int | float) else 0
