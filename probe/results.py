"""The results folder: one folder a run, readable by its owner only.

A run's folder is made before the first call, so that a place that cannot be written shows before
anything is dialled. Its files appear whole or not at all: each is written beside its name and then
renamed. What comes in is redacted already; what is written is searched for secrets once more.

While the run goes on, a journal grows by one line for each finding, and by one for each scenario
that is over where its findings have not said all of it. The report takes its place; where the run
was killed, the journal is read instead, up to its last whole line.
"""

import json
import os
import re
import weakref
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from probe.plan.plan import Attempt
from probe.plan.store import SCHEMA as ATTEMPT_SCHEMA
from probe.plan.store import StoredAttemptError, attempt_from_json
from probe.report.encoded import stored
from probe.report.json_report import SCHEMA, encoded, head, in_ascii, told_pieces, written
from probe.report.kept import KeptFindings, OneFinding, changed
from probe.report.model import Finding, RunReport
from probe.report.pcap import pcap_pieces
from probe.sip.redact import SHORTEST_SECRET, Redactor
from probe.trace.store import StoredTraceError, redact_trace, trace_as_text, trace_from_json
from probe.trace.trace import Trace

REPORT = "report.json"
TRACES = "trace.json"
CAPTURE = "call.pcap"
JOURNAL = "findings.jsonl"
TRACES_SCHEMA = "sipprobe-traces/1"
LONGEST_NAME = 60
MOST_COLLISIONS = 1000

_OUR_WORDS = frozenset(
    {
        *(
            "schema",
            "outcome",
            "failure",
            "certainty",
            "likelihood",
            "state",
            "method",
            "started_at",
        ),
        *("id", "file", "source", "path", "is", "direction", "transport"),
    }
)
"""Keys whose values are our own words or the user's paths."""


class ResultsError(Exception):
    """A run could not be stored or read; the text says which file and why."""


class _SecretFoundError(Exception):
    """What was about to be written holds a secret."""


def run_id(now: datetime, name: str) -> str:
    """Return ``<UTC>-<name>``, e.g. ``2026-11-21T01-02-03Z-trunk-check``.

    ``now`` must be aware (ValueError). Characters that some file system or shell would mind
    become ``-``.
    """
    if now.tzinfo is None:
        raise ValueError("a run's time needs a time zone")
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:LONGEST_NAME].strip("-.") or "run"
    return f"{now.astimezone(timezone.utc):%Y-%m-%dT%H-%M-%SZ}-{slug}"


