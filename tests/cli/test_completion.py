"""What the shell offers while a command is typed, and that a real shell does offer it."""

import os
import select
import shlex
import shutil
import subprocess
import sys
import time

import pytest


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("fer-toolkit recog", ["recognize"]),
        ("fer-toolkit recognize --detector yu", ["yunet"]),
        (
            "fer-toolkit recognize --classifier fer2013",
            ["fer2013-small-1", "fer2013-small-2", "fer2013-small-4", "fer2013-ensemble-2"],
        ),
        ("fer-toolkit recognize --format js", ["json", "jsonl"]),
        ("fer-toolkit models show defa", ["default"]),
        ("fer-toolkit models fetch yunet", ["yunet-2026may"]),
    ],
)
def test_the_shell_completes_names(start, monkeypatch, words, offered):
    monkeypatch.setenv("_FER_TOOLKIT_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    stdout, _ = start().communicate()
    assert stdout.decode().split() == offered


class Terminal:
    """An interactive bash, at which something is typed."""

    def __init__(self, environment):
        import pty  # which Windows has not

        self._keyboard, end = pty.openpty()
        command = ["bash", "--noprofile", "-i"]
        self._shell = subprocess.Popen(
            command, stdin=end, stdout=end, stderr=end, env=environment, start_new_session=True
        )
        os.close(end)

    def shows(self, text, *, within=60):
        """Whether the terminal shows a text before so many seconds have gone."""
        seen, deadline = b"", time.monotonic() + within
        while text.encode() not in seen and time.monotonic() < deadline:
            if select.select([self._keyboard], [], [], 0.1)[0]:
                seen += os.read(self._keyboard, 4096)
        return text.encode() in seen

    def type(self, text):
        os.write(self._keyboard, text.encode())

    def close(self):
        self._shell.kill()
        self._shell.wait()
        os.close(self._keyboard)


@pytest.fixture
def terminal(tmp_path):
    """A terminal with a home folder of its own, in which the command's completion is installed for bash."""
    if os.name == "nt" or shutil.which("bash") is None:
        pytest.skip("there is no bash here")
    program = tmp_path / "bin" / "fer-toolkit"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m fer_toolkit "$@"\n')
    program.chmod(0o755)
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "TERM": "dumb",
        "INPUTRC": os.devnull,
    }
    command = ["bash", "-c", "fer-toolkit --install-completion; exit $?"]  # it installs for the shell that calls it
    subprocess.run(command, env=environment, check=True, capture_output=True)
    with (tmp_path / ".bashrc").open("a") as file:
        file.write("PS1='ready> '\n")
    terminal = Terminal(environment)
    yield terminal
    terminal.close()


def test_bash_completes_commands_names_and_options_once_it_was_installed(terminal):
    assert terminal.shows("ready> ")
    for typed, shown in (("fer-toolkit mod\t", "models "), ("sh\t", "show "), ("defa\t", "default ")):
        terminal.type(typed)
        assert terminal.shows(shown)
    terminal.type("\x15fer-toolkit recognize --annot\t")  # Ctrl-U first: an empty line
    assert terminal.shows("--annotate ")
