"""Charts: of an evaluation, 80 mm wide as a column of a paper, and of a video, twice as wide.

It knows the figures of an evaluation only as a type.

Figures are made without pyplot, so no window opens and none has to be closed. All colours are set here, so that a style
of the user's own makes nothing illegible.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from fer_toolkit._files import whole_file
from fer_toolkit._optional import require
from fer_toolkit.errors import OptionError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec

    from fer_toolkit.training.evaluation import Evaluation
    from fer_toolkit.training.figures import Coverage, Reliability

_WIDTH = 80 / 25.4  # inches
_DPI = 300
_SMALL, _NORMAL, _TITLE = 6.0, 7.0, 8.0  # points
_TITLE_LETTERS, _LABELS = 45, 9  # what has room in that width: letters of a title, labels of a confusion matrix
_LEGEND_LETTERS = 77  # what has room in 160 mm, where each name takes three more for its patch

# Blue and vermilion of Okabe and Ito (2008), "Color Universal Design", https://jfly.uni-koeln.de/color/: anyone tells
# them apart, and in grey print they differ from the ink by their lightness.
_BLUE, _VERMILION = "#0072B2", "#D55E00"
_INK, _FAINT, _GRID, _PAPER = "#000000", "#777777", "#DDDDDD", "#FFFFFF"
_SHADES = "Blues"  # of one hue, darker for more: nothing is lost to colour blindness or grey print

_MARKED = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Least confidences that are marked on the curve of accuracy against coverage."""

_FEWEST = 20
"""Faces that an accuracy on the curve is at least measured on; of fewer it says next to nothing."""


