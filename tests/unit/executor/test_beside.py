"""Which plans may be in progress at the same time."""

from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from probe.executor.beside import Company, Lanes, Place, company_of, most_calls
from probe.plan.action import (
    Account,
    Action,
    Call,
    Expect,
    Hangup,
    Hear,
    Manner,
    Options,
    Register,
    Take,
    Transfer,
)
from probe.plan.asks import Ask, Await, Subscribe
from probe.plan.plan import Attempt, Limits, Plan
from probe.scenario.source import Source

NOWHERE = Source(file="s.sip.yaml", line=1, column=1)
ACCOUNT = Account(
    name="trunk",
    aor="sip:100@198.51.100.1",
    registrar="sip:198.51.100.1",
    host="198.51.100.1",
    port=5060,
    transport="UDP",
    user="100",
    auth_user="100",
)
OTHER = replace(ACCOUNT, name="other", aor="sip:200@198.51.100.1", user="200")
ELSEWHERE = replace(OTHER, host="198.51.100.2", registrar="sip:198.51.100.2")
CALL = Call(attempt=0, account="trunk", target="sip:1@h", hangup_after=0.0)
STAYS = Call(attempt=0, account="trunk", target="sip:1@h")
HANGUP = Hangup(attempt=1, account="trunk", call=0)
MESSAGE = Ask(attempt=0, account="trunk", method="MESSAGE", target="sip:1@h")
TRANSFER = Transfer(attempt=0, account="trunk", call=0, target="sip:2@h")
SUBSCRIBE = Subscribe(attempt=0, account="trunk", target="sip:1@h", package="dialog")
AWAIT = Await(attempt=0, account="trunk", method="INFO", within=1.0)
EXPECT = Expect(attempt=0, account="other", call=0, manner=Manner())
TLS = replace(ACCOUNT, transport="TLS")
ONE_PORT = replace(ACCOUNT, transport="TCP", local_address="192.0.2.1:5070")
AWAITED = replace(ACCOUNT, awaited=("INFO",))
REGISTER = Register(attempt=0, account="trunk")
OPTIONS = Options(attempt=0, account="trunk", target="sip:h")
TAKE = Take(attempt=0, account="trunk", call=0, within=1.0, manner=Manner())
LISTENS = Call(attempt=0, account="trunk", target="sip:1@h", hear=Hear(sound=True))


def limits(most: int | None) -> Limits:
    """Return limits with a cap on calls at a time."""
    return Limits(
        owner="100@sip:h", calls_per_run=None, calls_per_day=None, minutes_per_day=None,
        refused_logins_per_day=None, gap=0.0, concurrent_calls=most,
    )  # fmt: skip


def plan_of(
    *actions: Action,
    accounts: Iterable[Account] = (ACCOUNT,),
    most: int | None = None,
    prepares: tuple[Action, ...] = (),
) -> Plan:
    """Return a plan of such actions."""
    attempts = tuple(
        Attempt(
            index=index, step=index + 1, label="", method="INVITE", direction="outbound",
            action=action, account=ACCOUNT, expectation=None, retry=None, source=NOWHERE,
            provider=None, limits=limits(most), prepares=prepares,
        )
        for index, action in enumerate(actions)
    )  # fmt: skip
    return Plan(
        scenario="s", name="s", file="s.sip.yaml", tags=(), trunk="t", accounts=tuple(accounts),
        attempts=attempts, timeout=30.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("plan", "company"),
    [
        (plan_of(CALL), Company.SHARES),
        (plan_of(STAYS, HANGUP), Company.SHARES),
        (plan_of(CALL, OPTIONS), Company.BESIDE),
        (plan_of(LISTENS), Company.BESIDE),
        (plan_of(MESSAGE), Company.BESIDE),
        (plan_of(CALL, accounts=[TLS]), Company.BESIDE),
        (plan_of(CALL, accounts=[ONE_PORT]), Company.ALONE),
        (plan_of(REGISTER, CALL), Company.ALONE),
        (plan_of(TAKE), Company.APART),
        (plan_of(TRANSFER), Company.APART),
        (plan_of(SUBSCRIBE), Company.APART),
        (plan_of(AWAIT), Company.APART),
        (plan_of(CALL, accounts=[AWAITED]), Company.APART),
        (plan_of(CALL, prepares=(EXPECT,)), Company.APART),
    ],
    ids=["calls", "hangs-up", "asks", "listens", "message", "tls", "one-port", "registers", "takes",
         "transfers", "subscribes", "awaits", "awaited", "reaches-an-agent"],
)  # fmt: skip
def test_what_a_plan_does_decides(plan: Plan, company: Company) -> None:
    """Whoever changes the account, or could be reached by another's call, is by itself."""
    assert company_of(plan) is company


def admitted(first: Plan, second: Plan) -> bool:
    """Say whether a plan may begin while another is in progress; it may when that has ended."""
    lanes, one = Lanes(), Place(first)
    lanes.enter(one)
    found = lanes.admits(Place(second))
    lanes.leave(one)
    assert lanes.admits(Place(second))
    return found


@pytest.mark.parametrize(
    ("first", "second", "may"),
    [
        (plan_of(CALL), plan_of(CALL), True),
        (plan_of(CALL), plan_of(OPTIONS), True),
        (plan_of(CALL), plan_of(REGISTER), False),
        (plan_of(REGISTER), plan_of(CALL), False),
        (plan_of(REGISTER), plan_of(REGISTER, accounts=[OTHER]), True),
        (plan_of(TAKE), plan_of(CALL, accounts=[OTHER]), False),
        (plan_of(CALL, accounts=[OTHER]), plan_of(TAKE), False),
        (plan_of(TAKE), plan_of(TAKE, accounts=[ELSEWHERE]), True),
    ],
    ids=["calls", "asks", "registers-later", "registered", "other-account", "takes", "called",
         "other-server"],
)  # fmt: skip
def test_who_may_be_beside_whom(first: Plan, second: Plan, *, may: bool) -> None:
    """The same either way round, and only as long as the other is in progress."""
    assert admitted(first, second) is may


@pytest.mark.parametrize(
    ("actions", "most"), [((CALL, CALL), 1), ((STAYS, STAYS), 2), ((STAYS, CALL), 2)]
)
def test_how_many_calls_a_plan_can_have_up(actions: tuple[Call, ...], most: int) -> None:
    """Those that stay count to the end of the plan."""
    assert most_calls(plan_of(*actions), "100@sip:h") == most


@pytest.mark.parametrize(
    ("first", "second", "cap", "may"),
    [((CALL,), (CALL,), 1, False), ((CALL,), (CALL,), 2, True), ((STAYS,) * 2, (CALL,), 2, False)],
    ids=["one", "two", "full"],
)
def test_a_plan_begins_when_all_its_calls_fit(
    first: tuple[Call, ...], second: tuple[Call, ...], cap: int, *, may: bool
) -> None:
    """Two that would each wait for the other's call are never in progress together."""
    assert admitted(plan_of(*first, most=cap), plan_of(*second, most=cap)) is may


def test_a_plan_beyond_the_cap_begins_by_itself() -> None:
    """Its own call is refused then, as it is without company."""
    assert Lanes().admits(Place(plan_of(STAYS, STAYS, most=1)))
