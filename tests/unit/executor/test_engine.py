"""What the installed pjsua2 can do, asked in a process of its own."""

import time
from collections.abc import Iterator

import pytest

from probe.executor import begin as begin_module
from probe.executor import engine
from probe.executor.engine import capabilities_of_engine


@pytest.fixture(autouse=True)
def _ask_anew() -> Iterator[None]:
    """Forget the answer of other tests, and leave none behind that is not true."""
    capabilities_of_engine.cache_clear()
    yield
    capabilities_of_engine.cache_clear()


@pytest.mark.pjsua2
def test_engine_says_what_it_can_do_and_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer costs a process, so it is kept."""
    found = capabilities_of_engine()
    assert found is not None
    assert found.version.startswith("2.")
    assert "PCMU" in found.codecs
    monkeypatch.setattr(engine, "WorkerProcess", None)
    assert capabilities_of_engine() is found


def test_engine_that_does_not_load_has_no_capabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation goes on without it."""
    monkeypatch.setattr(
        begin_module, "_LAUNCH", "import sys; {path!r}; raise ImportError('no pjsua2')"
    )
    assert capabilities_of_engine() is None


def test_engine_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The question has a limit, and the process does not outlive it."""
    launch = (
        "import os, sys, time; {path!r}; "
        """os.write(int(sys.argv[2]), b'{{"kind": "hello"}}\\n'); time.sleep(60)"""
    )
    monkeypatch.setattr(begin_module, "_LAUNCH", launch)
    monkeypatch.setattr(engine, "LIMIT_S", 0.3)
    before = time.monotonic()
    assert capabilities_of_engine() is None
    assert time.monotonic() - before < 5.0
