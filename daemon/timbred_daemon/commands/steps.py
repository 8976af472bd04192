"""Steps that change files of the system: taken, or in a dry run only shown."""

from __future__ import annotations

from collections.abc import Sequence

from timbred_daemon.commands.output import write_line
from timbred_daemon.service_steps import Step, shown, take


def taken(steps: Sequence[Step], dry_run: bool) -> bool:
    """Takes the steps; in a dry run says what they are. Whether they were taken."""
    if dry_run:
        for step in steps:
            write_line(shown(step))
    else:
        take(steps)
    return not dry_run
