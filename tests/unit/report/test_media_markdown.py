"""The audio of calls in Markdown."""

from reportbuilder import finding, report
from wirebuilder import answered_call

from probe.report.markdown import written_markdown


def test_each_call_with_sound_has_a_row() -> None:
    """Loss as a share, jitter in ms, what nobody told as a dash."""
    trace = answered_call().media(rx_lost=100, rx_jitter_s=0.0123, mos=3.84, rtt_s=0.021).trace()
    text = "".join(written_markdown(report(finding(trace))))
    [row] = [line for line in text.splitlines() if "50.0 %" in line]
    assert "| PCMU | 100 | 50.0 % | 12.3 ms | 3.8 | 100 | – | 21 ms |" in row


def test_calls_without_sound_make_no_table() -> None:
    """No head without a row."""
    assert "round trip" not in "".join(written_markdown(report(finding(answered_call().trace()))))
