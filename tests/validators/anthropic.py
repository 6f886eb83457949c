"""A stream of Anthropic's Messages, as strict as its strictest clients. It knows nothing of the gateway."""

from __future__ import annotations

from typing import Any

from .base import Validator, is_count, is_object_text, is_text

DELTAS = {
    "text": ("text_delta", "citations_delta"),
    "thinking": ("thinking_delta", "signature_delta"),
    "tool_use": ("input_json_delta",),
    "server_tool_use": ("input_json_delta",),
    "mcp_tool_use": ("input_json_delta",),
    "compaction": ("compaction_delta",),
}
"""Which deltas a block of a type may have; those of no other type grow."""
GROWTH = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "input_json_delta": "partial_json",
}
"""Which member of a delta holds its text."""
BORN: dict[str, dict[str, Any]] = {
    "text": {"text": ""},
    "thinking": {"thinking": "", "signature": ""},
    "tool_use": {"input": {}},
    "server_tool_use": {"input": {}},
    "mcp_tool_use": {"input": {}},
}
"""What a block that grows holds when it begins."""
NEEDED = {
    "tool_use": ("id", "name"),
    "server_tool_use": ("id", "name"),
    "mcp_tool_use": ("id", "name", "server_name"),
    "redacted_thinking": ("data",),
}
CALLS = ("tool_use", "server_tool_use", "mcp_tool_use")
STOPS = (
    "end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "compaction", "refusal",
    "model_context_window_exceeded",
)  # fmt: skip
ERRORS = (
    "invalid_request_error", "authentication_error", "billing_error", "permission_error", "not_found_error",
    "request_too_large", "rate_limit_error", "timeout_error", "api_error", "overloaded_error", "conflict_error",
)  # fmt: skip
KINDS = (
    "message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta",
    "message_stop", "ping", "error",
)  # fmt: skip


