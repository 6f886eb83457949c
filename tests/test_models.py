"""From a model's name to the deployments that serve it."""

import json
from pathlib import Path

import msgspec
import pytest

from dragoman.config import load
from dragoman.core.errors import GatewayError, Kind
from dragoman.providers.catalog import catalogue, providers_on
from dragoman.providers.models import REMEMBERED, Models, family

KEYS = {kind: {entry.env[0]: "k"} for kind, entry in catalogue().items() if entry.env and not entry.by_address}
KEYS["azure"]["AZURE_OPENAI_ENDPOINT"] = "https://house.openai.azure.com"
VENDORS = KEYS["openai"] | KEYS["anthropic"] | KEYS["gemini"] | KEYS["deepseek"]
OLLAMA = {"OLLAMA_HOST": "127.0.0.1:11434"}
LMSTUDIO = {"LMSTUDIO_BASE_URL": "http://127.0.0.1:1234"}


@pytest.fixture
def made(tmp_path: Path):
    def make(environ: dict[str, str] | None = None, text: str = "") -> Models:
        file = tmp_path / "dragoman.toml"
        file.write_text(text)
        settings = load(file, environ or {}, {})
        return Models(settings, providers_on(settings, environ or {}))

    return make


def found(models: Models, name: str, provider: str | None = None) -> list[str]:
    return [f"{deployment.provider.name}/{deployment.model}" for deployment in models.find(name, provider)]


def refused(models: Models, name: str, provider: str | None = None) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        models.find(name, provider)
    return caught.value


# -- the names of the seeds --------------------------------------------------------

