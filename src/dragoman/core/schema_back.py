"""The way back: values that fit a written schema, made to fit the schema the client wrote; whole or while they stream.

It knows the targets as data. A value changes only where its schema had to be wrapped, where a name was respelled, or
where an optional property had to become a required one that may be null; all else passes byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from dragoman.core.codec import Context, Decoder, dumps
from dragoman.core.errors import GatewayError
from dragoman.core.fences import Unfenced
from dragoman.core.framing import Frame
from dragoman.core.ir import AnyPart, Event, Json, PartDelta, PartEnd, PartStart, Response, Text, ToolCall
from dragoman.core.schema_read import (
    MANY,
    NAMED,
    ONE,
    WRONG,
    References,
    Schema,
    among,
    choices,
    fits_kind,
    kinds,
    read,
    reference,
    respelled,
    unheard,
)
from dragoman.core.schema_targets import Target
from dragoman.core.schema_words import Words
from dragoman.core.schema_write import TooLarge, Writer

WAYS = 64
"""How many alternatives of one place are told apart."""
UNREAD: Any = object()


class Respelled(NamedTuple):
    """A schema whose values look otherwise at the provider than the client asked for."""

    schema: Json
    target: Target
    wrapped: bool


class Place:
    """One place in a value, and the shapes the client's schema gives it: any of several, each all of some nodes."""

    def __init__(self, references: References, target: Target, shapes: list[list[Schema]]) -> None:
        self.references, self.target = references, target
        self.shapes = self.live = shapes
        self.names: dict[str, str] = {}
        if target.names is not None:
            for shape in shapes:
                for node in shape:
                    for name, spelled in respelled(node.get("properties", {}), target.names).items():
                        self.names.setdefault(spelled, name)

    def spelled(self, name: str) -> str:
        """The client's own name of a property."""
        return self.names.get(name, name)

    def below(self, raws: list[list[Json]]) -> Place:
        shapes: list[list[Schema]] = []
        for raw in raws:
            shapes += _shapes({"allOf": raw}, self.references)
        return Place(self.references, self.target, shapes[:WAYS])

    def _declared(self, name: str, shapes: list[list[Schema]]) -> list[list[Json]]:
        found = [[node["properties"][name] for node in shape if name in node.get("properties", ())] for shape in shapes]
        return [raws for raws in found if raws]

    def member(self, name: str) -> Place:
        return self.below(self._declared(name, self.live) or self._declared(name, self.shapes))

    def item(self, index: int) -> Place:
        raws = []
        for shape in self.live:
            found = []
            for node in shape:
                first = node.get("prefixItems", [])
                if index < len(first):
                    found.append(first[index])
                elif "items" in node:
                    found.append(node["items"])
            raws.append(found)
        return self.below(raws)

    def drops(self, name: str) -> bool:
        """Whether a null here only says that an optional property is absent."""
        if not self.target.all_required:
            return False
        if all(name in _required(shape) for shape in self.live):
            return False
        declared = self._declared(name, self.live)
        if not declared:
            return bool(self._declared(name, self.shapes))
        return not any(_nullable(shape) for shape in self.below(declared).shapes)

    def saw(self, name: str, value: Json) -> None:
        """A scalar property tells which of the shapes is meant."""
        if len(self.live) > 1:
            fitting = [shape for shape in self.live if self._fits(name, value, shape)]
            self.live = fitting or self.live

    def _fits(self, name: str, value: Json, shape: list[Schema]) -> bool:
        declared = self._declared(name, [shape])
        if not declared:
            return not any(node.get("additionalProperties") is False for node in shape) and value is not None
        if value is None and name not in _required(shape):
            return True
        return any(_holds(value, one) for one in self.below(declared).shapes)


def _required(shape: list[Schema]) -> set[str]:
    return {name for node in shape for name in node.get("required", ())}


def _holds(value: Json, shape: list[Schema]) -> bool:
    """Whether a scalar is of the type and among the values that are named."""
    for node in shape:
        names, values = kinds(node), choices(node)
        if (names is not None and not fits_kind(value, names)) or (values is not None and not among(value, values)):
            return False
    return True


def _nullable(shape: list[Schema]) -> bool:
    return _holds(None, shape) and all(node != {"not": {}} for node in shape)


