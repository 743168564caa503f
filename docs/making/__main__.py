"""`python -m docs.making`: builds the documentation site; a broken link is an error."""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from docs.making.links import BrokenLinkError
from docs.making.source import ROOT, write_source
from probe import __version__

_NEEDED = "the site is built by Sphinx: pip install -e '.[docs]'"


def main(arguments: list[str] | None = None) -> int:
    """Build the site and return Sphinx's status; 1 for a link that leads nowhere."""
    parser = argparse.ArgumentParser(prog="docs/build", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build/site", help="default: build/site")
    parser.add_argument("--source", type=Path, help="keep the source of the site in this folder")
    parser.add_argument("--check", action="store_true", help="look at all links, write no page")
    wanted = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        source = wanted.source or Path(temporary) / "source"
        source.mkdir(parents=True, exist_ok=True)
        try:
            count = write_source(source)
        except BrokenLinkError as error:
            _say(str(error))
            return 1
        status = build(source, wanted.out, builder="dummy" if wanted.check else "html")
    if status == 0 and wanted.check:
        _say(f"{count} pages, and every link leads somewhere")
    elif status == 0:
        _say(f"{count} pages, begin with {wanted.out / 'index.html'}")
    return status


def _say(text: str) -> None:
    sys.stderr.write(f"docs/build: {text}\n")


def build(source: Path, out: Path, *, builder: str = "html", pages: Sequence[str] = ()) -> int:
    """Make HTML of a source; every warning is an error, and all of them are told.

    With `pages`, of these alone, and without the warnings: their search index is not whole.
    """
    try:
        import myst_parser  # noqa: F401, PLC0415 - optional
        import sphinx  # noqa: F401, PLC0415 - optional
    except ImportError:
        _say(_NEEDED)
        return 2
    command = [sys.executable, "-m", "sphinx", "--quiet"]
    command += [] if pages else ["--fail-on-warning", "--keep-going"]
    command += ["--builder", builder, "--conf-dir", str(Path(__file__).parent)]
    command += ["--doctree-dir", str(out.parent / f"{out.name}-doctrees"), str(source), str(out)]
    command += [str(source / page) for page in pages]
    env = {**os.environ, "SIPPROBE_VERSION": __version__}
    return subprocess.run(command, env=env, check=False).returncode  # noqa: S603 - our own words


if __name__ == "__main__":
    sys.exit(main())
