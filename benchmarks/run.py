"""Measure fer-toolkit beside other systems, and write docs/performance.json and docs/performance.md.

    python benchmarks/run.py                                            # everything; or: make bench
    python benchmarks/run.py --only "cold start" --systems fer-toolkit,fer
    python benchmarks/run.py --picture mine.jpg --only "single picture" # with a photo of your own
    python benchmarks/run.py --python fer=/path/to/bin/python           # an environment that is there already
    python benchmarks/run.py --output try.json --systems fer-toolkit    # without touching the page
    python benchmarks/run.py --render                                   # the page again, from the figures

Any Python from 3.10 runs it: each system has an environment of its own, made at the first run. What is measured alone
takes its place among the figures that are there. Systems take turns, one figure each and round after round, so that
what slows the machine down for a while slows down all of them; never are two at work at once.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import page
from asking import FigureError, Worker, importing, until_printed
from environments import InstallError, command, prepare, python_of
from machine import describe_machine, describe_moment
from measurements import MEASUREMENTS, PICTURES, Cell, Measurement
from systems import HERE, OURS, ROOT, SYSTEMS

SHORTEST = 0.05  # seconds; what takes less is done several times in a row
MOST_TIMES = 200


class Bench:
    """The systems that take part, their Pythons and their workers, each made when it is first needed."""

    def __init__(self, systems: Iterable[str], pythons: Mapping[str, Path]) -> None:
        self.systems = set(systems)
        self._pythons = dict(pythons)
        self._prepared: set[str] = set()
        self._not_installed: dict[str, InstallError] = {}
        self._workers: dict[str, Worker] = {}

    def python(self, name: str) -> Path:
        """A system's Python, with all at hand that it needs."""
        if name in self._not_installed:
            raise self._not_installed[name]
        if name not in self._pythons:
            try:
                self._pythons[name] = python_of(SYSTEMS[name])
            except InstallError as error:
                self._not_installed[name] = error
                raise
        if name not in self._prepared:
            self._prepared.add(name)
            prepare(SYSTEMS[name], self._pythons[name])
        return self._pythons[name]

    def worker(self, name: str) -> Worker:
        """A system's worker."""
        if name not in self._workers or not self._workers[name].alive:
            self._workers[name] = Worker(SYSTEMS[name], self.python(name))
        return self._workers[name]

    def ask(self, cell: Cell, times: int = 1) -> dict[str, Any]:
        """One answer of a system."""
        system, python = SYSTEMS[cell.system], self.python(cell.system)
        if cell.task == "import":
            return importing(python, system.module)
        if cell.task == "print":
            path = Path(cell.options["picture"])
            arguments = command(system, python, system.command, picture=str(path), how=cell.how)
            return until_printed(arguments, path.name)
        return self.worker(cell.system).ask(cell.task, cell.options, times)

    def versions(self) -> dict[str, Any]:
        """What the systems that were asked consist of."""
        alive = {name: worker for name, worker in sorted(self._workers.items()) if worker.alive}
        return {name: worker.ask("versions")["facts"] for name, worker in alive.items()}

    def close(self) -> None:
        """End all workers."""
        while self._workers:
            self._workers.popitem()[1].close()


# Measuring


