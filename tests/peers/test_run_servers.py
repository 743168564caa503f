"""Servers behind a name: NAPTR and SRV choose them, and a dead one is left for the next."""

import time
from collections.abc import Callable

from dnsserver import NameServer
from ports import LOOPBACK
from sipp import SippUas
from userfolder import Run, UserFolder

DOMAIN = "carrier.test"
NUMBER = "12025550123"


def records(
    *targets: tuple[int, int], service: str = "_sip._udp"
) -> dict[tuple[str, str], list[str]]:
    """Return SRV records of the domain, each target (priority, port) a host of its own."""
    found = {
        (f"{service}.{DOMAIN}", "SRV"): [f"{p} 10 {port} s{port}.{DOMAIN}." for p, port in targets]
    }
    return {**found, **{(f"s{port}.{DOMAIN}", "A"): [LOOPBACK] for _, port in targets}}


def hops(run: Run) -> list[tuple[int, str]]:
    """Return place and reason of each server that was tried (empty) or left."""
    return [(e["place"], e["left"]) for e in run.events() if e["type"] == "NextHop"]


def notes(run: Run) -> str:
    """Return all that the report says of the steps beside verdicts."""
    return " ".join(str(finding["warnings"]) for finding in run.findings)


def test_a_silent_first_server_is_left_for_the_second(
    folder: UserFolder,
    name_server: Callable[..., NameServer],
    sipp_uas: Callable[..., SippUas],
    silent_udp_port: int,
) -> None:
    """The call is set up by the second server within four seconds, and the report says which."""
    far_end = sipp_uas("answer")
    names = name_server(records((10, silent_udp_port), (20, far_end.port)))
    folder.trunk(uri=f"sip:100@{DOMAIN}", nameserver=names.at)
    folder.scenario(f'- call: "{NUMBER}"\n  hangup_after: 0.2s')
    began = time.monotonic()
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    assert time.monotonic() - began < 8
    assert run.findings[0]["timing"]["setup_s"] < 4
    assert hops(run) == [(1, ""), (1, "did not answer within 2 s"), (2, "")]
    assert "the second of 2 servers answered" in notes(run)
    assert f"{LOOPBACK}:{silent_udp_port}" in notes(run)
    assert "may still ring" in notes(run)
