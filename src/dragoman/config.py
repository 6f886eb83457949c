"""The settings: a TOML file, the environment and the command line, read strictly into frozen values.

It knows what the settings are called and which values they take, not what is done with them.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path as File
from typing import Annotated, Any, TypeAlias, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import fields, force_setattr

from dragoman.lines import Path, dotted, place, places
from dragoman.providers.catalog import Configured, Problem, Secret, fits_a_header, survey

DEFAULT_MODEL = "gemini-2.5-flash"  # contract 004-2

Count: TypeAlias = Annotated[int, Meta(ge=1)]


class Server(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 3000
    api_keys: tuple[Secret, ...] = ()
    cors_origins: tuple[str, ...] = ()
    body_limit: Annotated[int, Meta(ge=1024, le=100 << 20)] = 32 << 20  # bytes
    websocket: bool = True

    def __post_init__(self) -> None:
        force_setattr(self, "host", self.host.removeprefix("[").removesuffix("]"))


class Alias(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model name of the gateway's own, and where it leads, in order."""

    targets: Annotated[tuple[str, ...], Meta(min_length=1)]
    name: str | None = None
    description: str | None = None
    context_window: Count | None = None
    max_tokens: Count | None = None


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    default_model: str = DEFAULT_MODEL
    default_max_tokens: Count = 4096
    default_provider: str = ""
    server: Server = Server()
    providers: dict[str, Configured] = {}
    models: dict[str, Alias] = {}


class ConfigError(Exception):
    """Everything that is wrong with the settings, one line each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


VARIABLES: dict[str, tuple[str, ...]] = {
    "DRAGOMAN_HOST": ("server", "host"),
    "DRAGOMAN_PORT": ("server", "port"),
    "DRAGOMAN_API_KEYS": ("server", "api_keys"),
    "DRAGOMAN_API_KEY": ("server", "api_keys"),
    "DRAGOMAN_CORS_ORIGINS": ("server", "cors_origins"),
    "DRAGOMAN_BODY_LIMIT": ("server", "body_limit"),
    "DRAGOMAN_DEFAULT_MODEL": ("default_model",),
    "DRAGOMAN_DEFAULT_MAX_TOKENS": ("default_max_tokens",),
    "DRAGOMAN_MODEL_PROVIDER": ("default_provider",),
    "DRAGOMAN_OPENAI_API_KEY": ("providers", "openai", "keys"),
    "DRAGOMAN_OPENAI_BASE_URL": ("providers", "openai", "base_url"),
    "DRAGOMAN_CLAUDE_API_KEY": ("providers", "anthropic", "keys"),
    "DRAGOMAN_CLAUDE_BASE_URL": ("providers", "anthropic", "base_url"),
}
"""Settings that an environment variable stands for (an empty one counts as unset), and where there is one, a flag:
DRAGOMAN_PORT, --port."""


def load(file: File | None, environ: Mapping[str, str], overrides: Mapping[str, Any]) -> Settings:
    """The settings. `overrides` are the flags, by name: {"port": 4000}; None: not given.

    What stands higher wins: flag, environment, file, default. Raises ConfigError with all that is wrong.
    """
    reader = _Reader(file, environ)
    data = reader.interpolated(reader.parsed(), ())
    for variable, path in VARIABLES.items():
        if value := environ.get(variable, "").strip():
            reader.put(data, path, value, variable)
    for name, value in overrides.items():
        if value is not None:
            reader.put(data, VARIABLES[f"DRAGOMAN_{name.upper()}"], value, "--" + name.replace("_", "-"))
    settings: Settings = reader.struct(Settings, data, ())
    if not reader.problems:
        for found in judged(settings, environ):
            reader.problem(found.path, worded(found.message) if found.path else found.message)
    if reader.problems:
        raise ConfigError(dict.fromkeys(reader.problems))
    return settings


def judged(settings: Settings, environ: Mapping[str, str]) -> Iterable[Problem]:
    """What is wrong with values that are each of the right type."""
    if not settings.server.host.strip():
        yield Problem(("server", "host"), "must not be empty")
    for i, origin in enumerate(settings.server.cors_origins):
        if origin != "*" and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/\s]+", origin):
            yield Problem(("server", "cors_origins", i), 'expected "*" or an origin such as "https://app.example"')
    for name, alias in settings.models.items():
        if not is_model_name(name):
            yield Problem(("models", name), f"a model's name has 1 to {NAME_LIMIT} visible characters")
        for i, target in enumerate(alias.targets):
            if not is_model_name(target):
                yield Problem(("models", name, "targets", i), 'expected "provider/model"')
    if not is_model_name(settings.default_model):
        yield Problem(("default_model",), f"a model's name has 1 to {NAME_LIMIT} visible characters")
    yield from survey(settings, environ)[1]


NAME_LIMIT = 256
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def is_model_name(name: str) -> bool:
    """Whether a text can be a model's name at all: any characters but control characters (contract S-19)."""
    return 0 < len(name) <= NAME_LIMIT and not name.isspace() and not _CONTROL.search(name)


