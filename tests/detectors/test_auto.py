"""``"auto"`` is YuNet or Haar, and says why."""

import re
import shutil

import pytest

from fer_toolkit import weights
from fer_toolkit.detectors import build_detector
from fer_toolkit.errors import DownloadError


@pytest.fixture
def yunet_file(fetched_weights):
    """The real file; asked for before the fixture below hides the cache that it is in."""
    return fetched_weights("yunet-2026may")


@pytest.fixture
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("FER_TOOLKIT_MIRROR", raising=False)
    monkeypatch.delenv("FER_TOOLKIT_OFFLINE", raising=False)
    monkeypatch.setenv("FER_TOOLKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_it_is_yunet_from_the_cache_without_a_network(yunet_file, empty_cache, monkeypatch):
    empty_cache.mkdir()
    shutil.copy(yunet_file, empty_cache / weights.card("yunet-2026may").file)
    monkeypatch.setenv("FER_TOOLKIT_OFFLINE", "1")
    assert build_detector("auto").name == "yunet"


def test_it_is_haar_with_one_warning_where_the_weights_cannot_be_had(empty_cache, monkeypatch, astronaut):
    monkeypatch.setenv("FER_TOOLKIT_OFFLINE", "1")
    with pytest.warns(UserWarning, match="YuNet") as caught:
        detector = build_detector("auto", max_side=320)
    assert detector.name == "haar"
    assert len(detector.detect(astronaut)) == 1
    (warning,) = caught
    message = str(warning.message)
    assert "FER_TOOLKIT_OFFLINE" in message  # why
    assert "fer-toolkit models fetch yunet-2026may" in message  # what to do


def test_a_host_that_does_not_answer_is_given_up(empty_cache, monkeypatch):
    monkeypatch.setenv("FER_TOOLKIT_MIRROR", "http://127.0.0.1:9")  # the port of "discard": nobody listens
    with pytest.warns(UserWarning, match="Haar"):
        assert build_detector("auto").name == "haar"


def test_a_wrong_file_is_not_used(empty_cache, monkeypatch, tmp_path):
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / weights.card("yunet-2026may").file).write_bytes(b"not a network")
    monkeypatch.setenv("FER_TOOLKIT_MIRROR", str(mirror))
    with pytest.warns(UserWarning, match=re.escape("face_detection_yunet_2026may.onnx")):
        assert build_detector("auto").name == "haar"


def test_another_name_is_never_replaced(empty_cache, monkeypatch):
    monkeypatch.setenv("FER_TOOLKIT_OFFLINE", "1")
    with pytest.raises(DownloadError, match="yunet-2026may"):
        build_detector("yunet")
