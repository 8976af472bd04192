"""A stand-in for the daemon: canned answers over real HTTP, and a memory of what was asked."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qsl, urlsplit

from timbred_api.client import JsonObject

ROW: JsonObject = {
    "sound_id": 7,
    "path": "/s/sn\ufffdre.wav",
    "paths": ["/s/sn\ufffdre.wav"],
    "uri": "file:///s/sn%FFre.wav",
    "label": "snare",
    "similarity": 0.91234,
    "scores": {"clap": None, "librosa": 0.91},
    "aspects": {"mfcc": 0.9, "rms": None},
    "reasons": ["The timbre is close."],
    "segment": {"start": 0.0, "end": 1.5},
    "duration": 1.6,
    "sample_rate": 44100,
    "channels": 1,
    "format": "wav",
}
FILES = {"found": 4, "indexed": 3, "failed": 1, "pending": 0, "missing": 0, "offline": 0}
FOLDER: JsonObject = {
    "id": 1,
    "path": "/s",
    "uri": "file:///s",
    "source": "config",
    "state": "online",
    "reason": None,
    "watch": "native",
    "files": FILES,
}
CLAP: JsonObject = {
    "version": None,
    "filling": None,
    "vectors": 0,
    "coverage": 0.0,
    "pending": 0,
    "failed": 0,
    "rate": 0.0,
    "eta": None,
    "model": None,
    "advice": "No model is installed.",
    "index": None,
}
STATUS: JsonObject = {
    "version": "1",
    "state": "idle",
    "address": "http://127.0.0.1:8462",
    "data_dir": "/d",
    "files": FILES,
    "sounds": 3,
    "segments": 3,
    "spaces": {"clap": CLAP},
    "folders": [FOLDER],
    "scan_owed": False,
    "eta": None,
    "notes": [],
}


def busy(**changes: object) -> JsonObject:
    return {**STATUS, "state": "indexing", "files": {**FILES, "indexed": 1, "pending": 2}, **changes}


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    body: object


@dataclass
class StandIn:
    """``answers``: path → answers in turn, the last of them for ever; (status, JSON)."""

    address: str = ""
    answers: dict[str, list[tuple[int, object]]] = field(default_factory=dict[str, list[tuple[int, object]]])
    asked: list[Asked] = field(default_factory=list[Asked])

    def answer(self, path: str, *documents: object, status: int = 200) -> None:
        self.answers[path] = [(status, document) for document in documents]

    def next_answer(self, path: str) -> tuple[int, object]:
        left = self.answers.get(path, [(404, {"title": "Not found", "code": "not_found", "detail": f"no {path}"})])
        return left.pop(0) if len(left) > 1 else left[0]


@contextmanager
def stand_in() -> Generator[StandIn]:
    daemon = StandIn()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            query = dict(parse_qsl(parts.query))
            daemon.asked.append(Asked(self.command, parts.path, query, json.loads(body) if body else None))
            status, document = daemon.next_answer(parts.path)
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_any

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as daemon.address:
        yield daemon


@contextmanager
def running(server: ThreadingHTTPServer) -> Generator[str]:
    """The address of a server that runs in a thread of its own."""
    server.daemon_threads = False  # so that closing waits for every connection
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
