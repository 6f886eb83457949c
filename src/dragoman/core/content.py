"""Facts about content that several dialects need: data URLs, media types, efforts and budgets, legal names.

Pure functions; which dialect asks makes no difference.
"""

from __future__ import annotations

import hashlib
import re
from typing import get_args

from dragoman.core.codec import Context
from dragoman.core.ir import Base64, Effort, Thinking, Url, Usage

# -- media -----------------------------------------------------------------

AUDIO_TYPES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "pcm": "audio/L16;codec=pcm;rate=24000",
    "pcm16": "audio/L16;codec=pcm;rate=24000",
}
"""OpenAI's names of sound formats. pcm is 16-bit little-endian mono at 24 kHz there and at Gemini (contract 001-10)."""

EXTENSIONS = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
    "pdf": "application/pdf", "mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm",
    "mp3": "audio/mpeg", "wav": "audio/wav", "flac": "audio/flac", "txt": "text/plain", "md": "text/markdown",
    "csv": "text/csv", "html": "text/html", "json": "application/json",
}  # fmt: skip


def from_url(url: str, default: str) -> tuple[str, Base64 | Url]:
    """Media type and source of a URL that may be a data URL; the default where the URL does not tell."""
    head, comma, data = url.partition(",")
    if url[:5].lower() == "data:" and comma and head.endswith(";base64"):
        return head[5:-7] or default, Base64(data)
    if default.endswith("/*"):
        kind = EXTENSIONS.get(url.split("?")[0].rsplit(".", 1)[-1].lower(), default)
        default = kind if kind.startswith(default[:-1]) else default
    return default, Url(url)


def data_url(media_type: str, data: str) -> str:
    return f"data:{media_type};base64,{data}"


# -- reasoning ---------------------------------------------------------------

EFFORTS: tuple[Effort, ...] = get_args(Effort)
BUDGETS: dict[str, int] = {
    "none": 0, "minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768, "max": 65536,
}  # fmt: skip
"""Tokens of thought that an effort stands for where a provider wants a number."""


def effort_of(thinking: Thinking) -> Effort | None:
    """The effort wished for, said or implied by the budget; None: on, but as the model likes."""
    if thinking.effort is not None or thinking.budget is None:
        return thinking.effort
    if thinking.budget <= 0:
        return "none" if thinking.budget == 0 else None
    return "low" if thinking.budget < 4096 else "medium" if thinking.budget < 16384 else "high"


def budget_of(thinking: Thinking) -> int | None:
    """The budget wished for, said or implied by the effort; None: as the model likes; 0: off."""
    if thinking.budget is not None:
        return thinking.budget
    return None if thinking.effort is None else BUDGETS[thinking.effort]


def nearest(effort: str, known: tuple[str, ...]) -> str:
    """The known effort next to the one wished for; the same if all are known."""
    if not known or effort in known:
        return effort
    rank = EFFORTS.index(effort) if effort in EFFORTS else EFFORTS.index("medium")
    return min(known, key=lambda name: abs(EFFORTS.index(name) - rank) if name in EFFORTS else 99)


# -- names -------------------------------------------------------------------

GO_ON = "Go on from exactly where your last message ends, and repeat none of it."
"""Said by the user after the beginning of an answer, to models that take none (case 102)."""


def legal_name(name: str, limit: int = 64, illegal: str = r"[^a-zA-Z0-9_-]") -> str:
    """A tool name (or call id) in the letters and length a provider takes; the same name always becomes the same.

    A name that had to change ends in a hash of the whole, so that two names never become one.
    """
    legal = re.sub(illegal, "_", name)
    if legal == name and len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{legal[: limit - 9]}_{digest}"


def uncounted(usage: Usage, ctx: Context, *names: str) -> None:
    """Abroad, the classes of counts that a dialect has no word for are told lost; its totals hold them all the same."""
    if not ctx.at_home:
        for name in names:
            if getattr(usage, name):
                ctx.lose(f"usage.{name}", "not counted apart here")
