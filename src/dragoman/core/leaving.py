"""What content leaves behind when it goes abroad: leftovers in the origin's own words, and names of media.

It knows no dialect. What a part itself says is for each dialect to carry, or to report.
"""

from __future__ import annotations

from collections.abc import Iterable

from dragoman.core.codec import Context
from dragoman.core.ir import AnyPart, Citation, Media, Request, Text, ToolResult

FILES = ("application/", "text/")
"""Media that have a name wherever media have one: documents."""


def leave_request(request: Request, ctx: Context, named: tuple[str, ...] = ()) -> None:
    """Reports what the messages of a request leave behind; `named`: types of media whose names are told there."""
    for i, message in enumerate(request.messages):
        if not ctx.at_home:
            ctx.carry({}, message.extra, f"messages[{i}]")
        leave_parts(message.parts, ctx, f"messages[{i}].parts", named)


def leave_parts(parts: Iterable[AnyPart], ctx: Context, path: str = "parts", named: tuple[str, ...] = ()) -> None:
    for i, part in enumerate(parts):
        leave_part(part, ctx, f"{path}[{i}]", named)


def leave_part(part: AnyPart, ctx: Context, path: str, named: tuple[str, ...] = ()) -> None:
    if ctx.at_home:
        return
    ctx.carry({}, part.extra, path)
    match part:
        case Text(citations=citations):
            leave_citations(citations, ctx, path)
        case Media(name=str(), media_type=kind) if not kind.startswith(named or ("\0",)):
            ctx.lose(f"{path}.name", "there is no place for its name")
        case ToolResult(content=content):
            leave_parts(content, ctx, f"{path}.content", named)
        case _:
            pass


def leave_citations(citations: Iterable[Citation], ctx: Context, path: str, *, quoted: bool = True) -> None:
    """Of the citations of a part; `quoted`: the words of a source are told there."""
    for citation in citations if not ctx.at_home else ():
        ctx.carry({}, citation.extra, f"{path}.citations")
        if citation.cited_text and citation.url and not quoted:
            ctx.lose(f"{path}.citations", "which words of the source are cited is not told here")
