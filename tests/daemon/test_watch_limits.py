"""What is said where the system gives no more watches."""

import errno

from timbred_daemon.watch_limits import unavailable


def test_the_line_that_helps_allows_for_the_folder() -> None:
    error = unavailable(OSError(errno.ENOSPC, ""), 300_000)
    assert (error.code, error.message.rpartition("=")[2]) == ("watch_unavailable", "1048576")
