"""From what an executor recorded to the report."""

from datetime import datetime, timezone
from pathlib import Path

import pytest
from msgspec.structs import replace
from reportbuilder import attempt, verdict
from wirebuilder import Wire, answered_call, refused_call, register_ok

from probe import __version__, runner
from probe.diagnosis.explanation import Cause, Certainty, Evidence, Explanation
from probe.executor.crew import EngineMissingError
from probe.executor.local import PlanRun, Ran
from probe.plan.action import Wait
from probe.plan.plan import Attempt, Plan
from probe.report.model import Finding, RunReport
from probe.results import RunFolder, load
from probe.scenario.reading import read
from probe.scenario.schema import Retry
from probe.trace.failure import Failure
from probe.trace.trace import Trace
from probe.verdict.verdict import Mismatch, Outcome

PASSWORD = "s3cret-password"
"""That of reportbuilder's account."""

SETTING = runner.Setting(
    run_id="2026-11-21T01-02-03Z-x",
    started_at=datetime(2026, 11, 21, 1, 2, 3, tzinfo=timezone.utc),
    vantage="probe-1",
    notes=("the embedded trunk answered",),
)


def plan_of(*attempts: Attempt, name: str = "trunk-check", warnings: tuple[str, ...] = ()) -> Plan:
    """Return a plan of attempts."""
    return Plan(
        scenario=name,
        name=f"Title of {name}",
        file=f"{name}.sip.yaml",
        tags=(),
        trunk="carrier",
        accounts=tuple({a.account.name: a.account for a in attempts if a.account}.values()),
        attempts=attempts,
        timeout=60.0,
        warnings=warnings,
    )


class Recorded:
    """An executor that gives back what was recorded before, plan by plan."""

    def __init__(self, *done: PlanRun, interrupted_after: int | None = None) -> None:
        self._done = list(done)
        self._interrupted_after = interrupted_after
        self.carried_out: list[str] = []
        self.skip = False

    @property
    def interrupted(self) -> bool:
        """Whether the user ended the run."""
        return self._interrupted_after == len(self.carried_out)

    @property
    def skipping(self) -> bool:
        """Whether further plans are left out."""
        return self.skip or self.interrupted

    def run(self, plan: Plan) -> PlanRun:
        """Return the next recording."""
        self.carried_out.append(plan.scenario)
        return self._done.pop(0)


def recorded(
    *tries: tuple[Trace, ...],
    alarms: tuple[str, ...] = (),
    cleanup: Trace | None = None,
    engine: str = "2.15.1",
) -> PlanRun:
    """Return one plan as carried out: each attempt with its tries."""
    ran = tuple(Ran(attempt=attempt(traces[0]), tries=traces) for traces in tries)
    return PlanRun(ran=ran, cleanup=cleanup, alarms=alarms, engine=engine)


def run_one(done: PlanRun, setting: runner.Setting = SETTING) -> RunReport:
    """Run one plan that was carried out like this."""
    plan = plan_of(*(ran.attempt for ran in done.ran))
    return runner.run((plan,), Recorded(done), setting, elapsed=lambda: 1.5)


ANSWERED = answered_call().trace()
REFUSED = refused_call(503).trace()


# -- the report ------------------------------------------------------------------------------------


def test_report_says_where_when_and_with_what() -> None:
    """What holds for the whole run comes from its setting, the engine from its workers."""
    report = run_one(recorded((ANSWERED,)))
    assert report.run_id == SETTING.run_id
    assert report.started_at == SETTING.started_at
    assert report.duration_s == 1.5
    assert report.vantage == "probe-1"
    versions = dict(report.versions)
    assert versions["sipprobe"] == __version__
    assert versions["pjsip"] == "2.15.1"
    assert versions["python"].startswith("3.")
    assert report.notes == ("the embedded trunk answered",)
    assert tuple(report.cleanup) == ()
    assert not report.interrupted
    assert report.folder is None


def test_met_attempt_needs_no_explanation() -> None:
    """A pass is a verdict alone."""
    (finding,) = run_one(recorded((ANSWERED,))).findings
    assert finding.scenario == "trunk-check"
    assert finding.title == "Title of trunk-check"
    assert finding.last.verdict.outcome is Outcome.MET
    assert finding.last.explanation is None
    assert not finding.flaky


