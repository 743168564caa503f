"""Stories in which another attempt of the same run is the evidence, and of controls that call."""

from stories import CERTAIN, LIKELY, UNDECIDED, Story, tell
from wirebuilder import ANSWER, OFFER, Wire, refused_call, sdp

from probe.diagnosis.earlier import Earlier
from probe.trace.control import Control, ControlRan
from probe.trace.failure import Failure
from probe.trace.trace import UNASKED, AgentNote, BytesDropped


def earlier(  # noqa: PLR0913 - the facts of an attempt with defaults
    method: str = "INVITE",
    *,
    number: str = "+12025550188",
    began: float = -30.0,
    status: int | None = 200,
    up: bool = False,
    refused_login: bool = False,
    caller: str = "",
) -> Earlier:
    """Return an earlier attempt of the same account."""
    return Earlier(
        label=f"{method} {number}".lower(),
        method=method,
        number=number if method == "INVITE" else "",
        caller=caller,
        began=began,
        status=status,
        provisional=False,
        refused_login=refused_login,
        up=up,
        size=800,
    )


def asked(control: Control, result: str) -> ControlRan:
    """Return what a control showed."""
    return ControlRan(
        at=9.0, control=control, target=control.value, result=result, detail=f"it {result}"
    )


def up(offer: str = OFFER, answer: str = ANSWER, **counts: object) -> Wire:
    """Return an answered call with what was counted."""
    wire = Wire().send("INVITE", body=offer).receive(200, body=answer, at=0.2).send("ACK")
    return wire.send("BYE", at=5.0).receive(200).media(**counts)


SOUND: tuple[Story, ...] = (
    tell(
        "their reports come and their audio does not",
        up(rx_packets=0, tx_lost=0, rtt_s=0.05),
        "F150",
        LIKELY,
        never=("F147",),
        unmet=(("expect.media.rx", "audio", "none"),),
    ),
    tell(
        "our audio is lost on the way to them",
        up(tx_packets=250, tx_lost=250),
        "F150",
        LIKELY,
        unmet=(("expect.media.tx", "audio", "none"),),
    ),
    tell(
        "early media announced and never heard",
        Wire()
        .send("INVITE", body=OFFER)
        .receive(183, body=ANSWER)
        .receive(480, at=5.0)
        .send("ACK")
        .media(rx_packets=0),
        "F152",
        CERTAIN,
        unmet=(("expect.media.early", "audio", "none"),),
        expect={"responses": "183 480"},
    ),
    tell(
        "key presses were not agreed",
        up(
            offer=OFFER,
            answer=sdp("PCMU"),
        ),
        "F157",
        CERTAIN,
        unmet=(("expect.media.dtmf", "123", ""),),
    ),
    tell(
        "long way there and back",
        up(rtt_s=0.6, tx_packets=250, rx_packets=250),
        "F163",
        LIKELY,
        unmet=(("expect.media.rtt", "max 300ms", "600ms"),),
    ),
)

ROUTED = {
    "Record-Route": "<sip:198.51.100.1;transport=tcp;lr>",
    "Contact": "<sip:b@198.51.100.1>",
}

ANSWERS: tuple[Story, ...] = (
    tell(
        "our engine ended on a route over another transport",
        Wire()
        .send("INVITE", body=OFFER)
        .receive(200, body=ANSWER, headers=ROUTED)
        .fail(Failure.AGENT_CRASHED, at=0.5),
        "F139",
        LIKELY,
        also=("F180",),
        says=("over TCP",),
    ),
    tell(
        "our BYE had no connection left",
        Wire(transport="TCP")
        .send("INVITE", body=OFFER)
        .receive(200, body=ANSWER)
        .send("ACK")
        .fail(Failure.CONNECTION_LOST, method="BYE", at=5.0),
        "F146",
        LIKELY,
        also=("F145",),
    ),
    tell(
        "our stack ended the call at the session timer",
        Wire()
        .send("INVITE", body=OFFER)
        .receive(200, body=ANSWER, headers={"Session-Expires": "90;refresher=uas"})
        .send("ACK")
        .send("BYE", at=61.0)
        .receive(200)
        .add(AgentNote(at=70.0, kind=UNASKED, detail="no step asked for its BYE")),
        "F140",
        CERTAIN,
    ),
    tell(
        "a challenge that cannot be read",
        Wire(method="REGISTER")
        .send("REGISTER")
        .add(
            BytesDropped(
                at=0.1,
                remote="198.51.100.1:5060",
                size=444,
                detail="syntax error exception when parsing 'WWW-Authenticate' header",
            )
        )
        .fail(Failure.RESPONSE_DISCARDED, at=3.0),
        "F053",
        CERTAIN,
        never=("F034",),
    ),
    tell(
        "REGISTER, and Path is demanded",
        Wire(method="REGISTER")
        .send("REGISTER")
        .receive(421, "Extension Required", headers={"Require": "path"}),
        "F071",
        CERTAIN,
        never=("F111",),
    ),
    tell(
        "REGISTER, and the sequence number went back",
        Wire(method="REGISTER").send("REGISTER").receive(500, "CSeq out of order"),
        "F068",
        CERTAIN,
    ),
    tell(
        "Basic alone in a 401 that the stack threw away",
        Wire(method="REGISTER")
        .send("REGISTER")
        .receive(401, headers={"WWW-Authenticate": 'Basic realm="pbx"'})
        .fail(Failure.RESPONSE_DISCARDED, status=408, at=3.0),
        "F053",
        CERTAIN,
        never=("F034",),
    ),
    tell(
        "403, and P-Asserted-Identity is asked for",
        refused_call(403, "P-Asserted-Identity required"),
        "F084",
        LIKELY,
        never=("F060",),
    ),
    tell(
        "480 for a number of our own",
        refused_call(480, "Temporarily Unavailable"),
        "F090",
        LIKELY,
        never=("F072",),
        numbers=("+12025550123",),
        says=("our own number",),
    ),
    tell(
        "two devices ring",
        Wire()
        .send("INVITE", body=OFFER)
        .receive(180, headers={"To": "<sip:+12025550123@sip.carrier.example>;tag=b1"})
        .receive(180, headers={"To": "<sip:+12025550123@sip.carrier.example>;tag=b2"})
        .receive(200, body=ANSWER)
        .send("ACK"),
        "F135",
        CERTAIN,
        expect={"responses": "180{1} 200"},
        says=("2 devices",),
    ),
)

