"""Parts of a Gemini content, both directions: text and thoughts, media, calls and their results, signatures.

It knows neither the request nor the answer they stand in.
"""

from __future__ import annotations

import msgspec

from dragoman.core.codec import QUIET, Context, Fields, Wire, clean, dumps, json_object
from dragoman.core.content import EXTENSIONS, from_url, legal_name
from dragoman.core.errors import GatewayError, invalid
from dragoman.core.images import image_type
from dragoman.core.ir import (
    AnyPart,
    Base64,
    Extra,
    FileId,
    Json,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    Run,
    Signature,
    Text,
    ToolCall,
    ToolResult,
    Url,
)
from dragoman.core.schema_back import earlier
from dragoman.core.tools import shown

DIALECT = "gemini"
ISSUER = "google"
UNSIGNED = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
"""What Google takes for a signature that is not to be had (ai.google.dev/gemini-api/docs/thought-signatures). Gemini
CLI writes it on the calls of other vendors' models: it is none, so that the thoughts of these are looked for."""

DATA = (
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
)
"""What a part can be; it is one of these. The last four are steps of Google's own tools and stay as they are."""
ONLY_GOOGLE_READS = ("https://generativelanguage.googleapis.com/", "gs://")
WRAPPED = ("output", "result", "return_value", "content")
"""The one member under which clients put what a function gave: the API wants an object and names none."""
NO_ARGUMENTS = ("", "null")  # recorded: Groq, for a function without parameters
FALLBACK_TYPES = {"image": "image/png", "audio": "audio/wav", "video": "video/mp4", "text": "text/plain"}
ALIASES = {"image/jpg": "image/jpeg", "audio/x-wav": "audio/wav"}


def nested(extra: Extra, name: str) -> Extra:
    inner = extra.get(name)
    return inner if isinstance(inner, dict) else {}


def ours(wire: Wire, extra: Extra, ctx: Context) -> Wire:
    """What the codec writes: no null, and at home nothing the client spelled its own way, for `carry` adds that."""
    if not ctx.at_home or not extra:
        return clean(wire)
    return {name: value for name, value in wire.items() if value is not None and QUIET + name not in extra}


# -- decode ------------------------------------------------------------------


def decode_part(wire: Json, path: str) -> AnyPart:
    """A part with the names of the API in camelCase. Calls and results without an id have "" for one, for now."""
    f = Fields(wire, path)
    kinds = [name for name in DATA if f.peek(name) is not None]
    if len(kinds) > 1:
        raise invalid(path, f"a part is one thing, and this one holds {' and '.join(kinds)}")
    given = f.peek("thoughtSignature")
    if given is not None and not isinstance(given, str):
        raise invalid(f.at("thoughtSignature"), "expected a string")
    signature = Signature(ISSUER, given) if given and given not in UNSIGNED else None
    if kinds and kinds[0] not in _READERS:
        return Opaque(kind=kinds[0], raw=wire, signature=signature)
    thought = f.keep("thought", bool)
    if not kinds:
        if given is None and not any(name not in ("thought", "thoughtSignature") for name in f.rest):
            raise invalid(path, f"an empty part; expected one of {', '.join(DATA[:5])}")
        if given is None or len(f.rest) > 1 + (thought is not None):
            return Opaque(
                kind=next(name for name in f.rest if name != "thoughtSignature"), raw=wire, signature=signature
            )
    f.any("thoughtSignature")
    if given in UNSIGNED:
        f.quiet("thoughtSignature", given)
    if thought is False:  # recorded: rig says so on every part
        f.any("thought")
        f.quiet("thought", False)
    return _READERS[kinds[0] if kinds else "text"](f, signature)


def _read_text(f: Fields, signature: Signature | None) -> AnyPart:
    text = f.take("text", str)
    if text is None:  # nothing but a signature
        f.quiet("text", None)
    if f.any("thought"):
        return Reasoning(text=text or "", signature=signature, extra=f.rest)
    return Text(text=text or "", signature=signature, extra=f.rest)


def _read_inline(f: Fields, signature: Signature | None) -> AnyPart:
    blob = f.sub("inlineData")
    kind, data, name = blob.take("mimeType", str), blob.need("data", str), blob.take("displayName", str)
    if not kind:
        blob.quiet("mimeType", None)
        kind = image_type(data, "application/octet-stream")
    return Media(media_type=kind, source=Base64(data), name=name, signature=signature, extra=f.rest)


def _read_file(f: Fields, signature: Signature | None) -> AnyPart:
    file = f.sub("fileData")
    kind, uri, name = file.take("mimeType", str), file.need("fileUri", str), file.take("displayName", str)
    if not kind:
        file.quiet("mimeType", None)
        kind = _by_extension(uri) or ("video/*" if "youtu" in uri else "*/*")
    source: Base64 | Url | FileId
    kind, source = from_url(uri, kind)
    if isinstance(source, Url) and uri.startswith(ONLY_GOOGLE_READS):
        source = FileId(ISSUER, uri)
    return Media(media_type=kind, source=source, name=name, signature=signature, extra=f.rest)


