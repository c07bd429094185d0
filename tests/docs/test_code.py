"""All code of the documentation runs as it stands, page by page and from top to bottom, as a reader would run it.

A block's language says what is done with it:

``python``   runs, in one namespace a page
``pycon``    runs as a doctest
``sh``       each line runs, and succeeds
``console``  what stands after ``$`` runs, and prints what stands below it
``output``   is what the block before it printed
``json``, ``toml``  can be read

Printed numbers may differ a little between machines. What does not run here is listed below, with the reason.
"""

import doctest
import json
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fer_toolkit.cli import app

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    if not path.name.endswith(".notes.md")  # a part of another page
)
PAGES_ELSEWHERE = {
    "docs/models/ferplus-small-1.md": "hours, by the commands of docs/training.md: tests/test_model_pages.py",
    "docs/models/fer2013-ensemble-2.md": "as below",
    "docs/models/fer2013-small-1.md": "hours, by the commands of docs/training.md: tests/test_model_pages.py",
    "docs/models/fer2013-small-2.md": "as above",
    "docs/models/fer2013-small-4.md": "as above",
    "docs/scale.md": "tests/test_scale_page.py; what a cluster does: tests/batch/test_datasets.py",
}

LANGUAGES_RUN = ("python", "pycon", "sh", "console", "output", "json", "toml")
LANGUAGES_NOT_RUN = {
    "bat": "for Windows, the same as the lines for other systems",
    "nginx": "the settings of another program",
    "py": "of packages that fer-toolkit does not depend on",
    "text": "what is shown is no code",
}
COMMANDS_NOT_RUN = {
    "FER_TOOLKIT_CACHE=weights fer-toolkit models fetch": "asks the internet",
    "KERAS_BACKEND=jax": "in a process of its own: tests/training/test_distribution.py",
    "cd ": "into a copy of the repository",
    "curl ": "asks a server: tests/web",
    "docker ": "another program",
    "export KERAS_": "for several machines: tests/training/test_distribution.py",
    "fer-toolkit --install-completion": "writes into the home folder: tests/cli/test_completion.py",
    "fer-toolkit models fetch": "asks the internet",
    "fer-toolkit train --data fer2013.csv --output /shared": "for several machines, as above",
    "fer-toolkit serve": "serves until it is stopped: tests/cli/test_serve.py",
    "git ": "asks the internet",
    "kaggle ": "asks the internet",
    "make ": "makes environments",
    "pip ": "asks the internet",
    "python -m build": "asks the internet",
    "python examples/make_clip.py": "a shorter clip is there",
    "python benchmarks/": "takes minutes",
    "python scripts/": "takes minutes",
    "python -m venv": "makes an environment",
    "source ": "enters an environment",
    "tar ": "of the file above",
    "unzip ": "of the file above",
}
OUTPUT_NOT_COMPARED = {
    "fer-toolkit doctor": "of another machine",
    "fer-toolkit evaluate": "of the whole of FER2013",
    "fer-toolkit models path": "of another machine",
    "fer-toolkit video clip.mp4": "of a longer clip",
}
NEEDS = {
    "docs/augmentation.md": ["keras"],
    "docs/cli.md": ["av", "keras"],
    "docs/coming-from.md": ["av", "pandas"],
    "docs/distribution.md": ["keras"],
    "docs/evaluation.md": ["matplotlib"],
    "docs/export.md": ["keras", "tf2onnx", "onnxruntime"],
    "docs/start.md": ["pandas"],
    "docs/training.md": ["keras"],
    "docs/video.md": ["av", "pandas", "matplotlib"],
    "docs/web.md": ["waitress"],
}
NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Block:
    """A piece of code of a page."""

    page: str
    line: int
    """Of its first line of code."""
    language: str
    code: str

    @property
    def place(self):
        return f"{self.page}, line {self.line}"


