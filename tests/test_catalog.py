"""The catalogue and which of its providers are on: data that agrees with itself, with recordings, and with what people set."""

import re
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from dragoman.config import ConfigError, load
from dragoman.core.profile import Profile
from dragoman.providers.address import base_url, is_local, is_own
from dragoman.providers.catalog import (
    RESERVED,
    Deployment,
    Entry,
    KnownModel,
    Provider,
    Rule,
    Secret,
    catalogue,
    globs,
    operations_of,
    profile_for,
    profile_of,
    providers_on,
)
from traffic import cases

DOCS = Path(__file__).resolve().parent.parent / "docs"


def on(environ: dict[str, str] | None = None, text: str = "", folder: Path | None = None) -> tuple[Provider, ...]:
    file = None
    if text:
        assert folder is not None
        file = folder / "dragoman.toml"
        file.write_text(text)
    settings = load(file, environ or {}, {})
    return providers_on(settings, environ or {})


def names(providers: tuple[Provider, ...]) -> list[str]:
    return [provider.name for provider in providers]


# -- the file ----------------------------------------------------------------------

WANTED = [
    *("openai", "anthropic", "gemini", "deepseek", "mistral", "groq", "xai", "cerebras", "moonshot", "zai", "alibaba"),
    *(
        "perplexity",
        "ollama",
        "lmstudio",
        "vllm",
        "llamacpp",
        "openai-compatible",
        "vertex",
        "azure",
        "bedrock",
        "openrouter",
        "together",
        "fireworks",
    ),
    *("huggingface", "nvidia", "sandbox"),
]


def test_the_catalogue_holds_who_is_wanted() -> None:
    assert list(catalogue()) == WANTED


@pytest.mark.parametrize("kind", WANTED)
def test_an_entry_is_sound(kind: str) -> None:
    entry = catalogue()[kind]
    assert entry.title
    assert kind not in RESERVED
    if entry.base_url:
        assert base_url(entry.base_url, entry.version) == entry.base_url
    assert entry.auth in ("none", "optional-bearer") or entry.env, "no variable for its key"
    assert (entry.version is None) == (entry.dialect != "openai.chat"), "only Chat Completions paths lack their version"
    for rule in entry.rules:
        assert rule.profile or rule.operations
        msgspec.convert(rule.profile, Profile)
    msgspec.convert(entry.profile, Profile)
    ids = [name for model in entry.models for name in (model.id, *model.aliases)]
    assert len(ids) == len(set(ids))
    for model in entry.models:
        profile_of(model.id, entry, model)
        assert operations_of(model.id, entry, model)
    assert not entry.default or entry.default in ids or globs(entry.catch_all).match(entry.default)


def test_every_rule_meets_a_model_it_is_for() -> None:
    """A rule that fits nothing known is a slip of the pen, or for models named here."""
    others = [
        *("gpt-6", "gpt-5-codex", "gpt-5.1-codex-max", "gpt-5.1-2025-11-13", "gpt-5-pro", "gpt-5.2-pro", "chat-latest"),
        *("gpt-4o-search-preview", "gpt-audio", "dall-e-2", "dall-e-3", "claude-2.1", "claude-3-5-sonnet-20241022"),
        *("qwen3-embedding-8b", "voxtral-mini-tts-latest", "playai-tts", "openai/text-embedding-3-small"),
        *("hexgrad/kokoro-82m", "BAAI/bge-large", "black-forest-labs/FLUX.1", "kimi-k2.6", "text-embedding-005"),
        *("qwq-32b", "sonar-reasoning-pro", "deepseek-ai/DeepSeek-R1"),
        *("amazon.nova-pro-v1:0", "amazon.nova-2-lite-v1:0", "mistral.mistral-large-2407-v1:0"),
    ]
    for kind, entry in catalogue().items():
        known = [model.id for one in (entry, *map(catalogue().get, entry.like)) for model in one.models] + others
        for rule in entry.rules:
            assert any(globs(rule.match).match(name) for name in known), f"{kind}: {rule.match}"


