"""The suggestion for somebody who has named no folder: where sounds usually lie."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncGenerator
from itertools import count
from pathlib import Path

import pytest

from timbred_daemon.usual_places import (
    Place,
    candidates,
    look,
    look_at_all,
    suggest,
    suggestion,
    typed,
    usual_places,
)
from timbred_indexer.db import Database, next_seq
from timbred_indexer.interruptible import never
from timbred_indexer.store import folders


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_CONFIG_HOME", "XDG_MUSIC_DIR", "TIMBRED_DATA_DIR", "TIMBRED_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    return tmp_path / "me"


@pytest.fixture
async def db(tmp_path: Path) -> AsyncGenerator[Database]:
    db = await asyncio.to_thread(Database.open, str(tmp_path / "metadata.db"))
    yield db
    await asyncio.to_thread(db.close)


def filled(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_sounds_are_counted_by_name_and_hidden_ones_left_out(tmp_path: Path) -> None:
    filled(tmp_path, "a.wav", "deep/er/B.AIFF", "notes.txt", ".hidden/c.wav", "__MACOSX/._d.wav")
    assert look(os.fsencode(tmp_path), never) == Place(os.fsencode(tmp_path), 2, whole=True)


def test_a_look_ends_in_time_and_says_that_there_may_be_more(tmp_path: Path) -> None:
    filled(tmp_path, "a.wav", "deep/b.wav", "deep/er/c.wav")
    asked = count()
    assert look(os.fsencode(tmp_path), lambda: next(asked) >= 2) == Place(os.fsencode(tmp_path), 2, whole=False)
    assert look(os.fsencode(tmp_path), never, most=1) == Place(os.fsencode(tmp_path), 1, whole=False)


def test_links_that_lead_round_do_not_hold_a_look(tmp_path: Path) -> None:
    (filled(tmp_path, "a.wav") / "round").symlink_to(tmp_path)
    assert look(os.fsencode(tmp_path), never).sounds == 1


def test_places_are_those_that_exist_and_none_lies_inside_another(home: Path) -> None:
    filled(home, "Samples/a.wav", "Music/b.wav", "Documents/Splice/c.wav")
    (home / "samples").symlink_to(home / "Samples")
    here = [path for path in usual_places() if path.startswith(os.fsencode(home))]
    assert here == [os.fsencode(home / name) for name in ("Samples", "Documents/Splice", "Music")]


def test_the_music_folder_is_the_one_of_the_desktop(home: Path) -> None:
    filled(home, ".config/user-dirs.dirs", "Klänge/a.wav")
    (home / ".config/user-dirs.dirs").write_text('XDG_MUSIC_DIR="$HOME/Klänge"\n', "utf-8")
    assert os.fsencode(home / "Klänge") in usual_places()


def test_a_mac_has_places_of_its_own_and_drives_come_last() -> None:
    named = list(candidates(b"/Users/me", b"/Users/me/Music", [b"/Volumes/Disk"], mac=True))
    assert named[-3:] == [b"/Users/me/Library/Audio", b"/Library/Audio/Apple Loops", b"/Volumes/Disk"]


def test_only_places_with_sounds_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    full = filled(tmp_path / "full", "a.wav")
    found = look_at_all([os.fsencode(tmp_path / "empty"), os.fsencode(full)], never)
    assert found == [Place(os.fsencode(full), 1, whole=True)]


def test_each_place_comes_with_its_command() -> None:
    places = [Place(b"/home/me/My Samples", 1087, whole=True), Place(b"/mnt/it's", 50_001, whole=False)]
    lines = suggestion(places, b"/home/me").splitlines()
    assert "    1,087 sounds   timbred folders add ~/'My Samples'" in lines
    assert "  50,001+ sounds   timbred folders add '/mnt/it'\"'\"'s'" in lines


def test_where_no_place_has_sounds_the_command_is_said_all_the_same() -> None:
    assert "`timbred folders add FOLDER`" in suggestion([], b"/home/me")


def test_a_name_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in typed(b"/mnt/\x1b[2J", b"/home/me")


async def test_a_daemon_without_folders_suggests_some(home: Path, db: Database) -> None:
    filled(home, "Samples/a.wav")
    said = io.StringIO()
    await suggest(db, "/elsewhere", said)
    assert "  1 sound    timbred folders add --data-dir /elsewhere ~/Samples\n" in said.getvalue()


async def test_a_daemon_with_a_folder_says_nothing(home: Path, db: Database) -> None:
    filled(home, "Samples/a.wav")
    await db.write(lambda connection: folders.add(connection, b"/known", "added", "native", next_seq(connection)))
    said = io.StringIO()
    await suggest(db, "/elsewhere", said)
    assert said.getvalue() == ""
