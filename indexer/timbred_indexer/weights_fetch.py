"""Gets a published model, and goes on where it was cut.

Files arrive in ``models/.incoming-NAME`` as ``FILE.ID.part``, where ID stands for the content: what is there is gone on
with, by this call or a later one, until it is whole and its hash is the one that the hub lists.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from timbred_indexer.atomic import sync_folder
from timbred_indexer.errors import NotFoundError, StorageError, UnavailableError
from timbred_indexer.weights import KnownModel, find, model_folder, verify
from timbred_indexer.weights_hub import Hub, InterruptedDownloadError, Plan, RemoteFile, open_hub
from timbred_indexer.weights_local import Progress
from timbred_indexer.weights_manifest import FileEntry, InstalledModel, sha256
from timbred_indexer.weights_store import changing, entry_of, incoming_folder, need_space, put_in_place, storing

_TRIES: Final = 5
"""In a row, that bring nothing, before a download is given up."""


def fetch(
    data_dir: str,
    model: KnownModel,
    *,
    say: Callable[[str], None],
    progress: Progress,
    endpoint: str | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> InstalledModel:
    """Gets a model; at once when it is installed, of the hub's newest commit, and whole.

    Args:
        data_dir: the data folder.
        model: which one.
        say: takes a sentence about what is chosen.
        progress: bytes that are here, bytes in all.
        endpoint: the hub's address; ``HF_ENDPOINT``, else huggingface.co, unless given.
        pause: waits between tries, in seconds.

    Raises:
        UnavailableError: ``hub_unreachable``, ``no_safetensors``, ``download_cut`` or ``wrong_hash``, with what to do.
            What has arrived stays for the next call.
        StorageError: no room, or another change of the models is under way.
    """
    with changing(data_dir), open_hub(endpoint, say) as hub:
        plan = hub.plan(model.repo)
        if there := _already(data_dir, model, plan):
            return there
        incoming = incoming_folder(data_dir, model.name)
        download = _Download(hub, plan, incoming, progress, pause)
        need_space(incoming, download.missing())
        files = {file.name: download.get(file) for file in plan.files}
        with storing(incoming):
            sync_folder(incoming)
        folder = model_folder(data_dir, model.name)
        fetched = InstalledModel(model.name, folder, plan.repo, plan.revision, model.loader, plan.license, files)
        return put_in_place(data_dir, fetched)


def _already(data_dir: str, model: KnownModel, plan: Plan) -> InstalledModel | None:
    try:
        found = find(data_dir, model.name)
        if (found.source, found.revision) != (plan.repo, plan.revision):
            return None
        verify(found)
    except (NotFoundError, StorageError):
        return None
    return found


class _Download:
    """Gets the files of a plan into the incoming folder, one after the other."""

    def __init__(self, hub: Hub, plan: Plan, incoming: str, progress: Progress, pause: Callable[[float], None]) -> None:
        self._hub = hub
        self._plan = plan
        self._incoming = incoming
        self._progress = progress
        self._pause = pause
        self._total = sum(file.size for file in plan.files)

    def missing(self) -> int:
        """Bytes that are still to come."""
        return self._total - sum(map(self._present, self._plan.files))

    def get(self, file: RemoteFile) -> FileEntry:
        """The file, whole, checked and durable.

        Raises:
            UnavailableError: ``download_cut``, ``wrong_hash``.
            StorageError: the disk could not take it.
        """
        whole, part = self._whole(file), self._part(file)
        with storing(self._incoming):
            if not (os.path.exists(whole) and _has_hash(whole, file)):
                with suppress(FileNotFoundError):
                    os.unlink(whole)
                open(part, "ab").close()
                self._fill(file, part)
                self._check(file, part)
                os.rename(part, whole)
            return entry_of(whole)

    def _fill(self, file: RemoteFile, part: str) -> None:
        """Asks for what is missing until nothing is; gives up after some tries that brought nothing."""
        vain = 0
        while (have := os.path.getsize(part)) < file.size:
            reason = "it ended early"
            try:
                self._stream(file, part, have)
            except InterruptedDownloadError as error:
                reason = error.message
                vain = _TRIES if error.final else vain
            now = os.path.getsize(part)
            if now < file.size:
                vain = 0 if now > have else vain + 1
                if vain >= _TRIES:
                    raise self._cut(file, reason)
                self._pause(2.0**vain)

    def _stream(self, file: RemoteFile, part: str, have: int) -> None:
        others = sum(self._present(other) for other in self._plan.files if other is not file)
        with self._hub.bytes_of(self._plan, file, have) as (start, chunks), open(part, "r+b") as target:
            target.truncate(start)
            target.seek(start)
            for chunk in chunks:
                target.write(chunk[: file.size - target.tell()])
                self._progress(others + target.tell(), self._total)
                if target.tell() >= file.size:
                    break

    def _check(self, file: RemoteFile, part: str) -> None:
        if os.path.getsize(part) == file.size and _has_hash(part, file):
            return
        os.unlink(part)
        raise UnavailableError(
            f"What arrived as {file.name} of {self._plan.repo} is not what the hub lists (its hash differs) and was "
            "thrown away. Run the command again; if this happens again, something on the way changes files.",
            code="wrong_hash",
        )

    def _cut(self, file: RemoteFile, reason: str) -> UnavailableError:
        done = self._total - self.missing()
        return UnavailableError(
            f"The download was cut at {done / 1e6:.1f} of {self._total / 1e6:.1f} MB, in {file.name} ({reason}). Run "
            "the command again to go on from there.",
            code="download_cut",
        )

    def _present(self, file: RemoteFile) -> int:
        whole, part = self._whole(file), self._part(file)
        path = whole if os.path.exists(whole) else part
        return min(file.size, os.path.getsize(path)) if os.path.exists(path) else 0

    def _whole(self, file: RemoteFile) -> str:
        return os.path.join(self._incoming, file.name)

    def _part(self, file: RemoteFile) -> str:
        return os.path.join(self._incoming, f"{file.name}.{file.oid[:12]}.part")


def _has_hash(path: str, file: RemoteFile) -> bool:
    """Whether the bytes are those that the hub lists."""
    if len(file.oid) == 64:
        return sha256(path) == file.oid
    git = hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)
    with open(path, "rb") as content:
        return hashlib.file_digest(content, lambda: git).hexdigest() == file.oid
