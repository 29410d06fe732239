"""Warnings that point at the line of the user, however deep in felif their reason is found."""

from __future__ import annotations

import functools
import sys
import warnings
from pathlib import Path

_FELIF = (str(Path(__file__).parents[1]), functools.__file__)  # properties that are kept are called from there


def warn(text: str) -> None:
    """A UserWarning at the innermost line outside of felif."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_FELIF):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, stacklevel=level)
