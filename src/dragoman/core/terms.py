"""On which terms a request is served, where nobody takes them. It knows no dialect."""

from __future__ import annotations

from dragoman.core.codec import Context
from dragoman.core.ir import Request, Terms

HINTS = ("prompt_cache_key", "prompt_cache_retention", "store")
"""Words to one provider's own caches and store: where there are none, nothing is lost with them."""


def lose_terms(request: Request, ctx: Context, *taken: str) -> None:
    """Reports those that are not among the taken."""
    for name in Terms.__struct_fields__:
        if name not in taken and name not in HINTS and getattr(request.terms, name):
            ctx.lose(name, "no such setting here")
