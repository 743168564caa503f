"""What codecs look like to those who play and listen: frames of samples and their bytes."""

from collections.abc import Callable
from typing import Protocol, TypeAlias


class Coder(Protocol):
    """Encodes and decodes one direction of one stream; it remembers what it heard before."""

    rate: int
    "Samples per second of the sound: 16000 for G722, whose timestamps count 8000."

    frame_s: float
    "Seconds in one frame."

    remembers: bool
    "Whether a frame depends on those before it."

    def encode(self, pcm: bytes) -> bytes:
        """Return the payload of one frame; ``pcm`` are its 16-bit samples."""
        ...

    def decode(self, payload: bytes) -> bytes:
        """Return the 16-bit samples of a packet; empty where the codec cannot read it."""
        ...

    def close(self) -> None:
        """Give it back."""
        ...


Coders: TypeAlias = Callable[[str, int], Coder | None]
"""Makes a coder for an encoding name and its timestamp units a second; None: there is none."""
