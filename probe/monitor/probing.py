"""One request of /probe: what blackbox_exporter's users know, with calls instead of packets."""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from prometheus_client import CollectorRegistry, generate_latest

from probe.monitor.check import Check, Rules
from probe.monitor.conduct import Ticket
from probe.monitor.metrics import ResultCollector
from probe.monitor.monitor import Monitor, NotStartedError
from probe.monitor.result import Result
from probe.scenario.source import printable

TIMEOUT_OFFSET_S = 0.5
"""Taken off Prometheus' scrape timeout, so that the answer is there before it gives up."""

HANG_UP_S = 1.5
"""Of what is left, kept for the end of a call: the scenario's deadline lies so much earlier."""

LONGEST_S = 120.0
"""Longest wait where nobody says a timeout, as blackbox_exporter has it."""

LEAST_S = 1.0
"""A scenario has at least so long: less could not even start a user agent."""

_KNOWN = frozenset({"module", "target", "debug"})
_TRUE = frozenset({"true", "1", "t"})


class BadRequestError(Exception):
    """A request that cannot be carried out as it stands."""

    def __init__(self, words: str, status: str = "400 Bad Request") -> None:
        """Take the sentence and the status line."""
        super().__init__(words)
        self.status = status


class Asked(Struct, frozen=True, kw_only=True):
    """What a request asks for."""

    check: Check
    "What is to be run."

    debug: bool
    "Whether the log is wanted instead of metrics."

    patience_s: float
    "Seconds until the answer must be there."


def asked_of(rules: Rules, query: Mapping[str, Sequence[str]], timeout: str | None) -> Asked:
    """Return what a query asks for; raise BadRequestError. Nothing beyond the configuration is."""
    for name, values in query.items():
        if name not in _KNOWN:
            raise BadRequestError(f"unknown parameter '{_short(name)}': module, target, debug")
        if len(values) > 1:
            raise BadRequestError(f"'{name}' is given more than once")
    module = next(iter(query.get("module", ())), "")
    if not module:
        raise BadRequestError("the parameter 'module' is missing")
    targets = rules.targets(module)
    if not targets:
        raise BadRequestError(f"unknown module '{_short(module)}'")
    target = next(iter(query.get("target", ())), "")
    if not target and len(targets) == 1:
        target = targets[0]
    if not target:
        raise BadRequestError(f"the parameter 'target' is missing: {', '.join(targets)}")
    check = rules.find(module, target)
    if check is None:
        raise BadRequestError(
            f"'{_short(target)}' is not among the targets of module '{module}'; whom it may call"
            " stands in the configuration alone",
            "403 Forbidden",
        )
    debug = next(iter(query.get("debug", ())), "").lower() in _TRUE
    return Asked(check=check, debug=debug, patience_s=_patience(timeout))


def _patience(timeout: str | None) -> float:
    """Return the seconds until the answer must be there."""
    if timeout is None:
        return LONGEST_S
    try:
        seconds = float(timeout)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise BadRequestError("X-Prometheus-Scrape-Timeout-Seconds is not a number of seconds")
    return min(LONGEST_S, max(LEAST_S, seconds - TIMEOUT_OFFSET_S))


class Probe(Struct, frozen=True, kw_only=True):
    """What came of a request."""

    ticket: Ticket | None
    "The run; None where none was started."

    result: Result | None
    "What it came to; None where the time was over before."

    took_s: float
    "Seconds that the asker waited."

    refused: str = ""
    "Why nothing was started, or empty."

    @classmethod
    def carried_out(cls, monitor: Monitor, asked: Asked) -> "Probe":
        """Start a run and wait for its end, at most as long as the asker does."""
        began = time.monotonic()
        deadline = max(LEAST_S, asked.patience_s - HANG_UP_S)
        try:
            ticket = monitor.start(asked.check, "probe", deadline)
        except NotStartedError as refused:
            return cls(ticket=None, result=None, took_s=0.0, refused=str(refused))
        if not ticket.over.wait(asked.patience_s):
            if monitor.give_up(ticket):
                words = "its account was busy with another run, or too many were under way"
                return cls(ticket=None, result=None, took_s=asked.patience_s, refused=words)
            ticket.say("the time of the request is over: the run is ended")
            ticket.stopper.stop()  # in order: hung up and un-registered, after we have answered
        took = time.monotonic() - began
        if ticket.over.is_set() and ticket.result is None:
            return cls(ticket=None, result=None, took_s=took, refused="sipprobe is being stopped")
        if ticket.result is not None and ticket.result.trouble:
            return cls(ticket=ticket, result=None, took_s=took, refused=ticket.result.trouble)
        return cls(ticket=ticket, result=ticket.result, took_s=took)

    def registry(self) -> CollectorRegistry:
        """Return what is exported of it."""
        registry = CollectorRegistry(auto_describe=False)
        collector: Any = ResultCollector(self.result, self.took_s)  # it has what is wanted
        registry.register(collector)
        return registry

    def debug_text(self) -> str:
        """Return the log, the findings and the metrics, in plain words."""
        lines = ["Logs for the probe:"]
        if self.ticket is not None:
            lines += [printable(line) for line in tuple(self.ticket.lines)]
        lines += ["", "Findings that were not met:"]
        block = self.result.block if self.result is not None else "the time was over before\n"
        lines += [printable(line) for line in (block or "none\n").splitlines()]
        lines += ["", "Metrics that would have been returned:"]
        metrics = str(generate_latest(self.registry()), "utf-8")
        return "\n".join((*lines, metrics))


def _short(text: str) -> str:
    return printable(text[:60])
