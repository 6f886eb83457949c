"""Amazon Bedrock: Converse for every model, but for Anthropic's, which are asked in Anthropic's own words, and those of
OpenAI's that only Mantle serves, Bedrock's hosts that speak OpenAI's dialects.

It knows how requests are addressed and altered there, and leaves to `aws` who asks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from dragoman.core.codec import raw_members, rewrite
from dragoman.core.ir import Json
from dragoman.core.media import Operation
from dragoman.providers.clouds.aws import Aws, missing_library
from dragoman.providers.clouds.claude import decoded, enclosed, streams
from dragoman.providers.clouds.envelope import Letter, Place, Sealed, Signer

ANTHROPIC_VERSION = "bedrock-2023-05-31"
BETAS = {
    "advanced-tool-use-2025-11-20": "tool-search-tool-2025-10-19",  # as Anthropic calls it at home
    "computer-use-2024-10-22": "computer-use-2024-10-22",
    "computer-use-2025-01-24": "computer-use-2025-01-24",
    "computer-use-2025-11-24": "computer-use-2025-11-24",
    "context-1m-2025-08-07": "context-1m-2025-08-07",
    "context-management-2025-06-27": "context-management-2025-06-27",
    "dev-full-thinking-2025-05-14": "dev-full-thinking-2025-05-14",
    "effort-2025-11-24": "effort-2025-11-24",
    "fine-grained-tool-streaming-2025-05-14": "fine-grained-tool-streaming-2025-05-14",
    "interleaved-thinking-2025-05-14": "interleaved-thinking-2025-05-14",
    "output-128k-2025-02-19": "output-128k-2025-02-19",
    "token-efficient-tools-2025-02-19": "token-efficient-tools-2025-02-19",
    "tool-examples-2025-10-29": "tool-examples-2025-10-29",
    "tool-search-tool-2025-10-19": "tool-search-tool-2025-10-19",
}
"""The betas that Bedrock does not refuse with "invalid beta flag", August 2026 (cases.md 73)."""

HOME = "us-east-1"
"""The region where nobody names one, as in Anthropic's own SDK."""
GEOGRAPHY = re.compile(r"^(?:us|us-gov|eu|apac|jp|au|ca|sa|me|global)\.(?=[a-z0-9]+\.)")
"""How the id of an inference profile begins, before that of the model."""
ARN = re.compile(r"^arn:aws[a-z-]*:[a-z-]+:([a-z0-9-]*):")
VERSION = re.compile(r"-v\d+(?::\d+)?(?::\d+k)?$")
MANTLE = re.compile(r"openai\.(?!.*:)")
"""The ids of OpenAI's models that the runtime serves end in a version, as do all of its own."""
REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-\d+")


def host(service: str, region: str) -> str:
    return f"https://{service}.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"


def bare(model: str) -> str:
    """A model's id without ARN and geography: `anthropic.claude-sonnet-4-5-20250929-v1:0`."""
    return GEOGRAPHY.sub("", model.rpartition("/")[2] if model.startswith("arn:") else model)


class Bedrock:
    """Regions and models. A model of Anthropic's is asked in its own dialect, which keeps more than Converse does."""

    def base_url(self, place: Place) -> str:
        return host("bedrock-runtime", place.location or HOME)

    def problems(self, place: Place) -> Iterator[tuple[str, str]]:
        if place.location and not REGION.fullmatch(place.location):
            yield "location", f'"{place.location}" is no region of Amazon\'s'

    def warning(self, place: Place) -> str:
        return "" if place.keyed else missing_library()

    def dialect(self, model: str, operation: Operation, place: Place) -> str:
        """Claude's tokens are counted by the runtime's own counter."""
        name = bare(model)
        if MANTLE.match(name):
            return "openai.chat"
        ours = operation != "count" and name.startswith("anthropic.")
        return "anthropic" if ours else "bedrock.converse"

    def suits(self, front: str, model: str) -> bool:
        """A client of Converse asks every model of the runtime in it: guardrails and all."""
        return front == "bedrock.converse" and not MANTLE.match(bare(model))

    def has_responses(self, place: Place) -> bool:
        return True

    def quirks(self, place: Place) -> dict[str, Any]:
        return {}

    def named(self, model: str) -> str:
        """What a model is called at home, if its vendor has one; of the others their id without its geography."""
        name = bare(model)
        if name.startswith("anthropic."):
            return VERSION.sub("", name.removeprefix("anthropic.").replace("claude-v2", "claude-2"))
        return name.removeprefix("openai.") if MANTLE.match(name) else name

    def seal(self, letter: Letter, place: Place) -> Sealed:
        base, model = self._base(letter.model, place), letter.model
        if letter.dialect == "anthropic":
            return self._invoke(letter, base)
        path = letter.path
        if letter.dialect.startswith("openai."):  # recorded: GPT-5 under /openai/v1, the open models under /v1
            base, path = self._mantle(place), f"{'/v1' if 'gpt-oss' in model else '/openai/v1'}{path}"
        elif path.endswith("/count-tokens"):  # the counter knows models, and no profiles
            path = f"/model/{quote(bare(model), safe='-._~')}/count-tokens"
        return Sealed(url=base + path, headers=letter.headers, body=letter.body, method=letter.method)

    def _mantle(self, place: Place) -> str:
        elsewhere = place.base_url != self.base_url(place)
        return place.base_url if elsewhere else f"https://bedrock-mantle.{place.location or HOME}.api.aws"

    def _base(self, model: str, place: Place) -> str:
        """What an ARN names is in the region the ARN names."""
        found = ARN.match(model)
        if found and found[1] and place.base_url == self.base_url(place):
            return host("bedrock-runtime", found[1])
        return place.base_url

    def _invoke(self, letter: Letter, base: str) -> Sealed:
        said = letter.body or b"{}"
        verb = "invoke-with-response-stream" if streams(said) else "invoke"
        own = raw_members(said).get("anthropic_beta")
        betas = decoded(bytes(own)) if own is not None else None
        wanted = [beta for beta in betas if isinstance(beta, str)] if isinstance(betas, list) else []
        header = ",".join((*wanted, letter.headers.get("anthropic-beta", "")))
        changes: dict[str, Json] = {"anthropic_version": ANTHROPIC_VERSION, "model": None, "stream": None}
        body, kept, losses = enclosed(said, header, BETAS, **changes, anthropic_beta=None)
        if kept:
            body = rewrite(body, anthropic_beta=list(kept))
        url = f"{base}/model/{quote(letter.model, safe='-._~')}/{verb}"
        return Sealed(url=url, body=body, losses=losses)

    def complains_in(self, dialect: str, wire: Json) -> str:
        """What Amazon refuses is told in its own words, also of a request that Anthropic's model would have had."""
        return dialect if isinstance(wire, dict) and "error" in wire else "bedrock.converse"

    def signer(self, place: Place) -> Signer:
        return Aws(place.location or HOME, place.credentials)