SAME_RUN: tuple[Story, ...] = (
    *ANSWERS,
    *SOUND,
    tell(
        "503 while a call of ours is up",
        refused_call(503),
        "F129",
        LIKELY,
        never=("F047",),
        earlier=(earlier(up=True),),
        says=("calls are up",),
    ),
    tell(
        "486 while a call of ours is up",
        refused_call(486, "Busy Here"),
        "F129",
        LIKELY,
        earlier=(earlier(up=True),),
    ),
    tell(
        "503 half a second after a call that was taken",
        refused_call(503),
        "F128",
        LIKELY,
        earlier=(earlier(began=-0.5),),
        says=("calls per second",),
    ),
    tell(
        "480 half a second after a call that was taken, and the network says why",
        Wire("INVITE")
        .send("INVITE", body=OFFER)
        .receive(480, headers={"Reason": "Q.850;cause=20"}, at=0.05)
        .send("ACK"),
        "F094",
        LIKELY,
        never=("F128",),
        earlier=(earlier(began=-0.5),),
    ),
    tell(
        "404 for a number that was reached before",
        refused_call(404, "Not Found"),
        "F134",
        UNDECIDED,
        never=("F072",),
        earlier=(earlier(number="+12025550123"),),
    ),
    tell(
        "403 for a number that another caller ID reached",
        refused_call(403),
        "F082",
        LIKELY,
        never=("F134", "F061"),
        earlier=(earlier(number="+12025550123", caller="12025550111"),),
    ),
    tell(
        "403 after a login that this run saw accepted",
        Wire()
        .send("INVITE", body=OFFER)
        .receive(407)
        .send("ACK")
        .send("INVITE", body=OFFER, auth=True)
        .receive(403, at=0.5)
        .send("ACK"),
        "F061",
        UNDECIDED,
        never=("F047", "F056"),
        earlier=(earlier("REGISTER"),),
    ),
    tell(
        "402 after a call that passed",
        refused_call(402, "Payment Required"),
        "F061",
        LIKELY,
        also=("F080",),
        never=("F079", "F060"),
        earlier=(earlier(),),
    ),
    tell(
        "REGISTER refused unasked where OPTIONS was answered",
        Wire(method="REGISTER").send("REGISTER").receive(405, "Method Not Allowed"),
        "F059",
        LIKELY,
        earlier=(earlier("OPTIONS"),),
        says=("by our address",),
    ),
    tell(
        "silent after refused logins",
        Wire(method="REGISTER").send("REGISTER").fail(Failure.NO_RESPONSE, status=408, at=3.0),
        "F030",
        UNDECIDED,
        never=("F013", "F015"),
        earlier=(
            earlier("REGISTER", status=401, refused_login=True),
            earlier("REGISTER", status=403, refused_login=True),
        ),
    ),
    tell(
        "404, and the number in the other form rings",
        refused_call(404, "Not Found").add(asked(Control.E164, "rang")),
        "F073",
        LIKELY,
        never=("F072",),
    ),
    tell(
        "488, and G.711 alone rings",
        refused_call(488, "Not Acceptable Here").add(asked(Control.G711, "rang")),
        "F114",
        LIKELY,
        never=("F116",),
    ),
    tell(
        "silence, and a small INVITE is answered",
        Wire()
        .send("INVITE")
        .fail(Failure.NO_RESPONSE, status=408, at=3.0)
        .add(asked(Control.SLIM, "refused")),
        "F025",
        LIKELY,
        never=("F015",),
    ),
)
