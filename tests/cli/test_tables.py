"""Tables and entries for people."""

import io
import sys

import pytest

from fer_toolkit.cli._tables import print_entry, print_table, print_text, shortened


def test_a_table_is_aligned_and_ends_no_line_in_blanks(capsys):
    print_table(("name", "number"), [("a", "1"), ("bcdef", "22")], right={"number"})
    assert capsys.readouterr().out.splitlines() == [
        "name    number",
        "──────────────",
        "a            1",
        "bcdef       22",
    ]


def test_wide_letters_count_as_two_columns(capsys):
    print_table(("name", "n"), [("日本", "1"), ("abcd", "2")])
    assert capsys.readouterr().out.splitlines()[2:] == ["日本   1", "abcd   2"]


def test_a_long_first_cell_is_shortened_in_its_middle(capsys):
    print_table(("name", "rest"), [("x" * 100 + ".jpg", "y" * 30)])
    line = capsys.readouterr().out.splitlines()[2]
    assert len(line) == 80
    assert line.startswith("xxx")
    assert ".jpg   yyy" in line


def test_a_long_last_cell_is_wrapped(capsys):
    print_table(("name", "text"), [("x", "many words " * 20)])
    lines = capsys.readouterr().out.splitlines()[2:]
    assert len(lines) > 2
    assert max(map(len, lines)) <= 80
    assert all(line.startswith(("x      many", "       ")) for line in lines)


def test_a_terminal_that_is_too_narrow_loses_nothing(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "10")
    print_table(("first", "second", "third"), [("a" * 9, "b" * 9, "c" * 9)])
    assert capsys.readouterr().out.splitlines()[2].split() == ["a" * 9, "b" * 9, "c" * 9]


def test_a_table_without_rows_has_its_headers(capsys):
    print_table(("a", "b"), [])
    assert capsys.readouterr().out.splitlines()[0].split() == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("short", 5, "short"),
        ("abcdefghij", 9, "abc...hij"),
        ("abcdefghijk", 10, "abcd...ijk"),
        ("日本語の写真.jpg", 15, "日本語...真.jpg"),
    ],
)
def test_what_is_too_wide_keeps_its_beginning_and_its_end(text, width, expected):
    assert shortened(text, width) == expected


def test_what_the_encoding_lacks_is_escaped(monkeypatch):
    paper = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", paper)
    print_text("ü 日")
    print_table(("ü", "b"), [("日", "1")])
    paper.flush()
    assert paper.buffer.getvalue().decode("latin-1").splitlines()[0] == r"ü \u65e5"


def test_an_entry_hangs_beside_its_heading_and_addresses_stay_whole(capsys):
    address = "https://example.org/" + "a" * 90
    print_entry("source  ", f"some words {'and more ' * 8}{address}")
    assert capsys.readouterr().out.splitlines() == [
        "source  some words and more and more and more and more and more and more and",
        "        more and more",
        f"        {address}",
    ]
