"""What a network is shown is decided by seed, epoch and step alone, and its targets belong to it."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain

import keras
import numpy as np
import pytest
from keras import ops

from fer_toolkit.cards import InputSpec
from fer_toolkit.errors import DataError
from fer_toolkit.training.augmentation import Augmentation, Mixing
from fer_toolkit.training.batches import Batches, ask_teachers, shown, targets
from fer_toolkit.training.data import FaceData
from fer_toolkit.training.recipes import Recipe

STILL = Augmentation(
    flip=0.0, tilt=0.0, zoom=(1.0, 1.0), shift=0.0, contrast=(1.0, 1.0), light=0.0, noise=0.0, erase=0.0
)
RECIPE = Recipe(batch_size=8, seed=5)


def waves(n=24):
    """Pictures, labels and votes by a formula, so that their batches can be told by stored numbers."""
    k = np.arange(n)[:, None, None]
    y, x = np.mgrid[:48, :48]
    images = (120 + 60 * np.sin((x + 3 * k) / 9) + 40 * np.cos(y / 7 + k)).astype(np.uint8)
    votes = ((np.arange(n)[:, None] * np.arange(1, 11)) % 5).astype(np.float32)
    return FaceData(images, np.arange(n) % 7, np.array(["Training"] * n), votes)


def black_and_white(n=64):
    """Half the faces are black and angry, half are white and happy; the raters saw anger and happiness."""
    emotions = np.where(np.arange(n) % 2, 3, 0)
    images = np.repeat(np.where(emotions == 3, 255, 0), 48 * 48).reshape(n, 48, 48).astype(np.uint8)
    votes = np.zeros((n, 10), np.float32)
    votes[emotions == 0, 4], votes[emotions == 3, 1] = 10, 10
    return FaceData(images, emotions, np.array(["Training"] * n), votes)


def blank(emotions, labels, **fields):
    """Faces of which only the labels matter."""
    n = len(emotions)
    return FaceData(
        np.zeros((n, 48, 48), np.uint8), np.array(emotions), np.array(["Training"] * n), labels=labels, **fields
    )


def arrays(batch):
    """A batch's arrays in a fixed order: faces, targets and weights by head."""
    faces, by_head, weights = batch
    return [ops.convert_to_numpy(faces), *by_head.values(), *weights.values()]


def assert_same(batch, expected):
    for array, wanted in zip(arrays(batch), arrays(expected), strict=True):
        np.testing.assert_array_equal(array, wanted)


@pytest.mark.parametrize(
    ("step", "faces_told", "rest_told"),
    [
        (
            0,
            [93.05, 920.09, 34.12, -127.83, 30.54, 284.51, -149.88, -139.03],
            "d48b82f384aa9d065819d7b1c39471bf19f486cdbf8a0c84cd2e34de5b294d72",
        ),
        (
            1,
            [-151.55, -318.71, -136.72, -28.96, 12.18, -100.68, 525.88, -823.38],
            "f3c41c35dc924e7e0eaf68e21ac79d119dfcb372a38a2099639009b5b11b84f3",
        ),
    ],
)
def test_a_recipe_without_mixing_or_blur_shows_the_batches_it_showed_before_there_were_any(step, faces_told, rest_told):
    faces, *rest = arrays(Batches(waves(), RECIPE, epoch=2)[step])
    projected = faces.reshape(len(faces), -1).astype(np.float64) @ np.cos(np.arange(48 * 48))
    np.testing.assert_allclose(projected, faces_told, atol=0.05)  # a grey level more in one pixel would show
    assert hashlib.sha256(b"".join(array.tobytes() for array in rest)).hexdigest() == rest_told


def test_batches_of_an_epoch_show_each_face_at_most_once():
    numbered = replace(waves(), images=np.repeat(np.arange(24), 48 * 48).reshape(24, 48, 48).astype(np.uint8))
    batches = Batches(numbered, replace(RECIPE, augmentation=STILL))
    seen = np.concatenate([arrays(batches[step])[0][:, 0, 0, 0] for step in range(len(batches))])
    assert sorted(seen.round()) == list(range(24))


