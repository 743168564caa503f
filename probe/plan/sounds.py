"""What a plan plays and listens for: files found, and what is not installed told at its line."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from probe.plan.action import Hear, Press
from probe.plan.plan import Attempt
from probe.plan.work import TRUNK_ACCOUNT, Work
from probe.playing.wav import WavError, header_of
from probe.scenario.call_steps import AnswerStep, CallStep
from probe.scenario.schema import AnyStep, TalkStep
from probe.scenario.sound_expectation import SoundExpectation
from probe.scenario.sounds import Keys
from probe.scenario.source import NOWHERE, Problem, Source
from probe.scenario.written import Written

_NEEDED = ("numpy", "scipy", "pystoi")
"""What hearing needs; found without importing it."""


def play_of(work: Work, agent: str, step: AnyStep | None) -> str | None:
    """Return what an agent plays in the call of a step: as the step says, else its profile."""
    holder: Written = work.profiles[agent]
    if isinstance(step, CallStep | AnswerStep) and step.play is not None:
        holder = step
    written: str | None = getattr(holder, "play", None)
    if written is None or not written.lower().endswith(".wav"):
        return written
    path = _beside(written, holder.source("play"))
    _check_wav(work, path, holder.source("play"))
    _check_installed(work, "a recording is to be played", holder.source("play"))
    return str(path)


def hear_of(work: Work, agent: str, step: AnyStep | None, play: str | None) -> Hear | None:
    """Return what an agent listens for in the call of a step; None for nothing."""
    found = list(_wanted(work, agent, step))
    likes: list[str] = []
    needed = False
    for sound in found:
        if sound.like is not None:
            source = sound.source("like.file")
            path = _beside(sound.like.file, source)
            _check_wav(work, path, source)
            likes.append(str(path))
        for key in ("heard", "like", "echo"):
            if getattr(sound, key) is not None:
                needed = True
                _check_installed(work, f"'{key}' is expected", sound.source(key))
        if sound.dtmf is not None and sound.dtmf.way == "inband":
            needed = True
            _check_installed(work, "keys in the sound are expected", sound.source("dtmf"))
    recorded = work.profiles[agent].record or (
        isinstance(step, CallStep | AnswerStep) and step.record
    )
    if recorded:
        where = step.source("record") if isinstance(step, Written) else NOWHERE
        _check_installed(work, "the call is to be recorded", where)
    expected = bool(found) and any(
        sound.heard or sound.like or sound.echo or sound.dtmf for sound in found
    )
    if not (expected or recorded or play is not None):
        return None
    name = f"{work.scenario.id}-{step.index if step is not None else 0}-{agent}"
    return Hear(
        sound=expected or play is not None,
        wanted=needed,
        like=tuple(dict.fromkeys(likes)),
        record=name if recorded else "",
    )


def press_of(step: AnyStep) -> tuple[str, str] | None:
    """Return the keys that a call presses once it is answered."""
    keys = step.send_dtmf if isinstance(step, CallStep) else None
    return None if keys is None else (keys.digits, keys.way or "rfc4733")


def presses(work: Work, step: TalkStep) -> tuple[Press, ...]:
    """Return the keys that agents press in a talk."""
    found: list[Press] = []
    for name, keys in step.send_dtmf.items():
        call = _call_with(work, name)
        if call is None:
            work.problems.append(_nobody(step, name, keys))
            continue
        found.append(
            Press(
                attempt=len(work.attempts),
                account=name or call.action.account,
                call=call.index,
                digits=keys.digits,
                way=keys.way or "rfc4733",
            )
        )
    return tuple(found)


def _nobody(step: TalkStep, name: str, keys: Keys) -> Problem:
    """Return the problem of keys that nobody can press."""
    who = f"'{name}' has no call before this talk" if name else "there is no call before this talk"
    return Problem(
        source=step.source("send_dtmf") if keys.source == NOWHERE else keys.source,
        message=f"{who}: nobody can press keys",
        hint="put the `call:` step before it, with the agent under `from:` or `at:`",
    )


def _call_with(work: Work, agent: str) -> Attempt | None:
    """Return the latest call in which an agent takes part; any call for nobody."""
    from probe.plan.calls import is_call, sides_of  # noqa: PLC0415 - it needs what stands here

    for attempt in reversed(work.attempts):
        if is_call(attempt) and (not agent or agent in sides_of(attempt)):
            return attempt
    return None


def _wanted(work: Work, agent: str, step: AnyStep | None) -> Iterator[SoundExpectation]:
    """Yield what the steps expect an agent to hear in the call of a step."""
    own = getattr(getattr(step, "expect", None), "media", None)
    by = getattr(step, "from_", None) or getattr(step, "agent", None) or TRUNK_ACCOUNT
    if own is not None and by == agent:
        yield own
    for later in work.scenario.steps:
        if isinstance(later, AnswerStep) and later is not step and later.agent == agent:
            media = later.expect.media if later.expect is not None else None
            if media is not None:
                yield media
        if not isinstance(later, TalkStep) or later.expect is None:
            continue
        if later.expect.media is not None:
            yield later.expect.media
        if agent in later.expect.agents:
            yield later.expect.agents[agent]


def _beside(written: str, source: Source) -> Path:
    """Return a path; relative ones from the file that names them."""
    path = Path(written).expanduser() if written.startswith("~/") else Path(written)
    return path if path.is_absolute() or not source.file else Path(source.file).parent / path


def _check_wav(work: Work, path: Path, source: Source) -> None:
    """Note what keeps a file from being played or compared."""
    try:
        header_of(path)
    except WavError as error:
        _note(
            work,
            Problem(
                source=source,
                message=f"{path}: {error}",
                hint="paths are relative to the file that names them; PCM in a WAV file",
            ),
        )


def _check_installed(work: Work, what: str, source: Source) -> None:
    """Note that something needs what is not installed."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        _note(
            work,
            Problem(
                source=source,
                message=f"{what}, and {_listed(missing)} not installed",
                hint="pip install 'sipprobe[audio]'",
            ),
        )


def _listed(names: list[str]) -> str:
    """Return `numpy is`, or `numpy and scipy are`."""
    *first, last = names
    return f"{', '.join(first)} and {last} are" if first else f"{last} is"


def _note(work: Work, problem: Problem) -> None:
    if problem not in work.problems:
        work.problems.append(problem)
