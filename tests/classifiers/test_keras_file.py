"""What a Keras file may hold, whichever Keras there is: the network it says, of about its own size, and no more."""

import io
import json
import tracemalloc
import zipfile
import zlib

import h5py
import numpy as np
import pytest

from fer_toolkit.classifiers import _keras_file, build_classifier
from fer_toolkit.errors import ClassifierError

SIZE = 12
CARD = {"labels": ("calm", "glad", "cross"), "input": {"size": SIZE}}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A function that gives a copy of a saved network, of either format."""
    import keras

    network = keras.Sequential([keras.Input((SIZE, SIZE, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    folder = tmp_path_factory.mktemp("saved")
    for name in ("model.keras", "model.h5"):
        network.save(folder / name)
    return {name: (folder / name).read_bytes() for name in ("model.keras", "model.h5")}


@pytest.fixture
def rewrite(saved, tmp_path):
    """Write the archive with parts that a function changed, compressed or not; returns its path."""

    def rewrite(change, *, compression=zipfile.ZIP_STORED):
        with zipfile.ZipFile(io.BytesIO(saved["model.keras"])) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        change(parts)
        with zipfile.ZipFile(tmp_path / "model.keras", "w", compression) as archive:
            for name, content in parts.items():
                archive.writestr(name, content)
        return tmp_path / "model.keras"

    return rewrite


@pytest.fixture(params=["model.keras", "model.h5"])
def change_arrays(request, saved, rewrite, tmp_path):
    """Let a function change the open HDF5 file, alone or in an archive; returns the model's path.

    The function is given the group, and the name of an array in it that is 144 x 3 floats.
    """

    def edit(content, change):
        stream = io.BytesIO(content)
        with h5py.File(stream, "r+") as file:
            (name,) = [name for name in _names(file) if getattr(file[name], "shape", ()) == (SIZE * SIZE, 3)]
            change(file, name)
        return stream.getvalue()

    def change_arrays(change):
        if request.param == "model.keras":
            weights = "model.weights.h5"
            return rewrite(lambda parts: parts.update({weights: edit(parts[weights], change)}))
        (tmp_path / request.param).write_bytes(edit(saved[request.param], change))
        return tmp_path / request.param

    return change_arrays


def _names(file):
    names = []
    file.visit(names.append)
    return names


def refused(path):
    """The reason why a file is refused; what refuses it may not take memory in keeping with what the file claims."""
    tracemalloc.start()
    try:
        with pytest.raises(
            ClassifierError, match=rf"{path.name} is no Keras file that can be loaded safely: "
        ) as caught:
            build_classifier(path, card=CARD)
        assert tracemalloc.get_traced_memory()[1] < 2**27
    finally:
        tracemalloc.stop()
    return str(caught.value).partition("loaded safely: ")[2]


class TestArrays:
    def test_those_that_keras_wrote_are_taken(self, change_arrays):
        _keras_file.check(change_arrays(lambda file, name: None))

    def test_compressed_ones_are_taken(self, change_arrays):
        """As other programs write them."""

        def compress(file, name):
            values = file[name][:]
            del file[name]
            file.create_dataset(name, data=values, compression="gzip")

        _keras_file.check(change_arrays(compress))

    @pytest.mark.parametrize("chunks", [0, 8])
    def test_a_small_file_of_a_vast_array_is_refused(self, change_arrays, chunks):
        """Whether the array is compressed, or there is nothing of it yet."""

        def blow_up(file, name):
            del file[name]
            array = file.create_dataset(name, (2**23, 3), "f4", chunks=(2**20, 3), compression="gzip")
            zeros = zlib.compress(bytes(2**20 * 3 * 4))
            for i in range(chunks):
                array.id.write_direct_chunk((i * 2**20, 0), zeros)

        reason = refused(change_arrays(blow_up))
        assert reason.startswith("its arrays would take ")
        assert "which is much for a file of its length" in reason

    def test_many_arrays_count_together(self, change_arrays):
        def add(file, name):
            for i in range(100):
                file.create_dataset(f"more{i}", (2**20,), "f8", fillvalue=1)

        assert "its arrays would take" in refused(change_arrays(add))

    def test_a_shape_whose_product_overflows_is_refused(self, change_arrays):
        def blow_up(file, name):
            del file[name]
            file.create_dataset(name, (2**31, 2**30), "f8", chunks=(1, 1), fillvalue=0)

        assert "its arrays would take 1844" in refused(change_arrays(blow_up))

    def test_an_array_in_another_file_is_refused(self, change_arrays, tmp_path):
        (tmp_path / "secret").write_bytes(bytes(SIZE * SIZE * 3 * 4))

        def point(file, name):
            del file[name]
            file.create_dataset(
                name, (SIZE * SIZE, 3), "f4", external=[(str(tmp_path / "secret"), 0, h5py.h5f.UNLIMITED)]
            )

        assert "is kept in another file" in refused(change_arrays(point))

    def test_a_virtual_array_is_refused(self, change_arrays, tmp_path):
        with h5py.File(tmp_path / "other.h5", "w") as other:
            other["x"] = np.zeros((SIZE * SIZE, 3), "f4")

        def point(file, name):
            del file[name]
            layout = h5py.VirtualLayout((SIZE * SIZE, 3), "f4")
            layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (SIZE * SIZE, 3))
            file.create_virtual_dataset(name, layout)

        assert "is kept in another file" in refused(change_arrays(point))

    @pytest.mark.parametrize("link", [h5py.ExternalLink("other.h5", "/x"), h5py.SoftLink("/elsewhere")])
    def test_a_link_is_refused(self, change_arrays, link):
        def point(file, name):
            del file[name]
            file[name] = link

        assert "is a link, which may lead to another file" in refused(change_arrays(point))

    def test_groups_in_a_circle_end(self, change_arrays):
        def turn(file, name):
            file[name].parent["again"] = file["/"]

        _keras_file.check(change_arrays(turn))


class TestArchive:
    @pytest.mark.parametrize("part", ["config.json", "model.weights.h5"])
    def test_a_bomb_is_refused(self, rewrite, part):
        path = rewrite(lambda parts: parts.update({part: bytes(2**25)}), compression=zipfile.ZIP_DEFLATED)
        assert path.stat().st_size < 2**17
        assert "its parts are compressed" in refused(path)

    def test_parts_that_share_their_bytes_are_refused(self, rewrite, saved):
        """The same bytes listed a thousand times are an archive that unpacks to a thousand times its length."""
        path = rewrite(lambda parts: parts.update({"config.json": bytes(2**16)}))
        with zipfile.ZipFile(path, "a") as archive:
            archive.filelist.extend([archive.getinfo("config.json")] * 1000)
            archive._didModify = True
        assert "its parts are compressed" in refused(path)

    @pytest.mark.parametrize("name", ["assets/words.txt", "../../evil.py", "model.weights.npz"])
    def test_other_parts_are_refused(self, rewrite, name):
        reason = refused(rewrite(lambda parts: parts.update({name: b"x"})))
        assert reason.startswith(f"it holds {name!r}; a network for pictures has only config.json")

    @pytest.mark.parametrize("part", ["config.json", "model.weights.h5"])
    def test_a_part_that_is_missing_is_told(self, rewrite, part):
        assert part in refused(rewrite(lambda parts: parts.pop(part)))

    @pytest.mark.parametrize("config", [b"", b"[" * 100_000, b'{"class_name": 1}', b"\xff", b"null"])
    def test_a_configuration_that_is_none_is_refused(self, rewrite, config):
        assert refused(rewrite(lambda parts: parts.update({"config.json": config})))


class TestLayers:
    @pytest.mark.parametrize("name", sorted(_keras_file.FOREIGN_LAYERS))
    @pytest.mark.parametrize("depth", [1, 4])
    def test_one_that_runs_code_of_its_own_is_refused(self, rewrite, name, depth):
        def add(parts):
            config = json.loads(parts["config.json"])
            layer = {"module": "keras.layers", "class_name": name, "config": {"filepath": "model"}}
            for _ in range(depth - 1):
                layer = {"module": "keras.layers", "class_name": "TimeDistributed", "config": {"layer": [layer]}}
            config["config"]["layers"].insert(1, layer)
            parts["config.json"] = json.dumps(config).encode()

        assert refused(rewrite(add)) == f"its layer {name} runs code that is not Keras's own"

    def test_also_of_an_older_file(self, saved, tmp_path):
        path = tmp_path / "model.h5"
        path.write_bytes(saved["model.h5"])
        with h5py.File(path, "r+") as file:
            file.attrs["model_config"] = json.dumps({"class_name": "TFSMLayer", "config": {"filepath": "model"}})
        assert refused(path) == "its layer TFSMLayer runs code that is not Keras's own"
