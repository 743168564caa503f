"""What a reader sees in the terminal."""

import re

import pytest
from msgspec.structs import replace
from reportbuilder import FILE, finding, report, timing, verdict, without_account
from wirebuilder import OFFER, REMOTE, Wire, answered_call, refused_call, register_ok, sdp

from probe.diagnosis.explanation import Cause, Certainty, Evidence, Explanation
from probe.report.model import Finding, Try
from probe.report.passed import label
from probe.report.terminal import headline, render, render_finding
from probe.scenario.source import NOWHERE, Source
from probe.trace.failure import Failure
from probe.trace.trace import AgentNote, IcmpReceived, TransportChanged
from probe.verdict.verdict import Measured, Mismatch, Outcome

FOLDER = "results/2026-11-21T01-02-03Z-trunk-check"


def why(  # noqa: PLR0913 - the fields of an explanation with defaults
    summary: str,
    *,
    certainty: Certainty = Certainty.UNDECIDED,
    causes: tuple[Cause, ...] = (),
    evidence: tuple[Evidence, ...] = (),
    unknown: tuple[str, ...] = (),
    steps: tuple[str, ...] = (),
) -> Explanation:
    """Return an explanation."""
    return Explanation(
        certainty=certainty,
        causes=causes,
        summary=summary,
        observed=(),
        inferred=(),
        evidence=evidence,
        unknown=unknown,
        next_steps=steps,
        reference=None,
    )


def mismatch(
    expected: str,
    observed: str,
    message: str,
    *,
    evidence: tuple[int, ...] = (),
    source: Source = NOWHERE,
) -> Mismatch:
    """Return a mismatch of the sequence."""
    return Mismatch(
        path="expect.responses",
        expected=expected,
        observed=observed,
        evidence=evidence,
        source=source,
        message=message,
    )


def at(column: int, length: int, text: str, line: int = 14) -> Source:
    """Return a place in the scenario."""
    return Source(file=FILE, line=line, column=column, length=length, text=text)


def lines(found: Finding, width: int = 100, verbosity: int = 0) -> list[str]:
    """Return the lines of one finding."""
    return render_finding(found, color=False, width=width, verbosity=verbosity).split("\n")


def test_pass_is_one_line_each() -> None:
    """A passing run shows what was observed, how long it took, and the counts."""
    passed = report(
        finding(register_ok().trace(), verdict(delays=timing(rrd_s=0.012)), step=1),
        finding(answered_call().trace(), verdict(delays=timing(pdd_s=0.5, setup_s=1.5))),
        folder=FOLDER,
        notes=("the embedded trunk answers on 127.0.0.1:40001",),
    )
    assert render(passed, color=False, width=100) == (
        "note: the embedded trunk answers on 127.0.0.1:40001\n"
        "PASS  trunk-check › register trunk   REGISTER 401 → 200   rrd 0.012 s\n"
        "PASS  trunk-check › call +12025550123   100 180 200 ACK … BYE 200   "
        "pdd 0.500 s   setup 1.500 s\n"
        f"2 met, 0 not met, 0 inconclusive in 2.9 s   {FOLDER}\n"
    )


def test_pass_is_folded_where_the_terminal_is_narrow() -> None:
    """A line that does not fit goes on below, broken between its facts."""
    found = finding(answered_call().trace(), verdict(delays=timing(pdd_s=0.5, setup_s=1.5)))
    assert lines(found, width=80) == [
        "PASS  trunk-check › call +12025550123   100 180 200 ACK … BYE 200   pdd 0.500 s",
        "      setup 1.500 s",
    ]


def test_attempt_without_messages_passes_with_its_name() -> None:
    """A wait has no flow, no delays and no account."""
    found = without_account(finding(Wire("", attempt="wait 2s").trace()))
    assert lines(found) == ["PASS  trunk-check › wait 2s"]
    assert lines(found, verbosity=1) == ["PASS  trunk-check › wait 2s", ""]


def test_warning_is_a_note_below_its_pass() -> None:
    """What held but deserves a look stands below, wrapped."""
    found = finding(register_ok().trace(), verdict(warnings=("rrd took " + "long " * 9,)))
    assert lines(found, width=50)[-2:] == [
        "      note: rrd took long long long long long long",
        "            long long long",
    ]


