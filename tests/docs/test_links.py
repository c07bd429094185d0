"""Links within the repository lead to something, and every page can be found."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in (ROOT, DOCS, ROOT / "examples", ROOT / "fuzz")
    for path in (folder.glob("*.md") if folder == ROOT else folder.rglob("*.md"))
    if not {part for part in path.relative_to(ROOT).parts if part.startswith(".")}
)
CODE = re.compile(r"^( *)```.*?^\1```$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)", re.MULTILINE)
REFERENCE = re.compile(r"\]\[(fer_toolkit[\w.]*)\]")


def text_of(path):
    return CODE.sub("", path.read_text(encoding="utf-8"))


def anchors_of(path):
    """What the headings of a page are called in links, as MkDocs and GitHub do it; and the API's names."""
    text = path.read_text(encoding="utf-8")
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE
    )
    slugs = (
        re.sub(r"[^\w\s-]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)).strip().lower()
        for heading in headings
    )
    return {*(re.sub(r"[-\s]+", "-", slug) for slug in slugs), *re.findall(r"^::: ([\w.]+)$", text, re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES)
def test_relative_links_lead_to_a_file_and_a_heading(page):
    path = ROOT / page
    for link in (a or b for a, b in LINK.findall(text_of(path))):
        if "://" in link or link.startswith("mailto:"):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), f"{page} links to {link}"
        assert target.is_relative_to(ROOT), f"{page} links to {link}, outside the repository"
        assert not anchor or anchor in anchors_of(target), f"{page} links to {link}: {target.name} has no such heading"


@pytest.mark.parametrize(
    "page", [page for page in PAGES if REFERENCE.search((ROOT / page).read_text(encoding="utf-8"))]
)
def test_references_to_the_api_are_to_names_that_it_has(page):
    for name in REFERENCE.findall((ROOT / page).read_text(encoding="utf-8")):
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute), f"{page} refers to {name}"


def test_pages_of_the_site_link_to_nothing_outside_of_it():
    """Such a link works in the repository and is broken in the site."""
    for path in DOCS.rglob("*.md"):
        for link in (a or b for a, b in LINK.findall(text_of(path))):
            if "://" not in link and not link.startswith("#"):
                assert (path.parent / link.partition("#")[0]).resolve().is_relative_to(DOCS), f"{path}: {link}"


def test_every_page_is_in_the_navigation_and_every_entry_is_a_page():
    listed = re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    pages = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md") if not path.name.endswith(".notes.md")]
    assert sorted(listed) == sorted(pages)


def test_every_picture_of_the_site_is_shown_and_says_what_it_shows():
    shown = {}
    for page in PAGES:
        for words, file in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", (ROOT / page).read_text(encoding="utf-8")):
            shown[((ROOT / page).parent / file).resolve()] = words
    assert {*shown} == {*(DOCS / "assets").iterdir()}
    assert all(len(words) > 25 for words in shown.values())
