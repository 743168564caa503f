"""Which control to run next: asked after a failure, and only while nothing has decided.

Each row is a situation in which one control separates the candidates. A trace that proves its cause
asks nothing, a control that decided ends the asking, and no control runs twice on one attempt.
"""

from collections.abc import Callable

from msgspec import Struct

from probe.diagnosis.case import Case
from probe.diagnosis.diagnose import rank
from probe.diagnosis.explanation import Certainty
from probe.diagnosis.rule import Hypothesis
from probe.reference import reference
from probe.trace.control import Control
from probe.trace.failure import Failure
from probe.verdict.verdict import Outcome

MOST_SENT = 3
"""Controls that send something, at most, for one attempt."""

OFFLINE = frozenset({Control.LINT, Control.DIGEST})
"""Controls that send nothing."""

FURTHER = {
    "F001": Control.NAMES,
    "F002": Control.NAMES,
    "F004": Control.NAMES,
    "F014": Control.OPTIONS,
    "F018": Control.OPTIONS,
    "F034": Control.CHALLENGE,
    "F037": Control.OPTIONS,
}
"""Proved causes that a control may trace further: DNS says more than the system, another port
answers, the unreadable answer asks for a login, their Date differs from our clock."""

_PATH = (
    Failure.NO_RESPONSE,
    Failure.PORT_UNREACHABLE,
    Failure.HOST_UNREACHABLE,
    Failure.PROHIBITED,
    Failure.NAME_RESOLUTION,
    Failure.TCP_REFUSED,
    Failure.TCP_TIMEOUT,
    Failure.CONNECTION_LOST,
    Failure.TLS_HANDSHAKE,
    Failure.TLS_CERTIFICATE,
    Failure.RESPONSE_DISCARDED,
)
"""Ways to fail between us and them."""


class Question(Struct, frozen=True, kw_only=True):
    """A control and when it would separate what is left."""

    control: Control
    "What to run."

    when: Callable[[Case], bool]
    "The situation."


def _refused(*codes: int) -> Callable[[Case], bool]:
    return lambda case: case.status in codes


def _no_way(case: Case) -> bool:
    """Whether the attempt failed between us and them."""
    return case.failed(*_PATH)


def _by_name(case: Case) -> bool:
    """Whether a host name led us where we went."""
    host = case.account.host if case.account else ""
    return bool(host) and ":" not in host and not host.replace(".", "").isdigit()


def _unreadable_answer(case: Case) -> bool:
    """Whether a REGISTER without a login got an answer that our stack threw away."""
    discarded = case.failed(Failure.RESPONSE_DISCARDED)
    return discarded and case.method == "REGISTER" and not case.login.sent


QUESTIONS: tuple[Question, ...] = (
    Question(
        control=Control.LINT,
        when=lambda case: _no_way(case) or _refused(401, 403, 404, 407, 484)(case),
    ),
    Question(
        control=Control.DIGEST,
        when=lambda case: bool(case.login.sent) and _refused(401, 403, 407)(case),
    ),
    Question(
        control=Control.NAMES,
        when=lambda case: (
            _no_way(case)
            and _by_name(case)
            and not case.failed(Failure.TLS_HANDSHAKE, Failure.TLS_CERTIFICATE)
        ),
    ),
    Question(
        control=Control.TLS,
        when=lambda case: (
            case.failed(Failure.TLS_HANDSHAKE, Failure.TLS_CERTIFICATE)
            or (_no_way(case) and case.transport == "TLS")
        ),
    ),
    Question(control=Control.CHALLENGE, when=_unreadable_answer),
    Question(control=Control.OPTIONS, when=_no_way),
    Question(
        control=Control.OPTIONS,
        when=lambda case: (
            case.method == "REGISTER"
            and not case.login.challenges
            and _refused(403, 404, 405, 501)(case)
        ),
    ),
    Question(control=Control.OPTIONS, when=_refused(503)),
    Question(
        control=Control.CHALLENGE,
        when=lambda case: (
            case.method == "INVITE" and not case.login.challenges and _refused(403)(case)
        ),
    ),
)
"""The free controls, cheapest first."""

PAID: tuple[Question, ...] = (
    Question(
        control=Control.SLIM,
        when=lambda case: case.method == "INVITE" and case.failed(Failure.NO_RESPONSE),
    ),
    Question(control=Control.OTHER_TRANSPORT, when=lambda case: case.failed(Failure.NO_RESPONSE)),
    Question(control=Control.E164, when=_refused(403, 404, 480, 484, 604)),
    Question(control=Control.G711, when=_refused(406, 415, 488, 606)),
    Question(control=Control.WITHOUT_SRTP, when=_refused(415, 488, 606)),
)
"""The controls that place a call; asked only where the user allows it."""


def next_control(case: Case, *, paid: bool = False) -> Control | None:
    """Return the control that would decide next, or None where none would or is needed. Pure."""
    if case.verdict.outcome is Outcome.MET or not case.asks_why or case.account is None:
        return None
    ran = {event.control for _, event in case.controls}
    ranked = rank(case)
    if decided(case, ranked):
        return None
    sent = len(ran - OFFLINE)
    for question in (*QUESTIONS, *(PAID if paid else ())):
        if question.control in ran:
            continue
        free_to_ask = question.control in OFFLINE or (sent < MOST_SENT and _open(ranked))
        if (free_to_ask or question.control.paid) and question.when(case):
            return question.control
    return None


def decided(case: Case, ranked: tuple[Hypothesis, ...]) -> bool:
    """Whether nothing more need be asked: a proof, or a likely cause that a control shows."""
    if not ranked:
        return False
    top = ranked[0]
    if top.likelihood is Certainty.CERTAIN:
        further = FURTHER.get(top.cause)
        return further is None or bool(case.asked(further)) or not _would_ask(further, case)
    shown = {index for index, _ in case.controls}
    return top.likelihood is Certainty.LIKELY and any(e.event in shown for e in top.evidence)


def _would_ask(control: Control, case: Case) -> bool:
    """Whether a question of this control fits the case."""
    return any(q.control is control and q.when(case) for q in QUESTIONS)


def _open(ranked: tuple[Hypothesis, ...]) -> bool:
    """Whether a control could tell more: no candidate yet, or one that a control can show."""
    return not ranked or any(reference.cause(h.cause).identifiability != "N" for h in ranked)
