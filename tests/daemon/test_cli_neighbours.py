"""``timbred similar --all`` against a stand-in daemon."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result
from stand_in import StandIn

from timbred_api.client import JsonObject
from timbred_daemon.cli import main


def timbred(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["similar", *arguments])


def test_every_sound_is_a_line_of_json_page_after_page(daemon: StandIn) -> None:
    rows: list[JsonObject] = [{"sound_id": number, "path": f"/s/{number}\n", "neighbours": []} for number in (1, 2)]
    daemon.answer("/v1/neighbours", {"results": rows[:1], "next": "on"}, {"results": rows[1:], "next": None})
    result = timbred("--all", "-k", "3")
    assert (result.exit_code, [json.loads(line) for line in result.stdout.splitlines()]) == (0, rows)


@pytest.mark.parametrize("arguments", [["--all", "909"], ["--all", "--json"], ["--all", "--min-similarity", "0.5"], []])
def test_what_makes_no_sense_beside_all_is_wrong_usage(daemon: StandIn, arguments: list[str]) -> None:
    assert timbred(*arguments).exit_code == 2