def test_pass_after_a_retry_is_flaky() -> None:
    """A pass that needed a second try says so, and the summary counts it."""
    first = Try(trace=refused_call(503).trace(), verdict=verdict(Outcome.NOT_MET), explanation=None)
    found = finding(answered_call().trace(), times=2, before=(first,))
    assert lines(found) == [
        "FLAKY trunk-check › call +12025550123   100 180 200 ACK … BYE 200   (attempt 2 of 3)"
    ]
    text = render(report(found), color=False, width=100)
    assert text.endswith("\n1 met, 0 not met, 0 inconclusive, 1 flaky in 2.9 s\n")


def test_verbose_pass_shows_its_ladder() -> None:
    """With -v a pass has its ladder, and an empty line after it."""
    assert lines(finding(register_ok().trace()), verbosity=1)[1:] == [
        "    probe                               pbx.example",
        "    0.000  ──── REGISTER ───────────────────▶",
        "   +0.010  ◀─── 401 ────────────────────────   answered",
        "   +0.010  ──── REGISTER + credentials ─────▶",
        "   +0.010  ◀─── 200 OK ─────────────────────",
        "",
    ]


def test_very_verbose_shows_every_message() -> None:
    """With -vv the messages of every try follow, line by line, and nothing else of the trace."""
    note = AgentNote(at=0.0, kind="warning", detail="no message")
    trace = Wire("OPTIONS").add(note).send("OPTIONS").resend().receive(200).trace()
    shown = lines(finding(trace), verbosity=2)
    heads = [line for line in shown if line.startswith("  try")]
    assert heads == [
        "  try 1, event 1, +0.010000 s, to 198.51.100.1:5060 over UDP",
        "  try 1, event 2, +0.020000 s, to 198.51.100.1:5060 over UDP, retransmission",
        "  try 1, event 3, +0.030000 s, from 198.51.100.1:5060 over UDP",
    ]
    assert "    CSeq: 1 OPTIONS" in shown


def carrier_503() -> Finding:
    """Return the failure that the documentation draws."""
    offer = sdp("PCMU", "G729")
    trace = (
        Wire("INVITE")
        .send("INVITE", body=offer, at=0.0)
        .receive(407, at=0.041)
        .send("ACK", at=0.042)
        .send("INVITE", auth=True, body=offer, at=0.044)
        .receive(100, at=0.082)
        .receive(183, body=sdp("PCMU"), at=2.002)
        .receive(503, headers={"Retry-After": "30", "Reason": "Q.850;cause=34"}, at=6.404)
        .send("ACK", at=6.405)
        .trace()
    )
    tried = Try(trace=trace, verdict=verdict(Outcome.NOT_MET), explanation=None)
    return finding(
        trace,
        verdict(
            Outcome.NOT_MET,
            mismatches=(
                mismatch(
                    "180",
                    "503 Service Unavailable",
                    "expected 180, got 503 Service Unavailable",
                    evidence=(6,),
                    source=at(28, 3, "      responses: 100? 183? 180 200"),
                ),
            ),
            expected="100? 183? 180 200",
            observed="100 183 503",
            delays=timing(pdd_s=1.958, total_s=6.4),
            measured=(Measured(name="pdd", value_s=1.958, bound="max 4s", state="ok"),),
        ),
        why(
            "The trunk accepted our credentials and gave early media, then had no circuit: "
            "overload or no route, not authentication.",
            certainty=Certainty.LIKELY,
            causes=(
                Cause(
                    id="F128",
                    name="Channel or CPS limit reached",
                    likelihood=Certainty.LIKELY,
                    because="the 503 names a time after which to try again",
                ),
                Cause(
                    id="F117",
                    name="No route to the destination",
                    likelihood=Certainty.UNDECIDED,
                    because="the call went as far as early media",
                ),
            ),
            evidence=(
                Evidence(event=6, says="Retry-After: 30"),
                Evidence(event=6, says="Reason: Q.850;cause=34"),
            ),
            unknown=("Which limit was reached.",),
            steps=("Check the channel limit of the account", "`sipprobe explain 503`"),
        ),
        times=2,
        host="sip.carrier.example",
        before=(tried, tried),
    )


