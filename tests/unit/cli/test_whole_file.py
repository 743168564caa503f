"""Report files are written whole or not at all."""

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.cli.whole_file import write_whole


def test_who_reads_meanwhile_reads_the_report_before(tmp_path: Path) -> None:
    """A textfile collector reads whenever it likes."""
    file = tmp_path / "deep" / "sip.prom"
    write_whole(file, ["first\n"])
    seen = []

    def pieces() -> Iterator[str]:
        for _ in range(3):
            yield "second\n"
            seen.append(file.read_text())

    write_whole(file, pieces())
    assert seen == ["first\n"] * 3
    assert file.read_text() == "second\n" * 3
    assert list(file.parent.iterdir()) == [file]


def test_a_report_that_breaks_off_leaves_the_one_before(tmp_path: Path) -> None:
    """And no half of it beside."""
    file = tmp_path / "report.json"
    file.write_text("before")

    def pieces() -> Iterator[str]:
        yield "half"
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        write_whole(file, pieces())
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    """What a link leads to is replaced, not the link."""
    file, link = tmp_path / "real", tmp_path / "link"
    file.write_text("before")
    file.chmod(0o640)
    link.symlink_to(file)
    write_whole(link, ["after"])
    assert link.is_symlink()
    assert file.read_text() == "after"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    """Some read a report from a pipe, or give /dev/stdout."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()), daemon=True)
    reader.start()
    write_whole(pipe, ["one\n", "two\n"])
    reader.join(10)
    assert got == ["one\ntwo\n"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize("file", ["folder", "file/below"])
def test_what_cannot_be_written_says_why(tmp_path: Path, file: str) -> None:
    """A folder in its place, a file where a folder should be."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"directory|exists"):
        write_whole(tmp_path / file, ["text"])
