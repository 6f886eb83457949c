"""Three hundred wrong bodies for every route, the same ones each time: whatever a client sends, it is told what is wrong in
its own dialect, nothing falls over, and the next request is served."""

import copy
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from clients import APP, CHAT, CONTENTS, MESSAGES, TOOLS, Chat
from gateway import Answer, Gateway
from upstream.model import PNG

COUNT = 300
Path = tuple[str | int, ...]

OPENAI_RICH = {
    "model": "gpt-5",
    "messages": [
        {"role": "system", "content": "Be brief.", "name": "op"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is it?"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}},
                {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
            ],
        },
        {
            "role": "assistant",
            "content": "A look.",
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "21C"},
        {"role": "user", "content": "And now?"},
    ],
    "temperature": 0.5,
    "top_p": 0.9,
    "max_tokens": 50,
    "stream": False,
    "stop": ["END"],
    "presence_penalty": 0.1,
    "frequency_penalty": 0.1,
    "seed": 7,
    "user": "u1",
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "get_weather",
                "description": "Weather",
                "strict": False,
                "parameters": TOOLS["get_weather"],
            },
        }
    ],
    "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
    "parallel_tool_calls": True,
    "reasoning_effort": "low",
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "n", "strict": False, "schema": TOOLS["get_weather"]},
    },
}
ANTHROPIC_RICH = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 4096,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "5m"}}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is it?"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                {
                    "type": "document",
                    "title": "a",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
                },
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
                {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "is_error": False,
                    "content": [{"type": "text", "text": "21C"}],
                },
                {"type": "text", "text": "And now?"},
            ],
        },
    ],
    "temperature": 1.0,
    "top_p": 0.95,
    "top_k": 5,
    "stream": False,
    "stop_sequences": ["END"],
    "metadata": {"user_id": "u1"},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "tools": [{"name": "get_weather", "description": "Weather", "input_schema": TOOLS["get_weather"]}],
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
}
GEMINI_RICH = {
    "contents": [
        {
            "role": "user",
            "parts": [
                {"text": "What is it?"},
                {"inlineData": {"mimeType": "image/png", "data": PNG}},
                {"fileData": {"mimeType": "image/png", "fileUri": "https://example.com/a.png"}},
            ],
        },
        {
            "role": "model",
            "parts": [
                {"text": "Hm.", "thought": True},
                {"functionCall": {"name": "get_weather", "args": {"city": "Paris"}}, "thoughtSignature": "c2ln"},
            ],
        },
        {"role": "user", "parts": [{"functionResponse": {"name": "get_weather", "response": {"result": "21C"}}}]},
    ],
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "generationConfig": {
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 5,
        "maxOutputTokens": 50,
        "candidateCount": 1,
        "stopSequences": ["END"],
        "seed": 7,
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.1,
        "responseMimeType": "application/json",
        "responseJsonSchema": TOOLS["get_weather"],
        "responseModalities": ["TEXT"],
        "thinkingConfig": {"includeThoughts": True, "thinkingBudget": 100},
    },
    "tools": [
        {
            "functionDeclarations": [
                {"name": "get_weather", "description": "Weather", "parametersJsonSchema": TOOLS["get_weather"]}
            ]
        }
    ],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["get_weather"]}},
    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
}
APP_RICH = {
    "systemPrompt": "Be brief.",
    "messages": [
        {"id": "1", "role": "user", "content": "Hello!", "timestamp": "2026-03-05T10:00:00.000Z"},
        {"id": "2", "role": "assistant", "content": "Yes?", "timestamp": "2026-03-05T10:00:01.000Z"},
        {"id": "3", "role": "user", "content": "Who?", "timestamp": "2026-03-05T10:00:02.000Z"},
    ],
    "stream": False,
    "temperature": 0.5,
    "maxTokens": 50,
    "thinkingEnabled": False,
    "model": "gpt-5",
    "provider": "openai",
}
COUNTED = {name: ANTHROPIC_RICH[name] for name in ("model", "messages", "system", "tools", "tool_choice", "thinking")}
EMBED = {
    "content": {"role": "user", "parts": [{"text": "a"}]},
    "taskType": "RETRIEVAL_QUERY",
    "title": "t",
    "outputDimensionality": 8,
}
IMAGES = {
    "model": "gpt-image-1",
    "prompt": "A robot",
    "n": 2,
    "size": "1024x1024",
    "quality": "low",
    "user": "u",
    "output_format": "png",
    "background": "auto",
}
SPEECH = {
    "model": "gpt-4o-mini-tts",
    "voice": "alloy",
    "input": "Hi.",
    "response_format": "wav",
    "speed": 1.0,
    "instructions": "Softly.",
}
PREDICT = {"instances": [{"prompt": "A robot"}], "parameters": {"sampleCount": 2, "aspectRatio": "1:1"}}

