"""The tools that not every provider has: those that providers run themselves, which of them are the same thing, and
what becomes of one that has no equal; and those that take free text.

It knows the tools' names, and no dialect.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from dragoman.core.codec import Context
from dragoman.core.errors import invalid
from dragoman.core.ir import AnyPart, Json, Message, Opaque, Request, Run, Source, Text, Tool, ToolCall, ToolResult

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


# -- what was run in an answer ---------------------------------------------------------

ASKED = frozenset({"web_search", "code_execution", "executableCode"})
"""Calls and steps of providers' own tools whose results tell of both."""


def shown(part: AnyPart, ctx: Context, path: str) -> Run | None:
    """What a provider's own tool did, to be shown as the client's dialect shows its own; None, and reported, where that
    is not to be had."""
    match part:
        case Opaque(run=Run() as run):
            ctx.lose(path, f"shown as a {run.tool} of this dialect: the rest only {ctx.origin} reads", "emulated")
            return run
        case ToolCall(server=True, name=name) | Opaque(kind=name) if name in ASKED:
            ctx.lose(path, "shown once its result comes", "emulated")
        case _:
            ctx.lose(path, f"a {type(part).__name__.lower()} of the provider's own has no form here")
    return None


def found(wires: Json) -> tuple[Source, ...]:
    """The pages in what a search gave: every provider tells them by url and title."""
    pages = [wire for wire in wires if isinstance(wire, dict)] if isinstance(wires, list) else []
    told = [(page.get("url"), page.get("title")) for page in pages]
    return tuple(
        Source(url, title if isinstance(title, str) and title else None)
        for url, title in told
        if isinstance(url, str) and url
    )


# -- what was run in earlier turns ---------------------------------------------------


def recounted(request: Request, dialect: str, ctx: Context) -> Request:
    """The request with what another provider's own tools did in earlier turns told in words: a search, and what it
    found. At home it stays as it is."""
    if request.origin == dialect:
        return request
    messages = tuple(_recounted(message, f"messages[{i}]", ctx) for i, message in enumerate(request.messages))
    return request if messages == request.messages else replace(request, messages=messages)


def _recounted(message: Message, path: str, ctx: Context) -> Message:
    if message.role != "assistant":
        return message
    parts: list[AnyPart] = []
    for i, part in enumerate(message.parts):
        text = in_words(part)
        if text is not None:
            ctx.lose(f"{path}.parts[{i}]", "what a provider's own tool did is told in words", "emulated")
        parts.append(part if text is None else Text(text=f"[{text}]\n", cache=part.cache))
    return replace(message, parts=tuple(parts))


def in_words(part: AnyPart) -> str | None:
    """What a provider's own tool was asked, or found; None for a part of any other kind."""
    match part:
        case ToolCall(server=True, name=name, arguments=arguments):
            return f"{name}: {arguments or '{}'}"
        case ToolResult(server=True, content=content):
            return "\n".join(each.text for each in content if isinstance(each, Text)) or None
        case Opaque(kind=kind, raw=raw) if kind in CALLS or kind.endswith("_tool_result"):
            found = "; ".join(facts(raw))
            return f"{kind.removesuffix('_tool_result').removesuffix('_call')}: {found}" if found else None
    return None


CALLS = frozenset({"web_search_call", "file_search_call", "code_interpreter_call", "mcp_call"})
FACTS = (
    *("action", "query", "queries", "code", "arguments", "content", "sources", "results", "outputs", "output"),
    *("title", "url", "text", "logs", "stdout", "stderr", "error_code", "error"),
)
"""The members of such a call or result that say something to a reader; others are ids, types and sealed bytes."""


def facts(value: Json, depth: int = 6) -> Iterator[str]:
    if isinstance(value, str) and value:
        yield value
    elif isinstance(value, list) and depth:
        for each in value:
            yield from facts(each, depth - 1)
    elif isinstance(value, dict) and depth:
        for name in FACTS:
            yield from facts(value.get(name), depth - 1)
