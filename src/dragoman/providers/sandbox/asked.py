"""What a request asks for, as far as the sandbox understands it: the last words, the results, the tools, the shape.

It reads neutral requests and writes nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator

from dragoman.core.content import budget_of
from dragoman.core.errors import invalid
from dragoman.core.ir import (
    AnyPart,
    Base64,
    FileId,
    Media,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Url,
)
from dragoman.providers.sandbox.hints import hints

IMAGE_MODELS = ("imagen", "gpt-image", "dall-e")
ASIDE = "<system-reminder>"  # coding agents put these beside the person's own words
KINDS = {"image": "image", "audio": "sound", "video": "film"}
EDGE = 4_096  # characters of either end of a file that tell it apart


def last_turn(request: Request) -> tuple[Message, ...]:
    """The messages since the assistant last spoke."""
    turn: list[Message] = []
    for message in reversed(request.messages):
        if message.role == "assistant":
            break
        turn.append(message)
    return tuple(reversed(turn))


def results(request: Request) -> list[ToolResult]:
    """What the client's tools have answered in the last turn."""
    parts = [part for message in last_turn(request) for part in message.parts]
    return [part for part in parts if isinstance(part, ToolResult) and not part.server]


def question(request: Request) -> str:
    """The last words of the user."""
    for message in reversed(request.messages):
        if message.role == "user":
            texts = [part.text for part in message.parts if isinstance(part, Text) and part.text.strip()]
            if own := [text for text in texts if not text.lstrip().startswith(ASIDE)]:
                return "\n".join(own)
    return ""


def thinks(request: Request) -> bool:
    return request.thinking is not None and budget_of(request.thinking) != 0


def speaks(request: Request, model: str) -> bool:
    return "audio" in request.modalities or "tts" in model.lower()


def draws(request: Request, model: str) -> bool:
    name = model.lower()
    return "image" in request.modalities or "-image" in name or name.startswith(IMAGE_MODELS)


# -- tools -------------------------------------------------------------------


def called(request: Request) -> list[Tool]:
    """The tools to call now: none where the client asks for none, or has just answered."""
    choice = request.tool_choice
    offered = [tool for tool in request.tools if tool.server is None]
    if choice.mode == "none" or results(request):
        return []
    if choice.mode == "tool":
        named = [tool for tool in request.tools if tool.name == choice.name]
        if not named:
            raise invalid("tool_choice", f"no tool {choice.name!r} is offered")
        return [tool for tool in named[:1] if tool.server is None]
    if choice.allowed:
        offered = [tool for tool in offered if tool.name in choice.allowed]
    return picked(offered, question(request), choice.parallel is not False)


def picked(tools: list[Tool], text: str, many: bool) -> list[Tool]:
    """All tools the text names, in its order; else the first whose name, or else description, shares a word with it."""
    said = hints(text)
    if named := [tool for tool in tools if said.place(tool.name) >= 0]:
        return sorted(named, key=lambda tool: said.place(tool.name))[: None if many else 1]
    spoken = words(text)
    alike = [tool for tool in tools if words(tool.name) & spoken]
    alike = alike or [tool for tool in tools if words(tool.description or "") & spoken]
    return (alike or tools)[:1]


def words(text: str) -> set[str]:
    """The words that may tell a tool, in any spelling of an identifier."""
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", text[:20_000]).replace("_", " ").lower()
    return {word for word in re.findall(r"[^\W\d]{3,}", parted) if word not in COMMON}


COMMON = frozenset(
    re.findall(
        r"\w+",
        "the and for with that this from what which when where who how why are was were has have had get set use tool "
        "tools call please could would should can will you your its into about there then than them they not all any "
        "one some does give make tell show want need right now just only also given return returns value function",
    )
)


# -- what came with it -------------------------------------------------------


def parts_of(request: Request) -> Iterator[AnyPart]:
    """Every part, those inside tool results too."""
    for message in request.messages:
        for part in message.parts:
            yield part
            if isinstance(part, ToolResult):
                yield from part.content


def received(request: Request) -> str:
    """ "3 messages, 1 image and 2 documents"."""
    found = Counter(
        KINDS.get(part.media_type.partition("/")[0], "document")
        for part in parts_of(request)
        if isinstance(part, Media)
    )
    counts = [(len(request.messages), "message")]
    counts += [(found[kind], kind) for kind in ("image", "sound", "film", "document") if found[kind]]
    told = [f"{count} {kind}{'' if count == 1 else 's'}" for count, kind in counts]
    return told[0] if len(told) == 1 else f"{', '.join(told[:-1])} and {told[-1]}"


def digest(request: Request, model: str, *more: object) -> str:
    """Letters and figures that are the same for the same conversation, and only for it."""
    said = hashlib.sha256()
    for word in (model, *more, *(tool.name for tool in request.tools), *conversation(request)):
        said.update(f"{word}\0".encode("utf-8", "surrogatepass"))
    return said.hexdigest()[:16]


def conversation(request: Request) -> Iterator[str]:
    for message in request.messages:
        yield f"-- {message.role}"
    for part in parts_of(request):
        match part:
            case Text(text=text) | Refusal(text=text) | Reasoning(text=text):
                yield text
            case ToolCall(id=id, name=name, arguments=arguments):
                yield f"{id} {name} {arguments}"
            case ToolResult(call_id=id):
                yield id
            case Media(source=Base64(data)):
                yield f"{len(data)} {data[:EDGE]} {data[-EDGE:]}"
            case Media(source=Url(place)) | Media(source=FileId(id=place)):
                yield place
            case Opaque(kind=kind):
                yield kind
