"""The innermost room for chats: one call, attempts at its deployments, one reply.

It knows codecs only as such, providers only as data, and nothing of keys, limits or sockets of the client.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from dataclasses import replace as replace_call

from msgspec.structs import replace

from dragoman import dialects
from dragoman.core import bridge
from dragoman.core.calls import distinct
from dragoman.core.choices import Choices, apart, total
from dragoman.core.codec import QUIET, Codec, Context, Loss, Wire, rewrite
from dragoman.core.errors import GatewayError, invalid
from dragoman.core.eventstream import ChunkWriter
from dragoman.core.eventstream import Writer as EventWriter
from dragoman.core.fold import Fold, fold, unfold
from dragoman.core.framing import ArrayWriter, Frame, FrameReader, SseWriter, Writer
from dragoman.core.ir import Event, Reasoning, Request, Response, Usage
from dragoman.core.places import Guide
from dragoman.core.refusals import thoughts_are_foreign
from dragoman.core.thoughts import forgotten, real
from dragoman.core.tools import recounted
from dragoman.core.translate import Pipe, Stream, Tap, Telling, reader_for, whole
from dragoman.dialects import CODECS, PLACES, SEVERAL, STATE, passes
from dragoman.providers.catalog import Deployment
from dragoman.providers.upstream import Incoming
from dragoman.service import choices, conversation, side
from dragoman.service.call import Call, Reply
from dragoman.service.gateway import Gateway, dumps, json_body
from dragoman.service.recall import recalled, remember
from dragoman.service.router import Attempt
from dragoman.service.secrets import scrubbed
from dragoman.service.wire import ask, lost_header, returned, strict

PATIENCE = 25.0  # seconds without content after which a stream is begun all the same
LONGEST = {"messages": 4096, "contents": 4096, "input": 16384, "tools": 1024}  # elements of a request's lists


async def chat(gateway: Gateway, call: Call) -> Reply:
    """Answers a chat in any dialect, streamed or not."""
    front = CODECS[call.dialect]
    raw = await call.read()
    wire = json_body(raw)
    model = asked_model(gateway, call, wire)
    for name, most in LONGEST.items():
        if isinstance(many := wire.get(name), list) and len(many) > most:
            raise invalid(name, f"at most {most} are taken, got {len(many)}")
    stream = call.route.stream if call.route.stream is not None else wire.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise invalid("stream", "expected a boolean")
    call.model = model
    hint = call.provider or provider_in_body(call, wire)
    found = gateway.models.find(model, hint)
    chatting = _Chat(gateway, call, front, raw, wire, model, bool(stream))
    return await gateway.attempts(call, found, chatting.attempt)


def asked_model(gateway: Gateway, call: Call, wire: Wire) -> str:
    """The model as the client named it, in the path or in the body; the default where it named none (004-2)."""
    model = call.params.get("model") or wire.get("model")
    if model is None or model == "":
        if call.route.defaults:
            return gateway.models.default()
        raise invalid("model", "required")
    if not isinstance(model, str):
        raise invalid("model", "expected a string")
    return model


def provider_in_body(call: Call, wire: Wire) -> str | None:
    """The app API names a provider in its body (002-2)."""
    provider = wire.get("provider") if call.dialect == "simple" else None
    if provider is not None and not isinstance(provider, str):
        raise invalid("provider", "expected a string")
    return provider or None


@dataclass
class _Chat:
    """One client's chat: what it asked, and one method for each way a deployment can serve it."""

    gateway: Gateway
    call: Call
    front: Codec
    raw: bytes
    wire: Wire
    model: str  # as the client named it
    stream: bool
    asked: Wire = field(default_factory=dict)  # the wire as the client sent it, whatever it goes on from
    whole: Wire = field(default_factory=dict)  # the same with all that it goes on from
    native: bool = False  # whether the provider keeps responses itself
    forgets: bool = False  # whether earlier thoughts are left out, since who is asked cannot read them (case 124)
    _request: Request | None = None

    def __post_init__(self) -> None:
        self.asked = self.whole = self.wire

    @property
    def request(self) -> Request:
        """The neutral form, decoded when first needed: not where the bytes pass through."""
        if self._request is None:
            request = self.front.decode_request(self.wire, self.context())
            if isinstance(request.extra.get("thread"), dict):  # the SDKs resend it all to this code (clients.md 1.5)
                message = "message threads are not kept here: send the whole conversation"
                raise invalid("thread", message, code="thread_unsupported_request")
            request = replace(request, model=self.model, stream=self.stream)
            if self.call.route.defaults and self.front.dialect == "openai.chat" and request.sampling.max_tokens is None:
                limit = self.gateway.settings.default_max_tokens  # 004-2: here, and only here, the default is applied
                request = replace(request, sampling=replace(request.sampling, max_tokens=limit))
            self._request = request
        return self._request

    def context(self, model: str = "", deployment: Deployment | None = None) -> Context:
        gateway = self.gateway
        ctx = Context(model=model or self.model, now=gateway.now, new_id=gateway.new_id)
        if deployment is not None:
            ctx.profile = deployment.profile
        return ctx

    async def attempt(self, attempt: Attempt) -> Reply:
        try:
            return await self._attempted(attempt)
        except GatewayError as error:
            if self.forgets or not thoughts_are_foreign(error):
                raise
        self.forgets = True
        self.call.losses.append(Loss("reasoning", "another account issued it"))
        return await self._attempted(attempt)

    async def _attempted(self, attempt: Attempt) -> Reply:
        deployment = attempt.deployment
        chats = "chat" in deployment.operations
        self.native = chats and self._spoken(deployment) == conversation.STATEFUL == self.front.dialect
        if self.front.dialect == conversation.STATEFUL:
            native = deployment.provider.name if self.native else None
            wire, self.whole = await conversation.gone_on(self.gateway, self.call, self.asked, native=native)
            if wire is not self.wire:
                self.wire, self._request = wire, None
            if STATE.asks(self.asked) and not (self.native and deployment.profile.compaction):
                return await self._compacted(attempt)
        if deployment.provider.dialect == "sandbox":
            return await (self._several(attempt) if self._wanted > 1 else self._sandbox(deployment))
        if not chats:
            choices.within(self.front.dialect, self._wanted, 1)
            return await self._bridged(attempt)
        several = self._wanted > 1
        if self._passes(deployment) and (deployment.profile.choices or not several):
            return await self._passed(attempt)
        return await (self._several(attempt) if several else self._translated(attempt))

    def _passes(self, deployment: Deployment) -> bool:
        """Whether a request, and the answer to it, may pass as they are: between ends of the same dialect."""
        profile = deployment.profile
        if self._spoken(deployment) != self.front.dialect or profile.think_tags or self.forgets:
            return False
        return (self.stream or not profile.stream_only) and passes(self.front.dialect, self.wire, profile)

    @property
    def _wanted(self) -> int:
        """How many answers are asked for; the request is not decoded for it where it cannot ask for more than one."""
        spoken = SEVERAL.get(self.front.dialect)
        return self.request.choices if spoken is not None and spoken.may_ask(self.wire) else 1

    def _speakable(self, deployment: Deployment) -> None:
        """An answer in text to who wants nothing but an image or a sound would be wrong, not lossy."""
        wanted, profile = set(self.request.modalities), deployment.profile
        if deployment.dialect() == "gemini" or not wanted or "text" in wanted or wanted & set(profile.modalities):
            return
        path = "generationConfig.responseModalities" if self.front.dialect == "gemini" else "modalities"
        asked = " or ".join(sorted(wanted))
        raise invalid(path, f"{deployment.provider.name}/{deployment.model} answers in text only, not in {asked}")

    def _spoken(self, deployment: Deployment) -> str:
        """The dialect a deployment is spoken to in, for this request."""
        front = self.front.dialect
        if deployment.spoken(front) == deployment.spoken(front, reasons=True):
            return deployment.spoken(front)
        thinking = self.request.thinking
        return deployment.spoken(front, reasons=thinking is not None and thinking.effort != "none")

    async def _keep(self, wire: Wire, deployment: Deployment) -> None:
        """A whole response, for requests that go on from it."""
        if conversation.keeps(self.call, self.asked):
            native = self.native and STATE.wants_keeping(self.asked)
            kept = STATE.kept(self.whole, wire, deployment.provider.name, native=native, new_id=self.gateway.new_id)
            await conversation.keep(self.gateway, self.call, self.asked, kept)

    async def _keeping(
        self, frames: AsyncGenerator[Frame, None], deployment: Deployment
    ) -> AsyncGenerator[Frame, None]:
        """The frames of a stream, the last of which is let go only once the response it ends is kept."""
        async with aclosing(frames):
            async for frame in frames:
                if (response := STATE.finished(frame)) is not None:
                    await self._keep(response, deployment)
                yield frame

    # -- summing up --------------------------------------------------------------

    async def _compacted(self, attempt: Attempt) -> Reply:
        """The answer to a trigger: the conversation, summed up by the model, in one item."""
        ctx = self.context()
        ctx.lose("input.compaction_trigger", "the model is asked for a summary", "emulated")
        strict(self.call, ctx)
        front = self.front
        begun = front.encode_response(Response(origin="", id="", model=self.request.model), self._answering())

        async def made() -> Wire:
            reply = await asked_once(self.gateway, self.call, STATE.wish(self.wire), attempt)
            return begun | STATE.compacted(json_body(read(reply), answer=True), self.gateway.new_id)

        if not self.stream:
            wire = await made()
            await self._keep(wire, attempt.deployment)
            return Reply(body=dumps(wire), headers=lost_header(ctx))

        async def frames() -> AsyncGenerator[Frame, None]:
            for frame in STATE.replayed(await made()):
                yield frame

        pipe = Pipe(_NoDecoder(), front.encoder(self._answering()), self._shows)
        return await self._held(pipe, frames(), attempt.deployment, lost_header(ctx))

    # -- the same dialect at both ends ---------------------------------------

    async def _passed(self, attempt: Attempt) -> Reply:
        deployment, front = attempt.deployment, self.front
        raw = self.raw if self.wire is self.asked else dumps(self.wire)
        if self.call.route.defaults and front.dialect == "openai.chat":
            raw = dumps(self._with_defaults())
        body = front.edit_request(raw, deployment.model, self.stream, deployment.profile)
        path = front.path(deployment.model, self.stream)
        incoming = await ask(self.gateway, self.call, attempt, path, body, dialect=front.dialect)
        decode, encode = self.context(deployment.model, deployment), self._answering()
        try:
            reader = reader_of(incoming)
            if not self.stream and reader is not None:
                response = fold([event async for event in decoded(front, incoming, decode)])
                await incoming.close()
                return await self._rendered(response, deployment, decode)
            if reader is None:
                answer = await incoming.read()
                await incoming.close()
                response = front.decode_response(json_body(answer, answer=True), decode)  # or raises: it is none at all
                if wants_back(deployment):
                    await remember(self.gateway.store, self.owner, response, self.request)
                if self.stream:
                    return await self._unfolded(response, deployment)
                body = self._sealed(front.rename_response(answer, self.model), deployment)
                if self.native and self._repeats:
                    body = rewrite(body, **self._repeats)
                if conversation.keeps(self.call, self.asked):
                    await self._keep(json_body(body, answer=True), deployment)
                return Reply(body=body, headers=returned(incoming))
            tap = Tap(front.decoder(decode), front.encoder(encode), self._edit(deployment), not self.native, reader)
            return await self._streamed(tap, incoming, deployment, returned(incoming))
        except BaseException:
            await incoming.close()
            raise

    def _sealed(self, body: bytes, deployment: Deployment) -> bytes:
        """The same answer, its encrypted reasoning in the name of who issued it."""
        issuer = deployment.profile.issuer
        return STATE.sealed(body, issuer) if issuer and self.front.dialect == conversation.STATEFUL else body

    def _with_defaults(self) -> Wire:
        wire = dict(self.wire)
        wire["model"] = self.model
        if wire.get("max_tokens") is None and wire.get("max_completion_tokens") is None:
            wire["max_tokens"] = self.gateway.settings.default_max_tokens
        return wire

    def _edit(self, deployment: Deployment) -> Callable[[Frame], Frame | None]:
        """What happens to each frame on its way: the model is named as the client asked (000-2), and usage that only
        the gateway asked for stays here."""
        front, model, repeats = self.front, self.model, self._repeats if self.native else {}
        options = self.wire.get("stream_options")
        asked = isinstance(options, dict) and options.get("include_usage") is True
        ours = front.dialect == "openai.chat" and deployment.profile.stream_usage and not asked

        def edit(frame: Frame) -> Frame | None:
            if ours and b'"choices":[]' in frame.data.replace(b" ", b"") and b'"usage"' in frame.data:
                return None
            frame = front.rename_frame(frame, model)
            if b"encrypted_content" in frame.data:
                frame = Frame(self._sealed(frame.data, deployment), frame.event)
            return STATE.following(frame, repeats) if repeats else frame

        return edit

    # -- two dialects ----------------------------------------------------------

    async def _translated(self, attempt: Attempt) -> Reply:
        deployment, back = attempt.deployment, self._back(attempt.deployment)
        incoming, ctx = await self._sent(attempt, back, await self._recalled())
        try:
            if self.stream and (reader := reader_of(incoming)) is not None:
                pipe = Pipe(back.decoder(ctx), self.front.encoder(self._answering()), self._shows, reader)
                return await self._streamed(pipe, incoming, deployment, lost_header(ctx))
            response = fold([event async for event in decoded(back, incoming, ctx)])
            await incoming.close()
        except BaseException:
            await incoming.close()
            raise
        whole(response.stop)
        await remember(self.gateway.store, self.owner, response, self.request)
        return await self._rendered(response, deployment, ctx)

    def _back(self, deployment: Deployment) -> Codec:
        return dialects.back(self._spoken(deployment), deployment.profile)

    async def _recalled(self) -> Request:
        if self.forgets:
            return distinct(forgotten(self.request))
        return distinct(await recalled(self.gateway.store, self.owner, real(self.request)))

    async def _sent(self, attempt: Attempt, back: Codec, request: Request) -> tuple[Incoming, Context]:
        """One call of the provider, in its own dialect."""
        deployment = attempt.deployment
        ctx = self.context(deployment.model, deployment)
        request = replace(request, stream=True) if deployment.profile.stream_only else request
        ctx.request = request = recounted(request, back.dialect, ctx)
        self._speakable(deployment)
        with self._told(request, ctx):
            wire = back.encode_request(request, ctx)
        strict(self.call, ctx)
        path = back.path(deployment.model, bool(request.stream))
        return await ask(self.gateway, self.call, attempt, path, dumps(wire), dialect=back.dialect), ctx

    @contextmanager
    def _told(self, request: Request, ctx: Context) -> Iterator[None]:
        """What is refused or lost while the request is written for a provider, named as the caller wrote it."""
        guide = Guide(PLACES[self.front.dialect], self.wire, self.request, request, ctx)

        def own(path: str) -> str:
            return conversation.own_path(guide.path(path), self.wire, self.asked)

        try:
            yield
        except GatewayError as error:
            if error.param is not None:
                error.rename(own(error.param))
            raise
        ctx.losses[:] = (loss._replace(path=own(loss.path)) for loss in ctx.losses)

    # -- several answers to one request ----------------------------------------

    async def _several(self, attempt: Attempt) -> Reply:
        """Several answers by as many calls, told as one."""
        choices.within(self.front.dialect, self._wanted)
        deployment, request = attempt.deployment, await self._recalled()
        sources = await choices.together(self._source(attempt, each) for each in apart(request))
        told = [self._answering() for _ in sources]
        for i, ctx in enumerate(told):
            ctx.choice, ctx.answer_id = i, told[0].answer_id or ctx.new_id(SEVERAL[self.front.dialect].id)
        lost = lost_header(*(source.ctx for source in sources))
        if self.stream:
            telling = Choices([self.front.encoder(ctx) for ctx in told], told)

            async def frames() -> AsyncGenerator[Frame, None]:
                async with aclosing(choices.merged(sources)) as events:
                    async for number, event in events:
                        for frame in telling.tell(number, event):
                            yield frame

            return await self._held(telling, frames(), deployment, lost)
        responses = await choices.together(source.response() for source in sources)
        took = total(response.usage for response in responses)
        responses = [replace(each, usage=Usage() if i else took) for i, each in enumerate(responses)]
        wires = [self.front.encode_response(each, ctx) for each, ctx in zip(responses, told, strict=True)]
        lost = lost_header(*(source.ctx for source in sources), *told)
        return Reply(body=dumps(choices.joined(self.front.dialect, wires)), headers=lost)

    async def _source(self, attempt: Attempt, request: Request) -> choices.Source:
        """One of the answers, under way."""
        deployment = attempt.deployment
        if deployment.provider.dialect == "sandbox":
            sandbox, pace = self.gateway.sandbox, deployment.provider.pace
            timed = await asyncio.to_thread(composed, lambda: sandbox.answer(request, deployment.model))
            return choices.Source(paced(timed, pace), self.context(deployment.model, deployment))
        back = self._back(deployment)
        incoming, ctx = await self._sent(attempt, back, request)

        async def events() -> AsyncGenerator[Event, None]:
            folding = Fold()
            try:
                async for event in decoded(back, incoming, ctx):
                    folding.feed(event)
                    if folding.finished:
                        whole(folding.stop)
                        await remember(self.gateway.store, self.owner, folding.response(), request)
                    yield event
            except GatewayError as error:
                raise scrubbed(error, deployment.provider) from error

        return choices.Source(events(), ctx, incoming)

    @property
    def _repeats(self) -> Wire:
        """What the answer says that it goes on from, where the provider was sent its history in place of an id."""
        return STATE.repeated(self.asked) if self.wire is not self.asked else {}

    @property
    def _shows(self) -> bool:
        return self._request is None or self.front.shows_reasoning(self._request)

    @property
    def owner(self) -> str:
        return self.call.principal.name if self.call.principal else ""

    def _answering(self) -> Context:
        ctx = self.context()
        if self._request is not None:
            repeats = {QUIET + name: value for name, value in self._repeats.items()}
            ctx.request = replace(self.request, extra=self.request.extra | repeats) if repeats else self.request
        return ctx

    async def _rendered(self, response: Response, deployment: Deployment, back: Context) -> Reply:
        """A whole answer, in the form the client waits for."""
        if self.stream:
            return await self._unfolded(response, deployment, back)
        ctx = self._answering()
        if not self._shows:
            response = unthought(response, ctx)
        wire = self.front.encode_response(response, ctx)
        if response.origin == "sandbox":
            ctx.losses.clear()  # its signature is worth nothing to anybody
        await self._keep(wire, deployment)
        return Reply(body=dumps(wire), headers=lost_header(back, ctx))

    async def _unfolded(self, response: Response, deployment: Deployment, back: Context | None = None) -> Reply:
        async def events() -> AsyncGenerator[Event, None]:
            for event in unfold(response):
                yield event

        return await self._evented(events(), deployment, lost_header(back) if back else {})

    # -- one operation served by another --------------------------------------

    async def _bridged(self, attempt: Attempt) -> Reply:
        """A chat with a model that only draws or only speaks (contract 001-2, 001-7)."""
        deployment = attempt.deployment
        ctx = self.context(deployment.model, deployment)
        operations = deployment.operations
        if "image" in operations:
            with self._told(self.request, ctx):
                image = bridge.chat_to_image(self.request, ctx)
            strict(self.call, ctx)
            response = bridge.image_to_chat(await side.asked(self.gateway, self.call, attempt, "image", image, ctx))
        elif "speech" in operations:
            with self._told(self.request, ctx):
                turns = bridge.chat_to_speech(self.request, ctx)
            strict(self.call, ctx)
            spoken = [await side.asked(self.gateway, self.call, attempt, "speech", turn, ctx) for turn in turns]
            response = bridge.speech_to_chat(spoken)
        else:
            raise side.unserved(deployment, "chat")
        return await self._rendered(response, deployment, ctx)

    # -- the sandbox -------------------------------------------------------------

    async def _sandbox(self, deployment: Deployment) -> Reply:
        ctx = self.context(deployment.model, deployment)
        sandbox, pace = self.gateway.sandbox, deployment.provider.pace
        events = await asyncio.to_thread(composed, lambda: sandbox.answer(self.request, deployment.model))
        if self.stream:
            return await self._evented(paced(events, pace), deployment, lost_header(ctx))
        async with aclosing(paced(events, pace)) as timely:
            response = fold([event async for event in timely])
        return await self._rendered(response, deployment, ctx)

    # -- streams -------------------------------------------------------------------

    def _writer(self) -> Writer:
        """Server-sent events; Gemini without alt=sse an array, like Google (000-5); under Amazon's paths its frames."""
        call = self.call
        if call.route.framing:
            return EventWriter() if call.route.framing == "events" else ChunkWriter()
        if call.dialect != "gemini" or call.query.get("alt") == "sse":
            return SseWriter()
        return SseWriter() if "text/event-stream" in call.headers.get("accept", "") else ArrayWriter()

    async def _evented(
        self, events: AsyncGenerator[Event, None], deployment: Deployment, headers: dict[str, str]
    ) -> Reply:
        """A stream made of neutral events."""
        pipe = Pipe(_NoDecoder(), self.front.encoder(self._answering()), self._shows)

        async def frames() -> AsyncGenerator[Frame, None]:
            async with aclosing(events):
                async for event in events:
                    for frame in pipe.events((event,)):
                        yield frame

        return await self._held(pipe, frames(), deployment, headers)

    async def _streamed(
        self, stream: Stream, incoming: Incoming, deployment: Deployment, headers: dict[str, str]
    ) -> Reply:
        """A stream made of the provider's bytes."""

        async def frames() -> AsyncGenerator[Frame, None]:
            owed = isinstance(stream, Pipe) or wants_back(deployment)  # what the client may not bring back
            try:
                async for chunk in to_the_end(incoming):
                    ready, failure = gathered(stream.close() if chunk is None else stream.feed(chunk))
                    if owed and stream.fold.finished:
                        owed = False
                        await remember(self.gateway.store, self.owner, stream.fold.response(), self.request)
                    for frame in ready:
                        yield frame
                    if failure is not None:
                        raise scrubbed(failure, deployment.provider)
            finally:
                await asyncio.shield(incoming.close())

        return await self._held(stream, frames(), deployment, headers)

    async def _held(
        self, stream: Telling, frames: AsyncGenerator[Frame, None], deployment: Deployment, headers: dict[str, str]
    ) -> Reply:
        """Holds the first frames back until one bears content: what fails before that is a plain error,
        and another target may be asked (reliability.md 2.1)."""
        if conversation.keeps(self.call, self.asked):
            frames = self._keeping(frames, deployment)
        first = asyncio.ensure_future(up_to_content(stream, frames))
        try:
            await asyncio.wait((first,), timeout=PATIENCE)
            if first.done():
                first.result()
        except BaseException:
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            await frames.aclose()
            raise
        writer = self._writer()
        keep_alive = self.front.encoder(self.context()).ping()
        return Reply(
            body=written(writer, stream, first, frames),
            media_type=writer.media_type,
            headers=headers,
            keep_alive=writer.write(keep_alive) if keep_alive else writer.keep_alive(),
        )


