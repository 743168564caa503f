"""What a trace shows, as far as an expectation can ask: read once, then looked at by each check."""

from msgspec import Struct

from probe.scenario.sequence import METHODS, Observed
from probe.scenario.source import printable
from probe.sip.message import SipMessage
from probe.trace.failure import OURS, Failure
from probe.trace.trace import (
    CHALLENGES,
    MessageReceived,
    MessageSent,
    Response,
    Trace,
    TransactionFailed,
)
from probe.verdict.verdict import Mismatch

LONGEST_QUOTE = 200
"""Characters of the peer's own words that a mismatch repeats."""

WORDS = {
    Failure.NO_RESPONSE: "no response",
    Failure.NO_FINAL_RESPONSE: "no final response",
    Failure.PORT_UNREACHABLE: "port unreachable",
    Failure.HOST_UNREACHABLE: "host unreachable",
    Failure.PROHIBITED: "refused by a filter on the way (ICMP)",
    Failure.NAME_RESOLUTION: "no address for the host name",
    Failure.NO_ROUTE: "no route from this machine",
    Failure.LOCAL_PORT: "a local port that could not be opened",
    Failure.TCP_REFUSED: "connection refused",
    Failure.TCP_TIMEOUT: "connection not answered",
    Failure.CONNECTION_LOST: "connection lost",
    Failure.TLS_CERTIFICATE: "a TLS certificate that was not accepted",
    Failure.TLS_HANDSHAKE: "a TLS handshake that failed",
    Failure.MESSAGE_TOO_LONG: "a request that was too long to send",
    Failure.UNUSABLE_ANSWER: "our side could not use the answer",
    Failure.RESPONSE_DISCARDED: "a response that could not be read",
    Failure.NO_CALL: "no INVITE reached us",
    Failure.NO_REQUEST: "none",
    Failure.AGENT_CRASHED: "our own agent crashed",
    Failure.AGENT_HUNG: "our own agent stopped answering",
    Failure.AGENT_REFUSED: "our own agent refused the step",
    Failure.SCENARIO_DEADLINE: "the scenario's own timeout",
    Failure.INTERRUPTED: "an interruption of the run",
    Failure.NOT_ATTEMPTED: "not attempted",
}
"""Each failure as it stands in an observed sequence."""

GAVE_UP = frozenset(
    {
        Failure.NO_RESPONSE,
        Failure.NO_FINAL_RESPONSE,
        Failure.SCENARIO_DEADLINE,
        Failure.INTERRUPTED,
    }
)
"""Failures after which we ended the attempt ourselves: what came then answers us, not the test."""

BROKE_OFF = frozenset({Failure.AGENT_CRASHED, Failure.AGENT_HUNG, Failure.INTERRUPTED})
"""Failures by which our own side left a call in its middle."""

_STILL_ANSWERED = frozenset({Failure.UNUSABLE_ANSWER, Failure.RESPONSE_DISCARDED})


class Complaint(Struct, frozen=True, kw_only=True):
    """A mismatch and what it rests on."""

    mismatch: Mismatch
    "What was not as expected."

    by_absence: bool = False
    "Whether it rests on something that did not come: no proof where the fault was ours."

    ours: bool = False
    "Whether our own side may be the cause, or could not tell: then it is left open."