ROUTES: dict[str, tuple[Chat, dict[str, Any]]] = {
    "/v1/chat/completions": (CHAT, OPENAI_RICH),
    "/api/v1/chat": (CHAT, OPENAI_RICH),
    "/v1/messages": (MESSAGES, ANTHROPIC_RICH),
    "/v1/messages/count_tokens": (MESSAGES, COUNTED),
    "/v1beta/models/gemini-2.5-flash:generateContent": (CONTENTS, GEMINI_RICH),
    "/v1beta/models/gemini-2.5-flash:streamGenerateContent": (CONTENTS, GEMINI_RICH),
    "/v1beta/models/gemini-2.5-flash:countTokens": (
        CONTENTS,
        {"generateContentRequest": {**GEMINI_RICH, "model": "models/gemini-2.5-flash"}},
    ),
    "/v1beta/models/gemini-embedding-001:embedContent": (CONTENTS, EMBED),
    "/v1beta/models/gemini-embedding-001:batchEmbedContents": (
        CONTENTS,
        {"requests": [{**EMBED, "model": "models/gemini-embedding-001"}] * 2},
    ),
    "/v1beta/models/imagen-4.0-generate-001:predict": (CONTENTS, PREDICT),
    "/v1/embeddings": (
        CHAT,
        {
            "model": "text-embedding-3-small",
            "input": ["a", "b"],
            "dimensions": 8,
            "encoding_format": "float",
            "user": "u",
        },
    ),
    "/v1/images/generations": (CHAT, IMAGES),
    "/v1/audio/speech": (CHAT, SPEECH),
    "/api/generate": (APP, APP_RICH),
}

FREE = frozenset(
    {
        "parameters",
        "input_schema",
        "schema",
        "parametersJsonSchema",
        "responseJsonSchema",
        "args",
        "response",
        "metadata",
    }
)
"""Members of these are the user's own, of any type. (`predict`'s parameters are not: see `free`.)"""
IGNORED = frozenset({"id", "timestamp", "title", "background", "safetySettings"})
"""The app API ignores the first two; the rest mean nothing to anyone but their vendor."""


@dataclass(frozen=True)
class Bad:
    """A body, and whether it must be refused (or may be understood after all)."""

    what: str
    body: bytes
    surely: bool


