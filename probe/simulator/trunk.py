"""The embedded trunk: everything of this room, started in a thread of its own."""

import asyncio
import secrets
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from queue import Queue
from types import TracebackType
from typing import Any, Literal

from msgspec import Struct

from probe import __version__
from probe.simulator.clock import Timers
from probe.simulator.digest import Algorithm, Authenticator
from probe.simulator.records import CallRecord, Records, SeenMessage
from probe.simulator.registrar import Binding, Registrar
from probe.simulator.site import Site
from probe.simulator.switchboard import Policy, Switchboard, WrongPassword
from probe.simulator.transactions import TransactionLayer
from probe.simulator.transport import Listeners, TlsFiles, loopback
from probe.simulator.users import USERS

SERVER = f"sipprobe-embedded-trunk/{__version__}"
"""The Server header field of every response."""

REALM = "sipprobe.invalid"
"""The default realm: a name that can never be anyone's (RFC 2606 §2)."""

_MAX_FAILURES = 100

_CLOSING_TURNS = 8
"""Turns of the loop that closing connections get; two are enough for TCP."""


class _Running(Struct, frozen=True, kw_only=True):
    """The parts that exist only between start and stop."""

    loop: asyncio.AbstractEventLoop
    thread: threading.Thread
    listeners: Listeners
    registrar: Registrar


