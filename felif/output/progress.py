"""Progress of long work: a bar for runs, as an observer, a line for searches; on a terminal only, after a while."""

from __future__ import annotations

import sys
from time import monotonic
from typing import Any


class Spinner:
    """A line of text for work whose end is not known; like `Progress` only on a terminal and after `delay` seconds."""

    def __init__(self, what: str, stream=None, delay: float = 2.0, shown: bool = True) -> None:
        self._what, self._stream = what, sys.stderr if stream is None else stream
        self._enabled = shown and bool(getattr(self._stream, "isatty", lambda: False)())
        self._due, self._status = monotonic() + delay, None

    def __call__(self, text: str) -> None:
        if not self._enabled or monotonic() < self._due:
            return
        if self._status is None:
            from rich.console import Console

            self._status = Console(file=self._stream).status("")
            self._status.start()
        self._status.update(f"{self._what}: {text}")
        self._due = monotonic() + 0.1

    def __enter__(self) -> Spinner:
        return self

    def __exit__(self, *_) -> None:
        if self._status is not None:
            self._status.stop()


class Progress:
    """Observer for `integrate` that shows the time reached, N and the step size; close it, or use it in `with`.

    Silent unless `stream` (stderr by default) is a terminal, and for the first `delay` seconds; drawn every
    `interval` seconds.
    """

    each_step = False  # it need not be called after every step

    def __init__(self, stream=None, delay: float = 2.0, interval: float = 0.1) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._enabled = bool(getattr(self._stream, "isatty", lambda: False)())
        self._due, self._interval = monotonic() + delay, interval
        self._bar = self._task = None

    def __call__(self, trajectory: Any) -> None:
        if not self._enabled or monotonic() < self._due:
            return
        if self._bar is None:
            self._open(trajectory)
        last = trajectory.last
        rate = f"N = {last['N']:.4g}, " if "N" in last else ""
        text = f"t = {last['t']:.4g} of {trajectory.t_end:.4g}, {rate}step {last['dt']:.1e}"
        self._bar.update(self._task, completed=last["t"] - self._start, text=text, refresh=True)
        self._due = monotonic() + self._interval

    def _open(self, trajectory: Any) -> None:
        from rich import progress
        from rich.console import Console

        console = Console(file=self._stream)
        columns = (
            progress.BarColumn(),
            progress.TextColumn("{task.percentage:3.0f} %"),
            progress.TextColumn("{task.fields[text]}"),
            progress.TimeElapsedColumn(),
        )
        self._start = float(trajectory.segments[0].times[0])
        self._bar = progress.Progress(*columns, console=console, transient=True, auto_refresh=False)
        self._bar.start()
        self._task = self._bar.add_task("", total=trajectory.t_end - self._start, text="")

    def close(self) -> None:
        if self._bar is not None:
            self._bar.refresh()
            self._bar.stop()
            self._bar = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_) -> None:
        self.close()
