"""Feed the ways in, one after the other, and write how many inputs each got into fuzz/README.md.

    python -m fuzz                       # each way in, as many inputs as its share of a million; or: make fuzz
    python -m fuzz cards results         # these
    python -m fuzz cards --runs 100000 --seconds 60
    python -m fuzz cards --output none   # without touching the table

Run it at the repository's root. Needs atheris (Linux, Python 3.11 to 3.13) beside fer-toolkit[all]. An input that ends
otherwise than in a result or an error of the library's is kept in fuzz/found, and the exit status is then 1.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from fuzz import ways

HERE = Path(__file__).parent
FOUND, FIGURES, PAGE = HERE / "found", HERE / "figures.json", HERE / "README.md"

RUNS = {
    **dict.fromkeys(("cards", "results"), 250_000),
    **dict.fromkeys(("pictures", "requests"), 50_000),
    **dict.fromkeys(("parts", "videos"), 20_000),
    "arguments": 5_000,
}
"""Inputs for the ways in that are faster or slower than others."""

RUNS_OF_OTHERS = 100_000


class Figures(NamedTuple):
    """What one way in was fed with."""

    inputs: int
    seconds: float
    most_memory: int  # MiB
    found: int
    date: str


def main() -> int:
    """Feed, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ways", nargs="*", metavar="WAY", help=f"of {', '.join(ways.names())}")
    parser.add_argument("--runs", type=int, help="inputs for each")
    parser.add_argument("--seconds", type=int, default=600, help="for each at most")
    parser.add_argument("--seed", type=int, default=1, help="of chance")
    parser.add_argument("--output", choices=["table", "none"], default="table", help="whether the table is written")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.ways) - set(ways.names()))
    if unknown:
        parser.error(f"there is no way in named {unknown[0]!r}; there are {', '.join(ways.names())}")
    fed = {}
    for name in arguments.ways or ways.names():
        fed[name] = feed(name, arguments.runs or RUNS.get(name, RUNS_OF_OTHERS), arguments.seconds, arguments.seed)
        print(
            f"{name:16} {fed[name].inputs:>9,} inputs, {fed[name].seconds:.0f} s, {fed[name].found} found", flush=True
        )
    if arguments.output == "table":
        write(fed)
    return 1 if any(figures.found for figures in fed.values()) else 0


def feed(name: str, runs: int, seconds: int, seed: int) -> Figures:
    """Feed one way in, in a process of its own."""
    found = FOUND / name
    shutil.rmtree(found, ignore_errors=True)
    found.mkdir(parents=True)
    started = time.monotonic()
    child = subprocess.run(
        [sys.executable, "-m", "fuzz.child", name, str(found), str(runs), str(seconds), str(seed)],
        cwd=HERE.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    seconds_taken = time.monotonic() - started
    statistics = {key: int(value) for key, value in re.findall(r"stat::(\w+):\s+(\d+)", child.stdout)}
    (found / "output.log").write_text(child.stdout, encoding="utf-8")
    new = [file for file in found.iterdir() if file.suffix not in (".txt", ".log")]
    if child.returncode != 0 and not new:
        raise SystemExit(f"{name} ended with status {child.returncode}; see {found / 'output.log'}")
    return Figures(
        statistics.get("number_of_executed_units", 0),
        round(seconds_taken),
        statistics.get("peak_rss_mb", 0),
        len(new),
        time.strftime("%Y-%m-%d"),
    )


def write(fed: dict[str, Figures]) -> None:
    """Put the figures among those that are there, and make the table anew."""
    figures = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    figures.update({name: each._asdict() for name, each in fed.items()})
    FIGURES.write_text(json.dumps(dict(sorted(figures.items())), indent=2) + "\n", encoding="utf-8")
    start, end = "<!-- table -->\n", "<!-- end of table -->"
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(start)
    _, _, after = rest.partition(end)
    PAGE.write_text(before + start + table(figures) + end + after, encoding="utf-8")


def table(figures: dict[str, dict[str, int | str]]) -> str:
    """The figures as Markdown."""
    lines = ["| way in | inputs | seconds | memory, MiB | found | date |", "| --- | ---: | ---: | ---: | ---: | --- |"]
    for name, row in sorted(figures.items()):
        each = Figures(**row)  # type: ignore[arg-type]
        lines.append(
            f"| {name} | {each.inputs:,} | {each.seconds:.0f} | {each.most_memory} | {each.found} | {each.date} |"
        )
    total = sum(Figures(**row).inputs for row in figures.values())  # type: ignore[arg-type]
    lines.append(f"| all | {total:,} | | | | |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
