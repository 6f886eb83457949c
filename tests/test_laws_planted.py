"""No loss unreported: a marker planted in any field comes out at the other end, or a loss or a refusal points at it.

The fields are those that the Structs of the interlingua have, so a new one is planted too. What a dialect leaves out
on purpose and in silence stands here, each with its reason.
"""

from __future__ import annotations

import json
from fnmatch import fnmatch
from functools import cache
from typing import Any

import pytest
from msgspec.structs import replace
from tests import laws, planting
from tests.samples import REQUESTS, RESPONSES

from dragoman.core.codec import Context, Loss
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.fold import unfold
from dragoman.core.ir import Request, Response
from dragoman.dialects import CODECS

ASIDE: tuple[tuple[str, str, str, str], ...] = (
    # which way, which dialect, which field, why nothing need be said of it
    ("request", "*", "Request.origin", "it says where the rest belongs"),
    ("request", "*", "Request.model", "the deployment's own name stands in the path or the body"),
    ("request", "*", "Message.role", "roles are held by the laws of what was said by whom"),
    ("request", "*", "Request.stream", "it stands in the path, or is the service's own"),
    ("request", "*", "Request.stream_usage", "usage is always asked of the provider; the front leaves it out"),
    ("request", "*", "Terms.*", "how a request is booked: what is asked is the same without it"),
    ("request", "*", "Signature.ref", "only OpenRouter names what a signature is of"),
    ("request", "*", "Token.*", "how likely past words were is asked of nobody"),
    ("request", "*", "Format.name", "a label of the schema; nothing depends on it"),
    ("request", "*", "Format.strict", "a schema always holds there, or never does"),
    ("request", "*", "Thinking.visible", "which thoughts are shown is for the front to say"),
    ("request", "*", "Thinking.budget", "effort and budget say the same; one of them is sent"),
    ("request", "*", "Thinking.effort", "the same"),
    ("request", "*", "Reasoning.summary", "few dialects tell a thought from its summary"),
    ("request", "*", "Reasoning.redacted", "a thought that is withheld is its signature"),
    ("request", "*", "Reasoning.text", "the same"),
    ("request", "openai.chat", "Signature.*", "it is told of the message: its reasoning is one field"),
    ("request", "simple", "ToolChoice.*", "the tools are reported"),
    ("request", "*", "ToolResult.server", "it is of a call that says so"),
    ("request", "*", "Media.media_type", "what the data or the address tells for itself is not said again"),
    ("response", "*", "Response.origin", "it says where the rest belongs"),
    ("response", "*", "Response.id", "an answer that crossed has an id of its own"),
    ("response", "*", "Response.model", "some dialects' answers name no model"),
    ("response", "*", "Stop.raw", "the dialect's own word for the reason is told"),
    ("response", "*", "Cache.*", "marks are for questions"),
    ("response", "*", "Reasoning.summary", "few dialects tell a thought from its summary"),
    ("response", "*", "Reasoning.redacted", "a thought that is withheld is its signature"),
    ("response", "*", "Reasoning.text", "a thought that is withheld has no text; the app API shows those asked for"),
    ("response", "*", "Signature.ref", "only OpenRouter names what a signature is of"),
    ("response", "simple", "Signature.*", "the app API shows thoughts only where they were asked for"),
    ("response", "simple", "Reasoning.*", "the same"),
    ("response", "*", "Usage.*", "each dialect has words for some of the counts; the ledger has all"),
    ("response", "*", "Token.id", "a number of the model's own vocabulary"),
    ("response", "*", "Citation.start", "each dialect counts places in its own way, or not at all"),
    ("response", "*", "Citation.end", "the same"),
    ("response", "*", "Media.media_type", "what the data or the address tells for itself is not said again"),
)
"""What goes without a word."""
OPEN: tuple[tuple[str, str, str, str], ...] = ()
"""What should be told and is not yet."""

