"""Run a study at every point of a grid of options, in parallel, and keep what is finished whatever happens.

    table = sweep(main, {"b": [0.0, 0.5, 1.0], "a0": [0.5, 1.0]}, "results/grid")
    table.column("N")

`main` is a function with typed options as in `felif.study`, or a study itself. The folder is described in
`felif.study.sweep_folder`; calling again with the same sweep computes only what is missing.
"""

from __future__ import annotations

import math
import os
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .study import Study, of
from .sweep_folder import definition, open_folder, points_of, read_shards, read_sweep, write_shard, write_table
from .workers import WorkerPool, run_points

if TYPE_CHECKING:
    import numpy as np

    from ..output.manifest import Room

__all__ = ["Table", "axis", "read_table", "sweep"]

Point = tuple[int, dict[str, Any]]  # index, options
DEATHS = 3  # processes of its own that a point may end before it is given up
CHUNK = 1.5  # seconds of work sent to a worker at once: passing it on costs about a millisecond


@dataclass(frozen=True)
class Table:
    """The finished points of a sweep: one dict a point, in the order of the grid."""

    folder: Path
    rows: list[dict[str, Any]]
    size: int  # points of the whole grid

    @property
    def counts(self) -> dict[str, int]:
        """How many points are "ok", "failed", "crashed", "missing"."""
        found = Counter(row["status"] for row in self.rows)
        return {
            "ok": found["ok"],
            "failed": found["failed"],
            "crashed": found["crashed"],
            "missing": self.size - found.total(),
        }

    def column(self, name: str) -> np.ndarray:
        """An option or a result at every finished point, nan where one has none. Raises ValueError if no point has."""
        import numpy as np

        if not any(name in row for row in self.rows):
            known = dict.fromkeys(key for row in self.rows for key in row)
            raise ValueError(f"The sweep has no column {name!r}. It has: {', '.join(known)}.")
        values = [row.get(name) for row in self.rows]
        return np.array([math.nan if value is None else value for value in values])


def sweep(
    main: Callable[..., dict[str, Any]] | Study,
    grid: Mapping[str, Sequence[Any]],
    folder: str | Path,
    executor: Executor | None = None,
    *,
    fixed: Mapping[str, Any] | None = None,
    workers: int | None = None,
    shard: tuple[int, int] = (1, 1),
    retry: bool = False,
    folders: bool = False,
    overwrite: bool = False,
    progress: bool | None = None,
) -> Table:
    """Run `main` at every point of `grid` that `folder` does not hold yet, and return all that is finished.

    fixed      options that are the same at every point. An option `seed` is the index of the point unless given.
    executor   any `concurrent.futures.Executor` (dask: `Client.get_executor()`, mpi4py: `MPIPoolExecutor()`); the
               default is a pool of processes with one BLAS thread each.
    workers    how many run at once; default: the number of processors.
    shard      (i, n): only every n-th point, from the i-th on, i = 1..n: n jobs share a folder.
    retry      compute failed points again.
    folders    every point also writes a folder points/INDEX with its arrays and Runs; the table holds numbers only.

    A point whose main raises is "failed", with the message. One whose process ends is tried again, in processes of its
    own, while the other points go on; after three of them it is "crashed", until the next call, which tries it again.

    Raises ValueError for options the study does not have, bad values, and a folder that holds another sweep;
    RuntimeError if an executor that was given breaks.
    """
    study, folder = of(main), Path(folder)
    i, n = shard
    if not 1 <= i <= n:
        raise ValueError(f"shard = {i}/{n}: i/n means part i of n, with i from 1 to n.")
    workers = workers if workers is not None else os.cpu_count() or 1
    if workers < 1:
        raise ValueError(f"workers = {workers}: at least 1.")
    plan = definition(study, grid, fixed or {})
    points = points_of(plan, study)
    room = open_folder(folder, plan, overwrite)
    before = read_shards(folder)
    over = {"ok"} if retry else {"ok", "failed"}
    done = {index for index, record in before.items() if record["status"] in over}
    attempts = {index: record["attempt"] for index, record in before.items()}
    todo = [(index, points[index]) for index in range(i - 1, len(points), n) if index not in done]
    if todo:
        with _progress(len(todo), sys.stderr.isatty() if progress is None else progress) as advance:
            pool = _Given(executor) if executor is not None else WorkerPool(min(workers, len(todo)))
            try:
                _compute(study, todo, attempts, room, pool, workers, folders, advance)
            finally:
                pool.close()
                write_table(room, read_table(folder, study).rows)
    elif not (folder / "sweep.csv").exists():
        write_table(room, read_table(folder, study).rows)
    return read_table(folder, study)


def read_table(folder: str | Path, main: Callable[..., dict[str, Any]] | Study) -> Table:
    """The finished points of a sweep, also while it runs or after it was killed. Raises ValueError if there is none."""
    points = points_of(read_sweep(folder), of(main))
    rows = []
    for index, record in read_shards(folder).items():
        row = {"index": index, **points[index], "status": record["status"]}
        row |= {name: value for name, value in record["results"].items() if name not in row}
        rows.append({**row, "wall_time": record["wall_time"], "message": record["message"]})
    return Table(Path(folder), rows, len(points))


