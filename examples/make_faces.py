"""Make a data set to try training on: drawn faces of seven emotions, in the format of FER2013's CSV.

    python examples/make_faces.py [faces.csv] [--faces 4000]

It stands in for FER2013 until you have that. The faces differ in features, light, size and tilt, and some are labelled
wrongly, as in any real data. A network that has learnt them knows drawings, not people.
"""

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from fer_toolkit.labels import FER2013

SIDE, SCALE = 48, 4  # pixels of a face, and how much larger it is drawn
WRONG = 0.05  # share of labels that are drawn by lot

# Of brows: height and slant; of eyes: opening; of the mouth: curve, opening, half its width. As shares of the picture.
FEATURES = {
    "angry": (-0.03, -0.06, 0.03, -0.03, 0.01, 0.12),
    "disgust": (-0.02, -0.02, 0.02, -0.06, 0.04, 0.10),
    "fear": (0.04, 0.05, 0.06, -0.02, 0.06, 0.12),
    "happy": (0.01, 0.00, 0.03, 0.09, 0.05, 0.16),
    "sad": (0.01, 0.06, 0.03, -0.05, 0.00, 0.11),
    "surprise": (0.06, 0.01, 0.07, 0.00, 0.13, 0.08),
    "neutral": (0.00, 0.00, 0.04, 0.00, 0.00, 0.13),
}


def main() -> None:
    """Write the CSV: eight tenths of it Training, a tenth each PublicTest and PrivateTest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", nargs="?", type=Path, default=Path("faces.csv"))
    parser.add_argument("--faces", type=int, default=4000)
    arguments = parser.parse_args()
    parts = ["Training"] * 8 + ["PublicTest", "PrivateTest"]
    with arguments.csv.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["emotion", "pixels", "Usage"])
        for number, (emotion, face) in enumerate(faces(arguments.faces)):
            part = parts[number * len(parts) // arguments.faces]
            rows.writerow([emotion, " ".join(map(str, face.ravel())), part])


def faces(count: int, seed: int = 0) -> Iterator[tuple[int, np.ndarray]]:
    """So many labels, each an index into FER2013's, with faces, uint8 (48, 48)."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        emotion = number % len(FER2013)
        face = draw(FEATURES[FER2013[emotion]], rng)
        yield int(rng.integers(len(FER2013))) if rng.random() < WRONG else emotion, face


def draw(features: tuple[float, ...], rng: np.random.Generator) -> np.ndarray:
    """A face, uint8 (48, 48), whose expression is more or less clear."""
    brows, slant, eyes, curve, opening, width = rng.uniform(0.5, 1.2) * np.array(features) + rng.normal(0, 0.008, 6)
    skin, dark, hair = rng.uniform(110, 220), rng.uniform(10, 60), rng.uniform(10, 200)
    picture = np.full((SIDE * SCALE,) * 2, rng.uniform(30, 230), np.float32)

    def shape(points: np.ndarray, color: float, line: float = 0) -> None:
        """Fill an outline, or draw a line so thick; points (n, 2) are shares of the picture."""
        corners = [np.int32(points * SIDE * SCALE * 256)]
        if line:
            cv2.polylines(picture, corners, False, color, round(line * SIDE * SCALE), cv2.LINE_AA, 8)
        else:
            cv2.fillPoly(picture, corners, color, cv2.LINE_AA, 8)

    def ellipse(x: float, y: float, half_width: float, half_height: float) -> np.ndarray:
        angle = np.linspace(0, 2 * np.pi, 40)
        return np.stack([x + half_width * np.cos(angle), y + half_height * np.sin(angle)], axis=1)

    shape(ellipse(0.5, 0.46, rng.uniform(0.38, 0.46), 0.42), hair)
    shape(ellipse(0.5, 0.56, rng.uniform(0.33, 0.39), 0.44), skin)
    for side in (-1, 1):
        x = 0.5 + side * rng.uniform(0.15, 0.17)
        shape(ellipse(x, 0.47, 0.065, max(eyes, 0.008)), 240)
        shape(ellipse(x, 0.47, 0.03, min(max(eyes, 0.008), 0.03)), dark)
        inner, outer = 0.37 - brows - slant / 2, 0.37 - brows + slant / 2
        shape(np.array([[x - side * 0.08, inner], [x + side * 0.08, outer]]), dark, 0.03)
    shape(np.array([[0.5, 0.5], [0.5 + rng.normal(0, 0.02), 0.63], [0.52, 0.63]]), 0.75 * skin, 0.015)
    t = np.linspace(-1, 1, 20)
    lips = np.stack([0.5 + max(width, 0.04) * t, 0.78 + curve * (0.5 - t**2)], axis=1)
    lower = lips + np.stack([0 * t, max(opening, 0) * np.sqrt(1 - t**2)], axis=1)
    shape(np.concatenate([lips, lower[::-1]]), dark)
    shape(lips, dark, 0.025)

    turned = cv2.getRotationMatrix2D((SIDE * SCALE / 2,) * 2, rng.normal(0, 5), rng.uniform(0.85, 1.1))
    turned[:, 2] += rng.normal(0, 0.03 * SIDE * SCALE, 2)
    picture = cv2.warpAffine(picture, turned, picture.shape, borderMode=cv2.BORDER_REPLICATE)
    light = 1 + rng.normal(0, 0.15) * np.linspace(-1, 1, SIDE)
    small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA) * light + rng.normal(0, 8, (SIDE, SIDE))
    return np.clip(small, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
