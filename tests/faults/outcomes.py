"""Faults of people and networks on the way to an answer, F093 to F135."""

import asyncio
import re
import time
from typing import Any

from dialling import call, refused
from farends import Pause, Say, far_end, refusing, ringing, trunk, trying
from kamailios import kamailio, running_kamailio
from lab import Fault, Lab, Scene
from uas import Call, Exchange, Flow, Uas, answers, running_uas

# People ----------------------------------------------------------------------------------------


def busy(lab: Lab) -> Scene:
    """Be busy."""
    lines = lab.rng.choice(
        ((), ("Reason: Q.850;cause=17",), ('Reason: Q.850;cause=17;text="User busy"',))
    )
    before = (
        trying(lab)
        if lab.rng.random() < 0.7
        else (*trying(lab), Say(status=180), Pause(seconds=0.3))
    )
    return refused(lab, (*before, Say(status=lab.rng.choice((486, 486, 600)), lines=lines)))


def nobody_answers(lab: Lab) -> Scene:
    """Ring until a timer of theirs ends it."""
    status = lab.rng.choice((480, 408))
    lines = lab.rng.choice(((), (f"Reason: Q.850;cause={19 if status == 480 else 18}",)))
    story = (*ringing(lab, lab.rng.uniform(16, 18)), Say(status=status, lines=lines))
    profile = refusing(lab, story)
    return Scene(profile=profile, steps=[call(lab.number(), answer_within="30s")])


def nobody_answers_soon(lab: Lab) -> Scene:
    """Ring for a shorter time, and say so in Q.850."""
    story = (
        *ringing(lab, lab.rng.uniform(2, 4)),
        Say(status=480, lines=('Reason: Q.850;cause=19;text="No answer from user"',)),
    )
    return refused(lab, story)


def declined(lab: Lab) -> Scene:
    """Press the red key."""
    status = lab.rng.choice((603, 486, 480))
    lines = lab.rng.choice(((), ("Reason: Q.850;cause=21",)))
    return refused(lab, (*ringing(lab, lab.rng.uniform(1.5, 4)), Say(status=status, lines=lines)))


def analytics(lab: Lab) -> Scene:
    """Block a caller with a label, in the form agreed in the US."""
    contact = lab.phrase(
        "url=https://redress.example.com", "tel=+18005550100", "email=redress@example.com"
    )
    line = f'Reason: Q.850;cause=21;text="v=analytics1;{contact}";location=LN'
    return refused(lab, (*trying(lab), Say(status=603, phrase="Network Blocked", lines=(line,))))


def rejected_between(lab: Lab) -> Scene:
    """Reject a call on the way (RFC 8688)."""
    lines = lab.rng.choice(((), ("Call-Info: <https://example.net/card>;purpose=jwscard",)))
    return refused(lab, (*trying(lab), Say(status=608, lines=lines)))


def unwanted(lab: Lab) -> Scene:
    """Mark the caller as unwanted (RFC 8197)."""
    return refused(lab, (*trying(lab), Say(status=607)))


def unsigned(lab: Lab) -> Scene:
    """Want a signed caller identity."""

    async def route(call: Call) -> None:
        if not call.invite.message.first("identity"):
            await call.reply(428)
        else:
            await answers(call)

    return Scene(profile=trunk(lab, route), steps=[call(lab.number())])


def badly_signed(lab: Lab) -> Scene:
    """Find fault with the signature that a network on the way made."""
    status = lab.rng.choice((436, 437, 438))
    lines = lab.rng.choice(((), (f"Reason: STIR;cause={status}",)))
    return refused(lab, (*trying(lab), Say(status=status, lines=lines)))


# Silence, ringing, announcements ----------------------------------------------------------------


def trying_alone(lab: Lab) -> Scene:
    """Say 100 and nothing else."""

    async def route(call: Call) -> None:
        await call.reply(100)

    return Scene(profile=trunk(lab, route), steps=[call(lab.number(), answer_within="2s")])


