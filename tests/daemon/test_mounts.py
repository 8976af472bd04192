"""Which file systems are silent, from what proc(5) says of mounts."""

from __future__ import annotations

import os
import sys

import pytest

from timbred_daemon.mounts import mounts_of, read_mountinfo

TABLE = rb"""
21 1 8:1 / / rw - ext4 /dev/sda1 rw
30 21 0:40 / /mnt/nas rw shared:1 - nfs4 nas:/x rw
31 21 0:41 / /home/me/Samples/My\040Drive rw master:2 - fuse.rclone remote: rw
32 21 8:17 / /media/usb rw - fuseblk /dev/sdb1 rw
33 21 8:18 / /mnt/nasty rw - ext4 /dev/sdc1 rw
34 33 0:50 / /mnt/nasty rw - cifs //box/x rw
"""


@pytest.mark.parametrize(
    ("root", "kinds"),
    [
        (b"/mnt/nas", [b"nfs4"]),
        (b"/mnt/nas/loops", [b"nfs4"]),
        (b"/home/me", [b"ext4", b"fuse.rclone"]),
        (b"/home/me/Samples/My Drive/kicks", [b"fuse.rclone"]),
        (b"/media/usb", [b"fuseblk"]),
        (b"/srv", [b"ext4"]),
        (b"/mnt/nasty/x", [b"cifs"]),
    ],
)
def test_a_folder_lies_on_the_mount_above_it_and_on_those_inside(root: bytes, kinds: list[bytes]) -> None:
    assert [mount.kind for mount in mounts_of(root, TABLE)] == kinds


def test_what_another_machine_may_change_is_silent() -> None:
    silent = {mount.kind for mount in mounts_of(b"/", TABLE) if mount.is_silent}
    assert silent == {b"nfs4", b"fuse.rclone", b"cifs"}


def test_a_system_without_the_table_has_no_mounts() -> None:
    assert mounts_of(b"/home", b"") == ()


@pytest.mark.skipif(sys.platform != "linux", reason="proc(5)")
def test_the_root_of_this_machine_is_mounted() -> None:
    assert mounts_of(os.path.realpath(b"/"), read_mountinfo())[0].place == b"/"
