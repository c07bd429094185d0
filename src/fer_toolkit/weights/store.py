"""Where a weights file is: in this package, in the user's cache, in a mirror, or still to be fetched.

No file is handed out before its sha256 was found to be its card's, and a file enters the cache whole or not at all: it
is written under another name and then takes its place. So several processes may fetch at once, and a killed one leaves
nothing that could be taken for weights.

Environment variables, read whenever they matter:

- ``FER_TOOLKIT_CACHE``: the folder to keep files in.
- ``FER_TOOLKIT_MIRROR``: a folder, or an http or https address, that has the files by their names; asked in place of
  the cards' own addresses.
- ``FER_TOOLKIT_OFFLINE``: ``1`` to never ask the network.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import math
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote, urlsplit

from fer_toolkit._addresses import without_secrets
from fer_toolkit._files import whole_file
from fer_toolkit._paths import is_folder
from fer_toolkit.cards import WeightsCard
from fer_toolkit.errors import CacheError, CardError, DownloadError, FerToolkitError, IntegrityError, OptionError
from fer_toolkit.weights._catalog import card
from fer_toolkit.weights._download import CheckedFile, copy, download

_BUNDLED = Path(__file__).with_name("bundled")
_log = logging.getLogger("fer_toolkit")
_verified: dict[tuple[Path, str], tuple[int, ...]] = {}  # (file, sha256) -> its state when it was checked


def path(name_or_card: str | WeightsCard, *, timeout: float = 60.0) -> Path:
    """The file of some weights, fetched now if it isn't here yet.

    Parameters
    ----------
    name_or_card
        A name or an alias of the catalog, or a card.
    timeout
        Seconds for a host to answer. It is also given up when it sends less than a kilobyte a second over that time.

    Returns
    -------
    Path
        A file whose sha256 is the card's, checked in this process.

    Raises
    ------
    UnknownNameError
        If the catalog has no such name.
    DownloadError
        If no address or mirror has it to give, or the network may not be asked.
    IntegrityError
        If what was sent, or the installed package's own file, are not the card's bytes.
    CacheError
        If it can't be kept.
    CardError
        If a card of yours has no sha256.
    OptionError
        If `timeout` is out of range.

    Examples
    --------
    ::

        detector = cv2.FaceDetectorYN.create(str(path("yunet-2026may")), "", (640, 480))
    """
    wanted = _card_of(name_or_card)
    if not (isinstance(timeout, (int, float)) and 0 < timeout < math.inf):
        raise OptionError(f"timeout must be a number of seconds above 0. Received: {timeout!r}")
    if wanted.bundled:
        return _bundled(wanted)
    target = cache_dir() / wanted.file
    if _is_good(target, wanted):
        return target
    if os.path.lexists(target):
        _log.warning("%s is damaged (its bytes are not those of %r) and is fetched again", target, wanted.name)
    try:
        _fetch_into(target, wanted, timeout)
    except FerToolkitError:
        _remove_damaged(target, wanted)
        # Another process may have put it there meanwhile (Windows won't replace a file in use), and a file of a mirror
        # folder can be used where it is.
        usable = _local_file(wanted)
        if usable is None:
            raise
        return usable
    if not _is_good(target, wanted):
        raise CacheError(
            f"{target} does not hold what was written to it: the disk is failing, or a program changed it; look to it"
        )
    return target


def fetch(names: Iterable[str | WeightsCard], *, timeout: float = 60.0) -> list[Path]:
    """Have several weights files at hand; what :func:`path` does, for each.

    Parameters
    ----------
    names
        Names, aliases or cards.
    timeout
        As for :func:`path`, for each file.

    Returns
    -------
    list of Path
        In the order of `names`.

    Raises
    ------
    FerToolkitError
        As :func:`path` does, at the first that can't be had.
    """
    return [path(name, timeout=timeout) for name in names]


def check(file: Path, wanted: WeightsCard) -> None:
    """Raise :class:`IntegrityError` unless a file is there and is the one that its card was made for.

    Parameters
    ----------
    file
        The weights file, wherever it is.
    wanted
        A card with a sha256.

    Examples
    --------
    >>> check(path("default"), card("default"))
    """
    if not _is_good(file, wanted):
        raise IntegrityError(
            f"{file} is not the file that its card {wanted.name!r} was made for, whose sha256 is {wanted.sha256}. "
            "It was damaged or changed: get it anew, or correct the card"
        )


def is_available_offline(name_or_card: str | WeightsCard) -> bool:
    """Whether :func:`path` would need no network: the file is bundled, in the cache, or in a mirror folder, and good.

    Parameters
    ----------
    name_or_card
        A name or an alias of the catalog, or a card.

    Raises
    ------
    UnknownNameError
        If the catalog has no such name.
    CardError
        If a card of yours has no sha256.
    DownloadError
        If ``FER_TOOLKIT_MIRROR`` is neither a folder nor an address.
    """
    return _local_file(_card_of(name_or_card)) is not None


def cache_dir() -> Path:
    """The folder that fetched files are kept in: ``FER_TOOLKIT_CACHE``, or the system's place for a user's caches.

    It need not exist: it is made when a file is fetched.
    """
    chosen = os.environ.get("FER_TOOLKIT_CACHE")
    if chosen:
        return _from_home(chosen)
    from platformdirs import user_cache_dir  # what pooch.os_cache calls, without the import of Pooch

    return Path(user_cache_dir("fer-toolkit"))


def mirror() -> str | None:
    """The folder or address given by ``FER_TOOLKIT_MIRROR``, or None."""
    return os.environ.get("FER_TOOLKIT_MIRROR") or None


def mirror_folder() -> Path | None:
    """The folder given by ``FER_TOOLKIT_MIRROR``, or None where it gives an address or nothing.

    Raises
    ------
    DownloadError
        If it is neither a folder nor an http or https address.
    """
    place = mirror()
    if place is None:
        return None
    scheme = re.match(r"[a-z][a-z0-9+.-]+(?=://)", place.lower())
    if scheme is None:
        return _from_home(place)
    with contextlib.suppress(ValueError):  # an address that is none, such as http://[
        path = urlsplit(place).path
        if scheme[0] in ("http", "https"):
            return None
        if scheme[0] == "file":
            from urllib.request import url2pathname

            return Path(url2pathname(path))
    raise DownloadError(
        f"FER_TOOLKIT_MIRROR must be a folder, or an http or https address. Received: {without_secrets(place)!r}"
    )


def is_offline() -> bool:
    """Whether ``FER_TOOLKIT_OFFLINE`` forbids to ask the network."""
    return os.environ.get("FER_TOOLKIT_OFFLINE", "").strip().lower() not in {"", "0", "false", "no", "off"}


def _card_of(name_or_card: str | WeightsCard) -> WeightsCard:
    wanted = name_or_card if isinstance(name_or_card, WeightsCard) else card(name_or_card)
    if not wanted.sha256:
        raise CardError(f"the card {wanted.name!r} has no sha256, so no file can be known to be its own; add it")
    return wanted


def _bundled(wanted: WeightsCard) -> Path:
    file = _BUNDLED / wanted.file
    if not _is_good(file, wanted):
        raise IntegrityError(
            f"{file}, which fer-toolkit brings itself, is missing or damaged. "
            "Install it anew: pip install --force-reinstall --no-deps fer-toolkit"
        )
    return file


def _local_file(wanted: WeightsCard) -> Path | None:
    """A good file that is there already, wherever."""
    if wanted.bundled:
        candidates = [_BUNDLED / wanted.file]
    else:
        candidates = [cache_dir() / wanted.file, *(s for s in _sources(wanted) if isinstance(s, Path))]
    return next((file for file in candidates if _is_good(file, wanted)), None)


def _is_good(file: Path, wanted: WeightsCard) -> bool:
    """Whether a file is there with the card's bytes. It is hashed once a process, and again if it changes."""
    try:
        found = file.stat()
        if not stat.S_ISREG(found.st_mode):
            return False
        # The time of the last change of any kind is the one that a program can't set back.
        state = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        if _verified.get((file, wanted.sha256)) == state:
            return True
        good = wanted.bytes in (0, found.st_size) and _sha256(file) == wanted.sha256
    except OSError:  # it isn't there, or can't be read
        return False
    if good:
        _verified[file, wanted.sha256] = state
    return good


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while chunk := opened.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()


