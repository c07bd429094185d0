"""Frames of a camera or a network stream, through OpenCV."""

from __future__ import annotations

import itertools
import math
import time as clock
from collections.abc import Iterator
from types import TracebackType
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_toolkit import _fork
from fer_toolkit._addresses import without_secrets
from fer_toolkit.errors import OptionError, VideoError
from fer_toolkit.video.frames import Choice, Frame, refuse

_FAILED_READS = 5
"""Reads of a camera that may fail one after the other: a dropped frame or two is common, five is a camera gone."""


class CameraReader:
    """The frames of a camera or a network stream: iterate over it once. :func:`open_camera` makes it.

    Its attributes are those of :class:`~fer_toolkit.video.reading.VideoReader`; `duration` and `frame_count` are None,
    since the end is not known.
    """

    duration = None
    frame_count = None
    note = None

    def __init__(self, capture: cv2.VideoCapture, name: str, choice: Choice) -> None:
        self._capture, self._name = capture, name
        rate = capture.get(cv2.CAP_PROP_FPS)
        self.frame_rate = rate if math.isfinite(rate) and rate > 0 else None
        self.skipped = 0
        frames = itertools.starmap(Frame, choice.of(self._timed()))
        first = next(frames)
        self.height, self.width = first.image_bgr.shape[:2]
        self._frames: Iterator[Frame] = itertools.chain([first], frames)
        _fork.renew_in_child(self, CameraReader._renew)

    def __iter__(self) -> Iterator[Frame]:
        return iter(lambda: next(self._frames, None), None)

    def __enter__(self) -> CameraReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the camera back; no frame can be read after this."""
        self._frames = iter(())
        self._capture.release()

    def _renew(self) -> None:
        _fork.leave_behind((self._frames, self._capture))  # to release it would stop the camera for both
        self._frames, self._capture = refuse(self._name), cv2.VideoCapture()

    def _timed(self) -> Iterator[tuple[int, float, NDArray[np.uint8]]]:
        image = self._read()
        began = clock.monotonic()
        yield 0, 0.0, image
        for index in itertools.count(1):
            image = self._read()
            yield index, clock.monotonic() - began, image

    def _read(self) -> NDArray[np.uint8]:
        for _ in range(_FAILED_READS):
            success, image = self._capture.read()
            if success:
                return cast("NDArray[np.uint8]", image)
            self.skipped += 1
        raise VideoError(
            f"{self._name} gives no more pictures; see that it is plugged in and switched on, that its network can be "
            "reached, and that no other program has taken it"
        )


def open_camera(device: int | str, *, end: float | None = None, every: int | float | None = None) -> CameraReader:
    """Open a camera of this machine, or a network camera, through OpenCV.

    Parameters
    ----------
    device
        The camera's number, 0 for the first; or an address, as ``"rtsp://192.168.0.7/stream"``.
    end
        Stop so many seconds after the first frame. By default reading never ends.
    every
        As in :func:`~fer_toolkit.video.reading.open_video`; the frames between are read, and not given.

    Returns
    -------
    CameraReader
        Its first frame is read already. A camera that is unplugged later raises a VideoError from the iteration.

    Raises
    ------
    VideoError
        If the camera can't be opened or gives no picture.
    OptionError
        If `device`, `end` or `every` is wrong.

    Examples
    --------
    >>> with open_camera(0, every=1.0, end=10) as reader:  # doctest: +SKIP
    ...     pictures = [frame.image_bgr for frame in reader]
    """
    choice = Choice(None, end, every)
    if isinstance(device, bool) or not isinstance(device, (int, str)) or (isinstance(device, int) and device < 0):
        raise OptionError(f"a camera must be a number, 0 or more, or an address. Received: {device!r}")
    name = f"camera {device}" if isinstance(device, int) else f"'{without_secrets(device)}'"
    capture = cv2.VideoCapture(device)
    try:
        if not capture.isOpened():
            remedy = (
                "see that it is plugged in, that no other program uses it and that this one may, or try another number"
                if isinstance(device, int)
                else "check the address, and that it can be reached from here"
            )
            raise VideoError(f"{name} can't be opened; {remedy}")
        return CameraReader(capture, name, choice)
    except BaseException:
        capture.release()
        raise
