"""An answer in Responses as a client reads it: the answer around its items, the items, and both of them whole.

It knows nothing of how the answer came to be, and nothing of events.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from dragoman.core.codec import QUIET, Context, Wire
from dragoman.core.content import legal_name
from dragoman.core.ir import (
    AnyPart,
    Extra,
    Finish,
    Media,
    Opaque,
    Reasoning,
    Request,
    Response,
    Stop,
    Text,
    ToolCall,
)
from dragoman.core.leaving import leave_parts
from dragoman.core.tools import shown
from dragoman.dialects.openai_responses import runs
from dragoman.dialects.openai_responses.ends import encode_stop, encode_usage
from dragoman.dialects.openai_responses.items import (
    CUSTOM,
    EMPTY,
    MORE,
    STRING,
    Spelling,
    content_of,
    encode_call,
    encode_own_reasoning,
    encode_picture,
    encode_reasoning,
    holds_nothing,
    in_message,
    kind_of,
    own,
)
from dragoman.dialects.openai_responses.parts import DIALECT, lose_marks, spelled
from dragoman.dialects.openai_responses.question import encode_format, encode_settings, written

# -- the answer around its items ---------------------------------------------------

DEFAULTS: Wire = {
    "background": False,
    "completed_at": None,
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
"""What an answer says of its request where the request said nothing; OpenAI's own answers hold all of these."""
CREATED = QUIET + "created_at"
YET_UNKNOWN: Wire = {"error": None, "incomplete_details": None}
"""What an answer that has begun says of its end; SDKs read both without asking."""
MADE = ("completed_at", "error", "incomplete_details")
"""Those of them that tell of the answer itself; all others repeat the request."""


def echo(request: Request | None) -> Wire:
    """What an answer repeats of its request, as the client wrote it."""
    if request is None or request.origin != DIALECT:
        return {}
    ctx = Context()
    ctx.going(DIALECT, DIALECT)
    asked = written(encode_settings(request, ctx) | encode_format(request, ctx), request, ctx)
    told = [message for message in request.messages if spelled(message.extra, "instructions")]
    if told:
        asked["instructions"] = "".join(part.text for part in told[0].parts if isinstance(part, Text))
    names = (*DEFAULTS, "conversation")
    return {name: value for name in names if name not in MADE and (value := asked.get(name)) is not None}


def head(id: str, model: str, extra: Extra, ctx: Context) -> Wire:
    """An answer that has begun."""
    extra = dict(extra)
    created = extra.pop(CREATED, None)
    wire: Wire = {
        "id": (id if ctx.at_home else "") or ctx.new_id("resp_"),
        "object": "response",
        "created_at": created if ctx.at_home and created is not None else ctx.now(),
        "status": "in_progress",
        "model": ctx.model or model,
        "output": [],
        "usage": None,
    }
    wire |= YET_UNKNOWN | gone_on_from(ctx.request) if ctx.at_home else DEFAULTS | echo(ctx.request)
    return ctx.carry(wire, extra, "")


def gone_on_from(request: Request | None) -> Wire:
    """What the gateway kept from the provider and the answer has to say all the same."""
    extra = request.extra if request is not None else {}
    names = [QUIET + name for name in ("previous_response_id", "conversation")]
    return {name[1:]: extra[name] for name in names if name in extra}


def tail(begun: Wire, output: list[Wire], finish: Finish, ctx: Context) -> Wire:
    """The same answer, ended."""
    wire = begun | encode_stop(finish.stop) | {"output": output}
    extra = dict(finish.extra)
    if ctx.at_home:
        for name in ("status", "incomplete_details", "error"):
            if QUIET + name in extra or name in extra or wire.get(name) is None:
                wire.pop(name, None)
    elif wire["status"] == "completed":
        wire["completed_at"] = ctx.now()
    if finish.stop.sequence is not None and not ctx.at_home:
        ctx.lose("stop.sequence", "which words ended the answer is not told here")
    if not (ctx.at_home and "usage" in extra):
        wire["usage"] = encode_usage(finish.usage, ctx)
    else:
        del wire["usage"]
    return ctx.carry(wire, extra, "")


# -- items ------------------------------------------------------------------------------

BORN: dict[str, Wire] = {
    "message": {"role": "assistant", "content": []},
    "reasoning": {"summary": []},
    "image_generation_call": {"result": None},
}
PREFIXES = {
    "message": "msg_",
    "reasoning": "rs_",
    "function_call": "fc_",
    CUSTOM: "ctc_",
    "image_generation_call": "ig_",
    **runs.PREFIXES,
}


