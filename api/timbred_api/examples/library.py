"""The library that the examples speak of: two folders, a few drums."""

from __future__ import annotations

from typing import Final

from timbred_api.schemas import SoundRow
from timbred_api.schemas_status import FileCounts, FolderRow

COUNTS: Final = FileCounts(found=11_874, indexed=11_868, failed=2, pending=4, missing=0, offline=0)


def sound(sound_id: int, name: str, duration: float, *copies: str) -> SoundRow:
    """One below ``/home/ada/samples``; ``copies``: other files with the same bytes."""
    paths = [f"/home/ada/samples/{path}" for path in (name, *copies)]
    return SoundRow(
        sound_id=sound_id,
        path=paths[0],
        paths=paths,
        uri=f"file://{paths[0]}",
        uris=[f"file://{path}" for path in paths],
        label=name.rsplit("/", 1)[-1].removesuffix(".wav"),
        duration=duration,
        sample_rate=44_100,
        channels=2,
        format="wav",
    )


def folder(path: str = "/home/ada/samples") -> FolderRow:
    """A watched one that is well."""
    return FolderRow(
        id=1,
        path=path,
        uri=f"file://{path}",
        source="added",
        state="online",
        reason=None,
        watch="native",
        scanning=False,
        last_scan="2026-03-02T09:14:05+00:00",
        files=COUNTS,
    )
