"""Walks and stats: what is on the disk below one path. Reads directories, never a file.

Names are bytes. What ``exclusion`` names, and files that cannot hold sound, are left out. Symbolic links are followed
only where they stay inside the root, and never into a directory that the path has passed already; so what a path shows
does not depend on where a look began.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from timbred_indexer.asking import Pulse
from timbred_indexer.exclusion import MARKER, Exclusion
from timbred_indexer.model import FileStat

Passed = frozenset[tuple[int, int]]  # (device, inode) of the directories on the way

# Everything else is looked into: sound is known by its bytes, and packs hold sounds under many a name.
NOT_SOUND = frozenset(
    b"." + extension
    for extension in (
        b"txt md rtf pdf doc docx odt html htm css csv tsv json xml yml yaml toml ini cfg log url webloc nfo sfv md5 "
        b"jpg jpeg png gif bmp svg webp tif tiff ico psd heic "
        b"zip rar 7z gz bz2 xz tar tgz zst iso dmg pkg exe msi dll so dylib app bat sh py js ts c h cpp rs java class "
        b"mid midi syx als alp adg adv asd logicx band flp fst rpp rpp-bak cpr npr ptx ptf song "
        b"sfz nki nkm nkx nkc nkr nicnt nksn exs sxt rgrp h2drumkit fxp fxb vstpreset vst3 dwp "
        b"db sqlite sqlite3 db-wal db-shm lnk ds_store reapeaks pkf sfk sfap0 peak ovw gpx part crdownload partial tmp"
    ).split()
)

_SIGNED = (1 << 63) - 1  # all that fits into SQLite's integers


@dataclass(slots=True)
class Seen:
    """What a look found.

    Attributes:
        files: path relative to the root → its stat, regular files only.
        unreadable: directories (relative) that could not be listed; what is known below them stays as it is.
        root_device: ``st_dev`` of the root, when the root itself was looked at; ``root_volume`` likewise.
    """

    files: dict[bytes, FileStat] = field(default_factory=dict[bytes, FileStat])
    unreadable: list[bytes] = field(default_factory=list[bytes])
    root_device: int | None = None
    root_volume: int | None = None


def may_hold_sound(name: bytes) -> bool:
    return not name.startswith(b".") and name[max(0, name.rfind(b".")) :].lower() not in NOT_SOUND


def file_stat(info: os.stat_result) -> FileStat:
    """SQLite's integers have a sign, inode and device numbers have none: the top bit is dropped.

    A time beyond the year 2262 does not fit either, and is taken for the last one that does.
    """
    modified = max(-_SIGNED, min(info.st_mtime_ns, _SIGNED))
    return FileStat(info.st_size, modified, info.st_ino & _SIGNED, info.st_dev & _SIGNED)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a look leaves out: directories (device and inode) that are not entered, and what is excluded by name."""

    barred: Passed = frozenset()
    excluded: Exclusion = field(default_factory=Exclusion)


def volume_of(path: bytes) -> int | None:
    """What the file system says of itself: from its UUID on most, else from the device; None where it says nothing."""
    try:
        return os.statvfs(path).f_fsid & _SIGNED or None
    except OSError:
        return None


def look(root: bytes, path: bytes, rules: Rules | None = None, pulse: Pulse | None = None) -> Seen:
    """What is at ``path`` (relative to ``root``; ``b""`` is the root) and below it.

    A path that is not there yields nothing; one that cannot be looked at is ``unreadable``.

    Args:
        pulse: beats with each entry that is looked at.
    """
    seen = Seen()
    pulse = pulse or Pulse()
    rules = rules or Rules()
    full = os.path.join(root, path) if path else root
    if rules.excluded(path) or (path and (_is_marked(root, path) or not _inside(root, full))):
        return seen
    try:
        above = _above(root, path)
        info = os.stat(full)
    except (FileNotFoundError, NotADirectoryError):
        return seen
    except OSError as error:
        if error.errno != errno.ELOOP:
            seen.unreadable.append(path)
        return seen
    if not path:
        seen.root_device, seen.root_volume = file_stat(info).device, volume_of(root)
    if stat.S_ISDIR(info.st_mode):
        above.append(identity_of(info))
    passed = frozenset(above)
    if len(passed) < len(above) or passed & rules.barred:
        return seen
    if stat.S_ISDIR(info.st_mode):
        _walk(root, path, seen, passed | rules.barred, rules.excluded, pulse)
    elif stat.S_ISREG(info.st_mode) and may_hold_sound(os.path.basename(path)):
        seen.files[path] = file_stat(info)
    return seen


def _above(root: bytes, path: bytes) -> list[tuple[int, int]]:
    """The directories above ``path``, from the root on."""
    parts = path.split(b"/") if path else []
    return [identity_of(os.stat(os.path.join(root, *parts[:depth]))) for depth in range(len(parts))]


def identity_of(info: os.stat_result) -> tuple[int, int]:
    """What tells one directory from another, whatever its name."""
    return info.st_dev, info.st_ino


def _is_marked(root: bytes, path: bytes) -> bool:
    """Whether a directory above ``path``, below the root, says that it is to be left alone."""
    parts = path.split(b"/")
    return any(os.path.lexists(os.path.join(root, *parts[:depth], MARKER)) for depth in range(1, len(parts)))


def _walk(root: bytes, top: bytes, seen: Seen, passed: Passed, excluded: Exclusion, pulse: Pulse) -> None:
    waiting = [(top, passed)]
    while waiting:
        directory, passed = waiting.pop()
        prefix = directory + b"/" if directory else b""
        try:
            with os.scandir(os.path.join(root, directory) if directory else root) as listing:
                entries = list(listing)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            seen.unreadable.append(directory)
            continue
        if directory and any(entry.name == MARKER for entry in entries):
            continue
        for entry in entries:
            pulse.beat()
            path = prefix + entry.name
            if not excluded.entry(path, entry.name):
                waiting.extend(_note(root, path, entry, seen, passed))


def _note(
    root: bytes, path: bytes, entry: os.DirEntry[bytes], seen: Seen, passed: Passed
) -> Iterator[tuple[bytes, Passed]]:
    """Takes down one entry; yields it, and what lies behind it, when it is a directory to walk."""
    try:
        if entry.is_symlink() and not _inside(root, entry.path):
            return
        if entry.is_dir():
            identity = identity_of(entry.stat())
            if identity not in passed:
                yield path, passed | {identity}
        elif entry.is_file() and may_hold_sound(entry.name):
            seen.files[path] = file_stat(entry.stat())
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        if error.errno != errno.ELOOP:
            seen.unreadable.append(path)


def _inside(root: bytes, path: bytes) -> bool:
    top = os.path.realpath(root)
    real = os.path.realpath(path)
    return real == top or real.startswith(top.rstrip(b"/") + b"/")
