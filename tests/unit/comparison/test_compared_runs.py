"""Two runs side by side: traces as they stand on the wire, and what is said of the pair."""

import random
from collections.abc import Callable, Mapping, Sequence

import pytest
from reportbuilder import finding, timing, verdict
from wirebuilder import ANSWER, OFFER, Wire, sdp

from probe.comparison.compare import compare
from probe.comparison.model import Compared, Comparison, Difference, Key, Kind, Side
from probe.comparison.observe import Sample, observe
from probe.comparison.told import as_json, as_markdown, as_text
from probe.report.json_report import finding_to_json
from probe.trace.failure import Failure
from probe.trace.route import DnsAnswer
from probe.trace.trace import Trace, TransportChanged
from probe.verdict.verdict import Outcome

KEY = Key(scenario="trunk-check", story="trunk-check", step=2, attempt="call +12025550123")


def call(
    body: str = ANSWER, headers: Mapping[str, str | None] | None = None, *, early: bool = False
) -> Wire:
    """Return an answered call that hangs up."""
    wire = Wire().send("INVITE", body=OFFER).receive(407).send("ACK")
    wire.send("INVITE", auth=True, body=OFFER).receive(100)
    if early:
        wire.receive(183)
    wire.receive(180).receive(200, body=body, headers=headers).send("ACK")
    return wire.send("BYE").receive(200)


def sample(
    trace: Trace,
    outcome: Outcome = Outcome.MET,
    *,
    traced: bool = True,
    **delays: float,
) -> Sample:
    """Return what a finding of this trace shows."""
    one = finding(trace, verdict(outcome, delays=timing(**delays)))
    return observe(finding_to_json(one), trace if traced else None)


def side(*samples: Sample, key: Key = KEY, whole: bool = True) -> Side:
    """Return a run with one step."""
    return Side(run="2026-11-21T01-02-03Z-x", samples={key: samples}, whole=whole)


def only_step(before: Sequence[Sample], after: Sequence[Sample], *ignore: str) -> Compared:
    """Return what is said of a pair's only step."""
    (step,) = compare(side(*before), side(*after), frozenset(ignore)).steps
    return step


def only_difference(before: Sample, after: Sample, *ignore: str) -> Difference:
    """Return the only difference of a pair."""
    (found,) = only_step([before], [after], *ignore).differences
    return found


def test_the_same_call_is_the_same() -> None:
    """Nothing is said of two equal calls, though each has tags, nonces and lengths of its own."""
    other = Wire(call_id="other@192.0.2.10", step=0.011)
    other.send("INVITE", body=OFFER).receive(407, nonce="another", tag="z").send("ACK")
    other.send("INVITE", auth=True, body=OFFER).receive(180).receive(200, body=ANSWER)
    step = only_step([sample(call().trace())], [sample(other.send("ACK").trace())])
    assert step.kind is Kind.SAME
    assert step.differences == ()


def test_another_order_of_codecs() -> None:
    """The answer names the same codecs the other way round: changed, before and after named."""
    found = only_difference(
        sample(call(sdp("PCMU", "PCMA")).trace()), sample(call(sdp("PCMA", "PCMU")).trace())
    )
    assert (found.kind, found.aspect) == (Kind.CHANGED, "sdp")
    assert (found.before, found.after) == ("PCMU PCMA", "PCMA PCMU")


def test_an_extra_183_in_a_step_that_is_met() -> None:
    """It is a regression, though the step is met both times."""
    found = only_difference(sample(call().trace()), sample(call(early=True).trace()))
    assert (found.kind, found.aspect) == (Kind.REGRESSION, "sequence")
    assert (found.before, found.after) == ("180 200", "183 180 200")


