"""Kill whatever writes files at each of its system calls that change the folder it writes to, and fill its disk.

    python scripts/sweep_faults.py                              # all writers: an hour
    python scripts/sweep_faults.py "an annotated video"         # only this one; the other figures stay
    python scripts/sweep_faults.py "a training run" --every 4   # each fourth call

Needs Linux, strace, fer-toolkit[all], and for disks of its own the right to mount one. A writer is run once, and its
calls are counted; then it is run again for each of them, over an older version of its files, in a process that is

- killed before the call (``kill``);
- refused the call, with ENOSPC (``refuse``);
- on a disk of one of eight sizes, up to what all its files take (``disk``).

Each time, every file must be the old one or the whole new one; a process that is refused must say so as an error of
:mod:`fer_toolkit.errors`, and leave no draft; and the next run must end well, with all files new and nothing else in
the folder. Whatever is otherwise is printed, and the exit status is 1. The counts go into docs/reliability.json.
"""

from __future__ import annotations

import argparse
import datetime
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
TRAINING_TESTS = str(ROOT / "tests" / "training")  # whose conftest.py has a network that is fast to train
sys.path[:0] = [str(ROOT / "tests" / "faults"), str(ROOT / "benchmarks")]
from machine import describe_machine  # noqa: E402
from process import Trial  # noqa: E402
from writers import WRITERS, preload  # noqa: E402

FIGURES = ROOT / "docs" / "reliability.json"
CHANGES = (
    "mkdir,openat,write,writev,pwrite64,pwritev,ftruncate,truncate,fallocate,fsync,fdatasync,chmod,fchmod,fchmodat,"
    "rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,sendfile,copy_file_range"
)
NEED_ROOM = {"mkdir", "openat", "write", "writev", "pwrite64", "ftruncate", "fallocate", "fsync", "rename"}
"""Calls that a full disk may refuse."""

CALL = re.compile(r"(\d+)\s+(\w+)\((.*)")
DISKS = 8


def exported_network(inputs: Path, folder: Path, version: int) -> None:
    """A network and its card, which names the labels in another order in each version."""
    import keras

    sys.path.insert(0, TRAINING_TESTS)
    from conftest import tiny
    from fer_toolkit.labels import FER2013
    from fer_toolkit.training import networks
    from fer_toolkit.training.exporting import export_with_card

    model = inputs / f"network-{version}.keras"
    if not model.exists():
        keras.utils.set_random_seed(version)
        networks.NETWORKS = {**networks.NETWORKS, "tiny": tiny}
        networks.single_head(networks.build("tiny", {"emotion": 7}, dropout=0.0), "emotion").save(model)
        networks.write_card(model, labels=FER2013 if version else FER2013[::-1])
    export_with_card(model, folder / "network.onnx")


def training_run(inputs: Path, folder: Path, version: int) -> None:
    """A run of two epochs, or what is left of it; the older version is nothing at all."""
    if version == 0:
        return
    sys.path.insert(0, TRAINING_TESTS)
    from conftest import drawn_faces, tiny
    from fer_toolkit.training import networks
    from fer_toolkit.training.data import FaceData
    from fer_toolkit.training.fitting import train
    from fer_toolkit.training.recipes import Recipe

    networks.NETWORKS = {**networks.NETWORKS, "tiny": tiny}
    images, emotions = drawn_faces(92)
    data = FaceData(images, emotions, np.array(["Training"] * 64 + ["PublicTest"] * 28))
    train(data, Recipe(network="tiny", epochs=2, batch_size=32), folder, resume=True)


HEAVY = {"an exported network": exported_network, "a training run": training_run}
"""Those that take TensorFlow."""


class NetworksTrial(Trial):
    """Files that differ each time are the same when the same numbers are read from them."""

    def state(self, name: str, data: bytes) -> str:
        """What a file is: what is read from it in the middle of a run is as good as new."""
        if ".draft-" in name:
            return "draft"
        read = READERS[Path(name).suffix]
        try:
            found = read(data)
        except Exception as error:
            print(f"    {name}: {error!r}")
            return "half"
        for state, files in {"old": self.old, "new": self.new}.items():
            if name in files and np.array_equal(found, read(files[name])):
                return state
        return "half" if name.startswith(("model", "network")) else "new"

    def found(self) -> dict[str, str]:
        """The states of all files; a network without its card, or with another version's, is no whole file."""
        states = super().found()
        if "network.onnx" in states and states["network.onnx"] != states.get("network.json"):
            states["network.onnx"] += ", without its card"
        return states


def answers(data: bytes) -> Any:
    """What an ONNX network says of a picture."""
    from onnxruntime import InferenceSession

    session = InferenceSession(data)
    taken = session.get_inputs()[0]
    picture = np.linspace(0, 255, 48 * 48).reshape([1 if isinstance(n, str) else n for n in taken.shape])
    return session.run(None, {taken.name: picture.astype(np.uint8 if "uint8" in taken.type else np.float32)})[0]


def weights(data: bytes) -> Any:
    """All numbers of a .keras file."""
    import h5py

    arrays = []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if damaged := archive.testzip():
            raise ValueError(damaged)
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
            file.visititems(lambda _, item: arrays.append(item[()].ravel()) if isinstance(item, h5py.Dataset) else None)
    return np.concatenate(arrays).round(3)


READERS: dict[str, Callable[[bytes], Any]] = {
    ".onnx": answers,
    ".keras": weights,
    ".json": json.loads,
    ".csv": lambda data: data.decode().split("\n")[1],
}