def _sources(wanted: WeightsCard) -> list[Path | str]:
    """Files (of a mirror folder) and addresses that may have the weights, in the order to try them."""
    place, folder = mirror(), mirror_folder()
    if folder is not None:
        return [folder / wanted.file]
    if is_offline():
        return []
    if place is None:
        return list(wanted.urls)
    parts = urlsplit(place)
    return [parts._replace(path=f"{parts.path.rstrip('/')}/{quote(wanted.file)}").geturl()]


def _from_home(place: str) -> Path:
    """An absolute path; pathlib's own way fails where there is no such user."""
    return Path(os.path.expanduser(place)).absolute()  # noqa: PTH111


def _fetch_into(target: Path, wanted: WeightsCard, timeout: float) -> None:
    """Put the weights in the cache, from the first source that has them."""
    failures: dict[str, FerToolkitError] = {}
    for source in _sources(wanted):
        shown = without_secrets(source) if isinstance(source, str) else str(source)
        _log.info("fetching %s from %s", wanted.name, shown)
        try:
            with whole_file(target, CacheError) as draft, draft.open("wb") as file:
                if isinstance(source, Path):
                    copy(source, CheckedFile(file, wanted))
                else:
                    download(source, CheckedFile(file, wanted), timeout=timeout)
        except (DownloadError, IntegrityError) as error:
            failures[shown] = error
        except CacheError as error:
            size = f" ({wanted.bytes} bytes)" if wanted.bytes else ""
            raise CacheError(
                f"the weights {wanted.name!r}{size} can't be kept: {error}. "
                "FER_TOOLKIT_CACHE names another folder to keep them in"
            ) from error
        else:
            _log.info("%s is kept as %s", wanted.name, target)
            return
    raise _failure(wanted, target, failures)


def _failure(wanted: WeightsCard, target: Path, failures: dict[str, FerToolkitError]) -> FerToolkitError:
    if failures:
        causes = [f"{place}: {error}" for place, error in failures.items()]
    elif wanted.urls or mirror():
        causes = ["FER_TOOLKIT_OFFLINE forbids to ask the network"]
    else:
        causes = ["its card names no address"]
    wrong_bytes = bool(failures) and all(isinstance(error, IntegrityError) for error in failures.values())
    error_class = IntegrityError if wrong_bytes else DownloadError
    return error_class(
        "\n  ".join([f"the weights {wanted.name!r} can't be had:", *causes]) + "\n"
        f"Where there is internet, run `fer-toolkit models fetch {wanted.name}`, and bring the file to {target}; "
        f"or set FER_TOOLKIT_MIRROR to a folder or an address that has {wanted.file}"
    )


def _remove_damaged(target: Path, wanted: WeightsCard) -> None:
    """Leave no file in the cache that was found bad and couldn't be replaced. Of a link, only the link goes."""
    if os.path.lexists(target) and not is_folder(target) and not _is_good(target, wanted):
        with contextlib.suppress(OSError):
            target.unlink()
