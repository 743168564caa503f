"""A provider is recognised by what is its own, and by nothing that others show as well."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.reference import reference as ref
from probe.reference.reference import Answer, Mark, MarkKind

EVERY_MARK = [mark for provider in ref.providers() for mark in provider.marks]
MINE = [mark for mark in EVERY_MARK if mark.kind is MarkKind.DOMAIN]
SAMPLES = {
    ("Twilio", "X-Twilio-Error"): "32202 Authentication failure - bad user credentials.",
    ("Twilio", "X-Twilio-CallSid"): "CA" + "0a" * 16,
    ("Twilio", "X-Twilio-AccountSid"): "AC" + "0a" * 16,
    ("Twilio", ""): "Twilio Gateway",
    ("Telnyx", "X-Telnyx-*"): "abc",
    ("Plivo", "X-ZT-Hangup-Code"): "4130",
    ("AWS Chime Voice Connector", "X-VoiceConnector-ID"): "dn0pcxvetmicgerjqmze5c",
    ("Microsoft Teams Direct Routing", ""): "Microsoft.PSTNHub.SIPProxy v.2026.7.31.1 i.USWE2.3",
}
PHRASES = {
    "(?i)\\btrunk (cps|concurrent call) limit exceeded\\b": "Trunk CPS limit exceeded",
    "(?i)^maxpeak cost exceeded$": "MaxPeak Cost Exceeded",
}
COINCIDENCES = [
    (403, "Forbidden", [("Server", "Asterisk PBX 20.5.0")]),
    (404, "Not here", [("Server", "kamailio (5.7.4 (x86_64/linux))")]),
    (480, "Temporarily Unavailable", [("User-Agent", "FreeSWITCH-mod_sofia/1.10.11")]),
    (503, "Service Unavailable", [("Server", "Cisco-SIPGateway/IOS-16.12")]),
    (403, "D35", []),  # the whole phrase: no suffix of anything
    (403, "Forbidden D350", []),
    (403, "Forbidden d35", []),
    (404, "Forbidden D35", []),  # Telnyx sends D35 with 403
    (200, "OK B3", []),
    (403, "Gate D35 closed", []),  # not at the end
    (503, "Funds Required", []),  # Commio's words, and anybody's
    (403, "Insert Coin", []),
    (503, "My trunk is full", []),
    (404, "Not Found", [("Reason", 'SIP;cause=404;text="order 511405"')]),
    (486, "Busy Here", [("Reason", 'SIP;cause=486;text="511404"')]),  # of another code
    (404, "Not Found", [("Reason", 'Q.850;cause=1;text="15114040"')]),
    (403, "Forbidden", [("X-Trace-ID", "7c6b")]),  # Zoom's, and many others'
    (403, "Forbidden", [("X-ZT-Hangup-Code", "none")]),
    (403, "Forbidden", [("X-ZT-Other", "4130")]),
    (403, "Forbidden", [("X-Twilio-Error", "no")]),
    (403, "Forbidden", [("Subject", "Twilio Gateway")]),
    (200, "OK", [("Server", "Not Twilio Gateway")]),
    (401, "Unauthorized", [("WWW-Authenticate", 'Digest realm="asterisk", nonce="1"')]),
    (401, "Unauthorized", [("WWW-Authenticate", 'Digest realm="x", nonce="sip.twilio.com"')]),
    (401, "Unauthorized", [("Subject", 'Digest realm="sip.twilio.com"')]),
]


def answer(status: int, phrase: str, fields: list[tuple[str, str]]) -> Answer:
    """Return an answer."""
    return Answer(status=status, phrase=phrase, fields=tuple(fields))


def sample(mark: Mark) -> Answer:
    """Return an answer that carries a mark."""
    status = mark.codes[0] if mark.codes else 403
    if mark.kind is MarkKind.REALM:
        return answer(407, "x", [("Proxy-Authenticate", f'Digest realm="{mark.pattern}"')])
    if mark.kind is MarkKind.PHRASE:
        tokens = re.fullmatch(r"\\s\(([^|)]+).*\)\$", mark.pattern)
        said = f"Forbidden {tokens[1]}" if tokens else PHRASES[mark.pattern]
        return answer(status, said, [])
    if mark.name == "Reason":
        number = re.search(r"\d{6}", mark.pattern)
        assert number is not None
        return answer(status, "x", [("Reason", f'SIP;cause={status};text="{number[0]}"')])
    name = (mark.name or "Server").replace("*", "Id")
    return answer(status, "x", [(name.upper(), SAMPLES[mark.provider, mark.name])])


@pytest.mark.parametrize("mark", EVERY_MARK, ids=lambda mark: f"{mark.provider} {mark.pattern}")
def test_mark_gives_its_provider_away(mark: Mark) -> None:
    """Each mark is found where it stands, names its provider alone, and has page and date."""
    if mark.kind is MarkKind.DOMAIN:
        host = mark.pattern.replace("*", "dublin")
        found = ref.recognise([f"acme.{host}"])
        assert ref.recognise([host.upper() + "."]).provider == mark.provider
        assert ref.recognise([f"{host}.example.net"]).provider is None
        assert ref.recognise([f"not{host}"]).provider is None
        place = None
    else:
        found = ref.recognise([], [answer(180, "Ringing", []), sample(mark)])
        place = 1
    assert found.provider == mark.provider
    assert [s.place for s in found.sightings] == [place]
    assert mark.source
    assert re.fullmatch(r"20\d\d-\d\d", mark.date)


@pytest.mark.parametrize(("status", "phrase", "fields"), COINCIDENCES)
def test_coincidence_gives_nobody_away(
    status: int, phrase: str, fields: list[tuple[str, str]]
) -> None:
    """What looks a little like a mark, and a product's name, is no provider's."""
    assert ref.recognise(["sip.example.com", ""], [answer(status, phrase, fields)]).providers == ()


@pytest.mark.parametrize(
    "host", ["192.0.2.1", "::1", "localhost", "com", ".", "..", "pstn..twilio.com"]
)
def test_host_without_a_provider(host: str) -> None:
    """Addresses, bare labels and empty labels are nobody's."""
    assert ref.recognise([host]).provider is None


