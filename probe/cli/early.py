"""Ctrl-C while the program still loads: a word instead of a traceback.

From `main` on click and the verbs answer it; before, Python would show where in an import it was.
"""

import sys
from types import TracebackType

_OURS = frozenset({"sipprobe", "-m", "__main__.py"})
"""Names of this program in ``sys.argv``; whoever else imports the package keeps their own ways."""


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
