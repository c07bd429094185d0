"""A recipe is what its file says, and what can't be followed is refused when it is made."""

import re

import pytest

from fer_toolkit.errors import OptionError
from fer_toolkit.training.augmentation import Augmentation, Mixing
from fer_toolkit.training.recipes import Recipe


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"network": "vgg"}, "network must be one of ['mini_xception', "),
        ({"epochs": 0}, "epochs must be a whole number, 1 or more. Received: 0"),
        ({"epochs": 1.5}, "epochs must be a whole number, 1 or more. Received: 1.5"),
        ({"batch_size": "many"}, "batch_size must be a whole number, 1 or more. Received: 'many'"),
        ({"seed": -1}, "seed must be a whole number, 0 or more. Received: -1"),
        ({"learning_rate": 0}, "learning_rate must be more than 0. Received: 0"),
        ({"learning_rate": float("inf")}, "learning_rate must be more than 0. Received: inf"),
        ({"warmup_epochs": -1}, "warmup_epochs must be 0 or more. Received: -1"),
        ({"weight_decay": None}, "weight_decay must be 0 or more. Received: None"),
        ({"muon": -0.1}, "muon must be 0 or more. Received: -0.1"),
        ({"votes_weight": float("nan")}, "votes_weight must be 0 or more. Received: nan"),
        ({"teaching": 1.5}, "teaching must be from 0 to 1. Received: 1.5"),
        ({"teachers_see": "faces"}, "teachers_see must be one of ['shown', 'moved', 'mixed']. Received: 'faces'"),
        ({"repeat_after": -1, "teachers_see": "moved"}, "repeat_after must be a whole number, 0 or more. Received: -1"),
        ({"repeat_after": 4}, "teachers_see must be 'moved' or 'mixed' with it, or repeat_after 0. Received: repeat"),
        ({"class_balance": -0.1}, "class_balance must be from 0 to 1. Received: -0.1"),
        ({"dropout": 1}, "dropout must be from 0 to below 1. Received: 1"),
        ({"label_smoothing": "0.1"}, "label_smoothing must be from 0 to below 1. Received: '0.1'"),
        ({"averaging": 1.0}, "averaging must be from 0 to below 1. Received: 1.0"),
        ({"dtype": "float7"}, "dtype must be a Keras dtype policy, such as mixed_bfloat16. Received: 'float7'"),
        ({"dtype": None}, "dtype must be a Keras dtype policy, such as mixed_bfloat16. Received: None"),
    ],
)
def test_an_entry_out_of_its_range_is_refused_by_name(entry, complaint):
    with pytest.raises(OptionError, match=re.escape(complaint)):
        Recipe(**entry)


@pytest.mark.parametrize(
    "text", ["no JSON", "[]", "7", '{"nothing": 1}', '{"mixing": {"nothing": 1}}', '{"mixing": 1}']
)
def test_what_is_no_recipe_is_refused(text):
    with pytest.raises(OptionError, match="it is no recipe: "):
        Recipe.from_json(text)


def test_a_file_is_named_by_what_is_wrong_with_it(tmp_path):
    file = tmp_path / "recipe.json"
    with pytest.raises(OptionError, match=r"recipe\.json can't be read: No such file"):
        Recipe.from_file(file)
    file.write_text('{"epochs": 0}')
    with pytest.raises(OptionError, match=r"recipe\.json: epochs must be a whole number"):
        Recipe.from_file(file)
    file.write_bytes(b"\xff")
    with pytest.raises(OptionError, match=r"recipe\.json can't be read: .* codec can't decode"):
        Recipe.from_file(file)


def test_a_recipe_keeps_its_mixing_blur_and_share_of_spoilt_faces():
    recipe = Recipe(mixing=Mixing(mixup=0.2, cutmix=0.1, alpha=0.4), augmentation=Augmentation(blur=1.0, spoilt=0.3))
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_a_recipe_from_before_there_was_mixing_or_blur_has_none():
    older = '{"network": "resnet_small", "augmentation": {"tilt": 15.0, "zoom": [0.87, 1.15]}}'
    assert Recipe.from_json(older) == Recipe(network="resnet_small")
