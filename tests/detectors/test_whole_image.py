"""No detector at all: the whole picture is one face."""

import numpy as np
import pytest

from fer_toolkit.detectors import build_detector
from fer_toolkit.detectors.whole_image import WholeImageDetector
from fer_toolkit.errors import OptionError
from fer_toolkit.results import Detection


@pytest.mark.parametrize("shape", [(48, 48), (1, 1), (480, 640)])
def test_the_whole_picture_is_one_face(shape):
    image = np.zeros((*shape, 3), np.uint8)
    assert WholeImageDetector().detect(image) == [Detection((0, 0, shape[1], shape[0]), score=1.0)]


def test_it_has_no_options():
    with pytest.raises(OptionError, match="'none' has no option 'min_score'"):
        build_detector("none", min_score=0.5)
