"""What items are made of, as Responses spells it: content parts, citations, and seals of reasoning; both directions.

It knows no item, no request and no answer. The same functions read a client's request and a provider's answer:
with `Fields`, which names what is wrong, or with `Lenient`, which leaves it where it is.
"""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple
from urllib.parse import quote, unquote

from dragoman.core.audio import is_pcm, pcm_to_wav, rate_of
from dragoman.core.codec import QUIET, Context, Fields, T, Wire, clean, name_of
from dragoman.core.content import AUDIO_TYPES, EXTENSIONS, data_url, from_url
from dragoman.core.errors import invalid
from dragoman.core.ir import (
    AnyPart,
    Base64,
    Citation,
    Extra,
    FileId,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    Signature,
    Text,
    Url,
)
from dragoman.core.leaving import leave_citations
from dragoman.dialects.openai_logprobs import decode_tokens, encode_tokens

DIALECT = "openai.responses"
ISSUER = "openai"


class Lenient(Fields):
    """Reads a provider's answer: what is not of the type expected stays in `rest`, and nothing is missed."""

    __slots__ = ()

    def take(self, name: str, kind: type[T]) -> T | None:
        value = self._rest.get(name)
        fits = type(value) is kind or (kind is float and type(value) is int)
        return super().take(name, kind) if fits else None

    def keep(self, name: str, kind: type[T]) -> T | None:
        value = self._rest.get(name)
        return value if type(value) is kind else None

    def need(self, name: str, kind: type[T]) -> T:
        value = self.take(name, kind)
        return kind() if value is None else value

    def sub(self, name: str) -> Fields:
        if not isinstance(self._rest.get(name), dict):
            return Lenient({}, self.at(name))
        inner = Lenient(self._rest.pop(name), self.at(name))
        self._inner = [*(self._inner or ()), (name, inner)]
        return inner

    def maybe(self, name: str) -> Fields | None:
        value = self._rest.get(name)
        return self.sub(name) if isinstance(value, dict) and value else None


def objects(f: Fields, name: str) -> list[Fields]:
    """The objects in an array, each to be read as its holder is read."""
    read = type(f)
    return [read(value, path) for value, path in f.items(name) if read is Fields or isinstance(value, dict)]


def spelled(extra: Extra, *names: str) -> bool:
    """Whether one of the fields waits among the leftovers in the words of the origin."""
    return any(QUIET + name in extra for name in names)


def without(extra: Extra, *names: str) -> Extra:
    """The leftovers without some of the marks that only the encoder reads."""
    return {name: value for name, value in extra.items() if name[:1] != QUIET or name[1:] not in names}


def hush(f: Fields, *names: str) -> None:
    """Leaves fields for the trip home that no other dialect misses; nulls are left as they are."""
    for name in names:
        if f.peek(name) is not None:
            f.quiet(name, f.any(name))


# -- content: decode -------------------------------------------------------------


def decode_contents(f: Fields, name: str, default: str) -> tuple[AnyPart, ...]:
    """The parts of `content` or `output`: of a string, an array of parts, or nothing. A string leaves its mark."""
    content = f.peek(name)
    if isinstance(content, str):
        f.any(name)
        f.quiet(name, None)
        return (Text(text=content),) if content else ()
    if content is not None and not isinstance(content, list) and type(f) is Fields:
        raise invalid(f.at(name), f"expected a string or an array of parts, got {name_of(content)}")
    return tuple(decode_content(part, default) for part in objects(f, name)) if isinstance(content, list) else ()


def decode_content(f: Fields, default: str) -> AnyPart:
    """One content part; `default` is the type its text has where it stands: input_text or output_text."""
    kind = f.need("type", str)
    match kind:
        case "input_text" | "output_text" | "text" | "summary_text":
            text = f.need("text", str)
            if kind != default:
                f.quiet("type", kind)
            citations, logprobs = decode_citations(f), decode_tokens(f.peek("logprobs"))
            if logprobs:
                hush(f, "logprobs")
            return Text(text=text, citations=citations, logprobs=logprobs, extra=f.rest)
        case "refusal":
            return Refusal(text=f.need("refusal", str), extra=f.rest)
        case "input_image":
            return decode_image(f)
        case "input_file":
            return decode_file(f)
        case "input_audio":
            audio = f.sub("input_audio")
            data, format = audio.need("data", str), audio.need("format", str)
            audio.quiet("format", format)
            media_type = AUDIO_TYPES.get(format, f"audio/{format}")
            return Media(media_type=media_type, source=Base64(data), extra=f.rest)
        case _:
            return Opaque(kind=kind, raw={"type": kind, **f.rest})


