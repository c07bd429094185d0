"""Measure ``fer-toolkit serve`` under load: many clients, slow clients, and a server that is killed.

    python scripts/load_web.py --seconds 60

starts the server on a free port of this machine, and prints what docs/web.md says of its load. Clients and server share
the processors. Linux only, for /proc.
"""

from __future__ import annotations

import argparse
import collections
import http.client
import io
import os
import platform
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image

PICTURE = Path(__file__).parents[1] / "examples" / "images" / "astronaut.jpg"
RECOGNIZE = "/api/v1/recognize"
REFUSED = 429
LOST = "connection lost"
PAUSE = 0.1  # seconds after a refusal: a tenth of what the server asks for


@dataclass
class Tally:
    """What clients saw."""

    statuses: collections.Counter[int | str] = field(default_factory=collections.Counter)
    times: list[float] = field(default_factory=list)

    def show(self, name: str, seconds: float) -> None:
        """One line: requests a second, times of those that were answered with a result, and all statuses."""
        times = sorted(self.times)
        statuses = ", ".join(f"{count} × {status}" for status, count in sorted(self.statuses.items(), key=str))
        p50, p95 = statistics.median(times), times[int(0.95 * (len(times) - 1))]
        print(
            f"{name}: {len(times) / seconds:.1f} results/s, p50 {1000 * p50:.0f} ms, p95 {1000 * p95:.0f} ms, "
            f"longest {1000 * times[-1]:.0f} ms; {statuses}",
            flush=True,
        )


@contextmanager
def server(*options: str, port: int = 0) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server's process, and its port."""
    command = [sys.executable, "-m", "fer_toolkit", "serve", "--port", str(port), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            yield process, urlsplit(line.split()[2]).port or 0
        finally:
            process.terminate()


def resident(process: subprocess.Popen[str]) -> float:
    """Memory of a process that is not shared with the disk's cache or swapped out, MiB."""
    pages = int(Path(f"/proc/{process.pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def peak(process: subprocess.Popen[str]) -> float:
    """The most memory that a process ever had, MiB."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def ask(port: int, body: bytes, stop: threading.Event, tally: Tally) -> None:
    """Send a picture again and again over one connection, until told to stop; after a refusal wait for a while."""
    headers = {"Content-Type": "application/octet-stream"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while not stop.is_set():
        started = time.perf_counter()
        try:
            connection.request("POST", RECOGNIZE, body, headers)
            answer = connection.getresponse()
            answer.read()
        except OSError:
            connection.close()
            tally.statuses[LOST] += 1
            stop.wait(0.05)
            continue
        tally.statuses[answer.status] += 1
        if answer.status == http.client.OK:
            tally.times.append(time.perf_counter() - started)
        elif answer.status == REFUSED:
            stop.wait(PAUSE)
    connection.close()


@contextmanager
def clients(port: int, count: int, body: bytes | None = None) -> Iterator[Tally]:
    """So many clients at once, while the block runs."""
    stop, tally = threading.Event(), Tally()
    picture = PICTURE.read_bytes() if body is None else body
    threads = [threading.Thread(target=ask, args=(port, picture, stop, tally)) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield tally
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def many(seconds: float) -> None:
    """32 clients, and the server's memory over time."""
    with server() as (process, port):
        with clients(port, 2):  # so that all that is built on first use is there
            time.sleep(3)
        memory = [resident(process)]
        with clients(port, 32) as tally:
            for _ in range(6):
                time.sleep(seconds / 6)
                memory.append(resident(process))
        tally.show(f"32 clients, {seconds:.0f} s", seconds)
        print("memory, MiB: " + ", ".join(f"{each:.0f}" for each in memory), flush=True)


def large(seconds: float) -> None:
    """64 clients with pictures of nearly the longest request, which together are far more than may be held."""
    noise = Image.frombytes("RGB", (2300, 2300), random.Random(0).randbytes(3 * 2300**2))
    file = io.BytesIO()
    noise.save(file, "PNG", compress_level=1)
    with server() as (process, port):
        with clients(port, 64, file.getvalue()) as tally:
            time.sleep(seconds)
        tally.show(f"64 clients with {len(file.getvalue()) / 1e6:.1f} MB each, {seconds:.0f} s", seconds)
        print(f"most memory, MiB: {peak(process):.0f}", flush=True)


@contextmanager
def slow_clients(port: int, count: int) -> Iterator[None]:
    """So many clients that send a picture a byte a second, while the block runs."""
    stop = threading.Event()
    head = f"POST {RECOGNIZE} HTTP/1.1\r\nHost: a\r\nContent-Type: image/jpeg\r\nContent-Length: 100000\r\n\r\n"
    with ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60)) for _ in range(count)
        ]
        for connection in connections:
            connection.sendall(head.encode())

        def dribble() -> None:
            while not stop.wait(1):
                for connection in connections:
                    connection.sendall(b"\xff")

        thread = threading.Thread(target=dribble)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def slow(seconds: float) -> None:
    """One client alone, and beside 200 slow ones."""
    with server() as (process, port):
        with clients(port, 1) as alone:
            time.sleep(seconds)
        with slow_clients(port, 200):
            before = resident(process)
            with clients(port, 1) as beside:
                time.sleep(seconds)
            after = resident(process)
        alone.show(f"1 client, {seconds:.0f} s", seconds)
        beside.show(f"1 client beside 200 slow ones, {seconds:.0f} s", seconds)
        print(f"memory, MiB: {before:.0f}, {after:.0f}", flush=True)


def killed(seconds: float) -> None:
    """Eight clients, a server that is killed, and one that takes its place."""
    with tempfile.TemporaryDirectory() as folder:
        with server("--save-uploads", folder) as (process, port), clients(port, 8) as tally:
            time.sleep(seconds)
            process.send_signal(signal.SIGKILL)
            process.wait()
            done, started = tally.statuses[200], time.perf_counter()
            with server("--save-uploads", folder, port=port):
                back = time.perf_counter() - started
                time.sleep(seconds)
        tally.show(f"8 clients, killed after {seconds:.0f} s", 2 * seconds)
        kept = [path.read_bytes() for path in Path(folder).glob("*.jpeg")]
        whole = kept.count(PICTURE.read_bytes())
        print(f"listening again after {back:.1f} s; {done} results before and {tally.statuses[200] - done} after")
        print(f"uploads kept: {len(kept)}, of which whole: {whole}; results: {tally.statuses[200]}", flush=True)


PARTS: dict[str, Callable[[float], None]] = {"many": many, "large": large, "slow": slow, "killed": killed}


def main() -> None:
    """Measure all parts, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="by default all")
    parser.add_argument("--seconds", type=float, default=60, help="of the first part; the others take a sixth")
    given = parser.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} processors"
    print(f"{time.strftime('%Y-%m-%d')}, {machine}, Python {platform.python_version()}", flush=True)
    for name in given.parts or PARTS:
        PARTS[name](given.seconds if name == "many" else given.seconds / 6)


if __name__ == "__main__":
    main()
