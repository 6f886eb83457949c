"""Who asks Amazon: an API key of Bedrock's own, or the credentials that the machine has, by which requests are signed.

It knows Amazon's library, which is an extra of this package, and nothing of what is asked.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from dragoman.core.errors import GatewayError, Kind
from dragoman.providers.clouds.envelope import Sealed

log = logging.getLogger("dragoman")
INSTALL = "Amazon's credentials need a library that is not installed: pip install 'dragoman[aws]'"
ADDED = ("authorization", "x-amz-date", "x-amz-security-token")
HOST = re.compile(r"^bedrock(-mantle)?[a-z-]*\.([a-z0-9-]+)\.")


def missing_library() -> str:
    return "" if find_spec("botocore") else INSTALL


def scope_of(url: str, region: str) -> tuple[str, str]:
    """The service and the region a request is signed for: its host's; at a host not Amazon's own, the given region."""
    found = HOST.match(urlsplit(url).hostname or "")
    return (f"bedrock{found[1] or ''}", found[2]) if found else ("bedrock", region)


class Aws:
    """Signs with the key it is given, as a bearer's; else by Signature Version 4, with credentials that it looks for
    once, where Amazon's own tools do, and that renew themselves."""

    def __init__(self, region: str, profile: str = "") -> None:
        self._region, self._profile = region, profile
        self._found: Any = None
        self._lent: tuple[str, ...] = ()
        self._lock = asyncio.Lock()

    async def sign(self, sealed: Sealed, key: str | None) -> Mapping[str, str]:
        if key is not None:
            return {"authorization": f"Bearer {key}"}
        async with self._lock:  # one search for all who wait for it
            if self._found is None:
                self._found = await asyncio.to_thread(self._find)
            found = self._found
        return await asyncio.to_thread(self._signed, sealed, found)  # credentials that run out are renewed, which waits

    def secrets(self) -> tuple[str, ...]:
        """Amazon repeats the headers it has checked a signature over, and so the token of a session."""
        return self._lent

    def forget(self) -> None:
        self._found = None

    def _find(self) -> Any:
        try:
            from botocore.exceptions import BotoCoreError
            from botocore.session import Session
        except ImportError:
            raise refused(INSTALL, "credentials_missing") from None
        try:
            found = Session(profile=self._profile or None).get_credentials()
        except BotoCoreError as error:
            raise refused(told(error), "credentials_refused") from None
        if found is None:
            where = "AWS_BEARER_TOKEN_BEDROCK, AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a role"
            raise refused(f"Amazon's credentials are not found: set {where}", "credentials_missing")
        return found

    def _signed(self, sealed: Sealed, found: Any) -> dict[str, str]:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.exceptions import BotoCoreError

        headers = (
            {"content-type": "application/json"} if sealed.body is not None else {}
        )  # others may change on the way
        request = AWSRequest(method=sealed.method, url=sealed.url, data=sealed.body or b"", headers=headers)
        try:
            frozen = found.get_frozen_credentials()
            self._lent = tuple(filter(None, (frozen.token, frozen.secret_key)))
            SigV4Auth(frozen, *scope_of(sealed.url, self._region)).add_auth(request)
        except BotoCoreError as error:
            raise refused(told(error), "credentials_refused") from None
        return {name.lower(): str(value) for name, value in request.headers.items() if name.lower() in ADDED}


def refused(message: str, code: str) -> GatewayError:
    return GatewayError(Kind.UPSTREAM, message, code=code, status=502)


def told(error: Exception) -> str:
    """What a client may hear. What Amazon's library says names profiles and addresses: it is for the operator's log."""
    log.warning("Amazon's credentials cannot be used: %s", str(error).strip().partition("\n")[0][:300])
    return "Amazon's credentials cannot be used; the gateway's log says why"
