"""What the scripted upstream's model says: chosen by the request, as a model would choose. It knows no wire format."""

import base64
import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import pi, sin
from typing import Any

NEW = {"note": "a field nobody knew yesterday", "ratio": "@1.50@", "deep": {"zeta": 1, "alpha": 2}}
"""Put into answers as `x_upstream`. The ratio is written 1.50: a spelling that only survives if nobody parses it."""

INPUT, CACHED, OUTPUT, THOUGHT = 20, 4, 30, 6
"""Every answer costs the same: 20 tokens in, 4 of them from a cache; 30 out, 6 of them thoughts where there were any."""

REASONING = "The user wants an answer. I give one."


def png(side: int = 2) -> bytes:
    """A small picture that every decoder opens."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\xd0\x40\x30" * side for _ in range(side))
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def pcm(text: str) -> bytes:
    """Signed 16-bit mono at 24 kHz: a hum of 10 ms for each character."""
    return b"".join(
        struct.pack("<h", int(8000 * sin(2 * pi * 220 * n / 24000))) for n in range(240 * max(len(text), 1))
    )


def wav(samples: bytes) -> bytes:
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + len(samples),
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        24000,
        48000,
        2,
        16,
        b"data",
        len(samples),
    )
    return head + samples


PNG = base64.b64encode(png()).decode()
MP3 = b"ID3\x04\0\0\0\0\0\0" + b"\xff\xfb\x90\x64" + b"\0" * 413  # an empty tag and one silent frame


def dumps(value: Any, *, indent: int | None = None) -> str:
    """JSON with the odd number spelling of NEW put in."""
    separators = None if indent else (",", ":")
    return json.dumps(value, ensure_ascii=False, indent=indent, separators=separators).replace('"@1.50@"', "1.50")


@dataclass
class Asked:
    """A request in any dialect, as far as the model's choice depends on it."""

    model: str = ""
    system: str = ""
    text: str = ""  # of the last user turn
    tools: dict[str, Any] = field(default_factory=dict)  # name -> JSON Schema
    forced: str | None = None  # the tool that must be called; "*": any
    results: list[str] = field(default_factory=list)  # of tools, in this turn
    schema: Any = None  # the answer has to fit it; True: any JSON
    thinking: bool = False
    image: bool = False
    audio: bool = False
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()


@dataclass
class Turn:
    """What the model says."""

    reasoning: str = ""
    text: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    image: str = ""  # base64
    audio: str = ""  # base64
    stop: str = "stop"  # | length | tool_calls | content_filter | sequence
    sequence: str = ""


def decide(asked: Asked) -> Turn:
    reasoning = REASONING if asked.thinking else ""
    if asked.model == "slow":
        return Turn(text="Still speaking. " * 60)
    if "something forbidden" in asked.text:
        return Turn(reasoning, stop="content_filter")
    if asked.audio:
        return Turn(audio=base64.b64encode(pcm(asked.text)).decode())
    if asked.image:
        return Turn(reasoning, text="Here it is.", image=PNG)
    if asked.tools and (asked.forced or not asked.results):
        wanted = [asked.forced] if asked.forced in asked.tools else list(asked.tools)
        names = wanted if "both" in asked.text else wanted[:1]
        calls = [(name, fitting(asked.tools[name])) for name in names]
        return Turn(reasoning, "Let me look." if "say it first" in asked.text else "", calls, stop="tool_calls")
    if asked.results:
        text = "The tool says: " + " / ".join(asked.results)
    elif (schema := form(asked)) is not None:
        text = json.dumps(fitting(schema if schema is not True else {}))
    else:
        text = f"You said: {asked.text} I heard it."
    for sequence in asked.stop:
        if sequence in text:
            return Turn(reasoning, text[: text.index(sequence)], stop="sequence", sequence=sequence)
    if asked.max_tokens is not None and asked.max_tokens < 5:
        return Turn(reasoning, " ".join(text.split()[: asked.max_tokens]), stop="length")
    return Turn(reasoning, text)


def form(asked: Asked) -> Any:
    """The schema the answer has to fit: what holds it, else what is said in words."""
    held = asked.schema
    return held if held not in (None, True) else told(asked.system) or held


def told(system: str) -> Any:
    """The schema of an answer that is asked for in words alone; True: any JSON; None: nobody asked."""
    if "JSON" not in system:
        return None
    _, brace, rest = system.partition("{")
    return json.loads(brace + rest) if brace else True


def fitting(schema: Any, root: Any = None, name: str = "", depth: int = 0) -> Any:
    """A value that fits a JSON Schema, or Gemini's upper-case kind of one."""
    root = schema if root is None else root
    if not isinstance(schema, dict) or depth > 12:
        return "any"
    if "$ref" in schema:
        found = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return fitting(found, root, name, depth + 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for word in ("anyOf", "oneOf", "allOf"):
        if options := schema.get(word):
            real = [option for option in options if str(option.get("type")).lower() != "null"]
            return fitting((real or options)[0], root, name, depth + 1)
    return _typed(schema, root, name, depth)


def _typed(schema: dict[str, Any], root: Any, name: str, depth: int) -> Any:
    kind = schema.get("type") or "object"
    kind = next((one for one in kind if one != "null"), "null") if isinstance(kind, list) else kind
    match kind.lower():
        case "object":
            members = schema.get("properties") or {}
            return {key: fitting(inner, root, key, depth + 1) for key, inner in members.items()} or {"ok": True}
        case "array":
            first = [fitting(inner, root, name, depth + 1) for inner in schema.get("prefixItems", ())]
            least = max(int(schema.get("minItems") or 0), 1 if depth < 5 else 0)
            rest = range(len(first), least)
            return first + [fitting(schema.get("items", {}), root, name, depth + 1) for _ in rest]
        case "string":
            return {"city": "Paris"}.get(name, f"some {name}".strip())
    plain = {
        "integer": int(schema.get("minimum") or 7),
        "number": float(schema.get("minimum") or 21.5),
        "boolean": True,
    }
    return plain.get(kind.lower())


def pieces(text: str) -> Iterator[str]:
    """The text as a model streams it: in bits of two to nine characters."""
    at, size = 0, 3
    while at < len(text):
        yield text[at : at + size]
        at, size = at + size, 2 + (size * 5 + 3) % 9
