"""Plain clients of the gateway, one for each dialect: the body of a request, and what an answer says. They know the wire
formats as the vendors document them, and nothing of the gateway's code."""

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from gateway import MODEL, Answer, Event
from upstream import Entry
from upstream.model import PNG

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
ZONE = {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]}
TOOLS = {"get_weather": CITY, "get_time": ZONE}


@dataclass
class Said:
    """What an answer says, streamed or not."""

    text: str = ""
    reasoning: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    images: list[bytes] = field(default_factory=list)
    sounds: list[bytes] = field(default_factory=list)
    stop: str | None = None  # in the dialect's own word
    input: int | None = None  # tokens, cached ones included
    output: int | None = None
    model: str | None = None
    id: str | None = None


def arguments_of(text: str) -> Any:
    """A tool's arguments; the bare text where a limit cut it short."""
    try:
        return json.loads(text)
    except ValueError:
        return text


class Chat:
    """OpenAI's chat completions."""

    name = "openai.chat"
    vendor = "openai"
    stops = {"stop": "stop", "length": "length", "tool_calls": "tool_calls", "content_filter": "content_filter"}
    headers: dict[str, str] = {}
    errors = {
        400: "invalid_request_error",
        401: "invalid_request_error",
        404: "invalid_request_error",
        405: "invalid_request_error",
        413: "invalid_request_error",
    }

    def path(self, model: str = MODEL, stream: bool = False) -> str:
        return "/v1/chat/completions"

    def body(
        self, text: str = "Hello, how are you?", model: str = MODEL, stream: bool = False, **more: Any
    ) -> dict[str, Any]:
        streamed = {"stream": True} if stream else {}
        return {"model": model, "messages": [{"role": "user", "content": text}], **streamed, **more}

    def tools(self, *names: str) -> dict[str, Any]:
        return {
            "tools": [{"type": "function", "function": {"name": name, "parameters": TOOLS[name]}} for name in names]
        }

    def thinking(self) -> dict[str, Any]:
        return {"reasoning_effort": "low"}

    def limit(self, tokens: int) -> dict[str, Any]:
        return {"max_tokens": tokens}

    def read(self, answer: Answer) -> Said:
        if answer.media_type == "text/event-stream":
            return self.read_stream(answer.events)
        body = answer.json
        choice = body["choices"][0]
        said = Said(stop=choice["finish_reason"], model=body["model"], id=body["id"])
        self._grow(said, choice["message"], {})
        self._count(said, body.get("usage"))
        return said

    def read_stream(self, events: list[Event]) -> Said:
        assert events[-1].data == "[DONE]", events[-1]
        chunks = [event.json for event in events[:-1]]
        said, growing = Said(id=chunks[0]["id"], model=chunks[0]["model"]), dict[int, list[str]]()
        for chunk in chunks:
            assert "error" not in chunk, chunk
            self._count(said, chunk.get("usage"))
            for choice in chunk["choices"]:
                self._grow(said, choice["delta"], growing)
                said.stop = choice["finish_reason"] or said.stop
        said.calls += [(name, arguments_of(arguments)) for name, arguments in growing.values()]
        return said

    def _grow(self, said: Said, message: dict[str, Any], growing: dict[int, list[str]]) -> None:
        content = message.get("content") or ""
        for picture in re.findall(r"!\[[^\]]*\]\(data:image/png;base64,([^)]+)\)", content):
            said.images.append(base64.b64decode(picture))
        said.text += content
        said.reasoning += message.get("reasoning_content") or ""
        for call in message.get("tool_calls") or ():
            function = call["function"]
            if "index" not in call:
                said.calls.append((function["name"], arguments_of(function["arguments"])))
            elif call["index"] not in growing:
                assert call["id"], call
                growing[call["index"]] = [function["name"], function.get("arguments") or ""]
            else:
                growing[call["index"]][1] += function.get("arguments") or ""

    def _count(self, said: Said, usage: dict[str, Any] | None) -> None:
        if usage:
            said.input, said.output = usage["prompt_tokens"], usage["completion_tokens"]
            assert usage["total_tokens"] == said.input + said.output

    def error(self, answer: Answer) -> tuple[str, str | None, str]:
        """The type, code and message of an error, whose shape is checked."""
        assert answer.media_type == "application/json", answer
        assert set(answer.json) == {"error"}, answer
        return self.error_object(answer.json["error"], answer.status)

    def error_object(self, error: Any, status: int | None = None) -> tuple[str, str | None, str]:
        assert {"message", "type", "code"} <= set(error) <= {"message", "type", "code", "param"}, error
        assert error["message"] and isinstance(error["message"], str)
        assert error["type"] and isinstance(error["type"], str) and error["type"] != "None"
        assert error["code"] is None or (isinstance(error["code"], str) and error["code"] != "None")
        assert error.get("param") is None or (isinstance(error["param"], str) and error["param"] != "None")
        if status in self.errors:
            assert error["type"] == self.errors[status], error
        return error["type"], error["code"], error["message"]

    def broken(self, events: list[Event]) -> str:
        """The message of the error a stream broke off with, whose form is checked; `[DONE]` must not follow it."""
        error = events[-1].json
        assert set(error) == {"error"} and not events[-1].name, events[-1]
        for event in events[:-1]:
            assert event.data != "[DONE]"
            assert all(choice["finish_reason"] is None for choice in event.json["choices"]), "an end was made up"
        return self.error_object(error["error"])[2]


