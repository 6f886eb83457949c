"""Who asks a cloud: tokens that are lent once and kept, and what is said where there are none. No network but loopback."""

import asyncio
import builtins
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dragoman import cli
from dragoman.config import ConfigError, load
from dragoman.core.errors import GatewayError, Kind
from dragoman.providers.catalog import Provider, providers_on
from dragoman.providers.clouds import Place, Sealed, Signer
from dragoman.providers.clouds.aws import Aws
from dragoman.providers.clouds.google import INSTALL, Google
from dragoman.providers.models import Models
from dragoman.service.secrets import scrubbed
from test_cloud_service import account, azure, vertex
from upstream.cloud import Cloud

ASKED = Sealed(url="https://x.example/", body=b"{}")


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Cloud() as found:
        yield found


@pytest.fixture
def file(cloud: Cloud, tmp_path: Path) -> Path:
    cloud.tokens.clear()
    return account(tmp_path, f"{cloud.url}/token")


# -- tokens --------------------------------------------------------------------------------


async def test_one_token_for_all_who_ask_at_once(cloud: Cloud, file: Path) -> None:
    signer = Google(str(file))
    found = await asyncio.gather(*(signer.sign(ASKED, None) for _ in range(5)))
    assert found == [{"authorization": f"Bearer {cloud.tokens[0]}"}] * 5
    assert len(cloud.tokens) == 1


