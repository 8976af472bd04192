"""Which form of an answer a client wants: ``Accept`` and ``Accept-Encoding`` as RFC 9110, section 12.5, reads them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from timbred_indexer.errors import RequestError

JSON: Final = "application/json"
PATHS: Final = "text/plain"
PLAYLIST: Final = "audio/x-mpegurl"

_QUALITY = re.compile(r"\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*", re.IGNORECASE)


@lru_cache(maxsize=64)  # clients ask with the same few headers, thousands of times a second
def choose(accept: str, offers: tuple[str, ...]) -> str:
    """The offer that the client likes best; among equals the first.

    Raises:
        RequestError: ``not_acceptable``: it wants none of them.
    """
    ranges = _qualities(accept)
    liked = [(_quality_of(offer, ranges), offer) for offer in offers]
    best = max(quality for quality, _ in liked)
    if not best:
        raise RequestError(f"This address answers with {_listed(offers)}.", code="not_acceptable")
    return next(offer for quality, offer in liked if quality == best)


@lru_cache(maxsize=64)
def accepts_gzip(encodings: str) -> bool:
    """Whether an ``Accept-Encoding`` header asks for gzip, by name or by ``*``."""
    qualities = _qualities(encodings)
    return qualities.get("gzip", qualities.get("*", 0.0)) > 0


def _qualities(header: str) -> dict[str, float]:
    """What a header lists, in lower case and without its parameters, with its quality."""
    found: dict[str, float] = {}
    for part in header.split(","):
        name, *parameters = part.split(";")
        if name := name.strip().lower():
            matches = (_QUALITY.fullmatch(parameter) for parameter in parameters)
            found[name] = next((float(match[1]) for match in matches if match), 1.0)
    return found


def _quality_of(offer: str, ranges: dict[str, float]) -> float:
    """The most exact range decides; nothing listed means anything will do. ``audio/*`` offers whatever there is."""
    kind, exact = offer.split("/")
    if exact == "*":
        return max(
            (quality for name, quality in ranges.items() if name.startswith((f"{kind}/", "*/"))),
            default=0.0 if ranges else 1.0,
        )
    for name in (offer, f"{kind}/*", "*/*"):
        if name in ranges:
            return ranges[name]
    return 0.0 if ranges else 1.0


def _listed(offers: tuple[str, ...]) -> str:
    *others, last = offers
    return f"{', '.join(others)} or {last}" if others else last
