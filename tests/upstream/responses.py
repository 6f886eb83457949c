"""The scripted upstream as OpenAI's Responses API: answers, streams, what it refuses, and the responses it keeps. It knows
no other API of OpenAI's."""

import base64
import itertools
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aiohttp import web

from upstream.model import CACHED, INPUT, NEW, OUTPUT, THOUGHT, Asked, Turn, decide, dumps, pieces
from upstream.strict import Refused, closed, known, matches, media, need, number, of, one_of, whole

if TYPE_CHECKING:
    from upstream import Answer

PATH = "/v1/responses"
CREATED = 1_784_728_649
SEALED = "gAAAAAB"
"""How a thought that is handed out sealed begins; only what was sealed here is taken back."""

UNKNOWN = "Unknown parameter: '{}'."
COUNTED = frozenset(
    [
        "conversation",
        "input",
        "instructions",
        "model",
        "parallel_tool_calls",
        "personality",
        "previous_response_id",
        "reasoning",
        "text",
        "tool_choice",
        "tools",
        "truncation",
    ]
)
MEMBERS = COUNTED - {"personality"} | frozenset(
    [
        "background",
        "client_metadata",
        "context_management",
        "include",
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "moderation",
        "prompt",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "top_logprobs",
        "top_p",
        "user",
    ]
)
COMPACTED = frozenset(
    [
        "input",
        "instructions",
        "model",
        "previous_response_id",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "service_tier",
    ]
)
INCLUDES = (
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "file_search_call.results",
    "message.input_image.image_url",
    "message.output_text.logprobs",
    "reasoning.encrypted_content",
    "web_search_call.action.sources",
    "web_search_call.results",
)
EFFORTS = (None, "none", "minimal", "low", "medium", "high", "xhigh")
SUMMARIES = (None, "auto", "concise", "detailed")
LEAST = 16  # tokens an answer must be allowed; who allows no more gets half an answer
ITEMS = {
    "message": frozenset(("type", "id", "role", "content", "status", "phase")),
    "reasoning": frozenset(("type", "id", "summary", "content", "encrypted_content", "status")),
    "function_call": frozenset(("type", "id", "call_id", "name", "arguments", "status", "namespace")),
    "function_call_output": frozenset(("type", "id", "call_id", "output", "status")),
    "item_reference": frozenset(("type", "id")),
    "compaction": frozenset(("type", "id", "encrypted_content")),
    "compaction_trigger": frozenset(("type",)),
    "image_generation_call": frozenset(
        [
            "type",
            "id",
            "status",
            "result",
            "action",
            "background",
            "output_format",
            "quality",
            "revised_prompt",
            "size",
        ]
    ),
}
PREFIXES = {
    "image_generation_call": "ig",
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "function_call_output": "fc",
}
STATES = (None, "in_progress", "completed", "incomplete")
PARTS = {
    "input_text": frozenset(("type", "text")),
    "input_image": frozenset(("type", "image_url", "file_id", "detail")),
    "input_file": frozenset(("type", "file_data", "file_id", "file_url", "filename", "detail")),
    "output_text": frozenset(("type", "text", "annotations", "logprobs")),
    "refusal": frozenset(("type", "refusal")),
}
SPOKEN = {"assistant": ("output_text", "refusal")}
HEARD = ("input_text", "input_image", "input_file")

BREAKING = ("midstream-error", "error-first", "cut", "ends")  # scripts under which no response comes to its end

_ids = itertools.count(1)


def fresh(prefix: str) -> str:
    return f"{prefix}_Up{next(_ids):044d}"


async def answer(exchange: "Answer", body: dict[str, Any]) -> web.StreamResponse:
    if isinstance(body.get("model"), str) and (reply := exchange.scripted(body["model"])):
        return reply
    input = check(body, MEMBERS, exchange.server.kept)
    response = told(body, decide(asked(body, input)))
    if any(kind_of(item) == "compaction_trigger" for item in input):
        response["output"] = [pressed()]
    if body.get("store") is not False and exchange.script not in BREAKING:
        exchange.server.kept[response["id"]] = [*input, *response["output"]]
    if not body.get("stream"):
        return await exchange.whole(response)
    frames = [frame(event) for event in events(response)]
    return await exchange.stream(frames, "text/event-stream; charset=utf-8", broken(response))


