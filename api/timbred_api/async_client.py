"""The client for programs with an event loop: the same questions, the same errors, and the events besides."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import httpx2

from timbred_api.client import (
    DaemonNotRunning,
    JsonObject,
    Method,
    Parameters,
    check_address,
    not_timbred,
    read_answer,
)
from timbred_indexer.errors import UnavailableError

_DEFAULT_TIMEOUT: Final = 60.0
_STREAM: Final = {"Accept": "text/event-stream"}
_SILENCE: Final = 60.0  # seconds: the daemon says something every 15


@dataclass(frozen=True, slots=True)
class Event:
    """One of ``GET /v1/events``.

    Attributes:
        kind: ``status`` or ``library``.
        data: what it says.
    """

    kind: str
    data: JsonObject


class AsyncClient:
    """Talks to one daemon, with several questions at once if you like.

    Use it as a context manager, or await ``close``.
    """

    def __init__(
        self, address: str, *, timeout: float = _DEFAULT_TIMEOUT, socket: str | None = None, token: str | None = None
    ) -> None:
        """Opens nothing yet.

        Args:
            address: base URL, such as ``http://127.0.0.1:8462``.
            timeout: seconds that connecting, and each wait for the daemon, may take.
            socket: path of the daemon's unix socket, instead of ``address``.
            token: told to whoever listens at ``address``.

        Raises:
            ValueError: the address is not ``http://HOST:PORT``.
        """
        self.address = address.rstrip("/")
        check_address(self.address)
        self._http = connect(self.address, socket=socket, token=token, timeout=httpx2.Timeout(timeout))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def get(self, path: str, parameters: Parameters | None = None) -> JsonObject:
        """Asks; see ``request``."""
        return await self.request("GET", path, parameters)

    async def post(self, path: str, body: object = None, parameters: Parameters | None = None) -> JsonObject:
        """Sends ``body`` as JSON (None: no body); see ``request``."""
        return await self.request("POST", path, parameters, body)

    async def upload(self, path: str, body: bytes, parameters: Parameters | None = None) -> JsonObject:
        """Sends ``body`` as it is; see ``request``."""
        return await self.request("POST", path, parameters, body)

    async def patch(self, path: str, body: object, parameters: Parameters | None = None) -> JsonObject:
        """Sends ``body`` as JSON; see ``request``."""
        return await self.request("PATCH", path, parameters, body)

    async def delete(self, path: str, parameters: Parameters | None = None) -> JsonObject:
        """See ``request``."""
        return await self.request("DELETE", path, parameters)

    async def request(
        self, method: Method, path: str, parameters: Parameters | None = None, body: object = None
    ) -> JsonObject:
        """One request and its answer; arguments, answer and errors are those of ``client.Client.request``."""
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        headers = {} if sent is None else {"Content-Type": kind}
        with _told(self.address):
            answer = await self._http.request(method, path, params=_given(parameters), content=sent, headers=headers)
        return read_answer(answer.status_code, answer.reason_phrase, answer.content)

    @asynccontextmanager
    async def events(self) -> AsyncGenerator[AsyncIterator[Event]]:
        """What happens, from now on: first the status as it is. Ends with an error when the daemon goes away.

        Raises:
            DaemonNotRunning, ProblemError, UnavailableError: likewise.
        """
        limits = httpx2.Timeout(_DEFAULT_TIMEOUT, read=_SILENCE)
        with _told(self.address):
            async with self._http.stream("GET", "/v1/events", headers=_STREAM, timeout=limits) as answer:
                if answer.status_code != 200:
                    read_answer(answer.status_code, answer.reason_phrase, await answer.aread())
                    raise not_timbred()
                yield _events(answer.aiter_lines())


def connect(address: str, *, socket: str | None, token: str | None, timeout: httpx2.Timeout) -> httpx2.AsyncClient:
    """HTTP to a daemon. Whatever proxies the environment names, a request to this machine goes nowhere else.

    Args:
        socket: of the daemon; whoever answers there needs no token and gets none.
    """
    headers = {"Accept": "application/json"}
    if socket is None and token is not None:
        headers["Authorization"] = f"Bearer {token}"
    # Nothing here speaks TLS: reading the certificates of the world would hold the loop for nothing.
    transport = httpx2.AsyncHTTPTransport(verify=False, trust_env=False, uds=socket)
    return httpx2.AsyncClient(base_url=address, trust_env=False, timeout=timeout, headers=headers, transport=transport)


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[Event]:
    """The events of a stream of server-sent ones; comments and ids are passed over."""
    kind, data = "message", ""
    async for line in lines:
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            data += value
        elif not line and data:
            document: object = json.loads(data)
            if not isinstance(document, dict):
                raise not_timbred()
            yield Event(kind, document)  # pyright: ignore[reportUnknownArgumentType]  JSON, as it came
            kind, data = "message", ""


def _given(parameters: Parameters | None) -> dict[str, str | int | float]:
    return {name: value for name, value in (parameters or {}).items() if value is not None}


@contextmanager
def _told(address: str) -> Generator[None]:
    """Turns what HTTP fails with into the client's own errors."""
    try:
        yield
    except httpx2.ConnectError as error:
        raise DaemonNotRunning(address) from error
    except httpx2.TimeoutException as error:
        raise UnavailableError(f"timbred at {address} gave no answer in time") from error
    except httpx2.HTTPError as error:
        message = f"timbred at {address} broke off its answer ({type(error).__name__})"
        raise UnavailableError(message, code="unexpected_answer") from error
