"""What the web service allows: each bound is checked when it is set."""

import math
from pathlib import Path

import pytest

from fer_toolkit.errors import OptionError
from fer_toolkit.web import Settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_bytes", 0),
        ("max_bytes", 1.5),
        ("max_pixels", True),
        ("workers", 0),
        ("queue", -1),
        ("timeout", 0),
        ("timeout", math.inf),
        ("timeout", "30"),
        ("detectors", "haar"),
        ("models", [1]),
        ("cors_origins", "https://example.org"),
    ],
)
def test_a_value_out_of_its_range_is_named_and_shown(name, value):
    with pytest.raises(OptionError, match=rf"^{name} must .*Received: {value!r}$".replace("[", r"\[")):
        Settings(**{name: value})


@pytest.mark.parametrize("token", ["", "two words", "grün", "a\n", 5])
def test_a_token_that_no_header_can_bring_is_refused_and_not_shown(token):
    with pytest.raises(OptionError, match=r"^token must be text") as refusal:
        Settings(token=token)
    assert not token or str(token) not in str(refusal.value)


def test_a_folder_for_uploads_does_not_depend_on_the_working_folder_later():
    assert Settings(save_uploads="uploads").save_uploads == Path.cwd() / "uploads"
