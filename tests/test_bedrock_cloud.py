"""Bedrock's envelope and Amazon's signatures, held against recordings and against botocore's own client."""

from __future__ import annotations

import asyncio
import datetime
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import botocore.auth
import botocore.session
import pytest

from dragoman.core.codec import Loss
from dragoman.core.errors import GatewayError, Kind
from dragoman.dialects import CODECS, MEDIA
from dragoman.providers.catalog import catalogue, profile_of
from dragoman.providers.clouds import ENVELOPES, Letter, Place, Sealed
from dragoman.providers.clouds.aws import Aws
from traffic import Exchange, exchanges

BEDROCK = ENVELOPES["bedrock"]
OHIO = Place(base_url="https://bedrock-runtime.us-east-2.amazonaws.com", location="us-east-2")
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
ARN = "arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
CONVERSE = CODECS["bedrock.converse"]


def letter(dialect: str, model: str, body: Any, path: str = "", **headers: str) -> Letter:
    raw = json.dumps(body).encode()
    return Letter(
        model=model, dialect=dialect, path=path or CODECS[dialect].path(model, False), body=raw, headers=headers
    )


# -- addresses ------------------------------------------------------------------------


@pytest.mark.parametrize("case", exchanges("bedrock."))
def test_an_address_is_the_recorded_one(case: Exchange) -> None:
    """Some clients write `:` as it is; a path is the same however it is spelled, if it is signed as it is spelled."""
    request = case.record["request"]
    _, _, model, verb = request["path"].split("/")
    host = request["host"].replace("aws_region", "us-east-1")
    place = Place(base_url=f"https://{host}", location="us-east-1")
    assert BEDROCK.base_url(Place(location="us-east-1")) == place.base_url
    stream, name = verb.endswith("stream"), unquote(model)
    dialect = "bedrock.converse" if verb.startswith("converse") else "anthropic"
    sealed = BEDROCK.seal(letter(dialect, name, {"stream": stream}, CODECS[dialect].path(name, stream)), place)
    assert sealed.url.replace("%3A", ":") == f"https://{host}{request['path']}".replace("%3A", ":")


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("", "bedrock-runtime.us-east-1.amazonaws.com"),
        ("eu-central-1", "bedrock-runtime.eu-central-1.amazonaws.com"),
        ("us-gov-west-1", "bedrock-runtime.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "bedrock-runtime.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_where_a_region_is(location: str, host: str) -> None:
    place = Place(location=location)
    assert BEDROCK.base_url(place) == f"https://{host}"
    assert list(BEDROCK.problems(place)) == []


def test_a_region_that_is_none() -> None:
    [(setting, why)] = BEDROCK.problems(Place(location="evil.example/"))
    assert setting == "location" and "no region" in why


def test_what_an_arn_names_is_in_its_own_region() -> None:
    sealed = BEDROCK.seal(letter("bedrock.converse", ARN, {}), OHIO)
    assert urlsplit(sealed.url).hostname == "bedrock-runtime.us-west-2.amazonaws.com"
    assert urlsplit(
        sealed.url
    ).path == "/model/arn%3Aaws%3Abedrock%3Aus-west-2%3A123456789012%3Ainference-profile%2F" + (
        "us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
    )
    elsewhere = Place(base_url="http://127.0.0.1:9", location="us-east-2")
    assert BEDROCK.seal(letter("bedrock.converse", ARN, {}), elsewhere).url.startswith("http://127.0.0.1:9/model/arn")


@pytest.mark.parametrize(
    ("model", "dialect", "name"),
    [
        (CLAUDE, "anthropic", "claude-sonnet-4-5-20250929"),
        (ARN, "anthropic", "claude-sonnet-4-5-20250929"),
        ("global.anthropic.claude-opus-4-5-20251101-v1:0", "anthropic", "claude-opus-4-5-20251101"),
        ("us.anthropic.claude-sonnet-4-6", "anthropic", "claude-sonnet-4-6"),
        ("anthropic.claude-3-haiku-20240307-v1:0:200k", "anthropic", "claude-3-haiku-20240307"),
        ("anthropic.claude-v2:1", "anthropic", "claude-2:1"),
        ("us.amazon.nova-pro-v1:0", "bedrock.converse", "amazon.nova-pro-v1:0"),
        ("us-gov.amazon.nova-pro-v1:0", "bedrock.converse", "amazon.nova-pro-v1:0"),
        ("us.meta.llama3-3-70b-instruct-v1:0", "bedrock.converse", "meta.llama3-3-70b-instruct-v1:0"),
        ("openai.gpt-oss-120b-1:0", "bedrock.converse", "openai.gpt-oss-120b-1:0"),
        ("openai.gpt-oss-safeguard-20b", "openai.chat", "gpt-oss-safeguard-20b"),
        ("openai.gpt-5.5", "openai.chat", "gpt-5.5"),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", "bedrock.converse", "abc"),
        ("zai.glm-4.7-flash", "bedrock.converse", "zai.glm-4.7-flash"),
    ],
)
def test_who_is_asked_in_which_dialect(model: str, dialect: str, name: str) -> None:
    assert BEDROCK.dialect(model, "chat", OHIO) == dialect
    assert BEDROCK.named(model) == name
    if dialect != "openai.chat":
        assert BEDROCK.dialect(model, "count", OHIO) == "bedrock.converse"


@pytest.mark.parametrize("case", exchanges("bedrock-mantle."))
def test_openais_own_models_are_at_mantle(case: Exchange) -> None:
    request = case.record["request"]
    model = request["body"]["model"]
    if not model.startswith("openai."):
        pytest.skip("a model that the runtime serves too")
    dialect = "openai.responses" if case.api.endswith("responses") else "openai.chat"
    place = Place(base_url=BEDROCK.base_url(Place()), location="")
    sealed = BEDROCK.seal(letter(dialect, model, request["body"]), place)
    assert (
        sealed.url == f"https://{request['host']}{request['path']}"
        and json.loads(sealed.body or b"") == request["body"]
    )


def test_rules_of_a_vendor_hold_for_its_models_here() -> None:
    entry = catalogue()["bedrock"]
    claude = profile_of("us.anthropic.claude-3-5-haiku-20241022-v1:0", entry)
    assert (claude.thinking, claude.json_schema, claude.max_tokens_limit) == ("none", False, 8192)
    claude = profile_of(CLAUDE, entry)
    assert (claude.model_fields, claude.json_schema, claude.cache_control) == ("anthropic", True, True)
    nova, newer = profile_of("us.amazon.nova-pro-v1:0", entry), profile_of("us.amazon.nova-2-lite-v1:0", entry)
    assert (nova.model_fields, nova.thinking, newer.thinking, nova.cache_tools) == ("nova", "none", "level", False)
    llama = profile_of("us.meta.llama3-3-70b-instruct-v1:0", entry)
    assert (llama.model_fields, llama.tool_choice_required, llama.cache_control) == (None, False, False)
    assert profile_of("openai.gpt-5.5", entry).developer_role


# -- bodies -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case",
    [
        p
        for p in exchanges("bedrock.invoke")
        if p.values[0] is None or (isinstance(p.values[0].request, dict) and "anthropic_version" in p.values[0].request)
    ],
)
def test_a_body_of_anthropics_is_the_recorded_one(case: Exchange) -> None:
    said = {name: value for name, value in case.request.items() if name != "anthropic_version"}
    stream = case.api.endswith("stream")
    for extra in ({"model": "x"}, {"model": "x", "stream": stream}):
        sealed = BEDROCK.seal(letter("anthropic", CLAUDE, said | extra), OHIO)
        assert json.loads(sealed.body or b"") == case.request and sealed.losses == ()


