"""What an envelope is: how a cloud wants a vendor's own request addressed, altered and signed.

Values and protocols only. It knows no cloud, and of a dialect no more than its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from msgspec import Struct

from dragoman.core.codec import Loss
from dragoman.core.ir import Json
from dragoman.core.media import Operation


class Place(Struct, frozen=True, kw_only=True):
    """Where in a cloud models are served, and to whom: what the settings and the environment say of it."""

    base_url: str = ""  # scheme, host and what may stand before the cloud's own paths
    project: str = ""
    location: str = ""
    api_version: str = ""
    credentials: str = ""  # a file, or the name of a profile; "": what the machine has
    keyed: bool = False  # whether there are keys


class Letter(Struct, frozen=True, kw_only=True):
    """One request as its dialect writes it, before it is in an envelope."""

    model: str
    dialect: str
    path: str  # the codec's, below the provider's base URL; it may hold a query
    body: bytes | None = None
    method: str = "POST"
    headers: Mapping[str, str] = {}  # names in lower case: those that go with the dialect


class Sealed(Struct, frozen=True, kw_only=True):
    """A request as it goes to a provider, but for what shows who sends it."""

    url: str
    headers: Mapping[str, str] = {}
    body: bytes | None = None
    method: str = "POST"
    losses: tuple[Loss, ...] = ()  # what this cloud does not take, by its path in the body


class Signer(Protocol):
    """Shows a cloud who is asking. It keeps what it has been lent, tokens for instance; one for each provider."""

    async def sign(self, sealed: Sealed, key: str | None) -> Mapping[str, str]:
        """The headers that authorize the request, to be added to its own. Whatever waits, waits off the event loop.

        Raises GatewayError(UPSTREAM) where there are no credentials, or the library is missing that reads them.
        """
        ...

    def secrets(self) -> tuple[str, ...]:
        """What it was lent last: a cloud that repeats what it was shown must not tell it to a client."""
        ...

    def forget(self) -> None:
        """The cloud did not take what it was shown: what is only lent is asked for anew."""
        ...


class Envelope(Protocol):
    """One cloud's way of serving other vendors' models. Without state."""

    def base_url(self, place: Place) -> str:
        """The address where the settings give none; "": it has to be given."""
        ...

    def problems(self, place: Place) -> Iterator[tuple[str, str]]:
        """What is missing or wrong in the settings: the setting and what to say of it."""
        ...

    def warning(self, place: Place) -> str:
        """What `dragoman check` has to say, such as a library that is not installed; "": nothing."""
        ...

    def dialect(self, model: str, operation: Operation, place: Place) -> str:
        """The dialect in which a model is asked here."""
        ...

    def suits(self, front: str, model: str) -> bool:
        """Whether a model is asked in the client's own dialect, although it is not the model's."""
        ...

    def has_responses(self, place: Place) -> bool:
        """Whether a model that is asked in OpenAI's dialect may be asked in Responses."""
        ...

    def quirks(self, place: Place) -> dict[str, Any]:
        """Fields of the profile that differ here, by what the settings say of the place."""
        ...

    def named(self, model: str) -> str:
        """What the model's vendor calls it: the rules of the vendor's entry are for that name."""
        ...

    def seal(self, letter: Letter, place: Place) -> Sealed:
        """The request in its envelope. Raises GatewayError where this cloud cannot be asked for it."""
        ...

    def complains_in(self, dialect: str, wire: Json) -> str:
        """The dialect an error is told in: a cloud's own faults come in its own words."""
        ...

    def signer(self, place: Place) -> Signer: ...