SEEDS = [
    ("gemini-2.5-flash", "gemini/gemini-2.5-flash"),
    ("claude-3-5-sonnet-20241022", "anthropic/claude-3-5-sonnet-20241022"),
    ("gpt-3.5-turbo", "openai/gpt-3.5-turbo"),
    ("gemini-2.5-flash-lite", "gemini/gemini-2.5-flash-lite"),
    ("gemini-2.5-flash-image", "gemini/gemini-2.5-flash-image"),
    ("imagen-4.0-generate-001", "gemini/imagen-4.0-generate-001"),
    ("imagen-4.0-ultra-generate-001", "gemini/imagen-4.0-ultra-generate-001"),
    ("imagen-4.0-fast-generate-001", "gemini/imagen-4.0-fast-generate-001"),
    ("gemini-2.5-flash-preview-tts", "gemini/gemini-2.5-flash-preview-tts"),
    ("gemini-embedding-001", "gemini/gemini-embedding-001"),
    ("models/gemini-embedding-001", "gemini/gemini-embedding-001"),
    ("gpt-4o", "openai/gpt-4o"),
    ("gpt-4o-mini", "openai/gpt-4o-mini"),
    ("gpt-4", "openai/gpt-4"),
    ("claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
    ("claude-sonnet-4-5@20250929", "anthropic/claude-sonnet-4-5-20250929"),
    ("claude-sonnet-4", "anthropic/claude-sonnet-4-20250514"),
    ("claude-sonnet-4-20250514", "anthropic/claude-sonnet-4-20250514"),
    ("claude-opus-4-1", "anthropic/claude-opus-4-1"),
    ("claude-opus-4-1@20250805", "anthropic/claude-opus-4-1-20250805"),
    ("claude-opus-4", "anthropic/claude-opus-4-20250514"),
    ("claude-3-7-sonnet", "anthropic/claude-3-7-sonnet-latest"),
    ("claude-3-5-haiku@20241022", "anthropic/claude-3-5-haiku-20241022"),
    ("claude-3-haiku@20240307", "anthropic/claude-3-haiku-20240307"),
    ("gemini-2.5-pro", "gemini/gemini-2.5-pro"),
    ("gemini-2.5-flash-image-preview", "gemini/gemini-2.5-flash-image"),
    ("gemini-2.0-flash", "gemini/gemini-2.0-flash"),
    ("gemini-2.0-flash-lite", "gemini/gemini-2.0-flash-lite"),
    ("deepseek-ai/deepseek-r1-0528-maas", "deepseek/deepseek-reasoner"),
]


@pytest.mark.parametrize(("name", "wanted"), SEEDS)
def test_every_name_of_the_seeds_is_served(made, name: str, wanted: str) -> None:
    assert found(made(VENDORS), name) == [wanted]


@pytest.mark.parametrize("name", [name for name, _ in SEEDS])
def test_and_by_the_sandbox_alone(made, name: str) -> None:
    [deployment] = made().find(name)
    assert deployment.provider.name == "sandbox"


# -- families: name, name-date, name@date (003-2) -------------------------------------


@pytest.mark.parametrize(
    ("name", "base", "date"),
    [
        ("claude-sonnet-4-5", "claude-sonnet-4-5", ""),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5", "20250929"),
        ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5", "20250929"),
        ("claude-sonnet-4.5@20250929", "claude-sonnet-4-5", "20250929"),
        ("gpt-4o-2024-08-06", "gpt-4o", "20240806"),
        ("claude-3-5-sonnet-latest", "claude-3-5-sonnet", ""),
        ("gpt-4-0613", "gpt-4-0613", ""),
        ("20250929", "20250929", ""),
        ("m@latest", "m", ""),
        ("Model-X", "model-x", ""),
    ],
)
def test_families(name: str, base: str, date: str) -> None:
    assert family(name) == (base, date)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("claude-haiku-4-5-20251001", "anthropic/claude-haiku-4-5-20251001"),
        ("claude-haiku-4-5@20251001", "anthropic/claude-haiku-4-5-20251001"),
        ("claude-haiku-4-5-latest", "anthropic/claude-haiku-4-5"),
        ("claude-haiku-4.5", "anthropic/claude-haiku-4-5"),
        ("claude-haiku-4.5@20251001", "anthropic/claude-haiku-4-5-20251001"),
        ("claude-haiku-4-5@20990101", "anthropic/claude-haiku-4-5-20990101"),
        ("claude-haiku-9@20990101", "anthropic/claude-haiku-9-20990101"),
        ("claude-haiku-9", "anthropic/claude-haiku-9"),
        ("claude-3-5-sonnet", "anthropic/claude-3-5-sonnet-latest"),
        ("claude-3-haiku", "anthropic/claude-3-haiku-20240307"),
        ("claude-3-haiku-latest", "anthropic/claude-3-haiku-20240307"),
        ("gpt-4o-2024-08-06", "openai/gpt-4o-2024-08-06"),
        ("gpt-4o-20240806", "openai/gpt-4o-2024-08-06"),
        ("gpt-4o@20240806", "openai/gpt-4o-2024-08-06"),
        ("gpt-4o-latest", "openai/gpt-4o"),
        ("chatgpt-4o-latest", "openai/chatgpt-4o-latest"),
        ("gemini-2.5-flash@20250617", "gemini/gemini-2.5-flash"),
        ("gemini-2.5-flash-preview-09-2025", "gemini/gemini-2.5-flash-preview-09-2025"),
        ("gemini-2.0-flash-001", "gemini/gemini-2.0-flash-001"),
        ("ft:gpt-4o-mini:acme::abc", "openai/ft:gpt-4o-mini:acme::abc"),
    ],
)
def test_a_family_is_asked_for_as_the_provider_spells_it(made, name: str, wanted: str) -> None:
    assert found(made(VENDORS), name) == [wanted]


def test_a_family_of_the_settings_own_names(made) -> None:
    text = """
[models."house"]
targets = ["gemini/gemini-2.5-flash"]
[models."dated-20250101"]
targets = ["gemini/gemini-2.5-pro"]
[models."dated-20250202"]
targets = ["gemini/gemini-2.5-flash"]
[models."claude-sonnet-4-5"]
targets = ["gemini/gemini-2.5-flash"]
"""
    models = made(KEYS["gemini"], text)
    for name in ("house", "house-20250101", "house@20250101", "house-latest"):
        assert found(models, name) == ["gemini/gemini-2.5-flash"]
    assert found(models, "dated") == ["gemini/gemini-2.5-flash"], "the newest"
    assert found(models, "dated@20250101") == ["gemini/gemini-2.5-pro"]
    assert refused(models, "dated-20250303").code == "model_not_found"
    assert found(models, "claude-sonnet-4-5-20250929") == ["gemini/gemini-2.5-flash"]
    both = made(KEYS["gemini"] | KEYS["anthropic"], text)
    assert found(both, "claude-sonnet-4-5") == ["gemini/gemini-2.5-flash"]
    assert found(both, "claude-sonnet-4-5-20250929") == ["anthropic/claude-sonnet-4-5-20250929"], "said exactly"


