"""The settings that say who may call."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from timbred_daemon.cli import main
from timbred_daemon.config import Loaded, load
from timbred_daemon.config_callers import Callers, parse_hosts, parse_users
from timbred_daemon.config_values import Listen


def loaded(folder: Path, text: str) -> Loaded:
    path = folder / "config.toml"
    path.write_text(text)
    return load({}, {"TIMBRED_CONFIG": str(path), "HOME": str(folder)})


def test_by_default_only_this_user_may(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").settings.callers == Callers(
        require_token=False, allow_users=frozenset(), allow_hosts=frozenset()
    )


def test_users_are_names_and_numbers(tmp_path: Path) -> None:
    read = loaded(tmp_path, 'allow_users = ["root", 1001]\nallow_hosts = ["Studio.local"]\nrequire_token = true')
    assert read.settings.callers == Callers(True, frozenset({0, 1001}), frozenset({"studio.local"}))
    assert read.problems == ()


@pytest.mark.parametrize("user", ["nobody-of-that-name", -1, 2**32 - 1, True, 1.5, ""])
def test_what_is_no_user_is_an_error_and_lets_nobody_in(user: object) -> None:
    parsed = parse_users("allow_users", [user, 7])
    assert parsed.value == {7}
    assert [complaint.key for complaint in parsed.complaints] == ["allow_users[0]"]
    assert parse_users("allow_users", user).value is None


@pytest.mark.parametrize("host", ["", "a b", "studio.local:80", "http://studio.local", "*", 7])
def test_what_is_no_host_name_is_an_error(host: object) -> None:
    parsed = parse_hosts("allow_hosts", [host])
    assert (parsed.value, len(parsed.complaints)) == (frozenset(), 1)
    assert parse_hosts("allow_hosts", host).value is None


def test_other_machines_are_listened_to_only_with_the_token(tmp_path: Path) -> None:
    (problem,) = loaded(tmp_path, 'listen = "0.0.0.0:8462"').errors
    assert (problem.line, "require_token = true" in problem.message) == (1, True)
    read = loaded(tmp_path, 'listen = "0.0.0.0:8462"\nrequire_token = true')
    assert (read.settings.listen, read.problems) == (Listen("0.0.0.0", 8462), ())


def test_a_flag_is_true_or_false(tmp_path: Path) -> None:
    (problem,) = loaded(tmp_path, 'require_token = "yes"').errors
    assert problem.message == "require_token must be true or false, not a string"


@pytest.mark.parametrize(("option", "shown"), [((), "allow_users\t7, 1001\t"), (("--json",), "[7, 1001]")])
def test_they_are_shown_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: tuple[str, ...], shown: str
) -> None:
    (tmp_path / "config.toml").write_text("allow_users = [1001, 7]")
    monkeypatch.setenv("TIMBRED_CONFIG", str(tmp_path / "config.toml"))
    result = CliRunner().invoke(main, ["config", "show", *option])
    text = json.dumps(json.loads(result.stdout)) if option else result.stdout
    assert (result.exit_code, shown in text) == (0, True)
