"""The settings that say who may call: a yes or no, users, names of this machine. Pure but for the list of users."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from timbred_daemon.config_values import Complaint, Parsed, wrong_type

_MOST_UIDS: Final = 2**32 - 1  # the last one means "no user"
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Callers:
    """Who may call; fields are called as the settings are.

    Attributes:
        require_token: over TCP nobody may without the token; only then may timbred listen for other machines.
        allow_users: uids that may besides the daemon's own and root's.
        allow_hosts: names, in lower case, that timbred may be called by.
    """

    require_token: bool = False
    allow_users: frozenset[int] = frozenset()
    allow_hosts: frozenset[str] = frozenset()


def parse_flag(key: str, value: object) -> Parsed[bool]:
    """``true`` or ``false``."""
    return Parsed(value) if isinstance(value, bool) else Parsed(None, (wrong_type(key, "true or false", value),))


def uid_of_name(name: str) -> int | None:
    """The id of a user of this system; None when there is no such user."""
    import pwd

    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def parse_users(key: str, value: object, find: Callable[[str], int | None] = uid_of_name) -> Parsed[frozenset[int]]:
    """A list of user names and ids → ids. A name that is unknown is an error: it may be somebody else's next.

    Args:
        key: the setting's name, for complaints.
        value: what was written.
        find: a user's id by name; None: there is no such user.
    """
    if not isinstance(value, list):
        return Parsed(None, (wrong_type(key, 'a list of users, such as ["alice", 1001]', value),))
    users: set[int] = set()
    complaints: list[Complaint] = []
    for number, user in enumerate(cast("list[object]", value)):
        uid = _uid(user, find)
        if uid is None:
            text = user if isinstance(user, str) else None
            complaints.append(Complaint(f"{key}[{number}]", f"there is no user {user!r} on this system", text=text))
        else:
            users.add(uid)
    return Parsed(frozenset(users), tuple(complaints))


def _uid(user: object, find: Callable[[str], int | None]) -> int | None:
    if isinstance(user, str):
        return find(user)
    if isinstance(user, int) and not isinstance(user, bool) and 0 <= user < _MOST_UIDS:
        return user
    return None


def parse_hosts(key: str, value: object) -> Parsed[frozenset[str]]:
    """A list of host names, without port → the same in lower case."""
    if not isinstance(value, list):
        return Parsed(None, (wrong_type(key, 'a list of names, such as ["studio.local"]', value),))
    hosts: set[str] = set()
    complaints: list[Complaint] = []
    for number, host in enumerate(cast("list[object]", value)):
        if isinstance(host, str) and _HOST.fullmatch(host):
            hosts.add(host.lower())
        else:
            text = host if isinstance(host, str) else None
            complaints.append(Complaint(f"{key}[{number}]", f"{host!r} is no host name without a port", text=text))
    return Parsed(frozenset(hosts), tuple(complaints))
