"""Run a study at every point of a grid of options, in parallel, and keep what is finished whatever happens.

    table = fl.sweep(main, {"b": [0.0, 0.5, 1.0], "a0": [0.5, 1.0]}, "results/grid")
    table["N"]

`main` is a function with typed options as in `felif.study`, or a study itself. The folder is described in
`felif.study.sweep_folder`; calling again with the same sweep computes only what is missing.
"""

from __future__ import annotations

import errno
import math
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..given.arguments import (
    ANY,
    FLAG,
    FOLDER,
    FUNCTION,
    NAMED,
    checked,
    either,
    instance,
    mapping,
    optional,
    several,
    whole,
)
from ..given.types import Executor
from ..parallel.executors import Pool, open_pool
from ..parallel.spreading import FOREIGN, LOOK, foreign
from ..parallel.travel import packed
from .grid import MOST, Grid, columns_of, definition
from .study import Study, of
from .sweep_folder import Shard, open_folder
from .table import Table, read_table, write_csv
from .workers import extract, run_many, run_points

if TYPE_CHECKING:
    import numpy as np

    from ..output.manifest import Room

__all__ = ["sweep"]

CHUNK = 1.5  # seconds of work sent to a worker at once: passing it on costs about a millisecond


@checked(
    main=either(instance("a study", Study), FUNCTION),
    grid=mapping(several(ANY, "", most=MOST), "a mapping of options to rows of values"),
    folder=FOLDER,
    fixed=optional(NAMED),
    many=optional(FUNCTION),
    shard=several(whole(1), "two whole numbers, (i, n): part i of n", 2, 2),
    progress=optional(FLAG),
    **dict.fromkeys(("retry", "folders", "overwrite"), FLAG),
)
def sweep(
    main: Callable[..., dict[str, Any]] | Study,
    grid: Mapping[str, Sequence[Any]],
    folder: str | Path,
    executor: Executor | None = None,
    *,
    fixed: Mapping[str, Any] | None = None,
    many: Callable[..., dict[str, Any]] | None = None,
    shard: tuple[int, int] = (1, 1),
    retry: bool = False,
    folders: bool = False,
    overwrite: bool = False,
    progress: bool | None = None,
) -> Table:
    """Run `main` at every point of `grid` that `folder` does not hold yet, and return all that is finished.

    Workers need felif and the libraries that main imports, in the same versions, and no file of the user: main goes to
    them by value, with what it reads of its module and of modules beside it.

    A point whose main raises is "failed", with the message. One whose worker is lost is tried again, alone, while the
    other points go on; after three times (dask counts by itself) it is "crashed", until the next call, which tries it
    again.

    Parameters
    ----------
    main : callable or Study
        A function of typed options that returns {name: number or text}, or a study.
    grid : mapping of str to sequence
        Option -> values; every combination of them is a point.
    folder : path
        Where the table is kept, by this process: workers need not see it.
    executor : int, str, dask Client or concurrent.futures.Executor
        A number of processes (by default one a processor), with one BLAS thread each; "dask://HOST:PORT", "dask" (the
        scheduler that dask's configuration names, else a cluster on this machine), "mpi" (under `mpiexec -n N python -m
        mpi4py.futures`), a dask Client, or any executor.
    fixed : mapping
        Options that are the same at every point. An option `seed` is the index of the point unless given.
    many : callable
        main for many points at once, as in `felif.study.study`; of a study, its own.
    shard : (i, n)
        Only every n-th point (block of `many`), from the i-th on, i = 1..n: n jobs share a folder.
    retry : bool
        Compute failed points again.
    folders : bool
        Every point also has a folder points/INDEX with its arrays and Runs; the table holds numbers only.
    overwrite : bool
        Replace a sweep that is in the folder.
    progress : bool
        Show a bar; by default on a terminal.

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        For options the study does not have, bad values, an executor that cannot be used, a main that cannot be copied,
        and a folder that holds another sweep.
    RuntimeError
        If an executor that was given breaks, or its workers have no felif or another version.
    OSError
        Where a disk is full; what is finished is kept.

    Examples
    --------
    >>> import felif as fl
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> def square(x: float = 2.0) -> dict:
    ...     return {"y": x * x}
    >>> fl.sweep(square, {"x": [1.0, 2.0, 3.0]}, "runs/squares", ThreadPoolExecutor(1), progress=False)["y"].tolist()
    [1.0, 4.0, 9.0]
    """
    study, folder = of(main, many), Path(folder)
    i, n = shard
    if not 1 <= i <= n:
        raise ValueError(f"shard = {i}/{n}: i/n means part i of n, with i from 1 to n.")
    plan = definition(study, grid, fixed or {}, folders)
    points = Grid(plan)
    rows = sorted(columns_of(study, plan)) if "many" in plan else []
    alone = replace(study, figure=None, cheap={}, expected={}, convergence={})
    functions = [f for f in (study.main, study.many) if f is not None]
    payload = packed((alone, rows), f"The study {study.name}", functions)
    room = open_folder(folder, plan, overwrite)
    before = read_table(folder)
    queue = _Queue(points, before, i, n, retry, set(rows) if "many" in plan else None)
    if queue.left:
        pool = open_pool("sweep", executor, queue.left)
        shown = sys.stderr.isatty() if progress is None else progress
        try:
            with _progress(queue.left, shown) as advance:
                where = (str(folder.resolve()), (folder / "sweep.json").stat().st_mtime_ns) if folders else None
                work = _Work(payload, run_many if "many" in plan else run_points, where, points)
                _compute(work, queue, before, room, pool, advance)
        finally:
            pool.close()
            table = read_table(folder)
            write_csv(room, table)
        return table
    if not (folder / "sweep.csv").exists():
        write_csv(room, before)
    return before


