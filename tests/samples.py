"""Small interlingua values that between them hold every kind of node: what laws are tried on. They know no dialect."""

from __future__ import annotations

import base64
from typing import Any

from dragoman.core.ir import (
    AnyPart,
    Base64,
    Cache,
    Citation,
    FileId,
    Format,
    Media,
    Message,
    Opaque,
    Picture,
    Reasoning,
    Refusal,
    Request,
    Response,
    Run,
    Sampling,
    Signature,
    Source,
    Speech,
    Stop,
    Terms,
    Text,
    Thinking,
    Token,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Url,
    Usage,
    Voice,
)

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 16).decode()
WAV = base64.b64encode(b"RIFF\0\0\0\0WAVEfmt " + b"\0" * 16).decode()
PDF = base64.b64encode(b"%PDF-1.4 nothing in it ").decode()
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = Tool(name="get_weather", description="Weather of a city.", parameters=SCHEMA)
ASKED = Message(role="user", parts=(Text(text="How is Rome?"),))
CALL = ToolCall(id="call_1", name="get_weather", arguments='{"city":"Rome"}')
RESULT = ToolResult(call_id="call_1", content=(Text(text="Sunny."),))


def said(*parts: AnyPart, role: Any = "user", **more: Any) -> Request:
    """A chat whose second turn holds the parts; it ends with a user's."""
    middle = (Message(role=role, parts=parts),)
    end = (Message(role="user", parts=(Text(text="Go on."),)),) if role != "user" else ()
    return Request(origin="", model="m", messages=(ASKED, *middle, *end), **more)


def called(call: ToolCall = CALL, result: ToolResult = RESULT, *before: AnyPart) -> Request:
    turns = (
        Message(role="assistant", parts=(*before, call)),
        Message(role="user", parts=(result,)),
    )
    return Request(origin="", model="m", messages=(ASKED, *turns), tools=(WEATHER,))


def media(kind: str, source: Any, **more: Any) -> Media:
    return Media(media_type=kind, source=source, **more)


