"""Messages of any dialect as turns this API accepts: parts to blocks, roles in turn, calls and results paired.

It knows no settings of a request, only its messages. Every repair is reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from dragoman.core.codec import Context, Wire
from dragoman.core.content import GO_ON, legal_name
from dragoman.core.errors import GatewayError, invalid
from dragoman.core.ir import (
    AnyPart,
    Base64,
    FileId,
    Media,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Url,
)
from dragoman.core.schema_back import earlier
from dragoman.core.tools import in_words
from dragoman.dialects.anthropic.parts import arguments, as_string, encode_own, unpacked
from dragoman.dialects.anthropic.runs import strangers, without_unsealed
from dragoman.dialects.anthropic.words import ATTRIBUTION, ISSUER, encode_cache, legal

IMAGES = {
    "image/jpeg": "image/jpeg",
    "image/jpg": "image/jpeg",
    "image/png": "image/png",
    "image/gif": "image/gif",
    "image/webp": "image/webp",
}
HEADS = {"/9j/": "image/jpeg", "iVBOR": "image/png", "R0lG": "image/gif", "UklG": "image/webp"}
"""How an image begins in base64, whatever the client says it is."""
USERS = ("image", "document", "tool_result")
"""Blocks that stand in a user's turn only."""
TEXTS = ("text/", "application/json", "application/xml", "application/x-yaml", "application/javascript")
NOTHING = "[no result recorded]"
OPENING = "Please answer."
"""The user turn of a conversation that has none: the API wants one, first."""


# -- at home -------------------------------------------------------------------


def own_messages(messages: tuple[Message, ...], ctx: Context) -> tuple[Wire | list[Wire] | str | None, list[Wire]]:
    """The system prompt and the messages as they were written."""
    system: list[Message] = []
    turns: list[Wire] = []
    for i, message in enumerate(messages):
        if message.role == "system" and not turns and "role" not in message.extra:
            system.append(message)
            continue
        path = f"messages[{i}]"
        blocks = own_blocks(message, ctx, path)
        if message.role == "system" and not ctx.profile.system_turns:
            for name in message.extra.keys() - {"content", "role"}:
                ctx.lose(f"{path}.{name}", "this model takes no system message there")
            as_users(blocks, turns, ctx, path)
            continue
        content = blocks[0]["text"] if as_string(message.parts, message.extra) else blocks
        turns.append(ctx.carry({"role": message.role, "content": content}, message.extra, path))
    return own_system(system, ctx), turns


def as_users(blocks: list[Wire], turns: list[Wire], ctx: Context, path: str) -> None:
    """A system message among the others, for a model that takes none: it ends the user's turn before it."""
    if not blocks:  # it only alters settings from there on
        ctx.lose(path, "this model takes no system message there")
        return
    ctx.lose(path, "this model takes no system message there: it is sent as the user's", "emulated")
    if not turns or turns[-1]["role"] != "user":
        turns.append({"role": "user", "content": blocks})
        return
    said = turns[-1]["content"]
    before = [{"type": "text", "text": said}] if isinstance(said, str) else said
    turns[-1] = turns[-1] | {"content": [*before, *blocks]}


def own_blocks(message: Message, ctx: Context, path: str) -> list[Wire]:
    blocks: list[Wire] = []
    strange = strangers(message.parts)
    for j, part in enumerate(message.parts):
        at = f"{path}.parts[{j}]"
        if isinstance(part, Reasoning) and not part.signature:
            ctx.lose(at, "reasoning without a signature is not taken back")
            continue
        if isinstance(part, Reasoning) and part.signature and part.signature.issuer != ISSUER:
            ctx.lose(at, f"only {part.signature.issuer} can read it")
            continue
        blocks += own_block(part, j in strange, ctx, at)
    return blocks


def own_block(part: AnyPart, strange: bool, ctx: Context, path: str) -> list[Wire]:
    """The block as it was written; in words what another provider's own tool did, which Anthropic never saw."""
    if isinstance(part, Text) and part.citations and (kept := without_unsealed(part)) != part:
        ctx.lose(f"{path}.citations", "only pages that this provider found itself can be cited")
        part = kept
    if not strange:
        return [encode_own(part, ctx, path)]
    ctx.lose(path, "what another provider's own tool did is told in words", "emulated")
    words = in_words(part)
    return [encode_own(Text(text=f"[{words}]\n", cache=part.cache), ctx, path)] if words else []


def own_system(messages: list[Message], ctx: Context) -> list[Wire] | str | None:
    if not messages:
        return None
    if len(messages) == 1 and as_string(messages[0].parts, messages[0].extra):
        line = messages[0].extra.get(ATTRIBUTION, "")
        return f"{line}{own_blocks(messages[0], ctx, 'messages[0]')[0]['text']}"
    blocks: list[Wire] = []
    for i, message in enumerate(messages):
        mine = own_blocks(message, ctx, f"messages[{i}]")
        match message.extra.get(ATTRIBUTION):
            case str() as line:
                mine.insert(0, {"type": "text", "text": line.rstrip("\n")})
            case list() as taken:
                for at, block in taken:
                    mine.insert(at, block)
            case _:
                pass
        blocks += mine
    return blocks


