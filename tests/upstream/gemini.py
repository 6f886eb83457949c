"""The scripted upstream as Google's Gemini API: generate, stream, count, embed, predict, models. It knows no other provider."""

import base64
import itertools
import re
import zlib
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from aiohttp import web

from upstream.model import CACHED, INPUT, NEW, OUTPUT, PNG, THOUGHT, Asked, Turn, decide, dumps, pieces
from upstream.strict import Refused, base64_of, media, need, number, one_of, whole

if TYPE_CHECKING:
    from upstream import Answer, Entry

HEADERS = {"server-timing": "gfet4t7; dur=379", "x-gemini-service-tier": "standard"}
PREAMBLE = 0
MODELS = (
    "gemini-2.5-flash",
    "gemini-2.5-pro",
    "gemini-2.5-flash-image",
    "gemini-embedding-001",
    "imagen-4.0-generate-001",
)
SIGNATURE = base64.b64encode(b"signed by the scripted google!!!" * 3).decode()
NO_SIGNATURE = "skip_thought_signature_validator"  # Google's own word for "I have none"

# What each message may hold, from Google's discovery document of July 2026, as far as the gateway may use it.
# A name alone is a scalar; `name:Type` nests; `name*Type` is a list of them; `name!` is anything.
TYPES = {
    "GenerateContentRequest": "cachedContent contents*Content generationConfig:GenerationConfig model safetySettings*SafetySetting "
    "serviceTier store systemInstruction:Content toolConfig:ToolConfig tools*Tool",
    "CountTokensRequest": "contents*Content generateContentRequest:GenerateContentRequest",
    "EmbedContentRequest": "content:Content model outputDimensionality taskType title embedContentConfig!",
    "BatchEmbedContentsRequest": "requests*EmbedContentRequest",
    "PredictRequest": "instances! parameters!",
    "Content": "parts*Part role",
    "Part": "codeExecutionResult! executableCode! fileData:FileData functionCall:FunctionCall functionResponse:FunctionResponse "
    "inlineData:Blob mediaResolution! partMetadata! text thought thoughtSignature toolCall! toolResponse! videoMetadata!",
    "FileData": "fileUri mimeType",
    "Blob": "data mimeType",
    "FunctionCall": "args! id name",
    "FunctionResponse": "id name parts*FunctionResponsePart response! scheduling willContinue",
    "FunctionResponsePart": "inlineData:Blob",
    "GenerationConfig": "_responseJsonSchema! candidateCount enableAffectiveDialog enableEnhancedCivicAnswers frequencyPenalty "
    "imageConfig:ImageConfig logprobs maxOutputTokens mediaResolution presencePenalty responseFormat! responseJsonSchema! "
    "responseLogprobs responseMimeType responseModalities! responseSchema:Schema seed speechConfig:SpeechConfig stopSequences! "
    "temperature thinkingConfig:ThinkingConfig topK topP translationConfig!",
    "ImageConfig": "aspectRatio imageSize",
    "Schema": "anyOf*Schema default! description enum! example! format items:Schema maxItems maxLength maxProperties maximum "
    "minItems minLength minProperties minimum nullable pattern properties%Schema propertyOrdering! required! title type",
    "SpeechConfig": "languageCode multiSpeakerVoiceConfig:MultiSpeakerVoiceConfig voiceConfig:VoiceConfig",
    "MultiSpeakerVoiceConfig": "speakerVoiceConfigs*SpeakerVoiceConfig",
    "SpeakerVoiceConfig": "speaker voiceConfig:VoiceConfig",
    "VoiceConfig": "prebuiltVoiceConfig:PrebuiltVoiceConfig",
    "PrebuiltVoiceConfig": "voiceName",
    "ThinkingConfig": "includeThoughts thinkingBudget thinkingLevel",
    "SafetySetting": "category threshold",
    "ToolConfig": "functionCallingConfig:FunctionCallingConfig includeServerSideToolInvocations retrievalConfig!",
    "FunctionCallingConfig": "allowedFunctionNames! mode",
    "Tool": "codeExecution! computerUse! fileSearch! functionDeclarations*FunctionDeclaration googleMaps! googleSearch! "
    "googleSearchRetrieval! mcpServers! urlContext!",
    "FunctionDeclaration": "behavior description name parameters:Schema parametersJsonSchema! response:Schema responseJsonSchema!",
}
FIELDS = {
    name: {match[1]: (match[2], match[3]) for match in re.finditer(r"([\w]+)([:*%!]?)(\w*)", text)}
    for name, text in TYPES.items()
}
DATA = (
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "codeExecutionResult",
    "executableCode",
    "toolCall",
    "toolResponse",
)
KINDS = ("string", "number", "integer", "boolean", "array", "object", "null", "type_unspecified")


