"""Gemini's generateContent and countTokens, front and back. What other dialects make of it is for other tests to say."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

import laws
from dragoman.core.codec import Codec, Context, Loss
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.fold import fold, unfold
from dragoman.core.framing import Frame, SseWriter
from dragoman.core.ir import (
    Base64,
    Cache,
    Citation,
    Event,
    FileId,
    Finish,
    Format,
    Media,
    Message,
    Opaque,
    PartDelta,
    PartEnd,
    PartStart,
    Picture,
    Ping,
    Reasoning,
    Refusal,
    Request,
    Response,
    Sampling,
    Signature,
    Speech,
    Start,
    Stop,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Url,
    Usage,
    Voice,
)
from dragoman.core.media import CountResponse, Model
from dragoman.core.profile import Profile
from dragoman.dialects.gemini import Gemini, GeminiCount
from dragoman.dialects.gemini.errors import ERRORS
from dragoman.dialects.gemini.shape import plain_schema, tidy
from mutations import mutations, only_refusals, places
from traffic import Exchange, exchanges

GEMINI: Codec = Gemini()
COUNT = GeminiCount()
APIS = ("gemini.generate", "gemini.stream", "vertex.generate", "vertex.stream", "pydantic-gw.vertex_generate")
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}

RICH: dict[str, Any] = {
    "systemInstruction": {"role": "user", "parts": [{"text": "Be brief."}]},
    "contents": [
        {
            "role": "user",
            "parts": [
                {"text": "What is this?", "thought": False},
                {
                    "inlineData": {"mimeType": "image/png", "data": PNG, "displayName": "a.png"},
                    "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"},
                },
                {"fileData": {"fileUri": "https://youtu.be/x"}, "videoMetadata": {"fps": 0.5, "startOffset": "1s"}},
                {"fileData": {"mimeType": "application/pdf", "fileUri": "gs://bucket/a.pdf"}},
            ],
        },
        {
            "role": "model",
            "parts": [
                {"text": "Let me see.", "thought": True, "thoughtSignature": "c2ln"},
                {"text": "I look it up."},
                {
                    "functionCall": {"name": "look", "args": {"city": "Paris", "deep": {"a": [1, {"b": None}]}}},
                    "thoughtSignature": "c2lnMg==",
                },
                {"functionCall": {"id": "fc-2", "name": "look", "args": {}}},
            ],
        },
        {
            "parts": [
                {"functionResponse": {"name": "look", "response": {"output": "sun"}, "willContinue": False}},
                {
                    "functionResponse": {
                        "id": "fc-2",
                        "name": "look",
                        "response": {"a": {"b": 1}},
                        "parts": [{"inlineData": {"mimeType": "image/png", "data": PNG}}],
                    }
                },
                {"inlineData": {"mimeType": "image/png", "data": PNG}},
            ]
        },
        {
            "role": "model",
            "parts": [
                {"executableCode": {"language": "PYTHON", "code": "1", "id": "x"}, "thoughtSignature": "c2lnMw=="},
                {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1", "id": "x"}},
                {"toolCall": {"id": "t", "toolType": "GOOGLE_SEARCH_WEB", "args": {"queries": ["a"]}}},
                {"toolResponse": {"id": "t", "toolType": "GOOGLE_SEARCH_WEB", "response": {"r": 1}}},
                {"text": "", "thoughtSignature": "c2lnNA=="},
                {"thoughtSignature": "c2lnNQ=="},
            ],
        },
        {"role": "function", "parts": [{"text": "And now?"}]},
    ],
    "tools": [
        {
            "functionDeclarations": [
                {
                    "name": "look",
                    "description": "Looks.",
                    "behavior": "BLOCKING",
                    "parameters": {
                        "type": "OBJECT",
                        "properties": {"city": {"type": "STRING", "nullable": True, "maxLength": "9"}},
                        "propertyOrdering": ["city"],
                    },
                    "response": {"type": "STRING"},
                },
                {"name": "see", "parametersJsonSchema": SCHEMA},
                {"name": "now"},
            ]
        },
        {"googleSearch": {"timeRangeFilter": {"startTime": "a", "endTime": "b"}}, "urlContext": {}},
        {"functionDeclarations": [{"name": "third", "parameters": {}}]},
        {"mcpServers": [{"name": "m", "streamableHttpTransport": {"url": "https://m", "headers": {"A": "b"}}}]},
    ],
    "toolConfig": {
        "functionCallingConfig": {"mode": "VALIDATED", "allowedFunctionNames": ["look", "see"]},
        "retrievalConfig": {"latLng": {"latitude": 1.5, "longitude": 2}, "languageCode": "en"},
        "includeServerSideToolInvocations": True,
    },
    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    "generationConfig": {
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 40.0,
        "candidateCount": 1,
        "maxOutputTokens": 100,
        "stopSequences": ["END"],
        "seed": 7,
        "presencePenalty": 0.1,
        "frequencyPenalty": -0.1,
        "responseMimeType": "application/json",
        "responseSchema": {"type": "OBJECT", "properties": {"a": {"type": "INTEGER", "format": "int32"}}},
        "responseModalities": ["TEXT", "IMAGE", "AUDIO"],
        "responseLogprobs": True,
        "logprobs": 2,
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
        "thinkingConfig": {"includeThoughts": True, "thinkingBudget": -1, "thinkingLevel": "HIGH"},
        "speechConfig": {
            "languageCode": "en-US",
            "multiSpeakerVoiceConfig": {
                "speakerVoiceConfigs": [
                    {"speaker": "Joe", "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
                    {"speaker": "Jane", "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Puck"}}},
                ]
            },
        },
        "imageConfig": {"aspectRatio": "1:1", "imageSize": "2K"},
        "translationConfig": {"targetLanguageCode": "de"},
    },
    "cachedContent": "cachedContents/x",
    "labels": {"team": "a_b"},
    "serviceTier": "flex",
    "modelArmorConfig": {"promptTemplateName": "p"},
}
SPOKEN: dict[str, Any] = {
    "contents": [{"role": "user", "parts": [{"text": "Say hi"}]}],
    "generationConfig": {
        "responseModalities": ["AUDIO"],
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
        "responseMimeType": "text/plain",
        "thinkingConfig": {"thinkingBudget": 0},
    },
    "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
}
COUNTED: dict[str, Any] = {"generateContentRequest": {"model": "models/m", **RICH}}


def plain(wire: Any) -> Any:
    return tidy(wire, "request")


def plain_count(wire: Any) -> Any:
    return tidy(wire, "count")


# -- the laws ------------------------------------------------------------------


def is_tool(path: tuple[str | int, ...]) -> bool:
    """An unknown key in an object of `tools` is a tool."""
    return len(path) >= 2 and path[-2] == "tools"


@pytest.mark.parametrize("wire", [RICH, SPOKEN], ids=["rich", "spoken"])
def test_an_unknown_field_comes_home_from_every_object(wire: dict[str, Any]) -> None:
    paths = [path for path in laws.objects(wire) if not is_tool(path)]
    assert wire is SPOKEN or len(paths) > 70
    for path in paths:
        laws.unknown_field_comes_home(GEMINI, wire, path, plain=plain)


def test_an_unknown_field_of_a_tool_object_is_a_tool() -> None:
    wire = laws.injected(RICH, ("tools", 0))
    request = laws.request_comes_home(GEMINI, wire, plain=plain)
    assert "x_new" in [tool.server for tool in request.tools]


@pytest.mark.parametrize("wire", [RICH, SPOKEN, COUNTED], ids=["rich", "spoken", "counted"])
def test_an_unknown_field_comes_home_from_a_count(wire: dict[str, Any]) -> None:
    for path in laws.objects(wire):
        if not is_tool(path):
            laws.request_comes_home(COUNT, laws.injected(wire, path), plain=plain_count)  # type: ignore[arg-type]


NOT_HOME = {
    "gemini.generate/audio-out/speech_basic_functionality_gemini_gemini-2_5-flash-preview-tts_can_speak": "the model is in the URL; what the body says of it is read and not written",
}


@pytest.mark.parametrize("case", exchanges(APIS))
def test_recorded_requests_come_home(case: Exchange) -> None:
    if case.request is None:
        pytest.skip("answer only")
    wire = case.request
    if case.id in NOT_HOME:
        with pytest.raises(AssertionError):
            laws.request_comes_home(GEMINI, wire, plain=plain)
        wire = {name: value for name, value in wire.items() if name != "model"}
    laws.request_comes_home(GEMINI, wire, plain=plain)


def test_exceptions_are_recordings() -> None:
    ids = {param.id for param in exchanges(APIS)}
    assert ids == {"no-recordings"} or NOT_HOME.keys() | ODD_ANSWERS.keys() <= ids


@pytest.mark.parametrize("case", exchanges(("gemini.count_tokens", "vertex.count_tokens")))
def test_recorded_counts_come_home(case: Exchange) -> None:
    laws.request_comes_home(COUNT, case.request, plain=plain_count)  # type: ignore[arg-type]
    if case.status == 200:
        counted = COUNT.decode_response(case.response, laws.context())
        assert counted.tokens > 0
        assert COUNT.encode_response(counted, laws.context()) == case.response


def answers(*prefixes: str) -> list[Any]:
    return [
        param
        for param in exchanges(prefixes)
        if param.values[0] is None or (param.values[0].status == 200 and param.values[0].kind != "error")
    ]


def same(wire: Any) -> Any:
    """An answer in the one form that the codec writes: texts in a row as one, and no zero that says nothing."""
    wire = copy.deepcopy(wire)
    if not wire.get("candidates"):
        wire.pop("candidates", None)
    for candidate in wire.get("candidates", ()):
        if candidate.get("index") == 0:
            del candidate["index"]
        content = candidate.setdefault("content", {})
        content.setdefault("role", "model")
        content["parts"] = list(joined(content.get("parts") or []))
    usage = wire.setdefault("usageMetadata", {})
    for name in ("promptTokenCount", "candidatesTokenCount", "totalTokenCount"):
        usage.setdefault(name, 0)
    return wire


def joined(parts: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    held: dict[str, Any] | None = None
    for part in parts:
        if part == {"text": ""}:
            continue
        grows = "text" in part and held is not None and "text" in held and "thoughtSignature" not in held
        if grows and held is not None and (part.get("thought") == held.get("thought") or not part["text"]):
            held = {**held, **part, "text": held["text"] + part["text"]}
            continue
        if held is not None:
            yield held
        held = part
    if held is not None:
        yield held


ODD_ANSWERS = {
    "vertex.generate/image-in/test_generate_content_with_files": "finishReason comes as a number, and goes on as its word",
    "gemini.stream/image-in/imageConfigParam-followup-response-streaming": "no image and nothing else: NO_IMAGE, an error",
}


@pytest.mark.parametrize("case", answers("gemini.generate", "vertex.generate", "pydantic-gw.vertex_generate"))
def test_recorded_answers_come_home(case: Exchange) -> None:
    response = GEMINI.decode_response(case.response, laws.context())
    laws.folds_back(response)
    back = json.loads(json.dumps(GEMINI.encode_response(response, laws.context())))
    if case.id in ODD_ANSWERS:
        assert same(back) != same(case.response)
    else:
        assert same(back) == same(case.response)
    again = laws.reread(GEMINI, laws.render(GEMINI, unfold(response)))
    assert laws.gist(again) == laws.gist(response)
    assert signatures(again) == signatures(response)


def signatures(response: Response) -> list[tuple[type, Signature]]:
    return [(type(part), part.signature) for part in response.parts if part.signature]


@pytest.mark.parametrize(
    ("wire", "kind"),
    [
        ({"thoughtSignature": "s", "newKind": {"a": 1}}, "newKind"),
        ({"newKind": {"a": 1}, "thought": True}, "newKind"),
        ({"thought": True, "thoughtSignature": "s"}, ""),
        ({"thought": False, "thoughtSignature": "s"}, ""),
        ({"thoughtSignature": "s"}, ""),
        ({"text": "a", "newKind": {"a": 1}}, ""),
    ],
)
def test_parts_of_kinds_yet_unknown_come_home(wire: dict[str, Any], kind: str) -> None:
    [part] = laws.request_comes_home(GEMINI, asking(wire), plain=plain).messages[0].parts
    assert (part.kind if isinstance(part, Opaque) else "") == kind
    assert (part.signature is not None) == ("thoughtSignature" in wire)


def test_some_recordings_are_signed() -> None:
    cases = [param.values[0] for param in answers("gemini.generate", "vertex.generate") if param.values[0]]
    if not cases:
        pytest.skip("no recorded traffic")
    signed = [signatures(GEMINI.decode_response(case.response, laws.context())) for case in cases]
    assert sum(map(len, signed)) > 15
    assert {kind for found in signed for kind, _ in found} >= {Text, ToolCall, Opaque}


@pytest.mark.parametrize("case", answers("gemini.stream", "vertex.stream"))
def test_recorded_streams(case: Exchange) -> None:
    if case.sse is None:  # asked for without alt=sse: an array
        response = GEMINI.decode_response(case.response, laws.context())
        assert response.parts
        return
    if case.id in ODD_ANSWERS:
        with pytest.raises(GatewayError, match="NO_IMAGE"):
            laws.events(GEMINI, case.sse)
        return
    found = laws.events(GEMINI, case.sse)
    laws.grammar(found)
    laws.cut_anywhere(GEMINI, case.sse)
    response = fold(found)
    laws.folds_back(response)
    again = laws.reread(GEMINI, laws.render(GEMINI, found))
    assert laws.gist(again) == laws.gist(response)
    assert signatures(again) == signatures(response)


@pytest.mark.parametrize("case", answers("gemini.generate", "vertex.generate"))
def test_a_stream_is_the_answer_in_pieces(case: Exchange) -> None:
    """One chunk for each part of a whole answer gives the same response."""
    whole = GEMINI.decode_response(case.response, laws.context())
    if not case.response.get("candidates"):
        pytest.skip("no candidate")
    first, *_ = case.response["candidates"]
    parts = first.get("content", {}).get("parts") or []
    around = {name: value for name, value in case.response.items() if name != "candidates"}
    chunks = [around | {"candidates": [{"content": {"role": "model", "parts": [part]}}]} for part in parts]
    chunks.append(around | {"candidates": [{**first, "content": {"role": "model", "parts": []}}]})
    assert fold(stream(*chunks)) == whole


# -- whatever is sent ------------------------------------------------------------


def outcome(read: Callable[[], Any], where: str) -> Any:
    """What it gives, or the GatewayError it raises; any other error fails the test, and says where."""
    try:
        return read()
    except GatewayError as error:
        return error
    except Exception as error:
        pytest.fail(f"{where}: {type(error).__name__}: {error}")


@pytest.fixture(scope="module")
def tried() -> list[tuple[str, Any]]:
    """What the front says to every wrong body there can be made of the rich one."""
    return [
        (at, outcome(lambda wire=wire: GEMINI.decode_request(wire, laws.context()), at)) for at, wire in mutations(RICH)
    ]


def test_no_body_breaks_the_front(tried: list[tuple[str, Any]]) -> None:
    """Each is taken, or refused with the place that is wrong, in the client's own words."""
    names = {named(path) for path in places(RICH)} | {"body"}
    found: set[str] = set()
    for at, said in tried:
        if isinstance(said, GatewayError):
            assert said.kind is Kind.INVALID_REQUEST, at
            assert said.param and said.message.startswith(f"{said.param}: "), at
            assert re.sub(r"\[\d+\]$", "", said.param) in names, (at, said.param)
            found.add(said.param)
    assert len(found) > 100
    only_refusals(lambda wire: GEMINI.decode_request(wire, laws.context()), SPOKEN)


