"""Which deployment to ask with which key, after how long, and what to do when it says no.

Pure: told what happened, it decides what next. It knows no socket, no dialect, and time and chance as handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from msgspec import Struct

from dragoman.core.errors import GatewayError, Kind
from dragoman.core.media import Operation
from dragoman.providers.catalog import Deployment
from dragoman.service.health import Health, Target
from dragoman.service.outcomes import Outcome, outcome


def fitting(deployments: tuple[Deployment, ...], operation: Operation) -> tuple[Deployment, ...]:
    """Those first that serve the operation as it is, then those that can be brought to it, then the rest."""
    means = {"image": "image", "speech": "audio"}.get(operation)

    def rank(deployment: Deployment) -> int:
        if operation in deployment.operations or (operation == "count" and "chat" in deployment.operations):
            return 0
        return 1 if means in deployment.profile.modalities else 2

    return tuple(sorted(deployments, key=rank))


class Policy(Struct, frozen=True, kw_only=True):
    """How much one request may cost in attempts and in waiting."""

    attempts: int = 4  # in all
    per_target: int = 2
    back_off: float = 0.25  # seconds, doubled with each attempt, times a random number up to 1
    back_off_most: float = 8.0  # seconds
    hint_most: float = 120.0  # seconds: a longer Retry-After is not waited for
    queue_wait: float = 2.0  # seconds to wait where all keys are cooling
    reserve: float = 0.25  # the share of the deadline that must be left to ask elsewhere after a timeout


USUAL = Policy()


class Attempt(Struct, frozen=True):
    deployment: Deployment
    key: str | None
    wait: float = 0.0  # seconds before it
    retry: bool = False  # whether this request has asked this target before

    @property
    def target(self) -> Target:
        return target_of(self.deployment)


def target_of(deployment: Deployment) -> Target:
    return Target(deployment.provider.name, deployment.model)


class Surroundings(NamedTuple):
    """What a plan knows of the world."""

    health: Health
    left: Callable[[], float]  # seconds until the request's deadline
    total: float  # seconds it had
    chance: Callable[[], float]  # from 0 to 1


Plan: TypeAlias = Generator[Attempt, GatewayError, None]


def plan(
    deployments: Sequence[Deployment],
    around: Surroundings,
    policy: Policy = USUAL,
    fallbacks: Mapping[Kind, Sequence[Deployment]] | None = None,
) -> Plan:
    """Yields attempts; is sent the error each one ended with. Nothing is sent to it after success, nor once bytes have
    reached the client: then there is no second try.

    fallbacks: where to go instead with what no other target would take either (a full context, a refused content).
    Raises GatewayError(RATE_LIMIT) where every key is cooling for longer than is waited for.
    """
    walk = _Walk(around, policy)
    error = yield from walk.through(deployments)
    instead = (fallbacks or {}).get(error.kind) if error is not None else None
    if instead:
        yield from walk.through(instead)


class _Walk:
    """One request's way through its targets."""

    def __init__(self, around: Surroundings, policy: Policy) -> None:
        self.around, self.policy = around, policy
        self.spent = 0
        self.used: dict[Target, int] = {}
        self.group: set[Target] = set()  # of which one is always asked
        self.refused: set[tuple[str, str]] = set()  # provider and key that this request need not try again

    def through(self, deployments: Sequence[Deployment]) -> Generator[Attempt, GatewayError, GatewayError | None]:
        """The last error, if there was one that more attempts might mend."""
        health = self.around.health
        self.group = {target_of(deployment) for deployment in deployments}
        open = [d for d in deployments if not health.ejected(target_of(d))] or list(deployments)
        error: GatewayError | None = None
        later: list[Deployment] = []
        for i, deployment in enumerate(open):
            more = i + 1 < len(open)
            found = yield from self.at(deployment, more=more)
            error = found or error
            if found is None:
                continue
            told = outcome(found)
            if not told.target or self.exhausted or not self.worth(found):
                return error
            if told.first and more:
                later.append(deployment)
        for deployment in later:
            error = (yield from self.again(deployment)) or error
        if error is None:
            yield from self.queued(open)
        return error

    @property
    def exhausted(self) -> bool:
        return self.spent >= self.policy.attempts

    def worth(self, error: GatewayError) -> bool:
        """After a timeout, whether enough of the deadline is left to ask elsewhere."""
        return error.kind is not Kind.TIMEOUT or self.around.left() > self.policy.reserve * self.around.total

    def keys(self, deployment: Deployment) -> list[str]:
        target = target_of(deployment)
        names = [key for key in deployment.provider.keys or ("",) if (target.provider, key) not in self.refused]
        return self.around.health.spread(target, names, self.pair)

    def pair(self, count: int) -> tuple[int, int]:
        first = int(self.around.chance() * count) % count
        second = int(self.around.chance() * (count - 1)) % (count - 1)
        return first, second + (second >= first)

    def at(self, deployment: Deployment, *, more: bool) -> Generator[Attempt, GatewayError, GatewayError | None]:
        """The attempts at one target: its error, or None where no key is free."""
        error: GatewayError | None = None
        for key in self.keys(deployment):
            error = yield from self.ask(deployment, key)
            told = outcome(error)
            waits = self.waits(error, told)
            if not (told.first and more):
                while self.tries_again(deployment, told) and (wait := next(waits)) < self.around.left():
                    error = yield from self.ask(deployment, key, wait=wait)
                    told = outcome(error)
            if not told.key or self.exhausted:
                return error
            self.refused.add((deployment.provider.name, key))
        return error

    def again(self, deployment: Deployment) -> Generator[Attempt, GatewayError, GatewayError | None]:
        """One more round with a target that had no room, after the others had none either."""
        error: GatewayError | None = None
        for key in self.keys(deployment)[:1]:
            waits = self.waits(None, Outcome())
            while not self.exhausted and (wait := next(waits)) < self.around.left():
                error = yield from self.ask(deployment, key, wait=wait)
                if not outcome(error).first:
                    break
        return error

    def queued(self, deployments: Sequence[Deployment]) -> Generator[Attempt, GatewayError, None]:
        """No key is free. One that was switched off is asked all the same: it may have been mended, and its refusal
        says more than ours. A rate is waited for if it is short, else told as the provider told it."""
        health, now = self.around.health, self.around.health.now()
        resting = [(d, key) for d in deployments for key in d.provider.keys or ("",)]
        waits = [max(0.0, health.cooling(target_of(d), key)[0] - now) for d, key in resting]
        wait, (deployment, key) = min(zip(waits, resting, strict=True), key=lambda one: one[0])
        if wait <= min(self.policy.queue_wait, self.around.left()):
            yield from self.ask(deployment, key, wait=wait)
            return
        error = health.cooling(target_of(deployment), key)[1]
        assert error is not None, "what is waited for was said by somebody"
        raise error.again(wait)

    def ask(
        self, deployment: Deployment, key: str, *, wait: float = 0.0
    ) -> Generator[Attempt, GatewayError, GatewayError]:
        health, target = self.around.health, target_of(deployment)
        used = self.used.get(target, 0)
        self.spent, self.used[target] = self.spent + 1, used + 1
        error = yield Attempt(deployment, key or None, wait, retry=used > 0)
        last = all(health.ejected(other) for other in self.group - {target})
        health.failed(target, key, outcome(error).blame, error, last=last)
        return error

    def tries_again(self, deployment: Deployment, told: Outcome) -> bool:
        target = target_of(deployment)
        used = self.used[target]
        return (
            used <= told.again
            and used < self.policy.per_target
            and not self.exhausted
            and self.around.health.may_retry(target)
        )

    def waits(self, error: GatewayError | None, told: Outcome) -> Iterator[float]:
        """Full jitter; a provider's own hint where it is longer, and no wait at all where nothing was sent."""
        hint = (error.retry_after if error else None) or 0.0
        step = 0
        while True:
            if not told.waits:
                yield 0.0
                continue
            longest = min(self.policy.back_off_most, self.policy.back_off * 2**step)
            step += 1
            wait = max(hint, self.around.chance() * longest)
            yield wait if wait <= self.policy.hint_most else float("inf")
