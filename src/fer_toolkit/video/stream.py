"""The way of a video: read ahead, detect ahead, track, cut out, classify several frames together, smooth, give."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from fer_toolkit import _fork
from fer_toolkit._checks import check_whole
from fer_toolkit.errors import VideoError
from fer_toolkit.results import Detection
from fer_toolkit.video.cuts import CutDetector
from fer_toolkit.video.events import EmotionEvent, EventDetector
from fer_toolkit.video.frames import Frame
from fer_toolkit.video.reading import Reader
from fer_toolkit.video.results import TrackedFace, VideoFrameResult
from fer_toolkit.video.smoothing import Smoother
from fer_toolkit.video.tracking import Tracker

AHEAD = 16
"""Frames that may wait between two steps: what memory is spent on, whatever the video's length."""

_AT_ONCE = min(4, os.cpu_count() or 1)  # frames whose faces are looked for at the same time

T = TypeVar("T")


@dataclass(frozen=True)
class Parts:
    """What a recognizer does with frames.

    Parameters
    ----------
    detect
        The faces of a frame, uint8 (height, width, 3) BGR, largest first.
    crop
        Faces cut out of their frame, uint8 (n, size, size, channels).
    classify
        Probabilities of crops, float32 (n, labels).
    labels
        The classifier's.
    min_confidence
        Below this a face is uncertain.
    """

    detect: Callable[[NDArray[np.uint8]], list[Detection]]
    crop: Callable[[NDArray[np.uint8], Sequence[Detection]], NDArray[np.uint8]]
    classify: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    labels: tuple[str, ...]
    min_confidence: float


Step = tuple[Frame, VideoFrameResult]
"""A frame with its result."""


class VideoStream(Iterator[VideoFrameResult]):
    """The results of a video, frame by frame, as they are made; in constant memory, whatever the video's length.

    Reading and detection run ahead in threads of their own, at most 16 frames; frames that are ready at the same time
    are classified together. Use it in a ``for`` loop, and in a ``with`` block where the loop may end early.

    Attributes
    ----------
    reader
        Where the frames come from: its ``width``, ``height``, ``frame_rate``, ``duration``, ``frame_count`` (of which
        all but the first two may be unknown, None), and ``skipped``, the number of frames so far that could not be
        decoded.
    labels
        The classifier's.
    """

    def __init__(self, reader: Reader, parts: Parts, steps: Generator[Step, None, None]) -> None:
        self.reader, self.labels = reader, parts.labels
        self._steps = steps
        _fork.renew_in_child(self, VideoStream._renew)

    def __next__(self) -> VideoFrameResult:
        return next(self._steps)[1]

    def with_images(self) -> Iterator[tuple[NDArray[np.uint8], VideoFrameResult]]:
        """The same results, each with its frame, uint8 (height, width, 3), BGR."""
        while (step := next(self._steps, None)) is not None:
            frame, result = step
            yield frame.image_bgr, result

    def close(self) -> None:
        """End reading; there are no further results."""
        self._steps.close()
        self.reader.close()  # for steps that were never begun end nothing

    def _renew(self) -> None:
        _fork.leave_behind(self._steps)
        self._steps = _refuse()

    def __enter__(self) -> VideoStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def recognize_frames(
    reader: Reader,
    parts: Parts,
    *,
    detect_every: int = 1,
    smoothing: float = 0.5,
    on_event: Callable[[EmotionEvent], None] | None = None,
    hold: float = 1.0,
) -> VideoStream:
    """Read the emotions of all faces of a video; the parameters are those of ``EmotionRecognizer.recognize_video``.

    The reader is closed when the results end, and also where an option is wrong.
    """
    try:
        check_whole("detect_every", detect_every, least=1)
        tracker, smoother, events = Tracker(), Smoother(smoothing), EventDetector(hold)
    except BaseException:
        reader.close()
        raise

    def steps() -> Generator[Step, None, None]:
        with (
            reader,
            ThreadPoolExecutor(_AT_ONCE) as threads,
            _Ahead(reader) as frames,
            _Ahead(_detect(frames, parts, detect_every, threads)) as seen,
        ):
            for several in seen.batches():
                for frame, result in _classify(several, parts, tracker, smoother):
                    if on_event is not None:
                        for event in events.update(result):
                            on_event(event)
                    yield frame, result

    return VideoStream(reader, parts, steps())


