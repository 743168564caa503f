"""Faults of the probe or of its host: they imitate the other side's, so they are asked first."""

from collections.abc import Iterator

from probe.diagnosis.case import Case, seconds
from probe.diagnosis.explanation import Certainty, Evidence
from probe.diagnosis.quote import plain
from probe.diagnosis.rule import Gate, Hypothesis, Rule, contains
from probe.trace.failure import Failure
from probe.trace.trace import MessageEvent, Stalled

SCANNER_WORDS = r"friendly|sipcli|sipvicious|vaxsipuseragent|pplsip|scanner|sundayddr|sipsak|iwar"
"""User-Agent words that stock server settings drop without an answer (Kamailio's kamailio.cfg)."""

SAFE_DATAGRAM = 1300
"""Bytes above which RFC 3261 §18.1.1 wants a congestion-controlled transport (path MTU unknown)."""


def crashed(case: Case) -> Iterator[Hypothesis]:
    """Our worker died or hung."""
    if case.undecided and case.failed(Failure.AGENT_CRASHED, Failure.AGENT_HUNG):
        died = case.failed(Failure.AGENT_CRASHED)
        word = "died" if died else "stopped answering and was ended"
        routed = case.routed_elsewhere
        if died and routed is not None:
            index, transport = routed
            yield Hypothesis(
                cause="F139",
                likelihood=Certainty.LIKELY,
                because=f"their answer wants requests inside the call over {transport}, and the "
                f"call itself came over {case.transport}; our engine ends on that",
                says=f"They answered, and want our ACK over {transport} although the call went "
                f"over {case.transport}. Our engine cannot do that and ended, so nothing more was "
                "learned.",
                evidence=(
                    case.cite_start(index),
                    *case.cite("Record-Route", "Contact", index=index),
                    *case.cite_failure(),
                ),
                steps=(f"Set `;transport={transport.lower()}` in `uri:` of the trunk profile.",),
                weight=50,
            )
        yield Hypothesis(
            cause="F180",
            likelihood=Certainty.LIKELY if died and routed else Certainty.CERTAIN,
            because=f"our own worker process {word} during the attempt",
            says=f"Our own test process {word}, so nothing was learned about the trunk.",
            evidence=(*case.cite_failure(), *_notes(case)),
            steps=(
                "Run the same command again; the other attempts are not affected.",
                "If it happens again, keep the run's folder and report it as a bug of sipprobe.",
            ),
        )


def local_port(case: Case) -> Iterator[Hypothesis]:
    """We could not bind."""
    if case.failed(Failure.LOCAL_PORT):
        local = case.account.local_address if case.account else None
        where = f" `local_address: {local}`" if local else ""
        yield Hypothesis(
            cause="F179",
            likelihood=Certainty.CERTAIN,
            because="our own address or port could not be bound, and nothing left this machine",
            says="This machine would not give us the local address or port, so nothing was sent.",
            evidence=case.cite_failure(),
            steps=(
                (
                    f"Check that{where or ' the local address'} exists on this machine and that no "
                    "other program holds the port (`ss -lnptu`)."
                ),
            ),
        )


