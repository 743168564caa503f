"""A site reads what was sent, and takes each ticket once."""

from pathlib import Path

import pytest
from shipments import HERE, shipment

from probe import __version__
from probe.fleet.shipment import Ticket
from probe.fleet.site import Run, Station


def ticket(of: Station, **changes: object) -> str:
    """Return a ticket for the first row."""
    told: dict[str, object] = {
        "run": "a-run",
        "station": of.id,
        "number": 0,
        "scenario": "all[fra +12025550101]",
        "named": "all[fra +12025550101]",
        "timeout": 5.0,
        "labels": ("call +19005550100",),
        "site": "fra",
    }
    return Ticket(**{**told, **changes}).text()  # type: ignore[arg-type]


@pytest.fixture
def station(monkeypatch: pytest.MonkeyPatch) -> Station:
    """Give a process of a site that has read the texts of a run."""
    monkeypatch.setenv("PW_FAR", "of the site")
    made = Station()
    ready = made.prepare(shipment().text())
    assert (ready.scenarios, ready.fault) == (2, "")
    return made


def test_what_was_sent_is_read_though_no_such_file_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Places are told as the user knows them, and the site's password is the one that counts."""
    monkeypatch.setenv("PW_FAR", "of the site")
    run = Run(shipment())
    assert not HERE.exists()
    assert list(run.scenarios) == ["all[fra +12025550101]", "all[lon +12025550102]"]
    assert run.scenarios["all[fra +12025550101]"].file == "all.sip.yaml"
    password = run.settings.trunks["far"].password
    assert password is not None
    assert password.revealed() == "of the site"


def test_no_file_of_the_site_takes_the_place_of_one_that_was_not_sent(tmp_path: Path) -> None:
    """A scenario that names a file of the site by its path does not get it."""
    own = tmp_path / "own.csv"
    own.write_text("SITE,NUMBER\nfra,+12025550199\n")
    sent = shipment(scenario=f"trunk: far\ndata: {own}\nsteps: [{{call: '1'}}]\n".encode())
    assert "there is no file" in Station().prepare(sent.text()).fault


def test_a_site_of_another_version_takes_no_part() -> None:
    """It could mean something else by the same words."""
    ready = Station().prepare(shipment(version="0.0.1").text())
    assert ready.fault == f"it has sipprobe {__version__}, and 0.0.1 is wanted"


def test_a_ticket_of_another_process_is_refused(station: Station) -> None:
    """Its successor at the same address does not dial what it may have dialled."""
    carried = station.carry_out(ticket(station, station="somebody else"))
    assert "another one does not dial in its place" in carried.refused


def test_a_ticket_is_taken_once(station: Station) -> None:
    """Whatever came of it the first time."""
    first = station.carry_out(ticket(station))
    second = station.carry_out(ticket(station))
    assert first.refused != second.refused == "it was begun here before"


def test_steps_that_nobody_checked_are_not_tried(station: Station) -> None:
    """The user's machine saw another number than the site reads."""
    carried = station.carry_out(ticket(station))
    assert carried.refused == "site fra reads other steps than those that were checked"


def test_after_an_interruption_nothing_begins(station: Station) -> None:
    """A ticket may arrive after the word to end."""
    station.runs["a-run"].interrupt()
    assert station.carry_out(ticket(station)).refused == "the run was interrupted"


def test_a_run_that_is_over_is_forgotten(station: Station) -> None:
    """Its texts do not stay at the site."""
    station.finish("a-run")
    assert station.runs == {}
    assert station.carry_out(ticket(station)).refused == "the run is over at this site"
