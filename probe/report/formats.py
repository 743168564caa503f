"""The formats of a report by their names on the command line."""

from collections.abc import Iterable

from probe.report.model import RunReport

FORMATS = ("text", "json", "junit", "html", "markdown")
"""Names of the formats."""


def pieces(
    report: RunReport, form: str, *, color: bool, width: int, verbosity: int
) -> Iterable[str]:
    """Yield a report in a format, a few pieces a finding.

    ``color``, ``width`` and ``verbosity`` count for text only.
    """
    if form == "json":
        from probe.report.json_report import written  # noqa: PLC0415 - only where it is wanted

        return written(report, ascii_only=False)
    if form == "junit":
        from probe.report.junit import written_junit  # noqa: PLC0415 - only where it is wanted

        return written_junit(report)
    if form == "html":
        from probe.report.html.document import written_html  # noqa: PLC0415 - as above

        return written_html(report)
    if form == "markdown":
        from probe.report.markdown import written_markdown  # noqa: PLC0415 - as above

        return written_markdown(report)
    from probe.report.terminal import written_text  # noqa: PLC0415 - only where it is wanted

    return written_text(report, color=color, width=width, verbosity=verbosity)


def rendered(report: RunReport, form: str, *, color: bool, width: int, verbosity: int) -> str:
    """Return a report in a format as one text."""
    return "".join(pieces(report, form, color=color, width=width, verbosity=verbosity))
