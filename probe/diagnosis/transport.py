"""From the address to a peer that speaks SIP: ports, filters, silence, lost connections."""

from collections.abc import Iterator

from msgspec import Struct

from probe.diagnosis.case import Case, is_private
from probe.diagnosis.explanation import Certainty, Evidence
from probe.diagnosis.own import SAFE_DATAGRAM
from probe.diagnosis.quote import plain
from probe.diagnosis.rule import Gate, Hypothesis, Rule, Sign, contains, rows
from probe.sip.sdp import address_class
from probe.trace.failure import Failure
from probe.trace.trace import UNFRAMED, IcmpReceived, MessageEvent

_PORT = ((3, 3), (1, 4))
"""ICMP port unreachable: RFC 792 type 3 code 3, RFC 4443 type 1 code 4."""

_FILTER = ((3, 9), (3, 10), (3, 13), (1, 1), (1, 5), (1, 6))
"""ICMP that a filter sends: RFC 1812 §5.2.7.1, RFC 4443 §3.1."""

_TLS_PORT = 5061


def closed_port(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the kernel of the target says that no program listens on the UDP port."""
    if not case.failed(Failure.PORT_UNREACHABLE):
        return
    found = _icmp(case, _PORT)
    foreign = any(not _from_target(event) for _, event in found)
    answered = case.before is not None and case.before.remote == case.target
    if foreign:
        yield _filtered(case, found, Certainty.LIKELY)
    yield Hypothesis(
        cause="F014",
        likelihood=Certainty.LIKELY if foreign or answered else Certainty.CERTAIN,
        because="ICMP says port unreachable: the machine is up and no program has that UDP port",
        says=case.fill(
            "The machine at {target} is up, but no program listens on that UDP port: it said so "
            "itself (ICMP port unreachable)."
        ),
        evidence=_cited_icmp(found) or case.cite_failure(),
        steps=(
            case.fill(
                "Check host and port in `uri:` (they lead to {target}); if they are right, the SIP "
                "server there is not running."
            ),
            "If the provider offers TCP or TLS only, set `;transport=tcp` or `;transport=tls`.",
        ),
        unknown=("Whether the port is wrong, or the program that should hold it is stopped.",),
        weight=-1 if foreign else 0,
    )


def filtered(case: Case) -> Iterator[Hypothesis]:
    """Recognise: a filter says that it refuses the packet."""
    if case.failed(Failure.PROHIBITED):
        yield _filtered(case, _icmp(case, _FILTER), Certainty.CERTAIN)


def _filtered(
    case: Case, found: tuple[tuple[int, IcmpReceived], ...], likelihood: Certainty
) -> Hypothesis:
    owner = next((plain(event.offender) for _, event in found if event.offender), "on the way")
    return Hypothesis(
        cause="F016",
        likelihood=likelihood,
        because=f"an ICMP message from {owner} refuses our packet",
        says=case.fill(f"A firewall at {owner} refuses our packets to {{target}}."),
        evidence=_cited_icmp(found) or case.cite_failure(),
        steps=(
            case.fill(
                f"Ask who runs {owner}, and have it let UDP from {{local}} to {{target}} pass."
            ),
        ),
    )


def unreachable(case: Case) -> Iterator[Hypothesis]:
    """Recognise: a router says that it cannot reach the host."""
    if case.failed(Failure.HOST_UNREACHABLE):
        circling = bool(case.icmp) and all(
            event.icmp_type == (3 if ":" in event.offender else 11) for _, event in case.icmp
        )
        yield Hypothesis(
            cause="F017",
            likelihood=Certainty.UNDECIDED if circling else Certainty.LIKELY,
            because="a router on the way says that our packet went on for too long (time exceeded)"
            if circling
            else "a router on the way says that it cannot reach the host",
            says=case.fill("A router on the way cannot reach {target}."),
            evidence=_cited_icmp(case.icmp) or case.cite_failure(),
            steps=(
                case.fill("Check the address in `uri:` ({target}), then the VPN or route to it."),
            ),
        )
        yield Hypothesis(
            cause="F009",
            likelihood=Certainty.UNDECIDED,
            because="the address may be one that the provider has given up",
        )


def tcp_refused(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the SYN was answered by RST."""
    if case.failed(Failure.TCP_REFUSED):
        yield Hypothesis(
            cause="F018",
            likelihood=Certainty.CERTAIN,
            because="the machine refused the TCP connection",
            says=case.fill(
                "The machine at {target} refused the TCP connection: no program listens on that "
                "TCP port."
            ),
            evidence=case.cite_failure(),
            steps=(
                case.fill(
                    "Check port and transport in `uri:` (they lead to {target} over {transport}); "
                    "many servers take UDP on 5060 and TLS on 5061 only."
                ),
            ),
        )


def tcp_timeout(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the SYN got no answer."""
    if case.failed(Failure.TCP_TIMEOUT):
        yield Hypothesis(
            cause="F019",
            likelihood=Certainty.LIKELY,
            because="the TCP connection was neither accepted nor refused",
            says=case.fill(
                "Nothing answered our TCP connection to {target}: neither yes nor no came back."
            ),
            evidence=case.cite_failure(),
            steps=(
                case.fill("Have the firewall let TCP from {local} to {target} pass, or try UDP."),
            ),
            unknown=("Whether a firewall drops the packets, or the machine is down.",),
        )


def connection_lost(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the peer closed or reset a connection."""
    if not case.failed(Failure.CONNECTION_LOST) or not case.requests:
        return
    plain_to_tls = case.transport == "TCP" and (case.port == _TLS_PORT or _tls_alert(case))
    if plain_to_tls and not case.received:
        yield Hypothesis(
            cause="F022",
            likelihood=Certainty.CERTAIN if _tls_alert(case) else Certainty.LIKELY,
            because="we sent plain SIP over TCP to a port that is used for TLS, and it was closed",
            says=case.fill("{target} expects TLS, and we sent unencrypted SIP over TCP."),
            evidence=(*_cited_bytes(case), *case.cite_failure()),
            steps=("Set `;transport=tls` in `uri:` of the trunk profile.",),
            weight=10,
        )
    yield Hypothesis(
        cause="F020",
        likelihood=Certainty.UNDECIDED if plain_to_tls else Certainty.LIKELY,
        because="the connection was up, our request left, and the other side closed it",
        says=case.fill(
            "{target} took our connection and closed it after our {method}, without an answer."
        ),
        evidence=case.cite_failure(),
        steps=(
            (
                "Look at the server's log at that moment: it closes on a wrong protocol, an "
                "address that it does not know, or a message that it cannot read."
            ),
        ),
        unknown=("Why it closed: a closed connection gives no reason.",),
    )


def tls_alert_dropped(case: Case) -> Iterator[Hypothesis]:
    """Recognise: a TLS alert came back to plain SIP."""
    if case.failed(Failure.RESPONSE_DISCARDED, Failure.NO_RESPONSE) and _tls_alert(case):
        yield Hypothesis(
            cause="F022",
            likelihood=Certainty.CERTAIN,
            because="a TLS alert came back to our plain SIP",
            says=case.fill("{target} expects TLS, and we sent unencrypted SIP."),
            evidence=_cited_bytes(case),
            steps=("Set `;transport=tls` in `uri:` of the trunk profile.",),
        )


_CHALLENGE_FIELD = r"\b(www|proxy)-authenticate\b"


def answer_thrown_away(case: Case) -> Iterator[Hypothesis]:
    """Something came back that our stack could not use."""
    if not case.failed(Failure.RESPONSE_DISCARDED) or _tls_alert(case):
        return
    if case.unusable_challenge is not None:
        return  # read well, and told of at the login
    challenge = next((i for i, d in case.dropped if contains(_CHALLENGE_FIELD, d.detail)), None)
    if challenge is not None:
        yield Hypothesis(
            cause="F053",
            likelihood=Certainty.CERTAIN,
            because="their challenge cannot be read: no Digest challenge stands in it",
            says=case.fill("{host} asks for a login in a way that cannot be read as a challenge."),
            evidence=_cited_bytes(case),
            steps=("Report it to whoever runs the server: RFC 3261 §22 wants a Digest challenge.",),
        )
        return
    if any(d.detail == UNFRAMED for _, d in case.dropped):
        yield Hypothesis(
            cause="F034",
            likelihood=Certainty.CERTAIN,
            because="bytes arrived on the connection, and no message ended there",
            says=case.fill(
                "{host} did answer, but its Content-Length is longer than what it sent: nobody can "
                "tell where the next message begins, so the connection is of no more use."
            ),
            evidence=_cited_bytes(case),
            steps=(
                (
                    "Report it to whoever runs the server: over TCP and TLS, Content-Length must be"
                    " the size of the body in bytes (RFC 3261 §18.3, §20.14)."
                ),
                "The connection was closed; the next step used another one and stands for itself.",
            ),
        )
        return
    unread = _cited_bytes(case) or tuple(case.cite_start(index) for index in case.received[-1:])
    yield Hypothesis(
        cause="F034",
        likelihood=Certainty.CERTAIN if unread else Certainty.LIKELY,
        because="bytes came back from them, and our stack could not use them as an answer",
        says=case.fill("{host} did answer, but our software could not read what it sent."),
        evidence=unread or case.cite_failure(),
        steps=(
            (
                "Look at the bytes in call.pcap of the run's folder and send them to whoever runs "
                "the server: header fields that SIP requires are missing or broken."
            ),
        ),
    )


class Silence(Struct, frozen=True, kw_only=True):
    """One candidate for silence: a row of the table below."""

    cause: str
    "Catalogue id."

    because: str
    "Why, with {facts}."

    weight: int
    "Order among the candidates."

    likelihood: Certainty = Certainty.UNDECIDED
    "How strongly the circumstances speak for it."

    after_answers: bool | None = None
    "True: only where earlier requests of this attempt were answered; False: only where none was."

    stream: bool | None = None
    "True: only over TCP or TLS; False: only over UDP; None: over any."

    large: bool = False
    "Only where the unanswered request is large and went over UDP."

    by_address: bool = False
    "Only where the request line holds an address and no name."

    private: bool | None = None
    "True: only towards a private or loopback address; False: only towards a public one."

    methods: tuple[str, ...] = ()
    "Only for these methods; empty for any."


SILENCE = (
    Silence(
        cause="F025",
        because="earlier requests were answered and this one is large: {size} bytes over UDP",
        weight=40,
        likelihood=Certainty.LIKELY,
        after_answers=True,
        large=True,
    ),
    Silence(
        cause="F025",
        because="the request has {size} bytes, and large UDP packets are lost on some paths",
        weight=15,
        after_answers=False,
        large=True,
    ),
    Silence(
        cause="F030",
        because="they answered a moment ago and then fell silent, as after a block of our address",
        weight=30,
        after_answers=True,
    ),
    Silence(
        cause="F015",
        because="nothing came back, not even an ICMP error, as when a firewall drops packets",
        weight=20,
        after_answers=False,
        stream=False,
    ),
    Silence(
        cause="F032",
        because="the request line holds the address {number_host}; some providers drop what does "
        "not name their domain",
        weight=18,
        after_answers=False,
        by_address=True,
        private=False,
        methods=("INVITE",),
    ),
    Silence(
        cause="F013",
        because="the machine may be alive without speaking SIP on that port",
        weight=12,
        after_answers=False,
    ),
    Silence(
        cause="F131",
        because="the server may be down",
        weight=10,
    ),
    Silence(
        cause="F030",
        because="they may have blocked our address after earlier attempts",
        weight=8,
        after_answers=False,
        private=False,
    ),
    Silence(
        cause="F024",
        because="their answers may be lost on the way back to us",
        weight=6,
        stream=False,
    ),
)
"""What silence can mean, by circumstances."""


def silence(case: Case) -> Iterator[Hypothesis]:
    """Recognise: requests left and nothing came back."""
    if not is_silence(case):
        return
    index = case.requests[-1]
    event = case.events[index]
    size = len(event.text.encode("utf-8", "replace")) if isinstance(event, MessageEvent) else 0
    copies = case.trace.client_transactions()[-1][1].copies
    evidence = Evidence(
        event=index,
        says=f"we sent {case.method} to {plain(case.target)} over {case.transport}, {copies} "
        f"{'copy' if copies == 1 else 'copies'} of {size} bytes, and nothing came back to it",
    )
    seen: set[str] = set()
    for row in SILENCE:
        if row.cause not in seen and _may_be(row, case, size):
            seen.add(row.cause)
            yield Hypothesis(
                cause=row.cause,
                likelihood=row.likelihood,
                because=row.because.format_map({**case.facts, "size": str(size)}),
                evidence=(evidence,),
                steps=_silence_steps(case),
                unknown=(
                    (
                        "Silence has no sender: a firewall, a stopped server, a block of our "
                        "address and a lost answer look the same from here."
                    ),
                ),
                weight=row.weight,
            )


def is_silence(case: Case) -> bool:
    """Whether requests left, and nothing came back to the last one."""
    quiet = case.failure is None or case.failed(
        Failure.NO_RESPONSE, Failure.NO_FINAL_RESPONSE, Failure.SCENARIO_DEADLINE
    )
    return (
        bool(case.requests)
        and quiet
        and case.reply is None
        and case.silent_tail
        and not case.icmp
        and not case.dropped
    )


def _may_be(row: Silence, case: Case, size: int) -> bool:
    earlier = bool(case.login.challenges)
    conditions = (
        row.after_answers in {None, earlier},
        row.stream in {None, case.transport != "UDP"},
        not row.large or (size > SAFE_DATAGRAM and case.transport == "UDP"),
        not row.by_address or address_class(case.dialled_host) != "name",
        row.private in {None, is_private(case.target.rpartition(":")[0])},
        not row.methods or case.method in row.methods,
    )
    return all(conditions)


def _silence_steps(case: Case) -> tuple[str, ...]:
    first = case.fill(
        "Check host, port and transport in `uri:`: they lead to {target} over {transport}."
    )
    if case.login.challenges:
        first = case.fill(
            "Wait some minutes without logging in and try again: {host} answered our first "
            "request and ignored the one with the login."
        )
    return (
        first,
        case.fill(
            "Have the firewall on this side let packets from {local} to {target} and back pass; "
            "an answer over TCP or TLS shows that only UDP is dropped."
        ),
    )


def _tls_alert(case: Case) -> bool:
    """Whether dropped bytes begin like a TLS alert record (type 21, version 3.x)."""
    return any(contains(r"\b15 ?03|0x1503|tls alert", item.detail) for _, item in case.dropped)


def _cited_bytes(case: Case) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(
            event=index,
            says=f"{item.size} bytes from {plain(item.remote)} could not be read: "
            f"{plain(item.detail)}",
        )
        for index, item in case.dropped[:3]
    )


def _icmp(case: Case, wanted: tuple[tuple[int, int], ...]) -> tuple[tuple[int, IcmpReceived], ...]:
    return tuple(
        (index, event) for index, event in case.icmp if (event.icmp_type, event.icmp_code) in wanted
    )


def _from_target(event: IcmpReceived) -> bool:
    target = event.remote.rpartition(":")[0].strip("[]")
    return event.offender in {"", target}


def _cited_icmp(found: tuple[tuple[int, IcmpReceived], ...]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(
            event=index,
            says=f"ICMP type {event.icmp_type} code {event.icmp_code} from "
            f"{plain(event.offender) or 'an unnamed host'} about {plain(event.remote)}",
        )
        for index, event in found[:3]
    )


RULES = (
    Rule(name="UDP port closed", gate=Gate.TRANSPORT, causes=("F014", "F016"), find=closed_port),
    Rule(name="filter refuses", gate=Gate.TRANSPORT, causes=("F016",), find=filtered),
    Rule(name="host unreachable", gate=Gate.TRANSPORT, causes=("F009", "F017"), find=unreachable),
    Rule(name="TCP refused", gate=Gate.TRANSPORT, causes=("F018",), find=tcp_refused),
    Rule(name="TCP silent", gate=Gate.TRANSPORT, causes=("F019",), find=tcp_timeout),
    Rule(
        name="connection lost", gate=Gate.TRANSPORT, causes=("F020", "F022"), find=connection_lost
    ),
    Rule(
        name="TLS alert to plain SIP", gate=Gate.TRANSPORT, causes=("F022",), find=tls_alert_dropped
    ),
    Rule(
        name="answer thrown away",
        gate=Gate.TRANSPORT,
        causes=("F034", "F053"),
        find=answer_thrown_away,
    ),
    Rule(
        name="silence",
        gate=Gate.TRANSPORT,
        causes=tuple(dict.fromkeys(row.cause for row in SILENCE)),
        find=silence,
    ),
    *rows(
        Sign(
            cause="F026",
            codes=(513,),
            because="513 says that our message is larger than they take",
            says="Our {method} is larger than {host} takes.",
            likelihood=Certainty.CERTAIN,
            steps=("Shorten `headers:` and `codecs:`, or leave out SRTP and other extras.",),
            gate=Gate.TRANSPORT,
            name="513",
        ),
        Sign(
            cause="F026",
            codes=(),
            pattern=r"(message|request|r-uri|uri) (is )?too (large|big|long)",
            because="the answer itself says that our message is too large",
            says="Our {method} is larger than {host} takes.",
            likelihood=Certainty.CERTAIN,
            steps=("Shorten `headers:` and `codecs:`, or leave out SRTP and other extras.",),
            gate=Gate.TRANSPORT,
            name="phrase says too large",
        ),
    ),
)
