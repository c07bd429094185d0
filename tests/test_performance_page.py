"""The page on speed and memory is what its figures make, and the harness that measures them does what it says.

Nothing is timed here: ``make bench`` does that.
"""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks"


def load(name):
    """A module of the harness, which is a folder of programs and no package."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(BENCHMARKS))


page, aims, results, measurements, systems, run, pictures = map(
    load, ("page", "aims", "results", "measurements", "systems", "run", "pictures")
)
PAGE = page.FIGURES.with_suffix(".md")


@pytest.fixture
def data():
    """The figures, to be changed at will."""
    return json.loads(page.FIGURES.read_text(encoding="utf-8"))


def row(what, how="", system="fer-toolkit", median=1.0, **more):
    return {"what": what, "system": system, "how": how, "median": median, "ratios": {}, **more}


def only(name, *rows):
    return results.Results({"measurements": {name: {"rows": list(rows)}}})


# The page


def test_the_page_is_what_its_figures_make():
    assert PAGE.read_bytes() == page.render().encode(), "render it: python benchmarks/run.py --render"


def test_figures_of_another_machine_are_a_section_with_all_aims(data, tmp_path):
    figures = tmp_path / "performance.json"
    data["machine"]["processor"] = "First"
    figures.write_text(json.dumps(data), encoding="utf-8")
    assert "### " not in page.render(figures)
    data["machine"]["processor"] = "Second"
    (tmp_path / "performance-second.json").write_text(json.dumps(data), encoding="utf-8")
    _, found = page.render(figures).split("### Second\n")
    assert "Measured on Second, " in found
    assert "[performance-second.json](performance-second.json) has every sample" in found
    assert all(f"| {aim.what} | {aim.wanted} |" in found for aim in aims.AIMS)


def test_figures_of_another_machine_get_no_page_of_their_own(data, tmp_path):
    for name in ("performance.json", "performance-second.json", "try.json"):
        (tmp_path / name).write_text(json.dumps(data), encoding="utf-8")
        run.write_page(tmp_path / name)
    assert {file.name for file in tmp_path.glob("*.md")} == {"performance.md", "try.md"}
    assert "### " in (tmp_path / "performance.md").read_text(encoding="utf-8")


def test_each_aim_has_a_row_that_states_its_measured_figure(data):
    first, _ = PAGE.read_text(encoding="utf-8").split("## On other machines")
    rows = [line for line in first.splitlines() if line.startswith("| ")]
    for aim in aims.AIMS:
        (line,) = (each for each in rows if each.startswith(f"| {aim.what} |"))
        got = aim.got(results.Results(data))
        assert (page.UNKNOWN if got is None else got.text) in line
        assert ("yes" in line.split("|")[-2]) == (got is not None and got.share >= 1)


def test_a_page_is_out_of_date_when_a_figure_was_changed(data, tmp_path):
    first = data["measurements"]["import"]["rows"][0]
    first["median"] *= 2
    changed = tmp_path / "performance.json"
    changed.write_text(json.dumps(data), encoding="utf-8")
    assert page.render(changed) != PAGE.read_text(encoding="utf-8")


def test_a_page_says_what_was_not_measured_and_what_failed(data, tmp_path):
    error = {"what": "import", "system": "fer", "how": "", "error": "No module named 'pkg_resources'"}
    data["measurements"] = {"import": {**data["measurements"]["import"], "rows": [error]}}
    file = tmp_path / "performance.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    text = page.render(file)
    assert page.UNKNOWN in text
    assert "No figure of `fer`: No module named 'pkg_resources'" in text


def test_the_page_names_no_place_of_the_machine_that_measured():
    for file in (PAGE, page.FIGURES):
        assert str(ROOT) not in file.read_text(encoding="utf-8")


# The aims


@pytest.mark.parametrize(
    ("aim", "found", "text", "reached"),
    [
        (
            aims.milliseconds_at_most(500, "cold start", "400x400", "yunet"),
            only("cold start", row("400x400", "yunet", median=0.4)),
            "400 ms",
            True,
        ),
        (
            aims.times_faster(12, "cold start", "400x400", "yunet", "fer"),
            only("cold start", row("400x400", "yunet", ratios={"fer": 11.96})),
            "12.0 times",
            False,
        ),
        (
            aims.bookkeeping,
            only(
                "parts",
                row("small", "rest", samples=[0.1, 0.2, 0.3]),
                row("small", "whole", samples=[1.0, 1.0, 1.0]),
                row("large", "rest", samples=[0.1, 0.1, 0.1]),
                row("large", "whole", samples=[1.0, 1.0, 1.0]),
            ),
            "10 to 20 %, most at small",
            False,
        ),
        (
            aims.peak_memory,
            only("peak memory", row("4000x3000", "yunet", median=140e6), row("4000x3000", "", "fer", median=894e6)),
            "140 MB; `fer` 894 MB",
            True,
        ),
        (
            aims.linear_time,
            only("growth in faces", *(row(f"{n:,}", "ready faces", median=1 + 2 * n) for n in (1, 10, 100, 1000))),
            "within 0.0 %, 1 to 1,000 faces",
            True,
        ),
        (
            aims.flat_memory,
            only("memory in faces", row("100", "ready faces", median=3e6), row("10,000", "ready faces", median=53e6)),
            "50.0 MB more for 10,000 than for 100",
            False,
        ),
    ],
)
def test_an_aim_is_judged_by_its_figure(aim, found, text, reached):
    got = aim(found)
    assert got.text == text
    assert (got.share >= 1) == reached


def test_a_ready_faces_time_is_scaled_to_cores_as_fast_as_the_aim_supposes():
    product = row("float32 product", "2 threads", "limits", median=1.0, facts={"multiply_adds": 60e9})  # half of it
    faces = row("3,589 at once", "2 threads", median=0.2e-3)
    got = aims.ready_face(only("ready faces", product, faces))
    assert got.text == "0.200 ms where two cores do 120; in proportion 0.100 ms"
    assert got.share == pytest.approx(1.3)


@pytest.mark.parametrize("aim", aims.AIMS, ids=lambda aim: aim.what)
def test_what_was_not_measured_is_no_failure(aim):
    assert aim.got(results.Results({"measurements": {}})) is None


def test_a_line_is_fitted_by_relative_errors():
    start, slope, deviation = results.fit_line([1, 10, 1000], [3.0, 21.0, 2001.0])
    assert (start, slope, deviation) == (pytest.approx(1), pytest.approx(2), pytest.approx(0, abs=1e-9))
    assert results.fit_line([1, 10, 1000], [3.0, 42.0, 2001.0])[2] > 0.2


# The harness


@pytest.mark.parametrize("measurement", measurements.MEASUREMENTS, ids=lambda each: each.name)
def test_cells_have_a_place_each_and_ask_systems_that_there_are_for_pictures_that_are_made(measurement):
    cells = measurement.cells([Path("mine.jpg")])
    assert len({(cell.what, cell.system, cell.how) for cell in cells}) == len(cells)
    assert {cell.system for cell in cells} <= set(systems.SYSTEMS)
    made = {"400x400", "2280x1588", "4000x3000", "200x200", "mine"}
    made |= {f"side-{side}" for side in pictures.SIDES} | {f"crowd-{count}" for count in pictures.CROWDS}
    assert {Path(cell.options["picture"]).stem for cell in cells if "picture" in cell.options} <= made


@pytest.mark.parametrize("system", systems.SYSTEMS.values(), ids=lambda each: each.name)
def test_every_system_has_its_adapter(system):
    assert (systems.WORKERS / system.worker).is_file()


class Scripted:
    """Answers as it is told, in place of the systems."""

    def __init__(self, broken):
        self.asked, self.broken = [], broken

    def ask(self, cell, times=1):
        self.asked.append((cell.system, times))
        if cell.system == self.broken:
            raise run.FigureError("no weights")
        return {"seconds": {"fer-toolkit": 0.02, "fer": 0.04}[cell.system], "facts": {}}


def two_systems(_):
    return [measurements.Cell("a picture", system, "recognize") for system in ("fer-toolkit", "fer")]


def test_systems_take_turns_and_short_tasks_are_repeated():
    bench = Scripted(broken=None)
    rows = run.measure(measurements.Measurement("one", "ms", two_systems, rounds=3), two_systems(()), bench)
    assert bench.asked[:2] == [("fer-toolkit", 1), ("fer", 1)]
    assert sorted(bench.asked[2:]) == [("fer", 2)] * 3 + [("fer-toolkit", 3)] * 3
    assert all(sorted(bench.asked[i : i + 2])[0][0] == "fer" for i in (2, 4, 6))
    assert rows[0]["ratios"] == {"fer": 2.0}
    assert rows[0]["samples"] == [0.02] * 3


def test_a_system_that_fails_is_reported_and_the_others_go_on():
    bench = Scripted(broken="fer")
    ours, theirs = run.measure(measurements.Measurement("one", "ms", two_systems, rounds=3), two_systems(()), bench)
    assert theirs == {"what": "a picture", "system": "fer", "how": "", "error": "no weights"}
    assert len(ours["samples"]) == 3
    assert ours["ratios"] == {}


def test_a_row_of_the_figures_is_a_line(data):
    text = run.to_json(data)
    assert json.loads(text) == data
    rows = [each for measured in data["measurements"].values() for each in measured["rows"]]
    assert sum('"what"' in line for line in text.splitlines()) == len(rows)


WORKER = """
import sys
sys.path.insert(0, {workers!r})
from protocol import serve

def count(start):
    numbers = iter(range(start, 100))
    def action():
        print("a library's remark")
        return {{"number": next(numbers)}}
    return action

serve({{"count": count}}, ["pytest", "not-installed"])
"""


def test_a_worker_prepares_once_answers_a_line_a_request_and_survives_errors():
    requests = [
        {"task": "count", "options": {"start": 5}},
        {"task": "count", "options": {"start": 5}, "times": 3},
        {"task": "count", "options": {"end": 5}},
        {"task": "versions"},
    ]
    done = subprocess.run(
        [sys.executable, "-c", WORKER.format(workers=str(systems.WORKERS))],
        input="".join(f"{json.dumps(request)}\n" for request in requests),
        capture_output=True,
        text=True,
        check=True,
    )
    first, second, third, fourth = map(json.loads, done.stdout.splitlines())
    assert (first["facts"]["number"], second["facts"]["number"]) == (5, 8)
    assert third["error"].startswith("TypeError")
    assert set(fourth["facts"]) == {"Python", "pytest"}
