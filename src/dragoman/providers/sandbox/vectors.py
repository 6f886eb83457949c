"""Vectors for texts: near one another where words, or parts of words, are shared. It knows letters and no meaning.

Every feature of a text (a word, three letters in a row, two words in a row) moves a few places of the vector, each by a
sign that its hash decides; so any number of dimensions will do.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator
from functools import lru_cache

DIMENSIONS = 768
MOST = 8_192
PLACES = 4  # that one feature moves
LONGEST = 100_000  # characters that are looked at

COMMON = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be but by for from had has have he her his i in is it its me my of on or our she so that "
        "the their them they this to was we were what which who will with you your",
    )
)


def embedded(features: Iterator[tuple[str, float]], dimensions: int) -> tuple[float, ...]:
    """The unit vector of some weighted features."""
    weights: dict[str, float] = {}
    for feature, weight in features:
        weights[feature] = weights.get(feature, 0.0) + weight
    vector = [0.0] * dimensions
    for feature, weight in weights.items():
        amount = math.copysign(math.sqrt(abs(weight)), weight)
        for place in places(feature):
            vector[(place >> 1) % dimensions] += amount if place & 1 else -amount
    length = math.sqrt(sum(value * value for value in vector))
    if length < 1e-9:  # nothing in it, or all of it against itself
        vector[0] = length = 1.0
    return tuple(value / length for value in vector)


@lru_cache(maxsize=20_000)
def places(feature: str) -> tuple[int, ...]:
    digest = hashlib.blake2b(feature.encode("utf-8", "surrogatepass"), digest_size=8 * PLACES).digest()
    return tuple(int.from_bytes(digest[8 * n : 8 * n + 8], "big") for n in range(PLACES))


def of_text(text: str) -> Iterator[tuple[str, float]]:
    """Words for what it is about, letters for their kin, pairs of words for a little of the order."""
    words = re.findall(r"\w+", text[:LONGEST].casefold())
    before = ""
    for word in words:
        rare = 0.1 if word in COMMON else 1.0
        yield f"word {word}", rare
        framed = f"<{word}>"
        for n in range(len(framed) - 2):
            yield f"part {framed[n : n + 3]}", 0.35 * rare
        if before:
            yield f"pair {before} {word}", 0.1
        before = word
    if not words:
        yield f"text {text[:LONGEST]}", 1.0


def of_tokens(ids: tuple[int, ...]) -> Iterator[tuple[str, float]]:
    before = None
    for number in ids:
        yield f"token {number}", 1.0
        if before is not None:
            yield f"tokens {before} {number}", 0.1
        before = number


def of_data(data: str) -> Iterator[tuple[str, float]]:
    """A picture, a sound or a file: only the same one is near."""
    yield f"data {hashlib.sha256(data.encode('utf-8', 'surrogatepass')).hexdigest()}", 4.0
