"""Many rows at a time against SIPp: the same report, every call once, all hung up at the end."""

import os
import re
import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

from ports import LOOPBACK
from sipp import SippUas
from userfolder import Run, UserFolder

ROWS = 24
NUMBERS = tuple(f"{2000 + number}" for number in range(ROWS))


def told(run: Run) -> list[tuple[Any, ...]]:
    """Return what a report says of each finding, without times, ports and names of calls."""
    return [
        (
            finding["scenario"],
            finding["outcome"],
            finding["observed"],
            [re.sub(r"^\W+", "", line) for line in lines_of(trace)],
        )
        for finding, trace in zip(run.findings, run.traces["findings"], strict=True)
    ]


def lines_of(finding: dict[str, Any]) -> list[str]:
    """Return the first lines of a finding's messages, in order, whoever sent them."""
    events = finding["tries"][-1]["events"]
    return [event["text"].partition("\r")[0] for event in events if "text" in event]


def rows(folder: UserFolder, port: int, *, talk: str) -> None:
    """Write a table of numbers and a scenario that calls each of them."""
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{port}", registers="no")
    (folder.path / "scenarios").mkdir()
    table = "NUMBER\n" + "".join(f"{number}\n" for number in NUMBERS)
    (folder.path / "scenarios" / "numbers.csv").write_text(table)
    folder.scenario(f'- call: "${{NUMBER}}"\n  hangup_after: {talk}\n', top="data: numbers.csv\n")


def test_report_of_many_at_a_time_is_that_of_one_by_one(
    folder: UserFolder, sipp_uas: Callable[..., SippUas]
) -> None:
    """Order, verdicts and messages of each row; and each number was called once a run."""
    uas = sipp_uas("answer", calls=2 * ROWS, pause_ms=20)
    rows(folder, uas.port, talk="0s")
    single = folder.run("check")
    many = folder.run("check", flags=("-j", "16"))
    assert (single.exit_code, many.exit_code) == (0, 0)
    assert [row for row, *_ in told(many)] == [f"check[{number}]" for number in NUMBERS]
    assert told(many) == told(single)
    invited = re.compile(r"^< INVITE sip:(\d+)@")
    calls = Counter(found[1] for line in uas.first_lines() if (found := invited.match(line)))
    assert calls == dict.fromkeys(NUMBERS, 2)
    assert uas.wait() == 0


def test_ctrl_c_hangs_up_whatever_is_up(
    folder: UserFolder, sipp_uas: Callable[..., SippUas]
) -> None:
    """Each call that was answered gets one BYE; the rest is named and not dialled."""
    uas = sipp_uas("answer", calls=ROWS, pause_ms=0)
    rows(folder, uas.port, talk="60s")
    running = folder.start("run", "check", "-j", "6", "--results", "results")
    uas.process.wait_until(lambda: sent(uas, "ACK") >= 6, "six calls", within_s=25)
    os.kill(running.pid, signal.SIGINT)
    run = folder.read(running)
    assert run.exit_code == 130
    assert f"not carried out: check ({ROWS - 6} rows)" in run.finished.stdout
    assert (sent(uas, "INVITE"), sent(uas, "BYE")) == (6, 6)
    assert [finding["outcome"] for finding in run.findings] == ["INCONCLUSIVE"] * 6


def sent(uas: SippUas, method: str) -> int:
    """Return how many calls sent a request of a method to SIPp."""
    return len(
        {
            message.header("Call-ID")
            for message in uas.messages()
            if not message.sent and message.first_line.startswith(f"{method} ")
        }
    )
