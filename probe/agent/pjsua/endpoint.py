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
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pjsua2 as pj
from msgspec.structs import replace

from probe.agent.arrivals import Arrivals
from probe.agent.audio import Audio, press
from probe.agent.conversation import Content
from probe.agent.icmp import IcmpWatch
from probe.agent.inbox import Decide
from probe.agent.lines import Line, Lines, Told
from probe.agent.listener import Listener
from probe.agent.pjsua import library
from probe.agent.pjsua.account import PjAccount, caller_uri, configuration, header
from probe.agent.pjsua.buffers import Buffers
from probe.agent.pjsua.call import PjCall
from probe.agent.pjsua.codecs import Codecs
from probe.agent.pjsua.connections import Connections
from probe.agent.pjsua.faults import from_status, from_words
from probe.agent.pjsua.in_dialog import InDialog
from probe.agent.pjsua.inbound import Inbound
from probe.agent.pjsua.login import LoginGuard
from probe.agent.pjsua.measure import measure
from probe.agent.pjsua.requests import Ending, RequestError, Requests
from probe.agent.pjsua.resolver import Resolver
from probe.agent.pjsua.states import States
from probe.agent.pjsua.transactions import Transactions
from probe.agent.pjsua.transport import configuration_of, kind_of
from probe.agent.pjsua.unheard import Table
from probe.agent.pjsua.wiretap import Wiretap
from probe.agent.port import AgentError, Recorder, Trigger
from probe.agent.sockets import bracketed, own_address
from probe.naming.targets import LOOKUP_S, Target, Wanted
from probe.plan.action import Account, Call, Hear, Manner
from probe.plan.capabilities import Capabilities
from probe.playing.coder import Coder
from probe.trace.failure import Failure
from probe.trace.media import MediaReport
from probe.trace.trace import AgentNote, Event

T = TypeVar("T")

_LOG_LEVEL = 4
"""The level at which the message log is written; level 5 adds nothing to it."""


_MOST_CALLS = 512
"""Calls at a time of one process, where the library has room for so many."""

