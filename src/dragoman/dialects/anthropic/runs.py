"""What Anthropic's own tools did: searches of the web and code that was run, as a call and its result; to the neutral
form and back.

It knows no stream. Blocks that the gateway made of another provider's are told from Anthropic's own by their ids.
"""

from __future__ import annotations

from msgspec.structs import replace

from dragoman.core.codec import Wire
from dragoman.core.ir import AnyPart, Json, Opaque, Run, Text, ToolCall
from dragoman.core.tools import found
from dragoman.dialects.anthropic.parts import arguments

OURS = "srvtoolu_dragoman_"
"""How the ids of such calls begin where another provider's tool did it: Anthropic would refuse them."""
UNSEALED = ""
"""Stands where Anthropic's own search has sealed bytes: it takes back only those."""

# -- decode ------------------------------------------------------------------


class Runs:
    """Tells with each result what was asked: it stands in the call before."""

    def __init__(self) -> None:
        self._asked: dict[str, str] = {}

    def told(self, part: AnyPart) -> AnyPart:
        match part:
            case ToolCall(server=True, id=id, arguments=text):
                self._asked[id] = text
            case Opaque(raw=dict() as raw):
                return self._result(part, raw)
        return part

    def _result(self, part: Opaque, wire: Wire) -> Opaque:
        id = wire.get("tool_use_id")
        asked = arguments(self._asked.get(id, "")) if isinstance(id, str) else None
        return replace(part, run=decode_run(wire, asked)) if isinstance(asked, dict) else part


def decode_run(wire: Wire, asked: Wire) -> Run | None:
    match wire, asked:
        case {"type": "web_search_tool_result", "content": content}, {"query": str(query)} if query:
            failed = not isinstance(content, list)
            return Run("web_search", queries=(query,), sources=found(content), failed=failed)
        case {"type": "code_execution_tool_result", "content": dict(content)}, {"code": str(code)} if code:
            texts = [text for name in ("stdout", "stderr") if isinstance(text := content.get(name), str)]
            failed = bool(content.get("return_code")) or not texts
            return Run("code_execution", code=code, output="".join(texts) if texts else None, failed=failed)
    return None


# -- encode ------------------------------------------------------------------


def encode_run(run: Run, id: str) -> tuple[Wire, Wire]:
    """The call and its result."""
    if run.tool == "web_search":
        input: Wire = {"query": "; ".join(run.queries)}
    else:
        input = {"code": run.code}
    call: Wire = {"type": "server_tool_use", "id": id, "name": run.tool, "input": input}
    return call, {"type": f"{run.tool}_tool_result", "tool_use_id": id, "content": encode_found(run)}


def encode_found(run: Run) -> Json:
    if run.tool == "code_execution":
        told = {"stdout": run.output or "", "stderr": "", "return_code": int(run.failed), "content": []}
        return {"type": "code_execution_result"} | told
    if run.failed:
        return {"type": "web_search_tool_result_error", "error_code": "unavailable"}
    return [
        {
            "type": "web_search_result",
            "url": source.url,
            "title": source.title or "",
            "encrypted_content": UNSEALED,
            "page_age": None,
        }
        for source in run.sources
    ]


# -- in a history, on its way to Anthropic ----------------------------------------------


def foreign(block: Json) -> bool:
    """Whether a block tells of what another provider's tool did or found: Anthropic never saw it."""
    match block:
        case {"type": "server_tool_use", "id": str(id)} | {"tool_use_id": str(id)} if id.startswith(OURS):
            return True
        case {"type": "web_search_tool_result", "content": list(pages)}:
            return any(isinstance(one, dict) and one.get("encrypted_content") == UNSEALED for one in pages)
        case {"type": "text", "citations": list(notes)}:
            return any(unsealed(note) for note in notes)
    return False


def strangers(parts: tuple[AnyPart, ...]) -> set[int]:
    """The places of calls of tools that another provider ran, and of their results."""
    results = {i: part.raw for i, part in enumerate(parts) if isinstance(part, Opaque) and foreign(part.raw)}
    ids = {id for raw in results.values() if isinstance(raw, dict) and isinstance(id := raw.get("tool_use_id"), str)}
    calls = {i: part.id for i, part in enumerate(parts) if isinstance(part, ToolCall) and part.server}
    return {*results, *(i for i, id in calls.items() if id.startswith(OURS) or id in ids)}


def unsealed(note: Json) -> bool:
    kind = "web_search_result_location"
    return isinstance(note, dict) and note.get("type") == kind and note.get("encrypted_index") == UNSEALED


def without_unsealed(part: Text) -> Text:
    """The text without citations of pages that Anthropic never saw."""
    return replace(part, citations=tuple(citation for citation in part.citations if not unsealed(citation.extra)))
