"""A scripted SIP far end: any code, phrase, header, challenge, SDP and timing, over UDP and TCP.

It is no part of the product and imports none of it. All far ends of a process share one event loop
in a thread of its own; what a fault does to a call is a coroutine over that call.
"""

import asyncio
import errno
import random
import re
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from siptext import PHRASES, Message, address, digest_is_right, parameter, parse, tag

_T = TypeVar("_T")

T1 = 0.5
"""Seconds; RFC 3261 §17."""

T2 = 4.0
"""Seconds; the longest time between two copies."""

GIVES_UP = 32.0
"""Seconds after which a far end stops repeating a final response."""

SERVERS = (
    "Kamailio (5.6.3 (x86_64/linux))",
    "kamailio (5.4.7 (x86_64/linux))",
    "OpenSIPS (3.2.5 (x86_64/linux))",
    "FreeSWITCH-mod_sofia/1.10.9-release~64bit",
    "FPBX-16.0.33(18.16.0)",
    "Oracle SBC",
    "Sonus_SBX",
    "Cisco-SIPGateway/IOS-16.9.4",
    "PortaSIP",
    "",
    "",
)
"""What real servers write into Server, some of them nothing."""


@dataclass(kw_only=True)
class Login:
    """Digest authentication as the far end asks for it."""

    realm: str
    "The realm of its challenges."

    users: dict[str, str]
    "Passwords by user."

    methods: tuple[str, ...] = ("REGISTER", "INVITE")
    "Methods that it asks a login for."

    algorithm: str = "MD5"
    "The digest algorithm."

    qop: bool = True
    "Whether it offers qop=auth."

    refusal: int = 0
    "The code for a wrong login; 0: another challenge."

    refusal_phrase: str = ""
    "Its phrase; empty: the usual one."

    stale: bool = False
    "Whether it calls every nonce stale."

    same_nonce: bool = False
    "Whether the next challenge repeats the nonce."

    proxy: bool | None = None
    "407 always or never; None: 401 for REGISTER and 407 for the rest."

    failures: int = 0
    "Wrong logins so far."

    given: dict[str, str] = field(default_factory=dict)
    "The nonce of each Call-ID."


async def _once_free(bind: Callable[[], Awaitable[_T]]) -> _T:
    """Bind a place; another test may hold the port on all addresses for a moment."""
    for _ in range(100):
        try:
            return await bind()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        await asyncio.sleep(0.05)
    return await bind()


