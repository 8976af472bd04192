"""When a compaction is due: by what is buffered and what is hidden, and how large the library is."""

from __future__ import annotations

import pytest

from timbred_indexer.compaction import HARD, MOST_BUFFERED, SOFT, Fill


@pytest.mark.parametrize(
    ("fill", "soft", "hard"),
    [
        (Fill(0, 0, 0), False, False),
        (Fill(0, 1_000, 0), False, False),
        (Fill(0, 1_001, 0), True, False),
        (Fill(0, 20_001, 0), True, True),
        (Fill(1_000_000, 5_000, 0), False, False),
        (Fill(1_000_000, 5_001, 0), True, False),
        (Fill(2_000_000, MOST_BUFFERED + 1, 0), True, True),
        (Fill(3_000, 0, 1_000), False, False),
        (Fill(3_000, 0, 1_001), True, False),
        (Fill(100_000, 0, 20_001), True, False),
        (Fill(100_000, 0, 50_001), True, True),
    ],
)
def test_a_compaction_is_due_at_its_limits(fill: Fill, soft: bool, hard: bool) -> None:
    assert (fill.exceeds(SOFT), fill.exceeds(HARD)) == (soft, hard)
