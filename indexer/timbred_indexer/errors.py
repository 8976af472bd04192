"""The one error tree. Each error has a stable ``code`` and a sentence a user can act on.

Three branches that are never confused: an *input* error (this file is bad: record it, go on), a *request* error (this
question cannot be answered as asked), a *storage* error (timbred's own files are in trouble: stop, and say so).
"""


class TimbredError(Exception):
    """Base of every error timbred raises on purpose.

    Attributes:
        code: stable, lower_snake_case; shown to users and stored in the database.
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code

    @property
    def message(self) -> str:
        return str(self.args[0])


class InputError(TimbredError):
    """This file cannot be analysed, and trying again without a change will not help."""

    code = "not_audio"


class TransientInputError(TimbredError):
    """This file cannot be read now; later may be different (unreadable, vanished, still being written)."""

    code = "unreadable"


class WorkerError(TimbredError):
    """A worker died or overran its deadline on this file. ``code``: ``worker_crashed`` or ``timed_out``."""

    code = "worker_crashed"


class RequestError(TimbredError):
    """The question itself is at fault: an unknown path or id, a value out of range."""

    code = "bad_request"


class NotFoundError(RequestError):
    """What the question names is not known here."""

    code = "not_found"


class UnavailableError(TimbredError):
    """timbred cannot answer now (starting, stopping, overloaded), the question was fine."""

    code = "unavailable"


class StorageError(TimbredError):
    """timbred's own database or data folder is damaged, foreign, newer than this program, or full."""

    code = "storage"
