"""Embeddings, images and speech of OpenAI and Gemini, front and back. How one operation stands in for another is elsewhere."""

from __future__ import annotations

import base64
import copy
import json
import struct
from typing import Any

import pytest

import laws
from dragoman.core.audio import PCM_TYPE, pcm_to_wav
from dragoman.core.codec import Context, MediaCodec
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.ir import Base64, FileId, Media, Refusal, Text, Url, Usage, Voice
from dragoman.core.media import (
    Binary,
    EmbedRequest,
    EmbedResponse,
    Image,
    ImageRequest,
    ImageResponse,
    SpeechRequest,
    SpeechResponse,
)
from dragoman.core.profile import Profile
from dragoman.dialects.media_gemini import GeminiEmbed, GeminiImage
from dragoman.dialects.media_openai import OpenAIEmbed, OpenAIImage, OpenAISpeech
from mutations import only_refusals
from traffic import Exchange, exchanges

O_EMBED, O_IMAGE, O_SPEECH = OpenAIEmbed(), OpenAIImage(), OpenAISpeech()
G_ONE, G_MANY, G_IMAGE = GeminiEmbed(batch=False), GeminiEmbed(batch=True), GeminiImage()
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
JPEG = base64.b64encode(b"\xff\xd8\xff\xe0\x00\x10JFIF").decode()

EMBED = {"input": ["a", "b"], "model": "text-embedding-3-small", "encoding_format": "base64", "dimensions": 256}
ONE = {
    "content": {"parts": [{"text": "Ruby"}], "role": "user"},
    "model": "models/m",
    "taskType": "RETRIEVAL_DOCUMENT",
    "title": "T",
    "outputDimensionality": 768,
}
MANY = {
    "requests": [
        {
            "model": "models/m",
            "content": {"parts": [{"text": "The logo"}, {"inlineData": {"mimeType": "image/png", "data": PNG}}]},
            "outputDimensionality": 768,
        },
        {
            "model": "models/other",
            "content": {"parts": [{"fileData": {"fileUri": "https://x/y.pdf"}}, {"newKind": {"x": 1}}]},
            "outputDimensionality": 768,
            "taskType": "SEMANTIC_SIMILARITY",
        },
    ]
}
DRAW = {
    "model": "gpt-image-1-mini",
    "prompt": "a plain red circle",
    "n": 2,
    "size": "1024x1024",
    "quality": "low",
    "background": "opaque",
    "output_format": "png",
    "response_format": "b64_json",
    "user": "u",
}
XAI = {"n": 1, "aspect_ratio": "4:3", "model": "grok-imagine-image-pro", "prompt": "A lighthouse", "resolution": "2k"}
PREDICT = {
    "instances": [{"prompt": "Robot holding a red skateboard"}],
    "parameters": {"sampleCount": 2, "aspectRatio": "16:9", "outputOptions": {"mimeType": "image/png"}, "seed": 5},
}
BARE = {"instances": [{"prompt": "Robot"}]}
SPEAK = {
    "model": "gpt-4o-mini-tts",
    "input": "Hello there",
    "voice": "alloy",
    "response_format": "flac",
    "speed": 1.5,
    "instructions": "Whisper",
}
OWN_VOICE = {"model": "tts-1", "input": "Hello", "voice": {"id": "voice_1234"}, "stream_format": "audio"}

REQUESTS: list[Any] = [
    pytest.param(codec, body, id=f"{type(codec).__name__}-{name}")
    for codec, name, body in (
        (O_EMBED, "strings", EMBED),
        (O_EMBED, "string", {"input": "a", "model": "m", "user": "u"}),
        (O_EMBED, "one of one", {"input": ["a"], "model": "m"}),
        (O_EMBED, "tokens", {"input": [1, 2, 3], "model": "m"}),
        (O_EMBED, "token lists", {"input": [[1, 2], [3]], "model": "m"}),
        (G_ONE, "one", ONE),
        (G_MANY, "many", MANY),
        (O_IMAGE, "all", DRAW),
        (O_IMAGE, "xai", XAI),
        (G_IMAGE, "all", PREDICT),
        (G_IMAGE, "bare", BARE),
        (O_SPEECH, "all", SPEAK),
        (O_SPEECH, "own voice", OWN_VOICE),
    )
]
OBJECTS = [
    pytest.param(*p.values, path, id=f"{p.id}-{'.'.join(map(str, path))}")
    for p in REQUESTS
    for path in laws.objects(p.values[1])
]


def comes_home(codec: MediaCodec, body: dict[str, Any]) -> Any:
    """A request of a small operation, decoded and encoded in the same dialect, is the same JSON, and nothing is lost."""
    before = copy.deepcopy(body)
    request = codec.decode_request(body, laws.context())
    ctx = laws.context()
    back = codec.encode_request(request, ctx)
    assert body == before, "decoding changed its input"
    assert json.loads(json.dumps(back)) == body
    assert ctx.losses == []
    return request


def lost(ctx: Context) -> dict[str, str]:
    return {loss.path: loss.what for loss in ctx.losses}


# -- laws --------------------------------------------------------------------------


@pytest.mark.parametrize(("codec", "body"), REQUESTS)
def test_a_request_comes_home(codec: MediaCodec, body: dict[str, Any]) -> None:
    comes_home(codec, body)


