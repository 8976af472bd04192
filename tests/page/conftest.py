"""One daemon with a small library for all tests of the page, a real browser for each module, a window for each test."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Generator
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
from daemon_process import Daemon, daemon_on
from page_library import HOSTILE, Library
from tones import RATE, noise, tone, wav, write_scale
from window import Window

from patience import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ARGUMENTS = (
    "--no-sandbox",  # tests may run as root, and what the browser opens is ours
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    top = tmp_path_factory.mktemp("page")
    folder = top / "samples"
    write_scale(folder / "scale", range(8))
    for seed in range(4):
        (folder / f"hiss-{seed}.wav").write_bytes(wav(noise(seed, 0.2 + 0.4 * seed)))
    (folder / "scale" / "copy.wav").write_bytes((folder / "scale" / "note-3.wav").read_bytes())
    (folder / HOSTILE).write_bytes(wav(tone(1234.5)))
    (folder / f"bad {HOSTILE}").write_text("no sound")
    soundfile.write(folder / "plain.aiff", tone(331.0, 0.6), RATE, format="AIFF")
    soundfile.write(folder / "long.wav", np.concatenate([tone(110.3, 11.0), noise(9, 11.0)]), RATE)
    outside = top / "outside.wav"
    outside.write_bytes(wav(tone(110.3)))
    return Library(folder, outside)


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory, library: Library) -> Generator[Daemon]:
    with daemon_on(tmp_path_factory.mktemp("home"), library.folder) as daemon:
        daemon.settle()
        yield daemon


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    """For one module: while it is there, Playwright keeps a loop running, and no other test can have one."""
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("no playwright: pip install -e '.[dev]'")
    names = (os.environ.get("TIMBRED_CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    program = next((found for name in names if name and (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no chromium: install it, or set TIMBRED_CHROMIUM to its path")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS), timeout=1000 * PATIENCE)
        yield browser
        browser.close()


@pytest.fixture
def window(browser: Browser, daemon: Daemon) -> Generator[Window]:
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, permissions=["clipboard-read", "clipboard-write"]
    )
    window = Window(context.new_page(), daemon.client.address)
    yield window
    window.page.unroute_all(behavior="ignoreErrors")  # what is on its way gets its answer from nobody
    context.close()
    assert window.troubles == []