SEARCHED = Run("web_search", queries=("weather",), sources=(Source("https://example.test/a", "A"),))
REQUESTS: dict[str, Request] = {
    "plain": Request(
        origin="",
        model="m",
        messages=(Message(role="system", parts=(Text(text="Be brief."),)), ASKED),
        sampling=Sampling(max_tokens=100, stop=("END",)),
    ),
    "late system": Request(
        origin="", model="m", messages=(ASKED, Message(role="system", parts=(Text(text="Be kind."),)), ASKED)
    ),
    "cached": Request(
        origin="",
        model="m",
        messages=(
            Message(role="system", parts=(Text(text="Be brief.", cache=Cache("1h")),)),
            Message(role="user", parts=(Text(text="How is Rome?", cache=Cache()),)),
        ),
        tools=(Tool(name="get_weather", parameters=SCHEMA, cache=Cache("5m")),),
    ),
    "image": said(media("image/png", Base64(PNG)), Text(text="What is it?")),
    "image by url": said(media("image/png", Url("https://example.test/a.png"))),
    "image by id": said(media("image/png", FileId("openai", "file-1"))),
    "anthropic's file": said(media("application/pdf", FileId("anthropic", "file_1"))),
    "google's file": said(media("image/png", FileId("google", "files/1"))),
    "document": said(media("application/pdf", Base64(PDF), name="report.pdf")),
    "document by url": said(media("application/pdf", Url("https://example.test/a.pdf"), name="a.pdf")),
    "sound": said(media("audio/wav", Base64(WAV))),
    "film": said(media("video/mp4", Base64(WAV))),
    "drawn": said(Text(text="Here."), media("image/png", Base64(PNG)), role="assistant"),
    "thought": said(
        Reasoning(text="Hm.", signature=Signature("anthropic", "c2lnbmVkIQ==")), Text(text="Fine."),
        role="assistant", thinking=Thinking(budget=2000, visible=True), sampling=Sampling(max_tokens=9000),
    ),
    "openai's thought": said(
        Reasoning(text="Hm.", summary=True, signature=Signature("openai", "gAAAAAB")), Text(text="Fine."),
        role="assistant", thinking=Thinking(effort="low"),
    ),
    "google's signature": said(Text(text="Fine.", signature=Signature("google", "c2lnbmVkIQ==")), role="assistant"),
    "withheld thought": called(
        CALL, RESULT, Reasoning(redacted=True, signature=Signature("anthropic", "c2lnbmVkIQ=="))
    ),
    "refusal": said(Refusal(text="I cannot."), role="assistant"),
    "cited": said(
        Text(text="Rome is old.", citations=(
            Citation(cited_text="old", url="https://example.test/rome", title="Rome", start=0, end=12),
        )),
        role="assistant",
    ),
    "probable": said(
        Text(text="Rome", logprobs=(Token("Rome", -0.5, bytes=(82,), top=(Token("Paris", -1.5),), id=3),)),
        role="assistant",
    ),
    "called": called(),
    "signed call": called(ToolCall(id="call_1", name="get_weather", arguments="{}", signature=Signature("google", "c2ln"))),
    "picture of a result": called(
        CALL, ToolResult(call_id="call_1", content=(Text(text="See."), media("image/png", Base64(PNG))))
    ),
    "odd result": called(CALL, ToolResult(call_id="call_1", content=(Opaque(kind="odd", raw={"type": "odd"}),))),
    "server's call": said(
        ToolCall(id="srvtoolu_1", name="web_search", arguments="{}", server=True),
        ToolResult(call_id="srvtoolu_1", content=(Text(text="Found."),), server=True),
        Text(text="Fine."),
        role="assistant",
    ),
    "opaque": said(Opaque(kind="odd", raw={"type": "odd"}), Text(text="Well?")),
    "searched": said(
        Opaque(kind="web_search_call", raw={"type": "web_search_call", "action": {"query": "weather"}}, run=SEARCHED),
        Text(text="Fine."),
        role="assistant",
    ),
    "named": Request(origin="", model="m", messages=(Message(role="user", parts=(Text(text="Hi."),), name="ann"),)),
    "choice": Request(
        origin="", model="m", messages=(ASKED,), tools=(WEATHER, Tool(name="get_time")),
        tool_choice=ToolChoice(mode="auto", allowed=("get_weather", "get_time"), parallel=True),
    ),
    "one choice": Request(
        origin="", model="m", messages=(ASKED,), tools=(WEATHER,), tool_choice=ToolChoice(mode="tool", name="get_weather")
    ),
    "strict": Request(
        origin="", model="m", messages=(ASKED,), tools=(Tool(name="get_weather", parameters=SCHEMA, strict=True),)
    ),
    "search": Request(
        origin="", model="m", messages=(ASKED,), tools=(WEATHER, Tool(name="web_search", server="web_search_20250305"))
    ),
    "format": Request(
        origin="", model="m", messages=(ASKED,), format=Format(schema=SCHEMA, name="city", description="A city.", strict=True)
    ),
    "json": Request(origin="", model="m", messages=(ASKED,), format=Format()),
    "thinking": Request(
        origin="", model="m", messages=(ASKED,), thinking=Thinking(effort="high", visible=True),
        sampling=Sampling(max_tokens=32000),
    ),
    "spoken": Request(
        origin="", model="m", messages=(ASKED,), modalities=("text", "audio"),
        speech=Speech(voices=(Voice("Kore"),), format="wav", language="it-IT"),
    ),
    "two speakers": Request(
        origin="", model="m", messages=(ASKED,), modalities=("audio",),
        speech=Speech(voices=(Voice("Kore", "Ann"), Voice("Puck", "Bob"))),
    ),
    "pictured": Request(
        origin="", model="m", messages=(ASKED,), modalities=("text", "image"), picture=Picture(size="1024x1024", aspect="1:1")
    ),
    "sampling": Request(
        origin="", model="m", messages=(ASKED,),
        sampling=Sampling(
            max_tokens=100, temperature=0.5, top_p=0.5, top_k=20, stop=("END",), seed=1, presence_penalty=0.5,
            frequency_penalty=0.5,
        ),
        user="ann", stream=True, stream_usage=True,
    ),
    "terms": Request(
        origin="", model="m", messages=(ASKED,), logprobs=2, choices=1,
        terms=Terms(
            service_tier="flex", prompt_cache_key="k", prompt_cache_retention="24h", safety_identifier="s",
            metadata={"a": "b"}, store=False, verbosity="low",
        ),
    ),
}  # fmt: skip


