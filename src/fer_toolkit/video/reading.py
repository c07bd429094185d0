"""Frames of a video file, one after the other, with their times. Any number of them, in constant memory."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_toolkit import _fork
from fer_toolkit._messages import describe_error
from fer_toolkit._optional import require
from fer_toolkit.errors import OptionError, VideoError
from fer_toolkit.images import describe_source
from fer_toolkit.video.cameras import CameraReader, open_camera
from fer_toolkit.video.frames import TICK, Choice, Frame, refuse

if TYPE_CHECKING:
    from av import Packet, VideoFrame, VideoStream
    from av.container import InputContainer

_LONGEST_GROUP = 1000
"""Packets after a key frame that are kept while `start` is looked for; encoders' own limits are 250 and less."""

_TURNS = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}

_BT601, BT709 = 5, 1
"""Colours of standard and of high definition (ITU-R BT.601 and BT.709), as ISO/IEC 23001-8 numbers matrices, and of the
second one primaries and transfer too."""

_CLOCK_RATE = 1000
"""Frames a second from which on a file gives the ticks of its clock instead, as some writers of Matroska do."""

_MAX_PIXELS = 8192 * 4352
"""Width times height above which frames are refused: the largest of H.264, HEVC and AV1 at their highest levels. A file
of some kilobytes can ask for many gigabytes."""

_PROTOCOLS = {"protocol_whitelist": "none"}
"""A playlist, whatever its name, would read other files."""

_CUT_SHORT = 0.5
"""Seconds of a stream's own duration that may be missing at its end before the file is said to be incomplete."""