def test_unmet_attempt_is_explained() -> None:
    """A refusal is judged and comes with why."""
    (finding,) = run_one(recorded((REFUSED,))).findings
    assert finding.last.verdict.outcome is Outcome.NOT_MET
    assert finding.last.explanation is not None
    assert finding.last.explanation.reference is not None
    assert finding.last.explanation.reference.code == 503


def test_failure_of_ours_is_explained_too() -> None:
    """An inconclusive attempt says what broke on our side."""
    crashed = Wire("INVITE").send("INVITE").fail(Failure.AGENT_CRASHED).trace()
    (finding,) = run_one(recorded((crashed,))).findings
    assert finding.last.verdict.outcome is Outcome.INCONCLUSIVE
    assert finding.last.explanation is not None


def test_pass_after_a_retry_is_flaky() -> None:
    """Every try is kept, judged and explained by itself; the last one decides."""
    report = run_one(recorded((REFUSED, ANSWERED)))
    (finding,) = report.findings
    assert finding.flaky
    assert [one.verdict.outcome for one in finding.tries] == [Outcome.NOT_MET, Outcome.MET]
    assert [one.explanation is None for one in finding.tries] == [False, True]
    assert report.counts() == {"met": 1, "not_met": 0, "inconclusive": 0, "flaky": 1}


def test_talk_and_wait_are_no_findings() -> None:
    """Letting time pass cannot fail."""
    call = attempt(ANSWERED)
    wait = replace(
        call,
        index=2,
        step=3,
        label="wait 1 s",
        method="",
        action=Wait(attempt=2, account="", duration=1.0),
    )
    done = PlanRun(
        ran=(Ran(attempt=call, tries=(ANSWERED,)), Ran(attempt=wait, tries=(ANSWERED,))),
        cleanup=None,
        alarms=(),
        engine="",
    )
    assert [finding.attempt.step for finding in run_one(done).findings] == [2]


def test_findings_keep_the_order_of_plans_and_are_told_at_once() -> None:
    """Whoever listens hears of each finding before the next plan is carried out."""
    registered = register_ok().trace()
    executor = Recorded(recorded((registered,), (ANSWERED,)), recorded((REFUSED,)))
    plans = (
        plan_of(attempt(registered, step=1), attempt(ANSWERED), name="a"),
        plan_of(attempt(REFUSED), name="b"),
    )
    heard: list[tuple[str, int]] = []

    def found(finding: Finding) -> None:
        heard.append((finding.attempt.label, len(executor.carried_out)))

    report = runner.run(plans, executor, SETTING, elapsed=lambda: 1.0, found=found)
    assert heard == [("register trunk", 1), ("call +12025550123", 1), ("call +12025550123", 2)]
    assert [finding.scenario for finding in report.findings] == ["a", "a", "b"]


def test_engine_is_that_of_the_first_worker_that_came_up() -> None:
    """A plan without a worker does not blank the version."""
    plans = (plan_of(name="a"), plan_of(name="b"), plan_of(name="c"))
    done = (recorded(engine=""), recorded(engine="2.15.1"), recorded(engine="2.16"))
    report = runner.run(plans, Recorded(*done), SETTING, elapsed=lambda: 1.0)
    assert dict(report.versions)["pjsip"] == "2.15.1"


# -- what ends a run early -------------------------------------------------------------------------


def test_plans_that_are_left_out_are_named() -> None:
    """After -x nothing more is carried out, and the report says what is missing."""
    executor = Recorded(recorded((REFUSED,)), recorded((ANSWERED,)))

    def found(_finding: Finding) -> None:
        executor.skip = True

    plans = tuple(plan_of(attempt(REFUSED), name=name) for name in "abc")
    report = runner.run(plans, executor, SETTING, elapsed=lambda: 1.0, found=found)
    assert executor.carried_out == ["a"]
    assert report.notes[-1] == "not carried out: b, c"
    assert not report.interrupted


def test_interruption_is_told() -> None:
    """What was recorded until then is judged, the rest is named."""
    executor = Recorded(recorded((ANSWERED,)), interrupted_after=1)
    plans = tuple(plan_of(attempt(ANSWERED), name=name) for name in "ab")
    report = runner.run(plans, executor, SETTING, elapsed=lambda: 1.0)
    assert report.interrupted
    assert len(report.findings) == 1
    assert report.notes[1:] == (
        "not carried out: b",
        "the run was interrupted; calls and registrations were ended",
    )


# -- notes -----------------------------------------------------------------------------------------


