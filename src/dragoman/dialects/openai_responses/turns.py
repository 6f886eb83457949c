"""The input of a request: messages of any dialect as the items a provider of Responses takes.

It knows nothing of the request's settings, and nothing of answers. Every repair is reported.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from dragoman.core.codec import QUIET, Context, Wire, dumps
from dragoman.core.content import legal_name
from dragoman.core.ir import AnyPart, Json, Media, Message, Opaque, Reasoning, Refusal, Text, ToolCall, ToolResult
from dragoman.core.schema_back import earlier
from dragoman.dialects.openai_responses.items import (
    EMPTY,
    MORE,
    STRING,
    UNTYPED,
    Spelling,
    content_of,
    encode_call,
    encode_own_reasoning,
    encode_picture,
    in_message,
    kind_of,
    own,
)
from dragoman.dialects.openai_responses.parts import ISSUER, encode_content, lose_marks, spelled, without
from dragoman.dialects.openai_responses.request import ITEM, UNCALLED

NOTHING = "[no result recorded]"

# -- names and ids a provider takes ---------------------------------------------------


def tool_name(name: str, ctx: Context) -> str:
    """A tool's name as every server takes it, restored in the answer (case 71)."""
    legal = legal_name(name) or "tool"
    if legal != name:
        ctx.renamed[legal] = name
    return legal


def tool_id(id: str, ctx: Context) -> str:
    """A call's id, no longer than this server takes: the same for a call and its result (case 70)."""
    if len(id) <= ctx.profile.tool_id_limit:
        return id
    legal = legal_name(id, ctx.profile.tool_id_limit)
    ctx.renamed[legal] = id
    return legal


# -- at home ---------------------------------------------------------------------------


def own_input(messages: tuple[Message, ...], placed: Json, ctx: Context) -> Wire:
    """Instructions and input as they were written."""
    wire: Wire = {}
    rest: list[tuple[str, Message]] = []
    for i, message in enumerate(messages):
        if spelled(message.extra, "instructions") and "instructions" not in wire:
            wire["instructions"] = "".join(part.text for part in message.parts if isinstance(part, Text))
        else:
            rest.append((f"messages[{i}]", message))
    if len(rest) == 1 and spelled(rest[0][1].extra, "input"):
        wire["input"] = "".join(part.text for part in rest[0][1].parts if isinstance(part, Text))
        return wire
    items = [item for path, message in rest for item in own_items(message, ctx, path)]
    for at, item in placed or ():
        items.insert(at, item)
    if items:
        wire["input"] = items
    return wire


def own_items(message: Message, ctx: Context, path: str) -> Iterator[Wire]:
    if message.role == "assistant":
        yield from own_said(message, ctx, path)
        return
    if isinstance(raw := message.extra.get(UNCALLED), dict):
        yield dict(raw)
        return
    for i, part in enumerate(message.parts):
        at = f"{path}.parts[{i}]"
        if isinstance(part, ToolResult):
            yield own_result(part, ctx, at)
        elif isinstance(part, Opaque) and ITEM in part.extra:
            yield dict(part.raw)
    if message.parts and all(isinstance(part, ToolResult) or ITEM in part.extra for part in message.parts):
        return
    said = [part for part in message.parts if not isinstance(part, ToolResult) and ITEM not in part.extra]
    contents = [encode_content(part, "input_text", ctx, path) for part in said]
    role = message.extra.get(QUIET + "role") or message.role
    content: Json = [wire for wire in contents if wire]
    if spelled(message.extra, "content"):
        content = "".join(part.text for part in said if isinstance(part, Text))
    wire: Wire = {"type": "message", "role": role, "content": content}
    if UNTYPED in message.extra:
        del wire["type"]
    yield ctx.carry(wire, without(message.extra, "untyped", "role", "content", "input", "instructions"), path)


def own_result(part: ToolResult, ctx: Context, path: str) -> Wire:
    output: Json = [wire for each in part.content if (wire := encode_content(each, "input_text", ctx, path))]
    if spelled(part.extra, "output"):
        output = "".join(each.text for each in part.content if isinstance(each, Text))
    kind = part.extra.get(QUIET + "type") or "function_call_output"
    return ctx.carry(
        {"type": kind, "call_id": part.call_id, "output": output}, without(part.extra, "type", "output"), path
    )


