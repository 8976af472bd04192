"""``python -m timbred_indexer.backup_child make DATA_DIR KEEP NOW``, or ``check DATABASE``: in a niced child.

A child, because to copy and to check a large database takes seconds of a processor, and a thread cannot be niced alone.
What it prints is JSON in one line: the backup that was made, nothing, or what is wrong.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict

from timbred_indexer.backup import check, make_automatic, seq_of
from timbred_indexer.errors import StorageError


def main(arguments: list[str]) -> int:
    os.nice(19)  # of the processors and, since nothing else says how urgent its reads and writes are, of the disk
    try:
        told = _do(*arguments)
    except StorageError as error:
        told = {"code": error.code, "message": error.message}
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


def _do(what: str, place: str, keep: str = "", now: str = "") -> dict[str, object]:
    if what == "check":
        check(place)
        return {}
    made = make_automatic(place, keep=int(keep), now=float(now))
    return {**asdict(made), "seq": seq_of(made.path)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