def test_no_variable_means_two_providers() -> None:
    variables = [name for entry in catalogue().values() for name in (*entry.env, *entry.base_url_env)]
    assert len(variables) == len(set(variables))


def test_the_sandbox_borrows_only_what_there_is() -> None:
    text = (Path(__file__).resolve().parent.parent / "src/dragoman/providers/catalog.toml").read_text()
    entry = catalogue()["sandbox"]
    assert set(tomllib.loads(text)["sandbox"]["borrows"]) <= {model.id for model in entry.models}
    assert {model.id: model.operations for model in entry.models}["imagen-4.0-generate-001"] == ("image",)


# -- the file against recordings -----------------------------------------------------

PATHS = {
    "openai.chat": "/chat/completions",
    "anthropic.messages": "/v1/messages",
    "gemini.generate": "/v1beta/models/",
    "gemini.stream": "/v1beta/models/",
}
ELSEWHERE = {
    "deepseek.chat": "https://api.deepseek.com/chat/completions",  # the same without /v1
    "zai.chat": "https://api.z.ai/api/coding/paas/v4/chat/completions",  # the plan for coding
}


@pytest.mark.usefixtures("traffic")
def test_addresses_are_those_of_the_recordings() -> None:
    seen = set()
    for case in cases():
        provider, _, surface = case.api.partition(".")
        request = case.record["request"]
        host = request.get("host") or ""
        if (case.api not in PATHS and surface != "chat") or provider not in catalogue():
            continue
        entry = catalogue()[provider]
        if host.endswith(".local") or host in ("localhost", "ollama", ""):
            continue
        url = f"https://{host}{request['path'].partition('?')[0]}"
        path = PATHS.get(case.api, "/chat/completions")
        expected = ELSEWHERE.get(case.api, entry.base_url + path)
        if provider in ("openai", "anthropic", "huggingface") and urlsplit(url).hostname != urlsplit(expected).hostname:
            continue
        if url.startswith(expected):
            seen.add(case.api)
    assert {
        *("openai.chat", "anthropic.messages", "gemini.generate", "gemini.stream", "deepseek.chat", "groq.chat"),
        *("mistral.chat", "xai.chat", "openrouter.chat", "cerebras.chat", "moonshot.chat", "zai.chat", "alibaba.chat"),
        *("perplexity.chat", "together.chat", "huggingface.chat"),
    } <= seen


@pytest.mark.usefixtures("traffic")
def test_claudes_limits_are_those_it_lists() -> None:
    [listed] = [case.response["data"] for case in cases("anthropic.models") if case.status == 200]
    assert len(listed) > 5
    entry = catalogue()["anthropic"]
    known = {name: model for model in entry.models for name in (model.id, *model.aliases)}
    for model in listed:
        mine = known[model["id"]]
        assert (mine.name, mine.context_window, mine.max_tokens) == (
            model["display_name"],
            model["max_input_tokens"],
            model["max_tokens"],
        )
        profile = profile_of(model["id"], entry, mine)
        can = model["capabilities"]
        assert profile.max_tokens_limit == profile.max_tokens == model["max_tokens"]
        assert profile.json_schema == can["structured_outputs"]["supported"]
        ways = can["thinking"]["types"]
        assert ways["adaptive" if profile.thinking == "adaptive" else "enabled"]["supported"], model["id"]
        if profile.thinking == "budget":
            assert not ways["adaptive"]["supported"], "adaptive is what it can, and what it will still do tomorrow"
        efforts = [word for word in ("low", "medium", "high", "xhigh", "max") if can["effort"][word]["supported"]]
        assert list(profile.efforts) == efforts
        assert profile.sampling == ways["enabled"]["supported"]


