"""Every loss and every refusal names a place that the caller finds in its own body."""

import copy
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

import laws
from dragoman.core.codec import Context
from dragoman.core.errors import GatewayError
from dragoman.core.ir import Request, Text
from dragoman.core.places import Guide, resolved
from dragoman.dialects import CODECS, PLACES
from traffic import load, manifest

DIALECTS = ("openai.chat", "openai.responses", "anthropic", "gemini")
APIS = {
    "openai.chat": "openai.chat", "openai.responses": "openai.responses", "anthropic.messages": "anthropic",
    "gemini.generate": "gemini", "gemini.stream": "gemini", "vertex.generate": "gemini", "vertex.stream": "gemini",
}  # fmt: skip


def requests(dialect: str) -> list[tuple[str, Any]]:
    """The recorded requests of a dialect's clients."""
    found = [row["file"] for row in manifest() if APIS.get(row["api"]) == dialect]
    return [(file, load(file).request) for file in found if isinstance(load(file).request, dict)]


def at(wire: Any, path: str) -> Any:
    """What stands at a path of a body."""
    for step in path.replace("[", ".[").split("."):
        wire = wire[int(step[1:-1])] if step.startswith("[") else wire[step]
    return wire


@pytest.mark.parametrize("dialect", DIALECTS)
def test_parts_are_found_where_the_caller_wrote_them(dialect: str) -> None:
    """Every text of every recorded request, by its place; the few whose place is not certain are told of the whole."""
    exact = Counter[bool]()
    for file, wire in requests(dialect):
        try:
            request = CODECS[dialect].decode_request(wire, Context())
        except GatewayError:
            continue
        guide = Guide(PLACES[dialect], wire, request, request, Context())
        for i, message in enumerate(request.messages):
            for j, part in enumerate(message.parts):
                path = guide.path(f"messages[{i}].parts[{j}]")
                found = at(wire, path)
                if isinstance(part, Text) and part.text:
                    told = found.get("text", found.get("content")) if isinstance(found, dict) else found
                    exact[told == part.text] += 1
                    assert told == part.text or path.count(".") == 0, f"{file}: {path} is of another part"
    assert exact[True] > 40 and exact[False] <= 0.1 * exact[True], exact


@pytest.mark.parametrize("back", DIALECTS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_loss_of_every_recorded_request_is_found_in_it(dialect: str, back: str) -> None:
    if dialect == back:
        pytest.skip("at home nothing is lost")
    lost = Counter[str]()
    for file, wire in requests(dialect):
        ctx = laws.context(model="m")
        try:
            request = CODECS[dialect].decode_request(wire, Context())
        except GatewayError:
            continue
        guide = Guide(PLACES[dialect], wire, request, request, ctx)
        error = refused(back, request, ctx)
        if error is not None:
            assert error.param is not None and rooted(wire, guide.path(error.param)), (file, error.param)
            error.rename(guide.path(error.param))
            assert error.message.startswith(f"{error.param}: ") and error.args == (error.message,), error
        for loss in ctx.losses:
            path = guide.path(loss.path)
            lost[path if rooted(wire, path) else "-"] += 1
            assert rooted(wire, path), (file, loss, path)
    assert lost.total() > 10


def refused(back: str, request: Request, ctx: Context) -> GatewayError | None:
    try:
        CODECS[back].encode_request(request, ctx)
    except GatewayError as error:
        return error
    return None


def rooted(wire: Any, path: str) -> bool:
    """Whether the path begins in the body; what it goes on with may be what the provider was to be told."""
    begin = path
    while begin:
        if resolved(wire, begin) is not None:
            return True
        begin = begin.rpartition(".")[0]
    return False


# -- what is planted is found where it was planted ---------------------------------------------------------


def objects(wire: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of a body that a client of tomorrow might extend: not arguments, schemas or metadata, which are data."""
    if isinstance(wire, list):
        for n, one in enumerate(wire):
            yield from objects(one, f"{path}[{n}]")
    elif isinstance(wire, dict):
        yield path, wire
        for name, one in wire.items():
            if name not in DATA:
                yield from objects(one, f"{path}.{name}" if path else name)


DATA = frozenset(
    ("input_schema", "parameters", "parametersJsonSchema", "parameters_json_schema", "responseSchema", "response_schema",
     "responseJsonSchema", "schema", "args", "arguments", "response", "metadata", "source", "logit_bias", "caller",
     "labels", "output", "context_management", "container", "mcp_servers", "raw")
)  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_planted_is_told_where_it_was_planted(dialect: str) -> None:
    """In any object of any recorded request: there, or of the whole that holds it; never of a neighbour."""
    exact, whole = 0, 0
    others = [back for back in DIALECTS if back != dialect]
    for number, (file, wire) in enumerate(requests(dialect)):
        found = list(objects(wire))
        for n in range(0, len(found), max(1, len(found) // 12)):
            body = copy.deepcopy(wire)
            planted, at_home = next((path, one) for k, (path, one) in enumerate(objects(body)) if k == n)
            at_home["x_planted"] = {"x": 1}
            ctx = laws.context(model="m")
            try:
                request = CODECS[dialect].decode_request(body, Context())
            except GatewayError:
                continue
            if refused(others[(number + n) % len(others)], request, ctx) is not None:
                continue
            guide = Guide(PLACES[dialect], body, request, request, ctx)
            for path in (guide.path(loss.path) for loss in ctx.losses if loss.path.endswith("x_planted")):
                exact += path == f"{planted}.x_planted".removeprefix(".")
                whole += path != f"{planted}.x_planted".removeprefix(".")
                told = path.removesuffix("x_planted").rstrip(".")
                begin = told if resolved(body, told) is not None else told.rpartition(".")[0]
                assert planted.startswith(begin) and planted[len(begin) : len(begin) + 1] in ("", ".", "["), (
                    file,
                    planted,
                    path,
                )
    assert exact > 100 and whole <= 0.15 * exact, (exact, whole)