class Uas:
    """One far end on one address and port."""

    def __init__(
        self, host: str, port: int, rng: random.Random, *, login: Login | None = None
    ) -> None:
        self.host, self.port, self.rng, self.login = host, port, rng, login
        self.server = rng.choice(SERVERS)
        self.shows_allow = rng.random() < 0.5
        self.received: list[Message] = []
        self.on: dict[str, Callable[[Exchange], Awaitable[None]]] = {
            "REGISTER": registered,
            "OPTIONS": fine,
            "BYE": fine,
            "INFO": fine,
            "UPDATE": fine,
            "PRACK": fine,
            "MESSAGE": fine,
        }
        "What is done with a request that is no INVITE, ACK or CANCEL."
        self.call: Callable[[Call], Awaitable[None]] = answers
        "What is done with a call."
        self.silent_to: set[str] = set()
        "Methods that are taken and never answered."
        self.deaf = False
        "Whether nothing at all is answered from now on."
        self.calls: dict[str, Call] = {}
        self._exchanges: dict[tuple[str, str], Exchange] = {}
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._flows: set[Flow] = set()
        self._closers: list[Callable[[], None]] = []

    # What arrives ---------------------------------------------------------------------------

    def took(self, text: str, flow: "Flow") -> None:  # noqa: PLR0911 - one return a kind of message
        """Take one message."""
        if not text.strip():
            return
        try:
            message = parse(text)
        except ValueError:
            return
        self.received.append(message)
        if self.deaf:
            return
        if message.status:
            waiting = self._waiting.get(message.branch)
            if waiting is not None and not waiting.done() and message.status >= 200:
                waiting.set_result(message)
            return
        call = self.calls.get(message.first("call-id"))
        if message.method == "ACK":
            if call is not None:
                call.acknowledged(message)
            return
        if message.method in self.silent_to:
            return
        key = (message.branch, message.method)
        known = self._exchanges.get(key)
        if known is not None:
            known.again()
            return
        exchange = Exchange(self, message, flow)
        self._exchanges[key] = exchange
        self.start(self._handle(exchange, call))

    async def _handle(self, exchange: "Exchange", call: "Call | None") -> None:
        message = exchange.message
        if message.method == "CANCEL":
            await self._cancel(exchange, call)
            return
        if not await self._let_in(exchange):
            return
        if message.method == "INVITE" and not tag(message.first("to")):
            call = Call(self, exchange)
            self.calls[call.id] = call
            await self.call(call)
            return
        if call is not None and tag(message.first("to")):
            exchange.call = call
            if message.method == "BYE":
                call.ended.set()
            if message.method in call.on:
                await call.on[message.method](exchange)
                return
        await self.on.get(message.method, fine)(exchange)

    async def _cancel(self, exchange: "Exchange", call: "Call | None") -> None:
        if call is None:
            await exchange.reply(481)
            return
        await exchange.reply(200)
        call.cancelled.set()
        if call.final == 0 and call.ends_on_cancel:
            await call.reply(487)

    async def _let_in(self, exchange: "Exchange") -> bool:
        """Ask for a login where one is wanted; True where the request may go on."""
        login, message = self.login, exchange.message
        if login is None or message.method not in login.methods or tag(message.first("to")):
            return True
        given = message.first("authorization") or message.first("proxy-authorization")
        if given and not login.stale:
            password = login.users.get(parameter(given, "username"))
            if password is not None and digest_is_right(given, message.method, password):
                return True
        if given:
            login.failures += 1
        if given and not login.stale and login.refusal:
            await exchange.reply(login.refusal, login.refusal_phrase)
            return False
        await exchange.challenge(login, stale=bool(given) and login.stale)
        return False

    # What is sent ---------------------------------------------------------------------------

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something go on beside the rest."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a far end's script failed", "exception": task.exception()}
            )

    def token(self, length: int = 10) -> str:
        """Return a random word for tags, branches and nonces."""
        return "".join(self.rng.choices("0123456789abcdef", k=length))

    async def ask(self, text: str, branch: str, flow: "Flow", within: float) -> Message | None:
        """Send a request, again and again, until a final response comes; None: none came."""
        waiting = self._waiting[branch] = asyncio.get_running_loop().create_future()
        ends = asyncio.get_running_loop().time() + within
        pause = T1
        while (left := ends - asyncio.get_running_loop().time()) > 0:
            flow.send(text)
            done, _ = await asyncio.wait({waiting}, timeout=min(pause, left))
            if done:
                return waiting.result()
            pause = min(2 * pause, T2) if not flow.stream else left
        return None

    # Its life -------------------------------------------------------------------------------

    async def open(self, transports: tuple[str, ...]) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        if "udp" in transports:
            transport, _ = await _once_free(
                lambda: loop.create_datagram_endpoint(
                    lambda: _Datagrams(self), local_addr=(self.host, self.port)
                )
            )
            self._closers.append(transport.close)
        if "tcp" in transports:
            server = await _once_free(
                lambda: loop.create_server(lambda: _Stream(self), self.host, self.port)
            )
            self._closers.append(server.close)

    async def close(self) -> None:
        """Stop everything."""
        for close in self._closers:
            close()
        self._closers.clear()
        for flow in list(self._flows):
            flow.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def stop(self) -> None:
        """Stop from another thread: ports are free afterwards."""
        in_loop(self.close())