def named(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def test_what_was_taken_can_be_written(tried: list[tuple[str, Any]]) -> None:
    """At home and to a Google of another origin: a request that came through the front never breaks the back."""
    written = 0
    for at, said in tried:
        for origin in ("gemini", "openai.chat") if isinstance(said, Request) else ():
            sent = outcome(lambda: GEMINI.encode_request(replace(said, origin=origin), laws.context()), at)  # noqa: B023
            if isinstance(sent, GatewayError):
                assert sent.kind is Kind.INVALID_REQUEST and sent.param, at
            else:
                assert json.dumps(sent)
                written += 1
    assert written > 2500


def test_no_body_breaks_the_count() -> None:
    assert only_refusals(lambda wire: COUNT.decode_request(wire, laws.context()), COUNTED) > 1000


DEEP = b"".join((b'{"a":' * 900, b"1", b"}" * 900))


@pytest.mark.parametrize(
    "template",
    [
        b'{"contents":[{"parts":[{"functionCall":{"name":"f","args":%b}}]}]}',
        b'{"contents":[{"parts":[{"functionResponse":{"name":"f","response":%b}}]}]}',
        b'{"contents":[{"parts":[{"text":"x"}]}],"tools":[{"functionDeclarations":[{"name":"f","parameters":%b}]}]}',
        b'{"contents":[{"parts":[{"text":"x"}]}],"x":%b}',
        b'{"contents":[{"parts":[{"text":"x","x":%b}]}]}',
        b'{"contents":%b}',
        b'{"generateContentRequest":%b}',
    ],
)
def test_depth_breaks_nothing(template: bytes) -> None:
    wire = msgspec.json.decode(template % DEEP)
    for codec in (GEMINI, COUNT):
        for origin in ("gemini", "openai.chat"):

            def there_and_back(codec: Any = codec, origin: str = origin) -> Any:
                request = codec.decode_request(wire, laws.context())
                return codec.encode_request(replace(request, origin=origin), laws.context())

            said = outcome(there_and_back, codec.dialect)
            assert isinstance(said, dict) or said.kind is Kind.INVALID_REQUEST


ANSWER: dict[str, Any] = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [
                    {"text": "hm", "thought": True},
                    {"text": "See: é", "thoughtSignature": "s1", "x": {"y": 1}},
                    {"inlineData": {"mimeType": "image/png", "data": PNG}},
                    {"executableCode": {"language": "PYTHON", "code": "1"}},
                    {"functionCall": {"id": "a", "name": "f", "args": {"b": 1}}, "thoughtSignature": "s2"},
                    {
                        "functionCall": {
                            "name": "g",
                            "partialArgs": [{"jsonPath": "$.a[0].b", "stringValue": "c", "willContinue": True}],
                            "willContinue": True,
                        }
                    },
                    {
                        "functionCall": {
                            "partialArgs": [
                                {"jsonPath": "$['a'][0].b", "stringValue": "d"},
                                {"jsonPath": "$.n", "numberValue": 2.0},
                            ]
                        }
                    },
                    {"functionResponse": {"id": "a", "name": "f", "response": {"r": 1}}},
                    {"text": "done"},
                ],
            },
            "finishReason": "STOP",
            "index": 0,
            "groundingMetadata": {
                "groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}],
                "groundingSupports": [
                    {"groundingChunkIndices": [0], "segment": {"startIndex": 0, "endIndex": 4, "text": "done"}}
                ],
            },
        },
        {"index": 1, "content": {"parts": [{"text": "other"}]}},
    ],
    "promptFeedback": {"safetyRatings": [{"category": "c"}]},
    "usageMetadata": {
        "promptTokenCount": 3,
        "candidatesTokenCount": 4,
        "thoughtsTokenCount": 5,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 2}],
    },
    "modelVersion": "m",
    "responseId": "r",
}


def test_no_answer_breaks_the_back() -> None:
    def read(wire: Any) -> None:
        response = GEMINI.decode_response(wire, laws.context())
        laws.folds_back(response)
        json.dumps(GEMINI.encode_response(response, laws.context()))
        json.dumps(GEMINI.encode_response(replace(response, origin="other"), laws.context()))

    for where, wire in mutations(ANSWER):
        error = outcome(lambda: read(wire), where)  # noqa: B023
        assert error is None or error.kind is Kind.UPSTREAM, f"{where}: {error}"


def test_no_stream_breaks_the_back() -> None:
    for where, wire in mutations(ANSWER):
        found = outcome(lambda: stream(wire, {"candidates": [{"finishReason": "STOP"}]}), where)  # noqa: B023
        if isinstance(found, GatewayError):
            assert found.kind is Kind.UPSTREAM, f"{where}: {found}"
        else:
            laws.grammar(found)
            laws.reread(GEMINI, laws.render(GEMINI, found))


