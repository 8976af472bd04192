"""Where sounds usually lie: a suggestion for somebody who has named no folder yet.

Names are counted, within bounds; no file is opened, and nothing is watched that nobody asked for.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TextIO

from platformdirs import user_music_dir

from timbred_api.forms import visible
from timbred_api.locations import display
from timbred_daemon.config import load
from timbred_daemon.nesting import find_inner
from timbred_indexer.db import Database
from timbred_indexer.exclusion import Exclusion
from timbred_indexer.interruptible import Stopping, in_thread
from timbred_indexer.store import folders

SECONDS: Final = 1.0  # for one place: a hint, not an inventory
ENTRIES: Final = 50_000  # likewise
SHOWN: Final = 10

# What sounds are usually called; indexing looks into files of other names, too.
_SUFFIXES: Final = tuple(
    b".wav .wave .aif .aiff .aifc .flac .mp3 .ogg .oga .opus .m4a .aac .wma .caf .w64 .rf64 .au .snd .wv".split()
)

_AT_HOME: Final = tuple(
    b"Samples|samples|Sample Packs|Sample Library|Sounds|Loops|Field Recordings|Splice|Documents/Splice|"
    b"Documents/Samples|Documents/Ableton|Documents/Image-Line|Documents/Native Instruments|Documents/REAPER Media|"
    b"Bitwig Studio|lmms/samples|.hydrogen/data/drumkits".split(b"|")
)
_ON_LINUX: Final = (b"/usr/share/hydrogen/data/drumkits", b"/usr/share/lmms/samples")
_ON_MAC_AT_HOME: Final = (b"Library/Audio",)
_ON_MAC: Final = (b"/Library/Audio/Apple Loops",)


@dataclass(frozen=True, slots=True)
class Place:
    """A directory in which sounds lie.

    Attributes:
        sounds: files whose names are those of sounds.
        whole: whether all of it was looked at; else there may be more.
    """

    path: bytes
    sounds: int
    whole: bool


def candidates(home: bytes, music: bytes, drives: Iterable[bytes], *, mac: bool) -> Iterator[bytes]:
    """Absolute paths at which sounds may lie, the likeliest first; few of them exist.

    Args:
        music: the user's folder for music, as the desktop has it.
        drives: where other volumes are mounted.
    """
    for name in _AT_HOME:
        yield os.path.join(home, name)
    yield music
    for name in _ON_MAC_AT_HOME if mac else ():
        yield os.path.join(home, name)
    yield from _ON_MAC if mac else _ON_LINUX
    yield from drives


def usual_places() -> list[bytes]:
    """Those of this user that exist, none inside another. Touches the disk."""
    home = os.fsencode(os.path.expanduser("~"))
    named = candidates(
        home, os.fsencode(user_music_dir()), _drives(os.path.basename(home)), mac=sys.platform == "darwin"
    )
    there = list(dict.fromkeys(path for path in named if os.path.isdir(path)))
    inner = find_inner({path: os.path.realpath(path) for path in there})
    return [path for path in there if path not in inner and path != home]


def _drives(user: bytes) -> Iterator[bytes]:
    """Directories below the places where volumes are mounted; a link to the system's own volume is none."""
    for top in (b"/run/media/" + user, b"/media/" + user, b"/Volumes", b"/mnt"):
        try:
            with os.scandir(top) as entries:
                yield from sorted(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))
        except OSError:
            continue


def look(path: bytes, over: Callable[[], bool], most: int = ENTRIES) -> Place:
    """Counts the sounds below a directory, near its top first, by their names.

    Args:
        over: asked before each directory is read; ends the look.
        most: entries that are looked at.
    """
    excluded = Exclusion()
    waiting, sounds, seen = deque([path]), 0, 0
    while waiting:
        if over() or seen > most:
            return Place(path, sounds, whole=False)
        for entry in _entries(waiting.popleft()):
            seen += 1
            if excluded.name(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            elif entry.name.lower().endswith(_SUFFIXES):
                sounds += 1
    return Place(path, sounds, whole=True)


def _entries(path: bytes) -> list[os.DirEntry[bytes]]:
    try:
        with os.scandir(path) as entries:
            return list(entries)
    except OSError:
        return []


def look_at_all(paths: Sequence[bytes], stopping: Stopping, clock: Callable[[], float] = time.monotonic) -> list[Place]:
    """The places among ``paths`` in which there are sounds, in that order."""
    found: list[Place] = []
    for path in paths:
        until = clock() + SECONDS
        place = look(path, lambda until=until: stopping() or clock() > until)
        if place.sounds:
            found.append(place)
        if stopping() or len(found) == SHOWN:
            break
    return found


def suggestion(places: Sequence[Place], home: bytes, command: str = "timbred folders add") -> str:
    """What to do, with a command for each place. Ends with a line end; no control character of a name is in it."""
    start = "No folder is watched yet. Name one on the page, or"
    if not places:
        return f"{start} in another terminal: `{command} FOLDER`.\n"
    counts = [_count(place) for place in places]
    width = max(map(len, counts))
    lines = [
        f"  {said:>{width}}   {command} {typed(place.path, home)}" for said, place in zip(counts, places, strict=True)
    ]
    return "\n".join([f"{start} call one of these lines in another terminal:", "", *lines, "", ""])


def _count(place: Place) -> str:
    return f"{place.sounds:,}{'' if place.whole else '+'} {'sound ' if place.sounds == 1 else 'sounds'}"


def typed(path: bytes, home: bytes) -> str:
    """The path as a shell takes it, short where it lies at home."""
    if path.startswith(home.rstrip(b"/") + b"/"):
        return "~/" + shlex.quote(visible(display(os.path.relpath(path, home))))
    return shlex.quote(visible(display(path)))


async def suggest(db: Database, data_dir: str, stream: TextIO = sys.stderr) -> None:
    """Says which folders might be watched, where none is. Runs once; searches go on meanwhile."""
    if await db.read(folders.active):
        return
    places = await in_thread(lambda stopping: look_at_all(usual_places(), stopping))
    told = await asyncio.to_thread(_told, places, data_dir)
    stream.write(told)
    stream.flush()


def _told(places: Sequence[Place], data_dir: str) -> str:
    home = os.fsencode(os.path.expanduser("~"))
    # Would the bare command find this daemon?
    found = load({}, os.environ).settings.data_dir == data_dir
    command = "timbred folders add" if found else f"timbred folders add --data-dir {shlex.quote(visible(data_dir))}"
    return suggestion(places, home, command)
