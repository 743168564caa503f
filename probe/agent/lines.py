"""The media of an agent's calls: a session beside each call that the stack signals.

The stack writes the descriptions and negotiates; the packets are ours (docs/decisions/0027).
A ``Line`` puts the port of its session into the description before it leaves, and follows what the
messages of the wire then agree on. ``Lines`` shows each message to the line of its Call-ID.
"""

import contextlib
import re
from collections import deque
from collections.abc import Callable
from functools import partial

from probe.playing.player import Player
from probe.rtp.metronome import Metronome
from probe.rtp.negotiation import Negotiation
from probe.rtp.session import Session
from probe.rtp.sound import Sink
from probe.sip.message import SipMessage
from probe.trace.media import Agreed, MediaReport
from probe.trace.trace import Event, MessageEvent, MessageSent

_UNCLAIMED = 64
"""Messages kept whose call is not known yet: an INVITE is logged before its call exists."""

_AUDIO = re.compile(r"^m=audio (?!0 )\d+", re.MULTILINE)
_CRYPTO = re.compile(r"^a=crypto:", re.MULTILINE)
_RTCP = re.compile(r"^a=rtcp:\d+", re.MULTILINE)
_SSRC = re.compile(r"^a=ssrc:(\d+) cname:(\S+)", re.MULTILINE)
_PTIME = re.compile(r"^a=ptime:.*\r?\n", re.MULTILINE)

_TELLING = frozenset({"BYE", "INFO"})
"""Requests that tell a call's media something, also without a body."""

Told = Callable[[], MediaReport | None]
"""Tells what a call carried, once it is over."""


class Line:
    """The media of one call."""

    def __init__(  # noqa: PLR0913 - what a call's media is made of
        self,
        host: str,
        *,
        clock: Callable[[], float],
        metronome: Metronome,
        player: Player | None = None,
        sink: Sink | None = None,
        ptime: int | None = None,
        brief: bool = False,
    ) -> None:
        """``ptime`` is the packet time to ask for in ms, None for the codec's own.

        ``brief``: the call ends with its answer. Nothing is sent in it, what comes is counted.
        """
        self._host, self._clock, self._metronome = host, clock, metronome
        self.player = player
        "What is sent."
        self._sink = sink
        self._ptime, self._brief = ptime, brief
        self._session: Session | None = None
        self._running = False
        self._negotiation = Negotiation(None if ptime is None else ptime / 1000)
        self.call_id = ""

    def describe(self, sdp: str) -> str:
        """Return our session description with the port and packet time of this call.

        Raise OSError where no pair of ports is free.
        """
        if not _AUDIO.search(sdp):
            return sdp
        if self._session is None:
            if not self._brief:
                with contextlib.suppress(OSError):  # tried once more, and told, where it is used
                    self._metronome.start(secure=_CRYPTO.search(sdp) is not None)
            source = None if self.player is None else self.player.reel
            self._session = Session(self._host, clock=self._clock, source=source, sink=self._sink)
        session = self._session
        if named := _SSRC.search(sdp):
            session.ssrc, session.cname = int(named[1]) & 0xFFFFFFFF, named[2]
        sdp = _AUDIO.sub(f"m=audio {session.port}", sdp, count=1)
        sdp = _RTCP.sub(f"a=rtcp:{session.port + 1}", sdp, count=1)
        if self._ptime is None:
            return sdp
        end = "\r\n" if "\r\n" in sdp else "\n"
        return f"{_PTIME.sub('', sdp).rstrip()}{end}a=ptime:{self._ptime}{end}"

    @property
    def agreed(self) -> Agreed | None:
        """What was agreed last; None where nothing was."""
        session = self._session
        return None if session is None or session.terms is None else session.terms.agreed

    @property
    def sink(self) -> Sink | None:
        """Where what comes goes."""
        return self._sink

    def play(self, player: Player) -> None:
        """Send this from the answer on."""
        self.player = player
        if self._session is not None:
            self._session.source = player.reel

    def tell(self, words: object) -> None:
        """Tell what is sent something."""
        if self._session is not None:
            self._session.tell(words)

    def see(self, message: SipMessage, *, ours: bool, at: float) -> None:
        """Follow one message of the call."""
        if not ours and message.method == "INFO" and self._sink is not None:
            self._sink.info(message, at)
        session = self._session
        if session is None:  # a call that reaches us: its offer comes before we describe anything
            self._negotiation.see(message, ours=ours, at=at)
            return
        terms = self._negotiation.see(message, ours=ours, at=at)
        if terms is not None:
            session.apply(terms)
        status = message.status or 0
        answered = 200 <= status < 300 and message.cseq[1] == "INVITE"
        if answered:
            session.answered = True
        at_the_end = self._brief and (answered or message.method == "ACK")
        if terms is not None and not (self._running or at_the_end):
            self._running = True
            self._metronome.add(session)
        if message.method == "BYE":
            session.end(at)

    def close(self) -> Told | None:
        """End the session; return what tells what it carried, None where it cannot be told.

        Telling may take a second, because the sound is listened to: it waits until no answer of
        the peer is due. It gives None where nothing was agreed.
        """
        session, self._session = self._session, None
        if session is None:
            return None
        session.close()
        return partial(self._told, session)

    def _told(self, session: Session) -> MediaReport | None:
        self._metronome.listen()  # the last telling may have taken a while
        self._metronome.remove(session)
        if self.player is not None:
            self.player.began_at = session.moment(session.sent.began_at)
            self.player.sent = session.kept
        return session.report(self.call_id)