class RunFolder(Struct, frozen=True, kw_only=True, dict=True, weakref=True):
    """The folder of one run, made before the run begins."""

    path: Path
    "Where it is."

    @property
    def run_id(self) -> str:
        """The name of the folder, which is the run's id."""
        return self.path.name

    @classmethod
    def prepare(cls, root: Path, wanted: str) -> "RunFolder":
        """Make the folder ``root/wanted``, with a number behind where that exists already.

        Raise ResultsError where it cannot be made.
        """
        if wanted in {"", ".", ".."} or "/" in wanted or "\0" in wanted:
            raise ResultsError(f"not a name for a run's folder: {wanted!r}")
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for number in range(1, MOST_COLLISIONS):
                path = root / (wanted if number == 1 else f"{wanted}-{number}")
                with suppress(FileExistsError):
                    path.mkdir(mode=0o700)
                    return cls(path=path)
        except OSError as error:
            raise ResultsError(f"cannot write results in {root}: {error.strerror}") from error
        raise ResultsError(f"cannot write results in {root}: {wanted} exists too often")

    def write(
        self, report: RunReport, *, secrets: Collection[str] = (), public: Collection[str] = ()
    ) -> Path:
        """Write report.json, trace.json and call.pcap; return the folder.

        Every text that holds one of ``secrets`` is redacted before it is written; values named in
        ``public`` (user names, numbers) are no secret even where a password repeats them. Raise
        ResultsError where a file cannot be written.
        """
        report = replace(report, run_id=self.run_id)
        wanted = worth_hiding(secrets, public)
        try:
            for name, content in _files(report):
                self._write(name, _without_secrets(content, wanted))
        except _SecretFoundError:
            for name, content in _files(report, Redactor(wanted)):
                self._write(name, content)
        with suppress(OSError):
            (self.path / JOURNAL).unlink(missing_ok=True)
        return self.path

    def add(
        self, part: RunReport, *, secrets: Collection[str] = (), public: Collection[str] = ()
    ) -> None:
        """Put what was just judged on disk, before the run is over.

        ``part`` is a report of that alone. Secrets are treated as by ``write``. It is one
        append, whatever was written before. Raise ResultsError where it fails; nothing half
        written stays.
        """
        part = replace(part, run_id=self.run_id, complete=False)
        wanted = _worth_hiding(frozenset(secrets), frozenset(public))
        line = _line(part)
        if _holds(line, wanted):
            line = _line(part, Redactor(wanted))
        try:
            _append(self._journal, line)
        except OSError as error:
            path = self.path / JOURNAL
            raise ResultsError(f"cannot write {path}: {error.strerror}") from error

    @cached_property
    def _journal(self) -> int:
        """The descriptor of the journal, open as long as the run; raise OSError."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        descriptor = os.open(self.path / JOURNAL, flags, 0o600)
        weakref.finalize(self, os.close, descriptor)
        return descriptor

    def discard(self) -> None:
        """Remove the folder where nothing was written to it."""
        with suppress(OSError):
            self.path.rmdir()

    def _write(self, name: str, content: Iterable[bytes]) -> None:
        """Write one file so that it is there whole or not at all."""
        target = self.path / name
        beside = self.path / f".{name}.part"
        try:
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(content)
            beside.replace(target)
        except (OSError, _SecretFoundError) as error:
            with suppress(OSError):
                beside.unlink()
            if isinstance(error, _SecretFoundError):
                raise
            raise ResultsError(f"cannot write {target}: {error.strerror}") from error


def worth_hiding(secrets: Collection[str], public: Collection[str]) -> frozenset[str]:
    """Return the secrets that are searched for: those that are long enough and nobody's name."""
    return _worth_hiding(frozenset(secrets), frozenset(public))


@lru_cache(maxsize=16)
def _worth_hiding(secrets: frozenset[str], public: frozenset[str]) -> frozenset[str]:
    return frozenset(s for s in secrets if len(s) >= SHORTEST_SECRET) - public


def store(
    report: RunReport,
    root: Path,
    *,
    secrets: Collection[str] = (),
    public: Collection[str] = (),
) -> Path:
    """Store a report in a new folder below ``root`` and return the folder; raise ResultsError."""
    return RunFolder.prepare(root, report.run_id).write(report, secrets=secrets, public=public)


