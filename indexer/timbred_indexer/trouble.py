"""Our own storage in trouble, as one part of the daemon sees it: what to say, and how long until the next try."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from timbred_indexer.errors import TimbredError
from timbred_indexer.model import Seconds

FIRST_WAIT = 0.5  # seconds; a glitch is over at once


class Trouble:
    """Begins with the first error, ends with :meth:`over`.

    Args:
        logger: of the part it is about.
        what: begins the sentence: ``Indexing is paused``.
        longest: seconds to wait at most.
        clock: monotonic seconds.
    """

    def __init__(
        self, logger: logging.Logger, what: str, *, longest: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._logger = logger
        self._what = what
        self._longest = longest
        self._clock = clock
        self._since: float | None = None
        self._message = ""

    @property
    def notes(self) -> tuple[str, ...]:
        """The sentence for the status, if there is trouble."""
        return () if self._since is None else (f"{self._what}: {self._message}",)

    def met(self, error: TimbredError) -> Seconds:
        """Takes the error down, and says it once. Returns how long to wait: as long as it has lasted, within bounds."""
        now = self._clock()
        if self._since is None or error.message != self._message:
            self._logger.error("%s: %s", self._what, error.message)
        self._since = now if self._since is None else self._since
        self._message = error.message
        return Seconds(min(self._longest, max(FIRST_WAIT, now - self._since)))

    def over(self) -> None:
        """What was tried worked."""
        if self._since is not None:
            self._logger.info("No longer so: %s.", self._what)
        self._since = None