@pytest.mark.parametrize(("codec", "body", "path"), OBJECTS)
def test_an_unknown_field_comes_home(codec: MediaCodec, body: dict[str, Any], path: tuple[str | int, ...]) -> None:
    comes_home(codec, laws.injected(body, path))


@pytest.mark.parametrize(("codec", "body"), REQUESTS)
def test_whatever_a_client_sends_is_read_or_refused(codec: MediaCodec, body: dict[str, Any]) -> None:
    def read(wire: Any) -> None:
        request = codec.decode_request(wire, laws.context())
        codec.encode_request(request, laws.context())

    assert only_refusals(read, body) > 40


ANSWERS = [
    (O_EMBED, {"data": [{"embedding": [1, 2.5], "index": 0}], "model": "m", "usage": {"prompt_tokens": 3}, "id": "i"}),
    (O_EMBED, {"data": [{"embedding": "AACAPwAAAEA=", "index": 0}], "model": "m"}),
    (G_MANY, {"embeddings": [{"values": [1, 2.5]}], "usageMetadata": {"promptTokenCount": 8}}),
    (G_ONE, {"embedding": {"values": [0.5]}}),
    (
        O_IMAGE,
        {
            "created": 5,
            "output_format": "png",
            "data": [{"b64_json": PNG, "revised_prompt": "p"}, {"url": "https://x/y.webp"}],
            "usage": {
                "input_tokens": 1,
                "input_tokens_details": {"image_tokens": 2},
                "output_tokens": 3,
                "output_tokens_details": {"image_tokens": 3},
            },
        },
    ),
    (
        G_IMAGE,
        {"predictions": [{"mimeType": "image/png", "bytesBase64Encoded": PNG, "prompt": "p"}, {"gcsUri": "gs://x"}]},
    ),
    (O_SPEECH, {"audio_data": "SUQzBAAA"}),
]


@pytest.mark.parametrize(("codec", "wire"), ANSWERS, ids=lambda value: type(value).__name__)
def test_whatever_a_provider_answers_is_read_or_refused(codec: MediaCodec, wire: dict[str, Any]) -> None:
    def read(changed: Any) -> None:
        try:
            codec.encode_response(codec.decode_response(changed, laws.context()), laws.context())
        except GatewayError as error:
            if error.kind is not Kind.CONTENT_POLICY:
                raise

    assert only_refusals(read, wire, Kind.UPSTREAM) > 5


# -- embeddings: OpenAI --------------------------------------------------------------


def embedded(*vectors: tuple[float, ...], **fields: Any) -> EmbedResponse:
    return EmbedResponse(**({"origin": "sandbox", "model": "up", "vectors": vectors} | fields))


@pytest.mark.parametrize(
    ("given", "inputs", "batch"),
    [
        ("a", ((Text(text="a"),),), False),
        (["a", ""], ((Text(text="a"),), (Text(text=""),)), True),
        ([1, 2], ((1, 2),), False),
        ([[1, 2], [3]], ((1, 2), (3,)), True),
        (["a", [1]], ((Text(text="a"),), (1,)), True),
    ],
)
def test_openai_inputs(given: Any, inputs: Any, batch: bool) -> None:
    request = O_EMBED.decode_request({"input": given}, laws.context())
    assert (request.inputs, request.batch, request.model) == (inputs, batch, "")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": {}}, "input"),
        ({"input": [None]}, "input[0]"),
        ({"input": ["a", []]}, "input[1]"),
        ({"input": [1, "a"]}, "input[1]"),
        ({"input": [[1, True]]}, "input[0][1]"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "encoding_format": "invalid_format"}, "encoding_format"),
        ({"input": "a", "model": 1}, "model"),
    ],
)
def test_openai_bad_inputs(body: dict[str, Any], path: str) -> None:
    with pytest.raises(GatewayError) as caught:
        O_EMBED.decode_request(body, laws.context())
    assert (caught.value.kind, caught.value.param) == (Kind.INVALID_REQUEST, path)


def test_vectors_come_as_base64_only_where_asked() -> None:
    response = embedded((1.0, -2.5), (0.0, 0.25), usage=Usage(input=4))
    asked = O_EMBED.decode_request(EMBED, laws.context())
    wire = O_EMBED.encode_response(response, laws.context(model="alias", request=asked))
    packed = [base64.b64encode(struct.pack("<2f", *vector)).decode() for vector in response.vectors]
    assert wire == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": packed[0]},
            {"object": "embedding", "index": 1, "embedding": packed[1]},
        ],
        "model": "alias",
        "usage": {"prompt_tokens": 4, "total_tokens": 4},
    }
    again = O_EMBED.decode_response(wire, laws.context())
    assert (again.vectors, again.usage) == (response.vectors, response.usage)
    plain = O_EMBED.encode_response(response, laws.context())
    assert [item["embedding"] for item in plain["data"]] == [[1.0, -2.5], [0.0, 0.25]]
    assert plain["model"] == "up"


def test_vectors_are_put_in_the_order_of_their_inputs() -> None:
    data = [{"embedding": [2.0], "index": 1}, {"embedding": [1.0], "index": 0}]
    assert O_EMBED.decode_response({"data": data}, laws.context()).vectors == ((1.0,), (2.0,))
    for odd in (None, "0", 1, []):  # no order to be had: as they came
        data[1]["index"] = odd
        assert O_EMBED.decode_response({"data": data}, laws.context()).vectors == ((2.0,), (1.0,))