@pytest.mark.usefixtures("traffic")
def test_geminis_limits_are_those_it_lists() -> None:
    [listed] = [case.response["models"] for case in cases("gemini.models") if case.status == 200]
    entry = catalogue()["gemini"]
    known = {model.id: model for model in entry.models}
    theirs = {model["name"].removeprefix("models/"): model for model in listed}
    assert set(known) <= set(theirs)
    for name, model in theirs.items():
        mine, methods = known.get(name), model["supportedGenerationMethods"]
        if mine:
            assert mine.context_window == model["inputTokenLimit"]
        if not globs("|".join(entry.patterns)).match(name):
            continue
        operations = operations_of(name, entry, mine)
        assert ("chat" in operations) == ("generateContent" in methods), name
        assert ("embed" in operations) == ("embedContent" in methods), name
        assert ("image" in operations) == ("predict" in methods), name
        profile = profile_of(name, entry, mine)
        if "generateContent" in methods:
            assert profile.max_tokens_limit == model["outputTokenLimit"] or mine is None, name
            if "tts" not in name and name.startswith("gemini-"):
                assert (profile.thinking == "none") == (not model.get("thinking")), name


@pytest.mark.usefixtures("traffic")
def test_openais_models_are_on_its_list() -> None:
    [listed] = [case.response["data"] for case in cases("openai.models") if case.status == 200]
    theirs = {model["id"] for model in listed}
    assert {model.id for model in catalogue()["openai"].models} <= theirs
    unserved = re.compile(r".*(whisper|transcribe|realtime|moderation|sora|davinci|babbage|instruct|computer-use).*")
    claimed = globs("|".join(catalogue()["openai"].patterns))
    assert {name for name in theirs if not claimed.match(name)} <= {name for name in theirs if unserved.match(name)}


# -- what the rules say ----------------------------------------------------------------

FACTS = [
    ("openai", "gpt-4o-mini", {"max_tokens_field": "max_tokens", "sampling": True, "reasoning_effort": False}),
    ("openai", "gpt-4o-mini", {"max_tokens_limit": 16384, "developer_role": False, "tool_id_limit": 40}),
    ("openai", "gpt-5-nano-2025-08-07", {"max_tokens_field": "max_completion_tokens", "sampling": False}),
    ("openai", "gpt-5-nano-2025-08-07", {"efforts": ("minimal", "low", "medium", "high"), "developer_role": True}),
    ("openai", "gpt-5.1", {"efforts": ("none", "low", "medium", "high")}),
    ("openai", "gpt-5.4", {"efforts": ("none", "low", "medium", "high", "xhigh"), "penalties": False}),
    ("openai", "gpt-5-codex", {"efforts": ("low", "medium", "high")}),
    ("openai", "gpt-5.3-codex", {"efforts": ("low", "medium", "high", "xhigh")}),
    ("openai", "gpt-5-pro", {"efforts": ("high",)}),
    ("openai", "gpt-5-chat-latest", {"reasoning_effort": False, "thinking": "none"}),
    ("openai", "gpt-4o-mini", {"stops": 4}),
    ("openai", "gpt-5-nano-2025-08-07", {"stops": 0}),
    ("openai", "o4-mini", {"stops": 0}),
    ("openai", "gpt-5.5", {"stops": 4}),
    ("openai", "gpt-5-chat-latest", {"stops": 4}),
    ("azure", "gpt-4o", {"stops": 4}),
    ("openai", "gpt-6.1-sol", {"sampling": False, "reasoning_effort": True}),
    ("openai", "o4-mini", {"max_tokens_limit": 100000, "parallel_tool_calls": False, "sampling": False}),
    ("openai", "gpt-4o-audio-preview", {"modalities": ("text", "audio")}),
    ("openai", "gpt-3.5-turbo", {"max_tokens_limit": 4096, "json_schema": False}),
    ("openai", "dall-e-3", {"images_per_call": 1, "image_response_format": True}),
    ("anthropic", "claude-3-5-haiku-20241022", {"thinking": "none", "max_tokens_limit": 8192, "max_tokens": 8192}),
    ("anthropic", "claude-3-7-sonnet-latest", {"thinking": "budget", "max_tokens_limit": 64000}),
    ("anthropic", "claude-opus-4-20250514", {"thinking": "budget", "max_tokens_limit": 32000, "json_schema": False}),
    ("anthropic", "claude-sonnet-4-5", {"thinking": "budget", "temperature_max": 1.0, "sampling": True}),
    ("anthropic", "claude-opus-6", {"thinking": "adaptive", "sampling": False}),
    ("anthropic", "claude-opus-6-20270101", {"thinking": "adaptive", "sampling": False}),
    ("gemini", "gemini-2.5-pro", {"thinking": "budget", "json_and_tools": False, "penalties": False}),
    ("gemini", "gemini-2.0-flash", {"thinking": "none", "max_tokens_limit": 8192, "penalties": True}),
    ("gemini", "gemini-1.5-flash", {"thinking": "none"}),
    ("gemini", "gemini-3-pro-preview", {"thinking": "level", "efforts": ("low", "high"), "json_and_tools": True}),
    ("gemini", "gemini-3-flash-preview", {"efforts": ("minimal", "low", "medium", "high")}),
    ("gemini", "gemini-3.9-flash", {"thinking": "level"}),
    ("gemini", "gemini-2.5-flash-image", {"modalities": ("text", "image"), "thinking": "none"}),
    ("gemini", "gemini-2.5-flash-preview-tts", {"modalities": ("audio",), "thinking": "none"}),
    ("deepseek", "deepseek-chat", {"json_schema": False, "max_tokens_limit": 8192, "tool_choice_required": True}),
    ("deepseek", "deepseek-v4-pro", {"send_reasoning": "field", "tool_choice_required": False}),
    ("mistral", "mistral-small-latest", {"tool_id": "[a-zA-Z0-9]{9}", "stream_usage": False, "reasoning_effort": True}),
    ("groq", "llama-3.3-70b-versatile", {"reasoning_field": "reasoning", "reasoning_effort": False}),
    ("groq", "openai/gpt-oss-20b", {"reasoning_effort": True, "efforts": ("low", "medium", "high")}),
    ("openrouter", "x-ai/grok-4", {"send_reasoning": "details", "cache_control": True, "reasoning_field": "reasoning"}),
    ("xai", "grok-3-mini", {"reasoning_effort": True}),
    ("xai", "grok-imagine-image-pro", {"image_shape": "aspect_ratio", "image_response_format": True}),
    ("ollama", "qwen3", {"reasoning_field": "reasoning"}),
    ("openai-compatible", "m", {"max_tokens_field": "max_tokens", "max_tokens_limit": None}),
]


