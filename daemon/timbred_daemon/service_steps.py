"""The steps that install or remove the service: what kinds there are, how each is taken and how it is shown."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from timbred_indexer.errors import StorageError, UnavailableError

if TYPE_CHECKING:
    import subprocess


@dataclass(frozen=True, slots=True)
class MakeFolder:
    """A private folder, with those above it; one that is there stays as it is."""

    path: str


@dataclass(frozen=True, slots=True)
class WriteFile:
    """A file, replaced whole."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class RemoveFile:
    path: str


@dataclass(frozen=True, slots=True)
class Run:
    """A command. ``required``: the service is not as it should be when it fails."""

    command: tuple[str, ...]
    required: bool = True


Step = MakeFolder | WriteFile | RemoveFile | Run


def take(steps: Iterable[Step]) -> None:
    """Takes the steps in order.

    Raises:
        UnavailableError: a required command failed, or is not on this machine.
        StorageError: a file cannot be written or removed.
    """
    for step in steps:
        try:
            match step:
                case MakeFolder(path):
                    os.makedirs(path, mode=0o700, exist_ok=True)
                case WriteFile(path, text):
                    _write(path, text)
                case RemoveFile(path):
                    if os.path.lexists(path):
                        os.unlink(path)
                case Run(command, required):
                    _run(command, required)
        except OSError as error:
            raise StorageError(f"{error.filename}: {error.strerror}.") from error


def shown(step: Step) -> str:
    """The step as lines for a shell."""
    match step:
        case MakeFolder(path):
            return f"mkdir -p {shlex.quote(path)}"
        case WriteFile(path, text):
            return f"cat > {shlex.quote(path)} <<'END'\n{text}END"
        case RemoveFile(path):
            return f"rm -f {shlex.quote(path)}"
        case Run(command):
            return shlex.join(command)


def ask(command: tuple[str, ...], *, quiet: bool = True) -> subprocess.CompletedProcess[str]:
    """What became of a command. ``quiet``: its output is kept; else it goes where ours goes.

    Raises:
        UnavailableError: it is not on this machine.
    """
    import subprocess  # most commands start no other

    try:
        return subprocess.run(command, capture_output=quiet, text=True, check=False)
    except FileNotFoundError as error:
        raise UnavailableError(f"There is no {error.filename} on this machine.") from None


def read(path: str) -> str | None:
    """The text of a file; None when it is not there."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _run(command: tuple[str, ...], required: bool) -> None:
    ended = ask(command)
    if ended.returncode != 0 and required:
        why = " ".join(ended.stderr.split()) or f"it ended with {ended.returncode}"
        raise UnavailableError(f"{shlex.join(command)}: {why}", code="service_manager")


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(f"{path}.new", "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    os.replace(f"{path}.new", path)
