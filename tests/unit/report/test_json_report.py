"""The JSON report and its schema."""

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import jsonschema
import pytest
from msgspec.structs import replace
from reportbuilder import FILE, finding, report, timing, verdict
from wirebuilder import ANSWER, OFFER, Wire, answered_call, register_ok

from probe.diagnosis.explanation import Cause, Certainty, CodeReference, Evidence, Explanation
from probe.report.json_report import iso_utc, json_schema, to_json, written
from probe.report.media_json import OF_THE_FIRST_VERSION
from probe.report.model import Finding, RunReport
from probe.scenario.source import NOWHERE, Source
from probe.trace.failure import Failure
from probe.verdict.verdict import Measured, Mismatch, Outcome

PUBLISHED = Path(__file__).parents[3] / "docs" / "report.schema.json"


def refused() -> Finding:
    """Return a refused call with everything that a finding may hold."""
    trace = (
        Wire()
        .send("INVITE", body=OFFER)
        .receive(407)
        .send("ACK")
        .send("INVITE", auth=True, body=OFFER)
        .receive(100)
        .receive(183, body=ANSWER)
        .again()
        .receive(503, headers={"Retry-After": "30"})
        .media(rx_packets=7, rtt_s=0.0421234567)
        .media(codec=None, rx_jitter_s=float("nan"))
        .trace()
    )
    explanation = Explanation(
        certainty=Certainty.LIKELY,
        causes=(
            Cause(
                id="F128",
                name="Channel or CPS limit reached",
                likelihood=Certainty.LIKELY,
                because="Retry-After",
            ),
        ),
        summary="No circuit.",
        observed=("503",),
        inferred=("not authentication",),
        evidence=(Evidence(event=7, says="Retry-After: 30"), Evidence(event=None, says="ours")),
        unknown=("which limit",),
        next_steps=("ask",),
        reference=CodeReference(
            code=503,
            name="Service Unavailable",
            defined_in="RFC 3261 §21.5.4",
            provider="sip.us",
        ),
    )
    judged = verdict(
        Outcome.NOT_MET,
        mismatches=(
            Mismatch(
                path="expect.responses",
                expected="180",
                observed="503 Service Unavailable",
                evidence=(7,),
                source=Source(file=FILE, line=14, column=18),
                message="expected 180, got 503",
            ),
            Mismatch(
                path="expect.sdp",
                expected="a",
                observed="b",
                evidence=(),
                source=NOWHERE,
                message="m",
            ),
        ),
        warnings=("slow",),
        delays=timing(pdd_s=1.9580004, total_s=6.4),
        measured=(
            Measured(name="pdd", value_s=1.9580004, bound="max 4s", state="ok"),
            Measured(name="setup", value_s=None, bound="", state="none"),
        ),
        expected="100? 183? 180 200",
        observed="100 183 503",
    )
    return finding(trace, judged, explanation)


def test_contract_is_kept() -> None:
    """Every field of a finding has its documented name, unit and form."""
    told = to_json(report(refused()))
    for stream in told["findings"][0]["media"]:  # the figures that came later: test_media_json.py
        for name in set(stream) - set(OF_THE_FIRST_VERSION):
            del stream[name]
    assert told["findings"] == [
        {
            "scenario": "trunk-check",
            "row": None,
            "site": None,
            "title": "Trunk registers us and completes an outbound call",
            "file": FILE,
            "step": 2,
            "attempt": "call +12025550123",
            "method": "INVITE",
            "tries": 1,
            "flaky": False,
            "outcome": "NOT_MET",
            "expected": "100? 183? 180 200",
            "observed": "100 183 503",
            "responses": [100, 183, 503],
            "failure": None,
            "failure_detail": None,
            "deadline": None,
            "stack_status": None,
            "mismatches": [
                {
                    "path": "expect.responses",
                    "expected": "100? 183? 180 200",
                    "observed": "100 183 503",
                    "message": "expected 180, got 503",
                    "source": "scenarios/trunk-check.sip.yaml:14:18",
                    "evidence": [7],
                },
                {
                    "path": "expect.sdp",
                    "expected": "a",
                    "observed": "b",
                    "message": "m",
                    "source": None,
                    "evidence": [],
                },
            ],
            "warnings": ["slow"],
            "timing": {
                "rrd_s": None,
                "srd_s": None,
                "pdd_s": 1.958,
                "setup_s": None,
                "total_s": 6.4,
            },
            "measured": [
                {"name": "pdd", "value_s": 1.958, "bound": "max 4s", "state": "ok"},
                {"name": "setup", "value_s": None, "bound": None, "state": "none"},
            ],
            "media": [
                {
                    "codec": "PCMU",
                    "rx_packets": 7,
                    "rx_lost": 0,
                    "rx_reordered": 0,
                    "rx_duplicates": 0,
                    "rx_jitter_s": 0.001,
                    "tx_packets": 100,
                    "tx_lost": None,
                    "rtt_s": 0.042123,
                },
                {
                    "codec": None,
                    "rx_packets": 100,
                    "rx_lost": 0,
                    "rx_reordered": 0,
                    "rx_duplicates": 0,
                    "rx_jitter_s": None,
                    "tx_packets": 100,
                    "tx_lost": None,
                    "rtt_s": None,
                },
            ],
            "media_bounds": [],
            "legs": [],
            "explanation": {
                "certainty": "likely",
                "causes": [
                    {
                        "id": "F128",
                        "name": "Channel or CPS limit reached",
                        "likelihood": "likely",
                        "because": "Retry-After",
                    }
                ],
                "summary": "No circuit.",
                "observed": ["503"],
                "inferred": ["not authentication"],
                "evidence": [
                    {"event": 7, "says": "Retry-After: 30"},
                    {"event": None, "says": "ours"},
                ],
                "unknown": ["which limit"],
                "next_steps": ["ask"],
                "reference": {
                    "code": 503,
                    "name": "Service Unavailable",
                    "defined_in": "RFC 3261 §21.5.4",
                    "provider": "sip.us",
                },
            },
            "controls": [],
        }
    ]