def load(folder: Path) -> dict[str, Any]:
    """Return the stored report of a run (docs/json-report.md); raise ResultsError.

    Of a run that was killed, what was judged until then, with ``complete`` false.
    """
    if not _is_unfinished(folder):
        return _read(folder / REPORT, SCHEMA)
    findings: list[Any] = []
    notes: dict[str, None] = {}
    counts: Counter[str] = Counter()
    last: dict[str, Any] = {}
    try:
        for part in _journal(folder):
            last = part["report"]
            findings += last["findings"]
            notes |= dict.fromkeys(last["run"]["notes"])
            counts.update(last["run"]["counts"])
        ended = "the run did not come to its end: this is what was judged until then"
        return {
            **last,
            "run": {
                **last["run"],
                "counts": {name: counts[name] for name in last["run"]["counts"]},
                "complete": False,
                "notes": list(notes | {ended: None}),
            },
            "findings": findings,
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ResultsError(f"{folder / JOURNAL} cannot be read: {error!r}") from error


def load_report(file: Path) -> dict[str, Any]:
    """Return the report that a file of any name holds; raise ResultsError."""
    return _read(file, SCHEMA)


def load_traces(folder: Path) -> tuple[tuple[Trace, ...], ...]:
    """Return the traces of a run: one tuple a finding, one trace a try; raise ResultsError."""
    path, stored = _stored_findings(folder)
    try:
        return tuple(tuple(trace_from_json(one) for one in finding["tries"]) for finding in stored)
    except (StoredTraceError, KeyError, TypeError, AttributeError) as error:
        raise ResultsError(f"{path} cannot be read: {error}") from error


def load_attempts(folder: Path) -> tuple[Attempt | str, ...]:
    """Return what each finding of a run tried, or why that cannot be said; raise ResultsError.

    Runs of versions before this was stored have it of no finding.
    """
    path, stored = _stored_findings(folder)
    try:
        return tuple(_loaded(finding.get("attempt"), path) for finding in stored)
    except (TypeError, AttributeError) as error:
        raise ResultsError(f"{path} cannot be read: {error}") from error


def _loaded(stored: Any, path: Path) -> Attempt | str:  # noqa: ANN401 - what JSON holds
    """Return a stored attempt, or why there is none."""
    if stored is None:
        return f"{path} does not hold what was expected: an earlier version wrote it"
    try:
        _check(stored, ATTEMPT_SCHEMA, f"the attempt in {path}")
        return attempt_from_json(stored)
    except (ResultsError, StoredAttemptError) as error:
        return str(error)


def _stored_findings(folder: Path) -> tuple[Path, list[Any]]:
    """Return the file that holds the traces of a run, and its findings; raise ResultsError."""
    if _is_unfinished(folder):
        path = folder / JOURNAL
        stored = [part["traces"] for part in _journal(folder)]
    else:
        path = folder / TRACES
        stored = [_read(path, TRACES_SCHEMA)]
    try:
        return path, [finding for part in stored for finding in part["findings"]]
    except (KeyError, TypeError) as error:
        raise ResultsError(f"{path} cannot be read: {error!r}") from error


def _files(
    report: RunReport, redactor: Redactor | None = None
) -> Iterator[tuple[str, Iterable[bytes]]]:
    """Yield name and content of every file of a run, the report last.

    Content comes finding by finding: a long run has more of them than fit in memory at once.
    """
    if redactor is not None:
        report = _clean(report, redactor)
    yield TRACES, _traces_file(report, redactor)
    yield CAPTURE, _capture(report)
    clean = None if redactor is None else partial(_redacted, redactor=redactor)
    pieces = written(report, ascii_only=True, clean=clean)
    yield REPORT, (piece.encode("ascii") for piece in pieces)


def _capture(report: RunReport) -> Iterator[bytes]:
    """Yield the pieces of call.pcap: those that were gathered, or made of the traces."""
    found = report.findings
    if isinstance(found, KeptFindings) and found.capture is not None:
        return found.capture.pieces()
    return pcap_pieces(report.traces())


def _traces_file(report: RunReport, redactor: Redactor | None) -> Iterator[bytes]:
    """Yield the pieces of trace.json."""
    opening = in_ascii(encoded({"schema": TRACES_SCHEMA, "run": report.run_id}))
    yield opening[:-1] + b', "findings": ['
    gap = b""
    for piece in _stored_pieces(report):
        yield gap + in_ascii(piece if redactor is None else _without(piece, redactor))
        gap = b",\n"
    yield b'], "cleanup": ['
    gap = b""
    for trace in report.cleanup:
        yield gap + in_ascii(trace_as_text(trace))
        gap = b",\n"
    yield b"]}\n"


def _stored_pieces(report: RunReport) -> Iterator[bytes]:
    """Yield the findings as trace.json has them."""
    if isinstance(report.findings, KeptFindings | OneFinding):
        return report.findings.stored()
    return map(stored, report.findings)


def _without(piece: bytes, redactor: Redactor) -> bytes:
    """Return a finding of trace.json whose attempt holds no secret; its traces do not either."""
    finding = json.loads(piece)
    return encoded({**finding, "attempt": _redacted(finding["attempt"], redactor)})


def _without_secrets(content: Iterable[bytes], wanted: frozenset[str]) -> Iterator[bytes]:
    """Yield the pieces of a file; raise _SecretFoundError at one that holds a secret."""
    for piece in content:
        if _holds(piece, wanted):
            raise _SecretFoundError
        yield piece


def _line(report: RunReport, redactor: Redactor | None = None) -> bytes:
    """Return one line of the journal: the report and the traces of what was just judged."""
    told: Iterable[bytes]
    if redactor is None:
        opening, told = encoded(head(report)), told_pieces(report)
    else:
        report = _clean(report, redactor)
        opening = encoded(_redacted(head(report), redactor))
        told = (encoded(_redacted(json.loads(one), redactor)) for one in told_pieces(report))
    findings = in_ascii(opening[:-1] + b', "findings": [' + b", ".join(told))
    traces = b"".join(_traces_file(report, redactor)).replace(b"\n", b" ")
    return b'{"report": ' + findings + b']}, "traces": ' + traces + b"}\n"


def _clean(report: RunReport, redactor: Redactor) -> RunReport:
    """Return a report whose traces hold no secret."""
    return changed(
        report,
        finding=lambda one: _with_clean_traces(one, redactor),
        trace=lambda one: redact_trace(one, redactor),
    )


def _append(file: int, line: bytes) -> None:
    """Write a line at the end of a file, or leave the file as it was; raise OSError."""
    written = 0
    try:
        while written < len(line):
            written += os.write(file, line[written:] if written else line)
    except OSError:
        with suppress(OSError):
            os.ftruncate(file, os.fstat(file).st_size - written)
        raise


def _is_unfinished(folder: Path) -> bool:
    """Whether a folder holds a journal that no report took the place of."""
    return not (folder / REPORT).is_file() and (folder / JOURNAL).is_file()


def _journal(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a journal; the last one may have been cut off and is then left out."""
    path = folder / JOURNAL
    number = 0
    for number, line in enumerate(_whole_lines(path), 1):
        place = f"{path}, line {number},"
        part = _parsed(line, place)
        if not isinstance(part, dict) or not {"report", "traces"} <= part.keys():
            raise ResultsError(f"{place} is no part of a run")
        _check(part["report"], SCHEMA, place)
        _check(part["traces"], TRACES_SCHEMA, place)
        yield part
    if not number:
        raise ResultsError(f"{path} holds nothing: the run ended before a scenario was judged")


def _whole_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file that have an end; raise ResultsError."""
    try:
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield line
    except OSError as error:
        raise ResultsError(f"cannot read {path}: {error.strerror}") from error


def _with_clean_traces(finding: Finding, redactor: Redactor) -> Finding:
    """Return a finding with traces that hold no secret."""
    tries = tuple(replace(one, trace=redact_trace(one.trace, redactor)) for one in finding.tries)
    return replace(finding, tries=tries)


def _redacted(value: object, redactor: Redactor, key: str = "") -> object:
    """Return JSON values without secrets; keys, numbers and our own words stay."""
    if isinstance(value, Mapping):
        return {name: _redacted(held, redactor, str(name)) for name, held in value.items()}
    if isinstance(value, list):
        return [_redacted(held, redactor, key) for held in value]
    if isinstance(value, str) and key not in _OUR_WORDS:
        return redactor.text(value)
    return value


def _holds(content: bytes, secrets: frozenset[str]) -> bool:
    """Say whether any secret stands in a file, as it is or as JSON writes it."""
    return any(form in content for form in _forms(secrets))


@lru_cache(maxsize=16)
def _forms(secrets: frozenset[str]) -> frozenset[bytes]:
    """Return how secrets stand in a file: as they are, and as JSON writes them."""
    plain = {secret.encode("utf-8", "surrogateescape") for secret in secrets}
    return frozenset(plain | {json.dumps(secret)[1:-1].encode() for secret in secrets})


def _read(path: Path, schema: str) -> dict[str, Any]:
    """Read a JSON object of a schema; raise ResultsError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ResultsError(f"cannot read {path}: {error.strerror}") from error
    stored: dict[str, Any] = _check(_parsed(content, str(path)), schema, str(path))
    return stored


def _parsed(content: bytes, place: str) -> object:
    """Parse JSON; raise ResultsError."""
    try:
        parsed: object = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ResultsError(f"{place} is not JSON: {error}") from error
    return parsed


def _check(stored: object, schema: str, place: str) -> Any:  # noqa: ANN401 - what JSON holds
    """Return a JSON object that is of a schema; raise ResultsError, in words for a newer one."""
    found = stored.get("schema") if isinstance(stored, dict) else None
    if found == schema:
        return stored
    kind, _, number = schema.partition("/")
    newer = re.fullmatch(rf"{kind}/([0-9]{{1,9}})", found) if isinstance(found, str) else None
    if newer is not None and int(newer[1]) > int(number):
        raise ResultsError(
            f"{place} was written by a newer sipprobe ({found}; this one reads {schema}): update it"
        )
    raise ResultsError(f"{place} is not of schema {schema}")
