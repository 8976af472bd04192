"""analyse: one file in, segments with unit vectors out; the same sound in any wrapping is the same sound."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sounds import Floats, corpus, noise, pluck

from timbred_indexer.analyse import analyse
from timbred_indexer.aspects import DIM, MEASURED, VERSION
from timbred_indexer.errors import InputError, RequestError
from timbred_indexer.model import Analysis, Seconds
from timbred_indexer.parameters import ANALYSIS_RATE

RATE = 44_100


def analysed(path: Path, samples: Floats, rate: int = RATE, **options: Any) -> Analysis:
    soundfile.write(str(path), samples, rate, **options)
    return analyse(os.fsencode(path))


def vectors(analysis: Analysis) -> NDArray[np.float32]:
    return np.stack([np.frombuffer(s.vector, "<f4") for s in analysis.segments if s.vector is not None])


def similarity(a: Analysis, b: Analysis) -> float:
    return float((vectors(a) @ vectors(b).T).max())


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    return analysed(tmp_path_factory.mktemp("original") / "a.wav", pluck(rate=RATE))


def test_an_analysis_says_what_the_file_is(original: Analysis) -> None:
    assert (original.sample_rate, original.channels, original.format) == (RATE, 1, "wav")
    assert original.duration == pytest.approx(0.8)
    assert original.version == VERSION
    assert not original.cut_short


def test_every_segment_has_its_aspects_and_a_unit_vector(original: Analysis) -> None:
    (segment,) = original.segments
    assert {name: len(blob) for name, blob in segment.aspects.items()} == {a.name: 4 * len(a.fields) for a in MEASURED}
    assert vectors(original).shape == (1, DIM)
    assert np.linalg.norm(vectors(original)) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.wav", {"subtype": "PCM_U8"}),
        ("a.wav", {"subtype": "PCM_24"}),
        ("a.wav", {"subtype": "FLOAT"}),
        ("a.aiff", {}),
        ("a.flac", {}),
        ("a.ogg", {}),
        ("a.mp3", {}),
    ],
)
def test_depth_and_format_change_next_to_nothing(
    tmp_path: Path, original: Analysis, name: str, options: dict[str, Any]
) -> None:
    assert similarity(original, analysed(tmp_path / name, pluck(rate=RATE), **options)) >= 0.98


@pytest.mark.parametrize("rate", [22_050, 32_000, 48_000, 96_000, 192_000])
def test_the_rate_changes_next_to_nothing(tmp_path: Path, original: Analysis, rate: int) -> None:
    assert similarity(original, analysed(tmp_path / "a.wav", pluck(rate=rate), rate)) >= 0.98


def drum(seconds: float = 0.5) -> Floats:
    """A falling pitch and a burst of noise, both soon gone."""
    time = np.arange(round(seconds * RATE)) / RATE
    body = np.sin(2 * np.pi * (60 * time - 4 * np.exp(-30 * time))) * np.exp(-9 * time)
    return 0.6 * body + 0.3 * np.random.default_rng(5).standard_normal(len(time)) * np.exp(-60 * time)


def hiss(seconds: float = 0.4) -> Floats:
    time = np.arange(round(seconds * RATE)) / RATE
    return 0.2 * np.random.default_rng(6).standard_normal(len(time)) * np.exp(-12 * time)


SOUNDS = {"a pluck": pluck(rate=RATE), "a drum": drum(), "a hiss": hiss()}


@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize(
    ("gain", "name", "options"),
    [
        (1.0, "a.wav", {"subtype": "PCM_U8"}),
        (0.05, "a.wav", {"subtype": "PCM_16"}),
        (0.8, "a.ogg", {}),
        (0.8, "a.mp3", {}),
    ],
    ids=["8 bits", "-26 dB in 16 bits", "ogg", "mp3"],
)
def test_the_same_sound_otherwise_written_is_the_same(
    tmp_path: Path, sound: str, gain: float, name: str, options: dict[str, Any]
) -> None:
    samples = SOUNDS[sound] / np.abs(SOUNDS[sound]).max()
    original = analysed(tmp_path / "original.wav", samples, subtype="FLOAT")
    assert similarity(original, analysed(tmp_path / name, gain * samples, **options)) >= 0.98


@pytest.mark.parametrize(
    "name", ["uzu-drumkit", "sonic-pi", "kenney-interface", "double-bass", "splendid-grand", "body-percussion"]
)
def test_a_sound_of_the_corpus_is_nearly_the_same_in_8_bits(tmp_path: Path, name: str) -> None:
    path = sorted(str(p) for p in (corpus() / name).rglob("*") if p.suffix in {".wav", ".flac", ".ogg"})[0]
    read: Any = soundfile.read  # its stub is partial
    data, rate = read(path, dtype="float32", always_2d=True)
    samples = np.asarray(data).mean(axis=1)[: 10 * rate]
    samples /= np.abs(samples).max()
    original = analysed(tmp_path / "a.wav", samples, rate)
    assert similarity(original, analysed(tmp_path / "b.wav", samples, rate, subtype="PCM_U8")) >= 0.95


def test_channels_change_nothing(tmp_path: Path, original: Analysis) -> None:
    stereo = analysed(tmp_path / "a.wav", np.stack([pluck(rate=RATE)] * 2, axis=1))
    assert stereo.channels == 2
    assert similarity(original, stereo) >= 0.999


@given(gain=st.floats(0.01, 1.0), seconds=st.floats(0, 3))
@settings(max_examples=15, deadline=None)
def test_gain_and_leading_silence_change_next_to_nothing(
    original: Analysis, tmp_path_factory: pytest.TempPathFactory, gain: float, seconds: float
) -> None:
    quiet = np.concatenate([np.zeros(round(seconds * RATE)), gain * pluck(rate=RATE)])
    found = analysed(tmp_path_factory.mktemp("s") / "a.wav", quiet, subtype="PCM_24")
    assert similarity(original, found) >= 0.98
    assert found.segments[0].start == pytest.approx(seconds, abs=0.005)


@given(st.integers(1, 2000))
@settings(max_examples=25, deadline=None)
def test_any_length_makes_a_unit_vector(tmp_path_factory: pytest.TempPathFactory, frames: int) -> None:
    found = analysed(tmp_path_factory.mktemp("s") / "a.wav", pluck(rate=RATE)[100 : 100 + frames])
    assert np.linalg.norm(vectors(found), axis=1) == pytest.approx(1, abs=1e-6)


def test_digital_silence_is_no_error_and_like_nothing(tmp_path: Path) -> None:
    found = analysed(tmp_path / "a.wav", np.zeros(RATE))
    assert found.segments == ()
    assert found.duration == 1.0


def test_a_different_sound_is_less_alike_than_the_same(tmp_path: Path, original: Analysis) -> None:
    assert similarity(original, analysed(tmp_path / "a.wav", noise(0.3), ANALYSIS_RATE)) < 0.6


def test_a_region_is_analysed_alone_with_the_files_own_times(tmp_path: Path, original: Analysis) -> None:
    soundfile.write(str(tmp_path / "a.wav"), np.concatenate([noise(3.0)] * 4), ANALYSIS_RATE)
    found = analyse(os.fsencode(tmp_path / "a.wav"), start=Seconds(4.0), end=Seconds(6.5))
    (segment,) = found.segments
    assert (segment.start, segment.end) == pytest.approx((4.0, 6.5), abs=0.001)


@pytest.mark.parametrize(("start", "end"), [(5, None), (1, 1), (2, 1), (-1, None), (float("nan"), None), (2, 3)])
def test_a_region_without_sound_is_refused(tmp_path: Path, start: float, end: float | None) -> None:
    soundfile.write(str(tmp_path / "a.wav"), pluck(), ANALYSIS_RATE)
    with pytest.raises(RequestError) as caught:
        analyse(os.fsencode(tmp_path / "a.wav"), start=Seconds(start), end=None if end is None else Seconds(end))
    assert caught.value.code == "empty_region"


def outcome_of(path: str) -> Analysis | InputError:
    try:
        return analyse(os.fsencode(path))
    except InputError as error:
        return error


def test_every_damaged_file_is_analysed_or_refused_with_a_reason() -> None:
    seen = 0
    for folder, _, names in os.walk(corpus() / "odd"):
        for name in names:
            seen += 1
            outcome = outcome_of(os.path.join(folder, name))
            if isinstance(outcome, InputError):
                assert outcome.message.endswith(".")
            else:
                assert outcome.duration > 0
    assert seen > 100
