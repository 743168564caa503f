"""The capture file, read by dpkt and by tshark."""

import io
import shutil
import subprocess
from pathlib import Path

import dpkt
import pytest
from msgspec.structs import replace
from wirebuilder import ANSWER, OFFER, STARTED, Wire, answered_call, register_ok

from probe.report.pcap import to_pcap, write_pcap
from probe.trace.trace import (
    AgentNote,
    IcmpReceived,
    MessageEvent,
    MessageReceived,
    MessageSent,
    Trace,
)


def packets(*traces: Trace) -> list[tuple[float, object]]:
    """Return (time, IP packet) of a capture of traces."""
    reader = dpkt.pcap.Reader(io.BytesIO(to_pcap(traces)))
    assert reader.datalink() == 101
    return [
        (at, dpkt.ip6.IP6(data) if data[0] >> 4 == 6 else dpkt.ip.IP(data)) for at, data in reader
    ]


def moved(trace: Trace, **changes: object) -> Trace:
    """Return a trace whose messages all have other fields."""
    return replace(
        trace,
        events=tuple(
            replace(event, **changes)  # type: ignore[arg-type]  # fields of MessageEvent
            for event in trace.events
            if isinstance(event, MessageEvent)
        ),
    )


def test_datagrams_have_real_addresses_and_times() -> None:
    """A message is a datagram between the trace's addresses at its microsecond."""
    trace = Wire("OPTIONS").send("OPTIONS", at=0.000001).receive(200, at=1.999999).trace()
    (first_at, first), (second_at, second) = packets(trace)
    assert round((first_at - STARTED.timestamp()) * 1e6) == 1
    assert round((second_at - STARTED.timestamp()) * 1e6) == 1_999_999
    assert (first.src, first.dst) == (b"\xc0\x00\x02\x0a", b"\xc6\x33\x64\x01")
    assert (second.src, second.dst) == (first.dst, first.src)
    assert (first.data.sport, first.data.dport) == (5060, 5060)
    assert first.data.data == trace.events[0].text.encode()  # type: ignore[union-attr]


def test_message_of_two_traces_is_written_once() -> None:
    """The trace of a hangup repeats the call's messages; a retransmission is another packet."""
    wire = Wire("OPTIONS").send("OPTIONS").resend().receive(200)
    assert len(packets(wire.trace(), wire.trace())) == 3


def test_frames_are_in_the_order_of_time() -> None:
    """Traces of parallel attempts are merged by time."""
    early = Wire("OPTIONS", call_id="a").send("OPTIONS", at=1.0).trace()
    late = Wire("OPTIONS", call_id="b").send("OPTIONS", at=2.0).trace()
    times = [at for at, _ in packets(late, early)]
    assert times == sorted(times)


def test_other_clocks_are_put_together() -> None:
    """Two traces with different starts meet on the wall clock."""
    one = Wire("OPTIONS").send("OPTIONS", at=1.0).trace()
    other = replace(one, started_at=STARTED.replace(second=30))
    times = [at - STARTED.timestamp() for at, _ in packets(other, one)]
    assert [round(at) for at in times] == [1, 31]


def test_tcp_segments_follow_on() -> None:
    """Sequence and acknowledgement numbers of a connection count its bytes."""
    wire = register_ok().trace()
    trace = moved(wire, transport="TCP")
    sizes = [len(event.text) for event in trace.events]  # type: ignore[union-attr]
    segments = [packet.data for _, packet in packets(trace)]
    assert [segment.seq for segment in segments] == [1, 1, 1 + sizes[0], 1 + sizes[1]]
    assert [segment.ack for segment in segments] == [
        1,
        1 + sizes[0],
        1 + sizes[1],
        1 + sizes[0] + sizes[2],
    ]


def test_long_tcp_message_is_several_segments() -> None:
    """What does not fit one packet is cut and nothing is lost."""
    text = "MESSAGE sip:a@b SIP/2.0\r\n\r\n" + "x" * 150_000
    trace = moved(Wire("OPTIONS").send("OPTIONS").trace(), transport="TCP", text=text)
    parts = [packet.data.data for _, packet in packets(trace)]
    assert [len(part) for part in parts[:2]] == [60000, 60000]
    assert b"".join(parts) == text.encode()


