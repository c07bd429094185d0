"""``fer-toolkit video`` and ``webcam``."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_toolkit._optional import require
from fer_toolkit.cli._command import INTERRUPTED
from fer_toolkit.cli._options import Classifier, Detector, MinConfidence, MinFace, MinScore, build_recognizer
from fer_toolkit.cli._quiet import native_messages_hidden
from fer_toolkit.cli._tables import counted, print_table, print_text
from fer_toolkit.errors import OptionError, VideoError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fer_toolkit.recognizer import EmotionRecognizer
    from fer_toolkit.video.results import TrackSummary, VideoFrameResult
    from fer_toolkit.video.stream import VideoStream

MaxFrameSide = Annotated[
    int, typer.Option(metavar="PIXELS", min=32, help="Longest side of the frame that the detector sees.")
]
DetectEvery = Annotated[
    int, typer.Option(metavar="N", min=1, help="Look for faces on each n-th frame, and follow them in between.")
]
Smoothing = Annotated[
    float, typer.Option(metavar="SECONDS", min=0, help="Time constant of the smoothing over time; 0 for none.")
]


def video(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A video.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the faces of each frame: .jsonl, .csv or .parquet."),
    ] = None,
    annotate: Annotated[
        Path | None, typer.Option(metavar="MP4", help="Write the video with boxes, labels, and its sound.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="PNG", help="Write a chart of the emotions over time.")] = None,
    detector: Detector = "auto",
    classifier: Classifier = "default",
    start: Annotated[float | None, typer.Option(metavar="SECONDS", min=0, help="Where to begin.")] = None,
    end: Annotated[float | None, typer.Option(metavar="SECONDS", min=0, help="Where to end.")] = None,
    every: Annotated[int | None, typer.Option(metavar="N", min=1, help="Read each n-th frame only.")] = None,
    detect_every: DetectEvery = 1,
    smoothing: Smoothing = 0.5,
    min_confidence: MinConfidence = 0.0,
    min_score: MinScore = None,
    min_face: MinFace = None,
    max_side: MaxFrameSide = 640,
) -> None:
    """Follow a video's faces, and say which emotions they show when.

    Needs fer-toolkit[video]. Printed is a summary of each face. Ctrl-C ends early: what was read until then is written,
    and the files are complete.

    \b
    Examples:
      fer-toolkit video clip.mp4
      fer-toolkit video clip.mp4 --output faces.csv --plot emotions.png
      fer-toolkit video clip.mp4 --annotate marked.mp4
    """  # noqa: D301  # \b keeps the lines of the examples apart
    _check_ending("--annotate", annotate, ".mp4")
    _check_ending("--plot", plot, ".png")
    _check_not_overwritten(file, output, annotate, plot)
    if plot is not None:  # rather now than after hours of video
        require("matplotlib.figure", extra="plots", feature="a chart")
    with native_messages_hidden():
        recognizer = build_recognizer(detector, classifier, min_confidence, min_score, min_face, max_side)
        stream = recognizer.recognize_video(
            file, start=start, end=end, every=every, detect_every=detect_every, smoothing=smoothing
        )
    results = _Results(keep=plot is not None)
    with stream, _progress(stream, start, end) as advance, ExitStack() as files:
        writers: list[Callable[[NDArray[np.uint8], VideoFrameResult], object]] = [lambda _, frame: results.add(frame)]
        if output is not None:
            writers.append(_table_writer(files, output, stream.labels))
        if annotate is not None:
            writers.append(_video_writer(files, annotate, file, stream, start, end, every))
        with _interrupt_noted() as interrupted:
            for image, frame in stream.with_images():
                for write in writers:
                    write(image, frame)
                advance(frame.time)
                if interrupted.is_set():
                    break
    if plot is not None:
        _save_plot(results.frames, plot, file.name)
    _print_summary(results, stream, recognizer)
    if interrupted.is_set():
        typer.echo("Interrupted: what was read until then is written.", err=True)
        raise typer.Exit(INTERRUPTED)


def webcam(
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="A camera's number, or the URL of a stream.")] = "0",
    detector: Detector = "auto",
    classifier: Classifier = "default",
    detect_every: DetectEvery = 1,
    smoothing: Smoothing = 0.5,
    min_confidence: MinConfidence = 0.0,
    min_score: MinScore = None,
    min_face: MinFace = None,
    max_side: MaxFrameSide = 320,
) -> None:
    """Show a camera's picture with the emotions of its faces.

    Needs fer-toolkit[video], a camera and a display. q or Esc ends it.

    \b
    Examples:
      fer-toolkit webcam
      fer-toolkit webcam 1
      fer-toolkit webcam rtsp://192.168.0.7/stream
    """  # noqa: D301
    _require_display()
    with native_messages_hidden():
        recognizer = build_recognizer(detector, classifier, min_confidence, min_score, min_face, max_side)
        source = int(device) if device.isdecimal() else device
        stream = recognizer.recognize_video(source, detect_every=detect_every, smoothing=smoothing)
    with stream:
        _show(stream, title=f"fer-toolkit: {device}")


class _Results:
    """What is said at the end: summaries alone need no frame to be kept, a chart needs all of them."""

    def __init__(self, *, keep: bool) -> None:
        from fer_toolkit.video.results import Summaries

        self.frames: list[VideoFrameResult] = []
        self.count, self._keep, self._summaries = 0, keep, Summaries()

    def add(self, frame: VideoFrameResult) -> None:
        self.count += 1
        self._summaries.add(frame)
        if self._keep:
            self.frames.append(frame)

    def tracks(self) -> list[TrackSummary]:
        return self._summaries.tracks()


def _check_ending(option: str, path: Path | None, ending: str) -> None:
    if path is not None and path.suffix.lower() != ending:
        raise OptionError(f"the file of {option} must end in {ending}. Received: {str(path)!r}")


def _check_not_overwritten(file: Path, *outputs: Path | None) -> None:
    for path in outputs:
        if path is not None and path.resolve() == file.resolve():
            raise OptionError(f"{str(path)!r} is the video itself; give what is written another name")


@contextmanager
def _interrupt_noted() -> Iterator[threading.Event]:
    """Set at Ctrl-C, so that all files end with the same frame; a second Ctrl-C ends at once."""
    noted, before = threading.Event(), signal.getsignal(signal.SIGINT)

    def note(*_: object) -> None:
        noted.set()
        signal.signal(signal.SIGINT, before)

    if before is signal.default_int_handler:  # else Ctrl-C means nothing here, as in a shell's background job
        signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)


def _table_writer(
    files: ExitStack, path: Path, labels: tuple[str, ...]
) -> Callable[[NDArray[np.uint8], VideoFrameResult], object]:
    from fer_toolkit.video.tables import open_table

    table = files.enter_context(open_table(path, labels))
    return lambda _, frame: table.write(frame)


def _video_writer(
    files: ExitStack,
    path: Path,
    source: Path,
    stream: VideoStream,
    start: float | None,
    end: float | None,
    every: int | None,
) -> Callable[[NDArray[np.uint8], VideoFrameResult], object]:
    from fer_toolkit.video.writing import VideoWriter

    rate = (stream.reader.frame_rate or 25.0) / (every or 1)
    writer = files.enter_context(VideoWriter(path, frame_rate=rate, sound_from=source, start=start or 0.0, end=end))

    return lambda image, frame: writer.write(_drawn(image, frame), frame.time)


def _drawn(image_bgr: NDArray[np.uint8], frame: VideoFrameResult) -> NDArray[np.uint8]:
    """A frame with its boxes and labels, BGR."""
    from fer_toolkit.images import load_image, to_pil

    return load_image(frame.draw(to_pil(image_bgr)))


@contextmanager
def _progress(stream: VideoStream, start: float | None, end: float | None) -> Iterator[Callable[[float], None]]:
    """A bar with the time left, on a terminal; called with the time of each frame."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    first, last = start or 0.0, stream.reader.duration
    if end is not None:
        last = end if last is None else min(end, last)
    console = Console(stderr=True)
    columns = [BarColumn(), TextColumn("{task.completed:.0f} of {task.total:.0f} s"), TimeRemainingColumn()]
    if last is None:
        columns = [TextColumn("{task.completed:.0f} s")]
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None if last is None else max(last - first, 0.0))
        yield lambda time: bar.update(task, completed=time - first)