class Anthropic(Validator):
    dialect = "anthropic"
    RULES = {
        "json": "every event is a JSON object",
        "name": "an event's name is its type",
        "kind": "there are eight types of events",
        "first": "message_start is the first event, and comes once",
        "message": "the message begins empty, with id, model and role, and no reason to stop",
        "usage": "the counts of input and output are whole numbers, told at the beginning, and of output at the end",
        "block-index": "blocks are numbered from 0 without a gap",
        "block-order": "one block is open at a time, and events of a block belong to the open one",
        "block-born": "a block begins empty, with all that its type must have",
        "delta": "a delta fits the type of its block, and holds what its type says",
        "signature": "a signature comes once, and no thought after it in the same block",
        "empty-text": "a text block has a text: an empty one cannot be sent back",
        "arguments": "a call's input is a JSON object, unless the answer was cut",
        "delta-once": "message_delta comes once, after all blocks",
        "stop-reason": "it says why the answer ended, in a known word",
        "stop-calls": "tool_use is the reason only where there is a call",
        "stop": "message_stop follows message_delta",
        "error": "an error has a known type and a message",
        "error-after-end": "no error follows message_delta: that end was made up",
        "ended": "the stream ends with message_stop, or with an error",
        "last": "nothing follows message_stop or an error",
    }

    ECHOES = frozenset({"message", "usage", "block-born", "signature", "arguments", "stop-reason", "stop-calls"})

    def __init__(self) -> None:
        super().__init__()
        self._began = self._told = False  # message_start, message_delta
        self._blocks: list[dict[str, Any]] = []
        self._open: dict[str, Any] | None = None

    def _event(self, text: str, name: str) -> None:
        wire = self.object(text)
        kind = wire.get("type")
        self.demand("name", name == kind, f"{name} is not {kind}")
        if kind == "ping" or not self.demand("kind", kind in KINDS, kind):
            return
        self.demand("first", (kind == "message_start") != self._began or kind == "error", text)
        match kind:
            case "message_start":
                self._start(wire.get("message"))
            case "content_block_start":
                self._block(wire)
            case "content_block_delta":
                if self._of_open(wire):
                    self._delta(wire.get("delta"))
            case "content_block_stop":
                if self._of_open(wire):
                    self._block_end()
            case "message_delta":
                self._message_delta(wire)
            case "message_stop":
                self.demand("stop", self._told, "no message_delta before it")
                self.end = "whole"
            case "error":
                self._error(wire)

    def _start(self, message: Any) -> None:
        self._began = True
        if not self.demand("message", isinstance(message, dict), message):
            return
        fixed = {"type": "message", "role": "assistant", "content": [], "stop_reason": None, "stop_sequence": None}
        same = all(name in message and message[name] == value for name, value in fixed.items())
        self.demand("message", same and is_text(message.get("id")) and isinstance(message.get("model"), str), message)
        usage = message.get("usage")
        counted = isinstance(usage, dict) and all(is_count(usage.get(f"{n}_tokens")) for n in ("input", "output"))
        self.demand("usage", counted, usage)

    # -- blocks

    def _block(self, wire: dict[str, Any]) -> None:
        self.demand("block-order", self._open is None and not self._told, wire)
        self.demand("block-index", wire.get("index") == len(self._blocks), wire)
        block = wire.get("content_block")
        if not self.demand("block-born", isinstance(block, dict) and is_text(block.get("type")), wire):
            block = {"type": "?"}
        kind = block["type"]
        born = BORN.get(kind, {})
        self.demand("block-born", all(name in block and block[name] == value for name, value in born.items()), block)
        self.demand("block-born", all(is_text(block.get(name)) for name in NEEDED.get(kind, ())), block)
        self._open = {"type": kind, "said": "", "signed": False, "deltas": 0}
        self._blocks.append(self._open)

    def _of_open(self, wire: dict[str, Any]) -> bool:
        mine = self._open is not None and wire.get("index") == len(self._blocks) - 1
        return self.demand("block-order", mine, wire)

    def _delta(self, delta: Any) -> None:
        block = self._open or {}
        kind = delta.get("type") if isinstance(delta, dict) else None
        if not self.demand("delta", kind in DELTAS.get(block["type"], ()), f"{kind} in {block}"):
            return
        if member := GROWTH.get(kind):
            if not self.demand("delta", isinstance(delta.get(member), str), delta):
                return
            if kind == "signature_delta":
                self.demand("signature", delta[member] and not block["signed"], "a second one, or none")
                block["signed"] = True
            else:
                self.demand("signature", not (block["signed"] and delta[member]), "a thought after its signature")
                block["said"] += delta[member]
        elif kind == "citations_delta":
            self.demand("delta", isinstance(delta.get("citation"), dict), delta)

    def _block_end(self) -> None:
        block, self._open = self._open or {}, None
        if block["type"] == "text":
            self.demand("empty-text", block["said"], "a block without a text")

    # -- the end

    def _message_delta(self, wire: dict[str, Any]) -> None:
        self.demand("delta-once", not self._told and self._open is None, "the second one, or in a block")
        self._told = True
        delta = wire.get("delta")
        delta = delta if isinstance(delta, dict) else {}
        reason = delta.get("stop_reason")
        self.demand("stop-reason", reason in STOPS and "stop_sequence" in delta, delta)
        self.demand("stop-reason", reason != "stop_sequence" or is_text(delta.get("stop_sequence")), delta)
        usage = wire.get("usage")
        self.demand("usage", isinstance(usage, dict) and is_count(usage.get("output_tokens")), usage)
        calls = [block for block in self._blocks if block["type"] in CALLS]
        self.demand("stop-calls", reason != "tool_use" or calls, "there is no call")
        if reason not in ("max_tokens", "model_context_window_exceeded", "refusal"):
            self.demand("arguments", all(is_object_text(block["said"] or "{}") for block in calls), calls)

    def _error(self, wire: dict[str, Any]) -> None:
        self.end = "error"
        error = wire.get("error")
        if self.demand("error", isinstance(error, dict), wire):
            self.demand("error", error.get("type") in ERRORS and is_text(error.get("message")), error)
        self.demand("error-after-end", not self._told, error)
