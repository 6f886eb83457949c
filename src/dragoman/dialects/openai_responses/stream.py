"""A streamed answer in Responses, of every server that speaks it: events to the neutral ones.

It knows nothing of requests. What was told in deltas is never told again from the events that sum it up (case 116);
what was not, is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from dragoman.core.codec import QUIET, Context, Wire, asks_nothing, dumps
from dragoman.core.content import legal_name
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.fold import weighed, whole
from dragoman.core.framing import Frame
from dragoman.core.halves import Halves
from dragoman.core.ir import (
    AnyPart,
    Citation,
    Event,
    Extra,
    Finish,
    Json,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    Refusal,
    Start,
    Text,
    ToolCall,
)
from dragoman.dialects.openai_errors import decode_error
from dragoman.dialects.openai_logprobs import decode_tokens
from dragoman.dialects.openai_responses.ends import FAILED, decode_stop, decode_usage
from dragoman.dialects.openai_responses.items import CUSTOM, FIRST, MORE, decode_item
from dragoman.dialects.openai_responses.parts import Lenient, decode_citation, decode_seal
from dragoman.dialects.openai_responses.whole import answer_extra

DIALECT = "openai.responses"
WIDTH = 1 << 16
"""Parts of one item get neighbouring indexes, so that parts are ordered as their items are."""
_decode = msgspec.json.Decoder().decode


@dataclass(slots=True)
class _Part:
    """A part of an item as it comes in."""

    index: int
    part: AnyPart
    text: list[str] = field(default_factory=list)
    notes: int = 0
    weighed: bool = False  # its tokens' probabilities were told
    open: bool = True

    def told(self) -> str:
        return "".join(self.text)


@dataclass(slots=True)
class _Item:
    """An item as it comes in: a message with its contents, a thought, a call, or something known at its end only."""

    order: int
    kind: str = ""
    extra: Extra = field(default_factory=dict)
    parts: dict[int, _Part] = field(default_factory=dict)  # by content index; thoughts and calls have one, at 0
    section: int | None = None  # of a thought: the part of its summary that is being told
    plain: bool = False  # of a thought: told in its own words
    wire: Wire = field(default_factory=dict)
    done: bool = False


class Decoder:
    """Items are open by output_index, texts within them by content_index."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._halves = Halves()
        self._started = False
        self._finished = False
        self._items: dict[int, _Item] = {}  # by order
        self._ids: dict[str, _Item] = {}
        self._last: _Item | None = None
        self._first: Extra = {}
        self._id = ""
        self._called = 0

    def feed(self, frame: Frame) -> Iterator[Event]:
        if self._finished:
            return iter(())
        try:
            wire = _decode(frame.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if frame.data.strip() in (b"", b"[DONE]"):  # OpenRouter's
                return iter(())
            try:
                wire = self._halves.read(frame.data)
            except ValueError:
                message = "the provider's stream holds something that is not JSON"
                raise GatewayError(Kind.UPSTREAM, message, code="upstream_invalid_response") from None
        if type(wire) is not dict:
            return iter(())
        kind = wire.get("type")
        if type(kind) is not str or kind == "error":
            if kind == "error" or wire.get("error") or frame.event == "error":
                raise decode_error(0, wire, {})
            kind = frame.event
        read = READERS.get(kind)
        out: list[Event] = []
        if read is not None:
            read(self, wire, out)
        return iter(out)

    def close(self) -> Iterator[Event]:
        if not self._finished:
            raise GatewayError(
                Kind.UPSTREAM, "the provider's stream ended before the answer was complete", code="upstream_truncated"
            )
        return iter(())

    # -- the answer around its items

    def _begin(self, wire: Wire, out: list[Event]) -> None:
        response = wire.get("response")
        self._start(response if type(response) is dict else {}, out)

    def _start(self, response: Wire, out: list[Event]) -> None:
        if self._started:
            return
        self._started = True
        id, model = response.get("id"), response.get("model")
        self._id = id if type(id) is str else ""
        self._first = answer_extra(response)
        known = {name: value for name, value in self._first.items() if name not in ENDING}
        out.append(Start(DIALECT, self._id, model if type(model) is str else "", extra=known))

    def _finish(self, wire: Wire, out: list[Event]) -> None:
        response = wire.get("response")
        response = response if type(response) is dict else {}
        if response.get("status") in FAILED:
            self._fail(wire, out)
        self._start(response, out)
        items = response.get("output")
        for i, item in enumerate(items if type(items) is list else ()):
            if type(item) is dict and not self._known(i, item):
                self._item_done({"output_index": i, "item": item}, out)
        for each in sorted(self._items.values(), key=lambda item: item.order):
            self._end_item(each, out)
        self._finished = True
        if "status" not in response and wire.get("type") == "response.incomplete":
            response = response | {"status": "incomplete"}
        left = answer_extra(response)
        extra = {name: value for name, value in left.items() if name in ENDING or self._first.get(name) != value}
        stop, usage = decode_stop(response, self._called > 0), decode_usage(response.get("usage"))
        out.append(Finish(stop=stop, usage=usage, extra=extra))

    def _known(self, at: int, item: Wire) -> bool:
        id = item.get("id")
        found = self._ids.get(id) if type(id) is str else None
        found = found or self._items.get(at)
        return found is not None and (found.done or found.kind != item.get("type"))

    def _fail(self, wire: Wire, out: list[Event]) -> None:
        response = wire.get("response")
        error = response.get("error") if type(response) is dict else None
        raise decode_error(0, {"error": error} if type(error) is dict else wire.get("error") or {}, {})

    # -- items

    def _item(self, wire: Wire, out: list[Event], kind: str = "") -> _Item:
        """Which item an event is of: by id, by place, or else the last (llama.cpp leaves things out)."""
        self._start({}, out)
        id, at = wire.get("item_id"), wire.get("output_index")
        found = self._ids.get(id) if type(id) is str else None
        if found is None and type(at) is int:
            found = self._items.get(at)
        if found is None and type(at) is not int and self._last is not None and self._last.kind in ("", kind):
            found = self._last
        if found is None:
            found = self._new(at)
        if type(id) is str and id not in self._ids:
            self._ids[id] = found
        found.kind = found.kind or kind
        self._last = found
        return found

    def _new(self, at: Json) -> _Item:
        order = (
            at if type(at) is int and 0 <= at < WIDTH and at not in self._items else max(self._items, default=-1) + 1
        )
        item = self._items[order] = _Item(order)
        return item

    def _added(self, wire: Wire, out: list[Event]) -> None:
        self._start({}, out)
        raw = wire.get("item")
        if type(raw) is not dict:
            return
        id, at, kind = raw.get("id"), wire.get("output_index"), raw.get("type")
        known = self._items.get(at) if type(at) is int else None
        item = self._new(at) if known is None or known.kind or known.parts else known
        if type(id) is str and id:
            self._ids[id] = item
        item.kind = kind if type(kind) is str else ""
        item.extra = {name: value for name, value in raw.items() if name not in READ and not asks_nothing(name, value)}
        item.extra = {QUIET + name if name in HUSHED else name: value for name, value in item.extra.items()}
        item.wire = raw
        self._last = item
        if item.kind in CALLS and raw.get("call_id") and raw.get("name"):
            self._part(item, 0, out)

    def _part(self, item: _Item, slot: int, out: list[Event], refusal: bool = False) -> _Part:
        """The part at a slot of an item, opened if it is not."""
        found = item.parts.get(slot)
        if found is not None:
            return found
        part: AnyPart
        if item.kind in CALLS:
            part = self._call(item)
        elif item.kind == "reasoning":
            part = Reasoning(summary=not item.plain, extra=item.extra)
        else:
            extra: Extra = {MORE: None} if item.parts else item.extra | {FIRST: None}
            part = Refusal(text="", extra=extra) if refusal else Text(text="", extra=extra)
        found = _Part(item.order * WIDTH + slot, part)
        item.parts[slot] = found
        out.append(PartStart(found.index, part))
        if isinstance(part, ToolCall) and item.kind == CUSTOM:
            out.append(PartDelta(found.index, '{"input":"'))
        return found

    def _call(self, item: _Item) -> ToolCall:
        wire = item.wire
        id, name = wire.get("call_id"), wire.get("name")
        if type(id) is not str or not id:
            self._id = self._id or self._ctx.new_id("")
            id = f"call_{legal_name(self._id, 30)}_{self._called}"
        self._called += 1
        extra = item.extra | ({QUIET + "type": CUSTOM} if item.kind == CUSTOM else {})
        name = name if type(name) is str and name else f"tool_{self._called - 1}"
        return ToolCall(id=id, name=self._ctx.original(name), extra=extra)

    def _grow(self, part: _Part, text: str, out: list[Event]) -> None:
        if text and part.open:
            part.text.append(text)
            custom = QUIET + "type" in part.part.extra and isinstance(part.part, ToolCall)
            out.append(PartDelta(part.index, dumps(text)[1:-1] if custom else text))

    def _fill(self, part: _Part, text: Json, out: list[Event]) -> None:
        """The whole text: what of it was not told yet, if that is its end."""
        if type(text) is str and part.open:
            told = part.told()
            if len(text) > len(told) and text.startswith(told):
                self._grow(part, text[len(told) :], out)

    # -- texts

    def _slot(self, wire: Wire, item: _Item) -> int:
        return place(wire.get("content_index"), max(item.parts, default=0))

    def _text(self, wire: Wire, out: list[Event]) -> None:
        item = self._item(wire, out, "message")
        if type(delta := wire.get("delta")) is str:
            refusal = wire.get("type") == "response.refusal.delta"
            part = self._part(item, self._slot(wire, item), out, refusal)
            self._grow(part, delta, out)
            if (tokens := decode_tokens(wire.get("logprobs"))) and part.open:
                part.weighed = True
                weighed(out, part.index, tokens)

    def _text_done(self, wire: Wire, out: list[Event]) -> None:
        item = self._item(wire, out, "message")
        refusal = "refusal" in wire
        text = wire.get("refusal" if refusal else "text")
        if text and type(text) is str:
            self._fill(self._part(item, self._slot(wire, item), out, refusal), text, out)

    def _content_added(self, wire: Wire, out: list[Event]) -> None:
        raw = wire.get("part")
        if type(raw) is dict and raw.get("type") in ("output_text", "refusal"):
            item = self._item(wire, out, "message")
            if item.kind == "message":
                slot = place(wire.get("content_index"), max(item.parts, default=-1) + 1)
                self._part(item, slot, out, raw["type"] == "refusal")

    def _content_done(self, wire: Wire, out: list[Event]) -> None:
        raw = wire.get("part")
        if type(raw) is not dict or raw.get("type") not in ("output_text", "refusal"):
            return
        item = self._item(wire, out, "message")
        if item.kind == "message":
            self._content(item, self._slot(wire, item), raw, out)

    def _content(self, item: _Item, slot: int, raw: Wire, out: list[Event]) -> None:
        """A content part known whole: what of it was not told yet, and its end."""
        refusal = raw.get("type") == "refusal"
        part = self._part(item, slot, out, refusal)
        self._fill(part, raw.get("refusal" if refusal else "text"), out)
        notes = raw.get("annotations")
        for note in (notes if type(notes) is list else [])[part.notes :]:
            self._note(part, note, out)
        if part.open and not part.weighed and (tokens := decode_tokens(raw.get("logprobs"))):
            weighed(out, part.index, tokens)
        self._end_part(part, out)

    def _annotation(self, wire: Wire, out: list[Event]) -> None:
        item = self._item(wire, out, "message")
        if item.kind == "message":
            self._note(self._part(item, self._slot(wire, item), out), wire.get("annotation"), out)

    def _note(self, part: _Part, note: Json, out: list[Event]) -> None:
        if type(note) is dict and part.open and isinstance(part.part, Text):
            part.notes += 1
            citation: Citation = decode_citation(Lenient(note))
            out.append(PartDelta(part.index, citations=(citation,)))

    # -- thoughts

    def _thought(self, wire: Wire, out: list[Event]) -> None:
        """More of a thought. Parts of a summary are paragraphs; of a thought told both ways the first way counts."""
        item = self._item(wire, out, "reasoning")
        plain = wire.get("type") == "response.reasoning_text.delta"
        delta = wire.get("delta")
        if item.kind != "reasoning" or type(delta) is not str or not delta:
            return
        if not item.parts:
            item.plain = plain
        if item.plain is plain:
            self._paragraph(item, wire, delta, out)

    def _paragraph(self, item: _Item, wire: Wire, text: str, out: list[Event]) -> None:
        part = self._part(item, 0, out)
        at = wire.get("content_index" if item.plain else "summary_index")
        at = at if type(at) is int else item.section or 0
        if item.section not in (None, at) and part.text:
            self._grow(part, "\n\n", out)
        item.section = at
        self._grow(part, text, out)

    def _thought_done(self, wire: Wire, out: list[Event]) -> None:
        """A part of a thought known whole, told in no deltas."""
        item = self._item(wire, out, "reasoning")
        plain = wire.get("type") == "response.reasoning_text.done"
        text = wire.get("text")
        if item.kind != "reasoning" or type(text) is not str or not text:
            return
        if not item.parts:
            item.plain = plain
        at = wire.get("content_index" if plain else "summary_index")
        if item.plain is plain and (item.section is None or (type(at) is int and at > item.section)):
            self._paragraph(item, wire, text, out)

    # -- calls

    def _argument(self, wire: Wire, out: list[Event]) -> None:
        custom = "custom" in str(wire.get("type"))
        item = self._item(wire, out, CUSTOM if custom else "function_call")
        if item.kind in CALLS and type(delta := wire.get("delta")) is str:
            if not item.parts and not item.wire:
                item.wire = wire
            self._grow(self._part(item, 0, out), delta, out)

    def _argument_done(self, wire: Wire, out: list[Event]) -> None:
        """A call opens when its name is known: that may be at its very end."""
        custom = "custom" in str(wire.get("type"))
        item = self._item(wire, out, CUSTOM if custom else "function_call")
        if item.kind in CALLS and item.parts:
            self._fill(item.parts[0], wire.get("input" if custom else "arguments"), out)

    # -- the end of an item

    def _item_done(self, wire: Wire, out: list[Event]) -> None:
        raw = wire.get("item")
        if type(raw) is not dict:
            return
        id = raw.get("id")
        item = self._item(wire | ({"item_id": id} if "item_id" not in wire else {}), out)
        if item.done:
            return
        kind = raw.get("type")
        item.kind = item.kind or (kind if type(kind) is str else "")
        if not item.parts:
            self._whole(item, raw, out)
            return
        if item.kind == "message":
            contents = raw.get("content")
            for slot, content in enumerate(contents if type(contents) is list else ()):
                if type(content) is dict and content.get("type") in ("output_text", "refusal"):
                    self._content(item, slot, content, out)
        elif item.kind in CALLS:
            self._fill(item.parts[0], raw.get("input" if item.kind == CUSTOM else "arguments"), out)
        elif item.kind == "reasoning":
            self._sealed(item.parts[0], raw, out)
        self._end_item(item, out)

    def _sealed(self, part: _Part, raw: Wire, out: list[Event]) -> None:
        seal = raw.get("encrypted_content")
        signature = decode_seal(seal if type(seal) is str else None).signature
        if signature is not None and part.open:
            out.append(PartDelta(part.index, signature=signature))

    def _whole(self, item: _Item, raw: Wire, out: list[Event]) -> None:
        """An item nothing was told of before."""
        item.done = True
        for slot, part in enumerate(decode_item(Lenient(raw), self._ctx)):
            if isinstance(part, ToolCall):
                if not part.id or not part.name:
                    item.wire = raw
                    made = self._call(item)
                    part = replace(part, id=part.id or made.id, name=part.name or made.name)
                else:
                    self._called += 1
            index = item.order * WIDTH + slot
            item.parts[slot] = _Part(index, part, open=False)
            out.extend(whole(index, part))

    def _end_part(self, part: _Part, out: list[Event]) -> None:
        if part.open:
            part.open = False
            if isinstance(part.part, ToolCall) and QUIET + "type" in part.part.extra:
                out.append(PartDelta(part.index, '"}'))
            out.append(PartEnd(part.index))

    def _end_item(self, item: _Item, out: list[Event]) -> None:
        if not item.done and not item.parts and item.kind in CALLS and item.wire:
            self._part(item, 0, out)
        item.done = True
        for _, part in sorted(item.parts.items()):
            self._end_part(part, out)


def place(index: Json, default: int) -> int:
    """A content index, if it is one; llama.cpp sends none (2026)."""
    return index if type(index) is int and 0 <= index < WIDTH else default


CALLS = ("function_call", CUSTOM)
READ = ("type", "content", "summary", "encrypted_content", "arguments", "input", "call_id", "name", "status", "result")
HUSHED = ("id", "phase", "role", "namespace")
ENDS = ("status", "error", "incomplete_details", "usage")
ENDING = {*ENDS, *(QUIET + name for name in ENDS)}
"""Leftovers that tell how an answer ended, never how it began."""

READERS: dict[str, Callable[[Decoder, Wire, list[Event]], None]] = {
    "response.created": Decoder._begin,
    "response.queued": Decoder._begin,
    "response.in_progress": Decoder._begin,
    "response.output_item.added": Decoder._added,
    "response.output_item.done": Decoder._item_done,
    "response.content_part.added": Decoder._content_added,
    "response.content_part.done": Decoder._content_done,
    "response.output_text.delta": Decoder._text,
    "response.output_text.done": Decoder._text_done,
    "response.output_text.annotation.added": Decoder._annotation,
    "response.refusal.delta": Decoder._text,
    "response.refusal.done": Decoder._text_done,
    "response.reasoning_summary_text.delta": Decoder._thought,
    "response.reasoning_summary_text.done": Decoder._thought_done,
    "response.reasoning_text.delta": Decoder._thought,
    "response.reasoning_text.done": Decoder._thought_done,
    "response.function_call_arguments.delta": Decoder._argument,
    "response.function_call_arguments.done": Decoder._argument_done,
    "response.custom_tool_call_input.delta": Decoder._argument,
    "response.custom_tool_call_input.done": Decoder._argument_done,
    "response.completed": Decoder._finish,
    "response.incomplete": Decoder._finish,
    "response.failed": Decoder._fail,
    "response.cancelled": Decoder._fail,
}
"""What reads each event; those of other types are passed over."""