async def asked_once(gateway: Gateway, call: Call, wire: Wire, attempt: Attempt) -> Reply:
    """The whole answer of one deployment to a request that is the gateway's own, for the sake of the client's."""
    own = replace_call(call, memory=None)
    return await _Chat(gateway, own, CODECS[call.dialect], dumps(wire), wire, call.model, False).attempt(attempt)


def read(reply: Reply) -> bytes:
    assert isinstance(reply.body, bytes), "an answer nobody wanted streamed"
    return reply.body


def unthought(response: Response, ctx: Context) -> Response:
    """The answer without the thoughts, which its client did not ask for."""
    for i, part in enumerate(response.parts):
        if isinstance(part, Reasoning):
            ctx.lose(f"parts[{i}]", "thoughts were not asked for")
    return replace(response, parts=tuple(part for part in response.parts if not isinstance(part, Reasoning)))


def wants_back(deployment: Deployment) -> bool:
    """Whether a provider must be sent its thoughts again, which clients of its own dialect may forget too (case 77)."""
    return deployment.profile.send_reasoning in ("field", "details")


class _NoDecoder:
    """Stands where no bytes come from outside: the sandbox speaks in events."""

    def feed(self, frame: Frame) -> Iterator[Event]:
        yield from ()

    def close(self) -> Iterator[Event]:
        yield from ()


