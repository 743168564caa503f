"""What ends an engine: each known case as small as it gets, on any number of engines side by side.

    python tests/hostile/engine_cases.py --python A/bin/python --python B/bin/python
    python tests/hostile/engine_cases.py --only contact-star
    python tests/hostile/engine_cases.py --remains        what no program may do with any of them

Each case is a process of its own (engine_child.py) against a peer on loopback. Without --python
it is the engine of this interpreter. Prints a Markdown table, or JSON with --json; the exit status
is 1 where the last engine that was named died of a case.
"""

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import namespace
from answers import Extra, answer, description, in_dialog
from peer import Behaviour, HostilePeer, Way, running_peer

from probe.sip.message import SipMessage

HERE = Path(__file__).resolve().parent
LASTS_S = 2.0
WITHIN_S = 20.0

Answers = Callable[[SipMessage, HostilePeer], list[bytes]]


class Scripted(Behaviour):
    """Answers one method as a case wants, once a transaction, and is polite to all others."""

    def __init__(self, method: str, answers: Answers) -> None:
        self._method = method
        self._answers = answers
        self._done: set[str] = set()

    def on_request(self, request: SipMessage, way: Way) -> None:
        """Answer."""
        if request.method != self._method:
            self.polite(request, way)
        elif request.branch not in self._done:
            self._done.add(request.branch)
            way.send(*self._answers(request, way.peer))


def early(body: bytes) -> Answers:
    """Answer with 183 and this description, then 200 with a good one."""

    def answers(request: SipMessage, peer: HostilePeer) -> list[bytes]:
        return [
            answer(request, 183, peer.contact, body),
            answer(request, 200, peer.contact, description(40000)),
        ]

    return answers


def final(contact: str | None, extra: Extra = ()) -> Answers:
    """Answer 200 with this Contact and these header fields."""

    def answers(request: SipMessage, peer: HostilePeer) -> list[bytes]:
        return [
            answer(request, 180, peer.contact),
            answer(request, 200, contact or peer.contact, description(40000), extra=extra),
        ]

    return answers


def answer_untagged(request: SipMessage, peer: HostilePeer) -> list[bytes]:
    """Answer with a tag, then without one: a fork that has no name."""
    untagged = answer(request, 200, peer.contact, GOOD).replace(b";tag=hostile", b"")
    return [
        answer(request, 200, peer.contact, GOOD, tag="one"),
        untagged,
    ]


def refer_to_nobody(request: SipMessage, peer: HostilePeer) -> list[bytes]:
    """Answer, then send a REFER whose Refer-To is empty."""
    refer = in_dialog(request, "REFER", peer.here, 1, extra=(("Refer-To", ""),))
    return [answer(request, 200, peer.contact, GOOD), refer]


def bound(*fields: tuple[str, str]) -> Answers:
    """Answer REGISTER with 200 and these header fields."""

    def answers(request: SipMessage, peer: HostilePeer) -> list[bytes]:
        _ = peer
        return [answer(request, 200, extra=fields)]

    return answers


GOOD = description(40000)
_ROUTE = "<sip:10.0.0.1;lr>"
CASES: dict[str, tuple[str, Answers | None]] = {
    "183-port-0": ("INVITE", early(GOOD.replace(b"m=audio 40000", b"m=audio 0"))),
    "183-no-codec": ("INVITE", early(GOOD.replace(b"RTP/AVP 0 101", b"RTP/AVP 18"))),
    "183-garbage": ("INVITE", early(b"this is no session description\r\n")),
    "183-no-connection": ("INVITE", early(GOOD.replace(b"c=IN IP4 127.0.0.1\r\n", b""))),
    "183-no-media": ("INVITE", early(GOOD[: GOOD.index(b"m=")])),
    "200-contact-tel": ("INVITE", final("tel:+12025550123")),
    "200-contact-http": ("INVITE", final("http://127.0.0.1/")),
    "200-record-route-tel": ("INVITE", final(None, (("Record-Route", "<tel:+12025550123>"),))),
    "200-without-tag": ("INVITE", answer_untagged),
    "refer-to-empty": ("INVITE", refer_to_nobody),
    "contact-star": ("REGISTER", bound(("Contact", "*"))),
    "service-route-empty": ("REGISTER", bound(("Service-Route", ""))),
    "service-route-many": (
        "REGISTER",
        bound(*[("Service-Route", ", ".join([_ROUTE] * 8))] * 12),
    ),
    "api:audio-count-0": ("", None),
    "api:video-count-1": ("", None),
    "api:ninth-account": ("", None),
    "api:buddy-257": ("", None),
    "api:ipv6-use": ("", None),
    "api:update-as-request": ("INVITE", final(None)),
    "rtp_wall": ("INVITE", final(None)),
}
"""A case: the method that is answered its way, and how; without one, only our program acts."""


