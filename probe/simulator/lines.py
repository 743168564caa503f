"""Who is in what call: a line for each party, for records and dialog states (RFC 4235)."""

import itertools
from collections.abc import Callable

from msgspec import Struct, field

from probe.simulator.records import CallRecord, Records

_SERIAL = itertools.count(1)


class Line(Struct, kw_only=True, eq=False):
    """One party's part in a call through the PBX."""

    user: str
    "The extension; the number shown where the party is none of the house."

    call_id: str
    "The Call-ID of the leg."

    remote: str
    "The number of the other party."

    transport: str
    "UDP, TCP or TLS."

    outgoing: bool
    "Whether the PBX called the party (RFC 4235: the party is the recipient)."

    state: str = "trying"
    "trying, early, confirmed or terminated (RFC 4235 §3.7.1)."

    code: int | None = None
    "The final status code."

    ended_by: str = ""
    "As in CallRecord."

    serial: int = field(default_factory=lambda: next(_SERIAL))
    "Tells lines apart."

    def record(self) -> CallRecord:
        """Return what is kept of it."""
        states = {"trying": "early", "early": "early", "terminated": "ended"}
        dialled, caller = (self.user, self.remote) if self.outgoing else (self.remote, self.user)
        return CallRecord(
            call_id=self.call_id,
            dialled=dialled,
            caller=caller,
            transport=self.transport,
            state=states.get(self.state, self.state),
            code=self.code,
            ended_by=self.ended_by,
            rtp_packets=0,
            rtp_echoed=0,
            rtcp_packets=0,
            outgoing=self.outgoing,
        )


class Lines:
    """Every line that is in use."""

    def __init__(self, records: Records, changed: Callable[[Line], None]) -> None:
        """Call ``changed`` with each line whose state changes."""
        self._records = records
        self._changed = changed
        self._live: dict[int, Line] = {}
        self._recorded: set[int] = set()

    def open(self, line: Line, *, recorded: bool = True) -> Line:
        """Take a new line; ``recorded`` is False where the call keeps its own record."""
        self._live[line.serial] = line
        if recorded:
            self._recorded.add(line.serial)
            self._records.opened(id(line), line.record)
        self._changed(line)
        return line

    def become(self, line: Line, state: str) -> None:
        """Set the state of a line that is not over."""
        if line.serial in self._live and line.state != state:
            line.state = state
            self._changed(line)

    def end(self, line: Line, by: str, code: int | None = None) -> None:
        """End a line, once."""
        if line.serial not in self._live or line.state == "terminated":
            return
        line.state, line.ended_by = "terminated", by
        line.code = line.code if code is None else code
        if line.serial in self._recorded:
            self._recorded.discard(line.serial)
            self._records.closed(id(line))
        self._changed(line)  # before it is forgotten: its end is part of what is told
        del self._live[line.serial]

    def of(self, user: str) -> tuple[Line, ...]:
        """Return the lines of a user, the oldest first."""
        return tuple(line for line in self._live.values() if line.user == user)