@pytest.mark.parametrize("embedding", ["AAA", "AACAPw=", "!!", "AADAfw==", [], [None], ["1"], [[1]], {}, None])
def test_a_vector_that_is_none(embedding: Any) -> None:
    with pytest.raises(GatewayError) as caught:
        O_EMBED.decode_response({"data": [{"embedding": embedding, "index": 0}]}, laws.context())
    assert caught.value.kind is Kind.UPSTREAM


def test_a_vector_too_large_for_base64() -> None:
    asked = O_EMBED.decode_request(EMBED, laws.context())
    with pytest.raises(GatewayError, match="32-bit"):
        O_EMBED.encode_response(embedded((1e300,)), laws.context(request=asked))


def test_an_embedding_of_geminis_client_by_openai() -> None:
    request = G_MANY.decode_request(MANY, laws.context(model="alias"))
    request = EmbedRequest(
        **{n: getattr(request, n) for n in request.__struct_fields__} | {"inputs": (request.inputs[0][:1],) * 2}
    )
    ctx = laws.context(model="text-embedding-3-small")
    assert O_EMBED.encode_request(request, ctx) == {
        "model": "text-embedding-3-small",
        "input": ["The logo", "The logo"],
        "dimensions": 768,
    }
    assert lost(ctx) == {"requests": "dropped"}  # the second item's own taskType
    ctx = laws.context(model="m")
    wire = O_EMBED.encode_request(G_ONE.decode_request(ONE, laws.context()), ctx)
    assert wire == {"model": "m", "input": "Ruby", "dimensions": 768}
    assert lost(ctx) == {"task": "dropped", "title": "dropped"}


def test_what_openai_cannot_embed_is_refused() -> None:
    request = G_MANY.decode_request(MANY, laws.context())
    with pytest.raises(GatewayError) as caught:
        O_EMBED.encode_request(request, laws.context())
    assert (caught.value.kind, caught.value.param) == (Kind.INVALID_REQUEST, "inputs[0][1]")


# -- embeddings: Gemini ---------------------------------------------------------------


def test_001_11_batch_in_request_order() -> None:
    body = {"requests": [{"model": "models/gemini-embedding-001", "content": {"parts": [{"text": t}]}} for t in "abc"]}
    request = G_MANY.decode_request(body, laws.context(model="gemini-embedding-001"))
    assert request.inputs == tuple((Text(text=t),) for t in "abc")
    assert (request.model, request.batch, request.dimensions, request.task) == (
        "gemini-embedding-001",
        True,
        None,
        None,
    )
    wire = G_MANY.encode_response(embedded((1.0,), (2.0,), (3.0,)), laws.context(request=request))
    assert wire == {"embeddings": [{"values": [1.0]}, {"values": [2.0]}, {"values": [3.0]}]}


def test_001_12_one() -> None:
    request = G_ONE.decode_request(ONE, laws.context(model="m"))
    assert (request.inputs, request.batch) == (((Text(text="Ruby"),),), False)
    assert (request.dimensions, request.task) == (768, "RETRIEVAL_DOCUMENT")
    wire = G_ONE.encode_response(embedded((1.0, 0.5), usage=Usage(input=3)), laws.context(request=request))
    assert wire == {"embedding": {"values": [1.0, 0.5]}, "usageMetadata": {"promptTokenCount": 3}}


def test_google_reads_both_spellings() -> None:
    parts = [
        {"inline_data": {"mime_type": "image/png", "data": PNG}},
        {"file_data": {"mime_type": "x/y", "file_uri": "u"}},
    ]
    body = {"content": {"parts": parts}, "task_type": "CLUSTERING", "output_dimensionality": 64}
    request = G_ONE.decode_request(body, laws.context())
    media = (Media(media_type="image/png", source=Base64(PNG)), Media(media_type="x/y", source=Url("u")))
    assert (request.inputs, request.task, request.dimensions) == ((media,), "CLUSTERING", 64)


@pytest.mark.parametrize(
    ("codec", "body", "path"),
    [
        (G_MANY, {}, "requests"),
        (G_MANY, {"requests": []}, "requests"),
        (G_MANY, {"requests": ["x"]}, "requests[0]"),
        (G_MANY, {"requests": [{}]}, "requests[0].content"),
        (G_MANY, {"requests": [{"content": {}}]}, "requests[0].content.parts"),
        (G_MANY, {"requests": [{"content": {"parts": [5]}}]}, "requests[0].content.parts[0]"),
        (G_MANY, {"requests": [{"model": 5, "content": {"parts": [{"text": "x"}]}}]}, "requests[0].model"),
        (G_MANY, {"requests": [{"content": {"parts": [{"text": 5}]}}]}, "requests[0].content.parts[0].text"),
        (
            G_MANY,
            {"requests": [{"content": {"parts": [{"text": "x"}]}, "outputDimensionality": 0}]},
            "requests[0].outputDimensionality",
        ),
        (G_ONE, {}, "content"),
        (G_ONE, {"content": {"parts": [{"inlineData": {"mimeType": "x/y"}}]}}, "content.parts[0].inlineData.data"),
        (G_ONE, {"content": {"parts": [{"text": "x"}]}, "taskType": 5}, "taskType"),
    ],
)
def test_gemini_bad_inputs(codec: GeminiEmbed, body: dict[str, Any], path: str) -> None:
    with pytest.raises(GatewayError) as caught:
        codec.decode_request(body, laws.context())
    assert (caught.value.kind, caught.value.param) == (Kind.INVALID_REQUEST, path)