def rings_for_ever(lab: Lab) -> Scene:
    """Ring without an end."""
    status = lab.rng.choice((180, 180, 183))

    async def route(call: Call) -> None:
        await call.ring(status)

    return Scene(profile=trunk(lab, route), steps=[call(lab.number(), answer_within="3s")])


def announced(lab: Lab) -> Scene:
    """Play an announcement before the answer, then refuse."""
    seconds = lab.rng.uniform(3, 4.5)
    status = lab.rng.choice((404, 480, 486, 503))

    async def route(call: Call) -> None:
        await call.reply(100)
        await call.reply(183, body=call.sdp())
        await _speaks(call, seconds)
        await call.reply(status)

    profile = trunk(lab, route)
    return Scene(profile=profile, steps=[call(lab.number(), answer_within="10s")])


async def _speaks(call: Call, seconds: float) -> None:
    """Send G.711 of a voice to the address in the offer."""
    host = re.search(r"(?m)^c=IN IP4 (\S+)", call.offer)
    port = re.search(r"(?m)^m=audio (\d+)", call.offer)
    if not host or not port:
        return
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=(call.uas.host, call.media_port)
    )
    dice = call.uas.rng
    for number in range(int(seconds * 50)):
        head = bytes((0x80, 0)) + number.to_bytes(2, "big") + (160 * number).to_bytes(4, "big")
        transport.sendto(head + b"lab!" + dice.randbytes(160), (host[1], int(port[1])))
        await call.pause(0.02)
        if call.cancelled.is_set():
            break
    transport.close()


# Elsewhere, loops, extensions -------------------------------------------------------------------


def redirected(lab: Lab) -> Scene:
    """Send the call elsewhere."""
    target = f"Contact: <sip:{lab.number()}@{lab.phrase('198.51.100.7', 'other.example.net')}>"
    return refused(lab, (*trying(lab), Say(status=lab.rng.choice((301, 302)), lines=(target,))))


def other_proxy(lab: Lab) -> Scene:
    """Demand another proxy or service."""
    target = "Contact: <sip:proxy.example.net;lr>"
    return refused(lab, (*trying(lab), Say(status=lab.rng.choice((305, 380)), lines=(target,))))


def loop(lab: Lab) -> Scene:
    """Let two proxies point at each other."""
    user, password = lab.user(), lab.password()
    first, second = lab.address(), lab.address()
    port = lab.port()
    hops = lab.rng.randrange(12, 20)
    there = f'    $du = "sip:{second}:{port}"; t_relay(); exit;'
    back = f'    $du = "sip:{first}:{port}"; t_relay(); exit;'
    # Only the first of them asks for a login, and takes what comes back for known.
    login = f'    if ($si != "{second}") {{ route(LOGIN); }}\n'
    for host, routing in ((first, login + there), (second, back)):
        lab.stack.enter_context(
            running_kamailio(lab, host, port, routing, users={user: password}, max_forwards=hops)
        )
    profile = lab.profile(first, port, user=user, password=password)
    return Scene(profile=profile, steps=[call(lab.number())])


def twice_the_same(lab: Lab) -> Scene:
    """Let a call reach one server on two ways, of which one loses the answers."""
    phrase = lab.phrase("Loop Detected", "Merged Request", "Request merged")
    seen: set[str] = set()

    async def end(call: Call) -> None:
        if call.id in seen:  # RFC 3261 §8.2.2.2
            await call.reply(482, phrase)
        seen.add(call.id)

    async def both_ways(call: Call) -> None:
        invite, front = call.invite.message, call.uas
        await call.reply(100)
        fields = "\r\n".join(f"{name.title()}: {value}" for name, value in invite.fields)
        there = Flow(front, call.invite.flow.transport, (server.host, server.port), stream=False)
        for lost in (True, False):
            branch = f"z9hG4bK{front.token()}"
            via = f"Via: SIP/2.0/UDP {front.host}:{front.port};branch={branch}"
            text = f"{invite.start}\r\n{via}\r\n{fields}\r\n\r\n{invite.body}"
            answer = await front.ask(text, branch, there, 0.3 if lost else 3)
            if not lost and answer is not None:
                await call.reply(answer.status, answer.start.split(" ", 2)[2])

    server = far_end(lab, "udp")
    server.call = end
    return Scene(profile=trunk(lab, both_ways), steps=[call(lab.number())])


