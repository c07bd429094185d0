"""The folder in which a reader tries the documentation: the files that its examples name, all small."""

import csv
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_toolkit import classifiers, weights
from fer_toolkit.detectors import DETECTORS
from fer_toolkit.labels import FER2013

ROOT = Path(__file__).parents[2]
FERPLUS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
VOTED = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")  # in FER2013's order
PARTS = {"Training": 8, "PublicTest": 4, "PrivateTest": 4}  # faces of each emotion


@pytest.fixture
def folder(tmp_path, monkeypatch, astronaut_path, fetched_weights):
    """The working folder, with the pictures, models and data that the examples name, and a terminal's settings."""
    yunet = fetched_weights("yunet-2026may")  # the examples' detector is "auto", which must not warn
    for name in ("photo.jpg", "two_people.jpg", "pictures/photo.jpg", "pictures/2024/photo.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(astronaut_path, tmp_path / name)
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("*.ipynb", "__pycache__"))
    shutil.copytree(ROOT / "docs" / "models", tmp_path / "docs" / "models")
    for name in ("README.md", "examples/images/coffee.jpg", "examples/images/group.jpg"):
        shutil.copy(ROOT / name, tmp_path)
    for model in ("mine.tflite", "small.tflite"):
        shutil.copy(weights.path("fer2013-small-4"), tmp_path / model)
        (tmp_path / model).with_suffix(".json").write_text(card_of_the_page_on_models())
    write_data(tmp_path)
    (tmp_path / "cache").mkdir()
    shutil.copy(yunet, tmp_path / "cache")  # and nothing else: the pages list what is there
    monkeypatch.setenv("FER_TOOLKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FER_TOOLKIT_MIRROR", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for registry in (DETECTORS, classifiers._registry()):  # what an example registers is gone afterwards
        monkeypatch.setattr(registry, "_registered", {})
    return tmp_path


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """The clip that the pages on videos begin with, half as long."""
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    subprocess.run([sys.executable, ROOT / "examples" / "make_clip.py", path, "--seconds", "6"], check=True)
    return path


@pytest.fixture
def short_training(monkeypatch):
    """Training takes a second: every run has one epoch, and every network is a tiny one unless it goes on from ours."""
    from fer_toolkit import weights
    from fer_toolkit.training import fitting, networks

    def train(data, recipe, *arguments, **options):
        short = replace(recipe, epochs=1, warmup_epochs=0, dtype="float32")
        ours = options.get("start_from") in weights.aliases()
        with monkeypatch.context() as patch:
            patch.setattr(networks, "NETWORKS", whole if ours else dict.fromkeys(whole, tiny_network))
            return real(data, short, *arguments, **options)

    real, whole = fitting.train, networks.NETWORKS
    monkeypatch.setattr(fitting, "train", train)


@pytest.fixture
def trained(folder, short_training):
    """The run that the page on exporting begins with."""
    from fer_toolkit.training import fitting
    from fer_toolkit.training.data import read_fer2013
    from fer_toolkit.training.recipes import Recipe

    fitting.train(read_fer2013(folder / "fer2013.csv"), Recipe(), folder / "runs" / "small")


def tiny_network(pixels):
    """A network that is compiled in a second."""
    from keras import layers

    x = layers.Rescaling(1 / 127.5, -1)(pixels)
    x = layers.Conv2D(8, 3, strides=3, use_bias=False)(x)
    return layers.GlobalMaxPooling2D()(layers.ReLU()(layers.BatchNormalization()(x)))


def card_of_the_page_on_models():
    """The card that docs/models.md shows."""
    (card,) = re.findall(r"```json\n(.*?)```", (ROOT / "docs/models.md").read_text(encoding="utf-8"), re.DOTALL)
    return card


def write_data(folder):
    """FER2013 and FER+ in their own formats, and folders of pictures, with a few faces of each emotion."""
    rng = np.random.default_rng(0)
    rows = [(emotion, part) for part, count in PARTS.items() for _ in range(count) for emotion in range(len(FER2013))]
    faces = {place: drawn_face(emotion, rng) for place, (emotion, _) in enumerate(rows)}
    with (folder / "fer2013.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("emotion", "pixels", "Usage"))
        for place, (emotion, part) in enumerate(rows):
            table.writerow((emotion, " ".join(map(str, faces[place].ravel())), part))
    with (folder / "fer2013new.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("Usage", "Image name", *FERPLUS))
        for emotion, part in rows:
            table.writerow((part, "", *(10 if name == VOTED[emotion] else 0 for name in FERPLUS)))
    numbers = {str(number): name for number, name in enumerate(FER2013, 1)}
    names = {name: name for name in FER2013}
    for data, classes in {"faces": numbers, "CK+48": {**names, "contempt": "sad"}, "my_faces": names}.items():
        for place, (name, emotion) in enumerate(classes.items()):
            (folder / data / name).mkdir(parents=True)
            for number in range(8):
                face = drawn_face(FER2013.index(emotion), np.random.default_rng((place, number)))
                cv2.imwrite(str(folder / data / name / f"{number}.png"), face)
    shutil.copytree(folder / "my_faces", folder / "my_pictures")
    (folder / "recipe.json").write_text(json.dumps({"mixing": {"cutmix": 0.5}}))


def drawn_face(emotion, rng):
    """uint8 (48, 48): grey noise with a bright square, whose place tells the emotion."""
    image = rng.integers(60, 120, (48, 48))
    row, column = divmod(emotion, 3)
    image[row * 16 : row * 16 + 16, column * 16 : column * 16 + 16] += 120
    return image.astype(np.uint8)
