"""How each file manager gets "Find Similar Sounds" into its menu and loses it again, as steps that are only then taken.

Nothing of the user's is replaced: a file that is there and not ours is an error, and Thunar's list is added to.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from timbred_daemon import integrate_files as files
from timbred_daemon import thunar_actions
from timbred_daemon.integrate_files import Command, Quoting
from timbred_daemon.service_steps import RemoveFile, RemoveFolder, Step, WriteFile
from timbred_indexer.errors import UnavailableError

State = Literal["absent", "installed", "differs", "foreign"]
"""``differs``: timbred's, but not what ``install`` would write now; ``foreign``: another's lies in its place."""

Read = Callable[[str], str | None]
"""The text of a file; None: it is not there."""


@dataclass(frozen=True, slots=True)
class Places:
    """A user's folders: ``home``, and those of the XDG Base Directory Specification."""

    home: str
    config: str
    data: str
    config_dirs: tuple[str, ...] = ("/etc/xdg",)

    @classmethod
    def of(cls, home: str, environ: Mapping[str, str]) -> Places:
        return cls(
            home,
            environ.get("XDG_CONFIG_HOME") or f"{home}/.config",
            environ.get("XDG_DATA_HOME") or f"{home}/.local/share",
            tuple((environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")),
        )


class Integration(Protocol):
    """One file manager.

    Attributes:
        name: what users call it by.
        program: its command; "" where it is part of the system.
        platform: of ``sys.platform``.
        then: what makes it show up.
    """

    @property
    def name(self) -> str: ...
    @property
    def program(self) -> str: ...
    @property
    def platform(self) -> str: ...
    @property
    def then(self) -> str: ...

    @property
    def path(self) -> str:
        """What is written: a file, or the folder of several."""
        ...

    def state(self, commands: Collection[Command], read: Read) -> State:
        """``installed``: with any of these commands."""
        ...

    def install(self, command: Command, read: Read) -> list[Step]:
        """What has its menu run ``command`` with a file's URI; nothing, where it does.

        Raises:
            UnavailableError: something of somebody else's is in the way.
        """
        ...

    def remove(self, read: Read) -> list[Step]:
        """What makes it as it was before; nothing, where it is.

        Raises:
            UnavailableError: what is there is somebody else's.
        """
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """A file of an integration: ``source`` below ``integrations/``, ``target`` where the file manager reads it."""

    source: str
    target: str
    quoting: Quoting | None = None
    executable: bool = False

    def text(self, command: Command) -> str:
        shipped = files.shipped
        return shipped(self.source) if self.quoting is None else files.rendered(self.source, self.quoting, command)


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """A file manager that reads files which are timbred's alone. ``folders``: made with them, the innermost first."""

    name: str
    program: str
    parts: tuple[Part, ...]
    then: str
    platform: str = "linux"
    folders: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return self.folders[-1] if self.folders else self.parts[0].target

    def state(self, commands: Collection[Command], read: Read) -> State:
        present = [read(part.target) for part in self.parts]
        if any(text is not None and files.MARK not in text for text in present):
            return "foreign"
        if not any(present):
            return "absent"
        wanted = [[part.text(command) for part in self.parts] for command in commands]
        return "installed" if present in wanted else "differs"

    def install(self, command: Command, read: Read) -> list[Step]:
        self._check(read)
        made = [WriteFile(part.target, part.text(command), part.executable) for part in self.parts]
        return [step for step in made if read(step.path) != step.text]

    def remove(self, read: Read) -> list[Step]:
        self._check(read)
        gone: list[Step] = [RemoveFile(part.target) for part in self.parts if read(part.target) is not None]
        return [*gone, *map(RemoveFolder, self.folders)] if gone else []

    def _check(self, read: Read) -> None:
        for part in self.parts:
            if files.MARK not in (read(part.target) or files.MARK):
                raise UnavailableError(
                    f"{part.target} is not timbred's, so it stays; move it away first.", code="not_ours"
                )


@dataclass(frozen=True, slots=True)
class Thunar:
    """Thunar keeps all custom actions in one file, and reads the system's as long as the user has none."""

    places: Places
    name: str = "thunar"
    program: str = "thunar"
    platform: str = "linux"
    then: str = "Restart Thunar: `thunar -q`."

    @property
    def path(self) -> str:
        return f"{self.places.config}/Thunar/uca.xml"

    def state(self, commands: Collection[Command], read: Read) -> State:
        present = thunar_actions.found(read(self.path) or "")
        if present is None:
            return "absent"
        return "installed" if present in map(self._action, commands) else "differs"

    def install(self, command: Command, read: Read) -> list[Step]:
        present = read(self.path)
        base = self._before(read) if present is None else present
        text = thunar_actions.with_action(base, self._action(command))
        return [] if text == present else [WriteFile(self._real_path, text)]

    def remove(self, read: Read) -> list[Step]:
        present = read(self.path)
        if present is None or thunar_actions.found(present) is None:
            return []
        text = thunar_actions.without_action(present)
        return [RemoveFile(self.path) if text == self._before(read) else WriteFile(self._real_path, text)]

    @property
    def _real_path(self) -> str:
        return os.path.realpath(self.path)  # settings that are kept elsewhere are linked, and stay so

    def _action(self, command: Command) -> str:
        return files.rendered("thunar/action.xml", files.for_thunar, command)

    def _before(self, read: Read) -> str:
        """What Thunar reads where the user has no file."""
        for folder in self.places.config_dirs:
            text = read(f"{folder}/Thunar/uca.xml")
            if text is not None:
                return text
        return thunar_actions.EMPTY


def integrations(places: Places) -> tuple[Integration, ...]:
    """All that there are, for every platform."""
    data, config = places.data, places.config
    workflow = f"{places.home}/Library/Services/Find Similar Sounds.workflow"
    return (
        OwnFiles(
            "nautilus",
            "nautilus",
            (
                Part(
                    "nautilus/timbred_similar.py",
                    f"{data}/nautilus-python/extensions/timbred_similar.py",
                    files.for_python,
                ),
            ),
            "It needs nautilus-python (python3-nautilus on Debian and Ubuntu). Restart Nautilus: `nautilus -q`.",
        ),
        OwnFiles(
            "dolphin",
            "dolphin",
            (
                # KDE runs service menus of users only where they are executable.
                Part(
                    "dolphin/timbred.desktop", f"{data}/kio/servicemenus/timbred.desktop", files.for_desktop_entry, True
                ),
            ),
            "It is there in the next window of Dolphin.",
        ),
        Thunar(places),
        OwnFiles(
            "nemo",
            "nemo",
            (Part("nemo/timbred.nemo_action", f"{data}/nemo/actions/timbred.nemo_action", files.for_key_file_shell),),
            "It is there at once.",
        ),
        OwnFiles(
            "caja",
            "caja",
            (Part("caja/find-similar-sounds", f"{config}/caja/scripts/Find Similar Sounds", files.for_shell, True),),
            "It is in the menu Scripts, at once.",
        ),
        OwnFiles(
            "finder",
            "",
            (
                Part("finder/document.wflow", f"{workflow}/Contents/document.wflow", files.for_xml_shell),
                Part("finder/Info.plist", f"{workflow}/Contents/Info.plist"),
            ),
            "It is among the Quick Actions; System Settings › Keyboard › Shortcuts › Services switches it on and off.",
            "darwin",
            (f"{workflow}/Contents", workflow),
        ),
    )
