"""A name server for one name, behind which the first of two servers is dead (RFC 2782, RFC 3263).

`failover.embedded` has an SRV record of priority 10 for a port that nobody serves, and one of
priority 20 for the trunk. Whoever asks for another name is told that there is none.
"""

import asyncio
from typing import cast

NAME = "failover.embedded"
"""The name that is known."""

DEAD_PORT = 9
"""Discard (RFC 863): served nowhere, so the kernel says so by ICMP."""

_TTL_S = 60


class NameServer(asyncio.DatagramProtocol):
    """Answers questions about NAME over UDP."""

    def __init__(self, host: str, sip_port: int) -> None:
        """``host`` is the trunk's address, ``sip_port`` its UDP port."""
        self._host = host
        self._sip_port = sip_port
        self._transport: asyncio.DatagramTransport | None = None
        self.port = 0
        "The UDP port, 0 before open."

    async def open(self) -> None:
        """Take a free port; raise OSError where there is none."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self._host, 0))
        self.port = transport.get_extra_info("sockname")[1]

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        """Answer a question."""
        reply = answer(data, self._host, self._sip_port)
        if self._transport is not None and reply:
            self._transport.sendto(reply, addr)


def answer(data: bytes, host: str, sip_port: int) -> bytes:
    """Return the answer to a question; empty where it is none."""
    import dns.exception  # noqa: PLC0415 - 40 ms that only a run with such a name spends
    import dns.flags  # noqa: PLC0415 - as above
    import dns.message  # noqa: PLC0415 - as above
    import dns.rcode  # noqa: PLC0415 - as above
    import dns.rdatatype  # noqa: PLC0415 - as above
    import dns.rrset  # noqa: PLC0415 - as above

    try:
        query = dns.message.from_wire(data)
        reply = dns.message.make_response(query)
        question = query.question[0]
    except (dns.exception.DNSException, IndexError):
        return b""
    reply.flags |= dns.flags.AA
    name = question.name.to_text(omit_final_dot=True).lower()
    kind = dns.rdatatype.to_text(question.rdtype)
    family = "AAAA" if ":" in host else "A"
    known = {
        (f"_sip._udp.{NAME}", "SRV"): (
            f"10 0 {DEAD_PORT} one.{NAME}.",
            f"20 0 {sip_port} two.{NAME}.",
        ),
        **{(f"{each}{NAME}", family): (host,) for each in ("", "one.", "two.")},
    }
    records = known.get((name, kind), ())
    if records:
        reply.answer.append(dns.rrset.from_text(question.name, _TTL_S, "IN", kind, *records))
    elif name not in {entry for entry, _ in known}:
        reply.set_rcode(dns.rcode.NXDOMAIN)
    return reply.to_wire()
