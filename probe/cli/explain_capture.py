"""Says of each dialog in a capture that any tool made why it failed, as a run would."""

import json
import textwrap
from collections.abc import Hashable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import click
from msgspec import Struct
from msgspec.structs import replace

from probe import __version__
from probe.capture.dialog import AddressError, Us
from probe.capture.file import CaptureError
from probe.capture.reading import Capture, read
from probe.capture.told import Tale, Told, tell
from probe.cli.exits import Exit
from probe.diagnosis.diagnose import diagnose
from probe.diagnosis.explanation import Certainty, Explanation
from probe.report.model import Finding, RunReport, Try
from probe.report.terminal import render_finding
from probe.report.text import plain
from probe.scenario.source import NOWHERE
from probe.trace.trace import MessageEvent
from probe.verdict.judge import judge
from probe.verdict.verdict import Outcome, Verdict

LONGEST_CALL_ID = 80
"""Characters of a Call-ID that are shown."""

_ALSO = 3  # Call-IDs that are named of those that went the same way
_TELLING = ("Reason", "Warning", "P-Registrar-Error")


class Asked(Struct, frozen=True, kw_only=True):
    """What of a capture is shown, and how."""

    us: str | None
    "Our address as written, or None."

    call_id: str | None
    "Part of the Call-ID that is wanted, or None for all."

    everything: bool
    "Whether dialogs that went well are shown."

    provider: str | None
    "Whose meanings come first."

    form: str
    "text or json."

    width: int
    "Columns."

    color: bool
    "Whether ANSI colours are written."


class _Judged(Struct, frozen=True, kw_only=True):
    """One attempt of a capture with its verdict."""

    told: Told
    "What the capture shows."

    verdict: Verdict
    "Whether it went as it should."

    @property
    def met(self) -> bool:
        """Whether it did."""
        return self.verdict.outcome is Outcome.MET


def explain_capture(path: Path, asked: Asked) -> int:
    """Print why the dialogs of a capture failed; raise click.ClickException for bad input."""
    try:
        us = Us.of(asked.us) if asked.us else None
        capture = read(path)
    except (AddressError, CaptureError) as error:
        raise click.ClickException(str(error)) from None
    tale = tell(capture, us=us, provider=asked.provider)
    judged = [_judge(told) for told in tale.told]
    _complain(capture, judged, asked)
    wanted = (
        [one for one in judged if asked.call_id in one.told.call_id] if asked.call_id else judged
    )
    shown = [one for one in wanted if not one.met or asked.everything or asked.call_id is not None]
    if asked.form == "json":
        report = _report(path, capture, tale, wanted, shown)
        from probe.report.json_report import to_json  # noqa: PLC0415 - only where it is wanted

        text = json.dumps(to_json(report), indent=2, ensure_ascii=True)
    else:
        text = "\n".join(_lines(path, capture, tale, wanted, shown, asked)).rstrip("\n")
    click.echo(text, color=asked.color)
    if capture.cut_short:
        raise click.ClickException(f"{capture.cut_short}\n  what was read until then is shown")
    return Exit.MET


def _complain(capture: Capture, judged: list[_Judged], asked: Asked) -> None:
    """Raise click.ClickException where nothing of what was asked for is in the capture."""
    if not capture.messages and not judged:
        tls = sum(connection.tls for connection in capture.connections)
        words = f"{capture.name} holds no SIP message that can be read ({capture.frames} frames)"
        if capture.cut_short:
            words = capture.cut_short
        if tls:
            carry = "connection in it carries" if tls == 1 else "connections in it carry"
            words += f"\n  {tls} {carry} TLS, whose content no capture shows"
        raise click.ClickException(f"{words}\n  capture the host and port of the SIP server")
    if not judged and asked.us:
        ends = sorted({m.source.host for m in capture.messages})
        raise click.ClickException(
            f"{asked.us} takes part in no dialog of {capture.name}\n  addresses in it: "
            + ", ".join(ends[:8])
        )
    if not judged:
        raise click.ClickException(
            f"{capture.name} holds no request that begins a dialog, only what follows one"
        )
    if asked.call_id and not any(asked.call_id in one.told.call_id for one in judged):
        raise click.ClickException(f"no Call-ID in {capture.name} holds '{plain(asked.call_id)}'")


def _judge(told: Told) -> _Judged:
    """Judge by what holds where nobody wrote an expectation: a 2xx, an ACK, a clean BYE."""
    verdict = judge(None, told.judged, NOWHERE)
    if told.open and verdict.outcome is not Outcome.MET:
        verdict = replace(verdict, outcome=Outcome.INCONCLUSIVE, mismatches=())
    return _Judged(told=told, verdict=verdict)


def _explained(one: _Judged) -> Explanation | None:
    if one.met:
        return None
    told = one.told
    if told.open:
        return Explanation(
            certainty=Certainty.UNDECIDED,
            causes=(),
            summary=f"Whether it failed cannot be said: {told.open}.",
            observed=(f"Observed: {one.verdict.observed}.",) if one.verdict.observed else (),
            inferred=(),
            evidence=(),
            unknown=("What came after the end of the capture.", *told.unknown),
            next_steps=("Capture longer: until half a minute after the last request.",),
            reference=None,
        )
    why = diagnose(told.attempt, told.trace, one.verdict)
    return replace(why, unknown=tuple(dict.fromkeys((*why.unknown, *told.unknown))))