def test_alarms_and_warnings_become_notes_once() -> None:
    """What a person must look at is said, and not once for each plan."""
    alarm = "trunk: the call to sip:100@pbx.example may still be up"
    plans = tuple(
        plan_of(name=name, warnings=("trunk: the TLS server is not verified",)) for name in "ab"
    )
    executor = Recorded(recorded(alarms=(alarm,)), recorded(alarms=(alarm,)))
    report = runner.run(plans, executor, SETTING, elapsed=lambda: 1.0)
    assert report.notes == (
        "the embedded trunk answered",
        "trunk: the TLS server is not verified",
        f"look at it by hand: {alarm}",
    )


# -- secrets ---------------------------------------------------------------------------------------


def test_password_that_a_peer_repeats_is_nowhere() -> None:
    """Not in a trace, the clean-up, a verdict, an explanation or a note."""
    leaking = refused_call(
        403, f"bad {PASSWORD}", headers={"Warning": f'399 pbx "{PASSWORD}"', "X-Echo": PASSWORD}
    ).trace()
    silent = Wire("INVITE").send("INVITE").fail(Failure.NO_RESPONSE, detail=PASSWORD).trace()
    done = recorded(
        (leaking, silent),
        (silent, leaking),
        cleanup=leaking,
        alarms=(f"the call to sip:{PASSWORD}@pbx.example may still be up",),
    )
    report = run_one(done)
    assert PASSWORD not in repr(replace(report, findings=()))
    for finding in report.findings:
        assert PASSWORD not in repr(finding)
    mismatch = report.findings[1].last.verdict.mismatches[0]
    assert "bad redacted" in mismatch.message + mismatch.observed
    (cleanup,) = report.cleanup
    assert cleanup.message(2).reason == "bad redacted"


def test_nothing_that_is_said_quotes_a_secret() -> None:
    """Every sentence of a verdict and of an explanation is looked through; words of ours stay."""
    hiding = runner._Hiding.of(plan_of(attempt(REFUSED)), ())
    text, place = f"saw {PASSWORD}", attempt(REFUSED).source
    mismatch = Mismatch(
        path="expect.responses", expected=text, observed=text, evidence=(), source=place,
        message=text,
    )  # fmt: skip
    said = verdict(
        Outcome.NOT_MET, mismatches=(mismatch,), warnings=(text,), expected=text, observed=text
    )
    why = Explanation(
        certainty=Certainty.LIKELY,
        causes=(Cause(id="F047", name="x", likelihood=Certainty.LIKELY, because=text),),
        summary=text,
        observed=(text,),
        inferred=(text,),
        evidence=(Evidence(event=1, says=text),),
        unknown=(text,),
        next_steps=(text,),
        reference=None,
    )
    for value in (hiding.verdict(said), hiding.explanation(why)):
        assert PASSWORD not in repr(value)
        assert repr(value).count("saw redacted") >= 6
    assert hiding.verdict(said).mismatches[0].source == place


def test_title_with_a_secret_is_hidden() -> None:
    """A title may name a number that came with --secret."""
    setting = replace(SETTING, secrets=("Title of",))
    (finding,) = run_one(recorded((ANSWERED,)), setting).findings
    assert finding.title == "redacted trunk-check"


def test_digest_response_is_nowhere() -> None:
    """What a password cracker could use is taken out of a registration."""
    sent = register_ok().trace()
    assert "0123456789abcdef0123456789abcdef" in repr(sent)
    (finding,) = run_one(recorded((sent,), cleanup=sent)).findings
    assert "0123456789abcdef0123456789abcdef" not in repr(finding)


def test_nonces_stay_equal_from_one_attempt_to_the_next() -> None:
    """Whether a registrar repeated its nonce can still be seen."""
    one = Wire("REGISTER").send("REGISTER").receive(401, nonce="first-nonce").trace()
    two = Wire("REGISTER").send("REGISTER").receive(401, nonce="second-nonce").trace()
    first, second, third = run_one(recorded((one,), (two,), (one,))).findings
    assert first.last.trace == third.last.trace
    assert first.last.trace != second.last.trace
    assert "first-nonce" not in repr(first)


