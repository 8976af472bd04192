"""A fuzzer for ``decode``: whatever the bytes are, it gives finite sound or one of its own errors, and never hangs.

    pip install atheris                                     # Linux, CPython 3.11 or newer
    python tests/fuzz/fuzz_decode.py CORPUS -max_total_time=600

CORPUS is a folder that collects what reaches new code; good files of every format are put into it first. The options
are libFuzzer's. What it finds is written to ``crash-*`` in the current folder; given as the only argument, such a file
is tried again.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent.parent
KNOWN_CODES = frozenset(
    {"empty_file", "not_audio", "no_sound", "not_finite", "bad_sample_rate", "too_many_channels", "not_a_file"}
)
MOST_SECONDS = 20.0  # of sound decoded from one input: a header that promises hours should not cost the fuzzer any
OPTIONS = ("-timeout=60", "-rss_limit_mb=2048", "-max_len=65536", "-reduce_inputs=0")


def main() -> None:
    """Entry point."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["timbred_indexer"]):
        from timbred_indexer.decode import open_sound
        from timbred_indexer.errors import InputError

    def decode(path: bytes) -> None:
        try:
            with open_sound(path) as sound:
                for block in sound.blocks():
                    check_block(block)
                    if sound.seconds > MOST_SECONDS:
                        break
        except InputError as error:
            if error.code not in KNOWN_CODES:
                raise

    atheris.Setup([*seeded(sys.argv), *OPTIONS], in_memory(decode))
    atheris.Fuzz()


def check_block(block: Any) -> None:
    """What the rest of the analysis relies on."""
    assert block.ndim == 1, block.shape
    assert block.dtype.name == "float32", block.dtype
    assert bool((abs(block) < float("inf")).all()), "not finite"


def in_memory(decode: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """Gives ``decode`` the path of a file that holds the bytes and lies in memory only."""
    descriptor = os.memfd_create("fuzzed")
    path = b"/proc/self/fd/%d" % descriptor

    def try_one(data: bytes) -> None:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, data, 0)
        decode(path)

    return try_one


def seeded(arguments: list[str]) -> list[str]:
    """The arguments; the corpus they name, if it is a folder, holds good files of every format from now on."""
    sys.path += [str(TESTS / "daemon"), str(TESTS / "faults"), str(TESTS)]
    good_files: Callable[[], dict[str, bytes]] = importlib.import_module("mutations").good_files
    for folder in (Path(argument) for argument in arguments[1:] if not argument.startswith("-")):
        if folder.is_dir():
            for name, data in good_files().items():
                (folder / f"good.{name}").write_bytes(data)
    return arguments


if __name__ == "__main__":
    main()
