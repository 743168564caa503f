"""Faults of running calls, F122 to F127 and F136 to F146."""

from collections.abc import Awaitable, Callable
from typing import Any

from dialling import call, refused
from farends import Pause, Say, far_end, ringing, running_sipp, sipp_script, trunk, trying
from kamailios import kamailio
from lab import Fault, Lab, Scene
from sipp import DEFAULT_KEYS, SCENARIOS, running_sipp_uas
from uas import Call, Exchange, answers

Handler = Callable[[Exchange], Awaitable[None]]


def _replying(status: int, phrase: str = "", *lines: str) -> Handler:
    async def reply(exchange: Exchange) -> None:
        await exchange.reply(status, phrase, *lines)

    return reply


def _talk(lab: Lab, seconds: float, **keys: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """Return a call that we mean to end ourselves after so many seconds."""
    return [
        call(lab.number(), name="first", **keys),
        {"talk": f"{int(seconds * 1000)}ms"},
        {"hangup": "first", "timeout": "3s"},
    ]


# Before the answer ------------------------------------------------------------------------------


def ended_upstream(lab: Lab) -> Scene:
    """End a call with 487 that we did not cancel."""
    before = (
        ringing(lab, lab.rng.uniform(0.5, 3)) if lab.rng.random() < 0.5 else trying(lab, slow=True)
    )
    lines = lab.rng.choice(((), ("Reason: Q.850;cause=16",), ("Reason: Q.850;cause=102",)))
    return refused(lab, (*before, Say(status=487, lines=lines)))


def answered_while_cancelled(lab: Lab) -> Scene:
    """Answer at the moment at which we cancel."""

    async def route(call: Call) -> None:
        call.ends_on_cancel = False
        await call.ring()
        await call.cancelled.wait()
        await call.answer()

    steps = [call(lab.number(), ring_for="700ms", expect={"responses": "180 487"})]
    return Scene(profile=trunk(lab, route), steps=steps)


def both_change(lab: Lab) -> Scene:
    """Change the call while our side does: 491."""
    return _refuses_change(lab, 491)


def _refuses_change(lab: Lab, status: int) -> Scene:
    async def route(call: Call) -> None:
        call.on |= {"INVITE": _replying(status), "UPDATE": _replying(status)}
        await call.ring()
        # We are to refresh the session: the only change of a running call that our side makes.
        await call.answer(f"Session-Expires: {seconds};refresher=uac", "Require: timer")

    seconds = 90
    profile = {**trunk(lab, route), "session_timer": "optional"}
    return Scene(profile=profile, steps=_talk(lab, seconds / 2 + 4), top={"timeout": "80s"})


def change_refused(lab: Lab) -> Scene:
    """Refuse a change of the running call."""
    return _refuses_change(lab, lab.rng.choice((488, 500)))


def call_forgotten(lab: Lab) -> Scene:
    """Lose the call, as after a restart: 481 to whatever comes in it."""
    after = lab.rng.uniform(0.1, 0.5)

    async def route(call: Call) -> None:
        call.on["BYE"] = _replying(481)
        await answers(call)
        await call.acked.wait()
        await call.pause(after)

    return Scene(profile=trunk(lab, route), steps=_talk(lab, 1))


def call_forgotten_sipp(lab: Lab) -> Scene:
    """Do the same with SIPp: a fresh one, which knows nothing of the call, takes over the port."""
    story = (*trying(lab), Say(status=180), Pause(seconds=0.2), Say(status=200, sdp=True))
    script = sipp_script(lab, story)
    head, _, _ = script.rpartition('<recv request="BYE"/>')
    rest = script[len(head) :].replace(
        "SIP/2.0 200 OK", "SIP/2.0 481 Call/Transaction Does Not Exist"
    )
    host, port = lab.address(), lab.port()
    lab.stack.enter_context(running_sipp(lab.place("sipp"), head + rest, host, port))
    return Scene(profile=lab.profile(host, port), steps=_talk(lab, 1))


def method_not_taken(lab: Lab) -> Scene:
    """Take no INVITE, or no OPTIONS, at this address."""
    status = lab.rng.choice((405, 501))
    lines = ("Allow: REGISTER, OPTIONS",) if status == 405 else ()
    if lab.rng.random() < 0.5:
        return refused(lab, (*trying(lab), Say(status=status, lines=lines)))
    uas = far_end(lab)
    uas.on["OPTIONS"] = _replying(
        status, "", *(("Allow: INVITE, ACK, BYE, CANCEL",) if lines else ())
    )
    return Scene(
        profile=lab.profile(uas.host, uas.port), steps=[{"options": None, "timeout": "2s"}]
    )


def mobile_feature(lab: Lab) -> Scene:
    """Demand a feature of mobile networks."""
    status, lines = lab.rng.choice(
        (
            (580, ()),
            (417, ("Accept-Resource-Priority: wps.0",)),
            (494, ("Security-Server: ipsec-ike;q=0.1",)),
        )
    )
    return refused(lab, (*trying(lab), Say(status=status, lines=lines)))


# After the answer -------------------------------------------------------------------------------


def ack_lost(lab: Lab) -> Scene:
    """Name a Contact that leads nowhere: ACK and BYE do not arrive."""
    dead = far_end(lab, "udp")
    dead.deaf = True

    async def route(call: Call) -> None:
        call.contact = f"<sip:{dead.host}:{dead.port}>"
        await answers(call)

    return Scene(profile=trunk(lab, route), steps=_talk(lab, 4, timeout="3s"))


def ack_lost_then_bye(lab: Lab) -> Scene:
    """Lose the ACK alone, and end the call for it."""

    async def route(call: Call) -> None:
        call.hears_ack = False
        await answers(call)
        await call.pause(4, 5)
        await call.hang_up(*lines)

    lines = lab.rng.choice(((), ('Reason: SIP;cause=408;text="ACK timeout"',)))
    return Scene(profile=trunk(lab, route), steps=_talk(lab, 8))


def ack_lost_sipp(lab: Lab) -> Scene:
    """Do the same with SIPp, whose ACK never comes through: it repeats its 200 and gives up."""
    script = (SCENARIOS / "bye_soon.xml").read_text()
    lost = '<recv request="ACK" lost="100" optional="true"/>'
    waits = '<recv request="BYE" timeout="4000" ontimeout="gone"/>\n<label id="gone"/>'
    script = script.replace('<recv request="ACK"/>', f"{lost}\n{waits}")
    script = script.replace('<send retrans="500">', '<send retrans="300">', 1)
    for key, value in DEFAULT_KEYS.items():
        script = script.replace(f"[{key}]", value)
    host, port = lab.address(), lab.port()
    lab.stack.enter_context(
        running_sipp(
            lab.place("sipp"), script, host, port, "-d", "500", "-default_behaviors", "none"
        )
    )
    return Scene(profile=lab.profile(host, port), steps=_talk(lab, 8))


def wrong_way(lab: Lab) -> Scene:
    """Refuse BYE as a stranger's, as a proxy does that finds no Route in it."""
    status, phrase = lab.rng.choice(((404, "Not here"), (403, "Forbidden P01"), (404, "Not Found")))
    keys = {"provider": "telnyx"} if "P01" in phrase else {}

    async def route(call: Call) -> None:
        call.on["BYE"] = _replying(status, phrase)
        await answers(call)

    return Scene(profile={**trunk(lab, route), **keys}, steps=_talk(lab, 1))


def wrong_way_kamailio(lab: Lab) -> Scene:
    """Let a proxy stand in Contact and forget Record-Route: what comes there is a stranger."""
    where: list[tuple[str, int]] = []

    async def route(call: Call) -> None:
        host, port = where[0]
        call.contact = f"<sip:{host}:{port}>"
        await answers(call)

    end = far_end(lab, "udp")
    end.call = route
    routing = f'    $du = "sip:{end.host}:{end.port}"; t_relay(); exit;'
    where.append(kamailio(lab, routing))
    host, port = where[0]
    return Scene(profile=lab.profile(host, port), steps=_talk(lab, 1))


def other_transport(lab: Lab) -> Scene:
    """Name another transport in Record-Route than the one of the call; hear the ACK on it never."""

    async def route(call: Call) -> None:
        call.extra = (f"Record-Route: <sip:{call.uas.host}:{call.uas.port};transport=tcp;lr>",)
        call.hears_ack = False
        await answers(call)

    profile = trunk(lab, route, login=False)
    # The engine ends where it has no such transport: nothing is learned, but why is there to see.
    return Scene(profile=profile, steps=_talk(lab, 4), outcome="INCONCLUSIVE")


def session_timer_ran_out(lab: Lab) -> Scene:
    """Promise to refresh the session, do not, and end the call when the timer says so."""
    expires = 90

    async def route(call: Call) -> None:
        await call.ring()
        await call.answer(f"Session-Expires: {expires};refresher=uas", "Require: timer")
        # RFC 4028 §10: slightly before the end, and before our own stack does the same.
        await call.pause(expires - expires / 3 - 2)
        await call.hang_up()

    profile = {**trunk(lab, route), "session_timer": "required"}
    return Scene(profile=profile, steps=_talk(lab, 70), top={"timeout": "100s"})


def no_audio_noticed(lab: Lab) -> Scene:
    """End the call because no audio arrived, as PBXs do."""
    seconds = lab.rng.uniform(3, 5)
    reason = lab.phrase(
        'SIP;cause=200;text="RTP Timeout"',
        'SIP;cause=408;text="RTP timeout"',
        'Q.850;cause=31;text="Media timeout"',
    )

    async def route(call: Call) -> None:
        await answers(call)
        await call.pause(seconds)
        await call.hang_up(f"Reason: {reason}")

    return Scene(profile=trunk(lab, route), steps=_talk(lab, 8))


def provider_ended(lab: Lab) -> Scene:
    """End the call for its length or for the credit."""
    reason = lab.phrase(
        'SIP;cause=200;text="Max call duration exceeded"',
        'SIP;cause=402;text="Insufficient balance"',
        'Q.850;cause=16;text="Teardown"',
        'Q.850;cause=16;text="Credit limit reached"',
    )
    seconds = lab.rng.uniform(3, 6)

    async def route(call: Call) -> None:
        await answers(call)
        await call.pause(seconds)
        await call.hang_up(f"Reason: {reason}")

    return Scene(profile=trunk(lab, route), steps=_talk(lab, 9))


def provider_ended_bare(lab: Lab) -> Scene:
    """End the call after a minute, without a word."""

    async def route(call: Call) -> None:
        await answers(call)
        await call.pause(60)
        await call.hang_up()

    steps = _talk(lab, 66)
    return Scene(profile=trunk(lab, route), steps=steps, top={"timeout": "90s"})


def hangs_up_at_once(lab: Lab) -> Scene:
    """Answer and hang up."""
    after = lab.rng.uniform(0.1, 1.2)
    lines = lab.rng.choice(((), ("Reason: Q.850;cause=16",), ("Reason: Q.850;cause=127",)))

    async def route(call: Call) -> None:
        await answers(call)
        await call.acked.wait()
        await call.pause(after)
        await call.hang_up(*lines)

    return Scene(profile=trunk(lab, route), steps=_talk(lab, 5))


def hangs_up_at_once_sipp(lab: Lab) -> Scene:
    """Do the same with SIPp."""
    peer = lab.stack.enter_context(running_sipp_uas(lab.place("sipp"), "bye_soon", pause_ms=300))
    return Scene(profile=lab.profile("127.0.0.1", peer.port), steps=_talk(lab, 5))


def bye_unanswered(lab: Lab) -> Scene:
    """Take no notice of BYE."""

    async def route(call: Call) -> None:
        call.uas.silent_to.add("BYE")
        await answers(call)

    return Scene(profile=trunk(lab, route), steps=_talk(lab, 1))


def path_lost(lab: Lab) -> Scene:
    """Close the connection in mid-call, and take none any more."""

    async def route(call: Call) -> None:
        await answers(call)
        await call.acked.wait()
        await call.pause(0.5, 1)
        for close in call.uas._closers:
            close()
        call.uas._closers.clear()
        call.uas.deaf = True
        for flow in list(call.uas._flows):
            flow.close()

    profile = trunk(lab, route, login=False, transport="tcp")
    return Scene(profile=profile, steps=_talk(lab, 3))


_UAS = "scripted far end"


def _fault(cause: str, name: str, how: str, make: Any, family: str = "F") -> Fault:  # noqa: ANN401
    needs = (("kamailio",) if "Kamailio" in how else ()) + (("sipp",) if "SIPp" in how else ())
    waits = make in {
        session_timer_ran_out,
        provider_ended_bare,
        both_change,
        change_refused,
    }
    return Fault(
        cause=cause, name=name, how=how, make=make, family=family, needs=needs, waits=waits
    )


FAULTS = (
    _fault(
        "F140",
        "session timer ran out",
        f"{_UAS}: Session-Expires 90, no refresh, BYE at 60 s",
        session_timer_ran_out,
    ),
    _fault("F142", "ended after a minute", f"{_UAS}: BYE at 60 s", provider_ended_bare),
    _fault("F122", "ended upstream", f"{_UAS} or SIPp: 487", ended_upstream, "E"),
    _fault(
        "F123",
        "answered while cancelled",
        f"{_UAS}: 200 to CANCEL and to INVITE",
        answered_while_cancelled,
        "E",
    ),
    _fault("F124", "both change", f"{_UAS}: 491 to our UPDATE or re-INVITE", both_change, "E"),
    _fault("F125", "call forgotten", f"{_UAS}: 481 to BYE", call_forgotten, "E"),
    _fault("F125", "call forgotten by SIPp", "SIPp: 481 to BYE", call_forgotten_sipp, "E"),
    _fault("F126", "method not taken", f"{_UAS} or SIPp: 405 or 501", method_not_taken, "E"),
    _fault("F127", "mobile feature", f"{_UAS} or SIPp: 580, 417 or 494", mobile_feature, "E"),
    _fault("F136", "Contact leads nowhere", f"{_UAS} with a dead Contact", ack_lost),
    _fault("F136", "ACK not heard", f"{_UAS} that hears no ACK", ack_lost_then_bye),
    _fault("F136", "ACK not heard by SIPp", "SIPp that hears no ACK", ack_lost_sipp),
    _fault("F138", "BYE is a stranger", f"{_UAS}: 404 or 403 to BYE", wrong_way),
    _fault(
        "F138",
        "no Record-Route",
        "Kamailio without Record-Route, named in Contact",
        wrong_way_kamailio,
    ),
    _fault(
        "F139",
        "other transport in the call",
        f"{_UAS}: Record-Route with TCP, call by UDP",
        other_transport,
    ),
    _fault("F141", "no audio noticed", f"{_UAS}: BYE with Reason", no_audio_noticed),
    _fault("F142", "time or credit over", f"{_UAS}: BYE with Reason", provider_ended),
    _fault(
        "F143", "change refused", f"{_UAS}: 488 or 500 to our UPDATE or re-INVITE", change_refused
    ),
    _fault("F144", "answered and gone", f"{_UAS}: BYE within 2 s", hangs_up_at_once),
    _fault("F144", "answered and gone at SIPp", "SIPp: BYE within 2 s", hangs_up_at_once_sipp),
    _fault("F145", "BYE unanswered", f"{_UAS} that overlooks BYE", bye_unanswered),
    _fault(
        "F146",
        "connection gone in the call",
        f"{_UAS} over TCP that closes and listens no more",
        path_lost,
    ),
)
