"""What earlier attempts of the same run show: calls up, a rate, a repeat, a limit, a ban."""

from collections.abc import Iterator

from probe.diagnosis.case import Case, seconds
from probe.diagnosis.explanation import Certainty, Evidence
from probe.diagnosis.quote import plain
from probe.diagnosis.rule import NAMED_BY_THEM, Gate, Hypothesis, Rule
from probe.plan.action import Call
from probe.trace.failure import Failure

RATE_S = 1.0
"""Two calls that begin within so many seconds count against a limit of calls per second."""

REPEAT_S = 600.0
"""Within so many seconds a second call between two numbers may be refused as a repeat."""

_NO_ROOM = frozenset({34, 38, 41, 42, 43, 44, 47, 58, 63})
"""Causes of Q.850 that speak of a shortage, which a rate may be told as."""

_BUSY = (403, 480, 486, 503, 600)
_LIMITED = (402, 403, 503)
_REPEATED = (403, 404, 480, 486, 600, 603)
_UNREGISTERED = (403, 405, 501)


def _refused_call(case: Case, *codes: int) -> bool:
    """Whether a call was refused with one of these codes before anything rang."""
    return (
        case.direction == "outbound"
        and isinstance(case.attempt.action, Call)
        and case.status in codes
        and case.rang is None
    )


def calls_up(case: Case) -> Iterator[Hypothesis]:
    """Recognise: refused while calls of ours are up."""
    up = [one for one in case.earlier if one.up]
    if not up or not _refused_call(case, *_BUSY):
        return
    yield Hypothesis(
        cause="F129",
        likelihood=Certainty.LIKELY,
        because=f"{len(up)} of our own calls are up on this account, and the next one is refused",
        says=case.fill("{answer} while ")
        + f"{len(up)} of our own calls are up: all channels of the trunk seem to be in use.",
        evidence=(Evidence(event=None, says=f"{plain(up[-1].label)} is answered and still up"),),
        steps=("End the earlier call first, then call again; ask how many channels you have.",),
        rules_out=("F047", "F058", "F060"),
        weight=NAMED_BY_THEM - 5,
    )


def calls_too_close(case: Case) -> Iterator[Hypothesis]:
    """Recognise: refused within a second of another call that was taken."""
    close = [
        one
        for one in case.earlier
        if one.method == "INVITE" and 0 <= case.began - one.began <= RATE_S and _taken(one.status)
    ]
    if not close or not _refused_call(case, 403, 429, 480, 500, 503):
        return
    if case.q850 is not None and case.q850.cause not in _NO_ROOM:
        return  # the network itself names another reason
    gap = seconds(case.began - close[-1].began)
    yield Hypothesis(
        cause="F128",
        likelihood=Certainty.LIKELY,
        because=f"our call before it began only {gap} earlier and was taken",
        says=case.fill("{answer}, ") + f"{gap} after a call that was taken: a limit of calls per "
        "second fits.",
        evidence=(Evidence(event=None, says=f"{plain(close[-1].label)} began {gap} before"),),
        steps=("Set `caps: calls_per_second:` or `--cps` to the provider's rate.",),
        rules_out=("F047", "F058", "F060", "F131"),
        weight=60,
    )