def test_batches_are_the_same_in_whatever_order_and_from_whichever_thread_they_are_asked_for():
    recipe = replace(RECIPE, mixing=Mixing(mixup=0.4, cutmix=0.4))
    expected = Batches(waves(), recipe)
    asked = Batches(waves(), recipe)
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(asked.__getitem__, [2, 0, 1]))
    for step, batch in zip([2, 0, 1], made, strict=True):
        assert_same(batch, expected[step])


class Recorded(Batches):
    """Batches that note what they show."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.shown = []

    def __getitem__(self, step):
        batch = super().__getitem__(step)
        self.shown.append(hashlib.sha256(b"".join(array.tobytes() for array in arrays(batch))).hexdigest())
        return batch


def fitted(recipe, epochs, first=0):
    """What a small network is shown in these epochs."""
    batches = Recorded(replace(waves(), votes=None), recipe, epoch=first)
    pixels = keras.layers.Input((48, 48, 1))
    logits = keras.layers.Dense(7)(keras.layers.GlobalAveragePooling2D()(pixels))
    model = keras.Model(pixels, {"emotion": logits})
    model.compile("sgd", loss={"emotion": keras.losses.CategoricalCrossentropy(from_logits=True)})
    model.fit(batches, epochs=epochs, initial_epoch=first, shuffle=False, verbose=0)
    return batches.shown[-(epochs - first) * len(batches) :]  # before them, Keras looks at the first ones


@pytest.mark.parametrize("changes", [{}, {"repeat_after": 1, "teachers_see": "moved"}])
def test_a_fit_that_goes_on_after_two_epochs_is_shown_what_an_unbroken_one_is(changes):
    recipe = replace(RECIPE, mixing=Mixing(mixup=0.5), **changes)
    unbroken = fitted(recipe, epochs=4)
    assert len(set(unbroken)) == 4 * 3
    assert fitted(recipe, epochs=4, first=2) == unbroken[6:]


def test_batches_know_how_long_their_making_took():
    batches = Batches(waves(), RECIPE)
    assert batches.seconds == 0
    batches[0]
    once = batches.seconds
    batches[1]
    assert 0 < once < batches.seconds


def test_mixing_leaves_order_and_changes_as_they_are():
    plain, mixing = Batches(waves(), RECIPE), Batches(waves(), replace(RECIPE, mixing=Mixing(mixup=0.3, cutmix=0.2)))
    faces, *rest = arrays(plain[0])
    mixed_faces, *mixed_rest = arrays(mixing[0])
    alone = (rest[0] == mixed_rest[0]).all(axis=1)
    assert 0 < alone.sum() < len(alone)
    np.testing.assert_array_equal(mixed_faces[alone], faces[alone])
    assert (np.abs(mixed_faces - faces).max(axis=(1, 2, 3)) > 1)[~alone].all()


@pytest.mark.parametrize("mixing", [Mixing(mixup=1.0), Mixing(cutmix=1.0), Mixing(mixup=0.4, cutmix=0.4)])
def test_a_mixed_target_has_the_shares_of_the_faces_that_are_seen(mixing):
    recipe = replace(RECIPE, batch_size=64, augmentation=STILL, mixing=mixing, label_smoothing=0.0)
    faces, by_head, weights = Batches(black_and_white(), recipe)[0]
    white = ops.convert_to_numpy(faces).mean(axis=(1, 2, 3)) / 255
    assert ((white > 0.1) & (white < 0.9)).mean() > 0.2
    for head, black_label, white_label in (("emotion", 0, 3), ("votes", 4, 1)):
        np.testing.assert_allclose(by_head[head][:, white_label], white, atol=1e-4)
        np.testing.assert_allclose(by_head[head][:, black_label], 1 - white, atol=1e-4)
        np.testing.assert_allclose(weights[head], 1, atol=1e-5)
        assert by_head[head].dtype == weights[head].dtype == np.float32


def test_a_face_without_votes_adds_none_to_a_mixture():
    data = black_and_white()
    data.votes[data.emotions == 0] = 0  # the raters named no emotion of the black faces
    recipe = replace(RECIPE, batch_size=64, augmentation=STILL, mixing=Mixing(mixup=1.0), label_smoothing=0.0)
    faces, by_head, weights = Batches(data, recipe)[0]
    white = ops.convert_to_numpy(faces).mean(axis=(1, 2, 3)) / 255
    np.testing.assert_allclose(weights["votes"], white, atol=1e-4)
    np.testing.assert_allclose(by_head["votes"][white > 0.01, 1], 1, atol=1e-4)
    np.testing.assert_allclose(by_head["votes"].sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(weights["emotion"], 1, atol=1e-5)


def test_a_mixture_has_the_loss_of_its_two_faces_in_their_shares():
    rng = np.random.default_rng(0)
    by_head = {"emotion": rng.dirichlet(np.ones(7), 6).astype(np.float32)}
    weights = {"emotion": rng.uniform(0, 3, 6).astype(np.float32)}
    surprise = rng.uniform(0, 5, (6, 7))  # minus the logarithms of some network's answers
    recipe = replace(RECIPE, mixing=Mixing(mixup=0.5, cutmix=0.5))
    _, mixed, mixed_weights = shown(waves(6).images[..., None], by_head, weights, recipe, (1, 2))
    share = recipe.mixing.own_shares((6, 48, 48), np.random.default_rng((1, 2, 1))).mean(axis=(1, 2, 3))

    def loss(columns, counts):
        return counts * (columns * surprise).sum(axis=1)

    partner = loss(np.roll(by_head["emotion"], -1, axis=0), np.roll(weights["emotion"], -1))
    expected = share * loss(by_head["emotion"], weights["emotion"]) + (1 - share) * partner
    np.testing.assert_allclose(loss(mixed["emotion"], mixed_weights["emotion"]), expected, rtol=1e-4)


def test_a_batch_of_one_face_is_mixed_with_itself():
    recipe = replace(RECIPE, batch_size=1)
    mixing = replace(recipe, mixing=Mixing(mixup=1.0))
    for array, expected in zip(arrays(Batches(waves(1), mixing)[0]), arrays(Batches(waves(1), recipe)[0]), strict=True):
        np.testing.assert_allclose(array, expected, atol=1e-4)


def test_targets_are_of_the_labels_of_the_data_however_many():
    by_head, _ = targets(blank([2, 0, 1], ("no", "yes", "perhaps")))
    assert by_head["emotion"].tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]


def test_soft_labels_are_the_targets_where_there_are_any():
    shares = np.array([[0.7, 0.3], [0.0, 1.0]], np.float32)
    data = blank([0, 1], ("no", "yes"), shares=shares)
    np.testing.assert_array_equal(targets(data)[0]["emotion"], shares)
    np.testing.assert_allclose(targets(data, smoothing=0.1)[0]["emotion"], shares * 0.9 + 0.05, rtol=1e-6)


UNEQUAL = blank([0, 1, 1, 2, 2, 2, 2, 2], ("a", "b", "c"))


def test_without_balance_all_faces_count_alike():
    assert targets(UNEQUAL)[1]["emotion"].tolist() == [1] * 8


@pytest.mark.parametrize("balance", [1, 1.0, 0.5])
def test_balance_makes_up_for_rarity_and_keeps_the_mean_weight_at_one(balance):
    weights = targets(UNEQUAL, balance=balance)[1]["emotion"]
    assert weights.dtype == np.float32
    assert weights.mean() == pytest.approx(1)
    assert weights[0] / weights[-1] == pytest.approx(5**balance)
    if balance == 1:
        np.testing.assert_allclose(np.bincount(UNEQUAL.emotions, weights), 8 / 3, rtol=1e-6)


def test_batches_weigh_faces_as_the_recipe_says():
    batch = Batches(UNEQUAL, replace(RECIPE, class_balance=1.0))[0]
    assert sorted(batch[2]["emotion"].round(3)) == sorted(targets(UNEQUAL, balance=1.0)[1]["emotion"].round(3))


class Brightness:
    """A teacher that knows light from dark."""

    name, labels, input_spec = "brightness", ("dark", "light"), InputSpec(size=48)

    def predict(self, crops):
        light = crops.mean(axis=(1, 2, 3)) / 255
        return np.stack([1 - light, light], axis=1).astype(np.float32)


GREYS = replace(
    blank([0, 0, 1], ("dark", "light")),
    images=np.repeat(np.array([0, 51, 255], np.uint8), 48 * 48).reshape(3, 48, 48),
)


class Hopeful(Brightness):
    """A teacher to whom all is light."""

    def predict(self, crops):
        return np.tile(np.array([0, 1], np.float32), (len(crops), 1))


def test_teachers_answer_with_one_voice():
    answers = ask_teachers([Brightness(), Hopeful()], GREYS.images[..., None].astype(np.float32), GREYS.labels)
    np.testing.assert_allclose(answers, [[0.5, 0.5], [0.4, 0.6], [0, 1]], atol=1e-3)


def test_a_teacher_answers_by_the_labels_of_the_data():
    answers = ask_teachers([Brightness()], GREYS.images[..., None].astype(np.float32), ("light", "dark"))
    np.testing.assert_allclose(answers, [[0, 1], [0.2, 0.8], [1, 0]], atol=1e-3)


def test_the_teachers_answer_is_a_share_of_the_target():
    recipe = replace(RECIPE, batch_size=3, augmentation=STILL, teaching=0.25, label_smoothing=0.0)
    faces, by_head, _ = Batches(GREYS, recipe, teachers=[Brightness()])[0]
    (row,) = np.flatnonzero(ops.convert_to_numpy(faces)[:, 0, 0, 0].round() == 51)
    np.testing.assert_allclose(by_head["emotion"][row], [0.95, 0.05], rtol=1e-5)


def test_teachers_see_the_faces_that_the_network_is_shown():
    changed = replace(STILL, light=40.0)
    recipe = replace(RECIPE, batch_size=3, augmentation=changed, mixing=Mixing(mixup=1.0), teaching=1.0)
    faces, by_head, _ = Batches(GREYS, recipe, teachers=[Brightness()])[0]
    shown_light = ops.convert_to_numpy(faces).mean(axis=(1, 2, 3)) / 255
    np.testing.assert_allclose(by_head["emotion"][:, 1], shown_light, atol=1 / 255)


def test_teachers_may_see_faces_before_light_noise_and_mixing():
    """So that a network can become steadier than its teachers."""
    spoilt = replace(STILL, light=40.0, noise=20.0, contrast=(0.5, 0.5), erase=1.0)
    recipe = replace(RECIPE, batch_size=3, augmentation=spoilt, teaching=1.0, teachers_see="moved")
    _, by_head, _ = Batches(GREYS, recipe, teachers=[Brightness()])[0]
    assert sorted(by_head["emotion"][:, 1]) == pytest.approx([0, 0.2, 1], abs=1 / 255)
    mixed_recipe = replace(recipe, mixing=Mixing(mixup=1.0))
    _, mixed, _ = Batches(GREYS, mixed_recipe, teachers=[Brightness()])[0]
    own = mixed_recipe.mixing.own_shares((3, 48, 48), np.random.default_rng((recipe.seed, 0, 0, 1)))[:, 0, 0]
    answers = by_head["emotion"]
    np.testing.assert_allclose(mixed["emotion"], own * answers + (1 - own) * np.roll(answers, -1, axis=0), atol=1e-4)


def test_teachers_may_see_mixed_faces_before_light_and_noise():
    """So that they answer for faces that nobody has learnt by heart."""
    spoilt = replace(STILL, light=40.0, noise=20.0, contrast=(0.5, 0.5), erase=1.0)
    recipe = replace(RECIPE, batch_size=3, augmentation=spoilt, teaching=1.0, teachers_see="mixed")
    plain = replace(recipe, augmentation=STILL)
    for mixing in (Mixing(), Mixing(mixup=1.0), Mixing(cutmix=1.0)):
        faces, _, _ = Batches(GREYS, replace(plain, mixing=mixing))[0]
        _, by_head, _ = Batches(GREYS, replace(recipe, mixing=mixing), teachers=[Brightness()])[0]
        light = ops.convert_to_numpy(faces).mean(axis=(1, 2, 3)) / 255
        np.testing.assert_allclose(by_head["emotion"][:, 1], light, atol=1 / 255)


def test_mixed_faces_are_spoilt_as_one_where_teachers_see_them_before():
    alike = replace(GREYS, images=np.full_like(GREYS.images, 128))  # which mixing does not change
    noisy = replace(RECIPE, batch_size=3, augmentation=replace(STILL, noise=20.0))
    alone = ops.convert_to_numpy(Batches(alike, noisy)[0][0])
    for see, as_one in (("shown", False), ("moved", False), ("mixed", True)):
        faces = Batches(alike, replace(noisy, mixing=Mixing(mixup=1.0), teachers_see=see))[0][0]
        assert np.allclose(ops.convert_to_numpy(faces), alone, atol=1e-3) == as_one


def test_what_teachers_see_is_moved_as_the_network_sees_it():
    ramp = np.broadcast_to(np.arange(0, 240, 5, dtype=np.uint8), (8, 48, 48))  # which is lighter when moved left
    faces = replace(blank([0, 1] * 4, ("dark", "light")), images=ramp)
    moving = replace(STILL, shift=0.3, flip=0.5)
    recipe = replace(RECIPE, augmentation=moving, teaching=1.0)
    answers = [
        Batches(faces, replace(recipe, teachers_see=see), teachers=[Brightness()])[0][1]["emotion"][:, 1]
        for see in ("shown", "moved", "mixed")
    ]
    np.testing.assert_array_equal(answers[1:], answers[:-1])
    assert np.ptp(answers[0]) > 0.1


class Asked(Brightness):
    """A teacher who counts the faces it is asked about."""

    faces = 0

    def predict(self, crops):
        self.faces += len(crops)
        return super().predict(crops)


REPEATING = replace(
    RECIPE,
    batch_size=4,
    augmentation=replace(STILL, shift=0.3),
    mixing=Mixing(mixup=0.5),
    teaching=1.0,
    teachers_see="mixed",
    repeat_after=2,
)
RAMPS = replace(
    blank([0, 1] * 12, ("dark", "light")),
    images=np.minimum(np.arange(48, dtype=np.uint8) * 3 + 4 * np.arange(24, dtype=np.uint8)[:, None, None], 255)
    .repeat(48, axis=1)
    .astype(np.uint8),
)


def epochs_of(batches, count):
    """The batches of some epochs, a list for each."""
    epochs = []
    for _ in range(count):
        epochs.append([batches[step] for step in range(len(batches))])
        batches.on_epoch_end()
    return epochs


def faces_asked(teacher, batches, count):
    """About how many faces a teacher is asked in some epochs, once the batches are there."""
    teacher.faces = 0
    epochs_of(batches, count)
    return teacher.faces


def rows_of(epoch):
    """An epoch's faces with what should be said of them, in an order that does not depend on its own."""
    faces = np.concatenate([ops.convert_to_numpy(faces) for faces, _, _ in epoch])
    answers = np.concatenate([by_head["emotion"] for _, by_head, _ in epoch])
    rows = np.concatenate([faces.reshape(len(faces), -1), answers], axis=1)
    return rows[np.lexsort(rows.T)]


