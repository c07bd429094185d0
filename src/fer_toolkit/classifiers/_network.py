"""What the runtimes share: a network held to its card, pixels in, probabilities out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_toolkit.cards import InputSpec, WeightsCard
from fer_toolkit.classifiers.base import check_crops
from fer_toolkit.errors import ClassifierError

# How far the sum of a row may be from 1. Eight probabilities in steps of 1/256, as 8-bit networks give them: 0.016.
_SUM_TOLERANCE = 0.02
_PREPARED = 32  # faces at a time: 300 kB of numbers, which a core's own cache holds


def spec_of(card: WeightsCard) -> InputSpec:
    """The input part of a classifier's card, or an error that the card is not one."""
    if card.kind != "classifier" or card.input is None:
        raise ClassifierError(f"{card.name} is the card of a {card.kind}, and must be that of a classifier")
    return card.input


def input_shape(shape: Sequence[Any], spec: InputSpec, path: str) -> tuple[int, ...]:
    """The shape at which a network is run, or an error that its file and its card disagree.

    Parameters
    ----------
    shape
        The input's shape as the file says it; what it leaves open is None, a name or a negative number.
    spec
        What the card says.
    path
        The file, for the error.

    Returns
    -------
    tuple of int
        `shape` with what is open filled in: one face at a time, of the card's size.

    Examples
    --------
    >>> input_shape(["n", 1, 64, 64], InputSpec(size=64, layout="nchw"), "model.onnx")
    (1, 1, 64, 64)
    """
    sides, channels = (spec.size, spec.size), (spec.channels,)
    wanted = (1, *sides, *channels) if spec.layout == "nhwc" else (1, *channels, *sides)
    known = [int(side) if isinstance(side, (int, np.integer)) and side >= 0 else None for side in shape]
    fits = len(known) == 4 and known[0] != 0 and all(k in (None, w) for k, w in zip(known[1:], wanted[1:], strict=True))
    if not fits:
        found = ", ".join("n" if side is None else str(side) for side in known)
        raise ClassifierError(
            f"{path} takes an input of shape ({found}), but its card says (n, {', '.join(map(str, wanted[1:]))}): "
            f"size {spec.size}, color {spec.color!r}, layout {spec.layout!r}; correct the card"
        )
    return (known[0] or 1, *wanted[1:])


def prepare(crops: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.float32]:
    """Turn crops (n, size, size, channels) into the numbers a network takes, in its layout."""
    # (pixel * scale - mean) / std as one multiplication and one addition
    std = np.asarray(spec.std, np.float32)
    gain, bias = np.float32(spec.scale) / std, -np.asarray(spec.mean, np.float32) / std
    numbers = crops.astype(np.float32) * gain + bias
    return np.ascontiguousarray(numbers.transpose(0, 3, 1, 2) if spec.layout == "nchw" else numbers)


def run_each(
    crops: NDArray[np.uint8],
    card: WeightsCard,
    batch: int,
    run: Callable[[NDArray[Any]], NDArray[Any]],
    *,
    convert: Callable[[NDArray[np.float32]], NDArray[Any]] = lambda numbers: numbers,
    together: int = 0,
) -> NDArray[np.float32]:
    """A network's outputs, float32 (n, outputs), of crops that go through it one at a time, or `together`.

    A face's numbers do not depend on which others are with it, not even in their last digit. In floats that takes runs
    of one face, which on one thread cost the same as those of several.

    Parameters
    ----------
    crops
        uint8 (n, size, size, channels).
    card
        The network's.
    batch
        How many faces the network takes at once, no more and no less: it is given the same one so many times.
    run
        Takes a batch of converted numbers and gives its outputs, (batch, ...).
    convert
        Turns prepared numbers into those of the network's own type, each by itself. Faces are prepared and converted
        some at a time, which takes 1.5 microseconds a face, and one at a time 10.
    together
        How many different faces `run` also takes, when it gives them the same numbers as one at a time; 0 for none.
    """
    spec = spec_of(card)
    check_crops(crops, spec)
    outputs = []
    for start in range(0, len(crops), _PREPARED):
        faces = convert(prepare(crops[start : start + _PREPARED], spec))
        many = len(faces) // together * together if together else 0
        outputs += [run(faces[i : i + together]) for i in range(0, many, together or 1)]
        outputs += [run(np.repeat(face[None], batch, axis=0))[:1] for face in faces[many:]]
    return gather(outputs, card)


