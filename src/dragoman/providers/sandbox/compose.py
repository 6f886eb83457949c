"""What the sandbox says to a request: its lines, whole and unhurried. Limits and streams are not known here.

Every text says that it is the sandbox that speaks, so that nobody takes it for a model.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass

from dragoman.core.audio import PCM_TYPE, RATE, WAV_TYPE, pcm_to_wav
from dragoman.core.ir import (
    AnyPart,
    Base64,
    Json,
    Media,
    Picture,
    Reasoning,
    Request,
    Signature,
    Speech,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Voice,
)
from dragoman.providers.sandbox import asked
from dragoman.providers.sandbox.hints import shortened
from dragoman.providers.sandbox.picture import dimensions, png
from dragoman.providers.sandbox.schema_values import fitting
from dragoman.providers.sandbox.voice import spoken

NAME = "sandbox"
SOUND_TOKENS = 25  # of a second
PIXELS = 1_024  # of a token

POEM = re.compile(r"\b(poem|poetry|haiku|sonnet|limerick|verses?|rhyme|ode)\b", re.IGNORECASE)
TOPIC = re.compile(
    r"\b(?:poem|poetry|haiku|sonnet|limerick|verses?|rhyme|ode)\b[^.!?\n]{0,40}?\b(?:about|on|of|for|to)\s+"
    r"(?:the |a |an |my |your |our )?([^\W\d_][\w'’-]*)",
    re.IGNORECASE,
)
VERSES = """\
{Topic} came by the gate at dawn
and spoke in a tongue not ours;
the dragoman bowed and passed it on,
word for word, through the hours.

No oracle answered, no model was there,
only a box of sand;
yet {topic} left with a lighter air
for having been passed from hand to hand."""


@dataclass(frozen=True, slots=True)
class Line:
    """One part of the answer: born empty and grown by its text, or whole from the start, with a size in tokens."""

    part: AnyPart
    text: str = ""
    signature: Signature | None = None
    tokens: int = 0


def lines(request: Request, model: str) -> list[Line]:
    """The whole answer, part by part."""
    calls = asked.called(request)
    if not calls and asked.speaks(request, model):
        return [sound(request)]
    thoughts = [reasoning(request, model, calls)] if asked.thinks(request) else []
    if calls:
        return thoughts + [call(request, model, tool, place) for place, tool in enumerate(calls)]
    if asked.draws(request, model):
        return thoughts + drawing(request)
    text = prose(request, model)
    if request.format is not None:
        plain = {"answer": text, "source": "dragoman sandbox"}
        schema = request.format.schema
        text = written(plain if schema is None else fitting(schema, asked.question(request)))
    return [*thoughts, Line(Text(text=""), text)]


def written(value: Json) -> str:
    """As JSON; a value nobody could write down is an empty object."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (RecursionError, ValueError):  # nested by the hundred; a whole number of thousands of digits
        return "{}"


# -- words -------------------------------------------------------------------


def prose(request: Request, model: str) -> str:
    if found := asked.results(request):
        return "\n".join([*(told(request, result) for result in found), "No model was called to make more of it."])
    text = asked.question(request)[:20_000]
    if POEM.search(text):
        subject = TOPIC.search(text)
        topic = subject[1] if subject else "somebody"
        verses = VERSES.format(topic=topic, Topic=topic[:1].upper() + topic[1:])
        return f"Dragoman's sandbox knows one poem, and no model was called for it:\n\n{verses}"
    place = f", in the place of {shortened(model, 60)}" if model else ""
    words = f" You asked: “{shortened(text)}”." if text.strip() else ""
    here = f"This is Dragoman's sandbox{place}; no model was called."
    return f"{here}{words} I received {asked.received(request)}. With a provider configured, a model answers here."


def told(request: Request, result: ToolResult) -> str:
    """One tool's result, in a sentence."""
    parts = list(asked.parts_of(request))
    name = next((part.name for part in parts if isinstance(part, ToolCall) and part.id == result.call_id), "the tool")
    text = " ".join(part.text for part in result.content if isinstance(part, Text)).strip()
    files = sum(isinstance(part, Media) for part in result.content)
    said = f"“{shortened(text, 240)}”" if text else "" if files else "nothing"
    more = f"{files} {'file' if files == 1 else 'files'}" if files else ""
    verb = "was told that %s failed" if result.is_error else "has the answer of %s"
    return f"Dragoman's sandbox {verb % name}: {' and '.join(filter(None, (said, more)))}."


def reasoning(request: Request, model: str, calls: list[Tool]) -> Line:
    text = shortened(asked.question(request), 80)
    wish = f"The user asks “{text}”." if text else "The user asks for nothing in words."
    plan = "say what has come"
    if calls:
        plan = f"call {' and '.join(tool.name for tool in calls)}"
    elif asked.results(request):
        plan = "repeat what the tools have answered"
    elif asked.draws(request, model):
        plan = "draw"
    elif request.format is not None:
        plan = "fill in the form that is asked for"
    thought = f"{wish} I am Dragoman's sandbox and no model, so I will {plan}."
    shown = request.thinking is None or request.thinking.visible is not False
    proof = Signature(issuer=NAME, value=f"{NAME}-{asked.digest(request, model, 'thought')}")
    tokens = 0 if shown else len(thought) // 4
    return Line(Reasoning(), thought if shown else "", proof, tokens)


# -- calls, pictures, sounds -------------------------------------------------


def call(request: Request, model: str, tool: Tool, place: int) -> Line:
    """A call with arguments that fit the tool's schema; its id is the place in the conversation."""
    arguments = fitting(tool.parameters, asked.question(request)) if isinstance(tool.parameters, dict) else {}
    id = f"call_{asked.digest(request, model, len(request.messages), place)}"
    return Line(ToolCall(id=id, name=tool.name), written(arguments if isinstance(arguments, dict) else {}))


def drawing(request: Request) -> list[Line]:
    """A picture, and what it is."""
    wish, prompt = request.picture or Picture(), asked.question(request)
    width, height = dimensions(wish.size, wish.aspect)
    data = base64.b64encode(png(prompt, 0, width, height)).decode("ascii")
    words = f" for “{shortened(prompt, 80)}”" if prompt.strip() else ""
    text = f"A picture from Dragoman's sandbox{words}: drawn by arithmetic, no model was called."
    picture = Media(media_type="image/png", source=Base64(data))
    return [Line(Text(text=""), text), Line(picture, tokens=width * height // PIXELS + 1)]


def sound(request: Request) -> Line:
    wish = request.speech or Speech()
    media_type, data = voiced(asked.question(request), wish.voices, wish.format)
    source = Base64(base64.b64encode(data).decode("ascii"))
    return Line(Media(media_type=media_type, source=source), tokens=len(data) * SOUND_TOKENS // (2 * RATE) + 1)


def voiced(text: str, voices: tuple[Voice, ...], form: str | None, speed: float | None = None) -> tuple[str, bytes]:
    """Media type and bytes: bare samples where they are asked for or nothing is; a WAV file for every other format."""
    samples = spoken(text if text.strip() else "This is Dragoman's sandbox.", voices, speed)
    if form is None or form.lower() in ("pcm", "pcm16"):
        return PCM_TYPE, samples
    return WAV_TYPE, pcm_to_wav(samples)
