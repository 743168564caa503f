"""Several scripts on one agent: what comes goes to the seat that it concerns, and to no other."""

from collections.abc import Callable
from typing import Any

import pytest
from fakeagent import ACCOUNT, CAPABILITIES, FakeAgent

from probe.agent.port import Trigger
from probe.agent.seats import Seats
from probe.agent.shared import PLACES
from probe.plan.action import Call
from probe.trace.failure import Failure
from probe.trace.trace import (
    UNEXPECTED,
    AgentNote,
    BytesDropped,
    Event,
    IcmpReceived,
    MessageReceived,
    MessageSent,
    TransactionFailed,
)

REMOTE = "198.51.100.1:5060"


class Shared(FakeAgent):
    """An agent that is asked for several calls: each target has its own story and Call-ID."""

    def __init__(self, record: Callable[[Event], None]) -> None:
        super().__init__(record=record)
        self._tells = record
        self._plans: list[tuple[float, Callable[[], Trigger | None]]] = []
        self.handles: dict[str, int] = {}
        self.quoted = ""
        self.free = 4

    def room(self) -> int:
        """Return how many more calls there is room for."""
        return self.free

    def call(self, handle: int, action: Call) -> None:
        """Send an INVITE; its story begins."""
        user = action.target.removeprefix("sip:").partition("@")[0]
        self.handles[user] = handle
        self.asked.append(f"INVITE {user}")
        self.sends("INVITE", user)

    def hangup(self, handle: int) -> None:
        """Send BYE, which is answered at once."""
        user = next(user for user, known in self.handles.items() if known == handle)
        self.asked.append(f"BYE {user}")
        self.sends("BYE", user, 2)
        self.after(0.01, lambda: self.gets("200 OK", user, 2, "BYE"))
        self.after(0.01, lambda: Trigger(kind="disconnected", handle=handle, status=200, reason=""))

    def answer(self, handle: int, status: int, manner: object) -> None:
        """Take note."""
        self.asked.append(f"answer {status}")

    def after(self, seconds: float, what: Callable[[], Trigger | None]) -> None:
        """Let something happen later."""
        self._plans.append((self.now + seconds, what))

    def answered(self, user: str, at: float) -> None:
        """Let a call be answered and confirmed at a time."""

        def confirmed() -> Trigger:
            self.gets("200 OK", user, 1, "INVITE")
            self.sends("ACK", user)
            return Trigger(
                kind="confirmed", handle=self.handles[user], status=200, reason="", call_id=user
            )

        self._plans.append((at, confirmed))

    def sends(self, method: str, user: str, cseq: int = 1) -> None:
        """Send a request of a call."""
        tag = "" if method == "INVITE" else ";tag=t"
        start = f"{method} sip:{user}@{REMOTE} SIP/2.0"
        self._tells(MessageSent(at=self.now, **WAY, text=written(start, user, tag, cseq, method)))

    def gets(self, status: str, user: str, cseq: int, method: str) -> None:
        """Receive a response of a call."""
        text = written(f"SIP/2.0 {status}", user, ";tag=t", cseq, method)
        self._tells(MessageReceived(at=self.now, **WAY, text=text))

    def poll(self, seconds: float) -> list[Trigger]:
        """Let the clock go on to what is due next, for at most so long."""
        limit = self.now + seconds
        self.now = max(self.now, min([at for at, _ in self._plans if at <= limit], default=limit))
        due = [what for at, what in self._plans if at <= self.now]
        self._plans = [one for one in self._plans if one[0] > self.now]
        return [trigger for what in due if (trigger := what()) is not None]


WAY: dict[str, Any] = {"transport": "UDP", "local": "192.0.2.1:5060", "remote": REMOTE}


def written(start: str, user: str, tag: str, cseq: int, method: str) -> str:
    """Write a message."""
    return (
        f"{start}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK-{user}-{cseq}{method[0]}\r\n"
        f"From: <sip:a@h>;tag=f\r\nTo: <sip:{user}@h>{tag}\r\nCall-ID: {user}\r\n"
        f"CSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n"
    )


