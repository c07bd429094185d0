"""What is LiteRT's own; what all runtimes share is in ``test_runtimes.py``."""

import gzip
import subprocess
import sys

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from fer_toolkit import weights as store
from fer_toolkit.classifiers import build_classifier
from fer_toolkit.classifiers.litert import LiteRTClassifier
from fer_toolkit.errors import ClassifierError
from fer_toolkit.testing import check_classifier

SIZE = 12
CARD = {"labels": ("calm", "glad", "cross"), "input": {"size": SIZE, "scale": 1 / 255}}
SHAPE = ["n", SIZE, SIZE, 1]


class TestEightBits:
    @pytest.mark.parametrize("softmax", [False, True])
    def test_input_and_output_are_scaled_as_the_file_says(self, save, weights, crops, softmax):
        plain = build_classifier(save("plain.tflite", SHAPE, weights(SIZE, 1)), card=CARD)
        codes = {"quantized": ((1 / 255, 0), (1 / 256, 0) if softmax else (1 / 32, 128))}
        file = save("small.tflite", SHAPE, weights(SIZE, 1), softmax=softmax, **codes)
        small = build_classifier(file, card={**CARD, "output": "probabilities" if softmax else "logits"})
        np.testing.assert_allclose(small.predict(crops(9, SIZE, 1)), plain.predict(crops(9, SIZE, 1)), atol=0.01)
        check_classifier(small)

    def test_numbers_beyond_eight_bits_are_clipped_and_do_not_wrap(self, save, weights):
        file = save("small.tflite", SHAPE, weights(SIZE, 1), quantized=((1 / 255, 0), (1 / 32, 128)))
        brighter = build_classifier(file, card={**CARD, "input": {"size": SIZE, "scale": 2 / 255}})
        white, grey = np.full((1, SIZE, SIZE, 1), 255, np.uint8), np.full((1, SIZE, SIZE, 1), 128, np.uint8)
        np.testing.assert_array_equal(brighter.predict(white), brighter.predict(grey))


def test_a_network_for_several_faces_at_once_gives_what_one_for_one_gives(save, weights, crops):
    one, four = (build_classifier(save(f"{n}.tflite", [n, SIZE, SIZE, 1], weights(SIZE, 1)), card=CARD) for n in (1, 4))
    np.testing.assert_array_equal(four.predict(crops(6, SIZE, 1)), one.predict(crops(6, SIZE, 1)))


class TestSeveralFacesAtOnce:
    @pytest.mark.parametrize("name", ["fer2013-small-4", "fer2013-ensemble-2", "ferplus-small-1"])
    @pytest.mark.parametrize("threads", [1, 2])
    def test_bundled_networks_give_each_face_what_they_give_it_alone(self, crops, name, threads):
        classifier = LiteRTClassifier(store.path(name), store.card(name), threads=threads)
        faces = crops(40, 48, 1)
        alone = np.concatenate([classifier.predict(face[None]) for face in faces])
        for count in (1, 3, 4, 5, 8, 40):
            np.testing.assert_array_equal(classifier.predict(faces[:count]), alone[:count])
        assert any(network.for_several is not None for network in classifier._networks._idle)

    def test_a_network_of_floats_is_given_one_face_at_a_time(self, save, weights, crops):
        classifier = build_classifier(save("model.tflite", SHAPE, weights(SIZE, 1)), card=CARD)
        classifier.predict(crops(9, SIZE, 1))
        assert not any(network.for_several is not None for network in classifier._networks._idle)


def test_the_file_is_read_once(save, weights, crops):
    """Later interpreters, of other threads, run what the first one ran."""
    file = save("model.tflite", SHAPE, weights(SIZE, 1))
    classifier = build_classifier(file, card=CARD)
    before = classifier.predict(crops(3, SIZE, 1))
    file.unlink()
    with classifier._networks.borrow():
        np.testing.assert_array_equal(classifier.predict(crops(3, SIZE, 1)), before)


@pytest.mark.parametrize("scale", [1e6, -1e6, np.inf, np.nan])
def test_an_8_bit_network_with_a_scale_that_no_network_has_is_refused(tmp_path, scale):
    """LiteRT ends the process when it prepares such a one; so another process tries."""
    content = store.path("fer2013-small-4").read_bytes()
    tensors = Interpreter(model_content=content).get_tensor_details()
    scales = [each["quantization_parameters"]["scales"] for each in tensors if each["dtype"] == np.int8]
    right = next(some[:4].tobytes() for some in scales if some.size > 4 and content.count(some.tobytes()) == 1)
    (tmp_path / "model.tflite").write_bytes(content.replace(right, np.full(4, scale, np.float32).tobytes()))
    said = _opened_elsewhere(tmp_path / "model.tflite", {"labels": store.card("default").labels, "input": {"size": 48}})
    assert "is no LiteRT file that can be run: it has a scale of " in said


@pytest.mark.parametrize("zero", [-1, 256, 56_576, -(2**31)])
def test_an_8_bit_network_with_a_zero_point_that_8_bits_do_not_hold_is_refused(tmp_path, zero):
    """LiteRT ends the process for such an input, too."""
    content = bytearray(store.path("fer2013-small-4").read_bytes())
    scale_and_name = b"".join(
        [np.int32(1).tobytes(), np.float32(1).tobytes(), np.int32(24).tobytes(), b"serving_default"]
    )
    place = content.rindex(scale_and_name) - 8
    assert not any(content[place : place + 8])  # the input's zero point, an int64
    content[place : place + 8] = np.int64(zero).tobytes()
    (tmp_path / "model.tflite").write_bytes(content)
    said = _opened_elsewhere(tmp_path / "model.tflite", {"labels": store.card("default").labels, "input": {"size": 48}})
    assert "is no LiteRT file that can be run: it has a zero point outside 0 to 255, its type's range" in said


def _opened_elsewhere(file, card):
    """What a process that opens the file says in the end, which it comes to by itself."""
    code = f"import sys; from fer_toolkit.classifiers import build_classifier as b; b(sys.argv[1], card={card!r})"
    ended = subprocess.run([sys.executable, "-c", code, file], capture_output=True, text=True)
    assert ended.returncode == 1
    return ended.stderr


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (gzip.decompress, "it was not compressed by gzip, or is damaged: .*incorrect header"),
        (lambda content: content[:-9], "it is cut off"),
        (lambda content: content[:60] + bytes(20) + content[80:], "it was not compressed by gzip, or is damaged"),
        (lambda _: gzip.compress(bytes(2**26 + 1)), "it holds more than 67,108,864 bytes"),
    ],
)
def test_a_compressed_file_that_can_not_be_unpacked_is_refused(spoil, complaint, save, weights):
    file = save("model.tflite.gz", SHAPE, weights(SIZE, 1))
    file.write_bytes(spoil(file.read_bytes()))
    with pytest.raises(ClassifierError, match=rf"model\.tflite\.gz is no LiteRT file that can be run: {complaint}"):
        build_classifier(file, card=CARD)


def test_a_file_that_is_not_there_is_refused(tmp_path, save, weights):
    card = build_classifier(save("model.tflite", SHAPE, weights(SIZE, 1)), card=CARD)._card
    with pytest.raises(ClassifierError, match=r"none\.tflite can't be read"):
        LiteRTClassifier(tmp_path / "none.tflite", card)
