"""Every recording of the corpus, without exception: read by a codec and held to its laws, or named here with a reason.

The folder may be another of the same form (DRAGOMAN_TRAFFIC): nothing here counts or names what must be in it.
What crosses into other dialects is in test_cross.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from fnmatch import fnmatch
from typing import Any

import pytest
from tests import laws
from tests.recorded import FOREIGN, UNREAD, Reading, dialect_of, reading, stream_of
from tests.test_gemini import tidy
from tests.test_openai_chat import plain
from tests.traffic import Exchange, exchanges

from dragoman.core.codec import Codec
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.fold import fold
from dragoman.core.media import Binary
from dragoman.dialects import CODECS, MEDIA

ALL = exchanges(("",))


def some(fits: Callable[[Exchange], Any]) -> list[Any]:
    return [p for p in ALL if p.values[0] is None or (reading(p.values[0]) and fits(p.values[0]))]


def read(reading: Callable[[], Any]) -> Any:
    """What is read, or why it cannot be."""
    try:
        return reading()
    except GatewayError as error:
        return error


def codec_of(found: Reading, case: Exchange) -> Any:
    if found.operation in ("chat", "models"):
        return CODECS[found.dialect]
    single = found == Reading("gemini", "embed") and "requests" not in (case.request or {"requests": ()})
    return MEDIA[found.dialect, "embed.one" if single else found.operation]


# -- the accounting ----------------------------------------------------------------


@pytest.mark.parametrize("case", ALL)
def test_every_recording_is_read_or_has_its_reason(case: Exchange) -> None:
    reasons = [why for pattern, why in UNREAD.items() if fnmatch(case.api, pattern)]
    reasons += [why for beginning, why in FOREIGN.items() if case.id.startswith(beginning)]
    if reading(case) is None:
        assert len(reasons) == 1
        assert len(reasons[0].split()) > 4
    else:
        assert reasons == []


def test_no_reason_is_stale(traffic: Any) -> None:
    known = [p.values[0] for p in ALL]
    assert [pattern for pattern in UNREAD if not any(fnmatch(case.api, pattern) for case in known)] == []
    assert [beginning for beginning in FOREIGN if not any(case.id.startswith(beginning) for case in known)] == []
    ids = {case.id for case in known}
    assert (NOT_HOME.keys() | NO_ANSWER.keys()) - ids == set()


# -- requests ----------------------------------------------------------------------

NOT_HOME: dict[str, str] = {
    "gemini.generate/audio-out/speech_basic_functionality_gemini_gemini-2_5-flash-preview-tts_can_speak": "names the model in the body, where it is read and not written: it is in the path",
}
"""Requests that do not come home as they were, each with its reason."""


def spelled(found: Reading, wire: Any) -> Any:
    """The one spelling of what a dialect may spell in several ways."""
    if found == ("openai.chat", "chat"):
        return plain(wire)
    if found.dialect == "gemini" and found.operation in ("chat", "count"):
        return tidy(wire, "request" if found.operation == "chat" else "count")
    if found.dialect == "gemini":
        text = json.dumps(wire)
        for snake in ("output_dimensionality", "inline_data", "mime_type", "task_type"):
            first, *rest = snake.split("_")
            text = text.replace(f'"{snake}"', f'"{first}{"".join(map(str.capitalize, rest))}"')
        return json.loads(text)
    return wire


@pytest.mark.parametrize("case", some(lambda case: isinstance(case.request, dict)))
def test_a_request_comes_home(case: Exchange) -> None:
    found = reading(case)
    assert found is not None
    codec = codec_of(found, case)
    request = read(lambda: codec.decode_request(case.request, laws.context()))
    if isinstance(request, GatewayError):
        assert case.status >= 400 and request.param, request.message  # the provider refused it too
        return
    ctx = laws.context()
    wire = json.loads(json.dumps(codec.encode_request(request, ctx)))
    if case.id in NOT_HOME:
        assert spelled(found, wire) != spelled(found, case.request), "stale"
        return
    assert spelled(found, wire) == spelled(found, case.request)
    assert ctx.losses == []


# -- answers -------------------------------------------------------------------------

NO_ANSWER: dict[str, str] = {
    "gemini.stream/image-in/imageConfigParam-followup-response-streaming": "the model gave no image: NO_IMAGE",
    "groq.chat/error-stream/test_tool_use_failed_error_streaming_with_text": "an error event ends it",
    "openai.responses/error-stream/stream-unknown-error-responses-1": "an error event ends it",
    "openai.responses/error-stream/stream-rate-limited-1": "an error event ends it",
}
"""Recordings with status 200 that are no answer, each with its reason."""


def texts(wire: Any) -> list[str]:
    """What a reader without a codec would call the text of a message's content."""
    if isinstance(wire, str):
        return [wire]
    blocks = wire if isinstance(wire, list) else []
    return [b["text"] for b in blocks if isinstance(b, dict) and isinstance(b.get("text"), str)]