def answered(*parts: AnyPart, **more: Any) -> Response:
    return Response(origin="", id="answer-1", model="m", parts=parts, usage=Usage(input=10, output=5), **more)


RESPONSES: dict[str, Response] = {
    "text": answered(Text(text="Rome is old.")),
    "cited": answered(
        Text(text="Rome is old.", citations=(
            Citation(cited_text="old", url="https://example.test/rome", title="Rome", start=0, end=12),
        )),
    ),
    "cited document": answered(Text(text="Rome is old.", citations=(Citation(cited_text="old", title="Rome"),))),
    "probable": answered(
        Text(text="Rome", logprobs=(Token("Rome", -0.5, bytes=(82,), top=(Token("Paris", -1.5),), id=3),))
    ),
    "signed": answered(Text(text="Rome.", signature=Signature("google", "c2lnbmVkIQ=="))),
    "thought": answered(Reasoning(text="Hm.", signature=Signature("anthropic", "c2lnbmVkIQ==")), Text(text="Fine.")),
    "summed up": answered(Reasoning(text="Hm.", summary=True, signature=Signature("openai", "gAAAAAB")), Text(text="Fine.")),
    "withheld": answered(Reasoning(redacted=True, signature=Signature("anthropic", "c2lnbmVkIQ==")), Text(text="Fine.")),
    "refusal": answered(Refusal(text="I cannot."), stop=Stop("content_filter", "safety")),
    "called": answered(Text(text="I look."), CALL, stop=Stop("tool_calls")),
    "signed call": answered(
        ToolCall(id="c1", name="f", arguments="{}", signature=Signature("google", "c2lnbmVkIQ==")), stop=Stop("tool_calls")
    ),
    "server's call": answered(
        ToolCall(id="srvtoolu_1", name="web_search", arguments="{}", server=True),
        ToolResult(call_id="srvtoolu_1", content=(Text(text="Found."),), server=True),
        Text(text="Fine."),
    ),
    "drawn": answered(Text(text="Here."), media("image/png", Base64(PNG))),
    "drawn elsewhere": answered(media("image/png", Url("https://example.test/a.png"))),
    "a file": answered(Text(text="Here."), media("image/png", FileId("openai", "file-1"))),
    "spoken": answered(media("audio/wav", Base64(WAV))),
    "opaque": answered(Opaque(kind="odd", raw={"type": "odd"}), Text(text="Well?")),
    "searched": answered(Opaque(kind="odd", raw={"type": "odd"}, run=SEARCHED), Text(text="Well?")),
    "reckoned": answered(
        Opaque(kind="odd", raw={"type": "odd"}, run=Run("code_execution", code="1+1", output="2")), Text(text="Well?")
    ),
    "cut": answered(Text(text="Rome is"), stop=Stop("length", "max_tokens")),
    "stopped": answered(Text(text="Rome is"), stop=Stop("stop", "stop_sequence", "END")),
    "marked": answered(Text(text="Rome", cache=Cache("5m"))),
    "counted": Response(
        origin="", id="answer-1", model="m", parts=(Text(text="Rome."),),
        usage=Usage(
            input=900, output=500, cache_read=100, cache_write=90, cache_write_1h=40, reasoning=70, input_audio=30,
            output_audio=20, input_image=50, output_image=60, extra={"odd": 3},
        ),
    ),
}  # fmt: skip
