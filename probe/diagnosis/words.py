"""What happened, in plain words: the sentence every explanation begins with.

Where no response arrived, no code is named: the failure has words of its own, and a deadline of
ours is called by its name in the scenario.
"""

from probe.diagnosis.case import Case, seconds
from probe.diagnosis.quote import plain
from probe.trace.failure import OURS, Failure

FAILURE_WORDS = {
    Failure.NO_RESPONSE: "Our {method} to {target} over {transport} got no answer at all.",
    Failure.NO_FINAL_RESPONSE: "Our {method} got a first sign of life, but no final response.",
    Failure.PORT_UNREACHABLE: "No program listens on the UDP port of {target}.",
    Failure.HOST_UNREACHABLE: "The network cannot reach {target}.",
    Failure.PROHIBITED: "A filter on the way refuses our packets to {target}.",
    Failure.NAME_RESOLUTION: "The name {host} gave no address, so nothing was sent.",
    Failure.NO_ROUTE: "This machine has no route to {target}, so nothing was sent.",
    Failure.LOCAL_PORT: "This machine gave us no local port, so nothing was sent.",
    Failure.TCP_REFUSED: "{target} refused the TCP connection.",
    Failure.TCP_TIMEOUT: "{target} did not answer our TCP connection.",
    Failure.CONNECTION_LOST: "{target} closed the connection before it answered.",
    Failure.TLS_CERTIFICATE: "The certificate of {target} failed verification.",
    Failure.TLS_HANDSHAKE: "The TLS handshake with {target} failed.",
    Failure.MESSAGE_TOO_LONG: "Our {method} is too long to be sent, so nothing was sent.",
    Failure.UNUSABLE_ANSWER: "{host} answered, but our side could not use the answer.",
    Failure.RESPONSE_DISCARDED: "{host} sent something that our side could not read.",
    Failure.NO_CALL: "No call reached our called side in time.",
    Failure.NO_REQUEST: "No {method} reached us in time.",
    Failure.AGENT_CRASHED: "Our own test process died during the attempt.",
    Failure.AGENT_HUNG: "Our own test process stopped answering and was ended.",
    Failure.AGENT_REFUSED: "Our own user agent would not carry out the step.",
    Failure.SCENARIO_DEADLINE: "The scenario's own time limit ended the attempt.",
    Failure.INTERRUPTED: "The run was interrupted before the attempt was decided.",
    Failure.NOT_ATTEMPTED: "The step was not tried.",
}
"""One sentence for each failure."""

_NOBODYS = frozenset({Failure.INTERRUPTED, Failure.NOT_ATTEMPTED})
"""Inconclusive without a fault of anybody."""

_KEYS = {
    "answer_within": "the longest wait from the first provisional response to a final one; "
    "`answer_within:` changes it",
    "scenario": "the limit of the whole scenario; `timeout:` at the top of the file changes it",
    "settle": "the wait for the answer to a hang-up of ours, which is fixed",
    "timeout": "the longest wait for any response; `timeout:` of the step changes it",
}
"""What each deadline is, and the key that changes it."""


def what_happened(case: Case) -> str:
    """Return one sentence on the outcome of the attempt."""
    if case.failure is not None and (case.reply is None or case.failed(Failure.UNUSABLE_ANSWER)):
        return case.fill(FAILURE_WORDS[case.failure.failure])
    if case.reply is None and case.hung_up_before is not None:
        after = seconds(case.after_answer(case.hung_up_before))
        return f"They had hung up {after} after their answer, before our step did."
    if case.reply is None:
        return case.fill("Our {method} got no final response.")
    if case.reply.ours:
        return case.fill("The phone system answered the incoming {method} with {answer}.")
    return case.fill("{host} answered our {method} with {answer} after {took}.")


def deadline(case: Case) -> str:
    """Return which deadline of ours ended the attempt and how to change it; empty if none did."""
    if case.failure is None or not case.failure.deadline:
        return ""
    said = plain(case.failure.deadline)
    name = said.split(" ", 1)[0].rstrip(":=")
    return f"Our own deadline ended it ({said}): {_KEYS.get(name, 'a limit of ours')}."


def observations(case: Case) -> tuple[str, ...]:
    """Return what the trace shows, without interpretation."""
    found = [what_happened(case)]
    if case.verdict.observed:
        found.append(
            f"Observed: {plain(case.verdict.observed)}; expected: {plain(case.verdict.expected)}."
        )
    found.extend(filter(None, (deadline(case), _ringing(case), _position(case), _seen(case))))
    return tuple(found)


def _ringing(case: Case) -> str:
    if case.rang is None:
        return ""
    return f"{case.rang.status} came first; {seconds(case.rang_s)} passed from it to the end."


def _position(case: Case) -> str:
    if case.reply is None or case.reply.ours or case.status < 300:
        return ""
    if case.login.decided_after:
        return "The refusal came after our login was sent."
    if case.login.challenges:
        return "They asked for a login, and we sent none."
    return "The refusal came without any demand for a login."


def _seen(case: Case) -> str:
    if case.seen_address is None or case.seen_address[0] == case.local_host:
        return ""
    return case.fill("They saw us at {seen}; our own address is {local}.")


def nothing_learned(case: Case) -> str:
    """Return the preface of an inconclusive attempt."""
    ours = case.failure is not None and case.failure.failure in OURS - _NOBODYS
    return (
        "Nothing was learned about the trunk: the fault is on our side."
        if ours
        else ("Nothing was learned about the trunk.")
    )
