"""The documentation site: built without a warning, opened from disk in a browser, asks nobody."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from chromium import PROGRAM, Page, running_chromium

from docs.making import __main__ as making

pytestmark = pytest.mark.timeout(400)  # the first test waits for Sphinx, which computes

PAGES = (
    "index.html",
    "docs/quick-start.html",
    "docs/reference/codes-4xx.html",
    "docs/reference/keys-steps.html",
    "docs/reference/verbs.html",
    "docs/fault-lab.html",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Look at every link of every page, then build those that the tests open."""
    if find_spec("sphinx") is None:
        pytest.skip("sphinx is not installed")
    folder = tmp_path_factory.mktemp("site")
    source, out = folder / "source", folder / "html"
    assert making.main(["--source", str(source), "--out", str(out), "--check"]) == 0
    written = [name.replace(".html", ".md") for name in PAGES]
    assert making.build(source, out, pages=written) == 0
    return out


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Start a browser for all tests of this file."""
    if not PROGRAM:
        pytest.skip("chromium is not installed")
    with running_chromium(tmp_path_factory.mktemp("chromium")) as page:
        yield page


def opened(browser: Page, address: str) -> None:
    """Open a page of the site and wait for its scripts."""
    browser.logged.clear()
    browser.requested.clear()
    browser.call("Page.navigate", url=address)
    browser.wait(f"location.href === {address!r} && document.readyState === 'complete'")


def test_pages_ask_no_network_and_log_no_error(site: Path, browser: Page) -> None:
    """Everything comes from the folder; a phone needs no sideways scrolling."""
    for width in (1400, 390):
        browser._size(width, 900)
        for name in PAGES:
            opened(browser, (site / name).as_uri())
            assert browser.logged == [], name
            asked = [url for url in browser.requested if not url.startswith(("file:", "data:"))]
            assert asked == [], name
            assert browser.run("document.documentElement.scrollWidth") <= width, name


def test_search_finds_a_code_without_a_server(site: Path, browser: Page) -> None:
    """The index is a script of the site, so a page that was opened from disk can search, too."""
    opened(browser, (site / "search.html").as_uri() + "?q=Forbidden")
    browser.wait("/codes-4xx.html/.test(document.getElementById('search-results').innerHTML)")
    assert browser.logged == []


def test_dark_and_light_follow_the_system(site: Path, browser: Page) -> None:
    """The background is another one, and text keeps its contrast."""
    colours = []
    for scheme in ("light", "dark"):
        browser.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )
        opened(browser, (site / "index.html").as_uri())
        colours.append(browser.run("getComputedStyle(document.body).backgroundColor"))
    assert colours[0] != colours[1]


def test_a_broken_link_or_anchor_breaks_the_build(
    site: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Every one is told, with its page and line."""
    del site  # skipped where there is no Sphinx
    source = tmp_path / "source"
    source.mkdir()
    (source / "index.md").write_text(
        "# One\n\n[a](#nowhere)\n\n[b](two.md#gone)\n\n[c](three.md)\n\n[d](two.md#deux)\n"
        "\n```{toctree}\ntwo\n```\n",
        encoding="utf-8",
    )
    (source / "two.md").write_text("# Two\n\n## Deux\n", encoding="utf-8")
    assert making.build(source, tmp_path / "html") == 1
    told = capfd.readouterr().err
    assert [line for line in (3, 5, 7, 9) if f"index.md:{line}: WARNING" in told] == [3, 5, 7]
