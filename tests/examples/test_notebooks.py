"""The notebooks run from top to bottom, on small data, and what is stored in them is what they show."""

import importlib.util
import inspect
import re
import runpy
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbclient, which brings it, runs the notebooks")

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))
EXTRAS = {
    "fer2013_training": ("keras", "pandas", "matplotlib"),
    "video_analysis": ("av", "scipy", "pandas", "matplotlib"),
}


def stored(path):
    return nbformat.read(path, as_version=4)


def kinds(notebook):
    """What each cell shows: ``stdout``, or the formats of a table, a chart or a picture."""
    return [
        [output.get("name") or sorted(output["data"]) for output in cell.get("outputs", ())] for cell in notebook.cells
    ]


@pytest.fixture
def small(tiny_network):
    """By notebook: lines that make its data small, and its network."""
    with_tiny_network = f"""
from fer_toolkit.training import networks

{inspect.getsource(tiny_network)}

networks.NETWORKS = {{"tiny": tiny}}
FACES, NETWORK, EPOCHS = 210, "tiny", 1
"""
    return {"fer2013_training": with_tiny_network, "video_analysis": "SECONDS = 4"}


@pytest.fixture
def run(small, tmp_path, monkeypatch, fetched_weights):
    """Run a notebook on small data; its files go into a folder of the test."""
    fetched_weights("yunet-2026may")  # the notebooks' detector is "auto", which must not warn
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):  # not the user's
        monkeypatch.setenv(name, str(tmp_path / name))
    script = runpy.run_path(str(ROOT / "scripts" / "run_notebooks.py"))

    def run(path):
        return script["run"](path, f"{small[path.stem]}\nOUTPUT = Path({str(tmp_path / 'output')!r})")

    return run


by_name = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@by_name
def test_it_runs_and_each_cell_shows_what_is_stored_under_it(path, run):
    for package in EXTRAS[path.stem]:
        if importlib.util.find_spec(package) is None:  # a kernel of its own imports it
            pytest.skip(f"needs the package {package}")
    assert kinds(run(path)) == kinds(stored(path))


@by_name
def test_it_is_stored_as_a_run_from_top_to_bottom_left_it(path):
    notebook = stored(path)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    shown = {kind for cell in kinds(notebook) for kind in cell if isinstance(kind, str)}
    assert shown == {"stdout"}  # neither an error nor a warning


@by_name
def test_it_is_small_and_says_nothing_of_the_machine_it_was_run_on(path):
    text = path.read_text(encoding="utf-8")
    assert len(text) < 500_000
    assert not re.search(r"/(tmp|home|root|Users)/", text)
    assert stored(path).metadata.language_info == {"name": "python"}
    assert all(set(cell.metadata) <= {"tags"} for cell in stored(path).cells)


@by_name
def test_its_links_lead_somewhere(path):
    text = "\n".join(cell.source for cell in stored(path).cells if cell.cell_type == "markdown")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (path.parent / target).exists(), target
