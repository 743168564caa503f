"""Stories of messages that do not find us: another branch, and a Contact of the inside."""

from collections.abc import Mapping

from stories import CERTAIN, LIKELY, PUBLIC, UNDECIDED, Story, tell, with_text
from wirebuilder import ANSWER, OFFER, Wire

from probe.trace.failure import Failure
from probe.trace.trace import Trace

INSIDE = (("Contact: <sip:100@192.0.2.10", "Contact: <sip:100@192.168.7.4"),)
SEEN = {"Via": "SIP/2.0/UDP 192.168.7.4:5060;branch=z9hG4bK-1;rport=4000;received=9.9.9.1"}


def strayed(change: str) -> Wire:
    """Return a REGISTER and an answer in which one thing is another request's."""
    wire = Wire("REGISTER").send("REGISTER")
    answer = "\r\n".join(
        (
            "SIP/2.0 200 OK",
            "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-of-nobody",
            "From: <sip:100@sip.carrier.example>;tag=us",
            "To: <sip:100@sip.carrier.example>;tag=them",
            f"Call-ID: {'c1@192.0.2.10' if change == 'branch' else 'old@192.0.2.10'}",
            "CSeq: 1 REGISTER",
            "Content-Length: 0",
            "",
            "",
        )
    )
    return wire.raw(answer).fail(Failure.NO_RESPONSE, at=2.0, deadline="timeout 2 s")


def hung_up_on(seen: Mapping[str, str | None] | None = None, *, bye: bool = False) -> Trace:
    """Return a call whose BYE of ours finds no call any more."""
    wire = (
        Wire("INVITE")
        .send("INVITE", body=OFFER)
        .receive(180, at=0.5)
        .receive(200, at=1.0, body=ANSWER, headers=seen)
        .send("ACK", at=1.01)
    )
    if bye:
        wire.request("BYE", at=2.0).reply(200)
    return with_text(wire.send("BYE", at=3.0).receive(481), *INSIDE, *PUBLIC)


REACH: tuple[Story, ...] = (
    tell(
        "an answer under another branch",
        strayed("branch"),
        "F034",
        CERTAIN,
        never=("F015", "F013", "F131"),
        says=("branch",),
    ),
    tell(
        "an answer of an older call",
        strayed("call"),
        "F015",
        UNDECIDED,
        never=("F034",),
    ),
    tell(
        "their BYE went to our private Contact",
        hung_up_on(SEEN),
        "F029",
        LIKELY,
        never=("F125",),
        says=("192.168.7.4",),
    ),
    tell("they see us where we are", hung_up_on(), "F125", CERTAIN, never=("F029",)),
    tell(
        "their BYE reached our private Contact",
        hung_up_on(SEEN, bye=True),
        "F125",
        CERTAIN,
        never=("F029",),
    ),
)
