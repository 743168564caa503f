"""Large messages and many calls at a time: what an engine with room for them does at real peers."""

from collections.abc import Callable

import pytest
from kamailio import Kamailio
from ports import LOOPBACK
from processes import poll
from sipp import SCENARIOS, SippUas
from userfolder import UserFolder

CALLS = 200
SIZE = 20_000


@pytest.mark.engine(max_message=SIZE + 2000)
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_long_message_stands_whole_in_the_trace(
    folder: UserFolder, kamailio: Kamailio, transport: str
) -> None:
    """A MESSAGE of 20 kB is seen to the last letter where it leaves and where it arrives."""
    words = " ".join(f"{number:05d}" for number in range(SIZE // 6 + 1))
    port = kamailio.udp_port
    folder.trunk(
        uri=f"sip:{kamailio.user}@{LOOPBACK}:{port};transport={transport}",
        password=kamailio.password,
    )
    uri = f"sip:{kamailio.second_user}@{LOOPBACK}:{port};transport={transport}"
    bob = f'  bob: {{uri: "{uri}", password: "{kamailio.second_password}"}}\n'
    folder.scenario(
        f"- register: [bob]\n- message: '{words}'\n"
        f'  to: "{kamailio.second_user}"\n  at: bob\n  expect: {{responses: 200|202}}',
        top=f"agents:\n{bob}",
    )
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    for kind in ("MessageSent", "MessageReceived"):
        long = [m for m in run.messages(kind) if m["text"].startswith("MESSAGE ")]
        assert long
        assert all(m["text"].endswith(f"\r\n\r\n{words}") for m in long), kind
    assert not [e for e in run.events() if "cut a message" in str(e.get("detail"))]


@pytest.mark.engine(max_calls=CALLS)
def test_two_hundred_calls_at_a_time_in_one_process(
    folder: UserFolder, sipp_uas: Callable[..., SippUas]
) -> None:
    """They are all up before the first is hung up, and one worker carries them; without sound."""
    script = (SCENARIOS / "answer.xml").read_text().replace("a=sendrecv", "a=inactive")
    far_end = sipp_uas("answer", calls=CALLS, pause_ms=1, text=script)
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{far_end.port}")
    calls = "\n".join(f'- call: "1202555{number:04d}"' for number in range(CALLS))
    folder.scenario(f"{calls}\n- talk: 1s", top="timeout: 100s\n")
    running = folder.start("run", "check", "--results", "results")
    poll(lambda: running.process.status() is not None or far_end_has(far_end, "ACK", CALLS), 90.0)
    workers = folder.workers(running)
    run = folder.read(running, 60.0)
    assert run.exit_code == 0, run.finished.stdout
    assert len(workers) == 1
    lines = [line for line in far_end.first_lines() if line.startswith("< ")]
    methods = [line.split()[1] for line in lines]
    assert methods.count("INVITE") == methods.count("BYE") == CALLS
    assert methods.index("BYE") > len(methods) - 1 - methods[::-1].index("INVITE")


def far_end_has(far_end: SippUas, method: str, times: int) -> bool:
    """Whether a far end has heard a method so often."""
    return (
        far_end.message_log.exists()
        and far_end.message_log.read_bytes().count(f"\n{method} sip:".encode()) >= times
    )
