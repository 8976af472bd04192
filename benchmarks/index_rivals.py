"""What a user would pick instead, on the same vectors: numpy, hnswlib, usearch, chromadb, lancedb.

A child of ``index.py``, run by an interpreter that has them; needs nothing of timbred's. Each is filled, closed, opened
again in a process of its own and asked one query after the other; where it has a setting for depth, the least that
reaches the recall wanted is used.
"""

# These packages have no hints, or hints of their own making.
# pyright: basic, reportMissingImports=false, reportMissingModuleSource=false, reportAttributeAccessIssue=false

from __future__ import annotations

import json
import os
import sys
import time

import numpy as np

TARGET = 0.99
BLOCK = 5_000  # chromadb takes so many at once


class Numpy:
    def __init__(self, path, dim):
        self.path = path + ".npy"

    def fill(self, vectors):
        np.save(self.path, vectors)

    def open(self):
        self.matrix = np.load(self.path)

    def search(self, query, k, depth):
        scores = self.matrix @ query
        near = np.argpartition(-scores, k)[:k]
        return near[np.argsort(-scores[near])]

    settings = (0,)


class Hnswlib:
    settings = (16, 32, 64, 128, 256, 512, 1024)

    def __init__(self, path, dim):
        import hnswlib

        self.path = path
        self.index = hnswlib.Index(space="ip", dim=dim)

    def fill(self, vectors):
        self.index.init_index(len(vectors), M=16, ef_construction=200)
        self.index.add_items(vectors, num_threads=2)
        self.index.save_index(self.path)

    def open(self):
        self.index.load_index(self.path)
        self.index.set_num_threads(1)

    def search(self, query, k, depth):
        self.index.set_ef(max(k, depth))
        return self.index.knn_query(query, k)[0][0]


class Usearch:
    settings = (16, 32, 64, 128, 256, 512, 1024)

    def __init__(self, path, dim):
        from usearch.index import Index

        self.path = path
        self.index = Index(ndim=dim, metric="ip", dtype="f32")

    def fill(self, vectors):
        self.index.add(np.arange(len(vectors)), vectors, threads=2)
        self.index.save(self.path)

    def open(self):
        self.index.view(self.path)

    def search(self, query, k, depth):
        self.index.expansion_search = depth
        return self.index.search(query, k, threads=1).keys


class Chroma:
    settings = (100,)  # search_ef belongs to the collection: its default

    def __init__(self, path, dim):
        import chromadb

        self.client = chromadb.PersistentClient(path, chromadb.config.Settings(anonymized_telemetry=False))

    def fill(self, vectors):
        made = self.client.create_collection("sounds", metadata={"hnsw:space": "ip"})
        for first in range(0, len(vectors), BLOCK):
            part = vectors[first : first + BLOCK]
            made.add(ids=[str(first + place) for place in range(len(part))], embeddings=part)

    def open(self):
        self.collection = self.client.get_collection("sounds")

    def search(self, query, k, depth):
        found = self.collection.query(query_embeddings=[query], n_results=k, include=["distances"])
        return np.array([int(name) for name in found["ids"][0]])


class Lance:
    settings = (5, 10, 20, 40, 80, 160)

    def __init__(self, path, dim):
        import lancedb

        self.db = lancedb.connect(path)
        self.dim = dim

    def fill(self, vectors):
        import pyarrow as pa

        def part(first):
            rows = vectors[first : first + BLOCK]
            flat = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), self.dim)
            return pa.table({"id": np.arange(first, first + len(rows)), "vector": flat})

        table = self.db.create_table("sounds", part(0))
        for first in range(BLOCK, len(vectors), BLOCK):
            table.add(part(first))
        table.create_index(
            metric="dot", index_type="IVF_PQ", num_partitions=int(len(vectors) ** 0.5), num_sub_vectors=self.dim // 4
        )

    def open(self):
        self.table = self.db.open_table("sounds")

    def search(self, query, k, depth):
        # Four times as many candidates as are wanted, scored anew from the stored vectors: as timbred does.
        asked = self.table.search(query).metric("dot").nprobes(depth).refine_factor(4).limit(k).select(["id"])
        return np.array(asked.to_arrow()["id"])


RIVALS = {"numpy": Numpy, "hnswlib": Hnswlib, "usearch": Usearch, "chromadb": Chroma, "lancedb": Lance}


def measure(rival, queries, true):
    before = resident()
    start = time.perf_counter()
    rival.open()
    loaded = time.perf_counter() - start
    half = len(queries) // 2
    for setting in rival.settings:
        if recall(rival, queries[: min(half, 100)], true, 10, setting) >= TARGET:
            break
    times = []
    for query in queries:
        start = time.perf_counter()
        rival.search(query, 10, setting)
        times.append(time.perf_counter() - start)
    rest = slice(half, min(len(queries), half + 200))
    return {
        "load_ms": 1e3 * loaded,
        "setting": setting,
        "p50": 1e3 * float(np.percentile(times, 50)),
        "p99": 1e3 * float(np.percentile(times, 99)),
        "recall10": recall(rival, queries[rest], true[rest], 10, setting),
        "recall100": recall(rival, queries[rest], true[rest], 100, setting),
        "resident": resident() - before,
    }


def recall(rival, queries, true, k, setting):
    hits = 0
    for number, query in enumerate(queries):
        hits += len(np.intersect1d(rival.search(query, k, setting), true[number, :k]))
    return hits / k / len(queries)


def resident():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main(arguments):
    step, name, path, vectors_path, queries_path, true_path = arguments
    vectors = np.load(vectors_path, mmap_mode="r")
    rival = RIVALS[name](path, vectors.shape[1])
    if step == "build":
        start = time.perf_counter()
        rival.fill(np.ascontiguousarray(vectors))
        print(json.dumps({"train": 0.0, "add": time.perf_counter() - start}))
    else:
        print(json.dumps(measure(rival, np.load(queries_path), np.load(true_path))))
    sys.stdout.flush()
    os._exit(0)  # some leave threads behind that would not end


if __name__ == "__main__":
    main(sys.argv[1:])
