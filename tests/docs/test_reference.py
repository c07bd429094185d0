"""The API's pages list every public name, and its docstring says what it takes and gives."""

import dataclasses
import functools
import importlib
import inspect
import re
from pathlib import Path

import pytest

from fer_toolkit.video.stream import VideoStream

DOCS = Path(__file__).parents[2] / "docs"
PUBLIC = [
    "fer_toolkit",
    "fer_toolkit.batch",
    "fer_toolkit.classifiers",
    "fer_toolkit.detectors",
    "fer_toolkit.testing",
    "fer_toolkit.weights",
    "fer_toolkit.web",
]
NOT_BUILT = {VideoStream}  # by users: a method of another class gives it
NOT_LISTED = {
    "fer_toolkit.__version__": "a text",
    "fer_toolkit.classifiers.RUNTIMES": "for this package's own use",
    "fer_toolkit.detectors.DETECTORS": "for this package's own use",
}


def entries():
    """The names that stand in the pages, those of a whole module one by one."""
    for page in ("api.md", "training_api.md"):
        text = (DOCS / page).read_text(encoding="utf-8")
        for name, members in re.findall(
            r"^::: ([\w.]+)$(?:\n    options:\n      members: \[(.*)\])?", text, re.MULTILINE
        ):
            if resolve(name).__class__.__name__ != "module":
                yield name
                continue
            for each in members.split(", ") if members else public_names(resolve(name)):
                yield f"{name}.{each}"


def public_names(module):
    """What a module without ``__all__`` defines."""
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == module.__name__
    ]


@functools.cache
def resolve(name):
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not name.startswith(error.name or ""):  # a package that is not installed
            pytest.skip(f"needs an extra: {error}")
        module, _, attribute = name.rpartition(".")
        return getattr(resolve(module), attribute)


@pytest.fixture(scope="module")
def listed():
    return {name: resolve(name) for name in entries()}


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_is_listed(module, listed):
    public = importlib.import_module(module)
    names = getattr(public, "__all__", None) or public_names(public)
    values = [*listed.values()]
    missing = [f"{module}.{name}" for name in names if not any(getattr(public, name) is value for value in values)]
    assert [name for name in missing if name not in NOT_LISTED] == []


def functions_of(name, value):
    """A function, or the constructor and public methods of a class, with what is written about them."""
    if inspect.isfunction(value):
        yield name, value, value.__doc__
    elif inspect.isclass(value) and value not in NOT_BUILT:
        fields = inspect.getsource(value) if dataclasses.is_dataclass(value) else ""  # each with a docstring below it
        if inspect.isfunction(vars(value).get("__init__")) and not getattr(value, "_is_protocol", False):
            yield name, value.__init__, f"{value.__doc__} {fields}"
        for each, method in vars(value).items():
            if inspect.isfunction(method) and not each.startswith("_"):
                yield f"{name}.{each}", method, method.__doc__


def test_every_docstring_tells_of_all_that_is_taken(listed):
    lacks = []
    for name, value in listed.items():
        for place, function, text in functions_of(name, value):
            for parameter in inspect.signature(function).parameters:
                if parameter != "self" and not re.search(rf"\b{parameter}\b", text or "", re.IGNORECASE):
                    lacks.append(f"{place}: {parameter}")
    assert lacks == []
