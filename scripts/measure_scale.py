"""Measure how fast folders and Ray data sets are recognised, and how much memory and disk that takes: docs/scale.md.

    python scripts/measure_scale.py                # all of it: a few minutes on a machine that does nothing else
    python scripts/measure_scale.py rates ray      # only these; the other figures stay
    python scripts/measure_scale.py --render       # nothing: the page from docs/scale.json as it is

Needs Linux (memory is what ``/proc`` says), fer-toolkit[data], YuNet's weights, and fer-toolkit[ray] for ``ray``. The
pictures are made from examples/images/astronaut.jpg in a temporary folder. A folder's files are links to few
different ones, so they are read from the system's cache: what is measured is the work, not the disk.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from PIL import Image

from fer_toolkit.batch import FolderProgress, recognize_dataset, recognize_folder

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "benchmarks"))
import pictures  # noqa: E402
from machine import describe_machine, describe_moment  # noqa: E402
from page_tables import table  # noqa: E402
from run import short, to_json  # noqa: E402

FIGURES = ROOT / "docs" / "scale.json"
PAGE = FIGURES.with_suffix(".md")
ROUNDS = 3
FACES = 3_000  # different ready faces
MEMORY_RUNS = {1_000: 3, 10_000: 1, 100_000: 1}  # how often each number of pictures: a long run is steady by itself


@dataclass(frozen=True)
class Kind:
    """A kind of pictures, and how many of them a run has.

    Parameters
    ----------
    name
        What the page calls it.
    detector
        What finds the faces.
    count
        So many that a process has some seconds to do.
    """

    name: str
    detector: str
    count: int


KINDS = (Kind("48x48", "none", 3_000), Kind("400x400", "yunet", 384), Kind("4000x3000", "yunet", 128))
WORKERS = (1, 2)

Row = dict[str, Any]
Figures = dict[str, Any]


# Pictures


def make_pictures(folder: Path) -> None:
    """A folder of each kind's different pictures: one, or of the ready faces many."""
    for kind in KINDS:
        (folder / kind.name).mkdir(parents=True)
    rng = pictures.np.random.default_rng(2013)
    astronaut, cup = (Image.open(pictures.EXAMPLES / f"{name}.jpg").convert("RGB") for name in ("astronaut", "coffee"))
    pictures.save(astronaut.resize((400, 400), Image.Resampling.LANCZOS), folder / "400x400" / "one.jpg")
    pictures.save(pictures.scene(cup, astronaut, (4000, 3000), [(1100, 500, 1800)], rng), folder / "4000x3000/one.jpg")
    for number, face in enumerate(pictures.ready_faces(astronaut, rng)[:FACES]):
        Image.fromarray(face).save(folder / "48x48" / f"{number:04}.jpg", quality=90)


def link_pictures(originals: Path, folder: Path, count: int) -> Path:
    """A folder with `count` pictures, a thousand in each folder of it."""
    files = sorted(originals.iterdir())
    for number in range(count):
        place = folder / f"{number // 1000:04}"
        if number % 1000 == 0:
            place.mkdir(parents=True)
        (place / f"{number:07}.jpg").hardlink_to(files[number % len(files)])
    return folder


# Runs over a folder


@dataclass(frozen=True)
class Run:
    """What one call of ``recognize_folder`` took: seconds and bytes.

    Parameters
    ----------
    pictures
        How many there were.
    start
        From the call until the first picture was read: the recognizers are built by then.
    work
        From then until the last picture was done.
    join
        From then until the table was there.
    parent, worker
        Peak memory of the process that called, and of the largest of those that recognised.
    table
        Size of the table.
    """

    pictures: int
    start: float
    work: float
    join: float
    parent: int
    worker: int
    table: int


