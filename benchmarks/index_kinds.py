"""One kind of FAISS index, built in one process and searched in another: ``build`` saves it, ``measure`` maps it.

A child of ``index.py``. Each kind is asked for 3 k + 8 candidates, as timbred does before it scores them exactly; the
lists (or efSearch) are the fewest that put the share wanted of the true ten nearest among them.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from timbred_indexer.build import lists_for
from timbred_indexer.probing import depth_of, fewest, recall

BLOCK = 16_384
TARGET = 0.99
Search = Callable[[NDArray[np.float32], int], NDArray[np.int64]]

lib: Any = faiss  # the package's stub names only what timbred uses
IP = lib.METRIC_INNER_PRODUCT


def make(kind: str, dim: int, lists: int) -> Any:
    flat, bits = lib.IndexFlatIP(dim), lib.ScalarQuantizer
    makers: dict[str, Callable[[], Any]] = {
        "flat": lambda: flat,
        "hnsw": lambda: lib.IndexHNSWFlat(dim, 16, IP),
        "ivf-flat": lambda: lib.IndexIVFFlat(flat, dim, lists, IP),
        "ivf-fp16": lambda: lib.IndexIVFScalarQuantizer(flat, dim, lists, bits.QT_fp16, IP, False),
        "ivf-sq8": lambda: lib.IndexIVFScalarQuantizer(flat, dim, lists, bits.QT_8bit, IP, False),
        "ivf-pq-fs": lambda: lib.IndexIVFPQFastScan(flat, dim, lists, dim // 4, 4, IP),
        "rabitq-1": lambda: lib.IndexIVFRaBitQ(flat, dim, lists, IP, True, 1),
        "rabitq-2": lambda: lib.IndexIVFRaBitQ(flat, dim, lists, IP, True, 2),
        "rabitq-4": lambda: lib.IndexIVFRaBitQ(flat, dim, lists, IP, True, 4),
    }
    return makers[kind]()


def build(kind: str, vectors_path: str, path: str, threads: int) -> dict[str, float]:
    """Seconds of training and adding; saves to ``path``. Centroids are learned once for all kinds and kept beside."""
    vectors = np.load(vectors_path, mmap_mode="r")
    lib.omp_set_num_threads(threads)
    index = make(kind, vectors.shape[1], lists_for(len(vectors)))
    start = time.perf_counter()
    if hasattr(index, "nlist"):
        index.quantizer.add(_centroids(vectors, index.nlist, f"{vectors_path}.{index.nlist}.npy"))
        index.train(np.ascontiguousarray(vectors[:: max(1, len(vectors) // (32 * index.nlist))]))
    elif kind == "hnsw":
        index.hnsw.efConstruction = 64
    trained = time.perf_counter()
    for first in range(0, len(vectors), BLOCK):
        index.add(np.ascontiguousarray(vectors[first : first + BLOCK]))
    added = time.perf_counter()
    lib.write_index(index, path)
    return {"train": trained - start, "add": added - trained}


def _centroids(vectors: NDArray[np.float32], lists: int, path: str) -> NDArray[np.float32]:
    if not os.path.exists(path):
        start = time.perf_counter()
        means = lib.Kmeans(vectors.shape[1], lists, niter=10, seed=1, spherical=False, max_points_per_centroid=64)
        means.cp.min_points_per_centroid = 1
        means.train(np.ascontiguousarray(vectors[:: max(1, len(vectors) // (64 * lists))]))
        np.save(path, means.centroids)
        print(f"k-means: {time.perf_counter() - start:.1f} s", file=sys.stderr)
    return np.load(path)


def measure(path: str, queries: NDArray[np.float32], true: NDArray[np.int64]) -> dict[str, float]:
    """Load, latency and recall of a saved index, on one thread."""
    before = resident()
    start = time.perf_counter()
    index = lib.read_index(path, lib.IO_FLAG_MMAP_IFC)
    loaded = time.perf_counter() - start
    lib.omp_set_num_threads(1)
    setting, most = "nprobe", getattr(index, "nlist", 1)
    if hasattr(index, "hnsw"):
        setting, most = "efSearch", 1024

    def search(asked: NDArray[np.float32], k: int, depth: int) -> NDArray[np.int64]:
        if setting == "efSearch":
            parameters = lib.SearchParametersHNSW(efSearch=max(depth, k))
        elif most > 1:
            parameters = lib.SearchParametersIVF(nprobe=depth)
        else:
            parameters = None
        return index.search(asked, k, params=parameters)[1]

    half = len(queries) // 5  # those tune, the others are measured
    tens = depth_of(10)
    chosen, _ = fewest(most, TARGET, lambda n: recall(search(queries[:half], tens, n), true[:half, :10]))
    return {
        "load_ms": 1e3 * loaded,
        "setting": chosen,
        **latency(lambda asked: search(asked, tens, chosen), queries),
        "recall10": recall(search(queries[half:], tens, chosen), true[half:, :10]),
        "recall100": recall(search(queries[half:], depth_of(100), chosen), true[half:, :100]),
        "resident": resident() - before,
    }


def latency(search: Callable[[NDArray[np.float32]], object], queries: NDArray[np.float32]) -> dict[str, float]:
    """Milliseconds of one query after the other: the first, then the median and the 99th percentile."""
    start = time.perf_counter()
    search(queries[:1])
    first = time.perf_counter() - start
    times: list[float] = []
    for number in range(len(queries)):
        start = time.perf_counter()
        search(queries[number : number + 1])
        times.append(time.perf_counter() - start)
    return {
        "first_ms": 1e3 * first,
        "p50": 1e3 * float(np.percentile(times, 50)),
        "p99": 1e3 * float(np.percentile(times, 99)),
    }


def resident() -> float:
    """Megabytes that this process holds in memory now, mapped files included."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main(arguments: list[str]) -> None:
    step, kind, path, *rest = arguments
    if step == "build":
        print(json.dumps(build(kind, rest[0], path, int(rest[1]))))
    else:
        print(json.dumps(measure(path, np.load(rest[0]), np.load(rest[1]))))


if __name__ == "__main__":
    main(sys.argv[1:])
