"""The real file managers on a screen of their own: shown by the daemon, clicked by a pointer, answered by the page.

pytest -m slow tests/desktop
TIMBRED_PICTURES=docs/pictures pytest -m slow tests/desktop     # takes the pictures of docs/file-managers.md
"""

from __future__ import annotations

import importlib.util
from contextlib import ExitStack
from pathlib import Path

import pytest
from daemon_process import daemon_on, uri_of, wait_for
from session import Session, session, started
from tones import write_scale

from timbred_daemon.commands.program import program

pytestmark = pytest.mark.slow

SERVICES = {
    "thunar": ["thunar", "--daemon"],
    "nautilus": ["nautilus", "--gapplication-service"],
    "nemo": ["nemo", "--no-default-window"],
}


@pytest.mark.parametrize("name", SERVICES)
def test_a_click_in_the_menu_of_a_sound_shows_what_is_similar(tmp_path: Path, name: str) -> None:
    sounds = write_scale(tmp_path / "samples", range(8))
    with session(tmp_path / "home", name) as desktop, pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        for variable, value in desktop.environ.items():
            patch.setenv(variable, value)
        for variable in ("DISPLAY", "DBUS_SESSION_BUS_ADDRESS"):  # a service of the user's has neither
            patch.delenv(variable)
        with daemon_on(tmp_path / "daemon", tmp_path / "samples") as daemon:
            daemon.settle()
            sound = daemon.indexed(sounds[3])
            desktop.ask(*program(), "integrate", "install", name, "--data-dir", str(daemon.data))
            started(stack, SERVICES[name], desktop.environ)
            wait_for(lambda: desktop.owns("org.freedesktop.FileManager1"))

            def clicked() -> bool:
                """Once the window is there, with the file selected; until then there is no such menu."""
                shown = daemon.client.post(f"/v1/sounds/{sound['sound_id']}/reveal")
                assert shown["uri"] == uri_of(sounds[3])
                return desktop.choose("Find Similar Sounds", name)

            wait_for(clicked)
            port = wait_for(desktop.browser_port)
            names = names_on_the_page(port, desktop, name)
            assert names == [row["label"] for row in daemon.similar(uri=uri_of(sounds[3]))]
            assert len(names) == 7


def names_on_the_page(port: str, desktop: Session, picture: str) -> list[str]:
    """What the browser, which nobody but the click has opened, lists."""
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("no playwright: pip install -e '.[dev]'")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}")
        page = browser.contexts[0].pages[0]
        page.wait_for_selector("#results .name")
        desktop.picture(f"{picture}-page")
        names = page.locator("#results .name").all_inner_texts()
        browser.new_browser_cdp_session().send("Browser.close")  # pyright: ignore[reportUnknownMemberType]
    return names
