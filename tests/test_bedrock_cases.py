"""The numbered failures of other gateways (cases.md) at Bedrock's Converse: neutral requests and answers, written here.

It knows no recording; what comes from here and goes back is for test_bedrock.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

import laws
from dragoman.core.codec import Context
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.fold import unfold
from dragoman.core.ir import (
    Base64,
    Cache,
    Citation,
    FileId,
    Format,
    Media,
    Message,
    Opaque,
    Reasoning,
    Request,
    Response,
    Sampling,
    Signature,
    Stop,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Url,
    Usage,
)
from dragoman.core.media import CountResponse, Model
from dragoman.core.profile import Profile
from dragoman.core.schema_back import mended
from dragoman.dialects.bedrock_converse import BedrockConverse, BedrockCount
from dragoman.dialects.bedrock_converse.words import issuer_of

B = BedrockConverse()
COUNT = BedrockCount()
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "us.amazon.nova-pro-v1:0"
THINKER = Profile(model_fields="anthropic", cache_control=True, thinking="budget")
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
TOOL = Tool(name="f", parameters={"type": "object", "properties": {"a": {"type": "string"}}})


def user(*parts: Any) -> Message:
    return Message(role="user", parts=tuple(Text(text=p) if isinstance(p, str) else p for p in parts))


def assistant(*parts: Any) -> Message:
    return Message(role="assistant", parts=tuple(Text(text=p) if isinstance(p, str) else p for p in parts))


def system(*parts: Any) -> Message:
    return Message(role="system", parts=tuple(Text(text=p) if isinstance(p, str) else p for p in parts))


def call(id: str, name: str = "f", arguments: str = "{}") -> ToolCall:
    return ToolCall(id=id, name=name, arguments=arguments)


def result(id: str, *parts: Any, **fields: Any) -> ToolResult:
    content = tuple(Text(text=p) if isinstance(p, str) else p for p in parts)
    return ToolResult(call_id=id, content=content, **fields)


def asked(*messages: Message, **fields: Any) -> Request:
    return Request(origin="elsewhere", model="m", messages=messages or (user("hi"),), **fields)


def sent(request: Request, **fields: Any) -> tuple[dict[str, Any], Context]:
    ctx = laws.context(**({"model": CLAUDE, "profile": THINKER} | fields))
    ctx.request = request
    return json.loads(json.dumps(B.encode_request(request, ctx))), ctx


def lost(ctx: Context) -> dict[str, str]:
    return {loss.path: loss.what for loss in ctx.losses}


def turns(*messages: Message, **fields: Any) -> tuple[list[Any], Context]:
    wire, ctx = sent(asked(*messages, tools=(TOOL,)), **fields)
    return wire["messages"], ctx


def text(said: str) -> dict[str, Any]:
    return {"text": said}


def use(id: str, name: str = "f", input: Any = None) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": id, "name": name, "input": input or {}}}


def outcome(id: str, *said: str, **fields: Any) -> dict[str, Any]:
    return {"toolResult": {"toolUseId": id, "content": [text(one) for one in said], **fields}}


def test_the_plainest_question() -> None:
    wire, ctx = sent(asked(system("Be brief."), user("hi")))
    assert wire == {"system": [text("Be brief.")], "messages": [{"role": "user", "content": [text("hi")]}]}
    assert ctx.losses == []


def test_the_same_history_gives_the_same_bytes_and_extends_them() -> None:
    first = asked(system("S"), user("a"), assistant(call("1")), user(result("1", "x")), tools=(TOOL,))
    more = replace(first, messages=(*first.messages, assistant("done"), user("next")))
    one, two = sent(first)[0], sent(more)[0]
    assert two["messages"][: len(one["messages"])] == one["messages"] and two["toolConfig"] == one["toolConfig"]


def test_case_038_parallel_results_share_one_turn() -> None:
    wires, _ = turns(
        user("a"), assistant(call("1"), call("2")), user(result("1", "x")), user(result("2", "y")), user("go")
    )
    assert wires[2] == {"role": "user", "content": [outcome("1", "x"), outcome("2", "y"), text("go")]}


def test_case_039_results_come_before_text() -> None:
    wires, _ = turns(user("a"), assistant(call("1")), user("reminder", result("1", "x")))
    assert wires[2]["content"] == [outcome("1", "x"), text("reminder")]


def test_case_040_calls_and_results_without_their_other_half() -> None:
    wires, ctx = turns(user("a"), assistant(call("1")))
    assert wires[2]["content"] == [outcome("1", "[no result recorded]", status="error")]
    assert "emulated" in lost(ctx).values()
    wires, ctx = turns(user("a"), assistant("b"), user(result("9", "x")))
    assert wires[2]["content"] == [text("[tool result for 9]: x")]
    assert lost(ctx) == {"messages[2].parts[0]": "emulated"}


def test_case_040_calls_without_tools_name_them() -> None:
    wire, ctx = sent(asked(user("a"), assistant(call("1", "look")), user(result("1", "x"))))
    schema = {"json": {"type": "object", "properties": {}}}
    assert wire["toolConfig"] == {"tools": [{"toolSpec": {"name": "look", "inputSchema": schema}}]}
    assert lost(ctx) == {"tools": "emulated"}


def test_case_041_of_two_results_the_last_counts() -> None:
    wires, ctx = turns(user("a"), assistant(call("1")), user(result("1", "x"), result("1", "y")))
    assert wires[2]["content"] == [outcome("1", "y")] and lost(ctx)


@pytest.mark.parametrize("id", ["a" * 65, "fs/readFile#0", "é" * 300])
def test_case_042_and_070_ids_are_respelled_alike_and_come_back(id: str) -> None:
    wires, ctx = turns(user("a"), assistant(call(id)), user(result(id, "x")))
    spelled = wires[1]["content"][0]["toolUse"]["toolUseId"]
    assert spelled == wires[2]["content"][0]["toolResult"]["toolUseId"] and len(spelled) <= 64
    assert ctx.original(spelled) == id


def test_case_042_what_this_api_takes_stays_as_it_is() -> None:
    id = "call.a:b_c-" + "9" * 53
    wires, ctx = turns(user("a"), assistant(call(id)), user(result(id, "x")))
    assert wires[1]["content"][0]["toolUse"]["toolUseId"] == id and not ctx.renamed


def test_case_071_names_are_respelled_everywhere_and_come_back() -> None:
    name = "mcp__srv/do@x" + "y" * 60
    tool = replace(TOOL, name=name)
    request = asked(
        user("a"),
        assistant(call("1", name)),
        user(result("1", "x")),
        tools=(tool,),
        tool_choice=ToolChoice("tool", name),
    )
    wire, ctx = sent(request)
    spelled = wire["toolConfig"]["tools"][0]["toolSpec"]["name"]
    assert len(spelled) <= 64 and wire["toolConfig"]["toolChoice"] == {"tool": {"name": spelled}}
    assert wire["messages"][1]["content"][0]["toolUse"]["name"] == spelled
    answer = {"output": {"message": {"role": "assistant", "content": [use("2", spelled)]}}, "stopReason": "tool_use"}
    [back] = B.decode_response(answer, ctx).parts
    assert isinstance(back, ToolCall) and back.name == name


@pytest.mark.parametrize("parameters", [None, {}, {"type": "object"}])
def test_case_043_a_tool_without_parameters(parameters: Any) -> None:
    wire, _ = sent(asked(tools=(Tool(name="now", parameters=parameters, description=""),)))
    spec = wire["toolConfig"]["tools"][0]["toolSpec"]
    assert spec == {"name": "now", "inputSchema": {"json": {"type": "object", "properties": {}}}}


def test_case_044_and_097_schemas_are_written_as_claude_takes_them() -> None:
    tool = Tool(name="f", parameters={"type": "array", "items": {"type": "string"}})
    wire, ctx = sent(asked(tools=(tool,)))
    schema = wire["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"]
    assert schema["type"] == "object" and schema["properties"]["value"]["type"] == "array"
    assert "f" in ctx.respelled


def test_case_045_tools_that_run_elsewhere() -> None:
    search = Tool(name="web_search", server="web_search_20250305")
    with pytest.raises(GatewayError, match="web_search_20250305"):
        sent(asked(tools=(search,)))
    wire, ctx = sent(asked(tools=(search, TOOL)))
    assert len(wire["toolConfig"]["tools"]) == 1 and "tools[0]" in lost(ctx)
    wire, ctx = sent(asked(tools=(search,)), model=NOVA, profile=Profile(model_fields="nova"))
    assert wire["toolConfig"]["tools"] == [{"systemTool": {"name": "nova_grounding"}}]
    assert lost(ctx) == {"tools[0]": "emulated"}


def test_case_046_limits_are_kept_and_clamped() -> None:
    assert "inferenceConfig" not in sent(asked())[0], "this API needs none"
    wire, ctx = sent(asked(sampling=Sampling(max_tokens=9000)), profile=Profile(max_tokens_limit=5000))
    assert wire["inferenceConfig"] == {"maxTokens": 5000}
    assert lost(ctx) == {"sampling.max_tokens": "clamped"}


def test_case_047_empty_texts_and_results() -> None:
    wires, ctx = turns(
        user("a", "", "  "), assistant("", call("1"), call("2")), user(result("1"), result("2", "")), assistant("")
    )
    assert wires == [
        {"role": "user", "content": [text("a")]},
        {"role": "assistant", "content": [use("1"), use("2")]},
        {"role": "user", "content": [outcome("1", "(empty)"), outcome("2", "(empty)")]},
    ]
    assert ctx.losses == []


def test_case_048_and_049_system_messages_anywhere_and_turns_of_one_role() -> None:
    wires, ctx = turns(user("a"), user("b"), assistant("c"), system("d"), user("e"))
    assert [wire["role"] for wire in wires] == ["user", "assistant", "user"]
    assert wires[0]["content"] == [text("a"), text("b")] and wires[2]["content"] == [text("d"), text("e")]
    assert lost(ctx) == {"messages[3]": "emulated"}


def test_case_050_sampling_within_what_the_model_takes() -> None:
    s = Sampling(temperature=1.8, top_p=0.5, top_k=7, seed=1, presence_penalty=0.5, frequency_penalty=0)
    wire, ctx = sent(asked(sampling=s))
    assert wire["inferenceConfig"] == {"temperature": 1.0, "topP": 0.5}
    assert wire["additionalModelRequestFields"] == {"top_k": 7}
    expected = {"sampling.temperature": "clamped", "sampling.seed": "dropped", "sampling.presence_penalty": "dropped"}
    assert lost(ctx) == expected
    wire, _ = sent(asked(sampling=s), profile=Profile(model_fields="nova"))
    assert wire["additionalModelRequestFields"] == {"inferenceConfig": {"topK": 7}}
    wire, ctx = sent(asked(sampling=s), profile=Profile(top_p_beside_temperature=False))
    assert "topP" not in wire["inferenceConfig"] and lost(ctx).keys() >= {"sampling.top_p", "sampling.top_k"}
    wire, ctx = sent(asked(sampling=s), profile=Profile(sampling=False))
    assert "inferenceConfig" not in wire and "sampling.top_p" in lost(ctx)


@pytest.mark.parametrize(
    ("thinking", "limit", "budget", "left"),
    [
        (Thinking(budget=2000), 5000, 2000, 5000),
        (Thinking(budget=2000), None, 2000, None),
        (Thinking(budget=2000), 1000, 2000, 3000),
        (Thinking(budget=10), 5000, 1024, 5000),
        (Thinking(effort="low"), None, 2048, None),
        (Thinking(effort="high"), 4000, 3000, 4000),
        (Thinking(effort="high"), 1000, 1024, 2024),
        (Thinking(), None, 8192, None),
    ],
)
def test_case_051_a_budget_fits_its_limit(thinking: Thinking, limit: Any, budget: int, left: Any) -> None:
    wire, _ = sent(asked(thinking=thinking, sampling=Sampling(max_tokens=limit, temperature=0.5, top_p=1)))
    assert wire["additionalModelRequestFields"] == {"thinking": {"type": "enabled", "budget_tokens": budget}}
    assert wire.get("inferenceConfig", {}).get("maxTokens") == left
    assert "temperature" not in wire.get("inferenceConfig", {}), "not with thinking"


def test_case_051_no_room_for_thinking() -> None:
    profile = replace(THINKER, max_tokens_limit=1200)
    wire, ctx = sent(asked(thinking=Thinking(budget=5000), sampling=Sampling(max_tokens=1200)), profile=profile)
    assert "additionalModelRequestFields" not in wire and "thinking" in lost(ctx)


def test_case_052_every_vendor_is_told_to_think_in_its_own_words() -> None:
    def fields(wish: Thinking, **profile: Any) -> tuple[Any, Context]:
        wire, ctx = sent(asked(thinking=wish), profile=Profile(**profile))
        return wire.get("additionalModelRequestFields"), ctx

    high = Thinking(effort="xhigh")
    told, _ = fields(high, model_fields="anthropic", thinking="adaptive")
    assert told == {"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}}
    told, ctx = fields(high, model_fields="nova")
    assert told == {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}
    assert lost(ctx) == {"thinking.effort": "clamped"}
    assert fields(high, model_fields="openai")[0] == {"reasoning_effort": "high"}
    for profile in ({}, {"model_fields": "anthropic", "thinking": "none"}):
        told, ctx = fields(high, **profile)
        assert told is None and lost(ctx) == {"thinking": "dropped"}
    off = Thinking(effort="none")
    assert fields(off, model_fields="nova")[0] == {"reasoningConfig": {"type": "disabled"}}
    assert fields(off, model_fields="anthropic")[0] is None


def test_case_035_and_102_where_claude_may_not_think() -> None:
    think = Thinking(budget=2000)
    for request in (
        asked(user("a"), assistant(call("1")), user(result("1", "x")), tools=(TOOL,), thinking=think),
        asked(user("a"), assistant("Well"), thinking=think),
        asked(tools=(TOOL,), tool_choice=ToolChoice("required"), thinking=think),
    ):
        wire, ctx = sent(request)
        assert "additionalModelRequestFields" not in wire and "thinking" in lost(ctx)


def test_case_053_stop_sequences_and_which_was_met() -> None:
    wire, ctx = sent(asked(sampling=Sampling(stop=("X", " ", "Y"))))
    assert wire["inferenceConfig"] == {"stopSequences": ["X", "Y"]}
    assert wire["additionalModelResponseFieldPaths"] == ["/stop_sequence", "/delta/stop_sequence"]
    assert lost(ctx) == {"sampling.stop": "dropped"}
    wire, _ = sent(asked(sampling=Sampling(stop=("X",))), profile=Profile())
    assert "additionalModelResponseFieldPaths" not in wire


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        (ToolChoice(), None),
        (ToolChoice("required"), {"any": {}}),
        (ToolChoice("tool", "f"), {"tool": {"name": "f"}}),
    ],
)
def test_case_054_tool_choice(choice: ToolChoice, wire: Any) -> None:
    assert sent(asked(tools=(TOOL,), tool_choice=choice))[0]["toolConfig"].get("toolChoice") == wire


def test_case_054_choices_this_api_has_not() -> None:
    wire, ctx = sent(asked(tools=(TOOL,), tool_choice=ToolChoice("none")))
    assert "toolConfig" not in wire and lost(ctx) == {"tool_choice": "emulated"}
    history = (user("a"), assistant(call("1")), user(result("1", "x")))
    wire, ctx = sent(asked(*history, tools=(TOOL,), tool_choice=ToolChoice("none")))
    assert wire["toolConfig"]["tools"] and lost(ctx) == {"tool_choice": "dropped"}
    choice = ToolChoice("auto", parallel=False, allowed=("g",))
    wire, ctx = sent(asked(tools=(TOOL, replace(TOOL, name="g")), tool_choice=choice))
    assert [tool["toolSpec"]["name"] for tool in wire["toolConfig"]["tools"]] == ["g"]
    assert lost(ctx) == {"tool_choice.allowed": "emulated", "tool_choice.parallel": "dropped"}
    wire, ctx = sent(
        asked(tools=(TOOL,), tool_choice=ToolChoice("required")), profile=Profile(tool_choice_required=False)
    )
    assert "toolChoice" not in wire["toolConfig"] and "tool_choice" in lost(ctx)


POINT = {"cachePoint": {"type": "default"}}


def test_case_055_cache_points_are_elements_of_their_own_and_at_most_four() -> None:
    mark = Cache()
    request = asked(
        system(Text(text="S", cache=Cache(ttl="1h"))),
        user(Text(text="a", cache=mark), "b"),
        assistant(call("1")),
        user(result("1", "x", cache=Cache(ttl="5m")), Text(text="c", cache=mark)),
        tools=(replace(TOOL, cache=mark), TOOL),
    )
    wire, ctx = sent(request)
    assert "cachePoint" not in str(wire["toolConfig"]), "the first of five goes"
    assert lost(ctx) == {"cache": "clamped"}
    assert wire["system"] == [text("S"), {"cachePoint": {"type": "default", "ttl": "1h"}}]
    assert wire["messages"][0]["content"] == [text("a"), POINT, text("b")]
    assert wire["messages"][2]["content"] == [outcome("1", "x"), POINT, text("c"), POINT]


def test_case_055_models_that_take_no_marks_or_not_everywhere() -> None:
    request = asked(user(Text(text="a", cache=Cache())), tools=(replace(TOOL, cache=Cache()),))
    wire, ctx = sent(request, profile=Profile())
    assert "cachePoint" not in str(wire)
    assert lost(ctx) == {"messages[0].parts[0].cache": "dropped", "tools[0].cache": "dropped"}
    wire, ctx = sent(request, profile=Profile(cache_control=True, cache_tools=False))
    assert wire["messages"][0]["content"] == [text("a"), POINT] and lost(ctx) == {"tools[0].cache": "dropped"}
    film = Media(media_type="video/mp4", source=Base64("AAAA"), cache=Cache())
    wire, ctx = sent(asked(user("a", film)))
    assert wire["messages"][0]["content"][1] == POINT and lost(ctx) == {"messages[0].parts[1].cache": "emulated"}
    wire, ctx = sent(asked(user(film, "a")))
    assert "cachePoint" not in str(wire) and lost(ctx) == {"messages[0].parts[0].cache": "dropped"}


SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


def test_case_056_a_format_is_enforced_or_asked_for() -> None:
    wire, _ = sent(asked(format=Format(schema=SCHEMA, name="a b", description="d")))
    held = wire["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
    assert json.loads(held.pop("schema")) == SCHEMA | {"additionalProperties": False}
    assert held["description"] == "d" and " " not in held["name"]
    wire, ctx = sent(asked(format=Format(schema=SCHEMA)), profile=Profile(json_schema=False))
    assert "outputConfig" not in wire and json.dumps(SCHEMA["required"]) in wire["system"][0]["text"]
    assert lost(ctx) == {"format.schema": "emulated"}
    assert mended(Response(origin="", id="", model="", parts=(Text(text="```json\n{}\n```"),)), ctx).parts == (
        Text(text="{}"),
    ), "models put a fence around what they are asked for in words"
    wire, ctx = sent(asked(format=Format()))
    assert "JSON" in wire["system"][0]["text"] and lost(ctx) == {"format": "emulated"}


def test_strict_tools() -> None:
    tool = replace(TOOL, strict=True)
    spec = sent(asked(tools=(tool,)))[0]["toolConfig"]["tools"][0]["toolSpec"]
    assert spec["strict"] is True and spec["inputSchema"]["json"]["additionalProperties"] is False
    wire, ctx = sent(asked(tools=(tool,)), profile=Profile(strict_tools=False))
    assert "strict" not in wire["toolConfig"]["tools"][0]["toolSpec"] and lost(ctx) == {"tools[0].strict": "dropped"}


MEDIA = [
    (Media(media_type="image/*", source=Base64(PNG)), {"image": {"format": "png", "source": {"bytes": PNG}}}),
    (Media(media_type="image/jpg", source=Base64("AA")), {"image": {"format": "jpeg", "source": {"bytes": "AA"}}}),
    (
        Media(media_type="application/pdf", source=Base64("JVBE"), name="a_b.pdf"),
        {"document": {"format": "pdf", "source": {"bytes": "JVBE"}, "name": "a-b-pdf"}},
    ),
    (
        Media(media_type="text/markdown; charset=utf-8", source=Base64("eA==")),
        {"document": {"format": "md", "source": {"bytes": "eA=="}, "name": "md"}},
    ),
    (
        Media(media_type="application/json", source=Base64("e30=")),
        {"document": {"format": "txt", "source": {"bytes": "e30="}, "name": "txt"}},
    ),
    (Media(media_type="video/mp4", source=Base64("AA")), {"video": {"format": "mp4", "source": {"bytes": "AA"}}}),
    (Media(media_type="audio/mpeg", source=Base64("AA")), {"audio": {"format": "mp3", "source": {"bytes": "AA"}}}),
    (
        Media(media_type="image/png", source=Url("s3://b/a.png")),
        {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://b/a.png"}}}},
    ),
]


@pytest.mark.parametrize(("media", "wire"), MEDIA)
def test_case_059_and_060_media_in_questions_and_results(media: Media, wire: Any) -> None:
    wires, ctx = turns(user("a", media))
    assert wires[0]["content"] == [text("a"), wire] and ctx.losses == []
    wires, _ = turns(user("a"), assistant(call("1")), user(result("1", "x", media)))
    assert wires[2]["content"][0]["toolResult"]["content"] == [text("x"), wire]


def test_documents_have_different_names_and_a_text_beside_them() -> None:
    pdf = Media(media_type="application/pdf", source=Base64("JVBE"), name="a  b")
    wires, ctx = turns(user(pdf, pdf))
    first, second, beside = wires[0]["content"]
    assert (first["document"]["name"], second["document"]["name"]) == ("a b", "a b 2")
    assert beside["text"] and lost(ctx) == {"messages[0]": "emulated"}


@pytest.mark.parametrize(
    "media",
    [
        Media(media_type="image/png", source=Url("https://a.example/a.png")),
        Media(media_type="image/png", source=FileId("openai", "file-1")),
        Media(media_type="image/svg+xml", source=Base64("PHN2Zz4=")),
        Media(media_type="application/zip", source=Base64("UEsD")),
    ],
)
def test_case_110_media_the_model_would_miss_are_refused_by_their_path(media: Media) -> None:
    with pytest.raises(GatewayError) as caught:
        turns(user("a", media))
    assert caught.value.kind is Kind.INVALID_REQUEST and caught.value.param == "messages[0].content[1]"


def test_media_where_none_may_stand_move_to_the_users_turn() -> None:
    image = Media(media_type="image/png", source=Base64(PNG))
    wires, ctx = turns(system(image), user("a"), assistant(image, "b"), user("c"))
    assert "image" in wires[0]["content"][0] and "image" in wires[2]["content"][0]
    assert set(lost(ctx).values()) == {"emulated"}


def test_case_062_calls_end_an_assistant_turn() -> None:
    wires, _ = turns(user("a"), assistant("b", call("1"), "c"), user(result("1", "x")))
    assert wires[1]["content"] == [text("b"), text("c"), use("1")]


@pytest.mark.parametrize("arguments", ["[1,2]", '"x"', '{"a":', "null"])
def test_case_063_arguments_that_are_no_object_do_not_stop_a_conversation(arguments: str) -> None:
    wires, ctx = turns(user("a"), assistant(call("1", arguments=arguments)), user(result("1", "x")))
    assert wires[1]["content"] == [use("1", input={"arguments": arguments})] and lost(ctx)


def test_case_072_fields_of_one_client_are_reported() -> None:
    request = asked(extra={"context_management": {"a": 1}, "nothing": None}, user="u")
    wire, ctx = sent(request)
    assert wire.keys() == {"messages"} and lost(ctx) == {"context_management": "dropped", "user": "dropped"}


def test_case_074_tokens_are_counted_without_settings() -> None:
    request = asked(system("S"), user("a"), tools=(TOOL,), sampling=Sampling(max_tokens=9, top_p=0.5))
    ctx = laws.context(model=CLAUDE)
    wire = COUNT.encode_request(request, ctx)
    assert wire["input"]["converse"].keys() == {"messages", "system", "toolConfig"}
    assert COUNT.path(request, CLAUDE) == "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/count-tokens"
    assert COUNT.decode_response({"inputTokens": 7}, ctx) == CountResponse(7)
    assert COUNT.encode_response(CountResponse(7), ctx) == {"inputTokens": 7}
    there = COUNT.decode_request(wire, laws.context())
    assert there.messages == (system("S"), user("a"))
    for odd in ({}, [], {"inputTokens": "7"}):
        with pytest.raises(GatewayError):
            COUNT.decode_response(odd, ctx)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model", "issuer"),
    [
        (CLAUDE, "anthropic"),
        ("anthropic.claude-v2", "anthropic"),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/eu.anthropic.claude-3-7-sonnet-20250219-v1:0", "anthropic"),
        ("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc", "anthropic"),
        ("", "anthropic"),
        (NOVA, "bedrock.amazon"),
        ("deepseek.r1-v1:0", "bedrock.deepseek"),
        ("arn:aws:bedrock:us-east-1::foundation-model/meta.llama3-70b-v1:0", "bedrock.meta"),
    ],
)
def test_case_087_who_signs_what_a_model_thinks(model: str, issuer: str) -> None:
    assert issuer_of(model) == issuer


def test_case_087_only_the_models_own_signatures_are_sent() -> None:
    signed = Reasoning(text="Hm.", signature=Signature("anthropic", "c2ln"))
    redacted = Reasoning(redacted=True, signature=Signature("anthropic", "EvAF"))
    foreign = Reasoning(text="Hm.", signature=Signature("google", "x"))
    history = (user("a"), assistant(signed, redacted, foreign, Reasoning(text="bare"), "b"), user("c"))
    wires, ctx = turns(*history)
    assert wires[1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}},
        {"reasoningContent": {"redactedContent": "RXZBRg=="}},
        text("b"),
    ]
    assert lost(ctx).keys() == {"messages[1].parts[2]", "messages[1].parts[3]"}
    wires, _ = turns(*history, model=NOVA)
    assert wires[1]["content"] == [text("b")]
    wires, _ = turns(*history, model="openai.gpt-oss-120b-1:0", profile=Profile(send_reasoning="field"))
    assert wires[1]["content"][0] == {"reasoningContent": {"reasoningText": {"text": "Hm."}}}


def test_case_087_another_vendors_thoughts_stay_behind_at_home_too() -> None:
    signed = Reasoning(text="Hm.", signature=Signature("anthropic", "c2ln"))
    request = replace(asked(user("a"), assistant(signed, "b"), user("c")), origin="bedrock.converse")
    wire, ctx = sent(request, model=NOVA)
    assert wire["messages"][1]["content"] == [text("b")] and lost(ctx)
    assert "reasoningContent" in str(sent(request)[0])


def test_case_102_a_beginning_of_the_answer_is_kept_and_a_user_comes_first() -> None:
    wires, ctx = turns(assistant("b"), user("c"), assistant("It is \n"))
    assert [wire["role"] for wire in wires] == ["user", "assistant", "user", "assistant"]
    assert wires[3]["content"] == [text("It is")] and lost(ctx) == {"messages": "emulated"}
    wires, ctx = turns(user("a"), assistant("It is"), profile=Profile(prefill=False))
    assert [wire["role"] for wire in wires] == ["user", "assistant", "user"] and lost(ctx) == {
        "messages[1]": "emulated"
    }


def test_parts_without_a_form_here_are_reported() -> None:
    server = ToolCall(id="1", name="s", server=True)
    cited = Text(text="a", citations=(Citation(title="t"),), signature=Signature("google", "x"))
    wires, ctx = turns(user("a"), assistant(server, Opaque(kind="riddle", raw={}), cited), user("b"))
    assert wires[1]["content"] == [text("a")] and len(ctx.losses) == 4


def test_answers_in_other_forms_than_text_are_refused_or_reported() -> None:
    with pytest.raises(GatewayError, match="audio"):
        sent(asked(modalities=("audio",)))
    assert lost(sent(asked(modalities=("text", "image")))[1]) == {"modalities": "dropped"}


# -- answers for clients of Converse ---------------------------------------------------


def shown(*parts: Any, **fields: Any) -> tuple[dict[str, Any], Context]:
    ctx = laws.context()
    response = Response(origin="elsewhere", id="x", model="m", parts=parts, **fields)
    wire = json.loads(json.dumps(B.encode_response(response, ctx)))
    again = laws.context()
    there = laws.reread(B, laws.render(B, unfold(response)))
    assert laws.gist(there) == laws.gist(B.decode_response(wire, again)) | {"stop": there.stop.reason}
    return wire, ctx


def test_an_answer_from_elsewhere() -> None:
    usage = Usage(input=10, output=5, cache_read=3, cache_write=4, cache_write_1h=1)
    signed = Reasoning(text="Hm.", signature=Signature("anthropic", "c2ln"))
    wire, ctx = shown(signed, Text(text="a"), call("1", arguments='{"a":1}'), usage=usage, stop=Stop("tool_calls"))
    assert wire["output"]["message"] == {
        "role": "assistant",
        "content": [
            {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}},
            text("a"),
            use("1", input={"a": 1}),
        ],
    }
    assert wire["stopReason"] == "tool_use"
    assert wire["usage"] == {
        "inputTokens": 3,
        "outputTokens": 5,
        "totalTokens": 15,
        "cacheReadInputTokens": 3,
        "cacheWriteInputTokens": 4,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 1}, {"ttl": "5m", "inputTokens": 3}],
    }
    assert ctx.losses == []


def test_what_an_answer_cannot_show_is_reported() -> None:
    image = Media(media_type="image/png", source=Base64(PNG))
    cited = Text(text="a", citations=(Citation(cited_text="c", url="https://a.example", title="t"),))
    google = Reasoning(text="Hm.", signature=Signature("google", "x"))
    film = Media(media_type="video/mp4", source=Base64("AA"))
    wire, ctx = shown(Text(text=""), google, image, cited, film, ToolCall(id="s", name="s", server=True))
    thought, picture, citing, link = wire["output"]["message"]["content"]
    assert thought == {"reasoningContent": {"reasoningText": {"text": "Hm."}}}
    assert picture == {"image": {"format": "png", "source": {"bytes": PNG}}}
    source = {"title": "t", "sourceContent": [text("c")], "location": {"web": {"url": "https://a.example"}}}
    assert citing == {"citationsContent": {"content": [text("a")], "citations": [source]}}
    assert link == text("[Generated Video](data:video/mp4;base64,AA)")
    assert lost(ctx) == {"parts[1].signature": "dropped", "parts[4]": "emulated", "parts[5]": "dropped"}


def test_a_stop_sequence_is_named() -> None:
    wire, _ = shown(Text(text="a"), stop=Stop("stop", None, "END"))
    assert wire["stopReason"] == "stop_sequence"
    assert B.decode_response(wire, laws.context()).stop.sequence == "END"


def test_models_are_listed_in_amazons_words() -> None:
    wire = B.encode_models((Model(id="a", provider="p", name="A"),))
    assert wire["modelSummaries"][0]["modelId"] == "a"
    assert B.decode_models(wire, "p") == (Model(id="a", provider="p", name="A"),)
    with pytest.raises(GatewayError):
        B.decode_models({}, "p")


def test_case_083_a_model_is_one_step_of_the_path() -> None:
    arn = "arn:aws:bedrock:us-east-1:1:inference-profile/us.a-v1:0"
    assert B.path(arn, True) == (
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.a-v1%3A0/converse-stream"
    )
    assert B.path("小米", False) == "/model/%E5%B0%8F%E7%B1%B3/converse"
    for odd in ("", ".", ".."):
        with pytest.raises(GatewayError):
            B.path(odd, False)
