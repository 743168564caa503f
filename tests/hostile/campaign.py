"""Mutated answers by the hundred thousand against real runs; a table a transport at the end.

    python tests/hostile/campaign.py --answers 200000 --seed 1

Each lane is one `sipprobe run` after the other against a peer of ours, which answers each request
with a burst of mutated answers, then once as RFC 3261 wants, so that an attempt ends whatever the
mutations did. Everything happens in a network namespace that holds nothing but loopback.
"""

import argparse
import json
import math
import random
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import namespace
from answers import answer, description, in_dialog
from bench import Outcome, dialled, events, run, write_profile, write_scenario
from mutations import Mutator
from peer import Behaviour, HostilePeer, Way, make_certificate, running_peer

from probe.sip.message import SipMessage

TRANSPORTS = ("udp", "tcp", "tls")
BURST = 24
"""Mutated answers a request, at most; on average three quarters of it."""

ATTEMPTS_A_SCENARIO = 25
SCENARIOS_A_RUN = 16
CLEAN_AFTER_S = 0.03
"""When the answer that ends the attempt is sent."""

HUNG_AFTER_S = 15.0
"""An attempt that takes longer hangs: the deadlines of these scenarios and the settling of a BYE
come to five, and the stack's own longest block to eight."""

RUN_WITHIN_S = 900.0
"""A command that takes longer hangs."""

MIX = (
    *((100, False, 1), (180, False, 4), (183, True, 5), (183, False, 1), (200, True, 3)),
    *((200, False, 1), (302, False, 1), (401, False, 1), (407, False, 1), (486, False, 2)),
    *((422, False, 1), (503, False, 1), (603, False, 1)),
)
"""Status, whether it carries a session description, weight."""


