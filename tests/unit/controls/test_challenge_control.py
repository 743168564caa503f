"""REGISTER without a login: what the registrar asks for, asked once a run."""

from asking import account, answer, attempt, closed_port, datagrams, empty_trace

from probe.controls.inquiry import Inquiry
from probe.trace.control import Control

CHALLENGE = (
    'WWW-Authenticate: Digest realm="trunk.example", nonce="abc123", algorithm=SHA-256, '
    'qop="auth,auth-int", stale=true'
)


def test_what_it_asks_for() -> None:
    """Realm, algorithm and form; nothing is bound and no login is sent."""
    with datagrams(lambda text: answer(text, 401, CHALLENGE)) as (port, seen):
        (found,) = Inquiry().ask(
            Control.CHALLENGE, attempt(account(port=port)), empty_trace("INVITE")
        )
    assert found.result == "challenged"
    assert found.fact("realm") == "trunk.example"
    assert found.fact("algorithm") == "SHA-256"
    assert found.fact("qop") == "auth,auth-int"
    assert found.fact("stale") == "yes"
    assert found.fact("field") == "WWW-Authenticate"
    assert "abc123" not in " ".join((found.detail, *found.facts))
    assert seen[0].startswith("REGISTER sip:127.0.0.1 SIP/2.0")
    assert "Contact" not in seen[0]
    assert "Authorization" not in seen[0]


def test_it_is_asked_once_a_run() -> None:
    """Each further attempt gets the same answer."""
    inquiry = Inquiry()
    with datagrams(lambda text: answer(text, 403)) as (port, seen):
        asked = attempt(account(port=port))
        first = inquiry.ask(Control.CHALLENGE, asked, empty_trace("INVITE"))
        again = inquiry.ask(Control.CHALLENGE, asked, empty_trace("INVITE"))
        assert len(seen) == 1
    assert [e.result for e in (*first, *again)] == ["answered-otherwise"] * 2


def test_nobody_is_there() -> None:
    """The result is that of the path."""
    (found,) = Inquiry().ask(
        Control.CHALLENGE, attempt(account(port=closed_port())), empty_trace("INVITE")
    )
    assert found.result == "port-closed"


def test_a_control_that_places_a_call_is_not_run_here() -> None:
    """No INVITE ever leaves."""
    (found,) = Inquiry().ask(Control.SLIM, attempt(account()), empty_trace("INVITE"))
    assert found.result == "not-run"
