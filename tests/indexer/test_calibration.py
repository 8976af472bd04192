"""Imputed scores: one scale with the real ones, whatever both spaces look like."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from timbred_indexer.calibration import OTHERS, Calibration, Floats, spread_out


def pairs(count: int = 20_000, agreement: float = 0.6, seed: int = 1) -> Floats:
    """Scores of two spaces that agree to some extent: librosa's wide, CLAP's narrow and high."""
    random = np.random.default_rng(seed)
    shared, other = random.standard_normal((2, count))
    librosa = 0.1 + 0.2 * shared
    clap = 0.6 + 0.1 * (agreement * shared + np.sqrt(1 - agreement**2) * other)
    return np.clip(np.stack([librosa, clap], axis=1), -1, 1).astype(np.float32)


@pytest.mark.parametrize("agreement", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("rank", [0.01, 0.1, 0.5, 0.9, 0.99, 0.999])
def test_an_imputed_score_stands_where_a_real_one_of_that_rank_stands(agreement: float, rank: float) -> None:
    sample = pairs(agreement=agreement)
    fused = sample @ np.array([0.4, 0.6], np.float32)
    made = Calibration(sample).impute(np.quantile(sample[:, 0], [rank]).astype(np.float32), 0.6, 0.4)
    assert made[0] == pytest.approx(np.quantile(fused, rank), abs=0.02)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=50), st.floats(0, 1), st.floats(0.01, 1))
def test_a_higher_librosa_score_is_never_imputed_lower(scores: list[float], clap: float, librosa: float) -> None:
    made = Calibration(pairs(500)).impute(np.sort(np.array(scores, np.float32)), clap, librosa)
    assert (np.diff(made) >= 0).all()


def test_the_same_sound_is_imputed_as_the_same_sound() -> None:
    assert Calibration(pairs()).impute(np.ones(1, np.float32), 0.6, 0.4)[0] == pytest.approx(1.0, abs=1e-5)


def test_what_is_stored_comes_back() -> None:
    made = Calibration(pairs(3_000))
    again = Calibration.load(made.dump())
    asked = np.linspace(-1, 1, 50, dtype=np.float32)
    np.testing.assert_allclose(again.impute(asked, 0.6, 0.4), made.impute(asked, 0.6, 0.4), atol=2e-3)


def test_pairs_within_one_sound_are_no_sample() -> None:
    same = np.ones((4, 3), np.float32) / np.sqrt(3).astype(np.float32)
    assert Calibration.sample(same, same, np.array([7, 7, 7, 7])) is None
    assert Calibration.sample(same, same, np.array([7, 7, 8, 8])) is not None


def test_the_shares_say_how_rare_a_score_is() -> None:
    librosa, clap = Calibration(pairs()).shares_below(librosa=np.array([5.0]), clap=np.array([0.6]))
    assert (librosa[0], clap[0]) == (1.0, pytest.approx(0.5, abs=0.02))


def test_a_sample_is_spread_over_all_there_is() -> None:
    assert spread_out(range(10)) == list(range(10))
    drawn = spread_out(range(10 * OTHERS))
    assert (len(drawn), drawn[0], drawn[-1]) == (OTHERS, 0, 10 * OTHERS - 1)
