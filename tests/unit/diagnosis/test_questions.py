"""Which control is next: the first that separates what is left, and none where nothing is left."""

import pytest
from casebuilder import case
from stories import (
    challenged,
    dialled,
    failed,
    handshake,
    lookup,
    tls,
    unanswered,
)
from stories_asked import HERE, asked, closed, names, options, tcp, then, unreadable
from wirebuilder import Wire, register_ok

from probe.diagnosis.questions import MOST_SENT, OFFLINE, next_control
from probe.trace.control import Control, ControlRan
from probe.trace.failure import Failure

CLEAN = asked(Control.LINT, "clean")
RIGHT = asked(Control.DIGEST, "right", "uri=same")


def order(wire: Wire, answers: dict[Control, ControlRan], **facts: object) -> list[Control]:
    """Return the controls that are asked one after another, each answered as given."""
    found: list[Control] = []
    while (control := next_control(case(wire, **facts))) is not None:
        found.append(control)
        wire.add(answers.get(control) or asked(control, "not-run"))
    return found


def test_a_good_run_asks_nothing() -> None:
    """What is met needs no reason."""
    assert order(register_ok(), {}) == []


def test_silence_asks_our_settings_then_dns_then_options() -> None:
    """Cheapest first, and what needs no network before all."""
    assert order(unanswered(), {Control.LINT: CLEAN}) == [
        Control.LINT,
        Control.NAMES,
        Control.OPTIONS,
    ]


def test_an_address_is_not_looked_up() -> None:
    """There is no name to ask for."""
    assert Control.NAMES not in order(unanswered(), {}, host="198.51.100.1")


def test_the_first_control_that_decides_is_the_last() -> None:
    """DNS shows that another transport is published: OPTIONS is not asked."""
    other = names(
        "rcode=SRV _sip._udp.sip.carrier.example NXDOMAIN", "srv=TLS 10 5 a.carrier.example 5061"
    )
    assert order(unanswered(), {Control.LINT: CLEAN, Control.NAMES: other})[-1] is Control.NAMES


def test_an_address_that_dns_does_not_give_is_asked_further() -> None:
    """A name with many servers gives others each time: OPTIONS shows which it is."""
    old = names("a=x 198.51.100.9 private", f"used={HERE}", "used_is=unknown to DNS")
    assert order(unanswered(), {Control.LINT: CLEAN, Control.NAMES: old})[-1] is Control.OPTIONS


def test_a_refused_login_sends_nothing_more() -> None:
    """Another try could lock the account: settings and digest are looked at, and that is all."""
    found = order(challenged().receive(401), {Control.LINT: CLEAN, Control.DIGEST: RIGHT})
    assert found == [Control.LINT, Control.DIGEST]
    assert set(found) <= OFFLINE


def test_an_odd_password_ends_it() -> None:
    """The settings alone say why."""
    odd = asked(Control.LINT, "suspicious", "password=space, last")
    assert order(challenged().receive(401), {Control.LINT: odd}) == [Control.LINT]


def test_a_failed_handshake_is_shaken_again_and_no_more_where_that_decides() -> None:
    """DNS has nothing to do with it."""
    wants = asked(Control.TLS, "alert", "alert=40", "client_certificate=requested")
    found = order(
        handshake("sslv3 alert handshake failure"),
        {Control.LINT: CLEAN, Control.TLS: wants},
        transport="TLS",
    )
    assert found == [Control.LINT, Control.TLS]


@pytest.mark.parametrize(
    ("wire", "further", "facts"),
    [
        (closed, Control.OPTIONS, {"host": HERE}),
        (lambda: tcp(Failure.TCP_REFUSED), Control.OPTIONS, {"host": HERE, "transport": "TCP"}),
        (lambda: failed(Failure.NAME_RESOLUTION, "NXDOMAIN"), Control.NAMES, {}),
        (lambda: tls("certificate has expired"), Control.OPTIONS, {"transport": "TLS"}),
        (unreadable, Control.CHALLENGE, {"host": HERE}),
    ],
    ids=["closed UDP port", "closed TCP port", "unknown name", "expired", "unreadable"],
)
def test_proofs_that_one_question_may_trace_further(
    wire: object, further: Control, facts: dict[str, object]
) -> None:
    """They are asked once; then the proof stands."""
    assert order(wire(), {Control.LINT: CLEAN}, **facts)[-1] is further


@pytest.mark.parametrize(
    "wire",
    [
        lambda: dialled("+12025550123", 486),
        lambda: dialled("+12025550123", 603),
        lambda: tls("unknown ca"),
        lambda: failed(Failure.LOCAL_PORT),
        lambda: failed(Failure.NOT_ATTEMPTED),
        lambda: Wire("REGISTER").send("REGISTER").receive(423),
    ],
    ids=["busy", "declined", "unknown issuer", "our port", "not attempted", "423"],
)
def test_what_no_control_can_tell(wire: object) -> None:
    """Nothing is asked where the trace proves it, or only the other side knows."""
    assert order(wire(), {}) == []


def test_never_more_than_three_that_send() -> None:
    """Whatever they answer."""
    found = order(tls(failure=Failure.CONNECTION_LOST).add(lookup(error=None)), {}, transport="TLS")
    assert len(set(found) - OFFLINE) <= MOST_SENT
    assert len(found) == len(set(found))


def test_a_503_asks_the_server_itself() -> None:
    """OPTIONS tells the server from what stands behind it."""
    assert Control.OPTIONS in order(then(dialled("+12025550123", 503)), {})


def test_calls_are_placed_only_where_the_user_allows_it() -> None:
    """Paid controls are no part of what is asked by default."""
    wire = unanswered("INVITE")
    for control in (CLEAN, names(), options("silent")):
        wire.add(control)
    assert next_control(case(wire)) is None
    paid = next_control(case(wire), paid=True)
    assert paid is not None
    assert paid.paid
