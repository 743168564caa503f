"""What is answered over HTTP: a WSGI application without state of its own.

Reading costs nothing; /probe places calls and /-/reload changes what runs. So whoever asks may
choose only among what the configuration names, and a web page that somebody opens cannot ask for
him: a browser says where a request comes from (Sec-Fetch-Site, Origin), and a name in ``Host`` that
is none of ours is a name that was made to lead here (DNS rebinding).
"""

import ipaddress
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from msgspec import Struct, field
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder

from probe.monitor.metrics import MonitorCollector
from probe.monitor.monitor import Monitor
from probe.monitor.page import policy, status_page
from probe.monitor.probing import Asked, BadRequestError, Probe, asked_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MOST_PROBES = 8
"""Requests of /probe that may wait together: the rest of the threads answer the others."""

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")

_TEXT = "text/plain; charset=utf-8"
_HTML = "text/html; charset=utf-8"
_COMMON = (
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
_CLOSED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_SANDBOX = "sandbox allow-scripts; frame-ancestors 'none'"
"""For the page of a run, which has a policy of its own: it acts as a page of nobody's site."""


class Response(Struct, frozen=True, kw_only=True):
    """An answer."""

    status: str = "200 OK"
    "Status line."

    kind: str = _TEXT
    "Media type."

    body: Iterable[bytes] = ()
    "The body, in pieces."

    headers: tuple[tuple[str, str], ...] = ()
    "Further header fields."

    policy: str = _CLOSED
    "Content-Security-Policy."

    @classmethod
    def text(cls, words: str, status: str = "200 OK", **more: Any) -> "Response":  # noqa: ANN401 - fields of ours
        """Return an answer in plain words."""
        return cls(status=status, body=(words.encode("utf-8", "replace"),), **more)


class App(Struct, kw_only=True):
    """Everything that is answered."""

    monitor: Monitor
    "What is told of."

    reload: Callable[[], str | None]
    "Reads the configuration again; returns what is wrong with it, or None."

    report: Callable[[str], Iterable[str] | None]
    "Returns the HTML page of a stored run, or None where there is none."

    names: frozenset[str] | None
    "Names under which we may be asked (Host); None for any."

    title: str = "sipprobe"
    "What the status page is called."

    _probes: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(MOST_PROBES)
    )

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        response = self._answer(environ)
        headers = [
            ("Content-Type", response.kind),
            ("Content-Security-Policy", response.policy),
            *_COMMON,
            *response.headers,
        ]
        start_response(response.status, headers)
        return () if environ["REQUEST_METHOD"] == "HEAD" else response.body

    def _answer(self, environ: Mapping[str, Any]) -> Response:
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/") or "/"
        if not _is_our_name(environ.get("HTTP_HOST", ""), self.names):
            return Response.text(
                "this host name is not one of ours: start sipprobe serve with --name\n",
                "421 Misdirected Request",
            )
        wanted = "POST" if path == "/-/reload" else "GET"
        free = wanted == "GET" and path != "/probe"  # HEAD would place a call to tell nothing
        if method != wanted and not (method == "HEAD" and free):
            return Response.text(
                f"{path} takes {wanted}\n", "405 Method Not Allowed", headers=(("Allow", wanted),)
            )
        if path in {"/probe", "/-/reload"} and _is_foreign_page(environ):
            return Response.text(
                "a page of another site, or a prefetch, may not ask for this\n", "403 Forbidden"
            )
        fixed = {
            "/": self._status,
            "/metrics": self._metrics,
            "/probe": self._probe,
            "/-/healthy": lambda _environ: Response.text("sipprobe is up\n"),
            "/-/ready": self._ready,
            "/-/reload": self._reload,
        }
        if path in fixed:
            return fixed[path](environ)
        if path.startswith("/runs/") and path.endswith("/report.html"):
            return self._run(path.removeprefix("/runs/").removesuffix("/report.html"))
        return Response.text("there is no such page: / shows what there is\n", "404 Not Found")

    def _status(self, _environ: Mapping[str, Any]) -> Response:
        return Response(kind=_HTML, body=(status_page(self.monitor, self.title),), policy=policy())

    def _metrics(self, environ: Mapping[str, Any]) -> Response:
        registry = CollectorRegistry(auto_describe=False)
        collector: Any = MonitorCollector(self.monitor)  # all that is wanted of it is there
        registry.register(collector)
        ProcessCollector(registry=registry)
        return _exposed(registry, environ)

    def _ready(self, _environ: Mapping[str, Any]) -> Response:
        if self.monitor.ready:
            return Response.text("sipprobe is ready\n")
        return Response.text(
            "sipprobe is not ready: it starts or is being stopped\n", "503 Service Unavailable"
        )

    def _reload(self, _environ: Mapping[str, Any]) -> Response:
        trouble = self.reload()
        if trouble is None:
            return Response.text("the configuration is in use\n")
        return Response.text(
            f"the configuration is wrong, the old one stays in use:\n{trouble}\n",
            "500 Internal Server Error",
        )

    def _run(self, run_id: str) -> Response:
        stored = self.monitor.store.numbered(run_id) if RUN_ID.fullmatch(run_id) else None
        page = None if stored is None else self.report(run_id)
        if page is None:
            return Response.text("there is no report of that run\n", "404 Not Found")
        return Response(
            kind=_HTML, body=(piece.encode("utf-8", "replace") for piece in page), policy=_SANDBOX
        )

    def _probe(self, environ: Mapping[str, Any]) -> Response:
        try:
            query = parse_qs(
                environ.get("QUERY_STRING", ""), keep_blank_values=True, max_num_fields=20
            )
            timeout = environ.get("HTTP_X_PROMETHEUS_SCRAPE_TIMEOUT_SECONDS")
            asked = asked_of(self.monitor.rules, query, timeout)
        except BadRequestError as error:
            return Response.text(f"{error}\n", error.status)
        except ValueError:
            return Response.text("the query cannot be read\n", "400 Bad Request")
        if not self.monitor.ready:
            return self._ready(environ)
        if not self._probes.acquire(blocking=False):
            words = f"{MOST_PROBES} probes are waited for already\n"
            return Response.text(words, "503 Service Unavailable", headers=(("Retry-After", "5"),))
        try:
            return self._probed(asked, environ)
        finally:
            self._probes.release()

    def _probed(self, asked: Asked, environ: Mapping[str, Any]) -> Response:
        probe = Probe.carried_out(self.monitor, asked)
        if probe.refused:
            # Nothing was tried: to say that the trunk failed would be a lie.
            return Response.text(
                f"not started: {probe.refused}\n",
                "503 Service Unavailable",
                headers=(("Retry-After", "30"),),
            )
        if asked.debug:
            return Response.text(probe.debug_text())
        return _exposed(probe.registry(), environ)


def _exposed(registry: CollectorRegistry, environ: Mapping[str, Any]) -> Response:
    """Return metrics in the format that the reader takes."""
    encode, kind = choose_encoder(environ.get("HTTP_ACCEPT", ""))
    return Response(kind=kind, body=(encode(registry),))


def _is_our_name(host: str, names: frozenset[str] | None) -> bool:
    """Whether the Host of a request is one of our names; an address always is."""
    if names is None:
        return True
    name = host.rpartition(":")[0] if re.search(r":\d*$", host) else host
    name = name.strip("[]").rstrip(".").lower()
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name in names
    return True


def _is_foreign_page(environ: Mapping[str, Any]) -> bool:
    """Whether a browser sends this for a page that is not ours, or before anybody wants it."""
    if "prefetch" in environ.get("HTTP_SEC_PURPOSE", "") + environ.get("HTTP_PURPOSE", ""):
        return True
    site = environ.get("HTTP_SEC_FETCH_SITE", "none")
    origin = environ.get("HTTP_ORIGIN")
    own = f"{environ.get('wsgi.url_scheme')}://{environ.get('HTTP_HOST', '')}"
    return site not in {"none", "same-origin"} or origin not in {None, own}
