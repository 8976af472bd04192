"""Copies are told from other takes by their waves."""

import numpy as np
import pytest
from drums import Samples, at_8_bits, delayed, faded_out, take, with_noise, without_highs

from timbred_indexer.duplicates.alignment import Comparison, compare
from timbred_indexer.duplicates.groups import CLOSENESS, COHERENCE
from timbred_indexer.parameters import ANALYSIS_RATE

HIT = take(1)

COPIES: dict[str, Samples] = {
    "itself": HIT,
    "quieter": HIT * np.float32(0.06),
    "inverted": -HIT,
    "8 bits": at_8_bits(HIT),
    "8 kHz": without_highs(HIT),
    "a codec's noise": with_noise(HIT, -20),
    "half a sample late": delayed(HIT, 0.5),
    "faded out": faded_out(HIT),
    "without its attack": HIT[2_000:],
    "without its tail": HIT[: len(HIT) // 2],
}


def is_copy(found: Comparison) -> bool:
    return found.coherence >= COHERENCE and found.closeness >= CLOSENESS


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_a_copy_is_recognised(copy: Samples) -> None:
    assert is_copy(compare(HIT, copy))
    assert is_copy(compare(copy, HIT))


@pytest.mark.parametrize("number", range(2, 8))
def test_another_take_of_the_same_drum_is_no_copy(number: int) -> None:
    assert not is_copy(compare(HIT, take(number)))


@pytest.mark.parametrize("force", [0.5, 0.8, 1.3])
def test_another_velocity_layer_is_no_copy(force: float) -> None:
    assert not is_copy(compare(HIT, take(3, force=force)))


def test_the_neighbouring_note_is_no_copy() -> None:
    assert not is_copy(compare(HIT, take(1, pitch=180.0 * 2 ** (1 / 12))))


def test_strangers_share_nothing() -> None:
    noise = np.random.default_rng(3).standard_normal(8_000).astype(np.float32)
    assert compare(HIT, noise).coherence < 0.3


def test_gain_and_polarity_are_told() -> None:
    found = compare(HIT, -HIT * np.float32(0.5))
    assert found.inverted
    assert found.gain == pytest.approx(-6.02, abs=0.05)
    assert found.gain_range < 0.1


def test_where_a_trimmed_copy_begins_is_told() -> None:
    found = compare(HIT, HIT[1_234:])
    assert found.lag == pytest.approx(1_234, abs=0.2)
    assert found.covered[0] < 0.9
    assert found.covered[1] == pytest.approx(1.0)


def test_a_fade_changes_the_gain_over_time() -> None:
    assert compare(HIT, faded_out(HIT, 0.9)).gain_range > 2.0
    assert compare(HIT, with_noise(HIT, -20)).gain_range < 2.0


@pytest.mark.parametrize("length", [0, 1, 40, 300])
def test_clicks_of_any_length_are_compared(length: int) -> None:
    click = HIT[:length]
    assert is_copy(compare(click, click)) == (length > 0)


def tone(pitch: float, seconds: float, *, decay: float = 0.0) -> Samples:
    time = np.arange(round(seconds * ANALYSIS_RATE)) / ANALYSIS_RATE
    return (0.5 * np.sin(2 * np.pi * pitch * time) * np.exp(-decay * time)).astype(np.float32)


GLIDE = np.sin(2 * np.pi * np.cumsum(np.linspace(250, 450, 4_600)) / ANALYSIS_RATE).astype(np.float32)


@pytest.mark.parametrize("pitch", [265.0, 300.0, 355.0, 420.0])
@pytest.mark.parametrize("seconds", [0.005, 0.01, 0.03])
def test_a_moment_of_a_glide_is_no_copy_of_the_tone_that_it_passes(pitch: float, seconds: float) -> None:
    assert not is_copy(compare(GLIDE, tone(pitch, seconds)))
    assert not is_copy(compare(tone(pitch, seconds), GLIDE))


@pytest.mark.parametrize("seconds", [0.03, 0.1, 0.3])
def test_steady_tones_of_nearly_one_frequency_are_no_copies(seconds: float) -> None:
    assert not is_copy(compare(tone(440.0, 2.0), tone(443.0, seconds)))
    assert not is_copy(compare(tone(440.0, seconds), tone(443.0, seconds)))


def test_a_tone_that_dies_away_is_no_part_of_a_steady_one() -> None:
    assert not is_copy(compare(tone(440.0, 2.0), tone(440.0, 0.5, decay=8.0)))


def test_a_part_of_a_steady_tone_is_found_by_its_samples() -> None:
    steady = tone(440.0, 2.0)
    assert is_copy(compare(steady, steady[1_000:9_000]))
    assert is_copy(compare(steady, at_8_bits(steady)))


def test_a_part_of_a_glide_is_found() -> None:
    assert is_copy(compare(GLIDE, GLIDE[:2_500]))
