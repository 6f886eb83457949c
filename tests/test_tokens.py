"""The local estimate of prompt tokens, against what providers counted. What a count is used for is not its business."""

from __future__ import annotations

import base64
import json
import struct
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

import laws
from dragoman.core.audio import pcm_to_wav
from dragoman.core.ir import (
    AnyPart,
    Base64,
    Format,
    Media,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Request,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Url,
)
from dragoman.core.tokens import FAMILIES, Rates, estimate, estimate_text, pages_of, rates_of, seconds_of
from dragoman.dialects import CODECS
from traffic import Exchange, cases, exchanges


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def user(*parts: AnyPart) -> Message:
    return Message(role="user", parts=parts)


def chat(*messages: Message, **fields: Any) -> Request:
    return Request(**({"origin": "openai.chat", "model": "gpt-4o", "messages": messages} | fields))


def parts_of(request: Request) -> Iterator[AnyPart]:
    for message in request.messages:
        for part in message.parts:
            yield part
            if isinstance(part, ToolResult):
                yield from part.content


# -- against recordings ---------------------------------------------------------------

DIALECTS = {
    "anthropic.messages": "anthropic",
    "anthropic.count_tokens": "anthropic",
    "vertex.anthropic": "anthropic",
    "vertex.anthropic_stream": "anthropic",
    "pydantic-gw.anthropic_messages": "anthropic",
    "gemini.generate": "gemini",
    "gemini.stream": "gemini",
    "gemini.count_tokens": "gemini",
    "vertex.generate": "gemini",
    "vertex.stream": "gemini",
    "vertex.count_tokens": "gemini",
    "pydantic-gw.vertex_generate": "gemini",
}
SURFACES = {
    "chat": "openai.chat",
    "openai_chat": "openai.chat",
    "responses": "openai.responses",
    "openai_responses": "openai.responses",
}
ELSEWHERE = (
    "web-search",
    "search-preview",
    "compaction",
    "mcp",
    "file_annotation",
    "advisor",
    "groq_web_search",
    "sonar",
)
"""Of these recordings the provider put more (or less) before the model than the request holds."""


class Counted(NamedTuple):
    name: str
    dialect: str
    real: int
    estimated: int

    @property
    def close(self) -> bool:
        return 0.8 * self.real <= self.estimated <= 1.2 * self.real

    @property
    def near(self) -> bool:
        """Close, or so small that a few tokens are 20 %."""
        return self.close or abs(self.estimated - self.real) <= 10

    @property
    def low(self) -> bool:
        return self.estimated < 0.8 * self.real


def events(case: Exchange) -> Iterator[dict[str, Any]]:
    if isinstance(case.response, dict):
        yield case.response
    for line in (case.sse or b"").splitlines():
        if line.startswith(b"data:") and b"{" in line:
            found = json.loads(line[5:])
            if isinstance(found, dict):
                yield found


def prompt_tokens(case: Exchange, dialect: str) -> int:
    """What the provider counted, with what it read from a cache."""
    best = 0
    for event in events(case):
        match dialect:
            case "anthropic":
                usage = event.get("usage") or (event.get("message") or {}).get("usage") or {}
                if not best:
                    cached = ("cache_read_input_tokens", "cache_creation_input_tokens")
                    best = (usage.get("input_tokens") or event.get("input_tokens") or 0) + sum(
                        usage.get(name) or 0 for name in cached
                    )
            case "gemini":
                usage = event.get("usageMetadata") or {}
                best = usage.get("promptTokenCount") or event.get("totalTokens") or best
            case "openai.responses":
                usage = (event.get("response") or event).get("usage") or {}
                best = usage.get("input_tokens") or best
            case _:
                usage = event.get("usage") or (event.get("x_groq") or {}).get("usage") or {}
                best = usage.get("prompt_tokens") or best
    return best


def is_whole(case: Exchange, request: Request) -> bool:
    """Whether the prompt is all in the request: nothing by reference, nothing done by the provider, nothing cut off."""
    for part in parts_of(request):
        if isinstance(part, Opaque) or (isinstance(part, Media) and not isinstance(part.source, Base64)):
            return False
        if request.origin == "openai.responses" and isinstance(part, Reasoning):  # sealed: nobody sees how much it is
            return False
    named = f"{case.file} {case.record.get('model')}"
    return (
        not any(word in named for word in ELSEWHERE)
        and not any(tool.server for tool in request.tools)
        and not case.record.get("truncated_media")
        and not {"cachedContent", "previous_response_id", "conversation", "prompt"} & case.request.keys()
    )


