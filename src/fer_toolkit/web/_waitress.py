"""Waitress with bounds: no body longer than allowed is kept, nor more bodies at once than can be worked on.

Waitress reads a request whole before it asks the application, and by default puts what is long on the disk. Here bodies
stay in memory, their sum is bounded, and what has no place is read and thrown away, so that the client gets its answer:
to one that still sends while its connection is closed, that looks like a fault of the network.
"""

from __future__ import annotations

import functools
import logging
import socket
import sys
import threading
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fer_toolkit._optional import require
from fer_toolkit.web._answers import HEADERS, PROBLEM_TYPE, RETRY_AFTER, problem, too_large

if TYPE_CHECKING:
    from flask import Flask

    from fer_toolkit.web._service import Service

_waitress = functools.partial(require, extra="web", feature="the web server")
Adjustments: Any = _waitress("waitress.adjustments").Adjustments
OverflowableBuffer: Any = _waitress("waitress.buffers").OverflowableBuffer
HTTPChannel: Any = _waitress("waitress.channel").HTTPChannel
HTTPRequestParser: Any = _waitress("waitress.parser").HTTPRequestParser
TcpWSGIServer: Any = _waitress("waitress.server").TcpWSGIServer
ErrorTask: Any = _waitress("waitress.task").ErrorTask
wasyncore: Any = _waitress("waitress.wasyncore")

_log = logging.getLogger("fer_toolkit.web")

_CONNECTIONS = 512
_IDLE = 30  # seconds that a connection may be silent
_ARRIVAL = 60  # seconds that a request may take to arrive
_PATIENCE = 4  # times the longest body: so much of one that is too long is read before the connection is closed
_SPARE_THREADS = 8  # for requests without a picture, while others wait for a worker
_GRACE = 5  # seconds to send the last answers


class Server(TcpWSGIServer):  # type: ignore[misc]  # waitress has no types
    """Serves an application until it is told to stop, and then finishes what is under way.

    Parameters
    ----------
    app
        The application.
    service
        What it does, with its settings and counts.
    bound
        A socket that has the address to listen on.
    """

    def __init__(self, app: Flask, service: Service, bound: socket.socket) -> None:
        self.settings = settings = service.settings
        self.metrics = service.metrics
        # Of all that may be worked on or wait, each as long as allowed.
        self.memory = Memory(settings.max_bytes * (settings.workers + settings.queue))
        self._ends: float | None = None
        adjustments = Adjustments(
            sockets=[bound],
            threads=settings.workers + settings.queue + _SPARE_THREADS,
            connection_limit=_CONNECTIONS,
            channel_timeout=_IDLE,
            cleanup_interval=5,
            recv_bytes=1 << 16,
            max_request_header_size=1 << 15,
            max_request_body_size=sys.maxsize,  # the parser below has its own bounds
            inbuf_overflow=sys.maxsize,  # never the disk
            outbuf_overflow=sys.maxsize,
            log_socket_errors=False,
            ident=None,
        )
        self.channel_class = _Channel
        where = (bound.family, bound.type, bound.proto, bound.getsockname())
        super().__init__(app, _sock=bound, adj=adjustments, bind_socket=False, sockinfo=where)

    @property
    def address(self) -> str:
        """Where a browser finds it, such as ``"http://127.0.0.1:8000/"``."""
        host = f"[{self.effective_host}]" if ":" in self.effective_host else self.effective_host
        return f"http://{host}:{self.effective_port}/"

    def run(self) -> None:
        """Serve until :meth:`stop` is called, and finish the requests that have arrived by then."""
        while self._ends is None:
            wasyncore.loop(timeout=1, use_poll=True, map=self._map, count=1)
        wasyncore.dispatcher.close(self)  # which lets nobody in any more
        while self._close_idle() and time.monotonic() < self._ends:
            wasyncore.loop(timeout=1, use_poll=True, map=self._map, count=1)
        self.task_dispatcher.shutdown()
        wasyncore.close_all(self._map)

    def stop(self) -> None:
        """Let :meth:`run` come to its end; may be called from any thread, and from a signal's handler."""
        self._ends = time.monotonic() + self.settings.timeout + _GRACE
        self.pull_trigger()

    def maintenance(self, now: float) -> None:
        """Close connections that are silent, or whose request has been arriving for too long."""
        super().maintenance(now)
        for channel in self.active_channels.values():
            if channel.request is not None and now - channel.request.began > _ARRIVAL:
                channel.will_close = True

    def _close_idle(self) -> bool:
        """Close the connections that wait for nothing, before they ask for more; returns whether others are left."""
        busy = False
        for channel in self.active_channels.values():
            if channel.requests or channel.total_outbufs_len:
                busy = True
            else:
                channel.will_close = True
        return busy


