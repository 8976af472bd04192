"""Errors as RFC 9457 problem documents: one shape for every face, one place that knows the HTTP status."""

from __future__ import annotations

from http import HTTPStatus

from pydantic import BaseModel, ValidationError

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

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str


_BY_CODE = {
    "upload_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "unsupported_media_type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "forbidden": HTTPStatus.FORBIDDEN,
    "folder_in_config": HTTPStatus.CONFLICT,
    "nested_folder": HTTPStatus.CONFLICT,
    "method_not_allowed": HTTPStatus.METHOD_NOT_ALLOWED,
    "disk_full": HTTPStatus.INSUFFICIENT_STORAGE,
}

_BY_KIND: tuple[tuple[type[TimbredError], HTTPStatus], ...] = (
    (NotFoundError, HTTPStatus.NOT_FOUND),
    (RequestError, HTTPStatus.BAD_REQUEST),
    (InputError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (TransientInputError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (WorkerError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (UnavailableError, HTTPStatus.SERVICE_UNAVAILABLE),
)


def problem_of(error: TimbredError) -> Problem:
    """The document for an error of ours."""
    status = _BY_CODE.get(error.code)
    if status is None:
        status = next(
            (status for kind, status in _BY_KIND if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR
        )
    return Problem(title=status.phrase, status=status, detail=error.message, code=error.code)


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