def _refuse() -> Generator[Step, None, None]:
    """The results in a forked process, which has none of the threads that make them."""
    yield from ()
    raise VideoError("the video is being read by the process that this one was forked from; open it anew in this one")


@dataclass(frozen=True)
class _Seen:
    """A frame whose faces are being found; `detections` are None where they are followed instead."""

    frame: Frame
    cut: bool
    detections: Future[list[Detection]] | None


def _detect(frames: Iterable[Frame], parts: Parts, detect_every: int, threads: ThreadPoolExecutor) -> Iterator[_Seen]:
    """Begin to find the faces of every few frames, and of the first after a cut."""
    cuts, followed = CutDetector(), 0
    for number, frame in enumerate(frames):
        cut = cuts.is_cut(frame.image_bgr)
        wanted = cut or number == 0 or followed + 1 >= detect_every
        followed = 0 if wanted else followed + 1
        yield _Seen(frame, cut, threads.submit(parts.detect, frame.image_bgr) if wanted else None)


def _classify(several: Sequence[_Seen], parts: Parts, tracker: Tracker, smoother: Smoother) -> Iterator[Step]:
    """Track the faces of several frames, and read the emotions of all of them together."""
    tracked = [_track(seen, tracker) for seen in several]
    crops = [
        parts.crop(seen.frame.image_bgr, [face for _, face in faces])
        for seen, faces in zip(several, tracked, strict=True)
    ]
    rows = iter(parts.classify(np.concatenate(crops)))
    for seen, faces in zip(several, tracked, strict=True):
        if seen.cut:
            smoother.reset()
        time = seen.frame.time
        found = tuple(_face(track_id, face, next(rows), parts, smoother, time) for track_id, face in faces)
        yield seen.frame, VideoFrameResult(found, seen.frame.index, time)


def _track(seen: _Seen, tracker: Tracker) -> list[tuple[int, Detection]]:
    if seen.cut:
        tracker.reset()
    if seen.detections is not None:
        found = seen.detections.result()
        return list(zip(tracker.update(found, seen.frame.time), found, strict=True))
    height, width = seen.frame.image_bgr.shape[:2]
    return tracker.follow(seen.frame.time, (width, height))


def _face(
    track_id: int, detection: Detection, row: NDArray[np.float32], parts: Parts, smoother: Smoother, time: float
) -> TrackedFace:
    smoothed = smoother.update(track_id, row, time)
    own, past = (dict(zip(parts.labels, values.tolist(), strict=True)) for values in (row, smoothed))
    return TrackedFace(detection, own, parts.min_confidence, track_id=track_id, smoothed=past)


class _Ahead(Generic[T]):
    """The items of an iterable, made ahead of their use in a thread; an error comes where its item would."""

    def __init__(self, items: Iterable[T]) -> None:
        self._ready: queue.Queue[tuple[bool, T | BaseException | None]] = queue.Queue(AHEAD)
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(items,), daemon=True)

    def __enter__(self) -> _Ahead[T]:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.set()
        while self._thread.is_alive():  # it may wait for room
            with suppress(queue.Empty):
                self._ready.get(timeout=0.05)
        self._thread.join()

    def __iter__(self) -> Iterator[T]:
        for several in self.batches(most=1):
            yield from several

    def batches(self, most: int = AHEAD) -> Iterator[list[T]]:
        """All items that are ready by now, at least one and up to `most` at a time."""
        while not self._left.is_set():
            several: list[T] = []
            entry = self._ready.get()
            while True:
                good, item = entry
                if not good:
                    if several:
                        yield several
                    if item is not None:
                        raise item  # type: ignore[misc]
                    return
                several.append(item)  # type: ignore[arg-type]
                if len(several) == most or self._ready.empty():
                    break
                entry = self._ready.get()
            yield several

    def _work(self, items: Iterable[T]) -> None:
        try:
            for item in items:
                if self._left.is_set():
                    return
                self._ready.put((True, item))
        except BaseException as error:  # whatever it is, it is the reader's of the items
            self._ready.put((False, error))
        else:
            self._ready.put((False, None))
