"""The vendors' own SDKs as they speak to clouds, pointed at the gateway instead: AnthropicVertex, AzureOpenAI and
google-genai with vertexai=True. Each over the sandbox and over every vendor's scripted upstream."""

from collections.abc import Iterator
from contextlib import closing

import anthropic
import google.auth.credentials
import openai
import pytest
from google import genai
from google.genai import types

from clients import CITY
from gateway import KEY, Gateway
from test_sdks import ANSWER, QUESTION, failing, model_of

ASKED = [{"role": "user", "content": QUESTION}]


def text_of(gateway: Gateway, text: str | None) -> bool:
    return bool(text) if gateway.upstream is None else text == ANSWER


# -- Anthropic ---------------------------------------------------------------------------


@pytest.fixture
def claude(gateway: Gateway) -> Iterator[anthropic.AnthropicVertex]:
    with anthropic.AnthropicVertex(
        base_url=f"{gateway.url}/v1", access_token=KEY, project_id="any", region="global", max_retries=0
    ) as client:
        yield client


def test_anthropic_vertex(gateway: Gateway, claude: anthropic.AnthropicVertex) -> None:
    model = model_of(gateway)
    message = claude.messages.create(model=model, max_tokens=1024, messages=ASKED)  # type: ignore[arg-type]
    assert text_of(gateway, message.content[0].text)
    assert message.model == model
    with claude.messages.stream(model=model, max_tokens=1024, messages=ASKED) as stream:  # type: ignore[arg-type]
        assert text_of(gateway, stream.get_final_text())
    assert claude.messages.count_tokens(model=model, messages=ASKED).input_tokens > 0  # type: ignore[arg-type]


def test_what_only_vertex_reads_goes_to_nobody(gateway: Gateway, claude: anthropic.AnthropicVertex) -> None:
    if gateway.upstream is None:
        pytest.skip("nobody is asked")
    reply = claude.messages.with_raw_response.create(
        model=model_of(gateway), max_tokens=10**6, messages=ASKED, timeout=60
    )  # type: ignore[arg-type]
    assert b"anthropic_version" not in gateway.upstream.last.raw
    assert "anthropic_version" not in reply.headers.get("x-dragoman-lost", "")


def test_anthropic_vertex_and_an_error(gateway: Gateway, claude: anthropic.AnthropicVertex) -> None:
    with pytest.raises(anthropic.RateLimitError):
        claude.messages.create(model=failing(gateway, 429), max_tokens=9, messages=ASKED)  # type: ignore[arg-type]


# -- OpenAI --------------------------------------------------------------------------------


@pytest.fixture
def azure(gateway: Gateway) -> Iterator[openai.AzureOpenAI]:
    with openai.AzureOpenAI(
        azure_endpoint=gateway.url, api_key=KEY, api_version="2025-04-01-preview", max_retries=0
    ) as client:
        yield client


def test_azure_chat(gateway: Gateway, azure: openai.AzureOpenAI) -> None:
    model = model_of(gateway)
    answer = azure.chat.completions.create(model=model, messages=ASKED)  # type: ignore[call-overload]
    assert text_of(gateway, answer.choices[0].message.content)
    assert answer.model == model
    chunks = list(azure.chat.completions.create(model=model, messages=ASKED, stream=True))  # type: ignore[call-overload]
    assert text_of(gateway, "".join(c.choices[0].delta.content or "" for c in chunks if c.choices))


def test_azure_responses(gateway: Gateway, azure: openai.AzureOpenAI) -> None:
    response = azure.responses.create(model=model_of(gateway), input=QUESTION)
    assert text_of(gateway, response.output_text)


def test_azure_and_an_error(gateway: Gateway, azure: openai.AzureOpenAI) -> None:
    with pytest.raises(openai.RateLimitError):
        azure.chat.completions.create(model=failing(gateway, 429), messages=ASKED)  # type: ignore[call-overload]


def test_azure_small_operations(sandbox: Gateway, over_openai: Gateway) -> None:
    for gateway in (sandbox, over_openai):
        with openai.AzureOpenAI(azure_endpoint=gateway.url, api_key=KEY, api_version="2024-10-21") as azure:
            vectors = azure.embeddings.create(model="text-embedding-3-small", input=["a", "b"])
            assert len(vectors.data) == 2
            drawn = azure.images.generate(model="gpt-image-1", prompt="a robot")
            assert drawn.data is not None and drawn.data[0].b64_json
            spoken = azure.audio.speech.create(
                model="gpt-4o-mini-tts", voice="alloy", input="hi", response_format="wav"
            )
            assert spoken.read()[:4] == b"RIFF"


def test_a_deployment_that_only_the_path_names(over_openai: Gateway) -> None:
    answer = over_openai.post("/openai/deployments/gpt-5/chat/completions?api-version=2024-10-21", {"messages": ASKED})
    assert answer.status == 200, answer
    assert over_openai.upstream is not None
    assert over_openai.upstream.last.json["model"] == "gpt-5"
    answer = over_openai.post("/openai/deployments/text-embedding-3-small/embeddings", {"input": "a"})
    assert answer.status == 200, answer
    answer = over_openai.post("/openai/deployments/gpt-5/chat/completions", None, body=b"[]")
    assert answer.status == 400, answer


# -- Google ----------------------------------------------------------------------------------


class Lent(google.auth.credentials.Credentials):
    """A token that is a key of the gateway."""

    def __init__(self) -> None:
        super().__init__()
        self.token = KEY

    def refresh(self, request: object) -> None:
        raise AssertionError("it does not run out")


def test_genai_embeds_with_vertexai(sandbox: Gateway, over_openai: Gateway, over_gemini: Gateway) -> None:
    """By `:predict`, as Vertex AI has it for most of its models."""
    for gateway in (sandbox, over_openai, over_gemini):
        options = types.HttpOptions(base_url=gateway.url, api_version="v1beta1")
        with closing(
            genai.Client(vertexai=True, project="any", location="global", credentials=Lent(), http_options=options)
        ) as client:
            config = types.EmbedContentConfig(output_dimensionality=8)
            found = client.models.embed_content(model="gemini-embedding-001", contents=["a", "b"], config=config)
            assert [len(one.values or ()) for one in found.embeddings or ()] == [8, 8]


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_genai_with_vertexai(gateway: Gateway, version: str) -> None:
    model = model_of(gateway)
    options = types.HttpOptions(base_url=gateway.url, api_version=version)
    with closing(
        genai.Client(vertexai=True, project="any", location="global", credentials=Lent(), http_options=options)
    ) as client:
        answer = client.models.generate_content(model=model, contents=QUESTION)
        assert text_of(gateway, answer.text)
        told = [chunk.text or "" for chunk in client.models.generate_content_stream(model=model, contents=QUESTION)]
        assert text_of(gateway, "".join(told))
        assert (client.models.count_tokens(model=model, contents=QUESTION).total_tokens or 0) > 0
        tool = types.Tool(
            function_declarations=[types.FunctionDeclaration(name="get_weather", parameters_json_schema=CITY)]
        )
        config = types.GenerateContentConfig(tools=[tool])
        called = client.models.generate_content(model=model, contents=QUESTION, config=config)
        assert [call.name for call in called.function_calls or ()] == ["get_weather"]
