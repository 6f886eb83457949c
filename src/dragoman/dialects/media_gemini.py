"""Gemini's embeddings (:embedContent, :batchEmbedContents) and Imagen's :predict, both directions.

It knows no other dialect. Gemini speaks in a chat, so there is no speech here.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from dragoman.core.bridge import texts_only
from dragoman.core.codec import QUIET, Context, Fields, Wire, asks_nothing, clean, merge, name_of
from dragoman.core.content import from_url
from dragoman.core.errors import GatewayError, Kind, invalid
from dragoman.core.images import ASPECTS, image_type, nearest_shape, same_shape
from dragoman.core.ir import AnyPart, Base64, Extra, FileId, Json, Media, Opaque, Text, Url, Usage
from dragoman.core.media import Binary, EmbedRequest, EmbedResponse, Image, ImageRequest, ImageResponse, Operation

DIALECT = "gemini"
MOST_IMAGES = 4

SPELLINGS = {
    "task_type": "taskType",
    "output_dimensionality": "outputDimensionality",
    "inline_data": "inlineData",
    "file_data": "fileData",
    "mime_type": "mimeType",
    "file_uri": "fileUri",
    "embed_content_config": "embedContentConfig",
    "sample_count": "sampleCount",
    "aspect_ratio": "aspectRatio",
    "output_options": "outputOptions",
}
"""Google reads both; google-genai mixes them in one body (clients.md 1.3)."""


def camel(wire: Json) -> Json:
    """An object with the names this codec reads in their one spelling; all else as it was."""
    if not isinstance(wire, dict) or SPELLINGS.keys().isdisjoint(wire):
        return wire
    return {SPELLINGS.get(name, name): value for name, value in wire.items()}


def odd(what: str) -> GatewayError:
    """A provider's answer that makes no sense here."""
    return GatewayError(Kind.UPSTREAM, what, code="upstream_invalid_response")


def answer_object(wire: Json) -> Wire:
    if not isinstance(wire, dict):
        raise odd(f"the provider's answer is {name_of(wire)}, not an object")
    return wire


def model_path(model: str, verb: str) -> str:
    return f"/v1beta/models/{quote(model.removeprefix('models/'), safe='@')}:{verb}"


def leftovers(name: str, rests: list[Wire]) -> Extra:
    """What nobody took from each element of an array; quiet where no element has anything to say."""
    return {name if any(not asks_nothing("", rest) for rest in rests) else QUIET + name: rests}


def left(extra: Extra, name: str, index: int) -> Wire:
    """The leftovers of one element, at home."""
    rests = extra.get(name, extra.get(QUIET + name))
    rest = rests[index] if isinstance(rests, list) and index < len(rests) else None
    return rest if isinstance(rest, dict) else {}


# -- embeddings ----------------------------------------------------------------


def decode_part(wire: Json, path: str) -> AnyPart:
    f = Fields(camel(wire), path)
    if (text := f.take("text", str)) is not None:
        return Text(text=text, extra=f.rest)
    for name, word in (("inlineData", "data"), ("fileData", "fileUri")):
        if name in f:
            g = Fields(camel(f.any(name)), f.at(name))
            media_type, value = g.take("mimeType", str) or "*/*", g.need(word, str)
            source = Base64(value) if word == "data" else Url(value)
            extra = merge({name: g.rest} if g.rest else {}, f.rest)
            return Media(media_type=media_type, source=source, extra=extra)
    return Opaque(kind=next(iter(f.rest), "empty"), raw=wire)


def encode_part(part: AnyPart, ctx: Context, path: str) -> Wire:
    match part:
        case Text(text=text):
            wire: Wire = {"text": text}
        case Media(media_type=kind, source=Base64(data)):
            wire = {"inlineData": clean({"mimeType": None if kind == "*/*" else kind, "data": data})}
        case Media(media_type=kind, source=Url(url)):
            wire = {"fileData": clean({"mimeType": None if kind == "*/*" else kind, "fileUri": url})}
        case Media(source=FileId(issuer=issuer)):
            raise invalid(path, f"a file of {issuer} cannot be embedded here")
        case Opaque(raw=raw) if ctx.at_home:
            return dict(raw) if isinstance(raw, dict) else {}
        case _:
            raise invalid(path, f"{type(part).__name__.lower()} cannot be embedded")
    return ctx.carry(wire, part.extra, path)


