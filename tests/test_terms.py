"""On which terms a request is served: carried between all who have the same words for it, else reported (57, 68, 69)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.core.codec import Context
from dragoman.core.profile import Profile
from dragoman.dialects import CODECS
from dragoman.providers.catalog import catalogue

Json = Any
SHARED = {
    "service_tier": "flex", "prompt_cache_key": "k", "prompt_cache_retention": "24h", "safety_identifier": "s",
    "metadata": {"a": "b"}, "user": "u",
}  # fmt: skip
CHAT = {"messages": [{"role": "user", "content": "hi"}], "verbosity": "low", "store": True, **SHARED}
RESPONSES = {"input": "hi", "text": {"verbosity": "low"}, "store": True, **SHARED}
ANTHROPIC = {
    "model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "service_tier": "standard_only",
    "metadata": {"user_id": "u" * 100},
}  # fmt: skip


def across(front: str, wire: Json, back: str, profile: Profile | None = None) -> tuple[Json, dict[str, str]]:
    request = CODECS[front].decode_request(wire, Context())
    ctx = Context(model="m", profile=profile or Profile())
    return CODECS[back].encode_request(request, ctx), {loss.path: loss.what for loss in ctx.losses}


def test_057_openai_has_the_same_words_for_them_twice() -> None:
    wire, lost = across("openai.chat", CHAT, "openai.responses")
    assert {name: wire.get(name) for name in SHARED} == SHARED and wire["text"] == {"verbosity": "low"}
    assert wire["store"] is True and lost == {}
    wire, lost = across("openai.responses", RESPONSES, "openai.chat")
    assert {name: wire.get(name) for name in SHARED} == SHARED and wire["verbosity"] == "low"
    assert "store" not in wire and lost == {}, "what Responses keep by default is kept here"


@pytest.mark.parametrize(("dialect", "wire"), [("openai.chat", CHAT), ("openai.responses", RESPONSES)])
def test_057_they_come_home_as_they_were(dialect: str, wire: Json) -> None:
    again, lost = across(dialect, wire, dialect)
    assert json.loads(json.dumps(again)) == wire | {"model": "m"} and lost == {}
    odd = (
        wire
        | {"metadata": None, "service_tier": "auto", "text": {}}
        | ({"verbosity": None} if "text" not in wire else {})
    )
    again, _ = across(dialect, odd, dialect)
    assert json.loads(json.dumps(again)) == odd | {"model": "m"}


def test_057_a_form_and_a_verbosity_are_both_told() -> None:
    format = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    wire, _ = across("openai.chat", CHAT | {"response_format": format}, "openai.responses")
    assert wire["text"]["verbosity"] == "low" and wire["text"]["format"]["name"] == "x"


@pytest.mark.parametrize("back", ["anthropic", "simple"])
@pytest.mark.parametrize(("front", "wire"), [("openai.chat", CHAT), ("openai.responses", RESPONSES)])
def test_057_elsewhere_they_are_reported_but_for_hints(front: str, wire: Json, back: str) -> None:
    told, lost = across(front, wire, back)
    assert {"service_tier", "metadata", "verbosity", "safety_identifier"} <= lost.keys()
    assert not {"prompt_cache_key", "prompt_cache_retention", "store"} & lost.keys()
    assert not {"service_tier", "metadata", "verbosity"} & told.keys() - {"metadata"}


def test_057_gemini_has_words_for_how_it_serves() -> None:
    gemini = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "serviceTier": "standard"}
    for tier, word in (("standard", "default"), ("flex", "flex"), ("priority", "priority")):
        wire, lost = across("gemini", gemini | {"serviceTier": tier}, "openai.chat")
        assert wire["service_tier"] == word and lost == {}
        wire, lost = across("openai.chat", CHAT | {"service_tier": word}, "gemini")
        assert wire["serviceTier"] == tier and "service_tier" not in lost
        assert across("gemini", gemini | {"serviceTier": tier}, "gemini")[0]["serviceTier"] == tier
    wire, lost = across("openai.chat", CHAT | {"service_tier": "scale"}, "gemini")
    assert "serviceTier" not in wire and lost["service_tier"] == "dropped"
    assert across("gemini", gemini | {"serviceTier": "odd"}, "openai.chat")[1] == {"serviceTier": "dropped"}


def test_057_a_server_is_sent_what_it_takes() -> None:
    wire, lost = across("openai.responses", RESPONSES, "openai.chat", Profile(terms=("service_tier",)))
    assert wire["service_tier"] == "flex" and not {"metadata", "verbosity", "prompt_cache_key"} & wire.keys()
    assert lost == {"metadata": "dropped", "verbosity": "dropped", "safety_identifier": "dropped"}
    for name in ("mistral", "groq", "cerebras"):
        assert "metadata" not in catalogue()[name].profile.get("terms", ("metadata",)), (
            f"{name} refuses what it knows not"
        )


def test_069_who_is_served_is_told_in_each_ones_words_in_64_characters() -> None:
    for back in ("openai.chat", "openai.responses"):
        first, lost = across("anthropic", ANTHROPIC, back)
        assert len(first["user"]) <= 64 and lost["user"] == "clamped"
        assert first["service_tier"] == "default" and "metadata" not in first
        assert across("anthropic", ANTHROPIC, back)[0] == first, "68: the same each time"
    for wire in (CHAT, RESPONSES):
        asked = {name: value for name, value in wire.items() if name != "user"} | {"service_tier": "default"}
        told, lost = across("openai.chat" if wire is CHAT else "openai.responses", asked, "anthropic")
        assert told["metadata"] == {"user_id": "s"} and told["service_tier"] == "standard_only"
        assert not {"user", "safety_identifier", "service_tier"} & lost.keys()
    again, lost = across("anthropic", ANTHROPIC, "anthropic")
    assert again == ANTHROPIC and lost == {}