def same_number_again(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the same number was reached moments ago and is refused now."""
    same = [
        one
        for one in case.earlier
        if one.number
        and one.number == case.dialled
        and one.caller in {"", case.caller}
        and not one.up
        and _taken(one.status)
        and case.began - one.began <= REPEAT_S
    ]
    if not same or not _refused_call(case, *_REPEATED):
        return
    yield Hypothesis(
        cause="F134",
        likelihood=Certainty.UNDECIDED,
        because="the same number was reached "
        f"{seconds(case.began - same[-1].began)} earlier in this run",
        evidence=(Evidence(event=None, says=f"{plain(same[-1].label)} passed before"),),
        rules_out=("F072", "F073", "F047", "F060", "F079"),
        weight=NAMED_BY_THEM - 10,
    )


def other_caller_passed(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the same number was reached with another caller ID and is refused with this."""
    passed = [
        one
        for one in case.earlier
        if one.number
        and one.number == case.dialled
        and one.caller
        and one.caller != case.caller
        and _taken(one.status)
    ]
    if not passed or not _refused_call(case, 403, 480, 603, 606):
        return
    other = plain(passed[-1].caller)
    yield Hypothesis(
        cause="F082",
        likelihood=Certainty.LIKELY,
        because=f"the same number was reached with the caller ID {other}",
        says=case.fill("The call passes with the caller ID ")
        + f"{other} and is refused with {plain(case.caller)}.",
        evidence=(Evidence(event=None, says=f"{plain(passed[-1].label)} from {other} passed"),),
        steps=("Show a caller ID that the provider knows as yours, or have this one released.",),
        rules_out=("F061", "F072", "F080", "F134", "F047", "F060"),
        weight=70,
    )


def login_was_taken(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the login was accepted earlier in this run, and a call is refused after it."""
    taken = [one for one in case.earlier if one.method == "REGISTER" and _taken(one.status)]
    if not taken or not case.login.decided_after or not _refused_call(case, 403):
        return
    yield Hypothesis(
        cause="F061",
        likelihood=Certainty.UNDECIDED,
        because="the login is right, as the registration of this run shows; the account may be "
        "barred from calling",
        evidence=(Evidence(event=None, says=f"{plain(taken[-1].label)} was accepted before"),),
        rules_out=("F047", "F048", "F049", "F056"),
        weight=30,
    )


def worked_until_now(case: Case) -> Iterator[Hypothesis]:
    """Recognise: an earlier call of the account passed, and this one is refused for the account."""
    passed = [one for one in case.earlier if one.method == "INVITE" and _taken(one.status)]
    if not passed or not _refused_call(case, *_LIMITED):
        return
    for cause, because, weight in (
        ("F080", "an earlier call of this run passed: a limit may have been reached since", 42),
        ("F061", "an earlier call of this run passed: the credit may be used up since", 40),
    ):
        yield Hypothesis(
            cause=cause,
            likelihood=Certainty.UNDECIDED,
            because=because,
            evidence=(Evidence(event=None, says=f"{plain(passed[-1].label)} passed before"),),
            rules_out=("F047", "F060", "F079"),
            weight=weight,
        )


def options_but_no_register(case: Case) -> Iterator[Hypothesis]:
    """Recognise: OPTIONS gets a 2xx and REGISTER is refused before any challenge."""
    good = [one for one in case.earlier if one.method == "OPTIONS" and _taken(one.status)]
    if (
        not good
        or case.method != "REGISTER"
        or case.login.challenges
        or case.status not in _UNREGISTERED
    ):
        return
    yield Hypothesis(
        cause="F059",
        likelihood=Certainty.LIKELY,
        because="OPTIONS of the same run was answered well, and REGISTER is refused unasked",
        says=case.fill(
            "{host} answers OPTIONS but refuses REGISTER with {answer}: this trunk seems "
        )
        + "to know us by our address and takes no registration.",
        evidence=(Evidence(event=None, says=f"{plain(good[-1].label)} got {good[-1].status}"),),
        steps=("Leave `register` out of the scenario and call directly.",),
        weight=60,
    )


def fell_silent(case: Case) -> Iterator[Hypothesis]:
    """Recognise: it answered earlier in this run, refused our login, and is silent now."""
    if not case.failed(Failure.NO_RESPONSE) or case.received:
        return
    answered = [one for one in case.earlier if one.status is not None]
    refused = [one for one in answered if one.refused_login or one.status in {401, 403, 407}]
    if not answered or not refused:
        return
    yield Hypothesis(
        cause="F030",
        likelihood=Certainty.UNDECIDED,
        because=f"it answered earlier in this run, refused us {len(refused)} times, and is silent "
        "now, as after a block of our address",
        evidence=(
            Evidence(
                event=None, says=f"{plain(refused[-1].label)} was refused with {refused[-1].status}"
            ),
            *case.cite_failure(),
        ),
        rules_out=("F013", "F014", "F015", "F032"),
        weight=80,
    )


def _taken(status: int | None) -> bool:
    return status is not None and 200 <= status < 300


_POLICY = Gate.POLICY

RULES = (
    Rule(name="calls of ours are up", gate=_POLICY, causes=("F129",), find=calls_up),
    Rule(name="calls too close", gate=_POLICY, causes=("F128",), find=calls_too_close),
    Rule(name="another caller ID passed", gate=_POLICY, causes=("F082",), find=other_caller_passed),
    Rule(name="login was taken", gate=_POLICY, causes=("F061",), find=login_was_taken),
    Rule(name="same number again", gate=_POLICY, causes=("F134",), find=same_number_again),
    Rule(name="worked until now", gate=_POLICY, causes=("F061", "F080"), find=worked_until_now),
    Rule(
        name="OPTIONS but no REGISTER",
        gate=Gate.AUTHENTICATION,
        causes=("F059",),
        find=options_but_no_register,
    ),
    Rule(name="fell silent in this run", gate=Gate.TRANSPORT, causes=("F030",), find=fell_silent),
)
