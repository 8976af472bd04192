"""decode: whatever lies on disk becomes bounded mono samples, or a refusal with a code."""

import errno
import io
import os
import struct
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from sounds import corpus, pluck

from timbred_indexer import decode
from timbred_indexer.decode import open_sound
from timbred_indexer.errors import InputError, TransientInputError
from timbred_indexer.parameters import ANALYSIS_RATE
from timbred_indexer.readers import BLOCK_FRAMES, Unreadable, read_ffmpeg


def samples_of(path: Path | bytes) -> NDArray[np.float32]:
    with open_sound(os.fsencode(path)) as sound:
        return np.concatenate(list(sound.blocks()))


def refusal(path: Path) -> str:
    with pytest.raises((InputError, TransientInputError)) as caught:
        samples_of(path)
    assert caught.value.message.endswith(".")
    return caught.value.code


def write_with_ffmpeg(path: Path, codec: str, rate: int = 44_100, layout: str = "mono") -> None:
    data = pluck(rate=rate).astype(np.float32)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate, layout=layout)  # pyright: ignore[reportUnknownMemberType]
        frame = av.AudioFrame.from_ndarray(data[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        stream.bit_rate = 128_000
        muxer: Any = container
        for part in av.AudioResampler(format=stream.format, rate=rate, layout=layout).resample(frame):
            muxer.mux(stream.encode(part))
        muxer.mux(stream.encode(None))


@pytest.mark.parametrize(("name", "subtype"), [("a.wav", "PCM_16"), ("a.flac", "PCM_24"), ("a.ogg", "VORBIS")])
def test_a_sound_is_resampled_to_the_analysis_rate(tmp_path: Path, name: str, subtype: str) -> None:
    soundfile.write(str(tmp_path / name), pluck(rate=48_000), 48_000, subtype=subtype)
    heard = samples_of(tmp_path / name)
    assert len(heard) == pytest.approx(0.8 * ANALYSIS_RATE, abs=2)
    assert np.corrcoef(heard[:17_000], pluck()[:17_000])[0, 1] > 0.98


@pytest.mark.parametrize(("name", "codec"), [("a.m4a", "aac"), ("a.webm", "libopus"), ("a.wma", "wmav2")])
def test_what_libsndfile_cannot_open_is_decoded_by_ffmpeg(tmp_path: Path, name: str, codec: str) -> None:
    rate = 48_000 if codec == "libopus" else 44_100
    write_with_ffmpeg(tmp_path / name, codec, rate)
    with open_sound(os.fsencode(tmp_path / name)) as sound:
        heard = np.concatenate(list(sound.blocks()))
        assert sound.sample_rate == rate
        assert sound.format == codec.removeprefix("lib")
    assert np.abs(heard).max() > 0.3


def test_eight_channels_are_decoded_by_ffmpeg(tmp_path: Path) -> None:
    write_with_ffmpeg(tmp_path / "a.m4a", "aac", layout="7.1")
    with open_sound(os.fsencode(tmp_path / "a.m4a")) as sound:
        assert (sound.channels, sum(map(len, sound.blocks())) > 0) == (8, True)


class Backwards(io.FileIO):
    """A file of a format that points to a place before its beginning."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        raise OSError(errno.EINVAL, "Invalid argument")


def test_a_place_before_the_beginning_is_the_files_fault_and_not_the_disks(tmp_path: Path) -> None:
    write_with_ffmpeg(tmp_path / "a.m4a", "aac")
    with Backwards(tmp_path / "a.m4a") as file, pytest.raises(Unreadable):
        list(read_ffmpeg(file))


def test_the_content_decides_not_the_extension(tmp_path: Path) -> None:
    soundfile.write(str(tmp_path / "a.flac"), pluck(), ANALYSIS_RATE)
    (tmp_path / "a.flac").rename(tmp_path / "a.mp3")
    with open_sound(os.fsencode(tmp_path / "a.mp3")) as sound:
        assert sound.format == "flac"


def test_a_name_that_is_not_utf8_and_holds_a_newline_is_opened(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/b\xff\nd.wav"
    soundfile.write(str(tmp_path / "a.wav"), pluck(), ANALYSIS_RATE)
    os.rename(os.fsencode(tmp_path / "a.wav"), path)
    assert len(samples_of(path)) == len(pluck())


def test_the_users_file_is_never_opened_for_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(str(tmp_path / "a.wav"), pluck(), ANALYSIS_RATE)
    opened: list[int] = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, flags, *rest: opened.append(flags) or real(path, flags, *rest))  # pyright: ignore
    samples_of(tmp_path / "a.wav")
    assert opened
    assert all(flags & os.O_ACCMODE == os.O_RDONLY for flags in opened)


def test_a_long_sound_comes_in_blocks(tmp_path: Path) -> None:
    soundfile.write(str(tmp_path / "a.wav"), np.tile(pluck(), 20), ANALYSIS_RATE)
    with open_sound(os.fsencode(tmp_path / "a.wav")) as sound:
        assert max(len(block) for block in sound.blocks()) <= BLOCK_FRAMES


def test_decoding_stops_at_the_length_limit_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MAX_SECONDS", 2.0)
    soundfile.write(str(tmp_path / "a.wav"), np.tile(pluck(), 10), ANALYSIS_RATE)
    with open_sound(os.fsencode(tmp_path / "a.wav")) as sound:
        assert sum(len(block) for block in sound.blocks()) == 2 * ANALYSIS_RATE
        assert sound.cut_short
        assert sound.seconds == 2.0


def test_a_header_that_claims_four_gigabytes_gives_what_is_there(tmp_path: Path) -> None:
    soundfile.write(str(tmp_path / "a.wav"), pluck(), ANALYSIS_RATE)
    data = bytearray((tmp_path / "a.wav").read_bytes())
    data[4:8] = data[40:44] = struct.pack("<I", 0xFFFF_FFF0)
    (tmp_path / "a.wav").write_bytes(data)
    assert len(samples_of(tmp_path / "a.wav")) == len(pluck())


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
def test_what_was_heard_before_a_file_breaks_off_counts(tmp_path: Path, name: str) -> None:
    soundfile.write(str(tmp_path / name), np.tile(pluck(), 8), ANALYSIS_RATE)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    assert len(samples_of(tmp_path / name)) > ANALYSIS_RATE


def test_reversed_phase_does_not_cancel_the_sound_out(tmp_path: Path) -> None:
    soundfile.write(str(tmp_path / "a.wav"), np.stack([pluck(), -pluck()], axis=1), ANALYSIS_RATE)
    assert np.abs(samples_of(tmp_path / "a.wav")).max() > 0.3


def test_samples_that_are_not_numbers_become_silence(tmp_path: Path) -> None:
    data = pluck()
    data[100:200] = np.nan
    data[300] = np.inf
    soundfile.write(str(tmp_path / "a.wav"), data, ANALYSIS_RATE, subtype="FLOAT")
    heard = samples_of(tmp_path / "a.wav")
    assert np.isfinite(heard).all()
    assert not heard[100:200].any()


def test_a_single_frame_at_a_high_rate_is_a_sample(tmp_path: Path) -> None:
    soundfile.write(str(tmp_path / "a.wav"), np.array([0.5]), 192_000)
    assert samples_of(tmp_path / "a.wav").tolist() == [0.5]


def test_nothing_but_nan_is_refused(tmp_path: Path) -> None:
    soundfile.write(str(tmp_path / "a.wav"), np.full(1000, np.nan), 44_100, subtype="FLOAT")
    assert refusal(tmp_path / "a.wav") == "not_finite"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"just words, not sound. " * 100, "not_audio"),
        (b"RIFF\x24\x00\x00\x00WAVE", "not_audio"),
        (b"#EXTM3U\n#EXTINF:1,\nother.wav\n", "not_audio"),
        (b"\x89PNG\r\n\x1a\n" + bytes(1000), "not_audio"),
    ],
)
def test_what_is_not_audio_is_refused_with_a_code(tmp_path: Path, data: bytes, code: str) -> None:
    (tmp_path / "a.wav").write_bytes(data)
    assert refusal(tmp_path / "a.wav") == code


def test_a_header_without_sound_is_refused(tmp_path: Path) -> None:
    soundfile.write(str(tmp_path / "a.wav"), np.zeros(0), 44_100)
    assert refusal(tmp_path / "a.wav") == "no_sound"


def test_two_hundred_channels_are_refused_before_a_buffer_is_made(tmp_path: Path) -> None:
    soundfile.write(str(tmp_path / "a.wav"), np.zeros((10, 200)), 44_100)
    assert refusal(tmp_path / "a.wav") == "too_many_channels"


@pytest.mark.parametrize("rate", [100, 2_000_000])
def test_an_absurd_sample_rate_is_refused(tmp_path: Path, rate: int) -> None:
    soundfile.write(str(tmp_path / "a.wav"), np.ones(1000), rate)
    assert refusal(tmp_path / "a.wav") == "bad_sample_rate"


def test_a_file_that_is_gone_may_come_back(tmp_path: Path) -> None:
    assert refusal(tmp_path / "a.wav") == "vanished"


def test_a_file_that_the_system_does_not_hand_out_may_be_readable_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", deny)
    assert refusal(tmp_path / "a.wav") == "unreadable"


def test_folders_and_pipes_are_not_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    assert refusal(tmp_path) == refusal(tmp_path / "pipe.wav") == "not_a_file"


def test_a_drive_that_fails_half_way_is_not_the_end_of_the_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    soundfile.write(str(tmp_path / "a.wav"), pluck(), ANALYSIS_RATE)
    monkeypatch.setattr(os, "pread", fail)
    assert refusal(tmp_path / "a.wav") == "unreadable"


def test_the_decoders_write_nothing_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    samples_of(corpus() / "odd" / "made" / "cut-off.mp3")
    assert capfd.readouterr().err == ""


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    soundfile.write(str(tmp_path / "a.wav"), np.tile(pluck(), 10), ANALYSIS_RATE)
    before = os.dup(0)
    with open_sound(os.fsencode(tmp_path / "a.wav")) as sound:
        next(sound.blocks())  # given up half way
    after = os.dup(0)
    os.close(before)
    os.close(after)
    assert after == before + 1
