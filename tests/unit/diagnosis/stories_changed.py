"""Stories with a past: the same step was met before, and what is different now speaks.

Each is told beside its twin without a past, which must not be read the same way
(test_what_changed.py).
"""

from datetime import timedelta

from msgspec.structs import replace
from stories import (
    CERTAIN,
    LIKELY,
    PEER,
    UNDECIDED,
    Story,
    challenged,
    dialled,
    failed,
    icmp,
    lookup,
    refused_call,
    tell,
    tls,
    unanswered,
    with_text,
)
from wirebuilder import LOCAL, OFFER, STARTED, Wire

from probe.diagnosis.history import Before
from probe.trace.control import Control, ControlRan
from probe.trace.failure import Failure

GOOD = Before(
    run_id="2026-11-01T12-00-00Z-check",
    at=STARTED - timedelta(days=1),
    remote=PEER,
    local=LOCAL,
    seen="",
    transport="UDP",
    server="Edge 4.1",
    codec="",
    answered_after_s=0.04,
    tls="",
    addresses=(),
)
"""A day before: this very address answered."""

NOW_ELSEWHERE = (("198.51.100.1", "198.51.100.9"),)
SEEN = "SIP/2.0/UDP 192.0.2.10:5060;rport=5060;received={};branch=z9hG4bK-1"


def before(**changes: object) -> Before:
    """Return the good run, with changes."""
    return replace(GOOD, **changes)  # type: ignore[arg-type]


def refused_at(address: str, status: int = 403) -> Wire:
    """Return a call that is refused before any login; they see us at an address."""
    return refused_call(status, headers={"Via": SEEN.format(address)})