class _Queue:
    """Indices of the points that are left: as many at a time as one wants, or in the blocks of `many`."""

    def __init__(self, grid: Grid, before: Table, i: int, n: int, retry: bool, rows: set[str] | None) -> None:
        import numpy as np

        status = before.columns["status"].values
        over = (status == "ok") | ((status == "failed") & (not retry))
        left = np.ones(grid.size, bool)
        left[before.columns["index"].values[over.astype(bool)]] = False
        self.blocks: deque[np.ndarray] | None = None
        if rows is None:
            self.indices = np.flatnonzero(left[i - 1 :: n]) * n + i - 1
            self.left = len(self.indices)
        else:
            blocks = (np.array(block) for k, block in enumerate(grid.blocks(rows)) if k % n == i - 1)
            self.blocks = deque(block[left[block]] for block in blocks if left[block].any())
            self.left = sum(map(len, self.blocks))

    def look(self, size: int) -> list[int]:
        """The next ones, which stay until `take`."""
        return (self.indices[:size] if self.blocks is None else self.blocks[0]).tolist()

    def take(self, chunk: list[int]) -> None:
        self.left -= len(chunk)
        if self.blocks is None:
            self.indices = self.indices[len(chunk) :]
        else:
            self.blocks.popleft()


class _Work:
    """What is asked of workers."""

    def __init__(self, payload: bytes, function: Callable[..., Any], where: Any, grid: Grid) -> None:
        self.payload, self.function, self.where, self.grid = payload, function, where, grid

    def submit(self, pool: Pool, chunk: list[int]) -> Future:
        points = [(index, self.grid.options(index)) for index in chunk]
        return pool.submit(self.function, self.payload, points, self.where)