def nest(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


def test_what_no_reader_could_hold_is_refused() -> None:
    for codec in (GEMINI, COUNT):
        with pytest.raises(GatewayError, match="nested too deeply") as caught:
            codec.decode_request(asking({"functionCall": {"name": "f", "args": nest(5000)}}), laws.context())  # type: ignore[attr-defined]
        assert caught.value.param == "contents"
    request = neutral(user("Hi"), format=Format(schema=nest(5000)), tools=(Tool(name="f"),))
    with pytest.raises(GatewayError, match="nested too deeply"):
        written(request, json_and_tools=False)
    tools = [{"functionDeclarations": [{"name": "f", "parameters": nest(5000)}]}]
    assert GEMINI.decode_request(asking(tools=tools), laws.context()).tools[0].name == "f"


def stream(*chunks: Any, ctx: Context | None = None) -> list[Event]:
    """The events of a stream of these chunks."""
    decoder = GEMINI.decoder(ctx or laws.context())
    found = [event for chunk in chunks for event in decoder.feed(Frame(json.dumps(chunk).encode()))]
    return found + list(decoder.close())


def chunk(*parts: Any, stop: str | None = None, **around: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    if stop:
        candidate["finishReason"] = stop
    return {"candidates": [candidate], "modelVersion": "m", "responseId": "resp", **around}


def refusal(wire: Any) -> str:
    with pytest.raises(GatewayError) as caught:
        GEMINI.decode_request(wire, laws.context())
    assert caught.value.kind is Kind.INVALID_REQUEST
    return caught.value.message


def asking(*parts: Any, **more: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": list(parts) or [{"text": "Hi"}]}], **more}


def config(**fields: Any) -> dict[str, Any]:
    return asking(generationConfig=fields)


# -- the front: what is refused, by its name -----------------------------------------

VOICE = {"prebuiltVoiceConfig": {"voiceName": "Kore"}}
WRONG = [
    ({}, "contents: required"),
    ({"contents": []}, "contents: must not be empty"),
    ({"contents": "hi"}, "contents: expected an array, got a string"),
    ({"contents": {"parts": [{"text": "hi"}]}}, "contents: expected an array, got an object"),
    ({"contents": ["hi"]}, "contents[0]: expected an object, got a string"),
    ({"contents": [{"parts": "hi"}]}, "contents[0].parts: expected an array, got a string"),
    ({"contents": [{"parts": {"text": "hi"}}]}, "contents[0].parts: expected an array, got an object"),
    (
        {"contents": [{"role": "system", "parts": [{"text": "hi"}]}]},
        "contents[0].role: 'system' is not one of user, model, function",
    ),
    (asking({"text": 1}), "contents[0].parts[0].text: expected a string, got an integer"),
    (
        asking({}),
        "contents[0].parts[0]: an empty part; expected one of text, inlineData, fileData, functionCall, functionResponse",
    ),
    (
        asking({"text": "a", "functionCall": {"name": "f"}}),
        "contents[0].parts[0]: a part is one thing, and this one holds text and functionCall",
    ),
    (
        asking({"functionCall": {"name": "f", "args": "{}"}}),
        "contents[0].parts[0].functionCall.args: expected an object",
    ),
    (asking({"function_call": {"args": {}}}), "contents[0].parts[0].functionCall.name: required"),
    (
        asking({"functionResponse": {"name": "", "response": {}}}),
        "contents[0].parts[0].functionResponse.name: must not be empty",
    ),
    (
        asking({"functionResponse": {"name": "f", "response": "x"}}),
        "contents[0].parts[0].functionResponse.response: expected an object",
    ),
    (
        asking({"functionResponse": {"name": "f", "parts": [{"functionCall": {"name": "f"}}]}}),
        "contents[0].parts[0].functionResponse.parts: a function's result holds media only",
    ),
    (asking({"inlineData": {"mimeType": "image/png"}}), "contents[0].parts[0].inlineData.data: required"),
    (config(temperature=2.1), "generationConfig.temperature: must be between 0 and 2, got 2.1"),
    (config(topP=-0.1), "generationConfig.topP: must be between 0 and 1, got -0.1"),
    (config(candidateCount=0), "generationConfig.candidateCount: must be at least 1, got 0"),
    (config(maxOutputTokens=0), "generationConfig.maxOutputTokens: must be at least 1, got 0"),
    (config(maxOutputTokens=1.5), "generationConfig.maxOutputTokens: expected an integer, got a number"),
    (config(stopSequences=["a", 1]), "generationConfig.stopSequences[1]: expected a string, got an integer"),
    (config(responseModalities=[["AUDIO"]]), "generationConfig.responseModalities[0]: expected a string, got an array"),
    (
        config(responseSchema={"type": "OBJECT"}, responseJsonSchema=SCHEMA),
        "generationConfig.responseSchema: cannot be combined with responseJsonSchema",
    ),
    (
        config(thinkingConfig={"thinkingBudget": -2}),
        "generationConfig.thinkingConfig.thinkingBudget: must be at least -1, got -2",
    ),
    (
        config(thinkingConfig={"thinkingLevel": "loud"}),
        "generationConfig.thinkingConfig.thinkingLevel: 'LOUD' is not one of MINIMAL, LOW, MEDIUM, HIGH, XHIGH, MAX, THINKING_LEVEL_UNSPECIFIED",
    ),
    (
        config(speechConfig={"voiceConfig": VOICE, "multiSpeakerVoiceConfig": {"speakerVoiceConfigs": []}}),
        "generationConfig.speechConfig.multiSpeakerVoiceConfig: cannot be combined with voiceConfig",
    ),
    (
        config(
            speechConfig={
                "multiSpeakerVoiceConfig": {"speakerVoiceConfigs": [{"speaker": "a", "voiceConfig": VOICE}] * 3}
            }
        ),
        "generationConfig.speechConfig.multiSpeakerVoiceConfig.speakerVoiceConfigs: expected one or two speakers, got 3",
    ),
    (config(speechConfig="Kore"), "generationConfig.speechConfig: expected an object, got a string"),
    (
        asking(
            tools=[
                {
                    "functionDeclarations": [
                        {"name": "f", "parameters": {"type": "OBJECT"}, "parametersJsonSchema": SCHEMA}
                    ]
                }
            ]
        ),
        "tools[0].functionDeclarations[0].parametersJsonSchema: cannot be combined with parameters",
    ),
    (asking(tools=[{"googleSearch": True}]), "tools[0].googleSearch: expected an object, got a boolean"),
    (
        asking(toolConfig={"functionCallingConfig": {"mode": "SOME"}}),
        "toolConfig.functionCallingConfig.mode: 'SOME' is not one of AUTO, NONE, ANY, VALIDATED, MODE_UNSPECIFIED",
    ),
    (asking(safetySettings=[{"category": 1}]), "safetySettings[0].category: expected a string, got an integer"),
]


@pytest.mark.parametrize(("wire", "message"), WRONG, ids=[message.split(":")[0] for _, message in WRONG])
def test_what_is_wrong_is_named(wire: dict[str, Any], message: str) -> None:
    assert refusal(wire) == message


def test_a_count_names_the_place_in_its_own_body() -> None:
    with pytest.raises(GatewayError) as caught:
        COUNT.decode_request({"generateContentRequest": {"contents": [{"parts": [{"text": 1}]}]}}, laws.context())
    assert caught.value.param == "generateContentRequest.contents[0].parts[0].text"


# -- the front: what it means --------------------------------------------------------


def test_a_request_in_neutral_words() -> None:
    request = GEMINI.decode_request(RICH, laws.context())
    assert request.origin == "gemini" and request.model == "" and request.stream is None
    assert [m.role for m in request.messages] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert request.sampling == Sampling(100, 0.5, 0.9, 40, ("END",), 7, 0.1, -0.1)
    assert request.tool_choice == ToolChoice("auto", allowed=("look", "see"))
    assert request.modalities == ("text", "image", "audio")
    assert request.speech == Speech(voices=(Voice("Kore", "Joe"), Voice("Puck", "Jane")), language="en-US")
    assert request.picture == Picture(size="2048x2048", aspect="1:1")
    assert request.format == Format(
        schema={"type": "object", "properties": {"a": {"type": "integer", "format": "int32"}}}, strict=True
    )
    assert request.thinking == Thinking(effort="high", visible=True)
    look = request.tools[0]
    assert look.parameters == {"type": "object", "properties": {"city": {"type": ["string", "null"], "maxLength": 9}}}
    assert [tool.server for tool in request.tools] == [
        None,
        None,
        None,
        "googleSearch",
        "urlContext",
        None,
        "mcpServers",
    ]
    _, image, film, file = request.messages[1].parts
    assert image == Media(
        media_type="image/png",
        source=Base64(PNG),
        name="a.png",
        extra={"mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}},
    )
    assert isinstance(film, Media) and (film.media_type, film.source) == ("video/*", Url("https://youtu.be/x"))
    assert isinstance(file, Media) and file.source == FileId("google", "gs://bucket/a.pdf")


@pytest.mark.parametrize(
    ("mode", "names", "choice"),
    [
        ("AUTO", [], ToolChoice()),
        ("none", [], ToolChoice("none")),
        ("ANY", [], ToolChoice("required")),
        ("any", ["f"], ToolChoice("tool", "f")),
        ("ANY", ["f", "g"], ToolChoice("required", allowed=("f", "g"))),
        ("VALIDATED", [], ToolChoice()),
        ("VALIDATED", ["f"], ToolChoice(allowed=("f",))),
        ("AUTO", ["f"], ToolChoice(allowed=("f",))),
        ("MODE_UNSPECIFIED", [], ToolChoice()),
    ],
)
def test_tool_choices(mode: str, names: list[str], choice: ToolChoice) -> None:
    calling = {"mode": mode} | ({"allowedFunctionNames": names} if names else {})
    wire = asking(toolConfig={"functionCallingConfig": calling})
    assert laws.request_comes_home(GEMINI, wire, plain=plain).tool_choice == choice


@pytest.mark.parametrize(
    ("given", "thinking"),
    [
        ({"thinkingBudget": 0}, Thinking(effort="none", budget=0)),
        ({"thinkingBudget": 512.0}, Thinking(budget=512)),
        ({"thinkingBudget": -1, "includeThoughts": False}, Thinking(visible=False)),
        ({"thinking_level": "low", "include_thoughts": True}, Thinking(effort="low", visible=True)),
        ({"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}, Thinking()),
    ],
)
def test_thinking(given: dict[str, Any], thinking: Thinking) -> None:
    assert laws.request_comes_home(GEMINI, config(thinkingConfig=given), plain=plain).thinking == thinking


@pytest.mark.parametrize(
    ("given", "format"),
    [
        ({"responseMimeType": "application/json"}, Format()),
        ({"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}, Format(schema=SCHEMA, strict=True)),
        (
            {"response_json_schema": {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}},
            Format(schema={"type": "object", "properties": {"a": {"type": "string"}}}, strict=True),
        ),
        ({"responseMimeType": "text/plain"}, None),
        ({"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["a"]}}, None),
    ],
)
def test_formats(given: dict[str, Any], format: Format | None) -> None:
    assert laws.request_comes_home(GEMINI, config(**given), plain=plain).format == format


def test_defaults_said_aloud_are_no_loss_abroad() -> None:
    """Gemini CLI, LangChain and rig say much that asks for nothing; a strict client must not be refused for it."""
    wire = {
        "systemInstruction": {"role": "user", "parts": [{"text": "Be brief.", "thought": False}]},
        "contents": [
            {"parts": [{"text": "Hi"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "x"}}}]},
        ],
        "safetySettings": [],
        "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT", "properties": {}}}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
        "generationConfig": {
            "candidateCount": 1,
            "stopSequences": [],
            "responseMimeType": "text/plain",
            "thinkingConfig": {"thinkingBudget": -1},
        },
    }
    request = GEMINI.decode_request(wire, laws.context())
    ctx = laws.context()
    ctx.going("gemini", "elsewhere")
    for node in (request, *request.messages, *request.tools, *(p for m in request.messages for p in m.parts)):
        ctx.carry({}, node.extra, "x")
    assert ctx.losses == []


def test_schemas_become_json_schema() -> None:
    given = {
        "type": "OBJECT",
        "nullable": True,
        "propertyOrdering": ["b", "type", "gone"],
        "properties": {
            "type": {"type": "STRING", "enum": ["A"], "nullable": True},
            "nullable": {"type": "BOOLEAN"},
            "b": {
                "anyOf": [
                    {"type": "NUMBER"},
                    {"type": "ARRAY", "items": {"type": "TYPE_UNSPECIFIED"}, "minItems": "2"},
                ],
                "nullable": True,
            },
        },
        "required": ["b"],
    }
    before = copy.deepcopy(given)
    made = plain_schema(given)
    assert made == {
        "type": ["object", "null"],
        "properties": {
            "b": {"anyOf": [{"type": "number"}, {"type": "array", "items": {}, "minItems": 2}, {"type": "null"}]},
            "type": {"type": ["string", "null"], "enum": ["A", None]},
            "nullable": {"type": "boolean"},
        },
        "required": ["b"],
    }
    assert list(made["properties"]) == ["b", "type", "nullable"]
    assert plain_schema({"type": ["STRING", "INTEGER"], "nullable": True}) == {"type": ["string", "integer", "null"]}
    assert plain_schema({"type": ["STRING", "NULL"], "nullable": True}) == {"type": ["string", "null"]}
    assert plain_schema({"type": "NULL", "nullable": True, "enum": [None]}) == {"type": "null", "enum": [None]}
    assert given == before
    assert plain_schema(made) == made


def test_a_deep_schema_is_left_as_it_is() -> None:
    def deep(inner: Any) -> Any:
        for _ in range(200):
            inner = {"items": inner}
        return inner

    wire = asking(
        tools=[{"functionDeclarations": [{"name": "f", "parameters": deep({"type": "STRING", "max_items": 1})}]}]
    )
    laws.request_comes_home(GEMINI, wire, plain=plain)
    assert plain_schema(deep({"type": "STRING"})) == deep({"type": "STRING"})


# -- the numbered cases ----------------------------------------------------------------


def neutral(*messages: Message, **fields: Any) -> Request:
    return Request(**({"origin": "openai.chat", "model": "m", "messages": messages} | fields))


def user(*parts: Any) -> Message:
    return Message(role="user", parts=tuple(Text(text=part) if isinstance(part, str) else part for part in parts))


def assistant(*parts: Any) -> Message:
    return Message(role="assistant", parts=tuple(Text(text=part) if isinstance(part, str) else part for part in parts))


def written(request: Request, **profile: Any) -> tuple[dict[str, Any], list[Loss]]:
    ctx = laws.context(profile=Profile(**profile))
    return json.loads(json.dumps(GEMINI.encode_request(request, ctx))), ctx.losses


def lost(losses: list[Loss]) -> list[tuple[str, str]]:
    return [(loss.path, loss.what) for loss in losses]


CALL = ToolCall(id="c1", name="f", arguments='{"a":1}')
RESULT = ToolResult(call_id="c1", content=(Text(text="sun"),))
SIGNED = Signature("google", "EqQB")


def test_case_010_and_096_calls_get_short_clean_ids_of_their_own() -> None:
    call = {"functionCall": {"name": "f", "args": {"a": 1}}}
    for found in (
        stream(chunk(call, call, stop="STOP")),
        stream(chunk(call), chunk(call), chunk({"text": ""}, stop="STOP")),
    ):
        calls = [part for part in fold(found).parts if isinstance(part, ToolCall)]
        assert [part.id for part in calls] == ["call_resp_1", "call_resp_2"]
        assert [part.arguments for part in calls] == ['{"a":1}', '{"a":1}']
    long = stream(chunk(call, stop="STOP", responseId="a/b+" * 30))
    [part] = fold(long).parts
    assert isinstance(part, ToolCall) and len(part.id) <= 40 and part.id.replace("_", "").isalnum()
    [unnamed] = fold(stream({"candidates": [{"content": {"parts": [call]}, "finishReason": "STOP"}]})).parts
    assert isinstance(unnamed, ToolCall) and unnamed.id == "call_0001_1"


def test_case_040_a_result_without_a_call_and_a_call_without_a_result() -> None:
    other = ToolCall(id="c2", name="g")
    wire, losses = written(
        neutral(user("Hi"), assistant(CALL, other), user(RESULT, ToolResult(call_id="gone", content=(Text(text="x"),))))
    )
    assert wire["contents"][2]["parts"] == [
        {"functionResponse": {"id": "c1", "name": "f", "response": {"result": "sun"}}},
        {"functionResponse": {"id": "c2", "name": "g", "response": {"error": "no result recorded"}}},
        {"text": "[tool result for gone]:"},
        {"text": "x"},
    ]
    assert {what for _, what in lost(losses)} == {"emulated"}
    wire, _ = written(neutral(user("Hi"), assistant(CALL)))  # nothing is owed yet
    assert len(wire["contents"]) == 2


def test_case_041_two_results_of_one_call() -> None:
    wire, losses = written(
        neutral(user("Hi"), assistant(CALL), user(RESULT), user(replace(RESULT, content=(Text(text="rain"),))))
    )
    assert wire["contents"][2]["parts"] == [
        {"functionResponse": {"id": "c1", "name": "f", "response": {"result": "rain"}}}
    ]
    assert lost(losses) == [("messages[2].parts[0]", "dropped")]


def test_case_044_a_root_schema_is_an_object() -> None:
    other = {"type": "object", "properties": {"place": {"type": "integer"}}, "required": ["place"]}
    tools = (Tool(name="f", parameters={"anyOf": [SCHEMA, other]}), Tool(name="g"), Tool(name="h", parameters={}))
    wire, losses = written(neutral(user("Hi"), tools=tools))
    either = {
        "type": "object",
        "description": 'Give the fields of one of these shapes: [["city"],["place"]]',
        "properties": SCHEMA["properties"] | other["properties"],
    }
    assert lost(losses) == [("tools[0].parameters.anyOf", "emulated")]
    assert wire["tools"] == [
        {
            "functionDeclarations": [
                {"name": "f", "parametersJsonSchema": either},
                {"name": "g"},
                {"name": "h"},
            ]
        }
    ]


def test_case_045_foreign_server_tools_are_refused() -> None:
    with pytest.raises(GatewayError, match="web_search_20250305") as caught:
        written(
            neutral(
                user("Hi"),
                tools=(Tool(name="f"), Tool(name="web_search", server="web_search_20250305")),
                origin="anthropic",
            )
        )
    assert caught.value.param == "tools[1]"


def test_case_048_system_messages_anywhere() -> None:
    system = Message(role="system", parts=(Text(text="S1"),))
    wire, losses = written(neutral(system, system, user("Hi"), system, assistant("Yes")))
    assert wire["systemInstruction"] == {"parts": [{"text": "S1"}, {"text": "S1"}]}
    assert wire["contents"] == [
        {"role": "user", "parts": [{"text": "Hi"}, {"text": "S1"}]},
        {"role": "model", "parts": [{"text": "Yes"}]},
    ]
    assert lost(losses) == [("messages[3]", "emulated")]
    wire, losses = written(neutral(system))
    assert wire["contents"] == [{"role": "user", "parts": [{"text": "."}]}]


def test_case_049_turns_of_one_speaker_are_one() -> None:
    wire, losses = written(neutral(user("a"), user("b"), assistant("c"), assistant("d"), user("e")))
    assert [(c["role"], [p["text"] for p in c["parts"]]) for c in wire["contents"]] == [
        ("user", ["a", "b"]),
        ("model", ["c", "d"]),
        ("user", ["e"]),
    ]
    assert losses == []


def test_case_053_stop_sequences_to_five() -> None:
    wire, losses = written(neutral(user("Hi"), sampling=Sampling(stop=tuple("abcdefg"))))
    assert wire["generationConfig"] == {"stopSequences": list("abcde")}
    assert lost(losses) == [("sampling.stop[5]", "dropped")]


def test_case_059_images_in_results_go_beside_them() -> None:
    image = Media(media_type="image/*", source=Base64(PNG))
    result = replace(RESULT, content=(Text(text="see"), image))
    wire, losses = written(
        neutral(user("Hi"), assistant(CALL, replace(CALL, id="c2")), user(replace(RESULT, call_id="c2"), result))
    )
    assert wire["contents"][2]["parts"] == [
        {"functionResponse": {"id": "c1", "name": "f", "response": {"result": "see"}}},
        {"inlineData": {"mimeType": "image/png", "data": PNG}},
        {"functionResponse": {"id": "c2", "name": "f", "response": {"result": "sun"}}},
    ]
    assert losses == []


def test_case_063_arguments_must_be_an_object() -> None:
    """The call stands in the history for good: were it refused, the conversation would be over."""
    for odd in ("[1]", '{"a":', "nonsense"):
        wire, losses = written(neutral(user("Hi"), assistant(replace(CALL, arguments=odd))))
        assert wire["contents"][1]["parts"][0]["functionCall"]["args"] == {"arguments": odd}
        assert lost(losses) == [("messages[1].parts[0].arguments", "emulated")]
    for none in ("", "null"):
        wire, _ = written(neutral(user("Hi"), assistant(replace(CALL, arguments=none))))
        assert wire["contents"][1]["parts"][0]["functionCall"]["args"] == {}


def test_case_071_tool_names_in_googles_letters() -> None:
    names = ["fs/read file", "9lives", "ok.name:x-y", "x" * 70]
    ctx = laws.context()
    request = neutral(
        user("Hi"),
        assistant(ToolCall(id="c", name="9lives")),
        user(ToolResult(call_id="c")),
        tools=tuple(Tool(name=n) for n in names),
        tool_choice=ToolChoice("tool", "9lives"),
    )
    wire = GEMINI.encode_request(request, ctx)
    sent = [one["name"] for one in wire["tools"][0]["functionDeclarations"]]
    assert sent[1:3] == ["_9lives", "ok.name:x-y"]
    assert all(
        len(name) <= 64 and name.replace("_", "").replace("-", "").replace(".", "").replace(":", "").isalnum()
        for name in sent
    )
    assert wire["contents"][1]["parts"][0]["functionCall"]["name"] == "_9lives"
    assert wire["contents"][2]["parts"][0]["functionResponse"]["name"] == "_9lives"
    assert wire["toolConfig"]["functionCallingConfig"] == {"mode": "ANY", "allowedFunctionNames": ["_9lives"]}
    back = [
        p.name
        for p in fold(stream(chunk(*({"functionCall": {"name": n}} for n in sent), stop="STOP"), ctx=ctx)).parts
        if isinstance(p, ToolCall)
    ]
    assert back == names


def test_case_084_a_missing_signature_has_a_stand_in() -> None:
    history = (user("Hi"), assistant(CALL, replace(CALL, id="c2")), user(RESULT, replace(RESULT, call_id="c2")))
    wire, losses = written(neutral(*history), thinking="level")
    first, second = wire["contents"][1]["parts"]
    assert first["thoughtSignature"] == "skip_thought_signature_validator"
    assert "thoughtSignature" not in second
    assert lost(losses) == [("messages[1].parts[0].signature", "emulated")]
    assert "thoughtSignature" not in json.dumps(written(neutral(*history), thinking="budget")[0])


def test_googles_word_for_no_signature_is_none() -> None:
    """Gemini CLI writes it on calls of other vendors' models. It goes home, unless the signature is found after all."""
    call = {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "skip_thought_signature_validator"}
    body = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}, {"role": "model", "parts": [call]}]}
    request = GEMINI.decode_request(copy.deepcopy(body), laws.context())
    (part,) = request.messages[1].parts
    assert part.signature is None
    assert GEMINI.encode_request(request, laws.context()) == body
    signed = replace(part, signature=Signature("google", "real"))
    messages = (request.messages[0], replace(request.messages[1], parts=(signed,)))
    wire = GEMINI.encode_request(replace(request, messages=messages), laws.context())
    assert wire["contents"][1]["parts"] == [call | {"thoughtSignature": "real"}]


@pytest.mark.parametrize("streamed", [False, True])
def test_case_084_signatures_come_back_on_the_same_parts(streamed: bool) -> None:
    parts = [
        {"text": "plan", "thought": True},
        {"text": "Here", "thoughtSignature": "s0"},
        {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "EqQB"},
        {"functionCall": {"name": "g", "args": {}}},
    ]
    response = (
        fold(stream(*map(chunk, parts), chunk(stop="STOP")))
        if streamed
        else GEMINI.decode_response(chunk(*parts, stop="STOP"), laws.context())
    )
    wire, losses = written(
        neutral(user("Hi"), Message(role="assistant", parts=response.parts), user("go on")), thinking="level"
    )
    sent = wire["contents"][1]["parts"]
    assert [(next(iter(part)), part.get("thoughtSignature")) for part in sent] == [
        ("text", "s0"),
        ("functionCall", "EqQB"),
        ("functionCall", None),
    ]
    assert [loss.path for loss in losses if "parts[2]" in loss.path or "parts[1]" in loss.path] == []


def test_case_086_unsigned_siblings_stay_unsigned() -> None:
    wire, _ = written(
        neutral(user("Hi"), assistant(replace(CALL, signature=SIGNED), replace(CALL, id="c2"))), thinking="level"
    )
    assert [part.get("thoughtSignature") for part in wire["contents"][1]["parts"]] == ["EqQB", None]


def test_case_087_signatures_of_others_are_dropped() -> None:
    foreign = Signature("anthropic", "ErUB")
    wire, losses = written(
        neutral(
            user("Hi"),
            assistant(Reasoning(text="hm", signature=foreign), replace(CALL, signature=foreign)),
            user(RESULT),
            origin="anthropic",
        )
    )
    assert "ErUB" not in json.dumps(wire)
    assert lost(losses) == [("messages[1].parts[0]", "dropped"), ("messages[1].parts[1].signature", "dropped")]
    ctx = laws.context()
    answer = GEMINI.encode_response(
        Response(
            origin="anthropic", id="x", model="m", parts=(Reasoning(text="hm", signature=foreign), Text(text="a"))
        ),
        ctx,
    )
    assert "ErUB" not in json.dumps(answer)
    assert lost(ctx.losses) == [("parts[0].signature", "dropped")]


def test_case_088_a_late_signature_opens_no_block() -> None:
    found = stream(
        chunk({"text": "thinking text", "thought": True}), chunk({"text": "", "thoughtSignature": "sig"}, stop="STOP")
    )
    assert fold(found).parts == (Reasoning(text="thinking text", signature=Signature("google", "sig")),)
    after = stream(
        chunk({"functionCall": {"id": "a", "name": "f", "args": {}}}),
        chunk({"text": "", "thoughtSignature": "sig"}, stop="STOP"),
    )
    assert fold(after).parts == (
        ToolCall(id="a", name="f", arguments="{}"),
        Text(text="", signature=Signature("google", "sig")),
    )
    again = laws.reread(GEMINI, laws.render(GEMINI, after))
    assert again.parts == fold(after).parts


def test_what_follows_a_signature_is_another_part() -> None:
    found = stream(
        chunk({"text": "a", "thoughtSignature": "s1"}),
        chunk({"text": "b"}),
        chunk({"text": "", "thoughtSignature": "s2"}, stop="STOP"),
    )
    assert [(p.text, p.signature and p.signature.value) for p in fold(found).parts if isinstance(p, Text)] == [
        ("a", "s1"),
        ("b", "s2"),
    ]


def test_case_090_and_093_the_end_is_told_once_and_calls_are_its_reason() -> None:
    found = stream(
        chunk({"text": "I look."}), chunk({"functionCall": {"name": "f", "args": {}}}), chunk({"text": ""}, stop="STOP")
    )
    assert [event.stop for event in found if isinstance(event, Finish)] == [Stop("tool_calls", "STOP")]
    every = stream(*(chunk({"text": word}, stop="STOP") for word in ("a", "b", "c")))  # as older models do
    assert fold(every).parts == (Text(text="abc"),)
    frames = laws.render(GEMINI, found)
    assert [b"finishReason" in frame.data for frame in frames] == [False, False, True]


def test_case_091_results_find_their_calls() -> None:
    f1, f2, g3 = (ToolCall(id=i, name=n) for i, n in (("id1", "f"), ("id2", "f"), ("id3", "g")))
    said = [ToolResult(call_id=i, content=(Text(text=i),)) for i in ("id3", "id1", "id2")]
    wire, losses = written(neutral(user("Hi"), assistant(f1, f2, g3), *map(user, said)))
    assert [(p["functionResponse"]["id"], p["functionResponse"]["name"]) for p in wire["contents"][2]["parts"]] == [
        ("id1", "f"),
        ("id2", "f"),
        ("id3", "g"),
    ]
    assert losses == []
    wire, _ = written(neutral(user("Hi"), assistant(f1), user(said[1])), call_ids=False)
    assert "id" not in wire["contents"][1]["parts"][0]["functionCall"]
    assert "id" not in wire["contents"][2]["parts"][0]["functionResponse"]


def test_case_091_results_without_ids_find_their_calls_by_name_and_order() -> None:
    def call(name: str, **more: Any) -> dict[str, Any]:
        return {"functionCall": {"name": name, "args": {}, **more}}

    def result(name: str, text: str, **more: Any) -> dict[str, Any]:
        return {"functionResponse": {"name": name, "response": {"output": text}, **more}}

    wire = {
        "contents": [
            {"role": "user", "parts": [{"text": "Hi"}]},
            {"role": "model", "parts": [call("f"), call("g"), call("f"), call("h", id="real")]},
            {
                "role": "user",
                "parts": [result("h", "4"), result("f", "1"), result("g", "2"), result("f", "3"), result("x", "5")],
            },
        ]
    }
    request = laws.request_comes_home(GEMINI, wire, plain=plain)
    assert [p.id for p in request.messages[1].parts if isinstance(p, ToolCall)] == [
        "call_1_0",
        "call_1_1",
        "call_1_2",
        "real",
    ]
    found = {
        p.call_id: p.content[0].text
        for p in request.messages[2].parts
        if isinstance(p, ToolResult) and isinstance(p.content[0], Text)
    }
    assert found == {"real": "4", "call_1_0": "1", "call_1_1": "2", "call_1_2": "3", "call_2_4": "5"}
    prefixed = {
        "contents": [
            {"role": "model", "parts": [call("f", id="fc-1")]},
            {"role": "user", "parts": [result("f", "1", id="f__fc-1")]},
        ]
    }
    request = laws.request_comes_home(GEMINI, prefixed, plain=plain)  # Gemini CLI, counting tokens
    [part] = request.messages[1].parts
    assert isinstance(part, ToolResult) and part.call_id == "fc-1"


@pytest.mark.parametrize(
    ("content", "is_error", "response"),
    [
        (("72F",), False, {"result": "72F"}),
        (("[1,2]",), False, {"result": "[1,2]"}),
        (("{not json",), False, {"result": "{not json"}),
        (("",), False, {"result": ""}),
        ((), False, {"result": ""}),
        (('{"temp": 72, "id": 12345678901234567890}',), False, {"temp": 72, "id": 12345678901234567890}),
        (("a", "b"), False, {"result": "a\nb"}),
        (("boom",), True, {"error": "boom"}),
        (('{"a":1}',), True, {"error": '{"a":1}'}),
    ],
)
def test_case_092_a_response_is_an_object(content: tuple[str, ...], is_error: bool, response: dict[str, Any]) -> None:
    result = ToolResult(call_id="c1", content=tuple(Text(text=text) for text in content), is_error=is_error)
    wire, _ = written(neutral(user("Hi"), assistant(CALL), user(result)))
    assert wire["contents"][2]["parts"][0]["functionResponse"]["response"] == response


@pytest.mark.parametrize(
    ("response", "text", "is_error"),
    [
        ({"output": "sun"}, "sun", False),
        ({"result": "sun"}, "sun", False),
        ({"return_value": ["a", 1]}, '["a",1]', False),
        ({"output": 42}, "42", False),
        ({"error": "boom"}, "boom", True),
        ({"error": None}, '{"error":null}', False),
        ({"a": 1, "output": "b"}, '{"a":1,"output":"b"}', False),
        ({}, "{}", False),
    ],
)
def test_results_as_text(response: dict[str, Any], text: str, is_error: bool) -> None:
    wire = asking({"functionResponse": {"name": "f", "response": response}})
    [part] = laws.request_comes_home(GEMINI, wire, plain=plain).messages[0].parts
    assert isinstance(part, ToolResult)
    assert (part.content, part.is_error) == ((Text(text=text),), is_error)


@pytest.mark.parametrize("word", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER", "SOMETHING_NEW"])
def test_case_094_an_empty_failure_is_an_error(word: str) -> None:
    wire = {
        "candidates": [{"content": {}, "finishReason": word, "finishMessage": "Malformed: print("}],
        "modelVersion": "m",
    }
    for read in (lambda: GEMINI.decode_response(wire, laws.context()), lambda: stream(wire)):
        with pytest.raises(GatewayError, match="Malformed: print") as caught:
            read()
        assert caught.value.kind is Kind.UPSTREAM
        assert caught.value.code == word.lower()
    after = chunk({"text": "Hm"}, stop=word)
    assert GEMINI.decode_response(after, laws.context()).stop == Stop("error", word)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("BLOCKLIST", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("SPII", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
    ],
)
def test_case_094_finish_reasons(word: str, reason: str) -> None:
    assert GEMINI.decode_response(chunk({"text": "a"}, stop=word), laws.context()).stop == Stop(reason, word)  # type: ignore[arg-type]
    assert GEMINI.decode_response(chunk(stop=word), laws.context()).parts == ()


def test_case_094_an_empty_answer_is_no_answer() -> None:
    for wire in ({}, {"candidates": []}, {"usageMetadata": {"promptTokenCount": 3}}, []):
        with pytest.raises(GatewayError, match="no candidate"):
            GEMINI.decode_response(wire, laws.context())  # type: ignore[arg-type]


def test_case_095_a_blocked_prompt() -> None:
    wire = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 7, "totalTokenCount": 7}}
    for response in (GEMINI.decode_response(wire, laws.context()), fold(stream(wire))):
        assert response.stop == Stop("content_filter", "SAFETY")
        assert response.parts == () and response.usage.input == 7
        assert same(GEMINI.encode_response(response, laws.context())) == same(wire)
    [frame] = laws.render(GEMINI, stream(wire))
    assert "candidates" not in json.loads(frame.data)
    late = laws.render(GEMINI, stream(chunk({"text": "a"}), {"promptFeedback": {"blockReason": "SAFETY"}}))
    assert json.loads(late[-1].data)["candidates"][0]["finishReason"] == "SAFETY"
    abroad = GEMINI.encode_response(replace(response, origin="anthropic", extra={}), laws.context())
    assert abroad["candidates"] == [{"content": {"parts": [], "role": "model"}, "finishReason": "SAFETY", "index": 0}]


def test_case_098_names_of_properties_are_no_words_of_the_schema() -> None:
    names = (
        "title",
        "default",
        "format",
        "properties",
        "items",
        "type",
        "required",
        "$ref",
        "encrypted",
        "property_ordering",
        "any_of",
    )
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    wire, losses = written(neutral(user("Hi"), tools=(Tool(name="f", parameters=schema),)))
    assert wire["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"] == schema
    assert losses == []
    home = asking(
        tools=[{"function_declarations": [{"name": "f", "parameters": {**schema, "property_ordering": ["title"]}}]}]
    )
    request = GEMINI.decode_request(home, laws.context())
    assert request.tools[0].parameters == schema
    back = GEMINI.encode_request(request, laws.context())
    assert back["tools"][0]["functionDeclarations"][0]["parameters"] == {**schema, "propertyOrdering": ["title"]}


def test_case_101_numbers_and_letters_stay() -> None:
    args = {"z": 12345678901234567890, "big": 123456789012345678901234567890, "s": "<a&b>é\u2028", "a": 1.0}
    [part] = GEMINI.decode_response(
        chunk({"functionCall": {"name": "f", "args": args}}, stop="STOP"), laws.context()
    ).parts
    assert isinstance(part, ToolCall)
    assert (
        part.arguments == '{"z":12345678901234567890,"big":123456789012345678901234567890,"s":"<a&b>é\u2028","a":1.0}'
    )
    wire = GEMINI.encode_response(Response(origin="x", id="", model="", parts=(part,)), laws.context())
    assert list(wire["candidates"][0]["content"]["parts"][0]["functionCall"]["args"].items()) == list(args.items())


def test_case_102_the_user_speaks_first() -> None:
    wire, losses = written(neutral(assistant("Hello"), user("Hi")))
    assert [content["role"] for content in wire["contents"]] == ["user", "model", "user"]
    assert wire["contents"][0]["parts"] == [{"text": "."}]
    assert lost(losses) == [("messages", "emulated")]


def test_case_103_empty_parts_are_left_out() -> None:
    wire, losses = written(neutral(user("", "Hi"), assistant("", CALL), user(RESULT, ""), assistant(""), user("Go")))
    assert [[next(iter(part)) for part in content["parts"]] for content in wire["contents"]] == [
        ["text"],
        ["functionCall"],
        ["functionResponse"],
        ["text"],
    ]
    assert losses == []
    assert fold(stream(chunk({"text": ""}), chunk({}), chunk({"text": "a"}), chunk(stop="STOP"))).parts == (
        Text(text="a"),
    )


def test_case_104_thoughts_are_not_told_as_text() -> None:
    response = GEMINI.decode_response(
        chunk({"text": "plan", "thought": True}, {"text": "Yes"}, stop="STOP"), laws.context()
    )
    assert response.parts == (Reasoning(text="plan"), Text(text="Yes"))
    wire, losses = written(neutral(user("Hi"), assistant(Reasoning(text="secret"), "Yes"), user("Go")))
    assert "secret" not in json.dumps(wire)
    assert lost(losses) == [("messages[1].parts[0]", "dropped")]
    wire, losses = written(neutral(user("Hi"), assistant(Reasoning(text="mine", signature=SIGNED), "Yes"), user("Go")))
    assert wire["contents"][1]["parts"][0] == {"text": "mine", "thought": True, "thoughtSignature": "EqQB"}


USAGE = {
    "promptTokenCount": 11125,
    "cachedContentTokenCount": 7441,
    "candidatesTokenCount": 20,
    "thoughtsTokenCount": 409,
    "totalTokenCount": 11554,
}


def test_case_105_counts() -> None:
    usage = GEMINI.decode_response(chunk({"text": "a"}, stop="STOP", usageMetadata=USAGE), laws.context()).usage
    assert usage == Usage(input=11125, output=429, cache_read=7441, reasoning=409)
    wire = chunk(
        {"text": "a"},
        stop="STOP",
        usageMetadata={"promptTokenCount": 5, "toolUsePromptTokenCount": 30, "totalTokenCount": 35},
    )
    response = GEMINI.decode_response(wire, laws.context())
    assert (response.usage.input, response.usage.output) == (35, 0)
    assert GEMINI.encode_response(response, laws.context())["usageMetadata"]["promptTokenCount"] == 5
    details = {
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 1},
            {"modality": "AUDIO", "tokenCount": 2},
            {"modality": "IMAGE", "tokenCount": 3},
        ],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 4}],
    }
    usage = GEMINI.decode_response(
        chunk(stop="STOP", usageMetadata={"promptTokenCount": 6, "candidatesTokenCount": 4} | details), laws.context()
    ).usage
    assert (usage.input_audio, usage.input_image, usage.output_image) == (2, 3, 4)
    abroad = GEMINI.encode_response(
        Response(origin="x", id="", model="", usage=replace(usage, extra={"x": 1})), laws.context()
    )
    assert (
        abroad["usageMetadata"] == {"promptTokenCount": 6, "candidatesTokenCount": 4, "totalTokenCount": 10} | details
    )


