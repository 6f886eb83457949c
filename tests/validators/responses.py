"""A stream of OpenAI's Responses, as strict as its strictest clients. It knows nothing of the gateway."""

from __future__ import annotations

from typing import Any

from .base import Validator, is_count, is_object_text, is_text

LIFE = {
    "response.created": ("in_progress", "queued"),
    "response.queued": ("queued",),
    "response.in_progress": ("in_progress",),
    "response.completed": ("completed",),
    "response.incomplete": ("incomplete",),
    "response.failed": ("failed",),
}
"""The events of the response itself, each with the states it may be in."""
ENDS = ("response.completed", "response.incomplete", "response.failed")
MEMBERS = (
    "id", "object", "created_at", "status", "error", "incomplete_details", "instructions", "metadata", "model",
    "output", "parallel_tool_calls", "temperature", "tool_choice", "tools", "top_p",
)  # fmt: skip
"""What openai-python's type of a response needs."""
TEXTS = {
    "response.output_text": ("message", "output_text", "text"),
    "response.refusal": ("message", "refusal", "refusal"),
    "response.reasoning_text": ("reasoning", "reasoning_text", "text"),
    "response.reasoning_summary_text": ("reasoning", "summary_text", "text"),
}
"""Texts of parts: the item's type, the part's type, and the member that holds the text."""
INPUTS = {
    "response.function_call_arguments": ("function_call", "arguments"),
    "response.custom_tool_call_input": ("custom_tool_call", "input"),
    "response.mcp_call_arguments": ("mcp_call", "arguments"),
    "response.code_interpreter_call_code": ("code_interpreter_call", "code"),
}
"""Texts of items: the item's type, and the member that holds the text."""


