"""The settings that say when timbred holds back: quiet hours, and what it does on battery. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from timbred_daemon.config_values import Complaint, Parsed, wrong_type

OnBattery = Literal["pause", "slow", "full"]
ON_BATTERY: Final[tuple[OnBattery, ...]] = ("pause", "slow", "full")

_HOURS = re.compile(r"(\d{1,2}):(\d\d)\s*[-–]\s*(\d{1,2}):(\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Minutes of the local day: from ``begin``, up to and without ``end``, which may lie on the next day."""

    begin: int
    end: int

    def __str__(self) -> str:
        return f"{_clock(self.begin)}-{_clock(self.end)}"


def parse_quiet_hours(key: str, value: object) -> Parsed[QuietHours]:
    """``"22:00-07:00"``, in local time. Twice the same time would say nothing."""
    example = '"22:00-07:00"'
    if not isinstance(value, str):
        return Parsed(None, (wrong_type(key, f"text such as {example}", value),))
    match = _HOURS.fullmatch(value.strip())
    begin, end = (_minutes(match[1], match[2]), _minutes(match[3], match[4])) if match else (None, None)
    if begin is None or end is None:
        return Parsed(None, (Complaint(key, f"{key} must be two times of day such as {example}, not {value!r}"),))
    if begin == end:
        return Parsed(None, (Complaint(key, f"{key} begins and ends at {_clock(begin)}; leave it out for none"),))
    return Parsed(QuietHours(begin, end))


def _minutes(hour: str, minute: str) -> int | None:
    return 60 * int(hour) + int(minute) if int(hour) < 24 and int(minute) < 60 else None


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
