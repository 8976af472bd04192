"""A database, a scanner, and watched folders on the disk: what the scanner's tests share."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from builders import analysis, file_id, link, new_folder
from timbred_indexer.db import Database, next_seq
from timbred_indexer.model import FolderId, SoundId
from timbred_indexer.scanner import Scanner, ScanOutcome
from timbred_indexer.store import folders, sounds
from timbred_indexer.store.folders import Folder
from timbred_indexer.targets import ScanTarget


class World:
    """A database, a scanner, and watched folders on the disk."""

    def __init__(self, db: Database, top: Path) -> None:
        self.db = db
        self.now = 1000.0
        self.top = top
        self._scanner = Scanner(db, clock=lambda: self.now)

    async def watch(self, name: str = "root") -> FolderId:
        path = self.top / name
        path.mkdir(exist_ok=True)
        return await self.db.write(lambda connection: new_folder(connection, os.fsencode(path)))

    def put(self, name: str, content: bytes | None = None) -> Path:
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() if content is None else content)
        return path

    async def scan(self, folder: FolderId, *paths: bytes) -> ScanOutcome:
        """Of the whole folder, or of paths in it."""
        targets = [ScanTarget(folder, path, whole=not path) for path in paths or (b"",)]
        return await self._scanner.scan(targets)

    async def files(self) -> dict[bytes, str]:
        return await self.db.read(lambda connection: dict(connection.execute("SELECT path, state FROM file")))

    async def ids(self) -> dict[bytes, int]:
        return await self.db.read(lambda connection: dict(connection.execute("SELECT path, id FROM file")))

    async def folder(self, identity: FolderId) -> Folder:
        known = await self.db.read(folders.active)
        return next(folder for folder in known if folder.id == identity)

    async def index(self, folder: FolderId, path: bytes, seed: int = 1) -> SoundId:
        """Says that the file was analysed."""

        def write(connection: sqlite3.Connection) -> SoundId:
            seq = next_seq(connection)
            sound = sounds.save_analysis(connection, b"%d" % seed, analysis(seed), "librosa", seq)
            link(connection, file_id(connection, folder, path), sound)
            return sound

        return await self.db.write(write)

    async def on_another_device(self, folder: FolderId) -> None:
        """As if it had been another drive, or the same with another number, when it was last looked at."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE folder SET device = device + 1, volume = volume + 1 WHERE id = ?", (folder,))
            connection.execute("UPDATE file SET device = device + 1 WHERE folder_id = ?", (folder,))

        await self.db.write(write)
