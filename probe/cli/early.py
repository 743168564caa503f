"""What is settled before anything else of the program loads: a word for Ctrl-C, fewer collections.

From `main` on click and the verbs answer Ctrl-C; before, Python would show where in an import it
was. Whoever else imports the package keeps their own ways.
"""

import gc
import sys
from types import TracebackType

_OURS = frozenset({"sipprobe", "-m", "__main__.py"})
"""Names of this program in ``sys.argv``."""

_COLLECT_EVERY = 100_000
"""New objects between two looks for cycles. With Python's 700 a start looks a hundred times at what
it has just loaded and keeps; 100,000 are more than a verb loads, and 15 MB at most."""


def is_program() -> bool:
    """Whether the process is sipprobe itself, and nobody measures it.

    Who imports the package has a program of their own around it. Who measures (a profile, coverage)
    wants to write down what they saw when Python ends.
    """
    program = sys.modules["__main__"]
    ours = (getattr(program, "__file__", None) or "").rpartition("/")[2] == "sipprobe" or getattr(
        program.__spec__, "name", ""
    ) == "probe.cli.__main__"
    measured = sys.getprofile() or sys.gettrace() or {"cProfile", "coverage"} & set(sys.modules)
    return ours and not measured


def _shown(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    """Show what nobody caught."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("interrupted\n")
    else:
        sys.__excepthook__(kind, error, traceback)


if sys.argv and sys.argv[0].rpartition("/")[2] in _OURS and sys.excepthook is sys.__excepthook__:
    sys.excepthook = _shown
    gc.set_threshold(_COLLECT_EVERY, 20, 20)
