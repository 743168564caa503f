"""Where a password comes from when a plan needs it: the profile, a file, a program, the keyring.

Nothing is looked up before a plan that will be carried out asks for it. What was found lives in
memory for one run. No problem that is raised here quotes what a file, a program or a keyring gave:
it may be the password, or half of it.
"""

import contextlib
import importlib
import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path

from probe.scenario.schema import Profile
from probe.scenario.source import Problem, ScenarioError

COMMAND_LIMIT_S = 10.0
"""Seconds that a password_cmd may take: long enough for an agent, too short to hang a night."""

LONGEST_OUTPUT = 65536
"""Bytes read of a file; more is no password."""

_READABLE_BY_OTHERS = stat.S_IRGRP | stat.S_IROTH


class PasswordError(Exception):
    """No password can be had; the text says why, and ``hint`` what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class Passwords:
    """Looks up passwords, each source once a run, so that no agent asks its user twice."""

    def __init__(self, *, limit: float = COMMAND_LIMIT_S) -> None:
        """``limit`` is the time that a password_cmd may take, in seconds."""
        self._limit = limit
        self._found: dict[tuple[str, str], str] = {}

    def __repr__(self) -> str:
        """Show how many are known and none of them."""
        return f"Passwords({len(self._found)} known)"

    def of(self, profile: Profile, *, path: str | None) -> str | None:
        """Return the password of a profile, or None where it names none.

        ``path`` is its password_file with the folder of the naming file before it. Raise
        ScenarioError at the line that names the source.
        """
        if profile.password is not None:
            return profile.password.revealed()
        wanted: tuple[tuple[str, str | None, Callable[[str], str]], ...] = (
            ("password_file", path, first_line_of),
            ("password_cmd", profile.password_cmd, lambda told: output_of(told, self._limit)),
            ("password_keyring", profile.password_keyring, kept_in_keyring),
        )
        for key, where, look_up in wanted:
            if where is None:
                continue
            if (key, where) not in self._found:
                try:
                    self._found[key, where] = look_up(where)
                except PasswordError as error:
                    problem = Problem(
                        source=profile.source(key), message=f"{key}: {error}", hint=error.hint
                    )
                    raise ScenarioError([problem]) from None
            return self._found[key, where]
        return None


def first_line_of(path: str) -> str:
    """Return the first line of a file; raise PasswordError."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(LONGEST_OUTPUT)
    except OSError as error:
        raise PasswordError(
            f"{path} cannot be read: {error.strerror}", "its owner must be who runs sipprobe"
        ) from None
    return _first_line(content, f"the first line of {path}")


def readable_by_others(path: str) -> str | None:
    """Return the mode of a file (``0644``) that group or world can read, else None."""
    mode = Path(path).stat().st_mode
    return f"{stat.S_IMODE(mode):04o}" if mode & _READABLE_BY_OTHERS else None


def output_of(command: str, limit: float) -> str:
    """Return the first line that a program prints; raise PasswordError.

    The program is started without a shell, gets nothing on its input, and is ended with all that
    it started after ``limit`` seconds. What it says on its standard error is thrown away: programs
    repeat there what they could not use.
    """
    import shlex  # noqa: PLC0415 - 2 ms, as the next
    import subprocess  # noqa: PLC0415 - only where a program gives the password

    try:
        words = shlex.split(command)
    except ValueError:
        raise PasswordError(
            "a quote is not closed", "write it as one would for a shell: pass show sip/trunk"
        ) from None
    if not words:
        raise PasswordError("no program is named", "for example: pass show sip/trunk")
    program = Path(words[0]).name
    try:
        with subprocess.Popen(  # noqa: S603 - the user's own settings name the program
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as running:
            try:
                content, _ = running.communicate(timeout=limit)
            except BaseException:  # Ctrl-C too: its own session does not hear it
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(running.pid, signal.SIGKILL)
                raise
    except subprocess.TimeoutExpired:
        raise PasswordError(
            f"{program} did not end within {limit:g} s",
            "run it by hand once: it may wait for somebody to unlock it",
        ) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "its name cannot be used"
        raise PasswordError(
            f"{program} cannot be started: {why}", "no shell is used: no ~, no |, no $( )"
        ) from None
    if running.returncode != 0:
        raise PasswordError(
            f"{program} ended with status {running.returncode}", "run it by hand to see why"
        )
    return _first_line(content, f"the first line that {program} prints")


def kept_in_keyring(entry: str) -> str:
    """Return a password of the system's keyring; raise PasswordError."""
    service, _, user = entry.rpartition("/")
    try:
        keyring = importlib.import_module("keyring")
    except ImportError:
        raise PasswordError(
            "the package keyring is not installed", "pip install 'sipprobe[keyring]'"
        ) from None
    try:
        found = keyring.get_password(service, user)
    except Exception as error:  # noqa: BLE001 - a backend may raise anything; its text may tell
        raise PasswordError(
            f"the keyring cannot be used ({type(error).__name__})", "try: keyring diagnose"
        ) from None
    if not found:
        raise PasswordError(
            "the keyring has no such entry", "add it with: keyring set SERVICE USER"
        )
    return str(found)


def _first_line(content: bytes, what: str) -> str:
    """Return the first line as text; raise PasswordError where it is no password."""
    line = content.partition(b"\n")[0].removesuffix(b"\r")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise PasswordError(f"{what} is not UTF-8", "store the password as text") from None
    if not text:
        raise PasswordError(f"{what} is empty", "the password stands on the first line")
    if not text.isprintable():
        raise PasswordError(
            f"{what} holds control characters", "the password stands on the first line, alone"
        )
    return text
