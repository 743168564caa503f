"""Configured values are held against what the provider's pages want, and refusals that fit."""

from dataclasses import replace

import pytest
from casebuilder import ACCOUNT, SOURCE, attempt, explain
from wirebuilder import Wire, refused_call, register_ok

from probe.diagnosis.requirements import Violation, lint_against
from probe.plan.action import Call, Register
from probe.plan.plan import Attempt
from probe.reference import reference
from probe.reference.reference import Provider, Wanted
from probe.trace.failure import Failure


def provider(name: str) -> Provider:
    """Return a provider."""
    found = reference.provider(name)
    assert found is not None
    return found


def calling(
    target: str = "sip:+12025550123@acme.pstn.twilio.com",
    *,
    direction: str = "outbound",
    call: dict[str, object] | None = None,
    **account: object,
) -> Attempt:
    """Return a call; the keywords are fields of its account, ``call`` those of the call."""
    return Attempt(
        index=0,
        step=1,
        label="call",
        method="INVITE",
        direction=direction,
        action=Call(attempt=0, account="trunk", target=target, **(call or {})),
        account=replace(ACCOUNT, **{"caller_id": "+12025550100", **account}),
        expectation=None,
        retry=None,
        source=SOURCE,
        provider=None,
    )


def registering(**account: object) -> Attempt:
    """Return a registration."""
    return replace(
        calling(**account),
        method="REGISTER",
        direction="register",
        action=Register(attempt=0, account="trunk"),
    )


def found(name: str, one: Attempt, **options: bool) -> dict[Wanted, Violation]:
    """Return the violations by value."""
    return {v.of: v for v in lint_against(provider(name), one, **options)}


def test_call_as_the_provider_wants_it() -> None:
    """A call in the provider's own words has nothing to complain about."""
    assert lint_against(provider("twilio"), calling()) == ()


def test_violation_says_value_wish_and_page() -> None:
    """A violation is typed: value, wanted, source, date and the key that changes it."""
    violation = found("twilio", calling("sip:0012025550123@acme.pstn.twilio.com"))[Wanted.NUMBER]
    assert violation == Violation(
        of=Wanted.NUMBER,
        key="call",
        value="0012025550123",
        wanted="+E.164",
        documented=True,
        source="Twilio docs: sip-trunking/troubleshooting",
        date="2026-11",
    )
    assert violation.page == "Twilio docs: sip-trunking/troubleshooting, 2026-11"


@pytest.mark.parametrize(
    ("name", "one", "of", "value"),
    [
        ("zoom", calling(), Wanted.TRANSPORT, "UDP"),
        ("zoom", calling(transport="TLS", port=5060), Wanted.PORT, "5060"),
        ("zoom", calling(srtp="off"), Wanted.SRTP, "off"),
        ("zoom", calling(), Wanted.CLIENT_CERT, "no client certificate"),
        ("twilio", calling("sip:+12025550123@54.172.60.0"), Wanted.HOST, "54.172.60.0"),
        ("twilio", calling("sip:+12025550123@twilio.com"), Wanted.HOST, "twilio.com"),
        ("twilio", calling(codecs=("G729", "opus")), Wanted.CODEC, "G729, opus"),
        ("twilio", calling(call={"codecs": ("G722",)}), Wanted.CODEC, "G722"),
        ("twilio", calling(caller_id=None), Wanted.CALLER, "100"),
        ("twilio", calling(call={"caller_id": "2025550100"}), Wanted.CALLER, "2025550100"),
        ("twilio", calling(caller_id="sip:anna@a.example"), Wanted.CALLER, "anna"),
        ("didww", calling(realm="sip.didww.com"), Wanted.REALM, "sip.didww.com"),
        ("ninja", calling(password=None), Wanted.LOGIN, "no password"),
        ("plivo", calling(prack="required"), Wanted.PRACK, "required"),
        ("plivo", registering(), Wanted.NEVER, "REGISTER"),
        ("flowroute", calling("sip:2025550123@sip.flowroute.com"), Wanted.NUMBER, "2025550123"),
        ("telnyx", calling("sip:0012025550123@sip.telnyx.com"), Wanted.NUMBER, "0012025550123"),
    ],
)
def test_value_that_is_not_wanted(name: str, one: Attempt, of: Wanted, value: str) -> None:
    """Each kind of wish finds the value that breaks it."""
    assert found(name, one)[of].value == value