class EmbeddedTrunk:
    """A SIP registrar and answering party on loopback, for the time of a ``with`` block.

    It serves one account. What a dialled number does is in ``probe.simulator.numbers``. All
    methods and properties may be used from any thread; the ports are known from start on.
    """

    def __init__(  # noqa: PLR0913 - each has a default and a name
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        realm: str = REALM,
        user: str = "100",
        password: str | None = None,
        algorithm: Algorithm = "MD5",
        tls: TlsFiles | None = None,
        challenge_calls: bool = True,
        wrong_password: WrongPassword = "403",  # noqa: S107 - a status code
        min_expires: int = 60,
        max_expires: int = 3600,
        max_calls: int = 64,
        max_call_s: float = 600.0,
        timers: Timers | None = None,
        names: bool = False,
    ) -> None:
        """``port`` serves UDP and TCP, 0 is a free one; ``password`` None is a random one.

        ``names`` adds a name server for a name with two servers, the first of which is dead.
        Expiry bounds and ``max_call_s`` are in seconds. Raise ValueError for a host off loopback,
        an unknown algorithm, or a realm or user that would not fit into a header field.
        """
        for name, text in (("realm", realm), ("user", user)):
            if not text or not text.isprintable() or any(c in text for c in '"\\<>@:; '):
                raise ValueError(f"{name} {text!r} does not fit into a SIP header field")
        self.host = loopback(host)
        "The loopback address."
        self.realm = realm
        "The realm of its challenges."
        self.user = user
        "The user name of the trunk's own account."
        self.password = secrets.token_urlsafe(12) if password is None else password
        "The password of that account and of every user; not in the repr."
        self.algorithm = algorithm
        "The digest algorithm."
        self._port = port
        self._names = names
        self._tls = tls
        self._policy = Policy(
            challenge_calls=challenge_calls, wrong_password=wrong_password, max_calls=max_calls
        )
        self._expires = (min_expires, max_expires)
        self._max_call_s = max_call_s
        self._timers = timers or Timers()
        self._records = Records()
        self._failures: list[str] = []
        self._running: _Running | None = None
        self._authenticator(now=lambda: 0.0)  # says at once when the algorithm is unknown

    def __repr__(self) -> str:
        where = f"{self.host}:{self.udp_port}" if self._running else f"{self.host}, stopped"
        return f"<EmbeddedTrunk {self.user} at {where}>"

    def __enter__(self) -> "EmbeddedTrunk":  # noqa: PYI034 - Self came with Python 3.11
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Open the ports and serve; raise OSError for a port that is taken or a bad TLS file."""
        if self._running is not None:
            raise RuntimeError("the embedded trunk runs already")
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(self._failed)
        layer = TransactionLayer(scheduler=loop, timers=self._timers, server=SERVER)
        site = Site(
            host=self.host,
            scheduler=loop,
            timers=self._timers,
            transactions=layer,
            records=self._records,
            max_call_s=self._max_call_s,
            own_flow=lambda: listeners.own_flow(),  # noqa: PLW0108 - it is made below
        )
        minimum, maximum = self._expires
        registrar = Registrar(now=loop.time, min_expires=minimum, max_expires=maximum)
        switchboard = Switchboard(
            site=site,
            policy=self._policy,
            authenticator=self._authenticator(now=loop.time),
            registrar=registrar,
        )
        listeners = Listeners(host=self.host, receive=switchboard.receive, records=self._records)
        opened: Queue[BaseException | None] = Queue()
        thread = threading.Thread(
            target=_serve,
            args=(
                loop,
                switchboard,
                listeners,
                lambda: listeners.open(self._port, self._tls, names=self._names),
                opened,
            ),
            name="embedded-trunk",
            daemon=True,
        )
        thread.start()
        error = opened.get()
        if error is not None:
            thread.join()
            raise error
        self._running = _Running(loop=loop, thread=thread, listeners=listeners, registrar=registrar)

    def stop(self) -> None:
        """End every call, close every socket, end the thread; harmless when stopped."""
        running, self._running = self._running, None
        if running is not None:
            running.loop.call_soon_threadsafe(running.loop.stop)
            running.thread.join()

    @property
    def udp_port(self) -> int:
        """The UDP port; raise RuntimeError where the trunk does not run."""
        return self._now.listeners.udp_port

    @property
    def tcp_port(self) -> int:
        """The TCP port, the UDP port's number where that was free."""
        return self._now.listeners.tcp_port

    @property
    def tls_port(self) -> int | None:
        """The TLS port, None without TLS files."""
        return self._now.listeners.tls_port

    @property
    def name_server(self) -> str | None:
        """Address and port of the name server, None without one."""
        names = self._now.listeners.names
        return None if names is None else f"{self.host}:{names.port}"

    @property
    def certificate(self) -> Path | None:
        """The file of the certificate that the TLS side shows, None without TLS."""
        return None if self._tls is None else self._tls.certificate

    @property
    def uri(self) -> str:
        """The address of record of the account, over UDP."""
        return self.uri_for("udp")

    def uri_for(self, transport: Literal["udp", "tcp", "tls"]) -> str:
        """Return the address of record over a transport; ValueError for TLS without files."""
        port = {"udp": self.udp_port, "tcp": self.tcp_port, "tls": self.tls_port}[transport]
        if port is None:
            raise ValueError("the embedded trunk was started without TLS files")
        host = f"[{self.host}]" if ":" in self.host else self.host
        parameter = "" if transport == "udp" else f";transport={transport}"
        return f"sip:{self.user}@{host}:{port}{parameter}"

    @property
    def log(self) -> tuple[SeenMessage, ...]:
        """The messages received and sent, in order; bounded, and kept after stop."""
        return self._records.messages

    @property
    def calls(self) -> tuple[CallRecord, ...]:
        """The calls taken, the finished ones first; kept after stop."""
        return self._records.calls

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """Where the account is registered now."""
        return self.bindings_of(self.user)

    def bindings_of(self, user: str) -> tuple[Binding, ...]:
        """Return where a user is registered now."""
        return self._now.registrar.bindings(user)

    @property
    def failures(self) -> tuple[str, ...]:
        """Faults of the trunk's own code; anything here is a bug of ours, never the caller's."""
        return tuple(self._failures)

    def wait_for(
        self, wanted: Callable[[SeenMessage], bool], timeout: float = 5.0
    ) -> SeenMessage | None:
        """Return the first message, seen already or still to come, that satisfies ``wanted``.

        None after ``timeout`` seconds.
        """
        return self._records.wait_for(wanted, timeout)

    @property
    def _now(self) -> _Running:
        if self._running is None:
            raise RuntimeError("the embedded trunk does not run")
        return self._running

    def _authenticator(self, now: Callable[[], float]) -> Authenticator:
        return Authenticator(
            realm=self.realm,
            user=self.user,
            password=self.password,
            algorithm=self.algorithm,
            now=now,
            others=USERS,
        )

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        del loop
        self._failures.append(f"{context.get('message')}: {context.get('exception')!r}")
        del self._failures[:-_MAX_FAILURES]


def _serve(
    loop: asyncio.AbstractEventLoop,
    switchboard: Switchboard,
    listeners: Listeners,
    opening: Callable[[], Coroutine[Any, Any, None]],
    opened: "Queue[BaseException | None]",
) -> None:
    """Run the trunk's thread: open, serve until the loop is stopped, end the calls, close."""
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(opening())
    except BaseException as error:  # noqa: BLE001 - it is raised in the thread that called start
        loop.close()
        opened.put(error)
        return
    opened.put(None)
    try:
        loop.run_forever()
        loop.run_until_complete(_close(switchboard, listeners))
    finally:
        loop.close()


async def _close(switchboard: Switchboard, listeners: Listeners) -> None:
    switchboard.close()
    await asyncio.sleep(0)  # what was just sent on a stream leaves before the stream is closed
    listeners.close()
    for _ in range(_CLOSING_TURNS):
        await asyncio.sleep(0)
