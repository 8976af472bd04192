"""explain: two or three stable sentences that a musician understands."""

from collections.abc import Mapping

import numpy as np
from sounds import Floats, clicks, noise, pluck

from timbred_indexer.aspects import ASPECTS, cosines, vector
from timbred_indexer.descriptors import describe
from timbred_indexer.explain import UNKNOWN, reasons, traits
from timbred_indexer.parameters import ANALYSIS_RATE

NOTHING = "Nothing in its brightness, noise, attack or decay differs much."


def explain(query: Floats, hit: Floats) -> tuple[str, ...]:
    a, b = ({n: v.tobytes() for n, v in describe(s.astype(np.float32)).items()} for s in (query, hit))
    return reasons(traits(a), traits(b)[None], cosines(vector(a), vector(b))[None])[0]


def match(scores: Mapping[str, float]) -> str:
    """The first sentence; aspects that are not named are nothing alike."""
    row = np.array([[scores.get(aspect.name, 0.0) for aspect in ASPECTS]])
    return reasons(UNKNOWN, UNKNOWN[None], row)[0][0]


def filtered(samples: Floats, keep: float) -> Floats:
    """Only what lies under ``keep`` Hz."""
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(len(samples), 1 / ANALYSIS_RATE) > keep] = 0
    return np.fft.irfft(spectrum, len(samples))


def test_a_copy_is_the_same_in_everything() -> None:
    assert explain(pluck(), pluck() * 0.1) == (
        "The timbre is nearly the same, and so is the onset.",
        "Both are strongest on E.",
        NOTHING,
    )


def test_a_shared_tempo_is_named() -> None:
    assert "Both run at about 120 BPM." in explain(clicks(120), clicks(120))


def test_different_tempi_are_not_called_the_same() -> None:
    assert not any("BPM" in sentence for sentence in explain(clicks(120), clicks(90)))


def test_a_duller_sound_is_called_darker_and_the_other_way_round_brighter() -> None:
    fade = np.exp(-np.arange(ANALYSIS_RATE) / 4000)
    bright = noise(1.0) * fade
    assert explain(bright, filtered(bright, 2500))[-1].endswith("darker.")
    assert explain(filtered(bright, 2500), bright)[-1].endswith("brighter.")


def test_a_longer_decay_is_named() -> None:
    time = np.arange(2 * ANALYSIS_RATE) / ANALYSIS_RATE
    body = noise(2.0)
    assert (
        explain(body * np.exp(-30 * time), body * np.exp(-5 * time))[-1] == "This one is clearly longer in its decay."
    )
    assert (
        explain(body * np.exp(-5 * time), body * np.exp(-30 * time))[-1] == "This one is clearly shorter in its decay."
    )


def test_an_interval_is_named() -> None:
    assert explain(pluck(pitch=330), pluck(pitch=220))[-1].startswith("This one is a fifth lower")
    assert explain(pluck(pitch=220), pluck(pitch=330))[-1].startswith("This one is a fifth higher")


def test_noise_has_no_interval() -> None:
    assert not any(word in explain(noise(0.5), noise(0.5, seed=3))[-1] for word in ("higher", "lower"))


def test_the_same_attack_and_decay_are_named() -> None:
    assert explain(pluck(pitch=330), pluck(pitch=392))[1] == "Attack and decay are the same."


def test_sounds_alike_in_nothing_but_kind_are_said_to_be() -> None:
    scores = {aspect.name: 0.1 for aspect in ASPECTS} | {"kind": 0.8}
    assert match(scores) == "The two are alike as a whole, though in no single aspect."


def test_a_poor_match_says_so() -> None:
    assert match({aspect.name: 0.1 for aspect in ASPECTS}) == "The two have little in common; nothing closer was found."


def test_the_grades_are_told_apart() -> None:
    scores = {"mfcc": 0.95, "rms": 0.8, "zcr": 0.1}
    assert match(scores) == "The timbre is nearly the same, and the envelope is very similar."


def test_two_or_three_sentences_always() -> None:
    sounds = (pluck(), noise(0.01), clicks(100), noise(3.0), np.ones(1))
    assert all(2 <= len(explain(a, b)) <= 3 for a in sounds for b in sounds)
