"""What the CLAP worker loads is what was installed, byte for byte; what is not is refused by name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from timbred_indexer.clap.load import ENVIRONMENT, load
from timbred_indexer.clap.protocol import ClapModel
from timbred_indexer.errors import UnavailableError
from timbred_indexer.weights_manifest import InstalledModel
from tiny import DIMENSION, install


@pytest.fixture(autouse=True)
def environment_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """``load`` sets some of it for good: in the worker that is its process's own."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def copy(checkpoint: Path, tmp_path: Path) -> Path:
    """The folder of an installed model that a test may damage."""
    return Path(install(tmp_path, checkpoint).folder)


def test_a_model_says_which_one_it_is(model: ClapModel, installed: InstalledModel) -> None:
    description = model.description
    assert (description.name, description.version) == ("tiny", installed.version)
    assert (description.dimension, description.threads) == (DIMENSION, 1)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_changed_file_is_refused_by_its_name(copy: Path, name: str) -> None:
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(UnavailableError, match=name) as caught:
        load(str(copy))
    assert caught.value.code == "damaged_model"


def test_a_foreign_file_is_refused_by_its_name(copy: Path) -> None:
    (copy / "adapter_config.json").write_text("{}")
    with pytest.raises(UnavailableError, match="adapter_config") as caught:
        load(str(copy))
    assert caught.value.code == "foreign_file"


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError) as caught:
        load(str(tmp_path))
    assert caught.value.code == "damaged_model"


def test_without_torch_it_says_what_to_install(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("timbred_indexer.clap.t")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UnavailableError, match=r"pip install 'timbred\[clap\]'") as caught:
        load(str(copy))
    assert caught.value.code == "clap_not_installed"


OFFLINE = """
import socket, sys
def refuse(*_):
    raise SystemExit("the network was asked for")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
from timbred_indexer.clap.load import load
model = load(sys.argv[1], threads=1)
print(model.embed_text(["rain"]).shape)
"""


def test_loading_asks_no_network_for_anything(copy: Path, tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "TRANSFORMERS_"))}
    command = [sys.executable, "-c", OFFLINE, str(copy)]
    done = subprocess.run(
        command, env={**environment, "HF_HOME": str(tmp_path / "hub")}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, f"(1, {DIMENSION})", "")


def test_nothing_of_the_daemons_side_imports_torch() -> None:
    modules = "timbred_indexer.clap.host, timbred_indexer.clap.messages, timbred_indexer.pool, timbred_indexer.worker"
    check = f"import sys, {modules}; print(sorted({{'torch', 'transformers', 'librosa'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