@pytest.mark.parametrize(("kind", "model", "wanted"), FACTS, ids=lambda value: str(value)[:30])
def test_quirks(kind: str, model: str, wanted: dict[str, object]) -> None:
    profile = profile_of(model, catalogue()[kind])
    assert {field: getattr(profile, field) for field in wanted} == wanted


OPERATIONS = [
    ("openai", "gpt-4o", "chat"),
    ("openai", "gpt-image-1", "image"),
    ("openai", "dall-e-3", "image"),
    ("openai", "tts-1-hd", "speech"),
    ("openai", "gpt-4o-mini-tts", "speech"),
    ("openai", "text-embedding-3-large", "embed"),
    ("gemini", "imagen-4.0-fast-generate-001", "image"),
    ("gemini", "gemini-embedding-001", "embed"),
    ("gemini", "gemini-2.5-flash-image", "chat"),
    ("gemini", "gemini-2.5-pro-preview-tts", "chat"),
    ("mistral", "mistral-embed", "embed"),
    ("xai", "grok-imagine-image-pro", "image"),
    ("openrouter", "openai/text-embedding-3-small", "embed"),
]


@pytest.mark.parametrize(("kind", "model", "operation"), OPERATIONS)
def test_operations(kind: str, model: str, operation: str) -> None:
    assert operations_of(model, catalogue()[kind]) == (operation,)


def test_quirks_by_dialect_for_offline_translation() -> None:
    assert profile_for("openai.chat", "gpt-5").max_tokens_field == "max_completion_tokens"
    assert profile_for("openai.chat", "mistral-small-latest").tool_id
    assert profile_for("anthropic", "claude-opus-4-8").thinking == "adaptive"
    own = profile_for("anthropic", "gpt-5")
    assert own.temperature_max == 1.0 and own.thinking is None, "the vendor's own, for a name it does not have"
    assert profile_for("gemini", "gemini-2.0-flash").thinking == "none"
    assert profile_for("simple", "x") == Profile()


# -- who is on ----------------------------------------------------------------------------


