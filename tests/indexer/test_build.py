"""Indexes built from a stream: the tier by size, the recall that was asked for, filters, and the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clusters import clustered_vectors, nearest, streaming

from timbred_indexer import faiss_index
from timbred_indexer.build import FLAT_BELOW, build, lists_for
from timbred_indexer.errors import StorageError
from timbred_indexer.faiss_index import ClusteredIndex, FlatIndex, StoredIndex
from timbred_indexer.index import Ids, Mask, Vectors, mask
from timbred_indexer.probing import Probing, depth_of, recall

COUNT = 4_000
IDS = np.arange(COUNT, dtype=np.int64) * 3 + 7
QUERIES = clustered_vectors(100, seed=5)


def everything(ids: Ids) -> Mask:
    return mask(int(ids[-1]) + 1, ids)


def built(count: int = COUNT, target: float = 0.95) -> StoredIndex:
    made = build(streaming(IDS[:count], clustered_vectors(COUNT)[:count]), count, target=target, threads=1)
    assert made is not None
    return made


@pytest.fixture(scope="module")
def large() -> StoredIndex:
    return built()


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    return clustered_vectors(COUNT)


def test_nothing_is_no_index() -> None:
    assert build(streaming(IDS[:0], clustered_vectors(0)), 0, target=0.9, threads=1) is None


@pytest.mark.parametrize(("count", "kind"), [(1, "flat"), (FLAT_BELOW - 1, "flat"), (FLAT_BELOW, "clustered")])
def test_the_tier_goes_by_size(count: int, kind: str) -> None:
    made = built(count)
    assert (made.kind, made.exact, len(made)) == (kind, kind == "flat", count)


def test_a_small_index_is_exact(vectors: Vectors) -> None:
    small = IDS[:500]
    found = built(500).search(QUERIES, 10, everything(small))[1]
    np.testing.assert_array_equal(found, nearest(small, vectors[:500], QUERIES, 10))


@pytest.mark.parametrize("k", [10, 100])
def test_a_large_index_has_the_recall_that_was_asked_for(large: StoredIndex, vectors: Vectors, k: int) -> None:
    found = large.search(QUERIES, depth_of(k), everything(IDS))[1]
    assert recall(found, nearest(IDS, vectors, QUERIES, k)) >= 0.93
    assert large.probing is not None
    assert large.probing.recall >= 0.95


def test_a_higher_target_looks_deeper_and_finds_more(large: StoredIndex, vectors: Vectors) -> None:
    better, true = built(target=0.999), nearest(IDS, vectors, QUERIES, 10)
    assert large.probing is not None
    assert better.probing is not None
    assert better.probing.points[0][1] > large.probing.points[0][1]
    found = (index.search(QUERIES, depth_of(10), everything(IDS))[1] for index in (large, better))
    assert recall(next(found), true) <= recall(next(found), true)


def test_effort_looks_deeper(large: StoredIndex, vectors: Vectors) -> None:
    true = nearest(IDS, vectors, QUERIES, 10)
    usual, deeper = (large.search(QUERIES, depth_of(10), everything(IDS), effort=effort)[1] for effort in (0.2, 4.0))
    assert recall(usual, true) < recall(deeper, true)


@pytest.mark.parametrize("left", [1, 4, 40, 400, 1_500, 3_000])
def test_a_filter_costs_no_recall(large: StoredIndex, vectors: Vectors, left: int) -> None:
    chosen = np.sort(np.random.default_rng(left).choice(COUNT, left, replace=False))
    found = large.search(QUERIES, depth_of(10), mask(COUNT * 3 + 8, IDS[chosen]))[1]
    assert set(found[found >= 0].tolist()) <= set(IDS[chosen].tolist())
    assert recall(found, nearest(IDS[chosen], vectors[chosen], QUERIES, 10)) >= 0.95
    assert ((found >= 0).sum(axis=1) == min(left, depth_of(10))).all()


def test_a_search_for_more_than_there_are_gives_all_of_them(large: StoredIndex) -> None:
    found = large.search(QUERIES[:1], COUNT + 5, everything(IDS))[1][0]
    assert sorted(found[:COUNT].tolist()) == IDS.tolist()
    assert (found[COUNT:] == -1).all()


def test_two_builds_of_one_library_answer_alike(large: StoredIndex) -> None:
    one, other = (index.search(QUERIES, 38, everything(IDS))[1] for index in (large, built()))
    np.testing.assert_array_equal(one, other)


def test_a_saved_index_answers_as_before(large: StoredIndex, tmp_path: Path) -> None:
    path = str(tmp_path / "x.index")
    large.save(path)
    loaded = faiss_index.load(path, large.kind, large.probing)
    for before, after in zip(
        large.search(QUERIES, 38, everything(IDS)), loaded.search(QUERIES, 38, everything(IDS)), strict=True
    ):
        np.testing.assert_array_equal(before, after)
    assert (len(loaded), loaded.dim, loaded.probing) == (COUNT, 32, large.probing)


def test_its_vectors_are_compressed(large: StoredIndex, tmp_path: Path) -> None:
    path = tmp_path / "x.index"
    large.save(str(path))
    assert path.stat().st_size < COUNT * 32 * 4 / 2


@pytest.mark.parametrize(("kind", "lists"), [("flat", 0), ("clustered", 3), ("clustered", 0), ("other", 0)])
def test_a_file_of_another_kind_than_its_manifest_says_is_refused(
    large: StoredIndex, tmp_path: Path, kind: str, lists: int
) -> None:
    path = str(tmp_path / "x.index")
    large.save(path)
    probing = Probing(lists, ((38, 1),)) if lists else None
    with pytest.raises(StorageError) as caught:
        faiss_index.load(path, kind, probing)
    assert caught.value.code == "bad_snapshot"


def test_a_flat_file_is_not_taken_for_a_clustered_one(tmp_path: Path, vectors: Vectors) -> None:
    path = str(tmp_path / "x.index")
    FlatIndex.build(IDS[:5], vectors[:5]).save(path)
    with pytest.raises(StorageError):
        faiss_index.load(path, "clustered", Probing(3, ((38, 1),)))


def test_vectors_that_are_all_the_same_can_be_built_and_found() -> None:
    same = np.repeat(clustered_vectors(1), FLAT_BELOW, axis=0)
    made = build(streaming(IDS[:FLAT_BELOW], same), FLAT_BELOW, target=0.99, threads=1)
    assert isinstance(made, ClusteredIndex)
    found = made.search(same[:1], 38, everything(IDS[:FLAT_BELOW]))[1][0]
    assert len(set(found.tolist())) == 38


def test_there_are_twice_as_many_lists_for_four_times_the_vectors() -> None:
    assert [lists_for(count) for count in (0, 1, 1_000, 10_000, 1_000_000)] == [1, 1, 63, 200, 2_000]
