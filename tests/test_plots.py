"""Charts show the numbers they were given, and are fit for print."""

import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from fer_toolkit.errors import ExportError, MissingExtraError, OptionError
from fer_toolkit.labels import FER2013, FERPLUS
from fer_toolkit.training.evaluation import Evaluation
from fer_toolkit.training.figures import coverage, measure, reliability

matplotlib = pytest.importorskip("matplotlib", reason='needs "fer-toolkit[plots]"')

from fer_toolkit.plots import (  # noqa: E402
    draw_confusion,
    draw_coverage,
    draw_reliability,
    draw_timeline,
    save_evaluation_plots,
)

COLUMN = 945  # 80 mm at 300 dots an inch

# Ten faces in two bins of ten: 0.15 (four faces, one right) and 0.75 (six, four right).
CONFIDENCE = np.array([0.15] * 4 + [0.75] * 6)
RIGHT = np.array([1, 0, 0, 0, 1, 1, 1, 1, 0, 0], bool)


@pytest.fixture(scope="module")
def evaluation():
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet(np.full(7, 0.3), 300)
    truth = np.array([rng.choice(7, p=row) for row in probabilities])
    figures = measure(probabilities, truth, FER2013)
    return Evaluation(figures, figures, figures)


def shaded(axes):
    """The values and colours of a confusion matrix's cells."""
    (mesh,) = axes.collections
    mesh.update_scalarmappable()
    return mesh.get_array(), mesh.get_facecolors()


def points(line):
    return np.column_stack([line.get_xdata(), line.get_ydata()])


# Confusion matrix


def test_the_cells_of_a_confusion_matrix_are_per_cent_of_the_true_label():
    (axes,) = draw_confusion(np.array([[6, 2], [3, 9]]), ["happy", "sad"], "mine").axes
    np.testing.assert_array_equal(shaded(axes)[0], [[75, 25], [25, 75]])
    assert {text.get_position(): text.get_text() for text in axes.texts} == {
        (0, 0): "75",
        (1, 0): "25",
        (0, 1): "25",
        (1, 1): "75",
    }
    assert axes.figure.get_suptitle() == "mine"


def test_true_labels_go_down_with_their_numbers_and_predicted_ones_across():
    (axes,) = draw_confusion(np.array([[1200, 34], [0, 5]]), ["happy", "sad"]).axes
    assert [(label.get_text(), label.get_position()[1]) for label in axes.get_yticklabels()] == [
        ("happy (1,234)", 0),
        ("sad (5)", 1),
    ]
    assert [(label.get_text(), label.get_position()[0]) for label in axes.get_xticklabels()] == [
        ("happy", 0),
        ("sad", 1),
    ]
    assert axes.yaxis_inverted()
    assert axes.get_ylabel().startswith("true")
    assert axes.get_xlabel().startswith("predicted")


def test_a_label_without_faces_has_a_row_of_zeros():
    (axes,) = draw_confusion(np.array([[4, 0], [0, 0]]), ["happy", "sad"]).axes
    np.testing.assert_array_equal(shaded(axes)[0], [[100, 0], [0, 0]])