def test_faces_repeat_as_they_were_moved_and_mixed_in_another_order():
    first, second, third, fourth = epochs_of(Batches(RAMPS, REPEATING, teachers=[Brightness()]), 4)
    np.testing.assert_array_equal(rows_of(third), rows_of(first))
    np.testing.assert_array_equal(rows_of(fourth), rows_of(second))
    assert not np.array_equal(rows_of(first), rows_of(second))
    assert any(not np.array_equal(arrays(one)[0], arrays(other)[0]) for one, other in zip(first, third, strict=True))


def test_light_and_noise_of_repeated_faces_are_new():
    noisy = replace(REPEATING, augmentation=replace(STILL, noise=20.0), repeat_after=1)
    first, second, third = (rows_of(epoch) for epoch in epochs_of(Batches(GREYS, replace(noisy, batch_size=3)), 3))
    assert np.abs(first - second).max() > 1
    assert np.abs(second - third).max() > 1


def test_teachers_are_asked_once_about_faces_that_repeat():
    for repeat_after, epochs_asked in ((0, 5), (1, 1), (2, 2)):
        teacher = Asked()
        batches = Batches(RAMPS, replace(REPEATING, repeat_after=repeat_after), teachers=[teacher])
        assert faces_asked(teacher, batches, 5) == epochs_asked * len(RAMPS)