BESIDE = {"azure": {"AZURE_OPENAI_ENDPOINT": "https://house.openai.azure.com/"}}
"""What must be set beside a key."""
HOMES = {
    "azure": "https://house.openai.azure.com",
    "vertex": "https://aiplatform.googleapis.com",
    "bedrock": "https://bedrock-runtime.us-east-1.amazonaws.com",
}


def test_nothing_set_is_the_sandbox() -> None:
    [provider] = on()
    assert (provider.name, provider.dialect, provider.why) == ("sandbox", "sandbox", "no other provider is on")
    assert provider.stand_in
    assert provider.local
    assert provider.pace == 1.0


@pytest.mark.parametrize(
    ("kind", "variable"),
    [(kind, name) for kind, entry in catalogue().items() if not entry.by_address for name in entry.env],
)
def test_a_key_switches_its_provider_on(kind: str, variable: str) -> None:
    [provider] = on({variable: " sk-1 "} | BESIDE.get(kind, {}))
    assert (provider.name, provider.kind, provider.keys) == (kind, kind, ("sk-1",))
    assert provider.why == f"{variable} is set"
    assert provider.base_url == HOMES.get(kind, catalogue()[kind].base_url)
    assert repr(provider.keys) == "('***',)"
    assert "sk-1" not in repr(provider)


@pytest.mark.parametrize(
    ("kind", "variable"),
    [(kind, name) for kind, entry in catalogue().items() if entry.by_address for name in entry.base_url_env],
)
def test_an_address_switches_a_server_of_ones_own_on(kind: str, variable: str) -> None:
    [provider] = on({variable: "http://box.lan:9999"})
    assert (provider.name, provider.base_url, provider.keys) == (kind, "http://box.lan:9999/v1", ())
    assert provider.why == f"{variable} is set"
    [keyed] = on({variable: "http://box.lan:9999", catalogue()[kind].env[0]: "k"})
    assert keyed.keys == ("k",)
    [alone] = on({catalogue()[kind].env[0]: "k"})
    assert alone.name == "sandbox", "a key alone says not where"


def test_several_keys_in_one_variable_are_a_pool() -> None:
    [provider] = on({"OPENAI_API_KEY": "sk-1, sk-2,"})
    assert provider.keys == ("sk-1", "sk-2")
    assert all(isinstance(key, Secret) for key in provider.keys)


def test_the_more_telling_variable_wins() -> None:
    [provider] = on({"GOOGLE_API_KEY": "maps", "GEMINI_API_KEY": "g"})
    assert (provider.keys, provider.why) == (("g",), "GEMINI_API_KEY is set")


def test_an_empty_variable_switches_nothing_on() -> None:
    assert names(on({"OPENAI_API_KEY": "", "OLLAMA_HOST": " "})) == ["sandbox"]


def test_order_is_the_settings_then_the_catalogues(tmp_path: Path) -> None:
    environ = {"DEEPSEEK_API_KEY": "d", "OPENAI_API_KEY": "o", "ANTHROPIC_API_KEY": "a", "GROQ_API_KEY": "g"}
    text = '[providers.mistral]\nkeys=["m"]\n[providers.fast]\nkind="groq"\n'
    found = on(environ, text, tmp_path)
    assert names(found) == ["mistral", "fast", "openai", "anthropic", "deepseek"]
    assert [provider.why for provider in found[:2]] == ["config", "config"]
    assert found[1].keys == ("g",), "the kind's own variable, for a table at the kind's own address"


def test_a_table_takes_the_place_of_its_twin_in_the_environment(tmp_path: Path) -> None:
    environ = {"OPENAI_API_KEY": "o", "OPENAI_BASE_URL": "http://proxy.example"}
    [provider] = on(environ, "[providers.openai]\ntimeout = 3", tmp_path)
    assert (provider.keys, provider.base_url, provider.timeout) == (("o",), "http://proxy.example/v1", 3.0)
    assert names(on(environ, "[providers.openai]\nenabled = false", tmp_path)) == ["sandbox"]
    assert names(on(environ, '[providers.openai]\nkind = "groq"\nkeys = ["g"]', tmp_path)) == ["openai"], (
        "one name, once"
    )


