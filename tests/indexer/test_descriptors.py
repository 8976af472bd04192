"""descriptors: librosa's own features, from one STFT; statistics that gain does not change."""

from typing import Any

import librosa as typed_librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sounds import clicks, noise, pluck

from timbred_indexer import spectra
from timbred_indexer.aspects import MEASURED
from timbred_indexer.descriptors import describe
from timbred_indexer.parameters import ANALYSIS_RATE, HOP, N_FFT, N_MELS, N_MFCC, TOP_DB

librosa: Any = typed_librosa  # its stubs are partial

SOUNDS = {
    "a pluck": pluck().astype(np.float32),
    "noise": noise(1.3),
    "a beat": clicks(120, 4.0),
    "a 10 ms click": noise(0.01),
}
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(librosa|numba|audioread|joblib|pooch|sklearn).*"),
    pytest.mark.filterwarnings("ignore:n_fft=.* is too large:UserWarning"),
]


@pytest.fixture(params=SOUNDS, scope="module")
def samples(request: pytest.FixtureRequest) -> NDArray[np.float32]:
    return SOUNDS[request.param]


def magnitude(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.sqrt(spectra.spectra(samples).power.T)


def mel_db(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    mel = librosa.feature.melspectrogram(
        S=magnitude(samples) ** 2, sr=ANALYSIS_RATE, n_fft=N_FFT, hop_length=HOP, n_mels=N_MELS
    )
    return np.asarray(librosa.power_to_db(mel, top_db=TOP_DB))


def assert_equal(ours: spectra.Floats, theirs: spectra.Floats) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4 * max(1.0, float(np.abs(theirs).max())))


def test_the_frames_are_librosas(samples: NDArray[np.float32]) -> None:
    assert_equal(magnitude(samples), np.abs(librosa.stft(samples, n_fft=N_FFT, hop_length=HOP)))


def test_mfcc_is_librosas(samples: NDArray[np.float32]) -> None:
    theirs = librosa.feature.mfcc(S=mel_db(samples), n_mfcc=N_MFCC)
    assert_equal(spectra.mfcc(spectra.spectra(samples)), theirs.T)


def test_chroma_is_librosas(samples: NDArray[np.float32]) -> None:
    theirs = librosa.feature.chroma_stft(S=magnitude(samples) ** 2, sr=ANALYSIS_RATE, n_fft=N_FFT, tuning=0)
    assert_equal(spectra.chroma(spectra.spectra(samples)), theirs.T)


def test_spectral_contrast_is_librosas(samples: NDArray[np.float32]) -> None:
    theirs = librosa.feature.spectral_contrast(S=magnitude(samples), sr=ANALYSIS_RATE, n_fft=N_FFT)
    assert_equal(spectra.spectral_contrast(spectra.spectra(samples).power), theirs.T)


def test_zero_crossing_rate_is_librosas(samples: NDArray[np.float32]) -> None:
    theirs = librosa.feature.zero_crossing_rate(samples, frame_length=N_FFT, hop_length=HOP, threshold=spectra.ZERO)
    assert_equal(spectra.zero_crossing_rate(spectra.spectra(samples)), theirs[0])


def test_rms_is_librosas(samples: NDArray[np.float32]) -> None:
    theirs = librosa.feature.rms(S=magnitude(samples), frame_length=N_FFT, hop_length=HOP)
    assert_equal(spectra.rms(spectra.spectra(samples)), theirs[0])


def test_onset_strength_is_librosas(samples: NDArray[np.float32]) -> None:
    theirs = librosa.onset.onset_strength(S=mel_db(samples), sr=ANALYSIS_RATE, n_fft=N_FFT, hop_length=HOP)
    assert_equal(spectra.onset_strength(spectra.spectra(samples)), theirs)


@pytest.mark.parametrize("bpm", [64, 90, 120, 174])
def test_tempo_is_librosas(bpm: float) -> None:
    envelope, hop = spectra.tempo_envelope(spectra.onset_strength(spectra.spectra(clicks(bpm))))
    theirs = librosa.feature.tempo(onset_envelope=envelope, sr=ANALYSIS_RATE, hop_length=hop)
    assert spectra.tempo(envelope, hop).bpm == pytest.approx(theirs[0])


@pytest.mark.parametrize("bpm", [80, 100, 120, 140])
def test_a_metronome_has_its_tempo(bpm: float) -> None:
    rhythm = describe(clicks(bpm))["rhythm"]
    assert rhythm[4] == pytest.approx(bpm, rel=0.01)
    assert rhythm[5] > 0.3


def test_every_aspect_has_the_length_that_the_registry_says() -> None:
    raw = describe(SOUNDS["a pluck"])
    assert {name: len(values) for name, values in raw.items()} == {a.name: len(a.fields) for a in MEASURED}


@given(st.integers(1, 3000), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_any_number_of_samples_gives_finite_values(length: int, seed: int) -> None:
    samples = np.random.default_rng(seed).uniform(-1, 1, length).astype(np.float32)
    assert all(np.isfinite(values).all() for values in describe(samples).values())


@pytest.mark.parametrize("samples", [np.ones(1), np.ones(5000), np.eye(1, 9000)[0], -np.ones(2)])
def test_odd_shapes_give_finite_values(samples: NDArray[np.float64]) -> None:
    assert all(np.isfinite(values).all() for values in describe(samples.astype(np.float32)).values())


@given(st.floats(1e-5, 1e5))
@settings(max_examples=30, deadline=None)
def test_gain_changes_nothing_but_the_reported_level(gain: float) -> None:
    soft, loud = describe(SOUNDS["a pluck"]), describe(SOUNDS["a pluck"] * np.float32(gain))
    for aspect in MEASURED:
        scored = len(aspect.scored)
        np.testing.assert_allclose(loud[aspect.name][:scored], soft[aspect.name][:scored], rtol=2e-3, atol=2e-3)
    assert loud["rms"][8] - soft["rms"][8] == pytest.approx(20 * np.log10(gain), abs=0.01)
