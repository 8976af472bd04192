"""The systemd units of timbred, for one user and for the machine: values in, text out. Each line has its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NAME: Final = "timbred.service"
OLDEST: Final = 252  # of systemd that the shipped copies are rendered for; they hold for every later one


@dataclass(frozen=True, slots=True)
class Job:
    """What the service runs.

    Attributes:
        program: the command line up to ``run``, with an absolute path first.
        home: the user's home folder; paths in it are written so that the unit survives a move of it.
        data_dir: absolute data folder; None: the default one.
        listen: ``HOST:PORT``; None: as in the settings.
        config: absolute path of the settings file; None: the default one.
        run_as: the user that the machine's service runs as; None in a user's own.
        systemd: the version that reads the unit.
    """

    program: tuple[str, ...]
    home: str
    data_dir: str | None = None
    listen: str | None = None
    config: str | None = None
    run_as: str | None = None
    systemd: int = OLDEST


_DESCRIPTION: Final = """\
[Unit]
Description=timbred knows what your samples sound like
"""

_RESTARTS: Final = """\
# A failure is tried again, not for ever: five times in ten minutes.
StartLimitIntervalSec=10min
StartLimitBurst=5
"""

_PATIENT_RESTARTS: Final = """\
# A failure is tried again, ever more rarely.
StartLimitIntervalSec=0
"""

_BACKOFF: Final = """\
RestartSteps=6
RestartMaxDelaySec=5min
"""

_LIFE: Final = """\
# The first start after an upgrade may have a large database to migrate.
TimeoutStartSec=15min
# The event loop shows itself every 90 s. One that hangs is ended, and the journal says where it hung. So patient, since
# on a machine that is busy to the brim little time is left for it.
WatchdogSec=3min
Restart=on-failure
RestartSec=2s
{backoff}# Settings with a mistake, or a wrong command line: only a person can help.
RestartPreventExitStatus=2
# It saves as it goes and stops within 5 s.
TimeoutStopSec=10s
# It ends its workers by itself. One that gets the signal too would look as if a sound had crashed it.
KillMode=mixed
# Of a crash, the log has what helps; a core would hold what was heard, at the size of the index.
LimitCORE=0
"""

_POLITE: Final = """\
# Whatever else the machine has to do comes first, with ten times as much. Not "idle": beside enough busy programs that
# is nothing at all, and whoever asks something would wait for seconds.
Nice=10
CPUWeight=10
IOWeight=10
IOSchedulingClass=best-effort
IOSchedulingPriority=7
# Above that, memory is taken back from it; it is slowed down rather than ended.
MemoryHigh=50%
# If memory runs out all the same, this goes first, and one worker's end is not the end of all.
OOMScoreAdjust=500
OOMPolicy=continue
# A process a core and their threads; a flaw cannot multiply them without end.
TasksMax=1024
# Each connection and each sound being read is an open file.
LimitNOFILE=8192
"""

_SANDBOX: Final = """\
# A decoder that a crafted file has taken over gains no rights ...
NoNewPrivileges=yes
RestrictSUIDSGID=yes
# ... changes no file: everything is read-only but the data folder (and a cache) ...
ProtectSystem=strict
ProtectHome=read-only
{writable}# ... reaches no other machine. AF_NETLINK is asked which user a connection belongs to.
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
IPAddressDeny=any
IPAddressAllow=localhost
# ... and calls little of the kernel: what services need, without what changes users, clocks, mounts or the machine.
# The last three: those who decode shut themselves in further.
SystemCallFilter=@system-service
SystemCallFilter=landlock_create_ruleset landlock_add_rule landlock_restrict_self
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
SystemCallArchitectures=native
RestrictNamespaces=yes
RestrictRealtime=yes
LockPersonality=yes
# What it writes is its user's alone.
UMask=0077
# Not set. MemoryDenyWriteExecute: librosa's Numba and CLAP's oneDNN make machine code as they run.
# PrivateTmp: a sound in /tmp can be asked about; /tmp is read-only. ProcSubset: it reads the load and the watch limit.
"""

_SYSTEM_SANDBOX: Final = """\
# It needs no right that other users lack ...
CapabilityBoundingSet=
AmbientCapabilities=
# ... no device, no kernel log or setting, no clock, no host name, no module, no control group ...
PrivateDevices=yes
DevicePolicy=closed
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
# ... and sees none but its own processes, messages and keys.
ProtectProc=invisible
PrivateIPC=yes
KeyringMode=private
"""


_USER_CACHE: Final = """\
# Numba keeps here what it compiled: its usual place, beside librosa, may not be written.
CacheDirectory=timbred
"""

_USER: Final = """\
# Who owns the sounds and asks about them; others are answered if the settings name them.
User={user}
"""

_SYSTEM_FOLDERS: Final = """\
# Its data is in /var/lib/timbred, its settings are in /etc/timbred/config.toml, and Numba keeps what it compiled in
# /var/cache/timbred: its usual place, beside librosa, may not be written.
StateDirectory=timbred
StateDirectoryMode=0700
CacheDirectory=timbred
CacheDirectoryMode=0700
Environment=TIMBRED_DATA_DIR=%S/timbred
Environment=XDG_CONFIG_HOME=%E
"""

_NUMBA: Final = "Environment=NUMBA_CACHE_DIR=%C/timbred/numba\n"

_NOTIFY: Final = """\
# It says when it answers, and how far it is.
Type=notify
# SIGHUP makes it read its settings again.
ExecReload=kill -HUP $MAINPID
"""

_NOTIFY_RELOAD: Final = """\
# It says when it answers, how far it is, and when SIGHUP has made it read its settings again.
Type=notify-reload
"""


def user_unit(job: Job) -> str:
    """The unit of a user's own service manager, without the lines that only the machine's can apply.

    ``IPAddressDeny`` is in it all the same: a manager that may not apply it passes over it.
    """
    data_dir = _place(job, job.data_dir or f"{job.home}/.local/share/timbred", prefix="-")
    config = [] if job.config is None else [f"Environment={_quoted(f'TIMBRED_CONFIG={_escaped(job.config)}')}\n"]
    return "\n".join(
        (
            f"# timbred for one user: `timbred service install` writes this to ~/.config/systemd/user/{NAME}.",
            _unit(job),
            "".join(("[Service]\n", _start(job), *config)),
            _life(job),
            _POLITE,
            _SANDBOX.format(writable=f"ReadWritePaths={data_dir}\n{_USER_CACHE}{_NUMBA}"),
            "[Install]\nWantedBy=default.target\n",
        )
    )


def system_unit(job: Job) -> str:
    """The machine's unit, which runs as ``job.run_as``: whoever owns the sounds and asks about them."""
    return "\n".join(
        (
            f"# timbred for the machine: `timbred service install --system` writes this to /etc/systemd/system/{NAME}.",
            _unit(job),
            "".join(
                ("[Service]\n", _USER.format(user=_escaped(job.run_as or "")), _start(job), _SYSTEM_FOLDERS, _NUMBA)
            ),
            _life(job),
            _POLITE,
            _SANDBOX.format(writable=""),
            _SYSTEM_SANDBOX,
            "[Install]\nWantedBy=multi-user.target\n",
        )
    )


