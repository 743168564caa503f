"""The trace of a run is what was on the wire: nothing missing, nothing added, the times right."""

from collections.abc import Callable
from statistics import median

from agreement import differences, in_trace, on_wire, write_calls
from kamailio import Kamailio
from ports import LOOPBACK
from sipp import SippUas
from userfolder import UserFolder
from wire import Capture

CALLS = 20


def test_the_trace_of_many_calls_is_what_a_capture_shows(
    sipp_uas: Callable[..., SippUas], capture: Callable[..., Capture], folder: UserFolder
) -> None:
    """Twenty calls: each message of the capture is in the trace, same bytes, order and time."""
    uas = sipp_uas("answer", calls=CALLS, pause_ms=0)
    recording = capture(uas.port)
    write_calls(folder, uas.port, CALLS)
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    assert uas.wait() == 0
    wire = on_wire(recording.sip(uas.port), uas.port)
    found = differences(in_trace(run), wire)
    assert len(wire) == CALLS * 7  # INVITE 100 180 200 ACK BYE 200
    # Generous, for a busy machine; docs/measurements.md has what an idle one gives.
    assert median(found.all) < 0.005
    assert max(found.all) < 1.0


def test_a_whole_session_with_digest_is_in_the_trace(
    kamailio: Kamailio,
    sipp_uas: Callable[..., SippUas],
    capture: Callable[..., Capture],
    folder: UserFolder,
) -> None:
    """Both REGISTERs, the challenged INVITE and its ACK, the call, the removal: all recorded."""
    uas = sipp_uas("answer")
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{kamailio.udp_port}", password=kamailio.password)
    folder.scenario(
        f'- options:\n- register:\n- call: "{kamailio.number_to(uas.port)}"\n  hangup_after: 0.1s'
    )
    recording = capture(kamailio.udp_port)
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    us = run.messages()[0]["local"]
    wire = [m for m in recording.sip(kamailio.udp_port) if us in {m.src, m.dst}]
    ours = [(m["type"] == "MessageSent", m["text"].partition("\r")[0]) for m in run.messages()]
    assert ours == [(m.src == us, m.first_line) for m in wire]
