"""The catalogue of providers, and which of them are on: data from catalog.toml, the settings and the environment.

It knows providers only as entries of that file, and neither connects to one nor speaks its dialect.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import translate
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal, NamedTuple, Protocol
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from dragoman.core.media import Operation
from dragoman.core.profile import Profile
from dragoman.providers import address
from dragoman.providers.clouds import ENVELOPES, Place, Signer

Dialect = Literal["openai.chat", "anthropic", "gemini", "bedrock.converse", "sandbox"]
Api = Literal["chat", "responses", "auto"]
Auth = Literal["bearer", "x-api-key", "x-goog-api-key", "api-key", "optional-bearer", "own", "none"]


class Secret(str):
    """A string that does not show itself where values are printed."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


# -- the catalogue -------------------------------------------------------------


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What holds for the models whose ids match; of two rules the later one wins."""

    match: str  # globs, with | between them
    operations: tuple[Operation, ...] = ()
    profile: dict[str, Any] = {}


class KnownModel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model of which more is known than its provider."""

    id: str  # as the provider spells it
    name: str | None = None
    description: str | None = None
    context_window: int | None = None
    max_tokens: int | None = None
    operations: tuple[Operation, ...] = ()  # none: as the rules say
    aliases: tuple[str, ...] = ()  # other ids the provider has for it
    also: tuple[str, ...] = ()  # globs of the names it has elsewhere: asked for by one of these, it is called by its id
    prefixed: bool = False  # listed and asked for as provider/id


class Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of provider; docs/providers.md explains each field."""

    title: str
    dialect: Dialect = "openai.chat"
    base_url: str = ""
    version: str | None = None
    auth: Auth = "bearer"
    env: tuple[str, ...] = ()
    base_url_env: tuple[str, ...] = ()
    headers: dict[str, str] = {}
    patterns: tuple[str, ...] = ()
    catch_all: str = ""
    date: Literal["", "-", "@", "iso"] = ""
    aka: tuple[str, ...] = ()
    default: str = ""
    operations: tuple[Operation, ...] = ("chat",)
    api: Api = "chat"
    envelope: str = ""
    place: dict[str, tuple[str, ...]] = {}
    switch: tuple[str, ...] = ()
    like: tuple[str, ...] = ()
    profile: dict[str, Any] = {}
    rules: tuple[Rule, ...] = ()
    models: tuple[KnownModel, ...] = ()
    borrows: tuple[str, ...] = ()

    @property
    def by_address(self) -> bool:
        """Whether an address alone switches it on: it needs no key."""
        return self.auth in ("none", "optional-bearer") and bool(self.base_url_env)


@cache
def catalogue() -> Mapping[str, Entry]:
    """Kind -> entry, in the file's order."""
    text = files(__package__).joinpath("catalog.toml").read_text(encoding="utf-8")
    entries = msgspec.convert(tomllib.loads(text), dict[str, Entry])
    return {kind: _lent(entry, entries) for kind, entry in entries.items()}


def _lent(entry: Entry, entries: Mapping[str, Entry]) -> Entry:
    """The entry with the models it borrows from others, and what these can do; and with the rules of those vendors
    whose models it serves."""
    models = [
        replace(model, operations=operations_of(model.id, other, model), also=())
        for wanted in entry.borrows
        for other in entries.values()
        for model in other.models
        if model.id == wanted
    ]
    rules = [
        rule
        for kind in entry.like
        for rule in (
            Rule(
                match="|".join(entries[kind].patterns),
                operations=entries[kind].operations,
                profile=entries[kind].profile,
            ),
            *entries[kind].rules,
        )
    ]
    return replace(entry, models=(*models, *entry.models), rules=(*rules, *entry.rules))


@cache
def globs(text: str) -> re.Pattern[str]:
    """`gpt-*|o[1-9]*` as one regular expression, whatever the case."""
    return re.compile("|".join(translate(glob) for glob in text.split("|") if glob) or r"(?!)", re.I)


class Ruled(Protocol):
    """What says how a model is spoken to: an Entry or a Provider."""

    @property
    def operations(self) -> tuple[Operation, ...]: ...
    @property
    def profile(self) -> Mapping[str, Any]: ...
    @property
    def rules(self) -> tuple[Rule, ...]: ...
    @property
    def envelope(self) -> str: ...


