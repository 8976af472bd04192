"""The SQL of a file's absolute path, as stored in its folder's row and its own."""

from __future__ import annotations

from typing import Final

_TEXT = "rtrim(folder.path, '/') || '/' || file.path"  # of all folders only the root itself ends with a slash

FILE_PATH: Final = f"CAST({_TEXT} AS BLOB)"
"""Of ``file`` joined with ``folder``."""

FILE_PATH_TEXT: Final = f"CAST({_TEXT} AS TEXT)"

INSIDE: Final = "CAST(rtrim(folder.path, '/') || '/' AS BLOB)"
"""What the path of everything in ``folder`` begins with."""