def decode_image(f: Fields) -> Media:
    if f.keep("detail", str) == "auto":
        hush(f, "detail")
    url = f.take("image_url", str)
    if url is None:
        id = f.take("file_id", str)
        if id is None and type(f) is Fields:
            raise invalid(f.path, "needs image_url or file_id")
        return Media(media_type="image/*", source=FileId(ISSUER, id or ""), extra=f.rest)
    f.keep("file_id", str)
    media_type, source = from_url(url, "image/*")
    return Media(media_type=media_type, source=source, extra=f.rest)


def decode_file(f: Fields) -> Media:
    name = f.take("filename", str)
    f.quiet("type", "input_file")
    kind = EXTENSIONS.get((name or "").rpartition(".")[2].lower(), "application/pdf")
    f.keep("file_url", str)
    if (data := f.take("file_data", str)) is not None:
        f.keep("file_id", str)
        media_type, source = from_url(data, kind)
        if isinstance(source, Url):
            source = Base64(data)  # without the head of a data URL
            f.quiet("file_data", data)
        return Media(media_type=media_type, source=source, name=name, extra=f.rest)
    if (id := f.take("file_id", str)) is not None:
        return Media(media_type="application/*", source=FileId(ISSUER, id), name=name, extra=f.rest)
    url = f.take("file_url", str)
    if url is None and type(f) is Fields:
        raise invalid(f.path, "needs file_data, file_url or file_id")
    media_type, source = from_url(url or "", kind)
    return Media(media_type=media_type, source=source, name=name, extra=f.rest)


def decode_citations(f: Fields) -> tuple[Citation, ...]:
    return tuple(decode_citation(note) for note in objects(f, "annotations"))


def decode_citation(f: Fields) -> Citation:
    """Of a URL, or of a file, which has an id and no address."""
    kind = f.take("type", str)
    if kind is None:
        f.quiet("type", None)
    elif kind != "url_citation":
        f.rest["type"] = kind
    return Citation(
        url=f.take("url", str),
        title=f.take("title", str),
        start=f.take("start_index", int),
        end=f.take("end_index", int),
        extra=f.rest,
    )


# -- content: encode -------------------------------------------------------------


def encode_content(part: AnyPart, default: str, ctx: Context, path: str) -> Wire | None:
    """A content part of a message or of a tool's result; None where it cannot be said here."""
    own = part.extra if ctx.at_home else {}
    match part:
        case Text(text=text):
            if not text and not ctx.at_home and not any(citation.url for citation in part.citations):
                return None  # servers refuse an empty text (case 47)
            wire: Wire = {"type": own.get(QUIET + "type") or default, "text": text}
            if default == "output_text":
                wire["annotations"] = None if ctx.at_home and not part.citations else encode_citations(part, ctx, path)
                if part.logprobs and not spelled(own, "logprobs"):
                    wire["logprobs"] = encode_tokens(part.logprobs)
                wire = clean(wire)
            elif ctx.at_home and part.citations:
                wire["annotations"] = encode_citations(part, ctx, path)
            elif part.citations:
                ctx.lose(f"{path}.citations", "a question has no citations here")
        case Refusal(text=text) if default == "output_text" or ctx.at_home:
            wire = {"type": "refusal", "refusal": text}
        case Refusal(text=text):
            wire = {"type": default, "text": text}
        case Media():
            wire = encode_media(part, ctx, path)
        case Opaque(raw=raw) if ctx.at_home and isinstance(raw, dict):
            return dict(raw)
        case Opaque(kind=kind):
            raise invalid(path, f"a part of type {kind!r:.60} has no equal in this provider's dialect")
        case _:
            ctx.lose(path, f"a {type(part).__name__.lower()} has no form here")
            return None
    lose_marks(part, ctx, path)
    return ctx.carry(wire, without(part.extra, "type"), path)


def lose_marks(part: AnyPart, ctx: Context, path: str) -> None:
    if part.signature is not None:
        ctx.lose(f"{path}.signature", f"only {part.signature.issuer} can read it")
    if part.cache is not None:
        ctx.lose(f"{path}.cache", "this provider caches by itself")


def encode_citations(part: Text, ctx: Context, path: str) -> list[Wire]:
    wires = [encode_citation(citation, len(part.text), ctx, path) for citation in part.citations]
    if None in wires:
        ctx.lose(f"{path}.citations", "a citation without a URL has no form here")
    return [wire for wire in wires if wire is not None]


