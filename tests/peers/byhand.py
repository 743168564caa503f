"""SIP written by hand over a plain socket: what the peers are tried with, without the product."""

import hashlib
import itertools
import re
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ports import LOOPBACK

SDP = """v=0\r
o=hand 1 1 IN IP4 127.0.0.1\r
s=-\r
c=IN IP4 127.0.0.1\r
t=0 0\r
m=audio 40000 RTP/AVP 0 101\r
a=rtpmap:0 PCMU/8000\r
a=rtpmap:101 telephone-event/8000\r
"""

_count = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Answer:
    """A message that came in."""

    text: str
    "All of it."

    @property
    def first_line(self) -> str:
        """The request line or status line."""
        return self.text.partition("\r\n")[0]

    @property
    def status(self) -> int:
        """The status code of a response, 0 for a request."""
        return int(self.first_line.split()[1]) if self.first_line.startswith("SIP/2.0 ") else 0

    @property
    def body(self) -> str:
        """What follows the headers."""
        return self.text.partition("\r\n\r\n")[2]

    def headers(self, name: str) -> list[str]:
        """Return all values of a header, top first."""
        head = self.text.partition("\r\n\r\n")[0]
        return re.findall(rf"(?im)^{re.escape(name)}[ \t]*:[ \t]*(.*?)\r?$", head)

    def parameter(self, header: str, name: str) -> str | None:
        """Return a parameter of a header's first value, quotes removed, or None."""
        found = re.search(rf'\b{name}="?([^",;>]+)', (self.headers(header) or [""])[0])
        return found[1] if found else None


