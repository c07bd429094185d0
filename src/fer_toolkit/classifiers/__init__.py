"""Emotion classifiers, by name or file. :mod:`fer_toolkit.classifiers.base` says what a classifier is.

A name stands for weights in the catalog (``default``, ``mini-xception-1``, ...), for a factory registered in the
running program, or for a plug-in's. A file's ending decides which runtime loads it: ``.tflite``,
``.tflite.gz``, ``.onnx``, ``.keras``, ``.h5``, ``.hdf5``. Listing the names imports no runtime.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from fer_toolkit import _fork, weights
from fer_toolkit._messages import describe_error
from fer_toolkit._paths import ending, is_file, shown, with_ending
from fer_toolkit.cards import InputSpec, WeightsCard
from fer_toolkit.errors import CardError, ClassifierError, OptionError
from fer_toolkit.registry import Registry, check_options

if TYPE_CHECKING:
    from fer_toolkit.classifiers.base import Classifier

__all__ = ["RUNTIMES", "available_classifiers", "build_classifier", "read_card", "register_classifier"]

RUNTIMES: Mapping[str, str] = MappingProxyType(
    {
        ".tflite": "fer_toolkit.classifiers.litert:LiteRTClassifier",
        ".tflite.gz": "fer_toolkit.classifiers.litert:LiteRTClassifier",
        ".onnx": "fer_toolkit.classifiers.onnx:OnnxClassifier",
        ".keras": "fer_toolkit.classifiers.keras:KerasClassifier",
        ".h5": "fer_toolkit.classifiers.keras:KerasClassifier",
        ".hdf5": "fer_toolkit.classifiers.keras:KerasClassifier",
    }
)
"""File ending to the class that runs such files."""

EXTRAS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        ".onnx": ("onnx", "onnxruntime"),
        **dict.fromkeys((".keras", ".h5", ".hdf5"), ("keras", "keras")),
    }
)
"""File ending to the extra that such files need, and to the package that it brings; the others need none."""


def available_classifiers() -> tuple[str, ...]:
    """Names of the classifiers that can be asked for: aliases, versioned weights, registered ones and plug-ins.

    Examples
    --------
    >>> "default" in available_classifiers()
    True
    """
    return _registry().names()


def register_classifier(name: str, factory: Callable[..., Classifier]) -> None:
    """Make a classifier of yours available by name.

    Parameters
    ----------
    name
        Its name; not one of the catalog's.
    factory
        A class or function that builds it; its keyword arguments are the classifier's options.

    Raises
    ------
    OptionError
        If the name is built in, or the factory can't be called.
    """
    _registry().register(name, factory)


def build_classifier(
    classifier: str | os.PathLike[str] | Classifier,
    *,
    card: WeightsCard | Mapping[str, Any] | None = None,
    **options: Any,
) -> Classifier:
    """Build a classifier by its name or from a file, or take an object of yours as it is.

    Parameters
    ----------
    classifier
        One of :func:`available_classifiers`, a file with an ending in :data:`RUNTIMES`, or an object with the members
        of :class:`~fer_toolkit.classifiers.base.Classifier`.
    card
        What a file takes and gives, as a card or as its entries. Without it, ``NAME.json`` beside ``NAME.onnx`` is
        read, or ``model.json`` in the same folder. A file must have the ``sha256`` of its card, if the card has one.
    **options
        The runtime's options, such as ``threads``.

    Raises
    ------
    UnknownNameError
        If there is no classifier of that name.
    CardError
        If a file has no card (the message shows one to fill in), or the card is wrong.
    ClassifierError
        If the file is missing or can't be run, or the object is no classifier.
    MissingExtraError
        If the runtime is in an extra that is not installed.
    WeightsError
        If the weights can't be had, or a file has not its card's ``sha256``.

    Examples
    --------
    >>> build_classifier("default").labels
    ('angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral')
    """
    if isinstance(classifier, os.PathLike) or (isinstance(classifier, str) and _is_file_name(classifier)):
        path = Path(classifier)
        if not is_file(path):
            raise ClassifierError(f"there is no model file '{shown(classifier)}'; check the path")
        if ending(path) not in RUNTIMES:
            raise ClassifierError(f"{shown(path)} must end in one of {list(RUNTIMES)}")
        found = _card_of(path, card)
        if found.sha256:
            weights.check(path, found)
        return _run(path, found, options)
    if card is not None:
        raise OptionError(f"a card goes with a model file, not with {classifier!r}; leave it out")
    if isinstance(classifier, str):
        return _checked(_registry().build(classifier, **options))
    if options:
        raise OptionError(f"options go with a name or a file, not with an object. Received: {sorted(options)}")
    return _checked(classifier)


def read_card(path: str | os.PathLike[str], *, file: str) -> WeightsCard:
    """Read the card of a model file of one's own.

    Parameters
    ----------
    path
        A JSON file with the card's entries; ``kind`` and ``file`` need not be there.
    file
        Name of the model file that the card is for.

    Raises
    ------
    CardError
        If the file can't be read or an entry is wrong.
    """
    try:
        entries = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CardError(f"{shown(path)} can't be read as JSON: {describe_error(error)}") from error
    if not isinstance(entries, dict):
        raise CardError(f"{shown(path)} must hold a JSON object with the card's entries")
    return _complete(entries, file, where=shown(path))


def _is_file_name(name: str) -> bool:
    return ending(name) in RUNTIMES or Path(name).name != name


def _card_of(path: Path, card: WeightsCard | Mapping[str, Any] | None) -> WeightsCard:
    if isinstance(card, WeightsCard):
        return card
    if card is not None and not isinstance(card, Mapping):
        raise CardError(f"card must be a WeightsCard, or a mapping with its entries. Received: {card!r:.200}")
    if card is not None:
        return _complete(card, path.name, where=f"the card of {shown(path)}")
    for candidate in (with_ending(path, ".json"), path.with_name("model.json")):
        if is_file(candidate):
            return read_card(candidate, file=path.name)
    raise CardError(
        f"{shown(path)} has no card, which says what it takes and gives. Pass card=..., or write "
        f"{shown(with_ending(path, '.json'))}, changing what differs:\n{_example_card(path)}"
    )


def _complete(entries: Mapping[str, Any], file: str, *, where: str) -> WeightsCard:
    stem = with_ending(file, "").name.lower()
    name = "".join(c if c.isalnum() or c in "._-" else "-" for c in stem).lstrip("._-") or "model"
    bare = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in file).lstrip("._-") or "model"
    return WeightsCard.from_dict({"name": name, "kind": "classifier", "file": bare, **entries}, where=where)


def _example_card(path: Path) -> str:
    layout = "nchw" if ending(path) == ".onnx" else "nhwc"
    return json.dumps(
        {
            "labels": ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"],
            "output": "probabilities",
            "input": {"size": 48, "color": "gray", "scale": 1 / 255, "mean": [0.0], "std": [1.0], "layout": layout},
        },
        indent=2,
    )


_first = _fork.Lock()  # threads that are the first to ask would each get a registry of their own


def _registry() -> Registry:
    """The classifiers there are; the catalog is read when they are first asked for."""
    with _first:
        return _only_registry()


@functools.cache
def _only_registry() -> Registry:
    cards = {name: card for name, card in weights.catalog().items() if card.kind == "classifier"}
    named = {**{alias: cards[name] for alias, name in weights.aliases().items() if name in cards}, **cards}
    return Registry(
        "classifier",
        {name: functools.partial(_from_catalog, card) for name, card in named.items()},
        "fer_toolkit.classifiers",
    )


def _from_catalog(card: WeightsCard, /, **options: Any) -> Classifier:
    return _run(weights.path(card), card, options)


def _run(path: Path, card: WeightsCard, options: Mapping[str, Any]) -> Classifier:
    module, _, attribute = RUNTIMES[ending(path)].partition(":")
    runtime = getattr(importlib.import_module(module), attribute)
    check_options(f"a classifier from a {ending(path)} file", functools.partial(runtime, path, card), options)
    return cast("Classifier", runtime(path, card, **options))


def _checked(classifier: Any) -> Classifier:
    if isinstance(classifier, type):
        raise ClassifierError(f"{classifier.__name__} is a class; pass an instance of it, as {classifier.__name__}()")
    missing = [member for member in ("name", "labels", "input_spec", "predict") if not hasattr(classifier, member)]
    if missing:
        raise ClassifierError(
            f"{classifier!r} is no classifier: it lacks {', '.join(missing)}; "
            "fer_toolkit.testing.check_classifier tells what one needs"
        )
    if not isinstance(classifier.input_spec, InputSpec):
        raise ClassifierError(
            f"the classifier {classifier.name!r} must have an InputSpec as its input_spec. "
            f"Received: {classifier.input_spec!r}"
        )
    return cast("Classifier", classifier)
