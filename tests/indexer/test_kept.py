"""Rows kept in memory: right or missing, never another one's."""

from __future__ import annotations

import threading

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from timbred_indexer.index import Ids, Vectors
from timbred_indexer.kept import Kept


def rows_of(ids: list[int]) -> tuple[Ids, Vectors]:
    numbers = np.array(ids, np.int64)
    return numbers, np.repeat(numbers[:, None].astype(np.float32), 3, axis=1)


@given(st.lists(st.lists(st.integers(0, 50), max_size=12), max_size=20), st.lists(st.integers(0, 60), max_size=30))
def test_a_row_is_that_of_its_id_or_missing(puts: list[list[int]], asked: list[int]) -> None:
    kept = Kept(3, np.float32, 8)
    for ids in puts:
        kept.put(*rows_of(ids))
    rows, known = kept.get(np.array(asked, np.int64))
    assert (rows[known, 0] == np.array(asked)[known]).all()
    assert set(np.array(asked)[known].tolist()) <= {number for ids in puts for number in ids}


def test_the_newest_rows_are_there() -> None:
    kept = Kept(3, np.float32, 4)
    for ids in ([1, 2, 3], [4, 5]):
        kept.put(*rows_of(ids))
    _, known = kept.get(np.array([1, 2, 3, 4, 5]))
    assert known.tolist() == [False, True, True, True, True]


def test_more_rows_than_there_is_room_for_are_no_error() -> None:
    kept = Kept(3, np.float32, 4)
    kept.put(*rows_of(list(range(10))))
    assert kept.get(np.arange(10))[1].sum() == 4


def test_a_reader_never_sees_a_row_of_another_while_it_is_written() -> None:
    kept, stop, wrong = Kept(64, np.float32, 32), threading.Event(), list[int]()

    def read() -> None:
        asked = np.arange(200)
        while not stop.is_set():
            rows, known = kept.get(asked)
            wrong.extend(asked[known][(rows[known] != asked[known][:, None]).any(axis=1)].tolist())

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(2000):
        ids = (np.arange(16) * 7 + turn) % 200
        kept.put(ids, np.repeat(ids[:, None].astype(np.float32), 64, axis=1))
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