def test_refused_call_is_the_whole_story() -> None:
    """Place, caret, expected against observed, ladder, why and what to do next."""
    assert render(report(carrier_503(), folder=FOLDER), color=False, width=84) == (
        "FAIL  trunk-check › call +12025550123                        (attempt 3 of 3, 6.4 s)\n"
        "  --> scenarios/trunk-check.sip.yaml:14:28\n"
        "14 |       responses: 100? 183? 180 200\n"
        "   |                            ^^^ expected 180, got 503 Service Unavailable\n"
        "   expected  100?  183?  180   200\n"
        "   observed  100   183   503\n"
        "                          ✗\n"
        "    probe                               sip.carrier.example\n"
        "    0.000  ──── INVITE (SDP PCMU,G729) ─────▶\n"
        "   +0.041  ◀─── 407 ────────────────────────   answered\n"
        "   +0.003  ──── INVITE + credentials ───────▶\n"
        "   +0.038  ◀─── 100 Trying ─────────────────\n"
        "   +1.920  ◀─── 183 (SDP PCMU) ─────────────   pdd 1.958 s ✓\n"
        "   +4.402  ◀─── 503 Retry-After: 30 ────────   ✗\n"
        "   +0.001  ──── ACK ────────────────────────▶\n"
        "\n"
        "    bound  measured  allowed  margin\n"
        "    pdd    1.958 s   max 4s   2.042 s left ✓\n"
        "\n"
        "  Why   The trunk accepted our credentials and gave early media, then had no\n"
        "        circuit: overload or no route, not authentication.\n"
        "        Evidence: Retry-After: 30; Reason: Q.850;cause=34\n"
        "        likely   F128 Channel or CPS limit reached: the 503 names a time after which\n"
        "                 to try again\n"
        "        possible F117 No route to the destination: the call went as far as early\n"
        "                 media\n"
        "        Unknown: Which limit was reached.\n"
        "  Next  Check the channel limit of the account\n"
        "        `sipprobe explain 503`\n"
        "  Trace results/2026-11-21T01-02-03Z-trunk-check/   call.pcap\n"
        "        again: sipprobe run trunk-check\n"
        "\n"
        "0 met, 1 not met, 0 inconclusive in 2.9 s   "
        "results/2026-11-21T01-02-03Z-trunk-check\n"
    )


def test_silence_is_told_with_its_deadline() -> None:
    """Nothing came back: the ladder counts our copies and names the deadline."""
    trace = (
        Wire()
        .send("INVITE", body=OFFER)
        .resend(at=0.5)
        .resend(at=1.5)
        .fail(Failure.NO_RESPONSE, status=408, at=10.0, deadline="timeout 10s")
        .trace()
    )
    failed = verdict(
        Outcome.NOT_MET,
        mismatches=(mismatch("100 or 180", "", "expected 180, got nothing", evidence=(3,)),),
        expected="100? 180 200",
        observed="no response (timeout 10s)",
        delays=timing(total_s=10.0),
    )
    assert lines(finding(trace, failed, why("Nothing came back."))) == [
        "FAIL  trunk-check › call +12025550123" + "(10.0 s)".rjust(63),
        "  expected 180, got nothing",
        "   expected  100?  180   200",
        "   observed        no response (timeout 10s)",
        "                    ✗",
        "    probe                               pbx.example",
        "    0.000  ──── INVITE (SDP PCMU,PCMA) ×3 ──▶",
        "  +10.000  ✗ no answer for 10.0 s (timeout)",
        "",
        "  Why   Nothing came back.",
        "  Trace again: sipprobe run trunk-check",
        "",
    ]


def test_code_that_the_stack_made_up_is_not_shown() -> None:
    """The 408 of our own timer stands nowhere in the report."""
    trace = Wire().send("INVITE").fail(Failure.NO_RESPONSE, status=408, at=10.0).trace()
    text = render(
        report(finding(trace, verdict(Outcome.NOT_MET, observed=""))), color=False, width=80
    )
    assert "408" not in text