# -- from elsewhere: parts -----------------------------------------------------------


def encode_part(part: AnyPart, ctx: Context, path: str) -> Wire | None:
    """The block a part becomes in a question; None where there is none to send."""
    if part.signature and part.signature.issuer != ISSUER:
        ctx.lose(f"{path}.signature", f"only {part.signature.issuer} can read it")
    wire: Wire | None
    match part:
        case Text(text=text) | Refusal(text=text):
            wire = {"type": "text", "text": text} if text.strip() else None
            if isinstance(part, Text) and part.citations:
                ctx.lose(f"{path}.citations", "citations are not taken back here")
        case Reasoning():
            return encode_reasoning(part, ctx, path)
        case Media():
            wire = encode_media(part, path)
        case ToolCall(server=True) | ToolResult(server=True):
            ctx.lose(path, "ran at another provider")
            return None
        case ToolCall():
            wire = encode_call(part, ctx, path)
        case ToolResult():
            wire = encode_result(part, ctx, path)
        case Opaque():
            ctx.lose(path, f"{part.kind} has no form here")
            return None
    if wire is None:
        return None
    if part.cache:
        wire["cache_control"] = encode_cache(part.cache)
    return ctx.carry(wire, part.extra, path)


def encode_call(part: ToolCall, ctx: Context, path: str) -> Wire:
    value = arguments(earlier(part, ctx))
    if not isinstance(value, dict):
        ctx.lose(f"{path}.arguments", "no JSON object: sent as the text it is", "emulated")
        value = {"arguments": part.arguments}
    return {"type": "tool_use", "id": legal(part.id, ctx), "name": legal(part.name, ctx), "input": value}


def encode_result(part: ToolResult, ctx: Context, path: str) -> Wire:
    inner = (encode_part(one, ctx, f"{path}.content[{i}]") for i, one in enumerate(part.content))
    content = [block for block in inner if block]
    wire: Wire = {"type": "tool_result", "tool_use_id": legal(part.call_id, ctx)}
    if content:
        wire["content"] = content
    if part.is_error:
        wire["is_error"] = True
    return wire


def encode_reasoning(part: Reasoning, ctx: Context, path: str) -> Wire | None:
    if not part.signature or part.signature.issuer != ISSUER:
        ctx.lose(path, "reasoning without an Anthropic signature cannot be sent back")
        return None
    value = part.signature.value
    if part.redacted:
        return {"type": "redacted_thinking", "data": value}
    return {"type": "thinking", "thinking": part.text, "signature": value}


def encode_media(part: Media, path: str) -> Wire:
    """An image, a PDF or a text. What the model would miss without notice is refused."""
    kind, name = part.media_type.split(";")[0].strip().lower(), part.name
    match part.source:
        case FileId(issuer, id):
            if issuer != ISSUER:
                raise refused(path, f"a file stored at {issuer} cannot be read by this provider")
            source: Wire = {"type": "file", "file_id": id}
        case Url(url):
            if not url.startswith(("https://", "http://")):
                raise refused(path, f"this provider fetches no {url.partition(':')[0]!r:.20} URL")
            if not kind.startswith("image/") and kind != "application/pdf":
                raise refused(path, f"{kind} by URL is not taken by this provider: images and PDF only")
            source = {"type": "url", "url": url}
        case Base64(data):
            if kind.startswith("image/"):
                guess = next((guess for head, guess in HEADS.items() if data.startswith(head)), None)
                media_type = guess or IMAGES.get(kind)  # the API refuses an image that is not what it is said to be
                if media_type is None:
                    raise refused(path, f"{kind} is not taken by this provider: JPEG, PNG, GIF and WebP only")
                source = {"type": "base64", "media_type": media_type, "data": data}
            elif kind == "application/pdf":
                source = {"type": "base64", "media_type": kind, "data": data}
            else:
                text = unpacked(data) if kind.startswith(TEXTS) else None
                if text is None:
                    raise refused(path, f"{kind} is not taken by this provider")
                source = {"type": "text", "media_type": "text/plain", "data": text}
    if kind.startswith("image/"):
        return {"type": "image", "source": source}
    return {"type": "document", "source": source, "title": name} if name else {"type": "document", "source": source}


def refused(path: str, why: str) -> GatewayError:
    """A part without which the answer would be wrong; the path is that of most dialects' bodies."""
    return invalid(path.replace(".parts[", ".content["), why)


# -- from elsewhere: turns ---------------------------------------------------------------


@dataclass
class Turn:
    role: str
    path: str
    blocks: list[Wire] = field(default_factory=list)

    def of(self, kind: str) -> list[Wire]:
        return [block for block in self.blocks if block["type"] == kind]