# -- the settings' own names ---------------------------------------------------------

ALIASES = """
[models.fast]
targets = ["groq/llama-3.3-70b-versatile", "gemini-2.5-flash", "openai:gpt-4o-mini", "gemini/gemini-2.5-flash"]
[models."gpt-4o"]
targets = ["openai/gpt-4o", "anthropic/claude-haiku-4.5"]
[models.nowhere]
targets = ["groq/llama-3.3-70b-versatile"]
[models."gpt-*"]
targets = ["openai/*", "gemini/gemini-2.5-pro"]
[models."my/model:1@x"]
targets = ["anthropic/claude-sonnet-4@20250514"]
"""


def test_an_alias_leads_to_its_targets_in_order(made) -> None:
    models = made(VENDORS, ALIASES)
    assert found(models, "fast") == ["gemini/gemini-2.5-flash", "openai/gpt-4o-mini"], "groq is off; once each"
    assert found(models, "gpt-4o") == ["openai/gpt-4o", "anthropic/claude-haiku-4-5"]
    assert found(models, "my/model:1@x") == ["anthropic/claude-sonnet-4-20250514"]
    assert refused(models, "nowhere").code == "model_not_found"
    assert [len(deployments) for _, deployments in models.targets("fast")] == [0, 1, 1, 1]


def test_an_alias_for_many_names(made) -> None:
    models = made(VENDORS, ALIASES)
    assert found(models, "gpt-5-mini") == ["openai/gpt-5-mini", "gemini/gemini-2.5-pro"]
    assert found(models, "GPT-9") == ["openai/GPT-9", "gemini/gemini-2.5-pro"]
    assert found(models, "openai/gpt-5-mini") == ["openai/gpt-5-mini"], "the provider was named"
    everything = made(KEYS["anthropic"], '[models."*"]\ntargets = ["anthropic/*"]')
    assert found(everything, "gemini-2.5-flash") == ["anthropic/gemini-2.5-flash"]
    assert found(everything, "claude-sonnet-4-5@20250929") == ["anthropic/claude-sonnet-4-5-20250929"]
    assert found(everything, "openai/gpt-4o") == ["anthropic/openai/gpt-4o"]
    assert everything.default() == "gemini-2.5-flash"
    assert "*" not in [model.id for model in everything.listing()]
    assert everything.describe("any-name").id == "any-name"


def test_a_target_stays_with_its_provider(made) -> None:
    """What a server of the house may have is another thing: it does not answer for one that is off."""
    models = made(
        OLLAMA, '[models.fast]\ntargets = ["groq/llama-3.3-70b-versatile"]\n[models.mine]\ntargets = ["qwen3:4b"]'
    )
    assert found(models, "mine") == ["ollama/qwen3:4b"]
    assert models.targets("fast") == (("groq/llama-3.3-70b-versatile", ()),)
    assert found(made({}, '[models.fast]\ntargets = ["groq/llama"]'), "fast") == ["sandbox/llama"], (
        "alone it answers for all"
    )


def test_aliases_do_not_lead_to_aliases(made) -> None:
    text = '[models."gpt-4o"]\ntargets = ["gpt-4o"]\n[models.a]\ntargets = ["b"]\n[models.b]\ntargets = ["a"]'
    models = made(VENDORS, text)
    assert found(models, "gpt-4o") == ["openai/gpt-4o"]
    assert refused(models, "a").code == "model_not_found"


# -- a provider by name -----------------------------------------------------------------

TWO = """
[providers.work]
kind = "openai"
keys = ["w"]
[providers.openai-custom]
kind = "openai-compatible"
base_url = "http://custom.example"
models = ["house-model", "gpt-4o", "lab-*"]
"""


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("work/gpt-4o", ["work/gpt-4o"]),
        ("work:gpt-4o", ["work/gpt-4o"]),
        ("WORK/gpt-4o", ["work/gpt-4o"]),
        ("openai/gpt-4o", ["work/gpt-4o"]),
        ("work/anything/at:all@1", ["work/anything/at:all@1"]),
        ("openai-custom/anything", ["openai-custom/anything"]),
        ("openai-compatible/anything", ["openai-custom/anything"]),
        ("house-model", ["openai-custom/house-model"]),
        ("lab-7", ["openai-custom/lab-7"]),
        ("gpt-4o", ["work/gpt-4o", "openai-custom/gpt-4o"]),
        ("gpt-4.1", ["work/gpt-4.1"]),
        ("work/gpt-4o@20240806", ["work/gpt-4o-2024-08-06"]),
    ],
)
def test_provider_and_model(made, name: str, wanted: list[str]) -> None:
    assert found(made({}, TWO), name) == wanted


