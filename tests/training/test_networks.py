"""The networks as they are built, before any training."""

import keras
import numpy as np
import pytest

from fer_toolkit.errors import OptionError
from fer_toolkit.training import networks


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("mini_xception", 51_255), ("resnet_small", 875_783), ("resnet_compact", 1_861_893), ("resnet_large", 6_476_431)],
)
def test_each_network_takes_grey_faces_and_gives_logits(name, parameters):
    model = networks.build(name, {"emotion": 7})
    logits = model(np.zeros((2, 48, 48, 1), np.float32))
    assert set(logits) == {"emotion"}
    assert tuple(logits["emotion"].shape) == (2, 7)
    assert model.count_params() == pytest.approx(parameters, rel=0.02)


def test_one_head_is_taken_out_with_the_same_weights():
    model = networks.build("mini_xception", {"emotion": 7, "votes": 8})
    faces = np.random.default_rng(0).uniform(0, 255, (3, 48, 48, 1)).astype(np.float32)
    alone = networks.single_head(model, "emotion")
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(alone(faces)), keras.ops.convert_to_numpy(model(faces)["emotion"]), rtol=1e-5
    )


def test_the_dtype_policy_in_force_is_left_as_it_was():
    before = keras.config.dtype_policy().name
    model = networks.build("mini_xception", {"emotion": 7}, dtype="mixed_bfloat16")
    assert keras.config.dtype_policy().name == before
    assert model.layers[2].compute_dtype == "bfloat16"
    assert model.get_layer("emotion").compute_dtype == "float32"


def test_an_unknown_network_is_refused_with_those_there_are():
    with pytest.raises(OptionError, match=r"mini_xception.*Received: 'resnet'"):
        networks.build("resnet", {"emotion": 7})
