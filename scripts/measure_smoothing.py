"""How smoothing trades lag against flicker, on a clip whose emotion changes at known times: a table in Markdown.

    python examples/make_clip.py clip.mp4 --seconds 80
    python scripts/measure_smoothing.py clip.mp4 --state 4

The clip has one face, whose emotion is one of two by turns, each for `--state` seconds. Which emotion each of the two
is to the network is taken from the frames' own probabilities, averaged over all of its times; so what is measured is
what smoothing does, and not how good the network is.

The columns: the time constant in seconds; the lag, which is the time from a change until the smoothed emotion is the
new one for the first time, the mean over the changes; the flicker, which is how often in a minute the smoothed emotion
changes beyond once a change; and the share of the frames whose smoothed emotion is that of their time.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_toolkit import EmotionRecognizer
from fer_toolkit.video.smoothing import Smoother

TIME_CONSTANTS = (0.0, 0.2, 0.5, 1.0)


@dataclass(frozen=True)
class Clip:
    """What was read from a clip, and what is so.

    Parameters
    ----------
    times
        Of the frames, seconds (n,).
    probabilities
        Of each frame by itself, float32 (n, labels).
    states
        Which stretch between two changes each frame is in, from 0 (n,).
    truth
        Number of the emotion of each frame's stretch (n,).
    """

    times: NDArray[np.float64]
    probabilities: NDArray[np.float32]
    states: NDArray[np.int64]
    truth: NDArray[np.int64]


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the clip once, smooth it in several ways, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip")
    parser.add_argument("--state", type=float, default=4.0, help="seconds from one change to the next (default: 4)")
    parser.add_argument("--detector", default="yunet")
    options = parser.parse_args(arguments)
    clip = read(options.clip, options.state, EmotionRecognizer(options.detector))
    print("| smoothing (s) | lag (s) | flicker (a minute) | right frames |")
    print("| ---: | ---: | ---: | ---: |")
    for time_constant in TIME_CONSTANTS:
        shown = smoothed_emotions(clip, time_constant)
        right = (shown == clip.truth).mean()
        print(f"| {time_constant:g} | {lag(clip, shown):.2f} | {flicker(clip, shown):.0f} | {100 * right:.0f} % |")


def read(path: str, state: float, recognizer: EmotionRecognizer) -> Clip:
    """The first face of each frame; a frame without one is left out."""
    seen = [(frame.time, frame[0]) for frame in recognizer.recognize_video(path, smoothing=0) if frame]
    times = np.array([time for time, _ in seen])
    rows = np.array([list(face.probabilities.values()) for _, face in seen], np.float32)
    states = np.floor(times / state + 1e-6).astype(np.int64)
    emotions = [rows[states % 2 == which].mean(axis=0).argmax() for which in (0, 1)]
    return Clip(times, rows, states, np.array(emotions)[states % 2])


def smoothed_emotions(clip: Clip, time_constant: float) -> NDArray[np.int64]:
    """Number of the emotion that is shown on each frame (n,)."""
    smoother = Smoother(time_constant)
    rows = [smoother.update(0, row, time) for row, time in zip(clip.probabilities, clip.times, strict=True)]
    return np.array(rows).argmax(axis=1)


def lag(clip: Clip, shown: NDArray[np.int64]) -> float:
    """Mean of the seconds from a change to the first frame that shows the new emotion."""
    lags = []
    for state in range(1, clip.states[-1] + 1):
        inside = clip.states == state
        times, right = clip.times[inside], shown[inside] == clip.truth[inside]
        lags.append((times[right][0] if right.any() else times[-1]) - times[0])
    return float(np.mean(lags))


def flicker(clip: Clip, shown: NDArray[np.int64]) -> float:
    """Changes a minute beyond those that there are."""
    changes = np.count_nonzero(np.diff(shown)) - np.count_nonzero(np.diff(clip.truth))
    return float(60 * changes / (clip.times[-1] - clip.times[0]))


if __name__ == "__main__":
    main()