def draw_confusion(confusion: NDArray[np.integer], labels: Sequence[str], title: str = "") -> Figure:
    """The confusion matrix: rows are true labels, in per cent of their faces; the number of these stands beside.

    Parameters
    ----------
    confusion
        (labels, labels) numbers of faces: rows are true, columns predicted.
    labels
        Names of the classes.
    title
        What stands above.

    Returns
    -------
    matplotlib.figure.Figure
        80 mm wide, for more than nine labels wider.

    Raises
    ------
    OptionError
        If `confusion` does not have a row and a column for each label.
    MissingExtraError
        If Matplotlib is not installed.

    Examples
    --------
    >>> figure = draw_confusion(np.array([[8, 2], [1, 9]]), ["happy", "sad"])
    >>> figure.savefig("confusion.png")  # doctest: +SKIP
    """
    count = len(labels)
    if confusion.shape != (count, count):
        raise OptionError(
            f"confusion must be ({count}, {count}), as there are {count} labels. Received: {confusion.shape}"
        )
    faces = confusion.sum(axis=1)
    percent = 100 * confusion / np.maximum(faces, 1)[:, None]
    figure = _figure(title, height=0.97, width=max(1, count / _LABELS))
    axes = _axes(figure, "predicted, % of the row", "true (number of faces)")
    edges = np.arange(count + 1) - 0.5
    axes.pcolormesh(edges, edges, percent, cmap=_SHADES, vmin=0, vmax=100, edgecolors=_PAPER, linewidth=0.8)
    axes.set(aspect="equal", ylim=(count - 0.5, -0.5))
    for (row, column), value in np.ndenumerate(percent):
        color = _PAPER if value > 71 else _INK  # where each has the higher contrast with the shade
        axes.text(column, row, f"{value:.0f}", ha="center", va="center_baseline", size=_NORMAL, color=color)
    with_faces = [f"{label} ({n:,})" for label, n in zip(labels, faces, strict=True)]
    axes.set_xticks(range(count), labels, rotation=40, ha="right", rotation_mode="anchor", parse_math=False)
    axes.set_yticks(range(count), with_faces, parse_math=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def draw_reliability(reliability: Reliability, title: str = "") -> Figure:
    """The reliability diagram: accuracy against confidence, and how many faces have which confidence.

    Calibrated probabilities lie on the diagonal. The bars are 95 % intervals of the accuracy (Wilson 1927, JASA 22,
    209-212): a distance within them may be chance.

    Parameters
    ----------
    reliability
        As :meth:`fer_toolkit.training.figures.Figures.reliability` gives it.
    title
        What stands above.

    Returns
    -------
    matplotlib.figure.Figure
        80 mm wide.

    Raises
    ------
    MissingExtraError
        If Matplotlib is not installed.
    """
    filled = reliability.count > 0
    confidence, accuracy = 100 * reliability.confidence[filled], 100 * reliability.accuracy[filled]
    count, edges = reliability.count, 100 * reliability.edges
    low, high = _wilson(reliability.accuracy[filled], count[filled])
    figure = _figure(title, height=1.1)
    grid = figure.add_gridspec(2, 1, height_ratios=(3, 1))
    above = _axes(figure, "", "accuracy (%)", grid[0])
    below = _axes(figure, "confidence (%)", "faces (%)", grid[1])
    above.plot([0, 100], [0, 100], color=_FAINT, linewidth=0.8, linestyle=(0, (4, 3)), label="perfectly calibrated")
    above.errorbar(
        confidence,
        accuracy,
        yerr=[np.maximum(accuracy - 100 * low, 0), np.maximum(100 * high - accuracy, 0)],
        color=_BLUE,
        marker="o",
        markersize=3,
        linewidth=1.2,
        elinewidth=0.8,
        label="measured, 95 % interval",
    )
    above.set(xlim=(0, 100), ylim=(0, 100), xticklabels=[])
    _legend(above, "upper left")
    error = f"expected calibration error {reliability.ece:.3f}"
    above.text(0.97, 0.04, error, transform=above.transAxes, ha="right", va="bottom", size=_NORMAL, color=_INK)
    _grid(above)
    below.bar(
        edges[:-1], 100 * count / max(int(count.sum()), 1), np.diff(edges), align="edge", color=_BLUE, edgecolor=_PAPER
    )
    below.set(xlim=(0, 100))
    return figure


def draw_coverage(coverage: Coverage, title: str = "") -> Figure:
    """Accuracy against coverage, as the least confident faces are set aside; values of ``min_confidence`` are marked.

    Parameters
    ----------
    coverage
        The whole curve, as :meth:`fer_toolkit.training.figures.Figures.coverage` gives it.
    title
        What stands above.

    Returns
    -------
    matplotlib.figure.Figure
        80 mm wide.

    Raises
    ------
    MissingExtraError
        If Matplotlib is not installed.
    """
    shown = coverage.kept >= min(_FEWEST, int(coverage.kept.max(initial=0)))
    threshold, x, y = coverage.threshold[shown], 100 * coverage.coverage[shown], 100 * coverage.accuracy[shown]
    low, high = _wilson(coverage.accuracy[shown], coverage.kept[shown])
    figure = _figure(title, height=0.8)
    axes = _axes(figure, "faces not set aside (%)", "accuracy on them (%)")
    axes.fill_between(x, 100 * low, 100 * high, color=_BLUE, alpha=0.2, linewidth=0, label="95 % interval")
    axes.plot(
        x, y, color=_BLUE, linewidth=1.2, marker="o", markersize=3, markevery=[-1], clip_on=False, label="measured"
    )
    # The threshold stands at the least confident face that it keeps; one that keeps none or all is left out.
    last = {mark: int((threshold >= mark).sum()) - 1 for mark in _MARKED}
    marks = {mark: place for mark, place in last.items() if 0 <= place < len(x) - 1}
    places = list(marks.values())
    axes.plot(
        x[places], y[places], color=_VERMILION, marker="o", markersize=3.5, linestyle="none", label="min_confidence"
    )
    for mark, place in marks.items():
        where = (x[place], y[place])
        axes.annotate(f"{mark}", where, xytext=(2, 3), textcoords="offset points", size=_SMALL, color=_INK)
    axes.set(xlim=(0, 100), ylim=(max(axes.get_ylim()[0], 0), 100))
    _legend(axes, "lower left")
    _grid(axes)
    return figure


def draw_timeline(
    panels: Mapping[str, tuple[NDArray[np.floating], NDArray[np.floating]]],
    labels: Sequence[str],
    colors: Sequence[tuple[int, int, int]],
    title: str = "",
    *,
    gap: float = 1.0,
) -> Figure:
    """Probabilities over time, stacked, one panel above the other.

    Parameters
    ----------
    panels
        By name, such as ``"face 0"``: times, seconds (n,), in ascending order, and probabilities (n, labels).
    labels
        Names of the emotions.
    colors
        Of each, ``(red, green, blue)``, 0 to 255.
    title
        What stands above.
    gap
        Seconds between two times from which on nothing is drawn between them.

    Returns
    -------
    matplotlib.figure.Figure
        160 mm wide.

    Raises
    ------
    MissingExtraError
        If Matplotlib is not installed.

    Examples
    --------
    >>> times, values = np.arange(4) / 2, np.array([[0.9, 0.1], [0.7, 0.3], [0.4, 0.6], [0.1, 0.9]])
    >>> figure = draw_timeline({"face 0": (times, values)}, ["happy", "sad"], [(240, 228, 66), (0, 114, 178)])
    >>> figure.savefig("timeline.png")  # doctest: +SKIP
    """
    rows = max(1, len(panels))
    figure = _figure(title, height=0.14 * rows + 0.16, width=2)
    grid = figure.add_gridspec(rows, 1)
    shades = [(red / 255, green / 255, blue / 255) for red, green, blue in colors]
    ends = [times[[0, -1]] for times, _ in panels.values() if len(times)]
    first, last = (min(low for low, _ in ends), max(high for _, high in ends)) if ends else (0.0, 1.0)
    for row, (name, (times, values)) in enumerate(panels.items()):
        axes = _axes(figure, "time (s)" if row == rows - 1 else "", f"{name}\n(%)", grid[row])
        for piece in np.split(np.arange(len(times)), np.flatnonzero(np.diff(times) > gap) + 1):
            # In print and in grey a line parts neighbours that are of one lightness.
            axes.stackplot(times[piece], 100 * values[piece].T, colors=shades, edgecolor=_INK, linewidth=0.25)
        _name_areas(axes, times, values, labels, gap=gap, seconds=last - first)
        axes.set(xlim=(first, max(last, first + 1e-3)), ylim=(0, 100), yticks=(0, 50, 100))
        if row < rows - 1:
            axes.set_xticklabels([])
    patches = require("matplotlib.patches", extra="plots", feature="a chart")
    keys = [patches.Patch(facecolor=shade, edgecolor=_INK, linewidth=0.4) for shade in shades]
    abreast = max(1, _LEGEND_LETTERS // (max(map(len, labels), default=0) + 3))
    lines = max(1, -(-len(labels) // abreast))
    figure.legend(
        keys,
        list(labels),
        loc="outside lower center",
        ncols=max(1, -(-len(labels) // lines)),
        frameon=False,
        fontsize=_NORMAL,
        labelcolor=_INK,
    )
    return figure


def _name_areas(
    axes: Axes,
    times: NDArray[np.floating],
    values: NDArray[np.floating],
    labels: Sequence[str],
    *,
    gap: float,
    seconds: float,
) -> None:
    """Write a label into the widest place where its emotion is the main one, if it has room."""
    main = values.argmax(axis=1) if len(values) else np.empty(0, int)
    for number, label in enumerate(labels):
        ends = np.flatnonzero(np.diff(main == number) | (np.diff(times) > gap)) + 1
        runs = np.split(np.arange(len(main)), ends)
        widest = max((run for run in runs if len(run) and main[run[0]] == number), key=len, default=None)
        if widest is None or times[widest[-1]] - times[widest[0]] < 0.012 * (len(label) + 2) * seconds:
            continue
        middle = widest[len(widest) // 2]
        below, own = 100 * values[middle, :number].sum(), 100 * values[middle, number]
        if own >= 35:
            style = {"boxstyle": "round,pad=0.15", "facecolor": _PAPER, "edgecolor": "none", "alpha": 0.85}
            axes.text(
                times[middle], below + own / 2, label, size=_SMALL, color=_INK, ha="center", va="center", bbox=style
            )


def save_evaluation_plots(
    evaluation: Evaluation, folder: str | os.PathLike[str], title: str = ""
) -> tuple[Path, Path, Path]:
    """Write ``confusion.png``, ``reliability.png`` and ``coverage.png``: figures of all faces of an evaluation.

    Parameters
    ----------
    evaluation
        As :func:`fer_toolkit.training.evaluation.evaluate` gives it.
    folder
        Where to; it is made if need be, and older files of these names are replaced.
    title
        What stands above each, such as ``"fer2013-small-1 on PrivateTest"``.

    Returns
    -------
    tuple of Path
        The three files, 300 dots an inch, in that order.

    Raises
    ------
    ExportError
        If a file can't be written.
    MissingExtraError
        If Matplotlib is not installed.
    """
    figures = evaluation.official
    drawn = {
        "confusion.png": draw_confusion(figures.confusion, figures.labels, title),
        "reliability.png": draw_reliability(figures.reliability(), title),
        "coverage.png": draw_coverage(figures.coverage(), title),
    }
    for name, figure in drawn.items():
        save_figure(figure, Path(folder, name))
    confusion, reliability, coverage = (Path(folder, name) for name in drawn)
    return confusion, reliability, coverage


def save_figure(figure: Figure, path: Path) -> None:
    """Write a chart as PNG, 300 dots an inch; the file is whole or as it was."""
    with whole_file(path) as draft:
        figure.savefig(draft, dpi=_DPI, format="png", facecolor="auto")


def _figure(title: str, *, height: float, width: float = 1) -> Figure:
    """A figure with nothing but a title, `width` columns wide and `height` times as high."""
    matplotlib = require("matplotlib.figure", extra="plots", feature="a chart")
    figure: Figure = matplotlib.Figure(
        (width * _WIDTH, height * width * _WIDTH), dpi=_DPI, layout="constrained", facecolor=_PAPER
    )
    if title:
        figure.suptitle(textwrap.fill(title, _TITLE_LETTERS), size=_TITLE, color=_INK, parse_math=False)
    return figure


def _axes(figure: Figure, x: str, y: str, cell: SubplotSpec | None = None) -> Axes:
    """Axes with the names of what they show."""
    axes = figure.add_subplot(cell) if cell else figure.add_subplot()
    axes.set_facecolor(_PAPER)
    axes.set_xlabel(x, size=_NORMAL, color=_INK)
    axes.set_ylabel(y, size=_NORMAL, color=_INK)
    axes.tick_params(labelsize=_NORMAL, colors=_INK, width=0.6, length=2.5)
    axes.spines[:].set(color=_INK, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(visible=False)
    return axes


def _grid(axes: Axes) -> None:
    axes.grid(visible=True, color=_GRID, linewidth=0.5, linestyle="-")


def _legend(axes: Axes, place: Literal["upper left", "lower left"]) -> None:
    axes.legend(loc=place, frameon=False, fontsize=_NORMAL, labelcolor=_INK)


def _wilson(share: NDArray[np.float64], count: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The 95 % interval of a share that was counted among `count`: its lower and upper ends."""
    z = 1.96
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    return middle - half, middle + half
