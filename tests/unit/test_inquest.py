"""The loop around the diagnosis: asks while nothing has decided, and not longer."""

from reportbuilder import attempt
from wirebuilder import Wire, answered_call, refused_call

from probe.diagnosis.explanation import Certainty
from probe.inquest import Asking, hold
from probe.plan.plan import Attempt
from probe.trace.control import Control, ControlRan
from probe.trace.failure import Failure
from probe.trace.trace import Trace

SILENCE = (
    Wire()
    .send("INVITE")
    .resend(at=0.5)
    .fail(Failure.NO_RESPONSE, at=3.0, deadline="timeout 3 s")
    .trace()
)


class Asked:
    """Answers every control with one word, and remembers what was asked."""

    def __init__(self, **results: str) -> None:
        self.results = results
        self.controls: list[Control] = []

    def __call__(self, control: Control, _attempt: Attempt, trace: Trace) -> tuple[ControlRan, ...]:
        """Answer."""
        assert trace.controls() == tuple(e for e in trace.events if isinstance(e, ControlRan))
        self.controls.append(control)
        return (
            ControlRan(
                at=trace.ended,
                control=control,
                target="udp 198.51.100.1:5060",
                result=self.results.get(control.value, "clean"),
                detail="as the test says",
            ),
        )


def test_a_good_call_asks_nothing() -> None:
    """What was met is not explained, and nobody is asked."""
    trace = answered_call().trace()
    asked = Asked()
    held = hold(attempt(trace), trace, Asking(ask=asked, paid=asked))
    assert held.explanation is None
    assert held.trace is trace
    assert asked.controls == []


def test_without_leave_nothing_is_asked() -> None:
    """`--no-controls`: the trace alone is explained."""
    held = hold(attempt(SILENCE), SILENCE)
    assert held.trace is SILENCE
    assert held.explanation is not None


def test_what_was_asked_joins_the_trace() -> None:
    """Each answer is an event behind those of the attempt; at most three controls send."""
    asked = Asked(options="silent")
    held = hold(attempt(SILENCE), SILENCE, Asking(ask=asked))
    assert held.trace.events[: len(SILENCE.events)] == SILENCE.events
    assert [ran.control for ran in held.trace.controls()] == asked.controls
    assert len(asked.controls) == len(set(asked.controls))
    assert len(set(asked.controls) - {Control.LINT, Control.DIGEST}) <= 3


def test_a_proof_asks_nothing() -> None:
    """Where the trace proves its cause, no time is spent."""
    trace = refused_call(420, "Bad Extension", {"Unsupported": "100rel"}).trace()
    asked = Asked()
    held = hold(attempt(trace), trace, Asking(ask=asked))
    assert held.explanation is not None
    assert held.explanation.certainty is Certainty.CERTAIN
    assert asked.controls == []


def test_a_call_is_placed_only_where_it_is_allowed() -> None:
    """Controls that call go to the one who may call, and only after the free ones."""
    trace = refused_call(404, "Not Found").trace()
    free, paid = Asked(), Asked(e164="rang")
    hold(attempt(trace), trace, Asking(ask=free))
    assert not any(control.paid for control in free.controls)
    held = hold(attempt(trace), trace, Asking(ask=free, paid=paid))
    assert paid.controls == [Control.E164]
    assert held.explanation is not None
    assert held.explanation.causes[0].id == "F073"