def test_a_listed_provider_takes_no_other_name(made) -> None:
    assert refused(made({}, TWO), "unheard-of").code == "model_not_found"


def test_a_hint_restricts(made) -> None:
    models = made(KEYS["gemini"], TWO)
    assert found(models, "gpt-4o", "openai-custom") == ["openai-custom/gpt-4o"]
    assert found(models, "gpt-4o", "WORK") == ["work/gpt-4o"]
    assert found(models, "gpt-4o", "openai") == ["work/gpt-4o"], "by its kind"
    assert found(models, "gemini-2.5-flash", "work") == ["work/gemini-2.5-flash"], "as asked: it may have it"
    assert found(models, "openai-custom/x", "openai-custom") == ["openai-custom/x"]
    assert found(models, "gemini-2.5-flash", "google") == ["gemini/gemini-2.5-flash"]
    error = refused(models, "gpt-4o", "nobody")
    assert (error.kind, error.code, error.param) == (Kind.NOT_FOUND, "provider_not_found", "provider")
    assert error.message == 'There is no provider "nobody" here. On: work, openai-custom, gemini.'
    assert refused(models, "gpt-4o", "sandbox").code == "provider_not_found"
    assert refused(models, "gpt-4o", "x" * 9999 + "\n").code == "provider_not_found"
    with pytest.raises(GatewayError):
        models.listing("nobody")


def test_a_hint_restricts_an_alias(made) -> None:
    models = made(VENDORS, ALIASES)
    assert found(models, "fast", "openai") == ["openai/gpt-4o-mini"]
    assert found(models, "nowhere", "openai") == ["openai/nowhere"], "the provider may have it"


def test_a_vendors_models_under_the_names_of_aggregators(made) -> None:
    models = made(VENDORS)
    assert found(models, "google/gemini-2.5-pro") == ["gemini/gemini-2.5-pro"]
    assert found(models, "anthropic/claude-haiku-4.5") == ["anthropic/claude-haiku-4-5"]
    house = made(VENDORS | KEYS["openrouter"])
    assert found(house, "google/gemini-2.5-pro") == ["gemini/gemini-2.5-pro"]
    assert found(house, "google/gemini-2.0-flash-exp:free") == ["openrouter/google/gemini-2.0-flash-exp:free"]
    assert found(house, "x-ai/grok-4") == ["openrouter/x-ai/grok-4"]
    assert found(house, "openrouter/openai/gpt-4o") == ["openrouter/openai/gpt-4o"]
    assert found(made(KEYS["openrouter"]), "openai/gpt-4o") == ["openrouter/openai/gpt-4o"]
    assert refused(house, "nobody-has-this").code == "model_not_found", "only vendor/name"


def test_an_id_with_a_slash_is_not_taken_for_a_provider(made) -> None:
    models = made(KEYS["openai"] | KEYS["groq"])
    assert found(models, "openai/gpt-oss-120b") == ["groq/openai/gpt-oss-120b"]
    assert found(models, "groq/openai/gpt-oss-120b") == ["groq/openai/gpt-oss-120b"]
    assert found(models, "openai/gpt-4o") == ["openai/gpt-4o"]


# -- who takes any name ---------------------------------------------------------------------


def test_a_server_of_the_house_takes_what_nobody_claims(made) -> None:
    models = made(KEYS["openai"] | OLLAMA)
    assert found(models, "qwen3:4b") == ["ollama/qwen3:4b"]
    assert found(models, "ollama/qwen3:4b") == ["ollama/qwen3:4b"]
    assert found(models, "ollama:qwen3:4b") == ["ollama/qwen3:4b"]
    assert found(models, "gpt-4o") == ["openai/gpt-4o"]
    assert found(models, "hf.co/bartowski/x") == ["ollama/hf.co/bartowski/x"]


