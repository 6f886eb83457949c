"""The messages of a request as a provider of Chat Completions takes them.

It knows nothing of the request's settings, and nothing of answers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from msgspec.structs import replace

from dragoman.core.codec import QUIET, Context, Wire, clean, dumps
from dragoman.core.content import legal_name
from dragoman.core.ir import (
    AnyPart,
    Extra,
    Json,
    Media,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from dragoman.core.schema_back import earlier
from dragoman.dialects.openai_chat.parts import (
    FORMATS,
    FROM_FUNCTION_CALL,
    REASONING,
    as_written,
    encode_call,
    encode_details,
    encode_part,
    encode_seal,
    lose_signature,
    mark,
    plain,
    spelled,
)

# -- names and ids a provider takes ---------------------------------------------------


def tool_name(name: str, ctx: Context) -> str:
    """A tool's name as every server takes it, restored in the answer (case 71)."""
    legal = legal_name(name) or "tool"
    if legal != name:
        ctx.renamed[legal] = name
    return legal


def tool_id(id: str, ctx: Context) -> str:
    """A call's id as this server takes it: the same for a call and its result (cases 42, 70)."""
    profile = ctx.profile
    legal = id
    if profile.tool_id is not None and not re.fullmatch(profile.tool_id, id):
        digest = hashlib.sha256(id.encode("utf-8", "surrogatepass")).hexdigest()
        made = (digest[:n] for n in range(min(profile.tool_id_limit, 40), 0, -1))
        legal = next((each for each in made if re.fullmatch(profile.tool_id, each)), id)
    elif len(id) > profile.tool_id_limit:
        legal = legal_name(id, profile.tool_id_limit)
    if legal != id:
        ctx.renamed[legal] = id
    return legal


# -- messages ---------------------------------------------------------------------------