def test_a_key_of_the_environment_goes_to_no_other_server(tmp_path: Path) -> None:
    text = '[providers.mine]\nkind = "openai"\nbase_url = "http://elsewhere.example/v1"\n'
    with pytest.raises(ConfigError, match="no key"):
        on({"OPENAI_API_KEY": "o"}, text, tmp_path)
    [mine] = on({"OPENAI_API_KEY": "o"}, text + 'keys = ["mine"]', tmp_path)
    assert mine.keys == ("mine",)


def test_a_header_may_be_the_key(tmp_path: Path) -> None:
    text = '[providers.anthropic]\nheaders = { Authorization = "Bearer t", anthropic-version = "2026-10-21" }'
    [provider] = on({}, text, tmp_path)
    assert provider.headers == {"authorization": "Bearer t", "anthropic-version": "2026-10-21"}
    assert "Bearer t" not in repr(provider)


def test_what_the_settings_say_of_a_model_wins(tmp_path: Path) -> None:
    text = '[providers.openai]\nkeys=["o"]\nprofile = { sampling = true, max_tokens_limit = 7 }\nmodels = ["ft-1", "gpt-4o", "my-*"]'
    [provider] = on({}, text, tmp_path)
    profile = profile_of("gpt-5", provider, None, provider.overrides)
    assert (profile.sampling, profile.max_tokens_limit, profile.developer_role) == (True, 7, True)
    assert [model.id for model in provider.models[:2]] == ["ft-1", "gpt-4o"]
    assert provider.models[1].name == "GPT-4o"
    assert provider.default == "ft-1"
    assert "my-*" in provider.patterns


def test_the_sandbox_beside_others_is_modest(tmp_path: Path) -> None:
    text = "[providers.sandbox]\npace = 0\n"
    [alone] = on({}, text, tmp_path)
    assert (alone.stand_in, alone.pace, alone.why, alone.catch_all) == (True, 0.0, "config", "*")
    sandbox, openai = on({"OPENAI_API_KEY": "o"}, text, tmp_path)
    assert openai.name == "openai"
    assert (sandbox.stand_in, sandbox.catch_all, sandbox.patterns) == (False, "", ())
    assert {model.id for model in sandbox.models} == {"error-429", "error-500", "slow", "cut"}


def test_the_default_provider_comes_first_and_takes_any_name(tmp_path: Path) -> None:
    environ = {"OPENAI_API_KEY": "o", "ANTHROPIC_API_KEY": "a", "DRAGOMAN_MODEL_PROVIDER": "claude"}
    found = on(environ)
    assert names(found) == ["anthropic", "openai"]
    assert found[0].catch_all == "*"
    assert names(on({"DRAGOMAN_MODEL_PROVIDER": "openai"})) == ["sandbox"], "who stands in for it"


def test_another_address_may_have_any_model() -> None:
    [own] = on({"OPENAI_API_KEY": "o", "OPENAI_BASE_URL": "https://api.openai.com/v1/"})
    assert (own.base_url, own.catch_all) == ("https://api.openai.com/v1", "")
    [other] = on({"OPENAI_API_KEY": "o", "OPENAI_BASE_URL": "http://127.0.0.1:8091"})
    assert (other.base_url, other.catch_all) == ("http://127.0.0.1:8091/v1", "*")


def test_an_address_meant_for_the_gateways_clients_is_not_followed() -> None:
    """Claude Code and the gateway started in one shell: it must not ask itself."""
    [provider] = on({"ANTHROPIC_API_KEY": "a", "ANTHROPIC_BASE_URL": "http://localhost:3000"})
    assert provider.base_url == "https://api.anthropic.com"
    assert provider.why == "ANTHROPIC_API_KEY is set; ANTHROPIC_BASE_URL leads back to this gateway and is not used"
    assert names(on({"OPENAI_COMPATIBLE_BASE_URL": "http://127.0.0.1:3000/v1"})) == ["sandbox"]
    [other] = on({"ANTHROPIC_API_KEY": "a", "ANTHROPIC_BASE_URL": "http://localhost:3000", "DRAGOMAN_PORT": "4000"})
    assert other.base_url == "http://localhost:3000"


