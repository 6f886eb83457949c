"""OpenAI's own python SDK in the Responses API, over the sandbox and over every vendor's scripted upstream. It knows what the
SDK raises and returns, and nothing of the gateway's code."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import openai
import pydantic
import pytest
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseReasoningItem

from clients import CITY, DATA_URL
from gateway import KEY, MODEL, OTHER_KEY, Gateway
from upstream.model import INPUT, OUTPUT, PNG, REASONING

GATEWAYS = ("sandbox", "over_openai", "over_responses", "over_anthropic", "over_gemini")
QUESTION = "What is the weather in Paris?"
ANSWER = f"You said: {QUESTION} I heard it."
PARAMETERS = {**CITY, "additionalProperties": False}
TOOL = {"type": "function", "name": "get_weather", "description": "Weather", "strict": True, "parameters": PARAMETERS}


class Event(pydantic.BaseModel):
    title: str
    tags: list[str]
    note: str | None


class Weather(pydantic.BaseModel):
    city: str


@pytest.fixture(params=GATEWAYS)
def gateway(request: pytest.FixtureRequest) -> Gateway:
    found: Gateway = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def opened() -> Iterator[dict[str, openai.OpenAI]]:
    """SDK clients, made once for each gateway: making one costs more than a request."""
    with ExitStack() as stack:
        made: dict[str, openai.OpenAI] = {}
        yield made
        for client in made.values():
            stack.callback(client.close)


@pytest.fixture(params=["/v1", "/api/v1"])
def ai(request: pytest.FixtureRequest, gateway: Gateway, opened: dict[str, openai.OpenAI]) -> openai.OpenAI:
    base = gateway.url + request.param
    return opened.setdefault(base, openai.OpenAI(base_url=base, api_key=KEY, max_retries=0))


def test_create(ai: openai.OpenAI, gateway: Gateway) -> None:
    found = ai.responses.create(model=MODEL, input=QUESTION, instructions="Be brief.", temperature=0.5, user="u1")
    assert found.output_text and found.status == "completed" and found.model == MODEL and found.error is None
    [message] = found.output
    assert isinstance(message, ResponseOutputMessage)
    assert found.usage and found.usage.total_tokens == found.usage.input_tokens + found.usage.output_tokens
    if gateway.upstream is not None:
        assert found.output_text == ANSWER
        assert (found.usage.input_tokens, found.usage.output_tokens) == (INPUT, OUTPUT)


def test_every_event_is_known_to_the_sdk(ai: openai.OpenAI, gateway: Gateway) -> None:
    text, last = "", None
    for event in ai.responses.create(model=MODEL, input=QUESTION, stream=True):
        assert type(event).__module__.startswith("openai.types.responses"), event
        text += event.delta if event.type == "response.output_text.delta" else ""
        last = event
    assert last is not None and last.type == "response.completed"
    assert last.response.output_text == text and text
    assert gateway.upstream is None or text == ANSWER


def test_the_stream_helper(ai: openai.OpenAI, gateway: Gateway) -> None:
    with ai.responses.stream(model=MODEL, input=QUESTION) as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response()
    assert text and final.output_text == text and final.status == "completed"
    assert gateway.upstream is None or text == ANSWER


def test_the_stream_helper_with_a_form(ai: openai.OpenAI) -> None:
    with ai.responses.stream(model=MODEL, input="an event", text_format=Event) as stream:
        snapshots = [event.snapshot for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert isinstance(final.output_parsed, Event)
    assert snapshots[-1] == final.output_text


def test_streams_at_one_time(gateway: Gateway) -> None:
    async def one(client: openai.AsyncOpenAI, text: str) -> str:
        stream = await client.responses.create(model=MODEL, input=text, stream=True)
        return "".join([event.delta async for event in stream if event.type == "response.output_text.delta"])

    async def run() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as client:
            return list(await asyncio.gather(*(one(client, f"Number {n}") for n in range(20))))

    texts = asyncio.run(run())
    assert all(texts)
    if gateway.upstream is not None:
        assert texts == [f"You said: Number {n} I heard it." for n in range(20)], "streams at one time are mixed up"


def test_parse(ai: openai.OpenAI) -> None:
    found = ai.responses.parse(model=MODEL, input="an event", text_format=Event)
    assert isinstance(found.output_parsed, Event), found.output_text


def test_parsed_calls(ai: openai.OpenAI) -> None:
    tool = openai.pydantic_function_tool(Weather)["function"]
    found = ai.responses.parse(model=MODEL, input=QUESTION, tools=[{"type": "function", **tool}])
    [call] = found.output
    assert call.type == "function_call" and isinstance(json.loads(call.arguments)["city"], str)


@pytest.mark.parametrize("thinking", [False, True], ids=["plain", "thinking"])
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_tools_there_and_back(ai: openai.OpenAI, gateway: Gateway, streamed: bool, thinking: bool) -> None:
    """As the SDK's own documents do it: its objects go back in as they came out."""
    more: dict[str, Any] = {"model": "gpt-5", "tools": [TOOL], "store": False}
    if thinking:
        more |= {"reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}

    def said(input: list[Any]) -> Any:
        if not streamed:
            return ai.responses.create(input=input, **more)
        with ai.responses.stream(input=input, **more) as stream:
            return stream.get_final_response()

    input: list[Any] = [{"role": "user", "content": QUESTION}]
    first = said(input)
    [call] = [item for item in first.output if isinstance(item, ResponseFunctionToolCall)]
    assert call.name == "get_weather" and isinstance(json.loads(call.arguments)["city"], str)
    thoughts = [item for item in first.output if isinstance(item, ResponseReasoningItem)]
    if gateway.upstream is not None:
        assert [item.summary[0].text for item in thoughts] == ([REASONING] if thinking else [])
    input += [*first.output, {"type": "function_call_output", "call_id": call.call_id, "output": "21C"}]
    last = said(input)
    assert "21C" in last.output_text


def test_going_on(ai: openai.OpenAI, gateway: Gateway) -> None:
    first = ai.responses.create(model=MODEL, input="I am Ann.")
    second = ai.responses.create(model=MODEL, input="And you?", previous_response_id=first.id)
    third = ai.responses.create(model=MODEL, input="Who am I?", previous_response_id=second.id)
    assert third.previous_response_id == second.id and third.output_text
    if gateway.upstream is None:
        assert "5 messages" in third.output_text
    elif gateway.upstream.last.path != "/v1/responses":
        assert "I am Ann." in gateway.upstream.last.raw.decode()
    assert ai.responses.retrieve(second.id).output_text == second.output_text


def test_going_on_across_a_call(ai: openai.OpenAI) -> None:
    first = ai.responses.create(model=MODEL, input=QUESTION, tools=[TOOL])
    [call] = first.output
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "21C"}
    last = ai.responses.create(model=MODEL, input=[result], tools=[TOOL], previous_response_id=first.id)
    assert "21C" in last.output_text


