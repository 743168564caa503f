"""The formats of a report by their names on the command line."""

from probe.report.model import RunReport

FORMATS = ("text", "json", "junit")
"""Names of the formats."""


def rendered(report: RunReport, form: str, *, color: bool, width: int, verbosity: int) -> str:
    """Return a report in a format; ``color``, ``width`` and ``verbosity`` count for text only."""
    if form == "json":
        import json  # noqa: PLC0415 - only where it is wanted

        from probe.report.json_report import to_json  # noqa: PLC0415 - only where it is wanted

        return json.dumps(to_json(report), indent=2, ensure_ascii=False) + "\n"
    if form == "junit":
        from probe.report.junit import to_junit  # noqa: PLC0415 - only where it is wanted

        return to_junit(report)
    from probe.report.terminal import render  # noqa: PLC0415 - only where it is wanted

    return render(report, color=color, width=width, verbosity=verbosity)