def counted() -> list[Counted]:
    found = []
    for case in cases():
        surface = case.api.partition(".")[2]
        dialect = DIALECTS.get(case.api) or SURFACES.get(surface, "")
        if not dialect or case.status != 200 or not isinstance(case.request, dict):
            continue
        body = case.request.get("generateContentRequest", case.request)
        model = str(case.record.get("model") or body.get("model") or "")
        if dialect == "anthropic":  # Vertex names the model in the URL, and a request to count has no limit
            body = {"model": model, "max_tokens": 1} | body
        real = prompt_tokens(case, dialect)
        request = replace(CODECS[dialect].decode_request(body, laws.context()), model=model)
        if real and is_whole(case, request):
            found.append(Counted(case.id, dialect, real, estimate(request)))
    return found


def share(found: list[Counted], fact: str) -> float:
    return sum(getattr(one, fact) for one in found) / len(found)


@pytest.mark.parametrize(
    ("dialect", "least", "close", "near", "low"),
    [
        # measured in November 2026: close, near, low
        ("anthropic", 40, 0.95, 0.95, 0.03),  # 0.98, 0.98, 0.02
        ("openai.chat", 110, 0.91, 0.92, 0.04),  # 0.93, 0.93, 0.02
        ("openai.responses", 40, 0.88, 0.90, 0.02),  # 0.90, 0.92, 0.00
        ("gemini", 55, 0.84, 0.91, 0.06),  # 0.86, 0.92, 0.05
        ("", 280, 0.91, 0.92, 0.03),  # 0.92, 0.93, 0.02
    ],
)
def test_estimates_are_near_what_providers_counted(
    traffic: Any, dialect: str, least: int, close: float, near: float, low: float
) -> None:
    found = [one for one in counted() if one.dialect.startswith(dialect)]
    assert len(found) >= least
    far = [f"{one.estimated} for {one.real}: {one.name}" for one in found if not one.near]
    assert share(found, "close") >= close, far
    assert share(found, "near") >= near, far
    assert share(found, "low") <= low, far


@pytest.mark.parametrize("case", exchanges(("anthropic.messages", "openai.chat", "gemini.generate"), tag="image-in"))
def test_every_request_with_images_has_an_estimate(case: Exchange) -> None:
    if not isinstance(case.request, dict) or case.status != 200:
        return
    dialect = DIALECTS.get(case.api, "openai.chat")
    assert estimate(CODECS[dialect].decode_request(case.request, laws.context())) > 5


# -- text --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("", 0, 0),
        ("Hello", 1, 1),
        ("The quick brown fox jumps over the lazy dog.", 9, 11),
        ("getUserByIdAndName(userId, userName)", 9, 16),
        ("1234567890", 3, 5),
        ('{"type":"object","properties":{"city":{"type":"string"}}}', 14, 28),
        ("def f(x):\n    return x\n", 7, 12),
        ("\u4f60\u597d\uff0c\u4e16\u754c", 4, 7),
        ("\u041f\u0440\u0438\u0432\u0435\u0442, \u043a\u0430\u043a \u0434\u0435\u043b\u0430?", 6, 13),
        ("\U0001f600" * 3, 3, 9),
        ("Schr\u00f6dinger\u2019s caf\u00e9", 4, 10),
        (" " * 1000, 1, 20),
        ("a" * 6000, 500, 2000),
    ],
)
def test_text(text: str, low: int, high: int) -> None:
    assert low <= estimate_text(text) <= high


def test_a_long_text_is_sampled() -> None:
    line = "The estimate of a long text is near that of its parts, 12345 of them. "
    whole = estimate_text(line) * 30_000
    started = time.perf_counter()
    found = estimate_text(line * 30_000)
    assert time.perf_counter() - started < 0.5
    assert abs(found / whole - 1) < 0.03
    mixed = "plain words only " * 30_000 + "\u6f22" * 100_000
    assert 0.7 < estimate_text(mixed) / (3 * 30_000 + 100_000) < 1.3


