"""Whose words the numbers of a table are (decision 0017), and that each row counts."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from probe.plan.caps import too_many_calls
from probe.plan.plan import Plan
from probe.plan.resolve import resolve
from probe.scenario.loader import load_many, load_settings
from probe.scenario.source import ScenarioError

NUMBER = "+12025550199"
CALL = "trunk: carrier\nsteps: [call: '${NUMBER}']\n"


def plans_of(
    folder: Path,
    text: str,
    *,
    typed: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    keys: str = "",
) -> list[Plan]:
    """Resolve a scenario on a trunk without allow_to, beside tables here and elsewhere."""
    here = folder / "scenarios"
    (here / "tables").mkdir(parents=True, exist_ok=True)
    for place in (folder, here, here / "tables"):
        (place / "n.csv").write_text(f"NUMBER\n{NUMBER}\n", encoding="utf-8")
    link = here / "link.csv"
    if not link.exists():
        link.symlink_to(folder / "n.csv")
    (here / "story.sip.yaml").write_text(text, encoding="utf-8")
    (here / "part.sip.yaml").write_text("steps: [call: '${TO:-2000}']\n", encoding="utf-8")
    settings = folder / "sipprobe.yaml"
    settings.write_text(f"trunks: {{carrier: {{uri: 'sip:100@sip.carrier.example'{keys}}}}}\n")
    known = load_settings(settings, variables=typed or {}, environ=environ or {})
    scenarios = load_many([here / "story.sip.yaml"], variables=typed or {}, environ=environ or {})
    return [resolve(scenario, known) for scenario in scenarios]


@pytest.mark.parametrize(
    "text",
    [
        "data: n.csv\n" + CALL,
        "data: tables/n.csv\n" + CALL,
        f"data: [{{NUMBER: '{NUMBER}'}}]\n" + CALL,
        f"matrix: {{NUMBER: ['{NUMBER}']}}\n" + CALL,
        "data: ${TABLE:-n.csv}\n" + CALL,
        "trunk: carrier\nsteps: [use: part.sip.yaml]\n",
        f"trunk: carrier\nsteps: [{{use: part.sip.yaml, with: {{TO: '{NUMBER}'}}}}]\n",
        "data: n.csv\ntrunk: carrier\nsteps: [{use: part.sip.yaml, with: {TO: '${NUMBER}'}}]\n",
    ],
)
def test_words_of_the_author_are_dialled(tmp_path: Path, text: str) -> None:
    """A table in the scenario's folder is changed by whoever can change the scenario."""
    assert len(plans_of(tmp_path, text)) == 1


def test_table_that_the_command_names_is_dialled(tmp_path: Path) -> None:
    """Wherever it lies: the operator named it."""
    assert plans_of(tmp_path, "data: ${TABLE}\n" + CALL, typed={"TABLE": "../n.csv"})


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("data: ../n.csv\n" + CALL, "lies outside the scenario's folder through ${NUMBER}"),
        ("data: link.csv\n" + CALL, "lies outside the scenario's folder through ${NUMBER}"),
        ("data: ${TABLE}\n" + CALL, "n.csv, which the environment named through ${TABLE}"),
        ("matrix: {NUMBER: ['${OURS}']}\n" + CALL, "the environment through ${OURS}"),
        (
            "trunk: carrier\nsteps: [{use: part.sip.yaml, with: {TO: '${OURS}'}}]\n",
            "the environment through ${OURS}",
        ),
    ],
)
def test_words_of_others_need_allow_to(tmp_path: Path, text: str, origin: str) -> None:
    """The refusal names where the number came from; allow_to lets it through."""
    environ = {"TABLE": "n.csv", "OURS": NUMBER}
    with pytest.raises(ScenarioError) as caught:
        plans_of(tmp_path, text, environ=environ)
    assert origin in str(caught.value)
    assert plans_of(tmp_path, text, environ=environ, keys=f", allow_to: ['{NUMBER}']")


def test_each_row_counts(tmp_path: Path) -> None:
    """Fifty-one rows are one call more than a run may make where nothing is written."""
    rows = ", ".join(f"'+120255501{n:02d}'" for n in range(51))
    plans = plans_of(tmp_path, f"matrix: {{NUMBER: [{rows}]}}\n" + CALL)
    (problem,) = too_many_calls(plans)
    assert "this is call 51 of the run, and a run may make 50" in problem.message
    assert problem.source.notes[0].startswith("NUMBER is '+12025550150' at ")
