"""The scripted upstream as Anthropic: messages, count_tokens, models. It knows no other provider."""

import base64
import itertools
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from aiohttp import web

from upstream.model import CACHED, INPUT, NEW, OUTPUT, REASONING, THOUGHT, Asked, Turn, decide, dumps, pieces
from upstream.strict import Refused, closed, known, matches, media, need, number, of, one_of, whole

if TYPE_CHECKING:
    from upstream import Answer, Entry

HEADERS = {
    "request-id": "req_011UpstreamUpstreamUpst",
    "anthropic-ratelimit-requests-limit": "20000",
    "anthropic-ratelimit-requests-remaining": "19999",
}
PREAMBLE = 3  # message_start, content_block_start, ping
MODELS = ("claude-opus-4-1-20250805", "claude-sonnet-4-5-20250929", "claude-3-5-haiku-20241022")
SIGNATURE = base64.b64encode(b"signed by the scripted anthropic" * 3).decode()

EXTRA = "{}: Extra inputs are not permitted"
TOP = frozenset(
    [
        "cache_control",
        "container",
        "inference_geo",
        "max_tokens",
        "messages",
        "metadata",
        "model",
        "output_config",
        "service_tier",
        "stop_sequences",
        "stream",
        "system",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
    ]
)
BETA = frozenset(
    [
        "context_management",
        "diagnostics",
        "fallback_credit_token",
        "fallbacks",
        "mcp_servers",
        "output_format",
        "speed",
        "thread",
        "betas",
    ]
)
COUNT = frozenset(["cache_control", "messages", "model", "output_config", "system", "thinking", "tool_choice", "tools"])
TOOL = frozenset(
    [
        "allowed_callers",
        "cache_control",
        "defer_loading",
        "description",
        "eager_input_streaming",
        "input_examples",
        "input_schema",
        "name",
        "strict",
        "type",
    ]
)
BLOCKS = {  # type -> its members; per role below
    "text": "cache_control citations text",
    "image": "cache_control source",
    "document": "cache_control citations context source title",
    "search_result": "cache_control citations content source title",
    "tool_use": "cache_control caller id input name",
    "tool_result": "cache_control content is_error tool_use_id",
    "thinking": "signature thinking",
    "redacted_thinking": "data",
}
SAID_BY = {
    "user": ("text", "image", "document", "search_result", "tool_result"),
    "assistant": ("text", "thinking", "redacted_thinking", "tool_use"),
    "result": ("text", "image", "document", "search_result"),
    "system": ("text",),
}


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_011UpstreamUpstreamUpst"}


LIMITED = _error(
    "rate_limit_error", "This request would exceed your organization's rate limit of 50 requests per minute."
)
ERRORS: dict[tuple[int, str], tuple[dict[str, str], Any]] = {
    (400, ""): ({}, _error("invalid_request_error", "messages.0.content: Field required")),
    (400, "context"): ({}, _error("invalid_request_error", "prompt is too long: 215001 tokens > 200000 maximum")),
    (401, ""): ({}, _error("authentication_error", "invalid x-api-key")),
    (403, ""): ({}, _error("permission_error", "Your API key does not have permission to use the specified resource.")),
    (404, ""): ({}, _error("not_found_error", "model: error-404")),
    (413, ""): ({}, _error("request_too_large", "Request exceeds the maximum size")),
    (429, ""): ({"retry-after": "7"}, LIMITED),
    (429, "bare"): ({}, LIMITED),
    (429, "quota"): ({}, _error("rate_limit_error", "You have reached your specified API usage limits.")),
    (500, ""): ({}, _error("api_error", "Internal server error")),
    (503, ""): ({}, _error("api_error", "Service unavailable")),
    (529, ""): ({}, _error("overloaded_error", "Overloaded")),
}
BROKEN = {
    "type": "error",
    "error": {"details": None, "type": "overloaded_error", "message": "Overloaded"},
    "request_id": "req_011UpstreamUpstreamUpst",
}

NO_THREADS = {
    "type": "error",
    "error": {
        "type": "invalid_request_error",
        "message": "thread: message threads are not kept here",
        "details": {"error_code": "thread_unsupported_request", "unsupported": ["thread"]},
    },
}
"""What an endpoint answers that keeps no threads; the SDK then sends the whole conversation (clients.md 1.5)."""

