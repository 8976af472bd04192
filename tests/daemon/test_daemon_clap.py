"""The second space in the real daemon, with a tiny checkpoint: filling, words, crashes, exchange of the model."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import pytest
from daemon_process import Daemon, daemon_on, uri_of, wait_for
from tones import write_scale, write_tone

from timbred_api.client import JsonObject, ProblemError
from timbred_indexer.weights_store import remove
from tiny import install

STEPS = range(40)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    write_scale(folder, STEPS)
    return folder


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, folder: Path, checkpoint: Path) -> Generator[Daemon]:
    """It was killed while it heard, went on where it was, and has heard everything."""
    home = tmp_path_factory.mktemp("home")
    install(home / "data", checkpoint)
    with daemon_on(home, folder) as daemon:
        wait_for(lambda: clap_of(daemon)["vectors"] > 0)
        known = clap_of(daemon)["vectors"]
        daemon.stop(signal.SIGKILL)
        daemon.start()
        assert clap_of(daemon)["vectors"] >= known
        daemon.settle()
        yield daemon


def clap_of(daemon: Daemon) -> JsonObject:
    return daemon.status()["spaces"]["clap"]


def test_everything_is_heard_though_it_was_killed_and_status_says_so(daemon: Daemon) -> None:
    space = clap_of(daemon)
    assert (space["coverage"], space["pending"], space["failed"]) == (1.0, 0, 0)
    assert (space["model"], space["vectors"]) == ("tiny", len(STEPS))


def test_similar_sounds_have_a_score_in_both_spaces(daemon: Daemon, folder: Path) -> None:
    rows = wait_for(lambda: _fused(daemon, folder / "note-5.wav"))
    for row in rows:
        expected = 0.6 * row["scores"]["clap"] + 0.4 * row["scores"]["librosa"]
        assert row["similarity"] == pytest.approx(expected, abs=2e-4)
    assert len(rows) == 10


def _fused(daemon: Daemon, path: Path) -> list[JsonObject] | None:
    """An answer of both spaces; their scores are compared a moment after the last vector."""
    rows = daemon.similar(uri=uri_of(path))
    return rows if all(row["scores"]["clap"] is not None for row in rows) else None


def test_words_find_sounds_and_the_command_line_does_too(daemon: Daemon, folder: Path) -> None:
    rows = daemon.client.get("/v1/search", {"text": "rain on a tin roof", "k": 3})["results"]
    said = daemon.cli("search", "rain on", "a tin roof", "-k", "3", "--paths")
    assert said.stdout.splitlines() == [row["path"] for row in rows]
    assert len(rows) == 3


def test_a_new_file_is_heard_after_a_moment(daemon: Daemon, folder: Path) -> None:
    path = write_tone(folder / "new.wav", 1234.5)
    sound = daemon.indexed(path)
    wait_for(lambda: clap_of(daemon)["vectors"] == len(STEPS) + 1)
    rows = daemon.client.get("/v1/search", {"text": "anything", "k": 1000})["results"]
    assert sound["sound_id"] in {row["sound_id"] for row in rows}
    path.unlink()
    daemon.gone(path)


def test_a_killed_model_costs_nothing(daemon: Daemon, folder: Path) -> None:
    heard = clap_of(daemon)["vectors"]
    for number in range(30):
        write_tone(folder / "many" / f"{number}.wav", 2000.0 + 7 * number, seconds=0.1)
    wait_for(lambda: clap_of(daemon)["vectors"] > heard)
    for child in daemon.children():
        with suppress(ProcessLookupError):  # one that had nothing left to do
            os.kill(child, signal.SIGKILL)
    daemon.settle()
    assert (clap_of(daemon)["coverage"], clap_of(daemon)["failed"]) == (1.0, 0)
    (folder / "many").rename(folder / ".many")
    daemon.look()


def test_a_region_and_a_sound_that_is_not_indexed_are_heard_for_the_question(daemon: Daemon, folder: Path) -> None:
    outside = write_tone(folder.parent / "outside.wav", 333.0, 1.0)
    for parameters in ({}, {"start": 0.2, "end": 0.6}):
        rows = daemon.similar(uri=uri_of(outside), **parameters)
        assert all(row["scores"]["clap"] is not None for row in rows)


def test_without_a_model_everything_else_works_and_words_say_what_to_do_until_there_is_one(
    tmp_path: Path, checkpoint: Path
) -> None:
    write_scale(tmp_path / "sounds", range(3))
    with daemon_on(tmp_path / "home", tmp_path / "sounds") as daemon:
        status = daemon.settle()
        assert "timbred model fetch" in status["spaces"]["clap"]["advice"]
        assert len(daemon.similar(uri=uri_of(tmp_path / "sounds" / "note-1.wav"))) == 2
        with pytest.raises(ProblemError) as problem:
            daemon.client.get("/v1/search", {"text": "rain"})
        assert (problem.value.code, problem.value.status) == ("clap_unavailable", 503)
        said = daemon.cli("search", "rain")
        assert (said.returncode, "timbred model fetch" in said.stderr) == (1, True)
        install(daemon.data, checkpoint)
        assert "timbred model fetch" not in daemon.cli("search", "rain").stderr


def test_another_model_takes_over_when_it_has_heard_everything(tmp_path: Path, checkpoint: Path) -> None:
    write_scale(tmp_path / "sounds", range(10), seconds=0.1)
    data = tmp_path / "home" / "data"
    install(data, checkpoint, "first")
    with daemon_on(tmp_path / "home", tmp_path / "sounds") as daemon:
        daemon.settle()
        install(data, checkpoint, "second")
        remove(os.fspath(data), "first")
        wait_for(lambda: (clap_of(daemon)["version"] or "").startswith("second"))
        assert (clap_of(daemon)["vectors"], clap_of(daemon)["filling"]) == (10, None)
        daemon.restart()
        daemon.settle()
        assert (clap_of(daemon)["model"], clap_of(daemon)["vectors"]) == ("second", 10)


def test_a_damaged_model_is_named_and_the_rest_goes_on(tmp_path: Path, checkpoint: Path) -> None:
    write_scale(tmp_path / "sounds", range(3))
    installed = install(tmp_path / "home" / "data", checkpoint)
    weights = Path(installed.folder, "model.safetensors")
    damaged = bytearray(weights.read_bytes())
    damaged[-1] ^= 1
    weights.write_bytes(damaged)
    daemon = Daemon(tmp_path / "home").start(tmp_path / "sounds")
    try:
        wait_for(lambda: "model.safetensors" in " ".join(daemon.status()["notes"]))
        wait_for(lambda: daemon.status()["files"]["indexed"] == 3)
        wait_for(lambda: len(daemon.similar(uri=uri_of(tmp_path / "sounds" / "note-1.wav"))) == 2)
        with pytest.raises(ProblemError) as problem:
            daemon.client.get("/v1/search", {"text": "rain"})
        assert problem.value.status == 503
    finally:
        assert daemon.stop() == 0
