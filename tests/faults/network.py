"""Faults of the way to the server, F013 to F036: filters, routes and NAT, in namespaces."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace

from internet import TOOLS, Internet, Trunk, call, internet, register, some_step, uri
from lab import Fault, Lab, Scene
from namespaces import dropped, filtered, public_prefix
from uas import Call, Flow


def _to(
    net: Internet, server: Trunk | None = None, *, port: int = 0, transport: str = "udp"
) -> Scene:
    """Return a scene that goes to an address of the provider's."""
    host = server.host if server else net.there[0]
    where = port or (server.port if server else net.lab.port())
    return net.scene({"uri": uri(net.lab.user(), host, where, transport)}, [some_step(net.lab)])


def not_a_sip_server(lab: Lab) -> Scene:
    """Point to a machine with a web server; its own firewall drops UDP."""
    net = internet(lab)
    for port in (22, 80, 443):
        net.holds(socket.SOCK_STREAM, net.there[0], port)
    dropped(net.network, f"ip daddr {net.there[0]} meta l4proto udp")
    return _to(net)


def closed_port(lab: Lab) -> Scene:
    """Point to a port beside that of the SIP server."""
    net = internet(lab)
    server = net.serve(net.there[0], 5060, "udp")
    return _to(net, server, port=lab.rng.randrange(5061, 5999))


def dropped_udp(lab: Lab) -> Scene:
    """Have a firewall drop SIP over UDP; TCP passes."""
    net = internet(lab)
    server = net.serve(net.there[0], lab.port())
    way = lab.rng.choice(("daddr", "saddr"))
    direction = "dport" if way == "daddr" else "sport"
    dropped(net.network, f"ip {way} {server.host} udp {direction} {server.port}")
    return _to(net, server)


def rejected(lab: Lab) -> Scene:
    """Have a firewall refuse it and say so."""
    net = internet(lab)
    server = net.serve(net.there[0], lab.port())
    kind = lab.rng.choice(("admin-prohibited", "host-prohibited", "net-prohibited"))
    filtered(net.network, f"udp dport {server.port} reject with icmp type {kind}")
    return _to(net, server)


def no_route(lab: Lab) -> Scene:
    """Take the way out away from our own machine."""
    net = internet(lab)
    server = net.serve(net.there[0], lab.port())
    near = net.network.near
    if lab.rng.random() < 0.5:
        near.ip("route del default")
    else:
        near.ip(f"route add unreachable {server.host}/32")
    return replace(_to(net, server), outcome="INCONCLUSIVE")


def tcp_refused(lab: Lab) -> Scene:
    """Speak TCP to a machine that listens nowhere near."""
    net = internet(lab)
    return _to(net, transport="tcp")


def syn_dropped(lab: Lab) -> Scene:
    """Have a firewall drop what goes to the server."""
    net = internet(lab)
    server = net.serve(net.there[0], lab.port(), "tcp")
    dropped(net.network, f"ip daddr {server.host} tcp dport {server.port} tcp flags syn")
    dropped_too = f"ip daddr {server.host} udp dport {server.port}"
    net.network.router.filter(
        "table inet more0 {\nchain forward {\ntype filter hook forward priority 1;\n"
        f"{dropped_too} drop\n}}\n}}"
    )
    return _to(net, server, transport="tcp")


def hangs_up_on_us(lab: Lab) -> Scene:
    """Let the server close or reset the connection at the first request."""
    net = internet(lab)
    server = net.serve(net.there[0], lab.port(), "tcp")
    reset = lab.rng.random() < 0.5

    def end(_: str, flow: Flow) -> bool:
        if reset:
            flow.reset()
        else:
            flow.close()
        return True

    server.ignores = end
    return _to(net, server, transport="tcp")


def other_transport(lab: Lab) -> Scene:
    """Use a transport that the server has not, while it answers on another."""
    net = internet(lab)
    theirs, ours = lab.rng.choice((("udp", "tcp"), ("tcp", "udp")))
    server = net.serve(net.there[0], lab.port(), theirs)
    return _to(net, server, transport=ours)


def replies_lost(lab: Lab) -> Scene:
    """Let the server answer to the address in Via, behind our NAT (no rport, RFC 3261 §18.2.2)."""
    net = internet(lab, masquerade=True)
    server = net.serve(net.there[0], lab.port(), "udp")

    def literal(text: str, flow: Flow) -> bool:
        top = text.partition("Via:")[2].partition("\r\n")[0]
        host, _, port = top.split()[1].split(";")[0].partition(":")
        flow.peer = (host, int(port or 5060))
        return False

    server.ignores = literal
    return _to(net, server)


def big_packets_lost(lab: Lab) -> Scene:
    """Lose large UDP packets on the way, as broken fragments or by a limit."""
    net = internet(lab)
    server = net.serve(net.there[0], lab.port())
    limit = lab.rng.randrange(1250, 1400)
    if lab.rng.random() < 0.5:
        filtered(net.network, f"udp length > {limit} drop")
        fill = 500
    else:
        # Fragments meet the router's reassembly first where connection tracking is loaded.
        filtered(net.network, "ip frag-off & 0x3fff != 0 drop", "meta length > 1490 drop")
        fill = 900
    headers = {"X-Account": "".join(lab.rng.choices("0123456789abcdef", k=fill))}
    steps = [register(), call(lab, headers=headers)]
    return net.scene({"uri": uri(lab.user(), server.host, server.port)}, steps, judged="call")


