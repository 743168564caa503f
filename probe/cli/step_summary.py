"""The summary page of a GitHub Actions step: the Markdown report behind what stands there."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probe.report.model import RunReport

VARIABLE = "GITHUB_STEP_SUMMARY"
"""Names the file that GitHub shows."""

LARGEST = 1_000_000
"""Bytes: GitHub shows nothing of a file above 1 MiB."""

_CUT = "\nThe rest is left out: a summary has room for 1 MiB.\n"


def add_summary(report: "RunReport") -> str | None:
    """Append the report to the summary, if there is one; return what went wrong, or None."""
    file = os.environ.get(VARIABLE)
    if not file:
        return None
    from probe.report.markdown import written_markdown  # noqa: PLC0415 - only where it is wanted

    try:
        with Path(file).open("ab") as stream:
            room = LARGEST - stream.tell()
            for text in written_markdown(report):
                piece = text.encode()
                room -= len(piece)
                if room < 0:
                    stream.write(_CUT.encode())
                    break
                stream.write(piece)
    except OSError as error:
        return f"cannot write {file} ({VARIABLE}): {error.strerror}"
    return None
