"""A stream of Bedrock's Converse, as strict as Amazon's own service model and clients. It knows nothing of the gateway."""

from __future__ import annotations

from typing import Any

from .base import Validator, is_count, is_object_text, is_text

DELTAS = {
    "text": ("text", "citation"),
    "reasoningContent": ("reasoningContent",),
    "toolUse": ("toolUse",),
    "toolResult": ("toolResult",),
    "image": ("image",),
}
"""Which deltas a block of a kind may have."""
STARTED = {"toolUse": ("toolUseId", "name"), "toolResult": ("toolUseId",), "image": ("format",)}
"""The kinds that have a start of their own, and what it must hold; the others begin with their first delta."""
STOPS = (
    "end_turn", "tool_use", "max_tokens", "stop_sequence", "guardrail_intervened", "content_filtered",
    "malformed_model_output", "malformed_tool_use", "model_context_window_exceeded",
)  # fmt: skip
EXCEPTIONS = (
    "internalServerException", "modelStreamErrorException", "validationException", "throttlingException",
    "serviceUnavailableException",
)  # fmt: skip
EVENTS = ("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata")
COUNTS = ("inputTokens", "outputTokens", "totalTokens")


class Converse(Validator):
    dialect = "bedrock.converse"
    RULES = {
        "json": "every event is a JSON object",
        "name": "there are six events and five exceptions",
        "first": "messageStart is the first event, of the assistant, and comes once",
        "block-index": "blocks are numbered from 0 without a gap",
        "block-order": "one block is open at a time, and events of a block belong to the open one",
        "start": "only calls, results and images have a start, with all that theirs must hold",
        "delta": "a delta is one thing, fits its block, and holds what it says",
        "signature": "a signature comes once, and no thought after it in the same block",
        "arguments": "a call's input is a JSON object, unless the answer was cut",
        "stop": "messageStop comes once, after all blocks, and says why in a known word",
        "stop-calls": "tool_use is the reason only where there is a call",
        "usage": "metadata follows it, with counts that add up",
        "error": "an exception has a message",
        "ended": "the stream ends with metadata, or with an exception",
        "last": "nothing follows metadata or an exception",
    }
    ECHOES = frozenset({"arguments", "stop-calls", "usage", "signature"})

    def __init__(self) -> None:
        super().__init__()
        self._began = self._stopped = False
        self._blocks: list[dict[str, Any]] = []
        self._open: dict[str, Any] | None = None

    def _event(self, text: str, name: str) -> None:
        wire = self.object(text)
        if name.endswith("Exception"):
            self.end = "error"
            self.demand("name", name in EXCEPTIONS, name)
            self.demand("error", is_text(wire.get("message")), wire)
            return
        if not self.demand("name", name in EVENTS, name):
            return
        self.demand("first", (name == "messageStart") != self._began, name)
        match name:
            case "messageStart":
                self._began = True
                self.demand("first", wire.get("role") == "assistant", wire)
            case "contentBlockStart":
                self._start(wire)
            case "contentBlockDelta":
                self._delta(wire)
            case "contentBlockStop":
                self._of_open(wire)
                self._open = None
            case "messageStop":
                self._stop(wire)
            case _:
                self._metadata(wire)

    # -- blocks

    def _start(self, wire: dict[str, Any]) -> None:
        start = wire.get("start")
        kind = next(iter(start), "") if isinstance(start, dict) and len(start) == 1 else ""
        held = start[kind] if kind else None
        whole = isinstance(held, dict) and all(is_text(held.get(member)) for member in STARTED.get(kind, ("?",)))
        self.demand("start", whole, start)
        self._opened(kind, wire)

    def _opened(self, kind: str, wire: dict[str, Any]) -> None:
        self.demand("block-order", self._open is None and not self._stopped, wire)
        self.demand("block-index", wire.get("contentBlockIndex") == len(self._blocks), wire)
        self._open = {"kind": kind, "said": "", "signed": False}
        self._blocks.append(self._open)

    def _of_open(self, wire: dict[str, Any]) -> bool:
        mine = self._open is not None and wire.get("contentBlockIndex") == len(self._blocks) - 1
        return self.demand("block-order", mine, wire)

    def _delta(self, wire: dict[str, Any]) -> None:
        delta = wire.get("delta")
        if not self.demand("delta", isinstance(delta, dict) and len(delta) == 1, delta):
            return
        [(kind, value)] = delta.items()
        if self._open is None and kind not in STARTED:
            self._opened("text" if kind == "citation" else kind, wire)
        if not self._of_open(wire):
            return
        block = self._open or {}
        self.demand("delta", kind in DELTAS.get(block["kind"], ()), f"{kind} in {block}")
        shape = str if kind == "text" else list if kind == "toolResult" else dict
        if not self.demand("delta", isinstance(value, shape), value):
            return
        if kind == "toolUse" and self.demand("delta", isinstance(value.get("input"), str), value):
            block["said"] += value["input"]
        if kind == "reasoningContent":
            self._thought(block, value)

    def _thought(self, block: dict[str, Any], value: dict[str, Any]) -> None:
        one = len(value) == 1 and all(map(is_text, value.values()))
        if not self.demand("delta", one and value.keys() <= {"text", "signature", "redactedContent"}, value):
            return
        self.demand("signature", not block["signed"], "something after the signature")
        block["signed"] = "signature" in value

    # -- the end

    def _stop(self, wire: dict[str, Any]) -> None:
        self.demand("stop", self._open is None and not self._stopped, "the second one, or in a block")
        self._stopped = True
        reason = wire.get("stopReason")
        self.demand("stop", reason in STOPS, wire)
        calls = [block for block in self._blocks if block["kind"] == "toolUse"]
        self.demand("stop-calls", reason != "tool_use" or calls, "there is no call")
        if reason not in ("max_tokens", "model_context_window_exceeded", "malformed_tool_use"):
            self.demand("arguments", all(is_object_text(block["said"] or "{}") for block in calls), calls)

    def _metadata(self, wire: dict[str, Any]) -> None:
        self.end = "whole"
        usage = wire.get("usage")
        counted = isinstance(usage, dict) and all(is_count(usage.get(name)) for name in COUNTS)
        if self.demand("usage", self._stopped and counted, wire):
            cached = usage.get("cacheReadInputTokens", 0) + usage.get("cacheWriteInputTokens", 0)
            self.demand("usage", usage["inputTokens"] + cached + usage["outputTokens"] == usage["totalTokens"], usage)
