"""A missing extra and a broken one are told apart."""

import sys
from types import ModuleType

import pytest

from fer_toolkit._optional import is_installed, require
from fer_toolkit.errors import BrokenExtraError, FerToolkitError, MissingExtraError


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A function that puts a package of the given source on the path."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def make(name, source, **modules):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").write_text(source)
        for module, text in modules.items():
            (folder / f"{module}.py").write_text(text)
        return name

    yield make
    for name in set(sys.modules) - before:
        del sys.modules[name]


def ask(module):
    return require(module, extra="onnx", feature="classifying with an .onnx file")


def test_a_module_that_is_there_is_given(package):
    name = package("there_1", "value = 3", inner="value = 4")
    assert ask(name).value == 3
    assert ask(f"{name}.inner").value == 4


def test_a_missing_package_names_the_feature_the_package_and_the_command_that_installs_it():
    with pytest.raises(MissingExtraError) as raised:
        ask("not_there_1.inner")
    assert str(raised.value) == (
        "classifying with an .onnx file needs the package 'not_there_1'. "
        'Install it with: pip install "fer-toolkit[onnx]"'
    )
    assert raised.value.name == "not_there_1"


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import not_there_2", "ModuleNotFoundError: No module named 'not_there_2'"),
        ("raise ImportError('libGL.so.1: cannot open shared object file')", "ImportError: libGL.so.1"),
        ("raise OSError('[WinError 126]')", "OSError: [WinError 126]"),
        ("raise AttributeError('built for another numpy')", "AttributeError: built for another numpy"),
        ("import not_there_2.broken_6", "ModuleNotFoundError: No module named 'not_there_2'"),
    ],
)
def test_a_package_that_is_there_and_fails_to_import_is_broken_and_not_missing(package, source, cause):
    name = package("broken_6", source)
    with pytest.raises(BrokenExtraError) as raised:
        ask(name)
    assert "needs the package 'broken_6', which is installed but fails to import" in str(raised.value)
    assert cause in str(raised.value)
    assert 'pip install --upgrade --force-reinstall "fer-toolkit[onnx]"' in str(raised.value)
    assert raised.value.__cause__ is not None


def test_a_package_without_the_module_asked_for_is_broken(package):
    name = package("partial_1", "")
    with pytest.raises(BrokenExtraError, match=r"No module named 'partial_1\.inner'"):
        ask(f"{name}.inner")


@pytest.mark.parametrize("error", [MissingExtraError, BrokenExtraError])
def test_both_errors_are_ours_and_import_errors(error):
    assert issubclass(error, FerToolkitError)
    assert issubclass(error, ImportError)


def test_whether_a_module_is_installed_is_known_without_importing_it(package):
    name = package("unread_1", "raise RuntimeError('imported')")
    assert is_installed(name)
    assert name not in sys.modules


@pytest.mark.parametrize("module", ["not_there_3", "not_there_3.inner"])
def test_an_absent_module_is_not_installed(module):
    assert not is_installed(module)


def test_a_module_put_in_place_by_hand_counts_as_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "by_hand_1", ModuleType("by_hand_1"))
    assert is_installed("by_hand_1")
