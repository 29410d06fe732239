"""A study as a script."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


def run_script(main: Callable[..., dict[str, Any]]) -> None:
    """Last line of a study: `python studies/NAME.py --option value` does what `felif run NAME --option value` does."""
    from .cli import run

    if main.__module__ != "__main__":
        raise ValueError("run_script belongs under `if __name__ == '__main__':`.")
    sys.exit(run(["run", main.__code__.co_filename, *sys.argv[1:]]))
