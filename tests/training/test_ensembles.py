"""Several networks as one: the mean of their answers, in one file that is exported like any other."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from fer_toolkit.classifiers import build_classifier
from fer_toolkit.errors import ExportError, OptionError
from fer_toolkit.training import networks
from fer_toolkit.training.ensembles import combine
from fer_toolkit.training.exporting import export_with_card

FACES = np.random.default_rng(3).integers(0, 256, (5, 48, 48, 1), np.uint8)


def untrained(folder, network, seed, labels=("calm", "glad", "cross")):
    """A network as training leaves it, but for the training."""
    keras.utils.set_random_seed(seed)
    model = networks.single_head(networks.build(network, {"emotion": len(labels)}), "emotion")
    folder.mkdir()
    model.save(folder / "model.keras")
    networks.write_card(folder / "model.keras", labels=labels)
    return folder / "model.keras"


def answers(model, faces=FACES):
    return keras.ops.convert_to_numpy(model(faces.astype(np.float32)))


@pytest.fixture(scope="module")
def two(tiny_network, tmp_path_factory):
    """Two networks, and what they say of the faces and of their mirror images."""
    folder = tmp_path_factory.mktemp("networks")
    files = [untrained(folder / str(seed), tiny_network, seed) for seed in (1, 2)]
    models = [keras.saving.load_model(file) for file in files]
    said = [[answers(model, faces) for faces in (FACES, FACES[:, :, ::-1])] for model in models]
    return SimpleNamespace(files=files, said=np.array(said))


def test_the_answer_is_the_mean_of_all_networks_to_face_and_mirror_image(two, tmp_path):
    model = combine(two.files, tmp_path)
    np.testing.assert_allclose(answers(model), two.said.mean(axis=(0, 1)), rtol=1e-4, atol=1e-5)


def test_mirror_images_may_be_left_out(two, tmp_path):
    model = combine(two.files, tmp_path, mirrored=False)
    np.testing.assert_allclose(answers(model), two.said[:, 0].mean(axis=0), rtol=1e-4, atol=1e-5)


def test_one_network_may_be_combined_with_its_mirror_image_or_with_nothing(two, tmp_path):
    one = two.files[:1]
    np.testing.assert_allclose(answers(combine(one, tmp_path)), two.said[0].mean(axis=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(answers(combine(one, tmp_path, mirrored=False)), two.said[0, 0], rtol=1e-4, atol=1e-5)


def test_the_file_can_be_classified_with_and_combined_again(two, tmp_path):
    expected = keras.ops.softmax(answers(combine(two.files, tmp_path / "both")))
    classifier = build_classifier(tmp_path / "both" / "model.keras")
    assert classifier.labels == ("calm", "glad", "cross")
    np.testing.assert_allclose(classifier.predict(FACES), expected, rtol=1e-4, atol=1e-5)
    again = combine([tmp_path / "both" / "model.keras", two.files[0]], tmp_path / "again", mirrored=False)
    wanted = (two.said.mean(axis=(0, 1)) + two.said[0, 0]) / 2
    np.testing.assert_allclose(answers(again), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["both.tflite", "both.onnx"])
def test_it_is_exported_like_a_single_network(two, tmp_path, name):
    expected = keras.ops.softmax(answers(combine(two.files, tmp_path / "both")))
    file = export_with_card(tmp_path / "both" / "model.keras", tmp_path / name)
    np.testing.assert_allclose(build_classifier(file).predict(FACES), expected, atol=1e-3)


def test_networks_with_other_labels_are_refused_and_named(two, tiny_network, tmp_path):
    other = untrained(tmp_path / "other", tiny_network, 3, labels=("calm", "cross", "glad"))
    with pytest.raises(OptionError, match=r"other/model\.keras has the labels \['calm', 'cross', 'glad'\]"):
        combine([*two.files, other], tmp_path / "both")
    assert not (tmp_path / "both").exists()


def test_a_network_with_another_input_is_refused(two, tmp_path):
    pixels = keras.layers.Input((64, 64, 1))
    model = keras.Model(pixels, keras.layers.Dense(3)(keras.layers.Flatten()(pixels)))
    model.save(tmp_path / "large.keras")
    networks.write_card(tmp_path / "large.keras", labels=("calm", "glad", "cross"))
    with pytest.raises(ExportError, match=r"must take pixels of the shape \(None, 48, 48, 1\)"):
        combine([two.files[0], tmp_path / "large.keras"], tmp_path / "both")


def test_there_must_be_a_network_and_each_must_have_its_card(two, tmp_path):
    with pytest.raises(OptionError, match=r"model_files must name one model\.keras or more\. Received: \[\]"):
        combine([], tmp_path / "both")
    (tmp_path / "model.keras").write_bytes(two.files[0].read_bytes())
    with pytest.raises(ExportError, match=r"has no model\.json beside it"):
        combine([two.files[0], tmp_path / "model.keras"], tmp_path / "both")


def test_a_folder_that_cannot_be_written_is_an_error(two, tmp_path):
    (tmp_path / "both").write_text("a file")
    with pytest.raises(ExportError, match="both"):
        combine(two.files, tmp_path / "both")
