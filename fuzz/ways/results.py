"""Results that were written as JSON, of pictures and of videos, and what is made of them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from fer_toolkit import export
from fer_toolkit.errors import OptionError
from fer_toolkit.results import Detection, FaceEmotion, ImageResult
from fer_toolkit.video.results import TrackedFace, VideoFrameResult, VideoResult
from fuzz.ways._json import mutate

__all__ = ["WORDS", "feed", "mutate", "seeds"]

_BOX = (1.5, 2.0, 30.0, 40.0)
_FACE = FaceEmotion(Detection(_BOX, 0.5), {"happy": 0.75, "sad": 0.25}, 0.9)
_MARKED = FaceEmotion(Detection(_BOX, 1.0, ((1, 2), (3, 4), (5, 6), (7, 8), (9, -1))), {"happy": 1.0})
_TRACKED = TrackedFace(_MARKED.detection, {"happy": 1.0}, track_id=3, smoothed={"happy": 0.5, "sad": 0.5})
_FRAME = VideoFrameResult((_TRACKED,), 7, 0.28)
_PICTURE = ImageResult((_FACE, _MARKED), 64, 48, "a.jpg", "haar", "fer2013-small-4")

_ENTRIES = {**_PICTURE.to_dict(), **_FRAME.to_dict(), **_TRACKED.to_dict()}
_KINDS = {
    **dict.fromkeys(("width", "height"), int),
    **dict.fromkeys(("detector", "classifier"), str),
    **dict.fromkeys(("path", "error"), (str, type(None))),
}
WORDS = (*(f'"{name}"'.encode() for name in _ENTRIES), b'"uncertain"', b"1e999", b"NaN", b"null")


def seeds() -> Iterator[bytes]:
    """Results with faces and without, and one of a picture that could not be read."""
    for result in (_PICTURE, ImageResult((), 0, 0, error="it is empty"), _FRAME, VideoFrameResult((), 8, 0.5)):
        yield json.dumps(result.to_dict()).encode()


def feed(data: bytes) -> None:
    """Read them as both; what is read is written in all forms, and is the same when it is read again."""
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError):  # json's own, before the library has it
        return
    try:
        _check_picture(plain)
    except OptionError:
        _check_frame(plain)


def _check_picture(plain: Mapping[str, Any]) -> None:
    result = ImageResult.from_dict(plain)
    for name, kinds in _KINDS.items():
        assert isinstance(getattr(result, name), kinds), name
    assert all(isinstance(edge, (int, float)) for face in plain["faces"] for edge in face["box"])
    again = ImageResult.from_dict(json.loads(json.dumps(result.to_dict(), allow_nan=False)))
    assert again.to_dict() == result.to_dict()
    for form in ("json", "jsonl", "csv"):
        export.write([result], io.StringIO(), form)


def _check_frame(plain: Mapping[str, Any]) -> None:
    frame = VideoFrameResult.from_dict(plain)
    again = VideoFrameResult.from_dict(json.loads(json.dumps(frame.to_dict(), allow_nan=False)))
    assert again.to_dict() == frame.to_dict()
    VideoResult((frame, frame)).tracks()
