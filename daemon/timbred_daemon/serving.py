"""The sockets that the daemon answers on."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import web

from timbred_api.engine import Engine
from timbred_api.http import make_app
from timbred_daemon.config_values import Listen
from timbred_indexer.errors import StorageError


@asynccontextmanager
async def serving(engine: Engine, listening: socket.socket, port: int) -> AsyncGenerator[None]:
    runner = web.AppRunner(make_app(engine, port=port), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.SockSite(runner, listening, backlog=1024).start()
        yield
    finally:
        await runner.cleanup()


def listen(wanted: Listen) -> socket.socket:
    """The bound socket.

    Raises:
        StorageError: ``address_in_use`` or another reason the address cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            wanted.host, wanted.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise StorageError(f"timbred cannot listen on {wanted}: {error.strerror}.", code="bad_address") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        listening.close()
        raise StorageError(
            f"timbred cannot listen on {wanted}: {error.strerror}. Is another timbred, or another program, using it? "
            "Choose another address with --listen.",
            code="address_in_use",
        ) from error
    return listening


def host_text(host: str) -> str:
    return f"[{host}]" if ":" in host else host
