"""Responses over a WebSocket, with a client of the wire: every provider behind it, its conversation, its limits, its errors.
It knows the wire format, and of the gateway's code how long a socket lives."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import openai
import pytest

from clients import RESPONSES
from dragoman.service import websocket
from gateway import KEY, MODEL, SANDBOX, Event, Gateway, over
from upstream import Upstream
from upstream.model import INPUT

PATH = RESPONSES.path()
RELAYS = ("over_openai", "over_responses", "over_anthropic", "over_gemini")


@pytest.fixture(params=("sandbox", *RELAYS))
def gateway(request: pytest.FixtureRequest) -> Gateway:
    found: Gateway = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=RELAYS)
def relay(request: pytest.FixtureRequest) -> Gateway:
    found: Gateway = request.getfixturevalue(request.param)
    return found


class Line:
    """The client's end of a socket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def send(self, **body: Any) -> None:
        await self.socket.send_json({"type": "response.create", **body})

    async def event(self) -> dict[str, Any]:
        message = await self.socket.receive(15)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        found: dict[str, Any] = json.loads(message.data)
        return found

    async def events(self) -> list[dict[str, Any]]:
        found = [await self.event()]
        while found[-1]["type"] not in ("response.completed", "response.incomplete", "error"):
            found.append(await self.event())
        return found

    async def ask(self, text: str | list[Any] = "Hello, how are you?", **more: Any) -> dict[str, Any]:
        """The response, whose events are checked as those of a stream are."""
        await self.send(**{"model": MODEL, "input": text, "store": False} | more)
        return RESPONSES.streamed([Event(json.dumps(event), event["type"]) for event in await self.events()])

    async def refused(self, **body: Any) -> dict[str, Any]:
        await self.send(**body)
        return await self.complaint()

    async def complaint(self) -> dict[str, Any]:
        event = await self.event()
        assert event["type"] == "error" and event["status"] >= 400, event
        assert event["error"]["message"] and event["error"]["type"], event
        return event


@asynccontextmanager
async def opened(gateway: Gateway, path: str = PATH, **headers: str) -> AsyncIterator[Line]:
    sent = {"authorization": f"Bearer {KEY}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(gateway.url + path, headers=sent, max_msg_size=0) as socket,
    ):
        yield Line(socket)


def talk(gateway: Gateway, what: Callable[[Line], Awaitable[Any]], path: str = PATH, **headers: str) -> Any:
    async def talking() -> Any:
        async with opened(gateway, path, **headers) as line:
            return await what(line)

    return asyncio.run(talking())


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


# -- the conversation of a socket --------------------------------------------------------


@pytest.mark.parametrize("path", [PATH, f"/api{PATH}"])
def test_an_answer(gateway: Gateway, path: str) -> None:
    async def what(line: Line) -> None:
        response = await line.ask("Is it warm?", instructions="Be brief.")
        assert response["model"] == MODEL and RESPONSES.of(response).text
        if gateway.upstream is not None:
            assert RESPONSES.of(response).text == "You said: Is it warm? I heard it."
            assert RESPONSES.of(response).input == INPUT

    talk(gateway, what, path)


def test_a_socket_holds_its_conversation(gateway: Gateway) -> None:
    """Nothing is stored, and every turn brings only what is new."""

    async def what(line: Line) -> list[str]:
        ids, text = list[str](), ""
        for word in ("I am Ann.", "And you?", "Who am I?"):
            more = {"previous_response_id": ids[-1]} if ids else {}
            response = await line.ask(word, **more)
            text = RESPONSES.of(response).text
            assert response["previous_response_id"] == (ids[-1] if ids else None)
            ids.append(response["id"])
        if gateway.upstream is None:
            assert "5 messages" in text, text
        else:
            assert all(word in gateway.upstream.last.raw.decode() for word in ("I am Ann.", "And you?", "Who am I?"))
        return ids

    for id in talk(gateway, what):
        assert gateway.get(f"{PATH}/{id}").status == 404, "it was to be forgotten"
        answer = gateway.post(PATH, RESPONSES.body(previous_response_id=id))
        assert answer.json["error"]["code"] == "previous_response_not_found"


