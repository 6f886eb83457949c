"""The tools that not every provider has: those that providers run themselves, which of them are the same thing, and
what becomes of one that has no equal; and those that take free text.

It knows the tools' names, and no dialect.
"""

from __future__ import annotations

import msgspec

from dragoman.core.codec import Context
from dragoman.core.errors import invalid
from dragoman.core.ir import Json, Tool

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


def place(tool: Tool, ctx: Context, otherwise: str = "tools") -> str:
    """The path of a tool in the request that is being encoded; where that is not known, the other one."""
    tools = ctx.request.tools if ctx.request is not None else ()
    return next((f"tools[{i}]" for i, other in enumerate(tools) if other is tool), otherwise)


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


# -- free text ---------------------------------------------------------------------

GRAMMAR = "{description}\n\nThe input must fit this {syntax} grammar:\n{definition}"


def free_text(name: str, description: str | None, syntax: str | None, grammar: str | None) -> Tool:
    """A tool that takes any text, or text of a grammar: where none is known, a function with one string (case 126)."""
    told = description or ""
    if grammar:
        told = GRAMMAR.format(description=told, syntax=syntax or "lark", definition=grammar).strip()
    parameters = {
        "type": "object",
        "properties": {"input": {"type": "string", "description": "The whole input of the tool, as it is."}},
        "required": ["input"],
        "additionalProperties": False,
    }
    return Tool(name=name, description=told or None, parameters=parameters)


def call_input(arguments: str) -> str:
    """The text for such a tool in the arguments of its function; all of them where they are something else."""
    try:
        said: Json = msgspec.json.decode(arguments or "{}")
    except (msgspec.DecodeError, RecursionError):
        return arguments
    inner = said.get("input", None if said else "") if isinstance(said, dict) else None
    return inner if isinstance(inner, str) else arguments
