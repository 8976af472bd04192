"""Examples of questions, of the library, and of listening and looking."""

from __future__ import annotations

from timbred_api.cursors import Listing
from timbred_api.examples.example import Example
from timbred_api.examples.library import sound
from timbred_api.maps import LibraryMap
from timbred_api.problems import Problem
from timbred_api.reveal import Revealed
from timbred_api.schemas import (
    FailureList,
    FailureRow,
    QueryEcho,
    Retried,
    Scores,
    Segment,
    SimilarResult,
    SimilarRow,
    SoundList,
)
from timbred_api.schemas_batch import BatchResult, BatchRow, Neighbour, NeighbourList, NeighbourRow
from timbred_api.schemas_duplicates import DuplicateGroup, DuplicateList, DuplicateRow, Evidence, Pending
from timbred_api.waveforms import WaveformResult

SNARE = sound(17, "drums/snare_07.wav", 0.4127, "packs/dusty/snare_07.wav")
RIM = sound(241, "drums/rim_02.wav", 0.3861)
CUT = sound(1893, "edits/snare_07_short.wav", 0.2105)

_BY_SOUND = ("The spectrum is very similar, and the onset is similar.", "This one is a little brighter.")
_BY_WORDS = ("CLAP finds it nearest to the words.",)


def by_operation() -> dict[str, Example]:
    """By the operation's name."""
    return {**_questions(), **_many(), **_sounds(), **_media()}


def _questions() -> dict[str, Example]:
    found = _found(QueryEcho(sound_id=17, path=None, duration=0.4127))
    uploaded = _found(QueryEcho(sound_id=None, path=None, duration=0.41))
    words = _found(QueryEcho(sound_id=None, path=None, duration=None, text="dusty vinyl snare"), by_words=True)
    return {
        "find_similar_sounds": Example(found, {"id": 17, "k": 1, "min_similarity": 0.5}),
        "find_similar_to_upload": Example(uploaded, {"k": 1}),
        "search_sounds": Example(words, {"text": "dusty vinyl snare", "k": 1}),
    }


def _found(query: QueryEcho, *, by_words: bool = False) -> SimilarResult:
    return SimilarResult(query=query, results=[_row(by_words=by_words)], notes=[], seq=48_213)


def _row(*, by_words: bool) -> SimilarRow:
    heard = {"kind": 0.9312, "spectral_shape": 0.8846, "onset_shape": 0.6027}
    return SimilarRow(
        **RIM.model_dump(),
        similarity=0.8417,
        scores=Scores(clap=0.8417, librosa=None) if by_words else Scores(clap=0.8164, librosa=0.8796),
        aspects={} if by_words else heard,
        reasons=list(_BY_WORDS if by_words else _BY_SOUND),
        segment=Segment(start=0.0021, end=0.3861),
    )


def _many() -> dict[str, Example]:
    query = QueryEcho(sound_id=17, path=None, duration=0.4127)
    unknown = Problem(title="Not Found", status=404, detail="There is no sound with the id 9.", code="unknown_id")
    rows = [
        BatchRow(query=query, results=[_row(by_words=False)], notes=[], problem=None),
        BatchRow(query=None, results=[], notes=[], problem=unknown),
    ]
    graph = NeighbourRow(sound_id=17, path=SNARE.path, neighbours=[Neighbour(sound_id=241, similarity=0.8417)])
    onward = Listing("neighbours").cursor(17)
    return {
        "find_similar_batch": Example(BatchResult(results=rows), {"ids": [17, 9], "k": 1}),
        "list_neighbours": Example(NeighbourList(results=[graph], next=onward), {"k": 1, "limit": 1}),
        "find_duplicates": Example(_groups(), {"kind": "trimmed", "limit": 1}),
    }


def _groups() -> DuplicateList:
    evidence = Evidence(
        kind="trimmed",
        of=17,
        similarity=0.9934,
        gain_db=-6.2,
        offset=0.05,
        inverted=False,
        sentence="A part of the same audio, from 0.05 s on, 6 dB quieter.",
    )
    members = [
        DuplicateRow(**SNARE.model_dump(), evidence=None),
        DuplicateRow(**CUT.model_dump(), evidence=evidence),
    ]
    return DuplicateList(
        results=[DuplicateGroup(id=17, members=members)],
        next=Listing("duplicates").cursor(17),
        complete=True,
        pending=Pending(sounds=0, pairs=0),
        notes=[],
    )


def _sounds() -> dict[str, Example]:
    page = SoundList(results=[SNARE], next=Listing("sounds").cursor(17))
    failure = FailureRow(
        path="/home/ada/samples/old/take_3.wav",
        uri="file:///home/ada/samples/old/take_3.wav",
        code="not_audio",
        reason="The file is no sound that can be opened.",
        attempts=1,
        retry_at=None,
    )
    renamed = SNARE.model_copy(update={"label": "Dusty snare"})
    return {
        "list_sounds": Example(page, {"name": "snare", "limit": 1}),
        "get_sound": Example(SNARE, {"id": 17}),
        "label_sound": Example(renamed, {"id": 17, "label": "Dusty snare"}),
        "list_failures": Example(FailureList(results=[failure], next=None), {"limit": 100}),
        "retry_failures": Example(Retried(retried=1), {"path": failure.path}),
    }


def _media() -> dict[str, Example]:
    outline = WaveformResult(
        sound_id=17,
        duration=0.4127,
        points=16,
        min=[-0.81, -0.62, -0.4, -0.31, -0.22, -0.15, -0.1, -0.07, -0.05, -0.03, -0.02, -0.02, -0.01, -0.01, 0.0, 0.0],
        max=[0.84, 0.6, 0.42, 0.3, 0.21, 0.16, 0.1, 0.07, 0.05, 0.03, 0.03, 0.02, 0.01, 0.01, 0.0, 0.0],
        rms=[0.39, 0.24, 0.16, 0.11, 0.08, 0.06, 0.04, 0.03, 0.02, 0.01, 0.01, 0.01, 0.0, 0.0, 0.0, 0.0],
    )
    places = LibraryMap(
        seq=48_213,
        method="pca",
        total=3,
        sounds=[17, 241, 1893],
        x=[-0.412, -0.377, -0.405],
        y=[0.208, 0.251, 0.214],
        cluster=[0, 0, 0],
        folder=[1, 1, 1],
        folders={1: "/home/ada/samples"},
    )
    return {
        "get_audio": Example(None, {"id": 17, "format": "wav", "start": 0.1, "end": 0.3}),
        "get_waveform": Example(outline, {"id": 17, "points": 16}),
        "reveal_sound": Example(Revealed(path=SNARE.path, uri=SNARE.uri), {"id": 17}),
        "get_map": Example(places, {"method": "pca"}),
    }
