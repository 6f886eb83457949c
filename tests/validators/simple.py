"""A stream of the app API (contract 002): texts, then [DONE]; or an error, and no [DONE]. It knows nothing of the gateway."""

from __future__ import annotations

from .base import Validator, is_text


class Simple(Validator):
    dialect = "simple"
    RULES = {
        "json": "every event is a JSON object, or [DONE]",
        "name": "only an error has a name",
        "members": "an event is one text: content, or thinking where it was asked for",
        "empty": "no text is empty",
        "error": "an error is one text",
        "ended": "the stream ends with [DONE], or with an error",
        "last": "nothing follows [DONE] or an error",
    }

    def _event(self, text: str, name: str) -> None:
        if text == "[DONE]":
            self.end = "whole"
            self.demand("name", not name, name)
            return
        wire = self.object(text)
        if name == "error" or "error" in wire:
            self.end = "error"
            self.demand("name", name == "error", name)
            self.demand("error", set(wire) == {"error"} and is_text(wire["error"]), wire)
            return
        self.demand("name", not name, name)
        if self.demand("members", set(wire) in ({"content"}, {"thinking"}), wire):
            self.demand("empty", all(map(is_text, wire.values())), wire)
