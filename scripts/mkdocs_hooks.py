"""For the site: the changelog of the repository is a page of it, with its links as seen from there."""

from pathlib import Path
from typing import Any

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Put CHANGELOG.md in the place of the page that stands for it."""
    if page.file.src_uri == "changelog.md":
        return CHANGELOG.read_text(encoding="utf-8").replace("](docs/", "](")
    return markdown