def test_closed_port_is_told_by_icmp() -> None:
    """Who refused the datagram stands in the ladder, and where no mismatch points the step does."""
    trace = (
        Wire("REGISTER", attempt="register")
        .send("REGISTER")
        .add(
            IcmpReceived(at=0.001, remote=REMOTE, offender="198.51.100.1", icmp_type=3, icmp_code=3)
        )
        .fail(Failure.PORT_UNREACHABLE, status=503, at=0.002, detail="Connection refused")
        .trace()
    )
    failed = verdict(Outcome.NOT_MET, delays=timing(total_s=0.002))
    reason = why(
        "No program listens on 198.51.100.1:5060.",
        certainty=Certainty.CERTAIN,
        causes=(Cause(id="F014", name="Port closed", likelihood=Certainty.CERTAIN, because=""),),
    )
    assert lines(finding(trace, failed, reason))[1:] == [
        "  --> scenarios/trunk-check.sip.yaml:9:5",
        "    probe                                 pbx.example",
        "    0.000  ──── REGISTER ─────────────────────▶",
        "   +0.001  ◀─── ICMP port unreachable (3/3) ──   ✗",
        "   +0.001  ✗ nothing listens on that port: Connection refused",
        "",
        "  Why   No program listens on 198.51.100.1:5060. (F014)",
        "  Trace again: sipprobe run trunk-check",
        "",
    ]


def test_certificate_is_told_with_its_faults() -> None:
    """Nothing was sent: the ladder has no columns, only what verification said."""
    trace = (
        Wire("REGISTER", attempt="register", transport="TLS")
        .add(
            TransportChanged(
                at=0.02,
                transport="TLS",
                remote=REMOTE,
                state="disconnected",
                error="PJSIP_TLS_ECERTVERIF",
                tls="",
                certificate=("the issuer is not trusted", "the name does not match"),
            )
        )
        .fail(Failure.TLS_CERTIFICATE, status=503, at=0.021)
        .trace()
    )
    failed = verdict(Outcome.NOT_MET, delays=timing(total_s=0.021))
    assert lines(finding(trace, failed, why("The server could not prove who it is.")))[2:5] == [
        "    0.020  ✗ TLS certificate refused: the issuer is not trusted; the name does not match",
        "   +0.001  ✗ the peer's certificate was refused",
        "",
    ]


def test_crash_is_inconclusive() -> None:
    """Our own crash is no failure of the trunk, and is told where nothing explains it either."""
    trace = (
        Wire()
        .send("INVITE")
        .add(AgentNote(at=0.5, kind="crash", detail="the worker ended by SIGABRT"))
        .fail(Failure.AGENT_CRASHED)
        .trace()
    )
    broken = replace(finding(trace, verdict(Outcome.INCONCLUSIVE, delays=timing(total_s=0.51))))
    nowhere = replace(broken, attempt=replace(broken.attempt, source=NOWHERE))
    assert lines(nowhere, width=60) == [
        "INCONCLUSIVE trunk-check › call +12025550123         (0.5 s)",
        "    probe                               pbx.example",
        "    0.000  ──── INVITE ─────────────────────▶",
        "   +0.500  ✗ crash: the worker ended by SIGABRT",
        "   +0.010  ✗ our worker process crashed",
        "",
        "  Trace again: sipprobe run trunk-check",
        "",
    ]
    text = render(report(nowhere), color=False, width=80)
    assert text.endswith("\n0 met, 0 not met, 1 inconclusive in 2.9 s\n")


def test_interrupted_run_says_so() -> None:
    """The counts of a run that the user ended are marked."""
    stopped = replace(report(), interrupted=True)
    assert render(stopped, color=False, width=80) == (
        "0 met, 0 not met, 0 inconclusive in 2.9 s, interrupted\n"
    )


HOSTILE = "\x1b[2J\x1b]0;owned\x07<script>&\x00\u202e\udcff" + "A" * 100_000