class MutatedAnswers(Behaviour):
    """Answers each request with a burst of mutations, then with a valid answer."""

    def __init__(self, seed: str, wanted: int) -> None:
        self._seed = seed
        self._wanted = wanted
        self._mutators: dict[str, tuple[random.Random, Mutator]] = {}
        self._done: set[str] = set()
        self.answers = 0
        "Mutated answers that were sent."
        self.requests = 0
        "Mutated requests that were sent."

    @property
    def enough(self) -> bool:
        """Whether as many answers were sent as were wanted."""
        return self.answers >= self._wanted

    def on_request(self, request: SipMessage, way: Way) -> None:
        """Send mutations to the first copy of a request; the polite answer to each."""
        key = f"{request.method} {request.branch}"
        if request.method == "ACK" or (key in self._done and request.method != "CANCEL"):
            return
        self._done.add(key)
        rng, mutator = self._of(request)
        for _ in range(rng.randrange(BURST // 2, BURST + 1)):
            if way.closed:
                break
            way.send(mutator.mutate(self._base(rng, request, way), keep_framing=0.97))
            self.answers += 1
        if request.method == "INVITE" and rng.random() < 0.2:
            self._request(rng, mutator, request, way)
        way.later(CLEAN_AFTER_S, lambda: self._end(request, way, rng))

    def _of(self, request: SipMessage) -> tuple[random.Random, Mutator]:
        """Return the generator of an attempt: the same for the same seed and attempt."""
        name = f"{request.request_uri} {request.method} {request.cseq[0]}"
        name = re.sub(r":\d+", "", name)  # the port of the peer differs from run to run
        if name not in self._mutators:
            rng = random.Random(f"{self._seed} {name}")
            self._mutators[name] = rng, Mutator(rng)
        return self._mutators[name]

    @staticmethod
    def _base(rng: random.Random, request: SipMessage, way: Way) -> bytes:
        """Return a valid answer to begin from."""
        if request.method != "INVITE":
            status = rng.choice((100, 200, 200, 200, 401, 403, 404, 423, 481, 500, 503))
            bound = (("Contact", f"{request.first('Contact')};expires=60"),)
            extra = bound if request.method == "REGISTER" and status == 200 else ()
            return answer(request, status, None if extra else way.peer.contact, extra=extra)
        status, described, _ = rng.choices(MIX, weights=[row[2] for row in MIX])[0]
        body = description(rng.randrange(20000, 60000, 2)) if described else b""
        extra: tuple[tuple[str, str], ...] = ()
        if status in {401, 407}:
            name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
            extra = (
                (name, f'Digest realm="hostile", nonce="{rng.getrandbits(64):x}", qop="auth"'),
            )
        elif rng.random() < 0.2:
            extra = (("Record-Route", f"<sip:{way.peer.here};lr>"), ("Require", "timer"))
        tag = rng.choice(("hostile", "hostile", "hostile", "fork"))
        return answer(request, status, way.peer.contact, body, tag=tag, extra=extra)

    def _request(self, rng: random.Random, mutator: Mutator, invite: SipMessage, way: Way) -> None:
        """Send a mutated request inside the early dialog, or outside any."""
        method = rng.choice(("BYE", "UPDATE", "INFO", "REFER", "NOTIFY", "INVITE", "PRACK", "X"))
        body = description(4000) if method in {"UPDATE", "INVITE"} else b""
        extra = (("Refer-To", f"<sip:premium@{way.peer.here}>"),) if method == "REFER" else ()
        way.send(
            mutator.mutate(
                in_dialog(invite, method, way.peer.here, rng.randrange(1, 9), body, extra=extra)
            )
        )
        self.requests += 1

    def _end(self, request: SipMessage, way: Way, rng: random.Random) -> None:
        """Send the answer that ends the attempt; renew a stream that may have lost its framing."""
        if request.method != "INVITE":
            self.polite(request, way)
        else:
            final = rng.choice((486, 486, 603, 200))
            body = description(way.peer.port) if final == 200 else b""
            way.send(answer(request, final, way.peer.contact, body))
        if way.peer.transport != "udp" and rng.random() < 0.1:
            way.later(0.1, way.close)


@dataclass(slots=True, kw_only=True)
class Tally:
    """What a transport came to."""

    answers: int = 0
    "Mutated answers sent."
    requests: int = 0
    "Mutated requests sent beside them."
    read: int = 0
    "Messages that the stack read and the trace holds."
    dropped: int = 0
    "Events of bytes that the stack could not read as SIP."
    attempts: int = 0
    "Attempts planned."
    met: int = 0
    not_met: int = 0
    inconclusive: int = 0
    deaths: int = 0
    "Worker processes that died."
    hangs: int = 0
    "Workers ended by the watchdog, commands that had to be killed, attempts beyond the bound."
    lost: int = 0
    "Attempts without a finding."
    unnamed: int = 0
    "Deaths whose finding names neither signal nor assertion."
    strange: int = 0
    "Calls that no scenario asked for."
    longest_s: float = 0.0
    "Longest attempt."
    peak_mib: int = 0
    "Largest resident set of a command."
    leaked: int = 0
    "Descriptors of a command: most that were open, less those after a second."
    runs: int = 0
    "Commands."
    took_s: float = 0.0
    "Wall time, summed over lanes."
    endings: Counter[str] = field(default_factory=Counter)
    "How workers died, in the report's words."
    failures: Counter[str] = field(default_factory=Counter)
    "Failures that findings name."
    broken: list[str] = field(default_factory=list)
    "Commands that ended otherwise than with a verdict: a bug of ours."

    def plain(self) -> dict[str, object]:
        """Return the figures by name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def add(self, other: "Tally") -> None:
        """Take another lane's figures in."""
        for name in self.__dataclass_fields__:
            mine, theirs = getattr(self, name), getattr(other, name)
            if name in {"longest_s", "peak_mib", "leaked"}:
                setattr(self, name, max(mine, theirs))
            elif isinstance(mine, Counter):
                mine.update(theirs)
            else:
                setattr(self, name, mine + theirs)


def write_run(
    folder: Path, peer: HostilePeer, seed: str, scenarios: int, attempts: int
) -> list[str]:
    """Write the scenarios of one run; return their names."""
    write_profile(folder, peer, password="hostile-password")
    names = []
    for number in range(scenarios):
        rng = random.Random(f"{seed} scenario {number}")
        deadlines = {"timeout": "0.6s", "answer_within": "0.6s"}
        steps: list[object] = [{"register": None, **deadlines}]
        for place in range(attempts - 2):
            target = f"sip:m{number}-{place}@{peer.here}"
            if peer.transport != "udp":
                target += f";transport={peer.transport}"
            ring = {"ring_for": "0.1s"} if rng.random() < 0.1 else {"hangup_after": "0s"}
            steps.append({"call": target, **ring, **deadlines})
        steps.append({"options": None, **deadlines})
        # A login of its own for each scenario: two refused ones would end the attempts of a run.
        agents = {"probe": {"auth_user": f"user{number}"}}
        for step in steps:
            assert isinstance(step, dict)
            if "register" in step:
                step["register"] = "probe"
            else:
                step["from"] = "probe"
        names.append(
            write_scenario(folder, f"m{number}", steps, agents=agents, timeout=f"{attempts * 8}s")
        )
    return names


def count(outcome: Outcome, behaviour: MutatedAnswers, attempts: int) -> Tally:
    """Return the figures of one run."""
    tally = Tally(answers=behaviour.answers, requests=behaviour.requests, attempts=attempts, runs=1)
    tally.took_s = outcome.took_s
    tally.peak_mib = outcome.peak_kib // 1024
    tally.leaked = max(0, outcome.descriptors[1] - outcome.descriptors[0])
    tally.lost = attempts - len(outcome.findings)
    if outcome.exit_code is None:
        tally.hangs += 1
    if outcome.exit_code not in {0, 1, 3}:
        tally.broken.append(f"exit {outcome.exit_code}: {outcome.stderr[-1500:]}")
    for finding in outcome.findings:
        name = finding["outcome"].lower()
        setattr(tally, name, getattr(tally, name) + 1)
        tally.longest_s = max(tally.longest_s, finding["timing"]["total_s"] or 0.0)
        if finding["failure"]:
            tally.failures[finding["failure"]] += 1
        if finding["failure"] == "AGENT_HUNG" or (finding["timing"]["total_s"] or 0) > HUNG_AFTER_S:
            tally.hangs += 1
    tally.strange = sum(not re.match(r"sip:m\d+-\d+@", uri) for uri in dialled(outcome))
    for event in events(outcome):
        if event["type"] == "MessageReceived":
            tally.read += 1
        elif event["type"] == "BytesDropped":
            tally.dropped += 1
        elif event["type"] == "TransactionFailed" and event["failure"] == "AGENT_CRASHED":
            tally.deaths += 1
            ending = shortened(event["detail"])
            tally.endings[ending] += 1
            tally.unnamed += not re.search(r"ended by SIG|Assert", ending)
    return tally


def shortened(detail: str) -> str:
    """Return how a worker died without paths and addresses that differ from death to death."""
    words = re.sub(r"our worker process ", "", detail)
    words = re.sub(r"\S*/(?=[\w.]+:\d+)", "", words)
    return re.sub(r"0x[0-9a-f]+", "0x…", words)[:200]


def lane(  # noqa: PLR0913, PLR0917 - what differs between lanes
    transport: str,
    seed: str,
    answers: int,
    certificate: Path,
    shape: tuple[int, int],
    sums: list[Tally],
) -> None:
    """Run until enough mutated answers were sent on a transport."""
    scenarios, attempts = shape
    sent = turn = 0
    while sent < answers:
        left = answers - sent
        # A request gets three quarters of a burst; so many scenarios bring the rest.
        wanted = max(1, min(scenarios, math.ceil(left / (attempts * BURST * 0.75))))
        behaviour = MutatedAnswers(f"{seed} {transport} {turn}", left)
        with (
            tempfile.TemporaryDirectory(prefix="sipprobe-hostile-") as place,
            running_peer(behaviour, transport, certificate) as peer,
        ):
            names = write_run(Path(place), peer, f"{seed} {turn}", wanted, attempts)
            outcome = run(Path(place), names, within_s=RUN_WITHIN_S, read_traces=True)
            tally = count(outcome, behaviour, wanted * attempts)
            tally.broken += [f"the peer itself failed: {fault}" for fault in peer.faults]
        sums.append(tally)
        sent += tally.answers
        turn += 1
        if tally.broken or not tally.answers:
            break


def campaign(
    answers: int, seed: str, *, lanes: int = 2, shape: tuple[int, int] | None = None
) -> dict[str, Tally]:
    """Run all transports at once, each on so many lanes; return the figures of each."""
    shape = shape or (SCENARIOS_A_RUN, ATTEMPTS_A_SCENARIO)
    sums: dict[str, list[Tally]] = {transport: [] for transport in TRANSPORTS}
    with tempfile.TemporaryDirectory(prefix="sipprobe-hostile-") as place:
        certificate = make_certificate(Path(place))
        threads = [
            threading.Thread(
                target=lane,
                args=(
                    transport,
                    f"{seed}/{number}",
                    math.ceil(answers / len(TRANSPORTS) / lanes),
                    certificate,
                    shape,
                    sums[transport],
                ),
            )
            for transport in TRANSPORTS
            for number in range(lanes)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    found = {}
    for transport, parts in sums.items():
        found[transport] = Tally()
        for part in parts:
            found[transport].add(part)
    return found


ROWS = (
    ("mutated answers sent", "answers"),
    ("mutated requests beside them", "requests"),
    ("messages read by the stack", "read"),
    ("datagrams or stream bytes refused by it", "dropped"),
    ("commands", "runs"),
    ("attempts", "attempts"),
    ("met", "met"),
    ("not met", "not_met"),
    ("inconclusive", "inconclusive"),
    ("worker deaths", "deaths"),
    ("of them not named by the report", "unnamed"),
    ("hangs", "hangs"),
    ("findings lost", "lost"),
    ("calls that no scenario asked for", "strange"),
    ("longest attempt, s", "longest_s"),
    ("peak RSS of a command, MiB", "peak_mib"),
    ("descriptors more than after 1 s", "leaked"),
)


def table(found: dict[str, Tally]) -> str:
    """Return the figures as a Markdown table."""
    lines = ["| | " + " | ".join(name.upper() for name in found) + " |", "| --- |" + " --- |" * 3]
    for words, name in ROWS:
        values = [getattr(tally, name) for tally in found.values()]
        shown = [f"{value:.1f}" if isinstance(value, float) else f"{value:,}" for value in values]
        lines.append(f"| {words} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def main() -> int:
    """Run the campaign that the command line asks for."""
    wanted = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    wanted.add_argument("--answers", type=int, default=200_000)
    wanted.add_argument("--seed", default="1")
    wanted.add_argument("--lanes", type=int, default=2, help="commands at once, a transport")
    wanted.add_argument("--scenarios", type=int, default=SCENARIOS_A_RUN, help="of a command")
    wanted.add_argument("--attempts", type=int, default=ATTEMPTS_A_SCENARIO, help="of a scenario")
    wanted.add_argument("--json", action="store_true", help="print the figures as JSON")
    chosen = wanted.parse_args()
    namespace.enter()
    began = time.monotonic()
    found = campaign(
        chosen.answers, chosen.seed, lanes=chosen.lanes, shape=(chosen.scenarios, chosen.attempts)
    )
    took = time.monotonic() - began
    if chosen.json:
        print(json.dumps({name: tally.plain() for name, tally in found.items()}))  # noqa: T201
    else:
        print(table(found))  # noqa: T201
        for name, tally in found.items():
            print(f"\n{name.upper()}: failures {dict(tally.failures.most_common())}")  # noqa: T201
            for ending, times in tally.endings.most_common():
                print(f"  {times:5}  {ending}")  # noqa: T201
            for broken in tally.broken:
                print(f"  BROKEN {broken}")  # noqa: T201
        print(f"\n{took:.0f} s, seed {chosen.seed}")  # noqa: T201
    clean = all(
        not (t.hangs or t.lost or t.broken or t.unnamed or t.strange) for t in found.values()
    )
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
