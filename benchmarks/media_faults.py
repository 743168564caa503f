# ruff: noqa: INP001, T201 - a script, not a package; figures are what it prints
"""What a relay did to the packets of a call beside what our session measured, as a table.

    python benchmarks/media_faults.py        about half a minute

Two sessions of ours speak with packets of 20 ms, for four seconds a row, through the relay of
tests/unit/rtp/rtprelay.py, which draws its faults from a seed. The jitter of a relay is computed
from the moments at which its packets left.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "unit" / "rtp"))

from rtprelay import Weather
from twosessions import talked

SECONDS = 4.0
ROWS = (
    ("nothing", Weather()),
    ("1 % loss", Weather(loss=0.01, seed=11)),
    ("5 % loss", Weather(loss=0.05, seed=12)),
    ("10 % loss", Weather(loss=0.10, seed=13)),
    ("5 % copies", Weather(duplicates=0.05, seed=14)),
    ("5 % out of order", Weather(reordered=0.05, seed=15)),
    ("0 to 30 ms by chance", Weather(jitter_s=0.03, seed=16)),
    ("100 ms delay", Weather(delay_s=0.1, seed=17)),
)


def main() -> None:
    """Measure and print the table."""
    print(
        "| injected | packets in | dropped | copied | swapped | jitter of the relay |"
        " received | lost | copies | reordered | jitter | MOS |"
    )
    print("| --- " * 12 + "|")
    for name, weather in ROWS:
        talk = talked(weather, SECONDS, ptime_s=0.02)
        near, done = talk.near, talk.done
        cells = (
            name,
            done.came,
            done.dropped,
            done.doubled,
            done.swapped,
            f"{done.jitter() * 1000:.2f} ms",
            near.rx_packets,
            near.rx_lost,
            near.rx_duplicates,
            near.rx_reordered,
            f"{near.rx_jitter_s * 1000:.2f} ms",
            "–" if near.mos is None else f"{near.mos:.2f}",
        )
        print("| " + " | ".join(map(str, cells)) + " |")


if __name__ == "__main__":
    main()
