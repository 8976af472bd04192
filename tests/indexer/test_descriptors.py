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


@pytest.mark.parametrize("hertz", [110.0, 261.63, 700.0])
def test_a_tone_has_its_fundamental(hertz: float) -> None:
    octave, clarity, heard = describe(pluck(pitch=hertz).astype(np.float32))["fundamental"]
    assert heard == pytest.approx(hertz, rel=0.02)
    assert octave == pytest.approx(np.log2(hertz / 261.63), abs=0.03)
    assert clarity > 0.8


def test_noise_has_no_clear_fundamental() -> None:
    assert describe(noise(0.5))["fundamental"][1] < 0.5


def test_modulation_is_heard_at_its_rate() -> None:
    time = np.arange(4 * ANALYSIS_RATE) / ANALYSIS_RATE
    slow, fast = (noise(4.0) * (1 + 0.9 * np.sin(2 * np.pi * rate * time)) for rate in (3, 12))
    rates = [describe(s.astype(np.float32))["modulation"][:48].reshape(6, 8).mean(axis=1) for s in (slow, fast)]
    assert [int(np.argmax(rate)) for rate in rates] == [2, 4]  # 2 to 4 Hz, 8 to 16 Hz


def test_level_falls_along_a_decay() -> None:
    level = describe(SOUNDS["a pluck"])["level_shape"]
    assert level[:3].max() == pytest.approx(0, abs=0.5)
    assert level[20] > level[24] > level[27]


def test_silence_noise_and_an_offset_after_the_sound_change_nothing() -> None:
    sound = SOUNDS["a pluck"]
    tail = 0.002 * np.random.default_rng(0).standard_normal(ANALYSIS_RATE).astype(np.float32)
    alone, followed = describe(sound), describe(np.concatenate([sound, tail]) + np.float32(0.002))
    for name in ("onset_shape", "level_shape", "harmonics"):
        np.testing.assert_allclose(followed[name], alone[name], atol=0.1 * float(np.abs(alone[name]).max()))


@given(st.floats(1e-5, 1e5))
@settings(max_examples=30, deadline=None)
def test_gain_changes_nothing_but_the_reported_level(gain: float) -> None:
    soft, loud = describe(SOUNDS["a pluck"]), describe(SOUNDS["a pluck"] * np.float32(gain))
    for aspect in MEASURED:
        scored = len(aspect.scored)
        np.testing.assert_allclose(loud[aspect.name][:scored], soft[aspect.name][:scored], rtol=2e-3, atol=2e-3)
    assert loud["rms"][8] - soft["rms"][8] == pytest.approx(20 * np.log10(gain), abs=0.01)