def test_an_embedding_of_openais_client_by_gemini() -> None:
    request = O_EMBED.decode_request(EMBED | {"user": "u"}, laws.context())
    ctx = laws.context(model="gemini-embedding-001")
    item = {"model": "models/gemini-embedding-001", "outputDimensionality": 256}
    assert G_ONE.encode_request(request, ctx) == {
        "requests": [item | {"content": {"parts": [{"text": t}]}} for t in ("a", "b")]
    }
    assert lost(ctx) == {"user": "dropped"}
    assert (
        G_ONE.path(request, "models/gemini-embedding-001") == "/v1beta/models/gemini-embedding-001:batchEmbedContents"
    )
    one = O_EMBED.decode_request({"input": "a"}, laws.context())
    assert G_MANY.encode_request(one, laws.context(model="m")) == {
        "model": "models/m",
        "content": {"parts": [{"text": "a"}]},
    }
    assert G_MANY.path(one, "a/b@c") == "/v1beta/models/a%2Fb@c:embedContent"


def test_the_path_without_a_request_is_that_of_the_codecs_own_verb() -> None:
    assert G_ONE.path(None, "m") == "/v1beta/models/m:embedContent"
    assert G_MANY.path(None, "m") == "/v1beta/models/m:batchEmbedContents"
    assert G_IMAGE.path(None, "m") == "/v1beta/models/m:predict"
    assert [codec.path(None, "m") for codec in (O_EMBED, O_IMAGE, O_SPEECH)] == [
        "/embeddings",
        "/images/generations",
        "/audio/speech",
    ]


@pytest.mark.parametrize(
    ("given", "path"), [("x", None), ([1], "input"), ([[1], [2]], "input[0]"), (["a", [2]], "input[1]")]
)
def test_token_ids_go_to_no_other_provider(given: Any, path: str | None) -> None:
    request = O_EMBED.decode_request({"input": given}, laws.context())
    if path is None:
        assert G_MANY.encode_request(request, laws.context())
        return
    with pytest.raises(GatewayError) as caught:
        G_MANY.encode_request(request, laws.context())
    assert (caught.value.kind, caught.value.param) == (Kind.INVALID_REQUEST, path)


@pytest.mark.parametrize("part", [Media(media_type="image/png", source=FileId("openai", "f")), Refusal(text="no")])
def test_what_gemini_cannot_embed_is_refused(part: Any) -> None:
    with pytest.raises(GatewayError) as caught:
        G_MANY.encode_request(EmbedRequest(origin="x", model="m", inputs=((part,),)), laws.context())
    assert caught.value.param == "inputs[0][0]"


# -- images ---------------------------------------------------------------------------


def drawn(*images: Image, **fields: Any) -> ImageResponse:
    return ImageResponse(**({"origin": "sandbox", "model": "up", "images": images} | fields))


def test_001_5_predict() -> None:
    request = G_IMAGE.decode_request(PREDICT, laws.context(model="imagen-4.0-generate-001"))
    assert (request.model, request.prompt, request.count) == (
        "imagen-4.0-generate-001",
        "Robot holding a red skateboard",
        2,
    )
    assert (request.aspect, request.media_type) == ("16:9", "image/png")
    wire = G_IMAGE.encode_response(
        drawn(Image(media_type="image/png", source=Base64(PNG))), laws.context(request=request)
    )
    assert wire == {"predictions": [{"mimeType": "image/png", "bytesBase64Encoded": PNG}]}


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_001_6_sample_count(count: int) -> None:
    request = G_IMAGE.decode_request({**BARE, "parameters": {"sampleCount": count}}, laws.context())
    assert request.count == count
    assert O_IMAGE.encode_request(request, laws.context(model="m")) == {
        "model": "m",
        "prompt": "Robot",
        **({"n": count} if count > 1 else {}),
    }
    images = tuple(Image(media_type="image/png", source=Base64(PNG)) for _ in range(count))
    assert len(G_IMAGE.encode_response(drawn(*images), laws.context())["predictions"]) == count


@pytest.mark.parametrize("count", [0, 5, -1, 1.0, "1", True])
def test_001_6_a_bad_sample_count(count: Any) -> None:
    with pytest.raises(GatewayError) as caught:
        G_IMAGE.decode_request({**BARE, "parameters": {"sampleCount": count}}, laws.context())
    assert (caught.value.kind, caught.value.param) == (Kind.INVALID_REQUEST, "parameters.sampleCount")


