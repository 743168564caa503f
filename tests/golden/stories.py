"""The messages behind the stored traces; run it with the names of the files to write."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from wirebuilder import OFFER, REMOTE, Wire, sdp

from probe.sip.redact import Redactor
from probe.trace.failure import Failure
from probe.trace.store import redact_trace, trace_to_json
from probe.trace.trace import AgentNote, IcmpReceived

OURS = {"User-Agent": "sipprobe 0.1.0", "Allow": "PRACK, INVITE, ACK, BYE, CANCEL, UPDATE, OPTIONS"}
THEIRS = {"Server": "edge/5.7.2"}
ANSWER = sdp("PCMU", "telephone-event", address="203.0.113.20", port=18324)
OUR_ADDRESS = "<sip:100@192.0.2.10:5060;ob>"


def register_401_200() -> Wire:
    """Challenged, answered, registered."""
    granted = {**THEIRS, "Contact": f"{OUR_ADDRESS};expires=300", "Expires": "300"}
    return (
        Wire("REGISTER")
        .send("REGISTER", headers={**OURS, "Expires": "300"})
        .receive(401, at=0.0214, headers=THEIRS)
        .send("REGISTER", auth=True, at=0.0221, headers={**OURS, "Expires": "300"})
        .receive(200, at=0.0453, headers=granted)
    )


def register_401_403() -> Wire:
    """Challenged, then refused."""
    return (
        Wire("REGISTER")
        .send("REGISTER", headers=OURS)
        .receive(401, at=0.0214, headers=THEIRS)
        .send("REGISTER", auth=True, at=0.0221, headers=OURS)
        .receive(403, "Forbidden (Bad auth)", at=0.0432, headers=THEIRS)
    )


def register_403() -> Wire:
    """Refused before any challenge."""
    return Wire("REGISTER").send("REGISTER", headers=OURS).receive(403, at=0.02, headers=THEIRS)


def call_407_180_200_bye() -> Wire:
    """Challenged, ringing, answered, hung up by us."""
    return (
        Wire()
        .send("INVITE", body=OFFER, headers=OURS)
        .receive(407, at=0.0312, headers=THEIRS)
        .send("ACK", at=0.0314)
        .send("INVITE", auth=True, body=OFFER, at=0.032, headers=OURS)
        .receive(100, at=0.052)
        .receive(180, at=1.218, headers=THEIRS)
        .receive(200, at=4.731, body=ANSWER, headers=THEIRS)
        .send("ACK", at=4.7322)
        .send("BYE", at=6.7401)
        .receive(200, at=6.7612, headers=THEIRS)
        .media(rx_packets=100, tx_packets=101, rtt_s=0.021)
    )


def call_183_503() -> Wire:
    """Early media, then no circuit."""
    why = {**THEIRS, "Retry-After": "30", "Reason": 'Q.850;cause=34;text="No circuit available"'}
    return (
        Wire()
        .send("INVITE", body=OFFER, headers=OURS)
        .receive(100, at=0.024)
        .receive(183, at=0.811, body=ANSWER, headers=THEIRS)
        .receive(503, at=6.402, headers=why)
        .send("ACK", at=6.4022)
    )


def call_silence() -> Wire:
    """Repeat the INVITE after T1, 2 T1, 4 T1, 8 T1; nothing comes back."""
    wire = Wire().send("INVITE", body=OFFER, headers=OURS)
    for at in (0.5, 1.5, 3.5, 7.5):
        wire.resend(at=at)
    return wire.fail(
        Failure.NO_RESPONSE, at=10.0, detail="no response within 10 s", deadline="timeout 10 s"
    )


def call_port_unreachable() -> Wire:
    """ICMP type 3 code 3 for both copies."""
    icmp = {"remote": REMOTE, "offender": "198.51.100.1", "icmp_type": 3, "icmp_code": 3}
    return (
        Wire()
        .send("INVITE", body=OFFER, headers=OURS)
        .add(IcmpReceived(at=0.0011, **icmp))  # type: ignore[arg-type]  # mixed values
        .resend(at=0.5)
        .add(IcmpReceived(at=0.5009, **icmp))  # type: ignore[arg-type]  # mixed values
        .fail(
            Failure.PORT_UNREACHABLE,
            at=0.51,
            detail="ICMP type 3 code 3 from 198.51.100.1 for our datagram to 198.51.100.1:5060",
        )
    )


def call_crash() -> Wire:
    """Answered, then the worker process is gone."""
    return (
        Wire()
        .send("INVITE", body=OFFER, headers=OURS)
        .receive(100, at=0.02)
        .receive(180, at=0.6, headers=THEIRS)
        .receive(200, at=2.1, body=ANSWER, headers=THEIRS)
        .send("ACK", at=2.1012)
        .add(AgentNote(at=3.0, kind="crash", detail="worker 1 ended by signal 9"))
        .fail(Failure.AGENT_CRASHED, at=3.0, detail="worker 1 ended by signal 9")
    )


def call_cancel_487() -> Wire:
    """Rings for two seconds, is cancelled as planned."""
    return (
        Wire(our_cancel=True)
        .send("INVITE", body=OFFER, headers=OURS)
        .receive(100, at=0.02)
        .receive(180, at=0.5, headers=THEIRS)
        .send("CANCEL", at=2.5)
        .receive(200, at=2.521, headers=THEIRS)
        .receive(487, to="INVITE", at=2.523, headers=THEIRS)
        .send("ACK", at=2.5233)
    )


def call_cancel_crossing() -> Wire:
    """Answered in the moment in which we cancel."""
    return (
        Wire(our_cancel=True)
        .send("INVITE", body=OFFER, headers=OURS)
        .receive(100, at=0.02)
        .receive(180, at=0.5, headers=THEIRS)
        .send("CANCEL", at=2.5)
        .receive(200, to="INVITE", at=2.508, body=ANSWER, headers=THEIRS)
        .send("ACK", at=2.509)
        .receive(481, to="CANCEL", at=2.522, headers=THEIRS)
        .send("BYE", at=2.523)
        .receive(200, at=2.544, headers=THEIRS)
    )


def call_fork() -> Wire:
    """Two branches ring, the second one answers."""
    return (
        Wire()
        .send("INVITE", body=OFFER, headers=OURS)
        .receive(100, at=0.02)
        .receive(180, at=0.4, tag="desk", headers=THEIRS)
        .receive(180, at=0.9, tag="mobile", headers=THEIRS)
        .receive(200, at=5.2, tag="mobile", body=ANSWER, headers=THEIRS)
        .send("ACK", at=5.2011)
        .send("BYE", at=7.21)
        .receive(200, at=7.231, headers=THEIRS)
    )


def call_200_repeated() -> Wire:
    """Answered again after T1, 2 T1, 4 T1: the ACK goes astray."""
    wire = (
        Wire()
        .send("INVITE", body=OFFER, headers=OURS)
        .receive(100, at=0.02)
        .receive(180, at=0.4, headers=THEIRS)
        .receive(200, at=2.0, body=ANSWER, headers=THEIRS)
        .send("ACK", at=2.001)
    )
    for at in (2.5, 3.5, 5.5):
        wire.again(at=at).resend(at=at + 0.001)
    return wire.send("BYE", at=6.0).receive(200, at=6.02, headers=THEIRS)


STORIES: dict[str, Callable[[], Wire]] = {
    story.__name__.replace("_", "-"): story
    for story in (
        register_401_200,
        register_401_403,
        register_403,
        call_407_180_200_bye,
        call_183_503,
        call_silence,
        call_port_unreachable,
        call_crash,
        call_cancel_487,
        call_cancel_crossing,
        call_fork,
        call_200_repeated,
    )
}


def main(names: list[str]) -> None:
    """Write the stories of these names beside this file."""
    for name in names:
        stored = trace_to_json(redact_trace(STORIES[name]().trace(), Redactor()))
        file = Path(__file__).with_name(f"{name}.json")
        file.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
