"""A small FER2013 of drawn faces, a network that is soon trained, and runs in processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fer_toolkit.labels import FER2013
from fer_toolkit.training.data import FaceData


def drawn_faces(n, seed=0):
    """Grey pictures whose emotion can be learnt: each class brightens another part."""
    rng = np.random.default_rng(seed)
    emotions = rng.permutation(np.arange(n) % len(FER2013))
    images = rng.integers(60, 120, (n, 48, 48))
    for image, emotion in zip(images, emotions, strict=True):
        row, column = divmod(int(emotion), 3)
        image[row * 16 : row * 16 + 16, column * 16 : column * 16 + 16] += 120
    return images.astype(np.uint8), emotions.astype(np.int64)


@pytest.fixture(scope="session")
def faces():
    """A small FER2013 with FER+ votes: 96 faces to train on, 28 in each test part, two of which are copies."""
    images, emotions = drawn_faces(152)
    splits = np.array(["Training"] * 96 + ["PublicTest"] * 28 + ["PrivateTest"] * 28)
    images[-2:], emotions[-2:] = images[:2], emotions[:2]
    votes = np.zeros((152, 10), np.float32)
    votes[np.arange(152), emotions] = 10
    votes[0] = 0
    votes[0, 9] = 10  # raters saw no face
    return FaceData(images, emotions, splits, votes)


def tiny(pixels):
    """A network that is compiled in a second."""
    from keras import layers

    x = layers.Rescaling(1 / 127.5, -1)(pixels)
    for width in (8, 16):
        x = layers.Conv2D(width, 3, strides=3, use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.5)(x))
    return layers.GlobalMaxPooling2D()(x)


@pytest.fixture(scope="module")
def tiny_network():
    """The name of a network that is known in this module alone."""
    from fer_toolkit.training import networks

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "NETWORKS", {**networks.NETWORKS, "tiny": tiny})
        yield "tiny"


@pytest.fixture(scope="session")
def start_training(faces, tmp_path_factory):
    """A function that starts a run on `faces` in a process of its own: see process.py."""
    folder = tmp_path_factory.mktemp("processes")
    arrays = {name: getattr(faces, name) for name in ("images", "emotions", "splits", "votes")}
    np.savez(folder / "faces.npz", **arrays)
    compiled_once = {
        "JAX_COMPILATION_CACHE_DIR": str(folder / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
    }

    def start(output, recipe, environment=None, **options):
        settings = {"faces": str(folder / "faces.npz"), "output": str(output), "recipe": recipe.to_json(), **options}
        return subprocess.Popen(
            [sys.executable, Path(__file__).with_name("process.py"), json.dumps(settings)],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **compiled_once, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start
