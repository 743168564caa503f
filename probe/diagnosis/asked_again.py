"""What OPTIONS showed of the place that an attempt used: the same place, another question."""

import ipaddress
from collections.abc import Iterator

from probe.diagnosis.asked_path import (
    SHOWN,
    SILENT,
    Asked,
    cite,
    failed_on_the_way,
    speaks_tls,
)
from probe.diagnosis.case import Case
from probe.diagnosis.explanation import Certainty
from probe.diagnosis.quote import plain
from probe.diagnosis.rule import Gate, Hypothesis, Rule
from probe.sip.sdp import address_class
from probe.trace.failure import Failure


def only_large(case: Case) -> Iterator[Hypothesis]:
    """Recognise: OPTIONS is answered, and is lost where it is as large as our request."""
    asked = Asked(case)
    used, sized, headers = asked.used, asked.variant("sized"), asked.variant("headers")
    if used is None or not used.answered or sized is None:
        return
    size = sized.ran.fact("size") or "?"
    if sized.ran.result in {"silent", "too-long"}:
        yield Hypothesis(
            cause="F025",
            likelihood=Certainty.LIKELY,
            because=f"a small OPTIONS is answered, and one of {size} bytes is lost",
            says=case.fill(
                f"Packets of {size} bytes are lost on the way to {{host}}; small ones arrive."
            ),
            evidence=cite(case, used, sized),
            steps=(
                "Set `;transport=tcp` in `uri:`, or shorten `headers:` and `codecs:`.",
                "Have the firewall or router on the way pass fragments of UDP.",
            ),
            rules_out=("F031", "F032", "F033", *SILENT),
            weight=SHOWN,
        )
    elif sized.answered and headers is not None and headers.ran.result == "silent":
        yield Hypothesis(
            cause="F033",
            likelihood=Certainty.LIKELY,
            because="OPTIONS is answered, also as a large one, and is lost with our header fields",
            says=case.fill(
                "Something on the way to {host} drops requests with a header field that we add."
            ),
            evidence=cite(case, used, headers),
            steps=("Take `headers:` out of the trunk profile and the step, one by one.",),
            rules_out=("F025", "F031", "F032", *SILENT),
            weight=SHOWN,
        )


def answers_options(case: Case) -> Iterator[Hypothesis]:
    """Recognise: they answer OPTIONS now, and did not answer our request."""
    asked = Asked(case)
    used = asked.used
    if used is None or not used.answered or not failed_on_the_way(case) or not case.silent_tail:
        return
    sized = asked.variant("sized")
    if case.transport != "UDP" or (sized is not None and sized.ran.result == "silent"):
        return
    gone = (*SILENT, *(("F025",) if sized is not None and sized.answered else ()))
    register = case.method == "REGISTER"
    by_address = address_class(case.dialled_host) != "name"
    cause = "F059" if register else ("F032" if by_address else "F033")
    because = {
        "F059": "they answer OPTIONS and ignore REGISTER, as a trunk without registration does",
        "F032": "they answer OPTIONS, and ignore a call whose request line holds an address",
        "F033": "they answer OPTIONS, and ignore our {method}: something in it is not taken",
    }[cause]
    yield Hypothesis(
        cause=cause,
        likelihood=Certainty.LIKELY if register and not by_address else Certainty.UNDECIDED,
        because=case.fill(because),
        says=case.fill("{host} answers OPTIONS and ignores our {method}."),
        evidence=cite(case, used),
        rules_out=gone,
        weight=50,
    )
    if register and by_address:
        yield Hypothesis(
            cause="F032",
            likelihood=Certainty.UNDECIDED,
            because="the request line holds an address, and some providers drop what does not name "
            "their domain",
            evidence=cite(case, used),
            weight=55,
        )


def unnamed(case: Case) -> Iterator[Hypothesis]:
    """Recognise: without our User-Agent the same question is answered."""
    asked = Asked(case)
    used, bare = asked.used, asked.variant("unnamed")
    if used is None or used.answered or bare is None or not bare.answered:
        return
    agent = plain(case.account.user_agent) if case.account else ""
    yield Hypothesis(
        cause="F031",
        likelihood=Certainty.LIKELY,
        because="OPTIONS with our User-Agent is ignored, and without it is answered",
        says=case.fill(f"{{host}} ignores whoever calls itself `{agent}`."),
        evidence=cite(case, used, bare),
        steps=(
            "Set another honest `user_agent:` in the trunk profile, or ask to have it allowed.",
        ),
        rules_out=("F032", "F033", *SILENT),
        weight=SHOWN,
    )


