"""segments: trimmed at both ends, cut into windows of 10 s, never a window without sound."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sounds import noise

from timbred_indexer import segments
from timbred_indexer.parameters import ANALYSIS_RATE
from timbred_indexer.segments import cut

Samples = NDArray[np.float32]


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * ANALYSIS_RATE), np.float32)


def steady(seconds: float) -> Samples:
    return np.ones(round(seconds * ANALYSIS_RATE), np.float32)


def times(*parts: Samples, block: int = 30_000) -> list[tuple[float, float]]:
    """Start and end of each segment in seconds, from a stream of blocks."""
    whole = np.concatenate(parts)
    found = cut(whole[i : i + block] for i in range(0, len(whole), block))
    return [(round(s.start / ANALYSIS_RATE, 3), round((s.start + len(s.samples)) / ANALYSIS_RATE, 3)) for s in found]


def test_up_to_ten_seconds_are_one_segment() -> None:
    assert times(steady(10)) == [(0, 10)]


def test_silence_at_both_ends_is_trimmed_and_times_are_those_of_the_file() -> None:
    assert times(silence(1.5), steady(2), silence(3)) == [(1.5, 3.5)]


def test_longer_sounds_are_cut_into_consecutive_windows() -> None:
    assert times(silence(1), steady(26)) == [(1, 11), (11, 21), (21, 27)]


def test_a_short_remainder_moves_the_last_window_back() -> None:
    assert times(steady(23)) == [(0, 10), (10, 20), (13, 23)]


def test_silence_is_trimmed_before_the_remainder_is_measured() -> None:
    assert times(steady(13), silence(30)) == [(0, 10), (3, 13)]


def test_a_sound_that_ends_with_its_window_gets_no_further_one() -> None:
    assert times(steady(20), silence(12)) == [(0, 10), (10, 20)]


def test_a_window_without_sound_is_left_out() -> None:
    assert times(steady(10), silence(20), steady(6)) == [(0, 10), (30, 36)]


def test_a_window_moved_back_over_silence_keeps_its_length() -> None:
    assert times(steady(10), silence(20), steady(2)) == [(0, 10), (22, 32)]


@pytest.mark.parametrize("gap", [0, 15, 47])
def test_long_sounds_are_cut_like_short_ones(monkeypatch: pytest.MonkeyPatch, gap: float) -> None:
    parts = (silence(2), steady(12), silence(gap), steady(7.5), silence(11))
    held = times(*parts, block=1_000_000_000)
    monkeypatch.setattr(segments, "HELD_SECONDS", 1.0)
    assert times(*parts, block=7_001) == held


def test_digital_silence_has_no_segments() -> None:
    assert times(silence(30)) == []
    assert list(cut([])) == []


def test_a_very_quiet_recording_is_cut_like_a_loud_one() -> None:
    assert times(silence(1), steady(3) * np.float32(1e-5), silence(1)) == [(1, 4)]


def test_what_is_sixty_decibels_under_the_peak_is_silence() -> None:
    assert times(steady(1) * np.float32(0.0009), steady(1), steady(1) * np.float32(0.0011)) == [(1, 3)]


@given(st.integers(1, 400_000), st.integers(1, 50_000))
@settings(max_examples=30, deadline=None)
def test_the_windows_of_a_steady_sound_cover_it_whatever_the_blocks(length: int, block: int) -> None:
    whole = np.ones(length, np.float32)
    found = list(cut(whole[i : i + block] for i in range(0, length, block)))
    assert found[0].start == 0
    assert found[-1].start + len(found[-1].samples) == length
    assert all(0 < len(s.samples) <= 10 * ANALYSIS_RATE for s in found)
    assert all(b.start <= a.start + len(a.samples) for a, b in pairwise(found))


def test_an_hour_is_cut_while_holding_a_minute_at_most() -> None:
    alive = 0

    def hour() -> Iterable[Samples]:
        nonlocal alive
        for _ in range(360):
            alive += 1
            yield noise(10)

    for index, segment in enumerate(cut(hour())):
        assert alive - index <= 8  # six windows are the minute, two wait
        assert len(segment.samples) == 10 * ANALYSIS_RATE