def test_user_name_that_is_the_password_stays_readable() -> None:
    """A password that repeats the extension does not take the extension out of everything."""
    trace = refused_call(403, "no 4711 here").trace()
    plain = attempt(trace)
    assert plain.account is not None
    account = replace(plain.account, user="4711", auth_user="4711", password="4711")
    own = replace(plain, account=account)
    done = PlanRun(ran=(Ran(attempt=own, tries=(trace,)),), cleanup=None, alarms=(), engine="")
    report = runner.run((plan_of(own),), Recorded(done), SETTING, elapsed=lambda: 1.0)
    assert report.findings[0].last.trace.message(2).reason == "no 4711 here"
    assert "no 4711 here" in report.findings[0].last.verdict.mismatches[0].message


def test_secrets_of_a_plan_are_its_passwords() -> None:
    """Accounts without one add nothing; users and digest users are public."""
    own = attempt(ANSWERED).account
    assert own is not None
    other = replace(own, name="b", user="200", auth_user="device-200", password=None)
    plan = replace(plan_of(), accounts=(own, other))
    assert runner.secrets_of(plan) == (PASSWORD,)
    assert runner.public_of(plan) == ("100", "100", "200", "device-200")


def test_label_with_a_secret_number_is_hidden() -> None:
    """A number given with --secret is not read in the report; other labels stay as they are."""
    setting = replace(SETTING, secrets=("+12025550123", "abc"))
    (finding,) = run_one(recorded((ANSWERED,)), setting).findings
    assert finding.attempt.label == "call redacted"
    (finding,) = run_one(
        recorded((ANSWERED,)), replace(setting, secrets=("call 12345", ""))
    ).findings
    assert finding.attempt.label == "call +12025550123"


# -- another try -----------------------------------------------------------------------------------


def wants(trace: Trace, retry: Retry | None) -> bool:
    """Say whether an attempt with this trace would be tried again."""
    return runner.wants_another_try(replace(attempt(trace), retry=retry), trace)


def retry_on(*words: str) -> Retry:
    """Return a retry on words that a file may not hold, too."""
    return Retry(times=2, wait=0.0, on=words)


def failed(failure: Failure, *, with_100: bool = False) -> Trace:
    """Return a call that ended without a final response."""
    wire = Wire("INVITE").send("INVITE")
    return (wire.receive(100) if with_100 else wire).fail(failure).trace()


@pytest.mark.parametrize(
    ("trace", "words", "again"),
    [
        (REFUSED, ("503",), True),
        (REFUSED, ("50x",), True),
        (REFUSED, ("5xx",), True),
        (REFUSED, ("408", "timeout"), False),
        (refused_call(486).trace(), ("408", "503", "timeout"), False),
        (failed(Failure.NO_RESPONSE), ("timeout",), True),
        (failed(Failure.NO_FINAL_RESPONSE, with_100=True), ("timeout",), True),
        (failed(Failure.NO_RESPONSE), ("408", "503"), False),
        (failed(Failure.PORT_UNREACHABLE), ("timeout",), False),
        (failed(Failure.PORT_UNREACHABLE), ("PORT_UNREACHABLE",), True),
        (ANSWERED, ("200", "2xx"), False),
        (Wire("INVITE").send("INVITE").trace(), ("503", "timeout"), False),
    ],
)
def test_words_of_a_retry_decide(trace: Trace, words: tuple[str, ...], again: bool) -> None:
    """A final status, or the failure in its place; what was met is not tried again."""
    assert wants(trace, retry_on(*words)) is again


def test_without_a_retry_nothing_is_tried_again() -> None:
    """One call is one call."""
    assert not wants(REFUSED, None)


@pytest.mark.parametrize("status", [401, 403, 407])
def test_refused_credentials_are_never_tried_again(status: int) -> None:
    """Ban systems and fraud desks count them: no retry that a file can hold allows it."""
    challenged = Wire("INVITE").send("INVITE").receive(407).send("ACK").send("INVITE", auth=True)
    trace = challenged.receive(status).send("ACK").trace()
    assert not wants(trace, Retry(times=2))
    for word in (str(status), f"{status // 10}x", "4xx"):
        with pytest.raises(ValueError, match="would repeat a refusal"):
            read(Retry, {"times": "2", "on": word})


def test_answer_that_breaks_an_expectation_can_be_tried_again() -> None:
    """A final 2xx and a failure after it: the failure's word counts."""
    trace = answered_call().fail(Failure.UNUSABLE_ANSWER).trace()
    assert wants(trace, retry_on("UNUSABLE_ANSWER"))
    assert not wants(trace, retry_on("503"))