async def test_the_loop_goes_on_while_a_token_is_lent(
    cloud: Cloud, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer, renew = Google(str(file)), Google._renew

    def slowly(self: Google) -> None:
        time.sleep(0.3)
        renew(self)

    monkeypatch.setattr(Google, "_renew", slowly)
    waiting = asyncio.ensure_future(signer.sign(ASKED, None))
    began = time.monotonic()
    await asyncio.sleep(0.01)
    assert time.monotonic() - began < 0.2
    assert not waiting.done()
    await waiting


async def test_all_who_wait_for_a_door_that_stays_shut_hear_of_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one after the other, each after a patience of its own; who asks afterwards tries anew."""
    tries = 0

    def shut(self: Google) -> None:
        nonlocal tries
        tries += 1
        time.sleep(0.05)
        raise GatewayError(Kind.UPSTREAM, "shut", code="credentials_refused", status=502)

    monkeypatch.setattr(Google, "_renew", shut)
    signer = Google()
    told = await asyncio.gather(*(signer.sign(ASKED, None) for _ in range(5)), return_exceptions=True)
    assert [(type(one), str(one)) for one in told] == [(GatewayError, "shut")] * 5
    assert tries == 1
    with pytest.raises(GatewayError):
        await signer.sign(ASKED, None)
    assert tries == 2


async def test_a_token_that_runs_out_is_replaced(cloud: Cloud, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud, "life", 1)  # less than the library wants to be left of it
    signer = Google(str(file))
    first, second = await signer.sign(ASKED, None), await signer.sign(ASKED, None)
    assert first != second


async def test_a_token_that_was_refused_is_replaced(cloud: Cloud, file: Path) -> None:
    signer = Google(str(file))
    signer.forget()
    first = await signer.sign(ASKED, None)
    signer.forget()
    assert first != await signer.sign(ASKED, None)


async def test_what_was_lent_is_told_to_nobody(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Amazon repeats, to a signature it cannot verify, all headers it has checked, the token of a session among them."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-account")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token-of-the-session")
    for signer in (Google(str(file)), Aws("us-east-2")):
        shown = await signer.sign(ASKED, None)
        said = " ".join([*shown.values(), "secret-of-the-account"])
        body = {"error": {"message": said}}
        error = GatewayError(Kind.AUTHENTICATION, f"the canonical string is {said}")
        error.said = "anthropic", body
        for text in (scrubbed(error, provider(signer)).message, json.dumps(error.said)):
            assert "token-of-the-session" not in text and "ya29." not in text
            assert isinstance(signer, Google) or "secret-of-the-account" not in text


def provider(signer: Signer) -> Provider:
    told = {"name": "cloud", "kind": "cloud", "title": "A cloud", "why": "config", "base_url": "https://x.example"}
    return Provider(**told, dialect="gemini", signer=signer)


async def test_whose_quota_it_is_charged_to(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "house-2")
    headers = await Google(str(file)).sign(ASKED, None)
    assert headers["x-goog-user-project"] == "house-2"


# -- where there are none -------------------------------------------------------------------


async def refused(signer: Google) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await signer.sign(ASKED, None)
    assert caught.value.kind is Kind.UPSTREAM
    assert caught.value.status == 502
    return caught.value


NOT_TO_BE_USED = "Google's credentials cannot be used; the gateway's log says why"


async def test_a_refused_assertion(
    cloud: Cloud, file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cloud, "refuses", True)
    error = await refused(Google(str(file)))
    assert error.code == "credentials_refused"
    assert error.message == NOT_TO_BE_USED
    assert "Google's credentials cannot be used: invalid_grant: Invalid JWT Signature." in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[]",
        "{}",
        '{"type": "service_account"}',
        '{"type": "service_account", "private_key": "x", "client_email": "a", "token_uri": "b"}',
    ],
)
async def test_a_file_that_is_none(tmp_path: Path, text: str | None, caplog: pytest.LogCaptureFixture) -> None:
    """The client is not told which file it is (S13); the log is."""
    if text is not None:
        (tmp_path / "account.json").write_text(text)
    error = await refused(Google(str(tmp_path / "account.json")))
    assert error.message == NOT_TO_BE_USED
    assert "Google's credentials cannot be used: " in caplog.text and caplog.text.count("\n") == 1


async def test_the_library_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name.startswith("google"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    error = await refused(Google())
    assert error.message == INSTALL
    assert "pip install 'dragoman[google]'" in INSTALL


def test_nothing_of_it_is_imported_before_it_is_needed() -> None:
    code = "import sys, dragoman.service.app; print([n for n in sys.modules if n.startswith(('google', 'requests', 'botocore'))])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


# -- dragoman check ---------------------------------------------------------------------------


def checked(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    (folder / "dragoman.toml").write_text(text)
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    return cli.main(["check", "--config", str(folder / "dragoman.toml")])


def test_check_tells_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = '[providers.vertex]\nproject = "house-1"\nlocation = "eu"\ncredentials = "nowhere.json"\n'
    assert checked(text, tmp_path, monkeypatch) == 0
    told = capsys.readouterr().out
    assert "provider vertex: vertex, gemini https://aiplatform.eu.rep.googleapis.com (config)\n" in told
    assert "  warning: there is no file nowhere.json\n" in told
    monkeypatch.setattr("dragoman.providers.clouds.google.find_spec", lambda name: None)
    assert checked(text, tmp_path, monkeypatch) == 0
    assert "  warning: Google's credentials need a library" in capsys.readouterr().out


def test_the_first_lines_of_serve_tell_it_too(tmp_path: Path) -> None:
    file = tmp_path / "dragoman.toml"
    file.write_text('[providers.vertex]\nproject = "house-1"\ncredentials = "nowhere.json"\n')
    settings = load(file, {}, {})
    providers = providers_on(settings, {})
    told = cli.banner("http://127.0.0.1:3000", settings, providers, Models(settings, providers))
    assert "  vertex: config (but there is no file nowhere.json)\n" in told


# -- the settings ---------------------------------------------------------------------------------


def on(text: str, folder: Path, **environ: str) -> tuple[Provider, ...]:
    file = folder / "dragoman.toml"
    file.write_text(text)
    return providers_on(load(file, environ, {}), environ)


def test_where_a_provider_is(tmp_path: Path) -> None:
    text = '[providers.vertex]\nregion = "europe-west4"\n[providers.azure]\nbase_url = "https://h.openai.azure.com/openai/v1"\nkeys = ["k"]\n'
    found = on(text, tmp_path, GOOGLE_CLOUD_PROJECT="p-1", GOOGLE_CLOUD_LOCATION="us", OPENAI_API_VERSION="2024-10-21")
    assert [provider.name for provider in found] == ["vertex", "azure"]
    assert found[0].place == Place(
        base_url="https://europe-west4-aiplatform.googleapis.com", project="p-1", location="europe-west4"
    )
    assert found[1].place.api_version == "2024-10-21"
    assert found[1].api == "chat", "that version has no Responses"
    [again] = on('[providers.azure]\nbase_url = "https://h.example"\nkeys = ["k"]\napi_version = "v1"\n', tmp_path)
    assert (again.api, again.profile["max_tokens_field"]) == ("auto", "max_completion_tokens")
    [old] = on(
        '[providers.azure]\nbase_url = "https://h.example"\nkeys = ["k"]\napi_version = "2024-02-01"\n', tmp_path
    )
    assert (old.profile["stream_usage"], old.profile["max_tokens_field"]) == (False, "max_tokens")


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ({"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "global"}, "GOOGLE_CLOUD_PROJECT and GOOGLE_CLOUD_LOCATION are set"),
        ({"GOOGLE_CLOUD_PROJECT": "p"}, ""),
        ({"GOOGLE_CLOUD_LOCATION": "us"}, ""),
        ({"GOOGLE_APPLICATION_CREDENTIALS": "x.json"}, ""),
        ({"GOOGLE_VERTEX_API_KEY": "AIzaX"}, "GOOGLE_VERTEX_API_KEY is set"),
        ({"AZURE_OPENAI_API_KEY": "k"}, ""),
        ({"AZURE_OPENAI_ENDPOINT": "https://h.example"}, ""),
        ({"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": "https://h.example"}, "AZURE_OPENAI_API_KEY is set"),
        ({"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": "http://localhost:3000"}, ""),
    ],
)  # fmt: skip
def test_what_the_environment_switches_on(tmp_path: Path, environ: dict[str, str], why: str) -> None:
    [provider] = on("", tmp_path, **environ)
    assert provider.why == (why or "no other provider is on")


BASE = 'kind = "azure"\nbase_url = "https://h.example"\nkeys = ["k"]\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[providers.vertex]\n", 'providers.vertex: required: the id of a Google Cloud project, or the variable GOOGLE_CLOUD_PROJECT'),
        ('[providers.vertex]\nproject = "a b"\n', '2: providers.vertex.project: "a b" is none of Google Cloud'),
        ('[providers.vertex]\nproject = "p"\nlocation = "us/../eu"\n', '3: providers.vertex.location: "us/../eu" is none of Google Cloud'),
        ('[providers.vertex]\nproject = "p"\nlocation = "us"\nregion = "us"\n', "4: providers.vertex.region: is location by another name: set one of them"),
        ('[providers.vertex]\nproject = "p"\napi_version = "v1"\n', '3: providers.vertex.api_version: kind "vertex" has none'),
        ('[providers.other]\nkind = "vertex"\nproject = "p"\nbase_url = "https://h.example"\n', "providers.other: no credentials: set credentials or keys; those of the machine are for its own address only"),
        (f'[providers.azure]\n{BASE}api_version = "2024"\n', '5: providers.azure.api_version: expected "v1" or a date such as "2024-10-21", got "2024"'),
        (f'[providers.azure]\n{BASE}api = "responses"\napi_version = "2024-10-21"\n', "5: providers.azure.api: there are no Responses at that place, by its api_version"),
        ('[providers.azure]\nkeys = ["k"]\n', 'providers.azure: kind "azure" has no address of its own: set base_url'),
        ('[providers.azure]\nbase_url = "https://h.example"\n', "providers.azure: no key: set keys or the variable AZURE_OPENAI_API_KEY"),
        ('[providers.openai]\nkeys = ["k"]\nproject = "p"\n', '3: providers.openai.project: kind "openai" has none'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        on(text, tmp_path)
    assert any(problem in line for line in caught.value.problems), caught.value.problems


def test_a_wrong_variable_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='GOOGLE_CLOUD_LOCATION: "a/b" is none of Google Cloud'):
        on("", tmp_path, GOOGLE_CLOUD_PROJECT="p", GOOGLE_CLOUD_LOCATION="a/b")


def test_nothing_secret_is_shown(cloud: Cloud, file: Path, tmp_path: Path) -> None:
    found = on(vertex(cloud, file) + azure(cloud, "azure", key="azure-secret-1234"), tmp_path)
    assert "azure-secret-1234" not in repr(found)
    assert "PRIVATE" not in repr(found)
