"""Which attempts follow which errors, row by row (reliability.md 2.2, 2.3). No event loop, no clock but a fake one."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from dragoman.core.errors import GatewayError, Kind
from dragoman.core.profile import Profile
from dragoman.providers.catalog import Deployment, Provider, Secret
from dragoman.service.health import Health
from dragoman.service.outcomes import OUTCOMES, named
from dragoman.service.router import USUAL, Attempt, Policy, Surroundings, plan, target_of


def deployed(name: str, *keys: str, model: str = "m") -> Deployment:
    provider = Provider(
        name=name,
        kind="openai",
        title=name,
        why="test",
        dialect="openai.chat",
        base_url="http://x",
        keys=tuple(Secret(key) for key in keys),
    )
    return Deployment(provider, model, ("chat",), Profile())


@dataclass
class World:
    """A clock that moves only when told, and dice that always show the same."""

    now: float = 1000.0
    deadline: float = 1600.0
    dice: float = 0.999
    health: Health = field(init=False)

    def __post_init__(self) -> None:
        self.health = Health(lambda: self.now)

    def around(self) -> Surroundings:
        return Surroundings(self.health, lambda: self.deadline - self.now, 600.0, lambda: self.dice)

    def walk(
        self, errors: list[GatewayError], *deployments: Deployment, policy: Policy = USUAL, fallbacks=None
    ) -> list[Attempt]:
        """The attempts made while each of these errors comes in turn; after the last one, success."""
        steps, seen = plan(deployments, self.around(), policy, fallbacks), []
        try:
            attempt = next(steps)
            for error in errors:
                seen.append(attempt)
                self.now += attempt.wait
                attempt = steps.send(error)
            seen.append(attempt)
            self.now += attempt.wait
            self.health.served(attempt.target)
        except StopIteration:
            pass
        return seen


def told(attempts: list[Attempt]) -> str:
    """`a/k1 a/k2 b`: who was asked with which key."""
    return " ".join(f"{a.deployment.provider.name}{'/' + a.key if a.key else ''}" for a in attempts)


def failed(status: int | None, kind: Kind | None = None, code: str | None = None, hint: float | None = None):
    from dragoman.core.refusals import kind_of

    return GatewayError(kind or kind_of(status or 502), "said no", status=status, code=code, retry_after=hint)


A, B, C = deployed("a", "k1", "k2"), deployed("b", "k3"), deployed("c")


@pytest.mark.parametrize(
    ("error", "row", "asked"),
    [
        (failed(503, code="upstream_unreachable"), "unreachable", "a/k1 a/k1 b/k3 b/k3"),
        (failed(503, code="upstream_closed"), "broken", "a/k1 b/k3 c"),
        (failed(None, Kind.TIMEOUT, code="upstream_timeout"), "timeout", "a/k1 b/k3 c"),
        (failed(400), "request", "a/k1"),
        (failed(405), "request", "a/k1"),
        (failed(413), "request", "a/k1"),
        (failed(415), "request", "a/k1"),
        (failed(422), "request", "a/k1"),
        (failed(501), "request", "a/k1"),
        (failed(400, Kind.CONTEXT_LENGTH), "request", "a/k1"),
        (failed(400, Kind.CONTENT_POLICY), "request", "a/k1"),
        (failed(404), "no_model", "a/k1 b/k3 c"),
        (failed(401), "key_refused", "a/k1 a/k2 b/k3 c"),
        (failed(403), "denied", "a/k1 a/k2 b/k3 c"),
        (failed(402), "exhausted", "a/k1 a/k2 b/k3 c"),
        (failed(429, Kind.QUOTA, code="insufficient_quota"), "exhausted", "a/k1 a/k2 b/k3 c"),
        (failed(403, Kind.RATE_LIMIT), "limited", "a/k1 a/k2 b/k3 c"),
        (failed(429), "limited", "a/k1 a/k2 b/k3 c"),
        (failed(408), "early", "a/k1 a/k1 b/k3 b/k3"),
        (failed(425), "early", "a/k1 a/k1 b/k3 b/k3"),
        (failed(409), "conflict", "a/k1 a/k1 b/k3 b/k3"),
        (failed(500), "failed", "a/k1 a/k1 b/k3 b/k3"),
        (failed(502), "failed", "a/k1 a/k1 b/k3 b/k3"),
        (failed(503), "failed", "a/k1 a/k1 b/k3 b/k3"),
        (failed(504), "failed", "a/k1 a/k1 b/k3 b/k3"),
        (failed(520), "failed", "a/k1 a/k1 b/k3 b/k3"),
        (failed(524), "failed", "a/k1 a/k1 b/k3 b/k3"),
        (failed(529), "overloaded", "a/k1 b/k3 c c"),
        (failed(None, Kind.UPSTREAM, code="upstream_invalid_response"), "garbled", "a/k1 a/k1 b/k3 b/k3"),
        (failed(None, Kind.UPSTREAM, code="upstream_truncated"), "garbled", "a/k1 a/k1 b/k3 b/k3"),
        (failed(502, code="upstream_redirect"), "redirect", "a/k1"),
        (failed(502, code="credentials_missing"), "ours", "a/k1"),
        (failed(None, Kind.OVERLOADED), "overloaded", "a/k1 b/k3 c c"),
        (failed(None, Kind.INVALID_REQUEST), "request", "a/k1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_row_of_the_table(error: GatewayError, row: str, asked: str) -> None:
    assert named(error) == row
    world = World(dice=0.0)
    assert told(world.walk([error] * 9, A, B, C)) == asked


def test_every_row_is_tried() -> None:
    rows = {
        case.values[1] if hasattr(case, "values") else case[1]
        for case in test_each_row_of_the_table.pytestmark[0].args[1]
    }
    assert rows == OUTCOMES.keys()


def test_what_works_is_asked_once() -> None:
    assert told(World(dice=0.0).walk([], A, B)) == "a/k1"


def test_back_off_doubles_with_full_jitter_and_is_cut() -> None:
    policy = Policy(attempts=9, per_target=9)
    waits = [a.wait for a in World(dice=1.0).walk([failed(529)] * 9, C, policy=policy)]
    assert waits == [0.0, 0.25, 0.5, 1.0, 2.0]
    assert all(a.wait == 0.0 for a in World(dice=0.0).walk([failed(529)] * 9, C, policy=policy))


def test_a_hint_is_waited_for_but_not_for_ever() -> None:
    assert [a.wait for a in World().walk([failed(503, hint=7.0)], C)] == [0.0, 7.0]
    assert [a.wait for a in World().walk([failed(503, hint=121.0)] * 2, C)] == [0.0]
    assert [a.wait for a in World(deadline=1005.0).walk([failed(503, hint=7.0)] * 2, C)] == [0.0]


def test_after_a_timeout_only_with_time_left() -> None:
    late = failed(None, Kind.TIMEOUT, code="upstream_timeout")
    assert told(World(deadline=1151.0).walk([late], A, C)) == "a/k2 c"
    assert told(World(deadline=1149.0).walk([late], A, C)) == "a/k2"


def test_a_full_context_goes_where_there_is_room() -> None:
    full = failed(400, Kind.CONTEXT_LENGTH)
    assert told(World(dice=0.0).walk([full], A, B, fallbacks={Kind.CONTEXT_LENGTH: (C,)})) == "a/k1 c"
    assert told(World(dice=0.0).walk([failed(400)], A, B, fallbacks={Kind.CONTEXT_LENGTH: (C,)})) == "a/k1"


# -- health ------------------------------------------------------------------------


def test_a_refused_key_rests_for_all_models_and_a_limited_one_for_its_own() -> None:
    world, other = World(dice=0.0), deployed("a", "k1", "k2", model="other")
    world.walk([failed(401)], A)
    assert told(world.walk([], other)) == "a/k2"
    world = World(dice=0.0)
    world.walk([failed(429, hint=60.0)], A)
    assert told(world.walk([], A)) == "a/k2"
    assert told(world.walk([], other)) == "a/k1"
    world.now += 60.0
    assert told(world.walk([], A)) == "a/k1"


def test_the_longer_rest_stands() -> None:
    """A second 429 never shortens what the first one asked for (O8)."""
    world = World()
    world.health.failed(target_of(B), "k3", "cooling", failed(429, hint=100.0), last=False)
    world.health.failed(target_of(B), "k3", "cooling", failed(429, hint=1.0), last=False)
    assert world.health.key_free_at(target_of(B), "k3") == 1100.0


def test_when_all_rest_a_short_wait_or_a_429_that_says_when() -> None:
    world = World()
    world.walk([failed(429, hint=1.5)], B)
    assert [(a.key, a.wait) for a in world.walk([], B)] == [("k3", 1.5)]
    world.walk([failed(429, hint=30.0)], B)
    with pytest.raises(GatewayError) as caught:
        world.walk([], B)
    assert (caught.value.kind, caught.value.retry_after) == (Kind.RATE_LIMIT, 30.0)
    assert caught.value.message == "said no", "the provider's own words, not ours (O10)"


def test_a_key_that_was_switched_off_is_asked_where_there_is_no_other() -> None:
    world = World()
    for _ in range(3):
        assert told(world.walk([failed(401)], B)) == "b/k3"
    assert told(world.walk([failed(402)], B)) == "b/k3"


def test_a_clients_own_fault_is_nobodys(  # O9
) -> None:
    world = World(dice=0.0)
    for _ in range(50):
        world.walk([failed(400)], B, C)
        world.walk([failed(422)], B, C)
    assert told(world.walk([], B, C)) == "b/k3"


def test_five_failures_eject_a_target_and_a_probe_brings_it_back() -> None:
    world = World(dice=0.0)
    broken = failed(503, code="upstream_closed")
    for _ in range(5):
        assert told(world.walk([broken], B, C)) == "b/k3 c"
    assert told(world.walk([], B, C)) == "c"
    world.now += 30.0
    steps = plan((B, C), world.around())
    probe = next(steps)
    assert probe.deployment is B
    world.health.begun(probe.target, "k3", retry=False)
    assert told(world.walk([], B, C)) == "c", "one probe at a time"
    world.health.ended(probe.target, "k3", retry=False)
    world.health.served(probe.target)
    assert told(world.walk([], B, C)) == "b/k3"


def test_a_failed_probe_ejects_for_longer() -> None:
    world = World(dice=0.0)
    broken = failed(503, code="upstream_closed")
    rests = []
    for _ in range(12):
        while told(world.walk([broken], B, C)).startswith("b"):
            pass
        start = world.now
        while world.health.ejected(target_of(B)):
            world.now += 1.0
        rests.append(world.now - start)
    assert rests[:3] == [30.0, 60.0, 90.0]
    assert max(rests) == 300.0
    assert all(a <= b for a, b in pairwise(rests))


def test_half_of_twenty_failures_eject_too() -> None:
    world = World(dice=0.0)
    for _ in range(10):
        world.walk([], B, C)
        assert told(world.walk([failed(503, code="upstream_closed")], B, C)).startswith("b/k3")
    assert told(world.walk([], B, C)) == "c"


def test_the_only_target_is_never_ejected() -> None:
    """O10: a cooldown of the only deployment would be an outage of our own making."""
    world = World(dice=0.0)
    for _ in range(50):
        assert told(world.walk([failed(503, code="upstream_closed")] * 3, B)) == "b/k3"


def test_all_but_one_may_be_ejected() -> None:
    world = World(dice=0.0)
    for _ in range(50):
        world.walk([failed(503, code="upstream_closed")] * 4, B, C)
    assert told(world.walk([failed(503, code="upstream_closed")], B, C)) == "c"
    world.now += 300.0
    assert told(world.walk([failed(503, code="upstream_closed")], B, C)) == "b/k3 c"


def test_retries_are_a_fifth_of_the_requests_or_three() -> None:
    """Full outage: the attempts stay near the requests (reliability.md 2.3)."""
    world = World(dice=0.0)
    target = target_of(C)
    for _ in range(3):
        world.health.begun(target, "", retry=True)
    assert told(world.walk([failed(500)], C)) == "c"
    for _ in range(17):
        world.health.begun(target, "", retry=False)
    assert told(world.walk([failed(500)], C)) == "c c"


def test_the_less_busy_of_two_keys() -> None:
    world = World(dice=0.0)
    world.health.begun(target_of(A), "k1", retry=False)
    assert told(world.walk([], A)) == "a/k2"


def test_invented_names_are_not_remembered_for_ever() -> None:
    world = World(dice=0.0)
    for i in range(10_000):
        invented = deployed("b", "k3", model=f"m{i}")
        world.walk([], invented)
        world.walk([failed(429, hint=0.0)], invented)
    health = world.health
    assert len(health._targets) <= 4096 and len(health._keys[("b", "k3")].rates) <= 4097
