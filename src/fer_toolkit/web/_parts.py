"""The detectors and classifiers that a request may choose, each built once, when it is first chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from fer_toolkit import _fork, weights
from fer_toolkit._messages import choices
from fer_toolkit._optional import is_installed
from fer_toolkit._paths import ending
from fer_toolkit.classifiers import EXTRAS, available_classifiers, build_classifier
from fer_toolkit.detectors import available_detectors, build_detector
from fer_toolkit.doctor import describe_detectors
from fer_toolkit.errors import UnknownNameError

if TYPE_CHECKING:
    from fer_toolkit.classifiers.base import Classifier
    from fer_toolkit.detectors.base import Detector


class Named(Protocol):
    """What has a name."""

    @property
    def name(self) -> str:
        """Its name."""
        ...


Part = TypeVar("Part", bound=Named)


class Shelf(Generic[Part]):
    """Parts by name: the default one, and those that are built when they are first asked for, once for all threads.

    Parameters
    ----------
    default
        The part of requests that name none.
    others
        Names of the others.
    build
        Builds one of them.
    """

    def __init__(self, default: Part, others: Iterable[str], build: Callable[[str], Part]) -> None:
        self.default = default
        self.names = (default.name, *(name for name in others if name != default.name))
        self._built, self._build = {default.name: default}, build
        self._lock = _fork.Lock()

    def get(self, name: str | None) -> Part:
        """The part of a name, or the default one; raises the library's errors if it can't be built."""
        name = self.default.name if name is None else name
        if name not in self._built:
            with self._lock:
                if name not in self._built:
                    self._built[name] = self._build(name)
        return self._built[name]


def detectors(default: Detector, allowed: Sequence[str] | None) -> Shelf[Detector]:
    """The detectors that work here and are allowed: installed, and with their weights at hand.

    Raises
    ------
    UnknownNameError
        If an allowed name is none of a detector.
    """
    if allowed is not None:
        _check_known("detector", allowed, available_detectors())
    working = (each.name for each in describe_detectors() if each.state == "ready")
    return Shelf(default, (name for name in working if allowed is None or name in allowed), build_detector)


def classifiers(default: Classifier, allowed: Sequence[str] | None) -> Shelf[Classifier]:
    """The classifiers that work here and are allowed; those of plug-ins only where they are named.

    Raises
    ------
    UnknownNameError
        If an allowed name is none of a classifier.
    """
    cards = [name for name, card in weights.catalog().items() if card.kind == "classifier"]
    if allowed is None:
        return Shelf(default, filter(_works, cards), build_classifier)
    _check_known("classifier", allowed, available_classifiers())
    versioned = [weights.aliases().get(name, name) for name in allowed]
    working = (name for name in dict.fromkeys(versioned) if name not in cards or _works(name))
    return Shelf(default, working, build_classifier)


def describe_classifier(shelf: Shelf[Classifier], name: str) -> dict[str, Any]:
    """What a request for the models is told of one of them; it is only built where it has no card."""
    card, is_default = weights.catalog().get(name), name == shelf.default.name
    known = card if card is not None and not is_default else shelf.get(name)  # the default one is built already
    summary = "" if card is None else card.description
    return {"name": name, "labels": list(known.labels), "summary": summary, "default": is_default}


def _works(name: str) -> bool:
    card = weights.card(name)
    needed = EXTRAS.get(ending(card.file))
    return (needed is None or is_installed(needed[1])) and weights.is_available_offline(card)


def _check_known(kind: str, names: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise UnknownNameError(f"no {kind} is named {name!r}. {choices(name, known)}")
