"""Whether this is a moment for heavy work, as the system's files tell it."""

from __future__ import annotations

from pathlib import Path

import pytest

from timbred_daemon import moments


def supply(top: Path, name: str, **said: str) -> None:
    (top / name).mkdir()
    for what, text in said.items():
        (top / name / what).write_text(f"{text}\n")


def test_a_machine_without_a_battery_has_power(tmp_path: Path) -> None:
    supply(tmp_path, "AC", type="Mains", online="1")
    assert not moments.on_battery(str(tmp_path))
    assert not moments.on_battery(str(tmp_path / "absent"))


@pytest.mark.parametrize(("status", "drains"), [("Discharging", True), ("Charging", False), ("Full", False)])
def test_a_battery_that_drains_is_battery_power(tmp_path: Path, status: str, drains: bool) -> None:
    supply(tmp_path, "BAT0", type="Battery", status=status)
    assert moments.on_battery(str(tmp_path)) is drains


def test_the_battery_of_a_mouse_is_not_the_machine_s(tmp_path: Path) -> None:
    supply(tmp_path, "hidpp", type="Battery", status="Discharging", scope="Device")
    assert not moments.on_battery(str(tmp_path))


@pytest.mark.parametrize(("load", "cores", "busy"), [(0.2, 2, False), (1.4, 2, False), (1.6, 2, True), (0.9, 1, False)])
def test_a_machine_is_busy_when_no_core_is_to_spare(load: float, cores: int, busy: bool) -> None:
    assert moments.is_busy(load, cores) is busy


def test_a_battery_is_no_good_moment(tmp_path: Path) -> None:
    supply(tmp_path, "BAT0", type="Battery", status="Discharging")
    assert not moments.is_good(str(tmp_path))
