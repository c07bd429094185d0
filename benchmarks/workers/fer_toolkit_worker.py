"""fer-toolkit, through the calls that its documentation shows; the parts of a picture's way from inside."""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from PIL import ImageFile
from protocol import Action, serve

from fer_toolkit import EmotionRecognizer, weights
from fer_toolkit.alignment import crop_faces
from fer_toolkit.classifiers import _litert_file
from fer_toolkit.images import load_image
from fer_toolkit.render import draw_faces

PARTS = ("decode", "detect", "classify")


@functools.cache
def recognizer(detector: str, threads: int = 1, max_side: int | None = None) -> EmotionRecognizer:
    """A recognizer with the default network."""
    sides = {} if max_side is None else {"max_side": max_side}
    return EmotionRecognizer(detector, detector_options=sides, classifier_options={"threads": threads})


def ready_faces(faces: str, count: int) -> NDArray[np.uint8]:
    """So many faces, those of the file over and over."""
    stored = np.load(faces)
    return np.resize(stored, (count, *stored.shape[1:]))


def recognize(picture: str, detector: str, *, decoded: bool = False, max_side: int | None = None) -> Action:
    """One picture, as a file or as an array."""
    ours = recognizer(detector, max_side=max_side)
    source: Any = cv2.imread(picture) if decoded else picture
    return lambda: {"faces": len(ours.recognize(source))}


def recognize_batch(picture: str, detector: str, count: int) -> Action:
    """So many pictures that come one after the other."""
    ours = recognizer(detector)

    def action() -> Mapping[str, Any]:
        results = ours.recognize_batch(picture for _ in range(count))
        return {"faces": sum(map(len, results))}

    return action


def recognize_in_threads(picture: str, detector: str, count: int, threads: int) -> Action:
    """So many pictures through one recognizer that several threads share."""
    ours = recognizer(detector)
    pool = ThreadPoolExecutor(threads)
    return lambda: {"faces": sum(map(len, pool.map(ours.recognize, [picture] * count)))}


def follow(clip: str, detector: str, max_side: int) -> Action:
    """All frames of a video."""
    ours = recognizer(detector, max_side=max_side)
    return lambda: {"faces": sum(map(len, ours.recognize_video(clip)))}


def classify(faces: str, count: int, threads: int = 1) -> Action:
    """Ready faces through the public call."""
    ours, crops = recognizer("none", threads), ready_faces(faces, count)
    return lambda: {"faces": len(ours.classify(crops))}


def predict(faces: str, count: int, batch: int, threads: int) -> Action:
    """Ready faces through the network alone, so many at a time."""
    network, crops = recognizer("none", threads).classifier, ready_faces(faces, count)[..., None]

    def action() -> Mapping[str, Any]:
        for start in range(0, count, batch):
            network.predict(crops[start : start + batch])
        return {"faces": count}

    return action


def detect(picture: str, detector: str) -> Action:
    """The faces of a decoded picture."""
    finder, pixels = recognizer(detector).detector, load_image(picture)
    return lambda: {"faces": len(finder.detect(pixels))}


def frame(picture: str, detector: str) -> Action:
    """The crops of faces that are found already."""
    ours, pixels = recognizer(detector), load_image(picture)
    found, spec = ours.detector.detect(pixels), ours.classifier.input_spec
    return lambda: {"faces": len(crop_faces(pixels, found, spec, ours.detector.box_in_frame))}


def render(picture: str, detector: str) -> Action:
    """A picture that is decoded already, with its faces marked."""
    result = recognizer(detector).recognize(picture)
    image = result.draw()
    return lambda: {"width": draw_faces(image, result).width}


def parts(picture: str, detector: str) -> Action:
    """Where the time of one picture goes, by stopwatches inside: seconds of decoding, detection and inference.

    Decoding is what Pillow or OpenCV need for it; what we do to the pixels afterwards is bookkeeping.
    """
    spent: Counter[str] = Counter()

    def timed(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def timing(*args: Any, **options: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*args, **options)
            finally:
                spent[part] += time.perf_counter() - start

        return timing

    ours = EmotionRecognizer(detector)  # one of its own, since its parts are changed
    ours.detector.detect = timed("detect", ours.detector.detect)  # type: ignore[method-assign]
    ours.classifier.predict = timed("classify", ours.classifier.predict)  # type: ignore[method-assign]

    def action() -> Mapping[str, Any]:
        spent.clear()
        load, imread, imdecode = ImageFile.ImageFile.load, cv2.imread, cv2.imdecode
        ImageFile.ImageFile.load = timed("decode", load)
        cv2.imread, cv2.imdecode = timed("decode", imread), timed("decode", imdecode)
        try:
            start = time.perf_counter()
            result = ours.recognize(picture)
            whole = time.perf_counter() - start
        finally:
            ImageFile.ImageFile.load, cv2.imread, cv2.imdecode = load, imread, imdecode
        seconds = {part: spent[part] for part in PARTS}
        return {**seconds, "rest": whole - sum(seconds.values()), "whole": whole, "faces": len(result)}

    return action


def memory_of(task: str, **options: Any) -> Action:
    """Bytes by which the process grows at most while it does a task for the first time.

    The task's input is there before. It is Linux that tells, and that lets the highest mark be set back.
    """
    action = TASKS[task](**options)

    def measure() -> Mapping[str, Any]:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        before = resident("VmRSS")
        return {**action(), "bytes": resident("VmHWM") - before}

    return measure


def resident(line: str) -> int:
    """Bytes of this process that are in memory, now (VmRSS) or at most (VmHWM)."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (kilobytes,) = (each.split()[1] for each in status.splitlines() if each.startswith(f"{line}:"))
    return 1024 * int(kilobytes)


def multiply_adds() -> Action:
    """Multiplications of one face's way through the default network, counted from its file's operators."""
    interpreter = Interpreter(model_content=_litert_file.read(weights.path("default")))
    interpreter.allocate_tensors()
    shapes = {tensor["index"]: [int(n) for n in tensor["shape"]] for tensor in interpreter.get_tensor_details()}
    total = 0
    for operator in interpreter._get_ops_details():
        if operator["op_name"] == "CONV_2D":  # kernel (out, height, width, in) at each place of the output
            _, rows, columns, _ = shapes[operator["outputs"][0]]
            total += rows * columns * int(np.prod(shapes[operator["inputs"][1]]))
        elif operator["op_name"] == "FULLY_CONNECTED":
            total += int(np.prod(shapes[operator["inputs"][1]]))
        elif operator["op_name"] == "DEPTHWISE_CONV_2D":
            _, rows, columns, channels = shapes[operator["outputs"][0]]
            total += rows * columns * channels * int(np.prod(shapes[operator["inputs"][1]][1:3]))
    return lambda: {"network": weights.card("default").name, "multiply_adds": total}


TASKS: dict[str, Callable[..., Action]] = {
    task.__name__: task
    for task in (
        recognize,
        recognize_batch,
        recognize_in_threads,
        follow,
        classify,
        predict,
        detect,
        frame,
        render,
        parts,
        memory_of,
        multiply_adds,
    )
}

if __name__ == "__main__":
    serve(TASKS, ["fer-toolkit", "numpy", "opencv-contrib-python", "pillow", "ai-edge-litert"])
