"""Help: it fits, it says what there is, and its examples are commands that work."""

import os
import re
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from typer.main import get_command

from fer_toolkit import weights
from fer_toolkit.cli import app


def all_commands(command, words=()):
    """The words of a command and of all below it, with the commands themselves."""
    found = {words: command}
    for name, inner in getattr(command, "commands", {}).items():
        found.update(all_commands(inner, (*words, name)))
    return found


COMMANDS = all_commands(get_command(app))
EVERY_COMMAND = pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words) or "fer-toolkit")


def examples_of(help_text):
    """The lines below ``Examples:``, up to an empty one."""
    (lines,) = re.findall(r"^  Examples?:\n((?:    .+\n)+)", help_text, re.MULTILINE)
    return [line.strip() for line in lines.splitlines()]


@EVERY_COMMAND
def test_help_fits_into_80_columns(run, words):
    for option in ("-h", "--help"):
        result = run(*words, option)
        assert (result.exit_code, result.stderr) == (0, "")
        assert max(map(len, result.stdout.splitlines())) <= 80
        assert "-\n" not in result.stdout  # nothing to be copied is broken at its hyphen


@EVERY_COMMAND
def test_help_says_in_one_sentence_what_the_command_does(run, words):
    first = run(*words, "--help").stdout.split("\n\n")[1]
    assert re.fullmatch(r"  [A-Z][^\n]{,77}\.", first)


@EVERY_COMMAND
def test_every_option_says_what_it_does(words):
    assert [each.opts for each in COMMANDS[words].params if not getattr(each, "help", None)] == []


def test_the_first_page_of_help_cuts_nothing(run):
    assert "..." not in run("--help").stdout.replace("[ARGS]...", "")


def test_help_names_extras_with_their_brackets(run):
    assert "fer-toolkit[keras]" in run("train", "--help").stdout


# Examples


@pytest.fixture
def folder(tmp_path, monkeypatch, astronaut_path, fer2013, ferplus, pictures, model_file):
    """The working folder, with the files that the examples name."""
    shutil.copy(astronaut_path, tmp_path / "photo.jpg")
    for name in ("run1/model.keras", "run2/model.keras", "both/model.keras", "clip.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "map.json").write_text('{"joy": "happy", "others": "angry"}')
    shutil.copy(weights.path("fer2013-small-4"), tmp_path / "small.tflite")
    (tmp_path / "small.json").write_text('{"labels": ["a", "b", "c", "d", "e", "f", "g"], "input": {"size": 48}}')
    for image in pictures.rglob("broken.png"):
        image.unlink()  # it is for other tests
    (pictures / "2024").mkdir()
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(pictures / "2024" / "dark.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@EVERY_COMMAND
def test_the_examples_are_of_options_and_files_that_can_be(run, words, folder):
    examples = examples_of(run(*words, "--help").stdout)
    assert any(example.partition("fer-toolkit ")[2].startswith(" ".join(words)) for example in examples)
    for example in examples:
        arguments = shlex.split(re.split(r" [|>] (?!.*fer-toolkit)", example)[0].partition("fer-toolkit ")[2])
        command, context = COMMANDS[()], None
        while arguments:  # the command, and the one below it: each takes its own arguments, or says what is wrong
            context = command.make_context(command.name, list(arguments), parent=context)
            taken = getattr(context, "_protected_args", []) or getattr(context, "protected_args", [])
            arguments = [*taken, *context.args]
            if arguments:
                _, command, arguments = command.resolve_command(context, arguments)


QUICK = {  # that need neither an extra, nor the network, nor hours
    (): 2,
    ("recognize",): 3,
    ("batch",): 1,
    ("detectors",): 1,
    ("evaluate",): 3,
    ("models",): 1,
    ("models", "list"): 1,
    ("models", "show"): 1,
}
ELSEWHERE = re.compile(r"yunet|curl|parquet|--plot|--all|MIRROR|doctor|data pictures")  # what they need is not here


@pytest.mark.skipif(os.name == "nt", reason="the examples are for a shell")
@pytest.mark.parametrize("words", QUICK, ids=lambda words: " ".join(words) or "fer-toolkit")
def test_the_examples_that_need_nothing_else_run(run, words, folder, monkeypatch):
    program = folder / "bin" / "fer-toolkit"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m fer_toolkit "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    examples = [each for each in examples_of(run(*words, "--help").stdout) if not ELSEWHERE.search(each)]
    assert len(examples) == QUICK[words]
    for example in examples:
        done = subprocess.run(["bash", "-c", example], capture_output=True, text=True)
        assert done.returncode == 0, f"{example}: {done.stdout}{done.stderr}"
