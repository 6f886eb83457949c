"""The codec of Gemini's generateContent and its twin that counts tokens: the whole dialect, by its parts.

It knows no provider: AI Studio and Vertex speak the same here, in other envelopes.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from msgspec.structs import replace

from dragoman.core import codec
from dragoman.core.codec import Context, Fields, Wire, clean, name_of, raw_members, rewrite
from dragoman.core.errors import GatewayError, Kind, invalid
from dragoman.core.fold import fold
from dragoman.core.framing import Frame
from dragoman.core.ir import Json, Request, Response
from dragoman.core.media import Binary, CountResponse, Model, Operation
from dragoman.core.profile import Profile
from dragoman.core.schema_back import mended, mending
from dragoman.dialects.gemini.answer import encode_response, number
from dragoman.dialects.gemini.errors import decode_error, encode_error
from dragoman.dialects.gemini.parts import DIALECT, nested
from dragoman.dialects.gemini.request import decode_request, encode_request, read_request
from dragoman.dialects.gemini.shape import tidy
from dragoman.dialects.gemini.stream import Decoder, Encoder

METHODS: dict[Operation, tuple[str, ...]] = {
    "chat": ("generateContent", "streamGenerateContent", "countTokens"),
    "count": ("countTokens",),
    "embed": ("embedContent", "batchEmbedContents"),
    "image": ("predict",),
    "speech": ("generateContent",),
}
OPERATIONS: dict[str, Operation] = {
    "generateContent": "chat",
    "countTokens": "count",
    "embedContent": "embed",
    "predict": "image",
}
NESTED = "generateContentRequest"
COUNTED = ("promptTokensDetails", "cachedContentTokenCount", "cacheTokensDetails", "totalBillableCharacters")


def odd(what: str) -> GatewayError:
    """A provider's answer that makes no sense here."""
    return GatewayError(Kind.UPSTREAM, what, code="upstream_invalid_response")


def model_path(model: str, verb: str) -> str:
    """Below the base URL. A model id may hold `:`, `@` and `/`; what would leave the folder is refused."""
    model = model.removeprefix("models/")
    if any(step in ("", ".", "..") for step in model.split("/")):
        raise invalid("model", f"{model!r:.60} is not the name of a model")
    folder = "" if model.startswith("tunedModels/") else "models/"
    return f"/v1beta/{folder}{quote(model, safe=':@/')}:{verb}"


class Gemini:
    """AI Studio's and Vertex's own dialect: POST .../models/{model}:generateContent."""

    dialect = DIALECT

    def decode_request(self, wire: Wire, ctx: Context) -> Request:
        return decode_request(wire)

    def encode_request(self, request: Request, ctx: Context) -> Wire:
        return encode_request(request, ctx)

    def decode_response(self, wire: Wire, ctx: Context) -> Response:
        if not isinstance(wire, dict | list):
            raise odd(f"the provider's answer is {name_of(wire)}, not an object")
        decoder = Decoder(ctx)
        events = list(decoder.read(wire))
        if not decoder.answered:
            raise odd("the provider's answer holds no candidate")
        return mended(fold([*events, *decoder.close()]), ctx)

    def encode_response(self, response: Response, ctx: Context) -> Wire:
        return encode_response(response, ctx)

    def decoder(self, ctx: Context) -> codec.Decoder:
        return mending(Decoder(ctx), ctx)

    def encoder(self, ctx: Context) -> Encoder:
        return Encoder(ctx)

    def decode_error(self, status: int, wire: Json, headers: Mapping[str, str]) -> GatewayError:
        return decode_error(status, wire, headers)

    def encode_error(self, error: GatewayError, request_id: str) -> tuple[int, Wire]:
        return encode_error(error)

    def shows_reasoning(self, request: Request) -> bool:
        """Only where `includeThoughts` is said: so does the API, and code joins all texts of an answer."""
        return request.thinking is not None and request.thinking.visible is True

    def path(self, model: str, stream: bool) -> str:
        return model_path(model, "streamGenerateContent?alt=sse" if stream else "generateContent")

    # -- the same dialect at both ends

    def edit_request(self, raw: bytes, model: str, stream: bool, profile: Profile) -> bytes:
        """Model and stream are in the URL. Said in the body too, Google refuses the one and may doubt the other."""
        if b"model" in raw or b"stream" in raw:
            strays = {name: None for name in raw_members(raw) if name in ("model", "stream")}
            return rewrite(raw, **strays) if strays else raw
        return raw

    def rename_response(self, raw: bytes, model: str) -> bytes:
        if not model or b'"modelVersion"' not in raw:
            return raw
        try:
            return rewrite(raw, modelVersion=model) if "modelVersion" in raw_members(raw) else raw
        except GatewayError:
            return raw

    def rename_frame(self, frame: Frame, model: str) -> Frame:
        data = self.rename_response(frame.data, model)
        return frame if data is frame.data else Frame(data, frame.event)

    # -- models

    def encode_model(self, model: Model) -> Wire:
        methods = [method for operation in model.operations for method in METHODS[operation]]
        return clean(
            {
                "name": f"models/{model.id}",
                "displayName": model.name or model.id,
                "description": model.description,
                "inputTokenLimit": model.context_window,
                "outputTokenLimit": model.max_tokens,
                "supportedGenerationMethods": list(dict.fromkeys(methods)),
            }
        )

    def encode_models(self, models: tuple[Model, ...]) -> Wire:
        return {"models": [self.encode_model(model) for model in models]}

    def decode_models(self, wire: Wire, provider: str) -> tuple[Model, ...]:
        listed = wire.get("models") if isinstance(wire, dict) else None
        if not isinstance(listed, list):
            raise odd("the provider's list of models is no list")
        return tuple(model for one in listed if isinstance(one, dict) and (model := _decode_model(one, provider)))