def test_too_long_datagram_is_cut() -> None:
    """No datagram can carry more than 65507 bytes."""
    trace = moved(Wire("OPTIONS").send("OPTIONS").trace(), text="x" * 70_000)
    ((_, packet),) = packets(trace)
    assert len(packet.data.data) == 65507


def test_bytes_that_are_no_text_come_out_as_they_were() -> None:
    """Surrogate escapes become the bytes that arrived."""
    raw = b"OPTIONS sip:a@b SIP/2.0\r\nSubject: \xff\xfe\r\n\r\n"
    trace = Wire("OPTIONS").raw(raw.decode("utf-8", "surrogateescape")).trace()
    ((_, packet),) = packets(trace)
    assert packet.data.data == raw


@pytest.mark.parametrize(
    ("local", "remote", "source", "target"),
    [
        ("", "198.51.100.1:5060", ("0.0.0.0", 0), ("198.51.100.1", 5060)),
        ("[2001:db8::2]:5070", "[2001:db8::1]:5060", ("2001:db8::2", 5070), ("2001:db8::1", 5060)),
        ("", "[fe80::1%eth0]:5060", ("::", 0), ("fe80::1", 5060)),
        ("2001:db8::2:99999", "192.0.2.1:x", ("0.0.0.0", 0), ("192.0.2.1", 0)),
        ("192.0.2.2:5060", "pbx.example:5060", ("192.0.2.2", 5060), ("0.0.0.0", 5060)),
    ],
)
def test_addresses_as_far_as_known(
    local: str, remote: str, source: tuple[str, int], target: tuple[str, int]
) -> None:
    """IPv4 and IPv6; what the trace does not know is unspecified, never invented."""
    trace = moved(Wire("OPTIONS").send("OPTIONS").trace(), local=local, remote=remote)
    ((_, packet),) = packets(trace)
    family = dpkt.utils.inet_to_str
    assert (family(packet.src), packet.data.sport) == source
    assert (family(packet.dst), packet.data.dport) == target


def unreachable(remote: str, offender: str, kind: int, code: int) -> Trace:
    """Return a trace of a request that an ICMP error answered."""
    local = "[2001:db8::2]:5070" if remote.startswith("[") else "192.0.2.10:5060"
    sent = Wire("OPTIONS").send("OPTIONS").trace()
    error = IcmpReceived(at=0.5, remote=remote, offender=offender, icmp_type=kind, icmp_code=code)
    stray = replace(error, remote="203.0.113.9:9")
    note = AgentNote(at=0.6, kind="warning", detail="")
    trace = moved(sent, remote=remote, local=local)
    return replace(trace, events=(*trace.events, error, stray, note))


def test_icmp_error_is_a_packet_from_who_sent_it() -> None:
    """It quotes the header of our datagram; one about a datagram unknown to us is left out."""
    _, (at, packet) = packets(unreachable("198.51.100.1:5060", "203.0.113.1", 3, 3))
    assert round(at - STARTED.timestamp(), 6) == 0.5
    assert dpkt.utils.inet_to_str(packet.src) == "203.0.113.1"
    error = packet.data
    assert (error.type, error.code) == (3, 3)
    quoted = error.data.data
    assert (dpkt.utils.inet_to_str(quoted.dst), quoted.data.dport) == ("198.51.100.1", 5060)


def test_icmpv6_error_is_a_packet_too() -> None:
    """IPv6 has its own types, and an unreadable offender is unspecified."""
    _, (_, packet) = packets(unreachable("[2001:db8::1]:5060", "?", 1, 4))
    assert (packet.nxt, packet.data.type, packet.data.code) == (58, 1, 4)
    assert dpkt.utils.inet_to_str(packet.src) == "::"


def test_file_is_written(tmp_path: Path) -> None:
    """write_pcap puts the same bytes into a file."""
    trace = answered_call().trace()
    write_pcap(tmp_path / "call.pcap", [trace])
    assert (tmp_path / "call.pcap").read_bytes() == to_pcap([trace])


# -- tshark ------------------------------------------------------------------------------


@pytest.fixture(name="tshark")
def _tshark() -> str:
    """Return the path of tshark."""
    found = shutil.which("tshark")
    if not found:
        pytest.skip("tshark is not installed")
    return found


