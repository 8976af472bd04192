"""Rows × disk → plan, on values only. ``apply`` is the least that writing a plan must do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import stat_with
from timbred_indexer.model import FileId, FileStat, FolderId
from timbred_indexer.plan import Place, Plan, make_plan, too_much_gone
from timbred_indexer.store.files import FileRow

FOLDER = FolderId(1)
Disk = Mapping[Place, FileStat]


def row(number: int, path: bytes, stat: FileStat, state: str = "indexed", folder: FolderId = FOLDER) -> FileRow:
    return FileRow(FileId(number), folder, path, stat.size, stat.mtime_ns, stat.inode, stat.device, state)


def at(path: bytes, folder: FolderId = FOLDER) -> Place:
    return folder, path


def plan_of(
    rows: Iterable[FileRow], disk: Disk, unreadable: Iterable[Place] = (), elsewhere: Iterable[FileRow] = ()
) -> Plan:
    return make_plan(rows, disk, unreadable, elsewhere)


def apply(plan: Plan, rows: Iterable[FileRow]) -> list[FileRow]:
    known = {row.id: row for row in rows}
    devices = dict(plan.other_device)
    for gone in plan.gone:
        known[gone.id] = gone._replace(state="missing")
    for moved, folder, path, stat in plan.moved:
        ghosts = [row.id for row in known.values() if (row.folder, row.path) == (folder, path) and row.id != moved.id]
        assert all(known[ghost].state == "missing" for ghost in ghosts)
        for ghost in ghosts:
            del known[ghost]
        known[moved.id] = row(moved.id, path, stat, "indexed", folder)
    for changed, stat in plan.changed:
        known[changed.id] = row(changed.id, changed.path, stat, "pending", changed.folder)
    for returned in plan.returned:
        known[returned.id] = known[returned.id]._replace(state="indexed")
    for file, device in devices.items():
        known[file] = known[file]._replace(device=device)
    new = [row(1000 + n, path, stat, "pending", folder) for n, (folder, path, stat) in enumerate(plan.new)]
    return [*known.values(), *new]


stats = st.builds(
    stat_with, size=st.integers(1, 2), mtime_ns=st.integers(1, 2), inode=st.integers(1, 4), device=st.integers(1, 2)
)
places = st.tuples(st.sampled_from([FolderId(1), FolderId(2)]), st.sampled_from([b"a", b"b", b"d/a", b"d/b", b"da"]))
disks = st.dictionaries(places, stats, max_size=6)
states = st.sampled_from(["indexed", "pending", "failed", "missing"])
tables = st.dictionaries(places, st.tuples(stats, states), max_size=6).map(
    lambda known: [
        row(number, path, stat, state, folder) for number, ((folder, path), (stat, state)) in enumerate(known.items())
    ]
)


@given(tables, disks)
def test_after_a_plan_the_rows_are_the_disk(rows: list[FileRow], disk: dict[Place, FileStat]) -> None:
    after = [row for row in apply(plan_of(rows, disk), rows) if row.state != "missing"]
    assert len(after) == len(disk)
    assert {(row.folder, row.path): row.stat for row in after} == disk


@given(tables, disks)
def test_a_second_look_finds_nothing(rows: list[FileRow], disk: dict[Place, FileStat]) -> None:
    assert not plan_of(apply(plan_of(rows, disk), rows), disk)


@given(tables, disks)
def test_a_row_is_planned_for_once_at_most(rows: list[FileRow], disk: dict[Place, FileStat]) -> None:
    plan = plan_of(rows, disk)
    touched = [
        *(row.id for row, _ in plan.changed),
        *(moved[0].id for moved in plan.moved),
        *(row.id for row in (*plan.returned, *plan.gone)),
    ]
    assert len(touched) == len(set(touched))


@given(tables, disks, st.lists(places, max_size=2))
def test_nothing_that_could_not_be_looked_at_is_called_gone(
    rows: list[FileRow], disk: dict[Place, FileStat], unreadable: list[Place]
) -> None:
    gone = {(row.folder, row.path) for row in plan_of(rows, disk, unreadable).gone}
    assert not gone & set(unreadable)


def test_an_unchanged_file_costs_nothing() -> None:
    plan = plan_of([row(1, b"a", stat_with())], {at(b"a"): stat_with()})
    assert (bool(plan), plan.brings_work) == (False, False)


def test_a_renamed_file_keeps_its_row() -> None:
    known = row(1, b"a", stat_with(inode=5))
    plan = plan_of([known], {at(b"b"): stat_with(inode=5)})
    assert plan.moved == [(known, FOLDER, b"b", stat_with(inode=5))]
    assert (plan.new, plan.gone, plan.brings_work) == ([], [], False)


def test_a_row_whose_file_moved_in_from_elsewhere_is_taken_along() -> None:
    known = row(1, b"a", stat_with(inode=5), folder=FolderId(2))
    plan = plan_of([], {at(b"a"): stat_with(inode=5)}, elsewhere=[known])
    assert [moved[0] for moved in plan.moved] == [known]


def test_a_row_elsewhere_that_did_not_move_in_is_left_to_a_scan_of_its_own_place() -> None:
    known = row(1, b"a", stat_with(inode=5, size=9), folder=FolderId(2))
    plan = plan_of([], {at(b"a"): stat_with(inode=5)}, elsewhere=[known])
    assert (plan.gone, plan.moved, len(plan.new)) == ([], [], 1)


def test_what_a_program_saves_by_rename_keeps_the_row_of_its_path() -> None:
    known = [row(1, b"a", stat_with(inode=5)), row(2, b"a.new", stat_with(inode=6))]
    plan = plan_of(known, {at(b"a"): stat_with(inode=6)})
    assert plan.changed == [(known[0], stat_with(inode=6))]
    assert (plan.gone, plan.moved) == ([known[1]], [])


def test_a_second_hard_link_is_a_new_file() -> None:
    plan = plan_of([row(1, b"a", stat_with())], {at(b"a"): stat_with(), at(b"b"): stat_with()})
    assert plan.new == [(FOLDER, b"b", stat_with())]


def test_of_two_vanished_hard_links_neither_is_said_to_have_moved() -> None:
    rows = [row(1, b"a", stat_with()), row(2, b"b", stat_with())]
    plan = plan_of(rows, {at(b"c"): stat_with()})
    assert (plan.gone, plan.moved, len(plan.new)) == (rows, [], 1)


@pytest.mark.parametrize("other", [stat_with(size=2), stat_with(mtime_ns=2), stat_with(inode=2)])
def test_other_bytes_are_suspected_by_size_time_and_inode(other: FileStat) -> None:
    assert plan_of([row(1, b"a", stat_with())], {at(b"a"): other}).changed


def test_another_device_number_alone_is_noted_and_no_change() -> None:
    plan = plan_of([row(1, b"a", stat_with(device=1))], {at(b"a"): stat_with(device=2)})
    assert (plan.other_device, plan.changed, plan.brings_work) == ([(1, 2)], [], False)


def test_a_missing_file_that_is_back_returns_and_one_with_other_bytes_is_changed() -> None:
    rows = [row(1, b"a", stat_with(), "missing"), row(2, b"b", stat_with(inode=2), "missing")]
    plan = plan_of(rows, {at(b"a"): stat_with(), at(b"b"): stat_with(inode=3)})
    assert (plan.returned, plan.changed) == ([rows[0]], [(rows[1], stat_with(inode=3))])


def test_below_an_unreadable_directory_nothing_is_gone_but_beside_it() -> None:
    rows = [row(1, b"d/a", stat_with()), row(2, b"da", stat_with(inode=2))]
    assert plan_of(rows, {}, [at(b"d")]).gone == [rows[1]]
    assert plan_of(rows, {}, [at(b"")]).gone == []


@pytest.mark.parametrize(
    ("gone", "present", "suspect"), [(20, 20, False), (21, 21, True), (21, 70, False), (21, 69, True), (0, 0, False)]
)
def test_a_folder_is_suspect_when_many_and_much_vanish(gone: int, present: int, suspect: bool) -> None:
    assert too_much_gone(gone, present) is suspect
