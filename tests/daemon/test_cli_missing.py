"""``timbred folders relocate`` and ``purge`` against a stand-in daemon."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result
from stand_in import ROW, StandIn

from timbred_daemon.cli import main

PURGE = "/v1/folders/purge"
FOUND = {"files": 1200, "labels": 1, "sounds": 900, "removed": False}


def timbred(*arguments: str, says: str = "") -> Result:
    return CliRunner().invoke(main, ["folders", *arguments], input=says)


@pytest.mark.parametrize(("arguments", "says"), [(["--yes"], ""), ([], "y\n")])
def test_a_purge_counts_the_labels_and_is_done_once_agreed(daemon: StandIn, arguments: list[str], says: str) -> None:
    daemon.answer(PURGE, FOUND, FOUND | {"removed": True})
    result = timbred("purge", "/s", "--older-than", "7", *arguments, says=says)
    assert "1,200 missing files, 1 label that you set, and what was analysed of 900 sounds" in result.stderr
    assert result.exit_code == 0
    scope = {"older_than": 7.0, "uri": "file:///s"}
    assert [asked.body for asked in daemon.asked] == [scope, scope | {"confirm": True}]


@pytest.mark.parametrize("says", ["n\n", ""])
def test_a_purge_that_nobody_agrees_to_changes_nothing(daemon: StandIn, says: str) -> None:
    daemon.answer(PURGE, FOUND)
    assert timbred("purge", says=says).exit_code == 1
    assert [asked.body for asked in daemon.asked] == [{"older_than": 0.0}]


def test_a_purge_of_nothing_does_not_ask(daemon: StandIn) -> None:
    daemon.answer(PURGE, {"files": 0, "labels": 0, "sounds": 0, "removed": False})
    assert "Nothing can be forgotten" in timbred("purge").stderr


def test_a_relocation_names_both_places_exactly(daemon: StandIn) -> None:
    daemon.answer("/v1/folders/relocate", {"results": [], "next": None})
    assert timbred("relocate", "/old drive", "/new", "--force").exit_code == 0
    (asked,) = daemon.asked
    assert asked.body == {"uri": "file:///old%20drive", "new_uri": "file:///new", "force": True}


def test_what_is_offline_is_listed_page_after_page(daemon: StandIn) -> None:
    daemon.answer("/v1/offline", {"results": [ROW], "next": "on"}, {"results": [ROW], "next": None})
    assert timbred("offline").stdout.count("snare") == 2


def test_nothing_offline_is_said_in_words(daemon: StandIn) -> None:
    daemon.answer("/v1/offline", {"results": [], "next": None})
    result = timbred("offline")
    assert (result.stdout, "No folder is offline" in result.stderr) == ("", True)
