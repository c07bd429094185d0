"""Tests of fer_toolkit._messages: the nearest name, and another error in few words."""

import pytest

from fer_toolkit._messages import choices, describe_error


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("yunnet", ["haar", "yunet"], "Did you mean 'yunet'? There are: haar, yunet"),
        ("YUNET", ["haar", "YuNet"], "Did you mean 'YuNet'? There are: haar, YuNet"),
        ("xyz", ["haar", "yunet"], "There are: haar, yunet"),
        ("haar", [], "There are none"),
    ],
)
def test_the_known_names_follow_the_nearest(name, known, said):
    assert choices(name, iter(known)) == said


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(13, "Permission denied", "a.jpg"), "Permission denied"),
        (ValueError("two\n  lines"), "two lines"),
        (ValueError(), "ValueError"),
        (OSError("no number"), "no number"),
        (ValueError("x" * 5000), "x" * 200),
    ],
    ids=["system", "lines", "nothing", "text", "long"],
)
def test_another_error_is_told_on_one_short_line(error, said):
    assert describe_error(error) == said
