"""What the tests of the sandbox share: requests in one line, and a checker of schemas that is not the sandbox's own.

It tests nothing itself.
"""

import json
import math
import re
import time
from datetime import date, datetime
from decimal import Decimal
from ipaddress import ip_address
from typing import Any
from uuid import UUID

import laws
from dragoman.core.fold import fold
from dragoman.core.ir import (
    Base64,
    Event,
    FileId,
    Media,
    Message,
    Request,
    Response,
    Text,
    Tool,
    ToolCall,
)
from dragoman.providers.sandbox import Sandbox

SANDBOX = Sandbox()
PCM = "audio/L16;codec=pcm;rate=24000"


def user(*parts: Any) -> Message:
    return Message(role="user", parts=tuple(Text(text=part) if isinstance(part, str) else part for part in parts))


def assistant(*parts: Any) -> Message:
    return Message(role="assistant", parts=tuple(Text(text=part) if isinstance(part, str) else part for part in parts))


def asking(*messages: Message | str, **fields: Any) -> Request:
    turns = tuple(user(message) if isinstance(message, str) else message for message in messages)
    return Request(origin="openai.chat", model="m", messages=turns, **fields)


def timed(request: Request, model: str = "some-model") -> list[tuple[float, Event]]:
    return list(SANDBOX.answer(request, model))


def answered(request: Request, model: str = "some-model") -> Response:
    events = [event for _, event in timed(request, model)]
    laws.grammar(events)
    return fold(events)


def text_of(response: Response) -> str:
    return "".join(part.text for part in response.parts if isinstance(part, Text))


def calls_of(response: Response) -> list[ToolCall]:
    return [part for part in response.parts if isinstance(part, ToolCall)]


def seconds(work: Any) -> float:
    """The best of three: the machine has other things to do."""
    best = math.inf
    for _ in range(3):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


WEATHER = Tool(
    name="get_weather",
    description="The weather of a city",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
        "required": ["city"],
        "additionalProperties": False,
    },
)
CLOCK = Tool(
    name="get_time",
    description="What time it is",
    parameters={"type": "OBJECT", "properties": {"timezone": {"type": "STRING"}}, "required": ["timezone"]},
)
PING = Tool(name="ping")
SEARCH = Tool(name="web_search", server="web_search_20250305")
IMAGE = Media(media_type="image/png", source=Base64("aGVsbG8="))
PAPER = Media(media_type="application/pdf", source=FileId("openai", "file-1"))

STRING, INTEGER = {"type": "string"}, {"type": "integer"}


# -- a checker of schemas, simple and independent of the sandbox's own --------


FORMATS: dict[str, Any] = {
    "date": date.fromisoformat,
    "date-time": lambda text: datetime.fromisoformat(text.replace("Z", "+00:00")).utcoffset().total_seconds(),
    "uuid": UUID,
    "ipv4": lambda text: ip_address(text).packed[3],
    "ipv6": lambda text: ip_address(text).packed[15],
    "email": lambda text: re.fullmatch(r"[\w.]+@[\w.]+\.\w+", text)[0],
    "uri": lambda text: re.fullmatch(r"https?://[\w./-]+", text)[0],
    "time": lambda text: re.fullmatch(r"\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", text)[0],
}
TYPES: dict[str, Any] = {
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: isinstance(v, int | float) and not isinstance(v, bool) and v == int(v),
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
}


def valid(value: Any, schema: Any, root: Any = None) -> bool:
    """Whether a value satisfies a schema that is itself in order."""
    root = schema if root is None else root
    if isinstance(schema, bool):
        return schema
    if value is None and schema.get("nullable"):
        return True
    names = schema.get("type", [])
    names = [names] if isinstance(names, str) else names
    if names and not any(TYPES[name.lower()](value) for name in names):
        return False
    if any(
        not _has(value, options) for options in (schema.get("enum"), [schema["const"]] if "const" in schema else None)
    ):
        return False
    if not _combines(value, schema, root):
        return False
    if isinstance(value, str):
        return _text(value, schema)
    if isinstance(value, list):
        return _list(value, schema, root)
    if isinstance(value, dict):
        return _object(value, schema, root)
    return isinstance(value, bool) or value is None or _number(value, schema)


