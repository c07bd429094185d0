"""All that writes files, each in two versions, so that an older file can be told from a newer one.

A writer takes a folder with pictures to read, a folder to write to, and the version: 0 or 1.
"""

import hashlib
import os
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from fer_toolkit.errors import FerToolkitError
from fer_toolkit.export import write
from fer_toolkit.results import Detection, FaceEmotion, ImageResult
from fer_toolkit.video.results import TrackedFace, VideoFrameResult, VideoResult

LABELS = ("happy", "sad")
CONTENT = [bytes([version]) * 50_000 for version in (0, 1)]


def make_inputs(folder):
    """The pictures, and a mirror folder of weights."""
    rng = np.random.default_rng(0)
    pictures = folder / "pictures"
    pictures.mkdir(parents=True)
    for number in range(40):
        cv2.imwrite(str(pictures / f"{number:02}.png"), rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    cv2.imwrite(str(folder / "picture.jpg"), rng.integers(0, 256, (200, 300, 3), dtype=np.uint8))
    for version in (0, 1):
        mirror = folder / f"mirror-{version}"
        mirror.mkdir()
        (mirror / f"tiny-{version}.bin").write_bytes(CONTENT[version])


def probabilities(version):
    return dict(zip(LABELS, [(0.25, 0.75), (0.75, 0.25)][version], strict=True))


def annotated_picture(inputs, folder, version):
    from fer_toolkit.cli._recognize import _save

    face = FaceEmotion(Detection((50, 20, 250, 180), 1.0), probabilities(version))
    _save(
        ImageResult([face], 300, 200).draw(Image.open(inputs / "picture.jpg"), chart=True), folder / "picture-faces.jpg"
    )


def results(format):
    def write_results(inputs, folder, version):
        face = FaceEmotion(Detection((0, 0, 48, 48), 1.0), probabilities(version))
        write([ImageResult([face], 640, 480, path=f"{i}.jpg") for i in range(300)], folder / f"faces.{format}", format)

    return write_results


def frames(version):
    values = probabilities(version)
    face = TrackedFace(Detection((0, 0, 48, 48), 1.0), values, track_id=0, smoothed=values)
    return [VideoFrameResult([face], i, i / 25) for i in range(300)]


def frame_table(ending):
    def write_frames(inputs, folder, version):
        from fer_toolkit.video.tables import open_table

        with open_table(folder / f"frames{ending}", LABELS) as table:
            for frame in frames(version):
                table.write(frame)

    return write_frames


def video(inputs, folder, version):
    from fer_toolkit.video.writing import VideoWriter

    rng = np.random.default_rng(version)
    with VideoWriter(folder / "film.mp4", frame_rate=25) as film:
        for i in range(40):
            film.write(rng.integers(0, 256, (96, 128, 3), dtype=np.uint8), i / 25)


def timeline(inputs, folder, version):
    from fer_toolkit.plots import save_figure

    save_figure(VideoResult.collect(frames(version)).plot("version " + "01"[version]), folder / "emotions.png")


def charts_of_an_evaluation(inputs, folder, version):
    from fer_toolkit.plots import save_evaluation_plots
    from fer_toolkit.training.evaluation import Evaluation
    from fer_toolkit.training.figures import measure

    rng = np.random.default_rng(version)
    figures = measure(rng.dirichlet((1, 1), 100), rng.integers(0, 2, 100), LABELS)
    save_evaluation_plots(Evaluation(figures, figures, figures), folder, "a network")


def batch(ending):
    def recognize_folder(inputs, folder, version):
        from fer_toolkit.batch import recognize_folder

        options = {"workers": 2, "resume": True, "detector": "none", "min_confidence": version / 2}
        recognize_folder(inputs / "pictures", folder / f"faces{ending}", **options)

    return recognize_folder


def cached_weights(inputs, folder, version):
    from fer_toolkit import weights
    from fer_toolkit.cards import WeightsCard

    os.environ.update(FER_TOOLKIT_CACHE=str(folder), FER_TOOLKIT_MIRROR=str(inputs / f"mirror-{version}"))
    sha256 = hashlib.sha256(CONTENT[version]).hexdigest()
    file = weights.path(WeightsCard(name="tiny", kind="detector", file=f"tiny-{version}.bin", sha256=sha256))
    if file.parent != folder:
        raise FerToolkitError(f"{file} is used where it is, for it could not be kept")


WRITERS = {
    "an annotated picture": annotated_picture,
    "results as JSON": results("json"),
    "results as JSON Lines": results("jsonl"),
    "results as CSV": results("csv"),
    "frames as JSON Lines": frame_table(".jsonl"),
    "frames as CSV": frame_table(".csv"),
    "frames as Parquet": frame_table(".parquet"),
    "an annotated video": video,
    "a timeline": timeline,
    "the charts of an evaluation": charts_of_an_evaluation,
    "weights in the cache": cached_weights,
    "a table of a folder as CSV": batch(".csv"),
    "a table of a folder as Parquet": batch(".parquet"),
}
QUICK = [name for name in WRITERS if "evaluation" not in name and "folder" not in name]
"""Those that take a moment; the others are built on them."""


def preload():
    """Import what the writers import, so that it is not done again in each process that is forked."""
    import fer_toolkit.cli._recognize
    import fer_toolkit.plots
    import fer_toolkit.recognizer
    import fer_toolkit.training.evaluation
    import fer_toolkit.video.tables
    import fer_toolkit.video.writing  # noqa: F401

    for name in ("av", "matplotlib.backends.backend_agg", "matplotlib.figure", "pandas", "pyarrow.parquet"):
        __import__(name)


def content(folder: Path):
    """All files of a folder, by their paths in it."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
