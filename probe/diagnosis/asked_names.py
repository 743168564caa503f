"""What a walk through DNS showed after a failure (RFC 3263)."""

import ipaddress
from collections.abc import Iterator

from msgspec.structs import replace

from probe.diagnosis.asked_path import SHOWN, Asked, cite, failed_on_the_way
from probe.diagnosis.case import Case
from probe.diagnosis.explanation import Certainty, Evidence
from probe.diagnosis.quote import plain
from probe.diagnosis.rule import Gate, Hypothesis, Rule
from probe.trace.control import Control, ControlRan
from probe.trace.failure import Failure

_SERVICES = {"UDP": "_sip._udp.", "TCP": "_sip._tcp.", "TLS": "_sips._tcp."}
_INSIDE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
_OWN_ZONES = ("local", "lan", "internal", "intranet", "home", "corp", "private", "localdomain")
"""Last labels of names that are meant for one network (RFC 6762 §3, RFC 8375 and habit)."""


def _walk(case: Case) -> tuple[int, ControlRan] | None:
    """Return the walk, where it gave anything and the attempt failed on the way."""
    found = [(i, ran) for i, ran in case.asked(Control.NAMES) if ran.result != "not-run"]
    if not found or not failed_on_the_way(case) or case.failed(Failure.NAME_RESOLUTION):
        return None
    used = Asked(case).used
    return None if used is not None and used.answered else found[0]


def _services(ran: ControlRan) -> dict[str, list[str]]:
    """Return the hosts of the SRV records of each transport."""
    found: dict[str, list[str]] = {}
    for text in ran.all("srv"):
        words = text.split()
        if len(words) == 5:  # as the control writes it: transport, priority, weight, host, port
            found.setdefault(words[0], []).append(words[3])
    return found


def _addresses(ran: ControlRan) -> list[str]:
    """Return the addresses that DNS gave, of all names."""
    return [words[1] for text in ran.all("a") if len(words := text.split()) == 3]


def said_by_dns(case: Case) -> Iterator[Hypothesis]:
    """Recognise: no address was had, and the name servers themselves say why.

    The system's resolver has one word for several of their answers, and pjsip's reports the last
    one of several questions.
    """
    if not case.failed(Failure.NAME_RESOLUTION):
        return
    for index, ran in case.asked(Control.NAMES):
        found = _said(case, ran)
        if found is not None:
            excluded = tuple(_OF_NO_ADDRESS - {found.cause})
            cited = (case.cite_control(index),)
            yield replace(found, evidence=cited, rules_out=excluded, weight=SHOWN)


_OF_NO_ADDRESS = frozenset({"F001", "F002", "F003", "F004", "F005"})
"""Causes of which DNS itself shows which one it is."""


def _said(case: Case, ran: ControlRan) -> Hypothesis | None:
    """Return what one walk shows."""
    if ran.result == "target-missing":
        targets = [h for hosts in _services(ran).values() for h in hosts if h != "."] or ["?"]
        return Hypothesis(
            cause="F005",
            likelihood=Certainty.CERTAIN,
            because=f"SRV leads to {plain(', '.join(targets[:3]))}, which has no address",
            says=case.fill(
                f"DNS sends us from {{host}} on to {plain(targets[0])}, and that name has no "
                "address."
            ),
            steps=(f"Tell the owner of the domain that its SRV record names {plain(targets[0])}.",),
        )
    if ran.result == "no-address":
        return Hypothesis(
            cause="F004",
            likelihood=Certainty.CERTAIN,
            because="the name exists and has no address",
            says=case.fill("The name {host} exists in DNS but has no address: it is no host."),
            steps=("Use the provider's host name in `uri:`, not its domain.",),
        )
    if ran.result == "failed":
        return _server_failed(case, ran)
    if ran.result == "alias":
        return Hypothesis(
            cause="F003",
            likelihood=Certainty.UNDECIDED,
            because="the name is an alias, and what it leads to has no address or circles",
            steps=(case.fill("Tell the owner of {host} what its name server says."),),
        )
    return None


def _server_failed(case: Case, ran: ControlRan) -> Hypothesis:
    """Tell a failure (SERVFAIL) from a refusal: who may not ask learns nothing of the domain."""
    failed = any(text.endswith(" SERVFAIL") for text in ran.all("rcode"))
    return Hypothesis(
        cause="F003",
        likelihood=Certainty.CERTAIN if failed else Certainty.UNDECIDED,
        because="the name server answers with a failure of its own (SERVFAIL)"
        if failed
        else "the name server answers, and gives nothing: it may refuse to serve us",
        says=case.fill("DNS could not answer for {host}: the name server reports a failure."),
        steps=(
            case.fill(
                "Ask a second resolver for {host}; if that fails too, the owner of the domain "
                "must repair it."
            ),
        ),
    )


