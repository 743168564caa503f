"""Faults of sound in calls that came up: F147 to F172, by far ends that talk and listen."""

import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from farends import far_end
from internet import TOOLS, Internet, Trunk, internet, uri
from internet import call as step_of
from lab import Fault, Lab, Scene
from namespaces import dropped
from talker import Manner, Talker
from uas import Call

TALK = "2.8s"

Media = Mapping[str, Any]


def _speaks(manner: Manner, *, early: bool = False, **sdp: Any) -> Callable[[Call], Any]:  # noqa: ANN401
    """Return what a far end does with a call: ring, answer, talk in some manner."""

    async def answers(call: Call) -> None:
        talker = Talker(call, manner, *_pair(call))
        if early:
            await call.reply(100)
            await call.reply(183, body=call.sdp(**sdp))
            await call.pause(1.0, 1.6)
        else:
            await call.ring()
            await call.pause(0.05, 0.2)
        await call.answer(sdp=call.sdp(**sdp))
        talker.start()

    return answers


def _pair(call: Call) -> tuple[socket.socket, socket.socket]:
    """Bind the port that the answer names, and the one above it."""
    far = getattr(call.uas, "place", None)
    if far is not None:
        here = call.uas.host
        kind = socket.SOCK_DGRAM
        return far.socket(kind, here, call.media_port), far.socket(kind, here, call.media_port + 1)
    found = []
    for port in (call.media_port, call.media_port + 1):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((call.uas.host, port))
        found.append(one)
    return found[0], found[1]


def _scene(lab: Lab, manner: Manner, media: Media, **more: Any) -> Scene:  # noqa: ANN401
    """Return a call to a far end on loopback that talks in some manner, and its bounds."""
    peer = far_end(lab)
    peer.call = _speaks(manner, **more)
    return Scene(profile=lab.profile(peer.host, peer.port), steps=[_step(lab, media)])


def _step(lab: Lab, media: Media) -> dict[str, Any]:
    expect = {"media": dict(media), "responses": "100? (180|183)? 200 ACK"}
    return step_of(lab, hangup_after=TALK, play="tone 1004Hz", expect=expect)


def _came(lab: Lab) -> Media:
    """Return a bound that asks for sound."""
    return {"rx_packets": f"min {lab.rng.randrange(50, 120)}"}


def nothing(lab: Lab) -> Scene:
    """Be silent in every way."""
    return _scene(lab, Manner(speaks=False, reports=False, hears=lambda _: False), _came(lab))


def reports_alone(lab: Lab) -> Scene:
    """Hear, report, and say nothing."""
    return _scene(lab, Manner(speaks=False), _came(lab))


def falls_silent(lab: Lab) -> Scene:
    """Say nothing any more after a while; reports go on."""
    return _scene(lab, Manner(ends=lab.rng.uniform(0.6, 1.2)), {"gap": "max 300ms"})


def stops_hearing(lab: Lab) -> Scene:
    """Hear nothing any more after a while."""
    until = lab.rng.uniform(0.8, 1.2)
    manner = Manner(hears=lambda since: since < until)
    return _scene(lab, manner, {"tx_loss": "max 5%"})


def early_promise(lab: Lab) -> Scene:
    """Announce sound before the answer and send none."""
    wanted = {"heard": {"what": "ringback", "early": True}}
    return _scene(lab, Manner(), wanted, early=True)


def late_start(lab: Lab) -> Scene:
    """Begin to talk late."""
    return _scene(lab, Manner(begins=lab.rng.uniform(0.6, 1.6)), {"first_packet": "max 250ms"})


def strange_type(lab: Lab) -> Scene:
    """Send a payload type that nobody agreed on."""
    manner = Manner(kind=lab.rng.choice((96, 97, 110, 111, 18, 3)))
    return _scene(lab, manner, {"heard": "tone 1004Hz"})


def long_packets(lab: Lab) -> Scene:
    """Send packets of another length than was asked for."""
    return _scene(lab, Manner(packet_ms=lab.rng.choice((30, 40, 60))), {"heard": "tone 697Hz"})


def sealed(lab: Lab) -> Scene:
    """Send what SRTP would, where RTP was agreed."""
    return _scene(lab, Manner(sealed=True), {"heard": "tone 1004Hz"})


def lossy(lab: Lab) -> Scene:
    """Lose some packets."""
    return _scene(lab, Manner(loses=lab.rng.uniform(0.06, 0.2)), {"loss": "max 1%"})


def uneven(lab: Lab) -> Scene:
    """Be late now and then."""
    return _scene(lab, Manner(uneven=lab.rng.uniform(0.4, 0.6)), {"jitter": "max 8ms"})


def shuffled(lab: Lab) -> Scene:
    """Let packets overtake each other."""
    return _scene(lab, Manner(swaps=lab.rng.uniform(0.1, 0.3)), {"reordered": "max 0"})


def doubled(lab: Lab) -> Scene:
    """Send packets twice."""
    return _scene(lab, Manner(doubles=lab.rng.uniform(0.1, 0.3)), {"duplicates": "max 0"})


def far_away(lab: Lab) -> Scene:
    """Be far away."""
    return _scene(lab, Manner(far=lab.rng.uniform(0.2, 0.4)), {"rtt": "max 300ms"})


def silence(lab: Lab) -> Scene:
    """Send packets of silence."""
    return _scene(lab, Manner(hertz=()), {"heard": "tone 1004Hz"})


def faint(lab: Lab) -> Scene:
    """Be hardly audible."""
    wanted = {"heard": {"what": "tone 1004Hz", "level": "min -35"}}
    return _scene(lab, Manner(peak=lab.rng.randrange(170, 230)), wanted)


