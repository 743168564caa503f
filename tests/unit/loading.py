"""What a command loads, told by Python itself."""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]

ONLY_FOR_SOMEBODY = (
    *("asyncio", "email", "http", "logging", "concurrent", "multiprocessing", "unittest"),
    *("importlib.metadata", "importlib.resources", "dataclasses", "zoneinfo", "sqlite3", "ssl"),
    *("secrets", "hashlib", "random", "tempfile", "shutil", "ctypes"),
    *("socket", "xml", "difflib", "subprocess", "pjsua2", "pydantic", "sipmessage", "dns"),
    *("cryptography", "OpenSSL", "pylibsrtp", "dpkt", "jinja2", "markupsafe", "phonenumbers"),
    *("prometheus_client", "waitress", "opentelemetry", "numpy", "scipy", "distributed", "wcwidth"),
    *("probe.simulator", "probe.capture", "probe.controls", "probe.history", "probe.comparison"),
    *("probe.monitor", "probe.doctor", "probe.drafting", "probe.hearing", "probe.report.html"),
    *("probe.agent.pjsua", "probe.agent.worker", "probe.pytest_plugin", "probe.fleet"),
)
"""Packages that some outcomes need, and not the ordinary ones."""

_LINE = re.compile(r"^import time:\s+\d+ \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)


def loaded_by(
    args: Sequence[str], *, cwd: Path, status: int = 0, program: str | None = None
) -> frozenset[str]:
    """Run sipprobe, or a line of Python, and return the modules that the process loaded."""
    what = ["-m", "probe.cli", *args] if program is None else ["-c", program]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *what],
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(cwd), "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return frozenset(_LINE.findall(done.stderr))


def of(packages: Sequence[str], modules: frozenset[str]) -> list[str]:
    """Return the modules that are or lie in one of some packages."""
    roots = tuple(f"{package}." for package in packages)
    return sorted(name for name in modules if f"{name}.".startswith(roots))
