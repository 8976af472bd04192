"""What a worker says is checked before it is believed."""

import pytest

from timbred_indexer.duplicates.messages import (
    CompareJob,
    Fingerprint,
    FingerprintJob,
    Verdict,
    decode_job,
    from_fingerprint,
    from_verdict,
)
from timbred_indexer.errors import WorkerError
from timbred_indexer.frames import FrameBuffer, frame
from timbred_indexer.model import Seconds

PRINT = FingerprintJob(b"/\xff.wav", Seconds(60))
COMPARE = CompareJob(b"/a", b"/\xff", (Seconds(0), Seconds(1.5)), Seconds(60))
VERDICT = Verdict(0.9, 0.8, -0.5, -6.0, 0.1, True, 1.0, 0.5)


def body(data: bytes) -> bytes:
    (only,) = FrameBuffer().feed(data)
    return only


@pytest.mark.parametrize("job", [PRINT, COMPARE], ids=["fingerprint", "compare"])
def test_a_job_arrives_as_it_was(job: FingerprintJob | CompareJob) -> None:
    assert decode_job(body(job.encode())) == job


def test_results_arrive_as_they_were() -> None:
    made = Fingerprint(Seconds(0.25), bytes(24))
    assert PRINT.read(from_fingerprint(made)) == made
    assert COMPARE.read(from_verdict(VERDICT)) == VERDICT


@pytest.mark.parametrize("value", [None, [0.0], [0.0, bytes(5)], [-1.0, bytes(12)], [0.0, "text"]])
def test_what_is_no_fingerprint_is_refused(value: object) -> None:
    with pytest.raises(WorkerError):
        PRINT.read(value)


@pytest.mark.parametrize(
    "value", [[], [1.0] * 8, [float("nan"), *[1.0] * 6, True], ["1", *[1.0] * 6, True], [1.0] * 7 + [None]]
)
def test_what_is_no_verdict_is_refused(value: object) -> None:
    with pytest.raises(WorkerError):
        COMPARE.read(value)


def test_an_unknown_job_is_refused() -> None:
    with pytest.raises(WorkerError):
        decode_job(body(frame(["analyse", b"/a", None, None, 1.0])))
