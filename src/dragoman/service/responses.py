"""Kept responses as the client reads them again: whole, as the stream they were, and by what led to them.

It knows the kept value only through the dialect's own state module, and nothing of how a response is made.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from dragoman.core.errors import GatewayError, Kind, invalid
from dragoman.core.framing import SseWriter
from dragoman.core.profile import Profile
from dragoman.dialects import CODECS, STATE
from dragoman.providers.catalog import Deployment, Provider
from dragoman.service.call import Call, Reply
from dragoman.service.conversation import STATEFUL, find, forget
from dragoman.service.gateway import Gateway, dumps
from dragoman.service.query import flag, included, ordered, whole
from dragoman.service.router import Attempt
from dragoman.service.wire import ask, returned


async def need(gateway: Gateway, call: Call) -> STATE.Kept:
    id = call.params["id"]
    kept = await find(gateway, call, id)
    if kept is None:
        message = f"Response with id '{id[:100]}' not found."
        raise GatewayError(Kind.NOT_FOUND, message, param="response_id", code="response_not_found")
    return kept


async def read(gateway: Gateway, call: Call) -> Reply:
    """GET /v1/responses/{id}: as it was answered, or with ?stream=true as the stream it was or would have been."""
    stream = flag(call, "stream")
    included(call)
    after = whole(call, "starting_after", least=0)
    if after is not None and not stream:
        raise invalid("starting_after", "is for streams only")
    kept = await need(gateway, call)
    if not stream:
        return Reply(body=dumps(kept.response))
    writer, frames = SseWriter(), tuple(STATE.replayed(kept.response))

    async def told() -> AsyncGenerator[bytes, None]:
        for frame in frames[after + 1 if after is not None else 0 :]:
            yield writer.write(frame)

    return Reply(body=told(), media_type=writer.media_type)


async def read_items(gateway: Gateway, call: Call) -> Reply:
    """GET /v1/responses/{id}/input_items."""
    included(call)
    order, limit = ordered(call)
    kept = await need(gateway, call)
    return Reply(body=dumps(STATE.encode_items(kept, order=order, after=call.query.get("after", ""), limit=limit)))


async def delete(gateway: Gateway, call: Call) -> Reply:
    """DELETE /v1/responses/{id}: here, and before that at the provider that keeps it too."""
    kept, id = await need(gateway, call), call.params["id"]
    provider = next((one for one in gateway.providers if kept.native and one.name == kept.provider), None)
    headers: dict[str, str] = {}
    if provider is not None:
        headers = await forgotten(gateway, call, provider, id)
    await forget(gateway, call.owner, id, kept)
    return Reply(body=dumps({"id": id, "object": "response", "deleted": True}), headers=headers)


async def forgotten(gateway: Gateway, call: Call, provider: Provider, id: str) -> dict[str, str]:
    """Headers of the provider that was told to forget. One that knows no such response has nothing to forget."""

    async def attempt(step: Attempt) -> Reply:
        path = f"{CODECS[STATEFUL].path('', False)}/{id}"
        try:
            incoming = await ask(gateway, call, step, path, None, dialect=STATEFUL)
        except GatewayError as error:
            if error.status != 404:
                raise
            return Reply()
        try:
            await incoming.read()
        finally:
            await incoming.close()
        return Reply(headers=returned(incoming))

    target = Deployment(provider, "", provider.operations, Profile())
    return (await gateway.attempts(call, (target,), attempt)).headers


async def cancel(gateway: Gateway, call: Call) -> Reply:
    """POST /v1/responses/{id}/cancel: only responses made in the background can be, and none is."""
    await need(gateway, call)
    message = "Only responses made in the background can be cancelled, and this one was not: close its stream instead."
    raise GatewayError(Kind.INVALID_REQUEST, message, param="response_id", code="not_in_background")