def test_what_a_server_of_the_house_may_have_does_not_leave_it(made) -> None:
    assert found(made(OLLAMA | LMSTUDIO), "vendor/model") == ["ollama/vendor/model", "lmstudio/vendor/model"]
    assert found(made(OLLAMA | KEYS["openrouter"]), "vendor/model") == ["ollama/vendor/model"]
    assert found(made(KEYS["openrouter"] | KEYS["together"]), "vendor/model") == [
        "openrouter/vendor/model",
        "together/vendor/model",
    ]


def test_the_default_provider_takes_what_nobody_claims(made) -> None:
    models = made(VENDORS, 'default_provider = "anthropic"')
    assert found(models, "some-other-model") == ["anthropic/some-other-model"]
    assert found(models, "gpt-4o-mini") == ["openai/gpt-4o-mini"]


def test_the_sandbox_beside_others_must_be_named(made) -> None:
    models = made(KEYS["anthropic"], "[providers.sandbox]")
    assert refused(models, "gpt-4o-mini").code == "model_not_found"
    assert refused(models, "slow").code == "model_not_found"
    assert found(models, "sandbox/gpt-4o-mini") == ["sandbox/gpt-4o-mini"]
    assert found(models, "sandbox/error-503") == ["sandbox/error-503"]
    assert [model.id for model in models.listing("sandbox")] == [
        "sandbox/error-429",
        "sandbox/error-500",
        "sandbox/slow",
        "sandbox/cut",
    ]


def test_the_sandbox_alone_stands_in_for_every_vendor(made) -> None:
    models = made()
    assert models.find("sandbox/error-429")[0].model == "error-429"
    assert found(models, "gpt-4o", "openai") == ["sandbox/gpt-4o"]
    assert found(models, "any name at all") == ["sandbox/any name at all"]
    assert refused(models, "gpt-4o", "nobody").code == "provider_not_found"
    openai = [model.id for model in models.listing("openai")]
    assert "gpt-4o" in openai
    assert not [name for name in openai if "claude" in name or "gemini" in name]
    assert [model.id for model in models.listing("claude")] == [
        model.id for model in models.listing() if "claude" in model.id
    ]


# -- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", " ", "x" * 257, "a\nb", "a\x1b[2J", "\x00"])
def test_what_is_no_name(made, name: str) -> None:
    error = refused(made(VENDORS), name)
    assert (error.kind, error.param) == (Kind.INVALID_REQUEST, "model")
    assert len(error.message) < 100


def test_an_unknown_model_is_named_with_the_nearest(made) -> None:
    error = refused(made(VENDORS), "gemini-2.5-flahs".replace("gemini-", "gemni-"))
    assert (error.kind, error.code, error.param) == (Kind.NOT_FOUND, "model_not_found", "model")
    assert error.message == (
        'No provider that is on serves the model "gemni-2.5-flahs". Did you mean "gemini-2.5-flash"? '
        "On: openai, anthropic, gemini, deepseek."
    )


def test_a_name_cannot_break_out_of_the_message(made) -> None:
    name = 'x","code":"ok\u202e' + "y" * 240
    error = refused(made(VENDORS), name)
    assert "\u202e" not in error.message
    assert json.loads(msgspec.json.encode({"message": error.message}))["message"] == error.message
    assert len(error.message) < 256 + 100


def test_no_key_in_a_refusal(made) -> None:
    models = made({"OPENAI_API_KEY": "sk-very-secret"})
    assert "sk-very" not in refused(models, "nope").message
    assert "sk-very" not in repr(models.find("gpt-4o"))


# -- what is known of a deployment ------------------------------------------------------------------


def test_a_deployment_carries_its_quirks(made) -> None:
    models = made(VENDORS, "[providers.openai]\nprofile = { seed = false }")
    [gpt] = models.find("gpt-5-nano-2025-08-07")
    assert (gpt.profile.max_tokens_field, gpt.profile.seed, gpt.operations) == (
        "max_completion_tokens",
        False,
        ("chat",),
    )
    [image] = models.find("gemini-2.5-flash-image")
    assert (image.profile.modalities, image.operations) == (("text", "image"), ("chat",))
    assert image.known is not None
    assert image.known.context_window == 32768
    [dated] = models.find("claude-3-5-haiku@20241022")
    assert (dated.profile.max_tokens_limit, dated.profile.thinking) == (8192, "none")


