"""Faults of names, F001 to F012: a name server that the lab runs says what a broken one says."""

import socket
from collections.abc import Callable, Mapping, Sequence

import dns.rcode
from certificates import make_certificates
from internet import TOOLS, Internet, internet, server_side, some_step, uri
from lab import Fault, Lab, Scene
from namespaces import dropped, public_prefix

Records = Mapping[tuple[str, str], Sequence[str]]


def _scene(net: Internet, host: str, *, asks: str = "", port: int = 0, said: str = "") -> Scene:
    """Return a scene that goes to a name; ``asks``: the profile's name server or the system's."""
    profile: dict[str, object] = {"uri": uri(net.lab.user(), host, port) + said}
    if (asks or net.lab.rng.choice(("ours", "system"))) == "ours":
        profile["nameserver"] = net.resolver
    return net.scene(profile, [some_step(net.lab)])


def _srv(host: str, transport: str, *targets: str) -> dict[tuple[str, str], list[str]]:
    """Return SRV records of a name: each target is `PRIORITY PORT NAME`."""
    data = []
    for target in targets:
        priority, port, name = target.split()
        data.append(f"{priority} 10 {port} {name.rstrip('.')}.")
    return {(f"_{transport}.{host}", "SRV"): data}


def no_such_name(lab: Lab) -> Scene:
    """Configure a name beside the one that exists."""
    net = internet(lab)
    host = net.host()
    net.serve(net.there[0], 5060)
    net.names({(host, "A"): [net.there[0]], **_srv(host, "sip._udp", f"0 5060 {host}")})
    wrong = lab.rng.choice((host.replace(".", "1.", 1), host[1:], f"{host}.invalid", f"x{host}"))
    return _scene(net, wrong, port=lab.rng.choice((0, 0, 5060)))


def lapsed_domain(lab: Lab) -> Scene:
    """Have no name at all in DNS."""
    net = internet(lab)
    net.names({})
    return _scene(net, net.host(), port=lab.rng.choice((0, 0, 5060)))


def silent_resolver(lab: Lab) -> Scene:
    """Let the name server take queries and answer none."""
    net = internet(lab)
    host = net.host()
    net.serve(net.there[0], 5060)
    net.names({(host, "A"): [net.there[0]]}, silent=True)
    return _scene(net, host)


def blocked_resolver(lab: Lab) -> Scene:
    """Let the router drop DNS."""
    net = internet(lab)
    host = net.host()
    net.serve(net.there[0], 5060)
    net.names({(host, "A"): [net.there[0]]})
    dropped(net.network, "udp dport 53", "tcp dport 53")
    return _scene(net, host)


def servfail(lab: Lab) -> Scene:
    """Let the name server fail."""
    net = internet(lab)
    net.names({}, code=dns.rcode.SERVFAIL)
    return _scene(net, net.host())


def no_address(lab: Lab) -> Scene:
    """Have the name in DNS without an address."""
    net = internet(lab)
    host = net.host()
    net.names({(host, "TXT"): ['"v=spf1 -all"'], (host, "MX"): [f"10 mail.{net.domain}."]})
    return _scene(net, host)


def target_without_name(lab: Lab) -> Scene:
    """Let SRV name a host that does not exist."""
    net = internet(lab)
    host, target = net.domain, net.host()
    net.names({**_srv(host, "sip._udp", f"10 5060 {target}"), (host, "MX"): [f"10 mx.{host}."]})
    return _scene(net, host)


def wrong_port_in_srv(lab: Lab) -> Scene:
    """Let SRV name a port where nothing answers, while 5060 does."""
    net = internet(lab)
    host, target = net.domain, net.host()
    port = lab.rng.randrange(5070, 5999)
    net.serve(net.there[0], 5060)
    if lab.rng.random() < 0.5:
        net.holds(socket.SOCK_DGRAM, net.there[0], port)
    net.names({**_srv(host, "sip._udp", f"10 {port} {target}"), (target, "A"): [net.there[0]]})
    return _scene(net, host, asks="ours")


def first_target_dead(lab: Lab) -> Scene:
    """Let the first of two SRV targets be silent."""
    net = internet(lab)
    host = net.domain
    first = net.host()
    second = net.host(first)
    port = lab.rng.choice((5060, 5060, lab.rng.randrange(5061, 5999)))
    net.holds(socket.SOCK_DGRAM, net.there[0], port)
    net.serve(net.there[1], port)
    net.names(
        {
            **_srv(host, "sip._udp", f"10 {port} {first}", f"20 {port} {second}"),
            (first, "A"): [net.there[0]],
            (second, "A"): [net.there[1]],
        }
    )
    scene = _scene(net, host)
    for step in scene.steps:  # the next server answers: what is left of the fault is the time
        step["timeout"] = "4s"
        step["expect"] = {**step.get("expect", {}), "timing": {"total": "max 1.5s"}}
    return scene


def other_transport_in_srv(lab: Lab) -> Scene:
    """Publish SRV for TLS or TCP alone, and ask for UDP; the name has an address without UDP."""
    net = internet(lab)
    host, target = net.domain, net.host()
    secure = lab.rng.random() < 0.6
    if secure:
        pair = make_certificates(lab.place("certificates"))
        net.serve(net.there[0], 5061, tls=server_side(pair.server))
        srv = _srv(host, "sips._tcp", f"10 5061 {target}")
    else:
        net.serve(net.there[0], 5060, "tcp")
        srv = _srv(host, "sip._tcp", f"10 5060 {target}")
    if lab.rng.random() < 0.5:
        dropped(net.network, f"ip daddr {net.there[0]} udp dport 5060")
    net.names({**srv, (target, "A"): [net.there[0]], (host, "A"): [net.there[0]]})
    return _scene(net, host, said=";transport=udp")