class Desk:
    """The worker's pipe: commands that a test gives at their times, and what was answered."""

    def __init__(self) -> None:
        self.agent = Shared(self.told)
        self.said: list[dict[str, Any]] = []
        self.later: list[tuple[float, dict[str, Any]]] = []
        self.back: list[dict[str, Any]] = []
        self.gone = False
        self.commands = 0
        self.seats = Seats(
            self.agent, ACCOUNT, self, clock=self.agent.clock, keep=lambda _event: None
        )

    def told(self, event: Event) -> None:
        """Pass an event of the agent on."""
        self.seats.record(event)

    def take(self) -> list[dict[str, Any]]:
        """Return the commands whose time has come."""
        now = self.agent.now
        found = [command for at, command in self.later if at <= now]
        self.later = [one for one in self.later if one[0] > now]
        return found

    def answer(self, kind: str, **fields: object) -> None:
        """Keep what is said."""
        self.said.append({"kind": kind, **fields})

    def beat(self) -> None:
        """Live."""

    def pushed_back(self, commands: list[dict[str, Any]]) -> None:
        """Keep what is not for seats."""
        self.back = commands

    def tell(self, at: float, kind: str, seat: int = 0, **fields: object) -> None:
        """Give a command at a time."""
        named = {"seat": seat} if seat else {}
        self.later.append((at, {"kind": kind, **named, **fields}))

    def calls(self, seat: int, user: str, talk: float = 0.0) -> None:
        """Let a seat place one call and leave."""
        target = f"sip:{user}@198.51.100.1"
        self.tell(0.0, "open", seat)
        call = Call(attempt=0, account="trunk", target=target, hangup_after=talk, timeout=2.0)
        self.tell(0.0, "run", seat, action=call)
        self.tell(0.0, "rest", seat)

    def serve(self, until: float = 60.0) -> None:
        """Let the seats work until the whole worker is wanted."""
        self.tell(until, "stop")
        self.seats.serve()
        assert self.back == [{"kind": "stop"}]

    def events(self, seat: int) -> list[Event]:
        """Return what a seat was told to have seen."""
        return [one["event"] for one in self.said if one["kind"] == "event" and one["seat"] == seat]

    def done(self) -> list[tuple[int, str | None]]:
        """Return which seats finished their call, in order, and its Call-ID."""
        return [(one["seat"], one["call_id"]) for one in self.said if one["kind"] == "done"]


@pytest.fixture
def desk() -> Desk:
    """Return a hub without seats."""
    return Desk()


def call_ids(events: list[Event]) -> set[str]:
    """Return the Call-IDs of messages."""
    found = [one.message for one in events if isinstance(one, MessageSent | MessageReceived)]
    return {message.call_id for message in found}


def test_two_calls_at_once_and_each_gets_its_own(desk: Desk) -> None:
    """The one that was answered first is done first; neither saw a message of the other."""
    desk.calls(1, "slow")
    desk.calls(2, "quick")
    desk.agent.answered("slow", 1.0)
    desk.agent.answered("quick", 0.5)
    desk.serve()
    assert desk.agent.asked[:2] == ["INVITE slow", "INVITE quick"]
    assert desk.done() == [(2, "quick"), (1, "slow")]
    assert call_ids(desk.events(1)) == {"slow"}
    assert call_ids(desk.events(2)) == {"quick"}
    assert sum(one["kind"] == "rested" for one in desk.said) == 2
    assert desk.agent.handles == {"slow": 1 << PLACES, "quick": 2 << PLACES}


def test_silence_of_one_ends_by_its_own_deadline(desk: Desk) -> None:
    """The other's call goes on meanwhile."""
    desk.calls(1, "silent")
    desk.calls(2, "talks", talk=5.0)
    desk.agent.answered("talks", 0.1)
    desk.serve()
    assert desk.done() == [(1, "silent"), (2, "talks")]
    (failed,) = (one for one in desk.events(1) if isinstance(one, TransactionFailed))
    assert (failed.failure, failed.deadline) == (Failure.NO_RESPONSE, "timeout 2 s")
    assert not any(isinstance(one, TransactionFailed) for one in desk.events(2))


