"""dask and MPI as executors. Their libraries are imported when they are asked for."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from concurrent.futures import Executor, Future, InvalidStateError
from contextlib import suppress
from typing import Any

_ASKED = 5.0  # seconds between two looks at how many workers a dask cluster has
_LOST = 5.0  # seconds in which a result that is finished comes, or was lost
_WAIT = "20s"  # for a dask scheduler to answer
MPI_COMMAND = "mpiexec -n 3 python -m mpi4py.futures -m felif sweep STUDY ... --executor mpi"


class Dask:
    """The workers of a dask client, which computes again by itself what a lost one had, three times.

    A result that was lost with its worker on the way here is asked for anew: dask, and its own executor, may then wait
    for ever.
    """

    def __init__(self, client: Any, owned: bool) -> None:
        self.client, self.owned = client, owned
        self._known, self._asked, self._warned = 0, -float("inf"), False
        self._open: set[Any] = set()

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future:
        future: Future = Future()
        self._submit(future, function, arguments)
        return future

    def _submit(self, future: Future, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        task = self.client.submit(function, *arguments, pure=False)
        self._open.add(task)

        def finished(task: Any) -> None:
            self._open.discard(task)
            with suppress(InvalidStateError):  # of a future that was cancelled
                try:
                    result = self._result(task)
                except TimeoutError:
                    self._submit(future, function, arguments)
                except BaseException as error:
                    future.set_exception(error)
                else:
                    future.set_result(result)

        task.add_done_callback(finished)
        future.add_done_callback(lambda future: task.cancel() if future.cancelled() else None)

    def _result(self, task: Any) -> Any:
        """TimeoutError where the result of a finished task is not there any more."""
        while True:
            try:
                return task.result(timeout=_LOST)
            except TimeoutError:
                if task.status != "finished":  # else it is large
                    raise

    @property
    def num_workers(self) -> int:
        """Threads of the workers there are, which come and go."""
        if time.monotonic() - self._asked > _ASKED:
            self._known, self._asked = sum(self.client.nthreads().values()), time.monotonic()
            if not self._known:
                self._wait()
        return max(1, self._known)

    def _wait(self) -> None:
        """Workers of our own cluster are started again, which gives up those that die often; others may come."""
        if self.owned and self.client.cluster is not None:
            self.client.cluster.scale(os.cpu_count() or 1)
        elif not self._warned:
            self._warned = True
            warnings.warn("The dask cluster has no workers: felif waits for some.", stacklevel=2)

    def close(self) -> None:
        if self.client.status == "running":
            self.client.cancel(list(self._open))
        if self.owned:
            self.client.close()


def open_dask(who: str, text: str) -> Dask:
    """The scheduler at dask://HOST:PORT; of "dask", that of dask's configuration, or a cluster on this machine."""
    try:
        import dask
        from distributed import Client
    except ImportError as error:
        raise ValueError(
            f"{who}: executor = {text!r} needs dask and distributed ({error}): pip install 'felif[dask]'"
        ) from None
    address = "tcp" + text.removeprefix("dask") if "://" in text else dask.config.get("scheduler-address", None)
    if address is None:
        local = {"threads_per_worker": 1, "processes": True, "dashboard_address": None}
        return Dask(Client(set_as_default=False, **local), True)
    try:
        return Dask(Client(address, timeout=_WAIT, set_as_default=False), True)
    except OSError as error:
        raise ValueError(
            f"{who}: executor = {text!r}: no dask scheduler answers at {address} ({error}); `dask scheduler` starts "
            "one and prints its address"
        ) from None


def open_mpi(who: str) -> Executor:
    """The processes that mpiexec has started for `python -m mpi4py.futures`."""
    try:
        from mpi4py import MPI
        from mpi4py.futures import MPIPoolExecutor, _core
    except (ImportError, RuntimeError) as error:  # the second where there is no MPI library
        raise ValueError(
            f"{who}: executor = 'mpi' needs mpi4py and an MPI library ({error}): pip install 'felif[mpi]'"
        ) from None
    if MPI.COMM_WORLD.size < 2 or getattr(_core, "SharedPool", None) is None:
        raise ValueError(
            f"{who}: executor = 'mpi' takes the processes that mpiexec has started, of which one hands out the work; "
            f"start it as {MPI_COMMAND}"
        )
    return MPIPoolExecutor(initializer=_one_thread)


def _one_thread() -> None:
    """One BLAS thread, as processes of our own have, unless the user has said how many."""
    from .processes import THREADS

    if not any(name in os.environ for name in THREADS):
        from threadpoolctl import threadpool_limits

        threadpool_limits(1)
