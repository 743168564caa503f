"""Peers that each do one thing which no peer should do."""

import random
import socket
from collections.abc import Callable
from typing import ClassVar

from answers import answer, description, in_dialog
from peer import LOOPBACK, Behaviour, Way
from torture import Case, cases

from probe.sip.message import SipMessage

DEADLINES = {"timeout": "0.8s", "answer_within": "0.8s"}
BINARY = bytes(range(256)) * 8


class Hostile(Behaviour):
    """Base: one call, then an OPTIONS that must work as if nothing had been."""

    steps: ClassVar[tuple[dict[str, object], ...]] = (
        {"call": "m1", "hangup_after": "0.1s", **DEADLINES},
        {"options": None, **DEADLINES},
    )
    "The scenario; a call of ``mN`` goes to that user at the peer."

    seen = False

    def on_request(self, request: SipMessage, way: Way) -> None:
        """Be hostile to the first copy of an INVITE, and polite otherwise."""
        if request.method == "INVITE":
            if not self.seen:
                self.seen = True
                self.invited(request, way)
            return
        self.polite(request, way)

    def invited(self, request: SipMessage, way: Way) -> None:
        """Do what makes this peer hostile."""
        raise NotImplementedError

    def ok(self, request: SipMessage, way: Way, tag: str = "hostile") -> bytes:
        """Return a valid 200 with a session description."""
        body = description(way.peer.port + 1)
        return answer(request, 200, way.peer.contact, body, tag=tag)


class StormOfProvisionals(Hostile):
    """20,000 provisional responses as fast as they go, then a refusal."""

    steps = (
        {"call": "m1", "timeout": "5s", "answer_within": "60s"},
        {"options": None, "timeout": "5s"},
    )

    def invited(self, request: SipMessage, way: Way) -> None:
        """Send them in batches, or our own event loop would be blocked."""

        def batch(left: int) -> None:
            for number in range(200):
                way.send(answer(request, 180, extra=(("X", str(left - number)),)))
            if left > 200:
                way.later(0.01, lambda: batch(left - 200))
            else:
                insist(5)

        def insist(times: int) -> None:
            # By UDP the first copies meet a full socket.
            way.send(answer(request, 486))
            if times and way.peer.transport == "udp":
                way.later(0.5, lambda: insist(times - 1))

        batch(20_000)


class EndlessProvisionals(Hostile):
    """A 180 every 10 ms, for ever; the CANCEL is answered and changes nothing."""

    def invited(self, request: SipMessage, way: Way) -> None:
        """Go on until the command is gone."""

        def again() -> None:
            if not way.closed:
                way.send(answer(request, 180))
                way.later(0.01, again)

        again()

    def on_request(self, request: SipMessage, way: Way) -> None:
        """Answer the CANCEL, not the INVITE."""
        if request.method == "CANCEL":
            way.send(answer(request, 200))
        else:
            super().on_request(request, way)


class StormOfAnswers(Hostile):
    """1,000 copies of one 200."""

    def invited(self, request: SipMessage, way: Way) -> None:
        """Send them at once."""
        way.send(answer(request, 100), *[self.ok(request, way)] * 1000)


class SecondAnswerOfAFork(Hostile):
    """Two phones answer at the same time."""

    def invited(self, request: SipMessage, way: Way) -> None:
        """Send two 200 with different tags."""
        way.send(self.ok(request, way, "one"), self.ok(request, way, "two"))


class LongHeader(Hostile):
    """A header field of 64 kB in a provisional response, then a refusal."""

    def invited(self, request: SipMessage, way: Way) -> None:
        """By UDP it is as long as a datagram can be."""
        size = 60_000 if way.peer.transport == "udp" else 65_536
        way.send(answer(request, 180, extra=(("X-Long", "x" * size),)))
        way.later(0.2, lambda: way.send(answer(request, 486)))


class SlowLoris(Hostile):
    """A response that comes byte by byte and never ends."""

    def invited(self, request: SipMessage, way: Way) -> None:
        """Send one byte every 20 ms; by UDP each is a datagram."""
        text = answer(request, 200, extra=(("X-Long", "x" * 60_000),))

        def drip(position: int) -> None:
            if not way.closed:
                way.raw(text[position : position + 1])
                way.later(0.02, lambda: drip(position + 1))

        drip(0)


class HalfClosed(Hostile):
    """Rings, then ends its direction of the connection without a word of TLS, and reads on."""

    def invited(self, request: SipMessage, way: Way) -> None:
        """Wait until the 180 has left."""
        way.send(answer(request, 180))
        way.later(0.1, way.half_close)


