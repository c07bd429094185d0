"""What a long run holds: the page is what its figures make, and a short run is watched as the long one was."""

import importlib.util
import json
import mmap
import sys
from pathlib import Path

import pytest

pytest.importorskip("av", reason='needs "fer-toolkit[video]"')

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def long_run():
    """The script as a module; what it adds to the search path is taken back."""
    spec = importlib.util.spec_from_file_location("long_run", ROOT / "scripts" / "long_run.py")
    module, before = importlib.util.module_from_spec(spec), list(sys.path)
    try:
        sys.modules["long_run"] = module
        spec.loader.exec_module(module)
    finally:
        sys.path[:] = before
    return module


@pytest.fixture
def figures(long_run):
    return json.loads(long_run.FIGURES.read_text(encoding="utf-8"))["long_run"]


def test_the_page_is_what_its_figures_make(long_run, figures):
    page = long_run.PAGE.read_text(encoding="utf-8")
    assert long_run.render(page, figures) == page, "render it: python scripts/long_run.py --render"
    figures["runs"][0]["count"] += 1
    assert long_run.render(page, figures) != page


def test_the_figures_are_of_as_many_pictures_and_frames_as_the_script_says(long_run, figures):
    *pictures, frames = [each["count"] for each in figures["runs"]]
    assert pictures == list(long_run.PICTURES.values())
    assert frames == sum(length * times for length, times in long_run.CLIPS.items())
    assert (sum(pictures), frames) == (50_000, 200_000)


def test_nothing_grew_in_the_long_run(figures):
    for each in figures["runs"]:
        assert max(each["megabytes"]) - each["megabytes"][0] < 5
        assert each["threads"][1] - each["threads"][0] <= 2  # a clip's end, where its threads go
        assert each["files"][1] == each["files"][0]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is what Linux's /proc says")
def test_a_short_run_holds_no_more_at_its_end(long_run):
    pictures, frames = long_run.run({"none": 620}, {50: 8})
    assert (pictures.count, pictures.failed) == (620 // 12 * 12, 20)
    assert (frames.count, frames.failed) == (400, 0)
    for each in (pictures, frames):
        assert max(each.megabytes) - each.megabytes[0] < 10
        assert each.files[1] - each.files[0] <= 1
    assert pictures.threads[0] == pictures.threads[1]


def test_growth_is_seen(long_run):
    kept = []

    def grow():
        while True:
            kept.append(mmap.mmap(-1, 200_000))  # new pages: small objects may find room in what others freed
            kept[-1].write(bytes(200_000))
            yield True

    grown = long_run.watch("growing", 200, grow())
    assert grown.slope == pytest.approx(200_000, rel=0.2)
