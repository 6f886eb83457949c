"""Azure OpenAI: the same requests under deployments and a dated version, or under /openai/v1.

It knows Azure's paths and how its keys are sent, and no dialect's body.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from dragoman.core.errors import invalid
from dragoman.core.ir import Json
from dragoman.core.media import Operation
from dragoman.providers.clouds.envelope import Letter, Place, Sealed, Signer

DATED = re.compile(r"\d{4}-\d{2}-\d{2}(?:-preview)?")
UNDATED = ("", "v1", "preview", "latest")
WHOLE = ("/responses", "/models")  # of no deployment: the body names it
INFERENCE, FOUNDRY = (
    "2024-05-01-preview",
    ".services.ai.azure.com",
)  # the API of other vendors' models there, and its host
RESPONSES_SINCE, USAGE_SINCE = "2025-03-01", "2024-09-01"  # stream_options and max_completion_tokens came together


class Azure:
    """Deployments are called as their owner likes; the version decides which of Azure's two APIs is asked."""

    def base_url(self, place: Place) -> str:
        return ""

    def problems(self, place: Place) -> Iterator[tuple[str, str]]:
        if place.api_version not in UNDATED and not DATED.fullmatch(place.api_version):
            yield "api_version", f'expected "v1" or a date such as "2024-10-21", got "{place.api_version}"'

    def warning(self, place: Place) -> str:
        return ""

    def dialect(self, model: str, operation: Operation, place: Place) -> str:
        return "openai.chat"

    def suits(self, front: str, model: str) -> bool:
        return False

    def has_responses(self, place: Place) -> bool:
        return not DATED.fullmatch(place.api_version) or place.api_version >= RESPONSES_SINCE

    def quirks(self, place: Place) -> dict[str, Any]:
        if not DATED.fullmatch(place.api_version) or place.api_version >= USAGE_SINCE:
            return {}
        return {"stream_usage": False, "max_tokens_field": "max_tokens"}

    def named(self, model: str) -> str:
        return model

    def seal(self, letter: Letter, place: Place) -> Sealed:
        base = re.sub(r"/openai(?:/v1|/deployments)?$", "", place.base_url)
        version, path = place.api_version, letter.path
        if not DATED.fullmatch(version):
            url = f"{base}/openai/v1{path}"
        elif version == INFERENCE and base.endswith(FOUNDRY):
            url = f"{base}/models{path}"
        elif path.startswith(WHOLE):
            url = f"{base}/openai{path}"
        else:
            if letter.model in (".", ".."):  # a step of the path that leads elsewhere
                raise invalid("model", f"{letter.model!r} is not the name of a deployment")
            url = f"{base}/openai/deployments/{quote(letter.model, safe='')}{path}"
        if version not in ("", "v1"):
            url += f"{'&' if '?' in url else '?'}api-version={version}"
        return Sealed(url=url, headers=letter.headers, body=letter.body, method=letter.method)

    def complains_in(self, dialect: str, wire: Json) -> str:
        return dialect

    def signer(self, place: Place) -> Signer:
        return AzureKey()


class AzureKey:
    """Azure's keys have a header of their own; a token of Entra, which is a JWT, is a bearer's."""

    async def sign(self, sealed: Sealed, key: str | None) -> Mapping[str, str]:
        if key is None:
            return {}
        return {"authorization": f"Bearer {key}"} if key.startswith("eyJ") and key.count(".") == 2 else {"api-key": key}

    def forget(self) -> None:
        """A key is not lent."""

    def secrets(self) -> tuple[str, ...]:
        return ()