@pytest.mark.parametrize(
    ("codec", "body", "path"),
    [
        (G_IMAGE, {}, "instances"),
        (G_IMAGE, {"instances": [{"prompt": "x"}, {"prompt": "y"}]}, "instances"),
        (G_IMAGE, {"instances": [{}]}, "instances[0].prompt"),
        (G_IMAGE, {"instances": [{"prompt": ""}]}, "instances[0].prompt"),
        (G_IMAGE, {"instances": [{"prompt": "x"}], "parameters": []}, "parameters"),
        (G_IMAGE, {"instances": [{"prompt": "x"}], "parameters": {"aspectRatio": 1}}, "parameters.aspectRatio"),
        (O_IMAGE, {}, "prompt"),
        (O_IMAGE, {"prompt": ""}, "prompt"),
        (O_IMAGE, {"prompt": ["x"]}, "prompt"),
        (O_IMAGE, {"prompt": "x", "n": 0}, "n"),
        (O_IMAGE, {"prompt": "x", "n": 11}, "n"),
        (O_IMAGE, {"prompt": "x", "n": 1.5}, "n"),
        (O_IMAGE, {"prompt": "x", "size": 5}, "size"),
        (O_IMAGE, {"prompt": "x", "response_format": "gif"}, "response_format"),
        (O_IMAGE, {"prompt": "x", "output_format": "gif"}, "output_format"),
        (O_IMAGE, {"prompt": "x", "stream": True}, "stream"),
    ],
)
def test_bad_image_requests(codec: MediaCodec, body: dict[str, Any], path: str) -> None:
    with pytest.raises(GatewayError) as caught:
        codec.decode_request(body, laws.context())
    assert (caught.value.kind, caught.value.param) == (Kind.INVALID_REQUEST, path)


def wish(**fields: Any) -> ImageRequest:
    return ImageRequest(**({"origin": "other", "model": "m", "prompt": "p"} | fields))


@pytest.mark.parametrize(
    ("request_", "profile", "size", "losses"),
    [
        (wish(), Profile(), None, {}),
        (wish(size="auto"), Profile(), None, {}),
        (wish(size="1024x1024"), Profile(), "1024x1024", {}),
        (wish(aspect="1:1"), Profile(), "1024x1024", {}),
        (wish(aspect="3:2"), Profile(), "1536x1024", {}),
        (wish(aspect="16:9"), Profile(), "1536x1024", {"aspect": "clamped"}),
        (wish(aspect="9:16"), Profile(), "1024x1536", {"aspect": "clamped"}),
        (wish(size="512x512"), Profile(), "1024x1024", {"size": "clamped"}),
        (wish(aspect="16:9"), Profile(image_sizes=("1024x1024", "1792x1024")), "1792x1024", {"aspect": "clamped"}),
        (wish(size="1536x864"), Profile(image_sizes=()), "1536x864", {}),
        (wish(aspect="wide"), Profile(), None, {"aspect": "dropped"}),
        (wish(aspect="16:9"), Profile(image_sizes=()), None, {"aspect": "dropped"}),
        (wish(size="0x5"), Profile(), None, {"size": "dropped"}),
    ],
)
def test_a_shape_is_mapped_to_the_nearest_size(
    request_: ImageRequest, profile: Profile, size: str | None, losses: Any
) -> None:
    ctx = laws.context(profile=profile)
    assert O_IMAGE.encode_request(request_, ctx).get("size") == size
    assert lost(ctx) == losses


@pytest.mark.parametrize(
    ("request_", "aspect", "losses"),
    [
        (wish(aspect="4:3"), "4:3", {}),
        (wish(size="1536x1024"), "3:2", {"size": "clamped"}),
        (wish(size="nice"), None, {"size": "dropped"}),
        (wish(), None, {}),
    ],
)
def test_a_server_that_takes_aspect_ratios(request_: ImageRequest, aspect: str | None, losses: Any) -> None:
    ctx = laws.context(profile=Profile(image_shape="aspect_ratio"))
    wire = O_IMAGE.encode_request(request_, ctx)
    assert (wire.get("aspect_ratio"), wire.get("size")) == (aspect, None)
    assert lost(ctx) == losses


@pytest.mark.parametrize(
    ("request_", "aspect", "losses"),
    [
        (wish(aspect="16:9"), "16:9", {}),
        (wish(aspect="21:9"), "16:9", {"aspect": "clamped"}),
        (wish(size="1024x1024"), "1:1", {"size": "clamped"}),
        (wish(size="1024x1536"), "3:4", {"size": "clamped"}),
        (wish(size="auto"), None, {}),
        (wish(aspect="wide"), None, {"aspect": "dropped"}),
    ],
)
def test_a_shape_is_mapped_to_the_nearest_aspect(request_: ImageRequest, aspect: str | None, losses: Any) -> None:
    ctx = laws.context()
    assert G_IMAGE.encode_request(request_, ctx)["parameters"].get("aspectRatio") == aspect
    assert lost(ctx) == losses


def test_images_of_openais_client_by_imagen() -> None:
    request = O_IMAGE.decode_request(DRAW | {"output_format": "webp"}, laws.context())
    ctx = laws.context(model="imagen-4.0-generate-001")
    assert G_IMAGE.encode_request(request, ctx) == {
        "instances": [{"prompt": "a plain red circle"}],
        "parameters": {"sampleCount": 2, "aspectRatio": "1:1"},
    }
    assert lost(ctx) == {
        "quality": "dropped",
        "user": "dropped",
        "size": "clamped",
        "media_type": "clamped",
        "background": "dropped",
    }