def test_answers_that_are_kept_in_a_folder_serve_a_resumed_run(tmp_path):
    unbroken = epochs_of(Batches(RAMPS, REPEATING, teachers=[Brightness()], keep=tmp_path / "answers"), 5)
    assert sorted(file.name[:4] for file in (tmp_path / "answers").iterdir()) == ["000-", "001-"]
    teacher = Asked()
    resumed = Batches(RAMPS, REPEATING, teachers=[teacher], epoch=3, keep=tmp_path / "answers")
    teacher.faces = 0
    for batch, expected in zip(chain(*epochs_of(resumed, 2)), chain(*unbroken[3:]), strict=True):
        assert_same(batch, expected)
    assert teacher.faces == 0


@pytest.mark.parametrize("damage", [b"", b"no answers", bytes(16), None])
def test_a_damaged_file_of_answers_is_named_before_the_run_begins(tmp_path, damage):
    epochs_of(Batches(RAMPS, REPEATING, teachers=[Brightness()], keep=tmp_path), 3)
    _, second = sorted(tmp_path.iterdir())
    second.write_bytes(second.read_bytes()[:-1] if damage is None else damage)
    with pytest.raises(DataError, match=rf"{second.name} does not hold .*; remove it, and they are asked again"):
        Batches(RAMPS, REPEATING, teachers=[Brightness()], keep=tmp_path)
    second.unlink()
    teacher = Asked()
    assert faces_asked(teacher, Batches(RAMPS, REPEATING, teachers=[teacher], keep=tmp_path), 3) == len(RAMPS)


