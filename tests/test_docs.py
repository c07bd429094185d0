"""The examples of the documentation run as they stand."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from fer_toolkit import weights
from fer_toolkit.detectors import DETECTORS

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "docs/index.md", "docs/recognizer.md", "docs/models.md", "docs/plugins.md"]


@pytest.fixture
def folder(tmp_path, monkeypatch, astronaut_path):
    """The working folder, with the pictures and the model that the examples name."""
    for name in ("photo.jpg", "two_people.jpg"):
        (tmp_path / name).write_bytes(astronaut_path.read_bytes())
    (tmp_path / "mine.tflite").write_bytes(weights.path("default").read_bytes())
    (card,) = re.findall(r"```json\n(.*?)```", (ROOT / "docs/models.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "mine.json").write_text(card)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(DETECTORS, "_registered", {})  # what an example registers is gone afterwards
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_the_python_of_a_page_runs_from_top_to_bottom(page, folder, fetched_weights):
    fetched_weights("yunet-2026may")  # the examples' detector is "auto", which must not warn
    run_the_python_of(page)


def test_the_python_of_the_page_on_videos_runs(folder, fetched_weights):
    for extra, package in (("video", "av"), ("data", "pandas"), ("plots", "matplotlib")):
        pytest.importorskip(package, reason=f'needs "fer-toolkit[{extra}]"')
    fetched_weights("yunet-2026may")
    subprocess.run([sys.executable, ROOT / "examples" / "make_clip.py", "clip.mp4", "--seconds", "6"], check=True)
    run_the_python_of("docs/video.md")
    assert {"faces.csv", "emotions.png", "marked.mp4"} < {path.name for path in folder.iterdir()}


def test_the_python_of_the_page_on_the_web_runs(folder):
    pytest.importorskip("waitress", reason='needs "fer-toolkit[web]"')
    server = run_the_python_of("docs/web.md")["server"]
    server.stop()
    server.run()  # to its end at once, which closes it


def run_the_python_of(page):
    names = {"__name__": "page"}
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), names)
    for name, value in names.items():
        if name.startswith("test_"):
            value()
    return names


def test_every_page_is_in_the_navigation_and_every_entry_is_a_page():
    listed = re.findall(r": ([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(path.name for path in (ROOT / "docs").glob("*.md"))
