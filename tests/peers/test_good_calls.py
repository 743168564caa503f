"""A healthy call never gets a cause: hundreds of good calls, no two far ends alike."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from byhand import Phone
from goodcalls import good_call
from kamailio import Kamailio
from ports import LOOPBACK
from sipp import SippUas, running_sipp_uas
from userfolder import UserFolder

Place = Callable[[str], tuple[ExitStack, Path]]

FAR_ENDS = int(os.environ.get("SIPPROBE_GOOD_FAR_ENDS", "14"))
"""Far ends, each of another seed."""

CALLS = 10
"""Calls to each of them."""

INSIDE = ("OPTIONS", "INFO", "UPDATE", "INVITE", "late")
"""Words of a far end that asks something inside the call: it needs time to do so."""

THROUGH = 20
"""Calls through a proxy that forks."""


@pytest.mark.timeout(600)
def test_no_good_call_gets_a_cause(folder: UserFolder, peers: Place) -> None:
    """A far end that does nothing wrong is met each time, and nothing is explained.

    SIPPROBE_GOOD_FAR_ENDS=50 makes it 500 calls, SIPPROBE_GOOD_CALLS_SEED other far ends.
    """
    first = int(os.environ.get("SIPPROBE_GOOD_CALLS_SEED", "1"))
    told: dict[str, str] = {}
    folder.trunk(uri=f"sip:100@{LOOPBACK}", password="not-asked-for-pass")
    for seed in range(first, first + FAR_ENDS):
        stack, place = peers(f"good-{seed}")
        far_end = good_call(seed)
        uas = stack.enter_context(
            running_sipp_uas(place, "good", text=far_end.text, calls=CALLS, timeout_s=500)
        )
        name = f"good-{seed}"
        told[name] = far_end.name
        inside = any(word in far_end.name for word in INSIDE)
        call = (
            f'- call: "sip:+12025550123@{LOOPBACK}:{uas.port}"\n'
            f"  hangup_after: {'150ms' if inside else '5ms'}"
        )
        folder.scenario("\n".join([call] * CALLS), name=name)
    run = folder.read(folder.start("run", "scenarios", "--results", "results"), within_s=500)
    wrong = [
        (told[finding["scenario"]], finding["observed"], finding["explanation"])
        for finding in run.findings
        if finding["outcome"] != "MET" or finding["explanation"] is not None
    ]
    assert wrong == []
    assert len(run.findings) == FAR_ENDS * CALLS


def test_call_that_a_proxy_forks_gets_no_cause(
    folder: UserFolder, kamailio: Kamailio, sipp_uas: Callable[..., SippUas]
) -> None:
    """One device rings and is cancelled, another answers: a good call, however it was routed."""
    answering = sipp_uas("answer", calls=THROUGH, timeout_s=120)
    ringing = sipp_uas("ring_forever", calls=THROUGH, timeout_s=120)
    callee = f"sip:{kamailio.second_user}@{LOOPBACK}"
    with Phone("udp", kamailio.udp_port, user=kamailio.second_user) as registering:
        contacts = [
            f"Contact: <sip:{kamailio.second_user}@{LOOPBACK}:{uas.port}>"
            for uas in (answering, ringing)
        ]
        answers = registering.request(
            "REGISTER", callee, *contacts, "Expires: 120", password=kamailio.second_password
        )
        assert answers[-1].status == 200
    folder.trunk(
        uri=f"sip:{kamailio.user}@{LOOPBACK}:{kamailio.udp_port}", password=kamailio.password
    )
    folder.scenario(
        "\n".join([f"- call: {callee}:{kamailio.udp_port}\n  hangup_after: 20ms"] * THROUGH)
    )
    run = folder.read(folder.start("run", "check", "--results", "results"), within_s=120)
    assert [f["outcome"] for f in run.findings] == ["MET"] * THROUGH, run.finished.stdout
    assert [f["explanation"] for f in run.findings] == [None] * THROUGH
    assert sum(line.startswith("< CANCEL") for line in ringing.first_lines()) == THROUGH