class Flow:
    """The way back to whoever sent something."""

    def __init__(self, uas: Uas, transport: Any, peer: tuple[str, int], *, stream: bool) -> None:  # noqa: ANN401
        self.uas, self.transport, self.peer, self.stream = uas, transport, peer, stream

    def send(self, text: str) -> None:
        """Send one message."""
        if self.transport.is_closing():
            return
        if self.stream:
            self.transport.write(text.encode())
        else:
            self.transport.sendto(text.encode(), self.peer)

    def close(self) -> None:
        """Close the connection, if it is one."""
        if self.stream:
            self.transport.close()

    def reset(self) -> None:
        """Reset the connection, if it is one."""
        if self.stream:
            self.transport.abort()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, uas: Uas) -> None:
        self.uas = uas

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401
        self.transport = transport

    def datagram_received(self, data: bytes, peer: Any) -> None:  # noqa: ANN401
        flow = Flow(self.uas, self.transport, peer, stream=False)
        self.uas.took(data.decode(errors="replace"), flow)


class _Stream(asyncio.Protocol):
    def __init__(self, uas: Uas) -> None:
        self.uas, self.inbox = uas, b""

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401
        peer = transport.get_extra_info("peername")
        self.flow = Flow(self.uas, transport, peer, stream=True)
        self.uas._flows.add(self.flow)

    def connection_lost(self, problem: Exception | None) -> None:
        self.uas._flows.discard(self.flow)

    def data_received(self, data: bytes) -> None:
        self.inbox += data
        while b"\r\n\r\n" in self.inbox:
            head, _, rest = self.inbox.partition(b"\r\n\r\n")
            found = re.search(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d+)", head)
            length = int(found[1]) if found else 0
            if len(rest) < length:
                return
            self.inbox = rest[length:]
            text = (head + b"\r\n\r\n" + rest[:length]).decode(errors="replace")
            self.uas.took(text, self.flow)


class Exchange:
    """A request that arrived, and what is answered to it."""

    def __init__(self, uas: Uas, message: Message, flow: Flow) -> None:
        self.uas, self.message, self.flow = uas, message, flow
        self.tag = uas.token(8)
        self.call: Call | None = None
        self._last = ""

    def again(self) -> None:
        """Answer a copy of the request as the request was answered last."""
        if self._last:
            self.flow.send(self._last)

    async def reply(
        self,
        status: int,
        phrase: str = "",
        *lines: str,
        body: str = "",
        body_type: str = "application/sdp",
        to_tag: str | None = None,
    ) -> str:
        """Answer; return the message that was sent."""
        text = self.written(status, phrase, *lines, body=body, body_type=body_type, to_tag=to_tag)
        self._last = text
        self.flow.send(text)
        return text

    def written(
        self,
        status: int,
        phrase: str = "",
        *lines: str,
        body: str = "",
        body_type: str = "application/sdp",
        to_tag: str | None = None,
    ) -> str:
        """Return an answer as text."""
        message, uas = self.message, self.uas
        host, port = self.flow.peer[:2]
        vias = message.all("via")
        top = re.sub(r";rport(?![=\w])", f";rport={port}", vias[0])
        sent_by = re.search(r"SIP/2\.0/\w+ +([^:;\s]+)", top)
        if "rport=" in top or (sent_by and sent_by[1] != host):
            top += f";received={host}"
        to = message.first("to")
        if status > 100 and not tag(to):
            to += f";tag={to_tag or self.tag}"
        out = [f"SIP/2.0 {status} {phrase or PHRASES.get(status, 'Unknown')}", f"Via: {top}"]
        out += [f"Via: {via}" for via in vias[1:]]
        out += [f"From: {message.first('from')}", f"To: {to}"]
        out += [f"Call-ID: {message.first('call-id')}", f"CSeq: {message.first('cseq')}"]
        if uas.server and not any(line.startswith("Server:") for line in lines):
            out.append(f"Server: {uas.server}")
        out += lines
        if body:
            out.append(f"Content-Type: {body_type}")
        out.append(f"Content-Length: {len(body.encode())}")
        return "\r\n".join(out) + "\r\n\r\n" + body

    async def challenge(self, login: Login, *, stale: bool = False) -> None:
        """Ask for a login."""
        call_id = self.message.first("call-id")
        nonce = login.given.get(call_id, "") if login.same_nonce else ""
        nonce = login.given[call_id] = nonce or self.uas.token(24)
        proxy = self.message.method != "REGISTER" if login.proxy is None else login.proxy
        status, name = (407, "Proxy-Authenticate") if proxy else (401, "WWW-Authenticate")
        value = f'{name}: Digest realm="{login.realm}", nonce="{nonce}"'
        if login.algorithm != "MD5" or self.uas.rng.random() < 0.5:
            value += f", algorithm={login.algorithm}"
        if login.qop:
            value += ', qop="auth"'
        if stale:
            value += ", stale=true"
        await self.reply(status, "", value)


