"""Every vector index against brute force, and the FAISS one against its own file."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from timbred_indexer.errors import StorageError
from timbred_indexer.faiss_index import ClusteredIndex, FlatIndex, load
from timbred_indexer.index import (
    ExactIndex,
    Ids,
    Mask,
    VectorIndex,
    Vectors,
    best,
    count_bits,
    get_bits,
    mask,
    merge,
    set_bits,
)
from timbred_indexer.model import SegmentId
from timbred_indexer.probing import Probing

DIM = 4
Make = Callable[[Ids, Vectors], VectorIndex]


def clustered(ids: Ids, vectors: Vectors) -> ClusteredIndex:
    """In lists of about four; a search looks through one of them, and deeper where that is not enough."""
    lists = max(1, len(ids) // 4)
    made = ClusteredIndex.train(vectors if len(ids) else unit_vectors(1), lists, threads=1)
    made.add(ids, vectors, threads=1)
    made.tune(Probing(lists, ((1, 1),)))
    return made


exact_ones = pytest.mark.parametrize("make", [ExactIndex, FlatIndex.build], ids=["exact", "flat"])
implementations = pytest.mark.parametrize(
    "make", [ExactIndex, FlatIndex.build, clustered], ids=["exact", "flat", "clustered"]
)


def unit_vectors(count: int, seed: int = 0) -> Vectors:
    made = np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def ids_of(*numbers: int) -> Ids:
    return np.array(numbers, np.int64)


def bits(size: int, *members: int) -> Mask:
    return mask(size, [SegmentId(member) for member in members])


def reference(ids: Ids, vectors: Vectors, query: Vectors, k: int, allowed: set[int]) -> list[float]:
    """The scores, and those only: of equal ones any id may come first."""
    scores = [float(vector @ query) for number, vector in zip(ids, vectors, strict=True) if int(number) in allowed]
    return sorted(scores, reverse=True)[:k]


numbers_allowed = given(
    st.lists(st.integers(0, 40), unique=True, max_size=12),
    st.sets(st.integers(0, 40)),
    st.integers(1, 15),
    st.integers(0, 3),
)


@exact_ones
@settings(max_examples=40)
@numbers_allowed
def test_the_answer_is_that_of_brute_force(
    make: Make, numbers: list[int], allowed: set[int], k: int, seed: int
) -> None:
    ids, vectors, queries = ids_of(*numbers), unit_vectors(len(numbers), seed), unit_vectors(2, seed + 9)
    scores, found = merge([make(ids, vectors).search(queries, k, bits(41, *allowed))], k)
    assert scores.shape == found.shape == (2, k)
    for row in range(2):
        expected = reference(ids, vectors, queries[row], k, allowed)
        np.testing.assert_allclose(scores[row, : len(expected)], expected, atol=1e-6)
        assert set(found[row, : len(expected)]) <= allowed & set(numbers)
        assert (found[row, len(expected) :] == -1).all()
        assert np.isneginf(scores[row, len(expected) :]).all()


@implementations
@settings(max_examples=40, deadline=None)
@numbers_allowed
def test_whatever_is_asked_ids_come_once_only_where_allowed_and_none_is_kept_back(
    make: Make, numbers: list[int], allowed: set[int], k: int, seed: int
) -> None:
    index = make(ids_of(*numbers), unit_vectors(len(numbers), seed))
    scores, found = index.search(unit_vectors(2, seed + 9), k, bits(41, *allowed))
    for row in range(2):
        given_ids = [int(number) for number in found[row] if number >= 0]
        assert len(given_ids) == len(set(given_ids)) == min(k, len(allowed & set(numbers)))
        assert set(given_ids) <= allowed & set(numbers)
        assert np.isneginf(scores[row, len(given_ids) :]).all()
        assert (np.diff(scores[row, : len(given_ids)]) <= 0).all()


@implementations
def test_equal_vectors_are_all_found(make: Make) -> None:
    same = np.repeat(unit_vectors(1), 3, axis=0)
    _, found = make(ids_of(7, 5, 6), same).search(same[:1], 3, bits(8, 5, 6, 7))
    assert sorted(found[0]) == [5, 6, 7]


@implementations
def test_ids_beyond_the_mask_are_not_found(make: Make) -> None:
    _, found = make(ids_of(1, 8, 900), unit_vectors(3)).search(unit_vectors(1), 3, bits(2, 1))
    assert [number for number in found[0] if number >= 0] == [1]


@implementations
@pytest.mark.parametrize("size", [0, 1])
def test_an_empty_index_and_an_empty_mask_find_nothing(make: Make, size: int) -> None:
    _, found = make(ids_of(*range(size)), unit_vectors(size)).search(unit_vectors(1), 3, bits(0))
    assert (found == -1).all()


@implementations
def test_the_length_is_the_number_of_vectors(make: Make) -> None:
    assert len(make(ids_of(3, 4), unit_vectors(2))) == 2


@given(st.sets(st.integers(0, 70)), st.sets(st.integers(0, 70)))
def test_a_mask_holds_what_was_set_and_not_cleared(members: set[int], cleared: set[int]) -> None:
    made = bits(71, *members)
    set_bits(made, ids_of(*cleared), value=False)
    asked = np.arange(-1, 200)
    assert set(asked[get_bits(made, asked)]) == members - cleared
    assert count_bits(made) == len(members - cleared)


def test_of_equal_scores_the_lower_id_comes_first_wherever_it_was_found() -> None:
    one = (np.array([[0.5, 0.5]], np.float32), np.array([[9, 4]]))
    other = (np.array([[0.5, -np.inf]], np.float32), np.array([[2, -1]]))
    assert merge([one, other], 4)[1].tolist() == [[2, 4, 9, -1]]


def test_a_saved_index_answers_as_before(tmp_path: Path) -> None:
    ids, vectors = ids_of(*range(50)), unit_vectors(50)
    built, path = FlatIndex.build(ids, vectors), str(tmp_path / "x.index")
    built.save(path)
    loaded = load(path, "flat", None)
    question = unit_vectors(3, seed=5), 10, bits(50, *range(0, 50, 2))
    for before, after in zip(built.search(*question), loaded.search(*question), strict=True):
        np.testing.assert_array_equal(before, after)
    assert (len(loaded), loaded.dim, loaded.kind) == (50, DIM, "flat")


def test_a_mapped_index_outlives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "x.index"
    FlatIndex.build(ids_of(1), unit_vectors(1)).save(str(path))
    loaded = load(str(path), "flat", None)
    path.unlink()
    assert loaded.search(unit_vectors(1), 1, bits(2, 1))[1].tolist() == [[1]]


@pytest.mark.parametrize("content", [b"", b"IxF", b"not an index at all" * 100])
def test_what_is_no_index_is_a_bad_snapshot(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.index"
    path.write_bytes(content)
    with pytest.raises(StorageError) as caught:
        load(str(path), "flat", None)
    assert caught.value.code == "bad_snapshot"


def test_a_wrong_byte_in_an_index_is_a_storage_error_if_anything(tmp_path: Path) -> None:
    path = tmp_path / "x.index"
    FlatIndex.build(ids_of(*range(20)), unit_vectors(20)).save(str(path))
    good = path.read_bytes()
    for place in (*range(0, 90), *range(len(good) - 20 * 8 - 20, len(good))):
        path.write_bytes(good[:place] + bytes([good[place] ^ 0xFF]) + good[place + 1 :])
        with suppress(StorageError):
            load(str(path), "flat", None)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3), st.integers(1, 90), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_the_best_are_those_of_a_full_sort_ties_and_missing_ones_included(
    rows: int, columns: int, k: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    scores = random.integers(0, 5, (rows, columns)).astype(np.float32)
    scores[random.random(scores.shape) < 0.3] = -np.inf
    ids = np.broadcast_to(random.permutation(columns).astype(np.int64), scores.shape)
    found_scores, found_ids = best(scores, ids, k)
    for row in range(rows):
        ranked = sorted((-float(score), int(identity)) for score, identity in zip(scores[row], ids[row], strict=True))
        expected = [identity for score, identity in ranked if score < np.inf][:k]
        assert [identity for identity in found_ids[row].tolist() if identity >= 0] == expected
        assert set(found_scores[row][len(expected) :].tolist()) <= {-np.inf}
