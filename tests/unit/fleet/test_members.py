"""Which site a dask worker is of."""

import pytest

from probe.fleet.members import site_of


@pytest.mark.parametrize(
    ("name", "site"),
    [
        ("fra", "fra"),
        ("fra-0", "fra"),
        ("fra-12", "fra"),
        ("north-sea", "north-sea"),
        ("north-sea-1", "north-sea"),
        ("tcp://192.0.2.1:40000", ""),
        (7, ""),
        ("", ""),
    ],
)
def test_the_name_of_a_worker_says_its_site(name: object, site: str) -> None:
    """One that was given no name is of no site."""
    assert site_of(name) == site
