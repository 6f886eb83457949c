"""What a scripted upstream refuses, and how it looks: shared by the dialects. It knows no dialect's own rules."""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Any


class Refused(Exception):
    """What the real provider would not take; each dialect's module writes it in its own words."""

    def __init__(self, status: int, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.param = status, message, param


def need(truth: Any, message: str, param: str | None = None, status: int = 400) -> None:
    if not truth:
        raise Refused(status, message, param)


def known(value: Any, names: Iterable[str], unknown: str, path: str = "") -> dict[str, Any]:
    """The object, if it is one and has no other members than these. `unknown` is the provider's complaint, with {}."""
    need(isinstance(value, dict), f"{path or 'body'}: expected an object, but got {value!r:.40}")
    for name in value:
        need(name in names or name.startswith("x_"), unknown.format(f"{path}.{name}" if path else name), name)
    return value


def number(value: Any, low: float, high: float, path: str) -> None:
    if value is not None:
        need(isinstance(value, int | float) and not isinstance(value, bool), f"Invalid type for '{path}'.", path)
        need(low <= value <= high, f"Invalid '{path}': expected a value between {low} and {high}, got {value}.", path)


def whole(value: Any, low: int, high: int, path: str) -> None:
    need(value is None or type(value) is int, f"Invalid type for '{path}': expected an integer.", path)
    number(value, low, high, path)


def of(value: Any, kind: type | tuple[type, ...], path: str) -> Any:
    need(isinstance(value, kind), f"Invalid type for '{path}': got {value!r:.40} instead.", path)
    return value


def one_of(value: Any, words: Iterable[str | None], path: str) -> None:
    words = list(words)
    need(value in words, f"Invalid value: {value!r:.60}. Supported values are: {words}.", path)


def base64_of(data: Any, path: str) -> bytes:
    try:
        return base64.b64decode(of(data, str, path), validate=True)
    except binascii.Error as error:
        raise Refused(400, f"Base64 decoding failed for '{path}'", path) from error


MAGIC = {
    "image/png": b"\x89PNG",
    "image/jpeg": b"\xff\xd8",
    "image/gif": b"GIF8",
    "image/webp": b"RIFF",
    "application/pdf": b"%PDF",
}


def media(media_type: Any, data: Any, path: str) -> None:
    """What is sent must be what it says it is."""
    found = base64_of(data, path)
    if magic := MAGIC.get(of(media_type, str, path)):
        need(found.startswith(magic), f"{path}: the data is not of the type {media_type}", path)


def matches(value: Any, pattern: str, path: str) -> str:
    need(
        isinstance(value, str) and re.fullmatch(pattern, value),
        f"{path}: String should match pattern '{pattern}'",
        path,
    )
    return str(value)


def closed(schema: Any, path: str, complaint: str, *, all_required: bool = False) -> None:
    """Strict schemas: every object in it is closed (and, at OpenAI, requires all its members)."""
    if isinstance(schema, list):
        for inner in schema:
            closed(inner, path, complaint, all_required=all_required)
    if not isinstance(schema, dict):
        return
    kind = schema.get("type")
    if kind == "object" or (isinstance(kind, list) and "object" in kind):
        need(schema.get("additionalProperties") is False, complaint, path)
        if all_required:
            members = set(schema.get("properties") or {})
            need(
                members == set(schema.get("required") or ()),
                complaint.replace("additionalProperties", "required"),
                path,
            )
    for name in ("items", "anyOf", "allOf", "oneOf"):
        closed(schema.get(name), path, complaint, all_required=all_required)
    for name in ("properties", "$defs", "definitions"):
        if isinstance(schema.get(name), dict):
            closed(list(schema[name].values()), path, complaint, all_required=all_required)


def bearer(headers: Mapping[str, str]) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key if scheme.lower() == "bearer" else ""
