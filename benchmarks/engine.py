# ruff: noqa: INP001 - a script, not a package
"""Calls per second and CPU a call of an engine, signalling only and with real RTP sockets.

    python benchmarks/engine.py --python .venv/bin/python --python .venv/engine/bin/python

Each call is INVITE, 180, 200, ACK, BYE, 200 with SIPp (`sipp -sn uas`) on loopback, with the whole
trace written by Python as sipprobe does. The engines take turns; a row is the median of its rounds,
with the lowest and the highest. Takes under three minutes with two engines; the machine should be
quiet. Needs sipp; the interpreters need nothing but pjsua2.
"""

import argparse
import contextlib
import ctypes
import gc
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

LOOPBACK = "127.0.0.1"
WITHIN_S = 30.0


def child(  # noqa: C901, PLR0915 - one program, read from top to bottom
    port: int, seconds: float, *, rtp: bool, pace: float
) -> None:
    """Place calls for so long; print figures as JSON."""
    import pjsua2 as pj  # noqa: PLC0415 - only the child has it

    rows: list[tuple[int, str]] = []
    counts = {"calls": 0, "failed": 0}

    class Log(pj.LogWriter):  # type: ignore[misc]  # the bindings carry no types
        def write(self, entry: pj.LogEntry) -> None:
            rows.append((time.time_ns(), entry.msg))

    class Call(pj.Call):  # type: ignore[misc]  # the bindings carry no types
        over = up = False

        def onCallState(self, prm: pj.OnCallStateParam) -> None:  # noqa: N802, ARG002
            info = self.getInfo()
            if info.state == pj.PJSIP_INV_STATE_CONFIRMED:
                self.up = True
            elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
                self.over = True
                counts["calls" if self.up else "failed"] += 1

    library = ctypes.CDLL(str(next(Path(pj.__file__).parent.glob("_pjsua2*.so"))))
    library.pj_log_set_level(0)
    log, endpoint, config = Log(), pj.Endpoint(), pj.EpConfig()
    endpoint.libCreate()
    config.uaConfig.threadCnt = 0
    config.logConfig.level = config.logConfig.consoleLevel = 4
    config.logConfig.msgLogging = 1
    config.logConfig.writer = log
    endpoint.libInit(config)
    way = pj.TransportConfig()
    way.boundAddress = LOOPBACK
    transport = endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, way)
    endpoint.audDevManager().setNullDev()
    endpoint.libStart()
    for codec in endpoint.codecEnum2():
        endpoint.codecSetPriority(codec.codecId, 200 * codec.codecId.startswith("PCM"))
    account_config, account = pj.AccountConfig(), pj.Account()
    account_config.idUri = f"sip:bench@{LOOPBACK}"
    account_config.sipConfig.transportId = transport
    account_config.mediaConfig.useLoopMedTp = not rtp
    account_config.mediaConfig.transportConfig.boundAddress = LOOPBACK
    if hasattr(pj.CallOpParam(True).opt, "textCount"):
        # 2.17 looks our own name up for IPv6 unless it is told not to: 5 s where no DNS answers
        account_config.sipConfig.ipv6Use = pj.PJSUA_IPV6_DISABLED
        account_config.mediaConfig.ipv6Use = pj.PJSUA_IPV6_DISABLED
    account.create(account_config)
    gc.disable()
    window = min(library.pjsua_call_get_max_count() - 1, 24)
    calls: list[Call] = []
    messages, began, cpu = 0, time.monotonic(), time.process_time()
    due = began
    while (now := time.monotonic()) < began + seconds:
        while len(calls) < window and now >= due:
            call, parameters = Call(account), pj.CallOpParam(True)
            parameters.opt.audioCount, parameters.opt.videoCount = 1, 0
            if hasattr(parameters.opt, "textCount"):
                parameters.opt.textCount = 0
            due = max(due + 1 / pace, now) if pace else due
            try:
                call.makeCall(f"sip:service@{LOOPBACK}:{port}", parameters)
            except pj.Error:  # the slot of the last call is not free yet
                break
            calls.append(call)
        endpoint.libHandleEvents(1)
        for call in calls:
            if call.up and not call.over:
                with contextlib.suppress(pj.Error):
                    call.hangup(pj.CallOpParam(True))
        calls = [call for call in calls if not call.over]
        messages += sum("\n--end msg--" in row for _, row in rows)
        rows.clear()
    took, used = time.monotonic() - began, time.process_time() - cpu
    said = {"version": endpoint.libVersion().full, "messages": messages, "took_s": took}
    print(json.dumps({**said, "cpu_s": used, **counts}), flush=True)  # noqa: T201
    os._exit(0)