def seen_by(tshark: str, path: Path, *fields: str) -> list[list[str]]:
    """Return fields of every SIP frame as tshark dissects it, without options of ours."""
    names = [part for field in fields for part in ("-e", field)]
    command = [tshark, "-n", "-r", str(path), "-Y", "sip", "-T", "fields", *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


def call(transport: str, local: str, remote: str) -> Trace:
    """Return an authenticated call over a transport."""
    trace = (
        Wire(transport=transport)
        .send("INVITE", body=OFFER)
        .receive(407)
        .send("ACK")
        .send("INVITE", auth=True, body=OFFER)
        .receive(100)
        .receive(180)
        .receive(200, body=ANSWER)
        .send("ACK")
        .send("BYE", at=2.0)
        .receive(200)
        .trace()
    )
    return moved(trace, local=local, remote=remote)


SHOWN = ["INVITE", "407", "ACK", "INVITE", "100", "180", "200", "ACK", "BYE", "200"]


@pytest.mark.peer
@pytest.mark.parametrize(
    ("transport", "local", "remote"),
    [
        ("UDP", "192.0.2.10:5060", "198.51.100.1:5060"),
        ("UDP", "127.0.0.1:40001", "127.0.0.1:40002"),
        ("UDP", "", "127.0.0.1:33333"),
        ("UDP", "[2001:db8::2]:40001", "[2001:db8::1]:5060"),
        ("TCP", "192.0.2.10:40001", "198.51.100.1:5060"),
        ("TCP", "[2001:db8::2]:40001", "[2001:db8::1]:15060"),
        ("TLS", "192.0.2.10:40001", "198.51.100.1:5061"),
        ("TLS", "192.0.2.10:40001", "198.51.100.1:443"),
        ("TLS", "[2001:db8::2]:40001", "[2001:db8::1]:5061"),
    ],
)
def test_tshark_reads_methods_and_codes(
    tshark: str, tmp_path: Path, transport: str, local: str, remote: str
) -> None:
    """Wireshark's dissector sees every message in order, whatever the transport and the port."""
    path = tmp_path / "call.pcap"
    write_pcap(path, [call(transport, local, remote)])
    rows = seen_by(tshark, path, "sip.Method", "sip.Status-Code", "frame.time_epoch")
    assert [method or code for method, code, _ in rows] == SHOWN
    assert float(rows[8][2]) - float(rows[0][2]) == pytest.approx(2.0, abs=1e-6)


@pytest.mark.peer
def test_tshark_finds_no_fault_in_a_stream(tshark: str, tmp_path: Path) -> None:
    """No gap, overlap or bad checksum in what we made."""
    path = tmp_path / "call.pcap"
    write_pcap(path, [call("TCP", "192.0.2.10:40001", "198.51.100.1:5060")])
    wrong = (
        "tcp.analysis.lost_segment || tcp.analysis.out_of_order || tcp.analysis.retransmission"
        " || tcp.checksum.status == 0 || ip.checksum.status == 0"
    )
    command = [tshark, "-n", "-r", str(path), "-o", "tcp.check_checksum:TRUE"]
    command += ["-o", "ip.check_checksum:TRUE", "-Y", wrong]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == ""


@pytest.mark.peer
def test_tshark_reads_the_icmp_error(tshark: str, tmp_path: Path) -> None:
    """The error names its type and the datagram that it is about."""
    path = tmp_path / "call.pcap"
    write_pcap(
        path,
        [
            unreachable("198.51.100.1:5060", "203.0.113.1", 3, 3),
            unreachable("[2001:db8::1]:5060", "2001:db8::9", 1, 4),
        ],
    )
    command = [tshark, "-n", "-r", str(path), "-Y", "icmp || icmpv6", "-T", "fields"]
    command += ["-e", "icmp.type", "-e", "icmpv6.type", "-e", "icmpv6.code", "-e", "udp.dstport"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ["3\t\t\t5060", "\t1\t4\t5060"]


def test_kinds_of_messages_are_told_apart() -> None:
    """The direction comes from the kind of the event, not from its text."""
    text = "OPTIONS sip:a@b SIP/2.0\r\n\r\n"
    common = {"at": 0.0, "transport": "UDP", "local": "192.0.2.1:1", "remote": "192.0.2.2:2"}
    trace = replace(
        Wire().trace(),
        events=(MessageSent(text=text, **common), MessageReceived(text=text, **common)),  # type: ignore[arg-type]
    )
    assert [packet.data.sport for _, packet in packets(trace)] == [1, 2]
