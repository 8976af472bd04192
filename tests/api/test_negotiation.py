"""Which form of an answer a client wants."""

from __future__ import annotations

import pytest

from timbred_api.negotiation import JSON, PATHS, PLAYLIST, accepts_gzip, choose
from timbred_indexer.errors import RequestError

OFFERS = (JSON, PATHS, PLAYLIST)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/json", JSON),
        ("text/plain", PATHS),
        ("TEXT/Plain; charset=utf-8", PATHS),
        ("text/*", PATHS),
        ("audio/*", PLAYLIST),
        ("audio/x-mpegurl, application/json", JSON),
        ("audio/x-mpegurl, application/json;q=0.9", PLAYLIST),
        ("text/plain;q=0.5, audio/x-mpegurl; q=0.501", PLAYLIST),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON),
        ("*/*, application/json;q=0", PATHS),
        ("text/plain;q=0, text/*;q=1, audio/x-mpegurl;q=0.1", PLAYLIST),
        ("text/plain;q=high", PATHS),
        (", ,", JSON),
    ],
)
def test_the_best_liked_form_is_chosen_and_the_most_exact_range_decides(accept: str, form: str) -> None:
    assert choose(accept, OFFERS) == form


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "image/*", "application/json;q=0.000, x/y"])
def test_what_is_not_offered_is_refused_with_what_is(accept: str) -> None:
    with pytest.raises(RequestError, match=r"application/json, text/plain or audio/x-mpegurl") as caught:
        choose(accept, OFFERS)
    assert caught.value.code == "not_acceptable"


@pytest.mark.parametrize(("accept", "taken"), [("audio/wav", True), ("*/*", True), ("", True), ("image/png", False)])
def test_an_offer_of_any_sound_goes_with_every_kind_of_sound(accept: str, taken: bool) -> None:
    if taken:
        assert choose(accept, ("audio/*",)) == "audio/*"
    else:
        with pytest.raises(RequestError):
            choose(accept, ("audio/*",))


@pytest.mark.parametrize(
    ("header", "gzip"),
    [
        ("", False),
        ("gzip", True),
        ("deflate, GZIP;q=0.1", True),
        ("br", False),
        ("gzip;q=0", False),
        ("*", True),
        ("*, gzip;q=0.0", False),
        ("identity", False),
    ],
)
def test_gzip_is_for_those_who_ask(header: str, gzip: bool) -> None:
    assert accepts_gzip(header) == gzip
