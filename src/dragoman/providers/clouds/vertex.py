"""Google's Vertex AI: Gemini, Anthropic's models by rawPredict, and `-maas` models behind OpenAI's paths.

It knows how requests are addressed and altered there, and leaves to `google` who asks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec

from dragoman.core.codec import Loss, raw_members, rewrite
from dragoman.core.errors import GatewayError, Kind, invalid
from dragoman.core.ir import Json
from dragoman.core.media import Operation
from dragoman.providers.clouds.claude import enclosed, streams
from dragoman.providers.clouds.envelope import Letter, Place, Sealed, Signer
from dragoman.providers.clouds.google import Google, missing

ANTHROPIC_VERSION = "vertex-2023-10-16"
BETAS = {
    "advanced-tool-use-2025-11-20": "tool-search-tool-2025-10-19",  # as Anthropic calls it at home
    "computer-use-2025-01-24": "computer-use-2025-01-24",
    "computer-use-2025-11-24": "computer-use-2025-11-24",
    "context-1m-2025-08-07": "context-1m-2025-08-07",
    "context-management-2025-06-27": "context-management-2025-06-27",
    "interleaved-thinking-2025-05-14": "interleaved-thinking-2025-05-14",
    "tool-search-tool-2025-10-19": "tool-search-tool-2025-10-19",
    "web-search-2025-03-05": "web-search-2025-03-05",
}
"""The betas that Vertex does not refuse with "Unexpected value(s) for the anthropic-beta header", August 2026."""

NAME = r"(?!\.\.?(?:/|$))[\w@.:-]+"
FULL = re.compile(rf"(?:projects/{NAME}/locations/{NAME}/)?(?:publishers/{NAME}/models|endpoints)/{NAME}", re.ASCII)
"""A model's full name; a tuned one has no other."""
CONTENT = re.compile(r"gemini-(?!embedding-001)")  # models that embed contents; older ones predict
TOGETHER = ("us", "eu")  # locations of several regions, with hosts of their own


class Vertex:
    """Projects and locations; a model's publisher says in which dialect it is asked."""

    def base_url(self, place: Place) -> str:
        location = place.location
        if location in TOGETHER:
            return f"https://aiplatform.{location}.rep.googleapis.com"
        region = f"{location}-" if location and location != "global" else ""
        return f"https://{region}aiplatform.googleapis.com"

    def problems(self, place: Place) -> Iterator[tuple[str, str]]:
        if not place.project and not place.keyed:
            yield "project", "required: the id of a Google Cloud project, or the variable GOOGLE_CLOUD_PROJECT"
        for name, value in (("project", place.project), ("location", place.location)):
            if value and quote(value, safe=":") != value:
                yield name, f'"{value}" is none of Google Cloud'

    def warning(self, place: Place) -> str:
        return "" if place.keyed else missing(place.credentials)

    def dialect(self, model: str, operation: Operation, place: Place) -> str:
        if model.startswith("claude-"):
            return "anthropic"
        if "/" in model and not FULL.fullmatch(model):
            return "openai.chat"
        if operation != "embed":
            return "gemini"
        return "vertex.content" if CONTENT.match(model) else "vertex"

    def suits(self, front: str, model: str) -> bool:
        return False

    def has_responses(self, place: Place) -> bool:
        return False

    def quirks(self, place: Place) -> dict[str, Any]:
        return {}

    def named(self, model: str) -> str:
        return (model.rpartition("/")[2] if FULL.fullmatch(model) else model).replace("@", "-")

    def seal(self, letter: Letter, place: Place) -> Sealed:
        match letter.dialect:
            case "anthropic":
                return self._anthropic(letter, place)
            case "gemini" | "vertex" | "vertex.content":
                return self._gemini(letter, place)
        url = f"{self._home(place, 'v1')}/endpoints/openapi{letter.path}"
        return Sealed(url=url, headers=letter.headers, body=letter.body, method=letter.method)

    def _home(self, place: Place, version: str) -> str:
        if not place.project:
            message = "Vertex AI serves only Google's own models without a project: set project"
            raise GatewayError(Kind.INVALID_REQUEST, message, param="model", code="unsupported_operation")
        return f"{place.base_url}/{version}/projects/{place.project}/locations/{place.location or 'global'}"

    def _anthropic(self, letter: Letter, place: Place) -> Sealed:
        said = letter.body or b"{}"
        beta = ",".join([letter.headers.get("anthropic-beta", ""), *needed(said)])
        verb, model = "streamRawPredict" if streams(said) else "rawPredict", quote(letter.model, safe="@")
        changes: dict[str, Json] = {"anthropic_version": ANTHROPIC_VERSION, "model": None}
        if "/count_tokens" in letter.path:
            model = "count-tokens"
            changes["model"] = letter.model
        body, betas, losses = enclosed(said, beta, BETAS, **changes)
        headers = {"anthropic-beta": ",".join(betas)} if betas else {}
        url = f"{self._home(place, 'v1')}/publishers/anthropic/models/{model}:{verb}"
        return Sealed(url=url, headers=headers, body=body, losses=losses)

    def _gemini(self, letter: Letter, place: Place) -> Sealed:
        verb = letter.path.rpartition(":")[2]
        model = letter.model
        if not FULL.fullmatch(model):
            model = f"publishers/google/models/{quote(model, safe='@')}"
        if model.startswith("projects/") or not place.project:
            url = f"{place.base_url}/v1beta1/{model}:{verb}"
        else:
            url = f"{self._home(place, 'v1beta1')}/{model}:{verb}"
        if letter.body is None:
            return Sealed(url=url, method=letter.method)
        body, losses = spoken_by(letter.body, verb)
        return Sealed(url=url, body=body, method=letter.method, losses=losses)

    def complains_in(self, dialect: str, wire: Json) -> str:
        """What Google itself refuses, before a model has seen it, is told as Google tells it."""
        told = wire[0] if isinstance(wire, list) and wire else wire
        error = told.get("error") if isinstance(told, dict) else None
        own = isinstance(error, dict) and isinstance(error.get("status"), str) and "code" in error
        return "gemini" if own or dialect.startswith("vertex") else dialect

    def signer(self, place: Place) -> Signer:
        return Google(place.credentials)