SPOKEN: dict[str, Callable[[Any], Any]] = {
    "openai.chat": lambda wire: [c.get("message", {}).get("content") for c in wire["choices"][:1]],
    "openai.responses": lambda wire: [item["content"] for item in wire["output"] if item.get("type") == "message"],
    "anthropic": lambda wire: [wire["content"]],
    "gemini": lambda wire: [c.get("content", {}).get("parts") for c in wire.get("candidates", [])[:1]],
}
COUNTED: dict[str, tuple[str, ...]] = {
    "openai.chat": ("total_tokens",),
    "openai.responses": ("total_tokens",),
    "anthropic": ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens"),
    "gemini": ("totalTokenCount",),
}
"""The provider's own counts that add up to all it billed."""


@pytest.mark.parametrize(
    "case", some(lambda case: dialect_of(case) and case.status < 300 and isinstance(case.response, dict))
)
def test_an_answer_is_read(case: Exchange) -> None:
    dialect = dialect_of(case) or ""
    response = read(lambda: CODECS[dialect].decode_response(case.response, laws.context()))
    if isinstance(response, GatewayError):
        assert response.message
        assert "error" in case.response or case.kind == "error", response.message
        return
    laws.folds_back(response)
    if dialect in SPOKEN:
        text = laws.gist(response)["text"] + laws.gist(response)["reasoning"]
        for content in SPOKEN[dialect](case.response):
            assert [said for said in texts(content) if said not in text] == []
    usage = case.response.get("usage") or case.response.get("usageMetadata")
    if usage and dialect in COUNTED:
        assert response.usage.input + response.usage.output == sum(usage.get(name) or 0 for name in COUNTED[dialect])


@pytest.mark.parametrize("case", some(lambda case: dialect_of(case) and case.status < 300 and stream_of(case)))
def test_a_stream_is_read_at_any_cut(case: Exchange) -> None:
    """The room's own tests cut at every byte; here in sevens, in the middle of events, and all at once."""
    codec: Codec = CODECS[dialect_of(case) or ""]
    data = stream_of(case) or b""
    if case.id in NO_ANSWER:
        with pytest.raises(GatewayError):
            laws.events(codec, data)
        return
    found = laws.events(codec, data)
    laws.grammar(found)
    laws.folds_back(fold(found))
    for size in (7, 1000, 65_536):
        assert laws.events(codec, data, (data[i : i + size] for i in range(0, len(data), size))) == found


# -- errors ----------------------------------------------------------------------------

KINDS: dict[int, set[Kind]] = {
    400: {Kind.INVALID_REQUEST, Kind.CONTEXT_LENGTH, Kind.CONTENT_POLICY, Kind.AUTHENTICATION, Kind.NOT_FOUND},
    401: {Kind.AUTHENTICATION},
    402: {Kind.QUOTA},
    403: {Kind.PERMISSION, Kind.AUTHENTICATION},
    404: {Kind.NOT_FOUND},
    413: {Kind.TOO_LARGE},
    422: {Kind.INVALID_REQUEST, Kind.CONTEXT_LENGTH},
    429: {Kind.RATE_LIMIT, Kind.QUOTA},
}


@pytest.mark.parametrize("case", some(lambda case: case.status >= 400))
def test_an_error_is_understood(case: Exchange) -> None:
    found = reading(case)
    assert found is not None
    answer = case.record["response"]
    wire = case.response if case.response is not None else answer.get("text", answer.get("sse", ""))
    error = CODECS[found.dialect].decode_error(case.status, wire, {})
    assert error.kind in KINDS.get(case.status, {Kind.UPSTREAM, Kind.OVERLOADED, Kind.TIMEOUT}), error.message
    assert error.message
    inner = wire.get("error", wire) if isinstance(wire, dict) else None
    if isinstance(inner, dict) and inner.get("message"):
        assert inner["message"][:100] in error.message


# -- the small operations ------------------------------------------------------------------


@pytest.mark.parametrize("case", some(lambda case: not dialect_of(case) and case.status < 300))
def test_a_small_answer_is_read(case: Exchange) -> None:
    found = reading(case)
    assert found is not None
    codec = codec_of(found, case)
    if found.operation == "models":
        listed = case.response.get("data") or case.response.get("models")
        assert [model.id.rpartition("/")[2] for model in codec.decode_models(case.response, "p")] == [
            (entry.get("id") or entry["name"]).rpartition("/")[2] for entry in listed
        ]
        return
    answer = case.record["response"]
    wire: Any = case.response
    if "body_base64" in answer:
        wire = Binary(answer["headers"]["content-type"], base64.b64decode(answer["body_base64"]))
    elif found.operation == "speech":
        wire = Binary("application/json", json.dumps(case.response).encode())
    response = codec.decode_response(wire, laws.context())
    match found.operation:
        case "count":
            assert response.tokens in [v for v in case.response.values() if isinstance(v, int)]
        case "embed" | "embed.one":
            assert response.vectors and all(response.vectors)
        case "image":
            assert response.images
        case "speech":
            assert len(response.data) > 1000
