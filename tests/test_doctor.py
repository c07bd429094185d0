"""The doctor finds what is wrong, and imports nothing that may be broken."""

import importlib
import os
import subprocess
import sys
from importlib import metadata

import pytest

from fer_toolkit import __version__, doctor, weights
from fer_toolkit.detectors import available_detectors


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """An empty cache and no network."""
    monkeypatch.delenv("FER_TOOLKIT_MIRROR", raising=False)
    monkeypatch.setenv("FER_TOOLKIT_OFFLINE", "1")
    monkeypatch.setenv("FER_TOOLKIT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def site(monkeypatch, tmp_path):
    """A folder of installed packages that goes before the real one, here and in processes that are started."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *filter(None, sys.path)]))
    return folder


@pytest.fixture
def install(site):
    """Put a distribution there: what it requires, and its module's text."""

    def install(name, version, *requires, extras=(), module=None):
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        lines += [f"Provides-Extra: {each}" for each in extras] + [f"Requires-Dist: {each}" for each in requires]
        (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
        if module is not None:
            (site / f"{name.replace('-', '_')}.py").write_text(module, encoding="utf-8")
        importlib.invalidate_caches()

    return install


def require(*extras):
    """Lines of metadata that ask for distributions with extras."""
    return [f'{requirement}; extra == "{extra}"' for extra, requirement in extras]


def findings():
    return {each.subject: each for each in doctor.examine()}


# All of it


def test_a_sound_installation_has_no_problem(install):
    install("fer-toolkit", __version__)
    found = findings()
    assert [each for each in found.values() if each.is_problem] == []
    assert list(found)[:2] == ["fer-toolkit", "Python"]
    assert __version__ in found["fer-toolkit"].text
    assert {*doctor.CORE, "cv2", "cache", "mirror", "network", "default model", "detector auto"} < set(found)
    assert found["numpy"].text == metadata.version("numpy")


def test_a_copy_that_is_not_installed_is_examined_too(monkeypatch):
    def not_installed(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", not_installed)
    extras = findings()["extras"]
    assert not extras.is_problem
    assert "not installed" in extras.text


# Packages


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("raise ImportError('libGL.so.1: cannot open shared object file')", "ImportError: libGL.so.1: cannot open"),
        ("import os; os.abort()", "its import crashes"),
        ("import os; os._exit(3)", "its import crashes (exit status 3)"),
    ],
)
def test_a_core_package_that_does_not_import_is_a_problem(install, module, said):
    install("fer-toolkit", "1")
    install("pooch", "9.9", module=module)
    pooch = findings()["pooch"]
    assert pooch.is_problem
    assert pooch.text.startswith(f"9.9, but {said}")
    assert 'Run: pip install --force-reinstall "pooch"' in pooch.text


def test_a_core_package_that_is_absent_is_a_problem(install, monkeypatch):
    install("fer-toolkit", "1")
    monkeypatch.setattr(doctor, "CORE", {"no-such-package": "no_such_package"})
    assert findings()["no-such-package"] == doctor.Finding(
        "no-such-package", "not installed. Run: pip install --upgrade fer-toolkit", is_problem=True
    )


def test_extras_are_there_absent_too_old_or_broken(install):
    wanted = [("one", "alpha>=1"), ("one", "beta-two"), ("gone", "gamma"), ("old", "delta>=2"), ("bad", "eps")]
    extras = [*dict.fromkeys(extra for extra, _ in wanted), "all", "dev", "docs"]
    install("fer-toolkit", "1", "numpy", *require(*wanted, ("all", "zeta"), ("dev", "eta")), extras=extras)
    install("alpha", "1.5", module="")
    install("beta-two", "3", module="")
    install("delta", "1.9", module="")
    install("eps", "5", module="import no_such_module_here")
    found = {name: each for name, each in findings().items() if name.startswith("extra")}
    assert list(found) == ["extra one", "extra gone", "extra old", "extra bad"]
    assert [each.subject for each in found.values() if each.is_problem] == ["extra bad"]
    assert found["extra one"].text == "alpha 1.5, beta-two 3"
    assert found["extra gone"].text == 'not installed (pip install "fer-toolkit[gone]")'
    assert found["extra old"].text == 'delta 1.9 is not >=2 (pip install "fer-toolkit[old]" --upgrade)'
    assert found["extra bad"].text.startswith(
        "eps 5 is broken: ModuleNotFoundError: No module named 'no_such_module_here'. Run: pip install"
    )


def test_an_import_is_tried_in_another_process(install):
    install("alpha", "1", module="import sys; sys.tracing_the_import = True")
    assert doctor.check_import("alpha") is None
    assert "alpha" not in sys.modules


def test_a_file_in_the_working_folder_is_not_what_is_installed(monkeypatch, tmp_path):
    if sys.version_info < (3, 11):
        pytest.skip("Python 3.10 always looks into the working folder")
    (tmp_path / "colorsys.py").write_text("raise ImportError")
    monkeypatch.chdir(tmp_path)
    assert doctor.check_import("colorsys") is None


def test_it_can_be_asked_where_opencv_is_broken(site):
    (site / "cv2.py").write_text("raise ImportError('libGL.so.1')")
    script = "from fer_toolkit import doctor; print({each.name: each.state for each in doctor.describe_detectors()})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "'haar': 'broken'" in done.stdout


# OpenCV


@pytest.mark.parametrize(
    ("distributions", "text"),
    [
        (["numpy", "opencv-contrib-python"], "from opencv-contrib-python alone"),
        (["opencv_python_headless"], "from opencv-python-headless alone"),
        (["opencv-contrib-python", "opencv-contrib-python"], "from opencv-contrib-python alone"),
        (["numpy", "opencv-stubs"], "from no distribution that pip knows"),
    ],
)
def test_one_distribution_of_opencv_is_right(distributions, text):
    assert doctor.check_opencv(distributions) == doctor.Finding("cv2", text)


@pytest.mark.parametrize(
    "distributions",
    [
        ["opencv-contrib-python", "opencv-python"],
        ["OpenCV_Contrib_Python", "opencv-python-headless"],
        ["opencv-contrib-python-headless", "numpy", "opencv-contrib-python", "opencv-python"],
    ],
)
def test_two_distributions_of_opencv_are_a_problem_with_a_remedy(distributions):
    found = doctor.check_opencv(distributions)
    assert found.is_problem
    assert "pip uninstall -y opencv-contrib-python" in found.text
    assert 'pip install "opencv-contrib-python>=4.10,<5"' in found.text


def test_a_second_opencv_is_noticed(install):
    install("fer-toolkit", "1")
    install("opencv-python", "4.14.0.94")
    assert findings()["cv2"].is_problem


# Cache, mirror, weights


@pytest.fixture
def quick(monkeypatch, install):
    """Only what needs no other process is looked at."""
    install("fer-toolkit", "1")
    monkeypatch.setattr(doctor, "CORE", {})


def test_the_cache_is_told_with_its_size(quick, tmp_path):
    assert findings()["cache"].text == f"{tmp_path / 'cache'} (made when weights are fetched)"
    assert not (tmp_path / "cache").exists()
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "some.onnx").write_bytes(bytes(2_000_000))
    assert findings()["cache"].text == f"{tmp_path / 'cache'}, files: 1, 2.0 MB"


