"""Weights as people write them."""

from __future__ import annotations

import math

import pytest

from timbred_api.weighting import parse_weights
from timbred_indexer import aspects
from timbred_indexer.errors import RequestError


def test_an_aspect_is_weighed_by_its_name() -> None:
    assert parse_weights("mfcc:2, rhythm:0").aspects == {"mfcc": 2.0, "rhythm": 0.0}


@pytest.mark.parametrize("name", aspects.GROUPS)
def test_a_friendly_name_is_shared_among_its_aspects(name: str) -> None:
    weights = parse_weights(f"{name}:3").aspects
    assert set(weights) == set(aspects.GROUPS[name])
    assert math.fsum(weights.values()) == pytest.approx(3)


@pytest.mark.parametrize("name", aspects.PRESETS)
def test_every_preset_can_be_searched_with(name: str) -> None:
    weights = {**aspects.WEIGHTS, **parse_weights(name).aspects}
    assert any(weights.values())


def test_what_is_named_later_wins() -> None:
    assert parse_weights("one-shot,chroma:0.5").aspects["chroma"] == 0.5
    assert parse_weights("chroma:0.5,one-shot").aspects["chroma"] == 0.0


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("mfc:1", "did you mean 'mfcc'"),
        ("one-sht", "did you mean 'one-shot'"),
        ("mfcc", "mfcc:0.5"),
        ("mfcc:much", "mfcc:0.5"),
        ("mfcc:-1", "from 0"),
        ("mfcc:inf", "from 0"),
        ("mfcc:nan", "from 0"),
        ("", "known are"),
    ],
)
def test_what_cannot_be_understood_is_named(text: str, hint: str) -> None:
    with pytest.raises(RequestError, match=hint):
        parse_weights(text)


def test_the_weights_of_spaces_are_apart_from_those_of_aspects() -> None:
    weights = parse_weights("clap:0.2,librosa:3,pitch:0")
    assert weights.spaces == {"clap": 0.2, "librosa": 3.0}
    assert set(weights.aspects) == set(aspects.GROUPS["pitch"])
