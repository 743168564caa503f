"""The user agent on pjsua2: one endpoint, one transport, one account.

What the library does not forgive, and how this file lives with it (measured on 2.15.1):

* Worker threads race with Python. There is none: ``poll`` lets the library work on our thread.
* A call object that outlives its call hangs up the next one. See call.py.
* An exception in a callback keeps objects alive and aborts at exit. Every callback is short, and
  ``_guarded`` turns what it raises into a note.
* Exit without libDestroy aborts or hangs. The worker leaves by ``os._exit`` after ``close``.
* The library may abort on what a peer sends. Nothing here can prevent it: the worker is expendable.
"""

import functools
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pjsua2 as pj

from probe.agent.icmp import IcmpWatch
from probe.agent.pjsua import library
from probe.agent.pjsua.account import PjAccount, configuration, header
from probe.agent.pjsua.call import PjCall
from probe.agent.pjsua.faults import from_status, from_words
from probe.agent.pjsua.wiretap import Wiretap
from probe.agent.port import AgentError, Recorder, Trigger
from probe.agent.sockets import local_end, send_at_once, source_address
from probe.plan.action import Account, Call
from probe.plan.capabilities import Capabilities
from probe.trace.failure import Failure
from probe.trace.media import MediaReport
from probe.trace.trace import AgentNote, Event, MessageSent, TransportChanged

_LOG_LEVEL = 4
"""The level at which the message log is written; level 5 adds nothing to it."""

_TLS_METHODS = {"1.0": 31, "1.1": 32, "1.2": 33, "1.3": 34}
"""pjsip_ssl_method values (pjsip/sip_transport_tls.h)."""

_TLS_BITS = {"1.0": 4, "1.1": 8, "1.2": 16, "1.3": 32}
"""PJ_SSL_SOCK_PROTO bits (pj/ssl_sock.h)."""

TLS_CONNECT_S = 4.0
"""Longest TLS handshake: a peer that does not speak TLS is silent for ever otherwise."""

CA_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
"""Where distributions keep the trusted issuers."""


class PjEndpoint(pj.Endpoint):  # type: ignore[misc]  # the bindings carry no types
    """Hears of connections coming up and going down."""

    def __init__(self, on_transport: Callable[[pj.OnTransportStateParam], None]) -> None:
        super().__init__()
        self._on_transport = on_transport

    def onTransportState(self, prm: pj.OnTransportStateParam) -> None:  # noqa: N802
        """Pass it on."""
        self._on_transport(prm)


