"""The route table: every path the gateway answers, on one screen, and how a request finds its line.

It knows the names of dialects and endpoints, and none of their workings.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

import msgspec

from dragoman.core.codec import rewrite
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.media import Operation
from dragoman.service.call import Route

CHAT = '{"model":"gemini-2.5-flash","messages":[{"role":"user","content":"Hello, how are you?"}]}'
MESSAGES = '{"model":"claude-sonnet-4-5","max_tokens":1024,"messages":[{"role":"user","content":"Hello!"}]}'
CONTENTS = '{"contents":[{"role":"user","parts":[{"text":"Hello, how are you?"}]}]}'
RESPONSES = '{"model":"gpt-4o-mini","input":"Hello, how are you?"}'
COUNT = '{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"Hello"}]}'
EMBED = '{"model":"text-embedding-3-small","input":"What is artificial intelligence?"}'
IMAGE = '{"model":"gpt-image-1","prompt":"Robot holding a red skateboard"}'
SPEECH = '{"model":"gpt-4o-mini-tts","voice":"alloy","input":"Hello there","response_format":"wav"}'
SIMPLE = '{"systemPrompt":"You are a helpful assistant.","messages":[{"id":"1","role":"user","content":"Hello!"}]}'
CONVERSE = '{"messages":[{"role":"user","content":[{"text":"Hello, how are you?"}]}]}'
COUNTED = '{"input":{"converse":{"messages":[{"role":"user","content":[{"text":"Hello"}]}]}}}'
ONE = '{"content":{"parts":[{"text":"What is artificial intelligence?"}]}}'
BATCH = '{"requests":[{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"What is AI?"}]}}]}'
PREDICT = '{"instances":[{"prompt":"Robot holding a red skateboard"}],"parameters":{"sampleCount":1}}'


class _Line(NamedTuple):
    """A Gemini verb: what it does, with which codec, and whether it streams."""

    verb: str
    operation: Operation
    codec: str
    stream: bool | None
    summary: str
    example: str


GEMINI = (
    _Line("generateContent", "chat", "", False, "Chat in Gemini's dialect", CONTENTS),
    _Line("streamGenerateContent", "chat", "", True, "The same, streamed: SSE with alt=sse, else an array", CONTENTS),
    _Line("countTokens", "count", "", None, "Count the tokens of a Gemini request", CONTENTS),
    _Line("embedContent", "embed", "embed.one", None, "Embed one text", ONE),
    _Line("batchEmbedContents", "embed", "", None, "Embed several texts", BATCH),
    _Line("predict", "image", "", None, "Draw images, as Imagen does", PREDICT),
)
PLACE = "/projects/{project}/locations/{location}/publishers"  # in Google's cloud; here any will do
GEMINI_BASES = (
    "/v1beta/models",
    "/v1/models",
    "/v1beta1/publishers/google/models",
    f"/v1beta1{PLACE}/google/models",
    f"/v1{PLACE}/google/models",
)
DEPLOYED = "/openai/deployments/"


def _gemini() -> tuple[Route, ...]:
    return tuple(
        Route(
            method="POST",
            path=f"{base}/{{model}}:{line.verb}",
            endpoint="chat" if line.operation == "chat" else "operate",
            dialect="gemini",
            operation=line.operation,
            codec=line.codec,
            stream=line.stream,
            summary=line.summary,
            example=line.example,
        )
        for base in GEMINI_BASES
        for line in GEMINI
    )


ITEMS = '{"items":[{"role":"user","content":"Hello, how are you?"}]}'
CONVERSATIONS = (
    ("POST", "/v1/conversations", "create_conversation", "Begin a conversation that is kept", ITEMS),
    ("GET", "/v1/conversations/{id}", "conversation", "A kept conversation", ""),
    ("POST", "/v1/conversations/{id}", "update_conversation", "Change its metadata", '{"metadata":{"topic":"demo"}}'),
    ("DELETE", "/v1/conversations/{id}", "delete_conversation", "Forget it", ""),
    ("GET", "/v1/conversations/{id}/items", "items", "What was said in it", ""),
    ("POST", "/v1/conversations/{id}/items", "add_items", "Say more in it, without asking a model", ITEMS),
    ("GET", "/v1/conversations/{id}/items/{item}", "item", "One item of it", ""),
    ("DELETE", "/v1/conversations/{id}/items/{item}", "delete_item", "Forget one item", ""),
)


def _post(path: str, dialect: str, operation: Operation, summary: str, example: str) -> Route:
    endpoint = "chat" if operation == "chat" else "operate"
    return Route(
        method="POST",
        path=path,
        endpoint=endpoint,
        dialect=dialect,
        operation=operation,
        defaults=path in ("/api/v1/chat", "/api/generate"),
        summary=summary,
        example=example,
    )


def _claude(name: str, stream: bool | None, summary: str) -> Route:
    """Anthropic's dialect under Vertex AI's paths."""
    counts = stream is None
    return Route(
        method="POST",
        path=f"/v1{PLACE}/anthropic/models/{name}",
        endpoint="operate" if counts else "chat",
        dialect="anthropic",
        operation="count" if counts else "chat",
        stream=stream,
        enveloped=True,
        summary=summary,
        example=COUNT if counts else MESSAGES,
    )


def _deployed(path: str, operation: Operation, summary: str, example: str) -> Route:
    """OpenAI's dialect under Azure's paths, whose deployments are models here."""
    return msgspec.structs.replace(
        _post(f"{DEPLOYED}{{model}}{path}", "openai.chat", operation, summary, example), enveloped=True
    )


AMAZON: tuple[tuple[str, str, bool | None, str, str], ...] = (
    ("converse", "bedrock.converse", False, "Chat in the dialect of Amazon Bedrock's Converse", CONVERSE),
    ("converse-stream", "bedrock.converse", True, "The same, streamed in Amazon's binary frames", CONVERSE),
    ("count-tokens", "bedrock.converse", None, "Count the tokens of a Converse request", COUNTED),
    ("invoke", "anthropic", False, "Chat in Anthropic's dialect, as on Bedrock", MESSAGES),
    ("invoke-with-response-stream", "anthropic", True, "The same, streamed in Amazon's binary frames", MESSAGES),
)


def _modelled(verb: str, dialect: str, stream: bool | None, summary: str, example: str) -> Route:
    """Amazon Bedrock's paths: a model and what is asked of it."""
    return Route(
        method="POST",
        path=f"/model/{{model}}/{verb}",
        endpoint="operate" if stream is None else "chat",
        dialect=dialect,
        operation="count" if stream is None else "chat",
        stream=stream,
        enveloped=dialect == "anthropic",
        framing="" if not stream else "chunks" if dialect == "anthropic" else "events",
        summary=summary,
        example=example,
    )


