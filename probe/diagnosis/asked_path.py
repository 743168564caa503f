"""What OPTIONS showed after a failure: which machine, port and transport answers, and to what.

Each rule compares the place that the attempt used with one that differs in a single thing. What
answers there shows the cause; what is silent there takes a candidate away.
"""

import re
from collections.abc import Iterator

from msgspec import Struct

from probe.diagnosis.case import Case
from probe.diagnosis.explanation import Certainty, Evidence
from probe.diagnosis.quote import plain
from probe.diagnosis.rule import Gate, Hypothesis, Rule
from probe.trace.control import Control, ControlRan
from probe.trace.failure import Failure

SHOWN = 110
"""Weight of what a control showed: more than words of theirs, which speak of one answer only."""

SILENT = ("F013", "F015", "F024", "F030", "F131")
"""Causes of silence that an answer to OPTIONS from the same place takes away."""

_LIVES = frozenset({"answered", "refused", "closed", "mute", "not-sip", "no-tls", "open"})
"""Results that only a machine that is up can cause."""

_NUMBER = re.compile(r"[+-]?[0-9]{1,12}", re.ASCII)

_STANDARD = {"UDP": 5060, "TCP": 5060, "TLS": 5061}


class Seen(Struct, frozen=True):
    """One answer with its index."""

    index: int
    "Index of the event."

    ran: ControlRan
    "The event."

    @property
    def answered(self) -> bool:
        """Whether SIP came back."""
        return self.ran.result == "answered"

    @property
    def transport(self) -> str:
        """UDP, TCP or TLS."""
        return self.ran.fact("transport") or ""

    @property
    def address(self) -> str:
        """The address that was asked."""
        return self.ran.fact("address") or ""

    @property
    def port(self) -> int:
        """The port that was asked."""
        return int(number(self.ran, "port"))

    @property
    def role(self) -> str:
        """Why it was asked."""
        return self.ran.fact("role") or ""


def number(ran: ControlRan, name: str) -> float:
    """Return a fact as a number; 0 where it is none, as in a file that somebody edited."""
    text = ran.fact(name) or ""
    return float(text) if _NUMBER.fullmatch(text) else 0.0


class Asked:
    """The answers to OPTIONS of one case."""

    def __init__(self, case: Case) -> None:
        found = [Seen(index, ran) for index, ran in case.asked(Control.OPTIONS)]
        self.all = tuple(seen for seen in found if seen.ran.result != "not-run")
        self.used = next((seen for seen in self.all if seen.role == "used"), None)

    def variant(self, role: str) -> Seen | None:
        """Return the answer to a variant, one that was answered first."""
        found = sorted((s for s in self.all if s.role == role), key=lambda s: not s.answered)
        return next(iter(found), None)

    @property
    def plain(self) -> tuple[Seen, ...]:
        """The answers to plain questions at other places than the one that was used."""
        return tuple(s for s in self.all if s.role in {"named", "transport", "standard"})

    @property
    def elsewhere(self) -> tuple[Seen, ...]:
        """What answered beside the place that was used."""
        return tuple(s for s in self.plain if s.answered)

    @property
    def same_machine(self) -> tuple[Seen, ...]:
        """Plain questions to the machine that was used."""
        address = self.used.address if self.used else ""
        return tuple(s for s in self.plain if s.address == address)


def failed_on_the_way(case: Case) -> bool:
    """Whether the attempt failed between us and them."""
    return case.reply is None and not case.failed(Failure.TLS_CERTIFICATE)


def cite(case: Case, *seen: Seen) -> tuple[Evidence, ...]:
    """Cite answers."""
    return tuple(case.cite_control(one.index) for one in seen)


# Another port, another machine ------------------------------------------------------------------


