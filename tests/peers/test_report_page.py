"""The HTML report in a real browser: nothing of a peer runs, nothing is loaded, keys are enough."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import PROGRAM, Page, running_chromium
from msgspec.structs import replace
from msgspec.structs import replace as replaced
from reportbuilder import STARTED, finding, report, verdict
from wirebuilder import ANSWER, OFFER, Wire, answered_call, refused_call

from probe.diagnosis.explanation import Cause, Certainty, CodeReference, Evidence, Explanation
from probe.report.beside import Differing, LastGood
from probe.report.html import document
from probe.report.html.document import written_html
from probe.report.html.finding import entry
from probe.report.model import Finding, Try
from probe.trace.failure import Failure
from probe.trace.media import Heard, MediaReport, MediaSlice
from probe.trace.trace import Leg
from probe.verdict.verdict import Mismatch, Outcome

HOSTILE = (
    "</script></pre><script>window.ran='script'</script>"
    "<img src=https://x.invalid/i onerror=\"window.ran='img'\">"
    "<svg onload=\"window.ran='svg'\"></svg><a href=\"javascript:window.ran='a'\">x</a>"
    "\x1b]0;title\x07\x1b[2J\u202e\u2066right to left\u200f\u2028{{7*7}}${7*7} '\" --> "
)
LONG = HOSTILE + "W" * 60_000

OPEN_ALL = "document.getElementById('open-all').click()"
ALL_DRAWN = (
    "[...document.querySelectorAll('.finding')].every((s) => s.querySelector('.detail .picture'))"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Start a browser for all tests of this file."""
    if not PROGRAM:
        pytest.skip("chromium is not installed")
    with running_chromium(tmp_path_factory.mktemp("chromium")) as page:
        yield page


@pytest.fixture
def opened(browser: Page, tmp_path: Path) -> Callable[..., Page]:
    """Return what writes a page of findings and opens it."""

    def show(*findings: Finding, fragment: str = "", **about: Any) -> Page:  # noqa: ANN401
        path = tmp_path / "report.html"
        with path.open("w", encoding="utf-8") as stream:
            stream.writelines(written_html(replace(report(*findings), **about)))
        browser.open(path, fragment=fragment)
        return browser

    return show


def refused(reason: str = "Forbidden", **about: Any) -> Finding:  # noqa: ANN401 - of a finding
    """Return a finding with words of a peer in every field that has any."""
    trace = Wire().send("INVITE", body=OFFER).receive(403, reason).send("ACK").trace()
    trace = replace(trace, media=(_stream(reason),), legs=(Leg(agent=reason, trace=trace),))
    place = finding(trace).attempt.source
    mismatch = Mismatch(
        path="expect",
        expected=reason,
        observed=reason,
        evidence=(1,),
        source=replaced(place, text=reason),
        message=reason,
    )
    why = Explanation(
        certainty=Certainty.LIKELY,
        causes=(Cause(id="F001", name=reason, likelihood=Certainty.LIKELY, because=reason),),
        summary=reason,
        observed=(reason,),
        inferred=(reason,),
        evidence=(Evidence(event=1, says=reason),),
        unknown=(reason,),
        next_steps=(reason,),
        reference=CodeReference(code=403, name=reason, defined_in=reason, provider=reason),
    )
    judged = verdict(
        Outcome.NOT_MET,
        mismatches=(mismatch,),
        warnings=(reason,),
        expected=reason,
        observed=reason,
    )
    return finding(trace, judged, why, **about)


def _stream(codec: str) -> MediaReport:
    return MediaReport(
        call_id="c",
        codec=codec,
        rx_packets=1,
        rx_lost=0,
        rx_reordered=0,
        rx_duplicates=0,
        rx_jitter_s=0.0,
        tx_packets=1,
        tx_lost=None,
        rtt_s=None,
    )


