"""Writes modules.md, an index of all modules by the first sentence of their docstrings: `python docs/modules.py`."""

from __future__ import annotations

import ast
from pathlib import Path

DOCS = Path(__file__).resolve().parent
PACKAGE = DOCS.parent / "felif"
HEAD = """# Modules

What every module is, in the words of its docstring; [architecture](architecture.md) says what the rooms are for and who
may enter which. Written by `docs/modules.py`.
"""


def sentence(path: Path) -> str:
    """The first paragraph of a module's docstring, on one line."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split()).replace("|", "\\|")


def index() -> str:
    """The page: a table for every room."""
    parts = [HEAD]
    for room in sorted(path.parent for path in PACKAGE.glob("*/__init__.py")):
        modules = [path for path in sorted(room.rglob("*.py")) if path.name != "__init__.py"]
        rows = [f"| `{path.relative_to(room).with_suffix('')}` | {sentence(path)} |" for path in modules]
        parts.append(
            "\n".join([f"## {room.name}/", "", sentence(room / "__init__.py"), "", "| | |", "|---|---|", *rows]) + "\n"
        )
    return "\n".join(parts)


if __name__ == "__main__":
    (DOCS / "modules.md").write_text(index(), encoding="utf-8")
