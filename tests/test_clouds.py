"""The envelopes of clouds, held against recordings: where a request goes, what of it is altered, and who signs it."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

import laws
from dragoman.core.codec import Context
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.media import EmbedRequest
from dragoman.dialects import CODECS, MEDIA
from dragoman.providers.catalog import catalogue, profile_of
from dragoman.providers.clouds import ENVELOPES, Letter, Place, Sealed
from dragoman.providers.clouds.azure import AzureKey
from dragoman.providers.clouds.claude import enclosed
from dragoman.providers.clouds.google import Google
from traffic import Exchange, exchanges

WORDS = (
    *(
        "model",
        "messages",
        "system",
        "tools",
        "content",
        "cache_control",
        "scope",
        "type",
        "stream",
        "mcp_servers",
        "container",
    ),
    *(
        "defer_loading",
        "input_examples",
        "x",
        "contents",
        "parts",
        "role",
        "generateContentRequest",
        "speed",
        "anthropic_version",
    ),
)
VERTEX, AZURE = ENVELOPES["vertex"], ENVELOPES["azure"]
HOUSE = Place(base_url="https://us-east5-aiplatform.googleapis.com", project="house-1", location="us-east5")


def letter(dialect: str, path: str, model: str = "m", body: Any = None, **headers: str) -> Letter:
    raw = None if body is None else json.dumps(body).encode()
    return Letter(model=model, dialect=dialect, path=path, body=raw, headers=headers)


def body_of(sealed: Sealed) -> Any:
    return json.loads(sealed.body or b"null")


# -- addresses, as recorded ------------------------------------------------------------

PLACED = re.compile(r"/(v1|v1beta1)/projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)/")


def written(case: Exchange) -> tuple[str, str, str, bool]:
    """What a codec writes for a recorded request: dialect, path, model, and whether it streams."""
    path = case.record["request"]["path"].partition("?")[0]
    model, _, verb = path.rpartition("/")[2].rpartition(":")
    if case.api.startswith("vertex.anthropic"):
        stream = verb == "streamRawPredict"
        return "anthropic", CODECS["anthropic"].path(model, stream), model, stream
    stream = verb.startswith("stream")
    if verb in ("generateContent", "streamGenerateContent"):
        return "gemini", CODECS["gemini"].path(model, stream), model, stream
    codec = MEDIA["gemini", {"countTokens": "count", "predict": "image", "embedContent": "embed.one"}[verb]]
    return "gemini", codec.path(None, model), model, stream


@pytest.mark.parametrize("case", exchanges("vertex."))
def test_a_vertex_address_is_the_recorded_one(case: Exchange) -> None:
    request = case.record["request"]
    host, path = request["host"], request["path"]
    found = PLACED.match(path)
    assert found is not None
    location = found["location"]
    dialect, codec_path, model, stream = written(case)
    home = VERTEX.base_url(Place(location=location))
    regional = re.fullmatch(r"[a-z]+-[a-z]+\d", location)
    if (host != "aiplatform.googleapis.com" and regional) or location == "global":
        assert home == f"https://{host}"
    place = Place(base_url=f"https://{host}", project=found["project"], location=location)
    sealed = VERTEX.seal(letter(dialect, codec_path, model, {"stream": stream, "contents": []}), place)
    recorded, made = urlsplit(f"https://{host}{path}"), urlsplit(sealed.url)
    version = "v1" if dialect == "anthropic" else "v1beta1"  # one client of 40 asks v1
    assert made.path == re.sub("^/v1(beta1)?/", f"/{version}/", recorded.path)
    assert made.netloc == recorded.netloc
    assert dict(parse_qsl(made.query)) == {k: v for k, v in parse_qsl(recorded.query) if k == "alt"}


@pytest.mark.parametrize("case", exchanges("azure."))
def test_an_azure_address_is_the_recorded_one(case: Exchange) -> None:
    request = case.record["request"]
    recorded = urlsplit(f"https://{request['host']}{request['path']}")
    version = dict(parse_qsl(recorded.query)).get("api-version", "v1")
    place = Place(base_url=f"https://{request['host']}", api_version=version)
    dialect = "openai.responses" if case.api == "azure.responses" else "openai.chat"
    model = recorded.path.split("/")[3] if "/deployments/" in recorded.path else case.record["model"] or "m"
    path = MEDIA[dialect, "embed"].path(None, model) if "embed" in case.api else CODECS[dialect].path(model, False)
    assert AZURE.seal(letter(dialect, path, model), place).url == recorded.geturl()


V, A = "https://us-east5-aiplatform.googleapis.com", "https://house.openai.azure.com"
HOME = f"{V}/v1beta1/projects/house-1/locations/us-east5"


@pytest.mark.parametrize(
    ("dialect", "path", "model", "url"),
    [
        ("gemini", "/v1beta/models/gemini-2.5-flash:generateContent", "gemini-2.5-flash",
         f"{HOME}/publishers/google/models/gemini-2.5-flash:generateContent"),
        ("gemini", "/v1beta/models/x:streamGenerateContent?alt=sse", "projects/9/locations/us-east5/endpoints/77",
         f"{V}/v1beta1/projects/9/locations/us-east5/endpoints/77:streamGenerateContent?alt=sse"),
        ("gemini", "/v1beta/models/x:countTokens", "publishers/google/models/gemini-2.5-pro",
         f"{HOME}/publishers/google/models/gemini-2.5-pro:countTokens"),
        ("vertex", ":predict", "text-embedding-005", f"{HOME}/publishers/google/models/text-embedding-005:predict"),
        ("openai.chat", "/chat/completions", "deepseek-ai/deepseek-r1-0528-maas",
         f"{V}/v1/projects/house-1/locations/us-east5/endpoints/openapi/chat/completions"),
        ("anthropic", "/v1/messages/count_tokens?beta=true", "claude-sonnet-4-5@20250929",
         f"{V}/v1/projects/house-1/locations/us-east5/publishers/anthropic/models/count-tokens:rawPredict"),
        ("gemini", "/v1beta/models/x:generateContent", "a b?c#d",
         f"{HOME}/publishers/google/models/a%20b%3Fc%23d:generateContent"),
    ],
)  # fmt: skip
def test_vertex_addresses(dialect: str, path: str, model: str, url: str) -> None:
    assert VERTEX.seal(letter(dialect, path, model, {}), HOUSE).url == url


def test_a_key_of_vertex_alone_leads_to_googles_own_models() -> None:
    place = Place(base_url="https://aiplatform.googleapis.com", keyed=True)
    sealed = VERTEX.seal(letter("gemini", "/v1beta/models/m:generateContent", "m", {}), place)
    assert sealed.url == "https://aiplatform.googleapis.com/v1beta1/publishers/google/models/m:generateContent"
    with pytest.raises(GatewayError, match="set project") as caught:
        VERTEX.seal(letter("anthropic", "/v1/messages", "claude-3", {}), place)
    assert caught.value.kind is Kind.INVALID_REQUEST


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("", "aiplatform.googleapis.com"),
        ("global", "aiplatform.googleapis.com"),
        ("europe-west4", "europe-west4-aiplatform.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
    ],
)
def test_where_a_location_is(location: str, host: str) -> None:
    assert VERTEX.base_url(Place(location=location)) == f"https://{host}"


@pytest.mark.parametrize(
    ("base", "version", "path", "url"),
    [
        (A, "", "/chat/completions", f"{A}/openai/v1/chat/completions"),
        (A, "v1", "/responses/input_tokens", f"{A}/openai/v1/responses/input_tokens"),
        (A, "preview", "/responses", f"{A}/openai/v1/responses?api-version=preview"),
        (f"{A}/openai/v1", "v1", "/embeddings", f"{A}/openai/v1/embeddings"),
        (f"{A}/openai", "2024-10-21", "/embeddings", f"{A}/openai/deployments/my%2Fdep/embeddings?api-version=2024-10-21"),
        (A, "2025-04-01-preview", "/images/generations",
         f"{A}/openai/deployments/my%2Fdep/images/generations?api-version=2025-04-01-preview"),
        (A, "2025-04-01-preview", "/responses", f"{A}/openai/responses?api-version=2025-04-01-preview"),
        (A, "2025-04-01-preview", "/responses/resp_1", f"{A}/openai/responses/resp_1?api-version=2025-04-01-preview"),
        ("https://proxy.lan/azure", "", "/audio/speech", "https://proxy.lan/azure/openai/v1/audio/speech"),
    ],
)  # fmt: skip
def test_azure_addresses(base: str, version: str, path: str, url: str) -> None:
    place = Place(base_url=base, api_version=version)
    assert AZURE.seal(letter("openai.chat", path, "my/dep"), place).url == url


@pytest.mark.parametrize("name", [".", ".."])
def test_no_deployment_leads_out_of_its_folder(name: str) -> None:
    place = Place(base_url=A, api_version="2024-10-21")
    with pytest.raises(GatewayError, match="not the name of a deployment") as refused:
        AZURE.seal(letter("openai.chat", "/chat/completions", name), place)
    assert refused.value.param == "model"


# -- who is asked in which dialect --------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "operation", "dialect"),
    [
        ("gemini-2.5-flash", "chat", "gemini"),
        ("gemini-2.5-flash", "count", "gemini"),
        ("imagen-4.0-generate-001", "image", "gemini"),
        ("claude-sonnet-4-5@20250929", "chat", "anthropic"),
        ("claude-sonnet-4-5@20250929", "count", "anthropic"),
        ("meta/llama-3.3-70b-instruct-maas", "chat", "openai.chat"),
        ("projects/9/locations/us-east5/endpoints/77", "chat", "gemini"),
        ("publishers/google/models/gemini-2.5-pro", "chat", "gemini"),
        ("endpoints/77", "chat", "gemini"),
        ("projects/9/locations/../endpoints/77", "chat", "openai.chat"),
        ("projects/9/../../v1/projects/8/locations/us/endpoints/7", "chat", "openai.chat"),
        ("publishers/google/models/..", "chat", "openai.chat"),
        ("gemini-embedding-001", "embed", "vertex"),
        ("text-embedding-005", "embed", "vertex"),
        ("gemini-embedding-2", "embed", "vertex.content"),
    ],
)
def test_the_dialect_of_a_model_on_vertex(model: str, operation: Any, dialect: str) -> None:
    assert VERTEX.dialect(model, operation, HOUSE) == dialect


def test_rules_of_a_vendor_hold_for_its_models_in_a_cloud() -> None:
    entry = catalogue()["vertex"]
    home, here = catalogue()["anthropic"], profile_of("claude-opus-4-5@20251101", entry)
    assert here.thinking == profile_of("claude-opus-4-5-20251101", home).thinking == "budget"
    assert not here.json_schema, "Opus 4.5 is not held to schemas on Vertex"
    assert profile_of("claude-opus-4-6", entry).json_schema
    assert profile_of("gemini-2.5-flash", entry).thinking == "budget"
    assert profile_of("publishers/google/models/gemini-2.5-flash", entry).thinking == "budget"
    assert profile_of("o3", catalogue()["azure"]).efforts == ("low", "medium", "high")


@pytest.mark.parametrize(
    ("version", "api"), [("", True), ("v1", True), ("2025-03-01-preview", True), ("2024-10-21", False)]
)
def test_azure_has_responses_since(version: str, api: bool) -> None:
    assert AZURE.has_responses(Place(api_version=version)) is api


# -- bodies ------------------------------------------------------------------------------


@pytest.mark.parametrize("case", exchanges("vertex.anthropic"))
def test_a_body_of_anthropics_is_the_recorded_one(case: Exchange) -> None:
    said = {name: value for name, value in case.request.items() if name != "anthropic_version"}
    given = {"model": "claude-x", **said}
    sealed = VERTEX.seal(letter("anthropic", "/v1/messages", "claude-x", given), HOUSE)
    assert body_of(sealed) == {**said, "anthropic_version": "vertex-2023-10-16"}
    assert sealed.losses == ()
    assert sealed.url.endswith(":streamRawPredict" if case.api.endswith("stream") else ":rawPredict")


def test_what_is_not_altered_stays_byte_for_byte() -> None:
    raw = b'{"model":"m","max_tokens":5, "temperature": 1.50,"messages":[ {"role":"user", "content":"a\\u00e9"} ]}'
    sealed = VERTEX.seal(Letter(model="m", dialect="anthropic", path="/v1/messages", body=raw), HOUSE)
    assert sealed.body is not None
    assert b'[ {"role":"user", "content":"a\\u00e9"} ]' in sealed.body
    assert b"1.50" in sealed.body
    contents = b'{"contents": [ {"role":"user","parts":[{"text":"\\u00e9"}]} ] }'
    path = "/v1beta/models/m:generateContent"
    assert VERTEX.seal(Letter(model="m", dialect="gemini", path=path, body=contents), HOUSE).body == contents


CODE = {
    "model": "m",
    "max_tokens": 5,
    "metadata": {"user_id": "u"},
    "output_config": {"effort": "low"},
    "context_management": {"edits": []},
    "diagnostics": {"a": 1},
    "speed": "fast",
    "service_tier": "auto",
    "cache_control": {"type": "ephemeral"},
    "x_tomorrow": 1,
    "system": [{"type": "text", "text": "scope", "cache_control": {"type": "ephemeral", "scope": "global"}}],
    "tools": [
        {
            "name": "a",
            "input_schema": {"properties": {"scope": {}, "input_examples": {}}},
            "eager_input_streaming": True,
        },
        {"name": "b", "input_schema": {}, "defer_loading": True, "input_examples": []},
    ],
    "messages": [
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "t",
                    "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "scope": "org"}}],
                }
            ],
        }
    ],
}


def test_case_072_fields_that_only_anthropic_takes() -> None:
    sealed = VERTEX.seal(letter("anthropic", "/v1/messages", "m", CODE), HOUSE)
    wire = body_of(sealed)
    assert wire.keys() == {
        "max_tokens", "metadata", "output_config", "system", "tools", "messages", "anthropic_version",
    }  # fmt: skip
    assert wire["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert wire["tools"] == [
        {"name": "a", "input_schema": CODE["tools"][0]["input_schema"]},
        {"name": "b", "input_schema": {}},
    ]  # type: ignore[index]
    assert wire["messages"][0]["content"][0]["content"][0]["cache_control"] == {"type": "ephemeral"}
    assert {loss.path for loss in sealed.losses} == {
        "context_management", "diagnostics", "speed", "service_tier", "cache_control", "x_tomorrow",
        "system[0].cache_control.scope", "tools[0].eager_input_streaming", "tools[1].defer_loading",
        "tools[1].input_examples", "messages[0].content[0].content[0].cache_control.scope",
    }  # fmt: skip


def test_case_073_betas_by_allow_list() -> None:
    header = "effort-2025-11-24, context-management-2025-06-27,advanced-tool-use-2025-11-20,claude-code-20250219"
    said = letter(
        "anthropic", "/v1/messages", "m", CODE, **{"anthropic-beta": header, "anthropic-version": "2023-06-01"}
    )
    sealed = VERTEX.seal(said, HOUSE)
    assert sealed.headers == {"anthropic-beta": "context-management-2025-06-27,tool-search-tool-2025-10-19"}
    lost = {loss.path for loss in sealed.losses}
    assert {"anthropic-beta.effort-2025-11-24", "anthropic-beta.claude-code-20250219"} <= lost
    wire = body_of(sealed)
    assert "context_management" in wire and wire["tools"][1]["defer_loading"] is True
    assert "context_management" not in lost and "tools[1].defer_loading" not in lost


def test_tools_that_are_a_beta_on_vertex_only() -> None:
    tools = [
        {"type": "web_search_20250305", "name": "web_search"},
        {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"},
        {"name": "a", "input_schema": {"type": "object"}, "defer_loading": True},
    ]
    sealed = VERTEX.seal(letter("anthropic", "/v1/messages", "m", {"tools": tools, "messages": []}), HOUSE)
    assert sealed.headers == {"anthropic-beta": "web-search-2025-03-05,tool-search-tool-2025-10-19"}
    assert body_of(sealed)["tools"] == tools
    assert sealed.losses == ()


@pytest.mark.parametrize("name", ["mcp_servers", "container"])
def test_what_an_answer_would_be_wrong_without_is_refused(name: str) -> None:
    given = {"model": "m", "messages": [], name: [{"type": "url"}]}
    with pytest.raises(GatewayError, match=f"^{name}: ") as caught:
        VERTEX.seal(letter("anthropic", "/v1/messages", "m", given), HOUSE)
    assert (caught.value.kind, caught.value.param) == (Kind.INVALID_REQUEST, name)
    VERTEX.seal(letter("anthropic", "/v1/messages", "m", {"model": "m", name: None}), HOUSE)


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, [[1]], [{"cache_control": []}], {"content": 5, "scope": {}}])
def test_odd_bodies_are_left_to_the_cloud(value: Any) -> None:
    given = {"tools": value, "system": value, "messages": value, "defer_loading": 1, "stream": value}
    found = enclosed(json.dumps(given).encode(), " , ,", {})
    assert json.loads(found.body) == {name: inner for name, inner in given.items() if name != "defer_loading"}


def test_a_count_names_its_model_and_holds_no_version_of_a_stream() -> None:
    sealed = VERTEX.seal(
        letter("anthropic", "/v1/messages/count_tokens", "claude-x", {"messages": [], "model": "y"}), HOUSE
    )
    assert body_of(sealed) == {"messages": [], "model": "claude-x", "anthropic_version": "vertex-2023-10-16"}


@pytest.mark.parametrize("case", exchanges("vertex.count_tokens"))
def test_a_count_of_geminis_is_bare_contents(case: Exchange) -> None:
    codec, ctx = MEDIA["gemini", "count"], laws.context()
    whole = {"generateContentRequest": {"model": "models/m", **case.request}}
    for asked in (case.request, whole):
        request = codec.decode_request(asked, ctx)
        raw = json.dumps(codec.encode_request(request, ctx)).encode()
        sealed = VERTEX.seal(Letter(model="m", dialect="gemini", path=codec.path(request, "m"), body=raw), HOUSE)
        assert body_of(sealed) == case.request


def test_what_only_ai_studio_takes_is_left_out_and_told() -> None:
    turns = [{"role": "user", "parts": [{"text": "hi"}]}]
    given = {"contents": turns, "serviceTier": "flex", "store": False, "labels": {"a": "b"}, "x_tomorrow": 1}
    sealed = VERTEX.seal(letter("gemini", "/v1beta/models/m:generateContent", "m", given), HOUSE)
    assert body_of(sealed) == {"contents": turns, "labels": {"a": "b"}, "x_tomorrow": 1}
    assert [loss.path for loss in sealed.losses] == ["serviceTier", "store"]
    nested = {"generateContentRequest": {"model": "models/m", "contents": turns, "toolConfig": {}, "tools": []}}
    sealed = VERTEX.seal(letter("gemini", "/v1beta/models/m:countTokens", "m", nested), HOUSE)
    assert body_of(sealed) == {"contents": turns, "tools": []}
    assert [loss.path for loss in sealed.losses] == ["toolConfig"]


def test_turns_without_a_role_are_the_users() -> None:
    given = {"contents": [{"parts": [{"text": 'no "role" here'}]}, {"role": "model", "parts": []}, {"parts": []}]}
    sealed = VERTEX.seal(letter("gemini", "/v1beta/models/m:generateContent", "m", given), HOUSE)
    assert [turn["role"] for turn in body_of(sealed)["contents"]] == ["user", "model", "user"]
    for odd in (None, 5, ["x"], "x", {"parts": []}):
        sealed = VERTEX.seal(letter("gemini", "/v1beta/models/m:generateContent", "m", {"contents": odd}), HOUSE)
        assert body_of(sealed) == {"contents": odd}


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.dictionaries(st.sampled_from(WORDS), ANY, max_size=6),
    st.sampled_from(["anthropic", "gemini"]),
    st.text(max_size=9),
)
def test_any_json_at_any_place(given: dict[str, Any], dialect: str, header: str) -> None:
    """It is sealed or refused, and what is left out is told."""
    path = {"anthropic": "/v1/messages", "gemini": "/v1beta/models/m:countTokens"}[dialect]
    said = letter(dialect, path, "m", given, **{"anthropic-beta": header})
    missed = [name for name in ("mcp_servers", "container") if given.get(name) not in (None, [])]
    odd = dialect == "gemini" and not isinstance(given.get("generateContentRequest", {}), dict | None)
    if odd or (dialect == "anthropic" and missed):
        with pytest.raises(GatewayError) as caught:
            VERTEX.seal(said, HOUSE)
        assert caught.value.kind is Kind.INVALID_REQUEST
        assert caught.value.param in ("generateContentRequest", *missed)
        return
    sealed = VERTEX.seal(said, HOUSE)
    wire, lost = body_of(sealed), {loss.path for loss in sealed.losses}
    if dialect == "anthropic":
        assert given.keys() - wire.keys() - lost <= {"model"}
        assert {"anthropic_version"} >= wire.keys() - given.keys()


# -- embeddings by predict -------------------------------------------------------------------

EMBEDDED = [
    p for p in exchanges("vertex.predict") if p.values[0] is None or "image" not in str(p.values[0].request)[:40]
]


@pytest.mark.parametrize("case", [p for p in EMBEDDED if p.values[0] is None or p.values[0].request])
def test_embeddings_by_predict(case: Exchange) -> None:
    codec, ctx = MEDIA["vertex", "embed"], laws.context()
    request = codec.decode_request(case.request, ctx)
    assert codec.encode_request(request, ctx) == case.request
    answer = codec.decode_response(case.response, ctx)
    assert len(answer.vectors) == len(case.request["instances"])
    told = case.response["predictions"][0]["embeddings"]
    assert answer.vectors[0] == tuple(told["values"])
    assert answer.usage.input == told["statistics"]["token_count"]
    asked = codec.encode_request(request_of("openai.chat", {"input": ["a", "b"], "dimensions": 3}), ctx)
    assert asked == {"instances": [{"content": "a"}, {"content": "b"}], "parameters": {"outputDimensionality": 3}}


def request_of(dialect: str, wire: Mapping[str, Any]) -> EmbedRequest:
    request: EmbedRequest = MEDIA[dialect, "embed"].decode_request(dict(wire), Context())
    return request


@pytest.mark.parametrize(
    "config",
    [
        {"outputDimensionality": 8},
        {"output_dimensionality": 8, "task_type": "X"},
        {"outputDimensionality": 8, "title": "t"},
    ],
)
def test_wishes_in_a_config_of_their_own(config: dict[str, Any]) -> None:
    """As google-genai sends them since 2026, to Vertex AI in batches too."""
    one = {"content": {"parts": [{"text": "a"}]}, "embedContentConfig": config}
    many = {"requests": [one, {**one, "content": {"parts": [{"text": "b"}]}}]}
    for name, wire in (("embed.one", one), ("embed", many)):
        request = MEDIA["gemini", name].decode_request(wire, laws.context())
        assert request.dimensions == 8
        assert request.task == config.get("task_type")
        home, abroad = laws.context(), laws.context()
        written = MEDIA["gemini", name].encode_request(replace(request, model=""), home)
        assert written == wire
        assert home.losses == []
        assert MEDIA["openai.chat", "embed"].encode_request(request, abroad)["dimensions"] == 8
        assert bool([loss for loss in abroad.losses if loss.path != "task"]) == ("title" in config)


@pytest.mark.parametrize(
    "answer",
    [None, [], {}, {"predictions": []}, {"predictions": [None]}, {"predictions": [{"embeddings": {"values": ["x"]}}]}],
)
def test_an_answer_without_embeddings_is_the_providers_fault(answer: Any) -> None:
    with pytest.raises(GatewayError) as caught:
        MEDIA["vertex", "embed"].decode_response(answer, Context())
    assert caught.value.kind is Kind.UPSTREAM


# -- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "dialect"),
    [
        ({"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}, "anthropic"),
        ({"error": {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED"}}, "gemini"),
        ([{"error": {"code": 404, "message": "Publisher Model not found", "status": "NOT_FOUND"}}], "gemini"),
        ("<html>", "anthropic"),
        (None, "anthropic"),
        ([], "anthropic"),
        ({"error": "invalid_grant"}, "anthropic"),
    ],
)
def test_googles_own_errors_are_told_in_its_own_words(wire: Any, dialect: str) -> None:
    assert VERTEX.complains_in("anthropic", wire) == dialect


FILTERED = {
    "error": {
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"hate": {"filtered": True}}},
    }
}


@pytest.mark.parametrize(
    ("status", "wire", "kind"),
    [
        (400, FILTERED, Kind.CONTENT_POLICY),
        (401, {"statusCode": 401, "message": "Unauthorized. Access token is missing, invalid or expired."}, Kind.AUTHENTICATION),
        (404, {"error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}}, Kind.NOT_FOUND),
        (429, {"error": {"code": "429", "message": "Requests have exceeded call rate limit. Please retry after 7 seconds."}}, Kind.RATE_LIMIT),
        (400, {"error": {"message": "Input tokens exceed the configured limit of 272000 tokens.", "code": None}}, Kind.CONTEXT_LENGTH),
    ],
)  # fmt: skip
@pytest.mark.parametrize("dialect", ["openai.chat", "openai.responses"])
def test_azures_errors(dialect: str, status: int, wire: Any, kind: Kind) -> None:
    error = CODECS[dialect].decode_error(status, wire, {})
    assert error.kind is kind
    assert error.message


# -- who signs -----------------------------------------------------------------------------------

ASKED = Sealed(url="https://x.example/", body=b"{}")


@pytest.mark.parametrize(
    ("signer", "key", "headers"),
    [
        (AzureKey(), "0123abc", {"api-key": "0123abc"}),
        (AzureKey(), "eyJ0eXAi.eyJhdWQi.c2ln", {"authorization": "Bearer eyJ0eXAi.eyJhdWQi.c2ln"}),
        (AzureKey(), None, {}),
        (Google(), "AIzaSyA", {"x-goog-api-key": "AIzaSyA"}),
        (Google(), "AQ.Ab8", {"x-goog-api-key": "AQ.Ab8"}),
        (Google(), "ya29.a0A", {"authorization": "Bearer ya29.a0A"}),
    ],
)
async def test_a_key_is_sent_as_it_is_meant(signer: Any, key: str | None, headers: Mapping[str, str]) -> None:
    assert await signer.sign(ASKED, key) == headers