def test_an_icmp_error_belongs_to_the_datagram_that_it_quotes(desk: Desk) -> None:
    """One that quotes nobody's is everybody's; so are bytes that nobody can read."""
    desk.calls(1, "one")
    desk.calls(2, "two")
    icmp = IcmpReceived(at=0.2, remote=REMOTE, offender="198.51.100.1", icmp_type=3, icmp_code=1)
    dropped = BytesDropped(at=0.3, remote=REMOTE, size=9, detail="no SIP")

    def comes() -> None:
        desk.agent.quoted = f"INVITE sip:two@{REMOTE} SIP/2.0\r\nVia"
        desk.seats.record(icmp)
        desk.seats.record(dropped)

    desk.agent.after(0.2, comes)
    desk.serve()
    assert icmp not in desk.events(1)
    assert icmp in desk.events(2)
    assert dropped in desk.events(1)
    assert dropped in desk.events(2)


def test_a_call_that_nobody_expects_is_refused(desk: Desk) -> None:
    """It stands in one trace, with a note, and no script is asked."""
    desk.calls(1, "one", talk=1.0)
    desk.agent.answered("one", 0.1)
    arrives = Trigger(kind="incoming", handle=1_000_001, status=0, reason="", call_id="stranger")

    def comes() -> Trigger:
        text = written("INVITE sip:100@h SIP/2.0", "stranger", "", 1, "INVITE")
        desk.seats.record(MessageReceived(at=0.5, **WAY, text=text))
        return arrives

    desk.agent.after(0.5, comes)
    desk.serve()
    assert "answer 480" in desk.agent.asked
    assert "stranger" in call_ids(desk.events(1))
    assert any(isinstance(e, AgentNote) and e.kind == UNEXPECTED for e in desk.events(1))
    assert desk.done() == [(1, "one")]


def test_a_full_stack_is_waited_for(desk: Desk) -> None:
    """The library frees the place of a call a moment after its end."""
    desk.agent.free = 0

    def freed() -> None:
        desk.agent.free = 1

    desk.agent.after(1.0, freed)
    desk.agent.answered("one", 1.5)
    desk.calls(1, "one")
    desk.serve()
    (invite, *_) = desk.events(1)
    assert 1.0 <= invite.at < 1.1
    assert desk.done() == [(1, "one")]


def test_one_is_broken_off_and_the_other_is_not(desk: Desk) -> None:
    """A plan's time is up: its call gets a BYE, and its neighbour talks on."""
    desk.calls(1, "ends", talk=30.0)
    desk.calls(2, "stays", talk=3.0)
    desk.agent.answered("ends", 0.1)
    desk.agent.answered("stays", 0.1)
    desk.tell(1.0, "abort", 1)
    desk.serve()
    assert desk.done() == [(1, "ends"), (2, "stays")]
    byes = [
        e.at for n in (1, 2) for e in desk.events(n) if "\r\nCSeq: 2 BYE" in getattr(e, "text", "")
    ]
    assert byes[0] < 1.5
    assert byes[-1] > 3.0


def test_a_supervisor_that_is_gone_leaves_no_call_up(desk: Desk) -> None:
    """Every seat hangs up what it has."""
    desk.calls(1, "one", talk=30.0)
    desk.calls(2, "two", talk=30.0)
    desk.agent.answered("one", 0.1)
    desk.agent.answered("two", 0.1)

    def leaves() -> None:
        desk.gone = True

    desk.agent.after(1.0, leaves)
    desk.seats.serve()
    desk.seats.leave()
    assert sorted(desk.agent.asked[2:]) == ["BYE one", "BYE two"]


def test_who_sits_down_before_the_account_is_known_to_be_open_is_told(desk: Desk) -> None:
    """Its open says whose account it wants; who comes later needs no answer."""
    desk.tell(0.0, "open", 1, account=ACCOUNT)
    desk.tell(0.0, "open", 2)
    desk.serve(1.0)
    ready = [one for one in desk.said if one["kind"] == "ready"]
    assert [(one["seat"], one["capabilities"]) for one in ready] == [(1, CAPABILITIES)]
