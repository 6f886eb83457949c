"""The scripted upstream as OpenAI: chat completions, embeddings, images, speech, models. It knows no other provider;
Responses is next door."""

import base64
import itertools
import json
import re
import struct
import zlib
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from aiohttp import web

from upstream import responses
from upstream.model import CACHED, INPUT, MP3, NEW, OUTPUT, PNG, THOUGHT, Asked, Turn, decide, dumps, pcm, pieces, wav
from upstream.strict import Refused, bearer, closed, known, matches, media, need, number, of, one_of, whole

if TYPE_CHECKING:
    from upstream import Answer, Entry

HEADERS = {
    "openai-version": "2020-10-01",
    "openai-processing-ms": "23",
    "x-request-id": "req_up000000000000000000000000000001",
    "x-ratelimit-limit-requests": "500",
    "x-ratelimit-remaining-requests": "499",
}
PREAMBLE = 1  # frames before the first content
MODELS = ("gpt-5", "gpt-4o-mini", "gpt-image-1", "gpt-4o-mini-tts", "text-embedding-3-small")
CREATED = 1_784_728_648

UNKNOWN = "Unknown parameter: '{}'."
CHAT = frozenset(
    [
        "audio",
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "modalities",
        "model",
        "moderation",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
        "web_search_options",
    ]
)
EMBEDDINGS = frozenset(["dimensions", "encoding_format", "input", "model", "user"])
IMAGES = frozenset(
    [
        "background",
        "model",
        "moderation",
        "n",
        "output_compression",
        "output_format",
        "partial_images",
        "prompt",
        "quality",
        "response_format",
        "size",
        "stream",
        "style",
        "user",
    ]
)
SPEECH = frozenset(["input", "instructions", "model", "response_format", "speed", "stream_format", "voice"])
VOICES = [
    "alloy",
    "ash",
    "ballad",
    "coral",
    "echo",
    "fable",
    "nova",
    "onyx",
    "sage",
    "shimmer",
    "verse",
    "marin",
    "cedar",
]
AUDIO = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
}
EFFORTS = (None, "none", "minimal", "low", "medium", "high", "xhigh")
MESSAGE = frozenset(
    [
        "role",
        "content",
        "name",
        "tool_calls",
        "tool_call_id",
        "refusal",
        "audio",
        "function_call",
        "annotations",
        "reasoning_content",
    ]
)
PARTS = {
    "text": frozenset(("type", "text")),
    "image_url": frozenset(("type", "image_url")),
    "input_audio": frozenset(("type", "input_audio")),
    "file": frozenset(("type", "file")),
    "refusal": frozenset(("type", "refusal")),
}