def extension_unknown(lab: Lab) -> Scene:
    """Lack an extension that our request demands."""
    key, option = "session_timer", "timer"

    async def route(call: Call) -> None:
        if option in " ".join(call.invite.message.all("require")):
            await call.reply(420, "", f"Unsupported: {option}")
        else:
            await answers(call)

    return Scene(profile={**trunk(lab, route), key: "required"}, steps=[call(lab.number())])


def extension_demanded(lab: Lab) -> Scene:
    """Demand an extension that our request does not offer."""
    key, option = "session_timer", "timer"

    async def route(call: Call) -> None:
        if option not in " ".join(call.invite.message.all("supported")):
            await call.reply(421, "", f"Require: {option}")
        else:
            await answers(call)

    return Scene(profile={**trunk(lab, route), key: "off"}, steps=[call(lab.number())])


def prack_lost(lab: Lab) -> Scene:
    """Ring reliably with a Contact that nobody can reach."""
    dead = far_end(lab, "udp")
    dead.deaf = True

    async def route(call: Call) -> None:
        call.contact = f"<sip:{dead.host}:{dead.port}>"
        await call.reply(100)
        await call.pause(0.05, 0.2)
        pause = 0.5
        lines = ("Require: 100rel", f"RSeq: {call.uas.rng.randrange(1, 9000)}")
        await call.reply(183, "", *lines, body=call.sdp())
        text = call.invite._last
        for _ in range(4):
            await call.pause(pause)
            if call.cancelled.is_set():
                return
            call.invite.flow.send(text)
            pause *= 2
        await call.reply(lab.rng.choice((504, 500)))

    profile = {**trunk(lab, route), "prack": lab.phrase("optional", "required")}
    return Scene(profile=profile, steps=[call(lab.number(), answer_within="12s")])


def timer_too_short(lab: Lab) -> Scene:
    """Want a longer session timer, whatever we offer."""

    async def route(call: Call) -> None:
        await call.reply(422, "", f"Min-SE: {lab.rng.choice((7200, 14400))}")

    return Scene(
        profile={**trunk(lab, route), "session_timer": "required"}, steps=[call(lab.number())]
    )


# Limits and failures of theirs ------------------------------------------------------------------


def too_fast(lab: Lab) -> Scene:
    """Take one call in some seconds."""
    return _too_fast(
        lab,
        *lab.rng.choice(
            (
                (503, "CPS limit exceeded"),
                (503, "Calls per second exceeded"),
                (403, "Call rate limit"),
                (480, "CPS exceeded"),
            )
        ),
    )


def too_fast_bare(lab: Lab) -> Scene:
    """Do the same without a word."""
    return _too_fast(lab, 503, "")


def _too_fast(lab: Lab, status: int, phrase: str) -> Scene:
    times: list[float] = []

    async def route(call: Call) -> None:
        now = time.monotonic()
        recent = [t for t in times if now - t < 3]
        times.append(now)
        if recent:
            await call.reply(status, phrase)
        else:
            await answers(call)

    steps = [call(lab.number(), hangup_after="50ms"), call(lab.number(), name="second")]
    return Scene(profile=trunk(lab, route, login=False), steps=steps, judged="call")


def channels_full(lab: Lab) -> Scene:
    """Take one call at a time, and say so."""
    return _channels_full(
        lab,
        *lab.rng.choice(
            (
                (403, "Max concurrent calls reached"),
                (503, "Channel limit exceeded"),
                (486, "All lines in use"),
                (480, "Call limit reached"),
            )
        ),
    )


def channels_full_bare(lab: Lab) -> Scene:
    """Do the same without a word."""
    return _channels_full(lab, *lab.rng.choice(((486, ""), (503, ""))))


