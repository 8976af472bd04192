"""The files and steps that make timbred a service: rendered, compared with the copies that ship, taken, shown."""

from __future__ import annotations

import plistlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from timbred_daemon.cli import main
from timbred_daemon.service import Launchd, Manager, Systemd, shield, version_number
from timbred_daemon.service_launchd import agent
from timbred_daemon.service_steps import MakeFolder, RemoveFile, Run, WriteFile, shown, take
from timbred_daemon.service_units import Job, system_unit, user_unit
from timbred_indexer.errors import StorageError, UnavailableError

ROOT = Path(__file__).parents[2]
JOB = Job(("/home/me/.local/bin/timbred",), "/home/me")
SYSTEM_JOB = Job(("/usr/local/bin/timbred",), "/root", run_as="me")
MAC_JOB = Job(("/Users/me/.local/bin/timbred",), "/Users/me")
MANAGERS: list[Manager] = [Systemd("/units"), Systemd("/units", system=True), Launchd("/Users/me", 501)]
SHIPPED = {
    "systemd/user/timbred.service": user_unit(JOB),
    "systemd/system/timbred.service": system_unit(SYSTEM_JOB),
    "launchd/timbred.plist": agent(MAC_JOB),
}
SHOWN = """ActiveState=active\nSubState=running\nStatusText=Indexed 5 of 5 files.\nMainPID=12\nNRestarts=1
MemoryCurrent=52428800\nUnitFileState=enabled\nActiveEnterTimestamp=Mon 2026-11-23 01:35:59 UTC\n"""
PRINTED = """gui/501/timbred = {\n\tactive count = 1\n\tstate = running\n\tpid = 12\n\tlast exit code = (never exited)
\tendpoints = {\n\t\tstate = waiting\n\t}\n}\n"""


def lines(unit: str, key: str) -> list[str]:
    return [line.removeprefix(f"{key}=") for line in unit.splitlines() if line.startswith(f"{key}=")]


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_copies_are_what_is_rendered(name: str) -> None:
    assert (ROOT / name).read_text("utf-8") == SHIPPED[name]


@pytest.mark.parametrize("unit", [user_unit(JOB), system_unit(SYSTEM_JOB)], ids=["user", "system"])
def test_every_line_of_the_sandbox_stands_below_a_reason(unit: str) -> None:
    for block in unit.split("\n\n")[2:-1]:
        assert block.startswith("#"), block


def test_white_space_percent_signs_and_dollars_in_paths_mean_themselves() -> None:
    job = Job(("/opt/a b/100%/timbred",), "/home/me", data_dir="/data/$x 'y'", config='/etc/50% "z".toml')
    unit = user_unit(job)
    assert lines(unit, "ExecStart") == ['"/opt/a b/100%%/timbred" run --data-dir "/data/$$x \'y\'"']
    assert lines(unit, "ReadWritePaths") == ["\"-/data/$x 'y'\""]
    assert '"TIMBRED_CONFIG=/etc/50%% \\"z\\".toml"' in lines(unit, "Environment")


def test_a_users_unit_follows_the_home_folder_and_the_machines_does_not() -> None:
    job = replace(JOB, data_dir="/home/me/sound data", listen="127.0.0.1:9")
    assert lines(user_unit(job), "ExecStart") == [
        '%h/.local/bin/timbred run --data-dir "%h/sound data" --listen 127.0.0.1:9'
    ]
    alike = Job(("/root/bin/timbred",), "/root", run_as="me")
    assert lines(system_unit(alike), "ExecStart") == ["/root/bin/timbred run"]


@pytest.mark.parametrize(
    ("version", "kind", "steps"), [(252, "notify", []), (253, "notify-reload", []), (254, "notify-reload", ["6"])]
)
def test_newer_systemds_reload_and_back_off_by_themselves(version: int, kind: str, steps: list[str]) -> None:
    unit = user_unit(replace(JOB, systemd=version))
    assert (lines(unit, "Type"), lines(unit, "RestartSteps")) == ([kind], steps)
    assert bool(lines(unit, "ExecReload")) == (kind == "notify")


@pytest.mark.parametrize(
    ("said", "number"), [("252.39-1~deb12u2\n", 252), ("255", 255), ("v256.7", 256), ("systemd", 252)]
)
def test_the_version_of_systemd_is_its_first_number(said: str, number: int) -> None:
    assert version_number(said) == number


def test_the_agent_is_a_property_list_with_launchds_keys() -> None:
    job = replace(MAC_JOB, data_dir="/Volumes/a & b", config="/Users/me/<x>.toml")
    keys = plistlib.loads(agent(job).encode())
    assert keys["ProgramArguments"] == ["/Users/me/.local/bin/timbred", "run", "--data-dir", "/Volumes/a & b"]
    assert keys["EnvironmentVariables"] == {"TIMBRED_CONFIG": "/Users/me/<x>.toml"}
    assert (keys["KeepAlive"], keys["RunAtLoad"]) == ({"SuccessfulExit": False}, True)


