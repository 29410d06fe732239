"""Progress of long work: a bar on a terminal, a line in a notebook, a line a minute in a log; none of short work."""

from __future__ import annotations

import sys
from math import inf
from time import monotonic
from typing import Any

from ..notebook import in_notebook
from .tuning import FILES


def _is_terminal(stream: Any) -> bool:
    return bool(getattr(stream, "isatty", lambda: False)())


class _Lines:
    """Text where there is no terminal: one line of a notebook, written over; in a log a new line each time."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._shown, self._in_notebook = stream, None, in_notebook()
        self.interval = 0.5 if self._in_notebook else FILES.minute

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


class Bar:
    """What long work has reached: a line of text, and on a terminal a bar, where it is known which part is done.

    Silent for the first `delay` seconds; drawn every `interval` seconds, by default often on a terminal (stderr, or
    `stream`) and in a notebook. Elsewhere, in the log of a batch job, it is a line a minute. Close it, or use `with`.
    """

    def __init__(
        self, what: str = "", stream=None, delay: float = 2.0, interval: float | None = None, shown: bool = True
    ) -> None:
        self._what, self._stream = what and f"{what}: ", sys.stderr if stream is None else stream
        self._lines = None if _is_terminal(self._stream) else _Lines(self._stream)
        self._interval = (0.1 if self._lines is None else self._lines.interval) if interval is None else interval
        self._due = monotonic() + (delay if self._lines is None else max(delay, self._interval)) if shown else inf
        self._bar = None

    def __call__(self, text: str, part: float | None = None) -> None:
        if monotonic() < self._due:
            return
        self._due = monotonic() + self._interval
        if self._lines is not None:
            self._lines(self._what + text)
            return
        if self._bar is None:
            self._open(part is not None)
        self._bar.update(self._bar.task_ids[0], completed=part, text=self._what + text, refresh=True)

    def _open(self, known: bool) -> None:
        from rich import progress
        from rich.console import Console

        columns = [progress.SpinnerColumn()]
        if known:
            columns = [progress.BarColumn(), progress.TextColumn("{task.percentage:3.0f} %")]
        columns += [progress.TextColumn("{task.fields[text]}"), progress.TimeElapsedColumn()]
        console = Console(file=self._stream)
        self._bar = progress.Progress(*columns, console=console, transient=True, auto_refresh=not known)
        self._bar.start()
        self._bar.add_task("", total=1.0 if known else None, text="")

    def close(self) -> None:
        if self._lines is not None:
            self._lines.close()
        if self._bar is not None:
            self._bar.refresh()
            self._bar.stop()
            self._bar = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_) -> None:
        self.close()
