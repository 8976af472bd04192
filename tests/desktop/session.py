"""A desktop session of its own: a screen (Xvfb), a bus, windows (openbox), and a browser that can be looked into."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from daemon_process import wait_for

from patience import PATIENCE

NEEDED = ("Xvfb", "xdotool", "openbox", "dbus-daemon", "gdbus", "xdg-open", "chromium")
SYSTEM = "/usr/local/bin:/usr/bin:/bin"
"""Not the PATH of the test: extensions of Nautilus run in the first ``python3`` of it, which has to be the system's."""
ITEM = Path(__file__).parent / "menu_item.py"


class Session:
    """``environ``: of the programs in it; ``profile``: the browser's."""

    def __init__(self, environ: Mapping[str, str], profile: Path) -> None:
        self.environ = environ
        self.profile = profile

    def ask(self, *command: str) -> str:
        """What a command prints; "" where it fails."""
        ran = subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=PATIENCE, check=False)
        return ran.stdout if ran.returncode == 0 else ""

    def owns(self, name: str) -> bool:
        bus = "org.freedesktop.DBus"
        call = ("--object-path", "/", "--method", f"{bus}.NameHasOwner", name)
        return "true" in self.ask("gdbus", "call", "--session", "--dest", bus, *call)

    def choose(self, item: str, picture: str) -> bool:
        """Opens the menu of what is selected and clicks an item; closes it where there is no such item."""
        self.ask("xdotool", "key", "Menu")
        chosen = bool(self.ask("/usr/bin/python3", str(ITEM), item, *self._file(picture)))
        if not chosen:
            self.ask("xdotool", "key", "Escape")
        return chosen

    def picture(self, name: str) -> None:
        """Keeps what is on the screen, where the pictures are wanted."""
        for file in self._file(name):
            self.ask("import", "-window", "root", file)

    def _file(self, name: str) -> list[str]:
        folder = os.environ.get("TIMBRED_PICTURES")
        return [f"{folder}/{name}.png"] if folder else []

    def browser_port(self) -> str | None:
        """Where the browser can be looked into, once it has been opened."""
        file = self.profile / "DevToolsActivePort"
        return file.read_text().split()[0] if file.exists() else None


@contextmanager
def session(home: Path, program: str) -> Generator[Session]:
    """Skips where a program is missing."""
    missing = [name for name in (*NEEDED, program) if shutil.which(name) is None]
    bindings = "import gi; gi.require_version('Atspi', '2.0'); from gi.repository import Atspi"
    if missing or subprocess.run(["/usr/bin/python3", "-c", bindings], capture_output=True, check=False).returncode:
        pytest.skip(f"needs {', '.join(missing) or 'Atspi for /usr/bin/python3 (gir1.2-atspi-2.0)'}")
    run = home / "run"
    run.mkdir(mode=0o700, parents=True)
    environ = {
        "PATH": SYSTEM,
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(run),
        "LANG": "C.UTF-8",
        "GSK_RENDERER": "cairo",
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={run}/bus",
    }
    _browser(home)
    with ExitStack() as stack:
        end, given = os.pipe()
        stack.callback(os.close, end)
        started(stack, ["Xvfb", "-displayfd", str(given), "-screen", "0", "1280x800x24"], environ, pass_fds=(given,))
        os.close(given)
        environ["DISPLAY"] = f":{os.read(end, 20).decode().strip()}"
        bus = f"--address={environ['DBUS_SESSION_BUS_ADDRESS']}"
        started(stack, ["dbus-daemon", "--session", "--nofork", "--nosyslog", bus], environ)
        wait_for((run / "bus").exists)
        started(stack, ["openbox"], environ)
        if shutil.which("xcompmgr"):  # what GTK 4 leaves transparent around its menus is black without
            started(stack, ["xcompmgr"], environ)
        yield Session(environ, home / "profile")


def started(stack: ExitStack, command: list[str], environ: Mapping[str, str], pass_fds: tuple[int, ...] = ()) -> None:
    """A program that ends, with all that it started, when the stack does."""
    process = subprocess.Popen(
        command,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        pass_fds=pass_fds,
    )

    def end() -> None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)

    stack.callback(end)


def _browser(home: Path) -> None:
    """The session's browser is Chromium, with a door for the test."""
    entry = home / ".local/share/applications/test-browser.desktop"
    entry.parent.mkdir(parents=True)
    sandbox = "--no-sandbox " if os.geteuid() == 0 else ""  # Chromium has none for root
    options = f"{sandbox}--no-first-run --user-data-dir={home}/profile --remote-debugging-port=0"
    entry.write_text(f"[Desktop Entry]\nType=Application\nName=Browser\nExec=chromium {options} %u\n")
    (home / ".config").mkdir()
    (home / ".config/mimeapps.list").write_text("[Default Applications]\nx-scheme-handler/http=test-browser.desktop\n")
