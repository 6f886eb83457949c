"""What the gateway tells of itself: models, health, help, examples and its OpenAPI document.

It knows no wire format: lists are written by the codec of the caller's dialect.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from dragoman import __version__
from dragoman.core.media import Model
from dragoman.dialects import CODECS
from dragoman.service.call import Call, Reply, Route
from dragoman.service.gateway import Gateway, dumps
from dragoman.service.routes import ROUTES


async def models(gateway: Gateway, call: Call) -> Reply:
    listing = await listed(gateway, call.provider)
    return Reply(body=dumps(CODECS[call.dialect].encode_models(listing)))


async def listed(gateway: Gateway, provider: str | None) -> tuple[Model, ...]:
    """What the settings and the catalogue name, and what the local servers say they have loaded."""
    known = gateway.models.listing(provider)
    names = {model.id for model in known}
    local = [one for one in gateway.providers if one.local and one.dialect != "sandbox" and not one.models]
    if provider is not None:
        local = [one for one in local if provider in (one.name, one.kind)]
    found = await asyncio.gather(*(gateway.discovered(one) for one in local))
    fresh: dict[str, Model] = {}
    for model in (model for models in found for model in models):
        if model.id not in names:
            fresh.setdefault(model.id, model)
    return known + tuple(fresh.values())


async def model(gateway: Gateway, call: Call) -> Reply:
    """One model: listed, or at least routable."""
    name = call.params["model"].removeprefix("models/")
    entries = {entry.id: entry for entry in gateway.models.listing(call.provider)}
    entry = entries.get(name) or gateway.models.describe(name, call.provider)
    return Reply(body=dumps(CODECS[call.dialect].encode_model(entry)))


async def provider_models(gateway: Gateway, call: Call) -> Reply:
    """Models of one provider, by its name or its kind; 404 for one that is not on (contract 002-8)."""
    listing = await listed(gateway, call.params["provider"])
    return Reply(body=dumps(CODECS[call.dialect].encode_models(listing)))


async def health(gateway: Gateway, call: Call) -> Reply:
    now = datetime.fromtimestamp(gateway.now(), UTC).isoformat().replace("+00:00", "Z")
    provider = gateway.providers[0].name if gateway.providers else None
    return Reply(body=dumps({"status": "healthy", "timestamp": now, "provider": provider}))


async def ready(gateway: Gateway, call: Call) -> Reply:
    return Reply(body=dumps({"status": "ready", "version": __version__}))


async def root(gateway: Gateway, call: Call) -> Reply:
    return Reply(body=dumps({"name": "dragoman", "version": __version__, "help": "/api/help"}))


async def help(gateway: Gateway, call: Call) -> Reply:
    lines = [{"method": route.method, "path": route.path, "summary": route.summary} for route in ROUTES]
    return Reply(
        body=dumps(
            {
                "name": "dragoman",
                "version": __version__,
                "auth": "Authorization: Bearer KEY, x-api-key: KEY, x-goog-api-key: KEY, api-key: KEY or ?key=KEY",
                "providers": [provider.name for provider in gateway.providers],
                "default_model": gateway.models.default(),
                "aliases": "every /v1/... also under /api/v1/..., and everything under /{provider}/...",
                "endpoints": lines,
                "examples": "/api/example",
                "openapi": "/openapi.json",
            }
        )
    )


async def examples(gateway: Gateway, call: Call) -> Reply:
    host = call.headers.get("host", "localhost")
    named = [route for route in ROUTES if "{id}" not in route.path and route.endpoint != "upgrade"]
    # an id is made by a request first, and curl opens no WebSocket
    lines = [{"path": route.path, "curl": curl(route, f"http://{host}")} for route in named]
    return Reply(body=dumps({"examples": lines}))


def curl(route: Route, base: str) -> str:
    """A line that works as pasted, with the key in $DRAGOMAN_API_KEY where one is needed."""
    path = route.path.replace("{model}", _MODELS.get(route.operation or "", "gemini-2.5-flash"))
    path = path.replace("{provider}", "openai").replace("{project}", "any").replace("{location}", "global")
    key = "" if route.public else ' -H "Authorization: Bearer $DRAGOMAN_API_KEY"'
    if route.method == "GET":
        return f"curl {base}{path}{key}"
    quoted = route.example.replace("'", "'\\''")
    return f"curl {base}{path}{key} -H 'Content-Type: application/json' -d '{quoted}'"


_MODELS = {"image": "imagen-4.0-generate-001", "embed": "gemini-embedding-001"}


# -- OpenAPI -----------------------------------------------------------------------


async def openapi(gateway: Gateway, call: Call) -> Reply:
    return Reply(body=dumps(document()))


def document() -> dict[str, Any]:
    """The route table as OpenAPI 3.1."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
        if route.path.startswith("/v1/"):
            paths.setdefault("/api" + route.path, {})[route.method.lower()] = _operation(route, "/api")
    return {
        "openapi": "3.1.0",
        "info": {"title": "Dragoman", "version": __version__, "description": "One gateway, every dialect of LLM APIs."},
        "paths": paths,
        "components": {"securitySchemes": _SCHEMES},
        "security": [{name: []} for name in _SCHEMES] + [{}],
    }


_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "x-goog-api-key": {"type": "apiKey", "in": "header", "name": "x-goog-api-key"},
    "api-key": {"type": "apiKey", "in": "header", "name": "api-key"},
    "key": {"type": "apiKey", "in": "query", "name": "key"},
}
_HEADERS = {
    "x-request-id": {"description": "The id of this request", "schema": {"type": "string"}},
    "x-dragoman-provider": {"description": "Who served", "schema": {"type": "string"}},
    "x-dragoman-model": {"description": "The provider's own name of the model", "schema": {"type": "string"}},
    "x-dragoman-lost": {"description": "What was not carried as it was", "schema": {"type": "string"}},
}


def _operation(route: Route, prefix: str = "") -> dict[str, Any]:
    names = [piece.split("}")[0] for piece in route.path.split("{")[1:]]
    path_id = (prefix + route.path).translate(str.maketrans("/{}:.", "_____")).strip("_") or "root"
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": f"{route.method.lower()}_{path_id}",
        "responses": {"200": _answer(route), "default": _error(route)},
    }
    if names:
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
        ]
    if route.stream:
        alt = {"name": "alt", "in": "query", "schema": {"type": "string", "enum": ["sse"]}}
        operation.setdefault("parameters", []).append(alt)
    if route.example:
        example = json.loads(route.example)
        schema = {"type": "object", "required": _required(route, example)}
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema, "example": example}},
        }
    if route.public:
        operation["security"] = [{}]
    return operation


def _required(route: Route, example: dict[str, Any]) -> list[str]:
    optional = {"response_format"} | ({"model"} if route.defaults else set())
    return [name for name in example if name not in optional]


def _answer(route: Route) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
    if route.operation == "speech":
        content = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("audio/wav", "audio/mpeg")}
    elif route.operation == "chat" and route.stream is not False:
        content["text/event-stream"] = {"schema": {"type": "string"}}
    headers = _HEADERS if route.operation else {"x-request-id": _HEADERS["x-request-id"]}
    return {"description": "The answer, in the dialect of the route", "headers": headers, "content": content}


def _error(route: Route) -> dict[str, Any]:
    return {
        "description": "An error, in the dialect of the route",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