def _get(path: str, endpoint: str, summary: str, dialect: str = "openai.chat", *, public: bool = False) -> Route:
    return Route(method="GET", path=path, endpoint=endpoint, dialect=dialect, summary=summary, public=public)


ROUTES: tuple[Route, ...] = (
    _post("/v1/chat/completions", "openai.chat", "chat", "Chat in OpenAI's dialect", CHAT),
    _post("/v1/responses", "openai.responses", "chat", "OpenAI's Responses", RESPONSES),
    _get("/v1/responses", "upgrade", "The same over a WebSocket", dialect="openai.responses"),
    _post(
        "/v1/responses/input_tokens", "openai.responses", "count", "Count the tokens of a Responses request", RESPONSES
    ),
    Route(
        method="POST",
        path="/v1/responses/compact",
        endpoint="compact",
        dialect="openai.responses",
        operation="chat",
        summary="Sum up a conversation, to go on from the summary",
        example=RESPONSES,
    ),
    _get("/v1/responses/{id}", "response", "A kept response", dialect="openai.responses"),
    Route(
        method="DELETE",
        path="/v1/responses/{id}",
        endpoint="delete_response",
        dialect="openai.responses",
        summary="Forget a kept response",
    ),
    _get("/v1/responses/{id}/input_items", "response_items", "What led to it", dialect="openai.responses"),
    Route(
        method="POST",
        path="/v1/responses/{id}/cancel",
        endpoint="cancel_response",
        dialect="openai.responses",
        summary="Refused: nothing is made in the background",
        example="{}",
    ),
    *(
        Route(method=method, path=path, endpoint=endpoint, dialect="openai.responses", summary=summary, example=example)
        for method, path, endpoint, summary, example in CONVERSATIONS
    ),
    _post("/v1/messages", "anthropic", "chat", "Chat in Anthropic's dialect", MESSAGES),
    _post("/v1/messages/count_tokens", "anthropic", "count", "Count the tokens of an Anthropic request", COUNT),
    _post("/v1/embeddings", "openai.chat", "embed", "Embed texts", EMBED),
    _post("/v1/openai/embeddings", "openai.chat", "embed", "The same, under AIStudioToAPI's name", EMBED),
    _post("/v1/images/generations", "openai.chat", "image", "Draw images", IMAGE),
    _post("/v1/audio/speech", "openai.chat", "speech", "Speak a text", SPEECH),
    *_gemini(),
    _claude("count-tokens:rawPredict", None, "Count the tokens of an Anthropic request, as on Vertex AI"),
    _claude("{model}:rawPredict", False, "Chat in Anthropic's dialect, as on Vertex AI"),
    _claude("{model}:streamRawPredict", True, "The same, streamed"),
    *(_modelled(*line) for line in AMAZON),
    _deployed("/chat/completions", "chat", "Chat in OpenAI's dialect, as on Azure", CHAT),
    _deployed("/embeddings", "embed", "Embed texts, as on Azure", EMBED),
    _deployed("/images/generations", "image", "Draw images, as on Azure", IMAGE),
    _deployed("/audio/speech", "speech", "Speak a text, as on Azure", SPEECH),
    _post("/openai/responses", "openai.responses", "chat", "OpenAI's Responses, as on Azure", RESPONSES),
    _get("/v1/models", "models", "List models, in the shape of the client's dialect", dialect=""),
    _get("/v1/models/{model}", "model", "One model", dialect=""),
    _get("/v1beta/models", "models", "List models in Gemini's shape", dialect="gemini"),
    _get("/v1beta/models/{model}", "model", "One model in Gemini's shape", dialect="gemini"),
    _post("/api/generate", "simple", "chat", "The app API: text from a system prompt and messages", SIMPLE),
    _get("/api/generate/models/{provider}", "provider_models", "Models of one provider", dialect="simple"),
    _post("/api/v1/chat", "openai.chat", "chat", "Chat in OpenAI's dialect; model and limit may be missing", CHAT),
    _get("/health", "health", "Whether the gateway is alive", public=True),
    _get("/ready", "ready", "Whether the gateway takes requests", public=True),
    _get("/api/help", "help", "Every endpoint, for programs"),
    _get("/api/example", "examples", "A curl line for every endpoint"),
    _get("/openapi.json", "openapi", "This API as an OpenAPI document"),
    _get("/", "root", "What this is", public=True),
)
"""Each `/v1/...` is served again under `/api/v1/...` (004-3), and everything under `/{provider}/...` (000-9)."""