def _shapes(raw: Json, references: References) -> list[list[Schema]]:
    """The alternatives of a schema, each as the nodes that hold together."""
    done: list[list[Schema]] = []
    ahead: list[tuple[list[Schema], list[Json], frozenset[int]]] = [([], [raw], frozenset())]
    left = 20 * WAYS
    while ahead and len(done) < WAYS and left > 0:
        left -= 1
        nodes, raws, seen = ahead.pop(0)
        if not raws:
            done.append(nodes)
            continue
        node = read(raws[0], "", unheard)
        raws = raws[1:]
        if (to := reference(node)) is not None:
            found = references.find(to)
            if found is not WRONG and id(found) not in seen:
                raws, seen = [found, *raws], seen | {id(found)}
        raws = [*node.pop("allOf", ()), *raws]
        union = [node.pop(word) for word in ("anyOf", "oneOf") if word in node]
        nodes = [*nodes, node]
        if not union:
            ahead.append((nodes, raws, seen))
        else:
            rest = [{"anyOf": union[1]}] if len(union) > 1 else []
            ahead += [(nodes, [member, *rest, *raws], seen) for member in islice(union[0], WAYS)]
    return done


def _way(schema: Json, target: Target) -> tuple[Place, bool] | None:
    """The root's place and whether the root was wrapped; None where values are as the client asked."""
    wrapped = False
    if target.root == "object":
        writer = Writer(schema, target, "")
        try:
            writer.root(Words())
        except (TooLarge, RecursionError):
            return None
        wrapped = writer.wrapped
    if not (wrapped or (target.all_required and _spoken(schema)) or _misspelled(schema, target)):
        return None
    references = References(schema, "")
    return Place(references, target, _shapes(schema, references)), wrapped


def _subschemas(schema: Json) -> list[Schema]:
    """Every node of a schema, definitions too."""
    found: list[Schema] = []
    ahead = [schema]
    while ahead:
        node = ahead.pop()
        if type(node) is not dict:
            continue
        found.append(node)
        for name, value in node.items():
            if name in ONE and type(value) is dict:
                ahead.append(value)
            elif (name in MANY or name == "items") and type(value) is list:
                ahead += value
            elif name in NAMED | {"$defs", "definitions"} and type(value) is dict:
                ahead += value.values()
    return found


def _spoken(schema: Json) -> bool:
    """Whether any property may be optional, in all shapes or in some."""
    for node in _subschemas(schema):
        if "anyOf" in node or "oneOf" in node:
            return True
        if type(names := node.get("properties")) is dict:
            required = read(node, "", unheard).get("required", ())
            if any(name not in required for name in names):
                return True
    return False


def _misspelled(schema: Json, target: Target) -> bool:
    if target.names is None:
        return False
    named = (node.get("properties") for node in _subschemas(schema))
    return any(re.fullmatch(target.names, name) is None for one in named if type(one) is dict for name in one)


# -- whole values --------------------------------------------------------------------


def restore(value: Json, schema: Json, target: Target) -> Json:
    """A value that fits the written schema, as the client's own schema has it. The value itself is not changed."""
    way = _known(schema, target)
    if way is None:
        return value
    place, wrapped = way
    if wrapped:
        if type(value) is not dict or "value" not in value:
            return value
        value = value["value"]
    return _restored(value, place, 0)


def _restored(value: Json, place: Place, depth: int) -> Json:
    if depth > 200:
        return value
    if type(value) is list:
        return [_restored(one, place.item(n), depth + 1) for n, one in enumerate(value)]
    if type(value) is not dict:
        return value
    out: dict[str, Json] = {}
    for spelled, one in value.items():
        name = place.spelled(spelled)
        if one is None and place.drops(name):
            continue
        if type(one) is not dict and type(one) is not list:
            place.saw(name, one)
        out[name] = _restored(one, place.member(name), depth + 1)
    return out


# -- values that stream --------------------------------------------------------------


def mender(schema: Json, target: Target) -> Mender | None:
    """What restores one value's JSON text piece by piece; None where there is nothing to restore."""
    way = _known(schema, target)
    return None if way is None else Mender(*way)


def _known(schema: Json, target: Target) -> tuple[Place, bool] | None:
    if not (target.root == "object" or target.all_required or target.names is not None):
        return None
    try:
        return _way(schema, target)
    except (GatewayError, RecursionError):  # it was refused when it was written
        return None


class Mending:
    """A decoder whose events are in the client's own terms: calls and answers whose schemas were written otherwise."""

    def __init__(self, decoder: Decoder, ctx: Context) -> None:
        self.decoder, self.ctx = decoder, ctx
        self.menders: dict[int, Mender | Unfenced] = {}

    def feed(self, frame: Frame) -> Iterator[Event]:
        yield from self.mended(self.decoder.feed(frame))

    def close(self) -> Iterator[Event]:
        yield from self.mended(self.decoder.close())

    def mended(self, events: Iterable[Event]) -> Iterator[Event]:
        for event in events:
            match event:
                case PartStart(index=index, part=part) if (found := _mender_of(part, self.ctx)) is not None:
                    self.menders[index] = found
                    event = PartStart(index, _begun(part, found))
                case PartDelta(index=index, text=text) if text and index in self.menders:
                    said = self.menders[index].feed(text)
                    event = PartDelta(index, said, event.signature, event.citations, event.logprobs)
                    if event == PartDelta(index):
                        continue
                case PartEnd(index=index) if index in self.menders:
                    if said := self.menders.pop(index).close():
                        yield PartDelta(index, said)
                case _:
                    pass
            yield event