def luminance(color):
    """Relative luminance of WCAG 2.2."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in matplotlib.colors.to_rgb(color)]
    return np.dot(linear, [0.2126, 0.7152, 0.0722])


def test_every_number_stands_out_from_its_shade():
    percent = np.arange(50, 101, 2)
    confusion = np.diag(percent)
    confusion[:, 0] += 100 - percent
    (axes,) = draw_confusion(confusion, [str(p) for p in percent]).axes
    colors = dict(zip(np.ndindex(confusion.shape), shaded(axes)[1], strict=True))
    for text in axes.texts:
        column, row = text.get_position()
        dark, light = sorted([luminance(text.get_color()), luminance(colors[row, column])])
        assert (light + 0.05) / (dark + 0.05) >= 4.5, text  # what WCAG asks for


def test_a_matrix_that_does_not_fit_the_labels_is_refused():
    with pytest.raises(OptionError, match=r"must be \(3, 3\), as there are 3 labels. Received: \(2, 2\)"):
        draw_confusion(np.eye(2, dtype=int), ["a", "b", "c"])


# Reliability


def test_the_points_are_the_filled_bins():
    above, _ = draw_reliability(reliability(CONFIDENCE, RIGHT, bins=10)).axes
    diagonal, measured = above.lines[:2]
    np.testing.assert_array_equal(points(diagonal), [[0, 0], [100, 100]])
    np.testing.assert_allclose(points(measured), [[15, 25], [75, 200 / 3]])


def test_the_bars_of_the_points_are_wilsons_intervals():
    above, _ = draw_reliability(reliability(CONFIDENCE, RIGHT, bins=10)).axes
    (bars,) = above.collections
    expected = [stats.binomtest(right, n).proportion_ci(method="wilson") for right, n in ((1, 4), (4, 6))]
    segments = [segment[:, 1] for segment in bars.get_segments()]
    np.testing.assert_allclose(segments, 100 * np.array(expected), atol=0.01)


def test_the_bars_below_are_the_shares_of_faces():
    _, below = draw_reliability(reliability(CONFIDENCE, RIGHT, bins=10)).axes
    assert [bar.get_height() for bar in below.patches] == [0, 40, 0, 0, 0, 0, 0, 60, 0, 0]
    np.testing.assert_allclose([bar.get_x() for bar in below.patches], np.arange(0, 100, 10), atol=1e-9)
    np.testing.assert_allclose([bar.get_width() for bar in below.patches], 10)


def test_the_diagram_states_the_calibration_error():
    above, _ = draw_reliability(reliability(CONFIDENCE, RIGHT, bins=10)).axes
    assert [text.get_text() for text in above.texts] == ["expected calibration error 0.090"]  # 0.4 * 0.1 + 0.6 * 0.0833


# Coverage


def test_the_curve_is_accuracy_against_coverage():
    (axes,) = draw_coverage(coverage(CONFIDENCE, RIGHT)).axes
    # The six faces of 0.75 alone are fewer than tell anything: the curve begins where all ten are left.
    np.testing.assert_allclose(points(axes.lines[0]), [[100, 50]])
    many = coverage(np.repeat(CONFIDENCE, 10), np.repeat(RIGHT, 10))
    (axes,) = draw_coverage(many).axes
    np.testing.assert_allclose(points(axes.lines[0]), [[60, 200 / 3], [100, 50]])


def test_the_marks_are_what_min_confidence_does():
    confidence, right = np.linspace(0.25, 0.95, 701), np.arange(701) % 3 > 0
    (axes,) = draw_coverage(coverage(confidence, right)).axes
    expected = {}
    for threshold in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
        kept = confidence >= threshold
        expected[str(threshold)] = (100 * kept.mean(), 100 * right[kept].mean())
    assert [text.get_text() for text in axes.texts] == list(expected)
    np.testing.assert_allclose([text.xy for text in axes.texts], list(expected.values()))
    np.testing.assert_allclose(points(axes.lines[1]), list(expected.values()))


def test_a_threshold_that_sets_nothing_or_all_aside_is_not_marked():
    confidence = np.linspace(0.55, 0.75, 500)
    (axes,) = draw_coverage(coverage(confidence, confidence > 0.6)).axes
    assert [text.get_text() for text in axes.texts] == ["0.6", "0.7"]


def test_the_band_holds_the_curve():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.2, 1, 400)
    (axes,) = draw_coverage(coverage(confidence, rng.random(400) < confidence)).axes
    (band,) = axes.collections
    outline = band.get_paths()[0].vertices
    for x, y in points(axes.lines[0]):
        low, high = outline[np.isclose(outline[:, 0], x), 1].min(), outline[np.isclose(outline[:, 0], x), 1].max()
        assert low <= y <= high


def test_a_classifier_that_is_always_sure_still_has_a_curve_to_see():
    (axes,) = draw_coverage(coverage(np.ones(30), np.arange(30) % 2 == 0)).axes
    line = axes.lines[0]
    np.testing.assert_allclose(points(line), [[100, 50]])
    assert line.get_marker() == "o"


# Print


@dataclass
class Chart:
    draw: object
    name: str


CHARTS = [
    Chart(lambda figures, title: draw_confusion(figures.confusion, figures.labels, title), "confusion"),
    Chart(lambda figures, title: draw_reliability(figures.reliability(), title), "reliability"),
    Chart(lambda figures, title: draw_coverage(figures.coverage(), title), "coverage"),
    Chart(lambda figures, title: random_timeline(figures.labels, title), "timeline"),
]


def random_timeline(labels, title):
    rng = np.random.default_rng(0)
    panels = {f"face {i}": (np.arange(51) / 10, rng.dirichlet(np.ones(len(labels)), 51)) for i in range(3)}
    return draw_timeline(panels, labels, [(90, 160, 230)] * len(labels), title)


@pytest.fixture(params=CHARTS, ids=[chart.name for chart in CHARTS])
def draw(request):
    return request.param.draw


LONG = "enet-b0-8-best-vgaf of 2022 on all faces of a folder of mine, by the votes of FER+"


@pytest.mark.parametrize("labels", [FERPLUS, ("smile", "none"), tuple(f"emotion {i}" for i in range(20))])
def test_all_words_are_within_the_picture_and_of_a_size_to_be_read(draw, labels):
    rng = np.random.default_rng(0)
    figures = measure(rng.dirichlet(np.ones(len(labels)), 500), rng.integers(len(labels), size=500), labels)
    figure = draw(figures, LONG)
    figure.draw_without_rendering()
    words = [text for text in figure.findobj(matplotlib.text.Text) if text.get_text() and text.get_visible()]
    assert words
    for text in words:
        box = text.get_window_extent()
        assert figure.bbox.x0 - 1 <= box.x0 < box.x1 <= figure.bbox.x1 + 1, text
        assert figure.bbox.y0 - 1 <= box.y0 < box.y1 <= figure.bbox.y1 + 1, text
        assert text.get_fontsize() >= 6, text


def test_names_are_taken_as_they_are():
    figure = draw_confusion(np.eye(2, dtype=int), [r"$\frac{1}$", "a_b"], r"$\oops$")
    figure.draw_without_rendering()
    assert figure.get_suptitle() == r"$\oops$"


def pixels(figure, path):
    figure.savefig(path)
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def test_a_style_of_the_users_changes_nothing(draw, evaluation, tmp_path):
    plain = pixels(draw(evaluation.official, "mine"), tmp_path / "plain.png")
    with matplotlib.rc_context({**matplotlib.rcParams, **DARK}):
        figure = draw(evaluation.official, "mine")
    np.testing.assert_array_equal(pixels(figure, tmp_path / "dark.png"), plain)


DARK = {
    "axes.edgecolor": "white",
    "axes.facecolor": "black",
    "axes.grid": True,
    "axes.labelcolor": "white",
    "figure.facecolor": "black",
    "font.size": 20,
    "grid.color": "red",
    "grid.linestyle": ":",
    "text.color": "white",
    "xtick.color": "white",
    "ytick.color": "white",
}


# Files


def test_the_files_are_png_for_a_column_of_80_mm(evaluation, tmp_path):
    files = save_evaluation_plots(evaluation, tmp_path / "new" / "charts", "mine")
    assert [file.name for file in files] == ["confusion.png", "reliability.png", "coverage.png"]
    assert sorted(files) == sorted((tmp_path / "new" / "charts").iterdir())
    for file, height in zip(files, (0.97, 1.1, 0.8), strict=True):
        with Image.open(file) as picture:
            assert picture.format == "PNG"
            assert picture.size == pytest.approx((COLUMN, height * COLUMN), abs=2)
            assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_the_files_are_of_all_faces(evaluation, tmp_path):
    confusion, *_ = save_evaluation_plots(evaluation, tmp_path, "mine")
    expected = draw_confusion(evaluation.official.confusion, FER2013, "mine")
    with Image.open(confusion) as picture:
        written = np.asarray(picture.convert("RGB"))
    np.testing.assert_array_equal(written, pixels(expected, tmp_path / "expected.png"))


def test_older_files_are_replaced(evaluation, tmp_path):
    (tmp_path / "coverage.png").write_text("older")
    *_, written = save_evaluation_plots(evaluation, tmp_path)
    assert written.read_bytes().startswith(b"\x89PNG")


def test_a_folder_that_cannot_be_made_is_named(evaluation, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ExportError, match=r"file.confusion\.png can't be written"):
        save_evaluation_plots(evaluation, tmp_path / "file")


# Matplotlib


class Absent:
    """What the import system meets where Matplotlib is not installed."""

    def find_spec(self, name, path=None, target=None):
        if name == "matplotlib":
            raise ModuleNotFoundError(name=name)


def test_without_matplotlib_the_message_says_what_to_install(draw, evaluation, monkeypatch):
    monkeypatch.delitem(sys.modules, "matplotlib")
    monkeypatch.delitem(sys.modules, "matplotlib.figure", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Absent(), *sys.meta_path])
    with pytest.raises(MissingExtraError, match=r"fer-toolkit\[plots\]"):
        draw(evaluation.official, "mine")


def test_drawing_neither_imports_pyplot_nor_is_matplotlib_imported_before():
    program = """
