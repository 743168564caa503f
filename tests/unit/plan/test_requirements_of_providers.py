"""Configured values are held against what the provider's pages want."""

import pytest
from msgspec.structs import replace

from probe.plan.action import Account, Call, Register
from probe.plan.plan import Attempt
from probe.plan.requirements import Violation, lint_against
from probe.reference import reference
from probe.reference.reference import Provider, Wanted
from probe.scenario.source import Source

ACCOUNT = Account(
    name="trunk",
    aor="sip:100@sip.carrier.example",
    registrar="sip:sip.carrier.example",
    host="sip.carrier.example",
    port=None,
    transport="UDP",
    user="100",
    auth_user="100",
    password="s3cret-password",
)
SOURCE = Source(file="scenarios/check.sip.yaml", line=3, column=5)


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
        ("twilio", calling(password=None), Wanted.LOGIN),  # an access list will do
        ("bandwidth", calling(password=None), Wanted.LOGIN),
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


@pytest.mark.parametrize("entry", reference.providers(), ids=lambda entry: entry.name)
def test_every_wish_has_words_and_a_page(entry: Provider) -> None:
    """What is documented names its page; what is not is common practice and says so."""
    for row in entry.requirements:
        assert row.value
        assert (row.source is not None) is row.documented
        assert all(values for _, values in row.wants)
