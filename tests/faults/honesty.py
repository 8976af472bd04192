"""Whether what the daemon says of itself adds up at every moment, and is the same wherever it says it."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeAlias
from urllib.parse import urlsplit
from urllib.request import urlopen

from daemon_process import Daemon, wait_for

from timbred_api.client import Client, JsonObject

COUNTS = ("found", "indexed", "failed", "pending", "missing", "offline")

Said: TypeAlias = tuple[JsonObject, list[JsonObject]]
"""The counts of all files, and of those of each folder."""


class Honesty:
    """What was said, until the body is done: every answer has been checked."""

    def __init__(self, daemon: Daemon) -> None:
        self._address = daemon.client.address
        self.answers = self.events = self.scrapes = 0
        self.last_event: Said | None = None
        self.problems: list[str] = []
        self.over = threading.Event()

    def ask(self) -> None:
        """The status, and the metrics: of one state of the database, they say the same."""
        with Client(self._address) as client:
            while not self.over.is_set():
                before, metrics, after = client.get("/v1/status"), scraped(self._address), client.get("/v1/status")
                self._check(before)
                self._check(after)
                self.answers += 2
                if before["seq"] == after["seq"]:
                    self.scrapes += 1
                    self._expect(metrics == in_metrics(after), f"{metrics} in /metrics, {after['files']} in the status")

    def follow(self, connection: http.client.HTTPConnection) -> None:
        """The events, until the connection is cut."""
        connection.request("GET", "/v1/events")
        kind = b""
        for line in connection.getresponse():
            name, _, value = line.strip().partition(b": ")
            kind = value if name == b"event" else kind
            if name == b"data" and kind == b"status":
                status = json.loads(value)
                self._check(status)
                self.events += 1
                self.last_event = facts(status)

    def _check(self, status: JsonObject) -> None:
        total, folders = facts(status)
        for files in (total, *folders):
            self._expect(files["found"] == files["indexed"] + files["failed"] + files["pending"], f"{files}")
        added = {name: sum(files[name] for files in folders) for name in COUNTS}
        self._expect(added == total, f"the folders are {added}, all together {total}")

    def _expect(self, holds: bool, what: str) -> None:
        if not holds:
            self.problems.append(what)


def facts(status: JsonObject) -> Said:
    return status["files"], [folder["files"] for folder in status["folders"]]


def in_metrics(status: JsonObject) -> dict[str, int]:
    return {name: status["files"][name] for name in COUNTS if name != "found"}


def scraped(address: str) -> dict[str, int]:
    """Files by state, as Prometheus reads them."""
    with urlopen(f"{address}/metrics") as answer:
        lines = re.findall(r'^timbred_files\{state="(\w+)"\} (\S+)$', answer.read().decode(), re.MULTILINE)
    return {state: int(float(count)) for state, count in lines}


@contextmanager
def questioned(daemon: Daemon) -> Generator[Honesty]:
    """The status, the metrics and the events are read until the body is done. None may ever be wrong."""
    honesty = Honesty(daemon)
    connection = http.client.HTTPConnection(urlsplit(daemon.client.address).netloc)
    connection.connect()
    readers: list[Callable[[], None]] = [honesty.ask, lambda: honesty.follow(connection)]
    threads = [threading.Thread(target=reader) for reader in readers]
    for thread in threads:
        thread.start()
    try:
        yield honesty
        wait_for(lambda: min(honesty.answers, honesty.events, honesty.scrapes))
    finally:
        honesty.over.set()
        connection.sock.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        connection.close()
    assert honesty.problems == []
