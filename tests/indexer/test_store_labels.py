"""Labels set from a list: on one file or on every copy, and what they leave as it was."""

from __future__ import annotations

import sqlite3

from builders import analysis, file_id, new_sound
from timbred_indexer.db import next_seq
from timbred_indexer.model import FolderId
from timbred_indexer.store import files, labels
from timbred_indexer.store.labels import WantedLabel


def test_a_label_on_a_missing_file_does_not_make_its_loss_look_recent(
    connection: sqlite3.Connection, folder: FolderId
) -> None:
    sound = new_sound(connection, folder, b"a.wav", analysis(1))
    files.mark_missing(connection, file_id(connection, folder, b"a.wav"), 100.0, next_seq(connection))
    before = files.lost(connection, folder, 0.0)
    digest = connection.execute("SELECT hash FROM sound WHERE id = ?", (sound,)).fetchone()[0]
    assert labels.set_many(connection, [WantedLabel(None, digest, "boom")], next_seq(connection)) == (1, [])
    assert files.lost(connection, folder, 0.0) == before
    assert connection.execute("SELECT label FROM file").fetchone()[0] == "boom"
