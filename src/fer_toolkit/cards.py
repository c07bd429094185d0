"""Weights cards: what is known of one weights file, as plain validated data.

A card says what a network takes and gives, so that nothing has to be guessed from a file's name. The catalog's cards
are in ``weights/catalog.toml``; the card of a file of your own is a ``model.json`` beside it, with the same entries.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from fer_toolkit.errors import CardError

Color = Literal["gray", "rgb", "bgr"]
Layout = Literal["nhwc", "nchw"]
Output = Literal["logits", "probabilities"]
Kind = Literal["detector", "classifier"]

_GREATEST = 1e6
"""What scales, means and deviations may be at most, and their inverses: so a network's numbers stay finite."""


@dataclass(frozen=True)
class Framing:
    """Which part of the picture around a face a classifier was trained on.

    It is stated against the reference square, which is FER2013's own framing: a square with the eyes at
    (0.316, 0.385) and (0.671, 0.389) and the mouth's middle at (0.485, 0.746), in fractions of its side (medians over
    the 3,589 PrivateTest faces as YuNet sees them).

    Parameters
    ----------
    scale
        Side of the classifier's crop over the side of the reference square, both centred alike. 1 is FER2013; less is
        tighter.
    upright
        Whether a tilted head is set upright, where the detector gives landmarks.
    """

    scale: float = 1.0
    upright: bool = True

    def __post_init__(self) -> None:
        if not (isinstance(self.scale, (int, float)) and 0.2 <= self.scale <= 5):
            raise CardError(f"framing.scale must be a number from 0.2 to 5. Received: {self.scale!r}")
        _check_type("framing.upright", self.upright, bool, "true or false")


@dataclass(frozen=True)
class InputSpec:
    """What a classifier's network takes, and how pixels become its numbers.

    The network's input is ``(pixel * scale - mean) / std``, channel by channel.

    Parameters
    ----------
    size
        Height and width of the crop, pixels.
    color
        ``"gray"`` (one channel), ``"rgb"`` or ``"bgr"`` (three).
    scale
        Factor on the 0-255 pixel values.
    mean, std
        One number a channel, or a single one for all.
    layout
        ``"nhwc"`` or ``"nchw"``.
    framing
        Which part of the picture around the face the crop shows.
    """

    size: int
    color: Color = "gray"
    scale: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    layout: Layout = "nhwc"
    framing: Framing = field(default_factory=Framing)

    def __post_init__(self) -> None:
        if not (isinstance(self.size, int) and 8 <= self.size <= 1024):
            raise CardError(f"input.size must be a whole number from 8 to 1024. Received: {self.size!r}")
        _check_choice("input.color", self.color, get_args(Color))
        _check_choice("input.layout", self.layout, get_args(Layout))
        _check_type("input.framing", self.framing, Framing, "a Framing")
        if not _is_number(self.scale):
            raise CardError(f"input.scale must be a number, at most a million. Received: {self.scale!r}")
        for name in ("mean", "std"):
            values = getattr(self, name)
            if isinstance(values, (int, float)):
                values = (values,)
            if len(values) not in (1, self.channels) or not all(map(_is_number, values)):
                raise CardError(
                    f"input.{name} must be 1 or {self.channels} numbers, at most a million. Received: {values!r}"
                )
            object.__setattr__(self, name, tuple(float(v) for v in values))
        if any(abs(value) < 1 / _GREATEST for value in self.std):
            raise CardError(f"input.std must not hold a zero, nor less than a millionth. Received: {self.std!r}")

    @property
    def channels(self) -> int:
        """1 for grey, 3 for colour."""
        return 1 if self.color == "gray" else 3


