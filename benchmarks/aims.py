"""What we want to reach, each with the figure that says whether we did."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import NamedTuple

from results import Results, fit_line
from systems import OURS

RATE = 240e9  # float32 operations a second that the aim for ready faces supposes of two cores
FLAT = 10e6  # bytes, of a process of hundreds of millions


class Got(NamedTuple):
    """What was measured, as a text, and how many times as good as the aim it is: below 1 the aim is missed."""

    text: str
    share: float


Measured = Callable[[Results], "Got | None"]
"""Gives None for what was not measured."""


class Aim(NamedTuple):
    """What is aimed at, and how to find what was measured."""

    what: str
    wanted: str
    got: Measured


def milliseconds_at_most(limit: float, name: str, what: str, how: str) -> Measured:
    """A median that must not be above a limit."""

    def got(results: Results) -> Got | None:
        seconds = results.median(name, what, OURS, how)
        return None if seconds is None else Got(f"{1000 * seconds:,.0f} ms", limit / (1000 * seconds))

    return got


def times_faster(least: float, name: str, what: str, how: str, other: str) -> Measured:
    """A ratio to another system that must not be below a limit."""

    def got(results: Results) -> Got | None:
        ratio = results.ratio(name, what, how, other)
        return None if ratio is None else Got(f"{times(ratio)} times", ratio / least)

    return got


def times(ratio: float) -> str:
    """A ratio with as many digits as mean something."""
    return f"{ratio:,.0f}" if ratio >= 20 else f"{ratio:.1f}"


def ready_face(results: Results) -> Got | None:
    """The time of a ready face on two threads, and in proportion on cores of the supposed rate."""
    seconds = results.median("ready faces", "3,589 at once", OURS, "2 threads")
    multiply_adds = results.product_rate("float32", "2 threads")
    if seconds is None or multiply_adds is None:
        return None
    rate = 2 * multiply_adds
    supposed = seconds * min(1.0, rate / RATE)
    text = f"{1000 * seconds:.3f} ms where two cores do {rate / 1e9:.0f}; in proportion {1000 * supposed:.3f} ms"
    return Got(text, 0.13e-3 / supposed)


def frames_a_second(results: Results) -> Got | None:
    """How many frames of a video are done in a second."""
    seconds = results.median("video", "640x360", OURS, "yunet")
    return None if seconds is None else Got(f"{1 / seconds:.0f} frames a second", 1 / seconds / 150)


def share_of_limit(results: Results) -> Got | None:
    """How near the network comes to the machine's own 8-bit rate."""
    one, two = (results.share_of_limit("int8", how) for how in ("1 thread", "2 threads"))
    if one is None or two is None:
        return None
    return Got(f"{100 * one:.0f} % on one thread, {100 * two:.0f} % on two", min(one, two) / 0.6)


def bookkeeping(results: Results) -> Got | None:
    """The largest share of a picture's time that is not decoding, detection or inference."""
    shares = {}
    for what in dict.fromkeys(row["what"] for row in results.rows("parts")):
        rest, whole = (results.row("parts", what, OURS, how) for how in ("rest", "whole"))
        if rest is not None and whole is not None:
            rounds = zip(rest["samples"], whole["samples"], strict=True)
            shares[what] = statistics.median(part / of for part, of in rounds)
    if not shares:
        return None
    where = max(shares, key=shares.__getitem__)
    least, most = min(shares.values()), shares[where]
    return Got(f"{100 * least:.0f} to {100 * most:.0f} %, most at {where}", 0.15 / most)


def peak_memory(results: Results) -> Got | None:
    """The command's peak memory, and fer's."""
    ours = results.median("peak memory", "4000x3000", OURS, "yunet")
    theirs = results.median("peak memory", "4000x3000", "fer")
    if ours is None:
        return None
    beside = "" if theirs is None else f"; `fer` {theirs / 1e6:,.0f} MB"
    return Got(f"{ours / 1e6:,.0f} MB{beside}", 250e6 / ours)


def linear_time(results: Results) -> Got | None:
    """How far the time of many faces is from a straight line."""
    counts, seconds = results.series("growth in faces", "ready faces")
    if len(counts) < 3:
        return None
    deviation = fit_line(counts, seconds)[2]
    return Got(f"within {100 * deviation:.1f} %, 1 to {counts[-1]:,.0f} faces", 0.1 / max(deviation, 1e-6))


def flat_memory(results: Results) -> Got | None:
    """How much more memory many faces take than a hundred."""
    counts, found = results.series("memory in faces", "ready faces")
    if 100 not in counts or 10000 not in counts:
        return None
    more = found[counts.index(10000)] - found[counts.index(100)]
    return Got(f"{max(more, 0) / 1e6:.1f} MB more for 10,000 than for 100", FLAT / max(more, 1))


COLD = ("cold start", "400x400", "yunet")
FACES = ("ready faces", "3,589 at once", "2 threads")
AIMS = (
    Aim(
        "cold start: `fer-toolkit recognize` on a 400x400 picture, first result printed",
        "500 ms or less",
        milliseconds_at_most(500, *COLD),
    ),
    Aim("the same, against `fer`", "12 times faster", times_faster(12, *COLD, "fer")),
    Aim("`import fer_toolkit`", "30 ms or less", milliseconds_at_most(30, "import", "import", "")),
    Aim(
        "400x400 picture from file, one face, warm, `haar`",
        "2 times faster than `fer`",
        times_faster(2, "single picture", "400x400, file", "haar", "fer"),
    ),
    Aim(
        "the same with `yunet`",
        "3 times faster than `fer`",
        times_faster(3, "single picture", "400x400, file", "yunet", "fer"),
    ),
    Aim(
        "2280x1588 picture from file, two faces, `yunet`",
        "5 times faster than `fer`",
        times_faster(5, "single picture", "2280x1588, file", "yunet", "fer"),
    ),
    Aim(
        "640x360 video with one face, `yunet` at 320 pixels, every frame",
        "150 frames a second or more",
        frames_a_second,
    ),
    Aim(
        "the same, against `fer`'s `Video.analyze`",
        "10 times faster",
        times_faster(10, "video", "640x360", "yunet", "fer"),
    ),
    Aim(
        "3,589 ready faces, default network, two threads",
        "0.13 ms a face or less where two cores do 240 float32 GFLOP/s",
        ready_face,
    ),
    Aim("the same, against `fer`'s far smaller network", "2 times faster", times_faster(2, *FACES, "fer")),
    Aim(
        "the same, against a `keras.Model.predict` call a face",
        "300 times faster",
        times_faster(300, *FACES, "keras-predict"),
    ),
    Aim("the network against the machine's 8-bit matrix product, 32 faces at a time", "60 % or more", share_of_limit),
    Aim("framing and bookkeeping in a picture's time", "15 % or less", bookkeeping),
    Aim("peak memory of the command on a 12-megapixel picture", "250 MB or less", peak_memory),
    Aim("time of up to 10,000 faces", "linear within 10 %", linear_time),
    Aim("memory of up to 10,000 faces", "flat: 10 MB or less between 100 and 10,000", flat_memory),
)