def count(exchange: "Answer", body: dict[str, Any]) -> web.StreamResponse:
    if isinstance(body.get("model"), str) and (reply := exchange.scripted(body["model"])):
        return reply
    check(body, COUNTED, exchange.server.kept)
    return exchange.json({"object": "response.input_tokens", "input_tokens": INPUT, "x_upstream": NEW})


def compact(exchange: "Answer", body: dict[str, Any]) -> web.StreamResponse:
    if isinstance(body.get("model"), str) and (reply := exchange.scripted(body["model"])):
        return reply
    input = check({"input": [], **body}, COMPACTED, exchange.server.kept)
    users = [item for item in input if kind_of(item) == "message" and item["role"] == "user"]
    said = [{"id": fresh("msg"), "type": "message", "status": "completed", **item} for item in users]
    usage = told({"model": "m", **body}, Turn())["usage"]
    id = fresh("resp")
    return exchange.json(
        {"id": id, "object": "response.compaction", "created_at": CREATED, "output": [*said, pressed()], "usage": usage}
    )


def pressed() -> dict[str, Any]:
    id = fresh("cmp")
    return {"id": id, "type": "compaction", "encrypted_content": sealed(id)}


def forget(exchange: "Answer", id: str) -> web.StreamResponse:
    need(exchange.server.kept.pop(id, None), f"Response with id '{id}' not found.", None, 404)
    return exchange.json({"id": id, "object": "response.deleted", "deleted": True})


def items(given: Any) -> list[Any]:
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}]
    return list(of(given, list, "input"))


def kind_of(item: dict[str, Any]) -> str:
    return str(item.get("type") or "message")


def plain(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content or ())


def asked(body: dict[str, Any], input: list[Any]) -> Asked:
    said = [(kind_of(item), item) for item in input]
    last = max((i for i, (kind, item) in enumerate(said) if kind == "message" and item["role"] == "user"), default=-1)
    form = (body.get("text") or {}).get("format") or {}
    choice = body.get("tool_choice") or "auto"
    tools = {tool["name"]: tool.get("parameters") or {} for tool in body.get("tools") or ()}
    if isinstance(choice, dict) and choice["type"] == "allowed_tools":
        tools = {tool["name"]: tools[tool["name"]] for tool in choice["tools"]}
        choice = choice["mode"]
    system = [plain(item["content"]) for kind, item in said if kind == "message" and item["role"] != "user"]
    return Asked(
        model=body["model"],
        system=" ".join([body.get("instructions") or "", *system]),
        text=plain(said[last][1]["content"]) if last >= 0 else "",
        tools={} if choice == "none" else tools,
        forced={"required": "*"}.get(choice) if isinstance(choice, str) else choice["name"],
        results=[plain(item["output"]) for kind, item in said[last + 1 :] if kind == "function_call_output"],
        schema={"json_schema": form.get("schema"), "json_object": True}.get(form.get("type")),
        thinking=(body.get("reasoning") or {}).get("effort") not in (None, "none"),
        max_tokens=4 if body.get("max_output_tokens") == LEAST else None,
    )


# -- what it answers -----------------------------------------------------------------


