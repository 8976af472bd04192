"""Where a list goes on: an opaque text that names the list and the last row that was given.

Every list is ordered by an id that a row keeps for its life, and a page is what comes after an id. So rows that come
and go between two pages move none of the others from one page to another.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from timbred_indexer.errors import RequestError

LONGEST: Final = 64
"""Characters of a cursor, and some to spare."""

_MOST: Final = 2**63 - 1  # what SQLite counts to
_SAID = re.compile(r"([a-z_]+):([1-9][0-9]{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that is given page by page. ``name``: what its cursors carry, so that no other list takes them."""

    name: str

    def cursor(self, last: int) -> str:
        """What goes on after the row with the id ``last``, 1 or more."""
        return base64.urlsafe_b64encode(f"{self.name}:{last}".encode()).rstrip(b"=").decode()

    def after(self, cursor: str | None) -> int:
        """The id after which the page begins; 0 for the first one.

        Raises:
            RequestError: ``bad_cursor``: malformed, or of another list.
        """
        if cursor is None:
            return 0
        name, last = _read(cursor)
        if name != self.name:
            raise RequestError("The cursor is of another list.", code="bad_cursor")
        if self.cursor(last) != cursor:  # a text of its own for every place: no two say the same
            raise _malformed()
        return last


def _read(cursor: str) -> tuple[str, int]:
    try:
        said = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise _malformed() from None
    parts = _SAID.fullmatch(said)
    if parts is None or int(parts[2]) > _MOST:
        raise _malformed()
    return parts[1], int(parts[2])


def _malformed() -> RequestError:
    return RequestError("The cursor is not one that timbred gave; leave it out to begin anew.", code="bad_cursor")
