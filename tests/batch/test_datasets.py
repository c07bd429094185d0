"""Ray Data on a real cluster of two nodes on this machine, one of which is lost."""

import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fer_toolkit.batch import recognize_dataset, recognize_table
from fer_toolkit.errors import OptionError, UnknownNameError
from fer_toolkit.recognizer import EmotionRecognizer

ray = pytest.importorskip("ray")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ray")  # Ray warns of itself

PICTURES = 320
BATCH = 16


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Paths of small pictures, all different."""
    folder = tmp_path_factory.mktemp("pictures")
    face = cv2.resize(cv2.imread("examples/images/astronaut.jpg")[20:200, 140:320], (48, 48))
    rng = np.random.default_rng(0)
    for number in range(PICTURES):
        noisy = face + rng.normal(0, 20, face.shape)
        cv2.imwrite(str(folder / f"{number:03}.png"), noisy.clip(0, 255).astype(np.uint8))
    (folder / "007.png").write_bytes(b"no picture")
    return sorted(map(str, folder.iterdir()))


@pytest.fixture(scope="module")
def unreported():
    """Ray reports nothing about its use; else its threads go on doing so after the cluster's end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        yield


@pytest.fixture(scope="module")
def cluster(unreported):
    from ray.cluster_utils import Cluster

    noticed_soon = {
        "health_check_initial_delay_ms": 0,
        "health_check_period_ms": 200,
        "health_check_failure_threshold": 5,
    }
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 2, "object_store_memory": 80 << 20, "_system_config": noticed_soon},
    )
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture(scope="module")
def local(pictures):
    """What this process says itself, sorted by path."""
    return recognize_table(pa.table({"path": pictures}), EmotionRecognizer(detector="none"))


def dataset_of(paths):
    """A data set in as many blocks as there are batches: Ray shares out blocks."""
    return ray.data.from_arrow([pa.table({"path": paths[i : i + BATCH]}) for i in range(0, len(paths), BATCH)])


def by_path(dataset):
    tables = [ray.get(block) for block in dataset.to_arrow_refs()]
    return pa.concat_tables(tables, promote_options="permissive").sort_by("path").replace_schema_metadata(None)


def slow_detector(marks):
    """A detector of one's own, which notes on which nodes it is at work; Ray takes it along by value."""

    class SlowDetector:
        name = "slow"
        box_in_frame = (0.0, 0.0, 1.0, 1.0)

        def detect(self, image):
            from fer_toolkit.results import Detection

            with Path(marks, ray.get_runtime_context().get_node_id()).open("a") as file:
                file.write(".")
            time.sleep(0.01)
            return [Detection((0, 0, image.shape[1], image.shape[0]), 1.0)]

    return SlowDetector()


def test_paths_on_a_cluster_give_what_one_process_gives_and_any_sink_takes_it(cluster, pictures, local, tmp_path):
    found = recognize_dataset(dataset_of(pictures), column="path", detector="none", workers=2).materialize()
    assert by_path(found) == local
    found.write_parquet(str(tmp_path / "faces"))
    assert pq.read_table(tmp_path / "faces").sort_by("path").replace_schema_metadata(None) == local


def test_the_program_of_the_page_runs(cluster, pictures, tmp_path, fetched_weights):
    fetched_weights("yunet-2026may")
    pq.write_table(pa.table({"path": pictures[:8]}), tmp_path / "pictures.parquet")
    page = Path("docs/scale.md").read_text(encoding="utf-8").partition("## A cluster")[2]
    program = page.partition("```python\n")[2].partition("```")[0]
    exec(program.replace("/shared", tmp_path.as_posix()), {"__name__": "page"})
    assert sorted(set(pq.read_table(tmp_path / "faces")["path"].to_pylist())) == pictures[:8]


def test_pixels_and_bytes_give_what_paths_give(cluster, pictures, local, tmp_path):
    expected = local.take([0, 1, 2])
    bytes_of_files = ray.data.read_binary_files(pictures[:3], include_paths=True)
    found = by_path(recognize_dataset(bytes_of_files, column="bytes", detector="none").drop_columns(["bytes"]))
    assert found.select(expected.column_names) == expected
    pixels = ray.data.read_images(pictures[:3], include_paths=True)
    found = by_path(recognize_dataset(pixels, column="image", detector="none", prefix="r_").drop_columns(["image"]))
    assert found["r_happy"].to_pylist() == expected["happy"].to_pylist()


def test_a_node_that_is_killed_takes_nothing_with_it(cluster, pictures, local, tmp_path):
    doomed = cluster.add_node(num_cpus=1, object_store_memory=80 << 20)

    def at_work():
        mark = tmp_path / doomed.node_id
        return mark.exists() and mark.stat().st_size > BATCH

    def kill():
        while not at_work() and threading.main_thread().is_alive():
            time.sleep(0.01)
        cluster.remove_node(doomed, allow_graceful=False)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    options = {"detector": slow_detector(tmp_path), "batch_size": BATCH, "workers": 3}
    found = by_path(recognize_dataset(dataset_of(pictures), column="path", **options))
    killer.join(timeout=1)
    assert not killer.is_alive()
    done_there = (tmp_path / doomed.node_id).stat().st_size
    assert BATCH < done_there < PICTURES / 2  # it was in the midst of its work
    assert found == local


def test_a_mistake_is_told_before_the_cluster_is_at_work(cluster, pictures):
    dataset = dataset_of(pictures)
    with pytest.raises(OptionError, match=r"must have the column 'image', .* It has: \['path'\]"):
        recognize_dataset(dataset, detector="none")
    with pytest.raises(UnknownNameError, match="'harr'"):
        recognize_dataset(dataset, column="path", detector="harr")
