"""What travels to a site, and what does not."""

import pytest
from msgspec import json
from msgspec.structs import replace
from shipments import SETTINGS, shipment

from probe.fleet.shipment import (
    AT_THE_SITE,
    Environment,
    Shipment,
    of_the_site,
    told_openly,
    wanted,
)


def test_a_site_reads_what_was_sent() -> None:
    """Files come as they were, whatever bytes are in them."""
    sent = shipment(table=b"SITE,NUMBER\nfra,\xff\xfe\n")
    assert json.decode(sent.text(), type=Shipment) == sent


def test_variables_that_files_name_travel_and_secrets_do_not() -> None:
    """A number of the environment is sent, a password is not, nor what nobody names."""
    files = {"/a": b"call: ${NUMBER}\npassword: ${PW_FAR}\nfrom: ${WHO:-100}"}
    environ = {"NUMBER": "1", "PW_FAR": "hunter22", "WHO": "101", "HOME": "/", "API_KEY": "x"}
    assert wanted(files, environ) == {"NUMBER": "1", "WHO": "101"}


def test_a_site_adds_its_own_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What sounds like a secret is taken from the site, everything else from what was sent."""
    monkeypatch.setenv("PW_FAR", "of the site")
    monkeypatch.setenv("NUMBER", "999")
    known = of_the_site({"NUMBER": "100"})
    assert known["PW_FAR"] == "of the site"
    assert known["NUMBER"] == "100"
    assert "PATH" not in known


def test_a_secret_that_only_sites_have_spoils_no_reading_here() -> None:
    """It has a value that stands for it; any other variable is missing as ever."""
    environ = Environment({"PW_HERE": "known", "PW_EMPTY": ""})
    assert environ.get("PW_HERE") == "known"
    assert environ.get("PW_FAR") == environ.get("PW_EMPTY") == AT_THE_SITE
    assert environ.get("NUMBER") is None


@pytest.mark.parametrize(
    ("sent", "place"),
    [
        (shipment(settings=SETTINGS.replace(b"${PW_FAR}", b"hunter22")), "sipprobe.yaml"),
        (shipment(table=b"SITE,NUMBER,PW\nfra,1,hunter22\n"), "numbers.csv"),
        (replace(shipment(), variables={"PW_FAR": "hunter22"}), "variable PW_FAR"),
        (shipment(), None),
    ],
    ids=["in the settings", "in a table", "on the command line", "nowhere"],
)
def test_a_password_that_would_travel_openly_is_found(sent: Shipment, place: str | None) -> None:
    """Wherever it was written."""
    found = told_openly(sent, ["hunter22", AT_THE_SITE])
    assert (found or "").endswith(place or "")
    assert (found is None) == (place is None)


def test_a_shipment_prints_no_secret() -> None:
    """A traceback may show it."""
    assert "hunter22" not in repr(replace(shipment(), variables={"PW_FAR": "hunter22"}))