def measure(python: str, seconds: float, *, rtp: bool, pace: float) -> dict[str, float | str]:
    """Run a child against a SIPp of its own; return its figures, or how it ended."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((LOOPBACK, 0))
        port = free.getsockname()[1]
    sipp = subprocess.Popen(  # noqa: S603 - of our own making
        [str(shutil.which("sipp")), "-sn", "uas", "-i", LOOPBACK, "-p", str(port), "-nostdin"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _until_bound(port)
        line = [python, __file__, "--child", str(port), str(seconds), str(int(rtp)), str(pace)]
        done = subprocess.run(  # noqa: S603 - of our own making
            line, capture_output=True, text=True, timeout=seconds + WITHIN_S, check=False
        )
    finally:
        sipp.kill()
        sipp.wait()
    if done.returncode < 0:
        return {"ended": signal.Signals(-done.returncode).name}
    if done.returncode:
        return {"ended": done.stderr.strip()[-300:]}
    found: dict[str, float | str] = json.loads(done.stdout.splitlines()[-1])
    return found


def _until_bound(port: int) -> None:
    """Wait until somebody holds a UDP port, at most five seconds."""
    wanted = f"{int.from_bytes(socket.inet_aton(LOOPBACK), 'little'):08X}:{port:04X}"
    until = time.monotonic() + 5
    while wanted not in Path("/proc/net/udp").read_text():
        if time.monotonic() > until:
            raise SystemExit("sipp does not listen")
        time.sleep(0.05)


def shown(rounds: list[dict[str, float | str]]) -> str:
    """Return the cells of a row."""
    ended = [str(one["ended"]) for one in rounds if "ended" in one]
    if ended:
        return f"**{ended[0]}** in {len(ended)} of {len(rounds)} rounds | | | "
    rates = [float(one["calls"]) / float(one["took_s"]) for one in rounds]
    costs = [1000 * float(one["cpu_s"]) / max(float(one["calls"]), 1) for one in rounds]
    lost = sum(int(one["failed"]) for one in rounds)
    whole = [float(one["messages"]) / max(float(one["calls"]), 1) for one in rounds]
    return " | ".join(
        (
            f"{statistics.median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})",
            f"{statistics.median(costs):.2f} ms",
            str(lost),
            f"{statistics.median(whole):.1f}",
        )
    )


def main() -> None:
    """Run what the command line asks for."""
    wanted = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    wanted.add_argument("--python", action="append", help="an interpreter that has an engine")
    wanted.add_argument("--seconds", type=float, default=10.0, help="of a round")
    wanted.add_argument("--rounds", type=int, default=2)
    wanted.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    chosen = wanted.parse_args()
    if chosen.child:
        port, seconds, rtp, pace = chosen.child
        child(int(port), float(seconds), rtp=rtp == "1", pace=float(pace))
    if shutil.which("sipp") is None:
        raise SystemExit("there is no sipp here (Debian, Ubuntu: apt-get install sip-tester)")
    kinds = (
        ("signalling only", False, 0.0),
        ("with RTP sockets", True, 0.0),
        ("with RTP sockets, 40/s", True, 40.0),
    )
    found: dict[tuple[str, str], list[dict[str, float | str]]] = {}
    for _ in range(chosen.rounds):
        for words, rtp, pace in kinds:
            for python in chosen.python or [sys.executable]:
                result = measure(python, chosen.seconds, rtp=rtp, pace=pace)
                found.setdefault((words, python), []).append(result)
    versions = {
        python: str(one["version"])
        for (_, python), rounds in found.items()
        for one in rounds
        if "version" in one
    }
    print("| calls | engine | calls/s | CPU a call | failed | messages a call |")  # noqa: T201
    print("| --- | --- | --- | --- | --- | --- |")  # noqa: T201
    for (words, python), rounds in found.items():
        print(f"| {words} | {versions.get(python, python)} | {shown(rounds)} |")  # noqa: T201


if __name__ == "__main__":
    main()
