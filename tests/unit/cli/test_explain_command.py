"""`sipprobe explain`: the code reference."""

from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import Ended

Sipprobe = Callable[..., Ended]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["403"], "403 Forbidden"),
        (["4xx"], "4xx"),
        (["invite"], "INVITE"),
        (["q850:34"], "34"),
        (["header:Retry-After"], "Retry-After"),
        (["warning:304"], "304"),
        (["F047"], "F047"),
    ],
)
def test_subject_is_looked_up(sipprobe: Sipprobe, arguments: list[str], says: str) -> None:
    """Whatever a trace shows can be asked for."""
    ended = sipprobe("explain", *arguments)
    assert ended.status == 0
    assert ended.err == ""
    assert says in ended.out.splitlines()[0]


def test_provider_comes_first(sipprobe: Sipprobe) -> None:
    """With --provider its own meaning of the code is added."""
    plain, own = sipprobe("explain", "403"), sipprobe("explain", "403", "--provider", "sip.us")
    assert own.status == 0
    assert own.out != plain.out
    assert "SIP.US" in own.out.upper()


def test_direction_picks_the_meaning(sipprobe: Sipprobe) -> None:
    """A 403 to our REGISTER is another matter than one to a call."""
    texts = {
        flag: sipprobe("explain", "403", flag).out
        for flag in ("--register", "--outbound", "--inbound")
    }
    assert len(set(texts.values())) == 3


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_text_fits_the_terminal(
    sipprobe: Sipprobe, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    """No line is wider than the terminal, within what can be read: 60 to 100."""
    monkeypatch.setenv("COLUMNS", columns)
    width = max(len(line) for line in sipprobe("explain", "503").out.splitlines())
    assert width <= min(100, max(60, int(columns)))
    assert width > 50


@pytest.mark.parametrize("arguments", [["frobnicate"], ["403", "--provider", "nobody"], ["F999"]])
def test_unknown_subject_is_wrong_usage(sipprobe: Sipprobe, arguments: list[str]) -> None:
    """What the reference does not hold is status 2, in one line."""
    ended = sipprobe("explain", *arguments)
    assert ended.status == 2
    assert ended.out == ""
    assert ended.err.startswith("sipprobe: ")


def test_folder_of_a_code_does_not_hide_it(sipprobe: Sipprobe, here: Path) -> None:
    """What happens to lie in the current folder changes no look-up."""
    (here / "403").mkdir()
    assert sipprobe("explain", "403").out.startswith("403 Forbidden")
    (here / "traces").mkdir()
    ended = sipprobe("explain", "traces")
    assert ended.status == 2
    assert ended.err.endswith(
        "the folder traces is no run: it holds neither report.json nor findings.jsonl\n"
    )
