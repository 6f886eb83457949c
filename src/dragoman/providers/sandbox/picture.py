"""Pictures drawn from the words of a prompt: hills under a sky, the same for the same words. It knows no request.

A PNG with a palette, built of whole columns and rows, so that a million pixels take some hundredths of a second.
"""

from __future__ import annotations

import colorsys
import hashlib
import math
import re
import struct
import zlib

from dragoman.core.images import pair

SIDE, WIDE, LONGEST = 512, 768, 1536
CLASSES = {"1k": 1024, "2k": LONGEST, "4k": LONGEST}

HUES = {
    "red": 0.0, "orange": 0.08, "gold": 0.12, "golden": 0.12, "yellow": 0.15, "green": 0.33, "turquoise": 0.48,
    "blue": 0.6, "indigo": 0.7, "purple": 0.77, "violet": 0.77, "pink": 0.9, "rose": 0.93,
}  # fmt: skip
NIGHT = re.compile(r"\b(night|midnight|moon|moonlit|star|stars|starry|dark|space)\b", re.IGNORECASE)

WHITE, INK = 0, 1
SKY, SKY_SHADES = 2, 96
SUN, SUN_SHADES = 98, 16
HILLS, HILL_SHADES, MOST_HILLS = 114, 32, 4

GLYPHS = {
    "S": ("01111", "10000", "10000", "01110", "00001", "00001", "11110"),
    "A": ("01110", "10001", "10001", "11111", "10001", "10001", "10001"),
    "N": ("10001", "11001", "10101", "10101", "10011", "10001", "10001"),
    "D": ("11110", "10001", "10001", "10001", "10001", "10001", "11110"),
    "B": ("11110", "10001", "10001", "11110", "10001", "10001", "11110"),
    "O": ("01110", "10001", "10001", "10001", "10001", "10001", "01110"),
    "X": ("10001", "10001", "01010", "00100", "01010", "10001", "10001"),
}
WORD = "SANDBOX"


def dimensions(size: str | None, aspect: str | None) -> tuple[int, int]:
    """Width and height in pixels: as asked for, but with no side longer than 1536."""
    wished = pair(size)
    if wished is None:
        across, down = pair(aspect) or (1, 1)
        longest = CLASSES.get((size or "").strip().lower()) or (SIDE if across == down else WIDE)
        scale = longest / max(across, down)
        wished = round(across * scale), round(down * scale)
    scale = min(1.0, LONGEST / max(wished))
    return max(1, round(wished[0] * scale)), max(1, round(wished[1] * scale))


def png(prompt: str, turn: int, width: int, height: int) -> bytes:
    """The picture of a prompt; `turn` tells those of one prompt apart."""
    seed = hashlib.sha256(f"{turn}\0{prompt}".encode("utf-8", "surrogatepass")).digest()
    chance = [byte / 255 for byte in seed]
    columns = b"".join(landscape(chance, width, height))
    rows = [columns[y::height] for y in range(height)]
    sign(rows, width, height)
    scanlines = b"".join(b"\0" + row for row in rows)
    return b"".join((
        b"\x89PNG\r\n\x1a\n",
        chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        chunk(b"PLTE", palette(prompt, chance)),
        chunk(b"tEXt", b"Software\0Dragoman's sandbox"),
        chunk(b"IDAT", zlib.compress(scanlines, 4)),
        chunk(b"IEND", b""),
    ))  # fmt: skip


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


# -- colours -----------------------------------------------------------------


def palette(prompt: str, chance: list[float]) -> bytes:
    """A colour the prompt names is the colour of the sky; a word of the night makes it dark."""
    named = next((HUES[word] for word in re.findall(r"[a-z]+", prompt.lower()) if word in HUES), None)
    dark = NIGHT.search(prompt) is not None
    hue = named if named is not None else 0.6 + 0.12 * chance[0] if dark else chance[0]
    land = hue + 0.25 + chance[1] * 0.5
    colours = [(255, 255, 255), (24, 24, 32)]
    top, bottom = ((0.06, 0.3), (0.45, 0.85))[not dark]
    colours += [colour(hue + 0.1 * at, bottom * at + top * (1 - at), 0.45 + 0.25 * at) for at in fractions(SKY_SHADES)]
    colours += [colour(0.13 - 0.08 * at, 0.95 - 0.3 * at, 0.2 if dark else 0.9) for at in fractions(SUN_SHADES)]
    for hill in range(MOST_HILLS):
        light = (0.58, 0.44, 0.32, 0.2)[hill] * (0.5 if dark else 1)
        colours += [colour(land + 0.03 * hill, light * (1 - 0.45 * at), 0.35) for at in fractions(HILL_SHADES)]
    return bytes(part for each in colours for part in each)


