"""One conversation in the words of each client's dialect, as badly as clients write it. It knows no codec."""

from __future__ import annotations

import json
from typing import Any

from cases.wires import ANTHROPIC, CHAT, GEMINI, RESPONSES

Turn = tuple[Any, ...]
"""("user", text), ("system", text), ("said", text or None, call...), ("result", id, text...); a call: (id, name, arguments)."""


def history(front: str, *turns: Turn, tools: tuple[str, ...] = ("f", "g"), **more: Any) -> dict[str, Any]:
    """A request with these turns, each written as it stands: nothing is merged, mended or left out."""
    wires = [wire for turn in turns for wire in WRITERS[front](turn)]
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    given: dict[str, Any]
    match front:
        case "openai.chat":
            functions = [{"name": name, "parameters": schema} for name in tools]
            given = {"model": "m", "messages": wires, "tools": [{"type": "function", "function": f} for f in functions]}
        case "openai.responses":
            given = {"model": "m", "input": wires}
            given |= {"tools": [{"type": "function", "name": name, "parameters": schema} for name in tools]}
        case "anthropic":
            given = {"model": "m", "max_tokens": 99, "messages": wires}
            given |= {"tools": [{"name": name, "input_schema": schema} for name in tools]}
        case _:
            given = {
                "contents": wires,
                "tools": [{"functionDeclarations": [{"name": n, "parameters": schema} for n in tools]}],
            }
    if not tools:
        del given["tools"]
    return given | more


def _chat(turn: Turn) -> list[dict[str, Any]]:
    match turn:
        case ("result", id, *texts):
            return [{"role": "tool", "tool_call_id": id, "content": "".join(texts)}]
        case ("said", text, *calls):
            made = [{"id": id, "type": "function", "function": {"name": n, "arguments": a}} for id, n, a in calls]
            return [{"role": "assistant", "content": text} | ({"tool_calls": made} if made else {})]
        case (role, text):
            return [{"role": role, "content": text}]
    raise ValueError(turn)


