"""Writers that create, change, rename and delete files as fast as they can, each by its own seed."""

from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tones import tone, wav

WRITERS = 4
CONTENTS = 24  # different sounds; what is known by its hash costs no analysis


def contents() -> list[bytes]:
    return [wav(tone(200.0 + 10 * number, seconds=0.1)) for number in range(CONTENTS)]


class Writer:
    """Works in a directory of its own, and now and then moves something into a neighbour's."""

    def __init__(self, place: Path, neighbour: Path, seed: int, sounds: list[bytes]) -> None:
        self._place = place
        self._neighbour = neighbour
        self._random = random.Random(seed)
        self._sounds = sounds
        self._mine: list[Path] = []
        self._number = 0
        place.mkdir(exist_ok=True)

    def work(self, operations: int) -> None:
        deeds = (self._create, self._create, self._create, self._change, self._replace, self._rename, self._delete)
        for _ in range(operations):
            self._random.choice((*deeds, self._move_directory) if self._number % 50 == 49 else deeds)()

    def _path(self, prefix: str = "f") -> Path:
        self._number += 1
        directory = self._place / self._random.choice("abc")
        directory.mkdir(exist_ok=True)
        return directory / f"{prefix}{self._number}.wav"

    def _one(self) -> Path | None:
        return self._mine.pop(self._random.randrange(len(self._mine))) if self._mine else None

    def _write(self, path: Path) -> None:
        path.write_bytes(self._random.choice(self._sounds))
        self._mine.append(path)

    def _create(self) -> None:
        self._write(self._path())

    def _change(self) -> None:
        if path := self._one():
            self._write(path)

    def _replace(self) -> None:
        """As programs save: a file beside it, renamed over it."""
        if path := self._one():
            beside = path.with_suffix(".tmp")
            beside.write_bytes(self._random.choice(self._sounds))
            self._mine.append(beside.replace(path))

    def _rename(self) -> None:
        if path := self._one():
            if self._random.random() < 0.3:
                path.rename(self._neighbour / f"from-{self._place.name}-{self._number}-{path.name}")
            else:
                self._mine.append(path.rename(self._path("renamed")))

    def _delete(self) -> None:
        if path := self._one():
            path.unlink()

    def _move_directory(self) -> None:
        """A directory with all that is in it gets another name."""
        self._number += 1
        source = self._place / self._random.choice("abc")
        if source.is_dir():
            target = source.rename(self._place / f"moved-{self._number}")
            self._mine = [target / path.name if path.parent == source else path for path in self._mine]


def storm(root: Path, operations: int, seed: int) -> None:
    """Four writers at once; returns when all are done."""
    places = [root / f"writer-{number}" for number in range(WRITERS)]
    sounds = contents()
    writers = [
        Writer(place, places[(number + 1) % WRITERS], seed + number, sounds) for number, place in enumerate(places)
    ]
    with ThreadPoolExecutor(WRITERS) as pool:
        for done in [pool.submit(writer.work, operations // WRITERS) for writer in writers]:
            done.result()


def leftovers(root: Path) -> list[str]:
    """Names that no writer should leave."""
    return [name for _, _, names in os.walk(root) for name in names if name.endswith(".tmp")]
