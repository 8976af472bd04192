"""``timbred service``: have the system start timbred, watch over it and keep what it says."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from typing import Final

import click

from timbred_daemon.commands.output import say, write_json, write_rows
from timbred_daemon.commands.program import program
from timbred_daemon.commands.settings import say_problems
from timbred_daemon.commands.steps import taken
from timbred_daemon.config import Loaded, load
from timbred_daemon.mounts import read_mountinfo
from timbred_daemon.runtime import read_endpoint
from timbred_daemon.service import Launchd, Manager, Systemd, shield, version_number
from timbred_daemon.service_steps import ask, read
from timbred_daemon.service_units import Job
from timbred_indexer.errors import UnavailableError

_SYSTEM_UNITS: Final = "/etc/systemd/system"

system_option = click.option(
    "--system", is_flag=True, help="The machine's service instead of your own (systemd, root)."
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")


@click.group()
def service() -> None:
    """Run timbred as a service: started at login, watched over, restarted. By systemd, or launchd on a Mac."""


@service.command()
@system_option
@dry_run_option
@click.option("--run-as", metavar="USER", help="With --system: who owns the sounds (default: who called sudo).")
@click.option("--data-dir", type=click.Path(path_type=bytes), metavar="D", help="Keep the data there.")
@click.option("--listen", metavar="HOST:PORT", help="Answer there.")
@click.pass_context
def install(
    context: click.Context, system: bool, dry_run: bool, run_as: str | None, data_dir: bytes | None, listen: str | None
) -> None:
    """Install or update the service, start it, and have it started from now on. Doing so twice changes nothing."""
    if system and data_dir is not None:
        raise click.UsageError("The machine's service keeps its data in /var/lib/timbred.")
    if run_as is not None and not system:
        raise click.UsageError("--run-as goes with --system; your own service runs as you.")
    loaded = load({"data_dir": data_dir, "listen": listen}, os.environ)
    say_problems(loaded)
    if loaded.errors:
        context.exit(2)
    manager = _manager(system)
    job = _job(loaded, system=system, run_as=run_as, version=_reached(manager, dry_run))
    folder = loaded.settings.data_dir
    endpoint = None if system or dry_run else read_endpoint(folder)
    if endpoint is not None and endpoint.pid != manager.state(ask(manager.status()).stdout).pid:
        raise UnavailableError(f"timbred runs already, with pid {endpoint.pid}, on {folder}; stop it first.")
    present = read(manager.path)
    if taken(manager.install(manager.render(job), present, () if system else (folder,)), dry_run):
        say(f"timbred is running as a service ({manager.path}). `timbred service status` shows what it does.")


@service.command()
@system_option
@dry_run_option
def uninstall(system: bool, dry_run: bool) -> None:
    """Stop the service and remove it. What timbred knows about your sounds stays."""
    manager = _manager(system)
    _reached(manager, dry_run)
    there = read(manager.path) is not None
    if taken(manager.uninstall(), dry_run):
        say("The service is gone; the data folder stays." if there else "There was no service to remove.")


@service.command()
@system_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def status(context: click.Context, system: bool, as_json: bool) -> None:
    """Show whether the service runs, since when, and what it does. Exits with 3 if it does not run."""
    manager = _manager(system, reading=True)
    if read(manager.path) is None:
        say("The service is not installed; `timbred service install` does that.")
        context.exit(3)
    _reached(manager, dry_run=False)
    state = manager.state(ask(manager.status()).stdout)
    home = os.fsencode("/home" if system else os.path.realpath(os.path.expanduser("~")))
    files = shield(read_mountinfo(state.pid), home) if state.pid else {}
    facts = {**state.facts, **files, "file": manager.path}
    if as_json:
        write_json({"running": state.running, **facts})
    else:
        write_rows(("Service", "timbred"), facts.items())
    context.exit(0 if state.running else 3)


@service.command()
@system_option
@click.option(
    "-n", "--lines", type=click.IntRange(1), metavar="N", default=100, show_default=True, help="How many of the last."
)
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.pass_context
def logs(context: click.Context, system: bool, lines: int, follow: bool) -> None:
    """Show what the service said, the newest last."""
    command = _manager(system, reading=True).logs(lines, follow)
    sys.stdout.flush()
    try:
        context.exit(ask(command, quiet=False).returncode)
    except KeyboardInterrupt:
        context.exit(0)


def _manager(system: bool, *, reading: bool = False) -> Manager:
    """The service manager of this machine.

    Raises:
        UnavailableError: there is none that timbred knows, or this user may not change it.
    """
    if sys.platform == "darwin":
        if system:
            raise click.UsageError("On a Mac, timbred runs as the service of its user, without --system.")
        return Launchd(os.path.expanduser("~"), os.getuid())
    if shutil.which("systemctl") is None:
        raise UnavailableError("This machine has no systemd. Have its own service manager run `timbred run`.")
    if system:
        if os.geteuid() != 0 and not reading:
            raise UnavailableError("The machine's service is root's to change: call this with sudo.")
        return Systemd(_SYSTEM_UNITS, system=True)
    settings = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return Systemd(os.path.join(settings, "systemd/user"))


def _reached(manager: Manager, dry_run: bool) -> int:
    """The version of a systemd that answers; the oldest supported one of what does not, in a dry run.

    Raises:
        UnavailableError: it does not answer.
    """
    if not isinstance(manager, Systemd):
        return version_number("")
    asked = ask(manager.command("show", "--property=Version", "--value"))
    if asked.returncode == 0 or dry_run:
        return version_number(asked.stdout)
    why = asked.stderr.strip() or f"systemctl ended with {asked.returncode}"
    advice = "" if manager.system else " Log in as the user itself; `su` and `sudo -u` have no service manager."
    raise UnavailableError(f"systemd does not answer: {why}.{advice}")


def _job(loaded: Loaded, *, system: bool, run_as: str | None, version: int) -> Job:
    command, home, settings = program(), os.path.expanduser("~"), loaded.settings
    listen = str(settings.listen) if loaded.origins["listen"] in ("--listen", "TIMBRED_LISTEN") else None
    if system:
        return Job(command, home, listen=listen, run_as=_owner(run_as, os.environ), systemd=version)
    elsewhere = loaded.origins["data_dir"] != "default" or "XDG_DATA_HOME" in os.environ
    named = "TIMBRED_CONFIG" in os.environ or "XDG_CONFIG_HOME" in os.environ
    return Job(
        command,
        home,
        data_dir=settings.data_dir if elsewhere else None,
        listen=listen,
        config=os.path.abspath(loaded.config_path) if named and os.path.exists(loaded.config_path) else None,
        systemd=version,
    )


def _owner(run_as: str | None, environ: Mapping[str, str]) -> str:
    import pwd

    name = run_as or environ.get("SUDO_USER", "")
    if not name:
        raise click.UsageError("Say with --run-as whose sounds these are: that user is answered.")
    try:
        uid = pwd.getpwnam(name).pw_uid
    except KeyError:
        raise click.UsageError(f"There is no user {name!r}.") from None
    if uid == 0:
        raise click.UsageError("A service that reads other people's files does not run as root; name another --run-as.")
    return name
