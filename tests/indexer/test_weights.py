"""The store of models: what counts as one, what is refused, what a crash leaves."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from hub import CHECKPOINT, FETCHED, PICKLED, safetensors
from timbred_indexer import weights
from timbred_indexer.errors import NotFoundError, RequestError, StorageError
from timbred_indexer.weights_local import install_local
from timbred_indexer.weights_manifest import FileEntry, InstalledModel, revision_of
from timbred_indexer.weights_store import changing, half_fetched, incoming_folder, need_space, remove


def checkpoint(folder: Path, files: Mapping[str, bytes] = CHECKPOINT) -> str:
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return str(folder)


def install(data: Path, source: str, name: str | None = None) -> InstalledModel:
    return install_local(str(data), source, name=name, progress=lambda done, total: None)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def model(tmp_path: Path, data: Path) -> InstalledModel:
    return install(data, checkpoint(tmp_path / "my clap"))


def code(error: pytest.ExceptionInfo[RequestError] | pytest.ExceptionInfo[StorageError]) -> str:
    return error.value.code


def test_a_folder_becomes_a_model_of_what_a_loader_needs(tmp_path: Path, model: InstalledModel) -> None:
    assert set(model.files) == FETCHED
    assert (model.name, model.loader, model.source) == ("my-clap", "transformers", str(tmp_path / "my clap"))
    assert Path(model.folder, "model.safetensors").read_bytes() == CHECKPOINT["model.safetensors"]


def test_an_installed_model_is_found_as_it_was_written(data: Path, model: InstalledModel) -> None:
    assert weights.installed(str(data)) == (model,)
    assert weights.find(str(data), "my-clap") == model
    weights.verify(model)


def test_without_a_data_folder_there_is_no_model(data: Path) -> None:
    assert weights.installed(str(data)) == ()
    with pytest.raises(NotFoundError, match="timbred model fetch larger_clap_music"):
        weights.find(str(data), "larger_clap_music")


def test_a_pt_file_becomes_a_model_for_the_other_loader(tmp_path: Path, data: Path) -> None:
    (tmp_path / "630k best.pt").write_bytes(b"zip")
    model = install(data, str(tmp_path / "630k best.pt"))
    assert (model.name, model.loader, list(model.files)) == ("630k-best", "laion-clap", ["630k-best.pt"])


def test_the_same_files_have_the_same_version_and_others_another(tmp_path: Path, data: Path) -> None:
    first = install(data, checkpoint(tmp_path / "a"), "one")
    again = install(data, checkpoint(tmp_path / "b"), "one")
    other = install(data, checkpoint(tmp_path / "c", {**CHECKPOINT, "model.safetensors": safetensors(b"x")}), "one")
    assert first.version == again.version != other.version
    assert first.version == f"one@{revision_of(first.files)[:12]}"


def test_a_model_that_is_installed_again_takes_the_old_ones_place(tmp_path: Path, data: Path) -> None:
    install(data, checkpoint(tmp_path / "a", {**CHECKPOINT, "added_tokens.json": b"{}"}), "one")
    second = install(data, checkpoint(tmp_path / "b"), "one")
    assert weights.installed(str(data)) == (second,)
    weights.verify(second)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (PICKLED, "no weights in safetensors .what it has is pickled"),
        ({"config.json": b"{}"}, "no weights in safetensors.$"),
        ({"model.safetensors": safetensors()}, "no config.json"),
        ({"config.json": b"{}", "model.safetensors": safetensors()}, "no tokenizer"),
        ({**CHECKPOINT, "model.safetensors": b"\x80\x02pickle"}, "not in the safetensors format"),
        ({**CHECKPOINT, "model.safetensors": b""}, "not in the safetensors format"),
    ],
)
def test_a_folder_that_cannot_be_loaded_is_refused_with_the_reason(
    tmp_path: Path, data: Path, files: Mapping[str, bytes], said: str
) -> None:
    with pytest.raises(RequestError, match=said) as error:
        install(data, checkpoint(tmp_path / "mine", files))
    assert code(error) == "bad_checkpoint"
    assert (weights.installed(str(data)), half_fetched(str(data))) == ((), ())


def test_another_kind_of_file_is_refused(tmp_path: Path, data: Path) -> None:
    (tmp_path / "model.ckpt").touch()
    with pytest.raises(RequestError, match=r"neither a folder nor a \.pt file"):
        install(data, str(tmp_path / "model.ckpt"))


def test_weights_in_pieces_come_with_their_list(tmp_path: Path, data: Path) -> None:
    pieces = {f"model-0000{n}-of-00002.safetensors": safetensors() for n in (1, 2)}
    files = {**PICKLED, **pieces, "model.safetensors.index.json": b"{}", "model-of-mine.safetensors": b"no"}
    model = install(data, checkpoint(tmp_path / "mine", files))
    assert {*pieces, "model.safetensors.index.json"} <= set(model.files)
    assert "model-of-mine.safetensors" not in model.files


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "vocab.json"])
def test_one_changed_byte_is_found_and_named(model: InstalledModel, name: str) -> None:
    path = Path(model.folder, name)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(StorageError, match=f"{name} is damaged") as error:
        weights.verify(model)
    assert code(error) == "damaged_model"


def test_a_file_of_another_size_is_found_at_a_glance(model: InstalledModel) -> None:
    with Path(model.folder, "config.json").open("ab") as file:
        file.write(b" ")
    with pytest.raises(StorageError, match=r"config\.json is damaged: it has 23 bytes, the manifest says 22"):
        weights.glance(model)


def test_a_missing_file_is_named_with_what_mends_it(model: InstalledModel) -> None:
    Path(model.folder, "config.json").unlink()
    with pytest.raises(StorageError, match=r"config\.json is missing; `timbred model fetch .*my clap`"):
        weights.glance(model)


def test_a_link_in_place_of_a_file_is_refused(tmp_path: Path, model: InstalledModel) -> None:
    Path(model.folder, "config.json").unlink()
    Path(model.folder, "config.json").symlink_to(tmp_path / "my clap" / "config.json")
    with pytest.raises(StorageError, match=r"config\.json is a link") as error:
        weights.verify(model)
    assert code(error) == "damaged_model"


@pytest.mark.parametrize("name", ["pytorch_model.bin", "added_tokens.json", ".hidden"])
def test_a_foreign_file_is_refused_by_name(model: InstalledModel, name: str) -> None:
    Path(model.folder, name).touch()
    with pytest.raises(StorageError, match=f"{name} is no part of the model") as error:
        weights.verify(model)
    assert code(error) == "foreign_file"


def test_what_a_file_manager_leaves_is_no_foreign_file(model: InstalledModel) -> None:
    Path(model.folder, ".DS_Store").touch()
    weights.verify(model)


@pytest.mark.parametrize("change", [{"revision": "f" * 40}, {"name": "other"}, {"files": {}}, {"extra": 1}])
def test_a_manifest_that_was_changed_is_refused(data: Path, model: InstalledModel, change: dict[str, object]) -> None:
    path = Path(model.folder, "manifest.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(StorageError) as error:
        weights.find(str(data), "my-clap")
    assert code(error) == "damaged_model"
    assert (weights.installed(str(data)), weights.unreadable(str(data))) == ((), ("my-clap",))


def test_a_folder_without_a_manifest_is_no_model(data: Path, model: InstalledModel) -> None:
    Path(model.folder, "manifest.json").unlink()
    assert weights.installed(str(data)) == ()
    with pytest.raises(StorageError, match="no whole model"):
        weights.find(str(data), "my-clap")


def test_what_is_on_its_way_is_no_model(data: Path) -> None:
    Path(incoming_folder(str(data), "one"), "config.json").touch()
    assert (weights.installed(str(data)), weights.unreadable(str(data))) == ((), ())
    assert half_fetched(str(data)) == ("one",)


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "", ".x", "x" * 101, "a\0", "a\n", "-rf"])
def test_no_name_leads_out_of_the_folder_of_models(data: Path, name: str) -> None:
    for ask in (weights.find, remove, incoming_folder):
        with pytest.raises(RequestError) as error:
            ask(str(data), name)
        assert code(error) == "bad_model_name"


def test_a_removed_model_is_gone_from_the_disk(data: Path, model: InstalledModel) -> None:
    remove(str(data), "my-clap")
    assert os.listdir(data / "models") == [".lock"]
    with pytest.raises(NotFoundError):
        remove(str(data), "my-clap")


def test_removing_takes_what_was_half_fetched_too(data: Path) -> None:
    Path(incoming_folder(str(data), "one"), "x.part").touch()
    remove(str(data), "one")
    assert half_fetched(str(data)) == ()


def test_a_change_clears_what_a_killed_one_left(data: Path) -> None:
    (data / "models" / ".removed-one").mkdir(parents=True)
    with changing(str(data)):
        assert os.listdir(data / "models") == [".lock"]


def test_two_changes_at_once_are_refused(data: Path) -> None:
    with changing(str(data)), pytest.raises(StorageError) as error:
        remove(str(data), "one")
    assert code(error) == "models_busy"


def test_a_disk_that_is_too_full_is_named_before_anything_is_copied(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="MB free") as error:
        need_space(str(tmp_path), 1 << 60)
    assert code(error) == "disk_full"


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(StorageError, match=r"data/models cannot be written"):
        remove(str(tmp_path / "data"), "one")


def test_the_folders_that_fetching_makes_are_their_owners_alone(data: Path, model: InstalledModel) -> None:
    modes = [folder.stat().st_mode & 0o777 for folder in (data, data / "models", Path(model.folder))]
    assert modes == [0o700] * 3


def test_the_only_installed_model_is_used(data: Path, model: InstalledModel) -> None:
    assert weights.choose(str(data), "") == weights.Choice(model)


def test_of_several_models_the_named_one_is_used(tmp_path: Path, data: Path, model: InstalledModel) -> None:
    other = install(data, str(tmp_path / "my clap"), "other")
    assert weights.choose(str(data), "other").model == other
    undecided = weights.choose(str(data), "")
    assert undecided.model is None
    assert "my-clap, other" in undecided.reason


def test_without_the_named_model_the_reason_says_what_to_run(data: Path, model: InstalledModel) -> None:
    assert "timbred model fetch larger_clap_music" in weights.choose(str(data), "larger_clap_music").reason
    remove(str(data), model.name)
    assert "timbred model fetch NAME" in weights.choose(str(data), "").reason


def test_the_known_models_have_names_that_folders_can_have() -> None:
    assert len({model.name for model in weights.KNOWN}) == 4
    for model in weights.KNOWN:
        assert weights.known(model.name) is model
        assert weights.model_folder("/d", model.name) == f"/d/models/{model.name}"


def test_size_is_the_sum_of_the_files() -> None:
    files = {"a": FileEntry(3, "0" * 64), "b": FileEntry(4, "0" * 64)}
    assert InstalledModel("n", "/n", "s", "r", "transformers", None, files).size == 7
