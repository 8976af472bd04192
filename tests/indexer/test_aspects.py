"""aspects: a vector's inner product is the weighted sum of the aspects' cosines, and can be weighed otherwise."""

import json
import math
import subprocess
import sys
from collections.abc import Sequence
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sounds import clicks, noise, pluck

from timbred_indexer import aspects, metric, parameters
from timbred_indexer.aspects import (
    ASPECTS,
    BLOCKS,
    DIM,
    GROUPS,
    MEASURED,
    PRESETS,
    by_aspect,
    cosines,
    reweight,
    vector,
)
from timbred_indexer.descriptors import describe
from timbred_indexer.errors import RequestError

NAMES = [aspect.name for aspect in ASPECTS]
any_weights = st.dictionaries(st.sampled_from(NAMES), st.floats(0.01, 100), min_size=1)


def blobs(samples: NDArray[np.floating]) -> dict[str, bytes]:  # pyright: ignore[reportMissingTypeArgument, reportUnknownParameterType]
    return {name: values.astype("<f4").tobytes() for name, values in describe(samples.astype(np.float32)).items()}


PLUCK, NOISE, BEAT = (vector(blobs(samples)) for samples in (pluck(), noise(0.4), clicks(120)))


def aspect_scores(query: aspects.Floats, vectors: aspects.Floats) -> dict[str, aspects.Floats]:
    """The cosines by name."""
    found = cosines(query, vectors)
    return {aspect.name: np.asarray(found[..., place]) for place, aspect in enumerate(ASPECTS)}


def blob(values: Sequence[float]) -> bytes:
    return np.array(values, "<f4").tobytes()


def test_default_weights_are_positive_and_sum_to_one() -> None:
    assert all(aspect.weight > 0 for aspect in ASPECTS)
    assert math.fsum(aspect.weight for aspect in ASPECTS) == pytest.approx(1)


def test_the_six_named_aspects_are_there() -> None:
    assert {"mfcc", "chroma", "spectral_contrast", "rhythm", "zcr", "rms"} <= set(NAMES)


def test_the_blocks_fill_the_vector() -> None:
    assert [i for block in BLOCKS.values() for i in range(block.start, block.stop)] == list(range(DIM))


def test_the_reference_statistics_fit_the_registry() -> None:
    reference = json.loads(files("timbred_indexer").joinpath("reference.json").read_text("utf-8"))
    for aspect in MEASURED:
        assert len(reference[aspect.name]["mean"]) == len(reference[aspect.name]["std"]) == len(aspect.scored)
        assert min(reference[aspect.name]["std"]) > 0


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_any_raw_values_make_a_unit_vector(data: st.DataObject) -> None:
    seed, scale = data.draw(st.integers(0, 10_000)), data.draw(st.sampled_from([0.0, 1.0, 1e6]))
    draw = np.random.default_rng(seed).standard_normal
    made = vector({a.name: (scale * draw(len(a.fields))).astype("<f4").tobytes() for a in MEASURED})
    assert made.dtype == np.float32
    assert np.linalg.norm(made) == pytest.approx(1, abs=1e-6)


def test_the_inner_product_is_the_weighted_sum_of_the_aspects_cosines() -> None:
    scores = aspect_scores(PLUCK, np.stack([PLUCK, NOISE, BEAT]))
    blended = sum(aspect.weight * scores[aspect.name] for aspect in ASPECTS)
    np.testing.assert_allclose(blended, np.stack([PLUCK, NOISE, BEAT]) @ PLUCK, atol=1e-6)
    np.testing.assert_allclose([scores[name][0] for name in NAMES], 1, atol=1e-5)


def test_scores_of_one_vector_are_those_of_many() -> None:
    one, many = aspect_scores(PLUCK, NOISE), aspect_scores(PLUCK, np.stack([NOISE]))
    assert all(one[name] == pytest.approx(many[name][0]) for name in NAMES)


@given(any_weights)
@settings(deadline=None)
def test_a_reweighted_query_gives_the_asked_blend(weights: dict[str, float]) -> None:
    asked = {aspect.name: weights.get(aspect.name, aspect.weight) for aspect in ASPECTS}
    scores = aspect_scores(PLUCK, NOISE)
    blend = sum(asked[name] * float(scores[name]) for name in NAMES) / math.fsum(asked.values())
    assert float(reweight(PLUCK, weights) @ NOISE) == pytest.approx(blend, abs=1e-5)