class Turns:
    """Messages as they are written, one after the other. What a tool message cannot hold waits for the turn's end."""

    def __init__(self, ctx: Context) -> None:
        self.wires: list[Wire] = []
        self._ctx = ctx
        self._shown: list[Wire] = []  # media of results, and of answers: chat takes them from users only (case 59)
        self._owed: dict[str, None] = {}  # calls without a result so far

    def add(self, message: Message, path: str) -> None:
        match message.role:
            case "assistant":
                self.close()
                self._assistant(message, path)
            case "system":
                self.close()
                self._system(message, path)
            case "user":
                self._user(message, path)

    def close(self) -> None:
        """The end of a turn: calls nobody answered get a word for it (case 40), then come the media."""
        for id in self._owed if not self._ctx.at_home else ():
            self._ctx.lose("messages", f"call {id} has no result; a placeholder stands for it", "emulated")
            self.wires.append(
                {"role": "tool", "tool_call_id": tool_id(id, self._ctx), "content": "[no result recorded]"}
            )
        self._owed.clear()
        if self._shown:
            self.wires.append({"role": "user", "content": self._shown})
            self._shown = []

    def _system(self, message: Message, path: str) -> None:
        ctx = self._ctx
        parts: list[Wire] = []
        shown: list[Wire] = []  # this API takes text alone from the system (case 66)
        for i, part in enumerate(unmarked(message, ctx)):
            if wire := encode_part(part, ctx, f"{path}.parts[{i}]"):
                (shown if isinstance(part, Media) and not ctx.at_home else parts).append(wire)
        developer = ctx.profile.developer_role and message.extra.get(QUIET + "role") == "developer"
        self._say("developer" if developer and ctx.at_home else "system", message, parts, path)
        self._show(shown, "Media of the system prompt:", path)

    def _user(self, message: Message, path: str) -> None:
        parts = [(f"{path}.parts[{i}]", part) for i, part in enumerate(unmarked(message, self._ctx))]
        results = [(at, part) for at, part in parts if isinstance(part, ToolResult)]
        for at, result in results:
            self._result(result, message, at)
        if results and len(results) == len(parts):
            if message.name and not self._ctx.at_home:
                self._ctx.lose(f"{path}.name", "results of tools have no author here")
            return
        said: list[Wire] = []
        if results:
            said, self._shown = self._shown, []
        self.close()
        for at, part in parts:
            if not isinstance(part, ToolResult) and (wire := encode_part(part, self._ctx, at)):
                said.append(wire)
        self._say("user", message, said, path)

    def _say(self, role: str, message: Message, parts: list[Wire], path: str) -> None:
        ctx = self._ctx
        if not parts and not ctx.at_home:
            return
        raw = as_written(ctx) and spelled(message.extra, "content")
        wire = {"role": role, "content": None if raw else plain(parts)} | clean({"name": message.name})
        self.wires.append(ctx.carry(wire, left(message.extra, ctx), path))

    # -- results

    def _result(self, result: ToolResult, message: Message, path: str) -> None:
        ctx = self._ctx
        id = tool_id(result.call_id, ctx)
        if as_written(ctx) and spelled(result.extra, "role"):  # of a function, before November 2023
            wire: Wire = {"role": "function", "name": message.name, "content": self._told(result, path)}
            self.wires.append(ctx.carry(wire, result.extra, path))
            return
        content = self._told(result, path)
        if result.is_error:
            ctx.lose(f"{path}.is_error", "said in words: this dialect has no mark for it", "emulated")
            said = content if isinstance(content, str) else ""
            content = said if said[:5].lower() == "error" else f"Error: {said}"
        if result.call_id not in self._owed and not ctx.at_home:
            ctx.lose(path, f"there is no call {result.call_id}; its result is told as text", "emulated")
            self._shown.append({"type": "text", "text": f"[result of tool call {id}]: {content or ''}"})
            return
        self._owed.pop(result.call_id, None)
        own = as_written(ctx) and spelled(result.extra, "cache_control")
        marked = {} if own else mark(result.cache, ctx, path)
        if marked and isinstance(content, str):
            content = [{"type": "text", "text": content} | marked]
        wire = {"role": "tool", "tool_call_id": id, "content": content}
        if ctx.at_home and message.name:
            wire["name"] = message.name
        extra = result.extra
        if spelled(extra, "tool_call_id") and ctx.profile.tool_id is None and as_written(ctx):
            wire["tool_call_id"] = None
        self.wires.append(ctx.carry(wire, left(extra, ctx), path))

    def _told(self, result: ToolResult, path: str) -> Json:
        """The text of a result. Its media are shown by the user afterwards, under the id of the call."""
        ctx = self._ctx
        if as_written(ctx):
            if spelled(result.extra, "content"):
                return None
            wires = [wire for part in result.content if (wire := encode_part(part, ctx, path))]
            return plain(wires) if wires else None
        texts: list[str] = []
        shown: list[Wire] = []
        for part in result.content:
            match part:
                case Text(text=text):
                    texts.append(text)
                    lose_signature(part, ctx, path)
                case Media():
                    shown += [wire for wire in (encode_part(part, ctx, path),) if wire]
                case Opaque(kind=kind, raw=raw):
                    ctx.lose(path, f"{kind} is told as JSON", "emulated")
                    texts.append(dumps(raw))
        self._show(shown, f"Content of the result of tool call {tool_id(result.call_id, ctx)}:", path)
        return "\n".join(text for text in texts if text)

    def _show(self, wires: list[Wire], label: str, path: str) -> None:
        if wires:
            self._ctx.lose(path, "media are shown in a user message after it", "emulated")
            self._shown += [{"type": "text", "text": label}, *wires]

    # -- answers of earlier turns

    def _assistant(self, message: Message, path: str) -> None:
        ctx = self._ctx
        calls: list[Wire] = []
        thoughts: list[Reasoning] = []
        said: list[Wire] = []
        shown: list[Wire] = []
        for i, part in enumerate(unmarked(message, ctx)):
            at = f"{path}.parts[{i}]"
            match part:
                case ToolCall(server=False):
                    self._owed[part.id] = None
                    calls += self._call(part, message, at)
                case ToolCall() | ToolResult():
                    ctx.lose(at, "a tool run by another provider")
                case Reasoning() if not (as_written(ctx) and spelled(part.extra, "type")):
                    thoughts.append(part)
                case Media():
                    if not as_written(ctx):
                        shown += [wire for wire in (encode_part(part, ctx, at),) if wire]
                case Refusal() if as_written(ctx) and not spelled(part.extra, "type"):
                    pass  # it goes home in its own field
                case Opaque() if not ctx.at_home:
                    ctx.lose(at, f"a part of type {part.kind!r:.60} has no form here")
                case _:
                    said += [wire for wire in (encode_part(part, ctx, at),) if wire]
        extra, reasoning = self._reasoning(thoughts, message.extra, bool(calls), path)
        raw = as_written(ctx) and spelled(extra, "content")
        content = None if raw or not said else self._joined(said)
        wire: Wire = {"role": "assistant", "content": content} | reasoning
        if calls:
            wire["tool_calls"] = calls
        if ctx.at_home and content is None and "content" not in extra and not raw:
            del wire["content"]
        if ctx.at_home or content is not None or calls:
            self.wires.append(ctx.carry(wire | clean({"name": message.name}), left(extra, ctx), path))
        self._show(shown, "Media of the assistant's last answer:", path)

    def _joined(self, said: list[Wire]) -> Json:
        """Text alone is a string abroad, which every server takes."""
        if not self._ctx.at_home and all(wire.keys() == {"type", "text"} for wire in said):
            return "".join(wire["text"] for wire in said)
        return plain(said)

    def _call(self, call: ToolCall, message: Message, path: str) -> Iterator[Wire]:
        ctx = self._ctx
        written = as_written(ctx)
        if written and call.extra == FROM_FUNCTION_CALL:
            return
        keeps = written and ctx.profile.send_reasoning not in ("refused", "field")
        if keeps and spelled(message.extra, "extra_content"):
            call = replace(call, signature=None)  # it goes home where it was: on the message
        elif not (encode_seal(call.signature) and (keeps or ctx.profile.call_signatures)):
            lose_signature(call, ctx, path)
            call = replace(call, signature=None)
        id = tool_id(call.id, ctx)
        if written and spelled(call.extra, "type"):
            yield ctx.carry({"id": id}, call.extra, path)
            return
        call = replace(call, arguments=earlier(call, ctx)) if ctx.respelled else call
        wire = encode_call(call, id, tool_name(call.name, ctx)) | mark(call.cache, ctx, path)
        if written:
            if spelled(call.extra, "id") and ctx.profile.tool_id is None:
                wire["id"] = None
            if spelled(call.extra.get("function") or {}, "arguments") or not call.arguments:
                wire["function"]["arguments"] = call.arguments or None
        yield ctx.carry(wire, left(call.extra, ctx), path)

    def _reasoning(self, thoughts: list[Reasoning], extra: Extra, called: bool, path: str) -> tuple[Extra, Wire]:
        """What of earlier reasoning goes back, and the message's leftovers without what is told anew."""
        ctx, profile = self._ctx, self._ctx.profile
        field, how = profile.reasoning_field, profile.send_reasoning
        kept = {"none": REASONING, "field": (field,), "details": ("reasoning_details",)}.get(how, ())
        readable = how != "details" or all(not part.signature or part.signature.issuer in FORMATS for part in thoughts)
        if as_written(ctx) and spelled(extra, *kept) and readable:
            foreign = {QUIET + "reasoning_details"} if how == "field" else ()
            return {name: value for name, value in extra.items() if name not in foreign}, {}
        dropped = QUIET_REASONING if how != "refused" else QUIET_REASONING | {QUIET + "extra_content"}
        extra = {name: value for name, value in extra.items() if name not in dropped}
        text = "".join(part.text for part in thoughts)
        if how in ("none", "refused"):
            if thoughts:
                ctx.lose(f"{path}.reasoning", "this provider takes no reasoning back")
            return extra, {}
        if how == "details":
            known = [part for part in thoughts if part.signature is None or part.signature.issuer in FORMATS]
            if len(known) < len(thoughts):
                ctx.lose(f"{path}.signature", "reasoning that another signed is not taken back")
            details = encode_details(known)
            return extra, clean({"reasoning": text or None, "reasoning_details": details or None})
        if any(part.signature for part in thoughts):
            ctx.lose(f"{path}.signature", "this provider takes the text of reasoning only")
        # DeepSeek and Moonshot refuse a call without the field, and a made-up text harms the model (case 77)
        return extra, {field: text} if text or called else {}


QUIET_REASONING = {QUIET + name for name in REASONING}
RESPELLED = {
    QUIET + name
    for name in ("function_call", "role", "extra_content", "images", "annotations", "cache_control", "custom", "type")
}
"""Spellings whose meaning is written otherwise where a request is mended."""


def left(extra: Extra, ctx: Context) -> Extra:
    """The leftovers that may go along: of a mended request neither old spellings nor what asks for nothing."""
    if as_written(ctx) or not ctx.at_home:
        return extra
    known = RESPELLED if extra.get(QUIET + "content") == "" else RESPELLED | {QUIET + "content"}
    return {name: value for name, value in extra.items() if name not in known and value not in (None, [], {})}


def unmarked(message: Message, ctx: Context) -> tuple[AnyPart, ...]:
    """The parts, without the cache mark that goes home on the message itself."""
    parts = message.parts
    if parts and as_written(ctx) and spelled(message.extra, "cache_control"):
        return (*parts[:-1], replace(parts[-1], cache=None))
    return parts
