"""Recipes: all that decides how a network is trained, beside the data."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras

from fer_toolkit._checks import check_whole
from fer_toolkit._paths import shown
from fer_toolkit.errors import OptionError
from fer_toolkit.training import networks
from fer_toolkit.training.augmentation import Augmentation, Mixing

TEACHERS_SEE = ("shown", "moved", "mixed")
"""What teachers may answer for."""


@dataclass(frozen=True)
class Recipe:
    """All that decides how a network is trained, beside the data.

    Parameters
    ----------
    network
        A name in :data:`fer_toolkit.training.networks.NETWORKS`.
    epochs, batch_size
        Passes over the training part; faces a step.
    learning_rate, warmup_epochs
        The rate climbs to `learning_rate` over the warm-up, then falls to 0 along a cosine (Loshchilov and Hutter 2017,
        arXiv:1608.03983).
    weight_decay
        Share of the convolution and dense weights, times the learning rate, taken off a step.
    muon
        How far :class:`~fer_toolkit.training.optimizers.Muon` moves a convolution's kernel a step at a learning rate of
        1, as a share of its length. At 0, such kernels are trained by descent with momentum as all else.
    label_smoothing
        Share of the target that is spread over all labels (Szegedy et al. 2016, arXiv:1512.00567).
    votes_weight
        Weight of the loss of a second head that predicts the FER+ votes; only with votes in the data. The head is left
        out of the finished model.
    class_balance
        How far rare emotions make up for their rarity: a face counts by the number of faces with its label to the power
        of ``-class_balance``, scaled so that the mean over all faces is 1. At 0 all faces count alike, at 1 all labels.
    teachers
        Classifiers to learn from beside the labels, by name or file, as
        :func:`~fer_toolkit.classifiers.build_classifier` takes them.
    teaching
        Share of the target that is the teachers' answer instead of the label.
    teachers_see
        The faces that teachers answer for: ``"shown"``, the very ones that the network is shown; ``"moved"``, as they
        are before blur, contrast, light, noise, erasing and mixing, so that a network can become steadier against these
        than its teachers are (as the noised student of Xie et al. 2020, arXiv:1911.04252); or ``"mixed"``, moved and
        mixed: mixing then comes before blur, contrast, light, noise and erasing.
    repeat_after
        Epochs after which teachers see the same faces again: moved (and mixed) as they were, in another order, but
        with new blur, contrast, light, noise and erasing. Their answers are kept, so that only the first epochs take
        time for them. At 0, all changes are new in each epoch. Only where teachers see faces ``"moved"`` or
        ``"mixed"``.
    dropout
        Share of the features dropped before the heads.
    averaging
        Momentum of the moving average of the weights.
    augmentation
        Random changes to the faces.
    mixing
        How often a changed face is mixed with another.
    dtype
        Keras dtype policy while training.
    seed
        Seed of all chance.

    Raises
    ------
    OptionError
        If an entry is out of its range; the message names it.
    """

    network: str = "resnet_compact"
    epochs: int = 60
    batch_size: int = 128
    learning_rate: float = 0.1
    warmup_epochs: float = 2
    weight_decay: float = 3e-3
    muon: float = 0.15
    label_smoothing: float = 0.05
    votes_weight: float = 0.5
    class_balance: float = 0.0
    teachers: tuple[str, ...] = ()
    teaching: float = 0.5
    teachers_see: str = "shown"
    repeat_after: int = 0
    dropout: float = 0.3
    averaging: float = 0.998
    augmentation: Augmentation = field(default_factory=Augmentation)
    mixing: Mixing = field(default_factory=Mixing)
    dtype: str = "float32"
    seed: int = 1

    def __post_init__(self) -> None:
        if self.network not in networks.NETWORKS:
            raise OptionError(f"network must be one of {list(networks.NETWORKS)}. Received: {self.network!r}")
        for name, least in (("epochs", 1), ("batch_size", 1), ("repeat_after", 0), ("seed", 0)):
            check_whole(name, getattr(self, name), least=least)
        if not (isinstance(self.teachers, tuple) and all(isinstance(teacher, str) for teacher in self.teachers)):
            raise OptionError(f"teachers must be names or files, as a tuple of text. Received: {self.teachers!r}")
        if self.teachers_see not in TEACHERS_SEE:
            raise OptionError(f"teachers_see must be one of {list(TEACHERS_SEE)}. Received: {self.teachers_see!r}")
        if self.repeat_after and self.teachers_see == "shown":
            raise OptionError(
                "repeat_after keeps answers to faces before light and noise: teachers_see must be 'moved' or 'mixed' "
                f"with it, or repeat_after 0. Received: repeat_after={self.repeat_after}, teachers_see='shown'"
            )
        for limits, is_within, names in _LIMITS:
            for name in names:
                value = getattr(self, name)
                if not (isinstance(value, (int, float)) and is_within(value)):
                    raise OptionError(f"{name} must be {limits}. Received: {value!r}")
        if not (isinstance(self.dtype, str) and _is_policy(self.dtype)):
            raise OptionError(f"dtype must be a Keras dtype policy, such as mixed_bfloat16. Received: {self.dtype!r}")

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Read a recipe that :meth:`to_json` wrote, or a part of one: what is missing is as in ``Recipe()``.

        Raises
        ------
        OptionError
            If it is no JSON, or an entry is unknown or wrong.

        Examples
        --------
        >>> Recipe.from_json('{"epochs": 90, "mixing": {"cutmix": 0.5}}').mixing.cutmix
        0.5
        """
        try:
            values = json.loads(text)
            augmentation = Augmentation(**_with_tuples(values.pop("augmentation", {})))
            mixing = Mixing(**values.pop("mixing", {}))
            return cls(**_with_tuples(values), augmentation=augmentation, mixing=mixing)
        except OptionError:
            raise
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise OptionError(f"it is no recipe: {type(error).__name__}: {error}") from error

    @classmethod
    def from_file(cls, file: str | os.PathLike[str]) -> Recipe:
        """Read a file with what :meth:`from_json` reads.

        Raises
        ------
        OptionError
            If the file can't be read, or is no recipe.
        """
        try:
            return cls.from_json(Path(file).read_text(encoding="utf-8"))
        except OptionError as error:
            raise OptionError(f"{shown(file)}: {error}") from error
        except (OSError, ValueError) as error:
            raise OptionError(f"{shown(file)} can't be read: {getattr(error, 'strerror', None) or error}") from error

    def to_json(self) -> str:
        """The recipe as JSON text."""
        return json.dumps(asdict(self), indent=2) + "\n"


_LIMITS: tuple[tuple[str, Callable[[float], bool], tuple[str, ...]], ...] = (
    ("more than 0", lambda value: 0 < value < math.inf, ("learning_rate",)),
    ("0 or more", lambda value: 0 <= value < math.inf, ("warmup_epochs", "weight_decay", "muon", "votes_weight")),
    ("from 0 to 1", lambda value: 0 <= value <= 1, ("teaching", "class_balance")),
    ("from 0 to below 1", lambda value: 0 <= value < 1, ("dropout", "label_smoothing", "averaging")),
)


def _with_tuples(values: dict[str, Any]) -> dict[str, Any]:
    """What JSON gives, with tuples again for its lists."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _is_policy(name: str) -> bool:
    try:
        keras.dtype_policies.get(name)
    except ValueError:
        return False
    return True
