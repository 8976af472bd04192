"""A worker whose analysis does what the path says; run as a script by the pool's tests."""

import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from timbred_indexer.errors import InputError
from timbred_indexer.model import AnalysedSegment, Analysis, Seconds
from timbred_indexer.wire import FEATURE_BYTES, Fill
from timbred_indexer.worker import Work, analysing, serve

BROKEN = "--broken"
_KEPT: list[bytes] = []


def analyse(path: bytes, *, start: Seconds | None, end: Seconds | None) -> Analysis:
    verb, _, argument = path.partition(b":")
    actions: dict[bytes, Callable[[], object]] = {
        b"abort": os.abort,
        b"exit": lambda: os._exit(3),
        b"hang": signal.pause,
        b"fail": lambda: _raise(InputError("no sound in it", code="empty")),
        b"bug": lambda: _raise(KeyError("tempo")),
        b"allocate": lambda: bytearray(int(argument)),
        b"grow": lambda: _KEPT.append(b"x" * int(argument)),
        b"print": lambda: os.write(1, b"\x00\x00\x00\x01garbage"),
        b"fifo": lambda: Path(os.fsdecode(argument)).read_bytes(),
        b"nonsense": _speak_nonsense,
        b"ok": lambda: None,
    }
    actions[verb]()
    text = (
        f"{os.getpid()} {os.nice(0)} {os.environ.get('OMP_NUM_THREADS')} {resource.getrlimit(resource.RLIMIT_CORE)[0]}"
    )
    segment = AnalysedSegment(start or Seconds(0), end or Seconds(1), {"rms": b"\0\0\x80?"}, None)
    return Analysis(Seconds(1), 44_100, 2, "wav", (segment,), cut_short=False, version=text)


def _raise(error: Exception) -> None:
    raise error


def _speak_nonsense() -> None:
    """Write into every descriptor but the standard ones: one of them is the frame pipe."""
    for fd in range(3, 20):
        try:
            os.write(fd, b"\xff" * 16)
        except OSError:
            continue
    time.sleep(60)


def featurise(path: bytes, stretches: Sequence[tuple[Seconds, Seconds]], fill: Fill) -> list[bytes]:
    return [b"too short" if path == b"nonsense" else bytes(FEATURE_BYTES) for _ in stretches]


def load() -> Work:
    if BROKEN in sys.argv:
        raise ImportError("no such library")
    return analysing(analyse, featurise)


if __name__ == "__main__":
    serve(load, memory=int(sys.argv[-1]))  # the pool appends it
