"""How timbred becomes a service and stops being one, as steps that are only then taken: systemd's way and launchd's."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Final, Protocol

from timbred_daemon.mounts import mounts_of
from timbred_daemon.service_launchd import LABEL, agent
from timbred_daemon.service_steps import MakeFolder, RemoveFile, Run, Step, WriteFile
from timbred_daemon.service_units import NAME, OLDEST, Job, system_unit, user_unit

_SHOWN: Final = ("ActiveState", "SubState", "StatusText", "MainPID", "NRestarts", "MemoryCurrent", "UnitFileState")


@dataclass(frozen=True, slots=True)
class State:
    """What the service manager says. ``running``: it answers; ``facts``: name → what to show."""

    running: bool
    pid: int | None
    facts: dict[str, str]


class Manager(Protocol):
    """The program that starts, watches and stops services."""

    @property
    def path(self) -> str:
        """The file that makes timbred its service."""
        ...

    def render(self, job: Job) -> str: ...

    def install(self, text: str, present: str | None, folders: tuple[str, ...]) -> list[Step]:
        """What makes ``text`` the running service; nothing is restarted that runs as it should.

        Args:
            text: the file as it shall be.
            present: the file as it is; None: it is not there.
            folders: what must be there before it starts.
        """
        ...

    def uninstall(self) -> list[Step]:
        """What stops and removes the service, or what is left of it."""
        ...

    def status(self) -> tuple[str, ...]:
        """The command whose output ``state`` reads."""
        ...

    def state(self, output: str) -> State: ...

    def logs(self, lines: int, follow: bool) -> tuple[str, ...]:
        """The command that shows what the service said."""
        ...


@dataclass(frozen=True, slots=True)
class Systemd:
    """A user's own systemd (``folder`` holds that user's units), or with ``system`` the machine's."""

    folder: str
    system: bool = False

    @property
    def path(self) -> str:
        return os.path.join(self.folder, NAME)

    def render(self, job: Job) -> str:
        return system_unit(job) if self.system else user_unit(job)

    def install(self, text: str, present: str | None, folders: tuple[str, ...]) -> list[Step]:
        start = "start" if present in (None, text) else "restart"
        steps: list[Step] = [MakeFolder(folder) for folder in folders]
        steps += [] if text == present else [WriteFile(self.path, text)]
        return [
            *steps,
            Run(self.command("daemon-reload")),
            Run(self.command("reset-failed", NAME), required=False),  # it may have given up
            Run(self.command("--quiet", "enable", NAME)),
            Run(self.command(start, NAME)),
        ]

    def uninstall(self) -> list[Step]:
        return [
            Run(self.command("--quiet", "disable", "--now", NAME), required=False),
            RemoveFile(self.path),
            Run(self.command("daemon-reload")),
            Run(self.command("reset-failed", NAME), required=False),
        ]

    def status(self) -> tuple[str, ...]:
        return self.command("show", NAME, f"--property={','.join((*_SHOWN, 'ActiveEnterTimestamp'))}")

    def state(self, output: str) -> State:
        said = dict(line.split("=", 1) for line in output.splitlines() if "=" in line)
        pid = int(said.get("MainPID") or 0)
        memory = said.get("MemoryCurrent", "")
        facts = {
            "state": f"{said.get('ActiveState', 'unknown')} ({said.get('SubState', 'unknown')})",
            "since": said.get("ActiveEnterTimestamp", ""),
            "doing": said.get("StatusText", ""),
            "pid": str(pid or ""),
            "restarts": said.get("NRestarts", ""),
            "memory": f"{int(memory) / 1e6:.0f} MB" if memory.isdecimal() else "",
            "starts": "by itself" if said.get("UnitFileState") == "enabled" else "when told to",
        }
        running = said.get("ActiveState") in ("active", "reloading")
        return State(running, pid or None, {name: fact for name, fact in facts.items() if fact})

    def logs(self, lines: int, follow: bool) -> tuple[str, ...]:
        which = "--unit" if self.system else "--user-unit"
        # "short", whatever the user's default is: a line an event, with its time.
        command = ("journalctl", which, NAME, "--no-pager", "--output=short", f"--lines={lines}")
        return (*command, "--follow") if follow else command

    def command(self, *words: str) -> tuple[str, ...]:
        return ("systemctl", *words) if self.system else ("systemctl", "--user", *words)


@dataclass(frozen=True, slots=True)
class Launchd:
    """The launchd of a user of a Mac."""

    home: str
    uid: int

    @property
    def path(self) -> str:
        return f"{self.home}/Library/LaunchAgents/{LABEL}.plist"

    def render(self, job: Job) -> str:
        return agent(job)

    def install(self, text: str, present: str | None, folders: tuple[str, ...]) -> list[Step]:
        makes: list[Step] = [MakeFolder(folder) for folder in folders]
        if text == present:
            # Loaded or not, running or not: what is so already fails, and may.
            return [
                *makes,
                Run(self._command("bootstrap"), required=False),
                Run(("launchctl", "kickstart", self._target)),
            ]
        return [
            *makes,
            Run(("launchctl", "bootout", self._target), required=False),
            WriteFile(self.path, text),
            Run(("launchctl", "enable", self._target)),
            Run(self._command("bootstrap")),
        ]

    def uninstall(self) -> list[Step]:
        return [Run(("launchctl", "bootout", self._target), required=False), RemoveFile(self.path)]

    def status(self) -> tuple[str, ...]:
        return ("launchctl", "print", self._target)

    def state(self, output: str) -> State:
        names = {"state": "state", "pid": "pid", "last exit code": "last exit", "runs": "starts so far"}
        found = dict(re.findall(r"^\t(state|pid|last exit code|runs) = (.+)$", output, re.MULTILINE))
        pid = found.get("pid", "")
        facts = {shown: found[name] for name, shown in names.items() if name in found}
        return State(found.get("state") == "running", int(pid) if pid.isdecimal() else None, facts)

    def logs(self, lines: int, follow: bool) -> tuple[str, ...]:
        log = f"{self.home}/Library/Logs/timbred.log"
        return ("tail", "-n", str(lines), *(["-F"] if follow else []), log)

    @property
    def _target(self) -> str:
        return f"gui/{self.uid}/{LABEL}"

    def _command(self, verb: str) -> tuple[str, ...]:
        return ("launchctl", verb, f"gui/{self.uid}", self.path)


def shield(mountinfo: bytes, home: bytes) -> dict[str, str]:
    """Whether systemd keeps the service from changing files: it passes over those lines where it cannot apply them.

    Args:
        mountinfo: of the service, as in proc(5); empty: it cannot be told.
        home: a real path that the service has no business to write in.
    """
    held = mounts_of(home, mountinfo)
    if not held:
        return {}
    open_to_it = "as open to it as to its user: systemd could not shield them"
    return {"files": "read-only to it, but for its own data" if held[0].read_only else open_to_it}


def version_number(said: str) -> int:
    """Of systemd, from ``252.39-1~deb12u2`` or ``255``; the oldest supported one where it cannot be told."""
    number = re.match(r"v?(\d+)", said)
    return int(number[1]) if number else OLDEST
