"""Whose trunk it is: by the configuration, else a host name, else the answers; and that is said."""

import pytest
from casebuilder import case, explain
from wirebuilder import Wire, refused_call, register_ok

from probe.diagnosis.whose import MOST_MESSAGES, Origin
from probe.trace.failure import Failure

PLIVO = {"X-ZT-Hangup-Code": "4130"}


def test_host_name_is_enough() -> None:
    """A trunk at sip.telnyx.com is Telnyx's, although no provider is configured."""
    why = explain(refused_call(404), host="sip.telnyx.com")
    assert any(
        text.startswith('That the provider is Telnyx was recognised from the host name "sip.telny')
        for text in why.inferred
    )
    assert [e.says for e in why.evidence if e.event is None] == [
        'our configuration names "sip.telnyx.com"'
    ]
    assert why.next_steps[-1] == "`sipprobe explain 404 --provider telnyx` tells more."
    assert any(step.startswith("Ask Telnyx: ") for step in why.next_steps)


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "192.0.2.9", "registrar": "sip:acme.pstn.twilio.com;transport=tls"},
        {"host": "192.0.2.9", "proxy": "sip:acme.pstn.dublin.twilio.com:5061;lr"},
    ],
)
def test_registrar_and_proxy_count_as_well(changes: dict[str, object]) -> None:
    """Where the next hop is an address, registrar and proxy are looked at."""
    found = case(refused_call(603), **changes).whose
    assert found.provider is not None
    assert (found.provider.name, found.origin) == ("Twilio", Origin.HOST)
    assert "F061" in [c.id for c in explain(refused_call(603), **changes).causes][:2]


def test_mark_in_the_answers_is_enough() -> None:
    """Plivo's own header field names Plivo, the event that holds it, and the page."""
    why = explain(refused_call(403, headers=PLIVO))
    assert why.causes[0].id == "F082"
    assert why.causes[0].because.startswith("Plivo (recognised from the answers) documents 403 ")
    assert why.certainty.value != "certain"
    assert (
        'That the provider is Plivo was recognised from the answers: "X-ZT-Hangup-Code: 4130" '
        "(docs.plivo.com: Zentrunk hang-up codes, 2026-11)." in why.inferred
    )
    assert [e.event for e in why.evidence if "X-ZT-Hangup-Code" in e.says] == [2]
    assert why.reference is not None
    assert why.reference.provider == "Plivo"


def test_mark_of_an_earlier_answer_counts() -> None:
    """The challenge named the realm; the refusal that follows carries no mark."""
    wire = (
        Wire("REGISTER")
        .send("REGISTER")
        .receive(401, headers={"WWW-Authenticate": 'Digest realm="out.didww.com", nonce="n1"'})
        .send("REGISTER", auth=True)
        .receive(403)
    )
    why = explain(wire)
    assert any(
        'recognised from the answers: "out.didww.com"' in t and "DIDWW" in t for t in why.inferred
    )
    assert {e.event for e in why.evidence if "out.didww.com" in e.says} == {1}
    assert "n1" not in " ".join(e.says for e in why.evidence)


def test_configuration_is_not_replaced() -> None:
    """The answers are Plivo's and the configuration says SIP.US: that is said, and no more."""
    why = explain(refused_call(403, headers=PLIVO), provider="sip.us")
    assert (
        "The configuration names SIP.US, but the answers carry a mark of Plivo: "
        '"X-ZT-Hangup-Code: 4130".' in why.observed
    )
    assert any("SIP.US was taken from the configuration" in text for text in why.inferred)
    assert why.reference is not None
    assert why.reference.provider == "SIP.US"
    assert not any("Plivo" in cause.because for cause in why.causes)
    (noted,) = (e for e in why.evidence if e.says.startswith("a mark of Plivo"))
    assert noted.says.startswith("a mark of Plivo, but the configuration names SIP.US: it carries")


def test_host_name_that_disagrees_is_said() -> None:
    """So is a host name of somebody else."""
    why = explain(refused_call(404), provider="twilio", host="sip.telnyx.com")
    assert (
        'The configuration names Twilio, but the host name is a mark of Telnyx: "sip.telnyx.com".'
        in why.observed
    )


