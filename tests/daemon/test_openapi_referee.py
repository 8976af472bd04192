"""Schemathesis against a running daemon: no server error, and every answer is as ``/openapi.json`` says.

It is no dependency: ``pip install schemathesis`` into an environment of its own, put its ``schemathesis`` on the PATH,
and run ``pytest -m slow tests/daemon/test_openapi_referee.py``.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from daemon_process import daemon_on
from tones import write_scale

REFEREE = shutil.which("schemathesis")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
# 503 with its code is an answer: without a model, for instance, there is no search by words. So is 501: without a
# desktop no file manager can be opened.
SETTINGS = '[checks.not_a_server_error]\nexpected-statuses = ["2xx", "3xx", "4xx", "501", "503"]\n'
SECONDS = 300.0


@pytest.mark.slow
@pytest.mark.skipif(REFEREE is None, reason="schemathesis is not on the PATH")
def test_every_answer_is_as_the_document_says(tmp_path: Path) -> None:
    folder, settings = tmp_path / "sounds", tmp_path / "schemathesis.toml"
    folder.mkdir()
    write_scale(folder, range(4))
    settings.write_text(SETTINGS)
    with daemon_on(tmp_path / "home", folder) as daemon:
        daemon.settle()
        command = [str(REFEREE), "--config-file", str(settings), "run", f"{daemon.client.address}/openapi.json"]
        command += [
            "--checks",
            ",".join(CHECKS),
            "--phases",
            "examples,coverage,fuzzing",
            "--max-examples",
            "20",
            "--seed",
            "1",
        ]
        command += ["--exclude-path", "/v1/events", "--no-color"]  # the stream has no end
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS, check=False)
        said = "\n".join(line[:300] for line in run.stdout.splitlines())
        assert run.returncode == 0, said