def busy(lab: Lab) -> Scene:
    """Answer, and play a busy tone."""
    hertz, cadence = lab.rng.choice((((425,), 0.5), ((480, 620), 0.5), ((400,), 0.375)))
    return _scene(lab, Manner(hertz=hertz, cadence=cadence), {"heard": "tone 1004Hz"})


def moved(lab: Lab) -> Scene:
    """Go on from another port, or as another source."""
    at = lab.rng.uniform(0.8, 1.5)
    manner = lab.rng.choice((Manner(moves_at=at), Manner(renews_at=at)))
    return _scene(lab, manner, {"heard": "tone 697Hz"})


def other_tone(lab: Lab) -> Scene:
    """Play another tone than the one that is wanted: nothing is wrong with the way."""
    hertz = lab.rng.choice(((440,), (770,), (1633,)))
    return _scene(lab, Manner(hertz=hertz), {"heard": "tone 1004Hz"})


def more_than_wanted(lab: Lab) -> Scene:
    """Sound where silence is wanted."""
    return _scene(lab, Manner(hertz=lab.rng.choice(((1004,), (600,)))), {"heard": "silence"})


# With a router between ---------------------------------------------------------------------------


def _away(lab: Lab, manner: Manner, media: Media, **options: Any) -> tuple[Internet, Trunk, Scene]:  # noqa: ANN401
    """Return a call through a router."""
    net = internet(lab, **options)
    server = net.serve(net.there[0], lab.port())
    server.place = net.network.far  # type: ignore[attr-defined]
    server.call = _speaks(manner)
    profile = {"uri": uri(lab.user(), server.host, server.port)}
    return net, server, net.scene(profile, [_step(lab, media)])


def inbound_shut(lab: Lab) -> Scene:
    """Have a firewall drop RTP to us; RTCP passes."""
    net, server, scene = _away(lab, Manner(), _came(lab))
    dropped(net.network, f"ip saddr {server.host} udp sport 10000-19999 udp length > 150")
    return scene


def outbound_shut(lab: Lab) -> Scene:
    """Have a firewall drop RTP of ours; theirs passes."""
    net, server, scene = _away(lab, Manner(latches=False), {"tx_loss": "max 5%"})
    dropped(net.network, f"ip daddr {server.host} udp dport 10000-19999 udp length > 150")
    return replace(scene, outcome="INCONCLUSIVE")  # their RTCP is silent on ours: no figure of loss


def both_shut(lab: Lab) -> Scene:
    """Have a firewall drop the media ports."""
    net, _, scene = _away(lab, Manner(latches=False), _came(lab))
    dropped(net.network, "udp sport 10000-19999", "udp dport 10000-19999")
    return scene


def private_offer(lab: Lab) -> Scene:
    """Let our offer name an address behind a NAT; the far end sends there, and to nowhere else."""
    _, _, scene = _away(lab, Manner(latches=False), _came(lab), masquerade=True)
    return scene


_TALKS = "far end that talks and listens"


def _fault(
    cause: str | None, name: str, how: str, make: Callable[[Lab], Scene], *needs: str
) -> Fault:
    family = "G" if cause else "U"
    return Fault(cause=cause, name=name, how=how, make=make, family=family, needs=needs)


FAULTS = (
    _fault("F147", "no sound at all", f"{_TALKS}: not at all", nothing),
    _fault("F147", "media ports shut", "router drops the media ports", both_shut, *TOOLS),
    _fault("F148", "our address is private", "NAT; far end that obeys c=", private_offer, *TOOLS),
    _fault("F150", "theirs is shut out", "router drops RTP to us", inbound_shut, *TOOLS),
    _fault("F150", "ours is shut out", "router drops RTP of ours", outbound_shut, *TOOLS),
    _fault("F150", "reports and no sound", f"{_TALKS}: RTCP alone", reports_alone),
    _fault("F150", "falls silent in mid-call", f"{_TALKS}: for a second", falls_silent),
    _fault("F150", "deaf from mid-call on", f"{_TALKS}: hears for a second", stops_hearing),
    _fault("F152", "silent early media", f"{_TALKS}: from the answer on", early_promise),
    _fault("F153", "late first packet", f"{_TALKS}: begins late", late_start),
    _fault("F154", "strange payload type", f"{_TALKS}: another payload type", strange_type),
    _fault("F155", "long packets", f"{_TALKS}: 30, 40 or 60 ms", long_packets),
    _fault("F156", "encrypted unasked", f"{_TALKS}: SRTP where RTP was agreed", sealed),
    _fault("F160", "packets lost", f"{_TALKS}: 6 to 20 % lost by chance", lossy),
    _fault("F161", "packets late", f"{_TALKS}: late by chance", uneven),
    _fault("F162", "packets overtaken", f"{_TALKS}: out of order by chance", shuffled),
    _fault("F162", "packets twice", f"{_TALKS}: twice by chance", doubled),
    _fault("F163", "far away", f"{_TALKS}: 0.2 to 0.4 s each way", far_away),
    _fault("F164", "packets of silence", f"{_TALKS}: silence", silence),
    _fault("F164", "hardly audible", f"{_TALKS}: a faint tone", faint),
    _fault("F165", "another source in mid-call", f"{_TALKS}: new port or SSRC", moved),
    _fault("F170", "busy after the answer", f"{_TALKS}: busy tone", busy),
    _fault(None, "another tone than wanted", f"{_TALKS}: another tone", other_tone),
    _fault(None, "a tone where silence is wanted", f"{_TALKS}: a tone", more_than_wanted),
)
