"""A far end that is changed between two runs: the gate names what changed, and nothing else."""

from pathlib import Path

from ports import LOOPBACK, free_port
from sipp import SCENARIOS, running_sipp_uas
from userfolder import Run, UserFolder

REPEATS = 5
"""The least with which a delay is tested."""

CALL = '- call: "12025550123"\n  hangup_after: 100ms\n  expect: {responses: 100? 183? 180 200}'

RINGING = "<send>\n    <![CDATA[\n      SIP/2.0 180 Ringing"


def far_end(*, pause_ms: int = 0, progress: bool = False, codecs: str = "0 8") -> str:
    """Return SIPp's scenario of a far end that answers, with what was changed in it."""
    text = (SCENARIOS / "answer.xml").read_text()
    assert RINGING in text
    before = f'<pause milliseconds="{pause_ms}"/>\n\n  ' if pause_ms else ""
    if progress:
        start = text.index(RINGING)
        block = text[start : text.index("</send>", start) + len("</send>")]
        before += block.replace("180 Ringing", "183 Session Progress") + "\n\n  "
    text = text.replace(RINGING, before + RINGING)
    assert "[payload] 101" in text
    return text.replace("[payload] 101", f"{codecs} 101").replace(
        "a=rtpmap:[payload] [codec]", "a=rtpmap:0 PCMU/8000\n      a=rtpmap:8 PCMA/8000"
    )


def called(folder: UserFolder, port: int, place: Path, text: str, *flags: str) -> Run:
    """Run the scenario five times against such a far end."""
    place.mkdir()
    with running_sipp_uas(place, "answer", calls=REPEATS, port=port, text=text, pause_ms=20):
        start = folder.start(
            "run", "check", "--results", "results", "--repeat", str(REPEATS), *flags
        )
        return folder.read(start, within_s=120)


def test_each_change_is_named_and_nothing_else(folder: UserFolder, tmp_path: Path) -> None:
    """Equal runs show nothing; then three changes at once are three differences, and status 1."""
    port = free_port()
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{port}")
    folder.scenario(CALL)
    first = called(folder, port, tmp_path / "first", far_end())
    assert first.exit_code == 0, first.finished.stdout
    assert len(first.findings) == REPEATS

    assert called(folder, port, tmp_path / "equal", far_end()).exit_code == 0
    assert first.folder is not None
    # The machine that runs the tests may be busier now: that would be a difference, too.
    equal = folder.command("compare", first.folder.name, "last", "--ignore", "timing")
    assert equal.exit_code == 0, equal.stdout
    assert "No difference in 1 step." in equal.stdout

    changed = far_end(pause_ms=600, progress=True, codecs="8 0")
    third = called(folder, port, tmp_path / "third", changed, "--baseline", "last")
    assert third.exit_code == 1, third.finished.stdout
    assert third.report["run"]["counts"]["met"] == REPEATS
    said = third.finished.stdout
    assert "responses: 180 200 → 183 180 200" in said
    assert "SDP audio codecs: PCMU PCMA telephone-event → PCMA PCMU telephone-event" in said
    assert "post-dial delay" in said
    assert "slower by" in said

    told = folder.command(
        "compare", first.folder.name, "last", "--format", "json", "--ignore", "timing"
    )
    assert told.exit_code == 1
    (step,) = told.json["steps"]
    assert step["repeats"] == {"before": REPEATS, "after": REPEATS}
    assert {one["aspect"] for one in step["differences"]} == {"sequence", "sdp"}
