"""A refusal is held against what the provider's pages want of the configured values."""

import pytest
from casebuilder import attempt, explain
from wirebuilder import Wire, refused_call, register_ok

from probe.trace.failure import Failure


def test_refusal_that_fits_is_explained_by_the_page() -> None:
    """404 to a number that Twilio does not take in this form: the page is cited, and the value."""
    wire = Wire("INVITE", number="0012025550123").send("INVITE").receive(404, at=3.0)
    why = explain(wire, provider="twilio", number="0012025550123")
    (cause,) = (c for c in why.causes if c.id == "F073")
    assert why.causes[0] is cause
    assert cause.likelihood.value == "likely"
    assert "Twilio docs: sip-trunking/troubleshooting, 2026-11" in why.inferred[0]
    assert any(e.event == 0 and "0012025550123" in e.says for e in why.evidence)
    assert any(e.event is None and "`call:`" in e.says for e in why.evidence)


def test_common_practice_is_no_more_than_possible() -> None:
    """Where no page says it, it is possible, and what must be confirmed is said."""
    wire = Wire("INVITE", number="0012025550123").send("INVITE").receive(403, at=3.0)
    why = explain(wire, provider="telnyx", number="0012025550123")
    (cause,) = (c for c in why.causes if c.id == "F073")
    assert cause.likelihood.value == "undecided"


@pytest.mark.parametrize(
    ("wire", "facts", "cause"),
    [
        (refused_call(488), {"provider": "exotel", "codecs": ("opus",)}, "F114"),
        (refused_call(488), {"provider": "zoom"}, "F115"),
        (refused_call(404), {"provider": "plivo"}, "F032"),
        (
            Wire("REGISTER").send("REGISTER").receive(403),
            {"provider": "plivo"},
            "F059",
        ),
        (
            Wire("REGISTER").send("REGISTER").fail(Failure.NO_RESPONSE, at=32.0),
            {"provider": "plivo"},
            "F059",
        ),
        (
            Wire("INVITE").send("INVITE").fail(Failure.NO_RESPONSE, at=32.0),
            {"provider": "zoom"},
            "F021",
        ),
    ],
)
def test_other_wishes_and_their_refusals(wire: Wire, facts: dict[str, object], cause: str) -> None:
    """Each wish has refusals that are its usual answer."""
    assert cause in [c.id for c in explain(wire, **facts).causes]


@pytest.mark.parametrize(
    ("wire", "facts"),
    [
        (refused_call(486), {"provider": "zoom"}),
        (refused_call(503), {"provider": "twilio", "number": "0012025550123"}),
        (register_ok(), {"provider": "plivo"}),
        (
            Wire("INVITE").send("INVITE").receive(180).receive(403, at=3.0),
            {"provider": "twilio", "number": "0012025550123"},
        ),
    ],
)
def test_refusal_that_does_not_fit_is_left_alone(wire: Wire, facts: dict[str, object]) -> None:
    """A code that such a value does not bring about says nothing about it."""
    assert not any(" wants: " in c.because for c in explain(wire, **facts).causes)


def test_no_provider_wants_nothing() -> None:
    """Where nobody is known, nothing is wanted."""
    assert attempt(refused_call(404).trace()).provider is None
    why = explain(refused_call(404), codecs=("opus",))
    assert not any(" wants: " in c.because for c in why.causes)


def test_hostile_value_is_made_visible() -> None:
    """A configured value with escape sequences is printed on one line, visibly."""
    why = explain(refused_call(488), provider="exotel", codecs=("G729\x1b[31m\u202e",))
    assert why.causes[0].id == "F114"
    said = (why.summary, why.causes[0].because, *(e.says for e in why.evidence))
    assert all(text.isprintable() for text in said)
