"""How many lists of a clustered index a search looks through: measured once, when the index is built. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]

LEAST_SLOPE = 0.4  # how lists grow with what is asked, where it was measured at one depth only or came out flatter


@dataclass(frozen=True, slots=True)
class Probing:
    """Lists to look through by depth.

    Attributes:
        lists: how many the index has.
        points: (depth, lists needed), both rising; at least one.
        recall: measured at the first depth: the share of the true nearest that were among the candidates.
    """

    lists: int
    points: tuple[tuple[int, int], ...]
    recall: float = 1.0

    def at(self, depth: float) -> int:
        """For the ``depth`` nearest of everything; between two measured depths, and beyond, along a power law."""
        first_depth, first_lists = self.points[0]
        if depth <= first_depth:
            return first_lists
        for (low, few), (high, many) in zip(self.points, self.points[1:], strict=False):
            if depth <= high:
                return self._bounded(few * (depth / low) ** (math.log(many / few) / math.log(high / low)))
        last_depth, last_lists = self.points[-1]
        slope = LEAST_SLOPE
        if last_depth > first_depth:
            slope = max(slope, math.log(last_lists / first_lists) / math.log(last_depth / first_depth))
        return self._bounded(last_lists * (depth / last_depth) ** slope)

    def _bounded(self, lists: float) -> int:
        return max(1, min(self.lists, math.ceil(lists - 1e-6)))


def depth_of(k: int) -> int:
    """How many candidates are asked for where the best ``k`` are wanted."""
    return 3 * k + 8


def recall(found: Ids, true: Ids) -> float:
    """Share of the true ids, (n, k), that are in the same row of ``found``, (n, depth). −1 stands for nothing."""
    wanted = true >= 0
    present = (true[:, :, np.newaxis] == found[:, np.newaxis, :]).any(axis=2) & wanted
    return float(present.sum() / max(1, wanted.sum()))


def fewest(lists: int, target: float, recall_at: Callable[[int], float]) -> tuple[int, float]:
    """The fewest lists that reach the target, and the recall there; where not even all do, as good as all.

    Args:
        recall_at: the recall measured when so many lists are looked through; not falling, but for noise.
    """
    reached = recall_at(lists)
    enough = min(target, reached)
    low, high, step = 0, lists, 1
    while step < high:
        measured = recall_at(step)
        if measured >= enough:
            high, reached = step, measured
        else:
            low, step = step, step * 2
    while high - low > max(1, low // 8):
        middle = (low + high) // 2
        measured = recall_at(middle)
        if measured >= enough:
            high, reached = middle, measured
        else:
            low = middle
    return high, reached