def standard_port(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the port that was used is dead, and the standard one of the machine answers."""
    asked = Asked(case)
    used = asked.used
    if used is None or used.answered or not failed_on_the_way(case) or case.account is None:
        return
    wanted = _STANDARD.get(used.transport)
    alive = next(
        (
            s
            for s in asked.same_machine
            if s.answered and s.port == wanted and s.transport == used.transport
        ),
        None,
    )
    if alive is None or used.port == wanted:
        return
    by_dns = case.account.port is None
    udp = used.transport == "UDP"
    cause = "F006" if by_dns else ("F014" if udp else "F018")
    whence = "DNS (an SRV record) says" if by_dns else "`uri:` says"
    yield Hypothesis(
        cause=cause,
        likelihood=Certainty.LIKELY,
        because=f"{whence} port {used.port}, where nothing answers, and port {wanted} of the same "
        "machine answers OPTIONS",
        says=f"{plain(case.account.host)} answers on port {wanted}, and "
        + (f"DNS leads us to port {used.port}." if by_dns else f"we go to port {used.port}."),
        evidence=cite(case, used, alive),
        steps=(
            f"Write port {wanted} in `uri:`"
            + (", and tell the owner of the domain about its SRV record." if by_dns else "."),
        ),
        rules_out=tuple({"F006", "F014", "F018", "F019", "F021", *SILENT} - {cause}),
        weight=SHOWN + 5,
    )


def other_target(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the machine that was used is dead, and another that DNS names answers."""
    asked = Asked(case)
    used = asked.used
    if used is None or used.answered or not failed_on_the_way(case):
        return
    others = [s for s in asked.elsewhere if s.role == "named" and s.address != used.address]
    others = [s for s in others if s.transport == used.transport]
    if not others or any(s.answered for s in asked.same_machine):
        return
    other = others[0]
    six = ":" in used.address and any(":" not in s.address for s in others)
    if six:
        other = next(s for s in others if ":" not in s.address)
        cause, says = "F010", "The IPv6 address of {host} does not answer, its IPv4 address does."
    elif _unknown_to_dns(case):
        cause = "F009"
        says = "This machine uses an old address of {host}: DNS names another, and that answers."
    else:
        cause = "F007"
        says = f"One server of {{host}} is down ({plain(used.ran.target)}); another answers."
    step = {
        "F010": "Use an IPv4 address or a name without AAAA in `uri:`, or mend IPv6 here.",
        "F009": "Look for {host} in /etc/hosts of this machine, and flush its DNS cache.",
        "F007": f"Use {plain(other.ran.fact('host') or other.address)} in `uri:` until then, and "
        "tell {provider}.",
    }[cause]
    yield Hypothesis(
        cause=cause,
        likelihood=Certainty.LIKELY,
        because=f"{plain(used.ran.target)} does not answer OPTIONS, and {plain(other.ran.target)}, "
        "which DNS names as well, does",
        says=case.fill(says),
        evidence=cite(case, used, other),
        steps=(case.fill(step),),
        rules_out=tuple({"F007", "F009", "F011", "F014", "F017", "F018", *SILENT} - {cause}),
        weight=SHOWN + 3,
    )


def _unknown_to_dns(case: Case) -> bool:
    names = case.asked(Control.NAMES)
    return any(ran.fact("used_is") == "unknown to DNS" for _, ran in names)


# Another transport ------------------------------------------------------------------------------


def other_transport(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the same machine answers over another transport."""
    asked = Asked(case)
    used = asked.used
    if used is None or used.answered or not failed_on_the_way(case):
        return
    secure = speaks_tls(case)
    if secure is not None and used.ran.result in {"closed", "mute", "not-sip"}:
        yield from _mixed_up(case, used, secure)
        return
    other = next(
        (s for s in asked.same_machine if s.answered and s.transport != used.transport), None
    )
    if other is None or any(
        s.answered and s.transport == used.transport for s in asked.same_machine
    ):
        return
    yield from _by_transport(case, used, other)


def _by_transport(case: Case, used: Seen, other: Seen) -> Iterator[Hypothesis]:
    theirs, ours = other.transport, used.transport
    if ours in {"TCP", "TLS"} and used.ran.result in {"closed", "mute", "not-sip", "no-tls"}:
        yield from _mixed_up(case, used, other)
        return
    dropped = used.ran.result in {"silent", "prohibited"}
    cause = ("F015" if ours == "UDP" else "F019") if dropped else "F021"
    because = f"{plain(other.ran.target)} answers OPTIONS, and {ours} to the same machine is " + (
        "lost without a word" if dropped else "refused by it"
    )
    says = (
        f"{{host}} is up and answers over {theirs}; {ours} from here is dropped on the way."
        if dropped
        else f"{{host}} answers over {theirs} and takes no {ours} on port {used.port}."
    )
    yield Hypothesis(
        cause=cause,
        likelihood=Certainty.LIKELY,
        because=because,
        says=case.fill(says),
        evidence=cite(case, used, other),
        steps=(
            f"Set `;transport={theirs.lower()}` and port {other.port} in `uri:` of the profile.",
            *(
                (case.fill(f"Or have the firewall let {ours} from {{local}} to {{target}} pass."),)
                if dropped
                else ()
            ),
        ),
        rules_out=tuple(
            {"F009", "F012", "F013", "F014", "F015", "F018", "F019", "F021", "F024", "F030"}.union(
                {"F032", "F131"}
            ).difference({cause})
        ),
        weight=SHOWN,
    )


def speaks_tls(case: Case) -> Seen | None:
    """Return the question over TLS to the port that was used without it, if a handshake passed."""
    asked = Asked(case)
    used = asked.used
    if used is None or used.transport != "TCP":
        return None
    came_up = ("answered", "closed", "mute")
    return next(
        (
            s
            for s in asked.same_machine
            if s.transport == "TLS" and s.port == used.port and s.ran.result in came_up
        ),
        None,
    )


def _mixed_up(case: Case, used: Seen, other: Seen) -> Iterator[Hypothesis]:
    """Recognise: a connection was no use, and the same port answers with or without TLS."""
    pair = (used.transport, other.transport)
    if pair == ("TCP", "TLS") and other.port == used.port:
        cause, says, step = (
            "F022",
            "{target} expects TLS, and we sent unencrypted SIP over TCP.",
            "Set `;transport=tls` in `uri:` of the trunk profile.",
        )
    elif pair[0] == "TLS" and other.port == used.port and pair[1] == "TCP":
        cause, says, step = (
            "F023",
            "{target} speaks SIP without TLS on that port, and we began TLS.",
            "Use the TLS port, usually 5061, or `;transport=tcp` in `uri:`.",
        )
    else:
        return
    yield Hypothesis(
        cause=cause,
        likelihood=Certainty.CERTAIN,
        because=f"the same port answers OPTIONS over {other.transport}"
        if other.answered
        else f"the same port passes a {other.transport} handshake",
        says=case.fill(says),
        evidence=cite(case, used, other),
        steps=(step,),
        rules_out=tuple({"F019", "F020", "F022", "F023", "F035", *SILENT} - {cause}),
        weight=SHOWN,
    )


def other_protocol(case: Case) -> Iterator[Hypothesis]:
    """Recognise: something that is no SIP speaks on the port that was used."""
    used = Asked(case).used
    if used is None or used.ran.result != "not-sip" or not failed_on_the_way(case):
        return
    speaks = used.ran.fact("speaks") or "something else"
    if speaks == "TLS" and used.transport == "TCP":
        yield Hypothesis(
            cause="F022",
            likelihood=Certainty.CERTAIN,
            because="a TLS record came back to our plain SIP",
            says=case.fill("{target} expects TLS, and we sent unencrypted SIP over TCP."),
            evidence=cite(case, used),
            steps=("Set `;transport=tls` in `uri:` of the trunk profile.",),
            rules_out=("F020", "F035"),
            weight=SHOWN,
        )
    elif not speaks.startswith("unknown"):
        yield Hypothesis(
            cause="F013",
            likelihood=Certainty.LIKELY,
            because=f"what answers there speaks {plain(speaks)} and no SIP",
            says=case.fill(f"{{target}} speaks {plain(speaks)}: it is no SIP server."),
            evidence=cite(case, used),
            steps=("Use the host name of the trunk in `uri:`, not that of another service.",),
            rules_out=("F015", "F020", "F024", "F030", "F035", "F131"),
            weight=SHOWN,
        )


# Nothing answers --------------------------------------------------------------------------------


def no_sip_there(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the machine is up, and no port or transport of it speaks SIP."""
    asked = Asked(case)
    used = asked.used
    if used is None or not failed_on_the_way(case) or any(s.answered for s in asked.all):
        return
    if used.ran.result not in {"silent", "refused"}:
        return
    life = next((s for s in asked.all if s.address == used.address and _lives(s)), None)
    if life is None:
        return
    if used.transport == "UDP":
        web = asked.variant("web")
        serves = web is not None and web.ran.result == "open"
        yield Hypothesis(
            cause="F013",
            likelihood=Certainty.LIKELY if serves else Certainty.UNDECIDED,
            because="the machine is up, and it speaks SIP over no transport"
            + ("; it is a web server" if serves else ""),
            says=case.fill("A machine is up at {target}, but nothing on it speaks SIP with us."),
            evidence=cite(case, used, web if serves and web is not None else life),
            steps=(case.fill("Check the host in `uri:` against the provider's page ({target})."),),
            unknown=("Whether it has SIP over UDP alone and a firewall drops just that.",),
            # Who routes by the domain in the request line answers OPTIONS all the same.
            rules_out=("F009", "F032", "F131"),
            weight=60,
        )
    elif used.ran.result == "silent":
        yield Hypothesis(
            cause="F019",
            likelihood=Certainty.LIKELY,
            because="the machine is up and refuses other ports; this one alone is dropped",
            says=case.fill(
                "A filter drops our TCP connections to {target}: the machine itself is up."
            ),
            evidence=cite(case, used, life),
            steps=(case.fill("Have the firewall let TCP from {local} to {target} pass."),),
            rules_out=("F018", "F021", "F131"),
            weight=60,
        )


def _lives(seen: Seen) -> bool:
    """Whether the machine itself said something."""
    if seen.ran.result == "port-closed":
        return seen.ran.fact("offender") == seen.address
    return seen.ran.result in _LIVES


def all_silent(case: Case) -> Iterator[Hypothesis]:
    """Recognise: no port, transport or server of theirs answers, and no machine shows life."""
    asked = Asked(case)
    used = asked.used
    if used is None or used.ran.result != "silent" or not failed_on_the_way(case):
        return
    if any(seen.ran.result != "silent" for seen in asked.all):
        return
    yield Hypothesis(
        cause="F131",
        likelihood=Certainty.UNDECIDED,
        because=f"{len(asked.all)} questions over every transport were lost like the first",
        evidence=cite(case, used),
        weight=16,
    )


_PATH = Gate.TRANSPORT

RULES = (
    Rule(
        name="asked: standard port answers",
        gate=_PATH,
        causes=("F006", "F014", "F018"),
        find=standard_port,
    ),
    Rule(
        name="asked: another server answers",
        gate=_PATH,
        causes=("F007", "F009", "F010"),
        find=other_target,
    ),
    Rule(
        name="asked: another transport answers",
        gate=_PATH,
        causes=("F015", "F019", "F021", "F022", "F023"),
        find=other_transport,
    ),
    Rule(
        name="asked: no SIP speaks there",
        gate=_PATH,
        causes=("F013", "F022"),
        find=other_protocol,
    ),
    Rule(
        name="asked: a machine without SIP", gate=_PATH, causes=("F013", "F019"), find=no_sip_there
    ),
    Rule(name="asked: all is silent", gate=_PATH, causes=("F131",), find=all_silent),
)