def test_across_a_tools_call_with_thoughts(relay: Gateway) -> None:
    """As Codex does: a warm-up, then only new items; what a provider signed goes back to it."""
    more = {"model": "gpt-5", **RESPONSES.tools("get_weather"), **RESPONSES.thinking()}

    async def what(line: Line) -> None:
        warm = await line.ask([user("You are Codex.")], generate=False, **more)
        assert warm["output"] == [] and warm["usage"]["total_tokens"] == 0
        first = await line.ask([user("Weather?")], previous_response_id=warm["id"], **more)
        [call] = [item for item in first["output"] if item["type"] == "function_call"]
        result = {"type": "function_call_output", "call_id": call["call_id"], "output": "21C"}
        second = await line.ask([result], previous_response_id=first["id"], **more)
        assert "21C" in RESPONSES.of(second).text

    talk(relay, what)
    assert relay.upstream is not None and "You are Codex." in relay.upstream.last.raw.decode()


def test_a_warm_up_asks_nobody(relay: Gateway) -> None:
    assert relay.upstream is not None
    asked = len(relay.upstream.journal)

    async def what(line: Line) -> None:
        warm = await line.ask("One", generate=False, instructions="Be brief.")
        assert warm["instructions"] == "Be brief." and warm["status"] == "completed"
        error = await line.refused(model="", input="x", generate=False)
        assert error["status"] == 400 and error["error"]["param"] == "model"
        error = await line.refused(model=MODEL, input=7, generate=False)
        assert error["error"]["param"] == "input"

    talk(relay, what)
    assert len(relay.upstream.journal) == asked


def test_what_is_stored_outlives_the_socket(gateway: Gateway) -> None:
    async def what(line: Line) -> Any:
        return await line.ask("I am Ann.", store=True)

    response = talk(gateway, what)
    assert gateway.get(f"{PATH}/{response['id']}").json == response

    async def again(line: Line) -> Any:
        return await line.ask("Who am I?", previous_response_id=response["id"])

    assert talk(gateway, again)["previous_response_id"] == response["id"]


def test_only_the_last_responses_are_held(sandbox: Gateway) -> None:
    async def what(line: Line) -> None:
        ids = [(await line.ask("One"))["id"] for _ in range(9)]
        error = await line.refused(model=MODEL, input="Two", store=False, previous_response_id=ids[0])
        assert error["status"] == 400 and error["error"]["code"] == "previous_response_not_found"
        assert (await line.ask("Two", previous_response_id=ids[1]))["output"]

    talk(sandbox, what)


def test_two_sockets_share_nothing(sandbox: Gateway) -> None:
    async def what(line: Line) -> None:
        id = (await line.ask("My secret is green."))["id"]
        async with opened(sandbox) as other:
            error = await other.refused(model=MODEL, input="What is it?", store=False, previous_response_id=id)
            assert error["error"]["code"] == "previous_response_not_found"

    talk(sandbox, what)


def test_items_are_named_in_their_place(relay: Gateway) -> None:
    async def what(line: Line) -> None:
        first = await line.ask("I am Ann.")
        named = [{"type": "item_reference", "id": item["id"]} for item in first["output"]]
        second = await line.ask([user("I am Ann."), *named, user("Who am I?")])
        assert RESPONSES.of(second).text

    talk(relay, what)
    assert relay.upstream is not None and "item_reference" not in relay.upstream.last.raw.decode()


@pytest.mark.filterwarnings("ignore:connect.. must be used:DeprecationWarning")  # websockets' newest, of the SDK
@pytest.mark.parametrize("name", ["sandbox", "over_responses", "over_anthropic"])
def test_openais_own_sdk(request: pytest.FixtureRequest, name: str) -> None:
    gateway: Gateway = request.getfixturevalue(name)
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY) as ai, ai.responses.connect() as line:
        before: dict[str, Any] = {}
        for word in ("One", "Two"):
            line.response.create(model=MODEL, input=word, store=False, **before)
            for event in line:
                assert event.type != "error", event
                if event.type == "response.completed":
                    assert event.response.output_text
                    before = {"previous_response_id": event.response.id}
                    break


# -- one after the other -------------------------------------------------------------------