def told(body: dict[str, Any], turn: Turn) -> dict[str, Any]:
    """The whole response."""
    cut = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(turn.stop)
    reasoning = {"effort": None, "summary": None, **(body.get("reasoning") or {})}
    return {
        "id": fresh("resp"),
        "object": "response",
        "created_at": CREATED,
        "status": "incomplete" if cut else "completed",
        "background": False,
        "completed_at": None if cut else CREATED + 1,
        "error": None,
        "incomplete_details": {"reason": cut} if cut else None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "max_tool_calls": None,
        "model": f"{body['model']}-2026-04-21",
        "output": list(output(body, turn, "incomplete" if cut else "completed")),
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "previous_response_id": body.get("previous_response_id"),
        "prompt_cache_key": body.get("prompt_cache_key"),
        "reasoning": reasoning,
        "safety_identifier": None,
        "service_tier": "default",
        "store": body.get("store") is not False,
        "temperature": body.get("temperature", 1.0),
        "text": {"format": {"type": "text"}, "verbosity": "medium", **(body.get("text") or {})},
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": body.get("tools") or [],
        "top_logprobs": 0,
        "top_p": body.get("top_p", 1.0),
        "truncation": "disabled",
        "usage": {
            "input_tokens": INPUT,
            "input_tokens_details": {"cached_tokens": CACHED, "cache_write_tokens": 0},
            "output_tokens": OUTPUT,
            "output_tokens_details": {"reasoning_tokens": THOUGHT if turn.reasoning else 0},
            "total_tokens": INPUT + OUTPUT,
            "x_upstream": NEW,
        },
        "user": body.get("user"),
        "metadata": body.get("metadata") or {},
        "x_upstream": NEW,
    }


def output(body: dict[str, Any], turn: Turn, status: str) -> Iterator[dict[str, Any]]:
    if turn.reasoning:
        shown = (body.get("reasoning") or {}).get("summary")
        summary = [{"type": "summary_text", "text": turn.reasoning}] if shown else []
        item = {"id": fresh("rs"), "type": "reasoning", "summary": summary, "x_upstream": NEW}
        if "reasoning.encrypted_content" in (body.get("include") or ()):
            item["encrypted_content"] = sealed(item["id"])
        yield item
    if turn.text:
        part = {
            "type": "output_text",
            "annotations": [],
            "logprobs": [],
            "text": turn.text,
            "x_upstream": NEW,
        }
        yield {
            "id": fresh("msg"),
            "type": "message",
            "status": status,
            "content": [part],
            "role": "assistant",
            "x_upstream": NEW,
        }
    for name, arguments in turn.calls:
        yield {
            "id": fresh("fc"),
            "type": "function_call",
            "status": "completed",
            "arguments": json.dumps(arguments),
            "call_id": f"call_Up{next(_ids):020d}",
            "name": name,
            "x_upstream": NEW,
        }


def sealed(id: str) -> str:
    return SEALED + base64.urlsafe_b64encode(f"{id} thought of it".encode()).decode()


def is_sealed(value: str) -> bool:
    found = re.fullmatch(SEALED + r"([\w=-]+)", value)
    return found is not None and base64.urlsafe_b64decode(found[1]).endswith(b" thought of it")


