"""timbred itself, as others are told to run it."""

from __future__ import annotations

import os
import sys


def program() -> tuple[str, ...]:
    """timbred of this very environment: its command, or else its Python."""
    command = os.path.join(os.path.dirname(sys.executable), "timbred")
    return (command,) if os.access(command, os.X_OK) else (sys.executable, "-P", "-m", "timbred_daemon")