class _Item:
    """One request of a batch, or the only one: its parts, its three wishes and what nobody took of it."""

    def __init__(self, wire: Json, path: str) -> None:
        self.fields = f = Fields(camel(wire), path)
        if (model := f.take("model", str)) is not None:  # the URL's is the one that counts
            f.quiet("model", model)
        content = f.sub("content")
        if (role := content.take("role", str)) is not None:  # who says it makes no difference to what it means
            content.quiet("role", role)
        self.parts = tuple(decode_part(part, at) for part, at in content.items("parts"))
        if not self.parts:
            raise invalid(content.at("parts"), "expected at least one part")
        config = Fields(camel(f.peek(CONFIG) or {}), f.at(CONFIG))
        self.wishes: dict[str, Json] = {
            name: config.keep(name, kind) if f.peek(name) is None else f.keep(name, kind)
            for name, kind in (("taskType", str), ("outputDimensionality", int))
        }
        if CONFIG in f and config.rest.keys() <= self.wishes.keys():  # read here, and written there again at home
            f.quiet(CONFIG, f.any(CONFIG))
        if (dimensions := self.wishes["outputDimensionality"]) is not None and dimensions < 1:
            raise invalid(f.at("outputDimensionality"), f"must be at least 1, got {dimensions}")


CONFIG = "embedContentConfig"  # where Google wants the wishes since 2026; outside of it they are deprecated
MOST_INPUTS = 2048


class GeminiEmbed:
    """One of Gemini's two verbs at the front (`batch`); at the back it takes the verb that fits the request.

    dialect: another name where all that comes is foreign, as on Vertex AI, which knows no batches.
    """

    operation: Operation = "embed"

    def __init__(self, *, batch: bool, dialect: str = DIALECT) -> None:
        self._batch, self.dialect = batch, dialect

    def decode_request(self, wire: Wire, ctx: Context) -> EmbedRequest:
        if self._batch:
            f = Fields(wire)
            if isinstance(many := wire.get("requests"), list) and len(many) > MOST_INPUTS:
                raise invalid("requests", f"at most {MOST_INPUTS} texts are taken, got {len(many)}")
            items = [_Item(item, path) for item, path in f.items("requests")]
            if not items:
                raise invalid("requests", "expected at least one request")
        else:
            items = [_Item(wire, "")]
            f = items[0].fields
        shared: dict[str, Json] = {}
        for name in (
            "taskType",
            "outputDimensionality",
        ):  # a wish all have in common is one wish; else each keeps its own
            wish = items[0].wishes[name]
            if wish is not None and all(item.wishes[name] == wish for item in items):
                shared[name] = wish
                for item in items:
                    item.fields.any(name)
        extra = f.rest
        if self._batch:
            extra = extra | leftovers("requests", [item.fields.rest for item in items])
        return EmbedRequest(
            origin=DIALECT,
            model=ctx.model,
            inputs=tuple(item.parts for item in items),
            dimensions=shared.get("outputDimensionality"),
            task=shared.get("taskType"),
            batch=self._batch,
            extra=extra,
        )

    def encode_request(self, request: EmbedRequest, ctx: Context) -> Wire:
        ctx.going(request.origin, self.dialect)
        if request.user:
            ctx.lose("user", "no place for it in Gemini's API")
        wishes = {"taskType": request.task, "outputDimensionality": request.dimensions}
        model = (ctx.model or request.model).removeprefix("models/")
        items: list[Wire] = []
        for i, parts in enumerate(texts_only(request)):
            content = {"parts": [encode_part(part, ctx, f"inputs[{i}][{j}]") for j, part in enumerate(parts)]}
            own = (request.extra if alone(request) else left(request.extra, "requests", i)) if ctx.at_home else {}
            said = camel(own.get(CONFIG, own.get(QUIET + CONFIG))) or {}
            told = {name: wish for name, wish in wishes.items() if name not in said}
            items.append(clean({"model": f"models/{model}" if model else None, "content": content, **told}))
        if alone(request):
            return ctx.carry(items[0], request.extra, "")
        if ctx.at_home:
            items = [merge(item, left(request.extra, "requests", i)) for i, item in enumerate(items)]
        return ctx.carry({"requests": items}, request.extra, "")

    def decode_response(self, wire: Wire | Binary, ctx: Context) -> EmbedResponse:
        f = Fields(answer_object(wire))
        several, one, usage = f.any("embeddings"), f.any("embedding"), f.any("usageMetadata")
        found = several if isinstance(several, list) else [one]
        vectors = tuple(decode_vector(item) for item in found)
        if not vectors:
            raise odd("the provider's answer holds no embeddings")
        tokens = usage.get("promptTokenCount") if isinstance(usage, dict) else None
        count = tokens if type(tokens) is int and tokens > 0 else 0
        return EmbedResponse(origin=DIALECT, model=ctx.model, vectors=vectors, usage=Usage(input=count), extra=f.rest)

    def encode_response(self, response: EmbedResponse, ctx: Context) -> Wire:
        ctx.going(response.origin, DIALECT)
        vectors = [{"values": list(vector)} for vector in response.vectors]
        wire: Wire = {"embeddings": vectors} if self._batch else {"embedding": vectors[0]}
        if response.usage.input:
            wire["usageMetadata"] = {"promptTokenCount": response.usage.input}
        return ctx.carry(wire, response.extra, "")

    def path(self, request: EmbedRequest | None, model: str) -> str:
        one = alone(request) if request is not None else not self._batch
        return model_path(model, "embedContent" if one else "batchEmbedContents")