async def up_to_content(stream: Telling, frames: AsyncGenerator[Frame, None]) -> list[Frame]:
    """The first frames, to the one that bears content."""
    held: list[Frame] = []
    async for frame in frames:
        held.append(frame)
        if stream.fold.live:
            break
    return held


async def written(
    writer: Writer, stream: Telling, first: asyncio.Future[list[Frame]], frames: AsyncGenerator[Frame, None]
) -> AsyncGenerator[bytes, None]:
    """The bytes of a stream that is under way: a failure from here on is told inside it."""
    try:
        for frame in await first:
            yield writer.write(frame)
        async for frame in frames:
            yield writer.write(frame)
    except GatewayError as error:
        for frame in stream.fail(error):
            yield writer.write(frame)
    finally:
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await frames.aclose()
    if end := writer.close():
        yield end


async def to_the_end(incoming: Incoming) -> AsyncGenerator[bytes | None, None]:
    """The chunks of an answer, and None where it ends."""
    async for chunk in incoming.chunks():
        yield chunk
    yield None


def gathered(frames: Iterator[Frame]) -> tuple[list[Frame], GatewayError | None]:
    """The frames that are ready, and what went wrong after them."""
    ready: list[Frame] = []
    try:
        ready.extend(frames)  # what came before a failure stays in the list
    except GatewayError as error:
        return ready, error
    return ready, None


