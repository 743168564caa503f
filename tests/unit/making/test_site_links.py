"""Links of the repository's pages on the site, and links that leave it."""

import re
from datetime import date
from pathlib import Path

import pytest

from docs.making.links import BrokenLinkError, outside_of, rewritten
from docs.making.source import ROOT, write_source

OUTSIDE = {
    "https://semver.org/": date(2026, 11, 21),
    "https://prometheus.io/docs/alerting/latest/alertmanager/": date(2026, 11, 21),
    "https://www.monitoring-plugins.org/doc/guidelines.html": date(2026, 11, 21),
    "https://creativecommons.org/publicdomain/zero/1.0/": date(2026, 11, 21),
}
"""Addresses on other hosts that pages link to, with the day on which somebody last looked there."""

HELD = ("docs/a.md", "docs/b/README.md", "scenarios/c.sip.md", "README.md")


def on_the_site(text: str, page: str = "docs/a.md") -> str:
    """Return a text as the site shows it."""
    return rewritten(text, page, ROOT, HELD.__contains__)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("[x](a.md#y)", "[x](a.md#y)"),
        ("[x](#y)", "[x](#y)"),
        ("[docs/a.md](a.md)", "[](a.md)"),
        ("[x](b/)", "[x](b/README.md)"),
        ("[x](../scenarios/c.sip.yaml)", "[x](../scenarios/c.sip.md)"),
        ("[the rules](../probe/sip)", "the rules"),
        ("[`tests/run`](../tests/run)", "`tests/run`"),
        ("[x](https://example.org/)", "[x](https://example.org/)"),
        ("```md\n[x](nowhere.md)\n```", "```md\n[x](nowhere.md)\n```"),
        ("[a](b/) and [b](../README.md)", "[a](b/README.md) and [b](../README.md)"),
    ],
)
def test_link_leads_to_what_the_site_has(written: str, shown: str) -> None:
    """A folder is its README, a scenario its page; what the site lacks is named without a link."""
    assert on_the_site(written) == shown


def test_link_to_a_file_that_is_not_there_is_an_error() -> None:
    """It names the page and the target."""
    with pytest.raises(BrokenLinkError, match=r"docs/a\.md: there is no gone\.md"):
        on_the_site("[x](gone.md)")


def test_the_source_holds_every_page_and_lists_it_in_the_contents(tmp_path: Path) -> None:
    """A page of docs/ that somebody adds is on the site without another word."""
    write_source(tmp_path)
    index = (tmp_path / "index.md").read_text(encoding="utf-8")
    for page in sorted((ROOT / "docs").glob("*.md")):
        name = f"docs/{page.stem}"
        assert (tmp_path / f"{name}.md").is_file()
        assert re.search(rf"(?m)^(?:.* <)?{re.escape(name)}>?$", index), name


def pages() -> list[Path]:
    """Return every page of the repository."""
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "datasets").rglob("*.md")]


def test_links_to_other_hosts_are_well_formed() -> None:
    """Nobody asks the network here: whoever adds a link looks there and writes down the day."""
    found = {link for page in pages() for link in outside_of(page.read_text(encoding="utf-8"))}
    for link in found:
        assert re.fullmatch(r"https://[a-z0-9.-]+\.[a-z]{2,}/[^\s<>\"']*", link), link
    assert set(OUTSIDE) <= found, "a link that no page has any more is to go from the list"