@pytest.mark.parametrize("manager", MANAGERS, ids=["user", "system", "launchd"])
def test_an_unchanged_service_is_not_written_or_restarted(manager: Manager) -> None:
    steps = manager.install("text", "text", ())
    commands = [" ".join(step.command) for step in steps if isinstance(step, Run)]
    assert not any(isinstance(step, WriteFile) for step in steps)
    assert not [command for command in commands if " restart" in command or "bootout" in command]


@pytest.mark.parametrize("manager", MANAGERS, ids=["user", "system", "launchd"])
def test_a_changed_service_is_written_before_it_is_started_anew(manager: Manager) -> None:
    steps = manager.install("new", "old", ("/data",))
    assert steps[0] == MakeFolder("/data")
    written = steps.index(WriteFile(manager.path, "new"))
    assert isinstance(last := steps[-1], Run)
    assert last.required
    assert written < len(steps) - 1


def test_the_state_of_a_unit_is_read() -> None:
    state = Systemd("/units").state(SHOWN)
    assert (state.running, state.pid) == (True, 12)
    assert state.facts["doing"] == "Indexed 5 of 5 files."
    assert state.facts["memory"] == "52 MB"


PLAIN = b"22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
SHIELDED = b"22 1 254:0 / / ro,relatime - ext4 /dev/vda rw\n30 22 254:0 /home /home ro,relatime - ext4 /dev/vda rw\n"
IMMUTABLE = b"22 1 254:0 / / ro - erofs /dev/vda ro\n30 22 254:1 / /home rw,relatime - ext4 /dev/vdb rw\n"


@pytest.mark.parametrize(
    ("mountinfo", "said"),
    [
        (SHIELDED, {"files": "read-only to it, but for its own data"}),
        (PLAIN, {"files": "as open to it as to its user: systemd could not shield them"}),
        (IMMUTABLE, {"files": "as open to it as to its user: systemd could not shield them"}),
        (b"", {}),
    ],
)
def test_it_is_said_whether_systemd_keeps_the_service_from_changing_files(
    mountinfo: bytes, said: dict[str, str]
) -> None:
    assert shield(mountinfo, b"/home/me") == said


def test_a_unit_that_is_not_there_does_not_run() -> None:
    state = Systemd("/units").state("ActiveState=inactive\nSubState=dead\nMainPID=0\nMemoryCurrent=[not set]\n")
    assert (state.running, state.pid) == (False, None)
    assert "pid" not in state.facts


def test_the_state_of_an_agent_is_read() -> None:
    state = Launchd("/Users/me", 501).state(PRINTED)
    assert (state.running, state.pid, state.facts["state"]) == (True, 12, "running")
    assert not Launchd("/Users/me", 501).state("Could not find service").running


def test_logs_are_asked_of_the_right_journal() -> None:
    assert "--user-unit" in Systemd("/units").logs(5, follow=False)
    assert Systemd("/units", system=True).logs(5, follow=True)[1::4] == ("--unit", "--lines=5")


def test_steps_are_taken_and_can_be_taken_again(tmp_path: Path) -> None:
    file = tmp_path / "a" / "unit"
    steps = [MakeFolder(str(tmp_path / "data")), WriteFile(str(file), "text\n"), Run(("false",), required=False)]
    for _ in range(2):
        take(steps)
        assert (file.read_text(), (tmp_path / "data").stat().st_mode & 0o777) == ("text\n", 0o700)
        take([RemoveFile(str(file)), RemoveFile(str(file))])
    assert list(file.parent.iterdir()) == []


def test_a_required_command_that_fails_or_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="ls"):
        take([Run(("ls", str(tmp_path / "nothing")))])
    with pytest.raises(UnavailableError, match="no-such-command"):
        take([Run(("no-such-command",), required=False)])


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        take([WriteFile(str(tmp_path / "file" / "unit"), "")])


def test_steps_are_shown_as_a_shell_would_take_them() -> None:
    said = [shown(step) for step in Systemd("/my units").install("[Unit]\n", None, ("/a b",))]
    assert said[:2] == ["mkdir -p '/a b'", "cat > '/my units/timbred.service' <<'END'\n[Unit]\nEND"]
    assert "systemctl --user --quiet enable timbred.service" in said
    assert shown(RemoveFile("/x")) == "rm -f /x"


@pytest.mark.skipif(sys.platform != "linux", reason="systemd")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["install", "--run-as", "me"], "--run-as goes with --system"),
        (["install", "--system", "--data-dir", "/x"], "/var/lib/timbred"),
        (["install", "--listen", "0.0.0.0:1"], "loopback"),
    ],
)
def test_a_contradiction_is_wrong_usage(words: list[str], says: str) -> None:
    ended = CliRunner().invoke(main, ["service", *words, "--dry-run"])
    assert (ended.exit_code, says in ended.stderr) == (2, True)


@pytest.mark.skipif(sys.platform != "linux", reason="systemd")
def test_a_machine_without_systemd_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = CliRunner().invoke(main, ["service", "install"])
    assert (ended.exit_code, "timbred run" in ended.stderr) == (1, True)


@pytest.mark.skipif(sys.platform != "linux", reason="systemd")
def test_a_service_that_is_not_installed_has_no_status(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "systemctl").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    ended = CliRunner().invoke(main, ["service", "status"])
    assert (ended.exit_code, "service install" in ended.stderr) == (3, True)
