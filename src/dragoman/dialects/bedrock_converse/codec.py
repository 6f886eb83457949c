"""Amazon Bedrock's Converse, and the counting of its tokens: one codec, at the front and at the back.

It knows the core and the rooms of its own dialect.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from dragoman.core.codec import Context, Fields, Wire
from dragoman.core.errors import GatewayError, Kind, invalid
from dragoman.core.framing import Frame
from dragoman.core.ir import Json, Request, Response
from dragoman.core.media import Binary, CountResponse, Model, Operation
from dragoman.core.profile import Profile
from dragoman.dialects.bedrock_converse import answer, question, request
from dragoman.dialects.bedrock_converse.stream import Decoder, Encoder
from dragoman.dialects.bedrock_converse.words import DIALECT, string


def model_path(model: str, verb: str) -> str:
    """An id may be an ARN, with `:` and `/`: one step of the path, as its signature is made over it."""
    if not model or model in (".", ".."):
        raise invalid("model", f"{model!r:.60} is not the name of a model")
    return f"/model/{quote(model, safe='-._~')}/{verb}"


class BedrockConverse:
    """POST /model/{id}/converse, and converse-stream"""

    dialect = DIALECT

    def decode_request(self, wire: Wire, ctx: Context) -> Request:
        return question.decode_request(wire, ctx)

    def encode_request(self, value: Request, ctx: Context) -> Wire:
        return request.encode_request(value, ctx)

    def decode_response(self, wire: Wire, ctx: Context) -> Response:
        return answer.decode_response(wire, ctx)

    def encode_response(self, response: Response, ctx: Context) -> Wire:
        return answer.encode_response(response, ctx)

    def decoder(self, ctx: Context) -> Decoder:
        return Decoder(ctx)

    def encoder(self, ctx: Context) -> Encoder:
        return Encoder(ctx)

    def decode_error(self, status: int, wire: Json, headers: Mapping[str, str]) -> GatewayError:
        return answer.decode_error(status, wire, headers)

    def encode_error(self, error: GatewayError, request_id: str) -> tuple[int, Wire]:
        return answer.encode_error(error)

    def shows_reasoning(self, request: Request) -> bool:
        return True

    def path(self, model: str, stream: bool) -> str:
        return model_path(model, "converse-stream" if stream else "converse")

    def edit_request(self, raw: bytes, model: str, stream: bool, profile: Profile) -> bytes:
        """Model and stream are in the path."""
        return raw

    def rename_response(self, raw: bytes, model: str) -> bytes:
        """An answer does not name its model."""
        return raw

    def rename_frame(self, frame: Frame, model: str) -> Frame:
        return frame

    # -- models --

    def encode_model(self, model: Model) -> Wire:
        return {"modelId": model.id, "modelName": model.name or model.id, "responseStreamingSupported": True}

    def encode_models(self, models: tuple[Model, ...]) -> Wire:
        return {"modelSummaries": [self.encode_model(model) for model in models]}

    def decode_models(self, wire: Wire, provider: str) -> tuple[Model, ...]:
        data = wire.get("modelSummaries") if isinstance(wire, dict) else None
        if not isinstance(data, list):
            raise GatewayError(
                Kind.UPSTREAM, "the provider's list of models cannot be read", code="upstream_invalid_response"
            )
        found = [entry for entry in data if isinstance(entry, dict) and string(entry.get("modelId"))]
        return tuple(
            Model(id=entry["modelId"], provider=provider, name=string(entry.get("modelName"))) for entry in found
        )


class BedrockCount:
    """POST /model/{id}/count-tokens: a Converse body without its settings, wrapped."""

    dialect = DIALECT
    operation: Operation = "count"

    def decode_request(self, wire: Wire, ctx: Context) -> Request:
        f = Fields(wire)
        return question.decode_request(f.sub("input").need("converse", dict), ctx)

    def encode_request(self, value: Request, ctx: Context) -> Wire:
        wire = request.encode_request(value, ctx)
        return {"input": {"converse": {name: member for name, member in wire.items() if name in COUNTED}}}

    def decode_response(self, wire: Wire | Binary, ctx: Context) -> CountResponse:
        tokens = wire.get("inputTokens") if isinstance(wire, dict) else None
        if type(tokens) is not int:
            raise answer.unreadable()
        return CountResponse(tokens)

    def encode_response(self, response: CountResponse, ctx: Context) -> Wire:
        return {"inputTokens": response.tokens}

    def path(self, value: Request, model: str) -> str:
        return model_path(model, "count-tokens")


COUNTED = frozenset(("messages", "system", "toolConfig", "additionalModelRequestFields"))
"""What CountTokens takes of a request."""