class PjsuaAgent:
    """Implements the UserAgent port."""

    def __init__(self, clock: Callable[[], float], record: Recorder) -> None:
        self._clock = clock
        self._record = record
        self._triggers: list[Trigger] = []
        self._media: list[MediaReport] = []
        self._calls: dict[int, PjCall] = {}
        self._account: PjAccount | None = None
        self._plan: Account | None = None
        self._icmp: IcmpWatch | None = None
        self._local: dict[tuple[str, str], str] = {}
        self._connected: set[str] = set()
        self._answered: set[str] = set()
        self._held: list[MessageSent] = []
        self._bound = ""
        self._remote = ""
        self._request = -1
        self._fault: Failure | None = None
        self._library = library.load()
        self._wiretap = Wiretap(clock, self._tapped, self._local_of)
        self._wiretap.rows = []
        self._endpoint = PjEndpoint(self._guarded(self._transport_changed))
        self._endpoint.libCreate()

    def start(self, account: Account | None = None) -> None:
        """Initialise the library: what must be known before is the agent's name and resolver."""
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.userAgent = account.user_agent if account else "sipprobe"
        if account is not None and account.nameserver is not None:
            config.uaConfig.nameserver.append(account.nameserver)
        config.medConfig.noVad = True  # silence suppression would look like lost audio (F177)
        config.medConfig.ecTailLen = 0
        config.logConfig.level = config.logConfig.consoleLevel = _LOG_LEVEL
        config.logConfig.msgLogging = 1
        config.logConfig.writer = self._wiretap
        self._endpoint.libInit(config)
        self._library.pj_dump_config()
        rows = self._wiretap.rows or []
        self._capabilities = library.measure(
            self._library, self._endpoint, [row for _, row in rows]
        )
        self._wiretap.rows = None

    @property
    def bound(self) -> str:
        """Our address as ip:port, empty before ``open``."""
        return self._bound

    def capabilities(self) -> Capabilities:
        """Return what the library can do."""
        return self._capabilities

    def open(self, account: Account, *, local_port: int = 0) -> None:
        """Bind a transport and set up the account; raise AgentError."""
        self._plan = account
        address = account.local_address or _own_address(account)
        self._endpoint.audDevManager().setNullDev()
        self._choose_codecs(account.codecs)
        transport = self._bind(account, address, local_port)
        self._endpoint.libStart()
        self._bound = self._endpoint.transportGetInfo(transport).localName
        if account.transport == "UDP":
            self._icmp = IcmpWatch(int(self._bound.rpartition(":")[2]), self._clock)
        self._account = PjAccount(self._guarded(self._triggers.append))
        self._attempt(
            lambda account_: account_.create(configuration(account, transport, address)),
            self._account,
        )

    def set_timeout(self, seconds: float) -> None:
        """Let timers B and F end after so many seconds (RFC 3261 §17.1)."""
        milliseconds = round(seconds * 1000)
        self._library.pjsip_tsx_set_timers(500, 4000, 5000, max(milliseconds, 500))

    def register(self, expires: int) -> None:
        """Send REGISTER."""
        self._fault = None
        account = self._opened()
        if self._plan is not None and expires != self._plan.expires:
            raise AgentError(
                Failure.AGENT_REFUSED, None, "an account keeps the interval that it was opened with"
            )
        self._attempt(lambda a: a.setRegistration(True), account)

    def unregister(self) -> None:
        """Send REGISTER with an expiry of zero."""
        self._fault = None
        self._attempt(lambda a: a.setRegistration(False), self._opened())

    def call(self, handle: int, action: Call) -> None:
        """Send INVITE."""
        self._fault = None
        plan = self._plan
        if plan is None:
            raise AgentError(Failure.AGENT_REFUSED, None, "no account is open")
        self._choose_codecs(action.codecs or plan.codecs)
        parameters = pj.CallOpParam(True)
        parameters.opt.audioCount, parameters.opt.videoCount = 1, 0
        if hasattr(parameters.opt, "textCount"):
            parameters.opt.textCount = 0
        identity = action.caller_id or plan.caller_id
        if identity is not None:
            parameters.txOption.localUri = caller_uri(identity, plan.aor)
        for name, value in (*plan.headers, *action.headers):
            parameters.txOption.headers.append(header(name, value))
        made = PjCall(self._opened(), handle, action.play, self._guarded(self._triggers.append))
        self._calls[handle] = made
        try:
            self._attempt(lambda call: call.makeCall(action.target, parameters), made)
        except AgentError:
            del self._calls[handle]
            self._triggers[:] = [t for t in self._triggers if t.handle != handle]
            raise

    def hangup(self, handle: int) -> None:
        """Send BYE or CANCEL; nothing where the call is over."""
        call = self._calls.get(handle)
        if call is None or call.over:
            return
        try:
            self._attempt(lambda c: c.hangup(pj.CallOpParam(True)), call)
        except AgentError as error:
            self._record(AgentNote(at=self._clock(), kind="warning", detail=f"hangup: {error}"))

    def options(self, handle: int, target: str) -> None:
        """Send OPTIONS outside a dialog."""
        self._fault = None
        parameters = pj.SendRequestParam()
        parameters.method = "OPTIONS"
        parameters.txOption.targetUri = target
        plan = self._plan
        for name, value in plan.headers if plan else ():
            parameters.txOption.headers.append(header(name, value))
        self._request = handle
        self._attempt(lambda a: a.sendRequest(parameters), self._opened())

    def poll(self, seconds: float) -> list[Trigger]:
        """Let the library work for at most so long; return what changed."""
        self._endpoint.libHandleEvents(round(seconds * 1000))
        if self._icmp is not None:
            for event in self._icmp.read():
                self._record(event)
        for waiting in self._held:
            if waiting.remote not in self._answered and local_end(waiting.remote, established=True):
                self._answered.add(waiting.remote)
        triggers = [self._completed(trigger) for trigger in self._triggers]
        self._triggers.clear()
        for handle in [h for h, call in self._calls.items() if call.over]:
            self._media.extend(self._calls.pop(handle).media_reports)
        return triggers

    def media(self) -> list[MediaReport]:
        """Return and forget the statistics of streams that ended."""
        found, self._media = self._media, []
        return found

    def close(self) -> None:
        """Give everything back without waiting for the peer (17 to 25 ms)."""
        for call in self._calls.values():
            self._media.extend(call.media_reports)
        self._calls.clear()
        self._account = None
        if self._icmp is not None:
            self._icmp.close()
        self._endpoint.libDestroy(pj.PJSUA_DESTROY_NO_RX_MSG)

    # Details -----------------------------------------------------------------------------------

    def _opened(self) -> PjAccount:
        if self._account is None:
            raise AgentError(Failure.AGENT_REFUSED, None, "no account is open")
        return self._account

    def _completed(self, trigger: Trigger) -> Trigger:
        """Add what the stack leaves out: the request's handle, the transport's fault."""
        if trigger.kind == "answered":
            trigger = replace(trigger, handle=self._request)
        if trigger.fault is None and self._fault is not None and trigger.status in {408, 502, 503}:
            return replace(trigger, fault=self._fault)
        return trigger

    def _attempt(self, act: Callable[[Any], object], subject: object) -> None:
        """Run one call of the library; turn its error into AgentError."""
        try:
            act(subject)
        except pj.Error as error:
            failure = from_status(error.status) or from_words(error.reason) or self._fault
            raise AgentError(
                failure or Failure.AGENT_REFUSED, None, f"{error.reason} (pjsip {error.status})"
            ) from None

    def _guarded(self, callback: Callable[[Any], None]) -> Callable[[Any], None]:
        """Keep an exception inside a callback from reaching the library."""

        @functools.wraps(callback)
        def guarded(argument: Any) -> None:  # noqa: ANN401 - pjsua2's parameter objects
            try:
                callback(argument)
            except Exception as error:  # noqa: BLE001 - anything would abort the process
                self._record(
                    AgentNote(at=self._clock(), kind="warning", detail=f"callback: {error!r}")
                )

        return guarded

    def _bind(self, account: Account, address: str, port: int) -> int:
        """Create the account's transport; raise AgentError."""
        config = pj.TransportConfig()
        config.port = port
        config.boundAddress = address
        kinds = {
            ("UDP", False): "PJSIP_TRANSPORT_UDP",
            ("TCP", False): "PJSIP_TRANSPORT_TCP",
            ("TLS", False): "PJSIP_TRANSPORT_TLS",
            ("UDP", True): "PJSIP_TRANSPORT_UDP6",
            ("TCP", True): "PJSIP_TRANSPORT_TCP6",
            ("TLS", True): "PJSIP_TRANSPORT_TLS6",
        }
        six = ":" in address
        if six and not self._capabilities.ipv6:
            raise AgentError(
                Failure.AGENT_REFUSED, None, "the installed pjsua2 was built without IPv6"
            )
        if account.transport == "TLS":
            self._secure(config.tlsConfig, account)
        kind = getattr(pj, kinds[account.transport, six])
        made: list[int] = []
        self._attempt(
            lambda endpoint: made.append(endpoint.transportCreate(kind, config)), self._endpoint
        )
        return made[0]

    def _secure(self, tls: pj.TlsConfig, account: Account) -> None:
        """Set TLS up: the server is verified unless the account says otherwise."""
        lowest = account.tls_min or "1.2"
        usable = [v for v in _TLS_BITS if v >= lowest and (v != "1.3" or self._capabilities.tls13)]
        if not usable:
            raise AgentError(
                Failure.AGENT_REFUSED, None, f"the installed pjsua2 cannot do TLS {lowest}"
            )
        tls.proto = sum(_TLS_BITS[version] for version in usable)
        tls.method = _TLS_METHODS["1.2"]
        tls.msecTimeout = round(TLS_CONNECT_S * 1000)
        tls.verifyServer = account.verify
        issuers = account.ca_file or next((f for f in CA_FILES if Path(f).exists()), None)
        if issuers is not None:
            tls.CaListFile = issuers
        if account.client_cert is not None:
            tls.certFile = account.client_cert
            tls.privKeyFile = account.client_key or account.client_cert

    def _choose_codecs(self, wanted: tuple[str, ...]) -> None:
        """Offer just the wanted encodings, in order; raise AgentError where none exists."""
        available = [codec.codecId for codec in self._endpoint.codecEnum2()]
        chosen = []
        for name in wanted:
            chosen += [c for c in available if c.split("/")[0].lower() == name.lower()]
        if not chosen:
            raise AgentError(
                Failure.AGENT_REFUSED, None, f"none of {', '.join(wanted)} is in this pjsua2"
            )
        for codec in available:
            priority = 255 - chosen.index(codec) if codec in chosen else 0
            self._endpoint.codecSetPriority(codec, priority)

    def _transport_changed(self, prm: pj.OnTransportStateParam) -> None:
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
                error="" if up else self._endpoint.utilStrError(prm.lastError),
                tls=tls,
                certificate=certificate,
            )
        )
        if up:
            self._connected.add(remote)
            self._release()
            return
        was_up = bool({remote} & self._connected)
        self._connected.discard(remote)
        self._local.pop((kind, remote), None)
        self._held.clear()  # the connection never came up: these bytes left nowhere
        if certificate:
            self._fault = Failure.TLS_CERTIFICATE
        elif was_up:
            self._fault = Failure.CONNECTION_LOST
        else:
            self._fault = from_status(prm.lastError)
            if self._fault is Failure.TCP_TIMEOUT and remote in self._answered:
                self._fault = Failure.TLS_HANDSHAKE  # TCP is up, the handshake is not answered

    def _tapped(self, event: Event) -> None:
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
                    local=event.local or self._local_of(event.transport, event.remote),
                )
            )

    def _local_of(self, transport: str, remote: str) -> str:
        """Return our address of a message: the bound one, or the connection's."""
        if transport.startswith("UDP"):
            return self._bound
        self._remote = remote
        key = (transport, remote)
        if key not in self._local:
            found = local_end(remote)
            if not found:
                return ""
            self._local[key] = found
            send_at_once(int(found.rpartition(":")[2]))
        return self._local[key]