def _channels_full(lab: Lab, status: int, phrase: str) -> Scene:
    up: list[Call] = []

    async def route(call: Call) -> None:
        if any(not other.ended.is_set() for other in up):
            await call.reply(100)
            await call.pause(0.05, 0.2)
            await call.reply(status, phrase)
            return
        up.append(call)
        await answers(call)

    first, second = "+12025550111", lab.number()
    steps = [call(first, name="first"), call(second), {"hangup": "first"}]
    return Scene(profile=trunk(lab, route), steps=steps, judged=f"call {second}")


def overloaded(lab: Lab) -> Scene:
    """Be overloaded and say when to return."""
    lines = (f"Retry-After: {lab.rng.choice((5, 30, 60, 120))}",)
    return refused(lab, (*trying(lab), Say(status=lab.rng.choice((503, 503, 500)), lines=lines)))


def in_maintenance(lab: Lab) -> Scene:
    """Refuse everything with 503, OPTIONS too."""
    phrase = lab.phrase("", "", "Maintenance", "Server is draining", "Out of service")
    uas = far_end(lab)

    async def refuse(exchange: Exchange) -> None:
        await exchange.reply(503, phrase)

    async def route(call: Call) -> None:
        await call.reply(503, phrase)

    uas.call = route
    uas.on |= {"OPTIONS": refuse, "REGISTER": refuse}
    profile = lab.profile(uas.host, uas.port, password=lab.password())
    return Scene(profile=profile, steps=[call(lab.number())])


def congested(lab: Lab) -> Scene:
    """Have no circuit behind the trunk."""
    cause = lab.rng.choice((34, 38, 41, 42))
    status = lab.rng.choice((503, 503, 480))
    line = f"Reason: Q.850;cause={cause}"
    return refused(lab, (*trying(lab, slow=True), Say(status=status, lines=(line,))))


def congested_bare(lab: Lab) -> Scene:
    """Do the same with a bare 503 after the time that a route takes."""
    return refused(lab, (*trying(lab, slow=True), Say(status=503)))


def dead_behind(lab: Lab) -> Scene:
    """Relay to a host that is not there, until the proxy's own timer ends it."""
    user, password = lab.user(), lab.password()
    dead = far_end(lab, "udp")
    dead.deaf = True
    routing = f'    route(LOGIN);\n    $du = "sip:{dead.host}:{dead.port}"; t_relay(); exit;'
    host, port = kamailio(lab, routing, users={user: password}, fr_timer_ms=2000)
    profile = lab.profile(host, port, user=user, password=password)
    return Scene(profile=profile, steps=[call(lab.number(), answer_within="8s")])


def bad_gateway(lab: Lab) -> Scene:
    """Report that the next hop failed."""
    story = (
        Say(status=100),
        Pause(seconds=lab.rng.uniform(0.5, 4.5)),
        Say(status=lab.rng.choice((502, 504, 500))),
    )
    return refused(lab, story)


def same_number_again(lab: Lab) -> Scene:
    """Take a call to a number once, and refuse the next one soon after."""
    seen: set[str] = set()
    status = lab.rng.choice((404, 603, 486))

    async def route(call: Call) -> None:
        number = call.invite.message.user
        if number in seen:
            await call.reply(status)
        else:
            seen.add(number)
            await answers(call)

    number = lab.number()
    steps = [call(number, hangup_after="200ms"), call(number, name="second")]
    return Scene(profile=trunk(lab, route), steps=steps, judged="call")


def rings_at_two_places(lab: Lab) -> Scene:
    """Fork to two phones: both ring, one answers."""
    hosts = [lab.address(), lab.address()]
    port = lab.port()
    for place, host in enumerate(hosts):
        phone = lab.stack.enter_context(running_uas(Uas(host, port, lab.rng), "udp"))

        async def route(call: Call, place: int = place) -> None:
            await call.ring()
            await call.pause(0.8 + 2 * place)
            await call.answer()

        phone.call = route
    user, password = lab.user(), lab.password()
    routing = (
        "    route(LOGIN);\n    record_route();\n"
        f'    $var(other) = "sip:" + $rU + "@{hosts[1]}:{port}";\n'
        f'    $ru = "sip:" + $rU + "@{hosts[0]}:{port}";\n'
        '    append_branch("$var(other)");\n    t_relay(); exit;'
    )
    host, at = kamailio(lab, routing, users={user: password})
    profile = lab.profile(host, at, user=user, password=password)
    wanted = {"responses": "180{1} 200"}
    return Scene(profile=profile, steps=[call(lab.number(), expect=wanted)])