def encode_citation(citation: Citation, length: int, ctx: Context, path: str) -> Wire | None:
    """A citation in a text of that length, which is at that path."""
    if ctx.at_home:
        wire: Wire = {
            "type": None if spelled(citation.extra, "type") else citation.extra.get("type") or "url_citation",
            "url": citation.url,
            "title": citation.title,
            "start_index": citation.start,
            "end_index": citation.end,
        }
        return ctx.carry(clean(wire), citation.extra, "citation")
    leave_citations([citation], ctx, path, quoted=False)
    if not citation.url:
        return None
    end = citation.end if citation.end is not None else length
    return {
        "type": "url_citation",
        "url": citation.url,
        "title": citation.title or "",
        "start_index": citation.start or 0,
        "end_index": end,
    }


def encode_media(part: Media, ctx: Context, path: str) -> Wire:
    kind, source = part.media_type, part.source
    filed = ctx.at_home and spelled(part.extra, "type")
    image = kind.startswith("image/") and not filed
    match source:
        case FileId(issuer, id) if issuer == ISSUER:
            if image:
                return {"type": "input_image", "file_id": id}
            return {"type": "input_file"} | clean({"file_id": id, "filename": part.name})
        case FileId(issuer):
            raise invalid(path, f"a file in the store of {issuer} cannot be read by this provider")
        case Base64(data) if kind.startswith("audio/") and not filed:
            return encode_sound(part, data, ctx)
        case Base64(data):
            url = data_url(kind, data)
        case Url(url):
            pass
    if image:
        if part.name is not None:
            ctx.lose(f"{path}.name", "images have no names here")
        return {"type": "input_image", "image_url": url}
    if kind.startswith(("video/", "audio/")) and not ctx.at_home:
        raise invalid(path, f"{kind} is not taken by this provider")
    wire: Wire = {"type": "input_file", "filename": part.name}
    if isinstance(source, Url):
        return clean(wire | {"file_url": url})  # without a name: OpenAI takes the one in the URL
    if ctx.at_home:
        return clean(wire | {"file_data": None if spelled(part.extra, "file_data") else url})
    return wire | {"filename": part.name or file_name(kind), "file_data": url}


def file_name(media_type: str) -> str:
    """A name for a file that has none: OpenAI tells its kind by the ending."""
    return "file." + next((ending for ending, known in EXTENSIONS.items() if known == media_type), "pdf")


SOUNDS = {media_type: name for name, media_type in AUDIO_TYPES.items()}


def encode_sound(part: Media, data: str, ctx: Context) -> Wire:
    """OpenAI takes WAV and MP3 only, so bare samples get a header."""
    if ctx.at_home:
        return {"type": "input_audio", "input_audio": {"data": data}}
    if is_pcm(part.media_type):
        data, format = to_wav(data, part.media_type), "wav"
    else:
        plain = part.media_type.partition(";")[0]
        format = {"audio/x-wav": "wav", "audio/mp3": "mp3"}.get(plain) or SOUNDS.get(plain) or plain.partition("/")[2]
    return {"type": "input_audio", "input_audio": {"data": data, "format": format}}


def to_wav(data: str, media_type: str) -> str:
    try:
        raw = base64.b64decode(data)
    except (binascii.Error, ValueError):
        return data
    return base64.b64encode(pcm_to_wav(raw, rate_of(media_type))).decode()


# -- seals of reasoning ---------------------------------------------------------------

SEAL = "dragoman:"
"""How `encrypted_content` begins where another than OpenAI signed: then its issuer, marks, ":" and the signature.

The slot is the dialect's own and opaque to every client; so the signature comes back to us with its issuer's name.
"""
REDACTED, TEXT, OF = "/redacted", "/text", "/of="
"""The marks: a thought withheld; one told in full, though this dialect shows a summary; the call it is of (case 78)."""
UNSIGNED = SEAL + "unsigned"
"""On thoughts that nobody signed: OpenAI has never seen them, and would look for them by their id."""


class Seal(NamedTuple):
    signature: Signature | None = None
    redacted: bool = False  # it is all there is of a thought
    summary: bool = True  # the text beside it is one


def decode_seal(value: str | None) -> Seal:
    if not value or value == UNSIGNED:
        return Seal(summary=value is None)
    if value.startswith(SEAL):
        head, colon, signature = value[len(SEAL) :].partition(":")
        head, _, ref = head.partition(OF)
        issuer, *marks = head.split("/")
        if colon and issuer and signature:
            signed = Signature(issuer, signature, unquote(ref) or None)
            return Seal(signed, REDACTED[1:] in marks, TEXT[1:] not in marks)
    return Seal(Signature(ISSUER, value))


def encode_seal(part: Reasoning) -> str | None:
    signature = part.signature
    if signature is None or signature.issuer == ISSUER:
        return signature.value if signature else None
    marks = REDACTED if part.redacted else "" if part.summary or not part.text else TEXT
    ref = OF + quote(signature.ref, safe="") if signature.ref else ""
    return f"{SEAL}{signature.issuer}{marks}{ref}:{signature.value}"
