"""Tables of plausible values: what a property of some name, or a text of some format, could hold. Nothing here thinks.

Tool arguments are acted upon by whoever offered the tool. So a command only echoes, a path is of a file nobody has, a
host is of those for documentation (RFC 2606, RFC 5737), and none of these is ever a word of the request.
"""

from __future__ import annotations

import re
from fractions import Fraction

from dragoman.providers.sandbox.hints import Hints, shortened

SENTENCE = "Written by Dragoman's sandbox."
COMMAND = 'echo "Dragoman sandbox"'

FORMATS = {
    "date": "2025-01-15",
    "date-time": "2025-01-15T09:30:00Z",
    "datetime": "2025-01-15T09:30:00Z",
    "time": "09:30:00Z",
    "duration": "PT1H",
    "email": "sandbox@example.com",
    "idn-email": "sandbox@example.com",
    "hostname": "sandbox.example.com",
    "idn-hostname": "sandbox.example.com",
    "uri": "https://example.com/sandbox",
    "url": "https://example.com/sandbox",
    "uri-reference": "/sandbox",
    "uri-template": "https://example.com/{sandbox}",
    "iri": "https://example.com/sandbox",
    "iri-reference": "/sandbox",
    "uuid": "5a4db0c5-0000-4000-8000-000000000001",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "json-pointer": "/sandbox",
    "relative-json-pointer": "0/sandbox",
    "regex": "^sandbox$",
    "byte": "c2FuZGJveA==",
    "base64": "c2FuZGJveA==",
    "color": "#336699",
    "phone": "+1-202-555-0100",
}

WHOLE = frozenset(("query", "q", "search", "keyword", "keywords", "term", "question", "prompt", "input"))
"""Properties that take all the person wrote, where there is no name in it."""

PERSONAL = (WHOLE - {"input"}) | {
    "city", "town", "place", "location", "destination", "origin", "address", "area", "region",
    "name", "topic", "subject", "entity", "person",
}  # fmt: skip
"""Properties that take a name out of what the person wrote."""

TEXTS = {
    "command": COMMAND, "cmd": COMMAND, "script": COMMAND, "shell": COMMAND, "bash": COMMAND,
    "code": 'print("Dragoman sandbox")', "sql": "SELECT 1", "expression": "1 + 1", "pattern": "sandbox",
    "glob": "dragoman-sandbox*",
    "path": "dragoman-sandbox.txt", "file": "dragoman-sandbox.txt", "filename": "dragoman-sandbox.txt",
    "directory": "dragoman-sandbox", "dir": "dragoman-sandbox", "folder": "dragoman-sandbox",
    "cwd": "dragoman-sandbox", "workdir": "dragoman-sandbox",
    "url": FORMATS["url"], "uri": FORMATS["url"], "link": FORMATS["url"], "website": FORMATS["url"],
    "email": FORMATS["email"], "mail": FORMATS["email"], "phone": FORMATS["phone"],
    "datetime": FORMATS["date-time"], "timestamp": FORMATS["date-time"], "date": FORMATS["date"], "day": "Wednesday",
    "month": "January", "time": "09:30", "timezone": "Europe/Paris", "duration": "1 hour",
    "city": "Paris", "town": "Paris", "location": "Paris", "place": "Paris", "destination": "Paris", "origin": "Lyon",
    "address": "1 Sandbox Street, Paris", "street": "1 Sandbox Street", "country": "France", "region": "Europe",
    "zip": "75001", "postcode": "75001", "latitude": "48.8566", "longitude": "2.3522",
    "unit": "celsius", "units": "metric", "currency": "EUR", "language": "en", "lang": "en", "locale": "en-US",
    "firstname": "Ada", "lastname": "Lovelace", "surname": "Lovelace", "username": "sandbox", "author": "Ada Lovelace",
    "person": "Ada Lovelace", "name": "Ada Lovelace", "id": "sandbox-1", "uuid": FORMATS["uuid"], "key": "sandbox",
    "color": "blue", "colour": "blue", "status": "done", "state": "done", "version": "1.0.0",
    "title": "A note from the sandbox", "topic": "sandboxes", "subject": "sandboxes", "query": "sandbox",
    "answer": SENTENCE, "reply": SENTENCE, "response": SENTENCE, "summary": SENTENCE, "description": SENTENCE,
    "content": SENTENCE, "text": SENTENCE, "message": SENTENCE, "body": SENTENCE, "reason": SENTENCE,
    "explanation": SENTENCE, "comment": SENTENCE, "note": SENTENCE, "instructions": SENTENCE,
}  # fmt: skip

FIGURES = {
    "age": Fraction(36), "year": Fraction(2025), "month": Fraction(1), "day": Fraction(15), "hour": Fraction(9),
    "minute": Fraction(30), "temperature": Fraction(21), "latitude": Fraction("48.8566"),
    "longitude": Fraction("2.3522"), "price": Fraction("9.5"), "cost": Fraction("9.5"), "amount": Fraction(10),
    "score": Fraction("0.5"), "confidence": Fraction("0.5"), "probability": Fraction("0.5"), "limit": Fraction(10),
    "timeout": Fraction(10), "port": Fraction(8080), "width": Fraction(640), "height": Fraction(480),
    "quantity": Fraction(2), "count": Fraction(3),
}  # fmt: skip

PEOPLE = ("Ada Lovelace", "Grace Hopper", "Alan Turing", "Katherine Johnson", "Edsger Dijkstra")
CITIES = ("Paris", "Tokyo", "Nairobi", "Lima", "Oslo")
SERIES = dict.fromkeys(("city", "location", "place", "town"), CITIES) | dict.fromkeys(("name", "person"), PEOPLE)


def words(name: str) -> list[str]:
    """The words of an identifier, the telling last one first: of "file_path" and "filePath" that is path, then file."""
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name[:80])
    return [word.lower() for word in re.findall(r"[A-Za-z]+", parted)][::-1]


def text_for(name: str, given: Hints, turn: int = 0) -> str:
    """A text for a property of that name; `turn` counts the items of a list, which differ."""
    parts = words(name)
    whole = "".join(parts[::-1])
    known = next((part for part in (whole, *parts) if part in TEXTS or part in PERSONAL or part in WHOLE), "")
    if known in PERSONAL and given.names:
        return pick(given.names, turn)
    if known in WHOLE and given.text.strip():
        return pick((shortened(given.text, 80),), turn)
    spoken = " ".join(["sandbox", *parts[::-1]])
    return pick(SERIES.get(known) or (TEXTS.get(known, spoken),), turn)


def pick(series: tuple[str, ...], turn: int) -> str:
    """The series one after the other, then again with a number."""
    text = series[turn % len(series)]
    return text if turn < len(series) else f"{text} {turn + 1}"


def formatted(name: str, turn: int = 0) -> str | None:
    """A text of a format that JSON Schema knows; a later item differs in a number."""
    text = FORMATS.get(name.lower())
    if text is None or turn == 0:
        return text
    if "sandbox" in text:
        return text.replace("sandbox", f"sandbox{turn + 1}", 1)
    *_, last = re.finditer(r"\d+", text)
    return f"{text[: last.start()]}{int(last.group()) + turn:0{len(last.group())}d}{text[last.end() :]}"


def figure_for(name: str) -> Fraction:
    return next((FIGURES[part] for part in words(name) if part in FIGURES), Fraction(3))
