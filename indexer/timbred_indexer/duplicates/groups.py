"""Verified pairs → groups of sounds that are the same audio, and what each member is to the group's best. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from timbred_indexer.duplicates.alignment import WHOLE
from timbred_indexer.model import SoundId
from timbred_indexer.store.duplicates import Alike
from timbred_indexer.store.sounds import Sound

Kind = Literal["same_bytes", "same_audio", "trimmed"]
KINDS: Final[tuple[Kind, ...]] = ("same_bytes", "same_audio", "trimmed")

COHERENCE: Final = 0.85
CLOSENESS: Final = 0.8
"""What a copy reaches; docs/duplicates.md says by how much others miss it."""

_STEADY_DB: Final = 2.0
"""A gain that changes by more over time is a fade."""

_NEAR: Final = 0.01
_MUCH: Final = 8.0
"""Distances between families: never too far below the first, too far beyond so many times the nearest relative's."""

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
    whole = min(pair.covered) >= WHOLE and pair.gain_range <= _STEADY_DB
    return "same_audio" if whole else "trimmed"


def credible(pairs: Sequence[Alike]) -> list[Alike]:
    """Leaves out what nearer relatives contradict.

    Two settings of a drum machine's knob may be one wave to within a few hundredths, as a codec's copy is. But whoever
    has a perfect copy does not need to be believed a poor one: of two families whose members are much nearer to each
    other than to the other family, the nearest pair between them decides, and the poorer ones do not bridge the gap.
    """
    families = _Families()
    nearest: dict[SoundId, float] = {}
    apart: set[frozenset[SoundId]] = set()
    for pair in sorted(pairs, key=lambda one: (_distance(one), one.first, one.second)):
        roots = frozenset((families.root(pair.first), families.root(pair.second)))
        if len(roots) == 1:
            continue
        has_relatives = pair.first in nearest and pair.second in nearest
        usual = max(_NEAR, _MUCH * max(nearest.get(pair.first, 0.0), nearest.get(pair.second, 0.0)))
        if roots in apart or (has_relatives and _distance(pair) > usual):
            apart.add(roots)
            continue
        merged = families.join(pair.first, pair.second)
        # What either was apart from, both are now.
        apart |= {frozenset((merged, *other - roots)) for other in apart if other & roots}
        for sound in (pair.first, pair.second):
            nearest.setdefault(sound, _distance(pair))
    return [pair for pair in pairs if families.root(pair.first) == families.root(pair.second)]


class _Families:
    """Disjoint sets, each known by its lowest id."""

    def __init__(self) -> None:
        self.above: dict[SoundId, SoundId] = {}

    def root(self, sound: SoundId) -> SoundId:
        while (higher := self.above.setdefault(sound, sound)) != sound:
            self.above[sound] = self.above[higher]
            sound = higher
        return sound

    def join(self, one: SoundId, other: SoundId) -> SoundId:
        low, high = sorted((self.root(one), self.root(other)))
        self.above[high] = low
        return low


def _distance(pair: Alike) -> float:
    return 2.0 - pair.coherence - pair.closeness


def grouped(pairs: Sequence[Alike], in_many_files: Iterable[SoundId], kind: Kind | None) -> list[list[SoundId]]:
    """Connected sounds, each group and the list in order of id.

    Args:
        in_many_files: sounds that are a group by themselves, for their bytes.
        kind: only what this kind of evidence connects; None: any.
    """
    families = _Families()
    for pair in pairs:
        if kind is None or kind == kind_of(pair):
            families.join(pair.first, pair.second)
    if kind in (None, "same_bytes"):
        for sound in in_many_files:
            families.root(sound)
    members: dict[SoundId, list[SoundId]] = {}
    for sound in sorted(families.above):
        members.setdefault(families.root(sound), []).append(sound)
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
