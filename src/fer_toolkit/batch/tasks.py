"""What a run and its processes tell each other: plain data, as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TextIO


@dataclass(frozen=True)
class Setup:
    """What all processes of a run have in common.

    Parameters
    ----------
    folder
        Where the pictures are.
    recognizer
        Keywords of :class:`~fer_toolkit.EmotionRecognizer`, as plain data.
    """

    folder: str
    recognizer: Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """Pictures whose rows shall stand in one file.

    Parameters
    ----------
    number
        Its place among the tasks of the run.
    pictures
        Paths from the folder on; one that ends in a separator is a folder that could not be listed.
    file
        The file, whose ending says of which kind it is.
    lost
        Pictures that are not to be read again, with the reason.
    one_by_one
        Whether each picture is recognised and told of alone.
    """

    number: int
    pictures: Sequence[str]
    file: str
    lost: Mapping[str, str] = field(default_factory=dict)
    one_by_one: bool = False


@dataclass(frozen=True)
class Reading:
    """How many pictures of a task are done; the next ones are being read."""

    number: int
    done: int


@dataclass(frozen=True)
class Done:
    """A task whose file is whole, and what is in it."""

    number: int
    pictures: int
    faces: int
    failed: int


@dataclass(frozen=True)
class Refusal:
    """An error of the library, by its class's name."""

    kind: str
    message: str


_KINDS = {kind.__name__: kind for kind in (Setup, Task, Reading, Done, Refusal)}

Message = Setup | Task | Reading | Done | Refusal


def send(stream: TextIO, message: Message) -> None:
    """Write a message, so that it is there at once."""
    stream.write(json.dumps({type(message).__name__: asdict(message)}) + "\n")  # in ASCII, whatever a path holds
    stream.flush()


def receive(line: str) -> Any:
    """The message that :func:`send` wrote.

    Examples
    --------
    >>> receive('{"Reading": {"number": 2, "done": 32}}')
    Reading(number=2, done=32)
    """
    ((kind, values),) = json.loads(line).items()
    return _KINDS[kind](**values)