def hostile() -> Finding:
    """Return a finding in which every word of the peer is hostile."""
    trace = (
        Wire()
        .send("INVITE")
        .receive(500, HOSTILE, headers={"Retry-After": HOSTILE})
        .raw(HOSTILE)
        .fail(Failure.CONNECTION_LOST, detail=HOSTILE, deadline=HOSTILE)
        .trace()
    )
    failed = verdict(
        Outcome.NOT_MET,
        mismatches=(
            mismatch(HOSTILE, HOSTILE, HOSTILE, source=at(3, 2, HOSTILE)),
            mismatch("100 200", HOSTILE, HOSTILE),
        ),
        warnings=(HOSTILE,),
        observed=HOSTILE,
    )
    cause = Cause(id="F001", name=HOSTILE, likelihood=Certainty.LIKELY, because=HOSTILE)
    reason = why(
        HOSTILE,
        causes=(cause,),
        evidence=(Evidence(event=1, says=HOSTILE),),
        unknown=(HOSTILE,),
        steps=(HOSTILE,),
    )
    return finding(trace, failed, reason, host=HOSTILE, scenario=HOSTILE)


@pytest.mark.parametrize("verbosity", [0, 1, 2])
def test_hostile_text_cannot_drive_the_terminal(verbosity: int) -> None:
    """No escape, bell, NUL, override or undecoded byte of a peer gets through."""
    full = replace(report(hostile(), folder=HOSTILE[:20], notes=(HOSTILE,)))
    text = render(full, color=False, width=80, verbosity=verbosity)
    assert all(line.isprintable() for line in text.split("\n"))
    text.encode("utf-8")


def test_hostile_text_cannot_fill_the_terminal() -> None:
    """A reason phrase of 100 kB leaves a report of a few screens."""
    assert len(render(report(hostile()), color=False, width=80)) < 20_000


def test_color_is_added_only_where_asked() -> None:
    """The same text, with and without SGR escapes."""
    reports = report(carrier_503(), finding(register_ok().trace()), notes=("x",), folder=FOLDER)
    bare = render(reports, color=False, width=84)
    bright = render(reports, color=True, width=84)
    assert "\x1b" not in bare
    assert "\x1b[1;31mFAIL\x1b[0m" in bright
    assert "\x1b[31m✗\x1b[0m" in bright
    assert re.sub(r"\x1b\[[0-9;]*m", "", bright) == bare


def test_narrow_terminal_is_respected() -> None:
    """At 60 columns nothing but paths is wider."""
    text = render(report(carrier_503()), color=False, width=60)
    assert [line for line in text.split("\n") if len(line) > 60] == []


def test_long_line_of_the_scenario_is_cut_around_the_caret() -> None:
    """A matrix row of 500 characters shows the part that matters."""
    source = at(300, 3, "x" * 299 + "180" + "y" * 200)
    failed = verdict(
        Outcome.NOT_MET, mismatches=(mismatch("180", "503", "expected 180", source=source),)
    )
    shown = lines(finding(refused_call(503).trace(), failed), width=60)
    number, caret = shown[2], shown[3]
    assert len(number) == 60
    assert number[caret.index("^") : caret.rindex("^") + 1] == "180"


def test_message_that_does_not_fit_beside_the_caret_stands_below() -> None:
    """A long message does not push the line over the edge."""
    source = at(30, 3, " " * 29 + "180")
    failed = verdict(
        Outcome.NOT_MET,
        mismatches=(mismatch("180", "503", "expected 180, got something else", source=source),),
    )
    assert lines(finding(refused_call(503).trace(), failed), width=50)[3:5] == [
        "   |                              ^^^",
        "   | expected 180, got something else",
    ]


def test_place_without_its_line_still_has_the_message() -> None:
    """Where the text of the line is not known the message stands alone."""
    failed = verdict(
        Outcome.NOT_MET, mismatches=(mismatch("180", "503", "expected 180", source=at(1, 1, "")),)
    )
    assert lines(finding(refused_call(503).trace(), failed))[1:3] == [
        "  --> scenarios/trunk-check.sip.yaml:14:1",
        "   | expected 180",
    ]