_BOTH, _UAS, _KAMAILIO = "scripted far end or SIPp", "scripted far end", "Kamailio"


def _fault(cause: str, name: str, how: str, make: Any) -> Fault:  # noqa: ANN401
    needs = (("kamailio",) if _KAMAILIO in how else ()) + (("sipp",) if "SIPp" in how else ())
    return Fault(
        cause=cause,
        name=name,
        how=how,
        make=make,
        family="E",
        needs=needs,
        waits=make is nobody_answers,
    )


FAULTS = (
    _fault("F094", "rings until a timer", f"{_BOTH}: 16 s of ringing, 480 or 408", nobody_answers),
    _fault("F093", "busy there", _BOTH, busy),
    _fault("F094", "short ring without answer", f"{_BOTH}: Q.850 cause 19", nobody_answers_soon),
    _fault("F095", "red key", f"{_BOTH}: some seconds of ringing, then 603, 486 or 480", declined),
    _fault("F096", "caller labelled", f"{_BOTH}: 603+", analytics),
    _fault("F097", "rejected on the way", f"{_BOTH}: 608", rejected_between),
    _fault("F098", "caller not wanted", f"{_BOTH}: 607", unwanted),
    _fault("F099", "signature wanted", f"{_UAS} that reads Identity", unsigned),
    _fault("F100", "signature faulty", f"{_BOTH}: 436, 437 or 438", badly_signed),
    _fault("F103", "taken and forgotten", f"{_UAS}: 100 alone", trying_alone),
    _fault("F104", "no end of ringing", _UAS, rings_for_ever),
    _fault("F105", "spoken then refused", f"{_UAS} that sends RTP with 183", announced),
    _fault("F106", "sent elsewhere", f"{_BOTH}: 301 or 302", redirected),
    _fault("F107", "proxy demanded", f"{_BOTH}: 305 or 380", other_proxy),
    _fault("F108", "proxies in a circle", f"{_KAMAILIO}, two of them", loop),
    _fault(
        "F109",
        "two ways to one server",
        f"{_UAS} behind another that forwards twice: 482",
        twice_the_same,
    ),
    _fault("F110", "extension unknown", f"{_UAS} that reads Require", extension_unknown),
    _fault("F111", "extension demanded", f"{_UAS} that reads Supported", extension_demanded),
    _fault("F112", "ringing unconfirmed", f"{_UAS}: 183 with RSeq and a dead Contact", prack_lost),
    _fault("F113", "session timer refused", f"{_UAS}: 422", timer_too_short),
    _fault("F128", "calls too fast", f"{_UAS} with a limit in time", too_fast),
    _fault("F128", "too fast without a word", f"{_UAS} with a limit in time", too_fast_bare),
    _fault("F129", "one call at a time", f"{_UAS} with one channel", channels_full),
    _fault("F129", "full without a word", f"{_UAS} with one channel", channels_full_bare),
    _fault("F130", "come back later", f"{_BOTH}: 503 or 500 with Retry-After", overloaded),
    _fault("F131", "everything refused", f"{_UAS}: 503 to calls and OPTIONS", in_maintenance),
    _fault("F132", "no circuit", f"{_BOTH}: Q.850 cause 34, 38, 41 or 42", congested),
    _fault("F132", "no circuit without a word", f"{_BOTH}: bare 503", congested_bare),
    _fault("F133", "relayed into the void", f"{_KAMAILIO} before a dead host", dead_behind),
    _fault("F133", "next hop failed", f"{_BOTH}: 502, 504 or 500", bad_gateway),
    _fault("F134", "same number again", f"{_UAS} that remembers", same_number_again),
    _fault(
        "F135", "two phones ring", f"{_KAMAILIO} that forks to two far ends", rings_at_two_places
    ),
)
