"""The vector index from a thousand segments to a million: FAISS's kinds, timbred's own tiers, and what else there is.

python benchmarks/index.py --sizes 1000,10000,100000 --corpus CORPUS --cache FOLDER

Each is built in one process and searched in another, one query at a time on one thread. "Resident" is what the
searching process holds beyond what it held before it loaded the index. Queries are in no index.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
from index_vectors import Draw, blocks, clap_like, mixer, real

from timbred_indexer.compact import threads

HERE = os.path.dirname(os.path.abspath(__file__))
QUERIES = 1_000
KINDS = ("flat", "ivf-flat", "ivf-fp16", "ivf-sq8", "ivf-pq-fs", "rabitq-1", "rabitq-2", "rabitq-4", "hnsw")
MOST_BUSY = 200_000  # beyond that a second build takes minutes
RIVALS = ("numpy", "hnswlib", "usearch", "chromadb", "lancedb")
COLUMNS = ("train", "add", "file", "load_ms", "first_ms", "setting", "p50", "p99", "recall10", "recall100", "resident")


class Bench:
    """One size of one space, its vectors and their truth on disk."""

    def __init__(self, draw: Draw, space: str, size: int, cache: str) -> None:
        self.space, self.size = space, size
        self.folder = os.path.join(cache, f"{space}-{size}")
        os.makedirs(self.folder, exist_ok=True)
        self.vectors, self.queries, self.truth = (self._path(name) for name in ("v.npy", "q.npy", "t.npy"))
        if not os.path.exists(self.truth):
            self._draw(draw)

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def _draw(self, draw: Draw) -> None:
        queries = draw(QUERIES, 10**9)
        np.save(self.queries, queries)
        dim = queries.shape[1]
        kept = np.lib.format.open_memmap(self.vectors, "w+", np.float32, (self.size, dim))
        best_scores = np.full((QUERIES, 100), -np.inf, np.float32)
        best_ids = np.full((QUERIES, 100), -1, np.int64)
        for first, part in blocks(draw, self.size):
            kept[first : first + len(part)] = part
            scores = np.concatenate([best_scores, queries @ part.T], axis=1)
            ids = np.concatenate(
                [best_ids, np.broadcast_to(first + np.arange(len(part)), (QUERIES, len(part)))], axis=1
            )
            near = np.argpartition(-scores, 99, axis=1)[:, :100]
            best_scores, best_ids = np.take_along_axis(scores, near, 1), np.take_along_axis(ids, near, 1)
        order = np.argsort(-best_scores, axis=1)
        np.save(self.truth, np.take_along_axis(best_ids, order, 1))
        kept.flush()

    def kind(self, name: str) -> dict[str, float]:
        path = self._path("kind.index")
        built = child("index_kinds.py", "build", name, path, self.vectors, str(threads()))
        found = built | {"file": os.path.getsize(path) / 1e6}
        found |= child("index_kinds.py", "measure", name, path, self.queries, self.truth)
        os.unlink(path)
        return found

    def rival(self, name: str, python: str) -> dict[str, float]:
        path = self._path(name)
        given = (name, path, self.vectors, self.queries, self.truth)
        found = child("index_rivals.py", "build", *given, python=python)
        found["file"] = sum(map(_bytes, [path, path + ".npy"])) / 1e6
        found |= child("index_rivals.py", "measure", *given, python=python)
        for left in (path, path + ".npy"):
            shutil.rmtree(left, ignore_errors=True) if os.path.isdir(left) else _unlink(left)
        return found

    def product(self) -> dict[str, float]:
        folder = self._path("data")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        child("index_product.py", "fill", self.space, folder, self.vectors)
        start = time.perf_counter()
        database = os.path.join(folder, "metadata.db")
        order = ["timbred_indexer.compact", database, folder, self.space, "benchmark", "0.99"]
        compacting = subprocess.Popen([sys.executable, "-m", *order], stdout=subprocess.DEVNULL)
        peak = _peak_of(compacting)
        took = time.perf_counter() - start
        index = os.path.join(folder, f"{self.space}.index")
        _forget(index)
        found = {"train": 0.0, "add": took, "file": os.path.getsize(index) / 1e6, "peak": peak}
        found |= child("index_product.py", "measure", self.space, folder, self.queries, self.truth)
        if self.size > MOST_BUSY:
            return found
        return found | child("index_product.py", "busy", self.space, folder, self.queries)


def child(script: str, *arguments: str, python: str = sys.executable) -> dict[str, float]:
    """Runs a script beside this one; gives the figures of its last line."""
    command = [python, os.path.join(HERE, script), *arguments]
    # lancedb warns at every query.
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, "RUST_LOG": "error"}
    )
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else {}


def _peak_of(running: subprocess.Popen[bytes]) -> float:
    """Megabytes it had at most; waits for its end. Not from rusage, which counts what this process had at the fork."""
    peak = 0.0
    while running.poll() is None:
        with suppress(OSError), open(f"/proc/{running.pid}/status", encoding="ascii") as file:
            said = [line.split() for line in file if line.startswith("VmHWM:")]
            peak = max(peak, *(int(words[1]) / 1e3 for words in said)) if said else peak
        time.sleep(0.02)
    assert running.returncode == 0
    return peak


def _bytes(path: str) -> int:
    if os.path.isdir(path):
        return sum(os.path.getsize(os.path.join(top, name)) for top, _, names in os.walk(path) for name in names)
    return os.path.getsize(path) if os.path.exists(path) else 0


def _unlink(path: str) -> None:
    if os.path.exists(path):
        os.unlink(path)


def _forget(path: str) -> None:
    """Takes a file out of the page cache, so that loading it is cold."""
    with open(path, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def show(name: str, size: int, found: dict[str, float]) -> None:
    cells = [f"{found[column]:.4g}" if column in found else "" for column in COLUMNS]
    rest = {key: round(value, 3) for key, value in found.items() if key not in COLUMNS}
    print(f"| {size:,} | {name} | " + " | ".join(cells) + " |" + (f" {rest}" if rest else ""), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--space", choices=("librosa", "clap"), default="librosa")
    parser.add_argument("--corpus", help="a folder of sounds; needed for librosa")
    parser.add_argument("--cache", required=True, help="a folder for vectors and indexes")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument(
        "--rivals", metavar="PYTHON", help="an interpreter that has hnswlib, usearch, chromadb, lancedb"
    )
    parser.add_argument("--which", default=",".join(RIVALS), help="of the rivals")
    parser.add_argument("--no-product", action="store_true")
    given = parser.parse_args()
    if given.space == "librosa" and not given.corpus:
        parser.error("librosa vectors are made of a corpus")
    draw = clap_like() if given.space == "clap" else mixer(real(given.corpus, given.cache))
    print("| segments | index | " + " | ".join(COLUMNS) + " |\n|" + "---|" * (len(COLUMNS) + 2), flush=True)
    for size in map(int, given.sizes.split(",")):
        bench = Bench(draw, given.space, size, given.cache)
        if not given.no_product:
            show("timbred", size, bench.product())
        for kind in filter(None, given.kinds.split(",")):
            show(kind, size, bench.kind(kind))
        for name in filter(None, given.which.split(",") if given.rivals else []):
            show(name, size, bench.rival(name, given.rivals))


if __name__ == "__main__":
    main()
