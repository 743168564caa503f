"""The ladder of a try with a column for each host: what the page draws.

The rungs are those of ``probe/report/ladder.py``. What other agents of ours saw of a call stands
in the same picture, on the clock of the attempt, each agent with a column of its own; so a call
through a PBX reads caller, PBX, called phone. Retransmissions get a row of their own where they
happened, and what a sequence wanted and nobody sent gets a ghost.
"""

from collections.abc import Iterator
from heapq import merge
from itertools import islice

from msgspec import Struct, field

from probe.report.html.media_arrows import media_arrows
from probe.report.ladder import Direction, Rung, ladder, message_label
from probe.report.terminal import SEQUENCES
from probe.report.text import plain, plain_lines
from probe.trace.trace import BytesDropped, IcmpReceived, Leg, MessageEvent, MessageSent, Trace
from probe.verdict.verdict import Mismatch, Verdict

MOST_COLUMNS = 8
"""Hosts with a column of their own; further ones share the last."""

MOST_ROWS = 5000
"""Rows of one try that the page holds."""

LONGEST_MESSAGE = 16_000
"""Characters of one message that the page holds."""

MOST_TEXT = 3_000_000
"""Characters of all messages of one try that the page holds."""

OTHERS = "others"


class Column(Struct, frozen=True, kw_only=True):
    """One host."""

    name: str
    "Its name in words."

    address: str
    "ip:port, empty where nothing was sent or received there."

    ours: bool
    "Whether it is an agent of ours."


class Row(Struct, kw_only=True):
    """One line of the picture."""

    kind: str
    "message, again (retransmissions), media, fact, or ghost (expected, and it never came)."

    at: float | None
    "Seconds since the attempt began; None for a ghost."

    label: str
    "What it is, on one line."

    source: int | None = None
    "Column from which it came; None for a fact."

    goal: int | None = None
    "Column to which it went; None for a fact."

    note: str = ""
    "What is worth knowing beside it."

    mark: str = ""
    "✓, ✗ or !, or nothing."

    copies: int = 1
    "How often it was seen."

    message: int | None = None
    "Place of its text in the messages of the picture."

    event: int | None = None
    "Index of the event in the trace of the attempt; None for what another agent saw."


class Picture(Struct, kw_only=True):
    """The whole ladder."""

    columns: list[Column]
    "From left to right."

    rows: list[Row]
    "In the order of time."

    messages: list[str]
    "The texts, each once, redacted, without control characters."

    left_out: int
    "Rows that were too many."


class _Hosts(Struct, kw_only=True):
    """Gives each host its column."""

    us: str
    "Name of the agent whose attempt it is."

    peer: str
    "Name of its peer, empty where only the address is known."

    legs: tuple[Leg, ...]
    "The other agents."

    peers: dict[str, int] = field(default_factory=dict)
    "Place of each peer, by address."

    def place(self, address: str) -> int:
        """Return the column of a peer, which stands right of our agent."""
        most = MOST_COLUMNS - 1 - min(len(self.legs), MOST_COLUMNS - 3)
        if address not in self.peers and len(self.peers) >= most:
            address = OTHERS if OTHERS in self.peers else next(reversed(self.peers))
            if address != OTHERS:
                self.peers[OTHERS] = self.peers.pop(address)
            return 1 + self.peers[OTHERS]
        return 1 + self.peers.setdefault(address, len(self.peers))

    def place_of(self, host: str) -> int:
        """Return the column of the peer with an IP address, the first peer's for any other."""
        found = (i for i, known in enumerate(self.peers) if known.rpartition(":")[0] == host)
        return 1 + next(found, 0)

    def columns(self, trace: Trace) -> list[Column]:
        """Return all of them: our agent, the peers, the other agents."""
        found = [Column(name=plain(self.us), address=_own_address(trace), ours=True)]
        for address, place in self.peers.items():
            name = self.peer if place == 0 and self.peer else address
            beside = "" if name == address else address
            found.append(Column(name=plain(name), address=plain(beside), ours=False))
        if not self.peers:
            found.append(Column(name=plain(self.peer or "peer"), address="", ours=False))
        found += [
            Column(name=plain(leg.agent), address=_own_address(leg.trace), ours=True)
            for leg in self.legs
        ]
        return found


def picture(trace: Trace, verdict: Verdict | None, *, us: str, peer: str) -> Picture:
    """Return the picture of a try; ``us`` and ``peer`` name the two sides of its own messages."""
    hosts = _Hosts(us=us, peer=peer, legs=trace.legs)
    base = min([trace.began, *(event.at for event in trace.events[:1])])
    seen = [list(_rows(trace, verdict, hosts, base, None))]
    for number, leg in enumerate(trace.legs):
        shift = (leg.trace.started_at - trace.started_at).total_seconds()
        seen.append(list(_rows(leg.trace, None, hosts, base - shift, number)))
        seen.append(list(_media_rows(leg.trace, hosts, base - shift, number)))
    seen.append(list(_media_rows(trace, hosts, base, None)))
    columns = hosts.columns(trace)
    first_leg = len(columns) - len(trace.legs)
    every = [list(_ordered(rows)) for rows in seen]
    together = [row for _, row in merge(*every, key=lambda pair: pair[0])]
    messages: list[str] = []
    rows: list[Row] = []
    room = MOST_TEXT
    for row, text in islice(together, MOST_ROWS):
        row.source, row.goal = _right(row.source, first_leg), _right(row.goal, first_leg)
        if text is not None and room > 0:
            row.message = len(messages)
            messages.append(shown_message(text))
            room -= len(messages[-1])
        rows.append(row)
    if verdict is not None:
        for mismatch in verdict.mismatches:
            _add_ghost(rows, mismatch, trace, first_leg)
    return Picture(
        columns=columns,
        rows=rows,
        messages=messages,
        left_out=max(0, len(together) - MOST_ROWS),
    )