def test_more_text_is_never_fewer_tokens() -> None:
    text = 'Caf\u00e9 {"a": [1, 22, 333]}\n\t\u6f22\u5b57 \U0001f600 getHTTPResponse -- ok? ' * 3
    counts = [estimate_text(text[:end]) for end in range(len(text) + 1)]
    assert counts == sorted(counts)


# -- what is counted -----------------------------------------------------------------------


def test_everything_in_a_request_counts() -> None:
    plain = chat(user(Text(text="What is the weather?")))
    base = estimate(plain)
    longer = (
        chat(Message(role="system", parts=(Text(text="Be brief."),)), *plain.messages),
        replace(plain, tools=(Tool(name="weather", description="Tells it", parameters={"type": "object"}),)),
        replace(plain, format=Format(schema={"type": "object", "properties": {"city": {"type": "string"}}})),
        chat(user(Text(text="What is the weather?"), Media(media_type="image/png", source=Url("https://x/y.png")))),
        chat(
            *plain.messages, Message(role="assistant", parts=(ToolCall(id="c", name="weather", arguments='{"a":1}'),))
        ),
        chat(*plain.messages, user(ToolResult(call_id="c", content=(Text(text="It is sunny today."),)))),
        chat(*plain.messages, Message(role="assistant", parts=(Refusal(text="I would rather not say."),))),
        chat(user(Text(text="What is the weather?"), Opaque(kind="odd", raw={"some": "thing"}))),
    )
    for request in longer:
        assert estimate(request) > base + 3
    assert estimate(replace(plain, format=Format())) == base
    assert estimate(chat()) > 0


def test_thoughts_count_only_while_their_turn_lasts() -> None:
    thought = Message(role="assistant", parts=(Reasoning(text="I must think " * 50), ToolCall(id="c", name="f")))
    without = Message(role="assistant", parts=(ToolCall(id="c", name="f"),))
    result = user(ToolResult(call_id="c", content=(Text(text="5"),)))
    going_on = estimate(chat(user(Text(text="x")), thought, result)) - estimate(
        chat(user(Text(text="x")), without, result)
    )
    assert going_on >= 150
    over = user(Text(text="next"))
    assert estimate(chat(user(Text(text="x")), thought, result, over)) == estimate(
        chat(user(Text(text="x")), without, result, over)
    )


def test_what_a_provider_adds() -> None:
    tool = Tool(name="f", parameters={"type": "object"})
    ask = chat(user(Text(text="x")), tools=(tool,), model="claude-sonnet-4-5", origin="anthropic")
    assert estimate(ask) > 500
    assert estimate(replace(ask, thinking=Thinking(budget=1024))) > estimate(ask) + 20
    assert estimate(replace(ask, thinking=Thinking(effort="high"))) == estimate(ask)
    paper = Media(media_type="text/plain", source=Base64(b64(b"Some words." * 9)))
    cited = replace(paper, extra={"citations": {"enabled": True}})
    raw = Opaque(kind="search_result", raw={"citations": {"enabled": True}, "content": []})
    claude = replace(ask, tools=(), messages=(user(paper),))
    assert 10 < estimate(claude) < 60
    for part in (cited, raw):
        assert estimate(replace(claude, messages=(user(part),))) > 560
    assert estimate(replace(claude, messages=(user(Opaque(kind="x", raw=["citations"])),))) < 60


@pytest.mark.parametrize(
    ("model", "origin", "like"),
    [
        ("claude-3-5-sonnet-20241022", "", "claude-sonnet-4-20250514"),
        ("anthropic/claude-sonnet-4", "", "claude-opus-4-1-20250805"),
        ("claude-sonnet-4@20250514", "", "claude-2.1"),
        ("claude-sonnet-4-5@20250929", "", "anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("claude-opus-4-7", "", "claude-sonnet-5"),
        ("gemini-2.0-flash", "", "gemini-2.0-flash-lite"),
        ("gemini-2.5-flash", "", "fast/gemini"),
        ("my-alias", "gemini", "gemini-2.5-flash"),
        ("my-alias", "anthropic", "claude-opus-4-6"),
        ("GPT-4o", "", "gpt-3.5-turbo"),
        ("o3-mini", "", "gpt-5.2"),
        ("openai/gpt-oss-120b", "", "gpt-oss:20b"),
        ("mistral-large-latest", "", "ministral-3b"),
    ],
)
def test_families(model: str, origin: str, like: str) -> None:
    rates = rates_of(chat(model=model, origin=origin))
    assert rates == rates_of(chat(model=like, origin="openai.chat"))
    assert rates != Rates()


def test_unknown_models_have_rates_of_their_own() -> None:
    assert rates_of(chat(model="foo3-mini", origin="openai.chat")) == Rates()
    assert rates_of(chat(model="", origin="simple")) == Rates()
    assert len({pattern for pattern, _ in FAMILIES}) == len(FAMILIES)


# -- media ---------------------------------------------------------------------------------


def image(width: int, height: int) -> Media:
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">II", width, height) + b"\0" * 40
    return Media(media_type="image/png", source=Base64(b64(head)))


