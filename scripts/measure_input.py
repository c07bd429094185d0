"""How long the making of a batch takes, and how long a training step: the figures of docs/augmentation.md.

Processor time counts all threads of this process and nothing else, so that other work on the machine matters little.

    python scripts/measure_input.py mini_xception:float32 resnet_medium:mixed_bfloat16
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial

import keras
import numpy as np

from fer_toolkit.training import networks
from fer_toolkit.training.augmentation import Augmentation, Mixing
from fer_toolkit.training.batches import EMOTION, VOTES, Batches
from fer_toolkit.training.data import FaceData
from fer_toolkit.training.recipes import Recipe

FACES, BATCH = 28_709, 128  # as many faces as FER2013's Training has, and as many as the default recipe shows at once
TIMES = 20
MIXING = Mixing(mixup=0.5, cutmix=0.5)
RECIPES = {
    "the default recipe": Recipe(batch_size=BATCH),
    "and mixing": Recipe(batch_size=BATCH, mixing=MIXING),
    "and blur": Recipe(batch_size=BATCH, mixing=MIXING, augmentation=Augmentation(blur=1.0)),
}


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (FACES, 48, 48)).astype(np.uint8)
    votes = rng.integers(0, 3, (FACES, 10)).astype(np.float32)
    data = FaceData(images, rng.integers(0, 7, FACES), np.array(["Training"] * FACES), votes)
    print(f"Keras {keras.version()}, {keras.backend.backend()}: milliseconds of processor time for {BATCH} faces")
    for name, recipe in RECIPES.items():
        report(f"a batch, {name}", partial(make, Batches(data, recipe)))
    faces, targets, weights = Batches(data, Recipe(batch_size=BATCH))[0]
    for argument in sys.argv[1:]:
        network, dtype = argument.split(":")
        model = networks.build(network, {EMOTION: 7, VOTES: 8}, dropout=0.3, dtype=dtype)
        model.compile(
            keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True, use_ema=True),
            loss={head: keras.losses.CategoricalCrossentropy(from_logits=True) for head in targets},
            jit_compile="auto" if keras.backend.backend() == "jax" else False,
        )
        report(f"a step, {network} in {dtype}", partial(model.train_on_batch, faces, targets, weights))


def make(batches: Batches) -> None:
    """Make a batch, to the end: some backends only begin it when it is asked for."""
    keras.ops.convert_to_numpy(batches[0][0])


def report(what: str, action: Callable[[], object]) -> None:
    """Do it once to warm up, then time it."""
    action()
    start = time.process_time()
    for _ in range(TIMES):
        action()
    print(f"{what:45s}{1000 * (time.process_time() - start) / TIMES:8.0f}", flush=True)


if __name__ == "__main__":
    main()