def other_source(case: Case) -> Iterator[Hypothesis]:
    """Recognise: from another address of this machine the same question is answered."""
    asked = Asked(case)
    used, other = asked.used, asked.variant("source")
    if used is None or used.answered or other is None or not other.answered:
        return
    ours = plain(other.ran.fact("local") or "")
    yield Hypothesis(
        cause="F036",
        likelihood=Certainty.LIKELY,
        because=f"from {ours} OPTIONS is answered, and from {plain(used.ran.fact('local') or '')} "
        "it is not",
        says=case.fill(f"{{host}} answers to {ours} of this machine, and we speak from {{local}}."),
        evidence=cite(case, used, other),
        steps=(f"Set `local_address: {ours}` in the trunk profile.",),
        rules_out=("F031", "F032", "F033", *SILENT),
        weight=SHOWN,
    )


# Connections ------------------------------------------------------------------------------------


def old_connection(case: Case) -> Iterator[Hypothesis]:
    """Recognise: a connection of before was dead, and a fresh one works."""
    used = Asked(case).used
    if used is None or used.transport == "UDP" or case.transport == "UDP":
        return
    if not case.failed(Failure.CONNECTION_LOST, Failure.NO_RESPONSE) or not case.requests:
        return
    fresh = any(change.state in {"connected", "accepted"} for _, change in case.connections)
    if fresh and used.ran.result == "closed" and speaks_tls(case) is None:
        yield Hypothesis(
            cause="F020",
            likelihood=Certainty.LIKELY,
            because="OPTIONS on a connection of its own was closed as well",
            evidence=cite(case, used),
            rules_out=("F035",),
            weight=SHOWN,
        )
    elif used.answered and not fresh:
        yield Hypothesis(
            cause="F035",
            likelihood=Certainty.LIKELY,
            because="our request went over a connection of before, and a fresh one is answered",
            says=case.fill(
                "The connection to {target} that was up before had been cut, and our {method} was "
                "lost on it; a new one works."
            ),
            evidence=(*case.cite_failure(), *cite(case, used)),
            steps=("Have the firewall or NAT on the way keep idle connections for longer.",),
            rules_out=("F020", "F022", *SILENT),
            weight=SHOWN,
        )


# How they see us --------------------------------------------------------------------------------


def rewritten(case: Case) -> Iterator[Hypothesis]:
    """Recognise: a middlebox writes into SIP (an ALG)."""
    for seen in Asked(case).all:
        if not seen.answered or seen.transport != "UDP":
            continue
        changed = seen.ran.all("altered")
        ours, theirs = seen.ran.fact("local") or "", seen.ran.fact("received")
        hidden = _inside(ours) and _public(seen.address) and (theirs is None or theirs == ours)
        if changed or hidden:
            yield Hypothesis(
                cause="F027",
                likelihood=Certainty.LIKELY if changed else Certainty.UNDECIDED,
                because=(
                    f"{', '.join(plain(name) for name in changed)} came back other than it was sent"
                    if changed
                    else f"our address {plain(ours)} is private, and the answer from a public "
                    "address names no other for us"
                ),
                evidence=cite(case, seen),
                steps=("Switch SIP ALG off in the router, or use `;transport=tls`.",),
                weight=70 if changed else 4,
            )
            return


def _inside(address: str) -> bool:
    """Whether an address belongs to a private network (RFC 1918, RFC 6598, RFC 4193)."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    networks = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
    return any(found in ipaddress.ip_network(text) for text in networks)


def _public(address: str) -> bool:
    return address_class(address) == "public"


_PATH = Gate.TRANSPORT

RULES = (
    Rule(name="asked: large ones are lost", gate=_PATH, causes=("F025", "F033"), find=only_large),
    Rule(
        name="asked: OPTIONS is answered",
        gate=_PATH,
        causes=("F032", "F033", "F059"),
        find=answers_options,
    ),
    Rule(name="asked: our name is ignored", gate=_PATH, causes=("F031",), find=unnamed),
    Rule(name="asked: another source works", gate=_PATH, causes=("F036",), find=other_source),
    Rule(name="asked: fresh connection", gate=_PATH, causes=("F020", "F035"), find=old_connection),
    Rule(name="asked: SIP is rewritten", gate=_PATH, causes=("F027",), find=rewritten),
)
