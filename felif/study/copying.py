"""The command `felif copy`."""

from __future__ import annotations

from pathlib import Path

from ..given.shipped import shipped
from .finding import find


def copy(study: str, folder: Path = Path("studies"), /) -> None:
    """Copy a study that comes with felif, to change it; nothing is replaced.

    Parameters
    ----------
    study
        The name of the study.
    folder
        Where the copy goes.
    """
    source = find(study, shipped("studies"))
    target = folder / source.name
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with target.open("x") as file:
            file.write(source.read_text())
    except FileExistsError:
        raise ValueError(f"{target} is there already, and is left as it is.") from None
    print(f"{target}: felif run {study} runs it from here.")
