"""Bounds on audio: kept, not kept, and left open where our own side could not tell."""

import pytest
from judging import STEP, judged, told
from msgspec.structs import replace
from wirebuilder import Wire, answered_call

from probe.scenario.bounds import Bound
from probe.scenario.expectation import Expectation
from probe.scenario.media_expectation import MediaExpectation
from probe.scenario.reading import read
from probe.trace.media import Agreed, Gap, MediaSlice
from probe.trace.trace import Leg, Trace
from probe.verdict.judge import judge
from probe.verdict.verdict import Outcome

BOUNDS = {
    "loss": Bound(max=1.0, unit="%", text="max 1%"),
    "tx_loss": Bound(max=1.0, unit="%", text="max 1%"),
    "jitter": Bound(max=0.03, unit="s", text="max 30ms"),
    "rtt": Bound(max=0.15, unit="s", text="max 150ms"),
    "gap": Bound(max=0.2, unit="s", text="max 200ms"),
    "first_packet": Bound(max=0.3, unit="s", text="max 300ms"),
    "mos": Bound(min=3.8, unit="", text="min 3.8"),
    "rx_packets": Bound(min=50.0, unit="", text="min 50"),
    "discarded": Bound(max=1.0, unit="%", text="max 1%"),
}


def wanting(*names: str) -> MediaExpectation:
    """Return an expectation with some of the bounds above."""
    return read(MediaExpectation, {name: BOUNDS[name] for name in names})


GOOD = {"rx_first_at": 0.1, "mos": 4.36, "rtt_s": 0.02, "tx_lost": 0}


def test_a_clean_call_keeps_every_bound() -> None:
    """Each bound has its value beside it."""
    verdict = judged(answered_call().media(**GOOD), media=wanting(*BOUNDS))
    assert verdict.outcome is Outcome.MET, told(verdict)
    assert {one.name: one.state for one in verdict.media} == dict.fromkeys(BOUNDS, "ok")
    assert {one.name: one.value for one in verdict.media}["mos"] == pytest.approx(4.36)


@pytest.mark.parametrize(
    ("name", "facts", "says"),
    [
        ("loss", {"rx_lost": 5}, "expected loss max 1%, got 4.76%"),
        ("jitter", {"rx_jitter_s": 0.05}, "expected jitter max 30ms, got 50.0 ms"),
        ("rtt", {"rtt_s": 0.4}, "expected rtt max 150ms, got 400.0 ms"),
        ("gap", {"rx_gaps": (Gap(at=1.0, length_s=1.5),)}, "expected gap max 200ms, got 1.500 s"),
        ("mos", {"mos": 2.0}, "expected mos min 3.8, got 2.00"),
        ("rx_packets", {"rx_packets": 3}, "expected rx_packets min 50, got 3"),
        ("discarded", {"rx_discarded": 2}, "expected discarded max 1%, got 2%"),
        ("tx_loss", {"tx_lost": 10}, "expected tx_loss max 1%, got 10%"),
    ],
)
def test_a_bound_that_is_not_kept_is_a_mismatch(
    name: str, facts: dict[str, object], says: str
) -> None:
    """The figure stands beside the bound, in words."""
    verdict = judged(answered_call().media(**{**GOOD, **facts}), media=wanting(name))
    assert verdict.outcome is Outcome.NOT_MET
    assert told(verdict) == [says]
    assert verdict.mismatches[0].path == f"expect.media.{name}"


def test_without_a_packet_no_bound_on_what_came_is_kept() -> None:
    """Silence is no perfect stream: nothing lost of nothing is a failure."""
    wire = answered_call().media(rx_packets=0, rx_first_at=None)
    verdict = judged(wire, media=wanting("loss", "jitter", "mos", "rx_packets"))
    assert verdict.outcome is Outcome.NOT_MET
    assert [m.observed for m in verdict.mismatches].count("no packet came") == 3


@pytest.mark.parametrize(
    ("name", "facts"),
    [("rtt", {}), ("tx_loss", {}), ("mos", {"codec": "G722"})],
    ids=["no RTCP", "no RTCP of ours", "a codec that nobody rates"],
)
def test_what_nobody_told_is_left_open(name: str, facts: dict[str, object]) -> None:
    """A figure that does not exist says nothing of the trunk."""
    verdict = judged(answered_call().media(rx_first_at=0.1, **facts), media=wanting(name))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "is not known" in told(verdict)[0]
    assert verdict.media[0].state == "none"


def test_jitter_that_our_own_late_frames_explain_is_left_open() -> None:
    """An echo gives our own unevenness back to us."""
    late = {"tx_late": 9, "tx_worst_late_s": 0.08, "late_by_us": True, "rx_jitter_s": 0.05}
    verdict = judged(answered_call().media(**GOOD, **late), media=wanting("jitter"))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "9 packets of ours left late, the worst by 80 ms" in told(verdict)[0]