def no_route(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the kernel has no route."""
    if case.failed(Failure.NO_ROUTE):
        yield Hypothesis(
            cause="F017",
            likelihood=Certainty.CERTAIN,
            because="the kernel refused to send: there is no route to the address",
            says=case.fill("This machine has no route to {target}, so nothing was sent."),
            evidence=case.cite_failure(),
            steps=(
                case.fill(
                    "Check the network, VPN and default route of this machine (`ip route get "
                    "{host}`), then run again."
                ),
            ),
        )


def message_too_long(case: Case) -> Iterator[Hypothesis]:
    """Our request exceeds what the engine can send."""
    if case.failed(Failure.MESSAGE_TOO_LONG):
        yield Hypothesis(
            cause="F174",
            likelihood=Certainty.CERTAIN,
            because=case.fill("our {method} exceeds what our engine can send"),
            says=case.fill("Our own {method} is too long to be sent, so nothing left."),
            evidence=case.cite_failure(),
            steps=("Shorten `headers:` and `codecs:` of the scenario or the trunk profile.",),
        )


def refused_by_agent(case: Case) -> Iterator[Hypothesis]:
    """Our own user agent would not carry out the step."""
    if case.failed(Failure.AGENT_REFUSED) and not case.received:
        yield Hypothesis(
            cause="F176",
            likelihood=Certainty.CERTAIN,
            because="our own user agent refused the step, and no message of the trunk is behind it",
            says="Our own user agent would not carry out the step, so nothing was learned about "
            "the trunk.",
            evidence=case.cite_failure(),
            steps=("Check the step's address and headers; the agent's own words name the reason.",),
        )


def looks_like_a_scanner(case: Case) -> Iterator[Hypothesis]:
    """Our User-Agent carries a word that servers block, and nothing or a 403 came back."""
    index = case.request_index
    agent = (case.request.first("User-Agent") or "") if case.request else ""
    blocked = case.status == 403 or (case.failed(Failure.NO_RESPONSE) and not case.received)
    if index is not None and blocked and contains(SCANNER_WORDS, agent):
        yield Hypothesis(
            cause="F175",
            likelihood=Certainty.LIKELY,
            because="our User-Agent carries a word that many servers drop as an attack tool",
            says="Our own User-Agent looks like an attack tool, and servers drop such requests "
            "without an answer.",
            evidence=case.cite("User-Agent", index=index),
            steps=("Set `user_agent: sipprobe` in the trunk profile and run again.",),
            rules_out=("F031",),
            weight=30,
        )


def own_tls_versions(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the peer's alert refuses our TLS versions."""
    if case.failed(Failure.TLS_HANDSHAKE, Failure.CONNECTION_LOST) and case.failure is not None:
        if not contains(r"alert.{0,20}protocol.version", case.failure.detail):
            return
        lowest = case.account.tls_min if case.account else None
        yield Hypothesis(
            cause="F173",
            likelihood=Certainty.LIKELY,
            because="the server refused the TLS versions that we offered; our engine may be "
            "limited to TLS 1.2",
            says=case.fill(
                "{target} refused the TLS versions that we offered: it asks for a newer one than "
                "our engine can do."
            ),
            evidence=case.cite_failure(),
            steps=(
                (
                    "See with `sipprobe doctor` which TLS versions this engine can do; a server "
                    "that takes only TLS 1.3 needs a pjsua2 built with it."
                ),
                f"`tls_min` is {lowest or 'not set'} in the trunk profile.",
            ),
            unknown=("Which versions the server accepts: its alert does not say.",),
            weight=10,
        )


def oversized_request(case: Case) -> Iterator[Hypothesis]:
    """Recognise: a large request of ours over UDP stays without an answer."""
    index = case.request_index
    if index is None or not case.silent_tail or case.transport != "UDP" or case.reply:
        return
    event = case.events[index]
    size = len(event.text.encode("utf-8", "replace")) if isinstance(event, MessageEvent) else 0
    if size > SAFE_DATAGRAM:
        yield Hypothesis(
            cause="F174",
            likelihood=Certainty.UNDECIDED,
            because=f"our {case.method} has {size} bytes, more than a UDP path surely carries",
            evidence=(Evidence(event=index, says=f"we sent a request of {size} bytes over UDP"),),
            steps=("Shorten `headers:` and `codecs:`, or set `;transport=tcp` in `uri:`.",),
            weight=5,
        )


def stood_still(case: Case) -> Iterator[Hypothesis]:
    """Recognise: our process did not run, so that a delay may be ours."""
    found = case.all_of(Stalled)
    if not found or "timing" not in case.kinds:
        return
    index, longest = max(found, key=lambda one: one[1].seconds)
    because = f"our own process stood still for {seconds(longest.seconds)}"
    starved = longest.starved >= longest.seconds / 2
    if starved:
        because += f", {seconds(longest.starved)} of it waiting for a processor"
    yield Hypothesis(
        cause="F178",
        likelihood=Certainty.CERTAIN if starved else Certainty.LIKELY,
        because=because,
        says=f"This machine was too busy to time the trunk: {because}.",
        evidence=(Evidence(event=index, says=because),),
        steps=("Run it again on a free host, or with fewer calls at a time (`--jobs`).",),
        weight=20,
    )


def _notes(case: Case) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(event=index, says=f"{note.kind}: {plain(note.detail)}")
        for index, note in case.notes[-2:]
    )


RULES = (
    Rule(name="our worker died or hung", gate=Gate.OWN, causes=("F139", "F180"), find=crashed),
    Rule(name="local port not free", gate=Gate.OWN, causes=("F179",), find=local_port),
    Rule(name="no route from here", gate=Gate.OWN, causes=("F017",), find=no_route),
    Rule(name="message too long to send", gate=Gate.OWN, causes=("F174",), find=message_too_long),
    Rule(name="our agent refused", gate=Gate.OWN, causes=("F176",), find=refused_by_agent),
    Rule(name="scanner-like agent", gate=Gate.OWN, causes=("F175",), find=looks_like_a_scanner),
    Rule(name="our TLS versions refused", gate=Gate.OWN, causes=("F173",), find=own_tls_versions),
    Rule(name="our process stood still", gate=Gate.OWN, causes=("F178",), find=stood_still),
    Rule(name="our request is large", gate=Gate.OWN, causes=("F174",), find=oversized_request),
)