def _error(code: int, message: str, status: str, *details: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"code": code, "message": message, "status": status}
    return {"error": {**found, "details": list(details)} if details else found}


RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}
QUOTA = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"}],
}
BAD_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
LIMITED = "You exceeded your current quota, please check your plan and billing details."
ERRORS: dict[tuple[int, str], tuple[dict[str, str], Any]] = {
    (400, ""): ({}, _error(400, "* GenerateContentRequest.contents: contents is not specified\n", "INVALID_ARGUMENT")),
    (400, "context"): (
        {},
        _error(
            400,
            "The input token count (1200001) exceeds the maximum number of tokens allowed (1048576).",
            "INVALID_ARGUMENT",
        ),
    ),
    (400, "key"): ({}, _error(400, "API key not valid. Please pass a valid API key.", "INVALID_ARGUMENT", BAD_KEY)),
    (401, ""): ({}, _error(401, "Request had invalid authentication credentials.", "UNAUTHENTICATED")),
    (403, ""): ({}, _error(403, "Permission denied on resource project.", "PERMISSION_DENIED")),
    (404, ""): (
        {},
        _error(
            404,
            "models/error-404 is not found for API version v1beta, or is not supported for generateContent.",
            "NOT_FOUND",
        ),
    ),
    (413, ""): ({}, _error(413, "Request payload size exceeds the limit.", "INVALID_ARGUMENT")),
    (429, ""): ({}, _error(429, LIMITED, "RESOURCE_EXHAUSTED", QUOTA, RETRY)),
    (429, "bare"): ({}, _error(429, LIMITED, "RESOURCE_EXHAUSTED")),
    (429, "quota"): ({}, _error(429, LIMITED, "RESOURCE_EXHAUSTED", QUOTA)),
    (500, ""): ({}, _error(500, "An internal error has occurred. Please retry.", "INTERNAL")),
    (503, ""): ({}, _error(503, "The model is overloaded. Please try again later.", "UNAVAILABLE")),
    (529, ""): ({}, _error(529, "The model is overloaded. Please try again later.", "UNAVAILABLE")),
}
BROKEN = _error(503, "The model is overloaded. Please try again later.", "UNAVAILABLE")

_ids = itertools.count(1)


def error(refused: Refused) -> dict[str, Any]:
    status = {403: "PERMISSION_DENIED", 404: "NOT_FOUND"}.get(refused.status, "INVALID_ARGUMENT")
    return _error(refused.status, refused.message, status)


def authenticate(entry: "Entry", key: str) -> None:
    offered = entry.headers.get("x-goog-api-key") or entry.query.get("key")
    need(offered, "Method doesn't allow unregistered callers.", status=403)
    need(offered == key, "API key not valid. Please pass a valid API key.")


async def answer(exchange: "Answer") -> web.StreamResponse:
    entry = exchange.entry
    path = unquote(entry.path)
    if entry.method == "GET" and path == "/v1beta/models":
        return exchange.json({"models": [described(name) for name in MODELS]})
    if entry.method == "GET" and path.startswith("/v1beta/models/"):
        name = path.removeprefix("/v1beta/models/")
        need(name in MODELS, f"models/{name} is not found for API version v1beta.", status=404)
        return exchange.json(described(name))
    found = re.fullmatch(r"/v1beta/models/(.+):(\w+)", path)
    if entry.method != "POST" or not found or found[2] not in VERBS:
        raise Refused(404, f"The requested URL {path} was not found on this server.")
    model, verb = found.groups()
    if reply := exchange.scripted(model):
        return reply
    kind, give = VERBS[verb]
    return await give(exchange, model, camel(entry.json, kind))


