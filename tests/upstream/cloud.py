"""The scripted upstream as a cloud: Vertex AI and Azure OpenAI, which serve the other upstreams' models in envelopes of
their own, and Google's door for tokens. It opens the envelopes by the clouds' documents, and knows nothing of the gateway."""

import base64
import itertools
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from upstream import KEY, Answer, Entry, Upstream, anthropic, gemini, openai
from upstream.model import dumps
from upstream.strict import Refused, need

PROJECT, LOCATION = "house-1", "us-east5"
PLACE = f"projects/{PROJECT}/locations/{LOCATION}"
AZURE_KEY = "azure-0123456789abcdef"
VERSIONS = ("2024-10-21", "2025-04-01-preview")
TOKEN_LIFE = 3600

CLAUDE = re.compile(rf"/v1/{PLACE}/publishers/anthropic/models/([^/:]+):(rawPredict|streamRawPredict)")
GEMINI = re.compile(rf"/v1beta1/{PLACE}/publishers/google/models/([^/:]+):(\w+)")
MAAS = f"/v1/{PLACE}/endpoints/openapi/"
DEPLOYED = re.compile(r"/openai/deployments/([^/]+)(/.+)")
SCRIPT = "claude-script-"  # before a model's name that is a script of the upstream's
BETAS = (
    *("context-management-2025-06-27", "interleaved-thinking-2025-05-14"),
    *("tool-search-tool-2025-10-19", "web-search-2025-03-05"),
)


@dataclass
class Opened:
    """What was in an envelope: whose request it is, and the request as its vendor knows it."""

    wire: ModuleType
    entry: Entry
    key: str = KEY
    kept: dict[str, list[Any]] = field(default_factory=dict)


class Cloud(Upstream):
    """`with Cloud() as cloud:` - the journal holds the requests in their envelopes, and `tokens` those that were lent."""

    def __init__(self, life: int = TOKEN_LIFE) -> None:
        super().__init__("openai")
        self.life, self.tokens = life, list[str]()
        self.refuses = self.locked = False  # to lend a token; to take one

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        path = request.raw_path.partition("?")[0]
        if path == "/token":
            return self._lend(raw.decode())
        entry = Entry(request.method, path, dict(request.query), headers, raw, json.loads(raw) if raw else None)
        self.journal.append(entry)
        try:
            opened = next(found for open_it in ENVELOPES if (found := open_it(self, entry)) is not None)
        except StopIteration:
            return web.json_response({"error": {"code": "404", "message": "Resource not found"}}, status=404)
        except Refused as refused:
            return web.Response(status=refused.status, text=refused.message, content_type="application/json")
        opened.kept = self.kept
        try:
            return await Answer(opened, request, opened.entry).give()  # type: ignore[arg-type]
        finally:
            entry.sent.extend(opened.entry.sent)
            entry.done.set()

    def _lend(self, form: str) -> web.Response:
        """An access token for an assertion that a service account has signed."""
        if self.refuses:
            told = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
            return web.json_response(told, status=400)
        assertion = dict(piece.split("=", 1) for piece in form.split("&"))["assertion"]
        claims = json.loads(base64.urlsafe_b64decode(assertion.split(".")[1] + "=="))
        assert claims["scope"] == "https://www.googleapis.com/auth/cloud-platform"
        assert claims["exp"] > time.time()
        self.tokens.append(f"ya29.token-{next(_numbers)}-0123456789")
        return web.json_response({"access_token": self.tokens[-1], "expires_in": self.life, "token_type": "Bearer"})


_numbers = itertools.count(1)


def google(status: int, message: str, word: str) -> Refused:
    return Refused(status, json.dumps([{"error": {"code": status, "message": message, "status": word}}]))


def authorized(cloud: Cloud, entry: Entry) -> None:
    """Google's door: a token that it has lent itself, and nothing of any vendor's."""
    if cloud.locked or entry.headers.get("authorization") not in [f"Bearer {token}" for token in cloud.tokens]:
        raise google(401, "Request had invalid authentication credentials.", "UNAUTHENTICATED")
    assert not {"x-api-key", "x-goog-api-key", "api-key", "anthropic-version"} & entry.headers.keys(), entry.headers


def opened(wire: ModuleType, entry: Entry, path: str, body: Any, **headers: str) -> Opened:
    return Opened(wire, replace(entry, path=path, json=body, raw=b"", headers=headers, sent=[]))


def claude(cloud: Cloud, entry: Entry) -> Opened | None:
    found = CLAUDE.fullmatch(unquote(entry.path))
    if found is None:
        return None
    authorized(cloud, entry)
    body, (model, verb) = dict(entry.json), found.groups()
    if body.pop("anthropic_version", None) != "vertex-2023-10-16":
        raise google(400, "anthropic_version: Field required", "INVALID_ARGUMENT")
    flags = entry.headers.get("anthropic-beta", "")
    if unknown := [flag for flag in flags.split(",") if flag and flag not in BETAS]:
        raise google(400, f"Unexpected value(s) {unknown} for the `anthropic-beta` header.", "INVALID_ARGUMENT")
    if model == "claude-none":
        raise google(
            404, f"Publisher Model `{model}` was not found or your project does not have access to it.", "NOT_FOUND"
        )
    if model == "count-tokens":
        return opened(anthropic, entry, "/v1/messages/count_tokens", body, **vendor(flags))
    assert "model" not in body
    assert (verb == "streamRawPredict") == bool(body.get("stream"))
    return opened(anthropic, entry, "/v1/messages", {**body, "model": model.removeprefix(SCRIPT)}, **vendor(flags))