def test_counts_that_contradict_each_other_stay_positive() -> None:
    wire = GEMINI.encode_response(
        Response(origin="x", id="", model="", usage=Usage(input=1, output=9, reasoning=52)), laws.context()
    )
    assert wire["usageMetadata"] == {
        "promptTokenCount": 1,
        "candidatesTokenCount": 0,
        "thoughtsTokenCount": 9,
        "totalTokenCount": 10,
    }


def test_case_106_the_last_count_stands() -> None:
    chunks = [
        chunk({"text": "a"}, usageMetadata={"promptTokenCount": 5, "candidatesTokenCount": n, "totalTokenCount": 5 + n})
        for n in (1, 2, 3)
    ]
    late = {"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 9, "totalTokenCount": 14}}
    assert fold(stream(*chunks, chunk(stop="STOP"), late)).usage == Usage(input=5, output=9)


def test_case_107_the_last_chunk_says_what_it_took() -> None:
    frames = laws.render(GEMINI, stream(chunk({"text": "a"}), chunk(stop="STOP", usageMetadata=USAGE)))
    assert json.loads(frames[-1].data)["usageMetadata"] == USAGE


def test_case_108_count_tokens() -> None:
    bare = {"contents": [{"parts": [{"text": "Hi"}]}]}
    assert COUNT.encode_request(COUNT.decode_request(bare, laws.context()), laws.context()) == bare
    system = Message(role="system", parts=(Text(text="S"),))
    wire = COUNT.encode_request(neutral(system, user("Hi"), sampling=Sampling(max_tokens=5)), laws.context(model="g"))
    assert wire == {
        "generateContentRequest": {
            "model": "models/g",
            "systemInstruction": {"parts": [{"text": "S"}]},
            "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
            "generationConfig": {"maxOutputTokens": 5},
        }
    }
    assert COUNT.encode_request(neutral(user("Hi"), sampling=Sampling(max_tokens=5)), laws.context(model="g")) == {
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}]
    }
    assert COUNT.encode_response(CountResponse(tokens=7, extra={"cache": 1}), laws.context()) == {"totalTokens": 7}
    for empty in ({}, {"totalTokens": None}, {"totalTokens": "7"}):
        with pytest.raises(GatewayError, match="no tokens"):
            COUNT.decode_response(empty, laws.context())
    assert COUNT.path(neutral(user("Hi")), "m") == "/v1beta/models/m:countTokens"


