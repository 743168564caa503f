"""One engine in one process, without sipprobe around it: what it survives shows in the exit status.

    python engine_child.py call 5060 1 3        places one call to 127.0.0.1:5060, for at most 3 s
    python engine_child.py api:ninth-account 0 1 1

Runs with the interpreter of the engine to be tried and needs nothing but pjsua2. Ends by
os._exit(0) after a line of JSON; an engine that aborts ends it otherwise.
"""

import ctypes
import gc
import json
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pjsua2 as pj

LOOPBACK = "127.0.0.1"
HELD_S = 0.25
"""How long a call of the fuzzing lives at most."""


class Log(pj.LogWriter):  # type: ignore[misc]  # the bindings carry no types
    """Counts messages and keeps failed assertions."""

    def __init__(self) -> None:
        super().__init__()
        self.messages = 0
        self.asserts: dict[str, int] = {}

    def write(self, entry: pj.LogEntry) -> None:
        """Take a row."""
        row = entry.msg
        if "\n--end msg--" in row:
            self.messages += 1
        elif "Assert failed" in row:
            words = row.partition("Assert failed: ")[2].strip()
            self.asserts[words] = self.asserts.get(words, 0) + 1


class Call(pj.Call):  # type: ignore[misc]  # the bindings carry no types
    """A call that remembers when it began and whether it is over."""

    def __init__(self, account: pj.Account) -> None:
        super().__init__(account)
        self.began = time.monotonic()
        self.up = self.over = False

    def onCallState(self, prm: pj.OnCallStateParam) -> None:  # noqa: N802
        """Note the answer and the end."""
        state = self.getInfo().state
        self.up = self.up or state == pj.PJSIP_INV_STATE_CONFIRMED
        self.over = state == pj.PJSIP_INV_STATE_DISCONNECTED


class Engine:
    """Endpoint, transport and account."""

    def __init__(self, port: int, *, registrar: bool = False, rtp: bool = False) -> None:
        folder = Path(pj.__file__).parent
        self.library = ctypes.CDLL(str(next(folder.glob("_pjsua2*.so"))))
        self.library.pj_log_set_level(0)
        self.log = Log()
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.medConfig.noVad = True
        config.logConfig.level = config.logConfig.consoleLevel = 4
        config.logConfig.msgLogging = 1
        config.logConfig.writer = self.log
        self.endpoint.libInit(config)
        self.library.pjsip_tsx_set_timers(100, 400, 500, 1500)
        way = pj.TransportConfig()
        way.boundAddress = LOOPBACK
        self.transport = self.endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, way)
        self.endpoint.audDevManager().setNullDev()
        self.endpoint.libStart()
        gc.disable()
        self.peer = f"{LOOPBACK}:{port}"
        self.account = pj.Account()
        self.account.create(self.account_config("probe", registrar=registrar, rtp=rtp))
        self.calls: list[Call] = []

    def account_config(
        self, user: str, *, registrar: bool = False, rtp: bool = False
    ) -> pj.AccountConfig:
        """Return the settings of an account on our transport."""
        config = pj.AccountConfig()
        config.idUri = f"sip:{user}@{LOOPBACK}"
        config.sipConfig.transportId = self.transport
        config.mediaConfig.useLoopMedTp = not rtp
        config.mediaConfig.transportConfig.boundAddress = LOOPBACK
        config.regConfig.retryIntervalSec = 0
        if registrar:
            config.regConfig.registrarUri = f"sip:{self.peer}"
            config.sipConfig.authCreds.append(
                pj.AuthCredInfo("digest", "*", "probe", 0, "no secret")
            )
        return config

    def place(self, user: str) -> None:
        """Send INVITE."""
        call = Call(self.account)
        parameters = pj.CallOpParam(True)
        parameters.opt.audioCount, parameters.opt.videoCount = 1, 0
        if hasattr(parameters.opt, "textCount"):
            parameters.opt.textCount = 0
        try:
            call.makeCall(f"sip:{user}@{self.peer}", parameters)
        except pj.Error:
            return
        self.calls.append(call)

    def poll(self, seconds: float) -> None:
        """Let the engine work for so long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.endpoint.libHandleEvents(round(min(left, 0.02) * 1000))
            self.calls = [call for call in self.calls if not call.over]

    def hang_up(self, older_than_s: float = 0.0) -> None:
        """End calls that have lived long enough."""
        for call in self.calls:
            if time.monotonic() - call.began >= older_than_s:
                try:
                    call.hangup(pj.CallOpParam(True))
                except pj.Error:
                    call.over = True


def call(engine: Engine, seconds: float, _: random.Random) -> None:
    """Place one call, and hang it up."""
    engine.place("case")
    engine.poll(seconds * 0.6)
    engine.hang_up()
    engine.poll(seconds * 0.4)


def register(engine: Engine, seconds: float, _: random.Random) -> None:
    """Register, and again."""
    engine.poll(seconds * 0.5)
    try:
        engine.account.setRegistration(True)
    except pj.Error:
        return
    engine.poll(seconds * 0.5)


def fuzz(engine: Engine, seconds: float, rng: random.Random) -> None:
    """Register, call, ask and hang up without a pause until the time is over."""
    until, number = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        number += 1
        if len(engine.calls) < 3:
            engine.place(f"m0-{number}")
        what = rng.random()
        try:
            if what < 0.1:
                engine.account.setRegistration(rng.random() < 0.8)
            elif what < 0.2:
                asked = pj.SendRequestParam()
                asked.method = rng.choice(("OPTIONS", "MESSAGE", "PUBLISH"))
                asked.targetUri = f"sip:ask{number}@{engine.peer}"
                engine.account.sendRequest(asked)
        except pj.Error:
            pass
        engine.poll(0.03)
        engine.hang_up(HELD_S)


def rtp_wall(engine: Engine, seconds: float, _: random.Random) -> None:
    """Place calls with real RTP sockets as fast as they go."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if len(engine.calls) < 4:
            engine.place("rtp")
        engine.poll(0.001)
        for one in engine.calls:
            if one.up and not one.over:
                one.hangup(pj.CallOpParam(True))


