"""Every recorded chat of the other dialects in Converse's: requests as Amazon's own service model takes them, answers and
streams as its client reads them, and nothing of the gist lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import EventStreamJSONParser, RestJSONParser
from botocore.validate import ParamValidator
from tests import laws
from tests.recorded import dialect_of, stream_of
from tests.test_bedrock import obeys
from tests.test_cross import ANSWERS, BROKEN, REQUESTS, STREAMS, decoded, request_gist, same
from tests.traffic import Exchange

from dragoman.core.errors import GatewayError
from dragoman.core.eventstream import Writer
from dragoman.core.fold import unfold
from dragoman.core.framing import Frame
from dragoman.core.profile import Profile
from dragoman.core.translate import Pipe
from dragoman.dialects import CODECS

FRONT = CODECS["bedrock.converse"]
SERVICE = ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"))
ASKED = SERVICE.operation_model("Converse").input_shape
TOLD = SERVICE.operation_model("Converse").output_shape
EVENTS = SERVICE.shape_for("ConverseStreamOutput")


def foreign(parameters: list[Any]) -> list[Any]:
    return [p for p in parameters if p.values[0] is None or dialect_of(p.values[0]) != FRONT.dialect]


@pytest.mark.parametrize(
    "profile", [Profile(), Profile(model_fields="anthropic", cache_control=True)], ids=["", "claude"]
)
@pytest.mark.parametrize("case", foreign(REQUESTS))
def test_a_request_there(case: Exchange, profile: Profile) -> None:
    """It says the same and is what Amazon's client would send, or the difference is a reported loss or a refusal."""
    home = CODECS[dialect_of(case) or ""]
    here = home.decode_request(case.request, laws.context())
    ctx = laws.context(model="us.anthropic.claude-sonnet-4-5-20250929-v1:0", profile=profile)
    ctx.request = here
    refusal, wire = None, {}
    try:
        wire = json.loads(json.dumps(FRONT.encode_request(here, ctx)))
    except GatewayError as error:
        refusal = error
    if refusal is not None:
        assert refusal.param, refusal.message
        return
    report = ParamValidator().validate({**wire, "modelId": "m"}, ASKED)
    assert not report.has_errors(), report.generate_report()
    there = FRONT.decode_request(wire, laws.context())
    mine, theirs = request_gist(here), request_gist(there)
    different = {key for key in mine if mine[key] != theirs[key]}
    assert not different or ctx.losses, (different, {k: (mine[k], theirs[k]) for k in different})
    assert json.loads(json.dumps(FRONT.encode_request(there, laws.context()))) == wire, "it comes home from there"


@pytest.mark.parametrize("case", foreign(ANSWERS))
def test_an_answer_there(case: Exchange) -> None:
    try:
        _, here = decoded(case)
    except GatewayError as error:
        pytest.skip(f"the recording itself is an error: {error.message}")
    wire = json.loads(json.dumps(FRONT.encode_response(here, laws.context())))
    raw = {"status_code": 200, "headers": {}, "body": json.dumps(wire).encode(), "context": {}}
    read = RestJSONParser().parse(raw, TOLD)
    assert len(read["output"]["message"]["content"]) == len(wire["output"]["message"]["content"])
    same(FRONT.decode_response(wire, laws.context()), here, FRONT)
    frames = laws.render(FRONT, unfold(here))
    obeys(frames)
    same(laws.reread(FRONT, frames), here, FRONT)


@pytest.mark.parametrize("case", foreign(STREAMS))
def test_a_stream_there(case: Exchange) -> None:
    back = CODECS[dialect_of(case) or ""]
    pipe = Pipe(back.decoder(laws.context()), FRONT.encoder(laws.context()))
    frames: list[Frame] = []
    refusal: GatewayError | None = None
    try:
        frames = [*pipe.feed(stream_of(case) or b""), *pipe.close()]
    except GatewayError as error:
        refusal = error
    assert (refusal is not None) == (case.id in BROKEN), refusal
    if refusal is not None:
        return
    same(laws.reread(FRONT, frames), pipe.fold.response(), FRONT)
    obeys(frames)
    buffer = EventStreamBuffer()
    buffer.add_data(b"".join(map(Writer().write, frames)))
    parser = EventStreamJSONParser()
    for message, frame in zip(buffer, frames, strict=True):
        [name] = parser.parse(message.to_response_dict(), EVENTS)
        assert name == frame.event
