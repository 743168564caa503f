"""`sipprobe init`: what it writes is valid, nothing is lost, and nobody's secret is taken."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import Ended, HandingOut
from wirebuilder import Wire, answered_call, refused_call, register_ok

from probe.scenario.loader import load_settings
from probe.trace.failure import Failure

Sipprobe = Callable[..., Ended]

ACCOUNT = ("--uri", "sip.carrier.example", "--user", "100")
NUMBER = "+12025550123"


def test_flags_alone_write_both_files(sipprobe: Sipprobe, here: Path) -> None:
    """The name comes from the host, the variable from the name; the number is the only fence."""
    ended = sipprobe("init", *ACCOUNT, "--number", NUMBER, "--transport", "tcp")
    assert ended.status == 0
    assert "wrote sipprobe.yaml\nwrote scenarios/carrier.sip.yaml\n" in ended.out
    assert "valid, by the checks of `sipprobe validate`, once CARRIER_PASSWORD is set" in ended.out
    assert "read -rs CARRIER_PASSWORD && export CARRIER_PASSWORD" in ended.out
    known = load_settings(
        here / "sipprobe.yaml", variables={}, environ={"CARRIER_PASSWORD": "hunter22"}
    )
    profile = known.trunks["carrier"]
    assert profile.uri == "sip:100@sip.carrier.example;transport=tcp"
    assert profile.allow_to == (NUMBER,)
    assert "${CARRIER_PASSWORD}" in (here / "sipprobe.yaml").read_text()


def test_what_is_written_passes_validate(
    sipprobe: Sipprobe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Validate says the same of the files on disk."""
    sipprobe("init", *ACCOUNT, "--number", "*97", "--provider", "telnyx", "--name", "second")
    assert sipprobe("validate").status == 2, "the password is not set yet"
    monkeypatch.setenv("SECOND_PASSWORD", "hunter22")
    ended = sipprobe("validate")
    assert (ended.status, ended.out) == (0, "ok  scenarios/second.sip.yaml  (2 steps)\n")


