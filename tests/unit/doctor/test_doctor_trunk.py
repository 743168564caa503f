"""What is made of the answers of a trunk."""

from datetime import datetime, timezone

import pytest

from probe.doctor import answers, certificate, names
from probe.doctor.answers import Answer
from probe.doctor.check import Check, State
from probe.trace.control import Control, ControlRan

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=timezone.utc)
HERE = ("10.0.0.7", 41532)


def answer(result: str = "answered", *facts: str, local: tuple[str, int] = HERE) -> Answer:
    """Return what one place said."""
    return Answer(
        target="udp 192.0.2.20:5060",
        result=result,
        words="it answered 200 after 21 ms" if result == "answered" else f"it is {result}",
        facts=facts,
        local=local,
    )


# OPTIONS -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "state"),
    [
        ("answered", State.OK),
        ("silent", State.WARNING),
        ("mute", State.WARNING),
        ("port-closed", State.FAULT),
        ("refused", State.FAULT),
        ("no-tls", State.FAULT),
        ("no-route", State.FAULT),
    ],
)
def test_one_place(result: str, state: State) -> None:
    """Silence proves nothing, since some trunks answer calls only; a closed port does."""
    (found,) = answers.reached((answer(result),))
    assert found.state is state
    assert "udp 192.0.2.20:5060" in found.says


def test_one_place_that_answers_is_enough() -> None:
    """Then another that does not is a warning."""
    found = answers.reached((answer("refused"), answer("answered", "server=Edge 4.1")))
    assert [check.state for check in found] == [State.WARNING, State.OK]
    assert "Edge 4.1" in found[1].says
    assert answers.reached(())[0].state is State.NOT_CHECKED


# NAT and rewriting -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "state", "words"),
    [
        ((), State.NOT_CHECKED, "does not say"),
        (("received=10.0.0.7", "rport=41532"), State.OK, "at 10.0.0.7:41532"),
        (("rport=41532",), State.OK, "none"),
        (("received=203.0.113.5", "rport=41532"), State.WARNING, "203.0.113.5:41532"),
        (("received=10.0.0.7", "rport=61022"), State.WARNING, "10.0.0.7:61022"),
        (("received=203.0.113.5",), State.WARNING, "203.0.113.5:41532"),
        (("rport=",), State.NOT_CHECKED, "does not say"),
        (("received=2001:db8::5", "rport=9"), State.WARNING, "at [2001:db8::5]:9"),
    ],
)
def test_nat_by_what_they_saw(facts: tuple[str, ...], state: State, words: str) -> None:
    """Via received and rport against what we bound (RFC 3581)."""
    found = answers.nat((answer("silent"), answer("answered", *facts)))
    assert found.state is state
    assert words in found.says


def test_rewriting_is_seen_only_where_it_is_echoed() -> None:
    """A changed echo is a sign; an unchanged one is none against a SIP ALG."""
    changed = answers.rewriting((answer("answered", "altered=From", "altered=Call-ID"),))
    assert changed.state is State.WARNING
    assert "From, Call-ID came back other" in changed.says
    unchanged = answers.rewriting((answer("answered"),))
    assert unchanged.state is State.NOT_CHECKED
    assert "Contact or SDP" in unchanged.says
    secure = Answer(target="tls 192.0.2.20:5061", result="answered", words="", local=HERE)
    assert answers.rewriting((secure,)).state is State.OK
    here = answer("answered", local=("127.0.0.1", 5))
    assert answers.rewriting((here,)).state is State.OK


@pytest.mark.parametrize("check", [answers.nat, answers.rewriting])
def test_nothing_answered(check: object) -> None:
    """Then neither can be told."""
    assert check((answer("silent"),)).state is State.NOT_CHECKED  # type: ignore[operator]


# Names -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "state"),
    [
        ("literal", State.OK),
        ("resolves", State.OK),
        ("no-such-name", State.FAULT),
        ("no-address", State.FAULT),
        ("target-missing", State.FAULT),
        ("silent", State.FAULT),
        ("failed", State.FAULT),
        ("something new", State.NOT_CHECKED),
    ],
)
def test_names(result: str, state: State) -> None:
    """Each way to have no address is a fault with its own remedy."""
    found = names.names(result, "as DNS said", ("192.0.2.53:53",))
    assert found.state is state
    assert bool(found.remedy) is (state is State.FAULT)


def test_service_that_is_denied() -> None:
    """An SRV record of a dot says that there is no such service (RFC 2782)."""
    found = names.names("resolves", "SRV for TCP names nobody (`.`)", ("192.0.2.53:53",))
    assert found.state is State.WARNING


