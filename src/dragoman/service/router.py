"""Which deployment to ask with which key, and what to do when it says no.

Pure: told what happened, it decides what next. It knows no socket and no dialect.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeAlias

from msgspec import Struct

from dragoman.core.errors import GatewayError, Kind
from dragoman.core.media import Operation
from dragoman.providers.catalog import Deployment

OTHER_KEY = frozenset({Kind.AUTHENTICATION, Kind.PERMISSION, Kind.QUOTA, Kind.RATE_LIMIT})
"""What another key of the same provider may do better."""
OTHER_TARGET = OTHER_KEY | {Kind.TIMEOUT, Kind.OVERLOADED, Kind.UPSTREAM, Kind.NOT_FOUND, Kind.INTERNAL}
"""What another target may do better; all else is the request's own fault and final."""


def fitting(deployments: tuple[Deployment, ...], operation: Operation) -> tuple[Deployment, ...]:
    """Those first that serve the operation as it is, then those that can be brought to it, then the rest."""
    means = {"image": "image", "speech": "audio"}.get(operation)

    def rank(deployment: Deployment) -> int:
        if operation in deployment.operations or (operation == "count" and "chat" in deployment.operations):
            return 0
        return 1 if means in deployment.profile.modalities else 2

    return tuple(sorted(deployments, key=rank))


class Attempt(Struct, frozen=True):
    deployment: Deployment
    key: str | None


Plan: TypeAlias = Generator[Attempt, GatewayError, None]


def plan(deployments: tuple[Deployment, ...], turn: int) -> Plan:
    """Yields attempts; is sent the error each one ended with. `turn` rotates the keys of a pool.

    Nothing is sent to it after success, nor once bytes have reached the client: then there is no second try.
    """
    for deployment in deployments:
        keys = deployment.provider.keys
        shift = turn % len(keys) if keys else 0
        for key in (*keys[shift:], *keys[:shift]) or (None,):
            error = yield Attempt(deployment, key)
            if error.kind not in OTHER_TARGET:
                return
            if error.kind not in OTHER_KEY:
                break
