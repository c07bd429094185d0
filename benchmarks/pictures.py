"""Make the pictures and faces that are measured on, always the same, from the astronaut and the cup in examples/images.

    python benchmarks/pictures.py FOLDER

Two bits a pixel is what photos of this quality have; the noise sees to it, so that decoding costs what a photo's does.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

EXAMPLES = Path(__file__).parents[1] / "examples" / "images"
HEAD = (90, 0, 390, 300)  # of the astronaut: head and shoulders
FACE = (165, 62, 281, 178)  # framed as FER2013's faces are
READY_FACES = 3589  # as many as FER2013's PrivateTest part has
SIDES = (160, 320, 640, 1280, 2000, 4000)
CROWD, CROWDS = (40, 25), (1, 10, 100, 1000)
CELL = 100  # pixels of a crowd's place for one face


def main(folder: Path) -> None:
    """Write all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(2013)
    astronaut, cup = (Image.open(EXAMPLES / f"{name}.jpg").convert("RGB") for name in ("astronaut", "coffee"))
    for side in (200, 400):
        save(astronaut.resize((side, side), Image.Resampling.LANCZOS), folder / f"{side}x{side}.jpg")
    pair = scene(cup, astronaut, (2280, 1588), [(260, 500, 760), (1250, 420, 820)], rng)
    save(pair, folder / "2280x1588.jpg")
    several = [(150, 1200, 900), (1100, 500, 700), (1900, 1500, 1100), (2700, 300, 600), (3150, 1300, 760)]
    large = scene(cup, astronaut, (4000, 3000), several, rng)
    save(large, folder / "4000x3000.jpg")
    for side in SIDES:
        save(large.resize((side, 3 * side // 4), Image.Resampling.LANCZOS), folder / f"side-{side}.jpg")
    for count in CROWDS:
        save(noisy(crowd(astronaut, count, rng), rng), folder / f"crowd-{count}.jpg")
    np.save(folder / "faces.npy", ready_faces(astronaut, rng))
    save_clip(astronaut, cup, folder / "640x360.mp4")


def save_clip(person: Image.Image, background: Image.Image, path: Path) -> None:
    """Ten seconds in which a head comes nearer, moves to and fro, and darkens and lightens."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, (640, 360))
    still = ImageOps.fit(background, (640, 360), Image.Resampling.BICUBIC)
    for turn in np.linspace(0, 2 * np.pi, 250):
        side = round(200 + 60 * np.sin(turn))
        head = person.crop(HEAD).resize((side, side), Image.Resampling.BICUBIC)
        frame = still.copy()
        frame.paste(head, (round(320 - side / 2 + 180 * np.sin(2 * turn)), 340 - side))
        frame = ImageEnhance.Brightness(frame).enhance(0.85 + 0.15 * np.cos(3 * turn))
        writer.write(np.asarray(frame)[:, :, ::-1])
    writer.release()


def save(picture: Image.Image, path: Path) -> None:
    """As a camera's JPEG: quality 90, colour at half the resolution."""
    picture.save(path, quality=90, subsampling="4:2:0")


def scene(
    background: Image.Image,
    person: Image.Image,
    size_wh: tuple[int, int],
    places: list[tuple[int, int, int]],
    rng: np.random.Generator,
) -> Image.Image:
    """Heads at places (left, top, side), with soft edges, before a background."""
    picture = ImageOps.fit(background, size_wh, Image.Resampling.BICUBIC)
    for number, (left, top, side) in enumerate(places):
        head = person.crop(HEAD).resize((side, side), Image.Resampling.BICUBIC)
        inside = Image.new("L", (side, side))
        inside.paste(255, (side // 12, side // 12, side - side // 12, side - side // 12))
        edge = inside.filter(ImageFilter.GaussianBlur(side / 40))
        picture.paste(ImageOps.mirror(head) if number % 2 else head, (left, top), edge)
    return noisy(picture, rng)


def noisy(picture: Image.Image, rng: np.random.Generator, strength: float = 5.0) -> Image.Image:
    """The picture with a sensor's noise, the same on all three colours."""
    pixels = np.asarray(picture, np.float32)
    pixels = pixels + rng.normal(0, strength, (*pixels.shape[:2], 1)).astype(np.float32)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def crowd(person: Image.Image, count: int, rng: np.random.Generator) -> Image.Image:
    """Faces in the first places of a grid, each in its own light; pictures of any number have the same size."""
    columns, rows = CROWD
    picture = Image.new("RGB", (columns * CELL, rows * CELL), "gray")
    face = person.crop((125, 20, 325, 220)).resize((CELL, CELL), Image.Resampling.LANCZOS)
    for place in range(count):
        turned = ImageOps.mirror(face) if place % 2 else face
        lit = ImageEnhance.Brightness(turned).enhance(rng.uniform(0.75, 1.2))
        picture.paste(lit, (place % columns * CELL, place // columns * CELL))
    return picture


def ready_faces(person: Image.Image, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Grey faces (n, 48, 48), shifted, mirrored and in different light."""
    faces = np.empty((READY_FACES, 48, 48), np.uint8)
    gray, (left, top, right, _) = person.convert("L"), FACE
    for number in range(READY_FACES):
        x, y = rng.integers(-6, 7, 2)
        grown = rng.integers(-6, 7)
        box = (left + x - grown, top + y - grown, right + x + grown, top + y + (right - left) + grown)
        face = np.asarray(gray.resize((48, 48), Image.Resampling.BILINEAR, box=box), np.float32)
        faces[number] = (face[:, :: rng.choice([-1, 1])] * rng.uniform(0.6, 1.3)).clip(0, 255)
    return faces


if __name__ == "__main__":
    main(Path(sys.argv[1]))
