"""Who does the work: processes here, dask, MPI, or any `concurrent.futures.Executor`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any, Protocol

from ..given.arguments import shown
from .clusters import Dask, open_dask, open_mpi
from .processes import Processes

ALLOWED = "a number of processes, 'dask://HOST:PORT', 'dask', 'mpi', a dask Client, or a concurrent.futures.Executor"


class Pool(Protocol):
    """What work is given to."""

    tries: int

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future: ...

    def size(self, running: Iterable[Future]) -> int:
        """How many pieces of work it does at once; `running`: those it has."""

    def apart(self) -> Pool:
        """Where work goes that may have ended a process."""

    def rebuild(self) -> None:
        """Go on after BrokenExecutor. Raises RuntimeError where it is not ours to make a new one."""

    def close(self) -> None: ...


class Given:
    """An executor that is used, never replaced when it breaks, and closed only by what `closing` does."""

    def __init__(self, executor: Any, closing: Callable[[], Any] = lambda: None, tries: int = 3) -> None:
        self.executor, self.close, self.tries = executor, closing, tries
        self._seen = os.cpu_count() or 1

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future:
        return self.executor.submit(function, *arguments)

    def size(self, running: Iterable[Future]) -> int:
        """What the executor says of itself; else the most that were ever seen running, or the processors here."""
        for name in ("num_workers", "_max_workers"):
            if isinstance(known := getattr(self.executor, name, None), int) and known > 0:
                return known
        self._seen = max(self._seen, sum(future.running() for future in running))
        return self._seen

    def apart(self) -> Given:
        return self

    def rebuild(self) -> None:
        raise RuntimeError("The executor broke. What is finished is kept: call again with a new one to go on.")


def open_pool(who: str, executor: Any, pieces: int) -> Pool:
    """The pool that is asked for; `pieces`: how much there is to do, which is as many processes as there can be.

    Raises ValueError for what is no executor, and where its library is not installed or its scheduler not reached.
    """
    if isinstance(executor, str) and executor.isdecimal():
        executor = int(executor)
    if executor is None or (isinstance(executor, int) and not isinstance(executor, bool) and executor >= 1):
        return Processes(max(1, min(executor or os.cpu_count() or 1, pieces)))
    if isinstance(executor, str) and (executor == "dask" or re.fullmatch(r"dask://[^/\s]+:\d+", executor)):
        dask = open_dask(who, executor)
        return Given(dask, closing=dask.close, tries=1)
    if isinstance(executor, str) and executor == "mpi":
        mpi = open_mpi(who)
        return Given(mpi, closing=lambda: mpi.shutdown(wait=False, cancel_futures=True))
    client = getattr(executor, "_client", executor)  # dask's own executor has one
    if hasattr(client, "nthreads") and hasattr(client, "scheduler_info"):
        dask = Dask(client, False)
        return Given(dask, closing=dask.close, tries=1)
    if not isinstance(executor, type) and hasattr(executor, "submit") and hasattr(executor, "shutdown"):
        return Given(executor)
    raise ValueError(f"{who}: executor = {shown(executor)}; allowed are {ALLOWED}")