@pytest.mark.parametrize(
    ("expected", "observed", "rows"),
    [
        (
            "100? 18x 200",
            "183 486",
            [
                "   expected  100?  18x   200",
                "   observed        183   486",
                "                          ✗",
            ],
        ),
        (
            "180+ 200 ACK",
            "180 183 200",
            [
                "   expected  180+  200   ACK",
                "   observed  180   183   200",
                "                    ✗",
            ],
        ),
        (
            "180 200",
            "100 180 180 486",
            ["   expected  180  200", "   observed  180  486", "                   ✗"],
        ),
        (
            "180 200",
            "180",
            ["   expected  180  200", "   observed  180", "                   ✗"],
        ),
        (
            "401|403 200?",
            "200",
            ["   expected  401|403  200?", "   observed  200", "              ✗"],
        ),
        (
            "200",
            "200 487",
            ["   expected  200", "   observed  200  487", "                   ✗"],
        ),
        (
            "200{0,2}",
            "486 BYE",
            [
                "   expected  200{0,2}",
                "   observed            486       BYE",
                "                        ✗",
            ],
        ),
        ("200", "200", ["   expected  200", "   observed  200"]),
        (
            "100? 180 200",
            "407 100, then no final response (timeout 10s)",
            [
                "   expected  100?  180   200",
                "   observed  100   no final response (timeout 10s)",
                "                    ✗",
            ],
        ),
        (
            "401 200",
            "407",
            ["   expected  401  200", "   observed  407", "              ✗"],
        ),
        (
            "100? 180 200",
            "no response (timeout 10s)",
            [
                "   expected  100?  180   200",
                "   observed        no response (timeout 10s)",
                "                    ✗",
            ],
        ),
        (
            "200",
            "200, then our own agent crashed",
            [
                "   expected  200",
                "   observed  200  our own agent crashed",
                "                   ✗",
            ],
        ),
        (
            "200",
            "486, then our own agent crashed",
            [
                "   expected  200",
                "   observed  486  our own agent crashed",
                "              ✗",
            ],
        ),
        ("(180 200)+", "486", ["   expected  (180 200)+", "   observed  486"]),
        ("NO_RESPONSE", "", ["   expected  NO_RESPONSE", "   observed  nothing"]),
        ("", "", ["   observed  nothing"]),
    ],
)
def test_observed_stands_under_expected(expected: str, observed: str, rows: list[str]) -> None:
    """Each word under the item that took it, and a cross where they part."""
    assert compared(expected, observed) == rows


def compared(
    expected: str, observed: str, *, path: str = "expect.responses", width: int = 100
) -> list[str]:
    """Return the rows below the message of a mismatch."""
    wrong = replace(mismatch("", "", "message"), path=path)
    failed = verdict(Outcome.NOT_MET, mismatches=(wrong,), expected=expected, observed=observed)
    found = lines(finding(Wire().trace(), failed), width=width)
    return found[2 : found.index("")]


def test_default_sequence_is_not_laid_side_by_side() -> None:
    """The default names no provisionals, so they are not what is wrong."""
    assert compared("2xx ACK BYE", "100 180 486", path="expect") == [
        "   expected  2xx ACK BYE",
        "   observed  100 180 486",
    ]


def test_other_expectations_need_no_rows() -> None:
    """What a bound or a header field expected stands beside the caret already."""
    assert compared("180 200", "180 200", path="expect.timing.pdd") == []


def test_sequence_too_wide_for_columns_is_wrapped() -> None:
    """Where the columns do not fit, both are plain text."""
    assert compared(" ".join(["180"] * 12), "486", width=50) == [
        "   expected  180 180 180 180 180 180 180 180 180",
        "             180 180 180",
        "   observed  486",
    ]


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (carrier_503(), "expected 180, got 503 Service Unavailable"),
        (
            finding(Wire().trace(), verdict(Outcome.NOT_MET), why("The port is closed.")),
            "The port is closed.",
        ),
        (
            finding(Wire().trace(), verdict(Outcome.INCONCLUSIVE, observed="")),
            "INCONCLUSIVE: observed nothing",
        ),
    ],
)
def test_headline_says_what_was_wrong(found: Finding, line: str) -> None:
    """The first mismatch, else the explanation, else what was observed."""
    assert headline(found) == line


@pytest.mark.parametrize(
    ("outcome", "word"),
    [(Outcome.MET, "PASS"), (Outcome.NOT_MET, "FAIL"), (Outcome.INCONCLUSIVE, "INCONCLUSIVE")],
)
def test_outcome_has_its_word(outcome: Outcome, word: str) -> None:
    """Each outcome is one word."""
    assert label(finding(Wire().trace(), verdict(outcome))) == word
