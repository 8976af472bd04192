"""What ``test_service_systemd`` runs inside a machine with a real systemd: takes timbred through a service's life.

    python in_systemd.py user|system

Prints one JSON object: what was seen, by name. The machine is thrown away afterwards, so this may change its files.
Needs root. ``user`` is root's own service manager, ``system`` the machine's with a service for the user ``alice``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from daemon_process import wait_for
from tones import write_tone

TIMBRED = str(Path(sys.executable).parent / "timbred")
UNIT = "timbred.service"
SOUNDS = 4
QUICK_WATCHDOG = "[Service]\nWatchdogSec=4s\nTimeoutAbortSec=2s\n"  # what ships would take minutes
LISTEN = "127.0.0.1:18462"


class Machine:
    """One service on it: root's own, or the machine's that runs as alice."""

    def __init__(self, system: bool) -> None:
        self.flags = ["--system"] if system else []
        self.systemctl = ["systemctl"] if system else ["systemctl", "--user"]
        self.home = Path("/home/alice" if system else "/root")
        self.folder = self.home / "Samples"
        self.data = Path("/var/lib/timbred") if system else self.home / ".local/share/timbred"
        self.settings = Path("/etc/timbred" if system else "/root/.config/timbred") / "config.toml"
        self.unit = Path("/etc/systemd/system" if system else "/root/.config/systemd/user") / UNIT
        self.compiled = Path("/var/cache/timbred/numba" if system else "/root/.cache/timbred/numba")
        self.asker = ["runuser", "-u", "alice", "--", "env", "HOME=/home/alice"] if system else []

    def prepare(self) -> None:
        """A library and settings; nothing of what this machine knew before."""
        if self.asker:
            subprocess.run(["useradd", "--create-home", "alice"], check=True)
            for place in (
                sys.executable,
                os.path.realpath(sys.executable),
                __file__,
            ):  # below root's home, or a private one
                for parent in Path(place).parents:
                    parent.chmod(parent.stat().st_mode | 0o011)
        shutil.rmtree(self.data, ignore_errors=True)
        for number in range(SOUNDS):
            write_tone(self.folder / f"{number}.wav", 220.0 + 60 * number)
        self.settings.parent.mkdir(parents=True, exist_ok=True)
        self.settings.write_text(f"folders = ['{self.folder}']\nquiet = 0.05\n")
        if self.asker:
            subprocess.run(["chown", "-R", "alice", self.home], check=True)
            self.folder.chmod(0o700)

    def service(self, *words: str) -> subprocess.CompletedProcess[str]:
        return run([TIMBRED, "service", *words, *self.flags])

    def show(self, name: str) -> str:
        return run([*self.systemctl, "show", UNIT, f"--property={name}", "--value"]).stdout.strip()

    @property
    def pid(self) -> int:
        pid = int(self.show("MainPID"))
        assert pid, "the service does not run"
        return pid

    def ask(self, *words: str) -> str:
        """What a command prints; nothing while it fails."""
        asked = run([*self.asker, TIMBRED, *words, "--listen", LISTEN])
        return "" if asked.returncode else asked.stdout

    def indexed(self) -> dict[str, str]:
        """Name → id of every sound that is found now."""
        rows = json.loads(self.ask("sounds", "--json") or '{"results": []}')["results"]
        return {Path(row["paths"][0]).name: str(row["sound_id"]) for row in rows if row["paths"]}

    def settled(self, count: int) -> dict[str, str]:
        return wait_for(lambda: found if len(found := self.indexed()) == count else None, 240)

    def restarted(self, times: int) -> bool:
        return wait_for(lambda: self.show("NRestarts") == str(times) and self.show("ActiveState") == "active", 60)

    def compilations(self) -> dict[str, int]:
        """What Numba keeps, each with the time at which it was made."""
        kept = (path for path in self.compiled.rglob("*") if path.is_file())
        return {path.name: path.stat().st_mtime_ns for path in kept}

    def confined(self) -> tuple[int, str]:
        """What comes of a worker's ``confine`` inside the same sandbox."""
        probe = self.unit.with_name("confined.service")
        code = "import sys; from timbred_indexer.confine import confine; sys.exit(not confine())"
        kept = (line for line in self.unit.read_text().splitlines() if not line.startswith(("Restart", "Watchdog")))
        text = re.sub("(?m)^Type=.*", "Type=oneshot", "\n".join(kept))
        probe.write_text(re.sub("(?m)^ExecStart=.*", f"ExecStart={sys.executable} -P -c '{code}'", text))
        run([*self.systemctl, "daemon-reload"])
        started = run([*self.systemctl, "start", probe.name])
        return started.returncode, started.stderr

    def can_write(self, folder: Path) -> bool:
        """Whether the service could, for all that its own view of the files says."""
        place = Path(f"/proc/{self.pid}/root{folder}/can-write")
        try:
            place.touch()
        except OSError:
            return False
        place.unlink()
        return True


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def life(machine: Machine) -> dict[str, object]:
    """From install to uninstall."""
    seen: dict[str, object] = {}
    machine.prepare()
    as_whom = ["--run-as", "alice"] if machine.flags else []
    installed = machine.service("install", "--listen", LISTEN, *as_whom)
    seen["install"] = [installed.returncode, installed.stderr]
    if installed.returncode:
        return seen  # something else may have its address
    seen["state"] = machine.show("ActiveState")
    first = machine.settled(SOUNDS)
    pid = machine.pid
    seen["again"] = [
        machine.service("install", "--listen", LISTEN, *as_whom).returncode,
        machine.pid == pid,
    ]
    write_tone(machine.folder / "new.wav", 880.0)
    if machine.flags:
        shutil.chown(machine.folder / "new.wav", "alice")
    known = machine.settled(SOUNDS + 1)
    seen["kept ids"] = first.items() <= known.items()
    seen["status line"] = wait_for(lambda: (line := machine.show("StatusText")).startswith("Indexed 5 of 5") and line)
    seen["user"] = run(["ps", "-o", "user=", "-p", str(pid)]).stdout.strip()
    seen["writable"] = [
        str(place) for place in (machine.data, machine.folder, Path("/tmp")) if machine.can_write(place)
    ]
    status = machine.service("status", "--json")
    said = json.loads(status.stdout)
    seen["status"] = [status.returncode, said["running"], said["files"]]

    seen["confined"] = machine.confined()
    compiled = machine.compilations()

    os.kill(pid, signal.SIGKILL)
    machine.restarted(1)
    seen["after kill -9"] = machine.settled(SOUNDS + 1) == known
    seen["analysed again"] = json.loads(machine.ask("status", "--json"))["workers"]["jobs"]

    hang(machine)
    seen["after a hang"] = machine.settled(SOUNDS + 1) == known
    log = machine.service("logs", "-n", "500")
    seen["log"] = [log.returncode, "Watchdog timeout" in log.stdout, "listens on" in log.stdout]

    more = machine.home / "More"
    write_tone(more / "more.wav", 990.0)
    if machine.flags:
        run(["chown", "-R", "alice", str(more)])
    machine.settings.write_text(f"folders = ['{machine.folder}', '{more}']\nquiet = 0.05\n")
    seen["reload"] = run([*machine.systemctl, "reload", UNIT]).returncode
    seen["after reload"] = len(machine.settled(SOUNDS + 2))
    seen["compiled once"] = bool(compiled) and machine.compilations() == compiled

    begun = time.monotonic()
    seen["stop"] = [run([*machine.systemctl, "stop", UNIT]).returncode, machine.show("Result")]
    seen["stop took"] = round(time.monotonic() - begun, 2)
    seen["stopped status"] = machine.service("status").returncode
    verify = run(["systemd-analyze", *(["--user"] if not machine.flags else []), "verify", str(machine.unit)])
    seen["verify"] = [verify.returncode, verify.stdout + verify.stderr]
    security = run(["systemd-analyze", *machine.systemctl[1:], "security", "--no-pager", UNIT]).stdout
    overall = re.search(r"Overall exposure level for \S+: ([0-9.]+)", security)
    seen["exposure"] = float(overall[1]) if overall else None
    seen["uninstall"] = [
        machine.service("uninstall").returncode,
        machine.unit.exists(),
        (machine.data / "metadata.db").exists(),
    ]
    seen["uninstall again"] = machine.service("uninstall").returncode
    return seen


def hang(machine: Machine) -> None:
    """Stops the main process where it stands, with a watchdog that looks more often than the one that ships."""
    drop_in = machine.unit.with_name(f"{UNIT}.d") / "quick.conf"
    drop_in.parent.mkdir()
    drop_in.write_text(QUICK_WATCHDOG)
    run([*machine.systemctl, "daemon-reload"])
    run([*machine.systemctl, "restart", UNIT])
    before = int(machine.show("NRestarts"))
    os.kill(machine.pid, signal.SIGSTOP)
    machine.restarted(before + 1)


def main(machine: Machine) -> None:
    try:
        sys.stdout.write(json.dumps(life(machine)) + "\n")
    finally:
        machine.service("uninstall")


if __name__ == "__main__":
    main(Machine(system=sys.argv[1] == "system"))