def test_case_109_images_in_answers() -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": PNG}}
    for response in (
        GEMINI.decode_response(chunk({"text": "Here"}, image, stop="STOP"), laws.context()),
        fold(stream(chunk({"text": "Here"}), chunk(image, stop="STOP"))),
    ):
        assert response.parts == (Text(text="Here"), Media(media_type="image/png", source=Base64(PNG)))
        assert GEMINI.encode_response(response, laws.context())["candidates"][0]["content"]["parts"] == [
            {"text": "Here"},
            image,
        ]
    grown = [
        Start(origin="x", id="", model="m"),
        PartStart(0, Media(media_type="audio/wav", source=Base64(""))),
        PartDelta(0, "UklG"),
        PartDelta(0, "RgAA"),
        PartEnd(0),
        Finish(),
    ]
    first, *_ = laws.render(GEMINI, grown)
    assert json.loads(first.data)["candidates"][0]["content"]["parts"] == [
        {"inlineData": {"mimeType": "audio/wav", "data": "UklGRgAA"}}
    ]


@pytest.mark.parametrize(
    ("part", "wire"),
    [
        (
            Media(media_type="image/*", source=Url("https://a.b/c.webp?x=1")),
            {"fileData": {"mimeType": "image/webp", "fileUri": "https://a.b/c.webp?x=1"}},
        ),
        (
            Media(media_type="image/*", source=Url("https://a.b/c")),
            {"fileData": {"mimeType": "image/png", "fileUri": "https://a.b/c"}},
        ),
        (
            Media(media_type="*/*", source=Url("https://a.b/c")),
            {"fileData": {"mimeType": "application/octet-stream", "fileUri": "https://a.b/c"}},
        ),
        (
            Media(media_type="image/*", source=Base64("/9j/4AA")),
            {"inlineData": {"mimeType": "image/jpeg", "data": "/9j/4AA"}},
        ),
        (Media(media_type="image/jpg", source=Base64("x")), {"inlineData": {"mimeType": "image/jpeg", "data": "x"}}),
        (Media(media_type="audio/*", source=Base64("x")), {"inlineData": {"mimeType": "audio/wav", "data": "x"}}),
        (
            Media(media_type="*/*", source=Base64("x"), name="a.PDF"),
            {"inlineData": {"mimeType": "application/pdf", "data": "x"}},
        ),
        (
            Media(media_type="application/pdf", source=FileId("google", "gs://b/a.pdf")),
            {"fileData": {"mimeType": "application/pdf", "fileUri": "gs://b/a.pdf"}},
        ),
    ],
)
def test_case_110_media(part: Media, wire: dict[str, Any]) -> None:
    sent, losses = written(neutral(user(part)))
    assert sent["contents"][0]["parts"] == [wire]
    assert [loss.path for loss in losses] == (["messages[0].parts[0].name"] if part.name else [])


def test_case_110_media_at_the_front() -> None:
    wire = asking(
        {"inline_data": {"mime_type": "image/png", "data": PNG}},
        {"fileData": {"file_uri": f"data:image/png;base64,{PNG}"}},
        {"inlineData": {"data": PNG}},
        {"file_data": {"file_uri": "https://a/b.mp3"}},
    )
    parts = GEMINI.decode_request(wire, laws.context()).messages[0].parts
    assert [(p.media_type, p.source) for p in parts if isinstance(p, Media)] == [("image/png", Base64(PNG))] * 3 + [
        ("audio/mpeg", Url("https://a/b.mp3"))
    ]


