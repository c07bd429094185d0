"""Labelled faces from folders of pictures, one folder an emotion.

::

    data/train/happy/1.png          data/happy/1.png
    data/train/sad/2.png            data/sad/2.png
    data/test/happy/3.png

Which faces a folder does not hold out for choosing and reporting itself, the pixels of each picture decide: so the
parts are the same on every machine and however the files are called, and copies of a picture are in one part.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from fer_toolkit._paths import exists, is_folder, shown
from fer_toolkit.alignment import crop_faces
from fer_toolkit.cards import InputSpec
from fer_toolkit.detectors.whole_image import WholeImageDetector
from fer_toolkit.errors import DataError, ImageError, OptionError
from fer_toolkit.images import load_image
from fer_toolkit.labels import FER2013, FER2013_TO_FERPLUS, FERPLUS, FERPLUS_TO_FER2013
from fer_toolkit.training.data import SIDE, FaceData, OnBad, read_fer2013, refuse

_PARTS = {
    "train": "Training",
    "training": "Training",
    "val": "PublicTest",
    "valid": "PublicTest",
    "validation": "PublicTest",
    "publictest": "PublicTest",
    "test": "PrivateTest",
    "privatetest": "PrivateTest",
}

_TO_FER2013 = {
    **{label: label for label in FER2013},
    **FERPLUS_TO_FER2013,
    # as a copy of FER2013 on Kaggle calls its folders
    "disgusted": "disgust",
    "fearful": "fear",
    "surprised": "surprise",
}
_TO_FERPLUS = {**{name: FER2013_TO_FERPLUS[label] for name, label in _TO_FER2013.items()}, "contempt": "contempt"}

_LEFT_BY_DESKTOPS = frozenset({"thumbs.db", "desktop.ini", "__macosx"})


def read_faces(
    path: str | os.PathLike[str],
    *,
    ferplus: str | os.PathLike[str] | None = None,
    label_map: Mapping[str, str | None] | None = None,
    on_bad: OnBad = refuse,
) -> FaceData:
    """Read FER2013's file with :func:`~fer_toolkit.training.data.read_fer2013`, or a folder with :func:`read_folder`.

    Parameters
    ----------
    path
        A CSV file or a folder.
    ferplus
        CSV of FER+, for a file.
    label_map
        What the emotion folders mean, for a folder.
    on_bad
        What is done about a bad row or picture.

    Raises
    ------
    DataError
        If there is nothing at `path`, or it can't be read.
    OptionError
        If `ferplus` is given with a folder, or `label_map` with a file.

    Examples
    --------
    >>> data = read_faces("fer2013.csv", ferplus="fer2013new.csv")  # doctest: +SKIP
    """
    place = Path(path)
    if is_folder(path):
        if ferplus is not None:
            raise OptionError(f"FER+ votes belong to the rows of fer2013.csv, and {path} is a folder; leave them out")
        return read_folder(place, label_map=label_map, on_bad=on_bad)
    if not exists(path):
        raise DataError(f"there is no file or folder {shown(path)}; check the path")
    if label_map is not None:
        raise OptionError(f"a label map says what the names of folders mean, and {path} is a file; leave it out")
    return read_fer2013(place, ferplus=ferplus, on_bad=on_bad)


def read_folder(
    path: str | os.PathLike[str], *, label_map: Mapping[str, str | None] | None = None, on_bad: OnBad = refuse
) -> FaceData:
    """Read pictures of faces from ``train|test/<emotion>/*`` or ``<emotion>/*``.

    The folders of parts are ``train`` or ``training`` for *Training*; ``val``, ``valid``, ``validation`` or
    ``publictest`` for *PublicTest*; ``test`` or ``privatetest`` for *PrivateTest*. Where none holds *PublicTest*, a
    tenth of *Training* becomes it. Without folders of parts, a tenth is *PublicTest*, a tenth *PrivateTest* and the
    rest *Training*. A picture's pixels decide, not its name or place.

    The folders of emotions have the names of FER2013, FER+ or AffectNet. The labels are
    :data:`~fer_toolkit.labels.FER2013`, or :data:`~fer_toolkit.labels.FERPLUS` where there is a folder of contempt.
    Upper and lower case don't matter in either kind of name. Pictures may lie in folders of an emotion's folder.

    Each picture shows one face, and is fitted into 48x48 grey pixels as
    :meth:`fer_toolkit.EmotionRecognizer.classify` would: one that is not square keeps its proportions. A grey 48x48
    PNG comes through byte for byte.

    What desktops leave behind is passed over: names that begin with a dot, ``Thumbs.db``, ``desktop.ini`` and
    ``__MACOSX``. Any other file that is no picture is a bad one.

    Parameters
    ----------
    path
        The folder.
    label_map
        From names of folders to labels, or to None to leave a folder out; what it doesn't name keeps its usual
        meaning. If it leads to other labels than FER2013's, and than FER+'s, then `labels` are those that occur, in
        alphabetical order.
    on_bad
        Given a :class:`~fer_toolkit.errors.DataError` that names the file, for each picture that can't be read. If it
        returns, the picture is left out.

    Returns
    -------
    FaceData
        Sorted by the paths of the pictures.

    Raises
    ------
    DataError
        If the folder can't be read or has another layout, the name of an emotion is not known, or there are no faces;
        and, unless `on_bad` does otherwise, if a picture can't be read.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as place:
    ...     for name in ("happiness", "scream"):
    ...         Path(place, "test", name).mkdir(parents=True)
    ...         Image.new("L", (48, 48)).save(Path(place, "test", name, "1.png"))
    ...     data = read_folder(place, label_map={"scream": "fear"})
    >>> [data.labels[emotion] for emotion in data.emotions], set(data.splits.tolist())
    (['happy', 'fear'], {'PrivateTest'})
    """
    root = Path(path)
    folders = _emotion_folders(root)
    meanings = _meanings(root, [folder.path.name for folder in folders], label_map or {})
    images, names, parts = [], [], []
    for folder in folders:
        label = meanings[folder.path.name]
        for file in () if label is None else _files(folder.path):
            try:
                images.append(_read_face(file))
            except ImageError as error:
                on_bad(DataError(str(error)))
                continue
            names.append(label)
            parts.append(folder.part)
    if not images:
        raise DataError(f"{root} holds no face that can be used; give folders with pictures in them")
    labels = _label_set({label for label in meanings.values() if label is not None})
    emotions = np.asarray([labels.index(name) for name in names], np.int64)
    return FaceData(np.stack(images), emotions, np.asarray(_divide(images, parts)), labels=labels)


class _Folder(NamedTuple):
    path: Path
    part: str | None


def _emotion_folders(root: Path) -> list[_Folder]:
    """The emotion folders of all parts, sorted; their part is None in a folder without parts."""
    folders = _subfolders(root)
    parts = [_PARTS.get(folder.name.casefold()) for folder in folders]
    if not any(parts):
        found = [_Folder(folder, None) for folder in folders]
    elif not all(parts):
        others = [folder.name for folder, part in zip(folders, parts, strict=True) if part is None]
        raise DataError(f"{root} holds folders of parts, and beside them {others}; of parts there are {list(_PARTS)}")
    else:
        found = [
            _Folder(emotion, part)
            for folder, part in zip(folders, parts, strict=True)
            for emotion in _subfolders(folder)
        ]
    if not found:
        raise DataError(
            f"{root} holds no folders of emotions; give one laid out as train|test/<emotion>/* or <emotion>/*"
        )
    return found


def _meanings(root: Path, names: list[str], label_map: Mapping[str, str | None]) -> dict[str, str | None]:
    """The label of each emotion folder, by its name; None for one that is left out."""
    for label in label_map.values():
        if label is not None and (not isinstance(label, str) or not label):
            raise OptionError(f"label_map must lead to labels, or to None. Received: {label!r}")
    given = {name.casefold(): label for name, label in label_map.items()}
    with_contempt = "contempt" in {name.casefold() for name in names} - set(given)
    known: dict[str, str | None] = {**(_TO_FERPLUS if with_contempt else _TO_FER2013), **given}
    unknown = sorted({name for name in names if name.casefold() not in known})
    if unknown:
        raise DataError(
            f"{root} holds folders that are not known as emotions: {unknown}. Known are "
            f"{sorted({*_TO_FERPLUS, *given})}. Say what others mean by a label map such as "
            f"{{{unknown[0]!r}: 'happy'}}, or leave one out by {{{unknown[0]!r}: None}}"
        )
    return {name: known[name.casefold()] for name in names}


def _label_set(used: set[str]) -> tuple[str, ...]:
    """The label set of the faces: a known one that has all labels used, else just these."""
    return next((labels for labels in (FER2013, FERPLUS) if used <= set(labels)), tuple(sorted(used)))


def _read_face(file: Path) -> NDArray[np.uint8]:
    """The picture as uint8 (48, 48), grey."""
    picture, whole = load_image(file), WholeImageDetector()
    return crop_faces(picture, whole.detect(picture), InputSpec(size=SIDE), whole.box_in_frame)[0, :, :, 0]


def _divide(images: list[NDArray[np.uint8]], parts: list[str | None]) -> list[str]:
    """The part of each picture: its folder's, but some are held out where a part is missing."""
    if "PublicTest" in parts:
        return [str(part) for part in parts]
    return [_held_out(part, _lot(image)) for image, part in zip(images, parts, strict=True)]


def _held_out(part: str | None, lot: float) -> str:
    if part in (None, "Training") and lot < 0.1:
        return "PublicTest"
    if part is None and lot < 0.2:
        return "PrivateTest"
    return part or "Training"


def _lot(image: NDArray[np.uint8]) -> float:
    """A number from 0 to 1, by chance to the eye, but always the same for the same pixels."""
    return int.from_bytes(hashlib.blake2b(image.tobytes(), digest_size=8).digest(), "big") / 2**64


def _subfolders(folder: Path) -> list[Path]:
    try:
        found = [each for each in folder.iterdir() if each.is_dir() and not _is_left_by_a_desktop(each.name)]
    except OSError as error:
        _refuse_folder(error)
    except ValueError as error:
        raise DataError(f"there is no folder {shown(folder)}: {error}; check the path") from error
    return sorted(found, key=lambda each: each.name)


def _files(folder: Path) -> list[Path]:
    """The files in a folder and in those below it, sorted."""
    return sorted(_walk(folder), key=lambda file: file.parts)


def _walk(folder: Path) -> Iterator[Path]:
    for place, below, names in os.walk(folder, onerror=_refuse_folder):
        below[:] = [name for name in below if not _is_left_by_a_desktop(name)]
        yield from (Path(place, name) for name in names if not _is_left_by_a_desktop(name))


def _is_left_by_a_desktop(name: str) -> bool:
    return name.startswith(".") or name.casefold() in _LEFT_BY_DESKTOPS


def _refuse_folder(error: OSError) -> NoReturn:
    raise DataError(f"{shown(error.filename)} can't be read: {error.strerror}") from error