def names_its_model(wire: Wire) -> bool:
    """Whether AI Studio takes a batch as it is: each request of it has to name the model that the path names."""
    requests = wire.get("requests")
    return not isinstance(requests, list) or all(isinstance(one, dict) and one.get("model") for one in requests)


def alone(request: EmbedRequest) -> bool:
    return len(request.inputs) == 1 and not request.batch


def decode_vector(item: Json) -> tuple[float, ...]:
    values = item.get("values") if isinstance(item, dict) else None
    if isinstance(values, list) and values and all(type(x) is float or type(x) is int for x in values):
        return tuple(map(float, values))
    raise odd("the provider's answer holds an embedding without values")


# -- images --------------------------------------------------------------------


def decode_prediction(item: Json) -> Image | None:
    """One prediction as an image; None where a filter left none of it."""
    if not isinstance(item, dict):
        return None
    data, kept, said, prompt = (item.get(name) for name in ("bytesBase64Encoded", "gcsUri", "mimeType", "prompt"))
    revised = prompt if isinstance(prompt, str) else None
    if isinstance(data, str) and data:
        media_type = said if isinstance(said, str) and said else image_type(data)
        return Image(media_type=media_type, source=Base64(data), revised_prompt=revised)
    if isinstance(kept, str) and kept:
        media_type = said if isinstance(said, str) and said else "image/png"
        return Image(media_type=media_type, source=Url(kept), revised_prompt=revised)
    return None


def encode_prediction(image: Image, ctx: Context, path: str) -> Wire:
    media_type, source = image.media_type, image.source
    if isinstance(source, Url):
        media_type, source = from_url(source.url, media_type)
    match source:
        case Base64(data):
            wire: Wire = {"mimeType": media_type, "bytesBase64Encoded": data}
        case Url(url) if url.startswith("gs://"):
            wire = {"mimeType": media_type, "gcsUri": url}
        case _:
            raise odd("the provider drew an image and gave its URL; this API answers with the image itself")
    if image.revised_prompt:
        wire["prompt"] = image.revised_prompt
    return ctx.carry(wire, image.extra, path)


def encode_aspect(request: ImageRequest, ctx: Context) -> str | None:
    if ctx.at_home:
        return request.aspect
    name, wish = ("aspect", request.aspect) if request.aspect else ("size", request.size)
    if wish is None or wish == "auto":
        return None
    aspect = nearest_shape(wish, ASPECTS)
    if aspect is None:
        ctx.lose(name, f"{wish!r:.40} is no shape")
    elif name == "size" or not same_shape(wish, aspect):
        ctx.lose(name, f"the nearest this model draws is {aspect}", "clamped")
    return aspect


