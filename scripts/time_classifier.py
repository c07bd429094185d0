"""Time a classifier on one thread, beside the rate of a float32 matrix product on the same core in the same run.

    python scripts/time_classifier.py fer2013-small-1

Rounds of both take turns; the median of each is printed. A classifier's time on another machine is, roughly, this time
times this core's rate over that core's.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"  # read when NumPy is imported

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from fer_toolkit.classifiers import build_classifier

FACES, SIDE, ROUNDS = 256, 2048, 15
ELSEWHERE = 200  # GFLOP/s


def seconds(action: Callable[[], object]) -> float:
    """Wall time of an action."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def main() -> None:
    """Print a classifier's time a face and the core's rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("classifier", help="a name that `fer-toolkit models list` shows, or a model file")
    classifier = build_classifier(parser.parse_args().classifier)
    spec, rng = classifier.input_spec, np.random.default_rng(0)
    channels = 1 if spec.color == "gray" else 3
    crops = rng.integers(0, 256, (FACES, spec.size, spec.size, channels), dtype=np.uint8)
    matrix = rng.random((SIDE, SIDE), dtype=np.float32)
    faces, products = [], []
    for _ in range(ROUNDS + 1):
        faces.append(seconds(lambda: classifier.predict(crops)))
        products.append(seconds(lambda: matrix @ matrix))
    milliseconds = 1000 * statistics.median(faces[1:]) / FACES  # the first round warms up
    rate = 2 * SIDE**3 / statistics.median(products[1:]) / 1e9
    print(
        f"{classifier.name}: {milliseconds:.3f} ms a face on one thread\n"
        f"float32 matrix product of {SIDE}x{SIDE} on one thread: {rate:.0f} GFLOP/s\n"
        f"on a core of {ELSEWHERE} GFLOP/s, in proportion: {milliseconds * rate / ELSEWHERE:.3f} ms a face"
    )


if __name__ == "__main__":
    main()
