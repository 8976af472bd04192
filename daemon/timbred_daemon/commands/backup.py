"""``timbred backup`` and ``timbred restore``: the database as one file, out and in again.

Both work on the data folder itself. A backup needs no daemon and disturbs none, and is written with the rights of
whoever asks for it, wherever that may be; the daemon may be held in a sandbox that lets it write nowhere else.
"""

from __future__ import annotations

import os

import click

from timbred_daemon.commands.connection import data_dir_option, report_what_matters
from timbred_daemon.commands.output import say, write_rows
from timbred_daemon.config import load


@click.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@data_dir_option
def backup(file: str, force: bool, data_dir: bytes | None) -> None:
    """Copy everything that timbred knows into FILE, checked, while the daemon runs or not."""
    from timbred_indexer.backup import write_backup

    write_backup(_database(data_dir), os.path.abspath(file), force=force)
    say(f"Backed up to {file} ({os.path.getsize(file) / 1e6:.1f} MB).")


@click.command()
@click.argument("file", type=click.Path(dir_okay=False), required=False)
@click.option("--list", "only_list", is_flag=True, help="List the automatic backups: path, when, bytes.")
@data_dir_option
def restore(file: str | None, only_list: bool, data_dir: bytes | None) -> None:
    """Put the backup FILE in the database's place. The daemon must be stopped.

    The backup is checked first; what it replaces is kept under another name. Files that came or changed since the
    backup are analysed when the daemon starts again.
    """
    from timbred_daemon.runtime import data_folder
    from timbred_indexer.restore import restore as put_back

    database = _database(data_dir)
    if only_list:
        _list_backups(os.path.dirname(database))
        return
    if file is None:
        raise click.UsageError("Name a backup; `timbred restore --list` lists the automatic ones.")
    with data_folder(os.path.dirname(database)):
        aside = put_back(database, os.path.abspath(file))
    say(f"Restored {file}." + (f" What was there before is now {aside}." if aside else ""))


def _list_backups(data_dir: str) -> None:
    from datetime import datetime

    from timbred_indexer.backup import automatic

    found = automatic(data_dir)
    if not found:
        say("There is no automatic backup yet.")
        return
    rows = (
        (one.path, datetime.fromtimestamp(one.made).astimezone().isoformat(" ", "seconds"), one.size) for one in found
    )
    write_rows(("Path", "Made", "Bytes"), rows)


def _database(data_dir: bytes | None) -> str:
    loaded = load({"data_dir": data_dir}, os.environ, isdir=lambda _: True)
    report_what_matters(loaded, ("", "data_dir"))
    return os.path.join(loaded.settings.data_dir, "metadata.db")