def caller_uri(identity: str, aor: str) -> str:
    """Return the From URI for a caller ID: as given where it is a URI, else at the aor's host."""
    if "sip:" in identity or "sips:" in identity or "tel:" in identity:
        return identity if "<" in identity else f"<{identity}>"
    host = aor.rpartition("@")[2].rstrip(">")
    return f"<sip:{identity}@{host}>"


def _tls_facts(info: pj.TlsInfo, remote: str) -> tuple[str, str, tuple[str, ...]]:
    """Return peer address, protocol with cipher, and what verification found against the peer."""
    names = {bit: name for name, bit in _TLS_BITS.items()}
    agreed = ""
    if info.established:
        agreed = f"TLS {names.get(info.protocol, info.protocol)} {info.cipherName}".strip()
    faults = tuple(info.verifyMsgs) if info.verifyStatus else ()
    return info.remoteAddr or remote, agreed, faults


def _own_address(account: Account) -> str:
    """Return the address to bind; raise AgentError where this machine has no route."""
    try:
        return source_address(account.host, account.port or 5060)
    except (socket.gaierror, UnicodeError):
        return "0.0.0.0"  # noqa: S104 - the name is unknown, which the attempt itself will say
    except OSError as error:
        raise AgentError(Failure.NO_ROUTE, None, f"{account.host}: {error.strerror}") from None
