"""Answers that are no JSON made on the spot: a file's bytes, a document that is kept, a stream of events.

An operation gives one of these in the place of its result; ``sending`` makes a response of it.
"""

from __future__ import annotations

import os
import weakref
from abc import abstractmethod
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from timbred_api.schemas import Result


class AudioBytes(Result):
    """The sound itself."""


class EventFeed(Result):
    """Server-sent events."""


class Streamed:
    """An answer that is sent piece by piece."""

    __slots__ = ()


class OpenFile:
    """A descriptor that is closed as soon as nobody has this any more: answers and what is kept may share it."""

    __slots__ = ("__weakref__", "_close", "_descriptor")

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._close = weakref.finalize(self, os.close, descriptor)

    def read(self, offset: int, count: int) -> bytes:
        """At most ``count`` bytes; for a thread that may wait for a disk."""
        return os.pread(self._descriptor, count, offset)

    def close(self) -> None:
        """For whoever knows that nobody else has it; may be called again."""
        self._close()


@dataclass(frozen=True, slots=True)
class FileAnswer(Streamed):
    """A file, of which any range can be sent.

    Attributes:
        size: bytes from its beginning that are to be had.
        media_type: for ``Content-Type``.
        etag: names these bytes and no others (strong), without quotes.
        name: for those who save it.
    """

    file: OpenFile
    size: int
    media_type: str
    etag: str
    name: str


class EventStream(Streamed):
    """Events as they come, for one reader."""

    __slots__ = ()

    @abstractmethod
    def events(self, last_id: int | None) -> AsyncGenerator[bytes]:
        """Whole events in their text form; b"" now and then, when there is nothing to say.

        Args:
            last_id: of the last event that the reader has had, if it was here before.

        Raises:
            UnavailableError: there are too many readers; before anything was yielded.
        """


@dataclass(frozen=True, slots=True)
class Document:
    """JSON that was made before. ``lasting``: at its address it will never be another."""

    json: bytes
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """Text for a program. ``media_type``: for ``Content-Type``, with its parameters."""

    body: bytes
    media_type: str
