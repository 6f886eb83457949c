"""A stream of Gemini's generateContent, as events or as a JSON array, as strict as its strictest clients.

It knows nothing of the gateway.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

from .base import Validator, is_count, is_text

DATA = (
    "text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult",
    "toolCall", "toolResponse",
)  # fmt: skip
"""The members of a part of which it has exactly one."""
NAMES = (
    *DATA, "thoughtSignature", "videoMetadata", "mimeType", "fileUri", "finishReason", "usageMetadata", "modelVersion",
    "responseId", "promptFeedback", "blockReason", "groundingMetadata", "citationMetadata", "safetyRatings",
    "promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "totalTokenCount", "cachedContentTokenCount",
)  # fmt: skip
SNAKES = {re.sub("[A-Z]", lambda found: "_" + found[0].lower(), name) for name in NAMES} - set(NAMES)
"""Names as Google's Python libraries spell them, which no client reads in an answer."""
REASONS = (
    "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "LANGUAGE", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII",
    "MALFORMED_FUNCTION_CALL", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_OTHER", "NO_IMAGE",
    "IMAGE_RECITATION", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE",
    "MALFORMED_RESPONSE", "MODEL_ARMOR", "FINISH_REASON_UNSPECIFIED",
)  # fmt: skip
COUNTS = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "toolUsePromptTokenCount")


