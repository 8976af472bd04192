"""The composition root: the only place that builds objects. Starts in order, stops in reverse, within a deadline."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import shutil
import signal
import sys
import threading
import warnings
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from timbred_api.engine import Engine
from timbred_api.media import Media
from timbred_api.rows import shown_row
from timbred_api.version import VERSION
from timbred_daemon import runtime
from timbred_daemon.backups import Backups
from timbred_daemon.clap_service import ClapService, Parts
from timbred_daemon.clocks import Clocks
from timbred_daemon.coalesce import Coalescer
from timbred_daemon.config import Loaded, Settings
from timbred_daemon.config_values import SPACE_NAMES
from timbred_daemon.control import DaemonControl, DaemonUpkeep
from timbred_daemon.duplicate_search import searching
from timbred_daemon.folders import FolderService
from timbred_daemon.housekeeping import Housekeeper
from timbred_daemon.manners import Manners
from timbred_daemon.mending import Past, live, watch_over
from timbred_daemon.naming import keep_names
from timbred_daemon.notify import ServiceManager
from timbred_daemon.others import OthersWork
from timbred_daemon.politeness import Rules
from timbred_daemon.progress import show_progress
from timbred_daemon.scanning import ScanLoop
from timbred_daemon.serving import host_text, listen, serving, starting
from timbred_daemon.tasks import background
from timbred_daemon.tending import Care
from timbred_daemon.usual_places import suggest
from timbred_indexer import aspects
from timbred_indexer.cards import Cards
from timbred_indexer.db import Database, next_seq
from timbred_indexer.errors import TimbredError
from timbred_indexer.exclusion import Exclusion
from timbred_indexer.keeper import IndexKeeper
from timbred_indexer.live import LiveIndex
from timbred_indexer.model import SpaceName
from timbred_indexer.pipeline import Pipeline
from timbred_indexer.pool import WORKER_COMMAND, WorkerPool
from timbred_indexer.query import SPACE_WEIGHTS
from timbred_indexer.scan import Rules as ScanRules
from timbred_indexer.scan import identity_of
from timbred_indexer.scanner import Scanner, ScanOutcome
from timbred_indexer.search import Searcher, SearchSpace
from timbred_indexer.store import sounds
from timbred_indexer.store.files import PendingFile
from timbred_indexer.stored import StoredVectors

logger = logging.getLogger(__name__)

GARBAGE = (20_000, 20, 20)  # objects made before the youngest are looked through, and how many times before the older

FORCED_EXIT_SECONDS = 4.5  # after the signal; the promise is 5

Reload = Callable[[], Loaded]


def run(loaded: Loaded, named: tuple[bytes, ...], reload: Reload) -> int:
    """Runs the daemon until a signal stops it. Returns the process's exit code.

    Args:
        named: folders of the command line: watched beside those of the settings, and kept.
        reload: reads the settings again, for SIGHUP.
    """
    settings = loaded.settings
    # Some kilobytes of paths each, when directories move fast; what watchdog loses then, a rescan finds.
    warnings.filterwarnings("ignore", "Callback with id", RuntimeWarning)
    with runtime.logging_to_stderr(settings.log_level):
        try:
            with runtime.data_folder(settings.data_dir) as cut_off:
                live(lambda notes: _serve(settings, named, reload, Past(cut_off, notes)), settings.data_dir)
        except TimbredError as error:
            logger.error("%s", error.message)
            return 1
    return 0


async def _serve(settings: Settings, named: tuple[bytes, ...], reload: Reload, past: Past) -> None:
    """Everything between taking the lock and giving it back."""
    stop, hangup = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, hangup.set)
    manager = ServiceManager.of(os.environ)
    async with running(settings, named, past) as (engine, service):
        sys.stderr.write(f"timbred {VERSION} listens on {engine.address} (open it in a browser; Ctrl-C stops it)\n")
        sys.stderr.flush()
        manager.status(f"Answers at {engine.address}; looks at the folders.")
        manager.ready()
        # What is there now stays: looking through it, over and over, would hold up whoever asks. What answers leave
        # behind has no cycles, so it need not be looked for every few answers.
        gc.freeze()
        gc.set_threshold(*GARBAGE)
        async with (
            manager.watched(),
            background(
                show_progress(engine.db, lambda: service.control.idle, lambda: engine.index.seq, manager.status)
            ),
            background(_reload_on(hangup, reload, service, manager)),
            background(suggest(engine.db, settings.data_dir)),
        ):
            await stop.wait()
        manager.stopping()
        _force_exit_later()
        service.control.stopping = True
        logger.info("Stopping.")


class Service:
    """What can change while the daemon runs: the control, and what a reload of the settings touches."""

    def __init__(
        self,
        control: DaemonControl,
        folders: FolderService,
        weights: dict[str, float],
        space_weights: dict[SpaceName, float],
    ) -> None:
        self.control = control
        self._folders = folders
        self._weights = weights
        self._space_weights = space_weights

    async def apply(self, settings: Settings) -> None:
        """Takes over the settings that need no restart: folders, weights, log level."""
        logging.getLogger().setLevel(settings.log_level.upper())
        self._weights.update(scoring_weights(settings))
        self._space_weights.update(scoring_space_weights(settings))
        await self._folders.apply_settings(settings.folders, ())


@asynccontextmanager
async def running(settings: Settings, named: tuple[bytes, ...], past: Past) -> AsyncGenerator[tuple[Engine, Service]]:
    """A daemon that answers: open, load, serve, then scan. Leaving stops it in the reverse order.

    Raises:
        StorageError: the data folder, the database or the port cannot be used.
    """
    loop = asyncio.get_running_loop()
    data_dir = settings.data_dir
    database_path = os.path.join(data_dir, "metadata.db")
    version = aspects.VERSION
    async with AsyncExitStack() as stack:
        listening = stack.enter_context(contextlib.closing(listen(settings.listen)))
        port = listening.getsockname()[1]
        make_way = await stack.enter_async_context(starting(listening))
        db = await asyncio.to_thread(Database.open, database_path)
        stack.push_async_callback(asyncio.to_thread, db.close)
        await db.write(lambda connection: sounds.requeue_outdated(connection, "librosa", version, next_seq(connection)))

        live = LiveIndex(aspects.DIM)
        index = IndexKeeper(
            db,
            live,
            folder=data_dir,
            database=database_path,
            space="librosa",
            version=version,
            recall=settings.recall,
        )
        await index.open()

        def committed() -> None:
            loop.call_soon_threadsafe(index.notify)
            loop.call_soon_threadsafe(clap.committed)

        await stack.enter_async_context(background(index.follow()))

        uploads = _fresh_folder(os.path.join(data_dir, "uploads"))
        # Nowhere else may a worker write: what is decoded for a browser goes there.
        pool = WorkerPool(backlog_workers=settings.workers, command=(*WORKER_COMMAND, uploads))
        stack.push_async_callback(pool.close)

        def scanned(_: ScanOutcome) -> None:
            # Whatever it changed: a folder that came back, or a second chance, brings files that wait already.
            pipeline.wake()

        def stale(file: PendingFile) -> None:
            folders.hint(file.folder, file.path)

        own = identity_of(await asyncio.to_thread(os.stat, data_dir))
        excluded = Exclusion(settings.exclude)
        scans = ScanLoop(Scanner(db, ScanRules(frozenset({own}), excluded)), Coalescer(quiet=settings.quiet), scanned)
        care = Care(scans, settings.rescan_interval, settings.poll_interval, os.fsencode(data_dir), excluded)
        folders = FolderService(db, care)
        manners = await _open_manners(db, pool, settings)
        pipeline = Pipeline(
            db, pool, version=version, slots=settings.workers + 2, stale=stale, may_work=lambda: manners.may_work
        )
        manners.changed = pipeline.wake
        backups = Backups(
            db,
            data_dir,
            keep=settings.backups,
            interval=settings.backup_interval,
            quiet=lambda: control.may_work_behind,
        )
        control = DaemonControl(folders, scans, pipeline, manners, lambda: (*past.notes, *index.notes, *backups.notes))
        weights, space_weights = scoring_weights(settings), scoring_space_weights(settings)
        service = Service(control, folders, weights, space_weights)
        searcher = Searcher(
            SearchSpace(live, StoredVectors("librosa", version, aspects.DIM)), Cards(version, shown_row)
        )
        clap = ClapService(
            Parts(db, live, version, searcher, pool, data_dir, database_path, settings.recall),
            wanted=settings.clap_model,
            fill=settings.clap_short_sounds,
            threads=settings.clap_threads,
            may_work=lambda: control.may_work_behind,
            stale=folders.hint,
        )
        stack.push_async_callback(clap.close)
        await clap.open()
        db.on_commit = committed
        duplicates = await stack.enter_async_context(
            searching(db, database=database_path, workers=settings.workers, may_work=lambda: control.may_work_behind)
        )
        engine = Engine(
            db=db,
            searcher=searcher,
            index=index,
            workers=pool,
            control=control,
            clap=clap,
            duplicates=duplicates,
            media=Media(database_path),
            upkeep=DaemonUpkeep(index, clap, backups, database_path),
            version=version,
            weights=weights,
            space_weights=space_weights,
            address=f"http://{host_text(settings.listen.host)}:{port}",
            data_dir=data_dir,
            upload_folder=uploads,
        )
        await stack.enter_async_context(background(watch_over(db, database_path)))
        await stack.enter_async_context(background(manners.run()))
        await stack.enter_async_context(background(pipeline.run()))
        await stack.enter_async_context(background(scans.run()))
        await stack.enter_async_context(background(clap.run()))
        stack.push_async_callback(folders.close)
        local = await stack.enter_async_context(serving(engine, listening, port, settings.callers, make_way))
        stack.enter_context(runtime.published_endpoint(data_dir, engine.address, local))
        await folders.apply_settings(settings.folders, named)
        control.started = True
        await stack.enter_async_context(background(folders.mind_clocks(Clocks())))

        await stack.enter_async_context(background(backups.run(check_first=past.cut_off)))
        housekeeper = Housekeeper(
            db,
            lambda: engine.upkeep.indexes,
            idle=lambda: control.may_work_behind,
            keep_missing=settings.keep_missing,
        )
        for chore in (housekeeper.run(), keep_names(db, lambda: control.may_work_behind)):
            await stack.enter_async_context(background(chore))
        yield engine, service


def scoring_weights(settings: Settings) -> dict[str, float]:
    """Every aspect's weight: the shipped one, or the one of the settings."""
    asked = aspects.by_aspect({name: weight for name, weight in settings.weights.items() if name not in SPACE_NAMES})
    return {**aspects.WEIGHTS, **asked}


