# ruff: noqa: INP001, S311, S603, S607, T201 - a script that prints, and runs espeak-ng
"""How often what is heard is what was played: a confusion matrix over codecs and loss of packets.

    python benchmarks/hearing.py            every codec, 0 to 5 % loss, some two minutes
    python benchmarks/hearing.py --seeds 1  a short look

Each sound is encoded by the codec as a call plays it, packets are left out at random, and what is
left is decoded, listened to and held against each expectation (`heard: …`), as in a run. A cell
counts how often the expectation of its column was met by the sound of its row.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pjsua2 as pj
from scipy.io import wavfile
from scipy.signal import resample_poly

from probe.agent.listener import Listener
from probe.agent.pjsua import library
from probe.agent.pjsua.codecs import Codecs
from probe.plan.action import Hear
from probe.playing.player import Player, Tracks
from probe.rtp.sound import Kind, Packet
from probe.scenario.sound_expectation import HeardExpectation, SoundExpectation
from probe.trace.media import Agreed, MediaReport
from probe.verdict.heard import Side, check_sound

CODECS = {"PCMU": 0, "PCMA": 8, "G722": 9, "GSM": 3}
LOSS = (0, 1, 2, 3, 4, 5)
SECONDS = 8.0
RATE = 16000
SENTENCES = {
    "en": "Thank you for calling. Your call is important to us, please hold the line.",
    "en+f3": "The person you are calling is not available. Please leave a message.",
    "de": "Bitte haben Sie einen Augenblick Geduld, der Teilnehmer wird gerufen.",
}
EXPECTED = ("tone 1004Hz", "silence", "speech", "ringback", "busy", "congestion", "sit", "noise")


def tone(*hz: float, seconds: float, level: float = 0.25) -> np.ndarray:
    """Return frequencies at once."""
    times = np.arange(round(seconds * RATE)) / RATE
    return sum((level / len(hz) * np.sin(2 * np.pi * one * times) for one in hz), 0 * times)


def cadence(hz: tuple[float, ...], *times: float) -> np.ndarray:
    """Return tones and pauses for the length of a call."""
    round_ = [
        tone(*hz, seconds=s) if not place % 2 else np.zeros(round(s * RATE))
        for place, s in enumerate(times)
    ]
    return np.tile(np.concatenate(round_), 1 + round(SECONDS / sum(times)))


def spoken(text: str, voice: str) -> np.ndarray:
    """Return a text as espeak-ng speaks it."""
    made = subprocess.run(
        ["espeak-ng", "-v", voice, "--stdout", text], capture_output=True, check=True
    ).stdout
    data = made[made.index(b"data") + 8 :]
    own = int.from_bytes(made[24:28], "little")
    samples = np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2") / 32768
    return resample_poly(samples, RATE, own) * 0.7


def sounds(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (row, what `play:` says, expectation that it meets)."""
    yield "tone 1004 Hz", "tone 1004Hz", "tone 1004Hz"
    yield "tone 1020 Hz", "tone 1020Hz", ""
    yield "tone 440 Hz", "tone 440Hz", ""
    yield "silence", "silence", "silence"
    made: dict[str, tuple[np.ndarray, str]] = {
        "ringback DE": (cadence((425,), 1, 4), "ringback"),
        "ringback US": (cadence((440, 480), 2, 4), "ringback"),
        "ringback GB": (cadence((400, 450), 0.4, 0.2, 0.4, 2), "ringback"),
        "busy DE": (cadence((425,), 0.48, 0.48), "busy"),
        "busy US": (cadence((480, 620), 0.5, 0.5), "busy"),
        "congestion US": (cadence((480, 620), 0.25, 0.25), "congestion"),
        "SIT": (
            np.concatenate([tone(hz, seconds=0.33) for hz in (950, 1400, 1800)] + [np.zeros(RATE)]),
            "sit",
        ),
        "white noise": (np.random.default_rng(3).normal(0, 0.05, 8 * RATE), "noise"),
        **{f"speech {v}": (spoken(t, v), "speech") for v, t in SENTENCES.items()},
    }
    for name, (samples, meets) in made.items():
        path = folder / f"{name.replace(' ', '-')}.wav"
        wavfile.write(path, RATE, np.round(samples * 32767).astype(np.int16))
        yield name, str(path), meets


