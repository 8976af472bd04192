"""Verified pairs → groups of sounds that are the same audio, and what each member is to the group's best. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from timbred_indexer.model import SoundId
from timbred_indexer.store.duplicates import Alike
from timbred_indexer.store.sounds import Sound

Kind = Literal["same_bytes", "same_audio", "trimmed"]
KINDS: Final[tuple[Kind, ...]] = ("same_bytes", "same_audio", "trimmed")

COHERENCE: Final = 0.85
CLOSENESS: Final = 0.8
"""What a copy reaches; docs/duplicates.md says by how much others miss it."""

_WHOLE: Final = 0.995
"""Share of the energy that both have when neither was trimmed; an 8-bit copy loses a soft tail."""

_STEADY_DB: Final = 2.0
"""A gain that changes by more over time is a fade."""

_LOSSLESS: Final = frozenset({"wav", "flac", "aiff", "caf", "w64", "rf64", "au", "alac", "ape", "wavpack", "tta"})


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a sound is to another one of its group.

    Attributes:
        of: the other sound.
        similarity: share of the waves that is common to both, 0 to 1.
        gain: dB over the other.
        offset: seconds; where this one begins in the other.
        faded: its gain changes over time.
        share: of the other's energy that this one has, 0 to 1.
    """

    kind: Kind
    of: SoundId
    similarity: float
    gain: float = 0.0
    offset: float = 0.0
    inverted: bool = False
    faded: bool = False
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Group:
    """Sounds that are the same audio.

    Attributes:
        best: the longest, and among equals the best kept: the one that the others are compared with.
        others: each with its evidence; empty when only one sound lies in several files.
    """

    best: SoundId
    others: tuple[tuple[SoundId, Evidence], ...]

    @property
    def name(self) -> SoundId:
        """The lowest id in it: orders groups, and stays when members come."""
        return min([self.best, *(sound for sound, _ in self.others)])


def kind_of(pair: Alike) -> Kind:
    """``same_audio`` when neither was trimmed nor faded."""
    whole = min(pair.covered) >= _WHOLE and pair.gain_range <= _STEADY_DB
    return "same_audio" if whole else "trimmed"


def grouped(pairs: Sequence[Alike], in_many_files: Iterable[SoundId], kind: Kind | None) -> list[list[SoundId]]:
    """Connected sounds, each group and the list in order of id.

    Args:
        in_many_files: sounds that are a group by themselves, for their bytes.
        kind: only what this kind of evidence connects; None: any.
    """
    above: dict[SoundId, SoundId] = {}

    def root(sound: SoundId) -> SoundId:
        while (higher := above.setdefault(sound, sound)) != sound:
            above[sound] = above[higher]
            sound = higher
        return sound

    for pair in pairs:
        if kind is None or kind == kind_of(pair):
            low, high = sorted((root(pair.first), root(pair.second)))
            above[high] = low
    if kind in (None, "same_bytes"):
        for sound in in_many_files:
            root(sound)
    members: dict[SoundId, list[SoundId]] = {}
    for sound in sorted(above):
        members.setdefault(root(sound), []).append(sound)
    return [members[name] for name in sorted(members)]


def group_of(members: Sequence[SoundId], pairs: Sequence[Alike], known: Mapping[SoundId, Sound]) -> Group:
    """The members around their best, each with the evidence of the shortest chain of pairs that leads to it."""
    best = max(members, key=lambda sound: (_quality(known[sound]), -sound))
    beside: dict[SoundId, list[tuple[SoundId, Evidence]]] = {sound: [] for sound in members}
    for pair in pairs:
        if pair.first in beside and pair.second in beside:
            beside[pair.first].append((pair.second, _seen_from(pair, second=True)))
            beside[pair.second].append((pair.first, _seen_from(pair, second=False)))
    found: dict[SoundId, Evidence] = {}
    reached, open_ends = {best}, deque([best])
    while open_ends:
        for other, evidence in sorted(beside[open_ends.popleft()], key=lambda one: (-one[1].similarity, one[0])):
            if other not in reached:
                reached.add(other)
                open_ends.append(other)
                found[other] = evidence
    return Group(best, tuple((sound, found[sound]) for sound in members if sound in found))


def _quality(sound: Sound) -> tuple[float, bool, int, int]:
    """Length first, but codecs add some silence: a tenth of a second is no difference."""
    return round(sound.duration, 1), sound.format in _LOSSLESS, min(sound.sample_rate, 48_000), sound.channels


def _seen_from(pair: Alike, *, second: bool) -> Evidence:
    """What the pair's second (or first) sound is to the other."""
    sign = 1.0 if second else -1.0
    return Evidence(
        kind_of(pair),
        pair.first if second else pair.second,
        pair.coherence,
        sign * pair.gain,
        sign * pair.offset,
        pair.inverted,
        pair.gain_range > _STEADY_DB,
        pair.covered[0 if second else 1],
    )
