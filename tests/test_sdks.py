"""The vendors' own python SDKs against the gateway, each over the sandbox and over every vendor's scripted upstream. It knows
what an SDK raises and returns, and nothing of the gateway's code."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import anthropic
import openai
import pydantic
import pytest
from google import genai
from google.genai import errors as genai_errors
from google.genai import types

from clients import CITY, DATA_URL, is_png
from gateway import ALL, KEY, Gateway
from upstream.model import INPUT, OUTPUT, PNG, REASONING, pcm
from upstream.openai import vector

NATIVE = {None: "gemini-2.5-flash", "openai": "gpt-5", "anthropic": "claude-haiku-4-5", "gemini": "gemini-2.5-flash"}
QUESTION = "What is the weather in Paris?"
ANSWER = f"You said: {QUESTION} I heard it."
PDF = base64.b64encode(b"%PDF-1.4\n%%EOF").decode()


def kind_of(gateway: Gateway) -> str | None:
    return gateway.upstream.dialect if gateway.upstream else None


def model_of(gateway: Gateway) -> str:
    return NATIVE[kind_of(gateway)]


def failing(gateway: Gateway, status: int) -> str:
    """The name of a model that answers with an error."""
    return f"sandbox/error-{status}" if gateway.upstream is None else f"error-{status}"


def drain(stream: Iterable[Any], into: list[Any]) -> None:
    """Reads a stream that may break off; what came before stays in the list."""
    for piece in stream:
        into.append(piece)  # noqa: PERF402 - a list that extends itself keeps nothing of an iterator that raises


class Event(pydantic.BaseModel):
    title: str
    tags: list[str]
    note: str | None


@pytest.fixture(scope="session")
def opened() -> Iterator[Callable[[Any, Callable[[], Any]], Any]]:
    """SDK clients, made once for each gateway: making one costs more than a request."""
    with ExitStack() as stack:
        made: dict[Any, Any] = {}

        def client(name: Any, make: Callable[[], Any]) -> Any:
            if name not in made:
                made[name] = make()
                stack.callback(made[name].close)
            return made[name]

        yield client


# -- openai ----------------------------------------------------------------------------

ASKED = [{"role": "user", "content": QUESTION}]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather",
        "strict": True,
        "parameters": {**CITY, "additionalProperties": False},
    },
}


@pytest.fixture(params=["/v1", "/api/v1"])
def chat(request: pytest.FixtureRequest, gateway: Gateway, opened: Any) -> openai.OpenAI:
    base = gateway.url + request.param
    return opened(("openai", base), lambda: openai.OpenAI(base_url=base, api_key=KEY, max_retries=0))


@pytest.fixture
def ai(gateway: Gateway, opened: Any) -> openai.OpenAI:
    base = gateway.url + "/v1"
    return opened(("openai", base), lambda: openai.OpenAI(base_url=base, api_key=KEY, max_retries=0))


def test_openai_text(chat: openai.OpenAI, gateway: Gateway) -> None:
    messages = [{"role": "developer", "content": "Be brief."}, *ASKED]
    found = chat.chat.completions.create(
        model=model_of(gateway),
        messages=messages,
        max_completion_tokens=64,
        seed=1,
        user="u1",
        metadata={"k": "v"},
        store=False,
    )
    [choice] = found.choices
    assert choice.message.content and choice.finish_reason == "stop"
    assert found.usage.total_tokens == found.usage.prompt_tokens + found.usage.completion_tokens > 0
    assert found.model == model_of(gateway)
    if gateway.upstream:
        assert choice.message.content == ANSWER
        assert (found.usage.prompt_tokens, found.usage.completion_tokens) == (INPUT, OUTPUT)


def test_openai_stream(chat: openai.OpenAI, gateway: Gateway) -> None:
    text, usage, reasons = "", None, []
    for chunk in chat.chat.completions.create(
        model=model_of(gateway), messages=ASKED, stream=True, stream_options={"include_usage": True}
    ):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            reasons += [choice.finish_reason] if choice.finish_reason else []
    assert text and reasons == ["stop"] and usage and usage.total_tokens > 0
    assert not gateway.upstream or text == ANSWER


def test_openai_stream_async(gateway: Gateway) -> None:
    async def run() -> list[str]:
        async with openai.AsyncOpenAI(base_url=gateway.url + "/v1", api_key=KEY, max_retries=0) as client:

            async def one(text: str) -> str:
                stream = await client.chat.completions.create(
                    model=model_of(gateway), messages=[{"role": "user", "content": text}], stream=True
                )
                return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

            return await asyncio.gather(*(one(f"Number {n}") for n in range(20)))

    texts = asyncio.run(run())
    assert all(texts)
    if gateway.upstream:
        assert texts == [f"You said: Number {n} I heard it." for n in range(20)], "streams at one time are mixed up"


def test_openai_tools_there_and_back(chat: openai.OpenAI, gateway: Gateway) -> None:
    first = chat.chat.completions.create(
        model=model_of(gateway), messages=ASKED, tools=[TOOL], tool_choice="auto", parallel_tool_calls=True
    )
    message = first.choices[0].message
    assert first.choices[0].finish_reason == "tool_calls"
    check_calls(message.tool_calls, gateway)
    results = [{"role": "tool", "tool_call_id": call.id, "content": '{"temp": 21}'} for call in message.tool_calls]
    last = chat.chat.completions.create(model=model_of(gateway), messages=[*ASKED, message, *results], tools=[TOOL])
    assert last.choices[0].finish_reason == "stop"
    assert "21" in last.choices[0].message.content


def check_calls(calls: Any, gateway: Gateway) -> None:
    [call] = calls
    assert call.id and call.type == "function" and call.function.name == "get_weather"
    arguments = json.loads(call.function.arguments)
    assert isinstance(arguments["city"], str)
    assert not gateway.upstream or arguments == {"city": "Paris"}


@pytest.mark.parametrize("effort", [None, "low"])
def test_openai_tools_streamed_there_and_back(ai: openai.OpenAI, gateway: Gateway, effort: str | None) -> None:
    """With reasoning too: its signature has no place in this dialect, so the next turn must do without it."""
    more = {"reasoning_effort": effort} if effort else {}
    with ai.chat.completions.stream(model=model_of(gateway), messages=ASKED, tools=[TOOL], **more) as stream:
        for _ in stream:
            pass
        message = stream.get_final_completion().choices[0].message
    check_calls(message.tool_calls, gateway)
    results = [{"role": "tool", "tool_call_id": call.id, "content": "21C"} for call in message.tool_calls]
    said = {
        "role": "assistant",
        "content": message.content,
        "tool_calls": [
            call.model_dump(include={"id": True, "type": True, "function": {"name", "arguments"}})
            for call in message.tool_calls
        ],
    }
    with ai.chat.completions.stream(
        model=model_of(gateway), messages=[*ASKED, said, *results], tools=[TOOL], **more
    ) as stream:
        for _ in stream:
            pass
        last = stream.get_final_completion().choices[0]
    assert last.finish_reason == "stop" and "21C" in last.message.content


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "get_weather"}}])
def test_openai_tools_that_must_be_called(ai: openai.OpenAI, gateway: Gateway, choice: Any) -> None:
    found = ai.chat.completions.create(model=model_of(gateway), messages=ASKED, tools=[TOOL], tool_choice=choice)
    assert found.choices[0].message.tool_calls[0].function.name == "get_weather"
    none = ai.chat.completions.create(model=model_of(gateway), messages=ASKED, tools=[TOOL], tool_choice="none")
    assert not none.choices[0].message.tool_calls and none.choices[0].message.content


def test_openai_structured(ai: openai.OpenAI, gateway: Gateway) -> None:
    found = ai.chat.completions.parse(model=model_of(gateway), messages=ASKED, response_format=Event)
    assert isinstance(found.choices[0].message.parsed, Event)
    with ai.chat.completions.stream(model=model_of(gateway), messages=ASKED, response_format=Event) as stream:
        for _ in stream:
            pass
        assert isinstance(stream.get_final_completion().choices[0].message.parsed, Event)


def test_openai_json(ai: openai.OpenAI, gateway: Gateway) -> None:
    messages = [{"role": "user", "content": "Something as JSON, please"}]
    found = ai.chat.completions.create(
        model=model_of(gateway), messages=messages, response_format={"type": "json_object"}
    )
    assert isinstance(json.loads(found.choices[0].message.content), dict)


def test_openai_image_in(ai: openai.OpenAI, gateway: Gateway) -> None:
    parts = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": DATA_URL, "detail": "low"}},
    ]
    found = ai.chat.completions.create(model=model_of(gateway), messages=[{"role": "user", "content": parts}])
    assert found.choices[0].message.content
    if gateway.upstream:
        assert PNG in gateway.upstream.last.raw.decode()


def test_openai_embeddings(chat: openai.OpenAI, gateway: Gateway) -> None:
    """The SDK asks for base64 by itself."""
    if kind_of(gateway) == "anthropic":
        with pytest.raises(openai.BadRequestError, match="embeddings"):
            chat.embeddings.create(model="text-embedding-3-small", input="a")
        return
    found = chat.embeddings.create(model="text-embedding-3-small", input=["a", "b"], dimensions=5)
    assert [len(entry.embedding) for entry in found.data] == [5, 5]
    plain = chat.embeddings.create(model="text-embedding-3-small", input="a", dimensions=5, encoding_format="float")
    assert plain.data[0].embedding == pytest.approx(found.data[0].embedding, abs=1e-6)
    if gateway.upstream:
        assert found.data[1].embedding == vector("b", 5)


def test_openai_images(chat: openai.OpenAI, gateway: Gateway) -> None:
    if kind_of(gateway) == "anthropic":
        with pytest.raises(openai.BadRequestError, match="images"):
            chat.images.generate(model="gpt-image-1", prompt="a cat")
        return
    found = chat.images.generate(model="gpt-image-1", prompt="a cat", n=2, size="1024x1024")
    assert len(found.data) == 2 and all(is_png(base64.b64decode(image.b64_json)) for image in found.data)


def test_openai_speech(chat: openai.OpenAI, gateway: Gateway) -> None:
    ask = {"model": "gpt-4o-mini-tts", "voice": "alloy", "input": "hi"}
    if kind_of(gateway) == "anthropic":
        with pytest.raises(openai.BadRequestError, match="speech"):
            chat.audio.speech.create(**ask)
        return
    assert chat.audio.speech.create(**ask, response_format="wav").content[:4] == b"RIFF"
    assert len(chat.audio.speech.create(**ask).content) > 100
    with chat.audio.speech.with_streaming_response.create(**ask, response_format="pcm") as answer:
        sound = b"".join(answer.iter_bytes())
    assert sound == pcm("hi") if gateway.upstream else len(sound) > 480


def test_openai_models(chat: openai.OpenAI, gateway: Gateway) -> None:
    names = [model.id for model in chat.models.list()]
    assert names
    for name in names[:3]:
        assert chat.models.retrieve(name).id == name


RAISED = {
    400: openai.BadRequestError,
    404: openai.NotFoundError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
    503: openai.InternalServerError,
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", RAISED)
def test_openai_errors(ai: openai.OpenAI, gateway: Gateway, status: int, stream: bool) -> None:
    with pytest.raises(RAISED[status]) as raised:
        ai.chat.completions.create(model=failing(gateway, status), messages=ASKED, stream=stream)
    assert raised.value.status_code == status
    assert isinstance(raised.value.body, dict) and raised.value.body["message"] in str(raised.value)
    assert raised.value.request_id


def test_openai_a_wrong_key(gateway: Gateway) -> None:
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key="sk-wrong", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError) as raised:
            client.models.list()
        assert raised.value.code == "invalid_api_key"
        with pytest.raises(openai.AuthenticationError):
            client.chat.completions.create(model="gpt-5", messages=ASKED)


def test_openai_a_gateways_wrong_key_is_not_the_clients(ai: openai.OpenAI, gateway: Gateway) -> None:
    if gateway.upstream is None:
        pytest.skip("the sandbox has no key to be refused")
    for status in (401, 403):
        with pytest.raises(openai.InternalServerError):
            ai.chat.completions.create(model=failing(gateway, status), messages=ASKED)


@pytest.mark.parametrize("model", ["midstream-error", "cut", "ends"])
def test_openai_a_broken_stream_raises(ai: openai.OpenAI, gateway: Gateway, model: str) -> None:
    name = model if gateway.upstream else "sandbox/cut"
    chunks = []
    with pytest.raises(openai.APIError):
        drain(ai.chat.completions.create(model=name, messages=ASKED, stream=True), chunks)
    assert [chunk for chunk in chunks if chunk.choices[0].delta.content], "what came before the break was thrown away"


# -- anthropic -----------------------------------------------------------------------------

CLAUDE_TOOL = {
    "name": "get_weather",
    "description": "Weather",
    "input_schema": CITY,
    "cache_control": {"type": "ephemeral"},
}


@pytest.fixture
def claude(gateway: Gateway, opened: Any) -> anthropic.Anthropic:
    return opened(
        ("anthropic", gateway.url), lambda: anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0)
    )


def test_anthropic_text(claude: anthropic.Anthropic, gateway: Gateway) -> None:
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "5m"}}]
    found = claude.messages.create(
        model=model_of(gateway),
        max_tokens=64,
        messages=ASKED,
        system=system,
        stop_sequences=["STOP"],
        metadata={"user_id": "u1"},
    )
    [block] = found.content
    assert block.type == "text" and block.text and found.stop_reason == "end_turn" and found.usage.output_tokens
    assert found.model == model_of(gateway)
    assert not gateway.upstream or block.text == ANSWER


def test_anthropic_with_sampling(claude: anthropic.Anthropic, gateway: Gateway) -> None:
    found = claude.messages.create(
        model="gemini-2.5-flash", max_tokens=64, messages=ASKED, extra_body={"temperature": 0.2, "top_k": 5}
    )
    assert found.content


def test_anthropic_stream(claude: anthropic.Anthropic, gateway: Gateway) -> None:
    with claude.messages.stream(model=model_of(gateway), max_tokens=64, messages=ASKED) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert text and message.stop_reason == "end_turn" and message.usage.output_tokens
    assert not gateway.upstream or text == ANSWER
    kinds = [
        event.type
        for event in claude.messages.create(model=model_of(gateway), max_tokens=64, messages=ASKED, stream=True)
    ]
    assert kinds[0] == "message_start" and kinds[-1] == "message_stop"


def test_anthropic_stream_async(gateway: Gateway) -> None:
    async def run() -> list[str]:
        async with anthropic.AsyncAnthropic(base_url=gateway.url, api_key=KEY, max_retries=0) as client:

            async def one(text: str) -> str:
                async with client.messages.stream(
                    model=model_of(gateway), max_tokens=64, messages=[{"role": "user", "content": text}]
                ) as stream:
                    message = await stream.get_final_message()
                return "".join(block.text for block in message.content if block.type == "text")

            return await asyncio.gather(*(one(f"Number {n}") for n in range(20)))

    texts = asyncio.run(run())
    assert all(texts)
    if gateway.upstream:
        assert texts == [f"You said: Number {n} I heard it." for n in range(20)], "streams at one time are mixed up"


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("thinking", [False, True])
def test_anthropic_tools_there_and_back(
    claude: anthropic.Anthropic, gateway: Gateway, streamed: bool, thinking: bool
) -> None:
    """With thinking, blocks and signatures go back as they came; Anthropic itself looks at them."""
    more: dict[str, Any] = {"thinking": {"type": "enabled", "budget_tokens": 1024}} if thinking else {}

    def said(messages: list[Any]) -> Any:
        ask = {"model": model_of(gateway), "max_tokens": 4096, "tools": [CLAUDE_TOOL], "messages": messages, **more}
        if not streamed:
            return claude.messages.create(**ask)
        with claude.messages.stream(**ask) as stream:
            for _ in stream:
                pass
            return stream.get_final_message()

    first = said(ASKED)
    assert first.stop_reason == "tool_use"
    [call] = [block for block in first.content if block.type == "tool_use"]
    assert call.name == "get_weather" and isinstance(call.input["city"], str)
    if gateway.upstream and thinking:
        assert first.content[0].type == "thinking" and first.content[0].thinking == REASONING
    result = {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": "21C"}]}
    last = said([*ASKED, {"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}])
    assert last.stop_reason == "end_turn"
    assert "21C" in "".join(block.text for block in last.content if block.type == "text")


def test_anthropic_tools_that_must_be_called(claude: anthropic.Anthropic, gateway: Gateway) -> None:
    for choice in ({"type": "any"}, {"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True}):
        found = claude.messages.create(
            model=model_of(gateway), max_tokens=64, messages=ASKED, tools=[CLAUDE_TOOL], tool_choice=choice
        )
        assert found.content[-1].type == "tool_use"
    none = claude.messages.create(
        model=model_of(gateway), max_tokens=64, messages=ASKED, tools=[CLAUDE_TOOL], tool_choice={"type": "none"}
    )
    assert none.content[-1].type == "text"


def test_anthropic_tool_runner(claude: anthropic.Anthropic, gateway: Gateway) -> None:
    """It opens a thread; a gateway that keeps none must say so in the one way that makes the SDK send everything."""
    called = []

    @anthropic.beta_tool
    def get_weather(city: str) -> str:
        """Weather of a city.

        Args:
            city: the city
        """
        called.append(city)
        return "21C"

    runner = claude.beta.messages.tool_runner(
        model=model_of(gateway), max_tokens=256, messages=ASKED, tools=[get_weather]
    )
    message = runner.until_done()
    assert called and "21C" in "".join(block.text for block in message.content if block.type == "text")


def test_anthropic_structured(claude: anthropic.Anthropic, gateway: Gateway) -> None:
    found = claude.messages.parse(model=model_of(gateway), max_tokens=64, messages=ASKED, output_format=Event)
    assert isinstance(found.parsed_output, Event)


def test_anthropic_image_and_document_in(claude: anthropic.Anthropic, gateway: Gateway) -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    document = {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
        "title": "t.pdf",
    }
    content = [image, document, {"type": "text", "text": "What?"}]
    found = claude.messages.create(
        model=model_of(gateway), max_tokens=64, messages=[{"role": "user", "content": content}]
    )
    assert found.content
    if gateway.upstream:
        sent = gateway.upstream.last.raw.decode()
        assert PNG in sent and PDF in sent


def test_anthropic_image_in_a_result(claude: anthropic.Anthropic, gateway: Gateway) -> None:
    """cases.md 59: what a tool shows must reach the model."""
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    call = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "ok"}, image]}
    messages = [*ASKED, {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    found = claude.messages.create(model=model_of(gateway), max_tokens=64, messages=messages, tools=[CLAUDE_TOOL])
    assert found.content
    if gateway.upstream:
        assert PNG in gateway.upstream.last.raw.decode()


def test_anthropic_count_tokens(claude: anthropic.Anthropic, gateway: Gateway) -> None:
    assert (
        claude.messages.count_tokens(
            model=model_of(gateway), messages=ASKED, tools=[CLAUDE_TOOL], system="x"
        ).input_tokens
        > 0
    )


def test_anthropic_models(claude: anthropic.Anthropic, gateway: Gateway) -> None:
    names = [model.id for model in claude.models.list(limit=1000)]
    assert names
    assert claude.models.retrieve(names[0]).id == names[0]
    first = claude.models.list(limit=2)
    assert len(first.data) <= 2 or not first.has_more


def test_anthropic_auth_token(gateway: Gateway) -> None:
    with anthropic.Anthropic(base_url=gateway.url, auth_token=KEY, api_key=None, max_retries=0) as client:
        assert client.messages.create(model=model_of(gateway), max_tokens=16, messages=ASKED).content


CLAUDE_RAISED = {
    400: anthropic.BadRequestError,
    404: anthropic.NotFoundError,
    429: anthropic.RateLimitError,
    500: anthropic.InternalServerError,
    503: anthropic.InternalServerError,
    529: anthropic.InternalServerError,
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", CLAUDE_RAISED)
def test_anthropic_errors(claude: anthropic.Anthropic, gateway: Gateway, status: int, stream: bool) -> None:
    with pytest.raises(CLAUDE_RAISED[status]) as raised:
        claude.messages.create(model=failing(gateway, status), max_tokens=64, messages=ASKED, stream=stream)
    assert raised.value.status_code in {status, 529} if status == 503 else raised.value.status_code == status
    assert raised.value.body["type"] == "error"


def test_anthropic_a_wrong_key(gateway: Gateway) -> None:
    with anthropic.Anthropic(base_url=gateway.url, api_key="sk-wrong", max_retries=0) as client:
        with pytest.raises(anthropic.AuthenticationError):
            client.messages.create(model="claude-haiku-4-5", max_tokens=64, messages=ASKED)
        with pytest.raises(anthropic.AuthenticationError):
            client.models.list()


@pytest.mark.parametrize("model", ["midstream-error", "cut", "ends"])
def test_anthropic_a_broken_stream_raises(claude: anthropic.Anthropic, gateway: Gateway, model: str) -> None:
    name = model if gateway.upstream else "sandbox/cut"
    with claude.messages.stream(model=name, max_tokens=64, messages=ASKED) as stream:
        pieces: list[str] = []
        with pytest.raises(anthropic.APIStatusError):
            drain(stream.text_stream, pieces)
    assert "".join(pieces), "what came before the break was thrown away"


# -- google-genai -----------------------------------------------------------------------------


@pytest.fixture(params=[None, "v1beta"])
def google(request: pytest.FixtureRequest, gateway: Gateway, opened: Any) -> genai.Client:
    options = types.HttpOptions(base_url=gateway.url, **({"api_version": request.param} if request.param else {}))
    return opened(("genai", gateway.url, request.param), lambda: genai.Client(api_key=KEY, http_options=options))


@pytest.fixture
def gemini(gateway: Gateway, opened: Any) -> genai.Client:
    options = types.HttpOptions(base_url=gateway.url)
    return opened(("genai", gateway.url, None), lambda: genai.Client(api_key=KEY, http_options=options))


def config(**fields: Any) -> types.GenerateContentConfig:
    return types.GenerateContentConfig(**fields)


def test_genai_text(google: genai.Client, gateway: Gateway) -> None:
    safety = [types.SafetySetting(category="HARM_CATEGORY_HARASSMENT", threshold="BLOCK_NONE")]
    wishes = config(
        system_instruction="Be brief.", max_output_tokens=64, stop_sequences=["STOP"], safety_settings=safety
    )
    found = google.models.generate_content(model=model_of(gateway), contents=QUESTION, config=wishes)
    assert found.text and found.usage_metadata.total_token_count
    assert found.candidates[0].finish_reason == types.FinishReason.STOP
    assert found.model_version == model_of(gateway)
    assert not gateway.upstream or found.text == ANSWER


def test_genai_with_sampling(gemini: genai.Client, gateway: Gateway) -> None:
    assert gemini.models.generate_content(
        model="gemini-2.5-flash", contents=QUESTION, config=config(temperature=0.1, top_k=5, seed=1)
    ).text


def test_genai_stream(google: genai.Client, gateway: Gateway) -> None:
    thinking = types.ThinkingConfig(include_thoughts=True, thinking_budget=1024)
    chunks = list(
        google.models.generate_content_stream(
            model=model_of(gateway), contents=QUESTION, config=config(thinking_config=thinking)
        )
    )
    parts = [part for chunk in chunks for part in chunk.candidates[0].content.parts or ()]
    text = "".join(part.text or "" for part in parts if not part.thought)
    assert text and chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP
    assert chunks[-1].usage_metadata.total_token_count
    if gateway.upstream:
        assert text == ANSWER
        assert "".join(part.text or "" for part in parts if part.thought) == REASONING


@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")  # the SDK's own
def test_genai_stream_async(gateway: Gateway) -> None:
    async def run() -> list[str]:
        client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=gateway.url))
        try:

            async def one(text: str) -> str:
                stream = await client.aio.models.generate_content_stream(model=model_of(gateway), contents=text)
                return "".join([chunk.text or "" async for chunk in stream])

            return await asyncio.gather(*(one(f"Number {n}") for n in range(20)))
        finally:
            await client.aio.aclose()
            client.close()

    texts = asyncio.run(run())
    assert all(texts)
    if gateway.upstream:
        assert texts == [f"You said: Number {n} I heard it." for n in range(20)], "streams at one time are mixed up"


def test_genai_functions_called_by_the_sdk(google: genai.Client, gateway: Gateway) -> None:
    """Its second turn leaves the call's id out of the result."""
    called = []

    def get_weather(city: str) -> str:
        """Weather of a city."""
        called.append(city)
        return "21C in " + city

    found = google.chats.create(model=model_of(gateway), config=config(tools=[get_weather])).send_message(QUESTION)
    assert called and "21C" in found.text


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("thinking", [False, True])
def test_genai_tools_there_and_back(gemini: genai.Client, gateway: Gateway, streamed: bool, thinking: bool) -> None:
    """With thinking, parts go back with their signatures as they came; Google itself looks at them."""
    declared = types.FunctionDeclaration(
        name="get_weather", description="w", parameters_json_schema={**CITY, "additionalProperties": False}
    )
    calling = types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode="AUTO"))
    more = {"thinking_config": types.ThinkingConfig(include_thoughts=True, thinking_budget=1024)} if thinking else {}
    wishes = config(tools=[types.Tool(function_declarations=[declared])], tool_config=calling, **more)

    def said(contents: list[types.Content]) -> list[types.Part]:
        ask = {"model": model_of(gateway), "contents": contents, "config": wishes}
        if not streamed:
            return gemini.models.generate_content(**ask).candidates[0].content.parts
        chunks = gemini.models.generate_content_stream(**ask)
        return [part for chunk in chunks for part in chunk.candidates[0].content.parts or ()]

    question = types.Content(role="user", parts=[types.Part(text=QUESTION)])
    parts = said([question])
    [call] = [part.function_call for part in parts if part.function_call]
    assert call.name == "get_weather" and isinstance(call.args["city"], str)
    if gateway.upstream and gateway.upstream.dialect == "gemini" and thinking:
        assert [part.thought_signature for part in parts if part.thought_signature]
    result = types.FunctionResponse(id=call.id, name=call.name, response={"output": "21C"})
    last = said(
        [
            question,
            types.Content(role="model", parts=parts),
            types.Content(role="user", parts=[types.Part(function_response=result)]),
        ]
    )
    assert "21C" in "".join(part.text or "" for part in last if not part.thought)


