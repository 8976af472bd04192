"""Sounds that come into the page, are heard in it, and leave it."""

from __future__ import annotations

from urllib.parse import quote

from daemon_process import Daemon
from page_library import Library
from window import Window

from timbred_api.client import JsonObject


def rows_asked(window: Window) -> list[str]:
    """From now on, the addresses of sounds that the page loads to play."""
    asked: list[str] = []
    window.page.on("request", lambda request: asked.append(request.url) if "/audio" in request.url else None)
    return asked


def sound(daemon: Daemon, library: Library, name: str) -> JsonObject:
    return daemon.indexed(library.folder / name)


def test_a_sound_really_plays_and_its_picture_shows_where_it_is(window: Window) -> None:
    window.open("/?text=long")
    window.wait("document.querySelector('#results .waveform.is-drawn')")
    window.find("#results .play").first.click()
    window.wait_until_playing()
    assert window.find("#results .row.is-playing").count() == 1
    assert window.find("#results .play").first.get_attribute("aria-label") == "Stop"
    before = window.evaluate("document.querySelector('audio').currentTime")
    window.wait("before => document.querySelector('audio').currentTime > before", before)
    window.press("Escape")
    window.wait("document.querySelector('audio').paused && !document.querySelector('.is-playing')")


def test_a_click_into_the_picture_plays_from_there(window: Window) -> None:
    window.open("/?text=long")
    window.wait("document.querySelector('#results .waveform.is-drawn')")
    picture = window.find("#results .waveform").first
    width = (picture.bounding_box() or {"width": 0})["width"]
    picture.click(position={"x": 0.75 * width, "y": 10})
    window.wait("document.querySelector('audio').currentTime > 16")


def test_what_the_browser_cannot_decode_is_played_as_wav(window: Window) -> None:
    window.open("/?text=plain")
    asked = rows_asked(window)
    window.find("#results .play").first.click()
    window.wait_until_playing()
    assert asked[0].endswith("/audio?format=wav")


def test_pointing_plays_only_when_it_is_switched_on(window: Window) -> None:
    window.open("/?text=hiss")
    asked = rows_asked(window)
    window.find("#results .row").nth(1).hover()
    window.find("#results .row").nth(2).hover()
    assert asked == []
    window.press("h")
    window.find("#results .row").nth(1).hover()
    window.wait_until_playing()
    window.find("#words").hover()
    window.wait("document.querySelector('audio').paused")


def test_a_dropped_sound_is_searched_by_and_can_be_heard(window: Window, library: Library) -> None:
    window.open().drop("my sound.wav", library.outside)
    window.wait_for_said("most alike first")
    assert window.text("#asked h2") == "my sound.wav"
    assert "only in this page" in window.text("#asked")
    assert window.names[0] == "note-0"
    window.wait("document.querySelector('#asked .waveform.is-drawn')")
    window.find("#asked .play").click()
    window.wait_until_playing()


def test_a_dropped_text_is_refused_with_a_sentence(window: Window, library: Library) -> None:
    window.open().drop("text.wav", next(library.folder.glob("bad*")))
    window.wait("!document.querySelector('#trouble').hidden")
    assert "cannot be analysed" in window.text("#trouble")


def test_a_dropped_sound_is_gone_with_the_page_and_the_page_says_so(window: Window) -> None:
    window.open("/?upload=7")
    assert "Drop or record it again" in window.text("#trouble")


def test_a_recorded_sound_is_searched_by(window: Window) -> None:
    window.open()
    record = window.find("#record")
    record.click()
    window.wait("/^Stop 0:(?!00)/.test(document.querySelector('#record').textContent)")
    record.click()
    window.wait("document.querySelector('#asked h2')?.textContent === 'Recording'")
    assert record.get_attribute("aria-pressed") == "false"
    assert window.path == "/?upload=1"


def test_a_sound_dragged_out_is_its_path_and_a_copy_to_save(window: Window, daemon: Daemon, library: Library) -> None:
    row = sound(daemon, library, "hiss-1.wav")
    given = window.open("/?text=hiss-1").drag_out("#results .row")
    assert "text/uri-list" not in given, "Chromium gives away about:blank#blocked instead of a file's URI"
    assert given["text/plain"] == str(library.folder / "hiss-1.wav")
    audio = f"{window.address}/v1/sounds/{row['sound_id']}/audio"
    assert given["downloadurl"] == f"application/octet-stream:hiss-1.wav:{audio}"


def test_a_sound_that_a_hand_drags_keeps_its_path_and_is_no_question_when_let_go(
    window: Window, library: Library
) -> None:
    window.open("/?text=hiss-1")
    window.evaluate(
        "addEventListener('drop', ({dataTransfer}) => { window.held = dataTransfer.getData('text/plain'); })"
    )
    window.find("#results .row .meta").first.drag_to(window.find("#words"))
    window.wait("window.held !== undefined")
    assert window.evaluate("window.held") == str(library.folder / "hiss-1.wav")
    assert window.path == "/?text=hiss-1"


def test_the_path_can_be_copied(window: Window, library: Library) -> None:
    window.open("/?text=hiss-1")
    window.page.get_by_role("button", name="Copy the path").first.click()
    window.wait("document.querySelector('#notice').textContent !== ''")
    assert window.evaluate("navigator.clipboard.readText()") == str(library.folder / "hiss-1.wav")


def test_a_sound_of_words_only_is_not_ranked_by_weights(window: Window, library: Library) -> None:
    window.open("/?text=hiss")
    assert window.find("#weights").is_hidden()
    window.open(f"/?path={quote(str(library.outside))}")
    assert window.find("#weights").is_visible()
