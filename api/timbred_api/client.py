"""A small synchronous client of timbred's HTTP interface, on the standard library alone.

``json`` and ``http.client`` are imported with the first request, and ``model`` not at all, so that importing this
module costs next to nothing: it stands in front of every command.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from timbred_indexer.errors import TimbredError, UnavailableError

if TYPE_CHECKING:
    from http.client import HTTPConnection, HTTPResponse

JsonObject = dict[str, Any]
"""An answer as it came; every answer of the interface is a JSON object."""

Parameters = Mapping[str, str | int | float | None]
"""Query parameters; None leaves one out."""

Method = Literal["GET", "POST", "PATCH", "DELETE"]

_DEFAULT_TIMEOUT: Final = 60.0
_STARTING_PAUSE: Final = 0.1  # seconds between two looks whether a daemon has started


class DaemonNotRunning(TimbredError):
    """Nothing answers at the daemon's address."""

    code = "daemon_not_running"

    def __init__(self, address: str) -> None:
        super().__init__(f"timbred is not running: nothing answers at {address}; start it with `timbred run`")


class ProblemError(TimbredError):
    """The daemon refused a request with an RFC 9457 problem document.

    Attributes:
        status: HTTP status.
        code: the problem's stable code; ``http_<status>`` when the answer named none.
        title: what kind of problem it is.
        detail: a sentence about this one; the title when the answer had none.
    """

    def __init__(self, status: int, code: str, title: str, detail: str) -> None:
        super().__init__(detail, code=code)
        self.status = status
        self.title = title
        self.detail = detail


