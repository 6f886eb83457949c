"""From the name a client gives a model to the deployments that can serve it, in the order to try them.

Pure: it asks no provider, and knows them only as data.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dragoman.config import DEFAULT_MODEL, NAME_LIMIT, Alias, Settings, is_model_name
from dragoman.core.errors import GatewayError, Kind, invalid
from dragoman.core.media import Model
from dragoman.providers.catalog import (
    Deployment,
    KnownModel,
    Provider,
    called,
    catalogue,
    globs,
    is_glob,
    operations_of,
    profile_of,
)

_DATED = re.compile(r"(.+?)[-@](?:(\d{4})-?(\d{2})-?(\d{2})|latest)")
_PREFIXED = re.compile(r"([^/:]+)[/:](.+)", re.S)
REMEMBERED = 2048  # deployments, since clients may invent names


class Family(NamedTuple):
    """A name without its date: `name`, `name-20250929`, `name@20250929` and `name-latest` are one family."""

    name: str
    date: str  # "20250929"; "": no date


def family(name: str) -> Family:
    """claude-haiku-4.5 is of the same family as claude-haiku-4-5: aggregators write it so."""
    match = _DATED.fullmatch(name)
    base = match[1] if match else name
    date = "".join(match.groups("")[1:]) if match else ""
    return Family(base.lower().replace(".", "-"), date)


class _Shelf:
    """One provider's models, ready to be looked up."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.ids: dict[str, KnownModel] = {}
        self.families: dict[str, dict[str, str]] = {}  # family -> date -> the provider's id
        for model in provider.models:
            for name in (model.id, *model.aliases):
                self.ids.setdefault(name, model)
                if model.prefixed:
                    continue
                base, date = family(name)
                self.families.setdefault(base, {}).setdefault(date, name)
        self.also = [(globs("|".join(model.also)), model.id) for model in provider.models if model.also]
        self.claimed = globs("|".join(provider.patterns))
        self.caught = globs(provider.catch_all)
        self.names = (provider.name.lower(), provider.kind)

    def has(self, name: str) -> bool:
        """Whether a name is the id of a known model."""
        return name in self.ids and not self.ids[name].prefixed

    def claims(self, name: str) -> bool:
        """Whether a name is one of this provider's, known or by its looks."""
        return bool(
            self.has(name)
            or self.claimed.match(name)
            or family(name).name in self.families
            or any(pattern.match(name) for pattern, _ in self.also)
        )

    def spelled(self, name: str) -> str:
        """The id under which the provider has what the client calls by `name`."""
        if name in self.ids:
            return name
        for pattern, model in self.also:
            if pattern.match(name):
                return model
        base, date = family(name)
        dates = self.families.get(base, {})
        if date in dates:
            return dates[date]
        match = _DATED.fullmatch(name)
        if not date:  # undated or "latest": the undated id has been tried, so the newest
            return dates[max(dates)] if dates else name
        assert match is not None
        if self.provider.date and (dates or self.claimed.match(name)):
            between = "-" if self.provider.date == "iso" else ""
            before = "@" if self.provider.date == "@" else "-"
            stem = next((_stem(known) for known in dates.values()), match[1])
            return f"{stem}{before}{between.join(match.groups()[1:])}"
        return dates.get("", name)  # a provider without dated ids


def _stem(name: str) -> str:
    match = _DATED.fullmatch(name)
    return match[1] if match else name


