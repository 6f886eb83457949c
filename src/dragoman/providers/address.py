"""Base URLs as people write them, made into the one form that a codec's path is appended to.

Text only: nothing is looked up or connected to, and no provider is known by name.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_VERSION = re.compile(r"v\d+(?:alpha|beta)?\d*")
_ENDPOINTS = re.compile(r"/(?:chat/completions|completions|embeddings|models|messages|responses)/?$")
_BAD = re.compile(r"[\x00-\x20\x7f\\]")


def base_url(text: str, version: str | None, *, home: str = "", bare: bool = False) -> str:
    """What the vendor's own SDK takes, without a trailing slash and with the version where it belongs.

    version: what the path ends with where it names no version ("": nothing); None: the codec's own paths begin with
    it. A version given twice or not at all is understood, and so is a whole endpoint.
    bare: a host alone is enough, as in OLLAMA_HOST; what is missing comes from `home`.
    Raises ValueError, whose text tells what is wrong.
    """
    if bare:
        text = _completed(text, home)
    if _BAD.search(text):
        raise ValueError("must not hold spaces or control characters")
    url = urlsplit(text)
    if url.scheme not in ("http", "https"):
        raise ValueError("must begin with http:// or https://")
    if url.username is not None or url.password is not None:
        raise ValueError("must not hold credentials: they belong in `keys`")
    if url.query or url.fragment or text.endswith(("?", "#")):
        raise ValueError("must not hold a query or a fragment")
    if not url.hostname:
        raise ValueError("names no host")
    if url.port == 0:  # .port raises ValueError itself for what is no port
        raise ValueError("names no port that can be reached")
    return f"{url.scheme}://{url.netloc}{_path(url.path, version)}"


def _completed(text: str, home: str) -> str:
    """OLLAMA_HOST and its like: `host`, `host:port` or `:port`; a server's 0.0.0.0 is 127.0.0.1 for its clients."""
    if "://" not in text:
        own = urlsplit(home)
        text = f"//{own.hostname}{text}" if text.startswith(":") else f"//{text}"
        text = f"{own.scheme}:{text}"
        if urlsplit(text).port is None and own.port:
            host, slash, rest = text.partition("://")[2].partition("/")
            text = f"{own.scheme}://{host}:{own.port}{slash}{rest}"
    return re.sub(r"^(\w+://)0\.0\.0\.0(?=[:/]|$)", r"\g<1>127.0.0.1", text)


def _path(path: str, version: str | None) -> str:
    path = _ENDPOINTS.sub("", re.sub(r"/{2,}", "/", path)).rstrip("/")
    steps = path.split("/")[1:]
    while len(steps) > 1 and steps[-1] == steps[-2] and _VERSION.fullmatch(steps[-1]):
        steps.pop()
    if version is None:
        while steps and _VERSION.fullmatch(steps[-1]):
            steps.pop()
    elif version and not any(_VERSION.fullmatch(step) for step in steps):
        wanted = version.split("/")
        overlap = next(n for n in range(len(wanted), -1, -1) if n == 0 or steps[-n:] == wanted[:n])
        steps += wanted[overlap:]
    return "".join(f"/{step}" for step in steps)


def is_local(url: str) -> bool:
    """Whether a URL leads to this machine or its own network: what is sent there stays in the house."""
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return "." not in host or host.endswith((".local", ".localhost", ".internal", ".lan", ".home.arpa"))
    return address.is_private or address.is_loopback


def is_own(url: str, host: str, port: int) -> bool:
    """Whether a URL leads back to a server that listens on host and port."""
    parts = urlsplit(url)
    if (parts.port or {"http": 80, "https": 443}[parts.scheme]) != port:
        return False
    name, host = (parts.hostname or "").lower(), host.strip("[]").lower()
    return name == host or (_here(name) and (_here(host) or host in ("0.0.0.0", "::", "")))


def _here(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