# -- reading -------------------------------------------------------------------

_WORDS = {
    "`int`": "a whole number",
    "`float`": "a number",
    "`str`": "a string",
    "`bool`": "true or false",
    "`array`": "an array",
    "`object`": "a table",
    "`date`": "a date",
    "`datetime`": "a date and time",
    "`time`": "a time",
}
_REFERENCE = re.compile(r"\$(?:\$|\{([^{}]*)\}|\{)")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.S)


class _Reader:
    """Reads one set of settings and gathers what is wrong with it."""

    def __init__(self, file: File | None, environ: Mapping[str, str]) -> None:
        self.file, self.environ = file, environ
        self.problems: list[str] = []
        self.lines: dict[Path, int] = {}
        self.sources: dict[Path, str] = {}  # set by a variable or a flag, not by the file
        self.filled: set[Path] = set()  # texts with variables in them, where a number may be meant

    def problem(self, path: Path, message: str) -> None:
        where = next((self.sources[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.sources), None)
        if where is None and self.file is not None and (line := place(self.lines, path)):
            where = f"{self.file}:{line}"
        text = f"{dotted(path)}: {message}" if path else message
        self.problems.append(f"{where}: {text}" if where else text)

    def parsed(self) -> dict[str, Any]:
        if self.file is None:
            return {}
        try:
            text = self.file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
            data = tomllib.loads(text)
        except OSError as error:
            raise ConfigError([f"{self.file}: {error.strerror or error}"]) from None
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise ConfigError([f"{self.file}:{line}: not UTF-8"]) from None
        except tomllib.TOMLDecodeError as error:
            message, _, at = str(error).partition(" (at ")
            number = re.match(r"line (\d+)", at)
            line = int(number[1]) if number else text.rstrip().count("\n") + 1
            raise ConfigError([f"{self.file}:{line}: {message[:1].lower()}{message[1:]}"]) from None
        except RecursionError:
            raise ConfigError([f"{self.file}: nested too deeply"]) from None
        self.lines = places(text)
        return data

    # -- variables

    def interpolated(self, value: Any, path: Path) -> Any:
        """The same with ${NAME} and ${NAME:-default} filled in, and $ for $$."""
        if isinstance(value, dict):
            return {key: self.interpolated(inner, (*path, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.interpolated(inner, (*path, i)) for i, inner in enumerate(value)]
        if not isinstance(value, str) or "$" not in value:
            return value

        def fill(match: re.Match[str]) -> str:
            if match[0] == "$$":
                return "$"
            found = _NAME.fullmatch(match[1] or "")
            if found is None:
                self.problem(path, f"{match[0]!r} names no variable; write $$ for a plain $")
                return ""
            name, default = found[1], found[2]
            if (text := self.environ.get(name)) is not None and (text or default is None):
                return text
            if default is None:
                self.problem(path, f"the variable {name} is not set")
            return default or ""

        self.filled.add(path)
        return _REFERENCE.sub(fill, value)

    def put(self, data: dict[str, Any], path: tuple[str, ...], value: Any, source: str) -> None:
        """What a variable or a flag says takes the place of what the file says; two variables for one list add up."""
        for step in path[:-1]:
            inner = data.get(step)
            if not isinstance(inner, dict):
                inner = data[step] = {}
            data = inner
        if path[-1] in LISTS:
            text = value if isinstance(value, str) else ",".join(value)
            value = [item for piece in text.split(",") if (item := piece.strip())]
            if self.sources.get(path, "--").startswith("DRAGOMAN_") and source.startswith("DRAGOMAN_"):
                source = f"{self.sources[path]}, {source}"
                value = [*data[path[-1]], *(item for item in value if item not in data[path[-1]])]
        data[path[-1]] = value
        self.sources[path] = source
        self.filled.add(path)

    # -- types

    def struct(self, kind: type[Struct], table: Any, path: Path) -> Any:
        """The Struct that a table stands for; where something is wrong, that is noted and the result is of no use."""
        if not isinstance(table, dict):
            self.problem(path, f"expected a table, got {name_of(table)}")
            return None
        known = {field.encode_name: field for field in fields(kind)}
        for key in table:
            if key not in known:
                self.problem((*path, key), unknown(key, known, path))
        types = get_type_hints(kind, include_extras=True)
        before, values = len(self.problems), {}
        for key, field in known.items():
            if key in table:
                values[key] = self.value(types[key], table[key], (*path, key))
            elif field.required:
                self.problem((*path, key), "required")
        return None if len(self.problems) > before else kind(**values)

    def value(self, kind: Any, value: Any, path: Path) -> Any:
        if isinstance(kind, type) and issubclass(kind, Struct):
            return self.struct(kind, value, path)
        if get_origin(kind) is dict and isinstance(inner := get_args(kind)[1], type) and issubclass(inner, Struct):
            if isinstance(value, dict):
                return {key: self.struct(inner, table, (*path, key)) for key, table in value.items()}
            self.problem(path, f"expected a table, got {name_of(value)}")
            return None
        try:
            return msgspec.convert(value, kind, strict=path not in self.filled, dec_hook=secret)
        except msgspec.ValidationError as error:
            message, _, inside = str(error).partition(" - at `$")
            self.problem((*path, *steps(inside)), worded(message))
            return None


LISTS = frozenset({"api_keys", "cors_origins", "keys"})


def secret(kind: type, value: Any) -> Any:
    if kind is not Secret or not isinstance(value, str):
        raise TypeError(f"expected a string, got {name_of(value)}")
    if not (text := value.strip()):
        raise ValueError("must not be empty")
    if not fits_a_header(text):
        raise ValueError("holds characters that do not belong into a header")
    return Secret(text)


def steps(text: str) -> Path:
    """msgspec's `[0].name` as a path; the keys of a dictionary it does not name."""
    return tuple(int(step) if step.isdigit() else step for step in re.findall(r"[^\[\].`]+", text) if step != "...")


def worded(message: str) -> str:
    """msgspec's words for types in TOML's."""
    message = message.replace(" | null`", "`")
    for word, text in _WORDS.items():
        message = message.replace(word, text)
    message = re.sub(r" of length >= 1\b", " with at least one element", message)
    return message[:1].lower() + message[1:]


def name_of(value: Any) -> str:
    names: dict[type, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "a string"}
    names |= {list: "an array", dict: "a table"}
    return names.get(type(value), "a date or time")


def unknown(key: str, known: Iterable[str], path: Path) -> str:
    """What to say of a key that nobody knows: the nearest one, or where it belongs."""
    if near := difflib.get_close_matches(key, known, 1):
        return f'unknown, did you mean "{near[0]}"?'
    if path != ("server",) and key in Server.__struct_fields__:
        return "unknown here, it belongs in [server]"
    if path and key in Settings.__struct_fields__:
        return "unknown here, it belongs at the top of the file, before the first [table]"
    return f"unknown, known here: {', '.join(known)}"
