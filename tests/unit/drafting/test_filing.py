"""Nothing that is there is lost."""

from pathlib import Path

import pytest

from probe.drafting.filing import FilingError, replace_keeping, write_new


def test_new_file_is_written_with_its_folder(tmp_path: Path) -> None:
    """`scenarios/` need not be there."""
    write_new(tmp_path / "scenarios/a.sip.yaml", "x\n")
    assert (tmp_path / "scenarios/a.sip.yaml").read_text() == "x\n"


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    """Not even by a program that did not look."""
    (tmp_path / "a").write_text("old")
    with pytest.raises(FilingError, match="a is there already"):
        write_new(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "old"


def test_every_copy_is_kept(tmp_path: Path) -> None:
    """The second copy does not replace the first; permissions go along."""
    path = tmp_path / "a"
    path.write_text("1")
    path.chmod(0o600)
    first = replace_keeping(path, "2")
    second = replace_keeping(path, "3")
    assert [p.read_text() for p in (first, second, path)] == ["1", "2", "3"]
    assert [p.name for p in (first, second)] == ["a.bak", "a.bak2"]
    assert {p.stat().st_mode & 0o777 for p in (first, second, path)} == {0o600}


def test_link_stays_a_link(tmp_path: Path) -> None:
    """A sipprobe.yaml may be a link into a repository of dotfiles."""
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    replace_keeping(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_folder_that_takes_nothing_is_named(tmp_path: Path) -> None:
    """The text says which file, and why."""
    (tmp_path / "scenarios").write_text("a file")
    with pytest.raises(FilingError, match=r"cannot write .*scenarios/a"):
        write_new(tmp_path / "scenarios/a", "x")
