"""What is installed here, what is missing, and what is wrong.

It imports nothing that may be broken: whether a package can be imported is tried in a process of its own.
"""

from __future__ import annotations

import inspect
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from fer_toolkit import __version__, _optional, weights
from fer_toolkit._addresses import without_secrets
from fer_toolkit._messages import describe_error
from fer_toolkit.detectors import DETECTORS
from fer_toolkit.errors import FerToolkitError
from fer_toolkit.weights.store import mirror_folder

if TYPE_CHECKING:
    from packaging.requirements import Requirement

__all__ = ["CORE", "NEEDS", "DetectorState", "Finding", "check_import", "check_opencv", "describe_detectors", "examine"]

CORE: Mapping[str, str] = MappingProxyType(
    {
        "numpy": "numpy",
        "opencv-contrib-python": "cv2",
        "pillow": "PIL.Image",
        "ai-edge-litert": "ai_edge_litert.interpreter",
        "pooch": "pooch",
        "typer": "typer",
    }
)
"""The distributions that all installations need, each with the module that shows whether it works."""

NEEDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "yunet": ("yunet-2026may",),
        "ssd": ("ssd-uint8-1", "ssd-config-1"),
        "mediapipe": ("blaze-face-short-range-1",),
    }
)
"""The weights of the detectors that need some. Their own modules can't be asked where OpenCV is broken."""

_NOT_FOR_USERS = ("all", "dev", "docs")  # extras: the first is the sum of the others
_LONGEST_IMPORT = 120  # seconds


@dataclass(frozen=True)
class Finding:
    """One line of the examination.

    Parameters
    ----------
    subject
        What was looked at.
    text
        What was found, and what to do if it is a problem.
    is_problem
        Whether something that should work doesn't. What merely isn't installed is none.
    """

    subject: str
    text: str
    is_problem: bool = False


@dataclass(frozen=True)
class DetectorState:
    """A detector, and whether it can be used here."""

    name: str
    state: str
    summary: str


