"""The pipe's lines: what goes in comes out, and what is no message is refused."""

import math
import types
import typing
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.agent import channel
from probe.agent.channel import ChannelError, decode, decode_lines, encode
from probe.scenario.source import Located
from probe.trace.control import Control
from probe.trace.failure import Failure
from probe.trace.media import Gap, MediaReport
from probe.trace.trace import AgentNote

LEAVES: dict[object, st.SearchStrategy[Any]] = {
    str: st.text(st.characters(), max_size=20),
    int: st.integers(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    type(None): st.none(),
    Control: st.sampled_from(Control),
    Failure: st.sampled_from(Failure),
}
"""How to make a value of each plain type; text may hold lone surrogates, as wire text does."""


def making(kind: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - any type of a field
    """Return a strategy for a field's type."""
    if kind in LEAVES:
        return LEAVES[kind]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return of_fields(kind)
    parts = typing.get_args(kind)
    if typing.get_origin(kind) in {typing.Union, types.UnionType}:
        return st.one_of([making(part) for part in parts])
    assert typing.get_origin(kind) is tuple, kind
    if parts[-1] is Ellipsis:
        return st.lists(making(parts[0]), max_size=3).map(tuple)
    return st.tuples(*(making(part) for part in parts))


def of_fields(kind: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - any record
    """Return a strategy for a record."""
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{name: making(hints[name]) for name in kind.__struct_fields__})


def values() -> st.SearchStrategy[Any]:
    """Return a strategy for values of every type that the channel knows."""
    return st.one_of([of_fields(kind) for kind in channel.VALUES])


@given(values())
def test_every_value_comes_back_as_it_went(value: object) -> None:
    """A value of a known type keeps its type and all its fields, on one line."""
    line = encode("event", event=value)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == {"kind": "event", "event": value}


def test_plain_fields() -> None:
    """Plain values pass; a list comes back as a tuple, an enum as its value, a Located as a str."""
    line = encode(
        Located("refused"), failure=Failure.LOCAL_PORT, port=5060, names=["a", 1], no=None
    )
    assert decode(line) == {
        "kind": "refused",
        "failure": "LOCAL_PORT",
        "port": 5060,
        "names": ("a", 1),
        "no": None,
    }


def test_a_mapping() -> None:
    """One of plain values comes back as it was, also with bytes that are no UTF-8 in it."""
    for facts in ({"a": 1, "b": {"c": [None, 0.5]}}, {"a": "caf\udce9"}):
        assert decode(encode("x", facts=facts)) == {"kind": "x", "facts": facts}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", "not JSON"),
        (b"pjsip says: assertion failed", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[1, 2]", "no kind"),
        (b'"kind"', "no kind"),
        (b"{}", "no kind"),
        (b'{"kind": 3}', "no kind"),
        (b'{"kind": "event", "event": {"type": "Path"}}', "event is of no use: .*'Path'"),
        (b'{"kind": "event", "event": {"type": ["Path"]}}', "event is of no use"),
        (b'{"kind": "event", "event": {"type": "AgentNote"}}', "missing required field `at`"),
        (b'{"kind": "event", "event": {"type": "AgentNote", "x": 1}}', "missing required field"),
        (
            b'{"kind": "e", "event": {"type": "AgentNote", "at": "1", "kind": "", "detail": ""}}',
            "Expected `float`, got `str`",
        ),
        (b'{"kind": "event", "event": [[1]]}', "event is of no use"),
        (b'{"kind": "event", "event": {"a": 1}}', "missing required field `type`"),
        (
            (
                b'{"kind": "event", "event": {"type": "TransactionFailed", "at": 1.0,'
                b' "method": "", "call_id": "", "failure": "BAD", "stack_status": 1, "detail": ""}}'
            ),
            "Invalid enum value 'BAD'",
        ),
    ],
)
def test_what_is_no_message(line: bytes, words: str) -> None:
    """Garbage, unknown types and wrong fields are refused with one kind of error."""
    with pytest.raises(ChannelError, match=words):
        decode(line)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_refused(line: bytes) -> None:
    """No bytes raise anything but ChannelError."""
    try:
        found = decode(line)
    except ChannelError:
        return
    assert isinstance(found["kind"], str)


def test_a_nest_too_deep_to_read() -> None:
    """A line that nests without end is refused too."""
    with pytest.raises(ChannelError):
        decode(b"[" * 100_000)


def test_bytes_of_the_wire_that_are_no_utf_8() -> None:
    """They travel as lone surrogates, and the values beside them keep their type."""
    wire = b"INVITE \xff\xfe sip:x".decode("utf-8", "surrogateescape")
    note = AgentNote(at=1.0, kind="warning", detail=wire)
    assert decode(encode("event", event=note)) == {"kind": "event", "event": note}


@pytest.mark.parametrize("figure", [math.inf, math.nan])
def test_a_figure_that_is_none(figure: float) -> None:
    """It does not become null, which would say that nothing was measured."""
    gap = Gap(at=1.0, length_s=figure)
    report = of_a_call(rx_gaps=(gap,), mos=figure)
    back = decode(encode("media", report=report))["report"]
    assert repr(back) == repr(report)


def of_a_call(**changes: Any) -> MediaReport:  # noqa: ANN401 - any of its fields
    """Return a media report with some fields changed."""
    return MediaReport(
        call_id="1@here",
        codec="PCMU",
        rx_packets=1,
        rx_lost=0,
        rx_reordered=0,
        rx_duplicates=0,
        rx_jitter_s=0.0,
        tx_packets=1,
        tx_lost=None,
        rtt_s=None,
        **changes,
    )


def test_lines_that_come_together() -> None:
    """Each is a message or an error in its place, as it is alone; blank lines are errors."""
    note = AgentNote(at=1.0, kind="warning", detail="caf\udce9")
    good = encode("beat") + encode("event", event=note) + encode("x", facts={"a": 1})
    bad = b"oops\n" + b'{"kind": 3}\n' + b"\n"
    messages = [
        {"kind": "beat"},
        {"kind": "event", "event": note},
        {"kind": "x", "facts": {"a": 1}},
    ]
    assert decode_lines(encode("beat") * 3) == messages[:1] * 3
    assert decode_lines(good) == messages
    told = decode_lines(good + bad + good)
    assert [*told[:3], *told[6:]] == messages * 2
    assert [str(one)[:8] for one in told[3:6]] == ["not JSON", "no kind:", "not JSON"]
    assert decode_lines(b"") == []
    torn = decode_lines(b'{"kind":\n"x"}\n\n')
    assert [str(one)[:8] for one in torn] == ["not JSON"] * 3