class ResetInMidCall(Hostile):
    """Answers, takes the ACK, and resets the connection."""

    steps = (
        {"call": "m1", "hangup_after": "0.5s", **DEADLINES},
        {"options": None, **DEADLINES},
    )

    def invited(self, request: SipMessage, way: Way) -> None:
        """Answer; the rest happens at the ACK."""
        way.send(self.ok(request, way))

    def on_request(self, request: SipMessage, way: Way) -> None:
        """Break off at the ACK."""
        if request.method == "ACK":
            way.reset()
        else:
            super().on_request(request, way)


class ContentLength(Hostile):
    """Content-Length that is not the length of what follows."""

    length: ClassVar[bytes] = b"9999"

    def invited(self, request: SipMessage, way: Way) -> None:
        """Send such a 183, then a refusal."""
        valid = answer(request, 183, way.peer.contact, description(way.peer.port + 1))
        head, _, rest = valid.partition(b"Content-Length: ")
        way.send(head + b"Content-Length: " + self.length + rest[rest.index(b"\r\n") :])
        way.later(0.1, lambda: way.send(answer(request, 486)))


class LengthTooShort(ContentLength):
    """Content-Length that cuts the body."""

    length = b"3"


class LengthNegative(ContentLength):
    """Content-Length below zero (RFC 4475 §3.1.2.3)."""

    length = b"-999"


class LengthHuge(ContentLength):
    """Content-Length of two gigabytes and a bit."""

    length = b"2147483648"


class BinaryBody(Hostile):
    """Every byte there is, NUL included, as the body of a 183 and of a refusal."""

    def invited(self, request: SipMessage, way: Way) -> None:
        """Send both with a right Content-Length."""
        for status in (183, 486):
            plain = answer(request, status, way.peer.contact)
            head = plain.replace(b"Content-Length: 0", b"Content-Length: %d" % len(BINARY))
            head = head.replace(b"\r\n\r\n", b"\r\nContent-Type: application/octet-stream\r\n\r\n")
            way.send(head + BINARY)


class ResponsesToNobody(Hostile):
    """500 responses to requests that nobody sent, around a call that is answered."""

    def invited(self, request: SipMessage, way: Way) -> None:
        """Other branches, other Call-IDs, every class."""
        rng = random.Random(1)

        def strays() -> None:
            for _ in range(50):  # no more than a socket holds
                stray = answer(request, rng.choice((100, 180, 200, 302, 404, 503, 603)))
                stray = stray.replace(
                    request.branch.encode(), b"z9hG4bK-stray%d" % rng.getrandbits(40)
                )
                if rng.random() < 0.5:
                    stray = stray.replace(request.call_id.encode(), b"nobody@nowhere")
                way.send(stray)

        for turn in range(10):
            way.later(turn * 0.03, strays)
        way.later(0.1, lambda: way.send(answer(request, 180), self.ok(request, way)))


class ByeBeforeAnswer(Hostile):
    """The called side hangs up before it has answered, then answers."""

    def invited(self, request: SipMessage, way: Way) -> None:
        """180, BYE in that early dialog, 200."""
        way.send(answer(request, 180, way.peer.contact))
        way.send(in_dialog(request, "BYE", way.peer.here, 1))
        way.later(0.1, lambda: way.send(self.ok(request, way)))


class Garbage(Hostile):
    """2,000 pieces of noise of up to 4 kB, then the answer."""

    def invited(self, request: SipMessage, way: Way) -> None:
        """By TCP the noise ends in an empty line, so that a reader may find its way again."""
        rng = random.Random(2)
        for _ in range(2000 if way.peer.transport == "udp" else 3):
            way.raw(rng.randbytes(rng.randrange(1, 4000)) + b"\r\n\r\n")
        way.later(0.2, lambda: way.send(answer(request, 486)))


class Trap:
    """A UDP and a TCP port that must never hear from us."""

    def __init__(self) -> None:
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((LOOPBACK, 0))
        self.udp.setblocking(False)
        self.port: int = self.udp.getsockname()[1]
        self.tcp = socket.create_server((LOOPBACK, self.port))
        self.tcp.setblocking(False)

    def caught(self) -> bool:
        """Whether anything came."""
        for hear in (lambda: self.udp.recv(1), self.tcp.accept):
            try:
                hear()
            except BlockingIOError:
                continue
            return True
        return False


