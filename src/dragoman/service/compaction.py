"""POST /v1/responses/compact: a conversation, made short by the provider where it can, else by a summary.

It knows codecs only as such and providers only as data.
"""

from __future__ import annotations

from dragoman.core.codec import Context
from dragoman.core.errors import invalid
from dragoman.dialects import CODECS, STATE
from dragoman.service import conversation
from dragoman.service.call import Call, Reply
from dragoman.service.exchange import asked_model, asked_once, read
from dragoman.service.gateway import Gateway, dumps, error_in, json_body
from dragoman.service.router import Attempt
from dragoman.service.wire import ask, lost_header, returned, strict


async def compact(gateway: Gateway, call: Call) -> Reply:
    front = CODECS[call.dialect]
    raw = await call.read()
    asked = json_body(raw)
    call.model = asked_model(gateway, call, asked)
    if not asked.get("input") and not STATE.follows(asked):
        raise invalid("input", "required")
    front.decode_request(asked, Context())  # raises for what is none

    async def attempt(step: Attempt) -> Reply:
        deployment = step.deployment
        native = deployment.provider.name if deployment.spoken(call.dialect) == call.dialect else None
        wire, whole = await conversation.gone_on(gateway, call, asked, native=native)
        if native is not None and deployment.profile.compaction:
            body = front.edit_request(
                raw if wire is asked else dumps(wire), deployment.model, False, deployment.profile
            )
            path = front.path(deployment.model, False) + "/compact"
            incoming = await ask(gateway, call, step, path, body, dialect=call.dialect)
            try:
                answer = await incoming.read()
            finally:
                await incoming.close()
            if said := error_in(answer):  # with status 200, as some relays tell it
                raise front.decode_error(0, {"error": said}, {})
            return Reply(body=answer, headers=returned(incoming))
        ctx = Context()
        ctx.lose("input", "the model is asked for a summary", "emulated")
        strict(call, ctx)
        reply = await asked_once(gateway, call, STATE.wish(wire), step)
        told = STATE.compacted(json_body(read(reply), answer=True), gateway.new_id)
        given = STATE.items(whole)
        ids = STATE.named(given, gateway.new_id)
        made = STATE.compaction(given, ids, told, gateway.new_id("resp_"), gateway.now())
        return Reply(body=dumps(made), headers=lost_header(ctx))

    return await gateway.attempts(call, gateway.models.find(call.model, call.provider), attempt)
