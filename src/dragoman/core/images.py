"""Facts about images that several rooms need: type and size from the first bytes, sizes and aspect ratios.

Pure; it decodes no picture and knows no provider but by the sizes a caller offers.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from collections.abc import Iterable

SIZES = ("1024x1024", "1536x1024", "1024x1536")
"""What OpenAI's image models draw, where nothing else is known of the model."""
ASPECTS = ("1:1", "3:4", "4:3", "9:16", "16:9")
"""What Imagen draws."""
CHAT_ASPECTS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
"""What Gemini's chat models draw."""

_SIGNS = (("iVBORw0KGgo", "image/png"), ("/9j/", "image/jpeg"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp"))
_PAIR = re.compile(r"([1-9]\d{0,4})\s*[x:/]\s*([1-9]\d{0,4})")


def image_type(data: str, default: str = "image/png") -> str:
    """The media type that the first letters of an image's base64 tell."""
    return next((media_type for sign, media_type in _SIGNS if data.startswith(sign)), default)


# -- shapes --------------------------------------------------------------------


def pair(text: str | None) -> tuple[int, int] | None:
    """Width and height of "1536x1024" or "3:2"; None for "auto" and whatever else."""
    found = _PAIR.fullmatch(text.strip()) if text else None
    return (int(found[1]), int(found[2])) if found else None


def same_shape(one: str, other: str) -> bool:
    """Whether two sizes or aspect ratios are of exactly one shape: "1024x1024" and "1:1"."""
    a, b = pair(one), pair(other)
    return a is not None and b is not None and a[0] * b[1] == a[1] * b[0]


def nearest_shape(wish: str | None, offered: Iterable[str]) -> str | None:
    """Of the sizes or aspect ratios offered, the one shaped most like the wish (and then the one nearest in size).

    None where the wish names no shape, or nothing is offered.
    """
    wanted = pair(wish)
    shapes = [(name, shape) for name in offered if (shape := pair(name))]
    if wanted is None or not shapes:
        return None

    def distance(of: tuple[str, tuple[int, int]]) -> tuple[float, float]:
        width, height = of[1]
        shape = abs(math.log(width * wanted[1] / (height * wanted[0])))
        return round(shape, 6), abs(math.log(width * height / (wanted[0] * wanted[1])))

    return min(shapes, key=distance)[0]


# -- headers -------------------------------------------------------------------

_HEAD = 64 << 10  # letters of base64 that are looked at: a JPEG's size may stand behind a preview and a profile


def dimensions(data: str) -> tuple[int, int] | None:
    """Width and height in pixels, from the header of a base64 PNG, GIF, JPEG or WebP; None where it does not tell."""
    head = data[: 64 if not data.startswith("/9j/") else _HEAD]
    try:
        raw = base64.b64decode(head[: len(head) & ~3])
    except (binascii.Error, ValueError):
        return None
    try:
        found = _read(raw)
    except struct.error:  # cut off
        return None
    return found if found and found[0] and found[1] else None


def _read(raw: bytes) -> tuple[int, int] | None:
    if raw[:8] == b"\x89PNG\r\n\x1a\n":
        width, height = struct.unpack_from(">II", raw, 16)
        return width, height
    if raw[:4] == b"GIF8":
        width, height = struct.unpack_from("<HH", raw, 6)
        return width, height
    if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
        return _webp(raw)
    return _jpeg(raw) if raw[:2] == b"\xff\xd8" else None


def _webp(raw: bytes) -> tuple[int, int] | None:
    match raw[12:16]:
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", raw, 26)
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", raw, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            width, high, height, higher = struct.unpack_from("<HBHB", raw, 24)
            return (high << 16 | width) + 1, (higher << 16 | height) + 1
        case _:
            return None


def _jpeg(raw: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 4 <= len(raw):
        mark, kind, length = struct.unpack_from(">BBH", raw, at)
        if mark != 0xFF:
            return None
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):  # a start of frame
            height, width = struct.unpack_from(">HH", raw, at + 5)
            return width, height
        at += 2 + max(length, 2)
    return None
