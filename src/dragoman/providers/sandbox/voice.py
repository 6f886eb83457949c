"""A robot's murmur: text as speech-like sound, each voice with a pitch and a timbre of its own. It says no word.

16-bit little-endian mono PCM at 24 kHz. A phone is made once for each voice and pitch, and then only copied.
"""

from __future__ import annotations

import hashlib
import math
import re
import sys
import unicodedata
from array import array
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from dragoman.core.audio import RATE
from dragoman.core.ir import Voice

LONGEST = 60 * RATE  # samples
LETTERS = 8_000  # that are looked at: more than anybody says in a minute

VOWELS = {
    "a": (800, 1250, 2500),
    "e": (530, 1850, 2550),
    "i": (310, 2250, 3000),
    "o": (500, 900, 2400),
    "u": (340, 800, 2300),
}
"""Resonances of the mouth, in Hz."""
HUMS = {"m": (250, 1100, 2200), "l": (360, 1200, 2600), "d": (260, 1500, 2500)}
HISSES = ("s", "f")
STOPS = ("t",)
PHONES = (
    dict.fromkeys("a", "a") | dict.fromkeys("e", "e") | dict.fromkeys("iy", "i") | dict.fromkeys("o", "o")
    | dict.fromkeys("uw", "u") | dict.fromkeys("mn", "m") | dict.fromkeys("lr", "l") | dict.fromkeys("bdgvzj", "d")
    | dict.fromkeys("scx", "s") | dict.fromkeys("fh", "f") | dict.fromkeys("ptkq", "t")
)  # fmt: skip
FOREIGN = "amelidous"  # phones for letters of other scripts, and for figures
LENGTHS = {**dict.fromkeys(VOWELS, 0.092), **dict.fromkeys(HUMS, 0.066), "s": 0.07, "f": 0.06, "t": 0.055}
PAUSES = {" ": 0.06, ",": 0.16, ";": 0.2, ":": 0.2, ".": 0.26, "!": 0.26, "?": 0.26, "\n": 0.26, "、": 0.16, "。": 0.26}
MELODY = (1.0, 1.07, 0.95, 1.03)  # pitch from word to word
FALL, RISE = 0.88, 1.2  # of the last word of a sentence, of a question


class Timbre(NamedTuple):
    pitch: float  # Hz
    throat: float  # how far the resonances are moved
    softness: float  # how fast the overtones fade


def timbre(name: str) -> Timbre:
    """A voice for every name; the same name in any case is the same voice."""
    seed = hashlib.sha256(name.casefold().encode("utf-8", "surrogatepass")).digest()
    return Timbre(80 * 2 ** (1.6 * seed[0] / 255), 0.82 + 0.4 * seed[1] / 255, 0.5 + 0.8 * seed[2] / 255)


def spoken(text: str, voices: tuple[Voice, ...] = (), speed: float | None = None) -> bytes:
    """The text as sound; with two speakers each speaks their own lines."""
    pace = min(4.0, max(0.25, speed)) if speed else 1.0
    sound = array("h")
    lines = script(text[:LETTERS], voices)
    for sample in chain.from_iterable(murmur(line + "\n", timbre(name), pace) for name, line in lines):
        sound.extend(sample)
        if len(sound) >= LONGEST:
            break
    del sound[LONGEST:]
    if sys.byteorder == "big":
        sound.byteswap()
    return sound.tobytes()


def script(text: str, voices: tuple[Voice, ...]) -> list[tuple[str, str]]:
    """Who speaks what. What stands before the first line of a named speaker is direction, and not spoken."""
    default = next((voice.name for voice in voices if voice.name), None) or "sandbox"
    cast = {voice.speaker.casefold(): voice.name or voice.speaker for voice in voices if voice.speaker}
    lines: list[tuple[str, str]] = []
    for line in text.splitlines() if cast else ():
        head, colon, words = line.partition(":")
        speaker = head.strip(" \t*_-").casefold()
        if colon and speaker in cast:
            lines.append((cast[speaker], words.strip(" \t*_")))
        elif lines:
            lines.append((lines[-1][0], line))
    return lines or [(default, text)]


def murmur(text: str, voice: Timbre, pace: float) -> Iterator[array[int]]:
    """The sounds of a text, one after the other."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    for number, found in enumerate(re.finditer(r"(\w*)([^\w]*)", plain)):
        word, rest = found.groups()
        level = RISE if "?" in rest else FALL if rest.strip(" ,'\"") else MELODY[number % len(MELODY)]
        for char in word:
            if char.isalnum():
                phone = PHONES.get(char) or FOREIGN[ord(char) % len(FOREIGN)]
                yield sounded(voice, phone, level, pace)
        pause = max((PAUSES.get(char, 0.0) for char in rest), default=0.0)
        yield array("h", bytes(2 * round(pause / pace * RATE)))


@lru_cache(maxsize=512)
def sounded(voice: Timbre, phone: str, level: float, pace: float) -> array[int]:
    """One phone, swelling and fading."""
    length = round(LENGTHS[phone] / pace * RATE)
    if phone in HISSES:
        wave, loud = hiss(), 0.22 if phone == "s" else 0.1
        step = 1 if phone == "s" else 2
        samples = array("h", [round(loud * wave[n // step % len(wave)]) for n in range(length)])
    elif phone in STOPS:
        wave, burst = hiss(), round(0.018 * RATE)
        quiet = max(0, length - burst)
        fade = [round(0.25 * wave[n] * (1 - n / burst)) for n in range(min(burst, length))]
        return array("h", [0] * quiet + fade)
    else:
        cycle = period(voice, phone, level)
        samples = (cycle * (length // len(cycle) + 1))[:length]
    rise, fall = min(length // 3, round(0.01 * RATE)), min(length // 3, round(0.018 * RATE))
    for n in range(rise):
        samples[n] = samples[n] * n // rise
    for n in range(fall):
        samples[length - 1 - n] = samples[length - 1 - n] * n // fall
    return samples


def period(voice: Timbre, phone: str, level: float) -> array[int]:
    """One swing of the vocal cords: overtones, each as loud as the mouth lets it be."""
    length = round(RATE / (voice.pitch * level))
    tone = RATE / length
    shape = VOWELS.get(phone) or HUMS[phone]
    sine = [math.sin(math.tau * n / length) for n in range(length)]
    wave = [0.0] * length
    for number in range(1, min(int(4_500 / tone), length // 2)):
        loud = number**-voice.softness * sum(
            1 / (1 + ((number * tone - at * voice.throat) / (60 + 60 * order)) ** 2) / order
            for order, at in enumerate(shape, 1)
        )
        turn = number * number  # overtones that all begin at once would click
        wave = [sample + loud * sine[(number * n + turn) % length] for n, sample in enumerate(wave)]
    peak = (9_500 if phone in VOWELS else 5_500) / max(1e-9, *map(abs, wave))
    return array("h", [round(sample * peak) for sample in wave])


@lru_cache(maxsize=1)
def hiss() -> array[int]:
    """Noise, the same every time: the high half of a linear congruential sequence, less its own past."""
    state, last, wave = 1, 0, array("h")
    for _ in range(8_191):
        state = (state * 1_103_515_245 + 12_345) % 2**31
        now = (state >> 15) - 32_768
        wave.append((now - last) // 4)
        last = now
    return wave