def described(name: str) -> dict[str, Any]:
    verbs = (
        ["embedContent"]
        if "embedding" in name
        else ["predict"]
        if "imagen" in name
        else ["generateContent", "countTokens"]
    )
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name.replace("-", " ").title(),
        "description": "A scripted model.",
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": verbs,
    }


# -- answers -------------------------------------------------------------------------


async def generate(exchange: "Answer", model: str, body: dict[str, Any]) -> web.StreamResponse:
    check(body, model)
    turn = decide(asked(body, model))
    return await exchange.whole(chunk(model, parts(turn), turn, f"up{next(_ids)}", last=True))


async def stream(exchange: "Answer", model: str, body: dict[str, Any]) -> web.StreamResponse:
    check(body, model)
    turn = decide(asked(body, model))
    found = chunks(model, turn)
    if exchange.entry.query.get("alt") == "sse":
        frames = [f"data: {dumps(one)}\r\n\r\n".encode() for one in found]
        return await exchange.stream(frames, "text/event-stream", f"data: {dumps(BROKEN)}\r\n\r\n".encode())
    frames = [dumps(one, indent=2).encode() for one in found]
    return await exchange.stream(
        frames, "application/json; charset=UTF-8", dumps(BROKEN).encode(), (b"[", b",\r\n", b"]")
    )


def asked(body: dict[str, Any], model: str) -> Asked:
    config = body.get("generationConfig") or {}
    contents = body["contents"]
    last = contents[-1]["parts"] if contents[-1].get("role", "user") != "model" else []
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    declared = [one for tool in body.get("tools") or () for one in tool.get("functionDeclarations") or ()]
    tools = {one["name"]: one.get("parametersJsonSchema") or one.get("parameters") or {} for one in declared}
    allowed = calling.get("allowedFunctionNames") or []
    modalities = [word.upper() for word in config.get("responseModalities") or ()]
    wants_json = config.get("responseMimeType") == "application/json"
    mode = calling.get("mode", "AUTO").upper()
    return Asked(
        model=model,
        system=plain((body.get("systemInstruction") or {}).get("parts") or []),
        text=plain(last),
        tools={} if mode == "NONE" else {name: tools[name] for name in tools if not allowed or name in allowed},
        forced=("*" if len(allowed) != 1 else allowed[0]) if mode == "ANY" else None,
        results=[plain_result(part["functionResponse"]["response"]) for part in last if "functionResponse" in part],
        schema=config.get("responseJsonSchema") or config.get("responseSchema") or wants_json or None,
        thinking=bool((config.get("thinkingConfig") or {}).get("includeThoughts")),
        image="IMAGE" in modalities or model.endswith("-image"),
        audio="AUDIO" in modalities,
        max_tokens=config.get("maxOutputTokens"),
        stop=tuple(config.get("stopSequences") or ()),
    )


def plain(found: list[dict[str, Any]]) -> str:
    return " ".join(part["text"] for part in found if "text" in part and not part.get("thought"))


def plain_result(response: dict[str, Any]) -> str:
    return str(next(iter(response.values()), "")) if len(response) == 1 else str(response)


def parts(turn: Turn) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if turn.reasoning:
        found.append({"text": turn.reasoning, "thought": True})
    if turn.text:
        found.append({"text": turn.text, "x_upstream": NEW})
    for name, arguments in turn.calls:
        found.append({"functionCall": {"name": name, "args": arguments, "x_upstream": NEW}})
    if turn.image:
        found.append({"inlineData": {"mimeType": "image/png", "data": turn.image}})
    if turn.audio:
        found.append({"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": turn.audio}})
    if turn.reasoning:
        signed = next((part for part in found if "functionCall" in part), found[-1])
        signed["thoughtSignature"] = SIGNATURE
    return found


FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "content_filter": "SAFETY", "sequence": "STOP"}


