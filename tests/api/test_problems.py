"""Errors as problem documents."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from timbred_api.problems import bad_parameters, internal_error, problem_of
from timbred_api.schemas import LabelParameters, SimilarParameters
from timbred_indexer import errors
from timbred_indexer.errors import RequestError, StorageError, TimbredError

STATUSES = {
    "RequestError": 400,
    "NotFoundError": 404,
    "InputError": 422,
    "TransientInputError": 422,
    "WorkerError": 422,
    "UnavailableError": 503,
    "StorageError": 500,
    "TimbredError": 500,
}


@pytest.mark.parametrize(
    "kind", [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, TimbredError)]
)
def test_every_kind_of_error_has_its_status(kind: type[TimbredError]) -> None:
    problem = problem_of(kind("A sentence."))
    assert (problem.status, problem.code, problem.detail) == (STATUSES[kind.__name__], kind.code, "A sentence.")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RequestError("x", code="upload_too_large"), 413),
        (RequestError("x", code="unsupported_media_type"), 415),
        (RequestError("x", code="forbidden"), 403),
        (RequestError("x", code="nested_folder"), 409),
        (RequestError("x", code="method_not_allowed"), 405),
        (StorageError("x", code="disk_full"), 507),
    ],
)
def test_some_codes_have_a_status_of_their_own(error: TimbredError, status: int) -> None:
    assert problem_of(error).status == status


def test_our_own_mistakes_tell_no_details() -> None:
    assert (internal_error().status, internal_error().code) == (500, "internal")


@pytest.mark.parametrize(
    ("given", "code", "name"),
    [({"id": 1, "colour": "red"}, "unknown_parameter", "colour"), ({"id": "x"}, "bad_parameter", "id")],
)
def test_the_parameter_at_fault_is_named(given: dict[str, object], code: str, name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SimilarParameters.model_validate(given)
    error = bad_parameters(caught.value)
    assert (error.code, name in error.message) == (code, True)


def test_a_missing_parameter_is_named() -> None:
    with pytest.raises(ValidationError) as caught:
        LabelParameters.model_validate({"id": 1})
    assert bad_parameters(caught.value).code == "missing_parameter"
