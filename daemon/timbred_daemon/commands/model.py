"""``timbred model``: which CLAP models there are; fetches and removes them. Needs no running daemon."""

from __future__ import annotations

import os

import click

from timbred_daemon.commands.connection import data_dir_option, report_what_matters
from timbred_daemon.commands.model_table import model_rows, write_models
from timbred_daemon.commands.output import conclude, say, write_json
from timbred_daemon.commands.progress_bar import progress_bar
from timbred_daemon.config import Settings, load
from timbred_daemon.config_values import did_you_mean
from timbred_daemon.runtime import read_endpoint
from timbred_indexer import weights, weights_local, weights_store
from timbred_indexer.errors import UnavailableError


@click.group()
def model() -> None:
    """Fetch, list and remove the models that know sounds by their meaning."""


@model.command("list")
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--check", is_flag=True, help="Read every byte of what is installed; without it names and sizes.")
def list_models(data_dir: bytes | None, as_json: bool, check: bool) -> None:
    """List the models: name, state, size, license, revision. What each is good for is said while none is in use."""
    settings = _settings(data_dir)
    choice = weights.choose(settings.data_dir, settings.clap_model)
    rows = model_rows(settings.data_dir, choice, check=check)
    if as_json:
        write_json({"results": rows, "next": None})
    else:
        write_models(rows)
    if choice.reason:
        say(choice.reason)


@model.command()
@data_dir_option
@click.argument("what", metavar="NAME|FOLDER|FILE.pt")
@click.option("--name", help="What to call a checkpoint of your own (default: as its file is called).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def fetch(data_dir: bytes | None, what: str, name: str | None, as_json: bool) -> None:
    """Get a published model by NAME, or copy a checkpoint of your own: a transformers FOLDER, a laion-clap FILE.pt.

    The only command that uses a network, and only for a NAME. Run again, it goes on where it was cut.
    """
    settings = _settings(data_dir)
    known = weights.known(what)
    if known is None and not os.path.exists(what):
        names = [one.name for one in weights.KNOWN]
        hint = did_you_mean(what, names)
        meant = f"did you mean {hint}?" if hint else f"there are {', '.join(names)}."
        raise click.UsageError(f"{what!r} is neither a known model nor a folder or file here; {meant}")
    if known is not None and name is not None:
        raise click.UsageError("--name is for checkpoints of your own; a published model keeps its name.")
    if known is not None:
        got = _fetch_known(settings.data_dir, known)
    else:
        with progress_bar(os.path.basename(os.path.abspath(what))) as progress:
            got = weights_local.install_local(settings.data_dir, what, name=name, progress=progress)
    answer = {"name": got.name, "revision": got.revision, "size": got.size, "folder": got.folder}
    sentence = f"{got.name} is installed: {got.size / 1e6:.0f} MB, revision {got.revision[:12]}, in {got.folder}."
    conclude(answer, sentence, as_json=as_json)
    _say_what_follows(settings, got.name)


def _fetch_known(data_dir: str, known: weights.KnownModel) -> weights.InstalledModel:
    try:
        from timbred_indexer.weights_fetch import fetch as fetch_known
    except ModuleNotFoundError as error:
        raise UnavailableError(
            "Fetching a published model needs more packages: run `pip install 'timbred[clap]'` first.",
            code="extra_missing",
        ) from error
    say(f"Asking for {known.repo}, licensed {known.license} by its publisher.")
    try:
        with progress_bar(known.name) as progress:
            return fetch_known(data_dir, known, say=say, progress=progress, endpoint=os.environ.get("HF_ENDPOINT"))
    except KeyboardInterrupt:
        say("Stopped. What has arrived stays; run the command again to go on from there.")
        raise


def _say_what_follows(settings: Settings, name: str) -> None:
    choice = weights.choose(settings.data_dir, settings.clap_model)
    if choice.model is None:
        say(choice.reason)
    elif choice.model.name != name:
        say(f"{choice.model.name} stays in use: `model` in [clap] of the settings names it.")
    elif read_endpoint(settings.data_dir):
        say("timbred is running: it takes the model over by itself.")


@model.command()
@data_dir_option
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def remove(data_dir: bytes | None, name: str, as_json: bool) -> None:
    """Delete an installed or half-fetched model from the disk."""
    weights_store.remove(_settings(data_dir).data_dir, name)
    conclude({"removed": name}, f"Removed the model {name}.", as_json=as_json)


def _settings(data_dir: bytes | None) -> Settings:
    loaded = load({"data_dir": data_dir}, os.environ, isdir=lambda _: True)
    report_what_matters(loaded, ("", "data_dir", "clap.model"))
    return loaded.settings
