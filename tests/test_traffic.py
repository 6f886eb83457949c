"""The recordings are what `traffic.py` says they are. It knows their form, not their meaning."""

from collections import Counter
from pathlib import Path

import pytest

import traffic as recordings
from traffic import Exchange, cases, exchanges


def test_every_recording_loads(traffic: Path) -> None:
    rows = recordings.manifest()
    loaded = list(cases())
    assert len(loaded) == len(rows) >= 600
    assert [(case.api, case.kind, case.status) for case in loaded] == [(r["api"], r["kind"], r["status"]) for r in rows]
    assert max(Counter(case.file for case in loaded).values()) == 1


@pytest.mark.parametrize("case", exchanges("anthropic.messages", tag="thinking-signature"))
def test_filters_hold(case: Exchange) -> None:
    assert case.api == "anthropic.messages"
    assert "thinking-signature" in case.tags
    assert (case.sse is not None) == (case.stream and case.status == 200)


def test_a_filter_that_finds_nothing_is_an_error(traffic: Path) -> None:
    with pytest.raises(LookupError, match="no recording fits"):
        exchanges("no-such-provider.chat")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A machine without recordings."""
    monkeypatch.setenv("DRAGOMAN_TRAFFIC", str(tmp_path))
    for cached in (recordings.corpus, recordings.manifest):
        cached.cache_clear()
    yield monkeypatch
    for cached in (recordings.corpus, recordings.manifest):
        cached.cache_clear()


def test_without_recordings_a_test_is_skipped_and_says_why(elsewhere: pytest.MonkeyPatch) -> None:
    elsewhere.delenv("CI", raising=False)
    [parameter] = exchanges("openai.")
    assert list(cases()) == []
    assert [mark.name for mark in parameter.marks] == ["skip"]
    assert "DRAGOMAN_TRAFFIC" in parameter.marks[0].kwargs["reason"]


def test_without_recordings_continuous_integration_fails(elsewhere: pytest.MonkeyPatch) -> None:
    elsewhere.setenv("CI", "true")
    with pytest.raises(FileNotFoundError, match="DRAGOMAN_TRAFFIC"):
        exchanges("openai.")
