"""Which sounds are worth comparing: copies always, strangers seldom, and never all with all."""

import numpy as np
import pytest
from drums import Samples, at_8_bits, kit, take, with_noise, without_highs

from timbred_indexer.duplicates.fingerprint import BITS, RANGES, Words, fingerprint, trim
from timbred_indexer.duplicates.pairing import MOST_PAIRS, MOST_SHARING, Candidate, ordered, pairs
from timbred_indexer.model import SoundId

KIT = [fingerprint(drum) for drum in kit(24)]


def places(found: list[Candidate]) -> set[tuple[int, int]]:
    return {(one.first, one.second) for one in found}


COPIES: dict[str, Samples] = {
    "quieter": kit(24)[5] * np.float32(0.06),
    "8 bits": at_8_bits(kit(24)[5]),
    "8 kHz": without_highs(kit(24)[5]),
    "a codec's noise": with_noise(kit(24)[5], -20),
    "without its attack": kit(24)[5][3_000:],
    "without its tail": kit(24)[5][:5_000],
}


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_a_copy_is_paired_with_its_original(copy: Samples) -> None:
    assert (5, len(KIT)) in places(pairs([*KIT, fingerprint(copy)]))


def test_the_lag_says_where_the_second_one_begins() -> None:
    late = np.concatenate([np.zeros(2_560, np.float32), take(1)])
    (found,) = pairs([fingerprint(take(1)), fingerprint(late)])
    assert found.lag == -10
    assert found.disagreement < 0.05


def test_few_of_all_pairs_of_different_drums_are_worth_comparing() -> None:
    assert len(pairs(KIT)) < len(KIT) * (len(KIT) - 1) / 2 / 4


def test_only_pairs_with_a_fresh_member_come() -> None:
    words = [*KIT, KIT[3], KIT[4]]
    assert {(3, 24), (4, 25)} <= places(pairs(words))
    assert places(pairs(words, fresh_from=25)) == {pair for pair in places(pairs(words)) if pair[1] == 25}
    assert pairs(words, fresh_from=26) == []


@pytest.mark.parametrize("count", [MOST_SHARING - 2, MOST_SHARING + 30])
def test_many_equal_sounds_hang_together_by_a_bounded_number_of_pairs(count: int) -> None:
    found = pairs([KIT[0]] * count)
    assert len(found) <= MOST_PAIRS * count
    reached = {0}
    for _ in range(count):
        reached |= {place for pair in places(found) if not reached.isdisjoint(pair) for place in pair}
    assert reached == set(range(count))


def test_nothing_comes_of_nothing() -> None:
    silent: Words = fingerprint(np.zeros(0, np.float32))
    assert silent.shape == (0, len(RANGES))
    assert pairs([]) == []
    assert pairs([silent, silent, KIT[0]]) == []


def test_a_click_has_frames_and_words_have_their_bits() -> None:
    words = fingerprint(take(1)[:100])
    assert len(words) >= 8
    assert int(words.max()) < 1 << BITS


def test_level_changes_no_word() -> None:
    assert (fingerprint(take(1) * np.float32(0.25)) == fingerprint(take(1))).all()


def test_silence_at_the_ends_is_trimmed_relative_to_the_peak() -> None:
    padded = np.concatenate([np.zeros(500, np.float32), np.full(100, 0.5, np.float32), np.full(50, 1e-5, np.float32)])
    begin, sound = trim(padded)
    assert (begin, len(sound)) == (500, 100)
    assert trim(np.zeros(10, np.float32))[1].size == 0


def test_a_pair_is_named_by_the_lower_id_first() -> None:
    assert ordered(Candidate(0, 1, 7, 0.1), [SoundId(9), SoundId(4)]) == (4, 9, -7)
