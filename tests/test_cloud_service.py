"""The gateway over clouds: every dialect over every kind of envelope, from the command a user starts to the scripted
clouds on loopback, with credentials that are really signed and tokens that are really lent."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from clients import CITY, App, Chat, Contents, Messages, Responses
from gateway import ROOT, Answer, Gateway, checked, served_by, server
from upstream import anthropic as claude
from upstream import gemini as google
from upstream.cloud import AZURE_KEY, LOCATION, PROJECT, Cloud

FRONTS = [Chat(), Messages(), Contents(), Responses(), App()]
BACKS = {
    "gemini": "vertex/gemini-2.5-flash",
    "claude": "vertex/claude-sonnet-4-5",
    "maas": "vertex/deepseek-ai/deepseek-v3.1-maas",
    "chat": "classic/gpt-4o",
    "responses": "azure/gpt-5",
    "old": "dated/gpt-5",
}
"""The names under which each kind of envelope is asked for."""


def account(folder: Path, token_uri: str) -> Path:
    """The file of a service account, with a key of its own."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    said = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "1",
        "private_key": pem,
        "client_email": f"gateway@{PROJECT}.iam.gserviceaccount.com",
        "token_uri": token_uri,
    }
    file = folder / "account.json"
    file.write_text(json.dumps(said))
    return file


def vertex(cloud: Cloud, credentials: Path | str, name: str = "vertex", *more: str) -> str:
    lines = [
        f"[providers.{name}]",
        'kind = "vertex"',
        f'base_url = "{cloud.url}"',
        f'project = "{PROJECT}"',
        f'location = "{LOCATION}"',
        f'credentials = "{credentials}"',
        *more,
    ]
    return "\n".join([*lines, ""])


def azure(cloud: Cloud, name: str, *more: str, key: str = AZURE_KEY) -> str:
    lines = [f"[providers.{name}]", 'kind = "azure"', f'base_url = "{cloud.url}/"', f'keys = ["{key}"]', *more]
    return "\n".join([*lines, ""])


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Cloud() as found:
        yield found