def run_apart(folder: Path, output: Path, workers: int, detector: str) -> Run:
    """:func:`run_folder` in a process of its own, so that its memory is its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(run_folder, folder, output, workers, detector).result()


def run_folder(folder: Path, output: Path, workers: int, detector: str) -> Run:
    """Recognise a folder, with an eye on clock and memory."""
    times: list[float] = []
    peaks: list[int] = []

    def note(_: FolderProgress) -> None:
        times.append(time.monotonic())
        peaks.extend(peak_memory(child) for child in children())

    began = time.monotonic()
    summary = recognize_folder(folder, output, workers=workers, detector=detector, on_progress=note)
    ended, (first, *_, last) = time.monotonic(), times
    return Run(
        pictures=summary.pictures,
        start=first - began,
        work=last - first,
        join=ended - last,
        parent=peak_memory("self"),
        worker=max(peaks),
        table=output.stat().st_size,
    )


def children() -> list[str]:
    """Numbers of the processes that this one's threads have started."""
    found = []
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # a thread that has ended meanwhile
            found += (thread / "children").read_text(encoding="utf-8").split()
    return found


def peak_memory(process: str) -> int:
    """Bytes that a process has had in memory at most; 0 when it is gone."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(encoding="utf-8"))
    except OSError:
        return 0
    return 0 if found is None else 1024 * int(found[1])


# What is measured


def measure_rates(folder: Path) -> list[Row]:
    """Pictures a second by their kind and the number of processes."""
    folders = {kind: link_pictures(folder / kind.name, folder / f"many-{kind.name}", kind.count) for kind in KINDS}
    samples: dict[tuple[Kind, int], list[Run]] = {(kind, workers): [] for kind in KINDS for workers in WORKERS}
    for _ in range(ROUNDS):
        for (kind, workers), runs in samples.items():
            runs.append(run_apart(folders[kind], folder / "table.csv", workers, kind.detector))
    return [
        {
            "picture": kind.name,
            "detector": kind.detector,
            "bytes": average_size(folder / kind.name),
            "pictures": kind.count,
            "workers": workers,
            **medians(rate=[run.pictures / run.work for run in runs], start=[run.start for run in runs]),
        }
        for (kind, workers), runs in samples.items()
    ]


def measure_memory(folder: Path) -> list[Row]:
    """Memory, and time a picture, by the number of pictures; two processes, ready faces, Parquet."""
    rows = []
    for count, rounds in MEMORY_RUNS.items():
        many = link_pictures(folder / "48x48", folder / f"{count}", count)
        runs = [run_apart(many, folder / "table.parquet", 2, "none") for _ in range(rounds)]
        seconds = {name: [getattr(run, name) for run in runs] for name in ("start", "work", "join")}
        peaks = {name: [getattr(run, name) for run in runs] for name in ("parent", "worker")}
        rows.append({"pictures": count, **medians(**seconds, **peaks)})
    return rows


def measure_formats(folder: Path) -> list[Row]:
    """Bytes a row of the table by its format; of faces that all differ."""
    names = ("table.parquet", "table.csv", "table.jsonl")
    runs = {name: run_apart(folder / "48x48", folder / name, 2, "none") for name in names}
    return [{"format": Path(name).suffix, "rows": run.pictures, "bytes": run.table} for name, run in runs.items()]


def measure_ray(folder: Path) -> list[Row]:
    """Pictures a second through Ray on this machine, by the number of workers."""
    import ray.data

    ray.init("local", num_cpus=max(WORKERS), include_dashboard=False, log_to_driver=False, logging_level="error")
    (kind,) = (kind for kind in KINDS if kind.name == "400x400")
    many = link_pictures(folder / kind.name, folder / "many", kind.count)
    items = [{"path": str(path)} for path in sorted(many.rglob("*.jpg"))]
    samples: dict[int, list[tuple[float, float]]] = {workers: [] for workers in WORKERS}
    for _ in range(ROUNDS):
        for workers, runs in samples.items():
            dataset = ray.data.from_items(items, override_num_blocks=12)
            runs.append(
                time_dataset(
                    lambda dataset=dataset, workers=workers: recognize_dataset(
                        dataset, column="path", detector=kind.detector, workers=workers, batch_size=32
                    )
                )
            )
    ray.shutdown()
    return [
        {
            "picture": kind.name,
            "pictures": kind.count,
            "workers": workers,
            **medians(rate=[rate for rate, _ in runs], start=[start for _, start in runs]),
        }
        for workers, runs in samples.items()
    ]


def time_dataset(build: Callable[[], Any]) -> tuple[float, float]:
    """Rows a second from the first batch that comes to the last, and seconds until the first."""
    began = time.monotonic()
    arrivals = []
    for batch in build().iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
        arrivals.append((time.monotonic(), batch.num_rows))
    (first, _), *later = arrivals
    return sum(rows for _, rows in later) / (later[-1][0] - first), first - began


def medians(**samples: Sequence[float]) -> Row:
    """Each figure's median by its name, and under ``samples`` what it is the median of."""
    shortened = {name: [short(value) for value in values] for name, values in samples.items()}
    return {**{name: statistics.median(values) for name, values in shortened.items()}, "samples": shortened}


