"""The fault lab: a root cause is made by real peers, and `sipprobe run` has to find it.

A `Fault` makes a `Scene`: peers that are up, a trunk profile, a scenario. `judge` runs the real
command on it and compares what it says with the truth. Whatever may vary is drawn from the seed;
nothing that reaches the command (names, ports, header fields, logs) tells which fault it is.
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml
from processes import program, running

CATALOGUE = {
    cause["id"]: cause
    for cause in yaml.safe_load(
        Path(__file__).parents[2].joinpath("probe/reference/data/causes.yaml").read_text()
    )
}
"""The product's catalogue of root causes, by id."""

FAMILIES = {
    "A": "DNS",
    "B": "transport",
    "C": "TLS",
    "D": "registration and login",
    "E": "call set-up",
    "F": "inside the call",
    "G": "media",
    "S": "ourselves",
    "U": "outside the catalogue",
}
"""What the letters of the families stand for."""

WITHIN_S = 180.0
"""Seconds that one command may take; the longest takes 70 on an idle machine."""

NUMBERS = ("+1202555{:04d}", "+1617555{:04d}", "+44770090{:04d}", "+493023125{:03d}")
"""Numbers that regulators keep for films and examples: nobody's."""

_NAMES = ("trunk", "carrier", "voice", "line-a", "office", "pbx", "outbound", "uplink", "siptrunk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A run of the command before the one that is judged."""

    steps: list[dict[str, Any]]
    "Steps of its scenario, on the same profile."

    then: Callable[[], object] = lambda: None
    "What happens afterwards, such as a peer that changes its mind."

    arguments: tuple[str, ...] = ()
    "Further flags of `sipprobe run`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the command meets."""

    profile: dict[str, Any]
    "The trunk profile."

    steps: list[dict[str, Any]]
    "Steps of the scenario."

    files: Mapping[str, str] = field(default_factory=dict)
    "Further files of the user's folder: name and text."

    before: tuple[Earlier, ...] = ()
    "Runs on the same folder and profile before the one that is judged."

    arguments: tuple[str, ...] = ()
    "Further flags of `sipprobe run`."

    prefix: tuple[str, ...] = ()
    "What stands before the command, such as `ip netns exec NAME`."

    environment: Mapping[str, str] = field(default_factory=dict)
    "Added to the environment of the command."

    judged: str | None = None
    "Text in the `attempt` of the finding that is judged; None: the first that was not met."

    outcome: str = "NOT_MET"
    "The verdict that is right."

    top: Mapping[str, Any] = field(default_factory=dict)
    "Further keys at the top of the scenario."


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault that the lab can make."""

    cause: str | None
    "Its id in the catalogue; None: it is outside the catalogue, and the right answer `undecided`."

    name: str
    "What it is, in a few words; unique."

    how: str
    "By what it is made, as the page of the lab tells it."

    make: Callable[["Lab"], Scene]
    "Starts the peers and says what the command is to do."

    family: str
    "Letter of its family, as in `FAMILIES`."

    needs: tuple[str, ...] = ()
    "Programs without which it cannot be made."

    waits: bool = False
    "Whether a run mostly waits, for more than ten seconds."

    @property
    def identity(self) -> str:
        """Its name in tests and results."""
        return f"{self.cause or 'none'}-{self.name.replace(' ', '-')}"

    @property
    def identifiability(self) -> str:
        """The class of its cause: I, C, N, or `-` outside the catalogue."""
        return str(CATALOGUE[self.cause]["class"]) if self.cause else "-"


class Lab:
    """What a fault is made with: things that vary by the seed, and a stack of things to end."""

    def __init__(self, folder: Path, seed: str, stack: ExitStack) -> None:
        self.rng = random.Random(seed)
        "Everything that may vary is drawn from here."
        self.folder = folder
        "A fresh folder for peers; the command does not see it."
        self.stack = stack
        "Ends what was started, when the case is over."
        self.addresses: list[str] = []
        "Loopback addresses that were given out."

    def address(self) -> str:
        """Return a fresh loopback address, 127.a.b.c."""
        while True:
            parts = (
                self.rng.randrange(1, 255),
                self.rng.randrange(256),
                self.rng.randrange(1, 255),
            )
            address = "127.{}.{}.{}".format(*parts)
            if _is_unused(address):
                self.addresses.append(address)
                return address

    def port(self) -> int:
        """Return a port that a SIP server would use; any is free on a fresh address."""
        return self.rng.choice((5060, 5060, 5062, 5065, 5070, 5080, self.rng.randrange(5100, 5999)))

    def number(self) -> str:
        """Return a number in +E.164 form that belongs to nobody."""
        form = self.rng.choice(NUMBERS)
        # 555-01xx is what the North American plan keeps for fiction.
        return form.format(self.rng.randrange(100, 200))

    def user(self) -> str:
        """Return an account name."""
        return self.rng.choice(
            (
                str(self.rng.randrange(1000, 99999)),
                self.rng.choice(("alice", "frontdesk", "reception", "office", "desk"))
                + str(self.rng.randrange(100)),
                f"1202555{self.rng.randrange(100, 200):04d}",
            )
        )

    def password(self) -> str:
        """Return a password."""
        letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
        return "".join(self.rng.choices(letters, k=self.rng.randrange(10, 17)))

    def realm(self) -> str:
        """Return a realm that a server may ask with."""
        return self.rng.choice(
            ("sip.example.net", "voip.example.com", "pbx.example.org", "trunk.example.net")
        )

    def phrase(self, *options: str) -> str:
        """Return one of the wordings."""
        return self.rng.choice(options)

    def place(self, name: str) -> Path:
        """Return a new folder for a peer."""
        count = len(list(self.folder.iterdir()))
        folder = self.folder / f"{count}-{name}"
        folder.mkdir()
        return folder

    def profile(self, host: str, port: int, *, user: str = "", **keys: Any) -> dict[str, Any]:  # noqa: ANN401
        """Return a trunk profile for a far end, bound to loopback."""
        transport = keys.pop("transport", "udp")
        user = user or self.user()
        uri = f"sip:{user}@{host}:{port}" + (
            f";transport={transport}" if transport != "udp" else ""
        )
        return {"uri": uri, "local_address": "127.0.0.1", "user_agent": "sipprobe", **keys}


def _is_unused(address: str) -> bool:
    """Say whether nobody listens on the SIP port of an address (others may run a lab, too)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as candidate:
        try:
            candidate.bind((address, 5060))
        except OSError:
            return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What came of one fault with one seed."""

    fault: str
    "Its name in tests and results."

    cause: str | None
    "The truth: a catalogue id, or None."

    family: str
    "Letter of its family."

    identifiability: str
    "I, C, N or `-`."

    seed: int
    "What it was drawn from."

    outcome: str
    "MET, NOT_MET or INCONCLUSIVE; empty where there was no finding."

    right_outcome: str
    "The verdict that is right."

    certainty: str
    "certain, likely or undecided; empty where nothing was explained."

    candidates: tuple[tuple[str, str], ...]
    "Catalogue ids that were named, each with its likelihood, first the likeliest."

    controls: tuple[str, ...]
    "Controls that ran, as the report names them, each once however many places it asked."

    control_s: float
    "What they took, in seconds, as the report says."

    wall_s: float
    "Seconds that the judged command took."

    summary: str
    "What the explanation says first."

    responses: tuple[int, ...]
    "Codes that arrived."

    report: str
    "Path of report.json."

    capture: str
    "Path of the capture."

    problem: str = ""
    "Why there is no result, where there is none."

    def json(self) -> str:
        """Return it as one line."""
        return json.dumps(asdict(self), ensure_ascii=False)


def judge(
    fault: Fault,
    seed: int,
    folder: Path,
    *,
    arguments: tuple[str, ...] = (),
    on_the_wire: bool = False,
) -> Case:
    """Make a fault, run the command on it, and return what it said.

    With ``on_the_wire`` dumpcap writes what passed on the fault's addresses to ``wire.pcap``: where
    the fault uses loopback addresses of its own, and the machine allows it.
    """
    user = folder / "user"
    peers = folder / "peers"
    for each in (user, peers):
        each.mkdir(parents=True)
    with ExitStack() as stack:
        lab = Lab(peers, f"{fault.identity}/{seed}", stack)
        scene = fault.make(lab)
        name = lab.rng.choice(_NAMES)
        _write(user, scene, name)
        if on_the_wire and lab.addresses and not scene.prefix:
            stack.enter_context(_captured(folder, lab.addresses))
        for number, earlier in enumerate(scene.before):
            file = _scenario(user, f"earlier-{number}", name, earlier.steps, {})
            _sipprobe(user, scene, file, f"earlier-{number}.json", earlier.arguments)
            earlier.then()
        file = _scenario(user, "check", name, scene.steps, scene.top)
        started = time.monotonic()
        finished = _sipprobe(user, scene, file, "report.json", (*scene.arguments, *arguments))
        wall = time.monotonic() - started
    return _read(fault, seed, scene, user, finished, wall)


@contextmanager
def _captured(folder: Path, addresses: list[str]) -> Iterator[None]:
    """Capture what passes on addresses while the block runs."""
    file = folder / "wire.pcap"
    wanted = " or ".join(f"host {address}" for address in addresses)
    command = [program("dumpcap"), "-q", "-P", "-i", "lo", "-f", wanted, "-w", str(file)]
    log = folder / "dumpcap.log"
    with running(command, log, stop_signal=signal.SIGINT) as process:
        process.wait_until(lambda: file.exists() and file.stat().st_size > 0, "dumpcap")
        yield


def _write(user: Path, scene: Scene, name: str) -> None:
    settings = {"trunks": {name: scene.profile}}
    (user / "sipprobe.yaml").write_text(json.dumps(settings, indent=1, ensure_ascii=False))
    for file, text in scene.files.items():
        (user / file).parent.mkdir(parents=True, exist_ok=True)
        (user / file).write_text(text)


def _scenario(
    user: Path, file: str, trunk: str, steps: list[dict[str, Any]], top: Mapping[str, Any]
) -> str:
    """Write a scenario and return its path."""
    (user / "scenarios").mkdir(exist_ok=True)
    lines = [_line(key, value) for key, value in {"trunk": trunk, **top}.items()]
    lines.append("steps:")
    for step in steps:
        written = [_line(key, value) for key, value in step.items()]
        lines += [f"  - {written[0]}", *(f"    {line}" for line in written[1:])]
    path = Path("scenarios", f"{file}.sip.yaml")
    (user / path).write_text("\n".join(lines) + "\n")
    return str(path)


def _line(key: str, value: Any) -> str:  # noqa: ANN401
    """Return a key with its value, in the JSON that is YAML; nothing behind it for None."""
    return f"{key}:" if value is None else f"{key}: {json.dumps(value, ensure_ascii=False)}"


def _sipprobe(
    user: Path, scene: Scene, file: str, report: str, arguments: tuple[str, ...]
) -> subprocess.CompletedProcess[str]:
    command = [*scene.prefix, sys.executable, "-m", "probe.cli", "run", file]
    command += ["--results", "results", "--report", f"json={report}", "--color", "never"]
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("SIPPROBE_", "COV_"))}
    home = {"HOME": str(user), "XDG_CONFIG_HOME": str(user), "XDG_STATE_HOME": str(user / "state")}
    try:
        return subprocess.run(
            [*command, *arguments],
            cwd=user,
            env={**clean, **home, "CI": "true", **scene.environment},
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        return subprocess.CompletedProcess(command, -1, "", f"not over after {late.timeout} s")


def _read(  # noqa: PLR0913, PLR0917 - what a case is made of
    fault: Fault,
    seed: int,
    scene: Scene,
    user: Path,
    finished: subprocess.CompletedProcess[str],
    wall: float,
) -> Case:
    (user / "stdout.txt").write_text(finished.stdout)
    (user / "stderr.txt").write_text(finished.stderr)
    path = user / "report.json"
    findings = json.loads(path.read_text())["findings"] if path.exists() else []
    captures = sorted(user.glob("results/*/call.pcap"), key=lambda p: p.stat().st_mtime_ns)
    found = _judged(findings, scene.judged)
    explanation = (found or {}).get("explanation") or {}
    controls = (found or {}).get("controls") or []
    problem = ""
    if found is None:
        problem = f"status {finished.returncode}: {(finished.stderr or finished.stdout)[-600:]}"
    return Case(
        fault=fault.identity,
        cause=fault.cause,
        family=fault.family,
        identifiability=fault.identifiability,
        seed=seed,
        outcome=(found or {}).get("outcome", ""),
        right_outcome=scene.outcome,
        certainty=explanation.get("certainty", ""),
        candidates=tuple((c["id"], c["likelihood"]) for c in explanation.get("causes", ())),
        controls=tuple(
            dict.fromkeys(str(c["control"]) for c in controls if c["result"] != "not-run")
        ),
        control_s=sum(float(c.get("took_s") or 0) for c in controls),
        wall_s=round(wall, 2),
        summary=explanation.get("summary", ""),
        responses=tuple((found or {}).get("responses", ())),
        report=str(path) if path.exists() else "",
        capture=str(captures[-1]) if captures else "",
        problem=problem,
    )


def _judged(findings: list[dict[str, Any]], wanted: str | None) -> dict[str, Any] | None:
    if wanted is not None:
        findings = [f for f in findings if wanted in f["attempt"]]
    for finding in findings:
        if finding["outcome"] != "MET":
            return finding
    return findings[0] if findings else None