class Call:
    """A call to the far end, from its INVITE on."""

    def __init__(self, uas: Uas, invite: Exchange) -> None:
        self.uas, self.invite = uas, invite
        self.id = invite.message.first("call-id")
        self.tag = invite.tag
        invite.call = self
        self.final = 0
        "The final response so far; 0: none."
        self.acked = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.ended = asyncio.Event()
        self.ends_on_cancel = True
        "Whether a CANCEL is followed by 487."
        self.hears_ack = True
        "Whether an ACK is noticed."
        self.on: dict[str, Callable[[Exchange], Awaitable[None]]] = {}
        "What is done with requests inside this call, before the far end's own table."
        self.contact = f"<sip:{uas.host}:{uas.port}>"
        "What its responses write into Contact."
        self.extra: tuple[str, ...] = ()
        "Lines that every response above 100 carries."
        self.cseq = uas.rng.randrange(1, 900)
        self.media_port = uas.rng.randrange(10000, 19998, 2)

    @property
    def offer(self) -> str:
        """The SDP of the INVITE."""
        return self.invite.message.body

    async def pause(self, least: float, most: float | None = None) -> None:
        """Let time pass, or end early where the caller cancels."""
        seconds = least if most is None else self.uas.rng.uniform(least, most)
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.cancelled.wait(), seconds)

    async def reply(
        self, status: int, phrase: str = "", *lines: str, body: str = "", to_tag: str | None = None
    ) -> None:
        """Answer the INVITE; a final response is repeated until the ACK comes (RFC 3261 §17)."""
        if self.final:
            return
        if 100 < status < 300 and not any(line.startswith("Contact:") for line in lines):
            lines = (f"Contact: {self.contact}", *lines)
        text = await self.invite.reply(
            status, phrase, *(self.extra if status > 100 else ()), *lines, body=body, to_tag=to_tag
        )
        if status >= 200:
            self.final = status
            if status < 300 or not self.invite.flow.stream:
                self.uas.start(self._repeat(text))

    async def _repeat(self, text: str) -> None:
        pause, waited = T1, 0.0
        while waited < GIVES_UP:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.acked.wait(), pause)
            if self.acked.is_set() or self.ended.is_set():
                return
            waited += pause
            pause = min(2 * pause, T2)
            self.invite.flow.send(text)
        if self.final < 300:
            await self.hang_up()

    def acknowledged(self, message: Message) -> None:
        """Take an ACK."""
        del message
        if self.hears_ack:
            self.acked.set()

    async def ring(self, status: int = 180) -> None:
        """Say 100 and then that it rings, with times of a real trunk."""
        await self.reply(100)
        await self.pause(0.02, 0.15)
        await self.reply(status)

    async def answer(self, *lines: str, sdp: str | None = None) -> None:
        """Answer the call, with a plain G.711 answer unless another one is given."""
        await self.reply(200, "", *lines, body=self.sdp() if sdp is None else sdp)

    def sdp(
        self, *, codec: str = "", port: int | None = None, host: str = "", extra: str = ""
    ) -> str:
        """Return an SDP answer: the first offered codec that is G.711, else the first."""
        formats = re.search(r"(?m)^m=audio \d+ \S+ (.+?)\r?$", self.offer)
        offered = formats[1].split() if formats else ["0"]
        chosen = next((f for f in offered if f in {"0", "8"}), offered[0])
        names = {"0": "PCMU/8000", "8": "PCMA/8000"}
        named = re.search(rf"(?m)^a=rtpmap:{chosen} (\S+)", self.offer)
        rtpmap = codec or f"{chosen} {named[1] if named else names.get(chosen, 'PCMU/8000')}"
        host = host or self.uas.host
        port = self.media_port if port is None else port
        return (
            f"v=0\r\no=- {self.uas.rng.randrange(10**6)} 1 IN IP4 {host}\r\ns=-\r\n"
            f"c=IN IP4 {host}\r\nt=0 0\r\nm=audio {port} RTP/AVP {rtpmap.split()[0]}\r\n"
            f"a=rtpmap:{rtpmap}\r\n{extra}"
        )

    async def request(
        self, method: str, *lines: str, body: str = "", within: float = 4.0
    ) -> Message | None:
        """Send a request inside the call; return its final response, None if none came."""
        self.cseq += 1
        invite, uas = self.invite.message, self.uas
        branch = f"z9hG4bK{uas.token(12)}"
        transport = "TCP" if self.invite.flow.stream else "UDP"
        out = [
            f"{method} {address(invite.first('contact'))} SIP/2.0",
            f"Via: SIP/2.0/{transport} {uas.host}:{uas.port};branch={branch};rport",
            f"From: {invite.first('to')};tag={self.tag}",
            f"To: {invite.first('from')}",
            f"Call-ID: {self.id}",
            f"CSeq: {self.cseq} {method}",
            "Max-Forwards: 70",
            *([f"User-Agent: {uas.server}"] if uas.server else []),
            *([f"Contact: {self.contact}"] if method in {"INVITE", "UPDATE"} else []),
            *lines,
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body.encode())}",
        ]
        text = "\r\n".join(out) + "\r\n\r\n" + body
        flow = self.invite.flow
        answer = await uas.ask(text, branch, flow, within)
        if method == "INVITE" and answer is not None and not uas.deaf:
            target = address(answer.first("contact") or invite.first("contact"))
            head = text.partition("\r\n\r\n")[0].split("\r\n", 1)[1]
            head = head.replace(f"CSeq: {self.cseq} INVITE", f"CSeq: {self.cseq} ACK")
            lines_left = [x for x in head.split("\r\n") if not x.startswith("Content-")]
            lines_left.append("Content-Length: 0")
            flow.send("\r\n".join((f"ACK {target} SIP/2.0", *lines_left)) + "\r\n\r\n")
        return answer

    async def hang_up(self, *lines: str) -> None:
        """Send BYE."""
        self.ended.set()
        await self.request("BYE", *lines)