import sys
import numpy as np
from fer_toolkit.plots import draw_confusion
assert "matplotlib" not in sys.modules
draw_confusion(np.eye(2, dtype=int), ["a", "b"]).draw_without_rendering()
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


# Timeline


def timeline(panels, labels=("happy", "sad", "neutral"), **options):
    colors = [(20 * i % 256, 110, 255 - 20 * i % 256) for i in range(len(labels))]
    return draw_timeline(panels, labels, colors, **options)


def steady(times, *row):
    """A face that shows the same at all times."""
    return np.asarray(times, float), np.tile(row, (len(times), 1))


def heights(area, time):
    """From where to where an area reaches at a time."""
    at = area.get_paths()[0].vertices
    values = at[np.isclose(at[:, 0], time), 1]
    return values.min(), values.max()


def test_the_areas_are_stacked_to_100_per_cent_in_the_order_of_the_labels():
    times, values = np.array([0.0, 0.5, 1.0]), np.array([[0.7, 0.2, 0.1], [0.5, 0.5, 0.0], [0.1, 0.2, 0.7]])
    (axes,) = timeline({"face 0": (times, values)}).axes
    for time, row in zip(times, values, strict=True):
        edges = np.concatenate([[0], np.cumsum(100 * row)])
        found = [heights(area, time) for area in axes.collections]
        np.testing.assert_allclose(found, np.column_stack([edges[:-1], edges[1:]]), atol=1e-9)
    assert axes.get_xlim() == (0, 1)
    assert axes.get_ylim() == (0, 100)


