"""The audio of a far end by hand: an SDP answer, and RTP that goes as a test wants it."""

import itertools
import random
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

_RATE = 8000


@dataclass(slots=True)
class AudioPlan:
    """How the stream goes, and what the answer says of it."""

    direction: str = ""
    "The direction attribute of the answer, none where empty."

    address: str = ""
    "The address in the answer; the socket's where empty."

    codec: int = 0
    "Payload type of the answer: 0 PCMU, 8 PCMA."

    events: bool = True
    "Whether the answer has telephone-event where the offer had."

    extra: tuple[str, ...] = ()
    "More lines of the answer."

    send: bool = True
    "Whether audio is sent after the answer."

    send_early: bool = True
    "Whether audio is sent with an early answer."

    payload_type: int | None = None
    "Payload type in the packets, where it is not that of the answer."

    ptime_ms: int = 20
    "Length of a packet."

    loss: float = 0.0
    "Share of packets that are left out."

    duplicates: float = 0.0
    "Share of packets that are sent twice."

    swapped: float = 0.0
    "Share of packets that change places with the next one."

    jitter_s: float = 0.0
    "Each packet is late by up to this."

    new_ssrc_after: int | None = None
    "After so many packets the source changes its SSRC."

    dice: random.Random | None = None
    "What decides which packets."


class AudioSource:
    """One call's audio."""

    def __init__(self, plan: AudioPlan, place: socket.socket | None, offer: str) -> None:
        self.plan = plan
        self.place = place
        self.offer = offer
        self.received = 0
        self._dice = plan.dice or random.Random()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._sending = False

    def answer(self) -> str:
        """Return the SDP answer."""
        plan = self.plan
        host, port = self.place.getsockname()[:2] if self.place else ("127.0.0.1", 40000)
        event = re.search(r"(?m)^a=rtpmap:(\d+) telephone-event/8000", self.offer)
        numbers = [str(plan.codec), *([event[1]] if event and plan.events else [])]
        name = {0: "PCMU", 8: "PCMA"}[plan.codec]
        return "".join(
            f"{line}\r\n"
            for line in (
                "v=0",
                f"o=- {self._dice.randrange(10**8)} 1 IN IP4 {plan.address or host}",
                "s=-",
                f"c=IN IP4 {plan.address or host}",
                "t=0 0",
                f"m=audio {port} RTP/AVP {' '.join(numbers)}",
                f"a=rtpmap:{plan.codec} {name}/8000",
                *(
                    [f"a=rtpmap:{event[1]} telephone-event/8000", f"a=fmtp:{event[1]} 0-16"]
                    if event and plan.events
                    else []
                ),
                *([f"a={plan.direction}"] if plan.direction else []),
                *plan.extra,
            )
        )

    def early(self) -> None:
        """Begin to send before the answer, where the plan says so."""
        if self.plan.send_early:
            self.start()

    def start(self) -> None:
        """Begin to send and to listen."""
        if self.place is None or self._sending:
            return
        self._sending = True
        self.place.settimeout(0.1)
        works = [self._listen] + ([self._send] if self.plan.send else [])
        for work in works:
            thread = threading.Thread(target=work, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End it."""
        self._stop.set()
        for thread in self._threads:
            thread.join(2)
        if self.place is not None:
            self.place.close()

    def _listen(self) -> None:
        while not self._stop.is_set():
            with suppress(OSError):
                if self.place is not None and self.place.recv(2048):
                    self.received += 1

    def _send(self) -> None:
        address = re.search(r"(?m)^c=IN IP4 (\S+)", self.offer)
        port = re.search(r"(?m)^m=audio (\d+)", self.offer)
        if address is None or port is None or self.place is None:
            return
        target = (address[1], int(port[1]))
        began = time.monotonic()
        for number, packets in enumerate(self._packets(), start=1):
            if self._stop.is_set():
                return
            if self.plan.jitter_s:
                self._stop.wait(self._dice.random() * self.plan.jitter_s)
            for packet in packets:
                with suppress(OSError):
                    self.place.sendto(packet, target)
            self._stop.wait(max(0.0, began + number * self.plan.ptime_ms / 1000 - time.monotonic()))

    def _packets(self) -> Iterator[list[bytes]]:
        """Yield what leaves at each tick: mostly one packet."""
        plan, dice = self.plan, self._dice
        samples = plan.ptime_ms * _RATE // 1000
        kind = plan.codec if plan.payload_type is None else plan.payload_type
        ssrc, first, held = dice.getrandbits(32), dice.randrange(60000), None
        for number in itertools.count():
            if number == plan.new_ssrc_after:
                ssrc, first = dice.getrandbits(32), dice.randrange(60000) - number
            head = struct.pack(
                "!BBHII", 0x80, kind, first + number & 0xFFFF, number * samples & 0xFFFFFFFF, ssrc
            )
            packet = head + bytes(dice.choices((0x7F, 0xFF, 0x5A, 0xDA), k=samples))
            if dice.random() < plan.loss:
                yield []
            elif dice.random() < plan.duplicates:
                yield [packet, packet]
            elif held is not None:
                yield [packet, held]
                held = None
            elif dice.random() < plan.swapped:
                held = packet
                yield []
            else:
                yield [packet]