def test_genai_structured(google: genai.Client, gateway: Gateway) -> None:
    by_type = config(response_mime_type="application/json", response_schema=Event)
    found = google.models.generate_content(model=model_of(gateway), contents="an event", config=by_type)
    assert isinstance(found.parsed, Event), found.text
    by_schema = config(response_mime_type="application/json", response_json_schema=Event.model_json_schema())
    assert Event.model_validate_json(
        google.models.generate_content(model=model_of(gateway), contents="an event", config=by_schema).text
    )


def test_genai_image_in(gemini: genai.Client, gateway: Gateway) -> None:
    image = types.Part.from_bytes(data=base64.b64decode(PNG), mime_type="image/png")
    assert gemini.models.generate_content(model=model_of(gateway), contents=[image, "What?"]).text
    if gateway.upstream:
        assert PNG in gateway.upstream.last.raw.decode()


def test_genai_image_out(google: genai.Client, gateway: Gateway) -> None:
    ask = {
        "model": "gemini-2.5-flash-image",
        "contents": "draw",
        "config": config(response_modalities=["TEXT", "IMAGE"]),
    }
    if kind_of(gateway) == "anthropic":
        assert google.models.generate_content(**ask).text, "text was asked for too, and that it has"
        return
    parts = google.models.generate_content(**ask).candidates[0].content.parts
    [image] = [part.inline_data for part in parts if part.inline_data]
    assert is_png(image.data) and image.mime_type == "image/png"


