"""Tables of the pages that are made of figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Iterable[object]], left: int = 1) -> str:
    """A Markdown table; cells after the first `left` ones stand to the right."""
    rule = [*["---"] * left, *["---:"] * (len(header) - left)]
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in (header, rule, *rows))
