"""The clouds that serve other vendors' models: a table of envelopes by the name a provider's entry gives.

It knows the clouds' names, and none of their workings.
"""

from __future__ import annotations

from dragoman.providers.clouds.azure import Azure
from dragoman.providers.clouds.bedrock import Bedrock
from dragoman.providers.clouds.envelope import Envelope, Letter, Place, Sealed, Signer
from dragoman.providers.clouds.vertex import Vertex

__all__ = ["ENVELOPES", "Envelope", "Letter", "Place", "Sealed", "Signer"]

ENVELOPES: dict[str, Envelope] = {"vertex": Vertex(), "azure": Azure(), "bedrock": Bedrock()}
