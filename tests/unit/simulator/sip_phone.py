"""A hand-written SIP phone, and a clock that stands still: what the simulator's tests work with."""

import hashlib
import itertools
import re
import socket
from collections.abc import Callable

from probe.simulator.trunk import EmbeddedTrunk
from probe.sip.message import SipMessage, parse_message

OFFER = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
)
SERIAL = itertools.count(1)
HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


class Phone:
    """One user agent client on one socket; every message is written out by hand."""

    def __init__(self, trunk: EmbeddedTrunk, sock: socket.socket, transport: str) -> None:
        self.trunk = trunk
        self.sock = sock
        self.transport = transport
        self.port = sock.getsockname()[1]
        self.password = trunk.password
        self.user = trunk.user
        self.auth = ""
        "The user of the credentials, where it is not the one that From shows."
        self.call_id = f"call-{next(SERIAL)}@phone"
        self.from_tag = "me"
        self.cseq = 0
        self.buffer = b""
        self.target = ("127.0.0.1", trunk.udp_port)

    def write(self, text: str) -> None:
        """Put text on the wire."""
        data = text.encode()
        if self.transport == "UDP":
            self.sock.sendto(data, self.target)
        else:
            self.sock.sendall(data)

    def text(  # noqa: PLR0913 - a request has that many parts
        self,
        method: str,
        to: str,
        *headers: str,
        body: str = "",
        to_tag: str = "",
        cseq: int | None = None,
        branch: str = "",
        via: str = "",
    ) -> str:
        """Write out a request."""
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        branch = branch or f"z9hG4bK-{next(SERIAL)}"
        host = f"127.0.0.1:{self.port}"
        lines = [
            f"{method} sip:{to}@127.0.0.1 SIP/2.0",
            via or f"Via: SIP/2.0/{self.transport} {host};branch={branch};rport",
            "Max-Forwards: 70",
            f"From: <sip:{self.user}@127.0.0.1>;tag={self.from_tag}",
            f"To: <sip:{to}@127.0.0.1>" + (f";tag={to_tag}" if to_tag else ""),
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq} {method}",
            *headers,
        ]
        if not any(line.startswith("Contact:") for line in headers):
            lines.append(f"Contact: <sip:{self.user}@{host}>")
        if body and not any(line.startswith("Content-Type:") for line in headers):
            lines.append("Content-Type: application/sdp")
        lines.append(f"Content-Length: {len(body.encode())}")
        return "\r\n".join(lines) + "\r\n\r\n" + body

    def read(self, timeout: float = 5.0) -> SipMessage:
        """Take the next message."""
        self.sock.settimeout(timeout)
        if self.transport == "UDP":
            return parse_message(self.sock.recv(65535).decode())
        while True:
            head, end, rest = self.buffer.partition(b"\r\n\r\n")
            found = re.search(rb"Content-Length: (\d+)", head)
            if end and found and len(rest) >= int(found.group(1)):
                length = int(found.group(1))
                self.buffer = rest[length:]
                return parse_message((head + end + rest[:length]).decode())
            data = self.sock.recv(65535)
            if not data:
                raise EOFError("the trunk closed the connection")
            self.buffer += data

    def nothing(self, timeout: float = 0.2) -> bool:
        """Whether nothing comes in that time."""
        try:
            self.read(timeout)
        except TimeoutError:
            return True
        return False

    def final(self) -> list[SipMessage]:
        """Take the responses to the last request, up to a final one; pass over repeated others."""
        seen: list[SipMessage] = []
        while not seen or (seen[-1].status or 0) < 200:
            message = self.read()
            if message.cseq[0] >= self.cseq:
                seen.append(message)
        return seen

    def ask(self, method: str, to: str, *headers: str, **more: object) -> SipMessage:
        """Send a request and return its final response."""
        self.write(self.text(method, to, *headers, **more))
        return self.final()[-1]

    def credentials(self, challenged: SipMessage, method: str, *, nc: str = "00000001") -> str:
        """Answer a challenge; return the header line."""
        challenge = challenged.challenges[0]
        digest = HASHES[challenge.algorithm]

        def h(text: str) -> str:
            return digest(text.encode()).hexdigest()

        auth = self.auth or self.user
        ha1 = h(f"{auth}:{challenge.realm}:{self.password}")
        ha2 = h(f"{method}:sip:127.0.0.1")
        nonce = challenge.get("nonce")
        name = "Authorization" if challenged.status == 401 else "Proxy-Authorization"
        return (
            f'{name}: Digest username="{auth}", realm="{challenge.realm}", nonce="{nonce}", '
            f'uri="sip:127.0.0.1", response="{h(f"{ha1}:{nonce}:{nc}:abc:auth:{ha2}")}", '
            f'algorithm={challenge.algorithm}, cnonce="abc", qop=auth, nc={nc}'
        )

    def register(self, *headers: str, user: str = "") -> SipMessage:
        """Register with credentials and return the answer to them."""
        to = user or self.user
        challenged = self.ask("REGISTER", to, *headers)
        assert challenged.status == 401
        return self.ask("REGISTER", to, *headers, self.credentials(challenged, "REGISTER"))

    def refused(self, final: SipMessage, to: str, branch: str) -> None:
        """Send the ACK of a final response that is not a 2xx."""
        self.write(self.text("ACK", to, to_tag=final.to_tag, cseq=final.cseq[0], branch=branch))

    def invite(
        self, to: str, *headers: str, body: str | None = None, rtp: int = 4000
    ) -> list[SipMessage]:
        """Call with credentials; return the responses to the INVITE that carried them."""
        offer = OFFER.format(port=rtp) if body is None else body
        branch = f"z9hG4bK-{next(SERIAL)}"
        self.write(self.text("INVITE", to, *headers, body=offer, branch=branch))
        seen = self.final()
        if seen[-1].status == 407 and to not in {"9407", "code-407"}:
            self.refused(seen[-1], to, branch)
            line = self.credentials(seen[-1], "INVITE")
            branch = f"z9hG4bK-{next(SERIAL)}"
            self.write(self.text("INVITE", to, *headers, line, body=offer, branch=branch))
            seen = self.final()
        if (seen[-1].status or 0) >= 300:
            self.refused(seen[-1], to, branch)
        return seen

    def ring(self, to: str, until: int) -> tuple[str, int]:
        """Call, wait for a provisional response; return the branch and CSeq of the INVITE."""
        branch = f"z9hG4bK-{next(SERIAL)}"
        challenged = self.ask("INVITE", to, body=OFFER.format(port=4000), branch=branch)
        self.refused(challenged, to, branch)
        line = self.credentials(challenged, "INVITE")
        branch = f"z9hG4bK-{next(SERIAL)}"
        self.write(self.text("INVITE", to, line, body=OFFER.format(port=4000), branch=branch))
        while True:
            message = self.read()
            if message.status == until and message.cseq[0] == self.cseq:
                return branch, self.cseq

    def acknowledge(self, answered: SipMessage, to: str = "x") -> None:
        """Send the ACK of a 2xx."""
        self.write(self.text("ACK", to, to_tag=answered.to_tag, cseq=answered.cseq[0]))

    def call(self, to: str = "+12025550123", **more: int) -> SipMessage:
        """Call, acknowledge, and return the 200."""
        answered = self.invite(to, **more)[-1]
        assert answered.status == 200
        self.acknowledge(answered, to)
        return answered

    def reply(self, request: SipMessage, status: str = "200 OK") -> None:
        """Respond to a request of the trunk's."""
        copied = [
            f"{name}: {value}"
            for name, value in request.fields
            if name in {"Via", "From", "To", "Call-ID", "CSeq"}
        ]
        self.write("\r\n".join([f"SIP/2.0 {status}", *copied, "Content-Length: 0"]) + "\r\n\r\n")


class Clock:
    """A scheduler whose time the test owns."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[], None], Clock.Handle]] = []

    class Handle:
        """Something that was scheduled."""

        cancelled = False

        def cancel(self) -> None:
            """Call it off."""
            self.cancelled = True

    def time(self) -> float:
        """Return the time of the test."""
        return self.now

    def call_later(self, delay: float, callback: Callable[[], None], /) -> "Clock.Handle":
        """Schedule a callback."""
        handle = Clock.Handle()
        self._due.append((self.now + delay, next(SERIAL), callback, handle))
        return handle

    def pass_to(self, when: float) -> None:
        """Let time pass."""
        while self._due:
            self._due.sort(key=lambda due: due[:2])
            at, _, callback, handle = self._due[0]
            if at > when:
                break
            del self._due[0]
            self.now = at
            if not handle.cancelled:
                callback()
        self.now = when
