"""Processes of our own on this machine."""

from __future__ import annotations

import io
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS")


class Processes:
    """Spawned processes that end with their parent, however it ends, and at `close` without finishing their work."""

    tries = 3  # processes of its own that a piece of work may end before it is given up

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._open()

    def _open(self) -> None:
        context = multiprocessing.get_context("spawn")  # fork is not safe with the threads of BLAS
        self._reader, self._writer = context.Pipe(duplex=False)
        self.executor = ProcessPoolExecutor(
            self.workers, mp_context=context, initializer=start_worker, initargs=(self._reader,)
        )

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        with one_thread():  # the pool starts its processes inside `submit`, and they inherit the environment
            return self.executor.submit(function, *arguments)

    def size(self, running: Any) -> int:
        return self.workers

    def apart(self) -> Processes:
        """One process more, away from the others."""
        return Processes(1)

    def rebuild(self) -> None:
        """A new pool in place of one that broke."""
        self.close()
        self._open()

    def close(self) -> None:
        self._writer.close()  # the workers notice
        self._reader.close()
        self.executor.shutdown(wait=False, cancel_futures=True)


@contextmanager
def one_thread() -> Any:
    """One BLAS thread a process started meanwhile, unless the user has set another number."""
    added = [name for name in THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(added, "1"))
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def start_worker(reader: Any) -> None:
    """Set up a worker: it leaves Ctrl-C and stdout (which may be JSON) to its parent, and ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdout = sys.stderr = _Plain(sys.stderr.buffer, line_buffering=True)
    threading.Thread(target=_end_with_parent, args=(reader,), daemon=True).start()


class _Plain(io.TextIOWrapper):
    """stderr of a worker: several workers share it, so that none may draw a progress bar."""

    def isatty(self) -> bool:
        return False


def _end_with_parent(reader: Any) -> None:
    # the pool's own queue does not tell: every worker holds its writing end, so one left alone waits forever
    multiprocessing.connection.wait([reader, multiprocessing.parent_process().sentinel])
    os._exit(1)