def _finding(path: Path, one: _Judged) -> Finding:
    return Finding(
        scenario=path.name,
        title=_where(one.told),
        attempt=one.told.attempt,
        tries=(Try(trace=one.told.trace, verdict=one.verdict, explanation=_explained(one)),),
    )


def _where(told: Told) -> str:
    """Return where a story stands in the capture."""
    first, last = told.frames
    frames = f"frame {first}" if first == last else f"frames {first} to {last}"
    call_id = f"Call-ID {plain(told.call_id, LONGEST_CALL_ID)}, " if told.call_id else ""
    return f"{call_id}{told.us} to {told.them}, {frames}"


# As text ----------------------------------------------------------------------------------------


def _lines(  # noqa: PLR0913, PLR0917 - what is shown, and how
    path: Path,
    capture: Capture,
    tale: Tale,
    wanted: list[_Judged],
    shown: list[_Judged],
    asked: Asked,
) -> Iterator[str]:
    """Yield the head, then each failure; those that went the same way stand together."""
    yield _head(path, capture, wanted)
    yield from (f"note: {note}" for note in tale.notes)
    yield ""
    alike: dict[Hashable, list[_Judged]] = {}
    for place, one in enumerate(shown):
        alone = one.met or asked.call_id is not None
        alike.setdefault(place if alone else _kind(one), []).append(one)
    for same in alike.values():
        block = render_finding(_finding(path, same[0]), color=asked.color, width=asked.width)
        yield block.rstrip("\n")
        if same[0].met:
            continue
        yield from (f"  note: {note}" for note in same[0].told.notes)
        yield from _wrapped(f"  Where {_where(same[0].told)}", asked.width)
        if len(same) > 1:
            yield from _wrapped(_also(same[1:]), asked.width)
        yield ""
    met = sum(one.met for one in wanted)
    if met and not shown:
        yield "Nothing in it failed; `--all` shows what came."
    elif met and not (asked.everything or asked.call_id):
        yield f"{met} went well; `--all` shows them."


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=" " * 8, drop_whitespace=True)


def _head(path: Path, capture: Capture, judged: list[_Judged]) -> str:
    outcomes = [one.verdict.outcome for one in judged]
    parts = [
        f"{outcomes.count(outcome)} {words}"
        for outcome, words in (
            (Outcome.MET, "went well"),
            (Outcome.NOT_MET, "failed"),
            (Outcome.INCONCLUSIVE, "not seen to its end"),
        )
        if outcome in outcomes
    ]
    return (
        f"{plain(str(path), None)}: {len(capture.messages)} SIP messages in "
        f"{capture.ended - capture.began:.1f} s; {', '.join(parts)}."
    )


def _kind(one: _Judged) -> Hashable:
    """Return what failures have in common that went the same way."""
    told, trace = one.told, one.told.trace
    failed, final = trace.failure(), trace.final()
    telling: tuple[Hashable, ...] = ()
    if final is not None:
        message = trace.message(final.index)
        telling = (final.reason, *(message.all(name) for name in _TELLING))
    return (
        trace.method,
        told.attempt.direction,
        told.us.rpartition(":")[0],
        told.them,
        tuple(response.status for response in trace.responses(challenges=True)),
        None if failed is None else failed.failure,
        tuple(mismatch.message for mismatch in one.verdict.mismatches),
        bool(told.open),
        telling,
    )


def _also(more: list[_Judged]) -> str:
    """Return how often the same happened again, and under which Call-IDs."""
    last = max(_when(one.told) for one in more)
    times = "once" if len(more) == 1 else f"{len(more)} times"
    calls = [plain(one.told.call_id, LONGEST_CALL_ID) for one in more if one.told.call_id]
    named = ", ".join(dict.fromkeys(calls[:_ALSO]))
    dots = " …" if len(set(calls)) > _ALSO else ""
    return f"  Again {times} the same, last at {last:%H:%M:%S}" + (
        f": {named}{dots}" if named else ""
    )


def _when(told: Told) -> datetime:
    first = next((e for e in told.trace.events if isinstance(e, MessageEvent)), None)
    at = told.trace.started_at.timestamp() + (first.at if first else 0.0)
    return datetime.fromtimestamp(at, timezone.utc)


# As JSON ----------------------------------------------------------------------------------------


def _report(
    path: Path, capture: Capture, tale: Tale, wanted: list[_Judged], shown: list[_Judged]
) -> RunReport:
    """Return the shown findings as a report; its notes count the others."""
    met = len(wanted) - len(shown)
    return RunReport(
        run_id=path.name,
        started_at=datetime.fromtimestamp(capture.began, timezone.utc),
        duration_s=max(0.0, capture.ended - capture.began),
        vantage="",
        versions=(("sipprobe", __version__),),
        findings=tuple(_finding(path, one) for one in shown),
        notes=(*tale.notes, *((f"went well and not shown: {met}",) if met else ())),
        complete=not capture.cut_short,
    )
