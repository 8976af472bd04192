"""General MIDI: which instrument and which drum is which, and scores that play them one after the other."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

_TICKS: Final = 960  # a second, at 120 beats a minute and 480 ticks a beat


@dataclass(frozen=True, slots=True)
class Note:
    """One note: channel (9 is percussion), program, key, velocity, and what is played."""

    SLOT: ClassVar[float] = 3.0  # seconds from one note to the next
    HELD: ClassVar[float] = 1.4  # seconds until the key is released

    channel: int
    program: int
    key: int
    velocity: int
    label: str


def score(notes: Sequence[Note]) -> bytes:
    """A MIDI file (format 0) with one note every ``Note.SLOT`` seconds."""
    events = bytearray()
    for note in notes:
        events += bytes([0, 0xC0 | note.channel, note.program])
        events += bytes([0, 0x90 | note.channel, note.key, note.velocity])
        events += _delay(Note.HELD) + bytes([0x80 | note.channel, note.key, 0])
        events += _delay(Note.SLOT - Note.HELD) + bytes([0xB0 | note.channel, 120, 0])  # all sound off
    events += bytes([0, 0xFF, 0x2F, 0])
    head = b"MThd" + struct.pack(">IHHH", 6, 0, 1, _TICKS // 2)
    return head + b"MTrk" + struct.pack(">I", len(events)) + bytes(events)


def _delay(seconds: float) -> bytes:
    """A time as MIDI's seven-bit groups, most significant first."""
    ticks = round(seconds * _TICKS)
    groups = [ticks & 0x7F]
    while ticks := ticks >> 7:
        groups.append(0x80 | (ticks & 0x7F))
    return bytes(reversed(groups))


PERCUSSION: Final[Mapping[int, str]] = {
    35: "kick",
    36: "kick",
    37: "rim",
    38: "snare",
    39: "clap",
    40: "snare",
    41: "tom",
    42: "closed-hat",
    43: "tom",
    44: "closed-hat",
    45: "tom",
    46: "open-hat",
    47: "tom",
    48: "tom",
    49: "crash",
    50: "tom",
    51: "ride",
    52: "crash",
    53: "ride",
    54: "tambourine",
    55: "crash",
    56: "cowbell",
    57: "crash",
    59: "ride",
    60: "conga",
    61: "conga",
    62: "conga",
    63: "conga",
    64: "conga",
    65: "timbale",
    66: "timbale",
    67: "agogo",
    68: "agogo",
    69: "shaker",
    70: "shaker",
    73: "guiro",
    74: "guiro",
    75: "clave",
    76: "woodblock",
    77: "woodblock",
    80: "triangle",
    81: "triangle",
}

PROGRAMS: Final[Mapping[str, tuple[int, int]]] = {
    "piano": (0, 41),
    "electric-piano": (4, 43),
    "harpsichord": (6, 45),
    "clavinet": (7, 43),
    "celesta": (8, 62),
    "glockenspiel": (9, 72),
    "vibraphone": (11, 55),
    "marimba": (12, 50),
    "xylophone": (13, 66),
    "tubular-bells": (14, 60),
    "dulcimer": (15, 55),
    "organ": (16, 45),
    "church-organ": (19, 45),
    "accordion": (21, 53),
    "harmonica": (22, 60),
    "nylon-guitar": (24, 42),
    "steel-guitar": (25, 42),
    "jazz-guitar": (26, 45),
    "muted-guitar": (28, 42),
    "distorted-guitar": (30, 42),
    "acoustic-bass": (32, 29),
    "electric-bass": (33, 29),
    "slap-bass": (36, 29),
    "synth-bass": (38, 29),
    "violin": (40, 57),
    "viola": (41, 50),
    "cello": (42, 38),
    "double-bass": (43, 30),
    "pizzicato": (45, 48),
    "harp": (46, 48),
    "timpani": (47, 38),
    "strings": (48, 48),
    "choir": (52, 50),
    "voice": (53, 50),
    "trumpet": (56, 56),
    "trombone": (57, 42),
    "tuba": (58, 31),
    "muted-trumpet": (59, 56),
    "horn": (60, 43),
    "brass": (61, 48),
    "soprano-saxophone": (64, 58),
    "alto-saxophone": (65, 52),
    "tenor-saxophone": (66, 46),
    "baritone-saxophone": (67, 38),
    "oboe": (68, 60),
    "english-horn": (69, 54),
    "bassoon": (70, 38),
    "clarinet": (71, 53),
    "piccolo": (72, 76),
    "flute": (73, 62),
    "recorder": (74, 64),
    "pan-flute": (75, 62),
    "ocarina": (79, 64),
    "sitar": (104, 48),
    "banjo": (105, 50),
    "kalimba": (108, 60),
    "bagpipe": (109, 55),
    "steel-drums": (114, 55),
}
"""Instrument → its program and its lowest note here; the others are fourths above it."""
