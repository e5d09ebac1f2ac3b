"""Rewrite the file tree in README.md: one line per file, the first sentence of its docstring."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
BEGIN, END = "```text\nzahir/\n", "```\n"


def first_sentence(path: Path) -> str:
    """What the module says it is, without its full stop."""
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    return re.split(r"(?<!et al)\.(?:\s|$)", docstring.split("\n\n")[0].replace("\n", " "), maxsplit=1)[0]


def tree(folder: Path, depth: int = 0) -> list[str]:
    """Lines for everything in a folder that says what it is: files first, then folders with their own line."""
    lines = []
    files = [path for path in sorted(folder.glob("*.py")) if path.stem not in {"__init__", "__main__"}]
    for path in files:
        lines.append(f"{'  ' * depth}{path.name:<{26 - 2 * depth}}{first_sentence(path)}")
    for path in sorted(folder.iterdir()):
        init = path / "__init__.py"
        if init.exists() and path.name != "migrations":
            lines.append(f"{'  ' * depth}{path.name + '/':<{26 - 2 * depth}}{first_sentence(init)}")
            lines += tree(path, depth + 1)
    return lines


def with_tree(readme: str) -> str:
    """The README with its tree brought up to date."""
    before, rest = readme.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    return before + BEGIN + "\n".join(tree(ROOT / "zahir", 1)) + "\n" + END + after


if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(with_tree(path.read_text()))
