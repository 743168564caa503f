"""The file form and the pipe form of media reports keep every part of them."""

import json
import math

from msgspec.structs import replace
from wirebuilder import Wire, answered_call

from probe.agent.channel import decode, encode
from probe.trace.media import (
    Agreed,
    Digit,
    Echo,
    Gap,
    Heard,
    Likeness,
    MediaReport,
    MediaSlice,
    PayloadType,
    SourceChange,
)
from probe.trace.store import trace_as_text, trace_from_json, trace_to_json
from probe.trace.trace import Leg

AGREED = Agreed(
    at=1.5,
    local="192.0.2.10:4000",
    remote="198.51.100.1:40000",
    direction="sendrecv",
    codec="PCMU",
    payload_type=0,
    clock_rate=8000,
    ptime_s=0.02,
    events=101,
    srtp="AES_CM_128_HMAC_SHA1_80",
    early=True,
)
PARTS = {
    "agreed": (AGREED,),
    "rx_gaps": (Gap(at=2.0, length_s=0.5),),
    "rx_payload_types": (PayloadType(number=0, packets=7, codec="PCMU"),),
    "rx_changes": (SourceChange(at=3.0, what="ssrc", before="0x00000001", after="0x00000002"),),
    "rx_slices": (MediaSlice(at=1.0, length_s=1.0, packets=50, lost=1, jitter_s=0.001),),
    "heard": (
        Heard(what="tone 1004Hz", at=1.0, length_s=2.0, level_dbov=-10.5, hz=1004.0, purity=0.99),
        Heard(what="ringback", at=3.0, length_s=8.0, hz=400.0, second_hz=450.0, countries=("GB",)),
    ),
    "likeness": (Likeness(reference="prompt.wav", score=0.97, at=1.2, clipped_s=0.0),),
    "echoes": (Echo(at=1.1, delay_s=0.04, level_db=-0.5),),
    "digits": (Digit(digit="5", how="rfc4733", at=1.0, length_s=0.1),),
}


def whole() -> Wire:
    """Return a call whose media report has every kind of part."""
    return answered_call().media(**PARTS, rx_first_at=1.6, mos=4.41, late_by_us=True)


def test_a_media_report_comes_back_from_its_file_as_it_was() -> None:
    """Every part of a report is of a kind that the file form knows."""
    trace = whole().trace()
    assert trace_from_json(trace_to_json(trace)) == trace


def test_a_media_report_comes_through_the_pipe_as_it_was() -> None:
    """The worker's pipe knows the same kinds."""
    report = whole().trace().media[0]
    assert decode(encode("media", report=report).strip())["report"] == report


def test_a_trace_from_before_the_parts_is_read() -> None:
    """What an older version left out has its default."""
    trace = whole().trace()
    stored = trace_to_json(trace)
    [report] = stored["media"]  # type: ignore[misc]
    assert isinstance(report, dict)
    for name in MediaReport.__struct_fields__[10:]:
        del report[name]
    [old] = trace_from_json(stored).media
    assert old == replace(old, rx_packets=100, agreed=(), heard=(), mos=None)


def test_a_figure_that_is_none_is_stored_as_such() -> None:
    """Null would say that nothing was measured; also of what another agent saw."""
    trace = whole().trace()
    [report] = trace.media
    seen = replace(trace, media=(replace(report, mos=math.nan),))
    both = replace(seen, legs=(Leg(agent="bob", trace=seen),))
    for one in (seen, both):
        assert repr(trace_from_json(trace_to_json(one))) == repr(one)
        assert repr(trace_from_json(json.loads(trace_as_text(one)))) == repr(one)
