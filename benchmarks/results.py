"""The figures of docs/performance.json, looked up by what they are of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from systems import OURS

Row = Mapping[str, Any]


class Results:
    """Figures as ``run.py`` writes them.

    Parameters
    ----------
    data
        The JSON's content.
    """

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data

    def rows(self, name: str) -> list[Row]:
        """All rows of a measurement, also of what failed; none when it was not measured."""
        return list(self.data["measurements"].get(name, {"rows": []})["rows"])

    def row(self, name: str, what: str, system: str, how: str = "") -> Row | None:
        """The row of one figure; None when there is none."""
        wanted = (what, system, how)
        found = (row for row in self.rows(name) if (row["what"], row["system"], row["how"]) == wanted)
        return next((row for row in found if "median" in row), None)

    def median(self, name: str, what: str, system: str, how: str = "") -> float | None:
        """A median, in seconds or bytes."""
        row = self.row(name, what, system, how)
        return None if row is None else float(row["median"])

    def ratio(self, name: str, what: str, how: str, other: str) -> float | None:
        """How many times more another system's median is than ours."""
        row = self.row(name, what, OURS, how)
        return None if row is None else row["ratios"].get(other)

    def series(self, name: str, how: str) -> tuple[list[float], list[float]]:
        """Our medians in a column by the numbers that its rows are called by."""
        rows = [row for row in self.rows(name) if row["how"] == how and "median" in row]
        return [float(row["what"].replace(",", "")) for row in rows], [row["median"] for row in rows]

    def product_rate(self, kind: str, how: str) -> float | None:
        """Multiply-adds a second of a matrix product."""
        row = self.row("ready faces", f"{kind} product", "limits", how)
        return None if row is None else row["facts"]["multiply_adds"] / row["median"]

    def share_of_limit(self, kind: str, how: str, batch: int = 32) -> float | None:
        """Our network's multiply-adds a second over those of a matrix product on as many threads."""
        seconds = self.median("ready faces", f"{batch} at a time", OURS, how)
        rate, network = self.product_rate(kind, how), self.data.get("network")
        return None if seconds is None or rate is None or network is None else network["multiply_adds"] / seconds / rate


def fit_line(x: Sequence[float], y: Sequence[float]) -> tuple[float, float, float]:
    """Start, slope and largest deviation of the line through points, whose relative errors are least in squares.

    Examples
    --------
    >>> fit_line([1, 2, 3], [3.0, 5.0, 7.0])
    (1.0, 2.0, 0.0)
    """
    weights = [1 / value**2 for value in y]
    total = sum(weights)
    mean_x, mean_y = (sum(w * v for w, v in zip(weights, values, strict=True)) / total for values in (x, y))
    spread = sum(w * (v - mean_x) ** 2 for w, v in zip(weights, x, strict=True))
    together = sum(w * (a - mean_x) * (b - mean_y) for w, a, b in zip(weights, x, y, strict=True))
    slope = together / spread
    start = mean_y - slope * mean_x
    return start, slope, max(abs(b / (start + slope * a) - 1) for a, b in zip(x, y, strict=True))