class VideoReader:
    """The frames of a video file: iterate over it once, as over an open file. :func:`open_video` makes it.

    Attributes
    ----------
    width, height : int
        Size of the first frame, pixels, upright. Later ones may have another.
    frame_rate : float or None
        Frames a second on average, as the file has it.
    duration : float or None
        Seconds of the whole stream, as the file has it.
    frame_count : int or None
        About how many frames reading will give, for a progress bar.
    skipped : int
        Frames so far that could not be decoded.
    note : str or None
        What was found wrong while reading, as that the file ends too early; None as long as nothing was.
    """

    def __init__(
        self, opened: contextlib.ExitStack, container: InputContainer, stream: VideoStream, name: str, choice: Choice
    ) -> None:
        self._opened, self._container, self._stream, self._name = opened, container, stream, name
        self._time_base = float(stream.time_base or 0)
        rates = [float(rate) for rate in (stream.average_rate, stream.guessed_rate) if rate and rate < _CLOCK_RATE]
        self.frame_rate = rates[0] if rates else None
        self._length = _length(stream)
        # Else there is only that of the longest stream, or an estimate.
        self.duration = self._length or (container.duration / 1_000_000 if container.duration else None)
        self.skipped = 0
        self.note: str | None = None
        self._read_to, self._packets_read = 0.0, 0
        if self._length and choice.start >= self._length:
            raise VideoError(
                f"{name} lasts {self._length:.2f} seconds, and shall be read from {choice.start:g} on; begin earlier"
            )
        self.frame_count = choice.count(self.duration, self.frame_rate, stream.frames)
        self._reformatter = require_av().video.reformatter.VideoReformatter()
        frames = itertools.starmap(self._upright, choice.of(self._timed(choice.start)))
        first = next(frames, None)
        if first is None:
            raise self._nothing_read(choice)
        self.height, self.width = first.image_bgr.shape[:2]
        self._frames: Iterator[Frame] = itertools.chain([first], frames)
        _fork.renew_in_child(self, VideoReader._renew)

    def __iter__(self) -> Iterator[Frame]:
        return iter(lambda: next(self._frames, None), None)

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; no frame can be read after this."""
        self._frames = iter(())
        self._opened.close()

    def _renew(self) -> None:
        _fork.leave_behind((self._frames, self._opened))  # FFmpeg decodes in threads
        self._frames, self._opened = refuse(self._name), contextlib.ExitStack()

    def _timed(self, start: float) -> Iterator[tuple[int, float, VideoFrame]]:
        """The decoded frames with index and time, from the last key frame before `start` on."""
        packets = self._packets()
        passed, kept = self._pass_over(packets, start) if start > 0 else (0, [])
        period = 1 / self.frame_rate if self.frame_rate else 0.0
        time = (passed - 1) * period
        for index, frame in enumerate(self._decoded(itertools.chain(kept, packets)), passed):
            stamp = self._time(frame)
            time = time + period if stamp is None else stamp
            yield index, time, frame
        self._note_early_end()

    def _pass_over(self, packets: Iterator[Packet[Any]], start: float) -> tuple[int, list[Packet[Any]]]:
        """Read on to `start` without decoding.

        To ask the file for a place in it would not tell which frame is there, and is inexact in many formats; to read
        without decoding takes some seconds for ten hours.

        Returns
        -------
        (passed, kept)
            How many frames are shown before the last key frame that is shown no later than `start`; and the packets
            from that key frame on that were read.
        """
        passed, kept = 0, list[Any]()
        for packet in packets:
            time = self._time(packet)
            if packet.is_keyframe and time is not None and time <= start + TICK:
                passed, kept = passed + len(kept), []
            kept.append(packet)
            if time is None or time > start + TICK or len(kept) > _LONGEST_GROUP:
                break
        times = [self._time(packet) for packet in kept]
        # Some frames can be stored after a key frame and shown before it; they need those that were passed over.
        leading = [time for time in times if time is not None and times[0] is not None and time < times[0]]
        return passed + len(leading), kept

    def _packets(self) -> Iterator[Packet[Any]]:
        """The stream's packets that hold something, to the file's end or to where it can't be read on."""
        failure = require_av().error.FFmpegError
        try:
            for packet in self._container.demux(self._stream):
                if packet.size:
                    length = (packet.duration or 0) * self._time_base
                    self._packets_read += 1
                    self._read_to = max(self._read_to, (self._time(packet) or 0) + length)
                    yield packet
        except failure as error:
            self.note = f"{self._name} is damaged, and was read only so far: {describe_error(error)}"

    def _decoded(self, packets: Iterator[Packet[Any]]) -> Iterator[VideoFrame]:
        failure = require_av().error.FFmpegError
        for packet in itertools.chain(packets, [None]):  # None: the decoder hands out the frames it has held back
            try:
                frames = self._stream.decode(packet)
            except failure:
                self.skipped += 1
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self.skipped += 1
                else:
                    yield frame

    def _time(self, item: Packet[Any] | VideoFrame) -> float | None:
        """Seconds from the stream's start at which a packet's or a frame's picture is shown, where the file says it."""
        stamp = item.dts if item.pts is None else item.pts
        return None if stamp is None else (stamp - (self._stream.start_time or 0)) * self._time_base

    def _upright(self, index: int, time: float, frame: VideoFrame) -> Frame:
        # Older PyAVs take every picture for standard definition, unless told both what it is and what to make of it.
        colours = {"src_colorspace": BT709, "dst_colorspace": _BT601} if frame.colorspace == BT709 else {}
        image = self._reformatter.reformat(frame, format="bgr24", **colours).to_ndarray()
        turn = _TURNS.get(round(frame.rotation / 90) * 90 % 360)
        return Frame(index, time, image if turn is None else cast("NDArray[np.uint8]", cv2.rotate(image, turn)))

    def _note_early_end(self) -> None:
        if self.note is not None or self._length is None or 0 < self._stream.frames <= self._packets_read:
            return
        if self._read_to < self._length - _CUT_SHORT:
            self.note = (
                f"{self._name} ends early: {self._read_to:.2f} of {self._length:.2f} seconds could be read; "
                "the file is incomplete or damaged"
            )

    def _nothing_read(self, choice: Choice) -> VideoError:
        if self.note:
            return VideoError(f"{self.note}; no frame could be read: get or save it again")
        if self.skipped:
            return VideoError(
                f"{self._name} is damaged, or has frames above the limit of {_MAX_PIXELS:,} pixels: "
                f"none of its {self.skipped} frames could be decoded; get or save it again"
            )
        place = f" from {choice.start:g} seconds on" if choice.start else ""
        return VideoError(f"{self._name} has no frames{place}; get or save it again, or read another part")


Reader: TypeAlias = VideoReader | CameraReader
"""Where frames come from: the two have the same attributes."""


def open_video(
    path: str | os.PathLike[str],
    *,
    start: float | None = None,
    end: float | None = None,
    every: int | float | None = None,
) -> VideoReader:
    """Open a video file of any format that FFmpeg reads, of frames up to 8192x4352 pixels.

    Nothing but the file is read: a playlist, which names others, is refused.
    Rotation that the file asks for, as phones do, is applied. A frame that can't be decoded is skipped and counted; a
    file that ends early gives the frames it has, and the reader's `note` says so.

    Parameters
    ----------
    path
        The file.
    start, end
        Seconds from the stream's start: frames of ``start <= time < end`` are read.
    every
        A whole number n takes each n-th frame, a float the first frame of each so many seconds. ``every=2`` takes half
        of the frames, ``every=2.0`` one in two seconds. By default each frame is taken.

    Returns
    -------
    VideoReader
        Its first frame is decoded already, so that what can't be read fails here.

    Raises
    ------
    VideoError
        If there is no such file, it is no video, has no frames, or none from `start` on.
    OptionError
        If `start`, `end` or `every` is wrong.
    MissingExtraError
        If PyAV is not installed.

    Examples
    --------
    >>> with open_video("clip.mp4", every=0.5) as reader:  # doctest: +SKIP
    ...     for frame in reader:
    ...         print(frame.index, frame.time, frame.image_bgr.shape)
    0 0.0 (336, 596, 3)
    15 0.5005 (336, 596, 3)
    """
    choice = Choice(start, end, every)
    name = describe_source(path)
    opened = contextlib.ExitStack()
    try:
        container = opened.enter_context(open_container(path))
        stream = cast("VideoStream | None", container.streams.best("video"))
        if stream is None or stream.disposition & require_av().stream.Disposition.attached_pic:
            raise VideoError(f"{name} holds no video, only {_contents(container)}; give a file that has one")
        if stream.codec_context is None:
            raise VideoError(f"{name} is in a format that this FFmpeg can't decode; save it as H.264 MP4 first")
        stream.thread_type = "AUTO"
        stream.codec_context.options = {"max_pixels": str(_MAX_PIXELS)}
        return VideoReader(opened, container, stream, name, choice)
    except BaseException:
        opened.close()
        raise


