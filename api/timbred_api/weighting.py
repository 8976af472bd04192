"""Weights as people write them: ``one-shot``, ``timbre:1,pitch:0``, ``balanced,rhythm:0.5``."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from timbred_indexer import aspects
from timbred_indexer.errors import RequestError
from timbred_indexer.model import SpaceName
from timbred_indexer.query import SPACE_WEIGHTS

MOST = 1e6


@dataclass(frozen=True, slots=True)
class Weights:
    """What was asked for, and only that: aspect → weight, space → weight."""

    aspects: Mapping[str, float]
    spaces: Mapping[SpaceName, float]


def parse_weights(text: str) -> Weights:
    """A list of presets and ``name:number`` parts, later ones over earlier ones.

    Args:
        text: names are those of spaces, of aspects, or friendly ones that stand for several aspects.

    Raises:
        RequestError: a part without a number, a number out of range, an unknown name (with the nearest known one).
    """
    weights: dict[str, float] = {}
    spaces: dict[SpaceName, float] = {}
    for part in text.split(","):
        name, colon, number = (piece.strip() for piece in part.partition(":"))
        if not colon and name in aspects.PRESETS:
            weights |= aspects.by_aspect(aspects.PRESETS[name])
        elif (space := _space(name)) is not None:
            spaces[space] = _number(name, number)
        else:
            weights |= aspects.by_aspect({_known(name): _number(name, number)})
    return Weights(weights, spaces)


def _space(name: str) -> SpaceName | None:
    return next((space for space in SPACE_WEIGHTS if space == name), None)


def _known(name: str) -> str:
    known = (*aspects.WEIGHTS, *aspects.GROUPS)
    if name in known:
        return name
    near = difflib.get_close_matches(name, (*SPACE_WEIGHTS, *known, *aspects.PRESETS), 1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}."
    raise RequestError(f"There is no weight {name!r}; {hint}", code="bad_parameter")


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise RequestError(f"weights: write {name}:number, as in {name}:0.5.", code="bad_parameter") from error
    if not 0 <= number <= MOST:
        raise RequestError(f"weights: {name} must be from 0 to {MOST:.0f}.", code="bad_parameter")
    return number