def shown_message(text: str) -> str:
    """Return a message as the page shows it, line by line; a huge one is cut, which is said."""
    cut = text[:LONGEST_MESSAGE]
    shown = "\n".join(plain_lines(cut.rstrip("\r\n")))
    if len(text) > len(cut):
        shown += f"\n… cut here: {len(text) - len(cut)} more characters stand in trace.json"
    return shown


def _right(place: int | None, first_leg: int) -> int | None:
    """Return the column of a place; those of the other agents are negative until now."""
    return place if place is None or place >= 0 else first_leg - 1 - place


_Told = tuple[Row, str | None]


def _ordered(rows: list[_Told]) -> Iterator[tuple[float, _Told]]:
    """Yield rows with the time that places them: order of recording wins over the clock."""
    latest = 0.0
    for row, text in rows:
        latest = max(latest, row.at or 0.0)
        yield latest, (row, text)


def _rows(
    trace: Trace, verdict: Verdict | None, hosts: _Hosts, base: float, leg: int | None
) -> Iterator[_Told]:
    """Yield the rows of one view, each with the text of its message."""
    own = 0 if leg is None else -1 - leg
    rungs = {rung.event: rung for rung in ladder(trace, verdict)}
    if leg is not None and not any(r.direction is not Direction.NONE for r in rungs.values()):
        return  # nobody called there: the ghost says it
    first: dict[tuple[bool, str], int] = {}
    again: tuple[int, Row] | None = None
    for index, event in enumerate(trace.events):
        rung = rungs.get(index)
        if isinstance(event, MessageEvent):
            of = first.setdefault((isinstance(event, MessageSent), event.text), index)
            if rung is None and event.retransmission and of in rungs:
                if again is not None and again[0] == of:
                    again[1].copies += 1
                    again[1].note = f"until {event.at - base:.3f} s"
                    continue
                row = _row(rungs[of], event, hosts, own, event.at - base)
                row.kind, row.copies, row.note, row.mark = "again", 1, "", ""
                row.label, row.event = message_label(event), index if leg is None else None
                again = (of, row)
                yield row, None
                continue
        if rung is not None:
            again = None
            row = _row(rung, event, hosts, own, event.at - base)
            row.event = index if leg is None else None
            yield row, event.text if isinstance(event, MessageEvent) else None


def _media_rows(trace: Trace, hosts: _Hosts, base: float, leg: int | None) -> Iterator[_Told]:
    """Yield the streams of one view: an arrow each way, where its first packet was."""
    own = 0 if leg is None else -1 - leg
    for one in media_arrows(trace):
        peer = hosts.place_of(one.host)
        row = Row(
            kind="ghost" if one.missing else "media",
            at=max(0.0, round(one.at - base, 6)),
            label=one.label,
            note=one.note,
        )
        row.source, row.goal = (peer, own) if one.inbound else (own, peer)
        yield row, None


def _row(rung: Rung, event: object, hosts: _Hosts, own: int, at: float) -> Row:
    """Return the row of a rung."""
    row = Row(
        kind="message" if isinstance(event, MessageEvent) else "fact",
        at=max(0.0, round(at, 6)),
        label=rung.label,
        note=rung.note,
        mark=rung.mark,
        copies=rung.copies,
    )
    if isinstance(event, MessageEvent | IcmpReceived | BytesDropped):
        peer = hosts.place(event.remote)
        sent = rung.direction is Direction.SENT
        row.source, row.goal = (own, peer) if sent else (peer, own)
    return row


def _add_ghost(rows: list[Row], mismatch: Mismatch, trace: Trace, first_leg: int) -> None:
    """Put a row where the story left what the file or the default wanted."""
    ghost = None
    if mismatch.path in SEQUENCES:
        goal, source = (1, 0) if trace.serving else (0, 1)
        ghost = Row(kind="ghost", at=None, label=plain(mismatch.expected, 80))
        ghost.source, ghost.goal = source, goal
    elif mismatch.path == "expect.at":
        for number, leg in enumerate(trace.legs):
            if mismatch.expected == f"an INVITE at {leg.agent}":
                ghost = Row(kind="ghost", at=None, label="INVITE")
                ghost.source, ghost.goal = 1, first_leg + number
    if ghost is None:
        return
    ghost.note = "expected, never came"
    last = mismatch.evidence[-1] if mismatch.evidence else None
    place = next((i for i, row in enumerate(rows) if row.event == last is not None), len(rows) - 1)
    rows.insert(place + 1, ghost)


def _own_address(trace: Trace) -> str:
    """Return our address as the first message says it."""
    said = (event.local for event in trace.events if isinstance(event, MessageEvent))
    return plain(next((local for local in said if local), ""))
