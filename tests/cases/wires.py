"""What a provider sends and what a client of another dialect then gets: both as bytes, for the numbered cases.

It reads a client's frames as the plainest SDK would, by hand. Of the codecs it knows their interface alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import laws
from dragoman.core.calls import distinct
from dragoman.core.codec import Context
from dragoman.core.errors import GatewayError
from dragoman.core.fold import unfold
from dragoman.core.ir import AnyPart, Response, Stop, Usage
from dragoman.core.profile import Profile
from dragoman.core.translate import Pipe
from dragoman.dialects import CODECS
from upstream import anthropic, bedrock, gemini, openai, responses
from validators import checked

CHAT, RESPONSES, ANTHROPIC, GEMINI = "openai.chat", "openai.responses", "anthropic", "gemini"
BEDROCK = "bedrock.converse"
FRONTS = BACKS = (CHAT, RESPONSES, ANTHROPIC, GEMINI)
PAIRS = list(product(FRONTS, (*BACKS, BEDROCK)))
ABROAD = [(front, back) for front, back in product(FRONTS, (*BACKS, BEDROCK)) if front != back]
"""Who asks whom in another dialect; Bedrock's Converse is asked only, and its streams are no server-sent events."""
DONE = "[DONE]"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="


# -- what providers send ----------------------------------------------------------------


def sse(*wires: Any) -> bytes:
    """One event each, named by its type where the dialect has types."""
    blocks = []
    for wire in wires:
        name = f"event: {wire['type']}\n" if isinstance(wire, dict) and isinstance(wire.get("type"), str) else ""
        blocks.append(f"{name}data: {wire if isinstance(wire, str) else json.dumps(wire)}\n\n")
    return "".join(blocks).encode()


def converse(*events: tuple[str, dict[str, Any]]) -> bytes:
    """The same of Bedrock's Converse, whose events are named outside of their data (and framed in binary)."""
    return "".join(f"event: {name}\ndata: {json.dumps(wire)}\n\n" for name, wire in events).encode()


def chunk(delta: Any = None, finish: Any = None, **more: Any) -> dict[str, Any]:
    """A chunk of Chat Completions; without a delta one that has no choices."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return head | {"choices": choices} | more


def piece(index: Any = 0, id: Any = None, name: Any = None, arguments: Any = None) -> dict[str, Any]:
    """A delta of one call, with the members that are given."""
    function = {word: value for word, value in (("name", name), ("arguments", arguments)) if value is not None}
    wire = {word: value for word, value in (("index", index), ("id", id)) if value is not None}
    return {"tool_calls": [wire | {"function": function}]}


STOPPED = chunk({}, "stop")


def answer(*parts: AnyPart, stop: str = "stop", usage: Usage = Usage(), **more: Any) -> Response:  # noqa: B008
    fields: dict[str, Any] = {"origin": "elsewhere", "id": "x", "model": "m", "stop": Stop(stop)}  # type: ignore[arg-type]
    return Response(parts=parts, usage=usage, **(fields | more))


def streamed(back: str, response: Response) -> bytes:
    """The stream of a provider of this dialect that says so."""
    frames = laws.render(CODECS[back], unfold(response))
    return b"".join((b"event: %b\n" % f.event.encode() if f.event else b"") + b"data: %b\n\n" % f.data for f in frames)


def whole(back: str, response: Response) -> dict[str, Any]:
    """The same as one answer."""
    wire = CODECS[back].encode_response(response, laws.context())
    return dict(json.loads(json.dumps(wire)))


# -- what clients get -----------------------------------------------------------------------


@dataclass
class Seen:
    """What a client understood: calls as (id, name, text of the arguments), usage as (all input, output, cached)."""

    text: str = ""
    reasoning: str = ""
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    stop: str | None = None
    usage: tuple[int, int, int] = (0, 0, 0)
    order: list[str] = field(default_factory=list)  # kinds of what came, each once in a row
    wires: list[Any] = field(default_factory=list)

    def note(self, kind: str) -> None:
        if self.order[-1:] != [kind]:
            self.order.append(kind)

    @property
    def arguments(self) -> list[Any]:
        return [json.loads(text) for _, _, text in self.calls]


def hears(front: str, back: str, data: bytes, **ctx: Any) -> Seen:
    """What a client of `front` sees of a provider's stream; the same however it is cut, and however its lines end."""
    found, error = heard(front, back, data, **ctx)
    if error is not None:
        raise error
    return READERS[front](found)


