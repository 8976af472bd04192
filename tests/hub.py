"""A hub on this machine: repositories of real bytes, answered as the public one does, which can also misbehave."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from patience import PATIENCE

LARGE = 10_000
"""Bytes from which on a file is stored apart, known by its SHA-256, and served from another address."""
REPO = "laion/clap-htsat-unfused"


def safetensors(payload: bytes = bytes(range(256)) * 1000) -> bytes:
    """A file of the format, with one tensor of bytes."""
    header = json.dumps({"w": {"dtype": "U8", "shape": [len(payload)], "data_offsets": [0, len(payload)]}}).encode()
    return len(header).to_bytes(8, "little") + header + payload


CHECKPOINT: Mapping[str, bytes] = {
    "README.md": b"# CLAP",
    "config.json": b'{"model_type": "clap"}',
    "preprocessor_config.json": b"{}",
    "tokenizer.json": b'{"version": "1.0"}',
    "vocab.json": b'{"kick": 0, "snare": 1}',
    "merges.txt": b"#version: 0.2\n",
    "pytorch_model.bin": b"pickled" * 4000,
    "model.safetensors": safetensors(),
}
FETCHED = set(CHECKPOINT) - {"README.md", "pytorch_model.bin"}
PICKLED = {name: data for name, data in CHECKPOINT.items() if name != "model.safetensors"}


@dataclass(frozen=True)
class Offer:
    """A pull request; its commit is at ``refs/pr/NUMBER``."""

    number: int
    author: str = "SFconvertbot"
    status: str = "open"


@dataclass
class Hub:
    """What the stand-in serves, and what it was asked.

    Attributes:
        commits: branch or reference → its files.
        cuts: file → after how many bytes to drop the connection, request by request; then it behaves.
        lies: file → the bytes that are sent instead.
        refusals: statuses that the next downloads are answered with.
        stalls: the file whose download stops half-way and hangs until ``released``.
        ranges: whether a download can be gone on with.
        asked: every path, in order, with the ``Range`` asked for.
    """

    commits: dict[str, Mapping[str, bytes]] = field(default_factory=lambda: {"main": CHECKPOINT})
    offers: list[Offer] = field(default_factory=list[Offer])
    cuts: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    lies: dict[str, bytes] = field(default_factory=dict[str, bytes])
    refusals: list[int] = field(default_factory=list[int])
    stalls: str = ""
    ranges: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list[tuple[str, str | None]])
    headers: list[str] = field(default_factory=list[str])
    stalled: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    address: str = ""

    def downloads(self, name: str) -> list[str | None]:
        """The ranges that were asked of a file's bytes."""
        return [asked for path, asked in self.asked if path.startswith("/bytes/") and path.endswith(f"/{name}")]

    def revision(self, reference: str = "main") -> str:
        return sha_of_commit(self.commits[reference])


def sha_of_commit(files: Mapping[str, bytes]) -> str:
    listed = sorted((name, hashlib.sha256(data).hexdigest()) for name, data in files.items())
    return hashlib.sha1(repr(listed).encode()).hexdigest()


def blob_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@contextmanager
def running_hub() -> Generator[Hub]:
    """A hub that listens on loopback until the end of the block."""
    hub = Hub()

    class Handler(_Handler):
        served = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False  # so that closing waits for them
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="hub")
    thread.start()
    try:
        yield hub
    finally:
        hub.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    served: Hub

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.served.asked.append((path, self.headers["Range"]))
        self.served.headers.extend(self.headers)
        if path == f"/api/models/{REPO}/discussions":
            self._json(self._discussions())
        elif path.startswith(f"/api/models/{REPO}/revision/"):
            self._revision(path.removeprefix(f"/api/models/{REPO}/revision/"))
        elif path.startswith(f"/{REPO}/resolve/"):
            self._resolve(path.removeprefix(f"/{REPO}/resolve/"))
        elif path.startswith("/bytes/"):
            self._bytes(path.removeprefix("/bytes/"))
        else:
            self.send_error(404)

    def _json(self, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _discussions(self) -> object:
        rows = [
            {
                "num": offer.number,
                "author": {"name": offer.author},
                "title": "Adding `safetensors` variant of this model",
                "status": offer.status,
                "isPullRequest": True,
                "createdAt": "2024-01-01T00:00:00.000Z",
                "repo": {"name": REPO, "type": "model"},
            }
            for offer in self.served.offers
        ]
        return {"discussions": rows, "count": len(rows), "start": 0}

    def _revision(self, reference: str) -> None:
        files = self.served.commits.get(reference)
        if files is None:
            self.send_error(404)
            return
        tags = ["clap", "license:apache-2.0"]
        siblings = [_sibling(name, data) for name, data in files.items()]
        self._json({"id": REPO, "sha": sha_of_commit(files), "tags": tags, "siblings": siblings})

    def _resolve(self, rest: str) -> None:
        commit, _, name = rest.partition("/")
        data = next(files for files in self.served.commits.values() if sha_of_commit(files) == commit)[name]
        if self.served.refusals:
            self.send_error(self.served.refusals.pop(0))
            return
        self.send_response(302)
        self.send_header("X-Repo-Commit", commit)
        self.send_header("X-Linked-Size", str(len(data)))
        self.send_header("X-Linked-ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("Location", f"/bytes/{rest}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _bytes(self, rest: str) -> None:
        commit, _, name = rest.partition("/")
        data = next(files for files in self.served.commits.values() if sha_of_commit(files) == commit)[name]
        data = self.served.lies.get(name, data)
        start = 0
        if self.served.ranges and self.headers["Range"]:
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        cuts = self.served.cuts.get(name)
        self.wfile.write(data[start : start + cuts.pop(0)] if cuts else self._unless_stalled(name, data[start:]))

    def _unless_stalled(self, name: str, data: bytes) -> bytes:
        if name != self.served.stalls or self.served.released.is_set():
            return data
        self.wfile.write(data[: len(data) // 2])
        self.wfile.flush()
        self.served.stalled.set()
        self.served.released.wait(PATIENCE)
        return b""


def _sibling(name: str, data: bytes) -> dict[str, object]:
    row: dict[str, object] = {"rfilename": name, "size": len(data), "blobId": blob_id(data)}
    if len(data) >= LARGE:
        row["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
    return row