class Messages(Chat):
    """Anthropic's messages."""

    name = "anthropic"
    vendor = "anthropic"
    stops = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
    headers = {"anthropic-version": "2023-06-01"}
    errors = {
        400: "invalid_request_error",
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        405: "invalid_request_error",
        413: "request_too_large",
        429: "rate_limit_error",
        500: "api_error",
        502: "api_error",
        529: "overloaded_error",
    }

    def path(self, model: str = MODEL, stream: bool = False) -> str:
        return "/v1/messages"

    def body(
        self, text: str = "Hello, how are you?", model: str = MODEL, stream: bool = False, **more: Any
    ) -> dict[str, Any]:
        streamed = {"stream": True} if stream else {}
        return {"model": model, "max_tokens": 1024, "messages": [{"role": "user", "content": text}], **streamed, **more}

    def tools(self, *names: str) -> dict[str, Any]:
        return {"tools": [{"name": name, "input_schema": TOOLS[name]} for name in names]}

    def thinking(self) -> dict[str, Any]:
        return {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 4096}

    def read(self, answer: Answer) -> Said:
        if answer.media_type == "text/event-stream":
            return self.read_stream(answer.events)
        return self._of(answer.json)

    def _of(self, message: dict[str, Any]) -> Said:
        assert message["type"] == "message" and message["role"] == "assistant", message
        usage = message["usage"]
        cached = usage.get("cache_read_input_tokens") or 0
        said = Said(
            stop=message["stop_reason"], model=message["model"], id=message["id"], output=usage["output_tokens"]
        )
        said.input = usage["input_tokens"] + cached + (usage.get("cache_creation_input_tokens") or 0)
        for block in message["content"]:
            match block["type"]:
                case "text":
                    assert block["text"], "an empty text block"
                    said.text += block["text"]
                case "thinking":
                    said.reasoning += block["thinking"]
                case "tool_use":
                    said.calls.append((block["name"], block["input"]))
                case "image":
                    said.images.append(base64.b64decode(block["source"]["data"]))
        return said

    def read_stream(self, events: list[Event]) -> Said:
        """The message that the events build, as an SDK builds it; every event has its name and its turn."""
        assert all(event.name == event.json["type"] for event in events), "an event's name is not its type"
        kinds = [event.name for event in events if event.name != "ping"]
        assert kinds[0] == "message_start" and kinds[-2:] == ["message_delta", "message_stop"], kinds
        assert kinds.count("message_start") == kinds.count("message_delta") == kinds.count("message_stop") == 1
        message = dict(events[0].json["message"])
        assert message["content"] == [] and message["stop_reason"] is None, message
        blocks = list[dict[str, Any]]()
        opened: int | None = None
        for event in (event.json for event in events):
            match event["type"]:
                case "content_block_start":
                    assert opened is None and event["index"] == len(blocks), event
                    opened = event["index"]
                    blocks.append({**event["content_block"], "": ""})
                case "content_block_delta":
                    assert opened == event["index"], event
                    self._grow_block(blocks[opened], event["delta"])
                case "content_block_stop":
                    assert opened == event["index"], event
                    opened = None
                case "message_delta":
                    assert opened is None
                    message |= event["delta"]
                    message["usage"] = message["usage"] | {k: v for k, v in event["usage"].items() if v is not None}
        for block in blocks:
            if written := block.pop(""):
                block["input"] = arguments_of(written)
        return self._of({**message, "content": blocks})

    def _grow_block(self, block: dict[str, Any], delta: dict[str, Any]) -> None:
        match delta["type"], block["type"]:
            case "text_delta", "text":
                block["text"] += delta["text"]
            case "thinking_delta", "thinking":
                block["thinking"] += delta["thinking"]
            case "signature_delta", "thinking":
                block["signature"] = block.get("signature", "") + delta["signature"]
            case "input_json_delta", "tool_use":
                block[""] += delta["partial_json"]
            case found:
                raise AssertionError(f"a delta in the wrong block: {found}")

    def error(self, answer: Answer) -> tuple[str, str | None, str]:
        assert answer.media_type == "application/json", answer
        return self.error_object(answer.json, answer.status)

    def error_object(self, error: Any, status: int | None = None) -> tuple[str, str | None, str]:
        assert {"type", "error"} <= set(error) <= {"type", "error", "request_id"} and error["type"] == "error", error
        inner = error["error"]
        assert {"type", "message"} <= set(inner) <= {"type", "message", "details"}, error
        assert inner["message"] and isinstance(inner["message"], str)
        assert inner["type"] in {*self.errors.values(), "timeout_error", "overloaded_error", "billing_error"}, error
        if status in self.errors:
            assert inner["type"] == self.errors[status], error
        return inner["type"], None, inner["message"]

    def broken(self, events: list[Event]) -> str:
        assert events[-1].name == "error", events[-1]
        assert "message_stop" not in [event.name for event in events]
        assert "message_delta" not in [event.name for event in events], "an end was made up"
        return self.error_object(events[-1].json)[2]


