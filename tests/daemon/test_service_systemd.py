"""timbred as a service of a real systemd, in a machine of its own that ``$TIMBRED_SYSTEMD_BOX COMMAND…`` boots."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BOX = os.environ.get("TIMBRED_SYSTEMD_BOX", "")
HERE = Path(__file__).parent

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BOX, reason="TIMBRED_SYSTEMD_BOX names no command that boots a systemd"),
]


@pytest.fixture(scope="module", params=["user", "system"])
def seen(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """What ``in_systemd`` saw of one life, as root's own service and as the machine's."""
    kind: str = request.param
    command = ["env", f"PYTHONPATH={HERE}:{HERE.parent}", sys.executable, str(HERE / "in_systemd.py"), kind]
    ran = subprocess.run([BOX, *command], capture_output=True, text=True, timeout=600, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return kind, json.loads(ran.stdout.splitlines()[-1])


def test_it_is_installed_active_and_answers(seen: tuple[str, dict[str, Any]]) -> None:
    kind, life = seen
    assert life["install"][0] == 0, life["install"]
    assert life["state"] == "active"
    assert life["status"] == [0, True, "read-only to it, but for its own data"]
    assert life["user"] == ("root" if kind == "user" else "alice")


def test_installing_it_again_restarts_nothing(seen: tuple[str, dict[str, Any]]) -> None:
    assert seen[1]["again"] == [0, True]


def test_a_new_file_is_indexed_inside_the_sandbox(seen: tuple[str, dict[str, Any]]) -> None:
    life = seen[1]
    assert life["kept ids"]
    assert life["status line"].startswith("Indexed 5 of 5 files")


def test_only_the_data_folder_can_be_written(seen: tuple[str, dict[str, Any]]) -> None:
    kind, life = seen
    assert life["writable"] == ["/root/.local/share/timbred" if kind == "user" else "/var/lib/timbred"]


def test_workers_confine_themselves_inside_the_sandbox(seen: tuple[str, dict[str, Any]]) -> None:
    assert seen[1]["confined"] == [0, ""]


def test_what_numba_compiled_once_is_kept_for_later_workers(seen: tuple[str, dict[str, Any]]) -> None:
    assert seen[1]["compiled once"]


def test_after_kill_9_it_is_started_again_and_nothing_is_lost(seen: tuple[str, dict[str, Any]]) -> None:
    assert (seen[1]["after kill -9"], seen[1]["analysed again"]) == (True, 0)


def test_a_hung_loop_is_ended_by_the_watchdog_and_started_again(seen: tuple[str, dict[str, Any]]) -> None:
    assert seen[1]["after a hang"]
    assert seen[1]["log"] == [0, True, True]


def test_a_reload_takes_over_new_folders(seen: tuple[str, dict[str, Any]]) -> None:
    assert (seen[1]["reload"], seen[1]["after reload"]) == (0, 6)


def test_it_stops_cleanly(seen: tuple[str, dict[str, Any]]) -> None:
    assert seen[1]["stop"] == [0, "success"]
    assert seen[1]["stopped status"] == 3


def test_systemd_finds_nothing_wrong_with_the_unit(seen: tuple[str, dict[str, Any]]) -> None:
    assert seen[1]["verify"] == [0, ""]


def test_the_machines_service_is_hardly_exposed(seen: tuple[str, dict[str, Any]]) -> None:
    kind, life = seen
    assert kind == "user" or life["exposure"] <= 2.5


def test_uninstalling_leaves_the_data_alone_and_can_be_repeated(seen: tuple[str, dict[str, Any]]) -> None:
    assert seen[1]["uninstall"] == [0, False, True]
    assert seen[1]["uninstall again"] == 0