def _vendors(model: str, by: Ruled) -> str:
    """What a model's vendor calls it: rules are for that name."""
    return ENVELOPES[by.envelope].named(model) if by.envelope else model


def operations_of(model: str, by: Ruled, known: KnownModel | None = None) -> tuple[Operation, ...]:
    if known is not None and known.operations:
        return known.operations
    model = _vendors(model, by)
    fitting = [rule.operations for rule in by.rules if rule.operations and globs(rule.match).match(model)]
    return fitting[-1] if fitting else by.operations


def profile_of(
    model: str, by: Ruled, known: KnownModel | None = None, overrides: Mapping[str, Any] | None = None
) -> Profile:
    """Default < provider < model pattern < config."""
    merged, model = dict(by.profile), _vendors(model, by)
    for rule in by.rules:
        if rule.profile and globs(rule.match).match(model):
            merged |= rule.profile
    if known is not None and known.max_tokens:
        merged["max_tokens_limit"] = known.max_tokens
    merged |= overrides or {}
    if limit := merged.get("max_tokens_limit"):
        merged.setdefault("max_tokens", limit)
    return msgspec.convert(merged, Profile)


def profile_for(dialect: str, model: str) -> Profile:
    """The quirks of a model at the vendor whose dialect it is, as far as the catalogue tells (offline translation)."""
    entries = [entry for entry in catalogue().values() if entry.dialect == dialect and not entry.envelope]
    claimed = [entry for entry in entries if any(globs(pattern).match(model) for pattern in entry.patterns)]
    for entry in claimed or entries:
        known = next((known for known in entry.models if model in (known.id, *known.aliases)), None)
        return profile_of(model, entry, known)
    return Profile()


# -- the providers that are on ---------------------------------------------------