def mending(decoder: Decoder, ctx: Context) -> Decoder:
    """The decoder of an answer to a request whose schemas may have been written otherwise."""
    return Mending(decoder, ctx) if ctx.respelled else decoder


def mended(response: Response, ctx: Context) -> Response:
    """A whole answer in the client's own terms."""
    if not ctx.respelled:
        return response
    return replace(response, parts=tuple(_mended_part(part, ctx) for part in response.parts))


def _mended_part(part: AnyPart, ctx: Context) -> AnyPart:
    found = _mender_of(part, ctx)
    if found is None:
        return part
    begun = _begun(part, found)
    match begun:
        case ToolCall(arguments=text):
            return replace(begun, arguments=text + found.close())
        case Text(text=text):
            return replace(begun, text=text + found.close())
        case _:
            return part


def _begun(part: AnyPart, found: Mender | Unfenced) -> AnyPart:
    """The part, with what it begins with in the client's own terms."""
    match part:
        case ToolCall(arguments=text):
            return replace(part, arguments=found.feed(text)) if text else part
        case Text(text=text):
            return replace(part, text=found.feed(text)) if text else part
        case _:
            return part


def _mender_of(part: AnyPart, ctx: Context) -> Mender | Unfenced | None:
    match part:
        case ToolCall(name=name) if name and not part.server and name in ctx.respelled:
            schema, target, _ = ctx.respelled[name]
            return mender(schema, target)
        case Text() if "" in ctx.respelled:
            if (known := ctx.respelled[""]) is IN_WORDS:
                return Unfenced()
            return mender(known.schema, known.target)
        case _:
            return None


IN_WORDS: Any = "in words"
"""Stands for the answer's format where it is asked for in words, not enforced."""


def in_words(ctx: Context) -> None:
    """Said by an encoder: the answer's form is only asked for, and models put a fence around what they so write."""
    ctx.respelled[""] = IN_WORDS


def earlier(call: ToolCall, ctx: Context) -> str:
    """The arguments of a call in the history, as the model was to write them."""
    known = ctx.respelled.get(call.name) if call.arguments else None
    return f'{{"value":{call.arguments}}}' if known is not None and known.wrapped else call.arguments


class Level:
    """An object or a list that is open in the text."""

    def __init__(self, place: Place, is_object: bool) -> None:
        self.place, self.is_object = place, is_object
        self.index = 0
        self.name = ""
        self.below = place
        self.empty = True  # nothing of it is written yet
        self.state = "name" if is_object else "value"  # | "colon" | "value" | "after"


TEXT = re.compile(r'[^"\\]*')
LITERAL = re.compile(r"[^\s,\]}\[{\":]*")
SPACE = re.compile(r"\s*")