def test_machine_without_a_name_server() -> None:
    """Only a name needs one."""
    assert names.names("silent", "", ()).state is State.FAULT
    assert names.names("literal", "", ()).state is State.OK


# Certificates ------------------------------------------------------------------------------------


def shown(*facts: str, not_after: str = "2027-05-01T00:00:00Z") -> ControlRan:
    """Return what a handshake showed."""
    usual = ("chain=2", "not_before=2026-01-01T00:00:00Z", "san=pbx.example", "issuer=CN=Good CA")
    return ControlRan(
        at=0.0,
        control=Control.TLS,
        target="tls 192.0.2.20:5061",
        result="ok",
        detail="TLSv1.2 with X",
        facts=(*usual, f"not_after={not_after}", *facts),
    )


def checks(ran: ControlRan, *, verify: bool = True, tls13: bool = False) -> dict[str, Check]:
    """Return the checks of a certificate by topic."""
    found = certificate.certificate(ran, now=NOW, verify=verify, tls13=tls13)
    return {check.topic: check for check in found}


@pytest.mark.parametrize(
    ("not_after", "state", "word"),
    [
        ("2027-05-01T00:00:00Z", State.OK, "160 days"),
        ("2026-12-01T12:00:00Z", State.WARNING, "10 days"),
        ("2026-11-22T12:00:00Z", State.WARNING, "1 day"),
        ("2026-11-20T00:00:00Z", State.FAULT, "ended on 2026-11-20"),
        ("soon", State.NOT_CHECKED, "cannot be read"),
    ],
)
def test_days_that_a_certificate_still_holds(not_after: str, state: State, word: str) -> None:
    """Ended is a fault, three weeks a warning."""
    found = checks(shown("name=matches", not_after=not_after))["expiry"]
    assert found.state is state
    assert word in found.says


def test_certificate_of_the_future() -> None:
    """It is not valid yet."""
    ran = shown("name=matches")
    later = ControlRan(
        at=0.0, control=Control.TLS, target="", result="", detail="",
        facts=("not_before=2026-12-01T00:00:00Z", "chain=1", "not_after=2027-12-01T00:00:00Z"),
    )  # fmt: skip
    assert checks(ran)["expiry"].state is State.OK
    assert checks(later)["expiry"].state is State.FAULT


def test_certificate_that_is_not_trusted() -> None:
    """Another name and an unknown signer are faults, and warnings where verify is off."""
    other = shown("name=differs")
    assert checks(other)["certificate"].state is State.FAULT
    assert "host name of that certificate" in checks(other)["certificate"].remedy
    unknown = shown("name=matches", "fault=20 at depth 0: the issuer is not known")
    assert checks(unknown)["certificate"].state is State.FAULT
    assert "`ca_file:`" in checks(unknown)["certificate"].remedy
    assert checks(unknown, verify=False)["certificate"].state is State.WARNING
    assert checks(shown("name=matches"), verify=False)["certificate"].state is State.WARNING
    assert checks(shown("name=matches"))["certificate"].state is State.OK
    expired = shown("name=matches", "fault=10 at depth 0: expired")
    assert checks(expired)["certificate"].state is State.OK  # the line of the dates says it


def test_versions_that_both_sides_can() -> None:
    """TLS 1.3 alone is out of reach of a user agent that ends at 1.2."""
    alone = shown("name=matches", "accepts=TLSv1.3")
    assert checks(alone)["TLS versions"].state is State.FAULT
    assert checks(alone, tls13=True)["TLS versions"].state is State.OK
    both = checks(shown("name=matches", "accepts=TLSv1.2", "accepts=TLSv1.3"))["TLS versions"]
    assert (both.state, both.says) == (State.OK, "they take 1.2, 1.3")
    asks = shown("name=matches", "accepts=TLSv1.2", "client_certificate=requested")
    assert "`client_cert:`" in checks(asks)["TLS versions"].says
    assert checks(shown("name=matches"))["TLS versions"].state is State.NOT_CHECKED


def test_handshake_that_came_to_nothing() -> None:
    """Its words are told, and nothing else is checked."""
    failed = ControlRan(
        at=0.0, control=Control.TLS, target="tls 192.0.2.20:5061", result="not-tls",
        detail="what came back to our TLS hello is no TLS",
    )  # fmt: skip
    assert list(checks(failed)) == ["certificate"]
    assert checks(failed)["certificate"].state is State.FAULT
