"""How well faces keep their identity, on made-up faces whose identity is known: a table in Markdown.

    python scripts/measure_tracking.py [--runs 50] [--seed 0]

Each scene lasts some seconds and is seen at several frame rates, with detection on each frame, each second and each
fifth. Detections tremble by 4 % of the face in place and size; one in ten is missed, and on one frame in twenty a false
face appears somewhere. Faces sway and bob as they go, so that none moves as the tracker assumes.

The columns: the frame rate, and how many frames go from one detection to the next; id switches, a run; the share of the
detections with the right id, where ids and faces are paired one to one so that the most are right; the mean overlap
(intersection over union) of followed boxes with the true ones on the frames that are not searched, and beside it that
of boxes which are left where they were last detected.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from fer_toolkit.geometry import clip_box, intersection_over_union
from fer_toolkit.results import Box, Detection
from fer_toolkit.video.tracking import Tracker

SIZE_WH = (640, 360)
SECONDS = 6.0
FRAME_RATES = (10, 25, 60)
DETECT_EVERY = (1, 2, 5)
TREMBLE, MISSED, FALSE_FACES = 0.04, 0.1, 0.05

Faces = dict[int, Box]
"""The true boxes of the faces that can be seen at a time, by who they are."""
Scene = Callable[[float], Faces]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all scenes, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--runs", type=int, default=50, help="how often each scene is made, each time anew (default: 50)"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)

    print("| scene | frames/s | detection every | id switches a run | right id | overlap, followed | overlap, left |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for make in SCENES:
        for frame_rate in FRAME_RATES:
            for detect_every in DETECT_EVERY:
                # The same faces and the same luck for each setting.
                randoms = [np.random.default_rng((options.seed, run)) for run in range(options.runs)]
                scores = [track(make(random), frame_rate, detect_every, random) for random in randoms]
                print(row(make.__name__, frame_rate, detect_every, scores))


# Scenes: each is made from random numbers, and tells where the faces are at a time.


def crossing(random: np.random.Generator) -> Scene:
    """Two people pass each other; the nearer one hides the other."""
    near, far = (sway(random, random.uniform(70, 110)), sway(random, random.uniform(40, 65)))
    speeds, row = random.uniform(80, 200, 2), random.uniform(150, 210)

    def faces(time: float) -> Faces:
        away = time - SECONDS / 2
        return seen({0: near(time, 320 - speeds[0] * away, row), 1: far(time, 320 + speeds[1] * away, row + 10)})

    return faces


def occlusion(random: np.random.Generator) -> Scene:
    """Three people sit; one moves about and is twice not detected for half a second."""
    movers = [sway(random, random.uniform(45, 90)) for _ in range(3)]
    hidden = random.uniform((1, 3.5), (2.5, 5))
    path = random.uniform(20, 60)

    def faces(time: float) -> Faces:
        boxes = {
            number: mover(time, 120 + 200 * number + (path * np.sin(2 * time) if number == 1 else 0), 180)
            for number, mover in enumerate(movers)
        }
        if any(0 <= time - begin < 0.5 for begin in hidden):
            del boxes[1]
        return boxes

    return faces


def coming_and_going(random: np.random.Generator) -> Scene:
    """People walk through the picture from either side, one after the other, some passing each other."""
    movers = [sway(random, random.uniform(40, 70)) for _ in range(6)]
    speeds = random.uniform(120, 260, 6) * random.choice((-1, 1), 6)
    begins = np.linspace(-1.5, SECONDS - 2, 6) + random.uniform(-0.3, 0.3, 6)

    def faces(time: float) -> Faces:
        starts = np.where(speeds > 0, -40, SIZE_WH[0] + 40)
        return seen(
            {
                number: mover(time, starts[number] + speeds[number] * (time - begins[number]), 70 + 110 * (number % 3))
                for number, mover in enumerate(movers)
                if time >= begins[number]
            }
        )

    return faces


def crowd(random: np.random.Generator) -> Scene:
    """Ten people stand close together, nearly face beside face."""
    movers = [sway(random, random.uniform(45, 60)) for _ in range(10)]

    def faces(time: float) -> Faces:
        return {
            number: mover(time, 180 + 70 * (number % 5), 130 + 75 * (number // 5))
            for number, mover in enumerate(movers)
        }

    return faces


SCENES: tuple[Callable[[np.random.Generator], Scene], ...] = (crossing, occlusion, coming_and_going, crowd)


def sway(random: np.random.Generator, side: float) -> Callable[[float, float, float], Box]:
    """A face that sways, bobs and comes and goes a little about the place it is told to be at."""
    periods, phases = random.uniform(0.8, 3, 3), random.uniform(0, 2 * np.pi, 3)
    depths = random.uniform(0, (0.2, 0.1, 0.1))

    def box(time: float, x: float, y: float) -> Box:
        across, down, grown = depths * np.sin(2 * np.pi * time / periods + phases)
        width = side * (1 + grown)
        x, y = x + across * side, y + down * side
        return x - width / 2, y - 0.6 * width, x + width / 2, y + 0.6 * width

    return box


def seen(boxes: Faces) -> Faces:
    """The faces that a detector could find: mostly in the picture, and not much hidden by a nearer, larger one."""
    found = {}
    for who, box in boxes.items():
        inside = clip_box(box, SIZE_WH)
        hidden = max((area(shared(box, other)) for other in boxes.values() if area(other) > area(box)), default=0.0)
        if inside is not None and area(inside) > 0.6 * area(box) and hidden < 0.4 * area(box):
            found[who] = inside
    return found


def shared(a: Box, b: Box) -> Box:
    """What two boxes share; without area where they share nothing."""
    x1, y1 = max(a[0], b[0]), max(a[1], b[1])
    return x1, y1, max(x1, min(a[2], b[2])), max(y1, min(a[3], b[3]))


def area(box: Box) -> float:
    """Pixels squared."""
    return (box[2] - box[0]) * (box[3] - box[1])


# Tracking them, and what became of their ids


@dataclass
class Score:
    """What is counted in a run."""

    given: Counter[tuple[int, int]] = field(default_factory=Counter)
    """How often a face was given an id, by (face, id)."""
    switches: int = 0
    followed: list[float] = field(default_factory=list)
    left: list[float] = field(default_factory=list)

    @property
    def right(self) -> int:
        """Detections with the right id."""
        faces, ids = (sorted({pair[side] for pair in self.given}) for side in (0, 1))
        counts = np.array([[self.given[face, each] for each in ids] for face in faces])
        return int(counts[linear_sum_assignment(counts, maximize=True)].sum())


def track(scene: Scene, frame_rate: float, detect_every: int, random: np.random.Generator) -> Score:
    """Detect and track the faces of a scene."""
    tracker, score = Tracker(), Score()
    last_ids: dict[int, int] = {}
    last_boxes: dict[int, tuple[int, Box]] = {}
    for index in range(int(SECONDS * frame_rate)):
        time = index / frame_rate
        faces = scene(time)
        if index % detect_every:
            for track_id, followed in tracker.follow(time, SIZE_WH):
                who, left = last_boxes[track_id]
                if who in faces:
                    score.followed.append(intersection_over_union(followed.box_xyxy, faces[who]))
                    score.left.append(intersection_over_union(left, faces[who]))
            continue
        found = list(detect(faces, random))
        ids = tracker.update([detection for _, detection in found], time)
        last_boxes = {}
        for (who, detection), track_id in zip(found, ids, strict=True):
            last_boxes[track_id] = who, detection.box_xyxy
            if who >= 0:
                score.given[who, track_id] += 1
                score.switches += last_ids.get(who, track_id) != track_id
                last_ids[who] = track_id
    return score


def detect(faces: Faces, random: np.random.Generator) -> Iterator[tuple[int, Detection]]:
    """The faces as a detector would find them, in any order, each with who it is; -1 is a false face."""
    boxes = [(who, box) for who, box in faces.items() if random.random() >= MISSED]
    if random.random() < FALSE_FACES:
        (x, y), side = random.uniform((0, 0), SIZE_WH), random.uniform(30, 100)
        boxes.append((-1, (x - side / 2, y - side / 2, x + side / 2, y + side / 2)))
    for place in random.permutation(len(boxes)):
        who, (x1, y1, x2, y2) = boxes[place]
        width, height = x2 - x1, y2 - y1
        x, y = np.array([x1 + x2, y1 + y2]) / 2 + random.normal(0, TREMBLE, 2) * (width, height)
        width, height = (width, height) * np.exp(random.normal(0, TREMBLE, 2))
        inside = clip_box((x - width / 2, y - height / 2, x + width / 2, y + height / 2), SIZE_WH)
        if inside is not None:
            yield who, Detection(inside, random.uniform(0.6, 1))


def row(name: str, frame_rate: float, detect_every: int, scores: Sequence[Score]) -> str:
    """A row of the table."""
    right = sum(score.right for score in scores) / sum(score.given.total() for score in scores)
    switches = np.mean([score.switches for score in scores])
    overlaps = (np.concatenate([getattr(score, which) for score in scores]) for which in ("followed", "left"))
    followed, left = (f"{overlap.mean():.3f}" if overlap.size else "" for overlap in overlaps)
    name = name.replace("_", " ")
    return f"| {name} | {frame_rate} | {detect_every} | {switches:.2f} | {right:.1%} | {followed} | {left} |"


if __name__ == "__main__":
    main()