async def fine(exchange: Exchange) -> None:
    """Answer 200."""
    await exchange.reply(200)


async def registered(exchange: Exchange) -> None:
    """Store a registration, as far as its answer shows."""
    message = exchange.message
    contact = message.first("contact")
    asked = parameter(contact, "expires") or message.first("expires") or "3600"
    lines = (
        [] if asked == "0" or not contact else [f"Contact: <{address(contact)}>;expires={asked}"]
    )
    await exchange.reply(200, "", *lines)


async def answers(call: Call) -> None:
    """Ring, answer, and stay until somebody hangs up."""
    await call.ring()
    await call.pause(0.05, 0.3)
    await call.answer()


# The loop --------------------------------------------------------------------------------------

_LOCK = threading.Lock()
_STARTED: list[asyncio.AbstractEventLoop] = []


def the_loop() -> asyncio.AbstractEventLoop:
    """Return the event loop of all far ends, started when first asked for."""
    with _LOCK:
        if not _STARTED:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, daemon=True, name="far ends").start()
            _STARTED.append(loop)
        return _STARTED[0]


def in_loop(work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401
    """Do something in the loop of the far ends and wait for it."""
    return asyncio.run_coroutine_threadsafe(work, the_loop()).result(20)


@contextmanager
def running_uas(uas: Uas, *transports: str) -> Iterator[Uas]:
    """Let a far end listen while the block runs; by UDP and TCP unless told otherwise."""
    in_loop(uas.open(transports or ("udp", "tcp")))
    try:
        yield uas
    finally:
        uas.stop()
