"""Starts one gateway on one socket and stops it on a signal. It knows no route and no dialect."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path

import uvicorn

from dragoman.config import Settings
from dragoman.providers.catalog import Provider
from dragoman.providers.models import Models
from dragoman.providers.upstream import HttpUpstream
from dragoman.service.app import Application
from dragoman.service.gateway import Gateway
from dragoman.service.protocol import options
from dragoman.store.sqlite import SqliteStore


def listen(host: str, port: int) -> socket.socket:
    """The bound socket. Raises OSError where the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host.strip("[]"), port))
    except OSError:
        bound.close()
        raise
    return bound


def run(
    settings: Settings,
    providers: tuple[Provider, ...],
    models: Models,
    data_dir: Path,
    announce: Callable[[str], None],
) -> None:
    """Serves until SIGINT or SIGTERM. `announce` is told the URL once the socket is bound."""
    bound = listen(settings.server.host, settings.server.port)
    host = f"[{settings.server.host}]" if ":" in settings.server.host else settings.server.host
    announce(f"http://{host}:{bound.getsockname()[1]}")
    gateway = Gateway(settings, providers, models, HttpUpstream(), SqliteStore(data_dir / "dragoman.db", time.time))
    server = uvicorn.Server(uvicorn.Config(Application(gateway), **options(settings.server)))
    with bound:
        server.run(sockets=[bound])
