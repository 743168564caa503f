"""SIP and RTP over IPv6, on ::1: what an engine with IPv6 does at real peers."""

import os
import re
import secrets
import signal
from collections.abc import Callable

import pytest
from certificates import Certificates
from dnsserver import NameServer
from kamailio import Kamailio
from ports import free_port
from sipp import SCENARIOS, SippUas
from userfolder import Run, UserFolder

pytestmark = pytest.mark.engine(ipv6=True)

SIX = "::1"


@pytest.fixture
def proxy(kamailio_with: Callable[..., Kamailio]) -> Kamailio:
    """Give the ordinary registrar and proxy, on ::1."""
    return kamailio_with(host=f"[{SIX}]")


def trunk(folder: UserFolder, **keys: object) -> None:
    """Write a profile that is bound to ::1."""
    folder.trunk(**{"local_address": SIX, **keys})


def all_over_six(run: Run) -> bool:
    """Whether every message went from ::1 to ::1, addresses in brackets (RFC 3986 §3.2.2)."""
    ends = [message[end] for message in run.messages() for end in ("local", "remote")]
    return bool(ends) and all(re.fullmatch(r"\[::1\]:\d+", end) for end in ends)


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_register_and_call_through_a_proxy(
    folder: UserFolder,
    proxy: Kamailio,
    sipp_uas: Callable[..., SippUas],
    certificates: Certificates,
    transport: str,
) -> None:
    """Login, call and media names are those of IPv6, from Via to the connection line of the SDP."""
    far_end = sipp_uas("answer", host=SIX, rtp_echo=True)
    port = proxy.tls_port if transport == "tls" else proxy.udp_port
    secure = {"ca_file": str(certificates.ca)} if transport == "tls" else {}
    trunk(
        folder,
        uri=f"sip:{proxy.user}@[{SIX}]:{port};transport={transport}",
        password=proxy.password,
        **secure,
    )
    number = proxy.number_to(far_end.port)
    folder.scenario(f'- register:\n- call: "{number}"\n  play: tone 1004Hz\n  hangup_after: 0.3s')
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    assert all_over_six(run)
    invite = next(m["text"] for m in run.messages() if m["text"].startswith("INVITE "))
    assert f"Via: SIP/2.0/{transport.upper()} [{SIX}]:" in invite
    assert re.search(rf"Contact: <sip:{proxy.user}@\[::1\]:\d+", invite)
    assert f"c=IN IP6 {SIX}" in invite
    assert "IP4" not in invite
    assert run.folder is not None
    explained = folder.command("explain", str(run.folder / "call.pcap"))
    assert explained.exit_code == 0, explained.stdout + explained.stderr


def test_the_called_side_is_reached(folder: UserFolder, proxy: Kamailio) -> None:
    """An agent that registered over IPv6 is called over it."""
    trunk(folder, uri=f"sip:{proxy.user}@[{SIX}]:{proxy.udp_port}", password=proxy.password)
    second = (
        f'  bob: {{uri: "sip:{proxy.second_user}@[{SIX}]:{proxy.udp_port}",'
        f' password: "{proxy.second_password}"}}'
    )
    folder.scenario(
        f'- register: [bob]\n- call: "{proxy.second_user}"\n  at: bob\n  hangup_after: 0.2s',
        top=f"agents:\n{second}\n",
    )
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    assert all_over_six(run)


def test_a_closed_port_is_told_by_icmp(folder: UserFolder, closed_udp_port: int) -> None:
    """ICMPv6 port unreachable (RFC 4443 §3.1) ends the wait at once, with its own name."""
    trunk(folder, uri=f"sip:100@[{SIX}]:{closed_udp_port}")
    folder.scenario('- call: "12025550123"\n  timeout: 4s')
    run = folder.run("check", flags=["--no-controls"])
    (finding,) = run.findings
    assert finding["failure"] == "PORT_UNREACHABLE"
    icmp = next(event for event in run.events() if event["type"] == "IcmpReceived")
    assert (icmp["icmp_type"], icmp["icmp_code"], icmp["offender"]) == (1, 4, SIX)
    assert finding["explanation"]["causes"][0]["id"] == "F014"