def own_said(message: Message, ctx: Context, path: str) -> Iterator[Wire]:
    """The items of an assistant, texts of one message together."""
    open: Wire | None = None
    for i, part in enumerate(message.parts):
        at = f"{path}.parts[{i}]"
        if in_message(part):
            if open is not None and MORE in part.extra:
                open["content"].append(content_of(part, ctx, at))
                continue
            if open is not None:
                yield open
            open = own_message(part, ctx, at)
            continue
        if open is not None:
            yield open
            open = None
        if wire := own_item(part, ctx, at):
            yield wire
    if open is not None:
        yield open


def own_message(part: AnyPart, ctx: Context, path: str) -> Wire:
    content: Json = [content_of(part, ctx, path)]
    if STRING in part.extra and isinstance(part, Text):
        content = part.text
    wire: Wire = {"type": "message", "role": "assistant", "content": content}
    if EMPTY in part.extra:
        del wire["content"]
    if UNTYPED in part.extra:
        del wire["type"]
    return ctx.carry(wire, own(part), path)


def own_item(part: AnyPart, ctx: Context, path: str) -> Wire | None:
    kind = kind_of(part, ctx, Spelling(None))
    wire: Wire
    match part:
        case Opaque(raw=dict() as raw):
            return dict(raw)
        case ToolCall() if kind is not None:
            wire = encode_call(part, kind)
            if spelled(part.extra, "arguments") or "arguments" in part.extra:
                del wire["arguments"]
        case Reasoning(signature=signature) if signature is not None and signature.issuer != ISSUER:
            ctx.lose(path, f"only {signature.issuer} can read it")
            return None
        case Reasoning():
            wire = encode_own_reasoning(part)
        case Media() if kind is not None:
            wire = encode_picture(part)
            if not spelled(part.extra, "output_format"):
                del wire["output_format"]
        case _:
            ctx.lose(path, f"a {type(part).__name__.lower()} has no form here")
            return None
    return ctx.carry({"type": kind} | wire, own(part), path)


# -- from elsewhere -------------------------------------------------------------------


