"""How much work may be done now: the user's pause, quiet hours, battery and what else the machine has to do. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from timbred_daemon.config_manners import OnBattery, QuietHours
from timbred_indexer.store.pausing import Pause


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that matter here; ``workers``: how many work side by side when nothing speaks against it."""

    workers: int
    on_battery: OnBattery = "slow"
    quiet_hours: QuietHours | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """What the machine says.

    Attributes:
        now: local time, with its zone.
        battery: it runs on its battery.
        others: how many processors programs other than timbred keep busy.
    """

    now: datetime
    battery: bool
    others: float
    cores: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may be done.

    Attributes:
        workers: side by side; 0: none, all work rests.
        reason: why not more, as a sentence; None when nothing is in the way.
        until: Unix time at which a rest ends by itself, where that is known.
    """

    workers: int
    reason: str | None = None
    until: float | None = None

    @property
    def resting(self) -> bool:
        return self.workers == 0


def allow(rules: Rules, pause: Pause | None, moment: Moment) -> Allowance:
    """What the rules say of the moment: what forbids work comes before what slows it down."""
    now = moment.now.timestamp()
    if pause is not None and (pause.until is None or now < pause.until):
        return Allowance(0, "Paused by `timbred pause`; `timbred resume` ends it.", pause.until)
    if (end := _end_of_quiet(rules.quiet_hours, moment.now)) is not None:
        return Allowance(0, f"Paused for the quiet hours, until {end:%H:%M}.", end.timestamp())
    if moment.battery and rules.on_battery == "pause":
        return Allowance(0, "Paused: this machine runs on its battery.")
    if moment.battery and rules.on_battery == "slow" and rules.workers > 1:
        return Allowance(1, "One file at a time: this machine runs on its battery.")
    left = max(1, round(moment.cores - moment.others))
    if left < rules.workers:
        return Allowance(left, f"{left} at a time instead of {rules.workers}: this machine has other work to do.")
    return Allowance(rules.workers)


def _end_of_quiet(hours: QuietHours | None, now: datetime) -> datetime | None:
    """When the quiet hours that it is now are over; None outside them."""
    if hours is None:
        return None
    minute = 60 * now.hour + now.minute
    length = (hours.end - hours.begin) % (24 * 60)
    since = (minute - hours.begin) % (24 * 60)
    if since >= length:
        return None
    return now.replace(second=0, microsecond=0) + timedelta(minutes=length - since)