def _messages(turn: Turn) -> list[dict[str, Any]]:
    match turn:
        case ("result", id, *texts):
            content = [{"type": "text", "text": text} for text in texts]
            return [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": content}]}]
        case ("said", text, *calls):
            said = [] if text is None else [{"type": "text", "text": text}]
            made = [{"type": "tool_use", "id": id, "name": n, "input": json.loads(a or "{}")} for id, n, a in calls]
            return [{"role": "assistant", "content": [*said, *made]}]
        case (role, text):
            return [{"role": role, "content": text}]
    raise ValueError(turn)


def _items(turn: Turn) -> list[dict[str, Any]]:
    match turn:
        case ("result", id, *texts):
            return [{"type": "function_call_output", "call_id": id, "output": "".join(texts)}]
        case ("said", text, *calls):
            said = [] if text is None else [{"role": "assistant", "content": text}]
            return [*said, *({"type": "function_call", "call_id": id, "name": n, "arguments": a} for id, n, a in calls)]
        case (role, text):
            return [{"role": role, "content": text}]
    raise ValueError(turn)


def _contents(turn: Turn) -> list[dict[str, Any]]:
    match turn:
        case ("result", id, *texts):
            found = {"id": id, "name": "g" if id == "b" else "f", "response": {"result": "".join(texts)}}
            return [{"role": "user", "parts": [{"functionResponse": found}]}]
        case ("said", text, *calls):
            said = [] if text is None else [{"text": text}]
            made = [{"functionCall": {"id": id, "name": n, "args": json.loads(a or "{}")}} for id, n, a in calls]
            return [{"role": "model", "parts": [*said, *made]}]
        case (role, text):
            return [{"role": role, "parts": [{"text": text}]}]
    raise ValueError(turn)


WRITERS = {CHAT: _chat, RESPONSES: _items, ANTHROPIC: _messages, GEMINI: _contents}


# -- the same, as a provider was asked ----------------------------------------------------------------


def results(back: str, wire: dict[str, Any]) -> list[tuple[str, str]]:
    """The results of tools in a request, each as (id or name of its call, text)."""
    found: list[tuple[str, str]] = []
    match back:
        case "openai.chat":
            found = [(m["tool_call_id"], text_of(m["content"])) for m in wire["messages"] if m["role"] == "tool"]
        case "openai.responses":
            found = [
                (i["call_id"], text_of(i["output"])) for i in wire["input"] if i.get("type") == "function_call_output"
            ]
        case "anthropic":
            blocks = [b for m in wire["messages"] for b in m["content"] if b["type"] == "tool_result"]
            found = [(b["tool_use_id"], text_of(b.get("content", ""))) for b in blocks]
        case "bedrock.converse":
            told = [b["toolResult"] for m in wire["messages"] for b in m["content"] if "toolResult" in b]
            found = [(b["toolUseId"], text_of(b["content"])) for b in told]
        case _:
            parts = [p["functionResponse"] for c in wire["contents"] for p in c["parts"] if "functionResponse" in p]
            found = [(p.get("id", p["name"]), str(next(iter(p["response"].values()), ""))) for p in parts]
    return found


def calls(back: str, wire: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """The calls in a request, each as (id, name, arguments)."""
    match back:
        case "openai.chat":
            made = [c for m in wire["messages"] for c in m.get("tool_calls") or ()]
            return [(c["id"], c["function"]["name"], json.loads(c["function"]["arguments"])) for c in made]
        case "openai.responses":
            items = [i for i in wire["input"] if i.get("type") == "function_call"]
            return [(i["call_id"], i["name"], json.loads(i["arguments"])) for i in items]
        case "anthropic":
            blocks = [b for m in wire["messages"] for b in m["content"] if b["type"] == "tool_use"]
            return [(b["id"], b["name"], b["input"]) for b in blocks]
        case "bedrock.converse":
            uses = [b["toolUse"] for m in wire["messages"] for b in m["content"] if "toolUse" in b]
            return [(u["toolUseId"], u["name"], u["input"]) for u in uses]
    parts = [p["functionCall"] for c in wire["contents"] for p in c["parts"] if "functionCall" in p]
    return [(p.get("id", p["name"]), p["name"], p.get("args", {})) for p in parts]


def tools(back: str, wire: dict[str, Any]) -> dict[str, Any]:
    """The tools in a request: name -> schema of the arguments."""
    given = wire.get("tools") or []
    match back:
        case "openai.chat":
            return {t["function"]["name"]: t["function"].get("parameters") for t in given}
        case "openai.responses":
            return {t["name"]: t.get("parameters") for t in given}
        case "anthropic":
            return {t["name"]: t["input_schema"] for t in given}
        case "bedrock.converse":
            specs = [t["toolSpec"] for t in wire.get("toolConfig", {}).get("tools", ()) if "toolSpec" in t]
            return {s["name"]: s["inputSchema"]["json"] for s in specs}
    declared = [d for t in given for d in t.get("functionDeclarations", ())]
    return {d["name"]: d.get("parametersJsonSchema", d.get("parameters")) for d in declared}


def text_of(content: Any) -> str:
    """The text of a content that may be a string or an array of parts."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content or ())


def texts(back: str, wire: dict[str, Any], role: str) -> list[str]:
    """The texts of one role, turn by turn; empty ones too, where a turn has them."""
    match back:
        case "openai.responses":
            turns = [i for i in wire["input"] if "role" in i] if not isinstance(wire["input"], str) else []
            return [text_of(i["content"]) for i in turns if i["role"] == role]
        case "gemini":
            theirs = "model" if role == "assistant" else role
            return [text_of(c["parts"]) for c in wire["contents"] if c["role"] == theirs]
    return [text_of(m["content"]) for m in wire["messages"] if m["role"] == role]
