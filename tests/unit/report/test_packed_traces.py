"""A long run holds its traces small, and nobody who reads a report can tell."""

import sys
from dataclasses import replace

import pytest
from reportbuilder import finding
from wirebuilder import answered_call, refused_call

from probe.report.model import Try
from probe.trace.trace import Trace


@pytest.mark.parametrize("trace", [answered_call().trace(), refused_call(486).trace()])
def test_packed_trace_reads_as_before(trace: Trace) -> None:
    """Events, times and what follows from them are equal."""
    last = finding(trace).last
    whole = last.trace
    last.pack()
    assert last.trace is not whole
    assert last.trace == whole
    assert last.trace.final() == whole.final()
    assert [m.text for _, m, _ in last.trace.messages()] == [m.text for _, m, _ in whole.messages()]


def test_packed_trace_takes_a_tenth_of_the_room() -> None:
    """Of the messages alone; what is parsed from them comes on top."""
    one = finding(answered_call().trace()).last
    size = sum(sys.getsizeof(message.text) for _, message, _ in one.trace.messages())
    one.pack()
    assert sys.getsizeof(one.__dict__["_trace"]) < size / 3


def test_packing_twice_and_replacing_work() -> None:
    """A redacted copy of a packed try is an ordinary one."""
    one = finding(answered_call().trace()).last
    one.pack()
    one.pack()
    other = replace(one, trace=refused_call(486).trace())
    assert isinstance(other, Try)
    assert other.trace.final() != one.trace.final()
    assert other != one
    assert replace(one) == one