# -- addresses -----------------------------------------------------------------------------

OLLAMA = "http://127.0.0.1:11434/v1"
ADDRESSES = [
    ("https://api.openai.com/v1", "v1", "https://api.openai.com/v1"),
    ("https://api.openai.com/v1/", "v1", "https://api.openai.com/v1"),
    ("https://api.openai.com", "v1", "https://api.openai.com/v1"),
    ("https://api.openai.com/", "v1", "https://api.openai.com/v1"),
    ("https://api.openai.com/v1/v1", "v1", "https://api.openai.com/v1"),
    ("https://api.openai.com//v1//", "v1", "https://api.openai.com/v1"),
    ("https://h/v1/chat/completions", "v1", "https://h/v1"),
    ("https://api.z.ai/api/coding/paas/v4", "v4", "https://api.z.ai/api/coding/paas/v4"),
    ("https://h/v1beta/openai", "v1", "https://h/v1beta/openai"),
    ("https://h/v1beta/openai/", "v1", "https://h/v1beta/openai"),
    ("https://api.groq.com", "openai/v1", "https://api.groq.com/openai/v1"),
    ("https://api.groq.com/openai", "openai/v1", "https://api.groq.com/openai/v1"),
    ("https://api.groq.com/openai/v1", "openai/v1", "https://api.groq.com/openai/v1"),
    ("https://openrouter.ai/api", "api/v1", "https://openrouter.ai/api/v1"),
    ("https://h/proxy", "openai/v1", "https://h/proxy/openai/v1"),
    ("https://api.perplexity.ai/", "", "https://api.perplexity.ai"),
    ("https://api.anthropic.com", None, "https://api.anthropic.com"),
    ("https://api.anthropic.com/v1", None, "https://api.anthropic.com"),
    ("https://api.anthropic.com/v1/v1/", None, "https://api.anthropic.com"),
    ("https://api.anthropic.com/v1/messages", None, "https://api.anthropic.com"),
    ("https://api.z.ai/api/anthropic", None, "https://api.z.ai/api/anthropic"),
    ("https://generativelanguage.googleapis.com/v1beta", None, "https://generativelanguage.googleapis.com"),
    ("https://generativelanguage.googleapis.com/v1alpha/", None, "https://generativelanguage.googleapis.com"),
    ("http://[::1]:8000", "v1", "http://[::1]:8000/v1"),
    ("HTTP://Host/V2x", "v1", "http://Host/V2x/v1"),
]