# -- while the run goes on, and when it breaks -----------------------------------------------------


def test_each_finding_is_told_by_itself_as_soon_as_it_is_judged() -> None:
    """Whoever stores hears of a finding once, and of its plan where there was cleaning up."""
    executor = Recorded(
        recorded((REFUSED,), cleanup=ANSWERED, engine="2.15.1"),
        recorded((ANSWERED,), alarms=("the call may still be up",), engine=""),
    )
    plans = tuple(plan_of(attempt(ANSWERED), name=name) for name in "ab")
    heard: list[tuple[int, RunReport]] = []
    runner.run(
        plans,
        executor,
        SETTING,
        elapsed=lambda: 1.5,
        told=lambda part: heard.append((len(executor.carried_out), part)),
    )
    assert [carried_out for carried_out, _ in heard] == [1, 1, 2]
    first, over, second = (part for _, part in heard)
    assert [[f.scenario for f in part.findings] for _, part in heard] == [["a"], [], ["b"]]
    assert [len(part.cleanup) for _, part in heard] == [0, 1, 0]
    assert first.notes == over.notes == SETTING.notes
    alarmed = (*SETTING.notes, "look at it by hand: the call may still be up")
    assert second.notes == alarmed
    assert dict(second.versions)["pjsip"] == "2.15.1"
    assert second.run_id == SETTING.run_id


def test_finding_is_on_disk_before_the_next_one_is_judged(tmp_path: Path) -> None:
    """A kill between two steps of one plan loses none that was judged."""
    folder = RunFolder.prepare(tmp_path, "x")
    on_disk: list[int] = []

    def found(_finding: Finding) -> None:
        on_disk.append(len(load(folder.path)["findings"]))

    done = recorded((ANSWERED,), (REFUSED,), (ANSWERED,))
    plan = plan_of(*(ran.attempt for ran in done.ran))
    runner.run((plan,), Recorded(done), SETTING, elapsed=lambda: 1.0, found=found, told=folder.add)
    assert on_disk == [1, 2, 3]


class Breaking(Recorded):
    """An executor with a bug in its last plan."""

    def __init__(self, *done: PlanRun, error: Exception) -> None:
        super().__init__(*done)
        self._error = error

    def run(self, plan: Plan) -> PlanRun:
        """Return the next recording, or break."""
        if not self._done:
            self.carried_out.append(plan.scenario)
            raise self._error
        return super().run(plan)


@pytest.mark.parametrize("error", [ZeroDivisionError("s3cret-password"), EngineMissingError("x")])
def test_error_of_ours_loses_nothing_that_was_found(error: Exception) -> None:
    """The report of what was finished comes with the error, and names what is missing."""
    executor = Breaking(recorded((REFUSED,)), error=error)
    plans = tuple(plan_of(attempt(REFUSED), name=name) for name in "abc")
    heard: list[RunReport] = []
    with pytest.raises(runner.RunBrokenError) as broken:
        runner.run(plans, executor, SETTING, elapsed=lambda: 1.0, told=heard.append)
    report = broken.value.report
    assert broken.value.cause is error
    assert executor.carried_out == ["a", "b"]
    assert [one.scenario for one in report.findings] == ["a"]
    assert not report.complete
    assert report.notes[1:] == (
        f"b was ended by an error of sipprobe itself: {type(error).__name__}",
        "not carried out: c",
    )
    assert [len(part.findings) for part in heard] == [1, 0]


def test_engine_that_is_missing_from_the_start_is_no_bug() -> None:
    """Nothing was found: it is told as what it is."""
    with pytest.raises(EngineMissingError):
        runner.run(
            (plan_of(),), Breaking(error=EngineMissingError("x")), SETTING, elapsed=lambda: 1.0
        )


def test_error_while_judging_keeps_the_steps_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that breaks on the second step does not take the first one with it."""

    def break_on_503(*_read: object) -> Explanation:
        raise KeyError("x")

    monkeypatch.setattr("probe.diagnosis.diagnose.explain", break_on_503)
    with pytest.raises(runner.RunBrokenError, match="KeyError") as broken:
        run_one(recorded((ANSWERED,), (REFUSED,)))
    report = broken.value.report
    assert [one.last.verdict.outcome for one in report.findings] == [Outcome.MET]
    assert report.notes[-1] == "trunk-check was ended by an error of sipprobe itself: KeyError"