_ARRIVALS = 1_000_000
"""Handles of calls that reach us lie above this; those of calls that we place are attempts."""


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
        self._untold: list[Told] = []
        self._lines = Lines(clock)
        self._audio = Audio(self._coder, self._warn)
        self._address = ""
        self._codecs: Codecs | None = None
        self._offered: tuple[str, ...] = ()
        self._parameters: tuple[object, pj.CallOpParam] | None = None
        self._ending = pj.CallOpParam(True)
        self._calls: dict[int, PjCall] = {}
        self._account: PjAccount | None = None
        self._plan: Account | None = None
        self._icmp: IcmpWatch | None = None
        self._stamps: Arrivals | None = None
        self._request = -1
        self._arrivals = 0
        self._library = library.load()
        self._guard = LoginGuard(self._library)
        self._in_dialog = InDialog(self._library)
        self._inbound = Inbound(self._library)
        self._requests = Requests(self._library, self._guarded(self._ended))
        self._resolver = Resolver(self._library, clock, record)
        self._transactions = Transactions(self._library)
        self._states = States(self._library)
        self._towards = ""
        self._plain = False
        self.quoted = ""
        "The beginning of the datagram that the ICMP error in hand is about."
        self._given_up: list[PjCall] = []
        self._connections = Connections(clock, self._noted, self._words_of)
        self._wiretap = Wiretap(
            clock, self._connections.tapped, self._connections.local_of, self._connections.heard
        )
        self._wiretap.rows = []
        self._buffers = Buffers(self._library, clock, self._wiretap.message)
        self._endpoint = PjEndpoint(self._guarded(self._connections.changed))
        self._endpoint.libCreate()

    def start(self, account: Account | None = None) -> None:
        """Initialise the library: what must be known before is the agent's name."""
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.maxCalls = _MOST_CALLS  # the library lowers it to what it has room for
        config.uaConfig.natTypeInSdp = 0  # an X-nat line that no peer asked for
        config.uaConfig.userAgent = account.user_agent if account else "sipprobe"
        config.medConfig.noVad = True  # silence suppression would look like lost audio (F177)
        config.medConfig.ecTailLen = 0
        config.medConfig.clockRate = 8000  # nobody hears its bridge: nothing is resampled
        config.logConfig.level = config.logConfig.consoleLevel = _LOG_LEVEL
        config.logConfig.msgLogging = 1
        config.logConfig.writer = self._wiretap
        self._endpoint.libInit(config)
        if not self._guard.install():
            words = "the login guard could not be installed: a refused login may be repeated"
            self._record(AgentNote(at=self._clock(), kind="warning", detail=words))
        if not self._in_dialog.install():
            words = "OPTIONS and INFO inside a call are answered 500 by the stack"
            self._record(AgentNote(at=self._clock(), kind="warning", detail=words))
        if self._buffers.install():
            self._wiretap.buffers = self._buffers
        if not self._inbound.install():
            words = "requests outside calls are answered as the stack does: some not at all"
            self._record(AgentNote(at=self._clock(), kind="warning", detail=words))
        self._resolver.nameserver = account.nameserver if account else None
        version = self._endpoint.libVersion()
        self._resolver.install((version.major, version.minor))
        self._library.pj_dump_config()
        rows = self._wiretap.rows or []
        self._capabilities = measure(
            self._library,
            self._endpoint,
            [row for _, row in rows],
            self._requests,
            whole=account is None,
        )
        self._wiretap.rows = None

    @property
    def bound(self) -> str:
        """Our address as ip:port, empty before ``open``."""
        return self._connections.bound

    def capabilities(self) -> Capabilities:
        """Return what the library can do."""
        return self._capabilities

    def tell_departures(self, left: Callable[[float, float], None]) -> None:
        """Let somebody hear when a message leaves that was recorded with another time.

        ``left`` takes the time that was recorded, and that at which we had done with it.
        """
        self._buffers.left = left

    @property
    def descriptor(self) -> int | None:
        """A descriptor that says when there is something to read, None where there is none."""
        found = -1 if self._icmp is None else self._icmp.fileno()
        return None if found < 0 else found

    def room(self) -> int:
        """Return how many more calls the library has room for; that of one ended is freed late."""
        return self._capabilities.max_calls - int(self._library.pjsua_call_get_count())

    def open(self, account: Account, *, local_port: int = 0) -> None:
        """Bind a transport and set up the account; raise AgentError."""
        self._plan = account
        self._connections.verify = account.verify
        address, port = own_address(account, self._towards)
        self._address = address
        self._resolver.ipv6 = ":" in address
        self._endpoint.audDevManager().setNullDev()
        self._choose_codecs(account.codecs)
        kind = kind_of(account, address, self._capabilities)
        wanted = configuration_of(account, address, local_port or port, self._capabilities)
        made: list[int] = []
        self._attempt(
            lambda endpoint: made.append(endpoint.transportCreate(kind, wanted)), self._endpoint
        )
        transport = made[0]
        self._endpoint.libStart()
        table = Table(self._library)
        table.leave_out(media=account.srtp != "dtls")
        self._states.install(table)
        bound = bracketed(self._endpoint.transportGetInfo(transport).localName)
        self._connections.bound = bound
        if account.transport == "UDP":
            port = int(bound.rpartition(":")[2])
            self._icmp = IcmpWatch(port, self._clock)
            self._wiretap.arrivals = self._stamps = Arrivals(port, self._clock)
        self._account = PjAccount(
            self._guarded(self._triggers.append), self._guarded(self._arrived)
        )
        self._attempt(
            lambda account_: account_.create(
                configuration(
                    account, transport, address, own_way=self._plain, able=self._capabilities
                )
            ),
            self._account,
        )

    def aim(self, wanted: Wanted, target: Target | None, *, plain: bool = False) -> None:
        """Let requests to this next hop go to one of its servers; None where it has none."""
        self._towards = target.address if target is not None else ""
        self._plain = plain
        if target is not None:
            self._resolver.aim(wanted, target)

    def unread(self) -> None:
        """Tell of bytes that arrived and end no message, and close their connection."""
        if self._connections.unread():
            self._endpoint.libHandleEvents(0)

    def abandon(self, handle: int) -> None:
        """Stop what was sent last for a handle: no copy of it, and no request, leaves any more.

        An INVITE stays known to the stack: should its server answer late, it is sent the CANCEL or
        the BYE that ends the call there.
        """
        self._connections.break_off()
        call = self._calls.pop(handle, None)
        if call is None:
            self._transactions.end()
            return
        self._endpoint.libHandleEvents(0)
        call.mute()
        self._forget(call)
        self._transactions.stop_copies(call.call_id)
        if not call.over:
            self._attempt(lambda c: c.hangup(pj.CallOpParam(True)), call)
            self._given_up.append(call)

    def set_timeout(self, seconds: float) -> None:
        """Let timers B and F end after so many seconds (RFC 3261 §17.1)."""
        milliseconds = round(seconds * 1000)
        self._library.pjsip_tsx_set_timers(500, 4000, 5000, max(milliseconds, 500))

    def register(self, expires: int) -> None:
        """Send REGISTER."""
        self._begin()
        account = self._opened()
        if self._plan is not None and expires != self._plan.expires:
            raise AgentError(
                Failure.AGENT_REFUSED, None, "an account keeps the interval that it was opened with"
            )
        self._attempt(lambda a: a.setRegistration(True), account)

    def unregister(self) -> None:
        """Send REGISTER with an expiry of zero."""
        self._begin()
        self._attempt(lambda a: a.setRegistration(False), self._opened())

    def call(self, handle: int, action: Call) -> None:
        """Send INVITE."""
        self._begin()
        plan = self._plan
        if plan is None:
            raise AgentError(Failure.AGENT_REFUSED, None, "no account is open")
        room = self._capabilities.max_calls
        if sum(not call.over for call in self._calls.values()) >= room:
            words = f"the installed pjsua2 carries {room} calls at a time in a process"
            raise AgentError(Failure.AGENT_REFUSED, None, f"{words}, and so many are up")
        self._choose_codecs(action.codecs or plan.codecs)
        parameters = self._parameters_of(action, plan)
        made = self._made(handle, action)
        self._calls[handle] = made
        try:
            self._attempt(lambda call: call.makeCall(action.target, parameters), made)
            self._states.follow(made)
        except AgentError:
            self._forget(self._calls.pop(handle))
            self._triggers[:] = [t for t in self._triggers if t.handle != handle]
            raise

    def hangup(self, handle: int) -> None:
        """Send BYE or CANCEL; nothing where the call is over."""
        call = self._calls.get(handle)
        if call is None or call.over:
            return
        parameters = self._ending
        if call.incoming and not call.confirmed:
            parameters = pj.CallOpParam(True)
            parameters.statusCode = pj.PJSIP_SC_TEMPORARILY_UNAVAILABLE
        self._wait_for_names()  # an ACK that still waits for the address in their Contact
        try:
            self._attempt(lambda c: c.hangup(parameters), call)
        except AgentError as error:
            self._record(AgentNote(at=self._clock(), kind="warning", detail=f"hangup: {error}"))
        self._wait_for_names()

    def options(self, handle: int, target: str) -> None:
        """Send OPTIONS outside a dialog."""
        self._begin()
        parameters = pj.SendRequestParam()
        parameters.method = "OPTIONS"
        parameters.txOption.targetUri = target
        plan = self._plan
        for name, value in plan.headers if plan else ():
            parameters.txOption.headers.append(header(name, value))
        self._request = handle
        self._attempt(lambda a: a.sendRequest(parameters), self._opened())

    def contact(self, target: str) -> str:
        """Return our Contact in a request to a target."""
        return self._carrying(lambda: self._requests.contact(self._opened().getId(), target))

    def request(self, handle: int, next_hop: str, text: str) -> None:
        """Send a request outside a call, written as text."""
        self._begin()
        self._request = handle
        self._carrying(lambda: self._requests.send(self._opened().getId(), next_hop, text))

    def inside(self, handle: int, method: str, content: Content) -> None:
        """Send a request inside a call."""
        call = self._up(handle)
        if method == "UPDATE" and not (content.headers or content.body):
            self._attempt(lambda c: c.update(audio_only()), call)  # sendRequest would abort
            return
        parameters = pj.CallSendRequestParam()
        parameters.method = method
        for name, value in content.headers:
            parameters.txOption.headers.append(header(name, value))
        parameters.txOption.contentType = content.content_type
        parameters.txOption.msgBody = content.body
        self._attempt(lambda c: c.sendRequest(parameters), call)

    def answer_by(self, decide: Decide) -> None:
        """Ask what each request of the peer is answered with."""
        self._inbound.decide = decide

    def answer(self, handle: int, status: int, manner: Manner) -> None:
        """Answer a call that reached us."""
        call = self._calls.get(handle)
        if call is None or call.over:
            return
        parameters = audio_only()
        parameters.statusCode, parameters.reason = status, manner.reason
        if call.line is not None and isinstance(call.line.sink, Listener):
            call.line.sink.hear = manner.hear or Hear()
        if status >= 200:
            self._play(call, manner.play)
            for name, value in manner.headers:
                parameters.txOption.headers.append(header(name, value))
        if manner.contact is not None and 300 <= status < 400:
            parameters.txOption.headers.append(header("Contact", f"<{manner.contact}>"))
        try:
            self._attempt(lambda c: c.answer(parameters), call)
        except AgentError as error:
            self._record(
                AgentNote(at=self._clock(), kind="warning", detail=f"answer {status}: {error}")
            )

    def hold(self, handle: int, *, resume: bool) -> None:
        """Send a re-INVITE that puts a call on hold or resumes it."""
        call, parameters = self._up(handle), audio_only()
        if resume:
            parameters.opt.flag |= pj.PJSUA_CALL_UNHOLD
            self._attempt(lambda c: c.reinvite(parameters), call)
        else:
            self._attempt(lambda c: c.setHold(parameters), call)

    def refresh(self, handle: int, method: str) -> None:
        """Send UPDATE or re-INVITE with the session as it stands."""
        call, parameters = self._up(handle), audio_only()
        update = method == "UPDATE"
        self._attempt(lambda c: c.update(parameters) if update else c.reinvite(parameters), call)

    def transfer(self, handle: int, target: str | None, other: int | None) -> None:
        """Send REFER to a target, or to the far end of another call of ours."""
        call, parameters = self._up(handle), pj.CallOpParam(True)
        if other is None:
            self._attempt(lambda c: c.xfer(f"<{target}>", parameters), call)
        else:
            second = self._up(other)
            self._attempt(lambda c: c.xferReplaces(second, parameters), call)

    def follow(self, handle: int, place: int, target: str) -> None:
        """Accept one REFER to a target."""

        def made() -> PjCall:
            new = self._made(place)
            new.followed = True
            self._calls[place] = new
            return new

        self._up(handle).follows = (target, made)

    def poll(self, seconds: float) -> list[Trigger]:
        """Let the library work for at most so long; return what changed."""
        self._endpoint.libHandleEvents(round(seconds * 1000))
        self.read_errors()
        self._connections.look()
        self._resolver.deliver()
        self._lines.listen()
        self._given_up = [call for call in self._given_up if not call.over]
        triggers = [self._completed(trigger) for trigger in self._triggers]
        self._triggers.clear()
        for handle in [h for h, call in self._calls.items() if call.over]:
            self._forget(self._calls.pop(handle))
        return triggers

    def read_errors(self) -> None:
        """Record the ICMP errors that have come.

        One that stays in the socket fails the next datagram that is sent, whoever's that is.
        """
        if self._icmp is not None:
            for place, event in enumerate(self._icmp.read()):
                self.quoted = self._icmp.quotes[place]
                self._record(event)

    def media(self) -> list[MediaReport]:
        """Return and forget the statistics of streams that ended; listen to them first.

        That may take a second: no answer of a peer should be due.
        """
        untold, self._untold = self._untold, []
        reports = [told() for told in untold]
        found, self._media = self._media, []
        return [*found, *(report for report in reports if report is not None)]

    def close(self) -> None:
        """Give everything back without waiting for the peer (17 to 25 ms)."""
        self._transactions.end_stopped()
        for call in self._calls.values():
            self._forget(call)
        self._lines.end()
        self._calls.clear()
        self._given_up.clear()
        self._states.forget()
        self._account = None
        if self._icmp is not None:
            self._icmp.close()
        if self._stamps is not None:
            self._wiretap.arrivals = None
            self._stamps.close()
        self._endpoint.libDestroy(pj.PJSUA_DESTROY_NO_RX_MSG)

    def _arrived(self, number: int) -> None:
        """Take up a call that reached us, under a handle of its own."""
        self._arrivals += 1
        handle = _ARRIVALS + self._arrivals
        made = self._made(handle, incoming=number)
        self._calls[handle] = made
        made.call_id = made.getInfo().callIdString
        if made.line is not None:
            self._lines.claim(made.call_id, made.line)
        self._triggers.append(
            Trigger(kind="incoming", handle=handle, status=0, reason="", call_id=made.call_id)
        )

    def press(self, handle: int, digits: str, way: str) -> float:
        """Press keys in a call that is up, in its audio."""
        return press(self._up(handle).line, digits, way)

    def record_into(self, folder: Path) -> None:
        """Let recordings that are asked for lie in a folder."""
        self._audio.folder = folder

    def _coder(self, codec: str, clock_rate: int) -> Coder | None:
        """Return a coder of the engine."""
        if self._codecs is None:
            self._codecs = Codecs(self._library, self._endpoint)
        return self._codecs.coder(codec, clock_rate)

    def _warn(self, words: str) -> None:
        self._record(AgentNote(at=self._clock(), kind="warning", detail=words))

    def _play(self, call: PjCall, play: str | None) -> None:
        """Let a call that we answer play something from now on."""
        if call.line is None or self._plan is None:
            return
        player = self._audio.player(play, self._plan.codecs)
        if isinstance(call.line.sink, Listener):
            call.line.sink.player = player
            player.keep(bool(call.line.sink.hear.record))
        call.line.play(player)

    def _wait_for_names(self) -> None:
        """Let look-ups of names that a peer brought up end; they do within LOOKUP_S."""
        limit = self._clock() + LOOKUP_S
        while self._resolver.busy and self._clock() < limit:
            self._endpoint.libHandleEvents(10)
            self._resolver.deliver()

    def _made(
        self, handle: int, action: Call | None = None, *, incoming: int | None = None
    ) -> PjCall:
        """Return a new call with its line; with DTLS-SRTP the stack carries the media itself.

        ``action`` is None for a call that no step of ours places.
        """
        account, plan = self._opened(), self._plan
        line: Line | None = None
        if plan is not None and plan.srtp != "dtls":
            play, hear = (action.play, action.hear) if action is not None else (None, None)
            codecs = action.codecs if action is not None else ()
            player = self._audio.player(play, codecs or plan.codecs)
            player.keep(hear is not None and bool(hear.record))
            line = self._lines.open(
                self._address,
                player=player,
                sink=self._audio.listener(hear, player),
                ptime=plan.ptime,
                brief=action is not None and _is_brief(action),
            )
        notify = self._guarded(self._triggers.append)
        made = PjCall(account, handle, line, notify, incoming=incoming)
        made.lines, made.states = self._lines, self._states
        return made

    def _forget(self, call: PjCall) -> None:
        """End a call's line; what it carried is told when somebody asks."""
        if call.complaint:
            words = f"audio is not measured: {call.complaint}"
            self._record(AgentNote(at=self._clock(), kind="warning", detail=words))
        self._media += call.media_reports
        told = self._lines.close(call.line) if call.line is not None else None
        if told is not None:
            self._untold.append(told)

    def _up(self, handle: int) -> PjCall:
        """Return a call that is up; raise AgentError where it is over."""
        call = self._calls.get(handle)
        if call is None or call.over:
            raise AgentError(Failure.NOT_ATTEMPTED, None, "the call is over")
        return call

    # Details -----------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Forget what the last action left."""
        self._connections.fault = None
        self._guard.begin()

    def _noted(self, event: Event) -> None:
        """Record a message, and let our modules of the stack see it."""
        self._guard.see(event)
        self._in_dialog.see(event)
        self._inbound.see(event)
        self._transactions.see(event)
        self._record(event)
        self._lines.see(event)

    def _words_of(self, status: int) -> str:
        """Return the library's own words for a status."""
        words: str = self._endpoint.utilStrError(status)
        return words

    def _opened(self) -> PjAccount:
        if self._account is None:
            raise AgentError(Failure.AGENT_REFUSED, None, "no account is open")
        return self._account

    def _completed(self, trigger: Trigger) -> Trigger:
        """Add what the stack leaves out: the request's handle, the transport's fault."""
        if trigger.kind == "answered":
            trigger = replace(trigger, handle=self._request)
        if (
            trigger.fault is None
            and self._connections.fault is not None
            and trigger.status in {408, 502, 503}
        ):
            return replace(trigger, fault=self._connections.fault)
        return trigger

    def _ended(self, ending: Ending) -> None:
        """Tell that a request outside a call ended."""
        fault = from_status(ending.status)
        status, reason = (408, "our stack's own timer") if ending.timed_out else (503, "")
        if ending.received:
            status = 0
        elif ending.status:
            reason = self._words_of(ending.status)
        self._triggers.append(
            Trigger(kind="answered", handle=-1, status=status, reason=reason, fault=fault)
        )

    def _carrying(self, act: Callable[[], T]) -> T:
        """Run a call of the transaction layer; turn its error into AgentError."""
        try:
            return act()
        except RequestError as error:
            self._triggers[:] = [t for t in self._triggers if t.kind != "answered"]
            words = f"{error}"
            if error.status:
                words += f": {self._words_of(error.status)} (pjsip {error.status})"
            failure = from_status(error.status) or self._connections.fault
            raise AgentError(failure or Failure.AGENT_REFUSED, None, words) from None

    def _attempt(self, act: Callable[[Any], object], subject: object) -> None:
        """Run one call of the library; turn its error into AgentError."""
        try:
            act(subject)
        except pj.Error as error:
            failure = (
                from_status(error.status) or from_words(error.reason) or self._connections.fault
            )
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

    def _parameters_of(self, action: Call, plan: Account) -> pj.CallOpParam:
        """Return the parameters of an INVITE; those of the last call where they are the same."""
        identity = action.caller_id or plan.caller_id
        key = (action.late_offer, identity, plan.headers, action.headers)
        if self._parameters is None or self._parameters[0] != key:
            made = audio_only()
            if action.late_offer:
                made.opt.flag |= pj.PJSUA_CALL_NO_SDP_OFFER
            if identity is not None:
                made.txOption.localUri = caller_uri(identity, plan.aor)
            for name, value in (*plan.headers, *action.headers):
                made.txOption.headers.append(header(name, value))
            self._parameters = (key, made)
        return self._parameters[1]

    def _choose_codecs(self, wanted: tuple[str, ...]) -> None:
        """Offer just the wanted encodings, in order; raise AgentError where none exists."""
        if wanted == self._offered:
            return
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
        self._offered = wanted


def _is_brief(action: Call) -> bool:
    """Whether a call ends with its answer, and no sound is wanted in it."""
    return action.hangup_after == 0 and not (action.play or action.hear or action.press)


def audio_only() -> pj.CallOpParam:
    """Return the parameters of a call with one audio stream and nothing else."""
    parameters = pj.CallOpParam(True)
    parameters.opt.audioCount, parameters.opt.videoCount = 1, 0
    if hasattr(parameters.opt, "textCount"):
        parameters.opt.textCount = 0
    return parameters
