"""Coverage-guided fuzzing of everything of ours that reads what a peer sent.

    python tests/hostile/fuzz_parsers.py --seconds 60

With atheris (`pip install atheris`, Python 3.11 and 3.12) libFuzzer guides it; without, a loop that
keeps each input which reaches a new line. A crasher is written to the folder given with --crashes
and belongs into tests/hostile/test_parsers.py.
"""

import argparse
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

HERE = Path(__file__).resolve().parent
PROBE = str(HERE.parents[1] / "probe")
SLOW_S = 1.0
"""An input of 4,000 bytes that takes longer is a finding; a common one takes some milliseconds."""


def seeds() -> list[bytes]:
    """Return valid answers, the messages of the RFCs, and traces of several of them."""
    from answers import CHALLENGE, answer, description, in_dialog  # noqa: PLC0415 - after atheris
    from reading import BETWEEN, INVITE  # noqa: PLC0415
    from torture import cases  # noqa: PLC0415

    from probe.sip.message import parse_message  # noqa: PLC0415

    invite = parse_message(INVITE)
    sdp = description(4000)
    contact = "sip:x@127.0.0.1:5060"
    found = [answer(invite, status, contact) for status in (100, 180, 302, 404, 486, 503, 603)]
    found += [answer(invite, status, contact, sdp) for status in (183, 200)]
    found.append(answer(invite, 401, extra=(("WWW-Authenticate", CHALLENGE),)))
    found += [
        in_dialog(invite, method, "127.0.0.1:5060", 3) for method in ("BYE", "INFO", "NOTIFY")
    ]
    keys = b"WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20"
    crypto = b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + keys + b"\r\n"
    found.append(answer(invite, 200, contact, sdp + crypto))
    found += [
        BETWEEN.join((found[1], found[8])),
        BETWEEN.join((found[9], b"fx", b"dbytes", b"nnote")),
    ]
    return found + [case.data for case in cases()]


def with_atheris(atheris: Any, options: argparse.Namespace) -> int:  # noqa: ANN401 - an optional module
    """Let libFuzzer drive."""
    with atheris.instrument_imports(include=["probe"]):
        import reading  # noqa: PLC0415 - instrumented
    corpus = Path(tempfile.mkdtemp(prefix="sipprobe-corpus-"))
    for number, data in enumerate(seeds()):
        (corpus / f"{number}").write_bytes(data)
    arguments = [sys.argv[0], str(corpus), f"-max_total_time={options.seconds}", "-max_len=4000"]
    arguments += [f"-seed={options.seed}", "-timeout=10", f"-artifact_prefix={options.crashes}/"]
    atheris.Setup(arguments, reading.everything)
    atheris.Fuzz()
    return 0


def with_our_loop(options: argparse.Namespace) -> int:
    """Mutate what reached new lines; print how far it came and what broke."""
    from mutations import Mutator  # noqa: PLC0415 - beside atheris' way
    from reading import everything  # noqa: PLC0415

    rng = random.Random(options.seed)
    mutator = Mutator(rng)
    corpus = seeds()
    reached: set[tuple[str, int]] = set()
    limit = time.monotonic() + options.seconds
    runs = broken = 0
    slowest = 0.0

    def line(frame: FrameType, event: str, _argument: object) -> Any:  # noqa: ANN401 - sys.settrace's
        if event == "line":
            fresh.add((frame.f_code.co_filename, frame.f_lineno))
        return line if frame.f_code.co_filename.startswith(PROBE) else None

    while time.monotonic() < limit:
        data = corpus[runs] if runs < len(corpus) else rng.choice(corpus)
        if runs >= len(corpus):
            data = mutator.mutate(data, keep_framing=0.5)[:4000]
        runs += 1
        fresh: set[tuple[str, int]] = set()
        began = time.process_time()
        # Every fourth run is watched: watching costs ten times as much.
        watched = runs <= len(corpus) or rng.random() < 0.25
        try:
            sys.settrace(line if watched else None)
            everything(data)
        except Exception:  # noqa: BLE001 - whatever it is, it is the find
            sys.settrace(None)
            broken += 1
            Path(options.crashes, f"crash-{broken}").write_bytes(data)
            traceback.print_exc()
            if broken >= 20:
                break
        finally:
            sys.settrace(None)
        took = 0.0 if watched else time.process_time() - began
        slowest = max(slowest, took)
        if took > SLOW_S:
            broken += 1
            Path(options.crashes, f"slow-{broken}").write_bytes(data)
        if watched and fresh - reached:
            reached |= fresh
            if runs > len(corpus):
                corpus.append(data)
    figures = f"{runs} inputs, {len(reached)} lines, corpus {len(corpus)}, broken {broken}"
    print(f"{figures}, slowest {slowest:.3f} s")  # noqa: T201
    return 1 if broken else 0


def main() -> int:
    """Fuzz for as long as the command line says."""
    wanted = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    wanted.add_argument("--seconds", type=int, default=60)
    wanted.add_argument("--seed", type=int, default=1)
    wanted.add_argument("--crashes", default=".", help="folder for inputs that broke something")
    wanted.add_argument("--own", action="store_true", help="the loop of ours, atheris or not")
    options = wanted.parse_args()
    sys.path[:0] = [str(HERE), str(HERE.parents[1])]
    if not options.own:
        try:
            import atheris  # noqa: PLC0415 - optional
        except ImportError:
            print("atheris is not there: our own loop", file=sys.stderr)  # noqa: T201
        else:
            return with_atheris(atheris, options)
    return with_our_loop(options)


if __name__ == "__main__":
    sys.exit(main())