def test_kept_answers_to_fewer_batches_are_no_answers(tmp_path):
    epochs_of(Batches(RAMPS, REPEATING, teachers=[Brightness()], keep=tmp_path), 1)
    (file,) = tmp_path.iterdir()
    np.save(file, np.load(file)[1:])
    with pytest.raises(DataError, match="batches"):
        Batches(RAMPS, REPEATING, teachers=[Brightness()], keep=tmp_path)


def test_answers_of_a_part_of_an_epoch_are_asked_for_again(tmp_path):
    killed = Batches(RAMPS, REPEATING, teachers=[Brightness()], keep=tmp_path / "answers")
    killed[0]
    killed.on_epoch_end()
    teacher = Asked()
    begun_anew = Batches(RAMPS, REPEATING, teachers=[teacher], keep=tmp_path / "answers")
    assert faces_asked(teacher, begun_anew, 1) == len(RAMPS)


class Namesake(Asked):
    """Another teacher of the same name, who takes light for dark."""

    def predict(self, crops):
        return super().predict(255 - crops)


@pytest.mark.parametrize(
    ("data", "recipe", "teacher"),
    [
        (RAMPS, replace(REPEATING, seed=6), Asked()),
        (RAMPS, replace(REPEATING, teachers=("another",)), Asked()),
        (RAMPS, REPEATING, Namesake()),
        (replace(RAMPS, images=RAMPS.images[::-1].copy()), REPEATING, Asked()),
        (replace(RAMPS, labels=("light", "dark")), REPEATING, Asked()),
    ],
    ids=["seed", "teachers", "another teacher of the same name", "faces", "labels"],
)
def test_answers_to_something_else_or_of_others_are_not_believed_and_not_lost(tmp_path, data, recipe, teacher):
    epochs_of(Batches(RAMPS, REPEATING, teachers=[Brightness()], keep=tmp_path), 3)
    changed = Batches(data, recipe, teachers=[teacher], keep=tmp_path)
    assert faces_asked(teacher, changed, 3) == 2 * len(RAMPS)
    again = Asked()
    assert faces_asked(again, Batches(RAMPS, REPEATING, teachers=[again], keep=tmp_path), 3) == 0