def chunk(model: str, found: list[dict[str, Any]], turn: Turn, identity: str, last: bool) -> dict[str, Any]:
    content = {"parts": found, "role": "model"} if found else {}
    candidate: dict[str, Any] = {"content": content, "index": 0}
    usage: dict[str, Any] = {"promptTokenCount": INPUT, "totalTokenCount": INPUT, "cachedContentTokenCount": CACHED}
    usage["promptTokensDetails"] = [{"modality": "TEXT", "tokenCount": INPUT}]
    if last:
        thoughts = THOUGHT if turn.reasoning else 0
        candidate |= {"finishReason": FINISH[turn.stop], "x_upstream": NEW}
        if turn.calls:
            candidate["finishMessage"] = "Model generated function call(s)."
        usage |= {"candidatesTokenCount": OUTPUT - thoughts, "totalTokenCount": INPUT + OUTPUT, "x_upstream": NEW}
        if thoughts:
            usage["thoughtsTokenCount"] = thoughts
    return {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": f"{model}-001",
        "responseId": identity,
        "x_upstream": NEW,
    }


def chunks(model: str, turn: Turn) -> list[dict[str, Any]]:
    """The answer as a stream: texts grow, calls and media come whole, a late signature comes on an empty text."""
    identity, grown = f"up{next(_ids)}", list[dict[str, Any]]()
    for part in parts(turn):
        if "text" not in part:
            grown.append(part)
            continue
        rest = {name: value for name, value in part.items() if name not in ("text", "thoughtSignature")}
        grown += [{"text": piece, **rest} for piece in pieces(part["text"])]
        if "thoughtSignature" in part:
            grown.append({"text": "", "thoughtSignature": part["thoughtSignature"]})
    if not grown:
        return [chunk(model, [], turn, identity, last=True)]
    end = len(grown) - 1
    return [chunk(model, [part], turn, identity, last=i == end) for i, part in enumerate(grown)]


async def count(exchange: "Answer", model: str, body: dict[str, Any]) -> web.StreamResponse:
    inner = body.get("generateContentRequest")
    need(
        bool(inner) != bool(body.get("contents")),
        "* CountTokensRequest: exactly one of contents and generate_content_request must be set",
    )
    if inner:
        need(inner.get("model") == f"models/{model}", "* GenerateContentRequest.model: unexpected model name format")
        check(inner, model)
    else:
        check_contents(body["contents"])
    details = [{"modality": "TEXT", "tokenCount": INPUT}]
    return exchange.json({"totalTokens": INPUT, "promptTokensDetails": details, "x_upstream": NEW})


def vector(text: str, size: int) -> list[float]:
    """Made of the text; every component fits a 32-bit float exactly."""
    return [(zlib.crc32(f"{i} {text}".encode()) % 129 - 64) / 64 for i in range(size)]


def embedded(body: dict[str, Any]) -> dict[str, Any]:
    need(body.get("content", {}).get("parts"), "* EmbedContentRequest.content: contents is not specified")
    whole(body.get("outputDimensionality"), 1, 3072, "output_dimensionality")
    return {"values": vector(plain(body["content"]["parts"]), body.get("outputDimensionality") or 8)}


async def embed(exchange: "Answer", model: str, body: dict[str, Any]) -> web.StreamResponse:
    need(body.get("model") in (None, f"models/{model}"), "* EmbedContentRequest.model: unexpected model")
    return exchange.json({"embedding": embedded(body), "x_upstream": NEW})


async def batch(exchange: "Answer", model: str, body: dict[str, Any]) -> web.StreamResponse:
    need(body.get("requests"), "* BatchEmbedContentsRequest.requests: must not be empty")
    for one in body["requests"]:
        complaint = f"* BatchEmbedContentsRequest.requests[0].model: unexpected model {one.get('model')!r}, expected models/{model}"
        need(one.get("model") == f"models/{model}", complaint)
    return exchange.json({"embeddings": [embedded(one) for one in body["requests"]], "x_upstream": NEW})


async def predict(exchange: "Answer", model: str, body: dict[str, Any]) -> web.StreamResponse:
    need(
        model.startswith("imagen"),
        f"models/{model} is not found for API version v1beta, or is not supported for predict.",
        status=404,
    )
    instances = body.get("instances")
    need(isinstance(instances, list) and len(instances) == 1, "Only one instance is supported.")
    need(instances[0].get("prompt"), "* PredictRequest.instances[0].prompt: must not be empty")
    parameters = body.get("parameters") or {}
    wanted = parameters.get("sampleCount", 4)
    need(
        type(wanted) is int and 1 <= wanted <= 4,
        f"Image generation failed with the following error: sampleCount {wanted} is not in [1, 4].",
    )
    one_of(parameters.get("aspectRatio"), (None, "1:1", "3:4", "4:3", "9:16", "16:9"), "aspectRatio")
    return exchange.json({"predictions": [{"mimeType": "image/png", "bytesBase64Encoded": PNG} for _ in range(wanted)]})


