"""The HTML report as it is written; what a browser makes of it is tested with one (tests/peers)."""

import base64
import hashlib
import json
import re
import zlib
from typing import Any

import pytest
from msgspec.structs import replace
from reportbuilder import finding, report, timing, verdict
from wirebuilder import ANSWER, OFFER, Wire, answered_call, refused_call, register_ok, sdp

from probe.diagnosis.explanation import Cause, Certainty, Evidence, Explanation
from probe.report.html import document
from probe.report.html import picture as pictures
from probe.report.html.document import Shard, written_html
from probe.report.html.finding import entry
from probe.report.html.picture import LONGEST_MESSAGE, picture
from probe.report.model import Finding, Try
from probe.scenario.source import NOWHERE
from probe.trace.failure import Failure
from probe.trace.trace import Leg, TransportChanged
from probe.verdict.verdict import Measured, Mismatch, Outcome

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'\x1b[2J\u202eevil\u2028"


def page_of(*findings: Finding, **about: Any) -> str:  # noqa: ANN401 - fields of a report
    """Return the page of findings."""
    return "".join(written_html(replace(report(*findings), **about)))


def details_in(page: str) -> list[dict[str, Any]]:
    """Return what the page holds of each finding, unpacked as a browser does."""
    held = re.findall(r'<script type="text/plain" class="data">([A-Za-z0-9+/=]+)</script>', page)
    return [json.loads(zlib.decompress(base64.b64decode(data), -15)) for data in held]


def last_try(page: str) -> dict[str, Any]:
    """Return the last try of the only finding."""
    (detail,) = details_in(page)
    found: dict[str, Any] = detail["tries"][-1]
    return found


def labels(one: dict[str, Any]) -> list[str]:
    """Return the labels of the rows."""
    return [row[2] for row in one["rows"]]


def mismatch(path: str, expected: str, *evidence: int, observed: str = "403") -> Mismatch:
    """Return a mismatch."""
    return Mismatch(
        path=path,
        expected=expected,
        observed=observed,
        evidence=evidence,
        source=NOWHERE,
        message=f"expected {expected}, got {observed}",
    )


