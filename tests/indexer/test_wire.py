"""What crosses between the daemon and its workers survives the trip, and what is malformed is refused."""

import pickle
from typing import cast

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from timbred_indexer.errors import (
    InputError,
    StorageError,
    TimbredError,
    TransientInputError,
    UnavailableError,
    WorkerError,
)
from timbred_indexer.frames import MAX_FRAME, FrameBuffer
from timbred_indexer.model import AnalysedSegment, Analysis, Seconds
from timbred_indexer.wire import (
    FEATURE_BYTES,
    FILLS,
    MAX_STRETCHES,
    AnalyseJob,
    Done,
    Failed,
    FeaturesJob,
    Ready,
    decode_greeting,
    decode_job,
    decode_reply,
    encode_reply,
    from_analysis,
)

seconds = st.floats(0, 1e6).map(Seconds)
counts = st.integers(0, 2**40)
floats = st.integers(0, 8).flatmap(lambda n: st.binary(min_size=4 * n, max_size=4 * n))
segments = st.builds(
    AnalysedSegment, seconds, seconds, st.dictionaries(st.text(max_size=9), floats, max_size=3), st.none() | floats
)
analyses = st.builds(
    Analysis,
    seconds,
    counts,
    counts,
    st.text(max_size=9),
    st.lists(segments, max_size=3).map(tuple),
    st.booleans(),
    st.text(max_size=9),
)
stretches = st.floats(0, 1e5).map(lambda start: (Seconds(start), Seconds(start + 10)))
jobs = st.builds(AnalyseJob, st.binary(max_size=300), st.none() | seconds, st.none() | seconds, seconds) | st.builds(
    FeaturesJob,
    st.binary(max_size=300),
    st.lists(stretches, min_size=1, max_size=MAX_STRETCHES).map(tuple),
    st.sampled_from(FILLS),
    seconds,
)

JOB = AnalyseJob(b"/kick.wav", None, None, Seconds(1))
FEATURES_JOB = FeaturesJob(b"/kick.wav", ((Seconds(0), Seconds(1)),), "repeatpad", Seconds(1))

# What a valid reply is made of, to be spoilt one field at a time.
SEGMENT: list[object] = [0.0, 1.0, {"rms": b"\0\0\0\0"}, None]
ANALYSIS: list[object] = [1.0, 44_100, 2, "wav", [SEGMENT], False, "1"]


def body_of(frame: bytes) -> bytes:
    (body,) = FrameBuffer().feed(frame)
    return body


def packed(value: object) -> bytes:
    return cast("bytes", msgpack.packb(value))  # pyright: ignore[reportUnknownMemberType]


def replaced(fields: list[object], index: int, value: object) -> list[object]:
    return [*fields[:index], value, *fields[index + 1 :]]


@given(jobs)
def test_a_job_survives_the_trip(job: AnalyseJob | FeaturesJob) -> None:
    assert decode_job(body_of(job.encode())) == job


@given(analyses, counts)
def test_a_result_survives_the_trip(analysis: Analysis, rss: int) -> None:
    assert decode_reply(body_of(encode_reply(Done(from_analysis(analysis), rss))), JOB) == Done(analysis, rss)


def test_features_survive_the_trip() -> None:
    data = bytes(FEATURE_BYTES)
    assert decode_reply(body_of(encode_reply(Done([data], 5))), FEATURES_JOB) == Done((data,), 5)


