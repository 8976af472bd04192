"""What a file of sound is, as HTTP names it: by its first bytes, as everywhere here, and never by its name. Pure."""

from __future__ import annotations

from typing import Final

HEAD: Final = 64
"""Bytes that are looked at."""

UNKNOWN: Final = "application/octet-stream"

_BEGINNINGS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b".snd", "audio/basic"),
    (b"caff", "audio/x-caf"),
    (b"riff\x2e\x91\xcf\x11", "audio/x-w64"),
    (b"RF64", "audio/wav"),
    (b"\x1a\x45\xdf\xa3", "audio/webm"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "audio/x-ms-wma"),
    (b"wvpk", "audio/x-wavpack"),
    (b"#!AMR", "audio/amr"),
)

_BY_FORMAT: Final = {"mp3": "audio/mpeg", "aac": "audio/aac", "wav": "audio/wav", "flac": "audio/flac"}
"""For beginnings that say nothing: tags and padding before the first frame."""


def media_type(head: bytes, format_: str) -> str:
    """A type for ``Content-Type``.

    Args:
        head: the file's first bytes, some ``HEAD`` of them.
        format_: what the decoder called it.
    """
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wav"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "audio/aiff"
    if head[4:8] == b"ftyp":
        return "audio/mp4"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "audio/aac"  # ADTS: the layer's two bits are 0
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return "audio/mpeg"
    return next((kind for begin, kind in _BEGINNINGS if head.startswith(begin)), _BY_FORMAT.get(format_, UNKNOWN))