VERBS = {
    "generateContent": ("GenerateContentRequest", generate),
    "streamGenerateContent": ("GenerateContentRequest", stream),
    "countTokens": ("CountTokensRequest", count),
    "embedContent": ("EmbedContentRequest", embed),
    "batchEmbedContents": ("BatchEmbedContentsRequest", batch),
    "predict": ("PredictRequest", predict),
}


# -- what it refuses -----------------------------------------------------------------


def camel(value: Any, kind: str, path: str = "") -> Any:
    """The message with every name in camelCase; both spellings are taken, unknown names are not."""
    need(isinstance(value, dict), f"Invalid value at '{path}' ({kind}), {value!r:.40}")
    found = {}
    for name, inner in value.items():
        spelled = re.sub(r"(?<=.)_([a-z])", lambda match: match[1].upper(), name)
        if name.startswith("x_"):
            continue
        if spelled not in FIELDS[kind]:
            where = f"at '{path}'" if path else ""
            raise Refused(400, f'Invalid JSON payload received. Unknown name "{name}" {where}: Cannot find field.')
        mark, nested = FIELDS[kind][spelled]
        at = f"{path}.{name}" if path else name
        if inner is None:
            continue
        if mark == ":":
            inner = camel(inner, nested, at)
        elif mark == "*":
            given = inner if isinstance(inner, list) else [inner]
            inner = [camel(one, nested, f"{at}[{i}]") for i, one in enumerate(given)]
        elif mark == "%":
            inner = {key: camel(one, nested, f"{at}[{key}]") for key, one in inner.items()}
        elif not mark:
            need(not isinstance(inner, dict | list), f"Invalid value at '{at}', Starting an object on a scalar field")
        found[spelled] = inner
    if kind == "Schema" and "type" in found:
        need(
            str(found["type"]).lower() in KINDS,
            f"Invalid value at '{path}.type' (type.googleapis.com/google.ai.generativelanguage.v1beta.Type), {found['type']!r}",
        )
    return found


def check(body: dict[str, Any], model: str) -> None:
    need(body.get("contents"), "* GenerateContentRequest.contents: contents is not specified\n")
    config = body.get("generationConfig") or {}
    number(config.get("temperature"), 0, 2, "temperature")
    number(config.get("topP"), 0, 1, "top_p")
    whole(config.get("maxOutputTokens"), 1, 1 << 20, "max_output_tokens")
    whole(config.get("candidateCount"), 1, 8, "candidate_count")
    need(len(config.get("stopSequences") or ()) <= 5, "The number of stop sequences must be at most 5.")
    need(
        all(config.get("stopSequences") or ()),
        "* GenerateContentRequest.generation_config.stop_sequences: must not be empty",
    )
    for word in config.get("responseModalities") or ():
        one_of(word.upper(), ("TEXT", "IMAGE", "AUDIO"), "response_modalities")
    thinking = config.get("thinkingConfig") or {}
    need(
        "thinkingBudget" not in thinking or "thinkingLevel" not in thinking,
        "You can only set only one of thinking budget and thinking level.",
    )
    one_of(str(thinking.get("thinkingLevel", "high")).lower(), ("minimal", "low", "medium", "high"), "thinking_level")
    wants_json = config.get("responseMimeType") == "application/json"
    schema = config.get("responseSchema") or config.get("responseJsonSchema")
    need(not schema or wants_json, "Response schema is only supported with response mime type 'application/json'.")
    declared = [one for tool in body.get("tools") or () for one in tool.get("functionDeclarations") or ()]
    need(
        not (declared and wants_json and "gemini-2" in model),
        "Function calling with a response mime type: 'application/json' is unsupported",
    )
    for one in declared:
        need(
            re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}", one.get("name", "")),
            f"Invalid function name: {one.get('name')!r}.",
        )
        need(
            not ("parameters" in one and "parametersJsonSchema" in one),
            "parameters and parameters_json_schema are mutually exclusive",
        )
        parameters = one.get("parameters")
        if parameters and str(parameters.get("type")).lower() == "object":
            need(
                parameters.get("properties") != {}
                or parameters == {"type": parameters["type"], "properties": {}}
                or not parameters.get("required"),
                "should be non-empty for OBJECT type",
            )
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    one_of(calling.get("mode", "AUTO").upper(), ("AUTO", "ANY", "NONE", "VALIDATED"), "mode")
    need(
        not calling.get("allowedFunctionNames") or calling.get("mode", "").upper() in ("ANY", "VALIDATED"),
        "allowed_function_names should only be set when mode is ANY",
    )
    need(
        set(calling.get("allowedFunctionNames") or ()) <= {one["name"] for one in declared},
        "allowed_function_names names no declared function",
    )
    check_speech(config)
    instruction = body.get("systemInstruction")
    need(
        instruction is None or instruction.get("parts"),
        "* GenerateContentRequest.system_instruction.parts: contents.parts must not be empty.",
    )
    check_contents(body["contents"])


