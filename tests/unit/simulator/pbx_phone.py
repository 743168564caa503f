"""A hand-written phone that can be called: what the tests of the PBX work with."""

import itertools
import socket
from collections.abc import Callable

from sip_phone import OFFER, Phone

from probe.simulator.trunk import EmbeddedTrunk
from probe.sip.message import SipMessage

_TAGS = itertools.count(1)


class Party(Phone):
    """A registered user who calls, is called, and keeps one dialog at a time."""

    def __init__(self, trunk: EmbeddedTrunk, sock: socket.socket, user: str) -> None:
        super().__init__(trunk, sock, "UDP")
        self.user = user
        self.from_tag = f"{user}-{next(_TAGS)}"
        self.remote = ""  # the value of To in requests of this dialog
        self.own = f"<sip:{user}@127.0.0.1>;tag={self.from_tag}"

    @property
    def contact(self) -> str:
        """The Contact header line."""
        return f"Contact: <sip:{self.user}@127.0.0.1:{self.port}>"

    def sdp(self, direction: str = "", version: int = 1) -> str:
        """Return a session description that names this party."""
        text = OFFER.format(port=self.port).replace("o=- 1 1", f"o={self.user} 7 {version}")
        return text + (f"a={direction}\r\n" if direction else "")

    def take(self, method: str, timeout: float = 5.0) -> SipMessage:
        """Take the next request, which must be of that method."""
        message = self.read(timeout)
        assert message.method == method, message.start_line
        return message

    def taken(self, status: int) -> SipMessage:
        """Take the next response, which must have that code."""
        message = self.read()
        assert message.status == status, message.start_line
        return message

    def respond(
        self, request: SipMessage, status: str, *headers: str, body: str = "", contact: str = ""
    ) -> None:
        """Answer a request; whoever takes an INVITE is in its dialog from then on."""
        copied = [
            f"{name}: {value}"
            for name, value in request.fields
            if name in {"Via", "From", "Call-ID", "CSeq"}
        ]
        to = request.first("To") or ""
        if ";tag=" not in to:
            to = f"{to};tag={self.from_tag}"
        if request.method == "INVITE":
            self.remote, self.own = request.first("From") or "", to
            self.call_id = request.call_id
        lines = [f"SIP/2.0 {status}", *copied, f"To: {to}", contact or self.contact, *headers]
        lines += ["Content-Type: application/sdp"] if body else []
        self.write("\r\n".join([*lines, f"Content-Length: {len(body)}"]) + "\r\n\r\n" + body)

    def send(self, method: str, *headers: str, body: str = "", cseq: int | None = None) -> str:
        """Send a request in the dialog; return its branch."""
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        branch = f"z9hG4bK-{self.user}-{next(_TAGS)}"
        lines = [
            f"{method} sip:embedded@127.0.0.1:{self.target[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch={branch};rport",
            "Max-Forwards: 70",
            f"From: {self.own}",
            f"To: {self.remote}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq} {method}",
            self.contact,
            *headers,
        ]
        if body and not any(line.startswith("Content-Type") for line in headers):
            lines.append("Content-Type: application/sdp")
        self.write("\r\n".join([*lines, f"Content-Length: {len(body)}"]) + "\r\n\r\n" + body)
        return branch

    def dial(self, number: str, *headers: str, body: str | None = None) -> str:
        """Call with credentials, take the 100, return the branch of the INVITE."""
        self.call_id = f"{self.user}-{next(_TAGS)}@party"
        body = self.sdp() if body is None else body
        self.own = f"<sip:{self.user}@127.0.0.1>;tag={self.from_tag}"
        self.remote = f"<sip:{number}@127.0.0.1>"
        branch = f"z9hG4bK-{next(_TAGS)}-dial"
        self.write(self.text("INVITE", number, *headers, body=body, branch=branch))
        challenged = self.final()[-1]
        assert challenged.status == 407, challenged.start_line
        self.refused(challenged, number, branch)
        line = self.credentials(challenged, "INVITE")
        branch = f"z9hG4bK-{next(_TAGS)}-dial"
        self.write(self.text("INVITE", number, *headers, line, body=body, branch=branch))
        return branch

    def confirm(self, answered: SipMessage, body: str = "") -> None:
        """Send the ACK of a 2xx to the INVITE of this party."""
        self.remote = answered.first("To") or ""
        self.send("ACK", body=body, cseq=answered.cseq[0])


Called = Callable[..., Party]


def connected(caller: Party, callee: Party, number: str = "") -> None:
    """Bring two parties into a call, the callee of which has taken its ACK."""
    caller.dial(number or callee.user)
    caller.taken(100)
    invite = callee.take("INVITE")
    callee.respond(invite, "200 OK", body=callee.sdp())
    caller.confirm(caller.taken(200))
    callee.take("ACK")
