"""The E-model gives the values that ITU-T published."""

import pytest

from probe.rtp.emodel import CODECS, mos, rating


def test_the_default_connection_is_rated_as_in_g_107() -> None:
    """All defaults, no delay, G.711: R = 93.2, MOS = 4.41 (G.107 table 3)."""
    found = rating("PCMU", one_way_s=0.0, loss=0.0)
    assert found == (pytest.approx(93.2, abs=0.05), pytest.approx(4.41, abs=0.005))


@pytest.mark.parametrize(
    ("r", "wanted"),
    [(0, 1.0), (50, 2.58), (60, 3.10), (70, 3.60), (80, 4.03), (90, 4.34), (100, 4.5)],
)
def test_mos_follows_the_curve_of_annex_b(r: float, wanted: float) -> None:
    """Table B.1 of G.107: what a rating means to people."""
    assert mos(r) == pytest.approx(wanted, abs=0.01)


def test_more_loss_more_delay_and_longer_bursts_sound_worse() -> None:
    """R falls with each of them and never leaves 0 to 100."""
    by_loss = [rating("PCMA", one_way_s=0.05, loss=loss) for loss in (0, 0.01, 0.05, 0.2, 1)]
    by_delay = [rating("PCMU", one_way_s=delay, loss=0.0) for delay in (0, 0.1, 0.2, 0.4, 3)]
    by_burst = [rating("PCMU", one_way_s=0, loss=0.05, burst_ratio=ratio) for ratio in (1, 2, 4)]
    for ratings in (by_loss, by_delay, by_burst):
        found = [one[0] for one in ratings if one is not None]
        assert len(found) == len(ratings)
        assert found == sorted(found, reverse=True)
        assert all(0 <= r <= 100 for r in found)


def test_a_codec_without_published_values_has_no_rating() -> None:
    """Nothing is made up: G.722 is wideband, and GSM has no robustness factor against loss."""
    assert rating("G722", one_way_s=0, loss=0.0) is None
    assert rating("GSM", one_way_s=0, loss=0.01) is None
    assert rating("GSM", one_way_s=0, loss=0.0) == (
        pytest.approx(73.2, abs=0.1),
        pytest.approx(3.74, abs=0.02),
    )
    assert all(known.ie >= 0 for known in CODECS.values())
