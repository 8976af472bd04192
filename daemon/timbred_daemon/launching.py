"""What the desktop is asked for: to open a page or a folder, and to say a sentence to somebody who sees no terminal."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import suppress
from typing import Final

from timbred_indexer.errors import UnavailableError

_SOON: Final = 2.0
"""Seconds. An opener that fails does so at once; one that goes on has become the browser."""

_MAC_NOTIFICATION: Final = 'on run argv\ndisplay notification (item 1 of argv) with title "timbred"\nend run'


def launch(target: str) -> None:
    """Has the desktop open an address or a folder with its usual program, which outlives this one.

    Raises:
        UnavailableError: it did not; the sentence has the target, to be opened by hand.
    """
    import subprocess  # most commands start no other

    opener = "open" if sys.platform == "darwin" else "xdg-open"
    try:
        process = subprocess.Popen(
            [opener, os.fsencode(target)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # browsers talk a lot
            start_new_session=True,
        )
    except FileNotFoundError:
        raise UnavailableError(f"There is no {opener} on this machine to open {target} with.") from None
    with suppress(subprocess.TimeoutExpired):
        if process.wait(_SOON) != 0:
            raise UnavailableError(f"{opener} could not open {target}; is there a desktop session?")


def notify(sentence: str) -> None:
    """Shows the sentence as a notification, where the desktop has a command for that; else does nothing."""
    import subprocess

    if sys.platform == "darwin":
        command = ["osascript", "-e", _MAC_NOTIFICATION, sentence]
    else:
        command = ["notify-send", "--app-name=timbred", "--icon=dialog-warning", "timbred", sentence]
    if shutil.which(command[0]) is not None:
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(command, timeout=_SOON, check=False, capture_output=True)
