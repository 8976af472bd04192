"""How deep a clustered index looks, as a function of what is asked; and how that is found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from timbred_indexer.probing import Probing, depth_of, fewest, recall

MEASURED = Probing(2_000, ((38, 20), (308, 60)))


@pytest.mark.parametrize(("depth", "lists"), [(1, 20), (38, 20), (308, 60)])
def test_what_was_measured_is_what_is_used(depth: int, lists: int) -> None:
    assert MEASURED.at(depth) == lists


def test_between_two_measured_depths_it_lies_between() -> None:
    assert 20 < MEASURED.at(100) < 60


@given(st.floats(1, 1e9), st.floats(1, 1e9))
def test_deeper_never_means_fewer_lists_and_never_more_than_there_are(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 1 <= MEASURED.at(low) <= MEASURED.at(high) <= MEASURED.lists


def test_a_depth_far_beyond_looks_through_everything() -> None:
    assert MEASURED.at(1e9) == 2_000


@pytest.mark.parametrize("points", [((38, 20), (308, 20)), ((38, 20),)])
def test_what_came_out_flat_grows_all_the_same(points: tuple[tuple[int, int], ...]) -> None:
    assert Probing(2_000, points).at(30_800) > 40


@given(st.integers(1, 300), st.integers(1, 300))
def test_the_fewest_lists_are_found_to_within_an_eighth(needed: int, lists: int) -> None:
    found, reached = fewest(lists, 0.9, lambda probed: min(1.0, 0.9 * probed / needed))
    least = min(needed, lists)
    assert least <= found <= least + max(1, least // 8) + 1
    assert reached == pytest.approx(min(1.0, 0.9 * found / needed))


def test_where_the_target_is_out_of_reach_as_good_as_all_will_do() -> None:
    assert fewest(100, 0.99, lambda probed: min(0.8, probed / 50)) == (40, 0.8)


def test_recall_is_the_share_of_the_true_ones_that_were_found() -> None:
    found, true = np.array([[1, 2, 3, -1], [4, 5, 6, 7]]), np.array([[3, 9], [7, -1]])
    assert recall(found, true) == pytest.approx(2 / 3)


def test_candidates_are_a_few_times_what_is_wanted() -> None:
    assert (depth_of(1), depth_of(10)) == (11, 38)