@pytest.mark.parametrize(
    ("model", "size", "tokens"),
    [
        ("gpt-4o", (1024, 1024), 765),  # OpenAI's own examples
        ("gpt-4o", (2048, 4096), 1105),
        ("gpt-4o", (100, 100), 255),
        ("claude-sonnet-4-5", (200, 200), 54),  # Anthropic's own examples
        ("claude-sonnet-4-5", (1000, 1000), 1334),
        ("claude-sonnet-4-5", (8000, 8000), 1600),
        ("gemini-1.5-pro", (3000, 3000), 258),
        ("gemini-2.5-flash", (384, 384), 258),
        ("gemini-2.5-flash", (960, 540), 6 * 258),
        ("gemini-2.5-flash", (3000, 3000), 16 * 258),
        ("gpt-4.1-mini", (1024, 1024), 1659),
        ("gpt-5-nano", (4000, 4000), 3779),
        ("grok-4-fast", (239, 178), 256),
        ("grok-4-fast", (900, 448), 4 * 256),
        ("gemini-3-pro-preview", (10, 10), 1120),
    ],
)
def test_images(model: str, size: tuple[int, int], tokens: int) -> None:
    bare = estimate(chat(user(), model=model))
    assert estimate(chat(user(image(*size)), model=model)) - bare == tokens


def test_media_without_a_size_cost_something_sensible() -> None:
    bare = estimate(chat(user()))
    for media_type in ("image/*", "audio/mpeg", "video/mp4", "application/pdf", "text/plain", "odd"):
        for source in (Url("https://x/y"), Base64("!!!"), Base64("A"), Base64(""), Base64("AAAA" * 100)):
            cost = estimate(chat(user(Media(media_type=media_type, source=source)))) - bare
            assert 0 <= cost < 20_000, (media_type, source)


@pytest.mark.parametrize(
    ("media_type", "data", "seconds"),
    [
        ("audio/wav", pcm_to_wav(b"\0" * 48_000), 1.0),
        ("audio/wav", pcm_to_wav(b"\0" * 64_000, 16_000), 2.0),
        ("audio/L16;codec=pcm;rate=24000", b"\0" * 96_000, 2.0),
        ("audio/mpeg", b"\xff\xfb\x90\x00" + b"\0" * 31_996, 2.0),  # MPEG-1, 128 kbit/s
        ("audio/mpeg", b"ID3\x04" + b"\0" * 96 + b"\xff\xf3\x80\x00" + b"\0" * 15_896, 2.0),  # MPEG-2, 64 kbit/s
        ("audio/ogg", b"OggS" + b"\0" * 15_996, 2.0),
        ("audio/wav", b"RIFF1234WAVEfmt " + b"\0" * 16 + b"\0" * 968, 1.0),
    ],
)
def test_seconds(media_type: str, data: bytes, seconds: float) -> None:
    assert seconds_of(media_type, b64(data)) == pytest.approx(seconds, rel=0.05)


def test_pages() -> None:
    two = b"%PDF-1.4 /Type /Pages /Count 2 ... /Type /Page /Parent ... /Type/Page>> "
    assert pages_of(b64(two)) == 2
    assert pages_of(b64(b"%PDF-1.7" + b"\0" * 240_000)) == 4
    assert pages_of(b64(b"%PDF")) == 1
    assert pages_of("") == 1
    assert pages_of("A") == 1
    long = two + b"\0" * (4_000_000)
    assert 2 <= pages_of(b64(long)) <= 3
