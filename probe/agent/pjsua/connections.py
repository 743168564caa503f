"""The TCP and TLS connections of an endpoint: when they are up, what waits for them, why they fell.

pjsip logs a message as sent when it asks for a connection, long before that is there. What waits
is held back here and recorded when the connection is up, or forgotten when it never comes up:
those bytes left nowhere.
"""

import re
from collections import Counter
from collections.abc import Callable

import pjsua2 as pj
from msgspec.structs import replace

from probe.agent.pjsua.faults import from_status
from probe.agent.pjsua.transport import TLS13_SUITES, TLS_BITS
from probe.agent.port import Recorder
from probe.agent.sockets import local_end, received_bytes, send_at_once, shut_down
from probe.trace.failure import Failure
from probe.trace.trace import UNFRAMED, BytesDropped, Event, MessageSent, TransportChanged

LEAST = 64
"""Bytes of which something is told: fewer are the answers to keep-alives (RFC 5626 §3.5.1)."""


class Connections:
    """Follows every connection of one endpoint."""

    def __init__(
        self, clock: Callable[[], float], record: Recorder, words_of: Callable[[int], str]
    ) -> None:
        self._clock = clock
        self._record = record
        self._words_of = words_of
        self._local: dict[tuple[str, str], str] = {}
        self._connected: set[str] = set()
        self._accepted: set[str] = set()
        self._held: list[MessageSent] = []
        self._remote = ""
        self._read: Counter[str] = Counter()
        self.bound = ""
        "Our bound address as ip:port, empty before the transport is there."
        self.fault: Failure | None = None
        "What brought the last connection down."
        self.verify = True
        "Whether a bad certificate keeps a connection from coming up."

    def look(self) -> None:
        """Note which waiting connections the peer's TCP has accepted: TLS is still to come."""
        for waiting in self._held:
            remote = waiting.remote
            if remote not in self._accepted and local_end(remote, established=True):
                self._accepted.add(remote)
                if waiting.transport == "TLS":
                    self._record(
                        TransportChanged(
                            at=self._clock(),
                            transport=waiting.transport,
                            remote=remote,
                            state="accepted",
                            error="",
                            tls="",
                        )
                    )

    def heard(self, remote: str, size: int) -> None:
        """Take note that the stack read so many bytes from a peer."""
        self._read[remote] += size

    def unread(self) -> bool:
        """Tell of bytes that arrived over TCP and end no message; return whether there are any.

        Where Content-Length says more than there is, the stack waits for the rest, and takes the
        next answer for it. Their connection is closed, so that the next request gets another one.
        Of TLS the kernel counts more than its content, so nothing can be said there.
        """
        found = False
        for (kind, remote), local in tuple(self._local.items()):
            port = int(local.rpartition(":")[2])
            arrived = received_bytes(port) if kind == "TCP" and remote in self._connected else None
            left = (arrived or 0) - self._read[remote]
            if left >= LEAST:
                found = True
                self._record(
                    BytesDropped(at=self._clock(), remote=remote, size=left, detail=UNFRAMED)
                )
                shut_down(port)
        return found

    def break_off(self) -> None:
        """Close connections that are still coming up: what waits for them is not to leave."""
        for remote in {waiting.remote for waiting in self._held}:
            local = local_end(remote)
            if local:
                shut_down(int(local.rpartition(":")[2]))

    def changed(self, prm: pj.OnTransportStateParam) -> None:
        """Record a connection's rise or fall; the states after a fall say nothing new."""
        kind = prm.type.upper().rstrip("6")
        states = {pj.PJSIP_TP_STATE_CONNECTED: True, pj.PJSIP_TP_STATE_DISCONNECTED: False}
        up = states.get(prm.state)
        if kind == "UDP" or up is None:
            return
        remote, tls = self._remote, ""
        certificate: tuple[str, ...] = ()
        if kind == "TLS":
            remote, tls, certificate = _tls_facts(prm.tlsInfo, remote)
        self._record(
            TransportChanged(
                at=self._clock(),
                transport=kind,
                remote=remote,
                state="connected" if up else "disconnected",
                error="" if up else self._words_of(prm.lastError),
                tls=tls,
                certificate=certificate,
            )
        )
        del self._read[remote]
        if up:
            self._connected.add(remote)
            self._release()
            return
        was_up = bool({remote} & self._connected)
        self._connected.discard(remote)
        self._local.pop((kind, remote), None)
        self._held.clear()  # the connection never came up: these bytes left nowhere
        if was_up:
            self.fault = Failure.CONNECTION_LOST
        elif certificate and self.verify:
            self.fault = Failure.TLS_CERTIFICATE
        else:
            self.fault = from_status(prm.lastError)
            if self.fault is Failure.TCP_TIMEOUT and remote in self._accepted:
                self.fault = Failure.TLS_HANDSHAKE  # TCP is up, the handshake is not answered

    def tapped(self, event: Event) -> None:
        """Take an event from the wiretap.

        The stack logs a message before it connects. What waits for a connection is held back until
        that is up, and is recorded with the time at which it could leave.
        """
        if (
            isinstance(event, MessageSent)
            and event.transport != "UDP"
            and event.remote not in self._connected
        ):
            self._held.append(event)
        else:
            self._record(event)

    def _release(self) -> None:
        """Record what waited for a connection that is now up."""
        held, self._held = self._held, []
        for event in held:
            self._record(
                replace(
                    event,
                    at=self._clock(),
                    local=event.local or self.local_of(event.transport, event.remote),
                )
            )

    def local_of(self, transport: str, remote: str) -> str:
        """Return our address of a message: the bound one, or the connection's."""
        if transport.startswith("UDP"):
            return self.bound
        self._remote = remote
        key = (transport, remote)
        if key not in self._local:
            found = local_end(remote)
            if not found:
                return ""
            self._local[key] = found
            send_at_once(int(found.rpartition(":")[2]))
        return self._local[key]


def agreed_version(allowed: int, cipher: int, name: str) -> str:
    """Return the version that a connection has, e.g. ``1.3``; a range where nothing tells it.

    The stack tells what we allow (``allowed``, TLS_BITS) and not what was agreed. Suites of TLS 1.3
    belong to it alone (RFC 8446 §B.4), those with AEAD or SHA-2 to TLS 1.2 (RFC 5246 §A.5).
    """
    if cipher & 0xFFFF in TLS13_SUITES:
        return "1.3"
    older = [version for version, bit in TLS_BITS.items() if allowed & bit and version != "1.3"]
    if "1.2" in older and re.search("GCM|CCM|CHACHA|SHA256|SHA384", name):
        return "1.2"
    return " to ".join(dict.fromkeys((older[0], older[-1]))) if older else ""


def _tls_facts(info: pj.TlsInfo, remote: str) -> tuple[str, str, tuple[str, ...]]:
    """Return peer address, protocol with cipher, and what verification found against the peer."""
    agreed = ""
    if info.established:
        version = agreed_version(info.protocol, info.cipher, info.cipherName)
        agreed = f"TLS {version} {info.cipherName}".strip()
    faults = tuple(info.verifyMsgs) if info.verifyStatus else ()
    return info.remoteAddr or remote, agreed, faults