def composed(answer: Callable[[], Iterator[tuple[float, Event]]]) -> Iterator[tuple[float, Event]]:
    """An answer of the sandbox made at once, off the loop: its pictures take time. A failure keeps its place in it."""
    timed: list[tuple[float, Event]] = []
    failure: GatewayError | None = None
    try:
        timed.extend(answer())
    except GatewayError as error:
        failure = error

    def told() -> Iterator[tuple[float, Event]]:
        yield from timed
        if failure is not None:
            raise failure

    return told()


async def paced(timed: Iterator[tuple[float, Event]], pace: float) -> AsyncGenerator[Event, None]:
    for wait, event in timed:
        if wait * pace > 0:
            await asyncio.sleep(wait * pace)
        yield event


async def decoded(back: Codec, incoming: Incoming, ctx: Context) -> AsyncGenerator[Event, None]:
    """The events of a provider's answer, whether it streams, perhaps although nobody asked it to, or not."""
    if (reader := reader_of(incoming)) is None:
        for event in unfold(back.decode_response(json_body(await incoming.read(), answer=True), ctx)):
            yield event
        return
    decoder = back.decoder(ctx)
    async for chunk in to_the_end(incoming):
        for frame in reader.close() if chunk is None else reader.feed(chunk):
            for event in decoder.feed(frame):
                yield event
    for event in decoder.close():
        yield event


def reader_of(incoming: Incoming) -> FrameReader | None:
    """Who reads the answer as a stream; None: it is none."""
    return reader_for(incoming.headers.get("content-type", ""))