class Redirecting(Hostile):
    """302 to a premium number at another port, in Contact and in more of them."""

    status = 302

    def __init__(self) -> None:
        self.trap = Trap()

    def invited(self, request: SipMessage, way: Way) -> None:
        """Name every transport."""
        other = f"sip:premium@{LOOPBACK}:{self.trap.port}"
        more = (("Contact", f"<{other};transport=tcp>;q=0.9, <{other};transport=udp>;q=0.8"),)
        way.send(answer(request, self.status, other, extra=more))


class RedirectingRegister(Redirecting):
    """301 to a REGISTER and to an OPTIONS."""

    steps = (
        {"register": None, **DEADLINES},
        {"options": None, **DEADLINES},
    )

    def on_request(self, request: SipMessage, way: Way) -> None:
        """Redirect whatever comes."""
        if request.method != "ACK":
            way.send(answer(request, 301, f"sip:other@{LOOPBACK}:{self.trap.port}"))


class WantsUsToDial(Hostile):
    """REFER, INVITE, INVITE with Replaces and re-INVITE, in and out of the dialog."""

    steps = (
        {"register": None, **DEADLINES},
        {"call": "m1", "hangup_after": "0.6s", **DEADLINES},
        {"options": None, **DEADLINES},
    )

    def __init__(self) -> None:
        self.trap = Trap()

    def invited(self, request: SipMessage, way: Way) -> None:
        """Answer, and then ask for calls to the trap."""
        way.send(self.ok(request, way))
        target = f"sip:premium@{LOOPBACK}:{self.trap.port}"
        refer = (("Refer-To", f"<{target}>"), ("Referred-By", "<sip:boss@127.0.0.1>"))
        replaces = (("Replaces", f"{request.call_id};to-tag=hostile;from-tag={request.from_tag}"),)
        body = description(way.peer.port + 1)

        def ask() -> None:
            for number, (method, extra, inside) in enumerate(
                (
                    ("REFER", refer, True),
                    ("REFER", refer, False),
                    ("INVITE", (), True),
                    ("INVITE", replaces, False),
                    ("INVITE", (("Contact", f"<{target}>"),), False),
                    ("NOTIFY", (("Event", "refer"), *refer), True),
                    ("SUBSCRIBE", (("Event", "presence"),), False),
                    ("MESSAGE", refer, False),
                ),
                start=1,
            ):
                sdp = body if method == "INVITE" else b""
                asked = in_dialog(request, method, way.peer.here, number, sdp, extra=extra)
                if not inside:
                    asked = asked.replace(request.call_id.encode(), b"another-%d@x" % number)
                    asked = asked.replace(f";tag={request.from_tag}".encode(), b"")
                way.send(asked)

        way.later(0.1, ask)


class Killing(Hostile):
    """Base: answers on which pjproject 2.15.1 with live assertions aborts."""


class FailingMediaThenAnswer(Killing):
    """183 with a refused stream, then 200 with a good one."""

    def invited(self, request: SipMessage, way: Way) -> None:
        """Port 0 is a refusal (RFC 3264 §6)."""
        refused = description(0)
        way.send(answer(request, 183, way.peer.contact, refused), self.ok(request, way))


class EmptyTagWhileForking(Killing):
    """A second answer whose To tag is empty."""

    def invited(self, request: SipMessage, way: Way) -> None:
        """Give the first one a tag."""
        good = self.ok(request, way)
        way.send(good, good.replace(b";tag=hostile", b";tag="))


class ContactThatIsNoSip(Killing):
    """200 whose Contact is a telephone number (RFC 3966)."""

    def invited(self, request: SipMessage, way: Way) -> None:
        """Leave the ACK nowhere to go."""
        way.send(answer(request, 200, "tel:+12025550123", description(way.peer.port + 1)))


class ManyDeaths(FailingMediaThenAnswer):
    """Every call kills the worker."""

    count = 40
    steps = (
        *({"call": f"m{n}", "hangup_after": "0.1s", **DEADLINES} for n in range(count)),
        {"options": None, **DEADLINES},
    )

    def on_request(self, request: SipMessage, way: Way) -> None:
        """Be deadly each time; retransmissions are passed over."""
        if request.method == "INVITE":
            if list(way.peer.invites)[-1] == request.branch:
                self.invited(request, way)
            return
        self.polite(request, way)


# RFC 4475 and RFC 5118


