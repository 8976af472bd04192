"""Work that cannot be interrupted in a thread, in a child process of its own: to cancel it, end the process."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping

from timbred_indexer.errors import StorageError


async def run_module(
    module: str, *arguments: str, failure: StorageError, environment: Mapping[str, str] | None = None
) -> list[str]:
    """Runs ``python -m MODULE ARGUMENTS`` to its end. Cancelling this kills it and returns when it is gone.

    Args:
        failure: what to raise if it fails; the last line that it wrote to stderr is added to its sentence.
        environment: variables beside the daemon's own.

    Returns:
        The lines that it printed.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # a file called numpy.py in the current folder is not ours to import
        "-m",
        module,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )
    try:
        printed, said = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode != 0:
        last = said.decode(errors="replace").strip().splitlines()[-1:]
        raise StorageError(f"{failure.message}: {' '.join(last)}", code=failure.code)
    return printed.decode().splitlines()