def stale_address(lab: Lab) -> Scene:
    """Let /etc/hosts hold an address that the provider gave up."""
    net = internet(lab)
    host = net.host()
    net.serve(net.there[0], 5060)
    net.names({(host, "A"): [net.there[0]]})
    old = f"{public_prefix(lab.rng)}.{lab.rng.randrange(2, 250)}"
    way = lab.rng.choice(("unreachable", "blackhole"))
    net.network.router.ip(f"route add {way} {old}/32")
    net.hosts[host] = old
    return _scene(net, host, asks="system")


def inside_address(lab: Lab) -> Scene:
    """Let the name server inside the company give a private address, where no SIP server is."""
    net = internet(lab)
    host = net.host()
    net.serve(net.there[0], 5060)
    inside = f"10.{lab.rng.randrange(1, 250)}.{lab.rng.randrange(250)}.{lab.rng.randrange(2, 250)}"
    net.network.router.ip(f"route add {lab.rng.choice(('blackhole', 'unreachable'))} {inside}/32")
    net.names({(host, "A"): [inside]})
    return _scene(net, host)


def web_host(lab: Lab) -> Scene:
    """Configure the company's domain: a web server without SRV records."""
    net = internet(lab)
    for port in (80, 443):
        net.holds(socket.SOCK_STREAM, net.there[0], port)
    dropped(net.network, f"ip daddr {net.there[0]} udp dport 5060")
    sip = net.host()
    net.serve(net.there[1], 5060)
    net.names(
        {
            (net.domain, "A"): [net.there[0]],
            (f"www.{net.domain}", "A"): [net.there[0]],
            (net.domain, "MX"): [f"10 mail.{net.domain}."],
            (sip, "A"): [net.there[1]],
        }
    )
    return _scene(net, net.domain)


def service_denied(lab: Lab) -> Scene:
    """Publish by SRV that the domain has no SIP service (target ".", RFC 2782)."""
    net = internet(lab)
    for port in (80, 443):
        net.holds(socket.SOCK_STREAM, net.there[0], port)
    dropped(net.network, f"ip daddr {net.there[0]} udp dport 5060")
    net.names({(net.domain, "A"): [net.there[0]], (f"_sip._udp.{net.domain}", "SRV"): ["0 0 0 ."]})
    return _scene(net, net.domain)


def refused_query(lab: Lab) -> Scene:
    """Let the name server refuse to serve us (RCODE 5): nothing of the catalogue."""
    net = internet(lab)
    net.names({}, code=dns.rcode.REFUSED)
    return _scene(net, net.host())


def circular_alias(lab: Lab) -> Scene:
    """Let two aliases name each other: nothing of the catalogue."""
    net = internet(lab)
    first = net.host()
    second = net.host(first)
    net.names({(first, "CNAME"): [f"{second}."], (second, "CNAME"): [f"{first}."]})
    return _scene(net, first, asks="system")


def _fault(cause: str | None, name: str, how: str, make: Callable[[Lab], Scene]) -> Fault:
    return Fault(
        cause=cause, name=name, how=how, make=make, family="A" if cause else "U", needs=TOOLS
    )


FAULTS = (
    _fault(
        "F001",
        "misspelt name",
        "name server: NXDOMAIN for a name beside the real one",
        no_such_name,
    ),
    _fault("F001", "lapsed domain", "name server: NXDOMAIN for everything", lapsed_domain),
    _fault(
        "F002",
        "silent resolver",
        "name server that takes queries and never answers",
        silent_resolver,
    ),
    _fault("F002", "blocked resolver", "router drops port 53", blocked_resolver),
    _fault("F003", "failing resolver", "name server: SERVFAIL to everything", servfail),
    _fault("F004", "name without address", "name server: TXT and MX records alone", no_address),
    _fault(
        "F005",
        "SRV target without name",
        "name server: NXDOMAIN for the target of SRV",
        target_without_name,
    ),
    _fault(
        "F006",
        "wrong port in SRV",
        "name server: SRV with a port where nothing answers; 5060 does",
        wrong_port_in_srv,
    ),
    _fault(
        "F007",
        "first SRV target dead",
        "two SRV targets, the first holds its port and is silent; a bound of time is not kept",
        first_target_dead,
    ),
    _fault(
        "F008",
        "SRV for another transport",
        "name server: SRV for TCP or TLS alone",
        other_transport_in_srv,
    ),
    _fault(
        "F009",
        "old address in hosts",
        "/etc/hosts names an address without a machine, DNS another",
        stale_address,
    ),
    _fault(
        "F011",
        "address of the inside",
        "name server: a private address, behind which no SIP server is",
        inside_address,
    ),
    _fault("F012", "web host", "the domain leads to a web server, without SRV", web_host),
    _fault("F012", "service denied by SRV", "name server: SRV with the target `.`", service_denied),
    _fault(None, "resolver refuses", "name server: REFUSED to everything", refused_query),
    _fault(
        None,
        "circular alias",
        "name server: two CNAME records that name each other",
        circular_alias,
    ),
)