def share_out(
    crops: NDArray[np.uint8], threads: int, outputs: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """A network's outputs of crops, which so many threads share among them, each whole faces.

    Two threads take half the time of one; two at work on the same face would take two thirds. The calling thread is one
    of them: while it waited for others, both might be put on one core, which took 32 faces half as long again.
    """
    pieces = list(_pieces(len(crops), threads))
    if len(pieces) < 2:
        return outputs(crops)
    found: list[NDArray[np.float32]] = [np.empty((0, 0), np.float32)] * len(pieces)
    left = iter(enumerate(pieces))  # which the threads go through together

    def work() -> None:
        try:
            for number, piece in left:
                found[number] = outputs(crops[piece])
        finally:  # an error, or Ctrl-C, leaves nothing to do for the other threads either
            deque(left, maxlen=0)

    with ThreadPoolExecutor(min(threads, len(pieces)) - 1) as pool:
        others = [pool.submit(work) for _ in range(min(threads, len(pieces)) - 1)]
        work()
        for other in others:
            other.result()
    return np.concatenate(found)


def _pieces(count: int, threads: int) -> Iterator[slice]:
    """Slices of so many faces, ever smaller, of which each thread takes the next when it is done with one.

    So threads end together, however often the machine stops one for a while (guided self-scheduling, Polychronopoulos
    and Kuck 1987, IEEE Transactions on Computers C-36). For two threads 32 faces are ten pieces, the first of eight.
    """
    start = 0
    while start < count:
        size = -(-(count - start) // (2 * threads)) if threads > 1 else count
        yield slice(start, start + size)
        start += size


def gather(outputs: Sequence[NDArray[Any]], card: WeightsCard) -> NDArray[np.float32]:
    """Outputs of several runs, each (some, ...), as one float32 (n, outputs); also when there was no run."""
    if not outputs:
        return np.empty((0, len(card.labels)), np.float32)
    return np.concatenate([each.reshape(len(each), -1) for each in outputs], dtype=np.float32)


def to_probabilities(outputs: NDArray[np.floating], card: WeightsCard) -> NDArray[np.float32]:
    """Turn a network's outputs (n, labels) into calibrated probabilities.

    Logits are divided by the card's temperature and go through a softmax. If there is one for each label, a face's is
    their mean, weighted by what the softmax alone gives it. Outputs that are probabilities already are taken back to
    logits by their logarithm first, so that a temperature acts on them alike.

    Raises
    ------
    ClassifierError
        If the outputs have another shape than the card's labels, are not finite, or claim to be probabilities and
        are not.
    """
    if outputs.ndim != 2 or outputs.shape[1] != len(card.labels):
        raise ClassifierError(
            f"{card.name}: the network gives outputs of shape {outputs.shape}, "
            f"but its card names {len(card.labels)} labels {list(card.labels)}; correct the card"
        )
    if not np.isfinite(outputs).all():
        raise ClassifierError(
            f"{card.name}: the network gave outputs that are not finite numbers; train or export it anew"
        )
    values = outputs.astype(np.float64)
    if card.output == "probabilities":
        if not _are_probabilities(values):
            raise ClassifierError(
                f"{card.name}: the card says that the network gives probabilities, but its rows do not sum to 1; "
                'perhaps the card should say output = "logits"'
            )
        values = np.log(np.clip(values, 1e-12, 1))
    temperature: float | NDArray[np.float64]
    if isinstance(card.temperature, tuple):  # summed row by row: a product's last bits depend on the number of rows
        temperature = (_softmax(values) * card.temperature).sum(axis=1, keepdims=True)
    else:
        temperature = card.temperature
    return np.asarray(_softmax(values / temperature), np.float32)


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    values = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(values / values.sum(axis=1, keepdims=True))


def check_fit(outputs: Callable[[NDArray[np.uint8]], NDArray[np.float32]], card: WeightsCard) -> None:
    """Try a new network on two crops, so that a card that does not fit it is refused now and not at the first face.

    Parameters
    ----------
    outputs
        Gives the network's outputs, float32 (n, outputs), of crops.
    card
        What the network is said to take and give.

    Raises
    ------
    ClassifierError
        If the outputs are not what the card says.
    """
    spec = spec_of(card)
    black = np.zeros((spec.size, spec.size, spec.channels), np.uint8)
    slope = np.linspace(0, 255, black.size).astype(np.uint8).reshape(black.shape)
    values = outputs(np.stack([black, slope]))
    to_probabilities(values, card)
    if card.output == "logits" and _are_probabilities(values):
        raise ClassifierError(
            f"{card.name}: the card says that the network gives logits, but its rows are probabilities already, "
            'which a softmax would flatten; the card should say output = "probabilities"'
        )


def _are_probabilities(values: NDArray[np.floating]) -> bool:
    return bool((values >= -1e-3).all() and (np.abs(values.sum(axis=1) - 1) <= _SUM_TOLERANCE).all())
