"""The terms of a request, whose words are the same in both of OpenAI's dialects; both directions.

It knows nothing of what is asked.
"""

from __future__ import annotations

from dragoman.core.codec import Context, Fields, Wire
from dragoman.core.ir import Request, Terms
from dragoman.core.terms import lose_terms

TERMS = tuple(name for name in Terms.__struct_fields__ if name != "verbosity")


def decode_terms(f: Fields, verbosity: str | None, *names: str) -> Terms:
    """Those of the names; they wait for the trip home as they were, and are no leftovers abroad."""
    found = {name: f.peek(name) for name in names if name in f}
    for name in found:
        f.quiet(name, f.any(name))
    return Terms(verbosity=verbosity, **found)


def encode_terms(request: Request, ctx: Context) -> Wire:
    """From elsewhere: what this server takes of them. The verbosity has another place in each dialect."""
    taken = ctx.profile.terms
    lose_terms(request, ctx, *taken)
    return {name: value for name in TERMS if name in taken and (value := getattr(request.terms, name))}


def encode_verbosity(request: Request, ctx: Context) -> str | None:
    return request.terms.verbosity if "verbosity" in ctx.profile.terms else None
