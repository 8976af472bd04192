"""What lies in the library that the page is tested with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HOSTILE = "<img src=x onerror=document.title='owned'>&amp;\u202e.wav"


@dataclass(frozen=True)
class Library:
    """``folder`` is watched; ``outside`` is a sound that is not in it."""

    folder: Path
    outside: Path