def other_service(case: Case) -> Iterator[Hypothesis]:
    """Recognise: SRV is published for other transports than ours."""
    walk = _walk(case)
    if walk is None or case.account is None or walk[1].fact("srv_asked") != "yes":
        return
    index, ran = walk
    ours = case.account.transport.upper()
    offered = {t: hosts for t, hosts in _services(ran).items() if hosts[0] != "."}
    none_of_ours = any(
        text.startswith(f"SRV {_SERVICES[ours]}") and text.endswith((" NXDOMAIN", " empty"))
        for text in ran.all("rcode")
    )
    if not offered or ours in offered or not none_of_ours:
        return
    theirs = next(iter(offered))
    yield Hypothesis(
        cause="F008",
        likelihood=Certainty.CERTAIN,
        because=f"DNS publishes SRV records for {' and '.join(offered)} and none for {ours}",
        says=case.fill(
            f"{{host}} is published for {' and '.join(offered)} only, and we use {ours}."
        ),
        evidence=(case.cite_control(index),),
        steps=(f"Set `;transport={theirs.lower()}` in `uri:` of the trunk profile.",),
        weight=SHOWN,
    )


def no_service(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the name is a web host, or says by SRV that it has no SIP."""
    walk = _walk(case)
    if walk is None or case.account is None or walk[1].fact("srv_asked") != "yes":
        return
    index, ran = walk
    asked = Asked(case)
    services = _services(ran)
    denied = any(host == "." for hosts in services.values() for host in hosts)
    web = asked.variant("web")
    if any(seen.answered for seen in asked.all) or (services and not denied):
        return
    if denied:
        because = "its SRV record names nobody (`.`), which says that there is no such service"
        evidence: tuple[Evidence, ...] = (case.cite_control(index),)
    elif web is not None and web.ran.result == "open":
        because = (
            "it has no SRV records, its address has a web server, and nothing there speaks SIP"
        )
        evidence = (case.cite_control(index), *cite(case, web))
    else:
        return
    yield Hypothesis(
        cause="F012",
        likelihood=Certainty.LIKELY,
        because=because,
        says=case.fill("{host} is a web or mail host, and no SIP server."),
        evidence=evidence,
        steps=("Use the host name of the trunk from the provider's page in `uri:`.",),
        rules_out=("F009", "F013", "F014", "F015", "F024", "F030", "F131"),
        weight=SHOWN + 2,
    )


def old_address(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the system led us to an address that DNS does not give now.

    A name with many servers gives others each time: only an answer from there shows which it is.
    """
    walk = _walk(case)
    if walk is None or walk[1].fact("used_is") != "unknown to DNS":
        return
    index, ran = walk
    named = _addresses(ran)
    yield Hypothesis(
        cause="F009",
        likelihood=Certainty.UNDECIDED,
        because=f"we went to {plain(ran.fact('used') or '')}, and DNS names "
        f"{', '.join(plain(address) for address in named[:3])}",
        says=case.fill(
            f"This machine leads {{host}} to {plain(ran.fact('used') or '')}, where nothing "
            "answers; DNS names another address."
        ),
        evidence=(case.cite_control(index),),
        steps=(case.fill("Look for {host} in /etc/hosts of this machine, and flush its cache."),),
        weight=45,
    )


def address_of_the_inside(case: Case) -> Iterator[Hypothesis]:
    """Recognise: DNS gives a private address for a public name, and nothing answers there."""
    walk = _walk(case)
    if walk is None or case.account is None:
        return
    index, ran = walk
    addresses = _addresses(ran)
    zone = case.account.host.rstrip(".").rpartition(".")[2].lower()
    if not addresses or zone in _OWN_ZONES or not all(_inside(a) for a in addresses):
        return
    near = any(_same_network(a, case.local_host) for a in addresses)
    yield Hypothesis(
        cause="F011",
        likelihood=Certainty.UNDECIDED if near else Certainty.LIKELY,
        because=f"the name leads to {plain(addresses[0])}, an address of a private network, and "
        "nothing answers there",
        says=case.fill(
            f"The name server leads {{host}} to {plain(addresses[0])}, an address of the inside, "
            "where nothing answers."
        ),
        evidence=(case.cite_control(index),),
        steps=(case.fill("Ask another name server for {host}, or set `nameserver:`."),),
        weight=20 if near else 80,
    )


def _inside(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in ipaddress.ip_network(text) for text in _INSIDE)


def _same_network(address: str, ours: str) -> bool:
    """Whether two IPv4 addresses share their first 16 bits."""
    return bool(ours) and address.split(".")[:2] == ours.split(".")[:2]


RULES = (
    Rule(
        name="asked: DNS says otherwise",
        gate=Gate.NAME,
        causes=("F003", "F004", "F005"),
        find=said_by_dns,
    ),
    Rule(name="asked: SRV for others", gate=Gate.NAME, causes=("F008",), find=other_service),
    Rule(name="asked: no SIP by DNS", gate=Gate.NAME, causes=("F012",), find=no_service),
    Rule(name="asked: DNS knows another", gate=Gate.NAME, causes=("F009",), find=old_address),
    Rule(
        name="asked: inside address", gate=Gate.NAME, causes=("F011",), find=address_of_the_inside
    ),
)
