"""This machine's side of the network: ports that can be had, addresses, routes."""

import socket
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from probe.doctor.check import Check, fault, ok, unchecked, warning
from probe.sip.sdp import address_class

USUAL = (("UDP", 5060), ("TCP", 5060), ("TCP", 5061))
"""Where SIP listens by default (RFC 3261 §18.1.1): another program that has them is no fault."""

_ROUTES = Path("/proc/net/route")
_KINDS = {"UDP": socket.SOCK_DGRAM, "TCP": socket.SOCK_STREAM}
_DOCUMENTATION = "192.0.2.1"
"""Stands for the rest of the world (RFC 5737); connecting a UDP socket sends nothing."""


class Routes(Struct, frozen=True, kw_only=True):
    """How packets leave."""

    table_read: bool
    "Whether the table of routes could be read."

    default_device: str
    "Interface of the IPv4 default route, empty for none."

    source: str
    "Address from which packets to the rest of the world leave, empty for none."


# Ports -------------------------------------------------------------------------------------------


def try_ports(address: str) -> dict[tuple[str, int], str]:
    """Bind the usual ports and one of the kernel's choice; return the error of each, or ""."""
    return {
        (transport, port): _bind(transport, address, port)
        for transport, port in (*USUAL, ("UDP", 0), ("TCP", 0))
    }


def _bind(transport: str, address: str, port: int) -> str:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, _KINDS[transport]) as ours:
            if transport == "TCP":  # what a closed connection leaves behind is nobody's port
                ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            ours.bind((address, port))
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""


def ports(tried: Mapping[tuple[str, int], str], address: str) -> Check:
    """Check that ports can be bound."""
    where = f" on {address}" if address not in {"", "0.0.0.0", "::"} else ""  # noqa: S104
    closed = {name: why for (name, port), why in tried.items() if port == 0 and why}
    if closed:
        said = ", ".join(f"{name}: {why}" for name, why in closed.items())
        return fault(
            "ports",
            f"no port can be bound{where} ({said})",
            "Check `local_address:` of the trunk profile."
            if where
            else "Look at what forbids it (container, sandbox, `ulimit -n`).",
        )
    taken = [f"{name} {port}" for (name, port), why in tried.items() if port and why]
    free = [f"{name} {port}" for (name, port), why in tried.items() if port and not why]
    parts = [f"calls use a free port{where}"]
    parts += [f"free besides: {', '.join(free)}"] if free else []
    parts += [f"not to be had: {', '.join(taken)}, which calls do not need"] if taken else []
    return ok("ports", "; ".join(parts))


# Addresses ---------------------------------------------------------------------------------------


def read_routes(table: Path = _ROUTES) -> Routes:
    """Return how packets leave this machine; nothing is sent."""
    try:
        lines = table.read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        lines, readable = [], False
    else:
        readable = True
    rows = [line.split() for line in lines]
    devices = [row[0] for row in rows if len(row) > 7 and row[1] == row[7] == "00000000"]
    return Routes(
        table_read=readable,
        default_device=devices[0] if devices else "",
        source=source_towards(_DOCUMENTATION),
    )


def source_towards(address: str, port: int = 5060) -> str:
    """Return the local address from which packets to an address leave, empty for no route."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((address, port))
            return str(asking.getsockname()[0])
    except OSError:
        return ""


def way_out(found: Routes) -> Check:
    """Check that there is a default route."""
    if found.default_device and found.source:
        kind = address_class(found.source)
        behind = ", a private address: there is NAT on the way out" if kind == "private" else ""
        return ok("way out", f"by {found.default_device} from {found.source}{behind}")
    if not found.table_read and found.source:
        return ok("way out", f"from {found.source}")
    if not found.table_read:
        return unchecked("way out", "the table of routes cannot be read here")
    return warning(
        "way out",
        "there is no IPv4 default route: only this machine and its own networks can be reached",
        "Bring the network or the VPN up before you call a trunk elsewhere.",
    )


def way_to(address: str, local_address: str | None, source: str) -> Check:
    """Check from which address packets to the trunk leave."""
    if not source:
        return fault(
            "way there",
            f"this machine has no route to {address}",
            "Bring the network or the VPN up, or correct the host in `uri:`.",
        )
    if local_address and local_address != source:
        return warning(
            "way there",
            f"the profile sends from {local_address}; the route to {address} would use {source}",
            "Remove `local_address:` unless the trunk knows just that address.",
        )
    return ok("way there", f"packets to {address} leave from {source}")
