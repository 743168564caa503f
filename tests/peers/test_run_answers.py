"""`sipprobe run` against far ends that answer, refuse, ring, stall, repeat and fork."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from ports import LOOPBACK
from sipp import SippUas
from userfolder import Run, UserFolder

StartUas = Callable[..., SippUas]
RunCall = Callable[..., Run]

REASONS = {
    403: "Forbidden",
    404: "Not Found",
    480: "Temporarily Unavailable",
    488: "Not Acceptable Here",
    500: "Server Internal Error",
    503: "Service Unavailable",
    603: "Decline",
}


@pytest.fixture
def run_call(folder: UserFolder) -> RunCall:
    """Give a function that calls a far end once; `more` are further keys of the step."""
    folder.trunk(uri=f"sip:100@{LOOPBACK}", password="not-asked-for-pass")

    def run(uas: SippUas, *more: str) -> Run:
        lines = [f'- call: "sip:+12025550123@{LOOPBACK}:{uas.port}"', *(f"  {key}" for key in more)]
        folder.scenario("\n".join(lines))
        return folder.run("check")

    return run


def only(run: Run) -> dict[str, Any]:
    """Return the one finding of a run."""
    (finding,) = run.findings
    return finding


def sent(run: Run) -> list[str]:
    """Return the methods of our requests, retransmissions included."""
    return [m["text"].split(" ", 1)[0] for m in run.messages("MessageSent")]


def caret(run: Run) -> tuple[str, int, int]:
    """Return the text over the caret of the report, and the line and column that it names."""
    found = re.search(
        r"^  --> \S+?:(\d+):(\d+)\n(\d+ \| )(.*)\n *\|?( *)(\^+)", run.finished.stdout, re.MULTILINE
    )
    assert found is not None, run.finished.stdout
    lines = run.finished.stdout.splitlines()
    row = next(number for number, line in enumerate(lines) if line.startswith("  --> "))
    marks = lines[row + 2]
    start, end = marks.index("^"), marks.rindex("^") + 1
    return lines[row + 1][start:end], int(found[1]), int(found[2])


# Refusals


def test_busy_is_named_and_is_no_fault_of_the_trunk(sipp_uas: StartUas, run_call: RunCall) -> None:
    """486: NOT_MET where an answer was expected, acknowledged, explained by its code."""
    uas = sipp_uas("busy")
    run = run_call(uas)
    assert run.exit_code == 1
    finding = only(run)
    assert finding["responses"][-1] == 486
    assert finding["failure"] is None
    assert finding["explanation"]["reference"]["code"] == 486
    assert sent(run) == ["INVITE", "ACK"]
    assert uas.wait() == 0


@pytest.mark.parametrize("code", sorted(REASONS))
def test_a_refusal_is_reported_with_the_code_that_came(
    sipp_uas: StartUas, run_call: RunCall, code: int
) -> None:
    """The code, its meaning and its section stand in the report; the ACK was sent; no BYE."""
    uas = sipp_uas("refuse", keys={"code": str(code), "reason": REASONS[code]})
    run = run_call(uas)
    assert run.exit_code == 1
    finding = only(run)
    assert finding["responses"] == [100, code]
    assert (finding["failure"], finding["stack_status"]) == (None, None)
    reference = finding["explanation"]["reference"]
    assert reference["code"] == code
    assert reference["defined_in"].startswith("RFC 3261")
    assert finding["explanation"]["certainty"] != "certain"  # only the far end knows its reason
    assert f"{code} {REASONS[code]}" in run.finished.stdout
    assert sent(run) == ["INVITE", "ACK"]
    assert uas.wait() == 0


def test_a_refusal_that_was_expected_is_met(sipp_uas: StartUas, run_call: RunCall) -> None:
    """A class, an alternative and the ACK in one sequence."""
    uas = sipp_uas("refuse", keys={"code": "404", "reason": "Not Found"})
    run = run_call(uas, "expect: {responses: 100? 404|484 ACK}")
    assert run.exit_code == 0, run.finished.stdout


def test_what_the_refusal_says_of_itself_is_evidence(sipp_uas: StartUas, run_call: RunCall) -> None:
    """A Reason header with a Q.850 cause is quoted."""
    reason = 'Reason: Q.850;cause=34;text="no circuit available"'
    run = run_call(sipp_uas("refuse", keys={"code": "503", "extra": reason}))
    says = " ".join(fact["says"] for fact in only(run)["explanation"]["evidence"])
    assert "cause=34" in says


def test_a_refusal_is_tried_again_where_the_scenario_says_so(
    sipp_uas: StartUas, run_call: RunCall
) -> None:
    """Three tries, each with a Call-ID of its own, all kept."""
    uas = sipp_uas("refuse", calls=3)
    run = run_call(uas, "retry: {times: 2, wait: 0.1s, on: 503}")
    finding = only(run)
    assert (run.exit_code, finding["tries"]) == (1, 3)
    assert len(run.traces["findings"][0]["tries"]) == 3
    assert uas.wait() == 0
    call_ids = {m.header("Call-ID") for m in uas.messages() if not m.sent}
    assert len(call_ids) == 3


# Ringing


def test_a_ringing_call_is_cancelled_when_asked(sipp_uas: StartUas, run_call: RunCall) -> None:
    """`ring_for`: CANCEL, its 200, 487 for the INVITE, our ACK."""
    uas = sipp_uas("ring_forever")
    run = run_call(uas, "ring_for: 0.3s", "expect: {responses: 180 CANCEL 487 ACK}")
    assert run.exit_code == 0, run.finished.stdout
    assert only(run)["responses"] == [100, 180, 487]
    assert sent(run) == ["INVITE", "CANCEL", "ACK"]
    assert uas.wait() == 0


def test_ringing_for_ever_ends_when_the_scenario_says(
    sipp_uas: StartUas, run_call: RunCall
) -> None:
    """`answer_within` over: CANCEL, and the report says that it rang and which key decides."""
    uas = sipp_uas("ring_forever")
    run = run_call(uas, "answer_within: 1s")
    finding = only(run)
    assert run.exit_code == 1
    assert finding["failure"] == "NO_FINAL_RESPONSE"
    assert finding["deadline"] == "answer_within 1 s"
    assert 180 in finding["responses"]
    assert "answer_within" in run.finished.stdout
    assert re.search(r"\brang\b|\bring", finding["explanation"]["summary"])
    assert uas.wait() == 0


def test_trying_and_nothing_more_is_not_silence(sipp_uas: StartUas, run_call: RunCall) -> None:
    """A 100 alone: NO_FINAL_RESPONSE after `answer_within`, and no ringing is claimed."""
    uas = sipp_uas("trying_only")
    run = run_call(uas, "answer_within: 1s")
    finding = only(run)
    assert run.exit_code == 1
    assert finding["outcome"] == "NOT_MET"
    assert finding["failure"] == "NO_FINAL_RESPONSE"
    assert finding["responses"][0] == 100
    assert finding["timing"]["pdd_s"] is None
    assert not re.search(r"\bit rang\b", finding["explanation"]["summary"])
    assert uas.wait() == 0


# Answers


def test_a_repeated_200_is_a_warning_about_the_lost_ack(
    sipp_uas: StartUas, run_call: RunCall
) -> None:
    """The far end repeats its 200 although we acknowledge: met, with a warning that says why."""
    uas = sipp_uas("retransmit")
    run = run_call(uas, "hangup_after: 0.6s")
    finding = only(run)
    assert run.exit_code == 0, run.finished.stdout
    warnings = " ".join(finding["warnings"])
    assert "200" in warnings
    assert "ACK" in warnings
    assert finding["responses"] == [100, 180, 200]
    assert sent(run).count("ACK") >= 2  # each copy is acknowledged
    assert sent(run).count("BYE") == 1
    assert uas.wait() == 0


def test_early_media_is_a_183_before_the_ringing(sipp_uas: StartUas, run_call: RunCall) -> None:
    """183 with SDP, then 180, then 200: the sequence holds and pdd counts from the first 18x."""
    uas = sipp_uas("early_media")
    run = run_call(
        uas,
        "hangup_after: 0.2s",
        "expect: {responses: 100 183 180 200 ACK BYE, sdp: {codec: PCMU}, timing: {pdd: max 2s}}",
    )
    assert run.exit_code == 0, run.finished.stdout
    timing = only(run)["timing"]
    assert 0 < timing["pdd_s"] < timing["setup_s"]


def test_the_far_end_may_hang_up_first_and_that_is_said(
    sipp_uas: StartUas, run_call: RunCall
) -> None:
    """Its BYE 50 ms after the answer is answered; ours is not sent on top of it."""
    uas = sipp_uas("bye_soon")
    run = run_call(uas, "hangup_after: 3s")
    assert "BYE" not in sent(run)
    assert uas.wait() == 0  # its BYE was answered
    received = [line for line in run.first_lines() if line.startswith("< BYE")]
    assert len(received) == 1
    assert only(run)["timing"]["total_s"] < 3.0
    assert "the peer hung up first" in run.finished.stdout


def test_an_answer_without_a_session_is_unusable(sipp_uas: StartUas, run_call: RunCall) -> None:
    """A 200 without SDP: the code came, the call could not be used, and both are said."""
    uas = sipp_uas("no_sdp")
    run = run_call(uas)
    finding = only(run)
    assert run.exit_code == 1
    assert finding["outcome"] == "NOT_MET"
    assert finding["failure"] == "UNUSABLE_ANSWER"
    assert finding["responses"][-1] == 200
    assert sent(run) == ["INVITE", "ACK", "BYE"]
    assert uas.wait() == 0


def test_a_forked_call_is_answered_by_one_of_two_phones(
    sipp_uas: StartUas, run_call: RunCall
) -> None:
    """Two ringing dialogs, one answer: met, and both dialogs are in the trace."""
    uas = sipp_uas("forked")
    run = run_call(uas, "hangup_after: 0.2s", "expect: {responses: 180 200 ACK BYE}")
    assert run.exit_code == 0, run.finished.stdout
    ringing = [m["text"] for m in run.messages("MessageReceived") if " 180 " in m["text"][:16]]
    assert len({re.search(r"(?m)^To:.*tag=(\S+)", text)[1] for text in ringing}) == 2  # type: ignore[index]  # each 180 here has a tag
    assert uas.wait() == 0


def test_a_challenged_call_is_two_transactions_of_one_call(
    sipp_uas: StartUas, run_call: RunCall
) -> None:
    """407, ACK, INVITE with credentials under the same Call-ID, answered."""
    uas = sipp_uas("challenge")
    run = run_call(
        uas, "hangup_after: 0.2s", "expect: {challenge: required, responses: 180 200 ACK BYE}"
    )
    assert run.exit_code == 0, run.finished.stdout
    assert only(run)["responses"] == [180, 200]
    assert sent(run) == ["INVITE", "ACK", "INVITE", "ACK", "BYE"]
    assert len({re.search(r"(?m)^Call-ID: *(\S+)", m["text"])[1] for m in run.messages()}) == 1  # type: ignore[index]  # each message has one
    assert uas.wait() == 0


# Expectations that are not met


@pytest.mark.parametrize(
    ("expect", "pointed", "says"),
    [
        ("{responses: 100 183 200}", "183", "expected 183, got 180"),
        ("{responses: 100 180 486}", "486", "expected 486, got 200"),
        ("{responses: 180 200, sdp: {codec: PCMA}}", "PCMA", "PCMU"),
        ("{responses: 180 200, timing: {setup: max 1ms}}", "max 1ms", "setup"),
        ("{responses: 180 200, headers: {Contact: absent}}", "absent", "Contact"),
        ("{responses: 180 200, challenge: required}", "required", "challenge"),
    ],
)
def test_a_mismatch_points_at_the_word_that_was_not_met(  # noqa: PLR0913, PLR0917 - and a table
    sipp_uas: StartUas, run_call: RunCall, folder: UserFolder, expect: str, pointed: str, says: str
) -> None:
    """The caret stands under the word of the file, and the message shows both sides."""
    run = run_call(sipp_uas("answer"), "hangup_after: 0.1s", f"expect: {expect}")
    assert run.exit_code == 1
    word, line, column = caret(run)
    assert word == pointed
    written = (folder.path / "scenarios" / "check.sip.yaml").read_text().splitlines()
    assert written[line - 1][column - 1 :].startswith(pointed)
    assert says in run.finished.stdout
    (mismatch,) = only(run)["mismatches"]
    assert mismatch["source"] == f"scenarios/check.sip.yaml:{line}:{column}"
    events = run.traces["findings"][0]["tries"][-1]["events"]
    assert all(0 <= place < len(events) for place in mismatch["evidence"])


def test_interval_is_corrected_once(sipp_uas: StartUas, folder: UserFolder) -> None:
    """A registrar that always wants a longer registration is asked again once, not for ever."""
    uas = sipp_uas("register_423")
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{uas.port}", password="not-asked-for-pass")
    folder.scenario("- register:")
    run = folder.run("check")
    assert run.exit_code == 1
    assert only(run)["responses"] == [423, 423]
    assert sent(run) == ["REGISTER", "REGISTER"]
    assert only(run)["explanation"]["causes"][0]["id"] == "F063"


def test_hang_up_of_a_call_that_they_ended(sipp_uas: StartUas, folder: UserFolder) -> None:
    """A step that finds nothing to hang up says who ended the call, when, and why."""
    uas = sipp_uas("bye_soon")
    folder.trunk(uri=f"sip:100@{LOOPBACK}", password="not-asked-for-pass")
    call = f'- call: "sip:+12025550123@{LOOPBACK}:{uas.port}"'
    folder.scenario(f"{call}\n- wait: 2s\n- hangup:")
    run = folder.run("check")
    hangup = run.findings[-1]
    assert (hangup["method"], hangup["outcome"]) == ("BYE", "NOT_MET")
    assert "had hung up" in hangup["explanation"]["observed"][0]
    assert hangup["explanation"]["causes"][0]["id"] == "F144"
