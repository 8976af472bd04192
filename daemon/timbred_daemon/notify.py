"""What a service manager is told: readiness, progress, reloads, the end, and that the event loop still turns.

Speaks sd_notify(3): datagrams to ``$NOTIFY_SOCKET``. Started by hand or by launchd there is none, and nothing is said.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import socket
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from timbred_daemon.tasks import background
from timbred_indexer.model import Seconds

logger = logging.getLogger(__name__)

_LONGEST_REPAIR: Final = Seconds(900)
_LONGEST_STATUS: Final = 500  # characters; `systemctl status` shows one line


class ServiceManager:
    """The one that started this process, if any did. Nothing here raises or waits: the daemon's work comes first."""

    def __init__(self, notify_socket: str = "", watchdog: Seconds | None = None) -> None:
        """
        Args:
            notify_socket: a path, or ``@`` and an abstract name; empty when nobody listens.
            watchdog: how long it waits for a sign of life before it ends this process; None: for ever.
        """
        self._address = f"\0{notify_socket[1:]}" if notify_socket.startswith("@") else notify_socket
        self.watchdog = watchdog
        self._said = ""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> ServiceManager:
        """As the environment says; a watchdog that is meant for another process (``WATCHDOG_PID``) is not ours."""
        ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = environ.get("WATCHDOG_USEC", "") if ours else ""
        watchdog = Seconds(int(microseconds) / 1e6) if microseconds.isdecimal() and int(microseconds) else None
        return cls(environ.get("NOTIFY_SOCKET", ""), watchdog)

    def ready(self) -> None:
        """The API answers, or the settings were read again."""
        self._send("READY=1")

    def status(self, sentence: str) -> None:
        """What ``systemctl status`` shows; said only when it changes."""
        line = " ".join(sentence.split())[:_LONGEST_STATUS]
        if line != self._said:
            self._said = line
            self._send(f"STATUS={line}")

    def reloading(self) -> None:
        """The settings are being read again; ``ready`` ends it."""
        # The manager compares this moment with that of its own signal.
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        self._send("STOPPING=1\nSTATUS=Stopping.")

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    @asynccontextmanager
    async def watched(self) -> AsyncGenerator[None]:
        """Inside, the event loop shows that it turns, at half of the watchdog's time; it costs nothing without one.

        A loop that hangs is ended with SIGABRT: the journal then has where every thread was. After it, there may be a
        damaged database to replace, without a loop, before the next one: that is given time.
        """
        if self.watchdog is None or not self._address:
            yield
            return
        faulthandler.enable()
        self._give(self.watchdog)
        try:
            async with background(self._show_life(self.watchdog / 2)):
                yield
        finally:
            self._give(_LONGEST_REPAIR)
            faulthandler.disable()

    def _give(self, patience: Seconds) -> None:
        self._send(f"WATCHDOG_USEC={round(patience * 1e6)}")

    async def _show_life(self, every: float) -> None:
        while True:
            self.alive()
            await asyncio.sleep(every)

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto(message.encode("utf-8", "replace"), self._address)
        except OSError as error:
            logger.debug("The service manager cannot be told: %s", error)
