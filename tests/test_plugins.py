"""Plug-in packages, really installed, and found by a program that knows only their names."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import fer_toolkit

PLUGINS = Path(__file__).with_name("plugin")
OURS = Path(fer_toolkit.__file__).parents[1]


def install(plugin, folder):
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    installed = subprocess.run([*command, "--target", folder, PLUGINS / plugin], capture_output=True, text=True)
    assert installed.returncode == 0, installed.stderr
    return folder


@pytest.fixture(scope="session")
def example(tmp_path_factory):
    return install("example", tmp_path_factory.mktemp("example"))


@pytest.fixture(scope="session")
def faulty(tmp_path_factory):
    return install("faulty", tmp_path_factory.mktemp("faulty"))


def run(program, *folders, warnings="error"):
    """What a program prints that is run with the plug-ins in `folders`."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (*folders, OURS)))}
    done = subprocess.run(
        [sys.executable, "-W", warnings, "-c", program], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1], done.stderr


def test_a_plugin_is_found_by_its_entry_points(example):
    printed, _ = run(
        """
from fer_toolkit import available_classifiers, available_detectors
print("bright-spot" in available_detectors(), "brightness" in available_classifiers())
""",
        example,
    )
    assert printed == ["True True"]


def test_listing_names_does_not_import_the_plugin(example):
    printed, _ = run(
        """
import sys
from fer_toolkit import available_detectors
available_detectors()
print("fer_toolkit_example_plugin" in sys.modules)
""",
        example,
    )
    assert printed == ["False"]


def test_its_parts_keep_the_contract(example):
    run(
        """
from fer_toolkit.classifiers import build_classifier
from fer_toolkit.detectors import build_detector
from fer_toolkit.testing import check_classifier, check_detector
check_detector(build_detector("bright-spot"))
check_classifier(build_classifier("brightness"))
""",
        example,
    )


def test_it_is_used_by_name_in_the_whole_way_of_a_picture(example):
    printed, _ = run(
        """
import numpy as np
from fer_toolkit import EmotionRecognizer
picture = np.zeros((100, 200, 3), np.uint8)
picture[20:60, 50:90] = 250
options = {"threshold": 240}
recognizer = EmotionRecognizer(detector="bright-spot", classifier="brightness", detector_options=options)
result = recognizer.recognize(picture)
print(result.detector, result.classifier, result[0].emotion, result[0].box)
""",
        example,
    )
    assert printed == ["bright-spot brightness happy (50.0, 20.0, 90.0, 60.0)"]


def test_an_option_that_the_plugin_lacks_is_refused(example):
    printed, _ = run(
        """
from fer_toolkit import OptionError
from fer_toolkit.detectors import build_detector
try:
    build_detector("bright-spot", treshold=3)
except OptionError as error:
    print(error)
""",
        example,
    )
    assert printed == [
        "the detector 'bright-spot' has no option 'treshold'. Did you mean 'threshold'? There are: threshold"
    ]


def test_a_built_in_name_stays_built_in_and_the_plugin_is_named(faulty):
    printed, warned = run(
        "from fer_toolkit.detectors import available_detectors, build_detector; available_detectors(); "
        'print(build_detector("haar").name)',
        faulty,
        warnings="always",
    )
    assert printed == ["haar"]
    assert "'fer-toolkit-faulty-plugin' offers a detector named 'haar', which is a built-in name" in warned


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "broken",
            "'fer-toolkit-faulty-plugin' .* fails to import; .*: ModuleNotFoundError: .*a_package_that_is_nowhere",
        ),
        ("not-callable", "'fer-toolkit-faulty-plugin' .* must be a class or a function"),
    ],
)
def test_a_plugin_that_fails_is_named_and_harms_no_other(faulty, example, name, message):
    printed, _ = run(
        f"""
import re
from fer_toolkit import BrokenExtraError, available_detectors
from fer_toolkit.detectors import build_detector
print({name!r} in available_detectors(), build_detector("bright-spot").name)
try:
    build_detector({name!r})
except BrokenExtraError as error:
    print(bool(re.search({message!r}, str(error))))
""",
        faulty,
        example,
        warnings="ignore",
    )
    assert printed == ["True bright-spot", "True"]