def fractions(count: int) -> list[float]:
    return [step / (count - 1) for step in range(count)]


def colour(hue: float, light: float, strength: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hls_to_rgb(hue % 1, light, strength)
    return round(red * 255), round(green * 255), round(blue * 255)


# -- shapes ------------------------------------------------------------------


def landscape(chance: list[float], width: int, height: int) -> list[bytes]:
    """The columns, left to right, each from top to bottom: sky, a sun in it, hills before it."""
    sky = bytes(SKY + y * SKY_SHADES // height for y in range(height))
    hills = 2 + round(chance[2] * (MOST_HILLS - 2))
    shades = [
        bytes(HILLS + hill * HILL_SHADES + min(HILL_SHADES - 1, 2 * HILL_SHADES * y // height) for y in range(height))
        for hill in range(MOST_HILLS - hills, MOST_HILLS)
    ]
    crests = [crest(chance[4 + 5 * hill : 9 + 5 * hill], hill, hills, width, height) for hill in range(hills)]
    middle, level = width * (0.15 + 0.7 * chance[24]), height * (0.15 + 0.35 * chance[25])
    radius = min(width, height) * (0.07 + 0.11 * chance[26])
    sun = bytes(
        SUN + min(SUN_SHADES - 1, max(0, int((y - level + radius) / (2 * radius) * SUN_SHADES))) for y in range(height)
    )
    columns = []
    for x in range(width):
        at = crests[0][x]
        column = sky[:at]
        if abs(x - middle) < radius:
            half = math.sqrt(radius * radius - (x - middle) ** 2)
            low, high = max(0, round(level - half)), min(at, round(level + half))
            if low < high:
                column = sky[:low] + sun[low:high] + sky[high:at]
        for hill, shade in enumerate(shades):
            end = max(at, crests[hill + 1][x]) if hill + 1 < hills else height
            column += shade[: end - at]
            at = end
        columns.append(column)
    return columns


def crest(chance: list[float], hill: int, hills: int, width: int, height: int) -> list[int]:
    """How far below the top a chain of hills begins, for each column: two waves over each other."""
    base = height * (0.5 + 0.4 * hill / hills + 0.06 * chance[0])
    swing = height * (0.05 + 0.08 * chance[1]) / (1 + 0.4 * hill)
    slow, fast = (1 + 2 * chance[2]) * math.tau / width, (4 + 4 * chance[3]) * math.tau / width
    shift = chance[4] * math.tau
    return [
        min(height, max(0, round(base + swing * (math.sin(slow * x + shift) + 0.4 * math.sin(fast * x + 3 * shift)))))
        for x in range(width)
    ]


def sign(rows: list[bytes], width: int, height: int) -> None:
    """Writes what this is into the lower left corner, where there is room for it."""
    scale = max(1, min(width, height) // 160)
    across, down = (6 * len(WORD) + 3) * scale, 11 * scale
    if across > width or down > height:
        return
    left, top = min(2 * scale, width - across), max(0, height - down - 2 * scale)
    blank = ["0" * (6 * len(WORD) + 3)] * 2
    lines = ["00" + "0".join(GLYPHS[letter][row] for letter in WORD) + "00" for row in range(7)]
    for number, line in enumerate([*blank, *lines, *blank]):
        stamp = b"".join(bytes([WHITE if dot == "1" else INK]) * scale for dot in line)
        for y in range(top + number * scale, top + (number + 1) * scale):
            rows[y] = rows[y][:left] + stamp + rows[y][left + across :]