class Phone:
    """A caller with one socket: `with Phone("udp", port) as phone`."""

    def __init__(
        self, transport: str, port: int, *, user: str = "100", ca: Path | None = None
    ) -> None:
        self.transport = transport
        self.user = user
        self.call_id = f"hand-{next(_count)}"
        self._sequence = itertools.count(1)
        self._inbox = b""
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        plain = socket.socket(socket.AF_INET, kind)
        plain.settimeout(5)
        plain.bind((LOOPBACK, 0))
        plain.connect((LOOPBACK, port))
        self._socket = plain
        if transport == "tls":
            context = ssl.create_default_context(cafile=ca)
            context.maximum_version = ssl.TLSVersion.TLSv1_2  # what the product's engine can do
            self._socket = context.wrap_socket(plain, server_hostname="localhost")
        self.port: int = (
            plain.getsockname()[1] if transport == "udp" else self._socket.getsockname()[1]
        )
        self.target = f"{LOOPBACK}:{port}"

    def __enter__(self) -> "Phone":  # noqa: PYI034 - Self came with Python 3.11
        """Return the phone."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the socket."""
        self._socket.close()

    def send(  # noqa: PLR0913 - each of them is a part of the request
        self,
        method: str,
        uri: str,
        *extra: str,
        body: str = "",
        to: str | None = None,
        cseq: int | None = None,
        branch: str | None = None,
        route: tuple[str, ...] = (),
    ) -> tuple[int, str]:
        """Send a request; return its CSeq number and branch. `to` is To's value if not `uri`."""
        number = next(self._sequence) if cseq is None else cseq
        branch = branch or f"z9hG4bK-{self.call_id}-{method}-{number}"
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/{self.transport.upper()} {LOOPBACK}:{self.port};branch={branch}",
            f"From: <sip:{self.user}@{self.target}>;tag={self.call_id}",
            f"To: {to or f'<{uri}>'}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {number} {method}",
            f"Contact: <sip:{self.user}@{LOOPBACK}:{self.port};transport={self.transport}>",
            "Max-Forwards: 70",
            *(f"Route: {value}" for value in route),
            *extra,
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        return number, branch

    def receive(self, *, within_s: float = 5.0) -> Answer:
        """Return the next message; raises TimeoutError if none comes."""
        self._socket.settimeout(within_s)
        if self.transport == "udp":
            return Answer(self._socket.recv(65535).decode())
        while not (message := self._cut_message()):
            more = self._socket.recv(65535)
            if not more:
                raise ConnectionError("the peer closed the connection")
            self._inbox += more
        return message

    def receive_until(self, wanted: int) -> list[Answer]:
        """Return the messages up to and with the first of the wanted status (0: a request)."""
        answers = [self.receive()]
        while answers[-1].status != wanted:
            answers.append(self.receive())
        return answers

    def reply(self, request: Answer, status: str) -> None:
        """Answer a request of the peer."""
        names = ("Via", "From", "To", "Call-ID", "CSeq")
        lines = [f"{name}: {value}" for name in names for value in request.headers(name)]
        text = "\r\n".join([f"SIP/2.0 {status}", *lines, "Content-Length: 0"])
        self._socket.sendall(f"{text}\r\n\r\n".encode())

    def request(
        self, method: str, uri: str, *extra: str, password: str = "", body: str = ""
    ) -> list[Answer]:
        """Send a request, answer one challenge if it comes; return the first answer of each try.

        An ACK ends a challenged INVITE.
        """
        number, branch = self.send(method, uri, *extra, body=body)
        first = self.receive()
        if first.status not in {401, 407}:
            return [first]
        if method == "INVITE":
            self.ack(uri, first, cseq=number, branch=branch)
        self.send(method, uri, *extra, self.credentials(first, method, uri, password), body=body)
        return [first, self.receive()]

    def credentials(self, challenge: Answer, method: str, uri: str, password: str) -> str:
        """Return the header line that answers a digest challenge with qop=auth (RFC 7616 §3.4)."""
        asked, given = {
            401: ("WWW-Authenticate", "Authorization"),
            407: ("Proxy-Authenticate", "Proxy-Authorization"),
        }[challenge.status]
        algorithm = challenge.parameter(asked, "algorithm") or "MD5"
        realm, nonce = challenge.parameter(asked, "realm"), challenge.parameter(asked, "nonce")

        def digest(text: str) -> str:
            name = {"MD5": "md5", "SHA-256": "sha256"}[algorithm]
            return hashlib.new(name, text.encode()).hexdigest()

        ha1 = digest(f"{self.user}:{realm}:{password}")
        response = digest(f"{ha1}:{nonce}:00000001:c0ffee:auth:{digest(f'{method}:{uri}')}")
        return (
            f'{given}: Digest username="{self.user}", realm="{realm}", nonce="{nonce}", '
            f'uri="{uri}", response="{response}", algorithm={algorithm}, '
            'qop=auth, nc=00000001, cnonce="c0ffee"'
        )

    def ack(self, uri: str, answer: Answer, *, cseq: int, branch: str | None = None) -> None:
        """Acknowledge a final answer; `branch` is the INVITE's if that was refused."""
        self.send(
            "ACK",
            uri,
            to=answer.headers("To")[0],
            cseq=cseq,
            branch=branch,
            route=self._route(answer) if answer.status < 300 else (),
        )

    def hang_up(self, answer: Answer) -> Answer:
        """Send BYE in the dialog that a 200 made; return the answer to it."""
        uri = contact_uri(answer)
        self.send("BYE", uri, to=answer.headers("To")[0], route=self._route(answer))
        return self.receive()

    @staticmethod
    def _route(answer: Answer) -> tuple[str, ...]:
        return tuple(reversed(answer.headers("Record-Route")))

    def _cut_message(self) -> Answer | None:
        """Take the first whole message off the stream, by its Content-Length."""
        head, separator, rest = self._inbox.partition(b"\r\n\r\n")
        if not separator:
            return None
        length = int((Answer(head.decode()).headers("Content-Length") or ["0"])[0])
        if len(rest) < length:
            return None
        self._inbox = rest[length:]
        return Answer((head + separator + rest[:length]).decode())


def contact_uri(answer: Answer) -> str:
    """Return the URI of the Contact header."""
    return answer.headers("Contact")[0].partition("<")[2].partition(">")[0]