def _decode_model(wire: Wire, provider: str) -> Model | None:
    name = wire.get("name")
    if not isinstance(name, str) or not name:
        return None
    texts = {key: value for key in ("displayName", "description") if isinstance(value := wire.get(key), str)}
    methods = wire.get("supportedGenerationMethods")
    told = [method for method in methods if isinstance(method, str)] if isinstance(methods, list) else None
    return Model(
        id=name.removeprefix("models/"),
        provider=provider,
        name=texts.get("displayName"),
        description=texts.get("description"),
        context_window=number(wire.get("inputTokenLimit")) or None,
        max_tokens=number(wire.get("outputTokenLimit")) or None,
        operations=("chat",) if told is None else tuple(OPERATIONS[method] for method in told if method in OPERATIONS),
    )


class GeminiCount:
    """countTokens: of bare contents, or of a whole request."""

    dialect = DIALECT
    operation: Operation = "count"

    def decode_request(self, wire: Wire, ctx: Context) -> Request:
        try:
            f = Fields(tidy(wire, "count"))
            if NESTED not in f:
                return read_request(f)
            request = read_request(Fields(f.any(NESTED), NESTED))
        except RecursionError:
            raise invalid("contents", "nested too deeply") from None
        return replace(request, extra={NESTED: request.extra, **f.rest})

    def encode_request(self, request: Request, ctx: Context) -> Wire:
        """At home in the form it came in. From abroad whole, where there is more than turns; AI Studio wants it so."""
        home = request.origin == DIALECT
        inner = nested(request.extra, NESTED) if home and NESTED in request.extra else request.extra
        wire = encode_request(replace(request, extra=inner), ctx)
        if home and NESTED not in request.extra:
            return wire
        if not home and wire.keys() <= {"contents", "generationConfig"}:
            return {"contents": wire["contents"]}
        model = (ctx.model or request.model).removeprefix("models/")
        whole: Wire = {NESTED: ({"model": f"models/{model}"} if model else {}) | wire}
        outer = {name: value for name, value in request.extra.items() if name != NESTED} if home else {}
        return ctx.carry(whole, outer, "")

    def decode_response(self, wire: Wire | Binary, ctx: Context) -> CountResponse:
        total = wire.get("totalTokens") if isinstance(wire, dict) else None
        if not isinstance(wire, dict) or type(total) not in (int, float):
            raise odd("the provider counted no tokens")  # as for `contents: null` (case 108)
        rest = {name: value for name, value in wire.items() if name != "totalTokens"}
        return CountResponse(tokens=number(total), extra=rest)

    def encode_response(self, response: CountResponse, ctx: Context) -> Wire:
        kept = {name: response.extra[name] for name in COUNTED if name in response.extra}
        return {"totalTokens": response.tokens} | kept

    def path(self, request: Request, model: str) -> str:
        return model_path(model, "countTokens")