def test_the_policy_allows_the_own_script_and_style_by_their_hashes_and_nothing_else() -> None:
    """What the browser hashes is what stands between the tags."""
    page = page_of(finding(answered_call().trace()))
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    policy = policy.replace("&#39;", "'")
    for kind, tag in (("script-src", "script"), ("style-src", "style")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy


def test_nothing_is_loaded_from_anywhere() -> None:
    """No address of a resource stands in the page."""
    page = page_of(finding(refused_call(403).trace(), verdict(Outcome.NOT_MET)))
    assert not re.search(r"\b(?:src|srcset|data|action|formaction)=", page)
    assert re.findall(r'href="([^"]*)"', page) == ["#findings"]
    assert "@import" not in page
    assert "url(" not in page


def test_markup_of_a_peer_is_text_wherever_it_stands() -> None:
    """Reason phrase, names, notes, host: no tag of theirs, and no sign that turns the line."""
    trace = Wire().send("INVITE").receive(403, HOSTILE).trace()
    why = Explanation(
        certainty=Certainty.LIKELY,
        causes=(Cause(id="F001", name=HOSTILE, likelihood=Certainty.LIKELY, because=HOSTILE),),
        summary=HOSTILE,
        observed=(HOSTILE,),
        inferred=(HOSTILE,),
        evidence=(Evidence(event=1, says=HOSTILE),),
        unknown=(HOSTILE,),
        next_steps=(HOSTILE,),
        reference=None,
    )
    broken = verdict(Outcome.NOT_MET, mismatches=(mismatch("expect", "2xx", 1, observed=HOSTILE),))
    one = replace(
        finding(trace, broken, why, host=HOSTILE, scenario=HOSTILE),
        title=HOSTILE,
    )
    clean = page_of(finding(answered_call().trace()))
    page = page_of(one, notes=(HOSTILE,), run_id=HOSTILE, vantage=HOSTILE, folder=HOSTILE)
    assert "<img" not in page
    assert page.count("<script") == clean.count("<script")
    assert page.count("</script") == clean.count("</script")
    assert not set("\x1b\u202e\u2028") & set(
        page + json.dumps(details_in(page), ensure_ascii=False)
    )
    assert "alert(1)" in last_try(page)["messages"][1]


def test_each_finding_has_its_line_and_what_it_came_to() -> None:
    """Words for outcome, name, what was wrong, and the counts of the whole."""
    page = page_of(
        finding(register_ok().trace(), step=1),
        finding(
            refused_call(403).trace(),
            verdict(Outcome.NOT_MET, mismatches=(mismatch("expect", "2xx", 1),)),
        ),
    )
    assert page.count('<section class="finding"') == 2
    assert "<title>Not met: 2026-11-21T01-02-03Z-trunk-check</title>" in page
    assert "<b>1</b> not met" in page
    assert "trunk-check › call +12025550123" in page
    assert "expected 2xx, got 403" in page
    assert "pbx.example (UDP)" in page


def test_a_report_of_nothing_says_so() -> None:
    """No finding is no pass."""
    page = page_of()
    assert "<title>Nothing was tried:" in page


def test_retransmissions_are_counted_and_stand_pale_where_they_happened() -> None:
    """The first copy counts them, the others share one row until something else happens."""
    trace = (
        Wire()
        .send("INVITE", body=OFFER)
        .resend(at=0.5)
        .resend(at=1.5)
        .receive(100, at=1.6)
        .fail(Failure.NO_FINAL_RESPONSE, at=5.0)
        .trace()
    )
    one = last_try(page_of(finding(trace, verdict(Outcome.NOT_MET))))
    kinds = [(row[0], row[7]) for row in one["rows"]]
    assert kinds[:3] == [("message", 3), ("again", 2), ("message", 1)]
    assert one["rows"][1][1] == pytest.approx(0.5 - trace.began, abs=0.02)
    assert len(one["messages"]) == 2  # each text once


def test_what_was_expected_and_never_came_is_a_ghost_behind_the_evidence() -> None:
    """It names the item, has no time, and points to us."""
    trace = refused_call(403).trace()
    final = trace.final()
    assert final is not None
    judged = verdict(
        Outcome.NOT_MET, mismatches=(mismatch("expect.responses", "180", final.index),)
    )
    rows = last_try(page_of(finding(trace, judged)))["rows"]
    (place,) = [i for i, row in enumerate(rows) if row[0] == "ghost"]
    assert rows[place][1:5] == [None, "180", 1, 0]
    assert rows[place - 1][2].startswith("403")


def test_an_agent_that_was_called_has_its_own_column_on_the_same_clock() -> None:
    """Caller, PBX, called phone: the messages of both are in the order of time."""
    callee = (
        Wire("INVITE", call_id="leg@192.0.2.10")
        .request("INVITE", at=0.025)
        .reply(180, at=0.026)
        .trace()
    )
    shifted = replace(
        callee, events=tuple(replace(e, local="192.0.2.10:6000") for e in callee.events)
    )  # type: ignore[type-var]
    trace = replace(
        Wire().send("INVITE", at=0.01).receive(180, at=0.03).trace(),
        legs=(Leg(agent="bob", trace=shifted),),
    )
    one = last_try(page_of(finding(trace)))
    assert one["columns"] == [
        ["trunk", "192.0.2.10:5060", True],
        ["pbx.example", "198.51.100.1:5060", False],
        ["bob", "192.0.2.10:6000", True],
    ]
    assert [(row[2].split()[0], row[3], row[4]) for row in one["rows"]] == [
        ("INVITE", 0, 1),
        ("INVITE", 1, 2),
        ("180", 2, 1),
        ("180", 1, 0),
    ]


def test_an_agent_that_no_call_reached_gets_a_ghost_invite() -> None:
    """Its column is there, and the arrow that never came."""
    silent = Wire().trace()
    trace = replace(refused_call(404).trace(), legs=(Leg(agent="bob", trace=silent),))
    judged = verdict(Outcome.NOT_MET, mismatches=(mismatch("expect.at", "an INVITE at bob", 1),))
    one = last_try(page_of(finding(trace, judged)))
    assert ["ghost", "INVITE", 1, 2] in [[r[0], r[2], r[3], r[4]] for r in one["rows"]]
    assert one["columns"][2][0] == "bob"


def test_hosts_beyond_the_eighth_share_a_column() -> None:
    """A peer that answers from everywhere cannot make the picture wider without end."""
    base = Wire().send("INVITE").receive(180).trace()
    events = [base.events[0]]
    for number in range(30):
        answer = replace(
            base.events[1], remote=f"203.0.113.{number}:5060", text=f"{base.events[1].text}{number}"
        )  # type: ignore[union-attr, call-arg, type-var]
        events.append(answer)
    drawn = picture(replace(base, events=tuple(events)), None, us="probe", peer="pbx")
    assert len(drawn.columns) == pictures.MOST_COLUMNS
    assert drawn.columns[-1].name == "others"
    assert {row.source for row in drawn.rows[-20:]} == {pictures.MOST_COLUMNS - 1}


def test_a_huge_message_is_cut_and_a_long_ladder_ends_with_a_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The page stays bounded and says what it leaves out."""
    monkeypatch.setattr(pictures, "MOST_ROWS", 3)
    trace = answered_call().trace()
    huge = replace(trace.events[0], text=trace.events[0].text + "x" * 60_000)  # type: ignore[union-attr, call-arg, type-var]
    drawn = picture(replace(trace, events=(huge, *trace.events[1:])), None, us="a", peer="b")
    assert len(drawn.rows) == 3
    assert drawn.left_out > 0
    assert len(drawn.messages[0]) < LONGEST_MESSAGE + 100
    assert drawn.messages[0].endswith("more characters stand in trace.json")


def test_delays_have_bars_with_the_bounds_of_the_file() -> None:
    """Handshake, delays, talk, teardown; a bound reaches the page as numbers."""
    judged = verdict(
        delays=timing(pdd_s=0.05, setup_s=0.06),
        measured=(
            Measured(name="pdd", value_s=0.05, bound="max 4s, warn 2s", state="ok"),
            Measured(name="setup", value_s=0.06, bound="8s..16s", state="fail"),
        ),
    )
    wire = answered_call()
    for state, at in (("accepted", 0.001), ("connected", 0.004)):
        wire.add(
            TransportChanged(
                at=at, transport="TLS", remote="198.51.100.1:5061", state=state, error="", tls=""
            )
        )
    spans = {
        span["name"]: span for span in last_try(page_of(finding(wire.trace(), judged)))["spans"]
    }
    assert set(spans) == {"TLS", "pdd", "setup", "talk", "teardown", "total"}
    assert (spans["pdd"]["most"], spans["pdd"]["warn"]) == (4.0, 2.0)
    assert (spans["setup"]["least"], spans["setup"]["most"]) == (8.0, 16.0)
    assert spans["TLS"]["ends"] - spans["TLS"]["begins"] == pytest.approx(0.003)
    assert spans["setup"]["ends"] - spans["setup"]["begins"] == pytest.approx(0.06)


def test_offer_and_answer_say_which_codec_stands_alone() -> None:
    """An answer with a codec that nobody offered is marked; a late offer is an offer."""
    early = Wire().send("INVITE", body=sdp("PCMU")).receive(200, body=sdp("G729")).trace()
    rows = last_try(page_of(finding(early)))["offers"]
    assert [(row["role"], row["codecs"], row["common"]) for row in rows] == [
        ("offer", ["PCMU"], [True]),
        ("answer", ["G729"], [False]),
    ]
    late = Wire().send("INVITE").receive(200, body=OFFER).send("ACK", body=ANSWER).trace()
    rows = last_try(page_of(finding(late)))["offers"]
    assert [row["role"] for row in rows] == ["offer", "answer"]


def test_of_a_try_that_nobody_judged_nothing_is_said() -> None:
    """Runs store the verdict of the last try alone: the others show their ladder."""
    judged = verdict(Outcome.NOT_MET, mismatches=(mismatch("expect", "2xx", 1),))
    first = Try(trace=refused_call(503).trace(), verdict=judged, explanation=None)
    (detail,) = details_in(page_of(finding(refused_call(403).trace(), judged, before=(first,))))
    assert [one["outcome"] for one in detail["tries"]] == ["", "NOT_MET"]
    assert [bool(one["mismatches"]) for one in detail["tries"]] == [False, True]
    assert [one["number"] for one in detail["tries"]] == [1, 2]
    assert any(label.startswith("503") for label in labels(detail["tries"][0]))


def test_runs_that_were_put_together_are_listed_and_each_finding_names_its_own() -> None:
    """Two shards, three findings."""
    shards = [
        Shard(
            run_id=name,
            started="2026-11-21T01:02:03Z",
            vantage="probe-1",
            counts={"met": many, "not_met": 0, "inconclusive": 0, "flaky": 0},
            folder=f"results/{name}",
            findings=many,
        )
        for name, many in (("run-one", 1), ("run-two", 2))
    ]
    trace = answered_call().trace()
    page = "".join(written_html(report(*(finding(trace) for _ in range(3))), shards))
    assert re.findall(r'<bdi class="run">([^<]+)</bdi>', page) == ["run-one", "run-two", "run-two"]
    assert "2 runs in one report" in page
    assert ["stored in", "results/run-two"] in details_in(page)[2]["facts"]


def test_a_page_that_would_be_too_large_keeps_lines_and_says_what_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """First the drawings go, then the lines; the counts stay those of all."""
    one = finding(answered_call().trace())
    monkeypatch.setattr(document, "MOST_DATA", 2 * len(entry(one).data) + 1)
    monkeypatch.setattr(document, "MOST_FINDINGS", 3)
    page = page_of(one, one, one, one)
    assert page.count('<section class="finding"') == 3
    assert page.count('class="data"></script>') == 1
    assert len(details_in(page)) == 2
    assert "1 more findings are left out here" in page
    assert "<b>4</b> met" in page
