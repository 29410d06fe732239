"""One function of many pieces over a pool, results in order."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from typing import Any

from .executors import open_pool
from .travel import packed, unpacked

LOOK = 5.0  # seconds after which a pool is looked at again, also where nothing comes back
FOREIGN = (ImportError, AttributeError, SyntaxError)  # of a process that does not know felif's functions


def spread(who: str, executor: Any, function: Callable[[Any, Any], Any], shared: Any, pieces: Sequence[Any]) -> list:
    """[function(shared, piece) for piece in pieces], computed by an executor; `function` is one of felif's.

    A piece whose worker is lost is given out again, as often as the pool says. Raises what `function` raises;
    RuntimeError where a piece gets no answer; ValueError for what is no executor (`open_pool`).
    """
    payload = packed(shared, f"{who}: what it is given")
    pool = open_pool(who, executor, len(pieces))
    results: list[Any] = [None] * len(pieces)
    waiting, lost, broken = deque(range(len(pieces))), Counter[int](), False
    running: dict[Future, int] = {}
    try:
        while waiting or running:
            try:
                while waiting and not broken and len(running) < 2 * pool.size(running):
                    running[pool.submit(_answer, function, payload, pieces[waiting[0]])] = waiting[0]
                    waiting.popleft()
            except BrokenExecutor:
                broken = True
            for future in wait(running, LOOK, FIRST_COMPLETED).done if running else ():
                place = running.pop(future)
                try:
                    worked, results[place] = future.result()
                except FOREIGN as error:
                    raise RuntimeError(foreign(who, error)) from error
                except (Exception, CancelledError) as error:
                    broken |= isinstance(error, BrokenExecutor)
                    lost[place] += 1
                    if lost[place] > pool.tries:
                        raise RuntimeError(
                            f"{who}: piece {place + 1} of {len(pieces)} gave no answer, {lost[place]} times "
                            f"({type(error).__name__}: {error})"
                        ) from error
                    waiting.append(place)
                    continue
                if not worked:
                    raise results[place]
            if broken and not running:
                pool.rebuild()
                broken = False
    finally:
        for future in running:
            future.cancel()
        pool.close()
    return results


def foreign(who: str, error: BaseException) -> str:
    """What is said where a worker cannot run felif's functions."""
    return (
        f"{who}: the workers cannot run this felif ({type(error).__name__}: {error}); install the same version of "
        "felif there, under the same Python, with the libraries that the study imports"
    )


def _answer(function: Callable[[Any, Any], Any], payload: bytes, piece: Any) -> tuple[bool, Any]:
    shared = unpacked(payload)
    try:
        return True, function(shared, piece)
    except Exception as error:
        return False, error
