"""Who asks Google: an API key, an access token, or the credentials that the machine has.

It knows Google's library, which is an extra of this package, and nothing of what is asked.
"""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dragoman.core.errors import GatewayError, Kind
from dragoman.providers.clouds.envelope import Sealed

log = logging.getLogger("dragoman")
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
PATIENCE = 20.0  # seconds for one answer of Google's door for tokens
API_KEYS = ("AIza", "AQ.")  # how Google's API keys begin; its access tokens begin with "ya29."
INSTALL = "Google's credentials need a library that is not installed: pip install 'dragoman[google]'"


def missing(credentials: str) -> str:
    """What is not there that is needed to sign; "": nothing."""
    try:
        found = find_spec("google.auth") and find_spec("requests")
    except ImportError:
        found = None
    if not found:
        return INSTALL
    file = expanded(credentials)
    return f"there is no file {file}" if file and not Path(file).is_file() else ""


def expanded(file: str) -> str:
    return str(Path(file).expanduser()) if file else ""


class Google:
    """Signs with the key it is given; else with a token, which it keeps until it is about to expire."""

    def __init__(self, credentials: str = "") -> None:
        self._file = expanded(credentials)
        self._found: Any = None
        self._lent: tuple[str, ...] = ()
        self._failure: GatewayError | None = None  # the last one
        self._lock = asyncio.Lock()

    async def sign(self, sealed: Sealed, key: str | None) -> Mapping[str, str]:
        if key is not None:
            return {"x-goog-api-key": key} if key.startswith(API_KEYS) else {"authorization": f"Bearer {key}"}
        failure = self._failure
        async with self._lock:  # one refresh for all who wait for it
            if self._found is None or not self._found.valid:
                if self._failure not in (None, failure):  # it failed while this one waited: one door, one wait
                    raise GatewayError(Kind.UPSTREAM, self._failure.message, code=self._failure.code, status=502)
                try:
                    await asyncio.to_thread(self._renew)
                except GatewayError as error:
                    self._failure = error
                    raise
            headers: dict[str, str] = {}
            self._found.apply(headers)  # the token, and whose quota it is charged to
            self._lent = (self._found.token,)
            return headers

    def secrets(self) -> tuple[str, ...]:
        return self._lent

    def forget(self) -> None:
        if self._found is not None:
            self._found.token = None

    def _renew(self) -> None:
        try:
            import google.auth
            import google.auth.transport.requests
        except ImportError:
            raise GatewayError(Kind.UPSTREAM, INSTALL, code="credentials_missing", status=502) from None
        try:
            if self._found is None:
                with warnings.catch_warnings(action="ignore"):  # against strangers' files: this is the operator's own
                    if self._file:
                        self._found, _ = google.auth.load_credentials_from_file(self._file, scopes=[SCOPE])
                    else:
                        self._found, _ = google.auth.default(scopes=[SCOPE])
            self._found.refresh(partial(google.auth.transport.requests.Request(), timeout=PATIENCE))
        except Exception as error:  # the library's own, and whatever it stumbles over in a file that is none
            raise GatewayError(Kind.UPSTREAM, told(error), code="credentials_refused", status=502) from None


def told(error: Exception) -> str:
    """What a client may hear. What Google's library says names files and accounts: it is for the operator's log."""
    first = str(error.args[0] if error.args else error).strip().partition("\n")[0]
    log.warning("Google's credentials cannot be used: %s", first[:300] or type(error).__name__)
    return "Google's credentials cannot be used; the gateway's log says why"