def axis(text: str, convert: Callable[[str], Any]) -> list[Any]:
    """Values of an option from the command line: `0:3:31` (start:stop:count, both ends included), `0,1,2` or one value.

    `convert` makes a value of a text. Raises ValueError for what is neither, and for values that come twice.
    """
    parts = text.split(":")
    if len(parts) == 3:
        start, stop = convert(parts[0]), convert(parts[1])
        if any(
            isinstance(end, bool) or not isinstance(end, int | float) or not math.isfinite(end) for end in (start, stop)
        ):
            raise ValueError(f"{text}: start:stop:count is for numbers; give a list a,b,c.")
        if not parts[2].isdecimal() or (count := int(parts[2])) < 1 or (count == 1 and start != stop):
            raise ValueError(f"{text}: start:stop:count ends in a number of values, at least 2.")
        values = [start + (stop - start) * k / (count - 1) for k in range(count - 1)] + [stop]
        if isinstance(start, int) and isinstance(stop, int):
            if any(value != round(value) for value in values):
                raise ValueError(f"{text}: the option is a whole number, and {values[1]} is none; change the count.")
            values = [round(value) for value in values]
    else:
        values = [convert(part) for part in text.split(",")]
    if len(set(values)) < len(values):
        raise ValueError(f"{text}: a value comes twice.")
    return values


class _Given:
    """An executor of the caller: used, never closed, and not replaced when it breaks."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.submit = executor.submit

    def apart(self) -> _Given:
        return self

    def rebuild(self) -> None:
        raise RuntimeError("The executor broke. What is finished is kept: call again with a new one to go on.")

    def close(self) -> None:
        pass


def _compute(
    study: Study,
    todo: Sequence[Point],
    attempts: Mapping[int, int],
    room: Room,
    pool: Any,
    workers: int,
    folders: bool,
    advance: Callable[[int], None],
) -> None:
    """Send chunks to the pool and keep what comes back; `attempts`: how often points were computed before.

    When a process dies, every chunk under way is lost and any of their points may be the cause, or none, where
    somebody else has ended it. They become suspects: one chunk at a time in a process apart from the others, halved
    when that dies, too, until a point is alone; it is given up after so many processes of its own.
    """
    import cloudpickle

    module = sys.modules.get(study.main.__module__)
    if module is not None and module.__name__.startswith("felif_study_"):  # a script, which workers cannot import
        cloudpickle.register_pickle_by_value(module)
    payload = cloudpickle.dumps(study)
    where = str(room.folder) if folders else None
    pending, suspects, deaths = deque(todo), deque[list[Point]](), Counter[int]()
    running: dict[Future, list[Point]] = {}
    size, broken, apart, tested = 1, False, None, None

    def keep(records: list[dict[str, Any]]) -> None:
        write_shard(room, [{**record, "attempt": attempts.get(record["index"], 0) + 1} for record in records])
        advance(len(records))

    def suspect(chunk: list[Point], error: BaseException) -> None:
        """What becomes of a chunk that has ended its process when it was alone there."""
        index, half = chunk[0][0], len(chunk) // 2
        deaths[index] += not half
        if half:
            suspects.extendleft([chunk[half:], chunk[:half]])
        elif deaths[index] < DEATHS:
            suspects.append(chunk)
        else:
            text = f"{DEATHS} processes of its own gave no answer: {type(error).__name__}: {error}"
            crash = {"status": "crashed", "message": " ".join(text.split()), "results": {}, "wall_time": None}
            keep([{"index": index, **crash}])

    try:
        while pending or suspects or running:
            try:
                while pending and not broken and len(running) - (tested is not None) < 2 * workers:
                    chunk = [pending[k] for k in range(min(size, len(pending)))]  # one waits for every one that runs
                    running[pool.submit(run_points, payload, chunk, where)] = chunk
                    for _ in chunk:
                        pending.popleft()
                if suspects and tested is None:
                    apart = apart or pool.apart()
                    tested = apart.submit(run_points, payload, suspects[0], where)
                    running[tested] = suspects.popleft()
            except BrokenExecutor:  # noticed here first; nothing was handed over
                broken = True
            for future in wait(running, return_when=FIRST_COMPLETED).done if running else ():
                chunk, alone = running.pop(future), future is tested
                tested = None if alone else tested
                try:
                    records = future.result()
                except (Exception, CancelledError) as error:
                    died = isinstance(error, BrokenExecutor)
                    if not alone:
                        suspects.append(chunk)
                        broken |= died
                        continue
                    if died:
                        apart.rebuild()
                    suspect(chunk, error)
                    continue
                keep(records)
                if not alone:
                    mean = sum(record["wall_time"] for record in records) / len(records)
                    size = max(1, min(int(CHUNK / max(mean, 1e-6)), math.ceil(len(pending) / (2 * workers))))
            if broken and not len(running) - (tested is not None):
                pool.rebuild()
                broken = False
    finally:
        if apart is not None:
            apart.close()


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
