"""What `run --fleet` refuses before anybody is asked, and what it shows."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from probe.cli import cli

ADDRESS = "tcp://127.0.0.1:9"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with a trunk whose password only the sites know, and a scenario at fra."""
    (tmp_path / "sipprobe.yaml").write_text(
        'trunks: {far: {uri: "sip:100@192.0.2.7", password: "${PW_FAR}",\n'
        "  ca_file: /no/such/file/here.pem}}\n"
    )
    (tmp_path / "one.sip.yaml").write_text("trunk: far\nat_site: fra\nsteps: [{register: }]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PW_FAR", raising=False)
    return tmp_path


def run(*args: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(cli, ["run", *args])


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("one.sip.yaml", "--fleet", "localhost"), "--fleet takes tcp://HOST:PORT or tls://"),
        (("one.sip.yaml", "--fleet", ADDRESS, "-j", "4"), "-j is for this machine"),
        (("one.sip.yaml", "--fleet", ADDRESS, "--controls", "paid"), "run it without --fleet"),
        (("trunk-check", "--fleet", ADDRESS), "the embedded trunk, which is on this machine alone"),
    ],
    ids=["no address", "jobs", "paid controls", "embedded trunk"],
)
def test_what_a_fleet_cannot_do_is_refused(folder: Path, args: tuple[str, ...], said: str) -> None:
    """As wrong usage, with what to do."""
    done = run(*args)
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())
    assert not (folder / "results").exists()


def test_a_secret_of_a_site_and_files_of_a_site_need_not_be_here(folder: Path) -> None:
    """What would be tried can be shown all the same, with its site."""
    assert folder.is_dir()
    done = run("one.sip.yaml", "--fleet", ADDRESS, "--dry-run")
    assert done.exit_code == 0, done.output
    assert "1. register at fra" in done.output
    alone = run("one.sip.yaml", "--dry-run")
    assert alone.exit_code == 2
    assert "variable PW_FAR is not set" in alone.output


def test_without_the_extra_its_installation_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No traceback of an import."""
    assert folder.is_dir()
    for name in [one for one in sys.modules if one.startswith("probe.fleet.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "distributed", None)
    done = run("one.sip.yaml", "--fleet", ADDRESS)
    assert done.exit_code == 2
    assert "pip install 'sipprobe[fleet]'" in done.output


def test_a_password_in_a_file_does_not_go_by_tcp(folder: Path) -> None:
    """It is told where it stands, and not what it is."""
    (folder / "sipprobe.yaml").write_text(
        'trunks: {far: {uri: "sip:100@192.0.2.7", password: hunter22}}\n'
    )
    done = run("one.sip.yaml", "--fleet", ADDRESS)
    assert done.exit_code == 2
    assert "sipprobe.yaml holds a password" in " ".join(done.output.split())
    assert "hunter22" not in done.output