class Memory:
    """A number of bytes that may be held at the same time.

    Examples
    --------
    >>> memory = Memory(10)
    >>> memory.take(8), memory.take(8)
    (True, False)
    """

    def __init__(self, size: int) -> None:
        self.size = self.free = size
        self._lock = threading.Lock()

    def take(self, count: int) -> bool:
        """Take bytes, if there are so many."""
        with self._lock:
            if count > self.free:
                return False
            self.free -= count
            return True

    def give_back(self, count: int) -> None:
        """Give back what was taken."""
        with self._lock:
            self.free += count


@dataclass(frozen=True)
class _Refusal:
    """Why a request is not given to the application, in the form of waitress's own errors."""

    code: int
    body: str


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    """Reads a request, and keeps its body where there is memory for it."""

    def __init__(self, memory: Memory, max_bytes: int, adjustments: Any) -> None:
        super().__init__(adjustments)
        self.began = time.time()
        self._memory, self._max_bytes, self._held = memory, max_bytes, 0

    def received(self, data: bytes) -> int:
        """Take some bytes of the request; returns how many of them belong to it."""
        consumed = int(super().received(data))
        if self.body_rcv is not None:
            self.error: Any = self.error or self._refusal()
            if self.error is not None:
                self._throw_away()
        return consumed

    def close(self) -> None:
        """Let go of the body."""
        super().close()
        self._let_go()

    def __del__(self) -> None:
        self._let_go()  # of a client that went away

    def _refusal(self) -> _Refusal | None:
        if max(self.content_length, self.body_bytes_received) > self._max_bytes:
            return _Refusal(413, too_large(self._max_bytes))
        more = self.body_bytes_received - self._held
        if not self._memory.take(more):
            return _Refusal(429, "too many requests are arriving at once; try again soon")
        self._held += more
        return None

    def _throw_away(self) -> None:
        self.body_rcv.buf = OverflowableBuffer(sys.maxsize)
        self._let_go()
        if self.body_bytes_received > _PATIENCE * self._max_bytes:
            self.completed = True

    def _let_go(self) -> None:
        self._memory.give_back(self._held)
        self._held = 0


class _ErrorTask(ErrorTask):  # type: ignore[misc]
    """Answers what never reaches the application, as the application itself would."""

    def execute(self) -> None:
        """Write the answer; the connection is closed after it."""
        error = self.request.error
        body = problem(error.code, error.body)
        self.channel.server.metrics.add_request("none", error.code)
        _log.info("refused before it was read: %d", error.code)
        self.status = f"{error.code} {HTTPStatus(error.code).phrase}"
        self.response_headers.extend([*HEADERS.items(), ("Content-Type", PROBLEM_TYPE), ("Cache-Control", "no-store")])
        if error.code == HTTPStatus.TOO_MANY_REQUESTS:
            self.response_headers.append(("Retry-After", RETRY_AFTER))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A client's connection."""

    error_task_class = _ErrorTask

    def __init__(self, server: Server, *args: Any, **kwargs: Any) -> None:
        super().__init__(server, *args, **kwargs)
        self.parser_class = functools.partial(_Parser, server.memory, server.settings.max_bytes)