def test_openai_draws_three_kinds_of_image() -> None:
    ctx = laws.context()
    assert O_IMAGE.encode_request(wish(media_type="image/jpeg"), ctx)["output_format"] == "jpeg"
    assert ctx.losses == []
    assert "output_format" not in O_IMAGE.encode_request(wish(media_type="image/gif"), ctx)
    assert lost(ctx) == {"media_type": "dropped"}


@pytest.mark.parametrize(("codec", "most"), [(G_IMAGE, 4), (O_IMAGE, 10)])
def test_more_images_than_one_call_draws_are_refused(codec: MediaCodec, most: int) -> None:
    assert codec.encode_request(wish(count=most), laws.context())
    for count, profile in ((most + 1, Profile()), (2, Profile(images_per_call=1))):
        with pytest.raises(GatewayError, match="at most"):
            codec.encode_request(wish(count=count), laws.context(profile=profile))


@pytest.mark.parametrize(
    ("by_url", "told", "said"),
    [
        (None, False, None),
        (True, False, None),
        (None, True, "b64_json"),
        (False, True, "b64_json"),
        (True, True, "url"),
    ],
)
def test_base64_is_asked_for_only_where_that_is_understood(by_url: bool | None, told: bool, said: str | None) -> None:
    ctx = laws.context(profile=Profile(image_response_format=told))
    assert O_IMAGE.encode_request(wish(by_url=by_url), ctx).get("response_format") == said


def test_images_for_openais_client() -> None:
    usage = Usage(input=14, output=272, output_image=272)
    response = drawn(Image(media_type="image/png", source=Base64(PNG), revised_prompt="r"), usage=usage)
    assert O_IMAGE.encode_response(response, laws.context()) == {
        "created": 1_700_000_000,
        "data": [{"revised_prompt": "r", "b64_json": PNG}],
        "output_format": "png",
        "usage": {
            "input_tokens": 14,
            "input_tokens_details": {"image_tokens": 0, "text_tokens": 14},
            "output_tokens": 272,
            "output_tokens_details": {"image_tokens": 272, "text_tokens": 0},
            "total_tokens": 286,
        },
    }
    mixed = drawn(
        Image(media_type="image/png", source=Url("https://x/y.png")),
        Image(media_type="image/gif", source=Base64("R0lGOD")),
    )
    asked = O_IMAGE.decode_request({"prompt": "x", "response_format": "url", "output_format": "webp"}, laws.context())
    ctx = laws.context(request=asked)
    assert O_IMAGE.encode_response(mixed, ctx) == {
        "created": 1_700_000_000,
        "data": [{"url": "https://x/y.png"}, {"url": "data:image/gif;base64,R0lGOD"}],
    }
    assert lost(ctx) == {"images[1].source": "emulated", "media_type": "clamped"}


@pytest.mark.parametrize(
    ("item", "output_format", "image"),
    [
        ({"b64_json": PNG}, None, Image(media_type="image/png", source=Base64(PNG))),
        ({"b64_json": JPEG}, "png", Image(media_type="image/jpeg", source=Base64(JPEG))),
        ({"b64_json": "aGVsbG8="}, "webp", Image(media_type="image/webp", source=Base64("aGVsbG8="))),
        (
            {"b64_json": "aGVsbG8=", "mime_type": "image/avif"},
            None,
            Image(media_type="image/avif", source=Base64("aGVsbG8=")),
        ),
        ({"b64_json": f"data:image/webp;base64,{PNG}"}, None, Image(media_type="image/webp", source=Base64(PNG))),
        ({"url": "https://x/y", "b64_json": None}, "jpeg", Image(media_type="image/jpeg", source=Url("https://x/y"))),
        ({"url": f"data:image/png;base64,{PNG}"}, {}, Image(media_type="image/png", source=Base64(PNG))),
    ],
)
def test_an_image_in_an_answer(item: Any, output_format: Any, image: Image) -> None:
    wire = {"data": [item, {}, None], "output_format": output_format}
    assert O_IMAGE.decode_response(wire, laws.context()).images == (image,)


def test_imagen_wants_the_image_itself() -> None:
    for source, given in (
        (Url("gs://bucket/x.png"), {"mimeType": "image/png", "gcsUri": "gs://bucket/x.png"}),
        (Url(f"data:image/png;base64,{PNG}"), {"mimeType": "image/png", "bytesBase64Encoded": PNG}),
    ):
        wire = G_IMAGE.encode_response(drawn(Image(media_type="image/png", source=source)), laws.context())
        assert wire == {"predictions": [given]}
    with pytest.raises(GatewayError, match="URL") as caught:
        G_IMAGE.encode_response(drawn(Image(media_type="image/png", source=Url("https://x/y"))), laws.context())
    assert caught.value.kind is Kind.UPSTREAM


@pytest.mark.parametrize(
    "wire", [{}, {"predictions": []}, {"predictions": None}, {"predictions": [{"raiFilteredReason": "bad"}]}]
)
def test_where_everything_is_filtered_the_client_is_told(wire: Any) -> None:
    with pytest.raises(GatewayError, match="no image") as caught:
        G_IMAGE.decode_response(wire, laws.context())
    assert caught.value.kind is Kind.CONTENT_POLICY


# -- speech ----------------------------------------------------------------------------


def spoken(media_type: str, data: bytes) -> SpeechResponse:
    return SpeechResponse(origin="x", model="m", media_type=media_type, data=data)