def test_many_queries_are_reweighted_like_one() -> None:
    both = reweight(np.stack([PLUCK, BEAT]), {"mfcc": 2.0})
    np.testing.assert_array_equal(both, [reweight(PLUCK, {"mfcc": 2.0}), reweight(BEAT, {"mfcc": 2.0})])


def test_a_query_can_ask_for_one_aspect_alone() -> None:
    alone = {name: float(name == "rhythm") for name in NAMES}
    assert reweight(PLUCK, alone) @ BEAT == pytest.approx(float(aspect_scores(PLUCK, BEAT)["rhythm"]), abs=1e-6)


@pytest.mark.parametrize(
    "weights", [{"timber": 1.0}, {"mfcc": -1.0}, {"mfcc": math.nan}, {"mfcc": math.inf}, dict.fromkeys(NAMES, 0.0)]
)
def test_weights_that_make_no_sense_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(RequestError) as caught:
        reweight(PLUCK, weights)
    assert caught.value.code == "bad_weights"


@given(st.dictionaries(st.sampled_from(list(GROUPS)), st.floats(0.01, 100), min_size=1, max_size=1))
def test_a_friendly_name_shares_its_weight_among_its_aspects(weights: dict[str, float]) -> None:
    ((group, weight),) = weights.items()
    asked = by_aspect(weights)
    assert set(asked) == set(GROUPS[group])
    assert math.fsum(asked.values()) == pytest.approx(weight)
    first, second = GROUPS[group][0], GROUPS[group][-1]
    assert asked[first] / asked[second] == pytest.approx(aspects.WEIGHTS[first] / aspects.WEIGHTS[second])


def test_an_aspect_that_is_named_itself_has_its_own_weight() -> None:
    assert by_aspect({"pitch": 1.0, "chroma": 0.0})["chroma"] == 0.0


def test_names_that_nobody_knows_are_passed_on_and_refused() -> None:
    with pytest.raises(RequestError, match="timber"):
        reweight(PLUCK, by_aspect({"timber": 1.0}))


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_a_blend_that_a_sound_matches_itself_in(preset: str) -> None:
    assert reweight(PLUCK, by_aspect(PRESETS[preset])) @ PLUCK == pytest.approx(1, abs=1e-5)


def test_friendly_names_are_no_aspects_and_cover_all_but_rhythm() -> None:
    assert not set(GROUPS) & set(NAMES)
    assert {name for members in GROUPS.values() for name in members} == set(NAMES) - {"rhythm"}


@pytest.mark.parametrize("aspect", [a for a in ASPECTS if a.kernel], ids=lambda a: a.name)
def test_the_score_of_a_kernel_aspect_falls_with_distance(aspect: aspects.Aspect) -> None:
    """All of its values at once, from as low as counts to as high; equally far apart, the mean is one kernel."""
    distances = np.linspace(0, 2 * parameters.CLIP, 40)
    mean, std = metric.reference()[aspect.name]
    usual = blobs(pluck())
    made = [
        vector(
            {
                **usual,
                aspect.name: blob([*(mean + std * (distance - parameters.CLIP)), *(0.0 for _ in aspect.reported)]),
            }
        )
        for distance in distances
    ]
    kernel = np.array([aspect_scores(made[0], other)[aspect.name] for other in made])
    assert (np.diff(kernel) < 0).all()
    np.testing.assert_allclose(kernel, np.exp(-(distances**2) / 2 / parameters.KERNEL_WIDTH**2), atol=0.05)


def test_a_blob_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="zcr has 1 values"):
        vector({**blobs(pluck()), "zcr": bytes(4)})


def test_the_version_changes_with_any_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    assert aspects._version() == aspects.VERSION  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr("timbred_indexer.parameters.HOP", 255)
    assert aspects._version() != aspects.VERSION  # pyright: ignore[reportPrivateUsage]


def test_no_heavy_library_is_imported() -> None:
    code = "import sys, timbred_indexer.aspects, timbred_indexer.explain; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"librosa", "scipy", "numba", "av", "soundfile", "torch", "faiss"} & set(loaded)
