"""The scripted upstream as Amazon Bedrock: Converse and ConverseStream in binary frames, Anthropic's models by invoke,
CountTokens. Requests must be signed, and are held to Amazon's own service model. It knows nothing of the gateway."""

import base64
import itertools
import json
import re
import struct
from dataclasses import replace
from typing import Any
from urllib.parse import unquote
from zlib import crc32

from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from upstream import KEY, Answer, Entry, Upstream, anthropic
from upstream.model import CACHED, INPUT, OUTPUT, REASONING, Asked, Turn, decide, dumps, pieces
from upstream.strict import Refused, matches, need

ACCESS, SECRET, REGION = "AKIDSCRIPTED", "wJalrXUtnFEMIscripted", "eu-west-3"
API_KEY = "ABSK-0123456789abcdef"
FRAMES = "application/vnd.amazon.eventstream"
SIGNATURE = base64.b64encode(b"signed by the scripted claude" * 3).decode()
SERVICE = ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"))
CALLED = re.compile(r"/model/([^/]+)/(converse|converse-stream|invoke|invoke-with-response-stream|count-tokens)")

HEADERS = {"x-amzn-requestid": "70ac49c9-3572-4eb7-8d17-76babc61f71c"}
PREAMBLE = 1


def error(refused: Refused) -> dict[str, Any]:
    return {"message": refused.message}


def _named(name: str, message: str) -> tuple[dict[str, str], Any]:
    return {"x-amzn-errortype": f"{name}:http://internal.amazon.com/coral/com.amazon.bedrock/"}, {"message": message}


SLOW = _named("ThrottlingException", "Too many tokens, please wait before trying again.")
LONG = _named("ValidationException", "Input is too long for requested model.")
ERRORS: dict[tuple[int, str], tuple[dict[str, str], Any]] = {
    (400, ""): _named("ValidationException", "The model returned the following errors: messages.0: blank"),
    (400, "context"): LONG,
    (400, "model"): _named("ValidationException", "The provided model identifier is invalid."),
    (400, "quota"): _named("ServiceQuotaExceededException", "Your account has reached its quota."),
    (403, ""): _named("AccessDeniedException", "You don't have access to the model with the specified model ID."),
    (404, ""): _named("ResourceNotFoundException", "Could not resolve the foundation model."),
    (408, ""): _named("ModelTimeoutException", "Model timed out."),
    (424, ""): _named("ModelErrorException", "The model failed."),
    (429, ""): ({"retry-after": "7"} | SLOW[0], SLOW[1]),
    (500, ""): _named("InternalServerException", "The system encountered an unexpected error."),
    (503, ""): _named("ServiceUnavailableException", "Bedrock is unable to process your request."),
}


# -- frames ---------------------------------------------------------------------------


def message(kind: str, name: str, wire: Any) -> bytes:
    headers = {f":{kind}-type": name, ":content-type": "application/json", ":message-type": kind}
    head = b"".join(
        struct.pack("B", len(n)) + n.encode() + b"\x07" + struct.pack(">H", len(v)) + v.encode()
        for n, v in headers.items()
    )
    payload = dumps(wire).encode()
    lengths = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    data = lengths + struct.pack(">I", crc32(lengths)) + head + payload
    return data + struct.pack(">I", crc32(data))


def event(name: str, **wire: Any) -> bytes:
    return message("event", name, {**wire, "p": "abcdefghij"})


BROKEN = message("exception", "modelStreamErrorException", {"message": "The model stopped in the middle."})


class Exchanged(Answer):
    """An answer whose stream is binary; what another vendor's module writes as server-sent events goes into chunks."""

    async def stream(
        self, frames: list[bytes], media_type: str, error: bytes, edges: tuple[bytes, bytes, bytes] = (b"", b"", b"")
    ) -> web.StreamResponse:
        if media_type != FRAMES:
            frames = [chunk(frame) for frame in frames]
        middle = len(frames) // 2
        if self.script == "crc":
            frames[middle] = frames[middle][:-1] + bytes([frames[middle][-1] ^ 1])
        if self.script == "torn":
            frames = [*frames[:middle], frames[middle][:-5]]
        return await super().stream(frames, FRAMES, BROKEN, edges)


