"""The gateway over Amazon Bedrock: every client's dialect over Converse and over Anthropic's invoke, whole and in binary
frames, signed and with a key, from the command a user starts to a scripted Bedrock on loopback."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients import CITY, App, Chat, Contents, Messages, Responses
from gateway import Answer, Gateway, checked, served_by, server
from upstream.bedrock import ACCESS, API_KEY, REGION, SECRET, Amazon
from upstream.model import PNG, REASONING

FRONTS = [Chat(), Messages(), Contents(), Responses(), App()]
BACKS = {
    "nova": "bedrock/us.amazon.nova-2-lite-v1:0",
    "claude": "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "arn": "bedrock/arn:aws:bedrock:eu-west-3:123456789012:inference-profile/eu.amazon.nova-pro-v1:0",
    "keyed": "keyed/zai.glm-4.7-flash",
}
"""Converse and invoke, an id that is all colons and slashes, and an API key in place of a signature."""
VENDOR = {"nova": "amazon.", "claude": "anthropic.", "arn": "amazon.", "keyed": "zai."}


@pytest.fixture(scope="module")
def amazon() -> Iterator[Amazon]:
    with Amazon() as found:
        yield found


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an account's keys; those of `late` are not right yet."""
    file = tmp_path_factory.mktemp("aws") / "credentials"
    file.write_text("".join(map(profile, ("work", "late"), (SECRET, "wrong"))))
    return file


def profile(name: str, secret: str) -> str:
    return f"[{name}]\naws_access_key_id = {ACCESS}\naws_secret_access_key = {secret}\n"


@pytest.fixture(scope="module")
def gateway(amazon: Amazon, profiles: Path) -> Iterator[Gateway]:
    config = f"""
default_model = "nova"
{server()}
[providers.bedrock]
base_url = "{amazon.url}"
region = "{REGION}"
credentials = "work"
[providers.late]
kind = "bedrock"
base_url = "{amazon.url}"
region = "{REGION}"
credentials = "late"
[providers.nobody]
kind = "bedrock"
base_url = "{amazon.url}"
credentials = "nobody"
[providers.wrong]
kind = "bedrock"
base_url = "{amazon.url}"
keys = ["ABSK-wrong"]
[providers.keyed]
kind = "bedrock"
base_url = "{amazon.url}"
keys = ["{API_KEY}"]
{served_by(BACKS)}
"""
    files = {"AWS_SHARED_CREDENTIALS_FILE": str(profiles), "AWS_CONFIG_FILE": str(profiles.parent / "none")}
    yield from checked(Gateway(config, upstream=amazon, env=files))


each_front = pytest.mark.parametrize("front", FRONTS, ids=lambda front: front.name)
each_back = pytest.mark.parametrize("model", BACKS)
either = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def asked(gateway: Gateway, front: Chat, model: str, text: str = "hi", stream: bool = False, **more: object) -> Answer:
    path, body = front.path(model, stream), front.body(text, model=model, stream=stream, **more)
    return gateway.post(path, body, front.headers)


def scripted(model: str, script: str) -> str:
    """The name under which a script of the upstream's is reached."""
    return f"{BACKS[model].partition('/')[0]}/{VENDOR[model]}{script}"


@each_front
@each_back
@either
def test_a_chat(gateway: Gateway, front: Chat, model: str, stream: bool) -> None:
    answer = asked(gateway, front, model, "Grüß Gott", stream)
    assert answer.status == 200, answer
    said = front.read(answer)
    assert said.text == "You said: Grüß Gott I heard it."
    if front.name != "simple":
        assert said.stop == front.stops["stop"] and said.model == model
        assert (said.input, said.output) == ((20, 30) if front.name != "openai.chat" or not stream else (None, None))


@each_front
@each_back
@either
def test_a_call_and_its_result(gateway: Gateway, front: Chat, model: str, stream: bool) -> None:
    if front.name == "simple":
        pytest.skip("the app API has no tools")
    answer = asked(gateway, front, model, "weather?", stream, **front.tools("get_weather"))
    assert answer.status == 200, answer
    said = front.read(answer)
    [(name, arguments)] = said.calls
    assert name == "get_weather" and arguments.keys() == CITY["properties"].keys()
    assert said.stop == front.stops["tool_calls"]


@each_front
@each_back
@pytest.mark.parametrize(
    ("script", "status", "words"),
    [
        ("error-429", 429, "please wait"),
        ("error-400", 400, "following errors"),
        ("error-400-context", 400, "too long"),
        ("error-404", 404, "foundation model"),
        ("error-500", 500, "unexpected"),
        ("error-503", 503, "unable"),
        ("error-408", 408, "timed out"),
    ],
)
def test_an_exception_before_the_stream(
    gateway: Gateway, front: Chat, model: str, script: str, status: int, words: str
) -> None:
    answer = asked(gateway, front, scripted(model, script), stream=True)
    assert answer.status == status, answer
    assert words in front.error(answer)[2]
    if status == 429:
        assert int(answer.headers["retry-after"]) > 0