@pytest.mark.parametrize(
    ("name", "one", "of"),
    [
        ("zoom", calling(transport="TLS"), Wanted.TRANSPORT),
        ("zoom", calling(transport="TLS"), Wanted.PORT),
        ("zoom", calling(srtp="optional"), Wanted.SRTP),
        ("zoom", registering(srtp="off"), Wanted.SRTP),
        ("zoom", calling(client_cert="us.pem"), Wanted.CLIENT_CERT),
        ("twilio", calling("sip:+12025550123@acme.pstn.dublin.twilio.com"), Wanted.HOST),
        ("twilio", calling(codecs=("G729", "pcmu")), Wanted.CODEC),
        ("twilio", registering(codecs=("G729",)), Wanted.CODEC),
        ("twilio", calling("sip:100@acme.pstn.twilio.com"), Wanted.NUMBER),  # internal
        ("twilio", calling("sip:echo@acme.pstn.twilio.com"), Wanted.NUMBER),
        ("twilio", calling("sip:0012025550123@a", direction="inbound"), Wanted.NUMBER),
        ("twilio", calling(caller_id=None, direction="inbound"), Wanted.CALLER),
        (
            "twilio",
            calling(caller_id=None, headers=(("P-Asserted-Identity", "<sip:+12025550100@a>"),)),
            Wanted.CALLER,
        ),
        ("didww", calling(), Wanted.REALM),
        ("didww", calling(realm="out.didww.com"), Wanted.REALM),
        ("plivo", calling(prack="optional"), Wanted.PRACK),
        ("plivo", calling(), Wanted.NEVER),
        ("flowroute", calling("sip:12345678*12025550123@sip.flowroute.com"), Wanted.NUMBER),
        ("telnyx", calling("sip:12025550123@sip.telnyx.com"), Wanted.NUMBER),
    ],
)
def test_value_that_is_wanted(name: str, one: Attempt, of: Wanted) -> None:
    """What the page allows, and what it does not speak of, is no violation."""
    assert of not in found(name, one)


def test_passwords_that_were_not_looked_up_are_not_missed() -> None:
    """A plan that will not be carried out has no passwords; that is no fault of the trunk's."""
    assert Wanted.LOGIN not in found("ninja", calling(password=None), passwords_known=False)


def test_password_is_never_shown() -> None:
    """No violation holds a password."""
    for entry in reference.providers():
        for one in (calling(), registering(), calling(srtp="off", codecs=("opus",))):
            assert "s3cret" not in repr(lint_against(entry, one))


def test_embedded_trunk_and_no_account_want_nothing() -> None:
    """Our own trunk is no provider's, and a pause has no values."""
    assert lint_against(provider("zoom"), calling(embedded=True)) == ()
    assert lint_against(provider("zoom"), replace(calling(), account=None)) == ()


def test_hostile_value_is_made_visible() -> None:
    """A value is printed on one line."""
    value = found("twilio", calling(codecs=("G729\x1b[31m\u202e",)))[Wanted.CODEC].value
    assert value.isprintable()


@pytest.mark.parametrize("entry", reference.providers(), ids=lambda entry: entry.name)
def test_every_wish_has_words_and_a_page(entry: Provider) -> None:
    """What is documented names its page; what is not is common practice and says so."""
    for row in entry.requirements:
        assert row.value
        assert (row.source is not None) is row.documented
        assert all(values for _, values in row.wants)


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
