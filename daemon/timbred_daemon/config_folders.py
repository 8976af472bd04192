"""The watched folders as a user names them: text or tables → absolute paths, with what is wrong about them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from timbred_daemon.config_values import Complaint, Parsed, PathRules, did_you_mean, path_complaint, wrong_type
from timbred_indexer.model import WatchMode

_FOLDER_KEYS: Final = ("path", "watch")
_WATCH_MODES: Final[tuple[WatchMode, ...]] = ("native", "poll")


@dataclass(frozen=True, slots=True)
class FolderSetting:
    """One watched folder.

    Attributes:
        path: absolute, as the file system has it.
        watch: ``native`` asks the system for events; ``poll`` looks at intervals, for drives that send none.
    """

    path: bytes
    watch: WatchMode = "native"


@dataclass(frozen=True, slots=True)
class _Written:
    """A folder with what is needed to complain about it."""

    key: str
    text: str
    folder: FolderSetting


def parse_folders(key: str, value: object, rules: PathRules) -> Parsed[tuple[FolderSetting, ...]]:
    """Folders from a list of paths or of ``{path, watch}`` tables.

    A folder inside another is an error, for its files would be seen twice. A folder that is not there is a warning:
    it may be a drive that is not plugged in. What is wrong is left out, the rest is kept.
    """
    if not isinstance(value, (list, tuple)):
        suggestion = f'["{value}"]' if isinstance(value, str) else None
        return Parsed(None, (wrong_type(key, "an array of paths", value, suggestion),))
    written: list[_Written] = []
    complaints: list[Complaint] = []
    for position, item in enumerate(cast("list[object]", value)):
        folder, wrong = _parse_folder(f"{key}[{position}]", item, rules)
        complaints += wrong
        if folder is not None:
            written.append(folder)
    kept, overlapping = _without_overlaps(written)
    complaints += overlapping
    complaints += [_not_there(one) for one in kept if not rules.isdir(one.folder.path)]
    return Parsed(tuple(one.folder for one in kept), tuple(complaints))


def _parse_folder(key: str, item: object, rules: PathRules) -> tuple[_Written | None, list[Complaint]]:
    if isinstance(item, dict):
        return _parse_table(key, cast("dict[str, object]", item), rules)
    if not isinstance(item, (str, bytes)):
        return None, [wrong_type(key, 'a path or a table such as { path = "~/Samples", watch = "poll" }', item)]
    if complaint := path_complaint(key, item):
        return None, [complaint]
    return _Written(key, os.fsdecode(item), FolderSetting(rules.absolute(item))), []


def _parse_table(key: str, table: Mapping[str, object], rules: PathRules) -> tuple[_Written | None, list[Complaint]]:
    complaints = [
        Complaint(f"{key}.{name}", f"unknown key {name!r} for a folder", did_you_mean(name, _FOLDER_KEYS))
        for name in table
        if name not in _FOLDER_KEYS
    ]
    watch, wrong_watch = _parse_watch(f"{key}.watch", table.get("watch", "native"))
    complaints += wrong_watch
    path = table.get("path")
    if path is None:
        return None, [*complaints, Complaint(key, f"{key} names no path")]
    if not isinstance(path, str):
        return None, [*complaints, wrong_type(f"{key}.path", "a path", path)]
    if complaint := path_complaint(f"{key}.path", path):
        return None, [*complaints, complaint]
    return _Written(key, path, FolderSetting(rules.absolute(path), watch)), complaints


def _parse_watch(key: str, value: object) -> tuple[WatchMode, list[Complaint]]:
    for mode in _WATCH_MODES:
        if value == mode:
            return mode, []
    if not isinstance(value, str):
        return "native", [wrong_type(key, '"native" or "poll"', value)]
    message = f'{key} must be "native" or "poll", not {value!r}'
    return "native", [Complaint(key, message, did_you_mean(value, _WATCH_MODES))]


def _without_overlaps(written: list[_Written]) -> tuple[list[_Written], list[Complaint]]:
    """Sorted by path an outer folder comes before all that lies inside it; the order kept is the user's."""
    outer: list[_Written] = []
    complaints: list[Complaint] = []
    for one in sorted(written, key=lambda each: _as_prefix(each.folder.path)):
        if outer and _as_prefix(one.folder.path).startswith(_as_prefix(outer[-1].folder.path)):
            complaints.append(_overlap(one, outer[-1]))
        else:
            outer.append(one)
    return [one for one in written if one in outer], complaints


def _as_prefix(path: bytes) -> bytes:
    return path if path.endswith(b"/") else path + b"/"


def _overlap(inner: _Written, outer: _Written) -> Complaint:
    if inner.folder.path == outer.folder.path:
        return Complaint(inner.key, f"the folder {inner.text} is listed twice", severity="warning", text=inner.text)
    message = f"the folder {inner.text} lies inside {outer.text}, which is watched with all that is in it: remove one"
    return Complaint(inner.key, message, text=inner.text)


def _not_there(one: _Written) -> Complaint:
    message = f"the folder {one.text} is not there now; it is watched as soon as it is"
    return Complaint(one.key, message, severity="warning", text=one.text)


def parse_patterns(key: str, value: object) -> Parsed[tuple[bytes, ...]]:
    """Globs from a list of texts; an empty one, which would fit nothing, is an error."""
    if not isinstance(value, list):
        suggestion = f'["{value}"]' if isinstance(value, str) else None
        return Parsed(None, (wrong_type(key, "an array of patterns", value, suggestion),))
    patterns: list[bytes] = []
    complaints: list[Complaint] = []
    for position, item in enumerate(cast("list[object]", value)):
        if not isinstance(item, str):
            complaints.append(wrong_type(f"{key}[{position}]", 'a pattern such as "*.tmp.wav"', item))
        elif not item.strip("/"):
            complaints.append(Complaint(f"{key}[{position}]", f"{key} has a pattern that fits nothing: {item!r}", item))
        else:
            patterns.append(os.fsencode(item))
    return Parsed(tuple(patterns), tuple(complaints))
