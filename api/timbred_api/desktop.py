"""The desktop's file manager, asked to show a file: over D-Bus, or by ``open -R`` on a Mac.

A command of the desktop makes the call: a D-Bus library for one call now and then would be a dependency of everybody.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from timbred_api.locations import to_uri
from timbred_indexer.errors import UnavailableError

PATIENCE: Final = 10.0
"""Seconds. A file manager that does not run yet has to start."""

_SERVICE: Final = "org.freedesktop.FileManager1"
_OBJECT: Final = "/org/freedesktop/FileManager1"
_METHOD: Final = f"{_SERVICE}.ShowItems"


async def show_file(path: bytes) -> None:
    """Has the file manager open the file's folder with the file selected.

    Raises:
        UnavailableError: ``no_desktop``: no desktop session can be reached, or none of its programs shows files;
            ``unavailable``: the file manager did not answer in time.
    """
    if not await asyncio.to_thread(has_desktop, sys.platform, os.environ):
        raise no_desktop("timbred runs outside of a desktop session, so it cannot open a file manager.")
    for command in commands(path, sys.platform):
        if await _call(command):
            return
    raise no_desktop("There is no gdbus and no dbus-send on this machine to call the file manager with.")


def has_desktop(platform: str, environ: Mapping[str, str]) -> bool:
    """Whether there is a session to ask. Blocks for a look at the file system."""
    if platform == "darwin" or "DBUS_SESSION_BUS_ADDRESS" in environ:
        return True
    return os.path.exists(os.path.join(environ.get("XDG_RUNTIME_DIR") or "/nonexistent", "bus"))


def commands(path: bytes, platform: str) -> list[tuple[str | bytes, ...]]:
    """What shows a file; each is for where those before it are not installed."""
    if platform == "darwin":
        return [("open", "-R", path)]
    # Percent-encoded, a name has no quote and no comma, which these two would read as their own.
    uri = to_uri(path)
    gdbus = ("gdbus", "call", "--session", "--dest", _SERVICE, "--object-path", _OBJECT, "--method", _METHOD)
    send = ("dbus-send", "--session", "--print-reply", f"--dest={_SERVICE}", _OBJECT, _METHOD)
    return [(*gdbus, f"['{uri}']", ""), (*send, f"array:string:{uri}", "string:")]


def no_desktop(sentence: str) -> UnavailableError:
    return UnavailableError(sentence, code="no_desktop")


async def _call(command: tuple[str | bytes, ...]) -> bool:
    """False: there is no such command."""
    try:
        process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE)
    except FileNotFoundError:
        return False
    try:
        async with asyncio.timeout(PATIENCE):
            _, said = await process.communicate()
    except TimeoutError:
        raise UnavailableError(f"The file manager did not answer within {PATIENCE:g} s.") from None
    finally:
        with suppress(ProcessLookupError):  # it has ended, as it should
            process.kill()
        await process.wait()
    if process.returncode != 0:
        raise no_desktop(f"The desktop did not show the file: {_sentence(said)}")
    return True


def _sentence(said: bytes) -> str:
    """What a command complained about, as one line with a full stop."""
    line = " ".join(said.decode("utf-8", "replace").split())[:300]
    return f"{line or 'it gave no reason'}".rstrip(".") + "."
