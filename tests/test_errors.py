"""The tree of errors is as it is drawn, and fits Python's own."""

import inspect
import pickle
import re

import pytest

import fer_toolkit
from fer_toolkit import errors

CLASSES = {
    name: value
    for name, value in vars(errors).items()
    if inspect.isclass(value) and issubclass(value, Exception) and value.__module__ == errors.__name__
}


def drawn_tree():
    """From each error's name to its parent's and to Python's own error, as the module's docstring draws them."""
    tree, parents = {}, []
    for line in errors.__doc__.splitlines():
        match = re.match(r" {4}(?P<branch>[│├└─ ]*)(?P<name>\w+Error)\b", line)
        if match is None:
            continue
        depth = len(match["branch"]) // 4
        also = re.search(r"\(also (\w+)\)", line)
        parents[depth:] = [match["name"]]
        tree[match["name"]] = (parents[depth - 1] if depth else "Exception", also and also[1])
    return tree


def test_every_error_is_in_the_drawing_with_its_parents():
    actual = {}
    for name, error in CLASSES.items():
        first, *others = (base.__name__ for base in error.__bases__)
        actual[name] = (first, others[0] if others else None)
    assert drawn_tree() == actual


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_error_is_public_documented_and_survives_pickling(name):
    error = CLASSES[name]
    assert getattr(fer_toolkit, name) is error
    assert error.__doc__
    copy = pickle.loads(pickle.dumps(error("'a.jpg' is empty")))
    assert type(copy) is error
    assert str(copy) == "'a.jpg' is empty"


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_one_class_catches_them_all(name):
    with pytest.raises(errors.FerToolkitError):
        raise CLASSES[name]("wrong")


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.ImageError, ValueError),
        (errors.OptionError, ValueError),
        (errors.UnknownNameError, LookupError),
        (errors.CardError, ValueError),
        (errors.DataError, ValueError),
        (errors.MissingExtraError, ImportError),
        (errors.BrokenExtraError, ImportError),
    ],
)
def test_code_that_catches_python_s_own_errors_catches_ours(error, builtin):
    assert issubclass(error, builtin)


def test_an_unknown_name_is_shown_without_the_quotes_of_a_key_error():
    assert str(errors.UnknownNameError("no detector is named 'x'")) == "no detector is named 'x'"
