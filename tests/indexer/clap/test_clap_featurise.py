"""Stretches of real files become features, whatever else was asked for, through the real pool too."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from sounds import Floats, corpus, noise, pluck

from patience import PATIENCE
from timbred_indexer.clap.features import RATE, features
from timbred_indexer.clap.featurise import featurise
from timbred_indexer.errors import InputError, TransientInputError
from timbred_indexer.model import Seconds
from timbred_indexer.parameters import ANALYSIS_RATE
from timbred_indexer.pool import WorkerPool
from timbred_indexer.wire import FEATURE_SHAPE, FeaturesJob

Stretches = Sequence[tuple[Seconds, Seconds]]


def stretch(start: float, end: float) -> tuple[Seconds, Seconds]:
    return Seconds(start), Seconds(end)


def featurised(path: Path, *stretches: tuple[Seconds, Seconds]) -> NDArray[np.float32]:
    made = featurise(os.fsencode(path), stretches, "repeatpad")
    return np.stack([np.frombuffer(data, "<f4").reshape(FEATURE_SHAPE) for data in made])


def write(path: Path, samples: Floats, rate: int = RATE, subtype: str | None = None) -> Path:
    soundfile.write(path, samples, rate, subtype)
    return path


def long_sound(seconds: float, rate: int) -> Floats:
    """Plucks at many pitches, one a second: no two stretches are alike."""
    parts = [pluck(1.0, rate, 110.0 * 2 ** (second * 7 % 37 / 12)) for second in range(int(seconds))]
    return np.concatenate(parts)


def test_a_whole_file_gives_the_features_of_its_samples(tmp_path: Path) -> None:
    samples = (0.3 * pluck(2.0, RATE)).astype(np.float32)
    path = write(tmp_path / "pluck.wav", samples, subtype="FLOAT")
    np.testing.assert_allclose(featurised(path, stretch(0, 2))[0], features(samples, "repeatpad"), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "rate"),
    [("a.wav", 8_000), ("a.wav", 44_100), ("a.wav", 44_099), ("a.flac", 22_050), ("a.flac", 96_000), ("a.mp3", 44_100)],
)
def test_a_stretch_is_the_same_alone_and_among_others(tmp_path: Path, name: str, rate: int) -> None:
    path = write(tmp_path / name, long_sound(24, rate), rate)
    three = (stretch(0.2, 10.2), stretch(10.2, 20.2), stretch(13.9, 23.9))
    together = featurised(path, *three)
    for index, one in enumerate(three):
        np.testing.assert_array_equal(featurised(path, one)[0], together[index])


@pytest.mark.parametrize("name", ["a.wav", "a.aiff", "a.flac"])
def test_skipping_what_lies_before_loses_no_sample(tmp_path: Path, name: str) -> None:
    samples = long_sound(30, RATE)
    path = write(tmp_path / name, samples)
    kept = soundfile.read(path, dtype="float32")[0][17 * RATE : 27 * RATE]
    # What lies beyond the edges is not in the stretch, and a frame at an edge is mirrored.
    np.testing.assert_allclose(featurised(path, stretch(17, 27))[0], features(kept, "pad"), atol=1e-4)


def test_a_resampled_stretch_has_no_edges_of_its_own(tmp_path: Path) -> None:
    """A tone cut from the middle begins at once: nothing rings, nothing fades in."""
    time = np.arange(20 * 44_100) / 44_100
    path = write(tmp_path / "tone.wav", 0.5 * np.sin(2 * np.pi * 1000 * time), 44_100, "FLOAT")
    made = featurised(path, stretch(5.003, 15.003))[0]
    loudest = int(made[500].argmax())
    np.testing.assert_allclose(made[3:-3, loudest], made[500, loudest], atol=0.01)


def test_channels_that_cancel_each_other_are_heard_through_the_first(tmp_path: Path) -> None:
    samples = 0.3 * pluck(1.0, RATE)
    stereo = write(tmp_path / "stereo.wav", np.stack([samples, -samples], axis=1), subtype="FLOAT")
    mono = write(tmp_path / "mono.wav", samples, subtype="FLOAT")
    np.testing.assert_array_equal(featurised(stereo, stretch(0, 1)), featurised(mono, stretch(0, 1)))


def test_samples_that_are_no_numbers_are_silence(tmp_path: Path) -> None:
    samples = 0.3 * pluck(1.0, RATE)
    samples[1000:1100] = np.nan
    samples[2000] = np.inf
    made = featurised(write(tmp_path / "nan.wav", samples, subtype="FLOAT"), stretch(0, 1))
    assert np.isfinite(made).all()


def test_an_end_that_rounding_moved_beyond_the_file_is_fine(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", pluck(0.1, 44_100), 44_100)
    assert featurised(path, stretch(0, 4410 / 44_100 + 1 / ANALYSIS_RATE)).shape == (1, *FEATURE_SHAPE)


def test_a_file_that_became_shorter_is_to_be_looked_at_again(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", pluck(1.0, RATE))
    with pytest.raises(TransientInputError) as caught:
        featurised(path, stretch(20, 30))
    assert caught.value.code == "changed"


async def test_the_pool_makes_features_beside_its_other_work(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac", 0.3 * noise(12.0), ANALYSIS_RATE)
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound at all")
    job = FeaturesJob(os.fsencode(path), (stretch(0, 10), stretch(2, 12)), "repeatpad", Seconds(60))
    async with asyncio.timeout(PATIENCE), WorkerPool(backlog_workers=1) as pool:
        made = await pool.features(job)
        with pytest.raises(InputError):
            await pool.features(FeaturesJob(os.fsencode(bad), (stretch(0, 1),), "pad", Seconds(60)))
    assert list(made) == await asyncio.to_thread(featurise, job.path, job.stretches, job.fill)


def test_a_real_m4a_gives_the_same_stretch_alone_and_among_others() -> None:
    path = next(iter(sorted(corpus().rglob("*.m4a"))), None)
    if path is None:
        pytest.skip("no m4a in the corpus")
    both = featurised(path, stretch(0, 0.2), stretch(0.1, 0.3))
    np.testing.assert_array_equal(featurised(path, stretch(0.1, 0.3))[0], both[1])