def paths(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every place in the body with what stands there."""
    if path:
        yield path, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from paths(inner, (*path, name))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from paths(inner, (*path, i))


def free(path: Path) -> bool:
    """Whether a place is inside something of the user's own."""
    inside = path[:-1]
    return bool(FREE & set(inside) and inside != ("parameters",)) or (inside[-1:] == ("input",) and path[-1] == "city")


def put(body: Any, path: Path, value: Any) -> Any:
    found = copy.deepcopy(body)
    at = found
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return found


def dumps(value: Any) -> bytes:
    return json.dumps(value).encode()


WRONG: dict[type, tuple[Any, ...]] = {
    str: (True, {"a": 1}, 7, 1.5),
    int: ("warm", {"a": 1}, True, [1]),
    float: ("warm", {"a": 1}, False, [1]),
    bool: ("yes", 7, {"a": 1}, [True]),
    list: (7, True, 1.5),
    dict: (7, 1.5, [7]),
}
"""What can stand for nothing of that type in any of the dialects (a lone object may stand for a list in Gemini's)."""


def of_wrong_type(body: dict[str, Any]) -> list[Bad]:
    found = []
    for path, value in paths(body):
        if free(path) or IGNORED & set(path):
            continue
        for wrong in WRONG[type(value)]:
            if path[-1] == "input" and ((path == ("input",) and isinstance(wrong, list | dict)) or len(path) > 2):
                continue  # token ids are an input too; and a tool's arguments that are no object are carried (cases.md 63)
            found.append(Bad(f"{path} = {wrong!r}", dumps(put(body, path, wrong)), surely=True))
    return found


ODD: tuple[Any, ...] = (
    None,
    [],
    {},
    "",
    " ",
    "\u0000",
    "\u2028",
    "x" * 5000,
    -1,
    0,
    10**30,
    1e308,
    [None],
    [[[[]]]],
    {"": {}},
    [{}],
    {"type": "x"},
    {"text": None},
    "\U0001f642",
    True,
)


def odd(body: dict[str, Any], rng: random.Random, count: int) -> Iterator[Bad]:
    """What may or may not be understood, but must not break anything."""
    places = [path for path, _ in paths(body)]
    for _ in range(count):
        path = rng.choice(places)
        match rng.randrange(4):
            case 0 if isinstance(path[-1], str):
                found = copy.deepcopy(body)
                at = found
                for step in path[:-1]:
                    at = at[step]
                del at[path[-1]]
                yield Bad(f"without {path}", dumps(found), surely=False)
            case 1:
                text = dumps(body).decode()
                name = json.dumps(str(path[-1]))
                yield Bad(
                    f"{name} twice",
                    text.replace("{", f"{{{name}: {json.dumps(rng.choice(ODD))}, ", 1).encode(),
                    surely=False,
                )
            case _:
                value = rng.choice(ODD)
                yield Bad(f"{path} = {str(value)[:40]!r}", dumps(put(body, path, value)), surely=False)


def raw(body: dict[str, Any], rng: random.Random) -> Iterator[Bad]:
    """What is not JSON, or JSON nobody should send."""
    text = dumps(body)
    yield Bad("nothing", b"", surely=True)
    for word in (
        b"null",
        b"true",
        b"7",
        b'"text"',
        b"[]",
        b"[{}]",
        b"[" + text + b"]",
        b"NaN",
        b"{",
        b"}",
        b"\xef\xbb\xbf",
        b"\x00",
        b"\xff\xfe" + text,
    ):
        yield Bad(f"just {word[:20]!r}", word, surely=True)
    for cut in (1, len(text) // 3, len(text) - 1):
        yield Bad(f"cut at {cut}", text[:cut], surely=True)
    yield Bad("two bodies", text + text, surely=True)
    yield Bad("deep arrays", b"[" * 100_000, surely=True)
    yield Bad("deep arrays, closed", b"[" * 100_000 + b"]" * 100_000, surely=True)
    yield Bad("deep objects", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, surely=True)
    yield Bad("a deep unknown field", text[:-1] + b', "x_new": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", surely=True)
    places = [path for path, value in paths(body) if isinstance(value, str) and not free(path)]
    for path in rng.sample(places, min(4, len(places))):
        marked = dumps(put(body, path, "MARK"))
        for what, bad in (
            ("invalid UTF-8", b"\xc3\x28"),
            ("a cut character", b"\xe4\xb8"),
            ("an overlong one", b"\xc0\xaf"),
            ("a raw control character", b"\x01"),
        ):
            yield Bad(f"{what} at {path}", marked.replace(b"MARK", bad), surely=True)
        for what, bad in (
            ("a lone surrogate", b"\\ud800"),
            ("a pair the wrong way", b"\\udc00\\ud800"),
            ("a null", b"\\u0000"),
        ):
            yield Bad(f"{what} at {path}", marked.replace(b"MARK", bad), surely=False)
    for path in [path for path, value in paths(body) if isinstance(value, int | float) and not isinstance(value, bool)][
        :4
    ]:
        marked = dumps(put(body, path, "MARK"))
        for number in (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"01", b"1.", b"+1", b"0x10", b"1_000"):
            yield Bad(f"{number!r} at {path}", marked.replace(b'"MARK"', number), surely=True)
        for number in (b"9" * 400, b"1e-999", b"-0"):
            yield Bad(f"{number[:9]!r} at {path}", marked.replace(b'"MARK"', number), surely=False)
    if "model" in body:
        for name in ("x" * 300, "x" * 100_000, "a\u0000b", "a\nb", "\r\nx-injected: 1", "\u2028", "", " "):
            yield Bad(f"the model {name[:9]!r}", dumps({**body, "model": name}), surely=name != "")


def bad_bodies(route: str, body: dict[str, Any]) -> list[Bad]:
    rng = random.Random(route)
    wrong = of_wrong_type(body)
    found = [*raw(body, rng), *(wrong if len(wrong) < 150 else rng.sample(wrong, 150))]
    found += odd(body, rng, COUNT - len(found))
    assert len(found) >= COUNT
    return found


def judge(front: Chat, bad: Bad, answer: Answer) -> str | None:
    """What is wrong with the answer to a bad body, if anything."""
    if answer.status == 200:
        return f"{bad.what}: was taken" if bad.surely else None
    if not 400 <= answer.status < 500:
        return f"{bad.what}: {answer}"
    try:
        message = front.error(answer)[2]
    except (AssertionError, KeyError, TypeError, ValueError) as error:
        return f"{bad.what}: not an error of {front.name}: {answer} ({error})"
    return f"{bad.what}: an error of {len(message)} characters" if len(message) > 2000 else None


@pytest.mark.parametrize("route", ROUTES)
def test_the_good_body_is_good(sandbox: Gateway, route: str) -> None:
    front, body = ROUTES[route]
    answer = sandbox.post(route, body, front.headers)
    assert answer.status == 200, answer


@pytest.mark.parametrize("route", ROUTES)
def test_bad_bodies(sandbox: Gateway, route: str) -> None:
    front, body = ROUTES[route]
    found = bad_bodies(route, body)
    wrong = [judge(front, bad, sandbox.call("POST", route, body=bad.body, headers=front.headers)) for bad in found]
    failed = [text for text in wrong if text]
    assert not failed, f"{len(failed)} of {len(found)}:\n" + "\n".join(failed[:40])
    assert sandbox.get("/health").status == 200
    assert sandbox.post(route, body, front.headers).status == 200


@pytest.mark.parametrize("route", ROUTES)
def test_a_body_of_ten_megabytes(sandbox: Gateway, route: str) -> None:
    front, body = ROUTES[route]
    text = "word " * 2_000_000
    place = next(
        path
        for path, value in paths(body)
        if (path[-1] in ("text", "content", "prompt", "input") and isinstance(value, str)) or path == ("input", 0)
    )
    answer = sandbox.post(route, put(body, place, text), front.headers)
    assert answer.status == 200 or 400 <= answer.status < 500, answer
    if answer.status != 200:
        front.error(answer)
    assert sandbox.get("/health").status == 200


@pytest.mark.parametrize("stream", [False, True])
def test_bad_bodies_where_a_stream_is_asked_for(sandbox: Gateway, stream: bool) -> None:
    """An error before the first word is never a stream."""
    for front in (CHAT, MESSAGES, APP):
        body = front.body(stream=stream)
        name = "messages"
        for value in (7, [], [{}], [{"role": "user", "content": 7}]):
            answer = sandbox.post(front.path(), {**body, name: value}, front.headers)
            assert answer.status == 400, answer
            assert name in front.error(answer)[2]


@pytest.mark.parametrize(
    "model", ["x" * 300, "x" * 5000, "%00", "a%0Ab", "%2e%2e%2f%2e%2e%2fadmin", "%ff", "%E2%80%A8", "%20"]
)
def test_bad_names_in_a_path(sandbox: Gateway, model: str) -> None:
    for verb in ("generateContent", "streamGenerateContent", "countTokens", "embedContent"):
        connection, response = sandbox.open("POST", f"/v1beta/models/{model}:{verb}", dumps(CONTENTS.body()))
        try:
            answer = Answer(
                response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
            )
        finally:
            response.close()
            connection.close()
        assert answer.status in (200, 400, 404), answer
        if model not in ("%2e%2e%2f%2e%2e%2fadmin", "%ff"):  # odd, but names
            assert answer.status != 200, answer
        if answer.status != 200:
            CONTENTS.error(answer)


def test_the_sandbox_is_as_strict_as_the_road(sandbox: Gateway, over_anthropic: Gateway) -> None:
    """What is refused does not depend on who would have answered."""
    for value in ("warm", [1], {"a": 1}, -1, 3):
        statuses = {
            gateway.post(CHAT.path(), {**CHAT.body(), "temperature": value}).status
            for gateway in (sandbox, over_anthropic)
        }
        assert statuses == {400}
