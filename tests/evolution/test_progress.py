"""Progress shows up late, on terminals, in notebooks and in logs, and leaves the run alone."""

import io
import re
import sys
import types

from toys import Smooth

from felif.evolution import integrate
from felif.output import progress
from felif.output.progress import Bar
from felif.runs.resuming import showing


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_bar_shows_the_time_reached():
    terminal = Terminal()
    with Bar(stream=terminal, delay=0.0, interval=0.0) as bar:
        integrate(Smooth(), [1.0, 0.0], 0, 2, observers=[showing(bar)])
    assert "t = 2 of 2" in terminal.getvalue()


def test_it_is_silent_for_short_runs():
    for stream, delay in ((Terminal(), 60.0), (io.StringIO(), 0.0)):
        with Bar(stream=stream, delay=delay) as bar:
            integrate(Smooth(), [1.0, 0.0], 0, 2, observers=[showing(bar)])
        assert stream.getvalue() == ""


def test_a_log_without_a_terminal_gets_a_line_a_minute(monkeypatch):
    """Of a run whose every step takes 10 s."""
    clock = iter(range(0, 10**6, 5))
    monkeypatch.setattr(progress, "monotonic", lambda: next(clock))
    log = io.StringIO()
    with Bar(stream=log) as bar:
        run = integrate(Smooth(), [1.0, 0.0], 0, 20, rtol=1e-9, observers=[showing(bar)])
    lines = log.getvalue().splitlines()
    assert 0 < len(lines) <= run.statistics["steps"] / 5
    assert all(re.match(r"t = [\d.]+ of 20, ", line) for line in lines)
    with Bar("fit", stream=(log := io.StringIO())) as told:
        for k in range(100):
            told(f"{k} evaluations")
    assert 0 < len(log.getvalue().splitlines()) < 20


def test_notebooks_show_one_line_that_is_written_over(monkeypatch):
    shown = []

    class Handle:
        def update(self, content, raw):
            shown.append(content["text/plain"])

    def display(content, raw, display_id):
        shown.append("first: " + content["text/plain"])
        return Handle()

    kernel = types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace(kernel=object()))
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=display))
    with Bar(stream=io.StringIO(), delay=0.0, interval=0.0) as bar:
        integrate(Smooth(), [1.0, 0.0], 0, 2, observers=[showing(bar)])
    assert shown[0].startswith("first: t = ")
    assert shown[-2].startswith("t = 2 of 2")
    assert shown[-1] == ""  # taken away at the end
