"""The command `felif view`. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def view(
    folder: Path,
    /,
    *,
    screenshot: Path | None = None,
    time: Annotated[float | None, Parameter(help="Of p(v, w) and of neurons [default: the last one].")] = None,
) -> None:
    """Show a folder of results in a window: the surface n(v, t), a density p(v, w), or simulated neurons.

    Parameters
    ----------
    folder
        The folder of a run, of a branch written for ParaView, or of a simulation.
    screenshot
        Write a picture instead (.png, .jpg); it needs no screen.
    """
    from ..output.pictures import picture

    written = picture(folder, screenshot, time)
    if written is not None:
        print(written)
