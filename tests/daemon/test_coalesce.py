"""The coalescer: examples of each rule, and properties over whole histories of hints."""

from hypothesis import given
from hypothesis import strategies as st

from timbred_daemon.coalesce import Coalescer
from timbred_indexer.model import FolderId, Seconds
from timbred_indexer.targets import ScanTarget

A, B = FolderId(1), FolderId(2)
QUIET, MAX_AGE = 0.2, 2.0


def paths(targets: list[ScanTarget]) -> list[bytes]:
    return [target.path for target in targets]


def hinted(*hints: tuple[bytes, float], coalescer: Coalescer | None = None) -> Coalescer:
    coalescer = coalescer or Coalescer()
    for path, now in hints:
        coalescer.hint(A, path, Seconds(now))
    return coalescer


def test_a_path_comes_out_when_it_has_been_quiet_and_only_once() -> None:
    coalescer = hinted((b"kick.wav", 10.0))
    assert coalescer.take(Seconds(10.1)) == []
    assert coalescer.take(Seconds(10.2)) == [ScanTarget(A, b"kick.wav", whole=False)]
    assert coalescer.take(Seconds(99)) == []
    assert coalescer.next_due() is None


def test_a_path_that_never_rests_comes_out_at_its_maximum_age() -> None:
    coalescer = hinted(*((b"take.wav", tick / 10) for tick in range(21)))
    assert coalescer.take(Seconds(1.99)) == []
    assert paths(coalescer.take(Seconds(2.0))) == [b"take.wav"]


def test_both_ends_of_a_rename_come_out_together_even_if_one_is_overdue() -> None:
    coalescer = hinted(*((b"old.wav", tick / 10) for tick in range(20)), (b"old.wav", 1.99), (b"new.wav", 1.99002))
    assert paths(coalescer.take(Seconds(2.0))) == [b"new.wav", b"old.wav"]


def test_a_file_still_being_written_is_not_dragged_along() -> None:
    coalescer = hinted((b"done.wav", 0.0), (b"growing.wav", 0.19))
    assert paths(coalescer.take(Seconds(0.2))) == [b"done.wav"]


def test_a_hint_on_a_directory_swallows_those_below_it() -> None:
    coalescer = hinted((b"kit/kick.wav", 0.0), (b"kit/deep/er.wav", 0.0), (b"kitten.wav", 0.0), (b"kit", 0.1))
    assert paths(coalescer.take(Seconds(0.3))) == [b"kit", b"kitten.wav"]


def test_a_hint_below_a_pending_directory_needs_no_target_of_its_own() -> None:
    coalescer = hinted((b"kit", 0.0), (b"kit/deep/er.wav", 0.15))
    assert coalescer.take(Seconds(0.2)) == []
    assert paths(coalescer.take(Seconds(0.35))) == [b"kit"]


def test_a_directory_filled_after_it_was_scanned_is_not_walked_for_each_file() -> None:
    coalescer = hinted((b"kit", 0.0))
    coalescer.take(Seconds(0.2))
    hinted((b"kit/kick.wav", 0.3), coalescer=coalescer)
    assert paths(coalescer.take(Seconds(0.5))) == [b"kit/kick.wav"]


def test_too_many_siblings_become_their_directory() -> None:
    coalescer = hinted(*((b"kit/%d.wav" % n, 0.0) for n in range(65)), (b"other/1.wav", 0.0))
    assert paths(coalescer.take(Seconds(0.2))) == [b"kit", b"other/1.wav"]


def test_many_files_in_the_root_do_not_cause_a_walk_of_the_folder() -> None:
    coalescer = hinted(*((b"%03d.wav" % n, 0.0) for n in range(100)))
    assert len(coalescer.take(Seconds(0.2))) == 100


def test_too_many_targets_become_a_rescan_of_the_fullest_folder() -> None:
    coalescer = Coalescer(max_targets=10)
    hinted(*((b"%d/x.wav" % n, 0.0) for n in range(10)), coalescer=coalescer)
    coalescer.hint(B, b"y.wav", Seconds(0.0))
    assert coalescer.take(Seconds(0.2)) == [ScanTarget(A, b"", whole=True), ScanTarget(B, b"y.wav", whole=False)]


def test_a_rescan_swallows_every_hint_of_its_folder() -> None:
    coalescer = hinted((b"kick.wav", 0.0))
    coalescer.rescan(A, Seconds(0.1))
    assert coalescer.take(Seconds(0.31)) == [ScanTarget(A, b"", whole=True)]


names = st.sampled_from([b"a", b"b", b"c", b"\xff"])
any_path = st.lists(names, max_size=3).map(b"/".join)
histories = st.lists(st.tuples(st.floats(0, 0.5), st.sampled_from([A, B]), any_path), max_size=60)


def covers(target: ScanTarget, folder: FolderId, path: bytes) -> bool:
    same = target.path == path or path.startswith(target.path + b"/") or target.whole
    return target.folder == folder and same


@given(histories)
def test_every_hint_is_covered_within_the_maximum_age_and_nothing_comes_unasked(
    history: list[tuple[float, FolderId, bytes]],
) -> None:
    coalescer = Coalescer(max_siblings=2, max_targets=5)
    owed: dict[tuple[FolderId, bytes], float] = {}
    now = 0.0

    def run_until(end: float) -> None:
        while (due := coalescer.next_due()) is not None and due <= end:
            targets = coalescer.take(due)
            for target in targets:
                paid = [hint for hint in owed if covers(target, *hint)]
                assert paid, "a target came out without a hint below it"
                for hint in paid:
                    assert due <= owed.pop(hint) + MAX_AGE
            assert targets or (coalescer.next_due() or due + 1) > due

    for step, folder, path in history:
        now += step
        run_until(now)
        coalescer.hint(folder, path, Seconds(now))
        owed.setdefault((folder, path), now)
    run_until(now + MAX_AGE)
    assert owed == {}
    assert coalescer.next_due() is None


@given(histories, any_path, any_path)
def test_two_paths_hinted_at_one_instant_come_out_in_one_batch(
    history: list[tuple[float, FolderId, bytes]], source: bytes, destination: bytes
) -> None:
    coalescer = Coalescer(max_siblings=2, max_targets=5)
    now = 0.0
    for step, folder, path in history:
        now += step
        coalescer.take(Seconds(now))
        coalescer.hint(folder, path, Seconds(now))
    for end in (source, destination):
        coalescer.hint(A, end, Seconds(now))
    batch: list[ScanTarget] = []
    while not any(covers(target, A, source) for target in batch):
        due = coalescer.next_due()
        assert due is not None
        batch = coalescer.take(due)
    assert any(covers(target, A, destination) for target in batch)


def test_what_is_hinted_of_a_busy_folder_stays_until_it_is_free() -> None:
    coalescer = Coalescer()
    coalescer.hint(A, b"a.wav", Seconds(0))
    coalescer.hint(B, b"b.wav", Seconds(0))
    assert coalescer.take(Seconds(1), {A}) == [ScanTarget(B, b"b.wav", whole=False)]
    assert coalescer.next_due() is None
    assert coalescer.take(Seconds(1)) == [ScanTarget(A, b"a.wav", whole=False)]
