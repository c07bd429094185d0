"""Pictures with times to an MP4 file that browsers play, with the sound of the video they come from."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, SupportsFloat, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_toolkit._files import whole_file
from fer_toolkit._messages import describe_error
from fer_toolkit.errors import OptionError, VideoError
from fer_toolkit.images import describe_source
from fer_toolkit.video.reading import BT709, open_container, require_av

if TYPE_CHECKING:
    from av import Packet
    from av.container import InputContainer, OutputContainer

_TIME_BASE = Fraction(1, 90_000)
"""Seconds of a tick: the clock of MPEG, a whole number of which is a frame at any common rate."""

_ENDINGS = (".mp4", ".m4v")

_AAC_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
"""Samples a second that AAC takes (ISO/IEC 14496-3, table 1.18) and browsers play."""

_LIMITED_RANGE = 1
"""Black is 16 and white 235, as FFmpeg numbers it: what every player expects."""


class VideoWriter:
    """Writes an H.264 MP4 file, frame by frame, at the times given.

    The file is written beside its place and put there when the ``with`` block ends. When the block ends by an error or
    by Ctrl-C, what was written so far becomes a complete file too. Where no frame was written there is no file, and an
    older one stays.

    Parameters
    ----------
    path
        The file, ending in .mp4 or .m4v. Folders that are missing are made.
    frame_rate
        About how many frames a second there will be: how long the last one is shown, and how the encoder plans. Each
        frame is shown at its own time.
    sound_from
        A file whose sound is kept, from `start` until the last frame ends. It may have none.
    start, end
        Which part of that file's time is written, seconds from its video's start. The new file begins at `start`.

    Raises
    ------
    VideoError
        From any method, if the file can't be written or `sound_from` can't be read.
    OptionError
        If `frame_rate`, `start` or `end` is wrong.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with VideoWriter(Path(folder, "grey.mp4"), frame_rate=10) as writer:
    ...         for i in range(5):
    ...             writer.write(np.full((48, 64, 3), 40 * i, np.uint8), time=i / 10)
    ...     Path(folder, "grey.mp4").stat().st_size > 1000
    True
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        frame_rate: float,
        sound_from: str | os.PathLike[str] | None = None,
        start: float = 0.0,
        end: float | None = None,
    ) -> None:
        if not 0 < frame_rate <= 1000:
            raise OptionError(f"frame_rate must be above 0, and 1000 or less. Received: {frame_rate!r}")
        if start < 0 or (end is not None and end <= start):
            raise OptionError(f"start must be 0 or more, and end after it. Received: {start!r}, {end!r}")
        self._path, self._name = Path(path), describe_source(path)
        if self._path.suffix.lower() not in _ENDINGS:
            raise VideoError(f"{self._name} would be an MP4 file; let its name end in {' or '.join(_ENDINGS)}")
        self._rate = Fraction(frame_rate).limit_denominator(1001)
        self._start, self._end = start, end
        self._sound_from = sound_from
        self._open = contextlib.ExitStack()
        self._film: _Film | None = None

    def __enter__(self) -> VideoWriter:
        return self

    def write(self, image_bgr: NDArray[np.uint8], time: float) -> None:
        """Add a frame.

        Parameters
        ----------
        image_bgr
            uint8 (height, width, 3), BGR. The first one gives the video's size, plus a row or a column where it is odd,
            since the format asks for even sizes; later ones of another size are fitted into it, with black beside them.
        time
            When it is shown, seconds, on the clock of `start`. One that does not advance is moved to just after the
            frame before.
        """
        if image_bgr.dtype != np.uint8 or image_bgr.ndim != 3 or image_bgr.shape[2] != 3 or not image_bgr.size:
            raise OptionError(
                f"a frame must be uint8 (height, width, 3). Received: {image_bgr.dtype} {image_bgr.shape}"
            )
        with _refusals(self._name):
            if self._film is None:
                self._film = self._begin(image_bgr)
            self._film.add(image_bgr, time - self._start)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._film is not None:
            with _refusals(self._name), self._open:
                self._film.finish()
        elif error is not None:
            self._open.__exit__(kind, error, trace)
        else:
            raise VideoError(f"no frame was written to {self._name}, so there is no such file; write one at least")

    def _begin(self, image_bgr: NDArray[np.uint8]) -> _Film:
        draft = self._open.enter_context(whole_file(self._path, VideoError))
        # faststart: the index stands first, so that a browser plays while it loads
        options = {"movflags": "+faststart"}
        target = self._open.enter_context(require_av().open(str(draft), "w", format="mp4", options=options))
        sound = None
        if self._sound_from is not None:
            source = self._open.enter_context(open_container(self._sound_from))
            if source.streams.audio:
                sound = _Sound(source, target, self._start, self._end)
        return _Film(target, image_bgr, self._rate, sound)


