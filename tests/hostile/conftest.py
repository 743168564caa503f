"""Every test here needs a namespace of its own, and a real user agent in it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import namespace
import pytest

HERE = Path(__file__).parent


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what talks to a hostile peer; what only reads bytes is an ordinary test."""
    if "in_namespace" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.peer)


@pytest.fixture(scope="session")
def in_namespace() -> Callable[..., Any]:
    """Give a function that runs a script of this folder in a namespace and reads its JSON."""
    reason = namespace.why_not()
    if reason is not None:
        pytest.skip(reason)

    def run(script: str, *arguments: str, within_s: float = 280.0) -> Any:  # noqa: ANN401 - JSON
        done = subprocess.run(
            namespace.command(str(HERE / script), *arguments, "--json"),
            capture_output=True,
            text=True,
            timeout=within_s,
            check=False,
            env=namespace.environment(),
        )
        assert done.stdout, done.stderr[-3000:]
        return json.loads(done.stdout)

    return run