class Models:
    """Which models there are, by the settings and the providers that are on."""

    def __init__(self, settings: Settings, providers: tuple[Provider, ...]) -> None:
        self.providers = providers
        self._settings = settings
        self._shelves = tuple(_Shelf(provider) for provider in providers)
        self._aliases = settings.models
        self._families: dict[str, dict[str, str]] = {}  # the aliases': family -> date -> alias
        self._globs = [(name, alias) for name, alias in settings.models.items() if is_glob(name)]
        for name in settings.models:
            if not is_glob(name):
                base, date = family(name)
                self._families.setdefault(base, {}).setdefault(date, name)
        self._remembered: dict[tuple[str, str], Deployment] = {}

    # -- one name

    def find(self, name: str, provider: str | None = None) -> tuple[Deployment, ...]:
        """Where a model is served, in the order to ask. `provider`: asked for by its name or kind.

        Raises GatewayError: INVALID_REQUEST for what is no name, NOT_FOUND for a model or a provider that is not on.
        """
        if not is_model_name(name):
            raise invalid("model", f"expected 1 to {NAME_LIMIT} visible characters")
        shelves = self._asked(provider)
        name = name.removeprefix("models/") or name
        found = self._aliased(name, shelves) or self._served(name, shelves, asked=provider is not None)
        if not found:
            raise self._unknown(name, provider)
        return found

    def describe(self, name: str, provider: str | None = None) -> Model:
        """What is known of a model that can be asked for."""
        name = name.removeprefix("models/") or name
        first = self.find(name, provider)[0]
        return self._model(name, first, self._aliases.get(name))

    def targets(self, alias: str) -> tuple[tuple[str, tuple[Deployment, ...]], ...]:
        """Each target of an alias, with where it leads: nowhere, if its provider is off."""
        return tuple((target, self._target(target, self._shelves)) for target in self._aliases[alias].targets)

    def _asked(self, provider: str | None) -> tuple[_Shelf, ...]:
        """The providers a client may mean by a name."""
        if provider is None:
            return self._shelves
        if found := called(provider, self.providers):
            return tuple(shelf for shelf in self._shelves if any(shelf.provider is provider for provider in found))
        if self._vendor(provider):
            return self._shelves[:1]
        known = ", ".join(shelf.provider.name for shelf in self._shelves)
        message = f'There is no provider "{_shown(provider)}" here. On: {known or "nothing"}.'
        raise GatewayError(Kind.NOT_FOUND, message, param="provider", code="provider_not_found")

    def _vendor(self, wanted: str) -> str | None:
        """The kind that the sandbox stands in for, where no provider is on."""
        if not self._shelves[0].provider.stand_in:
            return None
        return next((kind for kind, entry in catalogue().items() if wanted.lower() in (kind, *entry.aka)), None)

    def _aliased(self, name: str, shelves: tuple[_Shelf, ...]) -> tuple[Deployment, ...]:
        """By one of the settings' own names, whichever of a family's spellings it is asked for by."""
        alias = self._alias(name) or (None if self._split(name, shelves) else self._wild(name))
        if alias is None:
            return ()
        targets = (target.replace("*", name) for target in alias.targets)
        return _once(deployment for target in targets for deployment in self._target(target, shelves))

    def _wild(self, name: str) -> Alias | None:
        """The first [models."gpt-*"] that fits; `*` in its targets is the name asked for."""
        return next((alias for glob, alias in self._globs if globs(glob).match(name)), None)

    def _target(self, target: str, shelves: tuple[_Shelf, ...]) -> tuple[Deployment, ...]:
        """Where `provider/model` leads: to that provider and to no other, unless the sandbox stands in for it."""
        match = _PREFIXED.fullmatch(target)
        if match is None or any(shelf.has(target) for shelf in shelves) or self._split(target, shelves):
            return self._served(target, shelves)
        if match[1] not in self._settings.providers and match[1].lower() not in catalogue():
            return self._served(target, shelves)
        if shelves[0].provider.stand_in:
            return self._deployed(((shelves[0], match[2]),))
        return ()

    def _alias(self, name: str) -> Alias | None:
        if name in self._aliases:
            return self._aliases[name]
        if any(shelf.has(name) for shelf in self._shelves):
            return None
        base, date = family(name)
        dates = self._families.get(base, {})
        other = dates.get(date) or (dates.get("") if date else dates[max(dates)] if dates else None)
        return self._aliases[other] if other else None

    def _served(self, name: str, shelves: tuple[_Shelf, ...], *, asked: bool = False) -> tuple[Deployment, ...]:
        """By the catalogue: a known id, provider/model, what a name looks like, or who takes any name."""
        if found := [shelf for shelf in shelves if shelf.has(name)]:
            return self._deployed((shelf, name) for shelf in found)
        if split := self._split(name, shelves):
            return self._deployed((shelf, shelf.spelled(rest)) for shelf, rest in split)
        found = [shelf for shelf in shelves if shelf.claims(name)]
        if not found:
            found = list(shelves) if asked else _together(shelf for shelf in shelves if shelf.caught.match(name))
        return self._deployed((shelf, shelf.spelled(name)) for shelf in found)

    def _split(self, name: str, shelves: tuple[_Shelf, ...]) -> list[tuple[_Shelf, str]]:
        """`provider/model` or `provider:model`; also by the vendor's name elsewhere, where the model is one of its."""
        match = _PREFIXED.fullmatch(name)
        if match is None:
            return []
        head, rest = match[1].lower(), match[2]
        meant = called(head, tuple(shelf.provider for shelf in shelves))
        found = [shelf for shelf in shelves if any(shelf.provider is provider for provider in meant)]
        return [(shelf, rest) for shelf in found if head in shelf.names or (shelf.claims(rest) and ":" not in rest)]

    def _deployed(self, found: Iterable[tuple[_Shelf, str]]) -> tuple[Deployment, ...]:
        return _once(self._deployment(shelf, model) for shelf, model in found)

    def _deployment(self, shelf: _Shelf, model: str) -> Deployment:
        provider = shelf.provider
        key = (provider.name, model)
        if (deployment := self._remembered.get(key)) is None:
            known = shelf.ids.get(model)
            operations = operations_of(model, provider, known)
            profile = profile_of(model, provider, known, provider.overrides)
            deployment = Deployment(provider, model, operations, profile, known)
            if len(self._remembered) >= REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = deployment
        return deployment

    def _unknown(self, name: str, provider: str | None) -> GatewayError:
        listed = [model.id for model in self.listing(provider)]
        near = difflib.get_close_matches(name, listed, 1)
        hint = f' Did you mean "{near[0]}"?' if near else ""
        known = ", ".join(shelf.provider.name for shelf in self._shelves)
        message = f'No provider that is on serves the model "{_shown(name)}".{hint} On: {known or "nothing"}.'
        return GatewayError(Kind.NOT_FOUND, message, param="model", code="model_not_found")

    # -- all of them

    def default(self) -> str:
        """The model of a client that names none: the setting's, or else the first that can be asked for (004-2)."""
        wanted = self._settings.default_model
        chosen = wanted != DEFAULT_MODEL
        if self._aliased(wanted, self._shelves) or any(shelf.claims(wanted) for shelf in self._shelves):
            return wanted
        if chosen and self._served(wanted, self._shelves):
            return wanted
        for shelf in self._shelves:
            if shelf.provider.default:
                return shelf.provider.default
        for model in self.listing():
            if "chat" in model.operations:
                return model.id
        return wanted

    def listing(self, provider: str | None = None) -> tuple[Model, ...]:
        """Every model there is a name for: the settings' own names first, each name once."""
        shelves = self._asked(provider)
        vendor = self._vendor(provider) if provider is not None else None
        of_vendor = globs("|".join(catalogue()[vendor].patterns)) if vendor and vendor != "sandbox" else None
        found: dict[str, Model] = {}
        for name, alias in self._aliases.items():
            if is_glob(name):
                continue
            if deployments := self._aliased(name, shelves):
                found[name] = self._model(name, deployments[0], alias)
        for shelf in shelves:
            for known in shelf.provider.models:
                name = f"{shelf.provider.name}/{known.id}" if known.prefixed else known.id
                if name not in found and (of_vendor is None or of_vendor.match(name)):
                    elsewhere = self._aliased(name, shelves) if self._globs else ()
                    found[name] = self._model(name, elsewhere[0] if elsewhere else self._deployment(shelf, known.id))
        return tuple(found.values())

    def _model(self, name: str, deployment: Deployment, alias: Alias | None = None) -> Model:
        known = deployment.known or KnownModel(id=name)
        said = alias or Alias(targets=(name,))
        return Model(
            id=name,
            provider=deployment.provider.name,
            name=said.name or known.name,
            description=said.description or known.description,
            context_window=said.context_window or known.context_window,
            max_tokens=said.max_tokens or known.max_tokens,
            operations=deployment.operations,
        )


def _together(shelves: Iterator[_Shelf]) -> list[_Shelf]:
    """Those that take any name: the first, and others that are as near. What a server of the house may have is not
    sent out of it."""
    found = list(shelves)
    return [shelf for shelf in found if shelf.provider.local == found[0].provider.local]


def _once(deployments: Iterable[Deployment]) -> tuple[Deployment, ...]:
    found = {(deployment.provider.name, deployment.model): deployment for deployment in deployments}
    return tuple(found.values())


def _shown(name: str) -> str:
    """A name as it may stand in a message: short, and all in one line."""
    text = "".join(char if char.isprintable() else "?" for char in name)
    return text if len(text) <= NAME_LIMIT else text[:NAME_LIMIT] + "..."
