"""``fer-toolkit detectors`` and ``fer-toolkit doctor``."""

import pytest

from fer_toolkit import __version__, doctor
from fer_toolkit.detectors import available_detectors


@pytest.fixture
def quick(monkeypatch):
    """The doctor looks at no package: that takes seconds, and is tested with the doctor."""
    monkeypatch.setattr(doctor, "CORE", {})
    monkeypatch.setattr(doctor, "_extras", dict)


def test_all_detectors_are_listed_with_their_state(run):
    result = run("detectors")
    lines = result.stdout.splitlines()
    assert (result.exit_code, result.stderr) == (0, "")
    assert lines[0].split() == ["detector", "state", "what", "it", "is"]
    assert max(map(len, lines)) <= 80
    states = {line.split("   ")[0].strip(): line for line in lines[2:]}
    assert [name for name in available_detectors() if name not in states] == []
    assert "   ready   " in states["haar"] + " "
    assert "weights missing" in states["yunet"]


def test_the_doctor_of_a_sound_installation_ends_with_0(run, quick):
    result = run("doctor")
    lines = result.stdout.splitlines()
    assert (result.exit_code, result.stderr) == (0, "")
    assert lines[0].startswith(f"ok      fer-toolkit           {__version__} in")
    assert max(len(line) for line in lines if "/" not in line) <= 80
    assert "PROBLEM" not in result.stdout


def test_the_doctor_ends_with_1_when_there_is_a_problem(run, quick, monkeypatch, tmp_path):
    monkeypatch.setenv("FER_TOOLKIT_MIRROR", str(tmp_path / "nowhere"))
    result = run("doctor")
    assert result.exit_code == 1
    assert "\nPROBLEM mirror                " in result.stdout
    assert result.stdout.endswith("\n1 problem found\n")


def test_the_doctor_fetches_nothing(run, quick, monkeypatch, tmp_path):
    monkeypatch.delenv("FER_TOOLKIT_OFFLINE")
    run("doctor")
    assert not (tmp_path / "cache").exists()
