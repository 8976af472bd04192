"""Questions about what sounds alike: by a sound, by words, by many at once; and which are the same audio."""

from __future__ import annotations

from timbred_api import batch, duplicates, similar, words
from timbred_api.engine import Engine
from timbred_api.operation import Operation
from timbred_api.schemas import SearchOptions, SimilarParameters, SimilarResult, TextParameters
from timbred_api.schemas_batch import BatchParameters, BatchResult, NeighbourList, NeighbourParameters
from timbred_api.schemas_duplicates import DuplicateList, DuplicateParameters


async def find_similar_sounds(engine: Engine, parameters: SimilarParameters) -> SimilarResult:
    """Finds the sounds most similar to a file, a sound's id, or a region of either, and says why."""
    return (await similar.by_parameters(engine, parameters)).read()


async def find_similar_to_upload(engine: Engine, parameters: SearchOptions, upload: bytes) -> SimilarResult:
    """Finds the sounds most similar to the sound in the request's body."""
    return (await similar.by_upload(engine, parameters, upload)).read()


async def search_sounds(engine: Engine, parameters: TextParameters) -> SimilarResult:
    """Finds sounds by a description in words, such as "dusty vinyl snare". Needs a CLAP model."""
    return (await words.by_text(engine, parameters)).read()


async def find_similar_batch(engine: Engine, parameters: BatchParameters) -> BatchResult:
    """Finds what is most similar to each of up to 1,000 sounds or files; what fails says why in its own row."""
    return await batch.find_each(engine, parameters)


async def list_neighbours(engine: Engine, parameters: NeighbourParameters) -> NeighbourList:
    """Lists every sound with its nearest, by id: the library as a graph."""
    return await batch.list_neighbours(engine, parameters)


async def find_duplicates(engine: Engine, parameters: DuplicateParameters) -> DuplicateList:
    """Groups sounds that are the same audio: same bytes, another format, level or rate, trimmed or faded copies.

    The first question starts the search, which goes on in the background; `complete` says whether it is through.
    Nothing is ever done to a file.
    """
    return await duplicates.find(engine, parameters)


_WHICH = ("bad_parameter", "missing_parameter", "bad_path", "unknown_path", "unknown_id")
_HEARD = ("clap_unavailable",)
_ANALYSED = ("not_audio", "empty_file", "no_sound", "too_large", "timed_out", "worker_crashed", "unreadable")

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "find_similar_sounds",
        "GET",
        "/v1/similar",
        SimilarParameters,
        SimilarResult,
        find_similar_sounds,
        ready=similar.by_parameters,
        sounds=True,
        limit=600.0,
        problems=(*_WHICH, "bad_uri", *_HEARD, *_ANALYSED),
    ),
    Operation(
        "find_similar_to_upload",
        "POST",
        "/v1/similar",
        SearchOptions,
        SimilarResult,
        find_similar_to_upload,
        upload=True,
        ready=similar.by_upload,
        sounds=True,
        limit=600.0,
        problems=(*_WHICH, "empty_body", "upload_too_large", "disk_full", *_HEARD, *_ANALYSED),
    ),
    Operation(
        "search_sounds",
        "GET",
        "/v1/search",
        TextParameters,
        SimilarResult,
        search_sounds,
        ready=words.by_text,
        sounds=True,
        problems=(*_WHICH, *_HEARD),
    ),
    Operation(
        "find_similar_batch",
        "POST",
        "/v1/similar:batch",
        BatchParameters,
        BatchResult,
        find_similar_batch,
        limit=600.0,
        problems=("bad_parameter", "bad_path", *_HEARD),
    ),
    Operation(
        "list_neighbours",
        "GET",
        "/v1/neighbours",
        NeighbourParameters,
        NeighbourList,
        list_neighbours,
        problems=("bad_parameter", "bad_cursor", *_HEARD),
    ),
    Operation(
        "find_duplicates",
        "GET",
        "/v1/duplicates",
        DuplicateParameters,
        DuplicateList,
        find_duplicates,
        problems=("bad_parameter", "bad_cursor", "bad_path"),
    ),
)
