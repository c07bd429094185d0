"""What is built has the same bytes each time, and its licences; what is installed is named, bounded and justified."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
SOURCES = ["pyproject.toml", "README.md", "LICENSE", "NOTICE", ".gitignore", "src", "examples"]
WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
PICTURES = {".jpg", ".jpeg", ".png", ".gif", ".webp"}
NOTICE = (ROOT / "NOTICE").read_text(encoding="utf-8")
LOCK = (ROOT / "requirements" / "ci.txt").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def requirements(*extras):
    """What pyproject.toml asks for, without the package itself."""
    groups = [PROJECT["dependencies"], *(PROJECT["optional-dependencies"][extra] for extra in extras)]
    every = [Requirement(line) for line in chain(*groups)]
    return [each for each in every if each.name != PROJECT["name"]]


EXTRAS = [extra for extra in PROJECT["optional-dependencies"] if extra != "all"]
CI = [extra for extra in EXTRAS if extra != "docs"]


def built(folder, *, times):
    """The wheel and the source distribution of a copy of the sources, all files of which were changed at `times`."""
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
    folder.mkdir()
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignore)
        else:
            shutil.copy(source, folder / name)
    (folder / "secret.txt").write_text("of whoever builds it")
    for path in folder.rglob("*"):
        os.utime(path, (times, times))
    subprocess.run([sys.executable, "-m", "hatchling", "build"], cwd=folder, check=True, capture_output=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    (sources,) = (folder / "dist").glob("*.tar.gz")
    return wheel, sources


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    """Both, built twice: in other folders, of files of other ages."""
    pytest.importorskip("hatchling", reason='needs "fer-toolkit[dev]"')
    folder = tmp_path_factory.mktemp("build")
    return built(folder / "one", times=1_700_000_000), built(folder / "another place", times=1_750_000_000)


class TestWhatIsBuilt:
    def test_the_same_sources_give_the_same_bytes(self, distributions):
        (wheel, sources), (other_wheel, other_sources) = distributions
        assert wheel.name == other_wheel.name
        assert wheel.read_bytes() == other_wheel.read_bytes()
        assert sources.read_bytes() == other_sources.read_bytes()

    def test_the_wheel_has_the_licence_and_the_notice(self, distributions):
        (wheel, _), _ = distributions
        with zipfile.ZipFile(wheel) as archive:
            licences = {Path(name).name for name in archive.namelist() if ".dist-info/licenses/" in name}
            metadata = archive.read(next(name for name in archive.namelist() if name.endswith("/METADATA"))).decode()
        assert licences == {"LICENSE", "NOTICE"}
        assert "\nLicense-Expression: MIT\n" in metadata

    def test_the_wheel_has_the_package_and_nothing_else(self, distributions):
        (wheel, _), _ = distributions
        with zipfile.ZipFile(wheel) as archive:
            roots = {name.partition("/")[0] for name in archive.namelist()}
            pictures = [name for name in archive.namelist() if Path(name).suffix in PICTURES]
        assert sorted(root.partition("-")[0] for root in roots) == ["fer_toolkit", "fer_toolkit"]
        assert pictures == []

    def test_the_source_distribution_has_them_too(self, distributions):
        (_, sources), _ = distributions
        with tarfile.open(sources) as archive:
            names = {name.partition("/")[2] for name in archive.getnames()}
        assert {"LICENSE", "NOTICE", "examples/images/README.md", "src/fer_toolkit/py.typed"} <= names

    def test_the_source_distribution_has_nothing_that_happens_to_lie_there(self, distributions):
        (_, sources), _ = distributions
        with tarfile.open(sources) as archive:
            assert not [name for name in archive.getnames() if name.endswith("/secret.txt")]


class TestNotice:
    @pytest.mark.parametrize("path", sorted((ROOT / "src").rglob("*.tflite")), ids=lambda path: path.name)
    def test_weights_in_the_package_are_accounted_for(self, path):
        assert path.name in NOTICE

    @pytest.mark.parametrize(
        "path",
        sorted(path for path in (ROOT / "examples").rglob("*") if path.suffix in PICTURES),
        ids=lambda path: path.name,
    )
    def test_pictures_are_accounted_for(self, path):
        assert path.relative_to(ROOT).as_posix() in NOTICE
        assert f"`{path.name}`" in (path.parent / "README.md").read_text(encoding="utf-8")

    def test_there_are_no_pictures_elsewhere_but_in_the_documentation(self):
        folders = ("src", "tests", "scripts", "benchmarks/workers")
        found = chain.from_iterable((ROOT / folder).rglob("*") for folder in folders)
        assert [path.name for path in found if path.suffix in PICTURES] == []


class TestDependencies:
    @pytest.mark.parametrize("requirement", requirements(*EXTRAS), ids=lambda each: each.name)
    def test_each_has_a_lower_bound_and_a_reason(self, requirement):
        assert [each.operator for each in requirement.specifier if each.operator == ">="] == [">="]
        assert f"`{requirement.name}`" in (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")


class TestLock:
    def test_it_has_what_the_project_asks_for_in_a_version_that_fits(self):
        pinned = {}
        for name, version in re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==([^\s;]+)", LOCK, re.MULTILINE):
            pinned.setdefault(canonicalize_name(name), []).append(version)
        for requirement in requirements(*CI):
            versions = pinned[canonicalize_name(requirement.name)]
            assert all(requirement.specifier.contains(version) for version in versions), requirement

    def test_every_version_has_hashes(self):
        entries = re.split(r"\n(?=[a-z])", LOCK.partition("\n#    make lock\n")[2])
        assert len(entries) > len(requirements(*CI))
        assert [entry.split("\n")[0] for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.skipif(os.name == "nt", reason="a script for sh")
class TestInstallingTheLock:
    """Offline, from a folder that has one wheel, into a folder of the test's own."""

    @pytest.fixture
    def wheel(self, tmp_path):
        path = tmp_path / "wheels" / "little-1.0-py3-none-any.whl"
        path.parent.mkdir()
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("little.py", "")
            archive.writestr("little-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: little\nVersion: 1.0\n")
            archive.writestr(
                "little-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr("little-1.0.dist-info/RECORD", "little.py,,\n")
        return path

    @pytest.fixture
    def install(self, tmp_path, wheel):
        def run(line):
            lock = tmp_path / "lock.txt"
            lock.write_text(line)
            environment = {
                **os.environ,
                "PIP_NO_INDEX": "1",
                "PIP_FIND_LINKS": str(wheel.parent),
                "PIP_TARGET": str(tmp_path / "installed"),
            }
            command = ["sh", ROOT / "scripts" / "install_locked.sh", sys.executable, lock]
            done = subprocess.run(command, capture_output=True, text=True, env=environment)
            return done, (tmp_path / "installed" / "little.py").exists()

        return run

    def test_what_has_the_right_bytes_is_installed(self, install, wheel):
        done, installed = install(f"little==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
        assert (done.returncode, installed) == (0, True), done.stderr

    def test_what_has_other_bytes_is_an_error(self, install):
        done, installed = install(f"little==1.0 --hash=sha256:{'0' * 64}\n")
        assert (done.returncode, installed) == (1, False)
        assert "DO NOT MATCH THE HASHES" in done.stderr

    def test_what_the_index_lacks_is_told_of_and_left_to_what_comes_next(self, install):
        done, installed = install(f"little==2.0 --hash=sha256:{'0' * 64}\n")
        assert (done.returncode, installed) == (0, False)
        assert "No matching distribution found for little==2.0" in done.stderr
