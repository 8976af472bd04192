"""Maps put alike near alike, are the same each time, and need no more memory for a larger library."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from builders import VERSION, analysis_of, fresh_connection, new_folder, new_sound
from timbred_indexer import aspects
from timbred_indexer.db import connect, next_seq
from timbred_indexer.migrate import migrate, shipped
from timbred_indexer.neighbour_layout import layout
from timbred_indexer.projection import batched, clusters, components, spread
from timbred_indexer.projection_child import library_map
from timbred_indexer.store import catalogue, folders

Floats = NDArray[np.float32]


def groups(count: int, each: int, dim: int = 40) -> tuple[Floats, NDArray[np.int64]]:
    """Points around centres far apart, and whose each is."""
    random = np.random.default_rng(3)
    centres = random.standard_normal((count, dim)) * 5
    owner = np.repeat(np.arange(count), each)
    return (centres[owner] + random.standard_normal((len(owner), dim))).astype(np.float32), owner


def in_batches(points: Floats, size: int) -> Callable[[], Iterator[Floats]]:
    return lambda: (points[start : start + size] for start in range(0, len(points), size))


@pytest.mark.parametrize("size", [7, 50, 1000])
def test_components_are_those_of_a_singular_value_decomposition(size: int) -> None:
    points, _ = groups(5, 40)
    made = components(in_batches(points, size), 4)
    centred = points - points.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    assert np.allclose(np.abs(made), np.abs(centred @ axes[:4].T), atol=1e-3)


def test_a_few_dimensions_or_points_are_enough() -> None:
    assert components(in_batches(np.eye(2, dtype=np.float32), 10), 16).shape == (2, 16)
    assert components(lambda: [], 16).shape == (0, 16)
    assert spread(np.zeros((0, 2), np.float32)).shape == (0, 2)
    assert spread(np.ones((3, 2), np.float32)).tolist() == [[0.0, 0.0]] * 3
    assert clusters(np.zeros((0, 16), np.float32)).tolist() == []
    assert clusters(np.ones((100, 16), np.float32)).tolist() == [0] * 100


def test_places_fill_the_map_and_keep_their_order() -> None:
    places = np.random.default_rng(0).standard_normal((1000, 2)).astype(np.float32)
    places[0] = [1e4, -1e4]
    made = spread(places)
    assert np.abs(made).max() <= 1
    assert np.array_equal(np.argsort(made[:, 0]), np.argsort(places[:, 0]))


def test_groups_are_found_and_the_largest_comes_first() -> None:
    points, owner = groups(12, 30)
    points, owner = np.r_[points, points[:30]], np.r_[owner, owner[:30]]
    found = clusters(points)
    assert all(len(set(found[owner == one].tolist())) == 1 for one in range(12))
    sizes = np.bincount(found)
    assert sizes.tolist() == sorted(sizes.tolist(), reverse=True)
    assert np.array_equal(found, clusters(points))


def test_stored_vectors_come_in_batches() -> None:
    blobs = [np.full(3, n, "<f4").tobytes() for n in range(5)]
    assert [batch[:, 0].tolist() for batch in batched(blobs, 2)] == [[0, 1], [2, 3], [4]]


def test_too_few_sounds_for_neighbourhoods_are_laid_out_as_they_are() -> None:
    points = np.arange(12, dtype=np.float32).reshape(4, 3)
    assert np.array_equal(layout(points), points[:, :2])


def unit(seed: int) -> Floats:
    made = np.random.default_rng(seed).standard_normal(aspects.DIM).astype(np.float32)
    return np.divide(made, np.linalg.norm(made), dtype=np.float32)


def test_a_map_has_every_sound_that_can_be_found_once() -> None:
    connection = fresh_connection()
    here, there = new_folder(connection, b"/h\xff"), new_folder(connection, b"/there")
    for number in range(30):
        new_sound(connection, here if number % 3 else there, b"%d.wav" % number, analysis_of([None, unit(number)]))
    new_sound(connection, here, b"silent.wav", analysis_of([None]))
    made = library_map(connection, "pca", VERSION)
    assert (made["sounds"], made["total"]) == (list(range(1, 31)), 31)
    assert made["folder"] == [here if number % 3 else there for number in range(30)]
    assert made["folders"] == {here: "/h\ufffd", there: "/there"}
    assert (made["seq"], made["method"]) == (catalogue.library_seq(connection), "pca")
    assert made == library_map(connection, "pca", VERSION)
    folders.remove(connection, there, next_seq(connection))
    assert len(library_map(connection, "pca", VERSION)["sounds"]) == 20  # pyright: ignore[reportArgumentType]


@pytest.mark.slow  # umap is compiled when it is first used: a minute or more each time
@pytest.mark.skipif(importlib.util.find_spec("umap") is None, reason="needs `pip install 'timbred[map]'`")
def test_neighbourhoods_are_laid_out_apart_and_the_same_each_time(tmp_path: Path) -> None:
    points, owner = groups(3, 40, aspects.DIM)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    with closing(connect(str(tmp_path / "metadata.db"))) as connection:
        migrate(connection, shipped())
        folder = new_folder(connection)
        for number, point in enumerate(points):
            new_sound(connection, folder, b"%d.wav" % number, analysis_of([point]))
    made = [map_by_child(tmp_path / "metadata.db", "umap") for _ in range(2)]
    assert made[0] == made[1]
    places = np.stack([made[0]["x"], made[0]["y"]], axis=1)
    middles = np.stack([places[owner == one].mean(axis=0) for one in range(3)])
    nearest = np.linalg.norm(places[:, None] - middles, axis=2).argmin(axis=1)
    assert np.array_equal(nearest, owner)


def map_by_child(database: Path, method: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "timbred_indexer.projection_child", str(database), method, VERSION]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout.splitlines()[1])


def test_of_very_many_sounds_an_even_share_is_shown() -> None:
    connection = fresh_connection()
    folder = new_folder(connection)
    for number in range(20):
        new_sound(connection, folder, b"%d.wav" % number, analysis_of([unit(number)]))
    made = library_map(connection, "pca", VERSION, most=7)
    assert (made["sounds"], made["total"]) == ([3, 6, 9, 12, 15, 18], 20)


def test_an_empty_library_has_an_empty_map() -> None:
    made = library_map(fresh_connection(), "pca", VERSION)
    assert (made["sounds"], made["x"], made["cluster"], made["total"]) == ([], [], [], 0)