class _Film:
    """The video being written: pictures, and the sound up to the last of them."""

    def __init__(
        self, target: OutputContainer, first_bgr: NDArray[np.uint8], rate: Fraction, sound: _Sound | None
    ) -> None:
        self._target, self._rate, self._sound = target, rate, sound
        self._last = -1
        self._size_wh = (first_bgr.shape[1], first_bgr.shape[0])
        self._stream = target.add_stream("libx264", rate=rate, options={"crf": "20", "preset": "veryfast"})
        self._stream.height, self._stream.width = _even(first_bgr).shape[:2]
        self._stream.pix_fmt = "yuv420p"
        coding = self._stream.codec_context
        coding.time_base = _TIME_BASE
        coding.colorspace = coding.color_primaries = coding.color_trc = BT709
        coding.color_range = _LIMITED_RANGE
        self._reformatter = require_av().video.reformatter.VideoReformatter()
        target.start_encoding()

    def add(self, image_bgr: NDArray[np.uint8], time: float) -> None:
        image = np.ascontiguousarray(_even(_fitted(image_bgr, self._size_wh)))
        frame = self._reformatter.reformat(
            require_av().VideoFrame.from_ndarray(image, format="bgr24"),
            format="yuv420p",
            dst_colorspace=BT709,
            dst_color_range=_LIMITED_RANGE,
        )
        self._last = frame.pts = max(round(time / _TIME_BASE), self._last + 1)
        frame.time_base = _TIME_BASE
        self._mux(self._stream.encode(frame))
        if self._sound is not None:
            self._sound.write_until(float(self._last * _TIME_BASE))

    def finish(self) -> None:
        if self._sound is not None:
            self._sound.write_until(float(self._last * _TIME_BASE + 1 / self._rate))
            self._sound.finish()
        self._mux(self._stream.encode(None))

    def _mux(self, packets: list[Packet[Any]]) -> None:
        for packet in packets:
            # It counts for the last frame only; what stands between two times gives the others'.
            packet.duration = round(1 / (self._rate * _TIME_BASE))
            self._target.mux(packet)


class _Sound:
    """The sound of a file from `start` to `end`: AAC copied as it is, anything else encoded as AAC."""

    def __init__(self, source: InputContainer, target: OutputContainer, start: float, end: float | None) -> None:
        self._target = target
        self._from = source.streams.audio[0]
        clock = source.streams.best("video") or self._from  # the one that `start` is told on
        self._origin = start + float((clock.start_time or 0) * (clock.time_base or 0))
        self._length = math.inf if end is None else end - start
        if self._from.codec_context.name == "aac":
            self._carry = self._copied
            self._to = target.add_stream_from_template(self._from)
        else:
            self._carry = self._encoded
            rate = self._from.codec_context.sample_rate
            self._to = target.add_stream("aac", rate=rate if rate in _AAC_RATES else 48_000)
            self._to.layout = self._from.codec_context.layout
        self._packets = self._wanted(source)
        self._next = next(self._packets, None)

    def write_until(self, time: float) -> None:
        """Write what sounds before `time`, seconds of the new file."""
        while self._next is not None and self._time(self._next) < min(time, self._length):
            self._target.mux(self._carry(self._next))
            self._next = next(self._packets, None)

    def finish(self) -> None:
        """Write what an encoder has held back."""
        self._target.mux(self._carry(None))

    def _wanted(self, source: InputContainer) -> Iterator[Packet[Any]]:
        """The packets from `start` on, to the file's end or to where it can't be read on: the pictures matter more.

        The one before is among them, since transform codecs need it to decode the first.
        """
        with contextlib.suppress(require_av().error.FFmpegError):
            for packet in source.demux(self._from):
                if packet.size and packet.pts is not None:
                    length = float((packet.duration or 0) * packet.time_base)
                    if self._time(packet) + 2 * length > 0:
                        yield packet

    def _time(self, packet: Packet[Any]) -> float:
        return float((packet.pts or 0) * packet.time_base) - self._origin

    def _copied(self, packet: Packet[Any] | None) -> list[Packet[Any]]:
        if packet is None:
            return []
        packet.pts, packet.dts = (self._moved(stamp, packet.time_base) for stamp in (packet.pts, packet.dts))
        packet.stream = self._to
        return [packet]

    def _encoded(self, packet: Packet[Any] | None) -> list[Packet[Any]]:
        if packet is None:
            return self._to.encode(None)
        try:
            frames = self._from.decode(packet)
        except require_av().error.FFmpegError:
            return []
        for frame in frames:
            frame.pts = self._moved(frame.pts, frame.time_base)
        return [packet for frame in frames for packet in self._to.encode(frame)]

    def _moved(self, stamp: int | None, time_base: SupportsFloat | None) -> int | None:
        """A time stamp on the new file's clock, which begins at `start`."""
        return None if stamp is None or not time_base else stamp - round(self._origin / float(time_base))


def _even(image_bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture with its last row and column twice where it has an odd number of them."""
    height, width = image_bgr.shape[:2]
    if height % 2 == width % 2 == 0:
        return image_bgr
    padded = cv2.copyMakeBorder(image_bgr, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    return cast("NDArray[np.uint8]", padded)


def _fitted(image_bgr: NDArray[np.uint8], size_wh: tuple[int, int]) -> NDArray[np.uint8]:
    """The picture at that size, in its own proportions, in the middle of black."""
    height, width = image_bgr.shape[:2]
    if (width, height) == size_wh:
        return image_bgr
    scale = min(size_wh[0] / width, size_wh[1] / height)
    width, height = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = (size_wh[0] - width) // 2, (size_wh[1] - height) // 2
    fitted = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    fitted[top : top + height, left : left + width] = cv2.resize(
        image_bgr, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    return fitted


@contextlib.contextmanager
def _refusals(name: str) -> Iterator[None]:
    """Say what FFmpeg refuses as a VideoError."""
    av = require_av()
    try:
        yield
    except av.codec.codec.UnknownCodecError as error:
        raise VideoError(
            f"{name} can't be written: this PyAV has no encoder {error}; the wheels of PyPI have it: pip install av"
        ) from error
    except av.error.FFmpegError as error:
        raise VideoError(f"{name} can't be written: {describe_error(error)}") from error