def test_case_110_a_file_of_another_is_refused() -> None:
    with pytest.raises(GatewayError) as caught:
        written(neutral(user("Hi", Media(media_type="image/png", source=FileId("openai", "file-1")))))
    assert caught.value.param == "messages[0].parts[1]"


def snaked(wire: Any) -> Any:
    """The names of the API in snake_case, wherever the API has names."""
    if isinstance(wire, list):
        return [snaked(one) for one in wire]
    if not isinstance(wire, dict):
        return wire
    own = ("args", "response", "parametersJsonSchema", "responseJsonSchema", "labels", "properties", "headers", "x_new")
    return {
        "".join(f"_{c.lower()}" if c.isupper() else c for c in name): value if name in own else snaked(value)
        for name, value in wire.items()
    }


def test_case_111_snake_case_is_read_everywhere_and_camel_case_written() -> None:
    wire = copy.deepcopy(RICH)
    call = wire["contents"][1]["parts"][2]["functionCall"]
    call["args"] = {"inline_data": {"mime_type": 1}, "inlineData": 2, "thinking_config": {"thinking_budget": 3}}
    wire["contents"][2]["parts"][1]["functionResponse"]["response"] = {"tool_type": {"finish_reason": None}}
    wire["tools"][0]["functionDeclarations"][1]["parametersJsonSchema"] = {
        "type": "object",
        "properties": {"mime_type": {"type": "string", "max_length": 3}},
    }
    request = GEMINI.decode_request(snaked(wire), laws.context())
    assert request == GEMINI.decode_request(wire, laws.context())
    assert plain(GEMINI.encode_request(request, laws.context())) == plain(wire)
    mixed = config(
        thinkingConfig={"include_thoughts": True, "thinkingBudget": 5},
        speech_config={"voiceConfig": {"prebuilt_voice_config": {"voiceName": "Kore"}}},
    )
    request = GEMINI.decode_request(mixed, laws.context())
    assert request.thinking == Thinking(budget=5, visible=True)
    assert request.speech == Speech(voices=(Voice("Kore"),))
    twice = config(topP=0.5, top_p=0.7)  # of two spellings one is read, and the other is not forgotten
    request = laws.request_comes_home(GEMINI, twice, plain=plain)
    assert request.sampling.top_p == 0.5


def test_case_112_json_beside_tools() -> None:
    request = neutral(user("Hi"), tools=(Tool(name="f"),), format=Format(schema=SCHEMA))
    wire, losses = written(request, json_and_tools=False)
    assert "generationConfig" not in wire
    assert json.dumps(SCHEMA, separators=(",", ":")) in wire["systemInstruction"]["parts"][0]["text"]
    assert lost(losses) == [("format", "emulated")]
    wire, _ = written(replace(request, format=Format()), json_and_tools=False)
    assert "Schema" not in json.dumps(wire["systemInstruction"])
    wire, losses = written(request)
    assert wire["generationConfig"] == {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}
    assert losses == []
    wire, _ = written(neutral(user("Hi"), format=Format()))
    assert wire["generationConfig"] == {"responseMimeType": "application/json"}


def test_case_113_the_stream_may_come_as_an_array() -> None:
    array = [chunk({"text": "a"}), chunk({"text": "b"}, stop="STOP")]
    assert GEMINI.decode_response(array, laws.context()).parts == (Text(text="ab"),)  # type: ignore[arg-type]


def test_case_128_a_stream_cut_off_is_an_error() -> None:
    for cut in ([], [chunk({"text": "a"})], [chunk({"functionCall": {"name": "f", "willContinue": True}})]):
        with pytest.raises(GatewayError) as caught:
            stream(*cut)
        assert caught.value.code == "upstream_truncated"
    with pytest.raises(GatewayError, match="too soon"):  # every whole answer recorded says why it ended
        GEMINI.decode_response(chunk({"text": "a"}), laws.context())


def test_case_130_what_comes_after_the_end_is_not_heard() -> None:
    decoder = GEMINI.decoder(laws.context())
    assert list(decoder.feed(Frame(json.dumps(chunk({"text": "a"}, stop="STOP")).encode())))
    assert list(decoder.close())
    assert list(decoder.feed(Frame(json.dumps(chunk({"text": "late"})).encode()))) == []
    assert list(decoder.close()) == []


def test_case_131_a_frame_that_is_no_json() -> None:
    decoder = GEMINI.decoder(laws.context())
    assert list(decoder.feed(Frame(b"[DONE]"))) == []
    for data in (b"{", b"\xff", b"<html>"):
        with pytest.raises(GatewayError) as caught:
            list(decoder.feed(Frame(data)))
        assert caught.value.kind is Kind.UPSTREAM


# -- other sides of the back -------------------------------------------------------------


def test_vertex_partial_arguments() -> None:
    def part(**call: Any) -> dict[str, Any]:
        return {"functionCall": call}

    def piece(path: str, **value: Any) -> dict[str, Any]:
        return {"jsonPath": path, **value}

    found = stream(
        chunk({"text": "Hm"}),
        chunk({**part(name="f", willContinue=True), "thoughtSignature": "s"}),
        chunk(part(partialArgs=[piece("$.a.b", stringValue="Bos", willContinue=True)], willContinue=True)),
        chunk(part(partialArgs=[piece("$.a.b", stringValue="ton")], willContinue=True)),
        chunk(
            part(
                partialArgs=[
                    piece("$.list[0]", numberValue=1),
                    piece("$.list[1].x", boolValue=True),
                    piece("$['odd key']", nullValue="NULL_VALUE"),
                    piece("$.far[9]", stringValue="x"),
                    piece("$", stringValue="x"),
                ],
                willContinue=True,
            )
        ),
        chunk(part()),
        chunk(part(name="g", partialArgs=[piece("$.n", numberValue=2.5)])),
        chunk(part(name="h", willContinue=True)),
        chunk({"text": ""}, stop="STOP"),
    )
    laws.grammar(found)
    text, f, g, h = fold(found).parts
    assert text == Text(text="Hm")
    assert isinstance(f, ToolCall) and isinstance(g, ToolCall) and isinstance(h, ToolCall)
    assert json.loads(f.arguments) == {"a": {"b": "Boston"}, "list": [1, {"x": True}], "odd key": None, "far": []}
    assert f.signature == Signature("google", "s")
    assert (g.name, g.arguments, h.name, h.arguments) == ("g", '{"n":2.5}', "h", "{}")
    assert len({f.id, g.id, h.id}) == 3


def test_partial_arguments_in_odd_order() -> None:
    found = stream(
        chunk({"functionCall": {"name": "f", "args": {"a": 1}, "willContinue": True}}),
        chunk(
            {
                "functionCall": {
                    "partialArgs": [
                        {"jsonPath": "$.l[0]", "numberValue": 1},
                        {"jsonPath": "$.l[0].x", "stringValue": "b"},
                        {"jsonPath": "$.l.x", "stringValue": "c"},
                        {"jsonPath": "$.l"},
                        5,
                        {"jsonPath": 5},
                    ],
                    "willContinue": True,
                },
                "thoughtSignature": "late",
            }
        ),
        chunk({"functionCall": {"name": "g", "args": {}, "willContinue": True}}),
        chunk(stop="STOP"),
    )
    f, g = fold(found).parts
    assert isinstance(f, ToolCall) and isinstance(g, ToolCall)
    assert (f.name, json.loads(f.arguments), f.signature) == (
        "f",
        {"a": 1, "l": [{"x": "b"}]},
        Signature("google", "late"),
    )
    assert (g.name, g.arguments) == ("g", "{}")
    nameless = stream(chunk({"functionCall": {"willContinue": False}}), chunk({"text": "a"}, stop="STOP"))
    assert fold(nameless).parts == (Text(text="a"),)


def test_calls_that_google_has_run() -> None:
    call = {"functionCall": {"name": "mcp_f", "args": {}}}
    result = {"functionResponse": {"name": "mcp_f", "response": {"a": 1}}}
    mine = {"functionCall": {"id": "x", "name": "mine", "args": {}}}
    for found in (
        stream(chunk(call, result, {"text": "so"}, stop="STOP")),
        stream(chunk(call), chunk(result), chunk({"text": "so"}), chunk(stop="STOP")),
    ):
        ran, came, said = fold(found).parts
        assert isinstance(ran, ToolCall) and ran.server
        assert isinstance(came, ToolResult) and came.server and came.call_id == ran.id
        assert fold(found).stop.reason == "stop" and said == Text(text="so")
    named = {"functionCall": {"id": "n1", "name": "mcp_f", "args": {}}}
    told = {"functionResponse": {"id": "n1", "name": "mcp_f", "response": {"a": 1}}}
    for answer in (told, result):
        ran, came = fold(stream(chunk(named), chunk(answer, stop="STOP"))).parts
        assert isinstance(came, ToolResult) and isinstance(ran, ToolCall) and (ran.id, came.call_id) == ("n1", "n1")
    [alone] = fold(stream(chunk(result, stop="STOP"))).parts
    assert isinstance(alone, ToolResult) and alone.call_id == "call_resp_0"
    both = fold(stream(chunk(call, result, mine, stop="STOP")))
    assert [p.server for p in both.parts if isinstance(p, ToolCall)] == [True, False]
    assert both.stop.reason == "tool_calls"
    history = {
        "contents": [
            {"role": "user", "parts": [{"text": "Hi"}]},
            {"role": "model", "parts": [call, result, {"text": "so"}]},
        ]
    }
    request = laws.request_comes_home(GEMINI, history, plain=plain)
    assert [getattr(part, "server", None) for part in request.messages[1].parts] == [True, True, None]
    wire, losses = written(replace(request, origin="openai.chat"))
    assert wire["contents"][1]["parts"] == [{"text": "so"}]
    assert lost(losses)[:2] == [("messages[1].parts[0]", "dropped"), ("messages[1].parts[1]", "dropped")]