NOT_A_NUMBER = b"\0\0\xc0\x7f" * (FEATURE_BYTES // 4)


@pytest.mark.parametrize("spoilt", [[], [bytes(FEATURE_BYTES)] * 2, [bytes(4)], [None], [NOT_A_NUMBER], None])
def test_features_with_a_wrong_field_are_refused(spoilt: object) -> None:
    with pytest.raises(WorkerError, match="malformed"):
        decode_reply(packed(["done", spoilt, 1]), FEATURES_JOB)


def test_a_greeting_survives_the_trip() -> None:
    assert decode_greeting(body_of(encode_reply(Ready()))) == Ready()


@pytest.mark.parametrize("kind", [InputError, TransientInputError, WorkerError, UnavailableError])
def test_an_error_keeps_branch_code_and_message(kind: type[TimbredError]) -> None:
    reply = decode_reply(body_of(encode_reply(Failed(kind("it hisses", code="hiss"), 5))), JOB)
    assert isinstance(reply, Failed)
    assert (type(reply.error), reply.error.code, reply.error.message) == (kind, "hiss", "it hisses")


def test_a_worker_cannot_claim_that_the_daemons_storage_is_broken() -> None:
    reply = decode_reply(body_of(encode_reply(Failed(StorageError("disk full"), 5))), JOB)
    assert isinstance(reply, Failed)
    assert (type(reply.error), reply.error.message) == (WorkerError, "StorageError: disk full")


def test_a_message_that_quotes_an_undecodable_path_crosses() -> None:
    reply = decode_reply(body_of(encode_reply(Failed(InputError("cannot open \udcff.wav"), 5))), JOB)
    assert isinstance(reply, Failed)
    assert reply.error.message == "cannot open \\udcff.wav"


@given(st.lists(jobs, max_size=4), st.integers(1, 50))
def test_frames_are_found_however_the_stream_is_cut(several: list[AnalyseJob | FeaturesJob], size: int) -> None:
    stream = b"".join(job.encode() for job in several)
    frames = FrameBuffer()
    bodies = [body for at in range(0, len(stream), size) for body in frames.feed(stream[at : at + size])]
    assert list(map(decode_job, bodies)) == several


def test_a_frame_over_the_limit_is_refused_before_it_is_read() -> None:
    FrameBuffer().feed(MAX_FRAME.to_bytes(4, "big"))
    with pytest.raises(WorkerError, match="malformed"):
        FrameBuffer().feed((MAX_FRAME + 1).to_bytes(4, "big"))


def test_a_result_over_the_limit_is_not_sent() -> None:
    huge = AnalysedSegment(Seconds(0), Seconds(1), {}, bytes(MAX_FRAME))
    with pytest.raises(WorkerError, match="too large"):
        encode_reply(Done(from_analysis(Analysis(Seconds(1), 1, 1, "wav", (huge,), cut_short=False, version="1")), 5))


@given(st.binary(max_size=200))
def test_noise_is_refused_and_nothing_else_happens(noise: bytes) -> None:
    with pytest.raises(WorkerError, match="malformed"):
        decode_reply(noise, JOB)


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        [],
        ["done"],
        ["done", ANALYSIS],
        ["done", ANALYSIS, -1],
        ["done", ANALYSIS, True],
        ["done", ANALYSIS[:-1], 1],
        ["failed", ["storage", "storage", "x"], 1],
        ["failed", ["input", "Not a code", "x"], 1],
        ["failed", ["input", "empty", b"x"], 1],
        ["failed", ["input", "empty", "x" * 5000], 1],
        ["ready"],
        ["ready", 1],
        ["analyse", b"", None, None, 1.0],
        pickle.dumps(print),
        *(["done", replaced(ANALYSIS, index, spoilt), 1] for index in range(7) for spoilt in (None, -1, float("nan"))),
        *(
            ["done", replaced(ANALYSIS, 4, [replaced(SEGMENT, index, spoilt)]), 1]
            for index in range(4)
            for spoilt in (-1, "x", b"odd", {"rms": b"odd"}, {1: b"\0\0\0\0"})
        ),
    ],
)
def test_a_reply_with_a_wrong_field_is_refused(value: object) -> None:
    with pytest.raises(WorkerError, match="malformed"):
        decode_reply(packed(value), JOB)


def test_the_model_of_the_spoilt_replies_is_itself_fine() -> None:
    assert isinstance(decode_reply(packed(["done", ANALYSIS, 1]), JOB), Done)


@pytest.mark.parametrize(
    "spoilt",
    [
        [],
        ["analyse", "text", None, None, 1.0],
        ["clap", b"", None, None, 1.0],
        ["features", b"", [], "pad", 1.0],
        ["features", b"", [[1.0, 1.0]], "pad", 1.0],
        ["features", b"", [[0.0, 1.0]], "fade", 1.0],
        ["features", b"", [[0.0, 1.0]] * (MAX_STRETCHES + 1), "pad", 1.0],
    ],
)
def test_a_malformed_job_is_refused(spoilt: list[object]) -> None:
    with pytest.raises(WorkerError, match="malformed"):
        decode_job(packed(spoilt))


def test_a_header_that_claims_a_billion_items_reserves_nothing() -> None:
    with pytest.raises(WorkerError, match="malformed"):
        decode_reply(b"\xdd\x3b\x9a\xca\x00" + b"\x01" * 10, JOB)