def vendor(flags: str) -> dict[str, str]:
    return {"x-api-key": KEY, "anthropic-version": "2023-06-01", "anthropic-beta": flags}


def generative(cloud: Cloud, entry: Entry) -> Opened | None:
    found = GEMINI.fullmatch(unquote(entry.path))
    if found is None:
        return None
    authorized(cloud, entry)
    model, verb = found.groups()
    assert verb != "batchEmbedContents", "Vertex AI has none"
    assert not {"generateContentRequest", "store", "serviceTier"} & entry.json.keys(), "only AI Studio has these"
    for turn in entry.json.get("contents", ()):
        if turn.get("role") not in ("user", "model"):
            raise google(400, "Please use a valid role: user, model.", "INVALID_ARGUMENT")
    body = entry.json
    if verb == "countTokens" and body.keys() > {"contents"}:
        body = {"generateContentRequest": {"model": f"models/{model}", **body}}
    if verb == "predict" and "embedding" in model:
        if model.startswith("gemini") and len(body["instances"]) > 1:
            raise google(400, "1 instance is allowed.", "INVALID_ARGUMENT")
        return opened(embeddings, entry, model, body)
    return opened(gemini, entry, f"/v1beta/models/{model}:{verb}", body, **{"x-goog-api-key": KEY})


class embeddings:
    """`:predict` of the models that embed."""

    HEADERS: dict[str, str] = {}

    @staticmethod
    def authenticate(entry: Entry, key: str) -> None:
        pass

    @staticmethod
    async def answer(exchange: Answer) -> web.StreamResponse:
        told = []
        for instance in exchange.entry.json["instances"]:
            assert instance.keys() <= {"content", "task_type", "title"} and instance["content"], instance
            size = exchange.entry.json.get("parameters", {}).get("outputDimensionality", 3)
            values = [float(len(instance["content"]))] * size
            told.append({"embeddings": {"values": values, "statistics": {"truncated": False, "token_count": 4}}})
        return exchange.json({"predictions": told})


def elsewhere(cloud: Cloud, entry: Entry) -> Opened | None:
    """Another's project."""
    if (found := re.match(r"/v1(?:beta1)?/projects/([^/]+)/", entry.path)) and found[1] != PROJECT:
        authorized(cloud, entry)
        raise google(403, f"Permission denied on resource project {found[1]}.", "PERMISSION_DENIED")
    return None


def maas(cloud: Cloud, entry: Entry) -> Opened | None:
    if not entry.path.startswith(MAAS):
        return None
    authorized(cloud, entry)
    body = {**entry.json, "model": entry.json["model"].removeprefix("script/")}
    return opened(openai, entry, "/v1/" + entry.path.removeprefix(MAAS), body, authorization=f"Bearer {KEY}")


def azure(cloud: Cloud, entry: Entry) -> Opened | None:
    if not entry.path.startswith("/openai/"):
        return None
    jwt = entry.headers.get("authorization", "").startswith("Bearer eyJ")
    if entry.headers.get("api-key") != AZURE_KEY and not jwt:
        told = {
            "statusCode": 401,
            "message": "Unauthorized. Access token is missing, invalid, audience is incorrect or expired.",
        }
        raise Refused(401, dumps(told))
    body, path = entry.json, entry.path
    if found := DEPLOYED.fullmatch(path):
        need(entry.query.get("api-version") in VERSIONS, "Missing or unknown api-version", status=404)
        deployment = unquote(found[1])
        if deployment.startswith("missing"):
            told = {
                "error": {
                    "code": "DeploymentNotFound",
                    "message": "The API deployment for this resource does not exist.",
                }
            }
            raise Refused(404, dumps(told))
        body, path = {**body, "model": deployment}, "/v1" + found[2]
    elif path.startswith("/openai/v1/"):
        assert "api-version" not in entry.query
        path = path.removeprefix("/openai")
    elif path.startswith("/openai/responses"):
        assert entry.query["api-version"] == "2025-04-01-preview"
        path = path.replace("/openai", "/v1")
    else:
        raise Refused(404, dumps({"error": {"code": "404", "message": "Resource not found"}}))
    if body and "forbidden by policy" in json.dumps(body):
        raise Refused(400, dumps(FILTERED))
    return opened(openai, entry, path, body, authorization=f"Bearer {KEY}")


FILTERED = {
    "error": {
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"hate": {"filtered": True}}},
    }
}
ENVELOPES: tuple[Callable[[Cloud, Entry], Opened | None], ...] = (elsewhere, claude, generative, maas, azure)
