"""Arguments of the command, one a line."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from fer_toolkit.cli import build_app
from fuzz.ways._made import folder

_NOT_RUN = {"serve", "webcam", "train", "export", "fetch"}
"""What would not end, or is about large packages and other machines: their arguments are read, and no more."""

_ENDINGS = ("json", "jsonl", "csv", "parquet", "mp4", "png", "tflite", "onnx", "keras")


def _without_running(callback: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(callback)
    def nothing(**_: Any) -> None:
        pass

    return nothing


def _app() -> Any:
    app = build_app()
    for group in (app, *(each.typer_instance for each in app.registered_groups)):
        for command in group.registered_commands:
            if command.name in _NOT_RUN or (command.callback and command.callback.__name__ in _NOT_RUN):
                command.callback = _without_running(command.callback)
    return app


_APP = _app()
_NAMES = [command.name or command.callback.__name__ for command in _APP.registered_commands]
WORDS = (
    *(f"{name}\n".encode() for name in (*_NAMES, "models", "show", "path", "list", "fetch")),
    *(f"--{name}\n".encode() for name in ("help", "version", "detector", "classifier", "format", "output", "annotate")),
    *(f"--{name}\n".encode() for name in ("data", "ferplus", "label-map", "split", "start", "end", "every", "glob")),
    *(f"--{name}\n".encode() for name in ("min-score", "min-face", "max-side", "min-confidence", "workers", "resume")),
    *(f"a.{ending}\n".encode() for ending in _ENDINGS),
    b"none\n",
    b"haar\n",
    b"nan\n",
    b"-1\n",
    b"1e999\n",
)


def seeds() -> Iterator[bytes]:
    """Each command with some of its options, about files that are not there."""
    for line in (
        "--version",
        "recognize a.jpg --detector none --format jsonl",
        "recognize a.jpg --min-confidence 0.5 --annotate marked",
        "video a.mp4 --start 1 --every 2 --output a.jsonl --detector none",
        "webcam 0 --detector haar",
        "batch pictures --output a.csv --glob *.png --workers 2 --resume",
        "serve --port 8000 --host 0.0.0.0",
        "detectors",
        "train --data a.csv --network resnet_medium --output run",
        "evaluate --data a.csv --split PrivateTest --format json",
        "export a.keras --to onnx --quantize none --output a.onnx",
        "models show default",
        "models path fer2013-small-2",
        "models list",
    ):
        yield line.replace(" ", "\n").encode()


def feed(data: bytes) -> None:
    """Run the command in an empty folder, where it ends as its help says."""
    arguments = [line for line in os.fsdecode(data.replace(b"\0", b"")).split("\n") if line]
    if any(_leads_out(argument) for argument in arguments):
        return
    empty = folder / "empty"
    empty.mkdir(exist_ok=True)
    before = Path.cwd()
    os.chdir(empty)
    try:
        outcome = CliRunner().invoke(_APP, arguments, env={"FER_TOOLKIT_OFFLINE": "1"})
    finally:
        os.chdir(before)
    if outcome.exception is not None and not isinstance(outcome.exception, SystemExit):
        raise outcome.exception
    assert outcome.exit_code in (0, 1, 2)


def _leads_out(argument: str) -> bool:
    """Whether an argument may name something outside the folder that is worked in."""
    return ".." in argument or "/" in argument or "~" in argument or os.path.exists(argument)  # noqa: PTH110  # a name may be too long
