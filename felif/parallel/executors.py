"""Who does the work: processes here, dask, MPI, or any `concurrent.futures.Executor`."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from typing import Any, Protocol

from .processes import Processes

ALLOWED = "a number of processes, 'dask://HOST:PORT', 'dask', 'mpi', a dask Client, or a concurrent.futures.Executor"
_ASKED = 5.0  # seconds between two looks at how many workers a dask cluster has
_WAIT = "20s"  # for a dask scheduler to answer


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

    def __init__(
        self,
        executor: Executor,
        known: Callable[[], int] | None = None,
        closing: tuple[Callable[[], Any], ...] = (),
        tries: int = 3,
    ) -> None:
        self.executor, self.closing, self.tries = executor, closing, tries
        self._known, self._seen = known, 0

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future:
        return self.executor.submit(function, *arguments)

    def size(self, running: Iterable[Future]) -> int:
        """What the executor says of itself; else the most that were ever seen running, or the processors here."""
        if self._known is not None:
            return self._known()
        self._seen = max(self._seen, sum(future.running() for future in running))
        return max(self._seen, os.cpu_count() or 1)

    def apart(self) -> Given:
        return self

    def rebuild(self) -> None:
        raise RuntimeError("The executor broke. What is finished is kept: call again with a new one to go on.")

    def close(self) -> None:
        for close in self.closing:
            close()
        self.closing = ()


def open_pool(who: str, executor: Any, pieces: int) -> Pool:
    """The pool that is asked for; `pieces`: how much there is to do, None for processes, one a processor.

    Raises ValueError for what is no executor, and where its library is not installed or its scheduler not reached.
    """
    if isinstance(executor, str) and executor.isdecimal():
        executor = int(executor)
    if executor is None or (isinstance(executor, int) and not isinstance(executor, bool) and executor >= 1):
        return Processes(max(1, min(executor or os.cpu_count() or 1, pieces)))
    if isinstance(executor, str) and (executor == "dask" or re.fullmatch(r"dask://[^/\s]+:\d+", executor)):
        return _dask(who, executor)
    if executor == "mpi":
        return _mpi(who)
    if hasattr(executor, "get_executor") and hasattr(executor, "nthreads"):
        return _of_client(executor)
    if not isinstance(executor, str | int | float) and hasattr(executor, "submit") and hasattr(executor, "shutdown"):
        client = getattr(executor, "_client", None)
        if hasattr(client, "nthreads"):
            return Given(executor, _threads_of(client), tries=1)
        sizes = [getattr(executor, name, None) for name in ("num_workers", "_max_workers")]
        known = next((size for size in sizes if isinstance(size, int) and size > 0), None)
        return Given(executor, None if known is None else lambda: known)
    raise ValueError(f"{who}: executor = {executor!r}; allowed are {ALLOWED}")


def _dask(who: str, text: str) -> Pool:
    try:
        import dask
        from distributed import Client
    except ImportError as error:
        raise ValueError(
            f"{who}: executor = {text!r} needs dask and distributed ({error}): pip install 'felif[dask]'"
        ) from None
    address = "tcp" + text.removeprefix("dask") if "://" in text else dask.config.get("scheduler-address", None)
    if address is None:
        client = Client(threads_per_worker=1, processes=True, dashboard_address=None, set_as_default=False)
    else:
        try:
            client = Client(address, timeout=_WAIT, set_as_default=False)
        except OSError as error:
            raise ValueError(
                f"{who}: executor = {text!r}: no dask scheduler answers at {address} ({error}); "
                "`dask scheduler` starts one and prints its address"
            ) from None
    return _of_client(client, client.close)


def _of_client(client: Any, *closing: Callable[[], Any]) -> Pool:
    """dask computes again by itself what a lost worker had; what it gives up has ended several of them."""
    executor = client.get_executor(pure=False)
    return Given(executor, _threads_of(client), (lambda: executor.shutdown(wait=False), *closing), tries=1)


def _threads_of(client: Any) -> Callable[[], int]:
    """How many threads the workers of a cluster have, which come and go."""
    known = [0, -float("inf")]

    def size() -> int:
        if time.monotonic() - known[1] > _ASKED:
            known[:] = sum(client.nthreads().values()), time.monotonic()
        return max(1, known[0])

    return size


def _mpi(who: str) -> Pool:
    how = "mpiexec -n 3 python -m mpi4py.futures -m felif sweep STUDY ... --executor mpi"
    try:
        from mpi4py import MPI
        from mpi4py.futures import MPIPoolExecutor, _core
    except (ImportError, RuntimeError) as error:  # the second where there is no MPI library
        raise ValueError(
            f"{who}: executor = 'mpi' needs mpi4py and an MPI library ({error}): pip install 'felif[mpi]'"
        ) from None
    if MPI.COMM_WORLD.size < 2 or getattr(_core, "SharedPool", None) is None:
        raise ValueError(
            f"{who}: executor = 'mpi' takes the processes that mpiexec has started, of which this one hands out the "
            f"work; start it as {how}"
        )
    executor = MPIPoolExecutor(initializer=_one_thread)
    size = executor.num_workers
    return Given(executor, lambda: size, (lambda: executor.shutdown(wait=False, cancel_futures=True),))


def _one_thread() -> None:
    """One BLAS thread, as processes of our own have, unless the user has said how many."""
    from .processes import THREADS

    if not any(name in os.environ for name in THREADS):
        from threadpoolctl import threadpool_limits

        threadpool_limits(1)