def chunk(sse: bytes) -> bytes:
    data = re.search(rb"^data: (.*)$", sse, re.M)
    assert data is not None, sse
    return event("chunk", bytes=base64.b64encode(data[1]).decode())


# -- the door ---------------------------------------------------------------------------


def authorized(entry: Entry, host: str) -> None:
    """A key of Bedrock's own, or a signature that comes out the same when it is made again."""
    said = entry.headers.get("authorization", "")
    if said == f"Bearer {API_KEY}":
        return
    found = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=(\w+)/(\d{8})/([\w-]+)/bedrock/aws4_request, SignedHeaders=([\w;-]+), Signature=(\w+)",
        said,
    )
    if found is None or found[1] != ACCESS:
        raise Refused(403, "The security token included in the request is invalid.")
    names = found[4].split(";")
    assert {"host", "x-amz-date", "content-type"} <= set(names) and found[3] == REGION
    headers = {name: entry.headers[name] for name in names}
    request = AWSRequest(entry.method, f"http://{host}{entry.path}", headers, entry.raw, params=dict(entry.query))
    request.context["timestamp"] = entry.headers["x-amz-date"]
    signer = SigV4Auth(Credentials(ACCESS, SECRET), "bedrock", REGION)
    again = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    if again != found[5]:
        raise Refused(403, "The request signature we calculated does not match the signature you provided.")


class Amazon(Upstream):
    """`with Amazon() as amazon:` - the journal holds the requests as they came."""

    def __init__(self) -> None:
        super().__init__("anthropic")

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        path, _, _ = request.raw_path.partition("?")
        entry = Entry(request.method, path, dict(request.query), headers, raw, json.loads(raw) if raw else None)
        self.journal.append(entry)
        try:
            authorized(entry, request.host)
            found = CALLED.fullmatch(path)
            need(found, "UnknownOperationException", status=404)
            assert found is not None
            model, verb = unquote(found[1]), found[2]
            wire = Invoke if verb.startswith("invoke") else Converse
            opened = wire.opened(entry, model, verb)
        except Refused as refused:
            named = {"x-amzn-errortype": "UnrecognizedClientException"} if refused.status == 403 else {}
            return web.json_response(error(refused), status=refused.status, headers=HEADERS | named)
        exchange = Exchanged(Served(wire), request, opened)  # type: ignore[arg-type]
        try:
            return await exchange.give()
        finally:
            entry.sent.extend(opened.sent)
            entry.done.set()


class Served:
    """What an exchange needs of its server."""

    def __init__(self, wire: Any) -> None:
        self.wire, self.key, self.kept = wire, KEY, dict[str, list[Any]]()


class Invoke:
    """Anthropic's models in Anthropic's words; errors in Amazon's."""

    HEADERS, ERRORS, PREAMBLE = HEADERS, ERRORS, anthropic.PREAMBLE
    error = staticmethod(error)
    answer = staticmethod(anthropic.answer)
    authenticate = staticmethod(lambda entry, key: None)

    @staticmethod
    def opened(entry: Entry, model: str, verb: str) -> Entry:
        body = dict(entry.json)
        need(".anthropic." in f".{model}", f"{model} is not asked so here")
        need(body.pop("anthropic_version", None) == "bedrock-2023-05-31", "anthropic_version: Field required")
        need(not {"model", "stream"} & body.keys(), "model: Extra inputs are not permitted")
        assert not {"anthropic-beta", "anthropic-version", "x-api-key"} & entry.headers.keys()
        flags = body.pop("anthropic_beta", [])
        need(all(re.fullmatch(r"[a-z0-9-]+-\d{4}-\d\d-\d\d", flag) for flag in flags), "invalid beta flag")
        body |= {"model": model.rpartition("anthropic.")[2], "stream": verb.endswith("stream")}
        headers = {"x-api-key": KEY, "anthropic-version": "2023-06-01", "anthropic-beta": ",".join(flags)}
        return replace(entry, path="/v1/messages", json=body, raw=b"", headers=headers, sent=[])