def test_a_cache_that_can_not_be_written_is_a_problem(quick, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FER_TOOLKIT_CACHE", str(tmp_path / "file" / "cache"))
    cache = findings()["cache"]
    assert cache.is_problem
    assert "FER_TOOLKIT_CACHE names another folder" in cache.text


@pytest.mark.skipif(os.name == "nt", reason="Windows has no read-only folders")
def test_a_filled_cache_may_be_read_only(quick, monkeypatch, weights_mirror, tmp_path):
    monkeypatch.setenv("FER_TOOLKIT_MIRROR", weights_mirror)
    if not weights.is_available_offline("yunet-2026may"):
        pytest.skip("the mirror is an address")
    monkeypatch.setenv("FER_TOOLKIT_CACHE", "/proc/self")  # not even root may write there
    assert not findings()["cache"].is_problem


def test_a_mirror_folder_is_told_with_what_it_has(quick, monkeypatch, tmp_path):
    card = weights.card("yunet-2026may")
    (tmp_path / card.file).write_bytes(b"")
    monkeypatch.setenv("FER_TOOLKIT_MIRROR", str(tmp_path))
    mirror = findings()["mirror"]
    assert mirror.text == f"{tmp_path}, with 1 of {len(weights.catalog())} weights"
    assert not mirror.is_problem


@pytest.mark.parametrize("place", ["/no/such/folder", "~no-such-user/weights", "ftp://example.org/weights", "http://["])
def test_a_mirror_that_is_none_is_a_problem(quick, monkeypatch, place):
    monkeypatch.setenv("FER_TOOLKIT_MIRROR", place)
    mirror = findings()["mirror"]
    assert mirror.is_problem
    assert "FER_TOOLKIT_MIRROR" in mirror.text


def test_a_mirrors_password_is_not_shown(quick, monkeypatch):
    monkeypatch.setenv("FER_TOOLKIT_MIRROR", "https://me:secret@example.org/weights")
    assert findings()["mirror"].text == "https://example.org/weights"


def test_the_default_model_is_checked_by_its_hash(quick):
    assert findings()["default model"].text == f"{weights.aliases()['default']}, its sha256 is right"


def test_a_damaged_default_model_is_a_problem(quick, monkeypatch):
    monkeypatch.setattr(weights.store, "_BUNDLED", weights.cache_dir())
    model = findings()["default model"]
    assert model.is_problem
    assert "pip install --force-reinstall" in model.text


def test_what_auto_would_choose_is_told(quick, monkeypatch):
    assert findings()["detector auto"].text.startswith("haar, since ")
    monkeypatch.delenv("FER_TOOLKIT_OFFLINE")
    assert findings()["detector auto"].text.startswith("yunet if its weights can be fetched")
    assert findings()["network"].text == "asked for missing weights"


def test_auto_is_yunet_where_its_weights_are(quick, monkeypatch, fetched_weights, weights_mirror):
    monkeypatch.setenv("FER_TOOLKIT_MIRROR", weights_mirror)
    monkeypatch.delenv("FER_TOOLKIT_OFFLINE")
    fetched_weights("yunet-2026may")
    assert findings()["detector auto"].text == "yunet"


# Detectors


def test_all_detectors_are_described():
    described = doctor.describe_detectors()
    assert tuple(each.name for each in described) == available_detectors()
    assert all(each.summary.endswith(".") for each in described[:6])


def test_a_detectors_state_tells_what_it_lacks(monkeypatch):
    def states():
        return {each.name: each.state for each in doctor.describe_detectors()}

    assert states()["haar"] == states()["none"] == "ready"
    assert states()["yunet"] == states()["ssd"] == "weights missing"
    assert states()["auto"] == "uses haar"
    monkeypatch.delenv("FER_TOOLKIT_OFFLINE")
    assert states()["yunet"] == states()["auto"] == "fetched on first use"
    monkeypatch.setattr("fer_toolkit._optional.is_installed", lambda module: False)
    assert states()["mediapipe"] == "needs an extra"


def test_the_weights_of_detectors_are_those_that_they_ask_for():
    from fer_toolkit.detectors import mediapipe, ssd, yunet

    assert dict(doctor.NEEDS) == {
        "yunet": (yunet.WEIGHTS,),
        "ssd": (ssd.WEIGHTS, ssd.CONFIG),
        "mediapipe": (mediapipe.WEIGHTS,),
    }