def _fields(head: bytes) -> list[tuple[bytes, bytes]]:
    """Cut a head into (lower-case long name, raw lines of the field)."""
    long = {b"v": b"via", b"f": b"from", b"t": b"to", b"i": b"call-id"}
    found: list[tuple[bytes, bytes]] = []
    for line in head.split(b"\r\n"):
        if line[:1] in {b" ", b"\t"} and found:
            found[-1] = (found[-1][0], found[-1][1] + b"\r\n" + line)
        else:
            name = line.partition(b":")[0].strip().lower()
            found.append((long.get(name, name), line))
    return found


def as_response(case: Case, request: SipMessage, variant: str) -> bytes:
    """Return a message of the RFCs as a response.

    ``raw`` leaves its fields as they are: a response to nobody. ``matched`` has Via, From, To,
    Call-ID and CSeq of our request; ``grafted`` keeps From and To of the RFC.
    """
    data = case.data.lstrip(b"\r\n")
    start, _, rest = data.partition(b"\r\n")
    if not case.is_response:
        start = b"SIP/2.0 200 OK"
    if variant == "raw":
        return start + b"\r\n" + rest
    head, _, body = rest.partition(b"\r\n\r\n")
    ours = {b"via", b"call-id", b"cseq"} | ({b"from", b"to"} if variant == "matched" else set())
    lines = [f"{n}: {v}".encode() for n in ("Via", "Call-ID", "CSeq") for v in request.all(n)]
    if variant == "matched":
        lines += [f"From: {request.first('From')}".encode()]
        lines += [f"To: {request.first('To')};tag=torture".encode()]
    lines += [raw for name, raw in _fields(head) if name not in ours]
    return b"\r\n".join([start, *lines]) + b"\r\n\r\n" + body


class TortureResponses(Hostile):
    """Each call is answered with one message of the RFCs, then refused."""

    variants: ClassVar[tuple[str, ...]] = ("raw", "matched", "grafted")

    def __init__(self) -> None:
        self._cases = {case.name: case for case in cases()}
        self._done: set[str] = set()
        self.sent = 0
        "Messages of the RFCs that were sent."

    @classmethod
    def steps_of(cls) -> list[dict[str, object]]:
        """Return a call for each message and variant."""
        return [
            {"call": f"{variant}.{case.name}", "hangup_after": "0.05s", **DEADLINES}
            for case in cases()
            for variant in cls.variants
        ]

    def on_request(self, request: SipMessage, way: Way) -> None:
        """Send the message that the user part of the Request-URI names."""
        if request.method != "INVITE":
            self.polite(request, way)
            return
        if request.branch in self._done:
            return
        self._done.add(request.branch)
        user = (request.request_uri or "").partition(":")[2].partition("@")[0]
        variant, _, name = user.partition(".")
        way.send(as_response(self._cases[name], request, variant))
        self.sent += 1
        self.then(way, lambda: way.send(answer(request, 486)))

    @staticmethod
    def then(way: Way, act: Callable[[], None]) -> None:
        """Go on a little later, and give a stream that lost its framing a new start."""
        way.later(0.02, act)
        if way.peer.transport != "udp":
            way.later(0.2, way.close)


class TortureRequests(TortureResponses):
    """Each call is answered; in it we are sent one message of the RFCs."""

    variants = ("request",)

    def on_request(self, request: SipMessage, way: Way) -> None:
        """Send it after the ACK, as it stands in the RFC."""
        if request.method == "INVITE" and request.branch not in self._done:
            self._done.add(request.branch)
            way.send(self.ok(request, way))
            user = (request.request_uri or "").partition(":")[2].partition("@")[0]
            name = user.partition(".")[2]
            self.sent += 1
            way.later(0.02, lambda: way.send(self._cases[name].data))
        elif request.method != "INVITE":
            self.polite(request, way)


SINGLE: tuple[type[Hostile], ...] = (
    *(StormOfProvisionals, EndlessProvisionals, StormOfAnswers, SecondAnswerOfAFork, LongHeader),
    *(SlowLoris, HalfClosed, ResetInMidCall, ContentLength, LengthTooShort, LengthNegative),
    *(LengthHuge, BinaryBody, ResponsesToNobody, ByeBeforeAnswer, Garbage, Redirecting),
    *(RedirectingRegister, WantsUsToDial, FailingMediaThenAnswer, EmptyTagWhileForking),
    *(ContactThatIsNoSip, ManyDeaths),
)
TORTURE: tuple[type[TortureResponses], ...] = (TortureResponses, TortureRequests)