def foreign_messages(messages: tuple[Message, ...], ctx: Context) -> tuple[list[Wire], list[Turn]]:
    """System blocks and turns: alternating, a user first, each call with its result in the next turn."""
    system: list[Wire] = []
    turns: list[Turn] = []
    moved: list[Wire] = []  # what may not stand where it stood opens the next user turn
    for i, message in enumerate(messages):
        path, role = f"messages[{i}]", message.role
        blocks = encode_message(message, moved, ctx, path)
        if role == "system" and not turns:
            system += blocks
            continue
        if role == "system" and blocks:
            ctx.lose(path, "a system message after the first turn is sent as the user's", "emulated")
            role = "user"
        if role == "user":
            blocks = [*moved, *blocks]
            moved.clear()
        if blocks and turns and turns[-1].role == role:
            turns[-1].blocks += blocks
        elif blocks:
            turns.append(Turn(role, path, blocks))
    if moved:
        turns.append(Turn("user", f"messages[{len(messages)}]", moved))
    if not turns or turns[0].role == "assistant":
        ctx.lose("messages", "a first user turn is added", "emulated")
        turns.insert(0, Turn("user", "messages", [{"type": "text", "text": OPENING}]))
    turns = list(paired(turns, ctx))
    trim_prefill(turns[-1])
    if turns[-1].role == "assistant" and not ctx.profile.prefill:
        ctx.lose(turns[-1].path, "this model begins its own answers: it is asked to go on from there", "emulated")
        turns.append(Turn("user", turns[-1].path, [{"type": "text", "text": GO_ON}]))
    return system, turns


def encode_message(message: Message, moved: list[Wire], ctx: Context, path: str) -> list[Wire]:
    if message.name:
        ctx.lose(f"{path}.name", "messages have no names here")
    ctx.carry({}, message.extra, path)
    blocks = []
    for j, part in enumerate(message.parts):
        block = encode_part(part, ctx, f"{path}.parts[{j}]")
        if block and message.role != "user" and block["type"] in USERS:
            ctx.lose(f"{path}.parts[{j}]", "moved to the user's turn", "emulated")
            moved.append(block)
        elif block:
            blocks.append(block)
    return blocks


def trim_prefill(turn: Turn) -> None:
    """The beginning of an answer may not end in white space."""
    if turn.role == "assistant" and turn.blocks[-1]["type"] == "text":
        turn.blocks[-1] = turn.blocks[-1] | {"text": turn.blocks[-1]["text"].rstrip()}


def paired(turns: list[Turn], ctx: Context) -> Iterator[Turn]:
    """Results first in the turn that follows their calls, one for each call; ids used twice told apart."""
    waiting: dict[str, list[str]] = {}  # the client's id -> the ids of the calls before, in order
    used: set[str] = set()
    for turn in turns:
        if turn.role == "user":
            turn.blocks = answered(turn, waiting, ctx)
            waiting = {}
        else:
            waiting = {}
            for call in turn.of("tool_use"):
                id = call["id"]
                if id in used:
                    call["id"] = legal_name(f"{id}_{len(used)}")
                    ctx.renamed[call["id"]] = ctx.original(id)
                used.add(call["id"])
                waiting.setdefault(id, []).append(call["id"])
            calls = turn.of("tool_use")
            if calls and turn.blocks[-1]["type"] == "text":  # a text after calls would part them from their results
                turn.blocks = [block for block in turn.blocks if block["type"] != "tool_use"] + calls
        yield turn
    if waiting:
        last = Turn("user", turns[-1].path)
        last.blocks = answered(last, waiting, ctx)
        yield last


def answered(turn: Turn, waiting: dict[str, list[str]], ctx: Context) -> list[Wire]:
    """The blocks of a user turn that follows calls."""
    results: dict[str, Wire] = {}
    rest: list[Wire] = []
    left = {id: list(ids) for id, ids in waiting.items()}
    for block in turn.blocks:
        if block["type"] != "tool_result":
            rest.append(block)
            continue
        id = block["tool_use_id"]
        if id not in waiting:
            ctx.lose(turn.path, f"the result for {id!r:.80} follows no such call: sent as text", "emulated")
            rest += as_text(block)
            continue
        if left[id]:
            target = left[id].pop(0)
        else:
            target = waiting[id][-1]
            ctx.lose(turn.path, f"{id!r:.80} has more than one result: the last is sent", "emulated")
        results[target] = block | {"tool_use_id": target}
    for ids in waiting.values():
        for id in ids:
            if id not in results:
                ctx.lose(turn.path, f"no result for the call {id!r:.80}: an error is sent as one", "emulated")
                results[id] = {"type": "tool_result", "tool_use_id": id, "content": NOTHING, "is_error": True}
    return [*results.values(), *rest]


def as_text(result: Wire) -> list[Wire]:
    """A result without its call, as something the user says."""
    content: list[Wire] = result.get("content") or []
    said = "\n".join(block["text"] for block in content if block["type"] == "text")
    text = f"[tool result for {result['tool_use_id']}]: {said}"
    return [{"type": "text", "text": text}, *(block for block in content if block["type"] != "text")]


def opens_with_thinking(turns: list[Turn]) -> bool:
    """Whether the turn in progress, if calls have been made in it, began with signed thoughts (case 35)."""
    first: Turn | None = None
    for turn in turns:
        if turn.role == "assistant":
            first = first or turn
        elif not turn.of("tool_result"):
            first = None
    if first is None or not first.of("tool_use"):
        return True
    return first.blocks[0]["type"] in ("thinking", "redacted_thinking")
