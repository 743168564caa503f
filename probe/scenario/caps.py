"""What calls through a trunk may come to at most: the caps and the pace of a profile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

from probe.scenario.source import Problem, quoted, refuse
from probe.scenario.values import text, whole
from probe.scenario.written import Parsed, Written

MOST_A_SECOND = 50
"""Highest rate that may be asked for."""

_PACE = r"(\d{1,4}(?:\.\d{1,3})?)\s*/\s*(s|sec|min|m|h)"
_PACE_UNITS = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_AMOUNT = r"\d{1,7}(?:\.\d{1,6})?"
_CURRENCY = r"[^\W\d_]{1,8}|[$€£¥₹]"


def pace(value: object) -> float:
    """Return the seconds between two calls of a pace such as '1/s' or '6/min'."""
    if isinstance(value, float):
        return value
    written = text(value).strip()
    found = re.fullmatch(_PACE, written)
    if not found:
        raise refuse(value, f"{quoted(written)} is not a pace", "for example: 1/s, 6/min")
    calls = float(found[1])
    gap = _PACE_UNITS[found[2]] / calls if calls else 0.0
    if not calls or gap < 1 / MOST_A_SECOND:
        raise refuse(value, f"a pace lies above 0 and is at most {MOST_A_SECOND}/s")
    return gap


def rate(value: object) -> float:
    """Return a number of requests a second, such as '2' or '0.5'."""
    if isinstance(value, float):
        return value
    written = text(value).strip()
    found = re.fullmatch(r"\d{1,2}(?:\.\d{1,3})?", written)
    if not found or not 0 < float(written) <= MOST_A_SECOND:
        raise refuse(
            value,
            f"{quoted(written)} is not a rate above 0 and up to {MOST_A_SECOND} a second",
            "for example: 1, 0.5",
        )
    return float(written)


def _amount(value: object) -> float:
    """Return an amount of money, such as '0.012'."""
    if isinstance(value, float):
        return value
    written = text(value).strip()
    if not re.fullmatch(_AMOUNT, written):
        raise refuse(
            value,
            f"{quoted(written)} is not an amount of money",
            "digits and a point, without the currency: 0.012",
        )
    return float(written)


def _currency(value: object) -> str:
    """Return the name of a currency, which is only shown."""
    written = text(value).strip()
    if not re.fullmatch(_CURRENCY, written):
        raise refuse(value, f"{quoted(written)} is not a currency", "for example: USD, EUR")
    return written


class Caps(Written, frozen=True, kw_only=True):
    """What calls through a trunk may come to at most; a key left out keeps its default."""

    example = "caps: {calls_per_day: 50, minutes_per_day: 30}"

    calls_per_run: Annotated[int, Parsed(whole(0, 10_000))] = 50
    "Calls of one run."
    calls_per_day: Annotated[int, Parsed(whole(0, 100_000))] = 200
    "Calls of a UTC day, over all runs on this machine."
    minutes_per_day: Annotated[int, Parsed(whole(0, 100_000, "min"))] = 60
    "Minutes of talk of a UTC day, over all runs on this machine."
    refused_logins_per_day: Annotated[int, Parsed(whole(1, 100))] = 3
    "Refused logins of a UTC day after which no further one is tried."
    calls_per_second: Annotated[float | None, Parsed(rate)] = None
    "Calls that begin in a second at most; None leaves it to `pace`."
    concurrent_calls: Annotated[int | None, Parsed(whole(1, 1000))] = None
    "Calls at a time, over all runs on this machine; None stands for one, for any on loopback."
    requests_per_second: Annotated[float | None, Parsed(rate)] = None
    "REGISTER and OPTIONS to one host, after the first few; None for one, for any on loopback."
    cost_per_minute: Annotated[float, Parsed(_amount)] = 0.0
    "Price of each minute of talk that has begun."
    cost_per_call: Annotated[float, Parsed(_amount)] = 0.0
    "Price of each call that is answered, beside its minutes."
    cost_per_run: Annotated[float | None, Parsed(_amount)] = None
    "What the calls of one run may cost; None for no cap."
    cost_per_day: Annotated[float | None, Parsed(_amount)] = None
    "What the calls of a UTC day may cost, over all runs on this machine; None for no cap."
    currency: Annotated[str, Parsed(_currency)] = ""
    "How amounts are called; nothing is converted."

    def disagreements(self) -> Iterator[Problem]:
        """Yield a budget without a price: it would never be used up."""
        budget = next(
            (k for k in ("cost_per_run", "cost_per_day") if getattr(self, k) is not None), ""
        )
        if budget and not (self.cost_per_minute or self.cost_per_call):
            yield Problem(
                source=self.source(budget),
                message=f"'{budget}' cannot be counted: nothing says what a call costs",
                hint="add cost_per_minute: (and cost_per_call: where there is one)",
            )
