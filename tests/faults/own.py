"""Faults of our own side, F174 to F180: they imitate the provider's."""

import socket
from collections.abc import Callable

from farends import far_end
from internet import call, register, some_step
from lab import Fault, Lab, Scene
from uas import Call, Flow, Uas, running_uas


class Overlooking(Uas):
    """A far end that drops what looks like a tool of attackers, as stock settings do."""

    words = ("friendly", "scanner", "sipcli", "sipvicious", "vaxsipuseragent", "pplsip")

    def took(self, text: str, flow: Flow) -> None:
        """Take a message unless its User-Agent is on the list."""
        agent = next(
            (line for line in text.lower().split("\r\n") if line.startswith("user-agent:")), ""
        )
        if not any(word in agent for word in self.words):
            super().took(text, flow)


def message_too_long(lab: Lab) -> Scene:
    """Have our own headers make a request longer than the engine can send."""
    peer = far_end(lab)
    value = "".join(lab.rng.choices("abcdef0123456789", k=lab.rng.randrange(4100, 6000)))
    name = lab.phrase("X-Account-Data", "X-Context", "X-Billing")
    return Scene(
        profile=lab.profile(peer.host, peer.port),
        steps=[call(lab, headers={name: value})],
        outcome="INCONCLUSIVE",
    )


def scanner_name(lab: Lab) -> Scene:
    """Call ourselves what servers drop."""
    peer = lab.stack.enter_context(running_uas(Overlooking(lab.address(), lab.port(), lab.rng)))
    agent = lab.phrase(
        "friendly-scanner", "sipcli/v1.8", "VaxSIPUserAgent/3.1", "pplsip", "our scanner 2"
    )
    return Scene(
        profile=lab.profile(peer.host, peer.port, user_agent=agent), steps=[some_step(lab)]
    )


def interval_changed(lab: Lab) -> Scene:
    """Ask our agent for what it cannot do: another interval for a registration that it holds."""
    peer = far_end(lab)
    first, second = lab.rng.sample((120, 300, 600, 900), 2)
    steps = [
        {**register(), "expires": f"{first}s"},
        {**register(), "expires": f"{second}s"},
    ]
    return Scene(profile=lab.profile(peer.host, peer.port), steps=steps, outcome="INCONCLUSIVE")


def port_taken(lab: Lab) -> Scene:
    """Bind a port that another program holds."""
    peer = far_end(lab)
    ours = lab.address()
    holder = lab.stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    holder.bind((ours, 0))
    profile = lab.profile(peer.host, peer.port)
    profile["local_address"] = f"{ours}:{holder.getsockname()[1]}"
    return Scene(profile=profile, steps=[some_step(lab)], outcome="INCONCLUSIVE")


def address_not_ours(lab: Lab) -> Scene:
    """Bind an address that this machine has not."""
    peer = far_end(lab)
    profile = lab.profile(peer.host, peer.port)
    profile["local_address"] = f"198.51.100.{lab.rng.randrange(1, 255)}"
    return Scene(profile=profile, steps=[some_step(lab)], outcome="INCONCLUSIVE")


def worker_dies(lab: Lab) -> Scene:
    """Answer with what makes the engine abort: a Contact that it cannot send an ACK to."""
    peer = far_end(lab)

    async def answers(taken: Call) -> None:
        await taken.ring()
        await taken.answer(f"Contact: <tel:{lab.number()}>")

    peer.call = answers
    return Scene(
        profile=lab.profile(peer.host, peer.port), steps=[call(lab)], outcome="INCONCLUSIVE"
    )


def _fault(cause: str, name: str, how: str, make: Callable[[Lab], Scene]) -> Fault:
    return Fault(cause=cause, name=name, how=how, make=make, family="S")


FAULTS = (
    _fault(
        "F174",
        "headers too long to send",
        "a header of the step with more than 4100 bytes",
        message_too_long,
    ),
    _fault(
        "F175",
        "name of an attack tool",
        "far end drops the User-Agent as stock Kamailio does",
        scanner_name,
    ),
    _fault(
        "F176",
        "interval changed in mid-registration",
        "the agent refuses a second interval",
        interval_changed,
    ),
    _fault(
        "F179", "local port taken", "another socket holds the port of local_address", port_taken
    ),
    _fault(
        "F179",
        "address not on this machine",
        "local_address is none of this machine",
        address_not_ours,
    ),
    _fault(
        "F180",
        "worker dies",
        "far end: 200 with a tel: Contact, at which the engine aborts",
        worker_dies,
    ),
)
