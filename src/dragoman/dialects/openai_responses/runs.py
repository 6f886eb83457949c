"""What OpenAI's own tools did: searches of the web and code that was run, as items; to the neutral form and back.

It knows no stream.
"""

from __future__ import annotations

from dragoman.core.codec import Wire
from dragoman.core.ir import Json, Run
from dragoman.core.tools import found

KINDS = {"web_search": "web_search_call", "code_execution": "code_interpreter_call"}
PREFIXES = {"web_search_call": "ws_", "code_interpreter_call": "ci_"}


def decode_run(wire: Wire) -> Run | None:
    """What such an item tells; None for all else: a page that was opened is no search."""
    failed = wire.get("status") == "failed"
    match wire:
        case {"type": "web_search_call", "action": {"type": "search"} as action}:
            told = action.get("queries") or [action.get("query")]
            queries = tuple(each for each in told if isinstance(each, str) and each) if isinstance(told, list) else ()
            sources = found(action.get("sources"))
            return Run("web_search", queries=queries, sources=sources, failed=failed) if queries else None
        case {"type": "code_interpreter_call", "code": str(code)} if code:
            return Run("code_execution", code=code, output=decode_output(wire.get("outputs")), failed=failed)
    return None


def decode_output(wires: Json) -> str | None:
    """What the code wrote; None where that is not told: OpenAI tells it those who ask in `include`."""
    logs = [wire.get("logs") for wire in wires if isinstance(wire, dict)] if isinstance(wires, list) else []
    texts = [text for text in logs if isinstance(text, str)]
    return "".join(texts) if texts else None


def born(run: Run) -> Wire:
    """What the item of another provider's tool says from its first event on. Its code is told bit by bit."""
    if run.tool == "code_execution":
        return {"code": "", "container_id": "", "outputs": None}
    action: Wire = {"type": "search", "query": next(iter(run.queries), ""), "queries": list(run.queries)}
    if run.sources:
        action["sources"] = [{"type": "url", "url": source.url} for source in run.sources]
    return {"action": action}


def done(run: Run) -> Wire:
    """What it says at last."""
    ended: Wire = {"status": "failed" if run.failed else "completed"}
    if run.tool == "code_execution":
        outputs = None if run.output is None else [{"type": "logs", "logs": run.output}]
        ended |= {"code": run.code, "outputs": outputs}
    return ended


def steps(run: Run) -> list[tuple[str, Wire]]:
    """The events between its first and its last, each with its members."""
    kind = f"response.{KINDS[run.tool]}"
    told: list[tuple[str, Wire]] = [(f"{kind}.in_progress", {})]
    if run.tool == "code_execution":
        told += [(f"{kind}_code.delta", {"delta": run.code}), (f"{kind}_code.done", {"code": run.code})]
    told.append((f"{kind}.{'interpreting' if run.tool == 'code_execution' else 'searching'}", {}))
    return told if run.failed else [*told, (f"{kind}.completed", {})]
