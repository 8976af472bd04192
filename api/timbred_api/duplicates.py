"""Near-duplicates: groups with evidence, and how far the search for them is. Nothing is ever done to a file."""

from __future__ import annotations

import sqlite3
from typing import Final

from timbred_api.cursors import Listing
from timbred_api.engine import Engine
from timbred_api.locations import resolve
from timbred_api.rows import shown, sound_row
from timbred_api.schemas_duplicates import (
    DuplicateGroup,
    DuplicateList,
    DuplicateParameters,
    DuplicateRow,
    Evidence,
    Pending,
)
from timbred_indexer.duplicates import groups
from timbred_indexer.duplicates.finder import Progress
from timbred_indexer.duplicates.groups import CLOSENESS, COHERENCE, Group
from timbred_indexer.model import SoundId
from timbred_indexer.store import duplicates, sounds
from timbred_indexer.store.duplicates import Alike
from timbred_indexer.store.sounds import Sound

Files = tuple[tuple[bytes, str | None], ...]

GROUPS: Final = Listing("duplicates")
"""Groups go by their lowest sound id."""

_LOUDER_DB = 0.5  # a difference of level worth a word
_SHIFTED = 0.02  # seconds worth a word: a codec's padding is not


async def find(engine: Engine, parameters: DuplicateParameters) -> DuplicateList:
    """The groups known now. The first question starts the search; it goes on in the background."""
    engine.duplicates.ask()
    folder, after = resolve(parameters.folder, None), GROUPS.after(parameters.cursor)
    busy = engine.control.activity.state not in ("idle", "stopping")

    def load(connection: sqlite3.Connection) -> DuplicateList:
        progress = engine.duplicates.progress(connection)
        pairs = groups.credible(duplicates.alike(connection, COHERENCE, CLOSENESS))
        found = groups.grouped(pairs, duplicates.in_many_files(connection), parameters.kind)
        if folder is not None:
            inside = duplicates.in_folder(connection, folder)
            found = [members for members in found if not inside.isdisjoint(members)]
        page = [members for members in found if members[0] > after][: parameters.limit]
        more = bool(page) and page[-1] is not found[-1]
        return DuplicateList(
            results=_rows(connection, page, _of_kind(pairs, parameters)),
            next=GROUPS.cursor(page[-1][0]) if more else None,
            complete=progress.complete and not busy,
            pending=Pending(sounds=progress.owed.sounds, pairs=progress.owed.pairs),
            notes=_notes(progress, busy=busy),
        )

    return await engine.db.read(load)


def _of_kind(pairs: list[Alike], parameters: DuplicateParameters) -> list[Alike]:
    return [pair for pair in pairs if parameters.kind in (None, groups.kind_of(pair))]


def _notes(progress: Progress, *, busy: bool) -> list[str]:
    notes: list[str] = []
    if busy:
        notes.append("The library is being indexed; what is new is compared after that.")
    if not progress.complete:
        notes.append("Sounds are still being compared; ask again for the rest.")
    if progress.passed_over:
        notes.append(f"{progress.passed_over} sounds or pairs could not be read, and were not compared.")
    return notes


def _rows(connection: sqlite3.Connection, page: list[list[SoundId]], pairs: list[Alike]) -> list[DuplicateGroup]:
    """A page of groups. A sound whose last file has just gone is left out."""
    wanted = [sound for members in page for sound in members]
    known = sounds.by_ids(connection, wanted)
    places = {sound: tuple(files) for sound, files in sounds.files_of(connection, wanted).items()}
    made: list[DuplicateGroup] = []
    for members in page:
        present = [sound for sound in members if sound in places and sound in known]
        if present:
            group = groups.group_of(present, pairs, known)
            made.append(DuplicateGroup(id=members[0], members=_members(group, known, places)))
    return made


def _members(group: Group, known: dict[SoundId, Sound], places: dict[SoundId, Files]) -> list[DuplicateRow]:
    best = group.best
    rows = [_row(known[best], places[best], _copies(best, places[best]))]
    for sound, evidence in group.others:
        row = Evidence(
            kind=evidence.kind,
            of=evidence.of,
            similarity=shown(evidence.similarity),
            gain_db=round(evidence.gain, 1),
            offset=round(evidence.offset, 3),
            inverted=evidence.inverted,
            sentence=_sentence(evidence, known[sound], known[evidence.of], len(places[sound])),
        )
        rows.append(_row(known[sound], places[sound], row))
    return rows


def _row(sound: Sound, files: Files, evidence: Evidence | None) -> DuplicateRow:
    return DuplicateRow(**sound_row(sound, files).__dict__, evidence=evidence)


def _copies(sound: SoundId, files: Files) -> Evidence | None:
    """Of a sound whose bytes lie in several files."""
    if len(files) < 2:
        return None
    sentence = f"{len(files)} files hold the same bytes."
    return Evidence(
        kind="same_bytes", of=sound, similarity=1.0, gain_db=0.0, offset=0.0, inverted=False, sentence=sentence
    )


def _sentence(evidence: groups.Evidence, sound: Sound, other: Sound, files: int) -> str:
    parts = ["The same audio"]
    if evidence.kind == "trimmed":
        parts = [_cut(evidence, sound, other)]
    if abs(evidence.gain) >= _LOUDER_DB and not evidence.faded:
        parts.append(f"{abs(evidence.gain):.0f} dB {'louder' if evidence.gain > 0 else 'quieter'}")
    if sound.format != other.format:
        parts.append(f"in another format ({sound.format})")
    if sound.sample_rate != other.sample_rate:
        parts.append(f"at {sound.sample_rate / 1000:g} kHz")
    if sound.channels != other.channels:
        parts.append("in mono" if sound.channels == 1 else f"with {sound.channels} channels")
    if evidence.inverted:
        parts.append("with its polarity reversed")
    if evidence.kind == "same_audio" and abs(evidence.offset) >= _SHIFTED:
        parts.append(f"with {abs(evidence.offset):.2f} s more silence before it" if evidence.offset < 0 else "")
    text = ", ".join(part for part in parts if part) + "."
    return f"{text} {files} files hold these bytes." if files > 1 else text


def _cut(evidence: groups.Evidence, sound: Sound, other: Sound) -> str:
    """The first words about a trimmed or faded copy."""
    name = "A faded copy" if evidence.faded else "A part of the same audio"
    if evidence.share >= 0.98 and sound.duration > other.duration:
        name = "The same audio with more around it" if not evidence.faded else name
    if evidence.offset >= _SHIFTED:
        return f"{name}, from {evidence.offset:.2f} s on"
    return name
