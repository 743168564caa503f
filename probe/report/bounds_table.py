"""Every bound of a step with what was measured: also of what held, by how much."""

from collections.abc import Iterator, Sequence

from probe.report.bounds import read_bound
from probe.report.text import cells, cut, padded, plain
from probe.scenario.expectation import Bound
from probe.verdict.verdict import Measured

_MARKS = {"ok": "✓", "warn": "!", "fail": "✗"}
_HEAD = ("bound", "measured", "allowed", "margin")
_INDENT = "    "
_GAP = "  "


def bounds_table(measured: Sequence[Measured], width: int) -> list[str]:
    """Return a table of bounds in lines of at most ``width`` columns; nothing where none was set.

    The margin is what was left until the nearest limit, ``over`` or ``under`` what was missed.
    """
    rows = [_HEAD, *(row for one in measured if one.bound for row in _row(one))]
    if len(rows) == 1:
        return []
    widths = [max(cells(row[place]) for row in rows) for place in range(len(_HEAD))]
    room = width - len(_INDENT) - len(_GAP) * 3 - widths[0] - widths[1] - widths[3]
    widths[2] = min(widths[2], max(10, room))
    lines = []
    for row in rows:
        columns = (padded(cut(text, wide), wide) for text, wide in zip(row, widths, strict=True))
        lines.append((_INDENT + _GAP.join(columns)).rstrip())
    return lines


def _row(measured: Measured) -> Iterator[tuple[str, str, str, str]]:
    """Yield the row of a bound."""
    bound = read_bound(measured.bound)
    unit = "" if bound is None else bound.unit
    value = "none" if measured.value_s is None else _number(measured.value_s, unit)
    margin = "" if bound is None or measured.value_s is None else _margin(measured.value_s, bound)
    mark = _MARKS.get(measured.state, "")
    yield (
        plain(measured.name, 40),
        value,
        plain(measured.bound, 120),
        f"{margin} {mark}".strip(),
    )


def _margin(value: float, bound: Bound) -> str:
    """Return how far a value is from the limit that it would pass first."""
    above = None if bound.max is None else bound.max - value
    below = None if bound.min is None else value - bound.min
    if above is not None and above < 0:
        return f"{_number(-above, bound.unit)} over"
    if below is not None and below < 0:
        return f"{_number(-below, bound.unit)} under"
    left = min(distance for distance in (above, below) if distance is not None)
    return f"{_number(left, bound.unit)} left"


def _number(value: float, unit: str) -> str:
    """Return a value as reports write it: seconds to the millisecond, with its unit."""
    if unit == "s":
        return f"{value:.3f} s"
    return f"{value:.2f}".rstrip("0").rstrip(".") + (f" {unit}" if unit else "")
