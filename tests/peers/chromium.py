"""A headless Chromium that opens one file, spoken to through a pipe: no port, no driver.

It speaks the DevTools protocol (NUL-terminated JSON on the descriptors 3 and 4 of the browser), and
keeps what the page logged, what it asked the network for, and what its security policy refused.
"""

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
"""The browser, empty where there is none."""

PATIENCE_S = 60.0
"""Longest wait for one answer, on a loaded machine."""

_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # the tests may run as root, and open only what they wrote
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # pages of a test's own server
    "--no-proxy-server",
    "--remote-debugging-pipe",
)


class BrowserError(Exception):
    """The browser did not answer, or answered with an error."""


class Page:
    """One page of the browser."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = read, write
        self._rest = b""
        self._next = 0
        self._session = ""
        self.logged: list[str] = []
        "Errors and warnings of the console, and exceptions."
        self.requested: list[str] = []
        "URLs that were asked for."

    def attach(self) -> None:
        """Take the page that is open."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: object) -> dict[str, Any]:
        """Return the result of a command of the protocol."""
        self._next += 1
        wanted = self._next
        message: dict[str, object] = {"id": wanted, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + PATIENCE_S
        while True:
            got = self._message(until)
            if got.get("id") == wanted:
                if "error" in got:
                    raise BrowserError(f"{method}: {got['error']}")
                result: dict[str, Any] = got["result"]
                return result

    def open(self, path: Path, *, fragment: str = "") -> float:
        """Open a file; return after how many seconds its script had run."""
        self.logged.clear()
        self.requested.clear()
        began = time.monotonic()
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=path.resolve().as_uri() + fragment)
        self.wait("document.documentElement?.dataset.ready === 'yes'")
        return time.monotonic() - began

    def run(self, script: str) -> Any:  # noqa: ANN401 - any JSON value
        """Return the value of an expression, awaited."""
        got = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in got:
            raise BrowserError(f"{script}: {got['exceptionDetails']}")
        return got["result"].get("value")

    def wait(self, script: str) -> None:
        """Wait until an expression is true."""
        until = time.monotonic() + PATIENCE_S
        while not self.run(script):
            if time.monotonic() > until:
                raise BrowserError(f"never true: {script}")
            time.sleep(0.02)

    def press(self, key: str, code: int) -> None:
        """Press a key."""
        text = "\r" if key == "Enter" else ""
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                **({"text": text} if text and kind == "keyDown" else {}),
            )

    def screenshot(self, path: Path, *, width: int = 1400, height: int = 0) -> None:
        """Write a picture of the page, the whole of it where no height is given."""
        self._size(width, height or 900)
        if not height:
            height = int(
                self.run("Math.ceil(document.documentElement.getBoundingClientRect().height)")
            )
            self._size(width, min(height, 6000))
        got = self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(got["data"]))

    def _size(self, width: int, height: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def _message(self, until: float) -> dict[str, Any]:
        """Return the next message; note what the page logged and asked for."""
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(0.0, until - time.monotonic()))
            piece = os.read(self._read, 1 << 20) if ready else b""
            if not piece:
                raise BrowserError("the browser does not answer")
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\0")
        got: dict[str, Any] = json.loads(line)
        self._note(got.get("method", ""), got.get("params", {}))
        return got

    def _note(self, method: str, params: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.logged.append(str(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled":
            self.logged.append(str(params["args"]))
        elif method == "Log.entryAdded":
            self.logged.append(f"{params['entry']['level']}: {params['entry']['text']}")
        elif method == "Network.requestWillBeSent":
            self.requested.append(str(params["request"]["url"])[:300])


@contextmanager
def running_chromium(folder: Path) -> Iterator[Page]:
    """Start the browser with a profile in a folder; end it, whatever happens."""
    ours_in, its_out = os.pipe()
    its_in, ours_out = os.pipe()

    def wire() -> None:
        os.dup2(os.dup(its_in), 30)
        os.dup2(os.dup(its_out), 31)
        os.dup2(30, 3)
        os.dup2(31, 4)

    process = subprocess.Popen(
        [PROGRAM, *_FLAGS, f"--user-data-dir={folder}", "about:blank"],
        preexec_fn=wire,  # noqa: PLW1509 - the browser takes its pipe at fixed descriptors
        pass_fds=(3, 4, its_in, its_out),
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(folder)},
    )
    os.close(its_in)
    os.close(its_out)
    try:
        page = Page(ours_in, ours_out)
        page.attach()
        yield page
    finally:
        with suppress(ProcessLookupError):
            os.killpg(
                process.pid, signal.SIGKILL
            )  # its own session: its children and nobody else's
        process.wait()
        os.close(ours_in)
        os.close(ours_out)