def test_each_face_has_a_panel_on_one_axis_of_time():
    panels = {"face 0": steady([0, 1, 2], 0.8, 0.1, 0.1), "face 3": steady([1.5, 2, 4], 0.1, 0.8, 0.1)}
    figure = timeline(panels, title="clip.mp4")
    assert [axes.get_ylabel() for axes in figure.axes] == ["face 0\n(%)", "face 3\n(%)"]
    assert [axes.get_xlim() for axes in figure.axes] == [(0, 4), (0, 4)]
    assert [axes.get_xlabel() for axes in figure.axes] == ["", "time (s)"]
    assert figure.get_suptitle() == "clip.mp4"
    assert figure.get_size_inches()[0] == pytest.approx(160 / 25.4)


def test_the_legend_has_the_colour_of_each_emotion():
    figure = timeline({"face 0": steady([0, 1], 0.8, 0.1, 0.1)})
    (legend,), (axes,) = figure.legends, figure.axes
    assert [text.get_text() for text in legend.get_texts()] == ["happy", "sad", "neutral"]
    shown = [patch.get_facecolor() for patch in legend.get_patches()]
    np.testing.assert_allclose(shown, [area.get_facecolor()[0] for area in axes.collections])
    np.testing.assert_allclose(shown[1], (20 / 255, 110 / 255, 235 / 255, 1))


def test_nothing_is_drawn_while_a_face_is_not_seen():
    (axes,) = timeline({"face 0": steady([0, 0.5, 1, 4, 4.5, 5], 0.8, 0.1, 0.1)}).axes
    spans = {tuple(area.get_paths()[0].vertices[:, 0][[0, -1]]) for area in axes.collections}
    covered = [area.get_paths()[0].get_extents() for area in axes.collections]
    assert len(axes.collections) == 6, spans
    assert {(box.x0, box.x1) for box in covered} == {(0, 1), (4, 5)}


def test_an_emotion_is_named_where_it_is_the_main_one_for_long_enough():
    times = np.arange(100) / 10
    values = np.tile([0.9, 0.1, 0.0], (100, 1))
    values[60:] = [0.1, 0.9, 0.0]
    values[30] = [0.0, 0.1, 0.9]  # of neutral there is one frame
    (axes,) = timeline({"face 0": (times, values)}).axes
    places = {text.get_text(): text.get_position() for text in axes.texts}
    assert list(places) == ["happy", "sad"]
    assert 0 < places["happy"][0] < 6 < places["sad"][0] < 10
    assert places["happy"][1] == pytest.approx(45)
    assert places["sad"][1] == pytest.approx(10 + 45)


@pytest.mark.parametrize("panels", [{}, {"face 0": steady([2.5], 0.8, 0.1, 0.1)}], ids=["no face", "one frame"])
def test_a_chart_of_hardly_anything_can_be_drawn(panels):
    figure = timeline(panels)
    figure.draw_without_rendering()
    assert len(figure.axes) == len(panels)
