r"""JSON with half a character in it: programs that count in UTF-16 cut an emoji in two, `\ud83d` here, `\ude00` there.

Only the standard library's reader takes such. It knows no dialect: where a text ends and the next begins is seen in
the bytes.
"""

from __future__ import annotations

import json
import re

from dragoman.core.ir import Json

_HIGH = re.compile(rb'(?<!\\)((?:\\\\)*)(\\u[dD][89abAB][0-9a-fA-F]{2})"')  # at the end of a string
_LOW = re.compile(rb'"(\\u[dD][c-fC-F][0-9a-fA-F]{2})')  # at the beginning of one


class Halves:
    """Reads the JSON of a stream's events, of which one may end in a half whose other half begins a later one."""

    def __init__(self) -> None:
        self._held = b""

    def read(self, data: bytes) -> Json:
        """Raises ValueError for what is no JSON at all."""
        if self._held and (found := _LOW.search(data)):
            data = data[: found.start(1)] + self._held + data[found.start(1) :]
            self._held = b""
        if found := _HIGH.search(data):
            self._held = found[2]
            data = data[: found.start(2)] + data[found.end(2) :]
        try:
            return json.loads(whole(json.dumps(json.loads(data), ensure_ascii=False)))
        except RecursionError:
            raise ValueError("nested too deeply") from None


def whole(text: str) -> str:
    """The text with its surrogates joined, or replaced where one is alone."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
