"""One seed of every fault, diagnosed by the command, and what the whole must come to."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from every import FAULTS
from lab import Case, Fault, judge
from misses import MISSES
from processes import SEARCH_PATH
from scoring import falsely, right, verdict_right

JOBS = 4
"""Cases at a time: half of their time they wait."""

JOBS_THAT_WAIT = 6
"""More of those that only wait."""

LONGEST_S = 900
"""Seconds that a test may wait for its case, all others before it included."""

SEED = 1


class Cases(dict[str, "Future[Case]"]):
    """The cases that run or ran, by the name of their fault."""

    def __init__(self, start: Callable[[Fault], "Future[Case]"]) -> None:
        super().__init__()
        self._start = start

    def start(self, fault: Fault) -> None:
        """Let a case begin as soon as a place is free, whatever came of it before."""
        self[fault.identity] = self._start(fault)


@pytest.fixture(scope="module")
def cases(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cases]:
    """Start every case that a selected test asks for, some at a time."""
    folder = tmp_path_factory.mktemp("faults")
    asked = [
        item.callspec.params["fault"] if hasattr(item, "callspec") else None
        for item in request.session.items
        if item.path == Path(__file__)
    ]
    faults = FAULTS if None in asked else tuple(f for f in FAULTS if f in asked)
    with ExitStack() as stack:
        # What waits for a minute keeps no processor from the others.
        waiting, working = (
            stack.enter_context(ThreadPoolExecutor(jobs)) for jobs in (JOBS_THAT_WAIT, JOBS)
        )
        for pool in (waiting, working):
            stack.callback(pool.shutdown, cancel_futures=True)
        numbers = count()
        cases = Cases(
            lambda fault: (waiting if fault.waits else working).submit(
                judge, fault, SEED, folder / str(next(numbers))
            )
        )
        for fault in faults:
            if not missing(fault):
                cases.start(fault)
        yield cases


def missing(fault: Fault) -> list[str]:
    """Return the programs that a fault needs and that are not here."""
    return [name for name in fault.needs if shutil.which(name, path=SEARCH_PATH) is None]


def _parameters() -> list[object]:
    found: list[object] = []
    for fault in FAULTS:
        reason = MISSES.get(fault.identity)
        marks = [pytest.mark.xfail(strict=True, reason=reason)] if reason else []
        found.append(pytest.param(fault, id=fault.identity, marks=marks))
    return found


def test_every_fault_has_a_name_of_its_own() -> None:
    """Results and known misses speak of faults by name."""
    names = [fault.identity for fault in FAULTS]
    assert len(set(names)) == len(names)
    assert set(MISSES) <= set(names)


@pytest.mark.timeout(LONGEST_S)
@pytest.mark.parametrize("fault", _parameters())
def test_fault_is_diagnosed(fault: Fault, cases: Cases, request: pytest.FixtureRequest) -> None:
    """The command says what is wrong, as surely as the class of the cause allows."""
    if missing(fault):
        pytest.skip(f"{', '.join(missing(fault))} not installed: run tests/install-peers")
    if getattr(request.node, "execution_count", 1) > 1:  # pytest-rerunfailures counts
        cases.start(fault)
    case = cases[fault.identity].result()
    assert not case.problem
    assert verdict_right(case), case
    assert right(case), case


@pytest.mark.timeout(LONGEST_S)
def test_thresholds_over_all_faults(cases: Cases) -> None:
    """Accuracy of each class, and hardly ever a certain word that is wrong."""
    known = [future.result() for name, future in cases.items() if name not in MISSES]

    def share(kind: str) -> float:
        of = [case for case in known if case.identifiability == kind]
        return sum(map(right, of)) / len(of) if of else 1.0

    every = [future.result() for future in cases.values()]
    assert share("I") >= 0.95
    assert share("C") >= 0.90
    assert share("N") >= 0.95
    assert share("-") == 1.0
    assert sum(falsely(case, "certain") for case in every) <= 0.01 * len(every)


@pytest.mark.timeout(LONGEST_S)
def test_nothing_gives_the_fault_away(cases: Cases) -> None:
    """Neither the id nor the name of a fault is in what the command was given or received."""
    for fault in FAULTS:
        if fault.identity not in cases:
            continue
        case = cases[fault.identity].result()
        user = Path(case.report).parent
        given = [*user.glob("*.yaml"), *user.glob("scenarios/*"), *user.glob("results/*/call.pcap")]
        whole = b"\n".join(path.read_bytes() for path in given).lower()
        assert fault.identity.lower().encode() not in whole
        assert fault.name.replace(" ", "-").encode() not in whole
        if fault.cause:
            assert fault.cause.lower().encode() not in whole