def heard(play: str, codec: str, loss: float, seed: int, engine: Codecs) -> MediaReport:
    """Return what is heard of a sound after a codec and the loss of packets."""
    tracks = _TRACKS.setdefault("", Tracks(engine.coder))
    player = Player(play, tracks)
    player.prepare(codec)
    agreed = Agreed(
        at=0.0, local="", remote="", direction="sendrecv", codec=codec,
        payload_type=CODECS[codec], clock_rate=8000, ptime_s=0.02,
    )  # fmt: skip
    notes: list[str] = []
    listener = Listener(Hear(sound=True, wanted=True), engine.coder, player, note=notes.append)
    chance = random.Random(seed)
    for number in range(round(SECONDS / 0.02)):
        frame = player.reel.frame(agreed)
        if frame is None or chance.random() < loss / 100:
            continue
        listener.packet(
            Packet(
                1.0 + number * 0.02 + chance.random() * 0.005, Kind.AUDIO, CODECS[codec], codec,
                8000, number, number * 160, marker=False, ssrc=1, payload=frame.payload,
            )
        )  # fmt: skip
    report = listener.finish(EMPTY)
    if notes:
        raise SystemExit(f"hearing: {notes[0]}")
    return report


EMPTY = MediaReport(
    call_id="1", codec=None, rx_packets=1, rx_lost=0, rx_reordered=0, rx_duplicates=0,
    rx_jitter_s=0.0, tx_packets=0, tx_lost=None, rtt_s=None,
)  # fmt: skip
_TRACKS: dict[str, Tracks] = {}


def met(expected: str, report: MediaReport) -> bool:
    """Say whether `heard: expected` holds."""
    wanted = SoundExpectation(heard=HeardExpectation(what=expected))
    return not check_sound(wanted, Side(reports=(report,), since=1.0))


def engine() -> tuple[pj.Endpoint, Codecs]:
    """Return the engine without any transport."""
    loaded = library.load()
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0
    config.logConfig.level = config.logConfig.consoleLevel = 0
    endpoint.libInit(config)
    return endpoint, Codecs(loaded, endpoint)


def main() -> int:
    """Print the matrix; 1 where an expectation was judged wrongly at up to 3 % loss."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", type=int, default=3, help="random losses a cell")
    parser.add_argument("--codecs", default=",".join(CODECS), help="such as PCMU,GSM")
    parser.add_argument("--loss", default=",".join(map(str, LOSS)), help="percentages")
    arguments = parser.parse_args()
    endpoint, codecs = engine()
    del endpoint
    wrong: dict[int, int] = {}
    judged: dict[int, int] = {}
    table: dict[str, dict[str, int]] = {}
    tries: dict[str, int] = {}
    losses = [int(one) for one in arguments.loss.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        for name, play, meets in sounds(Path(folder)):
            row = table.setdefault(name, dict.fromkeys(EXPECTED, 0))
            for codec in arguments.codecs.split(","):
                for loss in losses:
                    for seed in range(arguments.seeds if loss else 1):
                        report = heard(play, codec, loss, seed, codecs)
                        tries[name] = tries.get(name, 0) + 1
                        for expected in EXPECTED:
                            held = met(expected, report)
                            row[expected] += held
                            judged[loss] = judged.get(loss, 0) + 1
                            if held is not (expected == meets):
                                wrong[loss] = wrong.get(loss, 0) + 1
                                words = [(o.what, round(o.length_s, 2)) for o in report.heard]
                                print(
                                    f"wrong: {name} {codec} {loss} % seed {seed}: "
                                    f"{expected}: {held} {words}"[:300],
                                    file=sys.stderr,
                                )
    print("| played \\ expected | " + " | ".join(EXPECTED) + " | of |")
    print("| --- |" + " --- |" * (len(EXPECTED) + 1))
    for name, row in table.items():
        cells = " | ".join(str(count or "·") for count in row.values())
        print(f"| {name} | {cells} | {tries[name]} |")
    print()
    print("| loss | judged | wrong |\n| --- | --- | --- |")
    for loss in losses:
        print(f"| {loss} % | {judged[loss]} | {wrong.get(loss, 0)} |")
    return int(any(count for loss, count in wrong.items() if loss <= 3))


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # the engine's only clean way out