@pytest.mark.parametrize(("text", "version", "wanted"), ADDRESSES)
def test_base_urls_as_people_write_them(text: str, version: str | None, wanted: str) -> None:
    assert base_url(text, version) == wanted
    assert base_url(wanted, version) == wanted, "once is enough"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("127.0.0.1:11434", OLLAMA),
        ("127.0.0.1", OLLAMA),
        (":11434", OLLAMA),
        ("0.0.0.0", OLLAMA),
        ("0.0.0.0:11434", OLLAMA),
        ("http://0.0.0.0:11434/", OLLAMA),
        ("box", "http://box:11434/v1"),
        ("box:1/prefix", "http://box:1/prefix/v1"),
        ("box/prefix", "http://box:11434/prefix/v1"),
        ("https://box.example", "https://box.example/v1"),
        ("[::1]:5", "http://[::1]:5/v1"),
        ("10.0.0.0", "http://10.0.0.0:11434/v1"),
    ],
)
def test_a_host_alone_is_enough_for_ollama(text: str, wanted: str) -> None:
    assert base_url(text, "v1", home=OLLAMA, bare=True) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "", "localhost:1", "ftp://h", "file:///etc/passwd", "http://", "http://:80", "https://u@h", "https://u:p@h", "https://:p@h",
        "https://h?", "https://h?a=b", "https://h#", "https://h/#x", "https://h x", "https://h\n", "https://h:99999", "https://h:x",
        "https://h:0", "https://[::1", "https://h\\@evil", "//h",
    ],
)  # fmt: skip
def test_what_is_no_base_url(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        base_url(text, "v1")
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("bad", ["", "a b", "u:p@h:1", "h:1?x", "h:port"])
def test_what_is_no_host(bad: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        base_url(bad, "v1", home=OLLAMA, bare=True)


@pytest.mark.parametrize(
    ("url", "local"),
    [
        (OLLAMA, True), ("http://localhost:1", True), ("http://[::1]:1", True), ("http://ollama:1", True), ("http://10.1.2.3", True),
        ("http://192.168.0.9", True), ("http://box.local", True), ("https://api.openai.com", False), ("https://8.8.8.8", False),
        ("https://[2001:4860:4860::8888]", False), ("https://local.example.com", False),
    ],
)  # fmt: skip
def test_what_is_of_the_house(url: str, local: bool) -> None:
    assert is_local(url) is local


@pytest.mark.parametrize(
    ("url", "host", "port", "own"),
    [
        ("http://localhost:3000/v1", "127.0.0.1", 3000, True),
        ("http://127.0.0.1:3000", "0.0.0.0", 3000, True),
        ("http://[::1]:3000", "::", 3000, True),
        ("http://box.lan:3000", "box.lan", 3000, True),
        ("http://localhost:3001", "127.0.0.1", 3000, False),
        ("http://localhost:3000", "192.168.0.9", 3000, False),
        ("http://other.lan:3000", "0.0.0.0", 3000, False),
        ("http://localhost", "localhost", 80, True),
        ("https://localhost", "localhost", 443, True),
    ],
)
def test_what_leads_back(url: str, host: str, port: int, own: bool) -> None:
    assert is_own(url, host, port) is own


def test_a_deployment_is_frozen() -> None:
    [provider] = on()
    deployment = Deployment(provider, "m", ("chat",), Profile())
    with pytest.raises(AttributeError):
        deployment.model = "n"  # type: ignore[misc]


def test_names_the_gateway_needs_itself_are_reserved() -> None:
    routes = pytest.importorskip("dragoman.service.routes")
    assert {segment for segment in routes.TOP if segment} <= RESERVED


def test_the_documents_have_every_entry() -> None:
    """The table of docs/providers.md is the catalogue."""
    text = (DOCS / "providers.md").read_text()
    rows = re.findall(r"^\| `([\w-]+)` \| (.+?) \| (.+?) \| (.+?) \|$", text, re.M)
    assert rows == [row(kind) for kind in catalogue()]


def row(kind: str) -> tuple[str, str, str, str]:
    entry = catalogue()[kind]
    spelled = [" or ".join(f"`{name}`" for name in group) or "-" for group in (entry.env, entry.base_url_env)]
    return (kind, entry.title, *spelled)


def test_the_documents_have_every_field() -> None:
    text = (DOCS / "providers.md").read_text()
    documented = {name for line in text.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line)}
    for struct in (Entry, Rule, KnownModel, Profile):
        assert {field.encode_name for field in msgspec.structs.fields(struct)} <= documented, struct


def test_the_example_of_the_documents_is_an_entry() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", (DOCS / "providers.md").read_text(), re.S)
    [acme] = [block for block in blocks if "[acme]" in block]
    entry = msgspec.convert(tomllib.loads(acme)["acme"], Entry)
    assert operations_of("acme-embed-1", entry) == ("embed",)


def test_the_settings_of_the_documents_are_read(tmp_path: Path) -> None:
    text = (DOCS / "providers.md").read_text() + (DOCS / "configuration.md").read_text()
    environ = dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), "x")
    blocks = [
        block for block in re.findall(r"```toml\n(.*?)```", text, re.S) if "[providers." in block or "[models." in block
    ]
    assert len(blocks) == 6
    for block in blocks:
        assert on(environ, block, tmp_path)


def test_the_sandbox_stays_off_where_it_is_switched_off(tmp_path: Path) -> None:
    off = "[providers.sandbox]\nenabled = false\n"
    assert on({}, off, tmp_path) == ()
    assert names(on({"OPENAI_API_KEY": "sk-x"}, off, tmp_path)) == ["openai"]