def _read_call(f: Fields, signature: Signature | None) -> AnyPart:
    call = f.sub("functionCall")
    name = call.need("name", str)
    if not name:
        raise invalid(call.at("name"), "must not be empty")
    args = call.any("args")
    if args is not None and not isinstance(args, dict):
        raise invalid(call.at("args"), "expected an object")
    return ToolCall(
        id=_id(call), name=name, arguments="" if args is None else dumps(args), signature=signature, extra=f.rest
    )


def _read_result(f: Fields, signature: Signature | None) -> AnyPart:
    result = f.sub("functionResponse")
    name = result.need("name", str)
    if not name:
        raise invalid(result.at("name"), "must not be empty")
    result.quiet("name", name)
    response = result.any("response")
    if response is not None and not isinstance(response, dict):
        raise invalid(result.at("response"), "expected an object")
    text, is_error = result_text(response or {})
    if response is None or result_object(text, is_error) != response:
        result.quiet("response", response)
    media = []
    for part in (decode_part(one, at) for one, at in result.items("parts")):
        if not isinstance(part, Text | Media | Opaque):
            raise invalid(result.at("parts"), "a function's result holds media only")
        media.append(part)
    return ToolResult(
        call_id=_id(result), content=(Text(text=text), *media), is_error=is_error, signature=signature, extra=f.rest
    )


def _id(f: Fields) -> str:
    """The id of a call or of its result. Many clients send none, for the API needs none."""
    given = f.take("id", str)
    if given is None:
        f.quiet("id", None)
    elif not given:
        f.any("id")
        f.quiet("id", "")
    return given or ""


_READERS = {
    "text": _read_text,
    "inlineData": _read_inline,
    "fileData": _read_file,
    "functionCall": _read_call,
    "functionResponse": _read_result,
}


def result_text(response: Wire) -> tuple[str, bool]:
    """What a function gave, as text, and whether it failed."""
    if len(response) == 1:
        [(name, value)] = response.items()
        if (name == "error" and value) or name in WRAPPED:
            return value if isinstance(value, str) else dumps(value), name == "error"
    return dumps(response), False


def result_object(text: str, is_error: bool) -> Wire:
    """What a function gave, as the object the API wants: a JSON object as it is, all else under one name (case 92)."""
    if is_error:
        return {"error": text}
    if text.lstrip()[:1] == "{":
        try:
            value = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            value = None
        if isinstance(value, dict):
            return value
    return {"result": text}


def _by_extension(name: str | None) -> str | None:
    return EXTENSIONS.get(name.split("?")[0].rsplit(".", 1)[-1].lower()) if name else None


# -- encode ------------------------------------------------------------------


def encode_part(part: AnyPart, ctx: Context, path: str, names: dict[str, str], answer: bool = False) -> list[Wire]:
    """One part, or none, or more: a result with images is followed by them. names: of the calls, by id."""
    if part.cache is not None:
        ctx.lose(f"{path}.cache", "Gemini caches by itself")
    match part:
        case Text(text=text) | Refusal(text=text):
            signed = part.signature is not None and part.signature.issuer == ISSUER
            if not text and not signed and not ctx.at_home:  # the API refuses parts without data (case 103)
                return []
            if isinstance(part, Text) and part.citations and not ctx.at_home and not answer:
                ctx.lose(f"{path}.citations", "Gemini takes none back")
            return [finished({"text": text}, part, ctx, path)]
        case Reasoning(text=text):
            return _encode_thought(part, ctx, path, answer)
        case Media():
            return [finished(_encode_media(part, ctx, path), part, ctx, path)]
        case ToolCall():
            return _encode_call(part, ctx, path, answer)
        case ToolResult():
            return _encode_result(part, ctx, path, names)
        case Opaque(kind=kind, raw=raw):
            if ctx.at_home:  # what is told beside the parts has nothing to be written here
                return [raw] if isinstance(raw, dict) else []
            if answer:
                return _encode_run(shown(part, ctx, path), ctx)
            ctx.lose(path, f"a {kind} of {ctx.origin} has no equivalent")
            return []


def _encode_run(run: Run | None, ctx: Context) -> list[Wire]:
    """Code and what came of it; a search is told beside the parts, and finds no place among them."""
    if run is None or run.tool == "web_search":
        return []
    code: Wire = {"executableCode": {"language": "PYTHON", "code": run.code}}
    if run.output is None:
        return [code]
    outcome = "OUTCOME_FAILED" if run.failed else "OUTCOME_OK"
    return [code, {"codeExecutionResult": {"outcome": outcome, "output": run.output}}]


def finished(wire: Wire, part: AnyPart, ctx: Context, path: str) -> Wire:
    """With what a part of any kind may carry: its signature, if Google made it, and at home what nobody took."""
    extra = part.extra
    wire = ours(wire, extra, ctx)
    if part.signature is not None:
        if part.signature.issuer == ISSUER:
            wire["thoughtSignature"] = part.signature.value
            extra = {name: value for name, value in extra.items() if name != QUIET + "thoughtSignature"}
        else:
            ctx.lose(f"{path}.signature", f"only {part.signature.issuer} reads it")
    return ctx.carry(wire, extra, path)


