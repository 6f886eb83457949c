"""Recorded exchanges with real providers, as test parameters. It reads recordings and knows no dialect: what they mean is for the tests to say.

The recordings live outside the repository: in $DRAGOMAN_TRAFFIC, or in ../shared/traffic beside the checkout.
Without them the tests that need them are skipped with that reason; where CI=true that is an error instead,
so that no green run can mean that nothing was tried.
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Exchange:
    """One request to a provider and its answer. `record` is the whole recording, for what has no field here."""

    api: str  # "<provider>.<surface>": "anthropic.messages", "vertex.stream"
    kind: str  # the primary thing exercised: "tool-call-stream"
    tags: frozenset[str]  # everything found in it: "thinking-signature", "cache-hit"
    file: str  # below corpus/
    status: int
    stream: bool
    request: Any  # the JSON body, or None where there was none or it was not recorded
    response: Any  # the JSON body, or None where the answer was a stream or binary
    sse: bytes | None  # the stream as it was received, unless `rewritten`
    rewritten: bool  # the recorder parsed the stream and wrote it again: say nothing of its framing
    record: dict[str, Any] = field(repr=False, compare=False)

    @property
    def id(self) -> str:
        """`anthropic.messages/tool-call-stream/name`: what pytest prints."""
        return self.file.removesuffix(".json").rpartition(".")[0]


@cache
def corpus() -> tuple[Path | None, str]:
    """The folder of recordings, or None and why there is none."""
    folder = Path(os.environ.get("DRAGOMAN_TRAFFIC") or ROOT.parent / "shared" / "traffic")
    if (folder / "manifest.json").is_file():
        return folder, ""
    reason = f"no recorded traffic in {folder}; name its folder in DRAGOMAN_TRAFFIC"
    if os.environ.get("CI") == "true":
        raise FileNotFoundError(reason)
    return None, reason


@cache
def manifest() -> tuple[dict[str, Any], ...]:
    folder, _ = corpus()
    return tuple(json.loads((folder / "manifest.json").read_text())) if folder else ()


@cache
def load(file: str) -> Exchange:
    folder, missing = corpus()
    if folder is None:
        raise FileNotFoundError(missing)
    record = json.loads((folder / "corpus" / file).read_text())
    response = record["response"]
    sse = response.get("sse")
    return Exchange(
        api=record["api"],
        kind=record["kind"],
        tags=frozenset(record["tags"]),
        file=file,
        status=response["status"],
        stream=record["stream"],
        request=record["request"].get("body"),
        response=response.get("body"),
        sse=None if sse is None else sse.encode(),
        rewritten=response.get("sse_reconstructed", False),
        record=record,
    )


def cases(api: str | None = None, kind: str | None = None, tag: str | None = None) -> Iterator[Exchange]:
    """Exchanges in a stable order, by exact api, kind and tag; none where there are no recordings."""
    for row in manifest():
        if api in (None, row["api"]) and kind in (None, row["kind"]) and (tag is None or tag in row["tags"]):
            yield load(row["file"])


def exchanges(api_prefixes: str | Iterable[str] = "", *, kind: str | None = None, tag: str | None = None) -> list[Any]:
    """Parameters for `pytest.mark.parametrize`: the exchanges whose api starts with one of the prefixes.

    No recordings at all: one skipped parameter that says why. Recordings, but none that fits: an error, for a
    test over nothing cannot fail.
    """
    prefixes = (api_prefixes,) if isinstance(api_prefixes, str) else tuple(api_prefixes)
    folder, missing = corpus()
    if folder is None:
        return [pytest.param(None, marks=pytest.mark.skip(reason=missing), id="no-recordings")]
    found = [case for case in cases(kind=kind, tag=tag) if case.api.startswith(prefixes)]
    if not found:
        raise LookupError(f"no recording fits api={prefixes} kind={kind} tag={tag}")
    return [pytest.param(case, id=case.id) for case in found]
