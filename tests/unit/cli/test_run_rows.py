"""A table of two hundred numbers: two hundred named findings on the embedded trunk, in seconds."""

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from commandline import Ended, HandingOut

Sipprobe = Callable[..., Ended]

NUMBERS = [f"+1202555{n:04d}" for n in range(200)]


@pytest.fixture
def numbers(here: Path) -> Path:
    """Return a folder with a table of numbers and a scenario that asks for each of them."""
    folder = here / "scenarios"
    folder.mkdir()
    rows = "".join(f"{number},{'US' if n % 2 else 'CA'}\r\n" for n, number in enumerate(NUMBERS))
    (folder / "numbers.csv").write_text(f"\ufeffNUMBER,COUNTRY\r\n{rows}", encoding="utf-8")
    (folder / "numbers.sip.yaml").write_text(
        "name: The trunk knows ${NUMBER}\n"
        "data: numbers.csv\n"
        "row_name: ${NUMBER}\n"
        "steps:\n"
        "  - options: ${NUMBER}\n",
        encoding="utf-8",
    )
    return here


@pytest.mark.pjsua2
def test_each_row_of_a_table_has_a_finding_with_its_name(sipprobe: Sipprobe, numbers: Path) -> None:
    """In the report, in JUnit, in the folder that is stored, and for `explain`."""
    ended = sipprobe("run", "numbers", "--format", "json", "--report", "junit=junit.xml")
    assert ended.status == 0
    report = json.loads(ended.out)
    findings = report["findings"]
    assert report["run"]["counts"]["met"] == len(findings) == 200
    assert [finding["scenario"] for finding in findings] == [f"numbers[{n}]" for n in NUMBERS]
    assert findings[6]["title"] == "The trunk knows +12025550006"
    assert findings[6]["row"] == {
        "name": "+12025550006",
        "story": "numbers",
        "values": {"NUMBER": "+12025550006", "COUNTRY": "CA"},
        "source": "scenarios/numbers.csv:8:1",
    }
    assert report["run"]["id"].endswith("Z-numbers")
    (suite,) = ET.parse(numbers / "junit.xml").getroot().findall("testsuite")  # noqa: S314 - ours
    cases = [case.get("name") for case in suite.findall("testcase")]
    assert (suite.get("name"), len(set(cases))) == ("numbers", 200)
    assert cases[6] == "[+12025550006] step 1: options +12025550006"
    told = sipprobe("explain", "last#numbers[+12025550006]#1")
    assert told.out.count("PASS") == 1
    assert "numbers[+12025550006] › options" in told.out
    unknown = sipprobe("explain", "last#numbers[+12025550999]")
    assert (unknown.status, "holds no scenario numbers[+12025550999]" in unknown.err) == (2, True)


def test_rows_are_chosen_by_an_expression(
    sipprobe: Sipprobe, numbers: Path, executor: HandingOut
) -> None:
    """By name, and by what else the row holds; as of `list`, so of `run` and `validate`."""
    flags = ("numbers", "-k", "0006 or (017 and not US)")
    listed = json.loads(sipprobe("list", *flags, "--json").out)
    chosen = ["+12025550006", "+12025550017"]
    wanted = [n for i, n in enumerate(NUMBERS) if "0006" in n or ("017" in n and not i % 2)]
    assert [one["row"]["name"] for one in listed] == wanted
    assert chosen[0] in wanted
    assert sipprobe("run", *flags).status == 0
    assert [plan.row.name for plan in executor.plans if plan.row] == wanted
    assert sipprobe("validate", *flags).out == (
        f"ok  scenarios/numbers.sip.yaml  (1 step, {len(wanted)} rows)\n"
    )
    assert sipprobe("run", "numbers", "-k", "+49").status == 5
    assert "cannot be read: a ')' is missing" in sipprobe("list", "-k", "(a").err


def test_list_shows_rows_and_their_lines(sipprobe: Sipprobe, numbers: Path) -> None:
    """Once the scenario, then each row; with titles where they differ."""
    assert sipprobe("list", "-k", "0001").out == (
        "numbers  The trunk knows +12025550001\n"
        "         options   (trunk embedded, scenarios/numbers.sip.yaml)\n"
        "         1 row:\n"
        "           +12025550001  scenarios/numbers.csv:3\n"
    )
    lines = sipprobe("list").out.splitlines()
    assert lines[0] == "numbers  numbers"
    assert lines[2:4] == [
        "         200 rows:",
        "           +12025550000  The trunk knows +12025550000  scenarios/numbers.csv:2",
    ]
    assert len(lines) == 203


def test_one_row_has_a_folder_of_its_name_and_is_run_again_by_it(
    sipprobe: Sipprobe, numbers: Path, executor: HandingOut
) -> None:
    """What `again:` says chooses that row alone."""
    (numbers / "scenarios" / "numbers.sip.yaml").write_text(
        "data: numbers.csv\nsteps:\n  - options: ${NUMBER}\n    expect: {responses: 486}\n"
    )
    ended = sipprobe("run", "numbers", "-k", "0007")
    assert ended.status == 1
    assert "again: sipprobe run numbers -k '\"numbers[+12025550007 US]\"'" in " ".join(
        ended.out.split()
    )
    (folder,) = (numbers / "results").iterdir()
    assert folder.name.endswith("Z-numbers-12025550007-US")
    again = sipprobe("list", "numbers", "-k", '"numbers[+12025550007 US]"', "--json")
    assert len(json.loads(again.out)) == 1


def test_strict_report_names_nobody_of_a_row(
    sipprobe: Sipprobe, numbers: Path, executor: HandingOut
) -> None:
    """Neither the scenario's name nor the row nor the folder."""
    ended = sipprobe("run", "numbers", "-k", "0007", "--redact", "strict", "--format", "json")
    (finding,) = json.loads(ended.out)["findings"]
    assert "12025550007" not in ended.out
    assert finding["scenario"] == f"numbers[{finding['row']['name']}]"
    (folder,) = (numbers / "results").iterdir()
    assert folder.name.endswith("Z-numbers")


def test_wrong_row_is_named_by_its_line(sipprobe: Sipprobe, numbers: Path) -> None:
    """And nothing is sent to the others."""
    table = numbers / "scenarios" / "numbers.csv"
    table.write_text(table.read_text().replace("+12025550123,", "+1202 5550123,"))
    ended = sipprobe("run", "numbers")
    assert ended.status == 2
    assert "scenarios/numbers.sip.yaml:5:14: ' ' cannot be part of a number" in ended.err
    assert "NUMBER is '+1202 5550123' at scenarios/numbers.csv:125:1" in ended.err


def test_emergency_number_of_a_table_is_refused_with_its_line(
    sipprobe: Sipprobe, numbers: Path
) -> None:
    """Before anything is sent."""
    table = numbers / "scenarios" / "numbers.csv"
    table.write_text(table.read_text().replace("+12025550123,", "112,"))
    ended = sipprobe("run", "numbers", "--no-store")
    assert ended.status == 2
    assert "112 would reach the emergency number 112; it is never dialled" in ended.err
    assert "NUMBER is '112' at scenarios/numbers.csv:125:1" in ended.err
