"""What the calls of an agent play and hear: a player and a listener beside each line."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from probe.agent.lines import Line
from probe.agent.listener import Listener
from probe.agent.port import AgentError
from probe.plan.action import Hear
from probe.playing.coder import Coders
from probe.playing.player import Player, Tracks
from probe.trace.failure import Failure

_CLOCK_RATES = {"SPEEX": (16000, 8000, 32000), "OPUS": (48000,), "L16": (44100,)}
"""Timestamp units a second of encodings that have others than 8000 (RFC 5574, 7587, 3551)."""


class Audio:
    """Makes them, and finds them again."""

    def __init__(self, coders: Coders, note: Callable[[str], None]) -> None:
        """``note`` takes what the user should know."""
        # Threads of NumPy's algebra wait for each other in loops: for pieces as short as ours they
        # take twice the processor time, from calls that are up. It is read when NumPy is loaded.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        self.folder: Path | None = None
        "Where recordings may lie: the run's folder."
        self._coders = coders
        self._tracks = Tracks(coders)
        self._note = note

    def player(self, play: str | None, codecs: Iterable[str]) -> Player:
        """Return what plays something, ready in every codec that may be agreed on."""
        made = Player(play, self._tracks)
        for codec in codecs:
            for rate in _CLOCK_RATES.get(codec.upper(), (8000,)):
                try:
                    made.prepare(codec, rate)
                except (ImportError, ValueError) as error:
                    self._note(f"{play} cannot be played: {error}")
                    return self.player(None, codecs)
        return made

    def listener(self, hear: Hear | None, player: Player | None) -> Listener:
        """Return what listens."""
        return Listener(
            hear or Hear(), self._coders, player, note=self._note, folder=lambda: self.folder
        )


def press(line: Line | None, digits: str, way: str) -> float:
    """Press keys in a call; return how long it takes, s. Raise AgentError where that cannot be."""
    agreed = None if line is None else line.agreed
    if line is None or agreed is None or line.player is None:
        raise AgentError(Failure.AGENT_REFUSED, None, "no audio was agreed: no key can be sent")
    if way == "rfc4733" and agreed.events is None:
        words = "telephone-event (RFC 4733) was not agreed: the keys were not sent"
        raise AgentError(Failure.AGENT_REFUSED, None, words)
    pressed = line.player.press(digits, way)
    line.tell(pressed)
    return pressed.seconds
