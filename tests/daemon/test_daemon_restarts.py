"""What one life of the daemon leaves to the next: answers, labels, moves that nobody watched, damaged snapshots."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from daemon_process import Daemon, daemon_on, wait_for
from tones import write_scale, write_tone

from timbred_api.client import JsonObject

STEPS = range(24)


@dataclass
class Library:
    """A folder that was indexed in a daemon's first life, and what that one answered."""

    daemon: Daemon
    folder: Path
    version: str
    answer: list[JsonObject]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    folder = tmp_path_factory.mktemp("sounds")
    write_scale(folder, STEPS)
    (folder / "copy.wav").write_bytes((folder / "note-3.wav").read_bytes())
    with daemon_on(tmp_path_factory.mktemp("home"), folder) as daemon:
        version = daemon.settle()["spaces"]["librosa"]["version"]
        daemon.label(daemon.indexed(folder / "note-0.wav")["sound_id"], "lowest")
        answer = daemon.similar(path=str(folder / "note-7.wav"), k=100)
        assert len(answer) == len(STEPS) - 1
        return Library(daemon, folder, version, answer)


def live_again(library: Library) -> JsonObject:
    """A life that only looks and answers; gives its last status."""
    daemon = library.daemon
    daemon.start()
    try:
        status = daemon.settle()
        assert daemon.similar(path=str(library.folder / "note-7.wav"), k=100) == library.answer
        return status
    finally:
        assert daemon.stop() == 0


def compact(library: Library) -> Path:
    """What the daemon runs when it has collected enough. Gives the snapshot."""
    data = library.daemon.data
    command = [sys.executable, "-m", "timbred_indexer.compact", str(data / "metadata.db"), str(data)]
    subprocess.run([*command, "librosa", library.version, "0.99"], check=True, capture_output=True)
    return data / "librosa.index"


def test_answers_and_labels_outlive_a_restart_and_nothing_is_analysed(library: Library) -> None:
    status = live_again(library)
    assert status["workers"]["jobs"] == 0
    assert "lowest" in {row["label"] for row in library.answer}


def test_a_snapshot_is_used_and_changes_no_answer(library: Library) -> None:
    compact(library)
    index = live_again(library)["spaces"]["librosa"]["index"]
    assert (index["segments"], index["buffer"]) == (len(STEPS), 0)


def delete(snapshot: Path) -> None:
    snapshot.unlink()


def truncate(snapshot: Path) -> None:
    snapshot.write_bytes(snapshot.read_bytes()[:-100])


def flip_a_byte(snapshot: Path) -> None:
    data = bytearray(snapshot.read_bytes())
    data[-5] ^= 0xFF
    snapshot.write_bytes(data)


def garble_the_manifest(snapshot: Path) -> None:
    snapshot.with_name("librosa.manifest.json").write_text('{"space": "librosa", ')


def empty_the_manifest(snapshot: Path) -> None:
    snapshot.with_name("librosa.manifest.json").write_text("[]")


def fill_with_noise(snapshot: Path) -> None:
    snapshot.write_bytes(bytes(range(256)) * (len(snapshot.read_bytes()) // 256 + 1))


SHORT = (truncate, garble_the_manifest)  # test_keeper knows them all, without a daemon
MORE = (delete, empty_the_manifest, fill_with_noise)
DAMAGES = (*SHORT, *(pytest.param(damage, marks=pytest.mark.slow) for damage in MORE))


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_snapshot_changes_no_answer(library: Library, damage: Callable[[Path], None]) -> None:
    damage(compact(library))
    assert live_again(library)["workers"]["jobs"] == 0


def test_a_snapshot_with_one_wrong_byte_is_noticed_and_dropped(library: Library) -> None:
    snapshot = compact(library)
    flip_a_byte(snapshot)
    daemon = library.daemon
    daemon.start()
    try:
        daemon.settle()
        assert index_is_rebuilt(daemon)
        assert daemon.similar(path=str(library.folder / "note-7.wav"), k=100) == library.answer
    finally:
        assert daemon.stop() == 0
    assert not snapshot.exists()


def index_is_rebuilt(daemon: Daemon) -> bool:
    return wait_for(lambda: daemon.status()["spaces"]["librosa"]["index"]["buffer"] == len(STEPS))


def test_what_was_moved_while_nobody_watched_is_the_same_sound(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    two.mkdir()
    file, across, deep = (
        write_tone(path, 200.0 + n)
        for n, path in enumerate((one / "a.wav", one / "b.wav", one / "kit" / "in" / "c.wav"))
    )
    with daemon_on(tmp_path / "home", one, two) as daemon:
        daemon.settle()
        before = [daemon.indexed(path)["sound_id"] for path in (file, across, deep)]
        daemon.label(before[1], "mine")
        assert daemon.stop() == 0
        places = [
            file.rename(one / "renamed.wav"),
            across.rename(two / "across.wav"),
            (one / "kit").rename(two / "kit2") / "in" / "c.wav",
        ]
        daemon.start()
        status = daemon.settle()
        after = [daemon.indexed(path) for path in places]
        assert [sound["sound_id"] for sound in after] == before
        assert [sound["paths"] for sound in after] == [[str(path)] for path in places]
        assert after[1]["label"] == "mine"
        assert (status["workers"]["jobs"], status["files"]["missing"]) == (0, 0)