class Gemini(Validator):
    dialect = "gemini"
    RULES = {
        "json": "every chunk is a JSON object",
        "name": "events have no name",
        "case": "names are in camelCase",
        "chunk": "a chunk has candidates, or word of why there are none, or at its end counts",
        "index": "candidates are numbered from 0 without a gap",
        "candidate": "a candidate's content is the model's, with a list of parts",
        "part": "a part has exactly one kind of data",
        "text": "a text is a string, a mark of thought a boolean",
        "media": "inline data has a type and base64",
        "call": "a call comes whole: a name and arguments",
        "signature": "a signature is base64, beside the data of its part",
        "finish": "a finishReason is a known word, and comes once for each candidate",
        "after-finish": "no content of a candidate follows its finishReason",
        "usage": "counts only grow, and add up to their total",
        "constant": "modelVersion and responseId are the same in every chunk",
        "error": "an error has code, message and status, and stands first in its chunk",
        "error-after-end": "no error follows the end of every candidate: that end was made up",
        "ended": "the stream ends with a finishReason of each candidate, a blocked prompt, or an error",
        "last": "nothing follows an error",
        "array": "an array's elements are the chunks",
    }

    ECHOES = frozenset({"case", "chunk", "candidate", "index", "finish", "part", "signature", "usage", "ended"})

    def __init__(self) -> None:
        super().__init__()
        self._head: dict[str, Any] = {}
        self._ended: dict[int, bool] = {}  # candidates by their numbers
        self._counts: dict[str, int] = {}
        self._usage: dict[str, Any] = {}

    def feed_array(self, body: bytes) -> None:
        """The whole body of an answer to a request without alt=sse."""
        try:
            chunks = json.loads(body)
        except ValueError:
            chunks = None
        if self.demand("array", isinstance(chunks, list), body):
            for chunk in chunks:
                self.feed(json.dumps(chunk, ensure_ascii=False, separators=(",", ":")))

    def close(self) -> None:
        super().close()
        if self._usage:
            total = sum(self._counts.get(name, 0) for name in COUNTS)
            self.demand("usage", self._usage.get("totalTokenCount") == total, self._usage)

    def _may_follow(self, text: str, name: str) -> bool:
        return self.end == "whole"  # counts may; content may not, which is a rule of its own

    def _event(self, text: str, name: str) -> None:
        self.demand("name", not name, name)
        wire = self.object(text)
        if "error" in wire:
            self._error(wire, text)
            return
        self.demand("case", SNAKES.isdisjoint(names(wire)), text)
        self.constant("constant", self._head, wire, "modelVersion", "responseId")
        feedback = wire.get("promptFeedback")
        blocked = isinstance(feedback, dict) and "blockReason" in feedback
        candidates = wire.get("candidates")
        counts = bool(self.end) and "usageMetadata" in wire
        self.demand("chunk", (isinstance(candidates, list) and candidates) or blocked or counts, text)
        if blocked and not candidates:
            self.end = "whole"
        for candidate in candidates if isinstance(candidates, list) else ():
            if self.demand("candidate", isinstance(candidate, dict), text):
                self._candidate(candidate)
        if (usage := wire.get("usageMetadata")) is not None and self.demand("usage", isinstance(usage, dict), usage):
            self._count(usage)

    def _error(self, wire: dict[str, Any], text: str) -> None:
        error = wire["error"]
        told = isinstance(error, dict) and type(error.get("code")) is int and is_text(error.get("message"))
        known = told and re.fullmatch("[A-Z_]+", str(error.get("status")))
        self.demand("error", known and text.startswith('{"error":'), text)  # google-genai looks for just this
        self.demand("error-after-end", self.end != "whole", text)
        self.end = "error"

    def _candidate(self, candidate: dict[str, Any]) -> None:
        index = candidate.get("index", 0)
        index = index if is_count(index) else -1
        if index not in self._ended:
            self.demand("index", index == self.first + len(self._ended), index)
        reason = candidate.get("finishReason")
        content = candidate.get("content") or (None if reason else candidate.get("content"))  # {} where all is blocked
        parts: list[Any] = []
        if content is not None:
            role = isinstance(content, dict) and content.get("role") == "model"
            if self.demand("candidate", role and isinstance(content.get("parts"), list), candidate):
                parts = content["parts"]
        said = [part for part in parts if part != {"text": ""}]
        self.demand("after-finish", not (self._ended.get(index) and said), candidate)
        for part in parts:
            if self.demand("part", isinstance(part, dict), part):
                self._part(part)
        if reason is None:
            self.demand("candidate", content is not None, candidate)
            self._ended.setdefault(index, False)
            return
        self.demand("finish", reason in REASONS and not self._ended.get(index), reason)
        self._ended[index] = True
        self.end = "whole" if all(self._ended.values()) else ""

    def _part(self, part: dict[str, Any]) -> None:
        data = [name for name in part if name in DATA]
        self.demand("part", len(data) == 1, part)
        if "text" in part:
            thought = part.get("thought", False)
            self.demand("text", isinstance(part["text"], str) and isinstance(thought, bool), part)
        if (inline := part.get("inlineData")) is not None:
            whole = isinstance(inline, dict) and is_text(inline.get("mimeType"))
            self.demand("media", whole and is_base64(inline.get("data")), str(part)[:200])
        if (call := part.get("functionCall")) is not None:
            whole = isinstance(call, dict) and is_text(call.get("name")) and isinstance(call.get("args", {}), dict)
            self.demand("call", whole and not {"partialArgs", "willContinue"} & set(call), part)
        if "thoughtSignature" in part:
            self.demand("signature", is_base64(part["thoughtSignature"]) and data, str(part)[:200])

    def _count(self, usage: dict[str, Any]) -> None:
        for name in COUNTS:
            count = usage.get(name, 0)
            if self.demand("usage", is_count(count), usage):
                self.demand("usage", count >= self._counts.get(name, 0), f"{name} shrank to {count}")
                self._counts[name] = count
        self._usage = usage


FREE = ("args", "response", "groundingMetadata", "urlContextMetadata", "logprobsResult", "citationMetadata")
"""Members whose own names are not the dialect's."""


def names(wire: Any) -> list[str]:
    """The names of all members that are the dialect's own."""
    if isinstance(wire, list):
        return [name for value in wire for name in names(value)]
    if not isinstance(wire, dict):
        return []
    return [n for name, value in wire.items() for n in (name, *(() if name in FREE else names(value)))]


def is_base64(value: Any) -> bool:
    """Base64 that google-genai reads: either alphabet, padded, with something in it."""
    if not is_text(value):
        return False
    try:
        base64.b64decode(value.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