CHANGED: tuple[Story, ...] = (
    tell(
        "silent since, and nothing else changed",
        unanswered(),
        "F131",
        UNDECIDED,
        also=("F030", "F015"),
        never=("F013", "F032", "F036", "F009"),
        says=("status page", "another network"),
        before=before(outcomes_since=("NOT_MET",)),
    ),
    tell(
        "closed port that answered",
        Wire("REGISTER").send("REGISTER").add(icmp(3, 3)).fail(Failure.PORT_UNREACHABLE),
        "F131",
        LIKELY,
        also=("F014",),
        says=("stopped", "2026-11-01 at 12:00 UTC"),
        before=before(),
    ),
    tell(
        "closed port beside the one that answered",
        Wire("REGISTER").send("REGISTER").add(icmp(3, 3)).fail(Failure.PORT_UNREACHABLE),
        "F014",
        CERTAIN,
        before=before(remote="198.51.100.1:5080"),
    ),
    tell(
        "silent since, and OPTIONS is answered",
        unanswered().add(
            ControlRan(
                at=11.0,
                control=Control.OPTIONS,
                target="udp 198.51.100.1:5060",
                result="answered",
                detail="it answered 200 after 20 ms",
                facts=("role=used",),
            )
        ),
        "F061",
        UNDECIDED,
        never=("F059", "F013", "F030"),
        before=before(),
    ),
    tell(
        "silent since logins were refused",
        unanswered(),
        "F030",
        LIKELY,
        also=("F131", "F015"),
        never=("F013",),
        says=("3 logins were refused", "blocked our address", "nothing for an hour"),
        before=before(refused_logins_since=3),
    ),
    tell(
        "silent since we send from another address",
        unanswered(),
        "F036",
        UNDECIDED,
        also=("F131", "F030"),
        before=before(local="192.0.2.77:5060"),
    ),
    tell(
        "TCP silent since",
        Wire("REGISTER", transport="TCP").fail(Failure.TCP_TIMEOUT),
        "F019",
        LIKELY,
        also=("F131", "F030"),
        transport="TCP",
        host="198.51.100.1",
        port=5060,
        before=before(transport="TCP"),
    ),
    tell(
        "silent at another transport than the one that answered",
        unanswered(),
        "F015",
        UNDECIDED,
        also=("F013",),
        before=before(transport="TLS"),
    ),
    tell(
        "name leads to another address, which is silent",
        with_text(unanswered(), *NOW_ELSEWHERE),
        "F009",
        LIKELY,
        also=("F015",),
        says=("198.51.100.1", "198.51.100.9"),
        before=before(),
    ),
    tell(
        "name leads to another address, which no router reaches",
        Wire("REGISTER")
        .add(replace(lookup(error=None), addresses=("203.0.113.4",)))
        .add(icmp(3, 1))
        .fail(Failure.HOST_UNREACHABLE),
        "F009",
        LIKELY,
        also=("F017",),
        before=before(),
    ),
    tell(
        "another of several addresses is asked and silent",
        with_text(unanswered(), *NOW_ELSEWHERE),
        "F007",
        UNDECIDED,
        also=("F015",),
        never=("F009",),
        before=before(addresses=("198.51.100.1", "198.51.100.9")),
    ),
    tell(
        "an address that the profile names was changed by its owner",
        with_text(unanswered(), *NOW_ELSEWHERE),
        "F015",
        UNDECIDED,
        never=("F009", "F007"),
        host="198.51.100.9",
        before=before(),
    ),
    tell(
        "refused before the login since our address changed",
        refused_at("203.0.113.50"),
        "F036",
        LIKELY,
        also=("F060",),
        says=("203.0.113.7", "203.0.113.50", "`local_address:`"),
        before=before(seen="203.0.113.7"),
    ),
    tell(
        "refused with 503 since our address changed",
        refused_at("203.0.113.50", 503),
        "F036",
        UNDECIDED,
        also=("F132",),
        before=before(seen="203.0.113.7"),
    ),
    tell(
        "refused before the login from the address that was good",
        refused_at("203.0.113.50"),
        "F061",
        UNDECIDED,
        never=("F060", "F036", "F073"),
        before=before(seen="203.0.113.50"),
    ),
    tell(
        "login refused after it was accepted",
        challenged().receive(401),
        "F047",
        LIKELY,
        also=("F061",),
        never=("F049", "F062"),
        before=before(),
    ),
    tell(
        "login refused again and again after it was accepted",
        challenged().receive(401),
        "F047",
        LIKELY,
        also=("F062",),
        never=("F049",),
        before=before(refused_logins_since=4),
    ),
    tell(
        "the same number three minutes later",
        dialled("+12025550123", 404),
        "F134",
        LIKELY,
        says=("3", "ago", "quarter of an hour"),
        before=before(at=STARTED - timedelta(minutes=3)),
    ),
    tell(
        "busy three minutes after it answered",
        refused_call(486),
        "F093",
        LIKELY,
        also=("F134",),
        before=before(at=STARTED - timedelta(minutes=3)),
    ),
    tell(
        "not found a day after it answered",
        dialled("2025550123", 404),
        "F072",
        LIKELY,
        also=("F061",),
        never=("F134", "F073"),
        before=before(),
    ),
    tell(
        "expired and for another name, and it passed before",
        tls("expired or not yet valid", "host name does not match"),
        "F037",
        LIKELY,
        before=before(transport="TLS", tls="TLSv1.3 AES"),
    ),
    tell(
        "no call comes in any more",
        failed(Failure.NO_RESPONSE, "no call came in"),
        "F028",
        UNDECIDED,
        also=("F066",),
        direction="inbound",
        before=before(),
    ),
    tell(
        "seen at another address in mid-call",
        Wire("INVITE")
        .send("INVITE", body=OFFER)
        .receive(200, at=0.5, headers={"Via": SEEN.format("203.0.113.7")})
        .send("ACK")
        .send("BYE", at=20)
        .receive(481, headers={"Via": SEEN.format("203.0.113.50")}),
        "F146",
        LIKELY,
        says=("203.0.113.7:5060", "203.0.113.50:5060"),
        unmet=(("expect.media.heard", "tone 1004Hz", "silence"),),
    ),
)
"""Every story with a past."""