def test_host_name_comes_before_the_answers() -> None:
    """Of one provider's marks, the host name is the one that is named."""
    found = ref.recognise(["sip.telnyx.com"], [answer(403, "Forbidden D35", [])])
    assert found.provider == "Telnyx"
    assert [s.place for s in found.sightings] == [None]


def test_two_providers_are_none() -> None:
    """Where two show themselves, nobody is recognised, and both are named."""
    answers = [answer(403, "Forbidden D35", [("X-ZT-Hangup-Code", "4130")])]
    found = ref.recognise([], answers)
    assert found.provider is None
    assert set(found.providers) == {"Telnyx", "Plivo"}
    assert ref.recognise(["sip.telnyx.com", "a.zt.plivo.com"]).provider is None


def test_nothing_beyond_the_limits_is_searched() -> None:
    """A mark behind thousands of fields or characters is not looked for."""
    fields = [("X-Filler", "x")] * 5000 + [("X-ZT-Hangup-Code", "4130")]
    assert ref.recognise([], [answer(403, "x", fields)]).provider is None
    assert ref.recognise([], [answer(403, "x" * 5000 + " D35", [])]).provider is None
    assert ref.recognise(["a." * 5000 + "telnyx.com"]).provider is None


@given(
    host=st.text(max_size=40),
    phrase=st.text(max_size=40),
    fields=st.lists(st.tuples(st.text(max_size=12), st.text(max_size=40)), max_size=4),
    status=st.none() | st.integers(0, 999),
)
def test_any_text_is_read(
    host: str, phrase: str, fields: list[tuple[str, str]], status: int | None
) -> None:
    """No text from the wire breaks it, and at most one provider comes out."""
    found = ref.recognise([host], [Answer(status=status, phrase=phrase, fields=tuple(fields))])
    assert found.provider in {None, *(p.name for p in ref.providers())}


def test_domains_overlap_with_nobody() -> None:
    """No provider's domain lies within another's."""
    for mark in MINE:
        host = mark.pattern.replace("*", "dublin")
        assert {m.provider for m in MINE if m.in_host(host)} == {mark.provider}


@pytest.mark.parametrize(
    ("field", "value", "name"),
    [
        ("Server", "Asterisk PBX 20.5.0", "Asterisk"),
        ("User-Agent", "FPBX-16.0.40(18.20.2)", "Asterisk"),
        ("User-Agent", "FreeSWITCH-mod_sofia/1.10.11", "FreeSWITCH"),
        ("Server", "kamailio (5.7.4 (x86_64/linux))", "Kamailio"),
        ("Server", "OpenSIPS (3.4.2 (x86_64/linux))", "OpenSIPS"),
        ("Server", "Cisco-SIPGateway/IOS-16.12", "Cisco CUBE"),
        ("ms-diagnostics", '13004;reason="Request was proxied"', "Skype for Business or Lync"),
    ],
)
def test_product_is_a_stack_and_no_provider(field: str, value: str, name: str) -> None:
    """A product says what a code is worth, and not whose it is."""
    one = answer(404, "Not Found", [(field, value)])
    found = ref.stack(one)
    assert found is not None
    assert found[0].name == name
    assert found[0].tells
    assert found[1:] == (field, value)
    assert ref.recognise([], [one]).provider is None


def test_unknown_product_is_no_stack() -> None:
    """A name that is not listed names nothing, nor does one in another field."""
    assert ref.stack(answer(404, "Not Found", [("Server", "Acme 1")])) is None
    assert ref.stack(answer(404, "Asterisk", [("Subject", "Asterisk")])) is None
