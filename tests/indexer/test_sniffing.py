"""Files are named to browsers by what they hold."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import soundfile as typed_soundfile

from timbred_indexer.sniffing import HEAD, UNKNOWN, media_type

soundfile: Any = typed_soundfile


@pytest.mark.parametrize(
    ("format_", "subtype", "kind"),
    [
        ("WAV", "PCM_16", "audio/wav"),
        ("FLAC", "PCM_16", "audio/flac"),
        ("OGG", "VORBIS", "audio/ogg"),
        ("MP3", "MPEG_LAYER_III", "audio/mpeg"),
        ("AIFF", "PCM_16", "audio/aiff"),
        ("CAF", "PCM_16", "audio/x-caf"),
        ("W64", "PCM_16", "audio/x-w64"),
        ("RF64", "PCM_16", "audio/wav"),
        ("AU", "PCM_16", "audio/basic"),
    ],
)
def test_what_libsndfile_writes_is_recognised(format_: str, subtype: str, kind: str) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(4000), 8000, format=format_, subtype=subtype)
    assert media_type(file.getvalue()[:HEAD], "") == kind


@pytest.mark.parametrize(
    ("head", "format_", "kind"),
    [
        (b"\xff\xf1\x50\x80", "aac", "audio/aac"),
        (b"\xff\xfb\x90\x00", "mp3", "audio/mpeg"),
        (b"ID3\x04", "mp3", "audio/mpeg"),
        (b"\0\0\0\x20ftypM4A ", "aac", "audio/mp4"),
        (b"\0" * 64, "mp3", "audio/mpeg"),
        (b"<html>", "raw", UNKNOWN),
        (b"", "", UNKNOWN),
    ],
)
def test_the_first_bytes_decide_and_then_the_decoder(head: bytes, format_: str, kind: str) -> None:
    assert media_type(head, format_) == kind