def _has(value: Any, options: list[Any] | None) -> bool:
    return options is None or json.dumps(value) in [json.dumps(option) for option in options]


def _combines(value: Any, schema: Any, root: Any) -> bool:
    if "$ref" in schema:
        at = root
        for step in schema["$ref"].split("/")[1:]:
            at = at[step.replace("~1", "/").replace("~0", "~")]
        if not valid(value, at, root):
            return False
    if "if" in schema:
        branch = schema.get("then" if valid(value, schema["if"], root) else "else", True)
        if not valid(value, branch, root):
            return False
    return (
        all(valid(value, each, root) for each in schema.get("allOf", []))
        and ("anyOf" not in schema or any(valid(value, each, root) for each in schema["anyOf"]))
        and ("oneOf" not in schema or [valid(value, each, root) for each in schema["oneOf"]].count(True) == 1)
        and ("not" not in schema or not valid(value, schema["not"], root))
    )


def _text(value: str, schema: Any) -> bool:
    try:
        if (form := schema.get("format")) in FORMATS:
            FORMATS[form](value)
    except (ValueError, TypeError, IndexError, AttributeError):
        return False
    return (
        int(schema.get("minLength", 0)) <= len(value) <= int(schema.get("maxLength", 1 << 60))
        and re.search(schema.get("pattern", ""), value) is not None
    )


def _number(value: float, schema: Any) -> bool:
    exact = Decimal(str(value))
    low, high = schema.get("minimum", "-inf"), schema.get("maximum", "inf")
    under, over = schema.get("exclusiveMinimum", "-inf"), schema.get("exclusiveMaximum", "inf")
    if isinstance(under, bool):
        under = low if under else "-inf"
    if isinstance(over, bool):
        over = high if over else "inf"
    inside = Decimal(str(low)) <= exact <= Decimal(str(high)) and Decimal(str(under)) < exact < Decimal(str(over))
    return inside and ("multipleOf" not in schema or exact % Decimal(str(schema["multipleOf"])) == 0)


def _list(value: list[Any], schema: Any, root: Any) -> bool:
    first, rest = schema.get("prefixItems", []), schema.get("items", True)
    if isinstance(rest, list):
        first, rest = rest, schema.get("additionalItems", True)
    found = sum(valid(item, schema.get("contains", True), root) for item in value)
    return (
        int(schema.get("minItems", 0)) <= len(value) <= int(schema.get("maxItems", 1 << 60))
        and all(valid(item, first[n] if n < len(first) else rest, root) for n, item in enumerate(value))
        and not (schema.get("uniqueItems") and len({json.dumps(item) for item in value}) < len(value))
        and ("contains" not in schema or found >= schema.get("minContains", 1))
    )


def _object(value: dict[str, Any], schema: Any, root: Any) -> bool:
    if any(name not in value for name in schema.get("required", [])):
        return False
    if not int(schema.get("minProperties", 0)) <= len(value) <= int(schema.get("maxProperties", 1 << 60)):
        return False
    wants = schema.get("dependentRequired", {})
    if any(other not in value for name in value for other in wants.get(name, [])):
        return False
    if not all(valid(name, schema.get("propertyNames", True), root) for name in value):
        return False
    for name, item in value.items():
        schemas = [schema["properties"][name]] if name in schema.get("properties", {}) else []
        schemas += [s for pattern, s in schema.get("patternProperties", {}).items() if re.search(pattern, name)]
        if not all(valid(item, each, root) for each in schemas or [schema.get("additionalProperties", True)]):
            return False
    return True