def _error(message: str, kind: str, code: str | None, param: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


LIMITED = _error(
    "Rate limit reached for gpt-5 in organization org-upstream on requests per min (RPM): Limit 500, Used 500, Requested 1. "
    "Please try again in 120ms.",
    "requests",
    "rate_limit_exceeded",
)
ERRORS: dict[tuple[int, str], tuple[dict[str, str], Any]] = {
    (400, ""): (
        {},
        _error(
            "Invalid value: 'nobody'. Supported values are: 'system', 'user'.",
            "invalid_request_error",
            "invalid_value",
            "messages[0].role",
        ),
    ),
    (400, "context"): (
        {},
        _error(
            "This model's maximum context length is 128000 tokens. However, your messages resulted in 150001 tokens. "
            "Please reduce the length of the messages.",
            "invalid_request_error",
            "context_length_exceeded",
            "messages",
        ),
    ),
    (401, ""): (
        {},
        _error("Incorrect API key provided: sk-upstr****cdef.", "invalid_request_error", "invalid_api_key"),
    ),
    (403, ""): (
        {},
        _error(
            "Country, region, or territory not supported", "request_forbidden", "unsupported_country_region_territory"
        ),
    ),
    (404, ""): (
        {},
        _error(
            "The model `error-404` does not exist or you do not have access to it.",
            "invalid_request_error",
            "model_not_found",
        ),
    ),
    (413, ""): ({}, _error("Request body is too large.", "invalid_request_error", "request_too_large")),
    (429, ""): ({"retry-after": "7", "retry-after-ms": "7000"}, LIMITED),
    (429, "bare"): ({}, LIMITED),
    (429, "quota"): (
        {},
        _error(
            "You exceeded your current quota, please check your plan and billing details.",
            "insufficient_quota",
            "insufficient_quota",
        ),
    ),
    (500, ""): (
        {},
        _error("The server had an error while processing your request. Sorry about that!", "server_error", None),
    ),
    (503, ""): ({}, _error("The engine is currently overloaded, please try again later", "server_error", None)),
    (529, ""): ({}, _error("Overloaded", "overloaded_error", "overloaded")),
}
BROKEN = _error(
    "The server had an error while processing your request. Sorry about that!", "server_error", "server_error"
)

_ids = itertools.count(1)


def error(refused: Refused) -> dict[str, Any]:
    code = {401: "invalid_api_key", 404: "not_found"}.get(refused.status, "invalid_value")
    code = responses.code_of(refused) or code
    return _error(refused.message, "invalid_request_error", code, refused.param)


def authenticate(entry: "Entry", key: str) -> None:
    offered = bearer(entry.headers)
    need(offered, "You didn't provide an API key.", status=401)
    need(offered == key, f"Incorrect API key provided: {offered[:8]}****.", status=401)


async def answer(exchange: "Answer") -> web.StreamResponse:
    entry = exchange.entry
    path = entry.path
    if entry.method == "POST" and path == "/v1/chat/completions":
        return await chat(exchange, entry.json)
    if entry.method == "POST" and path == responses.PATH:
        return await responses.answer(exchange, entry.json)
    if entry.method == "POST" and path == f"{responses.PATH}/input_tokens":
        return responses.count(exchange, entry.json)
    if entry.method == "POST" and path == f"{responses.PATH}/compact":
        return responses.compact(exchange, entry.json)
    if entry.method == "DELETE" and path.startswith(f"{responses.PATH}/"):
        return responses.forget(exchange, path.removeprefix(f"{responses.PATH}/"))
    if entry.method == "POST" and path in SMALL:
        check, reply = SMALL[path]
        check(entry.json)
        return exchange.scripted(entry.json["model"]) or reply(exchange, entry.json)
    if entry.method == "GET" and path == "/v1/models":
        return exchange.json({"object": "list", "data": [described(name) for name in MODELS]})
    if entry.method == "GET" and path.startswith("/v1/models/"):
        name = unquote(path.removeprefix("/v1/models/"))
        need(name in MODELS, f"The model '{name}' does not exist", status=404)
        return exchange.json(described(name))
    raise Refused(404, f"Invalid URL ({entry.method} {path})")


def described(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 1_721_172_717, "owned_by": "system"}


def snapshot(model: str) -> str:
    """An alias is answered with the name of the snapshot behind it."""
    return f"{model}-2026-04-21"


# -- chat ------------------------------------------------------------------------


async def chat(exchange: "Answer", body: dict[str, Any]) -> web.StreamResponse:
    if isinstance(body.get("model"), str) and (reply := exchange.scripted(body["model"])):
        return reply
    check_chat(body)
    turn = decide(asked(body))
    if not body.get("stream"):
        return await exchange.whole(completion(body, turn))
    usage = (body.get("stream_options") or {}).get("include_usage", False)
    frames = [f"data: {dumps(chunk)}\n\n".encode() for chunk in chunks(body, turn, usage)]
    if exchange.script != "ends":
        frames.append(b"data: [DONE]\n\n")
    return await exchange.stream(frames, "text/event-stream; charset=utf-8", f"data: {dumps(BROKEN)}\n\n".encode())


def asked(body: dict[str, Any]) -> Asked:
    messages = body["messages"]
    last = max((i for i, message in enumerate(messages) if message["role"] == "user"), default=-1)
    form = body.get("response_format") or {}
    choice = body.get("tool_choice")
    tools = {tool["function"]["name"]: tool["function"].get("parameters") or {} for tool in body.get("tools") or ()}
    stop = body.get("stop") or ()
    return Asked(
        model=body["model"],
        system=" ".join(
            plain(message["content"]) for message in messages if message["role"] in ("system", "developer")
        ),
        text=plain(messages[last]["content"]) if last >= 0 else "",
        tools={} if choice == "none" else tools,
        forced={"required": "*"}.get(choice) if isinstance(choice, str | None) else choice["function"]["name"],
        results=[plain(message["content"]) for message in messages[last + 1 :] if message["role"] == "tool"],
        schema={"json_schema": form.get("json_schema", {}).get("schema"), "json_object": True}.get(form.get("type")),
        thinking=body.get("reasoning_effort") not in (None, "none"),
        audio="audio" in (body.get("modalities") or ()),
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
    )


def plain(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content or () if part["type"] == "text")


FINISH = {"sequence": "stop"}


def usage(turn: Turn) -> dict[str, Any]:
    return {
        "prompt_tokens": INPUT,
        "completion_tokens": OUTPUT,
        "total_tokens": INPUT + OUTPUT,
        "prompt_tokens_details": {"cached_tokens": CACHED, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": THOUGHT if turn.reasoning else 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
        "x_upstream": NEW,
    }


def completion(body: dict[str, Any], turn: Turn) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": turn.text or None, "refusal": None, "annotations": []}
    if turn.reasoning:
        message["reasoning_content"] = turn.reasoning
    if turn.calls:
        message["tool_calls"] = [
            {"id": call_id(), "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
            for name, arguments in turn.calls
        ]
    if turn.audio:
        message["audio"] = {"id": "audio_1", "data": turn.audio, "expires_at": CREATED + 3600, "transcript": "A hum."}
    message["x_upstream"] = NEW
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": FINISH.get(turn.stop, turn.stop),
        "x_upstream": NEW,
    }
    return {
        "id": f"chatcmpl-Up{next(_ids):020d}",
        "object": "chat.completion",
        "created": CREATED,
        "model": snapshot(body["model"]),
        "choices": [choice],
        "usage": usage(turn),
        "service_tier": "default",
        "system_fingerprint": None,
        "x_upstream": NEW,
    }


def call_id() -> str:
    return f"call_Up{next(_ids):020d}"


def deltas(turn: Turn) -> list[dict[str, Any]]:
    """What the choice grows by, frame by frame."""
    found: list[dict[str, Any]] = [{"role": "assistant", "content": None if turn.calls else "", "refusal": None}]
    found += [{"reasoning_content": piece} for piece in pieces(turn.reasoning)]
    found += [{"content": piece} for piece in pieces(turn.text)]
    for index, (name, arguments) in enumerate(turn.calls):
        head = {"name": name, "arguments": ""}
        found.append({"tool_calls": [{"index": index, "id": call_id(), "type": "function", "function": head}]})
        for piece in pieces(json.dumps(arguments)):
            found.append({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    if turn.audio:
        found.append({"audio": {"id": "audio_1", "transcript": "A hum."}})
        found += [
            {"audio": {"id": "audio_1", "data": turn.audio[i : i + 4000]}} for i in range(0, len(turn.audio), 4000)
        ]
    return found


def chunks(body: dict[str, Any], turn: Turn, with_usage: bool) -> list[dict[str, Any]]:
    def chunk(choices: list[Any], **more: Any) -> dict[str, Any]:
        head = {"id": identity, "object": "chat.completion.chunk", "created": CREATED, "model": snapshot(body["model"])}
        rest = {"service_tier": "default", "system_fingerprint": None, "choices": choices}
        counted = {"usage": None} if with_usage else {}
        return {**head, **rest, **counted, **more, "obfuscation": "CVQ55DocFW", "x_upstream": NEW}

    identity = f"chatcmpl-Up{next(_ids):020d}"
    found = [
        chunk([{"index": 0, "delta": {**delta, "x_upstream": NEW}, "finish_reason": None}]) for delta in deltas(turn)
    ]
    found.append(chunk([{"index": 0, "delta": {}, "finish_reason": FINISH.get(turn.stop, turn.stop)}]))
    if with_usage:
        found.append(chunk([], usage=usage(turn)))
    return found


# -- what it refuses -----------------------------------------------------------------


def check_chat(body: dict[str, Any]) -> None:
    known(body, CHAT, UNKNOWN)
    need(isinstance(body.get("model"), str) and body["model"], "you must provide a model parameter")
    need(isinstance(body.get("messages"), list), "Missing required parameter: 'messages'.", "messages")
    need(body["messages"], "Invalid 'messages': empty array. Expected an array with minimum length 1.", "messages")
    number(body.get("temperature"), 0, 2, "temperature")
    number(body.get("top_p"), 0, 1, "top_p")
    number(body.get("presence_penalty"), -2, 2, "presence_penalty")
    number(body.get("frequency_penalty"), -2, 2, "frequency_penalty")
    whole(body.get("max_tokens"), 1, 1 << 20, "max_tokens")
    whole(body.get("max_completion_tokens"), 1, 1 << 20, "max_completion_tokens")
    need(
        not (body.get("max_tokens") and body.get("max_completion_tokens")),
        "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
    )
    one_of(body.get("reasoning_effort"), EFFORTS, "reasoning_effort")
    of(body.get("stream", False), (bool, type(None)), "stream")
    need(
        body.get("stream") or not body.get("stream_options"),
        "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        "stream_options",
    )
    stop = body.get("stop")
    listed = isinstance(stop, list) and 0 < len(stop) <= 4 and all(one and isinstance(one, str) for one in stop)
    need(stop is None or isinstance(stop, str) or listed, "Invalid 'stop'.", "stop")
    metadata = body.get("metadata") or {}
    need(
        len(metadata) <= 16 and all(isinstance(value, str) for value in metadata.values()),
        "Invalid 'metadata'.",
        "metadata",
    )
    if "audio" in (body.get("modalities") or ()):
        audio = known(body.get("audio"), ("voice", "format"), UNKNOWN, "audio")
        one_of(audio.get("voice"), VOICES, "audio.voice")
        one_of(
            audio.get("format"),
            ["pcm16"] if body.get("stream") else ["pcm16", "wav", "mp3", "flac", "opus", "aac"],
            "audio.format",
        )
    one_of_modalities = [word for word in body.get("modalities") or () if word not in ("text", "audio")]
    need(
        not one_of_modalities,
        f"Invalid value: {one_of_modalities}. Supported values are: 'text' and 'audio'.",
        "modalities",
    )
    check_tools(body)
    check_format(body)
    check_messages(body["messages"])


def check_tools(body: dict[str, Any]) -> None:
    tools = body.get("tools")
    if tools is None:
        for name in ("tool_choice", "parallel_tool_calls"):
            need(
                body.get(name) is None,
                f"Invalid value for '{name}': '{name}' is only allowed when 'tools' are specified.",
                name,
            )
        return
    need(of(tools, list, "tools"), "Invalid 'tools': empty array. Expected an array with minimum length 1.", "tools")
    for i, tool in enumerate(tools):
        path = f"tools[{i}]"
        one_of(known(tool, ("type", "function"), UNKNOWN, path).get("type"), ["function"], f"{path}.type")
        function = known(
            tool.get("function"), ("name", "description", "parameters", "strict"), UNKNOWN, f"{path}.function"
        )
        matches(function.get("name"), r"[a-zA-Z0-9_-]{1,64}", f"{path}.function.name")
        parameters = function.get("parameters")
        if parameters is not None:
            complaint = (
                f"Invalid schema for function '{function['name']}': schema must be a JSON Schema of 'type: \"object\"'."
            )
            need(of(parameters, dict, path).get("type") == "object", complaint, f"{path}.function.parameters")
            need("properties" in parameters, "object schema missing properties", f"{path}.function.parameters")
            if function.get("strict"):
                closed(
                    parameters,
                    path,
                    "'additionalProperties' is required to be supplied and to be false.",
                    all_required=True,
                )
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        names = [tool["function"]["name"] for tool in tools]
        need(
            (choice.get("function") or {}).get("name") in names, "Tool choice names no tool in 'tools'.", "tool_choice"
        )
    else:
        one_of(choice, (None, "auto", "none", "required"), "tool_choice")


def check_format(body: dict[str, Any]) -> None:
    form = body.get("response_format")
    if form is None:
        return
    known(form, ("type", "json_schema"), UNKNOWN, "response_format")
    one_of(form.get("type"), ("text", "json_object", "json_schema"), "response_format.type")
    if form["type"] == "json_object":
        said = json.dumps(body["messages"]).lower()
        need(
            "json" in said,
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
            "messages",
        )
    if form["type"] == "json_schema":
        schema = known(
            form.get("json_schema"), ("name", "description", "schema", "strict"), UNKNOWN, "response_format.json_schema"
        )
        matches(schema.get("name"), r"[a-zA-Z0-9_-]{1,64}", "response_format.json_schema.name")
        if schema.get("strict"):
            complaint = f"Invalid schema for response_format '{schema['name']}': 'additionalProperties' is required to be supplied and to be false."
            closed(schema.get("schema"), "response_format", complaint, all_required=True)


def check_messages(messages: list[Any]) -> None:
    waiting: set[str] = set()  # calls not yet answered
    for i, message in enumerate(messages):
        path = f"messages[{i}]"
        known(message, MESSAGE, UNKNOWN, path)
        role = message.get("role")
        one_of(role, ("system", "developer", "user", "assistant", "tool", "function"), f"{path}.role")
        if role == "tool":
            complaint = "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
            need(message.get("tool_call_id") in waiting, complaint, f"{path}.role")
            waiting.discard(message["tool_call_id"])
        else:
            complaint = f"An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. Missing: {sorted(waiting)}"
            need(not waiting, complaint, path)
        calls = message.get("tool_calls")
        if calls is not None:
            need(role == "assistant" and calls, f"Invalid '{path}.tool_calls': empty array.", path)
            waiting = {check_call(call, f"{path}.tool_calls[{n}]") for n, call in enumerate(calls)}
        check_content(message, role, path)
    need(
        not waiting,
        f"An assistant message with 'tool_calls' must be followed by tool messages. Missing: {sorted(waiting)}",
    )


def check_call(call: Any, path: str) -> str:
    known(call, ("id", "type", "function"), UNKNOWN, path)
    need(call.get("type") == "function", f"Missing required parameter: '{path}.type'.", path)
    function = known(call.get("function"), ("name", "arguments"), UNKNOWN, f"{path}.function")
    of(function.get("arguments"), str, f"{path}.function.arguments")
    matches(function.get("name"), r"[a-zA-Z0-9_-]{1,64}", f"{path}.function.name")
    need(
        isinstance(call.get("id"), str) and 0 < len(call["id"]) <= 40,
        f"Invalid '{path}.id': string too long. Expected a string with maximum length 40.",
        path,
    )
    return str(call["id"])


ALLOWED_PARTS = {
    "user": ("text", "image_url", "input_audio", "file"),
    "assistant": ("text", "refusal"),
}


def check_content(message: dict[str, Any], role: str, path: str) -> None:
    content = message.get("content")
    if content is None:
        spoken = (
            message.get("tool_calls") or message.get("refusal") or message.get("audio") or message.get("function_call")
        )
        need(
            role == "assistant" and spoken,
            f"Invalid value for 'content': expected a string, got null. ({path})",
            f"{path}.content",
        )
        return
    for i, part in enumerate([] if isinstance(content, str) else of(content, list, f"{path}.content")):
        at = f"{path}.content[{i}]"
        kind = of(part, dict, at).get("type")
        one_of(kind, ALLOWED_PARTS.get(role, ("text",)), f"{at}.type")
        known(part, PARTS[kind], UNKNOWN, at)
        if kind == "text":
            of(part.get("text"), str, f"{at}.text")
        elif kind == "image_url":
            url = known(part.get("image_url"), ("url", "detail"), UNKNOWN, f"{at}.image_url").get("url")
            found = re.fullmatch(r"data:([\w/+.-]+);base64,(.*)", of(url, str, at), re.S)
            need(found or url.startswith(("https://", "http://")), f"Invalid image URL: '{at}.image_url.url'.", at)
            if found:
                need(
                    found[1] in ("image/png", "image/jpeg", "image/gif", "image/webp"),
                    f"unsupported image {found[1]}",
                    at,
                )
                media(found[1], found[2], at)
        elif kind == "input_audio":
            audio = known(part.get("input_audio"), ("data", "format"), UNKNOWN, f"{at}.input_audio")
            one_of(audio.get("format"), ("wav", "mp3"), f"{at}.input_audio.format")
            media("audio", audio.get("data"), at)
        elif kind == "file":
            file = known(part.get("file"), ("file_data", "file_id", "filename"), UNKNOWN, f"{at}.file")
            need(
                file.get("file_id") or str(file.get("file_data", "")).startswith("data:"),
                f"Missing file data in '{at}'.",
                at,
            )
            need(file.get("file_id") or file.get("filename"), f"Missing required parameter: '{at}.file.filename'.", at)


# -- the small operations ------------------------------------------------------------


def vector(text: str, size: int) -> list[float]:
    """Made of the text; every component fits a 32-bit float exactly."""
    return [(zlib.crc32(f"{i} {text}".encode()) % 129 - 64) / 64 for i in range(size)]


def check_embeddings(body: dict[str, Any]) -> None:
    known(body, EMBEDDINGS, UNKNOWN)
    need(isinstance(body.get("model"), str), "you must provide a model parameter")
    given = body.get("input")
    need(given, "'$.input' is invalid. Please check the API reference.", "input")
    need(isinstance(given, str | list), "'$.input' is invalid.", "input")
    for one in given if isinstance(given, list) else [given]:
        need(isinstance(one, int) or one, "'$.input' is invalid: empty string.", "input")
    one_of(body.get("encoding_format"), (None, "float", "base64"), "encoding_format")
    whole(body.get("dimensions"), 1, 3072, "dimensions")


def embeddings(exchange: "Answer", body: dict[str, Any]) -> web.Response:
    given = body["input"]
    inputs = [given] if isinstance(given, str) or isinstance(given[0], int) else given
    size = body.get("dimensions") or 8
    data = []
    for index, one in enumerate(inputs):
        values: Any = vector(str(one), size)
        if body.get("encoding_format") == "base64":
            values = base64.b64encode(struct.pack(f"<{size}f", *values)).decode()
        data.append({"object": "embedding", "index": index, "embedding": values, "x_upstream": NEW})
    counts = {"prompt_tokens": INPUT, "total_tokens": INPUT}
    return exchange.json(
        {"object": "list", "data": data, "model": snapshot(body["model"]), "usage": counts, "x_upstream": NEW}
    )


def check_images(body: dict[str, Any]) -> None:
    known(body, IMAGES, UNKNOWN)
    need(isinstance(body.get("model"), str), "you must provide a model parameter")
    need(isinstance(body.get("prompt"), str) and body["prompt"], "Missing required parameter: 'prompt'.", "prompt")
    whole(body.get("n"), 1, 10, "n")
    if not body["model"].startswith("dall-e"):
        need("response_format" not in body, "Unknown parameter: 'response_format'.", "response_format")
    need(re.fullmatch(r"auto|\d+x\d+", body.get("size") or "auto"), f"Invalid size {body.get('size')!r}.", "size")
    one_of(body.get("output_format"), (None, "png", "jpeg", "webp"), "output_format")
    one_of(body.get("quality"), (None, "auto", "low", "medium", "high", "standard", "hd"), "quality")


def images(exchange: "Answer", body: dict[str, Any]) -> web.Response:
    by_url = body.get("response_format") == "url"
    one = {"url": f"https://images.invalid/{next(_ids)}.png"} if by_url else {"b64_json": PNG}
    counts = {
        "total_tokens": INPUT + OUTPUT,
        "input_tokens": INPUT,
        "output_tokens": OUTPUT,
        "input_tokens_details": {"text_tokens": INPUT, "image_tokens": 0},
    }
    return exchange.json(
        {"created": CREATED, "data": [dict(one) for _ in range(body.get("n") or 1)], "usage": counts, "x_upstream": NEW}
    )


def check_speech(body: dict[str, Any]) -> None:
    known(body, SPEECH, UNKNOWN)
    need(isinstance(body.get("model"), str), "you must provide a model parameter")
    need(isinstance(body.get("input"), str) and body["input"], "Missing required parameter: 'input'.", "input")
    one_of(body.get("voice"), VOICES, "voice")
    one_of(body.get("response_format") or "mp3", AUDIO, "response_format")
    number(body.get("speed"), 0.25, 4, "speed")


def speech(exchange: "Answer", body: dict[str, Any]) -> web.Response:
    form = body.get("response_format") or "mp3"
    samples = pcm(body["input"])
    return exchange.binary({"pcm": samples, "wav": wav(samples)}.get(form, MP3), AUDIO[form])


SMALL = {
    "/v1/embeddings": (check_embeddings, embeddings),
    "/v1/images/generations": (check_images, images),
    "/v1/audio/speech": (check_speech, speech),
}
