"""What a relay did to the packets is what the receiver measures."""

import pytest
from rtprelay import Weather
from twosessions import talked


def test_a_clean_way_has_no_fault() -> None:
    """Nothing is lost, doubled or late, and a clean G.711 call is rated 4.3 or better."""
    talk = talked(Weather(), 1.0, ptime_s=0.02)
    assert talk.near.rx_packets == talk.done.came == talk.far.tx_packets
    assert (talk.near.rx_lost, talk.near.rx_duplicates, talk.near.rx_reordered) == (0, 0, 0)
    assert talk.near.mos is not None
    assert talk.near.mos >= 4.3 or talk.done.late(0.05)  # where the relay itself was kept waiting
    assert talk.near.rx_ptime_s == pytest.approx(0.02)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_loss_is_counted_to_the_packet(seed: int) -> None:
    """Five in a hundred are dropped: each of them is counted, and no other."""
    talk = talked(Weather(loss=0.05, seed=seed), 1.0)
    assert talk.done.dropped > 0
    highest = max(sequence for _, sequence, _ in talk.done.left)
    tail = talk.done.came - talk.near.rx_packets - talk.near.rx_lost
    assert highest is not None
    # Only what was dropped after the last packet that came can be missing in the count.
    assert 0 <= tail <= 3
    assert talk.near.rx_lost + tail == talk.done.dropped


def test_duplicates_and_order_are_counted_to_the_packet() -> None:
    """Copies are told from packets, and late ones from lost ones."""
    talk = talked(Weather(duplicates=0.05, reordered=0.04, seed=4), 1.2)
    assert talk.done.doubled > 0
    assert talk.done.swapped > 0
    assert talk.near.rx_duplicates == talk.done.doubled
    assert abs(talk.near.rx_reordered - talk.done.swapped) <= 1  # the last may be held at the end
    assert talk.near.rx_lost <= 1
    assert talk.near.rx_packets + talk.near.rx_lost in range(talk.done.came - 2, talk.done.came + 1)


def test_jitter_is_that_of_the_moments_at_which_packets_left() -> None:
    """Up to 20 ms of delay by chance: the mean jitter is what the relay's own times give."""
    talk = talked(Weather(jitter_s=0.02, seed=5), 1.5, ptime_s=0.02)
    assert talk.near.rx_jitter_s == pytest.approx(talk.done.jitter(), abs=0.001)
    assert talk.near.rx_jitter_s > 0.002


def test_a_delay_is_no_jitter_and_no_loss() -> None:
    """A long way is a long way and nothing else."""
    talk = talked(Weather(delay_s=0.15), 0.8, ptime_s=0.02)
    assert talk.near.rx_lost == 0
    assert talk.near.rx_discarded <= talk.done.late(0.05)  # where the relay itself was kept waiting
    assert talk.near.rx_packets == talk.done.came
