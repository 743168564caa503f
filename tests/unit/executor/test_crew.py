"""A crew sorts what its workers say: played here by small programs that speak the same channel."""

import textwrap
import time
from collections.abc import Callable, Iterator

import pytest
from wirebuilder import Wire

from probe.agent.channel import encode
from probe.executor import begin as begin_module
from probe.executor import crew as crew_module
from probe.executor.crew import Crew, Worker
from probe.plan.action import Account, Call, Register
from probe.plan.capabilities import Capabilities
from probe.trace.failure import Failure
from probe.trace.trace import AgentNote, Event

ACCOUNT = Account(
    name="trunk",
    aor="sip:100@127.0.0.1",
    registrar="sip:127.0.0.1",
    host="127.0.0.1",
    port=None,
    transport="UDP",
    user="100",
    auth_user="100",
)
OTHER = Account(
    name="other",
    aor="sip:200@127.0.0.1",
    registrar="sip:127.0.0.1",
    host="127.0.0.1",
    port=None,
    transport="UDP",
    user="200",
    auth_user="200",
)
REGISTER = Register(attempt=0, account="trunk")

ABLE = Capabilities(
    version="2.15.1",
    max_calls=32,
    max_accounts=32,
    ipv6=False,
    tls=True,
    tls_library="",
    tls13=False,
    dtls_srtp=False,
    codecs=("PCMU",),
    max_message=4000,
    live_asserts=False,
)


def no_spare() -> None:
    """Give no worker that was started ahead of need."""


def say(kind: str, **fields: object) -> str:
    """Return a line of a player's program that gives one answer."""
    return f"os.write(answers, {encode(kind, **fields)!r})"


def done(*, registered: bool = False) -> str:
    """Return the line that ends an action."""
    return say("done", attempt=0, call_id=None, began=0.0, ended=0.0, registered=registered)


def heard(*events: Event) -> str:
    """Return the lines that pass events on."""
    return "; ".join(say("event", event=event) for event in events)


