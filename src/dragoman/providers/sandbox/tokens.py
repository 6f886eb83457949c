"""The sandbox's own tokens: a text in pieces of a few characters, as it is streamed, limited and counted.

They are no model's tokens; for an estimate of what a model would count, see dragoman.core.tokens.
"""

from __future__ import annotations

import re

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3"
_PIECE = re.compile(rf"\s*(?:[{_IDEOGRAPHS}]|[^\W\d_{_IDEOGRAPHS}]{{1,8}}|\d{{1,3}}|[^\w\s]|.)|\s+", re.DOTALL)


def pieces(text: str) -> list[str]:
    """The text in pieces: joined, they are the text."""
    return _PIECE.findall(text)