def test_a_speech_request() -> None:
    request = O_SPEECH.decode_request(SPEAK, laws.context())
    assert (request.text, request.voices, request.format) == ("Hello there", (Voice(name="alloy"),), "flac")
    assert (request.speed, request.instructions, request.model) == (1.5, "Whisper", "gpt-4o-mini-tts")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"input": ""}, "input"),
        ({"input": "x" * 4097}, "input"),
        ({"input": None}, "input"),
        ({"voice": None}, "voice"),
        ({"voice": 5}, "voice"),
        ({"voice": {}}, "voice.id"),
        ({"voice": {"id": 5}}, "voice.id"),
        ({"response_format": "ogg"}, "response_format"),
        ({"speed": 0.2}, "speed"),
        ({"speed": 4.1}, "speed"),
        ({"speed": "fast"}, "speed"),
        ({"instructions": 5}, "instructions"),
        ({"stream_format": "sse"}, "stream_format"),
    ],
)
def test_a_bad_speech_request(change: dict[str, Any], path: str) -> None:
    with pytest.raises(GatewayError) as caught:
        O_SPEECH.decode_request(SPEAK | change, laws.context())
    assert (caught.value.kind, caught.value.param) == (Kind.INVALID_REQUEST, path)


def test_the_longest_speech() -> None:
    assert O_SPEECH.decode_request(SPEAK | {"input": "x" * 4096}, laws.context()).text == "x" * 4096


def test_a_speech_request_of_another_room() -> None:
    voices = (Voice(name="coral", speaker="Joe"), Voice(name="ash"))
    request = SpeechRequest(origin="bridge", model="m", text="Hi", voices=voices, format="pcm16")
    ctx = laws.context(model="tts-1")
    assert O_SPEECH.encode_request(request, ctx) == {"model": "tts-1", "input": "Hi", "voice": "coral"}
    assert lost(ctx) == {"voices[1]": "dropped", "format": "dropped"}
    bare = SpeechRequest(origin="bridge", model="m", text="Hi", format="pcm", extra={"voice": {"id": "v"}})
    wire = O_SPEECH.encode_request(bare, laws.context())
    assert wire == {"model": "m", "input": "Hi", "voice": "alloy", "response_format": "pcm"}


@pytest.mark.parametrize(
    ("wire", "media_type"),
    [
        (Binary("audio/mpeg", b"\xff\xf3\x44"), "audio/mpeg"),
        (Binary("audio/mpeg", pcm_to_wav(b"ab")), "audio/wav"),
        (Binary("audio/pcm", b"\xff\xf3"), PCM_TYPE),
        (Binary("audio/L16; rate=16000", b"ab"), "audio/L16;codec=pcm;rate=16000"),
        (Binary("application/octet-stream", b"ab"), PCM_TYPE),
        (Binary("application/octet-stream", b"OggS"), "audio/opus"),
        (Binary("audio/x-odd; q=1", b"ab"), "audio/x-odd"),
        (Binary("application/json", b'{"audio_data":"SUQzBAA="}'), "audio/mpeg"),
        ({"audio_data": "ZkxhQw=="}, "audio/flac"),
    ],
)
def test_what_kind_of_sound_came(wire: Any, media_type: str) -> None:
    assert O_SPEECH.decode_response(wire, laws.context()).media_type == media_type


@pytest.mark.parametrize(
    "wire",
    [
        Binary("text/html", b"<html>"),
        Binary("audio/mpeg", b""),
        Binary("application/json", b"{oops"),
        Binary("application/json; charset=utf-8", b"[" * 100_000),
        Binary("application/json", b"[]"),
        {"audio_data": "!"},
        {"audio_data": ""},
        None,
    ],
)
def test_what_is_no_sound(wire: Any) -> None:
    with pytest.raises(GatewayError) as caught:
        O_SPEECH.decode_response(wire, laws.context())
    assert caught.value.kind is Kind.UPSTREAM


PCM = struct.pack("<4h", 1, -1, 300, 0)
WAV = pcm_to_wav(PCM)


@pytest.mark.parametrize(
    ("format", "given", "answer", "losses"),
    [
        ("wav", spoken(PCM_TYPE, PCM), Binary("audio/wav", WAV), {}),
        ("pcm", spoken(PCM_TYPE, PCM), Binary("audio/pcm", PCM), {}),
        ("pcm", spoken("audio/wav", WAV), Binary("audio/pcm", PCM), {}),
        ("wav", spoken("audio/wav", WAV), Binary("audio/wav", WAV), {}),
        ("mp3", spoken("audio/mpeg", b"ID3"), Binary("audio/mpeg", b"ID3"), {}),
        (None, spoken("audio/mpeg", b"ID3"), Binary("audio/mpeg", b"ID3"), {}),
        (None, spoken(PCM_TYPE, PCM), Binary("audio/wav", WAV), {"response_format": "emulated"}),
        ("opus", spoken(PCM_TYPE, PCM), Binary("audio/wav", WAV), {"response_format": "emulated"}),
        ("flac", spoken("audio/mpeg", b"ID3"), Binary("audio/mpeg", b"ID3"), {"response_format": "emulated"}),
    ],
)
def test_001_10_sound_for_openais_client(
    format: str | None, given: SpeechResponse, answer: Binary, losses: Any
) -> None:
    body = {"input": "x", "voice": "alloy"} | ({"response_format": format} if format else {})
    ctx = laws.context(request=O_SPEECH.decode_request(body, laws.context()))
    assert O_SPEECH.encode_response(given, ctx) == answer
    assert lost(ctx) == losses


