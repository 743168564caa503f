"""Fixtures of the fault lab; the peers of tests/peers are at hand here, too."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "peers"))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark every test of this folder: what stands here needs real peers."""
    item.add_marker(pytest.mark.peer)