_ids = itertools.count(1)


def error(refused: Refused) -> dict[str, Any]:
    kind = {401: "authentication_error", 404: "not_found_error"}.get(refused.status, "invalid_request_error")
    return _error(kind, str(refused.message))


def authenticate(entry: "Entry", key: str) -> None:
    offered = entry.headers.get("x-api-key")
    need(offered, "x-api-key header is required", status=401)
    need(offered == key, "invalid x-api-key", status=401)
    version = entry.headers.get("anthropic-version", "")
    need(version in ("2023-06-01", "2026-10-21"), f"anthropic-version: {version!r} is not a valid version")


async def answer(exchange: "Answer") -> web.StreamResponse:
    entry = exchange.entry
    path, body = entry.path, entry.json
    if entry.method == "POST" and path == "/v1/messages":
        if isinstance(body.get("model"), str) and (reply := exchange.scripted(body["model"])):
            return reply
        if "thread" in body:
            return exchange.json(NO_THREADS, 400)
        check(body, beta=bool(entry.headers.get("anthropic-beta")))
        turn = decide(asked(body))
        if not body.get("stream"):
            return await exchange.whole(message(body, turn))
        broken = f"event: error\ndata: {dumps(BROKEN)}\n\n".encode()
        return await exchange.stream(list(frames(message(body, turn))), "text/event-stream; charset=utf-8", broken)
    if entry.method == "POST" and path == "/v1/messages/count_tokens":
        known(body, COUNT | (BETA if entry.headers.get("anthropic-beta") else frozenset()), EXTRA)
        check_turns(body)
        return exchange.scripted(body["model"]) or exchange.json({"input_tokens": INPUT, "x_upstream": NEW})
    if entry.method == "GET" and path == "/v1/models":
        listed = [described(name) for name in MODELS]
        return exchange.json({"data": listed, "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]})
    if entry.method == "GET" and path.startswith("/v1/models/"):
        name = unquote(path.removeprefix("/v1/models/"))
        need(name in MODELS, f"model: {name}", status=404)
        return exchange.json(described(name))
    raise Refused(404, "Not found")


def described(name: str) -> dict[str, Any]:
    title = name.rpartition("-")[0].replace("-", " ").title()
    return {
        "type": "model",
        "id": name,
        "display_name": title,
        "created_at": "2025-09-29T00:00:00Z",
        "max_input_tokens": 200_000,
        "max_tokens": 64_000,
    }


def snapshot(model: str) -> str:
    """An alias is answered with the name of the snapshot behind it."""
    return f"{model}-20260421"


# -- answers -------------------------------------------------------------------------


def asked(body: dict[str, Any]) -> Asked:
    turns = [turn for turn in body["messages"] if turn["role"] != "system"]
    users = [turn for turn in turns if turn["role"] == "user"]
    last = blocks(users[-1]["content"]) if users else []
    results = [plain(block.get("content")) for block in last if block["type"] == "tool_result"]
    choice = body.get("tool_choice") or {"type": "auto"}
    tools = {tool["name"]: tool["input_schema"] for tool in body.get("tools") or () if "input_schema" in tool}
    form = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
    return Asked(
        model=body["model"],
        system=plain(body.get("system")),
        text=plain(last),
        tools={} if choice["type"] == "none" else tools,
        forced={"any": "*", "tool": choice.get("name")}.get(choice["type"]),
        results=results,
        schema=form.get("schema"),
        thinking=(body.get("thinking") or {}).get("type") in ("enabled", "adaptive"),
        max_tokens=body["max_tokens"],
        stop=tuple(body.get("stop_sequences") or ()),
    )


def blocks(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content or []


def plain(content: Any) -> str:
    return " ".join(block["text"] for block in blocks(content) if block["type"] == "text")


STOP = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "sequence": "stop_sequence",
}


def message(body: dict[str, Any], turn: Turn) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    if turn.reasoning:
        content.append({"type": "thinking", "thinking": turn.reasoning, "signature": SIGNATURE})
    if turn.text:
        content.append({"type": "text", "text": turn.text, "x_upstream": NEW})
    for name, arguments in turn.calls:
        identity = f"toolu_Up{next(_ids):022d}"
        content.append(
            {
                "type": "tool_use",
                "id": identity,
                "name": name,
                "input": arguments,
                "caller": {"type": "direct"},
                "x_upstream": NEW,
            }
        )
    return {
        "model": snapshot(body["model"]),
        "id": f"msg_Up{next(_ids):022d}",
        "type": "message",
        "role": "assistant",
        "content": content,
        "stop_reason": STOP[turn.stop],
        "stop_sequence": turn.sequence or None,
        "stop_details": None,
        "usage": {
            "input_tokens": INPUT - CACHED,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": CACHED,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens": OUTPUT,
            **({"output_tokens_details": {"thinking_tokens": THOUGHT}} if turn.reasoning else {}),
            "service_tier": "standard",
            "x_upstream": NEW,
        },
        "x_upstream": NEW,
    }


def frames(whole_message: dict[str, Any]) -> list[bytes]:
    """The message as a stream; Anthropic pads its data lines with spaces (recordings of 2026)."""
    found: list[bytes] = []

    def event(kind: str, **members: Any) -> None:
        padding = " " * (len(found) * 5 % 13)
        data = dumps({"type": kind, **members, "x_upstream": NEW})
        found.append(f"event: {kind}\ndata: {data[:-1]}{padding}}}\n\n".encode())

    usage = whole_message["usage"]
    opening = {**whole_message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    event("message_start", message=opening)
    for index, block in enumerate(whole_message["content"]):
        empty = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}, "tool_use": {"input": {}}}[
            block["type"]
        ]
        event("content_block_start", index=index, content_block={**block, **empty})
        if index == 0:
            found.append(b'event: ping\ndata: {"type": "ping"}\n\n')
        for delta in deltas(block):
            event("content_block_delta", index=index, delta={**delta, "x_upstream": NEW})
        event("content_block_stop", index=index)
    ending = {name: whole_message[name] for name in ("stop_reason", "stop_sequence", "stop_details")}
    event("message_delta", delta=ending, usage={name: usage[name] for name in usage if name != "cache_creation"})
    event("message_stop")
    return found


def deltas(block: dict[str, Any]) -> list[dict[str, Any]]:
    match block["type"]:
        case "text":
            return [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]
        case "thinking":
            grown = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"])]
            return [*grown, {"type": "signature_delta", "signature": block["signature"]}]
    written = ["", *pieces(json.dumps(block["input"]))]
    return [{"type": "input_json_delta", "partial_json": piece} for piece in written]


# -- what it refuses -----------------------------------------------------------------


def check(body: dict[str, Any], beta: bool) -> None:
    known(body, TOP | (BETA if beta else frozenset()), EXTRA)
    need(body.get("max_tokens") is not None, "max_tokens: Field required")
    whole(body["max_tokens"], 1, 128_000, "max_tokens")
    number(body.get("temperature"), 0, 1, "temperature")
    number(body.get("top_p"), 0, 1, "top_p")
    whole(body.get("top_k"), 0, 1 << 20, "top_k")
    of(body.get("stream", False), bool, "stream")
    for i, stop in enumerate(of(body.get("stop_sequences") or [], list, "stop_sequences")):
        need(
            of(stop, str, "stop_sequences").strip(),
            f"stop_sequences.{i}: each stop sequence must contain non-whitespace",
        )
    known(body.get("metadata") or {}, ("user_id",), EXTRA, "metadata")
    check_turns(body)
    check_thinking(body)


def check_thinking(body: dict[str, Any]) -> None:
    thinking = body.get("thinking") or {"type": "disabled"}
    known(thinking, ("type", "budget_tokens", "display"), EXTRA, "thinking")
    one_of(thinking.get("type"), ("enabled", "disabled", "adaptive"), "thinking.type")
    if thinking["type"] == "disabled":
        return
    if thinking["type"] == "enabled":
        budget = thinking.get("budget_tokens")
        need(
            type(budget) is int and budget >= 1024,
            "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
        )
        need(budget < body["max_tokens"], "`max_tokens` must be greater than `thinking.budget_tokens`.")
    need(body.get("temperature") in (None, 1), "`temperature` may only be set to 1 when thinking is enabled.")
    need(body.get("top_k") is None, "`top_k` must be unset when thinking is enabled.")
    need(
        body.get("top_p") is None or body["top_p"] >= 0.95,
        "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.",
    )
    choice = (body.get("tool_choice") or {}).get("type")
    need(choice not in ("any", "tool"), "Thinking may not be enabled when tool_choice forces tool use.")
    last = next((turn for turn in reversed(body["messages"]) if turn["role"] == "assistant"), None)
    if (
        last
        and body["messages"][-1]["role"] == "user"
        and any(b["type"] == "tool_use" for b in blocks(last["content"]))
    ):
        first = blocks(last["content"])[0]["type"]
        complaint = f"Expected `thinking` or `redacted_thinking`, but found `{first}`."
        need(first in ("thinking", "redacted_thinking"), complaint)


def check_turns(body: dict[str, Any]) -> None:
    need(isinstance(body.get("model"), str) and body["model"], "model: Field required")
    check_tools(body)
    form = (body.get("output_config") or {}).get("format") or {}
    known(body.get("output_config") or {}, ("effort", "format", "task_budget"), EXTRA, "output_config")
    one_of(
        (body.get("output_config") or {}).get("effort"),
        (None, "low", "medium", "high", "xhigh", "max"),
        "output_config.effort",
    )
    if form:
        known(form, ("type", "schema"), EXTRA, "output_config.format")
        complaint = (
            "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false"
        )
        closed(form.get("schema"), "output_config.format.schema", complaint)
    for i, block in enumerate(blocks(body.get("system"))):
        check_block(block, "system", f"system.{i}")
    turns = of(body.get("messages"), list, "messages")
    need(turns, "messages: at least one message is required")
    waiting: list[str] = []
    for i, turn in enumerate(turns):
        waiting = check_turn(turn, waiting, f"messages.{i}", i == len(turns) - 1)
    need(not waiting, missing(waiting))
    need(turns[0]["role"] == "user", 'messages: first message must use the "user" role')
    marks = json.dumps(body).count('"cache_control"')
    need(marks <= 4, f"A maximum of 4 blocks with cache_control may be provided. Found {marks}.")


def missing(ids: list[str]) -> str:
    return f"`tool_use` ids were found without `tool_result` blocks immediately after: {', '.join(ids)}."


def check_turn(turn: Any, waiting: list[str], path: str, is_last: bool) -> list[str]:
    """Checks one message against the calls the one before it made; returns the calls it makes."""
    known(turn, ("role", "content"), EXTRA, path)
    one_of(turn.get("role"), ("user", "assistant"), f"{path}.role")
    content = turn.get("content")
    need(isinstance(content, str | list), f"{path}.content: Input should be a valid list")
    need(
        content or (is_last and turn["role"] == "assistant"),
        f"{path}: all messages must have non-empty content except for the optional final assistant message",
    )
    found = blocks(content)
    for i, block in enumerate(found):
        check_block(block, turn["role"], f"{path}.content.{i}")
    if is_last and turn["role"] == "assistant" and found and found[-1]["type"] == "text":
        need(
            found[-1]["text"] == found[-1]["text"].rstrip(),
            "messages: final assistant content cannot end with trailing whitespace",
        )
    results = [block["tool_use_id"] for block in found if block["type"] == "tool_result"]
    strangers = [identity for identity in results if identity not in waiting]
    need(
        not strangers,
        f"{path}: unexpected `tool_use_id` found in `tool_result` blocks: {', '.join(strangers)}. Each `tool_result` block must have a corresponding `tool_use` block in the previous message.",
    )
    need(len(set(results)) == len(results), f"{path}: each tool_use must have a single result.")
    need(set(results) == set(waiting), missing([identity for identity in waiting if identity not in results]))
    if results:
        kinds = [block["type"] == "tool_result" for block in found]
        need(kinds == sorted(kinds, reverse=True), f"{path}: `tool_result` blocks must come first in the content.")
    return [block["id"] for block in found if block["type"] == "tool_use"]


def check_block(block: Any, by: str, path: str) -> None:
    kind = of(block, dict, path).get("type")
    one_of(kind, SAID_BY[by], f"{path}.type")
    known(block, ("type", *BLOCKS[kind].split()), EXTRA, f"{path}.{kind}")
    if block.get("cache_control") is not None:
        mark = known(block["cache_control"], ("type", "ttl"), EXTRA, f"{path}.cache_control")
        one_of(mark.get("type"), ["ephemeral"], f"{path}.cache_control.type")
        one_of(mark.get("ttl"), [None, "5m", "1h"], f"{path}.cache_control.ttl")
    match kind:
        case "text":
            need(of(block.get("text"), str, f"{path}.text"), "messages: text content blocks must be non-empty")
            need(block["text"].strip(), "messages: text content blocks must contain non-whitespace text")
        case "image" | "document":
            check_source(block, path)
        case "tool_use":
            matches(block.get("id"), r"[a-zA-Z0-9_-]+", f"{path}.id")
            matches(block.get("name"), r"[a-zA-Z0-9_-]{1,128}", f"{path}.name")
            of(block.get("input"), dict, f"{path}.input")
        case "tool_result":
            matches(block.get("tool_use_id"), r"[a-zA-Z0-9_-]+", f"{path}.tool_use_id")
            for i, inner in enumerate(blocks(block.get("content"))):
                check_block(inner, "result", f"{path}.content.{i}")
        case "thinking":
            of(block.get("thinking"), str, f"{path}.thinking")
            ours = block.get("signature") == SIGNATURE and block["thinking"] == REASONING
            need(ours, f"{path}: Invalid `signature` in `thinking` block")


def check_source(block: dict[str, Any], path: str) -> None:
    source = of(block.get("source"), dict, f"{path}.source")
    kinds = {
        "base64": ("data", "media_type"),
        "url": ("url",),
        "file": ("file_id",),
        "text": ("data", "media_type"),
        "content": ("content",),
    }
    one_of(source.get("type"), kinds, f"{path}.source.type")
    known(source, ("type", *kinds[source["type"]]), EXTRA, f"{path}.source")
    if source["type"] == "base64":
        allowed = (
            ["image/jpeg", "image/png", "image/gif", "image/webp"] if block["type"] == "image" else ["application/pdf"]
        )
        one_of(source.get("media_type"), allowed, f"{path}.source.base64.media_type")
        media(source["media_type"], source.get("data"), f"{path}.source.base64")


def check_tools(body: dict[str, Any]) -> None:
    tools = of(body.get("tools") or [], list, "tools")
    for i, tool in enumerate(tools):
        if of(tool, dict, f"tools.{i}").get("type") not in (None, "custom"):
            continue  # one of Anthropic's own
        known(tool, TOOL, EXTRA, f"tools.{i}.custom")
        matches(tool.get("name"), r"[a-zA-Z0-9_-]{1,128}", f"tools.{i}.custom.name")
        schema = of(tool.get("input_schema"), dict, f"tools.{i}.custom.input_schema")
        need(schema.get("type") == "object", f"tools.{i}.custom.input_schema.type: Field required")
        if tool.get("strict"):
            closed(
                schema,
                f"tools.{i}",
                f"tools.{i}.custom: For 'object' type, 'additionalProperties' must be explicitly set to false",
            )
    names = [tool.get("name") for tool in tools]
    need(len(set(names)) == len(names), "tools: Tool names must be unique.")
    choice = body.get("tool_choice")
    if choice is not None:
        need(tools, "tool_choice: may only be specified while providing tools.")
        known(choice, ("type", "name", "disable_parallel_tool_use"), EXTRA, "tool_choice")
        one_of(choice.get("type"), ("auto", "any", "tool", "none"), "tool_choice.type")
        need(
            choice["type"] != "tool" or choice.get("name") in names,
            f"Tool '{choice.get('name')}' not found in provided tools",
        )
    history = json.dumps(body.get("messages"))
    if '"type": "tool_use"' in history or '"type": "tool_result"' in history:
        need(tools, "Requests which include `tool_use` or `tool_result` blocks must define tools")
