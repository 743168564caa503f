"""The HTTP server: waitress on our own loop, so that it ends when we say so."""

import logging
import threading
from collections.abc import Callable
from typing import Any

from waitress import wasyncore
from waitress.server import create_server

THREADS = 12
"""Requests that are answered together; probes take some of them for as long as a call lasts."""

MOST_CONNECTIONS = 100
"""Connections that are open together."""

SILENT_S = 30
"""A connection on which nothing happens for so long is closed."""

LARGEST_HEAD = 16_384
"""Bytes of a request's head; that of a browser takes a few hundred."""

LARGEST_BODY = 65_536
"""Bytes of a request's body; we read none."""

_LOOK_S = 0.2


class HttpServer:
    """Listens on one address; ``close`` ends it."""

    def __init__(self, app: Callable[..., Any], host: str, port: int) -> None:
        """Bind; raise OSError where that is not possible."""
        logging.getLogger("waitress").setLevel(logging.ERROR)
        self._map: dict[int, Any] = {}
        self._server: Any = create_server(
            app,
            map=self._map,
            host=host,
            port=port,
            threads=THREADS,
            connection_limit=MOST_CONNECTIONS,
            channel_timeout=SILENT_S,
            max_request_header_size=LARGEST_HEAD,
            max_request_body_size=LARGEST_BODY,
            ident="sipprobe",
            clear_untrusted_proxy_headers=True,
        )
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="http", daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.effective_port)

    def begin(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening and let go of every connection."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(5.0)
        self._server.task_dispatcher.shutdown(timeout=1)
        self._server.close()
        wasyncore.close_all(self._map, ignore_all=True)

    def _loop(self) -> None:
        while not self._ending.is_set():
            wasyncore.loop(timeout=_LOOK_S, map=self._map, count=1)