def average_size(folder: Path) -> int:
    """Bytes of a folder's files, on average."""
    return round(statistics.mean(path.stat().st_size for path in folder.iterdir()))


MEASUREMENTS: dict[str, Callable[[Path], list[Row]]] = {
    "rates": measure_rates,
    "memory": measure_memory,
    "formats": measure_formats,
    "ray": measure_ray,
}


# The page


def machine(figures: Figures) -> str:
    """On what, when and of which sources the figures are."""
    on, moments = figures["machine"], [measured["moment"] for measured in figures["measurements"].values()]
    dates, commits = sorted({each["date"] for each in moments}), sorted({each["commit"] for each in moments})
    packages = ", ".join(f"{name} {number}" for name, number in figures["packages"].items())
    return (
        f"Measured on {on['processor']}, {on['cores']} cores, {on['memory_gb']} GB of memory, {on['system']}, "
        f"Python {on['python']}, {packages}; {', '.join(dates)} on commit {', '.join(commits)}."
    )


def rates(figures: Figures) -> str:
    """Pictures a second with one process and with two."""
    rows = []
    for kind in KINDS:
        one, two = (rate(figures, kind.name, workers) for workers in WORKERS)
        size = f"{file_size(figures, kind.name) / 1000:,.0f} kB"
        rows.append([kind.name, size, kind.detector, f"{one:,.0f}", f"{two:,.0f}", ratio(two, one)])
    return table(["picture", "file", "detector", "1 process", "2 processes", "gain"], rows, left=3)


def cost(figures: Figures) -> str:
    """What that is for an hour, a million and a billion pictures; all cores at work."""
    hourly = [3600 * rate(figures, kind.name, 2) / 2 for kind in KINDS]
    rows = [["pictures an hour a core", *(f"{float(f'{each:.3g}'):,.0f}" for each in hourly)]]
    for name, count in (("a million pictures", 1e6), ("a billion pictures", 1e9)):
        rows.append([f"{name}, core hours", *(places(count / each) for each in hourly)])
    rows.append(["a million at a price P a core hour", *(f"{places(1e6 / each)} × P" for each in hourly)])
    rows.append(["a billion on 1,000 cores", *(duration(1e9 / each / 1000) for each in hourly)])
    sizes = [file_size(figures, kind.name) for kind in KINDS]
    speeds = (each / 3600 * size / 1e6 for each, size in zip(hourly, sizes, strict=True))
    rows.append(["read by a core, MB a second", *map(places, speeds)])
    return table(["", *(f"{kind.name}, {kind.detector}" for kind in KINDS)], rows)


def memory(figures: Figures) -> str:
    """Peak memory and time by the number of pictures."""
    rows = [
        [
            f"{row['pictures']:,}",
            f"{row['parent'] / 1e6:,.0f}",
            f"{row['worker'] / 1e6:,.0f}",
            f"{row['start']:.2f}",
            f"{1000 * row['work'] / row['pictures']:.3f}",
            f"{row['join']:.2f}",
        ]
        for row in rows_of(figures, "memory")
    ]
    columns = ["command, MB", "each process, MB", "before the first, s", "a picture, ms", "putting together, s"]
    return table(["pictures", *columns], rows, left=0) + disturbance(figures, "memory")


def formats(figures: Figures) -> str:
    """Bytes a row, and what a billion rows come to."""
    rows = [
        [f"`{row['format']}`", f"{row['bytes'] / row['rows']:,.0f}", f"{row['bytes'] / row['rows']:,.0f} GB"]
        for row in rows_of(figures, "formats")
    ]
    return table(["format", "bytes a row", "a billion rows"], rows)


