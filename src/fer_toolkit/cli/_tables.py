"""Output for people: tables and entries, aligned, in as many columns as the terminal has (80 where there is none)."""

from __future__ import annotations

import io
import sys
import textwrap
from collections.abc import Collection, Sequence

_GAP = 3  # between columns, as SIMPLE_HEAD has it
_LEAST_FIRST, _MOST_LAST = 16, 40


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[str] = ()) -> None:
    """Print a table on standard output.

    Where there isn't room for all, the first column is shortened in its middle, and a long last one is wrapped.

    Parameters
    ----------
    headers
        Titles of the columns.
    rows
        Their cells. Characters that can't be printed are shown escaped.
    right
        Titles of the columns that are set to the right.
    """
    from rich.box import SIMPLE_HEAD
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # Into memory, and printed by ourselves: rich ends the process when the reader of a pipe has gone. The encoding
    # tells it whether the line under the headers must be ASCII.
    paper = io.TextIOWrapper(io.BytesIO(), encoding=sys.stdout.encoding, newline="\n")
    console = Console(file=paper, force_terminal=False, highlight=False)
    cells = [[_encodable(printable(cell)) for cell in row] for row in rows]
    first, *middle, last = [max(map(cell_len, column)) for column in zip(headers, *cells, strict=True)]
    others = sum(middle) + min(last, _MOST_LAST) + _GAP * (len(headers) - 1)
    console.width = max(console.width, min(first, _LEAST_FIRST) + others)
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for header in headers:
        table.add_column(header, justify="right" if header in right else "left", no_wrap=header != headers[-1])
    for name, *rest in cells:
        table.add_row(*map(Text, (shortened(name, console.width - others), *rest)))
    console.print(table)
    paper.seek(0)
    print_text("\n".join(line.rstrip() for line in paper))


def print_text(text: str) -> None:
    """Print text on standard output; what its encoding lacks is shown escaped."""
    sys.stdout.write(_encodable(text) + "\n")


def counted(number: int, thing: str) -> str:
    """A number of things: ``1 face``, ``2,000 faces``."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def print_entry(head: str, text: str) -> None:
    """Print a text beside its heading, in 80 columns; addresses, paths and hashes stay whole, to be copied."""
    lines = textwrap.wrap(text, 80 - len(head), break_long_words=False, break_on_hyphens=False)
    print_text(head + f"\n{' ' * len(head)}".join(lines))


def printable(text: str) -> str:
    r"""The text with line ends, control characters and lone surrogates escaped: a file's name may hold anything.

    Examples
    --------
    >>> printable("Grüße.jpg"), printable("a\nb.jpg")
    ('Grüße.jpg', 'a\\nb.jpg')
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def shortened(text: str, width: int) -> str:
    """The text with its middle left out where it is wider than `width` columns.

    Examples
    --------
    >>> shortened("a-very-long-name-of-a-picture.jpg", 16)
    'a-very-...re.jpg'
    """
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= width:
        return text
    tail = (width - 3) // 2
    head = width - 3 - tail
    return f"{set_cell_size(text, head)}...{set_cell_size(text[::-1], tail)[::-1]}"


def _encodable(text: str) -> str:
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