def _compute(work: _Work, queue: _Queue, before: Table, room: Room, pool: Pool, advance: Callable[[int], None]) -> None:
    """Send chunks to the pool and keep what comes back.

    When a process dies, every chunk under way is lost and any of their points may be the cause, or none, where
    somebody else has ended it. They become suspects: one chunk at a time in a process apart from the others, halved
    when that dies, too, until a point is alone; it is given up after so many processes of its own. Blocks of `many` are
    tried so often before they are halved, as what it makes of a point may depend on its neighbours, to its tolerance.
    """
    attempts = dict(zip(before["index"].tolist(), before.attempts.tolist(), strict=True))
    suspects, deaths = deque[list[int]](), Counter[tuple[int, int]]()
    running: dict[Future, list[int]] = {}
    size, broken, apart, tested = 1, False, None, None
    shard = Shard(room)

    def keep(chunks: list[dict[str, Any]]) -> None:
        for chunk in chunks:
            for index, archive in chunk.pop("files").items():
                extract(archive, room.at(f"points/{index:06d}/"))
            chunk["attempt"] = [attempts.get(index, 0) + 1 for index in chunk["index"]]
        if chunks:
            shard.add(chunks)
            advance(sum(len(chunk["index"]) for chunk in chunks))

    def suspect(chunk: list[int], error: BaseException) -> None:
        """What becomes of a chunk that has ended its process when it was alone there."""
        half = len(chunk) // 2
        deaths[chunk[0], len(chunk)] += 1
        if deaths[chunk[0], len(chunk)] < pool.tries and (queue.blocks is not None or not half):
            suspects.append(chunk)
        elif half:
            suspects.extendleft([chunk[half:], chunk[:half]])
        else:
            text = f"{pool.tries} times its worker gave no answer: {type(error).__name__}: {error}"
            crash = {"status": ["crashed"], "message": [" ".join(text.split())], "wall_time": [None], "results": {}}
            keep([{"index": chunk, **crash, "files": {}}])

    try:
        while queue.left or suspects or running:
            try:
                limit = 2 * pool.size(running)
                while queue.left and not broken and len(running) - (tested is not None) < limit:
                    chunk = queue.look(size)  # one waits for every one that runs
                    running[work.submit(pool, chunk)] = chunk
                    queue.take(chunk)
                if suspects and tested is None:
                    apart = apart or pool.apart()
                    tested = work.submit(apart, suspects[0])
                    running[tested] = suspects.popleft()
            except BrokenExecutor:  # noticed here first; nothing was handed over
                broken = True
            found, spent, lost = [], [], []
            for future in wait(running, LOOK, FIRST_COMPLETED).done if running else ():
                chunk, alone = running.pop(future), future is tested
                tested = None if alone else tested
                try:
                    found.append(future.result())
                    spent += [] if alone else found[-1]["wall_time"]
                except FOREIGN as error:
                    raise RuntimeError(foreign("sweep", error)) from error
                except (Exception, CancelledError) as error:
                    died = isinstance(error, BrokenExecutor)
                    if not alone:
                        suspects.append(chunk)
                        broken |= died
                        continue
                    if died:
                        apart.rebuild()
                    elif len(chunk) == 1:
                        _require_answers(apart, error)
                    lost.append((chunk, error))
            full = [chunk.pop("full") for chunk in found if "full" in chunk]
            keep([chunk for chunk in found if chunk["index"]])
            if full:
                raise OSError(errno.ENOSPC, f"sweep: {full[0]}. What is finished is kept: call again to go on")
            for chunk, error in lost:
                suspect(chunk, error)
            if spent:
                mean = max(sum(spent) / len(spent), 1e-6)
                size = max(1, min(int(CHUNK / mean), math.ceil(queue.left / limit)))
            if broken and not len(running) - (tested is not None):
                pool.rebuild()
                broken = False
    finally:
        for future in running:
            future.cancel()
        shard.close()
        if apart is not None:
            apart.close()


def _require_answers(pool: Pool, error: BaseException) -> None:
    """RuntimeError where an executor does not do anything any more: then no point is to blame."""
    try:
        pool.submit(int).result()
    except BrokenExecutor:
        pool.rebuild()
    except (Exception, CancelledError):
        raise RuntimeError(
            f"The executor gives no answers any more ({type(error).__name__}: {error}). What is finished is kept: call "
            "again with a new one to go on."
        ) from error


@contextmanager
def _progress(total: int, shown: bool) -> Iterator[Callable[[int], None]]:
    if not shown:
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    with Progress(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=total)
        yield lambda count: bar.advance(task, count)
