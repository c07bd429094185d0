"""What is measured: a row each, made of cells that are measured in turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from systems import HERE

PICTURES = HERE / ".pictures"
FACES = str(PICTURES / "faces.npy")
DETECTORS = ("yunet", "haar")
SIDES = {"float32": 2048, "int8": 1024}  # of the matrices that show what the machine can do: where it is fastest
READY = 3589
CLIP = 250  # frames
SAMPLE = 512  # faces, where all of them would take too long
CROWDS = (1, 10, 100, 1000)
MANY_FACES = (1, 10, 100, 1000, 10000)
MANY_PICTURES = (1, 10, 100, 500, 2000)


@dataclass(frozen=True)
class Cell:
    """One figure: a system, and what it is asked for.

    Parameters
    ----------
    what
        The row that it stands in, beside what other systems take for the same.
    system
        Who is asked.
    task
        What its worker is asked for; or ``"print"``, its command in a process of its own, or ``"import"``.
    how
        The column within the system, such as a detector.
    options
        Of the task.
    per
        How many faces or pictures the task has: the figure is for one of them.
    facts
        Names of what the task measured itself, each a figure and a column; none when it is the task's own time.
    """

    what: str
    system: str
    task: str
    how: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    per: int = 1
    facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Measurement:
    """Cells that are measured in turns, round after round.

    Parameters
    ----------
    name
        For ``--only`` and the page.
    unit
        ``"s"``, ``"ms"``, ``"MB"``.
    cells
        Made when they are measured, from the pictures that users add.
    rounds
        How many count.
    warm_up
        How many come before.
    fresh
        Whether the systems are started anew: what happened before must not show.
    """

    name: str
    unit: str
    cells: Callable[[Sequence[Path]], list[Cell]]
    rounds: int = 9
    warm_up: int = 1
    fresh: bool = False


def picture(name: str) -> str:
    """A picture's path."""
    return str(PICTURES / f"{name}.jpg")


def imports(_: Sequence[Path]) -> list[Cell]:
    """What a program waits for that only imports the package."""
    return [Cell("import", system, "import") for system in ("fer-toolkit", "fer")]


def cold_start(_: Sequence[Path]) -> list[Cell]:
    """A process that prints the emotion of one picture."""
    options = {"picture": picture("400x400")}
    ours = [Cell("400x400", "fer-toolkit", "print", how, options) for how in DETECTORS]
    return [*ours, Cell("400x400", "fer", "print", "", options)]


def single_picture(added: Sequence[Path]) -> list[Cell]:
    """One picture after the other, when all is built and warm."""
    cells = []
    for path in [Path(picture("400x400")), Path(picture("2280x1588")), *added]:
        for source, decoded in (("file", False), ("array", True)):
            what, options = f"{path.stem}, {source}", {"picture": str(path), "decoded": decoded}
            for how in DETECTORS:
                cells.append(Cell(what, "fer-toolkit", "recognize", how, {**options, "detector": how}))
            cells.append(Cell(what, "fer", "recognize", "", options))
    return cells


def video(_: Sequence[Path]) -> list[Cell]:
    """A video whose faces are followed: every frame, decoding included."""
    options = {"clip": str(PICTURES / "640x360.mp4")}
    sides = [
        Cell("640x360", "fer-toolkit", "follow", how, {**options, "detector": how, "max_side": 320}, per=CLIP)
        for how in DETECTORS
    ]
    return [*sides, Cell("640x360", "fer", "follow", "", options, per=CLIP)]


def ready_faces(_: Sequence[Path]) -> list[Cell]:
    """The classifier on faces that are cut out already, by itself and beside others, and what the machine can do."""
    cells = []
    for threads in (1, 2):
        how = f"{threads} thread{'s' * (threads > 1)}"
        for kind, side in SIDES.items():
            options = {"side": side, "threads": threads}
            cells.append(Cell(f"{kind} product", "limits", kind, how, options))
        for batch in (1, 8, 32):
            options = {"faces": FACES, "count": SAMPLE, "batch": batch, "threads": threads}
            cells.append(Cell(f"{batch} at a time", "fer-toolkit", "predict", how, options, per=SAMPLE))
        options = {"faces": FACES, "count": READY, "threads": threads}
        cells.append(Cell(f"{READY:,} at once", "fer-toolkit", "classify", how, options, per=READY))
    options = {"faces": FACES, "count": READY}
    cells.append(Cell(f"{READY:,} at once", "fer", "classify", "", options, per=READY))
    options = {"faces": FACES, "count": 20}
    cells.append(Cell(f"{READY:,} at once", "keras-predict", "classify", "", options, per=20))
    return cells


