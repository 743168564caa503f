"""One call of the endpoint: its callbacks, and the line that carries its media.

A disconnected pjsua2 call keeps its slot number, and the slot is given to the next call. An object
that outlives its call would then speak for, and on destruction hang up, somebody else's. So the
endpoint drops its ``PjCall`` as soon as the call is over and its statistics are read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

import pjsua2 as pj

from probe.agent.lines import Line, Lines
from probe.agent.pjsua.faults import from_status, from_words
from probe.agent.pjsua.states import States
from probe.agent.port import Trigger
from probe.trace.failure import Failure
from probe.trace.media import MediaReport

NOBODY = -2
"""Handle of a call that nobody asks about any more."""


_KINDS = {
    pj.PJSIP_INV_STATE_EARLY: "early",
    pj.PJSIP_INV_STATE_CONFIRMED: "confirmed",
    pj.PJSIP_INV_STATE_DISCONNECTED: "disconnected",
}


class PjCall(pj.Call):  # type: ignore[misc]  # the bindings carry no types
    """Turns call callbacks into triggers, and names the port of its line where the stack's stood.

    Without a line the media is the stack's own (DTLS-SRTP): then its sums are the statistics.
    """

    def __init__(
        self,
        account: pj.Account,
        handle: int,
        line: Line | None,
        notify: Callable[[Trigger], None],
        *,
        incoming: int | None = None,
    ) -> None:
        """``incoming`` is pjsua's id of a call that reached us; None for one that we place."""
        if incoming is None:
            super().__init__(account)
        else:
            super().__init__(account, incoming)
        self.incoming = incoming is not None
        self.confirmed = False
        self.follows: tuple[str, Callable[[], PjCall]] | None = None
        "The user part that a REFER may name, and what makes the call that it asks for."
        self.followed = False
        "Whether a transfer made us place this call and nobody was told of it yet."
        self._handle = handle
        self._notify = notify
        self.line = line
        self.lines: Lines | None = None
        self.states: States | None = None
        self.media_reports: list[MediaReport] = []
        self.complaint = ""
        "Why the line has no port, once."
        self.over = False
        self.call_id = ""

    def mute(self) -> None:
        """Speak for no handle any more: another call has taken this one's place."""
        self._handle = NOBODY

    def onCallState(self, prm: pj.OnCallStateParam) -> None:  # noqa: N802 - pjsua2's name
        """Tell that the call changed."""
        info = self.getInfo()
        if not self.call_id:
            self.call_id = info.callIdString
            if self.lines is not None and self.line is not None:
                self.lines.claim(self.call_id, self.line)
        if self.states is not None and not self.states.known:
            self.states.learn(info)
        if self.followed:
            self.followed = False
            self._tell("followed", info.lastStatusCode, info.lastReason)
        self.over = info.state == pj.PJSIP_INV_STATE_DISCONNECTED
        fault = self._fault(prm, info) if self.over else None
        self.changed(info.state, info.lastStatusCode, info.lastReason, fault)

    def changed(self, state: int, status: int, reason: str, fault: Failure | None = None) -> None:
        """Tell of a new state (pjsip_inv_state)."""
        kind = _KINDS.get(state)
        if kind is not None:
            self.confirmed = kind == "confirmed"
            self._tell(kind, status, reason, fault)

    def onCallSdpCreated(self, prm: pj.OnCallSdpCreatedParam) -> None:  # noqa: N802
        """Name our own port in a description that is about to leave."""
        if self.line is None:
            return
        try:
            prm.sdp.wholeSdp = self.line.describe(prm.sdp.wholeSdp)
        except OSError as error:
            self.complaint = str(error)

    def onStreamDestroyed(self, prm: pj.OnStreamDestroyedParam) -> None:  # noqa: N802
        """Read the final statistics of the stack's own media: after this the stream is gone."""
        if self.line is not None:
            return
        statistics = self.getStreamStat(prm.streamIdx)
        stream = self.getStreamInfo(prm.streamIdx)
        received, sent = statistics.rtcp.rxStat, statistics.rtcp.txStat
        rtt = statistics.rtcp.rttUsec
        self.media_reports.append(
            MediaReport(
                call_id=self.call_id,
                codec=stream.codecName or None,
                rx_packets=received.pkt,
                rx_lost=received.loss,
                rx_reordered=received.reorder,
                rx_duplicates=received.dup,
                rx_jitter_s=received.jitterUsec.mean / 1e6,
                tx_packets=sent.pkt,
                tx_lost=sent.loss if rtt.n else None,
                rtt_s=rtt.mean / 1e6 if rtt.n else None,
                unmeasured="DTLS-SRTP",
            )
        )

    def onCallRedirected(self, prm: pj.OnCallRedirectedParam) -> int:  # noqa: ARG002, N802
        """Do not follow: the 3xx is the answer (toll fraud; RFC 3261 §8.1.3.4 leaves it to us)."""
        return int(pj.PJSIP_REDIRECT_REJECT)

    def onCallTransferRequest(self, prm: pj.OnCallTransferRequestParam) -> None:  # noqa: N802
        """Refuse a REFER that no step expects: the stack would dial what it names (RFC 3515)."""
        follows, self.follows = self.follows, None
        if follows is None or user_of(prm.dstUri) != user_of(follows[0]):
            prm.statusCode = pj.PJSIP_SC_DECLINE
            return
        prm.statusCode = pj.PJSIP_SC_ACCEPTED
        prm.newCall = follows[1]()

    def onCallReplaceRequest(self, prm: pj.OnCallReplaceRequestParam) -> None:  # noqa: N802
        """Refuse an INVITE that wants to take this call over (RFC 3891)."""
        prm.statusCode = pj.PJSIP_SC_DECLINE

    def _tell(self, kind: str, status: int, reason: str, fault: Failure | None = None) -> None:
        """Give a trigger back."""
        self._notify(
            Trigger(
                kind=kind,
                handle=self._handle,
                status=status,
                reason=reason,
                fault=fault,
                call_id=self.call_id,
            )
        )

    @staticmethod
    def _fault(prm: pj.OnCallStateParam, info: pj.CallInfo) -> Failure | None:
        """Name the stack's error behind a disconnection, where there is one."""
        event = prm.e
        if event.type == pj.PJSIP_EVENT_TSX_STATE:
            state = event.body.tsxState
            if state.type == pj.PJSIP_EVENT_RX_MSG:
                return None
            if state.type == pj.PJSIP_EVENT_TRANSPORT_ERROR:
                return from_status(state.src.status) or from_words(info.lastReason)
        return from_words(info.lastReason) if info.lastStatusCode in {502, 503} else None


def user_of(target: str) -> str:
    """Return the user part of a URI as far as it decides who is called."""
    bare = target.partition("<")[2].partition(">")[0] if "<" in target else target
    return unquote(re.sub(r"^\w+:", "", bare).partition("@")[0].partition(";")[0])