def test_loss_is_the_trunks_also_where_our_frames_were_late() -> None:
    """A late frame is never lost: our lateness explains no hole in the numbers."""
    late = {"tx_late": 9, "tx_worst_late_s": 0.08, "late_by_us": True, "rx_lost": 9}
    verdict = judged(answered_call().media(**GOOD, **late), media=wanting("loss"))
    assert verdict.outcome is Outcome.NOT_MET


def test_loss_in_our_own_kernel_is_left_open() -> None:
    """Packets that the kernel dropped because we did not read them were not lost on the way."""
    facts = {"rx_overflow": 9, "late_by_us": True, "rx_lost": 9}
    verdict = judged(answered_call().media(**GOOD, **facts), media=wanting("loss"))
    assert verdict.outcome is Outcome.INCONCLUSIVE


def test_jitter_beyond_our_own_lateness_is_the_trunks() -> None:
    """200 ms of jitter do not come from frames that were 15 ms late."""
    late = {"tx_late": 9, "tx_worst_late_s": 0.015, "late_by_us": True, "rx_jitter_s": 0.2}
    verdict = judged(answered_call().media(**GOOD, **late), media=wanting("jitter"))
    assert verdict.outcome is Outcome.NOT_MET


def test_packets_that_could_not_be_read_are_not_judged() -> None:
    """DTLS-SRTP: the stack has sums, and what needs packets is left open."""
    wire = answered_call().media(unmeasured="DTLS-SRTP")
    assert judged(wire, media=wanting("loss", "jitter")).outcome is Outcome.MET
    verdict = judged(wire, media=wanting("gap"))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "DTLS-SRTP" in told(verdict)[0]


def test_a_refused_call_is_not_blamed_for_its_silence() -> None:
    """One mismatch is enough: the call was not answered."""
    wire = Wire().send("INVITE").receive(486).send("ACK")
    verdict = judged(wire, media=wanting("rx_packets"))
    assert [mismatch.path for mismatch in verdict.mismatches] != ["expect.media.rx_packets"]
    assert len(verdict.mismatches) == 1


# A talk ------------------------------------------------------------------------------------------


def talk(began: float, ended: float, **facts: object) -> Trace:
    """Return a talk of alice, whose call has ten slices from 10 s on."""
    slices = tuple(
        MediaSlice(at=10.0 + n, length_s=1.0, packets=50, lost=10 * (n == 7), jitter_s=0.001)
        for n in range(10)
    )
    agreed = Agreed(
        at=9.9,
        local="192.0.2.10:4000",
        remote="198.51.100.1:40000",
        direction="sendrecv",
        codec="PCMU",
        payload_type=0,
        clock_rate=8000,
        ptime_s=0.02,
    )
    known = {"rx_slices": slices, "agreed": (agreed,), "rx_packets": 500, "rx_lost": 10}
    media = Wire("").media(**{**known, **facts}).trace().media
    trace = replace(Wire("").trace(), began=began, ended=ended)
    return replace(trace, legs=(Leg(agent="alice", trace=replace(trace, media=media)),))


def expecting(*names: str) -> Expectation:
    """Return what a talk expects of alice."""
    return Expectation(agents={"alice": wanting(*names)})


def test_a_talk_is_judged_by_its_own_seconds() -> None:
    """Ten packets are lost in the eighth second of the call: only a talk in it is at fault."""
    wanted = expecting("loss", "rx_packets", "mos")
    assert judge(wanted, talk(11.0, 14.0), STEP).outcome is Outcome.MET
    verdict = judge(wanted, talk(16.0, 18.0), STEP)
    assert verdict.outcome is Outcome.NOT_MET
    assert told(verdict)[0].startswith("expected alice: loss max 1%, got 9.09%")
    values = {one.name: one.value for one in verdict.media}
    assert values["rx_packets"] == 100
    assert values["mos"] is not None
    assert values["mos"] < 4.0
    assert verdict.mismatches[0].path == "expect.agents.alice.loss"


def test_a_gap_counts_where_it_reaches_into_the_talk() -> None:
    """A gap of another minute is not this talk's."""
    gap = Gap(at=15.0, length_s=0.5)
    wanted = expecting("gap")
    assert judge(wanted, talk(11.0, 14.0, rx_gaps=(gap,)), STEP).outcome is Outcome.MET
    assert judge(wanted, talk(15.2, 17.0, rx_gaps=(gap,)), STEP).outcome is Outcome.NOT_MET


def test_an_agent_without_a_call_tells_nothing() -> None:
    """Its call did not come up, which another step says."""
    trace = replace(Wire("").trace(), legs=())
    verdict = judge(expecting("loss"), trace, STEP)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "alice was in no call" in told(verdict)[0]