def test_what_led_to_it(ai: openai.OpenAI) -> None:
    first = ai.responses.create(model=MODEL, input="One")
    second = ai.responses.create(model=MODEL, input="Two", previous_response_id=first.id)
    items = list(ai.responses.input_items.list(second.id))
    texts = [part.text for item in items for part in item.content]
    assert texts == ["Two", first.output_text, "One"]
    assert [item.role for item in items] == ["user", "assistant", "user"]
    assert len({item.id for item in items}) == 3
    in_order = list(ai.responses.input_items.list(second.id, order="asc", limit=1))
    assert [item.id for item in in_order] == [item.id for item in reversed(items)], "page after page"


def test_deleted(ai: openai.OpenAI) -> None:
    found = ai.responses.create(model=MODEL, input="One")
    ai.responses.delete(found.id)
    with pytest.raises(openai.NotFoundError):
        ai.responses.retrieve(found.id)
    with pytest.raises(openai.BadRequestError) as raised:
        ai.responses.create(model=MODEL, input="Two", previous_response_id=found.id)
    assert raised.value.code == "previous_response_not_found" and raised.value.param == "previous_response_id"


def test_another_key(ai: openai.OpenAI, gateway: Gateway) -> None:
    found = ai.responses.create(model=MODEL, input="One")
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key=OTHER_KEY, max_retries=0) as other:
        with pytest.raises(openai.NotFoundError):
            other.responses.retrieve(found.id)
        with pytest.raises(openai.NotFoundError):
            list(other.responses.input_items.list(found.id))
        with pytest.raises(openai.NotFoundError):
            other.responses.delete(found.id)


def test_not_kept(ai: openai.OpenAI) -> None:
    found = ai.responses.create(model=MODEL, input="One", store=False)
    with pytest.raises(openai.NotFoundError):
        ai.responses.retrieve(found.id)


def test_counting(ai: openai.OpenAI) -> None:
    found = ai.responses.input_tokens.count(model=MODEL, input=QUESTION, instructions="Be brief.", tools=[TOOL])
    assert found.object == "response.input_tokens" and found.input_tokens > 0


def test_an_image(ai: openai.OpenAI, gateway: Gateway) -> None:
    content = [
        {"type": "input_text", "text": "What?"},
        {"type": "input_image", "image_url": DATA_URL, "detail": "auto"},
    ]
    assert ai.responses.create(model=MODEL, input=[{"role": "user", "content": content}]).output_text
    if gateway.upstream is not None:
        assert PNG in gateway.upstream.last.raw.decode()


RAISED = {
    400: openai.BadRequestError,
    404: openai.NotFoundError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
    503: openai.InternalServerError,
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", RAISED)
def test_errors(ai: openai.OpenAI, gateway: Gateway, status: int, stream: bool) -> None:
    model = f"error-{status}" if gateway.upstream is not None else f"sandbox/error-{status}"
    with pytest.raises(RAISED[status]) as raised:
        ai.responses.create(model=model, input="Hello", stream=stream)
    assert raised.value.status_code == status and raised.value.type


def test_a_wrong_key(gateway: Gateway) -> None:
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key="sk-wrong", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError):
            client.responses.create(model=MODEL, input="Hello")
        with pytest.raises(openai.AuthenticationError):
            client.responses.retrieve("resp_1")


@pytest.mark.parametrize("model", ["midstream-error", "cut", "ends"])
def test_a_broken_stream_raises(ai: openai.OpenAI, gateway: Gateway, model: str) -> None:
    name = model if gateway.upstream is not None else "sandbox/cut"
    pieces: list[str] = []
    stream = ai.responses.create(model=name, input=QUESTION, stream=True)

    def told() -> Iterator[str]:
        for event in stream:
            pieces.append(event.type)
            yield event.type

    with pytest.raises(openai.APIError) as raised:
        list(told())
    assert raised.value.message and "response.output_text.delta" in pieces, "what came before the break was thrown away"
