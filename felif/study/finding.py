"""Which studies there are, and where."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..given.shipped import shipped


def places(where: str | Path | None = None) -> list[Path]:
    """The folders in which studies are looked for: `where`, or ./studies and then those that come with felif."""
    return [Path("studies"), shipped("studies")] if where is None else [Path(where)]


def studies(where: str | Path | None = None) -> dict[str, tuple[Path, str]]:
    """The studies that there are; the files are read, not run. Of two with one name the one in ./studies is meant.

    Parameters
    ----------
    where : path
        A folder; by default ./studies and those that come with felif.

    Returns
    -------
    dict
        {name: (path, first line of the docstring)}.

    Examples
    --------
    >>> import felif as fl
    >>> "blow_up" in fl.study.studies()
    True
    """
    if where is not None:
        from ..given.arguments import FOLDER, required  # numpy is not needed to say what there is

        required("studies", "where", where, FOLDER)
    found: dict[str, tuple[Path, str]] = {}
    for path in [path for place in places(where) for path in sorted(place.glob("[!_.]*.py"))]:
        if path.stem in found:
            continue
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError, OSError) as error:
            found[path.stem] = (path, f"cannot be read: {error}")
            continue
        if any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body):
            found[path.stem] = (path, _first_line(ast.get_docstring(tree)))
    return dict(sorted(found.items()))


def find(study: str | Path, where: str | Path | None = None) -> Path:
    """The file of the study with that name in `places(where)`, or the file given by its path.

    Raises ValueError if there is none, with the folders looked in and what they have.
    """
    path = Path(study)
    if path.suffix == ".py" or len(path.parts) != 1:
        if not path.is_file():
            raise ValueError(f"There is no file {path}. Give the path of a study, or the name of one in ./studies.")
        return path.resolve()
    looked = places(where)
    for place in looked:
        if (place / f"{study}.py").is_file():
            return (place / f"{study}.py").resolve()
    known = studies(where)
    hint = suggest(str(study), known) if known else "There are no studies there."
    folders = " or ".join(str(place.resolve()) for place in looked)
    raise ValueError(f"There is no study {str(study)!r} in {folders}. {hint} A study is also found by its path.")


def _first_line(text: str | None) -> str:
    return (text or "(no docstring)").strip().splitlines()[0]


def suggest(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    return f"Did you mean {' or '.join(close)}?" if close else f"There are: {', '.join(known) or 'none'}."