def test_genai_speech(google: genai.Client, gateway: Gateway) -> None:
    voice = types.VoiceConfig(prebuilt_voice_config=types.PrebuiltVoiceConfig(voice_name="Kore"))
    wishes = config(response_modalities=["AUDIO"], speech_config=types.SpeechConfig(voice_config=voice))
    ask = {"model": "gemini-2.5-flash-preview-tts", "contents": "hi", "config": wishes}
    if kind_of(gateway) == "anthropic":
        with pytest.raises(genai_errors.ClientError, match=r"audio|speech"):
            google.models.generate_content(**ask)
        return
    blob = google.models.generate_content(**ask).candidates[0].content.parts[0].inline_data
    assert blob.mime_type == "audio/L16;codec=pcm;rate=24000"
    assert blob.data == pcm("hi") if gateway.upstream else len(blob.data) > 480


def test_genai_count_tokens(google: genai.Client, gateway: Gateway) -> None:
    assert google.models.count_tokens(model=model_of(gateway), contents=QUESTION).total_tokens


def test_genai_embeddings(google: genai.Client, gateway: Gateway) -> None:
    texts = [types.Content(parts=[types.Part(text=text)]) for text in "ab"]
    ask = {
        "model": "gemini-embedding-001",
        "contents": texts,
        "config": types.EmbedContentConfig(output_dimensionality=5),
    }
    if kind_of(gateway) == "anthropic":
        with pytest.raises(genai_errors.ClientError, match="embeddings"):
            google.models.embed_content(**ask)
        return
    found = google.models.embed_content(**ask)
    assert [len(embedding.values) for embedding in found.embeddings] == [5, 5]
    assert not gateway.upstream or found.embeddings[1].values == vector("b", 5)