def detectors(_: Sequence[Path]) -> list[Cell]:
    """Each detector by the size of a picture that is decoded already."""
    return [
        Cell(f"{side} pixels", "fer-toolkit", "detect", how, {"picture": picture(f"side-{side}"), "detector": how})
        for side in (160, 320, 640, 1280, 2000, 4000)
        for how in ("yunet", "haar", "ssd", "mediapipe")
    ]


def parts(_: Sequence[Path]) -> list[Cell]:
    """Where the time of a picture goes."""
    inside = ("whole", "decode", "detect", "classify", "rest")
    return [
        Cell(f"{size}, {how}", "fer-toolkit", "parts", "", {"picture": picture(size), "detector": how}, facts=inside)
        for size in ("400x400", "2280x1588", "4000x3000")
        for how in DETECTORS
    ]


def apart(_: Sequence[Path]) -> list[Cell]:
    """Framing and rendering by themselves."""
    return [
        Cell(size, "fer-toolkit", task, task, {"picture": picture(size), "detector": "yunet"})
        for size in ("400x400", "2280x1588", "4000x3000")
        for task in ("frame", "render")
    ]


def peak_memory(_: Sequence[Path]) -> list[Cell]:
    """Most memory of the process that prints the emotions of a 12-megapixel picture."""
    options = {"picture": picture("4000x3000")}
    ours = [Cell("4000x3000", "fer-toolkit", "print", how, options, facts=("bytes",)) for how in DETECTORS]
    return [*ours, Cell("4000x3000", "fer", "print", "", options, facts=("bytes",))]


def growth_in_faces(_: Sequence[Path]) -> list[Cell]:
    """Time with the number of faces."""
    ready = [
        Cell(f"{count:,}", "fer-toolkit", "classify", "ready faces", {"faces": FACES, "count": count})
        for count in MANY_FACES
    ]
    crowds = [
        Cell(
            f"{count:,}",
            "fer-toolkit",
            "recognize",
            "one picture",
            {"picture": picture(f"crowd-{count}"), "detector": "yunet", "max_side": 2000},
        )
        for count in CROWDS
    ]
    return [*ready, *crowds]


def growth_in_pictures(_: Sequence[Path]) -> list[Cell]:
    """Time with the number of pictures."""
    options = {"picture": picture("200x200"), "detector": "yunet"}
    return [
        Cell(f"{count:,}", "fer-toolkit", "recognize_batch", "pictures of 200x200", {**options, "count": count})
        for count in MANY_PICTURES
    ]


def memory_in_faces(_: Sequence[Path]) -> list[Cell]:
    """Memory with the number of faces, their own pixels not counted."""
    return [
        Cell(
            f"{count:,}",
            "fer-toolkit",
            "memory_of",
            "ready faces",
            {"task": "classify", "faces": FACES, "count": count},
            facts=("bytes",),
        )
        for count in MANY_FACES
    ]


def memory_in_pictures(_: Sequence[Path]) -> list[Cell]:
    """Memory with the number of pictures."""
    options = {"task": "recognize_batch", "picture": picture("200x200"), "detector": "yunet"}
    return [
        Cell(
            f"{count:,}",
            "fer-toolkit",
            "memory_of",
            "pictures of 200x200",
            {**options, "count": count},
            facts=("bytes",),
        )
        for count in MANY_PICTURES
    ]


def threads(_: Sequence[Path]) -> list[Cell]:
    """One recognizer that several threads share."""
    return [
        Cell(
            f"{number} thread{'s' * (number > 1)}",
            "fer-toolkit",
            "recognize_in_threads",
            how,
            {"picture": picture("400x400"), "detector": how, "count": 32, "threads": number},
            per=32,
        )
        for number in (1, 2, 4, 8)
        for how in DETECTORS
    ]


MEASUREMENTS = (
    Measurement("import", "ms", imports),
    Measurement("cold start", "s", cold_start),
    Measurement("single picture", "ms", single_picture),
    Measurement("video", "ms", video, rounds=5),
    Measurement("ready faces", "ms", ready_faces),
    Measurement("parts", "ms", parts),
    Measurement("apart", "ms", apart),
    Measurement("detectors", "ms", detectors),
    Measurement("peak memory", "MB", peak_memory, rounds=3, warm_up=0),
    Measurement("growth in faces", "ms", growth_in_faces, rounds=5),
    Measurement("growth in pictures", "ms", growth_in_pictures, rounds=3, warm_up=0),
    Measurement("memory in faces", "MB", memory_in_faces, rounds=1, warm_up=0, fresh=True),
    Measurement("memory in pictures", "MB", memory_in_pictures, rounds=1, warm_up=0, fresh=True),
    Measurement("threads", "ms", threads),
)
