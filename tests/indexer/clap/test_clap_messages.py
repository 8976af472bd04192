"""What crosses between the daemon and the CLAP worker survives the trip, and what is malformed is refused."""

from __future__ import annotations

from typing import cast

import msgpack
import numpy as np
import pytest

from timbred_indexer.clap.messages import (
    MOST_AT_ONCE,
    AudioJob,
    DescribeJob,
    TextJob,
    decode_job,
    from_description,
    from_vectors,
)
from timbred_indexer.clap.protocol import Description
from timbred_indexer.errors import WorkerError
from timbred_indexer.frames import FrameBuffer
from timbred_indexer.model import Seconds
from timbred_indexer.wire import FEATURE_BYTES

FEATURES = bytes(FEATURE_BYTES)
TEXT = TextJob(("rain", "snare"), 2, Seconds(1))
DESCRIPTION = Description("tiny", "tiny@1", 16, "cpu", "fp32", 1, 4)


def body_of(frame: bytes) -> bytes:
    (body,) = FrameBuffer().feed(frame)
    return body


def packed(value: object) -> bytes:
    return cast("bytes", msgpack.packb(value))  # pyright: ignore[reportUnknownMemberType]


@pytest.mark.parametrize("job", [AudioJob((FEATURES, FEATURES), 512, Seconds(1)), TEXT, DescribeJob(Seconds(1))])
def test_a_job_survives_the_trip(job: AudioJob | TextJob | DescribeJob) -> None:
    assert decode_job(body_of(job.encode())) == job


def test_a_text_that_utf8_cannot_hold_crosses() -> None:
    job = decode_job(body_of(TextJob(("\udcff" + "x" * 9000,), 2, Seconds(1)).encode()))
    assert isinstance(job, TextJob)
    assert job.texts[0].startswith("?xx")


def test_vectors_survive_the_trip() -> None:
    vectors = np.array([[1, 0], [0.6, 0.8]], np.float32)
    np.testing.assert_array_equal(TEXT.read(from_vectors(vectors)), vectors)


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        bytes(12),
        bytes(16),
        np.array([1, 0, 2, 0], "<f4").tobytes(),
        np.array([1, 0, np.nan, 0], "<f4").tobytes(),
        np.array([1, 0, np.inf, 0], "<f4").tobytes(),
    ],
)
def test_vectors_that_are_none_are_refused(value: object) -> None:
    with pytest.raises(WorkerError, match="malformed"):
        TEXT.read(value)


def test_a_description_survives_the_trip() -> None:
    assert DescribeJob(Seconds(1)).read(from_description(DESCRIPTION)) == DESCRIPTION


@pytest.mark.parametrize("index", range(7))
@pytest.mark.parametrize("spoilt", [None, -1, [], 10**9])
def test_a_description_with_a_wrong_field_is_refused(index: int, spoilt: object) -> None:
    if (index, spoilt) == (5, 10**9):
        pytest.skip("any number of threads will do")
    fields = from_description(DESCRIPTION)
    fields[index] = spoilt
    with pytest.raises(WorkerError, match="malformed"):
        DescribeJob(Seconds(1)).read(fields)


@pytest.mark.parametrize(
    "spoilt",
    [
        [],
        ["audio", [], 2, 1.0],
        ["audio", [b"short"], 2, 1.0],
        ["audio", [FEATURES], -2, 1.0],
        ["text", ["x"] * (MOST_AT_ONCE + 1), 2, 1.0],
        ["text", [b"rain"], 2, 1.0],
        ["analyse", b"", None, None, 1.0],
    ],
)
def test_a_malformed_job_is_refused(spoilt: list[object]) -> None:
    with pytest.raises(WorkerError, match="malformed"):
        decode_job(packed(spoilt))