ALIASED = "/api/v1/"
TOP = frozenset({"model", "v1", "v1beta", "v1beta1", "api", "health", "ready", "openapi.json", ""})
ONE_SEGMENT = ("{id}", "{project}", "{location}")  # the others may hold slashes
EXACT: dict[str, dict[str, Route]] = {}
PATTERNS: list[tuple[re.Pattern[str], Route]] = []
for _route in ROUTES:
    if "{" in _route.path:
        _regex = "".join(
            (f"(?P<{piece[1:-1]}>" + ("[^/]+)" if piece in ONE_SEGMENT else ".+)"))
            if piece.startswith("{")
            else re.escape(piece)
            for piece in re.split(r"(\{\w+\})", _route.path)
        )
        PATTERNS.append((re.compile(_regex), _route))
    else:
        EXACT.setdefault(_route.path, {})[_route.method] = _route


class Found(NamedTuple):
    route: Route
    params: Mapping[str, str]
    provider: str | None  # named by the first segment of the path


def find(method: str, path: str) -> Found:
    """The route of a request. Raises GatewayError NOT_FOUND or METHOD.

    HEAD is answered like GET. A Gemini model's name may hold slashes and colons: the verb is after the last colon.
    """
    method = "GET" if method == "HEAD" else method
    if (lines := EXACT.get(path)) and (route := lines.get(method)):
        return Found(route, {}, None)
    provider = None
    first, _, rest = path[1:].partition("/")
    if first not in TOP and rest and not path.startswith(DEPLOYED):
        provider, path = first, "/" + rest
    if path.startswith(ALIASED) and path not in EXACT:
        path = path[len("/api") :]
    matches = _matches(path)
    for route, params in matches:
        if route.method == method and route.path == matches[0][0].path:  # the narrowest: a verb before a bare model
            return Found(route, params, provider)
    others = {route.method for route, _ in matches if not route.path.endswith("}")}
    if others:
        message = f"{method} is not served at {path[:200]}; use {' or '.join(sorted(others))}"
        raise GatewayError(Kind.METHOD, message, code="method_not_allowed")
    message = f"no route {method} {path[:200]}; GET /api/help lists them"
    raise GatewayError(Kind.NOT_FOUND, message, code="unknown_route")


def opened(read: Callable[[], Awaitable[bytes]], model: str | None) -> Callable[[], Awaitable[bytes]]:
    """A body out of a cloud's envelope: with the model that the path names, and without what only the cloud reads."""

    async def inner() -> bytes:
        changes = {"anthropic_version": None} | ({"model": model} if model else {})
        return rewrite(await read(), **changes)

    return inner


def _matches(path: str) -> list[tuple[Route, Mapping[str, str]]]:
    found: list[tuple[Route, Mapping[str, str]]] = [(route, {}) for route in EXACT.get(path, {}).values()]
    for pattern, route in PATTERNS:
        if match := pattern.fullmatch(path):
            found.append((route, match.groupdict()))
    return found


def dialect_of(path: str, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
    """The dialect of a path that does not tell by itself: a model list, or an error before any route was found.

    The shapes follow clients.md 1.1: anthropic-version -> Anthropic; a Google key or client header -> Gemini.
    """
    if path.startswith("/api/generate"):
        return "simple"
    if "/v1/responses" in path or "/v1/conversations" in path:
        return "openai.responses"
    if "/v1/messages" in path or "/publishers/anthropic/" in path or "anthropic-version" in headers:
        return "anthropic"
    if path.startswith("/model/"):
        return "bedrock.converse"
    google = "x-goog-api-key" in headers or "x-goog-api-client" in headers or "key" in query
    if google or "/v1beta" in path or re.search(r":(\w+)$", path):
        return "gemini"
    return "openai.chat"
