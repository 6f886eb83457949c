"""How well targets and keys fare: which are cooling, switched off or ejected, and until when.

In the memory of one process; a replica learns by itself. It knows time only as what it is told, and no dialect.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from dragoman.core.errors import GatewayError
from dragoman.service.outcomes import Blame

REFUSED = 600.0  # seconds until a key that was refused is tried once more
SPENT = 3600.0  # seconds until a key without credit is
COOLING = 15.0  # seconds a key rests for a model where no Retry-After says how long
LONGEST = 24 * 3600.0  # seconds: no hint is believed beyond a day
IN_A_ROW = 5  # failures that eject a target
WINDOW, SAMPLE, SHARE = 10.0, 20, 0.5  # or: of at least SAMPLE requests within WINDOW seconds, this share failed
EJECTED, EJECTED_MOST = 30.0, 300.0  # seconds, times the number of ejections so far
MOST = 4096  # targets, and models of a key, that are remembered
DECAY = 60.0  # seconds of health after which one ejection is forgiven


class Target(NamedTuple):
    """A model at a provider."""

    provider: str
    model: str


@dataclass
class _Keys:
    """One key, at all models and at each."""

    until: float = 0.0  # refused, or without credit
    models: dict[str, float] = field(default_factory=dict)  # refused for a model
    rates: dict[str, tuple[float, GatewayError]] = field(default_factory=dict)  # used up until then, as was said
    running: int = 0


@dataclass
class _Standing:
    """How one target fares."""

    results: deque[tuple[float, bool]] = field(default_factory=deque)  # when, and whether it failed
    in_a_row: int = 0
    until: float = 0.0  # ejected until then; after it, one probe at a time
    ejections: int = 0
    healed: float = 0.0  # since when it has been in its place
    probing: bool = False
    active: int = 0
    retrying: int = 0


class Health:
    """Told of every attempt's beginning and end; asked before the next. The key of a provider without keys is ""."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self._keys: dict[tuple[str, str], _Keys] = {}
        self._targets: dict[Target, _Standing] = {}

    # -- asked

    def key_free_at(self, target: Target, key: str) -> float:
        """When a key may be used for a model: a moment that has passed, if at once."""
        state = self._keys.get((target.provider, key))
        if state is None:
            return 0.0
        return max(state.until, state.models.get(target.model, 0.0), self.cooling(target, key)[0])

    def cooling(self, target: Target, key: str) -> tuple[float, GatewayError | None]:
        """Until when a key's rate for a model is used up, and what the provider said of it."""
        state = self._keys.get((target.provider, key))
        return (state.rates.get(target.model) if state else None) or (0.0, None)

    def ejected(self, target: Target) -> bool:
        """Whether to pass a target over. After its time it is not, for one request at a time: that is the probe."""
        standing = self._targets.get(target)
        if standing is None or not standing.until:
            return False
        return self.now() < standing.until or standing.probing

    def spread(self, target: Target, keys: Iterable[str], pair: Callable[[int], tuple[int, int]]) -> list[str]:
        """The keys that are free now, the one to use first: of two at random the one with fewer calls under way."""
        now = self.now()
        free = [key for key in keys if self.key_free_at(target, key) <= now]
        if len(free) > 1:
            a, b = pair(len(free))
            best = min(free[a], free[b], key=lambda key: self._key(target.provider, key).running)
            free.remove(best)
            free.insert(0, best)
        return free

    def may_retry(self, target: Target) -> bool:
        """Retries under way at a target stay below a fifth of its requests, or three (Envoy's figures)."""
        standing = self._target(target)
        return standing.retrying < max(3.0, 0.2 * standing.active)

    # -- told

    def begun(self, target: Target, key: str, *, retry: bool) -> None:
        standing = self._target(target)
        standing.active += 1
        standing.retrying += retry
        if standing.until and self.now() >= standing.until:
            standing.probing = True
        self._key(target.provider, key).running += 1

    def ended(self, target: Target, key: str, *, retry: bool) -> None:
        """The attempt is over, however it went: its slot is free."""
        standing = self._target(target)
        standing.active -= 1
        standing.retrying -= retry
        standing.probing = False
        self._key(target.provider, key).running -= 1

    def served(self, target: Target) -> None:
        now, standing = self.now(), self._target(target)
        standing.in_a_row = 0
        if standing.until:
            standing.until, standing.healed = 0.0, now
            standing.results.clear()
        elif standing.ejections and now - standing.healed >= DECAY:
            standing.ejections -= 1
            standing.healed = now
        self._note(standing, now, failed=False)

    def failed(self, target: Target, key: str, blame: Blame, error: GatewayError, *, last: bool) -> None:
        """last: there is no other target, so this one is never ejected.

        A request's own fault is nobody's (O9): it comes with no blame and changes nothing.
        """
        now, state = self.now(), self._key(target.provider, key)
        match blame:
            case "target":
                self._target_failed(self._target(target), now, last=last)
            case "key" | "exhausted":
                state.until = max(state.until, now + (REFUSED if blame == "key" else SPENT))
            case "denied":
                state.models[target.model] = now + REFUSED
            case "cooling":
                self.cool(target, key, COOLING if error.retry_after is None else error.retry_after, error)
            case _:
                pass

    def cool(self, target: Target, key: str, seconds: float, why: GatewayError) -> None:
        """A rate is used up for so long. What was asked for earlier is never shortened (O8)."""
        until = self.now() + min(LONGEST, seconds)
        if until > self.cooling(target, key)[0]:
            self._key(target.provider, key).rates[target.model] = until, why.again(seconds)

    # -- kept

    def _target_failed(self, standing: _Standing, now: float, *, last: bool) -> None:
        standing.in_a_row += 1
        self._note(standing, now, failed=True)
        failures = sum(failed for _, failed in standing.results)
        often = len(standing.results) >= SAMPLE and failures >= SHARE * len(standing.results)
        probe = bool(standing.until)
        if not last and (probe or often or standing.in_a_row >= IN_A_ROW):
            standing.ejections += 1
            standing.until = now + min(EJECTED_MOST, EJECTED * standing.ejections)
            standing.in_a_row = 0
            standing.results.clear()

    @staticmethod
    def _note(standing: _Standing, now: float, *, failed: bool) -> None:
        results = standing.results
        results.append((now, failed))
        while results[0][0] < now - WINDOW or len(results) > 10_000:
            results.popleft()

    def _key(self, provider: str, key: str) -> _Keys:
        state = self._keys.setdefault((provider, key), _Keys())
        if len(state.models) + len(state.rates) > MOST:
            now = self.now()
            state.models = {model: until for model, until in state.models.items() if until > now}
            state.rates = {model: rate for model, rate in state.rates.items() if rate[0] > now}
        return state

    def _target(self, target: Target) -> _Standing:
        """Clients may invent names of models: of too many, those that nothing is held against are forgotten."""
        if target not in self._targets and len(self._targets) >= MOST:
            told = self._targets.items()
            self._targets = {name: one for name, one in told if one.active or one.until or one.in_a_row}
        return self._targets.setdefault(target, _Standing())