READY = say("ready", capabilities=ABLE, bound="127.0.0.1:5070")
REFUSED = say("refused", failure=Failure.LOCAL_PORT, detail="the port is taken")
REST = say("rested", registered=False)
LEAVE = say("bye", registered=False) + "; os._exit(0)"
DIE = "os._exit(70)"


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what says how workers that are hired from now on answer each command."""

    def _play(
        *, on_open: str = READY, on_run: str = DIE, on_stop: str = LEAVE, on_rest: str = REST
    ) -> None:
        program = f"""\
            import json, os, sys
            answers = int(sys.argv[2])
            for line in open(int(sys.argv[1]), "rb"):
                kind = json.loads(line)["kind"]
                if kind == "open":
                    {on_open}
                elif kind == "run":
                    {on_run}
                elif kind == "stop":
                    {on_stop}
                elif kind == "rest":
                    {on_rest}
            """
        written = textwrap.dedent(program).replace("{", "{{").replace("}", "}}")
        monkeypatch.setattr(begin_module, "_LAUNCH", f"{{path!r}}\n{written}")

    return _play


@pytest.fixture
def crew() -> Iterator[Crew]:
    """Return a crew; end its workers."""
    epoch = time.monotonic()
    made = Crew(lambda: time.monotonic() - epoch, epoch)
    yield made
    made.end()


def killed(crew: Crew, worker: Worker) -> None:
    """Let a worker carry out an action on which it dies, and note its death."""
    assert crew.carry_out(worker, REGISTER) is Failure.AGENT_CRASHED
    assert crew.bury(worker, hung=False) == "exit status 70"


def test_worker_is_hired_once(play: Callable[..., None], crew: Crew) -> None:
    """The second action of an account goes to the same process."""
    play(on_run=done())
    worker = crew.worker(ACCOUNT, no_spare)
    assert crew.carry_out(worker, REGISTER) is None
    assert crew.worker(ACCOUNT, no_spare) is worker
    assert worker.bound == "127.0.0.1:5070"
    assert crew.version == "2.15.1"
    assert crew.media("trunk", "x") == ()
    assert crew.media("nobody", "x") == ()


def test_worker_that_cannot_open_its_account_says_why(
    play: Callable[..., None], crew: Crew
) -> None:
    """Nothing is asked of it then."""
    play(on_open=REFUSED)
    assert crew.worker(ACCOUNT, no_spare).refused == (Failure.LOCAL_PORT, "the port is taken")


def test_rubbish_from_a_worker_is_noted(play: Callable[..., None], crew: Crew) -> None:
    """It goes into the trace as a warning about our own agent, and the work goes on."""
    play(on_run="os.write(answers, b'rubbish\\n'); " + done())
    worker = crew.worker(ACCOUNT, no_spare)
    assert crew.carry_out(worker, REGISTER) is None
    (note,) = worker.log.all()
    assert isinstance(note, AgentNote)
    assert note.kind == "warning"
    assert "rubbish" in note.detail


def test_invite_that_nobody_answered_is_an_alarm_told_once(
    play: Callable[..., None], crew: Crew
) -> None:
    """No CANCEL may be sent for it (RFC 3261 §9.1), so the user hears of it."""
    play(on_run=f"{heard(*Wire().send('INVITE').log.all())}; {DIE}")
    killed(crew, crew.worker(ACCOUNT, no_spare))
    crew.send_home()
    (alarm,) = crew.alarms
    assert "a phone there may ring" in alarm


def test_call_that_cannot_be_ended_is_an_alarm_told_once(
    play: Callable[..., None], crew: Crew
) -> None:
    """The connection went with the worker; neither death nor farewell tells it twice."""
    up = Wire(transport="TCP").send("INVITE").receive(200).send("ACK")
    play(on_run=f"{heard(*up.log.all())}; {DIE}")
    worker = crew.worker(ACCOUNT, no_spare)
    killed(crew, worker)
    crew.send_home()
    (alarm,) = crew.alarms
    assert alarm == "trunk: the call to sip:+12025550123@198.51.100.1 may still be up"
    kinds = [event.kind for event in worker.log.all() if isinstance(event, AgentNote)]
    assert kinds == ["crash", "cleanup"]


def test_successor_registers_where_its_predecessor_was_registered(
    play: Callable[..., None], crew: Crew
) -> None:
    """It writes on in the same log and takes over what is known."""
    play(on_run=done(registered=True))
    first = crew.worker(ACCOUNT, no_spare)
    assert crew.carry_out(first, REGISTER) is None
    first.process.kill()
    first.process.close()
    second = crew.worker(ACCOUNT, no_spare)
    assert second is not first
    assert second.log is first.log
    assert second.registered
    assert second.done is not None


def test_registration_whose_successor_cannot_start_is_an_alarm(
    play: Callable[..., None], crew: Crew
) -> None:
    """It stands at the registrar and nobody can remove it."""
    play(on_run=done(registered=True))
    first = crew.worker(ACCOUNT, no_spare)
    assert crew.carry_out(first, REGISTER) is None
    first.process.kill()
    first.process.close()
    play(on_open=REFUSED)
    assert crew.worker(ACCOUNT, no_spare).refused is not None
    crew.send_home()
    (alarm,) = crew.alarms
    assert alarm == (
        "trunk: its registration at sip:127.0.0.1 was not removed; it ends by itself after 300 s"
    )


def test_dead_worker_does_not_keep_the_others_from_being_heard(
    play: Callable[..., None], crew: Crew
) -> None:
    """Each account has a process of its own, and the death of one is no end of the other."""
    play()
    killed(crew, crew.worker(ACCOUNT, no_spare))
    play(on_run=done())
    other = crew.worker(OTHER, no_spare)
    assert crew.carry_out(other, REGISTER) is None
    assert other.finished()
    crew.send_home()
    assert other.left
    assert crew.alarms == []


@pytest.mark.parametrize(("most", "rests"), [(3, True), (2, False)])
def test_worker_that_carried_many_calls_is_not_taken_along(
    play: Callable[..., None],
    crew: Crew,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    rests: bool,
) -> None:
    """The next plan gets a fresh one; registrations are no calls."""
    monkeypatch.setattr(crew_module, "CALLS_A_WORKER", most)
    play(on_run=done())
    worker = crew.worker(ACCOUNT, no_spare)
    call = Call(attempt=0, account="trunk", target="sip:1@127.0.0.1")
    for action in (REGISTER, call, call):
        assert crew.carry_out(worker, action) is None
    crew.send_home(stay=True)
    assert worker.resting is rests
    assert worker.left is not rests
    worker.process.kill()
    worker.process.close()