def measure(measurement: Measurement, cells: list[Cell], bench: Bench) -> list[dict[str, Any]]:
    """The rows of a measurement, its cells asked in turns."""
    if measurement.fresh:
        bench.close()
    answers: dict[int, list[dict[str, Any]]] = {i: [] for i in range(len(cells))}
    errors: dict[int, str] = {}
    times = dict.fromkeys(range(len(cells)), 1)
    start = time.monotonic()
    for number in range(measurement.warm_up + measurement.rounds):
        turns = range(len(cells))
        for i in turns if number % 2 == 0 else reversed(turns):
            if i in errors:
                continue
            try:
                answer = bench.ask(cells[i], times[i])
            except (FigureError, InstallError, OSError) as error:
                errors[i] = " ".join(str(error).split())
                continue
            if number < measurement.warm_up:
                times[i] = 1 if cells[i].facts else repeats(answer["seconds"])
            else:
                answers[i].append(answer)
        rounds = f"{number + 1} of {measurement.warm_up + measurement.rounds} rounds"
        print(f"\r{measurement.name}: {rounds}, {time.monotonic() - start:.0f} s", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    rows = []
    for i, cell in enumerate(cells):
        rows += [failure(cell, errors[i])] if i in errors else figures(cell, answers[i])
    return with_ratios(rows)


def repeats(seconds: float) -> int:
    """How often something is done in a row to take long enough for the clock."""
    return min(MOST_TIMES, max(1, math.ceil(SHORTEST / max(seconds, 1e-6))))


def failure(cell: Cell, error: str) -> dict[str, Any]:
    """The row of a system that gave no figure."""
    here = error.replace(str(ROOT), ".")
    return {"what": cell.what, "system": cell.system, "how": cell.how, "error": here}


def figures(cell: Cell, answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a cell: one, or one a figure that the task measured itself. Seconds or bytes."""
    if not cell.facts:
        return [row(cell, cell.how, [answer["seconds"] / cell.per for answer in answers], answers[-1]["facts"])]
    rows = []
    for name in cell.facts:
        samples = [answer["facts"][name] for answer in answers]
        how = cell.how if name == "bytes" else name
        known = None not in samples
        rows.append(row(cell, how, samples, {}) if known else failure(cell, "this system does not tell"))
    return rows


def row(cell: Cell, how: str, samples: list[float], facts: Mapping[str, Any]) -> dict[str, Any]:
    """A figure with its spread."""
    low, _, high = statistics.quantiles(samples, n=4, method="inclusive") if len(samples) > 1 else 3 * samples
    return {
        "what": cell.what,
        "system": cell.system,
        "how": how,
        "median": short(statistics.median(samples)),
        "quartiles": [short(low), short(high)],
        "samples": [short(sample) for sample in samples],
        "facts": dict(facts),
    }


def short(number: float) -> float:
    """No more digits than a clock can tell."""
    return float(f"{number:.5g}")


def with_ratios(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How many times more than ours the others' medians are that stand in the same row."""
    for ours in rows:
        if ours["system"] == OURS and "median" in ours:
            ours["ratios"] = {
                other["system"]: short(other["median"] / ours["median"])
                for other in rows
                if other["what"] == ours["what"] and other["system"] != OURS and "median" in other
            }
    return rows


# Reading and writing


def read_figures(file: Path, machine: Mapping[str, Any]) -> dict[str, Any]:
    """The figures that this machine has measured so far; none when they are another machine's."""
    if file.is_file():
        data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if data["machine"] == machine:
            return data
        print("the figures that are there were measured on another machine, and are replaced", file=sys.stderr)
    return {"machine": dict(machine), "systems": {}, "measurements": {}}


def to_json(data: Mapping[str, Any]) -> str:
    """JSON text with a row a line."""
    text = json.dumps(data, indent=1)
    return re.sub(r"\n {5,}|\n {4}(?=\})", " ", text) + "\n"


def write_page(file: Path) -> None:
    """Put the page beside its figures; those of another machine are a section of the page that is there."""
    file = page.first_machine(file)
    file.with_suffix(".md").write_text(page.render(file), encoding="utf-8", newline="\n")


# The program


def make_pictures(bench: Bench) -> None:
    """Make the pictures, unless the same ones are there."""
    program, stamp = HERE / "pictures.py", PICTURES / "made-by.txt"
    wanted = hashlib.sha256(program.read_bytes()).hexdigest()
    if not (stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted):
        subprocess.run([str(bench.python(OURS)), str(program), str(PICTURES)], check=True)
        stamp.write_text(wanted, encoding="utf-8")


def measure_all(options: argparse.Namespace) -> None:
    """Measure what is asked for, and write the figures after each measurement."""
    bench = Bench(options.systems, options.python)
    machine = describe_machine()
    data = read_figures(options.output, machine)
    try:
        make_pictures(bench)
        for measurement in MEASUREMENTS:
            if measurement.name not in options.only:
                continue
            moment = describe_moment()
            cells = [cell for cell in measurement.cells(options.picture) if cell.system in bench.systems]
            if not cells:
                continue
            rows = measure(measurement, cells, bench)
            data["measurements"][measurement.name] = {"unit": measurement.unit, "moment": moment, "rows": rows}
            if measurement.name == "ready faces" and OURS in bench.systems:
                data["network"] = bench.worker(OURS).ask("multiply_adds")["facts"]
            data["systems"] |= bench.versions()
            options.output.write_text(to_json(data), encoding="utf-8", newline="\n")
            write_page(options.output)
    finally:
        bench.close()


def main() -> None:
    """Measure and render, or only render."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [measurement.name for measurement in MEASUREMENTS]
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=f"of {', '.join(names)}")
    parser.add_argument("--systems", type=lambda text: text.split(","), default=list(SYSTEMS), metavar="NAME,...")
    parser.add_argument("--python", action="append", default=[], metavar="SYSTEM=PYTHON")
    parser.add_argument("--picture", action="append", default=[], type=Path, metavar="PATH")
    beside = "the page goes beside it; performance-NAME.json is a section of performance.json's page"
    parser.add_argument("--output", type=Path, default=page.FIGURES, metavar="JSON", help=beside)
    parser.add_argument("--render", action="store_true", help="measure nothing")
    options = parser.parse_args()
    options.only = options.only or names
    options.picture = [path.resolve() for path in options.picture]
    options.python = {name: Path(path) for name, path in (each.split("=", 1) for each in options.python)}
    unknown = {*options.systems, *options.python} - set(SYSTEMS)
    if unknown:
        parser.error(f"no such system: {', '.join(sorted(unknown))}; there are {', '.join(SYSTEMS)}")
    if options.render:
        if not options.output.exists():
            parser.error(f"{options.output} is not there: --render writes a page from figures that were measured")
        write_page(options.output)
        return
    try:
        measure_all(options)
    except InstallError as error:  # ours, without which there are no pictures
        sys.exit(str(error))


if __name__ == "__main__":
    main()
