"""The formats of a report by their names on the command line."""

from collections.abc import Callable, Iterable

from probe.report.model import RunReport

FORMATS = (
    *("text", "json", "junit", "html", "markdown", "tap", "github"),
    *("nagios", "prometheus", "otlp"),
)
"""Names of the formats."""

_Writer = Callable[[RunReport], Iterable[str]]


def _junit() -> _Writer:
    from probe.report.junit import written_junit  # noqa: PLC0415 - only where it is wanted

    return written_junit


def _html() -> _Writer:
    from probe.report.html.document import written_html  # noqa: PLC0415 - only where it is wanted

    return written_html


def _markdown() -> _Writer:
    from probe.report.markdown import written_markdown  # noqa: PLC0415 - only where it is wanted

    return written_markdown


def _tap() -> _Writer:
    from probe.report.tap import written_tap  # noqa: PLC0415 - only where it is wanted

    return written_tap


def _nagios() -> _Writer:
    from probe.report.nagios import written_nagios  # noqa: PLC0415 - only where it is wanted

    return written_nagios


def _prometheus() -> _Writer:
    from probe.report.prometheus import written_prometheus  # noqa: PLC0415 - as above

    return written_prometheus


def _otlp() -> _Writer:
    from probe.report.otlp import written_otlp  # noqa: PLC0415 - as above

    return written_otlp


_WRITERS = {
    "junit": _junit,
    "html": _html,
    "markdown": _markdown,
    "tap": _tap,
    "nagios": _nagios,
    "prometheus": _prometheus,
    "otlp": _otlp,
}
"""What writes a format that hangs on nothing but the report."""


def pieces(
    report: RunReport, form: str, *, color: bool, width: int, verbosity: int
) -> Iterable[str]:
    """Yield a report in a format, a few pieces a finding.

    ``color`` counts for text only, ``width`` and ``verbosity`` for text and github.
    """
    if form == "json":
        from probe.report.json_report import written  # noqa: PLC0415 - only where it is wanted

        return written(report, ascii_only=False)
    if form == "github":
        from probe.report.github import written_github  # noqa: PLC0415 - as above

        return written_github(report, width=width, verbosity=verbosity)
    if form in _WRITERS:
        return _WRITERS[form]()(report)
    from probe.report.terminal import written_text  # noqa: PLC0415 - only where it is wanted

    return written_text(report, color=color, width=width, verbosity=verbosity)


def rendered(report: RunReport, form: str, *, color: bool, width: int, verbosity: int) -> str:
    """Return a report in a format as one text."""
    return "".join(pieces(report, form, color=color, width=width, verbosity=verbosity))