def test_case_73_betas_go_into_the_body() -> None:
    header = "context-1m-2025-08-07,advanced-tool-use-2025-11-20,prompt-riddle-2030-01-01"
    body = {"model": "x", "max_tokens": 9, "messages": [], "stream": True, "anthropic_beta": ["effort-2025-11-24"]}
    sealed = BEDROCK.seal(letter("anthropic", CLAUDE, body, **{"anthropic-beta": header}), OHIO)
    wire = json.loads(sealed.body or b"")
    assert wire["anthropic_beta"] == ["effort-2025-11-24", "context-1m-2025-08-07", "tool-search-tool-2025-10-19"]
    assert wire.keys() == {"max_tokens", "messages", "anthropic_version", "anthropic_beta"}
    assert sealed.url.endswith("-v1%3A0/invoke-with-response-stream") and sealed.headers == {}
    assert sealed.losses == (Loss("anthropic-beta.prompt-riddle-2030-01-01", "not taken by this cloud"),)


@pytest.mark.parametrize("value", [5, "x", [1], {}, None])
def test_odd_betas_are_left_out(value: Any) -> None:
    sealed = BEDROCK.seal(letter("anthropic", CLAUDE, {"anthropic_beta": value}), OHIO)
    assert "anthropic_beta" not in json.loads(sealed.body or b"")


def test_tokens_are_counted_by_model_not_by_profile() -> None:
    path = MEDIA["bedrock.converse", "count"].path(None, CLAUDE)
    sealed = BEDROCK.seal(letter("bedrock.converse", CLAUDE, {}, path), OHIO)
    assert sealed.url.endswith("/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/count-tokens")


@pytest.mark.parametrize(
    ("wire", "dialect"),
    [({"message": "no"}, "bedrock.converse"), ("<html>", "bedrock.converse"), ({"error": {}}, "anthropic")],
)
def test_errors_are_told_in_amazons_words(wire: Any, dialect: str) -> None:
    assert BEDROCK.complains_in("anthropic", wire) == dialect


# -- signatures ------------------------------------------------------------------------------

