"""The sockets that the daemon answers on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from timbred_api.engine import Engine
from timbred_api.http import MAX_LINE, make_app
from timbred_api.problems import problem_of
from timbred_api.responses import problem_response
from timbred_api.security import Access, Door, is_loopback
from timbred_api.tokens import keep_token
from timbred_daemon.config_callers import Callers
from timbred_daemon.config_values import Listen
from timbred_daemon.loopback import twin_of
from timbred_daemon.tasks import background
from timbred_daemon.unix_socket import local_socket
from timbred_indexer.errors import StorageError, UnavailableError

logger = logging.getLogger(__name__)

MakeWay = Callable[[], Awaitable[None]]

SILENCE: Final = 60.0
"""Seconds that a connection may take to send the head of a request, from its start or from the answer before."""

_DESCRIPTORS: Final = 16384  # what others hold open must not keep the owner out
_CROWD: Final = 1000
"""Connections beyond which those of strangers are not kept."""
_LOOK_EVERY: Final = 1.0  # seconds


@asynccontextmanager
async def starting(listening: socket.socket) -> AsyncGenerator[MakeWay]:
    """Tells whoever asks already to come back: opening a large library may take a while. Gives what ends that."""
    refusal = problem_of(UnavailableError("timbred is starting.", code="starting"))

    async def come_back(_: web.BaseRequest) -> web.StreamResponse:
        response = problem_response(refusal)
        response.force_close()  # the next request is for the real server
        return response

    server = web.Server(come_back, access_log=None, logger=_protocol_logger())
    runner = web.ServerRunner(server)
    # A duplicate: what connects between this server and the next waits in the socket's queue.
    with contextlib.closing(listening.dup()) as duplicate:

        async def make_way() -> None:
            # asyncio resets whom it has just accepted when its server closes; so first nobody else is accepted.
            asyncio.get_running_loop().remove_reader(duplicate)
            for _ in range(20):
                await asyncio.sleep(0.005)  # whoever was let in still gets this server's answer
                if not server.connections:
                    break
            await runner.cleanup()

        await runner.setup()
        try:
            await web.SockSite(runner, duplicate, backlog=1024).start()
            yield make_way
        finally:
            await runner.cleanup()


@asynccontextmanager
async def serving(
    engine: Engine, listening: socket.socket, port: int, callers: Callers, make_way: MakeWay
) -> AsyncGenerator[str | None]:
    """Answers while the body runs; gives the path of the unix socket, None where there is none.

    Args:
        make_way: ends what answers on ``listening`` until then.

    Raises:
        StorageError: the token cannot be kept.
    """
    host = listening.getsockname()[0]
    token = await asyncio.to_thread(keep_token, engine.data_dir)
    everywhere, twin = not is_loopback(host), twin_of(host, port)
    needed = callers.require_token or everywhere
    door = Door(Access(port, token, needed, callers.allow_users, everywhere, callers.allow_hosts, twin.alone))
    runner = web.AppRunner(
        make_app(engine, port=port, door=door),
        access_log=None,
        logger=_protocol_logger(),
        shutdown_timeout=1.0,
        keepalive_timeout=SILENCE,
        max_line_size=MAX_LINE,
        lingering_time=2.0,  # seconds that the rest of a refused body is read and thrown away
    )
    _allow_descriptors()
    await runner.setup()  # opens the door
    if not door.tells_users_apart:
        logger.warning("This system does not say whose a connection is: over TCP, callers need the token.")
    with local_socket(engine.data_dir) as local:
        try:
            await make_way()
            for end in (listening, twin.socket, local and local.socket):
                if end is not None:
                    await web.SockSite(runner, end, backlog=1024).start()
            async with background(_keep_room(runner, door)):
                yield None if local is None else local.path
        finally:
            await runner.cleanup()
            if twin.socket is not None:
                twin.socket.close()


async def _keep_room(runner: web.AppRunner, door: Door) -> None:
    """Hangs up on strangers where there are too many: whoever says nothing was never asked who it is."""
    while True:
        await asyncio.sleep(_LOOK_EVERY)
        connections = () if runner.server is None else runner.server.connections
        if len(connections) <= _CROWD:
            continue
        for connection in connections:
            if connection.transport is not None and not door.knows(connection.transport):
                connection.transport.abort()


def _protocol_logger() -> logging.Logger:
    """For what aiohttp says. That somebody sends what is no HTTP, or goes before the answer, is no error of ours."""

    def is_ours(record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, (HttpProcessingError, web.RequestPayloadError, ConnectionError))

    protocol = logging.Logger(f"{__name__}.protocol")
    protocol.parent = logger
    protocol.addFilter(is_ours)
    return protocol


def _allow_descriptors() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


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
    """As it stands in a URL by which this machine reaches a server that listens there."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{host}]" if ":" in host else host