def _save_plot(frames: list[VideoFrameResult], path: Path, title: str) -> None:
    from fer_toolkit.plots import save_figure
    from fer_toolkit.video.results import VideoResult

    save_figure(VideoResult.collect(frames).plot(title), path)


def _print_summary(results: _Results, stream: VideoStream, recognizer: EmotionRecognizer) -> None:
    rows = []
    for track in results.tracks():
        shares = ", ".join(f"{emotion} {100 * share:.0f} %" for emotion, share in list(track.shares.items())[:3])
        rows.append((str(track.track_id), f"{track.start:.1f}", f"{track.end:.1f}", f"{track.seconds:.1f}", shares))
    if rows:
        headers = ("face", "from (s)", "to (s)", "seen (s)", "emotions")
        print_table(headers, rows, right={"face", "from (s)", "to (s)", "seen (s)"})
    parts = f"detector {recognizer.detector.name}, classifier {recognizer.classifier.name}"
    skipped = f", {stream.reader.skipped} skipped that can't be decoded" if stream.reader.skipped else ""
    print_text(f"\n{counted(results.count, 'frame')}{skipped}, {counted(len(rows), 'face')} ({parts})")
    if stream.reader.note is not None:
        typer.echo(f"Warning: {stream.reader.note}", err=True)


def _require_display() -> None:
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise VideoError(
            "there is no display to show the camera's picture on: DISPLAY is not set; use `video` for files"
        )


def _show(stream: VideoStream, title: str) -> None:
    import cv2

    for image, frame in stream.with_images():
        drawn = _drawn(image, frame)
        try:
            cv2.imshow(title, drawn)
            key = cv2.waitKey(1) & 0xFF
            closed = cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) < 1
        except cv2.error as error:
            raise VideoError(
                "this OpenCV can't open a window; install opencv-contrib-python, not its headless variant"
            ) from error
        if key in (ord("q"), 27) or closed:  # 27: Esc
            break
    cv2.destroyAllWindows()
