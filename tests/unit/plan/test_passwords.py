"""Where a password comes from, and that it is told to nobody on the way."""

import contextlib
import os
import select
import shlex
import sys
from pathlib import Path
from types import ModuleType

import pytest

from probe.plan.plan import Plan
from probe.plan.resolve import resolve
from probe.plan.secrets import PasswordError, Passwords, kept_in_keyring, output_of
from probe.scenario.loader import load_scenario, load_settings
from probe.scenario.reading import read
from probe.scenario.schema import Profile, TrunkProfile
from probe.scenario.source import ScenarioError

PASSWORD = "k7-pbx-hunter22"
SCENARIO = "name: One\ntrunk: carrier\nsteps:\n  - register:\n  - call: '+12025550123'\n"


def plan(folder: Path, key: str, *, look_up: bool = True, agents: str = "") -> Plan:
    """Return the plan of a scenario whose trunk says this of its password."""
    (folder / "sipprobe.yaml").write_text(
        f'trunks:\n  carrier:\n    uri: "sip:100@carrier.example"\n    {key}\n'
    )
    (folder / "one.sip.yaml").write_text(agents + SCENARIO)
    settings = load_settings(folder / "sipprobe.yaml", variables={}, environ={})
    scenario = load_scenario(folder / "one.sip.yaml", variables={}, environ={})
    return resolve(scenario, settings, passwords=Passwords() if look_up else None)


def program(folder: Path, *lines: str) -> str:
    """Return the command line of a program with these lines of Python."""
    (folder / "tell.py").write_text("\n".join(lines) + "\n")
    return shlex.join([sys.executable, "-S", str(folder / "tell.py")])


def refused(folder: Path, key: str) -> str:
    """Return what is said where no password can be had."""
    with pytest.raises(ScenarioError) as caught:
        plan(folder, key)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].source.line == 4
    return caught.value.render()


# A file


@pytest.mark.parametrize("content", [PASSWORD, f"{PASSWORD}\n", f"{PASSWORD}\r\nsecond\n"])
def test_first_line_of_a_file_is_the_password(tmp_path: Path, content: str) -> None:
    """A line end is not part of it, and what follows is the user's own note."""
    (tmp_path / "pw").write_text(content, newline="")
    (tmp_path / "pw").chmod(0o600)
    made = plan(tmp_path, "password_file: pw")
    assert [account.password for account in made.accounts] == [PASSWORD]
    assert made.warnings == ()


def test_file_that_others_can_read_is_told(tmp_path: Path) -> None:
    """The run goes on; whoever reads the report learns what to change."""
    (tmp_path / "pw").write_text(PASSWORD)
    (tmp_path / "pw").chmod(0o640)
    (warning,) = plan(tmp_path, "password_file: pw").warnings
    assert "(mode 0640): chmod 600" in warning
    assert PASSWORD not in warning


def test_file_is_missed_without_a_look_up_too(tmp_path: Path) -> None:
    """`validate` reads no password, but says that there is no such file."""
    with pytest.raises(ScenarioError, match="password_file: there is no file"):
        plan(tmp_path, "password_file: pw", look_up=False)
    assert "there is no file" in refused(tmp_path, "password_file: pw")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"\n" + PASSWORD.encode(), "is empty"),
        (PASSWORD.encode() + b"\xff", "is not UTF-8"),
        (PASSWORD.encode() + b"\x00", "holds control characters"),
    ],
)
def test_file_without_a_password_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    """What stands in it is not repeated."""
    (tmp_path / "pw").write_bytes(content)
    said = refused(tmp_path, "password_file: pw")
    assert why in said
    assert PASSWORD not in said


def test_file_that_cannot_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's reason is shown; root reads everything, so the refusal is put in its place."""
    (tmp_path / "pw").write_text(PASSWORD)

    def denied(*_: object, **__: object) -> object:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr("probe.plan.secrets.Path.open", denied)
        with pytest.raises(ScenarioError, match="cannot be read: Permission denied"):
            Passwords().of(Profile(password_file="pw"), path=str(tmp_path / "pw"))


# A program


def test_first_line_of_a_program_is_the_password(tmp_path: Path) -> None:
    """It is started once for all that a run resolves, and without a shell."""
    told = program(
        tmp_path,
        "import sys",
        "open(sys.argv[1], 'a').write('once ')",
        f"print('{PASSWORD}'); print('and a note')",
    )
    count = tmp_path / "$(count)"
    passwords = Passwords()
    profile = Profile(password_cmd=f"{told} {shlex.quote(str(count))}")
    assert passwords.of(profile, path=None) == PASSWORD
    assert passwords.of(profile, path=None) == PASSWORD
    assert count.read_text() == "once "
    assert PASSWORD not in repr(passwords)


def test_program_is_not_started_where_nothing_is_sent(tmp_path: Path) -> None:
    """`validate`, `list` and a dry run leave the password where it is."""
    made = plan(tmp_path, "password_cmd: no-such-program", look_up=False)
    assert made.accounts[0].password is None


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("no-such-program-here show", "no-such-program-here cannot be started: No such file"),
        ('"\'pass show"', "a quote is not closed"),
        ("'#'", "# cannot be started"),
    ],
)
def test_program_that_cannot_be_started_is_refused(tmp_path: Path, command: str, why: str) -> None:
    """The line of the profile is shown, with what to write instead."""
    assert why in refused(tmp_path, f"password_cmd: {command}")


