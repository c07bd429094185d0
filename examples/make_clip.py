"""Make a clip to try videos on: a smiling face that sways in changing light, with a card before its mouth now and then.

    python examples/make_clip.py [clip.mp4] [--seconds 12]

The card is there from second 4 to 8, from 12 to 16, and so on: with the mouth hidden, the smile can't be seen. The
pictures are noisy, as a webcam's are, so that what is read from them is not the same on any two.
Needs fer-toolkit[video].
"""

import argparse
import math
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from fer_toolkit.video.writing import VideoWriter

PICTURE = Path(__file__).parent / "images" / "astronaut.jpg"
FRAME_RATE = 20
WIDTH, HEIGHT = 320, 240
SECONDS_OF_A_STATE = 4  # without the card, and with it
NOISE = 8  # standard deviation, grey levels


def main() -> None:
    """Write the clip."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", nargs="?", default="clip.mp4")
    parser.add_argument("--seconds", type=float, default=12)
    arguments = parser.parse_args()
    with VideoWriter(arguments.clip, frame_rate=FRAME_RATE) as writer:
        for time, image in frames(arguments.seconds):
            writer.write(image, time)


def frames(seconds: float) -> Iterator[tuple[float, np.ndarray]]:
    """Each frame, uint8 (height, width, 3), BGR, with its time in seconds."""
    photo = cv2.imread(str(PICTURE))
    with_card = photo.copy()
    with_card[128:166, 180:262] = 200
    noise = np.random.default_rng(0)
    for number in range(round(seconds * FRAME_RATE)):
        time = number / FRAME_RATE
        hidden = int(time / SECONDS_OF_A_STATE) % 2 == 1
        # What the camera sees of the photograph: it goes to and fro, in light that comes and goes.
        left, top = 60 + 35 * math.sin(0.8 * time), 12 + 8 * math.sin(1.7 * time)
        light = 0.75 + 0.25 * math.cos(0.5 * time)
        moved = np.array([[1, 0, -left], [0, 1, -top]])
        image = cv2.warpAffine(with_card if hidden else photo, moved, (WIDTH, HEIGHT))
        noisy = light * image + noise.normal(0, NOISE, image.shape)
        yield time, np.clip(noisy, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
