"""The table of checks, and going through it."""

import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone

from msgspec import Struct

from probe.agent.issuers import system_issuers
from probe.doctor import (
    answers,
    certificate,
    clock,
    files,
    guards,
    issuers,
    leftovers,
    names,
    network,
    software,
)
from probe.doctor.check import Check, fault, unchecked
from probe.doctor.subject import Subject
from probe.executor.ledger import ledger_file

Look = Callable[[Subject], Iterable[Check]]
"""Looks at one thing and says what it found."""


class Examination(Struct, frozen=True, kw_only=True):
    """What was found."""

    machine: tuple[Check, ...]
    "Of this machine."

    trunk: tuple[Check, ...] = ()
    "Of the trunk; empty where none was named."

    @property
    def checks(self) -> tuple[Check, ...]:
        """All of them."""
        return (*self.machine, *self.trunk)


def examine(subject: Subject) -> Examination:
    """Look at everything; a check that fails of itself is told and ends no other."""
    subject.prepare()
    trunk = tuple(_all(TRUNK, subject)) if subject.account is not None else ()
    return Examination(machine=tuple(_all(MACHINE, subject)), trunk=trunk)


def _all(table: tuple[tuple[str, Look], ...], subject: Subject) -> Iterator[Check]:
    for topic, look in table:
        try:
            yield from look(subject)
        except Exception as error:  # noqa: BLE001 - one check that breaks must not hide the others
            yield unchecked(topic, f"the check itself failed: {type(error).__name__}: {error}")


# This machine ------------------------------------------------------------------------------------


def _python(subject: Subject) -> Iterator[Check]:
    version = (sys.version_info.major, sys.version_info.minor, sys.version_info.micro)
    yield software.python(version, loads=subject.engine is not None)


def _engine(subject: Subject) -> Iterator[Check]:
    yield from software.engine(subject.engine, subject.account)


def _ports(subject: Subject) -> Iterator[Check]:
    address = (subject.account.bound_host if subject.account else None) or "0.0.0.0"  # noqa: S104
    yield network.ports(network.try_ports(address), address)


def _way_out(_: Subject) -> Iterator[Check]:
    yield network.way_out(network.read_routes())


def _clock(_: Subject) -> Iterator[Check]:
    yield clock.own(clock.kernel_state())


def _issuers(subject: Subject) -> Iterator[Check]:
    account = subject.account
    own = account.ca_file if account else None
    needed = account is not None and account.transport.upper() == "TLS" and account.verify
    yield issuers.issuers(own or system_issuers(), own=own is not None, needed=needed)


def _results(subject: Subject) -> Iterator[Check]:
    yield files.results(subject.results)


def _ledger(_: Subject) -> Iterator[Check]:
    yield files.ledger(ledger_file())


def _leftovers(subject: Subject) -> Iterator[Check]:
    found = leftovers.find_leftovers((subject.results, ledger_file().parent / "live"))
    yield leftovers.leftovers(found)


def _rails(_: Subject) -> Iterator[Check]:
    yield guards.rails()


def _keyring(subject: Subject) -> Iterator[Check]:
    yield guards.keyring(wanted=subject.patient is not None and subject.patient.keyring)


MACHINE: tuple[tuple[str, Look], ...] = (
    ("Python", _python),
    ("user agent", _engine),
    ("ports", _ports),
    ("way out", _way_out),
    ("issuers", _issuers),
    ("clock", _clock),
    ("results", _results),
    ("caps", _ledger),
    ("leftovers", _leftovers),
    ("emergency", _rails),
    ("keyring", _keyring),
)
"""What is looked at of this machine, in the order in which it is told."""


# A trunk -----------------------------------------------------------------------------------------


def _files(subject: Subject) -> Iterator[Check]:
    for key, path in subject.patient.missing_files if subject.patient else ():
        if key != "ca_file":  # the issuers have a line of their own
            said = f"`{key}:` names {path}, which does not exist"
            yield fault("profile", said, f"Correct `{key}:` of the trunk profile.")


def _names(subject: Subject) -> Iterator[Check]:
    yield names.names(subject.named.result, subject.named.detail, subject.walk.servers)


def _way_there(subject: Subject) -> Iterator[Check]:
    account = subject.account
    if account is None or not subject.places:
        yield unchecked("way there", "there is no address to go to")
        return
    _, address, port = subject.places[0]
    source = network.source_towards(address, port)
    yield network.way_to(address, account.bound_host, source)


def _answers(subject: Subject) -> Iterator[Check]:
    yield from answers.reached(subject.answers)


def _nat(subject: Subject) -> Iterator[Check]:
    yield answers.nat(subject.answers)


def _rewriting(subject: Subject) -> Iterator[Check]:
    yield answers.rewriting(subject.answers)


def _certificate(subject: Subject) -> Iterator[Check]:
    account = subject.account
    if account is None or account.transport.upper() != "TLS":
        return
    if subject.shake is None:
        yield unchecked("certificate", "there is no address to ask")
        return
    yield from certificate.certificate(
        subject.shake,
        now=datetime.now(timezone.utc),
        verify=account.verify,
        tls13=subject.engine is not None and subject.engine.tls13,
    )


def _their_clock(subject: Subject) -> Iterator[Check]:
    if not any(answer.result == "answered" for answer in subject.answers):
        yield unchecked("their clock", "nothing answered")
        return
    ahead = next((found for a in subject.answers if (found := a.fact("clock"))), None)
    yield clock.beside_the_trunk(None if ahead is None else float(ahead))


TRUNK: tuple[tuple[str, Look], ...] = (
    ("profile", _files),
    ("DNS", _names),
    ("way there", _way_there),
    ("OPTIONS", _answers),
    ("NAT", _nat),
    ("SIP ALG", _rewriting),
    ("certificate", _certificate),
    ("their clock", _their_clock),
)
"""What is looked at of a trunk."""
