"""Near-duplicates end to end: real files, the real daemon, its workers and the child that pairs."""

from __future__ import annotations

import io
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as typed_soundfile
from daemon_process import Daemon, daemon_on
from tones import RATE, Samples

from timbred_api.client import JsonObject

soundfile: Any = typed_soundfile


def hit(number: int, pitch: float = 180.0, seconds: float = 0.5) -> Samples:
    """A take of a drum: the same modes each time, phases and rattle of its own."""
    random = np.random.default_rng(number)
    time = np.arange(round(seconds * RATE)) / RATE
    modes = ((1.0, 6.0), (1.59, 9.0), (2.14, 13.0), (2.65, 17.0))
    sound = sum(np.sin(2 * np.pi * pitch * r * time + random.uniform(0, 6)) * np.exp(-d * time) for r, d in modes)
    rattle = 0.4 * random.standard_normal(len(time)) * np.exp(-18 * time)
    return 0.2 * (sound + rattle)


def at_half_the_rate(samples: Samples) -> Samples:
    half = len(samples) // 2
    return np.fft.irfft(np.fft.rfft(samples)[: half // 2 + 1], half) / 2


def write(path: Path, samples: Samples, rate: int = RATE, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with io.BytesIO() as file:
        soundfile.write(file, samples, rate, format=path.suffix[1:], **options)
        path.write_bytes(file.getvalue())
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drums")
    for number in range(6):  # round robins: alike, and no duplicates
        write(folder / "pack" / f"hit{number}.wav", hit(number))
    write(folder / "copies" / "quiet.flac", 0.25 * hit(0))
    write(folder / "copies" / "part.ogg", hit(1)[: round(0.3 * RATE)])
    write(folder / "copies" / "narrow.wav", at_half_the_rate(hit(2)), RATE // 2)
    (folder / "copies" / "same.wav").write_bytes((folder / "pack" / "hit3.wav").read_bytes())
    return folder


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Generator[Daemon]:
    with daemon_on(tmp_path_factory.mktemp("home"), folder) as daemon:
        assert daemon.settle()["files"]["indexed"] == 10
        yield daemon


def listed(daemon: Daemon, *arguments: str) -> JsonObject:
    made = daemon.cli("duplicates", "--wait", "--json", *arguments)
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)


def names(group: JsonObject) -> set[str]:
    return {Path(path).name for row in group["members"] for path in row["paths"]}


def test_copies_are_grouped_and_other_takes_are_not(daemon: Daemon) -> None:
    answer = listed(daemon)
    assert answer["complete"]
    groups = sorted(map(names, answer["results"]), key=sorted)
    assert groups == sorted(
        [{"hit0.wav", "quiet.flac"}, {"hit1.wav", "part.ogg"}, {"hit2.wav", "narrow.wav"}, {"hit3.wav", "same.wav"}],
        key=sorted,
    )


def test_each_copy_says_what_it_is(daemon: Daemon) -> None:
    said = {
        Path(row["path"]).name: row["evidence"]["sentence"]
        for group in listed(daemon)["results"]
        for row in group["members"]
        if row["evidence"]
    }
    assert said["quiet.flac"] == "The same audio, 12 dB quieter, in another format (flac)."
    assert said["part.ogg"] == "A part of the same audio, in another format (ogg)."
    assert "2 files hold the same bytes." in said.values()


def test_a_new_copy_joins_its_group_and_nothing_was_touched(daemon: Daemon, folder: Path) -> None:
    before = {path: path.stat() for path in folder.rglob("*.*")}
    daemon.indexed(write(folder / "copies" / "late.wav", -hit(5)))
    (group,) = [group for group in listed(daemon, "--kind", "same_audio")["results"] if "late.wav" in names(group)]
    assert names(group) == {"hit5.wav", "late.wav"}
    assert {path: path.stat().st_mtime_ns for path in before} == {p: stat.st_mtime_ns for p, stat in before.items()}
