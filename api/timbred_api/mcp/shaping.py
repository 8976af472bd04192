"""From an operation's result to a tool's answer: the structure, a few lines to read, links to what can be opened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from mcp.types import ResourceLink

from timbred_api.duplicates import GROUPS
from timbred_api.mcp.answers import (
    Folders,
    FoundSound,
    FoundSounds,
    Group,
    Groups,
    IndexStatus,
    Member,
    Rescanned,
    SoundBrief,
    SoundDetail,
    SpaceBrief,
)
from timbred_api.schemas import Accepted, Result, SimilarResult, SimilarRow, SoundRow
from timbred_api.schemas_duplicates import DuplicateGroup, DuplicateList, DuplicateRow
from timbred_api.schemas_status import FolderList, Status

MOST_PLACES = 20
MOST_MEMBERS = 10
MOST_FOLDERS = 50
MOST_LINKED = 10  # sounds with links; the others have their ids and URIs in the structure
MOST_CHARACTERS = 40_000  # of rows, as JSON: some 10,000 tokens

_AUDIO_TYPES = {"mp3": "mpeg", "m4a": "mp4", "aif": "aiff"}

R = TypeVar("R", bound=Result)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool gives back: ``structure`` for programs, ``text`` for models and people."""

    structure: Result
    text: str
    links: tuple[ResourceLink, ...] = ()


def sound(row: SoundRow) -> Answer:
    """One sound."""
    shown = SoundDetail(
        **_brief(row),
        paths=row.paths[:MOST_PLACES],
        uris=row.uris[:MOST_PLACES],
        truncated=len(row.paths) > MOST_PLACES,
    )
    return Answer(shown, _line(shown), (_sound_link(shown), *_file_links(shown, shown.uris)))


def similar(result: SimilarResult, k: int, *, with_aspects: bool = False) -> Answer:
    """The sounds that a search found."""
    rows = _fitting([_found(row, with_aspects=with_aspects) for row in result.results])
    shown = FoundSounds(
        query=result.query,
        results=rows,
        truncated=len(rows) < len(result.results) or len(rows) == k,
        notes=result.notes,
    )
    lines = [f"{_count(len(rows), 'sound')} found."]
    lines += [f"{row.similarity:.2f} {_line(row)} {' '.join(row.reasons)}".rstrip() for row in rows]
    return Answer(shown, _text(lines, shown.notes), _links(rows))


def duplicates(result: DuplicateList) -> Answer:
    """Groups of near-duplicates."""
    groups = _fitting([_group(group) for group in result.results])
    cut = len(groups) < len(result.results)
    shown = Groups(
        results=groups,
        next=GROUPS.cursor(groups[-1].id) if cut else result.next,
        truncated=cut or result.next is not None or any(len(group.members) < group.size for group in groups),
        complete=result.complete,
        pending_sounds=result.pending.sounds,
        pending_pairs=result.pending.pairs,
        notes=result.notes,
    )
    lines = [f"{_count(len(groups), 'group')} of near-duplicates."]
    for group in groups:
        lines.append(f"Group {group.id}, {_count(group.size, 'sound')}:")
        lines += [f"- {_line(member)} {_evidence(member)}".rstrip() for member in group.members]
    members = [member for group in groups for member in group.members]
    return Answer(shown, _text(lines, shown.notes), _links(members))


def status(result: Status) -> Answer:
    """What is indexed, pending, failed and offline."""
    spaces = {
        name: SpaceBrief(coverage=space.coverage, pending=space.pending, model=space.model, advice=space.advice)
        for name, space in result.spaces.items()
    }
    shown = IndexStatus(
        state=result.state,
        version=result.version,
        sounds=result.sounds,
        segments=result.segments,
        files=result.files,
        spaces=spaces,
        scan_owed=result.scan_owed,
        eta=result.eta,
        notes=result.notes,
    )
    files = result.files
    lines = [
        f"timbred is {result.state}: {files.indexed} of {files.found} files indexed, {files.pending} pending, "
        f"{files.failed} failed, {files.offline} offline; {_count(result.sounds, 'different sound')}.",
        *(f"{name}: {space.advice}" for name, space in spaces.items() if space.advice),
    ]
    return Answer(shown, _text(lines, result.notes))


def folders(result: FolderList) -> Answer:
    """The watched folders."""
    rows = _fitting(result.results[:MOST_FOLDERS])
    shown = Folders(results=rows, truncated=len(rows) < len(result.results))
    lines = [
        f"{one_line(row.path)}: {row.state}, {row.files.indexed} of {row.files.found} files indexed." for row in rows
    ]
    return Answer(shown, _text(lines or ["No folder is watched; add one with `timbred folders add PATH`."], []))


def rescanned(result: Accepted, now: Status, *, done: bool) -> Answer:
    """What is looked at again."""
    shown = Rescanned(folders=result.folders[:MOST_FOLDERS], done=done, files=now.files)
    how = "Done" if done else "Under way; get_index_status says how far it is"
    lines = [f"{how}: {now.files.indexed} of {now.files.found} files indexed, {now.files.pending} pending."]
    return Answer(shown, _text(lines, []))


def one_line(text: str) -> str:
    """Names are other people's text: none may look like a line of ours."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)


def _found(row: SimilarRow, *, with_aspects: bool) -> FoundSound:
    return FoundSound(
        **_brief(row),
        similarity=row.similarity,
        scores=row.scores,
        segment=row.segment,
        reasons=row.reasons,
        aspects=row.aspects if with_aspects else None,
    )


def _group(group: DuplicateGroup) -> Group:
    members = [_member(row) for row in group.members[:MOST_MEMBERS]]
    return Group(id=group.id, size=len(group.members), members=members)


def _member(row: DuplicateRow) -> Member:
    return Member(**_brief(row), evidence=row.evidence)


def _brief(row: SoundRow) -> dict[str, Any]:
    own = {name: getattr(row, name) for name in SoundBrief.model_fields if name != "files"}
    return {**own, "files": len(row.paths)}


def _fitting(rows: Sequence[R]) -> list[R]:
    """The first rows, as many as an answer may hold; one at least."""
    kept: list[R] = []
    left = MOST_CHARACTERS
    for row in rows:
        left -= len(row.model_dump_json())
        if kept and left < 0:
            break
        kept.append(row)
    return kept


def _line(row: SoundBrief) -> str:
    return f"[sound {row.sound_id}] {one_line(row.label)} ({row.duration:.2f} s) {one_line(row.path)}"


def _evidence(member: Member) -> str:
    return "" if member.evidence is None else member.evidence.sentence


def _text(lines: list[str], notes: list[str]) -> str:
    return "\n".join([*lines, *map(one_line, notes)])


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _links(rows: Iterable[SoundBrief]) -> tuple[ResourceLink, ...]:
    linked = list(rows)[:MOST_LINKED]
    return tuple(link for row in linked for link in (_sound_link(row), *_file_links(row, [row.uri])))


def _sound_link(row: SoundBrief) -> ResourceLink:
    name = f"sound {row.sound_id}"
    return ResourceLink(type="resource_link", name=name, uri=f"sound://{row.sound_id}", mime_type="application/json")


def _file_links(row: SoundBrief, uris: Sequence[str]) -> list[ResourceLink]:
    kind = f"audio/{_AUDIO_TYPES.get(row.format, row.format)}"
    name = one_line(row.label)
    return [ResourceLink(type="resource_link", name=name, uri=uri, mime_type=kind) for uri in uris]