class Converse:
    """All other models, and the counter."""

    HEADERS, ERRORS, PREAMBLE = HEADERS, ERRORS, PREAMBLE
    error = staticmethod(error)
    authenticate = staticmethod(lambda entry, key: None)

    @staticmethod
    def opened(entry: Entry, model: str, verb: str) -> Entry:
        operation = {"converse": "Converse", "converse-stream": "ConverseStream", "count-tokens": "CountTokens"}[verb]
        shape = SERVICE.operation_model(operation).input_shape
        report = ParamValidator().validate({**entry.json, "modelId": model}, shape)
        if report.has_errors():
            raise Refused(400, report.generate_report())
        return replace(entry, path=verb, query={"model": model}, sent=[])

    @staticmethod
    async def answer(exchange: Answer) -> web.StreamResponse:
        entry = exchange.entry
        model, body = entry.query["model"], entry.json
        if reply := exchange.scripted(model.partition(".")[2]):
            return reply
        if entry.path == "count-tokens":
            need(model.startswith("anthropic."), "The provided model doesn't support counting tokens.")
            check(body["input"]["converse"])
            return exchange.json({"inputTokens": INPUT})
        check(body)
        turn = decide(asked(body, exchange.script))
        if entry.path == "converse":
            return await exchange.whole(answer_of(turn))
        return await exchange.stream(list(frames(turn)), FRAMES, BROKEN)


# -- what Amazon refuses beyond its model ----------------------------------------------------


def check(body: dict[str, Any]) -> None:
    roles = [turn["role"] for turn in body["messages"]]
    need(roles[0] == "user", "A conversation must start with a user message.")
    need(all(a != b for a, b in itertools.pairwise(roles)), "Roles must alternate.")
    waiting: list[str] = []
    tools = [tool["toolSpec"] for tool in body.get("toolConfig", {}).get("tools", ()) if "toolSpec" in tool]
    for tool in tools:
        matches(tool["name"], r"[a-zA-Z0-9_-]{1,64}", "toolConfig.tools")
        need(tool["inputSchema"]["json"].get("type") == "object", "inputSchema.json.type must be object")
    for turn in body["messages"]:
        need(turn["content"], "The content field in the Message object is empty.")
        results = [block["toolResult"]["toolUseId"] for block in turn["content"] if "toolResult" in block]
        need(sorted(results) == sorted(waiting), "Expected toolResult blocks for the toolUse ids, and no others.")
        ahead = ["toolResult" in block for block in turn["content"] if "cachePoint" not in block]
        need(ahead == sorted(ahead, reverse=True), "toolResult blocks come first.")
        waiting = [block["toolUse"]["toolUseId"] for block in turn["content"] if "toolUse" in block]
        for block in turn["content"]:
            need(block.get("text", "x").strip(), "The text field in the ContentBlock object is blank.")
            need("toolUse" not in block or tools, "The toolConfig field must be defined when using toolUse blocks.")
            for inner in block.get("toolResult", {}).get("content", ()):
                need(inner.get("text", "x").strip(), "The text field in the ContentBlock object is blank.")
        need("toolResult" not in turn or turn["toolResult"]["content"], "The content of a toolResult is empty.")
        for id in waiting:
            matches(id, r"[a-zA-Z0-9_.:-]{1,64}", "toolUseId")
        documents = [block["document"]["name"] for block in turn["content"] if "document" in block]
        for name in documents:
            matches(name, r"[A-Za-z0-9\s()\[\]-]{1,200}", "document.name")
        need(len(set(documents)) == len(documents), "Duplicate document names.")
        need(not documents or any("text" in b for b in turn["content"]), "A document needs a text block beside it.")


