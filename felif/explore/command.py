"""The command `felif explore`. Imports nothing heavy."""

from __future__ import annotations


def explore(model: str = "NoisyLIF", /, *, port: int | None = None, browser: bool = True) -> None:
    """A page with a slider for every number of a model, and what follows from them; Ctrl-C ends it.

    Parameters
    ----------
    model
        NoisyLIF, RefractoryLIF, RandomThresholdLIF, ExcitatoryInhibitoryLIF or Populations.
    port
        Where it listens on this machine [default: the first free one from 5006 on].
    browser
        Open the page; with --no-browser only its address is printed.
    """
    from .server import serve

    serve(model, port, browser)
