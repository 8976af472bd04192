"""Every code that an answer can carry: its HTTP status, and what it means. The documentation is made from this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Code:
    """``retry_after``: seconds after which asking again may help."""

    status: HTTPStatus
    meaning: str
    retry_after: int | None = None


_ASKED: Final = {
    "bad_parameter": "A parameter is out of range, malformed, given twice, or does not go with the others.",
    "bad_cursor": "The cursor is malformed, or of another list.",
    "unknown_parameter": "There is no such parameter here.",
    "missing_parameter": "A parameter that is needed is not there.",
    "bad_json": "The body is not a JSON object.",
    "bad_path": "The path is not absolute, or names a folder where a file is wanted.",
    "bad_labels": "A line of the labels cannot be read; the sentence says which.",
    "bad_uri": "The URI is not `file://` on this machine.",
    "bad_body": "The body breaks off, or is not what its headers say.",
    "empty_body": "The body is empty; it should be a sound.",
    "no_such_folder": "There is no such folder on this machine.",
    "nothing_to_confirm": "The folder is not suspect.",
}

_NOT_THERE: Final = {
    "unknown_id": "No present file has a sound with this id.",
    "unknown_path": "There is no such file, or it is not in the library.",
    "unknown_folder": "That folder is not watched.",
    "vanished": "The file is not there any more.",
    "unknown_route": "There is nothing at this address.",
}

_BAD_SOUND: Final = {
    "not_audio": "The file is no sound that can be opened.",
    "empty_file": "The file is empty.",
    "no_sound": "There is no sound in it.",
    "too_large": "Its analysis needs more memory than it may use.",
    "too_long": "The stretch is longer than can be made.",
    "timed_out": "Its analysis took too long.",
    "worker_crashed": "The decoder crashed on it.",
    "unreadable": "The file cannot be read now.",
    "still_writing": "Another program is still writing it.",
}

_CONFLICTS: Final = {
    "nested_folder": "The folder lies inside a watched one, or around it.",
    "folder_in_config": "The folder is named by the settings file, and is removed there.",
    "folder_not_online": "The folder is offline or suspect: nothing of it is forgotten.",
    "not_the_same": "The new place does not hold the folder's files.",
    "file_changed": "The file is not what it was when it was analysed.",
}

_NOT_NOW: Final = {
    "clap_unavailable": "The question needs a CLAP model; the sentence says what is missing.",
    "umap_unavailable": "The question needs umap-learn, which is not installed.",
    "too_many_readers": "As many follow the events as can.",
    "unavailable": "timbred cannot answer this now.",
}

CODES: Final[Mapping[str, Code]] = MappingProxyType(
    {
        **{code: Code(HTTPStatus.BAD_REQUEST, meaning) for code, meaning in _ASKED.items()},
        **{code: Code(HTTPStatus.NOT_FOUND, meaning) for code, meaning in _NOT_THERE.items()},
        **{code: Code(HTTPStatus.CONFLICT, meaning) for code, meaning in _CONFLICTS.items()},
        **{code: Code(HTTPStatus.UNPROCESSABLE_ENTITY, meaning) for code, meaning in _BAD_SOUND.items()},
        **{code: Code(HTTPStatus.SERVICE_UNAVAILABLE, meaning) for code, meaning in _NOT_NOW.items()},
        "unauthorized": Code(HTTPStatus.UNAUTHORIZED, "The caller is not known to be this user, and has no token."),
        "forbidden": Code(
            HTTPStatus.FORBIDDEN, "A page of another site could have sent it, or it is left to the owner."
        ),
        "method_not_allowed": Code(HTTPStatus.METHOD_NOT_ALLOWED, "The address takes other methods, named by `Allow`."),
        "not_acceptable": Code(HTTPStatus.NOT_ACCEPTABLE, "There is no form of the answer that `Accept` allows."),
        "too_slow": Code(HTTPStatus.REQUEST_TIMEOUT, "The body did not come in time."),
        "upload_too_large": Code(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is larger than is taken."),
        "unsupported_media_type": Code(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body is neither JSON nor a sound."),
        "internal": Code(HTTPStatus.INTERNAL_SERVER_ERROR, "timbred made a mistake; its log says more."),
        "storage": Code(HTTPStatus.INTERNAL_SERVER_ERROR, "timbred's own files are in trouble."),
        "no_desktop": Code(HTTPStatus.NOT_IMPLEMENTED, "There is no desktop session whose file manager could show it."),
        "map_failed": Code(HTTPStatus.INTERNAL_SERVER_ERROR, "The map could not be made."),
        "busy": Code(HTTPStatus.SERVICE_UNAVAILABLE, "Too much is worked on already.", retry_after=1),
        "starting": Code(HTTPStatus.SERVICE_UNAVAILABLE, "timbred is starting.", retry_after=1),
        "stopping": Code(HTTPStatus.SERVICE_UNAVAILABLE, "timbred is stopping.", retry_after=5),
        "answer_timed_out": Code(HTTPStatus.GATEWAY_TIMEOUT, "There was no answer within the time that it may take."),
        "disk_full": Code(HTTPStatus.INSUFFICIENT_STORAGE, "The disk is full."),
    }
)