@pytest.mark.parametrize(
    ("was", "now", "name"),
    [
        (ANSWER, sdp("PCMU", "telephone-event", direction="sendonly"), "audio direction"),
        (ANSWER, ANSWER + "a=ptime:30\r\n", "audio ptime"),
        (ANSWER, ANSWER.replace("RTP/AVP", "RTP/SAVP"), "audio profile"),
        (ANSWER, sdp("PCMU", "telephone-event", port=0), "audio port"),
        (ANSWER, sdp("PCMU", "telephone-event", address="198.51.100.9"), "audio address"),
        (ANSWER, ANSWER + "m=video 4002 RTP/AVP 31\r\n", "media"),
        (ANSWER, "", "answer"),
    ],
    ids=["direction", "ptime", "srtp", "port-0", "address", "video", "no-answer"],
)
def test_what_an_answer_says(was: str, now: str, name: str) -> None:
    """Each thing of an answer has its own name."""
    step = only_step([sample(call(was).trace())], [sample(call(now).trace())])
    assert step.kind is Kind.CHANGED
    assert name in {one.name for one in step.differences}


def test_the_class_of_an_address_is_told_beside_the_address() -> None:
    """An address of a private network is worse than another address, and is told by itself."""
    step = only_step(
        [sample(call(sdp(address="8.8.8.8")).trace())],
        [sample(call(sdp(address="10.0.0.7")).trace())],
        "address",
    )
    (found,) = step.differences
    assert (found.name, found.before, found.after) == ("audio address class", "public", "private")


def test_keys_never_show() -> None:
    """Of SRTP the suites are compared, and never a key."""
    line = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0LXNlY3JldC1zZWNyZXQ\r\n"
    step = only_step([sample(call().trace())], [sample(call(ANSWER + line).trace())])
    (found,) = step.differences
    assert (found.before, found.after) == ("none", "AES_CM_128_HMAC_SHA1_80")


@pytest.mark.parametrize(
    ("was", "now", "differs"),
    [
        ({"Server": "Edge 4.1"}, {"Server": "Edge 4.2"}, True),
        ({"Server": "Edge 4.1"}, {}, True),
        ({"Allow": "INVITE, ACK, BYE"}, {"Allow": "BYE,INVITE,  ACK"}, False),
        ({"Allow": "INVITE, ACK, BYE"}, {"Allow": "INVITE, ACK"}, True),
        ({"Contact": "<sip:a1b2@192.0.2.7:40001>"}, {"Contact": "<sip:zz@192.0.2.7>"}, False),
        ({"Contact": "<sip:a@192.0.2.7>"}, {"Contact": "<sip:a@192.0.2.8>"}, True),
        ({"Date": "Sat, 21 Nov 2026 17:00:00 GMT"}, {}, False),
        ({"Session-Expires": "1800"}, {"Session-Expires": "90;refresher=uas"}, True),
        ({"P-Asserted-Identity": "<sip:1@a.b>"}, {"P-Asserted-Identity": "<sip:2@a.b>"}, True),
        ({"X-Trace": "id=4bf92f3577b34da6"}, {"X-Trace": "id=00f067aa0ba902b7"}, False),
        ({"Retry-After": "30"}, {"Retry-After": "29"}, False),
        ({"Warning": '399 127.0.0.1:5060 "x"'}, {"Warning": '399 127.0.0.1:5999 "x"'}, False),
    ],
    ids=[
        *("server", "server-gone", "order", "method-lost", "contact-user", "contact-host"),
        *("date", "timer", "identity", "identifier", "counts-down", "port-of-loopback"),
    ],
)
def test_header_of_the_final(was: dict[str, str], now: dict[str, str], differs: bool) -> None:
    """What says something of the other side is compared; what each call has anew is not."""
    step = only_step([sample(call(headers=was).trace())], [sample(call(headers=now).trace())])
    assert bool(step.differences) is differs
    assert all(one.aspect == "headers" for one in step.differences)


