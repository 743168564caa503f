"""`sipprobe run --controls paid`: the same call once more, changed in one thing."""

from collections.abc import Callable

from ports import LOOPBACK
from sipp import SippUas
from userfolder import Run, UserFolder

StartUas = Callable[..., SippUas]

NATIONAL = "12025550123"


def run_against(uas: SippUas, folder: UserFolder, *flags: str) -> Run:
    """Call a number without its plus."""
    folder.trunk(uri=f"sip:100@{LOOPBACK}", password="not-asked-for-pass")
    folder.scenario(f'- call: "sip:{NATIONAL}@{LOOPBACK}:{uas.port}"')
    return folder.run("check", flags=flags)


def test_number_in_the_other_form_is_found(sipp_uas: StartUas, folder: UserFolder) -> None:
    """404 for a number, and the same number as +E.164 rings: the form was the reason."""
    uas = sipp_uas("plus_only", calls=2)
    run = run_against(uas, folder, "--controls", "paid")
    (finding,) = run.findings
    assert finding["responses"] == [404]
    assert finding["explanation"]["causes"][0]["id"] == "F073"
    assert [c["result"] for c in finding["controls"] if c["control"] == "e164"] == ["rang"]
    assert uas.wait() == 0  # rang once, was cancelled, and nothing is left
    requests = [line for line in uas.first_lines() if line.startswith("< INVITE")]
    assert [f"sip:+{NATIONAL}@" in line for line in requests] == [False, True]
    assert sum(line.startswith("< CANCEL") for line in uas.first_lines()) == 1


def test_no_second_call_unless_it_is_allowed(sipp_uas: StartUas, folder: UserFolder) -> None:
    """By default nothing is called again, whatever it might show."""
    uas = sipp_uas("plus_only", calls=2)
    run = run_against(uas, folder)
    assert [c for c in run.findings[0]["controls"] if c["control"] == "e164"] == []
    assert sum(line.startswith("< INVITE") for line in uas.first_lines()) == 1
