"""A study as a script."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any


def run_script(main: Callable[..., dict[str, Any]]) -> None:
    """Last line of a study: `python studies/NAME.py --option value` does what `felif run NAME --option value` does.

    It ends the process with the exit code of the command line.

    Parameters
    ----------
    main : callable
        The main of the file.

    Raises
    ------
    ValueError
        Where the file is imported and not run.

    Examples
    --------
    >>> import felif as fl
    >>> fl.study.run_script(fl.study.load("relaxation").main)
    Traceback (most recent call last):
    ValueError: run_script belongs under `if __name__ == '__main__':`.
    """
    from ..given.arguments import FUNCTION, required
    from .cli import run

    if required("run_script", "main", main, FUNCTION).__module__ != "__main__":
        raise ValueError("run_script belongs under `if __name__ == '__main__':`.")
    sys.exit(run(["run", inspect.unwrap(main).__code__.co_filename, *sys.argv[1:]]))