class Client:
    """Talks to one daemon over one keep-alive connection. Not for use by several threads at once.

    Use it as a context manager, or call ``close``.
    """

    def __init__(
        self, address: str, *, timeout: float = _DEFAULT_TIMEOUT, socket: str | None = None, token: str | None = None
    ) -> None:
        """Opens nothing yet.

        Args:
            address: base URL, such as ``http://127.0.0.1:8462``.
            timeout: seconds that connecting, and each wait for the daemon, may take.
            socket: path of the daemon's unix socket, which nobody else can listen on; ``address`` stands in for it.
            token: told to whoever listens at ``address``, but never in place of ``socket``: if that is gone, it may be
                somebody else.

        Raises:
            ValueError: the address is not ``http://HOST:PORT``.
        """
        self.address = address.rstrip("/")
        self._host, self._port = check_address(self.address)
        self._timeout = timeout
        self._socket = socket
        self._authorization = {} if token is None or socket is not None else {"Authorization": f"Bearer {token}"}
        self._connection: HTTPConnection | None = None

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection; the next request opens a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def get(self, path: str, parameters: Parameters | None = None) -> JsonObject:
        """Asks; see ``request``. The one method that is repeated when a kept connection turns out to be closed."""
        return self.request("GET", path, parameters)

    def post(self, path: str, body: object = None, parameters: Parameters | None = None) -> JsonObject:
        """Sends ``body`` as JSON (None: no body); see ``request``."""
        return self.request("POST", path, parameters, body)

    def upload(self, path: str, body: bytes, parameters: Parameters | None = None) -> JsonObject:
        """Sends ``body`` as it is; see ``request``."""
        return self.request("POST", path, parameters, body)

    def wait_up_to(self, seconds: float) -> None:
        """From now on each answer may take so long: for what reads everything."""
        self.close()
        self._timeout = seconds

    def patch(self, path: str, body: object, parameters: Parameters | None = None) -> JsonObject:
        """Sends ``body`` as JSON; see ``request``."""
        return self.request("PATCH", path, parameters, body)

    def delete(self, path: str, parameters: Parameters | None = None) -> JsonObject:
        """See ``request``."""
        return self.request("DELETE", path, parameters)

    def request(
        self, method: Method, path: str, parameters: Parameters | None = None, body: object = None
    ) -> JsonObject:
        """One request and its answer; a daemon that is starting is waited for.

        Args:
            method: of HTTP.
            path: such as ``/v1/similar``.
            parameters: of the query.
            body: sent as JSON, bytes as they are; None sends none.

        Returns:
            The parsed answer; an empty object when there is no content.

        Raises:
            DaemonNotRunning: nothing listens at the address.
            ProblemError: the daemon refused.
            UnavailableError: no answer in time (code ``unavailable``), or one that is not timbred's
                (``unexpected_answer``).
        """
        import json

        target = path + _query(parameters)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        until = time.monotonic() + self._timeout
        while True:
            try:
                return self._ask(method, target, data, kind)
            except ProblemError as error:
                # It has done nothing yet, so that whatever was asked can be asked again.
                if error.code != "starting" or time.monotonic() > until:
                    raise
            time.sleep(_STARTING_PAUSE)

    def _ask(self, method: Method, target: str, data: bytes | None, kind: str) -> JsonObject:
        from http.client import HTTPException

        try:
            response, content = self._exchange(method, target, data, kind)
        except TimeoutError as error:
            self.close()
            raise UnavailableError(f"timbred at {self.address} gave no answer within {self._timeout:g} s") from error
        except (OSError, HTTPException) as error:
            self.close()
            raise self._broken_off(error) from error
        return read_answer(response.status, response.reason, content)

    def _exchange(self, method: Method, target: str, data: bytes | None, kind: str) -> tuple[HTTPResponse, bytes]:
        """A daemon may close a kept connection at any time; only a question can safely be put twice."""
        kept = self._connection is not None
        if kept and method != "GET":
            self.close()
        try:
            return self._send(method, target, data, kind)
        except ConnectionError:
            if not kept or method != "GET":
                raise
            self.close()
            return self._send(method, target, data, kind)

    def _send(self, method: Method, target: str, data: bytes | None, kind: str) -> tuple[HTTPResponse, bytes]:
        connection = self._connected()
        headers = {"Accept": "application/json", **self._authorization}
        if data is not None:
            headers["Content-Type"] = kind
        connection.request(method, target, data, headers)
        response = connection.getresponse()
        return response, response.read()

    def _connected(self) -> HTTPConnection:
        if self._connection is None:
            try:
                self._connection = self._over_socket() or self._over_tcp()
            except TimeoutError:
                raise
            except OSError as error:
                raise DaemonNotRunning(self.address) from error
        return self._connection

    def _over_socket(self) -> HTTPConnection | None:
        """None where there is no unix socket, or it cannot be used: a sandbox may hide it."""
        if self._socket is None:
            return None
        import socket
        from http.client import HTTPConnection

        connection = HTTPConnection(self._host, self._port, timeout=self._timeout)
        end = socket.socket(socket.AF_UNIX)
        try:
            end.settimeout(self._timeout)
            end.connect(self._socket)
        except TimeoutError:
            end.close()
            raise
        except OSError:
            end.close()
            return None
        connection.sock = end
        return connection

    def _over_tcp(self) -> HTTPConnection:
        from http.client import HTTPConnection

        connection = HTTPConnection(self._host, self._port, timeout=self._timeout)
        connection.connect()
        return connection

    def _broken_off(self, error: Exception) -> UnavailableError:
        message = f"timbred at {self.address} broke off its answer ({type(error).__name__})"
        return UnavailableError(message, code="unexpected_answer")


def check_address(address: str) -> tuple[str, int]:
    """Its host and port; ValueError unless it is ``http://HOST:PORT``."""
    from urllib.parse import urlsplit

    parts = urlsplit(address)
    if parts.scheme != "http" or parts.hostname is None or parts.port is None or parts.path:
        raise ValueError(f"not an address of the form http://HOST:PORT: {address!r}")
    return parts.hostname, parts.port


def _query(parameters: Parameters | None) -> str:
    from urllib.parse import urlencode

    given = {name: value for name, value in (parameters or {}).items() if value is not None}
    return f"?{urlencode(given)}" if given else ""


def read_answer(status: int, reason: str, content: bytes) -> JsonObject:
    """An answer's document; ProblemError where it is a refusal, UnavailableError where it is not timbred's."""
    import json

    try:
        answer: object = json.loads(content) if content else {}
    except ValueError as error:
        if status >= 400:
            raise ProblemError(status, f"http_{status}", reason, reason) from error
        raise not_timbred() from error
    if not isinstance(answer, dict):
        raise not_timbred()
    document = cast("JsonObject", answer)
    if status >= 400:
        title = str(document.get("title") or reason)
        code = str(document.get("code") or f"http_{status}")
        raise ProblemError(status, code, title, str(document.get("detail") or title))
    return document


def not_timbred() -> UnavailableError:
    """The error for what another program may have answered."""
    return UnavailableError("what answers at this address is not timbred", code="unexpected_answer")
