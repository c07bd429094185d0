"""Pictures on a cluster: a data set of Ray Data in, and the same with results out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fer_toolkit._optional import require
from fer_toolkit.batch.recognizing import TOGETHER
from fer_toolkit.batch.settling import build_and_settle
from fer_toolkit.batch.tables import check_columns, with_arrow_table
from fer_toolkit.images import ColorOrder
from fer_toolkit.recognizer import EmotionRecognizer

if TYPE_CHECKING:
    import ray.data

BATCH_SIZE = 2 * TOGETHER
"""Pictures that a worker has at a time."""


def recognize_dataset(
    dataset: ray.data.Dataset,
    *,
    column: str = "image",
    prefix: str = "",
    color: ColorOrder = "rgb",
    batch_size: int = BATCH_SIZE,
    workers: int | tuple[int, int] | None = None,
    num_cpus: float = 1,
    num_gpus: float = 0,
    **options: Any,
) -> ray.data.Dataset:
    """Recognise the pictures of a Ray data set on all nodes of a cluster (needs ``fer-toolkit[ray]``).

    Parameters
    ----------
    dataset
        A data set with a column of pictures, such as ``ray.data.read_images(...)``, ``ray.data.read_binary_files(...)``
        or ``ray.data.read_parquet(...)``. Paths must lead to the same files on every node.
    column
        The column with the pictures: paths, the bytes of picture files, or arrays of pixels.
    prefix
        What the names of the new columns begin with.
    color
        Order of the channels of arrays; Ray's own ``read_images`` gives RGB.
    batch_size
        Pictures that a worker has at a time.
    workers
        How many processes keep a recognizer, or the least and the most of them; by default as many as fit into the
        cluster.
    num_cpus, num_gpus
        What each of them asks of the cluster.
    **options
        Keywords of :class:`~fer_toolkit.EmotionRecognizer`. A detector or classifier of yours goes to the workers
        pickled.

    Returns
    -------
    ray.data.Dataset
        As :func:`~fer_toolkit.batch.recognize_table` gives it, in no order. Nothing is read before it is asked for, but
        the first rows for the names of their columns. A worker that is lost, with its node or alone, is replaced, and
        its pictures are done again.

    Raises
    ------
    OptionError
        If the data set has no such column, or has a column of the name of a new one.
    MissingExtraError
        If Ray is not installed.
    FerToolkitError
        What else :class:`~fer_toolkit.EmotionRecognizer` raises: one is built here first, so that a mistake is told
        before the cluster is at work.

    Examples
    --------
    ::

        pictures = ray.data.read_binary_files("s3://bucket/pictures", include_paths=True)
        faces = recognize_dataset(pictures, column="bytes").drop_columns(["bytes"])
        faces.write_parquet("s3://bucket/faces")
    """
    data = require("ray.data", extra="ray", feature="recognising a data set on a cluster")
    recognizer, options = build_and_settle(options)
    if (names := dataset.columns()) is not None:  # None: it is empty
        check_columns(names, column, recognizer, prefix)
    least, most = workers if isinstance(workers, tuple) else (workers or 1, workers)
    return dataset.map_batches(
        _Worker,
        fn_constructor_args=(options, column, prefix, color, max(1, int(num_cpus))),
        batch_format="pyarrow",
        batch_size=batch_size,
        compute=data.ActorPoolStrategy(min_size=least, max_size=most),
        num_cpus=num_cpus,
        num_gpus=num_gpus,
    )


class _Worker:
    """A recognizer in a process of its own, which Ray keeps as long as there are batches."""

    def __init__(self, options: Mapping[str, Any], column: str, prefix: str, color: ColorOrder, threads: int) -> None:
        import cv2

        cv2.setNumThreads(threads)
        self._recognizer = EmotionRecognizer(**options)
        self._column, self._prefix, self._color = column, prefix, color

    def __call__(self, table: Any) -> Any:
        return with_arrow_table(table, self._recognizer, self._column, self._prefix, self._color)
