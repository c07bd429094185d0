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
SOURCES = [
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "NOTICE",
    ".gitignore",
    ".github",
    "CITATION.cff",
    "src",
    "examples",
]
MOST_BYTES = 20_000_000
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
WORKFLOWS = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / ".github" / "workflows").iterdir()}
WORKFLOW_VERSIONS = ["3.10", "3.11", "3.12", "3.13"]


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

    def test_the_wheel_is_not_large(self, distributions):
        (wheel, _), _ = distributions
        assert wheel.stat().st_size <= MOST_BYTES

    def test_the_wheel_says_where_it_runs_and_what_its_command_is(self, distributions):
        (wheel, _), _ = distributions
        with zipfile.ZipFile(wheel) as archive:
            (metadata,) = [archive.read(name).decode() for name in archive.namelist() if name.endswith("/METADATA")]
            (entry_points,) = [
                archive.read(name).decode() for name in archive.namelist() if name.endswith("/entry_points.txt")
            ]
        versions = re.findall(r"^Classifier: Programming Language :: Python :: (3\.\d+)$", metadata, re.MULTILINE)
        assert f"\nRequires-Python: >={versions[0]}\n" in metadata
        assert versions == WORKFLOW_VERSIONS
        assert entry_points == "[console_scripts]\nfer-toolkit = fer_toolkit.__main__:main\n"

    def test_what_every_installation_gets_has_no_tensorflow(self, distributions):
        (wheel, _), _ = distributions
        with zipfile.ZipFile(wheel) as archive:
            (metadata,) = [archive.read(name).decode() for name in archive.namelist() if name.endswith("/METADATA")]
        always = [
            line for line in re.findall(r"^Requires-Dist: (.*)$", metadata, re.MULTILINE) if "extra ==" not in line
        ]
        assert {Requirement(line).name for line in always} == {each.name for each in requirements()}
        assert not [line for line in always if re.match("tensorflow|keras|torch|jax", line)]

    def test_the_source_distribution_makes_the_same_wheel(self, distributions, tmp_path):
        (wheel, sources), _ = distributions
        with tarfile.open(sources) as archive:
            archive.extractall(tmp_path, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        (unpacked,) = tmp_path.iterdir()
        command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
        subprocess.run(command, cwd=unpacked, check=True, capture_output=True)
        assert (unpacked / "dist" / wheel.name).read_bytes() == wheel.read_bytes()

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
    @pytest.mark.parametrize("path", sorted((ROOT / "src").rglob("*.tflite*")), ids=lambda path: path.name)
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


class TestWorkflows:
    @pytest.mark.parametrize("name", sorted(WORKFLOWS))
    def test_every_action_is_pinned_to_a_commit_whose_version_stands_beside_it(self, name):
        uses = re.findall(r"uses: (.*)$", WORKFLOWS[name], re.MULTILINE)
        assert uses
        assert [each for each in uses if not re.fullmatch(r"[\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)] == []

    def test_an_action_has_one_version_in_all_of_them(self):
        pins = {tuple(each.split("@")) for each in re.findall(r"uses: (\S+)", "".join(WORKFLOWS.values()))}
        assert len({action for action, _ in pins}) == len(pins)

    @pytest.mark.parametrize("name", sorted(WORKFLOWS))
    def test_each_may_read_only_unless_a_job_says_what_it_writes(self, name):
        assert "\npermissions:\n  contents: read\n\n" in WORKFLOWS[name]

    def test_all_versions_of_python_are_tested_on_all_systems(self):
        matrices = re.findall(r"os: \[(.*)\]\n +python: \[(.*)\]\n", WORKFLOWS["tests.yml"])
        assert len(matrices) == 2  # the sources with everything, and the wheel alone
        for systems, versions in matrices:
            assert systems.split(", ") == ["ubuntu-latest", "macos-latest", "windows-latest"]
            assert [version.strip('"') for version in versions.split(", ")] == WORKFLOW_VERSIONS

    @pytest.mark.parametrize("name", sorted(WORKFLOWS))
    def test_what_they_call_is_there(self, name):
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        targets, scripts = (
            re.findall(pattern, WORKFLOWS[name]) for pattern in (r"run: make (\S+)", r"(scripts/\S+\.sh)")
        )
        assert [target for target in targets if f"\n{target}:" not in makefile] == []
        assert [script for script in scripts if not os.access(ROOT / script, os.X_OK)] == []


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
