"""A daemon whose system calls fail on demand: `failing_calls.c`, preloaded into it and its children."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from daemon_process import Daemon

from patience import PATIENCE

AnyDaemon = TypeVar("AnyDaemon", bound=Daemon)

SOURCE = Path(__file__).with_name("failing_calls.c")


@dataclass(frozen=True, slots=True)
class Rule:
    """``call`` (read, write, sync, open; short: half of it is written) fails on files whose path has ``part``."""

    call: str
    error: int
    part: str

    def __str__(self) -> str:
        return f"{self.call}-{errno.errorcode[self.error]}-{self.part}"


def compiled(folder: Path) -> Path:
    """The library to preload; skips the test where it cannot be had."""
    compiler = shutil.which("cc")
    if sys.platform != "linux" or compiler is None:
        pytest.skip("failing calls need Linux and a C compiler")
    made = folder / "failing_calls.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(made), str(SOURCE), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    if done.returncode:
        pytest.skip(f"the library of failing calls cannot be compiled here: {done.stderr[-200:]}")
    return made


class Failing(Daemon):
    """Its home holds the library, and the rules while there are any."""

    @property
    def rules(self) -> Path:
        return self.settings.with_name("rules")

    def command(self, *arguments: str) -> list[str]:
        """What runs timbred; commands beside the daemon are not disturbed."""
        plain = super().command(*arguments)
        if arguments[0] != "run":
            return plain
        library = self.settings.with_name("failing_calls.so")
        return ["env", f"LD_PRELOAD={library}", f"FAILING_CALLS={self.rules}", *plain]

    @contextmanager
    def failing(self, *rules: Rule) -> Generator[None]:
        """Within the body these calls fail."""
        with in_force(self.rules, rules):
            yield


@contextmanager
def in_force(path: Path, rules: Sequence[Rule]) -> Generator[None]:
    """Within the body the rules are where those who obey them look."""
    new = path.with_suffix(".new")
    new.write_text("".join(f"{rule.call} {rule.error} {rule.part}\n" for rule in rules))
    os.replace(new, path)  # whole at once
    try:
        yield
    finally:
        path.unlink()


@contextmanager
def tried(daemon: AnyDaemon, *folders: Path) -> Generator[AnyDaemon]:
    """The daemon at work, its folders indexed. Unlike with ``daemon_on``, it may log errors; the body may stop it."""
    try:
        daemon.start(*folders).settle()
        yield daemon
        if daemon.process is not None:
            assert daemon.stop() == 0
    finally:
        if daemon.process is not None:
            daemon.process.kill()
            daemon.process.wait()