def _encode_thought(part: Reasoning, ctx: Context, path: str, answer: bool) -> list[Wire]:
    """Thoughts of another provider would be read as the answer's text (case 104): they do not go into a request."""
    signed = part.signature is not None and part.signature.issuer == ISSUER
    if not ctx.at_home and not answer and not signed:
        ctx.lose(path, "Gemini takes back only its own signed thoughts")
        return []
    if answer and not part.text and not signed and not ctx.at_home:
        if part.signature is not None:
            ctx.lose(f"{path}.signature", f"only {part.signature.issuer} reads it")
        return []
    return [finished({"text": part.text, "thought": True}, part, ctx, path)]


def _encode_media(part: Media, ctx: Context, path: str) -> Wire:
    wire: Wire
    match part.source:
        case Base64(data):
            place, wire = "inlineData", {"mimeType": concrete(part, data, None), "data": data}
        case Url(url):
            place, wire = "fileData", {"mimeType": concrete(part, None, url), "fileUri": url}
        case FileId(issuer=issuer, id=uri):
            if issuer != ISSUER:
                raise invalid(path, f"a file of {issuer} cannot be read by Google; send its content")
            place, wire = "fileData", {"mimeType": concrete(part, None, uri), "fileUri": uri}
    if ctx.at_home:
        wire["displayName"] = part.name
    return {place: ours(wire, nested(part.extra, place), ctx)}


def concrete(part: Media, data: str | None, url: str | None) -> str:
    """A media type without a star, which the API does not take."""
    kind = ALIASES.get(part.media_type, part.media_type)
    main, _, sub = kind.partition("/")
    if sub and "*" not in kind:
        return kind
    if data is not None and main in ("image", "*") and (told := image_type(data, "")):
        return told
    return _by_extension(part.name) or _by_extension(url) or FALLBACK_TYPES.get(main, "application/octet-stream")


def tool_name(name: str, ctx: Context) -> str:
    """A tool's name in the letters Google takes; `ctx.renamed` leads back."""
    if ctx.at_home:
        return name
    legal = legal_name(name, 64, r"[^a-zA-Z0-9_.:-]")
    if not (legal[:1].isalpha() or legal[:1] == "_"):
        legal = f"_{legal[:63]}"
    if legal != name:
        ctx.renamed[legal] = name
    return legal


def _encode_call(part: ToolCall, ctx: Context, path: str, answer: bool) -> list[Wire]:
    if part.server and not ctx.at_home:
        if answer:
            shown(part, ctx, path)
        else:
            ctx.lose(path, f"a call that {ctx.origin} itself has run")
        return []
    text = "" if part.arguments in NO_ARGUMENTS else earlier(part, ctx)
    args = _arguments(text, ctx, f"{path}.arguments", answer) if text or not ctx.at_home else None
    name = part.name if answer else tool_name(part.name, ctx)
    call = {"id": (part.id or None) if ctx.profile.call_ids else None, "name": name, "args": args}
    return [finished({"functionCall": ours(call, nested(part.extra, "functionCall"), ctx)}, part, ctx, path)]


def _arguments(text: str, ctx: Context, path: str, answer: bool) -> Wire:
    """Arguments as the object they must be; of an earlier turn in any case, for it stands in the history for good."""
    try:
        return json_object(text, path)
    except GatewayError:
        if answer or ctx.at_home:
            raise
    ctx.lose(path, "no JSON object: sent as the text it is", "emulated")
    return {"arguments": text}


def _encode_result(part: ToolResult, ctx: Context, path: str, names: dict[str, str]) -> list[Wire]:
    if part.server and not ctx.at_home:
        ctx.lose(path, f"the result of a call that {ctx.origin} itself has run")
        return []
    texts: list[str] = []
    media: list[Wire] = []
    for i, inner in enumerate(part.content):
        at = f"{path}.content[{i}]"
        if isinstance(inner, Text) and (not ctx.at_home or i == 0):
            texts.append(inner.text)
        else:
            media += encode_part(inner, ctx, at, names)
    extra = nested(part.extra, "functionResponse")
    result = {
        "id": (part.call_id or None) if ctx.profile.call_ids else None,
        "name": names.get(part.call_id),
        "response": result_object("\n".join(texts), part.is_error),
        # models before Gemini 3 refuse media inside; beside the result every model takes them
        "parts": media if ctx.at_home and media else None,
    }
    wire = finished({"functionResponse": ours(result, extra, ctx)}, part, ctx, path)
    return [wire] if ctx.at_home else [wire, *media]


def answer_part(wire: Wire, path: str) -> AnyPart:
    """A part of a provider's answer: one that makes no sense is kept as it came."""
    try:
        return decode_part(wire, path)
    except (GatewayError, RecursionError):
        return Opaque(kind="part", raw=wire)