class Turns:
    """Items as they are written, one after the other. What an answer cannot hold waits for the turn's end."""

    def __init__(self, ctx: Context) -> None:
        self.items: list[Wire] = []
        self.instructions: list[str] = []
        self._ctx = ctx
        self._shown: list[Wire] = []  # media of earlier answers: taken from users only
        self._owed: dict[str, None] = {}  # calls without a result so far

    def add(self, message: Message, path: str) -> None:
        ctx = self._ctx
        if message.name:
            ctx.lose(f"{path}.name", "messages have no names here")
        ctx.carry({}, message.extra, path)
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
        for id in self._owed:
            self._ctx.lose("messages", f"call {id} has no result; a placeholder stands for it", "emulated")
            call_id = tool_id(id, self._ctx)
            self.items.append({"type": "function_call_output", "call_id": call_id, "output": NOTHING})
        self._owed.clear()
        self._say("user", self._shown)
        self._shown = []

    def ask(self) -> None:
        """Instructions alone are no question: the API wants an input (case 48)."""
        if not self.items:
            told: list[Wire] = [{"type": "input_text", "text": text} for text in self.instructions]
            self._say(self._system_role, told)
            self.instructions = []

    @property
    def _system_role(self) -> str:
        return "developer" if self._ctx.profile.developer_role else "system"

    def _say(self, role: str, content: list[Wire]) -> None:
        if content:
            self.items.append({"type": "message", "role": role, "content": content})

    def _system(self, message: Message, path: str) -> None:
        ctx = self._ctx
        if not self.items and all(isinstance(part, Text) for part in message.parts):
            for i, part in enumerate(message.parts):
                at = f"{path}.parts[{i}]"
                lose_marks(part, ctx, at)
                ctx.carry({}, part.extra, at)
                if isinstance(part, Text) and part.text:
                    self.instructions.append(part.text)
            return
        parts = [(f"{path}.parts[{i}]", part) for i, part in enumerate(message.parts)]
        said = [wire for at, part in parts if (wire := encode_content(part, "input_text", ctx, at))]
        self._say(self._system_role, said)

    def _user(self, message: Message, path: str) -> None:
        parts = [(f"{path}.parts[{i}]", part) for i, part in enumerate(message.parts)]
        results = [(at, part) for at, part in parts if isinstance(part, ToolResult)]
        told: list[Wire] = []  # results without a call
        for at, result in results:
            self._result(result, told, at)
        if not told and len(results) == len(parts):
            return
        self.close()
        others = [(at, part) for at, part in parts if not isinstance(part, ToolResult)]
        said = [wire for at, part in others if (wire := encode_content(part, "input_text", self._ctx, at))]
        self._say("user", told + said)

    def _result(self, result: ToolResult, told: list[Wire], path: str) -> None:
        ctx = self._ctx
        if result.server:
            ctx.lose(path, "ran at another provider")
            return
        lose_marks(result, ctx, path)
        ctx.carry({}, result.extra, path)
        content = tuple(as_told(part, ctx, path) for part in result.content)
        if result.is_error:
            ctx.lose(f"{path}.is_error", "said in words: this dialect has no mark for it", "emulated")
            first = content[0].text if content and isinstance(content[0], Text) else ""
            if first[:5].lower() != "error":
                content = (Text(text=f"Error: {first}"), *(content[1:] if first else content))
        wires = [wire for part in content if (wire := encode_content(part, "input_text", ctx, path))]
        id = tool_id(result.call_id, ctx)
        if result.call_id not in self._owed:
            ctx.lose(path, f"there is no call {result.call_id}; its result is told as text", "emulated")
            told += [{"type": "input_text", "text": f"[result of tool call {id}]:"}, *wires]
            return
        del self._owed[result.call_id]
        self.items.append({"type": "function_call_output", "call_id": id, "output": plain(wires)})

    def _assistant(self, message: Message, path: str) -> None:
        ctx = self._ctx
        texts: list[Wire] = []
        calls: list[Wire] = []
        shown: list[Wire] = []
        for i, part in enumerate(message.parts):
            at = f"{path}.parts[{i}]"
            match part:
                case Text() | Refusal():
                    if wire := content_of(part, ctx, at):
                        texts.append(wire)
                    continue
                case Reasoning():
                    calls = self._thought(part, at)
                case ToolCall(server=False):
                    calls = [self._call(part, at)]
                case ToolCall() | ToolResult():
                    ctx.lose(at, "a tool run by another provider")
                    continue
                case Media():
                    shown += [wire for wire in (encode_content(part, "input_text", ctx, at),) if wire]
                    continue
                case Opaque(kind=kind):
                    ctx.lose(at, f"a part of type {kind!r:.60} has no form here")
                    continue
            self._say("assistant", texts)
            texts = []
            self.items += calls
        self._say("assistant", texts)
        if shown:
            ctx.lose(path, "media of an answer are shown in a user message after it", "emulated")
            label: Wire = {"type": "input_text", "text": "Media of the assistant's last answer:"}
            self._shown += [label, *shown]

    def _thought(self, part: Reasoning, path: str) -> list[Wire]:
        """Reasoning goes back to whom signed it, and to nobody else (case 64)."""
        ctx = self._ctx
        ctx.carry({}, part.extra, path)
        if part.signature is None or part.signature.issuer != ISSUER:
            ctx.lose(path, "reasoning that OpenAI did not sign is not taken back")
            return []
        summary = [{"type": "summary_text", "text": part.text}] if part.text else []
        return [{"type": "reasoning", "summary": summary, "encrypted_content": part.signature.value}]

    def _call(self, call: ToolCall, path: str) -> Wire:
        ctx = self._ctx
        lose_marks(call, ctx, path)
        ctx.carry({}, call.extra, path)
        self._owed[call.id] = None
        id, name = tool_id(call.id, ctx), tool_name(call.name, ctx)
        written = replace(call, id=id, name=name, arguments=earlier(call, ctx))
        return {"type": "function_call"} | encode_call(written, "function_call")


def as_told(part: Text | Media | Opaque, ctx: Context, path: str) -> Text | Media:
    if not isinstance(part, Opaque):
        return part
    ctx.lose(path, f"{part.kind} is told as JSON", "emulated")
    return Text(text=dumps(part.raw))


def plain(parts: list[Wire]) -> Json:
    """Texts alone are one string, which every server takes; with media they are an array (case 59)."""
    if all(part.keys() == {"type", "text"} for part in parts):
        return "\n".join(part["text"] for part in parts)
    return parts
