"""Tombstones: what has been missing for longer than the grace dies, and nothing else does. The clock is given."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from timbred_daemon.housekeeping import GRACE_SECONDS, Housekeeper
from timbred_indexer.db import Database, next_seq
from timbred_indexer.keeper import IndexKeeper
from timbred_indexer.live import LiveIndex
from timbred_indexer.model import AnalysedSegment, Analysis, FolderId, FolderState, Seconds
from timbred_indexer.scanner import Scanner
from timbred_indexer.store import files, folders, sounds
from timbred_indexer.targets import ScanTarget

ANALYSIS = Analysis(
    duration=Seconds(1.0),
    sample_rate=44_100,
    channels=1,
    format="wav",
    segments=(
        AnalysedSegment(Seconds(0.0), Seconds(1.0), {}, None),
        AnalysedSegment(Seconds(0.0), Seconds(1.0), {}, None),
    ),
    cut_short=False,
    version="test",
)

KEEP_SECONDS = 30 * 86_400.0


@dataclass
class House:
    """A folder with one indexed file of two segments, a scanner and a housekeeper, and the time for both."""

    db: Database
    root: Path
    folder: FolderId
    now: float = 1000.0
    index_keeper: IndexKeeper = field(init=False)
    keeper: Housekeeper = field(init=False)
    scanner: Scanner = field(init=False)

    def __post_init__(self) -> None:
        index = IndexKeeper(self.db, LiveIndex(1), folder="", database="", space="librosa", version="test")
        self.index_keeper = index
        self.keeper = Housekeeper(
            self.db, lambda: [index], idle=lambda: True, keep_missing=KEEP_SECONDS, clock=lambda: self.now
        )
        self.scanner = Scanner(self.db, clock=lambda: self.now)

    async def scan(self) -> None:
        await self.scanner.scan([ScanTarget(self.folder, b"", whole=True)])

    async def index(self) -> None:
        """What the pipeline does with every pending file."""

        for file in await self.db.read(lambda connection: files.claim_pending(connection, self.now, 10, ())):
            await self.db.write(
                lambda connection, file=file: (
                    sound := sounds.save_analysis(connection, b"h", ANALYSIS, "librosa", seq := next_seq(connection)),
                    files.link(connection, file.id, file.stat, sound, seq),
                )
            )

    async def bury_after(self, seconds: float) -> int:
        self.now += seconds
        return await self.keeper.bury()

    async def purge_after(self, seconds: float) -> int:
        self.now += seconds
        await self.keeper.bury()
        await self.index_keeper.catch_up()
        return await self.keeper.purge()


@pytest.fixture
async def house(db: Database, tmp_path: Path) -> House:
    root = tmp_path / "sounds"
    root.mkdir()
    (root / "a.wav").write_bytes(b"a")
    folder = await db.write(lambda c: folders.add(c, bytes(root), "added", "native", next_seq(c)))
    house = House(db, root, folder)
    await house.scan()
    await house.index()
    return house


async def test_what_is_there_never_dies(house: House) -> None:
    assert await house.bury_after(0) == 0
    assert await house.bury_after(10 * GRACE_SECONDS) == 0


async def test_a_missing_file_dies_after_the_grace_and_not_before(house: House) -> None:
    (house.root / "a.wav").unlink()
    await house.scan()
    assert await house.bury_after(GRACE_SECONDS - 1) == 0
    assert await house.bury_after(2) == 2
    assert await house.bury_after(GRACE_SECONDS) == 0


async def test_a_copy_keeps_the_sound_alive(house: House) -> None:
    (house.root / "b.wav").write_bytes(b"a")
    await house.scan()
    await house.index()
    (house.root / "a.wav").unlink()
    await house.scan()
    assert await house.bury_after(10 * GRACE_SECONDS) == 0


@pytest.mark.parametrize("state", [FolderState.OFFLINE, FolderState.SUSPECT])
async def test_nothing_dies_in_a_folder_that_cannot_be_trusted(house: House, state: FolderState) -> None:
    (house.root / "a.wav").unlink()
    await house.scan()
    await house.db.write(lambda c: folders.set_state(c, house.folder, state, "why", next_seq(c)))
    assert await house.bury_after(10 * GRACE_SECONDS) == 0
    await house.db.write(lambda c: folders.set_state(c, house.folder, FolderState.ONLINE, None, next_seq(c)))
    assert await house.bury_after(1) == 2


async def test_nothing_dies_in_a_folder_that_was_removed(house: House) -> None:
    await house.db.write(lambda c: folders.remove(c, house.folder, next_seq(c)))
    assert await house.bury_after(10 * GRACE_SECONDS) == 0


async def test_what_comes_back_within_the_grace_lives(house: House) -> None:
    (house.root / "a.wav").rename(house.root / ".hidden")
    await house.scan()
    (house.root / ".hidden").rename(house.root / "a.wav")
    await house.scan()
    assert await house.bury_after(10 * GRACE_SECONDS) == 0


async def test_a_clock_that_is_set_back_buries_nothing_early(house: House) -> None:
    (house.root / "a.wav").unlink()
    await house.scan()
    assert await house.bury_after(-3600) == 0


async def test_what_is_missing_is_forgotten_after_the_time_that_it_is_kept(house: House) -> None:
    (house.root / "a.wav").unlink()
    await house.scan()
    assert await house.purge_after(KEEP_SECONDS - 1) == 0
    assert await house.purge_after(7200) == 1
    assert await house.db.read(lambda c: c.execute("SELECT count(*) FROM sound").fetchone()) == (0,)


async def test_what_has_a_label_is_never_forgotten_by_itself(house: House) -> None:
    await house.db.write(lambda c: c.execute("UPDATE file SET label = 'mine'").rowcount)
    (house.root / "a.wav").unlink()
    await house.scan()
    assert await house.purge_after(100 * KEEP_SECONDS) == 0


async def test_what_the_index_has_not_caught_up_with_is_not_forgotten_yet(house: House) -> None:
    (house.root / "a.wav").unlink()
    await house.scan()
    house.now += 2 * KEEP_SECONDS
    await house.keeper.bury()
    assert await house.keeper.purge() == 0
    await house.index_keeper.catch_up()
    assert await house.purge_after(3600) == 1
