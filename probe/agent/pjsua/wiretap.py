"""Every message, from the stack itself.

pjsua2 tells Python about few messages: callbacks miss retransmissions, ACK, repeated 200s and
everything after a hang-up. Its own message log (level 4, one row a message, decrypted TLS included)
misses none, and is written the moment a message is sent or read. What that log is made from is read
in the stack's buffers (buffers.py); until it is known where it lies there, and where that cannot be
found out, the rows of the log are read. What the stack says of bytes that it could not read, and of
its own assertions, stands in the log alone.

Three facts of the log matter. A row names the peer only, so our own address is added here. A row
says how many bytes the message had; where the text is shorter (a NUL byte, a row beyond the log's
limit), it was cut, and a note says so. A message is logged as sent *before* the system call, so a
failed send shows as sent and is followed by an error row.

The writer also runs on pjsip's clock and media threads. It appends to a list and does nothing else.
"""

import re
from collections.abc import Callable

import pjsua2 as pj

from probe.agent.arrivals import Arrivals
from probe.agent.pjsua.buffers import Buffers, Told
from probe.trace.trace import AgentNote, BytesDropped, Event, MessageReceived, MessageSent

_ROW = re.compile(
    r"^\S+\s+\S+[ !]*\.*(TX|RX) (\d+) bytes (?:Request|Response) msg .*?"
    r" (?:to|from) (\w+) (\S+):\r?\n",
    re.DOTALL,
)
_DROPPED = re.compile(r"Dropping (\d+) bytes packet from \w+ (\S+?):? (.*)", re.DOTALL)
_INCOMPLETE = re.compile(
    r"Error processing packet from (\S+): (.*?) \[code \d+\]:\r?\n(.*?)(?:\n-- end of packet|$)",
    re.DOTALL,
)
_ASSERT = re.compile(r"Assert failed: (.*)")
_END = "--end msg--"


class Wiretap(pj.LogWriter):  # type: ignore[misc]  # the bindings carry no types
    """Turns rows of the message log into events."""

    def __init__(
        self,
        clock: Callable[[], float],
        record: Callable[[Event], None],
        local_of: Callable[[str, str], str],
        heard: Callable[[str, int], None] = lambda _remote, _size: None,
    ) -> None:
        super().__init__()
        self._clock = clock
        self._record = record
        self._local_of = local_of
        self._heard = heard
        self.buffers: Buffers | None = None
        "Where messages are read without the log, once it is known how."
        self.arrivals: Arrivals | None = None
        "Knows when a datagram came; without it, when it was read."
        self.rows: list[tuple[int, str]] | None = None
        "Rows that are no messages, kept while this is a list (start-up, for Capabilities)."

    def write(self, entry: pj.LogEntry) -> None:
        """Take one row of the log; called by the library, must not raise."""
        at = self._clock()
        row: str = entry.msg
        found = _ROW.match(row)
        if found:
            self._message(at, found, row[found.end() :])
        elif self.rows is not None:
            self.rows.append((entry.level, row.rstrip()))
        elif entry.level <= 2:
            self._complaint(at, row)

    def message(self, at: float, way: str, transport: str, remote: str, raw: bytes) -> None:
        """Take a message as it lies in a buffer; called by the library, must not raise."""
        transport = transport.upper()
        if way == "RX":
            self._heard(remote, len(raw))
            if self.arrivals is not None and transport.startswith("UDP"):
                at = self.arrivals.last(at)
        kind = MessageSent if way == "TX" else MessageReceived
        self._record(
            kind(
                at=at,
                transport=transport,
                local=self._local_of(transport, remote),
                remote=remote,
                text=raw.decode("utf-8", "surrogateescape"),
            )
        )

    def _message(self, at: float, found: re.Match[str], rest: str) -> None:
        """Take a message from its row, and learn from it where messages lie in the buffers."""
        way, number, transport, remote = found.groups()
        if self.buffers is not None and self.buffers.knows(way):
            return
        size = int(number)
        text, mark, _ = rest.rpartition(_END)
        text = text.removesuffix("\n") if mark else rest
        # The log adds one line end after the text; a body's own last one belongs to the message.
        raw = text.encode("utf-8", "surrogateescape")
        self.message(at, way, transport, remote, raw[:size])
        if len(raw) < size:
            self._record(
                AgentNote(
                    at=at,
                    kind="warning",
                    detail=f"the message log cut a message of {size} bytes after {len(raw)}",
                )
            )
        elif self.buffers is not None:
            host, _, port = remote.rpartition(":")
            self.buffers.told(way, Told(transport, host.strip("[]"), int(port), raw[:size]))

    def _complaint(self, at: float, row: str) -> None:
        """Keep what the stack says of bytes that it could not read, and of its own assertions."""
        dropped = _DROPPED.search(row)
        if dropped:
            size, remote, detail = dropped.groups()
            self._heard(remote, int(size))
            words = detail.strip().splitlines()
            self._record(
                BytesDropped(at=at, remote=remote, size=int(size), detail=(words or [""])[-1][:200])
            )
            return
        incomplete = _INCOMPLETE.search(row)
        if incomplete:
            remote, detail, text = incomplete.groups()
            size = len(text.encode("utf-8", "surrogateescape"))
            self._heard(remote, size)
            words = " ".join(detail.split())[:200]
            self._record(BytesDropped(at=at, remote=remote, size=size, detail=words))
            return
        failed = _ASSERT.search(row)
        if failed:
            self._record(AgentNote(at=at, kind="warning", detail=f"assertion: {failed.group(1)}"))