TYPES = re.compile(rb'"type"\s*:\s*"(web_search|tool_search_tool)_')
NEEDED = {b"web_search": "web-search-2025-03-05", b"tool_search_tool": "tool-search-tool-2025-10-19"}


def needed(body: bytes) -> list[str]:
    """The betas without which tools are refused here that are no beta at home any more."""
    return [NEEDED[kind] for kind in dict.fromkeys(TYPES.findall(bytes(raw_members(body).get("tools", b""))))]


def spoken_by(body: bytes, verb: str) -> tuple[bytes, tuple[Loss, ...]]:
    """The body as Vertex takes it, where AI Studio takes more: a count of bare contents, turns without a role, and a
    few fields that Vertex does not know and refuses."""
    members, lost = raw_members(body), list[str]()
    if verb == "countTokens" and bytes(members.get(NESTED, NULL)) != NULL:
        if not bytes(members[NESTED]).startswith(b"{"):
            raise invalid(NESTED, "expected an object")
        inner = raw_members(bytes(members[NESTED]))
        lost = [name for name in inner if name not in COUNTED and name != "model"]
        members = {name: raw for name, raw in inner.items() if name in COUNTED}
        body = msgspec.json.encode(members)
    changes: dict[str, Json] = {name: None for name in STUDIO if name in members}
    turns = turns_of(members.get("contents", NONE))
    if any("role" not in turn for turn in turns):
        changes["contents"] = [turn if "role" in turn else {"role": USER} | turn for turn in turns]
    lost += [name for name in STUDIO if name in members]
    return rewrite(body, **changes) if changes else body, tuple(Loss(name, "not taken by Vertex AI") for name in lost)


COUNTED = ("contents", "systemInstruction", "system_instruction", "tools", "generationConfig", "generation_config")
STUDIO = ("serviceTier", "service_tier", "store")  # by the discovery documents of July and November 2026
NESTED, NULL = "generateContentRequest", b"null"
USER, NONE = msgspec.Raw(b'"user"'), msgspec.Raw(b"[]")
_turns = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


def turns_of(contents: msgspec.Raw) -> list[dict[str, msgspec.Raw]]:
    """The turns, no deeper than their members; none where they are no turns, which is for Vertex to say."""
    try:
        return _turns.decode(contents)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
