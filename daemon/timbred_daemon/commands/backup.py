"""``timbred backup`` and ``timbred restore``: the database as one file, out and in again.

Both work on the data folder itself. A backup needs no daemon and disturbs none, and is written with the rights of
whoever asks for it, wherever that may be; the daemon may be held in a sandbox that lets it write nowhere else.
"""

from __future__ import annotations

import os

import click

from timbred_daemon.commands.connection import data_dir_option, report_what_matters
from timbred_daemon.commands.output import conclude, say, write_json, write_rows
from timbred_daemon.config import load

_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@data_dir_option
@_json_option
def backup(file: str, force: bool, data_dir: bytes | None, as_json: bool) -> None:
    """Copy everything that timbred knows into FILE, checked, while the daemon runs or not."""
    from timbred_indexer.backup import write_backup

    write_backup(_database(data_dir), os.path.abspath(file), force=force)
    size = os.path.getsize(file)
    answer = {"path": os.path.abspath(file), "size": size}
    conclude(answer, f"Backed up to {file} ({size / 1e6:.1f} MB).", as_json=as_json)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False), required=False)
@click.option("--list", "only_list", is_flag=True, help="List the automatic backups: path, when, bytes.")
@data_dir_option
@_json_option
def restore(file: str | None, only_list: bool, data_dir: bytes | None, as_json: bool) -> None:
    """Put the backup FILE in the database's place. The daemon must be stopped.

    The backup is checked first; what it replaces is kept under another name. Files that came or changed since the
    backup are analysed when the daemon starts again.
    """
    from timbred_daemon.runtime import data_folder
    from timbred_indexer.restore import restore as put_back

    database = _database(data_dir)
    if only_list:
        _list_backups(os.path.dirname(database), as_json=as_json)
        return
    if file is None:
        raise click.UsageError("Name a backup; `timbred restore --list` lists the automatic ones.")
    with data_folder(os.path.dirname(database)):
        aside = put_back(database, os.path.abspath(file))
    sentence = f"Restored {file}." + (f" What was there before is now {aside}." if aside else "")
    conclude({"restored": os.path.abspath(file), "aside": aside}, sentence, as_json=as_json)


def _list_backups(data_dir: str, *, as_json: bool) -> None:
    from datetime import UTC, datetime

    from timbred_indexer.backup import automatic

    found = [(one.path, datetime.fromtimestamp(one.made, UTC), one.size) for one in automatic(data_dir)]
    if as_json:
        rows = [{"path": path, "made": made.isoformat(timespec="seconds"), "size": size} for path, made, size in found]
        write_json({"results": rows, "next": None})
    elif found:
        cells = ((path, made.astimezone().isoformat(" ", "seconds"), size) for path, made, size in found)
        write_rows(("Path", "Made", "Bytes"), cells)
    else:
        say("There is no automatic backup yet.")


def _database(data_dir: bytes | None) -> str:
    loaded = load({"data_dir": data_dir}, os.environ, isdir=lambda _: True)
    report_what_matters(loaded, ("", "data_dir"))
    return os.path.join(loaded.settings.data_dir, "metadata.db")
