"""Raw PCM to WAV and back, and what a sound's media type says. It encodes and resamples nothing.

Sound is 16-bit little-endian mono throughout: what OpenAI calls pcm and Gemini audio/L16 (contract 001-10).
"""

from __future__ import annotations

import re
import struct

from dragoman.core.content import AUDIO_TYPES
from dragoman.core.errors import GatewayError, Kind

RATE = 24000
PCM_TYPE = AUDIO_TYPES["pcm"]
WAV_TYPE = AUDIO_TYPES["wav"]

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_PCM, _EXTENSIBLE = 1, 0xFFFE
_SIGNS = (
    (b"RIFF", WAV_TYPE),
    (b"ID3", AUDIO_TYPES["mp3"]),
    (b"\xff\xfb", AUDIO_TYPES["mp3"]),
    (b"\xff\xf3", AUDIO_TYPES["mp3"]),
    (b"\xff\xf2", AUDIO_TYPES["mp3"]),
    (b"OggS", AUDIO_TYPES["opus"]),
    (b"fLaC", AUDIO_TYPES["flac"]),
    (b"\xff\xf1", AUDIO_TYPES["aac"]),
    (b"\xff\xf9", AUDIO_TYPES["aac"]),
)


def pcm_to_wav(data: bytes, rate: int = RATE) -> bytes:
    """The same samples behind a WAV header."""
    size = len(data) & ~1  # half a sample at the end is noise
    head = (b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, _PCM, 1, rate, rate * 2, 2, 16, b"data", size)
    return _HEADER.pack(*head) + data[:size]


def wav_to_pcm(data: bytes) -> tuple[bytes, int]:
    """The samples of a WAV file and their rate. Raises GatewayError(UPSTREAM) for any other kind of sound.

    A streamed file does not know its size and says 0 or 4 GB: the rest of the file is the sound then.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise GatewayError(Kind.UPSTREAM, "the provider's sound is not a WAV file")
    at, rate = 12, 0
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        at += 8
        if name == b"fmt ":
            if size < 16 or at + 16 > len(data):
                break
            form, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, at)
            if form not in (_PCM, _EXTENSIBLE) or channels != 1 or bits != 16:
                why = f"format {form}, {channels} channels, {bits} bits"
                raise GatewayError(Kind.UPSTREAM, f"the provider's WAV file is not 16-bit mono PCM ({why})")
        elif name == b"data" and rate:
            end = at + size if size and at + size <= len(data) else len(data)
            return data[at : at + ((end - at) & ~1)], rate
        at += size + (size & 1)
    raise GatewayError(Kind.UPSTREAM, "the provider's WAV file holds no sound")


def rate_of(media_type: str, default: int = RATE) -> int:
    """Samples per second, as in `audio/L16;codec=pcm;rate=24000`."""
    found = re.search(r";\s*rate\s*=\s*\"?(\d{4,6})\b", media_type)
    return int(found[1]) if found else default


def is_pcm(media_type: str) -> bool:
    """Whether a media type means bare samples: Gemini's audio/L16, OpenAI's audio/pcm."""
    return media_type.partition(";")[0].strip().lower() in ("audio/l16", "audio/pcm", "audio/raw")


def sound_type(data: bytes) -> str | None:
    """The media type a sound's first bytes tell; None where they do not, as those of PCM never do."""
    return next((media_type for sign, media_type in _SIGNS if data.startswith(sign)), None)
