"""Cutting a byte stream into SIP messages (RFC 3261 §18.3, RFC 5626 §3.5.1)."""

import re

from probe.simulator.messages import MAX_MESSAGE

_LENGTH = re.compile(
    rb"^(?:Content-Length|l)[ \t]*:[ \t]*(\d{1,9})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE
)
_PING = b"\r\n\r\n"
_END = b"\r\n\r\n"


class FramingError(Exception):
    """The stream cannot be cut any more: the connection has to be closed."""


class StreamFramer:
    """Takes bytes as they come and gives back whole messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.pings = 0
        "Keep-alives (two line ends between messages) since the last call of take_pings."

    def take_pings(self) -> int:
        """Return how many keep-alives came since the last call; each deserves one line end."""
        pings, self.pings = self.pings, 0
        return pings

    def feed(self, data: bytes) -> list[bytes]:
        """Add bytes and return the messages they complete; raise FramingError on hopeless input."""
        self._buffer += data
        messages: list[bytes] = []
        while (message := self._next()) is not None:
            messages.append(message)
        return messages

    def _next(self) -> bytes | None:
        while self._buffer.startswith(_PING):
            del self._buffer[: len(_PING)]
            self.pings += 1
        start = 2 if self._buffer.startswith(b"\r\n") and len(self._buffer) > 3 else 0
        end = self._buffer.find(_END, start)
        if end < 0:
            if len(self._buffer) > MAX_MESSAGE:
                raise FramingError("no end of headers")
            return None
        found = _LENGTH.search(self._buffer, start, end + 2)
        total = end + len(_END) + (int(found.group(1)) if found else 0)
        if total - start > MAX_MESSAGE:
            raise FramingError("message too large")
        if len(self._buffer) < total:
            return None
        message = bytes(self._buffer[start:total])
        del self._buffer[:total]
        return message