def through_ray(figures: Figures) -> str:
    """Pictures a second through Ray, beside the folder's."""
    rows = [
        [
            f"{row['workers']}",
            f"{row['rate']:,.0f}",
            f"{rate(figures, row['picture'], row['workers']):,.0f}",
            f"{row['start']:.1f} s",
        ]
        for row in rows_of(figures, "ray")
    ]
    head = ["workers", "through Ray, a second", "`recognize_folder`, a second", "Ray, until the first batch is done"]
    return table(head, rows, left=0) + disturbance(figures, "ray")


UNKNOWN = "Not measured yet."
BLOCKS: dict[str, tuple[set[str], Callable[[Figures], str]]] = {
    "machine": (set(), machine),
    "rates": ({"rates"}, rates),
    "cost": ({"rates"}, cost),
    "memory": ({"memory"}, memory),
    "formats": ({"formats"}, formats),
    "ray": ({"rates", "ray"}, through_ray),
}
"""Each block of the page: the measurements that it is made of, and what writes it."""


def rows_of(figures: Figures, name: str) -> list[Row]:
    """The rows of a measurement."""
    return list(figures["measurements"][name]["rows"])


def rate(figures: Figures, picture: str, workers: int) -> float:
    """Pictures a second of a folder."""
    rows = rows_of(figures, "rates")
    return next(row["rate"] for row in rows if (row["picture"], row["workers"]) == (picture, workers))


def file_size(figures: Figures, picture: str) -> int:
    """Bytes of a picture's file."""
    return next(int(row["bytes"]) for row in rows_of(figures, "rates") if row["picture"] == picture)


def disturbance(figures: Figures, name: str) -> str:
    """What else the machine did, where that was too much for times to be good ones."""
    load = figures["measurements"][name]["moment"].get("load") or 0
    if load < 2 * figures["machine"]["cores"]:
        return ""
    return (
        f"\n\nThe machine was busy with other programs (load {load:.1f}), which makes these times several times longer."
    )


def ratio(more: float, less: float) -> str:
    """How many times."""
    return f"{more / less:.2f} times"


def places(number: float) -> str:
    """Two places that count, and no more after the point than that takes."""
    return f"{float(f'{number:.2g}'):,.{2 if number < 1 else 1 if number < 10 else 0}f}"


def duration(hours: float) -> str:
    """Minutes, hours or days, whichever suits."""
    if hours < 1:
        return f"{places(60 * hours)} minutes"
    return f"{places(hours)} hours" if hours < 100 else f"{places(hours / 24)} days"


def render(page: str, figures: Figures) -> str:
    """The page with the figures between its markers."""

    def block(found: re.Match[str]) -> str:
        needed, write = BLOCKS[found[2]]
        text = write(figures) if needed <= figures["measurements"].keys() else UNKNOWN
        return f"{found[1]}\n\n{text}\n\n{found[3]}"

    return re.sub(r"(<!-- figures: (\w+) -->)\n.*?(<!-- end -->)", block, page, flags=re.DOTALL)


def measure(names: Iterable[str], figures: Mapping[str, Any]) -> Figures:
    """The figures with these ones measured anew."""
    measurements = dict(figures.get("measurements", {}))
    for name in names:
        print(f"measuring {name}", file=sys.stderr, flush=True)
        moment = describe_moment()
        with tempfile.TemporaryDirectory() as folder:
            make_pictures(Path(folder))
            measurements[name] = {"moment": moment, "rows": MEASUREMENTS[name](Path(folder))}
    ordered = {name: measurements[name] for name in MEASUREMENTS if name in measurements}
    packages = {name: version(name) for name in ("opencv-contrib-python", "ai-edge-litert", "pyarrow", "ray")}
    return {"machine": describe_machine(), "packages": packages, "measurements": ordered}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is asked for, and write figures and page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="WHAT", help=f"some of {', '.join(MEASUREMENTS)}; by default all")
    parser.add_argument("--render", action="store_true", help="measure nothing")
    options = parser.parse_args(arguments)
    figures = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    if not options.render:
        figures = measure(options.names or MEASUREMENTS, figures)
        FIGURES.write_text(to_json(figures), encoding="utf-8")
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8"), figures), encoding="utf-8")


if __name__ == "__main__":
    main()
