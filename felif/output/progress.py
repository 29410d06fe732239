"""Progress of long work: a bar on a terminal, a line in a notebook, a line a minute in a log; none of short work."""

from __future__ import annotations

import sys
from time import monotonic
from typing import Any

from ..notebook import in_notebook

MINUTE = 60.0  # seconds between lines in a log


def _is_terminal(stream: Any) -> bool:
    return bool(getattr(stream, "isatty", lambda: False)())


class _Lines:
    """Text where there is no terminal: one line of a notebook, written over; in a log a new line each time."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._shown, self._in_notebook = stream, None, in_notebook()
        self.interval = 0.5 if self._in_notebook else MINUTE

    def __call__(self, text: str) -> None:
        if not self._in_notebook:
            print(text, file=self._stream, flush=True)
            return
        from IPython.display import display

        content = {"text/plain": text}
        if self._shown is None:
            self._shown = display(content, raw=True, display_id=True)
        else:
            self._shown.update(content, raw=True)

    def close(self) -> None:
        """Takes the line of a notebook away."""
        if self._shown is not None:
            self._shown.update({"text/plain": ""}, raw=True)
            self._shown = None


class Spinner:
    """A line of text for work whose end is not known, from `delay` seconds on; in a log a line every `interval`."""

    def __init__(
        self, what: str, stream=None, delay: float = 2.0, shown: bool = True, interval: float | None = None
    ) -> None:
        self._what, self._stream = what, sys.stderr if stream is None else stream
        self._enabled, self._status = shown, None
        self._lines = None if _is_terminal(self._stream) else _Lines(self._stream)
        self._interval = (0.1 if self._lines is None else self._lines.interval) if interval is None else interval
        self._due = monotonic() + (delay if self._lines is None else max(delay, self._interval))

    def __call__(self, text: str) -> None:
        if not self._enabled or monotonic() < self._due:
            return
        self._due = monotonic() + self._interval
        if self._lines is not None:
            self._lines(f"{self._what}: {text}")
            return
        if self._status is None:
            from rich.console import Console

            self._status = Console(file=self._stream).status("")
            self._status.start()
        self._status.update(f"{self._what}: {text}")

    def __enter__(self) -> Spinner:
        return self

    def __exit__(self, *_) -> None:
        if self._status is not None:
            self._status.stop()
        if self._lines is not None:
            self._lines.close()


class Progress:
    """Observer for `integrate` that shows the time reached, N and the step size; close it, or use it in `with`.

    Silent for the first `delay` seconds; drawn every `interval` seconds, by default often on a terminal (stderr, or
    `stream`) and in a notebook. Elsewhere, in the log of a batch job, it is a line a minute.
    """

    each_step = False  # it need not be called after every step

    def __init__(self, stream=None, delay: float = 2.0, interval: float | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._lines = None if _is_terminal(self._stream) else _Lines(self._stream)
        self._interval = (0.1 if self._lines is None else self._lines.interval) if interval is None else interval
        self._due = monotonic() + (delay if self._lines is None else max(delay, self._interval))
        self._bar = self._task = None

    def __call__(self, trajectory: Any) -> None:
        if monotonic() < self._due:
            return
        last = trajectory.last
        rate = f"N = {last['N']:.4g}, " if "N" in last else ""
        text = f"t = {last['t']:.4g} of {trajectory.t_end:.4g}, {rate}step {last['dt']:.1e}"
        self._due = monotonic() + self._interval
        if self._lines is not None:
            self._lines(text)
            return
        if self._bar is None:
            self._open(trajectory)
        self._bar.update(self._task, completed=last["t"] - self._start, text=text, refresh=True)

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
        if self._lines is not None:
            self._lines.close()
        if self._bar is not None:
            self._bar.refresh()
            self._bar.stop()
            self._bar = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_) -> None:
        self.close()
