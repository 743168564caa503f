"""What the process that keeps the time is told, and what it tells: over a pair of sockets.

Each message is a length and a pickle; both ends are one program, forked, so nothing foreign is ever
unpickled. A socket may travel with a message, and arrives in order.
"""

import array
import io
import pickle
import socket
import struct
from collections import deque
from typing import Any, NamedTuple

from probe.rtp.negotiation import Keys
from probe.rtp.sound import Source
from probe.rtp.track import Shipped, Track
from probe.trace.media import Agreed

_LENGTH = struct.Struct("!I")
_MOST_SOCKETS = 64
_READ = 65536
_DESCRIPTOR = array.array("i").itemsize


class Task(NamedTuple):
    """What an agreement means for what is sent."""

    agreed: Agreed
    address: tuple[str, int] | None
    "Where packets go."
    comfort_noise: int | None
    "Payload type of comfort noise that may be sent."
    keys: Keys | None
    sends: bool
    "Whether anything may be sent now."


class Begin(NamedTuple):
    """Send for a call; its socket comes with this."""

    call: int
    place: int
    "Of its figures in the shared memory."
    ssrc: int
    answered: bool
    "Whether the source may be heard; silence before."
    source: Source
    task: Task


class Follow(NamedTuple):
    """Follow another agreement."""

    call: int
    task: Task


class Answered(NamedTuple):
    """Let the source be heard from now on."""

    call: int


class Play(NamedTuple):
    """Take another source."""

    call: int
    source: Source


class Tell(NamedTuple):
    """Tell the source something."""

    call: int
    words: Any


class End(NamedTuple):
    """Send no more, and say what was kept."""

    call: int


Order = Begin | Follow | Answered | Play | Tell | End


class Kept(NamedTuple):
    """Some of what a source kept of what it gave."""

    call: int
    some: list[Any]


class Ended(NamedTuple):
    """A call for which nothing is sent any more; its figures are complete."""

    call: int
    fault: str
    "An error of our own that ended it, or empty."


class _Writer(pickle.Pickler):
    """A pickler that sends each track once."""

    shipped: Shipped

    def reducer_override(self, one: object) -> Any:  # noqa: ANN401 - as pickle has it
        return self.shipped.reduced(one) if isinstance(one, Track) else NotImplemented


class Wire:
    """One end."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._shipped = Shipped()
        self._buffer = bytearray()
        self._sockets: deque[int] = deque()
        self._leaving = bytearray()

    def send(self, message: object, carried: socket.socket | None = None) -> None:
        """Hand a message over, and a socket with it; raise OSError where nobody takes it."""
        data = self._written(message)
        sent = 0
        if carried is not None:
            rights = array.array("i", (carried.fileno(),))
            sent = self.socket.sendmsg(
                (data,), ((socket.SOL_SOCKET, socket.SCM_RIGHTS, rights.tobytes()),)
            )
        if sent < len(data):
            self.socket.sendall(data[sent:])

    def queue(self, message: object) -> None:
        """Hand a message over without ever waiting: what finds no room leaves with ``flush``."""
        self._leaving += self._written(message)
        self.flush()

    @property
    def waiting(self) -> bool:
        """Whether something has found no room yet."""
        return bool(self._leaving)

    def flush(self) -> None:
        """Send what finds room."""
        try:
            while self._leaving:
                sent = self.socket.send(self._leaving[:_READ], socket.MSG_DONTWAIT)
                del self._leaving[:sent]
        except BlockingIOError:
            return

    def _written(self, message: object) -> memoryview:
        held = io.BytesIO()
        held.write(bytes(_LENGTH.size))
        writer = _Writer(held, protocol=5)
        writer.shipped = self._shipped
        writer.dump(message)
        data = held.getbuffer()
        _LENGTH.pack_into(data, 0, len(data) - _LENGTH.size)
        return data

    def take(self) -> list[Any]:
        """Return the messages that have come whole; raise EOFError where the other end is gone."""
        data, ancillary, _, _ = self.socket.recvmsg(
            _READ, socket.CMSG_SPACE(_MOST_SOCKETS * _DESCRIPTOR)
        )
        for level, kind, held in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                rights = array.array("i")
                rights.frombytes(held[: len(held) - len(held) % _DESCRIPTOR])
                self._sockets.extend(rights)
        if not data:
            raise EOFError
        self._buffer += data
        found: list[Any] = []
        begin = 0
        while len(self._buffer) - begin >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer, begin)
            end = begin + _LENGTH.size + length
            if end > len(self._buffer):
                break
            with memoryview(self._buffer) as view:
                found.append(pickle.loads(view[begin + _LENGTH.size : end]))  # noqa: S301 - our own
            begin = end
        del self._buffer[:begin]
        return found

    def carried(self) -> socket.socket:
        """Return the next socket that came with a message."""
        return socket.socket(fileno=self._sockets.popleft())
