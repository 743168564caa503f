"""The sound of one call: its session descriptions, and the port that carries what they agree on."""

import secrets
from collections.abc import Callable

from probe.simulator.behaviour import Sdp
from probe.simulator.rtp import RtpPort, Stream
from probe.simulator.sdp import EVENTS, SERVED, Chosen, Refusal, Session, choose, said_direction
from probe.simulator.site import Site
from probe.simulator.sound import Sound
from probe.sip.sdp import SessionDescription

_SENDS = frozenset({"sendrecv", "sendonly"})


class CallMedia:
    """Opens the RTP port with the first description and follows each later one."""

    def __init__(self, site: Site, sound: Sound, on_silence: Callable[[], None]) -> None:
        """``on_silence`` is called where the trunk gives up on a caller that sends nothing."""
        self._site = site
        self._sound = sound
        self._on_silence = on_silence
        self._rtp: RtpPort | None = None
        self._session: Session | None = None
        self._keys: Callable[[str], None] | None = None

    def describe(
        self, offer: SessionDescription | None, chosen: Chosen | None, kind: Sdp
    ) -> str | None:
        """Write an answer, or an offer where there is none; None where no RTP port is free."""
        if self._session is None:
            try:
                self._rtp = RtpPort(self._site.host, self._site.scheduler, self._sound)
            except OSError:
                return None
            self._rtp.on_silence = self._on_silence
            number = secrets.randbits(31)
            self._session = Session(host=self._site.host, port=self._rtp.port, number=number)
        if offer is None or chosen is None:
            return self._session.offer(kind)
        self._agree(chosen, kind)
        return self._session.answer(offer, chosen, kind)

    def answered_by(self, answer: SessionDescription) -> None:
        """Take the answer to an offer of ours: it comes with the ACK (RFC 3261 §13.2.2.4)."""
        chosen = choose(answer)
        if not isinstance(chosen, Refusal):
            self._agree(chosen, Sdp.ANSWER)

    def ring(self) -> None:
        """Begin with what is heard before the answer."""
        if self._rtp is not None:
            self._rtp.ring()

    def answered(self) -> None:
        """Begin with what is heard after it."""
        if self._rtp is not None:
            self._rtp.answered()

    def hear_events(self, heard: Callable[[str], None]) -> None:
        """Call ``heard`` with each digit that comes as a telephone-event (RFC 4733)."""
        if self._rtp is not None:
            self._rtp.hear_events(heard)

    def close(self) -> None:
        """Close the port."""
        if self._rtp is not None:
            self._rtp.close()

    @property
    def counts(self) -> tuple[int, int, int]:
        """RTP packets heard, RTP packets sent, RTCP packets heard."""
        rtp = self._rtp
        return (rtp.packets, rtp.sent, rtp.rtcp_packets) if rtp is not None else (0, 0, 0)

    def _agree(self, chosen: Chosen, kind: Sdp) -> None:
        if self._rtp is None or kind in {Sdp.PORT_ZERO, Sdp.UNOFFERED}:
            return
        codec = next(entry for entry in chosen.formats if entry[1].upper() in SERVED)
        events = [int(payload) for payload, name in chosen.formats if name.lower() == EVENTS]
        self._rtp.agree(
            Stream(
                payload=int(codec[0]),
                codec=codec[1].upper(),
                events=events[0] if events and kind is not Sdp.NO_EVENTS else None,
                to=chosen.peer,
                control=chosen.control,
                sends=said_direction(kind, chosen.direction) in _SENDS,
            )
        )
