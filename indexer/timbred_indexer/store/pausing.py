"""Whether the user has told timbred to leave its work, and until when: kept over a restart."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass

_KEY = "paused_until"  # 0: until told otherwise


@dataclass(frozen=True, slots=True)
class Pause:
    """``until``: Unix time at which the work goes on by itself; None: it does not."""

    until: float | None


def read(connection: sqlite3.Connection) -> Pause | None:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (_KEY,)).fetchone()
    return None if row is None else Pause(float(row[0]) or None)


def save(connection: sqlite3.Connection, pause: Pause | None) -> None:
    if pause is None:
        connection.execute("DELETE FROM meta WHERE key = ?", (_KEY,))
        return
    value = 0 if pause.until is None else math.ceil(pause.until)
    connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (_KEY, value))
