"""``timbred pause`` and ``timbred resume``: leave the machine alone for a while."""

from __future__ import annotations

from datetime import datetime

import click

from timbred_api.client import Client, JsonObject
from timbred_daemon.commands.connection import with_client
from timbred_daemon.commands.output import say, write_json
from timbred_daemon.config_values import parse_duration

_YEAR = 365 * 86_400.0


def _seconds(_context: click.Context, _parameter: click.Parameter, text: str | None) -> float | None:
    """``90s``, ``2h``, ``1h30m``, or a number of seconds."""
    if text is None:
        return None
    parsed = parse_duration("the time", float(text) if text.isdigit() else text, least=1, most=_YEAR)
    if parsed.value is None:
        raise click.BadParameter(f"{parsed.complaints[0].message}.")
    return parsed.value


@click.command()
@with_client
@click.option("--for", "seconds", callback=_seconds, metavar="TIME", help="How long, such as 2h or 45m.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def pause(client: Client, seconds: float | None, as_json: bool) -> None:
    """Begin no more work: analysis, CLAP and the search for duplicates rest. Watching and answering go on.

    Without --for it lasts until `timbred resume`, over restarts too.
    """
    _tell(client.post("/v1/pause", {"seconds": seconds}), as_json)


@click.command()
@with_client
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def resume(client: Client, as_json: bool) -> None:
    """End a pause."""
    _tell(client.post("/v1/resume", {}), as_json)


def _tell(answer: JsonObject, as_json: bool) -> None:
    if as_json:
        write_json(answer)
    elif answer["resting"]:
        say(sentence(answer))
    else:
        say("Work goes on.")


def sentence(rest: JsonObject) -> str:
    """Why nothing is done, and until when."""
    if rest["until"] is None:
        return str(rest["reason"])
    until = datetime.fromisoformat(rest["until"]).astimezone()
    return f"{rest['reason']} It goes on by itself at {until:%Y-%m-%d %H:%M}."
