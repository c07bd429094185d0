"""The page on quantity is what its figures make, its table of columns is the real one, and its Python runs.

Nothing is timed here: ``python scripts/measure_scale.py`` does that.
"""

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest

from fer_toolkit import EmotionRecognizer

ROOT = Path(__file__).parents[1]


def load_script(path):
    """A program of the repository as a module; it adds a folder to the search path, which is taken back."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    try:
        sys.modules[path.stem] = module  # where its data classes look for their annotations
        spec.loader.exec_module(module)
    finally:
        sys.path[:] = before
    return module


scale = load_script(ROOT / "scripts" / "measure_scale.py")
PAGE = scale.PAGE.read_text(encoding="utf-8")


@pytest.fixture
def figures():
    """The figures, to be changed at will."""
    return json.loads(scale.FIGURES.read_text(encoding="utf-8"))


# The figures


def test_the_page_is_what_its_figures_make(figures):
    assert scale.render(PAGE, figures) == PAGE, "render it: python scripts/measure_scale.py --render"


def test_each_block_of_figures_has_its_place():
    assert sorted(re.findall(r"<!-- figures: (\w+) -->", PAGE)) == sorted(scale.BLOCKS)


@pytest.mark.parametrize(("name", "figure"), [("rates", "rate"), ("formats", "bytes")])
def test_a_page_is_out_of_date_when_a_figure_was_changed(name, figure, figures):
    figures["measurements"][name]["rows"][0][figure] *= 2
    assert scale.render(PAGE, figures) != PAGE


@pytest.mark.parametrize("name", scale.MEASUREMENTS)
def test_a_page_says_what_was_not_measured(name, figures):
    measured = figures["measurements"].pop(name, None)
    assert scale.UNKNOWN in scale.render(PAGE, figures)
    assert measured is None or scale.render(PAGE, figures) != PAGE


def test_the_cost_is_the_rate_of_two_processes_put_otherwise(figures):
    for row in figures["measurements"]["rates"]["rows"]:
        row["rate"] = 100.0 if row["workers"] == 2 else 60.0
    page = scale.render(PAGE, figures)
    assert page.count("1.67 times") == len(scale.KINDS)
    assert "| pictures an hour a core | 180,000 | 180,000 | 180,000 |" in page
    assert "| a million pictures, core hours | 5.6 | 5.6 | 5.6 |" in page
    assert "| a billion pictures, core hours | 5,600 | 5,600 | 5,600 |" in page
    assert "| a billion on 1,000 cores | 5.6 hours | 5.6 hours | 5.6 hours |" in page


def test_figures_are_medians_of_their_samples(figures):
    for measured in figures["measurements"].values():
        for row in measured["rows"]:
            for name, samples in row.get("samples", {}).items():
                assert row[name] == scale.statistics.median(samples)


def test_the_page_names_no_place_of_the_machine_that_measured():
    assert str(ROOT) not in PAGE + scale.FIGURES.read_text(encoding="utf-8")


# Measuring


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is what Linux's /proc says")
def test_a_run_over_a_folder_is_timed_and_its_memory_is_seen(tmp_path):
    scale_folder = scale.link_pictures(ROOT / "examples" / "images", tmp_path / "many", 5)
    run = scale.run_folder(scale_folder, tmp_path / "table.csv", 1, "none")
    assert run.pictures == 5
    assert min(run.start, run.work, run.join) > 0
    assert min(run.parent, run.worker) > 20e6  # a Python with OpenCV
    assert run.table == (tmp_path / "table.csv").stat().st_size


def test_linked_pictures_are_a_thousand_a_folder_and_take_turns(tmp_path):
    originals = tmp_path / "originals"
    originals.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (originals / name).write_text(name)
    many = scale.link_pictures(originals, tmp_path / "many", 1001)
    assert [len(list(folder.iterdir())) for folder in sorted(many.iterdir())] == [1000, 1]
    assert [path.read_text() for path in sorted(many.rglob("*.jpg"))[:3]] == ["a.jpg", "b.jpg", "a.jpg"]


# The text


def test_the_columns_of_the_page_are_those_of_the_table():
    pytest.importorskip("pyarrow", reason='needs "fer-toolkit[data]"')
    from fer_toolkit.batch import table_schema

    section = PAGE.partition("### The table")[2].partition("###")[0]
    rows = re.findall(r"^\| (`.+`) \| (\w+) \|", section, re.MULTILINE)
    stated = [(name, kind) for names, kind in rows for name in re.findall(r"`(\w+)`", names)]
    schema = table_schema(EmotionRecognizer("none").classifier.labels)
    assert stated == [(field.name, str(field.type)) for field in schema]


def test_the_python_of_the_page_runs_down_to_the_cluster(tmp_path, monkeypatch, astronaut_path, fetched_weights):
    for package in ("pandas", "pyarrow"):
        pytest.importorskip(package, reason='needs "fer-toolkit[data]"')
    fetched_weights("yunet-2026may")
    monkeypatch.chdir(tmp_path)
    Path("pictures").mkdir()
    for name in ("photo.jpg", "pictures/photo.jpg"):
        Path(name).write_bytes(astronaut_path.read_bytes())
    names = {"__name__": "page"}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.partition("## A cluster")[0], re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        exec(compile(block, "docs/scale.md", "exec"), names)
    assert (names["summary"].pictures, names["summary"].faces) == (1, 1)
