"""docs/performance.md: made of figures and the template page.md beside this file, and of nothing else.

The figures are docs/performance.json, and docs/performance-NAME.json of other machines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from aims import AIMS, times
from measurements import MEASUREMENTS
from page_tables import table
from results import Results, fit_line
from systems import OURS

HERE = Path(__file__).parent
FIGURES = HERE.parent / "docs" / "performance.json"
TEMPLATE = HERE / "page.md"
NAMES = [measurement.name for measurement in MEASUREMENTS]

BASELINE = "fer"
UNITS = {"s": 1.0, "ms": 1e3, "MB": 1e-6}
GROWTH = {"growth in faces": "face", "growth in pictures": "picture"}
UNKNOWN = "not measured"


def render(file: Path = FIGURES) -> str:
    """The page, as Markdown."""
    results = Results(json.loads(file.read_text(encoding="utf-8")))
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        headline=headline(results),
        aims=aims(results),
        reached=reached(results),
        machine=machine(results),
        moments=moments(results),
        versions=versions(results),
        limits=limits(results),
        speed_of_threads=speed_of_threads(results),
        others="\n\n".join(map(other_machine, other_machines(file))),
        **{name.replace(" ", "_"): section(results, name) for name in NAMES},
    )


# What people look for first


def headline(results: Results) -> str:
    """How many times faster than fer, in the few cases that most people have."""
    cases = (
        ("from the start of the process to the first result", "cold start", "400x400"),
        ("for a 400x400 picture, once all is warm", "single picture", "400x400, file"),
        ("for a 2280x1588 picture with two faces, decoding included", "single picture", "2280x1588, file"),
    )
    lines = []
    for what, name, row in cases:
        ours, theirs = results.median(name, row, OURS, "yunet"), results.median(name, row, "fer")
        if ours is not None and theirs is not None:
            lines.append(
                f"- **{times(theirs / ours)} times** faster than `fer` {what} ({span(ours)} against {span(theirs)});"
            )
    return "\n".join(lines).removesuffix(";") + "." if lines else f"The comparison with `fer` is {UNKNOWN}."


def aims(results: Results) -> str:
    """All aims, each with what was measured."""
    rows = []
    for aim in AIMS:
        got = aim.got(results)
        cells = (
            (UNKNOWN, "") if got is None else (got.text, "yes" if got.share >= 1 else f"**no**: {percent(got.share)}")
        )
        rows.append([aim.what, aim.wanted, *cells])
    return table(["what", "aim", "measured", "reached"], rows, left=4)


def reached(results: Results) -> str:
    """How many aims are reached."""
    known = [got for got in (aim.got(results) for aim in AIMS) if got is not None]
    good = sum(got.share >= 1 for got in known)
    return f"{good} of {len(known)} are reached" if known else f"Whether they are reached is {UNKNOWN}"


def percent(share: float) -> str:
    """How much of an aim is reached; never all of it, which would not be missed."""
    return f"{min(99, 100 * share):.0f} %"


# The tables


def section(results: Results, name: str) -> str:
    """A measurement's table, what its growth amounts to, and what failed."""
    rows = [row for row in results.rows(name) if row["system"] != "limits"]
    good = [row for row in rows if "median" in row]
    paragraphs = [pivot(results, name, good) if good else f"This is {UNKNOWN}."]
    if name in GROWTH:
        paragraphs += growth(results, name, GROWTH[name])
    failures = {f"{row['system']} {row['how']}".strip(): row["error"] for row in rows if "error" in row}
    paragraphs += [f"No figure of `{who}`: {error}" for who, error in failures.items()]
    return "\n\n".join(paragraphs)