def test_run_is_described() -> None:
    """The run says who ran it, when, with what, and how it counted."""
    told = to_json(report(refused(), finding(register_ok().trace()), notes=("embedded",)))
    assert told["schema"] == "sipprobe-report/1"
    assert told["run"] == {
        "id": "2026-11-21T01-02-03Z-trunk-check",
        "started_at": "2026-11-21T01:02:03.456Z",
        "duration_s": 2.9,
        "vantage": "probe-1",
        "versions": {"sipprobe": "0.1.0", "pjsip": "2.15.1"},
        "counts": {"met": 1, "not_met": 1, "inconclusive": 0, "flaky": 0},
        "interrupted": False,
        "complete": True,
        "notes": ["embedded"],
    }


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_what_is_written_piece_by_piece_is_the_whole(count: int, ascii_only: bool) -> None:
    """The text is that of json.dumps, whatever stands in it."""
    odd = replace(refused(), title='é "quoted"\n  ], [', scenario="{\n")
    whole = report(*[odd] * count, notes=("ü", "b"))
    told = json.dumps(to_json(whole), indent=2, ensure_ascii=ascii_only) + "\n"
    assert "".join(written(whole, ascii_only=ascii_only)) == told


def only(one: Finding) -> dict[str, object]:
    """Return the JSON of one finding."""
    (told,) = to_json(report(one))["findings"]  # type: ignore[misc]  # a list by the schema
    return told  # type: ignore[no-any-return]  # an object by the schema


def test_code_that_the_stack_made_up_is_kept_apart() -> None:
    """Silence is a failure; the 408 of our own timer is no response."""
    trace = (
        Wire("OPTIONS")
        .send("OPTIONS")
        .fail(Failure.NO_RESPONSE, status=408, at=10.0, deadline="timeout 10s", detail="timer")
        .trace()
    )
    told = only(finding(trace, verdict(Outcome.NOT_MET, observed="")))
    assert told["responses"] == []
    assert (told["failure"], told["stack_status"]) == ("NO_RESPONSE", 408)
    assert (told["deadline"], told["failure_detail"]) == ("timeout 10s", "timer")


def test_absent_facts_are_null() -> None:
    """A wait has no method, no media, no explanation and invents none."""
    told = only(finding(Wire("", attempt="wait 2s").trace()))
    assert [told[key] for key in ("method", "media", "explanation", "failure", "stack_status")] == [
        None
    ] * 5


def test_wire_text_is_safe_to_print() -> None:
    """Control characters and undecoded bytes are replaced; a code without provider says null."""
    hostile = "\x1b[2J\udcff\x00"
    bare = Explanation(
        certainty=Certainty.UNDECIDED,
        causes=(),
        summary=hostile,
        observed=(),
        inferred=(),
        evidence=(Evidence(event=1, says=hostile),),
        unknown=(),
        next_steps=(),
        reference=CodeReference(code=299, name=hostile, defined_in="", provider=None),
    )
    trace = Wire().send("INVITE").fail(Failure.CONNECTION_LOST, detail=hostile).trace()
    told = to_json(report(finding(trace, verdict(Outcome.NOT_MET, observed=hostile), bare)))
    text = json.dumps(told, ensure_ascii=False)
    assert text.isprintable()
    jsonschema.validate(told, json_schema())


@pytest.mark.parametrize(
    "whole",
    [
        report(),
        report(refused()),
        report(finding(register_ok().trace()), finding(answered_call().trace())),
        report(
            finding(
                Wire().send("INVITE").fail(Failure.AGENT_CRASHED).trace(),
                verdict(Outcome.INCONCLUSIVE),
            )
        ),
    ],
)
def test_reports_are_valid(whole: RunReport) -> None:
    """What is written is what the schema says, and it is JSON."""
    told = to_json(whole)
    jsonschema.Draft202012Validator(json_schema()).validate(json.loads(json.dumps(told)))


def test_schema_is_a_schema() -> None:
    """The schema itself is valid draft 2020-12."""
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_schema_names_every_property() -> None:
    """Nothing is written that the schema does not describe."""
    closed = json.loads(
        json.dumps(json_schema()),
        object_hook=lambda node: (
            {**node, "additionalProperties": node.get("additionalProperties", False)}
            if node.get("type") == "object"
            else node
        ),
    )
    jsonschema.validate(to_json(report(refused())), closed)


def test_schema_refuses_an_invented_code() -> None:
    """A response outside 100 to 699 is no report."""
    told = to_json(report(refused()))
    told["findings"][0]["responses"] = [0]  # type: ignore[index]  # a list by the schema
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(told, json_schema())


def test_published_schema_is_this_one() -> None:
    """docs/report.schema.json is what the program means."""
    assert json.loads(PUBLISHED.read_text("utf-8")) == json_schema()


def test_time_is_utc_with_milliseconds() -> None:
    """A local time is written in UTC."""
    local = datetime(2026, 11, 21, 3, 2, 3, 999, tzinfo=timezone(timedelta(hours=2)))
    assert iso_utc(local) == "2026-11-21T01:02:03.000Z"
