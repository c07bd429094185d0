"""Recognise 50,000 pictures and 200,000 frames in one process, and watch what it holds: docs/reliability.md, Long runs.

    python scripts/long_run.py             # all of it: some minutes on a machine that does nothing else
    python scripts/long_run.py --render    # nothing: the page from docs/reliability.json as it is

Needs Linux (memory is what ``/proc`` says), fer-toolkit[video], and YuNet's weights. The pictures are small, and made
from examples/images/astronaut.jpg: what takes the time of large ones is decoding, and nothing of that is kept.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from PIL import Image

from fer_toolkit import Detection, EmotionRecognizer

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "benchmarks"))
from machine import describe_machine, describe_moment  # noqa: E402

FIGURES = ROOT / "docs" / "reliability.json"
PAGE = FIGURES.with_suffix(".md")
PICTURES = {"none": 38_000, "haar": 6_000, "yunet": 6_000}
CLIPS = {25_000: 6, 500: 100}  # frames of a clip, and how often it is read
SAMPLES = 50  # of a run
WARM_UP = 0.2  # the part of a run in which caches and pools may fill
ASTRONAUT_HEAD = (120, 10, 320, 210)  # x1 y1 x2 y2


class Held(NamedTuple):
    """What a process holds at a moment."""

    bytes: int
    threads: int
    files: int


@dataclass(frozen=True)
class Run:
    """What a process held in the course of a run, after its warm-up.

    Parameters
    ----------
    what
        What was done so many times.
    count
        How many times, the warm-up included.
    failed
        How many of them were damaged, and got a result that says so.
    seconds
        How long all of it took.
    megabytes
        Resident memory at each sample.
    slope
        Kilobytes that it grew for each 1,000 done: that of the straight line nearest to the samples.
    threads, files
        Least and most at any sample: threads, and open file descriptors.
    """

    what: str
    count: int
    failed: int
    seconds: float
    megabytes: list[float]
    slope: float
    threads: tuple[int, int]
    files: tuple[int, int]


class SometimesAFace:
    """The detector of the frames: the whole of every tenth is a face, so that faces come and go."""

    name = "sometimes"
    box_in_frame = (0.0, 0.0, 1.0, 1.0)

    def __init__(self) -> None:
        self._calls = itertools.count()

    def detect(self, image_bgr: np.ndarray) -> list[Detection]:
        """All of the picture, or nothing."""
        height, width = image_bgr.shape[:2]
        return [] if next(self._calls) % 10 else [Detection((0, 0, width, height), 1.0)]


def held() -> Held:
    """What this process holds now."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    resident, threads = (int(re.search(rf"{name}:\s+(\d+)", status)[1]) for name in ("VmRSS", "Threads"))
    return Held(resident * 1024, threads, len(list(Path("/proc/self/fd").iterdir())) - 1)  # one of them is this look


