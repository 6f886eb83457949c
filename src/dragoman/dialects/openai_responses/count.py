"""POST /v1/responses/input_tokens: a request of the Responses API, sent to be counted. It knows no tokenizer."""

from __future__ import annotations

from dragoman.core.codec import Context, Wire
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.ir import Request
from dragoman.core.media import Binary, CountResponse, Operation
from dragoman.dialects.openai_responses import question, request
from dragoman.dialects.openai_responses.parts import DIALECT

COUNTED = frozenset(
    {"model", "input", "instructions", "tools", "tool_choice", "text", "reasoning", "parallel_tool_calls", "truncation"}
)
"""The members its body has; others are refused there."""


class OpenAIResponsesCount:
    dialect = DIALECT
    operation: Operation = "count"

    def decode_request(self, wire: Wire, ctx: Context) -> Request:
        return request.decode_request(wire, ctx)

    def encode_request(self, asked: Request, ctx: Context) -> Wire:
        wire = question.encode_request(asked, ctx)
        return {name: value for name, value in wire.items() if name in COUNTED}

    def decode_response(self, wire: Wire | Binary, ctx: Context) -> CountResponse:
        tokens = wire.get("input_tokens") if isinstance(wire, dict) else None
        if type(tokens) is not int:
            raise GatewayError(Kind.UPSTREAM, "the provider's answer holds no count")
        return CountResponse(tokens=tokens)

    def encode_response(self, response: CountResponse, ctx: Context) -> Wire:
        return {"object": "response.input_tokens", "input_tokens": response.tokens}

    def path(self, asked: Request | None, model: str) -> str:
        return "/responses/input_tokens"