class Observation(Struct, frozen=True, kw_only=True):
    """One trace, read for judging."""

    trace: Trace
    "The trace itself."

    responses: tuple[Response, ...]
    "Responses to the method under test until we gave up, answered challenges included, in order."

    late: tuple[Response, ...]
    "Responses that came after we had given up."

    answered: frozenset[int]
    "Indices of the challenges that our agent answered."

    tokens: tuple[Observed, ...]
    "Status codes and methods in order, retransmissions left out."

    failure: TransactionFailed | None
    "What ended the attempt, or None."

    failure_index: int | None
    "Its index."

    @property
    def final(self) -> Response | None:
        """The last final response to the method under test that was no answered challenge."""
        finals = [r for r in self.responses if r.status >= 200 and r.index not in self.answered]
        return finals[-1] if finals else None

    @property
    def ours(self) -> bool:
        """Whether the failure says something about the probe instead of the trunk."""
        return self.failure is not None and self.failure.failure in OURS

    @property
    def cut_short(self) -> bool:
        """Whether a call of ours was up when our own side broke off: its rest was not seen."""
        if self.failure is None or self.failure.failure not in BROKE_OFF:
            return False
        up = self.trace.method == "INVITE" and self.final is not None and self.final.status < 300
        if not up or self.failure.failure is Failure.INTERRUPTED:
            return up
        ended = [seen.index for seen in self.tokens if seen.token == "BYE"]  # noqa: S105 - a method
        return not any(index < (self.failure_index or 0) for index in ended)

    @property
    def failure_words(self) -> str:
        """The failure in words, with the deadline that it kept to; empty where there is none."""
        if self.failure is None:
            return ""
        deadline = f" ({self.failure.deadline})" if self.failure.deadline else ""
        return WORDS[self.failure.failure] + deadline

    @property
    def requests(self) -> tuple[int, ...]:
        """Indices of our requests of the method under test, first copies only, in order."""
        return tuple(t.request for _, t in self.trace.client_transactions())

    def failed_with(self, name: str) -> bool:
        """Whether the attempt ended with this failure and nothing decided it before."""
        if self.failure is None or self.failure.failure.value != name:
            return False
        return self.final is None or self.failure.failure in _STILL_ANSWERED

    def shown(self, tokens: tuple[Observed, ...]) -> str:
        """Return an observed sequence in words: ``100 183 503``, ``100, then no final response``.

        Where no final response came, an answered challenge is shown too: it was the last sign of
        life.
        """
        if self.final is None:
            known = {token.index for token in tokens}
            tokens = tuple(t for t in self.tokens if t.index in known | self.answered)
        came = " ".join(token.token for token in tokens)
        if self.final is not None and not self.ours:
            return came
        ending = self.failure_words or ("nothing more" if came else "no response")
        return f"{came}, then {ending}" if came else ending

    def proof_of_absence(self) -> tuple[int, ...]:
        """Return what shows that something did not come: the last thing that did, the failure."""
        last = max((*self.requests, *(token.index for token in self.tokens)), default=None)
        return tuple(index for index in (last, self.failure_index) if index is not None)


def observe(trace: Trace) -> Observation:
    """Read a trace for judging."""
    failure = trace.failure()
    place = next((i for i, event in enumerate(trace.events) if event is failure), None)
    cut = len(trace.events)
    if failure is not None and place is not None and failure.failure in GAVE_UP:
        cut = min([place, *([] if trace.our_cancel else trace.sent("CANCEL"))])
    everything = trace.responses(challenges=True)
    responses = tuple(r for r in everything if r.index < cut)
    answered = frozenset(trace.answered_challenges())
    found = [
        Observed(token=str(r.status), index=r.index, answered=r.index in answered)
        for r in responses
    ]
    found += [token for token in _methods(trace, answered) if token.index < cut]
    return Observation(
        trace=trace,
        responses=responses,
        late=everything[len(responses) :],
        answered=answered,
        tokens=tuple(sorted(found, key=lambda token: token.index)),
        failure=failure,
        failure_index=place,
    )


def _methods(trace: Trace, answered: frozenset[int]) -> list[Observed]:
    """Return the requests that a sequence may name, from the first request under test on."""
    own = [transaction for _, transaction in trace.client_transactions()]
    if not own:
        return []
    calls = {transaction.call_id for transaction in own}
    begin = max(own[0].request, trace.left())
    to_challenges = {
        index
        for transaction in own
        if any(response in answered for response in transaction.responses)
        for index in transaction.acks
    }
    return [
        Observed(token=message.method, index=index, answered=index in to_challenges)
        for index, event, message in trace.messages()
        if message.method in METHODS
        and message.method != trace.method
        and index > begin
        and message.call_id in calls
        and not event.retransmission
        and (message.method == "BYE" or isinstance(event, _sender(message.method, trace)))
    ]


def _sender(method: str, trace: Trace) -> type[MessageSent] | type[MessageReceived]:
    """Return who sends a method: the caller, and NOTIFY comes from the side that was asked."""
    return MessageReceived if (method == "NOTIFY") is not trace.serving else MessageSent


def status_words(message: SipMessage) -> str:
    """Return the status and reason phrase of a response, fit to be shown."""
    return quote(f"{message.status} {message.reason or ''}".strip())


def quote(text: str) -> str:
    """Return words of the peer, short and without control characters."""
    shown = printable(text)
    return shown if len(shown) <= LONGEST_QUOTE else f"{shown[:LONGEST_QUOTE]}…"


def is_challenge(status: int) -> bool:
    """Whether a status asks for credentials."""
    return status in CHALLENGES
