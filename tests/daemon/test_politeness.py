"""How much may be done: pause, quiet hours, battery, load; and the settings that say so."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from timbred_daemon.config_manners import QuietHours, parse_quiet_hours
from timbred_daemon.politeness import Allowance, Moment, Rules, allow
from timbred_indexer.store.pausing import Pause

NIGHT = QuietHours(22 * 60, 7 * 60)


def at(hour: int, minute: int = 0, *, battery: bool = False, others: float = 0.0, cores: int = 8) -> Moment:
    return Moment(datetime(2026, 3, 1, hour, minute, tzinfo=UTC), battery, others, cores)


def test_nothing_in_the_way_lets_all_workers_work() -> None:
    assert allow(Rules(4), None, at(12)) == Allowance(4)


@pytest.mark.parametrize(("until", "resting"), [(None, True), (at(12).now.timestamp() + 1, True), (1.0, False)])
def test_a_pause_lasts_until_its_time_or_for_ever(until: float | None, resting: bool) -> None:
    assert allow(Rules(4), Pause(until), at(12)).resting is resting


@pytest.mark.parametrize(
    ("hour", "minute", "resting"), [(21, 59, False), (22, 0, True), (23, 59, True), (6, 59, True), (7, 0, False)]
)
def test_quiet_hours_may_span_midnight(hour: int, minute: int, resting: bool) -> None:
    assert allow(Rules(4, quiet_hours=NIGHT), None, at(hour, minute)).resting is resting


def test_quiet_hours_say_when_they_end() -> None:
    allowance = allow(Rules(4, quiet_hours=NIGHT), None, at(23, 30))
    assert allowance.until == datetime(2026, 3, 2, 7, 0, tzinfo=UTC).timestamp()
    assert "07:00" in (allowance.reason or "")


def test_quiet_hours_of_one_day_end_the_same_day() -> None:
    noon = Rules(4, quiet_hours=QuietHours(12 * 60, 13 * 60))
    assert [allow(noon, None, at(hour)).resting for hour in (11, 12, 13)] == [False, True, False]


@pytest.mark.parametrize(("rule", "workers"), [("pause", 0), ("slow", 1), ("full", 4)])
def test_a_battery_is_spared_as_the_settings_say(rule: str, workers: int) -> None:
    rules = {"pause": Rules(4, "pause"), "slow": Rules(4, "slow"), "full": Rules(4, "full")}[rule]
    assert allow(rules, None, at(12, battery=True)).workers == workers


@pytest.mark.parametrize(("others", "workers"), [(0.0, 4), (3.9, 4), (5.0, 3), (7.6, 1), (50.0, 1)])
def test_other_programs_leave_fewer_workers_but_never_none(others: float, workers: int) -> None:
    assert allow(Rules(4), None, at(12, others=others)).workers == workers


def test_whatever_is_less_than_usual_has_a_reason() -> None:
    moments = [at(12, battery=True), at(23), at(12, others=9.0)]
    allowances = [allow(Rules(4, quiet_hours=NIGHT), None, moment) for moment in moments]
    assert all(one.reason and one.reason.endswith(".") for one in allowances)


@pytest.mark.parametrize(("text", "shown"), [("22:00-07:00", "22:00-07:00"), (" 9:05 – 17:30 ", "09:05-17:30")])
def test_quiet_hours_are_read_and_shown(text: str, shown: str) -> None:
    assert str(parse_quiet_hours("quiet_hours", text).value) == shown


@pytest.mark.parametrize("value", ["22-07", "25:00-07:00", "22:60-07:00", "08:00-08:00", "", 22, None])
def test_what_are_no_quiet_hours_is_refused_with_a_sentence(value: object) -> None:
    parsed = parse_quiet_hours("quiet_hours", value)
    assert parsed.value is None
    assert "quiet_hours" in parsed.complaints[0].message
