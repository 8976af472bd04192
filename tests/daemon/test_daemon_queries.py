"""What can be asked, and how: by path, by bytes, by region, by names that are no text."""

import os
import urllib.request
from collections.abc import Generator
from json import loads
from pathlib import Path

import numpy as np
import pytest
from daemon_process import Daemon, daemon_on, uri_of
from tones import RATE, noise, tone, wav, write_scale, write_tone

from timbred_api.client import JsonObject, ProblemError

STEPS = range(12)
ODD_NAMES = {
    "not UTF-8": b"\xff\xfe-\x80.wav",
    "a newline": b"one\ntwo.wav",
    "a leading dash": b"-rf.wav",
    "an emoji": "🥁.wav".encode(),
    "255 bytes": b"x" * 251 + b".wav",
    "what URIs reserve": b"50%25 #1?&+;= .wav",
    "a quote and a backslash": b'it\'s "\\here\\".wav',
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    write_scale(folder, STEPS)
    (folder / "silence.wav").write_bytes(wav(np.zeros(RATE // 4)))
    for number, name in enumerate(ODD_NAMES.values()):
        Path(os.fsdecode(os.path.join(os.fsencode(folder), name))).write_bytes(wav(noise(number)))
    return folder


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Generator[Daemon]:
    with daemon_on(tmp_path_factory.mktemp("home"), folder) as daemon:
        status = daemon.settle()
        assert status["files"]["indexed"] == len(STEPS) + len(ODD_NAMES) + 1
        yield daemon


def upload(daemon: Daemon, data: bytes, query: str = "") -> JsonObject:
    request = urllib.request.Request(f"{daemon.client.address}/v1/similar{query}", data, method="POST")
    request.add_header("Content-Type", "application/octet-stream")
    with urllib.request.urlopen(request) as response:
        return loads(response.read())


def test_the_sound_itself_is_left_out_and_its_neighbour_comes_first(daemon: Daemon, folder: Path) -> None:
    rows = daemon.similar(path=str(folder / "note-5.wav"))
    assert rows[0]["path"] in {str(folder / "note-4.wav"), str(folder / "note-6.wav")}
    assert str(folder / "note-5.wav") not in {row["path"] for row in rows}


def test_scores_fall_and_lie_between_0_and_1(daemon: Daemon, folder: Path) -> None:
    scores = [row["similarity"] for row in daemon.similar(path=str(folder / "note-5.wav"), k=100)]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_by_path_and_by_id_give_one_answer(daemon: Daemon, folder: Path) -> None:
    path = folder / "note-3.wav"
    sound = daemon.indexed(path)["sound_id"]
    assert daemon.similar(path=str(path), k=100) == daemon.similar(id=sound, k=100)


def test_a_file_outside_is_analysed_and_not_kept(daemon: Daemon, folder: Path, tmp_path: Path) -> None:
    outside = write_tone(tmp_path / "outside.wav", 110.3)
    before = daemon.status()["files"]
    assert daemon.similar(path=str(outside))[0]["path"] == str(folder / "note-0.wav")
    assert daemon.status()["files"] == before


def test_a_known_sound_outside_costs_no_analysis(daemon: Daemon, folder: Path, tmp_path: Path) -> None:
    jobs = daemon.jobs
    copy = tmp_path / "copy.wav"
    copy.write_bytes((folder / "note-3.wav").read_bytes())
    assert daemon.similar(path=str(copy)) == daemon.similar(path=str(folder / "note-3.wav"))
    assert daemon.jobs == jobs


def test_uploaded_bytes_are_searched_by_and_leave_no_trace(daemon: Daemon, folder: Path) -> None:
    before = daemon.status()["files"]
    answer = upload(daemon, wav(tone(110.3)), "?k=3")
    assert answer["results"][0]["path"] == str(folder / "note-0.wav")
    assert len(answer["results"]) == 3
    assert daemon.status()["files"] == before
    assert list((daemon.data / "uploads").iterdir()) == []


def test_a_region_is_searched_by_alone(daemon: Daemon, folder: Path, tmp_path: Path) -> None:
    both = tmp_path / "both.wav"
    both.write_bytes(wav(np.concatenate([tone(110.0, 0.3), noise(2, 0.3)])))
    assert daemon.similar(path=str(both), end=0.3, k=1)[0]["path"] == str(folder / "note-0.wav")
    assert daemon.similar(path=str(both), start=0.3, k=1)[0]["uri"] == uri_of(folder / "-rf.wav")


def test_a_region_beyond_the_end_is_refused(daemon: Daemon, folder: Path) -> None:
    with pytest.raises(ProblemError) as problem:
        daemon.similar(path=str(folder / "note-5.wav"), start=100)
    assert (problem.value.status, problem.value.code) == (400, "empty_region")


def test_nothing_is_similar_to_silence_and_silence_to_nothing(daemon: Daemon, folder: Path) -> None:
    answer = daemon.client.get("/v1/similar", {"path": str(folder / "silence.wav")})
    assert answer["results"] == []
    assert "silent" in answer["notes"][0]
    assert str(folder / "silence.wav") not in daemon.found_near(folder / "note-5.wav")


def test_an_unknown_path_is_refused_with_a_sentence(daemon: Daemon, folder: Path) -> None:
    with pytest.raises(ProblemError, match="There is no file") as problem:
        daemon.similar(path=str(folder / "nothing.wav"))
    assert (problem.value.status, problem.value.code) == (404, "unknown_path")


def test_bytes_that_are_no_sound_are_refused_with_a_sentence(daemon: Daemon, tmp_path: Path) -> None:
    text = tmp_path / "text.wav"
    text.write_text("not a sound")
    with pytest.raises(ProblemError, match="cannot be analysed") as problem:
        daemon.similar(path=str(text))
    assert problem.value.status == 422


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=ODD_NAMES)
def test_an_odd_name_is_returned_exactly_and_can_be_asked_for(daemon: Daemon, folder: Path, name: bytes) -> None:
    path = os.path.join(os.fsencode(folder), name)
    sound = daemon.indexed(path)
    assert sound["uri"] == uri_of(path)
    assert sound["paths"] == [path.decode("utf-8", "replace")]
    assert daemon.similar(uri=uri_of(path), k=1)[0]["uri"] != uri_of(path)
    assert uri_of(path) in {row["uri"] for row in daemon.similar(path=str(folder / "note-5.wav"), k=1000)}


def test_a_folder_narrows_the_answer(daemon: Daemon, folder: Path) -> None:
    assert daemon.similar(path=str(folder / "note-5.wav"), folder=str(folder / "none")) == []
    assert len(daemon.similar(path=str(folder / "note-5.wav"), folder=str(folder), k=5)) == 5
