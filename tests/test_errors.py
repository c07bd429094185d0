"""The tree of errors is as it is drawn, and fits Python's own; their messages have one form, and are all on a page."""

import importlib.util
import inspect
import pickle
import re
import sys
from pathlib import Path

import pytest

import fer_toolkit
from fer_toolkit import errors

ROOT = Path(__file__).parents[1]


def load_script(path):
    """A program of the repository as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


page = load_script(ROOT / "scripts" / "error_page.py")
PAGE = page.PAGE.read_text(encoding="utf-8")
MESSAGES = page.messages()

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


# Messages: each that the sources hold, with <name> for what it is filled with

WITHOUT_INPUT = {
    # What is wrong is that something was not given, or that it is empty.
    "give --output DIR for the run, or --preview PNG for a picture of what is learnt from",
    "give the names of the weights to fetch, or --all",
    "int8 needs calibration faces, from which it learns the range of each layer; give some",
    "the data has no faces; give data that has some",
    "the data has no votes; read it with FER+'s fer2013new.csv",
    "the path is empty; give the path of a picture",
    "the path is empty; give the path of a video",
    "there are no faces to fit a temperature to; give one row at least",
    "this result does not know its picture; pass it: result.draw(picture)",
    # The options that don't go together are named by the text itself.
    "--chart goes with --annotate DIR, which says where to write the pictures; add it",
    "--soft-labels are shares of FER+'s votes: add --labels ferplus-7 or ferplus-8",
    # It is about the machine or the process, not about an input.
    "there is no display to show the camera's picture on: DISPLAY is not set; use `video` for files",
    "this OpenCV can't open a window; install opencv-contrib-python, not its headless variant",
    # The input is thousands of numbers; file and line stand before these.
    "pixels must be whole numbers from 0 to 255",
    "shares must be 0 or more, and those of a face must sum to 1",
    "votes must be numbers, 0 or more",
    # It is a secret, or can't be shown.
    "the query must be UTF-8, with all but ASCII percent-encoded",
    "token must be text of one or more ASCII characters without spaces",
}
PARTS_OF_LONGER_ONES = "weights/_download.py"  # what one host did; fer_toolkit.weights.store says what to do
SAYS_WHAT_TO_DO = re.compile(r"\bmust\b|[;:.?] [\w<-]|^give ")


def test_the_sources_are_read_whole():
    assert len(MESSAGES) > 250
    assert {message.error for message in MESSAGES} == set(CLASSES) - {"WeightsError"}  # which only its subclasses are


def without(condition):
    """Where the messages stand that do not fulfil it, apart from those that are parts of longer ones."""
    wrong = [each for each in MESSAGES if each.file != PARTS_OF_LONGER_ONES and not condition(each.form)]
    return [f"{each.file}:{each.line}: {each.form}" for each in wrong]


def test_a_message_names_its_input_or_has_none_to_name():
    assert without(lambda form: re.search(r"<\S+>", form) or form in WITHOUT_INPUT or "was forked from" in form) == []


def test_no_message_is_excepted_that_is_not_there():
    assert {message.form for message in MESSAGES} >= WITHOUT_INPUT


def test_a_message_says_what_must_be_or_what_to_do_or_ends_in_another_s_reason():
    hands_on = re.compile(r"(<\w+>)+")  # a whole message, put together elsewhere
    assert without(lambda form: SAYS_WHAT_TO_DO.search(form) or hands_on.fullmatch(form)) == []


def test_a_message_reads_well_after_a_colon():
    """Commands print ``Error: <message>``: it begins small, unless with a name, and has no full stop at its end."""
    assert without(lambda form: re.match(r"[a-z<-]|OpenCV|MediaPipe|Keras|FER|Usage", form)) == []
    assert without(lambda form: form == form.strip() and form[-1] not in ".!:;," and "  " not in form) == []


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_the_page_has_each_class_with_what_to_do(name):
    (section,) = re.findall(rf"\n## {name}\n(.*?)(?=\n## |\Z)", PAGE, re.DOTALL)
    if name != "WeightsError":
        assert "\n**What to do:** " in section


def test_the_page_has_the_messages_as_they_are():
    is_up_to_date = page.render(PAGE) == PAGE
    assert is_up_to_date, "write it anew: python scripts/error_page.py"
