"""A stream of OpenAI's Chat Completions, as strict as its strictest clients. It knows nothing of the gateway."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .base import Validator, is_count, is_object_text, is_text

REASONS = ("stop", "length", "tool_calls", "content_filter", "function_call")
TEXTS = ("content", "refusal", "reasoning_content", "reasoning")


@dataclass
class _Choice:
    ended: str = ""  # its finish_reason
    spoken: bool = False  # whether a delta of it has come: only the first one has the role
    calls: list[dict[str, str]] = field(default_factory=list)
    function: dict[str, str] | None = None  # a call as it was spelled before November 2023


class Chat(Validator):
    dialect = "openai.chat"
    RULES = {
        "json": "every event is a JSON object, or [DONE]",
        "name": "events have no name",
        "object": "object is chat.completion.chunk",
        "head": "id is a text, model a string, created a whole number",
        "constant": "id, created and model are the same in every chunk",
        "choices": "choices is a list of objects, each with an index and a delta",
        "index": "choices are numbered from 0 without a gap",
        "role": "the role is assistant, said once, in the first delta of a choice",
        "delta": "texts in a delta are strings",
        "finish-key": "every choice says finish_reason, null until the end",
        "finish": "each choice has exactly one finish_reason, a known one",
        "after-finish": "a choice says nothing after its finish_reason",
        "finish-calls": "tool_calls is the reason only where there is a call",
        "call-index": "calls are numbered from 0 in the order they come",
        "call-head": "a call's id, type and name come once, in its first delta",
        "call-ids": "no two calls have one id",
        "call-arguments": "arguments are strings that add up to a JSON object, unless the answer was cut",
        "usage": "usage comes once, after every end, with counts that add up",
        "usage-alone": "the chunk with usage has no choices, and a chunk without choices has usage",
        "error": "an error is an object with message, type, code and perhaps param",
        "error-after-end": "no error follows the end of every choice: that end was made up",
        "ended": "the stream ends with [DONE], or with an error",
        "last": "nothing follows [DONE] or an error",
        "done": "[DONE] stands only after every choice has ended",
    }

    ECHOES = frozenset({"choices", "finish", "role"})

    def __init__(self) -> None:
        super().__init__()
        self._head: dict[str, Any] = {}
        self._choices: dict[int, _Choice] = {}
        self._counted = False

    def _event(self, text: str, name: str) -> None:
        self.demand("name", not name, name)
        if text == "[DONE]":
            self.end = "whole"
            ended = self._choices and all(choice.ended for choice in self._choices.values())
            self.demand("done", ended, "a choice has not ended")
            return
        wire = self.object(text)
        if "error" in wire:
            self._error(wire)
            return
        self.demand("object", wire.get("object") == "chat.completion.chunk", wire.get("object"))
        head = is_text(wire.get("id")) and isinstance(wire.get("model"), str) and is_count(wire.get("created"))
        self.demand("head", head, text)
        self.constant("constant", self._head, wire, "id", "created", "model")
        choices = wire.get("choices")
        if not self.demand("choices", isinstance(choices, list), text):
            return
        for choice in choices:
            whole = isinstance(choice, dict) and is_count(choice.get("index")) and isinstance(choice.get("delta"), dict)
            if self.demand("choices", whole, text):
                self._choice(choice)
        self._usage(wire, bool(choices))

    def _error(self, wire: dict[str, Any]) -> None:
        self.end = "error"
        error = wire["error"]
        known = isinstance(error, dict) and {"message", "type", "code"} <= set(error) and set(wire) == {"error"}
        if self.demand("error", known, wire):
            texts = all(error.get(name) is None or is_text(error[name]) for name in ("code", "param"))
            self.demand("error", is_text(error["message"]) and is_text(error["type"]) and texts, error)
        ended = [choice.ended for choice in self._choices.values()]
        self.demand("error-after-end", not ended or not all(ended), error)

    def _usage(self, wire: dict[str, Any], choices: bool) -> None:
        usage = wire.get("usage")
        if usage is None:
            self.demand("usage-alone", choices, wire)
            return
        self.demand("usage-alone", not choices, wire)
        ended = all(choice.ended for choice in self._choices.values())
        self.demand("usage", not self._counted and self._choices and ended, "said twice, or before the end")
        self._counted = True
        counts = [usage.get(f"{name}_tokens") for name in ("prompt", "completion", "total")]
        if self.demand("usage", all(map(is_count, counts)), usage):
            self.demand("usage", counts[0] + counts[1] == counts[2], usage)

    def _choice(self, wire: dict[str, Any]) -> None:
        index, delta = wire["index"], wire["delta"]
        if index not in self._choices:
            self.demand("index", index == self.first + len(self._choices), index)
        choice = self._choices.setdefault(index, _Choice())
        said = {name: value for name, value in delta.items() if value not in (None, "", [])}
        self.demand("after-finish", not (choice.ended and said), delta)
        self._delta(choice, delta)
        choice.spoken = True
        self.demand("finish-key", "finish_reason" in wire, wire)
        reason = wire.get("finish_reason")
        if reason is not None:
            self.demand("finish", reason in REASONS and not choice.ended, reason)
            choice.ended = reason or "?"
            self._finish(choice, reason)

    def _finish(self, choice: _Choice, reason: str) -> None:
        if reason == "tool_calls":
            self.demand("finish-calls", choice.calls, "there is no call")
        if reason not in ("length", "content_filter"):
            for call in choice.calls:
                self.demand("call-arguments", call.get("type") == "custom" or is_object_text(call["arguments"]), call)

    def _delta(self, choice: _Choice, delta: dict[str, Any]) -> None:
        role = delta.get("role")
        self.demand("role", role is None if choice.spoken else role == "assistant", delta)
        texts = [delta[name] for name in TEXTS if name in delta]
        self.demand("delta", all(text is None or isinstance(text, str) for text in texts), delta)
        if (function := delta.get("function_call")) is not None:
            self._function(choice, function)
        calls = delta.get("tool_calls")
        if self.demand("call-index", calls is None or isinstance(calls, list), delta):
            for call in calls or ():
                self._call(choice, call)

    def _function(self, choice: _Choice, function: Any) -> None:
        if not self.demand("call-head", isinstance(function, dict), function):
            return
        first, choice.function = choice.function is None, choice.function or {"arguments": ""}
        self.demand("call-head", is_text(function.get("name")) if first else "name" not in function, function)
        if self.demand("call-arguments", isinstance(function.get("arguments", ""), str), function):
            choice.function["arguments"] += function.get("arguments", "")

    def _call(self, choice: _Choice, wire: Any) -> None:
        index = wire.get("index") if isinstance(wire, dict) else None
        known = is_count(index) and index <= len(choice.calls)
        if not self.demand("call-index", known, wire) or index is None or index > len(choice.calls):
            return
        inner = wire.get("function") or wire.get("custom") or {}
        first = index == len(choice.calls)
        if first:
            kind, id = wire.get("type"), wire.get("id")
            whole = is_text(id) and kind in ("function", "custom") and is_text(inner.get("name"))
            self.demand("call-head", whole and kind in wire, wire)
            self.demand("call-ids", all(call["id"] != id for call in choice.calls), id)
            choice.calls.append({"id": str(id), "type": str(kind), "arguments": ""})
        else:
            self.demand("call-head", not (wire.get("id") or wire.get("type") or inner.get("name")), wire)
        arguments = inner.get("arguments", inner.get("input", ""))
        if self.demand("call-arguments", isinstance(arguments, str), wire):
            choice.calls[index]["arguments"] += arguments
