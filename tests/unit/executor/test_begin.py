"""How a worker process begins: as a copy of the program that starts it, or as one of its own.

pytest runs threads of its own, so each program here is a process that a test starts.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BEFORE = """
import os, select, sys, threading
import probe.agent.worker
from probe.executor.process import WorkerProcess

def line_of(pid):
    return open(f"/proc/{pid}/cmdline").read()

def manner():
    return "copy" if line_of(worker.pid) == line_of("self") else "program"

def said():
    while not worker.ended:
        select.select([worker], [], [], 20.0)
        for answer in worker.read():
            yield answer["kind"]
            if answer["kind"] in {"hello", "ready"}:
                worker.send("capabilities" if answer["kind"] == "hello" else "stop")
"""
BEGIN = "worker = WorkerProcess(forks=True)\n"


def told_by(program: str, *, before: str = "", closed: bool = False) -> str:
    """Return what a program prints that begins a worker; ``before`` runs as its last act before."""
    command = [sys.executable, "-c", BEFORE + before + "\n" + BEGIN + program]
    if closed:
        command = ["sh", "-c", 'exec "$@" <&-', "sh", *command]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=buffered
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.pjsua2
def test_copy_serves_like_a_program() -> None:
    """It loads the engine, says what that can do, and leaves in order."""
    said = told_by("print(manner()); print(*said(), worker.close())")
    assert said == "copy\nhello ready bye exit status 0"


def test_what_was_not_printed_yet_is_printed_once() -> None:
    """The copy has the words in its memory too, and no business with them."""
    said = told_by(
        "print(*said(), worker.close())",
        before="sys.stdout.write('once '); probe.agent.worker.main = lambda: None",
    )
    assert said == "once exit status 0"


def test_copy_has_nothing_open_but_its_pipes(tmp_path: Path) -> None:
    """No file, lock or socket of the supervisor's lives on in a worker."""
    file = tmp_path / "journal"
    said = told_by(
        f"""
for _ in said():
    break
its = f"/proc/{{worker.pid}}/fd/"
opened = {{os.readlink(its + number) for number in os.listdir(its)}}
print({str(file)!r} in opened, os.readlink("/proc/self/fd/1") in opened)
worker.kill()
worker.close()
""",
        before=f"kept = open({str(file)!r}, 'w')",
    )
    assert said == "False False"


def test_copy_is_in_a_session_of_its_own() -> None:
    """Ctrl-C is for the supervisor, which then hangs up in order."""
    said = told_by(
        "next(said()); print(os.getsid(worker.pid) == worker.pid); worker.kill(); worker.close()"
    )
    assert said == "True"


def test_error_in_a_copy_ends_the_copy_alone() -> None:
    """It is told in a line, and no code of the supervisor's runs twice."""
    said = told_by(
        "print(manner(), *said(), worker.close())",
        before="def main(): raise RuntimeError('no\\nway')\nprobe.agent.worker.main = main",
    )
    assert said == "copy exit status 70: way"


def test_beside_a_thread_a_worker_is_a_program() -> None:
    """A lock that the thread held would stay shut in a copy."""
    said = told_by(
        "worker.kill(); print(manner()); worker.close(); let_go.set()",
        before="let_go = threading.Event(); threading.Thread(target=let_go.wait).start()",
    )
    assert said == "program"


def test_without_stdin_a_worker_is_a_program() -> None:
    """Its pipe would lie where stdin belongs."""
    assert told_by("print(manner()); worker.kill(); worker.close()", closed=True) == "program"


def test_end_of_a_copy_is_noticed_without_delay() -> None:
    """Closing returns when it has ended, not when somebody looks again; and only then."""
    said = told_by(
        """
from probe.executor.begin import ended_within
import signal, time
next(said())
print(ended_within(worker._process, 0.01))
threading.Timer(0.2, worker.kill).start()
began = time.monotonic()
print(ended_within(worker._process, 20.0), time.monotonic() - began < 15.0, worker.close())
"""
    )
    assert said == "None\n-9 True ended by SIGKILL"
