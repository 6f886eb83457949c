"""The tools that providers run themselves: which of them are the same thing, and what becomes of one that has no equal.

It knows the tools' names, and no dialect.
"""

from __future__ import annotations

from dragoman.core.codec import Context
from dragoman.core.errors import invalid
from dragoman.core.ir import Tool

SEARCH, CODE = "web search", "code execution"
WORDS = {
    "websearch": SEARCH,
    "websearchpreview": SEARCH,
    "googlesearch": SEARCH,
    "googlesearchretrieval": SEARCH,
    "codeexecution": CODE,
    "codeinterpreter": CODE,
}


def does(tool: Tool) -> str | None:
    """What a provider's own tool does, where several providers have it; dates and versions in its name say nothing."""
    word = (tool.server or "").rstrip("0123456789_-").replace("_", "").replace("-", "").lower()
    return WORDS.get(word)


def leave_out(tool: Tool, ctx: Context, path: str) -> None:
    """Reports a provider's own tool that has no equal here as lost, where the client's own tools are there too and
    nothing asks for just this one: agents declare such tools in every request. Else the answer would be wrong without
    it: raises GatewayError(INVALID_REQUEST)."""
    why = f"{tool.server} is run by providers of {ctx.origin} only"
    request = ctx.request
    others = request is not None and any(other.server is None for other in request.tools)
    if not others or (request.tool_choice.mode == "tool" and request.tool_choice.name in (tool.name, tool.server)):
        raise invalid(path, why)
    ctx.lose(path, why)
