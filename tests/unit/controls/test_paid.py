"""The same call once more: what is changed, what is kept, and what is never dialled."""

import pytest
from msgspec.structs import replace
from reportbuilder import attempt as attempt_of
from wirebuilder import Wire, answered_call, refused_call, register_ok

from probe.controls.paid import AGAIN_AFTER_S, Placed, e164_target, over, place_again, variant
from probe.plan.action import Call, Register
from probe.plan.plan import Attempt, Limits, Plan
from probe.trace.control import Control
from probe.trace.failure import Failure
from probe.trace.trace import Trace

TARGET = "sip:0012025550123@pbx.example"


def call_attempt(index: int = 1, **changes: object) -> Attempt:
    """Return the attempt of a call; changes are fields of its account."""
    one = attempt_of(refused_call(404).trace())
    assert one.account is not None
    return replace(
        one,
        index=index,
        action=Call(attempt=index, account=one.account.name, target=TARGET, hangup_after=60.0),
        account=replace(one.account, **changes),
        limits=Limits(
            owner="a", calls_per_run=None, calls_per_day=None, minutes_per_day=None,
            refused_logins_per_day=None, gap=1.0,
        ),
    )  # fmt: skip


def plan_with(call: Attempt) -> Plan:
    """Return a plan that registers and calls."""
    register = replace(
        attempt_of(register_ok().trace()),
        index=0,
        account=call.account,
        action=Register(attempt=0, account=call.account.name if call.account else ""),
    )
    return Plan(
        scenario="s", name="s", file="s", tags=(), trunk="t", timeout=60.0,
        accounts=(call.account,) if call.account else (), attempts=(register, call),
    )  # fmt: skip


def changed_call(control: Control, **changes: object) -> tuple[Attempt, Plan]:
    """Return the changed call and its plan."""
    call = call_attempt(**changes)
    found = variant(control, plan_with(call), call)
    assert found is not None
    return found[1].attempts[-1], found[1]


def test_registration_comes_first_and_the_call_is_short() -> None:
    """The account registers as before; the call is cancelled once it rings, and is counted."""
    call, plan = changed_call(Control.E164)
    assert [one.method for one in plan.attempts] == ["REGISTER", "INVITE"]
    assert [one.action.attempt for one in plan.attempts] == [0, 1]
    assert isinstance(call.action, Call)
    assert call.action.target == "sip:+12025550123@pbx.example"
    assert (call.action.ring_for, call.action.hangup_after) == (0.1, 0.0)
    assert call.limits is not None
    assert call.limits.gap == AGAIN_AFTER_S


@pytest.mark.parametrize(
    ("control", "before", "after"),
    [
        (Control.G711, {"codecs": ("G722", "PCMA")}, {"codecs": ("PCMU", "PCMA")}),
        (Control.WITHOUT_SRTP, {"srtp": "required"}, {"srtp": "off"}),
        (Control.SLIM, {"headers": (("X-A", "1"),)}, {"headers": (), "codecs": ("PCMU",)}),
        (Control.OTHER_TRANSPORT, {"transport": "udp"}, {"transport": "tcp"}),
        (Control.OTHER_TRANSPORT, {"transport": "tcp"}, {"transport": "udp"}),
    ],
)
def test_one_thing_is_changed(
    control: Control, before: dict[str, object], after: dict[str, object]
) -> None:
    """Each control changes its own thing in the account that calls."""
    call, plan = changed_call(control, **before)
    assert call.account is not None
    assert {name: getattr(call.account, name) for name in after} == after
    assert plan.accounts == (call.account,)


@pytest.mark.parametrize(
    ("control", "changes"),
    [
        (Control.G711, {"codecs": ("PCMA",)}),
        (Control.WITHOUT_SRTP, {"srtp": "off"}),
        (Control.OTHER_TRANSPORT, {"transport": "tls"}),
        (Control.OPTIONS, {}),
    ],
)
def test_nothing_to_change_places_nothing(control: Control, changes: dict[str, object]) -> None:
    """Where the call is so already, it is not placed again."""
    call = call_attempt(**changes)

    def place(_plan: Plan) -> Placed:
        raise AssertionError("a call was placed")

    trace = refused_call(404).trace()
    (ran,) = place_again(control, call, trace, plan=plan_with(call), place=place)
    assert ran.result == "not-run"


@pytest.mark.parametrize(
    ("target", "other"),
    [
        ("sip:+12025550123@h", "sip:12025550123@h"),
        ("sip:12025550123@h", "sip:+12025550123@h"),
        ("sip:01112025550123@h", "sip:+12025550123@h"),
        ("sip:alice@h", None),
        ("sip:101@h", None),
        ("sip:00870773111632@h", None),
    ],
)
def test_other_form_of_a_number(target: str, other: str | None) -> None:
    """International numbers have two forms; names, extensions and satellite phones none."""
    assert e164_target(target) == other


def test_transport_of_a_uri() -> None:
    """The parameter is replaced, not added to."""
    assert over("sip:a@h;transport=tls", "tcp") == "sip:a@h;transport=tcp"
    assert over("sip:a@h;transport=tcp", "udp") == "sip:a@h"


SILENCE = Wire().send("INVITE").fail(Failure.NO_RESPONSE, at=3.0).trace()


@pytest.mark.parametrize(
    ("trace", "result"),
    [
        (answered_call().trace(), "rang"),
        (refused_call(403).trace(), "refused"),
        (Wire().send("INVITE").receive(100).trace(), "provisional"),
        (SILENCE, "silent"),
    ],
)
def test_what_came_of_it(trace: Trace, result: str) -> None:
    """The outcome is one word for rules, and what must be looked at is not lost."""
    call = call_attempt()
    (ran,) = place_again(
        Control.E164,
        call,
        refused_call(404).trace(),
        plan=plan_with(call),
        place=lambda plan: Placed(ran=((plan.attempts[-1], trace),), alarms=("a call is up",)),
    )
    assert ran.result == result
    assert "a call is up" in ran.detail
