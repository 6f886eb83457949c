"""A marker planted in every field of an interlingua value in turn, found by looking at the fields there are.

It knows the types of the interlingua, not what any dialect makes of them: a field added to a Struct is planted without
a word here, and a Struct that no sample holds is an error of the tests that use it.
"""

from __future__ import annotations

import base64
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dragoman.core.ir import Request, Response, Tool, ToolCall, ToolResult

MARK = "Plantedq7xyz"  # twelve characters: it is base64 too, and a legal name
Steps = tuple[Any, ...]


@dataclass(frozen=True)
class Plant:
    """One change of one field of a sample."""

    owner: str  # the Struct's name
    field: str
    path: str  # of the field, in the terms of losses
    value: Any  # the sample with the change
    marked: bool  # whether the marker itself stands in it; else it only differs from the sample

    @property
    def name(self) -> str:
        return f"{self.owner}.{self.field}"


def schema(word: str) -> dict[str, Any]:
    return {"type": "object", "properties": {"city": {"type": "string", "description": word}}, "required": ["city"]}


SPECIAL: dict[str, Any] = {
    "Url.url": f"https://example.test/{MARK}.png",
    "Citation.url": f"https://example.test/{MARK}",
    "ToolCall.arguments": f'{{"city":"{MARK}"}}',
    "Tool.parameters": schema(MARK),
    "Format.schema": schema(MARK),
    "Opaque.raw": {"type": "odd", "word": MARK},
    "Signature.value": base64.b64encode(MARK.encode() * 3).decode(),
    "Media.media_type": f"image/{MARK}",
    "Sampling.temperature": 0.25,
    "Sampling.top_p": 0.25,
    "ToolChoice.parallel": False,
    "Usage.input": 977,
    "Usage.output": 977,
}
"""Fields whose values have a form."""
SIGNED = SPECIAL["Signature.value"]
FOUND: dict[str, tuple[str, ...]] = {"Signature.value": (SIGNED, base64.b64encode(SIGNED.encode()).decode())}
"""What is looked for where it is not the bare marker; one of Amazon's fields is base64 of what was one already."""


def nodes(value: Any, path: str = "", steps: Steps = ()) -> Iterator[tuple[Struct, str, Steps]]:
    """Every Struct in a value, with its path and the steps that lead to it."""
    if isinstance(value, Struct):
        yield value, path, steps
        for name in value.__struct_fields__:
            yield from nodes(getattr(value, name), f"{path}.{name}" if path else name, (*steps, name))
    elif isinstance(value, tuple):
        for i, inner in enumerate(value):
            yield from nodes(inner, f"{path}[{i}]", (*steps, i))


def put(value: Any, steps: Steps, new: Any) -> Any:
    """The value with another one at the end of the steps."""
    if not steps:
        return new
    head, rest = steps[0], steps[1:]
    if isinstance(value, Struct):
        return replace(value, **{head: put(getattr(value, head), rest, new)})
    return (*value[:head], put(value[head], rest, new), *value[head + 1 :])


def kinds(annotation: Any) -> list[Any]:
    """The members of a union, else the annotation itself."""
    if get_origin(annotation) in (typing.Union, types.UnionType):
        return [inner for each in get_args(annotation) for inner in kinds(each)]
    return [annotation]


def changes(owner: Struct, field: msgspec.structs.FieldInfo) -> Iterator[tuple[Any, bool]]:
    """What a field may be changed to: (value, whether it holds the marker)."""
    current = getattr(owner, field.name)
    name = f"{type(owner).__name__}.{field.name}"
    if name == "Stop.reason":
        return  # a reason fits what was said
    if name in SPECIAL:
        yield SPECIAL[name], MARK in str(SPECIAL[name]) or name in FOUND
        return
    for kind in kinds(field.type):
        if kind is str:
            yield MARK, True
        elif get_origin(kind) is dict:
            words = get_args(kind)[1] is str
            yield ({"planted": MARK} if words else {"x_planted": MARK, "x_deep": {"one": [MARK]}}), True
        elif get_origin(kind) is tuple and get_args(kind)[0] is str:
            yield (MARK,), True
        elif kind is bool:
            yield current is not True, False
        elif kind in (int, float):
            yield (current or 0) + 3, False
        elif get_origin(kind) is Literal:
            yield from ((word, False) for word in get_args(kind) if word != current)


def plants(sample: Request | Response) -> Iterator[Plant]:
    for node, path, steps in nodes(sample):
        if steps and empty(node):
            continue  # nothing is asked by it here: another sample has one that asks
        for field in msgspec.structs.fields(node):
            for value, marked in changes(node, field):
                changed = replace(node, **{field.name: value})
                whole = put(sample, steps, changed)
                if field.name == ("id" if isinstance(node, ToolCall) else "name"):
                    whole = followed(whole, node, value)
                at = path if field.name == "extra" else f"{path}.{field.name}" if path else field.name
                yield Plant(type(node).__name__, field.name, at, whole, marked)


def empty(node: Struct) -> bool:
    """Whether a node says nothing: all its fields are as they are by default."""
    try:
        return node == type(node)()
    except TypeError:
        return False


def followed(whole: Any, node: Struct, new: Any) -> Any:
    """What names a call or a tool follows it to its new name."""
    if isinstance(node, ToolCall):
        for other, _, steps in list(nodes(whole)):
            if isinstance(other, ToolResult) and other.call_id == node.id:
                whole = put(whole, steps, replace(other, call_id=new))
    if isinstance(node, Tool):
        choice = whole.tool_choice
        allowed = tuple(new if name == node.name else name for name in choice.allowed)
        name = new if choice.name == node.name else choice.name
        whole = replace(whole, tool_choice=replace(choice, name=name, allowed=allowed))
    return whole


def structs_of(root: type[Struct]) -> dict[str, type[Struct]]:
    """Every Struct that a value of the type may hold."""
    found: dict[str, type[Struct]] = {}

    def visit(annotation: Any) -> None:
        for kind in kinds(annotation):
            if isinstance(kind, type) and issubclass(kind, Struct):
                if kind.__name__ not in found:
                    found[kind.__name__] = kind
                    for field in msgspec.structs.fields(kind):
                        visit(field.type)
            else:
                for inner in get_args(kind):
                    visit(inner)

    visit(root)
    return found


def points_at(loss: str, path: str) -> bool:
    """Whether a loss is about a field: at its path, above it, or within it."""
    mine, theirs = split(path), split(loss)
    return bool(theirs) and (mine[: len(theirs)] == theirs or theirs[: len(mine)] == mine)


def split(path: str) -> list[str]:
    """The steps of a path. Which of several citations a loss is about is not asked: streams cannot tell."""
    steps = [step for step in path.replace("[", ".").replace("]", "").split(".") if step]
    return [
        step for before, step in zip(["", *steps], steps, strict=False) if before != "citations" or not step.isdecimal()
    ]
