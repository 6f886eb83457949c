"""Names of the Gemini API in their one spelling, and its schemas as JSON Schema. It knows no neutral form.

Google reads `thinkingConfig` and `thinking_config` alike, and clients mix both in one body (clients.md 1.3). `tidy`
writes all names it knows in camelCase and leaves out those that are null, which is proto3's word for absent. It follows
a table of what the API holds where, so it never enters what is the client's own: arguments, results, JSON Schemas.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from dragoman.core.ir import Json

Shape: TypeAlias = dict[str, tuple[str, str]]
"""Every spelling of a name -> the camelCase one, and the shape of what stands there ("": not looked into).

"^" is a word of the API's own, which it reads in any case; "*x" is an object with names of the client's own.
"""

DEEPEST = 64  # levels of a schema that are looked at; what lies deeper stays as it is


def snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda letter: "_" + letter[0].lower(), name)


def _shape(leaves: str, **nested: str) -> Shape:
    names = dict.fromkeys(leaves.split(), "") | nested
    return {spelled: (name, inner) for name, inner in names.items() for spelled in (name, snake(name))}


SHAPES: dict[str, Shape] = {
    "request": _shape(
        "model cachedContent serviceTier store labels continuationToken",
        contents="content",
        systemInstruction="system",
        tools="tool",
        toolConfig="toolConfig",
        safetySettings="safety",
        generationConfig="config",
        modelArmorConfig="armor",
        outputConfig="output",
    ),
    "count": _shape(
        "model instances",
        contents="content",
        systemInstruction="system",
        tools="tool",
        generationConfig="config",
        generateContentRequest="request",
    ),
    "safety": _shape("category threshold method"),
    "output": _shape("outputUriPrefix"),
    "armor": _shape("promptTemplateName responseTemplateName"),
    # -- content
    "content": _shape("role", parts="part"),
    "system": _shape("role", parts="part"),
    "part": _shape(
        "text thought thoughtSignature partMetadata",
        inlineData="blob",
        fileData="blob",
        functionCall="call",
        functionResponse="result",
        executableCode="code",
        codeExecutionResult="code",
        toolCall="toolCall",
        toolResponse="toolCall",
        videoMetadata="video",
        mediaResolution="resolution",
    ),
    "blob": _shape("mimeType data fileUri displayName"),
    "call": _shape("id name args willContinue"),
    "result": _shape("id name response willContinue scheduling", parts="part"),
    "code": _shape("id language code outcome output"),
    "toolCall": _shape("id toolType args response"),
    "video": _shape("startOffset endOffset fps"),
    "resolution": _shape("level"),
    # -- tools
    "tool": _shape(
        "codeExecution urlContext",
        functionDeclarations="function",
        googleMaps="maps",
        googleSearch="search",
        googleSearchRetrieval="retrieval",
        enterpriseWebSearch="search",
        fileSearch="files",
        computerUse="computer",
        mcpServers="mcp",
    ),
    "function": _shape(
        "name description behavior parametersJsonSchema responseJsonSchema", parameters="schema", response="schema"
    ),
    "maps": _shape("enableWidget groundingTypes"),
    "search": _shape("excludeDomains blockingConfidence", searchTypes="kinds", timeRangeFilter="interval"),
    "kinds": _shape("webSearch imageSearch"),
    "interval": _shape("startTime endTime"),
    "retrieval": _shape("", dynamicRetrievalConfig="dynamic"),
    "dynamic": _shape("mode dynamicThreshold"),
    "files": _shape("fileSearchStoreNames metadataFilter topK"),
    "computer": _shape("environment excludedPredefinedFunctions disabledSafetyPolicies enablePromptInjectionDetection"),
    "mcp": _shape("name", streamableHttpTransport="transport"),
    "transport": _shape("url headers timeout sseReadTimeout terminateOnClose"),
    "toolConfig": _shape("includeServerSideToolInvocations", functionCallingConfig="calling", retrievalConfig="place"),
    "calling": _shape("allowedFunctionNames streamFunctionCallArguments", mode="^"),
    "place": _shape("latLng languageCode"),
    # -- generationConfig
    "config": _shape(
        "temperature topP topK candidateCount maxOutputTokens stopSequences seed presencePenalty frequencyPenalty "
        "responseMimeType responseJsonSchema responseLogprobs logprobs mediaResolution "
        "audioTimestamp enableAffectiveDialog enableEnhancedCivicAnswers routingConfig",
        responseSchema="schema",
        responseModalities="^",
        responseFormat="format",
        translationConfig="translation",
        thinkingConfig="thinking",
        speechConfig="speech",
        imageConfig="image",
    ),
    "format": _shape("", text="medium", audio="medium", image="medium", video="medium"),
    "medium": _shape("mimeType schema delivery bitRate sampleRate aspectRatio imageSize gcsUri duration resolution"),
    "translation": _shape("echoTargetLanguage targetLanguageCode"),
    "thinking": _shape("includeThoughts thinkingBudget", thinkingLevel="^"),
    "image": _shape("aspectRatio imageSize personGeneration prominentPeople imageOutputOptions"),
    "speech": _shape("languageCode", voiceConfig="voice", multiSpeakerVoiceConfig="speakers"),
    "speakers": _shape("", speakerVoiceConfigs="speaker"),
    "speaker": _shape("speaker", voiceConfig="voice"),
    "voice": _shape("voice", prebuiltVoiceConfig="prebuilt", replicatedVoiceConfig="replicated"),
    "prebuilt": _shape("voiceName"),
    "replicated": _shape("mimeType voiceSampleAudio"),
    # -- Google's own Schema, where names of properties are no names of the API
    "schema": _shape(
        "type format title description nullable enum maxItems minItems required minProperties maxProperties "
        "minLength maxLength pattern example propertyOrdering default minimum maximum",
        properties="*schema",
        items="schema",
        anyOf="schema",
    ),
}


def tidy(wire: Json, shape: str, depth: int = 0) -> Json:
    """The same JSON with the names of the API in camelCase. The original is not touched."""
    if shape == "^":
        words = [word.upper() if isinstance(word, str) else word for word in (wire if type(wire) is list else (wire,))]
        return words if type(wire) is list else words[0]
    if type(wire) is list:
        return [_object(item, shape, depth) if type(item) is dict else item for item in wire]
    return _object(wire, shape, depth) if type(wire) is dict else wire


def _object(wire: dict[str, Json], shape: str, depth: int) -> dict[str, Json]:
    if depth > DEEPEST:
        return wire
    if shape[0] == "*":  # names of the client's own, each with a value of this shape
        return {name: tidy(value, shape[1:], depth + 1) for name, value in wire.items()}
    names = SHAPES[shape]
    out: dict[str, Json] = {}
    for spelled, value in wire.items():
        known = names.get(spelled)
        if known is None or (spelled != known[0] and known[0] in wire):  # of two spellings the first is read
            out[spelled] = value
        elif value is not None or shape == "schema":
            name, inner = known
            out[name] = tidy(value, inner, depth + 1) if inner else value
    if shape == "system" and type(out.get("parts")) is dict:
        out["parts"] = [out["parts"]]  # taken so here, and nowhere else (recorded: R's ellmer)
    return out


# -- schemas -----------------------------------------------------------------

TYPES = {name.upper(): name for name in ("string", "number", "integer", "boolean", "array", "object", "null")}
COUNTS = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})
ONE = frozenset({"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"})
MANY = frozenset({"anyOf", "oneOf", "allOf", "prefixItems", "items"})
NAMED = frozenset({"properties", "$defs", "definitions", "patternProperties"})


def plain_schema(schema: Json, depth: int = 0) -> Json:
    """A schema as JSON Schema has it: types in lower case, null as a type, counts as numbers, properties in order.

    What is JSON Schema already comes out equal. Names of properties are never taken for words of the schema.
    """
    if type(schema) is not dict or depth > DEEPEST:
        return schema
    out: dict[str, Json] = {}
    for name, value in schema.items():
        if name == "type":
            if (plain := _type(value)) is not None:
                out[name] = plain
        elif name in NAMED and type(value) is dict:
            out[name] = {inner: plain_schema(one, depth + 1) for inner, one in value.items()}
        elif name in MANY and type(value) is list:
            out[name] = [plain_schema(one, depth + 1) for one in value]
        elif name in ONE:
            out[name] = plain_schema(value, depth + 1)
        elif name in COUNTS and isinstance(value, str) and value.isdecimal() and len(value) < 19:
            out[name] = int(value)
        elif name not in ("nullable", "propertyOrdering"):
            out[name] = value
    if schema.get("nullable") is True:
        _with_null(out)
    order, properties = schema.get("propertyOrdering"), out.get("properties")
    if type(order) is list and type(properties) is dict:
        first = [name for name in order if isinstance(name, str) and name in properties]
        out["properties"] = {name: properties[name] for name in (*first, *properties)}
    return out


def _type(value: Json) -> Json:
    if isinstance(value, str):
        return None if value == "TYPE_UNSPECIFIED" else TYPES.get(value, value)
    if type(value) is list:
        return [TYPES.get(one, one) if isinstance(one, str) else one for one in value]
    return value


def _with_null(schema: dict[str, Json]) -> None:
    """nullable: true, in the words of JSON Schema."""
    kind, options, enum = schema.get("type"), schema.get("anyOf"), schema.get("enum")
    if isinstance(kind, str) and kind != "null":
        schema["type"] = [kind, "null"]
    elif type(kind) is list and "null" not in kind:
        schema["type"] = [*kind, "null"]
    if type(options) is list and {"type": "null"} not in options:
        schema["anyOf"] = [*options, {"type": "null"}]
    if type(enum) is list and None not in enum:
        schema["enum"] = [*enum, None]
