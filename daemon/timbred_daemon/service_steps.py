"""The steps that install or remove something: what kinds there are, how each is taken and how it is shown."""

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
    """A file, replaced whole. ``executable``: it is one that can be run."""

    path: str
    text: str
    executable: bool = False


@dataclass(frozen=True, slots=True)
class RemoveFile:
    path: str


@dataclass(frozen=True, slots=True)
class RemoveFolder:
    """A folder, if it is there and empty."""

    path: str


@dataclass(frozen=True, slots=True)
class Run:
    """A command. ``required``: what is installed is not as it should be when it fails."""

    command: tuple[str, ...]
    required: bool = True


Step = MakeFolder | WriteFile | RemoveFile | RemoveFolder | Run


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
                case WriteFile(path, text, executable):
                    _write(path, text, executable)
                case RemoveFile(path):
                    if os.path.lexists(path):
                        os.unlink(path)
                case RemoveFolder(path):
                    if os.path.isdir(path) and not os.listdir(path):
                        os.rmdir(path)
                case Run(command, required):
                    _run(command, required)
        except OSError as error:
            raise StorageError(f"{error.filename}: {error.strerror}.") from error


def shown(step: Step) -> str:
    """The step as lines for a shell."""
    match step:
        case MakeFolder(path):
            return f"mkdir -p {shlex.quote(path)}"
        case WriteFile(path, text, executable):
            body = text.removesuffix("\n")
            written = f"cat > {shlex.quote(path)} <<'END'\n{body}\nEND"
            return f"{written}\nchmod +x {shlex.quote(path)}" if executable else written
        case RemoveFile(path):
            return f"rm -f {shlex.quote(path)}"
        case RemoveFolder(path):
            return f"rmdir --ignore-fail-on-non-empty {shlex.quote(path)}"
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
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _run(command: tuple[str, ...], required: bool) -> None:
    ended = ask(command)
    if ended.returncode != 0 and required:
        why = " ".join(ended.stderr.split()) or f"it ended with {ended.returncode}"
        raise UnavailableError(f"{shlex.join(command)}: {why}", code="service_manager")


def _write(path: str, text: str, executable: bool) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(f"{path}.new", "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
        if executable:
            os.fchmod(file.fileno(), 0o755)
    os.replace(f"{path}.new", path)