class Items:
    """Makes items of parts: each with an id, and with the state it ended in."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._calls = 0
        self._response = ""
        self._spelling = Spelling(ctx.request)

    def named(self, response: str) -> None:
        self._response = response

    def kind(self, part: AnyPart, path: str) -> str | None:
        kind = kind_of(part, self._ctx, self._spelling)
        if kind is None or (isinstance(part, Opaque) and not self._ctx.at_home):
            shown(part, self._ctx, path)
        return kind

    def born(self, part: AnyPart, kind: str) -> Wire:
        """The item as its first event tells it: nothing in it yet."""
        ctx = self._ctx
        if isinstance(part, Opaque) and part.run and not ctx.at_home:
            return {"id": ctx.new_id(PREFIXES[kind]), "type": kind, "status": "in_progress"} | runs.born(part.run)
        if isinstance(part, Opaque) and not in_message(part):
            return dict(part.raw) if isinstance(part.raw, dict) else {"type": kind}
        id = part.extra.get(QUIET + "id") if ctx.at_home else None
        wire: Wire = {"id": id or ctx.new_id(PREFIXES[kind]), "type": kind, "status": "in_progress"}
        if kind == "reasoning":
            del wire["status"]  # OpenAI's have none
        wire |= BORN.get(kind, {})
        if isinstance(part, ToolCall):
            call = part if part.id else replace(part, id=self._made())
            self._calls += 1
            wire |= encode_call(call, kind)
            wire["input" if kind == CUSTOM else "arguments"] = ""
            if (space := self._spelling.namespaces.get(part.name)) and not ctx.at_home:
                wire["namespace"] = space
        return wire

    def _made(self) -> str:
        """An id for a call that has none: short, plain, and the same whenever the same is told."""
        return f"call_{legal_name(self._response, 30)}_{self._calls}"

    def done(self, wire: Wire, part: AnyPart, stop: Stop | None, path: str) -> Wire:
        """The item as its last event tells it; `stop` is known for the very last one (case 121)."""
        ctx = self._ctx
        if isinstance(part, Opaque) and part.run and not ctx.at_home:
            lose_marks(part, ctx, path)
            return wire | runs.done(part.run)
        if isinstance(part, Opaque) and not in_message(part):
            return wire
        kind = wire["type"]
        cut = stop is not None and stop.reason in ("length", "content_filter", "error")
        ended: Wire = {"status": "incomplete" if cut else "completed"} if "status" in wire else {}
        match part:
            case ToolCall():
                said = encode_call(part, kind)
                name = "input" if kind == CUSTOM else "arguments"
                ended[name] = said[name] if not cut or part.arguments else ""
                if ctx.at_home and (spelled(part.extra, name) or name in part.extra):
                    ended[name] = part.arguments
            case Reasoning():
                ended |= self._reasoned(part)
            case Media():
                ended |= encode_picture(part)
            case _:
                pass
        if not in_message(part):
            lose_marks(part if not isinstance(part, Reasoning) else replace(part, signature=None), ctx, path)
        return self.left(wire | ended, part, path)

    def _reasoned(self, part: Reasoning) -> Wire:
        told = spelled(part.extra, "summary", "content") or "summary" in part.extra
        return encode_own_reasoning(part) if self._ctx.at_home and told else encode_reasoning(part, self._ctx)

    def left(self, wire: Wire, part: AnyPart, path: str) -> Wire:
        """The item with what its part left over; at home its own state stands."""
        ctx = self._ctx
        if not ctx.at_home:
            return wire if in_message(part) else ctx.carry(wire, part.extra, path)
        extra = own(part)
        for name in extra:
            bare = name.removeprefix(QUIET)
            if bare in ("status", "summary", "content", "result", "role", "output_format"):
                wire.pop(bare, None)
        return ctx.carry(wire, extra, path)


def encode_response(response: Response, ctx: Context) -> Wire:
    ctx.going(response.origin, DIALECT)
    leave_parts(response.parts, ctx)
    items = Items(ctx)
    created = {name: value for name, value in response.extra.items() if name == CREATED}
    wire = head(response.id, response.model, created, ctx)
    items.named(wire["id"])
    groups = list(grouped(response.parts, items, ctx))
    output: list[Wire] = []
    for i, (kind, parts, path) in enumerate(groups):
        stop = response.stop if i == len(groups) - 1 else None
        if kind == "message":
            output.append(encode_message(parts, items, stop, ctx))
        else:
            output.append(items.done(items.born(parts[0], kind), parts[0], stop, path))
    extra = {name: value for name, value in response.extra.items() if name != CREATED}
    return tail(wire, output, Finish(stop=response.stop, usage=response.usage, extra=extra), ctx)


def grouped(parts: tuple[AnyPart, ...], items: Items, ctx: Context) -> Iterator[tuple[str, list[AnyPart], str]]:
    """The parts of each item; texts that follow each other are one message, at home those that were."""
    message: list[AnyPart] = []
    for i, part in enumerate(parts):
        path = f"parts[{i}]"
        kind = items.kind(part, path)
        if kind is None or (kind == "message" and not ctx.at_home and holds_nothing(part)):
            continue
        if message and (kind != "message" or (ctx.at_home and MORE not in part.extra)):
            yield "message", message, ""
            message = []
        if kind == "message":
            message.append(part)
        else:
            yield kind, [part], path
    if message:
        yield "message", message, ""


def encode_message(parts: list[AnyPart], items: Items, stop: Stop | None, ctx: Context) -> Wire:
    wire = items.born(parts[0], "message")
    told = [content for i, part in enumerate(parts) if (content := content_of(part, ctx, f"parts[{i}]"))]
    wire["content"] = told
    if ctx.at_home and isinstance(parts[0], Text):
        if STRING in parts[0].extra:
            wire["content"] = parts[0].text
        if EMPTY in parts[0].extra:
            wire["content"] = []
    wire = items.done(wire, parts[0], stop, "parts")
    return {**wire, "content": wire.get("content", told)}