@each_front
@each_back
@pytest.mark.parametrize("script", ["midstream-error", "cut", "ends", "torn", "crc"])
def test_a_stream_that_breaks(gateway: Gateway, front: Chat, model: str, script: str) -> None:
    """An exception among the frames, a connection cut, an end without its event, half a frame, a wrong checksum."""
    answer = asked(gateway, front, scripted(model, script), stream=True)
    assert answer.status == 200, answer
    assert front.broken(answer.events)


@each_front
@each_back
def test_an_exception_that_begins_the_stream_is_a_plain_error(gateway: Gateway, front: Chat, model: str) -> None:
    answer = asked(gateway, front, scripted(model, "error-first"), stream=True)
    assert answer.status == 502, answer
    assert "stopped in the middle" in front.error(answer)[2]


# -- what is sent ---------------------------------------------------------------------------------


def test_a_request_is_signed_and_its_path_is_one_step(gateway: Gateway, amazon: Amazon) -> None:
    assert asked(gateway, Chat(), "arn").status == 200
    entry = amazon.last
    assert entry.path == "/model/arn%3Aaws%3Abedrock%3Aeu-west-3%3A123456789012%3Ainference-profile%2F" + (
        "eu.amazon.nova-pro-v1%3A0/converse"
    )
    assert entry.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=" + ACCESS)
    assert asked(gateway, Chat(), "keyed").status == 200
    assert amazon.last.headers["authorization"] == f"Bearer {API_KEY}"
    assert SECRET not in gateway.output and ACCESS not in gateway.output


def test_without_credentials_a_clear_error(gateway: Gateway) -> None:
    answer = asked(gateway, Chat(), "nobody/us.amazon.nova-pro-v1:0")
    assert answer.status == 502, answer
    assert answer.json["error"]["code"] == "credentials_refused"
    assert "nobody" not in answer.json["error"]["message"], "a profile's name is for the log"
    assert "The config profile (nobody) could not be found" in gateway.output


@either
def test_bytes_pass_to_claude_but_for_what_bedrock_does_not_take(
    gateway: Gateway, amazon: Amazon, stream: bool
) -> None:
    front = Messages()
    raw = json.dumps(front.body("x", model="claude", stream=stream)).encode()
    marked = raw[:-1] + b', "metadata": {"user_id":  "u"}, "x_tomorrow": {"ratio": 1.50}}'
    flags = {"anthropic-beta": "context-1m-2025-08-07,riddle-2030-01-01"}
    answer = gateway.call("POST", front.path(), headers={**front.headers, **flags}, body=marked)
    assert answer.status == 200, answer
    sent = amazon.last
    assert b'{"user_id":  "u"}' in sent.raw and b"x_tomorrow" not in sent.raw
    assert sent.json["anthropic_beta"] == ["context-1m-2025-08-07"] and "stream" not in sent.json
    lost = answer.headers["x-dragoman-lost"]
    assert "x_tomorrow (dropped)" in lost and "riddle-2030-01-01 (dropped)" in lost
    if stream:
        assert [event.name for event in answer.events][-1] == "message_stop"


@pytest.mark.parametrize(("model", "estimated"), [("claude", False), ("nova", True)])
def test_tokens_are_counted_by_amazon_or_estimated(
    gateway: Gateway, amazon: Amazon, model: str, estimated: bool
) -> None:
    messages = {"model": model, "system": "Be brief.", "messages": [{"role": "user", "content": "hi"}]}
    answer = gateway.post("/v1/messages/count_tokens", messages)
    assert answer.status == 200, answer
    assert answer.json["input_tokens"] > 0
    assert (answer.headers.get("x-dragoman-token-count") == "estimate") is estimated
    assert amazon.last.path.endswith("/count-tokens") and "/us." not in amazon.last.path
    turns = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    assert gateway.post(f"/v1beta/models/{model}:countTokens", turns).json["totalTokens"] > 0


@either
def test_thoughts_and_their_signature_go_there_and_back(gateway: Gateway, amazon: Amazon, stream: bool) -> None:
    front = Messages()
    answer = asked(gateway, front, "nova", "hi", stream, thinking={"type": "enabled", "budget_tokens": 2000})
    assert answer.status == 200, answer
    assert front.read(answer).reasoning == REASONING
    config = amazon.last.json["additionalModelRequestFields"]["reasoningConfig"]
    assert config == {"type": "enabled", "maxReasoningEffort": "low"}