@pytest.fixture(scope="module")
def gateway(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    file = account(tmp_path_factory.mktemp("account"), f"{cloud.url}/token")
    config = [
        'default_model = "gemini"',
        server(),
        vertex(cloud, file),
        azure(cloud, "azure", 'api = "responses"'),
        azure(cloud, "classic", 'api_version = "2024-10-21"'),
        azure(cloud, "dated", 'api_version = "2025-04-01-preview"', 'api = "responses"'),
        served_by(BACKS),
        '[models.either]\ntargets = ["vertex/claude-none", "classic/gpt-4o"]\n',
    ]
    yield from checked(Gateway("\n".join(config), upstream=cloud))


each_front = pytest.mark.parametrize("front", FRONTS, ids=lambda front: front.name)
each_back = pytest.mark.parametrize("model", BACKS)


def asked(gateway: Gateway, front: Chat, model: str, text: str = "hi", stream: bool = False, **more: object) -> Answer:
    path, body = front.path(model, stream), front.body(text, model=model, stream=stream, **more)
    return gateway.post(path, body, front.headers)


@each_front
@each_back
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_chat(gateway: Gateway, cloud: Cloud, front: Chat, model: str, stream: bool) -> None:
    answer = asked(gateway, front, model, "Grüß Gott", stream)
    assert answer.status == 200, answer
    said = front.read(answer)
    assert said.text == "You said: Grüß Gott I heard it."
    if front.name != "simple":
        assert said.stop == front.stops["stop"]
        assert said.model == model
        assert (said.input, said.output) == ((20, 30) if front.name != "openai.chat" or not stream else (None, None))
    assert answer.headers["x-dragoman-provider"] == BACKS[model].partition("/")[0]


@each_front
@each_back
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_call(gateway: Gateway, front: Chat, model: str, stream: bool) -> None:
    if front.name == "simple":
        pytest.skip("the app API has no tools")
    answer = asked(gateway, front, model, "weather?", stream, **front.tools("get_weather"))
    assert answer.status == 200, answer
    said = front.read(answer)
    [(name, arguments)] = said.calls
    assert name == "get_weather"
    assert arguments.keys() == CITY["properties"].keys()
    assert said.stop == front.stops["tool_calls"]


def scripted(model: str, script: str) -> str:
    """The name under which a script of the vendor's upstream is reached through an envelope."""
    before = {"claude": "vertex/claude-script-", "maas": "vertex/script/", "gemini": "vertex/"}
    return before.get(model, BACKS[model].partition("/")[0] + "/") + script


@each_front
@each_back
def test_an_error_of_the_model(gateway: Gateway, front: Chat, model: str) -> None:
    """The envelope is opened; the vendor's model refuses."""
    answer = asked(gateway, front, scripted(model, "error-429"))
    assert answer.status == 429, answer
    front.error(answer)
    assert int(answer.headers["retry-after"]) > 0


@each_front
@each_back
@pytest.mark.parametrize("script", ["midstream-error", "cut", "ends"])
def test_a_stream_that_breaks(gateway: Gateway, front: Chat, model: str, script: str) -> None:
    answer = asked(gateway, front, scripted(model, script), stream=True)
    assert answer.status == 200, answer
    assert front.broken(answer.events)


# -- the same dialect at both ends -------------------------------------------------------------


@pytest.mark.parametrize(
    ("front", "model"),
    [(Contents(), "gemini"), (Messages(), "claude"), (Chat(), "maas"), (Chat(), "chat"), (Responses(), "responses")],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_bytes_pass_through_an_envelope(gateway: Gateway, cloud: Cloud, front: Chat, model: str, stream: bool) -> None:
    raw = json.dumps(front.body("x", model=model, stream=stream)).encode()
    marked = raw[:-1] + b', "x_tomorrow": {"ratio": 1.50, "list": [ ]}}'
    answer = gateway.call("POST", front.path(model, stream), headers=front.headers, body=marked)
    assert answer.status == 200, answer
    entry = cloud.last
    if model == "claude":  # Vertex refuses what it does not know, Anthropic does not
        assert b"x_tomorrow" not in entry.raw
        assert answer.headers["x-dragoman-lost"] == "x_tomorrow (dropped)"
    else:
        assert b'"x_tomorrow":{"ratio": 1.50, "list": [ ]}' in entry.raw.replace(b'"x_tomorrow": ', b'"x_tomorrow":')
        assert "x-dragoman-lost" not in answer.headers
    assert b'"ratio": 1.50' in answer.body or b'"ratio":1.50' in answer.body


def test_strict_refuses_what_a_cloud_does_not_take(gateway: Gateway, cloud: Cloud) -> None:
    before = len(cloud.journal)
    front = Messages()
    answer = gateway.post(
        front.path(), front.body(model="claude", speed="fast"), {**front.headers, "x-dragoman-strict": "true"}
    )
    assert answer.status == 400
    assert "speed" in front.error(answer)[2]
    assert len(cloud.journal) == before


@pytest.mark.parametrize("model", ["gemini", "claude"])
def test_a_tier_that_a_cloud_does_not_have(gateway: Gateway, model: str) -> None:
    answer = asked(gateway, Chat(), model, service_tier="flex")
    assert answer.status == 200, answer
    assert "service" in answer.headers["x-dragoman-lost"], answer.headers


def test_betas_that_vertex_knows_go_on(gateway: Gateway, cloud: Cloud) -> None:
    front = Messages()
    flags = "context-management-2025-06-27,effort-2025-11-24"
    answer = gateway.post(
        front.path() + "?beta=true", front.body(model="claude"), {**front.headers, "anthropic-beta": flags}
    )
    assert answer.status == 200, answer
    assert cloud.last.headers["anthropic-beta"] == "context-management-2025-06-27"
    assert answer.headers["x-dragoman-lost"] == "anthropic-beta.effort-2025-11-24 (dropped)"
    assert cloud.last.query == {}


@pytest.mark.parametrize("model", ["claude", "gemini"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_what_a_model_signed_comes_back_to_it(gateway: Gateway, cloud: Cloud, model: str, stream: bool) -> None:
    """A client of Chat Completions cannot carry a signature; the next turn of the same conversation has it all the same."""
    front = Chat()
    first = asked(gateway, front, model, "weather?", stream, **front.tools("get_weather"), reasoning_effort="low")
    assert first.status == 200, first
    [found] = calls_of(first)
    call = {
        "id": found["id"],
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"city":"any"}'},
    }
    turns = [
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": "sunny"},
    ]
    body = {"model": model, "messages": turns, **front.tools("get_weather"), "reasoning_effort": "low"}
    second = gateway.post(front.path(), body)
    assert second.status == 200, second
    assert front.read(second).text == "The tool says: sunny"
    signature = {"claude": claude.SIGNATURE, "gemini": google.SIGNATURE}[model]
    assert signature in cloud.last.raw.decode()


def calls_of(answer: Answer) -> list[Any]:
    if answer.media_type != "text/event-stream":
        return list(answer.json["choices"][0]["message"]["tool_calls"])
    chunks = [event.json for event in answer.events if event.data != "[DONE]"]
    return [
        call
        for chunk in chunks
        for choice in chunk["choices"]
        for call in choice["delta"].get("tool_calls", ())
        if call.get("id")
    ]


def test_another_cloud_is_asked_where_one_refuses(gateway: Gateway, cloud: Cloud) -> None:
    """And what the first would not have taken is no loss of the second's answer."""
    front = Messages()
    answer = gateway.post(front.path(), front.body(model="either", speed="fast"), front.headers)
    assert answer.status == 200, answer
    assert answer.headers["x-dragoman-provider"] == "classic"
    assert answer.headers["x-dragoman-lost"].count("speed") == 1
    assert [entry.path.partition("/")[2][:6] for entry in cloud.journal[-2:]] == ["v1/pro", "openai"]


def test_several_answers_at_once(gateway: Gateway) -> None:
    answer = asked(gateway, Chat(), "claude", n=3, service_tier="flex")
    assert answer.status == 200, answer
    assert [choice["index"] for choice in answer.json["choices"]] == [0, 1, 2]
    assert answer.headers["x-dragoman-lost"].count("service_tier") == 1


# -- the small operations ---------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["gemini", "claude"])
def test_tokens_are_counted_by_the_cloud(gateway: Gateway, cloud: Cloud, model: str) -> None:
    messages = {"model": model, "system": "Be brief.", "messages": [{"role": "user", "content": "hi"}]}
    answer = gateway.post("/v1/messages/count_tokens", messages)
    assert answer.status == 200, answer
    assert "x-dragoman-token-count" not in answer.headers, "estimated"
    assert cloud.last.path.endswith(":countTokens" if model == "gemini" else "models/count-tokens:rawPredict")
    turns = {"contents": [{"parts": [{"text": "hi"}]}], "systemInstruction": {"parts": [{"text": "Be brief."}]}}
    nested = {"generateContentRequest": {"model": "models/x", **turns}}
    for body in (nested, {"contents": turns["contents"]}):
        answer = gateway.post(f"/v1beta/models/{model}:countTokens", body)
        assert answer.status == 200, answer
        assert answer.json["totalTokens"] > 0


@pytest.mark.parametrize(
    ("model", "calls"), [("gemini-embedding-001", 3), ("text-embedding-005", 1), ("gemini-embedding-2", 3)]
)
def test_embeddings_on_vertex(gateway: Gateway, cloud: Cloud, model: str, calls: int) -> None:
    before = len(cloud.journal)
    answer = gateway.post("/v1/embeddings", {"model": f"vertex/{model}", "input": ["a", "bb", "ccc"], "dimensions": 4})
    assert answer.status == 200, answer
    assert [one["index"] for one in answer.json["data"]] == [0, 1, 2]
    assert all(len(one["embedding"]) == 4 for one in answer.json["data"])
    if model != "gemini-embedding-2":
        assert [one["embedding"][0] for one in answer.json["data"]] == [1.0, 2.0, 3.0]
        assert answer.json["usage"]["prompt_tokens"] == 12
    assert len(cloud.journal) - before == calls
    batch = [{"model": f"models/{model}", "content": {"parts": [{"text": text}]}} for text in ("a", "bb")]
    answer = gateway.post(f"/v1beta/models/{model}:batchEmbedContents", {"requests": batch})
    assert answer.status == 200, answer
    assert len(answer.json["embeddings"]) == 2
    answer = gateway.post(f"/v1beta/models/{model}:embedContent", {"content": {"parts": [{"text": "a"}]}})
    assert answer.status == 200, answer
    assert answer.json["embedding"]["values"]


def test_embeddings_by_predict_pass_as_they_are(gateway: Gateway, cloud: Cloud) -> None:
    raw = b'{"instances": [ {"content": "abc", "title": "t"} ], "parameters": {"outputDimensionality": 2} }'
    path = "/v1/projects/any/locations/any/publishers/google/models/gemini-embedding-001:predict"
    answer = gateway.call("POST", path, body=raw)
    assert answer.status == 200, answer
    assert cloud.last.raw == raw
    assert answer.json["predictions"][0]["embeddings"]["values"] == [3.0, 3.0]
    for odd in (
        b'{"instances": [5]}',
        b'{"instances": []}',
        b'{"instances": [{"content": 5}]}',
        b'{"instances": [{}]}',
    ):
        assert gateway.call("POST", path, body=odd).status == 400


@pytest.mark.parametrize("provider", ["azure", "classic"])
def test_small_operations_on_azure(gateway: Gateway, cloud: Cloud, provider: str) -> None:
    answer = gateway.post("/v1/embeddings", {"model": f"{provider}/text-embedding-3-small", "input": "a"})
    assert answer.status == 200, answer
    answer = gateway.post("/v1/images/generations", {"model": f"{provider}/gpt-image-1", "prompt": "a robot"})
    assert answer.status == 200, answer
    spoken = {"model": f"{provider}/gpt-4o-mini-tts", "voice": "alloy", "input": "hi", "response_format": "pcm"}
    answer = gateway.post("/v1/audio/speech", spoken)
    assert answer.status == 200, answer
    assert len(answer.body) > 100
    assert cloud.last.path.endswith("/audio/speech")


def test_an_image_on_vertex(gateway: Gateway, cloud: Cloud) -> None:
    body = {"model": "vertex/imagen-4.0-generate-001", "prompt": "a robot", "n": 2}
    answer = gateway.post("/v1/images/generations", body)
    assert answer.status == 200, answer
    assert len(answer.json["data"]) == 2
    assert cloud.last.path.endswith("/publishers/google/models/imagen-4.0-generate-001:predict")


# -- what a cloud says itself ------------------------------------------------------------------------


@each_front
def test_a_model_that_vertex_does_not_have(gateway: Gateway, front: Chat) -> None:
    answer = asked(gateway, front, "vertex/claude-none")
    assert answer.status == 404, answer
    assert "Publisher Model `claude-none`" in front.error(answer)[2]


@each_front
def test_google_refuses_claude_in_its_own_words(gateway: Gateway, front: Chat, cloud: Cloud) -> None:
    """The error of a cloud's door comes in Google's form; the client is told in its own, Anthropic's too."""
    cloud.locked = True
    try:
        answer = asked(gateway, front, "claude")
    finally:
        cloud.locked = False
    assert answer.status == 502, answer
    assert "refused the gateway's credentials" in front.error(answer)[2]
    assert "ya29" not in gateway.output


def test_a_token_that_google_takes_no_more_is_not_shown_twice(gateway: Gateway, cloud: Cloud) -> None:
    assert asked(gateway, Chat(), "gemini").status == 200
    cloud.tokens.clear()
    assert asked(gateway, Chat(), "gemini").status == 502
    assert asked(gateway, Chat(), "gemini").status == 200
    assert len(cloud.tokens) == 1


@each_front
@pytest.mark.parametrize("model", ["chat", "responses"])
def test_azures_filter_is_a_matter_of_content(gateway: Gateway, front: Chat, model: str) -> None:
    answer = asked(gateway, front, model, "forbidden by policy")
    assert answer.status == 400, answer
    if front.name in ("openai.chat", "openai.responses"):
        assert answer.json["error"]["code"] == "content_filter"
    own = {"chat": "openai.chat", "responses": "openai.responses"}[model] == front.name
    message = answer.json["error"]["message"] if own else front.error(answer)[2]
    assert "content management policy" in message
    if own:
        assert answer.json["error"]["innererror"], "what Azure says of it goes to a client of its dialect"


def test_a_deployment_that_is_not_there(gateway: Gateway) -> None:
    answer = asked(gateway, Chat(), "classic/missing")
    assert answer.status == 404, answer
    assert "deployment" in answer.json["error"]["message"]


# -- who asks, from end to end ----------------------------------------------------------------------------


def test_tokens_given_as_keys(cloud: Cloud) -> None:
    cloud.tokens.append("ya29.given-as-a-key")
    config = [
        server(),
        vertex(cloud, "", "vertex", 'keys = ["ya29.given-as-a-key"]'),
        azure(cloud, "azure", key="eyJ0eXAiOiJKV1Qi.eyJhdWQiOiJhIn0.c2lnbmVkLWJ5LWVudHJh"),
    ]
    for gateway in checked(Gateway("\n".join(config), upstream=cloud)):
        for model in ("vertex/gemini-2.5-flash", "azure/gpt-5"):
            assert asked(gateway, Chat(), model).status == 200
        assert cloud.last.headers["authorization"].startswith("Bearer eyJ")
        assert "api-key" not in cloud.last.headers


@pytest.mark.parametrize("front", FRONTS, ids=lambda front: front.name)
def test_without_the_library_it_says_how_to_get_it(cloud: Cloud, front: Chat, bare: Gateway) -> None:
    answer = asked(bare, front, "vertex/gemini-2.5-flash")
    assert answer.status == 502, answer
    assert "pip install 'dragoman[google]'" in front.error(answer)[2]
    assert asked(bare, front, "azure/gpt-5").status == 200, "no other cloud needs it"


@pytest.fixture(scope="module")
def bare(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that was installed without the extra."""
    folder = tmp_path_factory.mktemp("bare")
    (folder / "google").mkdir()
    (folder / "google" / "__init__.py").write_text("raise ImportError('there is no google')\n")
    config = "\n".join([server(), vertex(cloud, "account.json"), azure(cloud, "azure")])
    path = f"{folder}{os.pathsep}{ROOT / 'src'}"
    yield from checked(Gateway(config, upstream=cloud, env={"PYTHONPATH": path}))


def test_a_place_that_is_not_ours(cloud: Cloud, tmp_path: Path) -> None:
    """A project that the account has no part in: told as Google tells it, by no retry without end."""
    file = account(tmp_path, f"{cloud.url}/token")
    config = "\n".join([server(), vertex(cloud, file).replace(PROJECT, "house-2")])
    for gateway in checked(Gateway(config, upstream=cloud)):
        before = len(cloud.journal)
        answer = asked(gateway, Chat(), "vertex/gemini-2.5-flash")
        assert answer.status == 502, answer
        assert (
            "refused the gateway's credentials: Permission denied on resource project house-2."
            in answer.json["error"]["message"]
        )
        assert len(cloud.journal) == before + 1