def heard(front: str, back: str, data: bytes, **ctx: Any) -> tuple[list[Any], GatewayError | None]:
    """The client's frames, those of the failure last where the stream fails; and the failure."""
    found, error = _piped(front, back, [data], ctx)
    crlf = data.replace(b"\n", b"\r\n")
    for pieces in (
        (data[i : i + 1] for i in range(len(data))),
        (crlf[i : i + 1] for i in range(len(crlf))),
        (b"\xef\xbb\xbf: hello\n\n", data.replace(b"\n\n", b"\n\n: noise\n\n")),
    ):
        again, failure = _piped(front, back, pieces, ctx)
        assert again == found
        assert str(failure) == str(error)
    return found, error


def _piped(
    front: str, back: str, pieces: Iterable[bytes], fields: dict[str, Any]
) -> tuple[list[Any], GatewayError | None]:
    pipe = Pipe(CODECS[back].decoder(laws.context()), CODECS[front].encoder(laws.context(**({"model": "m"} | fields))))
    frames, error = [], None
    try:
        for some in pieces:
            frames += pipe.feed(some)
        frames += pipe.close()
    except GatewayError as caught:
        error = caught
        frames += pipe.fail(caught)
    if front != back:  # at home what a provider left out stays out
        checked(front, [(frame.event, frame.data) for frame in frames])
    return [DONE if frame.data == b"[DONE]" else json.loads(frame.data) for frame in frames], error


def answers(front: str, back: str, wire: Any, read: bool = True, **ctx: Any) -> tuple[Seen, dict[str, Any]]:
    """What a client sees of a whole answer, and that answer."""
    response = CODECS[back].decode_response(wire, laws.context())
    found = json.loads(json.dumps(CODECS[front].encode_response(response, laws.context(**ctx))))
    return WHOLE[front](found) if read else Seen(), found


def asks(front: str, back: str, wire: Any, **profile: Any) -> tuple[dict[str, Any], Context]:
    """What a provider is asked where a client asks this, which it has to take; and the context, with the losses."""
    found, ctx = translated(front, back, wire, **profile)
    if front != back:
        TAKES[back](found)
    return found, ctx


def translated(front: str, back: str, wire: Any, **profile: Any) -> tuple[dict[str, Any], Context]:
    """The same where the scripted upstream knows less than the provider it plays."""
    ctx = laws.context(model="m", profile=Profile(**(OPENAI | profile)))
    ctx.request = request = distinct(CODECS[front].decode_request(wire, laws.context()))
    return dict(json.loads(json.dumps(CODECS[back].encode_request(request, ctx)))), ctx


def tried(front: str, back: str, wire: Any) -> tuple[dict[str, Any], Context, GatewayError | None]:
    """The same, or the error that the client gets."""
    try:
        return *translated(front, back, wire), None
    except GatewayError as error:
        return {}, Context(), error


OPENAI: dict[str, Any] = {"tool_id_limit": 40, "stops": 4}


TAKES: dict[str, Callable[[Any], object]] = {
    CHAT: openai.check_chat,
    RESPONSES: lambda wire: responses.check(wire, responses.MEMBERS, {}),
    ANTHROPIC: lambda wire: anthropic.check(wire, False),
    GEMINI: lambda wire: gemini.check(wire, "gemini-2.5-flash"),
    BEDROCK: bedrock.check,
}
"""What each provider refuses, as the scripted upstream knows it."""


def lost(ctx: Context) -> set[tuple[str, str]]:
    return {(loss.path, loss.what) for loss in ctx.losses}


# -- how clients read: Chat Completions --------------------------------------------------------

CHAT_STOPS = ("stop", "length", "tool_calls", "content_filter")


def _chat_usage(wire: Any) -> tuple[int, int, int]:
    details = wire.get("prompt_tokens_details") or {}
    assert wire["total_tokens"] == wire["prompt_tokens"] + wire["completion_tokens"]
    return wire["prompt_tokens"], wire["completion_tokens"], details.get("cached_tokens", 0)


