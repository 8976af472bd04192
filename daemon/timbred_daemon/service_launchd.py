"""The launchd agent of timbred, for one user of a Mac: values in, a property list out. Keys after launchd.plist(5)."""

from __future__ import annotations

from typing import Final

from timbred_daemon.service_units import Job

LABEL: Final = "timbred"


def agent(job: Job) -> str:
    """The property list, as XML."""
    import plistlib

    options = (("--data-dir", job.data_dir), ("--listen", job.listen))
    given = [word for option, value in options if value is not None for word in (option, value)]
    log = f"{job.home}/Library/Logs/timbred.log"
    keys: dict[str, object] = {
        "Label": LABEL,
        "ProgramArguments": [*job.program, "run", *given],
        # Starts with the login, and again after a failure, but not after it was told to stop.
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 30,
        # It stops within 5 s; launchd ends it after 10.
        "ExitTimeOut": 10,
        # Whatever else the machine has to do comes first.
        "ProcessType": "Background",
        "Nice": 10,
        "LowPriorityIO": True,
        "LowPriorityBackgroundIO": True,
        # What it writes is its user's alone.
        "Umask": 0o077,
        # Each connection, each sound being read and each watched directory is an open file (launchd gives 256).
        "SoftResourceLimits": {"NumberOfFiles": 8192},
        "StandardOutPath": log,
        "StandardErrorPath": log,
    }
    if job.config is not None:
        keys["EnvironmentVariables"] = {"TIMBRED_CONFIG": job.config}
    return plistlib.dumps(keys, sort_keys=False).decode()