class Lines:
    """Every line of an agent, by Call-ID."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.metronome = Metronome(clock)
        self._clock = clock
        self._lines: dict[str, Line] = {}
        self._unclaimed: deque[tuple[str, SipMessage, bool, float]] = deque(maxlen=_UNCLAIMED)

    def open(
        self,
        host: str,
        *,
        player: Player | None,
        sink: Sink | None,
        ptime: int | None,
        brief: bool = False,
    ) -> Line:
        """Return the media of a new call."""
        return Line(
            host,
            clock=self._clock,
            metronome=self.metronome,
            player=player,
            sink=sink,
            ptime=ptime,
            brief=brief,
        )

    def claim(self, call_id: str, line: Line) -> None:
        """Say whose messages those of a Call-ID are; what came before is made up for."""
        if line.call_id or not call_id:
            return
        line.call_id = call_id
        self._lines[call_id] = line
        earlier, self._unclaimed = self._unclaimed, deque(maxlen=_UNCLAIMED)
        for known, message, ours, at in earlier:
            if known == call_id:
                line.see(message, ours=ours, at=at)
            else:
                self._unclaimed.append((known, message, ours, at))

    def see(self, event: Event) -> None:
        """Show a message to the line of its call."""
        if not isinstance(event, MessageEvent):
            return
        seen = event.readable
        if seen is None:
            return
        line, ours = self._lines.get(seen.call_id), isinstance(event, MessageSent)
        if line is None:
            if seen.has_sdp:
                self._unclaimed.append((seen.call_id, seen, ours, event.at))
        elif seen.body or seen.method in _TELLING or _is_final(seen):
            line.see(seen, ours=ours, at=event.at)

    def close(self, line: Line) -> Told | None:
        """End a line and return what tells what it carried."""
        self._lines.pop(line.call_id, None)
        return line.close()

    def listen(self) -> None:
        """Read what has come; called in every turn of the loop."""
        self.metronome.listen()

    def end(self) -> None:
        """Give the clock's process back; every line must be closed."""
        self.metronome.close()


def _is_final(message: SipMessage) -> bool:
    """Whether a message refuses something, or is a 2xx to INVITE."""
    status = message.status or 0
    return status >= 300 or (status >= 200 and message.cseq[1] == "INVITE")