def read_chat(wires: list[Any]) -> Seen:
    seen, calls = Seen(wires=wires), dict[int, list[str]]()
    assert wires[-1] == DONE and DONE not in wires[:-1]
    for n, wire in enumerate(wires[:-1]):
        assert isinstance(wire["choices"], list)
        if "usage" in wire:
            assert wire["choices"] == [] and seen.stop is not None
            seen.usage = _chat_usage(wire["usage"])
            continue
        [choice] = wire["choices"]
        assert seen.stop is None, "something after the finish"
        seen.stop = choice["finish_reason"]
        delta = choice["delta"]
        assert ("role" in delta) == (n == 0), "the role is said once, first (case 29)"
        if delta.get("content"):
            seen.text += delta["content"]
            seen.note("text")
        if delta.get("reasoning_content"):
            seen.reasoning += delta["reasoning_content"]
            seen.note("reasoning")
        for call in delta.get("tool_calls", ()):
            if call["index"] not in calls:
                assert call["index"] == len(calls) and call["type"] == "function"
                calls[call["index"]] = [call["id"], call["function"]["name"], ""]
                seen.order.append("call")
            else:
                assert not {"id", "type"} & call.keys() and "name" not in call.get("function", {})
            calls[call["index"]][2] += call.get("function", {}).get("arguments", "")
    assert seen.stop in CHAT_STOPS
    seen.calls = [(id, name, text) for id, name, text in calls.values()]
    return seen


def whole_chat(wire: Any) -> Seen:
    [choice] = wire["choices"]
    message = choice["message"]
    calls = [(c["id"], c["function"]["name"], c["function"]["arguments"]) for c in message.get("tool_calls") or ()]
    text = message["content"] or ""
    reasoning = message.get("reasoning_content") or message.get("reasoning") or ""  # at home as it came
    return Seen(text, reasoning, calls, choice["finish_reason"], _chat_usage(wire["usage"]))


# -- Anthropic Messages ---------------------------------------------------------------------------

ANTHROPIC_STOPS = {
    "end_turn": "stop", "stop_sequence": "stop", "pause_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls",
    "refusal": "content_filter",
}  # fmt: skip
GROWTH = {"text": ("text_delta", "text"), "thinking": ("thinking_delta", "thinking"),
          "tool_use": ("input_json_delta", "partial_json")}  # fmt: skip


def _anthropic_usage(wire: Any) -> tuple[int, int, int]:
    read, made = wire.get("cache_read_input_tokens", 0), wire.get("cache_creation_input_tokens", 0)
    return wire["input_tokens"] + read + made, wire["output_tokens"], read


def blocks(wires: list[Any]) -> list[tuple[Any, list[Any]]]:
    """The blocks of a stream with their deltas; each begun, grown and ended before the next (case 24)."""
    found: list[tuple[Any, list[Any]]] = []
    open_ = False
    for wire in wires:
        match wire["type"]:
            case "content_block_start":
                assert not open_ and wire["index"] == len(found)
                found.append((wire["content_block"], []))
                open_ = True
            case "content_block_delta":
                assert open_ and wire["index"] == len(found) - 1
                found[-1][1].append(wire["delta"])
            case "content_block_stop":
                assert open_ and wire["index"] == len(found) - 1
                open_ = False
            case "message_start" | "message_delta" | "message_stop" | "error":
                assert not open_ or wire["type"] == "error"
            case other:
                assert other == "ping"
    for block, deltas in found:
        assert deltas or block["type"] in ("tool_use", "redacted_thinking"), f"a block of nothing: {block}"
    return found


def read_anthropic(wires: list[Any]) -> Seen:
    seen = Seen(wires=wires)
    told = [wire["type"] for wire in wires if not wire["type"].startswith("content_block") and wire["type"] != "ping"]
    assert told == ["message_start", "message_delta", "message_stop"] and wires[-1]["type"] == "message_stop"
    for block, deltas in blocks(wires):
        kind = block["type"]
        seen.note("reasoning" if kind in ("thinking", "redacted_thinking") else "text") if kind != "tool_use" else None
        if kind == "redacted_thinking":
            continue
        type_, name = GROWTH[kind]
        assert kind == "tool_use" or block[kind] == "", "nothing is said in the start of a block (case 5)"
        assert {delta["type"] for delta in deltas} <= {type_, "signature_delta", "citations_delta"}
        grown = "".join(delta[name] for delta in deltas if delta["type"] == type_)
        if kind == "tool_use":
            assert block["input"] == {}
            seen.calls.append((block["id"], block["name"], grown or "{}"))
            seen.order.append("call")
        elif kind == "text":
            seen.text += grown
        else:
            seen.reasoning += grown
    [end] = [wire for wire in wires if wire["type"] == "message_delta"]
    seen.stop, seen.usage = ANTHROPIC_STOPS[end["delta"]["stop_reason"]], _anthropic_usage(end["usage"])
    return seen