def test_what_is_written_runs(
    sipprobe: Sipprobe, executor: HandingOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A usual call meets it."""
    monkeypatch.setenv("CARRIER_PASSWORD", "hunter22")
    sipprobe("init", *ACCOUNT, "--number", NUMBER)
    ended = sipprobe("run", "carrier")
    assert ended.status == 0, ended.out
    assert [a.label for p in executor.plans for a in p.attempts] == ["register", f"call {NUMBER}"]


def test_trunk_without_a_password_does_not_register(sipprobe: Sipprobe, here: Path) -> None:
    """It is asked with OPTIONS; without a number nothing is called."""
    ended = sipprobe("init", *ACCOUNT, "--password-from", "none")
    assert ended.status == 0
    assert "registers: off" in (here / "sipprobe.yaml").read_text()
    assert "read -rs" not in ended.out
    assert sipprobe("validate").out == "ok  scenarios/carrier.sip.yaml  (1 step)\n"


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ((), "--uri is missing, and nobody can be asked"),
        (("--uri", "pbx.example"), "--user is missing, and nobody can be asked"),
        (("--uri", "sip:100@pbx example"), "--uri: 'sip:100@pbx example' is not a SIP URI"),
        (("--uri", "sip:1:pw@pbx.example"), "--uri: a URI may not carry a password"),
        (("--uri", "sip:1@pbx.example", "--user", "2"), "name two users"),
        (("--uri", "sips:1@pbx.example", "--transport", "udp"), "--uri says the transport already"),
        ((*ACCOUNT, "--user", "a b"), "--user: a user is letters"),
        ((*ACCOUNT, "--name", "embedded"), "--name: the name 'embedded' belongs to"),
        ((*ACCOUNT, "--name", "a b"), "--name: 'a b' is not a name"),
        ((*ACCOUNT, "--provider", "telnix"), "--provider: 'telnix' is not a provider that is kn"),
        ((*ACCOUNT, "--country", "XX"), "no emergency numbers are known for 'XX'"),
        (
            (*ACCOUNT, "--number", "112"),
            "would reach the emergency number 112; it is never dialled",
        ),
        ((*ACCOUNT, "--number", "+1 900 555 0123"), "--number: ' ' cannot be part of a number"),
        ((*ACCOUNT, "--number", "+19005550123"), "is a dear number: premium rate"),
        ((*ACCOUNT, "--trunk", "carrier"), "--trunk goes with --observe"),
        (("--observe", NUMBER, "--number", NUMBER), "leave out --number"),
        ((*ACCOUNT, "--observe", NUMBER, "--trunk", "carrier"), "leave out --uri"),
        (("--observe", "sip:112@pbx.example"), "would reach the emergency number 112"),
        ((*ACCOUNT, "--scenario", "../x"), "--scenario takes a name of letters"),
        ((*ACCOUNT, "--password-from", "env:hunter 22"), "that is not the name of a variable"),
        ((*ACCOUNT, "--password-from", "keyring:hunter22"), "written service/user"),
        ((*ACCOUNT, "--password-from", "hunter22"), "the password itself is never given here"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_missing_or_wrong_is_named(
    sipprobe: Sipprobe, here: Path, flags: tuple[str, ...], says: str
) -> None:
    """The flag is in the message, what may be a password is not, and nothing is written."""
    ended = sipprobe("init", "--yes", *flags)
    assert ended.status == 2
    assert says in ended.err
    assert "hunter" not in ended.out + ended.err
    assert list(here.iterdir()) == []


def test_password_file_that_is_not_there_is_a_problem_of_the_draft(
    sipprobe: Sipprobe, here: Path
) -> None:
    """It is found before anything is written, as validate would find it."""
    ended = sipprobe("init", *ACCOUNT, "--password-from", "file:carrier.pw")
    assert ended.status == 2
    assert re.search(
        r"sipprobe.yaml:7:\d+: password_file: there is no file .*carrier.pw", ended.err
    )
    assert list(here.iterdir()) == []
    (here / "carrier.pw").write_text("hunter22\n")
    assert sipprobe("init", *ACCOUNT, "--password-from", "file:carrier.pw").status == 0


def test_files_that_are_there_stay(sipprobe: Sipprobe, here: Path) -> None:
    """Without --force the second init changes nothing, and says what to do."""
    sipprobe("init", *ACCOUNT)
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    ended = sipprobe("init", "--uri", "sip:1@pbx.example")
    assert ended.status == 2
    assert "sipprobe.yaml is there already\n  --force puts the trunk into it" in ended.err
    (here / "sipprobe.yaml").unlink()
    del before[here / "sipprobe.yaml"]
    ended = sipprobe("init", *ACCOUNT)
    assert ended.status == 2
    assert "scenarios/carrier.sip.yaml is there already" in ended.err
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before


def test_second_trunk_comes_to_the_first(sipprobe: Sipprobe, here: Path) -> None:
    """--force puts it in; comments and the other trunk stay, and a copy is kept."""
    sipprobe("init", *ACCOUNT)
    path = here / "sipprobe.yaml"
    path.write_text("# mine\n" + path.read_text() + "    # and this\nvars: {A: b}\n")
    before = path.read_text()
    ended = sipprobe("init", "--uri", "sip:1@pbx.example", "--force")
    assert ended.status == 0
    assert "wrote sipprobe.yaml; sipprobe.yaml.bak is what it was\n" in ended.out
    assert (here / "sipprobe.yaml.bak").read_text() == before
    kept = iter(path.read_text().splitlines())
    assert all(line in kept for line in before.splitlines())
    assert {"carrier:", "pbx:"} <= {line.strip() for line in path.read_text().splitlines()}
    again = sipprobe("init", "--uri", "sip:1@pbx.example", "--force")
    assert again.status == 2
    assert "sipprobe.yaml has a trunk 'pbx' already" in again.err


def test_file_in_a_form_of_its_own_gets_a_snippet(sipprobe: Sipprobe, here: Path) -> None:
    """What cannot be put in safely is shown, to be put in by hand."""
    text = 'trunks: {first: {uri: "sip:1@a.example"}}\n'
    (here / "sipprobe.yaml").write_text(text)
    ended = sipprobe("init", *ACCOUNT, "--force")
    assert ended.status == 2
    assert '  carrier:\n    uri: "sip:100@sip.carrier.example"\n' in ended.out
    assert "put the lines above under its trunks: by hand" in ended.err
    assert (here / "sipprobe.yaml").read_text() == text
    assert not (here / "scenarios").exists()


# -- at a terminal -------------------------------------------------------------------------------


class Typist:
    """A person at a terminal: waits for words, types an answer."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        ours, theirs = pty.openpty()
        self._terminal = ours
        self._seen = ""
        environ = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "probe.cli", *arguments],
            cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env=environ,
        )  # fmt: skip
        os.close(theirs)

    def _read(self, until: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not until() and time.monotonic() < deadline:
            if select.select([self._terminal], [], [], 0.1)[0]:
                try:
                    self._seen += os.read(self._terminal, 65536).decode()
                except OSError:  # how Linux tells that the other end is closed
                    return

    def answer(self, question: str, answer: str) -> None:
        """Wait for a question, and type an answer and Enter."""
        self._read(lambda: question in self._seen)
        assert question in self._seen, self._seen
        self._seen = self._seen.partition(question)[2]
        os.write(self._terminal, f"{answer}\n".encode())

    def end(self) -> tuple[int, str]:
        """Wait for the end; return the status and what was printed since the last question."""
        self._read(lambda: False)
        os.close(self._terminal)
        return self._process.wait(30), self._seen.replace("\r\n", "\n")

    def __enter__(self) -> "Typist":  # noqa: PYI034 - Self came with Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nobody behind who waits for an answer."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
            os.close(self._terminal)


def test_person_is_asked_and_may_err(sipprobe: Sipprobe, here: Path) -> None:
    """A wrong answer is asked again; Enter takes what stands in brackets."""
    with Typist(here, "init") as typist:
        typist.answer("or your SIP URI", "pbx example")
        typist.answer("is not a SIP URI", "127.0.0.1:5070")
        typist.answer("Your user name or number there", "100")
        typist.answer("Transport: udp, tcp or tls [udp]", "")
        typist.answer("Name of this trunk in commands [carrier]", "office")
        typist.answer("Where does the password come from", "hunter22")
        typist.answer("the password itself is never typed here", "")
        typist.answer("Environment variable that holds it [OFFICE_PASSWORD]", "")
        typist.answer("Provider", "?")
        typist.answer("known are", "")
        typist.answer("Number to call in the test", "112")
        typist.answer("it is never dialled", NUMBER)
        typist.answer(f"Numbers that may be dialled on it, * for any digits [{NUMBER}]", "")
        status, said = typist.end()
    assert status == 0, said
    assert "wrote sipprobe.yaml\nwrote scenarios/office.sip.yaml\nvalid" in said
    assert 'uri: "sip:100@127.0.0.1:5070"\n' in (here / "sipprobe.yaml").read_text()
    assert "hunter22" not in (here / "sipprobe.yaml").read_text()
    ended = sipprobe("validate", "--var", "OFFICE_PASSWORD=x")
    assert (ended.status, ended.out) == (0, "ok  scenarios/office.sip.yaml  (2 steps)\n")


def test_person_may_keep_the_file_as_it_is(sipprobe: Sipprobe, here: Path) -> None:
    """A no leaves everything as it was."""
    sipprobe("init", *ACCOUNT)
    before = (here / "sipprobe.yaml").read_text()
    with Typist(here, "init") as typist:
        typist.answer("sipprobe.yaml is there already. Put one more trunk into it? [Y/n]", "n")
        status, said = typist.end()
    assert status == 2, said
    assert (here / "sipprobe.yaml").read_text() == before


# -- from one call -------------------------------------------------------------------------------


@pytest.fixture
def at_carrier(sipprobe: Sipprobe, here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a trunk; its first scenario is gone."""
    monkeypatch.setenv("CARRIER_PASSWORD", "hunter22")
    sipprobe("init", *ACCOUNT)
    (here / "scenarios/carrier.sip.yaml").unlink()
    return here


def answering(executor: HandingOut, call: Wire, registration: Wire | None = None) -> None:
    """Let the executor hand out one call, behind a registration."""
    first = registration or register_ok()
    executor.tries = lambda a: ((first if a.method == "REGISTER" else call).trace(),)


def test_observed_call_becomes_a_scenario(
    sipprobe: Sipprobe, executor: HandingOut, at_carrier: Path
) -> None:
    """The one trunk that is there is meant; what is written is valid, and names the run."""
    answering(executor, refused_call(486))
    ended = sipprobe("init", "--observe", NUMBER)
    assert ended.status == 0, ended.err
    assert f"{NUMBER} is refused with 486 Busy Here\n" in ended.out
    assert "wrote scenarios/call-12025550123.sip.yaml\nvalid" in ended.out
    assert "what was seen meets it\n" in ended.out
    assert executor.calls[-1] == "close"
    (text,) = (path.read_text() for path in (at_carrier / "scenarios").iterdir())
    (folder,) = (at_carrier / "results").iterdir()
    assert f"# All messages: results/{folder.name}/" in text
    assert sipprobe("validate").status == 0
    assert sipprobe("run").status == 0
    executor.tries = HandingOut().tries  # the usual: it is answered
    assert sipprobe("run").status == 1


def test_silence_writes_nothing(sipprobe: Sipprobe, executor: HandingOut, at_carrier: Path) -> None:
    """What happened is told as a run tells it; there is no scenario to run again."""
    answering(executor, Wire("INVITE").send("INVITE").fail(Failure.NO_RESPONSE))
    ended = sipprobe("init", "--observe", NUMBER, "--no-store")
    assert ended.status == 1
    assert "nothing was written: no answer came: no response" in ended.err
    assert "Why" in ended.out
    assert "sipprobe run" not in ended.out
    assert list((at_carrier / "scenarios").iterdir()) == []


def test_fault_of_ours_is_no_verdict(
    sipprobe: Sipprobe, executor: HandingOut, at_carrier: Path
) -> None:
    """Status 3, as for a run."""
    answering(executor, Wire("INVITE").fail(Failure.LOCAL_PORT))
    assert sipprobe("init", "--observe", NUMBER).status == 3
    assert list((at_carrier / "scenarios").iterdir()) == []


def test_scenario_that_is_there_costs_no_call(
    sipprobe: Sipprobe, executor: HandingOut, at_carrier: Path
) -> None:
    """It is seen before anything is dialled."""
    (at_carrier / "scenarios/call-12025550123.sip.yaml").write_text("mine")
    ended = sipprobe("init", "--observe", NUMBER)
    assert ended.status == 2
    assert "call-12025550123.sip.yaml is there already" in ended.err
    assert executor.plans == []
    ended = sipprobe("init", "--observe", NUMBER, "--scenario", "other")
    assert "wrote scenarios/other.sip.yaml\n" in ended.out


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("112", "112 would reach the emergency number 112; it is never dialled\n"),
        ("+19005550123", "is a dear number"),
        ("1 2", "' ' cannot be part of a number"),
    ],
)
def test_rails_hold_before_the_call(
    sipprobe: Sipprobe, executor: HandingOut, at_carrier: Path, target: str, says: str
) -> None:
    """The same as for a scenario; no line of a file is shown, because there is none."""
    ended = sipprobe("init", "--observe", target)
    assert ended.status == 2
    assert says in ended.err
    assert "--observe:" not in ended.err
    assert executor.plans == []


def test_fence_of_the_trunk_holds(
    sipprobe: Sipprobe, executor: HandingOut, at_carrier: Path
) -> None:
    """A number on the command line is named, and still not one that allow_to lets through."""
    path = at_carrier / "sipprobe.yaml"
    path.write_text(path.read_text() + '    allow_to: ["+49*"]\n')
    ended = sipprobe("init", "--observe", NUMBER)
    assert ended.status == 2
    assert f"{NUMBER} is not among the destinations of 'trunk'" in ended.err
    assert executor.plans == []


def test_uri_of_a_stranger_gets_a_trunk(
    sipprobe: Sipprobe, executor: HandingOut, here: Path
) -> None:
    """Nobody has a profile for it: it is called without a login, and one is written."""
    answering(executor, answered_call())
    ended = sipprobe("init", "--observe", "sip:echo@pbx.example:5070;transport=tcp")
    assert ended.status == 0, ended.err
    assert "wrote sipprobe.yaml\nwrote scenarios/call-echo.sip.yaml\n" in ended.out
    profile = load_settings(here / "sipprobe.yaml", variables={}, environ={}).trunks["pbx"]
    assert profile.uri == "sip:sipprobe@pbx.example:5070;transport=tcp"
    assert (profile.registers, profile.allow_to) == (False, ("echo",))
    assert [a.method for p in executor.plans for a in p.attempts] == ["INVITE"]
    assert sipprobe("validate").status == 0
    ended = sipprobe("init", "--observe", "sip:7@pbx.example", "--scenario", "seven")
    assert "sip:7@pbx.example is not among the destinations" in ended.err, (
        "the trunk of that host is meant"
    )


def test_number_without_a_trunk_asks_for_one(sipprobe: Sipprobe, here: Path) -> None:
    """Nobody guesses whose account pays."""
    ended = sipprobe("init", "--observe", NUMBER)
    assert ended.status == 2
    assert "--trunk is missing: which account places the call? There are: embedded" in ended.err


def test_number_and_account_make_a_trunk_of_their_own(
    sipprobe: Sipprobe, executor: HandingOut, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One command from nothing: the profile is drafted, the call placed, both files written."""
    monkeypatch.setenv("CARRIER_PASSWORD", "hunter22")
    answering(executor, refused_call(403))
    ended = sipprobe("init", "--observe", NUMBER, *ACCOUNT)
    assert ended.status == 0, ended.err
    assert "wrote sipprobe.yaml\nwrote scenarios/call-12025550123.sip.yaml\nvalid" in ended.out
    text = (here / "scenarios/call-12025550123.sip.yaml").read_text()
    assert "challenge: absent" in text
    assert "hunter22" not in text + (here / "sipprobe.yaml").read_text() + ended.out + ended.err
    again = sipprobe("init", "--observe", "100", *ACCOUNT, "--name", "second")
    assert again.status == 2
    assert "--force adds a trunk 'second' to it" in again.err


def test_password_that_cannot_be_had_costs_no_call(
    sipprobe: Sipprobe, executor: HandingOut, here: Path
) -> None:
    """A draft may be written before its variable is set; a call may not be placed."""
    ended = sipprobe("init", "--observe", NUMBER, *ACCOUNT)
    assert ended.status == 2
    assert "CARRIER_PASSWORD" in ended.err
    assert executor.plans == []
    assert not (here / "sipprobe.yaml").exists()