def test_other_candidates_are_kept_at_home() -> None:
    other = {"index": 1, "content": {"parts": [{"text": "B"}], "role": "model"}, "finishReason": "STOP"}
    wire = chunk(
        {"text": "A"},
        stop="STOP",
        usageMetadata={"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
    )
    wire["candidates"] += [other]
    response = GEMINI.decode_response(wire, laws.context())
    assert response.parts == (Text(text="A"),)
    assert GEMINI.encode_response(response, laws.context()) == wire
    ctx = laws.context()
    ctx.going("gemini", "elsewhere")
    ctx.carry({}, response.extra, "")
    assert lost(ctx.losses) == [("candidates", "dropped")]


GROUNDED = {
    "groundingChunks": [
        {"web": {"uri": "https://a", "title": "A"}},
        {"web": {"uri": "https://b"}},
        {"maps": {"uri": "x"}},
    ],
    "groundingSupports": [
        {"groundingChunkIndices": [0, 2], "segment": {"startIndex": 5, "endIndex": 10, "text": "Tür 2"[:4]}},
        {"groundingChunkIndices": [0], "segment": {"startIndex": 3, "endIndex": 9, "text": "nowhere"}},
        {"groundingChunkIndices": [0], "segment": {"startIndex": 7, "endIndex": 9, "text": "half a letter"}},
    ],
}


def test_web_pages_an_answer_rests_on() -> None:
    text = "Die: Tür 2."
    assert text.encode()[5:10] == "Tür ".encode()
    for found in (
        stream(
            {
                **chunk({"text": text}, stop="STOP"),
                "candidates": [{**chunk({"text": text}, stop="STOP")["candidates"][0], "groundingMetadata": GROUNDED}],
            }
        ),
        stream(
            chunk({"text": text[:4]}),
            chunk({"text": text[4:]}),
            {"candidates": [{"finishReason": "STOP", "groundingMetadata": GROUNDED}]},
        ),
    ):
        laws.grammar(found)
        [part] = fold(found).parts
        assert isinstance(part, Text)
        assert part.citations == (
            Citation(url="https://a", title="A", start=5, end=9),
            Citation(url="https://a", title="A"),
            Citation(url="https://a", title="A"),
            Citation(url="https://b"),
        )
        assert text[5:9] == "Tür "
        home = GEMINI.encode_response(fold(found), laws.context())
        assert home["candidates"][0]["groundingMetadata"] == GROUNDED
    cited = Response(
        origin="anthropic",
        id="",
        model="m",
        parts=(Text(text="a", citations=(Citation(url="https://a", title="A"), Citation(cited_text="x"))),),
    )
    abroad = {
        "groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}],
        "groundingSupports": [{"segment": {"endIndex": 1, "text": "a"}, "groundingChunkIndices": [0]}],
    }
    other = replace(cited, extra={"candidates": [{"safetyRatings": []}]})  # means nothing here
    assert GEMINI.encode_response(other, laws.context()) == GEMINI.encode_response(cited, laws.context())
    assert GEMINI.encode_response(cited, laws.context())["candidates"][0]["groundingMetadata"] == abroad
    frames = laws.render(GEMINI, unfold(cited))
    assert json.loads(frames[-1].data)["candidates"][0]["groundingMetadata"] == abroad


# -- the back: requests from abroad ----------------------------------------------------------


@pytest.mark.parametrize(
    ("thinking", "profile", "sent"),
    [
        (Thinking(effort="high"), {}, {"thinkingLevel": "HIGH", "includeThoughts": True}),
        (Thinking(budget=2000), {}, {"thinkingBudget": 2000, "includeThoughts": True}),
        (Thinking(effort="none"), {}, {"thinkingBudget": 0}),
        (Thinking(), {}, {"includeThoughts": True}),
        (Thinking(visible=False, effort="low"), {}, {"thinkingLevel": "LOW", "includeThoughts": False}),
        (Thinking(effort="low"), {"thinking": "budget"}, {"thinkingBudget": 2048, "includeThoughts": True}),
        (Thinking(), {"thinking": "budget"}, {"thinkingBudget": -1, "includeThoughts": True}),
        (Thinking(budget=9000), {"thinking": "level"}, {"thinkingLevel": "MEDIUM", "includeThoughts": True}),
        (Thinking(effort="max"), {"thinking": "level"}, {"thinkingLevel": "HIGH", "includeThoughts": True}),
        (
            Thinking(effort="medium"),
            {"thinking": "level", "efforts": ("low", "high")},
            {"thinkingLevel": "LOW", "includeThoughts": True},
        ),
        (Thinking(effort="none"), {"thinking": "level"}, {"thinkingLevel": "MINIMAL"}),
        (Thinking(effort="none"), {"thinking": "budget", "efforts": ("minimal", "high")}, {"thinkingBudget": 1024}),
        (
            Thinking(effort="max"),
            {"thinking": "budget", "efforts": ("none", "high")},
            {"thinkingBudget": 16384, "includeThoughts": True},
        ),
        (
            Thinking(budget=90000),
            {"thinking": "budget", "efforts": ("none", "high")},
            {"thinkingBudget": 90000, "includeThoughts": True},
        ),
        (Thinking(effort="high"), {"thinking": "none"}, None),
        (Thinking(budget=0), {"thinking": "none"}, None),
        (Thinking(), {"thinking": "level"}, {"includeThoughts": True}),
    ],
)
def test_thinking_as_the_model_reads_it(
    thinking: Thinking, profile: dict[str, Any], sent: dict[str, Any] | None
) -> None:
    wire, losses = written(neutral(user("Hi"), thinking=thinking), **profile)
    assert wire.get("generationConfig", {}).get("thinkingConfig") == sent
    clamped = (
        (sent is None and thinking.budget is None)
        or thinking.effort in ("max", "medium")
        or (thinking.effort == "none" and bool(profile))
    )
    assert bool(losses) == clamped


def test_thinking_at_home_is_told_as_the_model_reads_it() -> None:
    request = GEMINI.decode_request(config(thinkingConfig={"thinkingLevel": "high"}), laws.context())
    assert written(request, thinking="budget")[0]["generationConfig"]["thinkingConfig"] == {"thinkingBudget": 16384}
    request = GEMINI.decode_request(config(thinkingConfig={"includeThoughts": True}), laws.context())
    assert written(request, thinking="budget")[0]["generationConfig"]["thinkingConfig"] == {"includeThoughts": True}


@pytest.mark.parametrize(
    ("asked", "able", "sent"),
    [
        ((), (), None),
        (("text",), (), None),
        ((), ("image",), ["TEXT", "IMAGE"]),
        ((), ("audio",), ["AUDIO"]),
        (("text", "audio"), ("audio",), ["AUDIO"]),
        (("text", "image"), ("image",), ["TEXT", "IMAGE"]),
        (("audio",), ("image", "audio"), ["AUDIO"]),
    ],
)
def test_modalities(asked: tuple[str, ...], able: tuple[str, ...], sent: list[str] | None) -> None:
    wire, _ = written(neutral(user("Hi"), modalities=asked), modalities=able)
    assert wire.get("generationConfig", {}).get("responseModalities") == sent


def test_001_8_voices() -> None:
    wire, _ = written(
        neutral(user("Hi"), modalities=("audio",), speech=Speech(voices=(Voice("Kore"),), format="pcm", language="de"))
    )
    assert wire["generationConfig"] == {
        "responseModalities": ["AUDIO"],
        "speechConfig": {"languageCode": "de", "voiceConfig": VOICE},
    }
    two = Speech(voices=(Voice("Kore", "Joe"), Voice(None, "Jane")), format="mp3")
    wire, losses = written(neutral(user("Hi"), speech=two))
    assert wire["generationConfig"]["speechConfig"] == {
        "multiSpeakerVoiceConfig": {
            "speakerVoiceConfigs": [{"speaker": "Joe", "voiceConfig": VOICE}, {"speaker": "Jane"}]
        }
    }
    assert lost(losses) == [("speech.format", "dropped")]
    with pytest.raises(GatewayError, match="two voices") as caught:
        written(neutral(user("Hi"), speech=Speech(voices=(Voice("Kore", "a"), Voice("Kore", "b"), Voice("Kore", "c")))))
    assert caught.value.param == "speech.voices"


@pytest.mark.parametrize(
    ("picture", "sent"),
    [
        (Picture(size="1024x1024"), {"aspectRatio": "1:1"}),
        (Picture(size="1024x1536"), {"aspectRatio": "2:3"}),
        (Picture(size="1792x1024"), {"aspectRatio": "16:9"}),
        (Picture(size="2048x2048", aspect="1:1"), {"aspectRatio": "1:1", "imageSize": "2K"}),
        (Picture(aspect="21:9"), {"aspectRatio": "21:9"}),
        (Picture(size="auto"), None),
    ],
)
def test_pictures(picture: Picture, sent: dict[str, Any] | None) -> None:
    wire, _ = written(neutral(user("Hi"), picture=picture))
    assert wire.get("generationConfig", {}).get("imageConfig") == sent


def test_limits_of_the_model_are_kept_and_told() -> None:
    sampling = Sampling(max_tokens=9000, temperature=1.8, top_p=0.5, top_k=4, seed=1 << 40, presence_penalty=0.5)
    wire, losses = written(
        neutral(user("Hi"), sampling=sampling), max_tokens_limit=8192, temperature_max=1.0, penalties=False
    )
    assert wire["generationConfig"] == {"maxOutputTokens": 8192, "temperature": 1.0, "topP": 0.5, "topK": 4}
    assert lost(losses) == [
        ("sampling.max_tokens", "clamped"),
        ("sampling.temperature", "clamped"),
        ("sampling.seed", "dropped"),
        ("sampling.presence_penalty", "dropped"),
    ]
    wire, losses = written(neutral(user("Hi"), sampling=replace(sampling, seed=3)), sampling=False, seed=False)
    assert wire["generationConfig"] == {"maxOutputTokens": 9000, "presencePenalty": 0.5}
    assert {path for path, _ in lost(losses)} == {
        "sampling.temperature",
        "sampling.top_p",
        "sampling.top_k",
        "sampling.seed",
    }


def test_nothing_else_is_dropped_in_silence() -> None:
    cache = Cache("1h")
    request = Request(
        origin="anthropic",
        model="m",
        messages=(
            Message(
                role="user",
                parts=(
                    Text(text="Hi", cache=cache, citations=(Citation(url="u"),)),
                    Refusal(text="no"),
                    Opaque(kind="odd", raw={}),
                ),
                name="joe",
                extra={"x": 1},
            ),
            Message(role="user", parts=(Text(text="more", extra={"y": 2}),), extra={"z": 3}),
        ),
        tools=(Tool(name="f", strict=True, cache=cache, extra={"t": 1}),),
        tool_choice=ToolChoice("auto", parallel=False, allowed=("f",)),
        format=Format(description="d", extra={"f": 1}),
        thinking=Thinking(extra={"k": 1}),
        speech=Speech(extra={"s": 1}),
        picture=Picture(extra={"p": 1}),
        user="u1",
        extra={"metadata": {"user_id": "x"}},
    )
    wire, losses = written(request)
    assert {path for path, _ in lost(losses)} == {
        "user",
        "metadata",
        *("messages[0].name", "messages[0].x", "messages[1].z", "messages[1].parts[0].y"),
        *("messages[0].parts[0].cache", "messages[0].parts[0].citations", "messages[0].parts[2]"),
        *("tools[0].cache", "tools[0].strict", "tools[0].t", "tool_choice.parallel"),
        *("format.description", "format.f", "thinking.k", "speech.s", "picture.p"),
    }
    assert wire["contents"] == [{"role": "user", "parts": [{"text": "Hi"}, {"text": "no"}, {"text": "more"}]}]
    assert wire["toolConfig"] == {"functionCallingConfig": {"mode": "VALIDATED", "allowedFunctionNames": ["f"]}}


# -- the front: answers ----------------------------------------------------------------------

ABROAD = Response(
    origin="openai.chat",
    id="chatcmpl-1",
    model="gpt",
    parts=(Reasoning(text="hm"), Text(text="Yes"), CALL),
    stop=Stop("tool_calls", "tool_calls"),
    usage=Usage(input=20, output=30, reasoning=10, cache_read=5),
)


def test_000_4_an_answer() -> None:
    assert GEMINI.encode_response(ABROAD, laws.context(model="asked")) == {
        "candidates": [
            {
                "content": {
                    "parts": [
                        {"text": "hm", "thought": True},
                        {"text": "Yes"},
                        {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}},
                    ],
                    "role": "model",
                },
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 20,
            "candidatesTokenCount": 20,
            "totalTokenCount": 50,
            "thoughtsTokenCount": 10,
            "cachedContentTokenCount": 5,
        },
        "modelVersion": "asked",
        "responseId": "0001",
    }


def test_000_5_a_streamed_answer() -> None:
    found: list[Event] = [
        Start(origin="openai.chat", id="x", model="gpt"),
        PartStart(0, Reasoning()),
        PartDelta(0, "hm"),
        PartEnd(0),
        PartStart(1, Text(text="")),
        PartDelta(1, 'Y"'),
        PartStart(2, ToolCall(id="c1", name="f")),
        PartDelta(2, '{"a"'),
        PartStart(3, ToolCall(id="c2", name="g")),
        PartDelta(1, "es"),
        PartDelta(2, ":1}"),
        PartEnd(1),
        PartEnd(2),
        PartEnd(3),
        Finish(stop=Stop("tool_calls"), usage=Usage(input=1, output=2)),
    ]
    frames = laws.render(GEMINI, found, model="asked")
    assert all(frame.event == "" and SseWriter().write(frame).startswith(b'data: {"candidates":') for frame in frames)
    chunks = [json.loads(frame.data) for frame in frames]
    assert {(c["modelVersion"], c["responseId"]) for c in chunks} == {("asked", "0001")}
    assert [c["candidates"][0]["content"]["parts"] for c in chunks] == [
        [{"thought": True, "text": "hm"}],
        [{"text": 'Y"'}],
        [{"text": "es"}],
        [{"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}}],
        [{"functionCall": {"id": "c2", "name": "g", "args": {}}}],
        [{"text": ""}],
    ]
    assert [c["candidates"][0].get("finishReason") for c in chunks] == [None] * 5 + ["STOP"]
    assert [("usageMetadata" in c) for c in chunks] == [False] * 5 + [True]


def test_a_part_may_be_born_signed() -> None:
    born = [Start(origin="x", id="", model="m"), PartStart(0, Text(text="", signature=SIGNED)), PartEnd(0), Finish()]
    first, _ = laws.render(GEMINI, born)
    assert json.loads(first.data)["candidates"][0]["content"]["parts"] == [{"text": "", "thoughtSignature": "EqQB"}]


def test_an_answer_that_withholds_thoughts() -> None:
    request = replace(neutral(user("Hi")), thinking=Thinking(visible=False))
    ctx = laws.context(request=request)
    assert GEMINI.encode_response(ABROAD, ctx)["candidates"][0]["content"]["parts"][0] == {"text": "Yes"}
    assert b"hm" not in b"".join(frame.data for frame in laws.render(GEMINI, unfold(ABROAD), request=request))


@pytest.mark.parametrize("arguments", ['{"a":', "[1]", "nonsense"])
def test_a_call_that_cannot_be_passed_on(arguments: str) -> None:
    answer = replace(ABROAD, parts=(Text(text="Yes"), replace(CALL, arguments=arguments)))
    ctx = laws.context()
    wire = GEMINI.encode_response(answer, ctx)
    assert wire["candidates"][0]["finishReason"] == "MALFORMED_FUNCTION_CALL"
    assert lost(ctx.losses) == [("parts[1]", "dropped")]
    assert (
        json.loads(laws.render(GEMINI, unfold(answer))[-1].data)["candidates"][0]["finishReason"]
        == "MALFORMED_FUNCTION_CALL"
    )
    cut = GEMINI.encode_response(replace(answer, stop=Stop("length")), laws.context())
    assert cut["candidates"][0]["finishReason"] == "MAX_TOKENS"


def test_what_an_answer_of_another_cannot_tell() -> None:
    foreign = Signature("anthropic", "x")
    parts = (
        Reasoning(signature=foreign, redacted=True),
        Reasoning(text="mine", signature=SIGNED),
        Opaque(kind="odd", raw={"a": 1}),
        replace(CALL, server=True),
        ToolResult(call_id="c1", server=True),
    )
    answer = Response(origin="anthropic", id="", model="m", parts=parts, extra={"container": 1})
    told = [{"text": "mine", "thought": True, "thoughtSignature": "EqQB"}]
    ctx = laws.context()
    assert GEMINI.encode_response(answer, ctx)["candidates"][0]["content"]["parts"] == told
    losses = {"parts[0].signature", "parts[2]", "parts[3]", "parts[4]", "container"}
    assert {path for path, _ in lost(ctx.losses)} == losses
    encoder = GEMINI.encoder(ctx := laws.context())
    frames = [frame for event in [*unfold(answer), Ping()] for frame in encoder.feed(event)]
    said = [
        part
        for frame in frames
        for part in json.loads(frame.data)["candidates"][0]["content"]["parts"]
        if part != {"text": ""}
    ]
    assert list(joined(said)) == told
    assert {path for path, _ in lost(ctx.losses)} == losses


def test_a_stream_that_breaks() -> None:
    encoder = GEMINI.encoder(laws.context())
    list(encoder.feed(Start(origin="x", id="", model="m")))
    [frame] = encoder.fail(GatewayError(Kind.RATE_LIMIT, "slow down", retry_after=13))
    assert frame.event == "" and frame.data.startswith(
        b'{"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED"'
    )
    with pytest.raises(GatewayError) as caught:
        list(GEMINI.decoder(laws.context()).feed(frame))
    assert (caught.value.kind, caught.value.retry_after) == (Kind.RATE_LIMIT, 13)
    assert list(encoder.fail(GatewayError(Kind.INTERNAL, "again"))) == []
    assert encoder.ping() is None


def test_parts_with_leftovers_come_home_in_streams() -> None:
    part = {"text": "a", "partMetadata": {"k": 1}}
    found = stream(
        chunk({"text": "b"}),
        chunk(part),
        chunk({"text": "c"}),
        chunk({"text": "", "thoughtSignature": "s"}, stop="STOP"),
    )
    assert [(p.text, p.extra) for p in fold(found).parts if isinstance(p, Text)] == [
        ("b", {}),
        ("ac", {"partMetadata": {"k": 1}}),
    ]
    frames = laws.render(GEMINI, found)
    assert {"text": "ac", "partMetadata": {"k": 1}, "thoughtSignature": "s"} in [
        json.loads(f.data)["candidates"][0]["content"]["parts"][0] for f in frames
    ]


# -- errors ------------------------------------------------------------------------------------


def test_every_kind_has_its_error() -> None:
    assert ERRORS.keys() == set(Kind)
    for kind, (status, word) in ERRORS.items():
        error = GatewayError(kind, "why")
        assert GEMINI.encode_error(error, "req") == (
            status,
            {"error": {"code": status, "message": "why", "status": word}},
        )
    assert GEMINI.encode_error(GatewayError(Kind.UPSTREAM, "why", status=503), "")[0] == 503
    assert GEMINI.encode_error(GatewayError(Kind.UPSTREAM, "why", status=200), "")[0] == 502


def test_an_error_with_details() -> None:
    _, wire = GEMINI.encode_error(GatewayError(Kind.INVALID_REQUEST, "a.b: no", param="a.b", retry_after=1.5), "")
    assert wire["error"]["details"] == [
        {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"field": "a.b", "description": "a.b: no"}],
        },
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"},
    ]


EXPECTED = {
    "auth_rejection_keeps_transport_shape": (Kind.AUTHENTICATION, None),
    "chat_error_handling_with_gemini_gemini-2_5-flash_raises_appropriate_auth_error": (Kind.AUTHENTICATION, None),
    "unary-failure-api-key": (Kind.AUTHENTICATION, None),
    "streaming-failure-api-key": (Kind.AUTHENTICATION, None),
    "list_models_rejected_key_reports_api_error_with_context": (Kind.AUTHENTICATION, None),
    "chat_real_error_scenarios_gemini_gemini-2_5-flash_handles_context_length_exceeded_errors": (Kind.RATE_LIMIT, 48),
    "google-429-retry-info": (Kind.RATE_LIMIT, 34.4),
    "unary-failure-quota-exceeded": (Kind.RATE_LIMIT, None),
    "Chats_Tests_sendMessage_Send_message_stream_with_error": (Kind.NOT_FOUND, None),
    "nonexistent_model_streaming_error_preserves_status_and_body": (Kind.NOT_FOUND, None),
    "TestGoogle.test_count_tokens_error": (Kind.NOT_FOUND, None),
}


@pytest.mark.parametrize("case", exchanges((*APIS, "gemini.count_tokens", "gemini.models"), kind="error"))
def test_recorded_errors(case: Exchange) -> None:
    body = case.response if case.sse is None else case.sse.decode()
    error = GEMINI.decode_error(case.status, body, {})
    assert (error.kind, error.retry_after) == EXPECTED[case.id.rpartition("/")[2]]
    assert error.code == ("model_not_found" if error.kind is Kind.NOT_FOUND else None)
    assert "AIza" not in error.message
    status, _ = GEMINI.encode_error(error, "")
    assert status == (401 if error.kind is Kind.AUTHENTICATION else case.status)
    if case.sse is not None:
        with pytest.raises(GatewayError) as caught:
            laws.events(GEMINI, case.sse)
        assert caught.value.kind is error.kind


def google(code: int, status: str, message: str, *details: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


@pytest.mark.parametrize(
    ("status", "wire", "kind"),
    [
        (
            400,
            google(
                400,
                "INVALID_ARGUMENT",
                "The input token count (1048580) exceeds the maximum number of tokens allowed (1048576).",
            ),
            Kind.CONTEXT_LENGTH,
        ),
        (400, google(400, "INVALID_ARGUMENT", "models/x takes no such payload"), Kind.INVALID_REQUEST),
        (400, google(400, "FAILED_PRECONDITION", "User location is not supported for the API use."), Kind.PERMISSION),
        (400, google(400, "FAILED_PRECONDITION", "Please enable billing on project X"), Kind.QUOTA),
        (403, google(403, "PERMISSION_DENIED", "No"), Kind.PERMISSION),
        (403, google(403, "PERMISSION_DENIED", "API key expired. Renew"), Kind.AUTHENTICATION),
        (401, google(401, "UNAUTHENTICATED", "No"), Kind.AUTHENTICATION),
        (429, [google(429, "RESOURCE_EXHAUSTED", "Resource exhausted")], Kind.RATE_LIMIT),
        (
            429,
            google(
                429,
                "RESOURCE_EXHAUSTED",
                "Quota",
                {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]},
            ),
            Kind.QUOTA,
        ),
        (429, google(429, "RESOURCE_EXHAUSTED", "Quota exceeded for metric: x, limit: 0, model: y"), Kind.QUOTA),
        (429, google(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."), Kind.QUOTA),
        (500, google(500, "INTERNAL", "An internal error has occurred"), Kind.UPSTREAM),
        (503, google(503, "UNAVAILABLE", "The model is overloaded. Please try again later."), Kind.OVERLOADED),
        (504, google(504, "DEADLINE_EXCEEDED", "late"), Kind.TIMEOUT),
        (499, google(499, "CANCELLED", "gone"), Kind.UPSTREAM),
        (502, "<html><body><h1>Bad Gateway</h1></body></html>", Kind.UPSTREAM),
        (404, "", Kind.NOT_FOUND),
        (418, None, Kind.INVALID_REQUEST),
        (500, [], Kind.UPSTREAM),
        (429, b'{"error": "too fast"}', Kind.RATE_LIMIT),
        (200, {"error": {"code": 503, "status": "UNAVAILABLE"}}, Kind.OVERLOADED),
        (400, {"error": {"message": 5, "status": [], "details": {"a": 1}}}, Kind.INVALID_REQUEST),
        (400, {"message": "plain"}, Kind.INVALID_REQUEST),
    ],
)
def test_errors_are_understood(status: int, wire: Any, kind: Kind) -> None:
    error = GEMINI.decode_error(status, wire, {})
    assert error.kind is kind
    assert error.message and "<" not in error.message
    assert error.code is None
    assert error.status == (503 if status == 200 else status)


def test_no_error_breaks_the_back() -> None:
    wire = google(
        429,
        "RESOURCE_EXHAUSTED",
        "Quota",
        {"@type": "RetryInfo", "retryDelay": "1s"},
        {"violations": [{"quotaId": "x"}]},
    )
    for where, changed in mutations(wire):
        for status in (429, 0):
            assert isinstance(GEMINI.decode_error(status, changed, {}), GatewayError), where


@pytest.mark.parametrize(
    ("headers", "message", "seconds"),
    [
        ({"retry-after": "7"}, "", 7),
        ({"retry-after-ms": "250"}, "", 0.25),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, "Please retry in 48.9s.", 48.9),
        ({}, "Please retry in 371.5ms.", 0.3715),
        ({}, "Please retry.", None),
    ],
)
def test_when_to_try_again(headers: dict[str, str], message: str, seconds: float | None) -> None:
    assert GEMINI.decode_error(429, google(429, "RESOURCE_EXHAUSTED", message), headers).retry_after == seconds


# -- passthrough, paths, models --------------------------------------------------------------------


def test_passthrough_changes_what_must_be() -> None:
    raw = b'{"contents": [{"parts":[{"text":"about models and streams: 1.50"}]}] }'
    assert GEMINI.edit_request(raw, "m", True, Profile()) is raw
    raw = b'{"contents": [{"parts":[{"text":"1.50"}]}] }'
    assert GEMINI.edit_request(raw, "m", True, Profile()) is raw
    raw = b'{"model":"models/x","contents": [1.50],"stream":true}'
    assert GEMINI.edit_request(raw, "m", True, Profile()) == b'{"contents":[1.50]}'
    raw = b'{"modelVersion":"up","candidates":[{"x": 1.50}]}'
    assert GEMINI.rename_response(raw, "mine") == b'{"modelVersion":"mine","candidates":[{"x": 1.50}]}'
    for same_bytes in (b'{"candidates":[]}', b'[{"modelVersion":"up"}]', b'{"a":{"modelVersion":"up"}}'):
        assert GEMINI.rename_response(same_bytes, "mine") is same_bytes
    frame = Frame(raw)
    assert GEMINI.rename_frame(frame, "mine").data == b'{"modelVersion":"mine","candidates":[{"x": 1.50}]}'
    assert GEMINI.rename_frame(frame, "") is frame
    with pytest.raises(GatewayError):
        GEMINI.edit_request(b'["model"]', "m", True, Profile())


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-2.5-flash", "/v1beta/models/gemini-2.5-flash:generateContent"),
        ("models/gemini-2.5-flash", "/v1beta/models/gemini-2.5-flash:generateContent"),
        ("deepseek-ai/deepseek-r1-0528-maas", "/v1beta/models/deepseek-ai/deepseek-r1-0528-maas:generateContent"),
        ("claude@20250929:x", "/v1beta/models/claude@20250929:x:generateContent"),
        ("小米 a?b#c%", "/v1beta/models/%E5%B0%8F%E7%B1%B3%20a%3Fb%23c%25:generateContent"),
        ("tunedModels/mine", "/v1beta/tunedModels/mine:generateContent"),
    ],
)
def test_paths(model: str, path: str) -> None:
    assert GEMINI.path(model, False) == path
    assert GEMINI.path(model, True) == path.replace(":generateContent", ":streamGenerateContent?alt=sse")