def test_a_picture_a_document_and_a_result_of_both(gateway: Gateway, amazon: Amazon) -> None:
    """What Amazon's own service model and rules take (the scripted Bedrock refuses all else)."""
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    pdf = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQK"}
    document = {"type": "document", "source": pdf, "title": "a_b.pdf"}
    call = {"type": "tool_use", "id": "fs/read:0", "name": "read", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "fs/read:0", "content": [image, document], "is_error": True}
    messages = [
        {"role": "user", "content": [document, document, image]},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [{"type": "text", "text": "and?"}, result]},
    ]
    body = {"model": "nova", "max_tokens": 99, "messages": messages}
    answer = gateway.post("/v1/messages", body, Messages().headers)
    assert answer.status == 200, answer
    assert [next(iter(block)) for block in amazon.last.json["messages"][0]["content"]] == [
        "document",
        "document",
        "image",
        "text",
    ]
    assert "(emulated)" in answer.headers["x-dragoman-lost"]


def test_an_answer_held_to_a_schema(gateway: Gateway, amazon: Amazon) -> None:
    format = {"type": "json_schema", "json_schema": {"name": "city", "schema": CITY}}
    for model in ("keyed", "nova"):
        answer = asked(gateway, Chat(), model, response_format=format)
        assert answer.status == 200, answer
        assert json.loads(answer.json["choices"][0]["message"]["content"]).keys() == CITY["properties"].keys()
        held = "outputConfig" in amazon.last.json
        assert held is (model == "keyed"), "Nova is asked in words"


@each_front
@pytest.mark.parametrize("model", ["us.amazon.nova-pro-v1:0", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"])
def test_a_key_that_amazon_does_not_take_is_the_gateways_fault(gateway: Gateway, front: Chat, model: str) -> None:
    """Amazon says so with 403, which a client would take for its own key's."""
    answer = asked(gateway, front, f"wrong/{model}")
    assert answer.status == 502, answer
    assert "refused the gateway's credentials" in front.error(answer)[2]


def test_keys_that_were_refused_are_looked_for_anew(gateway: Gateway, profiles: Path) -> None:
    model = "late/us.amazon.nova-pro-v1:0"
    assert asked(gateway, Chat(), model).status == 502
    profiles.write_text("".join(map(profile, ("work", "late"), (SECRET, SECRET))))
    assert asked(gateway, Chat(), model).status == 200


# -- clients of Amazon's own paths ---------------------------------------------------------------


@either
@pytest.mark.parametrize("model", ["nova", "claude"])
def test_a_client_of_converse_is_passed_through(gateway: Gateway, amazon: Amazon, model: str, stream: bool) -> None:
    """Also to a model of Anthropic's, which others ask in its own words: its guardrails would be lost there."""
    guard = {"guardrailIdentifier": "g", "guardrailVersion": "1"}
    body = {"messages": [{"role": "user", "content": [{"text": "hi"}]}], "guardrailConfig": guard}
    raw = json.dumps(body).encode()[:-1] + b',  "inferenceConfig": {"temperature":  0.50}}'
    path = f"/model/{model}/converse{'-stream' if stream else ''}"
    answer = gateway.call("POST", path, headers={}, body=raw)
    assert answer.status == 200, answer
    assert amazon.last.raw == raw and amazon.last.path.endswith(path.rpartition("/")[2])
    assert answer.body == b"".join(amazon.last.sent), "and back, byte for byte"


@pytest.mark.parametrize("verb", ["invoke", "invoke-with-response-stream"])
def test_betas_in_a_body_stay_there_at_bedrock(gateway: Gateway, amazon: Amazon, verb: str) -> None:
    body = {"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "anthropic_version": "bedrock-2023-05-31"}
    flags = ["context-1m-2025-08-07", "riddle-2030-01-01", 5]
    answer = gateway.post(
        f"/model/claude/{verb}", body | {"anthropic_beta": flags}, {"anthropic-beta": "effort-2025-11-24"}
    )
    assert answer.status == 200, answer
    assert amazon.last.json["anthropic_beta"] == ["effort-2025-11-24", "context-1m-2025-08-07"]
    assert "riddle-2030-01-01 (dropped)" in answer.headers["x-dragoman-lost"]


@pytest.mark.parametrize("value", [[], None, "x", {"a": 1}])
def test_betas_that_are_none(gateway: Gateway, amazon: Amazon, value: object) -> None:
    body = {"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "anthropic_beta": value}
    answer = gateway.post("/model/claude/invoke", body, {})
    assert answer.status in (200, 400), answer
    if answer.status == 200:
        assert "anthropic_beta" not in amazon.last.json
