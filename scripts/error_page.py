"""Write the messages of all errors into docs/errors.md, as they stand in the sources.

    python scripts/error_page.py

The page's own words are written by hand; below each class its messages are put anew. What a message is filled with is
shown as ``<name>``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src" / "fer_toolkit"
PAGE = ROOT / "docs" / "errors.md"
_PLACE = re.compile(r"(<!-- messages of (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


class Message(NamedTuple):
    """What one place in the sources says."""

    error: str
    """The name of the error's class."""
    form: str
    """The text, with ``<name>`` for what it is filled with."""
    file: str
    """The module, as a path in the package."""
    line: int


def messages() -> list[Message]:
    """Each message that the package gives an error of its own, in the order of the sources."""
    known = {
        node.name
        for node in ast.parse((SOURCES / "errors.py").read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    }
    found = []
    for path in sorted(SOURCES.rglob("*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"))
        for function, call in _calls(module):
            error = _class_of(call.func, function)
            if error in known and call.args:
                found += [
                    Message(error, form, path.relative_to(SOURCES).as_posix(), call.lineno)
                    for form in _forms(call.args[0], function)
                ]
    return found


def render(page: str) -> str:
    """The page with the messages of today below each class.

    Raises
    ------
    ValueError
        If a class that has messages has no place on the page.
    """
    by_class: dict[str, list[str]] = {}
    for message in messages():
        forms = by_class.setdefault(message.error, [])
        if message.form not in forms:
            forms.append(message.form)
    without = set(by_class) - {name for _, name, _ in _PLACE.findall(page)}
    if without:
        raise ValueError(f"{PAGE} has no place for the messages of {sorted(without)}")

    def put(match: re.Match[str]) -> str:
        lines = "\n".join(by_class.get(match[2], []))
        return f"{match[1]}\n```text\n{lines}\n```\n\n{match[3]}"

    return _PLACE.sub(put, page)


def _calls(node: ast.AST, function: ast.FunctionDef | None = None) -> Iterator[tuple[ast.FunctionDef | None, ast.Call]]:
    """All calls below a node, each with the function that it stands in."""
    for child in ast.iter_child_nodes(node):
        inner = child if isinstance(child, ast.FunctionDef) else function
        if isinstance(child, ast.Call):
            yield inner, child
        yield from _calls(child, inner)


def _class_of(called: ast.expr, function: ast.FunctionDef | None) -> str | None:
    """The name of the class that is called; of an argument that is a class, its default."""
    if not isinstance(called, ast.Name):
        return None
    if function is not None:
        given = function.args.args
        defaults = dict(zip([each.arg for each in reversed(given)], reversed(function.args.defaults), strict=False))
        default = defaults.get(called.id)
        if isinstance(default, ast.Name):
            return default.id
    return called.id


def _forms(text: ast.expr, function: ast.FunctionDef | None) -> Iterator[str]:
    """The form of a message, which may have been put into a variable before; none if another error's is handed on."""
    if isinstance(text, ast.Name) and function is not None:
        before = [
            node
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == text.id and node.lineno < text.lineno
        ]
        if before:
            yield from _forms(max(before, key=lambda node: node.lineno).value, None)
    elif isinstance(text, ast.JoinedStr) or (isinstance(text, ast.Constant) and isinstance(text.value, str)):
        yield _form(text)


def _form(text: ast.expr) -> str:
    if isinstance(text, ast.JoinedStr):
        return "".join(_form(part) for part in text.values)
    if isinstance(text, ast.FormattedValue):
        is_choice = isinstance(text.value, ast.Call) and _name(text.value.func) == "choices"
        return "Did you mean <nearest>? There are: <names>" if is_choice else f"<{_name(text.value)}>"
    assert isinstance(text, ast.Constant)
    return str(text.value).replace("\n", " ")


def _name(value: ast.expr) -> str:
    """What a message is filled with, in a word."""
    if isinstance(value, ast.Name):
        return value.id.strip("_").lower()
    if isinstance(value, ast.Attribute):
        other = {"strerror": "reason", "__name__": "type"}
        return other.get(value.attr, value.attr.strip("_").lower())
    if isinstance(value, ast.Subscript):
        return str(value.slice.value) if isinstance(value.slice, ast.Constant) else _name(value.value)
    if isinstance(value, ast.BoolOp):
        return _name(value.values[0])
    if isinstance(value, ast.Call):
        return _name_of_call(_name(value.func), value.args)
    if isinstance(value, ast.List | ast.Tuple | ast.ListComp | ast.GeneratorExp | ast.Set | ast.SetComp):
        return "names"
    return "…"


def _name_of_call(called: str, arguments: list[ast.expr]) -> str:
    if called in ("describe_error", "getattr"):
        return "reason" if _name(arguments[0]) == "error" else "value"
    if called == "len":
        return "count"
    if called in ("suspicion", "contents") or not arguments:
        return called
    return _name(arguments[-1] if called == "map" else arguments[0])


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
