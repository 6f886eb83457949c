"""Amazon's own client and AnthropicBedrock, pointed at the gateway instead of Bedrock. Each over the sandbox and over every
vendor's scripted upstream."""

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import botocore
import botocore.config
import botocore.session
import pytest

from clients import CITY
from gateway import KEY, Gateway
from test_sdks import QUESTION, failing, model_of
from test_sdks_clouds import text_of

ASKED = [{"role": "user", "content": [{"text": QUESTION}]}]
SESSION = botocore.session.Session()  # it reads its models once
TOOL = {"toolSpec": {"name": "get_weather", "inputSchema": {"json": CITY}}}


@pytest.fixture
def amazon(gateway: Gateway) -> Iterator[Any]:
    """It sends a key of Bedrock's, which is one of the gateway's here, by https only; so it is told to send a header."""
    unsigned = botocore.config.Config(signature_version=botocore.UNSIGNED, retries={"total_max_attempts": 1})
    client = SESSION.create_client(
        "bedrock-runtime", region_name="us-east-1", endpoint_url=gateway.url, config=unsigned
    )
    client.meta.events.register(
        "before-send", lambda request, **_: request.headers.update({"authorization": f"Bearer {KEY}"})
    )
    yield client
    client.close()


def test_converse(gateway: Gateway, amazon: Any) -> None:
    model = model_of(gateway)
    answer = amazon.converse(modelId=model, messages=ASKED, system=[{"text": "Be brief."}])
    [block] = answer["output"]["message"]["content"]
    assert text_of(gateway, block["text"])
    assert answer["stopReason"] == "end_turn"
    assert answer["usage"]["totalTokens"] == sum(
        answer["usage"].get(name, 0)
        for name in ("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens", "outputTokens")
    )


def test_converse_stream(gateway: Gateway, amazon: Any) -> None:
    answer = amazon.converse_stream(modelId=model_of(gateway), messages=ASKED)
    events = [next(iter(event.items())) for event in answer["stream"]]
    names = [name for name, _ in events]
    assert names[0] == "messageStart" and names[-2:] == ["messageStop", "metadata"]
    said = "".join(wire["delta"].get("text", "") for name, wire in events if name == "contentBlockDelta")
    assert text_of(gateway, said)
    assert events[-1][1]["usage"]["outputTokens"] > 0


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_tool_turn(gateway: Gateway, amazon: Any, stream: bool) -> None:
    asked = {"modelId": model_of(gateway), "toolConfig": {"tools": [TOOL], "toolChoice": {"any": {}}}}
    if stream:
        events = list(amazon.converse_stream(messages=ASKED, **asked)["stream"])
        [start] = [event["contentBlockStart"]["start"] for event in events if "contentBlockStart" in event]
        deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
        said = "".join(delta["toolUse"]["input"] for delta in deltas if "toolUse" in delta)
        call = start["toolUse"] | {"input": json.loads(said)}
    else:
        answer = amazon.converse(messages=ASKED, **asked)
        assert answer["stopReason"] == "tool_use"
        [call] = [block["toolUse"] for block in answer["output"]["message"]["content"] if "toolUse" in block]
    assert call["name"] == "get_weather" and call["input"].keys() == CITY["properties"].keys()
    call.pop("type", None)
    result = {"toolResult": {"toolUseId": call["toolUseId"], "content": [{"json": {"degrees": 21}}]}}
    turns = [*ASKED, {"role": "assistant", "content": [{"toolUse": call}]}, {"role": "user", "content": [result]}]
    del asked["toolConfig"]["toolChoice"]
    answer = amazon.converse(messages=turns, **asked)
    text = "".join(block.get("text", "") for block in answer["output"]["message"]["content"])
    assert text and (gateway.upstream is None or "21" in text)


def test_an_error_has_amazons_name(gateway: Gateway, amazon: Any) -> None:
    with pytest.raises(amazon.exceptions.ThrottlingException):
        amazon.converse(modelId=failing(gateway, 429), messages=ASKED)
    with pytest.raises(amazon.exceptions.ThrottlingException):
        amazon.converse_stream(modelId=failing(gateway, 429), messages=ASKED)
    with pytest.raises(amazon.exceptions.ValidationException, match=r"inferenceConfig\.temperature"):
        amazon.converse(modelId=model_of(gateway), messages=ASKED, inferenceConfig={"temperature": 2.0})


def test_tokens_are_counted(gateway: Gateway, amazon: Any) -> None:
    counted = amazon.count_tokens(modelId=model_of(gateway), input={"converse": {"messages": ASKED}})
    assert counted["inputTokens"] > 0


@pytest.fixture
def claude(gateway: Gateway) -> Iterator[anthropic.AnthropicBedrock]:
    with anthropic.AnthropicBedrock(base_url=gateway.url, api_key=KEY, aws_region="us-east-1", max_retries=0) as client:
        yield client


def test_anthropic_bedrock(gateway: Gateway, claude: anthropic.AnthropicBedrock) -> None:
    model, said = model_of(gateway), [{"role": "user", "content": QUESTION}]
    message = claude.messages.create(model=model, max_tokens=1024, messages=said)  # type: ignore[arg-type]
    assert text_of(gateway, message.content[0].text)  # type: ignore[union-attr]
    with claude.messages.stream(model=model, max_tokens=1024, messages=said) as stream:  # type: ignore[arg-type]
        assert text_of(gateway, stream.get_final_text())
    with pytest.raises(anthropic.RateLimitError):
        claude.messages.create(model=failing(gateway, 429), max_tokens=9, messages=said)  # type: ignore[arg-type]
