"""``-j``: how many scenarios or rows are carried out at a time, and who does that."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from probe.executor.local import LocalExecutor
    from probe.executor.process import WorkerProcess
    from probe.runner import Each

AUTO = 0
"""Stands for what engine, caps and processors allow."""

MOST = 1000
"""Plans at a time at most."""


class Jobs(click.ParamType):  # type: ignore[type-arg]  # generic in some releases of click only
    """A number of plans at a time, or ``auto``."""

    name = "number"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the number; ``auto`` is 0."""
        if isinstance(value, int):
            return value
        text = str(value).strip().lower()
        if text == "auto":
            return AUTO
        if not text.isdecimal() or not 1 <= int(text[:9]) <= MOST:
            self.fail(f"'{value}' is neither auto nor a number from 1 to {MOST}.", param, ctx)
        return int(text)


def executor_for(
    jobs: int, cps: float | None, spares: "tuple[WorkerProcess, ...]"
) -> "tuple[LocalExecutor, Each | None]":
    """Return what carries plans out, and what lets it do so several at a time, None for one."""
    from probe.executor.local import LocalExecutor  # noqa: PLC0415 - heavy, loads beside the worker

    if jobs == 1:
        one = LocalExecutor(spares=spares)
        if cps:
            one.gate.pace(cps)
        return one, None
    from probe.executor.many import ManyExecutor  # noqa: PLC0415 - only where it is wanted

    many = ManyExecutor(jobs or None, spares=spares)
    many.gate.pace(cps)
    return many, many.each