def open_source(
    source: int | str | os.PathLike[str],
    *,
    start: float | None = None,
    end: float | None = None,
    every: int | float | None = None,
) -> Reader:
    """Open what `source` names: a number or an address (rtsp, http, https) is a camera, anything else a video file.

    The parameters and errors are those of :func:`open_video` and :func:`open_camera`; a camera takes no `start`.

    Examples
    --------
    >>> open_source("no-such-file.mp4")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    fer_toolkit.errors.VideoError: there is no file 'no-such-file.mp4'; check the path ...
    """
    is_address = isinstance(source, str) and re.match(r"(rtsps?|https?)://", source, re.IGNORECASE)
    if isinstance(source, int) or is_address:
        if start is not None:
            raise OptionError(f"start is for a file, and a camera begins when it is opened. Received: {start!r}")
        return open_camera(cast("int | str", source), end=end, every=every)
    return open_video(source, start=start, end=end, every=every)


def require_av() -> Any:
    """PyAV, or an error that says how to install it."""
    return require("av", extra="video", feature="reading and writing video")


@contextlib.contextmanager
def open_container(path: str | os.PathLike[str]) -> Iterator[InputContainer]:
    """Open a file with PyAV as long as the block runs, or raise the VideoError that says why not.

    FFmpeg is given the file and no way to another one: neither to what a playlist names, nor to an address.
    """
    name = describe_source(path)
    av = require_av()
    _check_file(path, name)
    with _opened(path) as file:
        # A title that is no UTF-8 stops PyAV below 19 unless it is told otherwise, which later ones can't be.
        lenient = {} if int(av.__version__.partition(".")[0]) >= 19 else {"metadata_errors": "ignore"}
        try:
            # Not as options, with which PyAV 15 and older crash on FLV files (github.com/PyAV-Org/PyAV/issues/2010).
            container = av.open(file, container_options=_PROTOCOLS, **lenient)
        except av.error.FFmpegError as error:
            raise VideoError(
                f"{name} can't be read as a video; it is none, or incomplete or damaged: {describe_error(error)}"
            ) from error
        with container:
            yield container


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file as Python has it; where the block is dropped, as with a reader that nobody closes, there is no warning."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        with open(descriptor, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(descriptor)


def _check_file(path: str | os.PathLike[str], name: str) -> None:
    if not isinstance(path, (str, os.PathLike)):
        raise VideoError(f"{name} is no video; give the path of a file, a camera's number or its address")
    if not os.fspath(path):
        raise VideoError("the path is empty; give the path of a video")
    try:
        mode = Path(path).stat().st_mode
        if stat.S_ISDIR(mode):
            raise VideoError(f"{name} is a folder; give the path of a video in it")
        if not stat.S_ISREG(mode):  # to open a pipe could wait for ever
            raise VideoError(f"{name} is not an ordinary file; save it as one first")
        with Path(path).open("rb") as file:
            if not file.read(1):
                raise VideoError(f"{name} is empty (0 bytes); get or save it again")
    except FileNotFoundError:
        raise VideoError(
            f"there is no file {name}; check the path (a relative one counts from the working folder)"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a null character or a lone surrogate in the path
        raise VideoError(f"{name} can't be opened: {describe_error(error)}") from error


def _length(stream: VideoStream) -> float | None:
    """Seconds that a stream lasts, where the file says it of the stream itself."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    # Matroska has it as text: 00:01:02.5
    match = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    return sum(float(part) * unit for part, unit in zip(match.groups(), (3600, 60, 1), strict=True)) if match else None


def _contents(container: InputContainer) -> str:
    return " and ".join(sorted({stream.type for stream in container.streams if stream.type != "video"})) or "a picture"