SENSELESS = {
    ("choice", "ToolChoice.name"): "a name is heeded where the mode is tool",
    ("choice", "ToolChoice.mode"): "what may be called counts, not the mode",
    ("one choice", "ToolChoice.allowed"): "the one tool is another than those",
    ("called", "ToolCall.server"): "an answer that waits for the client has a call of its own",
    ("signed call", "ToolCall.server"): "the same",
}
"""Changes of a sample that no client could ask for: (sample, field)."""

used: set[tuple[str, str, str, str]] = set()
Told = tuple[str, list[Loss]]


def asked(dialect: str, request: Request) -> Told:
    ctx = laws.context(model="")
    ctx.request = request
    return json.dumps(CODECS[dialect].encode_request(request, ctx), ensure_ascii=False), ctx.losses


def whole(dialect: str, response: Response) -> Told:
    ctx = laws.context(model="")
    return json.dumps(CODECS[dialect].encode_response(response, ctx), ensure_ascii=False), ctx.losses


def streamed(dialect: str, response: Response) -> Told:
    ctx: Context = laws.context(model="")
    encoder = CODECS[dialect].encoder(ctx)
    data = [frame.data for event in unfold(response) for frame in encoder.feed(event)]
    return b" ".join(data).decode("utf-8", "replace"), ctx.losses


WAYS = {"request": asked, "response": whole, "stream": streamed}


@cache
def told(way: str, dialect: str, name: str) -> Told | GatewayError:
    """What becomes of the sample itself."""
    sample: Any = replace((REQUESTS if way == "request" else RESPONSES)[name], origin="elsewhere")
    try:
        return WAYS[way](dialect, sample)
    except GatewayError as error:
        return error


def excused(way: str, dialect: str, plant: planting.Plant) -> bool:
    kind = "response" if way == "stream" else way
    rows = [
        row for row in (*ASIDE, *OPEN) if row[0] == kind and fnmatch(dialect, row[1]) and fnmatch(plant.name, row[2])
    ]
    used.update(rows)
    return bool(rows)


def silent(way: str, dialect: str, name: str, plant: planting.Plant) -> bool:
    """Whether the change of a field is neither seen nor told."""
    sample = told(way, dialect, name)
    try:
        out, losses = WAYS[way](dialect, plant.value)
    except GatewayError as error:
        return way == "request" and (error.kind is not Kind.INVALID_REQUEST or not error.param)
    if not isinstance(sample, GatewayError):
        losses = losses + sample[1]
    words = planting.FOUND.get(plant.name, (planting.MARK,))
    seen = any(word in out for word in words) if plant.marked else sample_differs(sample, out)
    return not seen and not any(planting.points_at(loss.path, plant.path) for loss in losses)


def sample_differs(sample: Told | GatewayError, out: str) -> bool:
    return isinstance(sample, GatewayError) or sample[0] != out


def cases(samples: dict[str, Any], *ways: str) -> list[Any]:
    return [pytest.param(w, d, n, id=f"{w}-{d}-{n}") for w in ways for d in CODECS for n in samples]


@pytest.mark.parametrize(
    ("way", "dialect", "name"), [*cases(REQUESTS, "request"), *cases(RESPONSES, "response", "stream")]
)
def test_no_loss_is_unreported(way: str, dialect: str, name: str) -> None:
    sample = replace((REQUESTS if way == "request" else RESPONSES)[name], origin="elsewhere")
    found = [
        f"{plant.name} at {plant.path}"
        for plant in planting.plants(sample)
        if (name, plant.name) not in SENSELESS
        and silent(way, dialect, name, plant)
        and not excused(way, dialect, plant)
    ]
    assert not found


@pytest.mark.parametrize(("root", "samples"), [(Request, REQUESTS), (Response, RESPONSES)], ids=["request", "response"])
def test_every_struct_is_in_a_sample(root: Any, samples: dict[str, Any]) -> None:
    """A new kind of node needs a sample, or nothing is planted in it."""
    held = {type(node).__name__ for sample in samples.values() for node, _, _ in planting.nodes(sample)}
    assert set(planting.structs_of(root)) == held