@pytest.mark.parametrize("model", ["", "../../x", "a//b", "a/./b", "/"])
def test_no_model_leaves_the_folder(model: str) -> None:
    with pytest.raises(GatewayError) as caught:
        GEMINI.path(model, False)
    assert caught.value.param == "model"


def test_000_7_models() -> None:
    model = Model(
        id="gpt-4o",
        provider="openai",
        name="GPT-4o",
        description="Fast",
        context_window=128000,
        max_tokens=16384,
        operations=("chat", "count", "speech"),
    )
    assert GEMINI.encode_models((model, Model(id="e", provider="x", operations=("embed", "image")))) == {
        "models": [
            {
                "name": "models/gpt-4o",
                "displayName": "GPT-4o",
                "description": "Fast",
                "inputTokenLimit": 128000,
                "outputTokenLimit": 16384,
                "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
            },
            {
                "name": "models/e",
                "displayName": "e",
                "supportedGenerationMethods": ["embedContent", "batchEmbedContents", "predict"],
            },
        ]
    }


@pytest.mark.parametrize("case", exchanges("gemini.models", kind="models"))
def test_recorded_models(case: Exchange) -> None:
    models = GEMINI.decode_models(case.response, "google")
    assert len(models) == len(case.response["models"])
    flash = next(model for model in models if model.id == "gemini-2.5-flash")
    assert (flash.provider, flash.name, flash.context_window, flash.max_tokens) == (
        "google",
        "Gemini 2.5 Flash",
        1048576,
        65536,
    )
    assert flash.operations == ("chat", "count")
    assert any("embed" in model.operations for model in models)
    only_refusals(
        lambda wire: GEMINI.decode_models(wire, "google"), {"models": case.response["models"][:2]}, Kind.UPSTREAM
    )
