"""Errors as RFC 9457 problem documents: one shape for every face, one place that knows the HTTP status."""

from __future__ import annotations

from http import HTTPStatus

from pydantic import BaseModel, Field, ValidationError

from timbred_api.limits import TimedOutError, TooSlowError
from timbred_api.problem_codes import CODES
from timbred_indexer.errors import (
    InputError,
    NotFoundError,
    RequestError,
    TimbredError,
    TransientInputError,
    UnavailableError,
    WorkerError,
)


class Problem(BaseModel):
    """``application/problem+json``. ``detail`` says what to do; ``code`` is stable."""

    type: str = Field(default="about:blank", description="Always `about:blank`: `code` says more.")
    title: str = Field(description="The status in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong and what to do, in a sentence.")
    code: str = Field(description="What is wrong, as a stable name.")


_BY_KIND: tuple[tuple[type[TimbredError], HTTPStatus], ...] = (
    (NotFoundError, HTTPStatus.NOT_FOUND),
    (RequestError, HTTPStatus.BAD_REQUEST),
    (InputError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (TransientInputError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (WorkerError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (UnavailableError, HTTPStatus.SERVICE_UNAVAILABLE),
    (TimedOutError, HTTPStatus.GATEWAY_TIMEOUT),
    (TooSlowError, HTTPStatus.REQUEST_TIMEOUT),
)


def problem_of(error: TimbredError) -> Problem:
    """The document for an error of ours."""
    status = CODES[error.code].status if error.code in CODES else _status_of_kind(error)
    return Problem(title=status.phrase, status=status, detail=error.message, code=error.code)


def retry_after(code: str) -> int | None:
    """Seconds after which to ask again; None where asking again would not help."""
    return CODES[code].retry_after if code in CODES else None


def _status_of_kind(error: TimbredError) -> HTTPStatus:
    return next((status for kind, status in _BY_KIND if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)


def bad_parameters(error: ValidationError) -> RequestError:
    """The first thing that is wrong with the parameters, as a sentence."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    name = ".".join(str(part) for part in first["loc"]) or "parameters"
    if first["type"] == "extra_forbidden":
        return RequestError(f"There is no parameter {name!r} here.", code="unknown_parameter")
    if first["type"] == "missing":
        return RequestError(f"The parameter {name!r} is needed.", code="missing_parameter")
    return RequestError(f"{name}: {first['msg']}.", code="bad_parameter")


def internal_error() -> Problem:
    """For what should not have happened; the details are in the log, not in the answer."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return Problem(
        title=status.phrase, status=status, detail="timbred made a mistake; its log says more.", code="internal"
    )