class _Part:
    """A part of a message's content, of reasoning's content or of its summary."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.said = ""
        self.told = False  # its .done with the text
        self.done = False  # its part.done
        self.notes: list[Any] = []
        self.whole: Any = None


class _Item:
    def __init__(self, wire: dict[str, Any]) -> None:
        self.id, self.kind = wire.get("id"), str(wire.get("type"))
        self.said = ""
        self.told = False
        self.parts: dict[str, list[_Part]] = {"content": [], "summary": []}
        self.whole: Any = None  # once it is done


class Responses(Validator):
    dialect = "openai.responses"
    RULES = {
        "json": "every event is a JSON object",
        "name": "an event's name is its type",
        "number": "sequence_number counts up from 0 without a gap",
        "first": "response.created is the first event, then response.in_progress, each once",
        "identity": "id, created_at and model of the response are the same in all its events",
        "members": "the response has all members that SDKs read without asking",
        "status": "the response's status fits its event; it begins without output",
        "item-index": "items are numbered from 0 without a gap",
        "item-born": "an item begins with an id and a type, and with nothing in it",
        "item-order": "one item is open at a time, and events of an item belong to the open one",
        "item-ids": "no two items have one id",
        "item-done": "an item ends once, as the same item, with the state it ended in",
        "part-index": "parts are numbered from 0 without a gap, and begin when the one before has ended",
        "part-born": "a part begins with its type, and empty if it grows",
        "part-order": "deltas belong to an open part of their type",
        "part-done": "a part ends once, after its text, as what was told",
        "text-done": "the deltas of a text add up to the text",
        "notes": "annotations are numbered from 0, and end as they were told",
        "content-done": "an item ends with the parts that were told",
        "input-done": "the deltas of a call's input add up to it",
        "arguments": "a function's arguments are a JSON object, unless the answer was cut",
        "output": "the response ends with the items that were told",
        "usage": "the response ends with counts that add up, with their details",
        "details": "an answer that is incomplete says why, where it knows; one that failed has an error",
        "error": "an error has code, message and param, or these in an object",
        "ended": "the stream ends with one terminal event",
        "last": "nothing follows the end; a failure may be told in both of its forms",
    }

    ECHOES = frozenset({"members", "usage", "item-done"})

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[str, Any] = {}
        self._items: list[_Item] = []
        self._kinds: list[str] = []

    def _may_follow(self, text: str, name: str) -> bool:
        """`response.failed` is for agents, `error` for SDKs: both may be told, in either order."""
        return self.end == "error" and {self._kinds[-1], name} == {"response.failed", "error"}

    def _event(self, text: str, name: str) -> None:
        wire = self.object(text)
        kind = str(wire.get("type"))
        self.demand("name", name == kind, f"{name} is not {kind}")
        self.demand("number", wire.get("sequence_number") == self.count, text)
        if kind != "error":
            self.demand("first", (kind == "response.created") == (not self._kinds), kind)
        self._kinds.append(kind)
        stem, _, verb = kind.rpartition(".")
        if kind in LIFE:
            self._life(kind, wire.get("response"))
        elif kind == "error":
            self._error(wire)
        elif kind == "response.output_item.added":
            self._added(wire)
        elif (item := self._item(wire)) is not None:
            self._of_item(item, stem, verb, wire)

    # -- the response

    def _life(self, kind: str, response: Any) -> None:
        if not self.demand("members", isinstance(response, dict), response):
            return
        missing = [name for name in MEMBERS if name not in response]
        self.demand("members", not missing and response["object"] == "response", missing)
        self.demand("members", is_text(response.get("id")) and isinstance(response.get("model"), str), response)
        self.constant("identity", self._known, response, "id", "created_at", "model")
        self.demand("status", response.get("status") in LIFE[kind], response.get("status"))
        if kind not in ENDS:
            self.demand("first", self._kinds.count(kind) == 1 and not self._items, kind)
            self.demand("status", response.get("output") == [], response)
            return
        self.demand("first", "response.in_progress" in self._kinds or kind == "response.failed", self._kinds)
        self.end = "error" if kind == "response.failed" else "whole"
        if kind == "response.failed":
            error = response.get("error")
            told = isinstance(error, dict) and is_text(error.get("code")) and is_text(error.get("message"))
            self.demand("details", told, error)
            return
        details = response.get("incomplete_details")
        why = isinstance(details, dict) and is_text(details.get("reason"))
        self.demand("details", details is None or (kind == "response.incomplete" and why), details)
        self.demand("item-done", all(item.whole is not None for item in self._items), "an item is still open")
        told = [item.whole for item in self._items]
        self.demand("output", lasting(response.get("output")) == lasting(told), response.get("output"))
        for item in self._items:
            if item.kind == "function_call" and kind == "response.completed":
                self.demand("arguments", is_object_text(item.said), item.said)
        self._usage(response.get("usage"))

    def _usage(self, usage: Any) -> None:
        names = ("input_tokens", "output_tokens", "total_tokens")
        if self.demand("usage", isinstance(usage, dict) and all(is_count(usage.get(n)) for n in names), usage):
            details = [usage.get(f"{name}_tokens_details") for name in ("input", "output")]
            self.demand("usage", all(isinstance(one, dict) for one in details), usage)
            self.demand("usage", usage["input_tokens"] + usage["output_tokens"] == usage["total_tokens"], usage)

    def _error(self, wire: dict[str, Any]) -> None:
        self.end = "error"
        error = wire.get("error", wire)
        told = isinstance(error, dict) and is_text(error.get("message")) and {"code", "param"} <= set(error)
        self.demand("error", told, wire)

    # -- items

    def _added(self, wire: dict[str, Any]) -> None:
        self.demand("item-order", all(item.whole is not None for item in self._items), wire)
        self.demand("item-index", wire.get("output_index") == len(self._items), wire)
        found = wire.get("item")
        item = found if isinstance(found, dict) else {}
        self.demand("item-born", is_text(item.get("id")) and is_text(item.get("type")), item)
        empty = {"content": [], "summary": [], "arguments": "", "input": ""}
        growing = {"message": ("content",), "function_call": ("arguments",), "reasoning": ("summary",)}
        for name in growing.get(str(item.get("type")), ()):
            self.demand("item-born", item.get(name) == empty[name], item)
        if item.get("type") == "message":
            self.demand("item-born", item.get("role") == "assistant", item)
        if item.get("type") == "function_call":
            self.demand("item-born", is_text(item.get("call_id")) and is_text(item.get("name")), item)
        self.demand("item-ids", item.get("id") not in [one.id for one in self._items], item.get("id"))
        self._items.append(_Item(item))

    def _item(self, wire: dict[str, Any]) -> _Item | None:
        """The item an event is of."""
        at = wire.get("output_index")
        item = self._items[at] if is_count(at) and at < len(self._items) else None
        inner = wire.get("item")
        id = inner.get("id") if isinstance(inner, dict) else wire.get("item_id")
        mine = item is not None and item.whole is None and item.id == id
        return item if self.demand("item-order", mine, wire) else None

    def _of_item(self, item: _Item, stem: str, verb: str, wire: dict[str, Any]) -> None:
        if stem in TEXTS:
            self._text(item, stem, verb, wire)
        elif stem in INPUTS:
            self._input(item, stem, verb, wire)
        elif stem == "response.output_item":
            self._item_done(item, wire["item"])
        elif stem in ("response.content_part", "response.reasoning_summary_part"):
            self._part(item, verb, wire)
        elif stem == "response.output_text.annotation":
            self._note(item, wire)
        else:  # how a server's own tool gets on: response.web_search_call.searching
            self.demand("item-order", stem.removeprefix("response.").partition(".")[0] == item.kind, wire)

    def _item_done(self, item: _Item, wire: dict[str, Any]) -> None:
        item.whole = wire
        self.demand("item-done", wire.get("type") == item.kind, wire)
        if item.kind in ("message", "function_call"):
            self.demand("item-done", wire.get("status") in ("completed", "incomplete"), wire)
        for name, parts in item.parts.items():
            self.demand("part-done", all(part.done for part in parts), f"a part of {name} is still open")
            whole = [part.whole for part in parts]
            self.demand("content-done", lasting(wire.get(name) or []) == lasting(whole), f"{wire} is not {whole}")
        for kind, member in INPUTS.values():
            if kind == item.kind and (item.told or kind in ("function_call", "custom_tool_call")):
                self.demand("input-done", item.told and (wire.get(member) or "") == item.said, wire)

    # -- parts and texts

    def _parts(self, item: _Item, wire: dict[str, Any]) -> tuple[list[_Part], Any]:
        if "summary_index" in wire:
            return item.parts["summary"], wire["summary_index"]
        return item.parts["content"], wire.get("content_index")

    def _at(self, item: _Item, wire: dict[str, Any], kind: str | None) -> _Part | None:
        """The open part an event is of."""
        parts, index = self._parts(item, wire)
        part = parts[index] if is_count(index) and index < len(parts) else None
        mine = part is not None and not part.done and kind in (None, part.kind)
        return part if self.demand("part-order", mine, wire) else None

    def _part(self, item: _Item, verb: str, wire: dict[str, Any]) -> None:
        parts, index = self._parts(item, wire)
        found = wire.get("part")
        told = found if isinstance(found, dict) else {}
        if verb == "added":
            self.demand("part-index", index == len(parts) and all(part.done for part in parts), wire)
            empty = not told.get("text") and not told.get("refusal") and not told.get("annotations")
            self.demand("part-born", is_text(told.get("type")) and empty, wire)
            parts.append(_Part(str(told.get("type"))))
            return
        part = self._at(item, wire, None)
        if part is not None:
            said = told.get("refusal" if part.kind == "refusal" else "text")
            whole = told.get("type") == part.kind and part.told and said == part.said
            self.demand("part-done", whole, f"{told} is not {part.said!r}")
            self.demand("notes", (told.get("annotations") or []) == part.notes, told)
            part.done, part.whole = True, told

    def _text(self, item: _Item, stem: str, verb: str, wire: dict[str, Any]) -> None:
        kind, part_kind, member = TEXTS[stem]
        self.demand("part-order", item.kind == kind, wire)
        part = self._at(item, wire, part_kind)
        if part is None:
            return
        if verb == "delta":
            if self.demand("text-done", isinstance(wire.get("delta"), str) and not part.told, wire):
                part.said += wire["delta"]
        else:
            self.demand("text-done", wire.get(member) == part.said and not part.told, f"{wire} is not {part.said!r}")
            part.told = True

    def _note(self, item: _Item, wire: dict[str, Any]) -> None:
        part = self._at(item, wire, "output_text")
        if part is not None:
            self.demand("notes", wire.get("annotation_index") == len(part.notes), wire)
            self.demand("notes", isinstance(wire.get("annotation"), dict), wire)
            part.notes.append(wire.get("annotation"))

    def _input(self, item: _Item, stem: str, verb: str, wire: dict[str, Any]) -> None:
        kind, member = INPUTS[stem]
        self.demand("item-order", item.kind == kind and not item.told, wire)
        if verb == "delta":
            if self.demand("input-done", isinstance(wire.get("delta"), str), wire):
                item.said += wire["delta"]
        else:
            self.demand("input-done", wire.get(member) == item.said, f"{wire} is not {item.said!r}")
            item.told = True


def lasting(wire: Any) -> Any:
    """Without what OpenAI itself tells otherwise each time: it encrypts anew, and tells probabilities once."""
    if isinstance(wire, dict):
        return {name: lasting(value) for name, value in wire.items() if name not in ("encrypted_content", "logprobs")}
    return [lasting(value) for value in wire] if isinstance(wire, list) else wire