class Contents(Chat):
    """Gemini's generateContent."""

    name = "gemini"
    vendor = "gemini"
    stops = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "content_filter": "SAFETY"}
    errors = {
        400: "INVALID_ARGUMENT",
        401: "UNAUTHENTICATED",
        403: "PERMISSION_DENIED",
        404: "NOT_FOUND",
        429: "RESOURCE_EXHAUSTED",
        500: "INTERNAL",
        503: "UNAVAILABLE",
    }
    version = "v1beta"

    def path(self, model: str = MODEL, stream: bool = False) -> str:
        verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return f"/{self.version}/models/{model}:{verb}"

    def body(
        self, text: str = "Hello, how are you?", model: str = MODEL, stream: bool = False, **more: Any
    ) -> dict[str, Any]:
        return {"contents": [{"role": "user", "parts": [{"text": text}]}], **more}

    def tools(self, *names: str) -> dict[str, Any]:
        declared = [{"name": name, "parametersJsonSchema": TOOLS[name]} for name in names]
        return {"tools": [{"functionDeclarations": declared}]}

    def thinking(self) -> dict[str, Any]:
        return {"generationConfig": {"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 1024}}}

    def limit(self, tokens: int) -> dict[str, Any]:
        return {"generationConfig": {"maxOutputTokens": tokens}}

    def read(self, answer: Answer) -> Said:
        if answer.media_type == "text/event-stream":
            return self.read_stream(answer.events)
        found = answer.json
        return self.read_chunks(found if isinstance(found, list) else [found])

    def read_stream(self, events: list[Event]) -> Said:
        assert not any(event.name for event in events), "Gemini's events have no names"
        return self.read_chunks([event.json for event in events])

    def read_chunks(self, chunks: list[dict[str, Any]]) -> Said:
        said = Said(model=chunks[0].get("modelVersion"), id=chunks[0].get("responseId"))
        for number, chunk in enumerate(chunks):
            assert "error" not in chunk, chunk
            for candidate in chunk.get("candidates", ()):
                for part in candidate.get("content", {}).get("parts", ()):
                    self._grow_part(said, part)
                if reason := candidate.get("finishReason"):
                    assert number == len(chunks) - 1, "it went on after its end"
                    said.stop = reason
            if usage := chunk.get("usageMetadata"):
                said.input = usage["promptTokenCount"]
                said.output = usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0)
        return said

    def _grow_part(self, said: Said, part: dict[str, Any]) -> None:
        if "functionCall" in part:
            said.calls.append((part["functionCall"]["name"], part["functionCall"].get("args", {})))
        elif "inlineData" in part:
            kind = said.images if part["inlineData"]["mimeType"].startswith("image/") else said.sounds
            kind.append(base64.b64decode(part["inlineData"]["data"]))
        elif part.get("thought"):
            said.reasoning += part["text"]
        else:
            said.text += part["text"]

    def error(self, answer: Answer) -> tuple[str, str | None, str]:
        assert answer.media_type == "application/json", answer
        found = answer.json
        assert isinstance(found, dict) and set(found) == {"error"}, answer
        assert found["error"]["code"] == answer.status, answer
        return self.error_object(found["error"], answer.status)

    def error_object(self, error: Any, status: int | None = None) -> tuple[str, str | None, str]:
        assert {"code", "message", "status"} <= set(error) <= {"code", "message", "status", "details"}, error
        assert isinstance(error["code"], int) and error["message"] and isinstance(error["message"], str)
        assert re.fullmatch("[A-Z_]+", error["status"]), error
        if status in self.errors:
            assert error["status"] == self.errors[status], error
        return error["status"], None, error["message"]

    def broken(self, events: list[Event]) -> str:
        assert events[-1].data.startswith('{"error":'), events[-1]  # google-genai looks for just this
        assert not events[-1].name
        for event in events[:-1]:
            assert not any("finishReason" in candidate for candidate in event.json["candidates"]), "an end was made up"
        return self.error_object(events[-1].json["error"])[2]


class Responses(Chat):
    """OpenAI's Responses."""

    name = "openai.responses"
    vendor = "openai"
    stops = {"stop": "completed", "length": "max_output_tokens", "tool_calls": "completed"}
    stops |= {"content_filter": "content_filter"}

    def path(self, model: str = MODEL, stream: bool = False) -> str:
        return "/v1/responses"

    def body(
        self, text: str = "Hello, how are you?", model: str = MODEL, stream: bool = False, **more: Any
    ) -> dict[str, Any]:
        return {"model": model, "input": text, **({"stream": True} if stream else {}), **more}

    def tools(self, *names: str) -> dict[str, Any]:
        return {"tools": [{"type": "function", "name": name, "parameters": TOOLS[name]} for name in names]}

    def thinking(self) -> dict[str, Any]:
        return {"reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}

    def limit(self, tokens: int) -> dict[str, Any]:
        return {"max_output_tokens": tokens}

    def read(self, answer: Answer) -> Said:
        return self.of(self.response(answer))

    def response(self, answer: Answer) -> dict[str, Any]:
        """The whole response, whose form is checked, streamed or not."""
        return self.streamed(answer.events) if answer.media_type == "text/event-stream" else self.checked(answer.json)

    def checked(self, response: dict[str, Any]) -> dict[str, Any]:
        assert response["object"] == "response" and response["id"].startswith("resp_"), response
        assert response["status"] in ("completed", "incomplete") and response["error"] is None, response
        assert (response["status"] == "incomplete") == bool(response["incomplete_details"]), response
        assert type(response["created_at"]) is int
        ids = [item["id"] for item in response["output"]]
        assert all(ids) and len(set(ids)) == len(ids), ids
        usage = response["usage"]
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        assert "cached_tokens" in usage["input_tokens_details"] and "reasoning_tokens" in usage["output_tokens_details"]
        return response

    def of(self, response: dict[str, Any]) -> Said:
        usage = response["usage"]
        stop = (response["incomplete_details"] or {}).get("reason") or response["status"]
        said = Said(stop=stop, input=usage["input_tokens"], output=usage["output_tokens"])
        said.model, said.id = response["model"], response["id"]
        for item in response["output"]:
            match item["type"]:
                case "message":
                    assert item["role"] == "assistant" and item["content"], item
                    said.text += "".join(part["text"] for part in item["content"] if part["type"] == "output_text")
                case "reasoning":
                    said.reasoning += "".join(part["text"] for part in item["summary"])
                case "function_call":
                    assert item["call_id"], item
                    said.calls.append((item["name"], arguments_of(item["arguments"])))
                case "image_generation_call":
                    said.images.append(base64.b64decode(item["result"]))
        return said

    def begun(self, events: list[Event]) -> list[dict[str, Any]]:
        """The events, whose numbers and beginning are checked."""
        assert all(event.name == event.json["type"] for event in events), "an event's name is not its type"
        told = [event.json for event in events]
        assert [event["sequence_number"] for event in told] == list(range(len(told))), "numbers that do not count up"
        assert [event["type"] for event in told[:2]] == ["response.created", "response.in_progress"]
        first = told[0]["response"]
        assert first["status"] == "in_progress" and first["output"] == [], first
        assert {event["response"]["id"] for event in told if "response" in event} == {first["id"]}, "its id has changed"
        return told

    def streamed(self, events: list[Event]) -> dict[str, Any]:
        """The response that the events build, which has to be what the last of them says it was."""
        told = self.begun(events)
        items, texts, opened = list[dict[str, Any]](), dict[str, str](), ""
        for event in told[2:-1]:
            kind = event["type"]
            assert event["output_index"] == len(items), event
            if kind == "response.output_item.added":
                assert not opened and event["item"]["id"], event
                opened, texts = event["item"]["id"], {}
            elif kind == "response.output_item.done":
                assert event["item"]["id"] == opened, event
                items, opened = [*items, event["item"]], ""
            else:
                assert event["item_id"] == opened, event
                self._grow_item(texts, kind, event)
        assert not opened and told[-1]["type"] in ("response.completed", "response.incomplete"), told[-1]
        assert told[-1]["type"] == "response." + told[-1]["response"]["status"]
        assert told[-1]["response"]["output"] == items, "what was told is not what it was"
        return self.checked(told[-1]["response"])

    def _grow_item(self, texts: dict[str, str], kind: str, event: dict[str, Any]) -> None:
        """Each `.delta` adds to what the `.done` of the same name then says whole."""
        name, _, end = kind.rpartition(".")
        key = f"{name} {event.get('content_index', event.get('summary_index'))}"
        if end == "delta":
            assert event["delta"], "an empty delta"
            texts[key] = texts.get(key, "") + event["delta"]
        elif end == "done" and not name.endswith("_part"):
            whole = next(event[word] for word in ("text", "arguments", "refusal", "input") if word in event)
            assert texts.get(key, "") == whole, event

    def broken(self, events: list[Event]) -> str:
        """It ends with both `response.failed`, for agents, and the error in both of its forms, for SDKs."""
        told = self.begun(events)
        ends = [event["type"] for event in told[-2:]]
        assert sorted(ends) == ["error", "response.failed"], ends
        assert not {"response.completed", "response.incomplete"} & {event["type"] for event in told}, "a made-up end"
        failed, error = sorted(told[-2:], key=lambda event: event["type"], reverse=True)
        assert failed["response"]["status"] == "failed" and failed["response"]["error"]["message"], failed
        assert failed["response"]["error"]["code"] and isinstance(failed["response"]["error"]["code"], str), failed
        return self.error_object(error["error"])[2]


class App(Chat):
    """The app API of seed 002."""

    name = "simple"
    vendor = ""

    def path(self, model: str = MODEL, stream: bool = False) -> str:
        return "/api/generate"

    def body(
        self, text: str = "Hello, how are you?", model: str = MODEL, stream: bool = False, **more: Any
    ) -> dict[str, Any]:
        streamed = {"stream": True} if stream else {}
        messages = [{"id": "msg_001", "role": "user", "content": text, "timestamp": "2026-03-05T10:00:00.000Z"}]
        return {
            "systemPrompt": "You are a helpful assistant.",
            "messages": messages,
            "model": model,
            **streamed,
            **more,
        }

    def thinking(self) -> dict[str, Any]:
        return {"thinkingEnabled": True}

    def limit(self, tokens: int) -> dict[str, Any]:
        return {"maxTokens": tokens}

    def read(self, answer: Answer) -> Said:
        if answer.media_type == "text/event-stream":
            return self.read_stream(answer.events)
        assert set(answer.json) == {"ok", "data"} and answer.json["ok"] is True, answer
        assert set(answer.json["data"]) == {"content"}, answer
        return Said(text=answer.json["data"]["content"])

    def read_stream(self, events: list[Event]) -> Said:
        assert events[-1].data == "[DONE]", events[-1]
        assert not any(event.name for event in events)
        found = [event.json for event in events[:-1]]
        assert all(set(one) == {"content"} and one["content"] for one in found), found
        return Said(text="".join(one["content"] for one in found))

    def error(self, answer: Answer) -> tuple[str, str | None, str]:
        assert answer.media_type == "application/json", answer
        assert set(answer.json) == {"ok", "error"} and answer.json["ok"] is False, answer
        assert isinstance(answer.json["error"], str) and answer.json["error"]
        return "", None, answer.json["error"]

    def broken(self, events: list[Event]) -> str:
        assert events[-1].name == "error" and set(events[-1].json) == {"error"}, events[-1]
        assert "[DONE]" not in [event.data for event in events]
        message = events[-1].json["error"]
        assert message and isinstance(message, str)
        return str(message)


CHAT, MESSAGES, CONTENTS, APP, RESPONSES = Chat(), Messages(), Contents(), App(), Responses()
FRONTS: tuple[Chat, ...] = (CHAT, MESSAGES, CONTENTS, APP)
VENDORS: tuple[Chat, ...] = (CHAT, MESSAGES, CONTENTS)  # the dialects of SDKs


def front_id(front: Chat) -> str:
    return front.name


# Every route that takes a body, with a body it takes: (path, the dialect of its errors, body)
SMALL: tuple[tuple[str, Chat, dict[str, Any]], ...] = (
    ("/v1/embeddings", CHAT, {"model": "text-embedding-3-small", "input": "What is artificial intelligence?"}),
    ("/v1/images/generations", CHAT, {"model": "gpt-image-1", "prompt": "Robot holding a red skateboard"}),
    (
        "/v1/audio/speech",
        CHAT,
        {"model": "gpt-4o-mini-tts", "voice": "alloy", "input": "Hello.", "response_format": "wav"},
    ),
    (
        "/v1/messages/count_tokens",
        MESSAGES,
        {"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "Hello"}]},
    ),
    (f"/v1beta/models/{MODEL}:countTokens", CONTENTS, {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}),
    ("/v1beta/models/gemini-embedding-001:embedContent", CONTENTS, {"content": {"parts": [{"text": "What is AI?"}]}}),
    (
        "/v1beta/models/gemini-embedding-001:batchEmbedContents",
        CONTENTS,
        {"requests": [{"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "What is AI?"}]}}]},
    ),
    (
        "/v1beta/models/imagen-4.0-generate-001:predict",
        CONTENTS,
        {"instances": [{"prompt": "Robot holding a red skateboard"}], "parameters": {"sampleCount": 1}},
    ),
)


def posts() -> Iterable[tuple[str, Chat, dict[str, Any]]]:
    """Every POST route of the contract with a good body."""
    for front in FRONTS:
        yield front.path(), front, front.body()
    yield CONTENTS.path(stream=True), CONTENTS, CONTENTS.body()
    yield "/api/v1/chat", CHAT, CHAT.body()
    for path in (RESPONSES.path(), f"{RESPONSES.path()}/input_tokens"):
        yield path, RESPONSES, RESPONSES.body()
    yield from SMALL


def is_png(data: bytes) -> bool:
    return data.startswith(b"\x89PNG\r\n\x1a\n")


DATA_URL = f"data:image/png;base64,{PNG}"


# -- what a provider was asked ---------------------------------------------------------


@dataclass
class Wanted:
    """A chat request as a provider received it, read back from its dialect."""

    model: str
    system: str
    turns: list[tuple[str, str]]  # (role, text): role is "user" or "assistant"
    max_tokens: int | None
    temperature: float | None
    top_p: float | None
    stop: tuple[str, ...]
    stream: bool


def wanted(kind: str, entry: Entry) -> Wanted:
    return {"openai": _openai, "anthropic": _anthropic, "gemini": _gemini}[kind](entry)


def _texts(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content or ())


def _openai(entry: Entry) -> Wanted:
    if entry.path.endswith("/responses"):
        return _responses(entry.json)
    body = entry.json
    system = [_texts(turn["content"]) for turn in body["messages"] if turn["role"] in ("system", "developer")]
    turns = [
        (turn["role"], _texts(turn["content"])) for turn in body["messages"] if turn["role"] in ("user", "assistant")
    ]
    stop = body.get("stop") or ()
    return Wanted(
        body["model"],
        "\n".join(system),
        turns,
        body.get("max_completion_tokens") or body.get("max_tokens"),
        body.get("temperature"),
        body.get("top_p"),
        (stop,) if isinstance(stop, str) else tuple(stop),
        body.get("stream") is True,
    )


def _responses(body: dict[str, Any]) -> Wanted:
    items = [{"role": "user", "content": body["input"]}] if isinstance(body["input"], str) else body["input"]
    said = [(item["role"], _texts(item["content"])) for item in items if "role" in item]
    return Wanted(
        body["model"],
        "\n".join([*filter(None, [body.get("instructions")]), *(text for role, text in said if role == "system")]),
        [(role, text) for role, text in said if role in ("user", "assistant")],
        body.get("max_output_tokens"),
        body.get("temperature"),
        body.get("top_p"),
        (),
        body.get("stream") is True,
    )


def _anthropic(entry: Entry) -> Wanted:
    body = entry.json
    return Wanted(
        body["model"],
        _texts(body.get("system")),
        [(turn["role"], _texts(turn["content"])) for turn in body["messages"]],
        body["max_tokens"],
        body.get("temperature"),
        body.get("top_p"),
        tuple(body.get("stop_sequences") or ()),
        body.get("stream") is True,
    )


def _gemini(entry: Entry) -> Wanted:
    body, config = entry.json, entry.json.get("generationConfig") or {}
    found = re.fullmatch(r"/v1beta/models/(.+):(\w+)", unquote(entry.path))
    assert found, entry.path
    roles = {"model": "assistant", "user": "user"}
    return Wanted(
        found[1],
        _texts((body.get("systemInstruction") or {}).get("parts")),
        [(roles[turn.get("role", "user")], _texts(turn["parts"])) for turn in body["contents"]],
        config.get("maxOutputTokens"),
        config.get("temperature"),
        config.get("topP"),
        tuple(config.get("stopSequences") or ()),
        found[2] == "streamGenerateContent",
    )