def examine() -> Iterator[Finding]:
    """Look at versions, extras, OpenCV, cache, network settings and weights. Nothing is fetched.

    Yields
    ------
    Finding
        One after the other; those that take seconds come in their turn.

    Examples
    --------
    >>> next(examine()).subject
    'fer-toolkit'
    """
    yield Finding("fer-toolkit", f"{__version__} in {Path(__file__).parent}")
    yield Finding(
        "Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    )
    extras = _extras()
    modules = {*CORE.values(), *(_module_of(each.name) for needed in (extras or {}).values() for each in needed)}
    with ThreadPoolExecutor() as pool:
        failures = dict(zip(modules, pool.map(check_import, modules), strict=True))
        for distribution, module in CORE.items():
            yield _core(distribution, failures[module])
        yield check_opencv(each.name for each in metadata.distributions())
        for extra, needed in (extras or {}).items():
            yield _extra(extra, needed, failures)
    if extras is None:
        yield Finding(
            "extras", "not known, since this copy of fer-toolkit is not installed (pip install -e . in its folder)"
        )
    yield _cache()
    yield _mirror()
    yield Finding(
        "network", "never asked (FER_TOOLKIT_OFFLINE)" if weights.is_offline() else "asked for missing weights"
    )
    yield _default_model()
    yield Finding("detector auto", _auto())


def describe_detectors() -> list[DetectorState]:
    """The detectors, each with its state on this machine and one line of what it is. Nothing is fetched."""
    return [_describe(name) for name in DETECTORS.names()]


def check_import(module: str) -> str | None:
    """Import a module in a new process, since an import may also crash or hang.

    Parameters
    ----------
    module
        Its dotted name.

    Returns
    -------
    str or None
        Why it can't be imported; None when it can, or when it isn't installed at all.

    Examples
    --------
    >>> check_import("json"), check_import("no_such_module_here")
    (None, None)
    """
    if not _optional.is_installed(module.partition(".")[0]):
        return None
    try:
        done = subprocess.run(
            [sys.executable, "-c", f"import {module}"],
            env={**os.environ, "PYTHONSAFEPATH": "1"},  # a file in the working folder is not what is installed
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=_LONGEST_IMPORT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"its import takes more than {_LONGEST_IMPORT} s"
    if done.returncode == 0:
        return None
    said = done.stderr.strip().splitlines()
    # A positive status is Python's own, and an exception's name and message stand in the last line.
    return said[-1] if said and done.returncode == 1 else f"its import crashes (exit status {done.returncode})"


def check_opencv(distributions: Iterable[str]) -> Finding:
    """Whether one distribution alone provides the ``cv2`` folder.

    Two of them write the same files, and removing either breaks the other.

    Parameters
    ----------
    distributions
        Names of the installed distributions.

    Examples
    --------
    >>> check_opencv(["numpy", "opencv-python-headless"]).text
    'from opencv-python-headless alone'
    """
    names = {re.sub(r"[-_.]+", "-", name).lower() for name in distributions if name}
    found = sorted(name for name in names if re.fullmatch(r"opencv(-contrib)?-python(-headless|-rolling)*", name))
    if len(found) > 1:
        return Finding(
            "cv2",
            f"{' and '.join(found)} have written the same folder, and removing one breaks the other. "
            f'Run: pip uninstall -y {" ".join(found)}   and then: pip install "opencv-contrib-python>=4.10,<5"',
            is_problem=True,
        )
    return Finding("cv2", f"from {found[0]} alone" if found else "from no distribution that pip knows")


def _core(distribution: str, failure: str | None) -> Finding:
    again = f'Run: pip install --force-reinstall "{distribution}"'
    if not _optional.is_installed(CORE[distribution].partition(".")[0]):
        return Finding(distribution, "not installed. Run: pip install --upgrade fer-toolkit", is_problem=True)
    if failure is not None:
        return Finding(distribution, f"{_version(distribution)}, but {failure}. {again}", is_problem=True)
    return Finding(distribution, _version(distribution))


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:  # another distribution's build of it, or no distribution's
        return "of unknown version"


def _extras() -> dict[str, list[Requirement]] | None:
    """What each extra asks for, as the installed package's metadata says; None when there is no metadata."""
    from packaging.requirements import Requirement

    try:
        lines = metadata.requires("fer-toolkit") or []
        names = metadata.metadata("fer-toolkit").get_all("Provides-Extra") or []
    except metadata.PackageNotFoundError:
        return None
    optional = [each for each in map(Requirement, lines) if each.marker and not each.marker.evaluate({"extra": ""})]
    return {
        name: [each for each in optional if each.marker and each.marker.evaluate({"extra": name})]
        for name in names
        if name not in _NOT_FOR_USERS
    }


def _module_of(distribution: str) -> str:
    """The module of an extra's distribution: all of them are called alike."""
    return distribution.replace("-", "_")


def _extra(extra: str, needed: Iterable[Requirement], failures: Mapping[str, str | None]) -> Finding:
    subject, install = f"extra {extra}", f'pip install "fer-toolkit[{extra}]"'
    there = []
    for each in needed:
        module = _module_of(each.name)
        if not _optional.is_installed(module):
            return Finding(subject, f"not installed ({install})")
        version = _version(each.name)
        if failures[module] is not None:
            text = f"{each.name} {version} is broken: {failures[module]}. Run: {install} --force-reinstall"
            return Finding(subject, text, is_problem=True)
        if version[0].isdigit() and not each.specifier.contains(version, prereleases=True):
            return Finding(subject, f"{each.name} {version} is not {each.specifier} ({install} --upgrade)")
        there.append(f"{each.name} {version}")
    return Finding(subject, ", ".join(there))


def _cache() -> Finding:
    folder = weights.cache_dir()
    existing = next(place for place in (folder, *folder.parents) if os.access(place, os.F_OK))
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
        sizes = [file.stat().st_size for file in folder.iterdir() if file.is_file()] if existing == folder else None
    except OSError as error:
        # A cache that others have filled may well be read-only.
        return Finding(
            "cache",
            f"{folder} can't be written: {describe_error(error)}. FER_TOOLKIT_CACHE names another folder",
            is_problem=not _is_here(*NEEDS["yunet"]),
        )
    if sizes is None:
        return Finding("cache", f"{folder} (made when weights are fetched)")
    return Finding("cache", f"{folder}, files: {len(sizes)}, {sum(sizes) / 1e6:.1f} MB")


def _mirror() -> Finding:
    place = weights.mirror()
    if place is None:
        return Finding("mirror", "none (FER_TOOLKIT_MIRROR names one)")
    try:
        folder = mirror_folder()
    except FerToolkitError as error:  # it is neither a folder nor an address
        return Finding("mirror", str(error), is_problem=True)
    if folder is None:
        return Finding("mirror", without_secrets(place))
    count = sum(os.access(folder / card.file, os.R_OK) for card in weights.catalog().values())
    if not count:
        return Finding("mirror", f"{folder} has none of the weights. FER_TOOLKIT_MIRROR names another", is_problem=True)
    return Finding("mirror", f"{folder}, with {count} of {len(weights.catalog())} weights")


def _default_model() -> Finding:
    subject, name = "default model", weights.aliases().get("default")
    if name is None:
        return Finding(subject, "not in the catalog", is_problem=True)
    if not _is_here(name):
        text = f"{name} is missing or damaged. Run: pip install --force-reinstall --no-deps fer-toolkit"
        return Finding(subject, text, is_problem=True)
    return Finding(subject, f"{name}, its sha256 is right")


def _auto() -> str:
    (wanted,) = NEEDS["yunet"]
    if _is_here(wanted):
        return "yunet"
    if weights.is_offline():
        return "haar, since the weights of yunet are not here and the network may not be asked"
    return f"yunet if its weights can be fetched when they are needed, else haar (fer-toolkit models fetch {wanted})"


def _is_here(name: str) -> bool:
    try:
        return weights.is_available_offline(name)
    except FerToolkitError:  # FER_TOOLKIT_MIRROR is wrong, which is a finding of its own
        return False


def _describe(name: str) -> DetectorState:
    try:
        summary = (inspect.getdoc(DETECTORS.resolve(name)) or "").partition("\n")[0]
    except Exception as error:  # a broken OpenCV raises what it likes
        return DetectorState(name, "broken", f"{type(error).__name__}: {error}")
    return DetectorState(name, _state(name), summary)


def _state(name: str) -> str:
    if name == "mediapipe" and not _optional.is_installed("mediapipe"):
        return "needs an extra"
    if name == "auto":
        if _is_here(*NEEDS["yunet"]):
            return "uses yunet"
        return "uses haar" if weights.is_offline() else "fetched on first use"
    if all(map(_is_here, NEEDS.get(name, ()))):
        return "ready"
    return "weights missing" if weights.is_offline() else "fetched on first use"
