"""The side of a sweep that runs in worker processes. Imports nothing heavy: BLAS is set up before numpy loads."""

from __future__ import annotations

import io
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS")


class WorkerPool:
    """Spawned processes that end with their parent, however it ends, and at `close` without finishing their work."""

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

    def apart(self) -> WorkerPool:
        """One process more, away from the others."""
        return WorkerPool(1)

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


@lru_cache(maxsize=1)
def _unpickled(study: bytes) -> Any:
    import cloudpickle

    return cloudpickle.loads(study)


def run_points(
    study: bytes, points: Sequence[tuple[int, Mapping[str, Any]]], folder: str | None
) -> list[dict[str, Any]]:
    """Run a chunk of a sweep: one record a point, {index, status, message, wall_time, results}.

    `study`: a `Study` through cloudpickle. `folder`: of the sweep, in which each point gets one of its own; None for
    none.
    """
    loaded = _unpickled(study)
    return [_run_point(loaded, index, options, folder) for index, options in points]


def _run_point(study: Any, index: int, options: Mapping[str, Any], folder: str | None) -> dict[str, Any]:
    from .running import run

    start = time.perf_counter()
    record = {"index": index, "status": "ok", "message": "", "results": {}}
    try:
        out = None if folder is None else _folder_of_point(Path(folder), index)
        resume = out is not None and (out / "results.json").exists()
        results = run(study, options, out, resume=resume, draw=False).results
        record["results"] = _numbers(results, study.name)
    except (Exception, SystemExit) as error:
        record |= {"status": "failed", "message": " ".join(f"{type(error).__name__}: {error}".split())}
    return {**record, "wall_time": time.perf_counter() - start}


def _folder_of_point(folder: Path, index: int) -> Path:
    return _room(folder).at(f"points/{index:06d}/")


@lru_cache(maxsize=1)
def _room(folder: Path) -> Any:
    """The room of a sweep, whose list is as long as the sweep: read once by each worker."""
    from ..output.manifest import Room

    return Room(folder, "sweep")


def _numbers(results: Mapping[str, Any], study: str) -> dict[str, Any]:
    """What a table can hold: numbers and text; of a Run its outcome, and the time of its blow-up."""
    from .running import split

    plain, _, runs = split(results, study)
    for name, value in runs.items():
        plain[f"{name}.outcome"] = value.outcome.name
        if getattr(value, "blow_up", None) is not None:
            plain[f"{name}.blow_up_time"] = float(value.blow_up.time)
    return plain
