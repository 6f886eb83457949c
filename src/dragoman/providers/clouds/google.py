"""Who asks Google: an API key, an access token, or the credentials that the machine has.

It knows Google's library, which is an extra of this package, and nothing of what is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

from dragoman.core.errors import GatewayError, Kind
from dragoman.providers.clouds.envelope import Sealed

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
API_KEYS = ("AIza", "AQ.")  # how Google's API keys begin; its access tokens begin with "ya29."
INSTALL = "Google's credentials need a library that is not installed: pip install 'dragoman[google]'"


def missing_library() -> str:
    try:
        found = find_spec("google.auth") and find_spec("requests")
    except ModuleNotFoundError:
        found = None
    return "" if found else INSTALL


class Google:
    """Signs with the key it is given; else with a token, which it keeps until it is about to expire."""

    def __init__(self, credentials: str = "") -> None:
        self._file = credentials
        self._found: Any = None
        self._refresh: Callable[[], None] = lambda: None
        self._lock = asyncio.Lock()

    async def sign(self, sealed: Sealed, key: str | None) -> Mapping[str, str]:
        if key is not None:
            return {"x-goog-api-key": key} if key.startswith(API_KEYS) else {"authorization": f"Bearer {key}"}
        async with self._lock:  # one refresh for all who wait for it
            if self._found is None or not self._found.valid:
                await asyncio.to_thread(self._renew)
            return self._headers()

    def _headers(self) -> dict[str, str]:
        headers = {"authorization": f"Bearer {self._found.token}"}
        if project := getattr(self._found, "quota_project_id", None):
            headers["x-goog-user-project"] = project
        return headers

    def _renew(self) -> None:
        try:
            import google.auth
            import google.auth.exceptions
            import google.auth.transport.requests
        except ImportError:
            raise GatewayError(Kind.UPSTREAM, INSTALL, code="credentials_missing", status=502) from None
        try:
            if self._found is None:
                if self._file:
                    self._found, _ = google.auth.load_credentials_from_file(self._file, scopes=[SCOPE])
                else:
                    self._found, _ = google.auth.default(scopes=[SCOPE])
            self._found.refresh(google.auth.transport.requests.Request())
        except google.auth.exceptions.GoogleAuthError as error:
            raise GatewayError(Kind.UPSTREAM, told(error), code="credentials_refused", status=502) from None


def told(error: Exception) -> str:
    """What Google's library says, without the answer's body that it adds: a client may see the one, not the other."""
    first = str(error.args[0] if error.args else error).strip().partition("\n")[0]
    return f"Google's credentials cannot be used: {first[:300] or type(error).__name__}"
