"""A worker process as its supervisor sees it: real children, harmless ones."""

import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from probe.executor import begin
from probe.executor.process import WorkerProcess

ANSWERS = "import os, sys; out = int(sys.argv[2]); "
"""Begin of a child's program that knows where its answers go."""

LIMIT_S = 10.0


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], WorkerProcess]]:
    """Start children that run a line of Python instead of a worker; end them."""
    started: list[WorkerProcess] = []

    def _start(program: str) -> WorkerProcess:
        launch = "import sys; sys.path[:] = {path!r}; " + program.replace("{", "{{").replace(
            "}", "}}"
        )
        monkeypatch.setattr(begin, "_LAUNCH", launch)
        started.append(WorkerProcess())
        return started[-1]

    yield _start
    for one in started:
        one.kill()
        one.close()


def everything(worker: WorkerProcess) -> list[dict[str, Any]]:
    """Return all that a child says until it closes its pipe."""
    found: list[dict[str, Any]] = []
    limit = time.monotonic() + LIMIT_S
    while not worker.ended:
        assert time.monotonic() < limit
        select.select([worker], [], [], 1.0)
        found += worker.read()
    return found


def test_answers_are_read_as_they_come(child: Callable[[str], WorkerProcess]) -> None:
    """One line is one answer, however the pipe cuts the bytes."""
    worker = child(
        ANSWERS
        + """os.write(out, b'{"kind": "hel'); os.write(out, b'lo"}\\n{"kind": "beat"}\\n')"""
    )
    assert [answer["kind"] for answer in everything(worker)] == ["hello", "beat"]
    assert worker.close() == "exit status 0"


def test_line_that_is_no_answer_is_kept_as_rubbish(child: Callable[[str], WorkerProcess]) -> None:
    """What a broken worker says is data, and the answers around it still count."""
    worker = child(
        ANSWERS
        + """os.write(out, b'nonsense\\n{"no": 1}\\n{"kind": "bye", "registered": false}\\n')"""
    )
    found = everything(worker)
    assert [answer["kind"] for answer in found] == ["garbage", "garbage", "bye"]
    assert "nonsense" in found[0]["detail"]


def test_worker_that_never_stops_talking_is_heard_in_turns(
    child: Callable[[str], WorkerProcess],
) -> None:
    """In a storm of messages the supervisor still gets to look at its clock."""
    worker = child(
        ANSWERS + r"""[os.write(out, (b"x" * 199 + b"\n") * 300) for _ in iter(int, 1)]"""
    )
    for _ in range(3):
        select.select([worker], [], [], LIMIT_S)
        assert 0 < len(worker.read()) < 6000  # 16 times 64 KiB, 200 bytes a line
    assert not worker.ended


def test_nothing_to_read_yet_is_no_end(child: Callable[[str], WorkerProcess]) -> None:
    """A worker that is busy is not taken for dead."""
    worker = child("import time; time.sleep(60)")
    assert worker.read() == []
    assert not worker.ended


def test_whatever_is_heard_is_a_sign_of_life(child: Callable[[str], WorkerProcess]) -> None:
    """The watchdog looks at when the last bytes came."""
    worker = child(ANSWERS + """os.write(out, b'{"kind": "beat"}\\n')""")
    worker.heard_at = 0.0
    everything(worker)
    assert worker.heard_at > 0.0


def test_death_by_a_signal_is_named(child: Callable[[str], WorkerProcess]) -> None:
    """SIGSEGV says more than -11."""
    worker = child("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert everything(worker) == []
    assert worker.close() == "ended by SIGSEGV"


def test_signal_without_a_name_is_told_by_its_number(
    child: Callable[[str], WorkerProcess],
) -> None:
    """The realtime signals between the first and the last have no name."""
    number = signal.SIGRTMIN + 3
    worker = child(f"import os; os.kill(os.getpid(), {int(number)})")
    everything(worker)
    assert worker.close() == f"ended by signal {int(number)}"


def test_last_line_of_stderr_says_why(child: Callable[[str], WorkerProcess]) -> None:
    """The end of a traceback, an assertion: not all of it, and not without it."""
    worker = child(
        "import os; os.write(2, b'a' * 9000 + b'\\nfirst\\nAssertionFailed: x\\n'); os._exit(70)"
    )
    everything(worker)
    assert worker.close() == "exit status 70: AssertionFailed: x"


def test_closing_again_gives_the_same_words(child: Callable[[str], WorkerProcess]) -> None:
    """Whoever asks second hears what the first heard; no descriptor is closed twice."""
    worker = child("import os; os.write(2, b'why\\n'); os._exit(3)")
    everything(worker)
    assert worker.close() == worker.close() == "exit status 3: why"


def test_child_that_does_not_leave_is_ended(child: Callable[[str], WorkerProcess]) -> None:
    """Closing has a limit, and says that it was we who ended it."""
    worker = child("import time; time.sleep(60)")
    assert worker.close(wait_s=0.05) == "ended by SIGKILL"
    assert worker.ended


def test_killing_what_is_dead_is_harmless(child: Callable[[str], WorkerProcess]) -> None:
    """Its process id may belong to somebody else by then."""
    worker = child("pass")
    worker.close(wait_s=LIMIT_S)
    worker.kill()
    assert worker.close() == "exit status 0"


def test_command_to_a_worker_that_is_gone_is_no_error(
    child: Callable[[str], WorkerProcess],
) -> None:
    """Its death is noticed when it is read."""
    worker = child("import os; os._exit(0)")
    everything(worker)
    os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
    worker.send("stop")
    assert worker.close() == "exit status 0"


def test_command_reaches_the_child(child: Callable[[str], WorkerProcess]) -> None:
    """It is one line of JSON on the first descriptor."""
    worker = child(ANSWERS + "os.write(out, os.read(int(sys.argv[1]), 4096))")
    worker.send("abort")
    assert everything(worker) == [{"kind": "abort"}]


def test_child_is_in_a_session_of_its_own(child: Callable[[str], WorkerProcess]) -> None:
    """Ctrl-C is for the supervisor, which then hangs up in order."""
    worker = child("import time; time.sleep(60)")
    assert os.getsid(worker.pid) == worker.pid