# -- answers -------------------------------------------------------------------------------------


def asked(body: dict[str, Any], script: str) -> Asked:
    last = body["messages"][-1]["content"]
    config = body.get("toolConfig", {})
    choice = config.get("toolChoice", {})
    format = body.get("outputConfig", {}).get("textFormat", {}).get("structure", {}).get("jsonSchema", {})
    fields, wishes = body.get("additionalModelRequestFields", {}), body.get("inferenceConfig", {})
    results = [block["toolResult"]["content"] for block in last if "toolResult" in block]
    forced = choice["tool"]["name"] if "tool" in choice else "*" if "any" in choice else None
    return Asked(
        model=script,
        system=" ".join(block["text"] for block in body.get("system", ()) if "text" in block),
        text=" ".join(block["text"] for block in last if "text" in block),
        tools={
            t["toolSpec"]["name"]: t["toolSpec"]["inputSchema"]["json"]
            for t in config.get("tools", ())
            if "toolSpec" in t
        },
        forced=forced,
        results=[" ".join(block["text"] for block in content if "text" in block) for content in results],
        schema=json.loads(format["schema"]) if format else None,
        thinking=fields.get("reasoningConfig", {}).get("type") == "enabled" or "reasoning_effort" in fields,
        max_tokens=wishes.get("maxTokens"),
        stop=tuple(wishes.get("stopSequences", ())),
    )


STOPS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "content_filtered",
    "sequence": "stop_sequence",
}


def usage() -> dict[str, Any]:
    counts = {"inputTokens": INPUT - CACHED, "outputTokens": OUTPUT, "totalTokens": INPUT + OUTPUT}
    return counts | {"cacheReadInputTokens": CACHED, "cacheWriteInputTokens": 0, "serverToolUsage": {}}


def content_of(turn: Turn) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if turn.reasoning:
        blocks.append({"reasoningContent": {"reasoningText": {"text": REASONING, "signature": SIGNATURE}}})
    if turn.text:
        blocks.append({"text": turn.text})
    for n, (name, arguments) in enumerate(turn.calls):
        blocks.append({"toolUse": {"toolUseId": f"tooluse_{n}", "name": name, "input": arguments, "type": "tool_use"}})
    return blocks


def answer_of(turn: Turn) -> dict[str, Any]:
    return {
        "metrics": {"latencyMs": 797},
        "output": {"message": {"role": "assistant", "content": content_of(turn)}},
        "stopReason": STOPS[turn.stop],
        "usage": usage(),
    }


def frames(turn: Turn) -> Any:
    yield event("messageStart", role="assistant")
    for at, block in enumerate(content_of(turn)):
        match block:
            case {"text": text}:
                for piece in pieces(text):
                    yield event("contentBlockDelta", contentBlockIndex=at, delta={"text": piece})
            case {"reasoningContent": {"reasoningText": thought}}:
                for piece in pieces(thought["text"]):
                    yield event("contentBlockDelta", contentBlockIndex=at, delta={"reasoningContent": {"text": piece}})
                signed = {"reasoningContent": {"signature": thought["signature"]}}
                yield event("contentBlockDelta", contentBlockIndex=at, delta=signed)
            case {"toolUse": call}:
                start = {name: call[name] for name in ("toolUseId", "name", "type")}
                yield event("contentBlockStart", contentBlockIndex=at, start={"toolUse": start})
                for piece in pieces(json.dumps(call["input"])):
                    yield event("contentBlockDelta", contentBlockIndex=at, delta={"toolUse": {"input": piece}})
        yield event("contentBlockStop", contentBlockIndex=at)
    yield event("messageStop", stopReason=STOPS[turn.stop])
    yield event("metadata", usage=usage(), metrics={"latencyMs": 797})
