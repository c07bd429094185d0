"""The systems that are measured: a row each, and an adapter in ``workers/``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
WORKERS = HERE / "workers"
OURS = "fer-toolkit"


@dataclass(frozen=True)
class System:
    """A program to measure, in an environment of its own.

    In commands, ``{bin}`` is the folder of the environment's programs, ``{workers}`` that of the adapters,
    ``{picture}`` the picture and ``{how}`` the variant, such as a detector.
    """

    name: str
    requirements: tuple[str, ...]
    worker: str
    module: str = ""  # what its users import
    command: tuple[str, ...] = ()  # prints the emotion of one picture
    prepare: tuple[tuple[str, ...], ...] = ()  # done before anything is measured, such as to fetch weights


SYSTEMS = {
    system.name: system
    for system in (
        System(
            name=OURS,
            requirements=(f"{ROOT}[video]",),
            worker="fer_toolkit_worker.py",
            module="fer_toolkit",
            command=("{bin}/fer-toolkit", "recognize", "--detector", "{how}", "{picture}"),
            prepare=(("{bin}/fer-toolkit", "models", "fetch", "yunet-2026may", "ssd-uint8-1", "ssd-config-1"),),
        ),
        System(
            name="fer",
            requirements=("fer==25.10.3", "setuptools<80"),  # it imports pkg_resources
            worker="fer_worker.py",
            module="fer.fer",
            command=("{bin}/python", "{workers}/fer_once.py", "{picture}"),
        ),
        System(name="keras-predict", requirements=(f"{ROOT}[keras]",), worker="keras_predict_worker.py"),
        System(
            name="limits",
            requirements=("numpy", "onnx", "onnxruntime", "threadpoolctl"),
            worker="limits_worker.py",
        ),
    )
}