@pytest.mark.parametrize("phrase", [HOSTILE, LONG], ids=["hostile", "and 60 kB long"])
def test_nothing_that_a_peer_wrote_runs_or_breaks_the_page(
    opened: Callable[..., Page], phrase: str
) -> None:
    """In every field: no script, no request, no console error, no wider page, no new element."""
    one = replace(refused(phrase, host=phrase, scenario=phrase), title=phrase, file=phrase)
    page = opened(one, notes=(phrase,), run_id=phrase, vantage=phrase, folder=phrase)
    page.run(OPEN_ALL)
    page.wait(ALL_DRAWN)
    page.run("document.querySelectorAll('button.rung').forEach((button) => button.click())")
    assert page.run("window.ran ?? null") is None
    assert page.logged == []
    assert len(page.requested) == 1
    assert page.requested[0].startswith("file:///")
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    assert (
        page.run("document.querySelectorAll('img, a:not(.skip), svg[onload], iframe').length") == 0
    )
    assert page.run("document.querySelectorAll('script').length") == 2
    shown = page.run("document.body.textContent")
    assert "window.ran='img'" in shown
    assert not set("\x1b\u202e\u2066\u200f\u2028\x07") & set(shown)


def test_markup_that_got_in_would_not_run(opened: Callable[..., Page]) -> None:
    """The policy is a second wall: a script element of later has no leave, markup is refused."""
    page = opened(refused())
    page.run(
        "(() => { const s = document.createElement('script');"
        " try { s.text = 'window.ran = 1'; } catch (e) { window.refused = e.name; }"
        " document.body.append(s); })()"
    )
    assert page.run("window.ran ?? null") is None
    page.run(
        "(() => { try { document.body.innerHTML = '<b>x</b>'; }"
        " catch (e) { window.markup = e.name; } })()"
    )
    assert page.run("window.markup") == "TypeError"