class Configured(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the settings say of one provider."""

    kind: str = ""  # of the catalogue; "": the provider's own name
    base_url: str | None = None
    version: str | None = None
    keys: tuple[Secret, ...] = ()
    headers: dict[str, Secret] = {}
    proxy: Secret | None = None
    api: Api | None = None  # None: as the catalogue says
    project: str | None = None
    location: str | None = None
    region: str | None = None  # the same, as others call it
    api_version: str | None = None
    credentials: str | None = None
    models: tuple[str, ...] = ()
    timeout: Annotated[float, Meta(gt=0, le=86400)] = 600.0  # seconds
    connect_timeout: Annotated[float, Meta(gt=0, le=86400)] = 5.0  # seconds
    pace: Annotated[float, Meta(ge=0, le=1000)] = 1.0
    profile: dict[str, Any] = {}
    enabled: bool = True


class Provider(Struct, frozen=True, kw_only=True):
    """A provider that is on, with all that is needed to ask it."""

    name: str
    kind: str
    title: str
    why: str  # it is on: "OPENAI_API_KEY is set", "config", "no other provider is on"
    dialect: Dialect
    base_url: str  # codec paths are appended to it
    auth: Auth = "bearer"
    keys: tuple[Secret, ...] = ()
    headers: dict[str, Secret] = {}
    proxy: Secret | None = None
    timeout: float = 600.0
    connect_timeout: float = 5.0
    pace: float = 1.0
    patterns: tuple[str, ...] = ()
    catch_all: str = ""
    date: str = ""
    aka: tuple[str, ...] = ()
    default: str = ""
    api: Api = "chat"
    operations: tuple[Operation, ...] = ("chat",)
    profile: dict[str, Any] = {}  # the catalogue's
    overrides: dict[str, Any] = {}  # the settings'
    rules: tuple[Rule, ...] = ()
    models: tuple[KnownModel, ...] = ()
    envelope: str = ""
    place: Place = Place()
    signer: Signer | None = None  # in a cloud: it keeps the tokens it has
    stand_in: bool = False  # the sandbox, where no other provider is on: it answers for all

    @property
    def local(self) -> bool:
        """Whether what is sent to it stays in the house."""
        return self.dialect == "sandbox" or address.is_local(self.base_url)


class Deployment(Struct, frozen=True):
    """A model at a provider."""

    provider: Provider
    model: str  # the provider's own id
    operations: tuple[Operation, ...]
    profile: Profile
    known: KnownModel | None = None

    def dialect(self, operation: Operation = "chat") -> str:
        """The dialect it is asked in, where it has only one: in a cloud each model has its vendor's."""
        provider = self.provider
        if provider.envelope:
            return ENVELOPES[provider.envelope].dialect(self.model, operation, provider.place)
        return provider.dialect

    def spoken(self, front: str, *, reasons: bool = False) -> str:
        """The dialect it is spoken to in. One that has both of OpenAI's is asked in the client's own; and for reasoning
        in Responses, where alone it can be seen."""
        envelope = ENVELOPES.get(self.provider.envelope)
        if envelope is not None and envelope.suits(front, self.model):
            return front
        dialect, api = self.dialect(), self.provider.api
        if dialect != "openai.chat" or api == "chat":
            return dialect
        other = front == "openai.responses" or (reasons and front != "openai.chat")
        return "openai.responses" if api == "responses" or other else "openai.chat"


class Problem(NamedTuple):
    path: tuple[str | int, ...]  # in the settings; (): the message says where
    message: str


class Configuration(Protocol):
    """The part of the settings that is needed here."""

    @property
    def default_provider(self) -> str: ...
    @property
    def providers(self) -> Mapping[str, Configured]: ...
    @property
    def server(self) -> Any: ...


def providers_on(settings: Configuration, environ: Mapping[str, str]) -> tuple[Provider, ...]:
    """The default one, those of the settings in their order, then those the environment switches on, in the
    catalogue's."""
    return survey(settings, environ)[0]


def survey(settings: Configuration, environ: Mapping[str, str]) -> tuple[tuple[Provider, ...], tuple[Problem, ...]]:
    """The providers that are on, and what keeps others from it."""
    found, problems, kinds = list[Provider](), list[Problem](), set[str]()
    here = (settings.server.host, settings.server.port)
    for name, said in settings.providers.items():
        kind = said.kind or name
        kinds.add(kind)
        wrong = list(_wrong(name, kind, said, environ, here))
        problems += wrong
        if said.enabled and not wrong:
            found.append(_from_settings(name, catalogue()[kind], said, environ))
    for kind, entry in catalogue().items():
        if kind not in kinds and kind not in settings.providers:
            try:
                provider = _from_environment(kind, entry, environ, here)
            except ValueError as error:
                problems.append(Problem((), str(error)))
            else:
                found += [provider] if provider else []
    providers = _with_sandbox(found) if found or "sandbox" not in kinds else ()  # which may be switched off, too
    if settings.default_provider and not problems:
        first = called(settings.default_provider, providers)
        if not first and not any(provider.stand_in for provider in providers):
            known = ", ".join(provider.name for provider in providers)
            problems.append(Problem(("default_provider",), f'"{settings.default_provider}" is not on; on are {known}'))
        chosen = [replace(provider, catch_all="*") for provider in first[:1]]
        providers = (*chosen, *(provider for provider in providers if provider not in first[:1]))
    return providers, tuple(problems)


def called(name: str, providers: tuple[Provider, ...]) -> tuple[Provider, ...]:
    """Who is meant by a name: a provider's own, else its kind, else what the kind is called elsewhere."""
    name = name.lower()
    return (
        tuple(provider for provider in providers if provider.name.lower() == name)
        or tuple(provider for provider in providers if provider.kind == name)
        or tuple(provider for provider in providers if name in provider.aka)
    )


def _with_sandbox(found: list[Provider]) -> tuple[Provider, ...]:
    """Alone, the sandbox answers for all; beside real providers it must be asked for by name."""
    if all(provider.dialect == "sandbox" for provider in found):
        if not found:
            found = [_provider("sandbox", catalogue()["sandbox"], "no other provider is on")]
        return (replace(found[0], stand_in=True), *found[1:])
    return tuple(_quiet(provider) if provider.dialect == "sandbox" else provider for provider in found)


def _quiet(provider: Provider) -> Provider:
    models = tuple(model for model in provider.models if model.prefixed)
    return replace(provider, models=models, patterns=(), catch_all="", default="")


def _provider(name: str, entry: Entry, why: str, *, kind: str = "", **more: Any) -> Provider:
    taken = (
        "envelope",
        "title",
        "dialect",
        "auth",
        "patterns",
        "catch_all",
        "date",
        "aka",
        "default",
        "operations",
        "profile",
        "api",
    )
    fields = {field: getattr(entry, field) for field in (*taken, "rules", "models", "base_url")}
    fields["headers"] = {key: Secret(value) for key, value in entry.headers.items()}
    return Provider(name=name, kind=kind or name, why=why, **(fields | more))


# -- from the settings

RESERVED = frozenset(
    {"api", "health", "metrics", "model", "openapi.json", "ready", "ui", "v1", "v1alpha", "v1beta", "v1beta1"}
)
"""Names that would hide the gateway's own paths: a provider's name is the first segment of a path (000-9)."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def _wrong(
    name: str, kind: str, said: Configured, environ: Mapping[str, str], here: tuple[str, int]
) -> Iterator[Problem]:
    """What is wrong with one [providers.NAME]."""
    at: tuple[str, ...] = ("providers", name)
    if not _NAME.fullmatch(name):
        yield Problem(at, "a provider's name has at most 64 letters, digits, dots, dashes and underscores")
    if name.lower() in RESERVED:
        yield Problem(at, f'"{name}" is a path of the gateway itself: choose another name')
    entry = catalogue().get(kind)
    if entry is None:
        yield Problem((*at, "kind") if said.kind else at, _no_kind(kind, bool(said.kind)))
        return
    yield from _wrong_values(at, said)
    try:
        url = _url(name, entry, said, environ)
    except ValueError as error:
        yield Problem((*at, "base_url"), str(error))
        return
    if not url and entry.dialect != "sandbox":
        yield Problem(at, f'kind "{kind}" has no address of its own: set base_url')
    if url and address.is_own(url, *here):
        yield Problem((*at, "base_url"), "leads back to this gateway")
    if not all(map(fits_a_header, _keys(name, entry, said, environ))):
        yield Problem(at, f"{entry.env[0]} holds characters that do not belong into a header")
    yield from _wrong_place(at, entry, said, environ)
    needs_key = entry.auth not in ("none", "own", "optional-bearer") and said.enabled
    if needs_key and not _keys(name, entry, said, environ) and not _authorized(said.headers):
        offer = f" or the variable {entry.env[0]}" if entry.env and _as_in_catalogue(name, said, entry) else ""
        yield Problem(at, f"no key: set keys{offer}")


def _no_kind(kind: str, explicit: bool) -> str:
    near = difflib.get_close_matches(kind, catalogue(), 1)
    hint = f', did you mean "{near[0]}"?' if near else f"; there are {', '.join(catalogue())}"
    if explicit:
        return f'there is no kind "{kind}"{hint}'
    return f'"{kind}" is not in the catalogue{hint} Else set kind, e.g. kind = "openai-compatible"'


def _wrong_values(at: tuple[str, ...], said: Configured) -> Iterator[Problem]:
    for header in said.headers:
        if not _HEADER.fullmatch(header):
            yield Problem((*at, "headers", header), "is no header's name")
    if said.proxy is not None:
        try:
            known = urlsplit(said.proxy).scheme in ("http", "https") and urlsplit(said.proxy).hostname
        except ValueError:
            known = None
        if not known:
            yield Problem((*at, "proxy"), "expected http://host:port (SOCKS is not spoken yet)")
    if said.version is not None and not re.fullmatch(r"[\w./-]*", said.version):
        yield Problem((*at, "version"), 'expected the end of a path, such as "v1"; "" for none')
    names = Profile.__struct_fields__
    for field, value in said.profile.items():
        if field not in names:
            near = difflib.get_close_matches(field, names, 1)
            hint = f', did you mean "{near[0]}"?' if near else f", known here: {', '.join(names)}"
            yield Problem((*at, "profile", field), f"unknown{hint}")
            continue
        try:
            msgspec.convert({field: value}, Profile)
        except msgspec.ValidationError as error:
            yield Problem((*at, "profile", field), str(error).partition(" - at ")[0])


def _wrong_place(at: tuple[str, ...], entry: Entry, said: Configured, environ: Mapping[str, str]) -> Iterator[Problem]:
    """What is wrong with where in a cloud a provider is."""
    for setting in ("project", "location", "region", "api_version", "credentials"):
        name = "location" if setting == "region" else setting
        if getattr(said, setting) is not None and name not in entry.place:
            yield Problem((*at, setting), f'kind "{said.kind or at[1]}" has none')
    if said.location is not None and said.region is not None:
        yield Problem((*at, "region"), "is location by another name: set one of them")
    keys = _keys(at[1], entry, said, environ)
    place = _place(entry, said, environ, keyed=bool(keys))
    for name, wrong in _misplaced(entry, place) if said.enabled else ():
        yield Problem((*at, name) if getattr(said, name) is not None else at, wrong)
    if said.api == "responses" and entry.envelope and not ENVELOPES[entry.envelope].has_responses(place):
        yield Problem(
            (*at, "api"), "there are no Responses at that place" + (", by its api_version" if place.api_version else "")
        )
    own = entry.auth == "own" and said.enabled and not keys and not _authorized(said.headers)
    if own and said.credentials is None and not _as_in_catalogue(at[1], said, entry):
        yield Problem(at, "no credentials: set credentials or keys; those of the machine are for its own address only")


def _as_in_catalogue(name: str, said: Configured, entry: Entry) -> bool:
    """Whether a table only adds to what the environment says: it has the catalogue's name, or its address.

    Else the environment's key would be sent to a server it was not made for.
    """
    return catalogue().get(name) is entry or said.base_url is None


# -- in a cloud


def _place(entry: Entry, said: Configured, environ: Mapping[str, str], *, keyed: bool) -> Place:
    """Where in a cloud, by the settings and then the environment."""
    told = {name: _first(variables, environ)[1] for name, variables in entry.place.items()}
    told |= {name: value for name in entry.place if (value := _wished(said, name)) is not None}
    return Place(**told, keyed=keyed)


def _wished(said: Configured, name: str) -> str | None:
    value = getattr(said, name)
    return said.region if name == "location" and value is None else value


def _home(entry: Entry, place: Place) -> str:
    """The address of a kind where nobody gives another."""
    if entry.base_url:
        return address.base_url(entry.base_url, entry.version)
    return ENVELOPES[entry.envelope].base_url(place) if entry.envelope else ""


def _misplaced(entry: Entry, place: Place) -> Iterator[tuple[str, str]]:
    return ENVELOPES[entry.envelope].problems(place) if entry.envelope else iter(())


def _in_cloud(entry: Entry, place: Place, url: str) -> dict[str, Any]:
    """What a provider in a cloud has more than others."""
    if not entry.envelope:
        return {}
    envelope, place = ENVELOPES[entry.envelope], replace(place, base_url=url)
    profile = entry.profile | envelope.quirks(place)
    return {"place": place, "signer": envelope.signer(place), "profile": profile}


def _url(name: str, entry: Entry, said: Configured, environ: Mapping[str, str]) -> str:
    version = entry.version if said.version is None else said.version
    if said.base_url is not None:
        return address.base_url(said.base_url, version, home=entry.base_url, bare=entry.by_address)
    if catalogue().get(name) is entry:
        variable, value = _first(entry.base_url_env, environ)
        if value:
            return _address_of(variable, value, entry, version)
    if entry.envelope:
        return _home(entry, _place(entry, said, environ, keyed=False))
    return address.base_url(entry.base_url, version) if entry.base_url else ""


def _keys(name: str, entry: Entry, said: Configured, environ: Mapping[str, str]) -> tuple[Secret, ...]:
    if said.keys or not _as_in_catalogue(name, said, entry):
        return said.keys
    return _split(_first(entry.env, environ)[1])


def _authorized(headers: Iterable[str]) -> bool:
    return any(header.lower() in ("authorization", "x-api-key", "x-goog-api-key", "api-key") for header in headers)


def _from_settings(name: str, entry: Entry, said: Configured, environ: Mapping[str, str]) -> Provider:
    url = _url(name, entry, said, environ)
    listed = tuple(KnownModel(id=model) for model in said.models if not is_glob(model))
    headers = {key.lower(): Secret(value) for key, value in entry.headers.items()}
    headers |= {key.lower(): value for key, value in said.headers.items()}
    keys = _keys(name, entry, said, environ)
    place = _place(entry, said, environ, keyed=bool(keys))
    return _provider(
        name,
        entry,
        "config",
        kind=said.kind or name,
        base_url=url,
        keys=keys,
        headers=headers,
        proxy=said.proxy,
        timeout=said.timeout,
        connect_timeout=said.connect_timeout,
        pace=said.pace,
        patterns=(*entry.patterns, *(model for model in said.models if is_glob(model))),
        catch_all="" if said.models else entry.catch_all,
        models=_merged(listed, entry.models),
        default=listed[0].id if listed else entry.default,
        api=_api(entry, said, place),
        overrides=said.profile,
        **_in_cloud(entry, place, url),
    )


def _api(entry: Entry, said: Configured, place: Place) -> Api:
    if entry.envelope and not ENVELOPES[entry.envelope].has_responses(place):
        return "chat"
    return said.api or entry.api


def _merged(listed: tuple[KnownModel, ...], known: tuple[KnownModel, ...]) -> tuple[KnownModel, ...]:
    """The settings' models first; what the catalogue knows of one of them stays known."""
    by_id = {model.id: model for model in known}
    first = {model.id: by_id.get(model.id, model) for model in listed}
    return (*first.values(), *(model for model in known if model.id not in first))


def is_glob(name: str) -> bool:
    return any(char in name for char in "*?[")


# -- from the environment


def _from_environment(kind: str, entry: Entry, environ: Mapping[str, str], here: tuple[str, int]) -> Provider | None:
    """The provider, if a variable switches it on. Raises ValueError naming the variable that is wrong."""
    variable, value = _first(entry.env, environ)
    address_variable, written = _first(entry.base_url_env, environ)
    place = _place(entry, Configured(), environ, keyed=bool(value))
    if not (why := _switched(entry, place, environ)):
        return None
    home = _home(entry, place)
    url = home
    if written:
        given = _address_of(address_variable, written, entry, entry.version)
        if not address.is_own(given, *here):
            url = given
        elif entry.by_address or not home:
            return None
        else:  # set in the same shell, for the gateway's own clients
            why += f"; {address_variable} leads back to this gateway and is not used"
    if not fits_a_header(value):
        raise ValueError(f"{variable}: holds characters that do not belong into a header")
    for name, wrong in _misplaced(entry, place):
        raise ValueError(f"{_first(entry.place.get(name, ()), environ)[0] or kind}: {wrong}")
    elsewhere = bool(entry.base_url) and url != home
    catch_all = entry.catch_all or ("*" if elsewhere else "")  # not at the vendor's there may be any model
    more = _in_cloud(entry, place, url) | {"api": _api(entry, Configured(), place)}
    return _provider(kind, entry, why, base_url=url, keys=_split(value), catch_all=catch_all, **more)


def _switched(entry: Entry, place: Place, environ: Mapping[str, str]) -> str:
    """Why the environment switches a kind on; "": it does not."""
    variable, value = _first(entry.env, environ)
    address_variable, written = _first(entry.base_url_env, environ)
    if entry.by_address:
        return f"{address_variable} is set" if written else ""
    if value and (written or _home(entry, place)):
        return f"{variable} is set"
    if entry.switch and all(getattr(place, name) for name in entry.switch):
        return " and ".join(_first(entry.place[name], environ)[0] for name in entry.switch) + " are set"
    return ""


def _address_of(variable: str, value: str, entry: Entry, version: str | None) -> str:
    try:
        return address.base_url(value, version, home=entry.base_url, bare=entry.by_address)
    except ValueError as error:
        raise ValueError(f"{variable}: {error}") from None


def _first(names: tuple[str, ...], environ: Mapping[str, str]) -> tuple[str, str]:
    """The first variable that is set to something, and its value."""
    return next(((name, value) for name in names if (value := environ.get(name, "").strip())), ("", ""))


def fits_a_header(text: str) -> bool:
    return text.isprintable() and text.isascii()


def _split(value: str) -> tuple[Secret, ...]:
    """One key or several with commas between them."""
    return tuple(Secret(key) for piece in value.split(",") if (key := piece.strip()))