def test_program_with_a_name_that_no_program_has_is_refused() -> None:
    """A name with a NUL, or none at all, never reaches the kernel."""
    for command in ("a\0b", " "):
        with pytest.raises(PasswordError):
            output_of(command, 1.0)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ((f"raise SystemExit('{PASSWORD} is wrong')",), "ended with status 1"),
        ((f"import sys; print('{PASSWORD}'); sys.exit(3)",), "ended with status 3"),
        ((f"import sys; print('{PASSWORD}', file=sys.stderr)",), "is empty"),
    ],
)
def test_program_that_fails_is_named_and_not_quoted(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], lines: tuple[str, ...], why: str
) -> None:
    """Neither what it printed nor what it complained of is shown: both may hold the password."""
    said = refused(tmp_path, f"password_cmd: {program(tmp_path, *lines)}")
    assert why in said
    assert PASSWORD not in said + "".join(capfd.readouterr())


def test_program_that_hangs_is_ended_with_what_it_started(tmp_path: Path) -> None:
    """A locked agent must not hold a run for a night, nor may its helper stay behind."""
    told = program(
        tmp_path,
        "import os, subprocess, sys",
        "other = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)'])",
        "open(sys.argv[1], 'w').write(str(other.pid))",
        "other.wait()",
    )
    with pytest.raises(PasswordError, match="did not end within"):
        output_of(f"{told} {tmp_path / 'pid'}", 1.5)
    with contextlib.suppress(ProcessLookupError):  # it is gone already
        descriptor = os.pidfd_open(int((tmp_path / "pid").read_text()))
        ended, _, _ = select.select([descriptor], [], [], 20.0)
        os.close(descriptor)
        assert ended


def test_program_that_ends_at_once_leaves_nothing_to_kill(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its group may be gone before the signal arrives."""

    def gone(_group: int, _signal: int) -> None:
        raise ProcessLookupError

    monkeypatch.setattr(os, "killpg", gone)
    with pytest.raises(PasswordError, match="did not end within"):
        output_of("sleep 0.3", 0.05)


# The keyring


class Ring(ModuleType):
    """Stands where the package `keyring` stands."""

    def get_password(self, service: str, user: str) -> str | None:
        """Return the one password that is kept."""
        if service == "locked":
            raise RuntimeError(PASSWORD)
        return PASSWORD if (service, user) == ("sip/trunk", "100") else None


def test_keyring_gives_the_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last part of the entry is the user; a service may hold slashes."""
    monkeypatch.setitem(sys.modules, "keyring", Ring("keyring"))
    assert plan(tmp_path, "password_keyring: sip/trunk/100").accounts[0].password == PASSWORD


def test_keyring_without_the_entry_or_locked_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backend's own words are not shown."""
    monkeypatch.setitem(sys.modules, "keyring", Ring("keyring"))
    assert "no such entry" in refused(tmp_path, "password_keyring: sip/101")
    said = refused(tmp_path, "password_keyring: locked/100")
    assert "cannot be used (RuntimeError)" in said
    assert PASSWORD not in said


def test_keyring_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package it is said how to get it."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(PasswordError, match="not installed") as caught:
        kept_in_keyring("sip/100")
    assert caught.value.hint == "pip install 'sipprobe[keyring]'"


# Profiles


def test_agent_with_a_source_of_its_own_does_not_keep_the_trunks() -> None:
    """Exactly one source is left where an agent says another than its trunk."""
    base = TrunkProfile(uri="sip:100@h", password_cmd="pass show sip/trunk")
    assert Profile(password_file="pw").over(base).password_cmd is None
    assert Profile(password_file="pw").over(base).password_file == "pw"
    assert Profile(auth_user="x").over(base).password_cmd == "pass show sip/trunk"


def test_two_sources_are_refused() -> None:
    """It would be a guess which of them counts."""
    with pytest.raises(ScenarioError, match="both say where the password is"):
        read(Profile, {"password": "a", "password_file": "b"})


def test_profile_without_a_password_has_none(tmp_path: Path) -> None:
    """Trunks that know us by address need none."""
    assert plan(tmp_path, "realm: x").accounts[0].password is None


def test_password_in_the_profile_is_taken_as_it_is(tmp_path: Path) -> None:
    """It needs no look-up, and no representation shows it."""
    made = plan(tmp_path, f"password: {PASSWORD}")
    assert made.accounts[0].password == PASSWORD
    assert PASSWORD not in repr(made)
    assert plan(tmp_path, f"password: {PASSWORD}", look_up=False).accounts[0].password == PASSWORD


def test_one_fault_of_a_source_is_told_once(tmp_path: Path) -> None:
    """Two agents of one trunk do not double it."""
    agents = "agents:\n  a: {uri: 'sip:1@h'}\n  b: {uri: 'sip:2@h'}\n"
    scenario = "trunk: carrier\nsteps:\n  - register: [a, b]\n"
    (tmp_path / "sipprobe.yaml").write_text(
        "trunks:\n  carrier:\n    password_cmd: no-such-program-here\n"
    )
    (tmp_path / "one.sip.yaml").write_text(agents + scenario)
    settings = load_settings(tmp_path / "sipprobe.yaml", variables={}, environ={})
    loaded = load_scenario(tmp_path / "one.sip.yaml", variables={}, environ={})
    with pytest.raises(ScenarioError) as caught:
        resolve(loaded, settings, passwords=Passwords())
    assert len(caught.value.problems) == 1
