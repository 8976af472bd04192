"""What ``timbred model list`` shows: the published models, and whatever else is installed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from timbred_daemon.commands.output import say, write_rows
from timbred_indexer import weights
from timbred_indexer.errors import StorageError
from timbred_indexer.weights_store import half_fetched

_HEADINGS = ("Name", "State", "Size", "License", "Revision")


class ModelRow(TypedDict):
    """One model.

    Attributes:
        state: ``ok``, ``damaged``, ``incomplete`` (fetching was begun) or ``not_installed``.
        size: bytes on disk; of one that is not installed about what a download takes.
        problem: a sentence, of a damaged one.
    """

    name: str
    state: str
    in_use: bool
    size: int | None
    license: str | None
    revision: str | None
    source: str | None
    loader: str | None
    good_for: str | None
    problem: str | None


def model_rows(data_dir: str, choice: weights.Choice, *, check: bool) -> list[ModelRow]:
    """The published models in their order, then the others by name. ``check``: every byte is read."""
    installed = {model.name: model for model in weights.installed(data_dir)}
    unreadable = weights.unreadable(data_dir)
    begun = half_fetched(data_dir)
    names = dict.fromkeys([model.name for model in weights.KNOWN])
    names |= dict.fromkeys(sorted({*installed, *unreadable, *begun}))
    rows: list[ModelRow] = []
    for name in names:
        if name in installed:
            row = _installed(installed[name], check=check)
        else:
            row = _absent(name, "incomplete" if name in begun else "not_installed")
        if name in unreadable:
            row["state"] = "damaged"
            row["problem"] = f"The manifest of {name} is missing or damaged: fetch the model again, or remove it."
        row["in_use"] = choice.model is not None and choice.model.name == name
        rows.append(row)
    return rows


def _installed(model: weights.InstalledModel, *, check: bool) -> ModelRow:
    row = _absent(model.name, "ok")
    if model.source != row["source"]:  # it has a published one's name, and is another
        row["good_for"] = None
        row["license"] = None
    row["size"] = model.size
    row["license"] = model.license or row["license"]
    row["revision"] = model.revision
    row["source"] = model.source
    row["loader"] = model.loader
    try:
        (weights.verify if check else weights.glance)(model)
    except StorageError as error:
        row["state"] = "damaged"
        row["problem"] = error.message
    return row


def _absent(name: str, state: str) -> ModelRow:
    known = weights.known(name)
    return {
        "name": name,
        "state": state,
        "in_use": False,
        "size": known.download_size if known else None,
        "license": known.license if known else None,
        "revision": None,
        "source": known.repo if known else None,
        "loader": known.loader if known else None,
        "good_for": known.good_for if known else None,
        "problem": None,
    }


def write_models(rows: Sequence[ModelRow]) -> None:
    """A line for each model to stdout; to stderr a sentence for each damaged one, and help for who has none yet."""
    write_rows(_HEADINGS, (_cells(row) for row in rows))
    for row in rows:
        if row["problem"]:
            say(row["problem"])
    if not any(row["in_use"] for row in rows):
        for row in rows:
            if row["good_for"]:
                say(f"{row['name']}: {row['good_for']}.")


def _cells(row: ModelRow) -> tuple[str | None, ...]:
    size = row["size"]
    state = row["state"].replace("_", " ")
    return (
        row["name"],
        f"{state}, in use" if row["in_use"] else state,
        None if size is None else f"{size / 1e6:.0f} MB",
        row["license"],
        row["revision"] and row["revision"][:12],
    )
