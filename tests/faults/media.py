"""Faults of audio as far as the session description shows them, F149 and F151."""

from collections.abc import Callable

from farends import far_end
from internet import TOOLS, call, internet, uri
from lab import Fault, Lab, Scene
from uas import Call


def private_answer(lab: Lab) -> Scene:
    """Answer with an address of the provider's own network."""
    net = internet(lab)
    server = net.serve(net.there[0], lab.port())
    inside = lab.rng.choice(
        (
            f"10.{lab.rng.randrange(250)}.{lab.rng.randrange(250)}.{lab.rng.randrange(2, 250)}",
            f"192.168.{lab.rng.randrange(250)}.{lab.rng.randrange(2, 250)}",
            f"172.{lab.rng.randrange(16, 32)}.{lab.rng.randrange(250)}.{lab.rng.randrange(2, 250)}",
        )
    )

    async def answers(taken: Call) -> None:
        await taken.ring()
        await taken.answer(sdp=taken.sdp(host=inside))

    server.call = answers
    expect = {"sdp": {"address": "public"}, "responses": "100? 180? 200 ACK"}
    step = call(lab, hangup_after="2s", play="tone 1004Hz", expect=expect)
    return net.scene({"uri": uri(lab.user(), server.host, server.port)}, [step])


def held_answer(lab: Lab) -> Scene:
    """Answer on hold."""
    peer = far_end(lab)
    word = lab.rng.choice(("inactive", "sendonly", "recvonly"))

    async def answers(taken: Call) -> None:
        await taken.ring()
        await taken.answer(sdp=taken.sdp(extra=f"a={word}\r\n"))

    peer.call = answers
    expect = {"sdp": {"direction": "sendrecv"}, "responses": "100? 180? 200 ACK"}
    return Scene(
        profile=lab.profile(peer.host, peer.port),
        steps=[call(lab, hangup_after="1s", play="tone 1004Hz", expect=expect)],
    )


def _fault(cause: str, name: str, how: str, make: Callable[[Lab], Scene], *needs: str) -> Fault:
    return Fault(cause=cause, name=name, how=how, make=make, family="G", needs=needs)


FAULTS = (
    _fault(
        "F149",
        "private address in their answer",
        "far end: SDP answer with a private address",
        private_answer,
        *TOOLS,
    ),
    _fault(
        "F151",
        "answered on hold",
        "far end: SDP answer with inactive, sendonly or recvonly",
        held_answer,
    ),
)