def frame(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {dumps(event)}\n\n".encode()


def events(response: dict[str, Any]) -> list[dict[str, Any]]:
    """The response as it comes about."""
    begun = {**response, "status": "in_progress", "output": [], "usage": None, "completed_at": None}
    begun["incomplete_details"] = None
    found: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    for index, item in enumerate(response["output"]):
        where = {"output_index": index}
        found.append({"type": "response.output_item.added", **where, "item": born(item)})
        found += [{**event, "item_id": item["id"], **where} for event in grown(item)]
        found.append({"type": "response.output_item.done", **where, "item": item})
    found.append({"type": f"response.{response['status']}", "response": response})
    return [{**event, "sequence_number": n, "x_upstream": NEW} for n, event in enumerate(found)]


def born(item: dict[str, Any]) -> dict[str, Any]:
    match item["type"]:
        case "message":
            return {**item, "status": "in_progress", "content": []}
        case "function_call":
            return {**item, "status": "in_progress", "arguments": ""}
        case "compaction":
            return item
    return {**item, "summary": []}


def grown(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    match item["type"]:
        case "reasoning":
            for n, part in enumerate(item["summary"]):
                at = {"summary_index": n}
                empty = {"type": "summary_text", "text": ""}
                yield {"type": "response.reasoning_summary_part.added", **at, "part": empty}
                for piece in pieces(part["text"]):
                    yield {"type": "response.reasoning_summary_text.delta", **at, "delta": piece}
                yield {"type": "response.reasoning_summary_text.done", **at, "text": part["text"]}
                yield {"type": "response.reasoning_summary_part.done", **at, "part": part}
        case "message":
            for n, part in enumerate(item["content"]):
                at = {"content_index": n}
                yield {"type": "response.content_part.added", **at, "part": {**part, "text": ""}}
                for piece in pieces(part["text"]):
                    more = {"logprobs": [], "obfuscation": "CVQ55DocFW"}
                    yield {"type": "response.output_text.delta", **at, "delta": piece, **more}
                yield {"type": "response.output_text.done", **at, "text": part["text"], "logprobs": []}
                yield {"type": "response.content_part.done", **at, "part": part}
        case "function_call":
            for piece in pieces(item["arguments"]):
                yield {"type": "response.function_call_arguments.delta", "delta": piece, "obfuscation": "tWyV5"}
            yield {"type": "response.function_call_arguments.done", "arguments": item["arguments"]}


MESSAGE = "The server had an error while processing your request. Sorry about that!"


def broken(response: dict[str, Any]) -> bytes:
    """How a stream breaks off: an error, and the response that failed of it (recorded 2025-07)."""
    error = {"type": "server_error", "code": "server_error", "message": MESSAGE, "param": None}
    failed = {**response, "status": "failed", "output": [], "usage": None, "completed_at": None}
    failed["error"] = {"code": "server_error", "message": MESSAGE}
    return frame({"type": "error", "sequence_number": 7, "error": error}) + frame(
        {"type": "response.failed", "sequence_number": 8, "response": failed}
    )


# -- what it refuses -----------------------------------------------------------------


def check(body: dict[str, Any], members: frozenset[str], kept: dict[str, list[Any]]) -> list[Any]:
    """Raises Refused; the whole input, with what it goes on from."""
    known(body, members, UNKNOWN)
    need(isinstance(body.get("model"), str) and body["model"], "Missing required parameter: 'model'.", "model")
    need(body.get("input") is not None, "Missing required parameter: 'input'.", "input")
    number(body.get("temperature"), 0, 2, "temperature")
    number(body.get("top_p"), 0, 1, "top_p")
    whole(body.get("max_output_tokens"), LEAST, 1 << 20, "max_output_tokens")
    of(body.get("instructions"), (str, type(None)), "instructions")
    for name in ("stream", "store", "background", "parallel_tool_calls"):
        of(body.get(name), (bool, type(None)), name)
    need(body.get("stream") or not body.get("stream_options"), "'stream_options' needs 'stream'.", "stream_options")
    metadata = of(body.get("metadata") or {}, dict, "metadata")
    need(len(metadata) <= 16 and all(isinstance(v, str) for v in metadata.values()), "Invalid 'metadata'.", "metadata")
    need(len(of(body.get("user") or "", str, "user")) <= 64, "Invalid 'user': string too long.", "user")
    for i, word in enumerate(of(body.get("include") or [], list, "include")):
        one_of(word, INCLUDES, f"include[{i}]")
    reasoning = known(
        body.get("reasoning") or {}, ("effort", "summary", "generate_summary", "context"), UNKNOWN, "reasoning"
    )
    one_of(reasoning.get("effort"), EFFORTS, "reasoning.effort")
    one_of(reasoning.get("summary"), SUMMARIES, "reasoning.summary")
    check_tools(body)
    input, previous = items(body["input"]), body.get("previous_response_id")
    check_format(body, input)
    before: list[Any] = []
    if of(previous, (str, type(None)), "previous_response_id") is not None:
        need(previous in kept, f"Previous response with id '{previous}' not found.", "previous_response_id")
        before = kept[previous]
    named = {item["id"]: item for one in kept.values() for item in one if "id" in item}
    input = [named.get(item.get("id"), item) if is_reference(item) else item for item in input]
    check_input(before, input, set(named))
    return [*before, *input]


def is_reference(item: Any) -> bool:
    return isinstance(item, dict) and item.get("type") == "item_reference" and isinstance(item.get("id"), str)


def check_tools(body: dict[str, Any]) -> None:
    tools = body.get("tools") or []
    for i, tool in enumerate(of(tools, list, "tools")):
        path = f"tools[{i}]"
        one_of(of(tool, dict, path).get("type"), ["function"], f"{path}.type")
        known(tool, ("type", "name", "description", "parameters", "strict"), UNKNOWN, path)
        matches(tool.get("name"), r"[a-zA-Z0-9_-]{1,64}", f"{path}.name")
        parameters = of(tool.get("parameters", {}), (dict, type(None)), f"{path}.parameters")
        if parameters is not None:
            complaint = f"Invalid schema for function '{tool['name']}': "
            need(parameters.get("type") == "object", complaint + "type must be 'object'.", f"{path}.parameters")
            need("properties" in parameters, complaint + "object schema missing properties", f"{path}.parameters")
            if tool.get("strict"):
                more = "'additionalProperties' is required to be supplied and to be false."
                closed(parameters, f"{path}.parameters", complaint + more, all_required=True)
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        one_of(choice.get("type"), ("function", "allowed_tools"), "tool_choice.type")
        named = choice["tools"] if choice["type"] == "allowed_tools" else [choice]
        names = [tool["name"] for tool in tools]
        for one in named:
            need(one.get("name") in names, f"Tool choice '{one.get('name')}' not found in 'tools'.", "tool_choice")
    else:
        one_of(choice, (None, "auto", "none", "required"), "tool_choice")
        need(choice != "required" or tools, "Tool choice 'required' must be specified with 'tools'.", "tool_choice")


def check_format(body: dict[str, Any], input: list[Any]) -> None:
    text = known(body.get("text") or {}, ("format", "verbosity"), UNKNOWN, "text")
    one_of(text.get("verbosity"), (None, "low", "medium", "high"), "text.verbosity")
    form = text.get("format")
    if form is None:
        return
    known(form, ("type", "name", "description", "schema", "strict"), UNKNOWN, "text.format")
    one_of(form.get("type"), ("text", "json_object", "json_schema"), "text.format.type")
    if form["type"] == "json_object":
        complaint = "Response input messages must contain the word 'json' in some form to use 'text.format' of type "
        need("json" in json.dumps(input).lower(), complaint + "'json_object'.", "input")
    if form["type"] == "json_schema":
        matches(form.get("name"), r"[a-zA-Z0-9_-]{1,64}", "text.format.name")
        schema = of(form.get("schema"), dict, "text.format.schema")
        if form.get("strict"):
            complaint = f"Invalid schema for response_format '{form['name']}': 'additionalProperties' is required to be supplied and to be false."
            closed(schema, "text.format.schema", complaint, all_required=True)


def check_input(before: list[Any], input: list[Any], stored: set[str]) -> None:
    need(before or input, "Invalid 'input': empty array.", "input")
    waiting = {item["call_id"]: True for item in before if kind_of(item) == "function_call"}
    for item in before:
        if kind_of(item) == "function_call_output":
            waiting.pop(item["call_id"], None)
    for i, item in enumerate(input):
        path = f"input[{i}]"
        kind = kind_of(of(item, dict, path))
        one_of(kind, ITEMS, f"{path}.type")
        known(item, ITEMS[kind], UNKNOWN, path)
        one_of(item.get("status"), STATES, f"{path}.status")
        if (id := item.get("id")) is not None and kind in PREFIXES:
            start = PREFIXES[kind]
            complaint = f"Invalid '{path}.id': '{id}'. Expected an ID that begins with '{start}'."
            need(isinstance(id, str) and id.startswith(start), complaint, f"{path}.id")
            need(len(id) <= 64, f"Invalid '{path}.id': string too long. Expected at most 64.", f"{path}.id")
        check_item(item, kind, path, stored)
        if kind == "function_call":
            waiting[item["call_id"]] = True
        elif kind == "function_call_output":
            complaint = f"No tool call found for function call output with call_id {item['call_id']}."
            need(waiting.pop(item["call_id"], None), complaint, "input")
        elif kind == "reasoning":
            after = input[i + 1] if i + 1 < len(input) else {}
            follows = kind_of(after) in ("function_call", "reasoning") or after.get("role") == "assistant"
            complaint = f"Item '{id}' of type 'reasoning' was provided without its required following item."
            need(after and follows, complaint, "input")
    need(not waiting, f"No tool output found for function call {next(iter(waiting), '')}.", "input")


def check_item(item: dict[str, Any], kind: str, path: str, stored: set[str]) -> None:
    match kind:
        case "message":
            one_of(item.get("role"), ("user", "assistant", "system", "developer"), f"{path}.role")
            check_content(item.get("content"), SPOKEN.get(item["role"], HEARD), f"{path}.content")
        case "reasoning":
            for n, part in enumerate(of(item.get("summary"), list, f"{path}.summary")):
                known(part, ("type", "text"), UNKNOWN, f"{path}.summary[{n}]")
                one_of(part.get("type"), ("summary_text",), f"{path}.summary[{n}].type")
            seal = item.get("encrypted_content")
            if seal is None:
                missing = (
                    f"Item with id '{item.get('id')}' not found. Items are not persisted when `store` is set to false."
                )
                need(item.get("id") in stored, missing, "input", 404)
            else:
                complaint = f"The encrypted content for item {item.get('id')} could not be verified."
                need(is_sealed(of(seal, str, f"{path}.encrypted_content")), complaint, "input")
        case "function_call":
            matches(item.get("name"), r"[a-zA-Z0-9_-]{1,128}", f"{path}.name")
            matches(item.get("call_id"), r"(?s).{1,64}", f"{path}.call_id")
            of(item.get("arguments"), str, f"{path}.arguments")
        case "function_call_output":
            matches(item.get("call_id"), r"(?s).{1,64}", f"{path}.call_id")
            check_content(item.get("output"), HEARD, f"{path}.output")
        case "image_generation_call":
            one_of(item.get("status"), ("in_progress", "generating", "completed", "failed"), f"{path}.status")
            media("image/png", item.get("result"), f"{path}.result")
        case "compaction":
            seal = of(item.get("encrypted_content"), str, f"{path}.encrypted_content")
            need(is_sealed(seal), f"The encrypted content for item {item.get('id')} could not be verified.", "input")
        case "item_reference":
            need(item.get("id") in stored, f"Item with id '{item.get('id')}' not found.", "input", 404)


def check_content(content: Any, allowed: tuple[str, ...], path: str) -> None:
    for i, part in enumerate([] if isinstance(content, str) else of(content, list, path)):
        at = f"{path}[{i}]"
        kind = of(part, dict, at).get("type")
        one_of(kind, allowed, f"{at}.type")
        known(part, PARTS[kind], UNKNOWN, at)
        match kind:
            case "input_text" | "output_text":
                of(part.get("text"), str, f"{at}.text")
            case "refusal":
                of(part.get("refusal"), str, f"{at}.refusal")
            case "input_image":
                check_image(part, at)
            case "input_file":
                data = part.get("file_data")
                need(
                    data is None or str(data).startswith("data:"),
                    f"Invalid file data: '{at}.file_data'.",
                    f"{at}.file_data",
                )
                need(data is None or part.get("filename"), f"Missing required parameter: '{at}.filename'.", at)
                need(data or part.get("file_id") or part.get("file_url"), f"Missing file data in '{at}'.", at)


def check_image(part: dict[str, Any], at: str) -> None:
    one_of(part.get("detail"), (None, "auto", "low", "high", "original"), f"{at}.detail")
    if part.get("file_id") is not None:
        return
    url = of(part.get("image_url"), str, f"{at}.image_url")
    found = re.fullmatch(r"data:([\w/+.-]+);base64,(.*)", url, re.S)
    need(found or url.startswith(("https://", "http://")), f"Invalid '{at}.image_url'.", f"{at}.image_url")
    if found:
        one_of(found[1], ("image/png", "image/jpeg", "image/gif", "image/webp"), f"{at}.image_url")
        media(found[1], found[2], f"{at}.image_url")


def code_of(refused: Refused) -> str | None:
    """The code of OpenAI's error, where it has one of its own."""
    if refused.message.startswith("Previous response"):
        return "previous_response_not_found"
    if "could not be verified" in refused.message:
        return "invalid_encrypted_content"
    if refused.message.startswith("Unknown parameter"):
        return "unknown_parameter"
    return None