def test_genai_models(google: genai.Client, gateway: Gateway) -> None:
    names = [model.name for model in google.models.list()]
    assert names and all(name.startswith("models/") for name in names)
    assert google.models.get(model=names[0]).name == names[0]


def test_genai_as_vertex(gateway: Gateway) -> None:
    """The same SDK in its other mode asks under another path."""
    client = genai.Client(enterprise=True, api_key=KEY, http_options=types.HttpOptions(base_url=gateway.url))
    try:
        assert client.models.generate_content(model=model_of(gateway), contents="Hello").text
    finally:
        client.close()


GOOGLE_RAISED = {
    400: genai_errors.ClientError,
    404: genai_errors.ClientError,
    429: genai_errors.ClientError,
    500: genai_errors.ServerError,
    503: genai_errors.ServerError,
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", GOOGLE_RAISED)
def test_genai_errors(google: genai.Client, gateway: Gateway, status: int, stream: bool) -> None:
    ask = google.models.generate_content_stream if stream else google.models.generate_content
    with pytest.raises(GOOGLE_RAISED[status]) as raised:
        list(ask(model=failing(gateway, status), contents="Hello"))
    assert raised.value.code == status
    assert raised.value.status and raised.value.message


def test_genai_a_wrong_key(gateway: Gateway) -> None:
    client = genai.Client(api_key="sk-wrong", http_options=types.HttpOptions(base_url=gateway.url))
    try:
        with pytest.raises(genai_errors.ClientError) as raised:
            client.models.generate_content(model="gemini-2.5-flash", contents="Hello")
        assert (raised.value.code, raised.value.status) == (401, "UNAUTHENTICATED")
    finally:
        client.close()


@pytest.mark.parametrize("model", ["midstream-error", "cut", "ends"])
def test_genai_a_broken_stream_raises(gemini: genai.Client, gateway: Gateway, model: str) -> None:
    name = model if gateway.upstream else "sandbox/cut"
    chunks: list[types.GenerateContentResponse] = []
    with pytest.raises(genai_errors.APIError):
        drain(gemini.models.generate_content_stream(model=name, contents=QUESTION), chunks)
    assert [chunk for chunk in chunks if chunk.text], "what came before the break was thrown away"


def test_all_gateways_are_tried() -> None:
    assert len(ALL) == len(NATIVE) == 4
