"""JSON that a model was asked for in words alone, without the fence that models like to put around it.

It knows neither requests nor dialects. Text that does not begin with a fence passes byte for byte.
"""

from __future__ import annotations

import re

OPENS = re.compile(r"\s*```[A-Za-z0-9]*[ \t]*(?:\r?\n|(?=[{\[]))")
MAY_OPEN = re.compile(r"\s*(?:`{0,2}|```[A-Za-z0-9]{0,20}[ \t]*\r?)")
LONGEST = 256
"""More white space than this, and the text goes on: it is said."""


class Unfenced:
    """One text, whole or while it streams."""

    def __init__(self) -> None:
        self.held = ""
        self.place = "before"  # | "inside" | "plain"

    def feed(self, text: str) -> str:
        """What can be said by now: of what may be the fence, nothing yet."""
        if self.place == "plain":
            return text
        self.held += text
        if self.place == "before":
            if (opened := OPENS.match(self.held)) is not None:
                self.place, self.held = "inside", self.held[opened.end() :]
            elif len(self.held) < LONGEST and MAY_OPEN.fullmatch(self.held):
                return ""
            else:
                self.place = "plain"
                return self._said(len(self.held))
        body = self.held.rstrip()
        bare = body.rstrip("`")
        end = len(bare.rstrip()) if len(body) - len(bare) <= 3 else len(body)
        return self._said(end if len(self.held) - end < LONGEST else len(self.held))

    def _said(self, end: int) -> str:
        said, self.held = self.held[:end], self.held[end:]
        return said

    def close(self) -> str:
        """The rest, but for the fence's end."""
        shut = self.place == "inside" and self.held.strip() in ("```", "")
        return "" if shut else self._said(len(self.held))

    def whole(self, text: str) -> str:
        return self.feed(text) + self.close()