def _options(**wanted: int) -> Callable[[Engine], None]:
    def act(engine: Engine) -> None:
        parameters = pj.CallOpParam(True)
        for name, value in wanted.items():
            setattr(parameters.opt, name, value)
        Call(engine.account).makeCall(f"sip:x@{engine.peer}", parameters)

    return act


def _ninth_account(engine: Engine) -> None:
    accounts = []
    for number in range(9):
        accounts.append(pj.Account())
        accounts[-1].create(engine.account_config(f"user{number}"))


def _buddy_257(engine: Engine) -> None:
    buddies = []
    for number in range(257):
        config = pj.BuddyConfig()
        config.uri = f"sip:b{number}@{engine.peer}"
        buddies.append(pj.Buddy())
        buddies[-1].create(engine.account, config)


def _ipv6(engine: Engine) -> None:
    config = engine.account_config("six")
    config.mediaConfig.ipv6Use = pj.PJSUA_IPV6_ENABLED
    account = pj.Account()
    account.create(config)


def _update(engine: Engine) -> None:
    engine.place("update")
    engine.poll(0.5)
    asked = pj.CallSendRequestParam()
    asked.method = "UPDATE"
    engine.calls[0].sendRequest(asked)


def _second_endpoint(engine: Engine) -> None:
    _ = engine
    pj.Endpoint()


def _after_destroy(engine: Engine) -> None:
    engine.place("later")
    engine.endpoint.libDestroy(pj.PJSUA_DESTROY_NO_RX_MSG)
    engine.calls[0].getInfo()


def _exit_without_destroy(engine: Engine) -> None:
    engine.place("left")
    sys.exit(0)


def _fork(engine: Engine) -> None:
    engine.poll(0.1)
    child = os.fork()
    if child == 0:
        engine.endpoint.libDestroy(pj.PJSUA_DESTROY_NO_RX_MSG)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        os.kill(os.getpid(), os.WTERMSIG(status))


def _unregistered_thread(engine: Engine) -> None:
    thread = threading.Thread(target=engine.place, args=("thread",), daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.05)


REMAINS: dict[str, Callable[[Engine], None]] = {
    "second-endpoint": _second_endpoint,
    "after-destroy": _after_destroy,
    "exit-without-destroy": _exit_without_destroy,
    "fork": _fork,
    "unregistered-thread": _unregistered_thread,
}
"""What no program may do with either engine."""

API: dict[str, Callable[[Engine], None]] = {
    "audio-count-0": _options(audioCount=0),
    "video-count-1": _options(videoCount=1),
    "ninth-account": _ninth_account,
    "buddy-257": _buddy_257,
    "ipv6-use": _ipv6,
    "update-as-request": _update,
}
"""What only our own program could do wrong."""


def main() -> None:
    """Do what the command line names."""
    what, port, seed, seconds = sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4])
    engine = Engine(port, registrar=what in {"register", "fuzz"}, rtp=what == "rtp_wall")
    said: dict[str, Any] = {}
    if what.startswith("api:"):
        try:
            API[what[4:]](engine)
        except pj.Error as error:
            said["refused"] = error.reason
        engine.poll(seconds)
    elif what.startswith("remains:"):
        REMAINS[what[8:]](engine)
    else:
        DOES[what](engine, seconds, random.Random(seed))
    said |= {"messages": engine.log.messages, "asserts": engine.log.asserts}
    engine.calls.clear()
    engine.endpoint.libDestroy(pj.PJSUA_DESTROY_NO_RX_MSG)
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()
    os._exit(0)


DOES: dict[str, Callable[[Engine, float, random.Random], None]] = {
    "call": call,
    "register": register,
    "fuzz": fuzz,
    "rtp_wall": rtp_wall,
}

if __name__ == "__main__":
    main()
