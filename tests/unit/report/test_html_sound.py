"""Sound in the page: both directions, the chart's data, recordings, arrows in the ladder."""

import array
import math
import wave
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from wirebuilder import Wire, answered_call

from probe.report.html.picture import picture
from probe.report.html.sound import PEAKS, drawn
from probe.report.media_lines import media_lines
from probe.trace.media import (
    Agreed,
    Digit,
    Gap,
    Heard,
    MediaReport,
    MediaSlice,
    PayloadType,
    SourceChange,
)
from probe.trace.trace import Leg, Trace

RICH: dict[str, object] = {
    "rx_packets": 90,
    "rx_lost": 10,
    "rx_jitter_s": 0.0123,
    "rx_jitter_max_s": 0.0201,
    "tx_lost": 3,
    "rtt_s": 0.05,
    "mos": 3.94,
    "r_factor": 77.6,
    "payload_type": 0,
    "ptime_s": 0.02,
    "direction": "sendrecv",
    "local": "192.0.2.10:4000",
    "remote": "198.51.100.1:40000",
    "rx_source": "198.51.100.1:40000",
    "rx_first_at": 1.6,
    "tx_first_at": 1.55,
    "rx_payload_types": (
        PayloadType(number=0, packets=80, codec="PCMU"),
        PayloadType(number=96, packets=10),
    ),
    "rx_slices": (
        MediaSlice(at=1.5, length_s=1.0, packets=50, lost=0, jitter_s=0.001),
        MediaSlice(at=2.5, length_s=1.0, packets=40, lost=10, jitter_s=0.0201),
    ),
    "rx_gaps": (Gap(at=2.6, length_s=0.2),),
    "rx_changes": (SourceChange(at=2.8, what="ssrc", before="0x1", after="0x2"),),
    "heard": (Heard(what="tone 1004Hz", at=1.6, length_s=1.8, level_dbov=-15.3),),
    "digits": (Digit(digit="5", how="rfc4733", at=2.0, length_s=0.1),),
}


def trace_with(**media: object) -> Trace:
    """Return an answered call with one media report."""
    return answered_call().media(**media).trace()


def stream(folder: str = "", **media: object) -> dict[str, Any]:
    """Return what the page draws of one stream."""
    (report,) = trace_with(**media).media
    return drawn("probe", report, 0.5, folder)


def row(one: dict[str, Any], name: str) -> list[str]:
    """Return the two cells of a row."""
    found: list[str] = next(cells[1:] for cells in one["rows"] if cells[0] == name)
    return found


def test_both_directions_stand_side_by_side() -> None:
    """What came beside what left, each with its share."""
    one = stream(**RICH)
    assert row(one, "packets") == ["90", "100"]
    assert row(one, "lost") == ["10 (10.0 %)", "3 (3.0 %)"]
    assert row(one, "jitter, mean") == ["12.3 ms", "unknown: no RTCP"]
    assert row(one, "payload types") == ["PCMU (0): 80, not agreed (96): 10", "PCMU (0)"]
    assert one["estimate"] == "MOS 3.9 (estimate, R 78)"


def test_times_are_those_of_the_ladder() -> None:
    """The chart begins where the attempt began."""
    one = stream(**RICH)
    assert one["slices"] == [[1.0, 1.0, 50, 0, 1.0], [2.0, 1.0, 40, 10, 20.1]]
    assert one["gaps"] == [[2.1, 0.2]]
    assert one["changes"] == [[2.3, "ssrc: 0x1 → 0x2"]]
    assert one["heard"] == [[1.1, 1.8, "tone 1004Hz", "-15 dBov"]]
    assert one["digits"] == [[1.5, "5", "rfc4733"]]


def test_what_nobody_reported_is_unknown_and_not_nothing() -> None:
    """Without RTCP nothing is said of our packets; with one that is silent on them, that."""
    assert row(stream(), "lost")[1] == "unknown: no RTCP"
    told = stream(rtcp_received=3)
    assert row(told, "lost")[1] == "unknown: their RTCP does not mention it"


@pytest.mark.parametrize(
    ("media", "missing"),
    [
        ({"rx_packets": 0, "direction": "sendrecv"}, [True, False]),
        ({"tx_packets": 0, "direction": "sendrecv"}, [False, True]),
        ({"rx_packets": 0, "direction": "sendonly"}, [False, False]),
        ({"rx_packets": 0, "tx_packets": 0, "direction": "inactive"}, [False, False]),
    ],
)
def test_a_direction_without_packets(media: dict[str, object], missing: list[bool]) -> None:
    """It is missing where something was due, and nothing else."""
    assert stream(**media)["missing"] == missing


