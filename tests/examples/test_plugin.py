"""The example of a plug-in: installed by pip, known by its name, and passing its own tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import fer_toolkit

pytest.importorskip("hatchling", reason="the plug-in is built in the environment of the tests")

PLUGIN = Path(__file__).parents[2] / "examples" / "plugin"
OURS = Path(fer_toolkit.__file__).parents[1]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run a module where the plug-in is installed, and give what it prints."""
    site = tmp_path_factory.mktemp("site")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(OURS)])}

    def run(*arguments):
        done = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", site, PLUGIN)
    return run


def test_its_detector_is_known_by_name(run, fetched_weights, astronaut_path):
    fetched_weights("yunet-2026may")  # the detector inside is "auto", which must not warn
    table = run("fer_toolkit", "recognize", astronaut_path, "--detector", "tiles", "--format", "csv")
    assert ",happy," in table


def test_its_own_tests_pass(run, fetched_weights):
    fetched_weights("yunet-2026may")
    assert "3 passed" in run("pytest", "-p", "no:cacheprovider", PLUGIN / "tests")