def blocks_of(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.finditer(r"^( *)```([\w+-]*)[^\n]*\n(.*?)^\1```$", text, re.DOTALL | re.MULTILINE)
    return [Block(page, text[: each.start(3)].count("\n") + 1, each[2], textwrap.dedent(each[3])) for each in found]


@pytest.mark.parametrize("page", [page for page in PAGES if page not in PAGES_ELSEWHERE and blocks_of(page)])
def test_the_code_of_a_page_runs(page, request, folder, monkeypatch, capsys):
    for package in NEEDS.get(page, ()):
        pytest.importorskip(package, reason="needs an extra")
    if "keras" in NEEDS.get(page, ()):
        request.getfixturevalue("short_training")
    if page == "docs/export.md":
        request.getfixturevalue("trained")
    if "av" in NEEDS.get(page, ()):
        (folder / "clip.mp4").write_bytes(request.getfixturevalue("clip").read_bytes())
    reader = Reader(monkeypatch, capsys)
    capsys.readouterr()
    for block in blocks_of(page):
        reader.read(block)
    reader.finish()


def test_every_block_says_what_it_is():
    """A block without a language would be passed over by the test above."""
    known = {*LANGUAGES_RUN, *LANGUAGES_NOT_RUN}
    assert [block.place for page in PAGES for block in blocks_of(page) if block.language not in known] == []


def test_what_is_listed_as_not_run_is_there():
    blocks = [block for page in PAGES for block in blocks_of(page)]
    lines = [line.removeprefix("$ ") for block in blocks for line in commands_of(block)]
    listed = [*COMMANDS_NOT_RUN, *OUTPUT_NOT_COMPARED]
    assert [start for start in listed if not any(line.startswith(start) for line in lines)] == []
    assert {*LANGUAGES_NOT_RUN} <= {block.language for block in blocks}
    assert {*NEEDS, *PAGES_ELSEWHERE} <= {*PAGES}


class Reader:
    """Runs the blocks of a page, one after the other; each language has a method."""

    def __init__(self, monkeypatch, capsys):
        self._monkeypatch, self._capsys = monkeypatch, capsys
        self._names = {"__name__": "page"}
        self._printed = ""

    def read(self, block):
        if block.language not in LANGUAGES_NOT_RUN:
            getattr(self, f"_{block.language}")(block)

    def finish(self):
        """Call what the page defined as tests, and close the server that it made."""
        for name, value in self._names.items():
            if name.startswith("test_"):
                value()
        if server := self._names.get("server"):
            server.stop()
            server.run()  # to its end at once, which closes it

    def _python(self, block):
        code = "\n" * (block.line - 1) + block.code  # so that a traceback has the page's lines
        exec(compile(code, str(ROOT / block.page), "exec"), self._names)
        self._printed = self._capsys.readouterr().out

    def _pycon(self, block):
        test = doctest.DocTestParser().get_doctest(block.code, self._names, block.page, block.page, block.line)
        options = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
        assert doctest.DocTestRunner(optionflags=options).run(test).failed == 0, block.place

    def _sh(self, block):
        self._printed = ""
        for line in commands_of(block):
            if not line.startswith(tuple(COMMANDS_NOT_RUN)):
                status, printed = self._run(line)
                assert status == 0, f"{block.place}: {line}\n{printed}"
                self._printed += printed

    def _console(self, block):
        for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block.code, re.MULTILINE):
            if not command.startswith(tuple(COMMANDS_NOT_RUN)):
                _, printed = self._run(command)
                if not command.startswith(tuple(OUTPUT_NOT_COMPARED)):
                    check_same(printed, shown, block)

    def _output(self, block):
        check_same(self._printed, block.code, block)

    def _json(self, block):
        json.loads(block.code)

    def _toml(self, block):
        tomllib.loads(block.code)

    def _run(self, line):
        """Status and output of a command."""
        words = shlex.split(line, comments=True)
        words = [each for word in words for each in expanded(word)]
        if words[0] == "export":
            self._monkeypatch.setenv(*words[1].split("=", 1))
            return 0, ""
        if words[0] == "fer-toolkit":
            result = CliRunner().invoke(app, words[1:], catch_exceptions=False)
            return result.exit_code, result.stdout + result.stderr
        if words[0] == "python":
            words[0] = sys.executable
        if shutil.which(words[0]) is None:
            pytest.skip(f"there is no {words[0]!r} on this system")
        run = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8")
        return run.returncode, run.stdout


def commands_of(block):
    """The lines of a shell block without comments; a line that ends in a backslash goes on."""
    lines = block.code.replace("\\\n", " ").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def expanded(word):
    """The files that a word with wildcards names, as a shell has them; any other word as it is."""
    files = sorted(path.as_posix() for path in Path().glob(word)) if re.search(r"[*?\[]", word) else []
    return files or [word]


def check_same(printed, shown, block):
    """What was printed is what the page shows: the same words, and numbers that are nearly the same."""
    printed, shown = (re.sub(r"[ \n─]+", " ", text).strip() for text in (printed, shown))
    printed, shown = (re.sub(r"(?<=\w)- (?=\w)", "-", text) for text in (printed, shown))  # where a line was broken
    numbers = zip(NUMBER.findall(printed), NUMBER.findall(shown), strict=False)
    same = NUMBER.sub("0", printed) == NUMBER.sub("0", shown) and all(nearly(*pair) for pair in numbers)
    assert same, f"{block.place} shows\n{shown}\n\nand there is\n{printed}"


def nearly(printed, shown):
    """Whether two numbers, as text, differ by no more than machines do: one in whole numbers, 2 % in others."""
    tolerance = 0.02 + 0.02 * float(shown) if "." in shown else 1
    return abs(float(printed) - float(shown)) <= tolerance