REMAINS = tuple(
    f"remains:{name}"
    for name in (
        *("second-endpoint", "after-destroy", "exit-without-destroy", "fork"),
        "unregistered-thread",
    )
)
"""Misuse that ends, or stops, a process with any engine; sipprobe's worker does none of it."""

CASES |= dict.fromkeys(REMAINS, ("", None))


def carry_out(name: str, python: str) -> dict[str, object]:
    """Run one case on one engine; return how it ended, in plain values."""
    method, answers = CASES[name]
    behaviour = Scripted(method, answers) if answers else Behaviour()
    what = name if ":" in name or "_" in name else {"INVITE": "call"}.get(method, "register")
    with running_peer(behaviour, "udp") as peer:
        return child(python, what, peer.port, "1", LASTS_S)


def child(python: str, what: str, port: int, seed: str, seconds: float) -> dict[str, object]:
    """Run engine_child.py to its end."""
    line = [python, str(HERE / "engine_child.py"), what, str(port), seed, str(seconds)]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        out, err = process.communicate(timeout=seconds + WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        return {"ended": "hang", "words": err[-300:]}
    if process.returncode < 0:
        last = next((row for row in err.splitlines() if "Assert" in row), "")
        words = last.partition(": ")[2] or err.strip()[-200:]
        return {"ended": signal.Signals(-process.returncode).name, "words": words}
    if process.returncode:
        return {"ended": f"exit {process.returncode}", "words": err.strip()[-300:]}
    return {"ended": "survives", "words": "", **json.loads(out.splitlines()[-1])}


def version(python: str) -> str:
    """Return the version of an engine."""
    asked = (
        "import os, pjsua2 as pj; e = pj.Endpoint(); e.libCreate(); print();"
        "print(e.libVersion().full, flush=True); os._exit(0)"
    )
    done = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


def shown(result: dict[str, object]) -> str:
    """Return a cell of the table."""
    if result["ended"] == "survives":
        asserts = result.get("asserts") or {}
        assert isinstance(asserts, dict)
        refused = "refused" if result.get("refused") else "survives"
        return f"{refused}, {len(asserts)} logged" if asserts else refused
    return f"**{result['ended']}**"


def main() -> int:
    """Run what the command line asks for."""
    wanted = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    wanted.add_argument("--python", action="append", help="an interpreter that has an engine")
    wanted.add_argument("--only", action="append", choices=CASES, metavar="CASE")
    wanted.add_argument("--remains", action="store_true", help="misuse, and nothing else")
    wanted.add_argument("--json", action="store_true")
    chosen = wanted.parse_args()
    namespace.enter()
    engines = chosen.python or [sys.executable]
    names = chosen.only or [name for name in CASES if (name in REMAINS) is chosen.remains]
    found = {name: [carry_out(name, python) for python in engines] for name in names}
    if chosen.json:
        print(json.dumps(found))  # noqa: T201
    else:
        print("| case | " + " | ".join(version(python) for python in engines) + " |")  # noqa: T201
        print("| --- |" + " --- |" * len(engines))  # noqa: T201
        for name, results in found.items():
            print(f"| `{name}` | " + " | ".join(map(shown, results)) + " |")  # noqa: T201
    if chosen.remains:
        return 0
    return int(any(results[-1]["ended"] != "survives" for results in found.values()))


if __name__ == "__main__":
    sys.exit(main())
