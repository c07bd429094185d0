import json
import re

import keras
import numpy as np
import pytest

from fer_toolkit.classifiers import build_classifier
from fer_toolkit.errors import ExportError, OptionError
from fer_toolkit.training import networks
from fer_toolkit.training.exporting import export_litert, export_with_card


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    keras.utils.set_random_seed(5)
    model = networks.single_head(networks.build("mini_xception", {"emotion": 7}), "emotion")
    path = tmp_path_factory.mktemp("model") / "model.keras"
    model.save(path)
    return path


@pytest.mark.parametrize(
    ("quantize", "tolerance"),
    # Largest difference of a probability: float32 sums in another order, float16 has 11 bits of weight, int8 has 8.
    [("none", 1e-4), ("float16", 1e-3), ("int8", 3e-2)],
)
def test_an_exported_file_gives_what_the_keras_model_gives(model_file, faces, tmp_path, quantize, tolerance):
    path = export_with_card(model_file, tmp_path / f"Tiny-{quantize}.tflite", quantize=quantize, data=faces)
    crops = faces.images[..., None]
    exported = build_classifier(path)
    card = json.loads(path.with_suffix(".json").read_text())
    reference = build_classifier(
        model_file, card={"labels": card["labels"], "input": {"size": 48}, "temperature": card["temperature"]}
    )
    np.testing.assert_allclose(exported.predict(crops), reference.predict(crops), atol=tolerance)


def test_eight_bits_make_a_file_of_a_third_the_size_or_less(model_file, faces, tmp_path):
    sizes = {
        q: export_with_card(model_file, tmp_path / f"{q}.tflite", quantize=q, data=faces).stat().st_size
        for q in ("none", "int8")
    }
    assert sizes["int8"] < sizes["none"] / 2


def test_the_card_holds_the_temperature_fitted_on_public_test(model_file, faces, tmp_path):
    path = export_with_card(model_file, tmp_path / "t.tflite", data=faces)
    assert json.loads(path.with_suffix(".json").read_text())["temperature"] != 1.0
    plain = export_with_card(model_file, tmp_path / "p.tflite")
    assert json.loads(plain.with_suffix(".json").read_text())["temperature"] == 1.0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"quantize": "int4"}, "quantize must be one of"),
        ({"quantize": "int8"}, "int8 needs calibration faces"),
    ],
)
def test_wrong_options_are_refused(model_file, tmp_path, arguments, complaint):
    model = keras.saving.load_model(model_file)
    with pytest.raises(OptionError, match=complaint):
        export_litert(model, tmp_path / "x.tflite", **arguments)
    assert not (tmp_path / "x.tflite").exists()


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "text.keras").write_text("no model")
    with pytest.raises(ExportError, match=re.escape("text.keras can't be loaded")):
        export_with_card(tmp_path / "text.keras", tmp_path / "x.tflite")
    with pytest.raises(OptionError, match=r"must end in \.tflite"):
        export_with_card(tmp_path / "text.keras", tmp_path / "x.onnx")