def test_headers_of_another_final_are_not_held_against_it() -> None:
    """Where the call is refused now, the outcome and the sequence say so, and nothing more."""
    refused = Wire().send("INVITE", body=OFFER).receive(407).send("ACK")
    refused.send("INVITE", auth=True, body=OFFER).receive(503, headers={"Server": "Edge"})
    step = only_step(
        [sample(call().trace())], [sample(refused.send("ACK").trace(), Outcome.NOT_MET)]
    )
    assert step.kind is Kind.REGRESSION
    assert {one.aspect for one in step.differences} == {"outcome", "sequence"}


@pytest.mark.parametrize(
    ("was", "now", "kind"),
    [
        ("MMM", "MMM", Kind.SAME),
        ("M", "N", Kind.REGRESSION),
        ("MMMMM", "MMMMN", Kind.REGRESSION),
        ("N", "M", Kind.IMPROVEMENT),
        ("NNN", "NNM", Kind.IMPROVEMENT),
        ("MN", "NN", Kind.SAME),
        ("MMMMMMMMMN", "NNNNNNNNNN", Kind.REGRESSION),
        ("M", "I", Kind.UNTESTED),
        ("N", "I", Kind.UNTESTED),
        ("I", "M", Kind.IMPROVEMENT),
        ("I", "N", Kind.CHANGED),
    ],
)
def test_outcomes(was: str, now: str, kind: Kind) -> None:
    """Met and not met any more is a regression, unless it was a matter of luck before."""
    outcomes = {"M": Outcome.MET, "N": Outcome.NOT_MET, "I": Outcome.INCONCLUSIVE}
    trace = call().trace()
    before = [sample(trace, outcomes[sign]) for sign in was]
    after = [sample(trace, outcomes[sign]) for sign in now]
    assert only_step(before, after).kind is kind


def around(centre: float, times: int, seed: int) -> list[Sample]:
    """Return calls whose post-dial delay scatters around a centre by some 20 ms, with outliers."""
    drawn, trace = random.Random(seed), call().trace()
    delays = [centre + drawn.gammavariate(2, 0.01) for _ in range(times)]
    return [sample(trace, pdd_s=pdd, srd_s=pdd, setup_s=pdd + 1, total_s=pdd + 2) for pdd in delays]


def test_300_ms_more_over_ten_repeats() -> None:
    """A slower post-dial delay is one regression; what follows from it is not told again."""
    step = only_step(around(0.4, 10, seed=1), around(0.7, 10, seed=2))
    (found,) = step.differences
    assert (found.kind, found.name) == (Kind.REGRESSION, "post-dial delay")
    assert found.detail.startswith("slower by ")
    assert 250 < int(found.detail.split()[2]) < 350
    (back,) = only_step(around(0.7, 10, seed=3), around(0.4, 10, seed=4)).differences
    assert back.kind is Kind.IMPROVEMENT


def test_equal_runs_show_nothing_twenty_times_in_a_row() -> None:
    """Ten repeats of the same call on both sides, each time with other noise."""
    kinds = [
        only_step(around(0.4, 10, seed=2 * n), around(0.4, 10, seed=2 * n + 1)).kind
        for n in range(20)
    ]
    assert kinds == [Kind.SAME] * 20


def test_few_repeats_are_uncertain() -> None:
    """One against one: 300 ms are nothing, four seconds are told as uncertain."""
    one = around(0.4, 1, seed=1)
    assert only_step(one, around(0.7, 1, seed=2)).kind is Kind.SAME
    (found,) = only_step(one, around(4.4, 1, seed=2)).differences
    assert found.kind is Kind.CHANGED
    assert "uncertain" in found.detail


def test_a_share_of_a_long_delay_is_noise() -> None:
    """60 ms are more than 50, but not a fifth of four seconds."""
    assert only_step(around(4.0, 10, seed=1), around(4.06, 10, seed=2)).kind is Kind.SAME


