"""What is installed here, what is missing, and what is wrong."""

from __future__ import annotations

import inspect
import os
import platform
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata

from fer_toolkit import __version__, _optional, weights
from fer_toolkit.detectors import DETECTORS
from fer_toolkit.detectors.yunet import WEIGHTS as YUNET_WEIGHTS
from fer_toolkit.errors import FerToolkitError


@dataclass(frozen=True)
class Finding:
    """One line of the examination."""

    subject: str
    text: str
    is_problem: bool = False


@dataclass(frozen=True)
class DetectorState:
    """A detector and whether it can be used here."""

    name: str
    state: str
    summary: str


_NEEDS = {"yunet": YUNET_WEIGHTS, "ssd": "ssd-uint8-1", "mediapipe": "blaze-face-short-range-1"}


def examine() -> Iterator[Finding]:
    """Findings about versions, extras, OpenCV, cache and network settings. Fetches nothing."""
    yield Finding("fer-toolkit", __version__)
    yield Finding("Python", f"{platform.python_version()} on {platform.platform(terse=True)}, {os.cpu_count()} cores")
    for distribution in ("numpy", "opencv-contrib-python", "pillow", "ai-edge-litert", "pooch", "typer"):
        yield _version(distribution)
    yield check_opencv(sorted({each.metadata["Name"] for each in metadata.distributions() if each.metadata["Name"]}))
    for extra, modules in _extras().items():
        yield _extra(extra, modules)
    yield _cache()
    yield Finding("mirror", weights.mirror() or "none (FER_TOOLKIT_MIRROR)")
    yield Finding("network", "not asked (FER_TOOLKIT_OFFLINE)" if weights.is_offline() else "asked for missing weights")
    for alias, name in weights.aliases().items():
        there = weights.is_available_offline(name)
        yield Finding(f"model {alias}", f"{name}, {'here' if there else 'missing from the package'}", not there)
    yield Finding("detector auto", _auto())


def describe_detectors() -> list[DetectorState]:
    """The detectors, each with its state on this machine and one line of what it is. Fetches nothing."""
    return [DetectorState(name, _state(name), _summary(name)) for name in DETECTORS.names()]


def check_opencv(distributions: Sequence[str]) -> Finding:
    """Whether one distribution alone provides the ``cv2`` folder.

    Two of them write the same files, and removing either breaks the other.

    Parameters
    ----------
    distributions
        Names of the installed distributions.
    """
    found = [name for name in distributions if re.fullmatch(r"opencv(-contrib)?-python(-headless)?", name.lower())]
    if len(found) == 1:
        return Finding("cv2", f"from {found[0]}")
    return Finding(
        "cv2",
        f"{len(found)} distributions provide it ({', '.join(found) or 'none'}), and there must be one; "
        f"run: pip uninstall -y {' '.join(found)} && pip install 'opencv-contrib-python>=4.10,<5'",
        is_problem=True,
    )


def _version(distribution: str) -> Finding:
    try:
        return Finding(distribution, metadata.version(distribution))
    except metadata.PackageNotFoundError:
        return Finding(distribution, "not installed; run: pip install --force-reinstall fer-toolkit", is_problem=True)


def _extras() -> dict[str, list[str]]:
    """Extra -> the distributions it asks for, as this package's own metadata says."""
    extras: dict[str, list[str]] = {}
    for line in metadata.requires("fer-toolkit") or []:
        match = re.match(r"([A-Za-z0-9._-]+).*;.*extra == ['\"]([\w-]+)['\"]", line)
        if match and match[2] not in ("all", "dev", "docs"):
            extras.setdefault(match[2], []).append(match[1])
    return extras


def _extra(extra: str, distributions: Sequence[str]) -> Finding:
    versions = {}
    for distribution in distributions:
        try:
            versions[distribution] = metadata.version(distribution)
        except metadata.PackageNotFoundError:
            return Finding(f"extra {extra}", f'not installed (pip install "fer-toolkit[{extra}]")')
    return Finding(f"extra {extra}", ", ".join(f"{name} {version}" for name, version in versions.items()))


def _cache() -> Finding:
    folder = weights.cache_dir()
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        return Finding("cache", f"{folder} can't be written; set FER_TOOLKIT_CACHE to a folder that can", is_problem=True)
    return Finding("cache", str(folder))


def _auto() -> str:
    if weights.is_available_offline(YUNET_WEIGHTS):
        return "yunet"
    if weights.is_offline():
        return "haar, since the weights of YuNet are not here and the network may not be asked"
    return f"yunet if its weights can be fetched, else haar (fer-toolkit models fetch {YUNET_WEIGHTS})"


def _state(name: str) -> str:
    if name == "auto":
        return _auto().split(",")[0].split(" if")[0]
    if name == "mediapipe" and not _optional.is_installed("mediapipe"):
        return "needs fer-toolkit[mediapipe]"
    if name in _NEEDS and not weights.is_available_offline(_NEEDS[name]):
        return "ready once fetched"
    return "ready"


def _summary(name: str) -> str:
    try:
        return (inspect.getdoc(DETECTORS.resolve(name)) or "").partition("\n")[0]
    except FerToolkitError as error:
        return str(error)


__all__ = ["DetectorState", "Finding", "check_opencv", "describe_detectors", "examine"]