def check_speech(config: dict[str, Any]) -> None:
    speech = config.get("speechConfig")
    if speech is None:
        return
    need(
        "AUDIO" in [word.upper() for word in config.get("responseModalities") or ()],
        "speech_config needs the AUDIO modality",
    )
    need(
        not ("voiceConfig" in speech and "multiSpeakerVoiceConfig" in speech),
        "voice_config and multi_speaker_voice_config are mutually exclusive",
    )
    speakers = (speech.get("multiSpeakerVoiceConfig") or {}).get("speakerVoiceConfigs")
    need(speakers is None or len(speakers) == 2, "The number of enabled_voices must equal 2.")


def check_contents(contents: list[dict[str, Any]]) -> None:
    calls: list[str] = []
    for i, content in enumerate(contents):
        one_of(
            content.get("role", "user"), ("user", "model", "function"), "role: Please use a valid role: user, model."
        )
        need(content.get("parts"), f"* GenerateContentRequest.contents[{i}].parts: contents.parts must not be empty.")
        for n, part in enumerate(content["parts"]):
            check_part(part, f"contents[{i}].parts[{n}]")
        results = [part["functionResponse"]["name"] for part in content["parts"] if "functionResponse" in part]
        complaint = "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn."
        need(len(results) == len(calls), complaint)
        need(sorted(results) == sorted(calls), "Function responses do not name the functions that were called.")
        calls = [part["functionCall"]["name"] for part in content["parts"] if "functionCall" in part]
        need(not calls or content.get("role") == "model", "Function calls are the model's.")
        need(
            not calls or i > 0,
            "Please ensure that function call turn comes immediately after a user turn or after a function response turn.",
        )


def check_part(part: dict[str, Any], path: str) -> None:
    data = [name for name in DATA if name in part]
    need(
        len(data) == 1,
        f"* GenerateContentRequest.{path}.data: required oneof field 'data' must have one initialized field",
    )
    need(part.get("thoughtSignature") in (None, SIGNATURE, NO_SIGNATURE), "Thought signature is not valid")
    if part.get("thoughtSignature"):
        base64_of(part["thoughtSignature"].replace("_", "/"), path) if part["thoughtSignature"] == SIGNATURE else None
    if blob := part.get("inlineData"):
        need(blob.get("mimeType"), f"{path}.inline_data.mime_type: must not be empty")
        media(blob["mimeType"], blob.get("data"), path)
    if file := part.get("fileData"):
        need(file.get("fileUri"), f"{path}.file_data.file_uri: must not be empty")
    if call := part.get("functionCall"):
        need(call.get("name"), f"* GenerateContentRequest.{path}.function_call.name: Name cannot be empty.")
        need(
            isinstance(call.get("args", {}), dict),
            f"Invalid value at '{path}.function_call.args' (type.googleapis.com/google.protobuf.Struct)",
        )
    if result := part.get("functionResponse"):
        need(result.get("name"), f"* GenerateContentRequest.{path}.function_response.name: Name cannot be empty.")
        need(
            isinstance(result.get("response"), dict),
            f"Invalid value at '{path}.function_response.response' (type.googleapis.com/google.protobuf.Struct)",
        )