class GeminiImage:
    """Imagen: one prompt, up to four images; one where the client does not say how many and Imagen is not asked."""

    dialect = DIALECT
    operation: Operation = "image"

    def decode_request(self, wire: Wire, ctx: Context) -> ImageRequest:
        f = Fields(wire)
        instances = f.items("instances")
        if len(instances) != 1:
            raise invalid("instances", f"expected exactly one, got {len(instances)}")
        instance = Fields(*instances[0])
        prompt = instance.need("prompt", str)
        if not prompt:
            raise invalid(instance.at("prompt"), "must not be empty")
        found: dict[str, Json] = {}
        extra: Extra = {QUIET + "parameters": None}
        if (given := f.any("parameters")) is not None:
            p = Fields(camel(given), "parameters")
            count = p.take("sampleCount", int)
            if count is not None and not 1 <= count <= MOST_IMAGES:
                raise invalid(p.at("sampleCount"), f"must be between 1 and {MOST_IMAGES}, got {count}")
            found = {"count": count or 1, "aspect": p.take("aspectRatio", str)}
            if (output := p.maybe("outputOptions")) is not None:
                found["media_type"] = output.take("mimeType", str)
            extra = {"parameters": p.rest | ({} if count else {QUIET + "sampleCount": None})}
        extra |= leftovers("instances", [instance.rest])
        return ImageRequest(origin=DIALECT, model=ctx.model, prompt=prompt, extra=f.rest | extra, **found)

    def encode_request(self, request: ImageRequest, ctx: Context) -> Wire:
        ctx.going(request.origin, DIALECT)
        most = ctx.profile.images_per_call or MOST_IMAGES
        if request.count > most:
            raise invalid("count", f"this model draws at most {most} in one call, got {request.count}")
        for name in ("quality", "user"):
            if getattr(request, name):
                ctx.lose(name, "no place for it in Imagen's API")
        media_type = request.media_type
        if not ctx.at_home and media_type not in (None, "image/png", "image/jpeg"):
            ctx.lose("media_type", "Imagen draws PNG and JPEG", "clamped")
            media_type = None
        instance: Wire = {"prompt": request.prompt}
        if ctx.at_home:
            instance = merge(instance, left(request.extra, "instances", 0))
        own = request.extra.get("parameters", {QUIET + "sampleCount": None}) if ctx.at_home else {}
        count = None if QUIET + "sampleCount" in own else request.count
        parameters = clean({"sampleCount": count, "aspectRatio": encode_aspect(request, ctx)})
        if media_type:
            parameters["outputOptions"] = {"mimeType": media_type}
        return ctx.carry(clean({"instances": [instance], "parameters": parameters or None}), request.extra, "")

    def decode_response(self, wire: Wire | Binary, ctx: Context) -> ImageResponse:
        f = Fields(answer_object(wire))
        found = f.any("predictions")
        predictions = found if isinstance(found, list) else []
        images, reasons = [], []
        for i, item in enumerate(predictions):
            if image := decode_prediction(item):
                images.append(image)
                continue
            reason = item.get("raiFilteredReason") if isinstance(item, dict) else None
            reasons.append(reason if isinstance(reason, str) else "no image")
            ctx.lose(f"predictions[{i}]", reasons[-1][:300])
        if not images:  # where everything is filtered and no reason was asked for, Imagen answers {}
            why = "; ".join(reasons)[:1000] or "all of it was filtered"
            raise GatewayError(Kind.CONTENT_POLICY, f"the model gave no image: {why}", code="content_filter")
        return ImageResponse(origin=DIALECT, model=ctx.model, images=tuple(images), extra=f.rest)

    def encode_response(self, response: ImageResponse, ctx: Context) -> Wire:
        ctx.going(response.origin, DIALECT)
        wire = {"predictions": [encode_prediction(im, ctx, f"images[{i}]") for i, im in enumerate(response.images)]}
        return ctx.carry(wire, response.extra, "")

    def path(self, request: Any, model: str) -> str:
        return model_path(model, "predict")
