"""The route table: what finds which line, and what finds none."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from dragoman.core.errors import GatewayError, Kind
from dragoman.service.routes import ROUTES, dialect_of, find

FOUND: list[tuple[str, str, str, dict[str, str], str | None]] = [
    # method, path, the route's own path, parameters, provider
    ("POST", "/v1/chat/completions", "/v1/chat/completions", {}, None),
    ("POST", "/api/v1/chat/completions", "/v1/chat/completions", {}, None),
    ("POST", "/api/v1/chat", "/api/v1/chat", {}, None),
    ("POST", "/api/v1/messages", "/v1/messages", {}, None),
    ("GET", "/api/v1/models", "/v1/models", {}, None),
    ("HEAD", "/", "/", {}, None),
    ("POST", "/v1beta/models/m:generateContent", "/v1beta/models/{model}:generateContent", {"model": "m"}, None),
    (
        "POST",
        "/v1beta/models/deepseek-ai/deepseek-r1-0528-maas:streamGenerateContent",
        "/v1beta/models/{model}:streamGenerateContent",
        {"model": "deepseek-ai/deepseek-r1-0528-maas"},
        None,
    ),
    (
        "POST",
        "/v1/models/ollama:qwen3:8b:generateContent",
        "/v1/models/{model}:generateContent",
        {"model": "ollama:qwen3:8b"},
        None,
    ),
    (
        "POST",
        "/v1beta1/publishers/google/models/m:generateContent",
        "/v1beta1/publishers/google/models/{model}:generateContent",
        {"model": "m"},
        None,
    ),
    ("GET", "/v1/models/claude-sonnet-4-5@20250929", "/v1/models/{model}", {"model": "claude-sonnet-4-5@20250929"}, None),
    ("GET", "/v1/models/a/b", "/v1/models/{model}", {"model": "a/b"}, None),
    ("GET", "/api/generate/models/openai", "/api/generate/models/{provider}", {"provider": "openai"}, None),
    ("POST", "/openai-custom/v1/chat/completions", "/v1/chat/completions", {}, "openai-custom"),
    ("POST", "/groq/v1beta/models/m:countTokens", "/v1beta/models/{model}:countTokens", {"model": "m"}, "groq"),
    ("POST", "/groq/api/v1/chat", "/api/v1/chat", {}, "groq"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "route", "params", "provider"), FOUND)
def test_found(method: str, path: str, route: str, params: dict[str, str], provider: str | None) -> None:
    found = find(method, path)
    assert (found.route.path, found.params, found.provider) == (route, params, provider)


NOT_FOUND: list[tuple[str, str, Kind]] = [
    ("GET", "/v1/chat/completions", Kind.METHOD),
    ("DELETE", "/health", Kind.METHOD),
    ("GET", "/v1beta/models/m:generateContent", Kind.METHOD),
    ("POST", "/v1/nothing", Kind.NOT_FOUND),
    ("POST", "//v1/chat/completions", Kind.NOT_FOUND),
    ("POST", "/v1/../v1/chat/completions", Kind.NOT_FOUND),
    ("POST", "/v1/chat/completions/", Kind.NOT_FOUND),
    ("POST", "/V1/chat/completions", Kind.NOT_FOUND),
    ("POST", "/v1/chat/completions;x", Kind.NOT_FOUND),
    ("POST", "/a/b/v1/chat/completions", Kind.NOT_FOUND),
    ("GET", "/admin", Kind.NOT_FOUND),
    ("POST", "/v1beta/models/:generateContent", Kind.NOT_FOUND),
]


@pytest.mark.parametrize(("method", "path", "kind"), NOT_FOUND)
def test_not_found(method: str, path: str, kind: Kind) -> None:
    with pytest.raises(GatewayError) as caught:
        find(method, path)
    assert caught.value.kind is kind


SHAPES: list[tuple[str, Mapping[str, str], Mapping[str, str], str]] = [
    ("/v1/models", {}, {}, "openai.chat"),
    ("/v1/models", {"anthropic-version": "2023-06-01", "authorization": "Bearer x"}, {}, "anthropic"),
    ("/v1/models", {"x-goog-api-key": "k"}, {}, "gemini"),
    ("/v1/models", {"x-goog-api-client": "google-genai-sdk/1.30.0"}, {}, "gemini"),
    ("/v1/models", {}, {"key": "k"}, "gemini"),
    ("/v1beta/nothing", {}, {}, "gemini"),
    ("/v1/messages/nothing", {}, {}, "anthropic"),
    ("/api/generate/nothing", {}, {}, "simple"),
    ("/nothing", {}, {}, "openai.chat"),
]


@pytest.mark.parametrize(("path", "headers", "query", "dialect"), SHAPES)
def test_the_shape_of_shared_paths(
    path: str, headers: Mapping[str, str], query: Mapping[str, str], dialect: str
) -> None:
    assert dialect_of(path, headers, query) == dialect


def test_every_route_says_what_it_is() -> None:
    for route in ROUTES:
        assert route.summary, route.path
        assert bool(route.example) == (route.method == "POST"), route.path