def test_deployments_are_remembered_within_bounds(made) -> None:
    models = made(OLLAMA)
    assert models.find("m")[0] is models.find("m")[0]
    for n in range(REMEMBERED + 10):
        models.find(f"model-{n}")
    assert len(models._remembered) <= REMEMBERED


# -- the list -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KEYS)
def test_every_listed_model_can_be_asked_for(made, kind: str) -> None:
    models = made(KEYS[kind])
    for model in models.listing():
        [deployment] = models.find(model.id)
        assert (deployment.provider.name, deployment.operations) == (model.provider, model.operations)
        assert models.describe(model.id) == model
    [default] = models.find(models.default())
    assert default.provider.name == kind
    assert "chat" in default.operations


def test_every_listed_model_of_all_providers_together(made) -> None:
    models = made({name: value for keys in KEYS.values() for name, value in keys.items()}, ALIASES)
    listing = models.listing()
    ids = [model.id for model in listing]
    assert len(ids) == len(set(ids))
    assert ids[:3] == ["fast", "gpt-4o", "nowhere"], "the settings' own first, those for many names not at all"
    assert listing == models.listing()
    for model in listing:
        assert models.find(model.id)[0].provider.name == model.provider


def test_what_the_list_tells(made) -> None:
    models = made(
        VENDORS,
        ALIASES + '[models.described]\ntargets=["gemini/gemini-2.5-flash"]\nname="N"\ndescription="D"\nmax_tokens=5',
    )
    listed = {model.id: model for model in models.listing()}
    flash = listed["gemini-2.5-flash"]
    assert (flash.description, flash.context_window, flash.max_tokens) == ("Fast & efficient", 1048576, 65536)  # 004-6
    assert listed["gemini-2.0-flash"].description == "Balanced performance"
    assert listed["gpt-4o-mini"].description == "OpenAI compatible"
    assert (listed["gpt-4o"].name, listed["gpt-4o-mini"].name) == ("GPT-4o", "GPT-4o Mini")  # 002-8
    assert listed["imagen-4.0-generate-001"].operations == ("image",)
    mine = listed["described"]
    assert (mine.name, mine.description, mine.max_tokens, mine.context_window) == ("N", "D", 5, 1048576)
    assert "nowhere" not in listed
    assert {model.provider for model in models.listing("anthropic")} == {"anthropic"}
    assert "fast" in [model.id for model in models.listing("openai")]


def test_one_model_described(made) -> None:
    models = made(VENDORS)
    assert models.describe("models/gemini-2.5-flash").id == "gemini-2.5-flash"
    dated = models.describe("claude-sonnet-4-5@20250929")
    assert (dated.id, dated.provider, dated.name) == ("claude-sonnet-4-5@20250929", "anthropic", "Claude Sonnet 4.5")
    with pytest.raises(GatewayError):
        models.describe("nope")


# -- the default (004-2) ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "text", "wanted"),
    [
        ({}, "", "gemini-2.5-flash"),
        (VENDORS, "", "gemini-2.5-flash"),
        (KEYS["openai"], "", "gpt-4o-mini"),
        (KEYS["openai"], 'default_model = "gpt-5"', "gpt-5"),
        (KEYS["openai"], 'default_model = "claude-sonnet-4-5"', "gpt-4o-mini"),
        (KEYS["openai"] | OLLAMA, "", "gpt-4o-mini"),
        (OLLAMA, 'default_model = "qwen3:4b"', "qwen3:4b"),
        ({}, '[providers.ollama]\nmodels = ["qwen3:4b"]', "qwen3:4b"),
        (KEYS["openai"], '[models.fast]\ntargets = ["openai/gpt-4o"]\n', "gpt-4o-mini"),
        (OLLAMA, '[models.fast]\ntargets = ["ollama/qwen3"]\n', "fast"),
        (OLLAMA, 'default_model = "fast"\n[models.fast]\ntargets = ["ollama/qwen3"]\n', "fast"),
        (OLLAMA, "", "gemini-2.5-flash"),
    ],
)
def test_the_default_model(made, environ: dict[str, str], text: str, wanted: str) -> None:
    models = made(environ, text)
    assert models.default() == wanted
    assert models.find(wanted)
