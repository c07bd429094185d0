"""What `import fer_toolkit` gives, and what it leaves alone."""

import ast
import inspect
import pickle
import re
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

import fer_toolkit

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PUBLIC = [name for name in fer_toolkit.__all__ if name != "__version__"]
HEAVY = ("PIL", "ai_edge_litert", "av", "cv2", "flask", "keras", "matplotlib", "mediapipe", "onnxruntime", "pandas")
HEAVY += ("pooch", "pyarrow", "ray", "requests", "rich", "tensorflow", "typer")


def loaded_after(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after running `code`."""
    program = f"{code}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


class TestImport:
    def test_importing_the_package_loads_none_of_the_heavy_packages(self):
        assert loaded_after("import fer_toolkit").isdisjoint(HEAVY)

    def test_listing_what_there_is_loads_none_of_them_either(self):
        code = "import fer_toolkit as f; f.available_detectors(); f.available_classifiers(); dir(f)"
        assert loaded_after(code).isdisjoint(HEAVY)

    def test_plain_inference_loads_no_extra(self):
        code = "import numpy, fer_toolkit as f; f.EmotionRecognizer('haar').recognize(numpy.zeros((64, 64), 'uint8'))"
        assert loaded_after(code).isdisjoint(
            {"tensorflow", "keras", "mediapipe", "onnxruntime", "pandas", "matplotlib"}
        )

    def test_importing_writes_nothing_and_prints_nothing(self, tmp_path):
        run = subprocess.run(
            [sys.executable, "-B", "-c", "import fer_toolkit"],
            capture_output=True,
            cwd=tmp_path,
            check=True,
        )
        assert (run.stdout, run.stderr, list(tmp_path.iterdir())) == (b"", b"", [])


class TestPublicNames:
    @pytest.mark.parametrize("name", fer_toolkit.__all__)
    def test_every_public_name_can_be_had(self, name):
        assert getattr(fer_toolkit, name) is not None
        assert name in dir(fer_toolkit)

    @pytest.mark.parametrize("name", PUBLIC)
    def test_every_public_name_has_a_docstring_and_a_place_in_the_api_page(self, name):
        public = getattr(fer_toolkit, name)
        assert inspect.getdoc(public)
        assert f"::: {public.__module__}.{name}\n" in (ROOT / "docs" / "api.md").read_text(encoding="utf-8")

    @pytest.mark.parametrize("name", PUBLIC)
    def test_every_public_object_pickles_by_reference(self, name):
        public = getattr(fer_toolkit, name)
        assert pickle.loads(pickle.dumps(public)) is public

    def test_what_type_checkers_see_is_what_there_is(self):
        tree = ast.parse(Path(fer_toolkit.__file__).read_text(encoding="utf-8"))
        (typing_block,) = [node for node in tree.body if isinstance(node, ast.If)]
        seen = {
            alias.name: statement.module
            for statement in typing_block.body
            if isinstance(statement, ast.ImportFrom)
            for alias in statement.names
        }
        assert sorted(seen) == sorted(PUBLIC)
        assert seen == {name: fer_toolkit._MODULE_OF[name] for name in PUBLIC}

    def test_the_list_of_public_names_is_sorted_and_has_no_doubles(self):
        assert list(fer_toolkit.__all__) == sorted(set(fer_toolkit.__all__))

    def test_a_name_that_is_not_there_is_an_attribute_error(self):
        with pytest.raises(AttributeError, match="module 'fer_toolkit' has no attribute 'nothing'"):
            fer_toolkit.nothing  # noqa: B018

    def test_the_package_says_that_it_is_typed(self):
        assert Path(fer_toolkit.__file__).with_name("py.typed").is_file()


class TestVersion:
    def test_the_version_has_one_source(self):
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        source = ROOT / project["tool"]["hatch"]["version"]["path"]
        assert project["project"]["dynamic"] == ["version"]
        assert f'__version__ = "{fer_toolkit.__version__}"' in source.read_text(encoding="utf-8")

    def test_the_newest_release_in_the_changelog_is_this_version(self):
        changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
        releases = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - ", changelog, re.MULTILINE)
        assert releases[0] == fer_toolkit.__version__

    def test_the_citation_is_of_that_release(self):
        citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
        changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
        version, date = re.search(r"^version: (\S+)\ndate-released: (\S+)$", citation, re.MULTILINE).groups()
        assert f"\n## [{version}] - {date}\n" in changelog
        assert version == fer_toolkit.__version__

    def test_the_package_runs_as_a_module(self):
        run = subprocess.run(
            [sys.executable, "-m", "fer_toolkit", "--version"], capture_output=True, text=True, check=True
        )
        assert run.stdout.split() == ["fer-toolkit", fer_toolkit.__version__]


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


class TestMetadata:
    def test_the_extra_all_has_every_extra_that_users_need(self, project):
        extras = project["optional-dependencies"]
        (everything,) = extras["all"]
        assert set(re.findall(r"\w+", everything.partition("[")[2])) == set(extras) - {"all", "dev", "docs"}

    def test_only_one_distribution_of_cv2_is_required(self, project):
        requirements = list(chain(project["dependencies"], *project["optional-dependencies"].values()))
        assert [each for each in requirements if each.startswith("opencv")] == ["opencv-contrib-python>=4.10,<5"]

    def test_every_extra_that_the_code_names_exists(self, project):
        sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
        named = set(re.findall(r"fer-toolkit\[(\w+)\]", sources)) | set(re.findall(r'extra="(\w+)"', sources))
        assert named
        assert named <= set(project["optional-dependencies"])