def traced(log: Path, *options: str) -> Callable[[], None]:
    """What has strace attach to the process that calls it, and to those that it starts, and waits until it has."""

    def arm() -> None:
        command = ["strace", "-f", "-q", "-y", "-s", "4096", "-o", str(log), "-e", f"trace={CHANGES}"]
        command += [*options, "-p", str(os.getpid())]
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while "TracerPid:\t0\n" in Path("/proc/self/status").read_text():
            time.sleep(0.001)

    return arm


def changes(log: str, folder: Path) -> list[tuple[str, int]]:
    """The calls that change the folder: the name of each, and which of its thread's calls of that name it is."""
    counts: Counter[tuple[str, str]] = Counter()
    found = set()
    for thread, call, rest in CALL.findall(log):
        counts[thread, call] += 1
        only_reads = call == "openat" and not re.search("O_WRONLY|O_RDWR|O_CREAT", rest)
        if str(folder) in rest and not only_reads:
            found.add((call, counts[thread, call]))
    return sorted(found)


class Sweep:
    """All faults of one writer, counted."""

    def __init__(self, writer: str, folder: Path, every: int) -> None:
        self.writer, self.log, self.every = writer, folder / "calls", every
        self.trial = (NetworksTrial if writer in HEAVY else Trial)(writer, folder)
        self.counts = Counter(kill=0, refuse=0, disk=0, wrong=0)

    def run(self) -> Counter[str]:
        """Inject them all."""
        self.trial.start_over()
        end, said = self.trial.fork(1, traced(self.log))
        if end != "exit 0":
            raise SystemExit(f"{self.writer} fails without a fault: {said}")
        for call, number in changes(self.log.read_text(errors="replace"), self.trial.folder)[:: self.every]:
            self.inject("kill", call, number, "signal=KILL")
            # In the processes that read a folder's pictures the n-th file may be a picture, whose row then says so.
            if call in NEED_ROOM and not (call == "openat" and "folder" in self.writer):
                self.inject("refuse", call, number, "error=ENOSPC")
        with self.disk() as resize:
            for step in range(DISKS if resize else 0):
                self.fill(step / DISKS, resize)
        return self.counts

    def inject(self, fault: str, call: str, number: int, what: str) -> None:
        """Run it with a fault at a call."""
        outcome = self.trial.under(traced(self.log, "-e", f"inject={call}:{what}:when={number}"))
        log = self.log.read_text(errors="replace")
        if "INJECTED" in log or "killed by SIGKILL" in log:  # else it made fewer calls than the first time
            self.judge(fault, f"{call} {number}", outcome)

    def fill(self, share: float, resize: Callable[[int], None]) -> None:
        """Run it on a disk that has room for the old files and for a share of the new ones."""
        self.trial.start_over()
        pages = sum(len(data) // 4096 + 2 for data in self.trial.old.values())
        resize(4096 * (pages + 2) + int(share * sum(map(len, self.trial.new.values()))))
        end, said = self.trial.fork(1)
        outcome = {"end": end, "said": said, "found": self.trial.found()}
        resize(1 << 30)
        again, _ = self.trial.fork(1)
        self.judge("disk", f"{share:.0%}", {**outcome, "again": again, "after": self.trial.found()})

    @contextmanager
    def disk(self) -> Iterator[Callable[[int], None] | None]:
        """A disk in the folder's place, and a function that sets its bytes; None where none may be mounted."""
        folder = str(self.trial.folder)
        if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True).returncode:
            yield None
            return

        def resize(size: int) -> None:
            subprocess.run(["mount", "-o", f"remount,size={size}", folder], check=True)

        try:
            yield resize
        finally:
            subprocess.run(["umount", folder], check=True)

    def judge(self, fault: str, where: str, outcome: dict[str, Any]) -> None:
        """Count a fault, and say what is wrong with what came of it."""
        self.counts[fault] += 1
        found = {state for name, state in outcome["found"].items() if ".parts/" not in name}  # a run to be resumed
        killed = fault == "kill"
        if (
            found <= {"old", "new"} | ({"draft"} if killed else set())
            and (killed or outcome["found"].keys() >= self.trial.old.keys())
            and outcome["end"] in ("SIGKILL", "exit 0", "exit 3")  # not all refusals matter; a helper may be killed
            and outcome["again"] == "exit 0"
            and set(outcome["after"].values()) <= {"old", "new"}
            and outcome["after"].keys() == self.trial.old.keys() | self.trial.new.keys()
        ):
            return
        self.counts["wrong"] += 1
        print(f"    {self.writer}, {fault} at {where}: {outcome}", flush=True)


def note(writer: str, counts: Counter[str]) -> None:
    """Put a writer's counts among the figures."""
    figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    faults = figures.setdefault("faults", {})
    faults["date"] = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    faults["machine"] = describe_machine()
    faults.setdefault("writers", {})[writer] = dict(counts)
    FIGURES.write_text(json.dumps(figures, indent=2) + "\n")


def main() -> None:
    """Sweep the writers asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("writers", nargs="*", help=", ".join({**WRITERS, **HEAVY}))
    parser.add_argument("--every", type=int, default=1, help="take each n-th call only")
    asked = parser.parse_args()
    names = asked.writers or [*WRITERS, *HEAVY]
    preload()
    if HEAVY.keys() & names:
        import fer_toolkit.training.exporting
        import fer_toolkit.training.fitting  # noqa: F401
    WRITERS.update(HEAVY)
    wrong = 0
    for writer in names:
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            counts = Sweep(writer, Path(folder).resolve(), asked.every).run()
        print(f"{writer}: {dict(counts)}, {time.monotonic() - started:.0f} s", flush=True)
        note(writer, counts)
        wrong += counts["wrong"]
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
