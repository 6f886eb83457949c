"""What a person wrote, looked through for words that would make plausible values. It knows no schema and no request."""

from __future__ import annotations

import re
from dataclasses import dataclass

CAPITALISED = re.compile(r"[A-ZÀ-ÖØ-Þ][\w’'-]*(?: [A-ZÀ-ÖØ-Þ][\w’'-]*)*")
SENTENCE = re.compile(r"(?:^|[.!?:;\n]\s*|[\"“(\[*-]\s*)$")
NUMBER = re.compile(r"(?<![\w.,-])-?\d{1,9}(?:\.\d{1,6})?(?![\w]|[.,]\d)")
SPACE = re.compile(r"\s+")
LONGEST = 20_000  # characters that are looked at


def shortened(text: str, limit: int = 120) -> str:
    """The text on one line, cut between words where it is longer than the limit."""
    line = SPACE.sub(" ", text[: 8 * limit]).strip()
    if len(line) <= limit:
        return line
    head = line[: limit - 1]
    return (head.rpartition(" ")[0] if " " in head[limit // 2 :] else head).rstrip(",;:- ") + "…"


@dataclass(frozen=True, slots=True)
class Hints:
    """The names, the numbers and the text itself."""

    text: str = ""
    names: tuple[str, ...] = ()  # "Paris", "New York"
    numbers: tuple[float, ...] = ()

    def place(self, phrase: str) -> int:
        """Where the phrase stands in the text, be it "get_weather" or "get weather"; -1 where it does not."""
        plain = phrase.casefold().replace("_", " ").strip()
        text = self.text.casefold().replace("_", " ")
        found = re.search(rf"(?<!\w){re.escape(plain)}(?!\w)", text) if plain else None
        return found.start() if found else -1


def hints(text: str) -> Hints:
    """Capitalised words count as names inside a sentence, or where there is nothing else."""
    text = text[:LONGEST]
    inside, leading = [], []
    for found in CAPITALISED.finditer(text):
        words = found.group().split(" ")
        if SENTENCE.search(text[max(0, found.start() - 8) : found.start()]):
            leading.append(found.group())
            words = words[1:]
        if words and words != ["I"] and not words[0].startswith(("I'", "I’")):
            inside.append(" ".join(words).removesuffix("'s").removesuffix("’s"))
    if not inside and [" ".join(leading)] == [SPACE.sub(" ", text).strip(" .!?")]:
        inside = leading
    numbers = tuple(float(n) if "." in n else int(n) for n in NUMBER.findall(text)[:20])
    return Hints(text, tuple(dict.fromkeys(inside)), numbers)
