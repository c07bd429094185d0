"""What holds for all commands: streams, exit status, and how a run may end."""

import functools
import http.server
import json
import logging
import os
import signal
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

import fer_toolkit
from fer_toolkit import weights
from fer_toolkit.cli import _command

# Names and versions


def test_version(run):
    assert run("--version").stdout == f"fer-toolkit {fer_toolkit.__version__}\n"


def test_the_module_is_the_command(start):
    stdout, stderr = start("--version").communicate()
    assert (stdout.decode().strip(), stderr) == (f"fer-toolkit {fer_toolkit.__version__}", b"")


def test_the_installed_script_is_the_command():
    script = Path(sysconfig.get_path("scripts"), "fer-toolkit" + (".exe" if os.name == "nt" else ""))
    if not script.exists():
        pytest.skip("the package is not installed, only on the path")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"fer-toolkit {fer_toolkit.__version__}\n"


def test_an_unknown_command_is_wrong_usage(run):
    result = run("recognise", "x.jpg")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "recognise" in result.stderr


# What is loaded

HEAVY = {
    *(
        "cv2",
        "PIL",
        "numpy",
        "ai_edge_litert",
        "pandas",
        "pyarrow",
        "requests",
        "urllib3",
        "pooch",
        "keras",
        "tensorflow",
    ),
    *("mediapipe", "onnxruntime", "matplotlib", "rich", "scipy", "ray", "flask", "av"),
}


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (["--version"], set()),
        (["models", "path", "default"], set()),
        (["recognize", "PICTURE", "--detector", "none", "--format", "json"], {"cv2", "PIL", "numpy", "ai_edge_litert"}),
        (["recognize", "PICTURE", "--detector", "haar"], {"cv2", "PIL", "numpy", "ai_edge_litert", "rich"}),
    ],
)
def test_a_command_loads_nothing_that_it_does_not_need(arguments, needed, face_crop):
    arguments = [str(face_crop) if each == "PICTURE" else each for each in arguments]
    script = (
        "import sys; from fer_toolkit.cli import app; before = set(sys.modules)\n"
        f"app({arguments}, standalone_mode=False)\n"
        "print('\\n', *sorted({each.partition('.')[0] for each in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = HEAVY & set(done.stdout.splitlines()[-1].split())
    assert loaded - {"rich"} == needed - {"rich"}
    if _typer_loads_rich_on_use():
        assert ("rich" in loaded) == ("rich" in needed)


def _typer_loads_rich_on_use():
    done = subprocess.run(
        [sys.executable, "-c", "import typer, sys; print('rich' in sys.modules)"], capture_output=True
    )
    return done.stdout.split() == [b"False"]


# Streams


def test_data_alone_go_to_standard_output(start, face_crop, tmp_path):
    process = start("recognize", face_crop, tmp_path / "none.jpg", "--detector", "none", "--format", "json")
    stdout, stderr = process.communicate()
    assert process.returncode == 1
    assert [each["error"] is None for each in json.loads(stdout)] == [True, False]
    assert stderr.decode().splitlines() == [
        f"Error: there is no file '{tmp_path / 'none.jpg'}'; "
        "check the path (a relative one counts from the working folder)"
    ]


def test_nothing_but_the_table_is_printed_when_all_is_well(start, face_crop):
    process = start("recognize", face_crop, "--detector", "none")
    stdout, stderr = process.communicate()
    assert (process.returncode, stderr) == (0, b"")  # and LiteRT's own messages are not there
    assert stdout.decode().startswith("picture ")


def test_wrong_usage_ends_with_2_and_no_traceback(start):
    process = start("recognize", "x.jpg", "--detector", "harr")
    stdout, stderr = process.communicate()
    assert (process.returncode, stdout) == (2, b"")
    assert stderr.decode().startswith("Error: no detector is named 'harr'. Did you mean 'haar'?")


def test_debugging_shows_tracebacks_and_keeps_the_status(start, monkeypatch):
    monkeypatch.setenv("FER_TOOLKIT_DEBUG", "1")
    process = start("models", "show", "nothing")
    _, stderr = process.communicate()
    assert process.returncode == 2
    assert stderr.startswith(b"Traceback (most recent call last):")
    assert b"\nError: no weights are named 'nothing'" in stderr


def test_a_table_is_ascii_where_the_output_is(face_crop):
    process = subprocess.run(
        [sys.executable, "-m", "fer_toolkit", "recognize", face_crop, "--detector", "none"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=True,
    )
    assert process.stdout.isascii()
    assert b"\\u" not in process.stdout


# How a run may end

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")


@posix
@pytest.mark.parametrize("output_format", ["table", "json", "jsonl", "csv"])
def test_a_reader_who_goes_away_ends_it_quietly(start, face_crop, output_format):
    process = start("recognize", face_crop, "--detector", "none", "--format", output_format)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is full")
@pytest.mark.parametrize("arguments", [("recognize", "PICTURE", "--detector", "none"), ("models", "list")])
def test_a_full_disk_is_reported_in_one_line(start, face_crop, arguments):
    with Path("/dev/full").open("w") as full:
        process = start(*(face_crop if each == "PICTURE" else each for each in arguments), stdout=full)
        _, stderr = process.communicate()
    assert (process.returncode, stderr) == (1, b"Error: the output can't be written: No space left on device\n")


@posix
def test_an_interrupt_ends_it_with_130_and_no_traceback(start):
    # Under a shell that has put the tests into the background, interrupts are ignored unless asked for.
    script = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from fer_toolkit.cli import app; app(['recognize', '-', '--detector', 'none'])"
    )
    process = start(script=script, stdin=subprocess.PIPE)
    # More than a pipe holds: when all but the pipe's own is written, the command is reading.
    process.stdin.write(b"\xff\xd8\xff" + bytes(2**20))
    process.send_signal(signal.SIGINT)
    process.stdin.close()  # Python sees a signal that comes just before it waits for input only after that
    assert process.stderr.read() == b"Interrupted.\n"
    assert process.wait() == 130
    assert process.stdout.read() == b""


# Logs


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """The address of a host whose YuNet has the right length and the wrong bytes."""

    class Silent(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    card = weights.card("yunet-2026may")
    folder = tmp_path / "host"
    folder.mkdir()
    (folder / card.file).write_bytes(bytes(card.bytes))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Silent, directory=folder))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("FER_TOOLKIT_MIRROR", url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("FER_TOOLKIT_OFFLINE")
    yield url
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_quick_download_is_told_of_in_one_line(run, mirror, monkeypatch):
    monkeypatch.setattr(_command, "time", SimpleNamespace(monotonic=lambda: 5.0))  # on a busy machine, too
    first, second, *_ = run("models", "fetch", "yunet-2026may").stderr.splitlines()
    assert first == f"fetching yunet-2026may from {mirror}/face_detection_yunet_2026may.onnx"
    assert second == "Error: the weights 'yunet-2026may' can't be had:"


def test_no_log_handler_stays_behind(run):
    run("models", "list")
    assert logging.getLogger("fer_toolkit").handlers == []
