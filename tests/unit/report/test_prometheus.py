"""The report as the node exporter's textfile collector reads it."""

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families
from reportbuilder import finding, report, timing, verdict
from wirebuilder import Wire, answered_call, refused_call

from probe.report import prometheus
from probe.report.measures import STEP_OUTCOME, Sample
from probe.report.model import RunReport
from probe.report.prometheus import exposition, written_prometheus
from probe.verdict.verdict import Outcome

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(text: str) -> Series:
    """Return what a reader finds; no series may stand there twice."""
    found: Series = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge"
        assert family.documentation
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found
            found[key] = sample.value
    return found


def told(whole: RunReport) -> Series:
    """Return the series of a report."""
    return read("".join(written_prometheus(whole)))


def of(found: Series, name: str, **labels: str) -> list[float]:
    """Return the values of a name, as far as labels are as given."""
    wanted = set(labels.items())
    return [value for (one, held), value in found.items() if one == name and wanted <= held]


def test_a_reader_finds_outcomes_codes_and_delays() -> None:
    """As the library that most readers use understands it."""
    found = told(
        report(
            finding(answered_call().trace(), verdict(delays=timing(pdd_s=0.25)), step=2),
            finding(refused_call(486).trace(), verdict(Outcome.NOT_MET), step=3),
        )
    )
    assert of(found, "sipprobe_step_outcome", step="3", outcome="not_met") == [1]
    assert of(found, "sipprobe_step_outcome", step="2", outcome="not_met") == [0]
    assert of(found, "sipprobe_step_delay_seconds", step="2", delay="pdd") == [0.25]
    assert of(found, "sipprobe_step_status_code", step="3") == [486]
    assert of(found, "sipprobe_run_steps", outcome="met") == [1]
    assert of(found, "sipprobe_run_steps_left_out") == [0]


def test_of_two_runs_of_a_step_the_later_one_counts() -> None:
    """A series that stands twice makes the whole file unreadable."""
    met, not_met = (finding(answered_call().trace(), verdict(outcome)) for outcome in
                    (Outcome.MET, Outcome.NOT_MET))  # fmt: skip
    assert of(told(report(met, not_met)), "sipprobe_step_outcome", outcome="met") == [0]
    assert of(told(report(not_met, met)), "sipprobe_step_outcome", outcome="met") == [1]


def test_a_label_holds_what_a_peer_or_a_file_wrote_and_ends_nowhere() -> None:
    """Quotes, backslashes and line ends of a name end no label and make no series."""
    evil = 'a"} 1\nsipprobe_run_steps{outcome="met"} 99 # \\ \x1b\u202e <script>'
    trace = replace(Wire().send("INVITE").receive(403, evil).trace(), attempt=evil)
    found = told(report(finding(trace, verdict(Outcome.NOT_MET), scenario=evil)))
    assert of(found, "sipprobe_run_steps", outcome="met") == [0]
    (scenario,) = {dict(held)["scenario"] for (_, held) in found if dict(held).get("scenario")}
    assert scenario.startswith('a"} 1 sipprobe_run_steps{outcome="met"} 99 # \\ ')
    assert not set("\n\x1b\u202e") & set(scenario)


def test_a_run_of_many_steps_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each label value makes a series that somebody has to store."""
    monkeypatch.setattr(prometheus, "MOST", 2)
    one = finding(answered_call().trace())
    found = told(report(*(replace(one, scenario=f"s{number}") for number in range(5))))
    assert of(found, "sipprobe_run_steps_left_out") == [3]
    assert of(found, "sipprobe_run_steps", outcome="met") == [5]
    assert len(of(found, "sipprobe_step_tries")) == 2


def test_no_samples_are_no_text() -> None:
    """A family without a value is left out."""
    assert exposition([]) == ""
    one = Sample(measure=STEP_OUTCOME, labels=("a", "1", "met"), value=1)
    assert exposition([one]).count("\n") == 3
