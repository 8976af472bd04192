"""What each request is called, in answers and in the log."""

from __future__ import annotations

import itertools
import re
import secrets
from dataclasses import dataclass
from typing import Final

_SANE: Final = re.compile(r"[A-Za-z0-9._:@+/=-]{1,128}")


@dataclass(slots=True)
class Trace:
    """One request.

    Attributes:
        began: by the clock of ``time.perf_counter``.
        answering: the head of its answer is out.
    """

    id: str
    began: float
    answering: bool = False


class RequestIds:
    """A caller's own name for a request where it gives one, else a number that no other start of timbred gives."""

    def __init__(self) -> None:
        self._boot = secrets.token_hex(4)
        self._numbers = itertools.count(1)

    def of(self, given: str | None) -> str:
        if given is not None and _SANE.fullmatch(given):
            return given
        return f"{self._boot}-{next(self._numbers)}"