def test_requests_are_answered_one_after_the_other(relay: Gateway) -> None:
    async def what(line: Line) -> None:
        for word in ("One", "Two", "Three"):
            await line.send(model=MODEL, input=word, store=False)
        for word in ("One", "Two", "Three"):
            told = [Event(json.dumps(event), event["type"]) for event in await line.events()]
            assert RESPONSES.of(RESPONSES.streamed(told)).text == f"You said: {word} I heard it."

    talk(relay, what)


def test_more_than_can_wait(over_openai: Gateway) -> None:
    async def what(line: Line) -> None:
        await line.send(model="slow", input="One", store=False)
        assert (await line.event())["type"] == "response.created"
        for _ in range(5):
            await line.send(model=MODEL, input="Two", store=False)
        while (event := await line.event())["type"] != "error":
            assert event["type"] != "response.completed"
        assert event["status"] == 429 and event["error"]["code"] == "too_many_waiting"

    talk(over_openai, what)


def test_a_client_that_leaves_ends_its_answer(over_openai: Gateway) -> None:
    assert over_openai.upstream is not None

    async def what(line: Line) -> None:
        await line.send(model="slow", input="One", store=False)
        for _ in range(4):
            await line.event()
        await line.socket.close()

    talk(over_openai, what)
    entry = over_openai.upstream.last
    assert entry.json["model"] == "slow" and entry.left.wait(5), "the provider still speaks to nobody"


# -- errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_a_providers_error(relay: Gateway, status: int) -> None:
    async def what(line: Line) -> None:
        error = await line.refused(model=f"error-{status}", input="x")
        assert error["status"] == status and error["headers"]["x-request-id"]
        if status == 429:
            assert error["headers"]["retry-after"] == "7"
        assert (await line.ask())["output"], "the socket goes on"

    talk(relay, what)


@pytest.mark.parametrize("model", ["midstream-error", "cut", "ends"])
def test_an_answer_that_breaks_off(relay: Gateway, model: str) -> None:
    async def what(line: Line) -> None:
        await line.send(model=model, input="x", store=False)
        told = [Event(json.dumps(event), event["type"]) for event in await line.events()]
        assert RESPONSES.broken(told)
        assert (await line.ask())["output"], "the socket goes on"

    talk(relay, what)


@pytest.mark.parametrize(
    ("frame", "param"),
    [
        ("", "body"),
        ("{", "body"),
        ("[]", "body"),
        ("7", "body"),
        ("{}", "type"),
        ('{"type":"response.steer"}', "type"),
        ('{"type":["response.create"]}', "type"),
        ('{"type":"response.create","generate":"no","model":"m"}', "generate"),
        ('{"type":"response.create","input":"x"}', "model"),
        ('{"type":"response.create","model":"m","input":"x","stream_id":"a"}', "stream_id"),
        ('{"type":"response.create","model":"gpt-5","input":7}', "input"),
        ('{"type":"response.create","model":"gpt-5","input":"x","background":true}', "background"),
        ('{"type":"response.create","model":"gpt-5","input":"x","previous_response_id":7}', "previous_response_id"),
    ],
)
def test_frames_that_are_none(over_anthropic: Gateway, frame: str, param: str) -> None:
    async def what(line: Line) -> None:
        await line.socket.send_str(frame)
        error = await line.complaint()
        assert error["status"] == 400 and error["error"]["param"] == param, error
        assert error["error"]["type"] == "invalid_request_error"
        assert (await line.ask())["output"], "the socket goes on"

    talk(over_anthropic, what)


def test_a_frame_of_bytes(sandbox: Gateway) -> None:
    async def what(line: Line) -> None:
        await line.socket.send_bytes(b"{}")
        assert (await line.complaint())["error"]["code"] == "invalid_json"

    talk(sandbox, what)


# -- who may open one, and how large ----------------------------------------------------------


def handshake(gateway: Gateway, path: str = PATH, **headers: str) -> tuple[int, Any]:
    async def trying() -> tuple[int, Any]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with aiohttp.ClientSession() as session:
            try:
                async with session.ws_connect(gateway.url + path, headers=sent):
                    return 101, None
            except aiohttp.WSServerHandshakeError as error:
                return error.status, error.headers

    return asyncio.run(trying())