# -- recordings ------------------------------------------------------------------------

EMBEDDINGS = (
    "openai.embeddings",
    "azure.embeddings",
    "mistral.embeddings",
    "llamacpp.embeddings",
    "openrouter.embeddings",
)
G_EMBEDDINGS = ("gemini.embed", "gemini.batch_embed", "vertex.embed")


def recorded(*apis: str) -> list[Any]:
    return [p for p in exchanges(apis) if p.values[0] is None or p.values[0].status == 200]


@pytest.mark.parametrize("case", exchanges((*EMBEDDINGS, *G_EMBEDDINGS)))
def test_recorded_embedding_requests_come_home(case: Exchange) -> None:
    if not isinstance(case.request, dict):
        return
    codec = O_EMBED if case.api in EMBEDDINGS else G_MANY if "requests" in case.request else G_ONE
    if case.kind == "error" and case.request.get("dimensions") == -1:
        with pytest.raises(GatewayError, match="dimensions"):
            codec.decode_request(case.request, laws.context())
        return
    spelled = json.loads(
        json.dumps(case.request)
        .replace("output_dimensionality", "outputDimensionality")
        .replace("inline_data", "inlineData")
        .replace("mime_type", "mimeType")
    )
    ctx = laws.context()
    assert codec.encode_request(codec.decode_request(case.request, laws.context()), ctx) == spelled
    assert ctx.losses == []


@pytest.mark.parametrize("case", recorded(*EMBEDDINGS, *G_EMBEDDINGS))
def test_recorded_embeddings(case: Exchange) -> None:
    ours = case.api in EMBEDDINGS
    codec: Any = O_EMBED if ours else G_MANY
    response = codec.decode_response(case.response, laws.context())
    assert len(response.vectors) == 1
    given = case.response["data"][0]["embedding"] if ours else None
    width = len(given) * 6 // 32 if isinstance(given, str) else None
    assert len(response.vectors[0]) in ({width} if width else {768, 1024, 1536, 3072})
    assert all(-1 <= value <= 1 for value in response.vectors[0])
    usage = case.response.get("usage" if ours else "usageMetadata") or {}
    assert response.usage.input == usage.get("prompt_tokens" if ours else "promptTokenCount", 0)
    if case.api == "azure.embeddings" or case.api == "openai.embeddings":
        packed = laws.context(request=EmbedRequest(origin="", model="", inputs=(), encoding="base64"))
        again = O_EMBED.encode_response(response, packed if isinstance(given, str) else laws.context())
        assert again == case.response, "at home, an answer is what it was"
    one = G_ONE.encode_response(response, laws.context())
    assert one["embedding"]["values"] == list(response.vectors[0])
    assert G_ONE.decode_response(one, laws.context()).vectors == response.vectors


@pytest.mark.parametrize("case", exchanges(("openai.images", "xai.images")))
def test_recorded_images(case: Exchange) -> None:
    if "/edits" not in case.record["request"]["path"]:
        comes_home(O_IMAGE, case.request)
    if case.status != 200:
        return
    response = O_IMAGE.decode_response(case.response, laws.context())
    [image] = response.images
    assert image.source == Base64(case.response["data"][0]["b64_json"])
    assert image.media_type == "image/png"
    tokens = case.response["usage"].get("output_tokens", 0)
    assert (response.usage.output, response.usage.output_image) == (tokens, tokens)
    wire = G_IMAGE.encode_response(response, laws.context())
    assert wire["predictions"][0]["mimeType"] == "image/png"


@pytest.mark.parametrize("case", recorded("vertex.predict"))
def test_recorded_predictions(case: Exchange) -> None:
    if "embeddings" in case.response["predictions"][0]:
        with pytest.raises(GatewayError):
            G_IMAGE.decode_response(case.response, laws.context())
        return
    ctx = laws.context()
    response = G_IMAGE.decode_response(case.response, ctx)
    assert [image.source for image in response.images] == [Url(p["gcsUri"]) for p in case.response["predictions"][:2]]
    assert lost(ctx) == {"predictions[2]": "dropped"}
    assert G_IMAGE.encode_response(response, laws.context())["predictions"] == case.response["predictions"][:2]


@pytest.mark.parametrize("case", exchanges(("openai.speech", "openrouter.speech", "mistral.speech")))
def test_recorded_speech(case: Exchange) -> None:
    comes_home(O_SPEECH, case.request)
    answer = case.record["response"]
    if "body_base64" in answer:
        wire: Any = Binary(answer["headers"]["content-type"], base64.b64decode(answer["body_base64"]))
    else:
        wire = Binary("application/json", json.dumps(case.response).encode())
    response = O_SPEECH.decode_response(wire, laws.context())
    expected = "audio/flac" if case.request.get("response_format") == "flac" else "audio/mpeg"
    assert (response.media_type, len(response.data) > 8000) == (expected, True)
    asked = O_SPEECH.decode_request(case.request, laws.context())
    ctx = laws.context(request=asked)
    assert O_SPEECH.encode_response(response, ctx) == Binary(expected, response.data)
    assert ctx.losses == []
