"""For the tests and the doctests alike: nothing touches the user's own cache."""

import os
import signal
from pathlib import Path

import pytest

ROOT = Path(__file__).parent


def pytest_configure():
    """Heed Ctrl-C: a shell's background job starts with it ignored, and some tests are of just that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory):
    """A weights cache of this test run; it is in the environment, so subprocesses use it too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_TOOLKIT_CACHE", str(tmp_path_factory.mktemp("fer-toolkit-cache")))
        mirror = os.environ.get("FER_TOOLKIT_MIRROR")
        if mirror and "://" not in mirror:  # tests and doctests change the working folder
            patch.setenv("FER_TOOLKIT_MIRROR", str(Path(mirror).resolve()))
        yield


@pytest.fixture(autouse=True)
def _doctests_run_in_the_repository(request, monkeypatch):
    """So that an example in a docstring may say examples/images/astronaut.jpg."""
    if isinstance(request.node, pytest.DoctestItem):
        monkeypatch.chdir(ROOT)