def _unit(job: Job) -> str:
    return _DESCRIPTION + (_PATIENT_RESTARTS if job.systemd >= 254 else _RESTARTS)


def _life(job: Job) -> str:
    return _LIFE.format(backoff=_BACKOFF if job.systemd >= 254 else "")


def _start(job: Job) -> str:
    """How it is started and told to reload; from 253 on, the manager sends SIGHUP itself and waits for the outcome."""
    words = [_place(job, job.program[0]), *(_argument(job, word) for word in (*job.program[1:], "run"))]
    for option, value in (("--data-dir", job.data_dir), ("--listen", job.listen)):
        words += [] if value is None else [option, _argument(job, value)]
    return (_NOTIFY_RELOAD if job.systemd >= 253 else _NOTIFY) + f"ExecStart={' '.join(words)}\n"


def _argument(job: Job, text: str) -> str:
    """A word after the program's own: there, variables (``$``) are doubled to mean themselves."""
    return _place(job, text).replace("$", "$$")


def _place(job: Job, text: str, *, prefix: str = "") -> str:
    """One word. A path in the home folder of a user's own service follows that folder."""
    word = _escaped(text)
    if job.run_as is None and text.startswith(f"{job.home}/"):
        word = f"%h{_escaped(text.removeprefix(job.home))}"
    return _quoted(prefix + word)


def _escaped(text: str) -> str:
    """Specifiers (``%``) are doubled to mean themselves."""
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    """One word of a unit file, after systemd.syntax(7): quotes where white space or a quote would part it."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{plain}"' if plain != text or any(one in text for one in " ';#") else plain