def test_a_recording_is_drawn_as_peaks(tmp_path: Path) -> None:
    """Quiet first, loud then; every channel counts; the data fits a screen."""
    quiet = [round(1000 * math.sin(n / 3)) for n in range(8000)]
    loud = [round(16384 * math.sin(n / 3)) for n in range(8000)]
    samples = array.array("h", [value for one in quiet + loud for value in (one, 0)])
    with wave.open(str(tmp_path / "call.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples.tobytes())
    found = stream(str(tmp_path), recording="call.wav")["wave"]
    assert found["length"] == 2.0
    assert len(found["peaks"]) == PEAKS
    assert set(found["peaks"][: PEAKS // 2]) <= {2, 3}
    assert max(found["peaks"]) == 50


@pytest.mark.parametrize("name", ["../outside.wav", "/etc/passwd", "missing.wav", "broken.wav"])
def test_a_recording_that_is_none(tmp_path: Path, name: str) -> None:
    """Nothing outside the run's folder is read, and a broken file is no waveform."""
    folder = tmp_path / "run"
    folder.mkdir()
    (tmp_path / "outside.wav").write_bytes(b"RIFF")
    (folder / "broken.wav").write_bytes(b"RIFF....WAVEfmt ")
    assert stream(str(folder), recording=name)["wave"] is None


def test_streams_are_arrows_where_their_first_packet_was() -> None:
    """Between ACK and BYE, ours first, with loss, jitter and an estimate beside theirs."""
    shown = picture(trace_with(**RICH), None, us="probe", peer="pbx")
    rows = [r for r in shown.rows if r.kind == "media"]
    assert [(r.label, r.note, r.source, r.goal) for r in rows] == [
        ("RTP PCMU, 100 packets", "3 lost there", 0, 1),
        ("RTP PCMU, 90 packets, 10.0 % lost", "jitter 12.3 ms, MOS 3.9", 1, 0),
    ]
    labels = [r.label for r in shown.rows]
    assert labels.index("ACK") < labels.index(rows[0].label) < labels.index("BYE")


def test_sound_that_never_came_is_a_ghost() -> None:
    """One-way audio is seen in the ladder."""
    agreed = Agreed(
        at=1.5,
        local="192.0.2.10:4000",
        remote="10.1.2.3:40000",
        direction="sendrecv",
        codec="PCMU",
        payload_type=0,
        clock_rate=8000,
        ptime_s=0.02,
    )
    trace = trace_with(
        rx_packets=0, direction="sendrecv", remote="10.1.2.3:40000", agreed=(agreed,)
    )
    shown = picture(trace, None, us="probe", peer="pbx")
    (ghost,) = [r for r in shown.rows if r.kind == "ghost"]
    assert (ghost.label, ghost.source, ghost.goal, ghost.at) == ("no RTP came", 1, 0, 1.5)
    assert len(shown.columns) == 2


def test_sound_of_a_called_agent_stands_in_its_column() -> None:
    """On the clock of the attempt."""
    caller = answered_call().trace()
    called = replace(trace_with(**RICH), started_at=caller.started_at + timedelta(seconds=1))
    trace = replace(caller, legs=(Leg(agent="bob", trace=called),))
    shown = picture(trace, None, us="alice", peer="pbx")
    media = [r for r in shown.rows if r.kind == "media"]
    assert {r.source for r in media} | {r.goal for r in media} == {1, 2}
    assert [r.at for r in media] == [2.55, 2.6]


def test_what_was_not_measured_says_why() -> None:
    """No figure of an unmeasured stream is shown, and no arrow is drawn for it."""
    trace = trace_with(rx_packets=0, unmeasured="DTLS-SRTP")
    assert picture(trace, None, us="probe", peer="pbx").rows[-1].kind == "message"
    assert media_lines(trace.media[0]) == ("PCMU: not measured (DTLS-SRTP)",)


def test_lines_of_text() -> None:
    """Head, in, out: short enough for a terminal, and honest about what is estimated."""
    (report,) = trace_with(**RICH).media
    head, came, left = media_lines(report)
    assert head == (
        "PCMU, payload type 0, 20 ms, sendrecv, 192.0.2.10:4000 ↔ 198.51.100.1:40000, "
        "MOS 3.9 (estimate, R 78)"
    )
    assert came == (
        "in:  90 packets, 10 lost (10.0 %), jitter 12.3 ms, at most 20.1 ms, 1 gap, "
        "1 change of source"
    )
    assert left == "out: 100 packets, 3 lost there (RTCP), 50.0 ms there and back"


def test_lines_of_text_hold_no_control_character() -> None:
    """Codec and addresses come from the wire."""
    hostile = "\x1b[2J\u202ePCMU"
    report = MediaReport(
        call_id="c",
        codec=hostile,
        rx_packets=0,
        rx_lost=0,
        rx_reordered=0,
        rx_duplicates=0,
        rx_jitter_s=0.0,
        tx_packets=0,
        tx_lost=None,
        rtt_s=None,
        local=hostile,
        remote=hostile,
        srtp=hostile,
        late_by_us=True,
    )
    assert all(line.isprintable() for line in media_lines(report))
    assert "\x1b" not in str(drawn(hostile, report, 0.0, ""))


def test_no_media_no_arrow() -> None:
    """A refused call has no sound."""
    trace = Wire().send("INVITE").receive(403).send("ACK").trace()
    assert {r.kind for r in picture(trace, None, us="probe", peer="pbx").rows} == {"message"}