NOW = datetime.datetime(2026, 8, 20, 12, 0, 0)
KEYS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "wJalrXUtnFEMI"}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A clock that stands still, and a machine without credentials."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: NOW)
    return tmp_path


def signed(sealed: Sealed, key: str | None = None, signer: Aws | None = None) -> dict[str, str]:
    return dict(asyncio.run((signer or Aws("us-east-2")).sign(sealed, key)))


def theirs(model: str, region: str, **token: str) -> tuple[str, bytes, dict[str, str]]:
    """The request that botocore's own client would send: its URL, its body and its headers."""
    client = botocore.session.Session().create_client("bedrock-runtime", region_name=region, **KEYS, **token)
    found: list[Any] = []

    def kept(request: Any, **_: Any) -> None:
        found.append(request)
        raise InterruptedError

    client.meta.events.register("before-send", kept)
    with pytest.raises(InterruptedError):
        client.converse(modelId=model, messages=[{"role": "user", "content": [{"text": "hi"}]}])
    headers = {name.lower(): v.decode() if isinstance(v, bytes) else v for name, v in found[0].headers.items()}
    return found[0].url, found[0].body, headers


@pytest.mark.parametrize("token", [{}, {"aws_session_token": "lent"}])
@pytest.mark.parametrize("model", [CLAUDE, ARN, "amazon.nova-micro-v1:0", "zai.glm-4.7-flash"])
def test_a_request_is_signed_as_amazons_own_client_signs_it(
    model: str, token: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    region = "us-west-2"
    url, body, headers = theirs(model, region, **token)
    for name, value in (KEYS | token).items():
        monkeypatch.setenv(name.upper(), value)
    path = CONVERSE.path(model, False)
    place = Place(base_url=BEDROCK.base_url(Place(location=region)), location=region)
    sealed = BEDROCK.seal(Letter(model=model, dialect="bedrock.converse", path=path, body=body), place)
    assert sealed.url == url
    mine = signed(sealed, signer=Aws(region))
    assert mine == {name: headers[name] for name in mine}
    assert mine.keys() == {"authorization", "x-amz-date"} | ({"x-amz-security-token"} if token else set())


def test_a_request_is_signed_for_its_hosts_region_and_service(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name.upper(), value)

    def scope(url: str) -> str:
        return signed(Sealed(url=url, body=b"{}"))["authorization"].split("Credential=AKIDEXAMPLE/20260820/")[1]

    assert scope("https://bedrock-runtime.eu-west-1.amazonaws.com/model/a/converse").startswith("eu-west-1/bedrock/")
    assert scope("https://bedrock-mantle.us-west-2.api.aws/v1/x").startswith("us-west-2/bedrock-mantle/")
    assert scope("http://127.0.0.1:9/model/a/converse").startswith("us-east-2/bedrock/")


def test_a_key_is_a_bearers() -> None:
    assert signed(Sealed(url="https://a.example"), "ABSK-1") == {"authorization": "Bearer ABSK-1"}


def test_a_profile_is_found_and_kept_until_it_is_refused(machine: Path) -> None:
    file = machine / "credentials"
    file.write_text("[work]\naws_access_key_id = AKWORK\naws_secret_access_key = s\n")
    signer = Aws("us-east-2", "work")
    sealed = Sealed(url="https://bedrock-runtime.us-east-2.amazonaws.com/model/a/converse", body=b"{}")
    assert "AKWORK" in signed(sealed, signer=signer)["authorization"]
    file.write_text("[work]\naws_access_key_id = AKNEXT\naws_secret_access_key = s\n")
    assert "AKWORK" in signed(sealed, signer=signer)["authorization"]
    signer.forget()
    assert "AKNEXT" in signed(sealed, signer=signer)["authorization"]


@pytest.mark.parametrize(("profile", "code"), [("", "credentials_missing"), ("nobody", "credentials_refused")])
def test_without_credentials_the_error_says_what_to_set(
    profile: str, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(GatewayError) as caught:
        signed(Sealed(url="https://a.example"), signer=Aws("us-east-2", profile))
    error = caught.value
    assert (error.kind, error.code, error.status) == (Kind.UPSTREAM, code, 502)
    if profile:  # a name of the operator's: for the log, not for a client (S13)
        assert "nobody" in caplog.text and "nobody" not in error.message
    else:
        assert "AWS_PROFILE" in error.message


def test_without_the_library_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(GatewayError, match=r"dragoman\[aws\]"):
        signed(Sealed(url="https://a.example"))
    assert signed(Sealed(url="https://a.example"), "ABSK-1"), "a key needs no library"


def test_the_check_tells_of_a_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    assert BEDROCK.warning(Place()) == ""
    monkeypatch.setattr("dragoman.providers.clouds.aws.find_spec", lambda name: None)
    assert "dragoman[aws]" in BEDROCK.warning(Place())
    assert BEDROCK.warning(Place(keyed=True)) == ""