def whole_anthropic(wire: Any) -> Seen:
    seen = Seen(stop=ANTHROPIC_STOPS[wire["stop_reason"]], usage=_anthropic_usage(wire["usage"]))
    for block in wire["content"]:
        assert block != {"type": "text", "text": ""}, "an empty text cannot be sent back (case 26)"
        seen.text += block.get("text", "")
        seen.reasoning += block.get("thinking", "")
        if block["type"] == "tool_use":
            assert isinstance(block["input"], dict)
            seen.calls.append((block["id"], block["name"], json.dumps(block["input"])))
    return seen


# -- Responses ---------------------------------------------------------------------------------------


def whole_responses(wire: Any) -> Seen:
    seen, used = Seen(), wire["usage"]
    seen.usage = used["input_tokens"], used["output_tokens"], used["input_tokens_details"]["cached_tokens"]
    for item in wire["output"]:
        match item["type"]:
            case "message":
                seen.text += "".join(part.get("text", "") for part in item["content"])
                seen.note("text")
            case "reasoning":
                seen.reasoning += "".join(part["text"] for part in item["summary"])
                seen.note("reasoning")
            case "function_call":
                seen.calls.append((item["call_id"], item["name"], item["arguments"]))
                seen.order.append("call")
    why = (wire["incomplete_details"] or {}).get("reason")
    cut = {"max_output_tokens": "length", "content_filter": "content_filter"}.get(why or "")
    assert (wire["status"] == "incomplete") == (cut is not None)
    seen.stop = cut or ("tool_calls" if seen.calls else "stop")
    return seen


def read_responses(wires: list[Any]) -> Seen:
    assert [wire["sequence_number"] for wire in wires] == list(range(len(wires)))
    kinds = [wire["type"].removeprefix("response.") for wire in wires]
    assert kinds[0] == "created" and kinds[-1] in ("completed", "incomplete")
    assert not {"completed", "incomplete", "failed"} & set(kinds[:-1])
    seen = whole_responses(wires[-1]["response"])
    seen.wires = wires
    told = {name: "".join(w["delta"] for w in wires if w["type"] == f"response.{name}.delta") for name in
            ("output_text", "reasoning_summary_text", "function_call_arguments")}  # fmt: skip
    assert told["output_text"] == seen.text
    assert told["reasoning_summary_text"] == seen.reasoning
    assert told["function_call_arguments"] == "".join(text for _, _, text in seen.calls)
    opened = [wire["item"]["id"] for wire in wires if wire["type"] == "response.output_item.added"]
    closed = [wire["item"]["id"] for wire in wires if wire["type"] == "response.output_item.done"]
    assert opened == closed == [item["id"] for item in wires[-1]["response"]["output"]]
    return seen


# -- Gemini --------------------------------------------------------------------------------------------

GEMINI_STOPS = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter"}


def read_gemini(wires: list[Any]) -> Seen:
    seen = Seen(wires=wires)
    for wire in wires:
        assert seen.stop is None, "something after the finish"
        for candidate in wire.get("candidates", ()):
            for part in candidate.get("content", {}).get("parts", ()):
                if "functionCall" in part:
                    call = part["functionCall"]
                    seen.calls.append((call.get("id", ""), call["name"], json.dumps(call.get("args") or {})))
                    seen.order.append("call")
                elif part.get("text"):
                    seen.note("reasoning" if part.get("thought") else "text")
                    if part.get("thought"):
                        seen.reasoning += part["text"]
                    else:
                        seen.text += part["text"]
            seen.stop = candidate.get("finishReason")
        used = wire.get("usageMetadata") or {}
    output = used.get("candidatesTokenCount", 0) + used.get("thoughtsTokenCount", 0)
    seen.usage = used.get("promptTokenCount", 0), output, used.get("cachedContentTokenCount", 0)
    seen.stop = GEMINI_STOPS[seen.stop or ""]
    if seen.stop == "stop" and seen.calls:
        seen.stop = "tool_calls"
    return seen


READERS = {CHAT: read_chat, RESPONSES: read_responses, ANTHROPIC: read_anthropic, GEMINI: read_gemini}
WHOLE = {CHAT: whole_chat, RESPONSES: whole_responses, ANTHROPIC: whole_anthropic, GEMINI: lambda w: read_gemini([w])}
