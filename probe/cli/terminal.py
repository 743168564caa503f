"""How wide the terminal is; ``shutil`` tells too, and takes 6 ms to load for what it packs."""

import os
import sys


def columns(otherwise: int) -> int:
    """Return the columns of the terminal that stdout is on; COLUMNS of the environment wins."""
    wanted = os.environ.get("COLUMNS", "")
    if wanted.isascii() and wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or otherwise  # type: ignore[union-attr]
    except (AttributeError, OSError, ValueError):  # none, closed, or a file
        return otherwise
