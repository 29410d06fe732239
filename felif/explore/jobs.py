"""What takes long, in a process of its own that can be ended: the slider never waits for it."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Connection
from typing import Any

from ..parallel.processes import THREADS


def prepare() -> None:
    """Start the process that jobs are forked from, with everything imported. Once a program, before the first job."""
    for name in THREADS:  # matrices are small, and processes with threads are not forked safely
        os.environ.setdefault(name, "1")
    context = _context()
    if context.get_start_method() == "forkserver":
        context.set_forkserver_preload([f"{__package__}.at_rest"])
        from multiprocessing import forkserver

        forkserver.ensure_running()


def _context() -> Any:
    methods = multiprocessing.get_all_start_methods()
    return multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")


class Job:
    """`at_rest` of a setting in another process: iterate over what it finds; `stop` ends it at once."""

    def __init__(self, asked: Mapping[str, Any], along: str | None, bounds: tuple[float, float] | None) -> None:
        context = _context()
        self._results, results = context.Pipe(duplex=False)
        lifeline, self._lifeline = context.Pipe(duplex=False)  # closed when this process ends, however it ends
        self._process = context.Process(target=_work, args=(results, lifeline, dict(asked), along, bounds), daemon=True)
        self._process.start()
        results.close()
        lifeline.close()
        self.stopped = False

    def __iter__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        try:
            while True:
                yield self._results.recv()
        except (EOFError, OSError):
            return

    def stop(self) -> None:
        self.stopped = True
        self._process.terminate()

    def close(self) -> None:
        """Forget it; waits until it has ended."""
        self._process.terminate()
        self._process.join()
        self._lifeline.close()
        self._results.close()


def _work(
    results: Connection,
    lifeline: Connection,
    asked: dict[str, Any],
    along: str | None,
    bounds: tuple[float, float] | None,
) -> None:
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    from .at_rest import at_rest
    from .setting import Setting

    try:
        for what, found in at_rest(Setting.of(asked), along, bounds):
            results.send((what, found))
    except Exception as error:
        results.send(("problem", problem(error)))
    results.send(("done", {}))


def problem(error: Exception) -> dict[str, str]:
    """What the page says of an error: felif's own sentence, or the kind of what nobody expected."""
    return {"problem": str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"}


def _end_with(lifeline: Connection) -> None:
    try:
        lifeline.recv()
    except (EOFError, OSError):
        os._exit(1)