def test_a_refused_connection_over_six(folder: UserFolder, closed_tcp_port: int) -> None:
    """TCP is refused by the kernel there as anywhere."""
    trunk(folder, uri=f"sip:100@[{SIX}]:{closed_tcp_port};transport=tcp")
    folder.scenario("- options:\n  timeout: 4s")
    run = folder.run("check", flags=["--no-controls"])
    assert run.findings[0]["failure"] == "TCP_REFUSED"


def test_a_name_leads_to_an_ipv6_address(
    folder: UserFolder, name_server: Callable[..., NameServer], sipp_uas: Callable[..., SippUas]
) -> None:
    """SRV, then AAAA (RFC 3263 §4.2): the address family follows the answer."""
    far_end = sipp_uas("options", host=SIX)
    names = name_server(
        {
            ("_sip._udp.six.test", "SRV"): [f"1 1 {far_end.port} host.six.test."],
            ("host.six.test", "AAAA"): [SIX],
        }
    )
    folder.trunk(uri="sip:100@six.test", nameserver=names.at, local_address=SIX)
    folder.scenario("- options:")
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    assert all_over_six(run)
    sent = run.messages("MessageSent")[0]
    assert sent["text"].startswith("OPTIONS sip:six.test SIP/2.0")
    assert sent["remote"] == f"[{SIX}]:{far_end.port}"


def test_the_own_address_decides_between_two_families(
    folder: UserFolder, name_server: Callable[..., NameServer], sipp_uas: Callable[..., SippUas]
) -> None:
    """Of a name with both kinds of address, that is taken which `local_address` can reach."""
    far_end = sipp_uas("options", host=SIX)
    names = name_server({("both.test", "A"): ["127.0.0.1"], ("both.test", "AAAA"): [SIX]})
    uri = f"sip:100@both.test:{far_end.port}"
    folder.trunk(uri=uri, nameserver=names.at, local_address=SIX)
    folder.scenario("- options:\n  timeout: 3s")
    run = folder.run("check", flags=["--no-controls"])
    assert run.exit_code == 0, run.finished.stdout
    assert all_over_six(run)


def test_a_name_in_their_contact_is_reached_by_our_socket(
    folder: UserFolder, name_server: Callable[..., NameServer], sipp_uas: Callable[..., SippUas]
) -> None:
    """Of a name that the peer brings up, ACK and BYE take the address of our family."""
    script = (SCENARIOS / "answer.xml").read_text().replace("uas@[local_ip]", "uas@both.test")
    script = script.replace(' retrans="500"', "")  # a second ACK would be no scenario of SIPp's
    far_end = sipp_uas("answer", host=SIX, text=script)
    names = name_server({("both.test", "A"): ["127.0.0.1"], ("both.test", "AAAA"): [SIX]})
    trunk(folder, uri=f"sip:100@[{SIX}]:{far_end.port}", nameserver=names.at)
    folder.scenario('- call: "12025550123"\n  hangup_after: 0.2s')
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    assert all_over_six(run)
    bye = next(m["text"] for m in run.messages("MessageSent") if m["text"].startswith("BYE "))
    assert bye.startswith(f"BYE sip:uas@both.test:{far_end.port}")


def test_the_embedded_trunk_on_six(folder: UserFolder) -> None:
    """`simulate --host ::1` is a trunk like any other, and says where it is in a form to copy."""
    port, secret = free_port(), secrets.token_urlsafe(9)
    simulator = folder.start(
        *("simulate", "--host", SIX, "--port", str(port)),
        env={"SIPPROBE_SIMULATE_PASSWORD": secret},
    )
    trunk(folder, uri=f"sip:100@[{SIX}]:{port}", password=secret)
    folder.scenario(
        "- register:\n  retry: {times: 10, wait: 0.2s, on: PORT_UNREACHABLE}\n"
        '- call: "+12025550123"\n  play: tone 1004Hz\n  hangup_after: 0.5s'
    )
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    assert all_over_six(run)
    os.kill(simulator.pid, signal.SIGINT)
    assert f"embedded trunk at [{SIX}]:{port} " in simulator.finish(5.0).stdout