@dataclass(frozen=True)
class WeightsCard:
    """What is known of one weights file.

    Parameters
    ----------
    name
        The versioned name, such as ``"fer2013-small-1"``: small letters, digits, ``.``, ``_`` and ``-``. A released
        version's bytes never change.
    kind
        ``"detector"`` or ``"classifier"``.
    file
        File name; its ending says which runtime loads it.
    sha256, bytes
        Hash (64 hexadecimal digits) and length of the file, which is held to them. Empty and 0 where they aren't known,
        as for a file of the user's own.
    urls
        Where it can be fetched, tried in turn. Empty for what the wheel brings.
    bundled
        Whether the file is in the wheel.
    labels
        Names of the network's output columns (classifiers only).
    input
        What the network takes (classifiers only).
    output
        ``"logits"`` (a softmax is applied) or ``"probabilities"``.
    temperature
        Logits are divided by this before the softmax (Guo et al. 2017, arXiv:1706.04599): one number, or one for each
        label in their order. Of several, a face has the mean, weighted by the network's own probabilities, so which
        emotion is most probable stays the same.
    licence, source, description
        Free text for people.
    figures
        Measured figures, as ``{"PrivateTest accuracy": 0.67}``.
    """

    name: str
    kind: Kind
    file: str
    sha256: str = ""
    bytes: int = 0
    urls: tuple[str, ...] = ()
    bundled: bool = False
    labels: tuple[str, ...] = ()
    input: InputSpec | None = None
    output: Output = "logits"
    temperature: float | tuple[float, ...] = 1.0
    licence: str = ""
    source: str = ""
    description: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", self.name):
            raise CardError(f"name must be small letters, digits, '.', '_' and '-'. Received: {self.name!r}")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", self.file):
            raise CardError(f"card {self.name!r}: file must be a bare file name. Received: {self.file!r}")
        _check_choice("kind", self.kind, get_args(Kind))
        _check_choice("output", self.output, get_args(Output))
        for name in ("sha256", "licence", "source", "description"):
            _check_type(f"card {self.name!r}: {name}", getattr(self, name), str, "text")
        _check_type(f"card {self.name!r}: bundled", self.bundled, bool, "true or false")
        _check_type(f"card {self.name!r}: figures", self.figures, Mapping, "a table of numbers")
        if isinstance(self.bytes, bool) or not isinstance(self.bytes, int) or self.bytes < 0:
            raise CardError(f"card {self.name!r}: bytes must be a whole number, 0 or more. Received: {self.bytes!r}")
        if self.sha256 and not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise CardError(f"card {self.name!r}: sha256 must be 64 hexadecimal digits. Received: {self.sha256!r}")
        for name in ("labels", "urls"):
            texts = getattr(self, name)
            if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
                raise CardError(f"card {self.name!r}: {name} must be a list of texts. Received: {texts!r}")
            object.__setattr__(self, name, tuple(texts))
        if isinstance(self.temperature, (list, tuple)):
            object.__setattr__(self, "temperature", tuple(self.temperature))
            fits = len(self.temperature) == len(self.labels) and all(map(_is_temperature, self.temperature))
        else:
            fits = _is_temperature(self.temperature)
        if not fits:
            raise CardError(
                f"card {self.name!r}: temperature must be 0.01 to 100, or a list of such numbers, one for each label. "
                f"Received: {self.temperature!r}"
            )
        if self.kind == "classifier":
            if len(self.labels) < 2 or len(set(self.labels)) != len(self.labels):
                raise CardError(
                    f"card {self.name!r}: labels must be two or more different names. Received: {self.labels!r}"
                )
            if self.input is None:
                raise CardError(f"card {self.name!r}: a classifier's card needs an [input] part")

    @classmethod
    def from_dict(cls, entries: Mapping[str, Any], *, where: str) -> WeightsCard:
        """Build a card from plain data, as read from TOML or JSON.

        Parameters
        ----------
        entries
            The card's entries; ``input`` and ``input.framing`` are mappings themselves.
        where
            What to call the place in an error: a file's name, with the entry.

        Raises
        ------
        CardError
            If an entry is missing, unknown or wrong; the message begins with `where`.
        """
        try:
            values = dict(_mapping(entries, "a card"))
            if "input" in values:
                spec = dict(_mapping(values["input"], "input"))
                if "framing" in spec:
                    spec["framing"] = _build(Framing, _mapping(spec["framing"], "input.framing"), "input.framing")
                values["input"] = _build(InputSpec, spec, "input")
            card: WeightsCard = _build(cls, values, "card")
            return card
        except CardError as error:
            raise CardError(f"{where}: {error}") from None

    def to_dict(self) -> dict[str, Any]:
        """The card as plain data that JSON and TOML can hold; :meth:`from_dict` reads it back."""
        values = asdict(self)
        if self.input is None:
            del values["input"]
        return values


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise CardError(f"{name} must be a table of entries. Received: {value!r:.200}")
    return value


def _build(cls: Any, values: Mapping[str, Any], name: str) -> Any:
    known = {f.name for f in fields(cls)}
    unknown = sorted(set(values) - known, key=str)
    if unknown:
        raise CardError(f"{name} has unknown entries {unknown}; known are {sorted(known)}")
    try:
        return cls(**values)
    except CardError:
        raise
    except TypeError as error:  # an entry is missing, or is of a type that the checks can't compare
        raise CardError(f"{name} is incomplete or mistyped: {error}") from None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _GREATEST


def _is_temperature(value: Any) -> bool:
    return isinstance(value, (int, float)) and 0.01 <= value <= 100


def _check_type(name: str, value: Any, wanted: type, called: str) -> None:
    if not isinstance(value, wanted):
        raise CardError(f"{name} must be {called}. Received: {value!r}")


def _check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise CardError(f"{name} must be one of {list(choices)}. Received: {value!r}")
