"""What a scan is asked to look at. The watcher, the periodic rescan and ``POST /v1/rescan`` all hand out this type."""

from __future__ import annotations

from dataclasses import dataclass

from timbred_indexer.model import FolderId


@dataclass(frozen=True, slots=True)
class ScanTarget:
    """Look at this path, and at everything below it if it is (or was) a directory.

    Attributes:
        folder: the watched root it lies in.
        path: relative to that root, as the file system has it; ``b""`` is the root itself.
        whole: the entire folder is meant, as in a rescan; exactly when ``path`` is ``b""``.
    """

    folder: FolderId
    path: bytes
    whole: bool
