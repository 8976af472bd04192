"""Our features are the ones that the models were trained on."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from sounds import pluck

from timbred_indexer.clap.features import RATE, SAMPLES, features
from timbred_indexer.wire import FEATURE_SHAPE, FILLS, Fill

needs_transformers = pytest.mark.skipif(
    importlib.util.find_spec("transformers") is None or importlib.util.find_spec("torch") is None,
    reason="no transformers: pip install 'timbred[clap]'",
)


@needs_transformers
@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("length", [1, 2, 700, 48_000, 160_000, 240_001, 479_999, 480_000])
def test_they_are_those_of_transformers_extractor(length: int, fill: Fill) -> None:
    from transformers import ClapFeatureExtractor

    theirs = ClapFeatureExtractor(truncation="rand_trunc", frequency_min=50)
    samples = np.resize(pluck(3, RATE), length).astype(np.float32)
    expected = theirs(samples, padding=fill, sampling_rate=RATE, return_tensors="np")["input_features"][0, 0]
    np.testing.assert_allclose(features(samples, fill), expected, atol=1e-4, rtol=0)


def test_they_have_the_shape_that_travels() -> None:
    made = features(np.ones(100, np.float32), "repeatpad")
    assert (made.shape, made.dtype) == (FEATURE_SHAPE, np.float32)


def test_silence_lies_at_the_floor() -> None:
    np.testing.assert_allclose(features(np.zeros(100, np.float32), "pad"), -100.0)


def test_what_comes_after_ten_seconds_is_left_out() -> None:
    samples = np.random.default_rng(0).standard_normal(SAMPLES + 500).astype(np.float32)
    np.testing.assert_array_equal(features(samples, "pad"), features(samples[:SAMPLES], "pad"))


def test_the_rules_for_short_sounds_differ_where_they_should() -> None:
    samples = np.random.default_rng(0).standard_normal(160_001).astype(np.float32)
    made = {fill: features(samples, fill) for fill in FILLS}
    ends = {fill: float(made[fill][-1].max()) for fill in FILLS}
    assert ends["pad"] == ends["repeatpad"] == -100.0 < ends["repeat"]
    assert made["pad"][500].max() == -100.0 < made["repeatpad"][500].max()
