"""A name server of a test's own: zones that work, and every way in which one can be broken."""

import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

_TTL = 60

_LONGEST_CHAIN = 8
"""Aliases that are followed, as name servers bound it."""


@dataclass
class NameServer:
    """Answers queries over UDP and TCP from a table; its threads end with the stack."""

    stack: ExitStack
    "What closes everything."

    records: Mapping[tuple[str, str], Sequence[str]]
    "The data of the records, by name and type: ADDRESS by (NAME, A)."

    silent: bool = False
    "Take queries and never answer."

    code: dns.rcode.Rcode = dns.rcode.NOERROR
    "A code that every answer carries, such as SERVFAIL."

    ttl: int = _TTL
    "Seconds that an answer may be kept."

    at: str = ""
    "Where it serves as ip:port, for those who asked for a free port."

    asked: list[tuple[str, str]] = field(default_factory=list)
    "Every query: name and type."

    def __post_init__(self) -> None:
        """Read the table once."""
        self._table = {
            (dns.name.from_text(name), dns.rdatatype.from_text(kind)): list(data)
            for (name, kind), data in self.records.items()
        }
        self._ended = False

    def on(self, udp: socket.socket, tcp: socket.socket | None = None) -> None:
        """Serve a UDP socket and a listening TCP socket."""
        for place, work in ((udp, self._udp), (tcp, self._tcp)):
            if place is None:
                continue
            place.settimeout(0.1)
            thread = threading.Thread(target=work, args=(place,), daemon=True)
            self.stack.callback(self._stop, thread, place)
            thread.start()

    def _stop(self, thread: threading.Thread, place: socket.socket) -> None:
        self._ended = True
        thread.join(5)
        place.close()

    def _udp(self, place: socket.socket) -> None:
        while not self._ended:
            with suppress(TimeoutError, OSError):
                data, source = place.recvfrom(4096)
                answer = self._answer(data)
                if answer:
                    place.sendto(answer, source)

    def _tcp(self, listener: socket.socket) -> None:
        while not self._ended:
            with suppress(TimeoutError, OSError):
                connection, _ = listener.accept()
                with connection:
                    connection.settimeout(1)
                    length = int.from_bytes(connection.recv(2), "big")
                    answer = self._answer(connection.recv(length))
                    if answer:
                        connection.sendall(len(answer).to_bytes(2, "big") + answer)

    def _answer(self, data: bytes) -> bytes:
        try:
            query = dns.message.from_wire(data)
        except dns.exception.DNSException:
            return b""
        question = query.question[0]
        self.asked.append((question.name.to_text(), dns.rdatatype.to_text(question.rdtype)))
        if self.silent:
            return b""
        response = dns.message.make_response(query, recursion_available=True)
        if self.code != dns.rcode.NOERROR:
            response.set_rcode(self.code)
            return response.to_wire()
        found = self._chain(question.name, question.rdtype, response)
        if not found:
            known = any(name.is_subdomain(question.name) for name, _ in self._table)
            response.set_rcode(dns.rcode.NOERROR if known else dns.rcode.NXDOMAIN)
            zone = question.name.split(min(2, len(question.name)))[1]
            names = f"{dns.name.Name(('ns', *zone.labels))} {dns.name.Name(('host', *zone.labels))}"
            response.authority.append(
                dns.rrset.from_text(zone, _TTL, "IN", "SOA", f"{names} 1 60 60 60 60")
            )
        return response.to_wire()

    def _chain(
        self, name: dns.name.Name, kind: dns.rdatatype.RdataType, response: dns.message.Message
    ) -> bool:
        """Put the records of a name into the answer, aliases followed; False where it has none."""
        alias = self._table.get((name, dns.rdatatype.CNAME))
        if len(response.answer) > _LONGEST_CHAIN:
            return True
        if alias and kind != dns.rdatatype.CNAME:
            response.answer.append(dns.rrset.from_text(name, self.ttl, "IN", "CNAME", alias[0]))
            self._chain(dns.name.from_text(alias[0]), kind, response)
            return True
        data = self._table.get((name, kind))
        if not data:
            return False
        response.answer.append(
            dns.rrset.from_text_list(name, self.ttl, "IN", dns.rdatatype.to_text(kind), data)
        )
        return True
