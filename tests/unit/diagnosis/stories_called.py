"""Stories in which the called side is one of our own agents."""

from msgspec.structs import replace
from stories import LIKELY, UNDECIDED, Story, tell
from wirebuilder import ANSWER, OFFER, Wire

from probe.trace.trace import Leg, Trace


def leg(*, registered: bool = True, answer: int | None = None) -> Leg:
    """Return what bob saw: nothing, or an INVITE that he answered."""
    wire = Wire("INVITE", call_id="leg-1", number="101")
    if answer is not None:
        wire.request("INVITE", body=OFFER).reply(180).reply(answer)
        wire.request("ACK", headers={"CSeq": "1 ACK"})
    trace = replace(wire.trace(), serving=True)
    return Leg(agent="bob", trace=trace, registered=registered)


def call(status: int, one: Leg) -> Trace:
    """Return what the caller saw of a call that was to reach bob."""
    wire = Wire("INVITE", number="101").send("INVITE", body=OFFER).receive(100)
    wire.receive(status, body=ANSWER if status < 300 else "").send("ACK")
    if status < 300:
        wire.send("BYE").receive(200)
    return replace(wire.trace(), legs=(one,))


def transfer(*told: str) -> Trace:
    """Return a REFER and what its NOTIFYs told."""
    wire = Wire("REFER").send("REFER", headers={"Refer-To": "<sip:102@x>"}).receive(202)
    for line in told:
        wire.request("NOTIFY", headers={"Content-Type": "message/sipfrag"}, body=f"SIP/2.0 {line}")
        wire.reply(200)
    return wire.trace()


CALLED: tuple[Story, ...] = (
    tell(
        "the called agent is not registered",
        call(480, leg(registered=False)),
        "F090",
        LIKELY,
        never=("F128", "F132"),
        says=("bob, who was not registered", "- register: bob"),
    ),
    tell(
        "the called agent is registered, and its call does not come",
        call(404, leg()),
        "F072",
        LIKELY,
        says=(),
    ),
    tell(
        "our own called side is busy",
        call(486, leg(answer=486)),
        "F093",
        LIKELY,
        never=("F090",),
        says=("bob refused the call with 486",),
        expect={"responses": "180 200"},
    ),
    tell(
        "our own called side declines, and the caller gets another code",
        call(480, leg(answer=603)),
        "F095",
        LIKELY,
        never=("F090", "F094"),
        says=("bob refused the call with 603",),
        expect={"responses": "180 200"},
    ),
    tell(
        "a mailbox answers in place of the agent",
        call(200, leg()),
        None,
        UNDECIDED,
        says=("answered, but not by bob",),
    ),
    tell(
        "a transfer that is accepted and fails",
        transfer("100 Trying", "404 Not Found"),
        None,
        UNDECIDED,
        says=("its target answered 404", "sipprobe explain 404"),
        direction="outbound",
    ),
    tell(
        "a transfer of which nothing is told",
        transfer(),
        None,
        UNDECIDED,
        says=("what came is no NOTIFY",),
    ),
)