class Mender:
    """Restores one JSON text; one object for one value. What is no JSON passes from there on as it is."""

    def __init__(self, place: Place, wrapped: bool) -> None:
        self.wrapped = wrapped
        self.place = place
        self.levels: list[Level] = []
        self.out: list[str] = []
        self.held = ""  # the separator and the name of a member whose value is not known yet
        self.token = ""  # a string or literal that is not complete
        self.quoted = False  # inside of a string
        self.escaped = False
        self.plain = False
        self.silent = wrapped  # outside of what the wrapper holds

    def feed(self, text: str) -> str:
        """What can be said by now."""
        at = 0
        while at < len(text):
            if self.plain:
                self.out.append(text[at:])
                break
            at = self._string(text, at) if self.quoted else self._step(text, at)
        said = "".join(self.out)
        self.out.clear()
        return said

    def close(self) -> str:
        """The rest, where the text ended early or with a number."""
        if self.token and not self.quoted:
            self._literal()
        said = "".join(self.out) + ("" if self.silent or self.plain else self.held + self.token)
        self.out.clear()
        self.held = self.token = ""
        return said

    def whole(self, text: str) -> str:
        return self.feed(text) + self.close()

    # -- the text -----------------------------------------------------------------------

    def _emit(self, text: str) -> None:
        if not self.silent:
            self.out.append(text)

    def _is_name(self) -> bool:
        return bool(self.levels) and self.levels[-1].state == "name"

    def _string(self, text: str, at: int) -> int:
        """Goes on in a string. Names are held until they are whole, values are said as they come."""
        if self.escaped:
            self.escaped = False
            end = at + 1
        else:
            end = TEXT.match(text, at).end()  # type: ignore[union-attr]
            if end < len(text):
                self.escaped = text[end] == "\\"
                self.quoted = self.escaped
                end += 1
        piece = text[at:end]
        if self._is_name():
            self.token += piece
            if not self.quoted:
                self._named()
            return end
        self._emit(piece)
        if len(self.token) < 1000:
            self.token += piece
        if not self.quoted:
            token, self.token = self.token, ""
            self._valued(_value(token))
        return end

    def _step(self, text: str, at: int) -> int:
        if self.token:  # a literal that may go on
            end = LITERAL.match(text, at).end()  # type: ignore[union-attr]
            self.token += text[at:end]
            if end < len(text):
                self._literal()
            return end
        end = SPACE.match(text, at).end()  # type: ignore[union-attr]
        if end > at:
            self._space(text[at:end])
            return end
        return self._sign(text, at)

    def _space(self, text: str) -> None:
        if self.levels and (self.held or self.levels[-1].state == "name"):
            self.held += text
        else:
            self._emit(text)

    def _sign(self, text: str, at: int) -> int:
        sign = text[at]
        level = self.levels[-1] if self.levels else None
        if sign == '"' and (level is None or level.state in ("name", "value")):
            if not self._is_name():
                self._begin()
                self._emit(sign)
            self.token, self.quoted = sign, True
        elif sign in "{[" and (level is None or level.state == "value"):
            self._open(sign)
        elif sign in "}]" and level is not None and (sign == "}") == level.is_object:
            self._shut(sign, level)
        elif sign == "," and level is not None and level.state == "after":
            level.state = "name" if level.is_object else "value"
            if level.is_object:
                self.held = sign
            else:
                level.index += 1
                self._emit(sign)
        elif sign == ":" and level is not None and level.state == "colon":
            self.held += sign
            level.state = "value"
        elif (end := LITERAL.match(text, at).end()) > at and (level is None or level.state == "value"):  # type: ignore[union-attr]
            self.token = text[at:end]
            if end < len(text):
                self._literal()
            return end
        else:
            self._give_up()
            return at
        return at + 1

    def _give_up(self) -> None:
        """This is no JSON: the rest goes as it came."""
        if not (self.silent and self.levels):
            self.out.append(self.held + self.token)
        self.held = self.token = ""
        self.plain = True
        self.silent = False

    # -- the value ------------------------------------------------------------------------

    def _named(self) -> None:
        level = self.levels[-1]
        name = _value(self.token)
        if type(name) is not str:
            self._give_up()
            return
        token, self.token = self.token, ""
        if self.wrapped and len(self.levels) == 1:
            level.name, level.below = name, self.place
        else:
            level.name = level.place.spelled(name)
            level.below = level.place.member(level.name)
            token = token if level.name == name else dumps(level.name)
        self.held += token
        level.state = "colon"

    def _begin(self) -> None:
        """A value begins that will be said: what was held before it is said too."""
        level = self.levels[-1] if self.levels else None
        if level is None:
            self.wrapped = self.silent = False  # a scalar where the wrapper was to be
            return
        if self.wrapped and len(self.levels) == 1:
            self.silent = level.name != "value"
            self.held = ""
            return
        if level.is_object:
            self._emit(self.held.lstrip(", \t\r\n") if level.empty else self.held)
            self.held = ""
            level.empty = False

    def _literal(self) -> None:
        token, self.token = self.token, ""
        level = self.levels[-1] if self.levels else None
        inner = not (self.wrapped and len(self.levels) == 1)
        if token == "null" and level is not None and level.is_object and inner and level.place.drops(level.name):
            self.held = ""
            level.state = "after"
            return
        self._begin()
        self._emit(token)
        self._valued(_value(token))

    def _open(self, sign: str) -> None:
        if not self.levels:
            self.wrapped = self.silent = self.wrapped and sign == "{"
            self._emit(sign)
            self.levels.append(Level(self.place, sign == "{"))
            return
        self._begin()
        self._emit(sign)
        level = self.levels[-1]
        below = level.below if level.is_object else level.place.item(level.index)
        self.levels.append(Level(below, sign == "{"))

    def _shut(self, sign: str, level: Level) -> None:
        self.levels.pop()
        if level.state in ("name", "after") and level.is_object:
            self.held = self.held.lstrip(", \t\r\n") if level.empty else self.held
        self._emit(self.held + sign)
        self.held = ""
        self._valued(UNREAD)

    def _valued(self, value: Json) -> None:
        """A value is complete."""
        if not self.levels:
            self.plain = True
            self.silent = False
            return
        level = self.levels[-1]
        level.state = "after"
        if self.wrapped and len(self.levels) == 1:
            self.silent = True
        elif level.is_object and value is not UNREAD:
            level.place.saw(level.name, value)


def _value(token: str) -> Json:
    try:
        return msgspec.json.decode(token)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return UNREAD