def watch(what: str, count: int, outcomes: Iterator[bool]) -> Run:
    """Take `count` outcomes, whether it went well each, and look at the process every now and then."""
    every = max(1, count // SAMPLES)
    samples, failed, started = list[tuple[int, Held]](), 0, time.monotonic()
    for done, well in enumerate(itertools.islice(outcomes, count), 1):
        failed += not well
        if done % every == 0:
            samples.append((done, held()))
            print(f"{what}: {done:,} of {count:,}, {samples[-1][1]}", file=sys.stderr, flush=True)
    kept = [(done, look) for done, look in samples if done >= WARM_UP * count]
    slope = np.polyfit([done / 1000 for done, _ in kept], [look.bytes / 1000 for _, look in kept], 1)[0]
    return Run(
        what,
        samples[-1][0],
        failed,
        round(time.monotonic() - started, 1),
        [round(look.bytes / 1e6, 1) for _, look in kept],
        round(float(slope), 2),
        (min(look.threads for _, look in kept), max(look.threads for _, look in kept)),
        (min(look.files for _, look in kept), max(look.files for _, look in kept)),
    )


def make_pictures() -> list[bytes]:
    """A head in some 60 sizes, formats and kinds of pixels, and two files that are damaged."""
    with Image.open(ROOT / "examples" / "images" / "astronaut.jpg") as photo:
        head = photo.crop(ASTRONAUT_HEAD).convert("RGBA")
    files = []
    for number, side in enumerate(range(32, 152, 2)):
        name = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")[number % 6]
        mode = ("RGB", "L")[number % 2] if name in ("JPEG", "BMP") else ("RGBA", "RGB", "L")[number % 3]
        file = io.BytesIO()
        head.resize((side, side + number % 5)).convert(mode).save(file, name)
        files.append(file.getvalue())
    return [*files, files[0][: len(files[0]) // 3], b"no picture"]


def recognise_pictures(detector: str, files: Sequence[bytes]) -> Iterator[bool]:
    """Recognise the pictures again and again; whether it went well, each."""
    recognizer = EmotionRecognizer(detector)
    while True:
        for result in recognizer.recognize_batch(files, on_error="return"):
            yield result.error is None


def recognise_clips(folder: Path, clips: Mapping[int, int]) -> Iterator[bool]:
    """Recognise clips of so many frames so many times each."""
    recognizer = EmotionRecognizer(SometimesAFace())
    for frames, times in clips.items():
        path = make_clip(folder / f"{frames}.mp4", frames)
        for _ in range(times):
            for _ in recognizer.recognize_video(path):
                yield True


def make_clip(path: Path, frames: int) -> Path:
    """A clip of 64x48 pixels, 25 frames a second, in which the head moves from side to side."""
    with Image.open(ROOT / "examples" / "images" / "astronaut.jpg") as photo:
        head = np.asarray(photo.crop(ASTRONAUT_HEAD).convert("RGB").resize((48, 48)))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(frames):
            image = np.full((48, 64, 3), 90, np.uint8)
            left = abs(number % 32 - 16)
            image[:, left : left + 48] = head
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image)))
        container.mux(stream.encode(None))
    return path


def run(pictures: Mapping[str, int], clips: Mapping[int, int]) -> list[Run]:
    """All runs, one after the other in this process."""
    files = make_pictures()
    runs = [
        watch(f'pictures, detector "{detector}"', count, recognise_pictures(detector, files))
        for detector, count in pictures.items()
    ]
    with tempfile.TemporaryDirectory() as folder:
        frames = sum(length * times for length, times in clips.items())
        runs.append(watch("frames", frames, recognise_clips(Path(folder), clips)))
    return runs


def render(page: str, figures: Mapping[str, Any]) -> str:
    """The page with the figures between its markers."""
    text = f"<!-- figures: long_run -->\n\n{table(figures)}\n\n<!-- end -->"
    return re.sub(r"<!-- figures: long_run -->\n.*?<!-- end -->", lambda _: text, page, flags=re.DOTALL)


def table(figures: Mapping[str, Any]) -> str:
    """The runs as the page shows them."""
    machine, moment = figures["machine"], figures["moment"]
    lines = [
        "| | done | of them damaged | memory, MB | growth for 1,000, kB | threads | open files |",
        "| --- " * 7 + "|",
    ]
    for each in figures["runs"]:
        memory = between(round(min(each["megabytes"])), round(max(each["megabytes"])))
        lines.append(
            f"| {each['what']} | {each['count']:,} | {each['failed']:,} | {memory} | {each['slope']:+.1f} "
            f"| {between(*each['threads'])} | {between(*each['files'])} |"
        )
    on = f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}, {moment['date']}"
    return "\n".join([*lines, "", f"In one process, one line after the other: {on}."])


def between(least: int, most: int) -> str:
    """Two figures, or one where they are the same."""
    return f"{least}" if least == most else f"{least} to {most}"


def main() -> None:
    """Run all and write figures and page, or only the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--render", action="store_true", help="only write the page anew")
    if not parser.parse_args().render:
        moment = describe_moment()
        runs = [asdict(each) for each in run(PICTURES, CLIPS)]
        figures = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
        figures["long_run"] = {"machine": describe_machine(), "moment": moment, "runs": runs}
        FIGURES.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8"), figures["long_run"]), encoding="utf-8")


if __name__ == "__main__":
    main()
