"""From the name to an address: what DNS said before anything was sent (RFC 3263)."""

from collections.abc import Iterator

from probe.diagnosis.case import Case, seconds
from probe.diagnosis.explanation import Certainty, Evidence
from probe.diagnosis.quote import plain
from probe.diagnosis.rule import Gate, Hypothesis, Rule, contains
from probe.sip.message import uri_host
from probe.trace.failure import Failure
from probe.trace.route import DnsAnswer
from probe.trace.trace import NameLookup

_CHECK = "Correct the host in `uri:` of the trunk profile (it says {host}), then run again."

_ERRORS = {
    "unknown": (
        "F001",
        "the name server says that the name does not exist",
        "The name {name} does not exist in DNS, so nothing could be sent.",
        (_CHECK, "Copy the host name from the provider's own page; do not retype it."),
    ),
    "silent": (
        "F002",
        "our name server gave no answer",
        "Our own DNS server did not answer when asked for {name}, so nothing could be sent.",
        (
            (
                "Check the resolver of this machine (/etc/resolv.conf, VPN, port 53), or set "
                "`nameserver:` in the trunk profile."
            ),
        ),
    ),
    "failed": (
        "F003",
        "the name server answered with a failure of its own",
        "DNS could not answer for {name}: the name server reports a failure.",
        (
            (
                "Ask a second resolver for {name}; if that fails too, the owner of the domain must "
                "repair it."
            ),
        ),
    ),
    "empty": (
        "F004",
        "the name exists and has no address",
        "The name {name} exists in DNS but has no address: it is a domain, not a host.",
        (
            (
                "Use the provider's host name in `uri:`, or leave the port out so that SRV records "
                "are asked."
            ),
        ),
    ),
    "denied": (
        "F012",
        "its SRV record names nobody (`.`), which says that there is no such service",
        "The owner of {name} says in DNS that there is no SIP service behind this name.",
        ("Use the host name of the trunk from the provider's page in `uri:`.",),
    ),
}
"""How a look-up failed: cause, why, summary, steps."""

_WORDS = (
    (r"nxdomain|name error|not known|no such name|unknown host", "unknown"),
    (r"temporary failure|timed? ?out|no answer within", "silent"),
    (r"server failure|servfail", "failed"),
    (r"no answer record|no address associated|nodata|ednsnoanswer", "empty"),
    (r"eresolve|gethostbyname", "unknown"),
)
"""Words of resolvers, where no look-up of our own is in the trace."""


def failed_lookup(case: Case) -> Iterator[Hypothesis]:
    """Recognise: a look-up of ours failed and nothing was sent."""
    if not _nothing_left(case):
        return
    bad = [(index, lookup) for index, lookup in case.lookups if lookup.error in _ERRORS]
    if not bad:
        return
    index, lookup = bad[-1]
    if lookup.error == "unknown" and _is_srv_target(case, lookup):
        yield Hypothesis(
            cause="F005",
            likelihood=Certainty.CERTAIN,
            because=f"the configured name leads to {plain(lookup.name)}, which does not exist",
            says=case.fill(
                f"DNS sends us from {{host}} on to {plain(lookup.name)}, and that name does not "
                "exist."
            ),
            evidence=(_cited(index, lookup),),
            steps=(
                f"Tell the owner of the domain that its SRV record names {plain(lookup.name)}.",
            ),
        )
        return
    yield _named(
        case,
        lookup.error or "failed",
        plain(lookup.name),
        (_cited(index, lookup),),
        proved=lookup.error != "denied",
    )


def resolver_words(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the stack reports a failed name and we made no look-up of our own."""
    if case.failure is None or not case.failed(Failure.NAME_RESOLUTION):
        return
    if any(lookup.error is not None for _, lookup in case.lookups):
        return
    for pattern, error in _WORDS:
        if contains(pattern, case.failure.detail):
            proved = not contains("eresolve|gethostbyname", case.failure.detail)
            yield _named(case, error, case.facts["host"], case.cite_failure(), proved=proved)
            return


def _named(
    case: Case, error: str, name: str, evidence: tuple[Evidence, ...], *, proved: bool
) -> Hypothesis:
    cause, because, says, steps = _ERRORS[error]
    facts = {**case.facts, "name": name}
    return Hypothesis(
        cause=cause,
        likelihood=Certainty.CERTAIN if proved else Certainty.LIKELY,
        because=because,
        says=says.format_map(facts),
        evidence=evidence,
        steps=tuple(step.format_map(facts) for step in steps),
    )


def _nothing_left(case: Case) -> bool:
    return case.failed(Failure.NAME_RESOLUTION) or (case.failure is not None and not case.requests)


def _is_srv_target(case: Case, lookup: NameLookup) -> bool:
    """Whether the name is none that we configured, but one that DNS gave us."""
    if case.account is None:
        return False
    own = {case.account.host, uri_host(case.account.proxy)[0], uri_host(case.account.registrar)[0]}
    asked = lookup.name.rstrip(".").lower()
    if any(name and asked.endswith(name.rstrip(".").lower()) for name in own):
        return False
    led_there = any(
        asked in record.lower() for _, answer in case.all_of(DnsAnswer) for record in answer.records
    )
    return led_there or any(
        other.error is None and other is not lookup for _, other in case.lookups
    )


def _cited(index: int, lookup: NameLookup) -> Evidence:
    detail = plain(lookup.detail)
    said = f" ({detail})" if detail else ""
    return Evidence(
        event=index,
        says=f"looking up {plain(lookup.name)} ended with: {lookup.error}{said}, after "
        f"{seconds(lookup.took_s)}",
    )


RULES = (
    Rule(
        name="our look-up failed",
        gate=Gate.NAME,
        causes=("F001", "F002", "F003", "F004", "F005", "F012"),
        find=failed_lookup,
    ),
    Rule(
        name="the stack could not resolve",
        gate=Gate.NAME,
        causes=("F001", "F002", "F003", "F004"),
        find=resolver_words,
    ),
)