def private_contact(lab: Lab) -> Scene:
    """Let the callee hang up to the address in our Contact, which is private."""
    net = internet(lab, masquerade=True)
    server = net.serve(net.there[0], lab.port(), "udp")

    async def hangs_up(call_: Call) -> None:
        await call_.ring()
        await call_.answer()
        await call_.pause(0.8)
        contact = call_.invite.message.first("contact")
        host, _, port = contact.partition("@")[2].partition(">")[0].split(";")[0].partition(":")
        call_.invite.flow.peer = (host, int(port or 5060))
        del server.calls[call_.id]  # they are done with it, whether we heard or not
        await call_.request("BYE", within=1.0)

    async def gone(exchange: object) -> None:
        await exchange.reply(481)  # type: ignore[attr-defined]

    server.call = hangs_up
    server.on["BYE"] = gone
    step = call(lab, hangup_after="2s", expect={"responses": "180 200 ACK BYE 200"})
    return net.scene({"uri": uri(lab.user(), server.host, server.port)}, [step])


def idle_connection_cut(lab: Lab) -> Scene:
    """Let the NAT on the way forget a TCP connection that was idle for a second."""
    net = internet(lab)
    server = net.serve(net.there[0], lab.port(), "tcp")
    resets = lab.rng.random() < 0.5
    seen: list[Flow] = []

    def remember(text: str, flow: Flow) -> bool:
        if text.startswith("REGISTER") and not seen:
            seen.append(flow)
            server.start(cut(flow))
        return False

    async def cut(flow: Flow) -> None:
        await asyncio.sleep(0.7)
        verdict = "reject with tcp reset" if resets else "drop"
        await asyncio.to_thread(
            filtered, net.network, f"ip saddr {flow.peer[0]} tcp sport {flow.peer[1]} {verdict}"
        )

    server.ignores = remember
    steps = [register(), {"wait": "2s"}, call(lab)]
    profile = {"uri": uri(lab.user(), server.host, server.port, "tcp")}
    return net.scene(profile, steps, judged="call")


def wrong_source(lab: Lab) -> Scene:
    """Let the trunk know the other of our two addresses."""
    net = internet(lab)
    other = f"{net.network.here.rpartition('.')[0]}.{lab.rng.randrange(2, 250)}"
    while other in {net.network.here, net.network.gateway}:
        other = f"{net.network.here.rpartition('.')[0]}.{lab.rng.randrange(2, 250)}"
    net.network.near.ip(f"addr add {other}/24 dev near0")
    server = net.serve(net.there[0], lab.port())
    server.ignores = lambda text, flow: flow.peer[0] == net.network.here
    return _to(net, server)


def endless_circle(lab: Lab) -> Scene:
    """Let packets circle between two routers until their TTL is over: nothing of the catalogue."""
    net = internet(lab)
    lost = f"{public_prefix(lab.rng)}.{lab.rng.randrange(2, 250)}"
    net.network.router.ip(f"route add {lost}/32 via {net.there[0]}")
    net.network.far.ip(f"route add {lost}/32 via {net.network.outside}")
    net.network.far.set("net.ipv4.ip_forward", 1)
    return net.scene({"uri": uri(lab.user(), lost, lab.port())}, [some_step(lab)])


def _fault(cause: str | None, name: str, how: str, make: Callable[[Lab], Scene]) -> Fault:
    return Fault(
        cause=cause, name=name, how=how, make=make, family="B" if cause else "U", needs=TOOLS
    )


FAULTS = (
    _fault(
        "F013",
        "machine without SIP",
        "a machine with a web server whose firewall drops UDP",
        not_a_sip_server,
    ),
    _fault(
        "F014", "closed UDP port", "a UDP port beside that of the server: ICMP 3/3", closed_port
    ),
    _fault(
        "F015",
        "UDP dropped",
        "router drops SIP over UDP, one way or the other; TCP passes",
        dropped_udp,
    ),
    _fault("F016", "refused by a firewall", "router rejects with ICMP 3/9, 3/10 or 3/13", rejected),
    _fault("F017", "no way out", "our machine has no route to the server", no_route),
    _fault("F018", "closed TCP port", "TCP to a machine that does not listen", tcp_refused),
    _fault("F019", "SYN dropped", "router drops TCP and UDP to the server's port", syn_dropped),
    _fault(
        "F020",
        "closed at the request",
        "server closes or resets at the first request",
        hangs_up_on_us,
    ),
    _fault(
        "F021",
        "transport not offered",
        "server has UDP alone or TCP alone; we use the other",
        other_transport,
    ),
    _fault(
        "F024",
        "answers to Via",
        "server answers to the private address in Via, behind our NAT",
        replies_lost,
    ),
    _fault(
        "F025",
        "large packets lost",
        "router drops fragments, or UDP above a length",
        big_packets_lost,
    ),
    _fault(
        "F029",
        "BYE to a private Contact",
        "behind NAT: the callee's BYE goes to our private Contact",
        private_contact,
    ),
    _fault(
        "F035",
        "idle connection forgotten",
        "router drops or resets an idle TCP connection",
        idle_connection_cut,
    ),
    _fault(
        "F036",
        "other source address",
        "server takes the other of our two addresses alone",
        wrong_source,
    ),
    _fault(
        None,
        "routers in a circle",
        "two routers send packets to each other: ICMP 11/0",
        endless_circle,
    ),
)