def scoring_space_weights(settings: Settings) -> dict[SpaceName, float]:
    """Every space's weight: 0.60 CLAP and 0.40 librosa, or those of the settings."""
    return {space: settings.weights.get(space, weight) for space, weight in SPACE_WEIGHTS.items()}


async def _open_manners(db: Database, pool: WorkerPool, settings: Settings) -> Manners:
    rules = Rules(settings.workers, settings.on_battery, settings.quiet_hours)
    manners = Manners(db, pool, rules, others=OthersWork(lambda: pool.stats.busy))
    await manners.open()
    return manners


def _fresh_folder(path: str) -> str:
    """An empty private folder; what an earlier daemon left in it goes."""
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path, mode=0o700)
    return path


async def _reload_on(hangup: asyncio.Event, reload: Reload, service: Service, manager: ServiceManager) -> None:
    """Reads the settings again at each SIGHUP; those with an error change nothing."""
    while True:
        await hangup.wait()
        hangup.clear()
        manager.reloading()
        await _take_over(await asyncio.to_thread(reload), service)
        manager.ready()


async def _take_over(loaded: Loaded, service: Service) -> None:
    for problem in loaded.problems:
        logger.warning("%s", problem)
    if loaded.errors:
        logger.error("The settings have errors; the old ones stay in force.")
        return
    await service.apply(loaded.settings)
    logger.info("Settings reloaded.")


def _force_exit_later() -> threading.Timer:
    """Should a thread hang in a dead file system, the process ends all the same: everything it knows is on disk."""

    def leave() -> None:
        names = ", ".join(thread.name for thread in threading.enumerate() if not thread.daemon)
        logger.error("These did not stop in time: %s. Leaving them behind.", names)
        os._exit(1)

    timer = threading.Timer(FORCED_EXIT_SECONDS, leave)
    timer.daemon = True
    timer.start()
    return timer
