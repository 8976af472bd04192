"""Fetching from a hub that behaves, one that is cut, one that lies, one that is not there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from daemon_process import wait_for

from hub import CHECKPOINT, FETCHED, PICKLED, REPO, Hub, Offer, running_hub, safetensors
from patience import PATIENCE
from ports import nothing_listens
from timbred_indexer import weights
from timbred_indexer.errors import UnavailableError
from timbred_indexer.weights_fetch import fetch
from timbred_indexer.weights_manifest import InstalledModel
from timbred_indexer.weights_store import half_fetched

WEIGHTS = "model.safetensors"
SIZE = len(CHECKPOINT[WEIGHTS])
NAME = "clap-htsat-unfused"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub() as running:
        yield running


@pytest.fixture
def fetching(hub: Hub, tmp_path: Path) -> Fetching:
    return Fetching(hub.address, str(tmp_path / "data"))


class Fetching:
    """``fetch`` of the smallest model, and what it said on the way."""

    def __init__(self, endpoint: str, data_dir: str) -> None:
        self.endpoint = endpoint
        self.data_dir = data_dir
        self.said: list[str] = []
        self.progress: list[tuple[int, int]] = []
        self.pauses: list[float] = []

    def __call__(self) -> InstalledModel:
        return fetch(
            self.data_dir,
            weights.KNOWN[0],
            say=self.said.append,
            progress=lambda done, total: self.progress.append((done, total)),
            endpoint=self.endpoint,
            pause=self.pauses.append,
        )

    def fails(self, code: str, said: str) -> None:
        """It ends with this code and sentence, and no model is there."""
        with pytest.raises(UnavailableError, match=said) as error:
            self()
        assert error.value.code == code
        assert weights.installed(self.data_dir) == ()

    def arrived(self) -> int:
        """Bytes of the weights that wait for the next call."""
        parts = Path(self.data_dir, "models", f".incoming-{NAME}").glob(f"{WEIGHTS}.*.part")
        return sum(part.stat().st_size for part in parts)


def test_a_model_arrives_whole_with_its_commit_and_license(hub: Hub, fetching: Fetching) -> None:
    model = fetching()
    assert (model.name, model.source, model.revision) == (NAME, REPO, hub.revision())
    assert (model.license, model.loader) == ("apache-2.0", "transformers")
    assert weights.find(fetching.data_dir, NAME) == model
    weights.verify(model)
    assert half_fetched(fetching.data_dir) == ()


def test_only_what_a_loader_needs_is_asked_for(hub: Hub, fetching: Fetching) -> None:
    assert set(fetching().files) == FETCHED
    asked = {path for path, _ in hub.asked if path.startswith("/bytes/")}
    assert asked == {f"/bytes/{hub.revision()}/{name}" for name in FETCHED}


def test_nobody_is_told_who_asks(hub: Hub, fetching: Fetching) -> None:
    fetching()
    assert {"authorization", "cookie"}.isdisjoint(name.lower() for name in hub.headers)


def test_progress_ends_at_the_size_of_all_files(fetching: Fetching) -> None:
    model = fetching()
    assert fetching.progress[-1] == (model.size, model.size)
    assert fetching.progress == sorted(fetching.progress)


def test_a_model_that_is_there_is_not_fetched_again(hub: Hub, fetching: Fetching) -> None:
    first = fetching()
    hub.asked.clear()
    assert fetching() == first
    assert [path for path, _ in hub.asked] == [f"/api/models/{REPO}/revision/main"]


def test_a_damaged_model_is_fetched_anew(fetching: Fetching) -> None:
    model = fetching()
    Path(model.folder, WEIGHTS).write_bytes(bytes(SIZE))
    weights.verify(fetching())


def test_a_new_commit_takes_the_old_ones_place(hub: Hub, fetching: Fetching) -> None:
    old = fetching()
    hub.commits["main"] = {**CHECKPOINT, WEIGHTS: safetensors(b"new")}
    new = fetching()
    assert new.version != old.version
    assert weights.installed(fetching.data_dir) == (new,)


def test_a_download_that_is_cut_is_gone_on_with(hub: Hub, fetching: Fetching) -> None:
    hub.cuts[WEIGHTS] = [100_000, 50_000]
    weights.verify(fetching())
    assert hub.downloads(WEIGHTS) == [None, "bytes=100000-", "bytes=150000-"]


def test_what_has_arrived_is_kept_for_the_next_call(hub: Hub, fetching: Fetching) -> None:
    hub.cuts[WEIGHTS] = [100_000, 0, 0, 0, 0, 0]
    fetching.fails("download_cut", "was cut at 0.1 of 0.3 MB, in model.safetensors .*go on from there")
    assert fetching.arrived() == 100_000
    hub.asked.clear()
    weights.verify(fetching())
    assert hub.downloads(WEIGHTS) == ["bytes=100000-"]
    assert hub.downloads("config.json") == []


def test_tries_that_bring_nothing_wait_longer_each_time(hub: Hub, fetching: Fetching) -> None:
    hub.cuts[WEIGHTS] = [0] * 5
    fetching.fails("download_cut", "run|Run")
    assert fetching.pauses == [2, 4, 8, 16]


def test_a_busy_hub_is_asked_again(hub: Hub, fetching: Fetching) -> None:
    hub.refusals = [503, 429]
    weights.verify(fetching())
    assert len(fetching.pauses) == 2


def test_a_hub_that_refuses_a_file_is_not_asked_again(hub: Hub, fetching: Fetching) -> None:
    hub.refusals = [403]
    fetching.fails("download_cut", "HTTP status 403")
    assert fetching.pauses == []


def test_a_server_without_ranges_is_read_from_the_start(hub: Hub, fetching: Fetching) -> None:
    hub.ranges = False
    hub.cuts[WEIGHTS] = [100_000]
    weights.verify(fetching())


def test_parts_of_another_commit_are_not_mixed_in(hub: Hub, fetching: Fetching) -> None:
    hub.cuts[WEIGHTS] = [100_000, 0, 0, 0, 0, 0]
    fetching.fails("download_cut", "cut")
    hub.commits["main"] = {**CHECKPOINT, WEIGHTS: safetensors(b"new" * 90_000)}
    weights.verify(fetching())
    assert hub.downloads(WEIGHTS)[-1] is None


@pytest.mark.parametrize("name", [WEIGHTS, "config.json"])
@pytest.mark.parametrize("change", ["same size", "longer", "shorter"])
def test_bytes_that_are_not_those_listed_are_refused_by_name(
    hub: Hub, fetching: Fetching, name: str, change: str
) -> None:
    true = CHECKPOINT[name]
    lies = {"same size": b"\xff" + true[1:], "longer": b"\xff" + true, "shorter": true[:-1]}
    hub.lies[name] = lies[change]
    code = "download_cut" if change == "shorter" else "wrong_hash"
    fetching.fails(code, name)


def test_a_lie_is_thrown_away_and_the_truth_taken_next_time(hub: Hub, fetching: Fetching) -> None:
    hub.lies[WEIGHTS] = bytes(SIZE)
    fetching.fails("wrong_hash", "is not what the hub lists")
    assert fetching.arrived() == 0
    hub.lies.clear()
    weights.verify(fetching())


def test_a_file_that_was_damaged_while_it_waited_is_fetched_anew(hub: Hub, fetching: Fetching) -> None:
    hub.cuts[WEIGHTS] = [0] * 5
    fetching.fails("download_cut", "cut")
    Path(fetching.data_dir, "models", f".incoming-{NAME}", "config.json").write_bytes(b"x" * 22)
    assert Path(fetching().folder, "config.json").read_bytes() == CHECKPOINT["config.json"]


def test_a_hub_that_is_down_is_named(tmp_path: Path) -> None:
    with nothing_listens() as place:
        fetching = Fetching(f"http://{place}", str(tmp_path / "data"))
        fetching.fails("hub_unreachable", f"http://{place} cannot be asked for {REPO} .*Nothing was changed")


def test_a_repository_that_is_gone_is_said(hub: Hub, fetching: Fetching) -> None:
    hub.commits.clear()
    fetching.fails("hub_unreachable", "HTTP status 404")


def test_pickled_weights_are_not_taken(hub: Hub, fetching: Fetching) -> None:
    hub.commits["main"] = PICKLED
    fetching.fails("no_safetensors", "has no weights in safetensors.*runs code")
    assert not [path for path, _ in hub.asked if path.endswith(".bin")]


def test_safetensors_that_the_hubs_converter_offers_are_taken_and_said(hub: Hub, fetching: Fetching) -> None:
    hub.commits = {"main": PICKLED, "refs/pr/3": CHECKPOINT}
    hub.offers = [Offer(3)]
    assert fetching().revision == hub.revision("refs/pr/3")
    assert [said for said in fetching.said if "pull request 3" in said]


@pytest.mark.parametrize(
    ("offer", "changed"),
    [
        (Offer(3, author="somebody"), {}),
        (Offer(3, status="closed"), {}),
        (Offer(3), {"config.json": b'{"model_type": "other"}'}),
        (Offer(3), {"pytorch_model.bin": b"other" * 5000}),
    ],
)
def test_no_other_offer_is_taken(hub: Hub, fetching: Fetching, offer: Offer, changed: dict[str, bytes]) -> None:
    hub.commits = {"main": PICKLED, "refs/pr/3": {**CHECKPOINT, **changed}}
    hub.offers = [offer]
    fetching.fails("no_safetensors", "no weights in safetensors")


def test_an_offer_that_fits_is_found_behind_others(hub: Hub, fetching: Fetching) -> None:
    hub.commits = {"main": PICKLED, "refs/pr/5": PICKLED, "refs/pr/2": CHECKPOINT}
    hub.offers = [Offer(5), replace(Offer(4), author="somebody"), Offer(2)]
    assert fetching().revision == hub.revision("refs/pr/2")


def test_a_repository_without_a_tokenizer_is_refused(hub: Hub, fetching: Fetching) -> None:
    hub.commits["main"] = {"config.json": b"{}", WEIGHTS: safetensors()}
    fetching.fails("no_safetensors", "no tokenizer")


def test_a_kill_in_the_middle_leaves_no_half_model_and_loses_nothing(hub: Hub, fetching: Fetching) -> None:
    hub.stalls = WEIGHTS
    command = [sys.executable, "-m", "timbred_daemon", "model", "fetch", NAME, "--data-dir", fetching.data_dir]
    environment = {**os.environ, "HF_ENDPOINT": hub.address, "TIMBRED_CONFIG": os.devnull}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
        assert hub.stalled.wait(PATIENCE)
        wait_for(fetching.arrived)
        process.send_signal(signal.SIGKILL)
    hub.released.set()
    assert weights.installed(fetching.data_dir) == ()
    assert half_fetched(fetching.data_dir) == (NAME,)
    arrived = fetching.arrived()
    assert arrived > 0
    weights.verify(fetching())
    assert hub.downloads(WEIGHTS) == [None, f"bytes={arrived}-"]