def test_rows_are_taken_together() -> None:
    """Eight rows once each: no row can tell 300 ms, all of them can."""

    def rows(samples: list[Sample]) -> Side:
        keys = [
            Key(scenario=f"numbers[{n}]", story="numbers", step=1, attempt=f"call {n}")
            for n in range(8)
        ]
        return Side(run="r", samples=dict(zip(keys, ([s] for s in samples), strict=True)))

    found = compare(rows(around(0.4, 8, seed=1)), rows(around(0.7, 8, seed=2)))
    assert found.count(Kind.SAME) == 8
    assert found.count(Kind.REGRESSION) == 1
    assert "all rows together" in as_text(found, color=False)
    assert (
        compare(rows(around(0.4, 8, seed=1)), rows(around(0.4, 8, seed=2))).count(Kind.REGRESSION)
        == 0
    )


def test_a_sequence_that_came_once_in_ten_is_no_regression() -> None:
    """It is told, and said to be possibly chance; one that was there before is not told."""
    usual, odd = sample(call().trace()), sample(call(early=True).trace())
    step = only_step([usual] * 10, [usual] * 9 + [odd])
    assert step.kind is Kind.CHANGED
    assert "may be chance" in step.differences[0].detail
    assert only_step([usual] * 9 + [odd], [usual] * 10).kind is Kind.SAME


def test_an_identifier_of_each_call_is_no_difference() -> None:
    """A header that is another in each repeat says nothing; one that was steady does."""

    def with_note(text: str) -> Sample:
        return sample(call(headers={"Call-Info": text}).trace())

    steady = [with_note("<sip:a>"), with_note("<sip:a>")]
    assert (
        only_step(
            [with_note("<sip:1>"), with_note("<sip:2>")],
            [with_note("<sip:3>"), with_note("<sip:4>")],
        ).kind
        is Kind.SAME
    )
    assert only_step(steady, [with_note("<sip:b>"), with_note("<sip:b>")]).kind is Kind.CHANGED


def test_sound_that_no_longer_comes() -> None:
    """A call that is met and silent now is worse."""
    heard = sample(call().media(rx_packets=100).trace())
    silent = sample(call().media(rx_packets=0).trace())
    assert only_difference(heard, silent).kind is Kind.REGRESSION
    assert only_difference(silent, heard).kind is Kind.IMPROVEMENT


def with_event(event: TransportChanged | DnsAnswer) -> Sample:
    """Return a call before which something happened."""
    wire = Wire().add(event).send("INVITE", body=OFFER).receive(180).receive(200, body=ANSWER)
    return sample(wire.send("ACK").trace())


def srv(*records: str) -> DnsAnswer:
    """Return the answer to a question for SRV."""
    return DnsAnswer(
        at=0.0, kind="SRV", name="_sip._udp.a.example", code="NOERROR", records=records,
        ttl=60, servers=("127.0.0.1:53",), took_s=0.001,
    )  # fmt: skip


def tls(version: str) -> TransportChanged:
    """Return a TLS connection."""
    return TransportChanged(
        at=0.0, transport="TLS", remote="198.51.100.1:5061", state="connected", error="",
        tls=version,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("was", "now", "aspect"),
    [
        (srv("10 5 5060 a.", "20 5 5060 b."), srv("20 5 5060 b.", "10 5 5060 a."), None),
        (srv("10 5 5060 a."), srv("10 5 5060 c."), "route"),
        (srv("10 0 5071 one.x.embedded."), srv("10 0 5072 one.x.embedded."), None),
        (tls("TLSv1.3 AES_256"), tls("TLSv1.2 AES_256"), "tls"),
    ],
    ids=["order-of-records", "another-server", "embedded", "older-tls"],
)
def test_the_way_to_the_server(
    was: TransportChanged | DnsAnswer, now: TransportChanged | DnsAnswer, aspect: str | None
) -> None:
    """Records of DNS are a set; protocol and cipher of TLS are told."""
    step = only_step([with_event(was)], [with_event(now)])
    assert [one.aspect for one in step.differences] == ([aspect] if aspect else [])


