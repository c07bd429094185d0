"""Counts and times in the text format that Prometheus reads (version 0.0.4 of its exposition formats)."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from itertools import accumulate

from fer_toolkit import _fork

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds


class Metrics:
    """What has happened since the start. May be used from many threads.

    Examples
    --------
    >>> metrics = Metrics()
    >>> metrics.add_picture(seconds=0.02, faces=2)
    >>> "fer_toolkit_faces_total 2" in metrics.text(running=1, waiting=0).splitlines()
    True
    """

    def __init__(self) -> None:
        self._lock = _fork.Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._buckets = [0] * (len(_BOUNDS) + 1)
        self._seconds, self._faces = 0.0, 0

    def add_request(self, route: str, status: int) -> None:
        """Count a request by the name of its route and the status of its answer."""
        with self._lock:
            self._requests[route, status] += 1

    def add_picture(self, seconds: float, faces: int) -> None:
        """Count a picture that was read, the time it took, and its faces."""
        with self._lock:
            self._buckets[bisect_left(_BOUNDS, seconds)] += 1
            self._seconds += seconds
            self._faces += faces

    def text(self, *, running: int, waiting: int) -> str:
        """All of it, with the pictures that are worked on and those that wait at this moment."""
        with self._lock:
            requests, buckets = sorted(self._requests.items()), list(accumulate(self._buckets))
            seconds, faces = self._seconds, self._faces
        name = "fer_toolkit_picture_seconds"
        lines = [
            *_head("fer_toolkit_requests_total", "counter", "Answers, by route and status."),
            *(
                f'fer_toolkit_requests_total{{route="{route}",status="{status}"}} {count}'
                for (route, status), count in requests
            ),
            *_head(name, "histogram", "Time from a picture's arrival to its result, waiting included."),
            *(
                f'{name}_bucket{{le="{bound}"}} {count}'
                for bound, count in zip((*_BOUNDS, "+Inf"), buckets, strict=True)
            ),
            f"{name}_sum {seconds!r}",
            f"{name}_count {buckets[-1]}",
            *_head("fer_toolkit_faces_total", "counter", "Faces found."),
            f"fer_toolkit_faces_total {faces}",
            *_head("fer_toolkit_pictures_running", "gauge", "Pictures that are worked on."),
            f"fer_toolkit_pictures_running {running}",
            *_head("fer_toolkit_pictures_waiting", "gauge", "Pictures that wait for a worker."),
            f"fer_toolkit_pictures_waiting {waiting}",
        ]
        return "\n".join(lines) + "\n"


def _head(name: str, kind: str, what: str) -> tuple[str, str]:
    return f"# HELP {name} {what}", f"# TYPE {name} {kind}"
