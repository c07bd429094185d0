"""A process that recognises pictures: tasks come over standard input, answers go over standard output."""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from fer_toolkit._messages import describe_error
from fer_toolkit._row_files import open_rows
from fer_toolkit.batch.recognizing import TOGETHER, failed_result, recognize_all
from fer_toolkit.batch.tasks import Done, Reading, Refusal, Setup, Task, receive, send
from fer_toolkit.errors import FerToolkitError
from fer_toolkit.export import column_types, image_to_rows
from fer_toolkit.results import ImageResult

if TYPE_CHECKING:
    from fer_toolkit.recognizer import EmotionRecognizer


def main() -> None:
    """Build a recognizer and do tasks, until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends Ctrl-C to all processes; the parent sees to it
    tasks, answers = _standard_streams_to_ourselves()
    messages = _messages(tasks)
    try:
        setup: Setup = messages.get()
        recognizer = _build(setup)
        while True:
            _do(messages.get(), setup.folder, recognizer, answers)
    except FerToolkitError as error:
        send(answers, Refusal(type(error).__name__, str(error)))


def _standard_streams_to_ourselves() -> tuple[TextIO, TextIO]:
    """Standard input and output for us alone: there libraries read nothing, and print to standard error."""
    ours = os.fdopen(os.dup(0), encoding="ascii"), os.fdopen(os.dup(1), "w", encoding="ascii")
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return ours


def _messages(tasks: TextIO) -> queue.SimpleQueue[Any]:
    """The parent's messages as they come; when there are no more, the process ends at once: nobody waits for it."""
    messages: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def listen() -> None:
        for line in tasks:
            messages.put(receive(line))
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    return messages


def _build(setup: Setup) -> EmotionRecognizer:
    """A recognizer that keeps to one thread: there are as many processes as processors."""
    import cv2

    from fer_toolkit.recognizer import EmotionRecognizer

    cv2.setNumThreads(1)
    return EmotionRecognizer(**setup.recognizer)


def _do(task: Task, folder: str, recognizer: EmotionRecognizer, answers: TextIO) -> None:
    types = column_types(recognizer.classifier.labels)
    metadata = {"detector": recognizer.detector.name, "classifier": recognizer.classifier.name}
    together, faces, failed = 1 if task.one_by_one else TOGETHER, 0, 0
    with open_rows(task.file, types, metadata) as write:
        for start in range(0, len(task.pictures), together):
            send(answers, Reading(task.number, start))
            for result in _recognize(task.pictures[start : start + together], task.lost, folder, recognizer):
                faces, failed = faces + len(result), failed + (result.error is not None)
                write(_rows(result))
    send(answers, Done(task.number, len(task.pictures), faces, failed))


def _recognize(
    pictures: Sequence[str], lost: Mapping[str, str], folder: str, recognizer: EmotionRecognizer
) -> Iterator[ImageResult]:
    """A result for each picture, whatever happens."""
    given_up = {
        picture: reason for picture in pictures if (reason := lost.get(picture) or _why_not_listed(folder, picture))
    }
    paths = [os.path.join(folder, picture) for picture in pictures if picture not in given_up]  # noqa: PTH118
    results = recognize_all(recognizer, paths)
    for picture in pictures:
        path = os.path.join(folder, picture)  # noqa: PTH118
        yield failed_result(path, given_up[picture]) if picture in given_up else next(results)


def _why_not_listed(folder: str, picture: str) -> str | None:
    if not picture.endswith(os.sep):
        return None
    try:
        os.scandir(os.path.join(folder, picture)).close()  # noqa: PTH118
    except OSError as error:
        return f"the folder can't be listed: {describe_error(error)}"
    return "the folder could not be listed when the run began"


def _rows(result: ImageResult) -> list[dict[str, Any]]:
    """A result's rows, with a path that any table can hold, escaped where it is no text."""
    path = os.fsencode(result.path or "").decode("utf-8", "backslashreplace")
    return [row | {"path": path} for row in image_to_rows(result)]
