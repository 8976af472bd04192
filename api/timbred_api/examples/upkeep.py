"""Examples of watching, of upkeep and of health."""

from __future__ import annotations

from timbred_api.cursors import Listing
from timbred_api.examples.example import Example
from timbred_api.examples.library import COUNTS, folder, sound
from timbred_api.missing import Purged
from timbred_api.schemas import Accepted, SoundList
from timbred_api.schemas_status import FolderList, Health, IndexState, SpaceState, Status, WorkerState
from timbred_api.schemas_upkeep import (
    BackupRow,
    FileProblem,
    ImportResult,
    LabelItem,
    LabelList,
    PauseResult,
    UnmatchedLabel,
    VerifyFilesResult,
    VerifyResult,
)
from timbred_api.version import VERSION

_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_KICK = sound(502, "drums/kick_01.wav", 0.5312)
_SAMPLES = "/home/ada/samples"


def by_operation() -> dict[str, Example]:
    """By the operation's name."""
    return {**_watching(), **_missing(), **_labels(), **_upkeep(), **_health()}


def _watching() -> dict[str, Example]:
    folders = FolderList(results=[folder()])
    return {
        "list_folders": Example(folders),
        "add_folder": Example(folders, {"path": _SAMPLES}),
        "remove_folder": Example(FolderList(results=[]), {"path": _SAMPLES}),
        "confirm_folder": Example(folders, {"path": _SAMPLES}),
        "rescan": Example(Accepted(folders=[_SAMPLES]), {"path": f"{_SAMPLES}/drums"}),
    }


def _missing() -> dict[str, Example]:
    moved = "/media/ada/studio/samples"
    offline = SoundList(results=[_KICK], next=Listing("offline").cursor(502))
    counted = Purged(files=12, labels=1, sounds=9, removed=False)
    return {
        "list_offline": Example(offline, {"limit": 1}),
        "relocate_folder": Example(FolderList(results=[folder(moved)]), {"path": _SAMPLES, "new_path": moved}),
        "purge_missing": Example(counted, {"path": _SAMPLES, "older_than": 7, "confirm": False}),
    }


def _labels() -> dict[str, Example]:
    label = LabelItem(path=_KICK.path, uri=_KICK.uri, hash=_HASH, label="Round kick")
    lost = UnmatchedLabel(line=3, name="/home/ada/gone.wav", label="Gone")
    took = ImportResult(matched=1, unmatched=1, results=[lost])
    lines = f"path,label\n{_KICK.path},Round kick\n/home/ada/gone.wav,Gone\n"
    return {
        "list_labels": Example(LabelList(results=[label], next=None), {"limit": 100}),
        "import_labels": Example(took, {"dry_run": True}, body=lines),
    }


def _upkeep() -> dict[str, Example]:
    said = "has other bytes than were analysed, though its size and times say that it is unchanged."
    rotten = FileProblem(path=_KICK.path, uri=_KICK.uri, problem=said, rotten=True)
    more = Listing("verify_files").cursor(2000)
    backup = BackupRow(
        path="/home/ada/.local/share/timbred/backups/metadata-20260302T091405Z.db",
        size=58_720_256,
        made="2026-03-02T09:14:05+00:00",
    )
    why = "Paused by `timbred pause`; `timbred resume` ends it."
    rest = PauseResult(resting=True, reason=why, until="2026-03-02T10:14:05+00:00")
    return {
        "verify": Example(VerifyResult(problems=[], vectors=13_002, sampled=64, repaired=False), {"deep": False}),
        "verify_files": Example(VerifyFilesResult(results=[rotten], checked=2000, next=more), {"repair": False}),
        "back_up": Example(backup),
        "pause": Example(rest, {"seconds": 3600}),
        "resume": Example(PauseResult(resting=False, reason=None, until=None)),
    }


def _health() -> dict[str, Example]:
    metrics = [
        "# HELP timbred_files Files by state.",
        "# TYPE timbred_files gauge",
        'timbred_files{state="indexed"} 11868.0',
        "",
    ]
    event = 'event: library\nid: 48213\ndata: {"seq":48213}\n\n'
    return {
        "get_status": Example(_status()),
        "check_health": Example(Health(status="ok")),
        "get_metrics": Example("\n".join(metrics)),
        "follow_events": Example(event),
    }


def _status() -> Status:
    index = IndexState(
        kind="clustered",
        segments=13_002,
        buffer=41,
        tombstones=3,
        seq=48_213,
        recall=0.9931,
        lists=456,
        probes=23,
        memory=3_407_872,
        age=5120.4,
    )
    space = SpaceState(
        version="1-librosa0.11.0-05aa9d52b538",
        filling=None,
        vectors=13_002,
        coverage=0.9997,
        pending=0,
        failed=0,
        rate=2.4,
        eta=1.7,
        model=None,
        advice=None,
        index=index,
    )
    return Status(
        version=VERSION,
        state="indexing",
        uptime=8214.5,
        address="http://127.0.0.1:8462",
        data_dir="/home/ada/.local/share/timbred",
        seq=48_213,
        files=COUNTS,
        sounds=11_213,
        segments=13_002,
        spaces={"librosa": space},
        folders=[folder()],
        workers=WorkerState(alive=2, busy=2, jobs=214, crashes=0, timeouts=0),
        scan_owed=False,
        rate=2.4,
        eta=1.7,
        rest=None,
        notes=[],
    )
