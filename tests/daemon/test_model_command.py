"""``timbred model`` as a script sees it: stdout, stderr, exit code. No daemon runs, but where a test says so."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hub import CHECKPOINT, FETCHED, REPO, Hub, running_hub
from timbred_daemon.cli import main
from timbred_daemon.commands.model_table import ModelRow
from timbred_daemon.runtime import data_folder, published_endpoint

NAME = "clap-htsat-unfused"


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with a data folder of their own, and an address of the hub at which nothing answers."""
    (tmp_path / "config.toml").touch()
    monkeypatch.setenv("TIMBRED_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("TIMBRED_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running_hub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address + "/")
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint of the user's own."""
    (tmp_path / "my-clap").mkdir()
    for name, content in CHECKPOINT.items():
        (tmp_path / "my-clap" / name).write_bytes(content)
    return tmp_path / "my-clap"


def timbred(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["model", *arguments])
    assert result.exit_code == code, result.output
    return result


def listed(*options: str) -> dict[str, ModelRow]:
    rows = json.loads(timbred("list", "--json", *options).stdout)["results"]
    return {row["name"]: row for row in rows}


def test_the_list_names_every_known_model_with_size_and_license() -> None:
    result = timbred("list")
    lines = result.stdout.splitlines()
    assert lines[0] == f"{NAME}\tnot installed\t618 MB\tapache-2.0\t"
    assert len(lines) == 4
    assert "larger_clap_music: loops, stems and whole pieces." in result.stderr
    assert "timbred model fetch NAME" in result.stderr


def test_a_model_is_fetched_by_name_and_then_listed_as_in_use(hub: Hub) -> None:
    result = timbred("fetch", NAME)
    assert result.stdout == ""
    assert f"{NAME} is installed: 0 MB, revision {hub.revision()[:12]}" in result.stderr
    assert f"{NAME}: 100 % of 0.3 MB" in result.stderr
    assert timbred("list").stdout.splitlines()[0].split("\t")[1] == "ok, in use"
    row = listed("--check")[NAME]
    assert (row["state"], row["in_use"], row["source"]) == ("ok", True, REPO)
    assert (row["revision"], row["license"]) == (hub.revision(), "apache-2.0")


def test_a_folder_of_ones_own_is_installed_without_a_network(folder: Path) -> None:
    timbred("fetch", str(folder))
    row = listed()["my-clap"]
    assert (row["state"], row["source"], row["license"]) == ("ok", str(folder), None)
    assert row["size"] == sum(len(CHECKPOINT[name]) for name in FETCHED)


def test_a_checkpoint_can_be_given_another_name(folder: Path) -> None:
    timbred("fetch", "my-clap", "--name", "second")
    assert "second" in listed()


def test_a_model_of_ones_own_with_a_known_name_is_not_taken_for_the_published_one(folder: Path) -> None:
    timbred("fetch", str(folder), "--name", NAME)
    assert (listed()[NAME]["license"], listed()[NAME]["good_for"]) == (None, None)


def test_a_known_name_means_the_published_model_even_beside_a_folder_of_that_name(tmp_path: Path, hub: Hub) -> None:
    (tmp_path / NAME).mkdir()
    timbred("fetch", NAME)
    assert listed()[NAME]["source"] == REPO


def test_a_damaged_file_is_named_by_the_list(data: Path, folder: Path) -> None:
    timbred("fetch", str(folder))
    path = data / "models/my-clap/config.json"
    path.write_bytes(b"x" * path.stat().st_size)
    assert listed()["my-clap"]["state"] == "ok"  # sizes only
    assert listed("--check")["my-clap"]["state"] == "damaged"
    assert f"{path} is damaged" in timbred("list", "--check").stderr


def test_a_folder_without_a_manifest_is_listed_as_damaged(data: Path) -> None:
    (data / "models/odd").mkdir(parents=True)
    assert listed()["odd"]["state"] == "damaged"


def test_a_half_fetched_model_is_listed_as_incomplete_and_can_be_removed(hub: Hub) -> None:
    hub.lies["vocab.json"] = b"no"
    assert "Run the command again" in timbred("fetch", NAME, code=1).stderr
    assert listed()[NAME]["state"] == "incomplete"
    timbred("remove", NAME)
    assert listed()[NAME]["state"] == "not_installed"


def test_a_hub_that_cannot_be_reached_is_said_in_a_sentence() -> None:
    result = timbred("fetch", NAME, code=1)
    assert "timbred: The hub http://127.0.0.1:9 cannot be asked for" in result.stderr
    assert "Traceback" not in result.output


def test_without_the_extra_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("timbred_indexer.weights_fetch", "timbred_indexer.weights_hub"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert "pip install 'timbred[clap]'" in timbred("fetch", NAME, code=1).stderr


def test_a_name_that_nothing_has_gets_a_suggestion() -> None:
    assert "did you mean clap-htsat-unfused?" in timbred("fetch", "clap-htsat-unfussed", code=2).stderr
    assert "larger_clap_general" in timbred("fetch", "x", code=2).stderr


def test_a_published_model_keeps_its_name() -> None:
    assert "keeps its name" in timbred("fetch", NAME, "--name", "mine", code=2).stderr


def test_a_removed_model_is_gone(data: Path, folder: Path) -> None:
    timbred("fetch", str(folder))
    assert "Removed the model my-clap." in timbred("remove", "my-clap").stderr
    assert os.listdir(data / "models") == [".lock"]
    assert "No model my-clap is installed" in timbred("remove", "my-clap", code=1).stderr


def test_a_name_that_leads_elsewhere_removes_nothing(data: Path) -> None:
    data.mkdir()
    assert "cannot be a model's name" in timbred("remove", "../../data", code=1).stderr
    assert data.exists()


def test_the_settings_say_which_of_several_models_is_used(tmp_path: Path, folder: Path) -> None:
    timbred("fetch", "my-clap")
    assert "Several models are installed" in timbred("fetch", "my-clap", "--name", "second").stderr
    (tmp_path / "config.toml").write_text('[clap]\nmodel = "second"\n')
    assert [row["name"] for row in listed().values() if row["in_use"]] == ["second"]
    assert "second stays in use" in timbred("fetch", "my-clap").stderr


def test_a_running_daemon_is_said_to_take_the_model_over(data: Path, folder: Path) -> None:
    with data_folder(str(data)), published_endpoint(str(data), "http://127.0.0.1:1"):
        assert "takes the model over" in timbred("fetch", str(folder)).stderr