def test_a_request_that_the_other_side_sends_now() -> None:
    """A BYE of the other side where there was none; its OPTIONS say nothing."""
    asked = call().request("OPTIONS").reply(200).trace()
    assert only_step([sample(call().trace())], [sample(asked)]).kind is Kind.SAME
    hung_up = call().request("BYE").reply(200).trace()
    found = only_difference(sample(call().trace()), sample(hung_up))
    assert (found.aspect, found.before, found.after) == ("requests", "none", "BYE")


def test_a_failure_is_told_after_the_responses() -> None:
    """What ended an attempt without a final response stands behind what came."""
    lost = Wire().send("INVITE", body=OFFER).receive(100).fail(Failure.NO_FINAL_RESPONSE)
    found = sample(lost.trace(), Outcome.NOT_MET)
    assert found.sequence == "100, then NO FINAL RESPONSE"


def test_gone_new_and_not_tried_any_more() -> None:
    """What only one run has; of a run that was broken off, what is missing was not tested."""
    other = Key(scenario="other", story="other", step=1, attempt="register trunk")
    one = sample(call().trace())
    found = compare(side(one), side(one, key=other))
    assert {s.key.scenario: s.kind for s in found.steps} == {
        "other": Kind.NEW, "trunk-check": Kind.GONE,
    }  # fmt: skip
    broken_off = compare(side(one), side(one, key=other, whole=False))
    assert broken_off.count(Kind.UNTESTED) == 1
    assert any("did not come to its end" in note for note in broken_off.notes)


def test_without_traces_the_report_is_compared_and_that_is_said() -> None:
    """A report alone tells of outcomes, responses and delays."""
    was = sample(call(sdp("PCMU")).trace(), traced=False)
    now = sample(call(sdp("PCMA"), early=True).trace(), traced=False)
    found = compare(side(was), side(now))
    assert [one.aspect for one in found.steps[0].differences] == ["sequence"]
    assert "has no traces" in found.notes[0]


@pytest.mark.parametrize("ignore", ["headers", "headers.server"])
def test_what_is_ignored(ignore: str) -> None:
    """A kind of difference, or one header, is left out."""
    was = sample(call(headers={"Server": "A"}).trace())
    now = sample(call(headers={"Server": "B"}).trace())
    assert only_step([was], [now], ignore).kind is Kind.SAME


def comparison() -> Comparison:
    """Return a pair with a regression, a change and text that would drive a terminal."""
    was = sample(call(headers={"Server": "A|`x`"}).trace())
    now = sample(call(headers={"Server": "B\x1b[2J"}, early=True).trace())
    return compare(side(was), side(now))


def test_it_is_told_in_plain_words() -> None:
    """What changed, before → after, and the counts; nothing drives the terminal."""
    text = as_text(comparison(), color=False)
    assert "✗ step 2  call +12025550123   regression" in text
    assert "✗ responses: 180 200 → 183 180 200" in text
    assert "~ header Server: A|`x` → B" in text
    assert text.endswith("\n1 regression.")
    assert "\x1b" not in text
    same = compare(side(sample(call().trace())), side(sample(call().trace())))
    assert as_text(same, color=False).endswith("No difference in 1 step.")


@pytest.mark.parametrize("form", [as_markdown, lambda c: str(as_json(c))], ids=["md", "json"])
def test_other_forms_hold_the_same(form: Callable[[Comparison], str]) -> None:
    """Both name verdict, before and after, and no sign that drives a terminal."""
    text = form(comparison())
    assert "regression" in text
    assert "183 180 200" in text
    assert "\x1b" not in text


def test_a_cell_of_the_table_cannot_be_left() -> None:
    """Each row has six cells, whatever a server calls itself."""
    rows = [line for line in as_markdown(comparison()).splitlines() if line.startswith("| trunk")]
    assert len(rows) == 2
    assert all(row.replace("\\|", "").count("|") == 7 for row in rows)
