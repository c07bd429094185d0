"""What is to go warns, where it is used; and goes in time."""

import ast
import inspect
import subprocess
import sys
import types
import warnings
from pathlib import Path

import pytest
from packaging.version import Version

import fer_toolkit
from fer_toolkit._deprecation import deprecated, warn_deprecated

SOURCES = Path(fer_toolkit.__file__).parent


@deprecated(since="0.4.0", removed_in="0.6.0", instead="new(x)")
def old(x, *, factor=2):
    """What is said of it."""
    return factor * x


class Part:
    @deprecated(since="0.4.0", removed_in="0.6.0", instead="Part.new_size")
    def size(self):
        return 3


def of_an_argument(max_size=None):
    if max_size is not None:
        warn_deprecated("max_size=", since="0.4.0", removed_in="0.6.0", instead="max_side=")
    return max_size


class TestWarning:
    @pytest.mark.parametrize(
        ("use", "answer", "what", "instead"),
        [
            (lambda: old(4, factor=3), 12, "old()", "new(x)"),
            (lambda: Part().size(), 3, "size()", "Part.new_size"),
            (lambda: of_an_argument(max_size=640), 640, "max_size=", "max_side="),
        ],
    )
    def test_it_names_what_goes_when_and_what_to_use_and_the_line_and_what_is_old_works(
        self, use, answer, what, instead
    ):
        with pytest.warns(FutureWarning) as caught:
            assert use() == answer
        (warning,) = caught
        said = f"{what} is deprecated since fer-toolkit 0.4.0 and will be removed in 0.6.0; use {instead}"
        assert str(warning.message) == said
        assert (warning.filename, warning.lineno) == (__file__, use.__code__.co_firstlineno)

    def test_a_name_of_a_module_points_at_the_line_that_uses_it(self):
        module = types.ModuleType("module")
        exec(
            "from fer_toolkit._deprecation import warn_deprecated\n"
            "def __getattr__(name):\n"
            "    warn_deprecated(name, since='0.4.0', removed_in='0.6.0', instead='other')\n",
            vars(module),
        )
        with pytest.warns(FutureWarning, match="^gone is deprecated") as caught:
            module.gone  # noqa: B018
        assert caught[0].filename == __file__

    def test_nothing_is_said_of_what_stays(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert of_an_argument() is None

    def test_it_is_shown_without_being_asked_for_in_a_module_of_the_user_s(self, tmp_path):
        (tmp_path / "mine.py").write_text(
            "from fer_toolkit._deprecation import deprecated\n"
            "@deprecated(since='0.4.0', removed_in='0.6.0', instead='new()')\n"
            "def old(): ...\n"
            "old()\n"
        )
        command = [sys.executable, "-c", "import mine"]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert "mine.py:4: FutureWarning: old() is deprecated" in run.stderr

    def test_what_is_marked_keeps_its_name_its_docstring_and_its_arguments(self):
        assert (old.__name__, old.__doc__) == ("old", "What is said of it.")
        assert list(inspect.signature(old).parameters) == ["x", "factor"]


# That what is to go does go


def announcements(source):
    """The versions of each announcement in a module: since when, and removed in which."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in (
            "deprecated",
            "warn_deprecated",
        ):
            said = {
                each.arg: ast.literal_eval(each.value) for each in node.keywords if each.arg in ("since", "removed_in")
            }
            yield node.lineno, Version(said["since"]), Version(said["removed_in"])


def overdue(source, version):
    """The lines of a module that announce what should be gone in this version, or be announced later only."""
    return [line for line, since, removed_in in announcements(source) if not since <= Version(version) < removed_in]


@pytest.mark.parametrize(
    ("version", "lines"), [("0.3.9", [2]), ("0.4.0", []), ("0.5.7", []), ("0.6.0", [2]), ("1.0.0", [2])]
)
def test_what_outlives_its_version_is_found(version, lines):
    source = "import x\n@x.deprecated(since='0.4.0', removed_in='0.6.0', instead='y')\ndef f(): ...\n"
    assert overdue(source, version) == lines


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(SOURCES.rglob("*.py")) if path.name != "_deprecation.py"],
    ids=lambda path: path.relative_to(SOURCES).as_posix(),
)
def test_nothing_outlives_the_version_that_should_have_removed_it(path):
    source = path.read_text(encoding="utf-8")
    assert overdue(source, fer_toolkit.__version__) == [], "remove it, and say so in CHANGELOG.md"
    assert [line for line, since, removed_in in announcements(source) if removed_in <= since] == []