def test_a_thousand_findings_open_in_under_two_seconds(
    opened: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Measured in processor time of the page, since other tests run beside this one."""
    good, bad = finding(answered_call().trace()), refused()
    packed = {id(one): entry(one) for one in (good, bad)}  # a thousand times the same work
    monkeypatch.setattr(document, "entry", lambda one, **_about: packed[id(one)])
    page = opened(good)
    page.call("Performance.enable", timeDomain="threadTicks")
    opened(*(good if number % 10 else bad for number in range(1000)))
    metrics = {one["name"]: one["value"] for one in page.call("Performance.getMetrics")["metrics"]}
    page.call("Performance.disable")
    assert metrics["TaskDuration"] < 2.0
    assert page.run("document.querySelectorAll('.finding').length") == 1000
    page.run("document.querySelector('#f777 .opener').click()")
    page.wait("document.querySelector('#f777 .rungs') !== null")


def test_a_long_ladder_is_drawn_in_pieces(opened: Callable[..., Page]) -> None:
    """Two hundred rows, then two hundred more on demand, with the focus on the first new one."""
    wire = Wire().send("INVITE")
    for number in range(450):
        wire.receive(180, headers={"X-Number": str(number)})
    page = opened(finding(wire.trace()))
    page.wait("document.querySelector('.rungs') !== null")
    count = "document.querySelectorAll('.rungs > li').length"
    assert page.run(count) == 200
    page.run("document.querySelector('.more').click()")
    assert page.run(count) == 400
    assert (
        page.run("[...document.querySelectorAll('button.rung')].indexOf(document.activeElement)")
        == 200
    )
    page.run("document.querySelector('.more').click()")
    assert page.run(count) == 451
    assert page.run("document.querySelector('.more').hidden")


def test_the_keyboard_is_enough(opened: Callable[..., Page]) -> None:
    """Enter opens a finding and a message, arrows go through the ladder, Escape closes the text."""
    page = opened(finding(answered_call().trace()), finding(answered_call().trace()))
    page.run("document.querySelector('#f2 .opener').focus()")
    page.press("Enter", 13)
    page.wait("document.querySelector('#f2 .rungs') !== null")
    assert page.run("document.querySelector('#f2 .opener').getAttribute('aria-expanded')") == "true"
    for _ in range(20):
        page.press("Tab", 9)
        if page.run("document.activeElement.matches('#f2 button.rung')"):
            break
    assert page.run("document.activeElement.matches('#f2 li:first-child > button.rung')")
    page.press("ArrowDown", 40)
    page.press("Enter", 13)
    text = "document.querySelector('#f2 .wire-text')?.textContent ?? ''"
    assert page.run(text).startswith("SIP/2.0 ")
    page.press("Escape", 27)
    assert page.run(text) == ""
    page.press("Enter", 13)
    page.run("document.querySelector('#f2 .wire button').focus()")
    page.press("Escape", 27)
    assert page.run(text) == ""
    assert page.run("document.activeElement.matches('button.rung')")


def test_evidence_leads_to_its_row(opened: Callable[..., Page]) -> None:
    """To a message, whose text is then shown, and to a fact that has none."""
    wire = Wire().send("INVITE").receive(180).fail(Failure.NO_FINAL_RESPONSE)
    place = finding(wire.trace()).attempt.source
    wrong = [
        Mismatch(
            path="expect.timing.pdd",
            expected="max 1s",
            observed="2 s",
            evidence=(event,),
            source=place,
            message="too late",
        )
        for event in (1, 2)
    ]
    page = opened(finding(wire.trace(), verdict(Outcome.NOT_MET, mismatches=tuple(wrong))))
    page.wait("document.querySelectorAll('.wrong .pointer').length === 2")
    page.run("document.querySelectorAll('.wrong .pointer')[0].click()")
    assert "180" in page.run("document.activeElement.getAttribute('aria-label')")
    assert page.run("document.querySelector('.wire-text').textContent").startswith("SIP/2.0 180")
    page.run("document.querySelectorAll('.wrong .pointer')[1].click()")
    assert "no final answer" in page.run("document.activeElement.getAttribute('aria-label')")


def test_two_messages_are_compared_line_by_line(opened: Callable[..., Page]) -> None:
    """What stands only in the one and only in the other is marked."""
    trace = Wire().send("INVITE").receive(180).receive(200, body=ANSWER).trace()
    page = opened(finding(trace))
    page.wait("document.querySelector('.rungs') !== null")
    page.run("document.querySelectorAll('button.rung')[1].click()")
    page.run("document.querySelector('.wire button').click()")
    page.run("document.querySelectorAll('button.rung')[2].click()")
    gone = page.run(
        "[...document.querySelectorAll('.line.gone')].map((l) => l.textContent).join('')"
    )
    come = page.run(
        "[...document.querySelectorAll('.line.come')].map((l) => l.textContent).join('')"
    )
    assert "SIP/2.0 180 Ringing" in gone
    assert "SIP/2.0 200 OK" in come
    assert "m=audio" in come
    assert "Call-ID" not in gone + come


def test_sound_is_drawn_and_told(opened: Callable[..., Page]) -> None:
    """One-way audio: a ghost in the ladder, a chart with words for who cannot see it, a table."""
    stream = replace(
        _stream("PCMU"),
        rx_packets=45,
        rx_lost=5,
        tx_packets=50,
        direction="sendrecv",
        rx_first_at=1.6,
        tx_first_at=1.6,
        rx_slices=(
            MediaSlice(at=1.5, length_s=1.0, packets=45, lost=5, jitter_s=0.004),
            MediaSlice(at=2.5, length_s=1.0, packets=50, lost=0, jitter_s=0.002),
        ),
        heard=(Heard(what=HOSTILE, at=1.6, length_s=0.9),),
        mos=3.1,
        r_factor=60.0,
    )
    silent = replace(_stream("PCMU"), rx_packets=0, tx_packets=50, direction="sendrecv")
    trace = answered_call().trace()
    page = opened(
        finding(replace(trace, media=(stream,))), finding(replace(trace, media=(silent,)))
    )
    page.run(OPEN_ALL)
    page.wait(ALL_DRAWN)
    assert page.run("document.querySelector('.chart').getAttribute('aria-label')") == (
        "Loss and jitter of what came, over 2.0 s: at most 10.0 % lost in a slice, loss in 1 of 2 "
        "slices, jitter at most 4.0 ms."
    )
    assert page.run("document.querySelectorAll('.chart .lost').length") == 1
    assert page.run("document.querySelectorAll('.chart rect.heard').length") == 1
    assert page.run("document.querySelectorAll('.rung.media').length") == 3
    assert page.run("document.querySelector('.rung.ghost').getAttribute('aria-label')").startswith(
        "Missing: "
    )
    assert page.run("document.querySelector('.absent').textContent") == "No RTP packet came."
    assert "estimate" in page.run("document.querySelector('.estimate').textContent")
    assert page.run("window.ran ?? null") is None
    assert page.logged == []


def test_the_filter_leaves_what_was_asked_for(opened: Callable[..., Page]) -> None:
    """Those that were not met, those with a word, and how many are shown."""
    page = opened(
        finding(answered_call().trace(), scenario="first"),
        refused("Forbidden", scenario="second"),
        refused("Busy Here", scenario="third"),
    )
    shown = "[...document.querySelectorAll('.finding:not([hidden])')].map((s) => s.id).join(' ')"
    assert page.run(shown) == "f1 f2 f3"
    page.run("document.querySelector('[value=failed]').click()")
    assert page.run(shown) == "f2 f3"
    page.run(
        "(() => { const text = document.getElementById('text'); text.value = 'BUSY third';"
        " text.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )
    assert page.run(shown) == "f3"
    assert page.run("document.getElementById('shown').textContent") == "1 of 3 shown"


def test_a_fragment_opens_its_finding_and_attempts_are_tabs(opened: Callable[..., Page]) -> None:
    """The last attempt is shown first; arrows choose another."""
    first = Try(trace=refused_call(503).trace(), verdict=verdict(Outcome.NOT_MET), explanation=None)
    last = refused("Forbidden", before=(first,))
    page = opened(finding(answered_call().trace()), last, fragment="#f2")
    page.wait("document.querySelector('#f2 [role=tab]') !== null")
    chosen = "document.querySelector('[role=tab][aria-selected=true]').textContent"
    assert page.run(chosen) == "Attempt 2: not met"
    page.run("document.querySelector('[role=tab][aria-selected=true]').focus()")
    page.press("ArrowLeft", 37)
    assert page.run(chosen).startswith("Attempt 1")
    assert "503" in page.run("document.querySelector('.rungs').textContent")


def test_whatever_can_be_operated_has_a_name(opened: Callable[..., Page]) -> None:
    """As a screen reader sees it: names, headings, and a rung as a sentence."""
    page = opened(refused("Forbidden"), finding(answered_call().trace()))
    page.run(OPEN_ALL)
    page.wait(ALL_DRAWN)
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    seen: dict[str, list[str]] = {}
    for node in nodes:
        if not node.get("ignored"):
            role = str(node.get("role", {}).get("value", ""))
            seen.setdefault(role, []).append(str(node.get("name", {}).get("value", "")))
    for role in ("button", "radio", "searchbox", "heading", "table", "group", "complementary"):
        assert seen.get(role), role
        assert all(name.strip() for name in seen[role]), role
    sentence = next(name for name in seen["button"] if "403 Forbidden" in name and "from" in name)
    assert "from pbx.example to trunk: 403 Forbidden" in sentence
    assert any(name.startswith("Missing: from pbx.example") for name in seen["image"])


@pytest.mark.parametrize("phrase", ["Forbidden", LONG], ids=["plain", "hostile"])
def test_the_last_good_run_stands_beside_a_failure(
    browser: Page, tmp_path: Path, phrase: str
) -> None:
    """Two ladders next to each other; a message of one is held against a message of the other."""
    good = LastGood(
        run_id=phrase,
        at=STARTED,
        trace=Wire().send("INVITE").receive(200, phrase, headers={"X-Odd": phrase}).trace(),
        differences=(Differing(what=phrase, before=phrase, after=phrase, detail=phrase),),
    )
    path = tmp_path / "beside.html"
    one = refused(phrase)
    path.write_text(
        "".join(written_html(report(one), beside=lambda _finding, _folder: good)), "utf-8"
    )
    page = browser
    page.open(path)
    page.run(OPEN_ALL)
    page.wait("document.querySelectorAll('.last-good .run .ladder').length === 2")
    page.run("document.querySelectorAll('.last-good .run')[0].querySelector('button.rung').click()")
    page.run("document.querySelector('.last-good .tools button').click()")
    page.run(
        "[...document.querySelectorAll('.last-good .run')[1].querySelectorAll('button.rung')]"
        ".at(-1).click()"
    )
    heading = page.run("document.querySelector('.last-good .wire h5').textContent")
    assert "− last good: INVITE" in heading
    assert "+ this run: " in heading
    assert page.run("document.querySelectorAll('.last-good .compared .gone').length") > 3
    assert page.run("window.ran ?? null") is None
    assert page.logged == []
    assert len(page.requested) == 1
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    unnamed = (
        "[...document.querySelectorAll('.last-good button, .last-good [role=group]')].filter((e) =>"
        " !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby')"
        " || e.textContent.trim()))"
        ".length"
    )
    assert page.run(unnamed) == 0