def pivot(results: Results, name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Medians with their quartiles, a column a system and variant, and how many times longer fer takes."""
    unit = results.data["measurements"][name]["unit"]
    columns = list(dict.fromkeys((row["system"], row["how"]) for row in rows))
    others = any(system != OURS for system, _ in columns)
    compared = [how for system, how in columns if system == OURS] if any(s == BASELINE for s, _ in columns) else []
    header = [f"{unit}", *(title(*column, others) for column in columns)]
    header += [f"`{BASELINE}` / {how or 'ours'}" for how in compared]
    body = []
    for what in dict.fromkeys(row["what"] for row in rows):
        found = {(row["system"], row["how"]): row for row in rows if row["what"] == what}
        cells = [spread(found.get(column), unit) for column in columns]
        ratios = [found.get((OURS, how), {}).get("ratios", {}).get(BASELINE) for how in compared]
        body.append([what, *cells, *("" if ratio is None else times(ratio) for ratio in ratios)])
    return table(header, body)


def title(system: str, how: str, named: bool) -> str:
    """A column's head."""
    return ", ".join(part for part in (f"`{system}`" if named or not how else "", how) if part)


def spread(row: Mapping[str, Any] | None, unit: str) -> str:
    """A median and its quartiles."""
    if row is None:
        return ""
    low, middle, high = (
        number(value * UNITS[unit]) for value in (row["quartiles"][0], row["median"], row["quartiles"][1])
    )
    return middle if low == high else f"{middle} ({low}–{high})"


def growth(results: Results, name: str, thing: str) -> list[str]:
    """The line that a column of times follows, and how far it strays from it."""
    lines = []
    for how in dict.fromkeys(row["how"] for row in results.rows(name)):
        counts, seconds = results.series(name, how)
        if len(counts) > 2:
            start, slope, deviation = fit_line(counts, seconds)
            lines.append(
                f"{how[0].upper()}{how[1:]}: {number(1000 * slope)} ms a {thing} and {number(1000 * start)} ms a call; "
                f"no point is further than {100 * deviation:.1f} % from that line."
            )
    return lines


def limits(results: Results) -> str:
    """What the machine can do, and what our network makes of it."""
    network = results.data.get("network")
    if network is None:
        return f"This is {UNKNOWN}."
    body = []
    for how in ("1 thread", "2 threads"):
        rates = {kind: results.product_rate(kind, how) for kind in ("float32", "int8")}
        ours = results.median("ready faces", "32 at a time", OURS, how)
        speed = None if ours is None else network["multiply_adds"] / ours
        shares = [results.share_of_limit(kind, how) for kind in rates]
        speeds = ["" if rate is None else f"{2 * rate / 1e9:,.0f}" for rate in (*rates.values(), speed)]
        body.append([how, *speeds, *("" if share is None else f"{100 * share:.0f} %" for share in shares)])
    header = ["billion operations a second", "float32 product", "int8 product", network["network"]]
    table_ = table([*header, "of float32", "of int8"], body)
    return f"{table_}\n\nA face is {network['multiply_adds'] / 1e6:.1f} million multiply-adds, of two operations each."


def speed_of_threads(results: Results) -> str:
    """Pictures a second."""
    rows = [row for row in results.rows("threads") if "median" in row]
    if not rows:
        return f"This is {UNKNOWN}."
    hows = list(dict.fromkeys(row["how"] for row in rows))
    body = []
    for what in dict.fromkeys(row["what"] for row in rows):
        found = {row["how"]: row["median"] for row in rows if row["what"] == what}
        body.append([what, *(f"{1 / found[how]:,.0f}" if how in found else "" for how in hows)])
    return table(["pictures a second", *hows], body)


# Where and when


def machine(results: Results) -> str:
    """The machine in one line."""
    about = results.data["machine"]
    memory = "" if about["memory_gb"] is None else f", {about['memory_gb']} GB of memory"
    return f"{about['processor']}, {about['cores']} cores{memory}, {about['system']}, Python {about['python']}"


def moments(results: Results) -> str:
    """On which dates and which sources."""
    measured = results.data["measurements"]
    found = [measured[name]["moment"] for name in NAMES if name in measured]
    dates = ", ".join(dict.fromkeys(each["date"] for each in found))
    commits = ", ".join(dict.fromkeys(each["commit"] for each in found))
    changed = ", some with changes that were not committed" if any(each["changed"] for each in found) else ""
    return f"{dates} on commit {commits}{changed}" if found else UNKNOWN


def other_machines(first: Path) -> list[Path]:
    """The figures of other machines that stand beside those of the first one."""
    return sorted(first.parent.glob(f"{first.stem}-*.json"))


def first_machine(file: Path) -> Path:
    """The figures whose page tells of `file`: its own, or those of the ``performance.json`` that it stands beside."""
    first = file.with_name(FIGURES.name)
    return first if first.is_file() and file in other_machines(first) else file


def other_machine(file: Path) -> str:
    """The aims on another machine, as a section."""
    results = Results(json.loads(file.read_text(encoding="utf-8")))
    return (
        f"### {results.data['machine']['processor']}\n\nMeasured on {machine(results)}; {moments(results)}. "
        f"{reached(results)}. [{file.name}]({file.name}) has every sample.\n\n{aims(results)}"
    )


def versions(results: Results) -> str:
    """What each system consisted of."""
    return "\n".join(
        f"- `{system}`: {', '.join(f'{package} {number_}' for package, number_ in packages.items())}"
        for system, packages in results.data["systems"].items()
    )


# Numbers


def number(value: float) -> str:
    """Three digits, and thousands apart."""
    if value < 0:
        return f"−{number(-value)}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def span(seconds: float) -> str:
    """A time in the unit that suits it."""
    return f"{number(seconds)} s" if seconds >= 1 else f"{number(1000 * seconds)} ms"
