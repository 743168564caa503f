"""A small name server on loopback."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


@contextmanager
def serving(turn: Callable[[], None]) -> Iterator[None]:
    """Take turns on a thread while the block runs."""
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            turn()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def name_server(
    records: Mapping[tuple[str, str], Sequence[str]], *, code: int = dns.rcode.NOERROR
) -> Iterator[str]:
    """Serve records as ip:port: NXDOMAIN for a name without any, ``code`` for everything else."""
    names = {name for name, _ in records}

    def reply(question: dns.message.Message) -> dns.message.Message:
        made = dns.message.make_response(question)
        name = question.question[0].name.to_text(omit_final_dot=True)
        kind = dns.rdatatype.to_text(question.question[0].rdtype)
        made.set_rcode(code if name in names or code else dns.rcode.NXDOMAIN)
        for found in (kind, "CNAME"):
            for text in records.get((name, found), ()):
                made.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", found, text))
        return made

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.bind(("127.0.0.1", 0))
        ours.settimeout(0.05)

        def turn() -> None:
            try:
                data, peer = ours.recvfrom(4096)
            except TimeoutError:
                return
            ours.sendto(reply(dns.message.from_wire(data)).to_wire(), peer)

        with serving(turn):
            yield f"127.0.0.1:{ours.getsockname()[1]}"
