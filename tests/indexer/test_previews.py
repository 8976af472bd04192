"""Outlines and WAV files for listening, made of real files."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as typed_soundfile

from timbred_indexer.errors import InputError, TransientInputError, UnavailableError, WorkerError
from timbred_indexer.frames import frame, unframe
from timbred_indexer.model import Seconds
from timbred_indexer.previews.messages import Pcm, PcmJob, WaveformJob, decode_job
from timbred_indexer.previews.wav import write_wav
from timbred_indexer.previews.waveform import Outline, waveform
from timbred_indexer.previews.work import previewing

soundfile: Any = typed_soundfile
RATE = 8_000


def written(path: Path, samples: Any, rate: int = RATE, **options: Any) -> bytes:
    soundfile.write(str(path), samples, rate, **options)
    return os.fsencode(path)


def columns(path: bytes, frames: int, points: int) -> list[Any]:
    made = waveform(path, frames, points)
    return [np.frombuffer(column, "<f4") for column in (made.low, made.high, made.rms)]


def target(folder: Path) -> bytes:
    path = folder / "target"
    path.touch()
    return os.fsencode(path)


@pytest.mark.parametrize(("frames", "points"), [(100_000, 400), (70_001, 333), (40, 40), (1, 1), (33_000, 16)])
def test_an_outline_is_that_of_the_parts_cut_out_by_hand(tmp_path: Path, frames: int, points: int) -> None:
    samples = np.random.default_rng(1).uniform(-0.9, 0.9, frames)
    path = written(tmp_path / "a.wav", samples, subtype="FLOAT")
    low, high, rms = columns(path, frames, points)
    edges = np.arange(points + 1) * frames // points
    parts = [samples[start:end] for start, end in itertools.pairwise(edges)]
    assert np.allclose(low, [part.min() for part in parts], atol=1e-6)
    assert np.allclose(high, [part.max() for part in parts], atol=1e-6)
    assert np.allclose(rms, [np.sqrt(np.mean(part**2)) for part in parts], atol=1e-6)


def test_channels_in_opposite_phase_are_not_drawn_as_silence(tmp_path: Path) -> None:
    tone = 0.5 * np.sin(np.arange(RATE) / 5)
    low, high, rms = columns(written(tmp_path / "a.wav", np.stack([tone, -tone], 1)), RATE, 16)
    assert low.max() < -0.4
    assert high.min() > 0.4
    assert np.allclose(rms, 0.354, atol=0.01)


def test_what_is_not_a_number_or_too_loud_stays_in_the_picture(tmp_path: Path) -> None:
    samples = np.full(RATE, 3.0)
    samples[::2] = np.nan
    low, high, rms = columns(written(tmp_path / "a.wav", samples, subtype="FLOAT"), RATE, 16)
    assert (low.tolist(), high.tolist()) == ([0.0] * 16, [1.0] * 16)
    assert np.isfinite(rms).all()


def test_an_outline_that_ends_early_is_silent_from_there_on() -> None:
    outline = Outline(100, 10)
    outline.add(0, np.full((50, 1), 0.5, np.float32))
    outline.add(90, np.full((50, 1), -0.5, np.float32))  # and what comes after the end is left out
    low = np.frombuffer(outline.finish().low, "<f4")
    assert low.tolist() == [0.5] * 5 + [0.0] * 4 + [-0.5]


def test_16_bits_come_out_as_they_went_in(tmp_path: Path) -> None:
    samples = np.random.default_rng(1).integers(-32_768, 32_767, (RATE * 5, 2), np.int16)
    samples[:2] = [[-32_768, 32_767], [0, -1]]
    path = written(tmp_path / "a.aiff", samples, subtype="PCM_16")
    out = target(tmp_path)
    assert write_wav(path, Seconds(0), None, out, 2**20) == Pcm(RATE, 2, RATE * 5)
    read, rate = soundfile.read(os.fsdecode(out), dtype="int16")
    assert (rate, np.array_equal(read, samples)) == (RATE, True)


def test_a_stretch_is_exactly_what_was_asked_for(tmp_path: Path) -> None:
    samples = np.arange(RATE * 10) % 1000 / 1000
    for name in ("a.wav", "a.flac"):
        out = target(tmp_path)
        path = written(tmp_path / name, samples, subtype="PCM_16")
        assert write_wav(path, Seconds(4.5), Seconds(6), out, 2**20).frames == 12_000
        read, _ = soundfile.read(os.fsdecode(out))
        assert np.allclose(read, samples[36_000:48_000], atol=1e-4)


def test_many_channels_become_one(tmp_path: Path) -> None:
    samples = np.zeros((100, 6))
    samples[:, 3] = 0.6
    out = target(tmp_path)
    assert write_wav(written(tmp_path / "a.wav", samples), Seconds(0), None, out, 2**20) == Pcm(RATE, 1, 100)
    assert soundfile.read(os.fsdecode(out))[0][5] == pytest.approx(0.1, abs=1e-3)


def test_too_much_is_not_written(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", np.zeros(RATE * 10))
    with pytest.raises(InputError) as error:
        write_wav(path, Seconds(0), None, target(tmp_path), 100_000)
    assert error.value.code == "too_long"
    assert (tmp_path / "target").stat().st_size <= 100_000


def test_a_full_disk_is_not_the_sounds_fault(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", np.zeros(RATE * 10))
    with pytest.raises(UnavailableError) as error:
        write_wav(path, Seconds(0), None, b"/dev/full", 2**20)
    assert error.value.code == "disk_full"


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", np.zeros(RATE))
    (tmp_path / "link").symlink_to(tmp_path / "a.wav")
    with pytest.raises(UnavailableError):
        write_wav(path, Seconds(0), None, os.fsencode(tmp_path / "link"), 2**20)


@pytest.mark.parametrize("job", [
    WaveformJob(b"/s/\xff.wav", 1000, 16, Seconds(60)),
    PcmJob(b"/s/a.wav", Seconds(1), None, b"/tmp/x", 4, Seconds(60)),
    PcmJob(b"/s/a.wav", Seconds(0), Seconds(2.5), b"/tmp/x", 4, Seconds(60)),
])  # fmt: skip
def test_jobs_survive_the_trip(job: WaveformJob | PcmJob) -> None:
    assert decode_job(job.encode()[4:]) == job


def test_jobs_of_other_kinds_are_left_to_others() -> None:
    assert previewing(lambda body: body)(frame(["analyse", b"/a"])[4:]) == frame(["analyse", b"/a"])[4:]


@pytest.mark.parametrize(
    "column", [b"", bytes(4), np.full(16, np.nan, "<f4").tobytes(), np.full(16, 2, "<f4").tobytes()]
)
def test_a_workers_nonsense_is_no_waveform(column: bytes) -> None:
    good = bytes(64)
    with pytest.raises(WorkerError):
        WaveformJob(b"", 100, 16, Seconds(1)).read(unframe(frame([good, column, good])[4:]))


def test_a_file_that_went_away_is_said_to_have(tmp_path: Path) -> None:
    with pytest.raises(TransientInputError):
        waveform(os.fsencode(tmp_path / "a.wav"), 10, 10)
