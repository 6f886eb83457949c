"""`generate: false` over a socket: a request that is read and kept to be gone on from, and of which no model hears.

It knows codecs only as such, and no provider.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from msgspec.structs import replace

from dragoman.core.codec import QUIET, Context
from dragoman.core.errors import invalid
from dragoman.core.framing import SseWriter
from dragoman.core.ir import Response
from dragoman.dialects import CODECS, STATE
from dragoman.service import conversation
from dragoman.service.call import Call, Reply
from dragoman.service.gateway import Gateway, json_body


async def warm_up(gateway: Gateway, call: Call) -> Reply:
    """An answer without a word, at no cost."""
    front = CODECS[call.dialect]
    wire = json_body(await call.read())
    model = wire.get("model")
    if not isinstance(model, str) or not model:
        raise invalid("model", "required")
    gateway.models.find(model, call.provider)  # raises where nobody serves it
    _, whole = await conversation.gone_on(gateway, call, wire, native=None)
    ctx = Context(model=model, now=gateway.now, new_id=gateway.new_id)
    repeats = {QUIET + name: value for name, value in STATE.repeated(wire).items()}
    request = front.decode_request(whole, ctx)
    ctx.request = replace(request, model=model, extra=request.extra | repeats)
    response = front.encode_response(Response(origin="", id="", model=model), ctx)
    kept = STATE.kept(whole, response, "", native=False, new_id=gateway.new_id)
    await conversation.keep(gateway, call, wire, kept)
    writer = SseWriter()

    async def told() -> AsyncGenerator[bytes, None]:
        for frame in STATE.replayed(response):
            yield writer.write(frame)

    return Reply(body=told(), media_type=writer.media_type)
