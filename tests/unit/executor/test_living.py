"""A process is its id and the moment at which it began."""

import os
import subprocess
import sys

from msgspec.structs import replace

from probe.executor.living import Life, born, ours


def test_this_process_goes_on() -> None:
    """And one of the same id that began at another time is not it."""
    us = ours()
    assert (us.pid, us.goes_on()) == (os.getpid(), True)
    assert not replace(us, born=us.born + 1).goes_on()


def test_ended_process_does_not_go_on() -> None:
    """Neither while its status waits to be read, nor after."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    life = Life(pid=child.pid, born=born(child.pid) or 0)
    assert life.goes_on()
    child.communicate()
    assert not life.goes_on()
    assert born(child.pid) is None


def test_process_of_which_nothing_is_known_is_taken_for_alive() -> None:
    """Where /proc is missing nothing is ended or forgotten by mistake."""
    assert Life(pid=1, born=0).goes_on()