def test_a_key_is_asked_for(sandbox: Gateway) -> None:
    assert handshake(sandbox)[0] == 401
    assert handshake(sandbox, authorization="Bearer sk-wrong")[0] == 401
    assert handshake(sandbox, f"{PATH}?key={KEY}")[0] == 101
    assert handshake(sandbox, x_api_key=KEY)[0] == 101
    assert handshake(sandbox, "/v1/nothing", authorization=f"Bearer {KEY}")[0] == 426


def test_no_web_page_opens_one() -> None:
    """Without keys any page could: a browser asks nobody before it opens a WebSocket."""
    with Gateway("[providers.sandbox]\npace = 0.0\n", key=None) as gateway:
        assert handshake(gateway)[0] == 101
        assert handshake(gateway, origin="http://localhost:8080")[0] == 101
        assert handshake(gateway, origin="https://evil.example")[0] == 403
        assert handshake(gateway, host="evil.example")[0] == 403


def test_one_that_is_switched_off() -> None:
    config = SANDBOX.replace("[server]", "[server]\nwebsocket = false")
    with Gateway(config) as gateway:
        started = time.monotonic()
        assert handshake(gateway, authorization=f"Bearer {KEY}")[0] == 426
        assert time.monotonic() - started < 1
        assert gateway.post(PATH, RESPONSES.body()).status == 200
    assert "Traceback" not in gateway.output


def test_a_plain_get_is_told_what_to_do(sandbox: Gateway) -> None:
    answer = sandbox.get(PATH)
    assert answer.status == 405 and "POST" in RESPONSES.error(answer)[2], answer


def test_a_frame_that_is_too_large() -> None:
    with (
        Upstream("openai") as upstream,
        Gateway(over(upstream).replace("[server]", "[server]\nbody_limit = 4096")) as g,
    ):

        async def what(line: Line) -> None:
            assert (await line.ask("x" * 3000))["output"]
            await line.send(model=MODEL, input="x" * 5000)
            message = await line.socket.receive(10)
            assert message.type is aiohttp.WSMsgType.CLOSE and message.data == 1009, message

        talk(g, what)
        assert g.get("/health").status == 200
    assert "Traceback" not in g.output, g.output


@pytest.mark.parametrize("speaking", [False, True], ids=["idle", "speaking"])
def test_a_gateway_that_stops_closes_its_sockets(speaking: bool) -> None:
    with Upstream("openai") as upstream, Gateway(over(upstream), upstream=upstream) as gateway:

        async def what(line: Line) -> None:
            if speaking:
                await line.send(model="slow", input="One", store=False)
                await line.event()
            stopping = asyncio.get_running_loop().run_in_executor(None, gateway.stop)
            while (message := await line.socket.receive(10)).type is aiohttp.WSMsgType.TEXT:
                pass
            assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED), message
            assert await stopping == 0

        talk(gateway, what)
        assert not speaking or upstream.last.left.wait(5)
    assert "Traceback" not in gateway.output, gateway.output


# -- how long -----------------------------------------------------------------------------------


class Wire:
    """What uvicorn gives a socket: messages to receive, and a list of those that were sent."""

    def __init__(self, *texts: str) -> None:
        self.coming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        for text in texts:
            self.coming.put_nowait({"type": "websocket.receive", "text": text})
        self.sent: list[dict[str, Any]] = []

    async def send(self, message: MutableMapping[str, Any]) -> None:
        self.sent.append(dict(message))


async def nobody(*_: Any) -> Any:
    raise AssertionError("no request was to be made")


def converse(wire: Wire) -> None:
    async def conversing() -> None:
        await asyncio.wait_for(websocket.Socket(nobody, nobody, wire.coming.get, wire.send).converse(), 5)  # type: ignore[arg-type]

    asyncio.run(conversing())


def test_an_idle_socket_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "IDLE", 0.05)
    wire = Wire()
    converse(wire)
    assert wire.sent == [{"type": "websocket.close", "code": 1001, "reason": "idle"}]


def test_an_old_socket_begins_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """With OpenAI's own code for it, at which Codex opens another."""
    monkeypatch.setattr(websocket, "LIFETIME", -1.0)
    wire = Wire('{"type":"response.create","model":"m","input":"x"}')
    converse(wire)
    error = json.loads(wire.sent[0]["text"])
    assert error["error"]["code"] == "websocket_connection_limit_reached" and error["status"] == 400
    assert wire.sent[1]["type"] == "websocket.close"
