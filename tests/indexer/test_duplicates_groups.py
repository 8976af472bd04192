"""From pairs to groups with evidence."""

from timbred_indexer.duplicates.groups import credible, group_of, grouped, kind_of
from timbred_indexer.model import Seconds, SoundId
from timbred_indexer.store.duplicates import Alike
from timbred_indexer.store.sounds import Sound


def pair(
    first: int,
    second: int,
    *,
    likeness: float = 0.99,
    gain: float = 0.0,
    gain_range: float = 0.0,
    covered: tuple[float, float] = (1.0, 1.0),
) -> Alike:
    return Alike(
        SoundId(first), SoundId(second), likeness, likeness, 0.25, gain, gain_range, inverted=False, covered=covered
    )


def sound(number: int, duration: float = 1.0, form: str = "wav", rate: int = 44_100) -> Sound:
    return Sound(SoundId(number), b"", Seconds(duration), rate, 1, form, cut_short=False, version="1")


def known(*sounds: Sound) -> dict[SoundId, Sound]:
    return {one.id: one for one in sounds}


def test_what_is_connected_is_one_group() -> None:
    found = grouped([pair(1, 5), pair(5, 9), pair(2, 3)], [], None)
    assert found == [[1, 5, 9], [2, 3]]


def test_two_families_that_are_less_alike_than_their_members_stay_two() -> None:
    """Two settings of one knob, each with perfect copies and one that a codec made."""
    perfect = [pair(1, 2, likeness=0.9999), pair(5, 6, likeness=0.9999)]
    coded = [pair(1, 3, likeness=0.94), pair(5, 7, likeness=0.94)]
    across = [pair(1, 5, likeness=0.98), pair(2, 6, likeness=0.98), pair(3, 5, likeness=0.93), pair(3, 7, likeness=0.9)]
    kept = credible([*across, *coded, *perfect])
    assert grouped(kept, [], None) == [[1, 2, 3], [5, 6, 7]]
    assert set(kept) == {*perfect, *coded}


def test_sounds_without_nearer_relatives_are_believed() -> None:
    pairs = [pair(1, 2, likeness=0.9), pair(3, 4, likeness=0.98), pair(1, 5, likeness=0.93), pair(2, 5, likeness=0.88)]
    assert set(credible(pairs)) == set(pairs)


def test_a_sound_in_many_files_is_a_group_of_its_own_or_joins_one() -> None:
    assert grouped([pair(1, 5)], [SoundId(5), SoundId(7)], None) == [[1, 5], [7]]


def test_a_kind_leaves_out_what_the_others_connect() -> None:
    pairs = [pair(1, 2), pair(2, 3, covered=(0.5, 1.0))]
    assert grouped(pairs, [SoundId(8)], "same_audio") == [[1, 2]]
    assert grouped(pairs, [SoundId(8)], "trimmed") == [[2, 3]]
    assert grouped(pairs, [SoundId(8)], "same_bytes") == [[8]]


def test_missing_energy_or_a_moving_gain_means_trimmed() -> None:
    assert kind_of(pair(1, 2)) == "same_audio"
    assert kind_of(pair(1, 2, covered=(0.6, 1.0))) == "trimmed"
    assert kind_of(pair(1, 2, gain_range=6.0)) == "trimmed"


def test_the_longest_is_the_best_and_then_what_lost_least() -> None:
    assert group_of([SoundId(1), SoundId(2)], [pair(1, 2)], known(sound(1, 1.0), sound(2, 2.0, "mp3"))).best == 2
    assert group_of([SoundId(1), SoundId(2)], [pair(1, 2)], known(sound(1, 1.04, "mp3"), sound(2))).best == 2
    assert group_of([SoundId(1), SoundId(2)], [pair(1, 2)], known(sound(1, rate=22_050), sound(2))).best == 2
    assert group_of([SoundId(1), SoundId(2)], [pair(1, 2)], known(sound(1), sound(2))).best == 1


def test_evidence_is_told_from_the_members_side() -> None:
    shorter = group_of([SoundId(1), SoundId(2)], [pair(1, 2, gain=-6.0)], known(sound(1), sound(2, 0.5)))
    ((member, evidence),) = shorter.others
    assert (member, evidence.of, evidence.gain, evidence.offset) == (2, 1, -6.0, 0.25)
    longer = group_of([SoundId(1), SoundId(2)], [pair(1, 2, gain=-6.0)], known(sound(1, 0.5), sound(2)))
    ((member, evidence),) = longer.others
    assert (member, evidence.of, evidence.gain, evidence.offset) == (1, 2, 6.0, -0.25)


def test_a_member_that_was_not_compared_with_the_best_names_the_one_that_leads_there() -> None:
    group = group_of(
        [SoundId(1), SoundId(2), SoundId(3)], [pair(1, 2), pair(2, 3)], known(sound(1, 2.0), sound(2), sound(3))
    )
    assert [(member, evidence.of) for member, evidence in group.others] == [(2, 1), (3, 2)]