def test_agreement_is_not_worth_a_word() -> None:
    """What agrees with the configuration is no observation."""
    why = explain(refused_call(403, "Forbidden D35"), provider="telnyx", host="sip.telnyx.com")
    assert not any("mark of" in text for text in why.observed)


def test_two_providers_are_nobody() -> None:
    """A Telnyx suffix beside a Plivo header: neither is believed, both are shown."""
    why = explain(refused_call(403, "Forbidden D35", PLIVO))
    (text,) = (t for t in why.observed if t.startswith("Marks of "))
    assert "none of them is taken for the provider" in text
    assert "Telnyx" in text
    assert "Plivo" in text
    assert why.reference is not None
    assert why.reference.provider is None
    assert not any("documents" in cause.because for cause in why.causes)
    assert {e.event for e in why.evidence if "D35" in e.says or "X-ZT" in e.says} == {2}


def test_embedded_trunk_is_nobodys() -> None:
    """What our own trunk sends is no provider's, whatever it looks like."""
    assert case(refused_call(403, "Forbidden D35"), embedded=True).whose.provider is None


def test_product_in_server_is_no_provider() -> None:
    """Asterisk is what many run: it is named as a product, and what it tells is said."""
    why = explain(refused_call(404, headers={"Server": "Asterisk PBX 20.5.0"}))
    (text,) = (t for t in why.inferred if "Asterisk" in t)
    assert "says nothing about the provider" in text
    assert [e.event for e in why.evidence if "Asterisk" in e.says] == [2]
    assert not any("recognised" in t for t in why.inferred)


def test_hostile_mark_is_made_visible() -> None:
    """Escape sequences beside a mark reach no screen."""
    why = explain(refused_call(403, "Forbidden \x1b[2J\u202e D35"))
    said = "\n".join((*why.inferred, *why.observed, *(e.says for e in why.evidence)))
    assert "Telnyx" in said
    assert all(character.isprintable() or character == "\n" for character in said)


def test_flood_is_searched_to_a_bound() -> None:
    """Thousands of messages cost a bounded time; a mark behind them is not looked for."""
    wire = Wire("INVITE").send("INVITE")
    for _ in range(MOST_MESSAGES):
        wire.receive(180)
    assert case(wire.receive(403, "Forbidden D35")).whose.provider is None


def test_unreadable_text_is_passed_over() -> None:
    """What is no SIP carries no mark and breaks nothing."""
    wire = Wire("INVITE").send("INVITE").raw("\x00 X-ZT-Hangup-Code: 4130").raw("").receive(403)
    assert case(wire).whose.provider is None


def test_silence_is_read_by_the_host_name() -> None:
    """No answer at all at a Twilio host: the request line is the first thing Twilio names."""
    why = explain(
        Wire("INVITE").send("INVITE").fail(Failure.NO_RESPONSE, at=32.0),
        host="acme.pstn.twilio.com",
    )
    assert "F032" in [cause.id for cause in why.causes]
    assert any("recognised from the host name" in text for text in why.inferred)


def test_request_line_stands_for_the_configuration_of_a_capture() -> None:
    """Where there is no account, the host of the first request line is read, and cited."""
    invite = "INVITE sip:+12025550123@sip.telnyx.com SIP/2.0"
    wire = Wire("INVITE").raw(
        f"{invite}\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK-1\r\nCall-ID: c1\r\n"
        "CSeq: 1 INVITE\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n\r\n",
        sent=True,
    )
    found = case(wire, account=None).whose
    assert found.provider is not None
    assert (found.provider.name, found.origin) == ("Telnyx", Origin.HOST)
    assert [(e.event, e.says) for e in found.evidence] == [
        (0, 'the request line names "sip.telnyx.com"')
    ]
    assert 'from the host name "sip.telnyx.com"' in found.how


@pytest.mark.parametrize("wire", [register_ok(), Wire("INVITE")])
def test_no_account_and_no_name_is_nobody(wire: Wire) -> None:
    """Without an account, an address in the request line names nobody, and no request either."""
    assert case(wire, account=None).whose.provider is None
